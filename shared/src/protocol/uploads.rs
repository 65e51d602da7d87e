//! Uploads: announced to the server, sent directly to the object store, then verified.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use crate::error::{Error, Result};
use crate::id::UploadId;
use crate::protocol::messages::{Attachment, AttachmentKind, NewMessage};
use crate::time::Timestamp;

/// Maximum number of attachments per message.
pub const MAX_ATTACHMENTS: usize = 10;

/// Maximum length of a file URL.
const MAX_URL: usize = 2048;

/// The purpose of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// The avatar of a user or room: a JPEG, PNG, WebP or GIF image, cropped to a square. Its bytes decide the format.
    Avatar,
    /// A JPEG, PNG, WebP or GIF image in a message. Its bytes decide the format. More than 40 million pixels, or 16,384 on a side, are made smaller.
    Image,
    /// Any file in a message, unmodified, including its metadata, except that JPEG, PNG, WebP, HEIC, AVIF and TIFF up to 64 MB lose their location. Audio
    /// and video that browsers play are served for playing, everything else for saving.
    File,
}

/// The state of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UploadState {
    /// Announced; the bytes are not verified yet.
    Pending,
    /// Verified and ready for use.
    Ready,
    /// Rejected; the bytes are deleted.
    Rejected,
}

/// Body of `POST /api/uploads`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
pub struct NewUpload {
    /// The purpose.
    pub purpose: Purpose,
    /// The file name, 1–255 characters; folders are removed.
    #[schema(example = "beach.jpg", min_length = 1, max_length = 255)]
    pub file_name: String,
    /// The content type: anything that the client's system calls it, absent or empty. An image or avatar may be any of `image/…`,
    /// `application/octet-stream` or nothing, since its bytes decide. A file whose type says nothing is served as what its bytes show; one whose bytes are
    /// something else is served as `application/octet-stream`.
    #[serde(default, deserialize_with = "empty_if_null")]
    #[schema(example = "image/jpeg", max_length = 1024)]
    pub content_type: String,
    /// The exact size in bytes.
    #[schema(example = 482_113, minimum = 1)]
    pub size: u64,
    /// An upload of the caller with the purpose `image`, ready and unused, whose thumbnail becomes that of this video. It is used up by this.
    #[serde(default)]
    pub poster_upload_id: Option<UploadId>,
}

/// Null says as little as nothing.
fn empty_if_null<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<String, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// How to send the bytes: one request, directly to the object store.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct UploadTicket {
    /// The upload.
    pub upload_id: UploadId,
    /// The method of the request.
    #[schema(example = "PUT")]
    pub method: &'static str,
    /// The URL of the request, signed for this content type and size.
    pub url: String,
    /// Required headers besides `content-length`.
    pub headers: BTreeMap<&'static str, String>,
    /// When the URL expires. The upload itself expires after a day.
    pub expires_at: Timestamp,
}

/// An upload, for its owner and for everyone who may see what it is attached to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[expect(clippy::struct_field_names, reason = "an upload is `upload_id` wherever a client meets it")]
pub struct Upload {
    /// The upload's id.
    pub upload_id: UploadId,
    /// The purpose.
    pub purpose: Purpose,
    /// The state.
    pub state: UploadState,
    /// The owner's file name.
    #[schema(example = "beach.jpg")]
    pub file_name: String,
    /// The content type: as announced until verification.
    #[schema(example = "image/jpeg")]
    pub content_type: String,
    /// The size in bytes, which changes when an image is re-encoded.
    pub size: u64,
    /// The width of an image or video in pixels.
    pub width: Option<u32>,
    /// The height of an image or video in pixels.
    pub height: Option<u32>,
    /// The duration of audio or video in milliseconds, if its header has it.
    #[schema(example = 12_500)]
    pub duration: Option<u32>,
    /// A blurhash to display while the image, or the poster of a video, loads.
    #[schema(example = "LEHV6nWB2yk8pyo0adR*.7kCMdnj")]
    pub placeholder: Option<String>,
    /// Why the upload was rejected: `size_mismatch`, `type_mismatch`, `type_refused`, `not_a_picture`, `too_many_pixels` or `too_complex`.
    pub reason: Option<String>,
    /// The URL of the bytes, once ready.
    pub url: Option<String>,
    /// The URL of the thumbnail of an image, or of a video with a poster.
    pub thumbnail_url: Option<String>,
    /// When the upload was announced.
    pub created_at: Timestamp,
}

impl Upload {
    /// Converts the upload into an attachment.
    pub fn attachment(self) -> Attachment {
        Attachment {
            kind: if self.purpose == Purpose::File { AttachmentKind::File } else { AttachmentKind::Image },
            url: content_url(self.upload_id),
            thumbnail_url: self.thumbnail_url,
            upload_id: self.upload_id,
            file_name: self.file_name,
            content_type: self.content_type,
            size: self.size,
            width: self.width,
            height: self.height,
            duration: self.duration,
            placeholder: self.placeholder,
        }
    }
}

/// A URL that needs no credential, for `<img>` and similar.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Link {
    /// The URL.
    pub url: String,
    /// When the URL expires.
    pub expires_at: Timestamp,
}

/// Body of `PUT /api/users/me/avatar`, and part of changing a room.
#[derive(Clone, Copy, Debug, Deserialize, utoipa::ToSchema)]
pub struct NewAvatar {
    /// An upload of the caller with the purpose `avatar`, ready and unused.
    pub upload_id: UploadId,
}

/// The URL of an upload's bytes.
pub fn content_url(upload: UploadId) -> String {
    format!("/api/uploads/{upload}/content")
}

/// The URL of an upload's thumbnail.
pub fn thumbnail_url(upload: UploadId) -> String {
    format!("/api/uploads/{upload}/thumbnail")
}

/// Parses the URL of an upload, with or without scheme and host.
fn upload_of(url: &str) -> Option<UploadId> {
    let path = match url.split_once("://") {
        Some(("http" | "https", rest)) => &rest[rest.find('/')?..],
        Some(_) => return None,
        None => url,
    };
    path.strip_prefix("/api/uploads/")?.strip_suffix("/content")?.parse().ok()
}

/// Handles the file URL of legacy clients: a URL of an upload attaches it; any other URL becomes part of the text and is never fetched.
pub(super) fn take_file_url(url: &str, message: &mut NewMessage) -> Result<()> {
    if let Some(upload) = upload_of(url) {
        message.attachments.push(upload);
        return Ok(());
    }
    if !(url.starts_with("https://") || url.starts_with("http://")) || url.len() > MAX_URL || url.contains(char::is_whitespace) {
        return Err(Error::invalid("file_url", "invalid", "must be the URL of an upload, or another http or https URL"));
    }
    let words = message.content.as_deref().unwrap_or_default();
    message.content = Some(if words.trim().is_empty() { url.to_owned() } else { format!("{words}\n{url}") });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::actions::Action;
    use crate::protocol::incoming;

    #[test]
    fn upload_urls_are_parsed() {
        for url in [
            "/api/uploads/7/content",
            "https://chat.example/api/uploads/7/content",
            "http://localhost:8081/api/uploads/7/content",
        ] {
            assert_eq!(upload_of(url), Some(UploadId(7)), "{url}");
        }
        for url in [
            "",
            "https://x",
            "https://x/api/uploads/7",
            "/api/uploads/07/content",
            "ftp://x/api/uploads/7/content",
            "/api/uploads/7/content?x",
        ] {
            assert_eq!(upload_of(url), None, "{url}");
        }
    }

    #[test]
    fn a_file_url_becomes_an_attachment_or_text() {
        let sent = |frame: &str| match incoming::read(frame).action {
            Ok(Action::Send(send)) => (send.message.content, send.message.attachments),
            other => panic!("{frame}: {other:?}"),
        };
        let printed = r#"{"type":"message","data":{"room_id":"room-7","content":"Hello world!","file_url":"https://cloudinary.com/file.jpg"}}"#;
        assert_eq!(sent(printed), (Some("Hello world!\nhttps://cloudinary.com/file.jpg".into()), vec![]));
        let ours = r#"{"type":"message","data":{"room_id":7,"content":"Look","file_url":"http://localhost:8081/api/uploads/5/content"}}"#;
        assert_eq!(sent(ours), (Some("Look".into()), vec![UploadId(5)]));
        assert_eq!(sent(r#"{"action":"send","file_url":"/api/uploads/5/content"}"#), (None, vec![UploadId(5)]));
        assert_eq!(sent(r#"{"content":"x","file_url":""}"#), (Some("x".into()), vec![]));
        for url in ["\"javascript:alert(1)\"", "7", "\"https://a b\"", "\"file:///etc/passwd\""] {
            let error = incoming::read(&format!(r#"{{"content":"x","file_url":{url}}}"#)).action.err();
            assert_eq!(error.as_ref().map(Error::code), Some("invalid_input"), "{url}");
        }
    }
}
