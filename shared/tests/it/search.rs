//! Search: scripts, query language, visibility, pages. The index changes only the cost.

use shared::caller::Caller;
use shared::config::Limits;
use shared::domain::messages::edits::{self, EditRequest};
use shared::domain::messages::unsend;
use shared::domain::messages::{self, SendRequest};
use shared::domain::rooms;
use shared::domain::rooms::members;
use shared::domain::rooms::settings;
use shared::domain::search;
use shared::error::{Error, Limit, Result};
use shared::id::{RoomRef, Seq};
use shared::protocol::messages::{NewContent, NewMessage};
use shared::protocol::page::Page;
use shared::protocol::rooms::{ChangeRoom, ChangeSettings, NewRoom, RoomKind};
use shared::protocol::search::{Found, Search};
use shared::push::Push;
use sqlx::Executor;

use crate::backend::Backend;
use crate::fixture::{self, limits, person};

/// Rooms to search in.
pub(crate) struct Library {
    pub(crate) backend: Backend,
    pub(crate) push: Push,
}

impl Library {
    pub(crate) async fn open() -> Self {
        Self { backend: Backend::open().await, push: Push::memory() }
    }

    pub(crate) async fn room(&self, owner: &Caller, kind: RoomKind, others: &[&Caller]) -> RoomRef {
        let new = NewRoom { name: "Room".into(), member_ids: others.iter().map(|one| one.user).collect(), ..NewRoom::default() };
        RoomRef::Id(rooms::create(&self.backend.db, &self.push, owner, kind, &new).await.expect("made").id)
    }

    pub(crate) async fn say(&self, who: &Caller, room: &RoomRef, text: &str) -> Seq {
        let new = NewMessage { content: Some(text.into()), ..NewMessage::default() };
        let who = fixture::caller(who.user, &who.username);
        messages::send(&self.backend.db, &self.push, &limits(), &who, SendRequest { room, new: &new })
            .await
            .expect("sent")
            .message
            .seq
    }

    pub(crate) async fn edit(&self, who: &Caller, room: &RoomRef, seq: Seq, text: &str) {
        let editing = EditRequest { room, seq, new: &NewContent { content: text.into() } };
        edits::edit(&self.backend.db, &self.push, &limits(), who, editing).await.expect("edited");
    }

    pub(crate) async fn page(&self, who: &Caller, search: &Search) -> Result<Page<Found>> {
        search::search(&self.backend.db, &self.backend.throttle, who, search).await
    }

    /// Returns all pages of a search.
    pub(crate) async fn all(&self, who: &Caller, q: &str, limit: u32) -> Vec<Found> {
        let mut search = Search { q: Some(q.into()), limit: Some(limit), ..Search::default() };
        let mut found = Vec::new();
        for _ in 0..1000 {
            let page = self.page(who, &search).await.unwrap_or_else(|error| panic!("{q}: {error}"));
            assert!(page.items.len() <= limit as usize);
            found.extend(page.items);
            search.cursor = page.next;
            if search.cursor.is_none() {
                return found;
            }
        }
        panic!("{q}: no end");
    }

    pub(crate) async fn texts(&self, who: &Caller, q: &str) -> Vec<String> {
        self.all(who, q, 50).await.into_iter().map(|found| found.message.content).collect()
    }

    pub(crate) async fn code(&self, who: &Caller, q: &str) -> &'static str {
        self.page(who, &Search { q: Some(q.into()), ..Search::default() }).await.err().map_or("ok", |error| error.code())
    }

    pub(crate) async fn run(&self, sql: String) {
        self.backend.db.acquire().await.expect("a connection").execute(sqlx::AssertSqlSafe(sql)).await.expect("runs");
    }

    pub(crate) async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&mut *self.backend.db.acquire().await.expect("a connection")).await.expect("a number")
    }

    /// Makes the index old enough for segments to be sealed.
    pub(crate) async fn settled(&self) {
        self.run("update _sqlx_migrations set installed_on = now() - interval 1 day".into()).await;
    }

    /// Inserts `count` messages, a second apart; every hundredth has a marked text.
    pub(crate) async fn filled(&self, owner: &Caller, room: &RoomRef, count: u64) {
        let RoomRef::Id(id) = room else { panic!("a room by its id") };
        let now = owner.now.0;
        self.run(format!(
            "insert into messages (room_id, seq, sender_id, content, created_at, rev)
             select {id}, seq, {}, concat('Nachricht ', seq, if(seq % 100 = 0, ' vom Donaudampfschiff, Kapitän', ' von irgendwo')),
                    {now} - ({count} - seq) * 1000, seq from {} s",
            owner.user,
            fixture::numbers(count)
        ))
        .await;
        self.run(format!("update rooms set last_seq = {count}, rev = {count}, active_at = {now} where id = {id}")).await;
    }
}

#[tokio::test]
async fn every_script_is_found_by_its_words_and_their_parts() {
    let library = Library::open().await;
    let ann = person(&library.backend.db, "ann").await;
    let room = library.room(&ann, RoomKind::Group, &[]).await;
    let sentences = [
        (
            "Die Donaudampfschifffahrtsgesellschaft sucht Kapitäne.",
            &["Donaudampfschiff", "schifffahrt", "gesellschaft", "kapitane", "\"sucht Kapitäne\""][..],
        ),
        ("Grüße aus der Straße", &["GRÜSSE", "grusse", "strasse", "STRASSE", "der"]),
        ("我们明天下午三点在上海开会", &["明天", "上海", "会", "三点在上海", "\"明天下午\""]),
        ("来週の会議は東京タワーの近くです", &["東京", "会議", "タワー", "近", "ﾀﾜｰ"]),
        ("내일 서울에서 만나요", &["서울", "만나", "내일 서울", "울"]),
        ("พรุ่งนี้เราไปกินข้าวที่ร้านใหม่", &["กินข้าว", "พรุ่งนี้", "ร้าน"]),
        ("قرأتُ الكتابَ الجديد في المكتبة", &["الكتاب", "كتاب", "جديد", "المكتبه"]),
        ("נתראה מחר בבית הקפה", &["מחר", "קפה", "הקפה"]),
        ("Приходите завтра, всё будет готово", &["ЗАВТРА", "все", "готово"]),
        ("Ραντεβού στις οκτώ, Οδυσσεύς", &["ραντεβου", "ΟΔΥΣΣΕΥΣ", "στις"]),
        ("कल सुबह नौ बजे मिलते हैं", &["सुबह", "मिलते"]),
        ("Chúng ta gặp nhau ở Hà Nội", &["gap nhau", "ha noi", "Hà Nội"]),
        ("great idea 🚀👩🏽‍🚀 ship it 👍", &["🚀", "👩🏽‍🚀", "👍", "ship 👍"]),
        (
            "To be or not to be, that is the question: it is what it is",
            &["to be or not to be", "the", "\"it is what it is\"", "question"],
        ),
        (
            "see https://example.com/path?x=1, ask foo-bar@example.com about C++ v1.2.3",
            &["example.com", "foo-bar", "https://example.com/path", "v1.2.3", "c++"],
        ),
        ("ＦＵＬＬＷＩＤＴＨ ｔｅｘｔ １２３", &["fullwidth", "text 123"]),
    ];
    for (sentence, _) in &sentences {
        library.say(&ann, &room, sentence).await;
    }
    for (sentence, queries) in sentences {
        for query in queries {
            let found = library.all(&ann, query, 50).await;
            let hit = found.iter().find(|found| found.message.content == sentence);
            let hit = hit.unwrap_or_else(|| panic!("{query} does not find {sentence}, but {found:?}"));
            let length = u32::try_from(sentence.chars().count()).expect("short");
            assert!(!hit.highlights.is_empty(), "{query} in {sentence}");
            assert!(hit.highlights.iter().all(|part| part.from < part.to && part.to <= length), "{query} in {sentence}: {hit:?}");
        }
    }
    for nothing in ["大阪", "donau fluss", "\"Kapitäne sucht\"", "🦀", "กลับบ้าน", "cat"] {
        assert!(library.texts(&ann, nothing).await.is_empty(), "{nothing}");
    }
    let found = library.all(&ann, "東京", 1).await;
    assert_eq!(found[0].highlights.iter().map(|part| (part.from, part.to)).collect::<Vec<_>>(), [(6, 8)]);
}

#[tokio::test]
async fn operators_narrow_what_is_found() {
    let library = Library::open().await;
    let (ann, bob) = (person(&library.backend.db, "ann").await, person(&library.backend.db, "bob").await);
    let (one, two) = (library.room(&ann, RoomKind::Group, &[&bob]).await, library.room(&ann, RoomKind::Group, &[&bob]).await);
    let RoomRef::Id(id) = one else { panic!("by id") };
    library.say(&ann, &one, "tea at four").await;
    library.say(&bob, &one, "tea with milk https://tea.example").await;
    library.say(&bob, &two, "green tea").await;
    library.say(&ann, &two, "a picture of tea").await;
    library.run("update messages set kind = 'image' where content = 'a picture of tea'".into()).await;
    library.run("update messages set created_at = 1767225600000 where content = 'tea at four'".into()).await;
    for (q, expected) in [
        ("tea", &["a picture of tea", "green tea", "tea with milk https://tea.example", "tea at four"][..]),
        ("tea from:bob", &["green tea", "tea with milk https://tea.example"]),
        ("from:BOB", &["green tea", "tea with milk https://tea.example"]),
        ("tea from:me", &["a picture of tea", "tea at four"]),
        (&format!("tea in:{id}"), &["tea with milk https://tea.example", "tea at four"]),
        (&format!("in:room-{id} from:bob"), &["tea with milk https://tea.example"]),
        ("tea has:link", &["tea with milk https://tea.example"]),
        ("has:image", &["a picture of tea"]),
        ("has:file", &[]),
        ("tea before:2026-01-02", &["tea at four"]),
        ("tea after:2026-01-02", &["a picture of tea", "green tea", "tea with milk https://tea.example"]),
        ("tea before:2026-01-01", &[]),
        ("tea after:2026-01-01 before:2026-01-01T00:00:00.001Z", &["tea at four"]),
        ("tea after:2099-01-01", &[]),
    ] {
        assert_eq!(library.texts(&ann, q).await, expected, "{q}");
    }
    assert_eq!(library.code(&ann, "tea from:nobody").await, "invalid_input");
    assert_eq!(library.code(&ann, "tea in:nowhere").await, "room_not_found");
    // Two spellings of one room are one filter; two rooms conflict.
    assert_eq!(library.code(&ann, "tea in:general in:1").await, "ok");
    assert_eq!(library.code(&ann, &format!("tea in:general in:room-{id}")).await, "invalid_input");
    let by_parameters = Search {
        q: Some("tea".into()),
        room_id: Some(one.clone()),
        from: Some("bob".into()),
        before: Some("2099-01-01".into()),
        ..Search::default()
    };
    assert_eq!(library.page(&ann, &by_parameters).await.expect("found").items.len(), 1);
}

#[tokio::test]
async fn whatever_is_typed_is_answered() {
    let library = Library::open().await;
    let ann = person(&library.backend.db, "ann").await;
    let room = library.room(&ann, RoomKind::Group, &[]).await;
    library.say(&ann, &room, "the cat sat on the mat").await;
    for q in [
        "+the -cat",
        "\"the cat",
        "cat*",
        "(cat) < >",
        "cat ~",
        "@cat",
        "' or '1'='1",
        "cat \\",
        "%ca_t",
        "the",
        "on the",
        "\"\"cat\"\"",
    ] {
        assert_eq!(library.code(&ann, q).await, "ok", "{q}");
    }
    assert_eq!(library.texts(&ann, "+the* (cat) \"sat on").await, ["the cat sat on the mat"]);
    for q in ["", " ", "***", "\"\"", "…", "\u{200d}", "has:", "in:a/b", "before:yesterday", "from:-\u{e9}"] {
        let expected = if q == "has:" { "ok" } else { "invalid_input" };
        assert_eq!(library.code(&ann, q).await, expected, "{q:?}");
    }
    for q in ["x".repeat(10_000), "語".repeat(257), "\"".repeat(300)] {
        assert_eq!(library.code(&ann, &q).await, "invalid_input");
    }
    assert_eq!(library.code(&ann, &"a ".repeat(128)).await, "ok");
    assert_eq!(library.code(&ann, &"語".repeat(256)).await, "ok");
    for cursor in ["x", "", "ci4xLjA", "!!!", &"A".repeat(5000)] {
        let search = Search { q: Some("cat".into()), cursor: Some(cursor.into()), ..Search::default() };
        let refused = library.page(&ann, &search).await.err();
        assert!(matches!(&refused, Some(Error::Invalid(wrong)) if wrong[0].field == "cursor"), "{cursor}: {refused:?}");
    }
}

#[tokio::test]
async fn only_what_its_reader_may_see_is_found() {
    let library = Library::open().await;
    let db = &library.backend.db;
    let (ann, bob, eve) = (person(db, "ann").await, person(db, "bob").await, person(db, "eve").await);
    let room = library.room(&ann, RoomKind::Group, &[&bob]).await;
    let public = library.room(&ann, RoomKind::Public, &[]).await;
    let (RoomRef::Id(id), RoomRef::Id(public_id)) = (&room, &public) else { panic!("by id") };
    library.say(&ann, &room, "secret one").await;
    library.say(&ann, &public, "secret for all").await;
    assert_eq!(library.texts(&bob, "secret").await, ["secret one"]);
    let named = format!("secret in:{public_id}");
    assert_eq!(library.texts(&bob, &named).await, ["secret for all"], "a public room, when it is named");
    assert!(library.texts(&eve, "secret").await.is_empty());
    assert_eq!(library.code(&eve, &format!("secret in:{id}")).await, "room_not_found");
    rooms::join(db, &library.push, &eve, &public).await.expect("joined");
    assert_eq!(library.texts(&eve, "secret").await, ["secret for all"]);
    assert!(library.texts(&eve, "joined").await.is_empty(), "what the system writes is not searched");

    let hidden = library.say(&ann, &room, "secret two").await;
    unsend::hide(db, &library.push, &bob, &room, hidden).await.expect("hidden");
    assert_eq!(library.texts(&bob, "secret").await, ["secret one"]);
    assert_eq!(library.texts(&ann, "secret").await.len(), 3);

    library
        .run(format!("update members set visible_from_seq = {} where room_id = {id} and user_id = {}", hidden.next(), bob.user))
        .await;
    assert!(library.texts(&bob, "secret").await.is_empty(), "what was said before one may read");
    library.run(format!("update members set visible_from_seq = 1 where room_id = {id}")).await;
    let past_members_read = async |on| {
        let rules = ChangeSettings { past_members_read: Some(on), ..ChangeSettings::default() };
        let change = ChangeRoom { settings: rules, ..ChangeRoom::default() };
        settings::update(db, &library.push, &ann, &room, &change).await.expect("changed");
    };
    past_members_read(true).await;
    members::remove(db, &library.push, &ann, &room, bob.user).await.expect("removed");
    library.say(&ann, &room, "secret three").await;
    past_members_read(false).await;
    assert!(library.texts(&bob, "secret").await.is_empty());
    assert_eq!(library.code(&bob, &format!("secret in:{id}")).await, "room_not_found");
    past_members_read(true).await;
    for q in ["secret".to_owned(), format!("secret in:{id}")] {
        assert_eq!(library.texts(&bob, &q).await, ["secret one"], "up to the end of the membership");
    }
    members::ban(db, &library.push, &ann, &room, bob.user).await.expect("banned");
    assert!(library.texts(&bob, "secret").await.is_empty());
    settings::delete(db, &library.push, &ann, &public).await.expect("deleted");
    assert!(library.texts(&eve, "secret").await.is_empty());
}

#[tokio::test]
async fn pages_over_many_rooms_have_no_holes_and_no_doubles() {
    let library = Library::open().await;
    let ann = person(&library.backend.db, "ann").await;
    let mut expected = Vec::new();
    for index in 0..6_u64 {
        let room = library.room(&ann, RoomKind::Group, &[]).await;
        let RoomRef::Id(id) = room else { panic!("by id") };
        library.filled(&ann, &RoomRef::Id(id), 700 + index * 400).await;
        library
            .run(format!(
                "update messages set created_at = created_at - (seq * 7919 % 9000) where room_id = {id} and seq % 3 = 0"
            ))
            .await;
        expected.push(id);
    }
    for settled in [false, true] {
        if settled {
            library.settled().await;
        }
        for (q, limit) in [
            ("dampfschiff", 20),
            ("kapitän \"vom donaudampfschiff\"", 50),
            ("dampfschiff after:2020-01-01 before:2090-01-01", 13),
        ] {
            let found = library.all(&ann, q, limit).await;
            assert_eq!(found.len(), 7 + 11 + 15 + 19 + 23 + 27, "{q}");
            let places: Vec<_> = found.iter().map(|one| (one.message.created_at, one.message.id)).collect();
            assert!(places.is_sorted_by(|one, next| one > next), "{q}: newest first, each once");
        }
        for (index, id) in expected.iter().enumerate() {
            let found = library.all(&ann, &format!("dampfschiff in:{id}"), 9).await;
            let seqs: Vec<_> = found.iter().map(|one| one.message.seq).collect();
            assert_eq!(seqs.len(), 7 + index * 4);
            assert!(seqs.is_sorted_by(|one, next| one > next));
        }
    }
    assert_eq!(
        library.count("select count(*) from search_segments").await,
        7,
        "one in each of the three middle rooms, two in each of the larger ones"
    );
    let middle = ann.now.plus_seconds(-1000).rfc3339();
    let (late, early) = (
        library.all(&ann, &format!("schiff after:{middle}"), 9).await,
        library.all(&ann, &format!("schiff before:{middle}"), 9).await,
    );
    assert_eq!(late.len() + early.len(), 102);
    assert!(late.iter().all(|one| one.message.created_at.rfc3339() >= middle));
    assert!(early.iter().all(|one| one.message.created_at.rfc3339() < middle));
}

#[tokio::test]
async fn frequent_searches_are_limited() {
    let narrow = Limits { search: Limit { quota: 2, window: 60 }, ..limits() };
    let backend = Backend::limited(narrow).await;
    let ann = Caller { now: crate::backend::NOW, ..person(&backend.db, "ann").await };
    let search = Search { q: Some("tea".into()), ..Search::default() };
    for _ in 0..2 {
        search::search(&backend.db, &backend.throttle, &ann, &search).await.expect("answered");
    }
    let refused = search::search(&backend.db, &backend.throttle, &ann, &search).await.err();
    assert!(matches!(refused, Some(Error::TooMany { policy: Some(Limit { quota: 2, window: 60 }), .. })), "{refused:?}");
}
