//! Files made by encoders, and spliced by hand.

use std::io::{Cursor, Write};

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};

/// Brightness grows to the right and down, with grain as cameras have it.
pub(crate) fn gradient(width: u32, height: u32) -> DynamicImage {
    let grain = |x: u32, y: u32| (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(2_246_822_519)) >> 29;
    let shade = |at: u32, of: u32, grain: u32| u8::try_from((at * 240 / of.max(1) + grain).min(255)).unwrap_or(255);
    DynamicImage::ImageRgb8(RgbImage::from_fn(width, height, |x, y| {
        Rgb([shade(x, width, grain(x, y)), shade(y, height, grain(y, x)), 90])
    }))
}

pub(crate) fn written(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).expect("encodes");
    bytes.into_inner()
}

/// A JPEG as cameras write it.
#[derive(Clone, Copy)]
pub(crate) struct Camera {
    pub(crate) quality: u8,
    pub(crate) sampling: jpeg_encoder::SamplingFactor,
    pub(crate) scans: Option<u8>,
}

pub(crate) const PHONE: Camera = Camera { quality: 90, sampling: jpeg_encoder::SamplingFactor::F_2_2, scans: None };

impl Camera {
    pub(crate) fn jpeg(self, image: &DynamicImage) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, self.quality);
        encoder.set_sampling_factor(self.sampling);
        if let Some(scans) = self.scans {
            encoder.set_progressive_scans(scans);
        }
        let side = |pixels: u32| u16::try_from(pixels).expect("a side");
        let (width, height) = (side(image.width()), side(image.height()));
        let written = match image {
            DynamicImage::ImageLuma8(image) => encoder.encode(image, width, height, jpeg_encoder::ColorType::Luma),
            image => encoder.encode(&image.to_rgb8(), width, height, jpeg_encoder::ColorType::Rgb),
        };
        written.expect("encodes");
        bytes
    }
}

pub(crate) fn put(bytes: &[u8], at: usize, what: &[u8]) -> Vec<u8> {
    [&bytes[..at], what, &bytes[at..]].concat()
}

/// A JPEG segment.
pub(crate) fn segment(marker: u8, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len() + 2).expect("short").to_be_bytes();
    [&[0xff, marker][..], &length, data].concat()
}

/// Exif with an orientation, followed by a text.
pub(crate) fn exif(orientation: u8, text: &[u8]) -> Vec<u8> {
    let head = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".as_slice();
    segment(0xe1, &[head, &[orientation, 0, 0, 0, 0, 0, 0, 0], text].concat())
}

/// A PNG chunk.
pub(crate) fn chunk(kind: &[u8], data: &[u8]) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(kind);
    crc.update(data);
    [&u32::try_from(data.len()).expect("short").to_be_bytes()[..], kind, data, &crc.sum().to_be_bytes()].concat()
}

/// The chunks of a PNG.
pub(crate) fn png_chunks(bytes: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut rest = &bytes[8..];
    let mut chunks = Vec::new();
    while rest.len() >= 12 {
        let length = u32::from_be_bytes(rest[..4].try_into().expect("four")) as usize;
        chunks.push((rest[4..8].to_vec(), rest[8..8 + length].to_vec()));
        rest = &rest[12 + length..];
    }
    chunks
}

/// A PNG of one colour, so that many pixels take few bytes.
pub(crate) fn uniform_png(width: u32, height: u32, interlaced: u8) -> Vec<u8> {
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 0, 0, 0, interlaced]].concat();
    let mut pixels = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    let row = vec![0; width as usize + 1];
    for _ in 0..height {
        pixels.write_all(&row).expect("memory");
    }
    let pixels = pixels.finish().expect("memory");
    [b"\x89PNG\r\n\x1a\n".to_vec(), chunk(b"IHDR", &header), chunk(b"IDAT", &pixels), chunk(b"IEND", b"")].concat()
}

/// A RIFF chunk.
pub(crate) fn riff(kind: [u8; 4], data: &[u8]) -> Vec<u8> {
    let padding = vec![0; data.len() % 2];
    [&kind[..], &u32::try_from(data.len()).expect("short").to_le_bytes(), data, &padding].concat()
}
