//! Posts on their way to a socket, and what faults do to them; without faults each goes straight into the socket's queue.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::faults::{Faults, PostFate};

use super::connections::Connection;
use super::limits::Limits;
use super::outbox::Posted;

/// How long a frame waits to be overtaken when nothing comes.
const OVERTAKEN_AFTER: Duration = Duration::from_millis(200);

pub(super) fn post(faults: &Faults, connection: &Arc<Connection>, frame: Utf8Bytes, limits: &Limits) -> Posted {
    match faults.post(connection.number) {
        PostFate::Delivered { copies: 1, held: false, delay: Duration::ZERO } => {
            let posted = connection.outbox.push(frame, limits);
            overtaken(faults, connection, limits);
            posted
        }
        PostFate::Gone => {
            connection.outbox.lose();
            Posted::Gone
        }
        PostFate::Throttled => Posted::Full,
        _ if !connection.outbox.is_open() => Posted::Gone,
        PostFate::Lost => Posted::Queued,
        PostFate::Delivered { copies, held, delay } => {
            let late = Late { faults: faults.clone(), connection: Arc::clone(connection), limits: *limits };
            tokio::spawn(late.deliver(frame, (copies, held, delay)));
            Posted::Queued
        }
    }
}

/// What waited to be overtaken now has been.
fn overtaken(faults: &Faults, connection: &Connection, limits: &Limits) {
    if let Some(frame) = faults.release(connection.number).and_then(text) {
        connection.outbox.push(frame, limits);
    }
}

struct Late {
    faults: Faults,
    connection: Arc<Connection>,
    limits: Limits,
}

impl Late {
    /// Whoever posted has its answer: a frame that does not fit any more is lost.
    async fn deliver(self, frame: Utf8Bytes, (copies, held, delay): (u8, bool, Duration)) {
        tokio::time::sleep(delay).await;
        for _ in 1..copies {
            self.connection.outbox.push(frame.clone(), &self.limits);
        }
        if held {
            let before = self.faults.hold(self.connection.number, frame.into());
            if let Some(before) = before.and_then(text) {
                self.connection.outbox.push(before, &self.limits);
            }
            tokio::time::sleep(OVERTAKEN_AFTER).await;
        } else {
            self.connection.outbox.push(frame, &self.limits);
        }
        overtaken(&self.faults, &self.connection, &self.limits);
    }
}

fn text(frame: Bytes) -> Option<Utf8Bytes> {
    Utf8Bytes::try_from(frame).ok()
}
