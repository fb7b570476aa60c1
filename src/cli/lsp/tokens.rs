//! Words, texts and signs of any of the languages, for what must be known of a text that is not finished.

use super::workspace::Language;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name, a keyword or a number.
    Word,
    /// A text in quotes.
    Text,
    /// A text that is not closed on its line.
    Open,
    /// Anything else, arrows as one.
    Sign,
}

/// A token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'a> {
    /// What it is.
    pub(super) kind: Kind,
    /// As it is written.
    pub(super) text: &'a str,
    /// Its first byte.
    pub(super) start: usize,
}

const ARROWS: &[&str] = &["<->", "->", "<-"];

/// The tokens of a text; `None` where the text ends inside a comment.
pub(super) fn tokens(text: &str, language: Language) -> Option<Vec<Token<'_>>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let blank = rest.len() - rest.trim_start().len();
        if blank > 0 {
            at += blank;
            continue;
        }
        if let Some(end) = comment(rest, language) {
            at += rest.find(end)? + end.len();
            continue;
        }
        let (kind, length) = token(rest, language);
        found.push(Token { kind, text: rest.get(..length).unwrap_or(""), start: at });
        at += length;
    }
    Some(found)
}

/// Of the comment that a text starts with what ends it.
fn comment(rest: &str, language: Language) -> Option<&'static str> {
    let line = match language {
        Language::Lens => "#",
        Language::Map | Language::Path => "//",
    };
    if rest.starts_with(line) {
        return Some("\n");
    }
    (language != Language::Lens && rest.starts_with("/*")).then_some("*/")
}

fn token(rest: &str, language: Language) -> (Kind, usize) {
    let first = rest.chars().next().unwrap_or(' ');
    let quotes = if language == Language::Lens { "\"" } else { "\"'`" };
    if quotes.contains(first) {
        return quoted(rest, first);
    }
    if let Some(arrow) = ARROWS.iter().find(|arrow| rest.starts_with(**arrow)) {
        return (Kind::Sign, arrow.len());
    }
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let length = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
    if length > 0 { (Kind::Word, length) } else { (Kind::Sign, first.len_utf8()) }
}

fn quoted(rest: &str, quote: char) -> (Kind, usize) {
    let mut is_escaped = false;
    for (at, character) in rest.char_indices().skip(1) {
        match character {
            '\n' => return (Kind::Open, at),
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            _ if character == quote => return (Kind::Text, at + 1),
            _ => {}
        }
    }
    (Kind::Open, rest.len())
}

/// What must follow to close the brackets that are open, innermost first.
pub(super) fn closers(tokens: &[Token<'_>]) -> Vec<&'static str> {
    let mut open = Vec::new();
    for token in tokens.iter().filter(|token| token.kind == Kind::Sign) {
        match token.text {
            "{" => open.push("}"),
            "(" => open.push(")"),
            "[" => open.push("]"),
            closer if open.last() == Some(&closer) => {
                open.pop();
            }
            _ => {}
        }
    }
    open.reverse();
    open
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, language: Language, expected: &[&str], closed_by: &str) {
        let found = tokens(text, language).unwrap_or_default();
        assert_eq!(found.iter().map(|token| token.text).collect::<Vec<_>>(), expected);
        assert_eq!(closers(&found).concat(), closed_by);
    }

    #[test]
    fn texts_are_cut_whole_or_not() {
        check(
            "map p <-> b { # no {\n c.x[a = \"{\"",
            Language::Lens,
            &["map", "p", "<->", "b", "{", "c", ".", "x", "[", "a", "=", "\"{\""],
            "]}",
        );
        check(
            "a.where(b = 'x\\'y') /* ( */ and (",
            Language::Path,
            &["a", ".", "where", "(", "b", "=", "'x\\'y'", ")", "and", "("],
            ")",
        );
        check("x \"open\ny", Language::Lens, &["x", "\"open", "y"], "");
        assert_eq!(tokens("a # open", Language::Lens), None);
    }
}
