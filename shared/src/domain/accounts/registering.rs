//! Making an account. That an e-mail address is known here shows in no answer: it is only claimed, whoever else claims it, too.

use crate::domain::passwords;
use crate::domain::refresh::Fresh;
use crate::domain::sessions::{session_end, tokens};
use crate::domain::throttle::{Crowd, Throttle};
use crate::domain::tokens::{Claims, Issuer};
use crate::domain::visitor::Visitor;
use crate::error::{Error, Result};
use crate::protocol::accounts::{Authenticated, Register};
use crate::protocol::people::{Me, MySettings, User};
use crate::store::sessions::NewSession;
use crate::store::users::{Account, NewUser};
use crate::store::{self, Db, transaction};

use super::fields::{self, Name, Registration};
use super::login::sign_in;

const TAKEN: &str = "username_taken";
/// How long a registration may be sent again because its answer was lost.
const AGAIN_SECONDS: i64 = 60;

/// Makes an account and logs in. The same name and password within a minute are the same registration, and log in again.
pub async fn register(
    db: &Db,
    issuer: &Issuer,
    throttle: &Throttle,
    visitor: &Visitor,
    given: &Register,
) -> Result<Authenticated> {
    let fields = match fields::registration(given) {
        Ok(fields) => fields,
        Err(refusal) => return Err(throttle.senseless(visitor, refusal).await),
    };
    throttle.register(visitor).await?;
    let password_hash = passwords::hash(&given.password).await?;
    match insert(db, issuer, visitor, &fields, &password_hash).await {
        Err(Error::Conflict(TAKEN)) => again(db, issuer, throttle, visitor, (&fields, &given.password)).await,
        made => made,
    }
}

async fn insert(
    db: &Db,
    issuer: &Issuer,
    visitor: &Visitor,
    fields: &Registration<'_>,
    password_hash: &str,
) -> Result<Authenticated> {
    let fresh = Fresh::random()?;
    let refresh_hash = fresh.hash();
    let new = NewUser {
        username: fields.username,
        email: fields.email,
        display_name: fields.display_name,
        password_hash,
        created_at: visitor.now,
    };
    let (user, session) = transaction!(db, |tx| {
        let user = store::users::insert(tx, &new).await?;
        let session = NewSession {
            user,
            refresh_hash: &refresh_hash,
            device: fields.device,
            ip: &visitor.ip,
            now: visitor.now,
            expires_at: session_end(issuer, visitor.now),
        };
        Ok((user, store::sessions::insert(tx, &session).await?))
    })?;
    let person = User {
        id: user,
        username: fields.username.to_owned(),
        display_name: fields.display_name.to_owned(),
        about: String::new(),
        avatar_url: None,
        created_at: visitor.now,
    };
    let me = Me { user: person, email: fields.email.map(str::to_owned), role: "user".into(), settings: MySettings::default() };
    Ok(Authenticated { user: me, tokens: tokens(issuer, Claims { user, session }, &fresh, visitor.now).await? })
}

/// The answer to a registration that came before, if this is the same one. Passwords are looked at as for a login, and counted with those.
async fn again(
    db: &Db,
    issuer: &Issuer,
    throttle: &Throttle,
    visitor: &Visitor,
    (fields, password): (&Registration<'_>, &str),
) -> Result<Authenticated> {
    const REFUSED: Error = Error::Conflict(TAKEN);
    let account = store::users::account_by_username(&mut *db.acquire().await?, fields.username).await?;
    let young = |account: &Account| visitor.now.since(account.me.user.created_at).abs() < AGAIN_SECONDS * 1000;
    let account = account.filter(young).ok_or(REFUSED)?;
    let attempt = throttle.attempt(visitor, &Name::Username(fields.username).typed()).await?;
    if !matches!(attempt.crowd, Crowd::None) || !passwords::verify(password, Some(&account.password_hash)).await? {
        return Err(REFUSED);
    }
    attempt.forgive().await;
    sign_in(db, issuer, visitor, account, fields.device).await
}
