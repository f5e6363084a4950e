//! Times in ISO 8601 or in seconds since 1970.

use std::time::Duration;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime};

/// Converts a time to seconds since 1970. A time in ISO 8601 without a zone is in UTC. All times must
/// have the format of the first one.
pub fn seconds(text: &str, in_seconds: &mut Option<bool>) -> Result<i64, &'static str> {
    let number = text.parse::<f64>();
    if in_seconds.is_none() && is_date(text) {
        return Err(
            "may be a date or seconds; write 2024-01-31 for a date, or 20240131.0 for seconds",
        );
    }
    if *in_seconds.get_or_insert(number.is_ok()) != number.is_ok() {
        return Err("not a time, or not in the format of the first one");
    }
    let Ok(seconds) = number else {
        return iso(text).ok_or("not a time");
    };
    if seconds.abs() >= 1e11 {
        return Err("not a time in seconds since 1970 (milliseconds?)");
    }
    let whole = Duration::try_from_secs_f64(seconds.abs()).map_err(|_| "not a time")?;
    let whole = i64::try_from(whole.as_secs()).map_err(|_| "not a time")?;
    Ok(if seconds < 0.0 { -whole } else { whole })
}

/// Whether the digits may be a year, or a year with month, day and hour.
fn is_date(text: &str) -> bool {
    let is_long = matches!(text.len(), 4 | 6 | 8 | 10) && text.bytes().all(|b| b.is_ascii_digit());
    let full = format!("{text}0101");
    let day = full
        .get(..8)
        .map(|day| NaiveDate::parse_from_str(day, "%Y%m%d"));
    let year = day.and_then(Result::ok).map(|day| day.year());
    is_long && year.is_some_and(|year| (1900..=2100).contains(&year))
}

/// Parses a time in ISO 8601.
fn iso(text: &str) -> Option<i64> {
    let text = text.replacen(' ', "T", 1);
    let zoned =
        |form| DateTime::parse_from_str(&text, &format!("{form}%#z")).map(|time| time.to_utc());
    let local = |form| NaiveDateTime::parse_from_str(&text, form).map(|time| time.and_utc());
    let day = || {
        NaiveDate::parse_from_str(&text, "%Y-%m-%d")
            .ok()?
            .and_hms_opt(0, 0, 0)
    };
    let mut times = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M"]
        .into_iter()
        .filter_map(|form| zoned(form).or_else(|_| local(form)).ok());
    let time = times.next().or_else(|| Some(day()?.and_utc()));
    time.map(|time| time.timestamp())
}
