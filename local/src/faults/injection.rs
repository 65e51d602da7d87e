//! The points at which components query faults.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{Concurrency, FaultConfig, Faults, KillPoint, PostSelection, RateOrZero, Seconds, StoreFaultMode, StoreKind};

/// The fault of a post to a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PostFault {
    Gone,
    Throttled,
    Lost,
    Delivered { copies: u8, held: bool, delay: Duration },
}

impl Faults {
    /// Whether instances must reach the stores through proxies.
    pub(crate) fn needs_proxies(&self) -> bool {
        self.active().is_some_and(|armed| {
            let FaultConfig { mysql, dynamodb, s3, sqs, kill, .. } = &armed.config;
            let commits = kill.as_ref().is_some_and(|kill| kill.at == KillPoint::AfterCommit);
            commits || [mysql, dynamodb, s3, sqs].iter().any(|fault| fault.is_some())
        })
    }

    /// Whether the instance that runs this function is killed now.
    pub(crate) fn should_kill(&self, function: &str, at: KillPoint) -> bool {
        let Some(armed) = self.active() else { return false };
        let kind = match at {
            KillPoint::BeforeHandler => "kill.before_handler",
            KillPoint::AfterCommit => "kill.after_commit",
            KillPoint::BeforeResponse => "kill.before_response",
        };
        let kill = armed.config.kill.as_ref().filter(|kill| kill.at == at && self.applies_to(kill.function.as_deref(), function));
        kill.is_some_and(|kill| armed.rng.draw(kind, function, kill.rate.get()))
    }

    /// Whether this invocation runs a second time.
    pub(crate) fn should_replay(&self, function: &str) -> bool {
        let Some(armed) = self.active() else { return false };
        let replay = armed.config.replay.as_ref().filter(|replay| self.applies_to(replay.function.as_deref(), function));
        replay.is_some_and(|replay| armed.rng.draw("replay", function, replay.rate.get()))
    }

    /// Delay before a new instance gets its first event.
    pub(crate) fn cold_start(&self) -> Option<Duration> {
        let armed = self.active()?;
        let delay = armed.config.cold_start.as_ref()?.delay_ms.duration();
        armed.rng.record("cold_start");
        Some(delay)
    }

    /// Concurrency limits of this function and of all functions.
    pub(crate) fn concurrency_limits(&self, function: &str) -> (Option<u32>, Option<usize>) {
        let Some(armed) = self.active() else { return (None, None) };
        match &armed.config.concurrency {
            Some(Concurrency { function: None, limit }) => (None, usize::try_from(*limit).ok()),
            Some(cap) if self.applies_to(cap.function.as_deref(), function) => (Some(cap.limit), None),
            _ => (None, None),
        }
    }

    /// Whether this socket's `$disconnect` is skipped.
    pub(crate) fn skips_disconnect(&self, socket: u64) -> bool {
        let Some(armed) = self.active() else { return false };
        let lose = armed.config.disconnect.as_ref().map(|disconnect| disconnect.lose);
        lose.is_some_and(|lose| armed.rng.draw("disconnect.lose", &socket.to_string(), lose.get()))
    }

    /// Idle timeout and maximum lifetime of sockets, if overridden.
    pub(crate) fn socket_limits(&self) -> (Option<Duration>, Option<Duration>) {
        let Some(armed) = self.active() else { return (None, None) };
        let time = armed.config.time.clone().unwrap_or_default();
        (time.idle_s.map(Seconds::duration), time.lifetime_s.map(Seconds::duration))
    }

    /// The interval of all schedules, if overridden.
    pub(crate) fn schedule_rate(&self) -> Option<Duration> {
        self.active()?.config.time.as_ref()?.schedule_s.map(Seconds::duration)
    }

    /// Draws the fault of a post to this socket.
    pub(crate) fn post_fault(&self, socket: u64) -> PostFault {
        let delivered = |copies, held, delay| PostFault::Delivered { copies, held, delay };
        let Some(armed) = self.active() else { return delivered(1, false, Duration::ZERO) };
        let (rng, key) = (&armed.rng, socket.to_string());
        let chosen = |kind, posts: &Option<PostSelection>| match posts {
            None => false,
            Some(PostSelection::Rate(rate)) => rng.draw(kind, &key, rate.0.get()),
            Some(PostSelection::Numbers { posts }) => {
                let chosen = posts.contains(&rng.next_number(kind, ""));
                if chosen {
                    rng.record(kind);
                }
                chosen
            }
        };
        // Draw both for every post, so that one does not change the sequence of the other.
        let (gone, throttled) = (chosen("gone", &armed.config.gone), chosen("throttle", &armed.config.throttle));
        if gone {
            return PostFault::Gone;
        }
        if throttled {
            return PostFault::Throttled;
        }
        let Some(push) = &armed.config.push else { return delivered(1, false, Duration::ZERO) };
        let roll = |kind, rate: RateOrZero| rng.draw(kind, &key, rate.0.get());
        let (lose, double) = (roll("push.lose", push.lose), roll("push.double", push.double));
        let held = roll("push.reorder", push.reorder);
        if lose { PostFault::Lost } else { delivered(1 + u8::from(double), held, push.delay_ms.duration()) }
    }

    /// Holds a frame back to be overtaken. Returns the frame that was held for the same socket before.
    pub(crate) fn hold_back(&self, socket: u64, frame: bytes::Bytes) -> Option<bytes::Bytes> {
        let mut held = self.0.held_frames.lock().unwrap_or_else(PoisonError::into_inner);
        let before = held.insert(socket, frame);
        self.0.held_count.store(held.len(), Ordering::Release);
        before
    }

    /// Returns the held frame, even after the faults are cleared: it is delayed, not lost.
    pub(crate) fn release(&self, socket: u64) -> Option<bytes::Bytes> {
        if self.0.held_count.load(Ordering::Acquire) == 0 {
            return None;
        }
        let mut held = self.0.held_frames.lock().unwrap_or_else(PoisonError::into_inner);
        let frame = held.remove(&socket);
        self.0.held_count.store(held.len(), Ordering::Release);
        frame
    }

    /// Draws the fault of one exchange with a store.
    pub(crate) fn store_fault(&self, store: StoreKind) -> Option<(StoreFaultMode, Duration)> {
        let armed = self.active()?;
        let (kind, fault) = match store {
            StoreKind::MySql => ("mysql", &armed.config.mysql),
            StoreKind::DynamoDb => ("dynamodb", &armed.config.dynamodb),
            StoreKind::S3 => ("s3", &armed.config.s3),
            StoreKind::Sqs => ("sqs", &armed.config.sqs),
        };
        let fault = fault.as_ref()?;
        armed.rng.draw(kind, "", fault.rate.get()).then(|| (fault.mode, fault.ms.duration()))
    }
}
