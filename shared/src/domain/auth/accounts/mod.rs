//! Accounts: registration, login, password change. Neither answers nor their timing reveal whether an account exists.

pub(crate) mod fields;
mod login;
mod register;

use crate::caller::Caller;
use crate::domain::auth::anonymous::AnonymousCaller;
use crate::domain::auth::passwords;
use crate::domain::auth::refresh_tokens::RefreshSecret;
use crate::domain::auth::sessions::ENDED;
use crate::domain::auth::sessions::{issue_tokens, session_expiry};
use crate::domain::auth::tokens::{Claims, Issuer};
use crate::domain::limits::throttle::Throttle;
use crate::error::{Error, Result};
use crate::protocol::accounts::{ChangePassword, Tokens};
use crate::protocol::session_end_cause::Cause;
use crate::push::Push;
use crate::store::session_closings::{self, SessionEnding, SessionSelection};
use crate::store::sessions::NewSession;
use crate::store::users::Account;
use crate::store::{self, Db, transaction};

pub use login::login;
pub use register::register;

/// Dependencies of starting or renewing a session, besides the store.
#[derive(Clone, Copy, Debug)]
pub struct SignIn<'a> {
    pub push: &'a Push,
    /// Issues the session's tokens.
    pub issuer: &'a Issuer,
    pub throttle: &'a Throttle,
    pub client: &'a AnonymousCaller,
}

/// Replaces the caller's password, ends all sessions, and starts a new one for the caller.
pub async fn change_password(db: &Db, with: SignIn<'_>, caller: &Caller, given: &ChangePassword) -> Result<Tokens> {
    let SignIn { push, issuer, throttle, client } = with;
    let account = store::users::account(&mut *db.acquire().await?, caller.user).await?;
    let Account { me, password_hash: present, .. } = account.ok_or(Error::Unauthenticated(ENDED))?;
    let names = [&caller.username, me.user.display_name.as_str(), me.email.as_deref().unwrap_or_default()];
    fields::collect_violations([passwords::violation("new", &given.new, &names)])?;
    verify_own_password(throttle, caller, &given.current, &present).await?;
    let password_hash = passwords::hash(&given.new).await?;
    let fresh = RefreshSecret::random()?;
    let Caller { user, session, now, .. } = *caller;
    let new = NewSession {
        user,
        refresh_hash: &fresh.hash(),
        device: "",
        ip: &client.ip,
        now,
        expires_at: session_expiry(issuer, now),
    };
    let (ended, session) = transaction!(db, |tx| {
        if !store::users::replace_password_hash(tx, user, &present, &password_hash).await? {
            return Err(Error::Forbidden("wrong_password"));
        }
        let own = SessionEnding { user, selection: SessionSelection::One(session), cause: Cause::Replaced, now };
        if session_closings::end(tx, &own).await?.sessions == 0 {
            return Err(Error::Unauthenticated(ENDED));
        }
        let all = SessionEnding { selection: SessionSelection::All, cause: Cause::PasswordChanged, ..own };
        let ended = session_closings::end(tx, &all).await?;
        Ok((ended, store::sessions::insert_replacement(tx, session, &new).await?))
    })?;
    crate::domain::auth::session_closings::close(db, push, ended, now).await;
    issue_tokens(issuer, Claims { user, session }, &fresh, now).await
}

/// Verifies the caller's own password. Counts failures; a wrong password returns `wrong_password`.
pub(crate) async fn verify_own_password(throttle: &Throttle, caller: &Caller, password: &str, hash: &str) -> Result<()> {
    let attempt = throttle.count_own_password(caller).await?;
    let matches = passwords::verify(password, Some(hash)).await;
    if matches!(matches, Ok(false)) {
        return Err(Error::Forbidden("wrong_password"));
    }
    attempt.forgive().await;
    matches.map(drop)
}
