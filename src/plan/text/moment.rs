//! Dates and times as each language writes them, for the client's page.

use super::words::{Message, fill, month};
use crate::diag::Language;
use crate::fhirpath::calendar::date_of;
use crate::plan::time;

/// Hours in which Finland is before UTC, in winter.
const WINTER_HOURS: i64 = 2;
const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// A FHIR date or time as people of the language write it: `3.2.2027 klo 14.30`; nothing where the text is none.
///
/// A time of another zone than those of Finland is told by the clocks of Finland, where the client lives.
pub(in crate::plan) fn say(language: Language, text: &str) -> Option<String> {
    let seconds = time::seconds(text)?;
    let here = in_finland(text, seconds);
    let text = here.as_deref().unwrap_or(text);
    let mut parts = text.get(..10).unwrap_or(text).split('-');
    let mut number = || parts.next().and_then(|part| part.parse::<usize>().ok());
    let said = match (number(), number(), number()) {
        (Some(year), Some(of_year), Some(day)) => match language {
            Language::Fi | Language::Sv => format!("{day}.{of_year}.{year}"),
            Language::En => format!("{day} {} {year}", month(language, of_year)?),
        },
        (Some(year), Some(of_year), None) => format!("{} {year}", month(language, of_year)?),
        (Some(year), None, None) => year.to_string(),
        _ => return None,
    };
    let Some((hours, minutes)) = text.get(11..13).zip(text.get(14..16)) else { return Some(said) };
    let clock = match language {
        Language::Fi | Language::Sv => format!("{}.{minutes}", hours.strip_prefix('0').unwrap_or(hours)),
        Language::En => format!("{hours}:{minutes}"),
    };
    Some(fill(language, Message::Clock, &[("day", &said), ("clock", &clock)]))
}

/// A time of another zone by the clocks of Finland; nothing for what needs no change.
fn in_finland(text: &str, seconds: i64) -> Option<String> {
    let zone = text.get(16..)?;
    let offset = zone.find(['+', '-', 'Z']).and_then(|at| zone.get(at..))?;
    if ["+02:00", "+03:00"].contains(&offset) {
        return None;
    }
    let summer = is_summer(seconds);
    let local = seconds + (WINTER_HOURS + i64::from(summer)) * HOUR;
    let (year, month, day) = date_of(local.div_euclid(DAY));
    let clock = local.rem_euclid(DAY);
    Some(format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}", clock / HOUR, clock % HOUR / 60))
}

/// True while summer time is kept: from one in the morning, UTC, of the last Sunday of March to that of October
/// (Directive 2000/84/EC).
fn is_summer(seconds: i64) -> bool {
    let (year, ..) = date_of(seconds.div_euclid(DAY));
    let last_sunday = |month: i64| {
        let last = time::seconds(&format!("{year:04}-{month:02}-31")).unwrap_or_default();
        // The first day of 1970 was a Thursday.
        let weekday = (last.div_euclid(DAY) + 4).rem_euclid(7);
        last - weekday * DAY + HOUR
    };
    (last_sunday(3)..last_sunday(10)).contains(&seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_language_writes_its_own_dates() {
        let check = |text: &str, expected: [&str; 3]| {
            for (language, expected) in Language::ALL.into_iter().zip(expected) {
                assert_eq!(say(language, text).as_deref(), Some(expected), "{text}");
            }
        };
        check("2027-02-03", ["3.2.2027", "3.2.2027", "3 February 2027"]);
        check(
            "2027-02-03T14:30:00+02:00",
            ["3.2.2027 klo 14.30", "3.2.2027 kl. 14.30", "3 February 2027 at 14:30"],
        );
        check(
            "2027-02-03T09:05:00+02:00",
            ["3.2.2027 klo 9.05", "3.2.2027 kl. 9.05", "3 February 2027 at 09:05"],
        );
        check("2027-04", ["huhtikuu 2027", "april 2027", "April 2027"]);
        check("2027", ["2027", "2027", "2027"]);
    }

    #[test]
    fn a_time_of_another_zone_is_told_by_the_clocks_of_finland() {
        let check =
            |text: &str, expected: &str| assert_eq!(say(Language::Fi, text).as_deref(), Some(expected));
        check("2027-02-03T22:30:00Z", "4.2.2027 klo 0.30");
        check("2027-07-03T08:00:00Z", "3.7.2027 klo 11.00");
        check("2027-03-28T00:59:00Z", "28.3.2027 klo 2.59");
        check("2027-03-28T01:00:00Z", "28.3.2027 klo 4.00");
        check("2027-12-31T23:00:00+01:00", "1.1.2028 klo 0.00");
        check("2028-02-29T12:00:00Z", "29.2.2028 klo 14.00");
    }

    #[test]
    fn what_is_no_date_is_not_said() {
        for text in ["elokuussa", "", "2027-13", "2027-02-03T"] {
            assert_eq!(say(Language::Fi, text), None, "{text}");
        }
    }
}
