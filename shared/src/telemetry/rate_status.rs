//! The rate-limit status of the current caller, for the response headers; and the work debt of users whose invocations cost more than their advance
//! charge.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::error::RateStatus;
use crate::id::UserId;

/// Maximum number of users with a recorded debt per instance.
const MOST_DEBTORS: usize = 10_000;

thread_local! {
    /// Thread-local: a function runs on one thread, and parallel tests stay independent.
    static COUNTED: Cell<Option<RateStatus>> = const { Cell::new(None) };
    static WORKED: Cell<Option<RateStatus>> = const { Cell::new(None) };
}

static OWED: Mutex<BTreeMap<UserId, u64>> = Mutex::new(BTreeMap::new());

/// Resets the status at the start of an invocation.
pub(super) fn begin() {
    COUNTED.set(None);
    WORKED.set(None);
}

/// Records the status of the limit for the caller's action.
pub fn record_limit(rate: RateStatus) {
    COUNTED.set(Some(rate));
}

/// Records the status of the work budget, which is reported when no other limit applies.
pub fn record_work(rate: RateStatus) {
    WORKED.set(Some(rate));
}

/// Returns the status to report.
pub fn current() -> Option<RateStatus> {
    COUNTED.get().or_else(|| WORKED.get())
}

/// Adds to a user's debt.
pub fn add_debt(user: UserId, work: u64) {
    let mut all = OWED.lock().unwrap_or_else(PoisonError::into_inner);
    if all.len() >= MOST_DEBTORS {
        all.clear();
    }
    *all.entry(user).or_default() += work;
}

/// Takes a user's debt.
pub fn take_debt(user: UserId) -> u32 {
    let owed = OWED.lock().unwrap_or_else(PoisonError::into_inner).remove(&user);
    u32::try_from(owed.unwrap_or_default()).unwrap_or(u32::MAX)
}
