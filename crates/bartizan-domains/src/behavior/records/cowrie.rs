//! What the SSH honeypot Cowrie says of its visitors: JSON lines of events, or a table of its sessions.

use super::address::address;
use super::table::Header;
use crate::behavior::Service;
use crate::behavior::body::whole_of_text;
use crate::behavior::sessions::{Activity, decoy_account, decoy_command, injected, sql_in};
use crate::records::mended;
use crate::web::text::hash;
use bartizan_core::{Record, Timestamp, head};
use serde::Deserialize;
use std::borrow::Cow;

/// Most bytes of a label.
const MAX_LABEL: usize = 64;

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow)]
    eventid: Cow<'a, str>,
    #[serde(borrow)]
    timestamp: Cow<'a, str>,
    #[serde(borrow)]
    src_ip: Cow<'a, str>,
    #[serde(borrow, default)]
    username: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    password: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    input: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    session: Option<Cow<'a, str>>,
}

pub(super) fn line(bytes: &[u8], line: u64, _now: Timestamp) -> Result<Record<Vec<Activity>>, String> {
    // A visitor's bytes may be no characters: they must not hide the visitor.
    let text = mended(bytes);
    let event: Event<'_> = serde_json::from_str(&text).map_err(|e| e.to_string())?;
    let time = Timestamp::parse(&event.timestamp).map_err(|e| e.to_string())?.secs();
    let client = address(&event.src_ip).ok_or_else(|| format!("src_ip: {:?} is no address", event.src_ip))?;
    let texts = [&event.username, &event.password];
    let mut activity = Activity { client, time, line, requests: 1, service: Service::Honeypot, ..Activity::default() };
    activity.name = event.username.as_ref().map(|name| hash(name.as_bytes()));
    activity.injection = texts.into_iter().flatten().any(|text| injected(text));
    activity.decoy = event.username.as_ref().is_some_and(|name| decoy_account(name));
    let session = || event.session.as_ref().map_or(line, |session| hash(session.as_bytes()));
    match event.eventid.as_ref() {
        "cowrie.session.connect" => activity.looks = 1,
        "cowrie.login.failed" => (activity.failed_logins, activity.tries, activity.tried) = (1, true, 1),
        "cowrie.login.success" => (activity.command, activity.accepted) = (Some(session()), 1),
        "cowrie.command.input" | "cowrie.command.failed" => {
            let input = event.input.unwrap_or_default();
            activity.command = Some(hash(input.as_bytes()));
            (activity.injection, activity.decoy) = (sql_in(&input), decoy_command(&input));
        }
        _ => activity.requests = 0,
    }
    Ok(Record { event: vec![activity], label: None, label_name: None, line })
}

/// What a table of sessions must have.
pub(super) const COLUMNS: &[&str] = &["src_ip", "start_time", "login_failed"];

/// A row of a table of sessions. Many short ones of one client are one long one here. A column `label` is passed over
/// unless it was named: who visits a honeypot is never known to belong.
pub(super) fn row(header: &Header, row: &[String], line: u64, _now: Timestamp) -> Result<Record<Vec<Activity>>, String> {
    let time = Timestamp::parse(header.field(row, "start_time")).map_err(|e| e.to_string())?.secs();
    let client = header.field(row, "src_ip");
    let client = address(client).ok_or_else(|| format!("src_ip: {client:?} is no address"))?;
    let count = |name| whole_of_text(header.field(row, name)).map(|count| count.clamp(0, i64::from(u32::MAX)) as u32);
    let failed_logins = count("login_failed").ok_or("login_failed is not a whole number")?;
    let changes = count("login_success").unwrap_or(0);
    let span = header.field(row, "duration").parse::<f64>().map_or(0, |seconds| seconds as i64);
    let activity = Activity {
        client,
        time,
        span,
        line,
        requests: 1,
        failed_logins,
        changes,
        service: if header.field(row, "protocol").eq_ignore_ascii_case("telnet") { Service::Telnet } else { Service::Ssh },
        accepted: changes,
        tries: failed_logins > 0,
        tried: failed_logins,
        looks: u32::from(failed_logins.saturating_add(changes) == 0),
        label: header.named_label(row).filter(|name| !name.is_empty()).map(|name| head(name, MAX_LABEL).to_owned()),
        ..Activity::default()
    };
    Ok(Record { event: vec![activity], label: None, label_name: None, line })
}
