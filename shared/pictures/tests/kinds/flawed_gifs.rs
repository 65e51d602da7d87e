//! GIFs that every browser shows, although they break the format's rules.

use std::borrow::Cow;

use pictures::PictureError;

use crate::{avatar, image};

/// Frames of one colour each, and the position of the last one's data.
fn gif(width: u16, height: u16, frames: &[gif::Frame<'static>]) -> Vec<u8> {
    let mut encoder =
        gif::Encoder::new(Vec::new(), width, height, &[0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255]).expect("a header");
    encoder.set_repeat(gif::Repeat::Infinite).expect("written");
    for frame in frames {
        encoder.write_frame(frame).expect("written");
    }
    encoder.into_inner().expect("ends")
}

fn frame(left: u16, top: u16, side: u16, colour: u8) -> gif::Frame<'static> {
    let pixels = (0..usize::from(side) * usize::from(side)).map(|at| if at % 7 == 3 { 0 } else { colour }).collect();
    gif::Frame { left, top, width: side, height: side, delay: 9, buffer: Cow::Owned(pixels), ..gif::Frame::default() }
}

/// Size of the screen, and the delays of the frames.
fn shown(bytes: &[u8]) -> ((u16, u16), Vec<u16>) {
    let mut options = gif::DecodeOptions::new();
    options.check_frame_consistency(true);
    let mut decoder = options.read_info(bytes).expect("a picture");
    let mut delays = Vec::new();
    while let Some(frame) = decoder.read_next_frame().expect("a frame") {
        delays.push(frame.delay);
    }
    ((decoder.width(), decoder.height()), delays)
}

#[test]
fn what_browsers_forgive_is_forgiven() {
    let three = [frame(0, 0, 40, 1), frame(4, 4, 30, 2), frame(0, 0, 40, 3)];
    let whole = gif(40, 40, &three);
    let screen = |width: u16, height: u16| {
        let mut bytes = whole.clone();
        bytes[6..8].copy_from_slice(&width.to_le_bytes());
        bytes[8..10].copy_from_slice(&height.to_le_bytes());
        bytes
    };
    let disposal = |method: u8| {
        let mut bytes = whole.clone();
        let at = bytes.windows(3).position(|part| part == b"\x21\xf9\x04").expect("a control") + 3;
        bytes[at] = bytes[at] & !0b1_1100 | method << 2;
        bytes
    };
    let delay = |frames: &[gif::Frame<'static>]| {
        let frames: Vec<_> = frames.iter().cloned().map(|frame| gif::Frame { delay: 0, ..frame }).collect();
        gif(40, 40, &frames)
    };
    let outside = |left, top| gif(40, 40, &[frame(0, 0, 40, 1), frame(left, top, 30, 2), frame(0, 0, 40, 3)]);
    for (what, bytes, size, frames) in [
        ("nothing wrong", whole.clone(), (40, 40), 3),
        ("no trailer", whole[..whole.len() - 1].to_vec(), (40, 40), 3),
        ("cut in its last frame", whole[..whole.len() - 20].to_vec(), (40, 40), 2),
        ("cut behind its first frame", gif(40, 40, &three[..1])[..].split_last().expect("bytes").1.to_vec(), (40, 40), 1),
        ("cut in its only frame", gif(40, 40, &three[..1])[..110].to_vec(), (40, 40), 1),
        ("bytes behind", [&whole[..], b"<script>"].concat(), (40, 40), 3),
        ("a screen of nothing", screen(0, 0), (40, 40), 3),
        ("a screen without height", screen(40, 0), (40, 40), 3),
        ("a screen too small", screen(10, 12), (40, 40), 3),
        ("a screen too large", screen(50, 60), (50, 60), 3),
        ("a frame partly outside", outside(30, 20), (40, 40), 3),
        ("a frame wholly outside", outside(300, 20), (40, 40), 3),
        ("a frame at the end of the range", outside(65_535, 65_535), (40, 40), 3),
        ("an unknown disposal", disposal(5), (40, 40), 3),
        ("another one", disposal(7), (40, 40), 3),
        ("no delay", delay(&three), (40, 40), 3),
    ] {
        let made = image(&bytes).unwrap_or_else(|flaw| panic!("{what}: {flaw:?}"));
        assert_eq!(made.original.content_type, "image/gif", "{what}");
        assert_eq!(made.dimensions, (size.0.into(), size.1.into()), "{what}");
        let (screen, delays) = shown(&made.original.bytes);
        assert_eq!((screen, delays.len()), (size, frames), "{what}");
        assert!(avatar(&bytes).is_ok(), "{what}");
    }
    let after = image(&outside(300, 20)).expect("a picture");
    assert_eq!(shown(&after.original.bytes).1, [9, 9, 9], "a frame that shows nothing keeps its time");
    for broken in [&whole[..9], b"GIF89a/*\0\0\0*/=alert(1);", b"GIF89a", &whole[..26]] {
        assert_eq!(image(broken).err(), Some(PictureError::NotAPicture), "{broken:?}");
        assert_eq!(avatar(broken).err(), Some(PictureError::NotAPicture), "{broken:?}");
    }
}

#[test]
fn recordings_of_screens_move_and_bombs_are_refused() {
    let record = |width: u16, height: u16, frames: u8| {
        let mut encoder = gif::Encoder::new(Vec::new(), width, height, &[0, 0, 0, 255, 255, 255]).expect("a header");
        for number in 0..frames {
            let pixels = vec![number % 2; usize::from(width) * usize::from(height)];
            let frame = gif::Frame { width, height, delay: 10, buffer: Cow::Owned(pixels), ..gif::Frame::default() };
            encoder.write_frame(&frame).expect("written");
        }
        encoder.into_inner().expect("ends")
    };
    for (width, height, frames) in [(1280, 720, 150), (1920, 1080, 60)] {
        let bytes = record(width, height, frames);
        let made = image(&bytes).expect("a picture");
        assert_eq!(shown(&made.original.bytes), ((width, height), vec![10; frames.into()]));
        assert!(made.original.bytes.len() <= bytes.len() + 1024, "{} became {}", bytes.len(), made.original.bytes.len());
    }
    let mut large = gif(4, 4, &[frame(0, 0, 4, 1), frame(0, 0, 4, 2)]);
    large[6..10].fill(0xff);
    assert_eq!(image(&large).err(), Some(PictureError::TooManyPixels));
    assert_eq!(avatar(&large).err(), Some(PictureError::TooManyPixels));
    let mut still = gif(4, 4, &[frame(0, 0, 4, 1)]);
    still[6..10].fill(0xff);
    assert_eq!(image(&still).err(), Some(PictureError::TooManyPixels));
    // A frame of nothing in front of those that make the screen.
    for size in [[0; 4], [0xff, 0xff, 0, 0], [0, 0, 0xff, 0xff]] {
        for (side, flaw) in [(3000, Some(PictureError::TooComplex)), (300, None)] {
            let mut hidden = gif(1, 1, &[frame(0, 0, 1, 1), frame(0, 0, side, 1), frame(0, 0, side, 2)]);
            let at = hidden.iter().position(|byte| *byte == b',').expect("a frame");
            hidden[at + 5..at + 9].copy_from_slice(&size);
            assert_eq!(image(&hidden).map(|made| made.dimensions).err(), flaw, "{size:?} {side}");
        }
    }
}
