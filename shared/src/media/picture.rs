//! Images: decoded under limits, rotated upright and re-encoded from their pixels alone. Polyglot files do not survive.

use bytes::Bytes;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use moxcms::{ColorProfile, DataColorSpace, Layout, TransformOptions};

use super::deadline::{Deadline, DeadlineReader};
use super::{animation, jpeg};

/// Pixels of an image, as high-end cameras take them; at most 160 MB decoded.
pub(super) const MAX_PIXELS: u64 = 40_000_000;
/// Pixels of a side.
const MAX_SIDE: u32 = 16_384;
/// Memory limit of a decoder: four channels of 16 bits per pixel, plus working memory.
const MAX_ALLOC: u64 = MAX_PIXELS * 8 + 32 * 1024 * 1024;
/// Maximum size of a colour profile; larger ones are ignored.
const MAX_PROFILE: usize = 4 * 1024 * 1024;
/// The longer side of a thumbnail.
const THUMBNAIL: u32 = 480;
/// The sides of an avatar's two sizes.
const AVATAR: (u32, u32) = (512, 128);
/// Above this many pixels a PNG is compressed for speed instead of size.
const COMPRESSED_WELL: u64 = 4_000_000;

/// Why an image is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PictureError {
    /// The bytes cannot be decoded.
    NotAPicture,
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

/// A re-encoded image.
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

/// Re-encodes an image for a message in its original size and as a thumbnail. Animations stay animated.
pub fn image(bytes: &[u8], content_type: &str, stop: &Deadline) -> Result<Picture, PictureError> {
    let format = format(content_type)?;
    if format == ImageFormat::Gif {
        animation::check_limits(bytes, stop).map_err(|flaw| timeout_or(flaw, stop))?;
    }
    let decoded = decode(bytes, format, stop)?;
    let whole = match format {
        ImageFormat::Gif => {
            let bytes = animation::reencode(bytes, stop).map_err(|flaw| timeout_or(flaw, stop))?;
            EncodedImage { content_type: "image/gif", bytes: bytes.into() }
        }
        // Lossless images stay lossless; a lossy WebP as PNG would grow tenfold.
        _ => encode(&decoded, format == ImageFormat::Png)?,
    };
    let small = if decoded.width() > THUMBNAIL || decoded.height() > THUMBNAIL {
        decoded.thumbnail(THUMBNAIL, THUMBNAIL)
    } else {
        decoded.clone()
    };
    stop.check()?;
    Ok(Picture {
        dimensions: (decoded.width(), decoded.height()),
        placeholder: placeholder(&small),
        thumbnail: encode(&small, false)?,
        original: whole,
    })
}

/// Crops the centre square for an avatar, in two sizes. Animations keep only the first frame.
pub fn avatar(bytes: &[u8], content_type: &str, stop: &Deadline) -> Result<Picture, PictureError> {
    let decoded = decode(bytes, format(content_type)?, stop)?;
    let side = decoded.width().min(decoded.height());
    let (x, y) = ((decoded.width() - side) / 2, (decoded.height() - side) / 2);
    let square = decoded.crop_imm(x, y, side, side);
    let sized = |wanted: u32| if side > wanted { square.thumbnail_exact(wanted, wanted) } else { square.clone() };
    let (large, small) = (sized(AVATAR.0), sized(AVATAR.1));
    Ok(Picture {
        dimensions: (large.width(), large.height()),
        placeholder: placeholder(&small),
        original: encode(&large, false)?,
        thumbnail: encode(&small, false)?,
    })
}

fn format(content_type: &str) -> Result<ImageFormat, PictureError> {
    match content_type {
        "image/jpeg" => Ok(ImageFormat::Jpeg),
        "image/png" => Ok(ImageFormat::Png),
        "image/gif" => Ok(ImageFormat::Gif),
        "image/webp" => Ok(ImageFormat::WebP),
        _ => Err(PictureError::NotAPicture),
    }
}

/// The output of a decoder.
struct Decoded {
    /// As stored in the file.
    pixels: DynamicImage,
    orientation: Orientation,
    /// The colour profile.
    profile: Option<Vec<u8>>,
}

/// Decodes to upright pixels with 8 bits per channel. Does not trust the header beyond the limits.
fn decode(bytes: &[u8], format: ImageFormat, stop: &Deadline) -> Result<DynamicImage, PictureError> {
    let Decoded { pixels, orientation, profile } = decoded(bytes, format, stop).map_err(|flaw| timeout_or(flaw, stop))?;
    stop.check()?;
    let mut upright = drop_opaque_alpha(pixels);
    if let Some(profile) = profile.filter(|profile| profile.len() <= MAX_PROFILE) {
        convert_to_srgb(&mut upright, &profile);
    }
    upright.apply_orientation(orientation);
    stop.check()?;
    Ok(upright)
}

fn decoded(bytes: &[u8], format: ImageFormat, stop: &Deadline) -> Result<Decoded, PictureError> {
    let bytes = if format == ImageFormat::Jpeg { jpeg::extent(bytes) } else { bytes };
    let mut limits = Limits::no_limits();
    (limits.max_image_width, limits.max_image_height, limits.max_alloc) = (Some(MAX_SIDE), Some(MAX_SIDE), Some(MAX_ALLOC));
    let mut reader = ImageReader::with_format(DeadlineReader::new(bytes, stop), format);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|error| picture_error(&error))?;
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    if pixels > MAX_PIXELS {
        return Err(PictureError::TooManyPixels);
    }
    if format == ImageFormat::Jpeg {
        jpeg::check_work(bytes, pixels)?;
    }
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let profile = decoder.icc_profile().ok().flatten();
    let pixels = DynamicImage::from_decoder(decoder).map_err(|error| picture_error(&error))?;
    Ok(Decoded { pixels, orientation, profile })
}

/// Reports the time limit as the cause of whatever error an interrupted decoder returned.
fn timeout_or(flaw: PictureError, stop: &Deadline) -> PictureError {
    stop.check().err().unwrap_or(flaw)
}

/// Drops an opaque alpha channel.
fn drop_opaque_alpha(decoded: DynamicImage) -> DynamicImage {
    if !decoded.color().has_alpha() {
        return DynamicImage::ImageRgb8(decoded.into_rgb8());
    }
    let image = decoded.into_rgba8();
    let opaque = image.pixels().all(|pixel| pixel.0[3] == u8::MAX);
    let image = DynamicImage::ImageRgba8(image);
    if opaque { DynamicImage::ImageRgb8(image.into_rgb8()) } else { image }
}

/// Converts colours to sRGB, because profiles are not kept. Ignores invalid profiles.
fn convert_to_srgb(image: &mut DynamicImage, profile: &[u8]) {
    let Ok(meant) = ColorProfile::new_from_slice(profile) else { return };
    if meant.color_space != DataColorSpace::Rgb {
        return;
    }
    let (screen, options) = (ColorProfile::new_srgb(), TransformOptions::default());
    let layout = if image.color().has_alpha() { Layout::Rgba } else { Layout::Rgb };
    let Ok(turning) = meant.create_in_place_transform_8bit(layout, &screen, options) else { return };
    let samples = match image {
        DynamicImage::ImageRgb8(image) => image.as_mut(),
        DynamicImage::ImageRgba8(image) => image.as_mut(),
        _ => return,
    };
    if turning.transform(samples).is_err() {
        tracing::warn!("an image keeps its camera's colours");
    }
}

/// PNG for lossless or transparent images, else JPEG.
fn encode(image: &DynamicImage, sharp: bool) -> Result<EncodedImage, PictureError> {
    let mut bytes = Vec::new();
    let content_type = if sharp || image.color().has_alpha() {
        let pixels = u64::from(image.width()) * u64::from(image.height());
        let effort = if pixels > COMPRESSED_WELL { CompressionType::Fast } else { CompressionType::Default };
        let encoder = PngEncoder::new_with_quality(&mut bytes, effort, FilterType::Adaptive);
        image.write_with_encoder(encoder).map_err(|error| picture_error(&error))?;
        "image/png"
    } else {
        image.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, 88)).map_err(|error| picture_error(&error))?;
        "image/jpeg"
    };
    Ok(EncodedImage { content_type, bytes: bytes.into() })
}

/// A blurhash of four by three components, about thirty characters.
fn placeholder(image: &DynamicImage) -> Option<String> {
    let tiny = image.thumbnail(32, 32).into_rgba8();
    let (across, down) = if tiny.width() >= tiny.height() { (4, 3) } else { (3, 4) };
    blurhash::encode(across, down, tiny.width(), tiny.height(), tiny.as_raw()).ok()
}

fn picture_error(error: &image::ImageError) -> PictureError {
    match error {
        image::ImageError::Limits(_) => PictureError::TooManyPixels,
        _ => PictureError::NotAPicture,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::time::{Duration, Instant};

    use image::{Rgba, RgbaImage};

    use super::*;

    /// Without a relevant time limit.
    fn image(bytes: &[u8], content_type: &str) -> Result<Picture, PictureError> {
        super::image(bytes, content_type, &Deadline::at(Instant::now() + Duration::from_mins(5)))
    }

    fn avatar(bytes: &[u8], content_type: &str) -> Result<Picture, PictureError> {
        super::avatar(bytes, content_type, &Deadline::at(Instant::now() + Duration::from_mins(5)))
    }

    fn written(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, format).expect("encodes");
        bytes.into_inner()
    }

    fn half_transparent() -> DynamicImage {
        DynamicImage::ImageRgba8(RgbaImage::from_fn(600, 300, |x, _| Rgba([200, 0, 0, if x < 300 { 0 } else { 255 }])))
    }

    /// A GIF with this many frames, a comment and trailing data.
    fn animated(frames: usize) -> Vec<u8> {
        shown_at(4, frames)
    }

    /// The same frames on a canvas with this side.
    fn shown_at(side: u16, frames: usize) -> Vec<u8> {
        let mut encoder = gif::Encoder::new(Vec::new(), side, side, &[0, 0, 0, 255, 255, 255]).expect("a header");
        encoder.set_repeat(gif::Repeat::Finite(3)).expect("written");
        for number in 0..frames {
            let pixels = vec![u8::try_from(number % 2).expect("a bit"); 16];
            let mut frame = gif::Frame::from_indexed_pixels(4, 4, pixels, None);
            frame.delay = 7;
            encoder.write_frame(&frame).expect("written");
            if number == 0 {
                encoder.write_raw_extension(gif::AnyExtension(0xfe), &[b"<script>"]).expect("written");
            }
        }
        [encoder.into_inner().expect("ends"), b"PK\x03\x04".to_vec()].concat()
    }

    #[test]
    fn animations_stay_animated_without_comments() {
        let picture = image(&animated(5), "image/gif").expect("a picture");
        assert_eq!((picture.original.content_type, picture.thumbnail.content_type), ("image/gif", "image/jpeg"));
        let bytes = &picture.original.bytes;
        assert!(!bytes.windows(8).any(|part| part == b"<script>") && bytes.ends_with(b";"));
        let mut decoder = gif::DecodeOptions::new().read_info(&bytes[..]).expect("a picture");
        let colours = decoder.global_palette().expect("a table").to_vec();
        let mut shown = Vec::new();
        while let Some(frame) = decoder.read_next_frame().expect("a frame") {
            shown.push((frame.delay, colours[usize::from(frame.buffer[0]) * 3]));
        }
        assert_eq!(shown, [(7, 0), (7, 255), (7, 0), (7, 255), (7, 0)]);
        assert_eq!(decoder.repeat(), gif::Repeat::Finite(3));
    }

    #[test]
    fn too_many_frames_are_too_much() {
        assert_eq!(image(&animated(2_001), "image/gif").err(), Some(PictureError::TooComplex));
        assert_eq!(
            avatar(&animated(2_001), "image/gif").map(|face| face.dimensions),
            Ok((4, 4)),
            "one frame is all that is looked at"
        );
    }

    #[test]
    fn a_canvas_counts_with_each_frame_however_small_that_is() {
        for (side, frames, taken) in [(6000, 1, true), (6000, 2, false), (1000, 1000, true), (1000, 1001, false), (2880, 2, true)]
        {
            let begun = Instant::now();
            let flaw = image(&shown_at(side, frames), "image/gif").err();
            assert_eq!(flaw, (!taken).then_some(PictureError::TooComplex), "{side} {frames}: {:?}", begun.elapsed());
        }
    }

    #[test]
    fn without_time_nothing_is_a_picture_or_none() {
        let picture = half_transparent();
        let opaque = DynamicImage::ImageRgb8(picture.to_rgb8());
        for (bytes, content_type) in [
            (written(&opaque, ImageFormat::Jpeg), "image/jpeg"),
            (written(&picture, ImageFormat::Png), "image/png"),
            (written(&picture, ImageFormat::WebP), "image/webp"),
            (animated(3), "image/gif"),
            (b"no picture at all".to_vec(), "image/png"),
        ] {
            let over = Deadline::at(Instant::now());
            assert_eq!(super::image(&bytes, content_type, &over).err(), Some(PictureError::OutOfTime), "{content_type}");
            assert_eq!(super::avatar(&bytes, content_type, &over).err(), Some(PictureError::OutOfTime), "{content_type}");
        }
    }

    #[test]
    fn transparency_survives_and_thumbnails_are_small() {
        let clear = written(&half_transparent(), ImageFormat::WebP);
        let picture = image(&clear, "image/webp").expect("a picture");
        assert_eq!((picture.original.content_type, picture.thumbnail.content_type), ("image/png", "image/png"));
        let again = image::load_from_memory(&picture.thumbnail.bytes).expect("a picture").into_rgba8();
        assert_eq!((again.dimensions(), again.get_pixel(10, 10).0[3], again.get_pixel(470, 10).0[3]), ((480, 240), 0, 255));
        let solid = DynamicImage::ImageRgba8(RgbaImage::from_pixel(50, 50, Rgba([1, 2, 3, 255])));
        let picture = image(&written(&solid, ImageFormat::WebP), "image/webp").expect("a picture");
        assert_eq!((picture.original.content_type, picture.dimensions), ("image/jpeg", (50, 50)));
    }

    #[test]
    fn colours_are_those_of_a_screen_whatever_the_camera_meant() {
        let wide = ColorProfile::new_display_p3().encode().expect("a profile");
        let red = DynamicImage::ImageRgb8(image::RgbImage::from_pixel(8, 8, image::Rgb([200, 60, 60])));
        let mut bytes = Vec::new();
        let mut encoder = PngEncoder::new(&mut bytes);
        image::ImageEncoder::set_icc_profile(&mut encoder, wide).expect("taken");
        red.write_with_encoder(encoder).expect("encodes");
        let picture = image(&bytes, "image/png").expect("a picture");
        let shown = image::load_from_memory(&picture.original.bytes).expect("a picture").into_rgb8().get_pixel(4, 4).0;
        assert!(shown[0] > 210 && shown[1] < 55, "the same red takes other numbers: {shown:?}");
    }

    #[test]
    fn a_face_is_the_middle_of_its_picture() {
        let face = avatar(&written(&half_transparent(), ImageFormat::Png), "image/png").expect("a picture");
        let decoded = image::load_from_memory(&face.original.bytes).expect("a picture").into_rgba8();
        assert_eq!((decoded.dimensions(), face.dimensions), ((300, 300), (300, 300)), "nothing is made larger");
        assert_eq!((decoded.get_pixel(10, 10).0[3], decoded.get_pixel(290, 10).0[3]), (0, 255));
    }

    #[test]
    fn every_orientation_ends_upright() {
        // Two columns, the left one white: its position reveals the orientation.
        let flat = DynamicImage::ImageRgba8(RgbaImage::from_fn(32, 16, |x, _| Rgba([if x < 16 { 255 } else { 0 }, 0, 0, 255])));
        let jpeg = written(&DynamicImage::ImageRgb8(flat.into_rgb8()), ImageFormat::Jpeg);
        for (orientation, size, white) in
            [(1, (32, 16), (4, 8)), (3, (32, 16), (28, 8)), (6, (16, 32), (8, 4)), (8, (16, 32), (8, 28)), (99, (32, 16), (4, 8))]
        {
            let exif = [b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".as_slice(), &[orientation, 0, 0, 0, 0, 0, 0, 0]]
                .concat();
            let length = u16::try_from(exif.len() + 2).expect("short").to_be_bytes();
            let turned = [&jpeg[..2], &[0xff, 0xe1], &length, &exif, &jpeg[2..]].concat();
            let picture = image(&turned, "image/jpeg").expect("a picture");
            let decoded = image::load_from_memory(&picture.original.bytes).expect("a picture").into_rgb8();
            assert_eq!((decoded.dimensions(), decoded.get_pixel(white.0, white.1).0[0] > 200), (size, true), "{orientation}");
        }
    }

    #[test]
    fn a_header_is_not_believed() {
        let gif = [b"GIF89a".as_slice(), &[0xff, 0xff, 0xff, 0xff, 0, 0, 0]].concat();
        assert!(image(&gif, "image/gif").is_err());
        for bytes in [&b""[..], b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBPVP8L"] {
            for content_type in ["image/jpeg", "image/png", "image/gif", "image/webp", "image/avif"] {
                assert_eq!(image(bytes, content_type).err(), Some(PictureError::NotAPicture), "{content_type} {bytes:?}");
            }
        }
    }
}
