//! JPEGs: what follows or fills them, what they are made of, and how large they become.

use image::{DynamicImage, GenericImageView};
use jpeg_encoder::SamplingFactor;
use pictures::PictureError;

use crate::files::{Camera, PHONE, exif, gradient, put, segment};
use crate::{SECRET, avatar, has, image};

fn noise(length: usize) -> Vec<u8> {
    let mut rng = fastrand::Rng::with_seed(4);
    (0..length).map(|_| rng.u8(..)).collect()
}

#[test]
fn motion_photos_and_large_segments_are_pictures() {
    let photo = PHONE.jpeg(&gradient(320, 240));
    let film = noise(12 << 20);
    let part = segment(0xe9, &film[..65_533]);
    let mpf = put(&photo, 2, &segment(0xe2, b"MPF\0II*\0\x08\0\0\0\0\0"));
    for (what, bytes) in [
        ("a film of 12 MB behind", [&photo[..], b"\0\0\0\x18ftypmp42", &film].concat()),
        ("a gain map behind", [&mpf[..], &photo].concat()),
        ("10 MB of APP9", put(&photo, 2, &part.repeat(160))),
        ("a large comment", put(&photo, 2, &segment(0xfe, &b"\xff\xda".repeat(32_000)))),
        ("its end is missing", photo[..photo.len() - 2].to_vec()),
        ("cut in its pixels", photo[..photo.len() - photo.len() / 4].to_vec()),
    ] {
        let made = image(&bytes).unwrap_or_else(|flaw| panic!("{what}: {flaw:?}"));
        assert_eq!(made.dimensions, (320, 240), "{what}");
        assert!(made.original.bytes.len() <= photo.len(), "{what}: {}", made.original.bytes.len());
        assert!(made.original.bytes.ends_with(b"\xff\xd9") && !has(&made.original.bytes, &film[..16]), "{what}");
        assert!(avatar(&bytes).is_ok(), "{what}");
    }
}

#[test]
fn scans_are_bounded() {
    let photo = Camera { scans: Some(10), ..PHONE }.jpeg(&gradient(320, 240));
    assert_eq!(image(&photo).map(|made| made.dimensions), Ok((320, 240)));
    let last = photo.windows(2).rposition(|pair| pair == b"\xff\xda").expect("a scan");
    let scan = &photo[last..photo.len() - 2];
    for (more, flaw) in [(50, None), (500, Some(PictureError::TooComplex))] {
        let many = put(&photo, photo.len() - 2, &scan.repeat(more));
        assert_eq!(image(&many).err().filter(|flaw| *flaw == PictureError::TooComplex), flaw, "{more}");
    }
    for (width, height) in [(65_500_u16, 65_500_u16), (65_500, 1), (16_384, 16_384)] {
        let mut lies = photo.clone();
        let frame = lies.windows(2).position(|pair| pair == b"\xff\xc2").expect("a frame") + 5;
        lies[frame..frame + 2].copy_from_slice(&height.to_be_bytes());
        lies[frame + 2..frame + 4].copy_from_slice(&width.to_be_bytes());
        assert_eq!(image(&lies).err(), Some(PictureError::TooManyPixels), "{width} {height}");
        assert_eq!(avatar(&lies).err(), Some(PictureError::TooManyPixels), "{width} {height}");
    }
}

#[test]
fn no_jpeg_grows_and_what_stands_upright_keeps_its_pixels() {
    let colour = gradient(217, 151);
    let gray = DynamicImage::ImageLuma8(colour.to_luma8());
    for quality in [30, 75, 95] {
        for sampling in [SamplingFactor::F_1_1, SamplingFactor::F_2_1, SamplingFactor::F_1_2, SamplingFactor::F_2_2] {
            for scans in [None, Some(4)] {
                for picture in [&colour, &gray] {
                    let photo = Camera { quality, sampling, scans }.jpeg(picture);
                    for orientation in 0..=9 {
                        let bytes = put(&photo, 2, &exif(orientation, SECRET));
                        check(&bytes, picture, orientation, (quality, sampling, scans));
                    }
                }
            }
        }
    }
}

fn check(bytes: &[u8], picture: &DynamicImage, orientation: u8, what: impl std::fmt::Debug) {
    let made = image(bytes).expect("a picture");
    let served = &made.original.bytes;
    assert!(served.len() <= bytes.len(), "{what:?} {orientation}: {} became {}", bytes.len(), served.len());
    assert!(!has(served, SECRET) && !has(served, b"Exif"), "{what:?}");
    let turned = (5..=8).contains(&orientation);
    let (width, height) = picture.dimensions();
    assert_eq!(made.dimensions, if turned { (height, width) } else { (width, height) }, "{what:?} {orientation}");
    let (before, after) =
        (image::load_from_memory(bytes).expect("it decodes"), image::load_from_memory(served).expect("it decodes"));
    if !(2..=8).contains(&orientation) {
        assert!(before.as_bytes() == after.as_bytes(), "{what:?} {orientation}: the same pixels");
        return;
    }
    let mut expected = before;
    expected.apply_orientation(image::metadata::Orientation::from_exif(orientation).expect("one of eight"));
    let (expected, after) = (expected.into_rgb8(), after.into_rgb8());
    let off: u64 = expected.as_raw().iter().zip(after.as_raw()).map(|(one, other)| u64::from(one.abs_diff(*other))).sum();
    let mean = off / expected.as_raw().len() as u64;
    assert!(mean <= 8, "{what:?} {orientation}: off by {mean}");
}

#[test]
fn a_profile_stays_without_its_texts() {
    let photo = PHONE.jpeg(&gradient(64, 64));
    let mut profile = moxcms::ColorProfile::new_display_p3().encode().expect("a profile");
    profile.extend_from_slice(SECRET);
    let size = u32::try_from(profile.len()).expect("short").to_be_bytes();
    profile[..4].copy_from_slice(&size);
    for orientation in [1, 6] {
        let icc = segment(0xe2, &[b"ICC_PROFILE\0\x01\x01".as_slice(), &profile].concat());
        let bytes = put(&put(&photo, 20, &icc), 20, &exif(orientation, SECRET));
        let made = image(&bytes).expect("a picture");
        assert!(!has(&made.original.bytes, SECRET), "{orientation}");
        assert!(has(&made.original.bytes, b"ICC_PROFILE"), "{orientation}");
        assert!(!has(&made.thumbnail.bytes, b"ICC_PROFILE"), "{orientation}: a thumbnail has a screen's colours");
        let kept = image::ImageReader::new(std::io::Cursor::new(&made.original.bytes)).with_guessed_format().expect("bytes");
        let mut decoder = kept.into_decoder().expect("a picture");
        let kept = image::ImageDecoder::icc_profile(&mut decoder).expect("read").expect("a profile");
        let (was, is) = (moxcms::ColorProfile::new_display_p3(), moxcms::ColorProfile::new_from_slice(&kept).expect("a profile"));
        assert!((was.red_colorant.x - is.red_colorant.x).abs() < 0.001, "{orientation}");
    }
}
