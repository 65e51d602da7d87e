//! The task of one open socket: writes queued frames, passes messages to functions, and reports its close code to `$disconnect`.

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

/// A small buffer, because most of thousands of sockets are idle.
const READ_BUFFER: usize = 2 << 10;
/// Queued frames are written together up to about this size.
const WRITE_BUFFER: usize = 16 << 10;

/// Close code and reason, as `$disconnect` receives them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Disconnection {
    code: u16,
    reason: String,
}

impl Disconnection {
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

/// A close frame sent by the gateway.
pub(super) fn close_frame(code: CloseCode, reason: &'static str) -> CloseFrame {
    CloseFrame { code, reason: Utf8Bytes::from_static(reason) }
}

/// Serves the socket until it ends.
pub(super) async fn run(shared: &Arc<Shared>, connection: &Arc<Connection>, upgraded: Upgraded) -> Disconnection {
    // Take the bare TCP stream: HTTP's buffers are no longer needed.
    let Ok(parts) = upgraded.downcast::<TokioIo<TcpStream>>() else { return Disconnection::lost() };
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
    let mut socket = Socket { stream, shared, connection, opened: now, active: now, unflushed: false, close_deadline: None };
    let timer = sleep_until(socket.deadline(&limits));
    tokio::pin!(timer);
    loop {
        match poll_fn(|context| socket.poll(context, timer.as_mut())).await {
            SocketEvent::Text(text) => messages::receive(shared, connection, text),
            SocketEvent::Close(frame) => return close(socket.stream, frame, limits.grace).await,
            SocketEvent::Closed(frame) => {
                connection.outbox.end();
                // The close reply is sent; the client waits for the end of the stream.
                drop(timeout(limits.grace, socket.stream.next()).await);
                return Disconnection::by_client(frame);
            }
            SocketEvent::Lost => return Disconnection::lost(),
        }
    }
}

/// Unregisters the connection and runs `$disconnect`.
pub(super) async fn finish(shared: &Shared, connection: &Connection, ended: Disconnection) {
    connection.outbox.end();
    shared.connections.remove(&connection.id);
    Counters::add(&shared.counters.disconnected);
    if shared.faults.skips_disconnect(connection.number) {
        return;
    }
    let Some(route) = connection.endpoint.routes.get("$disconnect") else { return };
    let event = disconnect_event(connection, ended.code, &ended.reason);
    let timeout = Duration::from_millis(route.integration_timeout_ms.into());
    if let Err(failure) = shared.backend.call(&route.function, event, timeout).await {
        failure.log(&route.function, "$disconnect");
    }
}

enum SocketEvent {
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
    /// Deadline of a requested close if the client does not read.
    close_deadline: Option<Instant>,
}

impl Socket<'_> {
    fn poll(&mut self, context: &mut Context<'_>, mut timer: Pin<&mut Sleep>) -> Poll<SocketEvent> {
        self.connection.outbox.register(context.waker());
        if let Some(event) = self.write(context) {
            return Poll::Ready(event);
        }
        if let Poll::Ready(event) = self.read(context) {
            return Poll::Ready(event);
        }
        let limits = self.shared.limits();
        let deadline = self.deadline(&limits);
        // Activity moves the deadline; the timer is reset only when it fires.
        if deadline < timer.deadline() {
            timer.as_mut().reset(deadline);
        }
        while timer.as_mut().poll(context).is_ready() {
            let deadline = self.deadline(&limits);
            if deadline <= Instant::now() {
                let requested = self.connection.outbox.closing();
                return Poll::Ready(SocketEvent::Close(requested.unwrap_or_else(|| close_frame(CloseCode::Away, "Going away"))));
            }
            timer.as_mut().reset(deadline);
        }
        Poll::Pending
    }

    /// Writes queued frames with one flush, then the requested close.
    fn write(&mut self, context: &mut Context<'_>) -> Option<SocketEvent> {
        if self.connection.outbox.is_aborted() {
            return Some(SocketEvent::Lost);
        }
        let requested = self.connection.outbox.closing();
        while let Poll::Ready(ready) = Pin::new(&mut self.stream).poll_ready(context) {
            if ready.is_err() {
                return Some(SocketEvent::Lost);
            }
            let Some(frame) = self.connection.outbox.pop() else { break };
            if Pin::new(&mut self.stream).start_send(Message::Text(frame)).is_err() {
                return Some(SocketEvent::Lost);
            }
            self.unflushed = true;
            self.active = Instant::now();
            self.connection.touch();
            Counters::add(&self.shared.counters.frames_sent);
        }
        if self.unflushed {
            match Pin::new(&mut self.stream).poll_flush(context) {
                Poll::Ready(Ok(())) => self.unflushed = false,
                Poll::Ready(Err(_)) => return Some(SocketEvent::Lost),
                Poll::Pending => {}
            }
        }
        let frame = requested?;
        if !self.unflushed {
            return Some(SocketEvent::Close(frame));
        }
        self.close_deadline.get_or_insert_with(|| Instant::now() + self.shared.limits().grace);
        None
    }

    fn read(&mut self, context: &mut Context<'_>) -> Poll<SocketEvent> {
        loop {
            let Poll::Ready(item) = Pin::new(&mut self.stream).poll_next(context) else { return Poll::Pending };
            return Poll::Ready(match item {
                Some(Ok(Message::Text(text))) => {
                    self.active = Instant::now();
                    self.connection.touch();
                    SocketEvent::Text(text)
                }
                Some(Ok(Message::Binary(_))) => {
                    SocketEvent::Close(close_frame(CloseCode::Unsupported, "Binary messages are not supported"))
                }
                Some(Ok(Message::Close(frame))) => SocketEvent::Closed(frame),
                // The protocol layer answers pings; pings and pongs are not activity.
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
                Some(Err(error)) => protocol_error_close(&error).map_or(SocketEvent::Lost, SocketEvent::Close),
                None => SocketEvent::Lost,
            });
        }
    }

    fn deadline(&self, limits: &Limits) -> Instant {
        let natural = (self.active + limits.idle).min(self.opened + limits.lifetime);
        self.close_deadline.map_or(natural, |close_deadline| natural.min(close_deadline))
    }
}

/// The close frame for a protocol error; `None` if the connection is gone.
fn protocol_error_close(error: &Error) -> Option<CloseFrame> {
    use tokio_tungstenite::tungstenite::error::ProtocolError;
    match error {
        Error::Capacity(_) => Some(close_frame(CloseCode::Size, "Message too big")),
        Error::Utf8(_) => Some(close_frame(CloseCode::Invalid, "Invalid UTF-8")),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => None,
        Error::Protocol(_) => Some(close_frame(CloseCode::Protocol, "Protocol error")),
        _ => None,
    }
}

/// Closes from this side: sends the close frame and FIN, then reads until the client closes its side.
async fn close(mut stream: WebSocketStream<TcpStream>, frame: CloseFrame, grace: Duration) -> Disconnection {
    let ended = Disconnection { code: frame.code.into(), reason: frame.reason.as_str().to_owned() };
    let goodbye = async {
        if stream.send(Message::Close(Some(frame))).await.is_ok() {
            let tcp = stream.get_mut();
            if tcp.shutdown().await.is_ok() {
                // Unread bytes would turn FIN into a reset, which may discard the close frame.
                let mut rest = [0; 1024];
                while tcp.read(&mut rest).await.is_ok_and(|read| read > 0) {}
            }
        }
    };
    // Do not wait longer for a client that does not respond.
    drop(timeout(grace, goodbye).await);
    ended
}
