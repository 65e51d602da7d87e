//! Locations in pictures that are sent as files: HEIC, AVIF, TIFF and the raw formats built like it. They cannot be decoded here, so their bytes stay
//! as they are, except that what says where they were taken is overwritten. No length changes.

use crate::heif;

/// The largest file that is searched, in bytes.
pub const MAX_SEARCHED: u64 = 64 * 1024 * 1024;

/// What precedes Exif in a JPEG, such as the preview inside a raw file.
const EXIF: &[u8] = b"Exif\0\0";
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

/// Whether a file that begins like this may hold a location that [`blank`] finds. The first 64 bytes are enough.
pub fn is_searched(head: &[u8]) -> bool {
    is_tiff(head) || heif::is_picture(head)
}

/// Overwrites the location. Returns whether there was one.
pub fn blank(bytes: &mut [u8]) -> bool {
    let mut found = false;
    if is_tiff(bytes) {
        found |= blank_tiff(bytes);
    } else {
        for extents in heif::exif_items(bytes) {
            // An item in several parts is put together, changed, and taken apart.
            let mut item: Vec<u8> = extents.iter().flat_map(|part| &bytes[part.clone()]).copied().collect();
            if !blank_tiff_within(&mut item) {
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
    let mut at = 0;
    while let Some(next) = find(&bytes[at..], EXIF) {
        at += next + EXIF.len();
        found |= blank_tiff(&mut bytes[at..]);
    }
    found | blank_xmp(bytes)
}

/// Overwrites the location in an Exif item of a HEIF file, where an offset and perhaps more precede the TIFF header.
fn blank_tiff_within(item: &mut [u8]) -> bool {
    let begin = (0..item.len().min(64)).find(|at| is_tiff(&item[*at..]));
    begin.is_some_and(|at| blank_tiff(&mut item[at..]))
}

fn is_tiff(bytes: &[u8]) -> bool {
    // The second number is that of two raw formats.
    [b"II*\0", b"MM\0*", b"IIRO", b"IIU\0"].iter().any(|magic| bytes.starts_with(*magic))
}

/// Follows the directories of a TIFF and empties those of a location.
fn blank_tiff(bytes: &mut [u8]) -> bool {
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
            let Some(tag) = order.u16(bytes, entry) else { break };
            if tag == GPS {
                found |= order.u32(bytes, entry + 8).is_some_and(|gps| empty(bytes, order, gps));
            } else if DIRECTORIES.contains(&tag) {
                next.extend(order.values(bytes, entry));
            }
        }
        next.extend(order.u32(bytes, at + 2 + usize::from(count) * ENTRY));
    }
    found
}

/// Overwrites a directory's entries and what they point at. It stays a directory, without entries.
fn empty(bytes: &mut [u8], order: Order, at: usize) -> bool {
    let count = order.u16(bytes, at).map_or(0, usize::from);
    // What is no such directory stays as it is.
    let is_entry = |number| {
        let entry = at + 2 + number * ENTRY;
        let (tag, kind) = (order.u16(bytes, entry), order.u16(bytes, entry + 2));
        tag.is_some_and(|tag| tag <= MAX_GPS_TAG) && kind.is_some_and(|kind| (1..=13).contains(&kind))
    };
    if count == 0 || !(0..count).all(is_entry) {
        return false;
    }
    for number in 0..count {
        let entry = at + 2 + number * ENTRY;
        if let Some((value, length)) = order.value(bytes, entry)
            && let Some(part) = bytes.get_mut(value..value.saturating_add(length))
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
