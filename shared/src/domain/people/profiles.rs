//! Profiles: the caller's own, other users', and search by name. Blocked pairs do not find each other.

use crate::caller::Caller;
use crate::domain::auth::accounts::{self, fields};
use crate::domain::auth::sessions::ENDED;
use crate::domain::limits::throttle::Throttle;
use crate::domain::paging::{PageRequest, decode_cursor, encode_cursor};
use crate::domain::people::handles::username_of;
use crate::domain::people::{name_words, presence, profile_updates};
use crate::domain::search::names::words_of_query;
use crate::error::{Error, Result};
use crate::id::UserId;
use crate::protocol::page::Page;
use crate::protocol::people::{Me, Person, User};
use crate::protocol::profiles::{ChangeMe, ChangeMySettings};
use crate::push::Push;
use crate::store::profiles::{self as store, FoundUser, MatchedName, NameQuery, ProfileChange, UserSearchStart};
use crate::store::users::Account;
use crate::store::{Db, users};
use crate::text::line;

/// Maximum length of a display name.
const MAX_QUERY: usize = 64;

/// Returns the caller's own profile.
pub async fn me(db: &Db, caller: &Caller) -> Result<Me> {
    let account = users::account(&mut *db.acquire().await?, caller.user).await?;
    account.map(|account| account.me).ok_or(Error::Unauthenticated(ENDED))
}

/// Changes the given fields. The new profile is pushed to those who show it and to the caller's devices, a changed presence setting to those it affects.
///
/// Changing the e-mail address requires the password, because the address is a login name. Addresses are claimed, not unique, so no answer
/// reveals another account.
pub async fn change(db: &Db, push: &Push, throttle: &Throttle, caller: &Caller, given: &ChangeMe) -> Result<Me> {
    let given = &cleaned(given);
    let change = validate(given)?;
    let account = users::account(&mut *db.acquire().await?, caller.user).await?;
    let Account { me: before, password_hash, .. } = account.ok_or(Error::Unauthenticated(ENDED))?;
    let change = change.without_present(&before);
    if change.is_empty() {
        return Ok(before);
    }
    if change.email.is_some() {
        let needed = || Error::invalid("password", "required", "is needed for another e-mail address");
        accounts::verify_own_password(throttle, caller, given.password.as_deref().ok_or_else(needed)?, &password_hash).await?;
    }
    store::update(&mut *db.acquire().await?, caller.user, &change, caller.now).await?;
    if change.display_name.is_some()
        && let Err(error) = name_words::update(db, &[caller.user]).await
    {
        // The new name is committed and must be pushed: a retry finds nothing to change. The sweep stores the words.
        tracing::warn!(error = error.causes(), "the words of a name are left to the sweep");
    }
    let after = profile_updates::push_change(db, push, caller, change.is_public()).await?;
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

/// Lists users whose username, then those whose display name, then those of whose display name a word begins so; of several words, each. An `@`
/// and blanks around are ignored.
pub async fn search(db: &Db, caller: &Caller, query: &str, paging: PageRequest<'_>) -> Result<Page<User>> {
    let prefix = username_of(query);
    if prefix.is_empty() || prefix.chars().count() > MAX_QUERY || prefix.contains('\0') {
        return Err(Error::invalid("q", "invalid", "must have 1 to 64 characters"));
    }
    let words = words_of_query(prefix);
    let query = NameQuery { prefix, words: &words };
    let limit = paging.limit()? as usize;
    let cursor = paging.cursor.map(UserSearchCursor::decode).transpose()?;
    let mut start = cursor.as_ref().map_or(UserSearchStart::Username(""), UserSearchCursor::position);
    let mut connection = db.acquire().await?;
    let mut found = Vec::new();
    loop {
        let wanted = u32::try_from(limit + 1 - found.len()).unwrap_or_default();
        found.extend(store::search(&mut connection, caller.user, &query, start, wanted).await?);
        match start.following() {
            Some(next) if found.len() <= limit => start = next,
            _ => break,
        }
    }
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|last| UserSearchCursor::of(last).encode());
    Ok(Page { items: found.into_iter().map(|one| one.user).collect(), next })
}

/// Returns the change with its texts as they are stored.
fn cleaned(given: &ChangeMe) -> ChangeMe {
    ChangeMe {
        display_name: given.display_name.as_deref().map(line::cleaned),
        about: given.about.as_deref().map(line::cleaned),
        ..given.clone()
    }
}

fn validate(given: &ChangeMe) -> Result<ProfileChange<'_>> {
    let ChangeMe { display_name, about, email, password: _, settings } = given;
    let ChangeMySettings { presence, notifications, added_by } = *settings;
    let change = ProfileChange {
        display_name: display_name.as_deref(),
        about: about.as_deref(),
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
    Word(UserId, String),
}

impl UserSearchCursor {
    fn of(last: &FoundUser) -> Self {
        match &last.by {
            MatchedName::Username => Self::Username(last.user.username.clone()),
            MatchedName::DisplayName => Self::DisplayName(last.user.id, last.user.display_name.clone()),
            MatchedName::Word(word) => Self::Word(last.user.id, word.clone()),
        }
    }

    fn position(&self) -> UserSearchStart<'_> {
        match self {
            Self::Username(name) => UserSearchStart::Username(name),
            Self::DisplayName(user, name) => UserSearchStart::DisplayName(name, *user),
            Self::Word(user, word) => UserSearchStart::Word(word, *user),
        }
    }

    fn encode(&self) -> String {
        encode_cursor(&match self {
            Self::Username(name) => format!("u.{name}"),
            Self::DisplayName(user, name) => format!("d.{user}.{name}"),
            Self::Word(user, word) => format!("w.{user}.{word}"),
        })
    }

    fn decode(cursor: &str) -> Result<Self> {
        decode_cursor(cursor, |text| {
            let (kind, rest) = text.split_once('.')?;
            if kind == "u" {
                return Some(Self::Username(rest.to_owned()));
            }
            let (user, name) = rest.split_once('.')?;
            let (user, name) = (user.parse().ok()?, name.to_owned());
            match kind {
                "d" => Some(Self::DisplayName(user, name)),
                "w" => Some(Self::Word(user, name)),
                _ => None,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_its_own_text() {
        for cursor in [
            UserSearchCursor::Username("ann".into()),
            UserSearchCursor::DisplayName(UserId(7), "A. B.".into()),
            UserSearchCursor::Word(UserId(7), "doe".into()),
        ] {
            assert_eq!(UserSearchCursor::decode(&cursor.encode()).ok(), Some(cursor));
        }
        for text in ["", "x", "d.x.ann", "d.7", "w.7", "x.7.ann"] {
            let cursor = encode_cursor(text);
            assert!(matches!(UserSearchCursor::decode(&cursor), Err(Error::Invalid(_))), "{text}");
        }
        assert!(matches!(UserSearchCursor::decode("no cursor!"), Err(Error::Invalid(_))));
    }
}
