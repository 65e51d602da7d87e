//! A client written from the protocol alone: applies the next change, drops duplicates, detects gaps and calls `sync`.

use std::collections::BTreeMap;

use shared::caller::Caller;
use shared::domain::paging::PageRequest;
use shared::domain::rooms;
use shared::domain::sync;
use shared::domain::sync::catch_up;
use shared::error::Error;
use shared::id::{Rev, RoomId, RoomRef, Seq, UserId};
use shared::protocol::frames::{Changed, Frame};
use shared::protocol::messages::{Message, MessageKind, PREVIEW_LENGTH, Reaction, ReactionChange};
use shared::protocol::receipts::Receipt;
use shared::protocol::rooms::Role;
use shared::protocol::sync::{MemberState, RoomSync};
use shared::store::Db;

use crate::private_model::PrivateState;

/// One device and its copy of one room.
pub(crate) struct Client {
    pub(crate) caller: Caller,
    room: RoomId,
    held: Option<Held>,
    /// The largest `rev` announced for the room.
    announced: Rev,
    /// Whether a frame requires a sync to confirm.
    doubt: bool,
    pub(crate) private: PrivateState,
}

/// A client's copy of a room that its user is in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Held {
    /// Everything up to here is applied.
    pub(crate) rev: Rev,
    pub(crate) name: String,
    pub(crate) messages: BTreeMap<Seq, Message>,
    pub(crate) members: BTreeMap<UserId, Role>,
    pub(crate) read_seq: Seq,
}

impl Client {
    pub(crate) fn new(caller: Caller, room: RoomId) -> Self {
        let private = PrivateState::new(caller.user, room);
        Self { caller, room, held: None, announced: Rev(0), doubt: true, private }
    }

    pub(crate) fn held(&self) -> Option<&Held> {
        self.held.as_ref()
    }

    /// Handles a frame, which may be late or repeated.
    pub(crate) fn receive(&mut self, frame: &Frame) {
        self.private.receive(frame);
        self.apply(frame);
        self.remove_hidden();
    }

    fn apply(&mut self, frame: &Frame) {
        let me = self.caller.user;
        match frame {
            Frame::Message { message, .. } => self.change(message.rev, |held| held.put((**message).clone(), me)),
            Frame::Messages { messages } => {
                for message in messages {
                    self.change(message.rev, |held| held.put(message.clone(), me));
                }
            }
            Frame::MessageEdited { message } => self.change(message.rev, |held| {
                // The frame is the same for all users, so it cannot mark the client's own reactions.
                let reactions = held.messages.get(&message.seq).map_or_else(Vec::new, |known| known.reactions.clone());
                held.put(Message { reactions, ..(**message).clone() }, me);
            }),
            Frame::MessageUnsent { seq, rev, deleted_at, deleted_by, .. } => self.alter(*seq, *rev, |message| {
                *message = Message {
                    content: String::new(),
                    forwarded: None,
                    attachments: Vec::new(),
                    reactions: Vec::new(),
                    mentions: Vec::new(),
                    edited_at: None,
                    pinned_at: None,
                    deleted_at: Some(*deleted_at),
                    deleted_by: Some(*deleted_by),
                    ..message.clone()
                };
            }),
            Frame::MessagePinned { seq, rev, pinned_at, .. } => self.alter(*seq, *rev, |message| message.pinned_at = *pinned_at),
            Frame::Reaction(change) => self.alter(change.seq, change.rev, |message| react(message, change, me)),
            Frame::MemberAdded { rev, member, .. } | Frame::MemberUpdated { rev, member, .. } => {
                self.change(*rev, |held| {
                    held.members.insert(member.user.id, member.role);
                });
            }
            Frame::MemberRemoved { rev, user_id, .. } => self.change(*rev, |held| {
                held.members.remove(user_id);
            }),
            Frame::RoomChanged { rev, room, .. } => self.change(*rev, |held| held.name.clone_from(&room.name)),
            Frame::Room { rev, .. } | Frame::RoomSeen { rev, .. } => self.announced = self.announced.max(*rev),
            Frame::RoomJoined { room, .. } => {
                self.announced = self.announced.max(room.rev);
                self.doubt |= self.held.is_none();
            }
            // May be older than a `room.joined` already received.
            Frame::RoomLeft { .. } | Frame::RoomDeleted { .. } => self.doubt = true,
            Frame::Receipt(receipt) => self.mark(receipt),
            Frame::MessageHidden { .. } | Frame::UserUpdated { .. } => {}
            other => panic!("unexpected here: {other:?}"),
        }
    }

    /// Applies the user's own marker, from a frame or a response.
    pub(crate) fn mark(&mut self, receipt: &Receipt) {
        if let Some(held) = self.held.as_mut().filter(|_| receipt.user_id == self.caller.user) {
            held.read_seq = held.read_seq.max(receipt.read_seq);
        }
    }

    /// Requests the rooms that changed recently.
    pub(crate) async fn ping(&mut self, db: &Db) {
        let since = self.caller.now.plus_seconds(-60);
        let changes = rooms::changed_since(db, &self.caller, since).await.expect("pong");
        self.private.note(changes.private_rev);
        self.announced = changes
            .rooms
            .iter()
            .filter(|changed| changed.room_id == self.room)
            .map(|changed| changed.rev)
            .fold(self.announced, Rev::max);
    }

    /// Sends `hello` with its state, as on a new socket.
    pub(crate) async fn hello(&mut self, db: &Db) {
        let Some(held) = &mut self.held else { return };
        let known = [Changed { room_id: self.room, rev: held.rev }];
        for frame in catch_up::packed_frames(db, &self.caller, &known, None).await.expect("a catch-up") {
            let Frame::CatchUp { rooms, left, changed, .. } = frame else { panic!("{frame:?}") };
            self.doubt |= !left.is_empty();
            self.announced = changed.iter().map(|changed| changed.rev).fold(self.announced, Rev::max);
            for sync in rooms {
                self.announced = self.announced.max(sync.room.rev);
                self.private.see(&sync.room);
                self.private.see_members(&sync.members);
                held.apply(sync);
            }
        }
        self.remove_hidden();
    }

    /// Requests what changed since the last time, as after a pause; the first time everything.
    pub(crate) async fn resume(&mut self, db: &Db) {
        loop {
            let cursor = self.private.cursor.clone();
            let paging = PageRequest { cursor: cursor.as_deref(), limit: None };
            let part = sync::rooms(db, &self.caller, paging).await.expect("the changes");
            self.private.apply(&part, self.caller.now);
            if let Some(joined) = &part.joined {
                if !joined.contains(&self.room) {
                    self.held = None;
                }
                self.doubt |= self.held.is_none();
            }
            if let Some(room) = part.rooms.iter().find(|room| room.id == self.room) {
                self.announced = self.announced.max(room.rev);
                if let Some(held) = &mut self.held {
                    held.read_seq = held.read_seq.max(room.read_seq.unwrap_or_default());
                }
            }
            if !part.more {
                break;
            }
        }
        self.remove_hidden();
    }

    /// Requests missing changes, if a gap is known.
    pub(crate) async fn catch_up(&mut self, db: &Db, limit: u32) {
        if self.private.is_behind() {
            self.resume(db).await;
        }
        if !self.doubt && self.held.as_ref().is_none_or(|held| held.rev >= self.announced) {
            return;
        }
        loop {
            let since = self.held.as_ref().map_or(Rev(0), |held| held.rev);
            let part = match sync::room(db, &self.caller, &RoomRef::Id(self.room), since, Some(limit)).await {
                Ok(part) if part.room.joined => part,
                Ok(_) | Err(Error::NotFound(_) | Error::Forbidden(_)) => break self.held = None,
                Err(error) => panic!("{error:?}"),
            };
            let more = part.more;
            self.private.see(&part.room);
            self.private.see_members(&part.members);
            self.held.get_or_insert_default().apply(part);
            if !more {
                break;
            }
        }
        (self.announced, self.doubt) = (Rev(0), false);
        self.remove_hidden();
    }

    fn remove_hidden(&mut self) {
        if let Some(held) = &mut self.held {
            held.messages.retain(|seq, _| !self.private.hidden.contains(seq));
        }
    }

    /// Applies the next change, drops a duplicate, and notes a gap.
    fn change(&mut self, rev: Rev, apply: impl FnOnce(&mut Held)) {
        match &mut self.held {
            Some(held) if rev == held.rev.next() => {
                apply(held);
                held.rev = rev;
            }
            Some(held) if rev <= held.rev => {}
            Some(_) => self.announced = self.announced.max(rev),
            None => self.doubt = true,
        }
    }

    fn alter(&mut self, seq: Seq, rev: Rev, apply: impl FnOnce(&mut Message)) {
        self.change(rev, |held| {
            if let Some(message) = held.messages.get_mut(&seq) {
                apply(message);
                message.rev = rev;
            }
        });
    }
}

impl Held {
    /// Computes the unread count from local state.
    pub(crate) fn unread(&self) -> u64 {
        let counts = |message: &Message| message.deleted_at.is_none() && message.kind != MessageKind::System;
        let unread = self.messages.range(self.read_seq.next()..).filter(|(_, message)| counts(message)).count();
        u64::try_from(unread).expect("a count")
    }

    /// Returns the messages with current previews of the messages they reply to.
    pub(crate) fn shown(&self) -> Vec<Message> {
        let mut shown: Vec<_> = self.messages.values().cloned().collect();
        for reply in shown.iter_mut().filter_map(|message| message.reply_to.as_mut()) {
            if let Some(answered) = self.messages.get(&reply.seq) {
                reply.preview = answered.content.chars().take(PREVIEW_LENGTH).collect();
            }
        }
        shown
    }

    fn put(&mut self, message: Message, me: UserId) {
        if message.sender_id == Some(me) && !self.messages.contains_key(&message.seq) {
            self.read_seq = self.read_seq.max(message.seq);
        }
        self.messages.insert(message.seq, message);
    }

    fn apply(&mut self, part: RoomSync) {
        for member in part.members {
            match member.state {
                MemberState::Joined => self.members.insert(member.user_id, member.role),
                MemberState::Left | MemberState::Banned => self.members.remove(&member.user_id),
            };
        }
        self.messages.extend(part.messages.into_iter().map(|message| (message.seq, message)));
        self.name = part.room.name;
        self.read_seq = self.read_seq.max(part.room.read_seq.unwrap_or_default());
        self.rev = part.rev;
    }
}

fn react(message: &mut Message, change: &ReactionChange, me: UserId) {
    let known = message.reactions.iter().find(|reaction| reaction.emoji == change.emoji);
    let was_mine = known.and_then(|reaction| reaction.mine).unwrap_or_default();
    let mine = Some(if change.user_id == me { change.added } else { was_mine });
    message.reactions.retain(|reaction| reaction.emoji != change.emoji);
    if change.count > 0 {
        message.reactions.push(Reaction { emoji: change.emoji.clone(), count: change.count, mine });
        message.reactions.sort_by(|a, b| a.emoji.cmp(&b.emoji));
    }
}
