//! Pictures: recognised by their bytes, decoded under limits of memory and time, and written without anything that is not picture. Animations and
//! JPEGs that need no change keep their compressed data; everything else is encoded from its pixels.
//!
//! A crate of its own, so that it is optimised in development builds, too: decoders are generic and compiled where they are used.

mod apng;
mod deadline;
mod decode;
mod encode;
mod gif_frames;
mod heif;
mod jpeg;
pub mod location;
mod motion;
mod palette;
mod photo;
mod profile;
mod riff;
mod scale;
mod webp;

use bytes::Bytes;
use image::{DynamicImage, ImageFormat};

pub use self::deadline::{CancelOnDrop, Deadline};
use self::motion::Canvas;
pub use self::scale::{MAX_PIXELS, MAX_SIDE};

/// The longer side of a thumbnail.
const THUMBNAIL: u32 = 480;
/// The sides of an avatar's two sizes.
const AVATAR: (u32, u32) = (512, 128);

/// Why an image is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PictureError {
    /// The bytes begin like none of the formats.
    UnknownFormat,
    /// The bytes cannot be decoded.
    NotAPicture,
    /// Decoding takes too much memory.
    TooManyPixels,
    /// Decoding takes more work than the size suggests.
    TooComplex,
    /// The time limit passed before a decision.
    OutOfTime,
}

/// An encoded image.
#[derive(Clone, Debug)]
pub struct EncodedImage {
    pub content_type: &'static str,
    pub bytes: Bytes,
}

/// A verified image.
#[derive(Clone, Debug)]
pub struct Picture {
    /// The full size; the large size of an avatar.
    pub original: EncodedImage,
    /// The thumbnail.
    pub thumbnail: EncodedImage,
    /// Width and height of the full size.
    pub dimensions: (u32, u32),
    /// A blurhash.
    pub placeholder: Option<String>,
}

/// Writes an image for a message anew, in its original size as far as that is within the limits, and as a thumbnail. Animations stay animated.
pub fn image(bytes: &[u8], stop: &Deadline) -> Result<Picture, PictureError> {
    let made = format(bytes).and_then(|format| match format {
        ImageFormat::Jpeg => photo::image(bytes, stop),
        ImageFormat::Gif => gif_frames::image(bytes, stop),
        ImageFormat::Png => apng::animated(bytes, stop).unwrap_or_else(|| still(bytes, format, stop)),
        _ => webp::animated(bytes, stop).unwrap_or_else(|| still(bytes, format, stop)),
    });
    made.map_err(|flaw| timeout_or(flaw, stop))
}

/// Crops the centre square for an avatar, in two sizes. Animations keep only the first frame.
pub fn avatar(bytes: &[u8], stop: &Deadline) -> Result<Picture, PictureError> {
    let decoded = format(bytes).and_then(|format| match format {
        ImageFormat::Jpeg => photo::upright(bytes, stop),
        ImageFormat::Gif => gif_frames::first(bytes, stop),
        ImageFormat::WebP => webp::first(bytes).unwrap_or_else(|| decode::upright(bytes, format, stop)),
        _ => decode::upright(bytes, format, stop),
    });
    let decoded = decoded.map_err(|flaw| timeout_or(flaw, stop))?;
    let side = decoded.width().min(decoded.height());
    let (x, y) = ((decoded.width() - side) / 2, (decoded.height() - side) / 2);
    let square = decoded.crop_imm(x, y, side, side);
    let sized = |wanted: u32| if side > wanted { square.thumbnail_exact(wanted, wanted) } else { square.clone() };
    let (large, small) = (sized(AVATAR.0), sized(AVATAR.1));
    Ok(Picture {
        dimensions: (large.width(), large.height()),
        placeholder: encode::placeholder(&small),
        original: encode::encoded(&large, false)?,
        thumbnail: encode::encoded(&small, false)?,
    })
}

fn format(bytes: &[u8]) -> Result<ImageFormat, PictureError> {
    match image::guess_format(bytes) {
        Ok(format @ (ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::Gif | ImageFormat::WebP)) => Ok(format),
        _ => Err(PictureError::UnknownFormat),
    }
}

/// A PNG or WebP without motion.
fn still(bytes: &[u8], format: ImageFormat, stop: &Deadline) -> Result<Picture, PictureError> {
    let decoded = decode::upright(bytes, format, stop)?;
    // Lossless images stay lossless; a lossy WebP as PNG would grow tenfold.
    let original = encode::encoded(&decoded, format == ImageFormat::Png)?;
    let canvas = Canvas { width: decoded.width(), height: decoded.height() };
    finished(&thumbnail(&decoded), original, canvas, stop)
}

/// Reduces an image for display in a list.
fn thumbnail(decoded: &DynamicImage) -> DynamicImage {
    if decoded.width() > THUMBNAIL || decoded.height() > THUMBNAIL {
        decoded.thumbnail(THUMBNAIL, THUMBNAIL)
    } else {
        decoded.clone()
    }
}

fn finished(small: &DynamicImage, original: EncodedImage, canvas: Canvas, stop: &Deadline) -> Result<Picture, PictureError> {
    stop.check()?;
    Ok(Picture {
        original,
        thumbnail: encode::encoded(small, false)?,
        dimensions: (canvas.width, canvas.height),
        placeholder: encode::placeholder(small),
    })
}

/// Reports the time limit as the cause of whatever error an interrupted decoder returned.
fn timeout_or(flaw: PictureError, stop: &Deadline) -> PictureError {
    stop.check().err().unwrap_or(flaw)
}

/// Whether bytes spell the start of markup. Tables that do are not copied, since their values are the writer's choice.
fn spells_markup(bytes: &[u8]) -> bool {
    let begins = |byte: u8| byte.is_ascii_alphabetic() || b"!?/".contains(&byte);
    let continues = |byte: u8| byte.is_ascii_alphabetic() || byte == b'-';
    bytes.windows(3).any(|three| three[0] == b'<' && begins(three[1]) && continues(three[2]))
}

#[cfg(test)]
mod tests;
