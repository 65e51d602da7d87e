//! What a client holds besides a room's contents, written from the protocol alone: names of users, and what only its user sees or sets.

use std::collections::{BTreeMap, BTreeSet};

use shared::id::{Rev, RoomId, Seq, UserId};
use shared::protocol::frames::Frame;
use shared::protocol::people::{Me, User};
use shared::protocol::rooms::Room;
use shared::protocol::sync::{MemberChange, RoomsSync};
use shared::time::Timestamp;

/// One device's copy, of one room.
#[derive(Debug)]
pub(crate) struct PrivateState {
    user: UserId,
    room: RoomId,
    /// Every private change up to here is applied.
    rev: Rev,
    /// The largest private rev announced.
    announced: Rev,
    /// Where the next synchronisation begins.
    pub(crate) cursor: Option<String>,
    pub(crate) hidden: BTreeSet<Seq>,
    pub(crate) muted_until: Option<Timestamp>,
    pub(crate) me: Option<Me>,
    /// Display names of others with the time of the change, as far as a frame or a synchronisation has it.
    names: BTreeMap<UserId, KnownName>,
    /// Frames about profiles up to this time are outdated.
    since: i64,
}

#[derive(Debug)]
struct KnownName {
    ts: i64,
    name: String,
}

impl PrivateState {
    pub(crate) fn new(user: UserId, room: RoomId) -> Self {
        Self {
            user,
            room,
            rev: Rev(0),
            announced: Rev(0),
            cursor: None,
            hidden: BTreeSet::new(),
            muted_until: None,
            me: None,
            names: BTreeMap::new(),
            since: 0,
        }
    }

    pub(crate) fn name_of(&self, user: UserId) -> Option<&str> {
        if user == self.user {
            return self.me.as_ref().map(|me| me.user.display_name.as_str());
        }
        self.names.get(&user).map(|known| known.name.as_str())
    }

    /// Whether a private change is missing.
    pub(crate) fn is_behind(&self) -> bool {
        self.announced > self.rev
    }

    pub(crate) fn note(&mut self, rev: Rev) {
        self.announced = self.announced.max(rev);
    }

    /// Handles a frame, which may be late or repeated.
    pub(crate) fn receive(&mut self, frame: &Frame) {
        match frame {
            Frame::MessageHidden { room_id, seq, private_rev } if self.advance(Some(*private_rev)) && *room_id == self.room => {
                self.hidden.insert(*seq);
            }
            Frame::RoomSeen { room, private_rev, .. } | Frame::RoomJoined { room, private_rev } if self.advance(*private_rev) => {
                self.see(room);
            }
            Frame::UserUpdated { profile, ts, me, private_rev } => {
                if *ts > self.since {
                    self.learn(profile, *ts);
                }
                if self.advance(*private_rev)
                    && let Some(me) = me
                {
                    self.me = Some((**me).clone());
                }
            }
            Frame::MemberAdded { member, .. } => {
                // The frame may be late: what is known is newer.
                let name = member.user.display_name.clone();
                self.names.entry(member.user.id).or_insert(KnownName { ts: 0, name });
            }
            _ => {}
        }
    }

    /// Takes the present state of the room.
    pub(crate) fn see(&mut self, room: &Room) {
        if room.id == self.room {
            self.muted_until = room.muted_until;
        }
    }

    /// Takes members as they are now.
    pub(crate) fn see_members(&mut self, members: &[MemberChange]) {
        for member in members {
            let ts = self.names.get(&member.user_id).map_or(0, |known| known.ts);
            self.names.insert(member.user_id, KnownName { ts, name: member.user.display_name.clone() });
        }
    }

    /// Takes a part of a synchronisation that was requested at `now`.
    pub(crate) fn apply(&mut self, part: &RoomsSync, now: Timestamp) {
        if self.cursor.is_none() {
            self.since = now.0;
        }
        for room in &part.rooms {
            self.see(room);
        }
        for changed in &part.users {
            self.learn(&changed.user, changed.ts);
        }
        assert!(part.users_complete || self.cursor.is_none(), "few changed");
        self.hidden.extend(part.private.hidden.iter().filter(|hidden| hidden.room_id == self.room).map(|hidden| hidden.seq));
        if let Some(me) = &part.private.me {
            self.me = Some(me.clone());
        }
        self.rev = part.private.rev;
        self.cursor = Some(part.cursor.clone());
    }

    fn learn(&mut self, user: &User, ts: i64) {
        if self.names.get(&user.id).is_none_or(|known| known.ts <= ts) {
            self.names.insert(user.id, KnownName { ts, name: user.display_name.clone() });
        }
    }

    /// Returns whether a frame tells of a later private change, and notes a gap before it.
    fn advance(&mut self, rev: Option<Rev>) -> bool {
        let Some(rev) = rev.filter(|rev| *rev > self.rev) else { return false };
        if rev == self.rev.next() {
            self.rev = rev;
        }
        self.note(rev);
        true
    }
}
