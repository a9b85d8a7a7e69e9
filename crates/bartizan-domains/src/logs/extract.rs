//! Entry and baselines to row: the hot path. Texts are looked at where they lie, and decoded only where they are encoded.

use super::agents::agent;
use super::baselines::{LogBaselines, Met, log_size, path};
use super::features::{F, TABLE};
use super::scale::{Scale, more_than};
use super::windows::{MAX_ENDPOINT, RecentLogs, Status, log_secs};
use super::{LogEvent, reasons};
use crate::web::text::{Marks, decode, path_risk};
use bartizan_core::Extract;

/// Least spreads of logarithms of times and sizes, and of counts.
pub(super) const LEAST_SPREAD: f32 = 0.25;
pub(super) const LEAST_COUNT_SPREAD: f32 = 0.5;
const LEAST_BYTES_SPREAD: f32 = 1.0;
/// Entries whose mean has half a say.
const FEW: f32 = 5.0;

impl Extract for LogBaselines {
    type Event = LogEvent;
    type Recent = RecentLogs;

    fn extract(&self, event: &LogEvent, recent: &RecentLogs, row: &mut [f32]) {
        let mut set = |feature: F, value: f32| row[feature as usize] = value;
        let met = self.meet(event);
        let Met { endpoint, rarities: [user, place, method, status, own, network, of_agent, hour, weekday], .. } = met;
        // Of what no entry told that was learned from, nothing can be said.
        let [told_time, told_request, told_response, told_agent] = self.told();
        let time = event.response_time.filter(|_| told_time).map_or(f32::NAN, |secs| secs as f32);
        let excess = |scale: Scale, value: f32| scale.excess(value, LEAST_SPREAD);
        let log_time = event.response_time.filter(|_| told_time).map_or(f32::NAN, log_secs);
        let [request, response] = [event.request_size.filter(|_| told_request), event.response_size.filter(|_| told_response)];
        let (plain, log) =
            (|size: Option<u64>| size.map_or(f32::NAN, |size| size as f32), |size: Option<u64>| size.map_or(f32::NAN, log_size));
        set(F::ResponseTime, time);
        set(F::TimeExcess, excess(endpoint.time, log_time));
        set(F::RequestSize, plain(request));
        set(F::RequestExcess, excess(endpoint.request, log(request)));
        set(F::ResponseSize, plain(response));
        set(F::ResponseExcess, excess(endpoint.response, log(response)));
        set(F::StatusClass, status_class(met.seen.status));
        set(F::StatusRarity, status);
        set(F::EndpointRarity, place);
        set(F::MethodRarity, method);
        set(F::EndpointLength, event.endpoint.len().min(MAX_ENDPOINT) as f32);
        let (risk, marks) = risks(event);
        set(F::PathRisk, risk);
        set(F::InjectionMarks, marks);
        set(F::AgentRisk, event.seen_agent().map_or(f32::NAN, |name| agent(&name).risk));
        set(F::UserRarity, user);
        set(F::UserEndpoint, own);
        set(F::UserNetwork, network);
        // None at all is a kind of agent, too.
        set(F::UserAgent, if told_agent { of_agent } else { f32::NAN });
        set(F::UserHour, hour);
        set(F::UserWeekday, weekday);
        self.windows(&met, recent, &mut set);
    }

    fn reason(&self, event: &LogEvent, row: &[f32], index: usize) -> Option<String> {
        reasons::reason(self, event, row, index)
    }
}

impl LogBaselines {
    fn windows(&self, met: &Met<'_>, recent: &RecentLogs, set: &mut impl FnMut(F, f32)) {
        let RecentLogs { user, address, endpoint } = recent;
        let [rate, bytes, daily] = met.user.map_or_else(|| self.everybody(), |habits| [habits.rate, habits.bytes, habits.daily]);
        // A mean of few says little.
        let of_many = |value: f32, count: f32| value * count / (count + FEW);
        let [told_time, _, told_response, _] = self.told();
        let of_told = |is_told: bool, value: f32| if is_told { value } else { f32::NAN };
        // What a user does that is known is no more than it usually does: a crawler crawls.
        let beyond = |count: f32, usual: Scale| if met.user.is_some() { (count - usual.high().exp_m1()).max(0.0) } else { count };
        set(F::RateMinute, user.minute);
        set(F::RateHour, beyond(user.hour, rate));
        let day = daily.excess((1.0 + user.day).ln(), LEAST_COUNT_SPREAD);
        set(F::DayExcess, if self.covers_days() { day } else { f32::NAN });
        set(F::RateExcess, rate.excess((1.0 + user.hour).ln(), LEAST_COUNT_SPREAD));
        set(F::ErrorExcess, more_than(self.error_share(met.user), user.errors, user.hour));
        // Either is not a number where nobody is known.
        set(F::FailedLogins, user.refused.max(address.refused));
        set(F::FailedBefore, user.streak.max(address.streak));
        set(F::NotFound, user.missing);
        set(F::Targets, beyond(user.targets, rate));
        set(F::BytesHour, of_told(told_response, beyond(user.bytes, bytes)));
        set(F::BytesExcess, of_told(told_response, bytes.excess((1.0 + user.bytes).ln(), LEAST_BYTES_SPREAD)));
        let usual = met.user.map_or_else(|| self.all().time.middle(), |habits| habits.time);
        set(F::TimeHour, of_told(told_time, of_many(user.time - usual, user.hour)));
        set(F::Networks, if met.seen.network == 0 { f32::NAN } else { user.networks });
        set(F::Agents, user.agents);
        set(F::AddressUsers, address.users);
        set(F::AddressRate, address.minute);
        set(F::EndpointRate, met.endpoint.ten.excess((1.0 + endpoint.ten).ln(), LEAST_COUNT_SPREAD));
        // Who is served well by an endpoint in trouble is no part of it.
        let part_of = |is_part: bool, value: f32| if is_part || value.is_nan() { value } else { value.min(0.0) };
        let is_slow = met.seen.time.is_nan() || met.seen.time > met.endpoint.time.middle();
        let errors = more_than(met.endpoint.error_share(self.all()), endpoint.errors, endpoint.hour);
        set(F::EndpointErrors, part_of(met.seen.status.is_error(), errors));
        set(F::ServerErrors, part_of(met.seen.status == Status::Failed, endpoint.failed));
        set(
            F::EndpointTime,
            part_of(is_slow, of_told(told_time, of_many(met.endpoint.time.excess(endpoint.time, LEAST_SPREAD), endpoint.ten))),
        );
    }
}

fn status_class(status: Status) -> f32 {
    match status {
        Status::Unknown => f32::NAN,
        Status::Good => 0.0,
        Status::Refused | Status::Missing | Status::Bad => 1.0,
        Status::Failed => 2.0,
    }
}

/// Words that attackers ask for in the path, and marks of injection in the endpoint. Most endpoints have nothing that an injection needs,
/// and are not searched for any.
pub(super) fn risks(event: &LogEvent) -> (f32, f32) {
    let target = &*event.seen_endpoint();
    if !target.bytes().any(is_odd) && !target.contains("..") {
        return (path_risk(path(event)) as f32, 0.0);
    }
    let decoded = decode(target, true);
    (path_risk(&decode(path(event), false).text) as f32, Marks::of(&decoded.text).weight as f32)
}

/// What every injection has one of.
fn is_odd(byte: u8) -> bool {
    !(byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.' | b'?' | b'=' | b'&' | b',' | b':' | b'@' | b'~'))
}

/// Points from which an entry is an attack by what it carries, whatever was learned.
const ATTACK: f32 = 4.0;
/// Points of an agent that says that it is an attack tool.
const TOOL: f32 = 2.0;

/// The feature that says that an entry is an attack by what it carries, and its value.
pub(super) fn known(event: &LogEvent) -> Option<(F, f32)> {
    let risk = event.seen_agent().map_or(0.0, |name| agent(&name).risk);
    if risk >= TOOL {
        return Some((F::AgentRisk, risk));
    }
    let (_, marks) = risks(event);
    (marks >= ATTACK).then_some((F::InjectionMarks, marks))
}

const _: () = assert!(TABLE.len() == F::EndpointTime as usize + 1);
