//! Seeded randomness for faults. Each kind of fault and each function or socket has an independent sequence, so events elsewhere do not change it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

/// Independent random sequences derived from one seed.
#[derive(Debug, Default)]
pub(super) struct FaultRng {
    seed: u64,
    rolled: Mutex<HashMap<(&'static str, String), u64>>,
    counts: Mutex<BTreeMap<&'static str, u64>>,
}

impl FaultRng {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }

    /// Whether the fault happens this time in the sequence of `key`.
    pub(super) fn draw(&self, kind: &'static str, key: &str, rate: f64) -> bool {
        let number = self.next_number(kind, key);
        let hit = rate > 0.0 && value(self.seed, kind, key, number) < rate;
        if hit {
            self.record(kind);
        }
        hit
    }

    /// The number of this draw in its sequence, from 1.
    pub(super) fn next_number(&self, kind: &'static str, key: &str) -> u64 {
        let mut rolled = self.rolled.lock().unwrap_or_else(PoisonError::into_inner);
        let number = rolled.entry((kind, key.to_owned())).or_default();
        *number += 1;
        *number
    }

    /// Records that the fault happened.
    pub(super) fn record(&self, kind: &'static str) {
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner).entry(kind).or_default() += 1;
    }

    pub(super) fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A number in [0, 1) that depends only on the arguments, the same on every machine.
fn value(seed: u64, kind: &str, key: &str, number: u64) -> f64 {
    // FNV-1a hashes the name; the generator mixes it.
    let name = format!("{seed}/{kind}/{key}/{number}");
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let mut generator = fastrand::Rng::with_seed(hash);
    // Discard the first value: nearby seeds start alike.
    generator.u64(..);
    generator.f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(rng: &FaultRng, key: &str) -> Vec<bool> {
        (0..64).map(|_| rng.draw("push.lose", key, 0.5)).collect()
    }

    #[test]
    fn a_seed_gives_the_same_row_whatever_else_is_rolled() {
        let (quiet, busy) = (FaultRng::new(7), FaultRng::new(7));
        let alone = row(&quiet, "1");
        for _ in 0..5 {
            row(&busy, "2");
            busy.draw("gone", "1", 0.3);
        }
        assert_eq!(row(&busy, "1"), alone);
        assert_ne!(row(&FaultRng::new(8), "1"), alone);
        assert_ne!(row(&quiet, "2"), alone);
    }

    #[test]
    fn a_rate_is_kept_and_its_ends_are_certain() {
        let rng = FaultRng::new(1);
        let hits = (0..10_000).filter(|_| rng.draw("gone", "x", 0.3)).count();
        assert!((2_800..3_200).contains(&hits), "{hits}");
        assert_eq!(rng.counts(), [("gone", hits as u64)].into());
        assert!((0..1000).all(|_| rng.draw("always", "x", 1.0) && !rng.draw("never", "x", 0.0)));
    }
}
