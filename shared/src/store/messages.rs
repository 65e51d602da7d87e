//! Messages. Each takes its `seq` under the room's row lock, so the order of seqs is the order of commits, without holes.

use sqlx::MySqlConnection;

use crate::caller::Caller;
use crate::error::Result;
use crate::id::{MessageId, RoomId, RoomRef, UserId};
use crate::protocol::messages::{Attachment, Forwarded, Message, MessageKind, Reply};
use crate::store::members::{Access, AccessRow, Membership, Readable};
use crate::store::message_row::{MessageRow, kind_name, reply, select_messages};
use crate::store::{attachments, mentions, past_view, rooms as room_rows};
use crate::time::Timestamp;

/// State for sending, read under the locks of the room's and the sender's row.
#[derive(Debug)]
pub struct SendContext {
    pub access: Access,
    /// Seq of an earlier message with the same `client_id`.
    pub replay: Option<u64>,
    /// The message replied to, if it exists.
    pub reply_to: Option<Reply>,
    /// Digests of the sender's recent texts, as the last [`Draft`] stored them.
    pub recent_texts: Vec<u8>,
    /// Members of a direct room whose lists do not show it until this message.
    pub closed_to: Vec<UserId>,
}

/// A message to store.
#[derive(Clone, Copy, Debug)]
pub struct Draft<'a> {
    pub content: &'a str,
    /// Idempotency key of the sender.
    pub client_id: Option<&'a str>,
    pub reply_to: Option<u64>,
    /// Mentioned members.
    pub mentions: &'a [UserId],
    /// Attachments, and the kind they give the message.
    pub attachments: (&'a [Attachment], MessageKind),
    /// Set when the message is forwarded.
    pub forwarded_from: Option<ForwardedFrom<'a>>,
    /// Tokens that remain to the sender, in thousandths of a message.
    pub allowance: i32,
    /// Digests of the sender's recent texts, this one included.
    pub recent_texts: &'a [u8],
}

/// The origin of a forwarded message.
#[derive(Clone, Copy, Debug)]
pub struct ForwardedFrom<'a> {
    /// Room and seq.
    pub place: (RoomId, u64),
    /// First author and time, as readers see them.
    pub author: &'a Forwarded,
}

/// The single locking read of sending: room, member, replay and message replied to, all by keys.
pub async fn lock(
    transaction: &mut MySqlConnection,
    user: UserId,
    room: &RoomRef,
    client_id: Option<&str>,
    reply_to: Option<u64>,
) -> Result<Option<SendContext>> {
    let (id, slug) = room_rows::key(room);
    let row = sqlx::query!(
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
               m.change_allowance as "change_allowance?", m.change_allowance_at as "change_allowance_at?", m.said as "said?",
               case when r.kind = 'direct' then (
                   select group_concat(d.user_id) from members d
                   where d.room_id = r.id and d.state = 'joined' and d.closed_seq >= r.last_seq
               ) end as "closed_to?: String",
               x.seq as "replay_seq?",
               q.seq as "reply_seq?", q.kind as "reply_kind?: String", q.content as "reply_content?", q.deleted_at as "reply_deleted_at?",
               (select u.username from users u where u.id = q.sender_id) as "reply_username?: String"
        from rooms r
        left join members m on m.room_id = r.id and m.user_id = ?
        left join messages x on x.room_id = r.id and x.sender_id = ? and x.client_id = ?
        left join messages q on q.room_id = r.id and q.seq = ?
        where r.id = coalesce(?, (select s.id from rooms s where s.slug = ?)) and r.deleted_at is null
        for update
        "#,
        user.0,
        user.0,
        client_id,
        reply_to,
        id,
        slug,
    )
    .fetch_optional(transaction)
    .await?;
    Ok(row.map(|row| SendContext {
        recent_texts: row.said.unwrap_or_default(),
        closed_to: row.closed_to.map(|ids| mentions::read(&ids)).unwrap_or_default(),
        replay: row.replay_seq,
        reply_to: row
            .reply_seq
            .map(|seq| reply(seq, row.reply_username, row.reply_kind.as_deref(), (row.reply_content, row.reply_deleted_at))),
        access: AccessRow {
            room_id: row.room_id,
            kind: row.kind,
            last_seq: row.last_seq,
            rev: row.rev,
            last_unsent_seq: row.last_unsent_seq,
            archived_at: row.archived_at,
            slow_mode_seconds: row.slow_mode_seconds,
            who_writes: row.who_writes,
            who_adds: row.who_adds,
            past_members_read: row.past_members_read,
            blocked: row.blocked,
            role: row.role,
            state: row.state,
            visible_from_seq: row.visible_from_seq,
            left_seq: row.left_seq,
            past_rev: row.past_rev,
            past_at: row.past_at,
            read_seq: row.read_seq,
            delivered_seq: row.delivered_seq,
            allowance: row.allowance,
            allowance_at: row.allowance_at,
            change_allowance: row.change_allowance,
            change_allowance_at: row.change_allowance_at,
        }
        .requested_access(user),
    }))
}

/// Stores a message as `(seq, rev)` of a room that the transaction locks: one insert, one update of room and sender. Returns its id.
pub async fn insert(
    transaction: &mut MySqlConnection,
    member: &Membership,
    place: (u64, u64),
    draft: Draft<'_>,
    now: Timestamp,
) -> Result<MessageId> {
    let (seq, rev) = place;
    let id = sqlx::query!(
        r#"
        insert into messages (room_id, seq, sender_id, kind, content, client_id, reply_to_seq, mentions, forwarded_room_id,
                              forwarded_seq, forwarded_username, forwarded_at, attachments, created_at, rev)
        values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        "#,
        member.room().0,
        seq,
        member.user().0,
        kind_name(draft.attachments.1),
        draft.content,
        draft.client_id,
        draft.reply_to,
        mentions::column(draft.mentions),
        draft.forwarded_from.map(|origin| origin.place.0.0),
        draft.forwarded_from.map(|origin| origin.place.1),
        draft.forwarded_from.and_then(|origin| origin.author.username.as_deref()),
        draft.forwarded_from.map(|origin| origin.author.created_at.0),
        attachments::column(draft.attachments.0)?,
        now.0,
        rev,
    )
    .execute(&mut *transaction)
    .await?
    .last_insert_id();
    sqlx::query!(
        r#"
        update rooms r
        join members m on m.room_id = r.id and m.user_id = ?
        set r.last_seq = ?, r.rev = ?, r.active_at = greatest(r.active_at, ?), r.changed_at = greatest(r.changed_at, ?),
            m.read_seq = ?, m.read_at = ?, m.delivered_seq = ?, m.allowance = ?, m.allowance_at = ?, m.said = ?
        where r.id = ?
        "#,
        member.user().0,
        seq,
        rev,
        now.0,
        now.0,
        seq,
        now.0,
        seq,
        draft.allowance,
        now.0,
        draft.recent_texts,
        member.room().0,
    )
    .execute(transaction)
    .await?;
    Ok(MessageId(id))
}

/// Stores a system message as `(seq, rev)` of a room that the transaction locks: `event` for programs, `text` for people. The acting member's read
/// marker advances, as with any message they send.
pub async fn insert_system(
    transaction: &mut MySqlConnection,
    caller: &Caller,
    room: RoomId,
    (seq, rev): (u64, u64),
    (event, text): (&str, &str),
) -> Result<Message> {
    let now = caller.now.0;
    sqlx::query!(
        r#"
        insert into messages (room_id, seq, sender_id, kind, event, content, created_at, rev)
        values (?, ?, ?, 'system', ?, ?, ?, ?)
        "#,
        room.0,
        seq,
        caller.user.0,
        event,
        text,
        now,
        rev,
    )
    .execute(&mut *transaction)
    .await?;
    sqlx::query!(
        r#"
        update rooms r
        left join members m on m.room_id = r.id and m.user_id = ? and m.state = 'joined'
        set r.last_seq = ?, r.rev = ?, r.active_at = greatest(r.active_at, ?), r.changed_at = greatest(r.changed_at, ?),
            m.read_seq = ?, m.read_at = ?, m.delivered_seq = ?
        where r.id = ?
        "#,
        caller.user.0,
        seq,
        rev,
        now,
        now,
        seq,
        now,
        seq,
        room.0,
    )
    .execute(&mut *transaction)
    .await?;
    let row = select_messages!("where m.room_id = ? and m.seq = ?", room.0, seq).fetch_one(transaction).await?;
    Ok(row.message())
}

/// Returns the messages from `first` to `last`, inclusive and ascending, without those that the reader hid: one range of the clustered index at any
/// depth.
pub async fn range(connection: &mut MySqlConnection, room: &Readable, first: u64, last: u64) -> Result<Vec<Message>> {
    let rows = select_messages!(
        r#"
        where m.room_id = ? and m.seq between ? and ?
          and not exists (select 1 from hidden_messages h where h.user_id = ? and h.room_id = m.room_id and h.seq = m.seq)
        order by m.seq
        "#,
        room.room().0,
        first.max(room.visible_from_seq),
        last.min(room.visible_to_seq),
        room.user().0,
    )
    .fetch_all(&mut *connection)
    .await?;
    past_view::messages(connection, room, rows).await
}

/// Returns a message, even one that the reader hid.
pub async fn find(connection: &mut MySqlConnection, room: &Readable, seq: u64) -> Result<Option<Message>> {
    let rows = select_messages!("where m.room_id = ? and m.seq = ?", room.room().0, seq).fetch_all(&mut *connection).await?;
    Ok(past_view::messages(connection, room, rows).await?.pop())
}

/// Returns a message as current members see it.
pub async fn find_for_members(connection: &mut MySqlConnection, room: RoomId, seq: u64) -> Result<Option<Message>> {
    let row = select_messages!("where m.room_id = ? and m.seq = ?", room.0, seq).fetch_optional(connection).await?;
    Ok(row.map(MessageRow::message))
}

/// Returns the origin of a forwarded message.
pub async fn forwarded_from(connection: &mut MySqlConnection, place: (RoomId, u64)) -> Result<Option<(RoomId, u64)>> {
    let row =
        sqlx::query!("select forwarded_room_id, forwarded_seq from messages where room_id = ? and seq = ?", place.0.0, place.1)
            .fetch_optional(connection)
            .await?;
    Ok(row.and_then(|row| Some((RoomId(row.forwarded_room_id?), row.forwarded_seq?))))
}

/// Returns room and seq of a message.
pub async fn locate(connection: &mut MySqlConnection, id: MessageId) -> Result<Option<(RoomId, u64)>> {
    let row = sqlx::query!("select room_id, seq from messages where id = ?", id.0).fetch_optional(connection).await?;
    Ok(row.map(|row| (RoomId(row.room_id), row.seq)))
}

/// Clears a message except for seq, sender and who unsent it. Callers delete its rows in other tables.
pub async fn unsend(transaction: &mut MySqlConnection, message: &Message, by: UserId, now: Timestamp) -> Result<()> {
    sqlx::query!(
        r#"
        update messages m
        join rooms r on r.id = m.room_id
        set m.kind = 'text', m.content = '', m.mentions = '', m.attachments = null, m.edited_at = null, m.pinned_at = null, m.pinned_by = null,
            m.forwarded_room_id = null, m.forwarded_seq = null, m.forwarded_username = null, m.forwarded_at = null,
            m.deleted_at = ?, m.deleted_by = ?, m.rev = ?,
            r.rev = ?, r.last_unsent_seq = greatest(r.last_unsent_seq, ?), r.changed_at = greatest(r.changed_at, ?)
        where m.room_id = ? and m.seq = ?
        "#,
        now.0,
        by.0,
        message.rev,
        message.rev,
        message.seq,
        now.0,
        message.room_id.0,
        message.seq,
    )
    .execute(transaction)
    .await?;
    Ok(())
}

/// Stores the new `rev` of a changed message and its room, whose row the transaction locks, and the member's token bucket.
pub async fn touch(
    transaction: &mut MySqlConnection,
    member: &Membership,
    (seq, rev): (u64, u64),
    (allowance, filled_at): (i32, Timestamp),
    now: Timestamp,
) -> Result<()> {
    sqlx::query!(
        r#"
        update messages m
        join rooms r on r.id = m.room_id
        join members b on b.room_id = r.id and b.user_id = ?
        set m.rev = ?, r.rev = ?, r.changed_at = greatest(r.changed_at, ?), b.change_allowance = ?, b.change_allowance_at = ?
        where m.room_id = ? and m.seq = ?
        "#,
        member.user().0,
        rev,
        rev,
        now.0,
        allowance,
        filled_at.0,
        member.room().0,
        seq,
    )
    .execute(transaction)
    .await?;
    Ok(())
}

/// Hides a message from one user for good. Idempotent.
pub async fn hide(connection: &mut MySqlConnection, room: &Readable, seq: u64, now: Timestamp) -> Result<()> {
    sqlx::query!(
        "insert ignore into hidden_messages (user_id, room_id, seq, created_at) values (?, ?, ?, ?)",
        room.user().0,
        room.room().0,
        seq,
        now.0,
    )
    .execute(connection)
    .await?;
    Ok(())
}
