//! A room as a row of a list: its own columns, the user's membership, the last message (`l_`), the message that replies to (`q_`), and the other user
//! of a direct room (`d_`).

use crate::id::{RoomId, UserId};
use crate::protocol::people::{Person, User};
use crate::protocol::rooms::Room;
use crate::store::message_row::MessageRow;
use crate::store::settings::SettingsColumns;
use crate::store::{members, rooms, users};
use crate::time::Timestamp;

/// A room as [`rooms`] selects it.
pub(super) struct RoomRow {
    pub(super) id: u64,
    pub(super) kind: String,
    pub(super) slug: Option<String>,
    pub(super) name: String,
    pub(super) topic: String,
    pub(super) created_at: i64,
    pub(super) members_count: u32,
    pub(super) avatar_upload: Option<u64>,
    pub(super) last_seq: u64,
    pub(super) rev: u64,
    pub(super) active_at: i64,
    pub(super) archived_at: Option<i64>,
    pub(super) slow_mode_seconds: u32,
    pub(super) who_writes: String,
    pub(super) who_adds: String,
    pub(super) past_members_read: bool,
    pub(super) role: Option<String>,
    pub(super) read_seq: Option<u64>,
    pub(super) visible_from_seq: Option<u64>,
    pub(super) muted_until: Option<i64>,
    pub(super) closed_seq: Option<u64>,
    pub(super) blocked: bool,
    pub(super) unsent: i64,
    pub(super) l_id: Option<u64>,
    pub(super) l_sender_id: Option<u64>,
    pub(super) l_kind: Option<String>,
    pub(super) l_event: Option<String>,
    pub(super) l_content: Option<String>,
    pub(super) l_client_id: Option<String>,
    pub(super) l_reply_to_seq: Option<u64>,
    pub(super) l_mentions: Option<String>,
    pub(super) l_forwarded_username: Option<String>,
    pub(super) l_forwarded_at: Option<i64>,
    pub(super) l_attachments: Option<String>,
    pub(super) l_created_at: Option<i64>,
    pub(super) l_edited_at: Option<i64>,
    pub(super) l_pinned_at: Option<i64>,
    pub(super) l_deleted_at: Option<i64>,
    pub(super) l_deleted_by: Option<u64>,
    pub(super) l_rev: Option<u64>,
    pub(super) l_username: Option<String>,
    pub(super) q_kind: Option<String>,
    pub(super) q_content: Option<String>,
    pub(super) q_deleted_at: Option<i64>,
    pub(super) q_username: Option<String>,
    pub(super) d_id: Option<u64>,
    pub(super) d_username: Option<String>,
    pub(super) d_display_name: Option<String>,
    pub(super) d_about: Option<String>,
    pub(super) d_avatar_upload: Option<u64>,
    pub(super) d_created_at: Option<i64>,
}

impl RoomRow {
    /// Converts to the room as its reader sees it; `mentions` counts unread ones.
    pub(super) fn room(self, mentions: u64) -> Room {
        let joined = self.role.is_some();
        let visible_from = self.visible_from_seq.unwrap_or(1);
        let last_message = self.l_id.filter(|_| self.last_seq >= visible_from).map(|id| {
            MessageRow {
                room_id: self.id,
                seq: self.last_seq,
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
                rev: self.l_rev.unwrap_or_default(),
                username: self.l_username,
                reply_kind: self.q_kind,
                reply_content: self.q_content,
                reply_deleted_at: self.q_deleted_at,
                reply_username: self.q_username,
            }
            .message()
        });
        let direct_user = self.d_id.map(|id| User {
            id: UserId(id),
            username: self.d_username.unwrap_or_default(),
            display_name: self.d_display_name.unwrap_or_default(),
            about: self.d_about.unwrap_or_default(),
            avatar_url: users::avatar_url(UserId(id), self.d_avatar_upload),
            created_at: Timestamp(self.d_created_at.unwrap_or_default()),
        });
        let direct_user = direct_user.map(Person::from);
        Room {
            id: RoomId(self.id),
            kind: rooms::kind(&self.kind),
            slug: self.slug,
            name: self.name,
            topic: self.topic,
            avatar_url: rooms::avatar_url(RoomId(self.id), self.avatar_upload),
            created_at: Timestamp(self.created_at),
            joined,
            role: self.role.as_deref().map(members::role),
            members_count: self.members_count,
            direct_user,
            last_seq: self.last_seq,
            rev: self.rev,
            last_message,
            read_seq: self.read_seq,
            // Sending advances the sender's own marker, so unread messages are others'.
            unread: self.read_seq.map_or(0, |read| self.last_seq.saturating_sub(read).saturating_sub(self.unsent.unsigned_abs())),
            mentions,
            muted_until: self.muted_until.map(Timestamp),
            blocked: self.blocked,
            closed: self.closed_seq.is_some_and(|seq| seq >= self.last_seq),
            settings: SettingsColumns {
                archived_at: self.archived_at,
                slow_mode_seconds: self.slow_mode_seconds,
                who_writes: &self.who_writes,
                who_adds: &self.who_adds,
                past_members_read: self.past_members_read,
            }
            .settings(),
        }
    }
}
