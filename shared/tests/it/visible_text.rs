//! Text that is shown to others: what shows nothing is refused or removed, in every field; usernames that may not be registered.

use shared::caller::Caller;
use shared::domain::auth::accounts;
use shared::domain::messages::edits::{self, EditRequest};
use shared::domain::messages::{self, SendRequest};
use shared::domain::people::profiles;
use shared::domain::rooms::{self, settings};
use shared::domain::uploads;
use shared::error::{Error, Result};
use shared::protocol::accounts::Register;
use shared::protocol::messages::{NewContent, NewMessage};
use shared::protocol::profiles::ChangeMe;
use shared::protocol::rooms::{ChangeRoom, NewRoom, RoomKind};
use shared::protocol::uploads::{NewUpload, Purpose};
use shared::store::Db;

use crate::backend::{Backend, PASSWORD, registration, visitor};
use crate::fixture::limits;
use crate::group::Group;
use crate::upload_steps::media;

/// One text of each kind that shows nothing; the unit tests range over all of Unicode.
const INVISIBLE: &[&str] = &[
    "\u{200b}",
    "\u{ad}",
    "\u{180b}",
    "\u{17b5}",
    "\u{1bca0}",
    "\u{1d173}",
    "\u{61c}",
    "\u{200e}",
    "\u{2066}\u{2069}",
    "\u{301}",
    "\u{20dd}",
    "\u{903}",
    "\u{e000}",
    "\u{10fffd}",
    "\u{378}",
    "\u{ffff}",
    "\u{2800}",
    "\u{3164}",
    "\u{115f}",
    "\u{ffa0}",
    "\u{e0041}",
    "\u{e0100}",
    "\u{fe0f}",
    "\u{200d}",
    "\u{feff}",
    "\u{fff9}",
    " \u{200b} \u{301}",
];

/// Texts that hide something, and what is stored of them in a name.
const CLEANED: &[(&str, &str)] = &[
    ("A\u{ad}nn", "Ann"),
    ("Ann\u{2800}", "Ann"),
    ("Ann\u{e0101}", "Ann"),
    ("\u{202e}Ann", "Ann"),
    ("A\u{308}nn", "Änn"),
    ("می\u{200c}خواهم", "می\u{200c}خواهم"),
    ("👩\u{200d}💻", "👩\u{200d}💻"),
];

fn code<T>(outcome: Result<T>) -> &'static str {
    match outcome {
        Ok(_) => "taken",
        Err(Error::Invalid(violations)) => violations.first().map_or("none", |violation| violation.code),
        Err(error) => error.code(),
    }
}

async fn ann(backend: &Backend) -> Caller {
    backend.caller(&backend.register("ann").await).await.expect("signed in")
}

#[tokio::test]
async fn a_text_that_shows_nothing_is_refused_in_every_field_that_needs_one() {
    let backend = Backend::open().await;
    let (db, push, throttle, ann) = (&backend.db, &backend.push, &backend.throttle, ann(&backend).await);
    let media = media();
    let group = Group::of(Db::lazy(&backend.url).expect("a URL"), &ann, &[]).await;
    let said = group.said(&ann, "one").await;
    for text in INVISIBLE.iter().map(|text| (*text).to_owned()) {
        let given = Register { display_name: Some(text.clone()), ..registration("bob") };
        assert_eq!(
            code(accounts::register(db, backend.sign_in(&visitor("192.0.2.1")), &[], &given).await),
            "required",
            "{text:?}"
        );
        let change = ChangeMe { display_name: Some(text.clone()), ..ChangeMe::default() };
        assert_eq!(code(profiles::change(db, push, throttle, &ann, &change).await), "required", "{text:?}");
        let new = NewRoom { name: text.clone(), ..NewRoom::default() };
        assert_eq!(code(rooms::create(db, push, &ann, RoomKind::Group, &new).await), "required", "{text:?}");
        let change = ChangeRoom { name: Some(text.clone()), ..ChangeRoom::default() };
        assert_eq!(code(settings::update(db, push, &ann, &group.room, &change).await), "required", "{text:?}");
        let new = NewMessage { content: Some(text.clone()), ..NewMessage::default() };
        let request = SendRequest { room: &group.room, new: &new };
        assert_eq!(code(messages::send(db, push, &limits(), &ann, request).await), "required", "{text:?}");
        let new = NewContent { content: text.clone() };
        let request = EditRequest { room: &group.room, seq: said.seq, new: &new };
        assert_eq!(code(edits::edit(db, push, &limits(), &ann, request).await), "required", "{text:?}");
        let new = NewUpload {
            purpose: Purpose::File,
            file_name: text.clone(),
            content_type: "a/b".into(),
            size: 1,
            poster_upload_id: None,
        };
        assert_eq!(code(uploads::create(db, throttle, &media, &ann, &new).await), "required", "{text:?}");
    }
}

#[tokio::test]
async fn names_are_stored_without_what_does_not_show_and_messages_as_they_are() {
    let backend = Backend::open().await;
    let (db, push, throttle, ann) = (&backend.db, &backend.push, &backend.throttle, ann(&backend).await);
    let media = media();
    let group = Group::of(Db::lazy(&backend.url).expect("a URL"), &ann, &[]).await;
    for (text, stored) in CLEANED.iter().copied() {
        let change = ChangeMe { display_name: Some(text.into()), about: Some(text.into()), ..ChangeMe::default() };
        let me = profiles::change(db, push, throttle, &ann, &change).await.expect("changed").user;
        assert_eq!((me.display_name.as_str(), me.about.as_str()), (stored, stored));
        let new = NewRoom { name: text.into(), topic: Some(text.into()), ..NewRoom::default() };
        let room = rooms::create(db, push, &ann, RoomKind::Group, &new).await.expect("made");
        assert_eq!((room.name.as_str(), room.topic.as_str()), (stored, stored));
        let change = ChangeRoom { name: Some(text.into()), topic: Some(text.into()), ..ChangeRoom::default() };
        let room = settings::update(db, push, &ann, &group.room, &change).await.expect("changed");
        assert_eq!((room.name.as_str(), room.topic.as_str()), (stored, stored));
        let new = NewUpload {
            purpose: Purpose::File,
            file_name: format!("{text}.txt"),
            content_type: "a/b".into(),
            size: 1,
            poster_upload_id: None,
        };
        let ticket = uploads::create(db, throttle, &media, &ann, &new).await.expect("announced");
        let upload = uploads::find(db, &ann, ticket.upload_id).await.expect("found");
        assert_eq!(upload.file_name, format!("{stored}.txt"));
        assert_eq!(group.said(&ann, text).await.content, text);
    }
}

#[tokio::test]
async fn long_and_broken_texts_get_a_refusal_or_are_cut() {
    let backend = Backend::open().await;
    let (db, push, throttle, ann) = (&backend.db, &backend.push, &backend.throttle, ann(&backend).await);
    let tower = format!("q{}", "\u{307}".repeat(1_000_000));
    let named = async |text: &str| {
        let change = ChangeMe { display_name: Some(text.into()), ..ChangeMe::default() };
        profiles::change(db, push, throttle, &ann, &change).await
    };
    assert_eq!(named(&tower).await.expect("cut").user.display_name.chars().count(), 9);
    assert_eq!(code(named(&"x".repeat(65_536)).await), "too_long");
    assert_eq!(code(named(&"\u{200b}".repeat(65_536)).await), "required");
    let group = Group::of(Db::lazy(&backend.url).expect("a URL"), &ann, &[]).await;
    for (content, expected) in
        [(tower, "too_long"), (format!("q{}", "\u{307}".repeat(999)), "taken"), ("\u{307}".repeat(999), "required")]
    {
        let new = NewMessage { content: Some(content), ..NewMessage::default() };
        let sent = messages::send(db, push, &limits(), &ann, SendRequest { room: &group.room, new: &new }).await;
        assert_eq!(code(sent), expected);
    }
}

/// A letter that is three when it is composed: what is stored is what is counted.
#[tokio::test]
async fn texts_that_grow_when_they_are_stored_are_counted_as_they_are_stored() {
    let backend = Backend::open().await;
    let (db, push, throttle, ann) = (&backend.db, &backend.push, &backend.throttle, ann(&backend).await);
    let group = Group::of(Db::lazy(&backend.url).expect("a URL"), &ann, &[]).await;
    let texts = |most: usize| [(most / 3, true), (most / 3 + 1, false), (most, false)];
    let text = |letters: usize| Some("\u{fb2c}".repeat(letters));
    for (letters, fits) in texts(64) {
        let change = ChangeMe { display_name: text(letters), ..ChangeMe::default() };
        let expected = if fits { "taken" } else { "too_long" };
        assert_eq!(code(profiles::change(db, push, throttle, &ann, &change).await), expected, "a display name of {letters}");
        let given = Register { display_name: text(letters), device: text(letters), ..registration("bob") };
        let made = accounts::register(db, backend.sign_in(&visitor("192.0.2.1")), &[], &given).await;
        assert_eq!(code(made), expected, "a registration with {letters}");
    }
    for (letters, fits) in texts(500) {
        let change = ChangeMe { about: text(letters), ..ChangeMe::default() };
        let expected = if fits { "taken" } else { "too_long" };
        assert_eq!(
            code(profiles::change(db, push, throttle, &ann, &change).await),
            expected,
            "a text about oneself of {letters}"
        );
        let change = ChangeRoom { topic: text(letters), ..ChangeRoom::default() };
        assert_eq!(code(settings::update(db, push, &ann, &group.room, &change).await), expected, "a topic of {letters}");
    }
    for (letters, fits) in texts(100) {
        let expected = if fits { "taken" } else { "invalid" };
        let new = NewRoom { name: text(letters).unwrap_or_default(), ..NewRoom::default() };
        assert_eq!(code(rooms::create(db, push, &ann, RoomKind::Group, &new).await), expected, "a room of {letters}");
        let change = ChangeRoom { name: text(letters), ..ChangeRoom::default() };
        assert_eq!(code(settings::update(db, push, &ann, &group.room, &change).await), expected, "a room named {letters}");
    }
}

#[tokio::test]
async fn users_that_look_alike_share_a_key() {
    let backend = Backend::open().await;
    let keys = async |username: &str, name: &str| {
        let given = Register { display_name: Some(name.into()), ..registration(username) };
        let made = accounts::register(&backend.db, backend.sign_in(&visitor("192.0.2.1")), &[], &given).await.expect("made");
        let caller = backend.caller(&made).await.expect("signed in");
        let me = profiles::me(&backend.db, &caller).await.expect("read");
        assert_eq!(me.user.name_keys, made.user.user.name_keys, "registration says what reading says");
        me.user.name_keys
    };
    let first = keys("u01", "Alice").await;
    for (username, name) in [("u02", "Аlice"), ("u03", "AIice"), ("u04", "ALICE")] {
        assert!(keys(username, name).await.iter().any(|key| first.contains(key)), "{name}");
    }
    assert!(!keys("u05", "Alina").await.iter().any(|key| first.contains(key)));
}

#[tokio::test]
async fn reserved_and_ill_formed_usernames_are_not_registered_and_existing_ones_log_in() {
    let backend = Backend::open().await;
    let register = async |username: &str| {
        let reserved = ["acme".to_owned()];
        let made =
            accounts::register(&backend.db, backend.sign_in(&visitor("192.0.2.1")), &reserved, &registration(username)).await;
        code(made)
    };
    for name in ["admin", "Every-One", "r00t", "here", "ACME"] {
        assert_eq!(register(name).await, "reserved", "{name}");
    }
    for name in ["bob_", ".bob", "b..b", "---", "b_-b"] {
        assert_eq!(register(name).await, "invalid", "{name}");
    }
    assert_eq!(register("bob").await, "taken");
    for name in ["admin", "bob_1-"] {
        backend.set("bob", &format!("username = '{name}'")).await;
        assert!(backend.login(name, PASSWORD, "192.0.2.1").await.is_ok(), "{name}");
        backend.set(name, "username = 'bob'").await;
    }
}
