//! Support for tests of uploads: an S3 server with a bucket per test, and the steps from announcement to message.
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
use shared::config::{Aws, Secret, UploadSizes};
use shared::domain::messages::{self, SendRequest};
use shared::domain::sweep;
use shared::domain::uploads::{self, UploadCompletion};
use shared::error::Result;
use shared::id::{RoomRef, UploadId};
use shared::media::{self, Media};
use shared::protocol::messages::{Message, NewMessage};
use shared::protocol::uploads::{NewUpload, Purpose, Upload, UploadState};
use shared::push::Push;
use shared::store::Db;

use crate::backend::Backend;
use crate::fixture::limits;

/// One S3 server for all tests in its own thread, with a bucket each, because upload ids repeat.
pub(crate) fn media() -> Media {
    const BUCKETS: usize = 100;
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    static URL: OnceLock<String> = OnceLock::new();
    let url = URL.get_or_init(|| {
        let (ready, started) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let folder = tempfile::tempdir().expect("a folder");
                let bucket = |number| Bucket { name: format!("media-{number}"), cors_rules: serde_json::json!([]) };
                let buckets: Vec<_> = (0..BUCKETS).map(bucket).collect();
                let s3 = S3::start(folder.path(), &buckets).await.expect("S3 starts");
                ready.send(s3.endpoint()).expect("someone waits");
                std::future::pending::<()>().await;
            });
        });
        started.recv().expect("S3 starts")
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
    Media::at(&aws, &format!("{url}/media-{number}"), UploadSizes { avatar: 1 << 20, image: 1 << 20, file: 16 << 20 })
}

/// Sends a client's request to S3. Returns status and body.
pub(crate) async fn ask(method: Method, url: &str, content_type: &str, body: &'static [u8]) -> (u16, Bytes) {
    let http: Client<HttpConnector, Full<Bytes>> = Client::builder(TokioExecutor::new()).build(HttpConnector::new());
    let request = Request::builder().method(method).uri(url).header("content-type", content_type);
    let answer = http.request(request.body(Full::from(body)).expect("a request")).await.expect("an answer");
    let status = answer.status().as_u16();
    (status, answer.into_body().collect().await.expect("a body").to_bytes())
}

pub(crate) const PDF: &[u8] = b"%PDF-1.7 and so on";
/// A file as its upload is announced.
#[derive(Clone, Copy)]
pub(crate) struct FileType {
    pub(crate) purpose: Purpose,
    pub(crate) name: &'static str,
    pub(crate) content_type: &'static str,
}

pub(crate) const FILE: FileType = FileType { purpose: Purpose::File, name: "a.pdf", content_type: "application/pdf" };
pub(crate) const FACE: FileType = FileType { purpose: Purpose::Avatar, name: "face.png", content_type: "image/png" };
pub(crate) const PHOTO: FileType = FileType { purpose: Purpose::Image, name: "a.jpg", content_type: "image/jpeg" };

pub(crate) async fn announced(backend: &Backend, media: &Media, who: &Caller) -> (UploadId, String) {
    announced_as(backend, media, who, FILE, PDF.len()).await
}

pub(crate) async fn announced_as(
    backend: &Backend,
    media: &Media,
    who: &Caller,
    what: FileType,
    size: usize,
) -> (UploadId, String) {
    let FileType { purpose, name, content_type } = what;
    let (file_name, content_type, size) = (name.into(), content_type.into(), size as u64);
    let new = NewUpload { purpose, file_name, content_type, size, poster_upload_id: None };
    let ticket = uploads::create(&backend.db, &backend.throttle, media, who, &new).await.expect("announced");
    (ticket.upload_id, ticket.url)
}

pub(crate) async fn ready(backend: &Backend, media: &Media, who: &Caller) -> UploadId {
    ready_as(backend, media, who, FILE, PDF).await
}

pub(crate) async fn ready_as(backend: &Backend, media: &Media, who: &Caller, what: FileType, bytes: &'static [u8]) -> UploadId {
    let (id, url) = announced_as(backend, media, who, what, bytes.len()).await;
    assert_eq!(ask(Method::PUT, &url, what.content_type, bytes).await.0, 200);
    let upload = completed(backend, media, who, id).await.expect("ready");
    assert_eq!(upload.state, UploadState::Ready);
    id
}

/// Completes an upload.
pub(crate) async fn completed(backend: &Backend, media: &Media, who: &Caller, id: UploadId) -> Result<Upload> {
    let with = UploadCompletion { throttle: &backend.throttle, media, push: &backend.push };
    uploads::complete(&backend.db, with, who, id).await
}

pub(crate) async fn say(db: &Db, who: &Caller, new: NewMessage) -> Message {
    messages::send(db, &Push::memory(), &limits(), who, SendRequest { room: &RoomRef::general(), new: &new })
        .await
        .expect("sent")
        .message
}

/// Returns the URL of an upload's content.
pub(crate) async fn shown_at(db: &Db, media: &Media, who: &Caller, id: UploadId) -> String {
    uploads::link(db, media, who, id, media::Rendition::Original).await.expect("may be seen").url
}

/// Runs the sweep `seconds` later.
pub(crate) async fn swept(db: &Db, media: &Media, who: &Caller, seconds: i64) -> usize {
    let older = sqlx::query("update uploads set due_at = due_at - ? where due_at is not null").bind(seconds * 1000);
    older.execute(&mut *db.acquire().await.expect("a connection")).await.expect("older");
    sweep::sweep(db, media, who.now, || true).await.expect("swept")
}
