//! File names from users: displayed to others, never used as keys. Removes folders, controls and what does not show.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::text::{line, visible};

/// Characters that RFC 5987 leaves unescaped.
const ATTR: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// Replaces an empty name.
const NAMELESS: &str = "file";

/// Returns the name as others see it. Right-to-left scripts stay; direction controls go, because `photo⟲gnp.exe` looks like an image.
pub fn sanitized(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain = line::cleaned(&last.replace(|letter| visible::is_control(letter, false), ""));
    match plain.as_str() {
        "." | ".." => NAMELESS.to_owned(),
        invisible if visible::is_invisible(invisible) => NAMELESS.to_owned(),
        _ => plain,
    }
}

/// Returns the `Content-Disposition` header with an ASCII and a UTF-8 name (RFC 6266).
pub fn disposition(inline: bool, name: &str) -> String {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() || ".-_ ()".contains(letter) { letter } else { '_' };
    let (how, fallback): (_, String) = (if inline { "inline" } else { "attachment" }, name.chars().map(plain).collect());
    format!("{how}; filename=\"{fallback}\"; filename*=UTF-8''{}", utf8_percent_encode(name, ATTR))
}

/// Extensions of pictures, which change with the content type. Others are part of the name: "Screenshot 12.34".
const PICTURE_EXTENSIONS: [&str; 24] = [
    "jpg", "jpeg", "jpe", "jfif", "pjpeg", "pjp", "png", "apng", "gif", "gifv", "webp", "heic", "heif", "hif", "avif", "tif",
    "tiff", "bmp", "dib", "jxl", "jp2", "ico", "svg", "mpo",
];

/// Replaces the extension of a picture by that of its content type, or appends it.
pub fn with_extension(name: &str, content_type: &str) -> String {
    let endings: &[&str] = match content_type {
        "image/jpeg" => &["jpg", "jpeg", "jpe", "jfif", "pjpeg", "pjp"],
        "image/png" => &["png", "apng"],
        "image/gif" => &["gif"],
        "image/webp" => &["webp"],
        _ => return name.to_owned(),
    };
    let is = |ending: &str, known: &[&str]| known.iter().any(|known| ending.eq_ignore_ascii_case(known));
    match name.rsplit_once('.') {
        Some((_, ending)) if is(ending, endings) => name.to_owned(),
        Some((before, ending)) if !before.is_empty() && is(ending, &PICTURE_EXTENSIONS) => {
            format!("{}.{}", shortened(before, endings[0]), endings[0])
        }
        _ => format!("{}.{}", shortened(name, endings[0]), endings[0]),
    }
}

/// Leaves room for an extension within the 255 characters of a name.
fn shortened<'a>(name: &'a str, ending: &str) -> &'a str {
    let most = 255 - 1 - ending.len();
    name.char_indices().nth(most).map_or(name, |(end, _)| &name[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_its_last_part_without_tricks() {
        for (given, shown_) in [
            ("beach.jpg", "beach.jpg"),
            ("../../etc/passwd", "passwd"),
            ("..\\..\\boot.ini", "boot.ini"),
            ("/", "file"),
            ("..", "file"),
            (" \u{7}\0 ", "file"),
            ("a\r\nSet-Cookie: x", "aSet-Cookie: x"),
            ("photo\u{202e}gnp.exe", "photognp.exe"),
            ("\u{ad}", "file"),
            ("re\u{200b}port\u{e000}.pdf", "report.pdf"),
            ("Gru\u{308}\u{df}e.txt", "Grüße.txt"),
            ("صورة من الشاطئ.jpg", "صورة من الشاطئ.jpg"),
            ("%2e%2e%2fx", "%2e%2e%2fx"),
        ] {
            assert_eq!(sanitized(given), shown_, "{given:?}");
        }
    }

    #[test]
    fn a_download_has_its_name_in_two_alphabets() {
        assert_eq!(
            disposition(false, "Grüße \"1\".pdf"),
            "attachment; filename=\"Gr__e _1_.pdf\"; filename*=UTF-8''Gr%C3%BC%C3%9Fe%20%221%22.pdf"
        );
        assert!(disposition(true, "a.png").starts_with("inline; "));
    }

    #[test]
    fn a_picture_that_became_another_kind_is_named_so() {
        for (name, content_type, shown_) in [
            ("a.webp", "image/jpeg", "a.jpg"),
            ("a.JPEG", "image/jpeg", "a.JPEG"),
            ("a.jfif", "image/jpeg", "a.jfif"),
            ("a.jpg", "image/png", "a.png"),
            ("a.JPG", "image/webp", "a.webp"),
            ("a.jpg", "image/gif", "a.gif"),
            ("a.png.jpg", "image/gif", "a.png.gif"),
            ("picture", "image/png", "picture.png"),
            (".hidden", "image/png", ".hidden.png"),
            (".jpg", "image/png", ".jpg.png"),
            ("Screenshot 12.34", "image/jpeg", "Screenshot 12.34.jpg"),
            ("v1.2", "image/png", "v1.2.png"),
            ("IMG_1.MOV", "image/jpeg", "IMG_1.MOV.jpg"),
            ("a.", "image/png", "a..png"),
            ("a.png", "text/plain", "a.png"),
        ] {
            assert_eq!(with_extension(name, content_type), shown_, "{name} {content_type}");
        }
        for (content_type, ending) in
            [("image/jpeg", "jpg"), ("image/png", "png"), ("image/gif", "gif"), ("image/webp", "webp"), ("text/plain", "")]
        {
            for given in ["", ".ico", ".jp2", ".jpg", ".png", ".gif", ".webp", ".jpeg", ".txt", "."] {
                let name = format!("{}{given}", "ä".repeat(255 - given.len()));
                let long = with_extension(&name, content_type);
                assert!(long.chars().count() <= 255 && long.starts_with(&"ä".repeat(240)), "{given}: {long}");
                assert!(long.ends_with(ending) || given == ".jpeg" && ending == "jpg", "{given}: {long}");
            }
        }
        assert_eq!(with_extension(&format!("{}.jpg", "ä".repeat(251)), "image/webp"), format!("{}.webp", "ä".repeat(250)));
    }
}
