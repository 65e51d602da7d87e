//! Logging in. Whatever was typed, the same is counted and the same work done, whether anybody has that name or not.

use crate::domain::passwords;
use crate::domain::refresh::Fresh;
use crate::domain::sessions::{session_end, tokens};
use crate::domain::throttle::network::Network;
use crate::domain::throttle::{Crowd, Throttle};
use crate::domain::tokens::{Claims, Issuer};
use crate::domain::visitor::Visitor;
use crate::error::{Error, Result};
use crate::id::UserId;
use crate::protocol::accounts::{Authenticated, Login};
use crate::store::sessions::NewSession;
use crate::store::users::{Account, MOST_CLAIMANTS, email_key};
use crate::store::{self, Db};

use super::fields::{self, Name};

const REFUSED: Error = Error::Unauthenticated("invalid_credentials");

/// Logs in by username or e-mail address.
pub async fn login(db: &Db, issuer: &Issuer, throttle: &Throttle, visitor: &Visitor, given: &Login) -> Result<Authenticated> {
    let (name, device) = match fields::login(given) {
        Ok(fields) => fields,
        Err(refusal) => return Err(throttle.senseless(visitor, refusal).await),
    };
    let mut accounts = find(db, &name).await?;
    let mut attempt = throttle.attempt(visitor, &name.typed()).await?;
    let refusal = match std::mem::replace(&mut attempt.crowd, Crowd::None) {
        Crowd::None => REFUSED,
        Crowd::Wide(refusal) => {
            keep_those_at_home(db, visitor, &mut accounts).await?;
            refusal
        }
        Crowd::Flood(refusal) => {
            keep_those_at_home(db, visitor, &mut accounts).await?;
            // Who has which username is no secret; whose an address is must not show in how long this takes.
            if accounts.is_empty() || matches!(name, Name::Email(_)) {
                return Err(refusal);
            }
            refusal
        }
    };
    let account = whose(accounts, name.hashes(), &given.password).await?.ok_or(refusal)?;
    attempt.forgive().await;
    sign_in(db, issuer, visitor, account, device).await
}

/// A new session of somebody who has shown their password.
pub(super) async fn sign_in(
    db: &Db,
    issuer: &Issuer,
    visitor: &Visitor,
    account: Account,
    device: &str,
) -> Result<Authenticated> {
    let Account { me, password_hash, .. } = account;
    let fresh = Fresh::random()?;
    let new = NewSession {
        user: me.user.id,
        refresh_hash: &fresh.hash(),
        device,
        ip: &visitor.ip,
        now: visitor.now,
        expires_at: session_end(issuer, visitor.now),
    };
    let made = store::sessions::insert_if_unchanged(&mut *db.acquire().await?, &new, &password_hash).await?;
    let claims = Claims { user: me.user.id, session: made.ok_or(REFUSED)? };
    Ok(Authenticated { user: me, tokens: tokens(issuer, claims, &fresh, visitor.now).await? })
}

impl Name<'_> {
    /// What failures are counted by: what was typed, however it was spelled.
    pub(super) fn typed(&self) -> String {
        let (Self::Username(text) | Self::Email(text)) = self;
        email_key(text)
    }

    /// How many hashes are compared, whoever has the name.
    fn hashes(&self) -> usize {
        match self {
            Self::Username(_) => 1,
            Self::Email(_) => MOST_CLAIMANTS,
        }
    }
}

/// The accounts that may have this name, but for its case. Collations would find others by it.
async fn find(db: &Db, name: &Name<'_>) -> Result<Vec<Account>> {
    match name {
        Name::Username(username) if fields::is_username(username) => {
            let account = store::users::account_by_username(&mut *db.acquire().await?, username).await?;
            Ok(account.into_iter().collect())
        }
        Name::Email(email) if fields::is_email(email) => store::users::accounts_by_email(&mut *db.acquire().await?, email).await,
        Name::Username(_) | Name::Email(_) => Ok(Vec::new()),
    }
}

/// The one of them whose password this is, the others compared for nothing.
async fn whose(accounts: Vec<Account>, hashes: usize, password: &str) -> Result<Option<Account>> {
    let missing = hashes.saturating_sub(accounts.len());
    for account in accounts {
        if passwords::verify(password, Some(&account.password_hash)).await? {
            return Ok(Some(account));
        }
    }
    for _ in 0..missing {
        passwords::verify(password, None).await?;
    }
    Ok(None)
}

/// Whoever makes strangers fail everywhere still cannot lock people out of where they have been before.
async fn keep_those_at_home(db: &Db, visitor: &Visitor, accounts: &mut Vec<Account>) -> Result<()> {
    let mut users = [UserId(0); MOST_CLAIMANTS];
    for (place, account) in users.iter_mut().zip(accounts.iter()) {
        *place = account.me.user.id;
    }
    let network = Network::of(&visitor.ip);
    let known = store::sessions::at_home(&mut *db.acquire().await?, users, network.prefix()).await?;
    accounts.retain(|account| known.contains(&account.me.user.id));
    Ok(())
}
