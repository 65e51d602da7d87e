//! Members: adding, roles, removal, bans, leaving.

use shared::caller::Caller;
use shared::domain::messages::{self, HistoryRange, SendRequest};
use shared::domain::paging::PageRequest;
use shared::domain::rooms;
use shared::domain::rooms::members::{self, MemberRef};
use shared::domain::rooms::settings;
use shared::error::{Error, Result};
use shared::id::{Rev, RoomRef, Seq, UserId};
use shared::protocol::frames::Frame;
use shared::protocol::messages::NewMessage;
use shared::protocol::rooms::{ChangeRoom, ChangeSettings, NewMembers, Role, Scope};

use crate::fixture::{self, limits, person};
use crate::group::Group;

fn code<T>(outcome: Result<T>) -> &'static str {
    outcome.err().map_or("ok", |error| error.code())
}

fn ids(users: &[UserId]) -> NewMembers {
    NewMembers { user_ids: users.to_vec(), ..NewMembers::default() }
}

/// Returns the frames sent to a user by name, with their `rev`s.
fn names<'a>(frames: impl IntoIterator<Item = &'a (UserId, Frame)>, user: UserId) -> Vec<String> {
    frames
        .into_iter()
        .filter(|(to, _)| *to == user)
        .map(|(_, frame)| serde_json::to_value(frame).expect("JSON"))
        .map(|frame| format!("{} {}", frame["type"].as_str().unwrap_or_default(), frame["rev"]))
        .collect()
}

#[tokio::test]
async fn people_are_added_by_id_and_by_name_and_each_is_answered_for() {
    let db = fixture::database().await;
    let (ann, bob, cat, eve) =
        (person(&db, "ann").await, person(&db, "bob").await, person(&db, "cat").await, person(&db, "eve").await);
    let group = Group::of(db, &ann, &[&bob]).await;
    members::ban(&group.db, &group.push, &ann, &group.room, eve.user).await.expect("banned");
    assert!(group.frames().await.is_empty(), "banning a non-member is not pushed");
    let new = NewMembers {
        user_ids: vec![bob.user, UserId(4711), eve.user, cat.user],
        usernames: vec!["CAT".into(), "nobody".into()],
        ..NewMembers::default()
    };
    let added = members::add(&group.db, &group.push, &ann, &group.room, &new).await.expect("answered");
    assert_eq!((&added.added[..], &added.already[..]), (&[cat.user][..], &[bob.user][..]));
    let refused: Vec<_> =
        added.refused.iter().map(|refused| (refused.user_id, refused.username.as_deref(), refused.code)).collect();
    assert_eq!(
        refused,
        [
            (Some(UserId(4711)), None, "user_not_found"),
            (Some(eve.user), None, "banned"),
            (None, Some("nobody"), "user_not_found")
        ]
    );
    let frames = group.frames().await;
    assert_eq!(names(&frames, bob.user), ["member.added 2", "message 3"], "every frame has a rev of its own");
    assert_eq!(names(&frames, cat.user).len(), 1, "a new room is one frame: {frames:?}");
    let Some((_, Frame::RoomJoined { room, .. })) = frames.iter().find(|(user, _)| *user == cat.user) else {
        panic!("{frames:?}")
    };
    assert_eq!((room.members_count, room.unread, room.rev), (3, 0, Rev(3)), "what came before is not unread");
    let said = group.shown(&bob, Seq(1)).await;
    assert_eq!((said.content.as_str(), said.event.as_deref()), ("ann added cat", Some("member.added")));
    for (new, wrong) in [(NewMembers::default(), "required"), (ids(&(1..=101).map(UserId).collect::<Vec<_>>()), "too_many")] {
        let refused = members::add(&group.db, &group.push, &ann, &group.room, &new).await.err();
        assert!(matches!(&refused, Some(Error::Invalid(fields)) if fields[0].code == wrong), "{refused:?}");
    }
}

#[tokio::test]
async fn usernames_are_read_as_people_paste_them() {
    let db = fixture::database().await;
    let (ann, bob, cat) = (person(&db, "ann").await, person(&db, "bob").await, person(&db, "cat").await);
    let group = Group::of(db, &ann, &[]).await;
    let new = NewMembers {
        usernames: vec!["@bob".into(), " BOB ".into(), "@nobody ".into(), "@".into()],
        username: Some("cat\u{a0}".into()),
        ..NewMembers::default()
    };
    let added = members::add(&group.db, &group.push, &ann, &group.room, &new).await.expect("answered");
    assert_eq!(added.added, [bob.user, cat.user]);
    let refused: Vec<_> = added.refused.iter().map(|refused| (refused.username.as_deref(), refused.code)).collect();
    assert_eq!(refused, [(Some("@nobody "), "user_not_found"), (Some("@"), "user_not_found")], "named as they were given");
}

#[tokio::test]
async fn additions_of_many_members_push_one_hint() {
    let db = fixture::database().await;
    let ann = person(&db, "ann").await;
    let mut people = Vec::new();
    for number in 0..12 {
        people.push(person(&db, &format!("person{number}")).await.user);
    }
    let group = Group::of(db, &ann, &[]).await;
    members::add(&group.db, &group.push, &ann, &group.room, &ids(&people)).await.expect("added");
    let frames = group.frames().await;
    assert_eq!(names(&frames, ann.user), ["room 14"], "twelve members and one message: fetch them");
    let page = members::list(&group.db, &ann, &group.room, PageRequest::default()).await.expect("a page");
    assert_eq!(page.items.len(), 13);
    let text = group.shown(&ann, Seq(1)).await.content;
    assert!(text.ends_with("person9 and 2 others"), "{text}");
}

#[tokio::test]
async fn owners_outrank_admins_and_admins_outrank_members() {
    let db = fixture::database().await;
    let (ann, bob, cat, dan) =
        (person(&db, "ann").await, person(&db, "bob").await, person(&db, "cat").await, person(&db, "dan").await);
    let group = Group::of(db, &ann, &[&bob, &cat, &dan]).await;
    let (db, push, room) = (&group.db, &group.push, &group.room);
    let role = async |who, user, role| code(members::set_role(db, push, who, MemberRef { room, user }, role).await);
    let remove = async |who, user| code(members::remove(db, push, who, room, user).await);
    let ban = async |who, user| code(members::ban(db, push, who, room, user).await);
    // Members have no power over others.
    assert_eq!(role(&bob, cat.user, Role::Admin).await, "not_allowed");
    assert_eq!(role(&bob, bob.user, Role::Admin).await, "not_allowed", "users cannot promote themselves");
    assert_eq!(remove(&bob, cat.user).await, "not_allowed");
    assert_eq!(ban(&bob, cat.user).await, "not_allowed");
    // The owner appoints two admins.
    assert_eq!(role(&ann, bob.user, Role::Admin).await, "ok");
    let frames = group.frames().await;
    assert_eq!(
        (names(&frames, dan.user), names(&frames, bob.user)),
        (vec!["member.updated 2".into()], vec!["member.updated 2".into()])
    );
    assert_eq!(role(&ann, bob.user, Role::Admin).await, "ok");
    assert!(group.frames().await.is_empty(), "the same role is no change");
    assert_eq!(role(&ann, cat.user, Role::Admin).await, "ok");
    // Admins affect neither owners nor admins, and appoint none.
    for user in [ann.user, cat.user] {
        assert_eq!(role(&bob, user, Role::Member).await, "not_allowed");
        assert_eq!(remove(&bob, user).await, "not_allowed");
        assert_eq!(ban(&bob, user).await, "not_allowed");
    }
    assert_eq!(role(&bob, dan.user, Role::Admin).await, "not_allowed");
    assert_eq!(remove(&bob, bob.user).await, "not_allowed", "one leaves instead");
    assert_eq!(remove(&bob, dan.user).await, "ok");
    assert_eq!(remove(&bob, dan.user).await, "member_not_found");
    assert_eq!(role(&ann, dan.user, Role::Admin).await, "member_not_found");
    // Anyone may step down, except the last owner.
    assert_eq!(role(&cat, cat.user, Role::Member).await, "ok");
    assert_eq!(role(&ann, ann.user, Role::Admin).await, "last_owner");
    assert_eq!(role(&ann, bob.user, Role::Owner).await, "ok");
    assert_eq!(remove(&ann, bob.user).await, "not_allowed", "an owner is no lower than another");
    assert_eq!(role(&ann, ann.user, Role::Member).await, "ok");
    let roles: Vec<_> = members::list(db, &ann, room, PageRequest::default()).await.expect("a page").items;
    let roles: Vec<_> = roles.iter().map(|member| (member.user.username.as_str(), member.role)).collect();
    assert_eq!(roles, [("ann", Role::Member), ("bob", Role::Owner), ("cat", Role::Member)]);
}

#[tokio::test]
async fn the_last_owner_leaves_to_another() {
    let db = fixture::database().await;
    let (ann, bob, eve) = (person(&db, "ann").await, person(&db, "bob").await, person(&db, "eve").await);
    let group = Group::of(db, &ann, &[&bob]).await;
    let (db, push, room) = (&group.db, &group.push, &group.room);
    for (who, owner, expected) in [
        (&ann, None, "last_owner"),
        (&ann, Some(ann.user), "invalid_input"),
        (&ann, Some(eve.user), "member_not_found"),
        (&bob, Some(ann.user), "not_allowed"),
    ] {
        assert_eq!(code(rooms::leave(db, push, who, room, owner).await), expected);
    }
    assert!(group.frames().await.is_empty());
    rooms::leave(db, push, &ann, room, Some(bob.user)).await.expect("left");
    let frames = group.frames().await;
    assert_eq!(names(&frames, ann.user), ["room.left null"]);
    assert_eq!(names(&frames, bob.user), ["member.updated 2", "member.removed 3", "message 4"]);
    assert_eq!(rooms::find(db, &bob, room).await.expect("his").role, Some(Role::Owner));
}

#[tokio::test]
async fn a_membership_ends_at_once_and_for_everything() {
    let db = fixture::database().await;
    let (ann, bob, cat) = (person(&db, "ann").await, person(&db, "bob").await, person(&db, "cat").await);
    let group = Group::of(db, &ann, &[&bob, &cat]).await;
    group.said(&ann, "before").await;
    let (db, push, room) = (&group.db, &group.push, &group.room);
    members::remove(db, push, &ann, room, bob.user).await.expect("removed");
    let frames = group.frames().await;
    assert_eq!(frames.first().map(|(user, _)| *user), Some(bob.user), "the removed member is notified first");
    assert_eq!(names(&frames, bob.user), ["room.left null"]);
    assert_eq!(names(&frames, cat.user), ["member.removed 3", "message 4"]);
    group.said(&ann, "after").await;
    members::ban(db, push, &ann, room, cat.user).await.expect("banned");
    let frames = group.frames().await;
    assert_eq!((names(&frames, cat.user), names(&frames, bob.user).len()), (vec!["room.left null".to_owned()], 0));
    let new = NewMessage { content: Some("I am still here".into()), ..NewMessage::default() };
    for out in [&bob, &cat] {
        for refused in [
            rooms::find(db, out, room).await.err(),
            messages::history(db, out, room, HistoryRange::Newest, None).await.err(),
            messages::find(db, out, room, Seq(1)).await.err(),
            messages::send(db, push, &limits(), out, SendRequest { room, new: &new }).await.err(),
            members::list(db, out, room, PageRequest::default()).await.err(),
            rooms::mute(db, push, out, room, None).await.err(),
            rooms::leave(db, push, out, room, None).await.err(),
        ] {
            assert!(matches!(refused, Some(Error::NotFound("room_not_found"))), "{refused:?}");
        }
        assert!(rooms::list(db, out, Scope::Joined, PageRequest::default()).await.expect("rooms").items.is_empty());
    }
    assert_eq!(rooms::find(db, &ann, room).await.expect("hers").members_count, 1);
}

#[tokio::test]
async fn a_past_member_reads_up_to_the_end_of_the_membership_where_the_room_allows_it() {
    let db = fixture::database().await;
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let group = Group::of(db, &ann, &[&bob]).await;
    let (db, push, room) = (&group.db, &group.push, &group.room);
    group.said(&ann, "before").await;
    past_members_read(&group, &ann, true).await;
    rooms::leave(db, push, &bob, room, None).await.expect("left");
    group.said(&ann, "after").await;
    for part in
        [HistoryRange::Newest, HistoryRange::After(Seq(0)), HistoryRange::Before(Seq(u64::MAX)), HistoryRange::Around(Seq(3))]
    {
        let history = messages::history(db, &bob, room, part, None).await.expect("his part");
        let texts: Vec<_> = history.items.iter().map(|message| message.content.as_str()).collect();
        assert_eq!((texts, history.last_seq, history.next), (vec!["before"], Seq(1), None), "{part:?}");
    }
    assert_eq!(code(messages::find(db, &bob, room, Seq(3)).await), "message_not_found");
    let view = rooms::find(db, &bob, room).await.expect("a view");
    assert_eq!((view.joined, view.last_seq, view.last_message.is_none()), (false, Seq(1), true));
    let new = NewMessage { content: Some("x".into()), ..NewMessage::default() };
    assert_eq!(code(messages::send(db, push, &limits(), &bob, SendRequest { room, new: &new }).await), "not_a_member");
    assert_eq!(code(rooms::join(db, push, &bob, room).await), "invite_needed");
    assert_eq!(code(members::list(db, &bob, room, PageRequest::default()).await), "not_a_member");
    assert_eq!(code(rooms::leave(db, push, &bob, room, None).await), "not_a_member");
    let asked = members::add(db, push, &ann, room, &ids(&[bob.user])).await.expect("asked");
    assert_eq!((&asked.invited[..], asked.added.len()), (&[bob.user][..], 0), "who left by themselves is asked");
    assert_eq!(code(messages::find(db, &bob, room, Seq(3)).await), "message_not_found");
    rooms::join(db, push, &bob, room).await.expect("accepted");
    assert_eq!(messages::find(db, &bob, room, Seq(3)).await.expect("a member again").content, "after");
    assert_eq!(rooms::find(db, &bob, room).await.expect("his").unread, 0, "what was said meanwhile is not unread");
}

async fn past_members_read(group: &Group, owner: &Caller, past_members_read: bool) {
    let rules = ChangeSettings { past_members_read: Some(past_members_read), ..ChangeSettings::default() };
    let change = ChangeRoom { settings: rules, ..ChangeRoom::default() };
    settings::update(&group.db, &group.push, owner, &group.room, &change).await.expect("changed");
}

#[tokio::test]
async fn former_members_read_the_past_while_the_room_allows_it() {
    let db = fixture::database().await;
    let (ann, bob, cat, dan, eve) = (
        person(&db, "ann").await,
        person(&db, "bob").await,
        person(&db, "cat").await,
        person(&db, "dan").await,
        person(&db, "eve").await,
    );
    let group = Group::of(db, &ann, &[&bob, &cat, &dan]).await;
    let (db, push, room) = (&group.db, &group.push, &group.room);
    group.said(&ann, "before").await;
    let reads = async |who| code(messages::find(db, who, room, Seq(1)).await);
    members::remove(db, push, &ann, room, bob.user).await.expect("removed");
    past_members_read(&group, &ann, true).await;
    assert_eq!(reads(&bob).await, "room_not_found", "a later setting does not readmit earlier leavers");
    members::remove(db, push, &ann, room, cat.user).await.expect("removed");
    members::ban(db, push, &ann, room, dan.user).await.expect("banned");
    // A user who never was in the room sees no past.
    members::ban(db, push, &ann, room, eve.user).await.expect("banned");
    assert_eq!((reads(&cat).await, reads(&dan).await, reads(&eve).await), ("ok", "room_not_found", "room_not_found"));
    for who in [&dan, &eve] {
        members::unban(db, &ann, room, who.user).await.expect("forgiven");
    }
    assert_eq!((reads(&dan).await, reads(&eve).await), ("ok", "room_not_found"));
    past_members_read(&group, &ann, false).await;
    assert_eq!((reads(&cat).await, reads(&dan).await), ("room_not_found", "room_not_found"), "the room may change its mind");
    past_members_read(&group, &ann, true).await;
    assert_eq!((reads(&bob).await, reads(&cat).await, reads(&dan).await), ("room_not_found", "ok", "ok"));
    // Returning starts anew: the last departure counts.
    members::add(db, push, &ann, room, &ids(&[cat.user])).await.expect("added");
    past_members_read(&group, &ann, false).await;
    rooms::leave(db, push, &cat, room, None).await.expect("left");
    past_members_read(&group, &ann, true).await;
    assert_eq!(reads(&cat).await, "room_not_found");
}

#[tokio::test]
async fn banned_users_stay_out_until_unbanned() {
    let db = fixture::database().await;
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let push = shared::push::Push::memory();
    let new = shared::protocol::rooms::NewRoom { name: "Open".into(), ..Default::default() };
    let room = rooms::create(&db, &push, &ann, shared::protocol::rooms::RoomKind::Public, &new).await.expect("made");
    let room = RoomRef::Id(room.id);
    rooms::join(&db, &push, &bob, &room).await.expect("joined");
    for _ in 0..2 {
        members::ban(&db, &push, &ann, &room, bob.user).await.expect("banned");
    }
    assert_eq!(code(rooms::join(&db, &push, &bob, &room).await), "banned");
    assert_eq!(code(messages::history(&db, &bob, &room, HistoryRange::Newest, None).await), "room_not_found");
    assert!(
        rooms::list(&db, &bob, Scope::All, PageRequest::default())
            .await
            .expect("rooms")
            .items
            .iter()
            .all(|room| room.name != "Open")
    );
    assert_eq!(code(members::unban(&db, &bob, &room, bob.user).await), "room_not_found");
    assert_eq!(code(members::ban(&db, &push, &ann, &room, UserId(4711)).await), "user_not_found");
    members::unban(&db, &ann, &room, bob.user).await.expect("unbanned");
    assert_eq!(code(members::unban(&db, &ann, &room, bob.user).await), "ban_not_found");
    let view = rooms::join(&db, &push, &bob, &room).await.expect("joined again");
    assert_eq!((view.members_count, view.role), (2, Some(Role::Member)));
}

#[tokio::test]
async fn the_room_decides_who_may_add() {
    let db = fixture::database().await;
    let (ann, bob, cat) = (person(&db, "ann").await, person(&db, "bob").await, person(&db, "cat").await);
    let group = Group::of(db, &ann, &[&bob]).await;
    let (db, push, room) = (&group.db, &group.push, &group.room);
    assert_eq!(code(members::add(db, push, &bob, room, &ids(&[cat.user])).await), "not_allowed");
    let rules = ChangeSettings { who_adds: Some(shared::protocol::rooms::AllowedRole::Members), ..ChangeSettings::default() };
    settings::update(db, push, &ann, room, &ChangeRoom { settings: rules, ..ChangeRoom::default() }).await.expect("changed");
    assert_eq!(code(members::add(db, push, &bob, room, &ids(&[cat.user])).await), "ok");
}
