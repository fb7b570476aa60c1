//! The Finnish personal identity code (henkilötunnus, hetu): its form, its check character, what it tells.
//!
//! `DDMMYY` + sign + individual number + check character. The sign is part of the identity: since 2023 one date
//! and individual number may belong to several people who differ by their sign alone, so a code is compared as
//! it is written and never rebuilt from a birth date. The birth date serves comparison only.

use crate::diag::{Issue, Span, codes};
use std::borrow::Cow;
use std::fmt;

/// The identifier system of the personal identity code.
pub const HETU_SYSTEM: &str = "urn:oid:1.2.246.21";

/// Bytes of a code.
const HETU_BYTES: usize = 11;

/// Remainders of 31 as check characters; G, I, O, Q and Z are left out.
const CHECK_CHARACTERS: &[u8; 31] = b"0123456789ABCDEFHJKLMNPRSTUVWXY";

/// A valid code: of the right form, with the check character that belongs to it. `Debug` never prints it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hetu {
    text: String,
    birth: Date,
    individual: u16,
}

/// A day of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    /// The year.
    pub year: u16,
    /// The month, from 1.
    pub month: u8,
    /// The day, from 1.
    pub day: u8,
}

/// Why a text is no personal identity code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HetuFault {
    /// Not eleven characters of the right kinds.
    #[error("the code is not of the form DDMMYY, sign, three digits, check character")]
    Format,
    /// No such day.
    #[error("the code names a day that the calendar does not have")]
    Date,
    /// The individual number is 000 or 001.
    #[error("the individual number is below 002")]
    Individual,
    /// The check character is another than the one that belongs to the rest.
    #[error("the check character does not belong to the rest of the code")]
    Check,
}

impl Hetu {
    /// Reads a code. One that fails its check is no code: it may belong to anybody, so it identifies nobody and tells
    /// no day of birth.
    ///
    /// # Errors
    /// The text does not have the form of a code, names no day, has an individual number that nobody gets, or a check
    /// character that does not belong to the rest.
    pub fn parse(text: &str) -> Result<Self, HetuFault> {
        let bytes: &[u8; HETU_BYTES] = text.as_bytes().try_into().map_err(|_| HetuFault::Format)?;
        let digits = |range: std::ops::Range<usize>| {
            bytes[range].iter().try_fold(0_u16, |sum, byte| match byte {
                b'0'..=b'9' => Some(sum * 10 + u16::from(byte - b'0')),
                _ => None,
            })
        };
        let pair = |start: usize| digits(start..start + 2).and_then(|number| u8::try_from(number).ok());
        let parts = (pair(0), pair(2), digits(4..6), century(bytes[6]), digits(7..10));
        let (Some(day), Some(month), Some(year), Some(century), Some(individual)) = parts else {
            return Err(HetuFault::Format);
        };
        if !bytes[10].is_ascii_alphanumeric() {
            return Err(HetuFault::Format);
        }
        let birth = Date::new(century + year, month, day).ok_or(HetuFault::Date)?;
        if individual < 2 {
            return Err(HetuFault::Individual);
        }
        if char::from(bytes[10]) != check_character(bytes) {
            return Err(HetuFault::Check);
        }
        Ok(Self { text: text.to_owned(), birth, individual })
    }

    /// The code as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The day of birth that the code tells, for comparison with a stated one.
    pub const fn birth_date(&self) -> Date {
        self.birth
    }

    /// True for individual numbers 900 to 999: temporary codes and test codes.
    pub const fn is_temporary(&self) -> bool {
        self.individual >= 900
    }
}

impl fmt::Debug for Hetu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hetu(«redacted»)")
    }
}

/// True for the system of the personal identity code, with or without its prefix.
pub fn is_hetu_system(system: &str) -> bool {
    system.strip_prefix("urn:oid:").unwrap_or(system) == HETU_SYSTEM.trim_start_matches("urn:oid:")
}

/// What is wrong with a code, if anything: a warning, whatever the fault. The document is read and its plan told, for
/// published test codes and slips of the pen are many; but such a code never says who somebody is.
pub fn hetu_issue(text: &str) -> Option<Issue> {
    let fault = Hetu::parse(text).err()?;
    let code = match fault {
        HetuFault::Format | HetuFault::Date | HetuFault::Individual => codes::HETU_FORMAT,
        HetuFault::Check => codes::HETU_CHECK,
    };
    Some(Issue::warning(code, Span::default(), fault.to_string()).with_value(text))
}

/// A text without the personal identity codes in it, but for the year that each tells: `••••79-••••`. What only has
/// the form of a code is hidden too, for a slip in one character hides nobody.
pub fn mask_codes(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut copied = 0;
    let mut at = 0;
    while at + HETU_BYTES <= text.len() {
        let Some(found) = text.get(at..at + HETU_BYTES).filter(|found| is_code_at(text, at, found)) else {
            at += 1;
            continue;
        };
        out.push_str(text.get(copied..at).unwrap_or(""));
        out.push_str("••••");
        out.push_str(found.get(4..7).unwrap_or(""));
        out.push_str("••••");
        at += HETU_BYTES;
        copied = at;
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(text.get(copied..).unwrap_or(""));
    Cow::Owned(out)
}

/// True where a word of the form of a code stands by itself in a text.
fn is_code_at(text: &str, at: usize, found: &str) -> bool {
    let beside = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
    let alone = !beside(text.get(..at).and_then(|before| before.chars().next_back()))
        && !beside(text.get(at + HETU_BYTES..).and_then(|after| after.chars().next()));
    alone
        && matches!(
            Hetu::parse(found),
            Ok(_) | Err(HetuFault::Check | HetuFault::Individual | HetuFault::Date)
        )
}

/// The check character that belongs to the rest of a code. The sign does not count into it.
fn check_character(code: &[u8; HETU_BYTES]) -> char {
    let digits = code.iter().take(10).filter(|byte| byte.is_ascii_digit());
    let number = digits.fold(0_u32, |sum, byte| sum * 10 + u32::from(byte - b'0'));
    char::from(CHECK_CHARACTERS[(number % 31) as usize])
}

/// The first year of the century that a sign stands for. Letters beside `A` and `-` are in force since 2023.
const fn century(sign: u8) -> Option<u16> {
    match sign {
        b'+' => Some(1800),
        b'-' | b'Y' | b'X' | b'W' | b'V' | b'U' => Some(1900),
        b'A' | b'B' | b'C' | b'D' | b'E' | b'F' => Some(2000),
        _ => None,
    }
}

impl Date {
    /// The day, if the calendar has it.
    pub const fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let days = match month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 if leap => 29,
            2 => 28,
            _ => return None,
        };
        if day >= 1 && day <= days { Some(Self { year, month, day }) } else { None }
    }

    /// The day of a FHIR `date`, `dateTime` or `instant` as it is written; of a month or a year the first one.
    pub fn first_of(text: &str) -> Option<Self> {
        let number = |range: std::ops::Range<usize>| {
            text.get(range).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()))
        };
        let part = |range: std::ops::Range<usize>, before: usize| match text.len() {
            length if length <= before => Some(1),
            _ => text.get(before..before + 1).filter(|dash| *dash == "-").and(number(range)?.parse().ok()),
        };
        Self::new(number(0..4)?.parse().ok()?, part(5..7, 4)?, part(8..10, 7)?)
    }

    /// The day in full, as a person writes it on a command line: `2026-11-24`.
    pub fn parse(text: &str) -> Option<Self> {
        Self::first_of(text).filter(|_| text.len() == 10)
    }

    /// True where a FHIR date, which may lack its day or month, does not contradict the day.
    pub fn agrees_with(self, stated: &str) -> bool {
        let digits = |number: u32, ten: u32| b'0' + u8::try_from(number / ten % 10).unwrap_or(0);
        let (year, month, day) = (u32::from(self.year), u32::from(self.month), u32::from(self.day));
        let told = [
            digits(year, 1000),
            digits(year, 100),
            digits(year, 10),
            digits(year, 1),
            b'-',
            digits(month, 10),
            digits(month, 1),
            b'-',
            digits(day, 10),
            digits(day, 1),
        ];
        let stated = stated.get(..told.len()).unwrap_or(stated);
        told.starts_with(stated.as_bytes())
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Severity;

    /// What the code is found to be, in the words of the shared table of vectors.
    fn verdict(text: &str) -> String {
        match Hetu::parse(text) {
            Err(HetuFault::Format) => "format".to_owned(),
            Err(HetuFault::Date) => "date".to_owned(),
            Err(HetuFault::Individual) => "individual<002".to_owned(),
            Err(HetuFault::Check) => format!("check(expected {})", expected(text)),
            Ok(hetu) if hetu.is_temporary() => "temp/test".to_owned(),
            Ok(_) => "ok".to_owned(),
        }
    }

    fn expected(text: &str) -> char {
        text.as_bytes().try_into().map_or(' ', check_character)
    }

    fn check(text: &str, expected: &str) {
        assert_eq!(verdict(text), expected, "{text}");
    }

    #[test]
    fn every_sign_rule_and_fault() {
        check("131052-308T", "ok");
        check("131052+308T", "ok");
        check("100190-999P", "temp/test");
        check("100190Y999P", "temp/test");
        check("010516B903X", "temp/test");
        check("290200A961A", "temp/test");
        check("290201A961A", "date");
        check("320152-308T", "date");
        check("010052-308T", "date");
        check("010190-999Y", "check(expected W)");
        check("010190-999w", "check(expected W)");
        check("010190-999-", "format");
        check("010190a999W", "format");
        check("010190G999W", "format");
        check("010190-001P", "individual<002");
        check("131052–308T", "format");
        check("", "format");
        check("ääääää", "format");
    }

    #[test]
    fn the_published_vectors_come_out_as_stated() {
        let shared = std::env::var("SAUMA_SHARED").unwrap_or_else(|_| "../shared".to_owned());
        // The table lies outside the package; a build elsewhere has only the vectors above.
        let Ok(table) = std::fs::read_to_string(format!("{shared}/finland/hetu/vectors.tsv")) else { return };
        for line in table.lines().skip(1) {
            let mut cells = line.split('\t');
            let (Some(text), Some(expected)) = (cells.next(), cells.next()) else { continue };
            check(text, expected);
        }
    }

    #[test]
    fn the_sign_is_part_of_the_identity_and_gives_the_century() {
        let birth = |text: &str| Hetu::parse(text).map(Hetu::into_birth);
        assert_ne!(Hetu::parse("100190-999P"), Hetu::parse("100190Y999P"));
        assert_eq!(birth("131052+308T").map(|day| day.year), Ok(1852));
        assert_eq!(birth("100190Y999P").map(|day| day.year), Ok(1990));
        assert_eq!(birth("010516B903X").map(|day| day.year), Ok(2016));
    }

    impl Hetu {
        fn into_birth(self) -> Date {
            self.birth_date()
        }
    }

    #[test]
    fn every_fault_is_a_warning_and_no_code_is_printed() {
        let severity = |text: &str| hetu_issue(text).map(|issue| (issue.code.id, issue.severity));
        assert_eq!(severity("131052-308T"), None);
        for text in ["131052-308A", "010190-999Y"] {
            assert_eq!(severity(text), Some(("P402", Severity::Warning)));
        }
        for text in ["010190-99W", "320190-999W", "010190-001P"] {
            assert_eq!(severity(text), Some(("P401", Severity::Warning)));
        }
        assert!(
            !format!("{:?} {:?}", hetu_issue("010190-999Y"), Hetu::parse("010190-999W")).contains("010190")
        );
    }

    #[test]
    fn a_mask_leaves_the_year_and_all_that_is_no_code() {
        let check = |text: &str, masked: &str| assert_eq!(mask_codes(text), masked, "{text}");
        check("Aino, 131052-308T, ja 290200A961A.", "Aino, ••••52-••••, ja ••••00A••••.");
        check("väärä 131052-308A", "väärä ••••52-••••");
        check("tilaus X131052-308T ja 131052-308T9", "tilaus X131052-308T ja 131052-308T9");
        check("ääkkösiä ääkkösiä, 1.1.2026", "ääkkösiä ääkkösiä, 1.1.2026");
    }

    #[test]
    fn a_stated_birth_date_agrees_as_far_as_it_goes() {
        let day = Date { year: 1979, month: 3, day: 14 };
        assert!(day.agrees_with("1979-03-14") && day.agrees_with("1979-03") && day.agrees_with("1979"));
        assert!(day.agrees_with("1979-03-14T10:00:00Z"));
        assert!(!day.agrees_with("1979-03-15") && !day.agrees_with("1980"));
    }
}
