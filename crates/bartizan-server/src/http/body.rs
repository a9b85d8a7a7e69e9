//! Reading request bodies within limits.

use crate::http::refusal::Refusal;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::{HeaderMap, StatusCode, body::Body, header::CONTENT_LENGTH};
use std::{sync::Arc, time::Duration};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How much is read, and for how long.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// Bytes of one body.
    pub(crate) body_bytes: usize,
    /// Room for all large bodies together, in units of [`ROOM`].
    pub(crate) room: Arc<Semaphore>,
    /// Time for one body to arrive.
    pub(crate) body_time: Duration,
}

/// What is counted of large bodies; smaller ones are not counted.
const ROOM: usize = 1 << 20;

impl Limits {
    /// Limits of one body, and of all large ones together.
    pub(crate) fn new(body_bytes: usize, buffered_bytes: usize, body_time: Duration) -> Self {
        let units = (buffered_bytes / ROOM).clamp(1, Semaphore::MAX_PERMITS);
        Self { body_bytes, room: Arc::new(Semaphore::new(units)), body_time }
    }
}

/// A large body and the room it takes until it is dropped.
struct Large {
    bytes: Bytes,
    _taken: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Large {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// How much of a refused body is read and thrown away, so that its sender comes to read the answer.
const MOST_DISCARDED: usize = 128 << 20;
const LONGEST_DISCARDING: Duration = Duration::from_secs(10);

/// Reads a body to its end. One that arrived in one piece is not copied.
pub(crate) async fn read<B>(body: B, limits: Limits) -> Result<Bytes, Refusal>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: std::fmt::Display + Send,
{
    match tokio::time::timeout(limits.body_time, read_all(body, &limits)).await {
        Ok(read) => read,
        Err(_) => Err(Refusal::text(StatusCode::REQUEST_TIMEOUT, "The request body did not arrive in time")),
    }
}

/// [`read`] without a limit in time, for callers that have one around them.
pub(crate) async fn read_all<B>(mut body: B, limits: &Limits) -> Result<Bytes, Refusal>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: std::fmt::Display + Send,
{
    let limit = limits.body_bytes;
    let Some(first) = next(&mut body).await? else { return Ok(Bytes::new()) };
    if first.len() > limit {
        discard(body);
        return Err(Refusal::TooLarge { limit });
    }
    if body.is_end_stream() {
        return Ok(first);
    }
    let mut whole = BytesMut::from(first);
    let mut taken: Option<OwnedSemaphorePermit> = None;
    while let Some(more) = next(&mut body).await? {
        if whole.len() + more.len() > limit {
            discard(body);
            return Err(Refusal::TooLarge { limit });
        }
        if (whole.len() + more.len()) / ROOM > taken.as_ref().map_or(0, OwnedSemaphorePermit::num_permits) {
            let Ok(unit) = Arc::clone(&limits.room).try_acquire_owned() else {
                discard(body);
                return Err(Refusal::TryAgain("Too many large requests at once. Try again later.".into()));
            };
            match &mut taken {
                Some(taken) => taken.merge(unit),
                None => taken = Some(unit),
            }
        }
        whole.extend_from_slice(&more);
    }
    let bytes = whole.freeze();
    Ok(match taken {
        Some(taken) => Bytes::from_owner(Large { bytes, _taken: taken }),
        None => bytes,
    })
}

async fn next<B>(body: &mut B) -> Result<Option<Bytes>, Refusal>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: std::fmt::Display,
{
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Refusal::text(StatusCode::BAD_REQUEST, "The request body could not be read"))?;
        if let Ok(data) = frame.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}

/// Reads on without keeping anything, in the background: most clients send all before they look for an answer.
pub(crate) fn discard<B>(mut body: B)
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Send,
{
    if body.is_end_stream() {
        return;
    }
    tokio::spawn(tokio::time::timeout(LONGEST_DISCARDING, async move {
        let mut discarded = 0;
        while let Some(Ok(frame)) = body.frame().await {
            discarded += frame.data_ref().map_or(0, Bytes::len);
            if discarded > MOST_DISCARDED {
                break;
            }
        }
    }));
}

/// The length that the head promises.
pub(crate) fn promised_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{Limits, read_all};
    use crate::http::refusal::Refusal;
    use bytes::Bytes;
    use futures::stream;
    use http_body_util::{Full, StreamBody};
    use hyper::body::Frame;
    use std::{convert::Infallible, time::Duration};

    fn pieces(all: &[&'static [u8]]) -> StreamBody<impl futures::Stream<Item = Result<Frame<Bytes>, Infallible>> + use<>> {
        let frames: Vec<_> = all.iter().map(|piece| Ok(Frame::data(Bytes::from_static(piece)))).collect();
        StreamBody::new(stream::iter(frames))
    }

    fn limits(body_bytes: usize) -> Limits {
        Limits::new(body_bytes, 2 << 20, Duration::from_secs(60))
    }

    #[tokio::test]
    async fn the_limit_counts_whole_bodies_and_streamed_ones() {
        let four = &limits(4);
        assert_eq!(read_all(Full::new(Bytes::from_static(b"abcd")), four).await.unwrap(), "abcd");
        assert!(matches!(read_all(Full::new(Bytes::from_static(b"abcde")), four).await, Err(Refusal::TooLarge { limit: 4 })));
        assert_eq!(read_all(pieces(&[b"ab", b"", b"cd"]), four).await.unwrap(), "abcd");
        assert!(matches!(read_all(pieces(&[b"ab", b"cd", b"e"]), four).await, Err(Refusal::TooLarge { limit: 4 })));
        assert_eq!(read_all(pieces(&[]), four).await.unwrap(), "");
    }

    #[tokio::test]
    async fn large_bodies_share_a_room() {
        static PIECE: [u8; 512 << 10] = [b' '; 512 << 10];
        let limits = &limits(64 << 20);
        let large = async || read_all(pieces(&[&PIECE, &PIECE, &PIECE]), limits).await;
        let (first, second) = (large().await.unwrap(), large().await.unwrap());
        assert_eq!((first.len(), second.len()), (3 * PIECE.len(), 3 * PIECE.len()));
        assert!(matches!(large().await, Err(Refusal::TryAgain(_))));
        drop(first);
        assert!(large().await.is_ok());
    }
}
