//! Invite links.

use shared::domain::people::blocks;
use shared::domain::rooms;
use shared::domain::rooms::invite_codes;
use shared::domain::rooms::members;
use shared::domain::rooms::settings;
use shared::error::{Error, Result};
use shared::id::{RoomRef, Seq};
use shared::protocol::frames::Frame;
use shared::protocol::invite_codes::NewInvite;
use shared::protocol::rooms::{AllowedRole, ChangeRoom, ChangeSettings, NewMembers, NewRoom, RoomKind};
use shared::push::Push;
use shared::store::Db;

use crate::fixture::{self, person};
use crate::group::Group;

fn code<T>(outcome: Result<T>) -> &'static str {
    outcome.err().map_or("ok", |error| error.code())
}

fn uses(uses: u32) -> NewInvite {
    NewInvite { uses: Some(uses), expires_in: None }
}

#[tokio::test]
async fn only_users_with_the_code_join() {
    let db = fixture::database().await;
    let (ann, bob, cat, eve) =
        (person(&db, "ann").await, person(&db, "bob").await, person(&db, "cat").await, person(&db, "eve").await);
    let group = Group::of(db, &ann, &[&cat]).await;
    let (db, push, room) = (&group.db, &group.push, &group.room);
    assert_eq!(code(invite_codes::create(db, &cat, room, &uses(1)).await), "not_allowed");
    assert_eq!(code(invite_codes::create(db, &eve, room, &uses(1)).await), "room_not_found");
    let invite = invite_codes::create(db, &ann, room, &uses(1)).await.expect("made");
    assert_eq!((invite.code.len(), invite.uses_left, invite.expires_at), (22, Some(1), None));
    assert_eq!(
        code(invite_codes::join(db, push, &cat, room, Some(&invite.code)).await),
        "ok",
        "a member needs none, and uses none up"
    );
    let view = invite_codes::join(db, push, &bob, room, Some(&invite.code)).await.expect("joined");
    assert_eq!((view.joined, view.members_count, view.unread), (true, 3, 0));
    assert_eq!(group.shown(&bob, Seq(1)).await.content, "bob joined");
    assert_eq!(code(invite_codes::join(db, push, &eve, room, Some(&invite.code)).await), "invite_used_up");
    for (room, code_given) in [(room, "nonsense"), (room, ""), (room, "ä"), (&RoomRef::Id(4711.into()), invite.code.as_str())] {
        let refused = code(invite_codes::join(db, push, &eve, room, Some(code_given)).await);
        assert_eq!(refused, "invite_not_found", "hidden and absent look the same");
    }
}

#[tokio::test]
async fn a_code_admits_no_one_across_a_block_with_its_maker() {
    let db = fixture::database().await;
    let (ann, bob, cat) = (person(&db, "ann").await, person(&db, "bob").await, person(&db, "cat").await);
    let group = Group::of(db, &ann, &[]).await;
    let (db, push, room) = (&group.db, &group.push, &group.room);
    let code_of = invite_codes::create(db, &ann, room, &uses(5)).await.expect("made").code;
    for (by, whom, taker) in [(&ann, &bob, &bob), (&cat, &ann, &cat)] {
        blocks::add(db, push, by, whom.user).await.expect("blocked");
        let refused = code(invite_codes::join(db, push, taker, room, Some(&code_of)).await);
        assert_eq!(refused, "invite_not_found", "{}", taker.username);
    }
    let seen = group.frames().await.into_iter().filter(|(user, _)| *user == ann.user);
    assert!(seen.map(|(_, frame)| frame).all(|frame| matches!(frame, Frame::UserBlocked { .. })), "nothing but her own block");
    let left = invite_codes::list(db, &ann, room).await.expect("a list").items[0].uses_left;
    assert_eq!(left, Some(5), "no use is counted");
    blocks::remove(db, push, &ann, bob.user).await.expect("unblocked");
    assert_eq!(code(invite_codes::join(db, push, &bob, room, Some(&code_of)).await), "ok");
}

#[tokio::test]
async fn an_invitation_ends_by_time_and_by_being_taken_back() {
    let db = fixture::database().await;
    let (ann, mut bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let group = Group::of(db, &ann, &[]).await;
    let (db, push, room) = (&group.db, &group.push, &group.room);
    let short = invite_codes::create(db, &ann, room, &NewInvite { expires_in: Some(60), uses: None }).await.expect("made");
    let long = invite_codes::create(db, &ann, room, &NewInvite::default()).await.expect("made");
    assert_eq!(invite_codes::list(db, &ann, room).await.expect("a list").items.len(), 2);
    bob.now = ann.now.plus_seconds(60);
    assert_eq!(code(invite_codes::join(db, push, &bob, room, Some(&short.code)).await), "invite_expired");
    assert_eq!(code(invite_codes::revoke(db, &bob, room, &long.code).await), "room_not_found");
    invite_codes::revoke(db, &ann, room, &long.code).await.expect("taken back");
    assert_eq!(code(invite_codes::revoke(db, &ann, room, &long.code).await), "invite_not_found");
    assert_eq!(code(invite_codes::join(db, push, &bob, room, Some(&long.code)).await), "invite_not_found");
    let left: Vec<_> =
        invite_codes::list(db, &ann, room).await.expect("a list").items.into_iter().map(|invite| invite.code).collect();
    assert_eq!(left, [short.code]);
    let open = invite_codes::create(db, &ann, room, &NewInvite::default()).await.expect("made");
    members::ban(db, push, &ann, room, bob.user).await.expect("banned");
    assert_eq!(code(invite_codes::join(db, push, &bob, room, Some(&open.code)).await), "banned");
    for (new, field) in [
        (NewInvite { expires_in: Some(59), uses: None }, "expires_in"),
        (NewInvite { expires_in: Some(31_536_001), uses: None }, "expires_in"),
        (uses(0), "uses"),
        (uses(10_001), "uses"),
    ] {
        let refused = invite_codes::create(db, &ann, room, &new).await.err();
        assert!(matches!(&refused, Some(Error::Invalid(wrong)) if wrong[0].field == field), "{refused:?}");
    }
}

#[tokio::test]
async fn an_invite_readmits_users_who_left_but_not_removed_ones() {
    let db = fixture::database().await;
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let group = Group::of(db, &ann, &[&bob]).await;
    let (db, push, room) = (&group.db, &group.push, &group.room);
    let invite = invite_codes::create(db, &ann, room, &uses(3)).await.expect("made");
    let join = async |key: &str| code(invite_codes::join(db, push, &bob, room, Some(key)).await);
    let leave = async || rooms::leave(db, push, &bob, room, None).await.expect("left");
    leave().await;
    assert_eq!(join(&invite.code).await, "ok", "a user who left may rejoin");
    members::remove(db, push, &ann, room, bob.user).await.expect("removed");
    let newer = invite_codes::create(db, &ann, room, &uses(1)).await.expect("made");
    for (key, refused) in [(&invite.code, "removed"), (&newer.code, "removed"), (&"nonsense".to_owned(), "invite_not_found")] {
        assert_eq!(join(key).await, refused);
    }
    assert_eq!(code(rooms::join(db, push, &bob, room).await), "room_not_found");
    let left: Vec<_> =
        invite_codes::list(db, &ann, room).await.expect("a list").items.into_iter().map(|it| it.uses_left).collect();
    assert!(left.contains(&Some(2)) && left.contains(&Some(1)), "who is refused uses none up: {left:?}");
    // Being added lifts the removal.
    let new = NewMembers { user_ids: vec![bob.user], ..NewMembers::default() };
    members::add(db, push, &ann, room, &new).await.expect("added");
    // Where former members may read, the removed user may, and learns the reason for the refusal.
    let rules = ChangeSettings { past_members_read: Some(true), ..ChangeSettings::default() };
    settings::update(db, push, &ann, room, &ChangeRoom { settings: rules, ..ChangeRoom::default() }).await.expect("changed");
    members::remove(db, push, &ann, room, bob.user).await.expect("removed");
    assert!(!rooms::find(db, &bob, room).await.expect("his past").joined);
    assert_eq!((code(rooms::join(db, push, &bob, room).await), join(&invite.code).await), ("removed", "removed"));
    // So does lifting the ban.
    members::add(db, push, &ann, room, &new).await.expect("added");
    leave().await;
    assert_eq!(join(&invite.code).await, "ok");
    members::ban(db, push, &ann, room, bob.user).await.expect("banned");
    members::unban(db, &ann, room, bob.user).await.expect("forgiven");
    assert_eq!(join(&invite.code).await, "ok");
}

#[tokio::test]
async fn a_public_room_is_open_to_removed_users() {
    let db = fixture::database().await;
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let push = Push::memory();
    let new = NewRoom { name: "Open".into(), member_ids: vec![bob.user], ..NewRoom::default() };
    let room = RoomRef::Id(rooms::create(&db, &push, &ann, RoomKind::Public, &new).await.expect("made").id);
    let invite = invite_codes::create(&db, &ann, &room, &uses(1)).await.expect("made");
    for key in [None, Some(invite.code.as_str())] {
        members::remove(&db, &push, &ann, &room, bob.user).await.expect("removed");
        assert_eq!(code(invite_codes::join(&db, &push, &bob, &room, key).await), "ok");
    }
}

#[tokio::test]
async fn where_members_invite_they_take_back_only_their_own() {
    let db = fixture::database().await;
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let group = Group::of(db, &ann, &[&bob]).await;
    let (db, push, room) = (&group.db, &group.push, &group.room);
    let rules = ChangeSettings { who_adds: Some(AllowedRole::Members), ..ChangeSettings::default() };
    settings::update(db, push, &ann, room, &ChangeRoom { settings: rules, ..ChangeRoom::default() }).await.expect("changed");
    let hers = invite_codes::create(db, &ann, room, &uses(1)).await.expect("made");
    let [his, other] =
        [invite_codes::create(db, &bob, room, &uses(1)).await, invite_codes::create(db, &bob, room, &uses(1)).await];
    assert_eq!(code(invite_codes::revoke(db, &bob, room, &hers.code).await), "not_allowed");
    for text in ["ü", "😀", "", &"x".repeat(200)] {
        assert_eq!(code(invite_codes::revoke(db, &ann, room, text).await), "invite_not_found", "{text}");
    }
    assert_eq!(code(invite_codes::revoke(db, &bob, room, &his.expect("made").code).await), "ok");
    assert_eq!(code(invite_codes::revoke(db, &ann, room, &other.expect("made").code).await), "ok");
}

#[tokio::test]
async fn a_room_has_a_hundred_open_invitations_at_most() {
    let db = fixture::database().await;
    let ann = person(&db, "ann").await;
    let group = Group::of(db, &ann, &[]).await;
    let (db, room) = (&group.db, &group.room);
    for _ in 0..100 {
        invite_codes::create(db, &ann, room, &uses(1)).await.expect("made");
    }
    assert_eq!(code(invite_codes::create(db, &ann, room, &uses(1)).await), "too_many_invites");
    let open = invite_codes::list(db, &ann, room).await.expect("a list").items;
    invite_codes::revoke(db, &ann, room, &open[0].code).await.expect("taken back");
    assert_eq!(code(invite_codes::create(db, &ann, room, &uses(1)).await), "ok");
}

#[tokio::test]
async fn twenty_concurrent_joins_use_five_invites_exactly() {
    let url = fixture::migrated().await;
    let db = Db::lazy(&url).expect("a URL");
    let ann = person(&db, "ann").await;
    let mut people = Vec::new();
    for number in 0..20 {
        people.push(person(&db, &format!("person{number}")).await);
    }
    let group = Group::of(db, &ann, &[]).await;
    let invite = invite_codes::create(&group.db, &ann, &group.room, &uses(5)).await.expect("made");
    let coming = people.into_iter().map(|caller| {
        let (url, room, key) = (url.clone(), group.room.clone(), invite.code.clone());
        tokio::spawn(async move {
            let db = Db::lazy(&url).expect("a URL");
            code(invite_codes::join(&db, &Push::memory(), &caller, &room, Some(&key)).await)
        })
    });
    let mut outcomes = Vec::new();
    for come in coming.collect::<Vec<_>>() {
        outcomes.push(come.await.expect("ran"));
    }
    outcomes.sort_unstable();
    assert_eq!(outcomes, [["invite_used_up"; 15].as_slice(), &["ok"; 5]].concat());
    assert_eq!(rooms::find(&group.db, &ann, &group.room).await.expect("hers").members_count, 6);
}
