//! A model as FML text.

use super::format;
use super::model::{
    Argument, Call, CodeRef, ConceptMap, Group, InputMode, Literal, Map, Metadata, Path, Relation, Rule,
    RuleBody, Source, SourceListMode, Structure, StructureMode, Target, TargetListMode, Transform,
    Transformation, TypeMode,
};
use super::syntax::lexer::quote;
use crate::diag::{Issue, codes};

/// How a map says what it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `map "url" = "name"`, as engines of R4 expect it.
    R4,
    /// `/// url = "…"`, as R5 and the mapping language guide have it.
    R5,
}

/// A model as text in the canonical layout.
///
/// # Errors
/// What text cannot hold, as an expression with a bracket that is never closed.
pub fn print(map: &Map, dialect: Dialect) -> Result<String, Vec<Issue>> {
    let mut printer = Printer { out: String::new(), dialect };
    printer.map(map);
    format(&printer.out).map_err(|issues| {
        let lost = |issue: Issue| {
            let message = format!("the map cannot be written as text: {}", issue.message);
            Issue::error(codes::FML_LOST, map.groups.first().map_or(issue.span, |it| it.origin.span), message)
        };
        issues.into_iter().map(lost).collect()
    })
}

struct Printer {
    out: String,
    dialect: Dialect,
}

impl Printer {
    fn add(&mut self, parts: &[&str]) {
        self.out.extend(parts.iter().copied());
    }

    /// `first, second, …`
    fn list<T>(&mut self, items: &[T], mut item: impl FnMut(&mut Self, &T)) {
        for (at, one) in items.iter().enumerate() {
            if at > 0 {
                self.out.push_str(", ");
            }
            item(self, one);
        }
    }

    fn map(&mut self, map: &Map) {
        if self.dialect == Dialect::R5 {
            for (name, text) in [("url", &map.url), ("name", &map.name)] {
                if let Some(text) = text {
                    self.add(&["/// ", name, " = ", &quote(&text.text, '"'), "\n"]);
                }
            }
        }
        for metadata in &map.metadata {
            self.metadata(metadata);
        }
        if self.dialect == Dialect::R4 && (map.url.is_some() || map.name.is_some()) {
            let text =
                |text: &Option<super::model::Text>| text.as_ref().map_or("", |text| &text.text).to_owned();
            self.add(&["map ", &quote(&text(&map.url), '"'), " = ", &quote(&text(&map.name), '"'), "\n"]);
        }
        for concept_map in &map.concept_maps {
            self.concept_map(concept_map);
        }
        self.out.push('\n');
        for structure in &map.structures {
            self.structure(structure);
        }
        self.out.push('\n');
        for import in &map.imports {
            self.add(&["imports ", &quote(&import.text, '"'), "\n"]);
        }
        self.out.push('\n');
        for constant in &map.constants {
            self.add(&["let ", &name(&constant.name.text), " = ", &constant.value.text, ";\n"]);
        }
        for group in &map.groups {
            self.group(group);
        }
    }

    fn metadata(&mut self, metadata: &Metadata) {
        self.add(&["/// ", &metadata.path.join("."), " ="]);
        match &metadata.value {
            Some(Literal::String(text)) if text.contains('\n') && !text.contains("\"\"\"") => {
                self.add(&[" \"\"\"\n", text, "\n\"\"\""]);
            }
            Some(value) => {
                self.out.push(' ');
                self.literal(value);
            }
            None => {}
        }
        self.out.push('\n');
    }

    fn concept_map(&mut self, concept_map: &ConceptMap) {
        self.add(&["\nconceptmap ", &quote(&concept_map.id.text, '"'), " {\n"]);
        let of_rows = concept_map.mappings.iter().map(|row| row.source.system.as_str());
        let sources = systems(of_rows.chain(concept_map.unmapped.iter().map(|row| row.system.as_str())));
        let targets = concept_map.mappings.iter().filter_map(|row| row.target.as_ref());
        let targets = systems(targets.map(|target| target.system.as_str()));
        for (letter, systems) in [("s", &sources), ("t", &targets)] {
            for (at, system) in systems.iter().enumerate() {
                self.add(&["prefix ", &prefix(letter, at), " = ", &quote(system, '"'), "\n"]);
            }
        }
        for row in &concept_map.unmapped {
            let at = sources.iter().position(|system| *system == row.system).unwrap_or(0);
            self.add(&["unmapped for ", &prefix("s", at), " = provided\n"]);
        }
        self.out.push('\n');
        for row in &concept_map.mappings {
            self.code("s", &sources, &row.source);
            self.add(&[" ", row.relation.word()]);
            if let Some(target) = &row.target {
                self.out.push(' ');
                self.code("t", &targets, target);
            } else if row.relation != Relation::Unmatched {
                self.out.push_str(" \"\"");
            }
            self.out.push('\n');
        }
        self.out.push_str("}\n");
    }

    fn code(&mut self, letter: &str, systems: &[&str], code: &CodeRef) {
        let at = systems.iter().position(|system| *system == code.system).unwrap_or(0);
        let text = &code.code.text;
        let code = if is_word(text) { text.clone() } else { quote(text, '"') };
        self.add(&[&prefix(letter, at), ":", &code]);
    }

    fn structure(&mut self, structure: &Structure) {
        let remark = structure.documentation.as_deref();
        let trails = remark.is_some_and(|remark| !remark.contains('\n'));
        if let Some(remark) = remark.filter(|_| !trails) {
            self.remark(remark);
        }
        self.add(&["uses ", &quote(&structure.url.text, '"')]);
        if let Some(alias) = &structure.alias {
            self.add(&[" alias ", &name(&alias.text)]);
        }
        self.add(&[" as ", StructureMode::word(structure.mode)]);
        match remark.filter(|_| trails) {
            Some(remark) => self.add(&[" // ", remark, "\n"]),
            None => self.out.push('\n'),
        }
    }

    /// Comments on lines of their own.
    fn remark(&mut self, text: &str) {
        for line in text.split('\n') {
            let line = line.trim_end_matches('\r');
            self.add(&[if line.is_empty() { "//" } else { "// " }, line, "\n"]);
        }
    }

    fn group(&mut self, group: &Group) {
        self.out.push('\n');
        if let Some(text) = &group.documentation {
            self.remark(text);
        }
        self.add(&["group ", &name(&group.name.text), "("]);
        self.list(&group.inputs, |printer, input| {
            printer.add(&[InputMode::word(input.mode), " ", &name(&input.name.text)]);
            if let Some(type_name) = &input.type_name {
                printer.add(&[" : ", &dotted(&type_name.text)]);
            }
            if let Some(text) = &input.documentation {
                printer.add(&[" /* ", &text.replace("*/", "* /"), " */"]);
            }
        });
        self.out.push(')');
        if let Some(extends) = &group.extends {
            self.add(&[" extends ", &name(&extends.text)]);
        }
        self.out.push_str(match group.type_mode {
            Some(TypeMode::Types) => " <<types>>",
            Some(TypeMode::TypeAndTypes) => " <<type+>>",
            None => "",
        });
        self.out.push_str(" {\n");
        for rule in &group.rules {
            self.rule(rule);
        }
        self.out.push_str("}\n");
    }

    fn rule(&mut self, rule: &Rule) {
        if let Some(text) = &rule.documentation {
            self.remark(text);
        }
        match &rule.body {
            RuleBody::Identity { source, target } => {
                self.path(source);
                self.out.push_str(" -> ");
                self.path(target);
            }
            RuleBody::Batch { source, target, elements } => {
                self.add(&[&name(&source.text), " -> ", &name(&target.text), " : "]);
                self.list(elements, |printer, element| printer.out.push_str(&name(&element.text)));
            }
            RuleBody::Full(full) => self.full(full),
        }
        if let Some(name) = &rule.name {
            self.add(&[" ", &quote(&name.text, '"')]);
        }
        self.out.push_str(";\n");
    }

    fn full(&mut self, full: &Transformation) {
        self.list(&full.sources, Self::source);
        if !full.targets.is_empty() {
            self.out.push_str(" -> ");
            self.list(&full.targets, Self::target);
        }
        if full.calls.is_empty() && full.rules.is_empty() {
            return;
        }
        self.out.push_str(" then ");
        self.list(&full.calls, Self::call);
        if !full.rules.is_empty() {
            self.out.push_str(" {\n");
            for rule in &full.rules {
                self.rule(rule);
            }
            self.out.push('}');
        }
    }

    fn path(&mut self, path: &Path) {
        self.out.push_str(&name(&path.context.text));
        for element in &path.elements {
            self.add(&[".", &name(&element.text)]);
        }
    }

    fn source(&mut self, source: &Source) {
        self.path(&source.path);
        if let Some(type_name) = &source.type_name {
            self.add(&[" : ", &dotted(&type_name.text)]);
        }
        if let Some(cardinality) = &source.cardinality {
            let max = cardinality.max.map_or_else(|| "*".to_owned(), |max| max.to_string());
            self.add(&[" ", &cardinality.min.to_string(), "..", &max]);
        }
        if let Some(default) = &source.default {
            self.add(&[" default (", &default.expression.text, ")"]);
        }
        if let Some(mode) = source.list_mode {
            self.add(&[" ", SourceListMode::word(mode)]);
        }
        if let Some(variable) = &source.variable {
            self.add(&[" as ", &name(&variable.text)]);
        }
        for (word, expression) in
            [("where", &source.condition), ("check", &source.check), ("log", &source.log)]
        {
            if let Some(expression) = expression {
                self.add(&[" ", word, " (", &expression.text, ")"]);
            }
        }
    }

    fn target(&mut self, target: &Target) {
        if let Some(path) = &target.path {
            self.path(path);
        }
        if let Some(transform) = &target.transform {
            if target.path.is_some() {
                self.out.push_str(" = ");
            }
            self.transform(transform);
        }
        if let Some(variable) = &target.variable {
            self.add(&[" as ", &name(&variable.text)]);
        }
        for mode in &target.list_modes {
            match mode {
                TargetListMode::First => self.out.push_str(" first"),
                TargetListMode::Last => self.out.push_str(" last"),
                TargetListMode::Single => self.out.push_str(" single"),
                TargetListMode::Share(id) => self.add(&[" share ", &name(&id.text)]),
            }
        }
    }

    fn transform(&mut self, transform: &Transform) {
        match transform {
            Transform::Copy(argument) => self.argument(argument),
            Transform::Evaluate(expression) => self.add(&["(", &expression.text, ")"]),
            Transform::Function { function, arguments, .. } => {
                self.add(&[function.word(), "("]);
                self.list(arguments, Self::argument);
                self.out.push(')');
            }
            Transform::Group(call) => self.call(call),
        }
    }

    fn call(&mut self, call: &Call) {
        self.add(&[&name(&call.name.text), "("]);
        self.list(&call.arguments, Self::argument);
        self.out.push(')');
    }

    fn argument(&mut self, argument: &Argument) {
        match argument {
            Argument::Literal(literal, _) => self.literal(literal),
            Argument::Variable(path) => self.path(path),
            Argument::Expression(expression) => self.out.push_str(&expression.text),
        }
    }

    fn literal(&mut self, value: &Literal) {
        self.out.push_str(&literal(value));
    }
}

/// A literal as text.
pub(super) fn literal(literal: &Literal) -> String {
    match literal {
        Literal::String(text) => quote(text, '\''),
        Literal::Boolean(value) => value.to_string(),
        Literal::Integer(text) | Literal::Decimal(text) => text.clone(),
        // Without its `T` a date and time of day precision would be read as a date.
        Literal::DateTime(text) if !text.contains('T') => format!("@{text}T"),
        Literal::Date(text) | Literal::DateTime(text) => format!("@{text}"),
        Literal::Time(text) => format!("@T{text}"),
    }
}

fn systems<'a>(all: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut systems: Vec<&str> = Vec::new();
    for system in all {
        if !systems.contains(&system) {
            systems.push(system);
        }
    }
    systems
}

fn prefix(letter: &str, at: usize) -> String {
    if at == 0 { letter.to_owned() } else { format!("{letter}{}", at + 1) }
}

/// Words that would be read as a value where a name is meant.
const VALUES: &[&str] = &["true", "false"];

fn is_word(text: &str) -> bool {
    let first = text.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    first && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// A name, in backticks where it is no word.
fn name(text: &str) -> String {
    if is_word(text) && !VALUES.contains(&text) { text.to_owned() } else { quote(text, '`') }
}

fn dotted(text: &str) -> String {
    text.split('.').map(name).collect::<Vec<_>>().join(".")
}
