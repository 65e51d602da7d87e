//! Rooms.

use shared::domain::paging::PageRequest;
use shared::domain::rooms;
use shared::domain::rooms::members;
use shared::error::Error;
use shared::id::{Rev, RoomRef, Seq, UserId};
use shared::protocol::frames::Frame;
use shared::protocol::rooms::{NewRoom, Role, RoomKind, Scope};
use shared::push::Push;

use crate::fixture::{self, person};

fn named(name: &str, member_ids: Vec<UserId>) -> NewRoom {
    NewRoom { name: name.into(), member_ids, ..NewRoom::default() }
}

#[tokio::test]
async fn general_is_seen_by_everyone_and_joined_once() {
    let db = fixture::database().await;
    let push = Push::memory();
    let ann = person(&db, "ann").await;
    let all = rooms::list(&db, &ann, Scope::All, PageRequest::default()).await.expect("rooms");
    assert_eq!(all.items.iter().map(|room| (room.name.as_str(), room.joined)).collect::<Vec<_>>(), [("General", false)]);
    for _ in 0..2 {
        let general = rooms::join(&db, &push, &ann, &RoomRef::general()).await.expect("joined");
        assert_eq!((general.joined, general.role, general.members_count), (true, Some(Role::Member), 1));
    }
    let pushed = push.take_sent().await;
    assert_eq!(pushed.len(), 1, "joining twice changes nothing: {pushed:?}");
    assert!(matches!(&pushed[0], (user, Frame::RoomJoined { room, .. }) if *user == ann.user && room.joined));
}

#[tokio::test]
async fn a_group_is_hidden_from_strangers() {
    let db = fixture::database().await;
    let push = Push::memory();
    let (ann, bob, eve) = (person(&db, "ann").await, person(&db, "bob").await, person(&db, "eve").await);
    let group = rooms::create(&db, &push, &ann, RoomKind::Group, &named("Lunch", vec![bob.user, bob.user, ann.user])).await;
    let group = group.expect("made");
    assert_eq!((group.role, group.members_count, group.rev), (Some(Role::Owner), 2, Rev(1)));
    let pushed: Vec<_> = push.take_sent().await.into_iter().map(|(user, _)| user).collect();
    assert_eq!(pushed, [ann.user, bob.user], "each gets one frame with their own view");
    let room = RoomRef::Id(group.id);
    assert_eq!(rooms::find(&db, &bob, &room).await.expect("bob's").role, Some(Role::Member));
    for refused in [
        rooms::find(&db, &eve, &room).await.err(),
        rooms::join(&db, &push, &eve, &room).await.err(),
        rooms::leave(&db, &push, &eve, &room, None).await.err(),
        members::list(&db, &eve, &room, PageRequest::default()).await.err(),
    ] {
        assert!(matches!(refused, Some(Error::NotFound("room_not_found"))), "{refused:?}");
    }
    let hers = rooms::list(&db, &eve, Scope::All, PageRequest::default()).await.expect("rooms");
    assert!(hers.items.iter().all(|room| room.name == "General"));
}

#[tokio::test]
async fn rooms_with_a_ban_do_not_shorten_the_list() {
    let db = fixture::database().await;
    let push = Push::memory();
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    for name in ["One", "Two", "Three"] {
        let room = rooms::create(&db, &push, &ann, RoomKind::Public, &named(name, Vec::new())).await.expect("made");
        members::ban(&db, &push, &ann, &RoomRef::Id(room.id), bob.user).await.expect("banned");
    }
    for scope in [Scope::Public, Scope::All] {
        let page = rooms::list(&db, &bob, scope, PageRequest { cursor: None, limit: Some(1) }).await.expect("rooms");
        assert_eq!(page.items.iter().map(|room| room.name.as_str()).collect::<Vec<_>>(), ["General"]);
    }
}

#[tokio::test]
async fn a_room_with_unknown_people_is_not_made() {
    let db = fixture::database().await;
    let push = Push::memory();
    let ann = person(&db, "ann").await;
    let refused = rooms::create(&db, &push, &ann, RoomKind::Group, &named("Lunch", vec![UserId(4711)])).await.err();
    assert!(matches!(&refused, Some(Error::Invalid(wrong)) if wrong[0].code == "user_not_found"), "{refused:?}");
    assert!(rooms::list(&db, &ann, Scope::Joined, PageRequest::default()).await.expect("rooms").items.is_empty());
    assert!(push.take_sent().await.is_empty());
}

#[tokio::test]
async fn the_last_owner_cannot_leave_others_behind() {
    let db = fixture::database().await;
    let push = Push::memory();
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let group = rooms::create(&db, &push, &ann, RoomKind::Group, &named("Lunch", vec![bob.user])).await.expect("made");
    let room = RoomRef::Id(group.id);
    let refused = rooms::leave(&db, &push, &ann, &room, None).await.err();
    assert!(matches!(refused, Some(Error::Conflict("last_owner"))), "{refused:?}");
    push.take_sent().await;
    rooms::leave(&db, &push, &bob, &room, None).await.expect("a member may leave");
    let pushed = push.take_sent().await;
    assert!(matches!(pushed[0], (user, Frame::RoomLeft { .. }) if user == bob.user));
    assert!(
        matches!(pushed[1], (user, Frame::MemberRemoved { user_id, rev: Rev(2), .. }) if user == ann.user && user_id == bob.user)
    );
    assert!(matches!(&pushed[2], (user, Frame::Message { message, .. })
        if *user == ann.user && message.event.as_deref() == Some("member.left") && message.content == "bob left" && message.rev == Rev(3)));
    assert_eq!(pushed.len(), 3, "{pushed:?}");
    assert!(matches!(rooms::find(&db, &bob, &room).await, Err(Error::NotFound("room_not_found"))));
    rooms::leave(&db, &push, &ann, &room, None).await.expect("the last one may leave");
}

#[tokio::test]
async fn a_list_of_rooms_is_one_statement_and_its_pages_join_up() {
    let db = fixture::database().await;
    let push = Push::memory();
    let ann = person(&db, "ann").await;
    for number in 0..7 {
        rooms::create(&db, &push, &ann, RoomKind::Public, &named(&format!("Room {number}"), Vec::new())).await.expect("made");
    }
    let whole = rooms::list(&db, &ann, Scope::All, PageRequest::default()).await.expect("rooms");
    assert_eq!((whole.items.len(), whole.next.is_none()), (8, true));
    let mut paged = Vec::new();
    let mut cursor = None;
    loop {
        let (page, count) = fixture::statements(
            &db,
            rooms::list(&db, &ann, Scope::All, PageRequest { cursor: cursor.as_deref(), limit: Some(3) }),
        )
        .await;
        assert_eq!(count, 1);
        let page = page.expect("a page");
        paged.extend(page.items.into_iter().map(|room| room.id));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(paged, whole.items.iter().map(|room| room.id).collect::<Vec<_>>());
    let refused = rooms::list(&db, &ann, Scope::All, PageRequest { cursor: Some("nonsense"), limit: None }).await.err();
    assert!(matches!(refused, Some(Error::Invalid(_))), "{refused:?}");
}

#[tokio::test]
async fn thirty_people_joining_at_once_are_counted_once_each() {
    let url = fixture::migrated().await;
    let db = shared::store::Db::lazy(&url).expect("a URL");
    let mut people = Vec::new();
    for number in 0..30 {
        people.push(person(&db, &format!("person{number}")).await);
    }
    let joins = people.into_iter().map(|caller| {
        let url = url.clone();
        tokio::spawn(async move {
            let db = shared::store::Db::lazy(&url).expect("a URL");
            rooms::join(&db, &Push::memory(), &caller, &RoomRef::general()).await.map(|_| caller)
        })
    });
    let mut last = None;
    for join in joins.collect::<Vec<_>>() {
        last = Some(join.await.expect("ran").expect("joined"));
    }
    let view = rooms::find(&db, &last.expect("someone"), &RoomRef::general()).await.expect("the room");
    assert_eq!((view.members_count, view.last_seq, view.rev), (30, Seq(30), Rev(60)), "each joined, and it was said");
}
