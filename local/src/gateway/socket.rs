//! One open socket, one task: it writes what is queued, hands messages to functions, and ends with a close code that `$disconnect` tells.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{Sink as _, SinkExt as _, Stream as _, StreamExt as _};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use super::connections::Connection;
use super::limits::Limits;
use super::messages;
use super::shared::{Counters, Shared};
use super::websocket_event::disconnect_event;

/// Small buffers: thousands of sockets are idle most of the time.
const READ_BUFFER: usize = 2 << 10;
/// Several queued frames are written at once, up to about this size.
const WRITE_BUFFER: usize = 16 << 10;

/// How a socket ended, as `$disconnect` is told.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ended {
    code: u16,
    reason: String,
}

impl Ended {
    /// The TCP connection broke.
    pub(super) fn lost() -> Self {
        Self { code: 1006, reason: "Connection closed abnormally".to_owned() }
    }

    fn by_client(frame: Option<CloseFrame>) -> Self {
        match frame {
            Some(frame) => Self { code: frame.code.into(), reason: frame.reason.as_str().to_owned() },
            None => Self { code: 1005, reason: "Client-side close frame status not set".to_owned() },
        }
    }
}

/// A close frame of the gateway.
pub(super) fn close_frame(code: CloseCode, reason: &'static str) -> CloseFrame {
    CloseFrame { code, reason: Utf8Bytes::from_static(reason) }
}

/// Serves the socket until it has ended.
pub(super) async fn run(shared: &Arc<Shared>, connection: &Arc<Connection>, upgraded: Upgraded) -> Ended {
    // The bare TCP stream: the buffers of HTTP are not needed any more.
    let Ok(parts) = upgraded.downcast::<TokioIo<TcpStream>>() else { return Ended::lost() };
    let limits = shared.limits();
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(WRITE_BUFFER + 2 * limits.message)
        .max_frame_size(Some(limits.frame))
        .max_message_size(Some(limits.message));
    let stream =
        WebSocketStream::from_partially_read(parts.io.into_inner(), parts.read_buf.into(), Role::Server, Some(config)).await;
    let now = Instant::now();
    let mut socket = Socket { stream, shared, connection, opened: now, active: now, unflushed: false, overdue: None };
    let timer = sleep_until(socket.deadline(&limits));
    tokio::pin!(timer);
    loop {
        match poll_fn(|context| socket.poll(context, timer.as_mut())).await {
            Event::Text(text) => messages::receive(shared, connection, text),
            Event::Close(frame) => return close(socket.stream, frame, limits.grace).await,
            Event::Closed(frame) => {
                connection.outbox.end();
                // The answer to the client's close is on its way; the client waits for the end of the stream.
                drop(timeout(limits.grace, socket.stream.next()).await);
                return Ended::by_client(frame);
            }
            Event::Lost => return Ended::lost(),
        }
    }
}

/// What follows the end: nothing can be posted any more, and `$disconnect` runs.
pub(super) async fn finish(shared: &Shared, connection: &Connection, ended: Ended) {
    connection.outbox.end();
    shared.connections.remove(&connection.id);
    Counters::add(&shared.counters.disconnected);
    if shared.faults.loses_disconnect(connection.number) {
        return;
    }
    let Some(route) = connection.edge.routes.get("$disconnect") else { return };
    let event = disconnect_event(connection, ended.code, &ended.reason);
    let timeout = Duration::from_millis(route.integration_timeout_ms.into());
    if let Err(failure) = shared.backend.call(&route.function, event, timeout).await {
        failure.tell(&route.function, "$disconnect");
    }
}

enum Event {
    Text(Utf8Bytes),
    /// The gateway closes.
    Close(CloseFrame),
    /// The client has closed.
    Closed(Option<CloseFrame>),
    Lost,
}

struct Socket<'a> {
    stream: WebSocketStream<TcpStream>,
    shared: &'a Shared,
    connection: &'a Connection,
    opened: Instant,
    active: Instant,
    unflushed: bool,
    /// When a close that somebody asked for happens even if the client does not read.
    overdue: Option<Instant>,
}

impl Socket<'_> {
    fn poll(&mut self, context: &mut Context<'_>, mut timer: Pin<&mut Sleep>) -> Poll<Event> {
        self.connection.outbox.register(context.waker());
        if let Some(event) = self.write(context) {
            return Poll::Ready(event);
        }
        if let Poll::Ready(event) = self.read(context) {
            return Poll::Ready(event);
        }
        let limits = self.shared.limits();
        let deadline = self.deadline(&limits);
        // Activity moves the deadline away; the timer is left alone until it fires.
        if deadline < timer.deadline() {
            timer.as_mut().reset(deadline);
        }
        while timer.as_mut().poll(context).is_ready() {
            let deadline = self.deadline(&limits);
            if deadline <= Instant::now() {
                let asked = self.connection.outbox.closing();
                return Poll::Ready(Event::Close(asked.unwrap_or_else(|| close_frame(CloseCode::Away, "Going away"))));
            }
            timer.as_mut().reset(deadline);
        }
        Poll::Pending
    }

    /// Writes what is queued, with one flush for all; then the close that was asked for.
    fn write(&mut self, context: &mut Context<'_>) -> Option<Event> {
        if self.connection.outbox.is_lost() {
            return Some(Event::Lost);
        }
        let asked = self.connection.outbox.closing();
        while let Poll::Ready(ready) = Pin::new(&mut self.stream).poll_ready(context) {
            if ready.is_err() {
                return Some(Event::Lost);
            }
            let Some(frame) = self.connection.outbox.pop() else { break };
            if Pin::new(&mut self.stream).start_send(Message::Text(frame)).is_err() {
                return Some(Event::Lost);
            }
            self.unflushed = true;
            self.active = Instant::now();
            self.connection.touch();
            Counters::add(&self.shared.counters.frames_sent);
        }
        if self.unflushed {
            match Pin::new(&mut self.stream).poll_flush(context) {
                Poll::Ready(Ok(())) => self.unflushed = false,
                Poll::Ready(Err(_)) => return Some(Event::Lost),
                Poll::Pending => {}
            }
        }
        let frame = asked?;
        if !self.unflushed {
            return Some(Event::Close(frame));
        }
        self.overdue.get_or_insert_with(|| Instant::now() + self.shared.limits().grace);
        None
    }

    fn read(&mut self, context: &mut Context<'_>) -> Poll<Event> {
        loop {
            let Poll::Ready(item) = Pin::new(&mut self.stream).poll_next(context) else { return Poll::Pending };
            return Poll::Ready(match item {
                Some(Ok(Message::Text(text))) => {
                    self.active = Instant::now();
                    self.connection.touch();
                    Event::Text(text)
                }
                Some(Ok(Message::Binary(_))) => {
                    Event::Close(close_frame(CloseCode::Unsupported, "Binary messages are not supported"))
                }
                Some(Ok(Message::Close(frame))) => Event::Closed(frame),
                // Pings are answered by the protocol; neither they nor pongs count as activity.
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
                Some(Err(error)) => refuse(&error).map_or(Event::Lost, Event::Close),
                None => Event::Lost,
            });
        }
    }

    fn deadline(&self, limits: &Limits) -> Instant {
        let natural = (self.active + limits.idle).min(self.opened + limits.lifetime);
        self.overdue.map_or(natural, |overdue| natural.min(overdue))
    }
}

/// The close for what the client did wrong, unless it is just gone.
fn refuse(error: &Error) -> Option<CloseFrame> {
    use tokio_tungstenite::tungstenite::error::ProtocolError;
    match error {
        Error::Capacity(_) => Some(close_frame(CloseCode::Size, "Message too big")),
        Error::Utf8(_) => Some(close_frame(CloseCode::Invalid, "Invalid UTF-8")),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => None,
        Error::Protocol(_) => Some(close_frame(CloseCode::Protocol, "Protocol error")),
        _ => None,
    }
}

/// Closes from this side: the close frame, the end of our half, and whatever the client still sends until it ends its half.
async fn close(mut stream: WebSocketStream<TcpStream>, frame: CloseFrame, grace: Duration) -> Ended {
    let ended = Ended { code: frame.code.into(), reason: frame.reason.as_str().to_owned() };
    let goodbye = async {
        if stream.send(Message::Close(Some(frame))).await.is_ok() {
            let tcp = stream.get_mut();
            if tcp.shutdown().await.is_ok() {
                // Unread bytes would turn the end into a reset, which may swallow the close frame.
                let mut rest = [0; 1024];
                while tcp.read(&mut rest).await.is_ok_and(|read| read > 0) {}
            }
        }
    };
    // A client that does not answer is left.
    drop(timeout(grace, goodbye).await);
    ended
}
