//! Posts to sockets and their outcomes.

use bytes::Bytes;

use crate::id::ConnectionId;
use crate::telemetry::invocation::{self, Count};

/// The result of a post.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PostOutcome {
    Accepted,
    /// The socket does not exist (any more).
    Gone,
    /// The socket's buffer is full.
    Throttled,
    /// Any other failure.
    Failed,
}

impl PostOutcome {
    pub(super) fn of_status(status: u16) -> Self {
        match status {
            200..=299 => Self::Accepted,
            // API Gateway answers 400 for ids that it cannot decode.
            410 | 400 => Self::Gone,
            429 => Self::Throttled,
            status => {
                tracing::warn!(status, "a post was refused");
                Self::Failed
            }
        }
    }
}

/// A frame for a socket.
#[derive(Clone, Debug)]
pub struct Post<'a> {
    pub connection: &'a ConnectionId,
    pub frame: Bytes,
}

/// Posts and what became of them so far; none of those in flight.
#[derive(Debug)]
pub struct Posts<'a> {
    all: Vec<Post<'a>>,
    outcomes: Vec<Option<PostOutcome>>,
    /// Whether a throttled post is given up.
    pub(super) is_last_attempt: bool,
}

impl<'a> Posts<'a> {
    pub fn new(all: Vec<Post<'a>>) -> Self {
        let outcomes = vec![None; all.len()];
        Self { all, outcomes, is_last_attempt: false }
    }

    /// The outcomes in the order of the posts.
    pub fn outcomes(&self) -> &[Option<PostOutcome>] {
        &self.outcomes
    }

    pub(super) fn get(&self, index: usize) -> &Post<'a> {
        &self.all[index]
    }

    /// The indexes of posts without an outcome.
    pub(super) fn open(&self) -> Vec<usize> {
        (0..self.all.len()).filter(|index| self.outcomes[*index].is_none()).collect()
    }

    /// Records an outcome. A throttled post stays open until its last attempt.
    pub(super) fn record(&mut self, index: usize, outcome: PostOutcome) {
        if outcome == PostOutcome::Throttled && !self.is_last_attempt {
            return;
        }
        match outcome {
            PostOutcome::Accepted => invocation::count(Count::Pushes),
            PostOutcome::Gone => invocation::count(Count::Gone),
            PostOutcome::Throttled => invocation::count(Count::Throttled),
            PostOutcome::Failed => {}
        }
        self.outcomes[index] = Some(outcome);
    }

    /// Gives up the posts without an outcome.
    pub(super) fn fail_open(&mut self) {
        for outcome in &mut self.outcomes {
            outcome.get_or_insert(PostOutcome::Failed);
        }
    }
}
