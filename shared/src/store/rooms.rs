//! Rooms: making them, and lists of them with last message and unread in one statement, however many.

use sqlx::MySqlConnection;

use crate::error::Result;
use crate::id::{RoomId, RoomRef, UserId};
use crate::protocol::frames::Changed;
use crate::protocol::people::User;
use crate::protocol::rooms::{Room, RoomKind, Scope, Settings};
use crate::store::members::{self, Readable};
use crate::store::messages::MessageRow;
use crate::store::users;
use crate::time::Timestamp;

/// Where a page of rooms begins: after this place, newest activity first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Last activity of the room before, epoch milliseconds.
    pub active_at: i64,
    /// Its id.
    pub room: u64,
}

impl Place {
    /// Before every room.
    pub const START: Self = Self { active_at: i64::MAX, room: u64::MAX };
}

/// Makes a room. Gives its id.
pub async fn insert(
    transaction: &mut MySqlConnection,
    kind: RoomKind,
    (name, topic): (&str, &str),
    by: UserId,
    now: Timestamp,
) -> Result<RoomId> {
    let id = sqlx::query!(
        r#"
        insert into rooms (kind, name, topic, rev, active_at, changed_at, created_by, created_at)
        values (?, ?, ?, 1, ?, ?, ?, ?)
        "#,
        kind_name(kind),
        name,
        topic,
        now.0,
        now.0,
        by.0,
        now.0,
    )
    .execute(transaction)
    .await?
    .last_insert_id();
    Ok(RoomId(id))
}

/// Writes that the room, whose row the transaction holds, has a new `rev` and so many members more (or fewer).
pub async fn changed(transaction: &mut MySqlConnection, room: RoomId, rev: u64, members: i32, now: Timestamp) -> Result<()> {
    sqlx::query!(
        r#"
        update rooms
        set rev = ?, members_count = greatest(0, cast(members_count as signed) + ?), changed_at = greatest(changed_at, ?)
        where id = ?
        "#,
        rev,
        members,
        now.0,
        room.0,
    )
    .execute(transaction)
    .await?;
    Ok(())
}

/// The room as its reader sees it.
pub async fn view(connection: &mut MySqlConnection, room: &Readable) -> Result<Option<Room>> {
    Ok(select(connection, room.user(), Pick::One(room.room()), Place::START, 1).await?.pop().map(|(room, _)| room))
}

/// A page of rooms, newest activity first, each with the place after which the next page begins.
pub async fn list(
    connection: &mut MySqlConnection,
    user: UserId,
    scope: Scope,
    after: Place,
    limit: u32,
) -> Result<Vec<(Room, Place)>> {
    select(connection, user, Pick::Scope(scope), after, limit).await
}

/// One's rooms whose `rev` rose after `since`.
pub async fn changed_since(connection: &mut MySqlConnection, user: UserId, since: Timestamp) -> Result<Vec<Changed>> {
    let rows = sqlx::query!(
        r#"
        select r.id, r.rev
        from members m
        join rooms r on r.id = m.room_id
        where m.user_id = ? and m.state = 'joined' and r.changed_at >= ?
        order by r.changed_at desc
        limit 1000
        "#,
        user.0,
        since.0,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| Changed { room_id: RoomId(row.id), rev: row.rev }).collect())
}

#[derive(Clone, Copy)]
enum Pick {
    One(RoomId),
    Scope(Scope),
}

/// One statement: the ids (mine by the members' index, public ones by theirs), then each room's row, mine in it, and its last message.
#[expect(clippy::too_many_lines, reason = "one statement, and the rooms that its rows are")]
async fn select(
    connection: &mut MySqlConnection,
    user: UserId,
    pick: Pick,
    after: Place,
    limit: u32,
) -> Result<Vec<(Room, Place)>> {
    let (only, mine, public) = match pick {
        Pick::One(room) => (Some(room.0), false, false),
        Pick::Scope(scope) => (None, scope != Scope::Public, scope != Scope::Joined),
    };
    let rows = sqlx::query!(
        r#"
        select r.id, r.kind as "kind: String", r.slug as "slug: String", r.name, r.topic, r.created_at, r.members_count,
               r.last_seq, r.rev, r.active_at, r.archived_at,
               m.role as "role?: String", m.read_seq as "read_seq?", m.visible_from_seq as "visible_from_seq?",
               m.muted_until as "muted_until?",
               l.id as "l_id?", l.sender_id as "l_sender_id?", l.kind as "l_kind?: String", l.content as "l_content?",
               l.client_id as "l_client_id?: String", l.reply_to_seq as "l_reply_to_seq?", l.created_at as "l_created_at?",
               l.edited_at as "l_edited_at?", l.deleted_at as "l_deleted_at?", l.rev as "l_rev?", lu.username as "l_username?",
               q.content as "q_content?", q.deleted_at as "q_deleted_at?", qu.username as "q_username?",
               du.id as "d_id?", du.username as "d_username?", du.display_name as "d_display_name?", du.about as "d_about?",
               du.avatar_upload as "d_avatar_upload?", du.created_at as "d_created_at?"
        from (
            select room_id as id from members where user_id = ? and state = 'joined' and ?
            union
            (select id from rooms
             where kind = 'public' and ? and archived_at is null and (active_at < ? or (active_at = ? and id < ?))
             order by active_at desc, id desc
             limit ?)
            union
            select ?
        ) ids
        join rooms r on r.id = ids.id
        left join members m on m.room_id = r.id and m.user_id = ? and m.state = 'joined'
        left join messages l on l.room_id = r.id and l.seq = r.last_seq
        left join users lu on lu.id = l.sender_id
        left join messages q on q.room_id = r.id and q.seq = l.reply_to_seq
        left join users qu on qu.id = q.sender_id
        left join members d on r.kind = 'direct' and d.room_id = r.id and d.user_id <> ?
        left join users du on du.id = d.user_id
        where (r.active_at < ? or (r.active_at = ? and r.id < ?))
          and not (? and exists (select 1 from members b where b.room_id = r.id and b.user_id = ? and b.state = 'banned'))
        order by r.active_at desc, r.id desc
        limit ?
        "#,
        user.0,
        mine,
        public,
        after.active_at,
        after.active_at,
        after.room,
        limit,
        only,
        user.0,
        user.0,
        after.active_at,
        after.active_at,
        after.room,
        public,
        user.0,
        limit,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let joined = row.role.is_some();
            let visible_from = row.visible_from_seq.unwrap_or(1);
            let last_message = row.l_id.filter(|_| row.last_seq >= visible_from).map(|id| {
                MessageRow {
                    room_id: row.id,
                    seq: row.last_seq,
                    id,
                    sender_id: row.l_sender_id,
                    kind: row.l_kind.unwrap_or_default(),
                    content: row.l_content.unwrap_or_default(),
                    client_id: row.l_client_id,
                    reply_to_seq: row.l_reply_to_seq,
                    created_at: row.l_created_at.unwrap_or_default(),
                    edited_at: row.l_edited_at,
                    deleted_at: row.l_deleted_at,
                    rev: row.l_rev.unwrap_or_default(),
                    username: row.l_username,
                    reply_content: row.q_content,
                    reply_deleted_at: row.q_deleted_at,
                    reply_username: row.q_username,
                }
                .message()
            });
            let direct_user = row.d_id.map(|id| User {
                id: UserId(id),
                username: row.d_username.unwrap_or_default(),
                display_name: row.d_display_name.unwrap_or_default(),
                about: row.d_about.unwrap_or_default(),
                avatar_url: users::avatar_url(UserId(id), row.d_avatar_upload),
                created_at: Timestamp(row.d_created_at.unwrap_or_default()),
            });
            let room = Room {
                id: RoomId(row.id),
                kind: kind(&row.kind),
                slug: row.slug,
                name: row.name,
                topic: row.topic,
                avatar_url: None,
                created_at: Timestamp(row.created_at),
                joined,
                role: row.role.as_deref().map(members::role),
                members_count: row.members_count,
                direct_user,
                last_seq: row.last_seq,
                rev: row.rev,
                last_message,
                // Sending advances the sender's own mark, so what lies after it is of others.
                unread: row.read_seq.map_or(0, |read| row.last_seq.saturating_sub(read)),
                mentions: 0,
                muted_until: row.muted_until.map(Timestamp),
                settings: Settings { archived: row.archived_at.is_some() },
            };
            (room, Place { active_at: row.active_at, room: row.id })
        })
        .collect())
}

/// A room's reference as the two values of `coalesce(id, the one with this slug)`.
pub(super) fn key(room: &RoomRef) -> (Option<u64>, Option<&str>) {
    match room {
        RoomRef::Id(id) => (Some(id.0), None),
        RoomRef::Slug(slug) => (None, Some(slug)),
    }
}

/// A kind as its column spells it.
pub(super) fn kind(name: &str) -> RoomKind {
    match name {
        "direct" => RoomKind::Direct,
        "public" => RoomKind::Public,
        _ => RoomKind::Group,
    }
}

fn kind_name(kind: RoomKind) -> &'static str {
    match kind {
        RoomKind::Direct => "direct",
        RoomKind::Group => "group",
        RoomKind::Public => "public",
    }
}
