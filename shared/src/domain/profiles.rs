//! The rules of profiles: what one says of oneself, who finds whom. Nobody finds anyone across a block, and nothing tells them.

use crate::caller::Caller;
use crate::domain::accounts::{self, fields};
use crate::domain::paging::{clamped, cursor_of, place_in};
use crate::domain::presence;
use crate::domain::sessions::ENDED;
use crate::domain::throttle::Throttle;
use crate::error::{Error, Result};
use crate::id::UserId;
use crate::protocol::page::Page;
use crate::protocol::people::{Me, Person, User};
use crate::protocol::profiles::ChangeMe;
use crate::push::Push;
use crate::store::profiles::{self as store, Change, Found};
use crate::store::users::Account;
use crate::store::{Db, users};

/// The longest name that anyone has.
const MAX_QUERY: usize = 64;

/// Oneself.
pub async fn me(db: &Db, caller: &Caller) -> Result<Me> {
    let account = users::account(&mut *db.acquire().await?, caller.user).await?;
    account.map(|account| account.me).ok_or(Error::Unauthenticated(ENDED))
}

/// Changes what is given. Frames and answers from now on say it so; of presence, those concerned are told.
///
/// Another e-mail address is one that one logs in by, so it takes the password. It is claimed, whoever else claims it: no answer says whose it is.
pub async fn change(db: &Db, push: &Push, throttle: &Throttle, caller: &Caller, given: &ChangeMe) -> Result<Me> {
    let mut change = checked(given)?;
    let account = users::account(&mut *db.acquire().await?, caller.user).await?;
    let Account { me: before, password_hash, .. } = account.ok_or(Error::Unauthenticated(ENDED))?;
    change.email = change.email.filter(|email| *email != before.email.as_deref());
    if change.email.is_some() {
        let needed = || Error::invalid("password", "required", "is needed for another e-mail address");
        accounts::shown(throttle, caller, given.password.as_deref().ok_or_else(needed)?, &password_hash).await?;
    }
    store::update(&mut *db.acquire().await?, caller.user, &change).await?;
    let after = me(db, caller).await?;
    if before.settings.presence != after.settings.presence {
        presence::visibility_changed(db, push, caller, before.settings.presence).await?;
    }
    Ok(after)
}

/// A person as the caller sees them. An erased one is a deleted user: what they wrote stays, and has to be somebody's.
pub async fn find(db: &Db, push: &Push, caller: &Caller, user: UserId) -> Result<Person> {
    let found = store::find(&mut *db.acquire().await?, user).await?.ok_or(Error::NotFound("user_not_found"))?;
    presence::of_one(db, push, caller, found).await
}

/// A page of people whose username, or else whose display name, begins so.
pub async fn search(db: &Db, caller: &Caller, query: &str, (cursor, limit): (Option<&str>, Option<u32>)) -> Result<Page<User>> {
    let query = query.trim();
    if query.is_empty() || query.chars().count() > MAX_QUERY || query.contains('\0') {
        return Err(Error::invalid("q", "invalid", "must have 1 to 64 characters"));
    }
    let limit = clamped(limit) as usize;
    let cursor = cursor.map(Cursor::read).transpose()?;
    let after = cursor.as_ref().map_or(Found::Username(""), Cursor::place);
    let wanted = |found: usize| u32::try_from(limit + 1 - found).unwrap_or_default();
    let mut connection = db.acquire().await?;
    let mut items = store::search(&mut connection, caller.user, query, after, wanted(0)).await?;
    let by_username = if matches!(after, Found::Username(_)) { items.len() } else { 0 };
    if matches!(after, Found::Username(_)) && items.len() <= limit {
        let rest = Found::DisplayName("", UserId(0));
        items.extend(store::search(&mut connection, caller.user, query, rest, wanted(items.len())).await?);
    }
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(|last| {
        if items.len() <= by_username {
            Cursor::Username(last.username.clone()).text()
        } else {
            Cursor::DisplayName(last.id, last.display_name.clone()).text()
        }
    });
    Ok(Page { items, next })
}

fn checked(given: &ChangeMe) -> Result<Change<'_>> {
    let change = Change {
        display_name: given.display_name.as_deref().map(str::trim),
        about: given.about.as_deref().map(str::trim),
        email: given.email.as_ref().map(|email| email.as_deref().map(str::trim)),
        presence: given.settings.presence,
        notifications: given.settings.notifications,
        added_by: given.settings.added_by,
    };
    let found = [
        change.display_name.and_then(fields::display_name),
        change.about.and_then(fields::about),
        change.email.flatten().and_then(fields::email),
    ];
    fields::all(found).map(|()| change)
}

/// Where a page ended.
#[derive(Debug, PartialEq, Eq)]
enum Cursor {
    Username(String),
    DisplayName(UserId, String),
}

impl Cursor {
    fn place(&self) -> Found<'_> {
        match self {
            Self::Username(name) => Found::Username(name),
            Self::DisplayName(user, name) => Found::DisplayName(name, *user),
        }
    }

    fn text(&self) -> String {
        cursor_of(&match self {
            Self::Username(name) => format!("u.{name}"),
            Self::DisplayName(user, name) => format!("d.{user}.{name}"),
        })
    }

    fn read(cursor: &str) -> Result<Self> {
        place_in(cursor, |text| {
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
        for cursor in [Cursor::Username("ann".into()), Cursor::DisplayName(UserId(7), "A. B.".into())] {
            assert_eq!(Cursor::read(&cursor.text()).ok(), Some(cursor));
        }
        for text in ["", "x", "d.x.ann", "d.7"] {
            let cursor = cursor_of(text);
            assert!(matches!(Cursor::read(&cursor), Err(Error::Invalid(_))), "{text}");
        }
        assert!(matches!(Cursor::read("no cursor!"), Err(Error::Invalid(_))));
    }
}
