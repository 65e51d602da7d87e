//! The task of one open socket: writes queued frames, passes messages to functions, and reports its close code to `$disconnect`.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{SinkExt as _, Stream as _, StreamExt as _};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use super::connections::Connection;
use super::limits::Limits;
use super::messages;
use super::outbox::Outbox;
use super::shared::{Counters, Shared};
use super::websocket_event::disconnect_event;
use super::wire::{Reader, Wire};

/// A small buffer, because most of thousands of sockets are idle.
const READ_BUFFER: usize = 2 << 10;

/// Pongs and closes that wait for a slow client; of further pongs only the last is kept.
const CONTROL_BUFFER: usize = 1 << 10;

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
    // Take the bare stream: HTTP's buffers are no longer needed.
    let Ok(parts) = upgraded.downcast::<TokioIo<Wire>>() else { return Disconnection::lost() };
    // The revision before the limits, so that no change between them is missed.
    let (limits_revision, limits) = (shared.limits_revision(), shared.limits());
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(CONTROL_BUFFER)
        .max_write_buffer_size(4 * CONTROL_BUFFER)
        .max_frame_size(Some(limits.frame))
        .max_message_size(Some(limits.message));
    let (reader, writer) = parts.io.into_inner().split();
    connection.outbox.attach(writer);
    let io = SocketIo { reader, outbox: &connection.outbox };
    let stream = WebSocketStream::from_partially_read(io, parts.read_buf.into(), Role::Server, Some(config)).await;
    connection.touch();
    let mut socket = Socket { stream, shared, connection, opened: Instant::now(), limits, limits_revision, close_deadline: None };
    let timer = sleep_until(socket.deadline());
    tokio::pin!(timer);
    loop {
        match poll_fn(|context| socket.poll(context, timer.as_mut())).await {
            SocketEvent::Text(text) => messages::receive(shared, connection, text),
            SocketEvent::Close(frame) => {
                connection.outbox.end();
                return close(socket.stream, frame, limits.grace).await;
            }
            SocketEvent::Closed(frame) => {
                connection.outbox.end();
                // Sends the close reply; the client waits for the end of the stream.
                let reply = async {
                    socket.stream.next().await;
                    poll_fn(|context| connection.outbox.poll_flush(context)).await
                };
                drop(timeout(limits.grace, reply).await);
                return Disconnection::by_client(frame);
            }
            SocketEvent::Lost => return Disconnection::lost(),
        }
    }
}

/// Unregisters the connection and runs `$disconnect`.
pub(super) async fn finish(shared: &Shared, connection: &Connection, ended: Disconnection) {
    connection.outbox.hang_up();
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

/// The stream below the protocol: it reads its half, and what the protocol sends by itself goes the way of all frames.
struct SocketIo<'a> {
    reader: Reader,
    outbox: &'a Outbox,
}

impl AsyncRead for SocketIo<'_> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.reader).poll_read(context, buffer)
    }
}

impl AsyncWrite for SocketIo<'_> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, frames: &[u8]) -> Poll<io::Result<usize>> {
        self.outbox.poll_control(context, frames)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.outbox.poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.outbox.poll_shutdown(context)
    }
}

struct Socket<'a> {
    stream: WebSocketStream<SocketIo<'a>>,
    shared: &'a Shared,
    connection: &'a Connection,
    opened: Instant,
    limits: Limits,
    limits_revision: u64,
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
        let revision = self.shared.limits_revision();
        if revision != self.limits_revision {
            self.limits_revision = revision;
            self.limits = self.shared.limits();
        }
        let deadline = self.deadline();
        // Activity moves the deadline; the timer is reset only when it fires.
        if deadline < timer.deadline() {
            timer.as_mut().reset(deadline);
        }
        while timer.as_mut().poll(context).is_ready() {
            let deadline = self.deadline();
            if deadline <= Instant::now() {
                let requested = self.connection.outbox.closing();
                return Poll::Ready(SocketEvent::Close(requested.unwrap_or_else(|| close_frame(CloseCode::Away, "Going away"))));
            }
            timer.as_mut().reset(deadline);
        }
        Poll::Pending
    }

    /// Writes queued frames, then the requested close.
    fn write(&mut self, context: &mut Context<'_>) -> Option<SocketEvent> {
        let Ok(progress) = self.connection.outbox.poll_frames(context) else { return Some(SocketEvent::Lost) };
        if progress.frames > 0 {
            self.connection.sent(progress.frames);
        }
        let frame = progress.close?;
        if progress.is_done {
            return Some(SocketEvent::Close(frame));
        }
        self.close_deadline.get_or_insert_with(|| Instant::now() + self.limits.grace);
        None
    }

    fn read(&mut self, context: &mut Context<'_>) -> Poll<SocketEvent> {
        loop {
            let Poll::Ready(item) = Pin::new(&mut self.stream).poll_next(context) else { return Poll::Pending };
            return Poll::Ready(match item {
                Some(Ok(Message::Text(text))) => {
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

    fn deadline(&self) -> Instant {
        let natural = (self.connection.last_active() + self.limits.idle).min(self.opened + self.limits.lifetime);
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
async fn close(mut stream: WebSocketStream<SocketIo<'_>>, frame: CloseFrame, grace: Duration) -> Disconnection {
    let ended = Disconnection { code: frame.code.into(), reason: frame.reason.as_str().to_owned() };
    let goodbye = async {
        if stream.send(Message::Close(Some(frame))).await.is_ok() {
            let io = stream.get_mut();
            if io.shutdown().await.is_ok() {
                // Unread bytes would turn FIN into a reset, which may discard the close frame.
                let mut rest = [0; 1024];
                while io.read(&mut rest).await.is_ok_and(|read| read > 0) {}
            }
        }
    };
    // Do not wait longer for a client that does not respond.
    drop(timeout(grace, goodbye).await);
    ended
}
