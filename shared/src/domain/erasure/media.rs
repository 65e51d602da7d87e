//! Pictures and files of a deleted person: taken off their messages room by room, then doomed. What others passed on is theirs, like its words, and
//! a room's avatar is the room's.

use super::rooms::{held, told};
use crate::caller::Caller;
use crate::error::Result;
use crate::push::Push;
use crate::store::{Db, attachments, sweeping, traces, transaction};

/// Takes what they attached off the messages of one room, as one change of it. False when nothing hangs anywhere any more.
pub(super) async fn unhang(db: &Db, push: &Push, ghost: &Caller) -> Result<bool> {
    let room = attachments::room_of(&mut *db.acquire().await?, ghost.user).await?;
    let Some(room) = room else { return Ok(false) };
    let changed = transaction!(db, |tx| {
        let held = held(tx, room, ghost).await?;
        let rev = held.place.1 + 1;
        attachments::unhang(tx, room, ghost.user, rev, ghost.now).await?;
        traces::changed(tx, room, rev, ghost.now).await?;
        Ok((held, rev))
    })?;
    told(db, push, changed, ghost).await.map(|()| true)
}

/// Dooms whatever else they uploaded; the sweep removes the bytes.
pub(super) async fn doom(db: &Db, ghost: &Caller) -> Result<()> {
    sweeping::doom_all(&mut *db.acquire().await?, ghost.user, ghost.now).await
}
