//! Cost of verifying an image: time, and peak memory. Each runs in its own process, because a peak only rises.
#![expect(clippy::print_stdout, clippy::expect_used, reason = "a program that prints figures, and ends where it cannot go on")]

use std::process::Command;
use std::time::{Duration, Instant};

use image::{DynamicImage, ImageBuffer, ImageFormat, Rgb, Rgba};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use pictures::Deadline;

/// A picture, and what becomes of it.
struct Case {
    name: &'static str,
    width: u16,
    height: u16,
    kind: Kind,
    /// The orientation of a JPEG.
    orientation: u8,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Jpeg,
    Avatar,
    /// Of so many scans for each component.
    Progressive(u8),
    Png,
    Gif,
}

const fn case(name: &'static str, width: u16, height: u16, kind: Kind) -> Case {
    Case { name, width, height, kind, orientation: 1 }
}

const CASES: [Case; 12] = [
    case("12 megapixels, JPEG", 4000, 3000, Kind::Jpeg),
    case("12 megapixels, JPEG, as a face", 4000, 3000, Kind::Avatar),
    Case { orientation: 6, ..case("12 megapixels, JPEG, turned", 4000, 3000, Kind::Jpeg) },
    case("40 megapixels, JPEG", 8000, 5000, Kind::Jpeg),
    Case { orientation: 6, ..case("40 megapixels, JPEG, turned", 8000, 5000, Kind::Jpeg) },
    case("40 megapixels, progressive JPEG of 8 scans for each component: the most", 8000, 5000, Kind::Progressive(8)),
    case("48 megapixels, JPEG", 8064, 6048, Kind::Jpeg),
    case("108 megapixels, JPEG", 12_000, 9000, Kind::Jpeg),
    case("108 megapixels, progressive JPEG of 2 scans for each component", 12_000, 9000, Kind::Progressive(2)),
    case("200 megapixels, JPEG: the most", 16_320, 12_240, Kind::Jpeg),
    case("40 megapixels, PNG of 16 bits with transparency: the most", 8000, 5000, Kind::Png),
    case("300 megapixels of GIF", 1920, 1080, Kind::Gif),
];

fn main() {
    let case = std::env::args().skip(1).find_map(|argument| argument.parse::<usize>().ok());
    if let Some(case) = case {
        return look(case);
    }
    println!("| a picture | bytes | becomes | in | peak memory | of 1769 MB |\n|---|--:|---|--:|--:|--:|");
    for case in 0..CASES.len() {
        let itself = std::env::current_exe().expect("this program");
        let done = Command::new(itself).arg(case.to_string()).output().expect("it runs");
        print!("{}", String::from_utf8_lossy(&done.stdout));
    }
}

fn look(case: usize) {
    let Case { name, kind, .. } = CASES[case];
    let file = std::env::temp_dir().join(format!("picture-{}-{case}", std::process::id()));
    // Another process makes the image, so that its cost does not count.
    if std::env::args().any(|argument| argument == "make") {
        return std::fs::write(std::env::args().next_back().expect("a file"), made(&CASES[case])).expect("written");
    }
    let itself = std::env::current_exe().expect("this program");
    let status = Command::new(itself).args([case.to_string().as_str(), "make"]).arg(&file).status().expect("it runs");
    assert!(status.success());
    let bytes = std::fs::read(&file).expect("the picture");
    std::fs::remove_file(&file).expect("removed");
    let started = Instant::now();
    let stop = Deadline::at(started + Duration::from_mins(5));
    let done = if kind == Kind::Avatar { pictures::avatar(&bytes, &stop) } else { pictures::image(&bytes, &stop) };
    let (took, peak) = (started.elapsed(), peak());
    let (size, becomes) = (
        bytes.len() / 100_000,
        done.map_or_else(
            |flaw| format!("{flaw:?}"),
            |made| {
                let (width, height) = made.dimensions;
                format!("{width} × {height}, {} %", made.original.bytes.len() * 100 / bytes.len())
            },
        ),
    );
    let (mb, share) = (peak / 1024, peak * 100 / 1024 / 1769);
    println!("| {name} | {}.{} MB | {becomes} | {} ms | {mb} MB | {share} % |", size / 10, size % 10, took.as_millis());
}

/// Adds grain like a camera's; a smooth image would be too easy.
fn made(case: &Case) -> Vec<u8> {
    let (width, height) = (u32::from(case.width), u32::from(case.height));
    let grain = |x: u32, y: u32| (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(2_246_822_519)) >> 28;
    let shade = |x: u32, y: u32| u8::try_from((x * 200 / width + grain(x, y)).min(255)).unwrap_or(255);
    let scans = match case.kind {
        Kind::Png => {
            let wide = |x, y| u16::from(shade(x, y)) << 8;
            let pixels = ImageBuffer::from_fn(width, height, |x, y| Rgba([wide(x, y), wide(y, x), 9, wide(x, x)]));
            let mut bytes = std::io::Cursor::new(Vec::new());
            DynamicImage::ImageRgba16(pixels).write_to(&mut bytes, ImageFormat::Png).expect("encodes");
            return bytes.into_inner();
        }
        Kind::Gif => {
            let mut encoder = gif::Encoder::new(Vec::new(), case.width, case.height, &[7; 96]).expect("a header");
            for number in 0..144 {
                // A scrolled page: flat, with lines.
                let pixels =
                    (0..height).flat_map(|y| (0..width).map(move |x| u8::from((x / 9 + y + number) % 11 == 0 && y % 3 == 0)));
                let frame = gif::Frame::from_indexed_pixels(case.width, case.height, pixels.collect::<Vec<u8>>(), None);
                encoder.write_frame(&frame).expect("written");
            }
            return encoder.into_inner().expect("ends");
        }
        Kind::Progressive(scans) => Some(scans),
        Kind::Jpeg | Kind::Avatar => None,
    };
    let pixels = ImageBuffer::from_fn(width, height, |x, y| Rgb([shade(x, y), shade(y, x), 99]));
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 85);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    if let Some(scans) = scans {
        encoder.set_progressive_scans(scans);
    }
    let head = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".as_slice();
    encoder.add_exif_metadata(&[head, &[case.orientation, 0, 0, 0, 0, 0, 0, 0]].concat()).expect("short");
    encoder.encode(&pixels, case.width, case.height, ColorType::Rgb).expect("encodes");
    bytes
}

/// Peak memory of this process in kilobytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}
