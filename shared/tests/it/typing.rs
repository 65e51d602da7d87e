//! Typing: pushed to the others in small rooms, rate-limited, and not stored.

use shared::caller::Caller;
use shared::domain::messages::typing::{self, MAX_MEMBERS, TypingSignal, TypingThrottle};
use shared::domain::rooms;
use shared::domain::rooms::settings;
use shared::error::Error;
use shared::id::{ConnectionId, RoomRef};
use shared::protocol::frames::Frame;
use shared::protocol::rooms::{ChangeRoom, NewRoom, RoomKind};
use shared::push::Push;
use shared::time::Timestamp;

use crate::fixture::{self, person, statements};

#[tokio::test]
async fn typing_is_pushed_every_two_seconds_and_not_stored() {
    let db = fixture::database().await;
    let push = Push::memory();
    let (mut ann, bob, eve) = (person(&db, "ann").await, person(&db, "bob").await, person(&db, "eve").await);
    let new = NewRoom { name: "Room".into(), member_ids: vec![bob.user], ..NewRoom::default() };
    let room = RoomRef::Id(rooms::create(&db, &push, &ann, RoomKind::Group, &new).await.expect("made").id);
    push.take_sent().await;
    let (pace, laptop) = (TypingThrottle::default(), ConnectionId("laptop".into()));
    for (seconds, expected) in [(0, 1), (1, 0), (2, 1)] {
        let now = ann.now.plus_seconds(seconds);
        let ann = Caller { now, ..ann.clone() };
        let outcome =
            typing::send(&db, &push, &ann, &pace, TypingSignal { connection: &laptop, room: &room, active: true }).await;
        outcome.expect("pushed, or dropped silently");
        let frames = push.take_sent().await;
        assert_eq!(frames.len(), expected, "after {seconds} s");
        for (user, frame) in frames {
            assert!(user == bob.user && matches!(&frame, Frame::Typing { user_id, active: true, .. } if *user_id == ann.user));
        }
    }
    ann.now = ann.now.plus_seconds(10);
    let (outcome, count) =
        statements(&db, typing::send(&db, &push, &ann, &pace, TypingSignal { connection: &laptop, room: &room, active: false }))
            .await;
    outcome.expect("pushed");
    assert_eq!(count, 2, "how one stands, and the audience");
    let refused =
        typing::send(&db, &push, &eve, &pace, TypingSignal { connection: &laptop, room: &room, active: true }).await.err();
    assert!(matches!(refused, Some(Error::NotFound("room_not_found"))), "{refused:?}");
    let archive = ChangeRoom { archived: Some(true), ..ChangeRoom::default() };
    settings::update(&db, &push, &ann, &room, &archive).await.expect("archived");
    let refused =
        typing::send(&db, &push, &ann, &pace, TypingSignal { connection: &laptop, room: &room, active: true }).await.err();
    assert!(matches!(refused, Some(Error::Conflict("room_archived"))), "typing is refused where writing is: {refused:?}");
}

#[tokio::test]
async fn when_all_type_three_are_announced_per_interval_and_only_they_stop() {
    let (db, push) = (fixture::database().await, Push::memory());
    let mut members = Vec::new();
    for number in 0..6 {
        members.push(person(&db, &format!("person{number}")).await);
    }
    let member_ids = members.iter().skip(1).map(|member| member.user).collect();
    let new = NewRoom { name: "Room".into(), member_ids, ..NewRoom::default() };
    let room = RoomRef::Id(rooms::create(&db, &push, &members[0], RoomKind::Group, &new).await.expect("made").id);
    push.take_sent().await;
    let throttle = TypingThrottle::default();
    let posts = async |active, milliseconds: i64| {
        let mut posts = Vec::new();
        for member in &members {
            let member = Caller { now: Timestamp(1_700_000_000_000 + milliseconds), ..member.clone() };
            let connection = ConnectionId(member.username.clone());
            let signal = TypingSignal { connection: &connection, room: &room, active };
            typing::send(&db, &push, &member, &throttle, signal).await.expect("announced, or dropped silently");
            posts.push(push.take_sent().await.len());
        }
        posts
    };
    assert_eq!(posts(true, 0).await, [5, 5, 5, 0, 0, 0], "clients name no more");
    assert_eq!(posts(false, 1000).await, [5, 5, 5, 0, 0, 0], "the others were not announced");
    assert_eq!(posts(true, 1500).await, [0; 6]);
    assert_eq!(posts(true, 2000).await, [5, 5, 5, 0, 0, 0], "the next interval");
}

#[tokio::test]
async fn typing_is_not_pushed_in_rooms_of_more_than_fifty() {
    let db = fixture::database().await;
    let push = Push::memory();
    let ann = person(&db, "ann").await;
    let mut member_ids = Vec::new();
    for number in 0..MAX_MEMBERS {
        member_ids.push(person(&db, &format!("person{number}")).await.user);
    }
    let (all, fewer) = (member_ids.clone(), member_ids[1..].to_vec());
    for (member_ids, expected) in [(all, 0), (fewer, MAX_MEMBERS - 1)] {
        let new = NewRoom { name: "Room".into(), member_ids, ..NewRoom::default() };
        let room = RoomRef::Id(rooms::create(&db, &push, &ann, RoomKind::Group, &new).await.expect("made").id);
        push.take_sent().await;
        let signal = TypingSignal { connection: &ConnectionId("laptop".into()), room: &room, active: true };
        typing::send(&db, &push, &ann, &TypingThrottle::default(), signal).await.expect("no error");
        assert_eq!(push.take_sent().await.len(), expected);
    }
}
