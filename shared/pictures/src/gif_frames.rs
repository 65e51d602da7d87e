//! GIFs: decodes and encodes every frame, one at a time, with a new colour table. This removes comments, trailing data and everything else that is not
//! pixels. What browsers forgive is forgiven: a missing end, a frame that is cut or lies outside the screen, a screen that is too small.

use std::borrow::Cow;
use std::num::NonZeroU64;

use gif::{ColorOutput, DecodeOptions, Decoder, DisposalMethod, Encoder, Frame, MemoryLimit};
use image::{DynamicImage, ImageFormat, Rgba, RgbaImage};

use crate::deadline::{Deadline, DeadlineReader};
use crate::motion::{Canvas, Motion, PlacedFrame, on_canvas};
use crate::palette::{ColourSource, Palette};
use crate::{EncodedImage, MAX_PIXELS, Picture, PictureError, decode, finished, thumbnail};

/// Stored pixels of all frames, which are decoded and encoded.
const MAX_STORED: u64 = 300_000_000;

/// The canvas of all frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Screen {
    width: u16,
    height: u16,
}

impl Screen {
    /// Grows to the first frame if that is larger, as in browsers.
    fn of(self, first: &Frame<'_>) -> Self {
        if first.width <= self.width && first.height <= self.height {
            return self;
        }
        Self {
            width: self.width.max(first.left.saturating_add(first.width)),
            height: self.height.max(first.top.saturating_add(first.height)),
        }
    }

    fn canvas(self) -> Canvas {
        Canvas { width: self.width.into(), height: self.height.into() }
    }

    fn pixels(self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// Cuts off what lies outside. A frame that shows nothing keeps its time.
    fn cropped(self, mut frame: Frame<'static>) -> Frame<'static> {
        let width = frame.width.min(self.width.saturating_sub(frame.left));
        let height = frame.height.min(self.height.saturating_sub(frame.top));
        if (width, height) == (frame.width, frame.height) {
            return frame;
        }
        if width == 0 || height == 0 {
            let clear = frame.transparent.unwrap_or_default();
            (frame.left, frame.top, frame.width, frame.height) = (0, 0, 1, 1);
            (frame.transparent, frame.dispose, frame.buffer) = (Some(clear), DisposalMethod::Keep, Cow::Owned(vec![clear]));
            return frame;
        }
        let rows = frame.buffer.chunks_exact(usize::from(frame.width)).take(usize::from(height));
        let pixels = rows.flat_map(|row| &row[..usize::from(width)]).copied().collect();
        (frame.width, frame.height, frame.buffer) = (width, height, Cow::Owned(pixels));
        frame
    }
}

/// Re-encodes a GIF for a message.
pub(crate) fn image(bytes: &[u8], stop: &Deadline) -> Result<Picture, PictureError> {
    check_limits(bytes, stop)?;
    let still = first(bytes, stop)?;
    let original = EncodedImage { content_type: ImageFormat::Gif.to_mime_type(), bytes: reencoded(bytes, stop)?.into() };
    let canvas = Canvas { width: still.width(), height: still.height() };
    finished(&thumbnail(&still), original, canvas, stop)
}

/// Returns the first frame on its canvas.
pub(crate) fn first(bytes: &[u8], stop: &Deadline) -> Result<DynamicImage, PictureError> {
    let mut frames = Frames::open(bytes, stop)?;
    let frame = frames.next()?.ok_or(PictureError::NotAPicture)?;
    let colours = frame.palette.as_deref().or_else(|| frames.decoder.global_palette()).unwrap_or_default();
    let colour = |index: u8| {
        let at = usize::from(index) * 3;
        match colours.get(at..at + 3) {
            Some(&[red, green, blue]) if frame.transparent != Some(index) => Rgba([red, green, blue, u8::MAX]),
            _ => Rgba([0; 4]),
        }
    };
    let width = usize::from(frame.width);
    let pixels = RgbaImage::from_fn(frame.width.into(), frame.height.into(), |x, y| {
        colour(frame.buffer.get(y as usize * width + x as usize).copied().unwrap_or_default())
    });
    let placed = PlacedFrame { pixels: pixels.into(), left: frame.left.into(), top: frame.top.into() };
    Ok(decode::without_opaque_alpha(on_canvas(&placed, frames.screen.canvas())))
}

/// Checks the limits by counting frames without decoding them.
fn check_limits(bytes: &[u8], stop: &Deadline) -> Result<(), PictureError> {
    let mut options = DecodeOptions::new();
    options.skip_frame_decoding(true);
    options.allow_unknown_blocks(true);
    let mut decoder = options.read_info(DeadlineReader::new(bytes, stop)).map_err(|_| PictureError::NotAPicture)?;
    let mut screen = Screen { width: decoder.width(), height: decoder.height() };
    let mut motion = None;
    while let Ok(Some(frame)) = decoder.next_frame_info() {
        if motion.is_none() {
            // Left out when frames are decoded: the next one makes the screen.
            if frame.width == 0 || frame.height == 0 {
                continue;
            }
            screen = screen.of(frame);
        }
        let motion = motion.get_or_insert_with(|| Motion::new(screen.canvas(), MAX_STORED));
        motion.add(frame.width.into(), frame.height.into())?;
    }
    stop.check()
}

/// Re-encodes the frames without any other data of the file.
fn reencoded(bytes: &[u8], stop: &Deadline) -> Result<Vec<u8>, PictureError> {
    let mut frames = Frames::open(bytes, stop)?;
    let mut ink = ColourSource::new();
    let global = frames.decoder.global_palette().map(|colours| Palette::rebuild(colours, &mut ink));
    let mut next = frames.next()?;
    let Screen { width, height } = frames.screen;
    let colours = global.as_ref().map_or(&[][..], |table| &table.bytes);
    let mut encoder = Encoder::new(Vec::new(), width, height, colours).map_err(|_| PictureError::NotAPicture)?;
    // The repeat count precedes the first frame.
    encoder.set_repeat(frames.decoder.repeat()).map_err(|_| PictureError::NotAPicture)?;
    while let Some(mut frame) = next {
        let local = frame.palette.as_deref().map(|colours| Palette::rebuild(colours, &mut ink));
        let table = local.as_ref().or(global.as_ref()).ok_or(PictureError::NotAPicture)?;
        let mut pixels = frame.buffer.into_owned();
        frame.transparent = table.remap(&mut pixels, frame.transparent);
        frame.buffer = Cow::Owned(pixels);
        frame.palette = local.map(|table| table.bytes);
        encoder.write_frame(&frame).map_err(|_| PictureError::NotAPicture)?;
        stop.check()?;
        next = frames.next()?;
    }
    encoder.into_inner().map_err(|_| PictureError::NotAPicture)
}

/// The frames that decode, each within the screen.
struct Frames<'a> {
    decoder: Decoder<DeadlineReader<'a>>,
    stop: &'a Deadline,
    screen: Screen,
    begun: bool,
}

impl<'a> Frames<'a> {
    fn open(bytes: &'a [u8], stop: &'a Deadline) -> Result<Self, PictureError> {
        let mut options = DecodeOptions::new();
        options.set_color_output(ColorOutput::Indexed);
        options.allow_unknown_blocks(true);
        // A frame is at most as large as an image.
        options.set_memory_limit(NonZeroU64::new(MAX_PIXELS).map_or(MemoryLimit::Unlimited, MemoryLimit::Bytes));
        let decoder = options.read_info(DeadlineReader::new(bytes, stop)).map_err(|_| PictureError::NotAPicture)?;
        let screen = Screen { width: decoder.width(), height: decoder.height() };
        Ok(Self { decoder, stop, screen, begun: false })
    }

    /// Returns the next frame. None follows the last that decodes.
    fn next(&mut self) -> Result<Option<Frame<'static>>, PictureError> {
        loop {
            self.stop.check()?;
            let Ok(Some(frame)) = self.decoder.next_frame_info() else {
                self.stop.check()?;
                return Ok(None);
            };
            let mut frame = frame.clone();
            let pixels = u64::from(frame.width) * u64::from(frame.height);
            if !self.begun && pixels > 0 {
                self.screen = self.screen.of(&frame);
            }
            if pixels.max(self.screen.pixels()) > MAX_PIXELS {
                return Err(PictureError::TooManyPixels);
            }
            let length = usize::try_from(pixels).map_err(|_| PictureError::TooManyPixels)?;
            let mut pixels = vec![frame.transparent.unwrap_or_default(); length];
            let whole = length > 0 && self.decoder.read_into_buffer(&mut pixels).is_ok();
            self.stop.check()?;
            // What a frame lacks shows the frame before it, if the frame has a transparent colour to say so.
            if length == 0 || !whole && self.begun && frame.transparent.is_none() {
                continue;
            }
            self.begun = true;
            frame.interlaced = false;
            frame.buffer = Cow::Owned(pixels);
            return Ok(Some(self.screen.cropped(frame)));
        }
    }
}
