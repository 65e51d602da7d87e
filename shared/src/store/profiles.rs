//! User profiles and their search by the beginnings of names, in index ranges.

use sqlx::MySqlConnection;

use crate::error::Result;
use crate::id::UserId;
use crate::protocol::people::{Me, Notifications, User, Visibility};
use crate::store::rows::user::{UserRow, query_with_user, user_of};
use crate::store::users;
use crate::time::Timestamp;

/// Changes to a profile; none keeps the value.
#[derive(Clone, Copy, Debug)]
pub struct ProfileChange<'a> {
    pub display_name: Option<&'a str>,
    pub about: Option<&'a str>,
    /// Some(none) removes the address.
    pub email: Option<Option<&'a str>>,
    pub presence: Option<Visibility>,
    pub notifications: Option<Notifications>,
    /// Who may add the user to rooms.
    pub added_by: Option<Visibility>,
}

impl ProfileChange<'_> {
    /// Keeps the values that differ from the present ones.
    #[must_use]
    pub fn without_present(self, present: &Me) -> Self {
        let Self { display_name, about, email, presence, notifications, added_by } = self;
        let settings = present.settings;
        Self {
            display_name: display_name.filter(|name| *name != present.user.display_name),
            about: about.filter(|about| *about != present.user.about),
            email: email.filter(|email| *email != present.email.as_deref()),
            presence: presence.filter(|presence| *presence != settings.presence),
            notifications: notifications.filter(|notifications| *notifications != settings.notifications),
            added_by: added_by.filter(|added_by| *added_by != settings.added_by),
        }
    }

    /// Whether something changes that others see.
    pub fn is_public(&self) -> bool {
        self.display_name.is_some() || self.about.is_some()
    }

    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        let Self { display_name, about, email, presence, notifications, added_by } = *self;
        let private = email.is_none() && presence.is_none() && notifications.is_none() && added_by.is_none();
        private && display_name.is_none() && about.is_none()
    }
}

/// Where a page of a search begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserSearchStart<'a> {
    /// After this username, among users whose username matches.
    Username(&'a str),
    /// After this display name and user, among users whose display name alone matches.
    DisplayName(&'a str, UserId),
    /// After this word and user, among users of whose display name only words after the first match.
    Word(&'a str, UserId),
}

impl UserSearchStart<'_> {
    /// Returns the beginning of what follows, if anything does.
    pub fn following(self) -> Option<Self> {
        match self {
            Self::Username(_) => Some(Self::DisplayName("", UserId(0))),
            Self::DisplayName(..) => Some(Self::Word("", UserId(0))),
            Self::Word(..) => None,
        }
    }
}

/// Which users to find.
#[derive(Clone, Copy, Debug)]
pub struct NameQuery<'a> {
    /// Prefix of username or display name.
    pub prefix: &'a str,
    /// Prefixes of words of the display name, folded, the longest first; each must match. At most four.
    pub words: &'a [String],
}

/// What of a user matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MatchedName {
    Username,
    DisplayName,
    /// The first matching word.
    Word(String),
}

/// A user found by name.
#[derive(Clone, Debug)]
pub struct FoundUser {
    pub user: User,
    pub by: MatchedName,
}

/// Updates an active account as one private change. A new e-mail address is unconfirmed.
pub async fn update(connection: &mut MySqlConnection, user: UserId, change: &ProfileChange<'_>, now: Timestamp) -> Result<()> {
    let ProfileChange { display_name, about, email, presence, notifications, added_by } = *change;
    let (anew, email) = (email.is_some(), email.flatten());
    sqlx::query!(
        r#"
        update users
        set display_name = coalesce(?, display_name), about = coalesce(?, about),
            email = if(?, ?, email), email_key = if(?, ?, email_key), email_confirmed_at = if(?, null, email_confirmed_at),
            presence_visibility = coalesce(?, presence_visibility), notifications = coalesce(?, notifications),
            added_by = coalesce(?, added_by), me_rev = private_rev + 1, private_rev = private_rev + 1,
            profile_changed_at = if(?, greatest(?, profile_changed_at + 1), profile_changed_at)
        where id = ? and disabled_at is null and deleted_at is null
        "#,
        display_name,
        about,
        anew,
        email,
        anew,
        email.map(users::email_key),
        anew,
        presence.map(|visibility| visibility.to_string()),
        notifications.map(|preference| preference.to_string()),
        added_by.map(|visibility| visibility.to_string()),
        change.is_public(),
        now.0,
        user.0,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Returns a user as message authors are shown, erased and disabled accounts included.
pub async fn find(connection: &mut MySqlConnection, user: UserId) -> Result<Option<User>> {
    let row = query_with_user!(UserRow: "select ", " from users u where u.id = ?", user.0).fetch_optional(connection).await?;
    Ok(row.map(UserRow::user))
}

/// Returns the next users by name, without users parted from the caller by a block.
pub async fn search(
    connection: &mut MySqlConnection,
    by: UserId,
    query: &NameQuery<'_>,
    after: UserSearchStart<'_>,
    limit: u32,
) -> Result<Vec<FoundUser>> {
    let pattern = like_pattern(query.prefix);
    let (rows, matched) = match after {
        UserSearchStart::Username(after) => {
            let rows = query_with_user!(
                UserRow:
                r#"
                select "#,
                r#"
                from users u
                where u.username like ? escape '|' and u.username > ? and u.disabled_at is null and u.deleted_at is null
                  and not exists (select 1 from blocks b where b.user_id = u.id and b.blocked_id = ?)
                  and not exists (select 1 from blocks b where b.user_id = ? and b.blocked_id = u.id)
                order by u.username
                limit ?
                "#,
                pattern,
                after,
                by.0,
                by.0,
                limit,
            )
            .fetch_all(connection)
            .await?;
            (rows, MatchedName::Username)
        }
        UserSearchStart::DisplayName(after, user) => {
            let rows = query_with_user!(
                UserRow:
                r#"
                select "#,
                r#"
                from users u
                where u.display_name like ? escape '|' and u.display_name >= ? and (u.display_name > ? or u.id > ?)
                  and not u.username like ? escape '|' and u.disabled_at is null and u.deleted_at is null
                  and not exists (select 1 from blocks b where b.user_id = u.id and b.blocked_id = ?)
                  and not exists (select 1 from blocks b where b.user_id = ? and b.blocked_id = u.id)
                order by u.display_name, u.id
                limit ?
                "#,
                pattern,
                after,
                after,
                user.0,
                pattern,
                by.0,
                by.0,
                limit,
            )
            .fetch_all(connection)
            .await?;
            (rows, MatchedName::DisplayName)
        }
        UserSearchStart::Word(after, user) => return search_words(connection, by, query, WordStart { after, user }, limit).await,
    };
    Ok(rows.into_iter().map(|row| FoundUser { user: row.user(), by: matched.clone() }).collect())
}

/// After which word and user the next ones are.
struct WordStart<'a> {
    after: &'a str,
    user: UserId,
}

/// Returns the next users by words of their display names, without those whose username or whole display name matches.
async fn search_words(
    connection: &mut MySqlConnection,
    by: UserId,
    query: &NameQuery<'_>,
    start: WordStart<'_>,
    limit: u32,
) -> Result<Vec<FoundUser>> {
    let Some(first) = query.words.first() else { return Ok(Vec::new()) };
    let (pattern, word) = (like_pattern(query.prefix), like_pattern(first));
    let other = |index: usize| query.words.get(index).map(|other| like_pattern(other)).unwrap_or_default();
    let (second, third, fourth) = (other(1), other(2), other(3));
    let rows = query_with_user!(
        r#"
        select "#,
        r#", w.word
        from user_name_words w
        join users u on u.id = w.user_id
        where w.word like ? escape '|' and w.word >= ? and (w.word > ? or w.user_id > ?)
          and not exists (select 1 from user_name_words e where e.user_id = w.user_id and e.word like ? escape '|' and e.word < w.word)
          and (? = '' or exists (select 1 from user_name_words x where x.user_id = w.user_id and x.word like ? escape '|'))
          and (? = '' or exists (select 1 from user_name_words y where y.user_id = w.user_id and y.word like ? escape '|'))
          and (? = '' or exists (select 1 from user_name_words z where z.user_id = w.user_id and z.word like ? escape '|'))
          and u.words_of = u.display_name and u.disabled_at is null and u.deleted_at is null
          and not u.username like ? escape '|' and not u.display_name like ? escape '|'
          and not exists (select 1 from blocks b where b.user_id = u.id and b.blocked_id = ?)
          and not exists (select 1 from blocks b where b.user_id = ? and b.blocked_id = u.id)
        order by w.word, w.user_id
        limit ?
        "#,
        word,
        start.after,
        start.after,
        start.user.0,
        word,
        second,
        second,
        third,
        third,
        fourth,
        fourth,
        pattern,
        pattern,
        by.0,
        by.0,
        limit,
    )
    .fetch_all(connection)
    .await?;
    let found = |word: String, user: User| FoundUser { user, by: MatchedName::Word(word) };
    Ok(rows.into_iter().map(|row| found(row.word, user_of!(row))).collect())
}

/// Escapes a prefix for `like`.
pub(super) fn like_pattern(prefix: &str) -> String {
    let mut pattern = String::with_capacity(prefix.len() + 1);
    for c in prefix.chars() {
        if matches!(c, '%' | '_' | '|') {
            pattern.push('|');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::like_pattern;

    #[test]
    fn nothing_in_a_prefix_stands_for_anything_else() {
        assert_eq!(like_pattern("ann"), "ann%");
        assert_eq!(like_pattern("100%_|"), "100|%|_||%");
        assert_eq!(like_pattern("a\\"), "a\\%");
    }
}
