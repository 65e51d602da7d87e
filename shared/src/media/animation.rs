//! Animated images: decodes and re-encodes every frame, one at a time, with a new colour table. This removes comments, trailing data and everything
//! else that is not pixels.

use std::borrow::Cow;
use std::num::NonZeroU64;

use gif::{ColorOutput, DecodeOptions, Decoder, Encoder, MemoryLimit};

use super::deadline::{Deadline, DeadlineReader};
use super::palette::{ColourSource, Palette};
use super::picture::{MAX_PIXELS, PictureError};

/// More than a minute at thirty frames per second.
const MAX_FRAMES: u64 = 2_000;
/// Stored pixels of all frames, which this function decodes.
const MAX_STORED: u64 = 100_000_000;
/// Pixels of the canvas: 3840 by 2160.
const MAX_CANVAS: u64 = 8_294_400;
/// Displayed pixels of all frames: a frame may store a single pixel, but viewers draw the whole canvas for it.
const MAX_SHOWN: u64 = 1_000_000_000;

/// Checks the limits by counting frames without decoding them.
pub(super) fn check_limits(bytes: &[u8], stop: &Deadline) -> Result<(), PictureError> {
    let mut options = DecodeOptions::new();
    options.skip_frame_decoding(true);
    let mut decoder = options.read_info(DeadlineReader::new(bytes, stop)).map_err(|_| PictureError::NotAPicture)?;
    let canvas = u64::from(decoder.width()) * u64::from(decoder.height());
    let (mut frames, mut stored) = (0, 0);
    while let Some(frame) = decoder.next_frame_info().map_err(|_| PictureError::NotAPicture)? {
        frames += 1;
        stored += u64::from(frame.width) * u64::from(frame.height);
        let moves = frames > 1;
        if frames > MAX_FRAMES || stored > MAX_STORED || moves && (canvas > MAX_CANVAS || frames * canvas > MAX_SHOWN) {
            return Err(PictureError::TooComplex);
        }
    }
    if frames == 0 { Err(PictureError::NotAPicture) } else { Ok(()) }
}

/// Re-encodes the frames without any other data of the file.
pub(super) fn reencode(bytes: &[u8], stop: &Deadline) -> Result<Vec<u8>, PictureError> {
    let mut decoder = decoder(bytes, stop).map_err(|_| PictureError::NotAPicture)?;
    let mut ink = ColourSource::new();
    let global = decoder.global_palette().map(|colours| Palette::rebuild(colours, &mut ink));
    let colours = global.as_ref().map_or(&[][..], |table| &table.bytes);
    let mut encoder =
        Encoder::new(Vec::new(), decoder.width(), decoder.height(), colours).map_err(|_| PictureError::NotAPicture)?;
    let mut first = true;
    while let Some(frame) = decoder.read_next_frame().map_err(|_| PictureError::NotAPicture)? {
        let mut frame = frame.clone();
        let local = frame.palette.as_deref().map(|colours| Palette::rebuild(colours, &mut ink));
        let table = local.as_ref().or(global.as_ref()).ok_or(PictureError::NotAPicture)?;
        let mut pixels = frame.buffer.into_owned();
        frame.transparent = table.remap(&mut pixels, frame.transparent);
        frame.buffer = Cow::Owned(pixels);
        frame.palette = local.map(|table| table.bytes);
        if std::mem::take(&mut first) {
            // The repeat count precedes the first frame.
            encoder.set_repeat(decoder.repeat()).map_err(|_| PictureError::NotAPicture)?;
        }
        encoder.write_frame(&frame).map_err(|_| PictureError::NotAPicture)?;
        stop.check()?;
    }
    if first { Err(PictureError::NotAPicture) } else { encoder.into_inner().map_err(|_| PictureError::NotAPicture) }
}

fn decoder<'a>(bytes: &'a [u8], stop: &'a Deadline) -> Result<Decoder<DeadlineReader<'a>>, gif::DecodingError> {
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::Indexed);
    // A frame is at most as large as an image.
    options.set_memory_limit(NonZeroU64::new(MAX_PIXELS).map_or(MemoryLimit::Unlimited, MemoryLimit::Bytes));
    options.check_frame_consistency(true);
    options.read_info(DeadlineReader::new(bytes, stop))
}
