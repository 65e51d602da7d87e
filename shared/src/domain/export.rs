//! Export of everything stored about a user. A Lambda response holds 6 MB, so the export has parts; most users get one.

use serde::Serialize;

use crate::caller::Caller;
use crate::domain::auth::sessions::ENDED;
use crate::domain::paging::{decode_cursor, encode_cursor};
use crate::error::{Error, Result};
use crate::protocol::export::Export;
use crate::store::export::{self as store, KeyedRows, RowKey};
use crate::store::{Db, Handle, users};

/// Bytes after which a part ends. One more row, of half a megabyte at most, may follow.
const MAX_BYTES: usize = 4_000_000;
/// Rows per statement, fewer for tables with long texts.
const ROWS_PER_READ: u32 = 500;
const TEXTS_PER_READ: u32 = 50;
/// Reads per part, of two statements each at most.
const MAX_READS: u32 = 200;
/// Number of tables, in export order. Tables from `PER_ROOM` on are read room by room.
const TABLES: u8 = 14;
const PER_ROOM: u8 = 11;

/// Returns the next part of the caller's export.
pub async fn export(db: &Db, caller: &Caller, cursor: Option<&str>) -> Result<Export> {
    let mut connection = db.acquire().await?;
    let mut part = ExportBuilder { export: Export::default(), bytes: 0, reads: 0, table: 0, at: (0, 0, 0) };
    if let Some(cursor) = cursor {
        (part.table, part.at) = decode_position(cursor)?;
    } else {
        let account = users::account(&mut connection, caller.user).await?.ok_or(Error::Unauthenticated(ENDED))?;
        part.export.account = Some(account.me);
    }
    while part.table < TABLES {
        if part.read_on(&mut connection, caller).await? {
            part.export.next = Some(encode_position(part.table, part.at));
            break;
        }
        part.table += 1;
        part.at = (0, 0, 0);
    }
    Ok(part.export)
}

struct ExportBuilder {
    export: Export,
    bytes: usize,
    reads: u32,
    table: u8,
    at: RowKey,
}

impl ExportBuilder {
    /// Reads the current table to its end. Returns true when the part is full before that.
    async fn read_on(&mut self, connection: &mut Handle, caller: &Caller) -> Result<bool> {
        loop {
            if self.reads == MAX_READS {
                return Ok(true);
            }
            self.reads += 1;
            if self.table >= PER_ROOM && self.at.0 == 0 && !self.next_room(connection, caller).await? {
                return Ok(false);
            }
            let Self { export, bytes, table, at, .. } = self;
            let (c, by) = (&mut *connection, caller);
            let wanted = if matches!(*table, 11 | 12) { TEXTS_PER_READ } else { ROWS_PER_READ };
            let (full, found) = match *table {
                0 => append(&mut export.sessions, store::sessions(c, by, *at, wanted).await?, at, bytes),
                1 => append(&mut export.rooms, store::rooms(c, by, *at, wanted).await?, at, bytes),
                2 => append(&mut export.friends, store::friends(c, by, *at, wanted).await?, at, bytes),
                3 => append(&mut export.blocks, store::blocks(c, by, *at, wanted).await?, at, bytes),
                4 => append(&mut export.reports, store::reports(c, by, *at, wanted).await?, at, bytes),
                5 => append(&mut export.invites, store::invites(c, by, *at, wanted).await?, at, bytes),
                6 => append(&mut export.uploads, store::uploads(c, by, *at, wanted).await?, at, bytes),
                7 => append(&mut export.hidden, store::hidden(c, by, *at, wanted).await?, at, bytes),
                8 => append(&mut export.reactions, store::reactions(c, by, *at, wanted).await?, at, bytes),
                9 => append(&mut export.subscriptions, store::subscriptions(c, by, *at, wanted).await?, at, bytes),
                10 => append(&mut export.invitations, store::invitations(c, by, *at, wanted).await?, at, bytes),
                11 => append(&mut export.messages, store::messages(c, by, *at, wanted).await?, at, bytes),
                12 => append(&mut export.edits, store::edits(c, by, *at, wanted).await?, at, bytes),
                _ => append(&mut export.receipts, store::receipts(c, by, *at, wanted).await?, at, bytes),
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

/// Appends rows until the part is full. Returns whether it is full, and the number of rows read.
fn append<T: Serialize>(list: &mut Vec<T>, rows: KeyedRows<T>, at: &mut RowKey, bytes: &mut usize) -> (bool, usize) {
    let found = rows.len();
    for (place, row) in rows {
        *bytes += serde_json::to_vec(&row).map_or(0, |text| text.len() + 1);
        *at = place;
        list.push(row);
        if *bytes >= MAX_BYTES {
            return (true, found);
        }
    }
    (false, found)
}

fn encode_position(table: u8, (a, b, c): RowKey) -> String {
    encode_cursor(&format!("{table}.{a}.{b}.{c}"))
}

fn decode_position(cursor: &str) -> Result<(u8, RowKey)> {
    decode_cursor(cursor, |text| {
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
        assert_eq!(decode_position(&encode_position(9, (7, 8, 9))).ok(), Some((9, (7, 8, 9))));
        for wrong in ["", "14.0.0.0", "1.2.3", "1.2.3.4.5", "x.0.0.0", "1.-1.0.0"] {
            assert!(matches!(decode_position(&encode_cursor(wrong)), Err(Error::Invalid(_))), "{wrong}");
        }
        assert!(decode_position("no cursor!").is_err());
    }

    #[test]
    fn a_part_ends_after_four_megabytes() {
        let rows = (1..=100_u64).map(|n| ((n, 0, 0), "x".repeat(65_535))).collect();
        let (mut list, mut at, mut bytes) = (Vec::<String>::new(), (0, 0, 0), 0);
        assert_eq!(append(&mut list, rows, &mut at, &mut bytes), (true, 100));
        assert_eq!((list.len(), at), (62, (62, 0, 0)));
    }
}
