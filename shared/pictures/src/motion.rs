//! Bounds of animations, in pixels: those that are decoded here, and those that viewers draw.

use image::{DynamicImage, RgbaImage, imageops};

use crate::{MAX_PIXELS, PictureError};

/// More than a minute at thirty frames per second.
const MAX_FRAMES: u64 = 2_000;
/// Pixels of the canvas: 3840 by 2160.
const MAX_CANVAS: u64 = 8_294_400;
/// Displayed pixels of all frames: a frame may store a single pixel, but viewers draw the whole canvas for it.
const MAX_SHOWN: u64 = 1_000_000_000;

/// The size of a picture in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Canvas {
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// The sum of the frames so far.
pub(crate) struct Motion {
    canvas: u64,
    /// Maximum of the pixels that frames store, which decoding costs.
    most_stored: u64,
    frames: u64,
    stored: u64,
}

impl Motion {
    pub(crate) fn new(canvas: Canvas, most_stored: u64) -> Self {
        Self { canvas: u64::from(canvas.width) * u64::from(canvas.height), most_stored, frames: 0, stored: 0 }
    }

    /// Counts a frame before it is decoded. A single one is a still picture.
    pub(crate) fn add(&mut self, width: u32, height: u32) -> Result<(), PictureError> {
        if self.canvas > MAX_PIXELS {
            return Err(PictureError::TooManyPixels);
        }
        self.frames += 1;
        self.stored += u64::from(width) * u64::from(height);
        let moves = self.frames > 1;
        if self.frames > MAX_FRAMES
            || self.stored > self.most_stored
            || moves && (self.canvas > MAX_CANVAS || self.frames * self.canvas > MAX_SHOWN)
        {
            return Err(PictureError::TooComplex);
        }
        Ok(())
    }
}

/// A frame and its place on the canvas.
pub(crate) struct PlacedFrame {
    pub(crate) pixels: DynamicImage,
    pub(crate) left: u32,
    pub(crate) top: u32,
}

/// Shows a frame alone on an empty canvas.
pub(crate) fn on_canvas(frame: &PlacedFrame, canvas: Canvas) -> DynamicImage {
    let mut canvas = RgbaImage::new(canvas.width, canvas.height);
    imageops::replace(&mut canvas, &frame.pixels.to_rgba8(), i64::from(frame.left), i64::from(frame.top));
    DynamicImage::ImageRgba8(canvas)
}
