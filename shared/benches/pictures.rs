//! Cost of verifying an image: time, and peak memory. Each runs in its own process, because a peak only rises.
#![expect(clippy::print_stdout, clippy::expect_used, reason = "a program that prints figures, and ends where it cannot go on")]

use std::io::Cursor;
use std::process::Command;
use std::time::{Duration, Instant};

use image::{DynamicImage, ImageBuffer, ImageFormat, Rgb, Rgba};
use shared::media::{Deadline, picture};

const CASES: [(&str, &str); 4] = [
    ("12 megapixels, JPEG", "image/jpeg"),
    ("12 megapixels, JPEG, as a face", "avatar"),
    ("40 megapixels, JPEG: the most", "image/jpeg"),
    ("40 megapixels, PNG of 16 bits with transparency: the most", "image/png"),
];

fn main() {
    let case = std::env::args().skip(1).find_map(|argument| argument.parse::<usize>().ok());
    if let Some(case) = case {
        return look(case);
    }
    println!("| a picture | bytes | looked at in | peak memory | of 1769 MB |\n|---|--:|--:|--:|--:|");
    for case in 0..CASES.len() {
        let itself = std::env::current_exe().expect("this program");
        let done = Command::new(itself).arg(case.to_string()).output().expect("it runs");
        print!("{}", String::from_utf8_lossy(&done.stdout));
    }
}

fn look(case: usize) {
    let (name, kind) = CASES[case];
    let file = std::env::temp_dir().join(format!("picture-{}-{case}", std::process::id()));
    // Another process makes the image, so that its cost does not count.
    if std::env::args().any(|argument| argument == "make") {
        return std::fs::write(std::env::args().next_back().expect("a file"), made(case)).expect("written");
    }
    let itself = std::env::current_exe().expect("this program");
    let status = Command::new(itself).args([case.to_string().as_str(), "make"]).arg(&file).status().expect("it runs");
    assert!(status.success());
    let bytes = std::fs::read(&file).expect("the picture");
    std::fs::remove_file(&file).expect("removed");
    let started = Instant::now();
    let stop = Deadline::at(started + Duration::from_mins(5));
    let done = if kind == "avatar" { picture::avatar(&bytes, "image/jpeg", &stop) } else { picture::image(&bytes, kind, &stop) };
    let (took, peak) = (started.elapsed(), peak());
    done.expect("a picture");
    let (mb, share) = (peak / 1024, peak * 100 / 1024 / 1769);
    let size = bytes.len() / 100_000;
    println!("| {name} | {}.{} MB | {} ms | {mb} MB | {share} % |", size / 10, size % 10, took.as_millis());
}

/// Adds grain like a camera's; a smooth image would be too easy.
fn made(case: usize) -> Vec<u8> {
    let (width, height) = if case < 2 { (4000, 3000) } else { (8000, 5000) };
    let grain = |x: u32, y: u32| (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(2_246_822_519)) >> 28;
    let shade = |x: u32, y: u32| u8::try_from((x * 200 / width + grain(x, y)).min(255)).unwrap_or(255);
    let image = if case == 3 {
        let wide = |x, y| u16::from(shade(x, y)) << 8;
        DynamicImage::ImageRgba16(ImageBuffer::from_fn(width, height, |x, y| Rgba([wide(x, y), wide(y, x), 9, wide(x, x)])))
    } else {
        DynamicImage::ImageRgb8(ImageBuffer::from_fn(width, height, |x, y| Rgb([shade(x, y), shade(y, x), 99])))
    };
    let mut bytes = Cursor::new(Vec::new());
    let format = if case == 3 { ImageFormat::Png } else { ImageFormat::Jpeg };
    image.write_to(&mut bytes, format).expect("encodes");
    bytes.into_inner()
}

/// Peak memory of this process in kilobytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}
