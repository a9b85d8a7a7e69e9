//! How events lie in the store: one byte that names the format, then postcard.
//!
//! Fields are only ever added at the end of an event, and each begins as empty, none or 0, which postcard writes as a zero byte. An
//! event of an older format is therefore read as one that ends in zeros.

use serde::{Serialize, de::DeserializeOwned};
use thiserror::Error;

/// Format 1 is that of release 0.1.0; in 2, requests say who their client is and what was cut of them.
const FORMAT: u8 = 2;
/// Fields that were added to an event since format 1.
const ADDED_SINCE_1: usize = 2;

/// Why a stored event cannot be read.
#[derive(Debug, Error)]
pub(crate) enum CodecError {
    #[error("the stored event is empty")]
    Empty,
    #[error("the stored event has format {0}, this release reads 1 to {FORMAT}")]
    Format(u8),
    #[error("the stored event is damaged: {0}")]
    Body(#[from] postcard::Error),
}

pub(crate) fn encode<E: Serialize>(event: &E) -> Result<Vec<u8>, postcard::Error> {
    let mut bytes = Vec::with_capacity(512);
    bytes.push(FORMAT);
    postcard::to_extend(event, bytes)
}

pub(crate) fn decode<E: DeserializeOwned>(bytes: &[u8]) -> Result<E, CodecError> {
    match bytes.split_first() {
        None => Err(CodecError::Empty),
        Some((&FORMAT, body)) => Ok(postcard::from_bytes(body)?),
        Some((1, body)) => Ok(postcard::from_bytes(&[body, &[0; ADDED_SINCE_1]].concat())?),
        Some((&other, _)) => Err(CodecError::Format(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::{CodecError, decode, encode};
    use bartizan_core::Timestamp;
    use bartizan_domains::behavior::SessionEvent;
    use bartizan_domains::requests::RequestEvent;

    /// What release 0.1.0 stored of a request and of a session.
    const REQUEST_1: &[u8] =
        b"\x01\x03r-1\x15203.0.113.9, 10.0.0.1\x10/orders/7?page=2\x04POST\x02\x0aUser-Agent\x0acurl/8.5.0\x06Accept\x03\
        */*\x15{\"note\": \"blue lamp\"}\x80\xd8\xc0\xbd\xf7\xea\xa4\x06\x01\x06page=2\x01\x10application/json\x00\x01";
    const SESSION_1: &[u8] = b"\x01\x80\xd8\xc0\xbd\xf7\xea\xa4\x06\x03s-1\x0b203.0.113.9\x03(\x02\x00\x01Z\x00";

    #[test]
    fn events_of_release_0_1_0_are_read() {
        let request: RequestEvent = decode(REQUEST_1).unwrap();
        let headers = [("User-Agent", "curl/8.5.0"), ("Accept", "*/*")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        let expected = RequestEvent {
            request_id: "r-1".to_owned(),
            ip_address: "203.0.113.9, 10.0.0.1".to_owned(),
            endpoint: "/orders/7?page=2".to_owned(),
            http_method: "POST".to_owned(),
            headers: headers.to_vec(),
            payload: r#"{"note": "blue lamp"}"#.to_owned(),
            timestamp: Timestamp::parse("2026-01-31T09:30:00Z").unwrap(),
            query_string: Some("page=2".to_owned()),
            content_type: Some("application/json".to_owned()),
            status: None,
            has_headers: true,
            client: String::new(),
            cut: Vec::new(),
        };
        assert_eq!(request, expected);
        assert_eq!(request.client(), "203.0.113.9");
        let session: SessionEvent = decode(SESSION_1).unwrap();
        assert_eq!((session.values(), session.client.as_str(), session.event_id.as_str()), ([3, 40, 2, 0, 1, 90], "203.0.113.9", "s-1"));
        for event in [REQUEST_1, SESSION_1] {
            assert!(decode::<RequestEvent>(&event[..event.len() / 2]).is_err());
        }
        assert_eq!(decode::<RequestEvent>(&encode(&request).unwrap()).unwrap(), request);
    }

    #[test]
    fn events_come_back_and_damage_is_said() {
        let bytes = encode(&("GET", 7_u32)).unwrap();
        assert_eq!(decode::<(String, u32)>(&bytes).unwrap(), ("GET".to_owned(), 7));
        assert!(matches!(decode::<(String, u32)>(&[]), Err(CodecError::Empty)));
        assert!(matches!(decode::<(String, u32)>(&[9, 1]), Err(CodecError::Format(9))));
        assert!(matches!(decode::<(String, u32)>(&bytes[..3]), Err(CodecError::Body(_))));
    }
}
