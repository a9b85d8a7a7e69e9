//! One connection: how long it may be silent, and how it ends when the server stops.

use crate::http::guard::Guard;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use std::{
    convert::Infallible,
    io,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::watch,
};

/// Where the server is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Serving,
    /// Finish what runs, begin nothing.
    Stopping,
    /// The time for that is over.
    Abandon,
}

/// How long a connection may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// For a request head, once begun.
    pub(crate) head: Duration,
    /// Between requests.
    pub(crate) idle: Duration,
    pub(crate) max_header_bytes: usize,
}

const IDLE: u8 = 0;
const HEAD: u8 = 1;
const BUSY: u8 = 2;

/// What a connection is waiting for, and since when.
struct Watch {
    opened: Instant,
    state: AtomicU8,
    since_ms: AtomicU64,
}

impl Watch {
    fn enter(&self, state: u8) {
        self.state.store(state, Relaxed);
        self.since_ms.store(self.opened.elapsed().as_millis() as u64, Relaxed);
    }

    fn bytes_came(&self) {
        if self.state.load(Relaxed) == IDLE {
            self.enter(HEAD);
        }
    }

    /// Time left in the present state; `None` while a request is being answered.
    fn left(&self, patience: Patience) -> Option<Duration> {
        let allowed = match self.state.load(Relaxed) {
            IDLE => patience.idle,
            HEAD => patience.head,
            _ => return None,
        };
        let since = Duration::from_millis(self.since_ms.load(Relaxed));
        Some((since + allowed).saturating_sub(self.opened.elapsed()))
    }

    /// Returns when the client has been silent for too long.
    async fn overdue(&self, patience: Patience) {
        loop {
            match self.left(patience) {
                Some(left) if left.is_zero() => return,
                Some(left) => tokio::time::sleep(left.min(patience.head).max(Duration::from_millis(1))).await,
                None => tokio::time::sleep(patience.head).await,
            }
        }
    }
}

/// Serves one connection to its end.
pub(crate) async fn serve(stream: TcpStream, guard: Arc<Guard>, patience: Patience, mut phase: watch::Receiver<Phase>) {
    let watch = Arc::new(Watch { opened: Instant::now(), state: AtomicU8::new(IDLE), since_ms: AtomicU64::new(0) });
    let seen = Arc::clone(&watch);
    let service = service_fn(move |request| {
        let (guard, watch) = (Arc::clone(&guard), Arc::clone(&seen));
        async move {
            watch.enter(BUSY);
            let reply = guard.handle(request).await;
            watch.enter(IDLE);
            Ok::<_, Infallible>(reply)
        }
    });
    let mut http = http1::Builder::new();
    http.max_buf_size(patience.max_header_bytes.max(8192)).half_close(true);
    let mut connection = pin!(http.serve_connection(TokioIo::new(Watched { stream, watch: Arc::clone(&watch) }), service));
    let overdue = watch.overdue(patience);
    let mut overdue = pin!(overdue);
    loop {
        tokio::select! {
            biased;
            result = connection.as_mut() => {
                if let Err(error) = result {
                    tracing::debug!(%error, "a connection broke");
                }
                return;
            }
            changed = phase.changed() => {
                if changed.is_err() || *phase.borrow_and_update() == Phase::Abandon {
                    return;
                }
                connection.as_mut().graceful_shutdown();
            }
            () = overdue.as_mut() => return,
        }
    }
}

/// A stream that tells its watch when bytes come in.
struct Watched {
    stream: TcpStream,
    watch: Arc<Watch>,
}

impl AsyncRead for Watched {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.watch.bytes_came();
        }
        polled
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, slices: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
