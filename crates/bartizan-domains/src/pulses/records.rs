//! Heart-beats from files: bodies of `/judge`, one a line.

use super::{PulseEvent, Pulses, body::parse_pulse};
use crate::raw::Raw;
use crate::records::{Counted, LabelField, MAX_JSON, label_of, lines, open};
use bartizan_core::{Format, How, Parse, ParseError, Record, Sink, Summary, Timestamp};
use std::io::Read;

impl Parse for Pulses {
    const FORMATS: &'static [&'static [Format]] = &[&[Format {
        name: "ndjson",
        what: "bodies of /judge, one a line",
        sample: r#"{"host": "web-1", "service": "cron", "interval_secs": 60.5}"#,
    }]];

    fn parse(reader: Box<dyn Read + '_>, how: How<'_>, now: Timestamp, sink: Sink<'_, PulseEvent>) -> Result<Summary, ParseError> {
        let (reader, unread) = open(reader)?;
        let mut counted = Counted::new(sink, now, unread);
        counted.chosen(Self::FORMATS, "ndjson", 1.0);
        let mut labels = LabelField::named(how);
        lines(reader, MAX_JSON, &mut counted, |text, line, now| {
            let event =
                parse_pulse(text, now).map_err(|faults| faults.into_iter().map(|fault| fault.msg).collect::<Vec<_>>().join("; "))?;
            let said = match &mut labels {
                Some(field) => field.value(text),
                None => label(text),
            };
            let (label, label_name) = label_of(said.as_ref());
            Ok(Record { event, label, label_name, line })
        })?;
        labels.map_or(Ok(()), LabelField::finish)?;
        Ok(counted.finish())
    }
}

fn label(text: &[u8]) -> Option<serde_json::Value> {
    crate::raw::RawObject::read(Raw::parse(text).ok()?, &["label"])?.some("label")?.scalar()
}
