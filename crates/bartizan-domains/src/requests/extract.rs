//! Request and baselines to row: the hot path. Texts are looked at where they lie; what is decoded is decoded once.
//!
//! Requests are written by attackers: every byte is looked at a fixed number of times, and what takes longer (what is known of a
//! field, how unlike the learned texts a value is) is done for the first fields and headers only. Marks of attack are searched for
//! everywhere.

use super::baselines::{HeaderNames, RequestBaselines, fields_of};
use super::bounded::{CutPart, MAX_HEADERS, MAX_PAYLOAD};
use super::features::{F, TABLE};
use super::windows::RecentRequests;
use super::{RequestEvent, reasons};
use crate::web::address::oddity;
use crate::web::routes::segments;
use crate::web::text::{Decoded, Marks, Shape, agent_risk, decode, field_hash, leaves, path_risk};
use crate::web::values;
use bartizan_core::{Extract, head};
use std::sync::LazyLock;

/// Largest part of a header value that is compared with the learned ones.
const MAX_HEADER: usize = 1_024;
/// Values of a payload that are compared with what is known of their fields; behind these, only marks of attack are searched for.
pub(super) const MAX_LEAVES: usize = 2_048;

/// What the values of a request add up to.
#[derive(Default)]
struct Values {
    parameters: u32,
    unseen_parameters: u32,
    unseen_keys: u32,
    unseen_shapes: u32,
    long: f32,
    marks: u32,
    sqli: u32,
    xss: u32,
    traversal: u32,
    control: u32,
    special: f32,
    layers: u32,
    surprise: f32,
    peak: f32,
}

impl Values {
    /// Searches one decoded text for marks of attack.
    fn marks(&mut self, text: &str, layers: u32) {
        let marks = Marks::of(text);
        self.marks += marks.weight;
        self.sqli += u32::from(marks.sqli);
        self.xss += u32::from(marks.xss);
        self.traversal += marks.traversal;
        self.control += text.bytes().filter(u8::is_ascii_control).count() as u32;
        self.layers = self.layers.max(layers);
    }

    /// Compares one decoded text with the learned ones.
    fn text(&mut self, baselines: &RequestBaselines, text: &str) {
        self.special = self.special.max(values::special_share(text));
        let surprise = baselines.texts.of(text);
        self.surprise += surprise.sum;
        self.peak = self.peak.max(surprise.peak);
    }

    /// Looks at the value of a parameter or field, of which `length` bytes were sent; gives whether the route ever had it.
    fn field(&mut self, baselines: &RequestBaselines, field: u64, text: &str, length: usize) -> bool {
        self.text(baselines, text);
        let Some(field) = baselines.field(field) else { return false };
        self.unseen_shapes += u32::from(field.shapes & values::shape(text) == 0);
        self.long = self.long.max(length as f32 / field.longest.max(1) as f32);
        true
    }
}

impl Extract for RequestBaselines {
    type Event = RequestEvent;
    type Recent = RecentRequests;

    fn extract(&self, event: &RequestEvent, recent: &RecentRequests, row: &mut [f32]) {
        let mut set = |feature: F, value: f32| row[feature as usize] = value;
        let path = event.path();
        let route = self.routes.route(path);
        let decoded = decode(path, false);
        set(F::PathLength, event.whole(CutPart::Path, path.len()) as f32);
        set(F::PathDepth, segments(path).count() as f32);
        set(F::RouteRarity, self.route_rarity(route));
        set(F::PathRisk, path_risk(&decoded.text) as f32);
        set(F::MethodRarity, self.method_rarity(route, &event.http_method));
        set(F::HourRarity, self.hour_rarity(event));

        let mut values = Values::default();
        self.look_at_path(&mut values, path, &decoded);
        let (query, payload) = (event.query(), &event.payload);
        self.look_at_query(&mut values, route, query);
        let shape = self.look_at_payload(&mut values, route, event);
        set(F::QueryLength, event.whole(CutPart::Query, query.len()) as f32);
        set(F::ParameterCount, event.whole(CutPart::Parameters, values.parameters as usize) as f32);
        set(F::UnseenParameters, values.unseen_parameters as f32);
        set(F::ValueShapes, values.unseen_shapes as f32);
        set(F::LongValues, values.long);
        set(F::PayloadBytes, event.whole(CutPart::Payload, payload.len()) as f32);
        set(F::PayloadDepth, event.whole(CutPart::PayloadDepth, shape.depth) as f32);
        set(F::PayloadKeys, event.whole(CutPart::PayloadKeys, shape.keys) as f32);
        set(F::UnseenKeys, values.unseen_keys as f32);
        let entropy = || values::entropy(head(payload, MAX_PAYLOAD).as_bytes());
        set(F::PayloadEntropy, if payload.is_empty() { f32::NAN } else { entropy() });
        set(F::InjectionMarks, values.marks as f32);
        set(F::SqlInjection, values.sqli as f32);
        set(F::ScriptInjection, values.xss as f32);
        set(F::Traversal, values.traversal as f32);
        set(F::ControlCharacters, values.control as f32);
        set(F::SpecialShare, values.special);
        set(F::EncodingLayers, values.layers as f32);
        set(F::TextSurprise, values.surprise);
        set(F::TextPeak, values.peak);
        self.headers(event, &mut set);
        self.client(event, recent, &mut set);
    }

    fn reason(&self, event: &RequestEvent, row: &[f32], index: usize) -> Option<String> {
        reasons::reason(self, event, row, index)
    }
}

impl RequestBaselines {
    fn look_at_path(&self, values: &mut Values, path: &str, decoded: &Decoded<'_>) {
        values.marks(&decoded.text, decoded.layers);
        segments(path).for_each(|segment| values.text(self, &decode(segment, false).text));
    }

    fn look_at_query(&self, values: &mut Values, route: u64, query: &str) {
        let fields = fields_of(route);
        let rest = values::parameters(query, |name, value| {
            values.parameters += 1;
            values.marks(&value.text, value.layers);
            let known = values.field(self, field_hash(fields, name), &value.text, value.text.len());
            values.unseen_parameters += u32::from(!known);
        });
        if !rest.is_empty() {
            values.parameters += values::count_parameters(rest) as u32;
            let decoded = decode(rest, true);
            values.marks(&decoded.text, decoded.layers);
        }
    }

    fn look_at_payload(&self, values: &mut Values, route: u64, event: &RequestEvent) -> Shape {
        let mut seen = 0;
        leaves(&event.payload, fields_of(route), |leaf| {
            values.marks(leaf.text, 0);
            seen += 1;
            if seen <= MAX_LEAVES {
                let length = if leaf.open { event.whole(CutPart::PayloadValue, leaf.text.len()) } else { leaf.text.len() };
                let known = values.field(self, leaf.field, leaf.text, length);
                values.unseen_keys += u32::from(!known);
            }
        })
    }

    /// Of headers, only what can be known: access logs tell agent and referrer only, tables of values none.
    fn headers(&self, event: &RequestEvent, set: &mut impl FnMut(F, f32)) {
        let (mut marks, mut peak) = (0, 0.0_f32);
        for (position, (_, value)) in event.headers.iter().enumerate() {
            marks += Marks::of_header(value).weight;
            if position < MAX_HEADERS {
                peak = peak.max(self.header_texts.of(head(value, MAX_HEADER)).peak);
            }
        }
        let names = HeaderNames::of(event);
        let known = |known: bool, value: f32| if known { value } else { f32::NAN };
        let some = event.has_headers || event.status.is_some();
        set(F::HeaderCount, known(event.has_headers, event.whole(CutPart::Headers, event.headers.len()) as f32));
        let (unseen, missing) = self.unseen_and_missing_headers(&names);
        set(F::MissingHeaders, known(event.has_headers, missing as f32));
        set(F::UnseenHeaders, known(some, unseen as f32));
        set(F::HeaderMarks, known(some, marks as f32));
        set(F::HeaderSurprise, known(some, peak));
        set(F::Contradictions, known(event.has_headers, contradictions(event, &names) as f32));
        let agent = event.agent().unwrap_or_default();
        set(F::AgentRisk, known(some, if agent.is_empty() { 1.0 } else { agent_risk(agent) as f32 }));
        set(F::AgentRarity, known(some, self.agent_rarity(agent)));
    }

    fn client(&self, event: &RequestEvent, recent: &RecentRequests, set: &mut impl FnMut(F, f32)) {
        let client = event.client();
        let known = |value: f32| if client.is_empty() { f32::NAN } else { value };
        set(F::AddressOddity, known(oddity(client) as f32));
        set(F::AddressRarity, known(self.network_rarity(client)));
        set(F::RateShort, recent.short);
        set(F::RateMinute, recent.minute);
        set(F::RateHour, recent.hour);
        set(F::PathsHour, recent.paths);
        set(F::AgentsHour, recent.agents);
        set(F::RiskyHour, recent.risky);
        set(F::ErrorsHour, if event.status.is_some() { recent.errors } else { f32::NAN });
    }
}

/// Points from which a request is an attack by its marks alone: those of two marks, or of one that nothing else has.
const ATTACK: f32 = 4.0;
/// What the marks weigh; the agent counts where it says what it is.
const WEIGHS: [(F, f32); 7] = [
    (F::SqlInjection, 3.0),
    (F::ScriptInjection, 3.0),
    (F::Traversal, 2.0),
    (F::InjectionMarks, 1.0),
    (F::HeaderMarks, 1.0),
    (F::ControlCharacters, 1.0),
    (F::AgentRisk, ATTACK),
];
/// From where on it does.
const TOOL: f32 = 2.0;
/// Baselines that know nothing.
static NOTHING: LazyLock<RequestBaselines> = LazyLock::new(|| RequestBaselines::fit(std::iter::empty()));

fn row_of_nothing(event: &RequestEvent) -> Vec<f32> {
    let mut row = vec![f32::NAN; TABLE.len()];
    NOTHING.extract(event, &RecentRequests::UNKNOWN, &mut row);
    row
}

/// The points that a row has for one feature: none for what is not known.
fn points(row: &[f32], (feature, weight): (F, f32)) -> f32 {
    let value = row[feature as usize];
    let counted = match feature {
        F::AgentRisk => f32::from(u8::from(value >= TOOL)),
        _ if value > 0.0 => value.min(ATTACK),
        _ => 0.0,
    };
    weight * counted
}

/// Whether a request carries the marks of an attack, read with baselines that know nothing.
pub(super) fn known_attack(event: &RequestEvent) -> bool {
    let row = row_of_nothing(event);
    WEIGHS.iter().map(|weigh| points(&row, *weigh)).sum::<f32>() >= ATTACK
}

/// The mark of most points, its value and a sentence.
pub(super) fn known_reason(event: &RequestEvent) -> Option<(usize, f32, String)> {
    let row = row_of_nothing(event);
    let (feature, _) = WEIGHS.into_iter().rev().max_by(|a, b| points(&row, *a).total_cmp(&points(&row, *b)))?;
    let index = feature as usize;
    Some((index, row[index], NOTHING.reason(event, &row, index)?))
}

/// Headers that contradict the request or each other.
fn contradictions(event: &RequestEvent, names: &HeaderNames) -> u32 {
    let has = |name: &str| event.header(name).is_some();
    let bodyless = ["GET", "HEAD", "DELETE", "OPTIONS"].iter().any(|m| event.http_method.eq_ignore_ascii_case(m));
    let typed = event.payload.is_empty() || event.content_type.is_some() || has("content-type");
    let browser = event.header("user-agent").is_some_and(|a| a.starts_with("Mozilla/"));
    u32::from(!event.payload.is_empty() && bodyless)
        + u32::from(!typed)
        + u32::from(browser && !has("accept") && event.headers.len() > 1)
        + u32::from(names.any_twice())
        + u32::from(has("content-length") && has("transfer-encoding"))
}
