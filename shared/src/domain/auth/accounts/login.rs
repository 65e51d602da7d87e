//! Login. Counting and hashing cost the same whether or not the account exists.

use crate::domain::auth::anonymous::AnonymousCaller;
use crate::domain::auth::passwords;
use crate::domain::auth::refresh_tokens::RefreshSecret;
use crate::domain::auth::session_closings;
use crate::domain::auth::sessions::{self, issue_tokens, session_expiry};
use crate::domain::auth::tokens::Claims;
use crate::domain::limits::throttle::FailureLevel;
use crate::domain::limits::throttle::network::Network;
use crate::error::{Error, Result};
use crate::id::UserId;
use crate::protocol::accounts::{Authenticated, Login};
use crate::store::sessions::NewSession;
use crate::store::users::{Account, MAX_CLAIMANTS, email_key};
use crate::store::{self, Db, transaction};

use super::SignIn;
use super::fields::{self, LoginName};

const REFUSED: Error = Error::Unauthenticated("invalid_credentials");

/// Logs in by username or e-mail address.
pub async fn login(db: &Db, with: SignIn<'_>, given: &Login) -> Result<Authenticated> {
    let SignIn { throttle, client, .. } = with;
    let (name, device) = match fields::login(given) {
        Ok(fields) => fields,
        Err(refusal) => return Err(throttle.count_invalid(client, refusal).await),
    };
    let mut accounts = find_accounts(db, &name).await?;
    let mut attempt = throttle.count_attempt(client, &name.counter_key()).await?;
    let refusal = match std::mem::replace(&mut attempt.level, FailureLevel::Low) {
        FailureLevel::Low => REFUSED,
        FailureLevel::High(refusal) => {
            retain_known_in_network(db, client, &mut accounts).await?;
            refusal
        }
        FailureLevel::Flood(refusal) => {
            retain_known_in_network(db, client, &mut accounts).await?;
            // Usernames are public. E-mail addresses are not, so their timing must not differ.
            if accounts.is_empty() || matches!(name, LoginName::Email(_)) {
                return Err(refusal);
            }
            refusal
        }
    };
    let account = matching_account(accounts, name.hash_count(), &given.password).await?.ok_or(refusal)?;
    throttle.count_login(account.me.user.id, client.now).await?;
    attempt.forgive().await;
    sign_in(db, with, account, &device).await
}

/// Creates a session after the password was verified. In the same transaction it ends the least recently used sessions beyond the limit.
pub(super) async fn sign_in(db: &Db, with: SignIn<'_>, account: Account, device: &str) -> Result<Authenticated> {
    let SignIn { push, issuer, client, .. } = with;
    let Account { me, password_hash, .. } = account;
    let fresh = RefreshSecret::random()?;
    let new = NewSession {
        user: me.user.id,
        refresh_hash: &fresh.hash(),
        device,
        ip: &client.ip,
        now: client.now,
        expires_at: session_expiry(issuer, client.now),
    };
    let (session, surplus) = transaction!(db, |tx| {
        let session = store::sessions::insert_if_unchanged(tx, &new, &password_hash).await?.ok_or(REFUSED)?;
        Ok((session, sessions::end_surplus(tx, me.user.id, client.now).await?))
    })?;
    if let Some(ended) = surplus {
        session_closings::close(db, push, ended, client.now).await;
    }
    let claims = Claims { user: me.user.id, session };
    Ok(Authenticated { user: me, tokens: issue_tokens(issuer, claims, &fresh, client.now).await? })
}

impl LoginName<'_> {
    /// Key of the failure counters: the typed name, case-folded.
    pub(super) fn counter_key(&self) -> String {
        let (Self::Username(text) | Self::Email(text)) = self;
        email_key(text)
    }

    /// Number of password hashes to compare, independent of how many accounts match.
    fn hash_count(&self) -> usize {
        match self {
            Self::Username(_) => 1,
            Self::Email(_) => MAX_CLAIMANTS,
        }
    }
}

/// Finds accounts by exact name, ignoring case. Collations alone would match more.
async fn find_accounts(db: &Db, name: &LoginName<'_>) -> Result<Vec<Account>> {
    match name {
        LoginName::Username(username) if fields::is_username(username) => {
            let account = store::users::account_by_username(&mut *db.acquire().await?, username).await?;
            Ok(account.into_iter().collect())
        }
        LoginName::Email(email) if fields::is_email(email) => {
            store::users::accounts_by_email(&mut *db.acquire().await?, email).await
        }
        LoginName::Username(_) | LoginName::Email(_) => Ok(Vec::new()),
    }
}

/// Returns the account that the password matches. Compares dummy hashes for the missing ones, to keep the time constant.
async fn matching_account(accounts: Vec<Account>, hashes: usize, password: &str) -> Result<Option<Account>> {
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

/// Keeps only accounts that have logged in from this network before, so that failures of others cannot lock an owner out.
async fn retain_known_in_network(db: &Db, client: &AnonymousCaller, accounts: &mut Vec<Account>) -> Result<()> {
    let mut users = [UserId(0); MAX_CLAIMANTS];
    for (place, account) in users.iter_mut().zip(accounts.iter()) {
        *place = account.me.user.id;
    }
    let network = Network::of(&client.ip);
    let known = store::sessions::known_in_network(&mut *db.acquire().await?, users, network.prefix()).await?;
    accounts.retain(|account| known.contains(&account.me.user.id));
    Ok(())
}
