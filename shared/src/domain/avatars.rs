//! Avatars: a person's own, seen by everyone who is signed in; a room's, seen by those who may see the room. Replacing one removes the other.

use crate::caller::Caller;
use crate::domain::attachments::usable;
use crate::domain::rooms;
use crate::domain::sessions::ENDED;
use crate::error::{Error, Result};
use crate::id::{RoomRef, UploadId, UserId};
use crate::media::{Media, Object, Part, Signed};
use crate::protocol::people::Me;
use crate::protocol::uploads::Purpose;
use crate::store::invitations::{self, Place};
use crate::store::members::Standing;
use crate::store::{Db, Tx, avatars as store, members, transaction, uploads, users};

/// Gives oneself another face, or none. The one that one has changes nothing.
pub async fn set(db: &Db, caller: &Caller, upload: Option<UploadId>) -> Result<Me> {
    transaction!(db, |tx| {
        let before = store::lock_of_user(tx, caller.user).await?;
        if before != upload {
            exchange(tx, caller, (before, upload)).await?;
            store::set_of_user(tx, caller.user, upload).await?;
        }
        Ok(())
    })?;
    let account = users::account(&mut *db.acquire().await?, caller.user).await?;
    account.map(|account| account.me).ok_or(Error::Unauthenticated(ENDED))
}

/// Puts one's own upload in the place of the present avatar, whose owner's row the transaction holds.
pub(super) async fn exchange(
    tx: &mut Tx<'_>,
    caller: &Caller,
    (before, after): (Option<UploadId>, Option<UploadId>),
) -> Result<()> {
    if let Some(id) = after {
        let upload = uploads::lock(tx, id).await?.filter(|upload| upload.owner == caller.user);
        let upload = upload.ok_or(Error::NotFound("upload_not_found"))?;
        usable(&upload)?;
        if upload.seen.purpose != Purpose::Avatar {
            return Err(Error::invalid("upload_id", "wrong_purpose", "must have the purpose avatar"));
        }
        uploads::keep(tx, id).await?;
    }
    if let Some(id) = before {
        uploads::doom(tx, id, caller.now).await?;
    }
    Ok(())
}

/// Where to fetch a person's face.
pub async fn link_of_user(db: &Db, media: &Media, caller: &Caller, user: UserId, part: Part) -> Result<Signed> {
    let id = store::of_user(&mut *db.acquire().await?, user).await?.ok_or(Error::NotFound("avatar_not_found"))?;
    media.to_fetch(Object { id, purpose: Purpose::Avatar }, part, caller.now)
}

/// Where to fetch a room's face.
pub async fn link_of_room(db: &Db, media: &Media, caller: &Caller, room: &RoomRef, part: Part) -> Result<Signed> {
    let mut connection = db.acquire().await?;
    let found = match members::standing(&mut connection, room, caller.user).await? {
        // Whoever is asked in sees the room's face.
        Some(Standing::Hidden(door)) => {
            match invitations::list(&mut connection, caller.user, Some(door.room), Place::START, 1).await?.pop() {
                Some(invitation) => invitations::avatar(&mut connection, &invitation).await?,
                None => return Err(Error::NotFound("room_not_found")),
            }
        }
        standing => store::of_room(&mut connection, &rooms::readable(standing)?).await?,
    };
    let id = found.ok_or(Error::NotFound("avatar_not_found"))?;
    media.to_fetch(Object { id, purpose: Purpose::Avatar }, part, caller.now)
}
