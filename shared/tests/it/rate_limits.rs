//! Rate limits in rooms and on sockets: changes, repeated texts, actions and frames.

use shared::caller::Caller;
use shared::config::Limits;
use shared::domain::limits::throttle::SocketFrameLimit;
use shared::domain::messages::edits::{self, EditRequest};
use shared::domain::messages::reactions::{self, ReactionRequest};
use shared::domain::messages::{self, SendRequest};
use shared::error::{Error, Limit, RateStatus, Result};
use shared::id::{ConnectionId, RoomRef};
use shared::protocol::messages::{NewContent, NewMessage};

use crate::backend::{Backend, NOW};
use crate::fixture::{self, limits, person};
use crate::group::Group;

fn text(content: &str) -> NewMessage {
    NewMessage { content: Some(content.into()), ..NewMessage::default() }
}

fn code<T>(outcome: Result<T>) -> &'static str {
    outcome.map_or_else(|error| error.code(), |_| "ok")
}

#[tokio::test]
async fn edits_and_reactions_share_an_allowance_that_is_not_the_one_of_messages() {
    let db = fixture::database().await;
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let group = Group::of(db, &ann, &[&bob]).await;
    let (db, push, room) = (&group.db, &group.push, &group.room);
    let narrow = Limits { change: Limit { quota: 3, window: 10 }, ..limits() };
    let seq = group.said(&ann, "one").await.seq;
    let react = async |who, emoji| reactions::react(db, push, &narrow, who, ReactionRequest { room, seq, emoji }).await;
    let edit = async |who, content: &str| {
        let new = NewContent { content: content.into() };
        edits::edit(db, push, &narrow, who, EditRequest { room, seq, new: &new }).await
    };
    for _ in 0..5 {
        assert_eq!(code(react(&ann, "👍").await), "ok", "what stands already is no change");
    }
    assert_eq!((code(react(&ann, "🎉").await), code(edit(&ann, "two").await)), ("ok", "ok"));
    assert_eq!(code(edit(&ann, "two").await), "ok", "nor is the text that it has");
    let refused = edit(&ann, "three").await.err();
    let Some(Error::TooMany { retry_after, policy: Some(Limit { quota: 3, window: 10 }) }) = refused else {
        panic!("{refused:?}")
    };
    let taken_back = reactions::unreact(db, push, &narrow, &ann, ReactionRequest { room, seq, emoji: "👍" }).await;
    assert_eq!((code(react(&ann, "😀").await), code(taken_back)), ("rate_limited", "rate_limited"));
    let shown = group.shown(&bob, seq).await;
    assert_eq!((shown.content.as_str(), shown.reactions.len()), ("two", 2), "nothing of it is left");
    assert_eq!(code(react(&bob, "👍").await), "ok", "everyone has their own");
    assert_eq!(code(messages::send(db, push, &narrow, &ann, SendRequest { room, new: &text("still talking") }).await), "ok");
    let later = Caller { now: ann.now.plus_seconds(i64::from(retry_after)), ..ann.clone() };
    assert_eq!(code(edit(&later, "three").await), "ok");
}

#[tokio::test]
async fn repeated_texts_are_refused() {
    let db = fixture::database().await;
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let group = Group::of(db, &ann, &[&bob]).await;
    let (db, push, room) = (&group.db, &group.push, &group.room);
    let narrow = Limits { repeat: Limit { quota: 2, window: 60 }, ..limits() };
    let keyed = NewMessage { client_id: Some("c-1".into()), ..text("Buy gold here") };
    let say =
        async |who, room: &RoomRef, new: &NewMessage| messages::send(db, push, &narrow, who, SendRequest { room, new }).await;
    assert_eq!(code(say(&ann, room, &keyed).await), "ok");
    assert_eq!(code(say(&ann, room, &text("BUY  GOLD HERE!!")).await), "ok");
    let refused = say(&ann, room, &text("buy gold here 💰")).await.err();
    assert!(matches!(refused, Some(Error::Repeated { retry_after: 60 })), "{refused:?}");
    assert_eq!(refused.map(|error| error.code()), Some("duplicate_message"));
    assert!(say(&ann, room, &keyed).await.expect("a retry is no second message").replayed);
    assert_eq!(code(say(&ann, room, &text("Something else")).await), "ok");
    assert_eq!(
        code(say(&ann, room, &text("Buy gold here")).await),
        "duplicate_message",
        "saying something between does not help"
    );
    assert_eq!(code(say(&bob, room, &text("Buy gold here")).await), "ok", "bob may say it, too");
    assert_eq!(code(say(&ann, &RoomRef::general(), &text("Buy gold here")).await), "ok", "each room accepts it once more");
    let texts: Vec<_> = group.history(&bob).await.into_iter().map(|message| message.content).collect();
    assert_eq!(texts, ["Buy gold here", "BUY  GOLD HERE!!", "Something else", "Buy gold here"]);
    let later = Caller { now: ann.now.plus_seconds(60), ..ann.clone() };
    assert_eq!(code(say(&later, room, &text("Buy gold here")).await), "ok");
}

#[tokio::test]
async fn a_sender_learns_what_is_left() {
    let db = fixture::database().await;
    let ann = person(&db, "ann").await;
    let group = Group::of(db, &ann, &[]).await;
    let send = Limit { quota: 3, window: 9 };
    let narrow = Limits { send, ..limits() };
    let keyed = NewMessage { client_id: Some("c-1".into()), ..text("one") };
    let say = async |new: &NewMessage| {
        messages::send(&group.db, &group.push, &narrow, &ann, SendRequest { room: &group.room, new }).await.expect("sent").rate
    };
    assert_eq!(say(&keyed).await, Some(RateStatus { limit: send, left: 2, reset: 3 }));
    assert_eq!(say(&keyed).await, None, "a retry is not counted");
    assert_eq!(say(&text("two")).await, Some(RateStatus { limit: send, left: 1, reset: 6 }));
}

#[tokio::test]
async fn a_flooding_socket_is_warned_and_then_closed() {
    let frames = Limit { quota: 3, window: 300 };
    let backend = Backend::limited(Limits { frames, ..limits() }).await;
    let (laptop, phone) = (ConnectionId("laptop".into()), ConnectionId("phone".into()));
    let mut outcomes = Vec::new();
    for _ in 0..8 {
        outcomes.push(match backend.throttle.frame(&laptop, NOW).await {
            SocketFrameLimit::Within => "served",
            SocketFrameLimit::Warn(Error::TooMany { retry_after: 300, policy }) if policy == Some(frames) => "warned",
            SocketFrameLimit::Warn(other) => panic!("{other:?}"),
            SocketFrameLimit::Close => "closed",
        });
    }
    assert_eq!(outcomes, ["served", "served", "served", "warned", "warned", "warned", "closed", "closed"]);
    assert!(matches!(backend.throttle.frame(&phone, NOW).await, SocketFrameLimit::Within), "each socket has its own");
    assert!(matches!(backend.throttle.frame(&laptop, NOW.plus_seconds(300)).await, SocketFrameLimit::Within));
}

#[tokio::test]
async fn what_a_person_does_is_counted_over_all_of_it() {
    let act = Limit { quota: 2, window: 300 };
    let backend = Backend::limited(Limits { act, ..limits() }).await;
    let (ann, bob) = (backend.register("ann").await, backend.register("bob").await);
    let (ann, bob) = (backend.caller(&ann).await.expect("signed in"), backend.caller(&bob).await.expect("signed in"));
    let ann = Caller { now: NOW, ..ann };
    assert_eq!(backend.throttle.act(&ann).await.expect("one"), Some(RateStatus { limit: act, left: 1, reset: 300 }));
    assert_eq!(backend.throttle.act(&ann).await.expect("two"), Some(RateStatus { limit: act, left: 0, reset: 300 }));
    let refused = backend.throttle.act(&ann).await.err();
    assert!(matches!(refused, Some(Error::TooMany { retry_after: 300, .. })), "{refused:?}");
    assert_eq!(code(backend.throttle.act(&bob).await), "ok");
}

#[tokio::test]
async fn without_dynamodb_acts_and_frames_go_uncounted_and_do_not_wait_long() {
    let backend = Backend::without_dynamodb().await;
    let ann = fixture::caller(7.into(), "ann");
    let begun = std::time::Instant::now();
    assert_eq!(backend.throttle.act(&ann).await.expect("open"), None);
    assert!(matches!(backend.throttle.frame(&ConnectionId("a".into()), NOW).await, SocketFrameLimit::Within));
    assert!(begun.elapsed() < std::time::Duration::from_secs(3), "{:?}", begun.elapsed());
}
