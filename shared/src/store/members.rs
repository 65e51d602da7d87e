//! Members of rooms. Only this module creates the proofs that the rest of the store requires, [`Readable`] and [`Member`].

use sqlx::MySqlConnection;

use crate::error::Result;
use crate::id::{RoomId, RoomRef, UserId};
use crate::protocol::people::User;
use crate::protocol::rooms::{self, Role, RoomKind, Settings};
use crate::store::generated::{fetch_generated, list as listed};
use crate::store::read_markers::query_with_markers;
use crate::store::settings::SettingsColumns;
use crate::store::{rooms as room_rows, users};
use crate::telemetry::invocation;
use crate::time::Timestamp;

/// Proof that a user may read a room, with the columns that the check reads.
#[derive(Clone, Debug)]
pub struct Readable {
    room: RoomId,
    user: UserId,
    pub kind: RoomKind,
    /// Seq of the last message.
    pub last_seq: u64,
    pub rev: u64,
    /// Highest seq among unsent messages.
    pub last_unsent_seq: u64,
    /// The first seq that the user may read.
    pub visible_from_seq: u64,
    /// The last seq that the user may read: the room's last, or the last one before the membership ended.
    pub visible_to_seq: u64,
    pub settings: Settings,
    /// Whether a block parts the two users of a direct room.
    pub blocked: bool,
    /// Whether another member removed the user; then no invite lets them rejoin.
    pub removed: bool,
    membership: Option<Membership>,
    ended: Option<MembershipEnd>,
}

/// The end of a membership; later changes are hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MembershipEnd {
    /// The room's `rev` at that time.
    pub rev: u64,
    pub at: Timestamp,
}

/// Proof that a user is a member of a room.
#[derive(Clone, Debug)]
pub struct Membership {
    room: RoomId,
    user: UserId,
    pub role: Role,
    pub read_seq: u64,
    /// Last message delivered to one of their devices.
    pub delivered_seq: u64,
    /// Token bucket of messages, in thousandths, and when it was last filled.
    pub allowance: (i32, Timestamp),
    /// Token bucket of edits and reactions.
    pub change_allowance: (i32, Timestamp),
}

impl MembershipEnd {
    /// Returns where the reader's view ends.
    pub(super) fn known_to(room: &Readable) -> Self {
        room.ended.unwrap_or(Self::NEVER)
    }

    /// The view of a current member.
    pub(super) const NEVER: Self = Self { rev: u64::MAX, at: Timestamp(i64::MAX) };
}

impl Readable {
    pub fn room(&self) -> RoomId {
        self.room
    }

    pub fn user(&self) -> UserId {
        self.user
    }

    /// Returns the membership, if any; public rooms are readable without one.
    pub fn member(&self) -> Option<&Membership> {
        self.membership.as_ref()
    }

    /// Returns what joining the room requires.
    pub fn join_target(&self) -> JoinTarget {
        JoinTarget { room: self.room, place: (self.last_seq, self.rev), archived: self.settings.archived, removed: self.removed }
    }

    /// Whether the reader is a former member, who sees the room as of the end of the membership.
    pub fn is_past(&self) -> bool {
        self.ended.is_some()
    }

    /// Returns the end of a former member's membership.
    pub fn ended(&self) -> Option<MembershipEnd> {
        self.ended
    }

    /// Returns the `rev` that the reader sees.
    pub fn seen_rev(&self) -> u64 {
        self.ended.map_or(self.rev, |ended| ended.rev)
    }
}

impl Membership {
    pub fn room(&self) -> RoomId {
        self.room
    }

    pub fn user(&self) -> UserId {
        self.user
    }
}

/// The data that joining a room requires; exposes no content.
#[derive(Clone, Copy, Debug)]
pub struct JoinTarget {
    pub room: RoomId,
    /// Last seq and `rev`.
    pub place: (u64, u64),
    pub archived: bool,
    /// Whether the user was removed, and may only return by being added.
    pub removed: bool,
}

/// A user's access to a room that exists.
#[derive(Clone, Debug)]
pub enum Access {
    /// May read the room, perhaps as a member.
    Readable(Readable),
    Banned(RoomId, RoomKind),
    /// May not know of the room.
    Hidden(JoinTarget),
}

impl Access {
    /// Returns the room, for operations that do not require access.
    pub(crate) fn room(&self) -> RoomId {
        match self {
            Self::Readable(room) => room.room,
            Self::Banned(room, _) => *room,
            Self::Hidden(target) => target.room,
        }
    }
}

/// A row of `rooms` left-joined to the user's row of `members`.
#[derive(sqlx::FromRow)]
pub(super) struct AccessRow {
    pub(super) room_id: u64,
    pub(super) kind: String,
    pub(super) last_seq: u64,
    pub(super) rev: u64,
    pub(super) last_unsent_seq: u64,
    pub(super) archived_at: Option<i64>,
    pub(super) slow_mode_seconds: u32,
    pub(super) who_writes: String,
    pub(super) who_adds: String,
    pub(super) past_members_read: bool,
    pub(super) blocked: i64,
    pub(super) role: Option<String>,
    pub(super) state: Option<String>,
    pub(super) visible_from_seq: Option<u64>,
    pub(super) left_seq: Option<u64>,
    pub(super) past_rev: Option<u64>,
    pub(super) past_at: Option<i64>,
    pub(super) read_seq: Option<u64>,
    pub(super) delivered_seq: Option<u64>,
    pub(super) allowance: Option<i32>,
    pub(super) allowance_at: Option<i64>,
    pub(super) change_allowance: Option<i32>,
    pub(super) change_allowance_at: Option<i64>,
}

impl AccessRow {
    /// Like [`AccessRow::access`], and records the room as the subject of the invocation.
    pub(super) fn requested_access(self, user: UserId) -> Access {
        invocation::set_room(RoomId(self.room_id));
        self.access(user)
    }

    pub(super) fn access(self, user: UserId) -> Access {
        let room = RoomId(self.room_id);
        let kind = room_rows::kind(&self.kind);
        let membership = match (self.state.as_deref(), self.role.as_deref()) {
            (Some("banned"), _) => return Access::Banned(room, kind),
            (Some("joined"), Some(role)) => Some(Membership {
                room,
                user,
                role: self::role(role),
                read_seq: self.read_seq.unwrap_or_default(),
                delivered_seq: self.delivered_seq.unwrap_or_default(),
                allowance: (self.allowance.unwrap_or_default(), Timestamp(self.allowance_at.unwrap_or_default())),
                change_allowance: (
                    self.change_allowance.unwrap_or_default(),
                    Timestamp(self.change_allowance_at.unwrap_or_default()),
                ),
            }),
            _ => None,
        };
        let settings = SettingsColumns {
            archived_at: self.archived_at,
            slow_mode_seconds: self.slow_mode_seconds,
            who_writes: &self.who_writes,
            who_adds: &self.who_adds,
            past_members_read: self.past_members_read,
        }
        .settings();
        let removed = self.state.as_deref() == Some("removed");
        let target = JoinTarget { room, place: (self.last_seq, self.rev), archived: settings.archived, removed };
        // A public room is readable to its end. Other rooms show former members what precedes the end of their membership, if the room allowed this
        // then and still does.
        let ended = self.past_rev.zip(self.past_at).map(|(rev, at)| MembershipEnd { rev, at: Timestamp(at) });
        let past = self.left_seq.zip(ended).filter(|_| settings.past_members_read);
        let (visible_to_seq, ended) = match (&membership, kind, past) {
            (Some(_), _, _) | (None, RoomKind::Public, _) => (self.last_seq, None),
            (None, _, Some((end, ended))) => (end, Some(ended)),
            (None, _, None) => return Access::Hidden(target),
        };
        Access::Readable(Readable {
            room,
            user,
            kind,
            last_seq: self.last_seq,
            rev: self.rev,
            last_unsent_seq: self.last_unsent_seq,
            visible_from_seq: if kind == RoomKind::Public && membership.is_none() {
                1
            } else {
                self.visible_from_seq.unwrap_or(1)
            },
            visible_to_seq,
            settings,
            blocked: self.blocked != 0,
            removed,
            membership,
            ended,
        })
    }
}

macro_rules! select_access {
    ($room:expr, $user:expr, $lock:literal) => {{
        let (id, slug) = room_rows::key($room);
        sqlx::query_as!(
            AccessRow,
            r#"
            select r.id as room_id, r.kind as "kind: String", r.last_seq, r.rev, r.last_unsent_seq, r.archived_at,
                   r.slow_mode_seconds,
                   r.who_writes as "who_writes: String", r.who_adds as "who_adds: String",
                   r.past_members_read as "past_members_read: bool",
                   case when r.kind = 'direct' then exists (
                       select 1 from members d
                       where d.room_id = r.id and d.user_id <> m.user_id
                         and (exists (select 1 from blocks b where b.user_id = d.user_id and b.blocked_id = m.user_id)
                              or exists (select 1 from blocks b where b.user_id = m.user_id and b.blocked_id = d.user_id))
                   ) else 0 end as "blocked!: i64",
                   m.role as "role?: String", m.state as "state?: String", m.visible_from_seq as "visible_from_seq?",
                   m.left_seq as "left_seq?", m.past_rev as "past_rev?", m.past_at as "past_at?", m.read_seq as "read_seq?", m.delivered_seq as "delivered_seq?",
                   m.allowance as "allowance?",
                   m.allowance_at as "allowance_at?",
                   m.change_allowance as "change_allowance?", m.change_allowance_at as "change_allowance_at?"
            from rooms r
            left join members m on m.room_id = r.id and m.user_id = ?
            where r.id = coalesce(?, (select s.id from rooms s where s.slug = ?)) and r.deleted_at is null
            "# + $lock,
            $user.0,
            id,
            slug,
        )
    }};
}

/// Returns a user's access to a room, if the room exists. One statement by keys.
pub async fn find_access(connection: &mut MySqlConnection, room: &RoomRef, user: UserId) -> Result<Option<Access>> {
    let row = select_access!(room, user, "").fetch_optional(connection).await?;
    Ok(row.map(|row| row.requested_access(user)))
}

/// Like [`find_access`] for many rooms in one statement, without missing rooms. Does not compute `blocked`.
pub async fn find_accesses(connection: &mut MySqlConnection, rooms: &[RoomId], user: UserId) -> Result<Vec<Access>> {
    if rooms.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "select r.id as room_id, cast(r.kind as char) as kind, r.last_seq, r.rev, r.last_unsent_seq, r.archived_at, r.slow_mode_seconds, \
                cast(r.who_writes as char) as who_writes, cast(r.who_adds as char) as who_adds, r.past_members_read, \
                cast(0 as signed) as blocked, cast(m.role as char) as role, cast(m.state as char) as state, m.visible_from_seq, m.left_seq, m.past_rev, m.past_at, \
                m.read_seq, m.delivered_seq, m.allowance, m.allowance_at, m.change_allowance, m.change_allowance_at \
         from rooms r force index (primary) \
         left join members m on m.room_id = r.id and m.user_id = {user} \
         where r.id in ({}) and r.deleted_at is null",
        listed(rooms),
    );
    let rows: Vec<AccessRow> = fetch_generated(sql, connection).await?;
    Ok(rows.into_iter().map(|row| row.access(user)).collect())
}

/// Like [`find_access`], with the rows of room and member locked for a change.
pub async fn lock(transaction: &mut MySqlConnection, room: &RoomRef, user: UserId) -> Result<Option<Access>> {
    let row = select_access!(room, user, "for update").fetch_optional(transaction).await?;
    Ok(row.map(|row| row.requested_access(user)))
}

/// Returns a page of members by ascending user id, after `after`, with the markers that the reader may see.
pub async fn list(connection: &mut MySqlConnection, room: &Readable, after: u64, limit: u32) -> Result<Vec<rooms::Member>> {
    let rows = query_with_markers!(
        r#"
        select m.role as "role: String", m.joined_at, m.read_seq, m.delivered_seq,
               u.id, u.username, u.display_name, u.about, u.avatar_upload, u.created_at,
        "#,
        [],
        room,
        r#"
        from members m
        join users u on u.id = m.user_id
        where m.room_id = ? and m.state = 'joined' and m.user_id > ?
        order by m.user_id
        limit ?
        "#,
        [room.room.0, after, limit]
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| rooms::Member {
            user: User {
                id: UserId(row.id),
                username: row.username,
                display_name: row.display_name,
                about: row.about,
                avatar_url: users::avatar_url(UserId(row.id), row.avatar_upload),
                created_at: Timestamp(row.created_at),
            },
            role: role(&row.role),
            joined_at: Timestamp(row.joined_at),
            read_seq: row.shows.then_some(row.read_seq),
            delivered_seq: row.shows.then_some(row.delivered_seq),
        })
        .collect())
}

pub async fn find(connection: &mut MySqlConnection, room: &Readable, user: UserId) -> Result<Option<rooms::Member>> {
    let before = user.0.saturating_sub(1);
    Ok(list(connection, room, before, 1).await?.pop().filter(|member| member.user.id == user))
}

/// Parses the column `role`.
pub(super) fn role(name: &str) -> Role {
    match name {
        "owner" => Role::Owner,
        "admin" => Role::Admin,
        _ => Role::Member,
    }
}
