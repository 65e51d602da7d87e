//! ISO base media files: MP4, M4A, `QuickTime`, 3GPP. The header may stand before or behind gigabytes of data, which are skipped.

use super::{Playback, milliseconds, pixels};
use crate::media::spans::{Parsed, Spans, Stop, array, u32_be, u64_be};

/// A box without its header.
#[derive(Clone, Copy)]
struct Boxed {
    kind: [u8; 4],
    from: u64,
    end: u64,
}

/// The header's own clock.
struct Clock {
    per_second: u64,
    duration: u64,
}

pub(super) fn read(file: &Spans) -> Parsed<Playback> {
    let everything = Boxed { kind: *b"file", from: 0, end: file.size() };
    let movie = find(file, everything, *b"moov")?.ok_or(Stop::Malformed)?;
    let mut clock = None;
    let mut found = Playback::default();
    let mut at = movie.from;
    while let Some(inner) = next(file, at, movie.end)? {
        at = inner.end;
        match &inner.kind {
            b"mvhd" => {
                let header = movie_clock(file, inner)?;
                found.duration = milliseconds(header.duration, header.per_second);
                clock = Some(header);
            }
            b"trak" if found.dimensions.is_none() => found.dimensions = video_size(file, inner)?,
            // A movie in fragments has its duration here, if anywhere.
            b"mvex" if found.duration.is_none() => {
                let fragments = find(file, inner, *b"mehd")?.map(|header| versioned(file, header, 4)).transpose()?;
                found.duration = fragments.zip(clock.as_ref()).and_then(|(units, clock)| milliseconds(units, clock.per_second));
            }
            _ => {}
        }
        if found.duration.is_some() && found.dimensions.is_some() {
            break;
        }
    }
    Ok(found)
}

/// Returns the box at an offset; none at the end.
fn next(file: &Spans, at: u64, end: u64) -> Parsed<Option<Boxed>> {
    // `QuickTime` ends lists with four zeros.
    if at.saturating_add(8) > end {
        return Ok(None);
    }
    let [a, b, c, d, kind @ ..] = array::<8>(file, at)?;
    let (header, size) = match u32::from_be_bytes([a, b, c, d]) {
        0 => (8, end - at),
        1 => (16, u64_be(file, at + 8)?),
        size => (8, u64::from(size)),
    };
    let last = at.checked_add(size).filter(|last| *last <= end && size >= header).ok_or(Stop::Malformed)?;
    Ok(Some(Boxed { kind, from: at + header, end: last }))
}

/// Returns the first box of a kind inside another.
fn find(file: &Spans, outer: Boxed, kind: [u8; 4]) -> Parsed<Option<Boxed>> {
    let mut at = outer.from;
    while let Some(inner) = next(file, at, outer.end)? {
        if inner.kind == kind {
            return Ok(Some(inner));
        }
        at = inner.end;
    }
    Ok(None)
}

fn movie_clock(file: &Spans, header: Boxed) -> Parsed<Clock> {
    let is_wide = array::<1>(file, header.from)? == [1];
    let per_second = u64::from(u32_be(file, header.from + if is_wide { 20 } else { 12 })?);
    Ok(Clock { per_second, duration: versioned(file, header, if is_wide { 24 } else { 16 })? })
}

/// A number of 64 bits in version 1 of a box, of 32 in version 0; all ones mean unknown.
fn versioned(file: &Spans, header: Boxed, offset: u64) -> Parsed<u64> {
    let at = header.from + offset;
    let (units, unknown) = if array::<1>(file, header.from)? == [1] {
        (u64_be(file, at)?, u64::MAX)
    } else {
        (u64::from(u32_be(file, at)?), u64::from(u32::MAX))
    };
    Ok(if units == unknown { 0 } else { units })
}

/// The size of a video track as it is shown.
fn video_size(file: &Spans, track: Boxed) -> Parsed<Option<(u32, u32)>> {
    let (Some(header), Some(media)) = (find(file, track, *b"tkhd")?, find(file, track, *b"mdia")?) else { return Ok(None) };
    let Some(handler) = find(file, media, *b"hdlr")? else { return Ok(None) };
    if array::<4>(file, handler.from + 8)? != *b"vide" {
        return Ok(None);
    }
    let matrix = header.from + if array::<1>(file, header.from)? == [1] { 52 } else { 40 };
    let [width, height] = [36, 40].map(|offset| u32_be(file, matrix + offset).map(|fixed| fixed >> 16));
    // A quarter turn has zeros where an upright picture has its scale.
    let is_turned = u32_be(file, matrix)? == 0 && u32_be(file, matrix + 16)? == 0 && u32_be(file, matrix + 4)? != 0;
    Ok(if is_turned { pixels(height?, width?) } else { pixels(width?, height?) })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::media::spans::whole;

    fn boxed(kind: [u8; 4], content: &[u8]) -> Vec<u8> {
        let size = u32::try_from(content.len() + 8).expect("small").to_be_bytes();
        [&size[..], &kind, content].concat()
    }

    fn movie_header(per_second: u32, duration: u32) -> Vec<u8> {
        boxed(*b"mvhd", &[&[0; 12][..], &per_second.to_be_bytes(), &duration.to_be_bytes(), &[0; 80]].concat())
    }

    fn video_track(turned: bool) -> Vec<u8> {
        let one = 0x1_0000_u32.to_be_bytes();
        let zero = [0; 4];
        let (upright, turn) = if turned { (zero, one) } else { (one, zero) };
        let matrix = [upright, turn, zero, turn, upright, zero, zero, zero, [0x40, 0, 0, 0]].concat();
        let size = [(1920_u32 << 16).to_be_bytes(), (1080_u32 << 16).to_be_bytes()].concat();
        let header = boxed(*b"tkhd", &[&[0; 40][..], &matrix, &size].concat());
        let handler = boxed(*b"hdlr", &[&[0; 8][..], b"vide", &[0; 12]].concat());
        boxed(*b"trak", &[header, boxed(*b"mdia", &handler)].concat())
    }

    fn start() -> Vec<u8> {
        boxed(*b"ftyp", b"isom\0\0\x02\0isomiso2avc1mp41")
    }

    #[test]
    fn a_movie_says_how_long_and_how_large_it_is() {
        for (turned, dimensions) in [(false, (1920, 1080)), (true, (1080, 1920))] {
            let movie = boxed(*b"moov", &[movie_header(600, 7500), video_track(turned)].concat());
            let expected = Playback { duration: Some(12_500), dimensions: Some(dimensions) };
            for file in [[start(), movie.clone()].concat(), [start(), boxed(*b"mdat", &[7; 900]), movie].concat()] {
                assert_eq!(read(&whole(&file)), Ok(expected));
            }
        }
        let sound = boxed(*b"moov", &movie_header(48_000, 480_000));
        assert_eq!(read(&whole(&[start(), sound].concat())), Ok(Playback::of_audio(Some(10_000))));
        let fragments = boxed(*b"mvex", &boxed(*b"mehd", &[&[0; 4][..], &3000_u32.to_be_bytes()].concat()));
        let movie = boxed(*b"moov", &[movie_header(1000, 0), fragments].concat());
        assert_eq!(read(&whole(&movie)), Ok(Playback::of_audio(Some(3000))));
    }

    #[test]
    fn a_header_at_the_end_is_read_without_what_is_before_it() {
        let movie = boxed(*b"moov", &[movie_header(1000, 5000), video_track(false)].concat());
        let data = 3_u64 << 30;
        let head = [start(), [&1_u32.to_be_bytes()[..], b"mdat", &data.to_be_bytes()].concat()].concat();
        let at = start().len() as u64 + data;
        let mut file = Spans::new(at + movie.len() as u64, Bytes::from(head));
        assert_eq!(read(&file), Err(Stop::Missing(at)));
        assert!(file.add(at, Bytes::from(movie)));
        assert_eq!(read(&file), Ok(Playback { duration: Some(5000), dimensions: Some((1920, 1080)) }));
    }

    #[test]
    fn numbers_that_cannot_be_are_not_believed() {
        for (per_second, duration) in [(0, 1000), (1, u32::MAX - 1), (1000, u32::MAX), (1000, 0)] {
            let movie = boxed(*b"moov", &movie_header(per_second, duration));
            assert_eq!(read(&whole(&movie)), Ok(Playback::default()), "{per_second} {duration}");
        }
        let overlong = [&u32::MAX.to_be_bytes()[..], b"moov"].concat();
        assert_eq!(read(&whole(&overlong)), Err(Stop::Malformed));
        let inside_itself = [&[0, 0, 0, 7][..], b"moov"].concat();
        assert_eq!(read(&whole(&inside_itself)), Err(Stop::Malformed));
    }
}
