//! Visibility of read markers: the one rule for lists, `sync`, receipts and frames.
//!
//! Users see their own markers. Members see those of other members, except across a block. Anyone may join a public room, so there markers are visible
//! only to those who may see the user's presence.

use sqlx::MySqlConnection;

use crate::error::Result;
use crate::id::{Seq, UserId};
use crate::protocol::rooms::RoomKind;
use crate::store::members::Readable;
use crate::store::recipients::{RecipientRow, Recipients};

/// Columns of a `page` of members that [`shows_column`] reads: whether the reader sees markers at all, and whether the room is not public.
pub(super) fn page_columns(room: &Readable) -> String {
    let (member, closed) = (u8::from(room.member().is_some()), u8::from(room.kind != RoomKind::Public));
    format!("{member} as may_see, {closed} as is_closed")
}

/// The column `shows` of [`query_with_markers`](crate::store::rows::markers) for several rooms of one reader, over `members m`, `users u` and a `page` with [`page_columns`].
pub(super) fn shows_column(reader: UserId) -> String {
    format!(
        "(m.user_id = {reader} or page.may_see and (page.is_closed or u.presence_visibility = 'everyone' \
          or u.presence_visibility = 'friends' and exists (select 1 from friendships f where f.user_low = least(m.user_id, {reader}) \
             and f.user_high = greatest(m.user_id, {reader}) and f.state = 'accepted')) \
         and not exists (select 1 from blocks b where b.user_id = m.user_id and b.blocked_id = {reader}) \
         and not exists (select 1 from blocks b where b.user_id = {reader} and b.blocked_id = m.user_id)) as shows"
    )
}

/// The messages that a marker passes when it rises: those after `after`, up to `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PassedMessages {
    pub after: Seq,
    pub to: Seq,
}

/// Most messages, the newest, whose senders receive a marker.
const MAX_PASSED: u64 = 100;

/// Returns a room's reader and, unless the room has more than `most` members, the senders of the passed messages who see the reader's markers: the
/// same rule in the other direction. Only they show who has read, so a message has as many receipts as readers.
pub async fn audience(
    connection: &mut MySqlConnection,
    room: &Readable,
    passed: PassedMessages,
    most: usize,
) -> Result<Recipients> {
    let reader = room.user();
    let rows = sqlx::query_as!(
        RecipientRow,
        r#"
        select p.user_id as "user_id!: u64", c.session_id as "session_id?", if(c.cause = 'expired', c.ended_at, 0) as "ended_at?: i64"
        from (
            select ? as user_id
            union all
            select distinct x.sender_id
            from messages x
            join rooms r on r.id = x.room_id and r.members_count <= ?
            join members m on m.room_id = x.room_id and m.user_id = x.sender_id and m.state = 'joined'
                 and (m.closed_seq is null or m.closed_seq < r.last_seq)
            join users u on u.id = ?
            where x.room_id = ? and x.seq > ? and x.seq <= ? and x.kind <> 'system' and x.sender_id <> u.id
              and (? or u.presence_visibility = 'everyone' or u.presence_visibility = 'friends' and exists (
                       select 1 from friendships f
                       where f.user_low = least(m.user_id, u.id) and f.user_high = greatest(m.user_id, u.id) and f.state = 'accepted'))
              and not exists (select 1 from blocks b where b.user_id = m.user_id and b.blocked_id = u.id)
              and not exists (select 1 from blocks b where b.user_id = u.id and b.blocked_id = m.user_id)
        ) p
        left join session_closings c on c.user_id = p.user_id
        "#,
        reader.0,
        u64::try_from(most).unwrap_or(u64::MAX),
        reader.0,
        room.room().0,
        passed.after.0.max(passed.to.0.saturating_sub(MAX_PASSED)),
        passed.to.0,
        room.kind != RoomKind::Public,
    )
    .fetch_all(connection)
    .await?;
    Ok(Recipients::from_rows(rows))
}
