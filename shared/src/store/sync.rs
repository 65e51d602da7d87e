//! What changed since: index ranges over the `rev` that each row carries. No log of events is kept or read.

use sqlx::{MySqlConnection, QueryBuilder, Row};

use crate::error::Result;
use crate::id::{RoomId, UserId};
use crate::protocol::messages::{Message, Reaction};
use crate::protocol::people::User;
use crate::protocol::sync::{MemberChange, MemberState};
use crate::store::members::{self, Readable};
use crate::store::message_row::{MessageRow, select_messages};
use crate::store::users;
use crate::time::Timestamp;

/// One of a person's rooms, and when something last happened there that a client may not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The room.
    pub room: RoomId,
    /// When it changed, or the person read on.
    pub at: Timestamp,
}

/// The first messages that changed after `since`, ascending by `rev`, as far as the reader sees them. Rows ∝ limit.
pub async fn messages(connection: &mut MySqlConnection, room: &Readable, since: u64, limit: u32) -> Result<Vec<Message>> {
    let rows = select_messages!(
        r#"
        join (select x.room_id, x.seq
              from messages x
              where x.room_id = ? and x.rev > ? and x.seq between ? and ?
                and not exists (select 1 from hidden_messages h
                                where h.user_id = ? and h.room_id = x.room_id and h.seq = x.seq)
              order by x.rev
              limit ?) page on page.room_id = m.room_id and page.seq = m.seq
        order by m.rev, m.seq
        "#,
        room.room().0,
        since,
        room.visible_from_seq,
        room.visible_to_seq,
        room.user().0,
        limit,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(MessageRow::message).collect())
}

/// Gives messages of one room, ascending by `seq`, their reactions as the reader sees them. They may stand far apart, so each is named.
pub async fn fill_reactions(connection: &mut MySqlConnection, room: &Readable, messages: &mut [Message]) -> Result<()> {
    if messages.is_empty() {
        return Ok(());
    }
    let mut query = QueryBuilder::new("select seq, emoji, count(*) as n, count(case when user_id = ");
    query.push_bind(room.user().0).push(" then 1 end) as mine from reactions where room_id = ").push_bind(room.room().0);
    query.push(" and seq in (");
    let mut seqs = query.separated(", ");
    for message in messages.iter() {
        seqs.push_bind(message.seq);
    }
    query.push(") group by seq, emoji order by seq, emoji");
    for row in query.build().fetch_all(connection).await? {
        let seq: u64 = row.try_get("seq")?;
        if let Ok(at) = messages.binary_search_by_key(&seq, |message| message.seq) {
            let (count, mine): (i64, i64) = (row.try_get("n")?, row.try_get("mine")?);
            let count = u32::try_from(count).unwrap_or(u32::MAX);
            messages[at].reactions.push(Reaction { emoji: row.try_get("emoji")?, count, mine: Some(mine > 0) });
        }
    }
    Ok(())
}

/// The first memberships that changed after `since`, ascending by `rev`. Rows ∝ limit.
pub async fn members(connection: &mut MySqlConnection, room: &Readable, since: u64, limit: u32) -> Result<Vec<MemberChange>> {
    let rows = sqlx::query!(
        r#"
        select m.state as "state: String", m.role as "role: String", m.joined_at, m.read_seq, m.delivered_seq, m.rev,
               u.id, u.username, u.display_name, u.about, u.avatar_upload, u.created_at
        from members m
        join users u on u.id = m.user_id
        where m.room_id = ? and m.rev > ?
        order by m.rev
        limit ?
        "#,
        room.room().0,
        since,
        limit,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| MemberChange {
            user_id: UserId(row.id),
            user: User {
                id: UserId(row.id),
                username: row.username,
                display_name: row.display_name,
                about: row.about,
                avatar_url: users::avatar_url(UserId(row.id), row.avatar_upload),
                created_at: Timestamp(row.created_at),
            },
            state: match row.state.as_str() {
                "joined" => MemberState::Joined,
                "banned" => MemberState::Banned,
                _ => MemberState::Left,
            },
            role: members::role(&row.role),
            joined_at: Timestamp(row.joined_at),
            read_seq: row.read_seq,
            delivered_seq: row.delivered_seq,
            rev: row.rev,
        })
        .collect())
}

/// All rooms of a person with the time of their last movement: rows ∝ rooms.
pub async fn moved(connection: &mut MySqlConnection, user: UserId) -> Result<Vec<Moved>> {
    let rows = sqlx::query!(
        r#"
        select r.id, greatest(r.changed_at, coalesce(m.read_at, 0)) as "at!: i64"
        from members m
        join rooms r on r.id = m.room_id
        where m.user_id = ? and m.state = 'joined' and r.deleted_at is null
        "#,
        user.0,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| Moved { room: RoomId(row.id), at: Timestamp(row.at) }).collect())
}
