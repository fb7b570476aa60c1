//! Groups: inputs, what they extend, for what they are the default.

use super::declaration::joined;
use super::lexer::Token;
use super::{Gap, Parser, Part};
use crate::mapping::fml::model::{Group, Input, InputMode, Rule, TypeMode};

impl Parser<'_> {
    pub(super) fn group(&mut self) -> Part<Group> {
        let before = self.remark_before();
        let first = self.next();
        let name = self.name("the name of a group")?;
        let inputs = self.inputs()?;
        let mut extends = None;
        let mut type_mode = None;
        while !self.is_sign("{") {
            if self.word() == "extends" && extends.is_none() {
                self.next();
                extends = Some(self.name("the name of the group that is extended")?);
            } else if self.is_sign("<<") && type_mode.is_none() {
                type_mode = Some(self.type_mode()?);
            } else {
                return Err(self.expected_one_of("`extends`, `<<types>>`, `<<type+>>` or `{`", &["extends"]));
            }
        }
        let header = self.here();
        self.next();
        let documentation = joined(before, self.remark_behind());
        let rules = self.rules(header, &name.text);
        Ok(Group { name, inputs, extends, type_mode, rules, documentation, origin: self.origin_from(first) })
    }

    fn inputs(&mut self) -> Part<Vec<Input>> {
        self.gap(Gap::Tight);
        self.expect_sign("(")?;
        let mut inputs = Vec::new();
        // A group without inputs is only there to be extended.
        if self.take_sign(")") {
            return Ok(inputs);
        }
        loop {
            inputs.push(self.input()?);
            if self.take_sign(")") {
                return Ok(inputs);
            }
            if !self.is_sign(",") {
                return Err(self.expected("`,` or `)`"));
            }
            self.next();
            self.gap(Gap::Soft(1));
        }
    }

    fn input(&mut self) -> Part<Input> {
        let first = self.here();
        let Some(mode) = InputMode::of_word(self.word()) else {
            return Err(self.expected_one_of("`source` or `target`", &["source", "target"]));
        };
        self.next();
        let name = self.name("the name of an input")?;
        let type_name = if self.take_sign(":") { Some(self.type_name()?) } else { None };
        let documentation = self.remark_behind();
        Ok(Input { mode, name, type_name, documentation, origin: self.origin_from(first) })
    }

    fn type_mode(&mut self) -> Part<TypeMode> {
        self.next();
        let word = self.word();
        self.gap(Gap::Tight);
        let mode = match word {
            "types" => TypeMode::Types,
            "type" if self.is_sign_at(1, "+") => TypeMode::TypeAndTypes,
            _ => return Err(self.expected_one_of("`types` or `type+`", &["types", "type+"])),
        };
        self.next();
        if mode == TypeMode::TypeAndTypes {
            self.gap(Gap::Tight);
            self.next();
            // `<<type+types>>`, as old maps have it.
            if self.word() == "types" {
                self.gap(Gap::Tight);
                self.next();
            }
        }
        self.gap(Gap::Tight);
        self.expect_sign(">>")?;
        Ok(mode)
    }

    /// The rules of a block whose `{` was taken, and its `}`.
    pub(super) fn rules(&mut self, opened: super::Lexeme, what: &str) -> Vec<Rule> {
        let mut rules = Vec::new();
        self.depth += 1;
        loop {
            if self.is_sign("}") {
                self.gap(Gap::Line(self.depth - 1));
                self.next();
                self.closed = opened;
                break;
            }
            if self.here().token == Token::End || self.at_declaration() {
                self.report_open_block(opened, what);
                break;
            }
            self.gap(Gap::Line(self.depth));
            let from = self.at;
            match self.rule() {
                Ok(rule) => rules.push(rule),
                Err(_) => self.skip_rule(from),
            }
        }
        self.depth -= 1;
        rules
    }

    pub(super) fn report_open_block(&mut self, opened: super::Lexeme, what: &str) {
        if self.here().token != Token::End {
            // The brace is missing before the declaration, not on the line before it.
            self.gap(Gap::Line(0));
        }
        let reported = self.issues.len();
        self.report_expected("`}`");
        let line = self.line_of(opened);
        if let Some(issue) = self.issues.get_mut(reported) {
            issue.help = format!("`{{` of `{what}` on line {line} is not closed before this");
        }
    }

    /// Goes on after the next `;`, or at the next `}`. Blocks on the way are read for what is wrong in them.
    fn skip_rule(&mut self, from: usize) {
        if self.at == from && !self.is_sign("{") {
            self.next();
        }
        loop {
            if self.here().token == Token::End || self.is_sign("}") || self.at_declaration() {
                return;
            }
            let lexeme = self.next();
            match lexeme.token {
                Token::Sign(";") => return,
                Token::Sign("{") if self.depth < super::RULE_DEPTH_MAX => {
                    self.rules(lexeme, "then");
                }
                _ => {}
            }
        }
    }
}
