//! Request and baselines to row: the hot path. Texts are looked at where they lie; what is decoded is decoded once.

use super::address::oddity;
use super::baselines::RequestBaselines;
use super::features::F;
use super::recency::RecentRequests;
use super::routes::segments;
use super::text::{Decoded, Marks, agent_risk, decode, leaves, path_risk};
use super::{RequestEvent, reasons, values};
use bartizan_core::Extract;

/// Largest part of a header value that is looked at.
const MAX_HEADER: usize = 1_024;
/// Headers that are looked at.
const MAX_HEADERS: usize = 64;

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
    /// Looks at one decoded text.
    fn text(&mut self, baselines: &RequestBaselines, text: &str, layers: u32) {
        let marks = Marks::of(text);
        self.marks += marks.weight;
        self.sqli += u32::from(marks.sqli);
        self.xss += u32::from(marks.xss);
        self.traversal += marks.traversal;
        self.control += text.bytes().filter(u8::is_ascii_control).count() as u32;
        self.special = self.special.max(values::special_share(text));
        self.layers = self.layers.max(layers);
        let surprise = baselines.texts.of(text);
        self.surprise += surprise.sum;
        self.peak = self.peak.max(surprise.peak);
    }

    /// Looks at the value of a parameter or field; gives whether the route ever had it.
    fn field(&mut self, baselines: &RequestBaselines, route: u64, name: &str, text: &str, layers: u32) -> bool {
        self.text(baselines, text, layers);
        let Some(field) = baselines.field(route, name) else { return false };
        self.unseen_shapes += u32::from(field.shapes & values::shape(text) == 0);
        self.long = self.long.max(text.len() as f32 / field.longest.max(1) as f32);
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
        set(F::PathLength, path.len() as f32);
        set(F::PathDepth, segments(path).count() as f32);
        set(F::RouteRarity, self.route_rarity(route));
        set(F::PathRisk, path_risk(&decoded.text) as f32);
        set(F::MethodRarity, self.method_rarity(route, &event.http_method));
        set(F::HourRarity, self.hour_rarity(event));

        let mut values = Values::default();
        self.look_at_path(&mut values, path, &decoded);
        let query = event.query();
        values::parameters(query, |name, value| {
            values.parameters += 1;
            let known = values.field(self, route, name, &value.text, value.layers);
            values.unseen_parameters += u32::from(!known);
        });
        let payload = &event.payload;
        let shape = leaves(payload, |leaf| {
            let known = values.field(self, route, &leaf.key, &leaf.text, 0);
            values.unseen_keys += u32::from(!known);
        });
        set(F::QueryLength, query.len() as f32);
        set(F::ParameterCount, values.parameters as f32);
        set(F::UnseenParameters, values.unseen_parameters as f32);
        set(F::ValueShapes, values.unseen_shapes as f32);
        set(F::LongValues, values.long);
        set(F::PayloadBytes, payload.len() as f32);
        set(F::PayloadDepth, shape.depth as f32);
        set(F::PayloadKeys, shape.keys as f32);
        set(F::UnseenKeys, values.unseen_keys as f32);
        set(F::PayloadEntropy, if payload.is_empty() { f32::NAN } else { values::entropy(payload.as_bytes()) });
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

    fn reason(&self, event: &RequestEvent, row: &[f32], index: usize) -> String {
        reasons::reason(self, event, row, index)
    }
}

impl RequestBaselines {
    fn look_at_path(&self, values: &mut Values, path: &str, decoded: &Decoded<'_>) {
        let marks = Marks::of(&decoded.text);
        values.marks += marks.weight;
        values.sqli += u32::from(marks.sqli);
        values.xss += u32::from(marks.xss);
        values.traversal += marks.traversal;
        values.control += decoded.text.bytes().filter(u8::is_ascii_control).count() as u32;
        values.layers = decoded.layers;
        for segment in segments(path) {
            let segment = decode(segment, false);
            let surprise = self.texts.of(&segment.text);
            values.surprise += surprise.sum;
            values.peak = values.peak.max(surprise.peak);
            values.special = values.special.max(values::special_share(&segment.text));
        }
    }

    /// Of headers, only what can be known: access logs tell agent and referrer only, tables of values none.
    fn headers(&self, event: &RequestEvent, set: &mut impl FnMut(F, f32)) {
        let (mut marks, mut peak) = (0, 0.0_f32);
        for (_, value) in event.headers.iter().take(MAX_HEADERS) {
            let mut end = value.len().min(MAX_HEADER);
            while !value.is_char_boundary(end) {
                end -= 1;
            }
            marks += Marks::of_header(&value[..end]).weight;
            peak = peak.max(self.header_texts.of(&value[..end]).peak);
        }
        let known = |known: bool, value: f32| if known { value } else { f32::NAN };
        let some = event.has_headers || event.status.is_some();
        set(F::HeaderCount, known(event.has_headers, event.headers.len() as f32));
        let (unseen, missing) = self.unseen_and_missing_headers(event);
        set(F::MissingHeaders, known(event.has_headers, missing as f32));
        set(F::UnseenHeaders, known(some, unseen as f32));
        set(F::HeaderMarks, known(some, marks as f32));
        set(F::HeaderSurprise, known(some, peak));
        set(F::Contradictions, known(event.has_headers, contradictions(event) as f32));
        let agent = event.header("user-agent").unwrap_or_default();
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

/// Headers that contradict the request or each other.
pub(super) fn contradictions(event: &RequestEvent) -> u32 {
    let has = |name: &str| event.header(name).is_some();
    let bodyless = ["GET", "HEAD", "DELETE", "OPTIONS"].iter().any(|m| event.http_method.eq_ignore_ascii_case(m));
    let typed = event.payload.is_empty() || event.content_type.is_some() || has("content-type");
    let browser = event.header("user-agent").is_some_and(|a| a.starts_with("Mozilla/"));
    let twice = event
        .headers
        .iter()
        .take(MAX_HEADERS)
        .enumerate()
        .any(|(i, (n, _))| event.headers[..i].iter().any(|(m, _)| m.eq_ignore_ascii_case(n)));
    u32::from(!event.payload.is_empty() && bodyless)
        + u32::from(!typed)
        + u32::from(browser && !has("accept") && event.headers.len() > 1)
        + u32::from(twice)
        + u32::from(has("content-length") && has("transfer-encoding"))
}
