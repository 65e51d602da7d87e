//! Read markers. They only rise, and an update locks only the reader's own row, so readers never block senders.

use sqlx::MySqlConnection;

use crate::error::Result;
use crate::id::{RoomId, Seq, UserId};
use crate::protocol::people::User;
use crate::protocol::receipts::RoomUnread;
use crate::store::members::{Membership, Readable};
use crate::store::rows::markers::query_with_markers;
use crate::store::rows::user::user_of;
use crate::store::unread::{self, UnreadRange};
use crate::time::Timestamp;

/// A recipient of a message.
#[derive(Clone, Debug)]
pub struct Reader {
    pub user: User,
    /// Earliest known time of reading; none while unread.
    pub read_at: Option<Timestamp>,
    /// Time of the latest delivery to one of their devices.
    pub delivered_at: Option<Timestamp>,
}

/// Marks everything up to `seq` as read: inserts one receipt, then raises the markers. The caller skips what is already read.
pub async fn mark_read(connection: &mut MySqlConnection, member: &Membership, seq: Seq, now: Timestamp) -> Result<()> {
    // The receipt precedes the marker: a retry after a failure in between finds the old marker and writes the same row again.
    sqlx::query!(
        r#"
        insert into receipts (room_id, user_id, to_seq, from_seq, read_at)
        values (?, ?, ?, ?, ?)
        on duplicate key update from_seq = least(from_seq, values(from_seq)), read_at = least(read_at, values(read_at))
        "#,
        member.room().0,
        member.user().0,
        seq.0,
        member.read_seq.next().0,
        now.0,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        r#"
        update members
        set delivered_at = if(delivered_seq < ?, ?, delivered_at), delivered_seq = greatest(delivered_seq, ?),
            read_at = if(read_seq < ?, ?, read_at), read_seq = greatest(read_seq, ?)
        where room_id = ? and user_id = ? and state = 'joined'
        "#,
        seq.0,
        now.0,
        seq.0,
        seq.0,
        now.0,
        seq.0,
        member.room().0,
        member.user().0,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Marks everything up to `seq` as delivered.
pub async fn mark_delivered(connection: &mut MySqlConnection, member: &Membership, seq: Seq, now: Timestamp) -> Result<()> {
    sqlx::query!(
        r#"
        update members
        set delivered_at = ?, delivered_seq = ?
        where room_id = ? and user_id = ? and state = 'joined' and delivered_seq < ?
        "#,
        now.0,
        seq.0,
        member.room().0,
        member.user().0,
        seq.0,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Counts the messages after `seq` that are not unread.
pub async fn uncounted_after(connection: &mut MySqlConnection, room: &Readable, seq: Seq) -> Result<u64> {
    let range = UnreadRange {
        room: room.room(),
        after: seq,
        has_uncounted: true,
        counts_system_messages: room.settings.count_system_messages,
    };
    let parts = unread::count(connection, room.user(), &[range]).await?;
    Ok(parts.get(&room.room()).map_or(0, |parts| parts.uncounted))
}

/// Returns the members that received a message, except its sender, as far as the reader sees their markers. Rows ∝ members.
///
/// A member who joined after the message has read it only if a receipt from an earlier membership covers it. For one who was present, the first
/// receipt that reaches the message gives the time; if they read on by writing, the time their marker last rose.
pub async fn readers(connection: &mut MySqlConnection, room: &Readable, seq: Seq) -> Result<Vec<Reader>> {
    let rows = query_with_markers!(
        r#"
        select m.read_seq >= ? as "is_read!: bool", m.joined_seq < ? as "was_there!: bool", m.read_at, m.delivered_at,
               (select x.read_at from receipts x
                where x.room_id = m.room_id and x.user_id = m.user_id and x.to_seq >= ? order by x.to_seq limit 1) as act_at,
               (select x.from_seq from receipts x
                where x.room_id = m.room_id and x.user_id = m.user_id and x.to_seq >= ? order by x.to_seq limit 1) as act_from,
        "#,
        [seq.0, seq.0, seq.0, seq.0],
        room,
        r#"
        from messages g
        join members m on m.room_id = g.room_id and m.state = 'joined' and m.delivered_seq >= g.seq
        join users u on u.id = m.user_id
        where g.room_id = ? and g.seq = ? and m.user_id <> coalesce(g.sender_id, 0)
        order by m.user_id
        "#,
        [room.room().0, seq.0]
    )
    .fetch_all(connection)
    .await?;
    let covers = |from: Option<u64>| from.is_some_and(|from| Seq(from) <= seq);
    Ok(rows
        .into_iter()
        .filter(|row| row.shows && (row.was_there || covers(row.act_from)))
        .map(|row| Reader {
            read_at: row.act_at.filter(|_| row.is_read).or(row.read_at.filter(|_| row.is_read)).map(Timestamp),
            delivered_at: row.delivered_at.map(Timestamp),
            user: user_of!(row),
        })
        .collect())
}

/// Returns unread counts for each of a user's rooms that has any: one statement, rows ∝ rooms, and a second one for mentions and what does not count
/// when anything is unread.
pub async fn unread(connection: &mut MySqlConnection, user: UserId) -> Result<Vec<RoomUnread>> {
    let rows = sqlx::query!(
        r#"
        select r.id, r.last_seq, m.read_seq, r.count_system_messages as "count_system_messages: bool",
               r.last_uncounted_seq > m.read_seq as "has_uncounted!: bool"
        from members m
        join rooms r on r.id = m.room_id
        where m.user_id = ? and m.state = 'joined' and (m.closed_seq is null or m.closed_seq < r.last_seq)
          and r.deleted_at is null and r.last_seq > m.read_seq
        order by greatest(r.active_at, m.joined_at) desc, r.id desc
        "#,
        user.0,
    )
    .fetch_all(&mut *connection)
    .await?;
    let ranges = rows.iter().map(|row| UnreadRange {
        room: RoomId(row.id),
        after: Seq(row.read_seq),
        has_uncounted: row.has_uncounted,
        counts_system_messages: row.count_system_messages,
    });
    let parts = unread::count(connection, user, &ranges.collect::<Vec<_>>()).await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let parts = parts.get(&RoomId(row.id)).copied().unwrap_or_default();
            RoomUnread {
                room_id: RoomId(row.id),
                unread: (row.last_seq - row.read_seq).saturating_sub(parts.uncounted),
                mentions: parts.mentions,
            }
        })
        .filter(|room| room.unread > 0)
        .collect())
}
