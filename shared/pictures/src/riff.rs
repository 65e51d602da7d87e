//! Chunks of a RIFF file, of which a WebP consists: four letters, a length, the data, and a byte of padding.

/// A chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RiffChunk<'a> {
    pub(crate) kind: [u8; 4],
    pub(crate) data: &'a [u8],
}

/// Returns the chunks that are complete.
pub(crate) fn chunks(mut rest: &[u8]) -> impl Iterator<Item = RiffChunk<'_>> {
    std::iter::from_fn(move || {
        let (head, after) = rest.split_at_checked(8)?;
        let length = usize::try_from(u32::from_le_bytes([head[4], head[5], head[6], head[7]])).ok()?;
        let data = after.get(..length)?;
        rest = after.get(length + length % 2..).unwrap_or_default();
        Some(RiffChunk { kind: [head[0], head[1], head[2], head[3]], data })
    })
}

/// The chunks of a WebP file, without what follows it.
pub(crate) fn body(bytes: &[u8]) -> Option<&[u8]> {
    let (head, after) = bytes.split_at_checked(12)?;
    let length = usize::try_from(u32::from_le_bytes([head[4], head[5], head[6], head[7]])).ok()?;
    (head.starts_with(b"RIFF") && head.ends_with(b"WEBP")).then(|| &after[..after.len().min(length.saturating_sub(4))])
}

pub(crate) fn put(bytes: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    bytes.extend_from_slice(&kind);
    bytes.extend_from_slice(&u32::try_from(data.len()).unwrap_or(u32::MAX).to_le_bytes());
    bytes.extend_from_slice(data);
    bytes.extend(std::iter::repeat_n(0, data.len() % 2));
}

/// A WebP file with these chunks.
pub(crate) fn file(chunks: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(chunks.len() + 12);
    put(&mut bytes, *b"RIFF", &[b"WEBP", chunks].concat());
    bytes
}
