//! The structure of a JPEG: its segments are walked, and those that decoding needs are copied. What is decoded and what is served are the copy, so
//! nothing hides in the rest, however large that is. Phones append videos; cameras, editors and maps write metadata.

use image::metadata::Orientation;

use crate::{PictureError, spells_markup};

/// Maximum scans of a progressive JPEG. Usual are about ten, and each costs time however few bytes it has.
const MAX_SCANS: u32 = 100;
/// Maximum samples over all scans. The largest baseline photo takes 300 million, a progressive one of 40 megapixels in ten scans 320 million.
pub(crate) const MAX_SCANNED: u64 = 480_000_000;
/// Maximum samples of a progressive JPEG: the decoder keeps two bytes for each.
pub(crate) const MAX_COEFFICIENTS: u64 = 170_000_000;
/// Bytes of a segment's length, which counts them.
const LENGTH: usize = 2;

/// A quantisation table in zigzag order, as files have it.
pub(crate) type Quantities = [u16; 64];

/// The header of the frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JpegFrame {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) progressive: bool,
    pub(crate) components: Vec<JpegComponent>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct JpegComponent {
    id: u8,
    /// Horizontal and vertical sampling factor.
    pub(crate) sampling: (u8, u8),
    pub(crate) table: usize,
}

/// A JPEG without anything that decoding does not need.
#[derive(Debug)]
pub(crate) struct CleanJpeg {
    /// Complete, but for its colour profile.
    pub(crate) bytes: Vec<u8>,
    /// Where a profile belongs.
    profile_at: usize,
    pub(crate) profile: Vec<u8>,
    pub(crate) orientation: Orientation,
    pub(crate) frame: JpegFrame,
    /// As they were at the last scan.
    pub(crate) quantities: [Option<Box<Quantities>>; 4],
    /// Whether a table spells something.
    pub(crate) spells: bool,
    scans: u32,
    /// Samples over all scans.
    scanned: u64,
}

/// What a walk has found so far.
#[derive(Default)]
struct Walk {
    bytes: Vec<u8>,
    profile_at: usize,
    profile: Vec<(u8, Vec<u8>)>,
    orientation: Option<Orientation>,
    frame: Option<JpegFrame>,
    quantities: [Option<Box<Quantities>>; 4],
    spells: bool,
    scans: u32,
    scanned: u64,
}

/// Walks the segments up to the end of the image. A JPEG that is cut is taken as far as it goes.
pub(crate) fn walked(bytes: &[u8]) -> Result<CleanJpeg, PictureError> {
    let mut walk = Walk { bytes: vec![0xff, 0xd8], profile_at: 2, ..Walk::default() };
    let mut at = 2;
    while let Some(found) = bytes.get(at..).and_then(next_marker) {
        at += found + 2;
        let marker = bytes[at - 1];
        match marker {
            0xd9 => break,
            // Markers without a length.
            0x01 | 0xd0..=0xd8 => continue,
            _ => {}
        }
        let Some(data) = segment(bytes, at) else { break };
        at += LENGTH + data.len();
        walk.segment(marker, data)?;
        if marker == 0xda {
            let end = bytes[at..].windows(2).position(ends_scan).map_or(bytes.len(), |found| at + found);
            walk.bytes.extend_from_slice(&bytes[at..end]);
            at = end;
        }
    }
    walk.bytes.extend_from_slice(&[0xff, 0xd9]);
    walk.finished()
}

impl Walk {
    fn segment(&mut self, marker: u8, data: &[u8]) -> Result<(), PictureError> {
        match marker {
            // Written by us, without its own thumbnail.
            0xe0 if data.starts_with(b"JFIF\0") && self.bytes.len() == 2 => {
                self.put(marker, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0");
                self.profile_at = self.bytes.len();
            }
            0xe1 => self.orientation = self.orientation.or_else(|| Orientation::from_exif_chunk(data.strip_prefix(b"Exif\0\0")?)),
            0xe2 if data.starts_with(b"ICC_PROFILE\0") && data.len() > 14 => self.profile.push((data[12], data[14..].to_vec())),
            // How colours are meant: version, two flags, transformation.
            0xee if data.starts_with(b"Adobe") && data.len() >= 12 => self.put(marker, &data[..12]),
            0xc0..=0xc2 => {
                if self.frame.replace(frame(marker, data)?).is_some() {
                    return Err(PictureError::NotAPicture);
                }
                self.put(marker, data);
            }
            0xdb => {
                self.spells |= spells_markup(data);
                self.quantities(data);
                self.put(marker, data);
            }
            0xc4 => {
                self.spells |= spells_markup(data);
                self.put(marker, data);
            }
            0xdd => self.put(marker, data),
            0xda => {
                self.scans += 1;
                self.scanned += self.frame.as_ref().map_or(0, |frame| frame.scanned(data));
                self.put(marker, data);
            }
            _ => {}
        }
        Ok(())
    }

    fn put(&mut self, marker: u8, data: &[u8]) {
        put(&mut self.bytes, marker, data);
    }

    fn quantities(&mut self, mut data: &[u8]) {
        while let Some((kind, rest)) = data.split_first() {
            let wide = kind >> 4 != 0;
            let Some((values, after)) = rest.split_at_checked(if wide { 128 } else { 64 }) else { return };
            let value = |at: usize| {
                if wide { u16::from_be_bytes([values[2 * at], values[2 * at + 1]]) } else { u16::from(values[at]) }
            };
            if let Some(slot) = self.quantities.get_mut(usize::from(kind & 15)) {
                *slot = Some(Box::new(std::array::from_fn(value)));
            }
            data = after;
        }
    }

    fn finished(mut self) -> Result<CleanJpeg, PictureError> {
        let frame = self.frame.filter(|_| self.scans > 0).ok_or(PictureError::NotAPicture)?;
        self.profile.sort_by_key(|(number, _)| *number);
        Ok(CleanJpeg {
            bytes: self.bytes,
            profile_at: self.profile_at,
            profile: self.profile.into_iter().flat_map(|(_, part)| part).collect(),
            orientation: self.orientation.unwrap_or(Orientation::NoTransforms),
            frame,
            quantities: self.quantities,
            spells: self.spells,
            scans: self.scans,
            scanned: self.scanned,
        })
    }
}

impl JpegFrame {
    pub(crate) fn pixels(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// Samples of one component; all of them when they are interleaved.
    fn samples(&self, component: &JpegComponent) -> u64 {
        let most = |side: fn(&JpegComponent) -> u8| self.components.iter().map(side).max().unwrap_or(1).max(1);
        let whole = u64::from(most(|one| one.sampling.0)) * u64::from(most(|one| one.sampling.1));
        self.pixels() * u64::from(component.sampling.0) * u64::from(component.sampling.1) / whole
    }

    /// Samples that a scan covers, by its header.
    fn scanned(&self, header: &[u8]) -> u64 {
        let count = header.first().copied().map_or(0, usize::from);
        let named = header.get(1..).unwrap_or_default().chunks(2).take(count).filter_map(|pair| pair.first());
        let all: u64 = self.components.iter().map(|component| self.samples(component)).sum();
        named.map(|id| self.components.iter().find(|one| one.id == *id).map_or(all, |one| self.samples(one))).sum()
    }
}

impl CleanJpeg {
    /// Checks in advance whether decoding stays within the limits: the decoder takes all bytes at once and cannot be interrupted.
    pub(crate) fn check_work(&self) -> Result<(), PictureError> {
        let frame = &self.frame;
        let samples: u64 = frame.components.iter().map(|component| frame.samples(component)).sum();
        if frame.pixels() > crate::decode::MAX_DECODED
            || frame.width.max(frame.height) > crate::decode::MAX_DECODED_SIDE
            || frame.progressive && samples > MAX_COEFFICIENTS
        {
            return Err(PictureError::TooManyPixels);
        }
        if self.scans > MAX_SCANS || self.scanned > MAX_SCANNED { Err(PictureError::TooComplex) } else { Ok(()) }
    }

    /// Returns the whole file with a colour profile, if there is one.
    pub(crate) fn with_profile(self, profile: Option<&[u8]>) -> Vec<u8> {
        let Some(profile) = profile else { return self.bytes };
        let mut segments = Vec::with_capacity(profile.len() + 64);
        // A segment holds 65,533 bytes, 14 of which name and number it.
        let parts = profile.chunks(65_519);
        let count = u8::try_from(parts.len()).unwrap_or(u8::MAX);
        for (number, part) in (1..=count).zip(parts) {
            put(&mut segments, 0xe2, &[b"ICC_PROFILE\0".as_slice(), &[number, count], part].concat());
        }
        let mut bytes = self.bytes;
        bytes.splice(self.profile_at..self.profile_at, segments);
        bytes
    }
}

fn put(bytes: &mut Vec<u8>, marker: u8, data: &[u8]) {
    // The data came from a segment, or is as short as one.
    let length = u16::try_from(data.len() + LENGTH).unwrap_or(u16::MAX).to_be_bytes();
    bytes.extend_from_slice(&[0xff, marker, length[0], length[1]]);
    bytes.extend_from_slice(data);
}

/// Returns the content of the segment whose length stands here.
fn segment(bytes: &[u8], at: usize) -> Option<&[u8]> {
    let length = bytes.get(at..at + LENGTH)?;
    let length = usize::from(length[0]) << 8 | usize::from(length[1]);
    bytes.get(at + LENGTH..at + length.max(LENGTH))
}

fn frame(marker: u8, data: &[u8]) -> Result<JpegFrame, PictureError> {
    let &[_, h0, h1, w0, w1, count, ref components @ ..] = data else { return Err(PictureError::NotAPicture) };
    let component =
        |part: &[u8; 3]| JpegComponent { id: part[0], sampling: (part[1] >> 4, part[1] & 15), table: usize::from(part[2]) };
    let components: Vec<_> = components.as_chunks::<3>().0.iter().take(usize::from(count)).map(component).collect();
    let (width, height) = (u16::from_be_bytes([w0, w1]).into(), u16::from_be_bytes([h0, h1]).into());
    if components.is_empty() || width == 0 || height == 0 {
        return Err(PictureError::NotAPicture);
    }
    Ok(JpegFrame { width, height, progressive: marker == 0xc2, components })
}

/// Finds the next marker that is neither a stuffed byte nor filling.
fn next_marker(bytes: &[u8]) -> Option<usize> {
    bytes.windows(2).position(|pair| pair[0] == 0xff && !matches!(pair[1], 0 | 0xff))
}

/// Whether a marker ends the data of a scan; stuffed bytes and restarts are part of it.
fn ends_scan(pair: &[u8]) -> bool {
    pair[0] == 0xff && !matches!(pair[1], 0 | 0xd0..=0xd7 | 0xff)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jpeg() -> Vec<u8> {
        let mut bytes = std::io::Cursor::new(Vec::new());
        image::RgbImage::new(16, 16).write_to(&mut bytes, image::ImageFormat::Jpeg).expect("encodes");
        bytes.into_inner()
    }

    fn put(bytes: &[u8], at: usize, what: &[u8]) -> Vec<u8> {
        [&bytes[..at], what, &bytes[at..]].concat()
    }

    #[test]
    fn a_picture_ends_where_it_says_so_and_segments_hide_nothing() {
        let one = jpeg();
        let clean = walked(&one).expect("a picture").bytes;
        let film = b"\xff\xda\0\x0c\x03\x01\0\x02\x11\x03\x11\0\x3f\0".repeat(5000);
        let segment = [b"\xff\xe9\xff\xff".as_slice(), &film[..65_533]].concat();
        for (what, bytes) in [
            ("itself", one.clone()),
            ("a film behind it", [&one[..], &film].concat()),
            ("a segment full of scans", put(&one, 2, &segment)),
            ("a comment", put(&one, 2, b"\xff\xfe\0\x05abc")),
            ("filling", put(&one, 2, b"\xff\xff\xff")),
            ("rubbish between segments", put(&one, 2, b"abc")),
            ("its end is missing", one[..one.len() - 2].to_vec()),
        ] {
            assert_eq!(walked(&bytes).map(|jpeg| (jpeg.bytes, jpeg.scans)), Ok((clean.clone(), 1)), "{what}");
        }
        for cut in [&one[..3], b"\xff\xd8", b"\xff\xd8\xff\xe0\xff", b"", &one[..one.len() / 3]] {
            assert_eq!(walked(cut).err(), Some(PictureError::NotAPicture));
        }
    }

    #[test]
    fn scans_count_with_the_samples_that_they_cover() {
        let part = |id, sampling| JpegComponent { id, sampling, table: 0 };
        let photo = |progressive, width, height| JpegFrame {
            width,
            height,
            progressive,
            components: vec![part(1, (2, 2)), part(2, (1, 1)), part(3, (1, 1))],
        };
        let whole = b"\x03\x01\0\x02\x11\x03\x11\0\x3f\0".as_slice();
        assert_eq!(photo(false, 100, 100).scanned(whole), 15_000);
        assert_eq!(photo(false, 100, 100).scanned(b"\x01\x02\0\0\x3f\0"), 2_500);
        for (frame, scans, flaw) in [
            (photo(false, 16_320, 12_240), 1, None),
            (photo(false, 16_320, 12_240), 2, Some(PictureError::TooComplex)),
            (photo(false, 20_000, 12_240), 1, Some(PictureError::TooManyPixels)),
            (photo(false, 40_000, 10), 1, Some(PictureError::TooManyPixels)),
            (photo(true, 8064, 6048), 6, None),
            (photo(true, 8064, 6048), 7, Some(PictureError::TooComplex)),
            (photo(true, 12_000, 9_500), 1, Some(PictureError::TooManyPixels)),
            (photo(true, 16, 16), 100, None),
            (photo(true, 16, 16), 101, Some(PictureError::TooComplex)),
        ] {
            let mut jpeg = walked(&jpeg()).expect("a picture");
            let scanned = u64::from(scans) * frame.scanned(whole);
            (jpeg.frame, jpeg.scans, jpeg.scanned) = (frame, scans, scanned);
            assert_eq!(jpeg.check_work().err(), flaw, "{:?} {scans}", jpeg.frame);
        }
    }
}
