//! How events lie in the store: one byte that names the format, then postcard.

use serde::{Serialize, de::DeserializeOwned};
use thiserror::Error;

const FORMAT: u8 = 1;

/// Why a stored event cannot be read.
#[derive(Debug, Error)]
pub(crate) enum CodecError {
    #[error("the stored event is empty")]
    Empty,
    #[error("the stored event has format {0}, this release reads {FORMAT}")]
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
        Some((&other, _)) => Err(CodecError::Format(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::{CodecError, decode, encode};

    #[test]
    fn events_come_back_and_damage_is_said() {
        let bytes = encode(&("GET", 7_u32)).unwrap();
        assert_eq!(decode::<(String, u32)>(&bytes).unwrap(), ("GET".to_owned(), 7));
        assert!(matches!(decode::<(String, u32)>(&[]), Err(CodecError::Empty)));
        assert!(matches!(decode::<(String, u32)>(&[9, 1]), Err(CodecError::Format(9))));
        assert!(matches!(decode::<(String, u32)>(&bytes[..3]), Err(CodecError::Body(_))));
    }
}
