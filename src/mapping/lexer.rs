//! A lens file cut into tokens.

use crate::diag::{Issue, Span, codes};

/// What a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A name, keyword or number; `@name` and `a:b` are names too.
    Name(String),
    /// A string in double quotes, decoded.
    Text(String),
    /// `$name`.
    Parameter(String),
    /// Punctuation and arrows.
    Sign(&'static str),
    /// The end of the file.
    End,
}

/// A token with its place.
#[derive(Debug, Clone)]
pub(super) struct Lexeme {
    pub(super) token: Token,
    pub(super) span: Span,
}

const SIGNS: &[&str] = &["<->", "->", "<-", "{", "}", "(", ")", "[", "]", ",", ".", "=", "*"];

/// Cuts `text` into tokens; what is no token becomes an issue and is passed over.
pub(super) fn lex(text: &str, issues: &mut Vec<Issue>) -> Vec<Lexeme> {
    let mut lexemes = Vec::new();
    let mut at = 0;
    while let Some(character) = text[at..].chars().next() {
        let rest = &text[at..];
        if character.is_whitespace() {
            at += character.len_utf8();
        } else if character == '#' {
            at += rest.find('\n').unwrap_or(rest.len());
        } else {
            let (token, length) = token(rest);
            let span = span(at, at + length);
            match token {
                Some(token) => lexemes.push(Lexeme { token, span }),
                None => {
                    issues.push(Issue::error(codes::LENS_SYNTAX, span, "this is no part of the language"))
                }
            }
            at += length;
        }
    }
    lexemes.push(Lexeme { token: Token::End, span: span(text.len(), text.len()) });
    lexemes
}

fn token(rest: &str) -> (Option<Token>, usize) {
    if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
        return (Some(Token::Sign(sign)), sign.len());
    }
    if let Some(inner) = rest.strip_prefix('"') {
        return string(inner);
    }
    if let Some(name) = rest.strip_prefix('$') {
        let length = name_length(name);
        return ((length > 0).then(|| Token::Parameter(name[..length].to_owned())), length + 1);
    }
    let prefix = usize::from(rest.starts_with('@'));
    let length = name_length(&rest[prefix..]);
    if length == 0 {
        return (None, rest.chars().next().map_or(1, char::len_utf8));
    }
    (Some(Token::Name(rest[..prefix + length].to_owned())), prefix + length)
}

/// The length of a name: letters, digits and `_`, and `-` or `:` between them.
fn name_length(text: &str) -> usize {
    let mut end = 0;
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        let joins = at > 0
            && matches!(character, '-' | ':')
            && characters.peek().is_some_and(|(_, next)| next.is_alphanumeric());
        if !(character.is_alphanumeric() || character == '_' || joins) {
            break;
        }
        end = at + character.len_utf8();
    }
    end
}

fn string(inner: &str) -> (Option<Token>, usize) {
    let mut out = String::new();
    let mut characters = inner.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (Some(Token::Text(out)), at + 2),
            '\n' => return (None, at + 1),
            '\\' => match characters.next() {
                Some((_, 'n')) => out.push('\n'),
                Some((_, 't')) => out.push('\t'),
                Some((_, other)) => out.push(other),
                None => break,
            },
            other => out.push(other),
        }
    }
    (None, inner.len() + 1)
}

fn span(start: usize, end: usize) -> Span {
    let number = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    Span::new(number(start), number(end))
}
