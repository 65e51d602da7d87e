//! Duration and picture size of audio and video, from their headers. What the headers leave open or get wrong stays unknown.

mod audio;
mod iso;
mod matroska;
mod ogg;

use super::spans::{Parsed, Spans, Stop};

/// What a player shows before it has read anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Playback {
    /// Milliseconds.
    pub duration: Option<u32>,
    /// Pixels of a video, turned upright.
    pub dimensions: Option<(u32, u32)>,
}

impl Playback {
    fn of_audio(duration: Option<u32>) -> Self {
        Self { duration, dimensions: None }
    }
}

/// Pixels of a side that are believed.
const MAX_SIDE: u32 = 1 << 16;

/// Reads the headers of a file that is served as this type.
pub(super) fn read(content_type: &str, file: &Spans) -> Parsed<Playback> {
    match content_type {
        "video/mp4" | "video/quicktime" | "video/3gpp" | "video/3gpp2" | "audio/mp4" | "audio/3gpp" | "audio/3gpp2" => {
            iso::read(file)
        }
        "video/webm" | "video/matroska" | "audio/webm" | "audio/matroska" => matroska::read(file),
        "video/ogg" | "audio/ogg" => ogg::read(file),
        "audio/mpeg" => audio::mpeg(file),
        "audio/aac" => audio::adts(file),
        "audio/wav" => audio::wave(file),
        "audio/flac" => audio::flac(file),
        _ => Err(Stop::Malformed),
    }
}

/// Milliseconds of some units; none of none, and beyond seven weeks.
fn milliseconds(units: u64, per_second: u64) -> Option<u32> {
    let scaled = u128::from(units) * 1000;
    let duration = scaled.checked_div(u128::from(per_second))?;
    u32::try_from(duration).ok().filter(|duration| *duration > 0)
}

fn pixels(width: u32, height: u32) -> Option<(u32, u32)> {
    let is_side = |side: u32| (1..=MAX_SIDE).contains(&side);
    (is_side(width) && is_side(height)).then_some((width, height))
}

#[cfg(test)]
mod tests {
    use super::super::spans::whole;
    use super::*;

    const TYPES: [&str; 8] =
        ["video/mp4", "video/webm", "audio/ogg", "audio/mpeg", "audio/aac", "audio/wav", "audio/flac", "video/quicktime"];

    #[test]
    fn units_that_overflow_are_unknown() {
        for (units, per_second, duration) in [
            (90_000, 90_000, Some(1000)),
            (1, 1000, Some(1)),
            (0, 1000, None),
            (1, 0, None),
            (u64::MAX, 1, None),
            (u64::from(u32::MAX), 1000, Some(u32::MAX)),
        ] {
            assert_eq!(milliseconds(units, per_second), duration);
        }
    }

    #[test]
    fn no_bytes_make_a_parser_fail_or_run_on() {
        let starts: [&[u8]; 10] = [
            b"",
            b"\0\0\0\x18ftypisom\0\0\0\0isommp42\0\0\0\x08free\0\0\0\0moov",
            b"\0\0\0\x01moov\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\0\0\0\0moov\0\0\0\0trak\0\0\0\0mdia",
            b"\x1a\x45\xdf\xa3\x01\xff\xff\xff\xff\xff\xff\xff",
            b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\xff\x15\x49\xa9\x66\x88\x44\x89\x84\x7f\xc0\0\0",
            b"OggS\0\x02\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\xff",
            b"ID3\x04\0\0\x7f\x7f\x7f\x7f",
            b"RIFF\xff\xff\xff\xffWAVEfmt \xff\xff\xff\xff",
            b"fLaC\0\0\0\x22",
        ];
        let mut noise = 1_u32;
        for start in starts {
            for length in [0, 1, 30, 200, 5000] {
                let filling = (0..length).map(|_| {
                    noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    noise.to_be_bytes()[0]
                });
                let file = whole(&start.iter().copied().chain(filling).collect::<Vec<_>>());
                for name in TYPES {
                    let found = read(name, &file);
                    assert!(!matches!(found, Err(Stop::Missing(_))), "all bytes are there");
                }
            }
        }
    }
}
