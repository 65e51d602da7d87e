//! HTTP/2: posts to sockets are answered in the connection's own task as they arrive, everything else in tasks as over HTTP/1.1.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::FutureExt as _;
use h2::RecvStream;
use h2::server::{Connection, SendResponse};
use http::header::{CONTENT_LENGTH, HOST, UPGRADE};
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderValue, Method, Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Body as _;
use tokio::time::{Instant, Sleep, sleep, timeout};

use super::body::{Http2Body, RequestBody};
use super::http_response::Reply;
use super::limits::Limits;
use super::peer::Peer;
use super::shared::{Counters, Shared};
use super::wire::Wire;
use super::{answer, connections_api, head_size};
use crate::http_server::is_local_name;

/// API Gateway's limit of requests at once on one connection.
const MAX_STREAMS: u32 = 128;
/// Larger than any post, so that none waits for a window.
const STREAM_WINDOW: u32 = 256 << 10;
const CONNECTION_WINDOW: u32 = 4 << 20;
/// As HTTP/2 counts heads, with 32 bytes more for each header; `Limits::request_head` counts as HTTP/1.1.
const MAX_HEADER_LIST: u32 = 32 << 10;

struct Stream {
    request: Request<RecvStream>,
    respond: SendResponse<Bytes>,
}

/// Serves one connection.
pub(super) async fn serve(wire: Wire, address: SocketAddr, peer: Peer, shared: Arc<Shared>) {
    let limits = shared.limits();
    let handshake = h2::server::Builder::new()
        .max_concurrent_streams(MAX_STREAMS)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(MAX_HEADER_LIST)
        .handshake(wire);
    let opened = tokio::select! {
        opened = timeout(limits.arrival, handshake) => opened,
        () = shared.stopped() => return,
    };
    let Ok(Ok(connection)) = opened else { return };
    let mut http = Http2 {
        connection,
        arrived: Vec::new(),
        local_name: None,
        running: Arc::new(()),
        last_request: Instant::now(),
        timer: Box::pin(sleep(limits.arrival)),
        closing: false,
        limits,
        address,
        peer,
        shared: Arc::clone(&shared),
    };
    tokio::select! {
        () = std::future::poll_fn(|context| http.poll(context)) => return,
        () = shared.stopped() => {}
    }
    http.close();
    std::future::poll_fn(|context| http.poll(context)).await;
}

struct Http2 {
    connection: Connection<Wire, Bytes>,
    /// Requests without an answer yet.
    arrived: Vec<Stream>,
    /// The last authority that was found to name this machine.
    local_name: Option<Authority>,
    /// Has a clone for each request that runs in a task.
    running: Arc<()>,
    last_request: Instant,
    /// The end of an idle connection, or of one that closes.
    timer: Pin<Box<Sleep>>,
    closing: bool,
    /// Those of the connection's beginning.
    limits: Limits,
    address: SocketAddr,
    peer: Peer,
    shared: Arc<Shared>,
}

impl Http2 {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            if self.poll_requests(context).is_ready() {
                return Poll::Ready(());
            }
            std::task::ready!(self.timer.as_mut().poll(context));
            let deadline = self.last_request + self.limits.arrival;
            if Arc::strong_count(&self.running) > 1 || (!self.closing && deadline > Instant::now()) {
                let soon = Instant::now() + self.limits.grace;
                self.timer.as_mut().reset(if self.closing { soon } else { deadline.max(soon) });
            } else if self.closing {
                return Poll::Ready(());
            } else {
                self.close();
            }
        }
    }

    /// Answers what has arrived together, then writes all answers at once with the next poll. Ready when the connection has ended.
    fn poll_requests(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            match self.connection.poll_accept(context) {
                Poll::Ready(Some(Ok((request, respond)))) => self.arrived.push(Stream { request, respond }),
                // The peer has got an error.
                Poll::Ready(Some(Err(_)) | None) => return Poll::Ready(()),
                Poll::Pending if self.arrived.is_empty() => return Poll::Pending,
                Poll::Pending => {
                    self.last_request = Instant::now();
                    let mut arrived = std::mem::take(&mut self.arrived);
                    arrived.drain(..).for_each(|stream| self.answer(stream));
                    // Empty again, with its memory.
                    self.arrived = arrived;
                }
            }
        }
    }

    /// Tells the peer to send no further requests; running ones finish.
    fn close(&mut self) {
        self.closing = true;
        self.connection.graceful_shutdown();
        self.timer.as_mut().reset(Instant::now() + self.limits.grace);
    }

    fn answer(&mut self, stream: Stream) {
        let Stream { request, respond } = stream;
        let (mut head, body) = request.into_parts();
        let mut body = Http2Body::new(&head.headers, body);
        if let Some(target) = self.post_target(&head)
            && let Some(body) = body.arrived()
        {
            Counters::add(&self.shared.counters.http_requests);
            let connection = connections_api::find(&self.shared, target);
            let limits = self.shared.limits();
            return send(connections_api::post(&self.shared, connection.as_ref(), body, &limits), respond, &Method::POST);
        }
        name_host(&mut head);
        let (shared, running) = (Arc::clone(&self.shared), Arc::clone(&self.running));
        let (peer, address) = (self.peer, self.address);
        self.shared.spawn(async move {
            let method = head.method.clone();
            let reply = answer(&shared, peer, address, Request::from_parts(head, RequestBody::Http2(body))).await;
            send(reply, respond, &method);
            drop(running);
        });
    }

    /// The socket that is posted to, if nothing speaks against the post; refusals are left to the way of all requests.
    fn post_target<'a>(&mut self, head: &'a Parts) -> Option<connections_api::Target<'a>> {
        let target = connections_api::Target::of(head.uri.path()).filter(|target| target.is_served(&self.shared))?;
        let is_fit = head.method == Method::POST
            && connections_api::is_signed(&head.headers)
            && self.names_this_machine(head)
            && head_size(&head.method, &head.uri, &head.headers).1 <= self.limits.request_head;
        is_fit.then_some(target)
    }

    fn names_this_machine(&mut self, head: &Parts) -> bool {
        let Some(name) = head.uri.authority().filter(|_| !head.headers.contains_key(HOST)) else { return false };
        if self.local_name.as_ref() != Some(name) {
            let is_local = self.peer.ip.is_loopback() && !name.as_str().contains('@') && is_local_name(name, self.address.ip());
            if !is_local {
                return false;
            }
            self.local_name = Some(name.clone());
        }
        true
    }
}

/// Adds the authority as the header that HTTP/1.1 has for it; with another one beside it, the request has two and is refused.
fn name_host(head: &mut Parts) {
    let Some(name) = head.uri.authority() else { return };
    let Ok(name) = HeaderValue::from_str(name.as_str()) else { return };
    if head.headers.get(HOST) != Some(&name) {
        head.headers.append(HOST, name);
    }
}

fn send(reply: Reply, mut respond: SendResponse<Bytes>, method: &Method) {
    let (mut head, body) = reply.into_parts();
    // A connection has no other protocol to change to.
    head.headers.remove(UPGRADE);
    let body = if body.is_end_stream() { Bytes::new() } else { complete(body) };
    if !body.is_empty() {
        head.headers.entry(CONTENT_LENGTH).or_insert(body.len().into());
    }
    let is_head_only = body.is_empty() || method == Method::HEAD;
    // A peer that has reset the stream gets no answer.
    if let Ok(mut stream) = respond.send_response(Response::from_parts(head, ()), is_head_only)
        && !is_head_only
    {
        drop(stream.send_data(body, true));
    }
}

/// The bytes of a reply, which is complete from the start.
fn complete(body: http_body_util::Full<Bytes>) -> Bytes {
    body.collect().now_or_never().and_then(Result::ok).map(http_body_util::Collected::to_bytes).unwrap_or_default()
}
