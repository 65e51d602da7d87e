//! Contact between users: blocks, and the budget for contacting strangers.

use std::collections::BTreeSet;

use shared::caller::Caller;
use shared::domain::messages::edits::{self, EditRequest};
use shared::domain::messages::receipts;
use shared::domain::messages::typing::{self, TypingSignal, TypingThrottle};
use shared::domain::messages::{self, SendRequest};
use shared::domain::paging::PageRequest;
use shared::domain::people::blocks;
use shared::domain::people::friends;
use shared::domain::rooms;
use shared::domain::rooms::directs;
use shared::domain::rooms::members::{self, MemberRef};
use shared::domain::sync;
use shared::error::{Error, Limit, Result};
use shared::id::{ConnectionId, Rev, RoomRef, Seq, UserId};
use shared::protocol::frames::Frame;
use shared::protocol::friends::NewFriend;
use shared::protocol::messages::{NewContent, NewMessage};
use shared::protocol::rooms::{Additions, NewMembers, NewRoom, RoomKind, Scope};
use shared::push::Push;
use shared::push::memory::Memory;
use shared::store::Db;

use crate::fixture::{self, limits, person, statements};
use crate::friends::befriend;
use crate::group::Group;

fn code<T>(outcome: Result<T>) -> &'static str {
    outcome.err().map_or("ok", |error| error.code())
}

fn ids(users: &[UserId]) -> NewMembers {
    NewMembers { user_ids: users.to_vec(), ..NewMembers::default() }
}

fn named(name: &str, member_ids: Vec<UserId>) -> NewRoom {
    NewRoom { name: name.into(), member_ids, ..NewRoom::default() }
}

fn text(content: &str) -> NewMessage {
    NewMessage { content: Some(content.into()), ..NewMessage::default() }
}

fn refusals(added: &Additions) -> Vec<(Option<UserId>, &'static str)> {
    added.refused.iter().map(|refused| (refused.user_id, refused.code)).collect()
}

#[tokio::test]
async fn across_a_block_adding_fails_with_the_same_error_for_both() {
    let db = fixture::database().await;
    let (ann, bob, cat) = (person(&db, "ann").await, person(&db, "bob").await, person(&db, "cat").await);
    let push = Push::memory();
    blocks::add(&db, &push, &ann, bob.user).await.expect("blocked");
    push.take_sent().await;
    for (by, whom) in [(&ann, &bob), (&bob, &ann)] {
        let room = rooms::create(&db, &push, by, RoomKind::Group, &named("Mine", Vec::new())).await.expect("made").id;
        push.take_sent().await;
        let new = NewMembers { usernames: vec![whom.username.clone()], ..ids(&[whom.user, cat.user]) };
        let added = members::add(&db, &push, by, &RoomRef::Id(room), &new).await.expect("answered");
        let refused = (Some(whom.user), "not_reachable");
        assert_eq!((&added.added[..], &added.invited[..], refusals(&added)), (&[cat.user][..], &[][..], vec![refused, refused]));
        assert!(push.take_sent().await.iter().all(|(user, _)| *user != whom.user), "nothing reaches them");
        for kind in [RoomKind::Group, RoomKind::Public] {
            let outcome = rooms::create(&db, &push, by, kind, &named("Again", vec![cat.user, whom.user])).await.err();
            let Some(Error::Invalid(wrong)) = outcome else { panic!("{outcome:?}") };
            assert_eq!(
                wrong.iter().map(|wrong| (wrong.field.as_str(), wrong.code)).collect::<Vec<_>>(),
                [("member_ids", "not_reachable")]
            );
        }
        assert!(push.take_sent().await.is_empty(), "a refused room is not pushed");
        let mine = rooms::list(&db, whom, Scope::Joined, PageRequest::default()).await.expect("rooms").items;
        assert!(mine.iter().all(|room| room.name != "Again" && room.role.is_some()), "{mine:?}");
    }
    blocks::remove(&db, &push, &ann, bob.user).await.expect("unblocked");
    assert_eq!(code(rooms::create(&db, &push, &ann, RoomKind::Group, &named("Peace", vec![bob.user])).await), "ok");
}

#[tokio::test]
async fn across_a_block_mentions_have_no_effect() {
    let db = fixture::database().await;
    let (ann, bob, cat) = (person(&db, "ann").await, person(&db, "bob").await, person(&db, "cat").await);
    let group = Group::of(db, &ann, &[&bob, &cat]).await;
    let Group { db, push, room, .. } = &group;
    let counts = async |who: &Caller| {
        let listed = rooms::list(db, who, Scope::Joined, PageRequest::default()).await.expect("rooms").items[0].mentions;
        let unread = receipts::unread(db, who).await.expect("unread");
        assert_eq!((listed, listed), (unread.mentions, unread.rooms.iter().map(|room| room.mentions).sum()));
        listed
    };
    let before = group.said(&ann, "@bob and @cat").await;
    assert_eq!((counts(&bob).await, counts(&cat).await), (1, 1));
    blocks::add(db, push, &bob, ann.user).await.expect("blocked");
    assert_eq!((counts(&bob).await, counts(&cat).await), (0, 1), "what was said before does not count, either");
    assert_eq!(group.said(&ann, "@bob and @cat again").await.mentions, [cat.user]);
    assert_eq!(group.said(&bob, "@ann and @cat").await.mentions, [cat.user], "in both directions");
    let new = NewContent { content: "@bob, @cat: edited".into() };
    let edited = edits::edit(db, push, &limits(), &ann, EditRequest { room, seq: before.seq, new: &new }).await.expect("edited");
    assert_eq!(edited.mentions, [cat.user]);
    blocks::remove(db, push, &bob, ann.user).await.expect("unblocked");
    assert_eq!(group.said(&ann, "@bob?").await.mentions, [bob.user]);
    assert_eq!(counts(&bob).await, 1);
    let (_, count) = statements(db, receipts::unread(db, &bob)).await;
    assert_eq!(count, 2, "what is unread, and the mentions among it");
}

#[tokio::test]
async fn across_a_block_typing_and_reading_are_not_pushed() {
    let db = fixture::database().await;
    let (ann, bob, cat) = (person(&db, "ann").await, person(&db, "bob").await, person(&db, "cat").await);
    let group = Group::of(db, &ann, &[&bob, &cat]).await;
    let Group { db, push, room, .. } = &group;
    group.said(&ann, "1").await;
    group.said(&ann, "2").await;
    blocks::add(db, push, &ann, bob.user).await.expect("blocked");
    push.take_sent().await;
    for (at, (who, whom)) in [(&ann, &bob), (&bob, &ann)].into_iter().enumerate() {
        let socket = ConnectionId(format!("socket {at}"));
        typing::send(db, push, who, &TypingThrottle::default(), TypingSignal { connection: &socket, room, active: true })
            .await
            .expect("pushed");
        receipts::raise_marker(db, push, who, room, receipts::ReadMarker::Read(Seq(1))).await.expect("marked");
        receipts::raise_marker(db, push, who, room, receipts::ReadMarker::Delivered(Seq(2))).await.expect("marked");
        let pushed: BTreeSet<_> = push.take_sent().await.into_iter().map(|(user, _)| user).collect();
        assert!(pushed.contains(&cat.user) && !pushed.contains(&whom.user), "{pushed:?}");
        let readers = receipts::of_message(db, whom, room, Seq(1)).await.expect("read");
        assert!(readers.delivered.iter().all(|seen| seen.user.id != who.user), "{readers:?}");
    }
    let (_, count) = statements(db, receipts::raise_marker(db, push, &cat, room, receipts::ReadMarker::Read(Seq(1)))).await;
    assert_eq!(count, 4, "access, receipt, mark and audience");
}

/// Returns the markers of `whom` that `viewer` sees in every view: member list, `sync`, receipts.
async fn marks(db: &Db, room: &RoomRef, viewer: &Caller, whom: &Caller) -> Vec<Option<Seq>> {
    let list = members::list(db, viewer, room, PageRequest::default()).await.expect("members").items;
    let listed = list.iter().find(|member| member.user.id == whom.user).expect("listed");
    let synced = sync::room(db, viewer, room, Rev(0), None).await.expect("synced").members;
    let synced = synced.iter().find(|member| member.user_id == whom.user).expect("synced");
    let read = receipts::of_message(db, viewer, room, Seq(5)).await.map_or(None, |receipts| {
        let delivered = receipts.delivered.iter().any(|seen| seen.user.id == whom.user);
        receipts.read.iter().any(|seen| seen.user.id == whom.user && delivered).then_some(Seq(5))
    });
    vec![listed.read_seq, listed.delivered_seq, synced.read_seq, synced.delivered_seq, read]
}

#[tokio::test]
async fn every_view_shows_the_same_marks_to_the_same_users() {
    for kind in [RoomKind::Group, RoomKind::Public] {
        for visibility in ["everyone", "friends", "nobody"] {
            let db = fixture::database().await;
            let push = Push::memory();
            let (ann, vic) = (person(&db, "ann").await, person(&db, "vic").await);
            let (friend, member) = (person(&db, "friend").await, person(&db, "member").await);
            let (blocked, avoider) = (person(&db, "blocked").await, person(&db, "blocker").await);
            let stranger = person(&db, "stranger").await;
            befriend(&db, &push, &vic, &friend).await;
            let all = [&vic, &friend, &member, &blocked, &avoider].map(|who| who.user).to_vec();
            let room = RoomRef::Id(rooms::create(&db, &push, &ann, kind, &named("Room", all)).await.expect("made").id);
            for writer in [&ann, &friend, &member, &blocked, &avoider] {
                messages::send(&db, &push, &limits(), writer, SendRequest { room: &room, new: &text("1") }).await.expect("sent");
            }
            blocks::add(&db, &push, &vic, blocked.user).await.expect("blocked");
            blocks::add(&db, &push, &avoider, vic.user).await.expect("blocked");
            let set = sqlx::query("update users set presence_visibility = ? where id = ?").bind(visibility).bind(vic.user.0);
            set.execute(&mut **db.acquire().await.as_mut().expect("a connection")).await.expect("set");
            push.take_sent().await;
            receipts::raise_marker(&db, &push, &vic, &room, receipts::ReadMarker::Read(Seq(5))).await.expect("read");
            let pushed: BTreeSet<_> = push.take_sent().await.into_iter().map(|(user, _)| user).collect();
            let open = kind == RoomKind::Group || visibility == "everyone";
            for (viewer, sees) in [
                (&vic, true),
                (&friend, open || visibility == "friends"),
                (&member, open),
                (&blocked, false),
                (&avoider, false),
                (&stranger, false),
            ] {
                let case = format!("{kind:?} {visibility} {}", viewer.username);
                assert_eq!(pushed.contains(&viewer.user), sees, "frames: {case}");
                if viewer.user == stranger.user && kind == RoomKind::Group {
                    assert_eq!(code(members::list(&db, viewer, &room, PageRequest::default()).await), "room_not_found");
                    continue;
                }
                assert_eq!(marks(&db, &room, viewer, &vic).await, vec![sees.then_some(Seq(5)); 5], "{case}");
            }
        }
    }
}

#[tokio::test]
async fn frames_identical_for_all_members_have_no_marks() {
    let db = fixture::database().await;
    let (ann, bob, cat) = (person(&db, "ann").await, person(&db, "bob").await, person(&db, "cat").await);
    let group = Group::of(db, &ann, &[&bob]).await;
    let Group { db, push, room, .. } = &group;
    members::add(db, push, &ann, room, &ids(&[cat.user])).await.expect("added");
    members::set_role(db, push, &ann, MemberRef { room, user: bob.user }, shared::protocol::rooms::Role::Admin)
        .await
        .expect("changed");
    let mut seen = 0;
    for (_, frame) in push.take_sent().await {
        if let Frame::MemberAdded { member, .. } | Frame::MemberUpdated { member, .. } = frame {
            assert_eq!((member.read_seq, member.delivered_seq), (None, None));
            seen += 1;
        }
    }
    assert_eq!(seen, 2 + 3, "of cat to the other two, of bob to all three");
}

/// A push with this quota of strangers per window, and a tenth of it for one stranger.
fn reaching(quota: u32) -> Push {
    Push::Memory(Box::new(Memory::with_contact_limit(Limit { quota, window: 3600 })))
}

#[tokio::test]
async fn strangers_count_towards_one_budget_on_every_route() {
    let db = fixture::database().await;
    let mut strangers = Vec::new();
    for number in 0..30 {
        strangers.push(person(&db, &format!("stranger{number}")).await);
    }
    let users: Vec<_> = strangers.iter().map(|who| who.user).collect();
    let ann = person(&db, "ann").await;
    let push = reaching(20);
    let group = RoomRef::Id(rooms::create(&db, &push, &ann, RoomKind::Group, &named("Mine", Vec::new())).await.expect("made").id);
    assert_eq!(code(members::add(&db, &push, &ann, &group, &ids(&users[..15])).await), "ok");
    let refused = rooms::create(&db, &push, &ann, RoomKind::Group, &named("Ad", users[15..21].to_vec())).await.err();
    let Some(Error::TooMany { retry_after, policy: Some(limit) }) = refused else { panic!("{refused:?}") };
    assert!((1..=3600).contains(&retry_after) && limit.quota == 20);
    for refused in [
        code(directs::open(&db, &push, &ann, users[25]).await),
        code(friends::send_request(&db, &push, &ann, &NewFriend { user_id: Some(users[26]), username: None }).await),
        code(rooms::create(&db, &push, &ann, RoomKind::Public, &named("Ad", Vec::new())).await),
    ] {
        assert_eq!(refused, "rate_limited");
    }
    assert!(
        rooms::list(&db, &ann, Scope::Public, PageRequest::default())
            .await
            .expect("rooms")
            .items
            .iter()
            .all(|room| room.name != "Ad")
    );
    assert_eq!(code(rooms::create(&db, &push, &ann, RoomKind::Group, &named("Alone", Vec::new())).await), "ok");
    assert_eq!(code(directs::open(&db, &push, &ann, ann.user).await), "ok", "one's own account is no stranger");
}

#[tokio::test]
async fn contacting_one_stranger_is_limited_and_friends_are_not() {
    let db = fixture::database().await;
    let (ann, bob, cat, dan) =
        (person(&db, "ann").await, person(&db, "bob").await, person(&db, "cat").await, person(&db, "dan").await);
    let quietly = Push::memory();
    befriend(&db, &quietly, &ann, &bob).await;
    let together = rooms::create(&db, &quietly, &dan, RoomKind::Group, &named("Together", vec![ann.user, cat.user])).await;
    let together = RoomRef::Id(together.expect("made").id);
    messages::send(&db, &quietly, &limits(), &cat, SendRequest { room: &together, new: &text("I am here of my own") })
        .await
        .expect("sent");
    let push = reaching(30);
    let put = async |who: &Caller| code(rooms::create(&db, &push, &ann, RoomKind::Group, &named("Again", vec![who.user])).await);
    for _ in 0..10 {
        assert_eq!((put(&bob).await, put(&cat).await), ("ok", "ok"), "a friend, and a user who has written in a shared room");
    }
    let eve = person(&db, "eve").await;
    for expected in ["ok", "ok", "ok", "rate_limited", "rate_limited"] {
        assert_eq!(put(&eve).await, expected, "rooms that one put the other into make no acquaintance");
    }
    let fay = person(&db, "fay").await;
    let direct = RoomRef::Id(directs::open(&db, &quietly, &ann, fay.user).await.expect("opened").0.id);
    let hello = messages::send(&db, &quietly, &limits(), &ann, SendRequest { room: &direct, new: &text("Hello") }).await;
    let seq = hello.expect("sent").message.seq;
    receipts::raise_marker(&db, &quietly, &fay, &direct, receipts::ReadMarker::Read(seq)).await.expect("read");
    for expected in ["ok", "ok", "ok", "rate_limited"] {
        assert_eq!(put(&fay).await, expected, "reading makes no acquaintance");
    }
    messages::send(&db, &quietly, &limits(), &fay, SendRequest { room: &direct, new: &text("Hi") }).await.expect("sent");
    assert_eq!(put(&fay).await, "ok", "an answer does");
}

#[tokio::test]
async fn a_declined_request_pauses_further_ones() {
    let db = fixture::database().await;
    let push = Push::memory();
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let ask = async |who: &Caller, whom: &Caller| {
        code(friends::send_request(&db, &push, who, &NewFriend { user_id: Some(whom.user), username: None }).await)
    };
    let later = |who: &Caller, seconds| Caller { now: who.now.plus_seconds(seconds), ..who.clone() };
    assert_eq!(ask(&ann, &bob).await, "ok");
    friends::cancel(&db, &push, &ann, bob.user).await.expect("withdrawn");
    push.take_sent().await;
    for _ in 0..3 {
        assert_eq!(ask(&ann, &bob).await, "rate_limited");
    }
    assert!(push.take_sent().await.is_empty(), "a loop of asking makes no frames");
    assert_eq!(ask(&later(&ann, 601), &bob).await, "ok", "a slip of the hand heals in minutes");
    friends::reject(&db, &push, &bob, ann.user).await.expect("declined");
    assert_eq!(ask(&later(&ann, 3600), &bob).await, "rate_limited");
    assert_eq!(ask(&bob, &ann).await, "ok", "the user who declined may ask at any time");
    friends::cancel(&db, &push, &bob, ann.user).await.expect("withdrawn");
    assert_eq!(ask(&later(&ann, 24 * 3600 + 1), &bob).await, "ok");
    // Blocking and unblocking does not reset the pause.
    blocks::add(&db, &push, &later(&ann, 24 * 3600 + 2), bob.user).await.expect("blocked");
    blocks::remove(&db, &push, &ann, bob.user).await.expect("unblocked");
    assert_eq!(ask(&later(&ann, 24 * 3600 + 3), &bob).await, "rate_limited");
    shared::domain::people::contact_limits::sweep(&db, ann.now.plus_seconds(30 * 24 * 3600)).await.expect("swept");
    let left: i64 = sqlx::query_scalar("select count(*) from friend_pauses")
        .fetch_one(&mut **db.acquire().await.as_mut().expect("a connection"))
        .await
        .expect("counted");
    assert_eq!(left, 0);
}

#[tokio::test]
async fn the_directory_lists_most_members_first() {
    let db = fixture::database().await;
    let push = Push::memory();
    let ann = person(&db, "ann").await;
    let mut expected = Vec::new();
    for members in [0, 3, 1, 5, 1] {
        let room = rooms::create(&db, &push, &ann, RoomKind::Public, &named("Room", Vec::new())).await.expect("made").id;
        for number in 0..members {
            let who = person(&db, &format!("p{}-{number}", room.0)).await;
            rooms::join(&db, &push, &who, &RoomRef::Id(room)).await.expect("joined");
        }
        expected.push((std::cmp::Reverse(members + 1), room));
    }
    expected.sort_unstable();
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let page = rooms::list(&db, &ann, Scope::Public, PageRequest { cursor: cursor.as_deref(), limit: Some(2) })
            .await
            .expect("a page");
        seen.extend(page.items.iter().map(|room| room.id));
        // A room created meanwhile comes last and shifts nothing.
        rooms::create(&db, &push, &ann, RoomKind::Public, &named("Spam", Vec::new())).await.expect("made");
        cursor = page.next;
        if cursor.is_none() || seen.len() > 20 {
            break;
        }
    }
    let unique: BTreeSet<_> = seen.iter().collect();
    assert_eq!(unique.len(), seen.len(), "nothing comes twice");
    assert_eq!(seen[..expected.len()], expected.iter().map(|(_, room)| *room).collect::<Vec<_>>());
    // A cursor of another order is invalid.
    let all = rooms::list(&db, &ann, Scope::All, PageRequest { cursor: None, limit: Some(1) }).await.expect("rooms").next;
    let public = rooms::list(&db, &ann, Scope::Public, PageRequest { cursor: None, limit: Some(1) }).await.expect("rooms").next;
    for (scope, cursor) in [(Scope::Public, all), (Scope::All, public.clone()), (Scope::Joined, public)] {
        let refused = rooms::list(&db, &ann, scope, PageRequest { cursor: cursor.as_deref(), limit: None }).await.err();
        assert!(matches!(&refused, Some(Error::Invalid(fields)) if fields[0].field == "cursor"), "{refused:?}");
    }
}
