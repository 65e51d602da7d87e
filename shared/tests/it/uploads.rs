//! The rules of uploads on a real store and a real S3: what they cost, when they end, and who goes on showing what was passed on.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use local::s3::S3;
use local::stack::Bucket;
use shared::caller::Caller;
use shared::config::{Aws, Secret, Sizes};
use shared::domain::erasure::{self, Asker};
use shared::domain::messages::{self, Part};
use shared::domain::{avatars, rooms, settings, sweeping, unsending, uploads};
use shared::error::Error;
use shared::id::{RoomRef, UploadId};
use shared::media::{self, Media};
use shared::protocol::messages::{Forward, Message, NewMessage};
use shared::protocol::rooms::{ChangeRoom, NewRoom, RoomKind};
use shared::protocol::uploads::{NewUpload, Purpose, UploadState};
use shared::push::Push;
use shared::store::Db;

use crate::desk::{Desk, PASSWORD};
use crate::fixture::{self, limits, person, statements};

const DAY: i64 = 24 * 3600;

/// One S3 for all tests, in a thread of its own, with a bucket for each: their uploads have the same numbers.
fn media() -> Media {
    const BUCKETS: usize = 20;
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    static URL: OnceLock<String> = OnceLock::new();
    let url = URL.get_or_init(|| {
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let folder = tempfile::tempdir().expect("a folder");
                let bucket = |number| Bucket { name: format!("media-{number}"), cors_rules: serde_json::json!([]) };
                let buckets: Vec<_> = (0..BUCKETS).map(bucket).collect();
                let s3 = S3::start(folder.path(), &buckets).await.expect("S3 starts");
                tell.send(s3.endpoint()).expect("someone waits");
                std::future::pending::<()>().await;
            });
        });
        told.recv().expect("S3 starts")
    });
    let aws = Aws {
        region: "us-east-1".into(),
        access_key_id: local::credentials::ACCESS_KEY.into(),
        secret_access_key: Secret::new(local::credentials::SECRET_KEY),
        session_token: None,
        is_real: false,
    };
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    assert!(number < BUCKETS, "more tests than buckets");
    Media::at(&aws, &format!("{url}/media-{number}"), Sizes { avatar: 1 << 20, image: 1 << 20, file: 1 << 20 })
}

/// Asks S3 as a client does. Gives the status and the body.
async fn ask(method: Method, url: &str, content_type: &str, body: &'static [u8]) -> (u16, Bytes) {
    let http: Client<HttpConnector, Full<Bytes>> = Client::builder(TokioExecutor::new()).build(HttpConnector::new());
    let request = Request::builder().method(method).uri(url).header("content-type", content_type);
    let answer = http.request(request.body(Full::from(body)).expect("a request")).await.expect("an answer");
    let status = answer.status().as_u16();
    (status, answer.into_body().collect().await.expect("a body").to_bytes())
}

const PDF: &[u8] = b"%PDF-1.7 and so on";
const FILE: (Purpose, &str, &str) = (Purpose::File, "a.pdf", "application/pdf");
const FACE: (Purpose, &str, &str) = (Purpose::Avatar, "face.png", "image/png");

async fn announced(desk: &Desk, media: &Media, who: &Caller) -> (UploadId, String) {
    announced_as(desk, media, who, (FILE, PDF.len())).await
}

async fn announced_as(desk: &Desk, media: &Media, who: &Caller, what: ((Purpose, &str, &str), usize)) -> (UploadId, String) {
    let ((purpose, file_name, content_type), size) = what;
    let new = NewUpload { purpose, file_name: file_name.into(), content_type: content_type.into(), size: size as u64 };
    let ticket = uploads::create(&desk.db, &desk.throttle, media, who, &new).await.expect("announced");
    (ticket.upload_id, ticket.url)
}

async fn ready(desk: &Desk, media: &Media, who: &Caller) -> UploadId {
    ready_as(desk, media, who, (FILE, PDF)).await
}

async fn ready_as(desk: &Desk, media: &Media, who: &Caller, what: ((Purpose, &str, &str), &'static [u8])) -> UploadId {
    let (described, bytes) = what;
    let (id, url) = announced_as(desk, media, who, (described, bytes.len())).await;
    assert_eq!(ask(Method::PUT, &url, described.2, bytes).await.0, 200);
    let upload = uploads::complete(&desk.db, &Push::memory(), media, who, id).await.expect("ready");
    assert_eq!(upload.state, UploadState::Ready);
    id
}

async fn give_face(desk: &Desk, media: &Media, who: &Caller, room: &RoomRef) {
    let mut png = std::io::Cursor::new(Vec::new());
    image::RgbImage::new(8, 8).write_to(&mut png, image::ImageFormat::Png).expect("a picture");
    let face = ready_as(desk, media, who, (FACE, png.into_inner().leak())).await;
    let change = ChangeRoom { avatar_upload_id: Some(Some(face)), ..ChangeRoom::default() };
    settings::update(&desk.db, &Push::memory(), who, room, &change).await.expect("a face");
}

async fn say(db: &Db, who: &Caller, new: NewMessage) -> Message {
    messages::send(db, &Push::memory(), &limits(), who, (&RoomRef::general(), &new)).await.expect("sent").message
}

/// Where the bytes are, for whoever may see them.
async fn shown_at(db: &Db, media: &Media, who: &Caller, id: UploadId) -> String {
    uploads::link(db, media, who, id, media::Part::Whole).await.expect("may be seen").url
}

/// Lets time pass for what waits, and has the sweep run.
async fn swept(db: &Db, media: &Media, who: &Caller, seconds: i64) -> usize {
    let older = sqlx::query("update uploads set due_at = due_at - ? where due_at is not null").bind(seconds * 1000);
    older.execute(&mut *db.acquire().await.expect("a connection")).await.expect("older");
    sweeping::sweep(db, media, who.now, || true).await.expect("swept")
}

#[tokio::test]
async fn attachments_cost_two_statements_and_their_readers_none() {
    let desk = Desk::open().await;
    let (db, media) = (&desk.db, media());
    let ann = person(db, "ann").await;
    let new = |attachments: Vec<UploadId>| NewMessage { content: Some("x".into()), attachments, ..NewMessage::default() };
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(ready(&desk, &media, &ann).await);
    }
    let push = Push::memory();
    let general = RoomRef::general();
    let cost = async |new: NewMessage| {
        let (sent, count) = statements(db, messages::send(db, &push, &limits(), &ann, (&general, &new))).await;
        sent.expect("sent");
        count
    };
    cost(new(Vec::new())).await;
    cost(new(vec![ids[0]])).await;
    let (plain, one, two) = (cost(new(Vec::new())).await, cost(new(vec![ids[1]])).await, cost(new(vec![ids[2], ids[3]])).await);
    assert_eq!((one, two), (plain + 2, plain + 2), "however many");
    let read = messages::history(db, &ann, &general, Part::Newest, None);
    read.await.expect("history");
    let (page, count) = statements(db, messages::history(db, &ann, &general, Part::Newest, None)).await;
    assert_eq!((page.expect("history").items.iter().filter(|message| !message.attachments.is_empty()).count(), count), (3, 3));
}

#[tokio::test]
async fn a_url_ends() {
    let desk = Desk::open().await;
    let media = media();
    let mut ann = person(&desk.db, "ann").await;
    let present = ann.now;
    ann.now = present.plus_seconds(-601);
    let (id, url) = announced(&desk, &media, &ann).await;
    let late = ask(Method::PUT, &url, "application/pdf", PDF).await.0;
    assert_eq!(late, 403, "ten minutes are over");
    ann.now = present;
    let missing = uploads::complete(&desk.db, &Push::memory(), &media, &ann, id).await.err();
    assert!(matches!(missing, Some(Error::Conflict("upload_missing"))), "{missing:?}");
    let id = ready(&desk, &media, &ann).await;
    ann.now = present.plus_seconds(-301);
    let url = self::shown_at(&desk.db, &media, &ann, id).await;
    assert_eq!(ask(Method::GET, &url, "", b"").await.0, 403, "five minutes are over");
}

#[tokio::test]
async fn what_nobody_used_for_a_day_is_removed_and_what_is_shown_stays() {
    let desk = Desk::open().await;
    let (db, media) = (&desk.db, media());
    let ann = person(db, "ann").await;
    let (never_sent, _) = announced(&desk, &media, &ann).await;
    let (never_used, shown) = (ready(&desk, &media, &ann).await, ready(&desk, &media, &ann).await);
    say(db, &ann, NewMessage { attachments: vec![shown], ..NewMessage::default() }).await;
    let urls = [shown_at(db, &media, &ann, never_used).await, shown_at(db, &media, &ann, shown).await];
    assert_eq!(swept(db, &media, &ann, DAY - 60).await, 0);
    assert_eq!(swept(db, &media, &ann, 60).await, 2);
    assert_eq!(ask(Method::GET, &urls[0], "", b"").await.0, 404);
    assert_eq!(ask(Method::GET, &urls[1], "", b"").await, (200, Bytes::from_static(PDF)));
    for gone in [never_sent, never_used] {
        let attach = NewMessage { attachments: vec![gone], ..NewMessage::default() };
        let refused = messages::send(db, &Push::memory(), &limits(), &ann, (&RoomRef::general(), &attach)).await.err();
        assert!(matches!(refused, Some(Error::NotFound("upload_not_found"))), "{refused:?}");
    }
    assert_eq!(swept(db, &media, &ann, 100 * DAY).await, 0);
}

#[tokio::test]
async fn bytes_stay_as_long_as_one_message_shows_them() {
    let desk = Desk::open().await;
    let (db, media) = (&desk.db, media());
    let (ann, bob) = (person(db, "ann").await, person(db, "bob").await);
    let general = RoomRef::general();
    let id = ready(&desk, &media, &ann).await;
    let first = say(db, &ann, NewMessage { attachments: vec![id], ..NewMessage::default() }).await;
    let forward = |seq| NewMessage { forward: Some(Forward { room_id: general.clone(), seq }), ..NewMessage::default() };
    let second = say(db, &bob, forward(first.seq)).await;
    let third = say(db, &bob, forward(second.seq)).await;
    assert_eq!((second.attachments.len(), third.attachments[0].file_name.as_str()), (1, "a.pdf"));
    assert!(second.attachments[0].upload_id != id && third.attachments[0].upload_id != second.attachments[0].upload_id);
    let url = shown_at(db, &media, &ann, third.attachments[0].upload_id).await;
    for (message, who, status) in [(&second, &bob, 200), (&first, &ann, 200), (&third, &bob, 404)] {
        unsending::unsend(db, &Push::memory(), who, &general, message.seq).await.expect("unsent");
        assert_eq!(swept(db, &media, &ann, 60).await, 1);
        assert_eq!(ask(Method::GET, &url, "", b"").await.0, status);
    }
}

#[tokio::test]
async fn a_hundred_may_wait_and_no_more() {
    let desk = Desk::open().await;
    let media = media();
    let ann = person(&desk.db, "ann").await;
    for _ in 0..100 {
        announced(&desk, &media, &ann).await;
    }
    let new = NewUpload { purpose: Purpose::File, file_name: "a".into(), content_type: "a/b".into(), size: 1 };
    let refused = uploads::create(&desk.db, &desk.throttle, &media, &ann, &new).await.err();
    assert!(matches!(refused, Some(Error::Conflict("too_many_uploads"))), "{refused:?}");
    assert_eq!(swept(&desk.db, &media, &ann, DAY).await, 100);
    announced(&desk, &media, &ann).await;
}

#[tokio::test]
async fn an_erased_persons_files_leave_their_messages_and_the_bytes_go() {
    let desk = Desk::open().await;
    let (db, media) = (&desk.db, media());
    let made = desk.register("ann").await;
    // The desk's clock stands still elsewhere; what is signed has to be signed now.
    let ann = fixture::caller(made.user.user.id, "ann");
    let bob = person(db, "bob").await;
    let (hung, loose) = (ready(&desk, &media, &ann).await, ready(&desk, &media, &ann).await);
    let said = say(db, &ann, NewMessage { content: Some("Look".into()), attachments: vec![hung], ..NewMessage::default() }).await;
    let urls = [shown_at(db, &media, &bob, hung).await, shown_at(db, &media, &ann, loose).await];
    let asker = Asker::Alive(desk.caller(&made).await.expect("signed in"));
    erasure::erase(db, &desk.push, &desk.throttle, &asker, PASSWORD).await.expect("erased");
    let left = messages::find(db, &bob, &RoomRef::general(), said.seq).await.expect("it stays");
    assert_eq!((left.content.as_str(), left.attachments.len(), left.rev > said.rev), ("Look", 0, true));
    // Doomed at the desk's time, which lies ahead.
    let now = shared::time::Timestamp::now();
    sqlx::query("update uploads set due_at = ?").bind(now.0).execute(&mut *db.acquire().await.expect("open")).await.expect("due");
    assert_eq!(swept(db, &media, &bob, 60).await, 2);
    for url in &urls {
        assert_eq!(ask(Method::GET, url, "", b"").await.0, 404);
    }
}

#[tokio::test]
async fn a_rooms_face_stays_when_the_person_who_gave_it_is_erased() {
    let desk = Desk::open().await;
    let (db, push, media) = (&desk.db, &desk.push, media());
    let made = desk.register("ann").await;
    let ann = fixture::caller(made.user.user.id, "ann");
    let bob = person(db, "bob").await;
    let (shared, alone) = (made_room(db, &ann, &[&bob]).await, made_room(db, &ann, &[]).await);
    for room in [&shared, &alone] {
        give_face(&desk, &media, &ann, room).await;
    }
    let of_shared = || avatars::link_of_room(db, &media, &bob, &shared, media::Part::Whole);
    let of_alone = avatars::link_of_room(db, &media, &ann, &alone, media::Part::Whole).await.expect("hers");
    let before = rooms::find(db, &bob, &shared).await.expect("his").avatar_url;
    let asker = Asker::Alive(desk.caller(&made).await.expect("signed in"));
    erasure::erase(db, push, &desk.throttle, &asker, PASSWORD).await.expect("erased");
    // Doomed at the desk's time, which lies ahead.
    let now = shared::time::Timestamp::now();
    let due = sqlx::query("update uploads set due_at = ? where due_at is not null").bind(now.0);
    due.execute(&mut *db.acquire().await.expect("open")).await.expect("due");
    assert_eq!(swept(db, &media, &bob, 60).await, 1, "that of the room that was hers alone");
    assert_eq!(ask(Method::GET, &of_alone.url, "", b"").await.0, 404);
    let kept = of_shared().await.expect("the room's");
    assert_eq!(ask(Method::GET, &kept.url, "", b"").await.0, 200);
    assert!(before.is_some() && rooms::find(db, &bob, &shared).await.expect("his").avatar_url == before);
    let left: Vec<(u64, String)> = sqlx::query_as("select owner_id, file_name from uploads")
        .fetch_all(&mut *db.acquire().await.expect("open"))
        .await
        .expect("a list");
    assert_eq!(left, [(0, String::new())], "nothing of hers stands there");
    // It goes like any other.
    let change = ChangeRoom { avatar_upload_id: Some(None), ..ChangeRoom::default() };
    settings::update(db, push, &bob, &shared, &change).await.expect("none");
    assert_eq!(swept(db, &media, &bob, 60).await, 1);
    assert_eq!(ask(Method::GET, &kept.url, "", b"").await.0, 404);
}

#[tokio::test]
async fn the_files_of_a_deleted_room_go_and_what_was_passed_on_stays() {
    let desk = Desk::open().await;
    let (db, push, media) = (&desk.db, Push::memory(), media());
    let ann = person(db, "ann").await;
    let room = made_room(db, &ann, &[]).await;
    give_face(&desk, &media, &ann, &room).await;
    let (alone, passed_on) = (ready(&desk, &media, &ann).await, ready(&desk, &media, &ann).await);
    let new = NewMessage { attachments: vec![alone, passed_on], ..NewMessage::default() };
    let sent = messages::send(db, &push, &limits(), &ann, (&room, &new)).await.expect("sent").message;
    let forwarded =
        say(db, &ann, NewMessage { forward: Some(Forward { room_id: room.clone(), seq: sent.seq }), ..NewMessage::default() })
            .await;
    let elsewhere = forwarded.attachments[1].upload_id;
    assert_eq!(swept(db, &media, &ann, 0).await, 0, "all of it is shown");
    let urls = [shown_at(db, &media, &ann, alone).await, shown_at(db, &media, &ann, elsewhere).await];

    settings::delete(db, &push, &ann, &room).await.expect("deleted");
    assert_eq!(swept(db, &media, &ann, 0).await, 3, "its face and two attachments");
    for url in urls {
        assert_eq!(ask(Method::GET, &url, "", b"").await.0, 200, "the forwarded message shows both");
    }
    unsending::unsend(db, &push, &ann, &RoomRef::general(), forwarded.seq).await.expect("unsent");
    assert_eq!(swept(db, &media, &ann, 0).await, 2);
    let left: i64 = sqlx::query_scalar("select count(*) from uploads")
        .fetch_one(&mut *db.acquire().await.expect("a connection"))
        .await
        .expect("a number");
    assert_eq!(left, 0);
}

async fn made_room(db: &Db, owner: &Caller, others: &[&Caller]) -> RoomRef {
    let member_ids = others.iter().map(|other| other.user).collect();
    let new = NewRoom { name: "Room".into(), kind: None, topic: None, member_ids };
    RoomRef::Id(rooms::create(db, &Push::memory(), owner, RoomKind::Group, &new).await.expect("made").id)
}
