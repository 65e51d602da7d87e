//! Messages. Each takes its `seq` under the room's row lock, so the order of seqs is the order of commits, without holes.

use std::ops::RangeInclusive;

use sqlx::MySqlConnection;

use crate::caller::Caller;
use crate::error::Result;
use crate::id::{Head, MessageId, MessageRef, Rev, RoomId, Seq, UserId};
use crate::protocol::messages::Message;
use crate::store::members::{Membership, Readable, TokenBucket};
use crate::store::rows::message::{EVERYONE, MessageRow, select_messages};
use crate::store::{former_member_view, reactions};
use crate::time::Timestamp;

/// The content of a system message.
#[derive(Clone, Copy, Debug)]
pub struct SystemMessage<'a> {
    /// What happened, for programs.
    pub event: &'a str,
    /// The same for people.
    pub text: &'a str,
}

/// Stores a system message as the new head of a room that the transaction locks, which it lifts only if the room counts system messages. The acting
/// member's read marker advances, as with any message they send.
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
    // The first assignment precedes those of the columns that it reads: what a release wrote that does not know them makes the other one unknown.
    sqlx::query!(
        r#"
        update rooms r
        left join members m on m.room_id = r.id and m.user_id = ? and m.state = 'joined'
        set r.last_member_seq = if(greatest(coalesce(r.last_member_seq, 0), coalesce(r.last_system_seq, 0)) = ?, r.last_member_seq, null),
            r.last_seq = ?, r.rev = ?, r.last_system_seq = ?, r.changed_at = greatest(r.changed_at, ?),
            r.active_at = if(r.count_system_messages = 1, greatest(r.active_at, ?), r.active_at),
            m.read_seq = ?, m.read_at = ?, m.delivered_seq = ?
        where r.id = ?
        "#,
        caller.user.0,
        head.seq.minus(1).0,
        seq,
        rev,
        seq,
        now,
        now,
        seq,
        now,
        seq,
        room.0,
    )
    .execute(&mut *transaction)
    .await?;
    let row = select_messages!("where m.room_id = ? and m.seq = ?", EVERYONE, room.0, seq).fetch_one(transaction).await?;
    Ok(row.message())
}

/// Returns the messages from `first` to `last`, inclusive and ascending, without those that the reader hid: one range of the clustered index at any
/// depth. Quotes of messages that the reader hid are left out. A second statement reads their reactions if they have any.
pub async fn range(connection: &mut MySqlConnection, room: &Readable, first: Seq, last: Seq) -> Result<Vec<Message>> {
    quoting(connection, room, first..=last, room.user().0).await
}

/// Returns a message that the reader did not hide, with its quote as all members see it: for a change that is pushed to them.
pub async fn find_shown(connection: &mut MySqlConnection, room: &Readable, seq: Seq) -> Result<Option<Message>> {
    Ok(quoting(connection, room, seq..=seq, EVERYONE).await?.pop())
}

async fn quoting(
    connection: &mut MySqlConnection,
    room: &Readable,
    seqs: RangeInclusive<Seq>,
    quotes_of: u64,
) -> Result<Vec<Message>> {
    let (first, last) = ((*seqs.start()).max(room.visible_from_seq).0, (*seqs.end()).min(room.visible_to_seq).0);
    let rows = select_messages!(
        "exists (select 1 from reactions where room_id = ? and seq between ? and ?)",
        r#"
        where m.room_id = ? and m.seq between ? and ?
          and not exists (select 1 from hidden_messages h where h.user_id = ? and h.room_id = m.room_id and h.seq = m.seq)
        order by m.seq
        "#,
        room.room().0,
        first,
        last,
        quotes_of,
        room.room().0,
        first,
        last,
        room.user().0,
    )
    .fetch_all(&mut *connection)
    .await?;
    let reacted = rows.first().is_some_and(|row| row.reacted != 0);
    let mut messages = former_member_view::messages(connection, room, rows).await?;
    if reacted {
        reactions::fill(connection, room, &mut messages).await?;
    }
    Ok(messages)
}

/// Returns a message, even one that the reader hid.
pub async fn find(connection: &mut MySqlConnection, room: &Readable, seq: Seq) -> Result<Option<Message>> {
    let rows =
        select_messages!("where m.room_id = ? and m.seq = ?", EVERYONE, room.room().0, seq.0).fetch_all(&mut *connection).await?;
    Ok(former_member_view::messages(connection, room, rows).await?.pop())
}

/// Returns a message as current members see it.
pub async fn find_for_members(connection: &mut MySqlConnection, message: MessageRef) -> Result<Option<Message>> {
    let row = select_messages!("where m.room_id = ? and m.seq = ?", EVERYONE, message.room.0, message.seq.0)
        .fetch_optional(connection)
        .await?;
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

/// Clears a message except for seq, sender and who unsent it, as a change of the room with this `rev`. Callers delete its rows in other tables.
pub async fn unsend(transaction: &mut MySqlConnection, message: MessageRef, rev: Rev, by: UserId, now: Timestamp) -> Result<()> {
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
        rev.0,
        rev.0,
        message.seq.0,
        now.0,
        message.room.0,
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

/// Hides a message from one user for good, as the user's private change `private_rev`. Idempotent.
pub async fn hide(transaction: &mut MySqlConnection, room: &Readable, seq: Seq, private_rev: Rev, now: Timestamp) -> Result<()> {
    sqlx::query!(
        r#"
        insert into hidden_messages (user_id, room_id, seq, created_at, rev)
        values (?, ?, ?, ?, ?)
        on duplicate key update rev = values(rev)
        "#,
        room.user().0,
        room.room().0,
        seq.0,
        now.0,
        private_rev.0,
    )
    .execute(transaction)
    .await?;
    Ok(())
}
