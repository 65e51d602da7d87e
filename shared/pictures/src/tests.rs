//! Pictures through the whole of it.

use std::io::Cursor;
use std::time::{Duration, Instant};

use image::codecs::png::PngEncoder;
use image::{DynamicImage, ImageFormat, Rgba, RgbaImage};
use moxcms::ColorProfile;

use super::*;

/// Without a relevant time limit.
fn image(bytes: &[u8]) -> Result<Picture, PictureError> {
    super::image(bytes, &Deadline::at(Instant::now() + Duration::from_mins(5)))
}

fn avatar(bytes: &[u8]) -> Result<Picture, PictureError> {
    super::avatar(bytes, &Deadline::at(Instant::now() + Duration::from_mins(5)))
}

fn written(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).expect("encodes");
    bytes.into_inner()
}

fn half_transparent() -> DynamicImage {
    DynamicImage::ImageRgba8(RgbaImage::from_fn(600, 300, |x, _| Rgba([200, 0, 0, if x < 300 { 0 } else { 255 }])))
}

/// A GIF with this many frames, a comment and trailing data.
fn animated(frames: usize) -> Vec<u8> {
    shown_at(4, frames)
}

/// The same frames on a canvas with this side.
fn shown_at(side: u16, frames: usize) -> Vec<u8> {
    let mut encoder = gif::Encoder::new(Vec::new(), side, side, &[0, 0, 0, 255, 255, 255]).expect("a header");
    encoder.set_repeat(gif::Repeat::Finite(3)).expect("written");
    for number in 0..frames {
        let pixels = vec![u8::try_from(number % 2).expect("a bit"); 16];
        let mut frame = gif::Frame::from_indexed_pixels(4, 4, pixels, None);
        frame.delay = 7;
        encoder.write_frame(&frame).expect("written");
        if number == 0 {
            encoder.write_raw_extension(gif::AnyExtension(0xfe), &[b"<script>"]).expect("written");
        }
    }
    [encoder.into_inner().expect("ends"), b"PK\x03\x04".to_vec()].concat()
}

#[test]
fn animations_stay_animated_without_comments() {
    let picture = image(&animated(5)).expect("a picture");
    assert_eq!((picture.original.content_type, picture.thumbnail.content_type), ("image/gif", "image/jpeg"));
    let bytes = &picture.original.bytes;
    assert!(!bytes.windows(8).any(|part| part == b"<script>") && bytes.ends_with(b";"));
    let mut decoder = gif::DecodeOptions::new().read_info(&bytes[..]).expect("a picture");
    let colours = decoder.global_palette().expect("a table").to_vec();
    let mut shown = Vec::new();
    while let Some(frame) = decoder.read_next_frame().expect("a frame") {
        shown.push((frame.delay, colours[usize::from(frame.buffer[0]) * 3]));
    }
    assert_eq!(shown, [(7, 0), (7, 255), (7, 0), (7, 255), (7, 0)]);
    assert_eq!(decoder.repeat(), gif::Repeat::Finite(3));
}

#[test]
fn too_many_frames_are_too_much() {
    assert_eq!(image(&animated(2_001)).err(), Some(PictureError::TooComplex));
    assert_eq!(avatar(&animated(2_001)).map(|face| face.dimensions), Ok((4, 4)), "one frame is all that is looked at");
}

#[test]
fn a_canvas_counts_with_each_frame_however_small_that_is() {
    for (side, frames, taken) in [(6000, 1, true), (6000, 2, false), (1000, 1000, true), (1000, 1001, false), (2880, 2, true)] {
        let begun = Instant::now();
        let flaw = image(&shown_at(side, frames)).err();
        assert_eq!(flaw, (!taken).then_some(PictureError::TooComplex), "{side} {frames}: {:?}", begun.elapsed());
    }
}

#[test]
fn without_time_nothing_is_a_picture_or_none() {
    let picture = half_transparent();
    let opaque = DynamicImage::ImageRgb8(picture.to_rgb8());
    for bytes in [
        written(&opaque, ImageFormat::Jpeg),
        written(&picture, ImageFormat::Png),
        written(&picture, ImageFormat::WebP),
        animated(3),
        b"no picture at all".to_vec(),
    ] {
        let over = Deadline::at(Instant::now());
        assert_eq!(super::image(&bytes, &over).err(), Some(PictureError::OutOfTime));
        assert_eq!(super::avatar(&bytes, &over).err(), Some(PictureError::OutOfTime));
    }
}

#[test]
fn transparency_survives_and_thumbnails_are_small() {
    let clear = written(&half_transparent(), ImageFormat::WebP);
    let picture = image(&clear).expect("a picture");
    assert_eq!((picture.original.content_type, picture.thumbnail.content_type), ("image/png", "image/png"));
    let again = image::load_from_memory(&picture.thumbnail.bytes).expect("a picture").into_rgba8();
    assert_eq!((again.dimensions(), again.get_pixel(10, 10).0[3], again.get_pixel(470, 10).0[3]), ((480, 240), 0, 255));
    let solid = DynamicImage::ImageRgba8(RgbaImage::from_pixel(50, 50, Rgba([1, 2, 3, 255])));
    let picture = image(&written(&solid, ImageFormat::WebP)).expect("a picture");
    assert_eq!((picture.original.content_type, picture.dimensions), ("image/jpeg", (50, 50)));
}

#[test]
fn colours_are_those_of_a_screen_whatever_the_camera_meant() {
    let wide = ColorProfile::new_display_p3().encode().expect("a profile");
    let red = DynamicImage::ImageRgb8(image::RgbImage::from_pixel(8, 8, image::Rgb([200, 60, 60])));
    let mut bytes = Vec::new();
    let mut encoder = PngEncoder::new(&mut bytes);
    image::ImageEncoder::set_icc_profile(&mut encoder, wide).expect("taken");
    red.write_with_encoder(encoder).expect("encodes");
    let picture = image(&bytes).expect("a picture");
    let shown = image::load_from_memory(&picture.original.bytes).expect("a picture").into_rgb8().get_pixel(4, 4).0;
    assert!(shown[0] > 210 && shown[1] < 55, "the same red takes other numbers: {shown:?}");
}

#[test]
fn a_face_is_the_middle_of_its_picture() {
    let face = avatar(&written(&half_transparent(), ImageFormat::Png)).expect("a picture");
    let decoded = image::load_from_memory(&face.original.bytes).expect("a picture").into_rgba8();
    assert_eq!((decoded.dimensions(), face.dimensions), ((300, 300), (300, 300)), "nothing is made larger");
    assert_eq!((decoded.get_pixel(10, 10).0[3], decoded.get_pixel(290, 10).0[3]), (0, 255));
}

#[test]
fn every_orientation_ends_upright() {
    // Two columns, the left one white: its position reveals the orientation.
    let flat = DynamicImage::ImageRgba8(RgbaImage::from_fn(32, 16, |x, _| Rgba([if x < 16 { 255 } else { 0 }, 0, 0, 255])));
    let jpeg = written(&DynamicImage::ImageRgb8(flat.into_rgb8()), ImageFormat::Jpeg);
    for (orientation, size, white) in
        [(1, (32, 16), (4, 8)), (3, (32, 16), (28, 8)), (6, (16, 32), (8, 4)), (8, (16, 32), (8, 28)), (99, (32, 16), (4, 8))]
    {
        let exif =
            [b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".as_slice(), &[orientation, 0, 0, 0, 0, 0, 0, 0]].concat();
        let length = u16::try_from(exif.len() + 2).expect("short").to_be_bytes();
        let turned = [&jpeg[..2], &[0xff, 0xe1], &length, &exif, &jpeg[2..]].concat();
        let picture = image(&turned).expect("a picture");
        let decoded = image::load_from_memory(&picture.original.bytes).expect("a picture").into_rgb8();
        assert_eq!((decoded.dimensions(), decoded.get_pixel(white.0, white.1).0[0] > 200), (size, true), "{orientation}");
    }
}

#[test]
fn a_header_is_not_believed() {
    let gif = [b"GIF89a".as_slice(), &[0xff, 0xff, 0xff, 0xff, 0, 0, 0]].concat();
    assert!(image(&gif).is_err());
    for (bytes, flaw) in [
        (&b""[..], PictureError::UnknownFormat),
        (b"<svg/>", PictureError::UnknownFormat),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", PictureError::UnknownFormat),
        (b"II*\0\x08\0\0\0", PictureError::UnknownFormat),
        (b"\xff\xd8\xff", PictureError::NotAPicture),
        (b"\x89PNG\r\n\x1a\n", PictureError::NotAPicture),
        (b"GIF89a", PictureError::NotAPicture),
        (b"RIFF\0\0\0\0WEBPVP8L", PictureError::NotAPicture),
    ] {
        assert_eq!((image(bytes).err(), avatar(bytes).err()), (Some(flaw), Some(flaw)), "{bytes:?}");
    }
}
