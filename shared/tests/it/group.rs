//! Support for tests of messages: a group, its messages, and recorded frames.

use shared::caller::Caller;
use shared::domain::messages::{self, HistoryRange, SendRequest};
use shared::domain::rooms;
use shared::id::{RoomRef, Seq, UserId};
use shared::protocol::frames::Frame;
use shared::protocol::messages::{Message, NewMessage};
use shared::protocol::rooms::{NewRoom, RoomKind};
use shared::push::Push;
use shared::store::Db;

use crate::fixture::limits;

/// A group and the push to its members.
pub(crate) struct Group {
    pub(crate) db: Db,
    pub(crate) push: Push,
    pub(crate) room: RoomRef,
}

impl Group {
    /// Creates a group owned by `owner`.
    pub(crate) async fn of(db: Db, owner: &Caller, others: &[&Caller]) -> Self {
        let push = Push::memory();
        let member_ids = others.iter().map(|other| other.user).collect();
        let new = NewRoom { name: "Group".into(), member_ids, ..NewRoom::default() };
        let room = rooms::create(&db, &push, owner, RoomKind::Group, &new).await.expect("made");
        push.take_sent().await;
        Self { db, push, room: RoomRef::Id(room.id) }
    }

    pub(crate) async fn said(&self, who: &Caller, content: &str) -> Message {
        let new = NewMessage { content: Some(content.into()), ..NewMessage::default() };
        let sent = messages::send(&self.db, &self.push, &limits(), who, SendRequest { room: &self.room, new: &new })
            .await
            .expect("sent");
        self.push.take_sent().await;
        sent.message
    }

    /// Returns a message as history shows it.
    pub(crate) async fn shown(&self, who: &Caller, seq: Seq) -> Message {
        messages::find(&self.db, who, &self.room, seq).await.expect("found")
    }

    pub(crate) async fn history(&self, who: &Caller) -> Vec<Message> {
        messages::history(&self.db, who, &self.room, HistoryRange::Newest, None).await.expect("history").items
    }

    /// Returns the frames since the last call, with their recipients.
    pub(crate) async fn frames(&self) -> Vec<(UserId, Frame)> {
        self.push.take_sent().await
    }
}
