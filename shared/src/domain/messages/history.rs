//! History: ranges of a room's messages, ascending.

use crate::caller::Caller;
use crate::domain::auth::sessions::RoomReader;
use crate::domain::paging::page_size;
use crate::domain::rooms;
use crate::error::Result;
use crate::id::{RoomRef, Seq};
use crate::protocol::messages::{History, Message};
use crate::protocol::page::MAX_LIMIT;
use crate::store::members::{self, Access, Readable};
use crate::store::{Db, messages as store};

/// Maximum bytes of messages per response, below Lambda's limit of 6 MB.
const MAX_RESPONSE_BYTES: usize = 4_000_000;
/// A normal page with less text than this is not measured.
const UNMEASURED_BYTES: usize = 500_000;

/// The part of a room's history to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HistoryRange {
    Newest,
    /// The newest messages before a seq.
    Before(Seq),
    /// The oldest messages after a seq.
    After(Seq),
    Around(Seq),
}

/// Reads a range of history, ascending. Seqs have no gaps, so a page is a range of seqs.
pub async fn history(db: &Db, caller: &Caller, room: &RoomRef, range: HistoryRange, limit: Option<u32>) -> Result<History> {
    history_up_to(db, caller, room, range, page_size(limit)?).await
}

/// The same with a free limit, for the legacy route with larger pages.
pub async fn history_up_to(db: &Db, caller: &Caller, room: &RoomRef, range: HistoryRange, limit: u32) -> Result<History> {
    let access = members::find_access(&mut *db.acquire().await?, room, caller.user).await?;
    page(db, access, range, limit).await
}

/// Like [`history`], with the access that was read together with the session.
pub async fn history_in(db: &Db, reader: RoomReader, range: HistoryRange, limit: Option<u32>) -> Result<History> {
    page(db, reader.access, range, page_size(limit)?).await
}

async fn page(db: &Db, access: Option<Access>, range: HistoryRange, limit: u32) -> Result<History> {
    let readable = rooms::require_readable(access)?;
    let (mut first, mut last) = bounds(&readable, range, u64::from(limit));
    let mut items =
        if first > last { Vec::new() } else { store::range(&mut *db.acquire().await?, &readable, first, last).await? };
    if truncate_to_response(&mut items, range) {
        let ends = items.first().zip(items.last());
        (first, last) = ends.map_or((first, last), |(one, other)| (one.seq, other.seq));
    }
    // A page may be empty because all of its messages are hidden; more may follow.
    let next = match range {
        _ if first > last => None,
        HistoryRange::After(_) => (last < readable.visible_to_seq).then_some(last),
        _ => (first > readable.visible_from_seq).then_some(first),
    };
    let (last_seq, ascends) = (readable.visible_to_seq, matches!(range, HistoryRange::After(_)));
    Ok(History { items, next: next.map(|seq| seq.to_string()), last_seq, rev: readable.seen_rev(), ascends })
}

/// Drops messages that exceed the response size, at the end where the next page begins. Returns whether it dropped any.
fn truncate_to_response(items: &mut Vec<Message>, range: HistoryRange) -> bool {
    let texts: usize = items.iter().map(|message| message.content.len()).sum();
    if items.len() <= MAX_LIMIT as usize && texts < UNMEASURED_BYTES {
        return false;
    }
    let (all, mut bytes) = (items.len(), 0);
    let fits = |message: &&Message| {
        bytes += serde_json::to_vec(message).map_or(0, |text| text.len());
        bytes <= MAX_RESPONSE_BYTES
    };
    if matches!(range, HistoryRange::After(_)) {
        let some = items.iter().take_while(fits).count().max(1);
        items.truncate(some);
    } else {
        let some = items.iter().rev().take_while(fits).count().max(1);
        items.drain(..all.saturating_sub(some));
    }
    items.len() < all
}

/// Returns the first and last seq of a range; empty when first > last.
fn bounds(room: &Readable, range: HistoryRange, limit: u64) -> (Seq, Seq) {
    let (Seq(floor), Seq(newest)) = (room.visible_from_seq.max(Seq(1)), room.visible_to_seq);
    let (first, last) = match range {
        HistoryRange::Newest => ((newest + 1).saturating_sub(limit).max(floor), newest),
        HistoryRange::Before(Seq(seq)) => {
            let last = seq.saturating_sub(1).min(newest);
            ((last + 1).saturating_sub(limit).max(floor), last)
        }
        HistoryRange::After(Seq(seq)) => {
            let first = seq.saturating_add(1).max(floor);
            (first, first.saturating_add(limit - 1).min(newest))
        }
        HistoryRange::Around(Seq(seq)) => {
            let first = seq.min(newest).saturating_sub(limit / 2).max(floor);
            (first, first.saturating_add(limit - 1).min(newest))
        }
    };
    (Seq(first), Seq(last))
}
