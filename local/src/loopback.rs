//! A small HTTP server on a listener: it ends, with all of its connections, when it is dropped.

use std::{
    convert::Infallible,
    error::Error,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use http::{HeaderMap, Request, Response, StatusCode, header::HOST};
use http_body_util::{Either, Empty};
use hyper::{
    body::{Body, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::TcpListener,
    task::{AbortHandle, JoinSet},
};

/// How long a connection stays that asks for nothing.
const PATIENCE: Duration = Duration::from_mins(1);

#[derive(Debug)]
pub(crate) struct Loopback {
    address: SocketAddr,
    accepting: AbortHandle,
}

impl Loopback {
    /// A listener on a free port of 127.0.0.1.
    pub(crate) async fn bind() -> io::Result<TcpListener> {
        TcpListener::bind(("127.0.0.1", 0)).await
    }

    /// Answers every request on the listener with `answer`, and one that was not meant for this machine with 421.
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

impl Drop for Loopback {
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
    // Dropped with this task, and every connection with it.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // Without a descriptor to spare, the next attempt would fail at once as well.
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
                    // Whoever breaks off gets no answer; there is nobody to tell.
                    let _ = server(PATIENCE).serve_connection(TokioIo::new(stream), service).await;
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// A server of one connection, which hangs up on a client that does not end the head of a request, or begins none, for so long.
pub(crate) fn server(patience: Duration) -> http1::Builder {
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(patience);
    server
}

/// Whether a request names this machine as its host. A page in a browser whose name was rebound to this machine still sends its own name.
pub(crate) fn is_local_host(headers: &HeaderMap, listening: IpAddr) -> bool {
    let Some(host) = headers.get(HOST).and_then(|host| host.to_str().ok()) else { return false };
    let Ok(authority) = host.parse::<http::uri::Authority>() else { return false };
    let name = authority.host();
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok();
    name.eq_ignore_ascii_case("localhost") || address.is_some_and(|address| address.is_loopback() || address == listening)
}

fn misdirected<B>(body: B) -> Response<B> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::MISDIRECTED_REQUEST;
    response
}
