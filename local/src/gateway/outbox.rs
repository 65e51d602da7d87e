//! Outgoing frames of one client, bounded so that a slow client costs no memory. Frames queued before a close are sent before it.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use futures_util::task::AtomicWaker;
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::limits::Limits;

/// The result of queueing a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PushResult {
    Queued,
    /// The client reads too slowly.
    Full,
    /// The connection is closed or closing.
    Gone,
}

pub(super) struct Outbox {
    queue: Mutex<Queue>,
    waker: AtomicWaker,
}

struct Queue {
    frames: VecDeque<Utf8Bytes>,
    bytes: usize,
    open: bool,
    aborted: bool,
    close: Option<CloseFrame>,
}

impl Outbox {
    pub(super) fn new() -> Self {
        let queue = Queue { frames: VecDeque::new(), bytes: 0, open: true, aborted: false, close: None };
        Self { queue: Mutex::new(queue), waker: AtomicWaker::new() }
    }

    pub(super) fn push(&self, frame: Utf8Bytes, limits: &Limits) -> PushResult {
        let mut queue = self.lock();
        if !queue.open {
            return PushResult::Gone;
        }
        if queue.frames.len() >= limits.queued_frames || queue.bytes + frame.len() > limits.queued_bytes {
            return PushResult::Full;
        }
        queue.bytes += frame.len();
        queue.frames.push_back(frame);
        drop(queue);
        self.waker.wake();
        PushResult::Queued
    }

    /// Closes after the queued frames; `false` if already closed.
    pub(super) fn close(&self, frame: CloseFrame) -> bool {
        let mut queue = self.lock();
        let was_open = std::mem::replace(&mut queue.open, false);
        if was_open {
            queue.close = Some(frame);
        }
        drop(queue);
        self.waker.wake();
        was_open
    }

    /// Drops the connection without a close frame and without the queued frames.
    pub(super) fn abort(&self) {
        let mut queue = self.lock();
        queue.open = false;
        queue.aborted = true;
        drop(queue);
        self.waker.wake();
    }

    pub(super) fn is_aborted(&self) -> bool {
        self.lock().aborted
    }

    /// Refuses further frames: the socket has ended.
    pub(super) fn end(&self) {
        let mut queue = self.lock();
        queue.open = false;
        queue.frames = VecDeque::new();
    }

    pub(super) fn is_open(&self) -> bool {
        self.lock().open
    }

    /// Takes the next frame to write.
    pub(super) fn pop(&self) -> Option<Utf8Bytes> {
        let mut queue = self.lock();
        let frame = queue.frames.pop_front()?;
        queue.bytes -= frame.len();
        if queue.frames.is_empty() && queue.frames.capacity() > 32 {
            // Release the memory of a burst.
            queue.frames = VecDeque::new();
        }
        Some(frame)
    }

    /// The requested close frame, if any.
    pub(super) fn closing(&self) -> Option<CloseFrame> {
        self.lock().close.clone()
    }

    /// Registers the task to wake at the next push or close.
    pub(super) fn register(&self, waker: &Waker) {
        self.waker.register(waker);
    }

    pub(super) fn wake(&self) {
        self.waker.wake();
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
