//! Dates and times by the format codes of the mapping guide, and by seconds since 1970.

use crate::fhirpath::Temporal;
use crate::mapping::fml::function::Function;

/// What a function makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Date,
    DateTime,
    Time,
}

impl Wanted {
    pub(super) const fn of(function: Function) -> Self {
        match function {
            Function::ToDate | Function::UnixToDate => Self::Date,
            Function::ToTime | Function::UnixToTime => Self::Time,
            _ => Self::DateTime,
        }
    }
}

/// The parts of a date and time as they were read.
#[derive(Debug, Default)]
struct Parts {
    year: Option<u32>,
    month: Option<u32>,
    day: Option<u32>,
    hour: Option<u32>,
    minute: Option<u32>,
    second: Option<u32>,
    fraction: String,
    is_afternoon: Option<bool>,
    zone: String,
}

/// A text of the given form as FHIR writes it. Without a form it must be of FHIR's own.
///
/// The codes are `yyyy`, `MM`, `dd`, `HH` (or `hh` with `a`), `mm`, `ss`, `S` (any number) and `Z`; what else stands
/// in a form stands in the text too.
pub(super) fn parse(text: &str, form: &str, wanted: Wanted) -> Option<String> {
    if form.is_empty() {
        return as_fhir(text, wanted);
    }
    let mut parts = Parts::default();
    let (mut form, mut rest) = (form, text);
    while let Some(code) = form.chars().next() {
        let width = form.chars().take_while(|next| *next == code).count();
        let length = width * code.len_utf8();
        form = form.get(length..)?;
        match code {
            'y' => parts.year = Some(number(&mut rest, width)?),
            'M' => parts.month = Some(number(&mut rest, width)?),
            'd' => parts.day = Some(number(&mut rest, width)?),
            'H' | 'h' => parts.hour = Some(number(&mut rest, width)?),
            'm' => parts.minute = Some(number(&mut rest, width)?),
            's' => parts.second = Some(number(&mut rest, width)?),
            'S' => {
                let digits = rest.bytes().take_while(u8::is_ascii_digit).count().min(width);
                parts.fraction = rest.get(..digits).filter(|it| !it.is_empty())?.to_owned();
                rest = rest.get(digits..)?;
            }
            'a' => {
                let half = rest.get(..2)?;
                parts.is_afternoon = Some(match half.to_ascii_uppercase().as_str() {
                    "AM" => false,
                    "PM" => true,
                    _ => return None,
                });
                rest = rest.get(2..)?;
            }
            'Z' => zone(&mut rest, &mut parts)?,
            literal => {
                for _ in 0..width {
                    rest = rest.strip_prefix(literal)?;
                }
            }
        }
    }
    if rest.is_empty() { as_fhir(&written(&parts, wanted)?, wanted) } else { None }
}

fn number(rest: &mut &str, width: usize) -> Option<u32> {
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count().min(width.max(1));
    let (found, after) = rest.split_at_checked(digits)?;
    *rest = after;
    // A code of two digits stands for exactly two; one of one digit for as many as there are of two.
    (digits == width).then(|| found.parse().ok())?
}

fn zone(rest: &mut &str, parts: &mut Parts) -> Option<()> {
    if let Some(after) = rest.strip_prefix('Z') {
        "Z".clone_into(&mut parts.zone);
        *rest = after;
        return Some(());
    }
    let sign = rest.chars().next().filter(|sign| matches!(sign, '+' | '-'))?;
    *rest = rest.get(1..)?;
    let hours = number(rest, 2)?;
    *rest = rest.strip_prefix(':').unwrap_or(rest);
    let minutes = number(rest, 2)?;
    parts.zone = format!("{sign}{hours:02}:{minutes:02}");
    Some(())
}

fn written(parts: &Parts, wanted: Wanted) -> Option<String> {
    let mut date = String::new();
    if wanted != Wanted::Time {
        date = format!("{:04}", parts.year?);
        if let Some(month) = parts.month {
            date.push_str(&format!("-{month:02}"));
            if let Some(day) = parts.day {
                date.push_str(&format!("-{day:02}"));
            }
        }
    }
    if wanted == Wanted::Date || (parts.hour.is_none() && wanted == Wanted::DateTime) {
        return Some(date);
    }
    let hour = match (parts.hour?, parts.is_afternoon) {
        (12, Some(false)) => 0,
        (hour, Some(true)) if hour < 12 => hour + 12,
        (hour, _) => hour,
    };
    let fraction = if parts.fraction.is_empty() { String::new() } else { format!(".{}", parts.fraction) };
    let time = format!("{hour:02}:{:02}:{:02}{fraction}", parts.minute?, parts.second.unwrap_or(0));
    if wanted == Wanted::Time {
        return Some(time);
    }
    // FHIR has no time without its zone; which one was meant is not known.
    if parts.zone.is_empty() { None } else { Some(format!("{date}T{time}{}", parts.zone)) }
}

fn as_fhir(text: &str, wanted: Wanted) -> Option<String> {
    let fits = match wanted {
        Wanted::Date => Temporal::date(text).is_some(),
        Wanted::DateTime => Temporal::date_time(text).is_some(),
        Wanted::Time => Temporal::time(text).is_some(),
    };
    if fits {
        return Some(text.to_owned());
    }
    match wanted {
        Wanted::Date => {
            Temporal::date_time(text)?;
            text.split_once('T').map(|(date, _)| date.to_owned())
        }
        Wanted::DateTime | Wanted::Time => None,
    }
}

/// Seconds since 1970 as FHIR writes them, in a zone such as `+02:00`; without one in Greenwich.
pub(super) fn of_unix(text: &str, zone_text: &str, wanted: Wanted) -> Option<String> {
    let seconds: i64 = text.trim().parse().ok()?;
    let mut parts = Parts { zone: "Z".to_owned(), ..Parts::default() };
    if !zone_text.is_empty() {
        let mut rest = zone_text;
        zone(&mut rest, &mut parts)?;
    }
    let shift = match parts.zone.split_at_checked(1) {
        Some((sign @ ("+" | "-"), time)) => {
            let (hours, minutes) = time.split_once(':')?;
            let seconds = hours.parse::<i64>().ok()? * 3_600 + minutes.parse::<i64>().ok()? * 60;
            if sign == "-" { -seconds } else { seconds }
        }
        _ => 0,
    };
    let there = seconds.checked_add(shift)?;
    // Days within years that FHIR can write.
    if !(-62_135_596_800..=253_402_300_799).contains(&there) {
        return None;
    }
    let (days, second) = (there.div_euclid(86_400), there.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let time = format!("{:02}:{:02}:{:02}", second / 3_600, second / 60 % 60, second % 60);
    Some(match wanted {
        Wanted::Date => format!("{year:04}-{month:02}-{day:02}"),
        Wanted::Time => time,
        Wanted::DateTime => format!("{year:04}-{month:02}-{day:02}T{time}{}", parts.zone),
    })
}

/// The Gregorian date of a day counted from 1970-01-01.
const fn civil(days: i64) -> (i64, i64, i64) {
    // Years begin in March here, so that the leap day is the last.
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_dates_are_read() {
        let check = |text: &str, form: &str, wanted: Wanted, expected: Option<&str>| {
            assert_eq!(parse(text, form, wanted).as_deref(), expected, "{text} {form}");
        };
        check("02.01.2026", "dd.MM.yyyy", Wanted::Date, Some("2026-01-02"));
        check("20260102", "yyyyMMdd", Wanted::Date, Some("2026-01-02"));
        check("202601020304+0200", "yyyyMMddHHmmZ", Wanted::DateTime, Some("2026-01-02T03:04:00+02:00"));
        check("02:05 PM", "hh:mm a", Wanted::Time, Some("14:05:00"));
        check("12:05 AM", "hh:mm a", Wanted::Time, Some("00:05:00"));
        check("2026-01-02 03:04", "yyyy-MM-dd HH:mm", Wanted::DateTime, None);
        check("2026-13-02", "yyyy-MM-dd", Wanted::Date, None);
        check("2026-01-02T03:04:05Z", "", Wanted::Date, Some("2026-01-02"));
    }

    #[test]
    fn seconds_since_1970() {
        let check = |text: &str, zone: &str, wanted: Wanted, expected: Option<&str>| {
            assert_eq!(of_unix(text, zone, wanted).as_deref(), expected, "{text} {zone}");
        };
        check("0", "", Wanted::DateTime, Some("1970-01-01T00:00:00Z"));
        check("951782400", "+02:00", Wanted::DateTime, Some("2000-02-29T02:00:00+02:00"));
        check("-1", "", Wanted::Date, Some("1969-12-31"));
        check("3661", "", Wanted::Time, Some("01:01:01"));
        check("x", "", Wanted::Time, None);
        check("9223372036854775807", "", Wanted::Date, None);
    }
}
