//! Access logs of web servers, proxies and load balancers: one reader for every kind that learns from them.
//!
//! [`FORMATS`] lists what is read. A format's reader gives an [`Entry`]; the kinds make their events of it. The reader of a file is
//! [`Access`]: it tells the format from many lines, and a line that is of another format is read all the same, and counted as such.

mod entry;
mod formats;
mod json;
mod line;
mod template;
mod time;
mod w3c;

pub(crate) use entry::Entry;
pub(crate) use formats::FORMATS;

use crate::records::{Counted, Line, head_lines, log_lines};
use bartizan_core::{AUTO, How, ParseError, Record, Timestamp};
use formats::Family;
use line::Layout;
use std::io::BufRead;
use template::Template;
use w3c::Table;

/// Checks a format of one's own.
pub(crate) fn check(words: &str) -> Result<(), String> {
    Template::compile(words, "").map(|_| ())
}

/// A name as names are compared: without case, `_`, `-` and blanks.
pub(crate) fn plain(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).map(|c| c.to_ascii_lowercase()).collect()
}

/// Reads lines of access logs.
#[derive(Debug, Default)]
pub(crate) struct Access {
    /// The families of formats that are tried, in this order; the one that read the last line comes first.
    order: Vec<Family>,
    table: Table,
    layout: Layout,
    /// The format of one's own.
    own: Option<Template>,
    /// The [`plain`] name of the field or header that says who the user is; empty for none.
    user: String,
}

impl Access {
    /// A reader of the format that is asked for, or of all of them. One's own format comes first, where there is one.
    ///
    /// # Errors
    /// When one's own format is none.
    pub(crate) fn new(how: How<'_>) -> Result<Self, ParseError> {
        let user = how.user.map(plain).unwrap_or_default();
        let own = how.own.map(|words| Template::compile(words, &user)).transpose().map_err(ParseError::OwnFormat)?;
        let named = formats::family(how.format);
        if named == Some(Family::Own) && own.is_none() {
            return Err(ParseError::OwnFormat("there is none".to_owned()));
        }
        let all = Family::ALL.iter().copied().filter(|family| *family != Family::Own || own.is_some());
        let order = named.map_or_else(|| all.collect(), |family| vec![family]);
        Ok(Self { order, table: Table::default(), layout: Layout::default(), own, user })
    }

    /// Learns from the beginning of a file what its lines have in front, so that the first of them are read as the later ones are.
    pub(crate) fn look_at(&mut self, start: &[u8], now: Timestamp) {
        let mut layout = Layout::default();
        head_lines(start, now, |line| {
            let _ = line::parse(line.text, &mut layout, &mut Entry::default());
        });
        self.layout = layout;
    }

    /// Whether a name is one of these formats.
    pub(crate) fn has(name: &str) -> bool {
        formats::family(name).is_some()
    }

    /// Hands what a line says to `make`; `None` for a line that says nothing.
    ///
    /// # Errors
    /// Why the line is of none of the formats: what the one that read the last line says.
    pub(crate) fn line<R>(&mut self, text: &str, make: impl FnOnce(&Entry<'_>, &'static str) -> R) -> Option<Result<R, String>> {
        let mut fault = None;
        for at in 0..self.order.len() {
            let mut entry = Entry::default();
            match self.read(self.order[at], text, &mut entry) {
                Ok(Some(name)) => {
                    let made = make(&entry, name);
                    self.order[..=at].rotate_right(1);
                    return Some(Ok(made));
                }
                Ok(None) => return None,
                // What a JSON reader says of JSON is worth more than that others read none.
                Err(why) if self.order[at] == Family::Json && text.starts_with('{') => fault = Some(why),
                Err(why) => {
                    fault.get_or_insert(why);
                }
            }
        }
        fault.map(Err)
    }

    /// Whether a text has what only lines of access logs have, wherever it stands.
    pub(crate) fn has_request(text: &str) -> bool {
        line::has_request(text)
    }

    /// Reads a line of a family of formats into an empty entry; gives the name of the format, and none for comments and names of columns.
    /// The entry is filled where it lies, since it is larger than many a line.
    fn read<'a>(&mut self, family: Family, text: &'a str, entry: &mut Entry<'a>) -> Result<Option<&'static str>, String> {
        // What begins as JSON and does not end so is a line whose client sent a brace.
        let json = text.starts_with('{') && text.ends_with('}');
        match family {
            Family::Own => {
                let own = self.own.as_ref().ok_or("there is no format of one's own")?;
                own.parse(text, entry).map(|()| Some("own"))
            }
            Family::Json if json => json::parse(text, &self.user, entry).map(Some),
            _ if json => Err("it is JSON".to_owned()),
            Family::Json => Err("it is no JSON".to_owned()),
            Family::Line => line::parse(text, &mut self.layout, entry).map(Some),
            Family::Table if text.starts_with('#') => {
                if self.table.directive(text) {
                    Ok(None)
                } else {
                    Err("it is no directive such as #Fields:".to_owned())
                }
            }
            Family::Table => self.table.parse(text, entry).map(Some),
            Family::Template(name) => {
                let template = formats::template(name).ok_or("there is no such format")?;
                // Two of HAProxy's formats have one name.
                template.parse(text, entry).map(|()| Some(name.strip_suffix("-https").unwrap_or(name)))
            }
        }
    }

    /// Which of the formats the lines of a file's beginning have, and the share of them; `None` when no line has any.
    pub(crate) fn detect(start: &[u8], how: How<'_>, now: Timestamp) -> Result<Option<(&'static str, f64)>, ParseError> {
        let mut access = Self::new(How { format: AUTO, ..how })?;
        let (mut names, mut looked_at): (Vec<(&'static str, u32)>, _) = (Vec::new(), 0_u32);
        head_lines(start, now, |line| {
            let Some(read) = access.line(line.text, |_, name| name) else { return };
            looked_at += 1;
            if let Ok(name) = read {
                match names.iter_mut().find(|(known, _)| *known == name) {
                    Some((_, count)) => *count += 1,
                    None => names.push((name, 1)),
                }
            }
        });
        let read: u32 = names.iter().map(|(_, count)| count).sum();
        // The first of the most frequent.
        let most = names.iter().rev().max_by_key(|(_, count)| *count);
        Ok(most.map(|(name, _)| (*name, f64::from(read) / f64::from(looked_at))))
    }
}

/// Reads a log to its end. `make` makes a record of each entry.
pub(crate) fn read<E>(
    reader: Box<dyn BufRead + '_>,
    access: &mut Access,
    counted: &mut Counted<'_, E>,
    make: impl Fn(&Entry<'_>, u64) -> Record<E>,
) -> Result<(), ParseError> {
    let mut tally = Tally::default();
    let result = log_lines(reader, counted, |Line { text, wrapper, number, .. }, _| {
        access.line(text, |entry, name| {
            tally.add(name, wrapper);
            make(entry, number)
        })
    });
    tally.tell(counted);
    result
}

/// Lines by format and wrapper; few, so that looking through them costs nothing.
#[derive(Default)]
pub(crate) struct Tally(Vec<(&'static str, &'static str, u64)>);

impl Tally {
    pub(crate) fn add(&mut self, name: &'static str, wrapper: &'static str) {
        // Names of the table: where they lie tells them apart without reading them. One that lies twice is counted in two parts.
        let same = |a: &str, b: &str| std::ptr::eq(a, b);
        match self.0.iter_mut().find(|(known, within, _)| same(known, name) && same(within, wrapper)) {
            Some((.., times)) => *times += 1,
            None => self.0.push((name, wrapper, 1)),
        }
    }

    /// Hands the counts on.
    pub(crate) fn tell<E>(self, counted: &mut Counted<'_, E>) {
        self.0.into_iter().for_each(|(name, wrapper, times)| counted.read_as(name, wrapper, times));
    }
}

#[cfg(test)]
mod tests;
