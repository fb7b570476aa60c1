//! Addresses and forms taken apart: percent-encoding, names and values, and what may not stand in them.

use super::refusal::{Outcome, Refusal, Why};
use crate::search;

/// A name and its value, decoded.
pub(super) type Pair = (String, String);

/// Pairs of one query or form.
const PAIRS_MAX: usize = 1_000;
/// Bytes of a personal identity code; a shorter text need not be looked at.
const HETU_BYTES: usize = 11;

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

/// A text with its escapes resolved.
pub(super) fn decoded(text: &str) -> Option<String> {
    decode(text, false)
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
            b'A'..=b'Z'
            | b'a'..=b'z'
            | b'0'..=b'9'
            | b'-'
            | b'.'
            | b'_'
            | b'~'
            | b':'
            | b'/'
            | b','
            | b'|'
            | b'$' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// True for a text with a personal identity code in it.
pub(super) fn tells_identity(text: &str) -> bool {
    text.len() >= HETU_BYTES && search::tells_identity(&[(String::new(), text.to_owned())])
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
        assert_eq!(
            pairs(&format!("a={}", encode("å & ä=1+%"))).ok(),
            Some(vec![("a".into(), "å & ä=1+%".into())])
        );
    }
}
