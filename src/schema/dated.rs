//! The forms of dates and times (FHIR R4, data types), which every reader of them holds against the calendar.

/// A `date` of any precision.
pub(crate) fn is_date(text: &str) -> bool {
    date(text.as_bytes()).is_some_and(<[u8]>::is_empty)
}

/// A `dateTime`: where there is a time there is a day before it and a zone behind it.
pub(crate) fn is_date_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    match date(bytes) {
        Some([]) => true,
        Some([b'T', rest @ ..]) => bytes.len() == rest.len() + 11 && time(rest).is_some_and(is_zone),
        Some(_) | None => false,
    }
}

/// An `instant`.
pub(crate) fn is_instant(text: &str) -> bool {
    text.len() > 11 && is_date_time(text)
}

/// A `time`.
pub(crate) fn is_time(text: &str) -> bool {
    time(text.as_bytes()).is_some_and(<[u8]>::is_empty)
}

/// A number of exactly so many digits, and what follows.
fn number(text: &[u8], digits: usize) -> Option<(u32, &[u8])> {
    let (head, rest) = text.split_at_checked(digits)?;
    let mut value = 0;
    for byte in head {
        value = value * 10 + u32::from(byte.checked_sub(b'0').filter(|digit| *digit < 10)?);
    }
    Some((value, rest))
}

/// A date of any precision; gives what follows.
fn date(text: &[u8]) -> Option<&[u8]> {
    let (year, rest) = number(text, 4)?;
    if year == 0 {
        return None;
    }
    let Some(rest) = rest.strip_prefix(b"-") else { return Some(rest) };
    let (month, rest) = number(rest, 2)?;
    let days = days_of(year, month)?;
    let Some(rest) = rest.strip_prefix(b"-") else { return Some(rest) };
    let (day, rest) = number(rest, 2)?;
    (1..=days).contains(&day).then_some(rest)
}

/// Days of a month; none where there is no such month.
pub(crate) const fn days_of(year: u32, month: u32) -> Option<u32> {
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => Some(31),
        4 | 6 | 9 | 11 => Some(30),
        2 if is_leap => Some(29),
        2 => Some(28),
        _ => None,
    }
}

/// A time to the second; gives what follows. A second may be a leap second.
fn time(text: &[u8]) -> Option<&[u8]> {
    let (hour, rest) = number(text, 2)?;
    let (minute, rest) = number(rest.strip_prefix(b":")?, 2)?;
    let (second, mut rest) = number(rest.strip_prefix(b":")?, 2)?;
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    if let Some(fraction) = rest.strip_prefix(b".") {
        let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
        rest = fraction.get(digits..).filter(|_| digits > 0)?;
    }
    Some(rest)
}

fn is_zone(text: &[u8]) -> bool {
    let Some(offset) = text.strip_prefix(b"+").or_else(|| text.strip_prefix(b"-")) else {
        return text == b"Z";
    };
    let parsed =
        number(offset, 2).and_then(|(hour, rest)| Some((hour, number(rest.strip_prefix(b":")?, 2)?)));
    parsed.is_some_and(|(hour, (minute, rest))| {
        rest.is_empty() && ((hour < 14 && minute < 60) || (hour == 14 && minute == 0))
    })
}
