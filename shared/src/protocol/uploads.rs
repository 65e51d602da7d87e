//! Uploads: announced here, sent to the object store by the client itself, then looked at.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::id::UploadId;
use crate::protocol::messages::{Attachment, AttachmentKind, NewMessage};
use crate::time::Timestamp;

/// Files of one message.
pub const MAX_ATTACHMENTS: usize = 10;

/// How long a URL of a file may be.
const MAX_URL: usize = 2048;

/// What an upload is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// The face of a person or a room: a JPEG, PNG, WebP or GIF picture, cut square.
    Avatar,
    /// A JPEG, PNG, WebP or GIF picture in a message.
    Image,
    /// Any file in a message. It is only ever downloaded, and stays as it is, what it says of its maker included.
    File,
}

/// How far an upload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UploadState {
    /// Announced; the bytes may be on their way.
    Pending,
    /// Looked at; it can be used.
    Ready,
    /// The bytes were not what was announced, and are gone.
    Rejected,
}

/// Body of `POST /api/uploads`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
pub struct NewUpload {
    /// What it is for.
    pub purpose: Purpose,
    /// The name that others see, 1–255 characters. Folders before it are dropped.
    #[schema(example = "beach.jpg", min_length = 1, max_length = 255)]
    pub file_name: String,
    /// What the bytes are. Lies are found out.
    #[schema(example = "image/jpeg", max_length = 127)]
    pub content_type: String,
    /// How many bytes, exactly.
    #[schema(example = 482_113, minimum = 1)]
    pub size: u64,
}

/// Where to send the bytes: one request, straight to the object store.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct UploadTicket {
    /// The upload.
    pub upload_id: UploadId,
    /// The request's method.
    #[schema(example = "PUT")]
    pub method: &'static str,
    /// The request's URL, signed for exactly this type and length.
    pub url: String,
    /// Headers that the request must have, besides the `content-length` that every client sends by itself.
    pub headers: BTreeMap<&'static str, String>,
    /// Until when the request is taken. The upload itself waits a day.
    pub expires_at: Timestamp,
}

/// An upload, to its owner and to those who may see what it is attached to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[expect(clippy::struct_field_names, reason = "an upload is `upload_id` wherever a client meets it")]
pub struct Upload {
    /// The upload.
    pub upload_id: UploadId,
    /// What it is for.
    pub purpose: Purpose,
    /// How far it is.
    pub state: UploadState,
    /// The sender's name for the file.
    #[schema(example = "beach.jpg")]
    pub file_name: String,
    /// What the bytes are: as announced until they were looked at.
    #[schema(example = "image/jpeg")]
    pub content_type: String,
    /// Bytes. A picture is written anew, so its size changes.
    pub size: u64,
    /// Pixels, of a picture.
    pub width: Option<u32>,
    /// Pixels, of a picture.
    pub height: Option<u32>,
    /// A blurhash to show while the picture loads.
    #[schema(example = "LEHV6nWB2yk8pyo0adR*.7kCMdnj")]
    pub placeholder: Option<String>,
    /// Why it was rejected: `size_mismatch`, `type_mismatch`, `not_a_picture`, `too_many_pixels`, `too_complex`.
    pub reason: Option<String>,
    /// Where the bytes are, once it is ready.
    pub url: Option<String>,
    /// Where a small version is, of a picture.
    pub thumbnail_url: Option<String>,
    /// When it was announced.
    pub created_at: Timestamp,
}

impl Upload {
    /// The same as part of a message.
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
            placeholder: self.placeholder,
        }
    }
}

/// A URL that needs no credential, for `<img>` and other readers that can send none.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Link {
    /// The URL.
    pub url: String,
    /// Until when it works.
    pub expires_at: Timestamp,
}

/// Body of `PUT /api/users/me/avatar`, and part of changing a room.
#[derive(Clone, Copy, Debug, Deserialize, utoipa::ToSchema)]
pub struct NewAvatar {
    /// One's own upload that is ready, made for this purpose and not used yet.
    pub upload_id: UploadId,
}

/// Where an upload's bytes are.
pub fn content_url(upload: UploadId) -> String {
    format!("/api/uploads/{upload}/content")
}

/// Where its small version is.
pub fn thumbnail_url(upload: UploadId) -> String {
    format!("/api/uploads/{upload}/thumbnail")
}

/// The upload that a URL of ours is about, with or without the address before the path.
fn upload_of(url: &str) -> Option<UploadId> {
    let path = match url.split_once("://") {
        Some(("http" | "https", rest)) => &rest[rest.find('/')?..],
        Some(_) => return None,
        None => url,
    };
    path.strip_prefix("/api/uploads/")?.strip_suffix("/content")?.parse().ok()
}

/// Older clients name one file by its URL. One of ours is attached; any other address is something that the sender says, and stands in the text:
/// nothing of it is fetched, by us or by the readers' programs.
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
    fn a_url_of_ours_names_its_upload() {
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
    fn a_files_url_is_an_attachment_when_it_is_ours_and_text_when_it_is_not() {
        let sent = |frame: &str| match incoming::read(frame).action {
            Ok(Action::Send { message, .. }) => (message.content, message.attachments),
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
