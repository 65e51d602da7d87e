//! The `@connections` API: posts frames to sockets and closes them. A dead socket is a result, not an error.
//!
//! Posts are the hot path: they are signed by our own client and share one HTTP/2 connection, all requests of a broadcast in one write. An endpoint
//! without HTTP/2 gets them over pooled HTTP/1.1 connections. Sockets are closed by the SDK.

use std::time::Duration;

use aws_sdk_apigatewaymanagement::Client;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::timeout::TimeoutConfig;
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use h2::client::SendRequest;
use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use rustls::ClientConfig;

use crate::aws::http2::Http2Connection;
use crate::aws::sigv4_client::{SigV4Client, SigV4Request};
use crate::aws::{Lazy, http as pool, lazy, sdk};
use crate::config::{self, ServiceEndpoint};
use crate::error::{Error, Result};
use crate::id::ConnectionId;
use crate::push::post_writer::PostWriter;
use crate::push::posts::{Post, PostOutcome, Posts};
use crate::telemetry::invocation::{self, Count};
use crate::time::Timestamp;

/// Time limit of one attempt of posts, and of closing a socket with all its attempts.
const TIMEOUT: Duration = Duration::from_secs(2);
/// Covers one retransmission of a lost SYN, which takes a second.
const CONNECT: Duration = Duration::from_secs(3);
/// API Gateway also answers 429 when the socket's buffer is full; after this many attempts the socket counts as stuck.
const TRIES: u32 = 3;
/// Concurrent posts over HTTP/1.1, each of which needs a connection.
const MOST_CONNECTIONS: usize = 64;

/// The management side of the WebSocket API.
#[derive(Debug)]
pub struct ConnectionsApi {
    endpoint: String,
    signing_client: SigV4Client,
    /// None for an endpoint that is no URL.
    http2: Option<Http2Connection>,
    sdk_client: Lazy<Client>,
}

impl ConnectionsApi {
    /// Uses the stage behind `endpoint` (`https://…/ws`). Opens no connection before the first call.
    pub fn new(aws: &config::Aws, endpoint: String) -> Self {
        Self::with_tls(aws, endpoint, pool::tls)
    }

    /// The same, with other settings of TLS for HTTP/2.
    pub fn with_tls(aws: &config::Aws, endpoint: String, tls: impl FnOnce() -> ClientConfig + Send + 'static) -> Self {
        let signing_client = SigV4Client::new(aws);
        let (aws, http, stage) = (aws.clone(), signing_client.http(), ServiceEndpoint::other(&endpoint));
        let sdk_client = lazy(move || {
            let timeouts = TimeoutConfig::builder().operation_timeout(TIMEOUT).build();
            Client::new(&sdk::settings(&aws, pool::sdk_client((*http).clone()), timeouts, &stage))
        });
        let http2 = endpoint.parse().ok().and_then(|uri| Http2Connection::new(&uri, lazy(tls), CONNECT));
        Self { endpoint, signing_client, http2, sdk_client }
    }

    /// The signing client, for other calls with the same role.
    pub fn signing_client(&self) -> &SigV4Client {
        &self.signing_client
    }

    /// Sends one frame to a single socket.
    pub async fn send(&self, connection: &ConnectionId, frame: Bytes, now: Timestamp) -> PostOutcome {
        let mut posts = Posts::new(vec![Post { connection, frame }]);
        self.post_all(&mut posts, now).await;
        posts.outcomes()[0].unwrap_or(PostOutcome::Failed)
    }

    /// Sends all posts and records their outcomes one by one, so that those of a cancelled call are known. Tries again those whose socket is busy.
    pub async fn post_all(&self, posts: &mut Posts<'_>, now: Timestamp) {
        for attempt in 1..=TRIES {
            posts.is_last_attempt = attempt == TRIES;
            self.post_once(posts, now).await;
            if posts.open().is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(fastrand::u64(5..=40 << attempt))).await;
        }
    }

    async fn post_once(&self, posts: &mut Posts<'_>, now: Timestamp) {
        match self.http2().await {
            Ok(Some((http2, requests))) => {
                let guard = http2.guard();
                if tokio::time::timeout(TIMEOUT, self.multiplex(http2, requests, posts, now)).await.is_ok() {
                    guard.finish();
                } else {
                    tracing::warn!("posts were not answered in time");
                    posts.fail_open();
                }
            }
            Ok(None) => self.post_concurrently(posts, now).await,
            Err(error) => {
                tracing::warn!(error = error.causes(), "posts failed");
                posts.fail_open();
            }
        }
    }

    async fn http2(&self) -> Result<Option<(&Http2Connection, SendRequest<Bytes>)>> {
        let Some(http2) = &self.http2 else { return Ok(None) };
        Ok(http2.requests().await?.map(|requests| (http2, requests)))
    }

    /// Writes all requests to one connection, then reads the answers. Requests that the connection lost are sent again over another one: clients drop
    /// a frame that arrives twice.
    async fn multiplex(&self, http2: &Http2Connection, mut requests: SendRequest<Bytes>, posts: &mut Posts<'_>, now: Timestamp) {
        let writer = self.signing_client.post_signer("execute-api", http2.authority().as_str(), now);
        let mut writer = match writer.and_then(|signer| PostWriter::new(signer, http2, &self.endpoint)) {
            Ok(writer) => writer,
            Err(error) => {
                tracing::warn!(error = error.causes(), "posts could not be signed");
                return posts.fail_open();
            }
        };
        let mut left = posts.open();
        for is_second in [false, true] {
            left = writer.exchange(requests, posts, &left).await;
            if left.is_empty() {
                return;
            }
            http2.discard().await;
            requests = match if is_second { Ok(None) } else { http2.requests().await } {
                Ok(Some(other)) => other,
                failed => {
                    let error = failed.err().and_then(|error| error.causes());
                    tracing::warn!(error, posts = left.len(), "posts failed");
                    break;
                }
            };
        }
        for index in left {
            posts.record(index, PostOutcome::Failed);
        }
    }

    /// Posts over HTTP/1.1, with as many connections as posts at a time.
    async fn post_concurrently(&self, posts: &mut Posts<'_>, now: Timestamp) {
        let all: Vec<_> = posts.open().into_iter().map(|index| (index, posts.get(index).clone())).collect();
        let mut waiting = all.iter();
        let mut running = FuturesUnordered::new();
        let post = |(index, post): &'_ (usize, Post<'_>)| {
            let (index, connection, frame) = (*index, post.connection.clone(), post.frame.clone());
            async move { (index, self.post_alone(&connection, frame, now).await) }
        };
        running.extend(waiting.by_ref().take(MOST_CONNECTIONS).map(post));
        while let Some((index, outcome)) = running.next().await {
            running.extend(waiting.next().map(post));
            posts.record(index, outcome);
        }
    }

    async fn post_alone(&self, connection: &ConnectionId, body: Bytes, now: Timestamp) -> PostOutcome {
        invocation::count(Count::Posts);
        let id = utf8_percent_encode(&connection.0, NON_ALPHANUMERIC);
        let url = format!("{}/@connections/{id}", self.endpoint);
        let call = SigV4Request { service: "execute-api", method: Method::POST, url, headers: &[], body };
        match self.signing_client.call(call, now, TIMEOUT).await {
            Ok(answer) => PostOutcome::of_status(answer.status().as_u16()),
            Err(error) => failed(&error),
        }
    }

    /// Closes a socket. API Gateway sends no custom close codes, so a `bye` frame goes first.
    pub async fn close(&self, connection: &ConnectionId) -> PostOutcome {
        outcome_of(Box::pin(self.sdk_client.delete_connection().connection_id(&connection.0).send()).await)
    }
}

fn outcome_of<T, E>(answer: std::result::Result<T, SdkError<E, HttpResponse>>) -> PostOutcome
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let Err(error) = answer else { return PostOutcome::Accepted };
    match sdk::status(&error) {
        Some(status) => PostOutcome::of_status(status),
        None => failed(&sdk::unavailable("API Gateway", &error)),
    }
}

fn failed(error: &Error) -> PostOutcome {
    tracing::warn!(error = error.causes(), "a post failed");
    PostOutcome::Failed
}
