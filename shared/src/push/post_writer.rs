//! The requests of one broadcast over an HTTP/2 connection. What they have in common is computed once: date, scope and headers of the signature, and
//! the digest of the frame.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use http::uri::{Parts, PathAndQuery, Scheme};
use http::{Method, Request, Uri};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::aws::http2::Http2Connection;
use crate::aws::sigv4_client::{PostSigner, body_digest};
use crate::error::{Error, Result};
use crate::push::posts::{Post, PostOutcome, Posts};
use crate::telemetry::invocation::{self, Count};

pub(super) struct PostWriter<'a> {
    signer: PostSigner,
    http2: &'a Http2Connection,
    /// The path of the stage.
    stage: String,
    /// The frame of the previous post; most posts of a broadcast have the same.
    frame: Bytes,
    frame_digest: String,
}

impl<'a> PostWriter<'a> {
    /// Posts to the stage behind `endpoint`.
    pub(super) fn new(signer: PostSigner, http2: &'a Http2Connection, endpoint: &str) -> Result<Self> {
        let stage: Uri = endpoint.parse().map_err(Error::internal)?;
        let stage = stage.path().trim_end_matches('/').to_owned();
        Ok(Self { signer, http2, stage, frame: Bytes::new(), frame_digest: body_digest(b"") })
    }

    /// Sends posts and records the outcomes. Returns the posts that the connection lost.
    pub(super) async fn exchange(
        &mut self,
        mut requests: SendRequest<Bytes>,
        posts: &mut Posts<'_>,
        indexes: &[usize],
    ) -> Vec<usize> {
        let (mut waiting, mut lost) = (Vec::with_capacity(indexes.len()), Vec::new());
        for index in indexes {
            // Beyond the peer's limit of requests at once, this waits for answers.
            let ready = poll_fn(|context| {
                let ready = requests.poll_ready(context);
                if ready.is_pending() {
                    take_answers(context, &mut waiting, &mut lost, posts);
                }
                ready
            });
            let is_open = ready.await.is_ok();
            match self.request(posts.get(*index)) {
                Ok(request) if is_open => match write(&mut requests, request, posts.get(*index).frame.clone()) {
                    Some(answer) => {
                        invocation::count(Count::Posts);
                        waiting.push(WaitingPost { index: *index, answer });
                    }
                    None => lost.push(*index),
                },
                Ok(_) => lost.push(*index),
                Err(error) => {
                    tracing::warn!(error = error.causes(), "a post could not be made");
                    posts.record(*index, PostOutcome::Failed);
                }
            }
        }
        let answered = poll_fn(|context| {
            take_answers(context, &mut waiting, &mut lost, posts);
            if waiting.is_empty() { Poll::Ready(()) } else { Poll::Pending }
        });
        answered.await;
        lost
    }

    fn request(&mut self, post: &Post<'_>) -> Result<Request<()>> {
        if post.frame.as_ptr() != self.frame.as_ptr() || post.frame.len() != self.frame.len() {
            (self.frame, self.frame_digest) = (post.frame.clone(), body_digest(&post.frame));
        }
        let id = utf8_percent_encode(&post.connection.0, NON_ALPHANUMERIC);
        let path = format!("{}/@connections/{id}", self.stage);
        let headers = self.signer.headers(&path, &self.frame_digest)?;
        let mut uri = Parts::default();
        uri.scheme = Some(Scheme::HTTPS);
        uri.authority = Some(self.http2.authority().clone());
        uri.path_and_query = Some(PathAndQuery::from_maybe_shared(Bytes::from(path)).map_err(Error::internal)?);
        let mut request = Request::new(());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = Uri::from_parts(uri).map_err(Error::internal)?;
        *request.headers_mut() = headers;
        Ok(request)
    }
}

/// A post whose answer has not come.
struct WaitingPost {
    index: usize,
    answer: ResponseFuture,
}

/// Records the answers that have come: a late one hides no other from a caller that stops waiting.
fn take_answers(context: &mut Context<'_>, waiting: &mut Vec<WaitingPost>, lost: &mut Vec<usize>, posts: &mut Posts<'_>) {
    waiting.retain_mut(|post| match Pin::new(&mut post.answer).poll(context) {
        Poll::Pending => true,
        Poll::Ready(Ok(answer)) => {
            posts.record(post.index, PostOutcome::of_status(answer.status().as_u16()));
            false
        }
        Poll::Ready(Err(error)) => {
            tracing::debug!(%error, "an answer was lost");
            lost.push(post.index);
            false
        }
    });
}

/// Returns none if the connection is lost.
fn write(requests: &mut SendRequest<Bytes>, request: Request<()>, frame: Bytes) -> Option<ResponseFuture> {
    let (answer, mut body) = requests.send_request(request, false).ok()?;
    body.send_data(frame, true).ok()?;
    Some(answer)
}
