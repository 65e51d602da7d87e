//! What is unread, beside the distance of the read marker from the last message: mentions, and positions that do not count.

use std::collections::BTreeMap;

use sqlx::MySqlConnection;

use crate::error::Result;
use crate::id::{RoomId, Seq, UserId};
use crate::store::inline_sql::fetch_generated;

/// Most rooms of one statement, which has up to three selects for each: the longest page of a list, and the room that tells whether more follow.
const MAX_ROOMS: usize = 101;

/// The unread messages of one room.
#[derive(Clone, Copy, Debug)]
pub(super) struct UnreadRange {
    pub(super) room: RoomId,
    /// The reader's marker.
    pub(super) after: Seq,
    /// Whether some of the messages are unsent, or may be of the system.
    pub(super) has_uncounted: bool,
    pub(super) counts_system_messages: bool,
}

/// Counts within the unread messages of one room.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct UnreadParts {
    /// Messages that mention the reader.
    pub(super) mentions: u64,
    /// Messages that are not unread: unsent, hidden by the reader, or of the system.
    pub(super) uncounted: u64,
}

/// Counts the parts for each room that has any, in one statement for 101 rooms. Mentions omit messages across a present block and hidden ones. Runs no
/// statement for an empty list.
pub(super) async fn count(
    connection: &mut MySqlConnection,
    user: UserId,
    ranges: &[UnreadRange],
) -> Result<BTreeMap<RoomId, UnreadParts>> {
    let mut parts = BTreeMap::<_, UnreadParts>::new();
    for ranges in ranges.chunks(MAX_ROOMS) {
        let selects: Vec<_> = ranges.iter().flat_map(|range| selects(user, range)).collect();
        let found: Vec<(i64, u64, i64)> = fetch_generated(selects.join(" union all "), connection).await?;
        for (part, room, count) in found {
            let parts = parts.entry(RoomId(room)).or_default();
            let count = count.unsigned_abs();
            if part == 0 { parts.mentions += count } else { parts.uncounted += count }
        }
    }
    Ok(parts)
}

/// The selects of one room: each is one range of an index. Conditions on several rooms in one select are compared with every row, one after the other.
fn selects(user: UserId, range: &UnreadRange) -> Vec<String> {
    let UnreadRange { room, after: Seq(after), has_uncounted, counts_system_messages } = range;
    let (of_members, traces) = if *counts_system_messages { ("", "2") } else { (" and g.kind <> 'system'", "1, 2") };
    let mentions = format!(
        "select cast(0 as signed), cast({room} as unsigned), count(*) from mentions x force index (primary) \
         where x.user_id = {user} and x.room_id = {room} and x.seq > {after} \
         and not exists (select 1 from messages g where g.room_id = x.room_id and g.seq = x.seq and (\
         exists (select 1 from blocks b where b.user_id = x.user_id and b.blocked_id = g.sender_id) or \
         exists (select 1 from blocks b where b.user_id = g.sender_id and b.blocked_id = x.user_id))) \
         and not exists (select 1 from hidden_messages h where h.user_id = x.user_id and h.room_id = x.room_id and h.seq = x.seq)"
    );
    let hidden = format!(
        "select cast(1 as signed), cast({room} as unsigned), count(*) from hidden_messages h force index (primary) \
         join messages g on g.room_id = h.room_id and g.seq = h.seq \
         where h.user_id = {user} and h.room_id = {room} and h.seq > {after} and g.deleted_at is null{of_members}"
    );
    let mut selects = vec![mentions, hidden];
    if *has_uncounted {
        selects.push(format!(
            "select cast(1 as signed), cast({room} as unsigned), count(*) from messages y force index (messages_trace) \
             where y.room_id = {room} and y.trace in ({traces}) and y.seq > {after}"
        ));
    }
    selects
}
