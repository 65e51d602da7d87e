//! Accounts: registering, logging in, changing the password. Nobody learns from an answer or its time whether an account exists.

pub(super) mod fields;
mod login;
mod registering;

use crate::caller::Caller;
use crate::domain::passwords;
use crate::domain::refresh::Fresh;
use crate::domain::sessions::ENDED;
use crate::domain::sessions::{session_end, tokens};
use crate::domain::throttle::Throttle;
use crate::domain::tokens::{Claims, Issuer};
use crate::domain::visitor::Visitor;
use crate::error::{Error, Result};
use crate::protocol::accounts::{ChangePassword, Tokens};
use crate::protocol::endings::Cause;
use crate::push::Push;
use crate::store::endings::{self, Ending, Which};
use crate::store::sessions::NewSession;
use crate::store::users::Account;
use crate::store::{self, Db, transaction};

pub use login::login;
pub use registering::register;

/// What replacing a password takes, besides the store.
#[derive(Clone, Copy, Debug)]
pub struct Changing<'a> {
    /// The way to the sockets that are closed.
    pub push: &'a Push,
    /// Makes the tokens of the new session.
    pub issuer: &'a Issuer,
    /// Counts wrong passwords.
    pub throttle: &'a Throttle,
    /// Where the request comes from.
    pub visitor: &'a Visitor,
}

/// Replaces the caller's password and ends all sessions, so that no copy of a token is good any longer. The caller goes on in a new one.
pub async fn change_password(db: &Db, with: Changing<'_>, caller: &Caller, given: &ChangePassword) -> Result<Tokens> {
    let Changing { push, issuer, throttle, visitor } = with;
    let account = store::users::account(&mut *db.acquire().await?, caller.user).await?;
    let Account { me, password_hash: present, .. } = account.ok_or(Error::Unauthenticated(ENDED))?;
    let names = [&caller.username, me.user.display_name.as_str(), me.email.as_deref().unwrap_or_default()];
    fields::all([passwords::violation("new", &given.new, &names)])?;
    shown(throttle, caller, &given.current, &present).await?;
    let password_hash = passwords::hash(&given.new).await?;
    let fresh = Fresh::random()?;
    let Caller { user, session, now, .. } = *caller;
    let new =
        NewSession { user, refresh_hash: &fresh.hash(), device: "", ip: &visitor.ip, now, expires_at: session_end(issuer, now) };
    let (ended, session) = transaction!(db, |tx| {
        if !store::users::replace_password_hash(tx, user, &present, &password_hash).await? {
            return Err(Error::Forbidden("wrong_password"));
        }
        let own = Ending { user, which: Which::One(session), cause: Cause::Replaced, now };
        if endings::end(tx, &own).await?.sessions == 0 {
            return Err(Error::Unauthenticated(ENDED));
        }
        let all = Ending { which: Which::All, cause: Cause::PasswordChanged, ..own };
        let ended = endings::end(tx, &all).await?;
        Ok((ended, store::sessions::insert_after(tx, session, &new).await?))
    })?;
    crate::domain::endings::close(db, push, ended, now).await;
    tokens(issuer, Claims { user, session }, &fresh, now).await
}

/// Whether this is the caller's password. Failures are counted, and a wrong one is `wrong_password`.
pub(super) async fn shown(throttle: &Throttle, caller: &Caller, password: &str, hash: &str) -> Result<()> {
    let attempt = throttle.guess(caller).await?;
    let matches = passwords::verify(password, Some(hash)).await;
    if matches!(matches, Ok(false)) {
        return Err(Error::Forbidden("wrong_password"));
    }
    attempt.forgive().await;
    matches.map(drop)
}
