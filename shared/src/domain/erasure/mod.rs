//! Account erasure. Messages stay, attributed to a deleted user, because they belong to conversations of others; everything else is removed.
//!
//! One transaction ends the account: sessions end, sockets are closed, name and address are removed from its row. Many small transactions then
//! remove the traces, so that no room is locked for long. Each finds the remaining work by itself, so an interrupted erasure can be resumed by
//! the session that requested it, by an operator, or by the sweep.

mod media;
mod redact;
mod rooms;

use std::time::Instant;

use crate::caller::Caller;
use crate::domain::auth::accounts;
use crate::domain::auth::session_closings;
use crate::domain::auth::sessions::{self, ENDED};
use crate::domain::auth::tokens::TokenKeys;
use crate::domain::limits::throttle::Throttle;
use crate::domain::people::profile_updates;
use crate::error::{Error, Result};
use crate::id::{SessionId, UserId};
use crate::protocol::frames::Frame;
use crate::protocol::session_end_cause::Cause;
use crate::push::Push;
use crate::store::erasure::{self as store, DELETED_USER};
use crate::store::session_closings::{EndedSessions, SessionEnding, SessionSelection};
use crate::store::{Db, transaction, users};
use crate::telemetry::invocation;
use crate::time::Timestamp;

/// Rooms read per statement.
const ROOMS_PER_QUERY: u32 = 50;
/// Seconds without progress after which the sweep resumes an erasure.
const ABANDONED_SECONDS: i64 = 60;
/// Abandoned erasures resumed per run.
const ACCOUNTS_PER_RUN: u32 = 100;

/// A user who requests the erasure of their account.
#[derive(Clone, Debug)]
pub enum ErasureRequester {
    /// The account is active.
    Active(Caller),
    /// The erasure has begun at their request.
    Resuming(Caller),
}

/// A user whose account has ended, and what others may still read of them.
#[derive(Clone, Debug)]
struct DeletedUser {
    /// The author of the changes, under the name of deleted users.
    caller: Caller,
    former_name: String,
}

/// Authenticates an active session, or the session that requested an unfinished erasure.
pub async fn authenticate(db: &Db, keys: &TokenKeys, token: &str, now: Timestamp) -> Result<ErasureRequester> {
    keys.reload(keys.knows(token)).await;
    let claims = keys.verify(token, now)?;
    match sessions::load_caller(db, claims.user, claims.session, now).await {
        Ok(caller) => Ok(ErasureRequester::Active(caller)),
        Err(Error::Unauthenticated(ENDED)) => {
            let asker = store::find_erasing_caller(&mut *db.acquire().await?, claims.session, claims.user, now).await?;
            asker.map(ErasureRequester::Resuming).ok_or(Error::Unauthenticated(ENDED))
        }
        Err(error) => Err(error),
    }
}

/// Erases the requester's account, or resumes the erasure.
pub async fn erase(db: &Db, push: &Push, throttle: &Throttle, asker: &ErasureRequester, password: &str) -> Result<()> {
    let caller = match asker {
        ErasureRequester::Resuming(caller) => caller,
        ErasureRequester::Active(caller) => {
            let account = users::account(&mut *db.acquire().await?, caller.user).await?;
            let present = account.ok_or(Error::Unauthenticated(ENDED))?.password_hash;
            accounts::verify_own_password(throttle, caller, password, &present).await?;
            let ended = begin(db, caller, &present).await?;
            session_closings::close(db, push, ended, caller.now).await;
            caller
        }
    };
    finish(db, push, caller.user, caller.now).await
}

/// Resumes abandoned erasures until all are done or the time is over. Returns how many finished. A failure does not stop the others; the first
/// error is returned at the end.
pub async fn resume_abandoned(db: &Db, push: &Push, now: Timestamp, end: Instant) -> Result<usize> {
    let abandoned =
        store::list_unfinished(&mut *db.acquire().await?, now.plus_seconds(-ABANDONED_SECONDS), ACCOUNTS_PER_RUN).await?;
    let (mut finished, mut failed) = (0, None);
    for user in abandoned {
        let left = end.saturating_duration_since(Instant::now());
        // A zero timeout still polls once, which would start work.
        if left.is_zero() {
            break;
        }
        match invocation::within(left, finish(db, push, user, now)).await {
            Ok(Ok(())) => finished += 1,
            Ok(Err(error)) => failed = failed.or(Some(error)),
            Err(_) => break,
        }
    }
    failed.map_or(Ok(finished), Err)
}

async fn begin(db: &Db, caller: &Caller, password_hash: &str) -> Result<EndedSessions> {
    let selection = SessionSelection::WithAccount { asking: Some(caller.session) };
    let ending = SessionEnding { user: caller.user, selection, cause: Cause::Erased, now: caller.now };
    transaction!(db, |tx| {
        let ended = store::begin(tx, &ending, Some(password_hash)).await?;
        ended.ok_or(Error::Forbidden("wrong_password"))
    })
}

/// Removes all traces of an ended account. Idempotent.
pub(super) async fn finish(db: &Db, push: &Push, user: UserId, now: Timestamp) -> Result<()> {
    let Some(former_name) = store::former_username(&mut *db.acquire().await?, user).await? else { return Ok(()) };
    let caller = Caller { user, username: DELETED_USER.into(), session: SessionId(0), connection: None, now };
    let deleted_user = DeletedUser { caller, former_name };
    // While the user still has friends and rooms.
    profile_updates::push_public(db, push, user, now).await?;
    loop {
        let found = store::rooms(&mut *db.acquire().await?, user, ROOMS_PER_QUERY).await?;
        if found.is_empty() {
            break;
        }
        for room in found {
            rooms::erase_from_room(db, push, &deleted_user, room).await?;
        }
    }
    while rooms::anonymize_forwards(db, push, &deleted_user.caller).await? {}
    while media::detach_from_messages(db, push, &deleted_user.caller).await? {}
    media::mark_for_deletion(db, &deleted_user.caller).await?;
    // Friendships and the remaining rows go last, in batches that find what is left by themselves.
    let friends = store::list_related_users(&mut *db.acquire().await?, user).await?;
    push.to_users(&friends, &Frame::FriendRemoved { user_id: user }, now).await;
    while store::delete_batch(&mut *db.acquire().await?, user).await? {}
    session_closings::close_all(db, push, user, now).await;
    transaction!(db, |tx| store::finish(tx, user).await)
}
