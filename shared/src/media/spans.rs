//! Known parts of a file. Parsers ask for bytes by offset and are run again when a missing part has been read, so that they need no whole file.

use bytes::Bytes;

/// How much is read at once.
pub(super) const PAGE: u64 = 64 * 1024;
/// How many parts are read of one file.
const MAX_PARTS: usize = 12;

/// Why a parser stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The bytes from here on are not known yet.
    Missing(u64),
    /// The file is not what its beginning says.
    Malformed,
}

pub(super) type Parsed<T> = std::result::Result<T, Stop>;

#[derive(Clone, Debug)]
struct Span {
    from: u64,
    bytes: Bytes,
}

/// A file of which some parts are known.
#[derive(Clone, Debug)]
pub(super) struct Spans {
    size: u64,
    parts: Vec<Span>,
}

impl Spans {
    pub(super) fn new(size: u64, head: Bytes) -> Self {
        Self { size, parts: vec![Span { from: 0, bytes: head }] }
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Adds bytes. Returns false when the file has been read often enough.
    pub(super) fn add(&mut self, from: u64, bytes: Bytes) -> bool {
        self.parts.push(Span { from, bytes });
        !self.is_full()
    }

    /// Whether nothing more is read: what is not known yet counts as malformed.
    fn is_full(&self) -> bool {
        self.parts.len() > MAX_PARTS
    }

    /// Returns some bytes, a page at most.
    pub(super) fn read(&self, from: u64, length: u64) -> Parsed<&[u8]> {
        let end = from.checked_add(length).filter(|end| *end <= self.size && length <= PAGE).ok_or(Stop::Malformed)?;
        if length == 0 {
            return Ok(&[]);
        }
        let known = self.parts.iter().find_map(|part| {
            let [first, last] = [from, end].map(|at| at.checked_sub(part.from).and_then(|at| usize::try_from(at).ok()));
            part.bytes.get(first?..last?)
        });
        known.ok_or(if self.is_full() { Stop::Malformed } else { Stop::Missing(from) })
    }

    /// Returns all bytes from an offset to the end, two pages at most.
    pub(super) fn read_to_end(&self, from: u64) -> Parsed<Vec<u8>> {
        let middle = from.saturating_add(PAGE).min(self.size);
        let first = self.read(from, middle.saturating_sub(from))?;
        Ok([first, self.read(middle, self.size - middle)?].concat())
    }
}

pub(super) fn array<const N: usize>(file: &Spans, at: u64) -> Parsed<[u8; N]> {
    file.read(at, N as u64)?.try_into().map_err(|_| Stop::Malformed)
}

pub(super) fn u16_le(file: &Spans, at: u64) -> Parsed<u16> {
    array(file, at).map(u16::from_le_bytes)
}

pub(super) fn u32_le(file: &Spans, at: u64) -> Parsed<u32> {
    array(file, at).map(u32::from_le_bytes)
}

pub(super) fn u32_be(file: &Spans, at: u64) -> Parsed<u32> {
    array(file, at).map(u32::from_be_bytes)
}

pub(super) fn u64_be(file: &Spans, at: u64) -> Parsed<u64> {
    array(file, at).map(u64::from_be_bytes)
}

/// A file that is known as a whole.
#[cfg(test)]
pub(super) fn whole(bytes: &[u8]) -> Spans {
    Spans::new(bytes.len() as u64, Bytes::copy_from_slice(bytes))
}
