//! Frames on their way to one client: bounded, so that a client that does not read costs no memory. What was queued before a close goes out before it.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use futures_util::task::AtomicWaker;
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::limits::Limits;

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Posted {
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
    lost: bool,
    close: Option<CloseFrame>,
}

impl Outbox {
    pub(super) fn new() -> Self {
        let queue = Queue { frames: VecDeque::new(), bytes: 0, open: true, lost: false, close: None };
        Self { queue: Mutex::new(queue), waker: AtomicWaker::new() }
    }

    pub(super) fn push(&self, frame: Utf8Bytes, limits: &Limits) -> Posted {
        let mut queue = self.lock();
        if !queue.open {
            return Posted::Gone;
        }
        if queue.frames.len() >= limits.queued_frames || queue.bytes + frame.len() > limits.queued_bytes {
            return Posted::Full;
        }
        queue.bytes += frame.len();
        queue.frames.push_back(frame);
        drop(queue);
        self.waker.wake();
        Posted::Queued
    }

    /// Closes after what is queued; `false` if it was closed before.
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

    /// As if the connection had broken: nothing more goes out, not even a close.
    pub(super) fn lose(&self) {
        let mut queue = self.lock();
        queue.open = false;
        queue.lost = true;
        drop(queue);
        self.waker.wake();
    }

    pub(super) fn is_lost(&self) -> bool {
        self.lock().lost
    }

    /// Takes nothing more: the socket has ended by itself.
    pub(super) fn end(&self) {
        let mut queue = self.lock();
        queue.open = false;
        queue.frames = VecDeque::new();
    }

    pub(super) fn is_open(&self) -> bool {
        self.lock().open
    }

    /// The next frame to write.
    pub(super) fn pop(&self) -> Option<Utf8Bytes> {
        let mut queue = self.lock();
        let frame = queue.frames.pop_front()?;
        queue.bytes -= frame.len();
        if queue.frames.is_empty() && queue.frames.capacity() > 32 {
            // A burst may not keep its memory for the rest of the connection's life.
            queue.frames = VecDeque::new();
        }
        Some(frame)
    }

    /// The close that somebody asked for, if any.
    pub(super) fn closing(&self) -> Option<CloseFrame> {
        self.lock().close.clone()
    }

    /// Who is woken by the next push or close.
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
