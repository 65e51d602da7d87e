//! Members of rooms. Only this module creates the proofs that the rest of the store requires, [`Readable`] and [`Membership`].

use sqlx::MySqlConnection;

use crate::error::Result;
use crate::id::{Head, Rev, RoomId, RoomRef, Seq, SessionId, UserId};
use crate::protocol::rooms::{self, Role, RoomKind, Settings};
use crate::store::inline_sql::{fetch_generated, list as listed};
use crate::store::rows::access::{ACCESS, AccessRow, access_of, query_access, query_access_and_block};
use crate::store::rows::markers::query_with_markers;
use crate::store::rows::room::{key, settings_of};
use crate::store::rows::user::user_of;
use crate::telemetry::invocation;
use crate::time::Timestamp;

/// Proof that a user may read a room, with the columns that the check reads.
#[derive(Clone, Debug)]
pub struct Readable {
    room: RoomId,
    user: UserId,
    pub kind: RoomKind,
    /// Seq of the last message.
    pub last_seq: Seq,
    pub rev: Rev,
    /// No message after it is unsent or of the system; the last seq where that is not known.
    pub last_uncounted_seq: Seq,
    /// The last message that the user hid; 0 without one, and where reading and sending do not need it.
    pub last_hidden_seq: Seq,
    /// The first seq that the user may read.
    pub visible_from_seq: Seq,
    /// The last seq that the user may read: the room's last, or the last one before the membership ended.
    pub visible_to_seq: Seq,
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
    pub rev: Rev,
    pub at: Timestamp,
}

/// Proof that a user is a member of a room.
#[derive(Clone, Debug)]
pub struct Membership {
    room: RoomId,
    user: UserId,
    pub role: Role,
    pub read_seq: Seq,
    /// Last message delivered to one of their devices.
    pub delivered_seq: Seq,
    /// Tokens for messages.
    pub allowance: TokenBucket,
    /// Tokens for edits and reactions.
    pub change_allowance: TokenBucket,
}

/// A token bucket as its row stores it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenBucket {
    /// Tokens, in thousandths.
    pub left: i32,
    pub filled_at: Timestamp,
}

impl MembershipEnd {
    /// Returns where the reader's view ends.
    pub(super) fn known_to(room: &Readable) -> Self {
        room.ended.unwrap_or(Self::NEVER)
    }

    /// The view of a current member.
    pub(super) const NEVER: Self = Self { rev: Rev(u64::MAX), at: Timestamp(i64::MAX) };
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

    /// Returns the room's last message and `rev`.
    pub fn head(&self) -> Head {
        Head { seq: self.last_seq, rev: self.rev }
    }

    /// Returns what joining the room requires.
    pub fn join_target(&self) -> JoinTarget {
        JoinTarget { room: self.room, head: self.head(), archived: self.settings.archived, removed: self.removed }
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
    pub fn seen_rev(&self) -> Rev {
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
    pub head: Head,
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

impl AccessRow {
    /// Like [`AccessRow::access`], and records the room as the subject of the invocation.
    pub(super) fn requested_access(self, user: UserId) -> Access {
        invocation::set_room(RoomId(self.room_id));
        self.access(user)
    }

    pub(super) fn access(self, user: UserId) -> Access {
        let bucket = |left: Option<i32>, filled_at: Option<i64>| TokenBucket {
            left: left.unwrap_or_default(),
            filled_at: Timestamp(filled_at.unwrap_or_default()),
        };
        let room = RoomId(self.room_id);
        let kind = self.kind.parse().unwrap_or(RoomKind::Group);
        let membership = match (self.state.as_deref(), self.role.as_deref()) {
            (Some("banned"), _) => return Access::Banned(room, kind),
            (Some("joined"), Some(role)) => Some(Membership {
                room,
                user,
                role: role.parse().unwrap_or(Role::Member),
                read_seq: Seq(self.read_seq.unwrap_or_default()),
                delivered_seq: Seq(self.delivered_seq.unwrap_or_default()),
                allowance: bucket(self.allowance, self.allowance_at),
                change_allowance: bucket(self.change_allowance, self.change_allowance_at),
            }),
            _ => None,
        };
        let settings = settings_of!(self);
        let removed = self.state.as_deref() == Some("removed");
        let head = Head { seq: self.last_seq, rev: self.rev };
        let target = JoinTarget { room, head, archived: settings.archived, removed };
        // A public room is readable to its end. Other rooms show former members what precedes the end of their membership, if the room allowed this
        // then and still does.
        let ended = self.past_rev.zip(self.past_at).map(|(rev, at)| MembershipEnd { rev: Rev(rev), at: Timestamp(at) });
        let past = self.left_seq.zip(ended).filter(|_| settings.past_members_read);
        let (visible_to_seq, ended) = match (&membership, kind, past) {
            (Some(_), _, _) | (None, RoomKind::Public, _) => (self.last_seq, None),
            (None, _, Some((end, ended))) => (Seq(end), Some(ended)),
            (None, _, None) => return Access::Hidden(target),
        };
        Access::Readable(Readable {
            room,
            user,
            kind,
            last_seq: self.last_seq,
            rev: self.rev,
            last_uncounted_seq: self.last_uncounted_seq,
            last_hidden_seq: Seq(self.last_hidden_seq),
            visible_from_seq: if kind == RoomKind::Public && membership.is_none() {
                Seq(1)
            } else {
                Seq(self.visible_from_seq.unwrap_or(1))
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
        let (id, slug) = key($room);
        query_access_and_block!(
            r#"
            from rooms r
            left join members m on m.room_id = r.id and m.user_id = ?
            where r.id = coalesce(?, (select s.id from rooms s where s.slug = ?)) and r.deleted_at is null
            "# $lock,
            $user.0,
            id,
            slug,
        )
    }};
}

/// Returns a user's access to a room, if the room exists. One statement by keys.
pub async fn find_access(connection: &mut MySqlConnection, room: &RoomRef, user: UserId) -> Result<Option<Access>> {
    let row = select_access!(room, user, "").fetch_optional(connection).await?;
    Ok(row.map(|row| access_of!(row, row.last_hidden_seq).requested_access(user)))
}

/// Like [`find_access`], for reading: does not compute `blocked`. With the username of the session's user if the session is live, as `sessions::check`
/// returns it.
pub async fn find_access_of_session(
    connection: &mut MySqlConnection,
    room: &RoomRef,
    user: UserId,
    session: SessionId,
    now: Timestamp,
) -> Result<Option<(Option<String>, Access)>> {
    let (id, slug) = key(room);
    let row = query_access!(
        r#"
        0 as "blocked!: i64",
        (select u.username from sessions s join users u on u.id = s.user_id
           where s.id = ? and s.user_id = ? and s.revoked_at is null and s.expires_at > ?
             and u.disabled_at is null and u.deleted_at is null) as "username?: String"
        from rooms r
        left join members m on m.room_id = r.id and m.user_id = ?
        where r.id = coalesce(?, (select s.id from rooms s where s.slug = ?)) and r.deleted_at is null
        "#,
        session.0,
        user.0,
        now.0,
        user.0,
        id,
        slug,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| (row.username, access_of!(row).requested_access(user))))
}

/// Like [`find_access`] for many rooms in one statement, without missing rooms. Does not compute `blocked`.
pub async fn find_accesses(connection: &mut MySqlConnection, rooms: &[RoomId], user: UserId) -> Result<Vec<Access>> {
    if rooms.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "select {ACCESS}, cast(0 as signed) as blocked \
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
    Ok(row.map(|row| access_of!(row, row.last_hidden_seq).requested_access(user)))
}

/// Returns a page of members by ascending user id, after `after`, with the markers that the reader may see.
pub async fn list(connection: &mut MySqlConnection, room: &Readable, after: u64, limit: u32) -> Result<Vec<rooms::Member>> {
    let rows = query_with_markers!(
        r#"
        select m.role as "role: String", m.joined_at, m.read_seq, m.delivered_seq,
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
            user: user_of!(row),
            role: row.role.parse().unwrap_or(Role::Member),
            joined_at: Timestamp(row.joined_at),
            read_seq: row.shows.then_some(Seq(row.read_seq)),
            delivered_seq: row.shows.then_some(Seq(row.delivered_seq)),
        })
        .collect())
}

pub async fn find(connection: &mut MySqlConnection, room: &Readable, user: UserId) -> Result<Option<rooms::Member>> {
    let before = user.0.saturating_sub(1);
    Ok(list(connection, room, before, 1).await?.pop().filter(|member| member.user.id == user))
}
