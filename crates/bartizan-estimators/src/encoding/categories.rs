//! What is kept of the texts of a training column.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::HashMap;

/// Categories remembered of a column: the most frequent ones. Rarer ones are as good as unseen.
pub const MAX_KNOWN: usize = 10_000;
/// Bytes of a text that count: longer texts that begin alike are the same category.
pub const MAX_TEXT_BYTES: usize = 256;

/// The categories of a column, in order of text, each with its rank by frequency (equal ones by text).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Categories {
    known: Vec<Category>,
    rows: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Category {
    text: String,
    pub(super) count: u64,
    pub(super) rank: u32,
}

impl Categories {
    pub(super) fn new(column: &[&str]) -> Self {
        let mut counts: HashMap<&str, u64> = HashMap::new();
        for text in column {
            *counts.entry(shortened(text)).or_default() += 1;
        }
        let mut by_rank: Vec<(&str, u64)> = counts.into_iter().collect();
        by_rank.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        by_rank.truncate(MAX_KNOWN);
        let category = |(rank, (text, count)): (usize, (&str, u64))| Category { text: text.to_owned(), count, rank: rank as u32 };
        let mut known: Vec<Category> = by_rank.into_iter().enumerate().map(category).collect();
        known.sort_unstable_by(|a, b| a.text.cmp(&b.text));
        Self { known, rows: column.len() as u64 }
    }

    pub(super) fn get(&self, text: &str) -> Option<&Category> {
        let text = shortened(text);
        self.known.binary_search_by(|category| category.text.as_str().cmp(text)).ok().map(|at| &self.known[at])
    }

    /// Training rows, those of forgotten categories too.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Category> {
        self.known.iter()
    }

    /// Texts in order of rank.
    pub(super) fn by_rank(&self) -> Vec<&str> {
        let mut order: Vec<&Category> = self.known.iter().collect();
        order.sort_unstable_by_key(|category| category.rank);
        order.into_iter().map(|category| category.text.as_str()).collect()
    }

    /// Counts fall and ranks are those that they give, so everything derived from ranks is bounded and in order.
    pub(super) fn is_valid(&self) -> bool {
        let texts = self.known.windows(2).all(|w| w[0].text < w[1].text) && self.known.iter().all(|c| c.text.len() <= MAX_TEXT_BYTES);
        let mut ranked: Vec<&Category> = self.known.iter().collect();
        ranked.sort_unstable_by(|a, b| b.count.cmp(&a.count).then(a.text.cmp(&b.text)));
        let ranks = ranked.iter().enumerate().all(|(rank, c)| c.rank as usize == rank && c.count > 0);
        let total = self.known.iter().try_fold(0_u64, |sum, c| sum.checked_add(c.count));
        self.known.len() <= MAX_KNOWN && texts && ranks && total.is_some_and(|total| total <= self.rows)
    }
}

/// The part of a text that counts.
fn shortened(text: &str) -> &str {
    let end = (0..=MAX_TEXT_BYTES.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    &text[..end.unwrap_or_default()]
}

/// A category in the name of a feature. Quoted where it could be taken for something else: `(unseen)`, nothing at all, or
/// signs that do not print.
pub(super) fn printed(text: &str) -> Cow<'_, str> {
    let odd = |c: char| c.is_control() || c.is_whitespace() || matches!(c, '"' | '(' | '\\');
    let plain = !text.is_empty() && !text.chars().any(odd) && text.chars().eq(text.escape_debug());
    if plain { Cow::Borrowed(text) } else { Cow::Owned(format!("{text:?}")) }
}

#[cfg(test)]
mod tests {
    use super::{Categories, MAX_KNOWN, MAX_TEXT_BYTES, printed};

    #[test]
    fn order_is_by_count_and_then_text() {
        let categories = Categories::new(&["b", "a", "c", "b", "", "é", "c"]);
        assert_eq!(categories.by_rank(), ["b", "c", "", "a", "é"]);
        assert_eq!((categories.get("c").map(|c| (c.count, c.rank)), categories.get("d").is_none()), (Some((2, 1)), true));
        assert!(categories.is_valid());
    }

    #[test]
    fn many_and_long_texts_are_bounded() {
        let texts: Vec<String> = (0..MAX_KNOWN + 500).map(|i| format!("{i:06}")).collect();
        let mut column: Vec<&str> = texts.iter().map(String::as_str).collect();
        column.push("009999");
        let categories = Categories::new(&column);
        assert_eq!((categories.by_rank().len(), categories.rows()), (MAX_KNOWN, column.len() as u64));
        assert_eq!(categories.by_rank()[..2], ["009999", "000000"]);
        assert!(categories.get("010300").is_none() && categories.is_valid());
        let long = "é".repeat(MAX_TEXT_BYTES);
        let categories = Categories::new(&[&long, &format!("x{long}")]);
        assert!(categories.is_valid() && categories.by_rank().iter().all(|text| text.len() <= MAX_TEXT_BYTES));
        assert!(categories.get(&long).is_some() && categories.get(&format!("{long}and more")).is_some());
    }

    #[test]
    fn names_cannot_be_mistaken() {
        for (text, expected) in [
            ("tcp", "tcp"),
            ("größe=1", "größe=1"),
            ("", "\"\""),
            ("(unseen)", "\"(unseen)\""),
            ("\"\"", r#""\"\"""#),
            ("a b", "\"a b\""),
            ("a\nb", "\"a\\nb\""),
            ("\u{202e}x", "\"\\u{202e}x\""),
        ] {
            assert_eq!(printed(text), expected);
        }
    }
}
