//! Animated PNG and WebP stay animated, without anything that is not a frame.

use image::{AnimationDecoder, DynamicImage, ImageFormat, Rgba, RgbaImage};
use pictures::PictureError;

use crate::files::{chunk, png_chunks, riff, written};
use crate::{SECRET, avatar, has, image};

/// Frames of one colour each, the second half transparent.
fn frame(side: u32, colour: u8) -> DynamicImage {
    let pixel = |x: u32| if x < side / 2 { Rgba([colour, 255 - colour, 40, 255]) } else { Rgba([colour, 0, 0, 90]) };
    DynamicImage::ImageRgba8(RgbaImage::from_fn(side, side, |x, y| if y == 1 { Rgba([1, 2, 3, 255]) } else { pixel(x) }))
}

const COLOURS: [u8; 3] = [10, 120, 230];

/// How an animation differs from a plain one.
#[derive(Clone, Copy, Default)]
struct Splice {
    /// Metadata in every place.
    metadata: bool,
    /// A still picture for viewers without animation.
    still: bool,
    /// Where the last frame lies.
    left: u32,
    /// The last frame's pixels do not decode.
    broken: bool,
}

fn apng(splice: Splice) -> Vec<u8> {
    let parts = |side, colour| png_chunks(&written(&frame(side, colour), ImageFormat::Png));
    let data = |side, colour| -> Vec<u8> {
        parts(side, colour).into_iter().filter(|(kind, _)| kind == b"IDAT").flat_map(|(_, data)| data).collect()
    };
    let text = |kind: &[u8]| if splice.metadata { chunk(kind, &[b"Comment\0", SECRET].concat()) } else { Vec::new() };
    let mut number = 0_u32;
    let mut numbered = || {
        number += 1;
        (number - 1).to_be_bytes()
    };
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    file.extend(chunk(b"IHDR", &parts(20, 0)[0].1));
    file.extend([text(b"tEXt"), text(b"eXIf"), text(b"tIME"), text(b"caBX")].concat());
    file.extend(chunk(b"acTL", &[0, 0, 0, 3, 0, 0, 0, 2]));
    if splice.still {
        file.extend(chunk(b"IDAT", &data(20, 77)));
    }
    for (at, colour) in COLOURS.into_iter().enumerate() {
        let (side, left) = if at == 2 { (10, splice.left) } else { (20, 0) };
        let place = [side, side, left, 3 * left / 4].map(u32::to_be_bytes).concat();
        file.extend(chunk(b"fcTL", &[&numbered()[..], &place, &[0, 1, 0, 10, 0, 1]].concat()));
        file.extend(text(b"iTXt"));
        let pixels = if splice.broken && at == 2 { b"no pixels".to_vec() } else { data(side, colour) };
        if at == 0 && !splice.still {
            file.extend(chunk(b"IDAT", &pixels));
        } else {
            file.extend(chunk(b"fdAT", &[&numbered()[..], &pixels].concat()));
        }
    }
    [file, text(b"zTXt"), chunk(b"IEND", b""), text(b"tEXt")].concat()
}

fn webp(splice: Splice) -> Vec<u8> {
    let text = |kind: &[u8; 4]| if splice.metadata { riff(*kind, SECRET) } else { Vec::new() };
    let mut body = riff(*b"VP8X", &[if splice.metadata { 0x1e } else { 0x12 }, 0, 0, 0, 19, 0, 0, 19, 0, 0]);
    body.extend(riff(*b"ANIM", &[0, 0, 0, 0, 2, 0]));
    for (at, colour) in COLOURS.into_iter().enumerate() {
        let (side, left) = if at == 2 { (10_u32, splice.left) } else { (20, 0) };
        let still = written(&frame(side, colour), ImageFormat::WebP);
        let mut pixels = still[12..].to_vec();
        if splice.broken && at == 2 {
            pixels.truncate(30);
            pixels = riff(*b"VP8L", &pixels[8..]);
        }
        let uint24 = |value: u32| value.to_le_bytes()[..3].to_vec();
        let head = [uint24(left / 2), uint24(0), uint24(side - 1), uint24(side - 1), uint24(100), vec![0]].concat();
        body.extend(riff(*b"ANMF", &[head, text(b"CNRY"), pixels, text(b"EXIF")].concat()));
        body.extend(text(b"CNRY"));
    }
    body.extend([text(b"EXIF"), text(b"XMP ")].concat());
    let after = if splice.metadata { SECRET } else { b"" };
    [riff(*b"RIFF", &[b"WEBP", &body[..]].concat()), after.to_vec()].concat()
}

/// The colour of each frame's first pixel, and the repetitions.
fn shown(bytes: &[u8], content_type: &str) -> Vec<u8> {
    let reader = std::io::Cursor::new(bytes);
    let frames = if content_type == "image/png" {
        image::codecs::png::PngDecoder::new(reader).expect("a picture").apng().expect("an animation").into_frames()
    } else {
        image::codecs::webp::WebPDecoder::new(reader).expect("a picture").into_frames()
    };
    frames.map(|frame| frame.expect("a frame").into_buffer().get_pixel(0, 0).0[0]).collect()
}

#[test]
fn animations_stay_animated_without_metadata() {
    let plain = Splice::default();
    for (what, splice, frames) in [
        ("plain", plain, 3),
        ("metadata", Splice { metadata: true, ..plain }, 3),
        ("a still besides", Splice { still: true, ..plain }, 3),
        ("a frame beside the others", Splice { left: 10, ..plain }, 3),
        ("a frame outside", Splice { left: 14, ..plain }, 2),
        ("a frame that is broken", Splice { broken: true, ..plain }, 2),
    ] {
        for (bytes, content_type) in [(apng(splice), "image/png"), (webp(splice), "image/webp")] {
            assert_eq!(has(&bytes, SECRET), splice.metadata, "{what}");
            let made = image(&bytes).unwrap_or_else(|flaw| panic!("{what} {content_type}: {flaw:?}"));
            let served = &made.original.bytes;
            assert_eq!((made.original.content_type, made.dimensions), (content_type, (20, 20)), "{what}");
            assert!(!has(served, SECRET), "{what} {content_type}");
            assert!(served.len() <= bytes.len(), "{what} {content_type}: {} became {}", bytes.len(), served.len());
            let colours = shown(served, content_type);
            let beside = if splice.left == 10 { COLOURS[1] } else { COLOURS[2] };
            let expected = &[COLOURS[0], COLOURS[1], beside][..frames];
            // Blending rounds.
            let near = colours.iter().zip(expected).all(|(one, other)| one.abs_diff(*other) <= 1);
            assert!(colours.len() == frames && near, "{what} {content_type}: {colours:?}");
            let small = image::load_from_memory(&made.thumbnail.bytes).expect("a picture").into_rgba8();
            assert_eq!((small.dimensions(), small.get_pixel(0, 0).0[0]), ((20, 20), COLOURS[0]), "{what} {content_type}");
            assert!(avatar(&bytes).is_ok(), "{what} {content_type}");
        }
    }
}

#[test]
fn one_frame_is_a_still_picture_and_bombs_are_refused() {
    let chunks = png_chunks(&apng(Splice::default()));
    let mut seen = 0;
    let one = chunks.iter().filter(|(kind, _)| {
        seen += usize::from(kind == b"fcTL");
        seen <= 1 || kind == b"IEND"
    });
    let one: Vec<u8> = one.flat_map(|(kind, data)| chunk(kind, data)).collect();
    let made = image(&[b"\x89PNG\r\n\x1a\n".to_vec(), one].concat()).expect("a picture");
    assert!(made.dimensions == (20, 20) && !has(&made.original.bytes, b"acTL"));
    // Many frames that promise a large canvas.
    let mut large = webp(Splice::default());
    large[24..30].fill(0xff);
    assert_eq!(image(&large).err(), Some(PictureError::TooManyPixels));
    let later = chunks.iter().skip_while(|(kind, _)| kind != b"IDAT").filter(|(kind, _)| kind == b"fcTL" || kind == b"fdAT");
    let many: Vec<u8> = later.flat_map(|(kind, data)| chunk(kind, data)).collect();
    let plain = apng(Splice::default());
    let end = plain.len() - 12;
    let bomb = [&plain[..end], &many.repeat(1001), &plain[end..]].concat();
    assert_eq!(image(&bomb).err(), Some(PictureError::TooComplex));
}
