//! Invitations to a room: when users are invited instead of added, the answers, and what ends an invitation.

use shared::caller::Caller;
use shared::domain::export;
use shared::domain::limits::throttle::Throttle;
use shared::domain::messages;
use shared::domain::paging::PageRequest;
use shared::domain::people::blocks;
use shared::domain::people::friends;
use shared::domain::people::profiles;
use shared::domain::rooms;
use shared::domain::rooms::invitations;
use shared::domain::rooms::members::{self, MemberRef};
use shared::domain::rooms::settings;
use shared::domain::sync::welcome;
use shared::error::Result;
use shared::id::{ConnectionId, RoomRef, SessionId, UserId};
use shared::protocol::dialect::Dialect;
use shared::protocol::frames::Frame;
use shared::protocol::friends::NewFriend;
use shared::protocol::people::Visibility;
use shared::protocol::profiles::{ChangeMe, ChangeMySettings};
use shared::protocol::rooms::{Additions, AllowedRole, ChangeRoom, ChangeSettings, NewMembers, NewRoom, Role, RoomKind, Scope};
use shared::push::Push;
use shared::push::socket_registry::Connection;
use shared::store::Db;

use crate::backend::{self, Backend, PASSWORD};
use crate::erasure::{erase, register};
use crate::fixture::{self, person, statements};
use crate::friends::befriend;
use crate::group::Group;

fn code<T>(outcome: Result<T>) -> &'static str {
    outcome.err().map_or("ok", |error| error.code())
}

fn ids(users: &[UserId]) -> NewMembers {
    NewMembers { user_ids: users.to_vec(), ..NewMembers::default() }
}

async fn lets(db: &Db, who: &Caller, whoever: Visibility) {
    let settings = ChangeMySettings { added_by: Some(whoever), ..ChangeMySettings::default() };
    let change = ChangeMe { settings, ..ChangeMe::default() };
    let throttle = Throttle::new(backend::ephemeral().await, fixture::limits());
    let me = profiles::change(db, &Push::memory(), &throttle, who, &change).await.expect("changed");
    assert_eq!(me.settings.added_by, whoever);
}

async fn add(group: &Group, by: &Caller, who: &Caller) -> Additions {
    members::add(&group.db, &group.push, by, &group.room, &ids(&[who.user])).await.expect("answered")
}

/// Returns a user's pending invitations by inviter's name.
async fn asked(db: &Db, who: &Caller) -> Vec<String> {
    let page = invitations::list(db, who, PageRequest::default()).await.expect("a list");
    page.items.into_iter().map(|invitation| invitation.inviter.username).collect()
}

#[tokio::test]
async fn members_who_left_return_only_by_their_own_action() {
    let db = fixture::database().await;
    let (ann, bob, cat) = (person(&db, "ann").await, person(&db, "bob").await, person(&db, "cat").await);
    let group = Group::of(db, &ann, &[&bob, &cat]).await;
    let Group { db, push, room, .. } = &group;
    rooms::leave(db, push, &bob, room, None).await.expect("left");
    members::remove(db, push, &ann, room, cat.user).await.expect("removed");
    group.said(&ann, "a secret of those inside").await;
    let before = rooms::find(db, &ann, room).await.expect("hers");
    let added = members::add(db, push, &ann, room, &ids(&[bob.user])).await.expect("answered");
    assert_eq!((&added.invited[..], added.added.len(), added.refused.len()), (&[bob.user][..], 0, 0));
    let pushed = push.take_sent().await;
    let [(user, Frame::RoomInvited(invitation))] = &pushed[..] else { panic!("{pushed:?}") };
    assert_eq!((*user, invitation.room.id, invitation.inviter.id), (bob.user, before.id, ann.user));
    assert_eq!((invitation.room.name.as_str(), invitation.room.members_count, invitation.invited_at), ("Group", 1, ann.now));
    let shown = serde_json::to_string(&invitations::list(db, &bob, PageRequest::default()).await.expect("a list")).expect("JSON");
    assert!(!shown.contains("secret") && !shown.contains("seq"), "{shown}");
    assert_eq!(rooms::find(db, &ann, room).await.expect("hers").rev, before.rev, "nothing changed in the room");
    assert_eq!(code(rooms::find(db, &bob, room).await), "room_not_found", "being asked opens nothing");
    assert!(rooms::list(db, &bob, Scope::Joined, PageRequest::default()).await.expect("rooms").items.is_empty());
    // A repeated invitation notifies once.
    assert_eq!(members::add(db, push, &ann, room, &ids(&[bob.user])).await.expect("answered").invited, [bob.user]);
    assert!(push.take_sent().await.is_empty());
    assert_eq!(rooms::join(db, push, &bob, room).await.expect("accepted").members_count, 2);
    assert!(asked(db, &bob).await.is_empty());
    assert_eq!(
        members::add(db, push, &ann, room, &ids(&[cat.user])).await.expect("answered").added,
        [cat.user],
        "removed is not left"
    );
}

#[tokio::test]
async fn users_choose_who_adds_them_and_others_invite() {
    let db = fixture::database().await;
    let push = Push::memory();
    let (ann, bob, cat) = (person(&db, "ann").await, person(&db, "bob").await, person(&db, "cat").await);
    befriend(&db, &push, &bob, &ann).await;
    for (whoever, of_friend, of_stranger) in
        [(Visibility::Everyone, true, true), (Visibility::Friends, true, false), (Visibility::Nobody, false, false)]
    {
        lets(&db, &bob, whoever).await;
        for (by, adds) in [(&ann, of_friend), (&cat, of_stranger)] {
            for kind in [RoomKind::Group, RoomKind::Public] {
                let first = NewRoom { name: "First".into(), member_ids: vec![bob.user], ..NewRoom::default() };
                let made = rooms::create(&db, &push, by, kind, &first).await.expect("made");
                assert_eq!(made.members_count, if adds { 2 } else { 1 }, "{whoever:?} by {}", by.username);
                let room = RoomRef::Id(made.id);
                let frames: Vec<_> = push.take_sent().await.into_iter().filter(|(user, _)| *user == bob.user).collect();
                let asks = matches!(&frames[..], [(_, Frame::RoomInvited(_))]);
                assert!(frames.len() == 1 && asks != adds, "{frames:?}");
                assert_eq!(rooms::join(&db, &push, &bob, &room).await.expect("in").members_count, 2);
                let new = NewRoom { name: "Later".into(), ..NewRoom::default() };
                let room = RoomRef::Id(rooms::create(&db, &push, by, kind, &new).await.expect("made").id);
                let added = members::add(&db, &push, by, &room, &ids(&[bob.user])).await.expect("answered");
                let wanted: (&[_], &[_]) = if adds { (&[bob.user], &[]) } else { (&[], &[bob.user]) };
                assert_eq!((&added.added[..], &added.invited[..]), wanted);
                invitations::decline(&db, &push, &bob, &room).await.err();
                push.take_sent().await;
            }
        }
    }
}

#[tokio::test]
async fn declining_pauses_invitations_for_a_day() {
    let db = fixture::database().await;
    let (ann, bob, cat) = (person(&db, "ann").await, person(&db, "bob").await, person(&db, "cat").await);
    let group = Group::of(db, &ann, &[&cat]).await;
    let Group { db, push, room, .. } = &group;
    lets(db, &bob, Visibility::Nobody).await;
    assert_eq!(code(invitations::decline(db, push, &bob, room).await), "invitation_not_found");
    add(&group, &ann, &bob).await;
    push.take_sent().await;
    invitations::decline(db, push, &bob, room).await.expect("declined");
    let pushed = push.take_sent().await;
    assert!(matches!(&pushed[..], [(user, Frame::RoomUninvited { .. })] if *user == bob.user), "{pushed:?}");
    assert_eq!(code(invitations::decline(db, push, &bob, room).await), "invitation_not_found");
    assert_eq!(code(rooms::join(db, push, &bob, room).await), "room_not_found");
    let refused = add(&group, &ann, &bob).await.refused;
    assert_eq!(refused.iter().map(|refused| refused.code).collect::<Vec<_>>(), ["not_reachable"]);
    lets(db, &bob, Visibility::Everyone).await;
    assert_eq!(add(&group, &ann, &bob).await.refused.len(), 1, "not even added");
    let tomorrow = Caller { now: ann.now.plus_seconds(24 * 3600 + 1), ..ann.clone() };
    lets(db, &bob, Visibility::Nobody).await;
    assert_eq!(add(&group, &tomorrow, &bob).await.invited, [bob.user]);
    // The inviter or an admin withdraws an invitation.
    assert_eq!(code(invitations::withdraw(db, push, &cat, MemberRef { room, user: bob.user }).await), "not_allowed");
    assert_eq!(invitations::of_room(db, &ann, room, PageRequest::default()).await.expect("a list").items[0].user.id, bob.user);
    assert_eq!(code(invitations::of_room(db, &cat, room, PageRequest::default()).await), "not_allowed");
    assert_eq!(code(invitations::of_room(db, &bob, room, PageRequest::default()).await), "room_not_found");
    push.take_sent().await;
    invitations::withdraw(db, push, &ann, MemberRef { room, user: bob.user }).await.expect("withdrawn");
    let pushed = push.take_sent().await;
    assert!(matches!(&pushed[..], [(user, Frame::RoomUninvited { .. })] if *user == bob.user), "{pushed:?}");
    assert_eq!(code(invitations::withdraw(db, push, &ann, MemberRef { room, user: bob.user }).await), "invitation_not_found");
    assert!(asked(db, &bob).await.is_empty());
}

#[tokio::test]
async fn an_invitation_ends_with_what_its_maker_may() {
    type End = &'static str;
    const ENDS: [(End, bool); 13] = [
        ("leaves", true),
        ("is removed", true),
        ("is banned", true),
        ("is an admin no more", false),
        ("may not add by the rules any more", false),
        ("blocks", true),
        ("is blocked", true),
        ("is disabled", false),
        ("the room is archived", true),
        ("the room is deleted", true),
        ("who is asked is banned", true),
        ("who is asked says no", true),
        ("nothing", false),
    ];
    for (end, expected) in ENDS {
        let db = fixture::database().await;
        let (ann, max, bob) = (person(&db, "ann").await, person(&db, "max").await, person(&db, "bob").await);
        let group = Group::of(db, &ann, &[&max]).await;
        let Group { db, push, room, .. } = &group;
        let rules = |who_adds| {
            let settings = ChangeSettings { who_adds: Some(who_adds), ..ChangeSettings::default() };
            ChangeRoom { settings, ..ChangeRoom::default() }
        };
        if end == "is an admin no more" {
            members::set_role(db, push, &ann, MemberRef { room, user: max.user }, Role::Admin).await.expect("an admin");
        } else {
            settings::update(db, push, &ann, room, &rules(AllowedRole::Members)).await.expect("changed");
        }
        lets(db, &bob, Visibility::Nobody).await;
        assert_eq!(add(&group, &max, &bob).await.invited, [bob.user], "{end}");
        assert_eq!(asked(db, &bob).await, ["max"]);
        push.take_sent().await;
        match end {
            "leaves" => drop(rooms::leave(db, push, &max, room, None).await.expect("left")),
            "is removed" => members::remove(db, push, &ann, room, max.user).await.expect("removed"),
            "is banned" => members::ban(db, push, &ann, room, max.user).await.expect("banned"),
            "is an admin no more" => {
                drop(members::set_role(db, push, &ann, MemberRef { room, user: max.user }, Role::Member).await.expect("no more"));
            }
            "may not add by the rules any more" => {
                drop(settings::update(db, push, &ann, room, &rules(AllowedRole::Admins)).await.expect("changed"));
            }
            "blocks" => blocks::add(db, push, &max, bob.user).await.expect("blocked"),
            "is blocked" => blocks::add(db, push, &bob, max.user).await.expect("blocked"),
            "is disabled" => {
                let disable = sqlx::query("update users set disabled_at = 1 where id = ?").bind(max.user.0);
                disable.execute(&mut **db.acquire().await.as_mut().expect("a connection")).await.expect("disabled");
            }
            "the room is archived" => {
                let archive = ChangeRoom { archived: Some(true), ..ChangeRoom::default() };
                settings::update(db, push, &ann, room, &archive).await.expect("archived");
            }
            "the room is deleted" => settings::delete(db, push, &ann, room).await.expect("deleted"),
            "who is asked is banned" => members::ban(db, push, &ann, room, bob.user).await.expect("banned"),
            "who is asked says no" => invitations::decline(db, push, &bob, room).await.expect("declined"),
            _ => {}
        }
        let pushed = push
            .take_sent()
            .await
            .into_iter()
            .any(|(user, frame)| user == bob.user && matches!(frame, Frame::RoomUninvited { .. }));
        assert_eq!(pushed, expected, "{end}");
        let holds = end == "nothing";
        assert_eq!(asked(db, &bob).await.is_empty(), !holds, "{end}");
        assert_eq!(code(rooms::join(db, push, &bob, room).await), if holds { "ok" } else { "room_not_found" }, "{end}");
    }
}

#[tokio::test]
async fn pending_invitations_are_limited_and_welcome_has_the_latest() {
    let db = fixture::database().await;
    let push = Push::memory();
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let socket = Connection {
        user: bob.user,
        id: ConnectionId("socket".into()),
        session: SessionId(1),
        dialect: Dialect::Lean,
        connected_at: bob.now,
    };
    let hello = async || {
        let (frame, count) = statements(&db, welcome::welcome(&db, &push, &bob, &socket, None)).await;
        let Frame::Welcome { invited, .. } = frame.expect("welcome") else { panic!("another frame") };
        (invited, count)
    };
    hello().await;
    let (invited, cheap) = hello().await;
    assert_eq!((invited.len(), cheap), (0, 3), "nothing that waits costs nothing");
    lets(&db, &bob, Visibility::Friends).await;
    let mut inviters = vec![ann];
    for number in 1..6 {
        inviters.push(person(&db, &format!("inviter{number}")).await);
    }
    let invite = async |by: &Caller, number: i64| {
        let by = Caller { now: by.now.plus_seconds(number), ..by.clone() };
        let new = NewRoom { name: format!("Room {number}"), member_ids: vec![bob.user], ..NewRoom::default() };
        code(rooms::create(&db, &push, &by, RoomKind::Group, &new).await)
    };
    for (at, by) in (0..).zip(&inviters) {
        for number in 0..21 {
            let expected = if number < 20 && at < 5 { "ok" } else { "invalid_input" };
            assert_eq!(invite(by, at * 20 + number).await, expected, "{at} {number}");
        }
    }
    let last = &inviters[5];
    hello().await;
    let (invited, count) = hello().await;
    assert_eq!((invited.len(), invited[0].room.name.as_str(), count), (20, "Room 99", 4));
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let page =
            invitations::list(&db, &bob, PageRequest { cursor: cursor.as_deref(), limit: Some(30) }).await.expect("a page");
        seen.extend(page.items.into_iter().map(|invitation| invitation.room.id));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    let mut unique = seen.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!((seen.len(), unique.len()), (100, 100));
    let part = export::export(&db, &bob, None).await.expect("exported");
    assert_eq!(part.invitations.len(), 100);
    assert!(part.invitations.iter().all(|invitation| invitation.user_id == bob.user && invitation.invited_by != last.user));
    assert!(messages::history(&db, &bob, &RoomRef::Id(seen[0]), messages::HistoryRange::Newest, None).await.is_err());
    // What does not show takes no place: of a disabled inviter, of a room whose rules changed, across a block.
    let disable = sqlx::query("update users set disabled_at = 1 where id = ?").bind(inviters[0].user.0);
    disable.execute(&mut **db.acquire().await.as_mut().expect("a connection")).await.expect("disabled");
    assert_eq!(asked(&db, &bob).await.len(), 50, "a page of the eighty");
    for number in 200..220 {
        assert_eq!(invite(last, number).await, "ok", "{number}");
    }
    assert_eq!(invite(last, 220).await, "invalid_input");
    blocks::add(&db, &push, &inviters[1], bob.user).await.expect("blocked");
    let another = person(&db, "another").await;
    assert_eq!(invite(&another, 221).await, "ok");
}

#[tokio::test]
async fn members_who_invite_in_turn_notify_once() {
    let db = fixture::database().await;
    let (ann, max, bob) = (person(&db, "ann").await, person(&db, "max").await, person(&db, "bob").await);
    let group = Group::of(db, &ann, &[&max]).await;
    let Group { db, push, room, .. } = &group;
    members::set_role(db, push, &ann, MemberRef { room, user: max.user }, Role::Admin).await.expect("an admin");
    lets(db, &bob, Visibility::Nobody).await;
    push.take_sent().await;
    let mut notified = 0;
    for by in [&ann, &max, &ann, &max] {
        assert_eq!(add(&group, by, &bob).await.invited, [bob.user]);
        notified += group.frames().await.len();
    }
    assert_eq!((notified, asked(db, &bob).await), (1, vec!["ann".to_owned()]));
    // One that does not hold any more is replaced.
    let disable = sqlx::query("update users set disabled_at = 1 where id = ?").bind(ann.user.0);
    disable.execute(&mut **db.acquire().await.as_mut().expect("a connection")).await.expect("disabled");
    assert!(asked(db, &bob).await.is_empty());
    add(&group, &max, &bob).await;
    assert_eq!((group.frames().await.len(), asked(db, &bob).await), (1, vec!["max".to_owned()]));
}

#[tokio::test]
async fn erasing_an_account_takes_what_it_asked_and_was_asked() {
    let backend = Backend::open().await;
    let Backend { db, push, .. } = &backend;
    let ((made, ann), (_, bob)) = (register(&backend, "ann").await, register(&backend, "bob").await);
    for (by, whom) in [(&ann, &bob), (&bob, &ann)] {
        lets(db, whom, Visibility::Nobody).await;
        let new = NewRoom { name: "Room".into(), member_ids: vec![whom.user], ..NewRoom::default() };
        rooms::create(db, push, by, RoomKind::Group, &new).await.expect("made");
        let new = NewFriend { user_id: Some(whom.user), username: None };
        friends::send_request(db, push, by, &new).await.expect("asked");
        friends::cancel(db, push, by, whom.user).await.expect("withdrawn");
    }
    assert_eq!((asked(db, &ann).await.len(), asked(db, &bob).await.len()), (1, 1));
    erase(&backend, &made, PASSWORD).await.expect("erased");
    assert!(asked(db, &bob).await.is_empty());
    for table in ["room_invitations", "friend_pauses"] {
        let left: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("select count(*) from {table}")))
            .fetch_one(&mut **db.acquire().await.as_mut().expect("a connection"))
            .await
            .expect("counted");
        assert_eq!(left, 0, "{table}");
    }
}
