//! Making a batch ready for the inbox: in order of event time, in parts that are judged together.

use crate::Instance;
use crate::codec;
use bartizan_core::{Domain, Timestamp};
use bartizan_storage::{NewPart, StoreError};
use thiserror::Error;

/// Most events of a part, and of what is judged at once.
pub(crate) const PART_EVENTS: usize = 4_096;
/// Most bytes of a part, unless one event alone has more.
pub(crate) const PART_BYTES: usize = 4 << 20;

/// Why an event cannot be added to a batch.
#[derive(Debug, Error)]
pub enum TooMuch {
    /// What the batch holds by now takes more memory than it may.
    #[error("the events of the batch take more than {most} bytes")]
    Bytes {
        /// Most bytes.
        most: usize,
    },
    /// The event cannot be encoded.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// One event of a batch, encoded.
struct Entry {
    time: Timestamp,
    start: usize,
    end: usize,
}

/// A batch that comes in. It holds encoded events, which are smaller than what they are encoded from.
pub struct Incoming<'i, D: Domain> {
    instance: &'i Instance<D>,
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    most: usize,
}

impl<D: Domain> Instance<D> {
    /// Begins a batch that may take `most` bytes.
    pub fn incoming(&self, most: usize) -> Incoming<'_, D> {
        Incoming { instance: self, bytes: Vec::new(), entries: Vec::new(), most }
    }
}

impl<D: Domain> Incoming<'_, D> {
    /// Adds an event, which arrives by that.
    ///
    /// # Errors
    /// When the batch takes too much.
    pub fn push(&mut self, mut event: D::Event) -> Result<(), TooMuch> {
        self.instance.arrive(&mut event);
        let start = self.bytes.len();
        let bytes = std::mem::take(&mut self.bytes);
        self.bytes =
            codec::extend_part(bytes, &event).map_err(|error| StoreError::Other(format!("an event cannot be encoded: {error}")))?;
        self.entries.push(Entry { time: D::facts(&event).time, start, end: self.bytes.len() });
        let taken = self.bytes.len() + self.entries.len() * size_of::<Entry>();
        if taken > self.most { Err(TooMuch::Bytes { most: self.most }) } else { Ok(()) }
    }

    /// How many events it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The batch as it is stored: by event time, those of one time in the order in which they came.
    #[must_use]
    pub fn into_parts(mut self) -> Vec<NewPart> {
        self.entries.sort_by_key(|entry| entry.time);
        let mut parts: Vec<NewPart> = Vec::new();
        for Entry { start, end, .. } in self.entries {
            let event = &self.bytes[start..end];
            let fits = |part: &&mut NewPart| (part.events as usize) < PART_EVENTS && part.blob.len() + event.len() <= PART_BYTES;
            match parts.last_mut().filter(fits) {
                Some(part) => {
                    part.blob.extend_from_slice(event);
                    part.events += 1;
                }
                None => {
                    let mut blob = Vec::with_capacity((self.bytes.len() + codec::PART_HEAD).min(PART_BYTES));
                    blob.extend(codec::part_head::<D>());
                    blob.extend_from_slice(event);
                    parts.push(NewPart { events: 1, blob });
                }
            }
        }
        parts
    }
}
