//! Conversions: which there are, whether the types on both sides fit, whether code tables are whole.

use super::{Checked, Compiler, End, Side, Walked};
use crate::diag::{codes, nearest};
use crate::mapping::ast::{self};
use crate::mapping::convert::{Convert, DatePattern};
use crate::mapping::program::Primitive;
use std::sync::Arc;

impl Compiler<'_> {
    pub(super) fn conversions(
        &mut self,
        relate: &ast::Relate,
        source: &Walked,
        target: &Walked,
    ) -> Checked<(Vec<Convert>, Option<Box<str>>)> {
        let mut chain = Vec::new();
        let mut otherwise = None;
        let mut class = self.class(source.end);
        for via in &relate.via {
            let (convert, gives) = self.conversion(via)?;
            if via.name.text == "codes" {
                if let Some(literal) = via.arguments.get(1) {
                    otherwise = Some(self.literal(literal)?.into_boxed_str());
                }
                self.check_codes(via, relate, otherwise.is_some())?;
            }
            class = gives;
            chain.push(convert);
        }
        let wanted = self.class(target.end);
        if !class.fits(wanted) {
            let (from, to) =
                (self.schema.type_info(source.end.ty).name, self.schema.type_info(target.end.ty).name);
            let message = format!("a value of `{from}` cannot stand in a `{to}`");
            let help = match wanted {
                Class::Date => "add `via date(\"dd.MM.yyyy\")` or `via ts`",
                Class::Boolean => "add `via bool(\"yes\", \"no\")` with the unit's words",
                Class::Number => "add `via decimal`",
                Class::Text => "choose an element of text",
            };
            self.fault(codes::LENS_TYPE, relate.span, message, help);
            return None;
        }
        Some((chain, otherwise))
    }

    pub(super) fn class(&self, end: End) -> Class {
        match self.primitive(end.ty) {
            Primitive::Boolean => Class::Boolean,
            Primitive::Integer | Primitive::Decimal => Class::Number,
            Primitive::Date | Primitive::DateTime | Primitive::Instant => Class::Date,
            _ => Class::Text,
        }
    }

    pub(super) fn conversion(&mut self, via: &ast::Via) -> Checked<(Convert, Class)> {
        const NAMES: [&str; 8] = ["date", "ts", "codes", "prefix", "strip", "bool", "decimal", "urn"];
        let name = via.name.text.as_str();
        let mut arguments = Vec::new();
        for argument in &via.arguments {
            arguments.push(self.literal(argument)?);
        }
        let made = match (name, arguments.as_slice()) {
            ("date", patterns) if !patterns.is_empty() => {
                let parsed: Option<Vec<_>> = patterns.iter().map(|text| DatePattern::parse(text)).collect();
                parsed.map(|patterns| (Convert::Date(patterns), Class::Date))
            }
            ("ts", []) => Some((Convert::Ts, Class::Date)),
            ("codes", [table, ..]) => {
                let Some((map, _)) = self.codes.get(table) else {
                    let names =
                        self.codes.keys().map(String::as_str).collect::<std::collections::BTreeSet<_>>();
                    let help = nearest(table, names)
                        .map_or_else(String::new, |near| format!("did you mean `{near}`?"));
                    let span = via.arguments[0].word().span;
                    self.fault(codes::LENS_NAME, span, format!("there is no code table `{table}`"), &help);
                    return None;
                };
                Some((Convert::Codes(Arc::clone(map)), Class::Text))
            }
            ("urn", []) => Some((Convert::Urn, Class::Text)),
            ("prefix", [text]) => Some((Convert::Prefix(text.as_str().into()), Class::Text)),
            ("strip", [text]) => Some((Convert::Strip(text.as_str().into()), Class::Text)),
            ("bool", [yes, no]) => {
                Some((Convert::Bool(yes.as_str().into(), no.as_str().into()), Class::Boolean))
            }
            ("decimal", []) => Some((Convert::Decimal('.'), Class::Number)),
            ("decimal", [sign]) if sign.chars().count() == 1 => {
                // What stands in numbers anyway cannot part them.
                let sign =
                    sign.chars().next().filter(|sign| !sign.is_alphanumeric() && !"+-".contains(*sign));
                sign.map(|sign| (Convert::Decimal(sign), Class::Number))
            }
            _ => None,
        };
        if made.is_none() {
            let help = nearest(name, NAMES).map_or_else(
                || format!("there are: {}", NAMES.join(", ")),
                |near| {
                    if near == name {
                        "see its arguments in the language page".to_owned()
                    } else {
                        format!("did you mean `{near}`?")
                    }
                },
            );
            let message = format!("`{name}` is no conversion with these arguments");
            self.fault(codes::LENS_NAME, via.name.span, message, &help);
        }
        made
    }

    /// A table must have every code of the value set that its source is bound to, unless `else` says what
    /// becomes of the others; and it must not give a code that the target's value set lacks.
    pub(super) fn check_codes(
        &mut self,
        via: &ast::Via,
        relate: &ast::Relate,
        has_else: bool,
    ) -> Checked<()> {
        let table = via.arguments[0].word();
        let map = Arc::clone(&self.codes.get(&table.text)?.0);
        if !has_else && let Some(codes_of_source) = self.bound_codes(Side::Source, &relate.source) {
            let have: std::collections::BTreeSet<&str> = map.sources().collect();
            let missing: Vec<String> = codes_of_source
                .into_iter()
                .filter(|code| !have.contains(code.as_str()))
                .map(|code| format!("`{code}`"))
                .collect();
            if !missing.is_empty() {
                let message = format!("the table `{}` has no row for {}", table.text, missing.join(", "));
                self.fault(
                    codes::LENS_CODES,
                    table.span,
                    message,
                    "add the rows, or `else` with the code to use for others",
                );
                return None;
            }
        }
        if let Some(allowed) = self.bound_codes(Side::Target, &relate.target) {
            let mut wrong: Vec<String> = map
                .targets()
                .filter(|code| !allowed.iter().any(|other| other == code))
                .map(|code| format!("`{code}`"))
                .collect();
            wrong.sort();
            if !wrong.is_empty() {
                let near = nearest(wrong[0].trim_matches('`'), allowed.iter().map(String::as_str));
                let help = near.map_or_else(
                    || format!("it takes: {}", allowed.join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                let message = format!(
                    "the table `{}` gives {}, which the target does not take",
                    table.text,
                    wrong.join(", ")
                );
                self.fault(codes::LENS_CODES, table.span, message, &help);
                return None;
            }
        }
        Some(())
    }

    /// The codes of the value set an element is bound to, where the binding is required and its codes are known.
    pub(super) fn bound_codes(&mut self, side: Side, path: &ast::Path) -> Option<Vec<String>> {
        let variable = self
            .scope
            .iter()
            .find(|variable| variable.name == path.variable.text && variable.side == side)?
            .clone();
        let mut ty = self.cover(side).ty(variable.at);
        let mut value_set = None;
        for step in path.steps.iter().filter(|step| step.name.text != "text()") {
            let found = self.schema.find(ty, &step.name.text)?;
            ty = found.ty;
            value_set = found
                .element
                .binding()
                .filter(|binding| binding.strength == crate::schema::Strength::Required);
        }
        let codes = self.schema.codes(&value_set?.value_set)?;
        Some(codes.iter().map(|code| code.code.to_owned()).collect())
    }
}

/// Which values a type holds, as far as conversions matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Text,
    Date,
    Boolean,
    Number,
}

impl Class {
    /// A date is also text; nothing else fits another.
    pub(super) fn fits(self, wanted: Self) -> bool {
        self == wanted || (self == Self::Date && wanted == Self::Text)
    }
}
