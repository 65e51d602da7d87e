//! What people expect of search, with and without the index: a table of rows, names of files, and indexes of earlier releases.

use std::collections::HashSet;

use shared::domain::messages::unsend;
use shared::id::{RoomRef, Seq};
use shared::protocol::rooms::RoomKind;
use shared::protocol::search::{Found, Highlight, Search};

use crate::fixture::{numbers, person};
use crate::search::Library;
use crate::search_rows::{ROWS, Row};

fn parts(text: &str, highlights: &[Highlight]) -> String {
    let characters: Vec<char> = text.chars().collect();
    let part = |one: &Highlight| characters[one.from as usize..one.to as usize].iter().collect::<String>();
    highlights.iter().map(part).collect::<Vec<_>>().join("|")
}

fn highlighted(found: &Found) -> String {
    parts(&found.message.content, &found.highlights)
}

#[tokio::test]
async fn each_row_holds_with_and_without_the_index() {
    assert!(ROWS.len() >= 100, "{}", ROWS.len());
    let library = Library::open().await;
    let ann = person(&library.backend.db, "ann").await;
    let room = library.room(&ann, RoomKind::Group, &[]).await;
    let RoomRef::Id(id) = room else { panic!("by id") };
    let (mut said, mut last) = (HashSet::new(), Seq(0));
    for Row(message, ..) in ROWS {
        if said.insert(*message) {
            last = library.say(&ann, &room, message).await;
        }
    }
    library
        .run(format!(
            "insert into messages (room_id, seq, sender_id, content, created_at, rev)
             select {id}, seq, {}, 'xxxx', {}, seq from {} s where seq > {last}",
            ann.user,
            ann.now.0,
            numbers(1030)
        ))
        .await;
    library.run(format!("update rooms set last_seq = 1030, rev = 1030 where id = {id}")).await;
    for sealed in [false, true] {
        if sealed {
            library.settled().await;
        }
        for Row(message, query, expected) in ROWS {
            let found = library.all(&ann, query, 50).await;
            let hit = found.iter().find(|found| found.message.content == *message).map(highlighted);
            assert_eq!(hit.as_deref(), *expected, "{query} in {message}; sealed: {sealed}");
        }
        assert_eq!(library.count("select count(*) from search_segments").await, i64::from(sealed));
    }
}

#[tokio::test]
async fn segments_of_earlier_releases_hide_nothing() {
    let library = Library::open().await;
    library.settled().await;
    let ann = person(&library.backend.db, "ann").await;
    let room = library.room(&ann, RoomKind::Group, &[]).await;
    library.filled(&ann, &room, 1100).await;
    assert_eq!(library.all(&ann, "kapitan", 50).await.len(), 11);
    let slices = library.count("select count(*) from search_slices").await;
    // Bits as another folding sets them, and one that no message has now.
    library.run("update search_slices set bits = repeat(x'01', 128)".into()).await;
    library.run("update search_segments set folding = 0".into()).await;
    let young = "update _sqlx_migrations set installed_on = now() where version = 36";
    library.run(young.into()).await;
    assert_eq!(library.all(&ann, "kapitan", 50).await.len(), 11, "read text by text while the release before may still seal");
    assert_eq!(library.count("select count(*) from search_segments where folding = 0").await, 1);
    library.settled().await;
    for _ in 0..2 {
        assert_eq!(library.all(&ann, "kapitan", 50).await.len(), 11);
        assert_eq!(library.count("select count(*) from search_segments where folding = 1").await, 1, "sealed anew");
        assert_eq!(library.count("select count(*) from search_slices").await, slices);
        assert_eq!(library.count("select count(*) from search_slices where bits = repeat(x'01', 128)").await, 0);
    }
    // A release before that seals: its version is none.
    library.edit(&ann, &room, Seq(100), "Zeppelin").await;
    library
        .run(
            "insert into search_segments (room_id, segment, from_at, to_at) select id, 0, 0, 1 from rooms where last_seq = 1100"
                .into(),
        )
        .await;
    assert_eq!(library.all(&ann, "zeppelin", 50).await.len(), 1);
    assert_eq!(library.all(&ann, "kapitan", 50).await.len(), 10);
}

#[tokio::test]
async fn files_are_found_by_their_names() {
    let library = Library::open().await;
    let ann = person(&library.backend.db, "ann").await;
    let room = library.room(&ann, RoomKind::Group, &[]).await;
    library.filled(&ann, &room, 1100).await;
    let named = |seq: u64, kind: &str, names: &[&str]| {
        let file = |name: &&str| {
            format!(
                r#"{{"id":1,"image":false,"name":"{name}","type":"a/b","size":1,"width":null,"height":null,"placeholder":null}}"#
            )
        };
        let files: Vec<_> = names.iter().map(file).collect();
        format!(
            "update messages set kind = '{kind}', content = 'see this', attachments = '[{}]' where seq = {seq}",
            files.join(",")
        )
    };
    library.run(named(50, "file", &["photo.jpg", "Quarterly-Report_2026.pdf"])).await;
    library.run(named(1090, "image", &["Łódź Główna.png"])).await;
    for sealed in [0, 1] {
        if sealed == 1 {
            library.settled().await;
        }
        for (query, seqs) in [
            ("quarterly", &[50][..]),
            ("QUARTERLY report", &[50]),
            ("report_2026.pdf", &[50]),
            (".pdf", &[50]),
            ("see quarterly", &[50]),
            ("has:file quarterly", &[50]),
            ("has:image lodz", &[1090]),
            ("see this from:ann has:image", &[1090]),
            ("lodz glowna", &[1090]),
            ("has:image quarterly", &[]),
            ("\"photo jpg quarterly\"", &[]),
            ("quarterly kapitan", &[]),
        ] {
            let found = library.all(&ann, query, 50).await;
            assert_eq!(found.iter().map(|one| one.message.seq.0).collect::<Vec<_>>(), seqs, "{query}; sealed: {sealed}");
        }
        assert_eq!(library.count("select count(*) from search_segments").await, sealed);
    }
    let found = library.all(&ann, "quarterly this", 50).await;
    let [file] = &found[0].files[..] else { panic!("{found:?}") };
    let name = &found[0].message.attachments[file.index as usize].file_name;
    assert_eq!((highlighted(&found[0]), parts(name, &file.highlights)), ("this".into(), "Quarterly".into()));
    library.run("update messages set kind = 'text', attachments = null where seq = 1090".into()).await;
    unsend::unsend(&library.backend.db, &library.push, &ann, &room, Seq(50)).await.expect("unsent");
    for query in ["quarterly", "lodz"] {
        assert!(library.all(&ann, query, 50).await.is_empty(), "{query}");
    }
}

#[tokio::test]
async fn unanswerable_queries_are_refused_rather_than_answered_with_everything() {
    let library = Library::open().await;
    let ann = person(&library.backend.db, "ann").await;
    let room = library.room(&ann, RoomKind::Group, &[]).await;
    library.say(&ann, &room, "hello").await;
    let refusal = async |search: Search| match library.page(&ann, &search).await {
        Err(shared::error::Error::Invalid(wrong)) => (wrong[0].field.clone(), wrong[0].code),
        other => panic!("{search:?}: {other:?}"),
    };
    let q = |q: &str| Search { q: Some(q.into()), ..Search::default() };
    for text in ["?!", "from:me ?!", "in:41 ???", "has:file ***", "\"…\"", "$", "+ #"] {
        assert_eq!(refusal(q(text)).await, ("q".into(), "nothing_to_search"), "{text}");
        let in_room = Search { room_id: Some(room.clone()), ..q(text) };
        assert_eq!(refusal(in_room).await, ("q".into(), "nothing_to_search"), "{text}");
    }
    assert_eq!(refusal(q("from:nobody-known hello")).await, ("from".into(), "user_not_found"));
    assert_eq!(refusal(Search { tz: Some("Mars/Base".into()), ..q("hello") }).await, ("tz".into(), "invalid"));
    assert_eq!(library.texts(&ann, "hello from:@ann").await, ["hello"]);
    assert_eq!(library.texts(&ann, "from:me").await, ["hello"], "filters alone are a search");
}

#[tokio::test]
async fn days_are_those_of_the_time_zone() {
    let library = Library::open().await;
    let ann = person(&library.backend.db, "ann").await;
    let room = library.room(&ann, RoomKind::Group, &[]).await;
    library.say(&ann, &room, "late tea").await;
    // 2025-11-30 at 00:38 UTC: in New York the 29th, 19:38.
    library.run("update messages set created_at = 1764463080000 where content = 'late tea'".into()).await;
    for (q, tz, found) in [
        ("tea before:2025-11-30", None, 0),
        ("tea before:2025-11-30", Some("America/New_York"), 1),
        ("tea before:2025-11-30", Some("-05:00"), 1),
        ("tea before:2025-11-30", Some("Europe/Berlin"), 0),
        ("tea after:2025-11-30", None, 1),
        ("tea after:2025-11-30", Some("America/New_York"), 0),
        ("tea after:2025-11-30T00:38:00Z", Some("America/New_York"), 1),
    ] {
        let search = Search { q: Some(q.into()), tz: tz.map(Into::into), ..Search::default() };
        assert_eq!(library.page(&ann, &search).await.expect("a page").items.len(), found, "{q} {tz:?}");
    }
}
