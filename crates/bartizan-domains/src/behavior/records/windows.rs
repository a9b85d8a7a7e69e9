//! Logins to Windows as Winlogbeat exports them: events 4624 and 4625 of the security log, one a line.

use super::address::address;
use super::connections::Connections;
use super::told::{Peer, Said, Teller, Told};
use crate::behavior::sessions::Activity;
use crate::raw::{Raw, RawKind, RawObject};
use crate::records::mended;
use crate::web::text::{hash, hash_on};
use bartizan_core::{Record, Timestamp};
use serde_json::Value;

/// The events: a login, and one that failed.
const ACCEPTED: &str = "4624";
const FAILED: &str = "4625";
/// A login that failed because there is no such user.
const NO_SUCH_USER: &str = "0xc0000064";
/// Logins in which nobody types a password: of services, of the system itself.
const NOBODY: &[&str] = &["0", "4", "5"];
/// Most bytes of a name.
const MAX_NAME: usize = 256;

const TOP: &[&str] = &["@timestamp", "event", "winlog", "event_id", "event_data", "computer_name", "event.code", "host"];
const WINLOG: &[&str] = &["event_id", "event_data", "computer_name"];
const DATA: &[&str] = &["IpAddress", "TargetUserName", "WorkstationName", "Status", "SubStatus", "LogonType"];

/// Whether a line looks like one of Winlogbeat.
pub(super) fn is_line(text: &str) -> bool {
    text.starts_with('{') && text.contains("\"event_data\"") && text.contains("\"@timestamp\"")
}

/// The events, as far as they have been read.
#[derive(Default)]
pub(super) struct Events(Connections);

impl Events {
    /// # Errors
    /// When the line is no event. Events of other kinds say nothing.
    pub(super) fn line(&mut self, bytes: &[u8], line: u64) -> Result<Record<Vec<Activity>>, String> {
        let text = mended(bytes);
        let raw = Raw::parse(text.as_bytes()).map_err(|e| e.to_string())?;
        let event = RawObject::read(raw, TOP).ok_or("an object was expected")?;
        let time = event.some("@timestamp").and_then(Raw::text).ok_or("@timestamp is missing")?;
        let time = Timestamp::parse(&time).map_err(|e| e.to_string())?.secs();
        let activity = Login::of(&event).map_or_else(Vec::new, |login| self.tell(login, (time, line)));
        Ok(Record { event: activity, label: None, label_name: None, line })
    }

    pub(super) fn finish(&mut self) -> Vec<Activity> {
        self.0.finish()
    }

    fn tell(&mut self, login: Login, at: (i64, u64)) -> Vec<Activity> {
        let key = hash_on(hash(b"windows"), login.client.as_bytes());
        let said = if login.accepted { Said::Admitted } else { Said::Failed(Teller::Server, 1) };
        let told = Told { said, peer: Peer::Name(login.client), user: login.user.into(), no_such_user: login.no_such_user };
        self.0.tell(key, at, &told, 1, None)
    }
}

/// One login.
struct Login {
    accepted: bool,
    client: String,
    user: String,
    no_such_user: bool,
}

impl Login {
    fn of(event: &RawObject<'_>) -> Option<Self> {
        let within = |raw: Option<Raw<'_>>, name: &'static str| -> Option<String> {
            RawObject::read(raw?, &[name]).and_then(|object| object.some(name).and_then(written))
        };
        let winlog = event.some("winlog").and_then(|raw| RawObject::read(raw, WINLOG));
        let of_winlog = |name| winlog.as_ref().and_then(|winlog| winlog.some(name));
        let code = of_winlog("event_id").or_else(|| event.some("event_id")).or_else(|| event.some("event.code")).and_then(written);
        let code = code.or_else(|| within(event.some("event"), "code"))?;
        let accepted = code == ACCEPTED;
        if !accepted && code != FAILED {
            return None;
        }
        let data = of_winlog("event_data").or_else(|| event.some("event_data")).and_then(|raw| RawObject::read(raw, DATA))?;
        let field = |name| data.some(name).and_then(written).filter(|text| !text.is_empty() && text != "-");
        let user = field("TargetUserName").unwrap_or_default();
        if accepted && (user.ends_with('$') || field("LogonType").is_some_and(|kind| NOBODY.contains(&kind.as_str()))) {
            return None;
        }
        let computer = || of_winlog("computer_name").or_else(|| event.some("computer_name")).and_then(written);
        let remote = field("IpAddress").map(|text| text.split('%').next().unwrap_or_default().to_owned());
        let remote = remote.and_then(|text| address(&text)).filter(|address| !["127.0.0.1", "::1"].contains(&address.as_str()));
        let client = remote.or_else(|| field("WorkstationName")).or_else(computer).or_else(|| within(event.some("host"), "name"))?;
        let no_such_user =
            ["Status", "SubStatus"].iter().any(|name| field(name).is_some_and(|code| code.eq_ignore_ascii_case(NO_SUCH_USER)));
        Some(Self { accepted, client, user, no_such_user })
    }
}

/// A text or a number, the beginning of a long one.
fn written(raw: Raw<'_>) -> Option<String> {
    match raw.kind() {
        RawKind::Text => raw.text().map(|text| bartizan_core::head(text.trim(), MAX_NAME).to_owned()),
        RawKind::Number => raw.scalar().as_ref().map(Value::to_string),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::Events;
    use serde_json::{Value, json};

    /// Client, failures, logins and whether there is no such user, of each activity.
    fn read(events: &[Value]) -> Vec<(String, u32, u32, bool)> {
        let mut all = Events::default();
        let read = |(line, event): (u64, &Value)| all.line(event.to_string().as_bytes(), line).unwrap().event;
        let out: Vec<_> = (1..).zip(events).flat_map(read).collect();
        out.into_iter().map(|said| (said.client, said.failed_logins, said.accepted, said.no_such_user)).collect()
    }

    fn event(code: &str, data: Value) -> Value {
        json!({
            "@timestamp": "2026-01-01T10:00:00.5Z",
            "event": {"code": code},
            "winlog": {"event_id": code, "computer_name": "dc1.example", "event_data": data},
        })
    }

    #[test]
    fn logins_are_read_from_any_version() {
        let data = json!({"IpAddress": "198.51.100.9", "TargetUserName": "ann", "Status": "0xc000006d", "SubStatus": "0xC0000064"});
        let (client, known) = ("198.51.100.9".to_owned(), "ann".to_owned());
        assert_eq!(known, "ann");
        for (name, event, expected) in [
            ("version 8", event("4625", data.clone()), vec![(client.clone(), 1, 0, true)]),
            (
                "version 7, numbers",
                json!({"@timestamp": "2026-01-01T10:00:00Z", "winlog": {"event_id": 4625, "event_data": data}}),
                vec![(client.clone(), 1, 0, true)],
            ),
            (
                "version 6",
                json!({"@timestamp": "2026-01-01T10:00:00Z", "event_id": 4625, "computer_name": "dc1", "event_data": data}),
                vec![(client.clone(), 1, 0, true)],
            ),
            (
                "IPv4 within IPv6",
                event("4625", json!({"IpAddress": "::ffff:198.51.100.9", "TargetUserName": "ann", "Status": "0xc000006a"})),
                vec![(client, 1, 0, false)],
            ),
            (
                "from the machine itself",
                event("4625", json!({"IpAddress": "::1", "WorkstationName": "PC7", "TargetUserName": "ann"})),
                vec![("PC7".to_owned(), 1, 0, false)],
            ),
            (
                "from nowhere",
                event("4625", json!({"IpAddress": "-", "WorkstationName": "-"})),
                vec![("dc1.example".to_owned(), 1, 0, false)],
            ),
            (
                "a login",
                event("4624", json!({"IpAddress": "192.0.2.1", "TargetUserName": "ann", "LogonType": "10"})),
                vec![("192.0.2.1".to_owned(), 0, 1, false)],
            ),
            ("a service", event("4624", json!({"IpAddress": "-", "TargetUserName": "SYSTEM", "LogonType": "5"})), vec![]),
            ("a machine", event("4624", json!({"IpAddress": "192.0.2.1", "TargetUserName": "PC7$", "LogonType": "3"})), vec![]),
            ("another event", event("4688", json!({"IpAddress": "192.0.2.1"})), vec![]),
        ] {
            assert_eq!(read(&[event]), expected, "{name}");
        }
    }

    #[test]
    fn what_is_no_event_is_refused() {
        for text in ["", "[]", "{}", "{\"@timestamp\": \"now\"}", "{\"@timestamp\": \"2026-01-01T10:00:00Z\""] {
            assert!(Events::default().line(text.as_bytes(), 1).is_err(), "{text}");
        }
        let broken =
            br#"{"@timestamp":"2026-01-01T10:00:00Z","event_id":4625,"event_data":{"IpAddress":"192.0.2.1","TargetUserName":"\udce9"}}"#;
        assert_eq!(Events::default().line(broken, 1).unwrap().event.len(), 1);
    }
}
