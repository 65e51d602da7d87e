//! JPEGs. One that stands upright and is within the limits keeps its compressed data once decoding has proved it; one that is turned or made smaller
//! is encoded with its own quantisation, so that neither is larger than what came.

use image::metadata::Orientation;
use image::{DynamicImage, ImageFormat};

use crate::encode::JpegStyle;
use crate::jpeg::{CleanJpeg, walked};
use crate::motion::Canvas;
use crate::profile::Profile;
use crate::{Deadline, EncodedImage, Picture, PictureError, decode, encode, finished, scale, thumbnail};

/// Decodes a JPEG to upright pixels in sRGB.
pub(crate) fn upright(bytes: &[u8], stop: &Deadline) -> Result<DynamicImage, PictureError> {
    let jpeg = walked(bytes)?;
    jpeg.check_work()?;
    let decoded = decode::jpeg(&jpeg.bytes, stop)?;
    stop.check()?;
    let mut small = decode::without_opaque_alpha(scale::shrunk(decoded, factor(&jpeg)));
    if let Some(profile) = Profile::of(&jpeg.profile) {
        profile.convert_to_srgb(&mut small);
    }
    small.apply_orientation(jpeg.orientation);
    stop.check()?;
    Ok(small)
}

/// Writes a JPEG for a message.
pub(crate) fn image(bytes: &[u8], stop: &Deadline) -> Result<Picture, PictureError> {
    let jpeg = walked(bytes)?;
    jpeg.check_work()?;
    let profile = Profile::of(&jpeg.profile);
    let mut decoded = decode::jpeg(&jpeg.bytes, stop)?;
    stop.check()?;
    let convertible = profile.as_ref().is_some_and(|profile| profile.rebuilt.is_none());
    let factor = factor(&jpeg);
    let kept = jpeg.orientation == Orientation::NoTransforms
        && factor == 1
        && matches!(jpeg.frame.components.len(), 1 | 3)
        && !jpeg.spells
        && !convertible;
    if !kept {
        decoded = scale::shrunk(decoded, factor);
        if let Some(profile) = profile.as_ref().filter(|_| convertible) {
            profile.convert_to_srgb(&mut decoded);
        }
        decoded.apply_orientation(jpeg.orientation);
        stop.check()?;
    }
    let canvas = Canvas { width: decoded.width(), height: decoded.height() };
    let mut small = decode::without_opaque_alpha(thumbnail(&decoded));
    if let Some(profile) = profile.as_ref().filter(|_| !convertible) {
        profile.convert_to_srgb(&mut small);
    }
    let rebuilt = profile.and_then(|profile| profile.rebuilt);
    let made = if kept {
        drop(decoded);
        jpeg.with_profile(rebuilt.as_deref())
    } else {
        let style = JpegStyle::of(&jpeg, rebuilt);
        drop(jpeg);
        encode::jpeg_within(&decoded, &style, bytes.len(), stop)?
    };
    let original = EncodedImage { content_type: ImageFormat::Jpeg.to_mime_type(), bytes: made.into() };
    finished(&small, original, canvas, stop)
}

fn factor(jpeg: &CleanJpeg) -> u32 {
    scale::factor(jpeg.frame.width, jpeg.frame.height)
}
