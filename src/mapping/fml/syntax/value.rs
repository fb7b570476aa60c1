//! Values: literals, transforms, calls and their arguments.

use super::declaration::place;
use super::expression::{Within, expression_span};
use super::lexer::{Token, markdown, unquote};
use super::{Gap, Lexeme, Parser, Part};
use crate::mapping::fml::function::Function;
use crate::mapping::fml::model::{Argument, Call, Literal, Transform};

impl Parser<'_> {
    pub(super) fn literal(&mut self) -> Part<Literal> {
        let lexeme = self.here();
        let negative = self.is_sign("-") && self.ahead(1).token == Token::Number;
        let number = self.ahead(usize::from(negative));
        let raw = self.text.get(lexeme.start..number.end).unwrap_or("");
        let Some(literal) = literal(number.token, raw, self.slice(number)) else {
            return Err(self.expected("a value"));
        };
        if negative {
            self.next();
            self.gap(Gap::Tight);
        }
        self.next();
        Ok(literal)
    }

    /// What stands after `=`, or alone as a target.
    pub(super) fn transform(&mut self) -> Part<Transform> {
        if self.is_sign("(") {
            self.next();
            let expression = self.expression(Within::Parentheses)?;
            self.expect_sign(")")?;
            return Ok(Transform::Evaluate(expression));
        }
        if self.is_sign_at(1, "(") {
            return self.call("a function").map(transform_of);
        }
        let is_name = matches!(self.here().token, Token::Word | Token::Delimited);
        if is_name && !matches!(self.word(), "true" | "false") {
            return self.path("a value").map(Argument::Variable).map(Transform::Copy);
        }
        // A quantity is a literal too, which only an expression can hold.
        let unit = self.ahead(1).token;
        if self.here().token == Token::Number && matches!(unit, Token::Single) {
            return self.expression(Within::Arguments).map(Transform::Evaluate);
        }
        let first = self.here();
        if matches!(first.token, Token::Sign(_) | Token::Variable | Token::End) && !self.is_sign("-") {
            return Err(self.expected("a value, a variable, a function or an expression in parentheses"));
        }
        let literal = self.literal()?;
        Ok(Transform::Copy(Argument::Literal(literal, self.origin_from(first))))
    }

    pub(super) fn call(&mut self, what: &str) -> Part<Call> {
        let first = self.here();
        let name = self.name(what)?;
        self.gap(Gap::Tight);
        if !self.is_sign("(") {
            return Err(self.expected("`(` after the name of a group"));
        }
        self.next();
        let function = Function::of_word(&name.text);
        let mut arguments = Vec::new();
        if !self.is_sign(")") {
            loop {
                let is_expression = function == Some(Function::Evaluate) && self.is_expression_of(&arguments);
                arguments.push(if is_expression {
                    Argument::Expression(self.expression(Within::Arguments)?)
                } else {
                    self.argument()?
                });
                if !self.take_sign(",") {
                    break;
                }
            }
        }
        if !self.is_sign(")") {
            return Err(self.expected("`,` or `)`"));
        }
        self.next();
        Ok(Call { name, arguments, origin: self.origin_from(first) })
    }

    /// The second argument of `evaluate` is an expression, and so is one that stands alone.
    fn is_expression_of(&self, before: &[Argument]) -> bool {
        let end = expression_span(self.text, &self.lexemes, self.at, Within::Arguments);
        let alone = matches!(self.lexemes.get(end).map(|end| end.token), Some(Token::Sign(")")));
        !before.is_empty() || alone
    }

    pub(super) fn argument(&mut self) -> Part<Argument> {
        let first = self.here();
        let end = expression_span(self.text, &self.lexemes, self.at, Within::Arguments);
        let tokens = self.lexemes.get(self.at..end).unwrap_or(&[]);
        match tokens {
            [one] if literal(one.token, self.slice(*one), self.slice(*one)).is_some() => {
                let value = self.literal()?;
                return Ok(Argument::Literal(value, place(first)));
            }
            [Lexeme { token: Token::Sign("-"), .. }, Lexeme { token: Token::Number, .. }] => {
                let value = self.literal()?;
                return Ok(Argument::Literal(value, self.origin_from(first)));
            }
            _ => {}
        }
        if is_path(tokens) {
            return self.path("an argument").map(Argument::Variable);
        }
        self.expression(Within::Arguments).map(Argument::Expression)
    }
}

/// Names with points between them.
fn is_path(tokens: &[Lexeme]) -> bool {
    tokens.len() % 2 == 1
        && tokens.iter().enumerate().all(|(at, lexeme)| match lexeme.token {
            Token::Word | Token::Delimited => at % 2 == 0,
            Token::Sign(".") => at % 2 == 1,
            _ => false,
        })
}

/// A token as a value; `raw` has the sign of a number too.
fn literal(token: Token, raw: &str, bare: &str) -> Option<Literal> {
    Some(match token {
        Token::Single | Token::Double => Literal::String(unquote(bare)),
        Token::Markdown => Literal::String(markdown(bare)),
        Token::Number if bare.ends_with('L') => return None,
        Token::Number if bare.contains('.') => Literal::Decimal(without_spaces(raw)),
        Token::Number => Literal::Integer(without_spaces(raw)),
        Token::Date => date(bare.strip_prefix('@')?),
        Token::Word if bare == "true" => Literal::Boolean(true),
        Token::Word if bare == "false" => Literal::Boolean(false),
        _ => return None,
    })
}

fn without_spaces(raw: &str) -> String {
    raw.chars().filter(|c| !c.is_whitespace()).collect()
}

fn date(text: &str) -> Literal {
    match text.strip_prefix('T') {
        Some(time) => Literal::Time(time.to_owned()),
        None if text.contains('T') => Literal::DateTime(text.trim_end_matches('T').to_owned()),
        None => Literal::Date(text.to_owned()),
    }
}

/// A call as a value: functions are told from groups by their names.
pub(in crate::mapping::fml) fn transform_of(call: Call) -> Transform {
    let Some(function) = Function::of_word(&call.name.text) else { return Transform::Group(call) };
    match (function, call.arguments.as_slice()) {
        (Function::Copy, [argument @ (Argument::Literal(..) | Argument::Variable(_))]) => {
            Transform::Copy(argument.clone())
        }
        (Function::Evaluate, [Argument::Expression(expression)]) => Transform::Evaluate(expression.clone()),
        _ => Transform::Function { function, name: call.name.origin, arguments: call.arguments },
    }
}
