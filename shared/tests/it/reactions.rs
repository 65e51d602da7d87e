//! Reactions: idempotent, counted, pushed to all, at low cost.

use shared::caller::Caller;
use shared::domain::messages::reactions::{self, ReactionRequest};
use shared::domain::messages::unsend;
use shared::domain::messages::{self, HistoryRange, MessageAddress};
use shared::domain::paging::PageRequest;
use shared::domain::sync;
use shared::error::{Error, Result};
use shared::id::{Rev, RoomRef, Seq};
use shared::protocol::frames::Frame;
use shared::protocol::messages::{Reaction, ReactionChange};
use shared::push::Push;
use shared::store::Db;

use crate::fixture::{self, limits, person, statements};
use crate::group::Group;

async fn react(group: &Group, who: &Caller, seq: Seq, emoji: &str) -> Result<ReactionChange> {
    reactions::react(&group.db, &group.push, &limits(), who, ReactionRequest { room: &group.room, seq, emoji }).await
}

async fn unreact(group: &Group, who: &Caller, seq: Seq, emoji: &str) -> Result<ReactionChange> {
    reactions::unreact(&group.db, &group.push, &limits(), who, ReactionRequest { room: &group.room, seq, emoji }).await
}

fn reaction(emoji: &str, count: u32, mine: bool) -> Reaction {
    Reaction { emoji: emoji.into(), count, mine: Some(mine) }
}

#[tokio::test]
async fn reactions_are_counted_pushed_and_idempotent() {
    let db = fixture::database().await;
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let group = Group::of(db, &ann, &[&bob]).await;
    let said = group.said(&ann, "one").await;
    let first = react(&group, &bob, said.seq, "👍").await.expect("given");
    assert_eq!((first.count, first.added, first.rev, first.user_id), (1, true, said.rev.next(), bob.user));
    let frames = group.frames().await;
    assert_eq!(frames.iter().map(|(user, _)| *user).collect::<Vec<_>>(), [ann.user, bob.user]);
    assert!(frames.iter().all(|(_, frame)| matches!(frame, Frame::Reaction(change) if *change == first)), "{frames:?}");
    assert_eq!(react(&group, &bob, said.seq, "👍").await.expect("stands"), first);
    assert!(group.frames().await.is_empty());
    assert_eq!(react(&group, &ann, said.seq, "👍").await.expect("given").count, 2);
    react(&group, &ann, said.seq, "👍🏽").await.expect("skin tones differ");
    let hers = group.shown(&ann, said.seq).await;
    assert_eq!(hers.reactions, [reaction("👍", 2, true), reaction("👍🏽", 1, true)]);
    assert_eq!(group.history(&bob).await[0].reactions, [reaction("👍", 2, true), reaction("👍🏽", 1, false)]);
    let gone = unreact(&group, &bob, said.seq, "👍").await.expect("taken back");
    assert_eq!((gone.count, gone.added, gone.rev), (1, false, hers.rev.next()));
    group.frames().await;
    assert_eq!(unreact(&group, &bob, said.seq, "👍").await.expect("as it is"), gone);
    assert!(group.frames().await.is_empty());
    assert_eq!(group.shown(&bob, said.seq).await.rev, gone.rev, "the message carries its last change");
}

#[tokio::test]
async fn sixteen_copies_at_once_are_one_reaction() {
    let url = fixture::migrated().await;
    let db = Db::lazy(&url).expect("a URL");
    let ann = person(&db, "ann").await;
    let group = Group::of(db, &ann, &[]).await;
    let said = group.said(&ann, "one").await;
    let copies = (0..16).map(|_| {
        let (url, ann, room) = (url.clone(), ann.clone(), group.room.clone());
        tokio::spawn(async move {
            let db = Db::lazy(&url).expect("a URL");
            reactions::react(&db, &Push::memory(), &limits(), &ann, ReactionRequest { room: &room, seq: said.seq, emoji: "👍" })
                .await
        })
    });
    for copy in copies.collect::<Vec<_>>() {
        let change = copy.await.expect("ran").expect("stands");
        assert_eq!((change.count, change.rev), (1, said.rev.next()));
    }
    assert_eq!(group.shown(&ann, said.seq).await.reactions, [reaction("👍", 1, true)]);
}

#[tokio::test]
async fn reactions_are_listed_in_pages() {
    let db = fixture::database().await;
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let group = Group::of(db, &ann, &[&bob]).await;
    let seq = group.said(&ann, "one").await.seq;
    for (who, emoji) in [(&ann, "👍"), (&bob, "👍"), (&bob, "❤️")] {
        react(&group, who, seq, emoji).await.expect("given");
    }
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let page = reactions::list(
            &group.db,
            &ann,
            MessageAddress { room: &group.room, seq },
            None,
            PageRequest { cursor: cursor.as_deref(), limit: Some(1) },
        )
        .await
        .expect("a page");
        seen.extend(page.items.into_iter().map(|one| (one.emoji, one.user.id)));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    let all = [("❤️", bob.user), ("👍", ann.user), ("👍", bob.user)].map(|(emoji, user)| (emoji.to_owned(), user));
    assert_eq!(seen, all);
    let hearts = reactions::list(&group.db, &ann, MessageAddress { room: &group.room, seq }, Some("❤️"), PageRequest::default())
        .await
        .expect("a page")
        .items;
    assert_eq!(hearts.len(), 1);
    for (emoji, cursor) in
        [(Some("heart"), None), (Some("❤️ "), None), (Some(""), None), (None, Some("nonsense")), (None, Some(""))]
    {
        let refused = reactions::list(
            &group.db,
            &ann,
            MessageAddress { room: &group.room, seq },
            emoji,
            PageRequest { cursor, limit: None },
        )
        .await
        .err();
        assert!(matches!(refused, Some(Error::Invalid(_))), "{refused:?}");
    }
}

#[tokio::test]
async fn a_message_has_twenty_kinds_of_reactions_at_most() {
    let db = fixture::database().await;
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let group = Group::of(db, &ann, &[&bob]).await;
    let seq = group.said(&ann, "one").await.seq;
    let emoji: Vec<String> = ('\u{1f600}'..'\u{1f615}').map(String::from).collect();
    for emoji in &emoji[..20] {
        react(&group, &ann, seq, emoji).await.expect("given");
    }
    let refused = react(&group, &ann, seq, &emoji[20]).await.err();
    assert!(matches!(refused, Some(Error::Conflict("too_many_reactions"))), "{refused:?}");
    react(&group, &bob, seq, &emoji[3]).await.expect("one of the twenty");
}

#[tokio::test]
async fn only_members_react_to_what_stands_and_with_one_emoji() {
    let db = fixture::database().await;
    let (ann, eve) = (person(&db, "ann").await, person(&db, "eve").await);
    let group = Group::of(db, &ann, &[]).await;
    let (stands, gone) = (group.said(&ann, "one").await.seq, group.said(&ann, "two").await.seq);
    unsend::unsend(&group.db, &group.push, &ann, &group.room, gone).await.expect("unsent");
    group.frames().await;
    for (who, seq, emoji, code) in [
        (&ann, stands, "", "invalid_input"),
        (&ann, stands, "a", "invalid_input"),
        (&ann, stands, "👍👍", "invalid_input"),
        (&ann, stands, "ok 👍", "invalid_input"),
        (&ann, gone, "👍", "message_unsent"),
        (&ann, Seq(99), "👍", "message_not_found"),
        (&ann, Seq(u64::MAX), "👍", "message_not_found"),
        (&eve, stands, "👍", "room_not_found"),
    ] {
        assert_eq!(react(&group, who, seq, emoji).await.err().as_ref().map(Error::code), Some(code), "{seq} {emoji}");
    }
    assert!(group.frames().await.is_empty());
}

#[tokio::test]
async fn a_reaction_keeps_to_its_statements() {
    let db = fixture::database().await;
    let ann = person(&db, "ann").await;
    let group = Group::of(db, &ann, &[]).await;
    let seq = group.said(&ann, "one").await.seq;
    react(&group, &ann, seq, "👍").await.expect("prepared");
    unreact(&group, &ann, seq, "👍").await.expect("prepared");
    for work in [true, false] {
        let change =
            async { if work { react(&group, &ann, seq, "👍").await } else { unreact(&group, &ann, seq, "👍").await } };
        let (done, count) = statements(&group.db, change).await;
        done.expect("changed");
        assert_eq!(count, 7, "BEGIN, room and member, message with reactions, the reaction, the revs, COMMIT; and the audience");
    }
}

/// Stores a reaction as a release before the one spelling did.
async fn stored(group: &Group, who: &Caller, seq: Seq, emoji: &str) {
    let RoomRef::Id(room) = group.room else { panic!("a group has an id") };
    sqlx::query("insert into reactions (room_id, seq, emoji, user_id, created_at, rev) values (?, ?, ?, ?, 1, 1)")
        .bind(room.0)
        .bind(seq.0)
        .bind(emoji)
        .bind(who.user.0)
        .execute(&mut *group.db.acquire().await.expect("a connection"))
        .await
        .expect("stored");
}

#[tokio::test]
async fn an_emoji_is_one_reaction_in_every_spelling() {
    let db = fixture::database().await;
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let group = Group::of(db, &ann, &[&bob]).await;
    let seq = group.said(&ann, "one").await.seq;
    for (typed, other, shown) in [
        ("👍", "👍\u{fe0f}", "👍"),
        ("❤", "❤\u{fe0f}", "❤\u{fe0f}"),
        ("👁\u{200d}🗨", "👁\u{fe0f}\u{200d}🗨", "👁\u{fe0f}\u{200d}🗨\u{fe0f}"),
    ] {
        let first = react(&group, &ann, seq, typed).await.expect("given");
        assert_eq!((first.emoji.as_str(), first.count), (shown, 1));
        let second = react(&group, &bob, seq, other).await.expect("given");
        assert_eq!((second.emoji.as_str(), second.count), (shown, 2));
        assert_eq!(group.shown(&ann, seq).await.reactions, [reaction(shown, 2, true)]);
        let gone = unreact(&group, &bob, seq, typed).await.expect("taken back");
        assert_eq!((gone.emoji.as_str(), gone.added, gone.count), (shown, false, 1));
        unreact(&group, &ann, seq, other).await.expect("taken back");
        assert!(group.history(&ann).await[0].reactions.is_empty());
    }
    for junk in ["👍\u{fe0f}\u{fe0f}", "👍\u{200d}", "😀🏽", "👍🏽🏾", "👍\u{e0067}\u{e007f}", "👍\u{fe0e}"] {
        for refused in [react(&group, &ann, seq, junk).await, unreact(&group, &ann, seq, junk).await] {
            assert_eq!(refused.err().as_ref().map(Error::code), Some("invalid_input"), "{junk:?}");
        }
    }
}

#[tokio::test]
async fn rows_of_earlier_spellings_are_one_reaction_and_can_be_taken_back() {
    let db = fixture::database().await;
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let group = Group::of(db, &ann, &[&bob]).await;
    let seq = group.said(&ann, "one").await.seq;
    for (who, emoji) in [(&ann, "❤"), (&bob, "❤\u{fe0f}"), (&bob, "❤"), (&bob, "😀🏽"), (&ann, "👍\u{fe0f}\u{fe0f}")]
    {
        stored(&group, who, seq, emoji).await;
    }
    let heart = "❤\u{fe0f}";
    let expected = [reaction(heart, 2, true), reaction("👍", 1, true), reaction("😀🏽", 1, false)];
    assert_eq!(group.shown(&ann, seq).await.reactions, expected);
    assert_eq!(group.history(&ann).await[0].reactions, expected);
    let changes = sync::room(&group.db, &ann, &group.room, Rev(0), None).await.expect("a sync");
    assert_eq!(
        changes.messages.into_iter().find(|message| message.seq == seq).map(|found| found.reactions),
        Some(expected.into())
    );
    let mut seen = Vec::new();
    let mut cursor = None;
    for _ in 0..10 {
        let address = MessageAddress { room: &group.room, seq };
        let paging = PageRequest { cursor: cursor.as_deref(), limit: Some(1) };
        let page = reactions::list(&group.db, &ann, address, None, paging).await.expect("a page");
        seen.extend(page.items.into_iter().map(|one| (one.emoji, one.user.id)));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    let all = [(heart, ann.user), (heart, bob.user), ("👍", ann.user), ("😀🏽", bob.user)];
    assert_eq!(seen, all.map(|(emoji, user)| (emoji.to_owned(), user)));
    for (only, expected) in [(heart, 2), ("❤", 2), ("😀🏽", 1), ("👍", 1)] {
        let address = MessageAddress { room: &group.room, seq };
        let page = reactions::list(&group.db, &ann, address, Some(only), PageRequest::default()).await.expect("a page");
        assert_eq!(page.items.len(), expected, "{only}");
    }
    assert_eq!(react(&group, &bob, seq, "❤").await.expect("stands").count, 2);
    assert_eq!(unreact(&group, &bob, seq, heart).await.expect("both spellings").count, 1);
    assert_eq!(unreact(&group, &bob, seq, "😀🏽").await.expect("what no longer can be given").count, 0);
    assert_eq!(group.shown(&bob, seq).await.reactions, [reaction(heart, 1, false), reaction("👍", 1, false)]);
}

#[tokio::test]
async fn spellings_cost_one_statement_for_a_page_however_many_messages_have_them() {
    let db = fixture::database().await;
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let group = Group::of(db, &ann, &[&bob]).await;
    let mut seqs = Vec::new();
    for text in ["one", "two", "three", "four"] {
        seqs.push(group.said(&ann, text).await.seq);
    }
    let mut counts = Vec::new();
    for seq in &seqs {
        for (who, emoji) in [(&ann, "❤"), (&ann, "❤\u{fe0f}"), (&bob, "❤\u{fe0f}"), (&ann, "👍👍"), (&bob, "👍👍\u{fe0f}")]
        {
            stored(&group, who, *seq, emoji).await;
        }
        let history = async || messages::history(&group.db, &bob, &group.room, HistoryRange::Newest, None).await;
        let changes = async || sync::room(&group.db, &bob, &group.room, Rev(0), None).await;
        history().await.expect("prepared");
        changes().await.expect("prepared");
        let (page, of_history) = statements(&group.db, history()).await;
        let (synced, of_changes) = statements(&group.db, changes()).await;
        counts.push((of_history, of_changes));
        let shown = [page.expect("a page").items, synced.expect("a sync").messages].concat();
        let shown: Vec<_> = shown.into_iter().filter(|message| seqs.contains(&message.seq) && message.seq <= *seq).collect();
        assert!(shown.len() >= 2);
        for message in shown {
            assert_eq!(message.reactions, [reaction("❤\u{fe0f}", 2, true), reaction("👍👍", 2, true)], "{}", message.content);
        }
    }
    assert!(counts.iter().all(|count| *count == counts[0]), "{counts:?}");
}

#[tokio::test]
async fn a_blank_behind_an_emoji_takes_nothing_back() {
    let db = fixture::database().await;
    let ann = person(&db, "ann").await;
    let group = Group::of(db, &ann, &[]).await;
    let seq = group.said(&ann, "one").await.seq;
    react(&group, &ann, seq, "👍").await.expect("given");
    group.frames().await;
    for text in ["👍 ", "👍 \u{fe0f}", "👍\u{fe0f} ", "👍   "] {
        let refused = unreact(&group, &ann, seq, text).await;
        assert_eq!(refused.err().as_ref().map(Error::code), Some("invalid_input"), "{text:?}");
        assert_eq!(group.shown(&ann, seq).await.reactions, [reaction("👍", 1, true)], "{text:?}");
    }
    assert!(group.frames().await.is_empty());
}
