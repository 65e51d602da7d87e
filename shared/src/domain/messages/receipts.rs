//! Receipts: read and delivered markers, their recipients (`store::read_marker_visibility` decides), and the readers of a message. Markers only rise,
//! at most to the last message.

use crate::caller::Caller;
use crate::domain::rooms;
use crate::error::{Error, Result};
use crate::id::{MessageId, MessageRef, RoomRef, Seq};
use crate::protocol::frames::Frame;
use crate::protocol::receipts::{Receipt, Receipts, Seen, Unread};
use crate::push::Push;
use crate::store::members::{self, Membership, Readable};
use crate::store::read_marker_visibility::PassedMessages;
use crate::store::receipts as store;
use crate::store::{Db, Handle, messages, read_marker_visibility};

/// Rooms up to this size push receipts to the senders of the messages read. In larger ones they go only to the user's own devices: clients show no
/// state there, and a message would flood its sender's socket.
pub const MAX_MEMBERS_SHARED: usize = 100;

/// The marker to raise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadMarker {
    /// Read up to this seq, which implies delivered.
    Read(Seq),
    /// Delivered to a device up to this seq.
    Delivered(Seq),
}

/// Raises one of the caller's markers. A lower or equal one changes nothing and pushes no frame.
pub async fn raise_marker(db: &Db, push: &Push, caller: &Caller, room: &RoomRef, mark: ReadMarker) -> Result<Receipt> {
    let (receipt, passed, readable) = db
        .retrying(|| async {
            let mut connection = db.acquire().await?;
            let readable = rooms::require_readable(members::find_access(&mut connection, room, caller.user).await?)?;
            let member = rooms::require_member(&readable)?;
            let (receipt, passed) = raise(&mut connection, caller, &readable, member, mark).await?;
            Ok((receipt, passed, readable))
        })
        .await?;
    if let Some(passed) = passed {
        let concerned =
            read_marker_visibility::audience(&mut *db.acquire().await?, &readable, passed, MAX_MEMBERS_SHARED).await?;
        let audience = push.find_audience(concerned, caller.now).await;
        // Without an ack, the asking socket learns from the frame how many messages are left.
        let leaves_some = matches!(mark, ReadMarker::Read(_)) && receipt.unread.is_some_and(|unread| unread > 0);
        let own = if leaves_some { audience.only(caller.user) } else { audience.other_devices(caller) };
        push.send(&own, &Frame::Receipt(receipt), caller.now).await;
        push.send(&audience.except(caller.user), &Frame::Receipt(Receipt { unread: None, ..receipt }), caller.now).await;
    }
    Ok(receipt)
}

/// Lists who has read a message and to whom it was delivered. Requires membership.
pub async fn of_message(db: &Db, caller: &Caller, room: &RoomRef, seq: Seq) -> Result<Receipts> {
    let mut connection = db.acquire().await?;
    let readable = rooms::require_readable(members::find_access(&mut connection, room, caller.user).await?)?;
    rooms::require_member(&readable)?;
    if !(readable.visible_from_seq.max(Seq(1))..=readable.visible_to_seq).contains(&seq) {
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

/// The same by message id. A message that the caller cannot see is not found.
pub async fn of_message_id(db: &Db, caller: &Caller, message: MessageId) -> Result<Receipts> {
    let place = messages::locate(&mut *db.acquire().await?, message).await?;
    let MessageRef { room, seq } = place.ok_or(Error::NotFound("message_not_found"))?;
    match of_message(db, caller, &RoomRef::Id(room), seq).await {
        Err(Error::NotFound(_)) => Err(Error::NotFound("message_not_found")),
        outcome => outcome,
    }
}

/// Counts the caller's unread messages and mentions in all rooms.
pub async fn unread(db: &Db, caller: &Caller) -> Result<Unread> {
    let rooms = store::unread(&mut *db.acquire().await?, caller.user).await?;
    let total = rooms.iter().map(|room| room.unread).sum();
    let mentions = rooms.iter().map(|room| room.mentions).sum();
    Ok(Unread { total, mentions, rooms })
}

/// Writes the marker if it rises. Returns the markers and, if one rose, the messages that it passed.
async fn raise(
    connection: &mut Handle,
    caller: &Caller,
    room: &Readable,
    member: &Membership,
    mark: ReadMarker,
) -> Result<(Receipt, Option<PassedMessages>)> {
    let (mut read_seq, mut delivered_seq) = (member.read_seq, member.delivered_seq);
    match mark {
        ReadMarker::Read(seq) => {
            read_seq = read_seq.max(seq.min(room.last_seq));
            delivered_seq = delivered_seq.max(read_seq);
        }
        ReadMarker::Delivered(seq) => delivered_seq = delivered_seq.max(seq.min(room.last_seq)),
    }
    if read_seq > member.read_seq {
        store::mark_read(connection, member, read_seq, caller.now).await?;
    } else if delivered_seq > member.delivered_seq {
        store::mark_delivered(connection, member, delivered_seq, caller.now).await?;
    }
    // Sending raises the read marker, so later messages are by others.
    let last_uncounted = room.last_uncounted_seq.max(room.last_hidden_seq);
    let uncounted = if last_uncounted > read_seq { store::uncounted_after(connection, room, read_seq).await? } else { 0 };
    let unread = Some((room.last_seq.0 - read_seq.0).saturating_sub(uncounted));
    let receipt = Receipt { room_id: room.room(), user_id: caller.user, read_seq, delivered_seq, unread };
    let passed = match mark {
        ReadMarker::Read(_) => PassedMessages { after: member.read_seq, to: read_seq },
        ReadMarker::Delivered(_) => PassedMessages { after: member.delivered_seq, to: delivered_seq },
    };
    Ok((receipt, Some(passed).filter(|passed| passed.to > passed.after)))
}
