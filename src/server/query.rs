//! Addresses and forms taken apart: percent-encoding, names and values, and what may not stand in them.

use super::refusal::{Outcome, Refusal, Why};
use crate::plan::identity::Hetu;

/// A name and its value, decoded.
pub(super) type Pair = (String, String);

/// Pairs of one query or form.
const PAIRS_MAX: usize = 1_000;
/// Characters of a personal identity code.
const HETU_CHARACTERS: usize = 11;

/// The pairs of a query or a form (`application/x-www-form-urlencoded`).
pub(super) fn pairs(text: &str) -> Outcome<Vec<Pair>> {
    let pairs: Vec<&str> = text.split('&').filter(|pair| !pair.is_empty()).collect();
    if pairs.len() > PAIRS_MAX {
        return Err(Refusal::new(Why::QueryForm, format!("there are over {PAIRS_MAX} parameters")));
    }
    let decoded = pairs.into_iter().map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Some((decode(name, true)?, decode(value, true)?))
    });
    decoded.collect::<Option<_>>().ok_or_else(|| Refusal::plain(Why::QueryForm))
}

/// The segments of a path, decoded one by one, so that an escaped slash parts none.
pub(super) fn segments(path: &str) -> Outcome<Vec<String>> {
    let decoded = path.split('/').filter(|segment| !segment.is_empty()).map(|segment| decode(segment, false));
    decoded.collect::<Option<_>>().ok_or_else(|| Refusal::plain(Why::QueryForm))
}

fn decode(text: &str, plus_is_space: bool) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                let (high, low) = (digit()?, digit()?);
                u8::try_from(high << 4 | low).ok()?
            }
            b'+' if plus_is_space => b' ',
            other => other,
        });
    }
    String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

/// A value as it stands in an address.
pub(super) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' | b'/' | b',' | b'|' | b'$' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// True for a text with a personal identity code in it, in letters of any case.
pub(super) fn tells_identity(text: &str) -> bool {
    // Every code has a sign between digits; most texts have too few digits to be looked at further.
    if text.len() < HETU_CHARACTERS || text.bytes().filter(u8::is_ascii_digit).count() < 9 {
        return false;
    }
    let upper = text.to_ascii_uppercase();
    let is_part = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = upper.as_bytes();
    (0..bytes.len().saturating_sub(HETU_CHARACTERS - 1)).any(|start| {
        let end = start + HETU_CHARACTERS;
        let stands_alone = !is_part(start.checked_sub(1).and_then(|at| bytes.get(at))) && !is_part(bytes.get(end));
        stands_alone && upper.get(start..end).is_some_and(|code| Hetu::parse(code).is_ok())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_taken_apart() {
        let check = |text: &str, expected: Option<&[(&str, &str)]>| {
            let found = pairs(text).ok();
            let found: Option<Vec<(&str, &str)>> =
                found.as_ref().map(|pairs| pairs.iter().map(|(name, value)| (&**name, &**value)).collect());
            assert_eq!(found.as_deref(), expected, "{text}");
        };
        check("a=1&b=x%20y+z&&c", Some(&[("a", "1"), ("b", "x y z"), ("c", "")]));
        check("code=http%3A%2F%2Fa%7C1&a=b=c", Some(&[("code", "http://a|1"), ("a", "b=c")]));
        check("", Some(&[]));
        for odd in ["a=%", "a=%4", "a=%zz", "a=%ff", "a=%00"] {
            check(odd, None);
        }
        assert_eq!(segments("/Patient/a%2Fb/").ok(), Some(vec!["Patient".to_owned(), "a/b".to_owned()]));
        assert_eq!(pairs(&format!("a={}", encode("å & ä=1+%"))).ok(), Some(vec![("a".into(), "å & ä=1+%".into())]));
    }

    #[test]
    fn identity_codes_are_seen_wherever_they_stand() {
        for text in ["131052-308T", "urn:oid:1.2.246.21|131052-308t", "x,131052A308T".replace('A', "-").as_str()] {
            assert!(tells_identity(text), "{text}");
        }
        for text in ["131052-308X", "2024-01-01T10:00:00Z", "0123131052-308T99", "018f3a5c-7e2b-7abc-8def-0123456789ab"] {
            assert!(!tells_identity(text), "{text}");
        }
    }
}
