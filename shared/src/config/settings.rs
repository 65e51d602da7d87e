//! The settings of a deployment: the variable of each, its default, and the values that it takes. The parameters of template.yaml have the same
//! defaults and bounds, and say what each setting does; tests compare them.

use std::time::Duration;

use super::{ConfigError, var};
use crate::error::Limit;

/// An environment variable with a default.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// The variable.
    pub name: &'static str,
    /// The value where the variable is absent or empty, as the environment would have it.
    pub default: &'static str,
    /// The values that it takes.
    pub form: Form,
}

/// What a setting looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Any text.
    Text,
    /// `on` or `off`.
    Switch,
    /// `count/seconds`.
    Rate,
    /// Hours (`24`), or a number with a unit (`90m`, `24h`).
    Lifetime,
    /// A whole number within bounds.
    Whole {
        /// The smallest.
        least: u64,
        /// The largest, if there is one.
        most: Option<u64>,
    },
}

const fn from(least: u64) -> Form {
    Form::Whole { least, most: None }
}

const fn between(least: u64, most: u64) -> Form {
    Form::Whole { least, most: Some(most) }
}

macro_rules! settings {
    ($($name:ident = $default:literal, $form:expr;)*) => {
        $(pub(super) const $name: Setting = Setting { name: stringify!($name), default: $default, form: $form };)*

        /// All settings.
        pub const SETTINGS: &[Setting] = &[$($name),*];
    };
}

settings! {
    LOG_LEVEL = "info", Form::Text;
    DOCS = "on", Form::Switch;
    ALLOWED_ORIGINS = "*", Form::Text;
    RESERVED_USERNAMES = "", Form::Text;
    JWT_EXPIRY = "24", Form::Lifetime;
    SESSION_DAYS = "30", from(1);
    // The column of a message's text holds 65,535 bytes: so many of the longest characters.
    MAX_MESSAGE_LENGTH = "1000", between(1, 16_000);
    RATE_SEND = "30/10", Form::Rate;
    RATE_CHANGE = "60/30", Form::Rate;
    RATE_REPEAT = "5/60", Form::Rate;
    RATE_FRAMES = "300/60", Form::Rate;
    RATE_ACT = "120/60", Form::Rate;
    RATE_REACH = "100/3600", Form::Rate;
    RATE_REGISTER = "20/3600", Form::Rate;
    RATE_LOGIN = "10/300", Form::Rate;
    RATE_CONNECT = "60/60", Form::Rate;
    RATE_SEARCH = "60/60", Form::Rate;
    RATE_UPLOAD = "60/60", Form::Rate;
    RATE_WORK = "1500/15", Form::Rate;
    QUOTA_MB = "1024", from(0);
    QUOTA_FILES = "10000", from(0);
    // A picture is held in memory while it is verified.
    UPLOAD_AVATAR_MB = "5", between(1, 50);
    UPLOAD_IMAGE_MB = "20", between(1, 50);
    // S3 takes no more in one PUT.
    UPLOAD_FILE_MB = "100", between(1, 5120);
    UPLOAD_REFUSED_TYPES = "", Form::Text;
    PUSH_INLINE = "100", from(0);
    PUSH_SHARD = "500", from(1);
    PUSH_BUSY = "1000", from(1);
    COALESCE_SOCKETS = "20", from(0);
    COALESCE_RATE = "4/1", Form::Rate;
    PRESENCE_GRACE = "5", between(1, 30);
    NOTIFY_MEMBERS = "200", between(0, 1000);
    NOTIFY_PAUSE = "10", between(0, 20);
    PUSH_CONTACT = "", Form::Text;
}

impl Setting {
    pub(super) fn text(&self) -> String {
        var(self.name).unwrap_or_else(|| self.default.into())
    }

    pub(super) fn switch(&self) -> Result<bool, ConfigError> {
        self.parse(|text| match text {
            "on" => Some(true),
            "off" => Some(false),
            _ => None,
        })
    }

    pub(super) fn rate(&self) -> Result<Limit, ConfigError> {
        self.parse(rate)
    }

    pub(super) fn lifetime(&self) -> Result<Duration, ConfigError> {
        self.parse(lifetime)
    }

    pub(super) fn whole<T: TryFrom<u64>>(&self) -> Result<T, ConfigError> {
        let within = |number: &u64| match self.form {
            Form::Whole { least, most } => *number >= least && most.is_none_or(|most| *number <= most),
            _ => false,
        };
        self.parse(|text| T::try_from(text.parse().ok().filter(within)?).ok())
    }

    /// Media types, `type/*`, or words for groups of types, separated by commas.
    pub(super) fn media_types(&self) -> Result<Vec<String>, ConfigError> {
        let token = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b));
        let is_type = |text: &str| match text.split_once('/') {
            Some((kind, sub)) => token(kind) && (sub == "*" || token(sub)),
            None => text.eq_ignore_ascii_case("programs"),
        };
        let list = parts(&self.text());
        match list.iter().find(|text| !is_type(text.as_str())) {
            Some(text) => Err(ConfigError(format!("{} must have media types, type/* or programs, not {text:?}", self.name))),
            None => Ok(list),
        }
    }

    fn parse<T>(&self, parse: impl Fn(&str) -> Option<T>) -> Result<T, ConfigError> {
        let text = self.text();
        parse(text.trim()).ok_or_else(|| ConfigError(format!("{} must be {}, not {text:?}", self.name, self.form.wanted())))
    }
}

impl Form {
    fn wanted(self) -> String {
        match self {
            Self::Text => "a text".into(),
            Self::Switch => "on or off".into(),
            Self::Rate => "count/seconds such as 30/10".into(),
            Self::Lifetime => "hours (24) or like 90m, 24h".into(),
            Self::Whole { least, most: None } => format!("a whole number of {least} or more"),
            Self::Whole { least, most: Some(most) } => format!("a whole number from {least} to {most}"),
        }
    }
}

/// The parts of a text that is separated by commas.
pub(super) fn parts(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

fn rate(text: &str) -> Option<Limit> {
    let (quota, window) = text.split_once('/')?;
    let limit = Limit { quota: quota.trim().parse().ok()?, window: window.trim().parse().ok()? };
    Some(limit).filter(|limit| limit.quota > 0 && limit.window > 0)
}

/// `24` and `24h` are hours, `90m` minutes, `30s` seconds.
fn lifetime(text: &str) -> Option<Duration> {
    let (digits, unit) = match text.as_bytes().last()? {
        b'h' => (&text[..text.len() - 1], 3600),
        b'm' => (&text[..text.len() - 1], 60),
        b's' => (&text[..text.len() - 1], 1),
        _ => (text, 3600),
    };
    let seconds = digits.trim().parse::<u64>().ok()?.checked_mul(unit)?;
    (1..=31_536_000).contains(&seconds).then(|| Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expiry_is_hours_unless_it_names_its_unit() {
        assert_eq!(lifetime("24"), Some(Duration::from_hours(24)));
        assert_eq!(lifetime("90m"), Some(Duration::from_mins(90)));
        assert_eq!(lifetime("2h"), Some(Duration::from_hours(2)));
        for text in ["", "0", "-1", "soon", "1d", "99999999"] {
            assert_eq!(lifetime(text), None, "{text}");
        }
    }

    #[test]
    fn a_rate_is_two_numbers_above_zero() {
        assert_eq!(rate("30/10"), Some(Limit { quota: 30, window: 10 }));
        for text in ["", "30", "30/", "0/10", "30/0", "-1/10", "30/10/1", "many/10"] {
            assert_eq!(rate(text), None, "{text}");
        }
    }

    #[test]
    fn every_default_is_a_value_that_the_setting_takes() {
        for setting in SETTINGS {
            let given = Setting { name: "", ..*setting };
            let taken = match setting.form {
                Form::Text => Ok(()),
                Form::Switch => given.switch().map(drop),
                Form::Rate => given.rate().map(drop),
                Form::Lifetime => given.lifetime().map(drop),
                Form::Whole { .. } => given.whole::<u32>().map(drop),
            };
            assert!(taken.is_ok(), "{}: {taken:?}", setting.name);
        }
    }

    #[test]
    fn a_list_of_media_types_has_types_groups_and_words() {
        let list = |default| Setting { name: "", default, form: Form::Text }.media_types().ok();
        let taken = ["application/zip", "video/*", "Programs"].map(str::to_owned).to_vec();
        assert_eq!((list(" application/zip, video/* ,,Programs"), list("")), (Some(taken), Some(Vec::new())));
        for refused in ["zip", "*/*", "*", "a/b/c", "a/", "/b", "a/b*", "a b/c", "text/html; charset=utf-8"] {
            assert_eq!(list(refused), None, "{refused}");
        }
    }

    #[test]
    fn a_number_outside_of_its_bounds_is_refused_with_the_bounds() {
        for (default, form, taken) in [
            ("1", between(1, 2), true),
            ("2", between(1, 2), true),
            ("0", between(1, 2), false),
            ("3", between(1, 2), false),
            ("0", from(0), true),
            ("4294967296", from(0), false),
            ("-1", from(0), false),
            ("1.5", from(0), false),
            ("many", from(0), false),
        ] {
            assert_eq!(Setting { name: "", default, form }.whole::<u32>().is_ok(), taken, "{default} {form:?}");
        }
        let refused = Setting { name: "", default: "31", form: PRESENCE_GRACE.form }.whole::<u64>();
        assert_eq!(refused.unwrap_err().to_string(), " must be a whole number from 1 to 30, not \"31\"");
    }
}
