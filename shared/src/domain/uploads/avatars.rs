//! Avatars of users, visible to all signed-in users, and of rooms, visible to those who see the room. Replacing one removes the old one.

use crate::caller::Caller;
use crate::domain::people::{profile_updates, profiles};
use crate::domain::rooms;
use crate::domain::uploads::attachments::require_usable;
use crate::error::{Error, Result};
use crate::id::{RoomRef, UploadId, UserId};
use crate::media::{Media, Object, PresignedUrl, Rendition};
use crate::protocol::people::Me;
use crate::protocol::uploads::Purpose;
use crate::push::Push;
use crate::store::invitations::{self, InvitationCursor};
use crate::store::members::Access;
use crate::store::{Db, Tx, avatars as store, members, transaction, uploads};

/// Sets or removes the caller's avatar, and pushes the new profile. The current one changes nothing.
pub async fn set(db: &Db, push: &Push, caller: &Caller, upload: Option<UploadId>) -> Result<Me> {
    let changed = transaction!(db, |tx| {
        let before = store::lock_of_user(tx, caller.user).await?;
        if before == upload {
            return Ok(false);
        }
        replace(tx, caller, before, upload).await?;
        store::set_of_user(tx, caller.user, upload, caller.now).await?;
        Ok(true)
    })?;
    if changed { profile_updates::push_change(db, push, caller, true).await } else { profiles::me(db, caller).await }
}

/// Replaces an avatar by the caller's upload. The transaction holds the lock of the avatar's row.
pub(crate) async fn replace(tx: &mut Tx<'_>, caller: &Caller, before: Option<UploadId>, after: Option<UploadId>) -> Result<()> {
    if let Some(id) = after {
        let upload = uploads::lock(tx, id).await?.filter(|upload| upload.owner == caller.user);
        let upload = upload.ok_or(Error::NotFound("upload_not_found"))?;
        require_usable(&upload)?;
        if upload.info.purpose != Purpose::Avatar {
            return Err(Error::invalid("upload_id", "wrong_purpose", "must have the purpose avatar"));
        }
        uploads::mark_used(tx, id).await?;
    }
    if let Some(id) = before {
        uploads::mark_for_deletion(tx, id, caller.now).await?;
    }
    Ok(())
}

/// Returns a signed URL of a user's avatar.
pub async fn user_link(db: &Db, media: &Media, caller: &Caller, user: UserId, part: Rendition) -> Result<PresignedUrl> {
    let id = store::of_user(&mut *db.acquire().await?, user).await?.ok_or(Error::NotFound("avatar_not_found"))?;
    media.download_url(Object { id, purpose: Purpose::Avatar }, part, caller.now).await
}

/// Returns a signed URL of a room's avatar.
pub async fn room_link(db: &Db, media: &Media, caller: &Caller, room: &RoomRef, part: Rendition) -> Result<PresignedUrl> {
    let mut connection = db.acquire().await?;
    let found = match members::find_access(&mut connection, room, caller.user).await? {
        // Invited users see the avatar of a hidden room.
        Some(Access::Hidden(door)) => {
            match invitations::list(&mut connection, caller.user, Some(door.room), InvitationCursor::START, 1).await?.pop() {
                Some(invitation) => invitations::avatar(&mut connection, &invitation).await?,
                None => return Err(Error::NotFound("room_not_found")),
            }
        }
        access => store::of_room(&mut connection, &rooms::require_readable(access)?).await?,
    };
    let id = found.ok_or(Error::NotFound("avatar_not_found"))?;
    media.download_url(Object { id, purpose: Purpose::Avatar }, part, caller.now).await
}
