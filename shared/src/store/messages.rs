//! Messages. A message takes its `seq` under the room's row lock, so order of seq is order of commit and there are no holes.

use sqlx::MySqlConnection;

use crate::error::Result;
use crate::id::{MessageId, RoomId, RoomRef, UserId};
use crate::protocol::messages::{Message, MessageKind, PREVIEW_LENGTH, Reply};
use crate::store::members::{Member, Readable, Standing, StandingRow};
use crate::store::rooms as room_rows;
use crate::time::Timestamp;

/// What sending needs to know, read under the locks of the room's and the sender's row.
#[derive(Debug)]
pub struct Sending {
    /// How the sender stands to the room.
    pub standing: Standing,
    /// The seq of an earlier message with the same `client_id`.
    pub replay: Option<u64>,
    /// The message that is answered, if it exists.
    pub reply_to: Option<Reply>,
}

/// A message to be stored.
#[derive(Clone, Copy, Debug)]
pub struct Draft<'a> {
    /// The text.
    pub content: &'a str,
    /// The sender's own key.
    pub client_id: Option<&'a str>,
    /// What it answers.
    pub reply_to: Option<u64>,
    /// What remains of the sender's allowance, in thousandths of a message.
    pub allowance: i32,
}

/// The one locking read of sending: room, member, replay and answered message, all by keys.
pub async fn lock(
    transaction: &mut MySqlConnection,
    user: UserId,
    room: &RoomRef,
    client_id: Option<&str>,
    reply_to: Option<u64>,
) -> Result<Option<Sending>> {
    let (id, slug) = room_rows::key(room);
    let row = sqlx::query!(
        r#"
        select r.id as room_id, r.kind as "kind: String", r.last_seq, r.rev, r.archived_at,
               m.role as "role?: String", m.state as "state?: String", m.visible_from_seq as "visible_from_seq?",
               m.read_seq as "read_seq?", m.allowance as "allowance?", m.allowance_at as "allowance_at?",
               x.seq as "replay_seq?",
               q.seq as "reply_seq?", q.content as "reply_content?", q.deleted_at as "reply_deleted_at?",
               (select u.username from users u where u.id = q.sender_id) as "reply_username?: String"
        from rooms r
        left join members m on m.room_id = r.id and m.user_id = ?
        left join messages x on x.room_id = r.id and x.sender_id = ? and x.client_id = ?
        left join messages q on q.room_id = r.id and q.seq = ?
        where r.id = coalesce(?, (select s.id from rooms s where s.slug = ?))
        for update
        "#,
        user.0,
        user.0,
        client_id,
        reply_to,
        id,
        slug,
    )
    .fetch_optional(transaction)
    .await?;
    Ok(row.map(|row| Sending {
        replay: row.replay_seq,
        reply_to: row.reply_seq.map(|seq| reply(seq, row.reply_username, row.reply_content, row.reply_deleted_at)),
        standing: StandingRow {
            room_id: row.room_id,
            kind: row.kind,
            last_seq: row.last_seq,
            rev: row.rev,
            archived_at: row.archived_at,
            role: row.role,
            state: row.state,
            visible_from_seq: row.visible_from_seq,
            read_seq: row.read_seq,
            allowance: row.allowance,
            allowance_at: row.allowance_at,
        }
        .standing(user),
    }))
}

/// Stores a message as `(seq, rev)` of a room that the transaction holds: one insert, one update of room and sender. Gives its number.
pub async fn insert(
    transaction: &mut MySqlConnection,
    member: &Member,
    place: (u64, u64),
    draft: Draft<'_>,
    now: Timestamp,
) -> Result<MessageId> {
    let (seq, rev) = place;
    let id = sqlx::query!(
        r#"
        insert into messages (room_id, seq, sender_id, kind, content, client_id, reply_to_seq, created_at, rev)
        values (?, ?, ?, 'text', ?, ?, ?, ?, ?)
        "#,
        member.room().0,
        seq,
        member.user().0,
        draft.content,
        draft.client_id,
        draft.reply_to,
        now.0,
        rev,
    )
    .execute(&mut *transaction)
    .await?
    .last_insert_id();
    sqlx::query!(
        r#"
        update rooms r
        join members m on m.room_id = r.id and m.user_id = ?
        set r.last_seq = ?, r.rev = ?, r.active_at = greatest(r.active_at, ?), r.changed_at = greatest(r.changed_at, ?),
            m.read_seq = ?, m.read_at = ?, m.delivered_seq = ?, m.allowance = ?, m.allowance_at = ?
        where r.id = ?
        "#,
        member.user().0,
        seq,
        rev,
        now.0,
        now.0,
        seq,
        now.0,
        seq,
        draft.allowance,
        now.0,
        member.room().0,
    )
    .execute(transaction)
    .await?;
    Ok(MessageId(id))
}

/// The messages from `first` to `last`, both included, ascending: one range of the clustered index, at any depth.
pub async fn range(connection: &mut MySqlConnection, room: &Readable, first: u64, last: u64) -> Result<Vec<Message>> {
    let rows = sqlx::query_as!(
        MessageRow,
        r#"
        select m.room_id, m.seq, m.id, m.sender_id, m.kind as "kind: String", m.content, m.client_id as "client_id: String",
               m.reply_to_seq, m.created_at, m.edited_at, m.deleted_at, m.rev, u.username as "username?",
               q.content as "reply_content?", q.deleted_at as "reply_deleted_at?", qu.username as "reply_username?"
        from messages m
        left join users u on u.id = m.sender_id
        left join messages q on q.room_id = m.room_id and q.seq = m.reply_to_seq
        left join users qu on qu.id = q.sender_id
        where m.room_id = ? and m.seq between ? and ?
        order by m.seq
        "#,
        room.room().0,
        first.max(room.visible_from_seq),
        last,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(MessageRow::message).collect())
}

/// One row of a message with its writer and what it answers.
pub(super) struct MessageRow {
    pub(super) room_id: u64,
    pub(super) seq: u64,
    pub(super) id: u64,
    pub(super) sender_id: Option<u64>,
    pub(super) kind: String,
    pub(super) content: String,
    pub(super) client_id: Option<String>,
    pub(super) reply_to_seq: Option<u64>,
    pub(super) created_at: i64,
    pub(super) edited_at: Option<i64>,
    pub(super) deleted_at: Option<i64>,
    pub(super) rev: u64,
    pub(super) username: Option<String>,
    pub(super) reply_content: Option<String>,
    pub(super) reply_deleted_at: Option<i64>,
    pub(super) reply_username: Option<String>,
}

impl MessageRow {
    pub(super) fn message(self) -> Message {
        Message {
            id: MessageId(self.id),
            room_id: RoomId(self.room_id),
            seq: self.seq,
            rev: self.rev,
            kind: match self.kind.as_str() {
                "image" => MessageKind::Image,
                "file" => MessageKind::File,
                "system" => MessageKind::System,
                _ => MessageKind::Text,
            },
            sender_id: self.sender_id.map(UserId),
            username: self.username,
            content: self.content,
            client_id: self.client_id,
            reply_to: self.reply_to_seq.map(|seq| reply(seq, self.reply_username, self.reply_content, self.reply_deleted_at)),
            attachments: Vec::new(),
            reactions: Vec::new(),
            mentions: Vec::new(),
            edited_at: self.edited_at.map(Timestamp),
            deleted_at: self.deleted_at.map(Timestamp),
            created_at: Timestamp(self.created_at),
        }
    }
}

fn reply(seq: u64, username: Option<String>, content: Option<String>, deleted_at: Option<i64>) -> Reply {
    let preview = if deleted_at.is_some() { String::new() } else { content.unwrap_or_default() };
    Reply { seq, username, preview: preview.chars().take(PREVIEW_LENGTH).collect() }
}
