//! Sessions: a login on a device lasts until it is ended, and what it ended is ended everywhere, sockets included.

use crate::caller::Caller;
use crate::domain::endings;
use crate::domain::paging::{after, clamped, page};
use crate::domain::prices::Price;
use crate::domain::refresh::{self, Fresh};
use crate::domain::throttle::Throttle;
use crate::domain::tokens::{Claims, Issuer, Keys};
use crate::domain::visitor::Visitor;
use crate::domain::work::Who;
use crate::error::{Error, Result};
use crate::id::{MAX_ID, SessionId, UserId};
use crate::protocol::accounts::{Session, Tokens};
use crate::protocol::endings::Cause;
use crate::protocol::page::Page;
use crate::push::Push;
use crate::store::endings::{Ending, Which};
use crate::store::sessions::Rotation;
use crate::store::{self, Db, transaction};
use crate::telemetry::invocation;
use crate::time::Timestamp;

/// A used refresh token is no sign of theft for so many seconds.
const AGAIN_SECONDS: i64 = 30;

/// The code of a session that has ended.
pub const ENDED: &str = "session_ended";

/// Who a request with this access token comes from. One statement.
pub async fn authenticate(db: &Db, keys: &Keys, token: &str, now: Timestamp) -> Result<Caller> {
    let claims = verified(keys, token, now).await?;
    resume(db, claims.user, claims.session, now).await
}

/// The same for a request of this price: it is charged and counted meanwhile.
pub async fn admit(db: &Db, throttle: &Throttle, keys: &Keys, token: &str, (price, now): (Price, Timestamp)) -> Result<Caller> {
    let Claims { user, session } = verified(keys, token, now).await?;
    throttle.admit(resume(db, user, session, now), Who { user, session }, price, now).await
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

/// Gives new tokens for the refresh token that came last. The one before it gives the same for a few seconds, as long as what came after it was not
/// used: two tabs may be at it at once, or an answer was lost. An older one means that it was copied, so its session ends.
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
    let user = store::sessions::find_owner(&mut *db.acquire().await?, session, now).await?.ok_or(REFUSED)?;
    let claims = Claims { user, session };
    let rotation = Rotation {
        presented: &presented.hash,
        next: &presented.next.hash(),
        ip: &visitor.ip,
        now,
        expires_at: session_end(issuer, now),
    };
    if store::sessions::rotate(&mut *db.acquire().await?, session, &rotation).await? {
        return tokens(issuer, claims, &presented.next, now).await;
    }
    let since = now.plus_seconds(-AGAIN_SECONDS);
    if let Some(hash) = store::sessions::successor(&mut *db.acquire().await?, session, &presented.hash, since).await? {
        if let Some(next) = presented.next_of(&hash) {
            return tokens(issuer, claims, next, now).await;
        }
        // Another instance may have let it follow by a key that is new here.
        issuer.keys.follow(false).await;
        let presented = refresh::read(&issuer.keys, token).ok_or(REFUSED)?;
        if let Some(next) = presented.next_of(&hash) {
            return tokens(issuer, claims, next, now).await;
        }
    }
    tracing::warn!(user.id = user.0, session.id = session.0, "a used refresh token came back; its session ends");
    end(db, push, &Ending { user, which: Which::One(session), cause: Cause::TokenReused, now }).await?;
    Err(REFUSED)
}

/// Who wants to log out.
#[derive(Clone, Debug)]
pub enum Leaver {
    /// Somebody who is signed in.
    SignedIn(Caller),
    /// Somebody whose session has ended: there is nothing left to end, but the sockets may still be open.
    Out {
        /// Who.
        user: UserId,
        /// When they ask.
        now: Timestamp,
    },
}

/// Who wants to log out with this access token. One that we signed is good for it as long as it lasts, whatever became of its session: whoever is not
/// sure that it worked can do it again.
pub async fn leaver(db: &Db, throttle: &Throttle, keys: &Keys, token: &str, (price, now): (Price, Timestamp)) -> Result<Leaver> {
    let claims = verified(keys, token, now).await?;
    let who = Who { user: claims.user, session: claims.session };
    let (caller, counted) = tokio::join!(resume(db, claims.user, claims.session, now), throttle.ends(who, price, now));
    counted?;
    match caller {
        Ok(caller) => Ok(Leaver::SignedIn(caller)),
        Err(Error::Unauthenticated(ENDED)) => Ok(Leaver::Out { user: claims.user, now }),
        Err(error) => Err(error),
    }
}

/// Ends the caller's session.
pub async fn logout(db: &Db, push: &Push, leaver: &Leaver) -> Result<()> {
    leave(db, push, leaver, |caller| (Which::One(caller.session), Cause::Logout)).await
}

/// Ends all the caller's sessions.
pub async fn logout_all(db: &Db, push: &Push, leaver: &Leaver) -> Result<()> {
    leave(db, push, leaver, |_| (Which::All, Cause::LogoutAll)).await
}

async fn leave(db: &Db, push: &Push, leaver: &Leaver, what: impl Fn(&Caller) -> (Which, Cause)) -> Result<()> {
    match leaver {
        Leaver::SignedIn(caller) => {
            let (which, cause) = what(caller);
            end(db, push, &Ending { user: caller.user, which, cause, now: caller.now }).await.map(drop)
        }
        Leaver::Out { user, now } => {
            endings::close_all(db, push, *user, *now).await;
            Ok(())
        }
    }
}

/// Ends one of the caller's sessions.
pub async fn revoke(db: &Db, push: &Push, caller: &Caller, session: SessionId) -> Result<()> {
    let ending = Ending { user: caller.user, which: Which::One(session), cause: Cause::Revoked, now: caller.now };
    if end(db, push, &ending).await? == 0 { Err(Error::NotFound("session_not_found")) } else { Ok(()) }
}

/// Ends sessions and closes their sockets. Gives how many ended.
async fn end(db: &Db, push: &Push, ending: &Ending) -> Result<u64> {
    let ended = transaction!(db, |tx| store::endings::end(tx, ending).await)?;
    let sessions = ended.sessions;
    if sessions > 0 {
        endings::close(db, push, ended, ending.now).await;
    }
    Ok(sessions)
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
