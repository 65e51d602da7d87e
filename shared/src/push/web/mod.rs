//! Web Push: a few words to a device whose person is away, by the push service of its browser. Best effort, and within bounds.

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

pub use self::endpoint::Hosts;
use self::endpoint::Resolver;
use self::vapid::Keys;
use crate::error::{Error, Result};
use crate::time::Timestamp;

/// A push service keeps a message for a device that is off so long: a day.
const TTL_SECONDS: u32 = 86_400;
const CONNECT: Duration = Duration::from_secs(3);
const ANSWER: Duration = Duration::from_secs(5);
/// How often a service that is busy or broken is asked.
const TRIES: u32 = 3;
/// One that wants to be left alone for longer is.
const LONGEST_WAIT: u64 = 5;

/// The way to devices.
#[derive(Debug)]
pub enum WebPush {
    /// Through push services.
    Cloud(Box<Sender>),
    /// Keeps what would be sent, for tests of the rules.
    Memory(Box<Memory>),
}

/// A device.
#[derive(Clone, Copy, Debug)]
pub struct Device<'a> {
    /// Its URL at its push service.
    pub endpoint: &'a str,
    /// Its public key.
    pub public: &'a [u8],
    /// The secret that it shares with us.
    pub auth: &'a [u8],
    /// Which of our keys it knows.
    pub vapid: &'a [u8],
}

/// A few words.
#[derive(Clone, Copy, Debug)]
pub struct Words<'a> {
    /// The text: JSON for the service worker.
    pub text: &'a str,
    /// What it is about: newer words replace older ones of the same topic that were not delivered yet.
    pub topic: &'a str,
    /// Whether they are worth waking a device that saves power.
    pub urgent: bool,
}

/// What became of words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// The push service took them.
    Accepted,
    /// There is no such device any more.
    Gone,
    /// The push service refused, or did not answer.
    Failed,
}

impl WebPush {
    /// The way to real devices; nothing is opened yet. `contact` is whom a push service may write to about us.
    pub fn new(keys: Keys, hosts: Hosts, contact: String) -> Self {
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

    /// Keeps what would be sent.
    pub fn memory() -> Self {
        Self::Memory(Box::default())
    }

    /// Tells a device.
    pub async fn tell(&self, device: Device<'_>, words: Words<'_>, now: Timestamp) -> Told {
        match self {
            Self::Cloud(sender) => sender.tell(device, words, now).await.unwrap_or_else(|error| {
                tracing::warn!(error = error.source().map(ToString::to_string), "a notification failed");
                Told::Failed
            }),
            Self::Memory(memory) => memory.tell(device, words).await,
        }
    }
}

/// The real way.
#[derive(Debug)]
pub struct Sender {
    keys: Keys,
    hosts: Hosts,
    contact: String,
    http: Client<HttpsConnector<HttpConnector<Resolver>>, Full<Bytes>>,
}

impl Sender {
    async fn tell(&self, device: Device<'_>, words: Words<'_>, now: Timestamp) -> Result<Told> {
        // What the operator lets in may have changed since.
        let Some(uri) = self.hosts.check(device.endpoint) else { return Ok(Told::Gone) };
        let origin = format!("{}://{}", uri.scheme_str().unwrap_or_default(), uri.authority().map_or("", |host| host.as_str()));
        let authorization = self.keys.authorization(device.vapid, &origin, &self.contact, now)?;
        let Some(authorization) = authorization else { return Ok(Told::Gone) };
        let body = encryption::encrypt(words.text.as_bytes(), device.public, device.auth).map_err(Error::internal)?;
        let body = Bytes::from(body);
        for attempt in 1..=TRIES {
            match self.post(&uri, &authorization, words, body.clone()).await {
                Ok((status, _)) if status.is_success() => return Ok(Told::Accepted),
                Ok((StatusCode::NOT_FOUND | StatusCode::GONE, _)) => return Ok(Told::Gone),
                Ok((status, headers)) => {
                    let again = status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error();
                    let wait = retry_after(&headers);
                    if !again || attempt == TRIES || wait.is_some_and(|seconds| seconds > LONGEST_WAIT) {
                        // Redirects, too: whom a push service points to is not looked at.
                        tracing::warn!(host = uri.host(), status = status.as_u16(), "a push service refused");
                        return Ok(Told::Failed);
                    }
                    pause(attempt, wait).await;
                }
                Err(error) if attempt == TRIES => return Err(error),
                Err(_) => pause(attempt, None).await,
            }
        }
        Ok(Told::Failed)
    }

    async fn post(&self, uri: &Uri, authorization: &str, words: Words<'_>, body: Bytes) -> Result<(StatusCode, HeaderMap)> {
        let request = Request::post(uri)
            .header(header::AUTHORIZATION, authorization)
            .header(header::CONTENT_ENCODING, "aes128gcm")
            .header(header::CONTENT_TYPE, "application/octet-stream")
            .header("ttl", TTL_SECONDS)
            .header("topic", words.topic)
            .header("urgency", if words.urgent { "high" } else { "normal" })
            .body(Full::new(body))
            .map_err(Error::internal)?;
        let answer = tokio::time::timeout(ANSWER, self.http.request(request)).await.map_err(Error::unavailable)?;
        // What a push service says besides is not read.
        let (parts, _) = answer.map_err(Error::unavailable)?.into_parts();
        Ok((parts.status, parts.headers))
    }
}

fn retry_after(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()
}

async fn pause(attempt: u32, wait: Option<u64>) {
    let jitter = Duration::from_millis(fastrand::u64(100..=300) << attempt);
    tokio::time::sleep(wait.map_or(jitter, |seconds| Duration::from_secs(seconds) + jitter / 4)).await;
}

/// Without push services: keeps what would be sent.
#[derive(Debug, Default)]
pub struct Memory {
    heard: Mutex<Vec<(String, String, bool)>>,
    answers: Mutex<BTreeMap<String, Told>>,
}

impl Memory {
    /// Endpoint, text, and whether it was urgent, of all that was sent since the last time.
    pub async fn taken(&self) -> Vec<(String, String, bool)> {
        std::mem::take(&mut *self.heard.lock().await)
    }

    /// What becomes of words to this endpoint from now on.
    pub async fn answer(&self, endpoint: &str, told: Told) {
        self.answers.lock().await.insert(endpoint.to_owned(), told);
    }

    async fn tell(&self, device: Device<'_>, words: Words<'_>) -> Told {
        self.heard.lock().await.push((device.endpoint.to_owned(), words.text.to_owned(), words.urgent));
        self.answers.lock().await.get(device.endpoint).copied().unwrap_or(Told::Accepted)
    }
}
