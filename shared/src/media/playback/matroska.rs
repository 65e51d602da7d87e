//! Matroska and `WebM`: the segment's information and tracks, which stand before the first cluster. Recordings of browsers have no duration.

use std::time::Duration;

use super::{Playback, pixels};
use crate::media::spans::{Parsed, Spans, Stop};

const HEADER: u32 = 0x1a45_dfa3;
const SEGMENT: u32 = 0x1853_8067;
const CLUSTER: u32 = 0x1f43_b675;
const INFO: u32 = 0x1549_a966;
const TIMESTAMP_SCALE: u32 = 0x2a_d7b1;
const DURATION: u32 = 0x4489;
const TRACKS: u32 = 0x1654_ae6b;
const TRACK: u32 = 0xae;
const VIDEO: u32 = 0xe0;
const PIXEL_WIDTH: u32 = 0xb0;
const PIXEL_HEIGHT: u32 = 0xba;

#[derive(Clone, Copy)]
struct Element {
    id: u32,
    from: u64,
    end: u64,
}

pub(super) fn read(file: &Spans) -> Parsed<Playback> {
    let header = next(file, 0, file.size())?.filter(|header| header.id == HEADER).ok_or(Stop::Malformed)?;
    let segment = next(file, header.end, file.size())?.filter(|segment| segment.id == SEGMENT).ok_or(Stop::Malformed)?;
    let (mut found, mut at) = (Playback::default(), segment.from);
    while let Some(element) = next(file, at, segment.end)? {
        match element.id {
            INFO => found.duration = duration(file, element)?,
            TRACKS => found.dimensions = video_size(file, element)?,
            CLUSTER => break,
            _ => {}
        }
        if found.duration.is_some() && found.dimensions.is_some() {
            break;
        }
        at = element.end;
    }
    Ok(found)
}

/// Returns the element at an offset; none at the end. One of unknown size reaches to the end.
fn next(file: &Spans, at: u64, end: u64) -> Parsed<Option<Element>> {
    if at.saturating_add(2) > end {
        return Ok(None);
    }
    let header = file.read(at, 12.min(end - at))?;
    let id_length = length_of(header, 0, 4)?;
    let id = header.get(..id_length).ok_or(Stop::Malformed)?.iter().fold(0, |id, byte| id << 8 | u32::from(*byte));
    let size_length = length_of(header, id_length, 8)?;
    let size = header.get(id_length..id_length + size_length).ok_or(Stop::Malformed)?;
    let size = size.iter().fold(0, |size, byte| size << 8 | u64::from(*byte));
    // The first bit that is set belongs to the length.
    let largest = (1 << (7 * size_length)) - 1;
    let from = at + (id_length + size_length) as u64;
    let last = match size & largest {
        size if size == largest => end,
        size => from.checked_add(size).filter(|last| *last <= end).ok_or(Stop::Malformed)?,
    };
    Ok(Some(Element { id, from, end: last }))
}

/// The length of a number by its first byte.
fn length_of(header: &[u8], at: usize, most: usize) -> Parsed<usize> {
    let length = header.get(at).ok_or(Stop::Malformed)?.leading_zeros() as usize + 1;
    if length <= most { Ok(length) } else { Err(Stop::Malformed) }
}

fn duration(file: &Spans, info: Element) -> Parsed<Option<u32>> {
    let (mut scale, mut length, mut at) = (1_000_000, None, info.from);
    while let Some(element) = next(file, at, info.end)? {
        match element.id {
            TIMESTAMP_SCALE => scale = whole_number(file, element)?,
            DURATION => length = Some(real_number(file, element)?),
            _ => {}
        }
        at = element.end;
    }
    let nanoseconds = length.map(|length| length * f64::from(scale));
    let time = nanoseconds.and_then(|time| Duration::try_from_secs_f64(time / 1e9).ok());
    Ok(time.and_then(|time| u32::try_from(time.as_millis()).ok()).filter(|time| *time > 0))
}

/// The size of the first track with pictures.
fn video_size(file: &Spans, tracks: Element) -> Parsed<Option<(u32, u32)>> {
    let mut at = tracks.from;
    while let Some(track) = next(file, at, tracks.end)? {
        if track.id == TRACK
            && let Some(video) = find(file, track, VIDEO)?
            && let Some(width) = find(file, video, PIXEL_WIDTH)?
            && let Some(height) = find(file, video, PIXEL_HEIGHT)?
        {
            return Ok(pixels(whole_number(file, width)?, whole_number(file, height)?));
        }
        at = track.end;
    }
    Ok(None)
}

fn find(file: &Spans, outer: Element, id: u32) -> Parsed<Option<Element>> {
    let mut at = outer.from;
    while let Some(inner) = next(file, at, outer.end)? {
        if inner.id == id {
            return Ok(Some(inner));
        }
        at = inner.end;
    }
    Ok(None)
}

fn whole_number(file: &Spans, element: Element) -> Parsed<u32> {
    let bytes = file.read(element.from, element.end - element.from)?;
    if bytes.len() > 8 {
        return Err(Stop::Malformed);
    }
    let number = bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
    u32::try_from(number).map_err(|_| Stop::Malformed)
}

fn real_number(file: &Spans, element: Element) -> Parsed<f64> {
    let bytes = file.read(element.from, element.end - element.from)?;
    match (bytes.try_into(), bytes.try_into()) {
        (Ok(short), _) => Ok(f64::from(f32::from_be_bytes(short))),
        (_, Ok(long)) => Ok(f64::from_be_bytes(long)),
        _ => Err(Stop::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::spans::whole;

    fn element(id: &[u8], content: &[u8]) -> Vec<u8> {
        let size = (u64::try_from(content.len()).expect("small") | 1 << 56).to_be_bytes();
        [id, &size, content].concat()
    }

    fn movie(length: &[u8]) -> Vec<u8> {
        let info =
            element(b"\x15\x49\xa9\x66", &[element(b"\x2a\xd7\xb1", &[0x0f, 0x42, 0x40]), element(b"\x44\x89", length)].concat());
        let sound = element(b"\xae", &element(b"\x83", &[2]));
        let size = [element(b"\xb0", &[0x05, 0]), element(b"\xba", &[0x02, 0xd0])].concat();
        let pictures = element(b"\xae", &[element(b"\x83", &[1]), element(b"\xe0", &size)].concat());
        let tracks = element(b"\x16\x54\xae\x6b", &[sound, pictures].concat());
        let header = element(b"\x1a\x45\xdf\xa3", &element(b"\x42\x82", b"webm"));
        let segment = [b"\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff".to_vec(), info, tracks].concat();
        [header, segment, b"\x1f\x43\xb6\x75\xff".to_vec(), vec![7; 50]].concat()
    }

    #[test]
    fn a_movie_says_how_long_and_how_large_it_is() {
        let expected = Playback { duration: Some(2500), dimensions: Some((1280, 720)) };
        for length in [&2500_f32.to_be_bytes()[..], &2500_f64.to_be_bytes()] {
            assert_eq!(read(&whole(&movie(length))), Ok(expected));
        }
    }

    #[test]
    fn lengths_that_cannot_be_are_not_believed() {
        for length in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e300, 1e10] {
            let found = read(&whole(&movie(&length.to_be_bytes())));
            assert_eq!(found, Ok(Playback { duration: None, dimensions: Some((1280, 720)) }), "{length}");
        }
        assert_eq!(read(&whole(&movie(&[1, 2, 3]))), Err(Stop::Malformed));
    }
}
