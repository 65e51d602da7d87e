//! Content types by magic bytes: enough to detect a false declaration. Only decoding proves an image.

/// The number of bytes inspected.
pub const HEAD: u64 = 64;

/// The type of everything that is not served as its own type.
pub const BYTES: &str = "application/octet-stream";

/// Types that share their magic bytes, as containers do.
struct TypeSignature {
    types: &'static [&'static str],
    /// Alternatives of offset and bytes.
    magic: &'static [(usize, &'static [u8])],
}

const SIGNATURES: &[TypeSignature] = &[
    TypeSignature { types: &["image/jpeg"], magic: &[(0, b"\xff\xd8\xff")] },
    TypeSignature { types: &["image/png"], magic: &[(0, b"\x89PNG\r\n\x1a\n")] },
    TypeSignature { types: &["image/gif"], magic: &[(0, b"GIF87a"), (0, b"GIF89a")] },
    TypeSignature { types: &["image/webp"], magic: &[(8, b"WEBP")] },
    TypeSignature { types: &["image/bmp"], magic: &[(0, b"BM")] },
    TypeSignature { types: &["image/tiff"], magic: &[(0, b"II*\0"), (0, b"MM\0*")] },
    TypeSignature {
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
        magic: &[(4, b"ftyp")],
    },
    TypeSignature { types: &["video/webm", "video/x-matroska", "audio/webm"], magic: &[(0, b"\x1a\x45\xdf\xa3")] },
    TypeSignature { types: &["video/x-msvideo"], magic: &[(8, b"AVI ")] },
    TypeSignature { types: &["audio/wav", "audio/x-wav"], magic: &[(8, b"WAVE")] },
    TypeSignature { types: &["audio/ogg", "video/ogg", "audio/opus"], magic: &[(0, b"OggS")] },
    TypeSignature { types: &["audio/flac"], magic: &[(0, b"fLaC")] },
    TypeSignature { types: &["audio/mpeg"], magic: &[(0, b"ID3"), (0, b"\xff\xfb"), (0, b"\xff\xf3"), (0, b"\xff\xf2")] },
    TypeSignature { types: &["application/pdf"], magic: &[(0, b"%PDF-")] },
    TypeSignature {
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
        magic: &[(0, b"PK\x03\x04"), (0, b"PK\x05\x06")],
    },
    TypeSignature {
        types: &["application/msword", "application/vnd.ms-excel", "application/vnd.ms-powerpoint"],
        magic: &[(0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")],
    },
    TypeSignature { types: &["application/gzip", "application/x-gzip"], magic: &[(0, b"\x1f\x8b")] },
    TypeSignature { types: &["application/x-7z-compressed"], magic: &[(0, b"7z\xbc\xaf\x27\x1c")] },
    TypeSignature { types: &["application/vnd.rar", "application/x-rar-compressed"], magic: &[(0, b"Rar!\x1a\x07")] },
    TypeSignature { types: &["application/x-bzip2"], magic: &[(0, b"BZh")] },
    TypeSignature { types: &["application/x-xz"], magic: &[(0, b"\xfd7zXZ\0")] },
    TypeSignature { types: &["application/rtf", "text/rtf"], magic: &[(0, b"{\\rtf")] },
    TypeSignature { types: PROGRAMS, magic: &[(0, b"MZ"), (0, b"\x7fELF"), (0, b"\xcf\xfa\xed\xfe"), (0, b"\xca\xfe\xba\xbe")] },
];

/// Never served as their own type.
const PROGRAMS: &[&str] = &[
    "application/vnd.microsoft.portable-executable",
    "application/x-msdownload",
    "application/x-dosexec",
    "application/x-executable",
    "application/x-elf",
    "application/x-mach-binary",
];

/// Types without magic bytes that are harmless to download.
const TEXTS: &[&str] = &["text/plain", "text/csv", "text/markdown", "application/json"];

/// Whether the magic bytes allow the declared type. A type without known magic bytes must not match another type's.
pub fn matches_declared(declared: &str, head: &[u8]) -> bool {
    let by_type = SIGNATURES.iter().position(|signature| signature.types.contains(&declared));
    let by_bytes =
        SIGNATURES.iter().position(|signature| signature.magic.iter().any(|(at, bytes)| has_bytes_at(head, *at, bytes)));
    declared == BYTES || by_type == by_bytes
}

/// Returns the type to serve: the declared type if it is known and harmless, else octet-stream. HTML, SVG and scripts are octet-stream.
pub fn served_type(declared: &str) -> &'static str {
    let known = SIGNATURES.iter().flat_map(|signature| signature.types).chain(TEXTS);
    known.copied().find(|known| *known == declared).filter(|known| !PROGRAMS.contains(known)).unwrap_or(BYTES)
}

fn has_bytes_at(head: &[u8], at: usize, bytes: &[u8]) -> bool {
    head.get(at..).is_some_and(|rest| rest.starts_with(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declared_types_must_match_the_magic_bytes() {
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
            assert_eq!(matches_declared(declared, head), agrees_, "{declared} {head:?}");
        }
    }

    #[test]
    fn active_content_is_served_as_octet_stream() {
        for declared in ["text/html", "image/svg+xml", "application/xhtml+xml", "text/javascript", "text/xml", "x/y", PROGRAMS[0]]
        {
            assert_eq!(served_type(declared), BYTES, "{declared}");
        }
        for declared in ["text/plain", "application/pdf", "video/mp4", "application/json"] {
            assert_eq!(served_type(declared), declared);
        }
    }
}
