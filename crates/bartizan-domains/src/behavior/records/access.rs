//! What a line of a web server's access log says of its client.

use crate::access::Entry;
use crate::behavior::Service;
use crate::behavior::sessions::{Activity, decoy_path, injected};
use crate::web::path_of;
use crate::web::text::decode;
use crate::web::values::parameters;
use bartizan_core::{Record, Timestamp, TrustedProxies};

/// Parts of paths where people log in.
const LOGINS: &[&str] = &["login", "logon", "signin", "sign-in", "/auth", "/session", "/token"];

/// What an entry says; `proxies` choose the client from a list.
pub(super) fn record(entry: &Entry<'_>, line: u64, proxies: &TrustedProxies) -> Record<Vec<Activity>> {
    let path = decode(path_of(&entry.target), false).text;
    let changes = ["POST", "PUT", "PATCH", "DELETE"].iter().any(|method| entry.method.eq_ignore_ascii_case(method));
    let failed = login_failed(entry.status, &path, changes);
    let is_login = changes && is_where_people_log_in(&path);
    let activity = Activity {
        client: proxies.client(&entry.told_client()).into_owned(),
        time: entry.time.map_or(0, Timestamp::secs),
        line,
        requests: 1,
        failed_logins: u32::from(failed),
        service: Service::Web,
        tries: is_login && failed,
        tried: u32::from(is_login && failed),
        accepted: u32::from(is_login && !failed && matches!(entry.status, Some(200..=399))),
        changes: u32::from(changes),
        injection: carries_injection(&entry.target, &path),
        decoy: decoy_path(&path, entry.status),
        ..Activity::default()
    };
    Record { event: vec![activity], label: None, label_name: None, line }
}

fn is_where_people_log_in(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    LOGINS.iter().any(|part| path.contains(part))
}

/// 401 says it of any path; other refusals say it where people log in. WordPress answers a failed login with the form
/// again, and a good one with a redirection.
fn login_failed(status: Option<u16>, path: &str, changes: bool) -> bool {
    let login = changes && is_where_people_log_in(path);
    match status {
        Some(401) => true,
        Some(400 | 403 | 422 | 429) => login,
        Some(200) => login && path.to_ascii_lowercase().ends_with("/wp-login.php"),
        _ => false,
    }
}

fn carries_injection(target: &str, path: &str) -> bool {
    let mut found = injected(path);
    let query = target.split_once('?').map_or("", |(_, query)| query);
    parameters(query, |name, value| found = found || injected(name) || injected(&value.text));
    found
}
