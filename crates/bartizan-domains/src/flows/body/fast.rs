//! Well-formed bodies, straight from their bytes. `None` when something needs a closer look: the slow way then says what.
//!
//! Only what is certainly JSON is taken. Flows of one batch mostly name their columns in the same order, so each name is first compared
//! with the one that stood there in the flow before.

use super::super::event::Draft;
use super::super::names::{self, Column};
use super::super::records::scan;
use super::{BodyError, NOT_FINITE, Take};
use crate::flows::FlowEvent;
use bartizan_core::{Record, Timestamp};

/// Names of no known column in one flow that are still looked at here.
const MAX_UNKNOWN: usize = 64;
/// Names whose order is remembered.
const MAX_REMEMBERED: usize = 256;
/// Deepest value that is passed over.
const MAX_DEPTH: usize = 16;

pub(super) fn data(bytes: &[u8], now: Timestamp) -> Option<FlowEvent> {
    let mut reader = Reader::new(bytes, now)?;
    reader.field("data", |reader| reader.flow().filter(|names| *names > 0))?;
    Some(reader.finish(1).event)
}

/// Once there are too many flows, the rest is not looked at.
pub(super) fn batch(bytes: &[u8], now: Timestamp, taken: &mut impl Take) -> Option<Result<(), BodyError>> {
    let (mut reader, mut refused) = (Reader::new(bytes, now)?, None);
    let read = reader.field("flows", |reader| reader.flows(taken, &mut refused));
    refused.map_or_else(|| read.map(Ok), |error| Some(Err(error)))
}

pub(super) fn record(bytes: &[u8], line: u64, now: Timestamp) -> Option<Record<FlowEvent>> {
    let mut reader = Reader::new(bytes, now)?;
    reader.flow()?;
    reader.end()?;
    // Without a single feature the flow may lie deeper.
    (reader.draft.given != 0).then(|| reader.finish(line))
}

/// A number written as a text.
pub(super) fn number_of_text(text: &str) -> Option<f64> {
    if text == NOT_FINITE { Some(f64::NAN) } else { text.trim().parse().ok() }
}

/// What a key means.
#[derive(Clone, Copy)]
enum Name {
    Known(Column),
    /// The hash of a name of no known column.
    Unknown(u64),
}

/// A value that is neither list nor object.
enum Scalar<'a> {
    Number(f64, &'a str),
    Text(&'a str),
    Bool(bool),
    Null,
}

/// Reads a body from its beginning to its end.
struct Reader<'a> {
    text: &'a str,
    at: usize,
    now: Timestamp,
    draft: Draft,
    /// The names of the flow before, in order.
    remembered: Vec<(&'a str, Name)>,
    /// Names in this flow that are of no known column, to find one that comes twice.
    unknown: Vec<u64>,
    /// A bit for each known column in this flow that is no feature.
    others: u8,
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8], now: Timestamp) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        Some(Self { text, at: 0, now, draft: Draft::new(), remembered: Vec::new(), unknown: Vec::new(), others: 0 })
    }

    /// What is left.
    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    /// The next byte that is no blank.
    fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = *self.rest().first()?;
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    fn eat(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// After a member of a list or an object: true when another follows.
    fn goes_on(&mut self, closing: u8) -> Option<bool> {
        let byte = self.peek()?;
        self.at += 1;
        (byte == b',' || byte == closing).then_some(byte == b',')
    }

    fn end(&mut self) -> Option<()> {
        self.peek().is_none().then_some(())
    }

    /// A text without escapes.
    fn string(&mut self) -> Option<&'a str> {
        self.eat(b'"')?;
        let start = self.at;
        let length = self.rest().iter().position(|b| *b == b'"' || *b == b'\\' || *b < b' ')?;
        (self.rest()[length] == b'"').then_some(())?;
        self.at += length + 1;
        self.text.get(start..start + length)
    }

    fn number(&mut self) -> Option<f64> {
        let rest = self.rest();
        let unsigned = rest.strip_prefix(b"-").unwrap_or(rest);
        let whole = unsigned.iter().take_while(|b| b.is_ascii_digit()).count();
        if whole == 0 || (whole > 1 && unsigned[0] == b'0') {
            return None;
        }
        if let Some((number, length)) = scan(rest)
            && rest[length - 1].is_ascii_digit()
            && !matches!(rest.get(length), Some(b'.' | b'e' | b'E'))
        {
            self.at += length;
            return Some(number);
        }
        let length = rest.iter().take_while(|b| b.is_ascii_digit() || matches!(b, b'-' | b'+' | b'.' | b'e' | b'E')).count();
        let number = serde_json::from_slice(&rest[..length]).ok()?;
        self.at += length;
        Some(number)
    }

    fn scalar(&mut self) -> Option<Scalar<'a>> {
        let first = self.peek()?;
        let start = self.at;
        match first {
            b'"' => self.string().map(Scalar::Text),
            b'-' | b'0'..=b'9' => {
                let number = self.number()?;
                self.text.get(start..self.at).map(|text| Scalar::Number(number, text))
            }
            _ => {
                let words = [("true", Scalar::Bool(true)), ("false", Scalar::Bool(false)), ("null", Scalar::Null)];
                let (word, value) = words.into_iter().find(|(word, _)| self.rest().starts_with(word.as_bytes()))?;
                self.at += word.len();
                Some(value)
            }
        }
    }

    /// A value of any kind, passed over.
    fn skip(&mut self, depth: usize) -> Option<()> {
        let closing = match self.peek()? {
            b'[' => b']',
            b'{' => b'}',
            _ => return self.scalar().map(drop),
        };
        self.at += 1;
        if self.peek()? == closing {
            self.at += 1;
            return Some(());
        }
        loop {
            if closing == b'}' {
                self.string()?;
                self.eat(b':')?;
            }
            self.skip(depth.checked_sub(1)?)?;
            if !self.goes_on(closing)? {
                return Some(());
            }
        }
    }

    /// An object of which one field is read; the others are passed over.
    fn field<T>(&mut self, name: &str, mut read: impl FnMut(&mut Self) -> Option<T>) -> Option<T> {
        self.eat(b'{')?;
        let mut value = None;
        loop {
            let found = self.string()?;
            self.eat(b':')?;
            if found != name {
                self.skip(MAX_DEPTH)?;
            } else if value.replace(read(self)?).is_some() {
                return None;
            }
            if !self.goes_on(b'}')? {
                self.end()?;
                return value;
            }
        }
    }

    /// A list of at least one flow.
    fn flows(&mut self, taken: &mut impl Take, refused: &mut Option<BodyError>) -> Option<()> {
        self.eat(b'[')?;
        for line in 1.. {
            self.flow()?;
            if let Err(error) = taken.take(self.finish(line)) {
                *refused = Some(error);
                return None;
            }
            if !self.goes_on(b']')? {
                return Some(());
            }
        }
        None
    }

    /// One flow, into the draft: an object of names and numbers. Gives how many names it has.
    fn flow(&mut self) -> Option<usize> {
        self.eat(b'{')?;
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(0);
        }
        for position in 0.. {
            let name = self.name(position)?;
            self.eat(b':')?;
            if !self.is_new(name) {
                return None;
            }
            match (name, self.scalar()?) {
                (Name::Known(Column::Feature(index, factor)), value) => self.draft.set(index, value.number()? * factor),
                (Name::Unknown(_), value) => {
                    value.number()?;
                }
                (Name::Known(_), Scalar::Null) => {}
                (Name::Known(column), Scalar::Text(text) | Scalar::Number(_, text)) => self.draft.identify(column, text),
                (Name::Known(column), Scalar::Bool(flag)) => self.draft.identify(column, if flag { "true" } else { "false" }),
            }
            if !self.goes_on(b'}')? {
                return Some(position + 1);
            }
        }
        None
    }

    /// The name at a position of a flow.
    fn name(&mut self, position: usize) -> Option<Name> {
        self.peek()?;
        if let Some((text, name)) = self.remembered.get(position)
            && let Some(rest) = self.rest()[1..].strip_prefix(text.as_bytes())
            && rest.first() == Some(&b'"')
            && self.rest()[0] == b'"'
        {
            self.at += text.len() + 2;
            return Some(*name);
        }
        let text = self.string()?;
        let name = names::column(text.as_bytes()).map_or_else(|| Name::Unknown(names::hash(text.trim().as_bytes())), Name::Known);
        if let Some(place) = self.remembered.get_mut(position) {
            *place = (text, name);
        } else if position == self.remembered.len() && position < MAX_REMEMBERED {
            self.remembered.push((text, name));
        }
        Some(name)
    }

    /// Notes a column; false when it was there before, perhaps under another name.
    fn is_new(&mut self, name: Name) -> bool {
        match name {
            Name::Known(Column::Feature(index, _)) => self.draft.given >> index & 1 == 0,
            Name::Known(column) => {
                let bit = 1 << column.ordinal();
                let new = self.others & bit == 0;
                self.others |= bit;
                new
            }
            Name::Unknown(hash) => {
                let new = !self.unknown.contains(&hash) && self.unknown.len() < MAX_UNKNOWN;
                self.unknown.push(hash);
                new
            }
        }
    }

    fn finish(&mut self, line: u64) -> Record<FlowEvent> {
        let (event, label, label_name) = self.draft.finish(self.now);
        self.draft.clear();
        self.unknown.clear();
        self.others = 0;
        Record { event, label, label_name, line }
    }
}

impl Scalar<'_> {
    fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number, _) => Some(*number),
            Self::Text(text) => number_of_text(text),
            Self::Bool(flag) => Some(f64::from(u8::from(*flag))),
            Self::Null => None,
        }
    }
}
