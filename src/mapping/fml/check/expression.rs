//! Embedded expressions: their variables are those of the map, and types go into them as far as they are known.

use super::Checker;
use crate::diag::Issue;
use crate::diag::codes::FHIRPATH_NAME as NAME;
use crate::fhirpath::{Options, StaticType, parse_in_map};
use crate::mapping::fml::model::{Expression, InputMode, Text};
use crate::tree::fhir::TypeId;

/// Around the name of a variable that is no plain word.
const QUOTES: [char; 2] = ['`', '\''];

impl Checker<'_, '_> {
    /// An expression on a value of a type, or on nothing that is known.
    pub(super) fn expression(&mut self, expression: &Expression, focus: Option<TypeId>) {
        let origin = &expression.origin;
        let parsed = match parse_in_map(&expression.text) {
            Ok(parsed) => parsed,
            // The parser of texts has reported it.
            Err(_) if origin.path.is_empty() => return,
            Err(mut issue) => {
                issue.span = origin.span;
                return self.report(*issue, origin);
            }
        };
        let (_, issues) = parsed.check(self.schema, &self.options(focus));
        for issue in issues {
            let place = origin.within(issue.span);
            let part = expression.text.get(issue.span.start as usize..issue.span.end as usize);
            match part.and_then(|part| part.strip_prefix('%')).filter(|_| issue.code.id == NAME.id) {
                Some(name) => self.unknown_variable(&Text::new(name.trim_matches(QUOTES), place)),
                None => self.report(Issue { span: place.span, ..issue }, &place),
            }
        }
    }

    fn options(&self, focus: Option<TypeId>) -> Options {
        let typed = |ty: Option<TypeId>| ty.map_or(StaticType::UNKNOWN, StaticType::fhir);
        let mut options = Options::new().in_map().on_type(typed(focus));
        // In an abstract group a name may be a variable of the group that extends it.
        if !self.is_abstract {
            options = options.strict();
        }
        let mut known: Vec<&str> = Vec::new();
        for name in self.scope.iter().rev().map(|variable| variable.name) {
            if !known.contains(&name) {
                let ty = self.variable(name, InputMode::Source).and_then(|variable| variable.ty);
                options = options.with_variable(name, typed(ty));
                known.push(name);
            }
        }
        for constant in &self.map.constants {
            if !known.contains(&constant.name.as_str()) {
                options = options.with_variable(constant.name.as_str(), StaticType::UNKNOWN);
            }
        }
        options
    }
}
