//! The `@connections` API: posts frames to sockets and closes them. A dead socket is a result, not an error.
//!
//! Posts are the hot path: they are signed by our own client and share one HTTP/2 connection, all requests of a broadcast in one write. An endpoint
//! without HTTP/2 gets them over pooled HTTP/1.1 connections. Sockets are closed by the SDK.

use std::future::poll_fn;
use std::time::Duration;

use aws_sdk_apigatewaymanagement::Client;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::timeout::TimeoutConfig;
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use h2::client::{ResponseFuture, SendRequest};
use http::uri::{PathAndQuery, Scheme};
use http::{Method, Request, Uri};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::aws::http2::Http2Connection;
use crate::aws::sigv4_client::{PostSigner, SigV4Client, SigV4Request, body_digest};
use crate::aws::{Lazy, http as pool, lazy, sdk};
use crate::config::{self, ServiceEndpoint};
use crate::error::{Error, Result};
use crate::id::ConnectionId;
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

/// A frame for a socket.
#[derive(Clone, Debug)]
pub struct Post<'a> {
    pub connection: &'a ConnectionId,
    pub frame: Bytes,
}

/// Posts and what became of them so far; none of those in flight.
#[derive(Debug)]
pub struct Posts<'a> {
    posts: Vec<Post<'a>>,
    outcomes: Vec<Option<PostOutcome>>,
}

impl<'a> Posts<'a> {
    pub fn new(posts: Vec<Post<'a>>) -> Self {
        let outcomes = vec![None; posts.len()];
        Self { posts, outcomes }
    }

    /// The outcomes in the order of the posts.
    pub fn outcomes(&self) -> &[Option<PostOutcome>] {
        &self.outcomes
    }

    /// The indexes of posts without an outcome.
    fn open(&self) -> Vec<usize> {
        (0..self.posts.len()).filter(|index| self.outcomes[*index].is_none()).collect()
    }
}

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
        let signing_client = SigV4Client::new(aws);
        let (aws, http, stage) = (aws.clone(), signing_client.http(), ServiceEndpoint::other(&endpoint));
        let sdk_client = lazy(move || {
            let timeouts = TimeoutConfig::builder().operation_timeout(TIMEOUT).build();
            Client::new(&sdk::settings(&aws, pool::sdk_client((*http).clone()), timeouts, &stage))
        });
        let http2 = endpoint.parse().ok().and_then(|uri| Http2Connection::new(&uri, CONNECT));
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
        posts.outcomes[0].unwrap_or(PostOutcome::Failed)
    }

    /// Sends all posts and records their outcomes one by one, so that those of a cancelled call are known. Tries again those whose socket is busy.
    pub async fn post_all(&self, posts: &mut Posts<'_>, now: Timestamp) {
        for attempt in 1..=TRIES {
            let open = posts.open();
            self.post_once(posts, &open, attempt == TRIES, now).await;
            if posts.open().is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(fastrand::u64(5..=40 << attempt))).await;
        }
    }

    /// Attempts these posts. Those that were throttled stay without an outcome until the last attempt.
    async fn post_once(&self, posts: &mut Posts<'_>, open: &[usize], is_last: bool, now: Timestamp) {
        let mut record = |posts: &mut Posts<'_>, index: usize, outcome: PostOutcome| {
            if outcome != PostOutcome::Throttled || is_last {
                posts.outcomes[index] = Some(count_outcome(outcome));
            }
        };
        match self.http2().await {
            Ok(Some((http2, requests))) => {
                let multiplexed = self.multiplex(http2, requests, posts, open, now, &mut record);
                if tokio::time::timeout(TIMEOUT, multiplexed).await.is_err() {
                    tracing::warn!("posts were not answered in time");
                    open.iter().for_each(|index| {
                        posts.outcomes[*index].get_or_insert(PostOutcome::Failed);
                    });
                }
            }
            Ok(None) => self.post_concurrently(posts, open, now, &mut record).await,
            Err(error) => {
                tracing::warn!(error = error.causes(), "posts failed");
                open.iter().for_each(|index| posts.outcomes[*index] = Some(PostOutcome::Failed));
            }
        }
    }

    async fn http2(&self) -> Result<Option<(&Http2Connection, SendRequest<Bytes>)>> {
        let Some(http2) = &self.http2 else { return Ok(None) };
        Ok(http2.requests().await?.map(|requests| (http2, requests)))
    }

    /// Writes all requests to one connection, then reads the answers. Requests that the connection lost are sent again over another one: clients drop
    /// a frame that arrives twice.
    async fn multiplex(
        &self,
        http2: &Http2Connection,
        mut requests: SendRequest<Bytes>,
        posts: &mut Posts<'_>,
        open: &[usize],
        now: Timestamp,
        record: &mut impl FnMut(&mut Posts<'_>, usize, PostOutcome),
    ) {
        let mut left = open.to_vec();
        for is_second in [false, true] {
            let mut lost = match self.exchange(http2, requests, posts, &left, now, record).await {
                Ok(lost) => lost,
                Err(error) => {
                    tracing::warn!(error = error.causes(), "posts could not be made");
                    left
                }
            };
            if lost.is_empty() {
                return;
            }
            http2.discard().await;
            let again = if is_second { Ok(None) } else { http2.requests().await };
            match again {
                Ok(Some(other)) => (requests, left) = (other, std::mem::take(&mut lost)),
                failed => {
                    let error = failed.err().and_then(|error| error.causes());
                    tracing::warn!(error, posts = lost.len(), "posts failed");
                    lost.into_iter().for_each(|index| record(posts, index, PostOutcome::Failed));
                    return;
                }
            }
        }
    }

    /// Returns the posts that the connection lost.
    async fn exchange(
        &self,
        http2: &Http2Connection,
        mut requests: SendRequest<Bytes>,
        posts: &mut Posts<'_>,
        left: &[usize],
        now: Timestamp,
        record: &mut impl FnMut(&mut Posts<'_>, usize, PostOutcome),
    ) -> Result<Vec<usize>> {
        let stage: Uri = self.endpoint.parse().map_err(Error::internal)?;
        let mut writer = PostWriter {
            signer: self.signing_client.post_signer("execute-api", http2.authority().as_str(), now)?,
            http2,
            stage: stage.path().trim_end_matches('/').to_owned(),
            hashed: (Bytes::new(), body_digest(b"")),
        };
        let (mut answers, mut lost) = (Vec::with_capacity(left.len()), Vec::new());
        for index in left {
            invocation::count(Count::Posts);
            let ready = poll_fn(|context| requests.poll_ready(context)).await;
            let written = match ready {
                Ok(()) => writer.write(&mut requests, &posts.posts[*index])?,
                Err(_) => None,
            };
            match written {
                Some(answer) => answers.push((*index, answer)),
                None => lost.push(*index),
            }
        }
        for (index, answer) in answers {
            match answer.await {
                Ok(answer) => record(posts, index, outcome(answer.status().as_u16())),
                Err(error) => {
                    tracing::debug!(%error, "an answer was lost");
                    lost.push(index);
                }
            }
        }
        Ok(lost)
    }

    /// Posts over HTTP/1.1, with as many connections as posts at a time.
    async fn post_concurrently(
        &self,
        posts: &mut Posts<'_>,
        open: &[usize],
        now: Timestamp,
        record: &mut impl FnMut(&mut Posts<'_>, usize, PostOutcome),
    ) {
        let all: Vec<_> = open.iter().map(|index| (*index, posts.posts[*index].clone())).collect();
        let mut waiting = all.iter();
        let mut running = FuturesUnordered::new();
        let post = |(index, post): &'_ (usize, Post<'_>)| {
            let (index, connection, frame) = (*index, post.connection.clone(), post.frame.clone());
            async move { (index, self.post_alone(&connection, frame, now).await) }
        };
        running.extend(waiting.by_ref().take(MOST_CONNECTIONS).map(post));
        while let Some((index, outcome)) = running.next().await {
            running.extend(waiting.next().map(post));
            record(posts, index, outcome);
        }
    }

    async fn post_alone(&self, connection: &ConnectionId, body: Bytes, now: Timestamp) -> PostOutcome {
        invocation::count(Count::Posts);
        let id = utf8_percent_encode(&connection.0, NON_ALPHANUMERIC);
        let url = format!("{}/@connections/{id}", self.endpoint);
        let call = SigV4Request { service: "execute-api", method: Method::POST, url, headers: &[], body };
        match self.signing_client.call(call, now, TIMEOUT).await {
            Ok(answer) => outcome(answer.status().as_u16()),
            Err(error) => failed(&error),
        }
    }

    /// Closes a socket. API Gateway sends no custom close codes, so a `bye` frame goes first.
    pub async fn close(&self, connection: &ConnectionId) -> PostOutcome {
        outcome_of(Box::pin(self.sdk_client.delete_connection().connection_id(&connection.0).send()).await)
    }
}

/// Writes the requests of one broadcast.
struct PostWriter<'a> {
    signer: PostSigner,
    http2: &'a Http2Connection,
    /// The path of the stage.
    stage: String,
    /// The frame of the previous post and its digest: most posts of a broadcast have the same frame.
    hashed: (Bytes, String),
}

impl PostWriter<'_> {
    /// Returns none if the connection is lost.
    fn write(&mut self, requests: &mut SendRequest<Bytes>, post: &Post<'_>) -> Result<Option<ResponseFuture>> {
        let is_same = post.frame.as_ptr() == self.hashed.0.as_ptr() && post.frame.len() == self.hashed.0.len();
        if !is_same {
            self.hashed = (post.frame.clone(), body_digest(&post.frame));
        }
        let id = utf8_percent_encode(&post.connection.0, NON_ALPHANUMERIC);
        let path = format!("{}/@connections/{id}", self.stage);
        let headers = self.signer.headers(&path, &self.hashed.1)?;
        let mut uri = http::uri::Parts::default();
        uri.scheme = Some(Scheme::HTTPS);
        uri.authority = Some(self.http2.authority().clone());
        uri.path_and_query = Some(PathAndQuery::from_maybe_shared(Bytes::from(path)).map_err(Error::internal)?);
        let mut request = Request::new(());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = Uri::from_parts(uri).map_err(Error::internal)?;
        *request.headers_mut() = headers;
        let Ok((answer, mut body)) = requests.send_request(request, false) else { return Ok(None) };
        Ok(body.send_data(post.frame.clone(), true).is_ok().then_some(answer))
    }
}

fn outcome_of<T, E>(answer: std::result::Result<T, SdkError<E, HttpResponse>>) -> PostOutcome
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
