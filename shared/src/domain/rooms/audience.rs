//! The audience of a room's frames. A small room asks the registry about its members. A large one keeps an index of its live sockets, so that a frame
//! costs by who is online.
//!
//! The first frame to a room that has become large begins the index: from then on every socket that opens is added. It then adds the older sockets,
//! and the index is complete: frames read it. If there are too many of them, the index is complete when the last of them has ended; until then frames
//! ask about all members. No live socket is missing in a complete index:
//!
//! * A socket is registered first, then the user's rooms with an index are read, then it is added, and then the handshake is accepted. If the read
//!   finds no index, it begins after that socket was registered, and the frame that began it finds the socket in the registry.
//! * A joining member is committed first, then the room is read, then the user's sockets are read strongly consistent and added. A socket that this
//!   read misses is registered later, so it reads the membership. If the room has no index, it begins later than all of these.
//! * If adding the sockets of a new member fails, the index begins anew; if a function dies before it, joining again adds them. If adding an opening
//!   socket fails, the handshake is refused.
//! * Functions of releases before 0.3 add nothing. A deployment that replaces them has all indexes begin anew, and none is read before such functions
//!   and their sockets are gone.
//!
//! An index may contain too much: closed sockets, which the next frame finds gone, and users who are not members any more, which the check of the
//! members excludes in the same moment in which their membership ends.

use futures_util::future::try_join_all;

use crate::error::{Error, Result};
use crate::id::{RoomId, UserId};
use crate::push::Push;
use crate::push::audience::Audience;
use crate::push::socket_index::Indexing;
use crate::push::socket_registry::{Connection, LIFE_SECONDS};
use crate::store::Db;
use crate::store::recipients::{self, IndexUse, Recipients, RoomRecipients};
use crate::store::socket_index as store;
use crate::time::Timestamp;

/// A room with more members begins an index.
const MOST: u32 = 200;
/// A room with fewer members ends its index.
const FEWEST: u32 = 100;
/// Older sockets that a frame adds to an index at most.
const MOST_ADDED: usize = 500;
/// How long after the beginning of an index older sockets can be open, with those that functions of an earlier release open meanwhile: the longest
/// step-by-step deployment takes 100 minutes.
const COMPLETE_SECONDS: i64 = LIFE_SECONDS + 2 * 3600;

/// The schema from which on functions keep indexes.
pub const SCHEMA: i64 = 33;

/// Which indexes are read. A room whose members are all notified needs all of them anyway.
pub(crate) fn index_use(push: &Push, now: Timestamp) -> IndexUse {
    let notified = push.notify_member_limit().and_then(|most| u32::try_from(most).ok()).unwrap_or_default();
    IndexUse { begun_by: now.plus_seconds(-COMPLETE_SECONDS), beyond: notified.max(FEWEST) }
}

/// Finds the audience of a room's frames.
pub(crate) async fn find(db: &Db, push: &Push, room: RoomId, now: Timestamp) -> Result<Audience> {
    find_with_new(db, push, room, &[], now).await
}

/// The same after users have joined, whose sockets are added to the room's index.
pub(super) async fn find_with_new(db: &Db, push: &Push, room: RoomId, joined: &[UserId], now: Timestamp) -> Result<Audience> {
    let found = recipients::of_room(&mut *db.acquire().await?, room, index_use(push, now)).await?;
    let keeps_index = !matches!(found, RoomRecipients::Members { index_since: None, .. });
    if keeps_index && !joined.is_empty() {
        add_members(db, push, room, joined, now).await?;
    }
    find_of(db, push, room, found, now).await
}

/// Finds the audience of a room's frames whose recipients are read.
pub(crate) async fn find_of(db: &Db, push: &Push, room: RoomId, found: RoomRecipients, now: Timestamp) -> Result<Audience> {
    let (members, index_since) = match found {
        RoomRecipients::Indexed => return find_indexed(db, push, room, now).await,
        RoomRecipients::Members { members, index_since } => (members, index_since),
    };
    let size = u32::try_from(members.len()).unwrap_or(u32::MAX);
    let is_due = if index_since.is_some() { size < FEWEST } else { size > MOST };
    if is_due && let Err(error) = begin_or_end(db, push, room, now).await {
        // This frame goes to all members, and the next one tries again.
        tracing::warn!(error = error.causes(), "a room's index was neither begun nor ended");
    }
    Ok(push.find_audience(members, now).await)
}

async fn begin_or_end(db: &Db, push: &Push, room: RoomId, now: Timestamp) -> Result<()> {
    store::end(&mut *db.acquire().await?, room, FEWEST).await?;
    if store::begin(&mut *db.acquire().await?, room, MOST, now).await? {
        // Read again: who joined since the first read found no index and was not added.
        let members = recipients::members(&mut *db.acquire().await?, room).await?;
        complete(db, push, room, members.users(), now).await?;
    }
    Ok(())
}

/// Adds the sockets that were open before the index began. If that fails, the index is complete when they have ended.
async fn complete(db: &Db, push: &Push, room: RoomId, members: &[UserId], begun: Timestamp) -> Result<()> {
    let older = u32::try_from(COMPLETE_SECONDS).unwrap_or(u32::MAX);
    if !store::is_kept_by_all(&mut *db.acquire().await?, older).await? {
        return Ok(());
    }
    let added = async {
        let sockets = push.find_sockets(members, begun).await?;
        let fits = sockets.len() <= MOST_ADDED;
        if fits {
            add(push, room, &sockets).await?;
        }
        Ok(fits)
    };
    match added.await {
        Ok(true) => store::complete(&mut *db.acquire().await?, room, begun).await,
        Ok(false) => Ok(()),
        Err(error) => {
            let error: Error = error;
            tracing::warn!(error = error.causes(), "older sockets were not indexed");
            Ok(())
        }
    }
}

/// Adds sockets to the index of a room. Those of a user follow each other.
async fn add(push: &Push, room: RoomId, sockets: &[Connection]) -> Result<()> {
    let rooms = [room];
    let adding = sockets.chunk_by(|one, next| one.user == next.user).filter_map(|sockets| {
        let user = sockets.first()?.user;
        Some(push.index(Indexing { user, sockets, rooms: &rooms, noted: &[] }))
    });
    try_join_all(adding).await.map(drop)
}

/// Finds the audience of a room whose index is read.
async fn find_indexed(db: &Db, push: &Push, room: RoomId, now: Timestamp) -> Result<Audience> {
    let Some(sockets) = push.indexed_sockets(room, now).await else { return Ok(Audience::unknown()) };
    let users = Connection::users_of(&sockets);
    let members = recipients::members_among(&mut *db.acquire().await?, room, &users).await?;
    Ok(push.audience_among(sockets, members, now).await)
}

/// Finds the sockets of the former members of a deleted room.
pub(crate) async fn find_former(db: &Db, push: &Push, room: RoomId, members: Recipients, now: Timestamp) -> Result<Audience> {
    let since = store::find_since(&mut *db.acquire().await?, room).await?;
    if since.is_some_and(|since| since <= index_use(push, now).begun_by)
        && let Some(sockets) = push.indexed_sockets(room, now).await
    {
        return Ok(push.audience_among(sockets, members, now).await);
    }
    Ok(push.find_audience(members, now).await)
}

/// Adds the sockets of users who have joined before to the index of a room, if it has one.
pub(super) async fn add_again(db: &Db, push: &Push, room: RoomId, users: &[UserId], now: Timestamp) -> Result<()> {
    if users.is_empty() || store::find_since(&mut *db.acquire().await?, room).await?.is_none() {
        return Ok(());
    }
    add_members(db, push, room, users, now).await
}

/// Adds the sockets of new members to the index of a room.
async fn add_members(db: &Db, push: &Push, room: RoomId, users: &[UserId], now: Timestamp) -> Result<()> {
    let added = async { add(push, room, &push.find_sockets(users, now).await?).await };
    if let Err(error) = added.await {
        tracing::warn!(error = error.causes(), "the sockets of new members were not indexed; the room's index begins anew");
        store::restart(&mut *db.acquire().await?, room, now).await?;
    }
    Ok(())
}

/// Adds a registered socket to the indexes of its user's rooms. `noted` are the rooms that the user's item in the registry names.
pub async fn add_socket(db: &Db, push: &Push, socket: &Connection, noted: &[RoomId]) -> Result<()> {
    let rooms = store::list_of_member(&mut *db.acquire().await?, socket.user).await?;
    if rooms.is_empty() {
        return Ok(());
    }
    push.index(Indexing { user: socket.user, sockets: std::slice::from_ref(socket), rooms: &rooms, noted }).await
}

/// Has all indexes begin anew.
pub async fn restart_indexes(db: &Db, now: Timestamp) -> Result<()> {
    store::restart_all(&mut *db.acquire().await?, now).await
}
