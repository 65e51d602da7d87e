//! Everything that is kept of a person, for that person. A function's answer has 6 MB, so it comes in parts; most people have one.

use serde::Serialize;

use crate::caller::Caller;
use crate::domain::paging::{cursor_of, place_in};
use crate::domain::sessions::ENDED;
use crate::error::{Error, Result};
use crate::protocol::export::Export;
use crate::store::export::{self as store, At, Rows};
use crate::store::{Db, Handle, users};

/// Bytes after which a part ends; one more row, of at most half a megabyte, may follow.
const MOST_BYTES: usize = 4_000_000;
/// Rows that are read at once. Texts may be long.
const ROWS: u32 = 500;
const TEXTS: u32 = 50;
/// How often one part reads; each time takes two statements at most.
const MOST_READS: u32 = 200;
/// Tables, in the order in which an export holds them. Those behind `PER_ROOM` are read one room after the other.
const TABLES: u8 = 14;
const PER_ROOM: u8 = 11;

/// A part of everything that is kept of the caller, from where the one before ended.
pub async fn export(db: &Db, caller: &Caller, cursor: Option<&str>) -> Result<Export> {
    let mut connection = db.acquire().await?;
    let mut part = Part { export: Export::default(), bytes: 0, reads: 0, table: 0, at: (0, 0, 0) };
    if let Some(cursor) = cursor {
        (part.table, part.at) = read(cursor)?;
    } else {
        let account = users::account(&mut connection, caller.user).await?.ok_or(Error::Unauthenticated(ENDED))?;
        part.export.account = Some(account.me);
    }
    while part.table < TABLES {
        if part.read_on(&mut connection, caller).await? {
            part.export.next = Some(text(part.table, part.at));
            break;
        }
        part.table += 1;
        part.at = (0, 0, 0);
    }
    Ok(part.export)
}

struct Part {
    export: Export,
    bytes: usize,
    reads: u32,
    table: u8,
    at: At,
}

impl Part {
    /// Reads the present table to its end. True when the part is full before.
    async fn read_on(&mut self, connection: &mut Handle, caller: &Caller) -> Result<bool> {
        loop {
            if self.reads == MOST_READS {
                return Ok(true);
            }
            self.reads += 1;
            if self.table >= PER_ROOM && self.at.0 == 0 && !self.next_room(connection, caller).await? {
                return Ok(false);
            }
            let Self { export, bytes, table, at, .. } = self;
            let (c, by) = (&mut *connection, caller);
            let wanted = if matches!(*table, 11 | 12) { TEXTS } else { ROWS };
            let (full, found) = match *table {
                0 => take(&mut export.sessions, store::sessions(c, by, *at, wanted).await?, at, bytes),
                1 => take(&mut export.rooms, store::rooms(c, by, *at, wanted).await?, at, bytes),
                2 => take(&mut export.friends, store::friends(c, by, *at, wanted).await?, at, bytes),
                3 => take(&mut export.blocks, store::blocks(c, by, *at, wanted).await?, at, bytes),
                4 => take(&mut export.reports, store::reports(c, by, *at, wanted).await?, at, bytes),
                5 => take(&mut export.invites, store::invites(c, by, *at, wanted).await?, at, bytes),
                6 => take(&mut export.uploads, store::uploads(c, by, *at, wanted).await?, at, bytes),
                7 => take(&mut export.hidden, store::hidden(c, by, *at, wanted).await?, at, bytes),
                8 => take(&mut export.reactions, store::reactions(c, by, *at, wanted).await?, at, bytes),
                9 => take(&mut export.subscriptions, store::subscriptions(c, by, *at, wanted).await?, at, bytes),
                10 => take(&mut export.invitations, store::invitations(c, by, *at, wanted).await?, at, bytes),
                11 => take(&mut export.messages, store::messages(c, by, *at, wanted).await?, at, bytes),
                12 => take(&mut export.edits, store::edits(c, by, *at, wanted).await?, at, bytes),
                _ => take(&mut export.receipts, store::receipts(c, by, *at, wanted).await?, at, bytes),
            };
            if full {
                return Ok(true);
            }
            let ended = found < wanted as usize;
            if ended && (self.table < PER_ROOM || !self.next_room(connection, caller).await?) {
                return Ok(false);
            }
        }
    }

    async fn next_room(&mut self, connection: &mut Handle, caller: &Caller) -> Result<bool> {
        let next = store::room_after(connection, caller, self.at.0).await?;
        self.at = (next.unwrap_or_default(), 0, 0);
        Ok(next.is_some())
    }
}

/// Adds rows until the part is full: whether it is, and how many rows there were.
fn take<T: Serialize>(list: &mut Vec<T>, rows: Rows<T>, at: &mut At, bytes: &mut usize) -> (bool, usize) {
    let found = rows.len();
    for (place, row) in rows {
        *bytes += serde_json::to_vec(&row).map_or(0, |text| text.len() + 1);
        *at = place;
        list.push(row);
        if *bytes >= MOST_BYTES {
            return (true, found);
        }
    }
    (false, found)
}

fn text(table: u8, (a, b, c): At) -> String {
    cursor_of(&format!("{table}.{a}.{b}.{c}"))
}

fn read(cursor: &str) -> Result<(u8, At)> {
    place_in(cursor, |text| {
        let mut parts = text.split('.');
        let table = parts.next()?.parse().ok().filter(|table| *table < TABLES)?;
        let mut number = || parts.next()?.parse().ok();
        let at = (number()?, number()?, number()?);
        parts.next().is_none().then_some((table, at))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_its_own_text() {
        assert_eq!(read(&text(9, (7, 8, 9))).ok(), Some((9, (7, 8, 9))));
        for wrong in ["", "14.0.0.0", "1.2.3", "1.2.3.4.5", "x.0.0.0", "1.-1.0.0"] {
            assert!(matches!(read(&cursor_of(wrong)), Err(Error::Invalid(_))), "{wrong}");
        }
        assert!(read("no cursor!").is_err());
    }

    #[test]
    fn a_part_ends_after_four_megabytes() {
        let rows = (1..=100_u64).map(|n| ((n, 0, 0), "x".repeat(65_535))).collect();
        let (mut list, mut at, mut bytes) = (Vec::<String>::new(), (0, 0, 0), 0);
        assert_eq!(take(&mut list, rows, &mut at, &mut bytes), (true, 100));
        assert_eq!((list.len(), at), (62, (62, 0, 0)));
    }
}
