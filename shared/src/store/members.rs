//! Who is in a room. The proofs that the rest of the store asks for, [`Readable`] and [`Member`], are made here and nowhere else.

use sqlx::MySqlConnection;

use crate::error::Result;
use crate::id::{RoomId, RoomRef, UserId};
use crate::protocol::people::User;
use crate::protocol::rooms::{self, Role, RoomKind};
use crate::store::{rooms as room_rows, users};
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
    /// The first seq that the person may read.
    pub visible_from_seq: u64,
    /// Whether nothing can be written any more.
    pub archived: bool,
    membership: Option<Member>,
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
    /// Thousandths of a message that they may send, and when that was filled.
    pub allowance: (i32, Timestamp),
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

/// How a person stands to a room that exists.
#[derive(Clone, Debug)]
pub enum Standing {
    /// May read it, perhaps as a member.
    Readable(Readable),
    /// Was banned from it.
    Banned,
    /// May not know of it.
    Hidden,
}

/// One row of `rooms` left-joined to the person's row of `members`.
pub(super) struct StandingRow {
    pub(super) room_id: u64,
    pub(super) kind: String,
    pub(super) last_seq: u64,
    pub(super) rev: u64,
    pub(super) archived_at: Option<i64>,
    pub(super) role: Option<String>,
    pub(super) state: Option<String>,
    pub(super) visible_from_seq: Option<u64>,
    pub(super) read_seq: Option<u64>,
    pub(super) allowance: Option<i32>,
    pub(super) allowance_at: Option<i64>,
}

impl StandingRow {
    pub(super) fn standing(self, user: UserId) -> Standing {
        let room = RoomId(self.room_id);
        let kind = room_rows::kind(&self.kind);
        let membership = match (self.state.as_deref(), self.role.as_deref()) {
            (Some("banned"), _) => return Standing::Banned,
            (Some("joined"), Some(role)) => Some(Member {
                room,
                user,
                role: self::role(role),
                read_seq: self.read_seq.unwrap_or_default(),
                allowance: (self.allowance.unwrap_or_default(), Timestamp(self.allowance_at.unwrap_or_default())),
            }),
            _ => None,
        };
        if membership.is_none() && kind != RoomKind::Public {
            return Standing::Hidden;
        }
        Standing::Readable(Readable {
            room,
            user,
            kind,
            last_seq: self.last_seq,
            rev: self.rev,
            visible_from_seq: membership.as_ref().and(self.visible_from_seq).unwrap_or(1),
            archived: self.archived_at.is_some(),
            membership,
        })
    }
}

macro_rules! select_standing {
    ($room:expr, $user:expr, $lock:literal) => {{
        let (id, slug) = room_rows::key($room);
        sqlx::query_as!(
            StandingRow,
            r#"
            select r.id as room_id, r.kind as "kind: String", r.last_seq, r.rev, r.archived_at,
                   m.role as "role?: String", m.state as "state?: String", m.visible_from_seq as "visible_from_seq?",
                   m.read_seq as "read_seq?", m.allowance as "allowance?", m.allowance_at as "allowance_at?"
            from rooms r
            left join members m on m.room_id = r.id and m.user_id = ?
            where r.id = coalesce(?, (select s.id from rooms s where s.slug = ?))
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
    Ok(row.map(|row| row.standing(user)))
}

/// The same under the locks of the room's and the member's row, for changes.
pub async fn lock(transaction: &mut MySqlConnection, room: &RoomRef, user: UserId) -> Result<Option<Standing>> {
    let row = select_standing!(room, user, "for update").fetch_optional(transaction).await?;
    Ok(row.map(|row| row.standing(user)))
}

/// Makes people members of a room whose row the transaction holds; `rev` and `last_seq` are the room's. Gives how many are new.
///
/// Who comes back keeps the watermarks; what was written meanwhile is unread only from `last_seq` on.
pub async fn insert(
    transaction: &mut MySqlConnection,
    room: (RoomId, u64, u64),
    users: &[(UserId, Role)],
    now: Timestamp,
) -> Result<u32> {
    let (room, rev, last_seq) = room;
    let mut added = 0;
    for (user, role) in users {
        let done = sqlx::query!(
            r#"
            insert into members (room_id, user_id, role, state, joined_at, joined_seq, read_seq, delivered_seq, rev)
            values (?, ?, ?, 'joined', ?, ?, ?, ?, ?)
            on duplicate key update
                role = if(state = 'joined', role, values(role)),
                joined_at = if(state = 'joined', joined_at, values(joined_at)),
                joined_seq = if(state = 'joined', joined_seq, values(joined_seq)),
                read_seq = if(state = 'joined', read_seq, greatest(read_seq, values(read_seq))),
                rev = if(state = 'joined', rev, values(rev)),
                state = 'joined'
            "#,
            room.0,
            user.0,
            role_name(*role),
            now.0,
            last_seq,
            last_seq,
            last_seq,
            rev,
        )
        .execute(&mut *transaction)
        .await?;
        // 1 for a new row, 2 for a changed one, 0 for one that was as it is.
        added += u32::from(done.rows_affected() > 0);
    }
    Ok(added)
}

/// Ends a membership whose room the transaction holds.
pub async fn leave(transaction: &mut MySqlConnection, member: &Member, rev: u64) -> Result<()> {
    sqlx::query!(
        "update members set state = 'left', role = 'member', rev = ? where room_id = ? and user_id = ?",
        rev,
        member.room.0,
        member.user.0,
    )
    .execute(transaction)
    .await?;
    Ok(())
}

/// How many owners the room has besides this member, and how many other members at all.
pub async fn others(transaction: &mut MySqlConnection, member: &Member) -> Result<(i64, i64)> {
    let row = sqlx::query!(
        r#"
        select count(case when role = 'owner' then 1 end) as "owners!: i64", count(*) as "all!: i64"
        from members
        where room_id = ? and user_id <> ? and state = 'joined'
        "#,
        member.room.0,
        member.user.0,
    )
    .fetch_one(transaction)
    .await?;
    Ok((row.owners, row.all))
}

/// The ids of all members: the audience of the room's frames. One range of the primary key.
pub async fn audience(connection: &mut MySqlConnection, room: RoomId) -> Result<Vec<UserId>> {
    let ids = sqlx::query_scalar!("select user_id from members where room_id = ? and state = 'joined'", room.0)
        .fetch_all(connection)
        .await?;
    Ok(ids.into_iter().map(UserId).collect())
}

/// A page of members by ascending user id, after `after`.
pub async fn list(connection: &mut MySqlConnection, room: &Readable, after: u64, limit: u32) -> Result<Vec<rooms::Member>> {
    let rows = sqlx::query!(
        r#"
        select m.role as "role: String", m.joined_at, m.read_seq, m.delivered_seq,
               u.id, u.username, u.display_name, u.about, u.avatar_upload, u.created_at
        from members m
        join users u on u.id = m.user_id
        where m.room_id = ? and m.state = 'joined' and m.user_id > ?
        order by m.user_id
        limit ?
        "#,
        room.room.0,
        after,
        limit,
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
            read_seq: row.read_seq,
            delivered_seq: row.delivered_seq,
        })
        .collect())
}

/// A role as its column spells it.
pub(super) fn role(name: &str) -> Role {
    match name {
        "owner" => Role::Owner,
        "admin" => Role::Admin,
        _ => Role::Member,
    }
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Owner => "owner",
        Role::Admin => "admin",
        Role::Member => "member",
    }
}
