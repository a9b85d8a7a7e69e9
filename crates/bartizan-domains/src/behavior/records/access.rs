//! What a line of a web server's access log says of its client.

use crate::behavior::Service;
use crate::behavior::sessions::{Activity, decoy_path, injected};
use crate::requests::RequestEvent;
use crate::requests::records::combined;
use crate::requests::text::decode;
use crate::requests::values::parameters;
use bartizan_core::{Record, Timestamp};

/// Parts of paths where people log in.
const LOGINS: &[&str] = &["login", "logon", "signin", "sign-in", "/auth", "/session", "/token"];

pub(super) fn line(bytes: &[u8], line: u64, now: Timestamp) -> Result<Record<Vec<Activity>>, String> {
    let request = combined::parse(&crate::records::decode(bytes).0, now)?;
    let path = decode(request.path(), false).text;
    let changes = ["POST", "PUT", "PATCH", "DELETE"].iter().any(|method| request.http_method.eq_ignore_ascii_case(method));
    let failed = login_failed(&request, &path, changes);
    let is_login = changes && is_where_people_log_in(&path);
    let activity = Activity {
        client: request.client().to_owned(),
        time: request.timestamp.secs(),
        line,
        requests: 1,
        failed_logins: u32::from(failed),
        service: Service::Web,
        tries: is_login && failed,
        tried: u32::from(is_login && failed),
        accepted: u32::from(is_login && !failed && matches!(request.status, Some(200..=399))),
        changes: u32::from(changes),
        injection: carries_injection(&request, &path),
        decoy: decoy_path(&path, request.status),
        ..Activity::default()
    };
    Ok(Record { event: vec![activity], label: None, label_name: None, line })
}

fn is_where_people_log_in(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    LOGINS.iter().any(|part| path.contains(part))
}

/// 401 says it of any path; other refusals say it where people log in. WordPress answers a failed login with the form
/// again, and a good one with a redirection.
fn login_failed(request: &RequestEvent, path: &str, changes: bool) -> bool {
    let login = changes && is_where_people_log_in(path);
    match request.status {
        Some(401) => true,
        Some(400 | 403 | 422 | 429) => login,
        Some(200) => login && path.to_ascii_lowercase().ends_with("/wp-login.php"),
        _ => false,
    }
}

fn carries_injection(request: &RequestEvent, path: &str) -> bool {
    let mut found = injected(path);
    parameters(request.query(), |name, value| found = found || injected(name) || injected(&value.text));
    found
}
