//! Audio without a container of its own: MPEG layers, ADTS, WAVE, FLAC.

use super::{Playback, milliseconds};
use crate::media::sniff;
use crate::media::spans::{PAGE, Parsed, Spans, Stop, array, u32_be, u32_le, u64_be};

/// How far after a tag the first frame is searched: encoders fill up with zeros.
const MAX_GAP: u64 = 4096;
/// Chunks of a WAVE file.
const MAX_CHUNKS: usize = 64;

/// Where audio begins after an ID3 tag.
fn after_tag(file: &Spans) -> Parsed<u64> {
    if file.size() < 10 || file.read(0, 3)? != b"ID3" {
        return Ok(0);
    }
    let size = array::<4>(file, 6)?.iter().fold(0, |size, byte| size << 7 | u64::from(byte & 0x7f));
    Ok(10 + size)
}

/// Kilobits per second: MPEG 1 layers 1 to 3, then MPEG 2 layer 1, and layers 2 and 3.
const RATES: [[u16; 15]; 5] = [
    [0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
    [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
    [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
    [0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
    [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
];

/// The header of an MPEG frame.
struct MpegFrame {
    is_first_version: bool,
    layer: usize,
    kilobits: u64,
    per_second: u64,
    is_mono: bool,
}

impl MpegFrame {
    fn of(header: [u8; 4]) -> Option<Self> {
        if !sniff::is_mpeg_audio(&header) {
            return None;
        }
        let [_, kind, rates, mode] = header;
        let (version, layer) = ((kind >> 3) & 3, usize::from(4 - ((kind >> 1) & 3)));
        let is_first_version = version == 3;
        let row = if is_first_version { layer - 1 } else { 2 + layer.min(2) };
        let kilobits = u64::from(*RATES.get(row)?.get(usize::from(rates >> 4))?);
        let base = [44_100, 48_000, 32_000].get(usize::from((rates >> 2) & 3)).copied()?;
        let per_second = match version {
            3 => base,
            2 => base / 2,
            _ => base / 4,
        };
        Some(Self { is_first_version, layer, kilobits, per_second, is_mono: mode >> 6 == 3 })
    }

    fn samples(&self) -> u64 {
        match (self.layer, self.is_first_version) {
            (1, _) => 384,
            (3, false) => 576,
            _ => 1152,
        }
    }

    /// Where a frame without sound counts the others.
    fn counter(&self) -> u64 {
        match (self.is_first_version, self.is_mono) {
            (true, false) => 36,
            (true, true) | (false, false) => 21,
            (false, true) => 13,
        }
    }
}

pub(super) fn mpeg(file: &Spans) -> Parsed<Playback> {
    let from = after_tag(file)?;
    let near = file.read(from, MAX_GAP.min(file.size().saturating_sub(from)))?;
    let first = near.windows(4).enumerate().find_map(|(at, header)| Some((at, MpegFrame::of(header.try_into().ok()?)?)));
    let (gap, frame) = first.ok_or(Stop::Malformed)?;
    let at = from + gap as u64;
    let frames = match counted_frames(file, at, &frame) {
        Err(Stop::Malformed) => None,
        counted => counted?,
    };
    Ok(Playback::of_audio(match frames {
        Some(frames) => milliseconds(u64::from(frames) * frame.samples(), frame.per_second),
        // All frames are as large as the first.
        None => milliseconds((file.size() - at) * 8, frame.kilobits * 1000),
    }))
}

/// The number of frames that an encoder of variable rate has written into the first one.
fn counted_frames(file: &Spans, at: u64, frame: &MpegFrame) -> Parsed<Option<u32>> {
    let counter = at + frame.counter();
    let mark = array::<4>(file, counter)?;
    if (mark == *b"Xing" || mark == *b"Info") && u32_be(file, counter + 4)? & 1 == 1 {
        return u32_be(file, counter + 8).map(Some);
    }
    if array::<4>(file, at + 36)? == *b"VBRI" { u32_be(file, at + 50).map(Some) } else { Ok(None) }
}

/// ADTS has no header: the frames of the first page stand for all.
pub(super) fn adts(file: &Spans) -> Parsed<Playback> {
    const RATES: [u64; 13] = [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8000, 7350];
    let from = after_tag(file)?;
    let page = file.read(from, PAGE.min(file.size().saturating_sub(from)))?;
    let (mut at, mut frames, mut per_second) = (0, 0_u64, 0);
    while let Some(&[0xff, kind, rate, high, middle, low]) = page.get(at..at + 6).and_then(|header| header.first_chunk()) {
        let length = usize::from(high & 3) << 11 | usize::from(middle) << 3 | usize::from(low >> 5);
        if kind & 0xf6 != 0xf0 || length < 7 || page.len() < at + length {
            break;
        }
        per_second = RATES.get(usize::from((rate >> 2) & 0xf)).copied().ok_or(Stop::Malformed)?;
        (at, frames) = (at + length, frames + 1);
    }
    let bytes = u128::from(file.size() - from);
    let samples = (bytes * u128::from(frames) * 1024).checked_div(at as u128).ok_or(Stop::Malformed)?;
    Ok(Playback::of_audio(u64::try_from(samples).ok().and_then(|samples| milliseconds(samples, per_second))))
}

pub(super) fn wave(file: &Spans) -> Parsed<Playback> {
    let (mut at, mut per_second) = (12, 0);
    for _ in 0..MAX_CHUNKS {
        let kind = array::<4>(file, at)?;
        let size = u64::from(u32_le(file, at + 4)?);
        match &kind {
            b"fmt " => per_second = u64::from(u32_le(file, at + 16)?),
            // Recorders that were stopped have not filled in the size.
            b"data" => return Ok(Playback::of_audio(milliseconds(size.min(file.size() - at - 8), per_second))),
            _ => {}
        }
        at += 8 + size + size % 2;
    }
    Err(Stop::Malformed)
}

pub(super) fn flac(file: &Spans) -> Parsed<Playback> {
    let from = after_tag(file)?;
    if file.read(from, 4)? != b"fLaC" || array::<1>(file, from + 4)?[0] & 0x7f != 0 {
        return Err(Stop::Malformed);
    }
    // Twenty bits of rate, eight of channels and depth, 36 of samples.
    let fields = u64_be(file, from + 18)?;
    Ok(Playback::of_audio(milliseconds(fields & 0xf_ffff_ffff, fields >> 44)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::spans::whole;

    fn seconds(found: Parsed<Playback>) -> Option<u32> {
        found.ok().and_then(|found| found.duration).map(|duration| (duration + 500) / 1000)
    }

    #[test]
    fn mpeg_audio_of_constant_rate_is_as_long_as_its_bytes() {
        // 128 kilobits.
        let bytes = [&b"\xff\xfb\x90\x64"[..], &vec![0; 160_000]].concat();
        assert_eq!(seconds(mpeg(&whole(&bytes))), Some(10));
        let tagged = [&b"ID3\x04\0\0\0\0\x02\0"[..], &[0; 256], &bytes].concat();
        assert_eq!(seconds(mpeg(&whole(&tagged))), Some(10));
        assert_eq!(mpeg(&whole(b"ID3\x04\0\0\x7f\x7f\x7f\x7f")), Err(Stop::Malformed));
    }

    #[test]
    fn mpeg_audio_of_variable_rate_counts_its_frames() {
        let frames = [1_u32.to_be_bytes(), 2297_u32.to_be_bytes()].concat();
        let xing = [&b"\xff\xfb\x90\x64"[..], &[0; 32], b"Xing", &frames, &[0; 900]].concat();
        assert_eq!(seconds(mpeg(&whole(&xing))), Some(60));
        let vbri = [&b"\xff\xfb\x90\x64"[..], &[0; 32], b"VBRI", &[0; 10], &2297_u32.to_be_bytes(), &[0; 900]].concat();
        assert_eq!(seconds(mpeg(&whole(&vbri))), Some(60));
    }

    #[test]
    fn waves_and_lossless_audio_say_how_much_they_have() {
        let header = [
            &b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0"[..],
            &8000_u32.to_le_bytes(),
            &16_000_u32.to_le_bytes(),
            &[2, 0, 16, 0],
        ];
        let data = [&b"data"[..], &32_000_u32.to_le_bytes(), &vec![0; 32_000]].concat();
        assert_eq!(seconds(wave(&whole(&[header.concat(), data].concat()))), Some(2));
        let stopped = [&b"data\xff\xff\xff\xff"[..], &vec![0; 48_000]].concat();
        assert_eq!(seconds(wave(&whole(&[header.concat(), stopped].concat()))), Some(3));
        let fields = ((44_100_u64 << 44) | (44_100 * 5)).to_be_bytes();
        let flac_file = [&b"fLaC\0\0\0\x22"[..], &[0; 10], &fields, &[0; 16]].concat();
        assert_eq!(seconds(flac(&whole(&flac_file))), Some(5));
    }

    #[test]
    fn frames_of_the_first_page_stand_for_all() {
        // 44,100 samples a second, frames of 256 bytes.
        let frame = [&[0xff, 0xf1, 0x50, 0x80, 0x20, 0x1f, 0xfc][..], &[0; 249]].concat();
        assert_eq!(seconds(adts(&whole(&frame.repeat(431)))), Some(10));
        assert_eq!(adts(&whole(b"\xff\xf1")), Err(Stop::Malformed));
    }
}
