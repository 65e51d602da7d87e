//! Who sees how far somebody has read: the one place that decides, for lists, `sync`, receipts and frames.
//!
//! One sees one's own marks. Others' are a matter of the room's members, and never told across a block: who reads is there. A public room has
//! anybody as a member who likes to be, so there they are told to those alone who may know whether the person is there.

use sqlx::MySqlConnection;

use crate::error::Result;
use crate::id::UserId;
use crate::protocol::rooms::RoomKind;
use crate::store::members::Readable;
use crate::store::recipients::{Near, NearRow};

/// A statement over `members m` joined to `users u`, whose column `shows` says whether the reader of a room sees the marks of `m`. It stands
/// between two parts of the text; the values of each part stand behind it.
macro_rules! query_with_marks {
    ($before:literal, [$($head:expr),* $(,)?], $room:expr, $after:literal, [$($tail:expr),* $(,)?]) => {
        sqlx::query!(
            $before
                + r#"
               (m.user_id = ? or ? and (? or u.presence_visibility = 'everyone' or u.presence_visibility = 'friends' and exists (
                    select 1 from friendships f
                    where f.user_low = least(m.user_id, ?) and f.user_high = greatest(m.user_id, ?) and f.state = 'accepted'))
                and not exists (select 1 from blocks b where b.user_id = m.user_id and b.blocked_id = ?)
                and not exists (select 1 from blocks b where b.user_id = ? and b.blocked_id = m.user_id)) as "shows!: bool"
               "#
                + $after,
            $($head,)*
            $room.user().0,
            $room.member().is_some(),
            $room.kind != crate::protocol::rooms::RoomKind::Public,
            $room.user().0,
            $room.user().0,
            $room.user().0,
            $room.user().0,
            $($tail,)*
        )
    };
}
pub(super) use query_with_marks;

/// Of a row of a page of members, what [`shows`] takes: whether its room lets the reader see marks at all, and whether it is closed to the public.
pub(super) fn reading(room: &Readable) -> String {
    let (member, closed) = (u8::from(room.member().is_some()), u8::from(room.kind != RoomKind::Public));
    format!("{member} as may_see, {closed} as is_closed")
}

/// The column `shows` of [`query_with_marks`] for several rooms of one reader, over `members m`, `users u` and a `page` that has [`reading`].
pub(super) fn shows(reader: UserId) -> String {
    format!(
        "(m.user_id = {reader} or page.may_see and (page.is_closed or u.presence_visibility = 'everyone' \
          or u.presence_visibility = 'friends' and exists (select 1 from friendships f where f.user_low = least(m.user_id, {reader}) \
             and f.user_high = greatest(m.user_id, {reader}) and f.state = 'accepted')) \
         and not exists (select 1 from blocks b where b.user_id = m.user_id and b.blocked_id = {reader}) \
         and not exists (select 1 from blocks b where b.user_id = {reader} and b.blocked_id = m.user_id)) as shows"
    )
}

/// A room's reader and, when it has no more than `most` members, the others who see the reader's marks: the same rule from the other side.
pub async fn hearers(connection: &mut MySqlConnection, room: &Readable, most: usize) -> Result<Near> {
    let reader = room.user();
    let rows = sqlx::query_as!(
        NearRow,
        r#"
        select p.user_id as "user_id!: u64", p.hears as "hears!: bool", c.session_id as "session_id?",
               if(c.cause = 'expired', c.ended_at, 0) as "ended_at?: i64"
        from (
            select ? as user_id, 1 as hears
            union all
            (select m.user_id,
                    (? or u.presence_visibility = 'everyone' or u.presence_visibility = 'friends' and exists (
                         select 1 from friendships f
                         where f.user_low = least(m.user_id, u.id) and f.user_high = greatest(m.user_id, u.id) and f.state = 'accepted'))
                    and not exists (select 1 from blocks b where b.user_id = m.user_id and b.blocked_id = u.id)
                    and not exists (select 1 from blocks b where b.user_id = u.id and b.blocked_id = m.user_id)
                    and (m.closed_seq is null or m.closed_seq < r.last_seq) as hears
             from rooms r
             join members m on m.room_id = r.id and m.state = 'joined' and m.user_id <> ?
             join users u on u.id = ?
             where r.id = ?
             limit ?)
        ) p
        left join session_closings c on c.user_id = p.user_id
        "#,
        reader.0,
        room.kind != RoomKind::Public,
        reader.0,
        reader.0,
        room.room().0,
        u64::try_from(most).unwrap_or(u64::MAX),
    )
    .fetch_all(connection)
    .await?;
    Ok(Near::gathered(reader, rows, most))
}
