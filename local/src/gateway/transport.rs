//! From a TCP connection to requests: TLS where the client begins with it, then HTTP/2 or HTTP/1.1.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::rustls::HandshakeKind;

use super::body::RequestBody;
use super::peer::Peer;
use super::shared::{Counters, Shared};
use super::wire::Wire;
use super::{answer, http2, tls};
use crate::http_server;

/// The first byte of TLS: a record with a handshake.
const TLS_HANDSHAKE: u8 = 0x16;
/// How HTTP/2 begins without TLS; HTTP/1.1 has no such method.
const HTTP2_PREFACE: [u8; 4] = *b"PRI ";

enum Protocol {
    Http1,
    Http2,
}

/// Serves one TCP connection.
pub(super) async fn serve(stream: TcpStream, address: SocketAddr, peer: Peer, shared: Arc<Shared>) {
    // Frames and responses are written whole: Nagle's algorithm only adds delay.
    drop(stream.set_nodelay(true));
    Counters::add(&shared.counters.accepted);
    let opened = tokio::select! {
        opened = timeout(shared.limits().arrival, open(stream, &shared)) => opened,
        () = shared.stopped() => return,
    };
    // A client that says nothing or no TLS is not an error of the gateway.
    let Ok(Ok((wire, protocol))) = opened else { return };
    let peer = Peer { is_secure: matches!(wire, Wire::Tls(_)), ..peer };
    match protocol {
        Protocol::Http1 => serve_http1(wire, address, peer, shared).await,
        Protocol::Http2 => http2::serve(wire, address, peer, shared).await,
    }
}

/// Finds out what the client speaks.
async fn open(stream: TcpStream, shared: &Shared) -> io::Result<(Wire, Protocol)> {
    let mut first = [0; HTTP2_PREFACE.len()];
    if stream.peek(&mut first).await? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let Some(tls) = shared.tls.as_ref().filter(|_| first[0] == TLS_HANDSHAKE) else {
        let protocol = if first == HTTP2_PREFACE { Protocol::Http2 } else { Protocol::Http1 };
        return Ok((Wire::Plain(stream), protocol));
    };
    let stream = tls.acceptor().accept(stream).await?;
    let session = stream.get_ref().1;
    Counters::add(&shared.counters.tls_handshakes);
    if session.handshake_kind() == Some(HandshakeKind::Resumed) {
        Counters::add(&shared.counters.tls_resumed);
    }
    let protocol = if session.alpn_protocol() == Some(tls::HTTP2) { Protocol::Http2 } else { Protocol::Http1 };
    Ok((Wire::Tls(Box::new(stream)), protocol))
}

async fn serve_http1(wire: Wire, address: SocketAddr, peer: Peer, shared: Arc<Shared>) {
    let service = service_fn(|request: http::Request<hyper::body::Incoming>| {
        let shared = Arc::clone(&shared);
        async move { Ok::<_, Infallible>(answer(&shared, peer, address, request.map(RequestBody::Http1)).await) }
    });
    let http = http_server::server(shared.limits().arrival).max_buf_size(64 << 10).serve_connection(TokioIo::new(wire), service);
    let mut http = std::pin::pin!(http.with_upgrades());
    // A broken connection is not an error of the gateway.
    tokio::select! {
        _ = http.as_mut() => return,
        () = shared.stopped() => {}
    }
    http.as_mut().graceful_shutdown();
    drop(http.await);
}
