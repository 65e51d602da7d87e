//! Programs inside of containers: Java archives and apps are ZIP archives, installers of Windows are compound files. Reads few bytes.

use super::spans::{Parsed, Spans, Stop, u16_le, u32_le};

/// The end of a ZIP archive's directory, without its comment.
const END: &[u8] = b"PK\x05\x06";
const END_LENGTH: u64 = END_LENGTH_BYTES as u64;
const END_LENGTH_BYTES: usize = 22;
const MAX_COMMENT: u64 = 0xffff;
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
    let begins = ends.take(MAX_ENDS).filter_map(|(at, end)| {
        let size = u32::from_le_bytes(end.get(12..16)?.try_into().ok()?);
        (from + at).checked_sub(u64::from(size))
    });
    Ok(begins.collect())
}

fn entries_of(file: &Spans, mut at: u64) -> Parsed<Option<&'static str>> {
    let mut found = None;
    for _ in 0..MAX_ENTRIES {
        if file.read(at, 4)? != b"PK\x01\x02" {
            break;
        }
        let [name, extra, comment] = [28, 30, 32].map(|field| u16_le(file, at + field));
        let (name_length, others) = (name?, u64::from(extra?) + u64::from(comment?));
        match file.read(at + 46, u64::from(name_length))? {
            b"AndroidManifest.xml" | b"BundleConfig.pb" => return Ok(Some("application/vnd.android.package-archive")),
            b"AppxManifest.xml" | b"AppxMetadata/AppxBundleManifest.xml" => return Ok(Some("application/vnd.ms-appx")),
            b"META-INF/MANIFEST.MF" => found = Some("application/java-archive"),
            name if name.ends_with(b".class") => found = Some("application/java-archive"),
            _ => {}
        }
        at += 46 + u64::from(name_length) + others;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::super::spans::whole;
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
