//! Room settings: name, slow mode, who writes, archive, deletion, mute.

use shared::caller::Caller;
use shared::domain::messages::SendRequest;
use shared::domain::messages::edits::{self, EditRequest};
use shared::domain::messages::reactions;
use shared::domain::messages::{self, HistoryRange};
use shared::domain::paging::PageRequest;
use shared::domain::rooms;
use shared::domain::rooms::members::{self, MemberRef};
use shared::domain::rooms::settings;
use shared::error::{Error, Result};
use shared::id::{Rev, RoomRef, Seq, UploadId};
use shared::protocol::frames::Frame;
use shared::protocol::messages::{NewContent, NewMessage};
use shared::protocol::rooms::{AllowedRole, ChangeRoom, ChangeSettings, NewMembers, Role, Scope};

use crate::fixture::{self, limits, person};
use crate::group::Group;

fn code<T>(outcome: Result<T>) -> &'static str {
    outcome.err().map_or("ok", |error| error.code())
}

fn rules(settings: ChangeSettings) -> ChangeRoom {
    ChangeRoom { settings, ..ChangeRoom::default() }
}

fn text(content: &str) -> NewMessage {
    NewMessage { content: Some(content.into()), ..NewMessage::default() }
}

#[tokio::test]
async fn a_renamed_room_says_so_to_everyone_once() {
    let db = fixture::database().await;
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let group = Group::of(db, &ann, &[&bob]).await;
    let (db, push, room) = (&group.db, &group.push, &group.room);
    let change = ChangeRoom { name: Some("  Lunch ".into()), topic: Some("Where to".into()), ..ChangeRoom::default() };
    assert_eq!(code(settings::update(db, push, &bob, room, &change).await), "not_allowed");
    for _ in 0..2 {
        let view = settings::update(db, push, &ann, room, &change).await.expect("renamed");
        assert_eq!((view.name.as_str(), view.topic.as_str(), view.rev, view.last_seq), ("Lunch", "Where to", Rev(3), Seq(1)));
    }
    let frames: Vec<_> = group.frames().await.into_iter().filter(|(user, _)| *user == bob.user).collect();
    let [(_, Frame::RoomChanged { rev: Rev(2), room: facts, .. }), (_, Frame::Message { message, .. })] = &frames[..] else {
        panic!("{frames:?}")
    };
    assert_eq!((facts.name.as_str(), facts.topic.as_str()), ("Lunch", "Where to"));
    assert_eq!((message.rev, message.content.as_str()), (Rev(3), "ann named the room Lunch"));
    assert_eq!(message.event.as_deref(), Some("room.renamed"));
    for (change, field) in [
        (ChangeRoom { name: Some(" ".into()), ..ChangeRoom::default() }, "name"),
        (ChangeRoom { topic: Some("x".repeat(501)), ..ChangeRoom::default() }, "topic"),
        (rules(ChangeSettings { slow_mode_seconds: Some(86_401), ..ChangeSettings::default() }), "settings.slow_mode_seconds"),
    ] {
        let refused = settings::update(db, push, &ann, room, &change).await.err();
        assert!(matches!(&refused, Some(Error::Invalid(wrong)) if wrong[0].field == field), "{refused:?}");
    }
}

#[tokio::test]
async fn slow_mode_parts_the_messages_of_members_and_spares_admins() {
    let db = fixture::database().await;
    let (ann, mut bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let group = Group::of(db, &ann, &[&bob]).await;
    let (db, push, room) = (&group.db, &group.push, &group.room);
    let slow = rules(ChangeSettings { slow_mode_seconds: Some(30), ..ChangeSettings::default() });
    settings::update(db, push, &ann, room, &slow).await.expect("slow");
    assert_eq!(code(messages::send(db, push, &limits(), &bob, SendRequest { room, new: &text("1") }).await), "ok");
    bob.now = bob.now.plus_seconds(10);
    let refused = messages::send(db, push, &limits(), &bob, SendRequest { room, new: &text("2") }).await.err();
    let Some(Error::TooMany { retry_after: 20, policy: Some(policy) }) = refused else { panic!("{refused:?}") };
    assert_eq!((policy.quota, policy.window), (1, 30));
    bob.now = bob.now.plus_seconds(20);
    assert_eq!(code(messages::send(db, push, &limits(), &bob, SendRequest { room, new: &text("2") }).await), "ok");
    for number in 0..3 {
        assert_eq!(
            code(messages::send(db, push, &limits(), &ann, SendRequest { room, new: &text(&number.to_string()) }).await),
            "ok"
        );
    }
}

#[tokio::test]
async fn in_slow_mode_to_edit_is_to_speak_but_for_the_first_correction() {
    let db = fixture::database().await;
    let (ann, mut bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let group = Group::of(db, &ann, &[&bob]).await;
    let (db, push, room) = (&group.db, &group.push, &group.room);
    let old = group.said(&bob, "before slow mode").await;
    let slow = rules(ChangeSettings { slow_mode_seconds: Some(3600), ..ChangeSettings::default() });
    settings::update(db, push, &ann, room, &slow).await.expect("slow");
    bob.now = bob.now.plus_seconds(3600);
    let said = group.said(&bob, "helo").await;
    let edit = async |who: &Caller, seq: Seq, content: &str| {
        let new = NewContent { content: content.into() };
        code(edits::edit(db, push, &limits(), who, EditRequest { room, seq, new: &new }).await)
    };
    bob.now = bob.now.plus_seconds(10);
    assert_eq!(edit(&bob, said.seq, "hello").await, "ok", "a slip of the finger");
    for (seq, content) in [(said.seq, "talking"), (old.seq, "by editing"), (said.seq, "all the time")] {
        assert_eq!(edit(&bob, seq, content).await, "rate_limited", "{content}");
    }
    bob.now = bob.now.plus_seconds(3590);
    assert_eq!(edit(&bob, old.seq, "one thing an hour").await, "ok");
    assert_eq!(
        code(messages::send(db, push, &limits(), &bob, SendRequest { room, new: &text("and another") }).await),
        "rate_limited"
    );
    assert_eq!(edit(&bob, said.seq, "and another").await, "rate_limited");
    let hers = group.said(&ann, "an admin").await;
    for content in ["may", "go", "on"] {
        assert_eq!(edit(&ann, hers.seq, content).await, "ok");
    }
    let quick = rules(ChangeSettings { slow_mode_seconds: Some(0), ..ChangeSettings::default() });
    settings::update(db, push, &ann, room, &quick).await.expect("quick");
    assert_eq!(edit(&bob, said.seq, "as often as one likes").await, "ok");
}

#[tokio::test]
async fn where_only_admins_write_members_read() {
    let db = fixture::database().await;
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let group = Group::of(db, &ann, &[&bob]).await;
    let (db, push, room) = (&group.db, &group.push, &group.room);
    let admins = rules(ChangeSettings { who_writes: Some(AllowedRole::Admins), ..ChangeSettings::default() });
    let view = settings::update(db, push, &ann, room, &admins).await.expect("changed");
    assert_eq!(view.settings.who_writes, AllowedRole::Admins);
    assert_eq!(code(messages::send(db, push, &limits(), &bob, SendRequest { room, new: &text("Hi") }).await), "not_allowed");
    group.said(&ann, "News").await;
    assert_eq!(group.shown(&bob, Seq(1)).await.content, "News");
    members::set_role(db, push, &ann, MemberRef { room, user: bob.user }, Role::Admin).await.expect("an admin");
    assert_eq!(code(messages::send(db, push, &limits(), &bob, SendRequest { room, new: &text("Hi") }).await), "ok");
}

#[tokio::test]
async fn an_archived_room_is_read_and_nothing_else_until_it_comes_back() {
    let db = fixture::database().await;
    let (ann, bob, cat) = (person(&db, "ann").await, person(&db, "bob").await, person(&db, "cat").await);
    let group = Group::of(db, &ann, &[&bob]).await;
    let (db, push, room) = (&group.db, &group.push, &group.room);
    group.said(&ann, "old").await;
    let archive = |archived| ChangeRoom { archived: Some(archived), ..ChangeRoom::default() };
    assert!(settings::update(db, push, &ann, room, &archive(true)).await.expect("archived").settings.archived);
    let more = NewMembers { user_ids: vec![cat.user], ..NewMembers::default() };
    let rename = ChangeRoom { name: Some("New".into()), ..ChangeRoom::default() };
    let thumb = reactions::ReactionRequest { room, seq: Seq(1), emoji: "👍" };
    assert_eq!(code(messages::send(db, push, &limits(), &ann, SendRequest { room, new: &text("new") }).await), "room_archived");
    assert_eq!(code(reactions::react(db, push, &limits(), &bob, thumb).await), "room_archived");
    assert_eq!(code(members::add(db, push, &ann, room, &more).await), "room_archived");
    assert_eq!(code(settings::update(db, push, &ann, room, &rename).await), "room_archived");
    let face = ChangeRoom { avatar_upload_id: Some(Some(UploadId(99_999))), ..ChangeRoom::default() };
    assert_eq!(code(settings::update(db, push, &ann, room, &face).await), "room_archived");
    assert_eq!(group.history(&bob).await.len(), 1);
    assert!(!settings::update(db, push, &ann, room, &archive(false)).await.expect("back").settings.archived);
    assert_eq!(code(messages::send(db, push, &limits(), &bob, SendRequest { room, new: &text("new") }).await), "ok");
}

#[tokio::test]
async fn a_deleted_room_is_gone_for_everyone_at_once() {
    let db = fixture::database().await;
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let group = Group::of(db, &ann, &[&bob]).await;
    let (db, push, room) = (&group.db, &group.push, &group.room);
    members::set_role(db, push, &ann, MemberRef { room, user: bob.user }, Role::Admin).await.expect("an admin");
    group.frames().await;
    assert_eq!(code(settings::delete(db, push, &bob, room).await), "not_allowed");
    settings::delete(db, push, &ann, room).await.expect("deleted");
    let frames = group.frames().await;
    assert_eq!(frames.iter().map(|(user, _)| *user).collect::<Vec<_>>(), [ann.user, bob.user]);
    assert!(frames.iter().all(|(_, frame)| matches!(frame, Frame::RoomDeleted { .. })), "{frames:?}");
    for who in [&ann, &bob] {
        assert_eq!(code(rooms::find(db, who, room).await), "room_not_found");
        assert_eq!(code(messages::history(db, who, room, HistoryRange::Newest, None).await), "room_not_found");
        assert_eq!(
            code(messages::send(db, push, &limits(), who, SendRequest { room, new: &text("Hi") }).await),
            "room_not_found"
        );
        assert!(rooms::list(db, who, Scope::Joined, PageRequest::default()).await.expect("rooms").items.is_empty());
        assert!(rooms::changed_since(db, who, who.now).await.expect("changes").rooms.is_empty());
    }
    assert_eq!(code(settings::delete(db, push, &ann, room).await), "room_not_found");
    assert_eq!(code(settings::delete(db, push, &ann, &RoomRef::general()).await), "not_a_member", "General has no owner");
}

#[tokio::test]
async fn muting_is_per_member_and_until_a_time() {
    let db = fixture::database().await;
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let group = Group::of(db, &ann, &[&bob]).await;
    let (db, push, room) = (&group.db, &group.push, &group.room);
    let until = ann.now.plus_seconds(3600);
    let view = rooms::mute(db, push, &ann, room, Some(until)).await.expect("muted");
    assert_eq!((view.muted_until, view.rev), (Some(until), Rev(1)), "others see no change");
    let frames = group.frames().await;
    let [(user, Frame::RoomSeen { room: seen, .. })] = &frames[..] else { panic!("{frames:?}") };
    assert_eq!((*user, seen.muted_until), (ann.user, Some(until)), "the user's other devices are notified");
    assert_eq!(rooms::find(db, &bob, room).await.expect("his").muted_until, None);
    for past in [None, Some(ann.now.plus_seconds(-1))] {
        assert_eq!(rooms::mute(db, push, &ann, room, past).await.expect("unmuted").muted_until, None);
    }
    assert_eq!(code(rooms::mute(db, push, &bob, &RoomRef::general(), None).await), "not_a_member");
}
