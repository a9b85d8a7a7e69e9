//! Texts of bounded length.

/// The longest beginning of `text` of at most `most` bytes that ends between two characters.
#[must_use]
pub fn head(text: &str, most: usize) -> &str {
    if text.len() <= most {
        return text;
    }
    let end = (0..=most).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    &text[..end]
}

/// The longest end of `text` of at most `most` bytes that begins between two characters.
#[must_use]
pub fn tail(text: &str, most: usize) -> &str {
    let start = text.len().saturating_sub(most);
    let start = (start..=text.len()).find(|start| text.is_char_boundary(*start)).unwrap_or(text.len());
    &text[start..]
}

#[cfg(test)]
mod tests {
    use super::{head, tail};

    #[test]
    fn characters_stay_whole() {
        for (most, first, last) in [(0, "", ""), (1, "a", "c"), (2, "a", "c"), (3, "aé", "éc"), (4, "aéc", "aéc"), (9, "aéc", "aéc")]
        {
            assert_eq!((head("aéc", most), tail("aéc", most)), (first, last), "{most}");
        }
    }
}
