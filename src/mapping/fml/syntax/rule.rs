//! Rules: sources, `->`, targets, `then`, name.

use super::declaration::joined;
use super::expression::{Within, expression_span};
use super::lexer::{Token, quote};
use super::{Gap, Parser, Part, RULE_DEPTH_MAX};
use crate::diag::{Issue, codes};
use crate::mapping::fml::model::{
    Cardinality, Default, Expression, Path, Rule, RuleBody, Source, SourceListMode, Target, TargetListMode,
    Transformation,
};

const CLAUSES: &[&str] =
    &["as", "where", "check", "log", "default", "then", "first", "not_first", "last", "not_last", "only_one"];
const TARGET_WORDS: &[&str] = &["as", "then", "first", "share", "last", "single", "collate"];

impl Parser<'_> {
    pub(super) fn rule(&mut self) -> Part<Rule> {
        let before = self.remark_before();
        let first = self.here();
        let mut body = self.body()?;
        let name = if self.is_string() { Some(self.string("")?) } else { None };
        let end = self.origin_from(first);
        self.rule_end(&body)?;
        if let Some(identity) = identity(&body) {
            body = identity;
        }
        let documentation = joined(before, self.remark_behind());
        Ok(Rule { name, body, documentation, origin: end })
    }

    /// `;`, whose absence is reported where it should stand when the next rule follows on a line of its own.
    fn rule_end(&mut self, body: &RuleBody) -> Part<()> {
        if self.take_sign(";") {
            return Ok(());
        }
        let follows = self.starts_line() && matches!(self.here().token, Token::Word | Token::Delimited);
        let keyword = CLAUSES.contains(&self.word()) && !self.is_sign_at(1, ".");
        if (follows && !keyword) || self.is_sign("}") {
            self.missing_end("rule");
            return Ok(());
        }
        if let Some(comma) = self.line_comma.filter(|_| self.is_sign("->")) {
            let message = "`;` was expected here, not `,`";
            self.report(Issue::error(codes::FML_SYNTAX, comma.span(), message));
            return Err(super::Unread);
        }
        let RuleBody::Full(full) = body else { return Err(self.expected("`;`")) };
        if !full.rules.is_empty() && (self.here().token == Token::End || self.at_declaration()) {
            self.report_open_block(self.closed, "then");
            return Err(super::Unread);
        }
        if full.targets.is_empty() && full.rules.is_empty() && full.calls.is_empty() {
            Err(self.expected_one_of("`->`, `then` or `;`", CLAUSES))
        } else if full.rules.is_empty() && full.calls.is_empty() {
            Err(self.expected_one_of("`,`, `then`, a name or `;`", TARGET_WORDS))
        } else {
            Err(self.expected("a name or `;`"))
        }
    }

    /// Reports a `;` that is missing, where it should stand.
    pub(super) fn missing_end(&mut self, what: &str) {
        let message = format!("`;` was expected at the end of this {what}");
        self.report(Issue::error(codes::FML_SYNTAX, self.place_before(), message));
    }

    fn body(&mut self) -> Part<RuleBody> {
        let mut full = Transformation { sources: vec![self.source()?], ..Transformation::default() };
        while self.take_sign(",") {
            self.gap(Gap::Soft(1));
            full.sources.push(self.source()?);
        }
        if self.is_sign("->") {
            self.gap(Gap::Soft(1));
            self.next();
            if let Some(batch) = self.batch(&full.sources)? {
                return Ok(batch);
            }
            self.line_comma = None;
            full.targets.push(self.target()?);
            while self.is_sign(",") {
                let comma = self.next();
                if self.starts_line() {
                    self.line_comma = Some(comma);
                }
                self.gap(Gap::Soft(2));
                full.targets.push(self.target()?);
            }
        }
        if self.word() == "then" {
            self.gap(Gap::Soft(1));
            self.next();
            self.then(&mut full)?;
        }
        Ok(RuleBody::Full(full))
    }

    /// `src -> tgt : a, b`.
    fn batch(&mut self, sources: &[Source]) -> Part<Option<RuleBody>> {
        let is_name = matches!(self.here().token, Token::Word | Token::Delimited);
        if !(is_name && self.is_sign_at(1, ":")) {
            return Ok(None);
        }
        let target = self.name("a variable")?;
        let [source] = sources else { return Err(self.expected("one source before `:`")) };
        if !(source.path.elements.is_empty() && is_bare(source)) {
            return Err(self.expected("a variable without an element before `:`"));
        }
        self.next();
        let mut elements = vec![self.name("the name of an element")?];
        while self.take_sign(",") {
            elements.push(self.name("the name of an element")?);
        }
        Ok(Some(RuleBody::Batch { source: source.path.context.clone(), target, elements }))
    }

    fn then(&mut self, full: &mut Transformation) -> Part<()> {
        if !self.is_sign("{") {
            loop {
                full.calls.push(self.call("the name of a group or `{`")?);
                if !self.take_sign(",") {
                    break;
                }
            }
        }
        if !self.is_sign("{") {
            return Ok(());
        }
        if self.depth >= RULE_DEPTH_MAX {
            let place = self.here().span();
            let message = format!("rules are nested over {RULE_DEPTH_MAX} deep");
            self.report(Issue::error(codes::LIMIT, place, message));
            return Err(super::Unread);
        }
        let opened = self.next();
        full.rules = self.rules(opened, "then");
        Ok(())
    }

    pub(super) fn path(&mut self, what: &str) -> Part<Path> {
        let context = self.name(what)?;
        let mut elements = Vec::new();
        while self.take_sign(".") {
            elements.push(self.name("the name of an element after the point")?);
        }
        Ok(Path { context, elements })
    }

    fn source(&mut self) -> Part<Source> {
        let first = self.here();
        let path = self.path("a source")?;
        let mut source = Source {
            path,
            type_name: None,
            cardinality: None,
            default: None,
            list_mode: None,
            variable: None,
            condition: None,
            check: None,
            log: None,
            origin: self.origin_from(first),
        };
        if self.take_sign(":") {
            source.type_name = Some(self.type_name()?);
        }
        while self.clause_of(&mut source)? {}
        source.origin = self.origin_from(first);
        Ok(source)
    }

    /// One clause of a source; `false` where there is no further one. They are taken in any order, each once.
    fn clause_of(&mut self, source: &mut Source) -> Part<bool> {
        if self.here().token == Token::Number && source.cardinality.is_none() {
            source.cardinality = Some(self.cardinality()?);
            return Ok(true);
        }
        if let Some(mode) = SourceListMode::of_word(self.word()).filter(|_| source.list_mode.is_none()) {
            self.next();
            source.list_mode = Some(mode);
            return Ok(true);
        }
        let within = if source.variable.is_none() { Within::ClauseUnnamed } else { Within::Clause };
        match self.word() {
            "as" if source.variable.is_none() => {
                self.next();
                source.variable = Some(self.name("the name of a variable")?);
            }
            "default" if source.default.is_none() => {
                self.next();
                let expression = self.default_value()?;
                source.default = Some(Default { expression, type_name: None });
            }
            "where" if source.condition.is_none() => {
                self.next();
                source.condition = Some(self.clause(within)?);
            }
            "check" if source.check.is_none() => {
                self.next();
                source.check = Some(self.clause(within)?);
            }
            "log" if source.log.is_none() => {
                self.next();
                source.log = Some(self.clause(within)?);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// An expression; a string in double quotes alone is the spelling of the first version.
    fn default_value(&mut self) -> Part<Expression> {
        let end = expression_span(self.text, &self.lexemes, self.at, Within::Default);
        if self.here().token != Token::Double || end != self.at + 1 {
            return self.clause(Within::Default);
        }
        let string = self.string("a string")?;
        Ok(Expression { text: quote(&string.text, '\''), origin: string.origin })
    }

    fn cardinality(&mut self) -> Part<Cardinality> {
        let first = self.here();
        let min = self.count()?;
        self.gap(Gap::Tight);
        self.expect_sign("..")?;
        self.gap(Gap::Tight);
        let max = if self.take_sign("*") { None } else { Some(self.count()?) };
        Ok(Cardinality { min, max, origin: self.origin_from(first) })
    }

    fn count(&mut self) -> Part<u32> {
        let lexeme = self.here();
        let number = if lexeme.token == Token::Number { self.slice(lexeme).parse().ok() } else { None };
        let Some(number) = number else { return Err(self.expected("a whole number")) };
        self.next();
        Ok(number)
    }

    fn target(&mut self) -> Part<Target> {
        let first = self.here();
        if self.word() == "then" && matches!(self.ahead(1).token, Token::Word | Token::Sign("{")) {
            return Err(self.expected("a target"));
        }
        let mut target = Target {
            path: None,
            transform: None,
            variable: None,
            list_modes: Vec::new(),
            origin: self.origin_from(first),
        };
        if self.is_sign("(") || self.is_sign_at(1, "(") {
            target.transform = Some(self.transform()?);
        } else {
            target.path = Some(self.path("a target")?);
            if self.take_sign("=") {
                target.transform = Some(self.transform()?);
            }
        }
        while self.target_word(&mut target)? {}
        target.origin = self.origin_from(first);
        Ok(target)
    }

    fn target_word(&mut self, target: &mut Target) -> Part<bool> {
        let mode = match self.word() {
            "as" if target.variable.is_none() => {
                self.next();
                target.variable = Some(self.name("the name of a variable")?);
                return Ok(true);
            }
            "first" => TargetListMode::First,
            "last" => TargetListMode::Last,
            "single" | "collate" => TargetListMode::Single,
            "share" => {
                self.next();
                TargetListMode::Share(self.name("the id of what is shared")?)
            }
            _ => return Ok(false),
        };
        if !matches!(mode, TargetListMode::Share(_)) {
            self.next();
        }
        target.list_modes.push(mode);
        Ok(true)
    }
}

/// True for a source that is nothing but a path.
fn is_bare(source: &Source) -> bool {
    source.type_name.is_none()
        && source.cardinality.is_none()
        && source.default.is_none()
        && source.list_mode.is_none()
        && source.variable.is_none()
        && source.condition.is_none()
        && source.check.is_none()
        && source.log.is_none()
}

/// `src.a -> tgt.b`, where nothing else is said.
fn identity(body: &RuleBody) -> Option<RuleBody> {
    let RuleBody::Full(Transformation { sources, targets, calls, rules }) = body else { return None };
    let ([source], [target]) = (sources.as_slice(), targets.as_slice()) else { return None };
    let is_only_path =
        target.transform.is_none() && target.variable.is_none() && target.list_modes.is_empty();
    if !(is_bare(source) && is_only_path && calls.is_empty() && rules.is_empty()) {
        return None;
    }
    Some(RuleBody::Identity { source: source.path.clone(), target: target.path.clone()? })
}
