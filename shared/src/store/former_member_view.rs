//! Rooms as former members see them: frozen when the membership ended. Later changes are hidden, but messages unsent later are gone for former
//! members, too.

use std::collections::HashMap;

use serde::Deserialize;
use sqlx::{FromRow, MySqlConnection, QueryBuilder};

use crate::error::{Error, Result};
use crate::id::{Rev, Seq, UserId};
use crate::protocol::messages::Message;
use crate::protocol::rooms::{AllowedRole, Room, Settings};
use crate::store::members::{Membership, MembershipEnd, Readable};
use crate::store::mentions;
use crate::store::rows::message::{MessageRow, preview_of};
use crate::time::Timestamp;

/// A text that has changed since the membership ended.
#[derive(Clone, Debug, FromRow)]
pub(super) struct PreviousText {
    #[sqlx(try_from = "u64")]
    seq: Seq,
    pub(super) content: String,
    mentions: String,
    /// When the text was written, if by an edit.
    edited_at: Option<i64>,
}

/// The frozen room, as [`save`] and a migration write it.
#[derive(Deserialize)]
struct SavedRoom {
    name: String,
    topic: String,
    members_count: u32,
    archived: u8,
    slow_mode_seconds: u32,
    who_writes: String,
    who_adds: String,
    /// Releases up to 0.2.0 do not write it.
    #[serde(default)]
    count_system_messages: u8,
}

/// Saves the room for a member whose membership ends with this `rev`, if the room lets former members read. The transaction locks the room.
pub(super) async fn save(
    transaction: &mut MySqlConnection,
    by: &Membership,
    user: UserId,
    rev: Rev,
    now: Timestamp,
) -> Result<()> {
    sqlx::query!(
        r#"
        update members m
        join rooms r on r.id = m.room_id
        set m.past_rev = if(r.past_members_read = 1, ?, null), m.past_at = if(r.past_members_read = 1, ?, null),
            m.past_view = if(r.past_members_read = 1,
                json_object('name', r.name, 'topic', r.topic, 'members_count', if(r.members_count > 0, r.members_count - 1, 0),
                            'archived', if(r.archived_at is null, 0, 1), 'slow_mode_seconds', r.slow_mode_seconds,
                            'who_writes', r.who_writes, 'who_adds', r.who_adds,
                            'count_system_messages', if(r.count_system_messages = 1, 1, 0)), null)
        where m.room_id = ? and m.user_id = ? and m.state = 'joined'
        "#,
        rev.0,
        now.0,
        by.room().0,
        user.0,
    )
    .execute(transaction)
    .await?;
    Ok(())
}

/// Converts rows to messages as the reader sees them. Every read of a room's messages ends here.
pub(super) async fn messages(connection: &mut MySqlConnection, room: &Readable, rows: Vec<MessageRow>) -> Result<Vec<Message>> {
    let Some(ended) = room.ended() else { return Ok(rows.into_iter().map(MessageRow::message).collect()) };
    // Messages unsent later vanish completely; a trace would reveal later events.
    let rows: Vec<_> = rows.into_iter().filter(|row| row.deleted_at.is_none() || row.rev <= ended.rev).collect();
    let seqs: Vec<_> = rows.iter().flat_map(|row| [Some(row.seq), row.reply_to_seq.map(Seq)]).flatten().collect();
    let earlier = texts(connection, room, &seqs).await?;
    Ok(rows.into_iter().map(|row| restored(row.message(), ended, &earlier)).collect())
}

/// Like [`messages`] for several rooms, in no order. Drops rows of other rooms.
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

/// Restores a message to the end of the membership. State without history is hidden: pins, and all revs except the final one.
fn restored(mut message: Message, ended: MembershipEnd, earlier: &HashMap<Seq, PreviousText>) -> Message {
    message.rev = ended.rev;
    message.pinned_at = None;
    if let Some(text) = earlier.get(&message.seq).filter(|_| message.deleted_at.is_none()) {
        message.content.clone_from(&text.content);
        message.mentions = mentions::read(&text.mentions);
        message.edited_at = text.edited_at.map(Timestamp);
    }
    if let Some(reply) = &mut message.reply_to
        // The reader hid a quoted message without a sender, or it does not exist.
        && reply.username.is_some()
        && let Some(text) = earlier.get(&reply.seq)
    {
        reply.preview = preview_of(&text.content);
    }
    message
}

/// Returns texts as of the end of the reader's membership, where they have changed since. Unsent messages have none.
pub(super) async fn texts(connection: &mut MySqlConnection, room: &Readable, seqs: &[Seq]) -> Result<HashMap<Seq, PreviousText>> {
    let Some(ended) = room.ended().filter(|_| !seqs.is_empty()) else { return Ok(HashMap::new()) };
    // The oldest version replaced after the end is the text at the end.
    let mut query = QueryBuilder::new(
        "select e.seq, e.content, cast(e.mentions as char) as mentions, b.edited_at
         from (select x.room_id, x.seq, min(x.version) as version from message_edits x where x.room_id = ",
    );
    query.push_bind(room.room().0).push(" and x.seq in (");
    let mut list = query.separated(", ");
    for seq in seqs {
        list.push_bind(seq.0);
    }
    query.push(") and not ((x.rev > 0 and x.rev <= ").push_bind(ended.rev.0);
    query.push(") or (x.rev = 0 and x.edited_at <= ").push_bind(ended.at.0);
    query.push(
        ")) group by x.room_id, x.seq) f
         join message_edits e on e.room_id = f.room_id and e.seq = f.seq and e.version = f.version
         left join message_edits b on b.room_id = f.room_id and b.seq = f.seq and b.version = f.version - 1",
    );
    let found: Vec<PreviousText> = query.build_query_as().fetch_all(connection).await?;
    Ok(found.into_iter().map(|text| (text.seq, text)).collect())
}

/// Restores the room to the end of the reader's membership; `now` is its present state.
pub(super) async fn view(connection: &mut MySqlConnection, room: &Readable, now: Room) -> Result<Room> {
    let Some(ended) = room.ended() else { return Ok(now) };
    let kept =
        sqlx::query_scalar!("select past_view from members where room_id = ? and user_id = ?", room.room().0, room.user().0)
            .fetch_one(connection)
            .await?;
    let view: SavedRoom = serde_json::from_str(&kept.unwrap_or_default()).map_err(Error::internal)?;
    // Destructured, so that a new field requires a decision about what former members see.
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
        active_at: _,
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
        // Former avatars are not kept.
        avatar_url: None,
        created_at,
        joined,
        role,
        members_count: view.members_count,
        direct_user,
        last_seq: room.visible_to_seq,
        rev: ended.rev,
        active_at: ended.at,
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
            who_writes: view.who_writes.parse().unwrap_or(AllowedRole::Members),
            who_adds: view.who_adds.parse().unwrap_or(AllowedRole::Members),
            past_members_read: true,
            count_system_messages: view.count_system_messages != 0,
        },
    })
}
