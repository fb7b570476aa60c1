//! How the words of the pages are written down: a row for each, in Finnish, Swedish and English. A row without one of
//! the languages, with an empty text, or with placeholders that differ between the languages does not compile.

use crate::diag::Language;

/// One text in Finnish, Swedish and English.
pub(in crate::plan) type Row = [&'static str; 3];

/// The text of a row in a language.
pub(in crate::plan) const fn choose(language: Language, row: Row) -> &'static str {
    let [fi, sv, en] = row;
    match language {
        Language::Fi => fi,
        Language::Sv => sv,
        Language::En => en,
    }
}

/// True for a row that says something in each language, with the same placeholders in all of them.
pub(super) const fn is_whole(row: Row) -> bool {
    let [fi, sv, en] = row;
    if fi.is_empty() || sv.is_empty() || en.is_empty() {
        return false;
    }
    let (fi, sv, en) = (fi.as_bytes(), sv.as_bytes(), en.as_bytes());
    holds_all(fi, sv) && holds_all(sv, en) && holds_all(en, fi)
}

/// True where every row of a table of words is whole, and none of its keys is empty or there twice.
pub(super) const fn is_table(table: &[(&str, Row)]) -> bool {
    let mut at = 0;
    while at < table.len() {
        let (key, row) = table[at];
        if key.is_empty() || !is_whole(row) {
            return false;
        }
        let mut other = at + 1;
        while other < table.len() {
            if is_equal(key.as_bytes(), table[other].0.as_bytes()) {
                return false;
            }
            other += 1;
        }
        at += 1;
    }
    true
}

/// True where every placeholder of the first text, `{who}`, stands in the second.
const fn holds_all(text: &[u8], other: &[u8]) -> bool {
    let mut at = 0;
    while at < text.len() {
        if text[at] == b'{' {
            let mut end = at;
            while end < text.len() && text[end] != b'}' {
                end += 1;
            }
            if end == text.len() || !holds(other, text, at, end) {
                return false;
            }
            at = end;
        }
        at += 1;
    }
    true
}

/// True where the part of a text from `start` to `end` stands in another text.
const fn holds(other: &[u8], text: &[u8], start: usize, end: usize) -> bool {
    let length = end - start + 1;
    let mut at = 0;
    while at + length <= other.len() {
        let mut same = 0;
        while same < length && other[at + same] == text[start + same] {
            same += 1;
        }
        if same == length {
            return true;
        }
        at += 1;
    }
    false
}

const fn is_equal(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && (one.is_empty() || holds(other, one, 0, one.len() - 1))
}

/// Declares the messages of a page as an enum. A message that is not there, or not in all languages, does not compile.
macro_rules! messages {
    ($(#[$doc:meta])* $name:ident { $($key:ident $fi:literal $sv:literal $en:literal;)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(in crate::plan) enum $name {
            $($key,)*
        }

        impl $name {
            /// The text in a language.
            pub(in crate::plan) const fn say(self, language: $crate::diag::Language) -> &'static str {
                $crate::plan::text::words::catalogue::choose(language, match self {
                    $(Self::$key => [$fi, $sv, $en],)*
                })
            }
        }

        const _: () = {
            $(assert!(
                $crate::plan::text::words::catalogue::is_whole([$fi, $sv, $en]),
                concat!("a language of `", stringify!($key), "` is empty or has other placeholders")
            );)*
        };
    };
}
pub(super) use messages;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_with_a_hole_is_seen() {
        let check = |row: Row, expected: bool| assert_eq!(is_whole(row), expected, "{row:?}");
        check(["a", "b", "c"], true);
        check(["a {who}", "{who} b", "c {who}."], true);
        check(["a", "", "c"], false);
        check(["a {who}", "b {whom}", "c {who}"], false);
        check(["a {who}", "b {who}", "c"], false);
        check(["a", "b {who}", "c"], false);
        check(["a {who", "b {who", "c {who"], false);
    }

    #[test]
    fn a_table_with_a_key_twice_is_seen() {
        assert!(is_table(&[("a", ["1", "2", "3"]), ("ab", ["1", "2", "3"])]));
        assert!(!is_table(&[("a", ["1", "2", "3"]), ("a", ["4", "5", "6"])]));
        assert!(!is_table(&[("a", ["1", "", "3"])]));
        assert!(!is_table(&[("", ["1", "2", "3"])]));
    }
}
