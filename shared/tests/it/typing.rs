//! Typing: told to the others of small rooms, at a bearable pace, and stored nowhere.

use shared::domain::typing::{self, MOST_MEMBERS, Pace};
use shared::domain::{rooms, settings};
use shared::error::Error;
use shared::id::{ConnectionId, RoomRef};
use shared::protocol::frames::Frame;
use shared::protocol::rooms::{ChangeRoom, NewRoom, RoomKind};
use shared::push::Push;

use crate::fixture::{self, person, statements};

#[tokio::test]
async fn typing_is_told_to_the_others_every_two_seconds_and_nothing_is_written() {
    let db = fixture::database().await;
    let push = Push::memory();
    let (mut ann, bob, eve) = (person(&db, "ann").await, person(&db, "bob").await, person(&db, "eve").await);
    let new = NewRoom { name: "Room".into(), kind: None, topic: None, member_ids: vec![bob.user] };
    let room = RoomRef::Id(rooms::create(&db, &push, &ann, RoomKind::Group, &new).await.expect("made").id);
    push.taken().await;
    let (pace, laptop) = (Pace::default(), ConnectionId("laptop".into()));
    for (seconds, heard) in [(0, 1), (1, 0), (2, 1)] {
        let now = ann.now.plus_seconds(seconds);
        let ann = shared::caller::Caller { now, ..ann.clone() };
        let told = typing::tell(&db, &push, &ann, (&pace, &laptop), (&room, true)).await;
        told.expect("told, or dropped without a word");
        let frames = push.taken().await;
        assert_eq!(frames.len(), heard, "after {seconds} s");
        for (user, frame) in frames {
            assert!(user == bob.user && matches!(&frame, Frame::Typing { user_id, active: true, .. } if *user_id == ann.user));
        }
    }
    ann.now = ann.now.plus_seconds(10);
    let (told, count) = statements(&db, typing::tell(&db, &push, &ann, (&pace, &laptop), (&room, false))).await;
    told.expect("told");
    assert_eq!(count, 2, "how one stands, and the audience");
    let refused = typing::tell(&db, &push, &eve, (&pace, &laptop), (&room, true)).await.err();
    assert!(matches!(refused, Some(Error::NotFound("room_not_found"))), "{refused:?}");
    let archive = ChangeRoom { archived: Some(true), ..ChangeRoom::default() };
    settings::update(&db, &push, &ann, &room, &archive).await.expect("archived");
    let refused = typing::tell(&db, &push, &ann, (&pace, &laptop), (&room, true)).await.err();
    assert!(matches!(refused, Some(Error::Conflict("room_archived"))), "where nothing can be written nobody types: {refused:?}");
}

#[tokio::test]
async fn in_a_room_of_more_than_fifty_nobody_is_told() {
    let db = fixture::database().await;
    let push = Push::memory();
    let ann = person(&db, "ann").await;
    let mut member_ids = Vec::new();
    for number in 0..MOST_MEMBERS {
        member_ids.push(person(&db, &format!("person{number}")).await.user);
    }
    let (all, fewer) = (member_ids.clone(), member_ids[1..].to_vec());
    for (member_ids, heard) in [(all, 0), (fewer, MOST_MEMBERS - 1)] {
        let new = NewRoom { name: "Room".into(), kind: None, topic: None, member_ids };
        let room = RoomRef::Id(rooms::create(&db, &push, &ann, RoomKind::Group, &new).await.expect("made").id);
        push.taken().await;
        let from = (&Pace::default(), &ConnectionId("laptop".into()));
        typing::tell(&db, &push, &ann, from, (&room, true)).await.expect("no error");
        assert_eq!(push.taken().await.len(), heard);
    }
}
