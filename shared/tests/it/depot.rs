//! What the tests of uploads stand on: an S3 with a bucket for each, and the way of a file from its announcement to a message.
#![expect(clippy::expect_used, reason = "a test that has nothing to stand on ends here, and says why")]

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
use shared::domain::uploads::{self, Completing};
use shared::domain::{messages, sweeping};
use shared::error::Result;
use shared::id::{RoomRef, UploadId};
use shared::media::{self, Media};
use shared::protocol::messages::{Message, NewMessage};
use shared::protocol::uploads::{NewUpload, Purpose, Upload, UploadState};
use shared::push::Push;
use shared::store::Db;

use crate::desk::Desk;
use crate::fixture::limits;

/// One S3 for all tests, in a thread of its own, with a bucket for each: their uploads have the same numbers.
pub(crate) fn media() -> Media {
    const BUCKETS: usize = 60;
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
    Media::at(&aws, &format!("{url}/media-{number}"), Sizes { avatar: 1 << 20, image: 1 << 20, file: 16 << 20 })
}

/// Asks S3 as a client does. Gives the status and the body.
pub(crate) async fn ask(method: Method, url: &str, content_type: &str, body: &'static [u8]) -> (u16, Bytes) {
    let http: Client<HttpConnector, Full<Bytes>> = Client::builder(TokioExecutor::new()).build(HttpConnector::new());
    let request = Request::builder().method(method).uri(url).header("content-type", content_type);
    let answer = http.request(request.body(Full::from(body)).expect("a request")).await.expect("an answer");
    let status = answer.status().as_u16();
    (status, answer.into_body().collect().await.expect("a body").to_bytes())
}

pub(crate) const PDF: &[u8] = b"%PDF-1.7 and so on";
pub(crate) const FILE: (Purpose, &str, &str) = (Purpose::File, "a.pdf", "application/pdf");
pub(crate) const FACE: (Purpose, &str, &str) = (Purpose::Avatar, "face.png", "image/png");

pub(crate) async fn announced(desk: &Desk, media: &Media, who: &Caller) -> (UploadId, String) {
    announced_as(desk, media, who, (FILE, PDF.len())).await
}

pub(crate) async fn announced_as(
    desk: &Desk,
    media: &Media,
    who: &Caller,
    what: ((Purpose, &str, &str), usize),
) -> (UploadId, String) {
    let ((purpose, file_name, content_type), size) = what;
    let new = NewUpload { purpose, file_name: file_name.into(), content_type: content_type.into(), size: size as u64 };
    let ticket = uploads::create(&desk.db, &desk.throttle, media, who, &new).await.expect("announced");
    (ticket.upload_id, ticket.url)
}

pub(crate) async fn ready(desk: &Desk, media: &Media, who: &Caller) -> UploadId {
    ready_as(desk, media, who, (FILE, PDF)).await
}

pub(crate) async fn ready_as(desk: &Desk, media: &Media, who: &Caller, what: ((Purpose, &str, &str), &'static [u8])) -> UploadId {
    let (described, bytes) = what;
    let (id, url) = announced_as(desk, media, who, (described, bytes.len())).await;
    assert_eq!(ask(Method::PUT, &url, described.2, bytes).await.0, 200);
    let upload = completed(desk, media, who, id).await.expect("ready");
    assert_eq!(upload.state, UploadState::Ready);
    id
}

/// Has what was sent looked at.
pub(crate) async fn completed(desk: &Desk, media: &Media, who: &Caller, id: UploadId) -> Result<Upload> {
    let with = Completing { throttle: &desk.throttle, media, push: &desk.push };
    uploads::complete(&desk.db, with, who, id).await
}

pub(crate) async fn say(db: &Db, who: &Caller, new: NewMessage) -> Message {
    messages::send(db, &Push::memory(), &limits(), who, (&RoomRef::general(), &new)).await.expect("sent").message
}

/// Where the bytes are, for whoever may see them.
pub(crate) async fn shown_at(db: &Db, media: &Media, who: &Caller, id: UploadId) -> String {
    uploads::link(db, media, who, id, media::Part::Whole).await.expect("may be seen").url
}

/// Lets time pass for what waits, and has the sweep run.
pub(crate) async fn swept(db: &Db, media: &Media, who: &Caller, seconds: i64) -> usize {
    let older = sqlx::query("update uploads set due_at = due_at - ? where due_at is not null").bind(seconds * 1000);
    older.execute(&mut *db.acquire().await.expect("a connection")).await.expect("older");
    sweeping::sweep(db, media, who.now, || true).await.expect("swept")
}
