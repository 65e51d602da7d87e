//! Outgoing frames of one client. While nothing waits, the task that posts a frame writes it; otherwise it is queued for the socket's task, bounded so that
//! a slow client costs no memory. Frames posted before a close are sent before it.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf as _, BytesMut};
use futures_util::task::AtomicWaker;
use tokio::io::AsyncWrite as _;
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use super::limits::Limits;
use super::wire::Writer;

/// Queued frames are written together up to about this size.
const WRITE_BUFFER: usize = 16 << 10;
/// The longest header of a frame from a server.
const MAX_HEADER: usize = 10;

/// The result of posting a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PushResult {
    Written,
    Queued,
    /// The client reads too slowly.
    Full,
    /// The connection is closed or closing.
    Gone,
}

/// What the socket's task finds when it has written as much as it could.
pub(super) struct Progress {
    /// Frames that it began to write.
    pub(super) frames: u64,
    /// The requested close frame.
    pub(super) close: Option<CloseFrame>,
    /// Whether everything is written.
    pub(super) is_done: bool,
}

pub(super) struct Outbox {
    state: Mutex<State>,
    waker: AtomicWaker,
}

struct State {
    /// Frames of which nothing is written.
    frames: VecDeque<Utf8Bytes>,
    /// Their bytes.
    bytes: usize,
    /// What is written before them: the rest of a frame, further ones, and those that the protocol sends by itself.
    begun: BytesMut,
    /// Whether the writer may keep bytes back.
    unflushed: bool,
    /// From the end of the handshake to the end of the socket.
    writer: Option<Writer>,
    open: bool,
    aborted: bool,
    close: Option<CloseFrame>,
}

impl Outbox {
    pub(super) fn new() -> Self {
        let state = State {
            frames: VecDeque::new(),
            bytes: 0,
            begun: BytesMut::new(),
            unflushed: false,
            writer: None,
            open: true,
            aborted: false,
            close: None,
        };
        Self { state: Mutex::new(state), waker: AtomicWaker::new() }
    }

    /// From now on frames can be written.
    pub(super) fn attach(&self, writer: Writer) {
        self.lock().writer = Some(writer);
    }

    pub(super) fn push(&self, frame: &Utf8Bytes, limits: &Limits) -> PushResult {
        let mut state = self.lock();
        if !state.open {
            return PushResult::Gone;
        }
        if state.frames.len() >= limits.queued_frames || state.bytes + frame.len() > limits.queued_bytes {
            return PushResult::Full;
        }
        let result = if state.write_at_once(frame) {
            PushResult::Written
        } else {
            state.bytes += frame.len();
            // A copy: the frame may be part of a large buffer of what was read with it.
            state.frames.push_back(frame.as_str().into());
            PushResult::Queued
        };
        let waits = state.is_waiting();
        drop(state);
        if waits {
            self.waker.wake();
        }
        result
    }

    /// Closes after the queued frames; `false` if already closed.
    pub(super) fn close(&self, frame: CloseFrame) -> bool {
        let mut state = self.lock();
        let was_open = std::mem::replace(&mut state.open, false);
        if was_open {
            state.close = Some(frame);
        }
        drop(state);
        self.waker.wake();
        was_open
    }

    /// Drops the connection without a close frame and without the queued frames.
    pub(super) fn abort(&self) {
        let mut state = self.lock();
        state.open = false;
        state.aborted = true;
        drop(state);
        self.waker.wake();
    }

    /// Refuses further frames and forgets those of which nothing is written: the socket ends.
    pub(super) fn end(&self) {
        let mut state = self.lock();
        state.open = false;
        state.frames = VecDeque::new();
        state.bytes = 0;
    }

    /// Gives up the connection.
    pub(super) fn hang_up(&self) {
        self.end();
        let mut state = self.lock();
        state.begun = BytesMut::new();
        state.writer = None;
    }

    pub(super) fn is_open(&self) -> bool {
        self.lock().open
    }

    /// The requested close frame, if any.
    pub(super) fn closing(&self) -> Option<CloseFrame> {
        self.lock().close.clone()
    }

    /// Writes as much as the connection takes, for the socket's task; an error if the connection is lost.
    pub(super) fn poll_frames(&self, context: &mut Context<'_>) -> io::Result<Progress> {
        let mut state = self.lock();
        if state.aborted {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        let mut frames = 0;
        let is_done = loop {
            frames += state.begin_frames();
            match state.poll_begun(context)? {
                Poll::Ready(()) if state.frames.is_empty() => break true,
                Poll::Ready(()) => {}
                Poll::Pending => break false,
            }
        };
        Ok(Progress { frames, close: state.close.clone(), is_done })
    }

    /// Takes whole frames that the protocol sends by itself: pongs and closes.
    pub(super) fn poll_control(&self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut state = self.lock();
        ready!(state.poll_begun(context))?;
        state.begun.extend_from_slice(bytes);
        // What is not written yet is taken all the same: the next write begins with it.
        let _ = state.poll_begun(context)?;
        Poll::Ready(Ok(bytes.len()))
    }

    /// Writes what has begun.
    pub(super) fn poll_flush(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.lock().poll_begun(context)
    }

    /// Ends this side of the connection.
    pub(super) fn poll_shutdown(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.lock();
        ready!(state.poll_begun(context))?;
        Pin::new(state.writer()?).poll_shutdown(context)
    }

    /// Registers the task to wake when there is something to write or to close.
    pub(super) fn register(&self, waker: &Waker) {
        self.waker.register(waker);
    }

    pub(super) fn wake(&self) {
        self.waker.wake();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether frames have to wait for the socket's task.
    fn is_waiting(&self) -> bool {
        !self.frames.is_empty() || !self.begun.is_empty() || self.unflushed
    }

    /// Writes the frame, or its beginning, if nothing is before it.
    fn write_at_once(&mut self, frame: &Utf8Bytes) -> bool {
        if self.is_waiting() {
            return false;
        }
        let Some(writer) = &self.writer else { return false };
        let (header, length) = frame_header(frame.len());
        let (header, payload) = (&header[..length], frame.as_str().as_bytes());
        match writer.try_write(&[IoSlice::new(header), IoSlice::new(payload)]) {
            Ok(written @ 1..) => {
                self.begun.extend_from_slice(header.get(written..).unwrap_or_default());
                self.begun.extend_from_slice(payload.get(written.saturating_sub(length)..).unwrap_or_default());
                true
            }
            // It would block, or the connection is broken, which the socket's task finds out.
            Ok(0) | Err(_) => false,
        }
    }

    /// Moves queued frames to what is written next. Returns their number.
    fn begin_frames(&mut self) -> u64 {
        let mut begun = 0;
        while self.begun.len() < WRITE_BUFFER {
            let Some(frame) = self.frames.pop_front() else { break };
            self.bytes -= frame.len();
            let (header, length) = frame_header(frame.len());
            self.begun.extend_from_slice(&header[..length]);
            self.begun.extend_from_slice(frame.as_str().as_bytes());
            begun += 1;
        }
        if self.frames.is_empty() && self.frames.capacity() > 32 {
            // Release the memory of a burst.
            self.frames = VecDeque::new();
        }
        begun
    }

    fn poll_begun(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.begun.is_empty() && !self.unflushed {
            return Poll::Ready(Ok(()));
        }
        while !self.begun.is_empty() {
            let Some(writer) = &mut self.writer else { return Poll::Ready(Err(io::ErrorKind::NotConnected.into())) };
            let written = ready!(Pin::new(writer).poll_write(context, &self.begun))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.begun.advance(written);
            self.unflushed = true;
        }
        // Most sockets are idle most of the time.
        self.begun = BytesMut::new();
        ready!(Pin::new(self.writer()?).poll_flush(context))?;
        self.unflushed = false;
        Poll::Ready(Ok(()))
    }

    fn writer(&mut self) -> io::Result<&mut Writer> {
        self.writer.as_mut().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

/// The header of a text frame, and how long it is.
fn frame_header(payload: usize) -> ([u8; MAX_HEADER], usize) {
    let mut header = [0; MAX_HEADER];
    let mut rest = &mut header[..];
    // Formatting fails only where there is no room.
    drop(FrameHeader { opcode: OpCode::Data(Data::Text), ..FrameHeader::default() }.format(payload as u64, &mut rest));
    let length = MAX_HEADER - rest.len();
    (header, length)
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::gateway::wire::Wire;

    async fn pair() -> (Writer, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let server = listener.accept().await.unwrap().0;
        server.writable().await.unwrap();
        let (reader, writer) = Wire::Plain(server).split();
        // The reading half stays open for as long as the test runs.
        std::mem::forget(reader);
        (writer, client)
    }

    fn frames(outbox: &Outbox) -> Progress {
        outbox.poll_frames(&mut Context::from_waker(Waker::noop())).unwrap()
    }

    #[test]
    fn headers_have_the_lengths_of_rfc_6455() {
        for (payload, header) in [
            (0, &[0x81, 0][..]),
            (125, &[0x81, 125][..]),
            (126, &[0x81, 126, 0, 126][..]),
            (0xffff, &[0x81, 126, 0xff, 0xff][..]),
            (0x1_0000, &[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0][..]),
        ] {
            let (written, length) = frame_header(payload);
            assert_eq!(&written[..length], header, "{payload}");
        }
    }

    #[tokio::test]
    async fn a_frame_is_written_at_once_unless_others_wait() {
        let (writer, mut client) = pair().await;
        let (outbox, limits) = (Outbox::new(), Limits::default());
        assert_eq!(outbox.push(&"one".into(), &limits), PushResult::Queued, "the handshake is not over");
        outbox.attach(writer);
        assert_eq!(outbox.push(&"two".into(), &limits), PushResult::Queued, "one is before it");
        let progress = frames(&outbox);
        assert_eq!((progress.frames, progress.is_done), (2, true));
        assert_eq!(outbox.push(&"three".into(), &limits), PushResult::Written);
        assert_eq!(frames(&outbox).frames, 0);
        let mut read = [0; 5 + 5 + 7];
        client.read_exact(&mut read).await.unwrap();
        assert_eq!(&read, b"\x81\x03one\x81\x03two\x81\x05three");
    }

    #[tokio::test]
    async fn half_a_frame_is_finished_before_anything_else() {
        let (writer, mut client) = pair().await;
        let limits = Limits { queued_frames: 2, queued_bytes: 1 << 30, ..Limits::default() };
        let outbox = Outbox::new();
        outbox.attach(writer);
        let large = "a".repeat(32 << 20);
        let mut sent = 0;
        while outbox.push(&large.as_str().into(), &limits) == PushResult::Written {
            sent += 1;
        }
        assert_eq!(outbox.push(&"last".into(), &limits), PushResult::Queued);
        assert_eq!(outbox.push(&"more".into(), &limits), PushResult::Full);
        let context = &mut Context::from_waker(Waker::noop());
        let pong = outbox.poll_control(context, b"\x8a\x00");
        assert!(pong.is_pending(), "it would be inside of a frame");
        let reading = tokio::spawn(async move {
            let mut read = Vec::new();
            client.read_to_end(&mut read).await.unwrap();
            read
        });
        let mut begun = 0;
        std::future::poll_fn(|context| {
            let progress = outbox.poll_frames(context).unwrap();
            begun += progress.frames;
            if progress.is_done { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        std::future::poll_fn(|context| outbox.poll_control(context, b"\x8a\x00")).await.unwrap();
        std::future::poll_fn(|context| outbox.poll_shutdown(context)).await.unwrap();
        let read = reading.await.unwrap();
        let (header, length) = frame_header(large.len());
        assert_eq!(begun, 2, "the large frame that did not fit at all, and the last one");
        let mut rest = &read[..];
        for _ in 0..=sent {
            rest = rest.strip_prefix(&header[..length]).unwrap().strip_prefix(large.as_bytes()).unwrap();
        }
        assert_eq!(rest, b"\x81\x04last\x8a\x00");
    }

    #[tokio::test]
    async fn a_socket_that_ended_takes_nothing() {
        let (writer, mut client) = pair().await;
        let (outbox, limits) = (Outbox::new(), Limits::default());
        outbox.attach(writer);
        outbox.end();
        assert_eq!(outbox.push(&"x".into(), &limits), PushResult::Gone);
        outbox.hang_up();
        assert!(std::future::poll_fn(|context| outbox.poll_control(context, b"\x8a\x00")).await.is_err());
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
    }
}
