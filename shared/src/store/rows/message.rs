//! Rows of messages: one selection and one conversion for every statement that returns messages.

use crate::id::{MessageId, Rev, RoomId, Seq, UserId};
use crate::protocol::messages::{Forwarded, Message, MessageKind, PREVIEW_LENGTH, Reply};
use crate::store::{attachments, mentions};
use crate::time::Timestamp;

/// Selects messages with their senders and the messages they reply to, as [`MessageRow`]s; the tail picks which. A range asks with the first literal
/// whether any of its messages has reactions. The value before those of the tail is the reader: quotes of messages that they hid are left out;
/// [`EVERYONE`] reads all.
macro_rules! select_messages {
    ($reacted:literal, $tail:literal, $($value:expr),* $(,)?) => {
        sqlx::query_as!(
            crate::store::rows::message::MessageRow,
            r#"
            select m.room_id, m.seq, m.id, m.sender_id, m.kind as "kind: String", m.event as "event: String", m.content,
                   m.client_id as "client_id: String", m.reply_to_seq, m.mentions as "mentions: String", m.forwarded_username,
                   m.forwarded_at, m.attachments, m.created_at, m.edited_at, m.pinned_at, m.deleted_at, m.deleted_by, m.rev,
                   u.username as "username?", q.kind as "reply_kind?: String", q.content as "reply_content?", q.deleted_at as "reply_deleted_at?",
                   qu.username as "reply_username?", "# + $reacted + r#" as "reacted!: i64"
            from messages m
            left join users u on u.id = m.sender_id
            left join messages q on q.room_id = m.room_id and q.seq = m.reply_to_seq
                 and not exists (select 1 from hidden_messages y where y.user_id = ? and y.room_id = m.room_id and y.seq = m.reply_to_seq)
            left join users qu on qu.id = q.sender_id
            "# + $tail,
            $($value),*
        )
    };
    ($tail:literal, $($value:expr),* $(,)?) => {
        crate::store::rows::message::select_messages!("0", $tail, $($value),*)
    };
}
pub(in crate::store) use select_messages;

/// The reader of messages that are pushed to all members. Ids begin at 1.
pub(in crate::store) const EVERYONE: u64 = 0;

/// The same selection for generated statements.
pub(in crate::store) fn messages_statement(reader: UserId) -> String {
    format!(
        "{MESSAGES} and not exists (select 1 from hidden_messages y where y.user_id = {reader} and y.room_id = m.room_id and y.seq = m.reply_to_seq) \
         left join users qu on qu.id = q.sender_id"
    )
}

const MESSAGES: &str = "\
    select m.room_id, m.seq, m.id, m.sender_id, cast(m.kind as char) as kind, cast(m.event as char) as event, m.content, \
           cast(m.client_id as char) as client_id, m.reply_to_seq, cast(m.mentions as char) as mentions, m.forwarded_username, \
           m.forwarded_at, m.attachments, m.created_at, m.edited_at, m.pinned_at, m.deleted_at, m.deleted_by, m.rev, \
           u.username, cast(q.kind as char) as reply_kind, q.content as reply_content, q.deleted_at as reply_deleted_at, \
           qu.username as reply_username, 0 as reacted \
    from messages m \
    left join users u on u.id = m.sender_id \
    left join messages q on q.room_id = m.room_id and q.seq = m.reply_to_seq";

/// A message with its sender and the message it replies to.
#[derive(sqlx::FromRow)]
pub(in crate::store) struct MessageRow {
    pub(in crate::store) room_id: u64,
    #[sqlx(try_from = "u64")]
    pub(in crate::store) seq: Seq,
    pub(in crate::store) id: u64,
    pub(in crate::store) sender_id: Option<u64>,
    pub(in crate::store) kind: String,
    pub(in crate::store) event: Option<String>,
    pub(in crate::store) content: String,
    pub(in crate::store) client_id: Option<String>,
    pub(in crate::store) reply_to_seq: Option<u64>,
    pub(in crate::store) mentions: String,
    pub(in crate::store) forwarded_username: Option<String>,
    pub(in crate::store) forwarded_at: Option<i64>,
    pub(in crate::store) attachments: Option<String>,
    pub(in crate::store) created_at: i64,
    pub(in crate::store) edited_at: Option<i64>,
    pub(in crate::store) pinned_at: Option<i64>,
    pub(in crate::store) deleted_at: Option<i64>,
    pub(in crate::store) deleted_by: Option<u64>,
    #[sqlx(try_from = "u64")]
    pub(in crate::store) rev: Rev,
    pub(in crate::store) username: Option<String>,
    pub(in crate::store) reply_kind: Option<String>,
    pub(in crate::store) reply_content: Option<String>,
    pub(in crate::store) reply_deleted_at: Option<i64>,
    pub(in crate::store) reply_username: Option<String>,
    /// Not 0: a message of the range has reactions. Other selections do not ask.
    pub(in crate::store) reacted: i64,
}

impl MessageRow {
    pub(in crate::store) fn message(self) -> Message {
        let kind = self.kind.parse().unwrap_or(MessageKind::Text);
        let attachments = attachments::read(self.attachments.as_deref());
        // Erasures by releases up to 0.2.0 left messages without content that were not marked as unsent.
        let is_blank = kind != MessageKind::System && self.content.is_empty() && attachments.is_empty();
        let deleted_at = self.deleted_at.or(is_blank.then_some(self.created_at));
        Message {
            id: MessageId(self.id),
            room_id: RoomId(self.room_id),
            seq: self.seq,
            rev: self.rev,
            kind,
            event: self.event,
            sender_id: self.sender_id.map(UserId),
            username: self.username,
            content: self.content,
            client_id: self.client_id,
            reply_to: self.reply_to_seq.map(|seq| {
                RepliedRow {
                    seq: Seq(seq),
                    username: self.reply_username,
                    kind: self.reply_kind,
                    content: self.reply_content,
                    deleted_at: self.reply_deleted_at,
                }
                .reply()
            }),
            forwarded: self.forwarded_at.map(|at| Forwarded { username: self.forwarded_username, created_at: Timestamp(at) }),
            attachments,
            reactions: Vec::new(),
            mentions: mentions::read(&self.mentions),
            edited_at: self.edited_at.map(Timestamp),
            pinned_at: self.pinned_at.map(Timestamp),
            deleted_at: deleted_at.map(Timestamp),
            deleted_by: self.deleted_by.map(UserId),
            created_at: Timestamp(self.created_at),
        }
    }
}

/// The columns of a message replied to. All but the seq are missing when it does not exist or the reader hid it.
pub(in crate::store) struct RepliedRow {
    pub(in crate::store) seq: Seq,
    pub(in crate::store) username: Option<String>,
    pub(in crate::store) kind: Option<String>,
    pub(in crate::store) content: Option<String>,
    pub(in crate::store) deleted_at: Option<i64>,
}

impl RepliedRow {
    /// Builds the reference to the message. An unsent one has no preview.
    pub(in crate::store) fn reply(self) -> Reply {
        let preview = if self.deleted_at.is_some() { String::new() } else { self.content.unwrap_or_default() };
        let kind = self.kind.and_then(|kind| kind.parse().ok()).unwrap_or(MessageKind::Text);
        Reply { seq: self.seq, username: self.username, kind, preview: preview_of(&preview) }
    }
}

pub(in crate::store) fn preview_of(text: &str) -> String {
    text.chars().take(PREVIEW_LENGTH).collect()
}
