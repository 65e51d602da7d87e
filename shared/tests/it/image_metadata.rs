//! Metadata is removed from images. Every place of every supported format besides pixels is filled with a text, which must not appear in what is
//! served. A colour profile that stays is written anew.

use std::io::{Cursor, Write};
use std::time::{Duration, Instant};

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use shared::media::picture::{self, Picture};
use shared::media::{Deadline, names};

/// Parts of it are found, too.
const CANARY: &[u8] = b"CANARY<script>alert(document.domain)</script>";
/// Most consecutive bytes that may match by chance, or as a colour of three values.
const BY_CHANCE: usize = 5;

fn plain() -> DynamicImage {
    DynamicImage::ImageRgb8(RgbImage::from_fn(24, 16, |x, y| {
        Rgb([u8::try_from(x * 9).unwrap_or(u8::MAX), u8::try_from(y * 14).unwrap_or(u8::MAX), 77])
    }))
}

fn encoded(format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    plain().write_to(&mut bytes, format).expect("encodes");
    bytes.into_inner()
}

fn put(bytes: &[u8], at: usize, what: &[u8]) -> Vec<u8> {
    [&bytes[..at], what, &bytes[at..]].concat()
}

/// A JPEG segment.
fn segment(marker: u8, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len() + 2).expect("short").to_be_bytes();
    [&[0xff, marker][..], &length, data].concat()
}

fn jpegs() -> Vec<(&'static str, Vec<u8>)> {
    let plain = encoded(ImageFormat::Jpeg);
    let with = |segment: Vec<u8>| put(&plain, 2, &segment);
    let exif = [b"Exif\0\0II*\0\x08\0\0\0\x01\0\x0e\x01\x02\0\x2d\0\0\0\x1a\0\0\0\0\0\0\0".as_slice(), CANARY].concat();
    let icc = [b"ICC_PROFILE\0\x01\x01".as_slice(), &profile()].concat();
    let table = plain.windows(4).position(|part| part == [0xff, 0xdb, 0, 0x43]).expect("a table of quantities") + 5;
    let mut quantities = plain.clone();
    quantities[table..table + CANARY.len()].copy_from_slice(CANARY);
    vec![
        ("jpeg: comment", with(segment(0xfe, CANARY))),
        ("jpeg: JFXX", with(segment(0xe0, &[b"JFXX\0\x10", CANARY].concat()))),
        ("jpeg: Exif", with(segment(0xe1, &exif))),
        ("jpeg: XMP", with(segment(0xe1, &[b"http://ns.adobe.com/xap/1.0/\0", CANARY].concat()))),
        ("jpeg: profile", with(segment(0xe2, &icc))),
        ("jpeg: MPF", with(segment(0xe2, &[b"MPF\0", CANARY].concat()))),
        ("jpeg: IPTC", with(segment(0xed, &[b"Photoshop 3.0\x008BIM\x04\x04", CANARY].concat()))),
        ("jpeg: APP11", with(segment(0xeb, CANARY))),
        ("jpeg: quantities", quantities),
        ("jpeg: before its end", put(&plain, plain.len() - 2, &segment(0xfe, CANARY))),
        ("jpeg: behind", [&plain[..], CANARY].concat()),
    ]
}

/// A display's colour profile with the text after its tables.
fn profile() -> Vec<u8> {
    let mut profile = moxcms::ColorProfile::new_display_p3().encode().expect("a profile");
    profile.extend_from_slice(CANARY);
    let size = u32::try_from(profile.len()).expect("short").to_be_bytes();
    profile[..4].copy_from_slice(&size);
    assert!(moxcms::ColorProfile::new_from_slice(&profile).is_ok(), "it can be read");
    profile
}

fn chunk(kind: &[u8], data: &[u8]) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(kind);
    crc.update(data);
    let length = u32::try_from(data.len()).expect("short").to_be_bytes();
    [&length[..], kind, data, &crc.sum().to_be_bytes()].concat()
}

fn deflated(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::none());
    encoder.write_all(data).expect("memory");
    encoder.finish().expect("memory")
}

fn pngs() -> Vec<(&'static str, Vec<u8>)> {
    let plain = encoded(ImageFormat::Png);
    // After the header of 25 bytes, and before the end.
    let (early, late) = (8 + 25, plain.len() - 12);
    let with = |kind: &[u8], data: &[u8]| put(&plain, early, &chunk(kind, data));
    let header = |colours: u8| chunk(b"IHDR", &[0, 0, 0, 16, 0, 0, 0, 1, 8, colours, 0, 0, 0]);
    let row: Vec<u8> = (0..=16).map(|at: u8| at.saturating_sub(1)).collect();
    let palette = [
        &plain[..8],
        &header(3),
        &chunk(b"PLTE", &[CANARY, b"   "].concat()),
        &chunk(b"tRNS", &CANARY[..16]),
        &chunk(b"IDAT", &deflated(&row)),
        &chunk(b"IEND", b""),
    ]
    .concat();
    vec![
        ("png: tEXt", with(b"tEXt", &[b"Comment\0", CANARY].concat())),
        ("png: zTXt", with(b"zTXt", &[b"Comment\0\0".as_slice(), &deflated(CANARY)].concat())),
        ("png: iTXt", with(b"iTXt", &[b"Comment\0\0\0\0\0", CANARY].concat())),
        ("png: eXIf", with(b"eXIf", &[b"II*\0\x08\0\0\0\0\0\0\0\0\0", CANARY].concat())),
        ("png: iCCP", with(b"iCCP", &[b"x\0\0".as_slice(), &deflated(&profile())].concat())),
        ("png: sPLT", with(b"sPLT", &[b"x\0\x08", CANARY].concat())),
        ("png: caBX", with(b"caBX", CANARY)),
        ("png: palette and its transparency", palette),
        ("png: fdAT", put(&plain, late, &chunk(b"fdAT", &[b"\0\0\0\x01", CANARY].concat()))),
        ("png: before its end", put(&plain, late, &chunk(b"tEXt", &[b"Comment\0", CANARY].concat()))),
        ("png: in its end", [&plain[..late], &chunk(b"IEND", CANARY)].concat()),
        ("png: behind", [&plain[..], CANARY].concat()),
    ]
}

fn webps() -> Vec<(&'static str, Vec<u8>)> {
    let plain = encoded(ImageFormat::WebP);
    // The image's own chunk in a file of several.
    let file = |flags: u8, chunks: &[(&[u8; 4], &[u8])]| {
        let mut body = b"WEBP".to_vec();
        let mut add = |kind: &[u8; 4], data: &[u8]| {
            body.extend_from_slice(kind);
            body.extend_from_slice(&u32::try_from(data.len()).expect("short").to_le_bytes());
            body.extend_from_slice(data);
            body.extend(std::iter::repeat_n(0, data.len() % 2));
        };
        add(b"VP8X", &[flags, 0, 0, 0, 23, 0, 0, 15, 0, 0]);
        let (before, after): (Vec<_>, Vec<_>) = chunks.iter().partition(|(kind, _)| *kind == b"ICCP");
        for (kind, data) in before {
            add(kind, data);
        }
        let size = u32::from_le_bytes([plain[16], plain[17], plain[18], plain[19]]) as usize;
        add(b"VP8L", &plain[20..20 + size]);
        for (kind, data) in after {
            add(kind, data);
        }
        [b"RIFF", &u32::try_from(body.len()).expect("short").to_le_bytes()[..], &body].concat()
    };
    let icc = profile();
    vec![
        ("webp: EXIF", file(8, &[(b"EXIF", CANARY)])),
        ("webp: XMP", file(4, &[(b"XMP ", CANARY)])),
        ("webp: ICCP", file(32, &[(b"ICCP", &icc)])),
        ("webp: an unknown chunk", file(0, &[(b"CNRY", CANARY)])),
        ("webp: behind", [&plain[..], CANARY].concat()),
    ]
}

/// A GIF with these colour tables, and as many frames as wanted.
fn gif(global: &[u8], local: Option<&[u8]>, transparent: Option<u8>) -> Vec<u8> {
    let mut encoder = gif::Encoder::new(Vec::new(), 16, 16, global).expect("a header");
    encoder.set_repeat(gif::Repeat::Infinite).expect("written");
    let colours = local.unwrap_or(global).len() / 3;
    for number in 0..3 {
        let pixels: Vec<u8> = (0..256).map(|at| u8::try_from((at + number) % colours).unwrap_or_default()).collect();
        let mut frame = gif::Frame::from_indexed_pixels(16, 16, pixels, transparent);
        frame.palette = local.map(<[u8]>::to_vec);
        encoder.write_frame(&frame).expect("written");
        encoder.write_raw_extension(gif::AnyExtension(0xfe), &[CANARY]).expect("a comment");
        encoder.write_raw_extension(gif::AnyExtension(0xff), &[b"CANARYAPP.0", CANARY]).expect("an application's");
        encoder.write_raw_extension(gif::AnyExtension(0x01), &[&[0; 12], CANARY]).expect("a text to be drawn");
    }
    encoder.into_inner().expect("ends")
}

fn gifs() -> Vec<(&'static str, Vec<u8>)> {
    let whole = CANARY.repeat(18)[..768].to_vec();
    let mut rng = fastrand::Rng::with_seed(5);
    // 256 distinct colours, three of which spell the beginning of the text.
    let mut full: Vec<u8> = (0..768).map(|_| rng.u8(32..127)).collect();
    full[300..345].copy_from_slice(CANARY);
    vec![
        ("gif: its table", gif(&CANARY[..45], None, None)),
        ("gif: a table full of it", gif(&whole, None, Some(3))),
        ("gif: a frame's table", gif(&[0; 6], Some(&whole), None)),
        ("gif: a table of many colours", gif(&full, None, Some(9))),
        ("gif: a frame's table of many colours", gif(&[], Some(&full), None)),
        ("gif: behind", [&gif(&[1, 2, 3, 4, 5, 6], None, None)[..], CANARY].concat()),
    ]
}

/// Returns the longest part of the text that occurs.
fn longest(bytes: &[u8]) -> usize {
    let stands = |part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
    (1..=CANARY.len()).take_while(|length| CANARY.windows(*length).any(stands)).last().unwrap_or_default()
}

#[test]
fn nothing_but_pixels_survives_in_any_place_of_any_picture() {
    let all = [jpegs(), pngs(), webps(), gifs()];
    let stop = Deadline::at(Instant::now() + Duration::from_mins(5));
    let mut seen = 0;
    for cases in all {
        for (place, bytes) in cases {
            assert!(longest(&bytes) > BY_CHANCE || place.contains("zTXt"), "{place}: the text is in it");
            for make in [picture::image, picture::avatar] {
                let Picture { original: whole, thumbnail: small, placeholder, .. } =
                    make(&bytes, &stop).unwrap_or_else(|flaw| panic!("{place}: {flaw:?}"));
                for made in [&whole, &small] {
                    image::load_from_memory(&made.bytes).expect("a picture");
                    assert!(longest(&made.bytes) <= BY_CHANCE, "{place}: {:?}", String::from_utf8_lossy(&made.bytes));
                    assert!(!has(&made.bytes, b"Exif\0\0"));
                }
                assert!(placeholder.is_none_or(|hash| hash.len() < 40 && hash.is_ascii() && !hash.contains(['<', '"', '\''])));
                seen += 1;
            }
        }
    }
    assert_eq!(seen, 2 * 34);
}

fn has(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[test]
fn colours_of_an_animation_are_those_that_came() {
    let mut rng = fastrand::Rng::with_seed(8);
    for colours in [3, 100, 127, 128, 256] {
        let table: Vec<u8> = (0..colours * 3).map(|_| rng.u8(..)).collect();
        for transparent in [None, Some(2)] {
            for bytes in [gif(&table, None, transparent), gif(&[9; 6], Some(&table), transparent)] {
                let stop = Deadline::at(Instant::now() + Duration::from_mins(5));
                let made = picture::image(&bytes, &stop).expect("a picture").original.bytes;
                let (before, after) = (frames(&bytes), frames(&made));
                assert_eq!(before.len(), after.len());
                let off =
                    before.iter().flatten().zip(after.iter().flatten()).map(|(before, after)| before.abs_diff(*after)).max();
                let most = u8::from(colours > 126) + u8::from(table.contains(&b'<'));
                assert!(off <= Some(most), "{colours}: {off:?}");
            }
        }
    }
}

/// Returns the pixels of all frames as displayed.
fn frames(bytes: &[u8]) -> Vec<Vec<u8>> {
    use image::AnimationDecoder;
    let decoder = image::codecs::gif::GifDecoder::new(Cursor::new(bytes)).expect("a picture");
    decoder.into_frames().map(|frame| frame.expect("a frame").into_buffer().into_raw()).collect()
}

#[test]
fn a_name_cannot_end_its_header_or_say_what_it_is() {
    for name in ["a\"; filename=evil.html", "a\r\nSet-Cookie: x=1", "<script>.gif", "a\0b.png", "\u{202e}gpj.exe", "a;b,c=d"] {
        for inline in [true, false] {
            let header = names::disposition(inline, &names::sanitized(name));
            assert!(header.bytes().all(|byte| (32..127).contains(&byte)) && !header.contains('<'), "{header}");
            let (how, rest) = header.split_once("; filename=\"").expect("a name");
            let (plain, rest) = rest.split_once('"').expect("it ends");
            assert!(["inline", "attachment"].contains(&how) && !plain.contains([';', '=', ',', '\\']), "{header}");
            assert!(rest.starts_with("; filename*=UTF-8''") && !rest[2..].contains([';', ' ', '"', ',']), "{header}");
        }
    }
}
