//! Sessions: a login on a device lasts until it is ended, and what it ended is ended everywhere, sockets included.

use crate::caller::Caller;
use crate::domain::paging::{after, clamped, page};
use crate::domain::refresh::{self, Fresh};
use crate::domain::tokens::{Claims, Issuer, Keys};
use crate::domain::visitor::Visitor;
use crate::error::{Error, Result};
use crate::id::{MAX_ID, SessionId, UserId};
use crate::protocol::accounts::{Session, Tokens};
use crate::protocol::page::Page;
use crate::push::{Push, Sessions};
use crate::store::sessions::Rotation;
use crate::store::{self, Db};
use crate::telemetry::invocation;
use crate::time::Timestamp;

/// The code that sockets hear before they are closed.
pub const ENDED: &str = "session_ended";

/// Who a request with this access token comes from. One statement.
pub async fn authenticate(db: &Db, keys: &Keys, token: &str, now: Timestamp) -> Result<Caller> {
    let claims = verified(keys, token, now).await?;
    resume(db, claims.user, claims.session, now).await
}

/// Whether a fresh access token is good for who is here already: the caller's own, and of the caller's session, which was found live. No statement.
pub async fn renew(keys: &Keys, caller: &Caller, token: &str) -> Result<()> {
    let claims = verified(keys, token, caller.now).await?;
    if claims.user != caller.user {
        return Err(Error::Unauthenticated("unauthenticated"));
    }
    if claims.session != caller.session {
        // Nothing is wrong with the token: who is told `unauthenticated` would refresh it in vain, who is told `session_ended` would log in anew.
        return Err(Error::Conflict("another_session"));
    }
    Ok(())
}

async fn verified(keys: &Keys, token: &str, now: Timestamp) -> Result<Claims> {
    keys.follow(keys.knows(token)).await;
    keys.verify(token, now)
}

/// Gives new tokens for the refresh token that came last. An older one means that it was copied, so its session ends.
pub async fn refresh(db: &Db, push: &Push, issuer: &Issuer, visitor: &Visitor, token: &str) -> Result<Tokens> {
    const REFUSED: Error = Error::Unauthenticated("invalid_refresh_token");
    let now = visitor.now;
    let presented = if let Some(presented) = refresh::read(&issuer.keys, token) {
        presented
    } else {
        // It may bear the proof of a key that is new here.
        issuer.keys.follow(false).await;
        refresh::read(&issuer.keys, token).ok_or(REFUSED)?
    };
    let session = presented.session;
    let fresh = Fresh::random()?;
    let user = store::sessions::find_owner(&mut *db.acquire().await?, session, now).await?.ok_or(REFUSED)?;
    let rotation =
        Rotation { presented: &presented.hash, next: &fresh.hash(), ip: &visitor.ip, now, expires_at: session_end(issuer, now) };
    if store::sessions::rotate(&mut *db.acquire().await?, session, &rotation).await? {
        return tokens(issuer, Claims { user, session }, &fresh, now).await;
    }
    store::sessions::revoke(&mut *db.acquire().await?, user, session, now).await?;
    tracing::warn!(user.id = user.0, session.id = session.0, "a used refresh token came back; its session has ended");
    push.close_sessions(user, Sessions::One(session), ENDED, now).await;
    Err(REFUSED)
}

/// Ends the caller's session.
pub async fn logout(db: &Db, push: &Push, caller: &Caller) -> Result<()> {
    revoke(db, push, caller, caller.session).await
}

/// Ends all the caller's sessions.
pub async fn logout_all(db: &Db, push: &Push, caller: &Caller) -> Result<()> {
    store::sessions::revoke_all(&mut *db.acquire().await?, caller.user, caller.now).await?;
    push.close_sessions(caller.user, Sessions::All, ENDED, caller.now).await;
    Ok(())
}

/// Ends one of the caller's sessions.
pub async fn revoke(db: &Db, push: &Push, caller: &Caller, session: SessionId) -> Result<()> {
    if !store::sessions::revoke(&mut *db.acquire().await?, caller.user, session, caller.now).await? {
        return Err(Error::NotFound("session_not_found"));
    }
    push.close_sessions(caller.user, Sessions::One(session), ENDED, caller.now).await;
    Ok(())
}

/// A page of the caller's live sessions, newest first.
pub async fn list(db: &Db, caller: &Caller, (cursor, limit): (Option<&str>, Option<u32>)) -> Result<Page<Session>> {
    let limit = clamped(limit);
    let before = after(cursor, SessionId(MAX_ID))?;
    let items = store::sessions::list(&mut *db.acquire().await?, caller, before, limit + 1).await?;
    Ok(page(items, limit, |last| last.id.to_string()))
}

/// The caller behind a session that is known to be meant. One statement.
pub async fn resume(db: &Db, user: UserId, session: SessionId, now: Timestamp) -> Result<Caller> {
    let caller = store::sessions::check(&mut *db.acquire().await?, session, user, now).await?;
    invocation::is_of(user);
    caller.ok_or(Error::Unauthenticated(ENDED))
}

/// The tokens of a session whose row holds `fresh`.
pub(super) async fn tokens(issuer: &Issuer, claims: Claims, fresh: &Fresh, now: Timestamp) -> Result<Tokens> {
    issuer.keys.follow(true).await;
    Ok(Tokens {
        access_token: issuer.keys.sign(claims, issuer.lives.expiry, now)?,
        token: None,
        token_type: "Bearer",
        expires_in: issuer.lives.expiry.as_secs(),
        refresh_token: fresh.bind(&issuer.keys, claims.session)?,
    })
}

/// When a session ends that is made or refreshed now.
pub(super) fn session_end(issuer: &Issuer, now: Timestamp) -> Timestamp {
    now.plus_seconds(i64::from(issuer.lives.session_days) * 86_400)
}
