//! Administration of a deployment. Every action requires the operator role and writes an audit entry in its own transaction.

mod people;
mod rooms;

pub use people::{appoint, end_sessions, erase, find_account, list_accounts, set_disabled, set_role};
pub use rooms::{close_report, delete_room, find_room, list_reports, list_rooms, set_archived};

pub use crate::store::admin_accounts::AccountFilter;
pub use crate::store::admin_rooms::RoomFilter;
pub use crate::store::audit::AuditFilter;

use crate::caller::Caller;
use crate::domain::paging::{PageRequest, page};
use crate::domain::people::handles::username_of;
use crate::error::{Error, Result};
use crate::id::{AuditId, MAX_ID};
use crate::protocol::admin::AuditEntry;
use crate::protocol::page::Page;
use crate::store::audit::{self, Operator};
use crate::store::{Db, Handle, Tx};

/// The caller of an admin action.
#[derive(Clone, Debug)]
pub struct AdminCaller {
    pub caller: Caller,
    /// IP address as the gateway saw it.
    pub ip: String,
}

/// Lists audit entries, newest first.
pub async fn list_audit_entries(
    db: &Db,
    admin: &AdminCaller,
    filter: AuditFilter,
    paging: PageRequest<'_>,
) -> Result<Page<AuditEntry>> {
    let before = paging.position(AuditId(MAX_ID))?;
    let limit = paging.limit()?;
    let mut connection = db.acquire().await?;
    let operator = require_operator(&mut connection, admin).await?;
    let items = audit::list(&mut connection, &operator, filter, before, limit + 1).await?;
    Ok(page(items, limit, |entry| entry.id.to_string()))
}

/// Requires the operator role.
async fn require_operator(connection: &mut Handle, admin: &AdminCaller) -> Result<Operator> {
    audit::find_operator(connection, &admin.caller, &admin.ip).await?.ok_or(Error::Forbidden("not_allowed"))
}

/// Requires the operator role and locks it until the transaction ends.
async fn lock_operator(tx: &mut Tx<'_>, admin: &AdminCaller) -> Result<Operator> {
    audit::lock_operator(tx, &admin.caller, &admin.ip).await?.ok_or(Error::Forbidden("not_allowed"))
}

/// Validates a name prefix. An empty one matches everything.
fn name_prefix(query: Option<&str>) -> Result<Option<&str>> {
    let query = query.map(username_of).filter(|query| !query.is_empty());
    if query.is_some_and(|query| query.chars().count() > 100 || query.contains('\0')) {
        return Err(Error::invalid("q", "too_long", "must have at most 100 characters"));
    }
    Ok(query)
}
