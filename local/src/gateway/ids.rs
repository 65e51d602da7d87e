//! Timestamps, request ids, connection ids and trace ids in AWS's formats.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use time::OffsetDateTime;
use time::format_description::FormatItem;
use time::macros::format_description;

const LOG_FORMAT: &[FormatItem<'_>] =
    format_description!("[day]/[month repr:short]/[year]:[hour]:[minute]:[second] [offset_hour sign:mandatory][offset_minute]");

const ISO_FORMAT: &[FormatItem<'_>] = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// Milliseconds since 1970.
#[expect(clippy::disallowed_methods, reason = "the gateway timestamps requests, as API Gateway does")]
pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// `12/Mar/2020:19:03:58 +0000`
pub(super) fn log_time(ms: u64) -> String {
    moment(ms).format(LOG_FORMAT).unwrap_or_default()
}

/// `2020-03-12T19:03:58.390Z`. The fixed length makes timestamps comparable as strings.
pub(super) fn iso_time(ms: u64) -> String {
    moment(ms).format(ISO_FORMAT).unwrap_or_default()
}

/// A request or message id: sixteen characters ending in `=`, as on AWS.
pub(super) fn request_id() -> String {
    URL_SAFE.encode(&fastrand::u128(..).to_ne_bytes()[..11])
}

/// A connection id in the same format, unguessable.
pub(super) fn connection_id() -> String {
    let bytes = uuid::Uuid::new_v4().into_bytes();
    // Skip bytes 6 and 8: they hold the UUID's version and variant.
    let random = [&bytes[..6], &bytes[7..8], &bytes[9..13]].concat();
    URL_SAFE.encode(random)
}

/// `Root=1-6731ebfc-08e1e656421db73c5d2eef31`
pub(super) fn trace_id(ms: u64) -> String {
    format!("Root=1-{:08x}-{:08x}{:016x}", ms / 1000, fastrand::u32(..), fastrand::u64(..))
}

fn moment(ms: u64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::{connection_id, iso_time, log_time, request_id, trace_id};

    #[test]
    fn times_are_written_as_aws_writes_them() {
        assert_eq!(log_time(1_731_324_924_561), "11/Nov/2024:11:35:24 +0000");
        assert_eq!(iso_time(1_731_324_924_560), "2024-11-11T11:35:24.560Z");
    }

    #[test]
    fn ids_have_the_shape_of_aws() {
        for id in [request_id(), connection_id()] {
            assert_eq!(id.len(), 16);
            assert!(id.ends_with('='));
        }
        let trace = trace_id(1_731_324_924_561);
        assert!(trace.starts_with("Root=1-6731e"), "{trace}");
        assert_eq!(trace.len(), "Root=1-6731ebfc-08e1e656421db73c5d2eef31".len());
    }
}
