//! Kinds of pictures as phones, cameras, editors and the web make them: what is accepted is shown as browsers show it, without anything else of the
//! file, and is no larger than what came. What is a bomb is refused.
#![expect(clippy::expect_used, reason = "a test that has nothing to stand on ends here, and says why")]

mod animations;
mod files;
mod flawed_gifs;
mod jpegs;
mod large;

use std::time::{Duration, Instant};

use pictures::{Deadline, Picture, PictureError};

/// A text that must not survive.
pub(crate) const SECRET: &[u8] = b"GPS 52.5200 N 13.4050 E";

/// Within the time of a verification.
pub(crate) fn image(bytes: &[u8]) -> Result<Picture, PictureError> {
    pictures::image(bytes, &Deadline::at(Instant::now() + Duration::from_mins(1)))
}

pub(crate) fn avatar(bytes: &[u8]) -> Result<Picture, PictureError> {
    pictures::avatar(bytes, &Deadline::at(Instant::now() + Duration::from_mins(1)))
}

pub(crate) fn has(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|part| part == what)
}

#[test]
fn a_format_is_told_by_bytes_alone() {
    use image::ImageFormat;
    let picture = files::gradient(64, 48);
    for (format, content_type) in [
        (ImageFormat::Jpeg, "image/jpeg"),
        (ImageFormat::Png, "image/png"),
        (ImageFormat::Gif, "image/gif"),
        (ImageFormat::WebP, "image/jpeg"),
    ] {
        let made = image(&files::written(&picture, format)).expect("a picture");
        assert_eq!((made.original.content_type, made.dimensions), (content_type, (64, 48)), "{format:?}");
        assert_eq!(avatar(&files::written(&picture, format)).map(|face| face.dimensions), Ok((48, 48)), "{format:?}");
    }
    for other in [ImageFormat::Tiff, ImageFormat::Bmp, ImageFormat::Avif] {
        let magic: &[u8] = match other {
            ImageFormat::Tiff => b"MM\0*\0\0\0\x08",
            ImageFormat::Bmp => b"BM\0\0\0\0\0\0\0\0",
            _ => b"\0\0\0\x1cftypavif\0\0\0\0",
        };
        assert_eq!(image(magic).err(), Some(PictureError::UnknownFormat), "{other:?}");
    }
}
