//! Accounts: registering, logging in, changing the password. Nobody learns from an answer or its time whether an account exists.

pub(super) mod fields;

use crate::caller::Caller;
use crate::domain::passwords;
use crate::domain::refresh::Fresh;
use crate::domain::secrets;
use crate::domain::sessions::{ENDED, session_end, tokens};
use crate::domain::throttle::Throttle;
use crate::domain::tokens::{Claims, Issuer};
use crate::domain::visitor::Visitor;
use crate::error::{Error, Result};
use crate::protocol::accounts::{Authenticated, ChangePassword, Login, Register};
use crate::protocol::people::{Me, MySettings, User};
use crate::push::{Push, Sessions};
use crate::store::sessions::NewSession;
use crate::store::users::{Account, NewUser};
use crate::store::{self, Db, transaction};

use self::fields::Name;

/// Makes an account and logs in.
pub async fn register(
    db: &Db,
    issuer: &Issuer,
    throttle: &Throttle,
    visitor: &Visitor,
    given: &Register,
) -> Result<Authenticated> {
    let fields = fields::registration(given)?;
    throttle.register(visitor).await?;
    let password_hash = passwords::hash(&given.password).await?;
    let fresh = Fresh::random()?;
    let refresh_hash = fresh.hash();
    let new = NewUser {
        username: fields.username,
        email: fields.email,
        display_name: fields.display_name,
        password_hash: &password_hash,
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

/// Logs in by username or e-mail address.
pub async fn login(db: &Db, issuer: &Issuer, throttle: &Throttle, visitor: &Visitor, given: &Login) -> Result<Authenticated> {
    const REFUSED: Error = Error::Unauthenticated("invalid_credentials");
    let (name, device) = fields::login(given)?;
    let account = find(db, &name).await?;
    let mut attempt = throttle.attempt(visitor, &subject(&name, account.as_ref())).await?;
    if let Some(refused) = attempt.crowded.take() {
        // Whoever makes strangers fail everywhere still cannot lock the owner out of where the owner has been before.
        if !comes_from_home(db, visitor, account.as_ref()).await? {
            return Err(refused);
        }
    }
    let matches = passwords::verify(&given.password, account.as_ref().map(|account| account.password_hash.as_str())).await;
    if matches!(matches, Ok(false)) {
        return Err(REFUSED);
    }
    attempt.forgive().await;
    let Account { me, password_hash } = matches.and(account.ok_or(REFUSED))?;
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

/// Replaces the caller's password and ends all other sessions.
pub async fn change_password(db: &Db, push: &Push, throttle: &Throttle, caller: &Caller, given: &ChangePassword) -> Result<()> {
    fields::all([passwords::violation("new", &given.new, &caller.username)])?;
    let account = store::users::account(&mut *db.acquire().await?, caller.user).await?;
    let present = account.ok_or(Error::Unauthenticated(ENDED))?.password_hash;
    let attempt = throttle.guess(caller).await?;
    let matches = passwords::verify(&given.current, Some(&present)).await;
    if matches!(matches, Ok(false)) {
        return Err(Error::Forbidden("wrong_password"));
    }
    attempt.forgive().await;
    matches?;
    let new = passwords::hash(&given.new).await?;
    transaction!(db, |tx| {
        if !store::users::replace_password_hash(tx, caller.user, &present, &new).await? {
            return Err(Error::Forbidden("wrong_password"));
        }
        store::sessions::revoke_others(tx, caller.user, caller.session, caller.now).await
    })?;
    push.close_sessions(caller.user, Sessions::AllBut(caller.session), ENDED, caller.now).await;
    Ok(())
}

/// The account of exactly this name, but for its case. Collations would find others by it.
async fn find(db: &Db, name: &Name<'_>) -> Result<Option<Account>> {
    match name {
        Name::Username(username) if fields::is_username(username) => {
            store::users::account_by_username(&mut *db.acquire().await?, username).await
        }
        Name::Email(email) if fields::is_email(email) => {
            let account = store::users::account_by_email(&mut *db.acquire().await?, email).await?;
            let same = |known: &String| known.to_lowercase() == email.to_lowercase();
            Ok(account.filter(|account| account.me.email.as_ref().is_some_and(same)))
        }
        Name::Username(_) | Name::Email(_) => Ok(None),
    }
}

/// What failures are counted by: the account under all its names, or the name of nobody.
fn subject(name: &Name<'_>, account: Option<&Account>) -> String {
    let (Name::Username(text) | Name::Email(text)) = name;
    account.map_or_else(|| secrets::hex_digest(&text.to_lowercase()), |account| account.me.user.id.to_string())
}

async fn comes_from_home(db: &Db, visitor: &Visitor, account: Option<&Account>) -> Result<bool> {
    let Some(account) = account else { return Ok(false) };
    store::sessions::has_come_from(&mut *db.acquire().await?, account.me.user.id, &visitor.ip).await
}
