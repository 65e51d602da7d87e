//! The body of a request, of either protocol.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures_util::task::noop_waker_ref;
use h2::RecvStream;
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use hyper::body::{Body, Frame, Incoming, SizeHint};

pub(super) enum RequestBody {
    Http1(Incoming),
    Http2(Http2Body),
}

pub(super) struct Http2Body {
    /// What has arrived and was not read yet.
    received: Bytes,
    rest: RecvStream,
    /// The announced length.
    length: u64,
}

impl Http2Body {
    pub(super) fn new(headers: &HeaderMap, rest: RecvStream) -> Self {
        let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        Self { received: Bytes::new(), rest, length: length.unwrap_or(0) }
    }

    /// The whole body, if it has arrived: small ones come with their request's head.
    pub(super) fn arrived(&mut self) -> Option<Bytes> {
        // A reader of a body that is not complete yet has its own waker.
        let context = &mut Context::from_waker(noop_waker_ref());
        while !self.rest.is_end_stream() {
            match self.poll_rest(context) {
                Poll::Ready(Some(Ok(more))) if self.received.is_empty() => self.received = more,
                Poll::Ready(Some(Ok(more))) => {
                    let mut both = BytesMut::with_capacity(self.received.len() + more.len());
                    both.extend_from_slice(&self.received);
                    both.extend_from_slice(&more);
                    self.received = both.freeze();
                }
                Poll::Ready(None) => break,
                Poll::Ready(Some(Err(_))) | Poll::Pending => return None,
            }
        }
        Some(std::mem::take(&mut self.received))
    }

    fn poll_rest(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, h2::Error>>> {
        let chunk = self.rest.poll_data(context);
        if let Poll::Ready(Some(Ok(chunk))) = &chunk {
            // Fails only for more than has arrived.
            drop(self.rest.flow_control().release_capacity(chunk.len()));
        }
        chunk
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match self.get_mut() {
            Self::Http1(body) => Pin::new(body).poll_frame(context).map_err(Into::into),
            Self::Http2(body) if !body.received.is_empty() => {
                Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut body.received)))))
            }
            Self::Http2(body) => body.poll_rest(context).map_ok(Frame::data).map_err(Into::into),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Http1(body) => body.size_hint(),
            Self::Http2(body) => {
                let mut hint = SizeHint::new();
                hint.set_lower(body.length);
                hint
            }
        }
    }
}
