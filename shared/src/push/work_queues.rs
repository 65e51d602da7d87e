//! Work for later: an event in a queue, which its function gets when the delay is over. Queues hold references and no user content, and deliver at
//! least once, in any order.

use std::time::Duration;

use serde::Serialize;

use crate::aws::sqs::QueueMessage;
use crate::error::{Error, Result};
use crate::push::Cloud;
use crate::time::Timestamp;

/// A queue, and how long it withholds what is sent to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Later<'a> {
    pub(super) queue_url: &'a str,
    pub(super) delay: Duration,
}

impl Cloud {
    /// Sends an event to a queue.
    pub(super) async fn enqueue<T: Serialize>(&self, event: &T, later: Later<'_>, now: Timestamp) -> Result<()> {
        let body = serde_json::to_string(event).map_err(Error::internal)?;
        let Later { queue_url, delay } = later;
        self.queues.send(self.posts.signing_client(), &QueueMessage { queue_url, body, delay }, now).await
    }
}

/// The time until `due`; zero when it is over.
pub(super) fn until(due: Timestamp, now: Timestamp) -> Duration {
    Duration::from_millis(u64::try_from(due.since(now)).unwrap_or_default())
}
