//! Variables in embedded expressions. The expressions themselves are checked by the engine that runs them.

use super::Checker;
use crate::diag::Span;
use crate::mapping::fml::model::{Expression, Origin, Text};
use crate::mapping::fml::syntax::lexer::{Token, lex, unquote};

/// Variables that an engine gives to every expression (FHIR R4, "FHIRPath", "Variables").
const GIVEN: &[&str] =
    &["context", "resource", "rootResource", "ucum", "sct", "loinc", "terminologies", "factory", "server"];

impl Checker<'_, '_> {
    pub(super) fn expression(&mut self, expression: &Expression) {
        let origin = &expression.origin;
        let is_text = origin.path.is_empty();
        for lexeme in lex(&expression.text, &mut Vec::new()) {
            let raw = expression.text.get(lexeme.start..lexeme.end).unwrap_or("");
            let Some(name) = raw.strip_prefix('%').filter(|_| lexeme.token == Token::Variable) else {
                continue;
            };
            let name = if name.starts_with(['`', '\'']) { unquote(name) } else { name.to_owned() };
            let is_scoped = self.scope.iter().any(|variable| variable.name == name);
            let is_given =
                GIVEN.contains(&name.as_str()) || name.starts_with("vs-") || name.starts_with("ext-");
            if is_scoped || is_given || self.is_constant(&name) {
                continue;
            }
            // The text of a resource has escapes, so only the whole expression has a place in it.
            let span = if is_text {
                let lexeme = lexeme.span();
                Span::new(origin.span.start + lexeme.start, origin.span.start + lexeme.end)
            } else {
                origin.span
            };
            self.unknown_variable(&Text::new(name, Origin { span, path: origin.path.clone() }));
        }
    }
}
