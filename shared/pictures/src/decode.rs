//! Decoding under limits, to upright pixels with 8 bits per channel in the colours of a screen. A header is not believed beyond the limits.

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use crate::PictureError;
use crate::deadline::{Deadline, DeadlineReader};
use crate::profile::Profile;
use crate::scale::{self, MAX_PIXELS, Shrinker};

/// Pixels that are decoded: those of the largest sensor in a phone. A JPEG takes three bytes for each, a PNG is made smaller row by row.
pub(crate) const MAX_DECODED: u64 = 200_000_000;
/// Pixels of a side that are decoded.
pub(crate) const MAX_DECODED_SIDE: u32 = 32_768;
/// Bytes of all rows of a PNG that is made smaller: they take time, not memory.
const MAX_ROWS: u64 = 800_000_000;
/// Memory limit of a decoder: four channels of 16 bits for each pixel of the largest image, plus working memory.
const MAX_ALLOC: u64 = MAX_PIXELS * 8 + 32 * 1024 * 1024;

/// Decodes a PNG or WebP to upright pixels in sRGB.
pub(crate) fn upright(bytes: &[u8], format: ImageFormat, stop: &Deadline) -> Result<DynamicImage, PictureError> {
    let mut reader = ImageReader::with_format(DeadlineReader::new(bytes, stop), format);
    reader.limits(limits(MAX_ALLOC));
    let mut decoder = reader.into_decoder().map_err(|error| picture_error(&error))?;
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    if pixels > MAX_PIXELS {
        return if format == ImageFormat::Png { shrunk_by_rows(bytes, stop) } else { Err(PictureError::TooManyPixels) };
    }
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let profile = decoder.icc_profile().ok().flatten();
    let pixels = DynamicImage::from_decoder(decoder).map_err(|error| picture_error(&error))?;
    stop.check()?;
    let small = scale::shrunk(without_opaque_alpha(pixels), scale::factor(width, height));
    turned(small, orientation, profile.as_deref(), stop)
}

fn turned(
    mut decoded: DynamicImage,
    orientation: Orientation,
    profile: Option<&[u8]>,
    stop: &Deadline,
) -> Result<DynamicImage, PictureError> {
    if let Some(profile) = profile.and_then(Profile::of) {
        profile.convert_to_srgb(&mut decoded);
    }
    decoded.apply_orientation(orientation);
    stop.check()?;
    Ok(decoded)
}

/// Decodes a JPEG as it is stored, with as many channels as it has.
pub(crate) fn jpeg(bytes: &[u8], stop: &Deadline) -> Result<DynamicImage, PictureError> {
    let mut reader = ImageReader::with_format(DeadlineReader::new(bytes, stop), ImageFormat::Jpeg);
    reader.limits(limits(MAX_DECODED * 3));
    let decoder = reader.into_decoder().map_err(|error| picture_error(&error))?;
    DynamicImage::from_decoder(decoder).map_err(|error| picture_error(&error))
}

fn limits(alloc: u64) -> Limits {
    let mut limits = Limits::no_limits();
    (limits.max_image_width, limits.max_image_height) = (Some(MAX_DECODED_SIDE), Some(MAX_DECODED_SIDE));
    limits.max_alloc = Some(alloc);
    limits
}

/// Decodes a PNG of more pixels than are served. An interlaced one has its rows in another order and would need memory for all of them.
fn shrunk_by_rows(bytes: &[u8], stop: &Deadline) -> Result<DynamicImage, PictureError> {
    let mut decoder = png::Decoder::new_with_limits(DeadlineReader::new(bytes, stop), png::Limits { bytes: 64 * 1024 * 1024 });
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(|error| png_error(&error))?;
    let info = reader.info();
    let (width, height) = (info.width, info.height);
    let raw = u64::try_from(info.raw_row_length()).unwrap_or(u64::MAX).saturating_mul(u64::from(height));
    if info.interlaced || raw > MAX_ROWS || u64::from(width) * u64::from(height) > MAX_DECODED {
        return Err(PictureError::TooManyPixels);
    }
    let channels = reader.output_color_type().0.samples();
    let mut shrinker = Shrinker::new(width as usize, channels, scale::factor(width, height));
    for _ in 0..height {
        let row = reader.next_row().map_err(|error| png_error(&error))?.ok_or(PictureError::NotAPicture)?;
        shrinker.push(row.data());
    }
    stop.check()?;
    // Exif may follow the pixels.
    let _ = reader.finish();
    let info = reader.info();
    let exif = info.exif_metadata.as_deref().and_then(Orientation::from_exif_chunk);
    let profile = info.icc_profile.as_deref().map(<[u8]>::to_vec);
    let small = shrinker.finished().ok_or(PictureError::NotAPicture)?;
    turned(without_opaque_alpha(small), exif.unwrap_or(Orientation::NoTransforms), profile.as_deref(), stop)
}

fn png_error(error: &png::DecodingError) -> PictureError {
    if matches!(error, png::DecodingError::LimitsExceeded) { PictureError::TooManyPixels } else { PictureError::NotAPicture }
}

/// Drops an opaque alpha channel.
pub(crate) fn without_opaque_alpha(decoded: DynamicImage) -> DynamicImage {
    if !decoded.color().has_alpha() {
        return DynamicImage::ImageRgb8(decoded.into_rgb8());
    }
    let image = decoded.into_rgba8();
    let opaque = image.pixels().all(|pixel| pixel.0[3] == u8::MAX);
    let image = DynamicImage::ImageRgba8(image);
    if opaque { DynamicImage::ImageRgb8(image.into_rgb8()) } else { image }
}

pub(crate) fn picture_error(error: &image::ImageError) -> PictureError {
    match error {
        image::ImageError::Limits(_) => PictureError::TooManyPixels,
        _ => PictureError::NotAPicture,
    }
}
