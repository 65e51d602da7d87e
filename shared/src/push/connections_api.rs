//! The `@connections` API: posts frames to sockets and closes them. A dead socket is a result, not an error.
//!
//! Single sockets are served by the SDK. Posts to all sockets of an audience are the hot path and are signed by our own client, at a fifth of the
//! instructions: its module has the figures.

use std::time::Duration;

use aws_sdk_apigatewaymanagement::Client;
use aws_sdk_apigatewaymanagement::primitives::Blob;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextRef;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::timeout::TimeoutConfig;
use bytes::Bytes;
use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::aws::sigv4_client::{SigV4Client, SigV4Request};
use crate::aws::{Lazy, http as pool, lazy, sdk};
use crate::config::{self, ServiceEndpoint};
use crate::error::Error;
use crate::id::ConnectionId;
use crate::telemetry::invocation::{self, Count};
use crate::time::Timestamp;

/// Time limit of one post of a broadcast, and of a call to a single socket with all its attempts.
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
    signing_client: SigV4Client,
    /// Shares the connections of `signing_client`.
    sdk_client: Lazy<Client>,
}

impl ConnectionsApi {
    /// Uses the stage behind `endpoint` (`https://…/ws`). Opens no connection before the first call.
    pub fn new(aws: &config::Aws, endpoint: String) -> Self {
        let signing_client = SigV4Client::new(aws);
        let (aws, http, stage) = (aws.clone(), signing_client.http(), ServiceEndpoint::other(&endpoint));
        let sdk_client = lazy(move || {
            let timeouts = TimeoutConfig::builder().operation_timeout(TIMEOUT).build();
            Client::new(&sdk::settings(&aws, pool::sdk_client((*http).clone()), timeouts, &stage))
        });
        Self { endpoint, signing_client, sdk_client }
    }

    /// The signing client, for other calls with the same role.
    pub fn signing_client(&self) -> &SigV4Client {
        &self.signing_client
    }

    /// Sends one frame to one of the sockets of an audience.
    pub async fn post(&self, connection: &ConnectionId, frame: Bytes, now: Timestamp) -> PostOutcome {
        for attempt in 1..=TRIES {
            invocation::count(Count::Posts);
            match self.try_post(connection, frame.clone(), now).await {
                PostOutcome::Throttled if attempt < TRIES => {
                    tokio::time::sleep(Duration::from_millis(fastrand::u64(5..=40 << attempt))).await;
                }
                outcome => return count_outcome(outcome),
            }
        }
        count_outcome(PostOutcome::Throttled)
    }

    async fn try_post(&self, connection: &ConnectionId, body: Bytes, now: Timestamp) -> PostOutcome {
        let id = utf8_percent_encode(&connection.0, NON_ALPHANUMERIC);
        let url = format!("{}/@connections/{id}", self.endpoint);
        let call = SigV4Request { service: "execute-api", method: Method::POST, url, headers: &[], body };
        match self.signing_client.call(call, now, TIMEOUT).await {
            Ok(answer) => outcome(answer.status().as_u16()),
            Err(error) => failed(&error),
        }
    }

    /// Sends one frame to a single socket.
    pub async fn send(&self, connection: &ConnectionId, frame: Bytes) -> PostOutcome {
        let post = self.sdk_client.post_to_connection().connection_id(&connection.0).data(Blob::new(frame));
        count_outcome(outcome_of(Box::pin(post.customize().interceptor(CountPosts).send()).await))
    }

    /// Closes a socket. API Gateway sends no custom close codes, so a `bye` frame goes first.
    pub async fn close(&self, connection: &ConnectionId) -> PostOutcome {
        outcome_of(Box::pin(self.sdk_client.delete_connection().connection_id(&connection.0).send()).await)
    }
}

/// Counts every attempt of the SDK, as API Gateway bills them.
#[derive(Debug)]
struct CountPosts;

impl Intercept for CountPosts {
    fn name(&self) -> &'static str {
        "CountPosts"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        invocation::count(Count::Posts);
        Ok(())
    }
}

fn outcome_of<T, E>(answer: Result<T, SdkError<E, HttpResponse>>) -> PostOutcome
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let Err(error) = answer else { return PostOutcome::Accepted };
    match sdk::status(&error) {
        Some(status) => outcome(status),
        None => failed(&sdk::unavailable("API Gateway", &error)),
    }
}

fn outcome(status: u16) -> PostOutcome {
    match status {
        200..=299 => PostOutcome::Accepted,
        // API Gateway answers 400 for ids that it cannot decode.
        410 | 400 => PostOutcome::Gone,
        429 => PostOutcome::Throttled,
        status => {
            tracing::warn!(status, "a post was refused");
            PostOutcome::Failed
        }
    }
}

fn failed(error: &Error) -> PostOutcome {
    tracing::warn!(error = error.causes(), "a post failed");
    PostOutcome::Failed
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
