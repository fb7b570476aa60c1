//! The closed list of conversions. Each has a declared inverse; a value outside its domain is refused, never
//! bent into shape.

use std::borrow::Cow;
use std::sync::Arc;

/// Why a value was not converted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unfit {
    /// The value does not have the form that the conversion takes.
    Form,
    /// The code is not in the table.
    Code,
}

/// A code table in both directions, each sorted by what is looked up.
#[derive(Debug, Default)]
pub(super) struct CodeMap {
    forward: Vec<(Box<str>, Box<str>)>,
    backward: Vec<(Box<str>, Box<str>)>,
}

impl CodeMap {
    /// A table of rows (source, target). Where a code stands twice the first row counts.
    pub(super) fn new<'a>(rows: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut map = Self::default();
        for (source, target) in rows {
            map.forward.push((source.into(), target.into()));
            map.backward.push((target.into(), source.into()));
        }
        for side in [&mut map.forward, &mut map.backward] {
            side.sort_by(|a, b| a.0.cmp(&b.0));
            side.dedup_by(|later, first| later.0 == first.0);
        }
        map
    }

    /// True where each target code comes from one source code.
    pub(super) fn is_one_to_one(&self) -> bool {
        self.forward.len() == self.backward.len()
    }

    /// The source codes.
    pub(super) fn sources(&self) -> impl Iterator<Item = &str> {
        self.forward.iter().map(|row| &*row.0)
    }

    /// The rows, each source code once.
    pub(super) fn rows(&self) -> impl Iterator<Item = (&str, &str)> {
        self.forward.iter().map(|row| (&*row.0, &*row.1))
    }

    /// The target codes.
    pub(super) fn targets(&self) -> impl Iterator<Item = &str> {
        self.backward.iter().map(|row| &*row.0)
    }
}

fn look_up<'a>(side: &'a [(Box<str>, Box<str>)], code: &str) -> Option<&'a str> {
    side.binary_search_by(|row| (*row.0).cmp(code)).ok().map(|at| &*side[at].1)
}

/// One field of a written date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Year,
    Month,
    Day,
    Sign(char),
}

/// One conversion of a rule.
#[derive(Debug, Clone)]
pub(super) enum Convert {
    /// Written dates of these patterns.
    Date(Vec<DatePattern>),
    /// HL7 time stamps.
    Ts,
    /// A code table.
    Codes(Arc<CodeMap>),
    /// `get` adds a prefix.
    Prefix(Box<str>),
    /// `get` takes a prefix away.
    Strip(Box<str>),
    /// Words for true and false.
    Bool(Box<str>, Box<str>),
    /// A decimal sign other than the point.
    Decimal(char),
    /// OIDs and UUIDs as what FHIR has for them, `urn:oid:` and `urn:uuid:`.
    Urn,
}

impl Convert {
    /// From the unit's text to FHIR's.
    ///
    /// # Errors
    /// The value is outside the domain.
    pub(super) fn forward<'a>(&'a self, text: &'a str) -> Result<Cow<'a, str>, Unfit> {
        match self {
            Self::Date(patterns) => {
                patterns.iter().find_map(|pattern| pattern.read(text)).map(Cow::Owned).ok_or(Unfit::Form)
            }
            Self::Ts => ts_to_fhir(text).map(Cow::Owned).ok_or(Unfit::Form),
            Self::Codes(map) => look_up(&map.forward, text).map(Cow::Borrowed).ok_or(Unfit::Code),
            Self::Prefix(prefix) => Ok(Cow::Owned([prefix, text].concat())),
            Self::Strip(prefix) => text.strip_prefix(&**prefix).map(Cow::Borrowed).ok_or(Unfit::Form),
            Self::Bool(yes, no) => bool_word(text, yes, no).map(Cow::Borrowed),
            Self::Decimal(sign) => swap_sign(text, *sign, '.').map(Cow::Owned),
            Self::Urn => urn(text).map(Cow::Owned).ok_or(Unfit::Form),
        }
    }

    /// True where `backward` gives `text` again for the value that `forward` made of it.
    pub(super) fn is_exact(&self, text: &str, value: &str) -> bool {
        match self {
            Self::Prefix(_) | Self::Strip(_) | Self::Bool(..) | Self::Decimal(_) => true,
            Self::Ts => ts_is_exact(text),
            Self::Codes(map) => look_up(&map.backward, value) == Some(text),
            Self::Date(_) | Self::Urn => self.backward(value).is_ok_and(|back| back == text),
        }
    }

    /// From FHIR's text to the unit's.
    ///
    /// # Errors
    /// No value of the unit's becomes this one.
    pub(super) fn backward<'a>(&'a self, text: &'a str) -> Result<Cow<'a, str>, Unfit> {
        match self {
            Self::Date(patterns) => {
                patterns.iter().find_map(|pattern| pattern.write(text)).map(Cow::Owned).ok_or(Unfit::Form)
            }
            Self::Ts => fhir_to_ts(text).map(Cow::Owned).ok_or(Unfit::Form),
            Self::Codes(map) => look_up(&map.backward, text).map(Cow::Borrowed).ok_or(Unfit::Code),
            Self::Prefix(prefix) => text.strip_prefix(&**prefix).map(Cow::Borrowed).ok_or(Unfit::Form),
            Self::Strip(prefix) => Ok(Cow::Owned([prefix, text].concat())),
            Self::Bool(yes, no) => match text {
                "true" => Ok(Cow::Owned(yes.to_string())),
                "false" => Ok(Cow::Owned(no.to_string())),
                _ => Err(Unfit::Form),
            },
            Self::Decimal(sign) => swap_sign(text, '.', *sign).map(Cow::Owned),
            Self::Urn => in_urn(text).map(Cow::Borrowed).ok_or(Unfit::Form),
        }
    }
}

const URN_OID: &str = "urn:oid:";
const URN_UUID: &str = "urn:uuid:";
/// The lengths of the parts of a UUID (RFC 4122, 3).
const UUID_PARTS: [usize; 5] = [8, 4, 4, 4, 12];

/// An OID or a UUID as a uri. FHIR has UUIDs in small letters alone (R4, data types, `uuid`).
fn urn(text: &str) -> Option<String> {
    if is_oid(text) {
        return Some([URN_OID, text].concat());
    }
    let small = text.to_ascii_lowercase();
    is_small_uuid(&small).then(|| [URN_UUID, &small].concat())
}

/// The OID or UUID in a uri.
fn in_urn(uri: &str) -> Option<&str> {
    let oid = uri.strip_prefix(URN_OID).filter(|oid| is_oid(oid));
    oid.or_else(|| uri.strip_prefix(URN_UUID).filter(|uuid| is_small_uuid(uuid)))
}

fn is_oid(text: &str) -> bool {
    let mut arcs = text.split('.');
    let is_arc = |arc: &str| arc == "0" || is_digits(arc) && !arc.starts_with('0');
    matches!(arcs.next(), Some("0" | "1" | "2")) && text.contains('.') && arcs.all(is_arc)
}

fn is_small_uuid(text: &str) -> bool {
    let is_hex = |part: &str| part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    text.split('-').map(str::len).eq(UUID_PARTS) && text.split('-').all(is_hex)
}

fn bool_word(text: &str, yes: &str, no: &str) -> Result<&'static str, Unfit> {
    if text == yes {
        Ok("true")
    } else if text == no {
        Ok("false")
    } else {
        Err(Unfit::Form)
    }
}

fn swap_sign(text: &str, from: char, to: char) -> Result<String, Unfit> {
    let plain = text.strip_prefix('-').unwrap_or(text);
    let fits = !plain.is_empty() && plain.chars().all(|c| c.is_ascii_digit() || c == from);
    if !fits || plain.matches(from).count() > 1 {
        return Err(Unfit::Form);
    }
    Ok(text.replace(from, &to.to_string()))
}

/// A pattern such as `dd.MM.yyyy`; `d` and `M` stand for numbers without a leading zero.
#[derive(Debug, Clone)]
pub(super) struct DatePattern {
    fields: Vec<(Field, usize)>,
}

impl DatePattern {
    /// Parses a pattern of `yyyy`, `MM`, `M`, `dd`, `d` and signs, each field once; it must have a year, and a day only
    /// with a month.
    pub(super) fn parse(pattern: &str) -> Option<Self> {
        let mut fields: Vec<(Field, usize)> = Vec::new();
        for character in pattern.chars() {
            let field = match character {
                'y' => Field::Year,
                'M' => Field::Month,
                'd' => Field::Day,
                other if other.is_alphanumeric() => return None,
                other => Field::Sign(other),
            };
            match fields.last_mut() {
                Some((last, width)) if *last == field && !matches!(field, Field::Sign(_)) => *width += 1,
                _ => fields.push((field, 1)),
            }
        }
        let count = |field: Field| fields.iter().filter(|(other, _)| *other == field).count();
        let is_doubled = [Field::Year, Field::Month, Field::Day].into_iter().any(|field| count(field) > 1);
        let width = |field: Field| {
            fields.iter().filter(|(other, _)| *other == field).map(|(_, width)| *width).sum::<usize>()
        };
        let (year, month, day) = (width(Field::Year), width(Field::Month), width(Field::Day));
        let is_whole = year == 4 && month <= 2 && day <= 2 && (day == 0 || month > 0);
        (is_whole && !is_doubled).then_some(Self { fields })
    }

    /// Its fields in their order, each with its width.
    pub(super) fn fields(&self) -> &[(Field, usize)] {
        &self.fields
    }

    fn read(&self, text: &str) -> Option<String> {
        let (mut year, mut month, mut day) = (None, None, None);
        let mut rest = text;
        for (field, width) in &self.fields {
            if let Field::Sign(sign) = field {
                rest = rest.strip_prefix(*sign)?;
                continue;
            }
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let length = if *width == 1 { digits.min(2) } else { *width };
            if digits < length || length == 0 || (*width == 1 && rest.starts_with('0')) {
                return None;
            }
            let number: u32 = rest[..length].parse().ok()?;
            rest = &rest[length..];
            match field {
                Field::Year => year = Some(number),
                Field::Month => month = Some(number),
                Field::Day | Field::Sign(_) => day = Some(number),
            }
        }
        (rest.is_empty() && is_date(year?, month, day)).then(|| fhir_date(year.unwrap_or(0), month, day))
    }

    fn write(&self, date: &str) -> Option<String> {
        let mut parts = date.split('-');
        let year: u32 = parts.next().filter(|year| year.len() == 4)?.parse().ok()?;
        let mut number = || parts.next().map(|part| part.parse::<u32>().ok().filter(|_| part.len() == 2));
        let (month, day) = (number(), number());
        if parts.next().is_some() || month == Some(None) || day == Some(None) {
            return None;
        }
        let (month, day) = (month.flatten(), day.flatten());
        let has = |field: Field| self.fields.iter().any(|(other, _)| *other == field);
        if has(Field::Month) != month.is_some()
            || has(Field::Day) != day.is_some()
            || !is_date(year, month, day)
        {
            return None;
        }
        let mut out = String::new();
        for (field, width) in &self.fields {
            match field {
                Field::Sign(sign) => out.push(*sign),
                Field::Year => out.push_str(&format!("{year:0width$}")),
                Field::Month => out.push_str(&format!("{:0width$}", month.unwrap_or(0))),
                Field::Day => out.push_str(&format!("{:0width$}", day.unwrap_or(0))),
            }
        }
        Some(out)
    }
}

fn fhir_date(year: u32, month: Option<u32>, day: Option<u32>) -> String {
    let mut out = format!("{year:04}");
    for part in [month, day].into_iter().flatten() {
        out.push_str(&format!("-{part:02}"));
    }
    out
}

/// True for a day of the Gregorian calendar, or a month or year of it.
pub(crate) fn is_date(year: u32, month: Option<u32>, day: Option<u32>) -> bool {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        Some(4 | 6 | 9 | 11) => 30,
        Some(2) if leap => 29,
        Some(2) => 28,
        Some(1..=12) => 31,
        None => 0,
        Some(_) => return false,
    };
    (1..=9999).contains(&year) && day.is_none_or(|day| (1..=days).contains(&day))
}

/// HL7 TS `YYYY[MM[DD[HHMM[SS[.S…]]]]][±ZZZZ]` as a FHIR date or dateTime. A time without a zone cannot be a FHIR
/// dateTime, so only its day is given; the caller keeps the text beside it.
fn ts_to_fhir(text: &str) -> Option<String> {
    let (digits, rest) = text.split_at(text.bytes().take_while(u8::is_ascii_digit).count());
    let (fraction, zone) = match rest.as_bytes().first() {
        None => (None, None),
        Some(b'+' | b'-') => (None, Some(rest)),
        Some(b'.') => match rest.find(['+', '-']) {
            Some(at) => (Some(&rest[1..at]), Some(&rest[at..])),
            None => (Some(&rest[1..]), None),
        },
        Some(_) => return None,
    };
    if !matches!(digits.len(), 4 | 6 | 8 | 10 | 12 | 14) {
        return None;
    }
    let value = |part: &[u8]| part.iter().fold(0, |value, digit| value * 10 + u32::from(digit - b'0'));
    let number = |from: usize, to: usize| digits.as_bytes().get(from..to).map(value);
    if !is_date(number(0, 4)?, number(4, 6), number(6, 8)) {
        return None;
    }
    let mut out = String::with_capacity(32);
    out.push_str(&digits[..4]);
    for part in [digits.get(4..6), digits.get(6..8)].into_iter().flatten() {
        out.push('-');
        out.push_str(part);
    }
    let Some(hour) = number(8, 10) else { return (fraction.is_none() && zone.is_none()).then_some(out) };
    let (minute, second) = (number(10, 12).unwrap_or(0), number(12, 14).unwrap_or(0));
    if hour > 23
        || minute > 59
        || second > 59
        || fraction.is_some_and(|part| digits.len() < 14 || !is_digits(part))
    {
        return None;
    }
    let Some(zone) = zone else { return Some(out) };
    let zone_digits = zone.get(1..).filter(|part| part.len() == 4 && is_digits(part))?;
    if number(10, 12).is_none() || zone_digits > "1400" || &zone_digits[2..] > "59" {
        return None;
    }
    for part in ["T", &digits[8..10], ":", &digits[10..12], ":", digits.get(12..14).unwrap_or("00")] {
        out.push_str(part);
    }
    if let Some(fraction) = fraction {
        out.push('.');
        out.push_str(fraction);
    }
    for part in [&zone[..1], &zone_digits[..2], ":", &zone_digits[2..]] {
        out.push_str(part);
    }
    Some(out)
}

/// True where a time stamp that has a FHIR form is given back by it to the letter: it is a plain date, or it has
/// seconds and a zone.
fn ts_is_exact(text: &str) -> bool {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    digits == text.len() && digits <= 8 || digits == 14 && text.contains(['+', '-'])
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn fhir_to_ts(text: &str) -> Option<String> {
    let (date, time) = text.split_once('T').map_or((text, None), |(date, time)| (date, Some(time)));
    let mut out = date.replace('-', "");
    if let Some(time) = time {
        let at = time.find(['+', '-', 'Z'])?;
        let (clock, zone) = time.split_at(at);
        out.push_str(&clock.replace(':', ""));
        out.push_str(&if zone == "Z" { "+0000".to_owned() } else { zone.replace(':', "") });
    }
    ts_to_fhir(&out).is_some().then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(convert: &Convert, source: &str, target: Option<&str>, back: Option<&str>) {
        let forward = convert.forward(source).ok();
        assert_eq!(forward.as_deref(), target, "{source}");
        if let Some(target) = target {
            assert_eq!(convert.is_exact(source, target), back == Some(source), "exact {source}");
        }
        if let Some(target) = target {
            assert_eq!(convert.backward(target).ok().as_deref(), back, "back from {target}");
        }
    }

    #[test]
    fn dates_keep_their_precision() {
        let patterns =
            ["dd.MM.yyyy", "d.M.yyyy", "MM.yyyy", "yyyy"].map(|p| DatePattern::parse(p).expect("a pattern"));
        let date = Convert::Date(patterns.to_vec());
        check(&date, "05.03.2026", Some("2026-03-05"), Some("05.03.2026"));
        check(&date, "5.3.2026", Some("2026-03-05"), Some("05.03.2026"));
        check(&date, "03.2026", Some("2026-03"), Some("03.2026"));
        check(&date, "2026", Some("2026"), Some("2026"));
        check(&date, "31.02.2026", None, None);
        check(&date, "lokakuussa", None, None);
        assert!(DatePattern::parse("dd.yyyy").is_none() && DatePattern::parse("MM.yy").is_none());
        // Half a year that stands twice is no year.
        assert!(DatePattern::parse("yy.MM.yy").is_none() && DatePattern::parse("d.MM.yyyy.d").is_none());
    }

    #[test]
    fn time_stamps_gain_nothing_but_the_seconds_fhir_demands() {
        check(&Convert::Ts, "20130720", Some("2013-07-20"), Some("20130720"));
        check(&Convert::Ts, "201307", Some("2013-07"), Some("201307"));
        check(
            &Convert::Ts,
            "20130720112030-0800",
            Some("2013-07-20T11:20:30-08:00"),
            Some("20130720112030-0800"),
        );
        check(
            &Convert::Ts,
            "20130720112030.125+0200",
            Some("2013-07-20T11:20:30.125+02:00"),
            Some("20130720112030.125+0200"),
        );
        check(
            &Convert::Ts,
            "201308201120-0800",
            Some("2013-08-20T11:20:00-08:00"),
            Some("20130820112000-0800"),
        );
        check(&Convert::Ts, "201308201120", Some("2013-08-20"), Some("20130820"));
        check(&Convert::Ts, "20130820112030.5", Some("2013-08-20"), Some("20130820"));
        check(&Convert::Ts, "20131320", None, None);
        check(&Convert::Ts, "2013-08-20", None, None);
    }

    #[test]
    fn small_ones() {
        check(&Convert::Prefix("urn:oid:".into()), "1.2", Some("urn:oid:1.2"), Some("1.2"));
        check(&Convert::Strip("tel:".into()), "tel:1", Some("1"), Some("tel:1"));
        check(&Convert::Strip("tel:".into()), "1", None, None);
        check(&Convert::Bool("1".into(), "0".into()), "0", Some("false"), Some("0"));
        check(&Convert::Urn, "1.2.246.10", Some("urn:oid:1.2.246.10"), Some("1.2.246.10"));
        let uuid = "2db6a3ca-1c2e-4f6a-9f0b-0a1b2c3d4e5f";
        check(&Convert::Urn, uuid, Some(&format!("urn:uuid:{uuid}")), Some(uuid));
        // FHIR has small letters; what the unit wrote stands beside it.
        check(&Convert::Urn, &uuid.to_uppercase(), Some(&format!("urn:uuid:{uuid}")), Some(uuid));
        for other in ["1", "1.02", "3.1", "1..2", "LOINC", &uuid[1..]] {
            check(&Convert::Urn, other, None, None);
        }
        check(&Convert::Decimal(','), "-1,50", Some("-1.50"), Some("-1,50"));
        check(&Convert::Decimal(','), "1.5", None, None);
        let codes = Convert::Codes(Arc::new(CodeMap::new([("a", "x"), ("b", "x")])));
        check(&codes, "b", Some("x"), Some("a"));
        check(&codes, "c", None, None);
    }
}
