//! One HTTP/2 connection to a host, shared by all requests. Many requests at once cost one handshake and few writes; over HTTP/1.1 each needs a
//! connection of its own.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::client::{self, SendRequest};
use http::Uri;
use http::uri::{Authority, Scheme};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio_rustls::TlsConnector;

use crate::aws::{Lazy, lazy};
use crate::error::{Error, Result};

/// A connection that was idle for longer is replaced: Lambda freezes instances, which kills connections unnoticed.
const IDLE: Duration = Duration::from_secs(20);
/// The protocols that are offered, in the order of preference.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// The connection to one host, opened on first use.
#[derive(Debug)]
pub(crate) struct Http2Connection {
    authority: Authority,
    /// None for a host without TLS, which cannot say that it speaks HTTP/2.
    tls: Option<TlsConnection>,
    state: Mutex<State>,
    /// Whether a use of the connection ended without an answer: it may be dead.
    is_doubtful: AtomicBool,
}

/// Held while a connection is used. Dropped unfinished, because answers did not come in time, it has the next use open another one.
#[derive(Debug)]
pub(crate) struct UseGuard<'a> {
    connection: &'a Http2Connection,
    is_finished: bool,
}

impl UseGuard<'_> {
    pub(crate) fn finish(mut self) {
        self.is_finished = true;
    }
}

impl Drop for UseGuard<'_> {
    fn drop(&mut self) {
        if !self.is_finished {
            self.connection.is_doubtful.store(true, Ordering::Relaxed);
        }
    }
}

struct TlsConnection {
    name: ServerName<'static>,
    connector: Lazy<TlsConnector>,
    connect_within: Duration,
}

impl std::fmt::Debug for TlsConnection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.name)
    }
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Closed,
    Open {
        requests: SendRequest<Bytes>,
        used: Instant,
    },
    /// The host chose HTTP/1.1.
    Http1,
    /// The last attempt failed.
    Failed(Instant),
}

impl Http2Connection {
    /// Opens no connection before the first call. None for a URI without a host.
    pub(crate) fn new(uri: &Uri, tls: Lazy<ClientConfig>, connect_within: Duration) -> Option<Self> {
        let authority = uri.authority()?.clone();
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host).ok().filter(|_| uri.scheme() == Some(&Scheme::HTTPS));
        let connector = lazy(move || {
            let mut config = (**tls).clone();
            config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
            TlsConnector::from(Arc::new(config))
        });
        let tls = name.map(|name| TlsConnection { name, connector, connect_within });
        Some(Self { authority, tls, state: Mutex::default(), is_doubtful: AtomicBool::new(false) })
    }

    pub(crate) fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Returns the open connection, or opens one; none if the host speaks HTTP/1.1 only.
    pub(crate) async fn requests(&self) -> Result<Option<SendRequest<Bytes>>> {
        let Some(tls) = &self.tls else { return Ok(None) };
        let asked_at = Instant::now();
        let mut state = self.state.lock().await;
        match &mut *state {
            State::Http1 => return Ok(None),
            // A caller that waited for this attempt does not make the next one.
            State::Failed(at) if *at > asked_at => return Err(Error::unavailable("the connection could not be opened")),
            State::Open { requests, used } => {
                let is_fresh = used.elapsed() < IDLE && !self.is_doubtful.load(Ordering::Relaxed);
                if is_fresh && poll_fn(|context| requests.poll_ready(context)).await.is_ok() {
                    *used = Instant::now();
                    return Ok(Some(requests.clone()));
                }
                *state = State::Closed;
            }
            State::Closed | State::Failed(_) => {}
        }
        let opened = tokio::time::timeout(tls.connect_within, self.open(tls)).await;
        let opened = opened.unwrap_or_else(|late| Err(Error::unavailable(late)));
        let opened = opened.map_err(|error| error.during(format!("connecting to {}", self.authority)));
        let opened = opened.inspect_err(|_| *state = State::Failed(Instant::now()))?;
        self.is_doubtful.store(false, Ordering::Relaxed);
        *state = match &opened {
            Some(requests) => State::Open { requests: requests.clone(), used: Instant::now() },
            None => State::Http1,
        };
        Ok(opened)
    }

    pub(crate) fn guard(&self) -> UseGuard<'_> {
        UseGuard { connection: self, is_finished: false }
    }

    /// Forgets a connection that failed.
    pub(crate) async fn discard(&self) {
        *self.state.lock().await = State::Closed;
    }

    async fn open(&self, tls: &TlsConnection) -> Result<Option<SendRequest<Bytes>>> {
        let port = self.authority.port_u16().unwrap_or(443);
        let host = self.authority.host().trim_start_matches('[').trim_end_matches(']');
        let stream = TcpStream::connect((host, port)).await.map_err(Error::unavailable)?;
        // Requests are written whole.
        stream.set_nodelay(true).map_err(Error::unavailable)?;
        let stream = tls.connector.connect(tls.name.clone(), stream).await.map_err(Error::unavailable)?;
        if stream.get_ref().1.alpn_protocol() != Some(PROTOCOLS[0]) {
            return Ok(None);
        }
        let (requests, connection) =
            client::Builder::new().enable_push(false).handshake(stream).await.map_err(Error::unavailable)?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "an HTTP/2 connection ended");
            }
        });
        Ok(Some(requests))
    }
}
