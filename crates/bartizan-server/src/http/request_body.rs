//! The body of a request, which leaves the connection usable however much of it a route reads.

use crate::http::connection::Activity;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::{
    HeaderMap,
    body::{Body, Frame, Incoming, SizeHint},
    header::EXPECT,
};
use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

/// How much of a body that no route reads is read and discarded, so that its sender reads the response and can send
/// the next request on the same connection; after that the connection is closed.
const MAX_DISCARDED_BYTES: usize = 128 << 20;
/// Longest time to do so.
const MAX_DISCARDING: Duration = Duration::from_secs(10);

/// A request body. What is left of it when it is dropped is read and discarded.
pub(crate) struct RequestBody {
    /// `None` once dropped.
    body: Option<Incoming>,
    /// Whether its sender waits for `100 Continue`, which is sent at the first read.
    awaits_continue: bool,
    activity: Arc<Activity>,
}

impl RequestBody {
    pub(crate) fn new(body: Incoming, headers: &HeaderMap, activity: Arc<Activity>) -> Self {
        Self { body: Some(body), awaits_continue: headers.contains_key(EXPECT), activity }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.awaits_continue = false;
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let polled = Pin::new(&mut *body).poll_frame(cx);
        if body.is_end_stream() || matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.activity.arrived();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Incoming::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(SizeHint::default, Incoming::size_hint)
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        let Some(body) = self.body.take() else { return };
        if !self.awaits_continue && !body.is_end_stream() {
            tokio::spawn(discard(body, Arc::clone(&self.activity)));
        }
    }
}

async fn discard(mut body: Incoming, activity: Arc<Activity>) {
    let reading = async {
        let mut discarded = 0;
        while let Some(Ok(frame)) = body.frame().await {
            discarded += frame.data_ref().map_or(0, Bytes::len);
            if discarded > MAX_DISCARDED_BYTES {
                break;
            }
        }
    };
    // Whatever is left after the time or the bytes allowed closes the connection.
    let _ = tokio::time::timeout(MAX_DISCARDING, reading).await;
    activity.drained();
}
