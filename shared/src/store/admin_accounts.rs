//! Accounts as operators manage them. Every function requires an [`Operator`].

use sqlx::{FromRow, MySqlConnection, QueryBuilder};

use crate::error::Result;
use crate::id::UserId;
use crate::protocol::admin::{AccountRole, AccountState, AdminAccount};
use crate::store::audit::Operator;
use crate::store::profiles;
use crate::store::rows::user::{USER, UserRow};
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
    let mut query = QueryBuilder::new("select ");
    query.push(USER).push(
        ", u.email, cast(u.role as char) as role, u.disabled_at, u.deleted_at, u.erased_name, \
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
    let rows: Vec<AdminAccountRow> = query.build_query_as().fetch_all(connection).await?;
    Ok(rows.into_iter().map(AdminAccountRow::account).collect())
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
        role: row.role.parse().unwrap_or(AccountRole::User),
    }))
}

/// Disables or enables an account.
pub async fn set_disabled(transaction: &mut MySqlConnection, by: &Operator, user: UserId, disabled: bool) -> Result<()> {
    let at = disabled.then_some(by.now().0);
    sqlx::query!("update users set disabled_at = ? where id = ?", at, user.0).execute(transaction).await?;
    Ok(())
}

pub async fn set_role(transaction: &mut MySqlConnection, _: &Operator, user: UserId, role: AccountRole) -> Result<()> {
    sqlx::query!(
        "update users set role = ?, me_rev = private_rev + 1, private_rev = private_rev + 1 where id = ?",
        role.to_string(),
        user.0,
    )
    .execute(transaction)
    .await?;
    Ok(())
}

#[derive(FromRow)]
struct AdminAccountRow {
    #[sqlx(flatten)]
    user: UserRow,
    email: Option<String>,
    role: String,
    disabled_at: Option<i64>,
    deleted_at: Option<i64>,
    erased_name: Option<String>,
    sessions: i64,
    last_used_at: Option<i64>,
}

impl AdminAccountRow {
    fn account(self) -> AdminAccount {
        AdminAccount {
            user: self.user.user(),
            email: self.email,
            role: self.role.parse().unwrap_or(AccountRole::User),
            state: state(self.disabled_at, self.deleted_at, self.erased_name.is_some()),
            disabled_at: self.disabled_at.map(Timestamp),
            sessions: u32::try_from(self.sessions).unwrap_or(u32::MAX),
            last_used_at: self.last_used_at.map(Timestamp),
        }
    }
}

fn state(disabled_at: Option<i64>, deleted_at: Option<i64>, named: bool) -> AccountState {
    match (deleted_at, disabled_at) {
        (Some(_), _) if named => AccountState::Erasing,
        (Some(_), _) => AccountState::Erased,
        (None, Some(_)) => AccountState::Disabled,
        (None, None) => AccountState::Active,
    }
}
