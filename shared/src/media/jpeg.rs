//! How much work a JPEG is, known before it is begun: its decoder takes all bytes at once, so nothing can end it in between.

use super::picture::{Flaw, MAX_PIXELS};

/// Scans of a progressive JPEG: it has about ten, and each runs over the whole picture, however few bytes it has.
const MAX_SCANS: usize = 100;
/// Pixels that all scans together run over: the largest picture in twelve, which is what cameras and optimisers make.
const MAX_SCANNED: u64 = 12 * MAX_PIXELS;

/// Whether so many pixels can be decoded from these bytes.
pub(super) fn bounded(bytes: &[u8], pixels: u64) -> Result<(), Flaw> {
    // Whatever looks like a scan counts as one: nobody hides any.
    let scans = bytes.windows(2).filter(|pair| *pair == b"\xff\xda").count();
    if scans > MAX_SCANS || scans as u64 * pixels > MAX_SCANNED { Err(Flaw::TooComplex) } else { Ok(()) }
}

/// The bytes of the picture itself, up to the mark of its end; only these are decoded. Phones put films behind it, in which anything may look like a
/// scan.
pub(super) fn extent(bytes: &[u8]) -> &[u8] {
    let mut at = 2;
    while let Some(found) = bytes.get(at..).and_then(next_marker) {
        at += found + 2;
        match bytes[at - 1] {
            0xd9 => return &bytes[..at],
            // These have no length.
            0x01 | 0xd8 => {}
            _ => at += bytes.get(at..at + 2).map_or(0, |length| usize::from(length[0]) << 8 | usize::from(length[1])),
        }
    }
    bytes
}

/// Where the next marker is that is neither a stuffed byte of a scan nor part of one.
fn next_marker(bytes: &[u8]) -> Option<usize> {
    bytes.windows(2).position(|pair| pair[0] == 0xff && !matches!(pair[1], 0 | 0xd0..=0xd7 | 0xff))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jpeg() -> Vec<u8> {
        let mut bytes = std::io::Cursor::new(Vec::new());
        image::RgbImage::new(16, 16).write_to(&mut bytes, image::ImageFormat::Jpeg).expect("encodes");
        bytes.into_inner()
    }

    #[test]
    fn a_picture_ends_where_it_says_so_whatever_follows() {
        let one = jpeg();
        let film = b"\xff\xda".repeat(1000);
        assert_eq!(extent(&[&one[..], &film].concat()), &one[..]);
        // A length hides nothing: what it covers is in the picture, and counted.
        let hidden = [&one[..2], b"\xff\xe5\xff\xff", &film, &one[2..]].concat();
        assert_eq!(bounded(extent(&hidden), 1), Err(Flaw::TooComplex));
        for cut in [&one[..3], &one[..one.len() - 2], b"\xff\xd8", b"\xff\xd8\xff\xe0\xff", b""] {
            assert_eq!(extent(cut), cut);
        }
    }

    #[test]
    fn scans_count_with_their_pixels() {
        let with = |scans: usize| b"\xff\xda..".repeat(scans);
        for (scans, pixels, taken) in [
            (1, MAX_PIXELS, true),
            (12, MAX_PIXELS, true),
            (13, MAX_PIXELS, false),
            (40, 12_000_000, true),
            (41, 12_000_000, false),
            (100, 4_800_000, true),
            (101, 1, false),
        ] {
            assert_eq!(bounded(&with(scans), pixels).is_ok(), taken, "{scans} scans of {pixels}");
        }
    }
}
