//! Test images, valid and fake, and the steps from an announcement to an attachment.

use std::io::Cursor;

use hyper::Method;
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use serde_json::{Value, json};

use crate::api::{Answer, Api, Header, Person};

/// An image with a colour gradient, which makes its corners distinguishable.
pub(crate) fn picture(width: u32, height: u32) -> DynamicImage {
    let shade = |at: u32, of: u32| u8::try_from(at * 255 / of.max(2)).unwrap_or(255);
    DynamicImage::ImageRgb8(RgbImage::from_fn(width, height, |x, y| Rgb([shade(x, width), shade(y, height), 128])))
}

pub(crate) fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).expect("encodes");
    bytes.into_inner()
}

/// A JPEG of a phone held upright: stored sideways, with an orientation tag and a location.
pub(crate) fn phone_picture(width: u32, height: u32) -> Vec<u8> {
    let jpeg = encoded(&picture(width, height), ImageFormat::Jpeg);
    let mut exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0".to_vec();
    exif.extend_from_slice(b"GPS 52.5200 N 13.4050 E");
    let length = u16::try_from(exif.len() + 2).expect("short").to_be_bytes();
    [&jpeg[..2], &[0xff, 0xe1], &length, &exif, &jpeg[2..]].concat()
}

/// A PNG whose header promises many pixels with a few bytes of data.
pub(crate) fn png_bomb(width: u32, height: u32) -> Vec<u8> {
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut chunk = |kind: &[u8], data: &[u8]| {
        let mut crc = flate2::Crc::new();
        crc.update(kind);
        crc.update(data);
        png.extend_from_slice(&u32::try_from(data.len()).expect("short").to_be_bytes());
        png.extend_from_slice(kind);
        png.extend_from_slice(data);
        png.extend_from_slice(&crc.sum().to_be_bytes());
    };
    chunk(b"IHDR", &[&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 0, 0, 0, 0]].concat());
    let mut zeros = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut zeros, &vec![0; 1 << 20]).expect("memory");
    chunk(b"IDAT", &zeros.finish().expect("memory"));
    chunk(b"IEND", b"");
    png
}

/// Announces an upload.
pub(crate) async fn announce(api: &Api, who: &Person, body: Value) -> Value {
    api.post("/api/uploads", who, body).await.is(201)
}

/// Sends bytes to the URL of a ticket, as any client does.
pub(crate) async fn send(ticket: &Value, bytes: &[u8]) -> Answer {
    let content_type = ticket["headers"]["content-type"].as_str().expect("a type");
    send_as(ticket["url"].as_str().expect("a URL"), content_type, bytes).await
}

pub(crate) async fn send_as(url: &str, content_type: &str, bytes: &[u8]) -> Answer {
    Api::new("").raw(Method::PUT, url, &[Header("content-type", content_type)], bytes.to_vec()).await
}

/// Fetches a URL without a credential.
pub(crate) async fn fetch(url: &str, headers: &[Header<'_>]) -> Answer {
    Api::new("").raw(Method::GET, url, headers, "").await
}

/// The target of a redirect.
#[track_caller]
pub(crate) fn location(answer: &Answer) -> String {
    assert_eq!(answer.status.as_u16(), 302, "{}", String::from_utf8_lossy(&answer.body));
    answer.headers["location"].to_str().expect("a URL").to_owned()
}

/// What the announcement of a file says besides its size.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewFile<'a> {
    purpose: &'a str,
    name: &'a str,
    content_type: &'a str,
}

pub(crate) const fn new_file<'a>(purpose: &'a str, name: &'a str, content_type: &'a str) -> NewFile<'a> {
    NewFile { purpose, name, content_type }
}

/// Announces and sends without completing. Returns the upload.
pub(crate) async fn sent(api: &Api, who: &Person, what: NewFile<'_>, bytes: &[u8]) -> Value {
    let NewFile { purpose, name, content_type } = what;
    let body = json!({ "purpose": purpose, "file_name": name, "content_type": content_type, "size": bytes.len() });
    let ticket = announce(api, who, body).await;
    assert_eq!(send(&ticket, bytes).await.status.as_u16(), 200);
    ticket["upload_id"].clone()
}

pub(crate) async fn completed(api: &Api, who: &Person, upload: &Value) -> Answer {
    api.post(&format!("/api/uploads/{upload}/complete"), who, json!({})).await
}

/// A completed upload.
pub(crate) async fn ready(api: &Api, who: &Person, what: NewFile<'_>, bytes: &[u8]) -> Value {
    let upload = sent(api, who, what, bytes).await;
    completed(api, who, &upload).await.is(200)
}

/// A small image for attachments.
pub(crate) async fn ready_picture(api: &Api, who: &Person) -> Value {
    let bytes = encoded(&picture(60, 40), ImageFormat::Png);
    ready(api, who, new_file("image", "small.png", "image/png"), &bytes).await["upload_id"].clone()
}
