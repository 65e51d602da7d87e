//! Rooms: creation, and lists with last message and unread counts in one statement of any size.

use sqlx::MySqlConnection;

use crate::error::Result;
use crate::id::{Rev, RoomId, Seq, UserId};
use crate::protocol::frames::Changed;
use crate::protocol::rooms::{Room, RoomKind, Scope};
use crate::store::former_member_view;
use crate::store::members::Readable;
use crate::store::rows::room::RoomRow;
use crate::store::unread::{self, UnreadRange};
use crate::time::Timestamp;

/// Most rooms in one `pong`.
const MAX_CHANGED: u32 = 1000;

/// Where a page of rooms begins: after this one, newest activity first; joining is activity for the one who joined. The directory of public rooms
/// lists most members first, then older rooms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoomListCursor {
    /// Epoch milliseconds.
    pub active_at: i64,
    pub members: u32,
    pub room: u64,
}

impl RoomListCursor {
    pub const START: Self = Self { active_at: i64::MAX, members: u32::MAX, room: u64::MAX };
}

/// A room to create.
#[derive(Clone, Copy, Debug)]
pub struct NewRoomRow<'a> {
    pub kind: RoomKind,
    pub name: &'a str,
    pub topic: &'a str,
}

/// Creates a room without members. Returns its id.
pub async fn insert(transaction: &mut MySqlConnection, new: NewRoomRow<'_>, by: UserId, now: Timestamp) -> Result<RoomId> {
    let id = sqlx::query!(
        r#"
        insert into rooms (kind, name, topic, rev, active_at, changed_at, created_by, created_at, last_system_seq, last_member_seq)
        values (?, ?, ?, 1, ?, ?, ?, ?, 0, 0)
        "#,
        new.kind.to_string(),
        new.name,
        new.topic,
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

/// Stores a room's new `rev` and changes its member count. The transaction locks the room.
pub async fn changed(transaction: &mut MySqlConnection, room: RoomId, rev: Rev, members: i32, now: Timestamp) -> Result<()> {
    sqlx::query!(
        r#"
        update rooms
        set rev = ?, members_count = greatest(0, cast(members_count as signed) + ?), changed_at = greatest(changed_at, ?)
        where id = ?
        "#,
        rev.0,
        members,
        now.0,
        room.0,
    )
    .execute(transaction)
    .await?;
    Ok(())
}

/// Returns the room as its reader sees it.
pub async fn view(connection: &mut MySqlConnection, room: &Readable) -> Result<Option<Room>> {
    match select(connection, room.user(), Selection::One(room.room()), RoomListCursor::START, 1).await?.pop() {
        Some((view, _)) => former_member_view::view(connection, room, view).await.map(Some),
        None => Ok(None),
    }
}

/// Returns those of these rooms that the user is in, newest activity first.
pub async fn list_by_ids(connection: &mut MySqlConnection, user: UserId, rooms: &[RoomId]) -> Result<Vec<Room>> {
    let limit = u32::try_from(rooms.len()).unwrap_or(u32::MAX);
    let rooms = select(connection, user, Selection::Mine(rooms), RoomListCursor::START, limit).await?;
    Ok(rooms.into_iter().map(|(room, _)| room).collect())
}

/// Returns a page of rooms, each with the cursor of the page after it.
pub async fn list(
    connection: &mut MySqlConnection,
    user: UserId,
    scope: Scope,
    after: RoomListCursor,
    limit: u32,
) -> Result<Vec<(Room, RoomListCursor)>> {
    select(connection, user, Selection::Scope(scope), after, limit).await
}

/// What changed for a user since a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecentChanges {
    /// The user's rooms, latest change first.
    pub rooms: Vec<Changed>,
    /// Whether `rooms` has all of them.
    pub complete: bool,
    /// The user's private rev.
    pub private_rev: Rev,
}

/// Returns the user's rooms that changed after `since`, and the user's private rev.
pub async fn changed_since(connection: &mut MySqlConnection, user: UserId, since: Timestamp) -> Result<RecentChanges> {
    let rows = sqlx::query!(
        r#"
        select u.private_rev, x.id as "id?: u64", x.rev as "rev?: u64"
        from users u
        left join (
            select r.id, r.rev, r.changed_at
            from members m
            join rooms r on r.id = m.room_id
            where m.user_id = ? and m.state = 'joined' and (m.closed_seq is null or m.closed_seq < r.last_seq)
              and r.deleted_at is null and r.changed_at >= ?
            order by r.changed_at desc
            limit ?
        ) x on true
        where u.id = ?
        order by x.changed_at desc
        "#,
        user.0,
        since.0,
        u64::from(MAX_CHANGED) + 1,
        user.0,
    )
    .fetch_all(connection)
    .await?;
    let complete = rows.len() <= MAX_CHANGED as usize;
    let private_rev = Rev(rows.first().map_or(0, |row| row.private_rev));
    let changed = rows.into_iter().filter_map(|row| Some(Changed { room_id: RoomId(row.id?), rev: Rev(row.rev?) }));
    Ok(RecentChanges { rooms: changed.take(MAX_CHANGED as usize).collect(), complete, private_rev })
}

#[derive(Clone, Copy)]
enum Selection<'a> {
    One(RoomId),
    Mine(&'a [RoomId]),
    Scope(Scope),
}

impl Selection<'_> {
    /// The ids of the rooms for `find_in_set`.
    fn among(self) -> Option<String> {
        match self {
            Self::Mine(rooms) => Some(rooms.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")),
            Self::One(_) | Self::Scope(_) => None,
        }
    }
}

/// One statement, and a second one for mentions and what does not count when anything is unread.
async fn select(
    connection: &mut MySqlConnection,
    user: UserId,
    selection: Selection<'_>,
    after: RoomListCursor,
    limit: u32,
) -> Result<Vec<(Room, RoomListCursor)>> {
    let rows = rows(&mut *connection, user, selection, after, limit).await?;
    let unread = rows.iter().filter_map(|row| {
        let after = row.read_seq.map(Seq).filter(|read| *read < row.last_seq)?;
        let (room, has_uncounted) = (RoomId(row.id), Seq(row.last_uncounted_seq) > after);
        Some(UnreadRange { room, after, has_uncounted, counts_system_messages: row.count_system_messages })
    });
    let parts = unread::count(connection, user, &unread.collect::<Vec<_>>()).await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let place = RoomListCursor { active_at: row.active_at, members: row.members_count, room: row.id };
            let parts = parts.get(&RoomId(row.id)).copied().unwrap_or_default();
            (row.room(parts), place)
        })
        .collect())
}

/// Selects the ids (own rooms by the index of members, public ones by theirs), then each room's row, membership and last message. The search for
/// the last message is a key if the room knows it, which the row of a release up to 0.2.0 may not, and if the user did not hide it.
async fn rows(
    connection: &mut MySqlConnection,
    user: UserId,
    selection: Selection<'_>,
    after: RoomListCursor,
    limit: u32,
) -> Result<Vec<RoomRow>> {
    let (only, mine, public) = match selection {
        Selection::One(room) => (Some(room.0), false, false),
        Selection::Mine(_) => (None, true, false),
        Selection::Scope(scope) => (None, scope != Scope::Public, scope == Scope::All),
    };
    let directory = matches!(selection, Selection::Scope(Scope::Public));
    let among = selection.among();
    let rows = sqlx::query_as!(
        RoomRow,
        r#"
        select r.id, r.kind as "kind: String", r.slug as "slug: String", r.name, r.topic, r.created_at, r.members_count,
               r.avatar_upload, r.last_seq, r.rev, greatest(r.active_at, coalesce(m.joined_at, 0)) as "active_at!: i64",
               r.archived_at, r.slow_mode_seconds, r.who_writes as "who_writes: String", r.who_adds as "who_adds: String",
               r.past_members_read as "past_members_read: bool", r.count_system_messages as "count_system_messages: bool",
               m.role as "role?: String", m.read_seq as "read_seq?", m.visible_from_seq as "visible_from_seq?",
               m.muted_until as "muted_until?", m.closed_seq as "closed_seq?",
               exists (select 1 from blocks b where b.user_id = m.user_id and b.blocked_id = d.user_id)
               or exists (select 1 from blocks b where b.user_id = d.user_id and b.blocked_id = m.user_id) as "blocked!: bool",
               r.last_uncounted_seq as "last_uncounted_seq!: u64",
               l.seq as "l_seq?", l.id as "l_id?", l.sender_id as "l_sender_id?", l.kind as "l_kind?: String",
               l.event as "l_event?: String", l.content as "l_content?", l.client_id as "l_client_id?: String", l.reply_to_seq as "l_reply_to_seq?",
               l.mentions as "l_mentions?: String", l.forwarded_username as "l_forwarded_username?",
               l.forwarded_at as "l_forwarded_at?", l.attachments as "l_attachments?", l.created_at as "l_created_at?", l.edited_at as "l_edited_at?",
               l.pinned_at as "l_pinned_at?", l.deleted_at as "l_deleted_at?", l.deleted_by as "l_deleted_by?", l.rev as "l_rev?",
               lu.username as "l_username?", q.kind as "q_kind?: String", q.content as "q_content?", q.deleted_at as "q_deleted_at?", qu.username as "q_username?",
               du.id as "d_id?", du.username as "d_username?", du.display_name as "d_display_name?", du.about as "d_about?",
               du.avatar_upload as "d_avatar_upload?", du.created_at as "d_created_at?"
        from (
            select room_id as id from members where user_id = ? and state = 'joined' and ? and (? is null or find_in_set(room_id, ?) > 0)
            union
            (select id from rooms
             where kind = 'public' and ? and archived_at is null and deleted_at is null and (active_at < ? or (active_at = ? and id < ?))
               and not exists (select 1 from members b where b.room_id = rooms.id and b.user_id = ? and b.state in ('banned', 'joined'))
             order by active_at desc, id desc limit ?)
            union
            (select id from rooms
             where kind = 'public' and ? and archived_at is null and deleted_at is null
               and (members_count < ? or (members_count = ? and id > ?))
               and not exists (select 1 from members b where b.room_id = rooms.id and b.user_id = ? and b.state = 'banned')
             order by members_count desc, id limit ?)
            union
            select ?
        ) ids
        join rooms r on r.id = ids.id
        left join members m on m.room_id = r.id and m.user_id = ? and m.state = 'joined'
        left join messages l on l.room_id = r.id and l.seq = case
            when (r.count_system_messages = 1 or greatest(r.last_member_seq, coalesce(r.last_system_seq, 0)) = r.last_seq)
                 and not exists (select 1 from hidden_messages h where h.user_id = ? and h.room_id = r.id
                                 and h.seq = if(r.count_system_messages = 1, r.last_seq, r.last_member_seq))
            then if(r.count_system_messages = 1, r.last_seq, r.last_member_seq)
            else (select x.seq from messages x where x.room_id = r.id and (x.kind <> 'system' or r.count_system_messages = 1)
                    and not exists (select 1 from hidden_messages h where h.user_id = ? and h.room_id = x.room_id and h.seq = x.seq)
                  order by x.seq desc limit 1) end
        left join users lu on lu.id = l.sender_id
        left join messages q on q.room_id = r.id and q.seq = l.reply_to_seq
             and not exists (select 1 from hidden_messages h where h.user_id = ? and h.room_id = r.id and h.seq = l.reply_to_seq)
        left join users qu on qu.id = q.sender_id
        left join members d on r.kind = 'direct' and d.room_id = r.id and d.user_id <> ?
        left join users du on du.id = d.user_id
        where r.deleted_at is null and (? or m.closed_seq is null or m.closed_seq < r.last_seq)
          and (? or greatest(r.active_at, coalesce(m.joined_at, 0)) < ? or (greatest(r.active_at, coalesce(m.joined_at, 0)) = ? and r.id < ?))
        order by if(?, r.members_count, 0) desc, if(?, r.id, 0), greatest(r.active_at, coalesce(m.joined_at, 0)) desc, r.id desc
        limit ?
        "#,
        user.0,
        mine,
        among,
        among,
        public,
        after.active_at,
        after.active_at,
        after.room,
        user.0,
        limit,
        directory,
        after.members,
        after.members,
        after.room,
        user.0,
        limit,
        only,
        user.0,
        user.0,
        user.0,
        user.0,
        user.0,
        only.is_some(),
        directory,
        after.active_at,
        after.active_at,
        after.room,
        directory,
        directory,
        limit,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows)
}
