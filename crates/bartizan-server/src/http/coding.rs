//! Content codings: compressed bodies.

use crate::http::refusal::Refusal;
use bartizan_domains::records::{PACKING_BYTES, Packing, packing};
use flate2::bufread::MultiGzDecoder;
use hyper::{
    HeaderMap, StatusCode,
    header::{CONTENT_ENCODING, HeaderValue},
};
use std::io::Read;

/// The supported codings, as a value of `Accept-Encoding`.
pub(crate) const SUPPORTED: HeaderValue = HeaderValue::from_static("gzip, zstd");

/// Largest window of a zstd body, as a power of two: 8 MiB, what RFC 9659 allows for this coding. Decoding takes that much memory.
const ZSTD_WINDOW_LOG: u32 = 23;
/// Most bytes that a byte of a compressed body may become: what is worked on then has some proportion to what was sent. Telemetry
/// becomes 5 to 30.
const MOST_FOR_A_BYTE: usize = 100;
/// Bytes that any compressed body may become.
const ALWAYS: usize = 1 << 20;
/// Bytes counted at a time.
const PIECE: usize = 64 << 10;
/// Characters of an unknown coding's name that are repeated.
const MOST_SHOWN: usize = 64;

/// How a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    Gzip,
    Zstd,
}

impl Coding {
    /// Reads `Content-Encoding`; `None` when the body is not compressed. Several codings over one another are not supported: each could
    /// multiply what the one before it makes.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Option<Self>, Refusal> {
        let mut found = None;
        for value in headers.get_all(CONTENT_ENCODING) {
            let unknown = |name: &str| Refusal::UnknownCoding(name.chars().take(MOST_SHOWN).collect());
            let text = value.to_str().map_err(|_| unknown("not text"))?;
            for name in text.split(',').map(str::trim) {
                let coding = match name.to_ascii_lowercase().as_str() {
                    "" | "identity" => continue,
                    "gzip" | "x-gzip" => Self::Gzip,
                    "zstd" => Self::Zstd,
                    _ => return Err(unknown(name)),
                };
                if found.replace(coding).is_some() {
                    return Err(unknown(text));
                }
            }
        }
        Ok(found)
    }

    /// Tells from the first bytes of a body whether it is compressed. What would be unpacked without a limit is refused.
    pub(crate) fn told_by(body: &[u8]) -> Result<Option<Self>, Refusal> {
        let refuse = |name: &str| {
            let text = format!("The request body is packed with {name}: send it plain, or packed with gzip or zstd");
            Err(Refusal::text(StatusCode::UNSUPPORTED_MEDIA_TYPE, text))
        };
        match packing(&body[..body.len().min(PACKING_BYTES)]) {
            None => Ok(None),
            Some(Packing::Gzip) => Ok(Some(Self::Gzip)),
            Some(Packing::Zstd) => Ok(Some(Self::Zstd)),
            Some(Packing::Xz) => refuse("xz"),
            Some(Packing::Bzip2) => refuse("bzip2"),
            Some(Packing::Zip) => refuse("zip"),
            Some(Packing::Other(name)) => refuse(name),
        }
    }

    /// Decodes twice: the first time only to count, so that a body that decodes to more than `limit` bytes, or than [`MOST_FOR_A_BYTE`] allows,
    /// takes no memory, and any other takes exactly its decoded length. `reserve` is called with that length and may refuse it. No bytes
    /// decode to no bytes.
    pub(crate) fn decode(self, coded: &[u8], limit: usize, reserve: impl FnOnce(usize) -> Result<(), Refusal>) -> Result<Vec<u8>, Refusal> {
        if coded.is_empty() {
            return Ok(Vec::new());
        }
        let most = coded.len().saturating_mul(MOST_FOR_A_BYTE).max(ALWAYS);
        let length = match count(self.reader(coded)?, limit.min(most)) {
            Err(Refusal::TooLarge { limit: reached }) if reached < limit => return Err(expands_too_much(most)),
            counted => counted?,
        };
        reserve(length)?;
        let mut whole = Vec::with_capacity(length);
        self.reader(coded)?.read_to_end(&mut whole).map_err(|_| damaged())?;
        Ok(whole)
    }

    fn reader(self, coded: &[u8]) -> Result<Box<dyn Read + '_>, Refusal> {
        Ok(match self {
            Self::Gzip => Box::new(MultiGzDecoder::new(coded)),
            Self::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(coded).map_err(|_| damaged())?;
                decoder.window_log_max(ZSTD_WINDOW_LOG).map_err(|_| damaged())?;
                Box::new(decoder)
            }
        })
    }
}

/// Counts the decoded bytes; an error when they are more than `limit`.
fn count(mut decoder: impl Read, limit: usize) -> Result<usize, Refusal> {
    let (mut length, mut piece) = (0, vec![0; PIECE]);
    loop {
        match decoder.read(&mut piece).map_err(|_| damaged())? {
            0 => return Ok(length),
            read => length += read,
        }
        if length > limit {
            return Err(Refusal::TooLarge { limit });
        }
    }
}

fn expands_too_much(most: usize) -> Refusal {
    let text = format!("Request body too large: compressed, it may become {MOST_FOR_A_BYTE} times its size or 1 MiB, here {most} bytes");
    Refusal::text(StatusCode::PAYLOAD_TOO_LARGE, text)
}

/// A body is unpacked once: each packing could multiply what the one around it makes.
pub(crate) fn packed_twice() -> Refusal {
    Refusal::text(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "The request body is packed more than once: send it plain, or packed with gzip or zstd",
    )
}

fn damaged() -> Refusal {
    Refusal::text(StatusCode::BAD_REQUEST, "The request body is not what its Content-Encoding says: it is damaged or ends early")
}

#[cfg(test)]
mod tests {
    use super::{ALWAYS, Coding, MOST_FOR_A_BYTE};
    use crate::http::refusal::Refusal;
    use flate2::{Compression, write::GzEncoder};
    use hyper::{HeaderMap, header::CONTENT_ENCODING};
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        zstd::encode_all(bytes, 3).unwrap()
    }

    #[test]
    fn the_header_is_read_whatever_its_case() {
        for (values, expected) in [
            (&[][..], Ok(None)),
            (&["identity"], Ok(None)),
            (&[""], Ok(None)),
            (&["GZip"], Ok(Some(Coding::Gzip))),
            (&["x-gzip"], Ok(Some(Coding::Gzip))),
            (&["identity, zstd"], Ok(Some(Coding::Zstd))),
            (&["br"], Err("br".to_owned())),
            (&["gzip, gzip"], Err("gzip, gzip".to_owned())),
            (&["gzip", "zstd"], Err("zstd".to_owned())),
            (&["deflate"], Err("deflate".to_owned())),
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(CONTENT_ENCODING, value.parse().unwrap());
            }
            let found = Coding::of(&headers).map_err(|refusal| match refusal {
                Refusal::UnknownCoding(name) => name,
                other => panic!("{other:?}"),
            });
            assert_eq!(found, expected, "{values:?}");
        }
    }

    #[test]
    fn bombs_stop_at_the_limit_and_damage_is_reported() {
        let zeros = vec![0; ALWAYS / 2];
        for (coding, coded) in [(Coding::Gzip, gzip(&zeros)), (Coding::Zstd, zstd(&zeros))] {
            let decode = |coded: &[u8], limit| coding.decode(coded, limit, |_| Ok(()));
            assert_eq!(decode(&coded, zeros.len()).unwrap(), zeros, "{coding:?}");
            assert_eq!(decode(b"", 0).unwrap(), b"", "{coding:?}");
            let stopped = coding.decode(&coded, 100_000, |covered| panic!("{covered} bytes are too many to be kept"));
            assert!(matches!(stopped, Err(Refusal::TooLarge { limit: 100_000 })), "{coding:?}");
            assert_eq!(decode(&coded, zeros.len()).unwrap().capacity(), zeros.len(), "{coding:?}");
            let refused = coding.decode(&coded, zeros.len(), |_| Err(Refusal::Forbidden));
            assert!(matches!(refused, Err(Refusal::Forbidden)), "{coding:?}");
            for damaged in [&coded[..coded.len() / 2], &coded[..coded.len() - 1], &coded[1..], b"{}"] {
                assert!(matches!(decode(damaged, zeros.len()), Err(Refusal::Text(..))), "{coding:?}");
            }
            let twice = [coded.clone(), coded].concat();
            assert_eq!(decode(&twice, 2 * zeros.len()).unwrap().len(), 2 * zeros.len(), "{coding:?}");
        }
    }

    #[test]
    fn what_becomes_much_more_than_was_sent_is_refused() {
        let noise: Vec<u8> = (0..100_000_u32).flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
        for (name, plain, taken) in [
            ("what any body may become", vec![0; ALWAYS], true),
            ("a byte more", vec![0; ALWAYS + 1], false),
            ("in proportion", [noise.clone(), vec![0; 10 * noise.len()]].concat(), true),
            ("out of proportion", [noise.clone(), vec![0; (MOST_FOR_A_BYTE + 30) * noise.len()]].concat(), false),
        ] {
            for (coding, coded) in [(Coding::Gzip, gzip(&plain)), (Coding::Zstd, zstd(&plain))] {
                let decoded = coding.decode(&coded, usize::MAX, |length| if taken { Ok(()) } else { panic!("{length} bytes are covered") });
                match decoded {
                    Ok(decoded) => assert!(taken && decoded == plain, "{name} {coding:?}"),
                    Err(Refusal::Text(status, text)) => assert!(!taken && status == 413 && text.contains("100 times"), "{name}: {text}"),
                    Err(other) => panic!("{name} {coding:?}: {other:?}"),
                }
            }
        }
    }

    #[test]
    fn a_window_beyond_the_allowed_one_is_refused() {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(27).unwrap();
        encoder.write_all(b"{}").unwrap();
        let coded = encoder.finish().unwrap();
        assert!(matches!(Coding::Zstd.decode(&coded, 100, |_| Ok(())), Err(Refusal::Text(..))));
    }
}
