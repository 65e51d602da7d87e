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

/// Replaces the extension by that of the new content type.
pub fn with_extension(name: &str, content_type: &str) -> String {
    let endings: &[&str] = match content_type {
        "image/jpeg" => &["jpg", "jpeg"],
        "image/png" => &["png"],
        "image/gif" => &["gif"],
        _ => return name.to_owned(),
    };
    match name.rsplit_once('.') {
        Some((_, ending)) if endings.iter().any(|known| ending.eq_ignore_ascii_case(known)) => name.to_owned(),
        Some((before, ending)) if !before.is_empty() && ending.len() <= 4 => format!("{before}.{}", endings[0]),
        _ => format!("{name}.{}", endings[0]),
    }
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
        assert_eq!(with_extension("a.webp", "image/jpeg"), "a.jpg");
        assert_eq!(with_extension("a.JPEG", "image/jpeg"), "a.JPEG");
        assert_eq!(with_extension("picture", "image/png"), "picture.png");
        assert_eq!(with_extension(".hidden", "image/png"), ".hidden.png");
    }
}
