//! Where functions begin and end.

/// A function with a body; lines count from 1.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Function {
    pub(super) name: String,
    pub(super) first_line: usize,
    pub(super) last_line: usize,
}

impl Function {
    pub(super) fn lines(&self) -> usize {
        self.last_line - self.first_line + 1
    }
}

/// Every function of a masked source, nested ones included.
pub(super) fn functions(masked: &str) -> Vec<Function> {
    let mut found = Vec::new();
    for (at, _) in masked.match_indices("fn ") {
        let begins_word = !masked[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '#');
        let name: String = masked[at + 3..].chars().take_while(|c| c.is_alphanumeric() || *c == '_' || *c == '#').collect();
        if !begins_word || name.is_empty() {
            continue;
        }
        if let Some(open) = body(&masked[at..]) {
            let end = at + open + matching_brace(&masked[at + open..]);
            found.push(Function { name, first_line: line(masked, at), last_line: line(masked, end) });
        }
    }
    found
}

fn line(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

/// The offset of the brace that opens the body; none for a signature that ends with a semicolon.
fn body(signature: &str) -> Option<usize> {
    let mut depth = 0i32;
    for (at, c) in signature.char_indices() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            '{' if depth == 0 => return Some(at),
            ';' if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

fn matching_brace(block: &str) -> usize {
    let mut depth = 0i32;
    for (at, c) in block.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    block.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_measured_and_signatures_are_not() {
        let source = "trait T {\n    fn none(&self) -> [u8; 4];\n    fn some(&self) {\n        if x { y }\n    }\n}\nfn one() {}\nfn outer(\n    a: u8,\n) where\n    A: B,\n{\n    fn inner() {\n    }\n}\n";
        let found: Vec<_> = functions(source).into_iter().map(|f| (f.lines(), f.name)).collect();
        let expected = [(3, "some"), (1, "one"), (8, "outer"), (2, "inner")];
        assert_eq!(found, expected.map(|(n, name)| (n, name.to_owned())));
    }

    #[test]
    fn a_function_type_is_no_function() {
        assert_eq!(functions("let f: fn (u8) = g; my_fn (x) { }"), []);
    }
}
