//! Files that are one array of JSON.

use super::{Counted, ReadError, Record, Rejected};
use bartizan_core::Timestamp;
use serde::de::{DeserializeSeed, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;
use std::io::BufRead;
use std::ops::ControlFlow;

type Parse<E> = fn(&str, u64, Timestamp) -> Result<Record<E>, String>;

/// Reads an array element by element, never holding more than one.
pub(crate) fn array<E>(reader: Box<dyn BufRead + '_>, counted: &mut Counted<'_, E>, parse: Parse<E>) -> Result<(), ReadError> {
    let mut elements = Elements { counted, parse, position: 0, stopped: false };
    let mut deserializer = serde_json::Deserializer::from_reader(reader);
    let result = (&mut elements).deserialize(&mut deserializer);
    let (position, stopped) = (elements.position, elements.stopped);
    match result {
        Err(_) if stopped => Ok(()),
        Err(error) if error.is_io() => Err(ReadError::Io { line: position, source: error.into() }),
        Err(error) => {
            // The array is broken here; what came before stands.
            let _ = counted.pass(Err(Rejected { line: position + 1, reason: format!("the array breaks off: {error}") }));
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

struct Elements<'a, 'b, E> {
    counted: &'a mut Counted<'b, E>,
    parse: Parse<E>,
    position: u64,
    stopped: bool,
}

impl<'de, E> DeserializeSeed<'de> for &mut Elements<'_, '_, E> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, E> Visitor<'de> for &mut Elements<'_, '_, E> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of records")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        while let Some(raw) = sequence.next_element::<Box<RawValue>>()? {
            self.position += 1;
            let line = self.position;
            let parsed = (self.parse)(raw.get(), line, self.counted.now).map_err(|reason| Rejected { line, reason });
            if let ControlFlow::Break(()) = self.counted.pass(parsed) {
                self.stopped = true;
                return Err(serde::de::Error::custom("stopped"));
            }
        }
        Ok(())
    }
}
