//! Profiles: changes and search.

use shared::config::Limits;
use shared::domain::paging::PageRequest;
use shared::domain::people::blocks;
use shared::domain::people::name_words;
use shared::domain::people::profiles;
use shared::domain::rooms;
use shared::error::{Error, Limit, Result};
use shared::id::{RoomRef, UserId};
use shared::protocol::frames::Frame;
use shared::protocol::page::Page;
use shared::protocol::people::{User, Visibility};
use shared::protocol::profiles::{ChangeMe, ChangeMySettings};
use shared::push::Push;
use shared::store::Db;
use shared::store::users::{self, NewUser};
use sqlx::Executor;

use crate::backend::{Backend, PASSWORD};
use crate::fixture::{self, caller, person};

fn names(found: Result<Page<User>>) -> Vec<String> {
    found.expect("a page").items.into_iter().map(|user| user.username).collect()
}

async fn named(db: &Db, username: &str, display_name: &str) -> UserId {
    let created_at = shared::time::Timestamp::now();
    let new = NewUser { username, email: None, display_name, password_hash: "x", created_at };
    users::insert(&mut db.acquire().await.expect("a connection"), &new).await.expect("a new name")
}

async fn set(db: &Db, sql: &str) {
    db.acquire().await.expect("a connection").execute(sqlx::AssertSqlSafe(sql.to_owned())).await.expect("runs");
}

#[tokio::test]
async fn what_is_absent_stays_and_null_removes_the_address() {
    let backend = Backend::open().await;
    let (db, push) = (&backend.db, &backend.push);
    let ann = backend.caller(&backend.register("ann").await).await.expect("signed in");
    let change = async |change: ChangeMe| profiles::change(db, push, &backend.throttle, &ann, &change).await;
    let with = |email: Option<&str>, password: &str| ChangeMe {
        email: Some(email.map(Into::into)),
        password: Some(password.into()),
        ..ChangeMe::default()
    };
    let settings = ChangeMySettings { presence: Some(Visibility::Friends), ..ChangeMySettings::default() };
    let all = ChangeMe {
        display_name: Some(" Änne ".into()),
        about: Some("Tea.\nMostly.".into()),
        settings,
        ..with(Some("Ann@Example.com"), PASSWORD)
    };
    let me = change(all).await.expect("changed");
    assert_eq!((me.user.display_name.as_str(), me.user.about.as_str()), ("Änne", "Tea.\nMostly."));
    assert_eq!((me.email.as_deref(), me.settings.presence), (Some("Ann@Example.com"), Visibility::Friends));
    assert_eq!(change(ChangeMe::default()).await.expect("nothing changed"), me);
    let own = change(with(Some("ann@example.com"), PASSWORD)).await.expect("another spelling");
    assert_eq!(own.email.as_deref(), Some("ann@example.com"));
    let none = change(with(None, PASSWORD)).await.expect("removed");
    assert_eq!((none.email, none.user.about.as_str()), (None, "Tea.\nMostly."));
    rooms::join(db, push, &ann, &RoomRef::general()).await.expect("joined");
    let members =
        shared::domain::rooms::members::list(db, &ann, &RoomRef::general(), PageRequest::default()).await.expect("members").items;
    assert_eq!(members[0].user.display_name, "Änne", "others see it");
}

#[tokio::test]
async fn changing_the_email_requires_the_password_and_reveals_no_owner() {
    let limit = Limit { quota: 3, window: 300 };
    let backend = Backend::limited(Limits { login: limit, ..fixture::limits() }).await;
    backend.register("ann").await;
    backend.set("ann", "email = 'ann@example.com', email_key = 'ann@example.com'").await;
    backend.register("sure").await;
    backend.set("sure", "email = 'sure@example.com', email_key = 'sure@example.com', email_confirmed_at = 1").await;
    let eve = backend.caller(&backend.register("eve").await).await.expect("signed in");
    let change = async |email: Option<&str>, password: Option<&str>| {
        let change = ChangeMe { email: Some(email.map(Into::into)), password: password.map(Into::into), ..ChangeMe::default() };
        profiles::change(&backend.db, &backend.push, &backend.throttle, &eve, &change).await
    };
    for address in ["ann@example.com", "sure@example.com", "nobody@example.com"] {
        let refused = change(Some(address), None).await.err();
        let Some(Error::Invalid(wrong)) = refused else { panic!("{address}: {refused:?}") };
        assert_eq!((wrong[0].field.as_str(), wrong[0].code), ("password", "required"), "{address}");
        assert_eq!(change(Some(address), Some(PASSWORD)).await.expect("claimed").email.as_deref(), Some(address));
        assert_eq!(change(Some(address), None).await.expect("it is so already").email.as_deref(), Some(address));
    }
    assert!(change(None, None).await.is_err(), "nor does a stolen token take the address away");
    for _ in 0..3 {
        let refused = change(Some("eve@example.com"), Some("not the password")).await.err();
        assert!(matches!(refused, Some(Error::Forbidden("wrong_password"))), "{refused:?}");
    }
    let refused = change(Some("eve@example.com"), Some(PASSWORD)).await.err();
    assert!(matches!(refused, Some(Error::TooMany { .. })), "{refused:?}");
    let about = ChangeMe { about: Some("Still here".into()), ..ChangeMe::default() };
    profiles::change(&backend.db, &backend.push, &backend.throttle, &eve, &about).await.expect("the rest takes no password");
}

#[tokio::test]
async fn a_confirmed_address_that_is_changed_is_a_claim_again() {
    let backend = Backend::open().await;
    let ann = backend.caller(&backend.register("ann").await).await.expect("signed in");
    backend.set("ann", "email = 'ann@example.com', email_key = 'ann@example.com', email_confirmed_at = 1").await;
    let email = Some(Some("Jürgen@example.com".to_owned()));
    let given = ChangeMe { email, password: Some(PASSWORD.into()), ..ChangeMe::default() };
    profiles::change(&backend.db, &backend.push, &backend.throttle, &ann, &given).await.expect("changed");
    let stored: (Option<String>, Option<i64>) = sqlx::query_as("select email_key, email_confirmed_at from users where id = ?")
        .bind(ann.user.0)
        .fetch_one(&mut **backend.db.acquire().await.as_mut().expect("a connection"))
        .await
        .expect("a row");
    assert_eq!(stored, (Some("jürgen@example.com".into()), None));
}

#[tokio::test]
async fn every_wrong_field_is_named_and_nothing_is_half_done() {
    let backend = Backend::open().await;
    let db = &backend.db;
    let ann = backend.caller(&backend.register("ann").await).await.expect("signed in");
    let text = |text: &str| Some(text.to_owned());
    for (change, expected) in [
        (ChangeMe { display_name: text(" "), ..ChangeMe::default() }, vec![("display_name", "required")]),
        (ChangeMe { display_name: text(&"x".repeat(65)), ..ChangeMe::default() }, vec![("display_name", "too_long")]),
        (ChangeMe { display_name: text("a\u{7}b"), ..ChangeMe::default() }, vec![("display_name", "invalid")]),
        (ChangeMe { display_name: text("\u{200d}"), ..ChangeMe::default() }, vec![("display_name", "required")]),
        (ChangeMe { about: text(&"x".repeat(501)), ..ChangeMe::default() }, vec![("about", "too_long")]),
        (
            ChangeMe { about: text("a\0b"), email: Some(text("ann@")), ..ChangeMe::default() },
            vec![("about", "invalid"), ("email", "invalid")],
        ),
        (ChangeMe { about: text("good"), email: Some(text("")), ..ChangeMe::default() }, vec![("email", "invalid")]),
    ] {
        let Err(Error::Invalid(wrong)) = profiles::change(db, &backend.push, &backend.throttle, &ann, &change).await else {
            panic!("it was taken in spite of {expected:?}")
        };
        let said: Vec<_> = wrong.iter().map(|wrong| (wrong.field.as_str(), wrong.code)).collect();
        assert_eq!(said, expected);
    }
    let me = profiles::me(db, &ann).await.expect("oneself");
    assert_eq!((me.user.about.as_str(), me.email), ("", None));
}

#[tokio::test]
async fn people_are_found_by_how_their_names_begin_page_by_page() {
    let db = fixture::database().await;
    let ann = person(&db, "ann").await;
    for (username, display_name) in [
        ("anna", "Zoe"),
        ("zoe", "Anna Banana"),
        ("bob", "Ännchen"),
        ("an_x", "x"),
        ("hannah", "Hannah"),
        ("gone", "Anton"),
        ("shut", "Anton"),
    ] {
        named(&db, username, display_name).await;
    }
    set(&db, "update users set deleted_at = 1 where username = 'gone'").await;
    set(&db, "update users set disabled_at = 1 where username = 'shut'").await;
    let search = |query: &'static str, cursor: Option<String>, limit| {
        let (db, ann) = (&db, &ann);
        async move { profiles::search(db, ann, query, PageRequest { cursor: cursor.as_deref(), limit }).await }
    };
    let all = names(search("AN", None, None).await);
    assert_eq!(all, ["ann", "anna", "an_x", "zoe", "bob"], "usernames first, then display names, in any case");
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let page = search("an", cursor, Some(1)).await.expect("a page");
        seen.extend(page.items.into_iter().map(|user| user.username));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, all, "pages have no holes and no doubles");
    assert_eq!(names(search("an_", None, None).await), ["an_x"], "nothing stands for anything else");
    for nothing in ["%", "_nn", "nn", "x' or 1=1"] {
        assert_eq!(names(search(nothing, None, None).await), Vec::<String>::new(), "{nothing}");
    }
    for wrong in ["", "  ", "a\0"] {
        assert!(matches!(search(wrong, None, None).await, Err(Error::Invalid(_))), "{wrong:?}");
    }
    assert!(matches!(search("an", Some("nonsense".into()), None).await, Err(Error::Invalid(_))));
    let (page, count) = fixture::statements(&db, search("an", None, Some(2))).await;
    assert_eq!((page.expect("a page").items.len(), count), (2, 1), "enough of one kind is one statement");
}

#[tokio::test]
async fn people_are_found_by_every_word_of_their_names() {
    let db = fixture::database().await;
    let ann = person(&db, "ann").await;
    for (username, display_name) in [
        ("jane1", "Jane Doe"),
        ("luk", "Łukasz Żółć-Nowak"),
        ("conan", "Conan O’Brien"),
        ("tanaka", "田中太郎"),
        ("dora", "Dora Doe Doering"),
        ("gone", "Old Doe"),
    ] {
        named(&db, username, display_name).await;
    }
    set(&db, "update users set deleted_at = 1 where username = 'gone'").await;
    let search =
        async |query: &str, cursor: Option<&str>, limit| profiles::search(&db, &ann, query, PageRequest { cursor, limit }).await;
    assert_eq!(names(search("doe", None, None).await), Vec::<String>::new(), "as an earlier release wrote them");
    assert_eq!(name_words::update_stale(&db, || true).await.expect("folded"), 7);
    assert_eq!(name_words::update_stale(&db, || true).await.expect("folded"), 0);
    for (query, expected) in [
        ("doe", &["jane1", "dora"][..]),
        ("DOE ", &["jane1", "dora"]),
        ("@doe", &["jane1", "dora"]),
        ("jane doe", &["jane1"]),
        ("doe jane", &["jane1"]),
        ("do ja", &["jane1"]),
        ("doe zoe", &[]),
        ("lukasz", &["luk"]),
        ("łukasz", &["luk"]),
        ("zolc", &["luk"]),
        ("nowak", &["luk"]),
        ("obrien", &["conan"]),
        ("o'brien", &["conan"]),
        ("brien", &["conan"]),
        ("太郎", &["tanaka"]),
        ("oe", &[]),
        ("d", &["dora"]),
        ("d j", &[]),
        ("d jan", &["jane1"]),
        ("dora", &["dora"]),
        (" @ann", &["ann"]),
        ("＠ann\u{a0}", &["ann"]),
    ] {
        assert_eq!(names(search(query, None, None).await), expected, "{query:?}");
    }
    for wrong in ["@", " @ ", "\u{200b}"] {
        assert!(matches!(search(wrong, None, None).await, Err(Error::Invalid(_))), "{wrong:?}");
    }
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let page = search("do", cursor.as_deref(), Some(1)).await.expect("a page");
        seen.extend(page.items.into_iter().map(|user| user.username));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, ["dora", "jane1"], "pages have no holes and no doubles");
    let (_, letters) = fixture::statements(&db, search("d j", None, None)).await;
    let (_, words) = fixture::statements(&db, search("do j", None, None)).await;
    assert_eq!((letters, words), (2, 3), "letters alone are not compared with words");
}

#[tokio::test]
async fn words_follow_the_name() {
    let backend = Backend::open().await;
    let (db, push) = (&backend.db, &backend.push);
    let ann = backend.caller(&backend.register("ann").await).await.expect("signed in");
    let bob = backend.caller(&backend.register("bob").await).await.expect("signed in");
    let rename = async |name: &str| {
        let change = ChangeMe { display_name: Some(name.into()), ..ChangeMe::default() };
        profiles::change(db, push, &backend.throttle, &ann, &change).await.expect("changed");
    };
    let find = async |query: &str| names(profiles::search(db, &bob, query, PageRequest::default()).await);
    rename("Ann Miller").await;
    assert_eq!(find("miller").await, ["ann"]);
    rename("Ann Smith").await;
    assert_eq!((find("miller").await.len(), find("smith").await.len()), (0, 1));
    // A release that knows no words renames her.
    set(db, "update users set display_name = 'Ann Jones' where username = 'ann'").await;
    assert_eq!((find("smith").await.len(), find("jones").await.len()), (0, 0), "words of another name find nobody");
    name_words::update_stale(db, || true).await.expect("folded");
    assert_eq!((find("smith").await.len(), find("jones").await.len()), (0, 1));
    blocks::add(db, push, &ann, bob.user).await.expect("blocked");
    assert_eq!(find("jones").await.len(), 0);
}

#[tokio::test]
async fn a_name_is_pushed_although_its_words_are_not_stored() {
    let backend = Backend::open().await;
    let (db, push) = (&backend.db, &backend.push);
    let ann = backend.caller(&backend.register("ann").await).await.expect("signed in");
    let bob = backend.caller(&backend.register("bob").await).await.expect("signed in");
    let find = async |query: &str| names(profiles::search(db, &bob, query, PageRequest::default()).await);
    set(db, "alter table user_name_words add constraint refused check (word <> 'smith')").await;
    push.take_sent().await;
    let change = ChangeMe { display_name: Some("Ann Smith".into()), ..ChangeMe::default() };
    let after = profiles::change(db, push, &backend.throttle, &ann, &change).await.expect("changed");
    assert_eq!(after.user.display_name, "Ann Smith");
    let sent = push.take_sent().await;
    let shows = |frame: &Frame| matches!(frame, Frame::UserUpdated { profile, .. } if profile.display_name == "Ann Smith");
    assert!(sent.iter().any(|(user, frame)| *user == ann.user && shows(frame)), "{sent:?}");
    assert!(find("smith").await.is_empty());
    set(db, "alter table user_name_words drop constraint refused").await;
    name_words::update_stale(db, || true).await.expect("folded");
    assert_eq!(find("smith").await, ["ann"]);
}

#[tokio::test]
async fn users_are_not_found_across_a_block_but_visible_by_id() {
    let db = fixture::database().await;
    let push = Push::memory();
    let (ann, bob, cat) = (person(&db, "ann").await, person(&db, "bob").await, person(&db, "cat").await);
    blocks::add(&db, &push, &ann, bob.user).await.expect("blocked");
    for (who, whom, found) in [(&ann, "bob", 0), (&bob, "ann", 0), (&cat, "bob", 1), (&ann, "cat", 1)] {
        assert_eq!(names(profiles::search(&db, who, whom, PageRequest::default()).await).len(), found, "{} {whom}", who.username);
    }
    assert_eq!(profiles::find(&db, &push, &bob, ann.user).await.expect("blocks are not revealed").username, "ann");
    let absent = profiles::find(&db, &push, &bob, UserId(4711)).await.err();
    assert!(matches!(absent, Some(Error::NotFound("user_not_found"))), "{absent:?}");
    let ghost = profiles::me(&db, &caller(UserId(4711), "nobody")).await.err();
    assert!(matches!(ghost, Some(Error::Unauthenticated("session_ended"))), "{ghost:?}");
}

#[tokio::test]
async fn looking_for_people_reads_ranges_of_names() {
    let db = fixture::database().await;
    let crowd =
        "insert into users (username, display_name, password_hash, created_at) select concat('u', seq), concat('N', seq), 'x', 0";
    set(&db, &format!("{crowd} from {} s", fixture::numbers(3000))).await;
    set(&db, "analyze table users").await;
    for (sql, index) in [
        (
            "select id from users u where u.username like 'u77%' escape '|' and u.username > '' order by u.username limit 51",
            "users_username",
        ),
        (
            "select id from users u where u.display_name like 'N77%' escape '|' and u.display_name >= '' and (u.display_name > '' or u.id > 0) \
             order by u.display_name, u.id limit 51",
            "users_display_name",
        ),
    ] {
        let row = db
            .acquire()
            .await
            .expect("a connection")
            .fetch_one(sqlx::AssertSqlSafe(format!("explain format=traditional {sql}")))
            .await
            .expect("a plan");
        let (kind, key): (String, Option<String>) = (sqlx::Row::get(&row, "type"), sqlx::Row::get(&row, "key"));
        assert_eq!((kind.as_str(), key.as_deref()), ("range", Some(index)), "{sql}");
    }
}
