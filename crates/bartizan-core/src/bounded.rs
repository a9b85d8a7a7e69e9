//! Lists of stored data with a limit that holds while they are read.

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;

/// Room made in advance, whatever length is announced.
const IN_ADVANCE: usize = 1_024;

/// Reads a list of at most `MOST` entries; a longer one is refused before more of it is read. For
/// `#[serde(deserialize_with = "bartizan_core::bounded::<_, _, 10_000>")]`: an entry may take many times the memory that it
/// takes in a file.
///
/// # Errors
/// When the list is longer, or an entry is wrong.
pub fn bounded<'de, D, T, const MOST: usize>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct Bounded<T, const MOST: usize>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for Bounded<T, MOST> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a list of at most {MOST} entries")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Vec<T>, A::Error> {
            let mut read = Vec::with_capacity(entries.size_hint().unwrap_or(0).min(IN_ADVANCE).min(MOST));
            while let Some(entry) = entries.next_element()? {
                if read.len() == MOST {
                    return Err(A::Error::custom(format_args!("a list has more than {MOST} entries")));
                }
                read.push(entry);
            }
            Ok(read)
        }
    }

    deserializer.deserialize_seq(Bounded::<T, MOST>(PhantomData))
}
