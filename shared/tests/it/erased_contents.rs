//! A message shows a visible character or an attachment, or is the trace of one that does not any more: whatever takes its content away.

use shared::caller::Caller;
use shared::domain::erasure::{self, ErasureRequester};
use shared::domain::messages::edits::{self, EditRequest};
use shared::domain::messages::pins;
use shared::domain::messages::reactions::{self, ReactionRequest};
use shared::domain::messages::unsend;
use shared::domain::messages::{self, HistoryRange, SendRequest};
use shared::domain::rooms;
use shared::domain::sync;
use shared::domain::uploads;
use shared::error::Error;
use shared::id::{Rev, RoomRef, Seq, UploadId};
use shared::protocol::messages::{Forward, Message, NewContent, NewMessage};
use shared::protocol::rooms::RoomKind;
use shared::store::Db;

use crate::backend::{Backend, PASSWORD};
use crate::erasure::{erase, register, room, said};
use crate::fixture::limits;
use crate::permissions::hung;

/// Empties the text of a message with an image, which only has the image then.
async fn picture(backend: &Backend, who: &Caller, room: &RoomRef, text: &str) -> (Seq, UploadId) {
    let message = said(backend, who, room, "words").await;
    let upload = hung(backend, who, message.room_id.0, message.seq).await;
    let new = NewContent { content: text.into() };
    let edited = edits::edit(&backend.db, &backend.push, &limits(), who, EditRequest { room, seq: message.seq, new: &new }).await;
    assert!(!edited.expect("edited").attachments.is_empty());
    (message.seq, upload)
}

async fn history(backend: &Backend, who: &Caller, room: &RoomRef) -> Vec<Message> {
    messages::history(&backend.db, who, room, HistoryRange::Newest, Some(100)).await.expect("history").items
}

fn shows(message: &Message) -> bool {
    message.content.chars().any(char::is_alphanumeric) || !message.attachments.is_empty()
}

/// Every message shows something or is a trace, in every read.
async fn none_is_blank(backend: &Backend, who: &Caller, room: &RoomRef) -> Vec<Message> {
    let all = history(backend, who, room).await;
    let mut read = all.clone();
    read.extend(sync::room(&backend.db, who, room, Rev(0), None).await.expect("a sync").messages);
    read.extend(pins::list(&backend.db, who, room).await.expect("pins").items);
    read.extend(rooms::find(&backend.db, who, room).await.expect("the room").last_message);
    for message in read {
        assert_eq!(shows(&message), message.deleted_at.is_none(), "{message:?}");
    }
    all
}

async fn count(db: &Db, table: &str) -> i64 {
    let mut connection = db.acquire().await.expect("a connection");
    let text = format!("select count(*) from {table}");
    sqlx::query_scalar(sqlx::AssertSqlSafe(text)).fetch_one(&mut *connection).await.expect("a number")
}

#[tokio::test]
async fn erasure_leaves_traces_where_it_leaves_nothing_else() {
    let backend = Backend::open().await;
    let Backend { db, push, .. } = &backend;
    let (made, ann) = register(&backend, "ann").await;
    let (_, bob) = register(&backend, "bob").await;
    let group = room(&backend, &bob, RoomKind::Group, &[&ann]).await;
    let (bare, _) = picture(&backend, &ann, &group, "").await;
    let (invisible, _) = picture(&backend, &ann, &group, "\u{200b} \u{ad}").await;
    let (with_words, _) = picture(&backend, &ann, &group, "The beach").await;
    let words = said(&backend, &ann, &group, "Only words, @bob").await.seq;
    let reply = NewMessage { content: Some("Nice".into()), reply_to: Some(bare), ..NewMessage::default() };
    messages::send(db, push, &limits(), &bob, SendRequest { room: &group, new: &reply }).await.expect("sent");
    reactions::react(db, push, &limits(), &bob, ReactionRequest { room: &group, seq: bare, emoji: "👍" }).await.expect("reacted");
    pins::pin(db, push, &bob, &group, bare).await.expect("pinned");
    let (last, _) = picture(&backend, &ann, &group, "").await;
    let known = sync::room(db, &bob, &group, Rev(0), None).await.expect("a sync").rev;
    assert_eq!(rooms::find(db, &bob, &group).await.expect("the room").unread, 1, "what came after he wrote");
    push.take_sent().await;
    erase(&backend, &made, PASSWORD).await.expect("erased");
    let all = none_is_blank(&backend, &bob, &group).await;
    let traces: Vec<_> = all.iter().filter(|message| message.deleted_at.is_some()).map(|message| message.seq).collect();
    assert_eq!(traces, [bare, invisible, last]);
    let of = |seq: Seq| all.iter().find(|message| message.seq == seq).expect("a message");
    assert_eq!((of(with_words).content.as_str(), of(with_words).attachments.len()), ("The beach", 0));
    assert_eq!(of(words).content, "Only words, @bob");
    assert!(of(bare).reactions.is_empty() && of(bare).pinned_at.is_none() && of(bare).deleted_by == Some(ann.user));
    assert!(all.iter().filter_map(|message| message.reply_to.as_ref()).all(|reply| reply.preview.is_empty()));
    for table in ["pins", "reactions"] {
        assert_eq!(count(db, table).await, 0, "{table}");
    }
    // A client that was away converges.
    let changed = sync::room(db, &bob, &group, known, None).await.expect("a sync");
    for seq in [bare, invisible, last] {
        assert!(changed.messages.iter().any(|message| message.seq == seq && message.deleted_at.is_some()), "{seq}");
    }
    assert_eq!(changed.room.unread, 0, "a trace is not unread");
    erasure::erase(db, push, &backend.throttle, &ErasureRequester::Resuming(ann.clone()), PASSWORD).await.expect("once more");
    assert_eq!(history(&backend, &bob, &group).await, all, "erasing again changes nothing");
}

#[tokio::test]
async fn many_pictures_are_erased_in_batches() {
    let backend = Backend::open().await;
    let (made, ann) = register(&backend, "ann").await;
    let (_, bob) = register(&backend, "bob").await;
    let group = room(&backend, &bob, RoomKind::Group, &[&ann]).await;
    let open = room(&backend, &bob, RoomKind::Public, &[&ann]).await;
    let (seq, _) = picture(&backend, &ann, &group, "").await;
    let id = rooms::find(&backend.db, &bob, &group).await.expect("the room").id;
    // More uploads of one message than one batch has, before those of another.
    for _ in 0..250 {
        hung(&backend, &ann, id.0, seq).await;
    }
    picture(&backend, &ann, &group, "").await;
    picture(&backend, &ann, &open, "").await;
    erase(&backend, &made, PASSWORD).await.expect("erased");
    for room in [&group, &open] {
        none_is_blank(&backend, &bob, room).await;
    }
    assert_eq!(count(&backend.db, "uploads where state <> 'doomed'").await, 0);
}

#[tokio::test]
async fn nothing_else_leaves_a_message_without_content() {
    let backend = Backend::open().await;
    let Backend { db, push, .. } = &backend;
    let ((_, ann), (made, bob)) = (register(&backend, "ann").await, register(&backend, "bob").await);
    let group = room(&backend, &ann, RoomKind::Group, &[&bob]).await;
    let words = said(&backend, &ann, &group, "words").await.seq;
    let (bare, upload) = picture(&backend, &ann, &group, "").await;
    // Edits.
    for content in ["", " ", "\u{200b}", "\u{3164}"] {
        let new = NewContent { content: content.into() };
        let refused = edits::edit(db, push, &limits(), &ann, EditRequest { room: &group, seq: words, new: &new }).await;
        assert!(refused.is_err(), "{content:?}");
    }
    // An upload that a message shows is not discarded.
    assert!(uploads::discard(db, &backend.throttle, &ann, upload).await.is_err());
    // What names an erased person and nothing else.
    let named = said(&backend, &ann, &group, "@bob").await.seq;
    // A forwarded picture, of which the first author is erased.
    let (his, _) = picture(&backend, &bob, &group, "").await;
    let forward = NewMessage { forward: Some(Forward { room_id: group.clone(), seq: his }), ..NewMessage::default() };
    let copy =
        messages::send(db, push, &limits(), &ann, SendRequest { room: &group, new: &forward }).await.expect("sent").message;
    erase(&backend, &made, PASSWORD).await.expect("erased");
    let all = none_is_blank(&backend, &ann, &group).await;
    let of = |seq: Seq| all.iter().find(|message| message.seq == seq).expect("a message");
    assert_eq!(of(named).content, "@deleted user");
    assert!(of(his).deleted_at.is_some() && of(copy.seq).deleted_at.is_none(), "the copy is the forwarder's");
    assert_eq!(of(copy.seq).attachments.len(), 1);
    assert!(of(bare).deleted_at.is_none() && of(words).deleted_at.is_none());
    let trace = unsend::unsend(db, push, &ann, &group, copy.seq).await.expect("unsent");
    assert!(trace.deleted_at.is_some());
    none_is_blank(&backend, &ann, &group).await;
}

#[tokio::test]
async fn what_earlier_releases_left_blank_is_read_as_a_trace() {
    let backend = Backend::open().await;
    let (_, ann) = register(&backend, "ann").await;
    let group = room(&backend, &ann, RoomKind::Group, &[]).await;
    let (seq, _) = picture(&backend, &ann, &group, "").await;
    let mut connection = backend.db.acquire().await.expect("a connection");
    sqlx::query("update messages set attachments = null, kind = 'text'").execute(&mut *connection).await.expect("blank");
    drop(connection);
    let all = none_is_blank(&backend, &ann, &group).await;
    assert!(all.iter().any(|message| message.seq == seq && message.deleted_at == Some(message.created_at)));
    let reaction = ReactionRequest { room: &group, seq, emoji: "👍" };
    let refused = reactions::react(&backend.db, &backend.push, &limits(), &ann, reaction).await.err();
    assert!(matches!(refused, Some(Error::Conflict("message_unsent"))), "{refused:?}");
}
