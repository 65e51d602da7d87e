//! One HTTP/2 connection to a host, shared by all requests. Many requests at once cost one handshake and few writes; over HTTP/1.1 each needs a
//! connection of its own.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::client::{self, SendRequest};
use http::Uri;
use http::uri::{Authority, Scheme};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio_rustls::TlsConnector;

use crate::aws::http as pool;
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
}

struct TlsConnection {
    name: ServerName<'static>,
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
}

impl Http2Connection {
    /// Opens no connection before the first call.
    pub(crate) fn new(uri: &Uri, connect_within: Duration) -> Option<Self> {
        let authority = uri.authority()?.clone();
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host).ok().filter(|_| uri.scheme() == Some(&Scheme::HTTPS));
        Some(Self { authority, tls: name.map(|name| TlsConnection { name, connect_within }), state: Mutex::default() })
    }

    pub(crate) fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Returns the open connection, or opens one; none if the host speaks HTTP/1.1 only.
    pub(crate) async fn requests(&self) -> Result<Option<SendRequest<Bytes>>> {
        let Some(tls) = &self.tls else { return Ok(None) };
        let mut state = self.state.lock().await;
        match &mut *state {
            State::Http1 => return Ok(None),
            State::Open { requests, used } => {
                let is_fresh = used.elapsed() < IDLE;
                if is_fresh && poll_fn(|context| requests.poll_ready(context)).await.is_ok() {
                    *used = Instant::now();
                    return Ok(Some(requests.clone()));
                }
                *state = State::Closed;
            }
            State::Closed => {}
        }
        let opened = tokio::time::timeout(tls.connect_within, self.open(tls)).await;
        let opened = opened.unwrap_or_else(|late| Err(Error::unavailable(late)));
        let opened = opened.map_err(|error| error.during(format!("connecting to {}", self.authority)))?;
        *state = match &opened {
            Some(requests) => State::Open { requests: requests.clone(), used: Instant::now() },
            None => State::Http1,
        };
        Ok(opened)
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
        let mut config = pool::tls();
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
        let connector = TlsConnector::from(Arc::new(config));
        let stream = connector.connect(tls.name.clone(), stream).await.map_err(Error::unavailable)?;
        if stream.get_ref().1.alpn_protocol() != Some(PROTOCOLS[0]) {
            return Ok(None);
        }
        let (requests, connection) = client::Builder::new()
            .enable_push(false)
            .handshake(stream)
            .await
            .map_err(Error::unavailable)?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "an HTTP/2 connection ended");
            }
        });
        Ok(Some(requests))
    }
}
