//! The dice: each kind of fault, and within it each function or socket, has a row of its own, so that what happens elsewhere does not change it.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, PoisonError},
};

/// Rows of rolls, made from one seed.
#[derive(Debug, Default)]
pub(super) struct Dice {
    seed: u64,
    rolled: Mutex<HashMap<(&'static str, String), u64>>,
    hits: Mutex<BTreeMap<&'static str, u64>>,
}

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }

    /// Whether it happens this time, to whom the row belongs.
    pub(super) fn roll(&self, kind: &'static str, whose: &str, rate: f64) -> bool {
        let number = self.count(kind, whose);
        let hit = rate > 0.0 && value(self.seed, kind, whose, number) < rate;
        if hit {
            self.hit(kind);
        }
        hit
    }

    /// The number of this roll in its row, from 1.
    pub(super) fn count(&self, kind: &'static str, whose: &str) -> u64 {
        let mut rolled = self.rolled.lock().unwrap_or_else(PoisonError::into_inner);
        let number = rolled.entry((kind, whose.to_owned())).or_default();
        *number += 1;
        *number
    }

    /// Notes that it happened.
    pub(super) fn hit(&self, kind: &'static str) {
        *self.hits.lock().unwrap_or_else(PoisonError::into_inner).entry(kind).or_default() += 1;
    }

    pub(super) fn hits(&self) -> BTreeMap<&'static str, u64> {
        self.hits.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The roll with this number, from 0 to below 1, the same on every machine.
fn value(seed: u64, kind: &str, whose: &str, number: u64) -> f64 {
    // FNV-1a names the row; the generator mixes it.
    let name = format!("{seed}/{kind}/{whose}/{number}");
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let mut generator = fastrand::Rng::with_seed(hash);
    // Seeds that lie near each other begin alike.
    generator.u64(..);
    generator.f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(dice: &Dice, whose: &str) -> Vec<bool> {
        (0..64).map(|_| dice.roll("push.lose", whose, 0.5)).collect()
    }

    #[test]
    fn a_seed_gives_the_same_row_whatever_else_is_rolled() {
        let (quiet, busy) = (Dice::new(7), Dice::new(7));
        let alone = row(&quiet, "1");
        for _ in 0..5 {
            row(&busy, "2");
            busy.roll("gone", "1", 0.3);
        }
        assert_eq!(row(&busy, "1"), alone);
        assert_ne!(row(&Dice::new(8), "1"), alone);
        assert_ne!(row(&quiet, "2"), alone);
    }

    #[test]
    fn a_rate_is_kept_and_its_ends_are_certain() {
        let dice = Dice::new(1);
        let hits = (0..10_000).filter(|_| dice.roll("gone", "x", 0.3)).count();
        assert!((2_800..3_200).contains(&hits), "{hits}");
        assert_eq!(dice.hits(), [("gone", hits as u64)].into());
        assert!((0..1000).all(|_| dice.roll("always", "x", 1.0) && !dice.roll("never", "x", 0.0)));
    }
}
