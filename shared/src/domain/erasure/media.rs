//! Uploads of a deleted user: detached from messages room by room, then marked for deletion. A message without anything else becomes the trace of an
//! unsent one. Forwarded copies belong to the forwarders, and a room's avatar to the room.

use super::rooms::{lock_room, push_change};
use crate::caller::Caller;
use crate::domain::messages::unsend;
use crate::error::Result;
use crate::id::{Head, MessageRef};
use crate::push::Push;
use crate::store::{Db, attachments, redaction, search_index, sweep, transaction};
use crate::text::visible::is_invisible;

/// Uploads detached per transaction, with up to nine statements each under the room's lock.
const UPLOADS_PER_BATCH: u32 = 25;

/// Detaches a batch of the user's uploads from the messages of one room, as one change. Returns false when none are left.
pub(super) async fn detach_from_messages(db: &Db, push: &Push, deleted_user: &Caller) -> Result<bool> {
    let room = attachments::room_of(&mut *db.acquire().await?, deleted_user.user).await?;
    let Some(room) = room else { return Ok(false) };
    let (locked, rev) = transaction!(db, |tx| {
        let locked = lock_room(tx, room, deleted_user).await?;
        let rev = locked.head.rev.next();
        search_index::outdate(tx, room, deleted_user.user).await?;
        let head = Head { rev, ..locked.head };
        for text in attachments::texts_of_owner(tx, room, deleted_user.user, UPLOADS_PER_BATCH).await? {
            let message = MessageRef { room, seq: text.seq };
            attachments::detach(tx, message, deleted_user.user, rev, deleted_user.now).await?;
            if is_invisible(&text.content) {
                unsend::leave_trace(tx, message, head, deleted_user.user, deleted_user.now).await?;
            }
        }
        redaction::set_rev(tx, room, rev, deleted_user.now).await?;
        Ok((locked, rev))
    })?;
    push_change(db, push, &locked, rev, deleted_user).await.map(|()| true)
}

/// Marks the user's remaining uploads for deletion; the sweep removes the objects.
pub(super) async fn mark_for_deletion(db: &Db, deleted_user: &Caller) -> Result<()> {
    sweep::mark_all_for_deletion(&mut *db.acquire().await?, deleted_user.user, deleted_user.now).await
}
