//! The rules of erasing an account. What its person wrote stays, as a deleted user's, because it is part of what others wrote; all else goes.
//!
//! First the account ends, in one transaction: nobody signs in, every socket is closed, every name and address is gone from its row. Then its
//! traces are taken away in many small ones, so that no room waits for long, however large the account. Each finds what is left to do by itself:
//! erasing that was cut off goes on when it is asked for again, by the session that asked first or by an operator, and else by the clock.

mod media;
mod rooms;
mod words;

use std::time::Instant;

use crate::caller::Caller;
use crate::domain::sessions::{self, ENDED};
use crate::domain::throttle::Throttle;
use crate::domain::tokens::Keys;
use crate::domain::{accounts, endings};
use crate::error::{Error, Result};
use crate::id::{SessionId, UserId};
use crate::protocol::endings::Cause;
use crate::protocol::frames::Frame;
use crate::push::Push;
use crate::store::endings::{Ended, Ending, Which};
use crate::store::erasure::{self as store, ERASED};
use crate::store::{Db, transaction, users};
use crate::telemetry::invocation;
use crate::time::Timestamp;

/// Rooms that are looked up at once.
const ROOMS: u32 = 50;
/// For so long whoever asked for an erasure is expected to go on with it.
const ABANDONED_SECONDS: i64 = 60;
/// Abandoned erasures that one run goes on with.
const ACCOUNTS: u32 = 100;

/// Somebody who may ask for the end of their account.
#[derive(Clone, Debug)]
pub enum Asker {
    /// It is still there.
    Alive(Caller),
    /// It is ending since they asked first.
    Again(Caller),
}

/// Who asks: anyone who is signed in, and whoever asked before as long as not all is gone.
pub async fn authenticate(db: &Db, keys: &Keys, token: &str, now: Timestamp) -> Result<Asker> {
    keys.follow(keys.knows(token)).await;
    let claims = keys.verify(token, now)?;
    match sessions::resume(db, claims.user, claims.session, now).await {
        Ok(caller) => Ok(Asker::Alive(caller)),
        Err(Error::Unauthenticated(ENDED)) => {
            let asker = store::asks_again(&mut *db.acquire().await?, claims.session, claims.user, now).await?;
            asker.map(Asker::Again).ok_or(Error::Unauthenticated(ENDED))
        }
        Err(error) => Err(error),
    }
}

/// Erases the asker's account, for good. Asking again goes on where it stopped.
pub async fn erase(db: &Db, push: &Push, throttle: &Throttle, asker: &Asker, password: &str) -> Result<()> {
    let caller = match asker {
        Asker::Again(caller) => caller,
        Asker::Alive(caller) => {
            let account = users::account(&mut *db.acquire().await?, caller.user).await?;
            let present = account.ok_or(Error::Unauthenticated(ENDED))?.password_hash;
            accounts::shown(throttle, caller, password, &present).await?;
            let ended = begin(db, caller, &present).await?;
            endings::close(db, push, ended, caller.now).await;
            caller
        }
    };
    finish(db, push, caller.user, caller.now).await
}

/// Goes on with erasures that nobody goes on with, until all are done or the time is over: whatever is left then is found by the next run. Gives
/// how many were finished. One that fails hinders no other; the first such error is given at the end.
pub async fn go_on(db: &Db, push: &Push, now: Timestamp, end: Instant) -> Result<usize> {
    let abandoned = store::abandoned(&mut *db.acquire().await?, now.plus_seconds(-ABANDONED_SECONDS), ACCOUNTS).await?;
    let (mut finished, mut failed) = (0, None);
    for user in abandoned {
        let left = end.saturating_duration_since(Instant::now());
        // Without time a quick store might still be quick enough to be begun with.
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

async fn begin(db: &Db, caller: &Caller, password_hash: &str) -> Result<Ended> {
    let which = Which::WithAccount { asking: Some(caller.session) };
    let ending = Ending { user: caller.user, which, cause: Cause::Erased, now: caller.now };
    transaction!(db, |tx| {
        let ended = store::begin(tx, &ending, Some(password_hash)).await?;
        ended.ok_or(Error::Forbidden("wrong_password"))
    })
}

/// Takes all traces of an account away that has ended. What is gone already costs nothing.
pub(super) async fn finish(db: &Db, push: &Push, user: UserId, now: Timestamp) -> Result<()> {
    let Some(name) = store::unfinished(&mut *db.acquire().await?, user).await? else { return Ok(()) };
    let ghost = Caller { user, username: ERASED.into(), session: SessionId(0), now };
    loop {
        let found = store::rooms(&mut *db.acquire().await?, user, ROOMS).await?;
        if found.is_empty() {
            break;
        }
        for room in found {
            rooms::go_through(db, push, (&ghost, &name), room).await?;
        }
    }
    while rooms::unname(db, push, &ghost).await? {}
    while media::unhang(db, push, &ghost).await? {}
    media::doom(db, &ghost).await?;
    // What else is kept of a person is taken away from here on, by whatever keeps it: in parts, each of which finds by itself what is left.
    let friends = store::ties(&mut *db.acquire().await?, user).await?;
    push.to_users(&friends, &Frame::FriendRemoved { user_id: user }, now).await;
    while store::forget_part(&mut *db.acquire().await?, user).await? {}
    endings::close_all(db, push, user, now).await;
    transaction!(db, |tx| store::finish(tx, user).await)
}
