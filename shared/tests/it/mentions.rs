//! Mentions: of members only, counted until read, at minimal cost.

use shared::domain::messages::edits::{self, EditRequest};
use shared::domain::messages::{self, SendRequest};
use shared::domain::paging::PageRequest;
use shared::domain::rooms;
use shared::protocol::messages::{NewContent, NewMessage};
use shared::protocol::rooms::Scope;

use crate::fixture::{self, limits, person, statements};
use crate::group::Group;

#[tokio::test]
async fn members_are_mentioned_by_name_without_regard_to_case() {
    let db = fixture::database().await;
    let (ann, bob, eve) = (person(&db, "ann").await, person(&db, "bob.b").await, person(&db, "eve").await);
    let group = Group::of(db, &ann, &[&bob]).await;
    let said = group.said(&ann, "@BOB.B, @eve and @nobody: write to ann@bob.b. Or ask @Ann. @bob.b!").await;
    assert_eq!(said.mentions, [bob.user, ann.user], "eve is no member, and once is enough");
    assert!(!said.mentions.contains(&eve.user));
    assert_eq!(group.shown(&bob, said.seq).await.mentions, said.mentions);
    assert!(group.said(&ann, "no @ at all").await.mentions.is_empty());
}

#[tokio::test]
async fn a_room_list_counts_unread_mentions_and_follows_edits() {
    let db = fixture::database().await;
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let group = Group::of(db, &ann, &[&bob]).await;
    let Group { db, push, room, .. } = &group;
    let mentions =
        async |who| rooms::list(db, who, Scope::Joined, PageRequest::default()).await.expect("rooms").items[0].mentions;
    let first = group.said(&ann, "Hi @bob").await;
    group.said(&ann, "@bob?").await;
    group.said(&ann, "nobody").await;
    assert_eq!((mentions(&bob).await, mentions(&ann).await), (2, 0));
    let edit = async |content: &str| {
        let new = NewContent { content: content.into() };
        edits::edit(db, push, &limits(), &ann, EditRequest { room, seq: first.seq, new: &new }).await.expect("edited").mentions
    };
    assert_eq!(edit("Hi @ann").await, [ann.user]);
    assert_eq!(mentions(&bob).await, 1);
    assert_eq!(edit("Hi @ann and @bob").await, [ann.user, bob.user]);
    assert_eq!(mentions(&bob).await, 2);
    assert_eq!(rooms::find(db, &bob, room).await.expect("the room").mentions, 2);
    group.said(&bob, "I read all of it").await;
    assert_eq!(mentions(&bob).await, 0);
}

#[tokio::test]
async fn mentions_cost_one_read_and_one_insert() {
    let db = fixture::database().await;
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let group = Group::of(db, &ann, &[&bob]).await;
    let send = async |content: &str| {
        let new = NewMessage { content: Some(content.into()), ..NewMessage::default() };
        messages::send(&group.db, &group.push, &limits(), &ann, SendRequest { room: &group.room, new: &new }).await.expect("sent")
    };
    for (content, expected) in [("nobody", 6), ("@nobody", 7), ("@bob", 8)] {
        send(content).await;
        assert_eq!(statements(&group.db, send(content)).await.1, expected, "{content}");
    }
    let list = || rooms::list(&group.db, &bob, Scope::All, PageRequest::default());
    list().await.expect("prepared");
    assert_eq!(statements(&group.db, list()).await.1, 2, "the rooms, and their mentions");
}

#[tokio::test]
async fn names_of_others_do_not_use_up_the_mentions() {
    let db = fixture::database().await;
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob_1").await);
    let group = Group::of(db, &ann, &[&bob]).await;
    let crowd = (100..200).map(|number| format!("@x{number}")).collect::<Vec<_>>().join(" ");
    let said = group.said(&ann, &format!("{crowd} @bob_1")).await;
    assert_eq!(said.mentions, [bob.user]);
    let sentence = group.said(&ann, "@bob_1.Can you? \u{ff20}ann, see https://example.com/@ann").await;
    assert_eq!(sentence.mentions, [bob.user, ann.user]);
    assert!(group.said(&ann, "`@bob_1` https://example.com/@bob_1 a@bob_1").await.mentions.is_empty());
}

#[tokio::test]
async fn a_member_whose_name_ends_in_a_mark_takes_no_mention_of_another() {
    let db = fixture::database().await;
    let (ann, bob, marked, lone) =
        (person(&db, "ann").await, person(&db, "bob_1").await, person(&db, "bob_1-").await, person(&db, "cat_").await);
    let group = Group::of(db, &ann, &[&bob, &marked, &lone]).await;
    assert_eq!(group.said(&ann, "@bob_1- thanks").await.mentions, [bob.user]);
    assert_eq!(group.said(&ann, "@cat_ thanks").await.mentions, [lone.user]);
}
