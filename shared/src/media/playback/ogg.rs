//! Ogg: the first pages say what the streams are, the last page of a stream where it ends.

use super::{Playback, milliseconds, pixels};
use crate::media::spans::{PAGE, Parsed, Spans, Stop, array, u32_le};

/// Streams of a file.
const MAX_STREAMS: usize = 8;
const HEADER: u64 = 27;

/// An audio stream.
#[derive(Clone, Copy)]
struct Stream {
    serial: u32,
    per_second: u32,
    /// Samples that are not played.
    skipped: u64,
}

pub(super) fn read(file: &Spans) -> Parsed<Playback> {
    let (mut found, mut audio, mut at) = (Playback::default(), None, 0_u64);
    for _ in 0..MAX_STREAMS {
        if at.saturating_add(HEADER) > file.size() || file.read(at, 4)? != b"OggS" || array::<1>(file, at + 5)?[0] & 2 == 0 {
            break;
        }
        let lengths = file.read(at + HEADER, u64::from(array::<1>(file, at + 26)?[0]))?;
        let from = at + HEADER + lengths.len() as u64;
        let size = lengths.iter().map(|length| u64::from(*length)).sum();
        let packet = file.read(from, size)?;
        if packet.starts_with(b"\x80theora") {
            found.dimensions = theora_size(packet);
        } else if audio.is_none() {
            audio = audio_stream(packet, u32_le(file, at + 14)?);
        }
        at = from + size;
    }
    found.duration = audio.map(|stream| duration(file, stream)).transpose()?.flatten();
    Ok(found)
}

fn audio_stream(packet: &[u8], serial: u32) -> Option<Stream> {
    let le = |at: usize| Some(u32::from_le_bytes(packet.get(at..at + 4)?.try_into().ok()?));
    let (per_second, skipped) = if packet.starts_with(b"OpusHead") {
        (48_000, u64::from(u16::from_le_bytes(packet.get(10..12)?.try_into().ok()?)))
    } else if packet.starts_with(b"\x01vorbis") {
        (le(12)?, 0)
    } else if packet.starts_with(b"Speex   ") {
        (le(36)?, 0)
    } else if packet.starts_with(b"\x7fFLAC") {
        // Twenty bits of the stream's information.
        (u32::from_be_bytes(packet.get(27..31)?.try_into().ok()?) >> 12, 0)
    } else {
        return None;
    };
    Some(Stream { serial, per_second, skipped })
}

fn theora_size(packet: &[u8]) -> Option<(u32, u32)> {
    let [width, height] = [14, 17].map(|at| {
        let bytes: [u8; 3] = packet.get(at..at + 3)?.try_into().ok()?;
        Some(u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]]))
    });
    pixels(width?, height?)
}

/// The position of the stream's last page, which is among the last bytes.
fn duration(file: &Spans, stream: Stream) -> Parsed<Option<u32>> {
    let from = file.size().saturating_sub(PAGE);
    let tail = file.read(from, file.size() - from)?;
    let ends = tail.windows(18).rev().filter(|page| page.starts_with(b"OggS")).filter_map(|page| {
        let position = u64::from_le_bytes(page.get(6..14)?.try_into().ok()?);
        let serial = u32::from_le_bytes(page.get(14..18)?.try_into().ok()?);
        (serial == stream.serial && position != u64::MAX).then_some(position)
    });
    let end = ends.take(1).last().ok_or(Stop::Malformed)?;
    Ok(milliseconds(end.saturating_sub(stream.skipped), u64::from(stream.per_second)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::spans::whole;

    fn page(first: bool, position: u64, packet: &[u8]) -> Vec<u8> {
        let kind = [0, if first { 2 } else { 0 }];
        let length = [1, u8::try_from(packet.len()).expect("short")];
        [&b"OggS"[..], &kind, &position.to_le_bytes(), &7_u32.to_le_bytes(), &[0; 8], &length, packet].concat()
    }

    #[test]
    fn a_recording_is_as_long_as_its_last_page_says() {
        let opus = [&b"OpusHead\x01\x02"[..], &312_u16.to_le_bytes(), &44_100_u32.to_le_bytes(), &[0; 3]].concat();
        let vorbis = [&b"\x01vorbis\0\0\0\0\x02"[..], &44_100_u32.to_le_bytes(), &[0; 14]].concat();
        for (head, end) in [(&opus, 48_000 * 3 + 312), (&vorbis, 44_100 * 3)] {
            let pages =
                [page(true, 0, head), page(false, 1000, b"first"), page(false, end, b"last"), page(false, u64::MAX, b"x")];
            assert_eq!(read(&whole(&pages.concat())), Ok(Playback::of_audio(Some(3000))));
        }
        let theora = [&b"\x80theora\x03\x02\x01\0\x28\0\x1e"[..], &[0, 2, 0x80, 0, 1, 0xe0], &[0; 20]].concat();
        let found = read(&whole(&page(true, 0, &theora)));
        assert_eq!(found, Ok(Playback { duration: None, dimensions: Some((640, 480)) }));
    }
}
