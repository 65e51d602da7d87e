//! How the caller of an invocation stands to the limits that they met on their way, for whoever answers them; and what people owe an instance whose
//! work for them was more than had been charged.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::error::Rate;
use crate::id::UserId;

/// People of whom an instance remembers what they owe.
const MOST_DEBTORS: usize = 10_000;

thread_local! {
    /// Of this thread, as what is cut off: every function runs on one, and tests, which do not, read nothing of each other's.
    static COUNTED: Cell<Option<Rate>> = const { Cell::new(None) };
    static WORKED: Cell<Option<Rate>> = const { Cell::new(None) };
}

static OWED: Mutex<BTreeMap<UserId, u64>> = Mutex::new(BTreeMap::new());

/// An invocation begins: nothing is known of who asks.
pub(super) fn begin() {
    COUNTED.set(None);
    WORKED.set(None);
}

/// How the caller stands to the limit that what they do is counted against.
pub fn counted(rate: Rate) {
    COUNTED.set(Some(rate));
}

/// How the caller stands to the limit of their work, told where there is no nearer one.
pub fn worked(rate: Rate) {
    WORKED.set(Some(rate));
}

/// How the caller stands, if anything was counted.
pub fn told() -> Option<Rate> {
    COUNTED.get().or_else(|| WORKED.get())
}

/// A person's invocation cost so much more than was charged for it.
pub fn owes(user: UserId, work: u64) {
    let mut all = OWED.lock().unwrap_or_else(PoisonError::into_inner);
    if all.len() >= MOST_DEBTORS {
        all.clear();
    }
    *all.entry(user).or_default() += work;
}

/// What a person owes; it is theirs to pay once.
pub fn owed(user: UserId) -> u32 {
    let owed = OWED.lock().unwrap_or_else(PoisonError::into_inner).remove(&user);
    u32::try_from(owed.unwrap_or_default()).unwrap_or(u32::MAX)
}
