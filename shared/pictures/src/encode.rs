//! Encoding: PNG for lossless or transparent images, else JPEG with chroma of half the resolution, as cameras write it.

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::metadata::Orientation;
use image::{DynamicImage, ImageFormat};
use jpeg_encoder::{ChromaSubsamplingMethod, ColorType, Encoder, QuantizationTableType, SamplingFactor};

use crate::decode::picture_error;
use crate::jpeg::{CleanJpeg, Quantities};
use crate::{Deadline, EncodedImage, PictureError};

/// Above this many pixels a PNG is compressed for speed instead of size.
const COMPRESSED_WELL: u64 = 4_000_000;
/// Quality of JPEGs that did not come as such.
const QUALITY: u8 = 88;
/// Attempts to write a JPEG no larger than the one that came, and those for one of more pixels than that, which take half a second each.
const ATTEMPTS: u32 = 4;
const ATTEMPTS_IF_LARGE: u32 = 2;
const LARGE: u64 = 16_000_000;
/// The natural position of each place of a table in a file.
const ZIGZAG: [u8; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28, 35, 42,
    49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// How a JPEG is written.
pub(crate) struct JpegStyle {
    /// Quantisation of brightness and colour, in natural order.
    tables: Option<[Quantities; 2]>,
    /// How much less resolution colours have, across and down.
    sampling: (u8, u8),
    profile: Option<Vec<u8>>,
}

impl JpegStyle {
    /// Returns the style of a JPEG that is to be encoded upright.
    pub(crate) fn of(jpeg: &CleanJpeg, profile: Option<Vec<u8>>) -> Self {
        let turns = matches!(
            jpeg.orientation,
            Orientation::Rotate90 | Orientation::Rotate270 | Orientation::Rotate90FlipH | Orientation::Rotate270FlipH
        );
        let components = &jpeg.frame.components;
        let table = |component: usize| {
            let quantities = jpeg.quantities.get(components.get(component)?.table)?.as_ref()?;
            Some(natural(quantities, turns))
        };
        let tables = table(0).map(|first| {
            let second = table(1).unwrap_or(first);
            [first, second]
        });
        let across = |of: fn((u8, u8)) -> u8| {
            let part = |component: usize| components.get(component).map_or(1, |one| of(one.sampling));
            part(0).checked_div(part(1)).unwrap_or(1)
        };
        let (horizontal, vertical) = (across(|sampling| sampling.0), across(|sampling| sampling.1));
        let sampling = if turns { (vertical, horizontal) } else { (horizontal, vertical) };
        Self { tables: tables.filter(|_| !jpeg.spells && matches!(components.len(), 1 | 3)), sampling, profile }
    }
}

/// Returns a table in natural order, transposed for a picture that is turned by a quarter.
fn natural(quantities: &Quantities, turns: bool) -> Quantities {
    let mut table = [1; 64];
    for (value, place) in quantities.iter().zip(ZIGZAG) {
        let place = usize::from(place);
        table[if turns { place % 8 * 8 + place / 8 } else { place }] = *value;
    }
    table
}

/// Encodes for display.
pub(crate) fn encoded(image: &DynamicImage, sharp: bool) -> Result<EncodedImage, PictureError> {
    if !sharp && !image.color().has_alpha() {
        let bytes = jpeg(image, &JpegStyle { tables: None, sampling: (2, 2), profile: None }, u64::from(QUALITY) * 10)?;
        return Ok(EncodedImage { content_type: ImageFormat::Jpeg.to_mime_type(), bytes: bytes.into() });
    }
    let mut bytes = Vec::new();
    let pixels = u64::from(image.width()) * u64::from(image.height());
    let effort = if pixels > COMPRESSED_WELL { CompressionType::Fast } else { CompressionType::Default };
    let encoder = PngEncoder::new_with_quality(&mut bytes, effort, FilterType::Adaptive);
    image.write_with_encoder(encoder).map_err(|error| picture_error(&error))?;
    Ok(EncodedImage { content_type: ImageFormat::Png.to_mime_type(), bytes: bytes.into() })
}

/// Encodes a JPEG in a style, coarser if it would be larger than the one that came.
pub(crate) fn jpeg_within(
    image: &DynamicImage,
    style: &JpegStyle,
    most: usize,
    stop: &Deadline,
) -> Result<Vec<u8>, PictureError> {
    let most = u64::try_from(most).unwrap_or(u64::MAX).max(1);
    // Per mille: of the table's values, or the quality.
    let mut grade = if style.tables.is_some() { 1000 } else { u64::from(QUALITY) * 10 };
    let mut best = jpeg(image, style, grade)?;
    let pixels = u64::from(image.width()) * u64::from(image.height());
    for _ in 1..if pixels > LARGE { ATTEMPTS_IF_LARGE } else { ATTEMPTS } {
        let size = u64::try_from(best.len()).unwrap_or(u64::MAX);
        if size <= most {
            break;
        }
        stop.check()?;
        let excess = (size.saturating_mul(1250) / most).min(2000);
        grade = if style.tables.is_some() { grade * excess / 1000 } else { (grade * 1000 / excess).max(100) };
        let smaller = jpeg(image, style, grade)?;
        if smaller.len() < best.len() {
            best = smaller;
        }
    }
    Ok(best)
}

/// Encodes a JPEG. The grade per mille is a factor of the style's tables, or a quality.
fn jpeg(image: &DynamicImage, style: &JpegStyle, grade: u64) -> Result<Vec<u8>, PictureError> {
    let side = |pixels: u32| u16::try_from(pixels).map_err(|_| PictureError::TooManyPixels);
    let (width, height) = (side(image.width())?, side(image.height())?);
    let mut bytes = Vec::new();
    let quality = u8::try_from(grade / 10).unwrap_or(QUALITY).min(100);
    let mut encoder = Encoder::new(&mut bytes, quality);
    if let Some([first, second]) = &style.tables {
        let [first, second] = [first, second].map(|table| QuantizationTableType::Custom(Box::new(coarser(table, grade))));
        encoder.set_quantization_tables(first, second);
    }
    let (across, down) = style.sampling;
    // Others, and tables of codes made for the picture, would take the components out of their interleaving, which not all decoders expect.
    let sampling = if across.max(down) <= 2 { SamplingFactor::from_factors(across, down) } else { None };
    encoder.set_sampling_factor(sampling.unwrap_or(SamplingFactor::F_2_2));
    encoder.set_chroma_subsampling_method(ChromaSubsamplingMethod::Average);
    if let Some(profile) = &style.profile {
        encoder.add_icc_profile(profile).map_err(|_| PictureError::NotAPicture)?;
    }
    let written = match image {
        DynamicImage::ImageLuma8(image) => encoder.encode(image, width, height, ColorType::Luma),
        DynamicImage::ImageRgb8(image) => encoder.encode(image, width, height, ColorType::Rgb),
        other => encoder.encode(&other.to_rgb8(), width, height, ColorType::Rgb),
    };
    written.map_err(|_| PictureError::NotAPicture)?;
    Ok(bytes)
}

/// Every JPEG decoder reads values of 8 bits.
fn coarser(table: &Quantities, grade: u64) -> Quantities {
    let value = |at: usize| u16::try_from(((u64::from(table[at]) * grade + 500) / 1000).clamp(1, 255)).unwrap_or(255);
    std::array::from_fn(value)
}

/// A blurhash of four by three components, about thirty characters.
pub(crate) fn placeholder(image: &DynamicImage) -> Option<String> {
    let tiny = image.thumbnail(32, 32).into_rgba8();
    let (across, down) = if tiny.width() >= tiny.height() { (4, 3) } else { (3, 4) };
    blurhash::encode(across, down, tiny.width(), tiny.height(), tiny.as_raw()).ok()
}
