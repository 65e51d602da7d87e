//! Programs inside of containers: Java archives and apps are ZIP archives, installers of Windows are compound files. Reads few bytes.

use super::spans::{Parsed, Spans, Stop, array, u16_le, u32_le};

/// The end of a ZIP archive's directory, without its comment.
const END: &[u8] = b"PK\x05\x06";
const END_LENGTH: u64 = END_LENGTH_BYTES as u64;
const END_LENGTH_BYTES: usize = 22;
const MAX_COMMENT: u64 = 0xffff;
/// The end of a directory in the ZIP64 format, and how many bytes before the other end it stands: its own and those of its locator.
const WIDE_END: &[u8] = b"PK\x06\x06";
const WIDE_END_BEFORE: u64 = 56 + 20;
/// How many ends of archives are looked at.
const MAX_ENDS: usize = 16;
/// How many entries are looked at.
const MAX_ENTRIES: u16 = 2000;
/// The class of an installer's root.
const INSTALLER: &[u8] = b"\x84\x10\x0c\0\0\0\0\0\xc0\0\0\0\0\0\0\x46";

/// Returns which program the file is, if it is one.
pub(super) fn program_inside(file: &Spans) -> Parsed<Option<&'static str>> {
    if file.read(0, 8).is_ok_and(|mark| mark == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") {
        return Ok(compound_root(file)?.then_some("application/x-msi"));
    }
    // An archive is read from its end: any bytes may stand before it.
    for directory in directories(file)? {
        match entries_of(file, directory) {
            Ok(None) | Err(Stop::Malformed) => {}
            found => return found,
        }
    }
    Ok(None)
}

fn compound_root(file: &Spans) -> Parsed<bool> {
    let shift = u32::from(u16_le(file, 30)?);
    if !(7..=16).contains(&shift) {
        return Err(Stop::Malformed);
    }
    let root = (u64::from(u32_le(file, 48)?) + 1) << shift;
    Ok(file.read(root + 80, 16)? == INSTALLER)
}

/// Where directories begin, by all ends that may be real: an archive's comment can hold another end.
fn directories(file: &Spans) -> Parsed<Vec<u64>> {
    let Some(last) = file.size().checked_sub(END_LENGTH) else { return Ok(Vec::new()) };
    let from = last.saturating_sub(MAX_COMMENT);
    let tail = file.read_to_end(from)?;
    let ends = (0..=last - from).rev().zip(tail.windows(END_LENGTH_BYTES).rev()).filter(|(_, end)| end.starts_with(END));
    let mut begins = Vec::new();
    for (at, end) in ends.take(MAX_ENDS) {
        let size = end.get(12..16).and_then(|size| size.try_into().ok()).map(u32::from_le_bytes);
        begins.extend(size.and_then(|size| (from + at).checked_sub(u64::from(size))));
        match wide_directory(file, from + at) {
            Ok(begin) => begins.extend(begin),
            Err(Stop::Malformed) => {}
            Err(missing) => return Err(missing),
        }
    }
    Ok(begins)
}

/// Where the directory of an archive in the ZIP64 format begins.
fn wide_directory(file: &Spans, end: u64) -> Parsed<Option<u64>> {
    let Some(at) = end.checked_sub(WIDE_END_BEFORE) else { return Ok(None) };
    if file.read(at, 4)? != WIDE_END {
        return Ok(None);
    }
    Ok(at.checked_sub(u64::from_le_bytes(array(file, at + 40)?)))
}

/// A damaged entry ends the directory.
fn entries_of(file: &Spans, mut at: u64) -> Parsed<Option<&'static str>> {
    let mut found = None;
    for _ in 0..MAX_ENTRIES {
        let (name, next) = match entry_of(file, at) {
            Ok(entry) => entry,
            Err(Stop::Malformed) => break,
            Err(missing) => return Err(missing),
        };
        match name {
            b"AndroidManifest.xml" | b"BundleConfig.pb" => return Ok(Some("application/vnd.android.package-archive")),
            b"AppxManifest.xml" | b"AppxMetadata/AppxBundleManifest.xml" => return Ok(Some("application/vnd.ms-appx")),
            b"META-INF/MANIFEST.MF" => found = Some("application/java-archive"),
            name if name.ends_with(b".class") => found = Some("application/java-archive"),
            _ => {}
        }
        at = next;
    }
    Ok(found)
}

/// Returns an entry's name, and where the next entry begins.
fn entry_of(file: &Spans, at: u64) -> Parsed<(&[u8], u64)> {
    if file.read(at, 4)? != b"PK\x01\x02" {
        return Err(Stop::Malformed);
    }
    let [name, extra, comment] = [28, 30, 32].map(|field| u16_le(file, at + field).map(u64::from));
    let (name, others) = (name?, extra? + comment?);
    Ok((file.read(at + 46, name)?, at + 46 + name + others))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::spans::{PAGE, whole};
    use super::*;

    /// An archive of empty files, after some other bytes.
    fn archive(names: &[&str], before: &[u8]) -> Vec<u8> {
        let mut directory = Vec::new();
        for name in names {
            let length = u16::try_from(name.len()).unwrap_or_default().to_le_bytes();
            directory.extend([&b"PK\x01\x02"[..], &[0; 24], &length, &[0; 16], name.as_bytes()].concat());
        }
        let size = u32::try_from(directory.len()).unwrap_or_default().to_le_bytes();
        [before, &directory, b"PK\x05\x06", &[0; 8], &size, &[0; 6]].concat()
    }

    #[test]
    fn a_program_is_found_wherever_its_archive_begins() {
        let jar = ["META-INF/MANIFEST.MF", "a/B.class"];
        for before in [&b""[..], b"\x89PNG\r\n\x1a\n and a picture"] {
            assert_eq!(program_inside(&whole(&archive(&jar, before))).ok(), Some(Some("application/java-archive")));
        }
        let app = archive(&["META-INF/MANIFEST.MF", "AndroidManifest.xml"], b"");
        assert_eq!(program_inside(&whole(&app)).ok(), Some(Some("application/vnd.android.package-archive")));
        for other in [&["[Content_Types].xml", "word/document.xml"][..], &["mimetype", "META-INF/manifest.xml"], &[]] {
            assert_eq!(program_inside(&whole(&archive(other, b""))).ok(), Some(None), "{other:?}");
        }
    }

    /// What is read of a file page by page, as often as is allowed.
    fn paged(file: &[u8]) -> Option<&'static str> {
        let size = file.len() as u64;
        let bytes = Bytes::copy_from_slice(file);
        let mut known = Spans::new(size, bytes.slice(..file.len().min(1024)));
        loop {
            match program_inside(&known) {
                Err(Stop::Missing(from)) => {
                    let end = usize::try_from((from + PAGE).min(size)).expect("short");
                    known.add(from, bytes.slice(usize::try_from(from).expect("short")..end));
                }
                found => return found.ok().flatten(),
            }
        }
    }

    #[test]
    fn a_program_that_was_found_stays_found_whatever_follows() {
        let names = ["META-INF/MANIFEST.MF", "a/B.class"];
        let whole = archive(&names, b"");
        let directory = &whole[..whole.len() - END_LENGTH_BYTES];
        let ended = |directory: &[u8]| {
            let size = u32::try_from(directory.len()).expect("short").to_le_bytes();
            [directory, END, &[0; 8], &size, &[0; 6]].concat()
        };
        let overlong = [&b"PK\x01\x02"[..], &[0; 24], &[0xff; 6], &[0; 12]].concat();
        for (what, broken) in [
            ("other bytes", &b"PK\x07\x08 and so on"[..]),
            ("half an entry", b"PK\x01\x02"),
            ("an entry beyond the file", &overlong),
            ("nothing", b""),
        ] {
            assert_eq!(paged(&ended(&[directory, broken].concat())), Some("application/java-archive"), "{what}");
            assert_eq!(paged(&ended(broken)), None, "{what}");
        }
        // A directory of more pages than are read.
        let entry = [&b"PK\x01\x02"[..], &[0; 26], &[0xff, 0xff], &[0; 14], &vec![7; 0xffff]].concat();
        let far = ended(&[directory, &entry.repeat(20)].concat());
        assert_eq!(paged(&far), Some("application/java-archive"));
        assert_eq!(paged(&ended(&entry.repeat(20))), None);
    }

    #[test]
    fn archives_in_the_wide_format_are_read() {
        let names = ["META-INF/MANIFEST.MF"];
        let whole = archive(&names, b"a picture");
        let directory = &whole[..whole.len() - END_LENGTH_BYTES];
        let size = (directory.len() as u64 - 9).to_le_bytes();
        let wide = [WIDE_END, &[0; 36], &size, &[0; 8], b"PK\x06\x07", &[0; 16]].concat();
        for short in [[0xff; 4], [0; 4]] {
            let file = [directory, &wide, END, &[0; 8], &short, &[0xff; 4], &[0; 2]].concat();
            assert_eq!(paged(&file), Some("application/java-archive"), "{short:?}");
        }
    }

    #[test]
    fn an_installer_is_known_by_the_class_of_its_root() {
        let mut file = vec![0; 2048];
        file[..8].copy_from_slice(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1");
        file[30] = 9;
        file[48] = 1;
        assert_eq!(program_inside(&whole(&file)).ok(), Some(None));
        file[1024 + 80..1024 + 96].copy_from_slice(INSTALLER);
        assert_eq!(program_inside(&whole(&file)).ok(), Some(Some("application/x-msi")));
        file[48..52].copy_from_slice(&[0xff; 4]);
        assert!(program_inside(&whole(&file)).is_err());
    }

    #[test]
    fn a_broken_directory_ends() {
        for broken in [&b"PK\x05\x06"[..], &[&b"PK\x05\x06"[..], &[0xff; 18]].concat(), &b"PK\x05\x06".repeat(100), b""] {
            assert!(!matches!(program_inside(&whole(broken)), Ok(Some(_))));
        }
    }
}
