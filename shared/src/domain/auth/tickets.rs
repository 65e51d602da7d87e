//! Tickets: single-use credentials for a minute, because browsers cannot send headers with a WebSocket.

use crate::aws::ephemeral_table::{Ephemeral, TicketOwner};
use crate::caller::Caller;
use crate::domain::auth::secrets;
use crate::domain::auth::sessions;
use crate::domain::limits::throttle::Throttle;
use crate::error::{Error, Result};
use crate::protocol::accounts::Ticket;
use crate::store::Db;
use crate::time::Timestamp;

const LIFETIME: u32 = 60;

/// Issues a ticket for the caller's session. `url` is the socket endpoint.
pub async fn issue(ephemeral: &Ephemeral, throttle: &Throttle, caller: &Caller, url: &str) -> Result<Ticket> {
    throttle.connect(caller.user, caller.now).await?;
    let ticket = secrets::random_token()?;
    let holder = TicketOwner { user: caller.user, session: caller.session };
    let expires_at = caller.now.plus_seconds(i64::from(LIFETIME));
    ephemeral.put_ticket(&secrets::hex_digest(&ticket), holder, expires_at).await?;
    let parted = if url.contains('?') { '&' } else { '?' };
    Ok(Ticket { url: format!("{url}{parted}ticket={ticket}"), ticket, expires_in: LIFETIME })
}

/// Redeems a ticket, which uses it up in any case.
pub async fn redeem(db: &Db, ephemeral: &Ephemeral, ticket: &str, now: Timestamp) -> Result<Caller> {
    let holder = ephemeral.take_ticket(&secrets::hex_digest(ticket), now).await?;
    let TicketOwner { user, session } = holder.ok_or(Error::Unauthenticated("unauthenticated"))?;
    sessions::load_caller(db, user, session, now).await
}
