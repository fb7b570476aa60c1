//! Expressions: which variables they use, and the forms that need no evaluation.

use super::place::step;
use super::{Compiler, Expr, Slot, Step};
use crate::diag::{Issue, Severity, Span, codes};
use crate::fhirpath::{Options, StaticType, parse_in_map};
use crate::mapping::fml::model::{Expression, InputMode, Origin};
use crate::schema::UNKNOWN;
use crate::tree::fhir::TypeId;

impl Compiler<'_, '_, '_> {
    /// An expression on a value of a type.
    pub(super) fn expression(&mut self, expression: &Expression, focus: TypeId) -> Option<Expr> {
        self.expression_of(&expression.text, expression.origin.span, focus)
    }

    /// As [`Compiler::expression`], of a text at a place.
    pub(super) fn expression_of(&mut self, text: &str, span: Span, focus: TypeId) -> Option<Expr> {
        let parsed = parse_in_map(text).map_err(|issue| self.expression_issue(*issue, span)).ok()?;
        let mut options = Options::new().in_map();
        let mut variables = Vec::new();
        let words = words(text);
        for word in &words {
            if let Some(slot) = self.slot_named(word.head)
                && !variables.iter().any(|(known, _)| known == word.head)
            {
                options = options.with_variable(word.head, StaticType::UNKNOWN);
                variables.push((word.head.to_owned(), slot));
            }
        }
        let code = match parsed.compile(self.schema, &options) {
            Ok(code) => code,
            Err(issues) => {
                let first = issues.into_iter().find(|issue| issue.severity == Severity::Error);
                if let Some(issue) = first {
                    self.expression_issue(issue, span);
                }
                return None;
            }
        };
        let slot_of = |head: &str| variables.iter().find(|(name, _)| name == head).map(|(_, slot)| *slot);
        let reads = words
            .iter()
            .filter_map(|word| {
                Some((
                    slot_of(word.head)?,
                    word.below.split('.').filter(|it| !it.is_empty()).map(Box::from).collect(),
                ))
            })
            .collect();
        let equal = equality(text)
            .filter(|(name, _)| slot_of(name).is_none())
            .map(|(name, literal)| (step(self.schema, focus, name), literal.into()))
            .filter(|(step, _)| self.is_single_text(step));
        let variables = variables.into_iter().map(|(_, slot)| slot).collect();
        Some(Expr { code, variables, reads, equal, span })
    }

    /// True for an element that is there once at most and whose text is its value.
    fn is_single_text(&self, step: &Step) -> bool {
        let [spot] = &*step.spots else { return false };
        let known = self.known;
        let is_time = [known.date, known.date_time, known.instant, known.time].contains(&spot.ty);
        // The text of an XML element is no child of a name.
        let is_child = spot.kind != crate::tree::Kind::Text;
        is_child
            && !spot.is_list
            && spot.form == crate::tree::fhir::Form::Str
            && !is_time
            && spot.ty != UNKNOWN
    }

    fn expression_issue(&mut self, mut issue: Issue, at: Span) {
        issue.span = Origin::text(at).within(issue.span).span;
        self.issues.push((self.here, issue));
    }

    fn slot_named(&mut self, name: &str) -> Option<Slot> {
        let local = self.variable(name, InputMode::Source).map(|variable| Slot::Local(variable.slot));
        local.or_else(|| self.constant(name).map(Slot::Constant))
    }

    /// The number of a constant of the map; it is compiled when it is first named.
    pub(super) fn constant(&mut self, name: &str) -> Option<usize> {
        let map = self.maps.get(self.here).copied()?;
        let constant = map.constants.iter().find(|constant| constant.name.text == name)?;
        let key = (self.here, constant.name.as_str());
        if let Some(known) = self.constants.get(&key).copied() {
            if known.is_none() {
                let message = format!("the constant `{name}` is made of itself");
                self.error(codes::FML_VARIABLE, &constant.name.origin, message);
            }
            return known;
        }
        self.constants.insert(key, None);
        // A constant sees the other constants and no variable.
        let scope = std::mem::take(&mut self.scope);
        let expr = self.expression(&constant.value, UNKNOWN);
        self.scope = scope;
        let number = self.program.constants.len();
        self.program.constants.push(expr?);
        self.constants.insert(key, Some(number));
        Some(number)
    }
}

/// A name at the head of a path, with the names below it.
struct Word<'t> {
    head: &'t str,
    below: &'t str,
}

/// Every name at the head of a path, outside of strings. What is none is found to be none later.
fn words(text: &str) -> Vec<Word<'_>> {
    let bytes = text.as_bytes();
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let mut words = Vec::new();
    let mut at = 0;
    while let Some(byte) = bytes.get(at).copied() {
        if byte == b'\'' || byte == b'"' {
            at += 1;
            while bytes.get(at).is_some_and(|here| *here != byte) {
                at += if bytes.get(at) == Some(&b'\\') { 2 } else { 1 };
            }
            at += 1;
        } else if byte.is_ascii_alphabetic() || byte == b'_' {
            let start = at;
            while bytes.get(at).is_some_and(|byte| is_name(*byte)) {
                at += 1;
            }
            let head_end = at;
            while bytes.get(at) == Some(&b'.') && bytes.get(at + 1).is_some_and(|byte| is_name(*byte)) {
                at += 1;
                while bytes.get(at).is_some_and(|byte| is_name(*byte)) {
                    at += 1;
                }
            }
            // The last name is a function where it is called.
            let below = text.get(head_end..at).unwrap_or("");
            let below = if bytes.get(at) == Some(&b'(') {
                below.rsplit_once('.').map_or("", |it| it.0)
            } else {
                below
            };
            let is_head = start == 0 || bytes.get(start - 1).is_none_or(|before| *before != b'.');
            if is_head {
                words.push(Word { head: text.get(start..head_end).unwrap_or(""), below });
            }
        } else {
            at += 1;
        }
    }
    words
}

/// `name = 'text'`, perhaps in parentheses or with `.value`: the name and the text.
fn equality(text: &str) -> Option<(&str, &str)> {
    let mut text = text.trim();
    while let Some(inner) = text.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')) {
        text = inner.trim();
    }
    let (name, literal) = text.split_once('=')?;
    let name = name.trim();
    let name = name.strip_suffix(".value").unwrap_or(name);
    let literal = literal.trim().strip_prefix('\'')?.strip_suffix('\'')?;
    let plain = !literal.contains(['\'', '\\']) && !name.is_empty();
    (plain && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'))
        .then_some((name, literal))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_of_paths_are_found_outside_of_strings() {
        let check = |text: &str, expected: &[(&str, &str)]| {
            let found: Vec<(&str, &str)> = words(text).iter().map(|word| (word.head, word.below)).collect();
            assert_eq!(found, expected, "{text}");
        };
        check("'a b' + %src.id", &[("src", ".id")]);
        check("a.b.where(c = \"d\")", &[("a", ".b"), ("c", "")]);
        check("x.y.z and 'it\\'s q'", &[("x", ".y.z"), ("and", "")]);
    }

    #[test]
    fn plain_equalities_are_seen() {
        let check =
            |text: &str, expected: Option<(&str, &str)>| assert_eq!(equality(text), expected, "{text}");
        check("linkId = 'a b'", Some(("linkId", "a b")));
        check("(linkId.value = 'a')", Some(("linkId", "a")));
        check("linkId = 'a' or linkId = 'b'", None);
        check("a.b = 'c'", None);
        check("a != 'c'", None);
    }
}
