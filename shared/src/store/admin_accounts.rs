//! Accounts as operators manage them. Every function requires an [`Operator`].

use sqlx::{MySqlConnection, QueryBuilder, Row};

use crate::error::Result;
use crate::id::UserId;
use crate::protocol::admin::{AccountRole, AccountState, AdminAccount};
use crate::protocol::people::User;
use crate::store::audit::Operator;
use crate::store::{profiles, users};
use crate::time::Timestamp;

/// Which accounts to list.
#[derive(Clone, Copy, Debug, Default)]
pub struct AccountFilter<'a> {
    /// Prefix of username, display name or e-mail address.
    pub prefix: Option<&'a str>,
    pub state: Option<AccountState>,
    pub role: Option<AccountRole>,
}

/// State and role of a locked account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountStatus {
    pub state: AccountState,
    pub role: AccountRole,
}

/// Returns a page of accounts after `after`, oldest first.
pub async fn list(
    connection: &mut MySqlConnection,
    by: &Operator,
    filter: AccountFilter<'_>,
    after: UserId,
    limit: u32,
) -> Result<Vec<AdminAccount>> {
    let mut query = QueryBuilder::new(
        "select u.id, u.username, u.display_name, u.about, u.avatar_upload, u.created_at, u.email, cast(u.role as char) as role, \
         u.disabled_at, u.deleted_at, u.erased_name, \
         (select count(*) from sessions s where s.user_id = u.id and s.revoked_at is null and s.expires_at > ",
    );
    query.push_bind(by.now().0);
    query.push(") as sessions, (select max(s.last_used_at) from sessions s where s.user_id = u.id) as last_used_at from users u where u.id > ");
    query.push_bind(after.0);
    query.push(match filter.state {
        None => "",
        Some(AccountState::Active) => " and u.deleted_at is null and u.disabled_at is null",
        Some(AccountState::Disabled) => " and u.deleted_at is null and u.disabled_at is not null",
        Some(AccountState::Erasing) => " and u.deleted_at is not null and u.erased_name is not null",
        Some(AccountState::Erased) => " and u.deleted_at is not null and u.erased_name is null",
    });
    query.push(match filter.role {
        None => "",
        Some(AccountRole::User) => " and u.role = 'user'",
        Some(AccountRole::Admin) => " and u.role = 'admin'",
    });
    if let Some(prefix) = filter.prefix {
        let pattern = profiles::like_pattern(prefix);
        // Each branch is a range of its own index; a single `or` would use none.
        query.push(" and u.id in (select id from users where username like ").push_bind(pattern.clone());
        query.push(" escape '|' union select id from users where display_name like ").push_bind(pattern.clone());
        query.push(" escape '|' union select id from users where email like ").push_bind(pattern).push(" escape '|')");
    }
    query.push(" order by u.id limit ").push_bind(limit);
    let rows = query.build().fetch_all(connection).await?;
    rows.iter().map(account).collect()
}

/// Returns one account, in any state.
pub async fn find(connection: &mut MySqlConnection, by: &Operator, user: UserId) -> Result<Option<AdminAccount>> {
    let before = UserId(user.0.saturating_sub(1));
    Ok(list(connection, by, AccountFilter::default(), before, 1).await?.pop().filter(|account| account.user.id == user))
}

/// Locks an account's row and returns its status.
pub async fn lock(transaction: &mut MySqlConnection, _: &Operator, user: UserId) -> Result<Option<AccountStatus>> {
    let row = sqlx::query!(
        r#"select role as "role: String", disabled_at, deleted_at, erased_name from users where id = ? for update"#,
        user.0,
    )
    .fetch_optional(transaction)
    .await?;
    Ok(row.map(|row| AccountStatus {
        state: state(row.disabled_at, row.deleted_at, row.erased_name.is_some()),
        role: role(&row.role),
    }))
}

/// Disables or enables an account.
pub async fn set_disabled(transaction: &mut MySqlConnection, by: &Operator, user: UserId, disabled: bool) -> Result<()> {
    let at = disabled.then_some(by.now().0);
    sqlx::query!("update users set disabled_at = ? where id = ?", at, user.0).execute(transaction).await?;
    Ok(())
}

pub async fn set_role(transaction: &mut MySqlConnection, _: &Operator, user: UserId, role: AccountRole) -> Result<()> {
    let name = match role {
        AccountRole::User => "user",
        AccountRole::Admin => "admin",
    };
    sqlx::query!("update users set role = ? where id = ?", name, user.0).execute(transaction).await?;
    Ok(())
}

fn account(row: &sqlx::mysql::MySqlRow) -> Result<AdminAccount> {
    let id = UserId(row.try_get("id")?);
    let (disabled_at, deleted_at): (Option<i64>, Option<i64>) = (row.try_get("disabled_at")?, row.try_get("deleted_at")?);
    let erased_name: Option<String> = row.try_get("erased_name")?;
    let sessions: i64 = row.try_get("sessions")?;
    Ok(AdminAccount {
        user: User {
            id,
            username: row.try_get("username")?,
            display_name: row.try_get("display_name")?,
            about: row.try_get("about")?,
            avatar_url: users::avatar_url(id, row.try_get("avatar_upload")?),
            created_at: Timestamp(row.try_get("created_at")?),
        },
        email: row.try_get("email")?,
        role: role(row.try_get("role")?),
        state: state(disabled_at, deleted_at, erased_name.is_some()),
        disabled_at: disabled_at.map(Timestamp),
        sessions: u32::try_from(sessions).unwrap_or(u32::MAX),
        last_used_at: row.try_get::<Option<i64>, _>("last_used_at")?.map(Timestamp),
    })
}

fn state(disabled_at: Option<i64>, deleted_at: Option<i64>, named: bool) -> AccountState {
    match (deleted_at, disabled_at) {
        (Some(_), _) if named => AccountState::Erasing,
        (Some(_), _) => AccountState::Erased,
        (None, Some(_)) => AccountState::Disabled,
        (None, None) => AccountState::Active,
    }
}

fn role(name: &str) -> AccountRole {
    if name == "admin" { AccountRole::Admin } else { AccountRole::User }
}
