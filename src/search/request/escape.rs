//! Separators of values, and the backslash that takes their meaning from them (FHIR R4, "Search", "Escaping").

use std::borrow::Cow;

/// The parts between separators that no backslash stands before. The parts keep their backslashes.
pub(super) fn split(text: &str, separator: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut is_escaped) = (0, false);
    for (at, character) in text.char_indices() {
        if character == separator && !is_escaped {
            parts.push(text.get(start..at).unwrap_or(""));
            start = at + separator.len_utf8();
        }
        is_escaped = character == '\\' && !is_escaped;
    }
    parts.push(text.get(start..).unwrap_or(""));
    parts
}

/// The text without the backslashes that stand before separators and backslashes; any other one is of the text.
pub(super) fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        let next = rest.next_if(|next| character == '\\' && matches!(next, ',' | '|' | '$' | '\\'));
        plain.push(next.unwrap_or(character));
    }
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backslash_takes_the_meaning_from_a_separator() {
        let check = |text: &str, expected: &[&str]| {
            let parts: Vec<_> = split(text, ',').into_iter().map(unescape).collect();
            assert_eq!(parts, expected, "{text}");
        };
        check("a,b", &["a", "b"]);
        check(r"a\,b,c", &["a,b", "c"]);
        check(r"a\\,b", &["a\\", "b"]);
        check(r"a\|\$\\b\n", &[r"a|$\b\n"]);
        check("", &[""]);
        check(r"ä\", &["ä\\"]);
    }
}
