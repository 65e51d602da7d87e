//! What is unread, beside the distance of the read marker from the last message: mentions, and positions that do not count.

use std::collections::BTreeMap;

use sqlx::{MySqlConnection, QueryBuilder};

use crate::error::Result;
use crate::id::{RoomId, Seq, UserId};

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

/// Counts the parts for each room that has any, in one statement: ranges of primary keys over mentions, over what the reader hid, and over the messages
/// of rooms that have uncounted ones. Mentions omit messages across a present block and hidden ones. Runs no statement for an empty list.
pub(super) async fn count(
    connection: &mut MySqlConnection,
    user: UserId,
    ranges: &[UnreadRange],
) -> Result<BTreeMap<RoomId, UnreadParts>> {
    let mut parts = BTreeMap::<_, UnreadParts>::new();
    if ranges.is_empty() {
        return Ok(parts);
    }
    let mut query = QueryBuilder::new("select 0, x.room_id, count(*) from mentions x force index (primary) where x.user_id = ");
    query.push_bind(user.0).push(" and (");
    for (index, range) in ranges.iter().enumerate() {
        query.push(if index == 0 { "(x.room_id = " } else { " or (x.room_id = " }).push_bind(range.room.0);
        query.push(" and x.seq > ").push_bind(range.after.0).push(")");
    }
    query.push(
        ") and not exists (select 1 from messages g where g.room_id = x.room_id and g.seq = x.seq and (\
         exists (select 1 from blocks b where b.user_id = x.user_id and b.blocked_id = g.sender_id) or \
         exists (select 1 from blocks b where b.user_id = g.sender_id and b.blocked_id = x.user_id))) \
         and not exists (select 1 from hidden_messages h where h.user_id = x.user_id and h.room_id = x.room_id and h.seq = x.seq) \
         group by x.room_id union all \
         select 1, h.room_id, count(*) from hidden_messages h force index (primary) \
         join messages g on g.room_id = h.room_id and g.seq = h.seq where g.deleted_at is null and h.user_id = ",
    );
    query.push_bind(user.0).push(" and (");
    for (index, range) in ranges.iter().enumerate() {
        query.push(if index == 0 { "(h.room_id = " } else { " or (h.room_id = " }).push_bind(range.room.0);
        query.push(" and h.seq > ").push_bind(range.after.0);
        query.push(if range.counts_system_messages { ")" } else { " and g.kind <> 'system')" });
    }
    query.push(") group by h.room_id");
    for (index, range) in ranges.iter().filter(|range| range.has_uncounted).enumerate() {
        query.push(if index == 0 {
            " union all select 1, y.room_id, count(*) from messages y force index (primary) where (y.room_id = "
        } else {
            " or (y.room_id = "
        });
        query.push_bind(range.room.0).push(" and y.seq > ").push_bind(range.after.0);
        query.push(if range.counts_system_messages {
            " and y.deleted_at is not null)"
        } else {
            " and (y.deleted_at is not null or y.kind = 'system'))"
        });
    }
    if ranges.iter().any(|range| range.has_uncounted) {
        query.push(" group by y.room_id");
    }
    let found: Vec<(i64, u64, i64)> = query.build_query_as().fetch_all(connection).await?;
    for (part, room, count) in found {
        let parts = parts.entry(RoomId(room)).or_default();
        let count = count.unsigned_abs();
        if part == 0 { parts.mentions += count } else { parts.uncounted += count }
    }
    Ok(parts)
}
