//! Why a feature stands out, in sentences for the person on duty.

use super::LogEvent;
use super::baselines::{LogBaselines, path, plain_path};
use super::features::{F, at};
use super::windows::Seen;
use crate::web::quote;

/// Says nothing of what is missing or nothing out of the ordinary.
pub(super) fn reason(baselines: &LogBaselines, event: &LogEvent, row: &[f32], index: usize) -> Option<String> {
    let (feature, value) = (at(index)?, row.get(index).copied()?);
    tells(feature, value, row).then(|| sentence(baselines, event, feature, value))
}

/// Whether the value of a feature is worth a sentence beside the others: it stands out by itself, and no other says the same.
fn tells(feature: F, value: f32, row: &[f32]) -> bool {
    let of = |feature: F| row.get(feature as usize).copied().unwrap_or(f32::NAN);
    // Of what is told against its endpoint, the number alone says less.
    let alone = |excess: F| of(excess).is_nan();
    let least = match feature {
        F::ResponseTime if alone(F::TimeExcess) => f32::MIN_POSITIVE,
        F::RequestSize if alone(F::RequestExcess) => f32::MIN_POSITIVE,
        F::ResponseSize if alone(F::ResponseExcess) => f32::MIN_POSITIVE,
        F::ResponseTime | F::RequestSize | F::ResponseSize => return false,
        F::StatusClass if of(F::StatusRarity) >= RARE => return false,
        F::AddressRate if value <= of(F::RateMinute) => return false,
        F::UserEndpoint if of(F::UserRarity) >= RARE && of(F::EndpointRarity) >= RARE => return false,
        F::StatusRarity
        | F::EndpointRarity
        | F::MethodRarity
        | F::UserRarity
        | F::UserEndpoint
        | F::UserNetwork
        | F::UserAgent
        | F::UserHour
        | F::UserWeekday => RARE,
        F::TimeExcess
        | F::RequestExcess
        | F::ResponseExcess
        | F::RateExcess
        | F::DayExcess
        | F::BytesExcess
        | F::ErrorExcess
        | F::EndpointRate
        | F::EndpointErrors
        | F::EndpointTime => 1.0,
        F::EndpointLength => 100.0,
        F::RateMinute | F::RateHour | F::AddressRate | F::Targets => 5.0,
        F::BytesHour => 1e5,
        F::NotFound | F::FailedLogins | F::Networks | F::Agents | F::AddressUsers => 2.0,
        F::TimeHour => 0.5,
        F::StatusClass | F::PathRisk | F::InjectionMarks | F::AgentRisk | F::FailedBefore | F::ServerErrors => f32::MIN_POSITIVE,
    };
    value >= least
}

/// Nats from which on something is called rare: of one entry in seven or fewer.
const RARE: f32 = 2.0;

pub(super) fn sentence(baselines: &LogBaselines, event: &LogEvent, feature: F, value: f32) -> String {
    let whole = value.round();
    let count = |one: &str, many: &str| if whole == 1.0 { format!("1 {one}") } else { format!("{whole:.0} {many}") };
    let who = || who(event);
    let route = || quote(&baselines.routes.template(&plain_path(event)));
    let is_known = || baselines.meet(event).user.is_some();
    let known = || baselines.endpoint(baselines.routes.route(&plain_path(event)));
    let usual = |of: &str, number: String| match known() {
        Some(_) => format!("{of}, {number} is usual for {}", route()),
        None => format!("{of}, {number} is usual here"),
    };
    let endpoint = || known().unwrap_or(baselines.all());
    let status = || event.status_code.map_or_else(|| "no status".to_owned(), |status| format!("status {status}"));
    match feature {
        F::ResponseTime => format!("the answer took {}", secs(value)),
        F::TimeExcess => {
            let time = event.response_time.unwrap_or_default() as f32;
            usual(&format!("the answer took {}", secs(time)), secs(endpoint().time.middle().exp()))
        }
        F::RequestSize => format!("the request has {}", bytes(value)),
        F::RequestExcess => {
            let size = event.request_size.unwrap_or_default() as f32;
            usual(&format!("the request has {}", bytes(size)), bytes(endpoint().request.middle().exp_m1()))
        }
        F::ResponseSize => format!("the answer has {}", bytes(value)),
        F::ResponseExcess => {
            let size = event.response_size.unwrap_or_default() as f32;
            usual(&format!("the answer has {}", bytes(size)), bytes(endpoint().response.middle().exp_m1()))
        }
        F::StatusClass => format!("the answer is an error, {}", status()),
        F::StatusRarity => format!("{} is rare for {}", status(), route()),
        F::EndpointRarity if known().is_some() => format!("the endpoint {} is rare", route()),
        F::EndpointRarity => format!("the endpoint {} was never seen in training", quote(path(event))),
        F::MethodRarity => format!("the method {} is rare for {}", quote(&event.method), route()),
        F::EndpointLength => format!("the endpoint has {}", count("byte", "bytes")),
        F::PathRisk => format!("the path {} has words that attackers ask for", quote(path(event))),
        F::InjectionMarks => format!("the endpoint {} has words of injection languages", quote(&event.endpoint)),
        F::AgentRisk => {
            format!("the agent {} is that of a program and of no browser", quote(event.user_agent.as_deref().unwrap_or_default()))
        }
        F::UserRarity if is_known() => format!("{} comes rarely", who()),
        F::UserRarity => format!("{} was never seen in training", who()),
        F::UserEndpoint => own(baselines, event, 2, (&who(), "asks for", &route())),
        F::UserNetwork => own(baselines, event, 0, (&who(), "comes from the network of", &quote(event.client()))),
        F::UserAgent => own(baselines, event, 1, (&who(), "comes with the agent", &quote(event.user_agent.as_deref().unwrap_or_default()))),
        F::UserHour => format!("{} rarely comes around {:02}:00 UTC", who(), super::habits::hour_of(event.timestamp.secs())),
        F::UserWeekday => format!("{} rarely comes on a {}", who(), weekday(event.timestamp.secs())),
        _ => of_windows(baselines, event, feature, value),
    }
}

/// What the windows say of an entry.
fn of_windows(baselines: &LogBaselines, event: &LogEvent, feature: F, value: f32) -> String {
    let whole = value.round();
    let count = |one: &str, many: &str| if whole == 1.0 { format!("1 {one}") } else { format!("{whole:.0} {many}") };
    let who = || who(event);
    let route = || quote(&baselines.routes.template(&plain_path(event)));
    let is_known = || baselines.meet(event).user.is_some();
    match feature {
        F::RateMinute => format!("{} of {} in the minute before", count("request", "requests"), who()),
        F::RateHour if is_known() => {
            format!("{} of {} in the hour before beyond what is usual for it", count("request", "requests"), who())
        }
        F::RateHour => format!("{} of {} in the hour before", count("request", "requests"), who()),
        F::DayExcess => format!("more requests of {} in the day before than usual for it", who()),
        F::RateExcess => format!("more requests of {} in the hour before than usual for it", who()),
        F::ErrorExcess => format!("more errors of {} in the hour before than usual for it", who()),
        F::FailedLogins => format!("{} refused (401, 403) in the hour before, of {}", count("request was", "requests were"), who()),
        F::FailedBefore => {
            let ends = if Seen::of(event).status == super::windows::Status::Good { ", and this one succeeds" } else { "" };
            format!("{} refused (401, 403) directly before{ends}", count("request was", "requests were"))
        }
        F::NotFound => format!("{} of {} in the hour before found nothing (404)", count("request", "requests"), who()),
        F::Targets if is_known() => {
            format!("{} of {} in the hour before beyond what is usual for it", count("different endpoint", "different endpoints"), who())
        }
        F::Targets => format!("about {} of {} in the hour before", count("different endpoint", "different endpoints"), who()),
        F::BytesHour if is_known() => format!("{} answered to {} in the hour before beyond what is usual for it", bytes(value), who()),
        F::BytesHour => format!("{} answered to {} in the hour before", bytes(value), who()),
        F::BytesExcess => format!("more bytes were answered to {} in the hour before than usual for it", who()),
        F::TimeHour => format!("answers to {} took longer in the hour before than usual for it", who()),
        F::Networks => format!("{} comes from {} within an hour", who(), count("network", "networks")),
        F::Agents => format!("{} comes with {} within an hour", who(), count("kind of agent", "kinds of agent")),
        F::AddressUsers => format!("address {} has about {} within an hour", quote(event.client()), count("user", "users")),
        F::AddressRate => format!("{} from address {} in the minute before", count("request", "requests"), quote(event.client())),
        F::EndpointRate => format!("more requests for {} in ten minutes than usual", route()),
        F::EndpointErrors => format!("more errors of {} in the hour before than usual", route()),
        F::ServerErrors => format!("{} of {} in the ten minutes before (500 and above)", count("failure", "failures"), route()),
        F::EndpointTime => format!("answers of {} take longer in these ten minutes than usual", route()),
        _ => String::new(),
    }
}

fn who(event: &LogEvent) -> String {
    if event.user_id.is_empty() { format!("address {}", quote(event.client())) } else { format!("user {}", quote(&event.user_id)) }
}

/// A sentence about something of a user: new, or rare.
fn own(baselines: &LogBaselines, event: &LogEvent, kind: usize, (who, does, what): (&str, &str, &str)) -> String {
    let met = baselines.meet(event);
    let key = [met.seen.network, met.seen.agent, met.place][kind];
    match met.user {
        Some(user) if user.things[kind].has(key) => format!("{who} rarely {does} {what}"),
        Some(_) => {
            format!("{who} never {does} {what} in training").replace("never asks", "never asked").replace("never comes", "never came")
        }
        None => format!("nobody or hardly anybody {does} {what}"),
    }
}

fn secs(value: f32) -> String {
    match value {
        ..0.001 => format!("{:.0} µs", value * 1e6),
        ..1.0 => format!("{:.0} ms", value * 1e3),
        ..10.0 => format!("{value:.1} s"),
        _ => format!("{value:.0} s"),
    }
}

fn bytes(value: f32) -> String {
    match value {
        ..1e3 => format!("{value:.0} bytes"),
        ..1e6 => format!("{:.1} kB", value / 1e3),
        ..1e9 => format!("{:.1} MB", value / 1e6),
        _ => format!("{:.1} GB", value / 1e9),
    }
}

fn weekday(secs: i64) -> &'static str {
    // 1970 began on a Thursday.
    ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"][super::habits::weekday_of(secs)]
}
