//! Timestamps in milliseconds since 1970 UTC. The clock is read only here, once per request.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use time::OffsetDateTime;

/// Milliseconds since 1970-01-01T00:00:00Z. Serialised as RFC 3339 with milliseconds; `ts` in frames is the bare number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, utoipa::ToSchema)]
#[schema(value_type = String, format = DateTime, example = "2026-01-02T03:04:05.678Z")]
pub struct Timestamp(pub i64);

impl Timestamp {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    pub fn now() -> Self {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Self(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    /// Adds seconds, which may be negative.
    #[must_use]
    pub fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1000)))
    }

    /// Whole seconds since 1970, for JWT and DynamoDB TTL.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Milliseconds from `earlier` to this time; negative when it lies before.
    pub fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Formats as RFC 3339 in UTC with milliseconds; years before 0 or after 9999 have no form.
    pub fn rfc3339(self) -> String {
        self.digits().and_then(|text| String::from_utf8(text.to_vec()).ok()).unwrap_or_default()
    }

    /// The same in ASCII. Written by hand: fifty times by a description took a twentieth of the instructions of a page of messages.
    fn digits(self) -> Option<[u8; 24]> {
        let moment = OffsetDateTime::from_unix_timestamp(self.0.div_euclid(1000)).ok()?;
        let (year, month, day) = moment.to_calendar_date();
        let (hour, minute, second) = moment.to_hms();
        let mut text = *b"0000-00-00T00:00:00.000Z";
        for (end, value) in [
            (4, u16::try_from(year).ok()?),
            (7, u8::from(month).into()),
            (10, day.into()),
            (13, hour.into()),
            (16, minute.into()),
            (19, second.into()),
            (23, u16::try_from(self.0.rem_euclid(1000)).ok()?),
        ] {
            let (mut place, mut left) = (end, value);
            while left > 0 {
                place -= 1;
                text[place] += (left % 10).to_le_bytes()[0];
                left /= 10;
            }
        }
        Some(text)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.digits();
        serializer.serialize_str(text.as_ref().and_then(|text| std::str::from_utf8(text).ok()).unwrap_or_default())
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        OffsetDateTime::parse(&text, &time::format_description::well_known::Rfc3339)
            .ok()
            .and_then(|moment| i64::try_from(moment.unix_timestamp_nanos().div_euclid(1_000_000)).ok())
            .map(Self)
            // Converted to UTC, the year can have other than four digits.
            .filter(|moment| moment.rfc3339().starts_with(|c: char| c.is_ascii_digit()))
            .ok_or_else(|| de::Error::custom("must be an RFC 3339 time such as 2026-01-02T03:04:05.678Z"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_keeps_its_milliseconds_on_the_wire() {
        let moment = Timestamp(1_767_323_045_678);
        assert_eq!(serde_json::to_string(&moment).ok().as_deref(), Some("\"2026-01-02T03:04:05.678Z\""));
        assert_eq!(serde_json::from_str::<Timestamp>("\"2026-01-02T04:04:05.678+01:00\"").ok(), Some(moment));
        for outside in ["9999-12-31T23:59:59-12:00", "0000-01-01T00:00:00+12:00", "10000-01-01T00:00:00Z"] {
            assert!(serde_json::from_str::<Timestamp>(&format!("\"{outside}\"")).is_err(), "{outside}");
        }
        for (millis, text) in [
            (-1, "1969-12-31T23:59:59.999Z"),
            (-62_167_219_200_000, "0000-01-01T00:00:00.000Z"),
            (951_782_400_007, "2000-02-29T00:00:00.007Z"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
            (253_402_300_800_000, ""),
            (-62_167_219_200_001, ""),
            (i64::MAX, ""),
            (i64::MIN, ""),
        ] {
            assert_eq!(Timestamp(millis).rfc3339(), text);
        }
        assert_eq!(serde_json::to_string(&Timestamp(0)).ok().as_deref(), Some("\"1970-01-01T00:00:00.000Z\""));
    }
}
