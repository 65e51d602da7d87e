//! Bounds the work of decoding a JPEG in advance: the decoder takes all bytes at once and cannot be interrupted.

use super::picture::{MAX_PIXELS, PictureError};

/// Maximum scans of a progressive JPEG. Usual are about ten, and each covers the whole image however few bytes it has.
const MAX_SCANS: usize = 100;
/// Maximum pixels over all scans: the largest image in twelve scans, as cameras and optimisers write it.
const MAX_SCANNED: u64 = 12 * MAX_PIXELS;

/// Checks whether decoding this many pixels from these bytes stays within the limits.
pub(super) fn check_work(bytes: &[u8], pixels: u64) -> Result<(), PictureError> {
    // Every scan marker counts, even inside other data, so that none can be hidden.
    let scans = bytes.windows(2).filter(|pair| *pair == b"\xff\xda").count();
    if scans > MAX_SCANS || scans as u64 * pixels > MAX_SCANNED { Err(PictureError::TooComplex) } else { Ok(()) }
}

/// Returns the bytes up to the end-of-image marker, which are the only ones decoded. Phones append videos, in which arbitrary bytes look like scans.
pub(super) fn extent(bytes: &[u8]) -> &[u8] {
    let mut at = 2;
    while let Some(found) = bytes.get(at..).and_then(next_marker) {
        at += found + 2;
        match bytes[at - 1] {
            0xd9 => return &bytes[..at],
            // Markers without a length.
            0x01 | 0xd8 => {}
            _ => at += bytes.get(at..at + 2).map_or(0, |length| usize::from(length[0]) << 8 | usize::from(length[1])),
        }
    }
    bytes
}

/// Finds the next marker that is neither a stuffed byte nor part of a scan.
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
        // A segment's content counts, too, so its length hides nothing.
        let hidden = [&one[..2], b"\xff\xe5\xff\xff", &film, &one[2..]].concat();
        assert_eq!(check_work(extent(&hidden), 1), Err(PictureError::TooComplex));
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
            assert_eq!(check_work(&with(scans), pixels).is_ok(), taken, "{scans} scans of {pixels}");
        }
    }
}
