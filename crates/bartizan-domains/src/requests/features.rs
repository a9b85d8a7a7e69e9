//! The table of features: from it come the code, `/features`, the documentation and the dashboard.

use bartizan_core::Direction::{Both, High};
use bartizan_core::Feature;

macro_rules! features {
    ($($id:ident, $name:literal, $unit:literal, $resolution:literal, $direction:expr, $description:literal $(, $mark:ident)?;)*) => {
        /// Positions in the table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum F { $($id),* }

        /// The features in order.
        pub(crate) const TABLE: &[Feature] = &[$(Feature::new($name, $unit, $direction, $description).resolved($resolution)$(.$mark())?),*];

        /// The feature at a position.
        pub(crate) fn at(index: usize) -> Option<F> {
            [$(F::$id),*].get(index).copied()
        }
    };
}

features! {
    PathLength, "path_length", "bytes", 1.0, High, "Length of the path.";
    PathDepth, "path_depth", "segments", 1.0, High, "Segments of the path.";
    RouteRarity, "route_rarity", "nats", 0.25, High, "How rare it is that a path's route was seen as little in training; highest for a route never seen.";
    PathRisk, "path_risk", "points", 1.0, High, "Words in the path that attackers ask for, weighted.";
    MethodRarity, "method_rarity", "nats", 0.25, High, "How rare it is that a method was seen as little on its route, or at all on an unknown one.";
    QueryLength, "query_length", "bytes", 1.0, High, "Length of the query.";
    ParameterCount, "parameter_count", "parameters", 1.0, High, "Parameters in the query.";
    UnseenParameters, "unseen_parameters", "parameters", 1.0, High, "Parameters that the route never had in training.";
    ValueShapes, "unseen_value_shapes", "values", 1.0, High, "Values of another shape than their parameter or field ever had in training.";
    LongValues, "value_length_excess", "ratio", 0.1, High, "Longest value against the longest of its parameter or field in training.";
    PayloadBytes, "payload_bytes", "bytes", 1.0, High, "Length of the payload as JSON.";
    PayloadDepth, "payload_depth", "levels", 1.0, High, "How deep the payload nests.";
    PayloadKeys, "payload_keys", "keys", 1.0, High, "Keys in the payload.";
    UnseenKeys, "unseen_payload_keys", "keys", 1.0, High, "Keys that payloads of the route never had in training.";
    PayloadEntropy, "payload_entropy", "bits per byte", 0.1, Both, "Shannon entropy of the payload's bytes.";
    InjectionMarks, "injection_marks", "points", 1.0, High, "Words of injection languages in path, parameters and payload, weighted.";
    SqlInjection, "sql_injection", "values", 1.0, High, "Values that libinjection recognises as SQL injection.";
    ScriptInjection, "script_injection", "values", 1.0, High, "Values that libinjection recognises as script injection.";
    Traversal, "path_traversal", "marks", 1.0, High, "Marks of path traversal.";
    ControlCharacters, "control_characters", "characters", 1.0, High, "Control characters in decoded values, such as line breaks that forge log entries.";
    SpecialShare, "special_character_share", "share", 0.01, High, "Largest share of punctuation among the characters of a value.";
    EncodingLayers, "encoding_layers", "layers", 1.0, High, "Times that a value had to be percent-decoded.";
    TextSurprise, "text_surprise", "nats", 0.25, High, "How unlike the learned texts the values are, in all.";
    TextPeak, "text_surprise_peak", "nats per character", 0.1, High, "How unlike the learned texts the oddest few characters are.";
    HeaderCount, "header_count", "headers", 1.0, Both, "Headers sent.";
    MissingHeaders, "missing_headers", "headers", 1.0, High, "Headers that nearly all requests in training had and this one has not.";
    UnseenHeaders, "unseen_headers", "headers", 1.0, High, "Headers that no request in training had.";
    HeaderMarks, "header_injection_marks", "points", 1.0, High, "Words of injection languages in header values, weighted.";
    HeaderSurprise, "header_surprise", "nats per character", 0.1, High, "How unlike the learned header values the oddest few characters are.";
    Contradictions, "contradictory_headers", "faults", 1.0, High, "Headers that contradict the request: a payload without a type, a browser without its headers.";
    AgentRisk, "agent_risk", "points", 1.0, High, "0 for browsers, 1 for tools, 2 or 3 for scanners and attack tools.", ruled;
    AgentRarity, "agent_rarity", "nats", 0.25, High, "How rare it is that a kind of agent was seen as little in training.";
    AddressOddity, "address_oddity", "points", 1.0, High, "Address that is no address, or of a range that no client can have.";
    AddressRarity, "address_rarity", "nats", 0.25, High, "How rare it is that an address's network was seen as little in training.";
    HourRarity, "hour_rarity", "nats", 0.25, High, "How rare requests at this time of day are in training.";
    RateShort, "requests_12s", "requests", 1.0, High, "Requests of the client in the 12 seconds before.";
    RateMinute, "requests_60s", "requests", 1.0, High, "Requests of the client in the minute before.", ruled;
    RateHour, "requests_1h", "requests", 1.0, High, "Requests of the client in the hour before.";
    PathsHour, "paths_1h", "paths", 1.0, High, "Different paths of the client in the hour before, about.";
    AgentsHour, "agents_1h", "agents", 1.0, High, "Different agents of the client in the hour before, about.";
    RiskyHour, "risky_requests_1h", "requests", 1.0, High, "Requests of the client for risky paths in the hour before.";
    ErrorsHour, "errors_1h", "requests", 1.0, High, "Requests of the client answered with an error in the hour before.", ruled;
}

#[cfg(test)]
mod tests {
    use super::{F, TABLE, at};

    #[test]
    fn names_are_unique_and_positions_hold() {
        let names: std::collections::BTreeSet<_> = TABLE.iter().map(|f| f.name.as_ref()).collect();
        assert_eq!(names.len(), TABLE.len());
        assert_eq!(at(F::ErrorsHour as usize), Some(F::ErrorsHour));
        assert_eq!(at(TABLE.len()), None);
        assert!(TABLE.iter().all(|f| f.description.ends_with('.') && !f.unit.is_empty()));
    }
}
