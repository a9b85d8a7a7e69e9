//! One connection: its timeouts, and its end when the server stops.

use crate::http::{
    guard::Guard,
    request_body::RequestBody,
    table::{Reply, ReplyBody},
};
use bytes::Bytes;
use futures::{StreamExt, stream::FuturesUnordered};
use hyper::{
    Request,
    body::{Body, Frame, Incoming, SizeHint},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use std::{
    convert::Infallible,
    io,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::{Notify, watch},
    time::Instant,
};

/// The phase of the server's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Serving,
    /// Running requests are finished; no new ones are begun.
    Stopping,
    /// The time for that is over: connections are closed.
    Abandon,
}

/// Time limits of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeouts {
    /// Time for a request head, once begun.
    pub(crate) head: Duration,
    /// Time between requests.
    pub(crate) idle: Duration,
    /// Time without the client accepting a byte of a response.
    pub(crate) write: Duration,
    pub(crate) max_header_bytes: usize,
}

/// No byte of the next request has arrived.
const IDLE: u8 = 0;
/// A request head has begun to arrive.
const HEAD: u8 = 1;
/// A request is being worked on.
const BUSY: u8 = 2;
/// An answer is being sent.
const ANSWERING: u8 = 3;
/// A request's body is still arriving.
const BODY: u8 = 4;

/// What a connection is waiting for, and since when.
pub(crate) struct Activity {
    opened: Instant,
    state: AtomicU8,
    /// Milliseconds from `opened` to when the present state began, or to the last progress in it. A request that is worked on, and the
    /// beginning of a body, keep those of the head: the clock is read only where something depends on it.
    since_ms: AtomicU64,
    /// Whether the last of an answer was taken over by the connection's buffer.
    answer_is_buffered: AtomicBool,
    /// Whether bytes were sent since the client last took none.
    some_was_sent: AtomicBool,
    close: Notify,
}

impl Activity {
    /// Creates the activity of a connection just accepted; `opened` is the same instant for all connections, so that their times compare.
    pub(crate) fn new(opened: Instant) -> Self {
        let activity = Self {
            opened,
            state: AtomicU8::new(IDLE),
            since_ms: AtomicU64::new(0),
            answer_is_buffered: AtomicBool::new(false),
            some_was_sent: AtomicBool::new(false),
            close: Notify::new(),
        };
        activity.enter(IDLE);
        activity
    }

    fn enter(&self, state: u8) {
        self.state.store(state, Relaxed);
        self.progress();
    }

    fn progress(&self) {
        self.since_ms.store(self.opened.elapsed().as_millis() as u64, Relaxed);
    }

    fn is(&self, state: u8) -> bool {
        self.state.load(Relaxed) == state
    }

    fn received(&self) {
        if self.is(IDLE) {
            self.enter(HEAD);
        } else if self.is(BODY) {
            self.progress();
        }
    }

    /// Records an attempt to send: the write timeout counts from when the client stops accepting bytes.
    fn sending(&self, sent: &Poll<io::Result<usize>>) {
        match sent {
            Poll::Ready(_) => self.some_was_sent.store(true, Relaxed),
            Poll::Pending if self.some_was_sent.swap(false, Relaxed) && self.is(ANSWERING) => self.progress(),
            Poll::Pending => {}
        }
    }

    /// Records that all that was buffered has been sent.
    fn flushed(&self) {
        if self.is(ANSWERING) {
            self.enter(if self.answer_is_buffered.load(Relaxed) { IDLE } else { ANSWERING });
        }
    }

    /// Records that a request has arrived: `whole`, or its head only.
    pub(crate) fn begin_request(&self, whole: bool) {
        self.state.store(if whole { BUSY } else { BODY }, Relaxed);
    }

    /// Records that the last of a request's body has arrived.
    pub(crate) fn arrived(&self) {
        if self.is(BODY) {
            self.state.store(BUSY, Relaxed);
        }
    }

    fn begin_answer(&self) {
        self.answer_is_buffered.store(false, Relaxed);
        self.enter(ANSWERING);
    }

    /// Records that the bytes received since the last response were the rest of its request.
    pub(crate) fn drained(&self) {
        if self.is(HEAD) {
            self.enter(IDLE);
        }
    }

    /// Returns the key by which connections are closed when there are too many, least first: those without a byte of a request before those
    /// with an unfinished head, those before the ones whose body is still arriving, then the one that has been so for longest, or has
    /// sent nothing more of it for longest. `None` while a request is worked on or answered.
    pub(crate) fn idleness(&self) -> Option<(u8, u64)> {
        let state = self.state.load(Relaxed);
        matches!(state, IDLE | HEAD | BODY).then(|| (state, self.since_ms.load(Relaxed)))
    }

    /// Closes the connection, unless a request has arrived in the meantime: that is answered first.
    pub(crate) fn close(&self) {
        self.close.notify_one();
    }

    /// Returns the time left in the present state; `None` while a request is being worked on.
    fn left(&self, timeouts: Timeouts) -> Option<Duration> {
        let allowed = match self.state.load(Relaxed) {
            IDLE => timeouts.idle,
            HEAD => timeouts.head,
            ANSWERING => timeouts.write,
            _ => return None,
        };
        let since = Duration::from_millis(self.since_ms.load(Relaxed));
        Some((since + allowed).saturating_sub(self.opened.elapsed()))
    }

    /// Returns when the client has been silent for too long.
    async fn overdue(&self, timeouts: Timeouts) {
        loop {
            match self.left(timeouts) {
                Some(left) if left.is_zero() => return,
                Some(left) => tokio::time::sleep(left.min(timeouts.head).max(Duration::from_millis(1))).await,
                None => tokio::time::sleep(timeouts.head).await,
            }
        }
    }
}

/// Serves one connection until it ends.
pub(crate) async fn serve<S>(stream: S, guard: Arc<Guard>, activity: Arc<Activity>, timeouts: Timeouts, phase: watch::Receiver<Phase>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    serve_with(stream, activity, timeouts, phase, |request| guard.handle(request)).await;
}

/// Like [`serve`], with any function that answers.
async fn serve_with<S, A, F>(stream: S, activity: Arc<Activity>, timeouts: Timeouts, phase: watch::Receiver<Phase>, answer: A)
where
    S: AsyncRead + AsyncWrite + Unpin,
    A: Fn(Request<RequestBody>) -> F,
    F: Future<Output = Reply>,
{
    let seen = Arc::clone(&activity);
    let service = service_fn(move |request: Request<Incoming>| {
        seen.begin_request(request.body().is_end_stream());
        let activity = Arc::clone(&seen);
        let (head, body) = request.into_parts();
        let body = RequestBody::new(body, &head.headers, Arc::clone(&activity));
        let answered = answer(Request::from_parts(head, body));
        async move {
            let reply = answered.await;
            activity.begin_answer();
            Ok::<_, Infallible>(reply.map(|body| Answer { body, activity }))
        }
    });
    let mut http = http1::Builder::new();
    http.max_buf_size(timeouts.max_header_bytes.max(8192)).half_close(true);
    let mut connection = pin!(http.serve_connection(TokioIo::new(Watched { stream, activity: Arc::clone(&activity) }), service));
    // The connection is polled several times a request; what may end it is polled only once it is ready.
    let mut signals = FuturesUnordered::from_iter([signal(&activity, timeouts, phase)]);
    loop {
        let (signal, phase) = tokio::select! {
            biased;
            result = connection.as_mut() => {
                if let Err(error) = result {
                    tracing::debug!(%error, "a connection broke");
                }
                return;
            }
            Some(signal) = signals.next() => signal,
        };
        match signal {
            Signal::Finish => connection.as_mut().graceful_shutdown(),
            Signal::End => return,
        }
        signals.push(self::signal(&activity, timeouts, phase));
    }
}

/// A signal to a connection.
enum Signal {
    /// End after the current request.
    Finish,
    /// End at once.
    End,
}

/// Waits for the next signal to a connection.
async fn signal(activity: &Activity, timeouts: Timeouts, mut phase: watch::Receiver<Phase>) -> (Signal, watch::Receiver<Phase>) {
    let signal = tokio::select! {
        biased;
        changed = phase.changed() => match changed.map(|()| *phase.borrow_and_update()) {
            Ok(Phase::Serving | Phase::Stopping) => Signal::Finish,
            Ok(Phase::Abandon) | Err(_) => Signal::End,
        },
        () = activity.close.notified() => if activity.is(HEAD) || activity.is(BODY) { Signal::End } else { Signal::Finish },
        () = activity.overdue(timeouts) => Signal::End,
    };
    (signal, phase)
}

/// The body of a response, which records when the connection has buffered all of it.
struct Answer {
    body: ReplyBody,
    activity: Arc<Activity>,
}

impl Body for Answer {
    type Data = Bytes;
    type Error = <ReplyBody as Body>::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.activity.answer_is_buffered.store(true, Relaxed);
    }
}

/// A stream that records when bytes are received and sent.
struct Watched<S> {
    stream: S,
    activity: Arc<Activity>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.activity.received();
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.activity.sending(&polled);
        polled
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, slices: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.activity.sending(&polled);
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Called by the connection only when nothing is left in its buffer.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(cx);
        if polled.is_ready() {
            self.activity.flushed();
        }
        polled
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::{Activity, Phase, Timeouts, serve_with};
    use crate::http::{request_body::RequestBody, table::Reply};
    use bytes::Bytes;
    use http_body_util::{BodyExt, Either, Full};
    use hyper::Request;
    use std::{sync::Arc, time::Duration};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
        sync::watch,
        task::JoinHandle,
        time::{Instant, timeout},
    };

    const ANSWER: usize = 100_000;
    const TIMEOUTS: Timeouts =
        Timeouts { head: Duration::from_secs(5), idle: Duration::from_secs(10), write: Duration::from_secs(30), max_header_bytes: 8192 };

    /// A connection whose buffers hold a kilobyte, and which reads anything and answers with [`ANSWER`] bytes.
    fn connect() -> (DuplexStream, Arc<Activity>, watch::Sender<Phase>, JoinHandle<()>) {
        let (client, server) = duplex(1000);
        let (phase, watched) = watch::channel(Phase::Serving);
        let activity = Arc::new(Activity::new(Instant::now()));
        let reply = |request: Request<RequestBody>| async {
            let _ = request.into_body().collect().await;
            Reply::new(Either::Left(Full::new(Bytes::from(vec![b'x'; ANSWER]))))
        };
        let served = tokio::spawn(serve_with(server, Arc::clone(&activity), TIMEOUTS, watched, reply));
        (client, activity, phase, served)
    }

    /// Reads as much of an answer, a kilobyte in each period.
    async fn read_slowly(client: &mut DuplexStream, bytes: usize, every: Duration) -> usize {
        let (mut read, mut buffer) = (0, [0; 1000]);
        while read < bytes {
            // Lets the paused clock go on from timer to timer.
            let _ = timeout(every, std::future::pending::<()>()).await;
            match client.read(&mut buffer).await.unwrap() {
                0 => break,
                some => read += some,
            }
        }
        read
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_read_is_not_cut_and_one_that_is_not_ends() {
        for (every, whole) in [(1, true), (20, true), (31, false)] {
            let (mut client, _, _phase, served) = connect();
            client.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
            let read = read_slowly(&mut client, ANSWER, Duration::from_secs(every)).await;
            assert_eq!(read >= ANSWER, whole, "every {every} s: {read}");
            // The rest of the head and body, if any, then the end: after the answer the connection is idle and closed for it.
            let mut rest = Vec::new();
            client.read_to_end(&mut rest).await.unwrap();
            served.await.unwrap();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn silence_ends_a_connection_after_the_time_of_its_state() {
        for (sent, secs) in [("", 10), ("GET / HT", 5)] {
            let (mut client, _, _phase, served) = connect();
            let begun = Instant::now();
            client.write_all(sent.as_bytes()).await.unwrap();
            served.await.unwrap();
            assert_eq!((Instant::now() - begun).as_secs(), secs, "{sent:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_evicted_connection_closes_after_its_current_request() {
        let part = "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 3\r\n\r\n{";
        for (sent, answered) in [("", false), ("GET / HT", false), (part, false), ("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n", true)] {
            let (mut client, activity, _phase, served) = connect();
            client.write_all(sent.as_bytes()).await.unwrap();
            tokio::task::yield_now().await;
            activity.close();
            let mut got = Vec::new();
            client.read_to_end(&mut got).await.unwrap();
            assert_eq!(got.len() > ANSWER, answered, "{sent:?}");
            served.await.unwrap();
        }
    }
}
