//! Validates the fields of an account and returns them typed, with every violation in one error.

use crate::domain::auth::passwords;
use crate::domain::people::handles::username_of;
use crate::error::{Error, Result, Violation};
use crate::protocol::accounts::{Login, Register};
use crate::store::users::email_key;
use crate::text::line;
use crate::text::usernames::{is_reserved, is_well_formed};
use crate::text::visible::{is_control, is_hidden, is_invisible, is_mark};

/// Longest e-mail address that SMTP carries (RFC 5321).
const EMAIL_LENGTH: usize = 254;
const NAME_LENGTH: usize = 64;
const ABOUT_LENGTH: usize = 500;

/// A registration with valid fields. It has no `Debug`, because it holds the password.
pub(super) struct Registration<'a> {
    pub(super) username: &'a str,
    pub(super) email: Option<&'a str>,
    pub(super) display_name: String,
    pub(super) device: String,
    pub(super) password: &'a str,
}

/// The name given at login.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LoginName<'a> {
    Username(&'a str),
    Email(&'a str),
}

/// Validates a registration, the password included. `reserved` are names that the deployment adds to the reserved ones.
pub(super) fn registration<'a>(given: &'a Register, reserved: &[String]) -> Result<Registration<'a>> {
    let display_name = given.display_name.as_deref().filter(|name| !name.trim().is_empty()).map(line::cleaned);
    let fields = Registration {
        username: &given.username,
        email: given.email.as_deref().map(str::trim).filter(|email| !email.is_empty()),
        display_name: display_name.clone().unwrap_or_else(|| given.username.clone()),
        device: line::cleaned(given.device.as_deref().unwrap_or_default()),
        password: &given.password,
    };
    let found = [
        new_username(fields.username, reserved),
        passwords::violation(
            "password",
            &given.password,
            &[&given.username, &fields.display_name, fields.email.unwrap_or_default()],
        ),
        fields.email.and_then(email),
        display_name.as_deref().and_then(self::display_name),
        single_line("device", &fields.device),
    ];
    collect_violations(found).map(|()| fields)
}

/// Validates a login and returns the name and the device.
pub(super) fn login(given: &Login) -> Result<(LoginName<'_>, String)> {
    let text = |field: &'_ Option<String>| -> bool { field.as_deref().is_some_and(|text| !text.trim().is_empty()) };
    let name = match (&given.username, &given.email) {
        // No username contains `@`, so a username with one, but at its beginning, is an e-mail address.
        (Some(name), _) if text(&given.username) && username_of(name).contains('@') => Some(LoginName::Email(name.trim())),
        (Some(name), _) if text(&given.username) => Some(LoginName::Username(username_of(name))),
        (_, Some(email)) if text(&given.email) => Some(LoginName::Email(email.trim())),
        _ => None,
    };
    let device = line::cleaned(given.device.as_deref().unwrap_or_default());
    let missing = name.is_none().then(|| violation("username", "missing", "username or email is needed"));
    collect_violations([missing, single_line("device", &device)])?;
    name.map(|name| (name, device)).ok_or_else(|| Error::invalid("username", "missing", "username or email is needed"))
}

/// Returns all violations in one error.
pub(in crate::domain) fn collect_violations<const N: usize>(found: [Option<Violation>; N]) -> Result<()> {
    let violations: Vec<_> = found.into_iter().flatten().collect();
    if violations.is_empty() { Ok(()) } else { Err(Error::Invalid(violations)) }
}

/// Returns whether a text is a possible username.
pub(super) fn is_username(text: &str) -> bool {
    username(text).is_none()
}

/// Returns whether a text is an address that an account may have. Earlier releases stored addresses with hidden characters.
pub(super) fn is_email(text: &str) -> bool {
    text.chars().count().max(email_key(text).chars().count()) <= EMAIL_LENGTH && is_address(text)
}

/// Validates a username to register. Names from before these rules go on logging in.
fn new_username(text: &str, reserved: &[String]) -> Option<Violation> {
    username(text).or_else(|| {
        if !is_well_formed(text) {
            Some(violation(
                "username",
                "invalid",
                "must begin and end with a letter or digit, without two marks beside each other",
            ))
        } else if is_reserved(text, reserved) {
            Some(violation("username", "reserved", "is reserved"))
        } else {
            None
        }
    })
}

fn username(text: &str) -> Option<Violation> {
    let (code, detail) = if text.chars().count() < 3 {
        ("too_short", "must have at least 3 characters")
    } else if text.chars().count() > 32 {
        ("too_long", "must have at most 32 characters")
    } else if !text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-')) {
        ("invalid", "may hold only letters a-z, digits, dots, underscores and hyphens")
    } else {
        return None;
    };
    Some(violation("username", code, detail))
}

/// Validates an address to store. Deliverability is not checked.
pub(in crate::domain) fn email(text: &str) -> Option<Violation> {
    if text.chars().count().max(email_key(text).chars().count()) > EMAIL_LENGTH {
        return Some(violation("email", "too_long", "must have at most 254 characters"));
    }
    let is_hiding = text.contains(is_hidden) || text.split(['@', '.']).any(|part| part.starts_with(is_mark));
    (is_hiding || !is_address(text)).then(|| violation("email", "invalid", "must be an e-mail address"))
}

/// Returns whether a text has one `@`, a local part, and a domain with a dot.
fn is_address(text: &str) -> bool {
    text.split_once('@').is_some_and(|(local, domain)| {
        let labels = || domain.split('.');
        (1..=64).contains(&local.len())
            && labels().count() >= 2
            && labels().all(|label| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-'))
            && !domain.contains('@')
            && !text.chars().any(|c| {
                c.is_whitespace()
                    || c.is_control()
                    || matches!(c, '<' | '>' | '(' | ')' | '[' | ']' | ',' | ';' | ':' | '\\' | '"')
            })
    })
}

/// Requires one line with at least one visible character, of a name as [`line::cleaned`] returns it.
pub(in crate::domain) fn display_name(text: &str) -> Option<Violation> {
    let nothing = || violation("display_name", "required", "must have at least one visible character");
    single_line("display_name", text).or_else(|| is_invisible(text).then(nothing))
}

/// Validates the profile text, which may have several lines.
pub(in crate::domain) fn about(text: &str) -> Option<Violation> {
    if text.chars().count() > ABOUT_LENGTH {
        return Some(violation("about", "too_long", "must have at most 500 characters"));
    }
    text.contains(|c| is_control(c, true)).then(|| violation("about", "invalid", "must not hold control characters"))
}

/// Validates one line of display text.
fn single_line(field: &str, text: &str) -> Option<Violation> {
    if text.chars().count() > NAME_LENGTH {
        return Some(violation(field, "too_long", "must have at most 64 characters"));
    }
    text.contains(|c| is_control(c, false)).then(|| violation(field, "invalid", "must not hold control characters"))
}

fn violation(field: &str, code: &'static str, detail: &str) -> Violation {
    Violation { field: field.to_owned(), code, detail: detail.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn register(username: &str) -> Register {
        Register {
            username: username.into(),
            password: "correct horse battery".into(),
            email: None,
            display_name: None,
            device: None,
        }
    }

    #[test]
    fn all_violations_are_returned_at_once() {
        let given = Register {
            password: "short".into(),
            email: Some("ann@".into()),
            display_name: Some("a\u{7}b".into()),
            device: Some("x".repeat(65)),
            ..register("a b")
        };
        let Err(Error::Invalid(violations)) = registration(&given, &[]) else { panic!("it was taken") };
        let said: Vec<_> = violations.iter().map(|violation| (violation.field.as_str(), violation.code)).collect();
        let expected = [
            ("username", "invalid"),
            ("password", "too_short"),
            ("email", "invalid"),
            ("display_name", "invalid"),
            ("device", "too_long"),
        ];
        assert_eq!(said, expected);
    }

    #[test]
    fn a_username_is_3_to_32_plain_characters() {
        for good in ["ann", "a.b_c-d", "0123456789", &"x".repeat(32)] {
            assert!(is_username(good), "{good}");
        }
        for bad in ["", "ab", &"x".repeat(33), "ann ", "änn", "ann@x", "a/b", "ann\0", "а́nn", "a\u{200b}nn"] {
            assert!(!is_username(bad), "{bad}");
        }
    }

    #[test]
    fn a_new_username_keeps_the_rules_of_today() {
        let code = |name: &str| new_username(name, &["acme".into()]).map(|wrong| wrong.code);
        assert_eq!(code("ann.b"), None);
        for bad in ["ann_", ".ann", "a..b", "a._b", "---"] {
            assert_eq!(code(bad), Some("invalid"), "{bad}");
            assert!(is_username(bad), "{bad} logs in as before");
        }
        for bad in ["admin", "Every.One", "r00t", "acme", "A-C-M-E"] {
            assert_eq!(code(bad), Some("reserved"), "{bad}");
        }
    }

    #[test]
    fn an_address_has_nothing_hidden() {
        for hidden in ['\u{200b}', '\u{202e}', '\u{ad}', '\u{e000}', '\u{378}', '\u{2800}', '\u{feff}'] {
            for text in [format!("a{hidden}nn@example.com"), format!("ann@exa{hidden}mple.com")] {
                assert!(email(&text).is_some(), "{text:?}");
            }
        }
        assert!(email("\u{301}ann@example.com").is_some() && email("ju\u{308}rgen@example.com").is_none());
        assert!(is_email("a\u{200b}nn@example.com"), "it logs in as before");
    }

    #[test]
    fn a_display_name_is_one_visible_line() {
        let display_name = |text: &str| display_name(&line::cleaned(text));
        for good in ["Ann", "Änne Ø", "山田太郎", "👩‍👩‍👧 family", "می\u{200c}خواهم", &"ü".repeat(64)] {
            assert!(display_name(good).is_none(), "{good}");
        }
        for bad in ["", "  ", "\u{200d}", "\u{3164}", "\u{180b}", "\u{17b5}", "\u{301}", "\u{e000}", "a\nb", "a\0", "a\u{2028}b"]
        {
            assert!(display_name(bad).is_some(), "{bad:?}");
        }
        assert_eq!(display_name(&"x".repeat(65)).map(|wrong| wrong.code), Some("too_long"));
        assert!(about("two\nlines\tand a tab").is_none() && about("").is_none() && about(&"👍".repeat(500)).is_none());
        for bad in ["a\0", "a\rb", "a\u{2029}b", &"x".repeat(501)] {
            assert!(about(bad).is_some(), "{bad:?}");
        }
    }

    #[test]
    fn an_implausible_address_is_refused() {
        for good in ["ann@example.com", "a.b+c@sub.example.org", "x@y.zz", "jürgen@müller.de"] {
            assert!(is_email(good), "{good}");
        }
        for bad in [
            "ann",
            "@example.com",
            "ann@",
            "ann@localhost",
            "a@b@c.de",
            "a b@c.de",
            "ann@.de",
            "ann@c..de",
            "ann@-c.de",
            "\"a\"@c.de",
            "a\n@c.de",
        ] {
            assert!(!is_email(bad), "{bad}");
        }
        assert!(!is_email(&format!("{}@example.com", "x".repeat(65))));
        assert!(!is_email(&format!("ann@{}.de", "x".repeat(254))));
        let longer = format!("{}@{}.de", "x".repeat(60), "İ".repeat(180));
        assert!(longer.chars().count() < 254 && !is_email(&longer), "its copy in lower case would be longer than its column");
    }

    #[test]
    fn blank_optional_fields_count_as_absent() {
        let given = Register {
            email: Some(" ".into()),
            display_name: Some("  ".into()),
            device: Some(" laptop ".into()),
            ..register("ann")
        };
        let Ok(fields) = registration(&given, &[]) else { panic!("it was refused") };
        assert_eq!((fields.email, fields.display_name.as_str(), fields.device.as_str()), (None, "ann", "laptop"));
    }

    #[test]
    fn login_accepts_a_username_or_an_address() {
        let given = |username: Option<&str>, email: Option<&str>| Login {
            username: username.map(Into::into),
            email: email.map(Into::into),
            password: String::new(),
            device: None,
        };
        assert_eq!(login(&given(Some("ann"), None)).map(|(name, _)| name).ok(), Some(LoginName::Username("ann")));
        assert_eq!(login(&given(Some(" @ann "), None)).map(|(name, _)| name).ok(), Some(LoginName::Username("ann")));
        assert_eq!(login(&given(None, Some("ann@x.de"))).map(|(name, _)| name).ok(), Some(LoginName::Email("ann@x.de")));
        assert_eq!(login(&given(Some("ann@x.de"), None)).map(|(name, _)| name).ok(), Some(LoginName::Email("ann@x.de")));
        assert!(matches!(login(&given(None, Some(" "))), Err(Error::Invalid(_))));
    }
}
