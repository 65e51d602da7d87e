//! Admin actions on accounts. Operators cannot act on their own account, so the last one cannot lock everyone out.

use crate::domain::admin::{AdminCaller, lock_operator, name_prefix, require_operator};
use crate::domain::auth::session_closings;
use crate::domain::erasure;
use crate::domain::paging::{PageRequest, page};
use crate::domain::people::handles::username_of;
use crate::error::{Error, Result};
use crate::id::UserId;
use crate::protocol::admin::{AccountRole, AccountState, AdminAccount};
use crate::protocol::page::Page;
use crate::protocol::session_end_cause::Cause;
use crate::push::Push;
use crate::store::admin_accounts::{self as store, AccountFilter, AccountStatus};
use crate::store::audit::{self, AuditRecord, Operator};
use crate::store::session_closings::{self as sessions, SessionEnding, SessionSelection};
use crate::store::{Db, Tx, erasure as traces, transaction, users};
use crate::time::Timestamp;

/// Lists accounts, oldest first.
pub async fn list_accounts(
    db: &Db,
    admin: &AdminCaller,
    filter: AccountFilter<'_>,
    paging: PageRequest<'_>,
) -> Result<Page<AdminAccount>> {
    let after = paging.position(UserId(0))?;
    let filter = AccountFilter { prefix: name_prefix(filter.prefix)?, ..filter };
    let limit = paging.limit()?;
    let mut connection = db.acquire().await?;
    let operator = require_operator(&mut connection, admin).await?;
    let items = store::list(&mut connection, &operator, filter, after, limit + 1).await?;
    Ok(page(items, limit, |account| account.user.id.to_string()))
}

pub async fn find_account(db: &Db, admin: &AdminCaller, user: UserId) -> Result<AdminAccount> {
    let mut connection = db.acquire().await?;
    let operator = require_operator(&mut connection, admin).await?;
    store::find(&mut connection, &operator, user).await?.ok_or(Error::NotFound("user_not_found"))
}

/// Disables an account, which ends its sessions and closes its sockets, or enables it. Idempotent.
pub async fn set_disabled(db: &Db, push: &Push, admin: &AdminCaller, user: UserId, disabled: bool) -> Result<AdminAccount> {
    let now = admin.caller.now;
    let ended = transaction!(db, |tx| {
        let (by, status) = lock_other_account(tx, admin, user).await?;
        if (status.state == AccountState::Disabled) == disabled {
            return Ok(None);
        }
        store::set_disabled(tx, &by, user, disabled).await?;
        let ending = SessionEnding { user, selection: SessionSelection::All, cause: Cause::Disabled, now };
        let ended = if disabled { Some(sessions::end(tx, &ending).await?) } else { None };
        record(tx, &by, if disabled { "user.disable" } else { "user.enable" }, user).await?;
        Ok(ended)
    })?;
    match ended {
        Some(ended) => session_closings::close(db, push, ended, now).await,
        // The account was disabled before: retry what may have failed then.
        None if disabled => session_closings::close_all(db, push, user, now).await,
        None => {}
    }
    find_account(db, admin, user).await
}

/// Grants or revokes the operator role. Idempotent.
pub async fn set_role(db: &Db, admin: &AdminCaller, user: UserId, role: AccountRole) -> Result<AdminAccount> {
    transaction!(db, |tx| {
        let (by, status) = lock_other_account(tx, admin, user).await?;
        change_role(tx, &by, user, status, role).await
    })?;
    find_account(db, admin, user).await
}

/// Ends all sessions of an account and closes its sockets. The user may log in again.
pub async fn end_sessions(db: &Db, push: &Push, admin: &AdminCaller, user: UserId) -> Result<()> {
    let now = admin.caller.now;
    let ended = transaction!(db, |tx| {
        let by = lock_operator(tx, admin).await?;
        lock_account(tx, &by, user).await?;
        let ending = SessionEnding { user, selection: SessionSelection::All, cause: Cause::RevokedByOperator, now };
        let ended = sessions::end(tx, &ending).await?;
        record(tx, &by, "user.sessions", user).await?;
        Ok(ended)
    })?;
    session_closings::close(db, push, ended, now).await;
    Ok(())
}

/// Erases an account, or resumes an interrupted erasure. Idempotent.
pub async fn erase(db: &Db, push: &Push, admin: &AdminCaller, user: UserId) -> Result<()> {
    let now = admin.caller.now;
    let ended = transaction!(db, |tx| {
        let by = lock_operator(tx, admin).await?;
        if admin.caller.user == user {
            return Err(Error::Conflict("own_account"));
        }
        let account = store::lock(tx, &by, user).await?.ok_or(Error::NotFound("user_not_found"))?;
        if matches!(account.state, AccountState::Erasing | AccountState::Erased) {
            return Ok(None);
        }
        let selection = SessionSelection::WithAccount { asking: None };
        let ending = SessionEnding { user, selection, cause: Cause::ErasedByOperator, now };
        let ended = traces::begin(tx, &ending, None).await?;
        record(tx, &by, "user.erase", user).await?;
        Ok(ended)
    })?;
    match ended {
        Some(ended) => session_closings::close(db, push, ended, now).await,
        None => session_closings::close_all(db, push, user, now).await,
    }
    erasure::finish(db, push, user, now).await
}

/// Grants the operator role by username from the deployment's console. This creates the first operator.
pub async fn appoint(db: &Db, username: &str, now: Timestamp) -> Result<UserId> {
    let username = username_of(username);
    let named = users::account_by_username(&mut *db.acquire().await?, username).await?;
    let user = named.map(|account| account.me.user).filter(|user| user.username.eq_ignore_ascii_case(username));
    let user = user.ok_or(Error::NotFound("user_not_found"))?.id;
    transaction!(db, |tx| {
        let by = Operator::console(now);
        let status = lock_account(tx, &by, user).await?;
        change_role(tx, &by, user, status, AccountRole::Admin).await
    })?;
    Ok(user)
}

async fn change_role(tx: &mut Tx<'_>, by: &Operator, user: UserId, status: AccountStatus, role: AccountRole) -> Result<()> {
    if status.role == role {
        return Ok(());
    }
    store::set_role(tx, by, user, role).await?;
    let action = match role {
        AccountRole::Admin => "user.promote",
        AccountRole::User => "user.demote",
    };
    record(tx, by, action, user).await
}

/// Requires an operator and an account that is not their own.
async fn lock_other_account(tx: &mut Tx<'_>, admin: &AdminCaller, user: UserId) -> Result<(Operator, AccountStatus)> {
    let by = lock_operator(tx, admin).await?;
    if admin.caller.user == user {
        return Err(Error::Conflict("own_account"));
    }
    let status = lock_account(tx, &by, user).await?;
    Ok((by, status))
}

/// Locks an account that is not erased.
async fn lock_account(tx: &mut Tx<'_>, by: &Operator, user: UserId) -> Result<AccountStatus> {
    let status = store::lock(tx, by, user).await?.ok_or(Error::NotFound("user_not_found"))?;
    match status.state {
        AccountState::Active | AccountState::Disabled => Ok(status),
        AccountState::Erasing | AccountState::Erased => Err(Error::Conflict("account_erased")),
    }
}

async fn record(tx: &mut Tx<'_>, by: &Operator, action: &'static str, user: UserId) -> Result<()> {
    audit::insert(tx, by, &AuditRecord { action, user: Some(user), ..AuditRecord::default() }).await
}
