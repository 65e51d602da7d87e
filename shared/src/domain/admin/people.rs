//! What operators do with accounts. Nobody does it to their own: so the last operator cannot lock everyone out by mistake.

use crate::domain::admin::{Asking, acting, operator, prefix};
use crate::domain::paging::{after, clamped, page};
use crate::domain::{endings, erasure};
use crate::error::{Error, Result};
use crate::id::UserId;
use crate::protocol::admin::{AccountRole, AccountState, AdminAccount};
use crate::protocol::endings::Cause;
use crate::protocol::page::Page;
use crate::push::Push;
use crate::store::audit::{self, Act, Operator};
use crate::store::endings::{self as sessions, Ending, Which};
use crate::store::keeping::{self as store, Filter, Standing};
use crate::store::{Db, Tx, erasure as traces, transaction, users};
use crate::time::Timestamp;

/// A page of accounts, oldest first.
pub async fn list_accounts(
    db: &Db,
    asking: &Asking,
    filter: Filter<'_>,
    (cursor, limit): (Option<&str>, Option<u32>),
) -> Result<Page<AdminAccount>> {
    let after = after(cursor, UserId(0))?;
    let filter = Filter { prefix: prefix(filter.prefix)?, ..filter };
    let limit = clamped(limit);
    let mut connection = db.acquire().await?;
    let operator = operator(&mut connection, asking).await?;
    let items = store::list(&mut connection, &operator, filter, after, limit + 1).await?;
    Ok(page(items, limit, |account| account.user.id.to_string()))
}

/// One account.
pub async fn find_account(db: &Db, asking: &Asking, user: UserId) -> Result<AdminAccount> {
    let mut connection = db.acquire().await?;
    let operator = operator(&mut connection, asking).await?;
    store::find(&mut connection, &operator, user).await?.ok_or(Error::NotFound("user_not_found"))
}

/// Disables an account, which ends its sessions and closes its sockets, or enables it again. Doing so again changes nothing.
pub async fn set_disabled(db: &Db, push: &Push, asking: &Asking, user: UserId, disabled: bool) -> Result<AdminAccount> {
    let now = asking.caller.now;
    let ended = transaction!(db, |tx| {
        let (by, standing) = other(tx, asking, user).await?;
        if (standing.state == AccountState::Disabled) == disabled {
            return Ok(None);
        }
        store::set_disabled(tx, &by, user, disabled).await?;
        let ending = Ending { user, which: Which::All, cause: Cause::Disabled, now };
        let ended = if disabled { Some(sessions::end(tx, &ending).await?) } else { None };
        note(tx, &by, if disabled { "user.disable" } else { "user.enable" }, user).await?;
        Ok(ended)
    })?;
    match ended {
        Some(ended) => endings::close(db, push, ended, now).await,
        // It was disabled before: what may not have succeeded then is tried again.
        None if disabled => endings::close_all(db, push, user, now).await,
        None => {}
    }
    find_account(db, asking, user).await
}

/// Makes somebody an operator, or no longer. Doing so again changes nothing.
pub async fn set_role(db: &Db, asking: &Asking, user: UserId, role: AccountRole) -> Result<AdminAccount> {
    transaction!(db, |tx| {
        let (by, standing) = other(tx, asking, user).await?;
        change_role(tx, &by, (user, standing), role).await
    })?;
    find_account(db, asking, user).await
}

/// Ends all sessions of an account and closes its sockets; its person may log in again.
pub async fn end_sessions(db: &Db, push: &Push, asking: &Asking, user: UserId) -> Result<()> {
    let now = asking.caller.now;
    let ended = transaction!(db, |tx| {
        let by = acting(tx, asking).await?;
        standing(tx, &by, user).await?;
        let ending = Ending { user, which: Which::All, cause: Cause::RevokedByOperator, now };
        let ended = sessions::end(tx, &ending).await?;
        note(tx, &by, "user.sessions", user).await?;
        Ok(ended)
    })?;
    endings::close(db, push, ended, now).await;
    Ok(())
}

/// Erases an account as its own person would, or goes on with erasing that was cut off. Of an erased one nothing is left to do.
pub async fn erase(db: &Db, push: &Push, asking: &Asking, user: UserId) -> Result<()> {
    let now = asking.caller.now;
    let ended = transaction!(db, |tx| {
        let by = acting(tx, asking).await?;
        if asking.caller.user == user {
            return Err(Error::Conflict("own_account"));
        }
        let account = store::hold(tx, &by, user).await?.ok_or(Error::NotFound("user_not_found"))?;
        if matches!(account.state, AccountState::Erasing | AccountState::Erased) {
            return Ok(None);
        }
        let which = Which::WithAccount { asking: None };
        let ending = Ending { user, which, cause: Cause::ErasedByOperator, now };
        let ended = traces::begin(tx, &ending, None).await?;
        note(tx, &by, "user.erase", user).await?;
        Ok(ended)
    })?;
    match ended {
        Some(ended) => endings::close(db, push, ended, now).await,
        None => endings::close_all(db, push, user, now).await,
    }
    erasure::finish(db, push, user, now).await
}

/// Makes the person of this name an operator: the way to the first one, for whoever has the deployment's console.
pub async fn appoint(db: &Db, username: &str, now: Timestamp) -> Result<UserId> {
    let named = users::account_by_username(&mut *db.acquire().await?, username).await?;
    let user = named.map(|account| account.me.user).filter(|user| user.username.eq_ignore_ascii_case(username));
    let user = user.ok_or(Error::NotFound("user_not_found"))?.id;
    transaction!(db, |tx| {
        let by = Operator::at_the_console(now);
        let standing = standing(tx, &by, user).await?;
        change_role(tx, &by, (user, standing), AccountRole::Admin).await
    })?;
    Ok(user)
}

async fn change_role(tx: &mut Tx<'_>, by: &Operator, whom: (UserId, Standing), role: AccountRole) -> Result<()> {
    let (user, standing) = whom;
    if standing.role == role {
        return Ok(());
    }
    store::set_role(tx, by, user, role).await?;
    let action = match role {
        AccountRole::Admin => "user.promote",
        AccountRole::User => "user.demote",
    };
    note(tx, by, action, user).await
}

/// The operator, and the account of somebody else.
async fn other(tx: &mut Tx<'_>, asking: &Asking, user: UserId) -> Result<(Operator, Standing)> {
    let by = acting(tx, asking).await?;
    if asking.caller.user == user {
        return Err(Error::Conflict("own_account"));
    }
    let standing = standing(tx, &by, user).await?;
    Ok((by, standing))
}

/// How an account stands that is there.
async fn standing(tx: &mut Tx<'_>, by: &Operator, user: UserId) -> Result<Standing> {
    let standing = store::hold(tx, by, user).await?.ok_or(Error::NotFound("user_not_found"))?;
    match standing.state {
        AccountState::Active | AccountState::Disabled => Ok(standing),
        AccountState::Erasing | AccountState::Erased => Err(Error::Conflict("account_erased")),
    }
}

async fn note(tx: &mut Tx<'_>, by: &Operator, action: &'static str, user: UserId) -> Result<()> {
    audit::insert(tx, by, &Act { action, user: Some(user), ..Act::default() }).await
}
