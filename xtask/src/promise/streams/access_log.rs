//! A real access log in the combined format, as requests.

use super::Request;
use anyhow::Context;
use bartizan_core::Timestamp;
use std::path::Path;

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Its requests in the order of time; lines that are none are passed over.
pub(crate) fn access_log(data: &Path) -> anyhow::Result<Vec<Request>> {
    let path = data.join("access_logs/elastic_apache_logs");
    let text = std::fs::read(&path).with_context(|| path.display().to_string())?;
    let mut requests: Vec<Request> = String::from_utf8_lossy(&text).lines().filter_map(request).collect();
    requests.sort_by_key(|request| request.at);
    Ok(requests)
}

/// `CLIENT - USER [TIME] "METHOD PATH PROTOCOL" STATUS BYTES "REFERER" "AGENT"`.
fn request(line: &str) -> Option<Request> {
    let mut quoted = line.split('"');
    let (head, asked, _, referer, _, agent) =
        (quoted.next()?, quoted.next()?, quoted.next()?, quoted.next()?, quoted.next()?, quoted.next()?);
    let at = time(head.split_once('[')?.1.split(']').next()?)?;
    let mut words = asked.split(' ');
    let request = Request::new(at, head.split(' ').next()?, words.next()?, words.next()?);
    let given = [("user-agent", agent), ("referer", referer)].into_iter().filter(|(_, value)| *value != "-");
    Some(given.fold(request, |request, (name, value)| request.header(name, value)))
}

/// `17/May/2015:10:05:03 +0000` in milliseconds since 1970.
fn time(text: &str) -> Option<i64> {
    let (moment, zone) = text.split_once(' ')?;
    let mut parts = moment.splitn(4, ['/', ':']);
    let (day, month, year, clock) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let month = 1 + MONTHS.iter().position(|name| *name == month)?;
    let (hours, minutes) = zone.split_at_checked(3)?;
    let text = format!("{year}-{month:02}-{day}T{clock}{hours}:{minutes}");
    Timestamp::parse(&text).ok().map(|time| time.micros() / 1_000)
}

#[cfg(test)]
mod tests {
    use super::request;

    #[test]
    fn a_line_is_read() {
        let line = r#"83.149.9.216 - - [17/May/2015:10:05:03 +0200] "GET /a?b=1 HTTP/1.1" 200 203 "-" "Mozilla/5.0 (X11)""#;
        let read = request(line).unwrap();
        assert_eq!((read.client.as_str(), read.method.as_str(), read.endpoint.as_str()), ("83.149.9.216", "GET", "/a?b=1"));
        assert_eq!(read.headers, [("user-agent".to_owned(), "Mozilla/5.0 (X11)".to_owned())]);
        assert!(String::from_utf8(read.body("1")).unwrap().contains("2015-05-17T08:05:03Z"));
        assert!(request("no line of a log").is_none());
    }
}
