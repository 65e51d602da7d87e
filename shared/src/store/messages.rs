//! Messages. Each takes its `seq` under the room's row lock, so the order of seqs is the order of commits, without holes.

use sqlx::MySqlConnection;

use crate::caller::Caller;
use crate::error::Result;
use crate::id::{Head, MessageId, MessageRef, Rev, RoomId, RoomRef, Seq, UserId};
use crate::protocol::messages::{Attachment, Forwarded, Message, MessageKind, Reply};
use crate::store::coalescing::Pace;
use crate::store::members::{Access, Membership, Readable, TokenBucket};
use crate::store::rows::access::{access_of, query_access_and_block};
use crate::store::rows::message::{MessageRow, RepliedRow, select_messages};
use crate::store::rows::room::key;
use crate::store::{attachments, former_member_view, mentions};
use crate::time::Timestamp;

/// State for sending, read under the locks of the room's and the sender's row.
#[derive(Debug)]
pub struct SendContext {
    pub access: Access,
    /// Seq of an earlier message with the same `client_id`.
    pub replay: Option<Seq>,
    /// The message replied to, if it exists.
    pub reply_to: Option<Reply>,
    /// Digests of the sender's recent texts, as the last [`SendState`] stored them.
    pub recent_texts: Vec<u8>,
    /// Members of a direct room whose lists do not show it until this message.
    pub closed_to: Vec<UserId>,
    pub pace: Pace,
}

/// A message to store.
#[derive(Clone, Copy, Debug)]
pub struct Draft<'a> {
    pub content: &'a str,
    /// Idempotency key of the sender.
    pub client_id: Option<&'a str>,
    pub reply_to: Option<Seq>,
    /// Mentioned members.
    pub mentions: &'a [UserId],
    pub attachments: &'a [Attachment],
    /// Follows from the attachments.
    pub kind: MessageKind,
    /// Set when the message is forwarded.
    pub forwarded_from: Option<&'a ForwardSource>,
    pub after: SendState<'a>,
}

/// State of the sender and the room after a message.
#[derive(Clone, Copy, Debug)]
pub struct SendState<'a> {
    /// Tokens that remain, in thousandths of a message.
    pub allowance: i32,
    /// Digests of recent texts, this one included.
    pub recent_texts: &'a [u8],
    pub pace: Pace,
}

/// The source of a forwarded message.
#[derive(Clone, Debug)]
pub struct ForwardSource {
    pub message: MessageRef,
    /// The first author, unless erased.
    pub author: Option<UserId>,
    /// The origin as readers see it.
    pub shown: Forwarded,
}

/// The single locking read of sending: room, member, replay and message replied to, all by keys.
pub async fn lock(
    transaction: &mut MySqlConnection,
    user: UserId,
    room: &RoomRef,
    client_id: Option<&str>,
    reply_to: Option<Seq>,
) -> Result<Option<SendContext>> {
    let (id, slug) = key(room);
    let row = query_access_and_block!(
        r#"
        , m.said as "said?", r.pace_allowance, r.pace_allowance_at, r.window_due,
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
        reply_to.map(|seq| seq.0),
        id,
        slug,
    )
    .fetch_optional(transaction)
    .await?;
    Ok(row.map(|row| SendContext {
        recent_texts: row.said.unwrap_or_default(),
        closed_to: row.closed_to.map(|ids| mentions::read(&ids)).unwrap_or_default(),
        pace: Pace {
            allowance: TokenBucket { left: row.pace_allowance, filled_at: Timestamp(row.pace_allowance_at) },
            window_due: Timestamp(row.window_due),
        },
        replay: row.replay_seq.map(Seq),
        reply_to: row.reply_seq.map(|seq| {
            RepliedRow {
                seq: Seq(seq),
                username: row.reply_username,
                kind: row.reply_kind,
                content: row.reply_content,
                deleted_at: row.reply_deleted_at,
            }
            .reply()
        }),
        access: access_of!(row).requested_access(user),
    }))
}

/// Stores a message as the new head of a room that the transaction locks: one insert, one update of room and sender. Returns its id.
pub async fn insert(
    transaction: &mut MySqlConnection,
    member: &Membership,
    head: Head,
    draft: Draft<'_>,
    now: Timestamp,
) -> Result<MessageId> {
    let (seq, rev) = (head.seq.0, head.rev.0);
    let Draft { content, client_id, reply_to, mentions, attachments, kind, forwarded_from, after } = draft;
    let SendState { allowance, recent_texts, pace } = after;
    let id = sqlx::query!(
        r#"
        insert into messages (room_id, seq, sender_id, kind, content, client_id, reply_to_seq, mentions, forwarded_room_id,
                              forwarded_seq, forwarded_username, forwarded_at, attachments, created_at, rev)
        values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        "#,
        member.room().0,
        seq,
        member.user().0,
        kind.to_string(),
        content,
        client_id,
        reply_to.map(|seq| seq.0),
        mentions::column(mentions),
        forwarded_from.map(|source| source.message.room.0),
        forwarded_from.map(|source| source.message.seq.0),
        forwarded_from.and_then(|source| source.shown.username.as_deref()),
        forwarded_from.map(|source| source.shown.created_at.0),
        attachments::column(attachments)?,
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
            r.pace_allowance = ?, r.pace_allowance_at = ?, r.window_due = ?,
            m.read_seq = ?, m.read_at = ?, m.delivered_seq = ?, m.allowance = ?, m.allowance_at = ?, m.said = ?
        where r.id = ?
        "#,
        member.user().0,
        seq,
        rev,
        now.0,
        now.0,
        pace.allowance.left,
        pace.allowance.filled_at.0,
        pace.window_due.0,
        seq,
        now.0,
        seq,
        allowance,
        now.0,
        recent_texts,
        member.room().0,
    )
    .execute(transaction)
    .await?;
    Ok(MessageId(id))
}

/// The content of a system message.
#[derive(Clone, Copy, Debug)]
pub struct SystemMessage<'a> {
    /// What happened, for programs.
    pub event: &'a str,
    /// The same for people.
    pub text: &'a str,
}

/// Stores a system message as the new head of a room that the transaction locks. The acting member's read marker advances, as with any message they send.
pub async fn insert_system(
    transaction: &mut MySqlConnection,
    caller: &Caller,
    room: RoomId,
    head: Head,
    message: SystemMessage<'_>,
) -> Result<Message> {
    let (seq, rev, now) = (head.seq.0, head.rev.0, caller.now.0);
    sqlx::query!(
        r#"
        insert into messages (room_id, seq, sender_id, kind, event, content, created_at, rev)
        values (?, ?, ?, 'system', ?, ?, ?, ?)
        "#,
        room.0,
        seq,
        caller.user.0,
        message.event,
        message.text,
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
pub async fn range(connection: &mut MySqlConnection, room: &Readable, first: Seq, last: Seq) -> Result<Vec<Message>> {
    let rows = select_messages!(
        r#"
        where m.room_id = ? and m.seq between ? and ?
          and not exists (select 1 from hidden_messages h where h.user_id = ? and h.room_id = m.room_id and h.seq = m.seq)
        order by m.seq
        "#,
        room.room().0,
        first.max(room.visible_from_seq).0,
        last.min(room.visible_to_seq).0,
        room.user().0,
    )
    .fetch_all(&mut *connection)
    .await?;
    former_member_view::messages(connection, room, rows).await
}

/// Returns a message, even one that the reader hid.
pub async fn find(connection: &mut MySqlConnection, room: &Readable, seq: Seq) -> Result<Option<Message>> {
    let rows = select_messages!("where m.room_id = ? and m.seq = ?", room.room().0, seq.0).fetch_all(&mut *connection).await?;
    Ok(former_member_view::messages(connection, room, rows).await?.pop())
}

/// Returns a message as current members see it.
pub async fn find_for_members(connection: &mut MySqlConnection, message: MessageRef) -> Result<Option<Message>> {
    let row =
        select_messages!("where m.room_id = ? and m.seq = ?", message.room.0, message.seq.0).fetch_optional(connection).await?;
    Ok(row.map(MessageRow::message))
}

/// Returns the origin of a forwarded message.
pub async fn forwarded_from(connection: &mut MySqlConnection, message: MessageRef) -> Result<Option<MessageRef>> {
    let row = sqlx::query!(
        "select forwarded_room_id, forwarded_seq from messages where room_id = ? and seq = ?",
        message.room.0,
        message.seq.0,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.and_then(|row| Some(MessageRef { room: RoomId(row.forwarded_room_id?), seq: Seq(row.forwarded_seq?) })))
}

/// Returns room and seq of a message.
pub async fn locate(connection: &mut MySqlConnection, id: MessageId) -> Result<Option<MessageRef>> {
    let row = sqlx::query!("select room_id, seq from messages where id = ?", id.0).fetch_optional(connection).await?;
    Ok(row.map(|row| MessageRef { room: RoomId(row.room_id), seq: Seq(row.seq) }))
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
        message.rev.0,
        message.rev.0,
        message.seq.0,
        now.0,
        message.room_id.0,
        message.seq.0,
    )
    .execute(transaction)
    .await?;
    Ok(())
}

/// A change of a message to record.
#[derive(Clone, Copy, Debug)]
pub struct MessageChange {
    pub seq: Seq,
    /// The room's new `rev`.
    pub rev: Rev,
}

/// Stores the new `rev` of a changed message and its room, whose row the transaction locks, and the member's token bucket.
pub async fn touch(
    transaction: &mut MySqlConnection,
    member: &Membership,
    change: MessageChange,
    change_allowance: TokenBucket,
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
        change.rev.0,
        change.rev.0,
        now.0,
        change_allowance.left,
        change_allowance.filled_at.0,
        member.room().0,
        change.seq.0,
    )
    .execute(transaction)
    .await?;
    Ok(())
}

/// Hides a message from one user for good. Idempotent.
pub async fn hide(connection: &mut MySqlConnection, room: &Readable, seq: Seq, now: Timestamp) -> Result<()> {
    sqlx::query!(
        "insert ignore into hidden_messages (user_id, room_id, seq, created_at) values (?, ?, ?, ?)",
        room.user().0,
        room.room().0,
        seq.0,
        now.0,
    )
    .execute(connection)
    .await?;
    Ok(())
}
