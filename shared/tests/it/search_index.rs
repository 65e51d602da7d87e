//! The search index: the same results with and without it, whatever changes meanwhile.

use shared::domain::messages::unsend;
use shared::domain::rooms::members;
use shared::id::Seq;
use shared::protocol::rooms::RoomKind;
use shared::protocol::search::Search;

use crate::fixture::{person, statements};
use crate::search::Library;

#[tokio::test]
async fn edited_texts_are_found_and_former_ones_are_not() {
    let library = Library::open().await;
    library.settled().await;
    let ann = person(&library.backend.db, "ann").await;
    let room = library.room(&ann, RoomKind::Group, &[]).await;
    library.filled(&ann, &room, 2500).await;
    assert_eq!(library.all(&ann, "Donaudampfschiff", 50).await.len(), 25);
    assert_eq!(library.count("select count(*) from search_segments").await, 2, "the full ones are sealed, the last is not");
    for seq in [Seq(100), Seq(2500)] {
        library.edit(&ann, &room, seq, "Zeppelin über Köln").await;
        assert!(library.all(&ann, "dampfschiff", 50).await.iter().all(|found| found.message.seq != seq));
        assert!(library.all(&ann, "zeppelin", 50).await.iter().any(|found| found.message.seq == seq));
    }
    assert_eq!(library.count("select count(*) from search_segments").await, 2, "sealed anew by the search after the edit");
    for seq in [Seq(100), Seq(2500)] {
        unsend::unsend(&library.backend.db, &library.push, &ann, &room, seq).await.expect("unsent");
    }
    assert_eq!(library.count("select count(*) from search_segments").await, 1, "nothing stays of what was unsent");
    assert_eq!(library.count("select count(distinct segment) from search_slices").await, 1);
    assert!(library.texts(&ann, "zeppelin").await.is_empty());
    assert_eq!(library.all(&ann, "dampfschiff", 50).await.len(), 23);
}

#[tokio::test]
async fn a_past_member_finds_the_words_of_their_time_in_sealed_segments_too() {
    let library = Library::open().await;
    library.settled().await;
    let (ann, bob) = (person(&library.backend.db, "ann").await, person(&library.backend.db, "bob").await);
    let room = library.room(&ann, RoomKind::Group, &[&bob]).await;
    library.run("update rooms set past_members_read = 1".into()).await;
    library.filled(&ann, &room, 1100).await;
    members::remove(&library.backend.db, &library.push, &ann, &room, bob.user).await.expect("removed");
    assert_eq!(library.all(&bob, "dampfschiff", 5).await.len(), 11);
    assert_eq!(library.count("select count(*) from search_segments").await, 0, "who only looks back seals nothing");
    library.edit(&ann, &room, Seq(100), "Zeppelin über Köln").await;
    assert_eq!(library.all(&ann, "dampfschiff", 50).await.len(), 10);
    assert_eq!(library.count("select count(*) from search_segments").await, 1, "sealed with the words of now");
    let found = library.all(&bob, "dampfschiff", 5).await;
    assert!(found.len() == 11 && found.iter().any(|found| found.message.seq == Seq(100) && found.message.edited_at.is_none()));
    assert!(library.texts(&bob, "zeppelin").await.is_empty());
}

#[tokio::test]
async fn what_a_segment_holds_is_found_while_others_change_it() {
    let library = Library::open().await;
    library.settled().await;
    let ann = person(&library.backend.db, "ann").await;
    let room = library.room(&ann, RoomKind::Group, &[]).await;
    library.filled(&ann, &room, 1100).await;
    let edits = async {
        for round in 0..150 {
            library.edit(&ann, &room, Seq(50), &format!("Zeppelin {round}")).await;
        }
    };
    let searches = async {
        for _ in 0..150 {
            assert_eq!(library.all(&ann, "dampfschiff", 50).await.len(), 11);
        }
    };
    tokio::join!(edits, searches);
    assert!(library.count("select count(*) from search_segments").await <= 1);
}

#[tokio::test]
async fn the_index_waits_until_every_function_knows_it() {
    let library = Library::open().await;
    let ann = person(&library.backend.db, "ann").await;
    let room = library.room(&ann, RoomKind::Group, &[]).await;
    library.filled(&ann, &room, 1500).await;
    assert_eq!(library.all(&ann, "dampfschiff", 50).await.len(), 15);
    assert_eq!(library.count("select count(*) from search_segments").await, 0);
    library.settled().await;
    assert_eq!(library.all(&ann, "dampfschiff", 50).await.len(), 15);
    assert_eq!(library.count("select count(*) from search_segments").await, 1);
}

#[tokio::test]
async fn a_search_of_a_sealed_room_keeps_to_its_statements() {
    let library = Library::open().await;
    library.settled().await;
    let ann = person(&library.backend.db, "ann").await;
    let room = library.room(&ann, RoomKind::Group, &[]).await;
    library.filled(&ann, &room, 10_300).await;
    let rare = Search { q: Some("\"Nachricht 77\"".into()), room_id: Some(room), ..Search::default() };
    library.all(&ann, "\"Nachricht 77\"", 20).await;
    library.page(&ann, &rare).await.expect("sealed and prepared");
    let (page, count) = statements(&library.backend.db, library.page(&ann, &rare)).await;
    let page = page.expect("found");
    assert_eq!((page.items.len(), page.items[0].message.seq, page.next), (1, Seq(77), None));
    // Room, seals, the unsealed end and its time, slices of ten segments, the message; plus at most one per segment with candidates.
    assert!(count <= 16, "{count} statements");
}
