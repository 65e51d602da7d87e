//! What bytes are by their first few: enough to catch a lie. Whether a picture really is one, only decoding tells.

/// So many first bytes are looked at.
pub const HEAD: u64 = 64;

/// Told of what nobody needs to open by its type.
const BYTES: &str = "application/octet-stream";

/// Types that begin alike: containers hold many.
struct Family {
    types: &'static [&'static str],
    /// Where which bytes stand; one of them is enough.
    marks: &'static [(usize, &'static [u8])],
}

const FAMILIES: &[Family] = &[
    Family { types: &["image/jpeg"], marks: &[(0, b"\xff\xd8\xff")] },
    Family { types: &["image/png"], marks: &[(0, b"\x89PNG\r\n\x1a\n")] },
    Family { types: &["image/gif"], marks: &[(0, b"GIF87a"), (0, b"GIF89a")] },
    Family { types: &["image/webp"], marks: &[(8, b"WEBP")] },
    Family { types: &["image/bmp"], marks: &[(0, b"BM")] },
    Family { types: &["image/tiff"], marks: &[(0, b"II*\0"), (0, b"MM\0*")] },
    Family {
        types: &[
            "video/mp4",
            "video/quicktime",
            "video/3gpp",
            "audio/mp4",
            "audio/x-m4a",
            "image/heic",
            "image/heif",
            "image/avif",
        ],
        marks: &[(4, b"ftyp")],
    },
    Family { types: &["video/webm", "video/x-matroska", "audio/webm"], marks: &[(0, b"\x1a\x45\xdf\xa3")] },
    Family { types: &["video/x-msvideo"], marks: &[(8, b"AVI ")] },
    Family { types: &["audio/wav", "audio/x-wav"], marks: &[(8, b"WAVE")] },
    Family { types: &["audio/ogg", "video/ogg", "audio/opus"], marks: &[(0, b"OggS")] },
    Family { types: &["audio/flac"], marks: &[(0, b"fLaC")] },
    Family { types: &["audio/mpeg"], marks: &[(0, b"ID3"), (0, b"\xff\xfb"), (0, b"\xff\xf3"), (0, b"\xff\xf2")] },
    Family { types: &["application/pdf"], marks: &[(0, b"%PDF-")] },
    Family {
        types: &[
            "application/zip",
            "application/x-zip-compressed",
            "application/epub+zip",
            "application/java-archive",
            "application/vnd.android.package-archive",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            "application/vnd.openxmlformats-officedocument.presentationml.presentation",
            "application/vnd.oasis.opendocument.text",
            "application/vnd.oasis.opendocument.spreadsheet",
            "application/vnd.oasis.opendocument.presentation",
        ],
        marks: &[(0, b"PK\x03\x04"), (0, b"PK\x05\x06")],
    },
    Family {
        types: &["application/msword", "application/vnd.ms-excel", "application/vnd.ms-powerpoint"],
        marks: &[(0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")],
    },
    Family { types: &["application/gzip", "application/x-gzip"], marks: &[(0, b"\x1f\x8b")] },
    Family { types: &["application/x-7z-compressed"], marks: &[(0, b"7z\xbc\xaf\x27\x1c")] },
    Family { types: &["application/vnd.rar", "application/x-rar-compressed"], marks: &[(0, b"Rar!\x1a\x07")] },
    Family { types: &["application/x-bzip2"], marks: &[(0, b"BZh")] },
    Family { types: &["application/x-xz"], marks: &[(0, b"\xfd7zXZ\0")] },
    Family { types: &["application/rtf", "text/rtf"], marks: &[(0, b"{\\rtf")] },
    Family { types: PROGRAMS, marks: &[(0, b"MZ"), (0, b"\x7fELF"), (0, b"\xcf\xfa\xed\xfe"), (0, b"\xca\xfe\xba\xbe")] },
];

/// Never told as such.
const PROGRAMS: &[&str] = &[
    "application/vnd.microsoft.portable-executable",
    "application/x-msdownload",
    "application/x-dosexec",
    "application/x-executable",
    "application/x-elf",
    "application/x-mach-binary",
];

/// Have no first bytes of their own, and do no harm when they are downloaded as what they are.
const TEXTS: &[&str] = &["text/plain", "text/csv", "text/markdown", "application/json"];

/// Pictures that are shown, because they are decoded and written anew.
pub const PICTURES: &[&str] = &["image/jpeg", "image/png", "image/gif", "image/webp"];

/// Whether bytes that begin so may call themselves by this type. What has no known beginning must not have that of something else.
pub fn agrees(declared: &str, head: &[u8]) -> bool {
    let by_type = FAMILIES.iter().position(|family| family.types.contains(&declared));
    let by_bytes = FAMILIES.iter().position(|family| family.marks.iter().any(|(at, mark)| stands(head, *at, mark)));
    declared == BYTES || by_type == by_bytes
}

/// What a file is called when it is downloaded: its own type where that is known and harmless, else mere bytes. HTML, SVG and scripts are bytes.
pub fn told(declared: &str) -> &'static str {
    let known = FAMILIES.iter().flat_map(|family| family.types).chain(TEXTS);
    known.copied().find(|known| *known == declared).filter(|known| !PROGRAMS.contains(known)).unwrap_or(BYTES)
}

fn stands(head: &[u8], at: usize, mark: &[u8]) -> bool {
    head.get(at..).is_some_and(|rest| rest.starts_with(mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_may_only_be_what_they_begin_as() {
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
        let docx = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
        for (declared, head, agrees_) in [
            ("image/png", &png[..], true),
            ("image/jpeg", png, false),
            ("image/png", b"<svg onload=alert(1)>", false),
            ("image/png", b"<html>", false),
            ("image/png", b"", false),
            ("application/pdf", b"%PDF-1.7", true),
            ("application/pdf", b"MZ\x90\0", false),
            (docx, b"PK\x03\x04", true),
            ("application/zip", b"%PDF-1.7", false),
            ("text/plain", b"Dear all", true),
            ("text/plain", b"MZ\x90\0", false),
            ("text/html", b"<html>", true),
            ("application/octet-stream", b"MZ\x90\0", true),
            ("image/webp", b"RIFF\0\0\0\0WEBPVP8 ", true),
            ("audio/wav", b"RIFF\0\0\0\0WEBPVP8 ", false),
        ] {
            assert_eq!(agrees(declared, head), agrees_, "{declared} {head:?}");
        }
    }

    #[test]
    fn what_a_browser_would_run_is_told_as_mere_bytes() {
        for declared in ["text/html", "image/svg+xml", "application/xhtml+xml", "text/javascript", "text/xml", "x/y", PROGRAMS[0]]
        {
            assert_eq!(told(declared), BYTES, "{declared}");
        }
        for declared in ["text/plain", "application/pdf", "video/mp4", "application/json"] {
            assert_eq!(told(declared), declared);
        }
    }
}
