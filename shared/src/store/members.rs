//! Who is in a room. The proofs that the rest of the store asks for, [`Readable`] and [`Member`], are made here and nowhere else.

use sqlx::MySqlConnection;

use crate::error::Result;
use crate::id::{RoomId, RoomRef, UserId};
use crate::protocol::people::User;
use crate::protocol::rooms::{self, Role, RoomKind, Settings};
use crate::store::marks::query_with_marks;
use crate::store::plain::{list as listed, plain};
use crate::store::settings::Rules;
use crate::store::{rooms as room_rows, users};
use crate::telemetry::invocation;
use crate::time::Timestamp;

/// Proof that a person may read a room, and what was read along the way.
#[derive(Clone, Debug)]
pub struct Readable {
    room: RoomId,
    user: UserId,
    /// What the room is.
    pub kind: RoomKind,
    /// The seq of its last message.
    pub last_seq: u64,
    /// Its count of changes.
    pub rev: u64,
    /// The last one of its messages that was unsent.
    pub last_unsent_seq: u64,
    /// The first seq that the person may read.
    pub visible_from_seq: u64,
    /// The last seq that the person may read: the room's last one, or where a past membership ended.
    pub visible_to_seq: u64,
    /// The room's rules.
    pub settings: Settings,
    /// Whether it is a direct room whose two people are parted by a block.
    pub blocked: bool,
    /// Whether somebody else ended the person's membership: no invitation lets them back in.
    pub removed: bool,
    membership: Option<Member>,
    ended: Option<Ended>,
}

/// The moment at which a membership ended; what came after it is not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The room's count of changes then.
    pub rev: u64,
    /// When.
    pub at: Timestamp,
}

/// Proof that a person is a member of a room.
#[derive(Clone, Debug)]
pub struct Member {
    room: RoomId,
    user: UserId,
    /// What they may do.
    pub role: Role,
    /// The last message that they have read.
    pub read_seq: u64,
    /// The last message that reached one of their devices.
    pub delivered_seq: u64,
    /// Thousandths of a message that they may send, and when that was filled.
    pub allowance: (i32, Timestamp),
    /// The same of edits and reactions.
    pub change_allowance: (i32, Timestamp),
}

impl Ended {
    /// The end of what a reader knows; of a member, that of time.
    pub(super) fn known_to(room: &Readable) -> Self {
        room.ended.unwrap_or(Self::NEVER)
    }

    /// The end of what a present member knows.
    pub(super) const NEVER: Self = Self { rev: u64::MAX, at: Timestamp(i64::MAX) };
}

impl Readable {
    /// The room.
    pub fn room(&self) -> RoomId {
        self.room
    }

    /// The reader.
    pub fn user(&self) -> UserId {
        self.user
    }

    /// The reader's membership, if any; a public room is read without.
    pub fn member(&self) -> Option<&Member> {
        self.membership.as_ref()
    }

    /// The way in.
    pub fn door(&self) -> Door {
        Door { room: self.room, place: (self.last_seq, self.rev), archived: self.settings.archived, removed: self.removed }
    }

    /// Whether the reader was a member once, and sees the room as it was at the end of that.
    pub fn is_past(&self) -> bool {
        self.ended.is_some()
    }

    /// When the reader's membership ended, if it did, and only what came before is theirs to see.
    pub fn ended(&self) -> Option<Ended> {
        self.ended
    }

    /// The count of changes that the reader knows of.
    pub fn seen_rev(&self) -> u64 {
        self.ended.map_or(self.rev, |ended| ended.rev)
    }
}

impl Member {
    /// The room.
    pub fn room(&self) -> RoomId {
        self.room
    }

    /// The member.
    pub fn user(&self) -> UserId {
        self.user
    }
}

/// What letting somebody into a room takes; it shows nothing of what is inside.
#[derive(Clone, Copy, Debug)]
pub struct Door {
    /// The room.
    pub room: RoomId,
    /// Its last seq and its count of changes.
    pub place: (u64, u64),
    /// Whether nobody is let in any more.
    pub archived: bool,
    /// Whether the person was removed, and comes back only by being added.
    pub removed: bool,
}

/// How a person stands to a room that exists.
#[derive(Clone, Debug)]
pub enum Standing {
    /// May read it, perhaps as a member.
    Readable(Readable),
    /// Was banned from it.
    Banned(RoomId, RoomKind),
    /// May not know of it, unless somebody lets them in.
    Hidden(Door),
}

impl Standing {
    /// The room, for what is asked of it without being let in.
    pub(crate) fn room(&self) -> RoomId {
        match self {
            Self::Readable(room) => room.room,
            Self::Banned(room, _) => *room,
            Self::Hidden(door) => door.room,
        }
    }
}

/// One row of `rooms` left-joined to the person's row of `members`.
#[derive(sqlx::FromRow)]
pub(super) struct StandingRow {
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

impl StandingRow {
    /// The standing to the room that the invocation is about.
    pub(super) fn asked_for(self, user: UserId) -> Standing {
        invocation::is_about(RoomId(self.room_id));
        self.standing(user)
    }

    pub(super) fn standing(self, user: UserId) -> Standing {
        let room = RoomId(self.room_id);
        let kind = room_rows::kind(&self.kind);
        let membership = match (self.state.as_deref(), self.role.as_deref()) {
            (Some("banned"), _) => return Standing::Banned(room, kind),
            (Some("joined"), Some(role)) => Some(Member {
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
        let settings = Rules {
            archived_at: self.archived_at,
            slow_mode_seconds: self.slow_mode_seconds,
            who_writes: &self.who_writes,
            who_adds: &self.who_adds,
            past_members_read: self.past_members_read,
        }
        .settings();
        let removed = self.state.as_deref() == Some("removed");
        let door = Door { room, place: (self.last_seq, self.rev), archived: settings.archived, removed };
        // Whoever may read a public room reads it to its end; a past member of another one as far as the membership went, if the room let past
        // members read when it ended, and does so now.
        let ended = self.past_rev.zip(self.past_at).map(|(rev, at)| Ended { rev, at: Timestamp(at) });
        let past = self.left_seq.zip(ended).filter(|_| settings.past_members_read);
        let (visible_to_seq, ended) = match (&membership, kind, past) {
            (Some(_), _, _) | (None, RoomKind::Public, _) => (self.last_seq, None),
            (None, _, Some((end, ended))) => (end, Some(ended)),
            (None, _, None) => return Standing::Hidden(door),
        };
        Standing::Readable(Readable {
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

macro_rules! select_standing {
    ($room:expr, $user:expr, $lock:literal) => {{
        let (id, slug) = room_rows::key($room);
        sqlx::query_as!(
            StandingRow,
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

/// How a person stands to a room, if the room exists. One statement, by keys.
pub async fn standing(connection: &mut MySqlConnection, room: &RoomRef, user: UserId) -> Result<Option<Standing>> {
    let row = select_standing!(room, user, "").fetch_optional(connection).await?;
    Ok(row.map(|row| row.asked_for(user)))
}

/// The same of many rooms, in one statement; those that do not exist are left out. What is not read for changes is not read.
pub async fn standings(connection: &mut MySqlConnection, rooms: &[RoomId], user: UserId) -> Result<Vec<Standing>> {
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
    let rows: Vec<StandingRow> = plain(sql, connection).await?;
    Ok(rows.into_iter().map(|row| row.standing(user)).collect())
}

/// The same under the locks of the room's and the member's row, for changes.
pub async fn lock(transaction: &mut MySqlConnection, room: &RoomRef, user: UserId) -> Result<Option<Standing>> {
    let row = select_standing!(room, user, "for update").fetch_optional(transaction).await?;
    Ok(row.map(|row| row.asked_for(user)))
}

/// A page of members by ascending user id, after `after`; marks as far as the reader sees them.
pub async fn list(connection: &mut MySqlConnection, room: &Readable, after: u64, limit: u32) -> Result<Vec<rooms::Member>> {
    let rows = query_with_marks!(
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

/// One member.
pub async fn find(connection: &mut MySqlConnection, room: &Readable, user: UserId) -> Result<Option<rooms::Member>> {
    let before = user.0.saturating_sub(1);
    Ok(list(connection, room, before, 1).await?.pop().filter(|member| member.user.id == user))
}

/// A role as its column spells it.
pub(super) fn role(name: &str) -> Role {
    match name {
        "owner" => Role::Owner,
        "admin" => Role::Admin,
        _ => Role::Member,
    }
}
