//! Images made smaller by a whole factor, each pixel the mean of a square. Rows are taken one by one, so that a decoder of rows needs no memory for the
//! whole image.

use image::{DynamicImage, GrayAlphaImage, GrayImage, RgbImage, RgbaImage};

/// Pixels of an image that is served. Larger ones are made smaller.
pub const MAX_PIXELS: u64 = 40_000_000;
/// Pixels of its longer side.
pub const MAX_SIDE: u32 = 16_384;

/// Returns the smallest factor by which an image fits the limits. Sensors of 48 to 200 megapixels join two to four pixels each way for their own
/// smaller pictures, too.
pub(crate) fn factor(width: u32, height: u32) -> u32 {
    let fits = |factor: &u32| {
        let (width, height) = (width.div_ceil(*factor), height.div_ceil(*factor));
        u64::from(width) * u64::from(height) <= MAX_PIXELS && width.max(height) <= MAX_SIDE
    };
    (1..=u32::from(u8::MAX)).find(fits).unwrap_or(u32::from(u8::MAX))
}

/// Makes an image with 8 bits per channel smaller.
pub(crate) fn shrunk(image: DynamicImage, factor: u32) -> DynamicImage {
    if factor <= 1 {
        return image;
    }
    let channels = usize::from(image.color().channel_count());
    let width = image.width() as usize;
    let mut shrinker = Shrinker::new(width, channels, factor);
    for row in image.as_bytes().chunks_exact(width * channels) {
        shrinker.push(row);
    }
    shrinker.finished().unwrap_or(image)
}

/// Collects rows with 8 bits per channel.
pub(crate) struct Shrinker {
    factor: usize,
    width: usize,
    channels: usize,
    /// Sums of the rows since the last row that was written.
    sums: Vec<u32>,
    rows: usize,
    made: Vec<u8>,
}

impl Shrinker {
    pub(crate) fn new(width: usize, channels: usize, factor: u32) -> Self {
        let factor = factor as usize;
        Self { factor, width, channels, sums: vec![0; width.div_ceil(factor) * channels], rows: 0, made: Vec::new() }
    }

    pub(crate) fn push(&mut self, row: &[u8]) {
        match self.channels {
            1 => add::<1>(&mut self.sums, row, self.factor),
            2 => add_weighed::<2>(&mut self.sums, row, self.factor),
            3 => add::<3>(&mut self.sums, row, self.factor),
            _ => add_weighed::<4>(&mut self.sums, row, self.factor),
        }
        self.rows += 1;
        if self.rows == self.factor {
            self.write_row();
        }
    }

    fn write_row(&mut self) {
        for (cell, sums) in self.sums.chunks_exact(self.channels).enumerate() {
            let columns = self.factor.min(self.width - cell * self.factor);
            let count = u32::try_from(columns * self.rows).unwrap_or(u32::MAX);
            let mean = |sum: u32, count: u32| u8::try_from((sum + count / 2).checked_div(count).unwrap_or(0)).unwrap_or(u8::MAX);
            match sums {
                [colours @ .., alpha] if self.channels.is_multiple_of(2) => {
                    self.made.extend(colours.iter().map(|sum| mean(*sum, *alpha)));
                    self.made.push(mean(*alpha, count));
                }
                _ => self.made.extend(sums.iter().map(|sum| mean(*sum, count))),
            }
        }
        self.sums.fill(0);
        self.rows = 0;
    }

    pub(crate) fn finished(mut self) -> Option<DynamicImage> {
        if self.rows > 0 {
            self.write_row();
        }
        let across = self.width.div_ceil(self.factor);
        let width = u32::try_from(across).ok()?;
        let height = u32::try_from(self.made.len() / (across * self.channels)).ok()?;
        match self.channels {
            1 => GrayImage::from_raw(width, height, self.made).map(DynamicImage::ImageLuma8),
            2 => GrayAlphaImage::from_raw(width, height, self.made).map(DynamicImage::ImageLumaA8),
            3 => RgbImage::from_raw(width, height, self.made).map(DynamicImage::ImageRgb8),
            _ => RgbaImage::from_raw(width, height, self.made).map(DynamicImage::ImageRgba8),
        }
    }
}

fn add<const CHANNELS: usize>(sums: &mut [u32], row: &[u8], factor: usize) {
    for (sums, group) in sums.as_chunks_mut::<CHANNELS>().0.iter_mut().zip(row.chunks(factor * CHANNELS)) {
        for pixel in group.as_chunks::<CHANNELS>().0 {
            for (sum, value) in sums.iter_mut().zip(pixel) {
                *sum += u32::from(*value);
            }
        }
    }
}

/// Colours count by their alpha, the last channel: what is transparent has none.
fn add_weighed<const CHANNELS: usize>(sums: &mut [u32], row: &[u8], factor: usize) {
    for (sums, group) in sums.as_chunks_mut::<CHANNELS>().0.iter_mut().zip(row.chunks(factor * CHANNELS)) {
        for pixel in group.as_chunks::<CHANNELS>().0 {
            let alpha = u32::from(pixel[CHANNELS - 1]);
            for (sum, value) in sums.iter_mut().zip(&pixel[..CHANNELS - 1]) {
                *sum += u32::from(*value) * alpha;
            }
            sums[CHANNELS - 1] += alpha;
        }
    }
}

#[cfg(test)]
mod tests {
    use image::{Luma, LumaA, Rgb, Rgba};

    use super::*;

    #[test]
    fn photos_of_today_fit_by_a_small_factor() {
        for (width, height, expected) in [
            (4000, 3000, 1),
            (8000, 5000, 1),
            (8064, 6048, 2),
            (8160, 6120, 2),
            (9248, 6936, 2),
            (12_000, 9000, 2),
            (16_320, 12_240, 3),
            (16_382, 3628, 2),
            (16_385, 4, 2),
            (1, 32_768, 2),
        ] {
            assert_eq!(factor(width, height), expected, "{width} {height}");
        }
    }

    #[test]
    fn a_pixel_is_the_mean_of_its_square_and_edges_have_smaller_ones() {
        let gray = GrayImage::from_fn(5, 3, |x, y| Luma([u8::try_from(10 * x + 100 * (y / 2)).unwrap_or(0)]));
        let small = shrunk(DynamicImage::ImageLuma8(gray), 2).into_luma8();
        assert_eq!((small.dimensions(), small.as_raw().as_slice()), ((3, 2), &[5, 25, 40, 105, 125, 140][..]));
        let rgb = RgbImage::from_pixel(7, 7, Rgb([1, 200, 255]));
        assert!(shrunk(DynamicImage::ImageRgb8(rgb), 3).into_rgb8().pixels().all(|pixel| pixel.0 == [1, 200, 255]));
    }

    #[test]
    fn what_is_transparent_has_no_colour() {
        let half = RgbaImage::from_fn(2, 2, |x, _| if x == 0 { Rgba([255, 0, 0, 255]) } else { Rgba([0, 255, 0, 0]) });
        assert_eq!(shrunk(DynamicImage::ImageRgba8(half), 2).into_rgba8().get_pixel(0, 0).0, [255, 0, 0, 128]);
        let clear = GrayAlphaImage::from_pixel(2, 2, LumaA([9, 0]));
        assert_eq!(shrunk(DynamicImage::ImageLumaA8(clear), 2).into_luma_alpha8().get_pixel(0, 0).0, [0, 0]);
    }
}
