//! Sending messages, and its cost.

use std::collections::BTreeSet;

use shared::config::Limits;
use shared::domain::messages::reactions::{self, ReactionRequest};
use shared::domain::messages::{self, HistoryRange, SendRequest};
use shared::domain::paging::PageRequest;
use shared::domain::rooms;
use shared::error::{Error, Limit};
use shared::id::{RoomRef, Seq};
use shared::protocol::frames::Frame;
use shared::protocol::messages::NewMessage;
use shared::protocol::rooms::{NewRoom, RoomKind, Scope};
use shared::push::Push;
use shared::store::Db;

use crate::fixture::{self, limits, person, statements};

fn text(content: &str) -> NewMessage {
    NewMessage { content: Some(content.into()), ..NewMessage::default() }
}

fn keyed(content: &str, client_id: &str) -> NewMessage {
    NewMessage { client_id: Some(client_id.into()), ..text(content) }
}

#[tokio::test]
async fn a_message_reaches_every_member_and_is_history() {
    let db = fixture::database().await;
    let push = Push::memory();
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let general = RoomRef::general();
    rooms::join(&db, &push, &bob, &general).await.expect("joined");
    push.take_sent().await;
    let sent = messages::send(&db, &push, &limits(), &ann, SendRequest { room: &general, new: &text("Hello, wörld! 👋🏽") })
        .await
        .expect("sent")
        .message;
    assert_eq!((sent.seq, sent.username.as_deref()), (Seq(3), Some("ann")), "after the two who joined");
    let frames = push.take_sent().await;
    let pushed: Vec<_> = frames
        .iter()
        .filter_map(|(user, frame)| match frame {
            Frame::Message { message, ts } if message.event.is_none() => Some((*user, message.seq, *ts == sent.created_at.0)),
            _ => None,
        })
        .collect();
    assert_eq!(pushed, [(ann.user, Seq(3), true), (bob.user, Seq(3), true)], "the sender joined by posting and receives it, too");
    assert!(frames.iter().any(|(user, frame)| *user == bob.user && matches!(frame, Frame::MemberAdded { .. })));
    let history = messages::history(&db, &bob, &general, HistoryRange::Newest, None).await.expect("history");
    let events: Vec<_> = history.items.iter().map(|message| message.event.as_deref()).collect();
    assert_eq!(events, [Some("member.joined"), Some("member.joined"), None]);
    assert_eq!(history.items[2], sent);
    let list = rooms::list(&db, &bob, Scope::Joined, PageRequest::default()).await.expect("rooms");
    assert_eq!((list.items[0].unread, list.items[0].last_seq), (1, Seq(3)), "what Ann said, and not that she joined");
    let mine = rooms::list(&db, &ann, Scope::Joined, PageRequest::default()).await.expect("rooms");
    assert_eq!(mine.items[0].unread, 0, "one's own message is read");
}

#[tokio::test]
async fn a_retry_gives_the_first_message_and_never_a_second() {
    let db = fixture::database().await;
    let push = Push::memory();
    let ann = person(&db, "ann").await;
    let general = RoomRef::general();
    let first = messages::send(&db, &push, &limits(), &ann, SendRequest { room: &general, new: &keyed("Hi", "c-1") })
        .await
        .expect("sent");
    push.take_sent().await;
    let again = messages::send(&db, &push, &limits(), &ann, SendRequest { room: &general, new: &keyed("Hi", "c-1") })
        .await
        .expect("replayed");
    assert!(!first.replayed && again.replayed);
    assert_eq!(first.message, again.message);
    assert_eq!(push.take_sent().await.len(), 1, "a young replay is pushed once more");
    let other = messages::send(&db, &push, &limits(), &ann, SendRequest { room: &general, new: &keyed("Ho", "c-1") }).await.err();
    assert!(matches!(other, Some(Error::Conflict("client_id_reused"))), "{other:?}");
    let mut later = ann.clone();
    later.now = ann.now.plus_seconds(61);
    messages::send(&db, &push, &limits(), &later, SendRequest { room: &general, new: &keyed("Hi", "c-1") })
        .await
        .expect("replayed");
    assert!(push.take_sent().await.is_empty(), "an old one was surely pushed");
    let stored = messages::history(&db, &ann, &general, HistoryRange::Newest, None).await.expect("history").items;
    assert_eq!(stored.iter().filter(|message| message.event.is_none()).count(), 1);
    let bytes = messages::send(&db, &push, &limits(), &ann, SendRequest { room: &general, new: &keyed("Hi", "C-1") })
        .await
        .expect("sent");
    assert!(!bytes.replayed, "keys are bytes: C-1 is another one");
}

#[tokio::test]
async fn repeated_retries_are_pushed_a_limited_number_of_times() {
    let db = fixture::database().await;
    let push = Push::memory();
    let ann = person(&db, "ann").await;
    let narrow = Limits { change: Limit { quota: 2, window: 60 }, ..limits() };
    let again = async || {
        messages::send(&db, &push, &narrow, &ann, SendRequest { room: &RoomRef::general(), new: &keyed("Hi", "c-1") }).await
    };
    again().await.expect("sent");
    push.take_sent().await;
    for _ in 0..2 {
        assert!(again().await.expect("a retry").replayed);
    }
    let refused = again().await.err();
    assert!(matches!(refused, Some(Error::TooMany { .. })), "one message is no flood: {refused:?}");
    assert_eq!(push.take_sent().await.len(), 2);
}

#[tokio::test]
async fn however_long_its_texts_are_a_page_fits_into_an_answer() {
    let db = fixture::database().await;
    let push = Push::memory();
    let ann = person(&db, "ann").await;
    let (general, wide) = (RoomRef::general(), Limits { message_length: 16_000, ..limits() });
    let long = NewMessage { content: Some("😀".repeat(16_000)), ..NewMessage::default() };
    for _ in 0..80 {
        messages::send(&db, &push, &wide, &ann, SendRequest { room: &general, new: &long }).await.expect("sent");
    }
    for (mut part, before) in [(HistoryRange::Newest, true), (HistoryRange::After(Seq(0)), false)] {
        let mut seen = BTreeSet::new();
        loop {
            let page = messages::history_up_to(&db, &ann, &general, part, 1000).await.expect("a page");
            let bytes = serde_json::to_vec(&page).expect("JSON").len();
            assert!(bytes < 5_000_000 && !page.items.is_empty(), "{bytes} bytes");
            seen.extend(page.items.iter().map(|message| message.seq));
            let Some(next) = page.next else { break };
            let next = Seq(next.parse().expect("a seq"));
            part = if before { HistoryRange::Before(next) } else { HistoryRange::After(next) };
        }
        assert!(seen.iter().copied().eq((1..=81).map(Seq)), "every one of them: {seen:?}");
    }
}

#[tokio::test]
async fn sixteen_copies_at_once_store_one_message() {
    let url = fixture::migrated().await;
    let db = Db::lazy(&url).expect("a URL");
    let ann = person(&db, "ann").await;
    rooms::join(&db, &Push::memory(), &ann, &RoomRef::general()).await.expect("joined");
    let copies = (0..16).map(|_| {
        let (url, ann) = (url.clone(), ann.clone());
        tokio::spawn(async move {
            let db = Db::lazy(&url).expect("a URL");
            messages::send(
                &db,
                &Push::memory(),
                &limits(),
                &ann,
                SendRequest { room: &RoomRef::general(), new: &keyed("Hi", "c-1") },
            )
            .await
        })
    });
    let mut fresh = 0;
    for copy in copies.collect::<Vec<_>>() {
        let sent = copy.await.expect("ran").expect("sent");
        assert_eq!(sent.message.seq, Seq(2), "the first one after joining");
        fresh += u32::from(!sent.replayed);
    }
    assert_eq!(fresh, 1);
}

#[tokio::test]
async fn fifty_writers_leave_no_hole() {
    let url = fixture::migrated().await;
    let db = Db::lazy(&url).expect("a URL");
    let mut writers = Vec::new();
    for number in 0..50 {
        writers.push(person(&db, &format!("writer{number}")).await);
    }
    let reader = writers[0].clone();
    let tasks = writers.into_iter().map(|writer| {
        let url = url.clone();
        tokio::spawn(async move {
            let db = Db::lazy(&url).expect("a URL");
            for number in 0..4 {
                let new = text(&format!("{} {number}", writer.username));
                messages::send(&db, &Push::memory(), &limits(), &writer, SendRequest { room: &RoomRef::general(), new: &new })
                    .await
                    .expect("sent");
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.expect("wrote");
    }
    let mut seqs = Vec::new();
    let mut after = Seq(0);
    loop {
        let page =
            messages::history(&db, &reader, &RoomRef::general(), HistoryRange::After(after), Some(100)).await.expect("a page");
        seqs.extend(page.items.iter().map(|message| message.seq.0));
        let Some(next) = page.next else { break };
        after = Seq(next.parse().expect("a seq"));
    }
    assert_eq!(seqs, (1..=250).collect::<Vec<_>>(), "fifty joined, and each wrote four");
}

#[tokio::test]
async fn history_is_read_from_every_side() {
    let db = fixture::database().await;
    let push = Push::memory();
    let ann = person(&db, "ann").await;
    let new = NewRoom { name: "Lunch".into(), ..NewRoom::default() };
    let room = RoomRef::Id(rooms::create(&db, &push, &ann, RoomKind::Group, &new).await.expect("made").id);
    for number in 1..=25 {
        messages::send(&db, &push, &limits(), &ann, SendRequest { room: &room, new: &text(&number.to_string()) })
            .await
            .expect("sent");
    }
    let read = async |part, limit| {
        let page = messages::history(&db, &ann, &room, part, limit).await.expect("a page");
        (page.items.iter().map(|message| message.seq.0).collect::<Vec<_>>(), page.next)
    };
    assert_eq!(read(HistoryRange::Newest, Some(3)).await, (vec![23, 24, 25], Some("23".into())));
    assert_eq!(read(HistoryRange::Before(Seq(23)), Some(3)).await, (vec![20, 21, 22], Some("20".into())));
    assert_eq!(read(HistoryRange::Before(Seq(3)), Some(3)).await, (vec![1, 2], None));
    assert_eq!(read(HistoryRange::Before(Seq(1)), Some(3)).await, (vec![], None));
    assert_eq!(read(HistoryRange::After(Seq(20)), Some(3)).await, (vec![21, 22, 23], Some("23".into())));
    assert_eq!(read(HistoryRange::After(Seq(23)), Some(3)).await, (vec![24, 25], None));
    assert_eq!(read(HistoryRange::After(Seq(25)), Some(3)).await, (vec![], None));
    assert_eq!(read(HistoryRange::Around(Seq(10)), Some(5)).await.0, [8, 9, 10, 11, 12]);
    assert_eq!(read(HistoryRange::Around(Seq(1)), Some(5)).await.0, [1, 2, 3, 4, 5]);
    assert_eq!(read(HistoryRange::Before(Seq(u64::MAX)), Some(1)).await.0, [25]);
    assert_eq!(read(HistoryRange::After(Seq(u64::MAX)), Some(1)).await.0, [0; 0]);
    let none = messages::history(&db, &ann, &room, HistoryRange::Newest, Some(0)).await;
    assert!(matches!(none, Err(Error::Invalid(_))), "a limit is at least one: {none:?}");
    assert_eq!(read(HistoryRange::Newest, Some(9999)).await.0.len(), 25);
}

#[tokio::test]
async fn a_reply_shows_what_it_answers() {
    let db = fixture::database().await;
    let push = Push::memory();
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let general = RoomRef::general();
    let first = messages::send(&db, &push, &limits(), &ann, SendRequest { room: &general, new: &text(&"ä".repeat(200)) })
        .await
        .expect("sent")
        .message;
    let answer = NewMessage { reply_to: Some(first.seq), ..text("Yes") };
    let sent =
        messages::send(&db, &push, &limits(), &bob, SendRequest { room: &general, new: &answer }).await.expect("sent").message;
    let reply = sent.reply_to.clone().expect("a preview");
    assert_eq!((reply.seq, reply.username.as_deref(), reply.preview), (first.seq, Some("ann"), "ä".repeat(120)));
    assert_eq!(messages::find(&db, &ann, &general, sent.seq).await.expect("stored"), sent);
    let absent = NewMessage { reply_to: Some(Seq(99)), ..text("Yes") };
    let refused = messages::send(&db, &push, &limits(), &bob, SendRequest { room: &general, new: &absent }).await.err();
    assert!(matches!(refused, Some(Error::NotFound("message_not_found"))), "{refused:?}");
}

#[tokio::test]
async fn what_is_no_message_is_refused_before_anything_is_written() {
    let db = fixture::database().await;
    let push = Push::memory();
    let ann = person(&db, "ann").await;
    let general = RoomRef::general();
    let longest = "😀".repeat(1000);
    messages::send(&db, &push, &limits(), &ann, SendRequest { room: &general, new: &text(&longest) })
        .await
        .expect("a thousand emoji are a thousand characters");
    for (new, code) in [
        (text(&"😀".repeat(1001)), "too_long"),
        (text(&"a".repeat(1001)), "too_long"),
        (text(""), "required"),
        (text(" \n\t\u{3000}"), "required"),
        (NewMessage::default(), "required"),
        (text("a\0b"), "invalid"),
        (keyed("Hi", ""), "invalid"),
        (keyed("Hi", &"x".repeat(65)), "invalid"),
    ] {
        let refused = messages::send(&db, &push, &limits(), &ann, SendRequest { room: &general, new: &new }).await.err();
        assert!(matches!(&refused, Some(Error::Invalid(wrong)) if wrong[0].code == code), "{code}: {refused:?}");
    }
    let last = messages::history(&db, &ann, &general, HistoryRange::Newest, None).await.expect("history").last_seq;
    assert_eq!(last, Seq(2), "that she joined, and the longest one");
}

#[tokio::test]
async fn strangers_neither_read_nor_write() {
    let db = fixture::database().await;
    let push = Push::memory();
    let (ann, eve) = (person(&db, "ann").await, person(&db, "eve").await);
    let new = NewRoom { name: "Lunch".into(), ..NewRoom::default() };
    let group = rooms::create(&db, &push, &ann, RoomKind::Group, &new).await.expect("made");
    let room = RoomRef::Id(group.id);
    messages::send(&db, &push, &limits(), &ann, SendRequest { room: &room, new: &text("secret") }).await.expect("sent");
    for refused in [
        messages::send(&db, &push, &limits(), &eve, SendRequest { room: &room, new: &text("Hi") }).await.err(),
        messages::history(&db, &eve, &room, HistoryRange::Newest, None).await.err(),
        messages::find(&db, &eve, &room, Seq(1)).await.err(),
        messages::history(&db, &eve, &RoomRef::Id(4711.into()), HistoryRange::Newest, None).await.err(),
    ] {
        assert!(matches!(refused, Some(Error::NotFound("room_not_found"))), "{refused:?}");
    }
}

#[tokio::test]
async fn a_sender_has_an_allowance_that_fills_up_again() {
    let db = fixture::database().await;
    let push = Push::memory();
    let mut ann = person(&db, "ann").await;
    let narrow = shared::config::Limits { send: Limit { quota: 3, window: 10 }, ..limits() };
    let general = RoomRef::general();
    for _ in 0..3 {
        messages::send(&db, &push, &narrow, &ann, SendRequest { room: &general, new: &text("Hi") })
            .await
            .expect("within the allowance");
    }
    let refused = messages::send(&db, &push, &narrow, &ann, SendRequest { room: &general, new: &text("Hi") }).await.err();
    let Some(Error::TooMany { retry_after, .. }) = refused else { panic!("{refused:?}") };
    assert!((1..=4).contains(&retry_after), "{retry_after}");
    ann.now = ann.now.plus_seconds(i64::from(retry_after));
    messages::send(&db, &push, &narrow, &ann, SendRequest { room: &general, new: &text("Hi") })
        .await
        .expect("after the announced time");
}

#[tokio::test]
async fn the_hot_paths_keep_to_their_statements() {
    let db = fixture::database().await;
    let push = Push::memory();
    let ann = person(&db, "ann").await;
    let general = RoomRef::general();
    rooms::join(&db, &push, &ann, &general).await.expect("joined");
    let config = limits();
    let input = keyed("Hi", "c-1");
    let twice = keyed("Hi", "c-2");
    messages::send(&db, &push, &config, &ann, SendRequest { room: &general, new: &input }).await.expect("prepared");
    let (sent, count) =
        statements(&db, messages::send(&db, &push, &config, &ann, SendRequest { room: &general, new: &twice })).await;
    sent.expect("sent");
    assert_eq!(count, 6, "BEGIN, the locking read, insert, update, COMMIT; and the audience");
    let page = || messages::history(&db, &ann, &general, HistoryRange::Newest, None);
    page().await.expect("prepared");
    assert_eq!(statements(&db, page()).await.1, 2, "who may read, and one range of messages");
    let thumb = ReactionRequest { room: &general, seq: Seq(2), emoji: "👍" };
    reactions::react(&db, &push, &config, &ann, thumb).await.expect("given");
    page().await.expect("prepared");
    let (reacted, count) = statements(&db, page()).await;
    assert_eq!(count, 3, "and one range of their reactions, if there are any");
    assert_eq!(reacted.expect("a page").items[1].reactions.len(), 1);
    let list = || rooms::list(&db, &ann, Scope::All, PageRequest::default());
    list().await.expect("prepared");
    assert_eq!(statements(&db, list()).await.1, 1);
    let changed = || rooms::changed_since(&db, &ann, ann.now);
    changed().await.expect("prepared");
    let (change, count) = statements(&db, changed()).await;
    assert_eq!((change.expect("changes").complete, count), (true, 1));
    for sql in [
        format!(
            "insert into rooms (kind, name, active_at, changed_at, created_at) select 'group', 'x', {0}, {0}, 0 from {1} s",
            ann.now.0,
            fixture::numbers(1000)
        ),
        format!("insert into members (room_id, user_id, joined_at) select id, {}, 0 from rooms where name = 'x'", ann.user),
    ] {
        sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut *db.acquire().await.expect("a connection")).await.expect("many rooms");
    }
    let recent = changed().await.expect("changes");
    assert_eq!((recent.rooms.len(), recent.complete), (1000, false), "General is one more");
    let end = messages::history(&db, &ann, &general, HistoryRange::Around(Seq(9999)), None).await.expect("history");
    assert_eq!(end.items.last().map(|message| message.seq), Some(end.last_seq), "beyond the end is the end");
}
