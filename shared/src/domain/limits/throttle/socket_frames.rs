//! The limit of frames per socket: a socket above it is warned, then closed.

use super::Throttle;
use crate::error::Error;
use crate::id::ConnectionId;
use crate::time::Timestamp;

/// Multiple of the limit from which a socket is closed instead of answered.
const CLOSE_FACTOR: u32 = 2;
/// Frames that a frame without budget counts as.
const SURPLUS_FRAMES: u32 = 30;

/// Whether a socket exceeds its limit of frames.
#[derive(Debug)]
pub enum SocketFrameLimit {
    Within,
    /// It does, and gets this error.
    Warn(Error),
    /// It ignored the errors: close it.
    Close,
}

impl Throttle {
    /// Counts a frame of a socket. Fails open.
    pub async fn frame(&self, socket: &ConnectionId, now: Timestamp) -> SocketFrameLimit {
        self.frames(socket, 1, now).await
    }

    /// Counts a frame for which the user has no budget. Clients that continue are closed soon, because refusing takes an invocation, too.
    pub async fn surplus_frame(&self, socket: &ConnectionId, now: Timestamp) -> SocketFrameLimit {
        self.frames(socket, SURPLUS_FRAMES, now).await
    }

    async fn frames(&self, socket: &ConnectionId, many: u32, now: Timestamp) -> SocketFrameLimit {
        let limit = self.limits.frames;
        match self.try_count_many(&format!("frames#{}", socket.0), many, limit, now).await {
            Some(hits) if hits.count > limit.quota.saturating_mul(CLOSE_FACTOR) => SocketFrameLimit::Close,
            Some(hits) if hits.exceeds_limit() => {
                SocketFrameLimit::Warn(Error::TooMany { retry_after: hits.reset, policy: Some(limit) })
            }
            _ => SocketFrameLimit::Within,
        }
    }
}
