//! Paths of a lens: steps and the conditions behind them.

use super::{EXTENSION_BASE, KEYWORDS, Parsed, Parser};
use crate::diag::{Issue, codes};
use crate::mapping::ast::{Condition, Literal, Path, Step, Word};
use crate::mapping::lexer::Token;

impl Parser {
    /// A path; a final `.` before `*` is left for `keep x.*`.
    pub(super) fn path(&mut self) -> Parsed<Path> {
        let start = self.span().start;
        let variable = self.name("a variable")?;
        if KEYWORDS.contains(&variable.text.as_str()) {
            self.issues.push(Issue::error(
                codes::LENS_SYNTAX,
                variable.span,
                format!("`{}` is a word of the language and cannot name a variable", variable.text),
            ));
            return None;
        }
        let conditions = self.conditions()?;
        let mut steps = Vec::new();
        while self.take_sign(".") {
            if self.peek() == &Token::Sign("*") {
                break;
            }
            steps.push(self.step()?);
        }
        Some(Path { variable, conditions, steps, span: self.since(start) })
    }

    fn step(&mut self) -> Parsed<Step> {
        let span = self.span();
        let name = match self.peek().clone() {
            Token::Name(text) | Token::Text(text) => {
                self.at += 1;
                Word { text, span }
            }
            _ => {
                self.unexpected("an element name");
                return None;
            }
        };
        let mut conditions = Vec::new();
        let mut name = name;
        if self.peek() == &Token::Sign("(") {
            self.at += 1;
            if name.text == "text" {
                "text()".clone_into(&mut name.text);
            } else if matches!(name.text.as_str(), "extension" | "modifierExtension") {
                conditions.push(self.extension_url()?);
            } else {
                self.fault("only `text()` and `extension(…)` take parentheses in a path");
                return None;
            }
            self.sign(")")?;
        }
        conditions.extend(self.conditions()?);
        Some(Step { name, conditions })
    }

    fn extension_url(&mut self) -> Parsed<Condition> {
        let literal = match self.peek().clone() {
            Token::Name(word) => {
                let url = Word { text: format!("{EXTENSION_BASE}{word}"), span: self.span() };
                self.at += 1;
                Literal::Text(url)
            }
            _ => self.literal()?,
        };
        let url = Word { text: "url".to_owned(), span: literal.word().span };
        Some(Condition::Equals(vec![Step { name: url, conditions: Vec::new() }], literal))
    }

    pub(super) fn conditions(&mut self) -> Parsed<Vec<Condition>> {
        let mut conditions = Vec::new();
        while self.take_sign("[") {
            loop {
                conditions.push(self.condition()?);
                if !self.take_sign(",") {
                    break;
                }
            }
            self.sign("]")?;
        }
        Some(conditions)
    }

    fn condition(&mut self) -> Parsed<Condition> {
        let next = self.lexemes.get(self.at + 1).map(|lexeme| lexeme.token.clone());
        let alone = matches!(next, Some(Token::Sign("]" | ",")));
        match self.peek().clone() {
            Token::Name(name) if name == "first" && alone => {
                self.at += 1;
                Some(Condition::First)
            }
            Token::Name(name) if name == "rest" && alone => {
                self.at += 1;
                Some(Condition::Rest)
            }
            Token::Name(name) if name == "same" && alone => {
                self.at += 1;
                Some(Condition::Same)
            }
            Token::Name(name) if name == "has" && !matches!(next, Some(Token::Sign(_))) => {
                self.at += 1;
                Some(Condition::Has(self.steps()?))
            }
            Token::Name(name) if name == "no" && !matches!(next, Some(Token::Sign(_))) => {
                self.at += 1;
                let steps = self.steps()?;
                if self.take_sign("=") {
                    return Some(Condition::Differs(steps, self.literal()?));
                }
                Some(Condition::Lacks(steps))
            }
            _ => {
                let steps = self.steps()?;
                self.sign("=")?;
                Some(Condition::Equals(steps, self.literal()?))
            }
        }
    }

    fn steps(&mut self) -> Parsed<Vec<Step>> {
        let mut steps = vec![self.step()?];
        while self.take_sign(".") {
            steps.push(self.step()?);
        }
        Some(steps)
    }
}
