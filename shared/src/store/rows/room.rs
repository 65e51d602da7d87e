//! Rooms: the settings' columns, and a row of a list with its own columns, the user's membership, the last message (`l_`), the message that it replies
//! to (`q_`), and the other user of a direct room (`d_`).

use crate::id::{Rev, RoomId, RoomRef, Seq};
use crate::protocol::people::Person;
use crate::protocol::rooms::{AllowedRole, Role, Room, RoomKind, Settings};
use crate::store::rows::message::MessageRow;
use crate::store::rows::user::joined_user_of;
use crate::store::unread::UnreadParts;
use crate::time::Timestamp;

/// The columns of a room's settings.
pub(in crate::store) struct SettingsRow<'a> {
    pub(in crate::store) archived_at: Option<i64>,
    pub(in crate::store) slow_mode_seconds: u32,
    pub(in crate::store) who_writes: &'a str,
    pub(in crate::store) who_adds: &'a str,
    pub(in crate::store) past_members_read: bool,
    pub(in crate::store) count_system_messages: bool,
}

impl SettingsRow<'_> {
    pub(in crate::store) fn settings(self) -> Settings {
        Settings {
            archived: self.archived_at.is_some(),
            slow_mode_seconds: self.slow_mode_seconds,
            who_writes: self.who_writes.parse().unwrap_or(AllowedRole::Members),
            who_adds: self.who_adds.parse().unwrap_or(AllowedRole::Members),
            past_members_read: self.past_members_read,
            count_system_messages: self.count_system_messages,
        }
    }
}

/// Converts the [`SettingsRow`] columns of a row.
macro_rules! settings_of {
    ($row:expr) => {
        crate::store::rows::room::SettingsRow {
            archived_at: $row.archived_at,
            slow_mode_seconds: $row.slow_mode_seconds,
            who_writes: &$row.who_writes,
            who_adds: &$row.who_adds,
            past_members_read: $row.past_members_read,
            count_system_messages: $row.count_system_messages,
        }
        .settings()
    };
}
pub(in crate::store) use settings_of;

pub(in crate::store) fn avatar_url(room: RoomId, upload: Option<u64>) -> Option<String> {
    upload.map(|upload| format!("/api/rooms/{room}/avatar?v={upload}"))
}

/// Splits a reference into the two values of `coalesce(id, the one with this slug)`.
pub(in crate::store) fn key(room: &RoomRef) -> (Option<u64>, Option<&str>) {
    match room {
        RoomRef::Id(id) => (Some(id.0), None),
        RoomRef::Slug(slug) => (None, Some(slug)),
    }
}

/// A room of a list.
pub(in crate::store) struct RoomRow {
    pub(in crate::store) id: u64,
    pub(in crate::store) kind: String,
    pub(in crate::store) slug: Option<String>,
    pub(in crate::store) name: String,
    pub(in crate::store) topic: String,
    pub(in crate::store) created_at: i64,
    pub(in crate::store) members_count: u32,
    pub(in crate::store) avatar_upload: Option<u64>,
    pub(in crate::store) last_seq: Seq,
    pub(in crate::store) rev: Rev,
    /// The last activity that lifts the room in the user's list.
    pub(in crate::store) active_at: i64,
    pub(in crate::store) archived_at: Option<i64>,
    pub(in crate::store) slow_mode_seconds: u32,
    pub(in crate::store) who_writes: String,
    pub(in crate::store) who_adds: String,
    pub(in crate::store) past_members_read: bool,
    pub(in crate::store) count_system_messages: bool,
    pub(in crate::store) role: Option<String>,
    pub(in crate::store) read_seq: Option<u64>,
    pub(in crate::store) visible_from_seq: Option<u64>,
    pub(in crate::store) muted_until: Option<i64>,
    pub(in crate::store) closed_seq: Option<u64>,
    pub(in crate::store) blocked: bool,
    /// No message after it is unsent or of the system; the last one where that is not known.
    pub(in crate::store) last_uncounted_seq: u64,
    pub(in crate::store) l_seq: Option<u64>,
    pub(in crate::store) l_id: Option<u64>,
    pub(in crate::store) l_sender_id: Option<u64>,
    pub(in crate::store) l_kind: Option<String>,
    pub(in crate::store) l_event: Option<String>,
    pub(in crate::store) l_content: Option<String>,
    pub(in crate::store) l_client_id: Option<String>,
    pub(in crate::store) l_reply_to_seq: Option<u64>,
    pub(in crate::store) l_mentions: Option<String>,
    pub(in crate::store) l_forwarded_username: Option<String>,
    pub(in crate::store) l_forwarded_at: Option<i64>,
    pub(in crate::store) l_attachments: Option<String>,
    pub(in crate::store) l_created_at: Option<i64>,
    pub(in crate::store) l_edited_at: Option<i64>,
    pub(in crate::store) l_pinned_at: Option<i64>,
    pub(in crate::store) l_deleted_at: Option<i64>,
    pub(in crate::store) l_deleted_by: Option<u64>,
    pub(in crate::store) l_rev: Option<u64>,
    pub(in crate::store) l_username: Option<String>,
    pub(in crate::store) q_kind: Option<String>,
    pub(in crate::store) q_content: Option<String>,
    pub(in crate::store) q_deleted_at: Option<i64>,
    pub(in crate::store) q_username: Option<String>,
    pub(in crate::store) d_id: Option<u64>,
    pub(in crate::store) d_username: Option<String>,
    pub(in crate::store) d_display_name: Option<String>,
    pub(in crate::store) d_about: Option<String>,
    pub(in crate::store) d_avatar_upload: Option<u64>,
    pub(in crate::store) d_created_at: Option<i64>,
}

impl RoomRow {
    /// Converts to the room as its reader sees it.
    pub(in crate::store) fn room(self, unread: UnreadParts) -> Room {
        let joined = self.role.is_some();
        let visible_from = Seq(self.visible_from_seq.unwrap_or(1));
        let read_seq = self.read_seq.map(Seq);
        let shown = self.l_id.zip(self.l_seq.map(Seq)).filter(|(_, seq)| *seq >= visible_from);
        let last_message = shown.map(|(id, seq)| {
            MessageRow {
                room_id: self.id,
                seq,
                id,
                sender_id: self.l_sender_id,
                kind: self.l_kind.unwrap_or_default(),
                event: self.l_event,
                content: self.l_content.unwrap_or_default(),
                client_id: self.l_client_id,
                reply_to_seq: self.l_reply_to_seq,
                mentions: self.l_mentions.unwrap_or_default(),
                forwarded_username: self.l_forwarded_username,
                forwarded_at: self.l_forwarded_at,
                attachments: self.l_attachments,
                created_at: self.l_created_at.unwrap_or_default(),
                edited_at: self.l_edited_at,
                pinned_at: self.l_pinned_at,
                deleted_at: self.l_deleted_at,
                deleted_by: self.l_deleted_by,
                rev: Rev(self.l_rev.unwrap_or_default()),
                username: self.l_username,
                reply_kind: self.q_kind,
                reply_content: self.q_content,
                reply_deleted_at: self.q_deleted_at,
                reply_username: self.q_username,
                reacted: 0,
            }
            .message()
        });
        let direct_user =
            joined_user_of!(self, d_id, d_username, d_display_name, d_about, d_avatar_upload, d_created_at).map(Person::from);
        Room {
            id: RoomId(self.id),
            kind: self.kind.parse().unwrap_or(RoomKind::Group),
            slug: self.slug,
            name: self.name,
            topic: self.topic,
            avatar_url: avatar_url(RoomId(self.id), self.avatar_upload),
            created_at: Timestamp(self.created_at),
            joined,
            role: self.role.map(|role| role.parse().unwrap_or(Role::Member)),
            members_count: self.members_count,
            direct_user,
            last_seq: self.last_seq,
            rev: self.rev,
            active_at: Timestamp(self.active_at),
            last_message,
            read_seq,
            // Sending advances the sender's own marker, so unread messages are others'.
            unread: read_seq.map_or(0, |read| self.last_seq.since(read).saturating_sub(unread.uncounted)),
            mentions: unread.mentions,
            muted_until: self.muted_until.map(Timestamp),
            blocked: self.blocked,
            closed: self.closed_seq.is_some_and(|seq| Seq(seq) >= self.last_seq),
            settings: settings_of!(self),
        }
    }
}
