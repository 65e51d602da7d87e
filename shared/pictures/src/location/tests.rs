//! Files made by hand, in both orders of bytes and in each place that a location may have.

use super::*;

/// A location as degrees, minutes and seconds, which must not remain.
const PLACE: &[u8] = b"\x34\0\0\0\x01\0\0\0\x1f\0\0\0\x01\0\0\0\x0b\0\0\0\x07\0\0\0";
/// What remains.
const MAKER: &[u8] = b"Maker of cameras\0";

#[derive(Clone, Copy)]
struct Tiff {
    little: bool,
    /// Whether the location hangs on the second directory.
    second: bool,
}

impl Tiff {
    fn u16(self, value: u16) -> [u8; 2] {
        if self.little { value.to_le_bytes() } else { value.to_be_bytes() }
    }

    fn u32(self, value: u32) -> [u8; 4] {
        if self.little { value.to_le_bytes() } else { value.to_be_bytes() }
    }

    fn entry(self, tag: u16, kind: u16, count: u32, value: [u8; 4]) -> Vec<u8> {
        [&self.u16(tag)[..], &self.u16(kind), &self.u32(count), &value].concat()
    }

    fn directory(self, entries: &[Vec<u8>], next: u32) -> Vec<u8> {
        let count = u16::try_from(entries.len()).expect("few");
        [&self.u16(count)[..], &entries.concat(), &self.u32(next)].concat()
    }

    fn bytes(self) -> Vec<u8> {
        let gps = |at: u32| self.entry(GPS, 4, 1, self.u32(at));
        let maker = self.entry(0x010f, 2, 17, self.u32(200));
        let turned = self.entry(0x0112, 3, 1, [self.u16(6), [0; 2]].concat().try_into().expect("four"));
        let first = if self.second { vec![maker, turned] } else { vec![maker, turned, gps(150)] };
        let first = self.directory(&first, if self.second { 80 } else { 0 });
        let second = self.directory(&[gps(150)], 0);
        let place = self.directory(
            &[self.entry(1, 2, 2, *b"N\0\0\0"), self.entry(2, 5, 3, self.u32(240)), self.entry(3, 2, 2, *b"E\0\0\0")],
            0,
        );
        let mut bytes = if self.little { b"II*\0\x08\0\0\0".to_vec() } else { b"MM\0*\0\0\0\x08".to_vec() };
        for (at, part) in [(8, first), (80, second), (150, place), (200, MAKER.to_vec()), (240, PLACE.to_vec())] {
            bytes.resize(at, 0xee);
            bytes.extend_from_slice(&part);
        }
        bytes
    }
}

fn tiffs() -> Vec<Vec<u8>> {
    let all = [(true, false), (true, true), (false, false), (false, true)];
    all.into_iter().map(|(little, second)| Tiff { little, second }.bytes()).collect()
}

fn part(kind: [u8; 4], content: &[u8]) -> Vec<u8> {
    [&u32::try_from(content.len() + 8).expect("short").to_be_bytes(), &kind[..], content].concat()
}

/// A HEIC whose Exif is one item, in this version of its index and in as many parts.
fn heic(version: u8, extents: usize, exif: &[u8]) -> Vec<u8> {
    let item = [b"\0\0\0\x06Exif\0\0".as_slice(), exif].concat();
    let wide = |value: u32| {
        if version < 2 { u16::try_from(value).expect("short").to_be_bytes().to_vec() } else { value.to_be_bytes().to_vec() }
    };
    let made = |from: usize| {
        let info = part(*b"infe", b"\x02\0\0\0\0\x07\0\0Exif\0");
        let picture = part(*b"infe", b"\x02\0\0\0\0\x01\0\0hvc1\0");
        let info = part(*b"iinf", &[b"\0\0\0\0\0\x02".as_slice(), &picture, &info].concat());
        let mut index = [&[version, 0, 0, 0, 0x44, 0][..], &wide(1), &wide(7)].concat();
        index.extend(if version > 0 { vec![0, 0] } else { vec![] });
        index.extend([0, 0]);
        index.extend(u16::try_from(extents).expect("few").to_be_bytes());
        let step = item.len().div_ceil(extents);
        for piece in 0..extents {
            let length = step.min(item.len() - piece * step);
            index.extend(u32::try_from(from + piece * (step + 3)).expect("short").to_be_bytes());
            index.extend(u32::try_from(length).expect("short").to_be_bytes());
        }
        let meta = part(*b"meta", &[b"\0\0\0\0".as_slice(), &info, &part(*b"iloc", &index)].concat());
        let head = [part(*b"ftyp", b"heic\0\0\0\0mif1heic"), meta].concat();
        let data: Vec<u8> = item.chunks(step).flat_map(|piece| [piece, b"gap"].concat()).collect();
        (head.len() + 8, [head, part(*b"mdat", &data)].concat())
    };
    let (from, _) = made(0);
    made(from).1
}

fn has(bytes: &[u8], what: &[u8]) -> bool {
    find(bytes, what).is_some()
}

#[test]
fn a_location_goes_wherever_it_stands_and_nothing_else_does() {
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    for (number, tiff) in tiffs().into_iter().enumerate() {
        files.push((format!("tiff {number}"), tiff.clone()));
        files.push((format!("a preview in a raw file {number}"), [b"II*\0\0\0\0\0....Exif\0\0".as_slice(), &tiff].concat()));
        files.push((format!("jpeg {number}"), [b"\xff\xd8\xff\xe1\x02\0Exif\0\0".as_slice(), &tiff].concat()));
        files.push((format!("png {number}"), [b"\x89PNG\r\n\x1a\n\0\0\x02\0eXIf".as_slice(), &tiff].concat()));
        files.push((format!("webp {number}"), [b"RIFF\0\x02\0\0WEBPEXIF\0\x01\0\0".as_slice(), &tiff].concat()));
        for version in 0..3 {
            files.push((format!("heic {number} {version}"), heic(version, 1, &tiff)));
            // Parts of an item that is cut in its directory are found by the index alone.
            files.push((format!("heic {number} {version} in parts"), heic(version, 3, &tiff)));
        }
    }
    for (what, bytes) in files {
        assert!(is_searched(&bytes[..bytes.len().min(64)]), "{what}");
        let split = what.ends_with("parts");
        assert!(split || has(&bytes, PLACE), "{what}");
        let mut made = bytes.clone();
        assert!(blank(&mut made), "{what}");
        assert_eq!(made.len(), bytes.len(), "{what}");
        assert!(!has(&made, &PLACE[..8]) && !has(&made, &PLACE[8..]), "{what}");
        assert!(has(&made, &MAKER[..5]), "{what}");
        let changed = bytes.iter().zip(&made).filter(|(before, after)| before != after).count();
        assert!(changed <= 2 + 3 * ENTRY + PLACE.len(), "{what}: {changed}");
        assert!(!blank(&mut made), "{what}: nothing is left");
    }
}

#[test]
fn xmp_keeps_its_form() {
    let head = b"II*\0\0\0\0\0".as_slice();
    for (before, after) in [
        (r#"<x exif:GPSLatitude="52,31.2N" a="7"/>"#, r#"<x exif:GPSLatitude="00,00.0N" a="7"/>"#),
        ("<exif:GPSLongitude>13,24.3E</exif:GPSLongitude>", "<exif:GPSLongitude>00,00.0E</exif:GPSLongitude>"),
        ("exif:GPSAltitude='12/1' 3", "exif:GPSAltitude='00/0' 3"),
        ("exif:GPS", "exif:GPS"),
        ("GPS 52.5", "GPS 52.5"),
    ] {
        let mut bytes = [head, before.as_bytes()].concat();
        assert_eq!(blank(&mut bytes), before != after, "{before}");
        assert_eq!(bytes, [head, after.as_bytes()].concat(), "{before}");
    }
}

#[test]
fn other_files_are_not_searched_and_lies_end() {
    for (head, searched) in [
        (&b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"[..], true),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avif", true),
        (b"\0\0\0\x14ftypabcd\0\0\0\0avif", true),
        (b"\0\0\x10\0ftypavif\0\0\0\0", true),
        (b"\0\0\0\x18ftypisom\0\0\0\0isomavc1", false),
        (b"\0\0\0\x14ftypabcdheicabcd", false),
        (b"MM\0*", true),
        (b"\xff\xd8\xff\xe1", true),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", true),
        (b"RIFF\x24\0\0\0WEBPVP8X", true),
        (b"RIFF\x24\0\0\0WAVEfmt ", false),
        (b"RIFF", false),
        (b"GIF89a", false),
        (b"", false),
    ] {
        assert_eq!(is_searched(head), searched, "{head:?}");
    }
    let mut rng = fastrand::Rng::with_seed(11);
    for original in tiffs().into_iter().chain([heic(0, 1, &tiffs()[0]), heic(2, 3, &tiffs()[2])]) {
        for _ in 0..2000 {
            let mut bytes = original.clone();
            bytes.truncate(rng.usize(..=bytes.len()));
            for _ in 0..rng.usize(..4) {
                let at = rng.usize(..bytes.len().max(1));
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = rng.u8(..);
                }
            }
            blank(&mut bytes);
        }
    }
    // Each directory is followed once.
    let mut circle = b"II*\0\x08\0\0\0\x01\0\x69\x87\x04\0\x01\0\0\0\x08\0\0\0\x08\0\0\0".to_vec();
    assert!(!blank(&mut circle));
}

#[test]
fn a_png_without_its_location_is_as_valid_as_before() {
    let chunk = |kind: &[u8], data: &[u8]| {
        let body = [kind, data].concat();
        [&u32::try_from(data.len()).expect("short").to_be_bytes()[..], &body, &crc32(&body).to_be_bytes()].concat()
    };
    let xmp = br#"XML:com.adobe.xmp\0\0\0\0\0<x exif:GPSLatitude="52,31.2N"/>"#;
    let png = |exif: &[u8], xmp: &[u8]| {
        [
            PNG,
            &chunk(b"IHDR", &[0; 13]),
            &chunk(b"eXIf", exif),
            &chunk(b"iTXt", xmp),
            &chunk(b"IDAT", b"pixels"),
            &chunk(b"IEND", b""),
        ]
        .concat()
    };
    for tiff in tiffs() {
        let mut made = png(&tiff, xmp);
        assert!(blank(&mut made));
        let (mut exif, text) = (tiff, br#"XML:com.adobe.xmp\0\0\0\0\0<x exif:GPSLatitude="00,00.0N"/>"#);
        assert!(blank(&mut exif));
        assert_eq!(made, png(&exif, text));
        assert!(!blank(&mut made), "nothing is left");
    }
    // What has no location stays as it is, even with another checksum.
    let mut plain = [PNG, b"\0\0\0\x04eXIfII*\0\x01\x02\x03\x04"].concat();
    let before = plain.clone();
    assert!(!blank(&mut plain) && plain == before);
}

#[test]
fn an_editors_padding_and_an_image_of_parts_hide_no_location() {
    for mut tiff in tiffs() {
        let entry = 150 + 2 + 2 * ENTRY;
        let padding = if tiff.starts_with(b"II") { [0x1c, 0xea] } else { [0xea, 0x1c] };
        tiff[entry..entry + 2].copy_from_slice(&padding);
        assert!(blank(&mut tiff) && !has(&tiff, &PLACE[..8]));
    }
    // The picture is made of tiles: its item's data are the contents of another, and it precedes that of Exif.
    let tiff = &tiffs()[0];
    let item = [b"\0\0\0\x06Exif\0\0".as_slice(), tiff].concat();
    let info = [part(*b"infe", b"\x02\0\0\0\0\x01\0\0grid\0"), part(*b"infe", b"\x02\0\0\0\0\x07\0\0Exif\0")].concat();
    let info = part(*b"iinf", &[b"\0\0\0\0\0\x02".as_slice(), &info].concat());
    let made = |from: usize| {
        let grid = b"\0\x01\0\x02\0\0\0\x01\0\0\0\0\0\0\0\x08";
        let exif = [b"\0\x07\0\0\0\0\0\x01".as_slice(), &u32::try_from(from).expect("short").to_be_bytes()].concat();
        let length = u32::try_from(item.len()).expect("short").to_be_bytes();
        let index = part(*b"iloc", &[b"\x01\0\0\0\x44\0\0\x02".as_slice(), grid, &exif, &length].concat());
        let head = [part(*b"ftyp", b"heic\0\0\0\0mif1heic"), part(*b"meta", &[b"\0\0\0\0".as_slice(), &info, &index].concat())];
        (head.concat().len() + 8, [head.concat(), part(*b"mdat", &item)].concat())
    };
    let mut bytes = made(made(0).0).1;
    // Found by the index alone.
    let mark = bytes.windows(6).rposition(|part| part == b"Exif\0\0").expect("a mark");
    bytes[mark..mark + 4].copy_from_slice(b"EXIF");
    assert!(blank(&mut bytes) && !has(&bytes, &PLACE[..8]));
}

#[test]
fn a_file_that_lies_costs_little() {
    let begun = std::time::Instant::now();
    // One item whose thousands of parts are each the whole file.
    let info = part(*b"iinf", &[b"\0\0\0\0\0\x01".as_slice(), &part(*b"infe", b"\x02\0\0\0\0\x07\0\0Exif\0")].concat());
    let index = part(*b"iloc", b"\0\0\0\0\0\0\0\x01\0\x07\0\0\x10\0");
    let mut repeated =
        [part(*b"ftyp", b"heic\0\0\0\0mif1heic"), part(*b"meta", &[b"\0\0\0\0".as_slice(), &info, &index].concat())].concat();
    repeated.resize(8 << 20, 0);
    assert!(!blank(&mut repeated));
    // Every few bytes a directory of 65,535 entries.
    let mut many = b"Exif\0\0II*\0\x08\0\0\0\xff\xff".repeat(500_000);
    many[..4].copy_from_slice(b"II*\0");
    assert!(!blank(&mut many));
    assert!(begun.elapsed() < std::time::Duration::from_secs(5), "{:?}", begun.elapsed());
}
