//! The rules of operating a deployment. Whoever is no operator is refused alike everywhere, and every act is noted in the transaction that does it.

mod people;
mod rooms;

pub use people::{appoint, end_sessions, erase, find_account, list_accounts, set_disabled, set_role};
pub use rooms::{close_report, delete_room, find_room, list_reports, list_rooms, set_archived};

pub use crate::store::audit::Filter as WhichActs;
pub use crate::store::keeping::Filter as WhichAccounts;
pub use crate::store::oversight::Filter as WhichRooms;

use crate::caller::Caller;
use crate::domain::paging::{after, clamped, page};
use crate::error::{Error, Result};
use crate::id::{AuditId, MAX_ID};
use crate::protocol::admin::AuditEntry;
use crate::protocol::page::Page;
use crate::store::audit::{self, Filter, Operator};
use crate::store::{Db, Handle, Tx};

/// Who asks for an act, and from where.
#[derive(Clone, Debug)]
pub struct Asking {
    /// The person.
    pub caller: Caller,
    /// The address, as the gateway saw it.
    pub ip: String,
}

/// A page of what was done, latest first.
pub async fn acts(
    db: &Db,
    asking: &Asking,
    filter: Filter,
    (cursor, limit): (Option<&str>, Option<u32>),
) -> Result<Page<AuditEntry>> {
    let before = after(cursor, AuditId(MAX_ID))?;
    let limit = clamped(limit);
    let mut connection = db.acquire().await?;
    let operator = operator(&mut connection, asking).await?;
    let items = audit::list(&mut connection, &operator, filter, before, limit + 1).await?;
    Ok(page(items, limit, |entry| entry.id.to_string()))
}

/// The caller as an operator.
async fn operator(connection: &mut Handle, asking: &Asking) -> Result<Operator> {
    audit::operator(connection, &asking.caller, &asking.ip).await?.ok_or(Error::Forbidden("not_allowed"))
}

/// The same for an act: nobody takes the role from them before it is done.
async fn acting(tx: &mut Tx<'_>, asking: &Asking) -> Result<Operator> {
    audit::hold_operator(tx, &asking.caller, &asking.ip).await?.ok_or(Error::Forbidden("not_allowed"))
}

/// What begins a name that is searched for; nothing finds all.
fn prefix(query: Option<&str>) -> Result<Option<&str>> {
    let query = query.map(str::trim).filter(|query| !query.is_empty());
    if query.is_some_and(|query| query.chars().count() > 100 || query.contains('\0')) {
        return Err(Error::invalid("q", "too_long", "must have at most 100 characters"));
    }
    Ok(query)
}
