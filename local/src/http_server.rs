//! A small HTTP server on a listener; dropping it closes all connections.

use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use http::header::HOST;
use http::uri::Authority;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{Either, Empty};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::task::{AbortHandle, JoinSet};

/// How long an idle connection stays open.
const IDLE_TIMEOUT: Duration = Duration::from_mins(1);

#[derive(Debug)]
pub(crate) struct HttpServer {
    address: SocketAddr,
    accepting: AbortHandle,
}

impl HttpServer {
    /// A listener on a free port of 127.0.0.1.
    pub(crate) async fn bind() -> io::Result<TcpListener> {
        TcpListener::bind(("127.0.0.1", 0)).await
    }

    /// Serves every request with `answer`; requests for another host get 421.
    pub(crate) fn serve<A, F, B>(listener: TcpListener, answer: A) -> io::Result<Self>
    where
        A: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
        F: Future<Output = Response<B>> + Send + 'static,
        B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
    {
        let address = listener.local_addr()?;
        let accepting = tokio::spawn(accept(listener, answer)).abort_handle();
        Ok(Self { address, accepting })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn stop(&self) {
        self.accepting.abort();
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn accept<A, F, B>(listener: TcpListener, answer: A)
where
    A: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    // Dropped with this task, which closes every connection.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // Without a free file descriptor, the next attempt would fail at once.
                let Ok((stream, _)) = accepted else {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    continue;
                };
                let _ = stream.set_nodelay(true);
                let answer = answer.clone();
                connections.spawn(async move {
                    let service = service_fn(move |request: Request<Incoming>| {
                        let answer = is_local_host(request.headers(), Ipv4Addr::LOCALHOST.into()).then(|| answer(request));
                        async move {
                            Ok::<_, Infallible>(match answer {
                                Some(answer) => answer.await.map(Either::Left),
                                None => misdirected(Empty::<B::Data>::new()).map(Either::Right),
                            })
                        }
                    });
                    // A client that disconnects gets no response.
                    let _ = server(IDLE_TIMEOUT).serve_connection(TokioIo::new(stream), service).await;
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// A server of one connection that closes it if no request head arrives in time.
pub(crate) fn server(patience: Duration) -> http1::Builder {
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(patience);
    server
}

/// Whether the `Host` header names this machine. With DNS rebinding, a browser sends the page's own name.
pub(crate) fn is_local_host(headers: &HeaderMap, listening: IpAddr) -> bool {
    let Some(host) = headers.get(HOST).and_then(|host| host.to_str().ok()) else { return false };
    host.parse().is_ok_and(|authority: Authority| is_local_name(&authority, listening))
}

/// Whether an authority is this machine.
pub(crate) fn is_local_name(authority: &Authority, listening: IpAddr) -> bool {
    let name = authority.host();
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok();
    name.eq_ignore_ascii_case("localhost") || address.is_some_and(|address| address.is_loopback() || address == listening)
}

fn misdirected<B>(body: B) -> Response<B> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::MISDIRECTED_REQUEST;
    response
}
