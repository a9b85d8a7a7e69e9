//! How events and windows lie in the store: one byte that names the format, then postcard.
//!
//! Fields are only ever added at the end of an event, and each begins as empty, none or 0, which postcard writes as a zero byte. An
//! event of an older format is therefore read as one that ends in zeros.

use crate::live::SavedLive;
use bartizan_core::{Domain, Recency};
use serde::Serialize;
use sha2::{Digest, Sha256};
use thiserror::Error;

/// Format 1 is that of release 0.1.0; in 2, requests say who their client is and what was cut of them; in 3, two bytes that tell the kind,
/// whether the event came while serving, and what the windows said of it come before it; in 4, sessions say what their log told of logins.
const FORMAT: u8 = 4;
/// Fields that were added to an event since format 1, and since formats 2 and 3.
const ADDED_SINCE_1: usize = 3;
const ADDED_SINCE_3: usize = 1;
/// The format of a part of a checkpoint; in 2, clients of requests say at its end what they are.
const WINDOWS_FORMAT: u8 = 2;
/// Fields that were added to a part since format 1.
const ADDED_TO_WINDOWS: usize = 1;
/// And of those parts that hold the live counts of a model.
const LIVE_FORMAT: u8 = 0x80;

/// A stored event with what the windows said of it when it came; `None` where a release before format 3 stored it.
pub(crate) struct Stored<D: Domain> {
    pub(crate) event: D::Event,
    pub(crate) recent: Option<D::Recent>,
    /// Whether it came while serving, and counts in the windows; false for history that was given. True before format 3, which does not say.
    pub(crate) is_live: bool,
}

/// Why a stored event cannot be read.
#[derive(Debug, Error)]
pub(crate) enum CodecError {
    #[error("the stored event is empty")]
    Empty,
    #[error("the stored event has format {0}, this release reads 1 to {FORMAT}")]
    Format(u8),
    #[error("the stored event is of another kind")]
    Kind,
    #[error("the part of the inbox has format {0}, this release reads {PART_FORMAT}")]
    Part(u8),
    #[error("the part of the inbox is cut off")]
    Cut,
    #[error("the stored checkpoint has format {0}, this release reads 1 to {WINDOWS_FORMAT}")]
    Windows(u8),
    #[error("the stored checkpoint does not have its checksum")]
    Checksum,
    #[error("what is stored is damaged: {0}")]
    Body(#[from] postcard::Error),
}

/// What tells events of one kind from those of another: a detector that was of another kind before must not read them as its own.
fn tag<D: Domain>() -> [u8; 2] {
    // FNV-1a: it must be the same in every release.
    let hash = D::NAME.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    [hash as u8, (hash >> 16) as u8]
}

pub(crate) fn encode<D: Domain>(event: &D::Event, recent: Option<&D::Recent>, is_live: bool) -> Result<Vec<u8>, postcard::Error> {
    let mut bytes = Vec::with_capacity(512);
    bytes.push(FORMAT);
    bytes.extend(tag::<D>());
    postcard::to_extend(&(is_live, recent, event), bytes)
}

/// The format of a part of the inbox: a byte for it, the format of its events, two bytes that tell the kind, and then each event after its
/// length, so that events of an older format can be read as ones that end in zeros.
const PART_FORMAT: u8 = 1;
/// Bytes before the first event, and before each.
pub(crate) const PART_HEAD: usize = 4;
const LENGTH: usize = 4;

/// What a part of the inbox begins with.
pub(crate) fn part_head<D: Domain>() -> [u8; PART_HEAD] {
    let [a, b] = tag::<D>();
    [PART_FORMAT, FORMAT, a, b]
}

/// Adds an event to those of a part.
pub(crate) fn extend_part<E: Serialize>(mut bytes: Vec<u8>, event: &E) -> Result<Vec<u8>, postcard::Error> {
    let start = bytes.len();
    bytes.extend([0; LENGTH]);
    let mut bytes = postcard::to_extend(event, bytes)?;
    let length = u32::try_from(bytes.len() - start - LENGTH).map_err(|_| postcard::Error::SerializeBufferFull)?;
    bytes[start..start + LENGTH].copy_from_slice(&length.to_le_bytes());
    Ok(bytes)
}

/// Reads the events of a part. On an error, `events` may have some of them.
pub(crate) fn decode_part<D: Domain>(bytes: &[u8], events: &mut Vec<D::Event>) -> Result<(), CodecError> {
    let (head, mut rest) = bytes.split_first_chunk::<PART_HEAD>().ok_or(CodecError::Empty)?;
    let [PART_FORMAT, format, kind @ ..] = head else { return Err(CodecError::Part(head[0])) };
    if *kind != tag::<D>() {
        return Err(CodecError::Kind);
    }
    while !rest.is_empty() {
        let (length, after) = rest.split_first_chunk::<LENGTH>().ok_or(CodecError::Cut)?;
        let length = u32::from_le_bytes(*length) as usize;
        let (event, after) = after.split_at_checked(length).ok_or(CodecError::Cut)?;
        events.push(match format {
            &FORMAT => postcard::from_bytes(event)?,
            other => return Err(CodecError::Format(*other)),
        });
        rest = after;
    }
    Ok(())
}

pub(crate) fn decode<D: Domain>(bytes: &[u8]) -> Result<Stored<D>, CodecError> {
    let alone = |body: &[u8]| Ok(Stored { event: postcard::from_bytes(body)?, recent: None, is_live: true });
    match bytes {
        [] => Err(CodecError::Empty),
        [FORMAT, a, b, body @ ..] if [*a, *b] == tag::<D>() => {
            let (is_live, recent, event) = postcard::from_bytes(body)?;
            Ok(Stored { event, recent, is_live })
        }
        [3, a, b, body @ ..] if [*a, *b] == tag::<D>() => {
            let (is_live, recent, event) = postcard::from_bytes(&[body, &[0; ADDED_SINCE_3]].concat())?;
            Ok(Stored { event, recent, is_live })
        }
        [3 | FORMAT, ..] => Err(CodecError::Kind),
        [2, body @ ..] => alone(&[body, &[0; ADDED_SINCE_3]].concat()),
        [1, body @ ..] => alone(&[body, &[0; ADDED_SINCE_1]].concat()),
        [other, ..] => Err(CodecError::Format(*other)),
    }
}

/// Bytes of the checksum of a part of a checkpoint.
const CHECKSUM: usize = 8;

fn checksum(body: &[u8]) -> [u8; CHECKSUM] {
    let digest = Sha256::digest(body);
    std::array::from_fn(|i| digest[i])
}

/// A part of a checkpoint of the windows: the format, a checksum, and postcard. What is damaged must not be believed.
pub(crate) fn encode_windows<W: Recency>(saved: &W::Saved) -> Result<Vec<u8>, postcard::Error> {
    let mut bytes = postcard::to_extend(saved, vec![0; 1 + CHECKSUM])?;
    bytes[0] = WINDOWS_FORMAT;
    let sum = checksum(&bytes[1 + CHECKSUM..]);
    bytes[1..=CHECKSUM].copy_from_slice(&sum);
    Ok(bytes)
}

/// The live counts of a model, as a part of the checkpoint of the windows.
pub(crate) fn encode_live(saved: &SavedLive) -> Result<Vec<u8>, postcard::Error> {
    let mut bytes = postcard::to_extend(saved, vec![0; 1 + CHECKSUM])?;
    bytes[0] = LIVE_FORMAT;
    let sum = checksum(&bytes[1 + CHECKSUM..]);
    bytes[1..=CHECKSUM].copy_from_slice(&sum);
    Ok(bytes)
}

/// `None` of another part of the checkpoint, and of counts that are damaged: the model then begins as it was learned.
pub(crate) fn decode_live(bytes: &[u8]) -> Option<SavedLive> {
    let (&format, rest) = bytes.split_first()?;
    let (sum, body) = rest.split_at_checked(CHECKSUM)?;
    (format == LIVE_FORMAT && sum == checksum(body)).then(|| postcard::from_bytes(body).ok()).flatten()
}

pub(crate) fn decode_windows<W: Recency>(bytes: &[u8]) -> Result<W::Saved, CodecError> {
    let (&format, rest) = bytes.split_first().ok_or(CodecError::Empty)?;
    if !(1..=WINDOWS_FORMAT).contains(&format) {
        return Err(CodecError::Windows(format));
    }
    let (sum, body) = rest.split_at_checked(CHECKSUM).ok_or(CodecError::Checksum)?;
    if sum != checksum(body) {
        return Err(CodecError::Checksum);
    }
    if format == 1 {
        return Ok(postcard::from_bytes(&[body, &[0; ADDED_TO_WINDOWS]].concat())?);
    }
    Ok(postcard::from_bytes(body)?)
}

/// Events as releases stored them, in `tests/fixtures/events`: `KIND-FORMAT`. Those of the newest format are written by
/// `BARTIZAN_WRITE_FIXTURES=1 cargo nextest run -p bartizan-pipeline codec`, once; none is ever changed.
#[cfg(test)]
mod tests {
    use super::{
        CodecError, FORMAT, LENGTH, Stored, WINDOWS_FORMAT, decode, decode_part, decode_windows, encode, encode_windows, extend_part,
        part_head,
    };
    use bartizan_core::{Domain, Identity, Recency, Timestamp, Tracking};
    use bartizan_domains::behavior::{Behavior, Logins, SessionEvent};
    use bartizan_domains::flows::{FlowEvent, Flows};
    use bartizan_domains::logs::{LogEvent, LogRecency, Logs};
    use bartizan_domains::requests::{RequestEvent, RequestRecency, Requests};
    use std::path::PathBuf;

    /// The first format that has log entries.
    const FIRST_OF_LOGS: u8 = 4;

    fn at() -> Timestamp {
        Timestamp::parse("2026-01-31T09:30:00Z").unwrap()
    }

    fn request() -> RequestEvent {
        let headers = [("User-Agent", "curl/8.5.0"), ("Accept", "*/*")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        RequestEvent {
            request_id: "r-1".to_owned(),
            ip_address: "203.0.113.9, 10.0.0.1".to_owned(),
            endpoint: "/orders/7?page=2".to_owned(),
            http_method: "POST".to_owned(),
            headers: headers.to_vec(),
            payload: r#"{"note": "blue lamp"}"#.to_owned(),
            timestamp: at(),
            query_string: Some("page=2".to_owned()),
            content_type: Some("application/json".to_owned()),
            status: None,
            has_headers: true,
            client: String::new(),
            cut: Vec::new(),
        }
    }

    fn flow() -> FlowEvent {
        FlowEvent {
            time: at(),
            event_id: "f-1".to_owned(),
            source: "203.0.113.9".to_owned(),
            destination: "198.51.100.7:443".to_owned(),
            protocol: "tcp".to_owned(),
            values: (0..78).map(|i| i as f32 * 1.5 - 3.0).collect(),
        }
    }

    fn path(name: &str) -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/events").join(name)
    }

    fn session() -> SessionEvent {
        SessionEvent {
            time: at(),
            event_id: "s-1".to_owned(),
            client: "203.0.113.9".to_owned(),
            failed_logins: 3,
            request_rate: 40,
            commands_count: 2,
            sql_payload: false,
            honeytoken_access: true,
            session_time: 90,
            attack: None,
            logins: Some(Logins {
                known: true,
                failed_hour: 3,
                failed_day: 7,
                names: 2,
                strange_names: 1,
                looks: 300,
                ..Logins::default()
            }),
        }
    }

    fn entry() -> LogEvent {
        LogEvent {
            timestamp: at(),
            user_id: "ann".to_owned(),
            endpoint: "/orders/7?page=2".to_owned(),
            method: "POST".to_owned(),
            ip_address: "203.0.113.9, 10.0.0.1".to_owned(),
            user_agent: Some("curl/8.5.0".to_owned()),
            status_code: Some(401),
            response_time: Some(0.25),
            request_size: None,
            response_size: Some(5_300),
            client: "203.0.113.9".to_owned(),
            counted: None,
        }
    }

    /// An entry of one of some users, so many seconds after the first.
    fn later(user: usize, secs: i64) -> LogEvent {
        let status = if secs % 3 == 0 { 401 } else { 200 };
        let (user_id, client) = (format!("user-{user}"), format!("203.0.113.{user}"));
        LogEvent { timestamp: at().plus_secs(secs), user_id, client, status_code: Some(status), ..entry() }
    }

    fn log_windows() -> LogRecency {
        Logs::recency(&Tracking::by_address(10_000))
    }

    /// Windows of eight users, and of one that nobody knows by a name.
    fn logs_seen() -> LogRecency {
        let windows = log_windows();
        (0..40).for_each(|turn| (0..8).for_each(|user| _ = windows.observe(&later(user, 60 * turn + user as i64))));
        (0..4).for_each(|turn| _ = windows.observe(&LogEvent { user_id: String::new(), ..later(9, 700 * turn) }));
        windows
    }

    /// Windows that have seen the request twice.
    fn windows() -> RequestRecency {
        let windows = Requests::recency(&Tracking::by_address(10));
        (0..2).for_each(|_| _ = windows.observe(&request()));
        windows
    }

    fn empty() -> RequestRecency {
        Requests::recency(&Tracking { max_entities: 10_000, identity: Identity::parse(&["x-user-id"]).unwrap() })
    }

    /// A request of one of those who share the address, so many minutes after the first.
    fn shared(user: usize, minutes: i64) -> RequestEvent {
        let mut event = RequestEvent { timestamp: at().plus_secs(60 * minutes), ..request() };
        event.headers.push(("X-User-Id".to_owned(), format!("user-{user}")));
        event
    }

    /// Windows of an address that eight users share.
    fn shared_windows() -> RequestRecency {
        let windows = empty();
        (0..20).for_each(|minutes| (0..8).for_each(|user| _ = windows.observe(&shared(user, minutes))));
        windows
    }

    /// What format `format` holds of a kind is `event`, with what the windows said from format 3 on.
    fn check<D: Domain>(format: u8, event: &D::Event, recent: &D::Recent)
    where
        D::Event: PartialEq + std::fmt::Debug,
        D::Recent: PartialEq + std::fmt::Debug,
    {
        let path = path(&format!("{}-{format}", D::NAME));
        if format == FORMAT && std::env::var_os("BARTIZAN_WRITE_FIXTURES").is_some() {
            std::fs::write(&path, encode::<D>(event, Some(recent), false).unwrap()).unwrap();
        }
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(bytes[0], format);
        let stored: Stored<D> = decode(&bytes).unwrap();
        assert_eq!((&stored.event, &stored.recent), (event, &(format > 2).then(|| recent.clone())), "{}", path.display());
        let written = decode::<D>(&encode::<D>(&stored.event, stored.recent.as_ref(), true).unwrap()).unwrap();
        assert_eq!((written.event, written.recent), (stored.event, stored.recent));
        assert_eq!((written.is_live, stored.is_live), (true, format < 3), "{}", path.display());
        assert!(decode::<D>(&bytes[..bytes.len() / 2]).is_err(), "cut: {}", path.display());
    }

    /// Parts of the inbox, in `tests/fixtures/inbox`: `KIND-FORMAT` by the format of their events.
    #[test]
    fn parts_with_events_of_every_format_are_read() {
        let events = [request(), RequestEvent { client: "203.0.113.9".to_owned(), ..request() }];
        for format in 4..=FORMAT {
            check_part::<Requests>(format, &events);
            check_part::<Logs>(format, &[entry(), later(3, 70)]);
        }
    }

    fn check_part<D: Domain>(format: u8, events: &[D::Event])
    where
        D::Event: PartialEq + std::fmt::Debug,
    {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/inbox").join(format!("{}-{format}", D::NAME));
        if format == FORMAT && std::env::var_os("BARTIZAN_WRITE_FIXTURES").is_some() {
            let part = part_head::<D>().to_vec();
            std::fs::write(&path, events.iter().fold(part, |part, event| extend_part(part, event).unwrap())).unwrap();
        }
        let mut read = Vec::new();
        decode_part::<D>(&std::fs::read(&path).unwrap(), &mut read).unwrap();
        assert_eq!(read, events, "{}", path.display());
    }

    #[test]
    fn events_of_every_format_are_read() {
        let recent = windows().peek(&request());
        for format in 1..=FORMAT {
            let client = if format > 1 { "203.0.113.9".to_owned() } else { String::new() };
            check::<Requests>(format, &RequestEvent { client, ..request() }, &recent);
            check::<Flows>(format, &flow(), &());
            let logins = if format > 3 { session().logins } else { None };
            check::<Behavior>(format, &SessionEvent { logins, ..session() }, &());
        }
        for format in FIRST_OF_LOGS..=FORMAT {
            check::<Logs>(format, &entry(), &logs_seen().peek(&later(3, 2_500)));
        }
        assert_eq!(request().client(), "203.0.113.9");
    }

    #[test]
    fn what_no_release_wrote_and_what_is_of_another_kind_is_refused() {
        let bytes = encode::<Behavior>(&session(), Some(&()), true).unwrap();
        let refused = |bytes: &[u8]| decode::<Behavior>(bytes).err().unwrap();
        assert!(matches!(refused(&[]), CodecError::Empty));
        assert!(matches!(refused(&[9, 1]), CodecError::Format(9)));
        assert!(matches!(refused(&bytes[..9]), CodecError::Body(_)));
        assert!(matches!(refused(&bytes[..2]), CodecError::Kind));
        assert!(matches!(decode::<Requests>(&bytes), Err(CodecError::Kind)));
        assert!(matches!(decode::<Flows>(&bytes), Err(CodecError::Kind)));
    }

    /// All parts of a checkpoint, each behind its length.
    #[test]
    fn windows_of_logs_are_read() {
        let path = path(&format!("logs-windows-{WINDOWS_FORMAT}"));
        let written = logs_seen();
        if std::env::var_os("BARTIZAN_WRITE_FIXTURES").is_some() {
            let parts = (0..).map_while(|part| written.save(part)).map(|part| encode_windows::<LogRecency>(&part).unwrap());
            let framed: Vec<u8> = parts.flat_map(|part| [&(part.len() as u32).to_le_bytes()[..], &part].concat()).collect();
            std::fs::write(&path, framed).unwrap();
        }
        let (bytes, read) = (std::fs::read(&path).unwrap(), log_windows());
        let mut rest = &bytes[..];
        while let Some((length, after)) = rest.split_first_chunk::<LENGTH>() {
            let (part, after) = after.split_at(u32::from_le_bytes(*length) as usize);
            read.restore(decode_windows::<LogRecency>(part).unwrap());
            rest = after;
        }
        let nobody = LogEvent { user_id: String::new(), ..later(9, 2_500) };
        for event in (0..9).map(|user| later(user, 2_500)).chain([nobody, later(3, 90_000)]) {
            // As bytes: what is not known is NaN.
            let [read, written] = [&read, &written].map(|windows| postcard::to_allocvec(&windows.peek(&event)).unwrap());
            assert_eq!(read, written, "{event:?}");
        }
        assert_ne!(read.peek(&later(3, 2_500)), log_windows().peek(&later(3, 2_500)));
    }

    #[test]
    fn windows_of_every_format_are_read() {
        let newest = path(&format!("requests-windows-{WINDOWS_FORMAT}"));
        if std::env::var_os("BARTIZAN_WRITE_FIXTURES").is_some() {
            let (windows, encode) = (shared_windows(), |part| encode_windows::<RequestRecency>(&part).unwrap());
            let parts = (0..).map_while(|part| windows.save(part)).map(encode);
            std::fs::write(&newest, parts.max_by_key(Vec::len).unwrap()).unwrap();
        }
        let restored = |bytes: &[u8]| {
            let restored = empty();
            restored.restore(decode_windows::<RequestRecency>(bytes).unwrap());
            restored
        };
        let bytes = std::fs::read(newest).unwrap();
        let (written, read) = (shared_windows(), restored(&bytes));
        for event in [shared(3, 21), shared(9, 21), request()] {
            assert_eq!(read.peek(&event), written.peek(&event));
        }
        assert_ne!(read.peek(&shared(3, 21)), read.peek(&shared(9, 21)), "users of a shared address have windows of their own");
        let bytes = std::fs::read(path("requests-windows-1")).unwrap();
        assert_eq!(restored(&bytes).peek(&request()), windows().peek(&request()));
        assert!(matches!(decode_windows::<RequestRecency>(&[]), Err(CodecError::Empty)));
        assert!(matches!(decode_windows::<RequestRecency>(&[7, 0]), Err(CodecError::Windows(7))));
        for at in 1..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            for damaged in [&flipped, &bytes[..at]] {
                assert!(matches!(decode_windows::<RequestRecency>(damaged), Err(CodecError::Checksum)), "{at}");
            }
        }
    }
}
