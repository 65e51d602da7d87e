//! Sessions: one login on a device. Ending a session closes its sockets, too.

use crate::caller::Caller;
use crate::domain::auth::accounts::SignIn;
use crate::domain::auth::refresh_tokens::{self, RefreshSecret};
use crate::domain::auth::session_closings;
use crate::domain::auth::tokens::{Claims, Issuer, TokenKeys};
use crate::domain::limits::throttle::Throttle;
use crate::domain::limits::work_budget::WorkOwner;
use crate::domain::limits::work_costs::Cost;
use crate::domain::paging::{PageRequest, page};
use crate::error::{Error, Result};
use crate::id::{MAX_ID, RoomRef, SessionId, UserId};
use crate::protocol::accounts::{Session, Tokens};
use crate::protocol::page::Page;
use crate::protocol::session_end_cause::Cause;
use crate::push::Push;
use crate::store::members::{self, Access};
use crate::store::session_closings::{EndedSessions, SessionEnding, SessionSelection};
use crate::store::sessions::Rotation;
use crate::store::{self, Db, Tx, transaction};
use crate::telemetry::invocation;
use crate::time::Timestamp;

/// Seconds in which a used refresh token is not taken for theft.
const REUSE_GRACE_SECONDS: i64 = 30;

/// Most live sessions of a user.
const MAX_LIVE: u32 = 50;

/// The code of an ended session.
pub const ENDED: &str = "session_ended";

/// Authenticates an access token, with one statement.
pub async fn authenticate(db: &Db, keys: &TokenKeys, token: &str, now: Timestamp) -> Result<Caller> {
    let claims = verify_token(keys, token, now).await?;
    load_caller(db, claims.user, claims.session, now).await
}

/// An access token to verify.
#[derive(Clone, Copy, Debug)]
pub struct PresentedAccess<'a> {
    pub keys: &'a TokenKeys,
    pub token: &'a str,
    pub now: Timestamp,
}

/// The same, then charges and counts the request's cost.
pub async fn authenticate_charged(db: &Db, throttle: &Throttle, access: PresentedAccess<'_>, cost: Cost) -> Result<Caller> {
    let PresentedAccess { keys, token, now } = access;
    let Claims { user, session } = verify_token(keys, token, now).await?;
    throttle.admit(load_caller(db, user, session, now), WorkOwner { user, session }, cost, now).await
}

/// An authenticated caller, with their access to the room that the request names, if there is one.
#[derive(Debug)]
pub struct RoomReader {
    pub caller: Caller,
    pub(crate) access: Option<Access>,
}

/// The same for a request to a room, with the caller's access to it, all by one statement.
pub async fn authenticate_in_room(
    db: &Db,
    throttle: &Throttle,
    access: PresentedAccess<'_>,
    cost: Cost,
    room: &RoomRef,
) -> Result<RoomReader> {
    let PresentedAccess { keys, token, now } = access;
    let Claims { user, session } = verify_token(keys, token, now).await?;
    let load = async {
        let mut connection = db.acquire().await?;
        let (caller, found) = match members::find_access_of_session(&mut connection, room, user, session, now).await? {
            Some((username, access)) => {
                (username.map(|username| Caller { user, username, session, connection: None, now }), Some(access))
            }
            // Without a room there is no row to tell of the session.
            None => (store::sessions::check(&mut connection, session, user, now).await?, None),
        };
        invocation::set_user(user);
        Ok(RoomReader { caller: caller.ok_or(Error::Unauthenticated(ENDED))?, access: found })
    };
    throttle.admit(load, WorkOwner { user, session }, cost, now).await
}

/// Checks a new access token on an open socket: it must be of the caller's user and session. Costs no statement.
pub async fn check_renewal(keys: &TokenKeys, caller: &Caller, token: &str) -> Result<()> {
    let claims = verify_token(keys, token, caller.now).await?;
    if claims.user != caller.user {
        return Err(Error::Unauthenticated("unauthenticated"));
    }
    if claims.session != caller.session {
        // The token is valid: `unauthenticated` would make the client refresh it, `session_ended` log in again.
        return Err(Error::Conflict("another_session"));
    }
    Ok(())
}

async fn verify_token(keys: &TokenKeys, token: &str, now: Timestamp) -> Result<Claims> {
    keys.reload(keys.knows(token)).await;
    keys.verify(token, now)
}

/// Exchanges a refresh token. The previous token returns the same result for some seconds until its successor is used, because two tabs may
/// refresh at once or an answer may be lost. An older one was copied, so its session ends.
pub async fn refresh(db: &Db, with: SignIn<'_>, token: &str) -> Result<Tokens> {
    const REFUSED: Error = Error::Unauthenticated("invalid_refresh_token");
    let SignIn { push, issuer, throttle, client } = with;
    let now = client.now;
    let presented = if let Some(presented) = refresh_tokens::parse(&issuer.keys, token) {
        presented
    } else {
        // Its key may be new to this instance.
        issuer.keys.reload(false).await;
        refresh_tokens::parse(&issuer.keys, token).ok_or(REFUSED)?
    };
    let session = presented.session;
    let user = store::sessions::find_owner(&mut *db.acquire().await?, session, now).await?.ok_or(REFUSED)?;
    throttle.count_refresh(session, now).await?;
    let claims = Claims { user, session };
    let rotation = Rotation {
        presented: &presented.hash,
        next: &presented.successor.hash(),
        ip: &client.ip,
        now,
        expires_at: session_expiry(issuer, now),
    };
    if store::sessions::rotate(&mut *db.acquire().await?, session, &rotation).await? {
        return issue_tokens(issuer, claims, &presented.successor, now).await;
    }
    let since = now.plus_seconds(-REUSE_GRACE_SECONDS);
    if let Some(hash) = store::sessions::successor(&mut *db.acquire().await?, session, &presented.hash, since).await? {
        if let Some(next) = presented.successor_with(&hash) {
            return issue_tokens(issuer, claims, next, now).await;
        }
        // The successor may be derived with a key that is new to this instance.
        issuer.keys.reload(false).await;
        let presented = refresh_tokens::parse(&issuer.keys, token).ok_or(REFUSED)?;
        if let Some(next) = presented.successor_with(&hash) {
            return issue_tokens(issuer, claims, next, now).await;
        }
    }
    tracing::warn!(user.id = user.0, session.id = session.0, "a used refresh token came back; its session ends");
    end(db, push, &SessionEnding { user, selection: SessionSelection::One(session), cause: Cause::TokenReused, now }).await?;
    Err(REFUSED)
}

/// A user who logs out.
#[derive(Clone, Debug)]
pub enum SessionOwner {
    SignedIn(Caller),
    /// The session has ended, but its sockets may still be open.
    Ended {
        user: UserId,
        now: Timestamp,
    },
}

/// Authenticates a logout. A valid access token is enough even after its session ended, so that clients can retry.
pub async fn authenticate_logout(db: &Db, throttle: &Throttle, access: PresentedAccess<'_>, cost: Cost) -> Result<SessionOwner> {
    let PresentedAccess { keys, token, now } = access;
    let claims = verify_token(keys, token, now).await?;
    let owner = WorkOwner { user: claims.user, session: claims.session };
    let (caller, counted) =
        tokio::join!(load_caller(db, claims.user, claims.session, now), throttle.count_session_end(owner, cost, now));
    counted?;
    match caller {
        Ok(caller) => Ok(SessionOwner::SignedIn(caller)),
        Err(Error::Unauthenticated(ENDED)) => Ok(SessionOwner::Ended { user: claims.user, now }),
        Err(error) => Err(error),
    }
}

pub async fn logout(db: &Db, push: &Push, leaver: &SessionOwner) -> Result<()> {
    leave(db, push, leaver, |caller| (SessionSelection::One(caller.session), Cause::Logout)).await
}

/// Ends all sessions of the caller.
pub async fn logout_all(db: &Db, push: &Push, leaver: &SessionOwner) -> Result<()> {
    leave(db, push, leaver, |_| (SessionSelection::All, Cause::LogoutAll)).await
}

async fn leave(db: &Db, push: &Push, leaver: &SessionOwner, what: impl Fn(&Caller) -> (SessionSelection, Cause)) -> Result<()> {
    match leaver {
        SessionOwner::SignedIn(caller) => {
            let (selection, cause) = what(caller);
            end(db, push, &SessionEnding { user: caller.user, selection, cause, now: caller.now }).await.map(drop)
        }
        SessionOwner::Ended { user, now } => {
            session_closings::close_all(db, push, *user, *now).await;
            Ok(())
        }
    }
}

/// Ends one of the caller's sessions.
pub async fn revoke(db: &Db, push: &Push, caller: &Caller, session: SessionId) -> Result<()> {
    let ending =
        SessionEnding { user: caller.user, selection: SessionSelection::One(session), cause: Cause::Revoked, now: caller.now };
    if end(db, push, &ending).await? == 0 { Err(Error::NotFound("session_not_found")) } else { Ok(()) }
}

/// Ends sessions and closes their sockets. Returns how many ended.
async fn end(db: &Db, push: &Push, ending: &SessionEnding) -> Result<u64> {
    let ended = transaction!(db, |tx| store::session_closings::end(tx, ending).await)?;
    let sessions = ended.sessions;
    if sessions > 0 {
        session_closings::close(db, push, ended, ending.now).await;
    }
    Ok(sessions)
}

/// Ends the sessions beyond the most that a user may have, those that were used least recently.
pub(crate) async fn end_surplus(tx: &mut Tx<'_>, user: UserId, now: Timestamp) -> Result<Option<EndedSessions>> {
    let mut ended = None;
    for session in store::sessions::list_surplus(tx, user, MAX_LIVE, now).await? {
        let ending = SessionEnding { user, selection: SessionSelection::One(session), cause: Cause::Surplus, now };
        ended = Some(store::session_closings::end(tx, &ending).await?);
    }
    Ok(ended)
}

/// Lists the caller's live sessions, newest first.
pub async fn list(db: &Db, caller: &Caller, paging: PageRequest<'_>) -> Result<Page<Session>> {
    let limit = paging.limit()?;
    let before = paging.position(SessionId(MAX_ID))?;
    let items = store::sessions::list(&mut *db.acquire().await?, caller, before, limit + 1).await?;
    Ok(page(items, limit, |last| last.id.to_string()))
}

/// Loads the caller of a session, with one statement.
pub async fn load_caller(db: &Db, user: UserId, session: SessionId, now: Timestamp) -> Result<Caller> {
    let caller = store::sessions::check(&mut *db.acquire().await?, session, user, now).await?;
    invocation::set_user(user);
    caller.ok_or(Error::Unauthenticated(ENDED))
}

/// Issues the tokens of a session whose row stores the hash of `fresh`.
pub(crate) async fn issue_tokens(issuer: &Issuer, claims: Claims, fresh: &RefreshSecret, now: Timestamp) -> Result<Tokens> {
    issuer.keys.reload(true).await;
    Ok(Tokens {
        access_token: issuer.keys.sign(claims, issuer.lifetimes.expiry, now)?,
        token: None,
        token_type: "Bearer",
        expires_in: issuer.lifetimes.expiry.as_secs(),
        refresh_token: fresh.to_token(&issuer.keys, claims.session)?,
    })
}

/// Returns when a session expires that is created or refreshed now.
pub(crate) fn session_expiry(issuer: &Issuer, now: Timestamp) -> Timestamp {
    now.plus_seconds(i64::from(issuer.lifetimes.session_days) * 86_400)
}
