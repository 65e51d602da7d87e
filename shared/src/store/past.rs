//! Rooms as past members see them: as they were when the membership ended, without what was taken back since. What changed later is not shown; what
//! was unsent, or otherwise taken back, is gone for them, too.

use std::collections::HashMap;

use serde::Deserialize;
use sqlx::{FromRow, MySqlConnection, QueryBuilder};

use crate::error::{Error, Result};
use crate::id::UserId;
use crate::protocol::messages::Message;
use crate::protocol::rooms::{Room, Settings};
use crate::store::members::{Ended, Member, Readable};
use crate::store::message_row::{MessageRow, shortened};
use crate::store::search::Text;
use crate::store::{mentions, settings};
use crate::time::Timestamp;

/// A text that a message had when a membership ended, and has no longer.
#[derive(Clone, Debug, FromRow)]
pub(super) struct Earlier {
    seq: u64,
    pub(super) content: String,
    mentions: String,
    /// When it had been given that text, if not by being sent.
    edited_at: Option<i64>,
}

/// The room as it was; the shape that the migration and [`keep`] write.
#[derive(Deserialize)]
struct View {
    name: String,
    topic: String,
    members_count: u32,
    archived: u8,
    slow_mode_seconds: u32,
    who_writes: String,
    who_adds: String,
}

/// Keeps the room as it is for a member whose membership is about to end with this `rev`, if the room lets past members read; else they read
/// nothing. The transaction holds the room.
pub(super) async fn keep(transaction: &mut MySqlConnection, by: &Member, user: UserId, rev: u64, now: Timestamp) -> Result<()> {
    sqlx::query!(
        r#"
        update members m
        join rooms r on r.id = m.room_id
        set m.past_rev = if(r.past_members_read = 1, ?, null), m.past_at = if(r.past_members_read = 1, ?, null),
            m.past_view = if(r.past_members_read = 1,
                json_object('name', r.name, 'topic', r.topic, 'members_count', if(r.members_count > 0, r.members_count - 1, 0),
                            'archived', if(r.archived_at is null, 0, 1), 'slow_mode_seconds', r.slow_mode_seconds,
                            'who_writes', r.who_writes, 'who_adds', r.who_adds), null)
        where m.room_id = ? and m.user_id = ? and m.state = 'joined'
        "#,
        rev,
        now.0,
        by.room().0,
        user.0,
    )
    .execute(transaction)
    .await?;
    Ok(())
}

/// Messages as their reader sees them, of those that the statement found: the one way from rows to messages for readers of a room.
pub(super) async fn messages(connection: &mut MySqlConnection, room: &Readable, rows: Vec<MessageRow>) -> Result<Vec<Message>> {
    let Some(ended) = room.ended() else { return Ok(rows.into_iter().map(MessageRow::message).collect()) };
    // What was unsent later is gone without a trace: a trace would tell of what happened since.
    let rows: Vec<_> = rows.into_iter().filter(|row| row.deleted_at.is_none() || row.rev <= ended.rev).collect();
    let seqs: Vec<_> = rows.iter().flat_map(|row| [Some(row.seq), row.reply_to_seq]).flatten().collect();
    let earlier = texts(connection, room, &seqs).await?;
    Ok(rows.into_iter().map(|row| frozen(row.message(), ended, &earlier)).collect())
}

/// The same of several rooms, in no order. What is in none of them is not shown.
pub(super) async fn messages_of(
    connection: &mut MySqlConnection,
    rooms: &[&Readable],
    mut rows: Vec<MessageRow>,
) -> Result<Vec<Message>> {
    let mut found = Vec::with_capacity(rows.len());
    for room in rooms {
        let (of_room, others) = rows.into_iter().partition(|row| row.room_id == room.room().0);
        rows = others;
        found.extend(messages(connection, room, of_room).await?);
    }
    Ok(found)
}

/// Texts that a search reads, as they were.
pub(super) async fn searched(connection: &mut MySqlConnection, room: &Readable, mut found: Vec<Text>) -> Result<Vec<Text>> {
    let seqs: Vec<_> = found.iter().map(|text| text.seq).collect();
    let mut earlier = texts(connection, room, &seqs).await?;
    for text in &mut found {
        if let Some(then) = earlier.remove(&text.seq) {
            text.content = then.content;
        }
    }
    Ok(found)
}

/// A message as it was. Of what is not kept as it was, nothing is shown: not what is pinned, and of revs only that of the end.
fn frozen(mut message: Message, ended: Ended, earlier: &HashMap<u64, Earlier>) -> Message {
    message.rev = ended.rev;
    message.pinned_at = None;
    if let Some(text) = earlier.get(&message.seq).filter(|_| message.deleted_at.is_none()) {
        message.content.clone_from(&text.content);
        message.mentions = mentions::read(&text.mentions);
        message.edited_at = text.edited_at.map(Timestamp);
    }
    if let Some(reply) = &mut message.reply_to
        && let Some(text) = earlier.get(&reply.seq)
    {
        reply.preview = shortened(&text.content);
    }
    message
}

/// The texts that messages had when the reader's membership ended, where they have others by now. Unsent ones have none.
pub(super) async fn texts(connection: &mut MySqlConnection, room: &Readable, seqs: &[u64]) -> Result<HashMap<u64, Earlier>> {
    let Some(ended) = room.ended().filter(|_| !seqs.is_empty()) else { return Ok(HashMap::new()) };
    // The first text that was replaced after the end is the one that was there at the end.
    let mut query = QueryBuilder::new(
        "select e.seq, e.content, cast(e.mentions as char) as mentions, b.edited_at
         from (select x.room_id, x.seq, min(x.version) as version from message_edits x where x.room_id = ",
    );
    query.push_bind(room.room().0).push(" and x.seq in (");
    let mut list = query.separated(", ");
    for seq in seqs {
        list.push_bind(*seq);
    }
    query.push(") and not ((x.rev > 0 and x.rev <= ").push_bind(ended.rev);
    query.push(") or (x.rev = 0 and x.edited_at <= ").push_bind(ended.at.0);
    query.push(
        ")) group by x.room_id, x.seq) f
         join message_edits e on e.room_id = f.room_id and e.seq = f.seq and e.version = f.version
         left join message_edits b on b.room_id = f.room_id and b.seq = f.seq and b.version = f.version - 1",
    );
    let found: Vec<Earlier> = query.build_query_as().fetch_all(connection).await?;
    Ok(found.into_iter().map(|text| (text.seq, text)).collect())
}

/// The room's view as it was; `now` is how it stands.
pub(super) async fn view(connection: &mut MySqlConnection, room: &Readable, now: Room) -> Result<Room> {
    let Some(ended) = room.ended() else { return Ok(now) };
    let kept =
        sqlx::query_scalar!("select past_view from members where room_id = ? and user_id = ?", room.room().0, room.user().0)
            .fetch_one(connection)
            .await?;
    let view: View = serde_json::from_str(&kept.unwrap_or_default()).map_err(Error::internal)?;
    // Named one by one, so that whoever gives rooms another field decides what a past member sees of it.
    let Room {
        id,
        kind,
        slug,
        name: _,
        topic: _,
        avatar_url: _,
        created_at,
        joined,
        role,
        members_count: _,
        direct_user,
        last_seq: _,
        rev: _,
        last_message: _,
        read_seq,
        unread,
        mentions,
        muted_until,
        blocked,
        closed,
        settings: _,
    } = now;
    Ok(Room {
        id,
        kind,
        slug,
        name: view.name,
        topic: view.topic,
        // A picture that was replaced is not kept.
        avatar_url: None,
        created_at,
        joined,
        role,
        members_count: view.members_count,
        direct_user,
        last_seq: room.visible_to_seq,
        rev: ended.rev,
        last_message: None,
        read_seq,
        unread,
        mentions,
        muted_until,
        blocked,
        closed,
        settings: Settings {
            archived: view.archived != 0,
            slow_mode_seconds: view.slow_mode_seconds,
            who_writes: settings::whoever(&view.who_writes),
            who_adds: settings::whoever(&view.who_adds),
            past_members_read: true,
        },
    })
}
