//! `@connections`: posting frames to sockets and closing them. A dead socket is an answer here, not an error.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::id::ConnectionId;
use crate::push::signed::{Call, Signed};
use crate::telemetry::invocation::{self, Count};
use crate::time::Timestamp;

/// A post is waited for so long.
const TIMEOUT: Duration = Duration::from_secs(2);
/// API Gateway answers 429 when the socket's buffer is full, too; after so many tries the socket is given up.
const TRIES: u32 = 3;

/// What became of a post.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Posted {
    /// API Gateway took it.
    Accepted,
    /// There is no such socket (any more).
    Gone,
    /// The socket takes no more.
    Throttled,
    /// The post failed in another way.
    Failed,
}

/// The management side of the WebSocket API.
#[derive(Debug)]
pub struct Posts {
    endpoint: String,
    signed: Signed,
}

impl Posts {
    /// Posts to the stage behind `endpoint` (`https://…/ws`).
    pub fn new(endpoint: String, signed: Signed) -> Self {
        Self { endpoint, signed }
    }

    /// The client behind the posts, for other calls as the same role.
    pub fn signed(&self) -> &Signed {
        &self.signed
    }

    /// Sends one frame to one socket.
    pub async fn post(&self, connection: &ConnectionId, frame: Bytes, now: Timestamp) -> Posted {
        for attempt in 1..=TRIES {
            invocation::count(Count::Posts);
            match self.call(Method::POST, connection, frame.clone(), now).await {
                Posted::Throttled if attempt < TRIES => {
                    tokio::time::sleep(Duration::from_millis(fastrand::u64(5..=40 << attempt))).await;
                }
                outcome => return counted(outcome),
            }
        }
        counted(Posted::Throttled)
    }

    /// Closes a socket. API Gateway has no close codes of one's own: a `bye` frame goes before.
    pub async fn close(&self, connection: &ConnectionId, now: Timestamp) -> Posted {
        self.call(Method::DELETE, connection, Bytes::new(), now).await
    }

    async fn call(&self, method: Method, connection: &ConnectionId, body: Bytes, now: Timestamp) -> Posted {
        let id = utf8_percent_encode(&connection.0, NON_ALPHANUMERIC);
        let url = format!("{}/@connections/{id}", self.endpoint);
        let call = Call { service: "execute-api", method, url, headers: &[], body };
        match self.signed.call(call, now, TIMEOUT).await {
            Ok(answer) => match answer.status() {
                status if status.is_success() => Posted::Accepted,
                // An id that API Gateway cannot read is answered with 400.
                StatusCode::GONE | StatusCode::BAD_REQUEST => Posted::Gone,
                StatusCode::TOO_MANY_REQUESTS => Posted::Throttled,
                status => {
                    tracing::warn!(status = status.as_u16(), "a post was refused");
                    Posted::Failed
                }
            },
            Err(error) => {
                tracing::warn!(error = error.source().map(ToString::to_string), "a post failed");
                Posted::Failed
            }
        }
    }
}

fn counted(outcome: Posted) -> Posted {
    match outcome {
        Posted::Accepted => invocation::count(Count::Pushes),
        Posted::Gone => invocation::count(Count::Gone),
        Posted::Throttled => invocation::count(Count::Throttled),
        Posted::Failed => {}
    }
    outcome
}
