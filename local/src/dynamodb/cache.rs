//! Items as ready JSON, so that reading the same ones again costs neither `SQLite` nor formatting. It is coherent: a write makes what it may change
//! unknown from its beginning to its end, and what was read before or meanwhile is not kept.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

/// Items of one table, beyond which all of them are forgotten.
const MAX_ITEMS: usize = 100_000;

#[derive(Debug, Default)]
pub(super) struct Cache(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    tables: HashMap<String, Table>,
    /// Writes that may change every table.
    writes: Writes,
}

#[derive(Debug, Default)]
struct Table {
    /// By the JSON of the key.
    items: HashMap<String, Lookup>,
    writes: Writes,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Writes {
    running: u32,
    ended: u64,
}

/// What is known of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Lookup {
    Unknown,
    /// There is no item.
    Absent,
    Item(Bytes),
}

/// What a write may change.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Scope {
    Item { table: String, key: String },
    Table(String),
    Everything,
}

/// The state at the beginning of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    table: Writes,
    all: Writes,
}

/// A running write; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Write {
    cache: Arc<Cache>,
    scope: Scope,
}

impl Cache {
    /// Looks keys up. The state lets `keep` decide whether what was read afterwards is still true.
    pub(super) fn look_up<'a>(&self, table: &str, keys: impl Iterator<Item = &'a str>) -> (Vec<Lookup>, Reading) {
        let inner = self.lock();
        let found = inner.tables.get(table);
        let item = |key: &str| found.and_then(|table| table.items.get(key)).cloned().unwrap_or(Lookup::Unknown);
        let reading = Reading { table: found.map(|table| table.writes).unwrap_or_default(), all: inner.writes };
        (keys.map(item).collect(), reading)
    }

    /// Keeps items that were read, unless a write ran meanwhile.
    pub(super) fn keep(&self, name: &str, reading: Reading, items: impl Iterator<Item = (String, Lookup)>) {
        let mut inner = self.lock();
        let all = inner.writes;
        let table = inner.tables.entry(name.to_owned()).or_default();
        let is_quiet = table.writes.running == 0 && all.running == 0;
        if !is_quiet || reading != (Reading { table: table.writes, all }) {
            return;
        }
        if table.items.len() > MAX_ITEMS {
            table.items = HashMap::new();
        }
        table.items.extend(items);
    }

    /// Begins a write.
    pub(super) fn write(self: &Arc<Self>, scope: Scope) -> Write {
        self.lock().change(&scope, |writes| writes.running += 1);
        Write { cache: Arc::clone(self), scope }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Forgets what the scope covers and counts a write of it.
    fn change(&mut self, scope: &Scope, count: impl FnOnce(&mut Writes)) {
        match scope {
            Scope::Item { table, key } => {
                let table = self.tables.entry(table.clone()).or_default();
                table.items.remove(key);
                count(&mut table.writes);
            }
            Scope::Table(table) => {
                let table = self.tables.entry(table.clone()).or_default();
                table.items = HashMap::new();
                count(&mut table.writes);
            }
            Scope::Everything => {
                for table in self.tables.values_mut() {
                    table.items = HashMap::new();
                }
                count(&mut self.writes);
            }
        }
    }
}

impl Drop for Write {
    fn drop(&mut self) {
        self.cache.lock().change(&self.scope, |writes| {
            writes.running -= 1;
            writes.ended += 1;
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(cache: &Cache, table: &str, key: &str) -> Lookup {
        cache.look_up(table, [key].into_iter()).0.remove(0)
    }

    fn reading(cache: &Cache, table: &str) -> Reading {
        cache.look_up(table, std::iter::empty()).1
    }

    fn keep(cache: &Cache, reading: Reading, key: &str) {
        cache.keep("T", reading, [(key.to_owned(), Lookup::Item(Bytes::from_static(b"{}")))].into_iter());
    }

    fn one(key: &str) -> Scope {
        Scope::Item { table: "T".into(), key: key.into() }
    }

    #[test]
    fn a_write_makes_its_scope_unknown_and_nothing_else() {
        let cache = Arc::new(Cache::default());
        for (scope, left) in [(one("a"), true), (Scope::Table("T".into()), false), (Scope::Everything, false)] {
            for key in ["a", "b"] {
                keep(&cache, reading(&cache, "T"), key);
                assert_ne!(known(&cache, "T", key), Lookup::Unknown);
            }
            drop(cache.write(scope));
            assert_eq!(known(&cache, "T", "a"), Lookup::Unknown);
            assert_eq!(known(&cache, "T", "b") != Lookup::Unknown, left);
        }
        keep(&cache, reading(&cache, "T"), "a");
        drop(cache.write(Scope::Table("Other".into())));
        assert_ne!(known(&cache, "T", "a"), Lookup::Unknown);
        assert_eq!(known(&cache, "Other", "a"), Lookup::Unknown);
    }

    #[test]
    fn what_was_read_beside_a_write_is_not_kept() {
        for scope in [|| one("a"), || one("b"), || Scope::Table("T".into()), || Scope::Everything] {
            let cache = Arc::new(Cache::default());
            let before = reading(&cache, "T");
            let write = cache.write(scope());
            let meanwhile = reading(&cache, "T");
            keep(&cache, before, "a");
            keep(&cache, meanwhile, "a");
            let other = cache.write(scope());
            drop(write);
            keep(&cache, reading(&cache, "T"), "a");
            drop(other);
            for reading in [before, meanwhile] {
                keep(&cache, reading, "a");
            }
            assert_eq!(known(&cache, "T", "a"), Lookup::Unknown, "{:?}", scope());
            keep(&cache, reading(&cache, "T"), "a");
            assert_ne!(known(&cache, "T", "a"), Lookup::Unknown, "{:?}", scope());
        }
    }
}
