//! Why a feature stands out, in sentences for the person on duty.

use super::RequestEvent;
use super::baselines::RequestBaselines;
use super::features::{F, TABLE, at};
use crate::web::quote;
use crate::web::text::{Marks, decode, leaves};
use crate::web::values;
use bartizan_core::Direction;

/// Texts with marks that are compared for which is the heaviest.
const MAX_MARKED: usize = 1_000;

/// Says nothing of what is missing, and of what is none of something that stands out by being there.
pub(super) fn reason(baselines: &RequestBaselines, event: &RequestEvent, row: &[f32], index: usize) -> Option<String> {
    let (feature, value) = (at(index)?, row.get(index).copied()?);
    let says_nothing = value.is_nan() || (TABLE[index].direction == Direction::High && value <= 0.0);
    (!says_nothing).then(|| sentence(baselines, event, feature, value))
}

fn sentence(baselines: &RequestBaselines, event: &RequestEvent, feature: F, value: f32) -> String {
    let count = |one: &str, many: &str| if value == 1.0 { format!("1 {one}") } else { format!("{value:.0} {many}") };
    let about = |one: &str, many: &str| if value.round() == 1.0 { format!("1 {one}") } else { format!("{value:.0} {many}") };
    let route = || baselines.routes.template(event.path());
    match feature {
        F::PathLength => format!("the path has {}", count("byte", "bytes")),
        F::PathDepth => format!("the path has {}", count("segment", "segments")),
        F::RouteRarity if baselines.knows_route(baselines.routes.route(event.path())) => format!("the route {} is rare", quote(&route())),
        F::RouteRarity => format!("the path {} was never seen in training", quote(event.path())),
        F::PathRisk => format!("the path {} has words that attackers ask for", quote(event.path())),
        F::MethodRarity if baselines.knows_route(baselines.routes.route(event.path())) => {
            format!("{} is unusual for {}", quote(&event.http_method), quote(&route()))
        }
        F::MethodRarity => format!("the method {} is rare", quote(&event.http_method)),
        F::QueryLength => format!("the query has {}", count("byte", "bytes")),
        F::ParameterCount => format!("the query has {}", count("parameter", "parameters")),
        F::UnseenParameters => format!("{} never seen on {}", count("parameter", "parameters"), quote(&route())),
        F::ValueShapes => format!("{} of another shape than in training", count("value", "values")),
        F::LongValues => format!("a value is {value:.1} times as long as the longest in training"),
        F::PayloadBytes => format!("the payload has {}", count("byte", "bytes")),
        F::PayloadDepth => format!("the payload nests {} deep", count("level", "levels")),
        F::PayloadKeys => format!("the payload has {}", count("key", "keys")),
        F::UnseenKeys => format!("{} never seen in payloads of {}", count("key", "keys"), quote(&route())),
        F::PayloadEntropy => format!("the payload's bytes have an entropy of {value:.1} bits"),
        F::InjectionMarks | F::SqlInjection | F::ScriptInjection | F::Traversal => marked(event, feature),
        F::ControlCharacters => {
            format!("{} in decoded values: entries of logs can be forged with them", count("control character", "control characters"))
        }
        F::SpecialShare => format!("a value is {:.0} % punctuation", value * 100.0),
        F::EncodingLayers => {
            format!("a value is percent-encoded {}", if value == 1.0 { "once".to_owned() } else { format!("{value:.0} times over") })
        }
        F::TextSurprise => "the values are unlike those in training".to_owned(),
        F::TextPeak => "some characters in a value follow each other as they hardly ever do in training".to_owned(),
        F::HeaderCount => format!("{} sent", count("header was", "headers were")),
        F::MissingHeaders => {
            format!("{} that nearly all requests have {} missing", count("header", "headers"), if value == 1.0 { "is" } else { "are" })
        }
        F::UnseenHeaders => match baselines.first_unseen_header(event) {
            Some(name) => format!("the header {} was never seen in training", quote(name)),
            None => "a header was never seen in training".to_owned(),
        },
        F::HeaderMarks => header_marked(event),
        F::HeaderSurprise => "a header's value is unlike those in training".to_owned(),
        F::Contradictions => "the headers contradict the request, as those of scripts do".to_owned(),
        F::AgentRisk | F::AgentRarity if event.agent().is_none_or(str::is_empty) => "no user agent was sent".to_owned(),
        F::AgentRisk => format!("the agent {} is that of a tool or scanner", quote(event.agent().unwrap_or_default())),
        F::AgentRarity => format!("the agent {} is rare", quote(event.agent().unwrap_or_default())),
        F::AddressOddity => format!("{} is no address that a client can have", quote(event.client())),
        F::AddressRarity => format!("requests from the network of {} are rare", quote(event.client())),
        F::HourRarity => format!("requests around {:02}:00 UTC are rare", event.timestamp.hour() as u8),
        F::RateShort => format!("{} of this client in the 12 seconds before", count("request", "requests")),
        F::RateMinute => format!("{} of this client in the minute before", count("request", "requests")),
        F::RateHour => format!("{} of this client in the hour before", count("request", "requests")),
        F::PathsHour => format!("about {} of this client in the hour before", about("different path", "different paths")),
        F::AgentsHour => format!("about {} of this client in the hour before", about("different agent", "different agents")),
        F::RiskyHour => format!("{} of this client for risky paths in the hour before", count("request", "requests")),
        F::ErrorsHour => format!("{} of this client ended in errors in the hour before", count("request", "requests")),
    }
}

/// Which value carries the marks, and of what.
fn marked(event: &RequestEvent, feature: F) -> String {
    let fits = |marks: &Marks| match feature {
        F::SqlInjection => marks.sqli,
        F::ScriptInjection => marks.xss,
        F::Traversal => marks.traversal > 0,
        _ => marks.kind.is_some(),
    };
    let mut found: Option<(u32, String)> = None;
    let mut marked = 0;
    let mut consider = |place: &dyn Fn() -> String, text: &str| {
        if marked == MAX_MARKED {
            return;
        }
        let marks = Marks::of(text);
        marked += usize::from(fits(&marks));
        if fits(&marks) && found.as_ref().is_none_or(|f| marks.weight > f.0) {
            let what = marks.kind.map_or("an injection pattern", |k| match feature {
                F::SqlInjection => crate::web::text::AttackKind::Sql.sentence(),
                F::ScriptInjection => crate::web::text::AttackKind::Script.sentence(),
                F::Traversal => crate::web::text::AttackKind::Traversal.sentence(),
                _ => k.sentence(),
            });
            found = Some((marks.weight, format!("{} carries {what}: {}", place(), quote(text))));
        }
    };
    let rest = values::parameters(event.query(), |name, value| consider(&|| format!("parameter {}", quote(name)), &value.text));
    consider(&|| "the end of the query".to_owned(), &decode(rest, true).text);
    leaves(&event.payload, 0, |leaf| consider(&|| format!("payload field {}", quote(leaf.key)), leaf.text));
    consider(&|| "the path".to_owned(), &decode(event.path(), false).text);
    found.map_or_else(|| TABLE[feature as usize].description.to_string(), |f| f.1)
}

fn header_marked(event: &RequestEvent) -> String {
    let heaviest = event.headers.iter().map(|(name, value)| (Marks::of_header(value), name, value)).max_by_key(|(marks, ..)| marks.weight);
    match heaviest {
        Some((Marks { kind: Some(kind), .. }, name, value)) => {
            format!("header {} carries {}: {}", quote(name), kind.sentence(), quote(value))
        }
        _ => "a header's value has words of injection languages".to_owned(),
    }
}
