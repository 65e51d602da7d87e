//! The rules of profiles: changing one's own, and who finds whom.

use shared::domain::{blocks, profiles, rooms};
use shared::error::{Error, Result};
use shared::id::{RoomRef, UserId};
use shared::protocol::page::Page;
use shared::protocol::people::{User, Visibility};
use shared::protocol::profiles::{ChangeMe, ChangeMySettings};
use shared::push::Push;
use shared::store::Db;
use shared::store::users::{self, NewUser};
use sqlx::Executor;

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
    let db = fixture::database().await;
    let push = Push::memory();
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let change = |change: ChangeMe, who| {
        let (db, push) = (&db, &push);
        async move { profiles::change(db, push, who, &change).await }
    };
    let email = |email: &str| Some(Some(email.to_owned()));
    let settings = ChangeMySettings { presence: Some(Visibility::Friends), ..ChangeMySettings::default() };
    let all = ChangeMe {
        display_name: Some(" Änne ".into()),
        about: Some("Tea.\nMostly.".into()),
        email: email("Ann@Example.com"),
        settings,
    };
    let me = change(all, &ann).await.expect("changed");
    assert_eq!((me.user.display_name.as_str(), me.user.about.as_str()), ("Änne", "Tea.\nMostly."));
    assert_eq!((me.email.as_deref(), me.settings.presence), (Some("Ann@Example.com"), Visibility::Friends));
    assert_eq!(change(ChangeMe::default(), &ann).await.expect("nothing changed"), me);
    let taken = change(ChangeMe { email: email("ann@example.com"), ..ChangeMe::default() }, &bob).await;
    assert!(matches!(taken, Err(Error::Conflict("email_taken"))), "{taken:?}");
    let own = change(ChangeMe { email: email("ann@example.com"), ..ChangeMe::default() }, &ann).await.expect("one's own");
    assert_eq!(own.email.as_deref(), Some("ann@example.com"));
    let none = change(ChangeMe { email: Some(None), ..ChangeMe::default() }, &ann).await.expect("removed");
    assert_eq!((none.email, none.user.about.as_str()), (None, "Tea.\nMostly."));
    change(ChangeMe { email: email("ann@example.com"), ..ChangeMe::default() }, &bob).await.expect("free now");
    rooms::join(&db, &push, &ann, &RoomRef::general()).await.expect("joined");
    let members = shared::domain::members::list(&db, &ann, &RoomRef::general(), (None, None)).await.expect("members").items;
    assert_eq!(members[0].user.display_name, "Änne", "others see it");
}

#[tokio::test]
async fn every_wrong_field_is_named_and_nothing_is_half_done() {
    let db = fixture::database().await;
    let push = Push::memory();
    let ann = person(&db, "ann").await;
    let text = |text: &str| Some(text.to_owned());
    for (change, expected) in [
        (ChangeMe { display_name: text(" "), ..ChangeMe::default() }, vec![("display_name", "required")]),
        (ChangeMe { display_name: text(&"x".repeat(65)), ..ChangeMe::default() }, vec![("display_name", "too_long")]),
        (ChangeMe { display_name: text("a\u{202e}b"), ..ChangeMe::default() }, vec![("display_name", "invalid")]),
        (ChangeMe { display_name: text("\u{200d}"), ..ChangeMe::default() }, vec![("display_name", "required")]),
        (ChangeMe { about: text(&"x".repeat(501)), ..ChangeMe::default() }, vec![("about", "too_long")]),
        (
            ChangeMe { about: text("a\0b"), email: Some(text("ann@")), ..ChangeMe::default() },
            vec![("about", "invalid"), ("email", "invalid")],
        ),
        (ChangeMe { about: text("good"), email: Some(text("")), ..ChangeMe::default() }, vec![("email", "invalid")]),
    ] {
        let Err(Error::Invalid(wrong)) = profiles::change(&db, &push, &ann, &change).await else {
            panic!("{change:?} was taken")
        };
        let said: Vec<_> = wrong.iter().map(|wrong| (wrong.field.as_str(), wrong.code)).collect();
        assert_eq!(said, expected, "{change:?}");
    }
    let me = profiles::me(&db, &ann).await.expect("oneself");
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
        async move { profiles::search(db, ann, query, (cursor.as_deref(), limit)).await }
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
async fn nobody_is_found_across_a_block_and_everybody_is_seen_by_number() {
    let db = fixture::database().await;
    let push = Push::memory();
    let (ann, bob, cat) = (person(&db, "ann").await, person(&db, "bob").await, person(&db, "cat").await);
    blocks::add(&db, &push, &ann, bob.user).await.expect("blocked");
    for (who, whom, found) in [(&ann, "bob", 0), (&bob, "ann", 0), (&cat, "bob", 1), (&ann, "cat", 1)] {
        assert_eq!(names(profiles::search(&db, who, whom, (None, None)).await).len(), found, "{} {whom}", who.username);
    }
    assert_eq!(profiles::find(&db, &push, &bob, ann.user).await.expect("nothing tells them").username, "ann");
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
