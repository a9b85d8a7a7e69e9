//! Checks of Rust sources: opening comment, length of files and functions, what must not stand outside or inside tests.

use super::Fault;
use super::function::functions;
use super::mask::mask;

/// The longest file, tests not counted.
const MAX_FILE_LINES: usize = 500;
/// The longest function, from `fn` to the closing brace.
const MAX_FUNCTION_LINES: usize = 70;

/// What ends a program or says it is unfinished, with the way out. In two halves: this file passes its own check.
const NOT_OUTSIDE_TESTS: &[(&str, &str)] = &[
    (concat!(".unwr", "ap()"), "return an error, or use `expect` with the reason why it cannot fail"),
    (concat!("to", "do!("), "finish it"),
    (concat!("unimple", "mented!("), "finish it"),
    (concat!("db", "g!("), "use a tracing event, or nothing"),
];

const NOT_INSIDE_TESTS: &[(&str, &str)] =
    &[(concat!("thread::", "sleep"), "wait for the thing itself"), (concat!("time::", "sleep"), "wait for the thing itself")];

const NOT_ANYWHERE: &[(&str, &str)] = &[
    (concat!("#[ig", "nore"), "a test runs or does not exist"),
    (concat!("#[al", "low("), "use #[expect(…, reason = \"…\")]"),
    (concat!("#![al", "low("), "use #[expect(…, reason = \"…\")]"),
];

const TEST_FOLDERS: &[&str] = &["test", "tests", "benches", "examples", "fixtures"];

pub(super) fn faults(file: &str, source: &str) -> Vec<Fault> {
    let masked = mask(source);
    let shipped = shipped_lines(file, &masked);
    let mut faults = Vec::new();
    if !source.starts_with("//!") {
        faults.push(Fault::new(1, "the first line is not a `//!` comment that says what the file is for"));
    }
    if shipped > MAX_FILE_LINES {
        faults.push(Fault::new(MAX_FILE_LINES + 1, format!("{shipped} lines outside tests; {MAX_FILE_LINES} at most")));
    }
    faults.extend(long_functions(&masked, shipped));
    for (number, line) in (1..).zip(masked.lines()) {
        let here = if number <= shipped { NOT_OUTSIDE_TESTS } else { NOT_INSIDE_TESTS };
        for (word, instead) in here.iter().chain(NOT_ANYWHERE) {
            if has(line, word) {
                faults.push(Fault::new(number, format!("`{word}`: {instead}")));
            }
        }
    }
    faults
}

/// `word` with nothing before it that makes it the end of a longer one.
fn has(line: &str, word: &str) -> bool {
    let longer = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| !(word.starts_with(longer) && line[..at].ends_with(longer)))
}

/// How many lines from the top are not tests: none in a test file, all up to the first test module elsewhere.
fn shipped_lines(file: &str, masked: &str) -> usize {
    let mut parts: Vec<&str> = file.split('/').collect();
    let name = parts.pop().unwrap_or_default();
    if name == "tests.rs" || parts.iter().any(|folder| TEST_FOLDERS.contains(folder)) {
        return 0;
    }
    masked.lines().take_while(|line| !line.contains("#[cfg(test)]")).count()
}

fn long_functions(masked: &str, shipped: usize) -> Vec<Fault> {
    let found = functions(masked).into_iter().filter(|f| f.first_line <= shipped && f.lines() > MAX_FUNCTION_LINES);
    found.map(|f| Fault::new(f.first_line, format!("`{}` has {} lines; {MAX_FUNCTION_LINES} at most", f.name, f.lines()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace;
    use std::fs;
    use std::path::Path;

    fn lines(file: &str, body: &str) -> Vec<usize> {
        faults(file, &format!("//! A file.\n{body}")).into_iter().map(|f| f.line).collect()
    }

    #[test]
    fn words_are_refused_where_they_do_harm() {
        let [unwrap, sleep, ignore] = [NOT_OUTSIDE_TESTS[0].0, NOT_INSIDE_TESTS[0].0, NOT_ANYWHERE[0].0];
        let dbg = NOT_OUTSIDE_TESTS[3].0;
        let cases: [(&str, &str, String, &[usize]); 9] = [
            ("outside tests", "src/a.rs", format!("x{unwrap};"), &[2]),
            ("inside tests", "src/a.rs", format!("#[cfg(test)]\nmod tests {{ x{unwrap}; }}"), &[]),
            ("in a test file", "tests/a.rs", format!("x{unwrap};"), &[]),
            ("in a string", "src/a.rs", format!("f(\"{unwrap}\");"), &[]),
            ("in a comment", "src/a.rs", format!("// {unwrap}"), &[]),
            ("as the end of another word", "src/a.rs", format!("my_{dbg}x)"), &[]),
            ("sleep in a test", "src/a.rs", format!("#[cfg(test)]\n{sleep}(x);"), &[3]),
            ("sleep outside tests", "src/a.rs", format!("{sleep}(x);"), &[]),
            ("a skipped test", "tests/a.rs", format!("{ignore}]\nfn f() {{}}"), &[2]),
        ];
        for (name, file, body, expected) in cases {
            assert_eq!(lines(file, &body), expected, "{name}");
        }
    }

    /// A busy machine is no fault of what is tested. Benchmarks do, and tests on a clock that stands still subtract its instants.
    #[test]
    fn no_test_measures_the_clock() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let mut found = Vec::new();
        for file in workspace::files(root).unwrap().into_iter().filter(|file| file.ends_with(".rs") && !file.contains("/examples/")) {
            let masked = mask(&String::from_utf8_lossy(&fs::read(root.join(&file)).unwrap()));
            let tests = (1..).zip(masked.lines()).skip(shipped_lines(&file, &masked));
            found.extend(tests.filter(|(_, line)| has(line, concat!(".ela", "psed("))).map(|(number, _)| format!("{file}:{number}")));
        }
        assert_eq!(found, [""; 0]);
    }

    #[test]
    fn lengths_have_a_limit() {
        let function = |n: usize| format!("fn f() {{\n{}}}\n", "x;\n".repeat(n - 2));
        assert_eq!(lines("src/a.rs", &function(70)), [0usize; 0]);
        assert_eq!(lines("src/a.rs", &function(71)), [2]);
        assert_eq!(lines("src/a.rs", &"x;\n".repeat(499)), [0usize; 0]);
        assert_eq!(lines("src/a.rs", &"x;\n".repeat(500)), [501]);
        assert_eq!(lines("src/a.rs", &format!("#[cfg(test)]\n{}", "x;\n".repeat(600))), [0usize; 0]);
    }

    #[test]
    fn a_file_opens_by_saying_what_it_is_for() {
        assert_eq!(faults("src/a.rs", "fn f() {}\n")[0].line, 1);
        assert_eq!(faults("src/a.rs", "//! F.\nfn f() {}\n"), []);
    }
}
