//! The table of features: from it come the code, `/features`, the documentation and the dashboard.

use bartizan_core::Direction::High;
use bartizan_core::Feature;

// What static rules look at is marked `ruled`.
macro_rules! features {
    ($($id:ident, $name:literal, $unit:literal, $resolution:literal $($ruled:ident)?, $description:literal;)*) => {
        /// Positions in the table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum F { $($id),* }

        /// The features in order.
        pub(super) const TABLE: &[Feature] = &[$(Feature::new($name, $unit, High, $description).resolved($resolution)$(.$ruled())?),*];

        /// The feature at a position.
        pub(super) fn at(index: usize) -> Option<F> {
            [$(F::$id),*].get(index).copied()
        }
    };
}

features! {
    ResponseTime, "response_time", "seconds", 0.01 ruled, "How long the answer took.";
    TimeExcess, "response_time_excess", "spreads", 0.25, "How far the logarithm of the response time lies above that of the endpoint in training.";
    RequestSize, "request_size", "bytes", 64.0, "Size of the request.";
    RequestExcess, "request_size_excess", "spreads", 0.25, "How far the logarithm of the request's size lies above that of the endpoint in training.";
    ResponseSize, "response_size", "bytes", 64.0 ruled, "Size of the answer.";
    ResponseExcess, "response_size_excess", "spreads", 0.25, "How far the logarithm of the answer's size lies above that of the endpoint in training.";
    StatusClass, "error_status", "class", 1.0, "0 below a status of 400, 1 below 500, 2 from there on.";
    StatusRarity, "status_rarity", "nats", 0.25, "How rare it is that a status was seen as little on its endpoint in training.";
    EndpointRarity, "endpoint_rarity", "nats", 0.25, "How rare it is that an endpoint was seen as little in training.";
    MethodRarity, "method_rarity", "nats", 0.25, "How rare it is that a method was seen as little on its endpoint in training.";
    EndpointLength, "endpoint_length", "bytes", 4.0, "Length of the endpoint with its query, up to 2,048.";
    PathRisk, "path_risk", "points", 1.0, "Words in the path that attackers ask for, weighted.";
    InjectionMarks, "injection_marks", "points", 1.0, "Words of injection languages in the endpoint, weighted.";
    AgentRisk, "agent_risk", "points", 1.0 ruled, "0 for browsers, 1 for tools, 2 or 3 for scanners and attack tools.";
    UserRarity, "user_rarity", "nats", 0.25, "How rare it is that a user was seen as little in training.";
    UserEndpoint, "user_endpoint_rarity", "nats", 0.25, "How rare it is that a user asks for an endpoint it asked for as little in training.";
    UserNetwork, "user_network_rarity", "nats", 0.25, "How rare it is that a user comes from a network it came from as little in training.";
    UserAgent, "user_agent_rarity", "nats", 0.25, "How rare it is that a user has a kind of agent it had as little in training.";
    UserHour, "user_hour_rarity", "nats", 0.25, "How rare it is that a user comes at an hour of the day at which it came as little in training.";
    UserWeekday, "user_weekday_rarity", "nats", 0.25, "How rare it is that a user comes on a day of the week on which it came as little in training.";
    RateMinute, "requests_60s", "entries", 1.0 ruled, "Entries of the user in the minute before.";
    RateHour, "requests_1h", "entries", 1.0, "Entries of the user in the hour before; of one that is known, beyond nine in ten of its hours in training.";
    DayExcess, "user_day_excess", "spreads", 0.25, "How far the logarithm of the entries of the day before lies above that of the user's days in training.";
    RateExcess, "user_rate_excess", "spreads", 0.25, "How far the logarithm of the entries of the hour before lies above the user's in training.";
    ErrorExcess, "user_error_excess", "spreads", 0.25, "How many more errors the user had in the hour before than its share of errors in training explains.";
    FailedLogins, "failed_logins_1h", "entries", 1.0 ruled, "Answers of 401 and 403 to the user, or to its address, in the hour before.";
    FailedBefore, "failed_logins_before", "entries", 1.0, "Answers of 401 and 403 directly before, to the user or to its address.";
    NotFound, "not_found_1h", "entries", 1.0, "Answers of 404 and 410 to the user in the hour before.";
    Targets, "endpoints_1h", "endpoints", 1.0, "Different endpoints, with their identifiers, of the user in the hour before, about; of one that is known, beyond the entries of nine in ten of its hours in training.";
    BytesHour, "response_bytes_1h", "bytes", 1024.0, "Bytes answered to the user in the hour before; of one that is known, beyond nine in ten of its hours in training.";
    BytesExcess, "user_bytes_excess", "spreads", 0.25, "How far the logarithm of the bytes of the hour before lies above the user's in training.";
    TimeHour, "user_time_excess", "nats", 0.1, "How far the mean logarithm of the user's response times in the hour before lies above its own in training.";
    Networks, "networks_1h", "networks", 1.0, "Different networks of the user in the hour before and now, about: nobody travels that fast.";
    Agents, "agents_1h", "agents", 1.0, "Different kinds of agent of the user in the hour before and now, about.";
    AddressUsers, "users_of_address_1h", "users", 1.0, "Different users of the address in the hour before and now, about.";
    AddressRate, "address_requests_60s", "entries", 1.0, "Entries of the address in the minute before.";
    EndpointRate, "endpoint_rate_excess", "spreads", 0.25, "How far the logarithm of the endpoint's entries of ten minutes lies above that in training.";
    EndpointErrors, "endpoint_error_excess", "spreads", 0.25, "Of an entry that is an error: how many more of them the endpoint had in the hour before than its share of errors in training explains.";
    ServerErrors, "server_errors_10m", "entries", 1.0 ruled, "Of an entry with a status of 500 or above: how many of them the endpoint had in the ten minutes before.";
    EndpointTime, "endpoint_time_excess", "spreads", 0.25, "Of an entry slower than usual: how far the mean logarithm of the endpoint's response times of ten minutes lies above that in training.";
}

#[cfg(test)]
mod tests {
    use super::{F, TABLE, at};

    #[test]
    fn names_are_unique_and_positions_hold() {
        let names: std::collections::BTreeSet<_> = TABLE.iter().map(|f| f.name.as_ref()).collect();
        assert_eq!(names.len(), TABLE.len());
        assert_eq!(at(F::EndpointTime as usize), Some(F::EndpointTime));
        assert_eq!(at(TABLE.len()), None);
        assert!(TABLE.iter().all(|f| f.description.ends_with('.') && !f.unit.is_empty()));
    }
}
