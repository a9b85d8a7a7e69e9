//! Reads request bodies: within limits of size, time and memory; decoded; large ones parsed on blocking threads.

use crate::{
    http::{
        coding::{self, Coding},
        refusal::Refusal,
    },
    mount_state::run_blocking,
};
use bartizan_pipeline::Workers;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::{HeaderMap, Request, StatusCode, body::Body as HttpBody, header::CONTENT_LENGTH};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Limits on one body, and on the memory of all bodies at once.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// Bytes of one body, as sent and decoded.
    pub(crate) body_bytes: usize,
    /// Memory for all bodies above [`SMALL`] and for what is made of them, in units of [`MEMORY_UNIT`].
    pub(crate) memory: Arc<Semaphore>,
    /// All of that memory, in the same units.
    pub(crate) units: usize,
    /// Permits to decode or parse a body on a blocking thread.
    pub(crate) workers: Arc<Semaphore>,
    /// Number of requests whose body is still arriving.
    pub(crate) arriving: Arc<AtomicU64>,
    /// Time for one body to arrive.
    pub(crate) body_time: Duration,
}

/// Bodies up to this size are parsed where they arrive and reserve no memory.
const SMALL: usize = 16 << 10;
/// How much memory is counted for a byte of body: what a byte becomes while its body is read, parsed and worked on. Of what a client may
/// send to `/analyze` an empty header, `"":"",`, grows most: six bytes become two texts of 24 bytes.
const MEMORY_PER_BYTE: usize = 8;
/// Unit in which memory is reserved, in bytes.
const MEMORY_UNIT: usize = 1 << 10;

impl Limits {
    /// Creates the limits of one body, and of all together; a single one of the largest size always fits.
    pub(crate) fn new(body_bytes: usize, buffered_bytes: usize, body_time: Duration, workers: &Workers) -> Self {
        let units = buffered_bytes.div_ceil(MEMORY_UNIT).max(units_for(body_bytes)).min(Semaphore::MAX_PERMITS);
        let workers = Arc::clone(workers.reading());
        Self { body_bytes, memory: Arc::new(Semaphore::new(units)), units, workers, arriving: Arc::default(), body_time }
    }
}

/// Counts a request while its body is arriving.
struct Arriving<'a>(&'a AtomicU64);

impl<'a> Arriving<'a> {
    fn begin(count: &'a AtomicU64) -> Self {
        count.fetch_add(1, Relaxed);
        Self(count)
    }
}

impl Drop for Arriving<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// Returns the units of memory that a body of this size takes.
fn units_for(bytes: usize) -> usize {
    if bytes <= SMALL { 0 } else { bytes.saturating_mul(MEMORY_PER_BYTE).div_ceil(MEMORY_UNIT) }
}

/// Memory reserved for a body and for what is made of it, until the last clone is dropped: keep it for as long as the work goes on.
#[derive(Clone, Debug, Default)]
#[must_use]
pub(crate) struct Reservation {
    taken: Option<Arc<OwnedSemaphorePermit>>,
    _more: Option<Arc<OwnedSemaphorePermit>>,
}

impl Reservation {
    /// Reserves `bytes` in all for what was made of a body, where that is more than what was reserved for the body. What is larger than
    /// all the memory takes all of it.
    pub(crate) fn grow_to(self, limits: &Limits, bytes: usize) -> Result<Self, Refusal> {
        let taken = self.taken.as_ref().map_or(0, |taken| taken.num_permits());
        let more = bytes.div_ceil(MEMORY_UNIT).min(limits.units).saturating_sub(taken);
        Ok(Self { _more: if more == 0 { None } else { Some(Arc::new(acquire(&limits.memory, more)?)) }, ..self })
    }
}

/// Reserves units of memory that are free now.
fn acquire(memory: &Arc<Semaphore>, units: usize) -> Result<OwnedSemaphorePermit, Refusal> {
    let units = u32::try_from(units).unwrap_or(u32::MAX);
    let refused = |_| Refusal::TryAgain("Too many large requests at once. Try again later.".into());
    Arc::clone(memory).try_acquire_many_owned(units).map_err(refused)
}

/// Memory reserved for a body while it arrives and is decoded.
#[derive(Default)]
struct PartialReservation {
    taken: Option<OwnedSemaphorePermit>,
}

impl PartialReservation {
    /// Reserves what a body of this size needs while it arrives: a client that sends slowly holds no more than what it has sent.
    fn reserve_arrived(&mut self, memory: &Arc<Semaphore>, bytes: usize) -> Result<(), Refusal> {
        self.take(memory, if bytes <= SMALL { 0 } else { bytes.div_ceil(MEMORY_UNIT) })
    }

    /// Reserves what a body of this size needs for the work on it.
    fn reserve(&mut self, memory: &Arc<Semaphore>, bytes: usize) -> Result<(), Refusal> {
        self.take(memory, units_for(bytes))
    }

    /// Reserves so many units, less those that were reserved before.
    fn take(&mut self, memory: &Arc<Semaphore>, units: usize) -> Result<(), Refusal> {
        let more = units.saturating_sub(self.taken.as_ref().map_or(0, OwnedSemaphorePermit::num_permits));
        if more == 0 {
            return Ok(());
        }
        let unit = acquire(memory, more)?;
        match &mut self.taken {
            Some(taken) => taken.merge(unit),
            None => self.taken = Some(unit),
        }
        Ok(())
    }
}

/// A body that has arrived, decoded and without a byte-order mark.
pub(crate) struct Body {
    bytes: Bytes,
    reservation: Reservation,
    /// Permits for the work on a large one; `None` for a small one, which is parsed where it is.
    workers: Option<Arc<Semaphore>>,
}

impl Body {
    /// Returns the bytes that arrived.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Parses it, a large one on a blocking thread and after other large ones. Returns the result with the memory reserved for the body,
    /// which is released when the reservation is dropped.
    pub(crate) async fn parse<T: Send + 'static>(self, parse: impl FnOnce(&Bytes) -> T + Send + 'static) -> (T, Reservation) {
        let Self { bytes, reservation, workers } = self;
        let Some(workers) = workers else { return (parse(&bytes), reservation) };
        let parsed = work_on_body(&workers, move || {
            let parsed = parse(&bytes);
            (parsed, reservation)
        });
        Box::pin(parsed).await
    }
}

/// Runs work on a body on a blocking thread, once a worker is free. What is begun is finished, and keeps its worker and its memory until
/// then, even when nobody waits for it any more.
async fn work_on_body<T: Send + 'static>(workers: &Arc<Semaphore>, work: impl FnOnce() -> T + Send + 'static) -> T {
    // The semaphore is never closed, so this does not fail.
    let permit = Arc::clone(workers).acquire_owned().await;
    let work = move || {
        let _permit = permit;
        work()
    };
    run_blocking(work).await
}

/// Receives a request's body; every route that reads one calls this.
pub(crate) async fn receive<B>(request: Request<B>, limits: &Limits) -> Result<Body, Refusal>
where
    B: HttpBody<Data = Bytes> + Unpin,
    B::Error: std::fmt::Display,
{
    match tokio::time::timeout(limits.body_time, receive_all(request, limits)).await {
        Ok(received) => received,
        Err(_) => Err(late()),
    }
}

/// Like [`receive`] for a body that may be compressed without a header that says so: its first bytes tell.
pub(crate) async fn receive_packed<B>(request: Request<B>, limits: &Limits) -> Result<Body, Refusal>
where
    B: HttpBody<Data = Bytes> + Unpin,
    B::Error: std::fmt::Display,
{
    let received = receive_coded(request, limits, Coding::told_by);
    match tokio::time::timeout(limits.body_time, received).await {
        Ok(Ok(body)) if Coding::told_by(&body.bytes)?.is_some() => Err(coding::packed_twice()),
        Ok(received) => received,
        Err(_) => Err(late()),
    }
}

fn late() -> Refusal {
    Refusal::text(StatusCode::REQUEST_TIMEOUT, "The request body did not arrive in time")
}

/// Like [`receive`] without a time limit, for callers that have one around them.
pub(crate) async fn receive_all<B>(request: Request<B>, limits: &Limits) -> Result<Body, Refusal>
where
    B: HttpBody<Data = Bytes> + Unpin,
    B::Error: std::fmt::Display,
{
    receive_coded(request, limits, |_| Ok(None)).await
}

/// Receives a body that is coded as its header says or, without one, as `told_by` finds.
async fn receive_coded<B>(
    request: Request<B>,
    limits: &Limits,
    told_by: fn(&[u8]) -> Result<Option<Coding>, Refusal>,
) -> Result<Body, Refusal>
where
    B: HttpBody<Data = Bytes> + Unpin,
    B::Error: std::fmt::Display,
{
    let coding = Coding::of(request.headers())?;
    let mut reservation = PartialReservation::default();
    let mut bytes = {
        let _arriving = Arriving::begin(&limits.arriving);
        read(request.into_body(), limits, &mut reservation).await?
    };
    reservation.reserve(&limits.memory, bytes.len())?;
    if let Some(coding) = coding.map_or_else(|| told_by(&bytes), |coding| Ok(Some(coding)))? {
        let (limit, memory) = (limits.body_bytes, Arc::clone(&limits.memory));
        // On the heap, as everything that few requests come to: futures are moved, and theirs stays small.
        let decoded = Box::pin(work_on_body(&limits.workers, move || {
            let decoded = coding.decode(&bytes, limit, |length| reservation.reserve(&memory, length))?;
            Ok::<_, Refusal>((Bytes::from(decoded), reservation))
        }));
        (bytes, reservation) = decoded.await?;
    }
    if bytes.starts_with(BYTE_ORDER_MARK) {
        bytes = bytes.slice(BYTE_ORDER_MARK.len()..);
    }
    let workers = (bytes.len() > SMALL).then(|| Arc::clone(&limits.workers));
    Ok(Body { bytes, reservation: Reservation { taken: reservation.taken.map(Arc::new), _more: None }, workers })
}

/// What some editors and shells write before UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads the body to its end. What arrives in one piece is not copied.
async fn read<B>(mut body: B, limits: &Limits, reservation: &mut PartialReservation) -> Result<Bytes, Refusal>
where
    B: HttpBody<Data = Bytes> + Unpin,
    B::Error: std::fmt::Display,
{
    let (mut first, mut whole) = (Bytes::new(), BytesMut::new());
    while let Some(more) = next(&mut body).await? {
        let length = first.len() + whole.len() + more.len();
        if length > limits.body_bytes {
            return Err(Refusal::TooLarge { limit: limits.body_bytes });
        }
        reservation.reserve_arrived(&limits.memory, length)?;
        if length == more.len() {
            first = more;
        } else {
            if whole.is_empty() {
                whole = BytesMut::from(std::mem::take(&mut first));
            }
            whole.extend_from_slice(&more);
        }
        if body.is_end_stream() {
            break;
        }
    }
    Ok(if whole.is_empty() { first } else { whole.freeze() })
}

async fn next<B>(body: &mut B) -> Result<Option<Bytes>, Refusal>
where
    B: HttpBody<Data = Bytes> + Unpin,
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

/// Returns the length that the `Content-Length` header declares.
pub(crate) fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{Body, Limits, SMALL, receive_all};
    use crate::http::refusal::Refusal;
    use bartizan_pipeline::Workers;
    use bytes::Bytes;
    use futures::{StreamExt, stream};
    use http_body_util::{Full, StreamBody};
    use hyper::{Request, body::Frame, header::CONTENT_ENCODING};
    use std::{
        convert::Infallible,
        sync::{atomic::Ordering::Relaxed, mpsc},
        time::Duration,
    };

    fn pieces(all: &[&'static [u8]]) -> Request<StreamBody<impl futures::Stream<Item = Result<Frame<Bytes>, Infallible>> + use<>>> {
        let frames: Vec<_> = all.iter().map(|piece| Ok(Frame::data(Bytes::from_static(piece)))).collect();
        Request::new(StreamBody::new(stream::iter(frames)))
    }

    fn whole(bytes: &'static [u8]) -> Request<Full<Bytes>> {
        Request::new(Full::new(Bytes::from_static(bytes)))
    }

    fn limits(body_bytes: usize, buffered_bytes: usize) -> Limits {
        Limits::new(body_bytes, buffered_bytes, Duration::from_secs(60), &Workers::new(1, || ()))
    }

    fn text(received: Result<Body, Refusal>) -> Bytes {
        received.unwrap().bytes().clone()
    }

    #[tokio::test]
    async fn the_limit_counts_whole_bodies_and_streamed_ones() {
        let four = &limits(4, 0);
        assert_eq!(text(receive_all(whole(b"abcd"), four).await), "abcd");
        assert!(matches!(receive_all(whole(b"abcde"), four).await, Err(Refusal::TooLarge { limit: 4 })));
        assert_eq!(text(receive_all(pieces(&[b"ab", b"", b"cd"]), four).await), "abcd");
        assert!(matches!(receive_all(pieces(&[b"ab", b"cd", b"e"]), four).await, Err(Refusal::TooLarge { limit: 4 })));
        assert_eq!(text(receive_all(pieces(&[]), four).await), "");
    }

    #[tokio::test]
    async fn a_byte_order_mark_is_no_part_of_a_body() {
        let limits = &limits(100, 0);
        assert_eq!(text(receive_all(whole(b"\xef\xbb\xbf{}"), limits).await), "{}");
        assert_eq!(text(receive_all(pieces(&[b"\xef\xbb", b"\xbf", b"{}"]), limits).await), "{}");
        assert_eq!(text(receive_all(whole(b"\xef\xbb{}"), limits).await), &b"\xef\xbb{}"[..]);
        let mut coded = whole(&[]).map(|_| Full::new(Bytes::from(zstd::encode_all(&b"\xef\xbb\xbf{}"[..], 3).unwrap())));
        coded.headers_mut().insert(CONTENT_ENCODING, "zstd".parse().unwrap());
        assert_eq!(text(receive_all(coded, limits).await), "{}");
    }

    static PIECE: [u8; 512 << 10] = [b' '; 512 << 10];

    /// Returns limits with memory for two bodies of 512 KiB, at eight bytes for each byte.
    fn narrow() -> Limits {
        limits(1 << 20, 8 << 20)
    }

    #[tokio::test]
    async fn memory_is_reserved_for_what_bodies_become() {
        let limits = &narrow();
        for streamed in [false, true] {
            let large = async || {
                if streamed {
                    receive_all(pieces(&[&PIECE[..1], &PIECE[1..]]), limits).await
                } else {
                    receive_all(whole(&PIECE), limits).await
                }
            };
            let (first, second) = (large().await.unwrap(), large().await.unwrap());
            assert_eq!(limits.memory.available_permits(), 0);
            assert!(matches!(large().await, Err(Refusal::TryAgain(_))));
            assert!(receive_all(whole(&PIECE[..SMALL]), limits).await.is_ok());
            drop((first, second));
        }
        // The largest body fits when there is no other one, however little memory is configured.
        assert!(receive_all(pieces(&[&PIECE, &PIECE]), &self::limits(1 << 20, 0)).await.is_ok());
    }

    #[tokio::test]
    async fn an_arriving_body_reserves_only_what_has_come() {
        let limits = &narrow();
        let all = limits.memory.available_permits();
        let begun = stream::iter([Ok::<_, Infallible>(Frame::data(Bytes::from_static(&PIECE)))]).chain(stream::pending());
        let mut receiving = Box::pin(receive_all(Request::new(StreamBody::new(Box::pin(begun))), limits));
        assert!(futures::poll!(&mut receiving).is_pending());
        assert_eq!((all - limits.memory.available_permits(), limits.arriving.load(Relaxed)), (PIECE.len() / super::MEMORY_UNIT, 1));
        drop(receiving);
        assert_eq!((limits.memory.available_permits(), limits.arriving.load(Relaxed)), (all, 0));
    }

    #[tokio::test]
    async fn memory_is_reserved_for_decoded_bytes() {
        let limits = &narrow();
        let bomb = zstd::encode_all(&PIECE.repeat(2)[..], 3).unwrap();
        let coded = || {
            let mut request = Request::new(Full::new(Bytes::from(bomb.clone())));
            request.headers_mut().insert(CONTENT_ENCODING, "zstd".parse().unwrap());
            request
        };
        let only = receive_all(coded(), limits).await.unwrap();
        assert_eq!((only.bytes().len(), limits.memory.available_permits()), (2 * PIECE.len(), 0));
        assert!(matches!(receive_all(coded(), limits).await, Err(Refusal::TryAgain(_))));
        drop(only);
        assert!(receive_all(coded(), limits).await.is_ok());
    }

    #[tokio::test]
    async fn memory_is_held_until_the_work_is_done() {
        let limits = &narrow();
        let all = limits.memory.available_permits();
        let body = receive_all(whole(&PIECE), limits).await.unwrap();
        let (parsed, reservation) = body.parse(Bytes::len).await;
        assert_eq!((parsed, limits.memory.available_permits()), (PIECE.len(), all / 2));
        drop(reservation);
        assert_eq!(limits.memory.available_permits(), all);
    }

    #[tokio::test]
    async fn what_is_larger_than_its_body_reserves_more() {
        let limits = &narrow();
        let all = limits.memory.available_permits();
        let reservation =
            async |bytes| receive_all(whole(&PIECE[..SMALL]), limits).await.unwrap().parse(Bytes::len).await.1.grow_to(limits, bytes);
        let first = reservation(3 << 20).await.unwrap();
        assert_eq!(limits.memory.available_permits(), all - (3 << 10));
        assert!(matches!(reservation(6 << 20).await, Err(Refusal::TryAgain(_))));
        drop(first);
        let large = reservation(1 << 40).await.unwrap();
        assert_eq!(limits.memory.available_permits(), 0, "alone it may have all there is");
        drop(large);
        let (_, covered) = receive_all(whole(&PIECE), limits).await.unwrap().parse(Bytes::len).await;
        let covered = covered.grow_to(limits, 1 << 20).unwrap();
        assert_eq!(limits.memory.available_permits(), all / 2, "it was counted with the body");
        drop(covered);
        assert_eq!(limits.memory.available_permits(), all);
    }

    #[tokio::test]
    async fn large_bodies_are_parsed_elsewhere_and_a_few_at_a_time() {
        let limits = &narrow();
        let here = std::thread::current().id();
        let thread = |_: &Bytes| std::thread::current().id();
        assert_eq!(receive_all(whole(&PIECE[..SMALL]), limits).await.unwrap().parse(thread).await.0, here);
        assert_ne!(receive_all(whole(&PIECE), limits).await.unwrap().parse(thread).await.0, here);
        // A parse that nobody waits for any more keeps its worker and its memory until it ends.
        let workers = limits.workers.available_permits();
        let body = receive_all(whole(&PIECE), limits).await.unwrap();
        let (go, wait) = mpsc::channel::<()>();
        let (begun, has_begun) = tokio::sync::oneshot::channel();
        let parse = tokio::spawn(body.parse(move |_| {
            let _ = begun.send(());
            wait.recv()
        }));
        has_begun.await.unwrap();
        parse.abort();
        assert!(parse.await.is_err());
        assert_eq!((limits.workers.available_permits(), limits.memory.available_permits()), (workers - 1, 4 << 10));
        go.send(()).unwrap();
        let _all = limits.workers.acquire_many(workers as u32).await.unwrap();
        let _room = limits.memory.acquire_many(8 << 10).await.unwrap();
    }
}
