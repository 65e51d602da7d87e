//! Direct rooms, and how blocks affect them.

use std::collections::BTreeSet;

use shared::caller::Caller;
use shared::domain::export;
use shared::domain::messages::reactions::{self, ReactionRequest};
use shared::domain::messages::receipts::{self, ReadMarker};
use shared::domain::messages::typing::{self, TypingSignal, TypingThrottle};
use shared::domain::messages::{self, SendRequest};
use shared::domain::paging::PageRequest;
use shared::domain::rooms;
use shared::domain::rooms::directs;
use shared::domain::rooms::invite_codes;
use shared::domain::rooms::members::{self, MemberRef};
use shared::domain::rooms::settings;
use shared::domain::sync;
use shared::error::Result;
use shared::id::{ConnectionId, RoomRef, Seq, UserId};
use shared::protocol::frames::Frame;
use shared::protocol::invite_codes::NewInvite;
use shared::protocol::messages::NewMessage;
use shared::protocol::rooms::{ChangeRoom, NewMembers, Role, RoomKind, Scope};
use shared::push::Push;
use shared::store::{Db, blocks};
use shared::time::Timestamp;

use crate::fixture::{self, limits, person};

fn code<T>(outcome: Result<T>) -> &'static str {
    outcome.err().map_or("ok", |error| error.code())
}

#[tokio::test]
async fn two_users_share_one_direct_room() {
    let db = fixture::database().await;
    let push = Push::memory();
    let (ann, bob, eve) = (person(&db, "ann").await, person(&db, "bob").await, person(&db, "eve").await);
    let (hers, new) = directs::open(&db, &push, &ann, bob.user).await.expect("opened");
    assert!(new);
    assert_eq!((hers.kind, hers.members_count, hers.role), (RoomKind::Direct, 2, Some(Role::Member)));
    assert_eq!(hers.direct_user.map(|user| user.id), Some(bob.user), "to ann it is bob's");
    let pushed = push.take_sent().await;
    assert_eq!(pushed.iter().map(|(user, _)| *user).collect::<Vec<_>>(), [ann.user], "to bob it comes with its first message");
    assert!(pushed.iter().all(|(_, frame)| matches!(frame, Frame::RoomJoined { .. })), "{pushed:?}");
    for expected in [vec![bob.user], Vec::new()] {
        let (his, new) = directs::open(&db, &push, &bob, ann.user).await.expect("found");
        assert_eq!((his.id, new, his.direct_user.map(|user| user.id)), (hers.id, false, Some(ann.user)));
        assert_eq!(push.take_sent().await.iter().map(|(user, _)| *user).collect::<Vec<_>>(), expected, "nothing is pushed twice");
    }
    assert_eq!(code(rooms::find(&db, &eve, &RoomRef::Id(hers.id)).await), "room_not_found");
    assert_eq!(code(directs::open(&db, &push, &ann, UserId(4711)).await), "user_not_found");
}

#[tokio::test]
async fn a_direct_room_with_oneself_holds_notes() {
    let db = fixture::database().await;
    let push = Push::memory();
    let ann = person(&db, "ann").await;
    let (notes, new) = directs::open(&db, &push, &ann, ann.user).await.expect("opened");
    assert!(new);
    assert_eq!((notes.members_count, notes.direct_user), (1, None));
    let note = NewMessage { content: Some("milk".into()), ..NewMessage::default() };
    assert_eq!(
        code(messages::send(&db, &push, &limits(), &ann, SendRequest { room: &RoomRef::Id(notes.id), new: &note }).await),
        "ok"
    );
    assert_eq!(directs::open(&db, &push, &ann, ann.user).await.expect("found").0.id, notes.id);
}

#[tokio::test]
async fn sixteen_concurrent_openings_give_the_same_room() {
    let url = fixture::migrated().await;
    let db = Db::lazy(&url).expect("a URL");
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let opening = (0..16).map(|number| {
        let (url, caller, other) =
            if number % 2 == 0 { (url.clone(), ann.clone(), bob.user) } else { (url.clone(), bob.clone(), ann.user) };
        tokio::spawn(async move {
            let db = Db::lazy(&url).expect("a URL");
            directs::open(&db, &Push::memory(), &caller, other).await
        })
    });
    let (mut rooms, mut made) = (BTreeSet::new(), 0);
    for opened in opening.collect::<Vec<_>>() {
        let (room, new) = opened.await.expect("ran").expect("opened");
        assert_eq!(room.members_count, 2);
        rooms.insert(room.id);
        made += u32::from(new);
    }
    assert_eq!((rooms.len(), made), (1, 1));
}

#[tokio::test]
async fn direct_rooms_have_no_roles_and_cannot_be_left_or_joined() {
    let db = fixture::database().await;
    let push = Push::memory();
    let (ann, bob, eve) = (person(&db, "ann").await, person(&db, "bob").await, person(&db, "eve").await);
    let room = RoomRef::Id(directs::open(&db, &push, &ann, bob.user).await.expect("opened").0.id);
    let more = NewMembers { user_ids: vec![eve.user], ..NewMembers::default() };
    let rename = ChangeRoom { name: Some("Ours".into()), ..ChangeRoom::default() };
    for refused in [
        code(rooms::leave(&db, &push, &ann, &room, None).await),
        code(members::add(&db, &push, &ann, &room, &more).await),
        code(members::set_role(&db, &push, &ann, MemberRef { room: &room, user: ann.user }, Role::Owner).await),
        code(members::remove(&db, &push, &ann, &room, bob.user).await),
        code(members::ban(&db, &push, &ann, &room, bob.user).await),
        code(settings::update(&db, &push, &ann, &room, &rename).await),
        code(settings::delete(&db, &push, &ann, &room).await),
        code(invite_codes::create(&db, &ann, &room, &NewInvite::default()).await),
    ] {
        assert_eq!(refused, "direct_room");
    }
}

#[tokio::test]
async fn a_block_closes_only_the_direct_room_of_the_two() {
    let db = fixture::database().await;
    let push = Push::memory();
    let (ann, bob, eve) = (person(&db, "ann").await, person(&db, "bob").await, person(&db, "eve").await);
    let room = RoomRef::Id(directs::open(&db, &push, &ann, bob.user).await.expect("opened").0.id);
    let other = RoomRef::Id(directs::open(&db, &push, &ann, eve.user).await.expect("opened").0.id);
    let hi = NewMessage { content: Some("Hi".into()), ..NewMessage::default() };
    messages::send(&db, &push, &limits(), &bob, SendRequest { room: &room, new: &hi }).await.expect("sent");
    blocks::insert(&mut db.acquire().await.expect("a connection"), ann.user, bob.user, ann.now).await.expect("blocked");
    push.take_sent().await;
    receipts::raise_marker(&db, &push, &ann, &room, ReadMarker::Read(Seq(1))).await.expect("read");
    let pushed: Vec<_> = push.take_sent().await.into_iter().map(|(user, _)| user).collect();
    assert_eq!(pushed, [ann.user], "reading reveals presence, so it is not pushed across a block");
    assert!(receipts::of_message(&db, &bob, &room, Seq(1)).await.expect("his own").read.is_empty());
    for (who, whom) in [(&ann, &bob), (&bob, &ann)] {
        // Same answer for both, so neither learns which of them blocked the other.
        assert_eq!(code(messages::send(&db, &push, &limits(), who, SendRequest { room: &room, new: &hi }).await), "blocked");
        assert_eq!(code(directs::open(&db, &push, who, whom.user).await), "blocked");
        assert_eq!(code(messages::find(&db, who, &room, Seq(1)).await), "ok", "what was said stays");
    }
    assert_eq!(code(messages::send(&db, &push, &limits(), &ann, SendRequest { room: &other, new: &hi }).await), "ok");
    assert_eq!(
        code(messages::send(&db, &push, &limits(), &bob, SendRequest { room: &RoomRef::general(), new: &hi }).await),
        "ok"
    );
    let (_, count) =
        fixture::statements(&db, messages::send(&db, &push, &limits(), &ann, SendRequest { room: &other, new: &hi })).await;
    assert_eq!(count, 7, "the block is looked for by one statement more");
    blocks::insert(&mut db.acquire().await.expect("a connection"), eve.user, bob.user, eve.now).await.expect("blocked");
    assert_eq!(code(directs::open(&db, &push, &bob, eve.user).await), "blocked", "a new one is not opened either");
}

/// Counts the direct rooms in a user's list in every view: room list, unread counts, changes, activity, export.
async fn listed(db: &Db, who: &Caller) -> usize {
    let joined = rooms::list(db, who, Scope::Joined, PageRequest::default()).await.expect("rooms").items.len();
    assert_eq!(
        rooms::list(db, who, Scope::All, PageRequest::default()).await.expect("rooms").items.len(),
        joined + 1,
        "General besides"
    );
    let changed = rooms::changed_since(db, who, Timestamp(0)).await.expect("changed").rooms.len();
    let synced = sync::rooms(db, who, PageRequest::default()).await.expect("moved");
    assert_eq!((changed, synced.rooms.len(), synced.joined.map(|ids| ids.len())), (joined, joined, Some(joined)));
    let unread = receipts::unread(db, who).await.expect("unread");
    assert!(unread.rooms.len() <= joined);
    joined
}

#[tokio::test]
async fn a_direct_room_comes_to_the_other_one_with_its_first_message() {
    let db = fixture::database().await;
    let push = Push::memory();
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let room = RoomRef::Id(directs::open(&db, &push, &ann, bob.user).await.expect("opened").0.id);
    push.take_sent().await;
    assert_eq!((listed(&db, &ann).await, listed(&db, &bob).await), (1, 0));
    assert!(export::export(&db, &bob, None).await.expect("exported").rooms.is_empty());
    let socket = ConnectionId("socket".into());
    typing::send(&db, &push, &ann, &TypingThrottle::default(), TypingSignal { connection: &socket, room: &room, active: true })
        .await
        .expect("pushed");
    receipts::raise_marker(&db, &push, &ann, &room, ReadMarker::Read(Seq(1))).await.expect("nothing to read");
    assert_eq!(code(directs::close(&db, &push, &bob, ann.user).await), "room_not_found", "as if it were not there");
    assert!(push.take_sent().await.iter().all(|(user, _)| *user == ann.user));
    let hi = NewMessage { content: Some("Hi".into()), ..NewMessage::default() };
    messages::send(&db, &push, &limits(), &ann, SendRequest { room: &room, new: &hi }).await.expect("sent");
    let pushed = push.take_sent().await;
    let [(first, Frame::RoomJoined { room: view, .. }), rest @ ..] = &pushed[..] else { panic!("{pushed:?}") };
    assert_eq!(
        (*first, view.unread, view.last_seq, view.direct_user.as_ref().map(|user| user.id)),
        (bob.user, 1, Seq(1), Some(ann.user))
    );
    assert!(rest.iter().all(|(_, frame)| matches!(frame, Frame::Message { .. })) && rest.len() == 2, "{rest:?}");
    assert_eq!((listed(&db, &ann).await, listed(&db, &bob).await), (1, 1));
    messages::send(&db, &push, &limits(), &ann, SendRequest { room: &room, new: &hi }).await.expect("sent");
    assert_eq!(push.take_sent().await.len(), 2, "from then on it is a message like any other");
    let (_, count) =
        fixture::statements(&db, messages::send(&db, &push, &limits(), &ann, SendRequest { room: &room, new: &hi })).await;
    assert_eq!(count, 7, "at the same cost");
}

#[tokio::test]
async fn a_direct_room_that_was_closed_comes_back_with_the_next_message_or_by_opening_it() {
    let db = fixture::database().await;
    let push = Push::memory();
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    assert_eq!(code(directs::close(&db, &push, &ann, bob.user).await), "room_not_found");
    let room = RoomRef::Id(directs::open(&db, &push, &ann, bob.user).await.expect("opened").0.id);
    let say = async |who: &Caller, text: &str| {
        let new = NewMessage { content: Some(text.into()), ..NewMessage::default() };
        messages::send(&db, &push, &limits(), who, SendRequest { room: &room, new: &new }).await.expect("sent");
        let joined: Vec<_> = push
            .take_sent()
            .await
            .into_iter()
            .filter(|(_, frame)| matches!(frame, Frame::RoomJoined { .. }))
            .map(|(user, _)| user)
            .collect();
        joined
    };
    say(&ann, "one").await;
    for _ in 0..2 {
        push.take_sent().await;
        directs::close(&db, &push, &bob, ann.user).await.expect("closed");
        let pushed = push.take_sent().await;
        assert!(matches!(&pushed[..], [(user, Frame::RoomClosed { last_seq: Seq(1), .. })] if *user == bob.user), "{pushed:?}");
    }
    assert_eq!((listed(&db, &bob).await, listed(&db, &ann).await), (0, 1), "the other one has it as before");
    assert_eq!(receipts::unread(&db, &bob).await.expect("unread").total, 0);
    assert!(rooms::find(&db, &bob, &room).await.expect("it is there").closed);
    assert_eq!(export::export(&db, &bob, None).await.expect("exported").rooms.len(), 1, "it is still kept");
    // Activity in the closed room is not pushed and does not reopen it.
    let reacting = ReactionRequest { room: &room, seq: Seq(1), emoji: "👍" };
    reactions::react(&db, &push, &limits(), &ann, reacting).await.expect("reacted");
    assert!(push.take_sent().await.iter().all(|(user, _)| *user == ann.user));
    assert_eq!(listed(&db, &bob).await, 0);
    assert_eq!(say(&ann, "two").await, [bob.user]);
    assert_eq!((listed(&db, &bob).await, receipts::unread(&db, &bob).await.expect("unread").total), (1, 2));
    // The member who closed it reopens it, or writes there.
    directs::close(&db, &push, &bob, ann.user).await.expect("closed");
    let cursor = sync::rooms(&db, &later(&bob, 60), PageRequest::default()).await.expect("moved").cursor;
    push.take_sent().await;
    assert!(!directs::open(&db, &push, &later(&bob, 120), ann.user).await.expect("opened").0.closed);
    assert!(matches!(&push.take_sent().await[..], [(user, Frame::RoomJoined { .. })] if *user == bob.user));
    let moved = sync::rooms(&db, &later(&bob, 180), PageRequest { cursor: Some(&cursor), limit: None }).await.expect("moved");
    assert_eq!(moved.rooms.len(), 1, "a device that was away learns of it");
    directs::close(&db, &push, &bob, ann.user).await.expect("closed");
    assert_eq!(say(&bob, "three").await, [bob.user]);
    // Across a block it can be closed and stays closed.
    shared::domain::people::blocks::add(&db, &push, &bob, ann.user).await.expect("blocked");
    assert!(rooms::find(&db, &bob, &room).await.expect("his").blocked);
    directs::close(&db, &push, &bob, ann.user).await.expect("closed");
    assert_eq!(listed(&db, &bob).await, 0);
}

fn later(who: &Caller, seconds: i64) -> Caller {
    Caller { now: who.now.plus_seconds(seconds), ..who.clone() }
}
