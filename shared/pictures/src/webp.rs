//! Animated WebP: the compressed frames are kept once each has been decoded, and nothing else of the file is. There is no encoder for them.

use std::io::Cursor;

use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader};

use crate::decode::{picture_error, without_opaque_alpha};
use crate::motion::{Canvas, Motion, PlacedFrame, on_canvas};
use crate::profile::Profile;
use crate::riff::{self, RiffChunk, body, chunks};
use crate::{Deadline, EncodedImage, Picture, PictureError, finished, thumbnail};

/// Stored pixels of all frames, which are decoded.
const MAX_STORED: u64 = 100_000_000;
/// Flags of the header.
const ANIMATED: u8 = 0x02;
const ALPHA: u8 = 0x10;
const PROFILE: u8 = 0x20;
/// Bytes of a frame before its chunks: place, size, duration and two flags.
const FRAME_HEAD: usize = 16;

/// Returns none if the file is no animation.
pub(crate) fn animated(bytes: &[u8], stop: &Deadline) -> Option<Result<Picture, PictureError>> {
    let (header, body) = animation(bytes)?;
    Some(picture(header, body, stop))
}

/// Returns the first frame on its canvas, and none if the file is no animation.
pub(crate) fn first(bytes: &[u8]) -> Option<Result<DynamicImage, PictureError>> {
    let (header, body) = animation(bytes)?;
    let canvas = canvas(header);
    let frame = chunks(body).find(|chunk| chunk.kind == *b"ANMF").and_then(|chunk| WebpFrame::of(chunk.data, canvas));
    let shown = frame.ok_or(PictureError::NotAPicture).and_then(|frame| {
        Motion::new(canvas, MAX_STORED).add(frame.width, frame.height)?;
        let placed = PlacedFrame { pixels: frame.decoded()?, left: frame.left, top: frame.top };
        let mut shown = without_opaque_alpha(on_canvas(&placed, canvas));
        if let Some(profile) = chunks(body).find(|chunk| chunk.kind == *b"ICCP").and_then(|chunk| Profile::of(chunk.data)) {
            profile.convert_to_srgb(&mut shown);
        }
        Ok(shown)
    });
    Some(shown)
}

/// Returns the header's data and all chunks of an animation.
fn animation(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let body = body(bytes)?;
    let header = chunks(body).next().filter(|chunk| chunk.kind == *b"VP8X" && chunk.data.len() >= 10)?.data;
    let moves = header[0] & ANIMATED != 0 && chunks(body).any(|chunk| chunk.kind == *b"ANMF");
    moves.then_some((header, body))
}

fn canvas(header: &[u8]) -> Canvas {
    Canvas { width: uint24(header, 4) + 1, height: uint24(header, 7) + 1 }
}

fn picture(header: &[u8], body: &[u8], stop: &Deadline) -> Result<Picture, PictureError> {
    let canvas = canvas(header);
    let of_kind = |kind: &[u8; 4]| chunks(body).find(|chunk| chunk.kind == *kind).map(|chunk| chunk.data);
    let profile = of_kind(b"ICCP").and_then(Profile::of);
    let rebuilt = profile.as_ref().and_then(|profile| profile.rebuilt.as_deref());
    let flags = header[0] & ALPHA | ANIMATED | rebuilt.map_or(0, |_| PROFILE);
    let mut made = Vec::with_capacity(body.len());
    riff::put(&mut made, *b"VP8X", &[&[flags, 0, 0, 0], &header[4..10]].concat());
    if let Some(profile) = rebuilt {
        riff::put(&mut made, *b"ICCP", profile);
    }
    // Background and repetitions.
    let control = of_kind(b"ANIM").and_then(|data| data.get(..6)).unwrap_or(&[0; 6]);
    riff::put(&mut made, *b"ANIM", control);
    let mut motion = Motion::new(canvas, MAX_STORED);
    let mut still = None;
    for chunk in chunks(body).filter(|chunk| chunk.kind == *b"ANMF") {
        stop.check()?;
        let Some(frame) = WebpFrame::of(chunk.data, canvas) else { break };
        motion.add(frame.width, frame.height)?;
        let Ok(pixels) = frame.decoded() else { break };
        if still.is_none() {
            let placed = PlacedFrame { pixels, left: frame.left, top: frame.top };
            still = Some(thumbnail(&on_canvas(&placed, canvas)));
        }
        riff::put(&mut made, *b"ANMF", &frame.written());
    }
    let mut still = without_opaque_alpha(still.ok_or(PictureError::NotAPicture)?);
    if let Some(profile) = &profile {
        profile.convert_to_srgb(&mut still);
    }
    let original = EncodedImage { content_type: ImageFormat::WebP.to_mime_type(), bytes: riff::file(&made).into() };
    finished(&still, original, canvas, stop)
}

/// A frame with the chunks that make its pixels.
struct WebpFrame<'a> {
    head: &'a [u8],
    left: u32,
    top: u32,
    width: u32,
    height: u32,
    alpha: Option<RiffChunk<'a>>,
    pixels: RiffChunk<'a>,
}

impl<'a> WebpFrame<'a> {
    /// Returns none if the frame lies outside the canvas or has another size than its pixels.
    fn of(data: &'a [u8], canvas: Canvas) -> Option<Self> {
        let (head, parts) = data.split_at_checked(FRAME_HEAD)?;
        let pixels = chunks(parts).find(|chunk| matches!(&chunk.kind, b"VP8 " | b"VP8L"))?;
        let alpha = chunks(parts).find(|chunk| chunk.kind == *b"ALPH").filter(|_| pixels.kind == *b"VP8 ");
        let (width, height) = (uint24(head, 6) + 1, uint24(head, 9) + 1);
        let (left, top) = (uint24(head, 0) * 2, uint24(head, 3) * 2);
        let fits = left + width <= canvas.width && top + height <= canvas.height && size(pixels)? == (width, height);
        fits.then_some(Self { head, left, top, width, height, alpha, pixels })
    }

    /// Decodes the frame as a picture of its own.
    fn decoded(&self) -> Result<DynamicImage, PictureError> {
        let mut parts = Vec::new();
        if self.alpha.is_some() {
            riff::put(&mut parts, *b"VP8X", &[&[ALPHA, 0, 0, 0], &self.head[6..12]].concat());
        }
        let file = riff::file(&[parts, self.parts()].concat());
        let reader = ImageReader::with_format(Cursor::new(file), ImageFormat::WebP);
        let decoder = reader.into_decoder().map_err(|error| picture_error(&error))?;
        if decoder.dimensions() != (self.width, self.height) {
            return Err(PictureError::NotAPicture);
        }
        DynamicImage::from_decoder(decoder).map_err(|error| picture_error(&error))
    }

    fn parts(&self) -> Vec<u8> {
        let mut parts = Vec::new();
        for RiffChunk { kind, data } in self.alpha.into_iter().chain([self.pixels]) {
            riff::put(&mut parts, kind, data);
        }
        parts
    }

    fn written(&self) -> Vec<u8> {
        [self.head, &self.parts()].concat()
    }
}

/// The size that compressed pixels have, which costs time and memory whatever the frame says.
fn size(pixels: RiffChunk<'_>) -> Option<(u32, u32)> {
    if pixels.kind == *b"VP8L" {
        let bits = u32::from_le_bytes(pixels.data.get(1..5)?.try_into().ok()?);
        return Some(((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1));
    }
    let &[across, across_, down, down_] = pixels.data.get(6..10)? else { return None };
    let side = |low, high| u32::from(u16::from_le_bytes([low, high]) & 0x3fff);
    Some((side(across, across_), side(down, down_)))
}

fn uint24(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], 0])
}
