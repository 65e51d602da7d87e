//! Web Push: sends short notifications to devices of users who are away, through their browsers' push services. Best effort.

pub mod encryption;
mod endpoint;
pub mod vapid;

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, Uri, header};
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::sync::Mutex;

pub use self::endpoint::AllowedHosts;
use self::endpoint::Resolver;
use self::vapid::VapidKeys;
use crate::error::{Error, Result};
use crate::time::Timestamp;

/// How long a push service stores a message for an offline device: a day.
const TTL_SECONDS: u32 = 86_400;
const CONNECT: Duration = Duration::from_secs(3);
const ANSWER: Duration = Duration::from_secs(5);

/// Sends Web Push messages.
#[derive(Debug)]
pub enum WebPush {
    Cloud(Box<Sender>),
    /// Records what would be sent; for tests.
    Memory(Box<MemoryWebPush>),
}

/// A subscribed device.
#[derive(Clone, Copy, Debug)]
pub struct Device<'a> {
    /// Its URL at the push service.
    pub endpoint: &'a str,
    /// Its public key.
    pub public: &'a [u8],
    /// Its authentication secret.
    pub auth: &'a [u8],
    /// The id of the VAPID key that it subscribed with.
    pub vapid: &'a [u8],
}

/// A push message.
#[derive(Clone, Copy, Debug)]
pub struct PushMessage<'a> {
    /// JSON for the service worker.
    pub text: &'a str,
    /// A newer message replaces an undelivered one of the same topic.
    pub topic: &'a str,
    /// Whether to wake a device that saves power.
    pub urgent: bool,
}

/// The result of a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushOutcome {
    Accepted,
    /// The subscription no longer exists.
    Gone,
    /// The push service is busy, failing or silent; how many seconds it wants to be left alone, if it says so.
    Busy(Option<u64>),
    /// The push service refused.
    Failed,
}

impl WebPush {
    /// Opens no connection before the first call. `contact` is the operator's address for push services.
    pub fn new(keys: VapidKeys, hosts: AllowedHosts, contact: String) -> Self {
        let mut connector = HttpConnector::new_with_resolver(Resolver);
        connector.enforce_http(false);
        connector.set_connect_timeout(Some(CONNECT));
        let connector = HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_http1().wrap_connector(connector);
        let http = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(20))
            .build(connector);
        Self::Cloud(Box::new(Sender { keys, hosts, contact, http }))
    }

    pub fn memory() -> Self {
        Self::Memory(Box::default())
    }

    pub async fn send(&self, device: Device<'_>, message: PushMessage<'_>, now: Timestamp) -> PushOutcome {
        match self {
            Self::Cloud(sender) => sender.send(device, message, now).await.unwrap_or_else(|error| {
                tracing::warn!(error = error.causes(), "a notification failed");
                PushOutcome::Failed
            }),
            Self::Memory(memory) => memory.send(device, message).await,
        }
    }
}

/// The production implementation.
#[derive(Debug)]
pub struct Sender {
    keys: VapidKeys,
    hosts: AllowedHosts,
    contact: String,
    http: Client<HttpsConnector<HttpConnector<Resolver>>, Full<Bytes>>,
}

impl Sender {
    async fn send(&self, device: Device<'_>, message: PushMessage<'_>, now: Timestamp) -> Result<PushOutcome> {
        // The operator's list of allowed hosts can have changed.
        let Some(uri) = self.hosts.check(device.endpoint) else { return Ok(PushOutcome::Gone) };
        let origin = format!("{}://{}", uri.scheme_str().unwrap_or_default(), uri.authority().map_or("", |host| host.as_str()));
        let authorization = self.keys.authorization(device.vapid, &origin, &self.contact, now)?;
        let Some(authorization) = authorization else { return Ok(PushOutcome::Gone) };
        let body = encryption::encrypt(message.text.as_bytes(), device.public, device.auth).map_err(Error::internal)?;
        let body = Bytes::from(body);
        match self.post(&uri, &authorization, message, body).await {
            Ok((status, _)) if status.is_success() => Ok(PushOutcome::Accepted),
            Ok((StatusCode::NOT_FOUND | StatusCode::GONE, _)) => Ok(PushOutcome::Gone),
            Ok((status, headers)) => {
                // Redirects are refusals, too: they are not followed.
                tracing::warn!(host = uri.host(), status = status.as_u16(), "a push service refused");
                let is_busy = status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error();
                Ok(if is_busy { PushOutcome::Busy(retry_after(&headers)) } else { PushOutcome::Failed })
            }
            Err(error @ Error::Unavailable { .. }) => {
                tracing::warn!(host = uri.host(), error = error.causes(), "a push service did not answer");
                Ok(PushOutcome::Busy(None))
            }
            Err(error) => Err(error),
        }
    }

    async fn post(
        &self,
        uri: &Uri,
        authorization: &str,
        message: PushMessage<'_>,
        body: Bytes,
    ) -> Result<(StatusCode, HeaderMap)> {
        let request = Request::post(uri)
            .header(header::AUTHORIZATION, authorization)
            .header(header::CONTENT_ENCODING, "aes128gcm")
            .header(header::CONTENT_TYPE, "application/octet-stream")
            .header("ttl", TTL_SECONDS)
            .header("topic", message.topic)
            .header("urgency", if message.urgent { "high" } else { "normal" })
            .body(Full::new(body))
            .map_err(Error::internal)?;
        let answer = tokio::time::timeout(ANSWER, self.http.request(request)).await.map_err(Error::unavailable)?;
        // The body is ignored.
        let (parts, _) = answer.map_err(Error::unavailable)?.into_parts();
        Ok((parts.status, parts.headers))
    }
}

fn retry_after(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()
}

/// Records what would be sent.
#[derive(Debug, Default)]
pub struct MemoryWebPush {
    sent: Mutex<Vec<(String, String, bool)>>,
    outcomes: Mutex<BTreeMap<String, PushOutcome>>,
}

impl MemoryWebPush {
    /// Takes endpoint, text and urgency of every recorded message.
    pub async fn take_sent(&self) -> Vec<(String, String, bool)> {
        std::mem::take(&mut *self.sent.lock().await)
    }

    /// Sets the outcome of later messages to an endpoint.
    pub async fn set_outcome(&self, endpoint: &str, outcome: PushOutcome) {
        self.outcomes.lock().await.insert(endpoint.to_owned(), outcome);
    }

    async fn send(&self, device: Device<'_>, message: PushMessage<'_>) -> PushOutcome {
        self.sent.lock().await.push((device.endpoint.to_owned(), message.text.to_owned(), message.urgent));
        self.outcomes.lock().await.get(device.endpoint).copied().unwrap_or(PushOutcome::Accepted)
    }
}
