//! What is asked at each place where something can break, and the answer that the dice give.

use std::{
    sync::{PoisonError, atomic::Ordering},
    time::Duration,
};

use super::{At, Concurrency, Faults, Mode, Posts, Rate0, Schedule, Seconds, Store};

/// What becomes of a post to a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PostFate {
    Gone,
    Throttled,
    Lost,
    Delivered { copies: u8, held: bool, delay: Duration },
}

impl Faults {
    /// Whether instances have to reach the stores through proxies.
    pub(crate) fn detours(&self) -> bool {
        self.some().is_some_and(|armed| {
            let Schedule { mysql, dynamodb, s3, sqs, kill, .. } = &armed.schedule;
            let commits = kill.as_ref().is_some_and(|kill| kill.at == At::AfterCommit);
            commits || [mysql, dynamodb, s3, sqs].iter().any(|trouble| trouble.is_some())
        })
    }

    /// Whether the instance that runs this function ends now.
    pub(crate) fn kills(&self, function: &str, at: At) -> bool {
        let Some(armed) = self.some() else { return false };
        let kind = match at {
            At::BeforeHandler => "kill.before_handler",
            At::AfterCommit => "kill.after_commit",
            At::BeforeResponse => "kill.before_response",
        };
        let kill = armed.schedule.kill.as_ref().filter(|kill| kill.at == at && self.concerns(kill.function.as_deref(), function));
        kill.is_some_and(|kill| armed.dice.roll(kind, function, kill.rate.get()))
    }

    /// Whether this invocation runs a second time.
    pub(crate) fn replays(&self, function: &str) -> bool {
        let Some(armed) = self.some() else { return false };
        let replay = armed.schedule.replay.as_ref().filter(|replay| self.concerns(replay.function.as_deref(), function));
        replay.is_some_and(|replay| armed.dice.roll("replay", function, replay.rate.get()))
    }

    /// How much later a new instance gets its first event.
    pub(crate) fn cold_start(&self) -> Option<Duration> {
        let armed = self.some()?;
        let delay = armed.schedule.cold_start.as_ref()?.delay_ms.duration();
        armed.dice.hit("cold_start");
        Some(delay)
    }

    /// Caps on this function's invocations at once, and on those of all functions.
    pub(crate) fn caps(&self, function: &str) -> (Option<u32>, Option<usize>) {
        let Some(armed) = self.some() else { return (None, None) };
        match &armed.schedule.concurrency {
            Some(Concurrency { function: None, limit }) => (None, usize::try_from(*limit).ok()),
            Some(cap) if self.concerns(cap.function.as_deref(), function) => (Some(cap.limit), None),
            _ => (None, None),
        }
    }

    /// Whether the end of this socket is told to nobody.
    pub(crate) fn loses_disconnect(&self, socket: u64) -> bool {
        let Some(armed) = self.some() else { return false };
        let lose = armed.schedule.disconnect.as_ref().map(|disconnect| disconnect.lose);
        lose.is_some_and(|lose| armed.dice.roll("disconnect.lose", &socket.to_string(), lose.get()))
    }

    /// Idle limit and lifetime of sockets, where they are compressed.
    pub(crate) fn time(&self) -> (Option<Duration>, Option<Duration>) {
        let Some(armed) = self.some() else { return (None, None) };
        let time = armed.schedule.time.clone().unwrap_or_default();
        (time.idle_s.map(Seconds::duration), time.lifetime_s.map(Seconds::duration))
    }

    /// The rate of schedules, where it is compressed.
    pub(crate) fn schedule_rate(&self) -> Option<Duration> {
        self.some()?.schedule.time.as_ref()?.schedule_s.map(Seconds::duration)
    }

    /// What becomes of a post to this socket.
    pub(crate) fn post(&self, socket: u64) -> PostFate {
        let delivered = |copies, held, delay| PostFate::Delivered { copies, held, delay };
        let Some(armed) = self.some() else { return delivered(1, false, Duration::ZERO) };
        let (dice, whose) = (&armed.dice, socket.to_string());
        let chosen = |kind, posts: &Option<Posts>| match posts {
            None => false,
            Some(Posts::Rate(rate)) => dice.roll(kind, &whose, rate.0.get()),
            Some(Posts::Numbers { posts }) => {
                let chosen = posts.contains(&dice.count(kind, ""));
                if chosen {
                    dice.hit(kind);
                }
                chosen
            }
        };
        // Both are thrown for every post, so that one does not change what the other one hits.
        let (gone, throttled) = (chosen("gone", &armed.schedule.gone), chosen("throttle", &armed.schedule.throttle));
        if gone {
            return PostFate::Gone;
        }
        if throttled {
            return PostFate::Throttled;
        }
        let Some(push) = &armed.schedule.push else { return delivered(1, false, Duration::ZERO) };
        let roll = |kind, rate: Rate0| dice.roll(kind, &whose, rate.0.get());
        let (lose, double) = (roll("push.lose", push.lose), roll("push.double", push.double));
        let held = roll("push.reorder", push.reorder);
        if lose { PostFate::Lost } else { delivered(1 + u8::from(double), held, push.delay_ms.duration()) }
    }

    /// Keeps a frame to be overtaken. What was kept for the same socket before is given back.
    pub(crate) fn hold(&self, socket: u64, frame: bytes::Bytes) -> Option<bytes::Bytes> {
        let mut held = self.0.held.lock().unwrap_or_else(PoisonError::into_inner);
        let before = held.insert(socket, frame);
        self.0.holding.store(held.len(), Ordering::Release);
        before
    }

    /// The frame that was kept for this socket, even if nothing breaks any more: it was to be late, not lost.
    pub(crate) fn release(&self, socket: u64) -> Option<bytes::Bytes> {
        if self.0.holding.load(Ordering::Acquire) == 0 {
            return None;
        }
        let mut held = self.0.held.lock().unwrap_or_else(PoisonError::into_inner);
        let frame = held.remove(&socket);
        self.0.holding.store(held.len(), Ordering::Release);
        frame
    }

    /// What is wrong with this exchange with a store.
    pub(crate) fn trouble(&self, store: Store) -> Option<(Mode, Duration)> {
        let armed = self.some()?;
        let (kind, trouble) = match store {
            Store::MySql => ("mysql", &armed.schedule.mysql),
            Store::DynamoDb => ("dynamodb", &armed.schedule.dynamodb),
            Store::S3 => ("s3", &armed.schedule.s3),
            Store::Sqs => ("sqs", &armed.schedule.sqs),
        };
        let trouble = trouble.as_ref()?;
        armed.dice.roll(kind, "", trouble.rate.get()).then(|| (trouble.mode, trouble.ms.duration()))
    }
}
