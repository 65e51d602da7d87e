//! Storage quota: concurrent requests do not exceed it, and only visible objects count.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use http::Method;
use shared::caller::Caller;
use shared::config::{Limits, Quota};
use shared::domain::erasure::{self, ErasureRequester};
use shared::domain::messages::unsend;
use shared::domain::messages::{self, SendRequest};
use shared::domain::rooms;
use shared::domain::rooms::settings;
use shared::domain::uploads;
use shared::domain::uploads::avatars;
use shared::domain::uploads::storage_quota;
use shared::error::{Error, Left, Result};
use shared::id::{RoomRef, Seq, UploadId, UserId};
use shared::media::Media;
use shared::protocol::messages::{Forward, Message, NewMessage};
use shared::protocol::people::Storage;
use shared::protocol::rooms::{NewRoom, RoomKind};
use shared::protocol::uploads::{NewUpload, Purpose, UploadTicket};
use shared::push::Push;
use shared::store::Db;

use crate::backend::{Backend, PASSWORD};
use crate::fixture::{self, limits, person, statements};
use crate::upload_steps::{FACE, PHOTO, announced_as, ask, completed, media, ready, ready_as, say, swept};

const NONE: Quota = Quota { bytes: None, files: None };

fn with(bytes: u64, files: u64) -> Limits {
    Limits { quota: Quota { bytes: Some(bytes), files: Some(files) }, ..limits() }
}

async fn announce(backend: &Backend, media: &Media, who: &Caller, size: u64) -> Result<UploadTicket> {
    let new = NewUpload { purpose: Purpose::File, file_name: "a".into(), content_type: "a/b".into(), size };
    uploads::create(&backend.db, &backend.throttle, media, who, &new).await
}

async fn kept(db: &Db, who: &Caller) -> (u64, u64) {
    let shown = storage_quota::usage(db, NONE, who).await.expect("read");
    (shown.used_bytes, shown.files)
}

fn is_full(error: Option<&Error>) -> bool {
    error.map(Error::code) == Some("quota_exceeded")
}

async fn room_of(db: &Db, owner: &Caller) -> RoomRef {
    let new = NewRoom { name: "Room".into(), ..NewRoom::default() };
    RoomRef::Id(rooms::create(db, &Push::memory(), owner, RoomKind::Group, &new).await.expect("made").id)
}

fn showing(uploads: Vec<UploadId>) -> NewMessage {
    NewMessage { attachments: uploads, ..NewMessage::default() }
}

fn passing(from: &RoomRef, seq: Seq) -> NewMessage {
    NewMessage { forward: Some(Forward { room_id: from.clone(), seq }), ..NewMessage::default() }
}

async fn post(db: &Db, limits: &Limits, who: &Caller, room: &RoomRef, new: &NewMessage) -> Result<Message> {
    messages::send(db, &Push::memory(), limits, who, SendRequest { room, new }).await.map(|sent| sent.message)
}

#[tokio::test]
async fn concurrent_announcements_do_not_exceed_the_quota() {
    let media = media();
    for (limits, size, fit, code) in [
        (with(100, 1000), 20, 5, "quota_exceeded"),
        (with(10_000, 7), 20, 7, "quota_exceeded"),
        (limits(), 20, 100, "too_many_uploads"),
    ] {
        let backend = Backend::limited(limits).await;
        let ann = person(&backend.db, "ann").await;
        let backends = (0..12).map(|_| backend.another()).collect::<Vec<_>>();
        let passed = join_all(backends.iter().map(async |backend| {
            let mut passed = 0;
            for _ in 0..11 {
                match announce(backend, &media, &ann, size).await {
                    Ok(_) => passed += 1,
                    Err(error) => assert_eq!(error.code(), code),
                }
            }
            passed
        }))
        .await;
        assert_eq!(passed.into_iter().sum::<u64>(), fit, "{code}");
        assert_eq!(kept(&backend.db, &ann).await, (size * fit, fit));
        let bob = person(&backend.db, "bob").await;
        announce(&backend, &media, &bob, size).await.expect("each has their own");
    }
}

#[tokio::test]
async fn a_refusal_states_the_remaining_quota_and_usage_can_be_queried() {
    let (backend, media) = (Backend::limited(with(100, 3)).await, media());
    let ann = person(&backend.db, "ann").await;
    announce(&backend, &media, &ann, 70).await.expect("fits");
    let refused = announce(&backend, &media, &ann, 31).await.err();
    assert!(matches!(refused, Some(Error::Full(Left { bytes: Some(30), files: Some(2) }))), "{refused:?}");
    announce(&backend, &media, &ann, 30).await.expect("fits exactly");
    let shown = storage_quota::usage(&backend.db, backend.throttle.quota(), &ann).await.expect("read");
    assert_eq!(shown, Storage { used_bytes: 100, limit_bytes: Some(100), files: 2, files_limit: Some(3) });
    let endless = Backend::limited(Limits { quota: NONE, ..limits() }).await;
    let bob = person(&endless.db, "bob").await;
    announce(&endless, &media, &bob, 1 << 20).await.expect("no limit");
    let shown = storage_quota::usage(&endless.db, endless.throttle.quota(), &bob).await.expect("read");
    assert_eq!(shown, Storage { used_bytes: 1 << 20, limit_bytes: None, files: 1, files_limit: None });
}

#[tokio::test]
async fn discarded_uploads_do_not_count_and_only_owners_discard_unused_ones() {
    let (backend, media) = (Backend::open().await, media());
    let (ann, bob) = (person(&backend.db, "ann").await, person(&backend.db, "bob").await);
    let discard =
        async |who: &Caller, id| uploads::discard(&backend.db, &backend.throttle, who, id).await.map_err(|error| error.code());
    let announced = announce(&backend, &media, &ann, 70).await.expect("fits").upload_id;
    let (made, shown) = (ready(&backend, &media, &ann).await, ready(&backend, &media, &ann).await);
    let said = say(&backend.db, &ann, showing(vec![shown])).await;
    for id in [announced, made, shown] {
        assert_eq!(discard(&bob, id).await, Err("upload_not_found"));
    }
    assert_eq!(discard(&ann, shown).await, Err("upload_in_use"));
    for id in [announced, made] {
        assert_eq!((discard(&ann, id).await, discard(&ann, id).await), (Ok(()), Err("upload_not_found")));
    }
    // The URL of the announced one is still valid, so its bytes may arrive, and take its room until it has expired.
    assert_eq!(kept(&backend.db, &ann).await, (FILE_BYTES + 70, 2));
    let late = completed(&backend, &media, &ann, announced).await.err();
    assert!(matches!(late, Some(Error::NotFound("upload_not_found"))), "{late:?}");
    assert_eq!(swept(&backend.db, &media, &ann, 0).await, 1);
    assert_eq!(kept(&backend.db, &ann).await, (FILE_BYTES + 70, 2));
    assert_eq!(swept(&backend.db, &media, &ann, 600).await, 1);
    assert_eq!(kept(&backend.db, &ann).await, (FILE_BYTES, 1));
    unsend::unsend(&backend.db, &Push::memory(), &ann, &RoomRef::general(), said.seq).await.expect("unsent");
    assert_eq!(discard(&ann, shown).await, Err("upload_not_found"));
}

#[tokio::test]
async fn an_exact_fit_is_attached_concurrently_and_nothing_above_a_lowered_limit() {
    let (backend, media) = (Backend::open().await, media());
    let ann = person(&backend.db, "ann").await;
    let mut made = Vec::new();
    for _ in 0..40 {
        made.push((ready(&backend, &media, &ann).await, room_of(&backend.db, &ann).await));
    }
    let (bytes, files) = kept(&backend.db, &ann).await;
    let backends = (0..20).map(|_| backend.another()).collect::<Vec<_>>();
    for (round, edge, passes) in [(0, with(bytes, files), 20), (1, with(bytes - 1, files), 0), (1, with(bytes, files - 1), 0)] {
        let posts = backends
            .iter()
            .zip(&made[round * 20..])
            .map(async |(backend, (upload, room))| post(&backend.db, &edge, &ann, room, &showing(vec![*upload])).await);
        let posted = join_all(posts).await;
        assert_eq!(posted.iter().filter(|post| post.is_ok()).count(), passes);
        assert!(posted.iter().filter_map(|post| post.as_ref().err()).all(|error| is_full(Some(error))));
    }
    assert_eq!(kept(&backend.db, &ann).await, (bytes, files), "attaching takes no room");
    for (upload, _) in &made[20..] {
        let state = uploads::find(&backend.db, &ann, *upload).await.expect("hers");
        assert!(state.url.is_some(), "what was refused used nothing up");
    }
    let words = NewMessage { content: Some("Words".into()), ..NewMessage::default() };
    post(&backend.db, &with(1, 1), &ann, &made[0].1, &words).await.expect("words take no room");
}

#[tokio::test]
async fn concurrent_forwards_do_not_exceed_the_quota_and_own_files_count_once() {
    let (backend, media) = (Backend::open().await, media());
    let (ann, bob) = (person(&backend.db, "ann").await, person(&backend.db, "bob").await);
    let (general, size) = (RoomRef::general(), FILE_BYTES);
    let mut shown = Vec::new();
    for _ in 0..20 {
        let upload = ready(&backend, &media, &ann).await;
        shown.push((say(&backend.db, &ann, showing(vec![upload])).await.seq, room_of(&backend.db, &bob).await));
    }
    let backends = (0..20).map(|_| backend.another()).collect::<Vec<_>>();
    let forward = async |edge: &Limits| {
        let posts = backends.iter().zip(&shown);
        let posts = posts.map(async |(backend, (seq, room))| post(&backend.db, edge, &bob, room, &passing(&general, *seq)).await);
        join_all(posts).await
    };
    let passed = forward(&with(7 * size, 1000)).await;
    assert_eq!(passed.iter().filter(|post| post.is_ok()).count(), 7);
    assert_eq!(kept(&backend.db, &bob).await, (7 * size, 7));
    // Again: what he already has counts once, and the rest does not fit.
    let again = forward(&with(7 * size, 1000)).await;
    let same = passed.iter().zip(&again).all(|(first, second)| first.is_ok() == second.is_ok());
    assert!(same && again.iter().filter_map(|post| post.as_ref().err()).all(|error| is_full(Some(error))));
    assert_eq!(kept(&backend.db, &bob).await, (7 * size, 7));
    assert_eq!(kept(&backend.db, &ann).await, (20 * size, 20), "hers are hers");
    // He keeps what she unsends.
    for (seq, _) in &shown {
        unsend::unsend(&backend.db, &Push::memory(), &ann, &general, *seq).await.expect("unsent");
    }
    assert_eq!((kept(&backend.db, &ann).await, kept(&backend.db, &bob).await), ((0, 0), (7 * size, 7)));
}

#[tokio::test]
async fn a_picture_that_grows_beyond_what_is_left_waits_until_there_is_room() {
    let (backend, media) = (Backend::open().await, media());
    let ann = person(&backend.db, "ann").await;
    let gray: &'static [u8] = gray_png().leak();
    let narrow = Backend::limited(with(gray.len() as u64, 10)).await;
    let narrow = Backend { db: Db::lazy(&backend.url).expect("a URL"), ..narrow };
    let (id, url) = announced_as(&narrow, &media, &ann, PHOTO, gray.len()).await;
    assert_eq!(ask(Method::PUT, &url, "image/jpeg", gray).await.0, 200);
    for _ in 0..3 {
        let full = completed(&narrow, &media, &ann, id).await.err();
        assert!(is_full(full.as_ref()), "{full:?}");
    }
    assert_eq!(kept(&backend.db, &ann).await, (gray.len() as u64, 1));
    let done = completed(&backend, &media, &ann, id).await.expect("there is room");
    assert!(done.size > gray.len() as u64);
    assert_eq!(kept(&backend.db, &ann).await, (done.size, 1));
    assert_eq!(swept(&backend.db, &media, &ann, 24 * 3600).await, 1);
    assert_eq!(kept(&backend.db, &ann).await, (0, 0));
}

#[tokio::test]
async fn the_limit_costs_few_statements() {
    let (backend, media) = (Backend::open().await, media());
    let ann = person(&backend.db, "ann").await;
    announce(&backend, &media, &ann, 1).await.expect("fits");
    let (_, count) = statements(&backend.db, announce(&backend, &media, &ann, 1)).await;
    assert_eq!(count, 5, "begin, her row, what she keeps, the new row, commit");
    storage_quota::usage(&backend.db, NONE, &ann).await.expect("read");
    assert_eq!(statements(&backend.db, storage_quota::usage(&backend.db, NONE, &ann)).await.1, 1);
    let plan = "explain select max(size), count(*) from uploads where owner_id = 1 and (state in ('pending', 'ready', 'rejected') or state = 'doomed' and object_id is null) group by coalesce(object_id, id)";
    let steps = sqlx::raw_sql(plan).fetch_all(&mut *backend.db.acquire().await.expect("open")).await.expect("a plan");
    let extra: String = sqlx::Row::try_get(&steps[0], "Extra").expect("text");
    let key: Option<String> = sqlx::Row::try_get(&steps[0], "key").expect("text");
    assert!(key.as_deref() == Some("uploads_held") && extra.contains("Using index"), "{key:?} {extra}");
}

/// Size of the file that `ready` uploads.
const FILE_BYTES: u64 = 18;

/// A PNG of one channel, which is written with three.
fn gray_png() -> Vec<u8> {
    let mut rng = fastrand::Rng::with_seed(1);
    let image = image::GrayImage::from_fn(300, 200, |_, _| image::Luma([rng.u8(..)]));
    let mut bytes = std::io::Cursor::new(Vec::new());
    image.write_to(&mut bytes, image::ImageFormat::Png).expect("encodes");
    bytes.into_inner()
}

/// Expected usage: by user and object, the number of references.
#[derive(Default)]
struct Ledger {
    held: BTreeMap<(UserId, UploadId), (u64, u64)>,
}

impl Ledger {
    fn takes(&mut self, who: UserId, object: UploadId, size: u64) {
        let entry = self.held.entry((who, object)).or_insert((0, size));
        entry.0 += 1;
    }

    fn drops(&mut self, who: UserId, object: UploadId) {
        if let Some(entry) = self.held.get_mut(&(who, object)) {
            entry.0 -= 1;
        }
        self.held.retain(|_, (times, _)| *times > 0);
    }

    fn of(&self, who: UserId) -> (u64, u64) {
        let sizes: Vec<u64> = self.held.iter().filter(|((holder, _), _)| *holder == who).map(|(_, (_, size))| *size).collect();
        (sizes.iter().sum(), sizes.len() as u64)
    }
}

/// A message with one file.
struct Shown {
    room: usize,
    seq: Seq,
    who: usize,
    object: (UploadId, u64),
}

#[tokio::test]
async fn usage_equals_the_visible_objects_after_random_operations() {
    let (backend, media) = (Backend::open().await, media());
    let (db, push) = (&backend.db, Push::memory());
    let erased = backend.register("cid").await;
    let people = [person(db, "ann").await, person(db, "bob").await, fixture::caller(erased.user.user.id, "cid")];
    let (mut ledger, mut shown, mut faces) = (Ledger::default(), Vec::<Shown>::new(), [None; 3]);
    let mut rooms = Vec::new();
    for _ in 0..4 {
        rooms.push(Some(public_room(db, &people[0]).await));
    }
    let mut rng = fastrand::Rng::with_seed(11);
    for step in 0..160 {
        let who = rng.usize(0..3);
        let caller = &people[who];
        let room = rng.usize(0..rooms.len());
        match (rng.u8(0..10), rooms[room].clone()) {
            (0..=3, Some(place)) => {
                let id = ready(&backend, &media, caller).await;
                ledger.takes(caller.user, id, FILE_BYTES);
                let seq = post(db, &limits(), caller, &place, &showing(vec![id])).await.expect("posted").seq;
                shown.push(Shown { room, seq, who, object: (id, FILE_BYTES) });
            }
            (4..=5, Some(place)) if !shown.is_empty() => {
                let from = &shown[rng.usize(0..shown.len())];
                let object = from.object;
                let source = rooms[from.room].clone().expect("it is there");
                let seq = post(db, &limits(), caller, &place, &passing(&source, from.seq)).await.expect("passed on").seq;
                ledger.takes(caller.user, object.0, object.1);
                shown.push(Shown { room, seq, who, object });
            }
            (6, _) if !shown.is_empty() => {
                let gone = shown.swap_remove(rng.usize(0..shown.len()));
                let place = rooms[gone.room].clone().expect("it is there");
                unsend::unsend(db, &push, &people[gone.who], &place, gone.seq).await.expect("unsent");
                ledger.drops(people[gone.who].user, gone.object.0);
            }
            (7, _) => {
                let face = ready_as(&backend, &media, caller, FACE, png()).await;
                let size = uploads::find(db, caller, face).await.expect("hers").size;
                avatars::set(db, caller, Some(face)).await.expect("set");
                ledger.takes(caller.user, face, size);
                if let Some(before) = faces[who].replace(face) {
                    ledger.drops(caller.user, before);
                }
            }
            (8, Some(place)) if step > 60 && rooms.iter().flatten().count() > 1 => {
                settings::delete(db, &push, &people[0], &place).await.expect("deleted");
                rooms[room] = None;
                shown.retain(|shown| {
                    let stays = shown.room != room;
                    if !stays {
                        ledger.drops(people[shown.who].user, shown.object.0);
                    }
                    stays
                });
                swept(db, &media, caller, 0).await;
            }
            (9, _) => {
                swept(db, &media, caller, 0).await;
            }
            _ => {}
        }
        for person in &people {
            assert_eq!(kept(db, person).await, ledger.of(person.user), "step {step}");
        }
    }
    // Forwarded copies remain with their owners.
    let asker = ErasureRequester::Active(backend.caller(&erased).await.expect("signed in"));
    erasure::erase(db, &backend.push, &backend.throttle, &asker, PASSWORD).await.expect("erased");
    ledger.held.retain(|(holder, _), _| *holder != people[2].user);
    for person in &people {
        assert_eq!(kept(db, person).await, ledger.of(person.user));
    }
}

async fn public_room(db: &Db, owner: &Caller) -> RoomRef {
    let new = NewRoom { name: "Room".into(), ..NewRoom::default() };
    RoomRef::Id(rooms::create(db, &Push::memory(), owner, RoomKind::Public, &new).await.expect("made").id)
}

fn png() -> &'static [u8] {
    let mut png = std::io::Cursor::new(Vec::new());
    image::RgbImage::new(8, 8).write_to(&mut png, image::ImageFormat::Png).expect("a picture");
    png.into_inner().leak()
}
