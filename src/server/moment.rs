//! Times as microseconds since 1970, and how FHIR and HTTP write them. Only [`now`] asks the clock.

use crate::fhirpath::Temporal;
use crate::fhirpath::calendar::{date_of, days_since_1970};
use std::time::{SystemTime, UNIX_EPOCH};

const SECOND: i64 = 1_000_000;
const DAY_SECONDS: i64 = 86_400;
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Microseconds since 1970, cut to the millisecond that `instant` shows, so that what is told is what is stored.
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX / 1_000) * 1_000
}

/// A FHIR `instant` in UTC.
pub(super) fn instant(micros: i64) -> String {
    let (year, month, day, second) = parts(micros);
    let milli = micros.rem_euclid(SECOND) / 1_000;
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

/// The moment as FHIRPath has it.
pub(super) fn temporal(micros: i64) -> Temporal {
    let milli = micros.rem_euclid(SECOND) / 1_000;
    Temporal::utc(micros.div_euclid(SECOND), u32::try_from(milli).unwrap_or(0))
}

/// A date of HTTP (RFC 9110, 5.6.7).
pub(super) fn http_date(micros: i64) -> String {
    let (year, month, day, second) = parts(micros);
    let weekday = days(micros).rem_euclid(7);
    let name = |names: &'static [&'static str], at: i64| {
        usize::try_from(at).ok().and_then(|at| names.get(at)).copied().unwrap_or_default()
    };
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let (weekday, month) = (name(&WEEKDAYS, weekday), name(&MONTHS, month - 1));
    format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
}

/// The second that a date of HTTP names; only the one form that is sent today is read.
pub(super) fn of_http_date(text: &str) -> Option<i64> {
    let mut words = text.split_whitespace().skip(1);
    let day: i64 = words.next()?.parse().ok()?;
    let month = words.next().and_then(|name| MONTHS.iter().position(|month| *month == name))?;
    let year: i64 = words.next()?.parse().ok()?;
    let mut clock = words.next()?.split(':').map(|part| part.parse::<i64>().ok());
    let (Some(Some(hour)), Some(Some(minute)), Some(Some(second))) =
        (clock.next(), clock.next(), clock.next())
    else {
        return None;
    };
    let month = i64::try_from(month).ok()? + 1;
    let is_day =
        (1..=31).contains(&day) && (1970..=9999).contains(&year) && hour < 24 && minute < 60 && second < 61;
    is_day.then(|| {
        (days_since_1970(year, month, day) * DAY_SECONDS + hour * 3600 + minute * 60 + second) * SECOND
    })
}

const fn days(micros: i64) -> i64 {
    micros.div_euclid(SECOND).div_euclid(DAY_SECONDS)
}

fn parts(micros: i64) -> (i64, i64, i64, i64) {
    let (year, month, day) = date_of(days(micros));
    (year, month, day, micros.div_euclid(SECOND).rem_euclid(DAY_SECONDS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_fhir_and_http_have_them() {
        let moment = 784_111_777_123_000;
        assert_eq!(instant(moment), "1994-11-06T08:49:37.123Z");
        assert_eq!(http_date(moment), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(of_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777_000_000));
        for odd in [
            "",
            "Sun",
            "Sun, 06 Nox 1994 08:49:37 GMT",
            "Sun, 99 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 8",
        ] {
            assert_eq!(of_http_date(odd), None, "{odd}");
        }
    }
}
