//! The answer to a socket's first frame: the caller and the state of their rooms, as much as fits one frame.

use serde_json::value::RawValue;

use crate::caller::Caller;
use crate::domain::people::presence;
use crate::error::{Error, Result};
use crate::protocol::dialect::Dialect;
use crate::protocol::frames::{Frame, MAX_FRAME};
use crate::protocol::page::MAX_LIMIT;
use crate::protocol::rooms::Scope;
use crate::push::Push;
use crate::push::socket_registry::Connection;
use crate::store::rooms::{self, RoomListCursor};
use crate::store::{Db, invitations, users};

/// Sockets live two hours; clients reconnect before this time.
const RECONNECT_SECONDS: i64 = 110 * 60;

/// Maximum number of invitations in the frame.
const INVITATIONS: u32 = 20;

/// Builds `welcome` with at most four statements, five with invitations, and one registry read. Rooms that do not fit are left to
/// `GET /api/rooms?scope=joined`; `complete` is false then.
pub async fn welcome(db: &Db, push: &Push, caller: &Caller, connection: &Connection, id: Option<Box<RawValue>>) -> Result<Frame> {
    let (account, invited, mut rows) = {
        let mut handle = db.acquire().await?;
        let account = users::account(&mut handle, caller.user).await?.ok_or(Error::NotFound("user_not_found"))?;
        let invited = if account.is_invited {
            invitations::list(&mut handle, caller.user, None, invitations::InvitationCursor::START, INVITATIONS).await?
        } else {
            Vec::new()
        };
        (account, invited, rooms::list(&mut handle, caller.user, Scope::Joined, RoomListCursor::START, MAX_LIMIT + 1).await?)
    };
    let complete = rows.len() <= MAX_LIMIT as usize;
    rows.truncate(MAX_LIMIT as usize);
    let private_rev = account.revs.last;
    let mut frame = Frame::Welcome {
        id,
        user: Box::new(account.me),
        connection_id: connection.id.clone(),
        rooms: rows.into_iter().map(|(room, _)| room).collect(),
        complete,
        invited,
        online: presence::online(db, push, caller).await?,
        server_time: caller.now,
        reconnect_before: connection.connected_at.plus_seconds(RECONNECT_SECONDS),
        private_rev,
        cursor: super::current_cursor(caller.now, private_rev),
    };
    while frame.encode(Dialect::Lean).len() > MAX_FRAME {
        let Frame::Welcome { rooms, complete, invited, .. } = &mut frame else { break };
        if rooms.is_empty() && invited.is_empty() {
            break;
        }
        *complete &= rooms.is_empty();
        rooms.truncate(rooms.len() / 2);
        invited.truncate(invited.len() / 2);
    }
    Ok(frame)
}
