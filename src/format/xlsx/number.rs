//! How a number of a sheet is shown: the number formats of ECMA-376 part 1, 18.8.30, as far as plans need them.
//!
//! What is shown by the settings of the reader's machine has one form here: a short date is `dd.MM.yyyy`, the decimal
//! sign is the point that the file has.

use crate::tree::NodeId;
use crate::tree::Tree;

/// What a cell's style does with a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shown {
    /// The number as it is.
    Plain,
    /// At least so many digits before, and exactly so many after the decimal sign.
    Digits {
        /// Before the sign.
        whole: usize,
        /// After it.
        decimals: usize,
    },
    /// A day and a time of day, by a pattern.
    Date(Vec<Token>),
    /// Text, also where it looks like a number.
    Text,
    /// A format that is not known here: the number is read as it is, and that is told.
    Unknown,
}

/// A part of a date pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    Year,
    ShortYear,
    Month(Width),
    Day(Width),
    Hour(Width),
    Minute,
    Second,
    Sign(char),
}

/// With or without a leading zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Width {
    Free,
    Two,
}

/// A day and a time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Moment {
    year: i64,
    month: i64,
    day: i64,
    second: i64,
}

const SECONDS_A_DAY: i64 = 86_400;
/// Day 25,569 of a sheet is 1 January 1970.
const EPOCH: i64 = 25_569;
/// The other date system of workbooks begins so many days later.
const LATER: i64 = 1_462;
/// Days up to this one are counted with a 29 February 1900 that never was (ECMA-376 part 1, 18.17.4.1).
const LAST_WRONG_DAY: i64 = 60;
/// The end of 31 December 9999.
const SECONDS_MAX: f64 = 2_958_466.0 * 86_400.0;
/// Digits that a number has for sure.
const DIGITS: usize = 15;
/// Digits that a format may ask for.
const DIGITS_MAX: usize = 30;

const SHORT_DATE: &str = "dd.mm.yyyy";
const SHORT_MOMENT: &str = "dd.mm.yyyy hh:mm";

/// The formats of the cells, by the number of their style.
pub(super) fn styles(tree: &Tree) -> Vec<Shown> {
    let named = |parent: NodeId, name: &str| tree.child_str(parent, name);
    let number = |node: NodeId, name: &str| tree.child_text(node, name)?.parse::<u32>().ok();
    let custom: Vec<(u32, String)> = named(NodeId::ROOT, "numFmts")
        .map(|all| {
            let one =
                |node| Some((number(node, "@numFmtId")?, tree.child_text(node, "@formatCode")?.into_owned()));
            tree.children(all).filter_map(one).collect()
        })
        .unwrap_or_default();
    let Some(all) = named(NodeId::ROOT, "cellXfs") else { return Vec::new() };
    let shown = |node| {
        let id = number(node, "@numFmtId").unwrap_or(0);
        custom.iter().find(|(known, _)| *known == id).map_or_else(|| built_in(id), |(_, code)| of_code(code))
    };
    let is_style = |node: &NodeId| tree.name_text(*node) == "xf";
    tree.children(all).filter(is_style).map(shown).collect()
}

/// The formats that have a number and no code in the file.
fn built_in(id: u32) -> Shown {
    match id {
        0 => Shown::Plain,
        1 => Shown::Digits { whole: 1, decimals: 0 },
        2 => Shown::Digits { whole: 1, decimals: 2 },
        14..=17 => of_code(SHORT_DATE),
        20 => of_code("hh:mm"),
        21 => of_code("hh:mm:ss"),
        22 => of_code(SHORT_MOMENT),
        49 => Shown::Text,
        _ => Shown::Unknown,
    }
}

/// What a format code says. Its first section is for positive numbers.
fn of_code(code: &str) -> Shown {
    let code = code.split(';').next().unwrap_or("");
    if code.eq_ignore_ascii_case("general") {
        return Shown::Plain;
    }
    if code == "@" {
        return Shown::Text;
    }
    let letters = unquoted(code);
    if letters.iter().any(|(letter, literal)| !literal && "ymdhsYMDHS".contains(*letter)) {
        return date(&letters);
    }
    digits(code).unwrap_or(Shown::Unknown)
}

/// `0`, `000`, `0.00`.
fn digits(code: &str) -> Option<Shown> {
    let (whole, decimals) = code.split_once('.').unwrap_or((code, ""));
    let zeros = |part: &str| part.bytes().all(|byte| byte == b'0') && part.len() <= DIGITS_MAX;
    let fits = !whole.is_empty() && zeros(whole) && zeros(decimals);
    fits.then_some(Shown::Digits { whole: whole.len(), decimals: decimals.len() })
}

/// The characters of a code, and whether each stands for itself.
fn unquoted(code: &str) -> Vec<(char, bool)> {
    let mut out = Vec::new();
    let (mut quoted, mut bracketed) = (false, false);
    let mut rest = code.chars();
    while let Some(letter) = rest.next() {
        match letter {
            '"' => quoted = !quoted,
            _ if quoted => out.push((letter, true)),
            '[' => bracketed = true,
            ']' => bracketed = false,
            _ if bracketed => {}
            '\\' => out.extend(rest.next().map(|next| (next, true))),
            // A gap as wide as the next character, and a character that fills the cell.
            '_' | '*' => drop(rest.next()),
            _ => out.push((letter, false)),
        }
    }
    out
}

/// The pattern of a date. Names of months and days are in the language of the reader's machine, so a pattern with one is
/// shown as a short date.
fn date(letters: &[(char, bool)]) -> Shown {
    let mut tokens: Vec<Token> = Vec::new();
    let mut at = 0;
    while let Some((letter, literal)) = letters.get(at).copied() {
        let run =
            letters[at..].iter().take_while(|next| !literal && **next == (letter, false)).count().max(1);
        let after_hour = matches!(
            tokens.iter().rev().find(|token| !matches!(token, Token::Sign(_))),
            Some(Token::Hour(_))
        );
        let before_second =
            letters[at + run..].iter().find(|(next, literal)| !literal && next.is_ascii_alphabetic());
        let is_minute = after_hour || before_second.is_some_and(|(next, _)| next.eq_ignore_ascii_case(&'s'));
        let width = if run == 1 { Width::Free } else { Width::Two };
        let token = match (letter.to_ascii_lowercase(), run) {
            _ if literal => Token::Sign(letter),
            ('y', 1 | 2) => Token::ShortYear,
            ('y', _) => Token::Year,
            ('m', 1 | 2) if is_minute => Token::Minute,
            ('m', 1 | 2) => Token::Month(width),
            ('d', 1 | 2) => Token::Day(width),
            ('h', 1 | 2) => Token::Hour(width),
            ('s', 1 | 2) => Token::Second,
            (other, 1) if !other.is_ascii_alphabetic() => Token::Sign(letter),
            _ => {
                let has_time = letters.iter().any(|(letter, literal)| !literal && "hHsS".contains(*letter));
                return of_code(if has_time { SHORT_MOMENT } else { SHORT_DATE });
            }
        };
        tokens.push(token);
        at += run;
    }
    Shown::Date(tokens)
}

impl Shown {
    /// The text of a number in a cell of this style.
    pub(super) fn text(&self, raw: &str, later: bool) -> String {
        let Ok(value) = raw.trim().parse::<f64>() else { return raw.to_owned() };
        match self {
            Self::Plain | Self::Text | Self::Unknown => plain(raw.trim(), value),
            Self::Digits { whole, decimals } => {
                let text = format!("{:.*}", decimals, value.abs());
                let missing = whole.saturating_sub(text.split('.').next().map_or(0, str::len));
                let sign = if value < 0.0 && text.bytes().any(|byte| (b'1'..=b'9').contains(&byte)) {
                    "-"
                } else {
                    ""
                };
                format!("{sign}{}{text}", "0".repeat(missing))
            }
            Self::Date(tokens) => {
                moment(value, later).map_or_else(|| plain(raw.trim(), value), |moment| moment.text(tokens))
            }
        }
    }

    /// The number that this style shows as `text`, where there is one.
    pub(super) fn number(&self, text: &str, later: bool) -> Option<String> {
        let raw = match self {
            Self::Text | Self::Unknown => return None,
            Self::Plain | Self::Digits { .. } => {
                let is_number = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-'));
                text.parse::<f64>().ok().filter(|_| is_number)?;
                text.to_owned()
            }
            Self::Date(tokens) => serial(text, tokens, later)?,
        };
        // A number that would be shown in another way is no such number.
        (self.text(&raw, later) == text).then_some(raw)
    }
}

/// A number without a format. Its last digits may be those of the binary form only.
fn plain(raw: &str, value: f64) -> String {
    let simple = raw.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-'));
    if simple && raw.len() <= DIGITS {
        return raw.to_owned();
    }
    let rounded = format!("{:.*e}", DIGITS - 1, value).parse::<f64>().unwrap_or(value);
    rounded.to_string()
}

#[allow(clippy::cast_possible_truncation, reason = "within the range that is checked")]
fn moment(value: f64, later: bool) -> Option<Moment> {
    let first = if later { 0 } else { LAST_WRONG_DAY + 1 };
    let seconds = (value * 86_400.0).round();
    if !(0.0..SECONDS_MAX).contains(&seconds) {
        return None;
    }
    let seconds = seconds as i64;
    let day = seconds.div_euclid(SECONDS_A_DAY);
    if day < first && day != 0 {
        return None;
    }
    let (year, month, day) = civil(day + if later { LATER } else { 0 } - EPOCH);
    Some(Moment { year, month, day, second: seconds.rem_euclid(SECONDS_A_DAY) })
}

impl Moment {
    fn text(self, tokens: &[Token]) -> String {
        let padded = |number: i64, width| match width {
            Width::Free => number.to_string(),
            Width::Two => format!("{number:02}"),
        };
        let token = |token: &Token| match token {
            Token::Year => format!("{:04}", self.year),
            Token::ShortYear => format!("{:02}", self.year.rem_euclid(100)),
            Token::Month(width) => padded(self.month, *width),
            Token::Day(width) => padded(self.day, *width),
            Token::Hour(width) => padded(self.second / 3_600, *width),
            Token::Minute => format!("{:02}", self.second / 60 % 60),
            Token::Second => format!("{:02}", self.second % 60),
            Token::Sign(sign) => sign.to_string(),
        };
        tokens.iter().map(token).collect()
    }
}

/// The serial number of a written day. Only patterns of a whole day are written as numbers.
fn serial(text: &str, tokens: &[Token], later: bool) -> Option<String> {
    let (mut year, mut month, mut day) = (None, None, None);
    let mut rest = text;
    for token in tokens {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count().min(4);
        match token {
            Token::Sign(sign) => {
                rest = rest.strip_prefix(*sign)?;
                continue;
            }
            Token::Year => year = rest.get(..digits)?.parse::<i64>().ok(),
            Token::Month(_) => month = rest.get(..digits)?.parse::<i64>().ok(),
            Token::Day(_) => day = rest.get(..digits)?.parse::<i64>().ok(),
            Token::ShortYear | Token::Hour(_) | Token::Minute | Token::Second => return None,
        }
        rest = rest.get(digits..)?;
    }
    let days = days(year?, month?, day?) + EPOCH - if later { LATER } else { 0 };
    (rest.is_empty() && days > 0).then(|| days.to_string())
}

/// Days since 1 January 1970 of a day of the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The day of the Gregorian calendar that is so many days after 1 January 1970.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year + era * 400 + i64::from(month <= 2), month, of_year - (153 * shifted + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(code: &str, raw: &str, expected: &str) {
        let shown = of_code(code);
        assert_eq!(shown.text(raw, false), expected, "{code}");
        if let Some(number) = shown.number(expected, false) {
            assert_eq!(shown.text(&number, false), expected, "{code}");
        }
    }

    #[test]
    fn numbers_are_shown_by_their_format() {
        check("General", "1007", "1007");
        check("General", "0.30000000000000004", "0.3");
        check("General", "1E-3", "0.001");
        check("000", "7", "007");
        check("0.00", "-2.5", "-2.50");
        check("@", "12", "12");
        check("#,##0", "1200", "1200");
    }

    #[test]
    fn dates_are_shown_by_their_pattern() {
        check("dd.mm.yyyy", "46090", "09.03.2026");
        check("d.m.yyyy", "46090", "9.3.2026");
        check("yyyy\\-mm\\-dd;@", "46090", "2026-03-09");
        check("[$-40B]d\\.m\\.yyyy", "46090", "9.3.2026");
        check("dd.mm.yyyy hh:mm", "46090.5625", "09.03.2026 13:30");
        check("d. mmmm yyyy", "46090", "09.03.2026");
        check("dd.mm.yyyy", "36526", "01.01.2000");
        check("dd.mm.yyyy", "45351", "29.02.2024");
        check("dd.mm.yyyy", "-1", "-1");
        check("dd.mm.yyyy", "59", "59");
        assert_eq!(of_code("dd.mm.yyyy").text("44628", true), "09.03.2026");
        assert_eq!(built_in(14).text("46090", false), "09.03.2026");
    }

    #[test]
    fn a_text_becomes_a_number_only_where_it_comes_back() {
        let date = of_code("dd.mm.yyyy");
        assert_eq!(date.number("09.03.2026", false).as_deref(), Some("46090"));
        assert_eq!(date.number("09.03.2026", true).as_deref(), Some("44628"));
        assert_eq!(date.number("9.3.2026", false), None);
        assert_eq!(date.number("31.02.2026", false), None);
        assert_eq!(date.number("keväällä", false), None);
        assert_eq!(of_code("0").number("007", false), None);
        assert_eq!(of_code("000").number("007", false).as_deref(), Some("007"));
        assert_eq!(of_code("General").number("+358", false), None);
    }
}
