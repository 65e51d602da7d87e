//! Rows of messages: one selection and one conversion for every statement that returns messages.

use crate::id::{MessageId, RoomId, UserId};
use crate::protocol::messages::{Forwarded, Message, MessageKind, PREVIEW_LENGTH, Reply};
use crate::store::{attachments, mentions};
use crate::time::Timestamp;

/// Selects messages with their senders and the messages they reply to, as [`MessageRow`]s; the tail picks which.
macro_rules! select_messages {
    ($tail:literal, $($value:expr),* $(,)?) => {
        sqlx::query_as!(
            crate::store::message_row::MessageRow,
            r#"
            select m.room_id, m.seq, m.id, m.sender_id, m.kind as "kind: String", m.event as "event: String", m.content,
                   m.client_id as "client_id: String", m.reply_to_seq, m.mentions as "mentions: String", m.forwarded_username,
                   m.forwarded_at, m.attachments, m.created_at, m.edited_at, m.pinned_at, m.deleted_at, m.deleted_by, m.rev,
                   u.username as "username?", q.kind as "reply_kind?: String", q.content as "reply_content?", q.deleted_at as "reply_deleted_at?",
                   qu.username as "reply_username?"
            from messages m
            left join users u on u.id = m.sender_id
            left join messages q on q.room_id = m.room_id and q.seq = m.reply_to_seq
            left join users qu on qu.id = q.sender_id
            "# + $tail,
            $($value),*
        )
    };
}
pub(super) use select_messages;

/// The same selection for generated statements.
pub(super) const MESSAGES: &str = "\
    select m.room_id, m.seq, m.id, m.sender_id, cast(m.kind as char) as kind, cast(m.event as char) as event, m.content, \
           cast(m.client_id as char) as client_id, m.reply_to_seq, cast(m.mentions as char) as mentions, m.forwarded_username, \
           m.forwarded_at, m.attachments, m.created_at, m.edited_at, m.pinned_at, m.deleted_at, m.deleted_by, m.rev, \
           u.username, cast(q.kind as char) as reply_kind, q.content as reply_content, q.deleted_at as reply_deleted_at, \
           qu.username as reply_username \
    from messages m \
    left join users u on u.id = m.sender_id \
    left join messages q on q.room_id = m.room_id and q.seq = m.reply_to_seq \
    left join users qu on qu.id = q.sender_id";

/// A message with its sender and the message it replies to.
#[derive(sqlx::FromRow)]
pub(super) struct MessageRow {
    pub(super) room_id: u64,
    pub(super) seq: u64,
    pub(super) id: u64,
    pub(super) sender_id: Option<u64>,
    pub(super) kind: String,
    pub(super) event: Option<String>,
    pub(super) content: String,
    pub(super) client_id: Option<String>,
    pub(super) reply_to_seq: Option<u64>,
    pub(super) mentions: String,
    pub(super) forwarded_username: Option<String>,
    pub(super) forwarded_at: Option<i64>,
    pub(super) attachments: Option<String>,
    pub(super) created_at: i64,
    pub(super) edited_at: Option<i64>,
    pub(super) pinned_at: Option<i64>,
    pub(super) deleted_at: Option<i64>,
    pub(super) deleted_by: Option<u64>,
    pub(super) rev: u64,
    pub(super) username: Option<String>,
    pub(super) reply_kind: Option<String>,
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
            kind: kind(&self.kind),
            event: self.event,
            sender_id: self.sender_id.map(UserId),
            username: self.username,
            content: self.content,
            client_id: self.client_id,
            reply_to: self.reply_to_seq.map(|seq| {
                reply(seq, self.reply_username, self.reply_kind.as_deref(), (self.reply_content, self.reply_deleted_at))
            }),
            forwarded: self.forwarded_at.map(|at| Forwarded { username: self.forwarded_username, created_at: Timestamp(at) }),
            attachments: attachments::read(self.attachments.as_deref()),
            reactions: Vec::new(),
            mentions: mentions::read(&self.mentions),
            edited_at: self.edited_at.map(Timestamp),
            pinned_at: self.pinned_at.map(Timestamp),
            deleted_at: self.deleted_at.map(Timestamp),
            deleted_by: self.deleted_by.map(UserId),
            created_at: Timestamp(self.created_at),
        }
    }
}

/// Builds the reference to the message replied to. An unsent one has no preview.
pub(super) fn reply(
    seq: u64,
    username: Option<String>,
    kind: Option<&str>,
    (content, deleted_at): (Option<String>, Option<i64>),
) -> Reply {
    let preview = if deleted_at.is_some() { String::new() } else { content.unwrap_or_default() };
    let kind = kind.map_or(MessageKind::Text, self::kind);
    Reply { seq, username, kind, preview: preview_of(&preview) }
}

pub(super) fn preview_of(text: &str) -> String {
    text.chars().take(PREVIEW_LENGTH).collect()
}

/// Parses the column `kind`.
pub(super) fn kind(name: &str) -> MessageKind {
    match name {
        "image" => MessageKind::Image,
        "file" => MessageKind::File,
        "system" => MessageKind::System,
        _ => MessageKind::Text,
    }
}

pub(super) fn kind_name(kind: MessageKind) -> &'static str {
    match kind {
        MessageKind::Text => "text",
        MessageKind::Image => "image",
        MessageKind::File => "file",
        MessageKind::System => "system",
    }
}
