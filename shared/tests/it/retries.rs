//! Retries of messages: a key identifies one message, and never hides a different one.

use shared::caller::Caller;
use shared::domain::messages::edits::{self, EditRequest};
use shared::domain::messages::unsend;
use shared::domain::messages::{self, SendRequest};
use shared::domain::rooms;
use shared::error::{Error, Result};
use shared::id::{RoomRef, Seq};
use shared::protocol::messages::{Forward, NewContent, NewMessage};
use shared::push::Push;
use shared::store::Db;

use crate::fixture::{self, limits, person};

async fn send(db: &Db, who: &Caller, new: NewMessage) -> Result<(Seq, bool)> {
    let sent = messages::send(db, &Push::memory(), &limits(), who, SendRequest { room: &RoomRef::general(), new: &new }).await?;
    Ok((sent.message.seq, sent.replayed))
}

fn text(content: &str, key: &str) -> NewMessage {
    NewMessage { content: Some(content.into()), client_id: Some(key.into()), ..NewMessage::default() }
}

fn forward(seq: Seq, key: &str) -> NewMessage {
    let source = Forward { room_id: RoomRef::general(), seq };
    NewMessage { forward: Some(source), client_id: Some(key.into()), ..NewMessage::default() }
}

#[track_caller]
fn is_refused<T: std::fmt::Debug>(sent: &Result<T>, code: &str) {
    assert_eq!(sent.as_ref().err().map(Error::code), Some(code), "{sent:?}");
}

#[tokio::test]
async fn a_key_belongs_to_what_was_first_sent_under_it() {
    let db = fixture::database().await;
    let (ann, push, general) = (person(&db, "ann").await, Push::memory(), RoomRef::general());
    rooms::join(&db, &push, &ann, &general).await.expect("joined");
    let (first, _) = send(&db, &ann, text("one", "a")).await.expect("sent");
    let (second, _) = send(&db, &ann, text("two", "b")).await.expect("sent");

    let (passed_on, _) = send(&db, &ann, forward(first, "f")).await.expect("sent");
    assert_eq!(send(&db, &ann, forward(first, "f")).await.ok(), Some((passed_on, true)));
    is_refused(&send(&db, &ann, forward(second, "f")).await, "client_id_reused");
    is_refused(&send(&db, &ann, text("one", "f")).await, "client_id_reused");

    for content in ["three", "four"] {
        let new = NewContent { content: content.into() };
        let editing = EditRequest { room: &general, seq: first, new: &new };
        edits::edit(&db, &push, &limits(), &ann, editing).await.expect("edited");
    }
    assert_eq!(send(&db, &ann, text("one", "a")).await.ok(), Some((first, true)), "as it was first sent");
    for other in ["four", "something else"] {
        is_refused(&send(&db, &ann, text(other, "a")).await, "client_id_reused");
    }

    unsend::hide(&db, &push, &ann, &general, second).await.expect("hidden");
    assert_eq!(send(&db, &ann, text("two", "b")).await.ok(), Some((second, true)), "it was sent, even if hidden");
    unsend::unsend(&db, &push, &ann, &general, first).await.expect("unsent");
    assert_eq!(send(&db, &ann, text("one", "a")).await.ok(), Some((first, true)));
}

#[tokio::test]
async fn a_key_that_the_store_could_take_for_another_is_none() {
    let db = fixture::database().await;
    let ann = person(&db, "ann").await;
    let long = "x".repeat(65);
    for key in ["", " ", "x ", " x", "\t", "a\0b", "a\nb", &long] {
        is_refused(&send(&db, &ann, text("Hi", key)).await, "invalid_input");
    }
    let (first, _) = send(&db, &ann, text("Hi", "x y")).await.expect("sent");
    let (second, again) = send(&db, &ann, text("Hi", "X y")).await.expect("sent");
    assert!(first != second && !again);
}

#[tokio::test]
async fn messages_without_visible_text_are_refused() {
    let db = fixture::database().await;
    let ann = person(&db, "ann").await;
    for content in ["", "  \n", "\u{200b}", "\u{ad}\u{202e}", "\u{3164}"] {
        is_refused(
            &send(&db, &ann, NewMessage { content: Some(content.into()), ..NewMessage::default() }).await,
            "invalid_input",
        );
    }
    for content in ["👩\u{200d}💻", "می\u{200c}خواهم", "\u{200b}seen"] {
        send(&db, &ann, NewMessage { content: Some(content.into()), ..NewMessage::default() }).await.expect("sent");
    }
}
