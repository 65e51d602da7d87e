//! The type that a file is served as: the declared one if the bytes bear it out and it is harmless, else bytes without a type.
//!
//! Magic bytes are those of the crate `file-format`, whose readers of whole files are off. Only decoding proves an image.

use file_format::FileFormat as Format;

use super::media_types::{BYTES, canonical};

/// The number of bytes inspected.
pub const HEAD: u64 = 64 * 1024;

/// How a file is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Presentation {
    pub content_type: &'static str,
    /// Whether browsers open it instead of saving it: audio and video.
    pub inline: bool,
}

/// What must be found in the bytes.
enum Proof {
    /// One of these formats, or a container that the type uses.
    Format(&'static [Format]),
    /// Text that is no markup.
    Text,
}

struct ServedType {
    names: &'static [&'static str],
    proof: Proof,
}

const fn format(names: &'static [&'static str], formats: &'static [Format]) -> ServedType {
    ServedType { names, proof: Proof::Format(formats) }
}

/// Formats of ISO base media files: their brands are not always those of their extension.
const ISO_MEDIA: &[Format] = &[
    Format::Mpeg4Part14,
    Format::AppleQuicktime,
    Format::AppleItunesVideo,
    Format::AppleItunesAudio,
    Format::AppleItunesAudiobook,
    Format::AppleItunesProtectedAudio,
    Format::FlashMp4Video,
    Format::FlashMp4Audio,
    Format::FlashMp4Audiobook,
    Format::FlashMp4ProtectedVideo,
    Format::ThirdGenerationPartnershipProject,
    Format::ThirdGenerationPartnershipProject2,
];
const OGG: &[Format] = &[
    Format::OggMultiplexedMedia,
    Format::OggOpus,
    Format::OggVorbis,
    Format::OggFlac,
    Format::OggSpeex,
    Format::OggTheora,
    Format::OggMedia,
];

/// Harmless types. HTML, SVG, XML, scripts and programs are not among them.
const SERVED: &[ServedType] = &[
    format(&["image/jpeg"], &[Format::JointPhotographicExpertsGroup]),
    format(&["image/png"], &[Format::PortableNetworkGraphics, Format::AnimatedPortableNetworkGraphics]),
    format(&["image/apng"], &[Format::PortableNetworkGraphics, Format::AnimatedPortableNetworkGraphics]),
    format(&["image/gif"], &[Format::GraphicsInterchangeFormat]),
    format(&["image/webp"], &[Format::Webp]),
    format(&["image/bmp"], &[Format::WindowsBitmap]),
    format(&["image/vnd.microsoft.icon"], &[Format::WindowsIcon]),
    format(&["image/vnd.adobe.photoshop"], &[Format::AdobePhotoshopDocument]),
    format(&["image/jxl"], &[Format::JpegXl]),
    format(&["image/jp2"], &[Format::Jpeg2000Part1]),
    format(
        &["image/heic", "image/heif", "image/avif"],
        &[
            Format::HighEfficiencyImageCoding,
            Format::HighEfficiencyImageCodingSequence,
            Format::HighEfficiencyImageFileFormat,
            Format::HighEfficiencyImageFileFormatSequence,
            Format::Av1ImageFileFormat,
            Format::Av1ImageFileFormatSequence,
        ],
    ),
    format(
        &["image/tiff", "image/x-adobe-dng", "image/x-nikon-nef", "image/x-canon-cr2", "image/x-sony-arw", "image/x-pentax-pef"],
        &[Format::TagImageFileFormat, Format::CanonRaw2, Format::NikonElectronicFile, Format::SonyAlphaRaw],
    ),
    format(&["image/x-canon-cr3"], &[Format::CanonRaw3]),
    format(&["image/x-fuji-raf"], &[Format::FujifilmRaw]),
    format(&["image/x-olympus-orf"], &[Format::OlympusRawFormat]),
    format(&["image/x-panasonic-rw2"], &[Format::PanasonicRaw]),
    format(&["video/mp4", "video/quicktime", "video/3gpp", "video/3gpp2", "audio/mp4", "audio/3gpp", "audio/3gpp2"], ISO_MEDIA),
    format(&["video/webm", "video/matroska", "audio/webm", "audio/matroska"], &[Format::ExtensibleBinaryMetaLanguage]),
    format(&["audio/ogg", "video/ogg"], OGG),
    format(&["audio/mpeg"], &[Format::Id3v2, Format::Mpeg12AudioLayer3, Format::Mpeg12AudioLayer2]),
    format(&["audio/aac"], &[Format::AdvancedAudioCoding, Format::Id3v2]),
    format(&["audio/flac"], &[Format::FreeLosslessAudioCodec, Format::Id3v2]),
    format(&["audio/wav"], &[Format::WaveformAudio]),
    format(&["audio/amr"], &[Format::AdaptiveMultiRate]),
    format(&["audio/aiff"], &[Format::AudioInterchangeFileFormat]),
    format(&["audio/midi"], &[Format::MusicalInstrumentDigitalInterface]),
    format(&["video/x-msvideo"], &[Format::AudioVideoInterleave]),
    format(&["video/x-ms-wmv", "audio/x-ms-wma"], &[Format::AdvancedSystemsFormat]),
    format(&["video/x-flv"], &[Format::FlashVideo]),
    format(&["video/mpeg"], &[Format::Mpeg12Video]),
    format(&["video/mp2t"], &[Format::Mpeg2TransportStream, Format::BdavMpeg2TransportStream]),
    format(&["application/pdf", "application/illustrator"], &[Format::PortableDocumentFormat]),
    format(&["application/postscript"], &[Format::Postscript, Format::EncapsulatedPostscript]),
    format(&["application/rtf"], &[Format::RichTextFormat]),
    format(
        &[
            "application/zip",
            "application/epub+zip",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.template",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.template",
            "application/vnd.openxmlformats-officedocument.presentationml.presentation",
            "application/vnd.openxmlformats-officedocument.presentationml.slideshow",
            "application/vnd.openxmlformats-officedocument.presentationml.template",
            "application/vnd.ms-word.document.macroenabled.12",
            "application/vnd.ms-word.template.macroenabled.12",
            "application/vnd.ms-excel.sheet.macroenabled.12",
            "application/vnd.ms-excel.sheet.binary.macroenabled.12",
            "application/vnd.ms-excel.template.macroenabled.12",
            "application/vnd.ms-excel.addin.macroenabled.12",
            "application/vnd.ms-powerpoint.presentation.macroenabled.12",
            "application/vnd.ms-powerpoint.slideshow.macroenabled.12",
            "application/vnd.ms-visio.drawing",
            "application/vnd.ms-visio.drawing.main+xml",
            "application/vnd.ms-xpsdocument",
            "application/vnd.oasis.opendocument.text",
            "application/vnd.oasis.opendocument.text-template",
            "application/vnd.oasis.opendocument.spreadsheet",
            "application/vnd.oasis.opendocument.spreadsheet-template",
            "application/vnd.oasis.opendocument.presentation",
            "application/vnd.oasis.opendocument.presentation-template",
            "application/vnd.oasis.opendocument.graphics",
            "application/vnd.oasis.opendocument.formula",
            "application/vnd.apple.pages",
            "application/vnd.apple.numbers",
            "application/vnd.apple.keynote",
            "application/vnd.google-earth.kmz",
            "application/vnd.comicbook+zip",
            "model/3mf",
            "model/vnd.usdz+zip",
        ],
        &[Format::Zip],
    ),
    format(
        &[
            "application/msword",
            "application/vnd.ms-excel",
            "application/vnd.ms-powerpoint",
            "application/vnd.ms-outlook",
            "application/vnd.ms-project",
            "application/vnd.ms-publisher",
            "application/vnd.visio",
        ],
        &[Format::CompoundFileBinary],
    ),
    format(&["application/gzip"], &[Format::Gzip]),
    format(&["application/x-7z-compressed"], &[Format::SevenZip]),
    format(&["application/vnd.rar"], &[Format::RoshalArchive]),
    format(&["application/x-bzip2"], &[Format::Bzip2]),
    format(&["application/x-xz"], &[Format::Xz]),
    format(&["application/zstd"], &[Format::Zstandard]),
    format(&["application/x-tar"], &[Format::TapeArchive]),
    format(&["application/vnd.sqlite3"], &[Format::Sqlite3]),
    format(&["image/vnd.dwg"], &[Format::AutocadDrawing]),
    format(&["font/ttf"], &[Format::Truetype]),
    format(&["font/otf"], &[Format::Opentype]),
    format(&["font/woff"], &[Format::WebOpenFontFormat]),
    format(&["font/woff2"], &[Format::WebOpenFontFormat2]),
    format(&["model/gltf-binary"], &[Format::GlTransmissionFormatBinary]),
    ServedType {
        names: &[
            "text/plain",
            "text/csv",
            "text/tab-separated-values",
            "text/markdown",
            "text/calendar",
            "text/vcard",
            "text/vtt",
            "application/json",
            "application/geo+json",
            "application/x-ndjson",
            "application/x-subrip",
        ],
        proof: Proof::Text,
    },
];

/// Types that browsers play.
const PLAYABLE: &[&str] = &[
    "video/mp4",
    "video/quicktime",
    "video/webm",
    "video/ogg",
    "audio/mpeg",
    "audio/mp4",
    "audio/aac",
    "audio/ogg",
    "audio/webm",
    "audio/wav",
    "audio/flac",
];

/// Returns how a file is served. A type that the bytes do not bear out counts for nothing; without one, the bytes decide.
pub fn presentation(declared: &str, file_name: &str, head: &[u8]) -> Presentation {
    let format = format_of(head);
    let declared = match canonical(declared) {
        BYTES => type_of(format, head),
        // Excel registers its type for CSV, too.
        "application/vnd.ms-excel" if is_plain_text(head) && has_ending(file_name, ".csv") => "text/csv",
        declared => declared,
    };
    let proven = served(declared).filter(|served| is_proven(served, format, head));
    let content_type = proven.and_then(|served| served.names.iter().copied().find(|name| *name == declared)).unwrap_or(BYTES);
    Presentation { content_type, inline: PLAYABLE.contains(&content_type) }
}

/// Returns the format by its magic bytes. Marks of two letters or bits that occur in anything need more than themselves.
pub(super) fn format_of(head: &[u8]) -> Format {
    let format = Format::from_bytes(head);
    let is_real = match format {
        Format::Mpeg12AudioLayer3 | Format::Mpeg12AudioLayer2 => is_mpeg_audio(head),
        Format::AdvancedAudioCoding => head.get(2).is_some_and(|bits| ((bits >> 2) & 0xf) < 13),
        // Words that are letters are also the beginning of a text.
        _ => !is_text(head) || is_written_in_text(format),
    };
    if is_real { format } else { Format::ArbitraryBinaryData }
}

/// The name of what the bytes are.
pub(super) fn type_of(format: Format, head: &[u8]) -> &'static str {
    if format == Format::ExtensibleBinaryMetaLanguage {
        let start = &head[..head.len().min(128)];
        return if has_bytes(start, b"webm") { "video/webm" } else { "video/matroska" };
    }
    served_by(format).unwrap_or(BYTES)
}

/// The served type of a format by the name that the crate gives it.
fn served_by(format: Format) -> Option<&'static str> {
    let name = canonical(format.media_type());
    let same = |served: &&ServedType| matches!(served.proof, Proof::Format(formats) if formats.contains(&format));
    SERVED.iter().filter(same).flat_map(|served| served.names).copied().find(|known| *known == name)
}

fn served(name: &str) -> Option<&'static ServedType> {
    SERVED.iter().find(|served| served.names.contains(&name))
}

fn is_proven(served: &ServedType, format: Format, head: &[u8]) -> bool {
    match served.proof {
        Proof::Format(formats) => formats.contains(&format),
        Proof::Text => is_plain_text(head),
    }
}

fn is_plain_text(head: &[u8]) -> bool {
    is_text(head) && !is_markup(head)
}

/// Whether the format is text itself.
fn is_written_in_text(format: Format) -> bool {
    let name = format.media_type();
    matches!(
        format,
        Format::PortableDocumentFormat | Format::RichTextFormat | Format::Postscript | Format::EncapsulatedPostscript
    ) || name.starts_with("text/")
        || name.ends_with("+xml")
}

/// Whether there are no bytes that texts do not have, in any encoding: the control characters of the WHATWG's MIME sniffing.
pub(super) fn is_text(head: &[u8]) -> bool {
    let is_wide = head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff");
    let is_binary = |byte: &u8| matches!(byte, 0x00..=0x08 | 0x0b | 0x0e..=0x1a | 0x1c..=0x1f) && !(is_wide && *byte == 0);
    !head.is_empty() && !head.iter().take(64 * 1024).any(is_binary)
}

/// Whether a text begins with a tag, a declaration or a comment.
pub(super) fn is_markup(head: &[u8]) -> bool {
    let start = text_start(head);
    start.first() == Some(&b'<') && start.get(1).is_some_and(|next| next.is_ascii_alphabetic() || b"!?/".contains(next))
}

/// The first letters of a text, in lower case, without byte order mark, leading blanks, and the zeros of UTF-16.
pub(super) fn text_start(head: &[u8]) -> Vec<u8> {
    let marks: [&[u8]; 3] = [b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"];
    let text = marks.iter().find_map(|mark| head.strip_prefix(*mark)).unwrap_or(head);
    let letters = text.iter().copied().filter(|byte| *byte != 0).skip_while(u8::is_ascii_whitespace);
    letters.take(1024).map(|letter| letter.to_ascii_lowercase()).collect()
}

/// Whether a frame of MPEG audio begins here: no field has a reserved value.
pub(super) fn is_mpeg_audio(head: &[u8]) -> bool {
    let &[0xff, version, rates, ..] = head else { return false };
    let (kind, layer, rate) = ((version >> 3) & 3, (version >> 1) & 3, (rates >> 2) & 3);
    head.len() >= 4 && version >> 5 == 7 && kind != 1 && layer != 0 && rates >> 4 != 15 && rate != 3
}

pub(super) fn has_bytes(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|part| part == wanted)
}

fn has_ending(file_name: &str, ending: &str) -> bool {
    file_name.len() >= ending.len()
        && file_name.as_bytes()[file_name.len() - ending.len()..].eq_ignore_ascii_case(ending.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::media_types::PROGRAMS;
    use super::*;

    #[test]
    fn a_served_type_stands_once_under_its_canonical_name_and_is_harmless() {
        let mut seen = BTreeSet::new();
        for name in SERVED.iter().flat_map(|served| served.names) {
            assert!(seen.insert(*name), "{name} stands twice");
            assert_eq!(canonical(name), *name);
            assert!(!name.ends_with("+xml") || name.starts_with("application/vnd.ms-visio"), "{name}");
        }
        for never in ["text/html", "image/svg+xml", "text/xml", "text/javascript", BYTES] {
            assert!(!seen.contains(never), "{never}");
        }
        for program in PROGRAMS {
            assert!(!seen.contains(program), "{program}");
        }
        for name in PLAYABLE {
            assert!(seen.contains(name), "{name}");
        }
    }

    #[test]
    fn the_beginning_of_a_frame_is_more_than_eleven_bits() {
        for (head, is_audio) in [
            (&b"\xff\xfb\x90\x64"[..], true),
            (b"\xff\xfa\x90\x64", true),
            (b"\xff\xf3\x40\xc4", true),
            (b"\xff\xfb<script>", false),
            (b"\xff\xfb\xf0\x64", false),
            (b"\xff\xfb", false),
            (b"", false),
        ] {
            assert_eq!(is_mpeg_audio(head), is_audio, "{head:?}");
        }
    }
}
