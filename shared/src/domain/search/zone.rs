//! Time zones of readers: when a day of the calendar begins for them.

use tz::TimeZoneRef;

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
/// Largest distance from UTC of a fixed offset, in hours.
const MAX_OFFSET_HOURS: i64 = 14;

/// A time zone.
#[derive(Clone, Copy, Debug)]
pub(super) enum TimeZone {
    /// Seconds east of UTC.
    Fixed(i64),
    /// A zone of the IANA database, with its changes of the clock.
    Named(&'static TimeZoneRef<'static>),
}

impl TimeZone {
    pub(super) const UTC: Self = Self::Fixed(0);

    /// Parses the name of a zone, such as `Europe/Berlin`, or an offset, such as `+02:00`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.eq_ignore_ascii_case("z") {
            return Some(Self::UTC);
        }
        fixed_offset(text).map(Self::Fixed).or_else(|| tzdb_data::find_tz(text.as_bytes()).map(Self::Named))
    }

    /// Returns the first moment of a day, in seconds since 1970 UTC. `midnight` is the moment at which the day begins in UTC. Where the clock
    /// leaves midnight out, the day begins with the change; where midnight comes twice, with the first.
    pub(super) fn day_begin(self, midnight: i64) -> i64 {
        let (before, after) = (self.offset(midnight - DAY), self.offset(midnight + DAY));
        let (early, late) = (midnight - before, midnight - after);
        if self.offset(early) == before {
            return early;
        }
        if self.offset(late) == after {
            return late;
        }
        // Finds the change between the two.
        let (mut old, mut new) = (late.min(early), late.max(early));
        while new - old > 1 {
            let middle = old + (new - old) / 2;
            if self.offset(middle) == before {
                old = middle;
            } else {
                new = middle;
            }
        }
        new
    }

    /// Returns the seconds east of UTC at a moment.
    fn offset(self, moment: i64) -> i64 {
        match self {
            Self::Fixed(offset) => offset,
            Self::Named(zone) => zone.find_local_time_type(moment).map_or(0, |local| local.ut_offset().into()),
        }
    }
}

/// Parses `+02:00`, `-0330` or `+02`, in seconds.
fn fixed_offset(text: &str) -> Option<i64> {
    // A plus sign that is not escaped in a URL arrives as a blank.
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+" | " ", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = match digits.split_once(':') {
        Some((hours, minutes)) if minutes.len() == 2 => (hours, minutes),
        Some(_) => return None,
        None if digits.len() == 4 => digits.split_at_checked(2)?,
        None => (digits, "00"),
    };
    let number = |text: &str| -> Option<i64> { text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten() };
    let (hours, minutes) = (number(hours).filter(|_| hours.len() == 2)?, number(minutes)?);
    let seconds = hours * HOUR + minutes * 60;
    (minutes < 60 && seconds <= MAX_OFFSET_HOURS * HOUR).then_some(sign * seconds)
}

#[cfg(test)]
mod tests {
    use time::macros::{date, datetime};
    use time::{Date, OffsetDateTime};

    use super::*;

    fn begin(zone: &str, day: Date) -> OffsetDateTime {
        let moment = TimeZone::parse(zone).unwrap().day_begin(day.midnight().assume_utc().unix_timestamp());
        OffsetDateTime::from_unix_timestamp(moment).unwrap()
    }

    #[test]
    fn a_day_begins_where_its_reader_is() {
        for (zone, day, expected) in [
            ("UTC", date!(2026 - 11 - 30), datetime!(2026-11-30 0:00 UTC)),
            ("z", date!(2026 - 11 - 30), datetime!(2026-11-30 0:00 UTC)),
            ("America/New_York", date!(2026 - 11 - 30), datetime!(2026-11-30 5:00 UTC)),
            ("america/new_york", date!(2026 - 7 - 1), datetime!(2026-07-01 4:00 UTC)),
            ("Europe/Berlin", date!(2026 - 1 - 31), datetime!(2026-01-30 23:00 UTC)),
            ("Europe/Berlin", date!(2026 - 3 - 29), datetime!(2026-03-28 23:00 UTC)),
            ("Europe/Berlin", date!(2026 - 3 - 30), datetime!(2026-03-29 22:00 UTC)),
            ("Asia/Calcutta", date!(2026 - 1 - 1), datetime!(2025-12-31 18:30 UTC)),
            ("Asia/Kathmandu", date!(2026 - 1 - 1), datetime!(2025-12-31 18:15 UTC)),
            ("Pacific/Kiritimati", date!(2026 - 1 - 1), datetime!(2025-12-31 10:00 UTC)),
            // No midnight: the clock goes from 23:59:59 to 1:00.
            ("America/Sao_Paulo", date!(2018 - 11 - 4), datetime!(2018-11-04 3:00 UTC)),
            ("Africa/Cairo", date!(2024 - 4 - 26), datetime!(2024-04-25 22:00 UTC)),
            // Midnight twice: back from 1:00 to 0:00.
            ("Atlantic/Azores", date!(2026 - 10 - 25), datetime!(2026-10-25 0:00 UTC)),
            // No such day.
            ("Pacific/Apia", date!(2011 - 12 - 30), datetime!(2011-12-30 10:00 UTC)),
            ("Pacific/Apia", date!(2011 - 12 - 31), datetime!(2011-12-30 10:00 UTC)),
            ("+02:00", date!(2026 - 1 - 31), datetime!(2026-01-30 22:00 UTC)),
            (" 02:00", date!(2026 - 1 - 31), datetime!(2026-01-30 22:00 UTC)),
            ("-0330", date!(2026 - 1 - 31), datetime!(2026-01-31 3:30 UTC)),
            ("+14", date!(2026 - 1 - 31), datetime!(2026-01-30 10:00 UTC)),
            ("Europe/Berlin", date!(0001 - 1 - 1), datetime!(0000-12-31 23:06:32 UTC)),
            ("Europe/Berlin", date!(9999 - 12 - 31), datetime!(9999-12-30 23:00 UTC)),
        ] {
            assert_eq!(begin(zone, day), expected, "{zone} {day}");
        }
    }

    #[test]
    fn what_is_no_zone_is_refused() {
        for wrong in [
            "",
            " ",
            "+",
            "02:00",
            "+2",
            "+2:00",
            "+02:0",
            "+02:60",
            "+14:01",
            "+99",
            "++200",
            "+٠٢:٠٠",
            "é",
            "Mars/Base",
            "Europe",
            "Europe/Berlin ",
            "../etc/passwd",
            "\0",
        ] {
            assert!(TimeZone::parse(wrong).is_none(), "{wrong:?}");
        }
    }

    #[test]
    fn every_zone_has_every_day() {
        for name in tzdb_data::TZ_NAMES {
            let zone = TimeZone::parse(name).unwrap();
            let mut last = i64::MIN;
            for day in 14_000..22_000 {
                let begins = zone.day_begin(day * DAY);
                assert!(begins >= last && (begins - day * DAY).abs() <= 26 * HOUR, "{name} {day}");
                last = begins;
            }
        }
    }
}
