//! Pushes changed profiles: to those who show the user what is public, and to the user's own devices the whole account.

use crate::caller::Caller;
use crate::domain::auth::sessions::ENDED;
use crate::error::{Error, Result};
use crate::id::UserId;
use crate::protocol::frames::Frame;
use crate::protocol::people::Me;
use crate::protocol::sync::UserChange;
use crate::push::Push;
use crate::store::{Db, profile_changes as store, recipients, users};
use crate::time::Timestamp;

/// Returns the caller's account after a change, and pushes it. `public` tells whether others see the change.
pub(crate) async fn push_change(db: &Db, push: &Push, caller: &Caller, public: bool) -> Result<Me> {
    let (account, changed, own) = {
        let mut connection = db.acquire().await?;
        let account = users::account(&mut connection, caller.user).await?.ok_or(Error::Unauthenticated(ENDED))?;
        let changed = store::find(&mut connection, caller.user).await?.ok_or(Error::Unauthenticated(ENDED))?;
        (account, changed, recipients::for_users(&mut connection, &[caller.user]).await?)
    };
    let UserChange { user, ts } = changed;
    let (me, private_rev) = (Some(Box::new(account.me.clone())), Some(account.revs.me));
    push.to_users(&own, &Frame::UserUpdated { profile: Box::new(user), ts, me, private_rev }, caller.now).await;
    if public {
        push_public(db, push, caller.user, caller.now).await?;
    }
    Ok(account.me)
}

/// Pushes a user's public profile, of an erased account as others see it.
pub(crate) async fn push_public(db: &Db, push: &Push, user: UserId, now: Timestamp) -> Result<()> {
    let (changed, audience) = {
        let mut connection = db.acquire().await?;
        (store::find(&mut connection, user).await?, store::audience(&mut connection, user).await?)
    };
    if let Some(changed) = changed.filter(|_| !audience.is_empty()) {
        push.to_users(&audience, &public_frame(changed), now).await;
    }
    Ok(())
}

/// Builds the frame of a changed profile for other users.
pub(crate) fn public_frame(changed: UserChange) -> Frame {
    let UserChange { user, ts } = changed;
    Frame::UserUpdated { profile: Box::new(user), ts, me: None, private_rev: None }
}
