//! Unsending messages for everyone, by their authors and by moderators, which leaves an empty message; and hiding them for the caller.

use crate::caller::Caller;
use crate::domain::messages::{lock_message, push_to_members};
use crate::domain::rooms;
use crate::error::{Error, Result};
use crate::id::{Head, MessageId, MessageRef, RoomRef, Seq, UserId};
use crate::protocol::frames::Frame;
use crate::protocol::messages::{Message, MessageKind};
use crate::protocol::rooms::{Role, RoomKind};
use crate::push::Push;
use crate::store::{
    Db, Tx, attachments, edits, members, mentions, messages as store, pins, private_state, reactions, recipients, redaction,
    search_index, transaction,
};
use crate::time::Timestamp;

/// Unsends a message for everyone and pushes it to the members. Idempotent.
pub async fn unsend(db: &Db, push: &Push, caller: &Caller, room: &RoomRef, seq: Seq) -> Result<Message> {
    let (message, changed) = transaction!(db, |tx| store_unsend(tx, caller, room, seq).await)?;
    if changed {
        let (room_id, seq, rev) = (message.room_id, message.seq, message.rev);
        let frame = Frame::MessageUnsent { room_id, seq, rev, deleted_at: caller.now, deleted_by: caller.user };
        push_to_members(db, push, room_id, &frame, caller.now).await?;
    }
    Ok(message)
}

/// The same by message id. A message that the caller cannot see is not found.
pub async fn unsend_by_id(db: &Db, push: &Push, caller: &Caller, id: MessageId) -> Result<Message> {
    let place = store::locate(&mut *db.acquire().await?, id).await?;
    let MessageRef { room, seq } = place.ok_or(Error::NotFound("message_not_found"))?;
    unsend(db, push, caller, &RoomRef::Id(room), seq).await.map_err(|error| match error {
        Error::NotFound(_) => Error::NotFound("message_not_found"),
        other => other,
    })
}

/// Hides a message for the caller and pushes it to the caller's devices. Idempotent.
pub async fn hide(db: &Db, push: &Push, caller: &Caller, room: &RoomRef, seq: Seq) -> Result<()> {
    let (room_id, private_rev) = transaction!(db, |tx| {
        let private_rev = private_state::raise(tx, caller.user).await?;
        let readable = rooms::require_readable(members::find_access(tx, room, caller.user).await?)?;
        // Seqs have no gaps: every seq between the bounds exists.
        if !(readable.visible_from_seq.max(Seq(1))..=readable.visible_to_seq).contains(&seq) {
            return Err(Error::NotFound("message_not_found"));
        }
        store::hide(tx, &readable, seq, private_rev, caller.now).await?;
        Ok((readable.room(), private_rev))
    })?;
    let own = recipients::for_users(&mut *db.acquire().await?, &[caller.user]).await?;
    push.to_users(&own, &Frame::MessageHidden { room_id, seq, private_rev }, caller.now).await;
    Ok(())
}

/// Leaves the trace of an unsent message in place of one whose whole content was erased. The transaction locks the room, whose last `seq` and new `rev`
/// `head` has.
pub(in crate::domain) async fn leave_trace(
    tx: &mut Tx<'_>,
    message: MessageRef,
    head: Head,
    by: UserId,
    now: Timestamp,
) -> Result<()> {
    store::unsend(tx, message, head.rev, by, now).await?;
    search_index::unseal(tx, message, head.seq).await?;
    edits::delete(tx, message).await?;
    reactions::purge(tx, message).await?;
    mentions::delete(tx, message).await?;
    pins::remove_entry(tx, message).await?;
    redaction::delete_forward(tx, message).await
}

async fn store_unsend(tx: &mut Tx<'_>, caller: &Caller, room: &RoomRef, seq: Seq) -> Result<(Message, bool)> {
    let (readable, mut message) = lock_message(tx, caller, room, seq).await?;
    if message.kind == MessageKind::System {
        return Err(Error::Conflict("system_message"));
    }
    // Direct rooms have no moderators.
    let moderates = readable.kind != RoomKind::Direct && readable.member().is_some_and(|member| member.role >= Role::Admin);
    if message.sender_id != Some(caller.user) && !moderates {
        return Err(Error::Forbidden("not_allowed"));
    }
    if message.deleted_at.is_some() {
        return Ok((message, false));
    }
    message.rev = readable.rev.next();
    let here = MessageRef { room: message.room_id, seq: message.seq };
    store::unsend(tx, here, message.rev, caller.user, caller.now).await?;
    search_index::unseal(tx, here, readable.last_seq).await?;
    if message.edited_at.is_some() {
        edits::delete(tx, here).await?;
    }
    if !message.reactions.is_empty() {
        reactions::purge(tx, here).await?;
    }
    if !message.mentions.is_empty() {
        mentions::delete(tx, here).await?;
    }
    if !message.attachments.is_empty() {
        attachments::mark_for_deletion(tx, here, caller.now).await?;
    }
    if message.pinned_at.is_some() {
        pins::remove_entry(tx, here).await?;
    }
    if message.forwarded.is_some() {
        redaction::delete_forward(tx, here).await?;
    }
    let trace = Message {
        kind: MessageKind::Text,
        content: String::new(),
        forwarded: None,
        attachments: Vec::new(),
        reactions: Vec::new(),
        mentions: Vec::new(),
        edited_at: None,
        pinned_at: None,
        deleted_at: Some(caller.now),
        deleted_by: Some(caller.user),
        ..message
    };
    Ok((trace, true))
}
