//! Catch-up of many rooms at once: the same result as one by one, at a cost independent of their number.

use std::collections::{BTreeMap, BTreeSet};

use shared::caller::Caller;
use shared::domain::messages::edits::{self, EditRequest};
use shared::domain::messages::pins;
use shared::domain::messages::reactions::{self, ReactionRequest};
use shared::domain::messages::unsend;
use shared::domain::messages::{self, SendRequest};
use shared::domain::rooms;
use shared::domain::rooms::members;
use shared::domain::rooms::settings;
use shared::domain::sync;
use shared::domain::sync::catch_up;
use shared::id::{Rev, RoomId, RoomRef, Seq};
use shared::protocol::dialect::Dialect;
use shared::protocol::frames::{Changed, Frame, MAX_FRAME};
use shared::protocol::messages::{NewContent, NewMessage};
use shared::protocol::rooms::{ChangeRoom, ChangeSettings, NewRoom, RoomKind};
use shared::protocol::sync::RoomSync;
use shared::push::Push;
use shared::store::Db;

use crate::fixture::{self, limits, person, statements};

async fn room(db: &Db, kind: RoomKind, owner: &Caller, others: &[&Caller]) -> RoomId {
    let member_ids = others.iter().map(|caller| caller.user).collect();
    let new = NewRoom { name: "Room".into(), member_ids, ..NewRoom::default() };
    rooms::create(db, &Push::memory(), owner, kind, &new).await.expect("made").id
}

async fn say(db: &Db, who: &Caller, room: RoomId, text: &str) {
    let new = NewMessage { content: Some(text.into()), ..NewMessage::default() };
    messages::send(db, &Push::memory(), &limits(), who, SendRequest { room: &RoomRef::Id(room), new: &new }).await.expect("sent");
}

/// The frames of a packed catch-up, merged.
#[derive(Default)]
struct Merged {
    rooms: BTreeMap<RoomId, RoomSync>,
    left: BTreeSet<RoomId>,
    changed: BTreeMap<RoomId, Rev>,
    frames: usize,
}

async fn merged(db: &Db, who: &Caller, known: &[Changed]) -> Merged {
    let mut merged = Merged::default();
    for frame in catch_up::packed_frames(db, who, known, None).await.expect("frames") {
        assert!(frame.encode(Dialect::Lean).len() <= MAX_FRAME, "{}", frame.encode(Dialect::Lean).len());
        let Frame::CatchUp { rooms, left, changed, .. } = frame else { panic!("{frame:?}") };
        merged.rooms.extend(rooms.into_iter().map(|sync| (sync.room_id, sync)));
        merged.left.extend(left);
        merged.changed.extend(changed.into_iter().map(|Changed { room_id, rev }| (room_id, rev)));
        merged.frames += 1;
    }
    assert!(merged.frames <= catch_up::MAX_PACKED, "{}", merged.frames);
    merged
}

/// Makes random changes in several rooms and catches up from random earlier states; each must equal the `sync` of its room.
#[tokio::test]
async fn many_rooms_at_once_equal_one_after_the_other() {
    let db = fixture::database().await;
    let push = Push::memory();
    let seed = fastrand::u64(..);
    let mut rng = fastrand::Rng::with_seed(seed);
    let (ann, bob, carl) = (person(&db, "ann").await, person(&db, "bob").await, person(&db, "carl").await);
    let mut all = Vec::new();
    for number in 0..6 {
        let kind = if number % 2 == 0 { RoomKind::Group } else { RoomKind::Public };
        all.push(room(&db, kind, &ann, &[&bob, &carl]).await);
    }
    for step in 0..150 {
        let id = all[rng.usize(..all.len())];
        let (room, seq) = (RoomRef::Id(id), Seq(rng.u64(1..12)));
        let who = [&ann, &bob, &carl][rng.usize(..3)];
        // Refused operations change nothing and may occur.
        match rng.u8(..10) {
            0..=3 => {
                let new = NewMessage { content: Some(format!("text {step}")), ..NewMessage::default() };
                drop(messages::send(&db, &push, &limits(), who, SendRequest { room: &room, new: &new }).await);
            }
            4 => {
                let new = NewContent { content: format!("edited {step}") };
                drop(edits::edit(&db, &push, &limits(), who, EditRequest { room: &room, seq, new: &new }).await);
            }
            5 => drop(unsend::unsend(&db, &push, who, &room, seq).await),
            6 => drop(reactions::react(&db, &push, &limits(), who, ReactionRequest { room: &room, seq, emoji: "👍" }).await),
            7 => drop(pins::pin(&db, &push, &ann, &room, seq).await),
            8 => drop(unsend::hide(&db, &push, &bob, &room, seq).await),
            _ => match rng.u8(..3) {
                0 => drop(rooms::leave(&db, &push, &carl, &room, None).await),
                1 => drop(rooms::join(&db, &push, &carl, &room).await),
                _ => drop(members::remove(&db, &push, &ann, &room, carl.user).await),
            },
        }
    }
    for who in [&ann, &bob, &carl] {
        for _ in 0..6 {
            let known: Vec<_> = all.iter().map(|id| Changed { room_id: *id, rev: Rev(rng.u64(..40)) }).collect();
            let mut merged = merged(&db, who, &known).await;
            for Changed { room_id: id, rev: since } in known {
                let place = format!("seed {seed}, room {id} since {since} by {}", who.username);
                match sync::room(&db, who, &RoomRef::Id(id), since, None).await {
                    Err(_) => assert!(merged.left.remove(&id), "{place}"),
                    Ok(alone) if alone.room.rev == since => assert!(!merged.rooms.contains_key(&id), "{place}"),
                    // A public room without membership is only named.
                    Ok(alone) if !alone.room.joined => assert_eq!(merged.changed.remove(&id), Some(alone.room.rev), "{place}"),
                    Ok(alone) => {
                        let sync = merged.rooms.remove(&id).unwrap_or_else(|| panic!("nothing of {place}"));
                        assert_eq!(sync.messages, alone.messages, "{place}");
                        assert_eq!((sync.members, sync.rev, sync.more), (alone.members, alone.rev, alone.more), "{place}");
                        assert_eq!((sync.room.rev, sync.room.unread), (alone.room.rev, alone.room.unread), "{place}");
                    }
                }
            }
            assert!(merged.left.is_empty() && merged.changed.is_empty() && merged.rooms.is_empty(), "seed {seed}: nothing else");
        }
    }
}

#[tokio::test]
async fn the_price_of_a_catch_up_does_not_grow_with_its_rooms() {
    let db = fixture::database().await;
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let mut known = Vec::new();
    for _ in 0..100 {
        let id = room(&db, RoomKind::Group, &ann, &[&bob]).await;
        say(&db, &ann, id, "Hi @bob").await;
        known.push(Changed { room_id: id, rev: Rev(0) });
    }
    for count in [1, 10, 100] {
        let (merged, cost) = statements(&db, merged(&db, &bob, &known[..count])).await;
        assert_eq!(merged.rooms.len(), count);
        assert!(merged.rooms.values().all(|sync| sync.messages.len() == 1 && sync.members.len() == 2 && sync.room.mentions == 1));
        assert!(cost <= 6, "{count} rooms took {cost} statements");
        let (frames, cost) = statements(&db, catch_up::single_frames(&db, &bob, &known[..count])).await;
        assert_eq!(
            (frames.expect("frames").len(), cost <= 6),
            (count, true),
            "one frame a room for who does not know packed ones"
        );
    }
    let all = merged(&db, &bob, &known).await;
    assert!(all.frames <= 6, "{} frames", all.frames);
    let now: Vec<_> = all.rooms.values().map(|sync| Changed { room_id: sync.room_id, rev: sync.rev }).collect();
    let (quiet, cost) = statements(&db, merged(&db, &bob, &now)).await;
    assert_eq!((quiet.frames, cost), (0, 1), "no change costs one read and no frame");
    assert_eq!(statements(&db, merged(&db, &bob, &[])).await.1, 0);
}

#[tokio::test]
async fn what_many_frames_do_not_hold_is_named_and_found_by_sync() {
    let db = fixture::database().await;
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let mut known = Vec::new();
    for _ in 0..25 {
        let id = room(&db, RoomKind::Group, &ann, &[&bob]).await;
        for _ in 0..12 {
            say(&db, &ann, id, &"😀".repeat(1000)).await;
        }
        known.push(Changed { room_id: id, rev: Rev(0) });
    }
    known.push(Changed { room_id: RoomId(4711), rev: Rev(1) });
    let merged = merged(&db, &bob, &known).await;
    assert_eq!(merged.left, BTreeSet::from([RoomId(4711)]));
    assert!(!merged.changed.is_empty() && merged.rooms.len() + merged.changed.len() == 25, "{:?}", merged.changed);
    assert!(merged.rooms.values().any(|sync| sync.more), "some are truncated");
    for Changed { room_id: id, .. } in &known[..25] {
        let mut rev = merged.rooms.get(id).map_or(Rev(0), |sync| sync.rev);
        let mut seqs: Vec<_> =
            merged.rooms.get(id).iter().flat_map(|sync| sync.messages.iter().map(|message| message.seq)).collect();
        while rev < Rev(13) {
            let part = sync::room(&db, &bob, &RoomRef::Id(*id), rev, None).await.expect("a part");
            seqs.extend(part.messages.iter().map(|message| message.seq));
            rev = part.rev;
        }
        assert_eq!(seqs, (1..=12).map(Seq).collect::<Vec<_>>(), "room {id}");
    }
}

#[tokio::test]
async fn catch_up_states_the_callers_membership_of_each_room() {
    let db = fixture::database().await;
    let push = Push::memory();
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let (mine, hidden) = (room(&db, RoomKind::Group, &ann, &[&bob]).await, room(&db, RoomKind::Group, &ann, &[]).await);
    let (past, banned) = (room(&db, RoomKind::Group, &ann, &[&bob]).await, room(&db, RoomKind::Public, &ann, &[&bob]).await);
    let (public, gone) = (room(&db, RoomKind::Public, &ann, &[]).await, room(&db, RoomKind::Group, &ann, &[&bob]).await);
    let keep = ChangeSettings { past_members_read: Some(true), ..ChangeSettings::default() };
    let keep = ChangeRoom { settings: keep, ..ChangeRoom::default() };
    settings::update(&db, &push, &ann, &RoomRef::Id(past), &keep).await.expect("set");
    rooms::leave(&db, &push, &bob, &RoomRef::Id(past), None).await.expect("left");
    members::ban(&db, &push, &ann, &RoomRef::Id(banned), bob.user).await.expect("banned");
    settings::delete(&db, &push, &ann, &RoomRef::Id(gone)).await.expect("deleted");
    let known: Vec<_> =
        [mine, hidden, past, banned, public, gone].into_iter().map(|room_id| Changed { room_id, rev: Rev(0) }).collect();
    let merged = merged(&db, &bob, &known).await;
    assert_eq!(merged.rooms.keys().copied().collect::<Vec<_>>(), [mine]);
    assert_eq!(merged.changed.keys().copied().collect::<Vec<_>>(), [public]);
    assert_eq!(merged.left, BTreeSet::from([hidden, past, banned, gone]));
}
