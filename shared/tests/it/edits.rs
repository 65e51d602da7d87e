//! Editing: permissions, previous versions, and cost.

use shared::caller::Caller;
use shared::domain::messages::edits::{self, EditRequest};
use shared::domain::messages::unsend;
use shared::domain::messages::{self, MessageAddress, SendRequest};
use shared::domain::paging::PageRequest;
use shared::domain::rooms;
use shared::error::{Error, Result};
use shared::id::{RoomRef, Seq};
use shared::protocol::frames::Frame;
use shared::protocol::messages::{Forward, Message, NewContent, NewMessage};
use shared::push::Push;

use crate::fixture::{self, limits, person, statements};
use crate::group::Group;

async fn edit(group: &Group, who: &Caller, seq: Seq, content: &str) -> Result<Message> {
    let new = NewContent { content: content.into() };
    edits::edit(&group.db, &group.push, &limits(), who, EditRequest { room: &group.room, seq, new: &new }).await
}

#[tokio::test]
async fn an_edit_is_pushed_to_all_and_keeps_the_previous_version() {
    let db = fixture::database().await;
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let group = Group::of(db, &ann, &[&bob]).await;
    let said = group.said(&ann, "one").await;
    let edited = edit(&group, &ann, said.seq, "two").await.expect("edited");
    assert_eq!((edited.content.as_str(), edited.edited_at, edited.rev), ("two", Some(ann.now), said.rev.next()));
    let frames = group.frames().await;
    let users: Vec<_> = frames.iter().map(|(user, _)| *user).collect();
    assert_eq!(users, [ann.user, bob.user], "one frame each");
    assert!(
        frames.iter().all(|(_, frame)| matches!(frame, Frame::MessageEdited { message } if **message == edited)),
        "{frames:?}"
    );
    edit(&group, &ann, said.seq, "three").await.expect("edited again");
    let shown = group.shown(&bob, said.seq).await;
    assert_eq!((shown.content.as_str(), shown.seq, shown.created_at), ("three", said.seq, said.created_at));
    let page = edits::list(
        &group.db,
        &bob,
        MessageAddress { room: &group.room, seq: said.seq },
        PageRequest { cursor: None, limit: Some(1) },
    )
    .await
    .expect("a page");
    assert_eq!(page.items.iter().map(|edit| (edit.version, edit.content.as_str())).collect::<Vec<_>>(), [(1, "one")]);
    let page = edits::list(
        &group.db,
        &bob,
        MessageAddress { room: &group.room, seq: said.seq },
        PageRequest { cursor: page.next.as_deref(), limit: None },
    )
    .await
    .expect("a page");
    assert_eq!(page.items.iter().map(|edit| (edit.version, edit.content.as_str())).collect::<Vec<_>>(), [(2, "two")]);
    assert_eq!(page.next, None);
}

#[tokio::test]
async fn the_text_that_it_has_already_is_no_edit() {
    let db = fixture::database().await;
    let ann = person(&db, "ann").await;
    let group = Group::of(db, &ann, &[]).await;
    let said = group.said(&ann, "one").await;
    assert_eq!(edit(&group, &ann, said.seq, "one").await.expect("the same"), said);
    assert!(group.frames().await.is_empty());
}

#[tokio::test]
async fn only_authors_edit_and_only_existing_messages() {
    let db = fixture::database().await;
    let (ann, bob, eve) = (person(&db, "ann").await, person(&db, "bob").await, person(&db, "eve").await);
    let group = Group::of(db, &ann, &[&bob]).await;
    let his = group.said(&bob, "his").await.seq;
    let gone = group.said(&ann, "gone").await.seq;
    unsend::unsend(&group.db, &group.push, &ann, &group.room, gone).await.expect("unsent");
    group.frames().await;
    for (who, seq, content, code) in [
        (&ann, his, "hers", "not_allowed"),
        (&ann, gone, "back", "message_unsent"),
        (&bob, gone, "back", "not_allowed"),
        (&ann, Seq(99), "x", "message_not_found"),
        (&ann, Seq(0), "x", "message_not_found"),
        (&ann, Seq(u64::MAX), "x", "message_not_found"),
        (&eve, his, "x", "room_not_found"),
        (&bob, his, "", "invalid_input"),
        (&bob, his, " \n", "invalid_input"),
        (&bob, his, "a\0", "invalid_input"),
        (&bob, his, &"x".repeat(1001), "invalid_input"),
    ] {
        let refused = edit(&group, who, seq, content).await.err();
        assert_eq!(refused.as_ref().map(Error::code), Some(code), "{seq} {content}");
    }
    assert!(group.frames().await.is_empty(), "no change, no frame");
    assert_eq!(group.shown(&ann, his).await.content, "his");
}

#[tokio::test]
async fn system_messages_cannot_be_edited() {
    let db = fixture::database().await;
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let group = Group::of(db, &ann, &[&bob]).await;
    rooms::leave(&group.db, &Push::memory(), &bob, &group.room, None).await.expect("left");
    let left = group.history(&ann).await.pop().expect("a message that bob left");
    assert_eq!((left.event.as_deref(), left.sender_id), (Some("member.left"), Some(bob.user)));
    let refused = edit(&group, &ann, left.seq, "x").await.err();
    assert!(matches!(refused, Some(Error::Forbidden("not_allowed"))), "{refused:?}");
    let refused = edit(&group, &bob, left.seq, "x").await.err();
    assert!(matches!(refused, Some(Error::NotFound("room_not_found"))), "who left edits nothing: {refused:?}");
    let general = Group { room: RoomRef::general(), ..group };
    rooms::join(&general.db, &Push::memory(), &ann, &general.room).await.expect("joined");
    let Group { db, push, room } = &general;
    let to_herself = NewMessage { forward: Some(Forward { room_id: room.clone(), seq: Seq(1) }), ..NewMessage::default() };
    for refused in [
        edit(&general, &ann, Seq(1), "x").await.err(),
        unsend::unsend(db, push, &ann, room, Seq(1)).await.err(),
        messages::send(db, push, &limits(), &ann, SendRequest { room, new: &to_herself }).await.err(),
    ] {
        assert!(matches!(refused, Some(Error::Conflict("system_message"))), "{refused:?}");
    }
}

#[tokio::test]
async fn an_edit_keeps_to_its_statements() {
    let db = fixture::database().await;
    let ann = person(&db, "ann").await;
    let group = Group::of(db, &ann, &[]).await;
    let seq = group.said(&ann, "one").await.seq;
    edit(&group, &ann, seq, "two").await.expect("prepared");
    let (edited, count) = statements(&group.db, edit(&group, &ann, seq, "three")).await;
    edited.expect("edited");
    assert_eq!(count, 7, "BEGIN, room and member, message, the text before, the change, COMMIT; and the audience");
}
