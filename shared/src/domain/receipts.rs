//! The rules of reading: how far a member has read, who is told of it (`store::marks` decides), who has read a message. A mark never falls and
//! never passes the end.

use crate::caller::Caller;
use crate::domain::rooms;
use crate::error::{Error, Result};
use crate::id::{MessageId, RoomRef};
use crate::protocol::frames::Frame;
use crate::protocol::receipts::{Receipt, Receipts, Seen, Unread};
use crate::push::Push;
use crate::store::members::{self, Member, Readable};
use crate::store::receipts as store;
use crate::store::{Db, Handle, marks, messages};

/// Rooms of up to so many members tell every member how far each has read. In larger ones only one's own devices hear of one's own marks:
/// each message would cause as many marks as there are members, and each mark as many posts.
pub const TOLD_TO_ALL: usize = 100;

/// Which mark rises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Everything up to here was read, and so has arrived.
    Read(u64),
    /// Everything up to here has reached a device.
    Delivered(u64),
}

/// Raises a mark of the caller. One that is there already, or beyond it, changes nothing and tells nobody.
pub async fn mark(db: &Db, push: &Push, caller: &Caller, room: &RoomRef, mark: Mark) -> Result<Receipt> {
    let (receipt, rose, readable) = db
        .retrying(|| async {
            let mut connection = db.acquire().await?;
            let readable = rooms::readable(members::standing(&mut connection, room, caller.user).await?)?;
            let member = rooms::member(&readable)?;
            let (receipt, rose) = raise(&mut connection, caller, &readable, member, mark).await?;
            Ok((receipt, rose, readable))
        })
        .await?;
    if rose {
        let hearers = marks::hearers(&mut *db.acquire().await?, &readable, TOLD_TO_ALL).await?;
        push.to_users(&hearers.oneself, &Frame::Receipt(receipt), caller.now).await;
        if let Some(others) = hearers.others.filter(|others| !others.is_empty()) {
            push.to_users(&others, &Frame::Receipt(Receipt { unread: None, ..receipt }), caller.now).await;
        }
    }
    Ok(receipt)
}

/// Who has read a message, and whom it has reached: for members only.
pub async fn of_message(db: &Db, caller: &Caller, room: &RoomRef, seq: u64) -> Result<Receipts> {
    let mut connection = db.acquire().await?;
    let readable = rooms::readable(members::standing(&mut connection, room, caller.user).await?)?;
    rooms::member(&readable)?;
    if !(readable.visible_from_seq.max(1)..=readable.visible_to_seq).contains(&seq) {
        return Err(Error::NotFound("message_not_found"));
    }
    let readers = store::readers(&mut connection, &readable, seq).await?;
    let mut receipts = Receipts { read: Vec::new(), delivered: Vec::new() };
    for reader in readers {
        let read = reader.read_at;
        receipts.delivered.push(Seen { user: reader.user.clone(), at: reader.delivered_at.into_iter().chain(read).min() });
        if read.is_some() {
            receipts.read.push(Seen { user: reader.user, at: read });
        }
    }
    Ok(receipts)
}

/// The same for a message named by its number. What the caller may not see does not exist.
pub async fn of_message_id(db: &Db, caller: &Caller, message: MessageId) -> Result<Receipts> {
    let place = messages::place(&mut *db.acquire().await?, message).await?;
    let (room, seq) = place.ok_or(Error::NotFound("message_not_found"))?;
    match of_message(db, caller, &RoomRef::Id(room), seq).await {
        Err(Error::NotFound(_)) => Err(Error::NotFound("message_not_found")),
        outcome => outcome,
    }
}

/// What the caller has not read, in all rooms.
pub async fn unread(db: &Db, caller: &Caller) -> Result<Unread> {
    let rooms = store::unread(&mut *db.acquire().await?, caller.user).await?;
    let total = rooms.iter().map(|room| room.unread).sum();
    let mentions = rooms.iter().map(|room| room.mentions).sum();
    Ok(Unread { total, mentions, rooms })
}

/// Writes the mark, if it rises. Gives where the marks stand then, and whether they rose.
async fn raise(
    connection: &mut Handle,
    caller: &Caller,
    room: &Readable,
    member: &Member,
    mark: Mark,
) -> Result<(Receipt, bool)> {
    let (mut read_seq, mut delivered_seq) = (member.read_seq, member.delivered_seq);
    match mark {
        Mark::Read(seq) => {
            read_seq = read_seq.max(seq.min(room.last_seq));
            delivered_seq = delivered_seq.max(read_seq);
        }
        Mark::Delivered(seq) => delivered_seq = delivered_seq.max(seq.min(room.last_seq)),
    }
    if read_seq > member.read_seq {
        store::read(connection, member, read_seq, caller.now).await?;
    } else if delivered_seq > member.delivered_seq {
        store::delivered(connection, member, delivered_seq, caller.now).await?;
    }
    // Sending is reading, so whatever lies after the mark is of others.
    let unsent = if room.last_unsent_seq > read_seq { store::unsent_after(connection, room, read_seq).await? } else { 0 };
    let unread = Some((room.last_seq - read_seq).saturating_sub(unsent));
    let receipt = Receipt { room_id: room.room(), user_id: caller.user, read_seq, delivered_seq, unread };
    Ok((receipt, read_seq > member.read_seq || delivered_seq > member.delivered_seq))
}
