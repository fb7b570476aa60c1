//! FHIR dates and times as numbers, for comparison.

use crate::fhirpath::calendar::days_since_1970;

/// Seconds since 1970 of a FHIR `date`, `dateTime` or `instant`. What a partial date leaves open counts as its
/// beginning, and a time without a zone as UTC: good enough to say which of two versions is the later one.
pub(super) fn seconds(text: &str) -> Option<i64> {
    let number = |range: std::ops::Range<usize>| {
        let digits = text.get(range)?;
        if digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse::<i64>().ok() } else { None }
    };
    let year = number(0..4)?;
    let month = if text.len() > 4 { number(5..7)? } else { 1 };
    let day = if text.len() > 7 { number(8..10)? } else { 1 };
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let days = days_since_1970(year, month, day);
    if text.len() <= 10 {
        return Some(days * 86_400);
    }
    let clock = number(11..13)? * 3600 + number(14..16)? * 60 + number(17..19).unwrap_or(0);
    Some(days * 86_400 + clock - zone(text.get(16..)?))
}

/// True for a time to the second with its zone: what `instant` asks for.
pub(super) fn is_instant(text: &str) -> bool {
    let zoned = text.ends_with('Z') || text.get(19..).is_some_and(|rest| rest.contains(['+', '-']));
    text.len() >= 20 && zoned && seconds(text).is_some()
}

/// The offset of a zone in seconds, from the part of the text behind the minutes.
fn zone(rest: &str) -> i64 {
    let Some(at) = rest.find(['+', '-']) else { return 0 };
    let part = |range: std::ops::Range<usize>| {
        rest.get(at..)
            .and_then(|zone| zone.get(range))
            .and_then(|digits| digits.parse::<i64>().ok())
            .unwrap_or(0)
    };
    let offset = part(1..3) * 3600 + part(4..6) * 60;
    if rest.get(at..).is_some_and(|zone| zone.starts_with('-')) { -offset } else { offset }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_compare_across_zones_and_precisions() {
        assert_eq!(seconds("1970-01-01"), Some(0));
        assert_eq!(seconds("2000-03-01T00:00:00Z"), Some(951_868_800));
        assert_eq!(seconds("2025-03-14T10:30:00+02:00"), seconds("2025-03-14T08:30:00Z"));
        assert_eq!(seconds("2025-03-14T10:30:00.123-02:30"), seconds("2025-03-14T13:00:00Z"));
        assert!(seconds("2025") < seconds("2025-02") && seconds("2025-02") < seconds("2025-02-02"));
        for odd in ["", "x", "20250314", "2025-13-01", "2025-03-14T", "syyskuussa", "2025-03-1ä"] {
            assert_eq!(seconds(odd), None, "{odd}");
        }
    }

    #[test]
    fn an_instant_has_seconds_and_a_zone() {
        assert!(is_instant("2025-03-14T10:30:00+02:00") && is_instant("2025-03-14T10:30:00.5Z"));
        assert!(!is_instant("2025-03-14") && !is_instant("2025-03-14T10:30:00"));
    }
}
