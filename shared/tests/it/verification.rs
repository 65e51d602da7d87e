//! Verification of uploads: one at a time, recovery from an aborted one, and copies of large files.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::join_all;
use http::Method;
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use shared::caller::Caller;
use shared::error::Error;
use shared::id::{ObjectId, UploadId};
use shared::media::sniff::Presentation;
use shared::media::{Media, Object, ServedFile};
use shared::protocol::uploads::{Purpose, UploadState};
use shared::store::Db;

use crate::backend::Backend;
use crate::fixture::{limits, person, statements};
use crate::upload_steps::{FILE, FileType, PHOTO, announced_as, ask, completed, media, ready_as, shown_at};

const BINARY: FileType = FileType { purpose: Purpose::File, name: "a.bin", content_type: "application/octet-stream" };

fn photo(width: u32, height: u32) -> &'static [u8] {
    let mut jpeg = std::io::Cursor::new(Vec::new());
    let shade = |x: u32, y: u32| Rgb([(x % 251) as u8, (y % 241) as u8, ((x ^ y) % 239) as u8]);
    DynamicImage::ImageRgb8(RgbImage::from_fn(width, height, shade)).write_to(&mut jpeg, ImageFormat::Jpeg).expect("a picture");
    jpeg.into_inner().leak()
}

/// Announces and sends a file.
async fn sent(backend: &Backend, media: &Media, who: &Caller, what: FileType, bytes: &'static [u8]) -> (UploadId, String) {
    let (id, url) = announced_as(backend, media, who, what, bytes.len()).await;
    assert_eq!(ask(Method::PUT, &url, what.content_type, bytes).await.0, 200);
    (id, url)
}

/// Returns the number of verifications and until when one is reserved.
async fn verifications(db: &Db, id: UploadId) -> (u32, Option<i64>) {
    let row = sqlx::query_as("select attempts, looking_until from uploads where id = ?").bind(id.0);
    row.fetch_one(&mut *db.acquire().await.expect("open")).await.expect("a row")
}

/// Reserves a verification until some seconds from now.
async fn reserve(db: &Db, who: &Caller, id: UploadId, seconds: i64) {
    let update = sqlx::query("update uploads set attempts = attempts + 1, looking_until = ? where id = ?");
    let update = update.bind(who.now.plus_seconds(seconds).0).bind(id.0);
    update.execute(&mut *db.acquire().await.expect("open")).await.expect("updated");
}

#[tokio::test]
async fn concurrent_completions_verify_once() {
    let (backend, media) = (Backend::open().await, media());
    let ann = person(&backend.db, "ann").await;
    let (id, _) = sent(&backend, &media, &ann, PHOTO, photo(1200, 900)).await;
    let backends = (0..8).map(|_| backend.another()).collect::<Vec<_>>();
    let answers = join_all(backends.iter().map(|backend| completed(backend, &media, &ann, id))).await;
    let answers: Vec<_> = answers.into_iter().map(|answer| answer.expect("ready")).collect();
    assert!(answers.iter().all(|answer| *answer == answers[0] && answer.state == UploadState::Ready));
    assert_eq!(verifications(&backend.db, id).await, (1, None));
    // The next request reads the result.
    completed(&backend, &media, &ann, id).await.expect("ready");
    let (again, count) = statements(&backend.db, completed(&backend, &media, &ann, id)).await;
    assert_eq!((again.ok().as_ref(), count), (Some(&answers[0]), 1));
}

#[tokio::test]
async fn a_verification_costs_five_statements() {
    let (backend, media) = (Backend::open().await, media());
    let ann = person(&backend.db, "ann").await;
    for round in 0..2 {
        let (id, _) = sent(&backend, &media, &ann, FILE, b"%PDF-1.7 and so on").await;
        let (done, count) = statements(&backend.db, completed(&backend, &media, &ann, id)).await;
        assert!(done.is_ok() && (round == 0 || count == 5), "{count}");
    }
}

#[tokio::test]
async fn concurrent_requests_wait_and_take_over_aborted_verifications() {
    let (backend, media) = (Backend::open().await, media());
    let ann = person(&backend.db, "ann").await;
    let other = backend.another();
    // A running verification: the request gives up and says when to retry.
    let (id, _) = sent(&backend, &media, &ann, PHOTO, photo(60, 40)).await;
    reserve(&backend.db, &ann, id, 30).await;
    let begun = Instant::now();
    let busy = completed(&backend, &media, &ann, id).await.expect_err("a verification runs");
    assert_eq!((busy.code(), busy.retry_after()), ("upload_busy", Some(2)));
    assert!((7..15).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    assert_eq!(verifications(&backend.db, id).await.0, 1);
    // A verification that finishes: the request returns its result.
    let ends = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let reject = sqlx::query("update uploads set state = 'rejected', reason = 'not_a_picture' where id = ?").bind(id.0);
        reject.execute(&mut *other.db.acquire().await.expect("open")).await.expect("rejected");
    };
    let (answer, ()) = tokio::join!(completed(&backend, &media, &ann, id), ends);
    assert_eq!(answer.err().map(|error| error.code()), Some("invalid_input"));
    // An aborted verification.
    let (id, _) = sent(&backend, &media, &ann, PHOTO, photo(60, 40)).await;
    reserve(&backend.db, &ann, id, 0).await;
    assert_eq!(completed(&backend, &media, &ann, id).await.expect("ready").state, UploadState::Ready);
    assert_eq!(verifications(&backend.db, id).await, (2, None));
}

#[tokio::test]
async fn a_verification_without_a_result_is_released() {
    let (backend, media) = (Backend::open().await, media());
    let ann = person(&backend.db, "ann").await;
    let (id, url) = announced_as(&backend, &media, &ann, BINARY, 4).await;
    for _ in 0..20 {
        let missing = completed(&backend, &media, &ann, id).await.err();
        assert!(matches!(missing, Some(Error::Conflict("upload_missing"))), "{missing:?}");
    }
    assert_eq!(verifications(&backend.db, id).await, (0, None), "what has not arrived is not looked at");
    assert_eq!(ask(Method::PUT, &url, BINARY.content_type, b"abcd").await.0, 200);
    assert_eq!(completed(&backend, &media, &ann, id).await.expect("ready").size, 4);
}

#[tokio::test]
async fn an_image_that_repeatedly_aborts_is_rejected() {
    let (backend, media) = (Backend::open().await, media());
    let ann = person(&backend.db, "ann").await;
    let (id, _) = sent(&backend, &media, &ann, PHOTO, photo(60, 40)).await;
    for _ in 0..10 {
        reserve(&backend.db, &ann, id, 0).await;
    }
    let given_up = completed(&backend, &media, &ann, id).await.err();
    assert!(matches!(&given_up, Some(Error::Invalid(why)) if why[0].code == "too_complex"), "{given_up:?}");
}

#[tokio::test]
async fn completing_is_counted() {
    let narrow = shared::config::Limits { upload: shared::error::Limit { quota: 3, window: 60 }, ..limits() };
    let (backend, media) = (Backend::limited(narrow).await, media());
    let ann = person(&backend.db, "ann").await;
    for _ in 0..3 {
        let (id, _) = announced_as(&backend, &media, &ann, BINARY, 4).await;
        assert_eq!(completed(&backend, &media, &ann, id).await.err().map(|error| error.code()), Some("upload_missing"));
    }
    let refused = completed(&backend, &media, &ann, UploadId(1)).await.err();
    assert!(matches!(refused, Some(Error::TooMany { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_large_file_is_copied_in_parts_and_arrives_whole() {
    const LARGE: usize = (12 << 20) + 7;
    let (backend, media) = (Backend::open().await, media().with_part_size(5 << 20));
    let ann = person(&backend.db, "ann").await;
    let bytes: &'static [u8] = (0..LARGE).map(|at| u8::try_from(at / 4096 % 251).unwrap_or_default()).collect::<Vec<_>>().leak();
    let id = ready_as(&backend, &media, &ann, BINARY, bytes).await;
    let url = shown_at(&backend.db, &media, &ann, id).await;
    assert!(ask(Method::GET, &url, "", b"").await == (200, Bytes::from_static(bytes)));

    // Other bytes arrived meanwhile: neither is kept.
    let (id, url) = sent(&backend, &media, &ann, BINARY, bytes).await;
    let arrived = media.find_uploaded(id).await.expect("S3 answers").expect("it arrived");
    let other: &'static [u8] = vec![7; LARGE].leak();
    assert_eq!(ask(Method::PUT, &url, BINARY.content_type, other).await.0, 200);
    let object = Object { id: ObjectId { upload: id, attempt: 1 }, purpose: Purpose::File };
    let shown = Presentation { content_type: BINARY.content_type, inline: false };
    let file = ServedFile { object, shown, name: "a.bin" };
    let soon = Instant::now() + Duration::from_mins(1);
    let kept = media.store_file(&arrived, file, soon).await;
    assert!(matches!(kept, Ok(false)), "{kept:?}");
    // Nor is a copy that misses its deadline.
    let arrived = media.find_uploaded(id).await.expect("S3 answers").expect("it arrived");
    let late = media.store_file(&arrived, file, Instant::now()).await;
    assert!(matches!(late, Err(Error::Unavailable { .. })), "{late:?}");
    let url = media.download_url(object, shared::media::Rendition::Original, ann.now).await.expect("a URL").url;
    assert_eq!(ask(Method::GET, &url, "", b"").await.0, 404);
    assert!(completed(&backend, &media, &ann, id).await.is_ok(), "and what arrived last can still be looked at");
}
