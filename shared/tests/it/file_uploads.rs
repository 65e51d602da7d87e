//! Files from announcement to message: any type is taken unless it is listed, and audio and video say how long and how large they are.

use http::Method;
use shared::caller::Caller;
use shared::domain::uploads;
use shared::error::{Error, Result};
use shared::id::UploadId;
use shared::media::{Media, RefusedTypes, Rendition};
use shared::protocol::messages::NewMessage;
use shared::protocol::uploads::{NewUpload, Purpose, Upload, UploadState, UploadTicket};

use crate::backend::Backend;
use crate::fixture::person;
use crate::upload_steps::{FILE, FileType, PDF, PHOTO, announced_as, ask, completed, media, ready_as, say, swept};

/// A file as a client declares it.
struct Declared<'a> {
    name: &'a str,
    content_type: &'a str,
    bytes: &'static [u8],
}

const PICTURE: FileType = FileType { purpose: Purpose::Image, name: "poster.png", content_type: "image/png" };

fn picture() -> &'static [u8] {
    let mut png = std::io::Cursor::new(Vec::new());
    image::DynamicImage::new_rgb8(60, 40).write_to(&mut png, image::ImageFormat::Png).expect("a picture");
    png.into_inner().leak()
}

async fn announce(backend: &Backend, media: &Media, who: &Caller, file: &Declared<'_>) -> Result<UploadTicket> {
    let new = NewUpload {
        purpose: Purpose::File,
        file_name: file.name.into(),
        content_type: file.content_type.into(),
        size: file.bytes.len() as u64,
        poster_upload_id: None,
    };
    uploads::create(&backend.db, &backend.throttle, media, who, &new).await
}

async fn uploaded(backend: &Backend, media: &Media, who: &Caller, file: &Declared<'_>) -> Result<Upload> {
    let ticket = announce(backend, media, who, file).await?;
    assert_eq!(ask(Method::PUT, &ticket.url, &ticket.headers["content-type"], file.bytes).await.0, 200, "{}", file.name);
    completed(backend, media, who, ticket.upload_id).await
}

fn boxed(kind: &[u8], content: &[u8]) -> Vec<u8> {
    let size = u32::try_from(content.len() + 8).expect("small").to_be_bytes();
    [&size[..], kind, content].concat()
}

/// A movie of 12.5 s with 1920 × 1080 pixels, whose header stands behind its data as cameras write it.
fn movie(data: usize) -> &'static [u8] {
    let header = boxed(b"mvhd", &[&[0; 12][..], &600_u32.to_be_bytes(), &7500_u32.to_be_bytes(), &[0; 80]].concat());
    let one = 0x1_0000_u32.to_be_bytes();
    let matrix = [one, [0; 4], [0; 4], [0; 4], one, [0; 4], [0; 4], [0; 4], [0x40, 0, 0, 0]].concat();
    let size = [(1920_u32 << 16).to_be_bytes(), (1080_u32 << 16).to_be_bytes()].concat();
    let track = boxed(b"tkhd", &[&[0; 40][..], &matrix, &size].concat());
    let handler = boxed(b"mdia", &boxed(b"hdlr", &[&[0; 8][..], b"vide", &[0; 12]].concat()));
    let track = boxed(b"trak", &[track, handler].concat());
    let start = boxed(b"ftyp", b"isom\0\0\x02\0isomiso2avc1mp41");
    [start, boxed(b"mdat", &vec![7; data]), boxed(b"moov", &[header, track].concat())].concat().leak()
}

#[tokio::test]
async fn a_video_says_how_long_and_how_large_it_is_wherever_it_goes() {
    let (backend, media) = (Backend::open().await, media());
    let ann = person(&backend.db, "ann").await;
    for data in [900, 300_000] {
        let file = Declared { name: "clip.mp4", content_type: "video/mp4", bytes: movie(data) };
        let upload = uploaded(&backend, &media, &ann, &file).await.expect("ready");
        assert_eq!((upload.duration, upload.width, upload.height), (Some(12_500), Some(1920), Some(1080)), "{data}");
        let message = NewMessage { attachments: vec![upload.upload_id], ..NewMessage::default() };
        let sent = say(&backend.db, &ann, message).await;
        let shown = &sent.attachments[0];
        assert_eq!((shown.duration, shown.width, shown.content_type.as_str()), (Some(12_500), Some(1920), "video/mp4"));
        let found = uploads::find(&backend.db, &ann, upload.upload_id).await.expect("may be seen");
        assert_eq!(found, upload);
    }
    // A picture and a text have no duration.
    let text = Declared { name: "a.txt", content_type: "text/plain", bytes: b"moov mvhd" };
    let upload = uploaded(&backend, &media, &ann, &text).await.expect("ready");
    assert_eq!((upload.duration, upload.width), (None, None));
}

#[tokio::test]
async fn headers_that_lie_never_stop_an_upload() {
    let (backend, media) = (Backend::open().await, media());
    let ann = person(&backend.db, "ann").await;
    let endless: &'static [u8] =
        [boxed(b"ftyp", b"isom\0\0\x02\0"), [&u32::MAX.to_be_bytes()[..], b"moov"].concat()].concat().leak();
    // Asks for more pages than are read.
    let scattered: &'static [u8] =
        [boxed(b"ftyp", b"isom\0\0\x02\0"), boxed(b"free", &vec![0; 70_000]).repeat(20)].concat().leak();
    let long: &'static [u8] = [boxed(b"ftyp", b"isom\0\0\x02\0"), boxed(b"moov", &boxed(b"mvhd", &[0xff; 100]))].concat().leak();
    for (content_type, bytes) in [
        ("video/mp4", endless),
        ("video/mp4", scattered),
        ("video/mp4", long),
        ("video/webm", b"\x1a\x45\xdf\xa3\x01\xff\xff\xff\xff\xff\xff\xff\0\0"),
        ("audio/ogg", b"OggS\0\x02\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\xff"),
        ("audio/mpeg", b"ID3\x04\0\0\x7f\x7f\x7f\x7f\0"),
        ("audio/wav", b"RIFF\xff\xff\xff\xffWAVEfmt \xff\xff\xff\xff\0\0"),
        ("audio/flac", b"fLaC\0\0\0\x22\0"),
        ("audio/aac", b"\xff\xf1\x50\x80\x20\x1f\xfc"),
    ] {
        let file = Declared { name: "a", content_type, bytes };
        let upload = uploaded(&backend, &media, &ann, &file).await.expect("ready");
        assert_eq!((upload.state, upload.content_type.as_str()), (UploadState::Ready, content_type));
        assert_eq!((upload.duration, upload.width), (None, None), "{content_type}");
    }
}

#[tokio::test]
async fn a_file_is_taken_however_it_is_declared() {
    let (backend, media) = (Backend::open().await, media());
    let ann = person(&backend.db, "ann").await;
    for (content_type, bytes, served) in [
        ("", &b"%PDF-1.7 x"[..], "application/pdf"),
        ("", b"\x01\x02", "application/octet-stream"),
        ("binary/octet-stream", b"PK\x03\x04\0", "application/zip"),
        ("APPLICATION/X-Anything; version=\"1\"", b"\0", "application/octet-stream"),
        ("no type at all", b"\0", "application/octet-stream"),
        ("text/plain;\tcharset=utf-8", b"ID3 tags are great\n", "text/plain"),
        ("application/pdf", b"PK\x03\x04\0", "application/octet-stream"),
        ("text/plain", b"MZ\x90\0", "application/octet-stream"),
        ("image/png", b"<svg onload=alert(1)>", "application/octet-stream"),
        ("image/jpg", b"\xff\xd8\xff\xe0\0\x10JFIF", "image/jpeg"),
    ] {
        let file = Declared { name: "a", content_type, bytes };
        let upload = uploaded(&backend, &media, &ann, &file).await.expect("ready");
        assert_eq!((upload.state, upload.content_type.as_str()), (UploadState::Ready, served), "{content_type:?} {bytes:?}");
    }
    let csv = Declared { name: "Export.CSV", content_type: "application/vnd.ms-excel", bytes: b"a;b\n" };
    assert_eq!(uploaded(&backend, &media, &ann, &csv).await.expect("ready").content_type, "text/csv");
    let long = "x".repeat(65_536);
    for (name, content_type, bytes, field) in [
        ("a", "text/plain\r\nx-evil: 1", &b"x"[..], "content_type"),
        ("a", "\0", b"x", "content_type"),
        ("a", &long, b"x", "content_type"),
        (&long, "text/plain", b"x", "file_name"),
        ("", "text/plain", b"x", "file_name"),
        // Three letters each when they are composed.
        (&"\u{fb2c}".repeat(86), "text/plain", b"x", "file_name"),
        (&"\u{fb2c}".repeat(255), "text/plain", b"x", "file_name"),
        ("a", "text/plain", b"", "size"),
    ] {
        let refused = announce(&backend, &media, &ann, &Declared { name, content_type, bytes }).await.err();
        assert!(matches!(&refused, Some(Error::Invalid(why)) if why.len() == 1 && why[0].field == field), "{field}: {refused:?}");
    }
    for name in [&"\u{fb2c}".repeat(85), &"ä".repeat(255)] {
        let file = Declared { name, content_type: "text/plain", bytes: b"x" };
        let stored = uploaded(&backend, &media, &ann, &file).await.expect("ready").file_name;
        assert_eq!(stored.chars().count(), 255, "{stored}");
    }
}

/// An archive of one entry, which may stand after other bytes.
fn jar() -> Vec<u8> {
    let entry = [&b"PK\x01\x02"[..], &[0; 24], &[20, 0], &[0; 16], b"META-INF/MANIFEST.MF"].concat();
    [&entry[..], b"PK\x05\x06", &[0; 8], &[66, 0, 0, 0], &[0; 6]].concat()
}

/// The bytes inside a scan stay.
#[tokio::test]
async fn a_picture_that_is_also_a_program_is_refused_if_programs_are() {
    let backend = Backend::open().await;
    let ann = person(&backend.db, "ann").await;
    let mut jpeg = std::io::Cursor::new(Vec::new());
    image::DynamicImage::new_rgb8(60, 40).write_to(&mut jpeg, image::ImageFormat::Jpeg).expect("a picture");
    let jpeg = jpeg.into_inner();
    let both: &'static [u8] = [&jpeg[..jpeg.len() - 2], &jar(), b"\xff\xd9"].concat().leak();
    for (listed, is_taken) in [("video/*", true), ("application/java-archive", false), ("programs", false)] {
        let media = media().with_refused(RefusedTypes::of(&[listed.to_owned()]));
        let (id, url) = announced_as(&backend, &media, &ann, PHOTO, both.len()).await;
        assert_eq!(ask(Method::PUT, &url, PHOTO.content_type, both).await.0, 200);
        let done = completed(&backend, &media, &ann, id).await;
        assert_eq!(done.is_ok(), is_taken, "{listed}: {done:?}");
        let refused = matches!(&done, Err(Error::Invalid(why)) if why[0].code == "type_refused");
        assert_eq!(refused, !is_taken, "{listed}: {done:?}");
    }
}

#[tokio::test]
async fn listed_types_are_refused_before_or_after_they_are_sent() {
    let list = ["programs", "video/*", "application/pdf"].map(str::to_owned);
    let (backend, media) = (Backend::open().await, media().with_refused(RefusedTypes::of(&list)));
    let ann = person(&backend.db, "ann").await;
    let jar: &'static [u8] = [&b"\x89PNG\r\n\x1a\n"[..], &jar()].concat().leak();
    for (name, content_type, bytes, announced) in [
        ("setup.exe", "text/plain", &b"x"[..], false),
        ("a", "application/x-msdownload", b"x", false),
        ("a", "video/x-matroska", b"x", false),
        ("a", "application/x-pdf", b"x", false),
        ("a.txt", "text/plain", b"MZ\x90\0\x03", true),
        ("a", "", b"#!/bin/sh\n", true),
        ("a.txt", "text/plain", b"%PDF-1.7\n", true),
        ("a.bin", "application/octet-stream", movie(100), true),
        ("a.png", "image/png", jar, true),
    ] {
        let file = Declared { name, content_type, bytes };
        let ticket = match announce(&backend, &media, &ann, &file).await {
            Ok(ticket) => ticket,
            Err(refused) => {
                assert!(
                    !announced && matches!(&refused, Error::Invalid(why) if why[0].code == "type_refused"),
                    "{name}: {refused:?}"
                );
                continue;
            }
        };
        assert!(announced, "{name} {content_type}");
        assert_eq!(ask(Method::PUT, &ticket.url, &ticket.headers["content-type"], bytes).await.0, 200);
        for _ in 0..2 {
            let refused = completed(&backend, &media, &ann, ticket.upload_id).await.err();
            assert!(matches!(&refused, Some(Error::Invalid(why)) if why[0].code == "type_refused"), "{name}: {refused:?}");
        }
    }
    for (name, content_type, bytes) in [
        ("a.txt", "text/plain", &b"MZ is a mark"[..]),
        ("a.zip", "application/zip", b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
        ("a.png", "image/png", b"\x89PNG\r\n\x1a\n\0"),
    ] {
        let file = Declared { name, content_type, bytes };
        assert_eq!(uploaded(&backend, &media, &ann, &file).await.expect("ready").content_type, content_type);
    }
}

#[tokio::test]
async fn a_video_has_the_thumbnail_of_its_poster_and_uses_it_up() {
    let (backend, media) = (Backend::open().await, media());
    let (ann, bob) = (person(&backend.db, "ann").await, person(&backend.db, "bob").await);
    let video = |poster, purpose| NewUpload {
        purpose,
        file_name: "clip.mp4".into(),
        content_type: if purpose == Purpose::File { "video/mp4" } else { "image/png" }.into(),
        size: movie(900).len() as u64,
        poster_upload_id: Some(poster),
    };
    let create = async |who: &Caller, new: NewUpload| uploads::create(&backend.db, &backend.throttle, &media, who, &new).await;
    let poster = ready_as(&backend, &media, &ann, PICTURE, picture()).await;
    let text = ready_as(&backend, &media, &ann, FILE, PDF).await;
    for (who, poster, purpose, code) in [
        (&bob, poster, Purpose::File, "upload_not_found"),
        (&ann, UploadId(999_999), Purpose::File, "upload_not_found"),
        (&ann, text, Purpose::File, "wrong_purpose"),
        (&ann, poster, Purpose::Image, "unsupported"),
    ] {
        let refused = create(who, video(poster, purpose)).await.err();
        let found = match &refused {
            Some(Error::Invalid(why)) => why[0].code,
            Some(other) => other.code(),
            None => "none",
        };
        assert_eq!(found, code, "{refused:?}");
    }
    let ticket = create(&ann, video(poster, Purpose::File)).await.expect("announced");
    assert_eq!(ask(Method::PUT, &ticket.url, "video/mp4", movie(900)).await.0, 200);
    let upload = completed(&backend, &media, &ann, ticket.upload_id).await.expect("ready");
    assert!(upload.thumbnail_url.is_some() && upload.placeholder.is_some(), "{upload:?}");
    let gone = uploads::find(&backend.db, &ann, poster).await.err();
    assert!(matches!(gone, Some(Error::NotFound("upload_not_found"))), "{gone:?}");
    let shown = say(&backend.db, &ann, NewMessage { attachments: vec![upload.upload_id], ..NewMessage::default() }).await;
    assert_eq!(shown.attachments[0].thumbnail_url, upload.thumbnail_url);
    swept(&backend.db, &media, &ann, 3600).await;
    let link = uploads::link(&backend.db, &media, &ann, upload.upload_id, Rendition::Thumbnail).await.expect("a URL");
    let (status, bytes) = ask(Method::GET, &link.url, "", b"").await;
    assert_eq!(status, 200, "it outlives the picture");
    image::load_from_memory(&bytes).expect("a picture");
    // A picture that was used meanwhile is no poster, and the video is taken.
    let poster = ready_as(&backend, &media, &ann, PICTURE, picture()).await;
    let ticket = create(&ann, video(poster, Purpose::File)).await.expect("announced");
    say(&backend.db, &ann, NewMessage { attachments: vec![poster], ..NewMessage::default() }).await;
    assert_eq!(ask(Method::PUT, &ticket.url, "video/mp4", movie(900)).await.0, 200);
    let upload = completed(&backend, &media, &ann, ticket.upload_id).await.expect("ready");
    assert_eq!((upload.thumbnail_url, upload.placeholder), (None, None));
    assert!(uploads::find(&backend.db, &ann, poster).await.is_ok());
    // Release 0.2.0 completes a video without making the thumbnail.
    let poster = ready_as(&backend, &media, &ann, PICTURE, picture()).await;
    let ticket = create(&ann, video(poster, Purpose::File)).await.expect("announced");
    let older = sqlx::query("update uploads set state = 'ready', object_id = id, object_attempt = 1 where id = ?");
    let older = older.bind(ticket.upload_id.0);
    older.execute(&mut *backend.db.acquire().await.expect("a connection")).await.expect("updated");
    let upload = uploads::find(&backend.db, &ann, ticket.upload_id).await.expect("found");
    assert_eq!((upload.state, upload.thumbnail_url), (UploadState::Ready, None));
    let link = uploads::link(&backend.db, &media, &ann, upload.upload_id, Rendition::Thumbnail).await.err();
    assert!(matches!(link, Some(Error::NotFound("upload_not_found"))), "{link:?}");
}
