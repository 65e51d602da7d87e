//! Profiles: the caller's own, other users', and search by name. Blocked pairs do not find each other.

use crate::caller::Caller;
use crate::domain::auth::accounts::{self, fields};
use crate::domain::auth::sessions::ENDED;
use crate::domain::limits::throttle::Throttle;
use crate::domain::paging::{PageRequest, decode_cursor, encode_cursor};
use crate::domain::people::presence;
use crate::error::{Error, Result};
use crate::id::UserId;
use crate::protocol::page::Page;
use crate::protocol::people::{Me, Person, User};
use crate::protocol::profiles::{ChangeMe, ChangeMySettings};
use crate::push::Push;
use crate::store::profiles::{self as store, ProfileChange, UserSearchStart};
use crate::store::users::Account;
use crate::store::{Db, users};

/// Maximum length of a display name.
const MAX_QUERY: usize = 64;

/// Returns the caller's own profile.
pub async fn me(db: &Db, caller: &Caller) -> Result<Me> {
    let account = users::account(&mut *db.acquire().await?, caller.user).await?;
    account.map(|account| account.me).ok_or(Error::Unauthenticated(ENDED))
}

/// Changes the given fields. A changed presence setting is pushed to those it affects.
///
/// Changing the e-mail address requires the password, because the address is a login name. Addresses are claimed, not unique, so no answer
/// reveals another account.
pub async fn change(db: &Db, push: &Push, throttle: &Throttle, caller: &Caller, given: &ChangeMe) -> Result<Me> {
    let mut change = validate(given)?;
    let account = users::account(&mut *db.acquire().await?, caller.user).await?;
    let Account { me: before, password_hash, .. } = account.ok_or(Error::Unauthenticated(ENDED))?;
    change.email = change.email.filter(|email| *email != before.email.as_deref());
    if change.email.is_some() {
        let needed = || Error::invalid("password", "required", "is needed for another e-mail address");
        accounts::verify_own_password(throttle, caller, given.password.as_deref().ok_or_else(needed)?, &password_hash).await?;
    }
    store::update(&mut *db.acquire().await?, caller.user, &change).await?;
    let after = me(db, caller).await?;
    if before.settings.presence != after.settings.presence {
        presence::visibility_changed(db, push, caller, before.settings.presence).await?;
    }
    Ok(after)
}

/// Returns a user as the caller sees them. Erased users appear as deleted, because their messages remain.
pub async fn find(db: &Db, push: &Push, caller: &Caller, user: UserId) -> Result<Person> {
    let found = store::find(&mut *db.acquire().await?, user).await?.ok_or(Error::NotFound("user_not_found"))?;
    presence::of_user(db, push, caller, found).await
}

/// Lists users whose username, and then whose display name, has this prefix.
pub async fn search(db: &Db, caller: &Caller, query: &str, paging: PageRequest<'_>) -> Result<Page<User>> {
    let query = query.trim();
    if query.is_empty() || query.chars().count() > MAX_QUERY || query.contains('\0') {
        return Err(Error::invalid("q", "invalid", "must have 1 to 64 characters"));
    }
    let limit = paging.limit()? as usize;
    let cursor = paging.cursor.map(UserSearchCursor::decode).transpose()?;
    let after = cursor.as_ref().map_or(UserSearchStart::Username(""), UserSearchCursor::position);
    let wanted = |found: usize| u32::try_from(limit + 1 - found).unwrap_or_default();
    let mut connection = db.acquire().await?;
    let mut items = store::search(&mut connection, caller.user, query, after, wanted(0)).await?;
    let by_username = if matches!(after, UserSearchStart::Username(_)) { items.len() } else { 0 };
    if matches!(after, UserSearchStart::Username(_)) && items.len() <= limit {
        let rest = UserSearchStart::DisplayName("", UserId(0));
        items.extend(store::search(&mut connection, caller.user, query, rest, wanted(items.len())).await?);
    }
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(|last| {
        if items.len() <= by_username {
            UserSearchCursor::Username(last.username.clone()).encode()
        } else {
            UserSearchCursor::DisplayName(last.id, last.display_name.clone()).encode()
        }
    });
    Ok(Page { items, next })
}

fn validate(given: &ChangeMe) -> Result<ProfileChange<'_>> {
    let ChangeMe { display_name, about, email, password: _, settings } = given;
    let ChangeMySettings { presence, notifications, added_by } = *settings;
    let change = ProfileChange {
        display_name: display_name.as_deref().map(str::trim),
        about: about.as_deref().map(str::trim),
        email: email.as_ref().map(|email| email.as_deref().map(str::trim)),
        presence,
        notifications,
        added_by,
    };
    let found = [
        change.display_name.and_then(fields::display_name),
        change.about.and_then(fields::about),
        change.email.flatten().and_then(fields::email),
    ];
    fields::collect_violations(found).map(|()| change)
}

/// The position in a user search.
#[derive(Debug, PartialEq, Eq)]
enum UserSearchCursor {
    Username(String),
    DisplayName(UserId, String),
}

impl UserSearchCursor {
    fn position(&self) -> UserSearchStart<'_> {
        match self {
            Self::Username(name) => UserSearchStart::Username(name),
            Self::DisplayName(user, name) => UserSearchStart::DisplayName(name, *user),
        }
    }

    fn encode(&self) -> String {
        encode_cursor(&match self {
            Self::Username(name) => format!("u.{name}"),
            Self::DisplayName(user, name) => format!("d.{user}.{name}"),
        })
    }

    fn decode(cursor: &str) -> Result<Self> {
        decode_cursor(cursor, |text| {
            if let Some(name) = text.strip_prefix("u.") {
                return Some(Self::Username(name.to_owned()));
            }
            let (user, name) = text.strip_prefix("d.")?.split_once('.')?;
            Some(Self::DisplayName(user.parse().ok()?, name.to_owned()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_its_own_text() {
        for cursor in [UserSearchCursor::Username("ann".into()), UserSearchCursor::DisplayName(UserId(7), "A. B.".into())] {
            assert_eq!(UserSearchCursor::decode(&cursor.encode()).ok(), Some(cursor));
        }
        for text in ["", "x", "d.x.ann", "d.7"] {
            let cursor = encode_cursor(text);
            assert!(matches!(UserSearchCursor::decode(&cursor), Err(Error::Invalid(_))), "{text}");
        }
        assert!(matches!(UserSearchCursor::decode("no cursor!"), Err(Error::Invalid(_))));
    }
}
