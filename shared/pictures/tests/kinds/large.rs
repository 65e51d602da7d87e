//! Photos of many pixels: made smaller, not refused. Promises of pixels that are not there are refused.

use image::{DynamicImage, GrayImage};
use pictures::{MAX_PIXELS, MAX_SIDE, PictureError};

use crate::files::{PHONE, uniform_png};
use crate::{avatar, image};

/// One component, so that the test takes a third of the time.
fn photo(width: u32, height: u32) -> Vec<u8> {
    let shade = |at: u32, of: u32| u8::try_from(at * 255 / of).unwrap_or(255);
    let row: Vec<u8> = (0..width).map(|x| shade(x, width)).collect();
    let gray = GrayImage::from_raw(width, height, row.repeat(height as usize)).expect("all pixels");
    PHONE.jpeg(&DynamicImage::ImageLuma8(gray))
}

#[test]
fn photos_of_today_are_made_smaller() {
    for (width, height) in [(8064, 6048), (12_000, 9000), (16_382, 3628), (16_384, 2000), (20_000, 100)] {
        let bytes = photo(width, height);
        let made = image(&bytes).unwrap_or_else(|flaw| panic!("{width} {height}: {flaw:?}"));
        let (across, down) = made.dimensions;
        assert!(u64::from(across) * u64::from(down) <= MAX_PIXELS && across.max(down) <= MAX_SIDE, "{across} {down}");
        let factor = width.div_ceil(across);
        assert!(factor <= 3 && height.div_ceil(factor) == down, "{width} {height} became {across} {down}");
        assert!(made.original.bytes.len() <= bytes.len());
        let shown = image::load_from_memory(&made.original.bytes).expect("a picture").into_luma8();
        assert_eq!(shown.dimensions(), made.dimensions);
        let at = |x: u32| i32::from(shown.get_pixel(x, down / 2).0[0]);
        assert!(at(1) < 6 && at(across - 2) > 248 && (at(across / 2) - 127).abs() < 6, "{width} {height}");
    }
    assert_eq!(avatar(&photo(8064, 6048)).map(|face| face.dimensions), Ok((512, 512)));
}

#[test]
fn long_drawings_are_made_smaller_row_by_row() {
    for (width, height, expected) in [(9000, 6000, (4500, 3000)), (1000, 20_000, (500, 10_000)), (3000, 30_000, (1500, 15_000))] {
        let made = image(&uniform_png(width, height, 0)).expect("a picture");
        assert_eq!((made.dimensions, made.original.content_type), (expected, "image/png"));
        assert!(avatar(&uniform_png(width, height, 0)).is_ok());
    }
}

#[test]
fn bombs_are_refused_before_they_are_decoded() {
    let mut promise = uniform_png(16, 16, 0);
    for (width, height) in [(30_000_u32, 30_000_u32), (16_000, 16_000), (50_000, 1), (1, 50_000), (u32::MAX, u32::MAX)] {
        let header = [&b"IHDR"[..], &width.to_be_bytes(), &height.to_be_bytes(), &[8, 0, 0, 0, 0]].concat();
        promise.splice(8..33, crate::files::chunk(&header[..4], &header[4..]));
        let flaws = [image(&promise).err(), avatar(&promise).err()];
        assert!(
            flaws.iter().all(|flaw| matches!(flaw, Some(PictureError::TooManyPixels | PictureError::NotAPicture))),
            "{flaws:?}"
        );
        if width < u32::MAX {
            assert_eq!(flaws, [Some(PictureError::TooManyPixels); 2], "{width} {height}");
        }
    }
    assert_eq!(image(&uniform_png(9000, 6000, 1)).err(), Some(PictureError::TooManyPixels), "rows in another order");
}
