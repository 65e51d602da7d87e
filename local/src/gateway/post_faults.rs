//! Delivers posts to a socket and applies faults; without faults, a post goes straight to the outbox.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::faults::{Faults, PostFault};

use super::connections::Connection;
use super::limits::Limits;
use super::outbox::PushResult;

/// How long a held frame waits for a later one.
const REORDER_TIMEOUT: Duration = Duration::from_millis(200);

pub(super) fn post(faults: &Faults, connection: &Arc<Connection>, frame: Utf8Bytes, limits: &Limits) -> PushResult {
    match faults.post_fault(connection.number) {
        PostFault::Delivered { copies: 1, held: false, delay: Duration::ZERO } => {
            let posted = connection.push(&frame, limits);
            deliver_held_frame(faults, connection, limits);
            posted
        }
        PostFault::Gone => {
            connection.outbox.abort();
            PushResult::Gone
        }
        PostFault::Throttled => PushResult::Full,
        _ if !connection.outbox.is_open() => PushResult::Gone,
        PostFault::Lost => PushResult::Queued,
        PostFault::Delivered { copies, held, delay } => {
            let (faults, connection) = (faults.clone(), Arc::clone(connection));
            tokio::spawn(DelayedPost { faults, connection, limits: *limits, copies, held, delay }.deliver(frame));
            PushResult::Queued
        }
    }
}

/// Delivers the held frame after the one that overtook it.
fn deliver_held_frame(faults: &Faults, connection: &Connection, limits: &Limits) {
    if let Some(frame) = faults.release(connection.number).and_then(text) {
        connection.push(&frame, limits);
    }
}

struct DelayedPost {
    faults: Faults,
    connection: Arc<Connection>,
    limits: Limits,
    copies: u8,
    /// Whether a later frame overtakes this one.
    held: bool,
    delay: Duration,
}

impl DelayedPost {
    /// The caller already has its response: a frame that no longer fits is dropped.
    async fn deliver(self, frame: Utf8Bytes) {
        tokio::time::sleep(self.delay).await;
        for _ in 1..self.copies {
            self.connection.push(&frame, &self.limits);
        }
        if self.held {
            let before = self.faults.hold_back(self.connection.number, frame.into());
            if let Some(before) = before.and_then(text) {
                self.connection.push(&before, &self.limits);
            }
            tokio::time::sleep(REORDER_TIMEOUT).await;
        } else {
            self.connection.push(&frame, &self.limits);
        }
        deliver_held_frame(&self.faults, &self.connection, &self.limits);
    }
}

fn text(frame: Bytes) -> Option<Utf8Bytes> {
    Utf8Bytes::try_from(frame).ok()
}
