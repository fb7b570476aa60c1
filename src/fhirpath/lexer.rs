//! Text to tokens, one at a time, so that an expression inside another language ends where it ends.

use crate::diag::{Issue, Span, codes};

/// One token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// An identifier or a keyword.
    Word(&'a str),
    /// An identifier in back-ticks, as written between them.
    Quoted(&'a str),
    /// A string, as written between its quotes.
    String(&'a str),
    /// `12`, `12.5`.
    Number(&'a str),
    /// `12L`, without the letter.
    Long(&'a str),
    /// `@2015-02-04`, without the sign.
    Date(&'a str),
    /// `@2015-02-04T14:34Z`, without the sign.
    DateTime(&'a str),
    /// `@T14:34`, without the sign and the letter.
    Time(&'a str),
    /// `$this`, without the sign.
    Dollar(&'a str),
    /// An operator or a bracket.
    Symbol(Symbol),
    /// Anything else, which ends an expression.
    Other,
    /// The end of the text.
    End,
}

/// An operator or a bracket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Symbol {
    Dot,
    Comma,
    ParenOpen,
    ParenClose,
    BracketOpen,
    BracketClose,
    BraceOpen,
    BraceClose,
    Percent,
    Plus,
    Minus,
    Star,
    Slash,
    Ampersand,
    Pipe,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Equal,
    NotEqual,
    Tilde,
    NotTilde,
}

/// Symbols by their text, longer ones first.
const SYMBOLS: &[(&str, Symbol)] = &[
    ("<=", Symbol::LessEqual),
    (">=", Symbol::GreaterEqual),
    ("!=", Symbol::NotEqual),
    ("!~", Symbol::NotTilde),
    (".", Symbol::Dot),
    (",", Symbol::Comma),
    ("(", Symbol::ParenOpen),
    (")", Symbol::ParenClose),
    ("[", Symbol::BracketOpen),
    ("]", Symbol::BracketClose),
    ("{", Symbol::BraceOpen),
    ("}", Symbol::BraceClose),
    ("%", Symbol::Percent),
    ("+", Symbol::Plus),
    ("-", Symbol::Minus),
    ("*", Symbol::Star),
    ("/", Symbol::Slash),
    ("&", Symbol::Ampersand),
    ("|", Symbol::Pipe),
    ("<", Symbol::Less),
    (">", Symbol::Greater),
    ("=", Symbol::Equal),
    ("~", Symbol::Tilde),
];

/// Reads tokens from a text.
#[derive(Clone, Copy)]
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
    /// In maps a string may stand in double quotes too.
    is_in_map: bool,
}

impl<'a> Lexer<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { text, at: 0, is_in_map: false }
    }

    pub(super) const fn in_map(text: &'a str) -> Self {
        Self { text, at: 0, is_in_map: true }
    }

    /// The same text from another byte on.
    pub(super) const fn from(self, at: usize) -> Self {
        Self { at, ..self }
    }

    /// All of the text.
    pub(super) const fn text(&self) -> &'a str {
        self.text
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    /// The next token and where it stands.
    pub(super) fn next(&mut self) -> Result<(Token<'a>, Span), Box<Issue>> {
        self.skip_space()?;
        let start = self.at;
        let token = self.token()?;
        Ok((token, span(start, self.at)))
    }

    fn token(&mut self) -> Result<Token<'a>, Box<Issue>> {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return Ok(Token::End) };
        match first {
            'a'..='z' | 'A'..='Z' | '_' => Ok(Token::Word(self.take_word())),
            '0'..='9' => Ok(self.number()),
            '\'' => Ok(Token::String(self.delimited('\'')?)),
            '"' if self.is_in_map => Ok(Token::String(self.delimited('"')?)),
            '`' => Ok(Token::Quoted(self.delimited('`')?)),
            '$' => {
                self.at += 1;
                Ok(Token::Dollar(self.take_word()))
            }
            '@' => self.temporal(),
            // The arrow of a mapping language: no expression has it.
            '-' if rest.starts_with("->") => Ok(Token::Other),
            _ => Ok(self.symbol()),
        }
    }

    fn symbol(&mut self) -> Token<'a> {
        let rest = self.rest();
        match SYMBOLS.iter().find(|(text, _)| rest.starts_with(text)) {
            Some((text, symbol)) => {
                self.at += text.len();
                Token::Symbol(*symbol)
            }
            None => Token::Other,
        }
    }

    /// White space and comments.
    fn skip_space(&mut self) -> Result<(), Box<Issue>> {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start_matches([' ', '\t', '\r', '\n', '\u{feff}']);
            self.at += rest.len() - trimmed.len();
            if trimmed.starts_with("//") {
                self.at += trimmed.find(['\r', '\n']).unwrap_or(trimmed.len());
            } else if trimmed.starts_with("/*") {
                let Some(end) = trimmed.find("*/") else {
                    return Err(syntax(span(self.at, self.text.len()), "this comment does not end"));
                };
                self.at += end + 2;
            } else {
                return Ok(());
            }
        }
    }

    fn take(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !wanted(c)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or("")
    }

    fn take_word(&mut self) -> &'a str {
        self.take(|c| c.is_ascii_alphanumeric() || c == '_')
    }

    fn number(&mut self) -> Token<'a> {
        let start = self.at;
        self.take(|c| c.is_ascii_digit());
        let rest = self.rest();
        let mut next = rest.chars();
        match (next.next(), next.next()) {
            (Some('.'), Some('0'..='9')) => {
                self.at += 1;
                self.take(|c| c.is_ascii_digit());
            }
            (Some('L'), after) if !after.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_') => {
                self.at += 1;
                return Token::Long(self.text.get(start..self.at - 1).unwrap_or(""));
            }
            _ => {}
        }
        Token::Number(self.text.get(start..self.at).unwrap_or(""))
    }

    /// What stands between two of `quote`; a backslash takes the next character with it.
    fn delimited(&mut self, quote: char) -> Result<&'a str, Box<Issue>> {
        let start = self.at;
        let mut escaped = false;
        for (offset, character) in self.rest().char_indices().skip(1) {
            match character {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                _ if character == quote => {
                    self.at = start + offset + 1;
                    return Ok(self.text.get(start + 1..start + offset).unwrap_or(""));
                }
                _ => {}
            }
        }
        let what = if quote == '`' { "identifier" } else { "string" };
        Err(syntax(span(start, self.text.len()), format!("this {what} does not end")))
    }

    /// The parts after `@`, as far as their form goes.
    fn temporal(&mut self) -> Result<Token<'a>, Box<Issue>> {
        let start = self.at;
        self.at += 1;
        if self.rest().starts_with('T') {
            self.at += 1;
            let time = self.clock();
            return if time.is_empty() { Err(self.no_literal(start)) } else { Ok(Token::Time(time)) };
        }
        let date = self.at;
        self.digits(4);
        for _ in 0..2 {
            self.separated('-');
        }
        if self.at == date {
            return Err(self.no_literal(start));
        }
        if !self.rest().starts_with('T') {
            return Ok(Token::Date(self.text.get(date..self.at).unwrap_or("")));
        }
        self.at += 1;
        if !self.clock().is_empty() {
            self.zone();
        }
        Ok(Token::DateTime(self.text.get(date..self.at).unwrap_or("")))
    }

    fn clock(&mut self) -> &'a str {
        let start = self.at;
        self.digits(2);
        if self.at > start {
            self.separated(':');
            self.separated(':');
            let mut next = self.rest().chars();
            if self.at == start + 8
                && next.next() == Some('.')
                && next.next().is_some_and(|c| c.is_ascii_digit())
            {
                self.at += 1;
                self.take(|c| c.is_ascii_digit());
            }
        }
        self.text.get(start..self.at).unwrap_or("")
    }

    fn zone(&mut self) {
        let start = self.at;
        if self.rest().starts_with('Z') {
            self.at += 1;
        } else if self.rest().starts_with(['+', '-']) {
            self.at += 1;
            self.digits(2);
            let hours = self.at;
            self.separated(':');
            if self.at == hours {
                // A sum, not a zone.
                self.at = start;
            }
        }
    }

    /// Exactly so many digits, or nothing.
    fn digits(&mut self, count: usize) {
        let rest = self.rest();
        if rest.len() >= count && rest.bytes().take(count).all(|b| b.is_ascii_digit()) {
            self.at += count;
        }
    }

    /// A separator with two digits, or nothing.
    fn separated(&mut self, separator: char) {
        let start = self.at;
        if self.rest().starts_with(separator) {
            self.at += 1;
            self.digits(2);
            if self.at == start + 1 {
                self.at = start;
            }
        }
    }

    fn no_literal(&self, start: usize) -> Box<Issue> {
        syntax(span(start, self.at), "`@` begins a date, a date-time or a time: `@2015-02-04`, `@T14:30`")
    }
}

pub(super) fn syntax(span: Span, message: impl Into<String>) -> Box<Issue> {
    Box::new(Issue::error(codes::FHIRPATH_SYNTAX, span, message))
}

pub(super) fn span(start: usize, end: usize) -> Span {
    let to_u32 = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Span::new(to_u32(start), to_u32(end))
}

/// The characters of a string or identifier with its escapes; `None` for an escape that there is not.
pub(super) fn unescape(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        if character != '\\' {
            out.push(character);
            continue;
        }
        match rest.next()? {
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            't' => out.push('\t'),
            'f' => out.push('\u{c}'),
            'u' => out.push(unicode(&mut rest)?),
            plain @ ('\'' | '"' | '`' | '\\' | '/') => out.push(plain),
            _ => return None,
        }
    }
    Some(out)
}

/// Four hexadecimal digits, or two times four for a character beyond them.
fn unicode(rest: &mut std::str::Chars<'_>) -> Option<char> {
    let mut four = || {
        let digits: String = rest.by_ref().take(4).collect();
        (digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_hexdigit()))
            .then(|| u32::from_str_radix(&digits, 16).ok())
            .flatten()
    };
    let high = four()?;
    if !(0xd800..0xdc00).contains(&high) {
        return char::from_u32(high);
    }
    if rest.next()? != '\\' || rest.next()? != 'u' {
        return None;
    }
    let digits: String = rest.by_ref().take(4).collect();
    let low = u32::from_str_radix(&digits, 16).ok().filter(|low| (0xdc00..0xe000).contains(low))?;
    char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00))
}
