//! Pinned messages. Admins pin; in a direct room both users do.

use crate::caller::Caller;
use crate::domain::messages::{MessageAddress, lock_message, push_to_members, require_not_unsent};
use crate::domain::rooms;
use crate::error::{Error, Result};
use crate::id::{MessageRef, RoomRef, Seq};
use crate::protocol::frames::Frame;
use crate::protocol::messages::Message;
use crate::protocol::page::Page;
use crate::protocol::rooms::{Role, RoomKind};
use crate::push::Push;
use crate::store::messages::{self, MessageChange};
use crate::store::{Db, Tx, members, pins as store, transaction};

/// Maximum number of pinned messages per room.
const MAX_PINS: i64 = 50;

/// Pins a message and pushes it to the members. Idempotent.
pub async fn pin(db: &Db, push: &Push, caller: &Caller, room: &RoomRef, seq: Seq) -> Result<Message> {
    change(db, push, caller, MessageAddress { room, seq }, true).await
}

/// Unpins a message and pushes it to the members. Idempotent.
pub async fn unpin(db: &Db, push: &Push, caller: &Caller, room: &RoomRef, seq: Seq) -> Result<Message> {
    change(db, push, caller, MessageAddress { room, seq }, false).await
}

/// Lists the pinned messages, last pinned first.
pub async fn list(db: &Db, caller: &Caller, room: &RoomRef) -> Result<Page<Message>> {
    let mut connection = db.acquire().await?;
    let readable = rooms::require_readable(members::find_access(&mut connection, room, caller.user).await?)?;
    Ok(Page { items: store::list(&mut connection, &readable).await?, next: None })
}

async fn change(db: &Db, push: &Push, caller: &Caller, address: MessageAddress<'_>, pinned: bool) -> Result<Message> {
    let (message, changed) = transaction!(db, |tx| store_change(tx, caller, address, pinned).await)?;
    if changed {
        let (room_id, seq, rev) = (message.room_id, message.seq, message.rev);
        let frame = Frame::MessagePinned { room_id, seq, rev, pinned_at: message.pinned_at, user_id: caller.user };
        push_to_members(db, push, room_id, &frame, caller.now).await?;
    }
    Ok(message)
}

async fn store_change(tx: &mut Tx<'_>, caller: &Caller, address: MessageAddress<'_>, pinned: bool) -> Result<(Message, bool)> {
    let (readable, mut message) = lock_message(tx, caller, address.room, address.seq).await?;
    if readable.kind != RoomKind::Direct && readable.member().is_none_or(|member| member.role < Role::Admin) {
        return Err(Error::Forbidden("not_allowed"));
    }
    rooms::may_change(&readable)?;
    if message.pinned_at.is_some() == pinned {
        return Ok((message, false));
    }
    let here = MessageRef { room: message.room_id, seq: message.seq };
    if pinned {
        require_not_unsent(&message)?;
        if store::count(tx, message.room_id).await? >= MAX_PINS {
            return Err(Error::Conflict("too_many_pins"));
        }
        store::insert(tx, here, caller.user, caller.now).await?;
    } else {
        store::delete(tx, here).await?;
    }
    message.pinned_at = pinned.then_some(caller.now);
    message.rev = readable.rev.next();
    let member = rooms::require_member(&readable)?;
    // Pins take no token of the bucket of changes.
    messages::touch(tx, member, MessageChange { seq: here.seq, rev: message.rev }, member.change_allowance, caller.now).await?;
    Ok((message, true))
}
