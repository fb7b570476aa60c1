//! FML text to the model: lexer, parser, and what the formatter needs to know.
//!
//! The parser never stops at an error: it goes on with the next rule or declaration and reports everything it
//! finds. Old spellings are accepted where they are clear; `FML.md` lists them.

mod concept_map;
mod declaration;
mod expression;
mod group;
pub(super) mod lexer;
mod rule;
pub(super) mod trivia;
mod value;

pub(super) use value::transform_of;

#[cfg(test)]
mod tests;

use super::model::{Argument, Expression, Map, Origin, Text};
use crate::diag::{Issue, LineIndex, Span, codes, nearest};
use crate::fhirpath;
use expression::{Within, closing, expression_span};
use lexer::{Lexeme, Token, lex, span, unquote};
use std::collections::HashSet;
use trivia::{Comment, comments, leading, said, trailing};

/// Bytes of one map.
pub const TEXT_BYTES_MAX: usize = 64 << 20;
/// Rules within rules.
pub const RULE_DEPTH_MAX: usize = 64;
/// Errors that are reported of one text.
pub const ISSUES_MAX: usize = 1_000;

/// A text that was parsed.
#[derive(Debug)]
pub struct Parsed {
    /// What it says, as far as it was understood.
    pub map: Map,
    /// What is wrong with it, in the order of their places.
    pub issues: Vec<Issue>,
    /// Comments that are about no rule, group, input or `uses`, for which the model has no place.
    pub loose_comments: Vec<Span>,
    pub(super) lexemes: Vec<Lexeme>,
    pub(super) gaps: Vec<Gap>,
}

/// How a token is joined to the one before it in the canonical layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gap {
    /// One space, unless the token is punctuation.
    Space,
    /// Nothing.
    Tight,
    /// One space; in a rule that is too long for its line, a line of its own, so much deeper.
    Soft(usize),
    /// As in the text: both are part of one expression.
    Kept,
    /// A line of its own, so deep.
    Line(usize),
    /// As [`Gap::Line`], with a blank line before it.
    Apart(usize),
}

/// Parses a map.
pub fn parse(text: &str) -> Parsed {
    let mut issues = Vec::new();
    if text.len() > TEXT_BYTES_MAX {
        let message = format!("the map is over {TEXT_BYTES_MAX} bytes");
        issues.push(Issue::error(codes::LIMIT, Span::default(), message));
        let (lexemes, gaps, loose_comments) = (Vec::new(), Vec::new(), Vec::new());
        return Parsed { map: Map::default(), issues, loose_comments, lexemes, gaps };
    }
    let lexemes = lex(text, &mut issues);
    let mut parser = Parser::new(text, lexemes, issues);
    let map = parser.map();
    let loose_comments = parser.loose_comments();
    let Parser { lexemes, gaps, mut issues, .. } = parser;
    issues.sort_by_key(|issue| issue.span.start);
    // A token that is wrong was reported where it was cut; that it stands where it may not says nothing more.
    issues.dedup_by(|later, first| later.span.start == first.span.start);
    Parsed { map, issues, loose_comments, lexemes, gaps }
}

/// A text that is one argument and nothing else.
pub(super) fn argument(text: &str) -> Option<Argument> {
    let mut issues = Vec::new();
    let lexemes = lex(text, &mut issues);
    let mut parser = Parser::new(text, lexemes, issues);
    let argument = parser.argument().ok()?;
    (parser.here().token == Token::End && parser.issues.is_empty()).then_some(argument)
}

/// A part that could not be read; why was reported.
struct Unread;

type Part<T> = Result<T, Unread>;

struct Parser<'a> {
    text: &'a str,
    lexemes: Vec<Lexeme>,
    gaps: Vec<Gap>,
    at: usize,
    /// Blocks that are open.
    depth: usize,
    /// What opened the block that was closed last.
    closed: Lexeme,
    /// A comma after which the line ends: perhaps a `;` was meant.
    line_comma: Option<Lexeme>,
    /// Where the comments start that became documentation.
    told: HashSet<usize>,
    issues: Vec<Issue>,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, lexemes: Vec<Lexeme>, issues: Vec<Issue>) -> Self {
        let gaps = vec![Gap::Space; lexemes.len()];
        let closed = Lexeme { token: Token::End, start: 0, end: 0 };
        let told = HashSet::new();
        Self { text, lexemes, gaps, at: 0, depth: 0, closed, line_comma: None, told, issues }
    }

    fn report(&mut self, issue: Issue) {
        if self.issues.len() < ISSUES_MAX {
            self.issues.push(issue);
        }
    }

    fn here(&self) -> Lexeme {
        self.ahead(0)
    }

    fn ahead(&self, offset: usize) -> Lexeme {
        let end = Lexeme { token: Token::End, start: self.text.len(), end: self.text.len() };
        self.lexemes.get(self.at + offset).copied().unwrap_or(end)
    }

    fn before(&self) -> Option<Lexeme> {
        self.at.checked_sub(1).and_then(|before| self.lexemes.get(before)).copied()
    }

    fn slice(&self, lexeme: Lexeme) -> &'a str {
        self.text.get(lexeme.start..lexeme.end).unwrap_or("")
    }

    /// The text of the token here; only of a word or a sign, others are never compared with one.
    fn word(&self) -> &'a str {
        self.word_at(0)
    }

    fn word_at(&self, offset: usize) -> &'a str {
        let lexeme = self.ahead(offset);
        if lexeme.token == Token::Word { self.slice(lexeme) } else { "" }
    }

    fn is_sign(&self, sign: &str) -> bool {
        self.is_sign_at(0, sign)
    }

    fn is_sign_at(&self, offset: usize, sign: &str) -> bool {
        matches!(self.ahead(offset).token, Token::Sign(found) if found == sign)
    }

    fn next(&mut self) -> Lexeme {
        let lexeme = self.here();
        if lexeme.token != Token::End {
            self.at += 1;
        }
        lexeme
    }

    fn take_sign(&mut self, sign: &str) -> bool {
        let found = self.is_sign(sign);
        if found {
            self.next();
        }
        found
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = self.word() == word;
        if found {
            self.next();
        }
        found
    }

    fn expect_sign(&mut self, sign: &'static str) -> Part<Lexeme> {
        if self.is_sign(sign) { Ok(self.next()) } else { Err(self.expected(&format!("`{sign}`"))) }
    }

    /// Says how the token here is joined to the one before.
    fn gap(&mut self, gap: Gap) {
        if let Some(place) = self.gaps.get_mut(self.at) {
            *place = gap;
        }
    }

    /// True where the token here is the first of its line.
    fn starts_line(&self) -> bool {
        self.gap_text().contains('\n') || self.at == 0
    }

    /// What stands between the token here and the one before it.
    fn gap_text(&self) -> &'a str {
        let start = self.before().map_or(0, |before| before.end);
        self.text.get(start..self.here().start).unwrap_or("")
    }

    /// What the comments right before the token here say of it.
    fn remark_before(&mut self) -> Option<String> {
        let found = leading(self.gap_text(), self.at == 0);
        self.tell(&found)
    }

    /// What the comment behind the token just taken, on its line, says.
    fn remark_behind(&mut self) -> Option<String> {
        let found = trailing(self.gap_text());
        self.tell(found.as_slice())
    }

    fn tell(&mut self, comments: &[Comment<'_>]) -> Option<String> {
        let start = self.before().map_or(0, |before| before.end);
        self.told.extend(comments.iter().map(|comment| start + comment.start));
        said(comments)
    }

    /// The comments that no part of the map took for its documentation; those in expressions stand in their text.
    fn loose_comments(&self) -> Vec<Span> {
        let mut loose = Vec::new();
        for at in (0..=self.lexemes.len()).filter(|at| self.gaps.get(*at) != Some(&Gap::Kept)) {
            let before = at.checked_sub(1).and_then(|before| self.lexemes.get(before));
            let start = before.map_or(0, |before| before.end);
            let end = self.lexemes.get(at).map_or(self.text.len(), |after| after.start);
            let (comments, _) = comments(self.text.get(start..end).unwrap_or(""));
            let untold = comments.iter().filter(|comment| !self.told.contains(&(start + comment.start)));
            let places: Vec<Span> = untold
                .map(|comment| span(start + comment.start, start + comment.start + comment.text.len()))
                .collect();
            if let (Some(first), Some(last)) = (places.first(), places.last()) {
                loose.push(Span::new(first.start, last.end));
            }
        }
        loose
    }

    /// From the token at `first` to the one just taken.
    fn origin_from(&self, first: Lexeme) -> Origin {
        let end = self.before().map_or(first.end, |before| before.end.max(first.end));
        Origin::text(span(first.start, end))
    }

    fn expected(&mut self, what: &str) -> Unread {
        self.expected_one_of(what, &[])
    }

    /// Reports that something else stands here, where reading goes on.
    fn report_expected(&mut self, what: &str) {
        let Unread = self.expected(what);
    }

    /// Reports that something else stands here, with the keyword that was perhaps meant.
    fn expected_one_of(&mut self, what: &str, keywords: &[&str]) -> Unread {
        let found = self.here();
        let said = match found.token {
            Token::End => "the end of the map".to_owned(),
            Token::Wrong => "something that is no part of the language".to_owned(),
            Token::Single | Token::Double | Token::Markdown => "a string".to_owned(),
            _ => format!("`{}`", self.slice(found)),
        };
        if found.token == Token::End && self.is_cut_off() {
            return Unread;
        }
        let meant = nearest(self.word(), keywords.iter().copied()).filter(|_| !self.word().is_empty());
        let place = if meant.is_none() && self.starts_another() { self.place_before() } else { found.span() };
        let issue = Issue::error(codes::FML_SYNTAX, place, format!("{what} was expected, not {said}"));
        self.report(match meant {
            Some(meant) => issue.with_help(format!("did you mean `{meant}`?")),
            None => issue,
        });
        Unread
    }

    /// True where something that is never closed took the rest of the text.
    fn is_cut_off(&self) -> bool {
        self.before().is_some_and(|last| last.token == Token::Wrong && last.end == self.text.len())
    }

    /// True where the token here starts something else on a line of its own, so that what is missing is missing
    /// at the end of the line before.
    fn starts_another(&self) -> bool {
        let begins = matches!(self.gaps.get(self.at), Some(Gap::Line(_) | Gap::Apart(_)));
        if begins || !self.starts_line() {
            return false;
        }
        match self.here().token {
            Token::End | Token::Metadata | Token::Sign("}") => true,
            Token::Word => self.at_declaration() || self.is_sign_at(1, "."),
            _ => false,
        }
    }

    /// Right after the last token.
    fn place_before(&self) -> Span {
        let end = self.before().map_or(0, |before| before.end);
        span(end, end)
    }

    /// A name: a word, or anything in backticks.
    fn name(&mut self, what: &str) -> Part<Text> {
        let lexeme = self.here();
        match lexeme.token {
            Token::Word => {
                self.next();
                Ok(Text::new(self.slice(lexeme), Origin::text(lexeme.span())))
            }
            Token::Delimited => {
                self.next();
                Ok(Text::new(unquote(self.slice(lexeme)), Origin::text(lexeme.span())))
            }
            _ => Err(self.expected(what)),
        }
    }

    /// A type: a name with points in it, `QuestionnaireResponse.item`.
    fn type_name(&mut self) -> Part<Text> {
        let first = self.here();
        if self.word() == "as" {
            return Err(self.expected("a type"));
        }
        let mut name = self.name("a type")?;
        while self.take_sign(".") {
            let next = self.name("a name after the point")?;
            name.text = format!("{}.{}", name.text, next.text);
        }
        name.origin = self.origin_from(first);
        Ok(name)
    }

    fn is_string(&self) -> bool {
        matches!(self.here().token, Token::Single | Token::Double)
    }

    fn string(&mut self, what: &str) -> Part<Text> {
        if !self.is_string() {
            return Err(self.expected(what));
        }
        let lexeme = self.next();
        Ok(Text::new(unquote(self.slice(lexeme)), Origin::text(lexeme.span())))
    }

    /// An expression, which the parser passes over; see [`expression_span`].
    fn expression(&mut self, within: Within) -> Part<Expression> {
        let from = self.at;
        let end = expression_span(self.text, &self.lexemes, from, within);
        if end == from {
            return Err(self.expected("an expression"));
        }
        for gap in self.gaps.iter_mut().take(end).skip(from + 1) {
            *gap = Gap::Kept;
        }
        let first = self.here();
        self.at = end;
        let origin = self.origin_from(first);
        let text = self.text.get(origin.span.start as usize..origin.span.end as usize).unwrap_or("");
        let expression = Expression { text: text.to_owned(), origin };
        let tokens: Vec<Lexeme> = self.lexemes.get(from..end).unwrap_or(&[]).to_vec();
        self.report_fault(&expression, &tokens);
        Ok(expression)
    }

    /// An expression after a keyword, in parentheses or without.
    fn clause(&mut self, within: Within) -> Part<Expression> {
        let end = expression_span(self.text, &self.lexemes, self.at, within);
        let closed = if self.is_sign("(") { closing(&self.lexemes, self.at) } else { None };
        // `where (x) as v` names the variable: the parentheses were all of the expression.
        let enclosed = closed.is_some_and(|at| at + 1 == end || self.word_at(at + 1 - self.at) == "as");
        if !enclosed {
            return self.expression(within);
        }
        self.next();
        let expression = self.expression(Within::Parentheses)?;
        self.expect_sign(")")?;
        Ok(expression)
    }

    /// Reports what is no expression. What is no token either was reported by the lexer.
    fn report_fault(&mut self, expression: &Expression, tokens: &[Lexeme]) {
        if tokens.iter().any(|lexeme| lexeme.token == Token::Wrong) {
            return;
        }
        if let Err(mut issue) = fhirpath::parse_in_map(&expression.text) {
            issue.span = expression.origin.within(issue.span).span;
            self.report(*issue);
        }
    }

    /// The line of a place, for advice that points elsewhere.
    fn line_of(&self, lexeme: Lexeme) -> u32 {
        LineIndex::new(self.text).place(lexeme.span().start).line
    }
}
