//! Registration. E-mail addresses are claimed, not unique, so no answer reveals whether one is known.

use crate::domain::auth::anonymous::AnonymousCaller;
use crate::domain::auth::passwords;
use crate::domain::auth::refresh_tokens::RefreshSecret;
use crate::domain::auth::sessions::{issue_tokens, session_expiry};
use crate::domain::auth::tokens::{Claims, Issuer};
use crate::domain::limits::throttle::FailureLevel;
use crate::domain::people::name_words;
use crate::error::{Error, Result};
use crate::protocol::accounts::{Authenticated, Register};
use crate::protocol::people::{Me, MySettings, User};
use crate::store::sessions::NewSession;
use crate::store::users::{Account, NewUser};
use crate::store::{self, Db, transaction};
use crate::text::confusable;

use super::SignIn;
use super::fields::{self, LoginName, Registration};
use super::login::sign_in;

const USERNAME_TAKEN: &str = "username_taken";
/// Window in which a repeated registration logs in, in case the first answer was lost.
const REPEAT_SECONDS: i64 = 60;

/// Creates an account and logs in. Repeating the same name and password within a minute logs in again.
/// `reserved` are the usernames that the deployment reserves besides those that always are.
pub async fn register(db: &Db, with: SignIn<'_>, reserved: &[String], given: &Register) -> Result<Authenticated> {
    let SignIn { issuer, throttle, client, .. } = with;
    let fields = match fields::registration(given, reserved) {
        Ok(fields) => fields,
        Err(refusal) => return Err(throttle.count_invalid(client, refusal).await),
    };
    throttle.count_registration(client).await?;
    let password_hash = passwords::hash(&given.password).await?;
    match insert(db, issuer, client, &fields, &password_hash).await {
        Err(Error::Conflict(USERNAME_TAKEN)) => repeat(db, with, &fields).await,
        made => made,
    }
}

async fn insert(
    db: &Db,
    issuer: &Issuer,
    client: &AnonymousCaller,
    fields: &Registration<'_>,
    password_hash: &str,
) -> Result<Authenticated> {
    let fresh = RefreshSecret::random()?;
    let refresh_hash = fresh.hash();
    let new = NewUser {
        username: fields.username,
        email: fields.email,
        display_name: &fields.display_name,
        password_hash,
        created_at: client.now,
    };
    let (user, session) = transaction!(db, |tx| {
        let user = store::users::insert(tx, &new).await?;
        name_words::insert(tx, user, &fields.display_name).await?;
        let session = NewSession {
            user,
            refresh_hash: &refresh_hash,
            device: &fields.device,
            ip: &client.ip,
            now: client.now,
            expires_at: session_expiry(issuer, client.now),
        };
        Ok((user, store::sessions::insert(tx, &session).await?))
    })?;
    let person = User {
        id: user,
        username: fields.username.to_owned(),
        display_name: fields.display_name.clone(),
        name_keys: confusable::keys(&fields.display_name),
        about: String::new(),
        avatar_url: None,
        created_at: client.now,
    };
    let me = Me { user: person, email: fields.email.map(str::to_owned), role: "user".into(), settings: MySettings::default() };
    Ok(Authenticated { user: me, tokens: issue_tokens(issuer, Claims { user, session }, &fresh, client.now).await? })
}

/// Answers a repeated registration. The password is verified and counted like a login.
async fn repeat(db: &Db, with: SignIn<'_>, fields: &Registration<'_>) -> Result<Authenticated> {
    const REFUSED: Error = Error::Conflict(USERNAME_TAKEN);
    let SignIn { throttle, client, .. } = with;
    let account = store::users::account_by_username(&mut *db.acquire().await?, fields.username).await?;
    let young = |account: &Account| client.now.since(account.me.user.created_at).abs() < REPEAT_SECONDS * 1000;
    let account = account.filter(young).ok_or(REFUSED)?;
    let attempt = throttle.count_attempt(client, &LoginName::Username(fields.username).counter_key()).await?;
    if !matches!(attempt.level, FailureLevel::Low) || !passwords::verify(fields.password, Some(&account.password_hash)).await? {
        return Err(REFUSED);
    }
    attempt.forgive().await;
    sign_in(db, with, account, &fields.device).await
}
