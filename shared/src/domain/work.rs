//! A budget of work for each person, over all doors: whatever somebody asks for is charged before it is done, together with the look at their
//! session, so that it takes no time of its own. What a request cost beyond that is charged with the next one.
//!
//! A budget is a bucket that fills with what is done and empties evenly: `quota` at once, and then as much as goes. (In windows, whoever asks for all
//! they may at once would do so at the beginning of each.) Small sums are gathered by an instance and reported in steps: a write for each cheap read
//! would cost more than the read. Whom it knows to have used up their budget an instance refuses without asking anyone.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::caller::Caller;
use crate::domain::prices::{Counter, Price};
use crate::domain::secrets;
use crate::domain::throttle::Throttle;
use crate::error::{Error, Limit, Rate, Result};
use crate::id::{SessionId, UserId};
use crate::push::ephemeral::Poured;
use crate::telemetry::{invocation, standing};
use crate::time::Timestamp;

/// What is gathered of a person before it is reported.
const STEP: u32 = 20;
/// The same of what is counted on rows: sending waits for nothing that it need not wait for.
const STEP_OF_ROWS: u32 = 100;
/// So many steps make up a budget, however small it is.
const STEPS: u32 = 10;
/// How long a report is waited for.
const REPORTING: Duration = Duration::from_millis(500);
/// What it costs to find out who asks, and to refuse them.
const LOOK: u32 = 2;
/// People whose work an instance keeps in mind.
const MOST_PEOPLE: usize = 10_000;
/// For so long a catch-up may hold up others of its person, when whoever does it is gone.
const LEASE_MS: i64 = 10_000;
/// How long another one waits for it, and how often it looks.
const PATIENCE: Duration = Duration::from_secs(1);
const GLANCE: Duration = Duration::from_millis(60);

/// What an instance knows of people's budgets.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger(Arc<Mutex<HashMap<UserId, Account>>>);

/// One person's budget, as a bucket that empties evenly: the moment when it will be empty is all that it takes. Microseconds, since a unit of a wide
/// budget is less than a millisecond.
#[derive(Clone, Copy, Debug, Default)]
struct Account {
    /// When the bucket of the table will be empty, as far as it is known here: no earlier than that.
    empty_at: i64,
    /// What was charged since, and is not reported.
    gathered: i64,
}

/// What a budget is made of.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    limit: Limit,
    /// Now.
    now: i64,
    /// What fits.
    holds: i64,
}

impl Bucket {
    fn of(limit: Limit, now: Timestamp) -> Self {
        Self { limit, now: now.0.saturating_mul(1000), holds: i64::from(limit.window).saturating_mul(1_000_000) }
    }

    /// So much work, in time that it takes to empty.
    fn time(self, work: u32) -> i64 {
        let time = i128::from(work) * i128::from(self.holds) / i128::from(self.limit.quota.max(1));
        i64::try_from(time).unwrap_or(i64::MAX / 4)
    }

    /// How full it is.
    fn fill(self, account: Account) -> i64 {
        (account.empty_at - self.now).max(0) + account.gathered
    }

    fn rate(self, account: Account) -> Rate {
        let fill = self.fill(account).max(0);
        let left = i128::from((self.holds - fill).max(0)) * i128::from(self.limit.quota) / i128::from(self.holds.max(1));
        Rate { limit: self.limit, left: u32::try_from(left).unwrap_or(u32::MAX), reset: seconds(fill) }
    }

    /// So much does not fit beside what is in it.
    fn refuses(self, account: Account, time: i64) -> Error {
        let wait = self.fill(account).saturating_add(time).saturating_sub(self.holds);
        Error::TooMany { retry_after: seconds(wait).max(1), policy: Some(self.limit) }
    }
}

fn seconds(micros: i64) -> u32 {
    u32::try_from(micros.max(0).div_euclid(1_000_000) + i64::from(micros % 1_000_000 > 0)).unwrap_or(u32::MAX)
}

/// Whose budget it is.
#[derive(Clone, Copy, Debug)]
pub struct Who {
    /// The person.
    pub user: UserId,
    /// Their session.
    pub session: SessionId,
}

/// The right to catch up, which a person has once at a time.
#[derive(Debug)]
#[must_use = "it is given back when the work is done"]
pub struct Turn {
    key: String,
    holder: String,
}

impl Ledger {
    fn open(&self) -> MutexGuard<'_, HashMap<UserId, Account>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what is known of a person; gives what is known then.
    fn note(&self, user: UserId, now: i64, change: impl FnOnce(&mut Account)) -> Account {
        let mut all = self.open();
        if all.len() >= MOST_PEOPLE && !all.contains_key(&user) {
            all.retain(|_, account| account.empty_at > now || account.gathered > 0);
        }
        let account = all.entry(user).or_default();
        change(account);
        *account
    }
}

impl Throttle {
    /// Lets somebody do what has this price: charges and counts it while `resuming` finds out whether they are who they say.
    pub async fn admit(
        &self,
        resuming: impl Future<Output = Result<Caller>>,
        who: Who,
        price: Price,
        now: Timestamp,
    ) -> Result<Caller> {
        if price.counter == Counter::Ending {
            invocation::is_charged(price.charged, price.most);
            let (caller, counted) = tokio::join!(resuming, self.counted(who, price.counter, now));
            let caller = caller?;
            return counted.map(|()| caller);
        }
        // Whoever has used up their budget is refused before the store is asked, even whether their session lasts.
        self.affords(who.user, price, now)?;
        let (caller, charged, counted) =
            tokio::join!(resuming, self.charge(who.user, price, now), self.counted(who, price.counter, now));
        // Whoever is not who they say costs that person nothing, and what is refused has cost no more than the look at who asks.
        let caller = caller.inspect_err(|_| self.forgive(who.user, price.charged, now))?;
        charged?;
        counted.inspect_err(|_| self.forgive(who.user, price.charged.saturating_sub(LOOK), now))?;
        Ok(caller)
    }

    /// Counts that somebody ends a session or their account, whoever they have proved to be.
    pub async fn ends(&self, who: Who, price: Price, now: Timestamp) -> Result<()> {
        invocation::is_charged(price.charged, price.most);
        self.counted(who, Counter::Ending, now).await
    }

    /// Charges a person for what has this price. Refused while their budget does not hold it.
    pub async fn charge(&self, user: UserId, price: Price, now: Timestamp) -> Result<()> {
        invocation::is_charged(price.charged, price.most);
        let bucket = Bucket::of(self.limits.work, now);
        let step = if price.counter == Counter::Row { STEP_OF_ROWS } else { STEP };
        let step = bucket.time(step.min(bucket.limit.quota / STEPS + 1));
        let owed = standing::owed(user);
        let charged = self.charge_with(user, bucket, (bucket.time(price.charged.saturating_add(owed)), step)).await;
        match charged {
            Ok(account) => standing::worked(bucket.rate(account)),
            Err(_) => standing::owes(user, owed.into()),
        }
        charged.map(drop)
    }

    async fn charge_with(&self, user: UserId, bucket: Bucket, (time, step): (i64, i64)) -> Result<Account> {
        let known = self.ledger.note(user, bucket.now, |_| {});
        if bucket.fill(known) > 0 && bucket.fill(known).saturating_add(time) > bucket.holds {
            // The table knows of no less than is known here.
            return Err(bucket.refuses(known, time));
        }
        let mut report = 0;
        let account = self.ledger.note(user, bucket.now, |account| {
            account.gathered += time;
            if account.gathered >= step {
                report = std::mem::take(&mut account.gathered);
            }
        });
        if report == 0 { Ok(account) } else { self.reported(user, bucket, (account, report, time)).await }
    }

    /// Whether a person's budget holds what has this price, as far as it is known here.
    pub fn affords(&self, user: UserId, price: Price, now: Timestamp) -> Result<()> {
        let bucket = Bucket::of(self.limits.work, now);
        let (known, time) = (self.ledger.note(user, bucket.now, |_| {}), bucket.time(price.charged));
        let fits = bucket.fill(known) <= 0 || bucket.fill(known).saturating_add(time) <= bucket.holds;
        if fits { Ok(()) } else { Err(bucket.refuses(known, time)) }
    }

    /// Reports what was gathered, of which the last is asked for just now. While it cannot be reported it is known here alone.
    async fn reported(&self, user: UserId, bucket: Bucket, (known, report, time): (Account, i64, i64)) -> Result<Account> {
        let key = format!("work#{user}");
        let pouring = self.ephemeral.pour(&key, report, known.empty_at, (bucket.now, bucket.holds));
        match tokio::time::timeout(REPORTING, pouring).await {
            Ok(Ok(Poured::In { empty_at })) => Ok(self.ledger.note(user, bucket.now, |account| account.empty_at = empty_at)),
            Ok(Ok(Poured::Over { empty_at })) => {
                let full = empty_at.unwrap_or_else(|| bucket.now + bucket.holds);
                // What was done before is still to be reported, what is asked for now is not done.
                let known = self.ledger.note(user, bucket.now, |account| {
                    account.gathered += report - time;
                    account.empty_at = account.empty_at.max(full);
                });
                Err(bucket.refuses(known, time))
            }
            failed => {
                let error = failed.ok().and_then(Result::err);
                let error = error.as_ref().and_then(|error| error.source().map(ToString::to_string));
                tracing::warn!(error, "work goes unreported");
                let known = self.ledger.note(user, bucket.now, |account| {
                    account.empty_at = account.empty_at.max(bucket.now).saturating_add(report);
                });
                if bucket.fill(known) > bucket.holds { Err(bucket.refuses(known, 0)) } else { Ok(known) }
            }
        }
    }

    /// What was charged and is not done is taken back with the next report.
    fn forgive(&self, user: UserId, work: u32, now: Timestamp) {
        let bucket = Bucket::of(self.limits.work, now);
        self.ledger.note(user, bucket.now, |account| account.gathered -= bucket.time(work));
    }

    async fn counted(&self, who: Who, counter: Counter, now: Timestamp) -> Result<()> {
        let limit = self.limits.act;
        let key = match counter {
            Counter::Act => format!("act#{}", who.user),
            Counter::Mark => format!("mark#{}", who.user),
            Counter::Ending => format!("ending#{}", who.session),
            Counter::Nothing | Counter::Row | Counter::Own => return Ok(()),
        };
        self.open(&key, limit, now).await.map(drop)
    }

    /// A person's turn to catch up, waited for a moment while another of their sockets has it. Without DynamoDB there is none to wait for.
    pub async fn turn(&self, user: UserId, now: Timestamp) -> Result<Option<Turn>> {
        let turn = Turn { key: format!("catch_up#{user}"), holder: secrets::random()? };
        let begun = tokio::time::Instant::now();
        loop {
            let at = Timestamp(now.0 + i64::try_from(begun.elapsed().as_millis()).unwrap_or_default());
            match self.ephemeral.take(&turn.key, &turn.holder, Timestamp(at.0 + LEASE_MS), at).await {
                Ok(true) => return Ok(Some(turn)),
                Ok(false) if begun.elapsed() < PATIENCE => tokio::time::sleep(GLANCE.mul_f64(0.5 + fastrand::f64())).await,
                Ok(false) => return Err(Error::TooMany { retry_after: 1, policy: None }),
                Err(error) => {
                    tracing::warn!(error = error.source().map(ToString::to_string), "a catch-up goes on without its turn");
                    return Ok(None);
                }
            }
        }
    }

    /// The turn is over. One that cannot be given back ends by itself.
    pub async fn done(&self, turn: Option<Turn>) {
        let Some(turn) = turn else { return };
        if let Err(error) = self.ephemeral.give_back(&turn.key, &turn.holder).await {
            tracing::warn!(error = error.source().map(ToString::to_string), "a turn to catch up was not given back");
        }
    }
}
