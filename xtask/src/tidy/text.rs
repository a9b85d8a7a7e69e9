//! Checks of any text file: no notes of work left over, no paths of one machine.

use super::Fault;

/// Notes of work left over. Written in two halves, so that this file passes its own check.
const NOTES: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];

/// Beginnings of paths that exist on the machine of whoever wrote them and on no other.
const MACHINE_PATHS: &[&str] = &[concat!("/wo", "rk/"), concat!("/ro", "ot/.ca"), concat!("/ro", "ot/.pyenv"), concat!("/tmp/ta", "rget")];

pub(super) fn faults(source: &str) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (number, line) in (1..).zip(source.lines()) {
        for note in NOTES {
            if has_word(line, note) {
                faults.push(Fault::new(number, format!("{note}: finish it, or write it down where the plans are")));
            }
        }
        for path in MACHINE_PATHS {
            if begins_path(line, path) {
                faults.push(Fault::new(number, format!("{path}: a path of one machine")));
            }
        }
    }
    faults
}

fn has_word(line: &str, word: &str) -> bool {
    let part_of_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| !line[..at].ends_with(part_of_word) && !line[at + word.len()..].starts_with(part_of_word))
}

/// Whether an absolute path begins with `prefix`; `/api` before it, or `..`, make it part of another path.
fn begins_path(line: &str, prefix: &str) -> bool {
    line.match_indices(prefix).any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || "_-./}*".contains(c)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_and_machine_paths_are_found() {
        let cases = [
            ("a note", format!("// {}: later", NOTES[0]), 1),
            ("a note as part of a word", format!("let {}S = 1;", NOTES[2]), 0),
            ("lower case is a word like others", "the todos of /api/todos".to_owned(), 0),
            ("an absolute path", format!("cd {}main", MACHINE_PATHS[0]), 1),
            ("a route that ends the same", format!("GET /api{}1", MACHINE_PATHS[0]), 0),
            ("a relative path", format!("..{}x", MACHINE_PATHS[1]), 0),
        ];
        for (name, line, expected) in cases {
            assert_eq!(faults(&line).len(), expected, "{name}: {line}");
        }
        assert_eq!(faults(&format!("fine\n{}", NOTES[1]))[0].line, 2);
    }
}
