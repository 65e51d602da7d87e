//! Work budget per user, over HTTP and sockets. A request is charged once its caller is known and before its work; costs beyond that are charged with
//! the next request. Requests of an ended session count against that session alone.
//!
//! The budget is a leaky bucket: `quota` at once, then an even rate. (Fixed windows would allow bursts at every boundary.) Instances accumulate
//! small charges and report them in steps, because a write per cheap read would cost more than the read. A user known to be over budget is
//! refused without any call.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::aws::ephemeral_table::{BucketCharge, NewCharge};
use crate::domain::auth::secrets;
use crate::domain::limits::throttle::Throttle;
use crate::domain::limits::work_costs::{Cost, Counter};
use crate::error::{Error, Limit, RateStatus, Result};
use crate::id::{SessionId, UserId};
use crate::telemetry::{invocation, rate_status};
use crate::time::Timestamp;

/// Charges accumulated per user before a report.
const REPORT_STEP: u32 = 20;
/// The same for operations counted in rows, so that sending waits less often.
const REPORT_STEP_OF_ROWS: u32 = 100;
/// Minimum number of steps per budget.
const MIN_STEPS: u32 = 10;
const REPORT_TIMEOUT: Duration = Duration::from_millis(500);
/// Cost of authenticating and refusing a request.
const AUTH_COST: u32 = 2;
/// Users tracked per instance.
const MAX_TRACKED: usize = 10_000;
/// Lease of a catch-up; bounds how long a dead holder blocks the user's other sockets.
const LEASE_MS: i64 = 10_000;
/// How long another socket waits for the lease, and how often it polls.
const LEASE_WAIT: Duration = Duration::from_secs(1);
const LEASE_POLL_INTERVAL: Duration = Duration::from_millis(60);

/// The budgets known to this instance.
#[derive(Clone, Debug, Default)]
pub(crate) struct WorkLedger(Arc<Mutex<HashMap<UserId, WorkAccount>>>);

/// One user's leaky bucket, as the time when it will be empty, in microseconds, since a unit of a large budget takes less than a millisecond.
#[derive(Clone, Copy, Debug, Default)]
struct WorkAccount {
    /// Lower bound of when the bucket in the table will be empty.
    empty_at: i64,
    /// Charges since the last report.
    unreported: i64,
}

/// The parameters of a budget.
#[derive(Clone, Copy, Debug)]
struct WorkBucket {
    limit: Limit,
    now: i64,
    capacity: i64,
}

impl WorkBucket {
    fn of(limit: Limit, now: Timestamp) -> Self {
        Self { limit, now: now.0.saturating_mul(1000), capacity: i64::from(limit.window).saturating_mul(1_000_000) }
    }

    /// Converts work to the time that it takes to drain.
    fn drain_time(self, work: u32) -> i64 {
        let time = i128::from(work) * i128::from(self.capacity) / i128::from(self.limit.quota.max(1));
        i64::try_from(time).unwrap_or(i64::MAX / 4)
    }

    fn level(self, account: WorkAccount) -> i64 {
        (account.empty_at - self.now).max(0) + account.unreported
    }

    fn rate(self, account: WorkAccount) -> RateStatus {
        let level = self.level(account).max(0);
        let left = i128::from((self.capacity - level).max(0)) * i128::from(self.limit.quota) / i128::from(self.capacity.max(1));
        RateStatus { limit: self.limit, left: u32::try_from(left).unwrap_or(u32::MAX), reset: seconds(level) }
    }

    /// Returns the error for work that does not fit.
    fn refusal(self, account: WorkAccount, time: i64) -> Error {
        let wait = self.level(account).saturating_add(time).saturating_sub(self.capacity);
        Error::TooMany { retry_after: seconds(wait).max(1), policy: Some(self.limit) }
    }
}

fn seconds(micros: i64) -> u32 {
    u32::try_from(micros.max(0).div_euclid(1_000_000) + i64::from(micros % 1_000_000 > 0)).unwrap_or(u32::MAX)
}

/// Accumulated charges to report.
#[derive(Clone, Copy, Debug)]
struct WorkReport {
    account: WorkAccount,
    total: i64,
    /// The part for the current request.
    current: i64,
}

/// The user and session that are charged.
#[derive(Clone, Copy, Debug)]
pub struct WorkOwner {
    pub user: UserId,
    pub session: SessionId,
}

/// The lease to catch up, of which a user has one at a time.
#[derive(Debug)]
#[must_use = "release it when the work is done"]
pub struct CatchUpLease {
    key: String,
    holder: String,
}

impl WorkLedger {
    fn lock(&self) -> MutexGuard<'_, HashMap<UserId, WorkAccount>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes a user's entry and returns it.
    fn update(&self, user: UserId, now: i64, change: impl FnOnce(&mut WorkAccount)) -> WorkAccount {
        let mut all = self.lock();
        if all.len() >= MAX_TRACKED && !all.contains_key(&user) {
            all.retain(|_, account| account.empty_at > now || account.unreported > 0);
        }
        let account = all.entry(user).or_default();
        change(account);
        *account
    }
}

impl Throttle {
    /// Admits a request: authenticates it with `resuming`, then charges and counts it.
    pub async fn admit<T>(
        &self,
        resuming: impl Future<Output = Result<T>>,
        owner: WorkOwner,
        cost: Cost,
        now: Timestamp,
    ) -> Result<T> {
        if cost.counter == Counter::Ending {
            invocation::set_charge(cost.charged, cost.max);
            let (caller, counted) = tokio::join!(resuming, self.count_operation(owner, cost.counter, now));
            let caller = caller?;
            return counted.map(|()| caller);
        }
        // A user over budget is refused before the store is asked.
        self.affords(owner.user, cost, now)?;
        // The user pays for nothing before the session is known to live: an ended session keeps a valid signature for minutes.
        let caller = match resuming.await {
            Err(Error::Unauthenticated(code)) => {
                self.count_fail_open(&format!("ended#{}", owner.session), self.limits.act, now).await?;
                return Err(Error::Unauthenticated(code));
            }
            resumed => resumed?,
        };
        let (charged, counted) = tokio::join!(self.charge(owner.user, cost, now), self.count_operation(owner, cost.counter, now));
        charged?;
        // A refusal costs only the authentication.
        counted.inspect_err(|_| self.refund(owner.user, cost.charged.saturating_sub(AUTH_COST), now))?;
        Ok(caller)
    }

    /// Charges a request before its session is verified. [`Self::withdraw`] takes the charge back if the session does not live.
    pub async fn admit_unverified(&self, owner: WorkOwner, cost: Cost, now: Timestamp) -> Result<()> {
        self.affords(owner.user, cost, now)?;
        self.charge(owner.user, cost, now).await
    }

    /// Takes back the charge of a request whose session has ended, and counts the request by its session instead: an ended session keeps a valid
    /// signature for minutes.
    pub async fn withdraw(&self, owner: WorkOwner, cost: Cost, now: Timestamp) -> Result<()> {
        self.refund(owner.user, cost.charged, now);
        self.count_fail_open(&format!("ended#{}", owner.session), self.limits.act, now).await.map(drop)
    }

    /// Counts the end of a session or account.
    pub async fn count_session_end(&self, owner: WorkOwner, cost: Cost, now: Timestamp) -> Result<()> {
        invocation::set_charge(cost.charged, cost.max);
        self.count_operation(owner, Counter::Ending, now).await
    }

    /// Charges a user. Returns an error while the budget has no room.
    pub async fn charge(&self, user: UserId, cost: Cost, now: Timestamp) -> Result<()> {
        invocation::set_charge(cost.charged, cost.max);
        let bucket = WorkBucket::of(self.limits.work, now);
        let step = if cost.counter == Counter::Row { REPORT_STEP_OF_ROWS } else { REPORT_STEP };
        let step = bucket.drain_time(step.min(bucket.limit.quota / MIN_STEPS + 1));
        let owed = rate_status::take_debt(user);
        let charged = self.charge_with(user, bucket, bucket.drain_time(cost.charged.saturating_add(owed)), step).await;
        match charged {
            Ok(account) => rate_status::record_work(bucket.rate(account)),
            Err(_) => rate_status::add_debt(user, owed.into()),
        }
        charged.map(drop)
    }

    async fn charge_with(&self, user: UserId, bucket: WorkBucket, time: i64, step: i64) -> Result<WorkAccount> {
        let known = self.ledger.update(user, bucket.now, |_| {});
        if bucket.level(known) > 0 && bucket.level(known).saturating_add(time) > bucket.capacity {
            // The table has at least what is known here.
            return Err(bucket.refusal(known, time));
        }
        let mut report = 0;
        let account = self.ledger.update(user, bucket.now, |account| {
            account.unreported += time;
            if account.unreported >= step {
                report = std::mem::take(&mut account.unreported);
            }
        });
        if report == 0 {
            Ok(account)
        } else {
            self.report(user, bucket, WorkReport { account, total: report, current: time }).await
        }
    }

    /// Returns an error if the budget, as known here, has no room.
    pub fn affords(&self, user: UserId, cost: Cost, now: Timestamp) -> Result<()> {
        let bucket = WorkBucket::of(self.limits.work, now);
        let (known, time) = (self.ledger.update(user, bucket.now, |_| {}), bucket.drain_time(cost.charged));
        let fits = bucket.level(known) <= 0 || bucket.level(known).saturating_add(time) <= bucket.capacity;
        if fits { Ok(()) } else { Err(bucket.refusal(known, time)) }
    }

    /// Reports the accumulated charges. Keeps them locally if the report fails.
    async fn report(&self, user: UserId, bucket: WorkBucket, report: WorkReport) -> Result<WorkAccount> {
        let WorkReport { account, total, current } = report;
        let key = format!("work#{user}");
        let WorkBucket { now, capacity, .. } = bucket;
        let charge = NewCharge { amount: total, known_empty_at: account.empty_at, now, capacity };
        let reporting = self.ephemeral.charge_bucket(&key, charge);
        match tokio::time::timeout(REPORT_TIMEOUT, reporting).await {
            Ok(Ok(BucketCharge::Accepted { empty_at })) => {
                Ok(self.ledger.update(user, bucket.now, |account| account.empty_at = empty_at))
            }
            Ok(Ok(BucketCharge::Rejected { empty_at })) => {
                let full = empty_at.unwrap_or_else(|| bucket.now + bucket.capacity);
                // Earlier charges remain to be reported; the current one is dropped.
                let known = self.ledger.update(user, bucket.now, |account| {
                    account.unreported += total - current;
                    account.empty_at = account.empty_at.max(full);
                });
                Err(bucket.refusal(known, current))
            }
            failed => {
                let error = failed.ok().and_then(Result::err);
                let error = error.as_ref().and_then(Error::causes);
                tracing::warn!(error, "work could not be reported");
                let known = self.ledger.update(user, bucket.now, |account| {
                    account.empty_at = account.empty_at.max(bucket.now).saturating_add(total);
                });
                if bucket.level(known) > bucket.capacity { Err(bucket.refusal(known, 0)) } else { Ok(known) }
            }
        }
    }

    /// Takes a charge back with the next report.
    fn refund(&self, user: UserId, work: u32, now: Timestamp) {
        let bucket = WorkBucket::of(self.limits.work, now);
        self.ledger.update(user, bucket.now, |account| account.unreported -= bucket.drain_time(work));
    }

    async fn count_operation(&self, owner: WorkOwner, counter: Counter, now: Timestamp) -> Result<()> {
        let limit = self.limits.act;
        let key = match counter {
            Counter::Act => format!("act#{}", owner.user),
            Counter::Receipt => format!("mark#{}", owner.user),
            Counter::Ending => format!("ending#{}", owner.session),
            Counter::None | Counter::Row | Counter::Separate => return Ok(()),
        };
        self.count_fail_open(&key, limit, now).await.map(drop)
    }

    /// Leases the user's catch-up, waiting briefly while another socket holds it. Without DynamoDB there is no lease.
    pub async fn lease_catch_up(&self, user: UserId, now: Timestamp) -> Result<Option<CatchUpLease>> {
        let lease = CatchUpLease { key: format!("catch_up#{user}"), holder: secrets::random_token()? };
        let begun = tokio::time::Instant::now();
        loop {
            let at = Timestamp(now.0 + i64::try_from(begun.elapsed().as_millis()).unwrap_or_default());
            match self.ephemeral.acquire_lease(&lease.key, &lease.holder, Timestamp(at.0 + LEASE_MS), at).await {
                Ok(true) => return Ok(Some(lease)),
                Ok(false) if begun.elapsed() < LEASE_WAIT => {
                    tokio::time::sleep(LEASE_POLL_INTERVAL.mul_f64(0.5 + fastrand::f64())).await;
                }
                Ok(false) => return Err(Error::TooMany { retry_after: 1, policy: None }),
                Err(error) => {
                    tracing::warn!(error = error.causes(), "a catch-up runs without its lease");
                    return Ok(None);
                }
            }
        }
    }

    /// Releases the lease. A lease that cannot be released expires.
    pub async fn release_catch_up(&self, lease: Option<CatchUpLease>) {
        let Some(lease) = lease else { return };
        if let Err(error) = self.ephemeral.release_lease(&lease.key, &lease.holder).await {
            tracing::warn!(error = error.causes(), "the lease of a catch-up was not released");
        }
    }
}
