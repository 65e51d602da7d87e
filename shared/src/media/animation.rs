//! Pictures that move: every frame is decoded and written anew, one at a time, with a colour table of ours, so that comments, what follows the
//! picture, and whatever else is no picture are gone.

use std::borrow::Cow;
use std::num::NonZeroU64;

use gif::{ColorOutput, DecodeOptions, Decoder, Encoder, MemoryLimit};

use super::palette::{Ink, Table};
use super::picture::{Flaw, MAX_PIXELS};
use super::stop::{Stop, Timed};

/// Frames: more than a minute at thirty a second.
const MAX_FRAMES: u64 = 2_000;
/// Pixels of all frames together, as they are stored. So many are decoded here.
const MAX_STORED: u64 = 100_000_000;
/// Pixels of a picture that moves: a screen of 3840 by 2160.
const MAX_CANVAS: u64 = 8_294_400;
/// Pixels of all frames together, as they are shown: each may be a single pixel of the canvas, but every reader's program draws all of it.
const MAX_SHOWN: u64 = 1_000_000_000;

/// Whether all frames can be looked at. They are counted, and none of them is decoded.
pub(super) fn bounded(bytes: &[u8], stop: &Stop) -> Result<(), Flaw> {
    let mut options = DecodeOptions::new();
    options.skip_frame_decoding(true);
    let mut decoder = options.read_info(Timed::new(bytes, stop)).map_err(|_| Flaw::NotAPicture)?;
    let canvas = u64::from(decoder.width()) * u64::from(decoder.height());
    let (mut frames, mut stored) = (0, 0);
    while let Some(frame) = decoder.next_frame_info().map_err(|_| Flaw::NotAPicture)? {
        frames += 1;
        stored += u64::from(frame.width) * u64::from(frame.height);
        let moves = frames > 1;
        if frames > MAX_FRAMES || stored > MAX_STORED || moves && (canvas > MAX_CANVAS || frames * canvas > MAX_SHOWN) {
            return Err(Flaw::TooComplex);
        }
    }
    if frames == 0 { Err(Flaw::NotAPicture) } else { Ok(()) }
}

/// The same frames, and nothing else of the file.
pub(super) fn rewritten(bytes: &[u8], stop: &Stop) -> Result<Vec<u8>, Flaw> {
    let mut decoder = decoder(bytes, stop).map_err(|_| Flaw::NotAPicture)?;
    let mut ink = Ink::new();
    let global = decoder.global_palette().map(|colours| Table::anew(colours, &mut ink));
    let colours = global.as_ref().map_or(&[][..], |table| &table.bytes);
    let mut encoder = Encoder::new(Vec::new(), decoder.width(), decoder.height(), colours).map_err(|_| Flaw::NotAPicture)?;
    let mut first = true;
    while let Some(frame) = decoder.read_next_frame().map_err(|_| Flaw::NotAPicture)? {
        let mut frame = frame.clone();
        let local = frame.palette.as_deref().map(|colours| Table::anew(colours, &mut ink));
        let table = local.as_ref().or(global.as_ref()).ok_or(Flaw::NotAPicture)?;
        let mut pixels = frame.buffer.into_owned();
        frame.transparent = table.repaint(&mut pixels, frame.transparent);
        frame.buffer = Cow::Owned(pixels);
        frame.palette = local.map(|table| table.bytes);
        if std::mem::take(&mut first) {
            // How often to repeat stands before the first frame.
            encoder.set_repeat(decoder.repeat()).map_err(|_| Flaw::NotAPicture)?;
        }
        encoder.write_frame(&frame).map_err(|_| Flaw::NotAPicture)?;
        stop.check()?;
    }
    if first { Err(Flaw::NotAPicture) } else { encoder.into_inner().map_err(|_| Flaw::NotAPicture) }
}

fn decoder<'a>(bytes: &'a [u8], stop: &'a Stop) -> Result<Decoder<Timed<'a>>, gif::DecodingError> {
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::Indexed);
    // A frame is at most as large as a picture.
    options.set_memory_limit(NonZeroU64::new(MAX_PIXELS).map_or(MemoryLimit::Unlimited, MemoryLimit::Bytes));
    options.check_frame_consistency(true);
    options.read_info(Timed::new(bytes, stop))
}
