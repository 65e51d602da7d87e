//! The `@connections` API: posts frames to sockets and closes them. A dead socket is a result, not an error.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::id::ConnectionId;
use crate::push::aws_client::{AwsClient, AwsRequest};
use crate::telemetry::invocation::{self, Count};
use crate::time::Timestamp;

/// Time limit of one post.
const TIMEOUT: Duration = Duration::from_secs(2);
/// API Gateway also answers 429 when the socket's buffer is full; after this many attempts the socket counts as stuck.
const TRIES: u32 = 3;

/// The result of a post.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PostOutcome {
    Accepted,
    /// The socket does not exist (any more).
    Gone,
    /// The socket's buffer is full.
    Throttled,
    /// Any other failure.
    Failed,
}

/// The management side of the WebSocket API.
#[derive(Debug)]
pub struct ConnectionsApi {
    endpoint: String,
    client: AwsClient,
}

impl ConnectionsApi {
    /// Uses the stage behind `endpoint` (`https://…/ws`).
    pub fn new(endpoint: String, client: AwsClient) -> Self {
        Self { endpoint, client }
    }

    /// The signing client, for other calls with the same role.
    pub fn client(&self) -> &AwsClient {
        &self.client
    }

    /// Sends one frame to one socket.
    pub async fn post(&self, connection: &ConnectionId, frame: Bytes, now: Timestamp) -> PostOutcome {
        for attempt in 1..=TRIES {
            invocation::count(Count::Posts);
            match self.call(Method::POST, connection, frame.clone(), now).await {
                PostOutcome::Throttled if attempt < TRIES => {
                    tokio::time::sleep(Duration::from_millis(fastrand::u64(5..=40 << attempt))).await;
                }
                outcome => return count_outcome(outcome),
            }
        }
        count_outcome(PostOutcome::Throttled)
    }

    /// Closes a socket. API Gateway sends no custom close codes, so a `bye` frame goes first.
    pub async fn close(&self, connection: &ConnectionId, now: Timestamp) -> PostOutcome {
        self.call(Method::DELETE, connection, Bytes::new(), now).await
    }

    async fn call(&self, method: Method, connection: &ConnectionId, body: Bytes, now: Timestamp) -> PostOutcome {
        let id = utf8_percent_encode(&connection.0, NON_ALPHANUMERIC);
        let url = format!("{}/@connections/{id}", self.endpoint);
        let call = AwsRequest { service: "execute-api", method, url, headers: &[], body };
        match self.client.call(call, now, TIMEOUT).await {
            Ok(answer) => match answer.status() {
                status if status.is_success() => PostOutcome::Accepted,
                // API Gateway answers 400 for ids that it cannot decode.
                StatusCode::GONE | StatusCode::BAD_REQUEST => PostOutcome::Gone,
                StatusCode::TOO_MANY_REQUESTS => PostOutcome::Throttled,
                status => {
                    tracing::warn!(status = status.as_u16(), "a post was refused");
                    PostOutcome::Failed
                }
            },
            Err(error) => {
                tracing::warn!(error = error.source().map(ToString::to_string), "a post failed");
                PostOutcome::Failed
            }
        }
    }
}

fn count_outcome(outcome: PostOutcome) -> PostOutcome {
    match outcome {
        PostOutcome::Accepted => invocation::count(Count::Pushes),
        PostOutcome::Gone => invocation::count(Count::Gone),
        PostOutcome::Throttled => invocation::count(Count::Throttled),
        PostOutcome::Failed => {}
    }
    outcome
}
