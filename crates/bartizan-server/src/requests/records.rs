//! Records that come in the body of a training.

use crate::{
    http::refusal::Refusal,
    input::{content::json_invalid_from, fault::Fault},
};
use bartizan_core::{Label, Timestamp};
use bartizan_domains::requests::{RequestEvent, body::parse_event};
use bartizan_pipeline::Labelled;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

/// Most faults that one answer lists.
const MOST_FAULTS: usize = 100;
const FIELD: &str = "requests";

/// A label beside the fields of a record.
#[derive(Deserialize)]
struct Known {
    user_label: Option<bool>,
}

/// Reads `requests: [...]`; each record may carry a `user_label`.
pub(crate) fn parse(bytes: &Bytes, now: Timestamp) -> Result<Vec<Labelled<RequestEvent>>, Refusal> {
    let records: Vec<&RawValue> = serde_json::from_slice(bytes).map_err(|error| not_a_list(bytes, &error))?;
    let (mut events, mut faults) = (Vec::with_capacity(records.len()), Vec::new());
    for (i, record) in records.iter().enumerate() {
        let text = record.get();
        match parse_event(text.as_bytes(), now) {
            Ok(event) => {
                let said = serde_json::from_str::<Known>(text).ok().and_then(|known| known.user_label);
                events.push(Labelled { event, label: said.map(|bad| if bad { Label::Anomalous } else { Label::Legitimate }) });
            }
            Err(found) => faults.extend(found.into_iter().map(|fault| below(Fault::from(fault), i))),
        }
        if faults.len() >= MOST_FAULTS {
            break;
        }
    }
    if faults.is_empty() { Ok(events) } else { Err(Refusal::Invalid(faults)) }
}

/// `["body", …]` of the record is `["body", "requests", i, …]` of the whole.
fn below(mut fault: Fault, i: usize) -> Fault {
    fault.loc.splice(1..1, [Value::from(FIELD), Value::from(i)]);
    fault
}

fn not_a_list(bytes: &[u8], error: &serde_json::Error) -> Refusal {
    let loc = vec!["body".into(), FIELD.into()];
    Refusal::Invalid(vec![match serde_json::from_slice::<Value>(bytes) {
        Ok(other) => Fault::new("list_type", loc, "Input should be a valid list", other),
        Err(_) => json_invalid_from(0, bytes, error),
    }])
}
