//! Boxes of HEIF, the container of HEIC and AVIF: enough to find where Exif lies.

use std::ops::Range;

/// Brands of pictures; others are films, which have the same container.
const BRANDS: [&[u8]; 12] =
    [b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1", b"avif", b"avis"];
/// Maximum boxes, items and extents, which bounds the work of a file that lies.
const MAX_PARTS: usize = 4096;

/// Whether a file begins as a picture of this family.
pub(crate) fn is_picture(head: &[u8]) -> bool {
    let Some(first) = boxes(head, 0..head.len()).next().filter(|first| first.kind == *b"ftyp") else {
        // The list of brands may be longer than the part that is known.
        return head.get(4..8) == Some(b"ftyp") && head.get(8..12).is_some_and(|brand| BRANDS.contains(&brand));
    };
    let brands = head[first.content].chunks_exact(4).enumerate().filter(|(at, _)| *at != 1);
    brands.into_iter().any(|(_, brand)| BRANDS.contains(&brand))
}

/// Returns the extents of each Exif item, all of them inside the file.
pub(crate) fn exif_items(bytes: &[u8]) -> Vec<Vec<Range<usize>>> {
    items(bytes).unwrap_or_default()
}

fn items(bytes: &[u8]) -> Option<Vec<Vec<Range<usize>>>> {
    let meta = boxes(bytes, 0..bytes.len()).find(|one| one.kind == *b"meta")?;
    // Version and flags precede the boxes inside.
    let inside = meta.content.start + 4..meta.content.end;
    let find = |kind: &[u8; 4]| boxes(bytes, inside.clone()).find(|one| one.kind == *kind).map(|one| one.content);
    let ids = exif_ids(bytes, find(b"iinf")?)?;
    let data = find(b"idat");
    let mut locations = Reader { bytes, at: find(b"iloc")?.start };
    let version = locations.uint(1)?;
    locations.uint(3)?;
    let sizes = [locations.nibbles()?, locations.nibbles()?];
    let ((offset, length), (base, index)) = (sizes[0], sizes[1]);
    let count = locations.uint(if version < 2 { 2 } else { 4 })?;
    // Honest extents do not overlap.
    let (mut found, mut left) = (Vec::new(), bytes.len());
    for _ in 0..count.min(MAX_PARTS) {
        let id = locations.uint(if version < 2 { 2 } else { 4 })?;
        let method = if version > 0 { locations.uint(2)? & 15 } else { 0 };
        locations.uint(2)?;
        let base = locations.uint(base)?;
        let (mut extents, is_exif) = (Vec::new(), ids.contains(&id));
        for _ in 0..locations.uint(2)?.min(MAX_PARTS) {
            if version > 0 {
                locations.uint(index)?;
            }
            let start = base.checked_add(locations.uint(offset)?)?;
            let length = locations.uint(length)?;
            let from = match method {
                0 => start,
                1 => data.as_ref()?.start.checked_add(start)?,
                // Relative to another item, which Exif is not.
                _ => continue,
            };
            // No length is the rest of the file.
            let end = if length == 0 { bytes.len() } else { from.checked_add(length)?.min(bytes.len()) };
            if is_exif && from < end {
                left = left.checked_sub(end - from)?;
                extents.push(from..end);
            }
        }
        if !extents.is_empty() {
            found.push(extents);
        }
    }
    Some(found)
}

/// Returns the numbers of the items that are Exif.
fn exif_ids(bytes: &[u8], content: Range<usize>) -> Option<Vec<usize>> {
    let version = *bytes.get(content.start)?;
    let entries = content.start + 4 + if version == 0 { 2 } else { 4 };
    let ids = boxes(bytes, entries..content.end).filter(|one| one.kind == *b"infe").filter_map(|one| {
        let mut entry = Reader { bytes, at: one.content.start };
        let version = entry.uint(1)?;
        entry.uint(3)?;
        let id = entry.uint(if version < 3 { 2 } else { 4 })?;
        entry.uint(2)?;
        (bytes.get(entry.at..entry.at + 4) == Some(b"Exif")).then_some(id)
    });
    Some(ids.collect())
}

struct HeifBox {
    kind: [u8; 4],
    content: Range<usize>,
}

/// Returns the boxes of a part, as far as they are complete.
fn boxes(bytes: &[u8], part: Range<usize>) -> impl Iterator<Item = HeifBox> + '_ {
    let mut at = part.start;
    let next = move || {
        let mut reader = Reader { bytes, at };
        let length = reader.uint(4)?;
        let kind = bytes.get(at + 4..at + 8)?.try_into().ok()?;
        reader.at += 4;
        let end = match length {
            0 => part.end,
            1 => at.checked_add(reader.uint(8)?)?,
            length => at.checked_add(length)?,
        };
        let content = reader.at..end;
        if content.start > content.end || content.end > part.end {
            return None;
        }
        at = end;
        Some(HeifBox { kind, content })
    };
    std::iter::from_fn(next).take(MAX_PARTS)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    /// Reads a number of up to eight bytes.
    fn uint(&mut self, length: usize) -> Option<usize> {
        let end = self.at.checked_add(length)?;
        let value = self.bytes.get(self.at..end)?.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
        self.at = end;
        usize::try_from(value).ok()
    }

    /// Reads two numbers of four bits.
    fn nibbles(&mut self) -> Option<(usize, usize)> {
        let both = self.uint(1)?;
        Some((both >> 4, both & 15))
    }
}
