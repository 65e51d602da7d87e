//! Animated PNG: the compressed frames are kept once each has been decoded, with the chunks that decoding needs, all written anew.

use std::io::Cursor;

use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use crate::decode::{picture_error, without_opaque_alpha};
use crate::motion::{Canvas, Motion, PlacedFrame, on_canvas};
use crate::profile::Profile;
use crate::{Deadline, EncodedImage, Picture, PictureError, finished, spells_markup, thumbnail};

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
/// Stored pixels of all frames, which are decoded.
const MAX_STORED: u64 = 200_000_000;
/// Chunks that say what colours mean, and their sizes.
const COLOURS: [([u8; 4], usize); 4] = [(*b"gAMA", 4), (*b"cHRM", 32), (*b"sRGB", 1), (*b"cICP", 4)];

/// The chunks of a file that matter.
#[derive(Default)]
struct ApngParts<'a> {
    header: &'a [u8],
    /// Repetitions.
    plays: [u8; 4],
    colours: Vec<([u8; 4], &'a [u8])>,
    palette: Option<Vec<u8>>,
    transparent: Option<&'a [u8]>,
    /// What viewers without animation show, unless it is the first frame.
    still: Vec<&'a [u8]>,
    frames: Vec<ApngFrame<'a>>,
}

/// A frame and its compressed pixels.
struct ApngFrame<'a> {
    /// Its control chunk without the number.
    control: &'a [u8],
    width: u32,
    height: u32,
    left: u32,
    top: u32,
    data: Vec<&'a [u8]>,
}

/// Returns none if the file is no animation of several frames.
pub(crate) fn animated(bytes: &[u8], stop: &Deadline) -> Option<Result<Picture, PictureError>> {
    let parts = parts(bytes).filter(|parts| parts.frames.len() > 1)?;
    let profile = ImageReader::with_format(Cursor::new(bytes), ImageFormat::Png).into_decoder().ok();
    let profile = profile.and_then(|mut decoder| decoder.icc_profile().ok().flatten()).as_deref().and_then(Profile::of);
    picture(&parts, profile.as_ref(), stop).transpose()
}

fn picture(parts: &ApngParts<'_>, profile: Option<&Profile>, stop: &Deadline) -> Result<Option<Picture>, PictureError> {
    let (width, height) = (uint32(parts.header, 0), uint32(parts.header, 4));
    let canvas = Canvas { width, height };
    let mut motion = Motion::new(canvas, MAX_STORED);
    let mut still = None;
    let mut proved = 0;
    if !parts.still.is_empty() {
        motion.add(width, height)?;
        parts.decoded(width, height, &parts.still)?;
    }
    for frame in &parts.frames {
        stop.check()?;
        motion.add(frame.width, frame.height)?;
        let inside = frame.left.checked_add(frame.width).is_some_and(|right| right <= width)
            && frame.top.checked_add(frame.height).is_some_and(|bottom| bottom <= height);
        let Some(pixels) = inside.then(|| parts.decoded(frame.width, frame.height, &frame.data).ok()).flatten() else { break };
        if still.is_none() {
            let placed = PlacedFrame { pixels, left: frame.left, top: frame.top };
            still = Some(thumbnail(&on_canvas(&placed, canvas)));
        }
        proved += 1;
    }
    // One frame is a still picture, whose pixels are encoded.
    let Some(still) = still.filter(|_| proved > 1) else { return Ok(None) };
    let mut still = without_opaque_alpha(still);
    if let Some(profile) = profile {
        profile.convert_to_srgb(&mut still);
    }
    let made = parts.written(proved, profile.and_then(|profile| profile.rebuilt.as_deref()));
    let original = EncodedImage { content_type: ImageFormat::Png.to_mime_type(), bytes: made.into() };
    finished(&still, original, canvas, stop).map(Some)
}

fn parts(bytes: &[u8]) -> Option<ApngParts<'_>> {
    let mut rest = bytes.strip_prefix(SIGNATURE)?;
    let mut parts = ApngParts::default();
    let (mut announced, mut pixels) = (false, false);
    while let Some((kind, data, after)) = chunk(rest) {
        rest = after;
        match &kind {
            b"IHDR" if data.len() == 13 && parts.header.is_empty() => parts.header = data,
            b"acTL" if data.len() == 8 && !pixels => {
                announced = true;
                parts.plays.copy_from_slice(&data[4..]);
            }
            b"PLTE" if data.len() <= 768 && !pixels => {
                // A table holds bytes that need not be colours: none begins markup.
                parts.palette = Some(data.iter().map(|value| if *value == b'<' { b'=' } else { *value }).collect());
            }
            b"tRNS" if data.len() <= 256 && !pixels && !spells_markup(data) => parts.transparent = Some(data),
            b"fcTL" => parts.frames.push(ApngFrame::of(data)?),
            b"IDAT" => {
                pixels = true;
                parts.frames.last_mut().map_or(&mut parts.still, |frame| &mut frame.data).push(data);
            }
            b"fdAT" => parts.frames.last_mut()?.data.push(data.get(4..)?),
            b"IEND" => break,
            _ if !pixels && COLOURS.contains(&(kind, data.len())) => parts.colours.push((kind, data)),
            _ => {}
        }
    }
    (announced && pixels && !parts.header.is_empty()).then_some(parts)
}

impl<'a> ApngFrame<'a> {
    fn of(data: &'a [u8]) -> Option<Self> {
        let control = data.get(4..26)?;
        let at = |at| uint32(control, at);
        Some(Self { control, width: at(0), height: at(4), left: at(8), top: at(12), data: Vec::new() })
    }
}

impl ApngParts<'_> {
    /// Decodes compressed pixels as a picture of their own.
    fn decoded(&self, width: u32, height: u32, data: &[&[u8]]) -> Result<DynamicImage, PictureError> {
        let mut file = SIGNATURE.to_vec();
        put(&mut file, *b"IHDR", &[&width.to_be_bytes(), &height.to_be_bytes(), &self.header[8..]]);
        self.put_tables(&mut file);
        put(&mut file, *b"IDAT", data);
        put(&mut file, *b"IEND", &[]);
        let mut reader = ImageReader::with_format(Cursor::new(file), ImageFormat::Png);
        reader.limits(Limits::default());
        let decoder = reader.into_decoder().map_err(|error| picture_error(&error))?;
        DynamicImage::from_decoder(decoder).map_err(|error| picture_error(&error))
    }

    fn put_tables(&self, file: &mut Vec<u8>) {
        if let Some(palette) = &self.palette {
            put(file, *b"PLTE", &[palette]);
        }
        if let Some(transparent) = self.transparent {
            put(file, *b"tRNS", &[transparent]);
        }
    }

    /// Writes the first frames, numbered anew.
    fn written(&self, frames: usize, profile: Option<&[u8]>) -> Vec<u8> {
        let mut file = SIGNATURE.to_vec();
        put(&mut file, *b"IHDR", &[self.header]);
        put(&mut file, *b"acTL", &[&u32::try_from(frames).unwrap_or(u32::MAX).to_be_bytes(), &self.plays]);
        match profile {
            Some(profile) => put(&mut file, *b"iCCP", &[b"icc\0\0", &zlib(profile)]),
            None => self.colours.iter().for_each(|(kind, data)| put(&mut file, *kind, &[data])),
        }
        self.put_tables(&mut file);
        let mut number = 0_u32;
        let mut numbered = || {
            number += 1;
            (number - 1).to_be_bytes()
        };
        if !self.still.is_empty() {
            put(&mut file, *b"IDAT", &self.still);
        }
        for (at, frame) in self.frames.iter().take(frames).enumerate() {
            put(&mut file, *b"fcTL", &[&numbered(), frame.control]);
            if at == 0 && self.still.is_empty() {
                put(&mut file, *b"IDAT", &frame.data);
            } else {
                let number = numbered();
                let data: Vec<&[u8]> = std::iter::once(&number[..]).chain(frame.data.iter().copied()).collect();
                put(&mut file, *b"fdAT", &data);
            }
        }
        put(&mut file, *b"IEND", &[]);
        file
    }
}

/// Returns kind and data of the chunk that stands here, and what follows it. Checksums are not compared.
fn chunk(rest: &[u8]) -> Option<([u8; 4], &[u8], &[u8])> {
    let (head, after) = rest.split_at_checked(8)?;
    let length = usize::try_from(uint32(head, 0)).ok()?;
    let data = after.get(..length)?;
    Some(([head[4], head[5], head[6], head[7]], data, after.get(length + 4..).unwrap_or_default()))
}

fn put(file: &mut Vec<u8>, kind: [u8; 4], parts: &[&[u8]]) {
    let length = parts.iter().map(|part| part.len()).sum::<usize>();
    file.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
    let from = file.len();
    file.extend_from_slice(&kind);
    for part in parts {
        file.extend_from_slice(part);
    }
    let sum = crc32(&file[from..]);
    file.extend_from_slice(&sum.to_be_bytes());
}

/// The checksum of ISO 3309, as PNG has it.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut at = 0_u32;
        while at < 256 {
            let (mut value, mut bit) = (at, 0);
            while bit < 8 {
                value = if value & 1 == 1 { 0xedb8_8320 ^ value >> 1 } else { value >> 1 };
                bit += 1;
            }
            table[at as usize] = value;
            at += 1;
        }
        table
    };
    !bytes.iter().fold(u32::MAX, |sum, byte| TABLE[usize::from(sum.to_le_bytes()[0] ^ byte)] ^ sum >> 8)
}

/// A zlib stream without compression: profiles are short.
fn zlib(data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x78, 0x01];
    let blocks = data.chunks(usize::from(u16::MAX));
    let last = blocks.len().saturating_sub(1);
    for (at, block) in blocks.enumerate() {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        bytes.push(u8::from(at == last));
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(&(!length).to_le_bytes());
        bytes.extend_from_slice(block);
    }
    let (low, high) = data.iter().fold((1_u32, 0_u32), |(low, high), byte| {
        let low = (low + u32::from(*byte)) % 65_521;
        (low, (high + low) % 65_521)
    });
    bytes.extend_from_slice(&(high << 16 | low).to_be_bytes());
    bytes
}

fn uint32(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
