//! Uploads on a real store and S3: cost, lifetime, and copies that outlive the original.

use bytes::Bytes;
use http::Method;
use shared::caller::Caller;
use shared::domain::erasure::{self, ErasureRequester};
use shared::domain::messages::SendRequest;
use shared::domain::messages::unsend;
use shared::domain::messages::{self, HistoryRange};
use shared::domain::paging::PageRequest;
use shared::domain::reports::{self, ReportedAttachment};
use shared::domain::rooms;
use shared::domain::rooms::settings;
use shared::domain::uploads;
use shared::domain::uploads::avatars;
use shared::error::Error;
use shared::id::{RoomRef, UploadId};
use shared::media::{self, Media};
use shared::protocol::messages::{Forward, NewMessage};
use shared::protocol::reports::NewReport;
use shared::protocol::rooms::{ChangeRoom, NewRoom, RoomKind};
use shared::protocol::uploads::{NewUpload, Purpose};
use shared::push::Push;
use shared::store::Db;

use crate::backend::{Backend, PASSWORD};
use crate::fixture::{self, limits, person, statements};
use crate::upload_steps::{FACE, PDF, announced, ask, completed, media, ready, ready_as, say, shown_at, swept};

const DAY: i64 = 24 * 3600;

async fn give_face(backend: &Backend, media: &Media, who: &Caller, room: &RoomRef) {
    let mut png = std::io::Cursor::new(Vec::new());
    image::RgbImage::new(8, 8).write_to(&mut png, image::ImageFormat::Png).expect("a picture");
    let face = ready_as(backend, media, who, FACE, png.into_inner().leak()).await;
    let change = ChangeRoom { avatar_upload_id: Some(Some(face)), ..ChangeRoom::default() };
    settings::update(&backend.db, &Push::memory(), who, room, &change).await.expect("a face");
}

#[tokio::test]
async fn attachments_cost_three_statements_and_their_readers_none() {
    let backend = Backend::open().await;
    let (db, media) = (&backend.db, media());
    let ann = person(db, "ann").await;
    let new = |attachments: Vec<UploadId>| NewMessage { content: Some("x".into()), attachments, ..NewMessage::default() };
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(ready(&backend, &media, &ann).await);
    }
    let push = Push::memory();
    let general = RoomRef::general();
    let cost = async |new: NewMessage| {
        let (sent, count) =
            statements(db, messages::send(db, &push, &limits(), &ann, SendRequest { room: &general, new: &new })).await;
        sent.expect("sent");
        count
    };
    cost(new(Vec::new())).await;
    cost(new(vec![ids[0]])).await;
    let (plain, one, two) = (cost(new(Vec::new())).await, cost(new(vec![ids[1]])).await, cost(new(vec![ids[2], ids[3]])).await);
    assert_eq!((one, two), (plain + 3, plain + 3), "however many");
    let read = messages::history(db, &ann, &general, HistoryRange::Newest, None);
    read.await.expect("history");
    let (page, count) = statements(db, messages::history(db, &ann, &general, HistoryRange::Newest, None)).await;
    assert_eq!((page.expect("history").items.iter().filter(|message| !message.attachments.is_empty()).count(), count), (3, 2));
}

#[tokio::test]
async fn a_url_ends() {
    let backend = Backend::open().await;
    let media = media();
    let mut ann = person(&backend.db, "ann").await;
    let present = ann.now;
    ann.now = present.plus_seconds(-601);
    let (id, url) = announced(&backend, &media, &ann).await;
    let late = ask(Method::PUT, &url, "application/pdf", PDF).await.0;
    assert_eq!(late, 403, "ten minutes are over");
    ann.now = present;
    let missing = completed(&backend, &media, &ann, id).await.err();
    assert!(matches!(missing, Some(Error::Conflict("upload_missing"))), "{missing:?}");
    let id = ready(&backend, &media, &ann).await;
    ann.now = present.plus_seconds(-301);
    let url = shown_at(&backend.db, &media, &ann, id).await;
    assert_eq!(ask(Method::GET, &url, "", b"").await.0, 403, "five minutes are over");
}

#[tokio::test]
async fn unused_uploads_are_removed_after_a_day_and_used_ones_stay() {
    let backend = Backend::open().await;
    let (db, media) = (&backend.db, media());
    let ann = person(db, "ann").await;
    let (never_sent, _) = announced(&backend, &media, &ann).await;
    let (never_used, shown) = (ready(&backend, &media, &ann).await, ready(&backend, &media, &ann).await);
    say(db, &ann, NewMessage { attachments: vec![shown], ..NewMessage::default() }).await;
    let urls = [shown_at(db, &media, &ann, never_used).await, shown_at(db, &media, &ann, shown).await];
    assert_eq!(swept(db, &media, &ann, DAY - 60).await, 0);
    assert_eq!(swept(db, &media, &ann, 60).await, 2);
    assert_eq!(ask(Method::GET, &urls[0], "", b"").await.0, 404);
    assert_eq!(ask(Method::GET, &urls[1], "", b"").await, (200, Bytes::from_static(PDF)));
    for gone in [never_sent, never_used] {
        let attach = NewMessage { attachments: vec![gone], ..NewMessage::default() };
        let refused =
            messages::send(db, &Push::memory(), &limits(), &ann, SendRequest { room: &RoomRef::general(), new: &attach })
                .await
                .err();
        assert!(matches!(refused, Some(Error::NotFound("upload_not_found"))), "{refused:?}");
    }
    assert_eq!(swept(db, &media, &ann, 100 * DAY).await, 0);
}

#[tokio::test]
async fn bytes_stay_as_long_as_one_message_shows_them() {
    let backend = Backend::open().await;
    let (db, media) = (&backend.db, media());
    let (ann, bob) = (person(db, "ann").await, person(db, "bob").await);
    let general = RoomRef::general();
    let id = ready(&backend, &media, &ann).await;
    let first = say(db, &ann, NewMessage { attachments: vec![id], ..NewMessage::default() }).await;
    let forward = |seq| NewMessage { forward: Some(Forward { room_id: general.clone(), seq }), ..NewMessage::default() };
    let second = say(db, &bob, forward(first.seq)).await;
    let third = say(db, &bob, forward(second.seq)).await;
    assert_eq!((second.attachments.len(), third.attachments[0].file_name.as_str()), (1, "a.pdf"));
    assert!(second.attachments[0].upload_id != id && third.attachments[0].upload_id != second.attachments[0].upload_id);
    let url = shown_at(db, &media, &ann, third.attachments[0].upload_id).await;
    for (message, who, status) in [(&second, &bob, 200), (&first, &ann, 200), (&third, &bob, 404)] {
        unsend::unsend(db, &Push::memory(), who, &general, message.seq).await.expect("unsent");
        assert_eq!(swept(db, &media, &ann, 60).await, 1);
        assert_eq!(ask(Method::GET, &url, "", b"").await.0, status);
    }
}

#[tokio::test]
async fn a_hundred_may_wait_and_no_more() {
    let backend = Backend::open().await;
    let media = media();
    let ann = person(&backend.db, "ann").await;
    for _ in 0..100 {
        announced(&backend, &media, &ann).await;
    }
    let new =
        NewUpload { purpose: Purpose::File, file_name: "a".into(), content_type: "a/b".into(), size: 1, poster_upload_id: None };
    let refused = uploads::create(&backend.db, &backend.throttle, &media, &ann, &new).await.err();
    assert!(matches!(refused, Some(Error::Conflict("too_many_uploads"))), "{refused:?}");
    assert_eq!(swept(&backend.db, &media, &ann, DAY).await, 100);
    announced(&backend, &media, &ann).await;
}

#[tokio::test]
async fn an_erased_persons_files_leave_their_messages_and_the_bytes_go() {
    let backend = Backend::open().await;
    let (db, media) = (&backend.db, media());
    let made = backend.register("ann").await;
    // The fixture's clock stands still, but signatures need the present time.
    let ann = fixture::caller(made.user.user.id, "ann");
    let bob = person(db, "bob").await;
    let (hung, loose) = (ready(&backend, &media, &ann).await, ready(&backend, &media, &ann).await);
    let said = say(db, &ann, NewMessage { content: Some("Look".into()), attachments: vec![hung], ..NewMessage::default() }).await;
    let urls = [shown_at(db, &media, &bob, hung).await, shown_at(db, &media, &ann, loose).await];
    let asker = ErasureRequester::Active(backend.caller(&made).await.expect("signed in"));
    erasure::erase(db, &backend.push, &backend.throttle, &asker, PASSWORD).await.expect("erased");
    let left = messages::find(db, &bob, &RoomRef::general(), said.seq).await.expect("it stays");
    assert_eq!((left.content.as_str(), left.attachments.len(), left.rev > said.rev), ("Look", 0, true));
    // Marked for deletion at the fixture's time, which lies in the future.
    let now = shared::time::Timestamp::now();
    sqlx::query("update uploads set due_at = ?").bind(now.0).execute(&mut *db.acquire().await.expect("open")).await.expect("due");
    assert_eq!(swept(db, &media, &bob, 60).await, 2);
    for url in &urls {
        assert_eq!(ask(Method::GET, url, "", b"").await.0, 404);
    }
}

#[tokio::test]
async fn a_rooms_avatar_stays_when_its_uploader_is_erased() {
    let backend = Backend::open().await;
    let (db, push, media) = (&backend.db, &backend.push, media());
    let made = backend.register("ann").await;
    let ann = fixture::caller(made.user.user.id, "ann");
    let bob = person(db, "bob").await;
    let (shared, alone) = (made_room(db, &ann, &[&bob]).await, made_room(db, &ann, &[]).await);
    for room in [&shared, &alone] {
        give_face(&backend, &media, &ann, room).await;
    }
    let of_shared = || avatars::room_link(db, &media, &bob, &shared, media::Rendition::Original);
    let of_alone = avatars::room_link(db, &media, &ann, &alone, media::Rendition::Original).await.expect("hers");
    let before = rooms::find(db, &bob, &shared).await.expect("his").avatar_url;
    let asker = ErasureRequester::Active(backend.caller(&made).await.expect("signed in"));
    erasure::erase(db, push, &backend.throttle, &asker, PASSWORD).await.expect("erased");
    // Marked for deletion at the fixture's time, which lies in the future.
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
    // It is removed like any other avatar.
    let change = ChangeRoom { avatar_upload_id: Some(None), ..ChangeRoom::default() };
    settings::update(db, push, &bob, &shared, &change).await.expect("none");
    assert_eq!(swept(db, &media, &bob, 60).await, 1);
    assert_eq!(ask(Method::GET, &kept.url, "", b"").await.0, 404);
}

#[tokio::test]
async fn the_files_of_a_deleted_room_go_and_what_was_passed_on_stays() {
    let backend = Backend::open().await;
    let (db, push, media) = (&backend.db, Push::memory(), media());
    let ann = person(db, "ann").await;
    let room = made_room(db, &ann, &[]).await;
    give_face(&backend, &media, &ann, &room).await;
    let (alone, passed_on) = (ready(&backend, &media, &ann).await, ready(&backend, &media, &ann).await);
    let new = NewMessage { attachments: vec![alone, passed_on], ..NewMessage::default() };
    let sent = messages::send(db, &push, &limits(), &ann, SendRequest { room: &room, new: &new }).await.expect("sent").message;
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
    unsend::unsend(db, &push, &ann, &RoomRef::general(), forwarded.seq).await.expect("unsent");
    assert_eq!(swept(db, &media, &ann, 0).await, 2);
    let left: i64 = sqlx::query_scalar("select count(*) from uploads")
        .fetch_one(&mut *db.acquire().await.expect("a connection"))
        .await
        .expect("a number");
    assert_eq!(left, 0);
}

#[tokio::test]
async fn the_bytes_of_a_reported_message_stay_until_the_report_is_closed() {
    let backend = Backend::open().await;
    let (db, push, media) = (&backend.db, Push::memory(), media());
    let (ann, bob, cat) = (person(db, "ann").await, person(db, "bob").await, person(db, "cat").await);
    let room = made_room(db, &ann, &[&bob, &cat]).await;
    let file = ready(&backend, &media, &bob).await;
    let new = NewMessage { content: Some("Look".into()), attachments: vec![file], ..NewMessage::default() };
    let sent = messages::send(db, &push, &limits(), &bob, SendRequest { room: &room, new: &new }).await.expect("sent").message;
    let because = NewReport { reason: None };
    for who in [&ann, &cat] {
        reports::report(db, who, &room, sent.seq, &because).await.expect("reported");
    }
    let open = reports::list(db, &ann, &room, PageRequest::default()).await.expect("a list").items;
    let [one, other] = [0, 1].map(|at| ReportedAttachment { report: open[at].id, upload: open[at].attachments[0].upload_id });
    assert_eq!(open[0].attachments[0].url, format!("/api/reports/{}/attachments/{}", one.report, one.upload));
    unsend::unsend(db, &push, &bob, &room, sent.seq).await.expect("unsent");
    assert_eq!(swept(db, &media, &cat, 0).await, 1, "his own row of it");
    let url = reports::link(db, &media, &ann, one, media::Rendition::Original).await.expect("shown to her").url;
    assert_eq!(ask(Method::GET, &url, "", b"").await.0, 200);
    // Only through the report, only its attachments, and only for moderators.
    for (who, asked) in [
        (&bob, one),
        (&cat, one),
        (&ann, ReportedAttachment { upload: file, ..one }),
        (&ann, ReportedAttachment { upload: other.upload, ..one }),
    ] {
        assert!(reports::link(db, &media, who, asked, media::Rendition::Original).await.is_err());
    }
    for who in [&ann, &bob] {
        assert!(
            uploads::link(db, &media, who, one.upload, media::Rendition::Original).await.is_err(),
            "no other route knows of it"
        );
    }
    reports::close(db, &ann, &room, one.report).await.expect("closed");
    assert!(reports::link(db, &media, &ann, one, media::Rendition::Original).await.is_err());
    assert_eq!(swept(db, &media, &cat, 0).await, 1);
    assert_eq!(ask(Method::GET, &url, "", b"").await.0, 200, "the other report shows it");
    reports::close(db, &ann, &room, other.report).await.expect("closed");
    assert_eq!(swept(db, &media, &cat, 0).await, 1, "within the next sweep");
    assert_eq!(ask(Method::GET, &url, "", b"").await.0, 404);
}

async fn made_room(db: &Db, owner: &Caller, others: &[&Caller]) -> RoomRef {
    let member_ids = others.iter().map(|other| other.user).collect();
    let new = NewRoom { name: "Room".into(), member_ids, ..NewRoom::default() };
    RoomRef::Id(rooms::create(db, &Push::memory(), owner, RoomKind::Group, &new).await.expect("made").id)
}
