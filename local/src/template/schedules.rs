//! Events of type `ScheduleV2`, invoked by `EventBridge` Scheduler.

use std::time::Duration;

use crate::stack::Schedule;

use super::error::UnlocatedError;
use super::properties::Properties;

/// The enabled schedules of a function that have a rate.
pub(super) fn schedules(function: &str, properties: &Properties<'_>) -> Result<Vec<Schedule>, UnlocatedError> {
    let mut schedules = Vec::new();
    for (name, event) in properties.within("Events")?.entries() {
        let event = Properties::new(event, name)?;
        if event.text("Type")?.as_deref() != Some("ScheduleV2") {
            continue;
        }
        let schedule = event.within("Properties")?;
        if schedule.text("State")?.as_deref() == Some("DISABLED") {
            continue;
        }
        let expression = schedule.required("ScheduleExpression").map_err(|fault| fault.near(name.as_str()))?;
        if expression.starts_with("cron(") || expression.starts_with("at(") {
            tracing::warn!(
                function,
                event = name.as_str(),
                "{expression} never fires locally, unlike rates; `local invoke` runs the function"
            );
            continue;
        }
        let every = rate(&expression).ok_or_else(|| {
            UnlocatedError::new(format!("{expression:?} is not a supported schedule; use for example rate(10 minutes)"))
                .near(&expression)
        })?;
        schedules.push(Schedule { name: format!("{function}{name}"), every, input: schedule.text("Input")? });
    }
    Ok(schedules)
}

/// Parses `rate(10 minutes)`: a positive number of minutes, hours or days.
fn rate(expression: &str) -> Option<Duration> {
    let (number, unit) = expression.strip_prefix("rate(")?.strip_suffix(')')?.split_once(' ')?;
    let minutes = match unit {
        "minute" | "minutes" => 1,
        "hour" | "hours" => 60,
        "day" | "days" => 24 * 60,
        _ => return None,
    };
    let number: u32 = number.parse().ok().filter(|number| *number > 0)?;
    Some(Duration::from_mins(u64::from(number) * minutes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_has_a_number_and_a_unit() {
        assert_eq!(rate("rate(10 minutes)"), Some(Duration::from_mins(10)));
        assert_eq!(rate("rate(1 hour)"), Some(Duration::from_hours(1)));
        assert_eq!(rate("rate(2 days)"), Some(Duration::from_hours(48)));
        for wrong in [
            "",
            "rate()",
            "rate(0 minutes)",
            "rate(-1 minutes)",
            "rate(1 second)",
            "rate(1.5 hours)",
            "10 minutes",
            "rate(1 hour",
        ] {
            assert_eq!(rate(wrong), None, "{wrong}");
        }
    }
}
