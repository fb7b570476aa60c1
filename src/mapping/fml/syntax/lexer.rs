//! A map's text cut into tokens. Comments and white space lie between the tokens, so text and tokens together
//! lose nothing.

use super::ISSUES_MAX;
use crate::diag::{Issue, Span, codes};

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token {
    /// A name or keyword.
    Word,
    /// A name in backticks.
    Delimited,
    /// A string in single quotes.
    Single,
    /// A string in double quotes.
    Double,
    /// Markdown between `"""`.
    Markdown,
    /// A number.
    Number,
    /// A date, time, or both, with its `@`.
    Date,
    /// `%name` or `$this`, which only expressions have.
    Variable,
    /// Punctuation and operators.
    Sign(&'static str),
    /// The `///` of a statement about the map as a whole.
    Metadata,
    /// Not part of the language; reported where it was cut.
    Wrong,
    /// The end of the text.
    End,
}

/// A token with its place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lexeme {
    pub(crate) token: Token,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Lexeme {
    pub(crate) fn span(self) -> Span {
        span(self.start, self.end)
    }
}

pub(crate) fn span(start: usize, end: usize) -> Span {
    let number = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    Span::new(number(start), number(end))
}

/// Longer signs before those they start with.
const SIGNS: &[&str] = &[
    "->", "<=", "<-", "<<", ">=", ">-", ">>", "!=", "!~", "==", "--", "..", "{", "}", "(", ")", "[", "]",
    ",", ";", ":", ".", "=", "~", "<", ">", "+", "-", "*", "/", "&", "|",
];

/// Cuts a text into tokens, the last of which is [`Token::End`].
pub(crate) fn lex(text: &str, issues: &mut Vec<Issue>) -> Vec<Lexeme> {
    let mut lexer = Lexer { text, at: 0, depth: 0, issues };
    let mut lexemes = Vec::with_capacity(text.len() / 6 + 1);
    loop {
        lexer.space();
        let lexeme = lexer.next();
        lexemes.push(lexeme);
        if lexeme.token == Token::End {
            return lexemes;
        }
    }
}

struct Lexer<'a, 'i> {
    text: &'a str,
    at: usize,
    /// Braces that are open: `///` inside them is a comment.
    depth: usize,
    issues: &'i mut Vec<Issue>,
}

impl<'a> Lexer<'a, '_> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    /// Passes over white space and comments.
    fn space(&mut self) {
        loop {
            let rest = self.rest();
            let blank = rest.len() - rest.trim_start_matches(is_space).len();
            let rest = rest.get(blank..).unwrap_or("");
            let states = rest.starts_with("///") && self.depth == 0 && is_metadata(rest);
            let comment = if states { 0 } else { comment_length(rest) };
            self.at += blank + comment;
            if comment == 0 {
                return;
            }
        }
    }

    fn report(&mut self, issue: Issue) {
        if self.issues.len() < ISSUES_MAX {
            self.issues.push(issue);
        }
    }

    fn next(&mut self) -> Lexeme {
        let start = self.at;
        let (token, length) = self.token();
        self.at = start + length;
        match token {
            Token::Sign("{") => self.depth += 1,
            Token::Sign("}") => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        Lexeme { token, start, end: self.at }
    }

    fn token(&mut self) -> (Token, usize) {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return (Token::End, 0) };
        if rest.starts_with("///") {
            return (Token::Metadata, 3);
        }
        if rest.starts_with("/*") {
            return self.unclosed(2, "comment", "*/");
        }
        if rest.starts_with("\"\"\"") {
            let end = rest.get(3..).and_then(|inside| inside.find("\"\"\""));
            return end.map_or_else(|| self.unclosed(3, "text", "\"\"\""), |end| (Token::Markdown, end + 6));
        }
        match first {
            '\'' => self.quoted(first, Token::Single),
            '"' => self.quoted(first, Token::Double),
            '`' => self.quoted(first, Token::Delimited),
            '@' => (Token::Date, date_length(rest)),
            '%' | '$' => self.variable(),
            _ if first.is_ascii_digit() => (Token::Number, number_length(rest)),
            _ if is_word_start(first) => (Token::Word, word_length(rest)),
            _ => match SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
                Some(sign) => (Token::Sign(sign), sign.len()),
                None => {
                    let length = rest.find(is_known).unwrap_or(rest.len());
                    self.wrong(length, "this is no part of the language", "")
                }
            },
        }
    }

    fn wrong(&mut self, length: usize, message: &str, help: &str) -> (Token, usize) {
        let place = span(self.at, self.at + length);
        self.report(Issue::error(codes::FML_TEXT, place, message).with_help(help));
        (Token::Wrong, length)
    }

    fn variable(&mut self) -> (Token, usize) {
        let after = self.rest().get(1..).unwrap_or("");
        let length = match after.chars().next() {
            Some(quote @ ('`' | '\'')) => {
                let inside = after.get(1..).unwrap_or("");
                inside.find(quote).map_or(0, |end| end + 2)
            }
            _ => word_length(after),
        };
        if length == 0 {
            return self.wrong(1, "a variable has no name", "write `%name` or `$this`");
        }
        (Token::Variable, length + 1)
    }

    /// The rest of the text, which nothing closes.
    fn unclosed(&mut self, mark_length: usize, what: &str, closing: &str) -> (Token, usize) {
        let message = format!("this {what} is never closed");
        let issue = Issue::error(codes::FML_TEXT, span(self.at, self.at + mark_length), message);
        self.report(issue.with_help(format!("close it with `{closing}`")));
        (Token::Wrong, self.rest().len())
    }

    /// A quoted token. It ends with its line, so that a quote that is never closed costs no more than that line.
    fn quoted(&mut self, mark: char, token: Token) -> (Token, usize) {
        let start = self.at;
        let inside = self.rest().get(1..).unwrap_or("");
        let inside = inside.get(..inside.find('\n').unwrap_or(inside.len())).unwrap_or("").trim_end();
        let mut characters = inside.char_indices();
        while let Some((at, character)) = characters.next() {
            if character == mark {
                return (token, at + 2);
            }
            if character == '\\' {
                let escaped = characters.next().map(|(_, escaped)| escaped);
                if !is_escape(escaped, inside.get(at + 2..).unwrap_or("")) {
                    let from = start + 1 + at;
                    let place = span(from, from + 1 + escaped.map_or(0, char::len_utf8));
                    let issue = Issue::error(codes::FML_TEXT, place, "this escape is not known");
                    let known = "escapes are \\' \\\" \\` \\\\ \\/ \\f \\n \\r \\t and \\uXXXX";
                    self.report(issue.with_help(known));
                }
            }
        }
        let what = if token == Token::Delimited { "name" } else { "string" };
        let issue = Issue::error(
            codes::FML_TEXT,
            span(start, start + 1),
            format!("this {what} is not closed on its line"),
        );
        self.report(issue.with_help(format!("close it with {mark}")));
        (Token::Wrong, 1 + inside.len())
    }
}

/// True for a character that a token or white space starts with.
fn is_known(character: char) -> bool {
    let mut encoded = [0; 4];
    let text: &str = character.encode_utf8(&mut encoded);
    is_space(character)
        || is_word_start(character)
        || character.is_ascii_digit()
        || "'\"`@%$".contains(character)
        || SIGNS.contains(&text)
}

fn is_space(character: char) -> bool {
    character.is_whitespace() || character == '\u{feff}'
}

/// The length of the comment that a text starts with; 0 where it starts with none that is closed.
pub(crate) fn comment_length(rest: &str) -> usize {
    if rest.starts_with("//") {
        rest.find('\n').unwrap_or(rest.len())
    } else if rest.starts_with("/*") {
        rest.get(2..).and_then(|inside| inside.find("*/")).map_or(0, |end| end + 4)
    } else {
        0
    }
}

/// `///` is a statement where a name and `=` follow, or where the name is one that maps state; anything else is
/// a comment, as old maps have them in all lengths.
fn is_metadata(rest: &str) -> bool {
    let line = rest.get(3..).unwrap_or("");
    let line = line.get(..line.find('\n').unwrap_or(line.len())).unwrap_or("");
    let line = line.trim_start_matches([' ', '\t']);
    let length = line.find(|c: char| !(c.is_ascii_alphanumeric() || "._`".contains(c))).unwrap_or(line.len());
    let (name, after) = line.split_at(length);
    let after = after.trim_start();
    let known = ["url", "name", "title", "status", "version", "description"].contains(&name);
    !name.is_empty() && (after.starts_with('=') || (known && after.starts_with(['\'', '"', ':'])))
}

fn is_word_start(character: char) -> bool {
    character.is_alphabetic() || character == '_'
}

fn word_length(rest: &str) -> usize {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    match rest.chars().next() {
        Some(first) if is_word_start(first) => rest.find(|c| !part(c)).unwrap_or(rest.len()),
        _ => 0,
    }
}

/// Digits, a point with digits, and the `L` of a long number; `0..1` is two numbers.
fn number_length(rest: &str) -> usize {
    let digits = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let whole = digits(rest);
    let after = rest.get(whole..).unwrap_or("");
    let fraction = after.strip_prefix('.').map_or(0, digits);
    if fraction > 0 {
        return whole + 1 + fraction;
    }
    let long = after.starts_with('L') && after.get(1..).is_none_or(|rest| word_length(rest) == 0);
    whole + usize::from(long)
}

fn date_length(rest: &str) -> usize {
    let part = |c: char| c.is_ascii_alphanumeric() || "-:+.".contains(c);
    let length = 1 + rest.get(1..).map_or(0, |inside| inside.find(|c| !part(c)).unwrap_or(inside.len()));
    // `->` and `..` are not part of a date.
    let date = rest.get(..length).unwrap_or("");
    date.trim_end_matches(['-', '.', '+', ':']).len().max(1)
}

fn is_escape(escaped: Option<char>, after: &str) -> bool {
    match escaped {
        Some('u') => after.get(..4).is_some_and(|digits| digits.chars().all(|c| c.is_ascii_hexdigit())),
        Some(escaped) => "`\"'\\/fnrt".contains(escaped),
        None => true,
    }
}

/// The text between the quotes of a token, unescaped.
pub(crate) fn unquote(raw: &str) -> String {
    let inside = raw.get(1..raw.len().saturating_sub(1)).unwrap_or("");
    let mut out = String::with_capacity(inside.len());
    let mut characters = inside.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            out.push(character);
            continue;
        }
        match characters.next() {
            Some('f') => out.push('\u{c}'),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some('u') => {
                let digits: String = characters.by_ref().take(4).collect();
                out.extend(u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32));
            }
            Some(other) => out.push(other),
            None => {}
        }
    }
    out
}

/// The markdown between `"""`, without the line breaks next to them (IG grammar, `TRIPLE_QUOTED_STRING_LITERAL`).
pub(crate) fn markdown(raw: &str) -> String {
    let inside = raw.get(3..raw.len().saturating_sub(3)).unwrap_or("");
    let inside = inside.strip_prefix("\r\n").or_else(|| inside.strip_prefix('\n')).unwrap_or(inside);
    let inside = inside.strip_suffix("\r\n").or_else(|| inside.strip_suffix('\n')).unwrap_or(inside);
    inside.to_owned()
}

/// A text in quotes.
pub(crate) fn quote(text: &str, mark: char) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push(mark);
    for character in text.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{c}' => out.push_str("\\f"),
            other => {
                if other == mark {
                    out.push('\\');
                }
                out.push(other);
            }
        }
    }
    out.push(mark);
    out
}
