//! Paths to routes: `/users/42` and `/users/77` are one.

use super::text::{hash, hash_on};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// Segments of a path that are looked at.
pub(crate) const MAX_SEGMENTS: usize = 16;
/// A place in a path with more different names than this stands for a parameter, if most are rare.
const MAX_NAMES: usize = 24;
/// Rows a name needs on average to be a name of its own.
const ROWS_PER_NAME: usize = 4;
const PARAMETER: &[u8] = b"{}";

/// Where the learned routes have parameters, by the hash of the route up to there.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Routes {
    parameters: BTreeSet<u64>,
}

/// The segments of a path, without empty ones.
pub(crate) fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|s| !s.is_empty()).take(MAX_SEGMENTS)
}

/// Whether a segment is an identifier by its looks: digits, a UUID, a long hexadecimal, or letters mixed with digits.
fn is_identifier(segment: &str) -> bool {
    let digits = segment.bytes().filter(u8::is_ascii_digit).count();
    let hex = segment.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    let plain = segment.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    digits == segment.len() || (hex && digits > 0 && segment.len() >= 8) || (plain && digits >= 4)
}

/// A path whose last name is an identifier with an extension, such as `/images/1058.jpg`, with the extension alone: `/images/{}.jpg`.
pub(crate) fn plain_extension(path: &str) -> Cow<'_, str> {
    let start = path.rfind('/').map_or(0, |slash| slash + 1);
    match path[start..].split_once('.') {
        Some((name, extension)) if is_extension(extension) && is_identifier(name) => {
            Cow::Owned(format!("{}{{}}.{extension}", &path[..start]))
        }
        _ => Cow::Borrowed(path),
    }
}

fn is_extension(text: &str) -> bool {
    const LONGEST: usize = 5;
    (1..=LONGEST).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric()) && text.bytes().any(|b| b.is_ascii_alphabetic())
}

impl Routes {
    /// Learns which places hold parameters, level by level.
    pub(crate) fn fit<'a>(paths: impl Iterator<Item = &'a str> + Clone) -> Self {
        let mut routes = Self::default();
        for level in 0..MAX_SEGMENTS {
            let mut names: BTreeMap<u64, (BTreeSet<u64>, usize)> = BTreeMap::new();
            for path in paths.clone() {
                let mut prefix = hash(b"/");
                for (i, segment) in segments(path).enumerate() {
                    if i == level {
                        let place = names.entry(prefix).or_default();
                        place.1 += 1;
                        if place.0.len() <= 4096 && !is_identifier(segment) {
                            place.0.insert(hash(segment.as_bytes()));
                        }
                        break;
                    }
                    prefix = routes.step(prefix, segment);
                }
            }
            if names.is_empty() {
                break;
            }
            let many = |(different, rows): &(BTreeSet<u64>, usize)| different.len() > MAX_NAMES && *rows < different.len() * ROWS_PER_NAME;
            routes.parameters.extend(names.iter().filter(|(_, place)| many(place)).map(|(prefix, _)| *prefix));
        }
        routes
    }

    fn step(&self, prefix: u64, segment: &str) -> u64 {
        let name = if is_identifier(segment) || self.parameters.contains(&prefix) { PARAMETER } else { segment.as_bytes() };
        hash_on(hash_on(prefix, b"/"), name)
    }

    /// The route of a path, as a hash.
    pub(crate) fn route(&self, path: &str) -> u64 {
        segments(path).fold(hash(b"/"), |prefix, segment| self.step(prefix, segment))
    }

    /// The route of a path as a person writes it: `/users/{id}`.
    pub(crate) fn template(&self, path: &str) -> String {
        let mut prefix = hash(b"/");
        let mut text = String::new();
        for segment in segments(path) {
            let parameter = is_identifier(segment) || self.parameters.contains(&prefix);
            text.push('/');
            text.push_str(if parameter { "{id}" } else { segment });
            prefix = self.step(prefix, segment);
        }
        if text.is_empty() { "/".to_owned() } else { text }
    }
}

#[cfg(test)]
mod tests {
    use super::{Routes, plain_extension};

    #[test]
    fn numbers_before_an_extension_are_identifiers() {
        for (path, expected) in [
            ("/images/1058.jpg", "/images/{}.jpg"),
            ("/a/5f3a9c21b7.webp", "/a/{}.webp"),
            ("/app.js", "/app.js"),
            ("/v/1.2", "/v/1.2"),
            ("/index.html", "/index.html"),
            ("7.png", "{}.png"),
            ("/", "/"),
            ("/a.b/c", "/a.b/c"),
        ] {
            assert_eq!(plain_extension(path), expected);
        }
    }

    #[test]
    fn identifiers_and_many_names_are_parameters() {
        let users: Vec<String> = (0..200).map(|i| format!("/users/{}/orders", ["ann", "bob", "cyd"][i % 3].repeat(i / 3 + 1))).collect();
        let fixed = ["/health", "/users/42/orders", "/login", "/item/5f3a9c21b7"];
        let routes = Routes::fit(users.iter().map(String::as_str).chain(fixed));
        assert_eq!(routes.route("/users/zoe/orders"), routes.route("/users/42/orders"));
        assert_eq!(routes.template("/users/zoe/orders"), "/users/{id}/orders");
        assert_eq!(routes.template("/item/aaaa1111ff"), "/item/{id}");
        assert_ne!(routes.route("/health"), routes.route("/login"));
        assert_eq!(routes.route("/login"), routes.route("//login/"));
    }
}
