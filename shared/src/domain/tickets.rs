//! Tickets: browsers cannot send a header with a WebSocket, so they fetch a credential that works once and for a minute.

use crate::caller::Caller;
use crate::domain::throttle::Throttle;
use crate::domain::{secrets, sessions};
use crate::error::{Error, Result};
use crate::protocol::accounts::Ticket;
use crate::push::ephemeral::{Ephemeral, Holder};
use crate::store::Db;
use crate::time::Timestamp;

/// Seconds that a ticket lives.
const LIFE: u32 = 60;

/// Makes a ticket for the caller's session. `url` is where sockets are opened.
pub async fn issue(ephemeral: &Ephemeral, throttle: &Throttle, caller: &Caller, url: &str) -> Result<Ticket> {
    throttle.connect(caller.user, caller.now).await?;
    let ticket = secrets::random()?;
    let holder = Holder { user: caller.user, session: caller.session };
    let expires_at = caller.now.plus_seconds(i64::from(LIFE));
    ephemeral.put_ticket(&secrets::hex_digest(&ticket), holder, expires_at).await?;
    let parted = if url.contains('?') { '&' } else { '?' };
    Ok(Ticket { url: format!("{url}{parted}ticket={ticket}"), ticket, expires_in: LIFE })
}

/// Whom a ticket stands for. It is used up, whatever comes after.
pub async fn redeem(db: &Db, ephemeral: &Ephemeral, ticket: &str, now: Timestamp) -> Result<Caller> {
    let holder = ephemeral.take_ticket(&secrets::hex_digest(ticket), now).await?;
    let Holder { user, session } = holder.ok_or(Error::Unauthenticated("unauthenticated"))?;
    sessions::resume(db, user, session, now).await
}
