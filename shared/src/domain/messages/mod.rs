//! Messages: reading and locking single messages; the operations are in the modules.

pub(in crate::domain) mod coalescing;
pub mod edits;
mod history;
mod mention_text;
pub(crate) mod mentions;
pub mod pins;
pub mod reactions;
pub mod receipts;
mod replays;
pub mod send;
pub mod typing;
pub mod unsend;

pub use self::history::{HistoryRange, history, history_in, history_up_to};
pub use self::send::{SendRequest, Sent, check_first, send};
use crate::caller::Caller;
use crate::domain::rooms::{self, audience};
use crate::error::{Error, Result};
use crate::id::{RoomId, RoomRef, Seq};
use crate::protocol::frames::Frame;
use crate::protocol::messages::{Message, MessageKind};
use crate::push::Push;
use crate::store::members::{self, Readable};
use crate::store::{Db, Handle, Tx, messages as store};
use crate::time::Timestamp;

/// A message as a request names it.
#[derive(Clone, Copy, Debug)]
pub struct MessageAddress<'a> {
    pub room: &'a RoomRef,
    pub seq: Seq,
}

pub async fn find(db: &Db, caller: &Caller, room: &RoomRef, seq: Seq) -> Result<Message> {
    let mut connection = db.acquire().await?;
    let readable = rooms::require_readable(members::find_access(&mut connection, room, caller.user).await?)?;
    find_readable(&mut connection, &readable, seq).await
}

/// Reads one message as the reader sees it, with reactions.
pub(super) async fn find_readable(connection: &mut Handle, room: &Readable, seq: Seq) -> Result<Message> {
    store::range(connection, room, seq, seq).await?.pop().ok_or(Error::NotFound("message_not_found"))
}

/// Locks the room and reads a message to change. Requires membership.
pub(super) async fn lock_message(tx: &mut Tx<'_>, caller: &Caller, room: &RoomRef, seq: Seq) -> Result<(Readable, Message)> {
    let readable = rooms::require_readable(members::lock(tx, room, caller.user).await?)?;
    let message = store::find_shown(tx, &readable, seq).await?.ok_or(Error::NotFound("message_not_found"))?;
    rooms::require_member(&readable)?;
    Ok((readable, message))
}

/// Requires a user's message that is not unsent.
pub(super) fn require_not_unsent(message: &Message) -> Result<()> {
    if message.kind == MessageKind::System {
        Err(Error::Conflict("system_message"))
    } else if message.deleted_at.is_some() {
        Err(Error::Conflict("message_unsent"))
    } else {
        Ok(())
    }
}

/// Pushes a frame to all members of a room.
pub(super) async fn push_to_members(db: &Db, push: &Push, room: RoomId, frame: &Frame, now: Timestamp) -> Result<()> {
    let audience = audience::find(db, push, room, now).await?;
    push.send(&audience, frame, now).await;
    Ok(())
}
