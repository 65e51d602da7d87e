//! Locations in pictures that are sent as files: HEIC, AVIF, TIFF and the raw formats built like it, which cannot be decoded here, and JPEG, PNG and
//! WebP. Their bytes stay as they are, except that what says where they were taken is overwritten. No length changes.

use crate::apng::crc32;
use crate::heif;

/// The largest file that is searched, in bytes.
pub const MAX_SEARCHED: u64 = 64 * 1024 * 1024;

const JPEG: &[u8] = b"\xff\xd8\xff";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
/// The chunks of a PNG that may hold a location.
const PNG_CHUNKS: [&[u8]; 3] = [b"eXIf", b"iTXt", b"tEXt"];
/// What precedes Exif, and how many bytes stand between: in a JPEG, also as the preview inside a raw file, in a PNG, and in a WebP.
const EXIF: [(&[u8], usize); 3] = [(b"Exif\0\0", 0), (b"eXIf", 0), (b"EXIF", 4)];
/// How XMP names the properties of a location.
const XMP: &[u8] = b"exif:GPS";
/// The longest value of one.
const XMP_VALUE: usize = 256;
/// The tag of a location's directory, and those of further directories.
const GPS: u16 = 0x8825;
const DIRECTORIES: [u16; 2] = [0x8769, 0x014a];
/// The last tag inside it.
const MAX_GPS_TAG: u16 = 31;
/// Maximum directories of a file, which bounds the work of a loop.
const MAX_DIRECTORIES: usize = 64;
/// Bytes of a directory's entry.
const ENTRY: usize = 12;
/// Maximum entries of a file that are looked at, which bounds the work of one that lies. Cameras write hundreds.
const MAX_ENTRIES: usize = 1 << 16;
/// The longest value of a location.
const MAX_VALUE: usize = 4096;
/// An entry that editors leave for later ones.
const PADDING: u16 = 0xea1c;

/// Whether a file that begins like this may hold a location that [`blank`] finds. The first 64 bytes are enough.
pub fn is_searched(head: &[u8]) -> bool {
    is_tiff(head) || heif::is_picture(head) || head.starts_with(JPEG) || head.starts_with(PNG) || is_webp(head)
}

fn is_webp(head: &[u8]) -> bool {
    head.starts_with(b"RIFF") && head.get(8..12).is_some_and(|kind| kind == b"WEBP")
}

/// Overwrites the location. Returns whether there was one.
pub fn blank(bytes: &mut [u8]) -> bool {
    let (mut found, mut left) = (false, MAX_ENTRIES);
    if is_tiff(bytes) {
        found |= blank_tiff(bytes, &mut left);
    } else {
        for extents in heif::exif_items(bytes) {
            // An item in several parts is put together, changed, and taken apart.
            let mut item: Vec<u8> = extents.iter().flat_map(|part| &bytes[part.clone()]).copied().collect();
            if !blank_tiff_within(&mut item, &mut left) {
                continue;
            }
            found = true;
            let mut rest = item.as_slice();
            for part in extents {
                let (own, after) = rest.split_at(part.len());
                bytes[part].copy_from_slice(own);
                rest = after;
            }
        }
    }
    for (mark, between) in EXIF {
        let mut at = 0;
        while let Some(next) = find(&bytes[at..], mark) {
            at += next + mark.len();
            if let Some(exif) = bytes.get_mut(at + between..) {
                found |= blank_tiff(exif, &mut left);
            }
        }
    }
    found |= blank_xmp(bytes);
    if found && bytes.starts_with(PNG) {
        renew_checksums(bytes);
    }
    found
}

/// Writes the checksums of a PNG's chunks that may have changed. Decoders leave out a chunk with another one.
fn renew_checksums(png: &mut [u8]) {
    let mut at = PNG.len();
    while let Some(length) = Order::Big.u32(png, at) {
        let end = (at + 8).saturating_add(length);
        let Some(chunk) = png.get(at + 4..end) else { break };
        if PNG_CHUNKS.iter().any(|kind| chunk.starts_with(kind)) {
            let sum = crc32(chunk).to_be_bytes();
            if let Some(place) = png.get_mut(end..end.saturating_add(sum.len())) {
                place.copy_from_slice(&sum);
            }
        }
        at = end.saturating_add(4);
    }
}

/// Overwrites the location in an Exif item of a HEIF file, where an offset and perhaps more precede the TIFF header.
fn blank_tiff_within(item: &mut [u8], left: &mut usize) -> bool {
    let begin = (0..item.len().min(64)).find(|at| is_tiff(&item[*at..]));
    begin.is_some_and(|at| blank_tiff(&mut item[at..], left))
}

fn is_tiff(bytes: &[u8]) -> bool {
    // The second number is that of two raw formats.
    [b"II*\0", b"MM\0*", b"IIRO", b"IIU\0"].iter().any(|magic| bytes.starts_with(*magic))
}

/// Follows the directories of a TIFF and empties those of a location.
fn blank_tiff(bytes: &mut [u8], left: &mut usize) -> bool {
    if !is_tiff(bytes) {
        return false;
    }
    let order = if bytes[0] == b'I' { Order::Little } else { Order::Big };
    let mut found = false;
    let mut seen: Vec<usize> = Vec::new();
    let mut next: Vec<usize> = order.u32(bytes, 4).into_iter().collect();
    while let Some(at) = next.pop() {
        if at == 0 || seen.contains(&at) || seen.len() >= MAX_DIRECTORIES {
            continue;
        }
        seen.push(at);
        let Some(count) = order.u16(bytes, at) else { continue };
        for number in 0..usize::from(count) {
            let entry = at + 2 + number * ENTRY;
            let Some(tag) = order.u16(bytes, entry).filter(|_| spend(left, 1)) else { break };
            if tag == GPS {
                let gps = order.u32(bytes, entry + 8).filter(|gps| spend(left, order.u16(bytes, *gps).map_or(0, usize::from)));
                found |= gps.is_some_and(|gps| empty(bytes, order, gps));
            } else if DIRECTORIES.contains(&tag) && next.len() < MAX_DIRECTORIES {
                next.extend(order.values(bytes, entry));
            }
        }
        next.extend(order.u32(bytes, at + 2 + usize::from(count) * ENTRY));
    }
    found
}

/// Takes from what is left. Returns false when that is too little.
fn spend(left: &mut usize, entries: usize) -> bool {
    let rest = left.checked_sub(entries);
    *left = rest.unwrap_or_default();
    rest.is_some()
}

/// Overwrites a directory's entries and what they point at. It stays a directory, without entries.
fn empty(bytes: &mut [u8], order: Order, at: usize) -> bool {
    let count = order.u16(bytes, at).map_or(0, usize::from);
    // What is no such directory stays as it is.
    let is_entry = |number| {
        let entry = at + 2 + number * ENTRY;
        let (tag, kind) = (order.u16(bytes, entry), order.u16(bytes, entry + 2));
        tag.is_some_and(|tag| tag <= MAX_GPS_TAG || tag == PADDING) && kind.is_some_and(|kind| (1..=13).contains(&kind))
    };
    if count == 0 || !(0..count).all(is_entry) {
        return false;
    }
    for number in 0..count {
        let entry = at + 2 + number * ENTRY;
        if let Some((value, length)) = order.value(bytes, entry)
            && let Some(part) = bytes.get_mut(value..value.saturating_add(length.min(MAX_VALUE)))
        {
            part.fill(0);
        }
    }
    let end = bytes.len().min(at + 2 + count * ENTRY);
    bytes[at..end].fill(0);
    true
}

/// Overwrites the digits of a location's properties: what follows each name, up to a quote or a tag.
fn blank_xmp(bytes: &mut [u8]) -> bool {
    let (mut at, mut found) = (0, false);
    while let Some(next) = find(&bytes[at..], XMP) {
        at += next + XMP.len();
        let value = &mut bytes[at..];
        let begin = value.iter().take(XMP_VALUE).position(|byte| matches!(byte, b'"' | b'\'' | b'>'));
        let length = value.len();
        for byte in begin.into_iter().flat_map(|begin| begin + 1..length.min(begin + XMP_VALUE)) {
            match value[byte] {
                b'"' | b'\'' | b'<' => break,
                digit if digit.is_ascii_digit() => {
                    found |= digit != b'0';
                    value[byte] = b'0';
                }
                _ => {}
            }
        }
    }
    found
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|part| part == what)
}

/// The order of bytes.
#[derive(Clone, Copy)]
enum Order {
    Little,
    Big,
}

impl Order {
    fn u16(self, bytes: &[u8], at: usize) -> Option<u16> {
        let pair = bytes.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if matches!(self, Self::Little) { u16::from_le_bytes(pair) } else { u16::from_be_bytes(pair) })
    }

    fn u32(self, bytes: &[u8], at: usize) -> Option<usize> {
        let four = bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
        usize::try_from(if matches!(self, Self::Little) { u32::from_le_bytes(four) } else { u32::from_be_bytes(four) }).ok()
    }

    /// Returns where an entry's value lies outside it, and its length. Up to four bytes lie inside.
    fn value(self, bytes: &[u8], entry: usize) -> Option<(usize, usize)> {
        let size = match self.u16(bytes, entry + 2)? {
            1 | 2 | 6 | 7 => 1,
            3 | 8 => 2,
            5 | 10 | 12 => 8,
            _ => 4,
        };
        let length = self.u32(bytes, entry + 4)?.checked_mul(size)?;
        (length > 4).then_some((self.u32(bytes, entry + 8)?, length))
    }

    /// Returns an entry's values of four bytes.
    fn values(self, bytes: &[u8], entry: usize) -> Vec<usize> {
        let (at, length) = self.value(bytes, entry).unwrap_or((entry + 8, 4));
        (0..(length / 4).min(MAX_DIRECTORIES)).filter_map(|number| self.u32(bytes, at.checked_add(number * 4)?)).collect()
    }
}

#[cfg(test)]
mod tests;
