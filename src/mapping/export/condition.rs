//! Conditions and paths of a lens as expressions of `FHIRPath`.

use super::value::quoted;
use super::{Direction, Exporter};
use crate::mapping::Format;
use crate::mapping::program::{Condition, Resource, Step};
use crate::schema::UNKNOWN;
use crate::tree::fhir::TypeId;
use crate::tree::{Kind, Name};

/// Words that `FHIRPath` takes for operators where a name could stand.
const OPERATORS: &[&str] = &["and", "as", "contains", "div", "implies", "in", "is", "mod", "or", "xor"];

/// True for a text of more than white space. `trim` would not do: it knows the white space of ASCII alone (`FHIRPath`,
/// "trim").
pub(super) const SAYS: &str = r"matches('^.*\\S.*$')";

/// True where an element has content: a value, or what stands in place of one.
pub(super) fn has_content(variable: &str) -> String {
    has_content_at(&format!("%{variable}"))
}

/// As [`has_content`], of the elements at a path.
pub(super) fn has_content_at(path: &str) -> String {
    format!("{path}.descendants().exists(hasValue())")
}

/// An element of a definition, by the name that maps use.
pub(super) struct Element {
    pub(super) name: String,
    /// The type that is chosen, of several.
    pub(super) choice: Option<String>,
    pub(super) ty: TypeId,
}

impl Exporter<'_> {
    /// The element that a step leads to.
    pub(super) fn element(&self, step: &Step) -> Element {
        let in_data = self.program.names.text(step.name);
        let Some(found) = self.schema.element_by_name(TypeId(step.parent_type), step.name) else {
            return Element { name: in_data.to_owned(), choice: None, ty: UNKNOWN };
        };
        if found.element.is_choice() {
            return Element {
                name: self.schema.name_text(found.element.name).to_owned(),
                choice: Some(self.schema.type_info(found.ty).name.to_owned()),
                ty: found.ty,
            };
        }
        // Attributes of XML are elements of its model.
        let name = in_data.strip_prefix("@xsi:").or_else(|| in_data.strip_prefix('@')).unwrap_or(in_data);
        Element { name: name.to_owned(), choice: None, ty: found.ty }
    }

    /// True for an element of XML that has text and attributes.
    pub(super) fn is_text_element(&self, ty: TypeId) -> bool {
        self.schema.find(ty, "text()").is_some()
    }

    /// All conditions on the value at hand, or on a variable; none where there is nothing to ask.
    pub(super) fn conditions(&self, start: Option<&str>, conditions: &[Condition]) -> Option<String> {
        let all: Vec<String> = conditions.iter().map(|condition| self.condition(start, condition)).collect();
        (!all.is_empty()).then(|| all.join(" and "))
    }

    fn condition(&self, start: Option<&str>, condition: &Condition) -> String {
        match condition {
            Condition::Equals(steps, text) => match steps.split_last() {
                Some((last, above)) if last.name == Name::RESOURCE_TYPE => self.is_of(start, above, text),
                Some((last, _)) => {
                    let (path, value) = (self.text_at(start, steps), literal(last, text));
                    if steps.iter().any(|step| step.list) {
                        format!("{value} in {path}")
                    } else {
                        format!("{path} = {value}")
                    }
                }
                None => "true".to_owned(),
            },
            Condition::Differs(steps, text) => match steps.split_last() {
                Some((last, above)) if last.name == Name::RESOURCE_TYPE => {
                    format!("({}).not()", self.is_of(start, above, text))
                }
                Some((last, _)) => {
                    format!("({} in {}).not()", literal(last, text), self.text_at(start, steps))
                }
                None => "true".to_owned(),
            },
            Condition::Has(steps) => self.says(start, steps),
            Condition::Lacks(steps) => format!("({}).not()", self.says(start, steps)),
        }
    }

    fn is_of(&self, start: Option<&str>, above: &[Step], kind: &str) -> String {
        match (start, above) {
            (None, []) => format!("$this is {kind}"),
            (Some(variable), []) => format!("%{variable} is {kind}"),
            _ => format!("{}.ofType({kind}).exists()", self.steps(start, above)),
        }
    }

    /// True where an element is there that says something.
    pub(super) fn says(&self, start: Option<&str>, steps: &[Step]) -> String {
        let path = self.steps(start, steps);
        let is_text = steps.last().is_some_and(|last| matches!(last.kind, Kind::Str | Kind::Attr));
        // In FHIR no text is blank, and extensions may stand in place of one.
        let is_fhir = self.direction == Direction::Backward || self.program.format == Format::Fhir;
        if is_text && !is_fhir {
            return format!("{path}.exists({SAYS})");
        }
        format!("{path}.exists()")
    }

    /// A path to texts: those of elements of XML that may have attributes beside them are runs below the elements.
    fn text_at(&self, start: Option<&str>, steps: &[Step]) -> String {
        let path = self.steps(start, steps);
        let is_run = steps.last().is_some_and(|last| self.is_end_text(self.element(last).ty));
        if is_run { format!("{path}.xmlText") } else { path }
    }

    /// A path of elements, from the value at hand or from a variable.
    pub(super) fn steps(&self, start: Option<&str>, steps: &[Step]) -> String {
        let mut out = start.map(|variable| format!("%{variable}")).unwrap_or_default();
        for step in steps {
            let element = self.element(step);
            if !out.is_empty() {
                out.push('.');
            } else if self.frame.names.contains(&element.name) {
                // A variable would win over the element.
                out.push_str("$this.");
            }
            if OPERATORS.contains(&element.name.as_str()) {
                out.extend(["`", &element.name, "`"]);
            } else {
                out.push_str(&element.name);
            }
            if let Some(ty) = &element.choice {
                out.extend([".ofType(", ty, ")"]);
            }
            if let Some(conditions) = self.conditions(None, &step.conditions) {
                out.extend([".where(", &conditions, ")"]);
            }
        }
        if out.is_empty() { "$this".to_owned() } else { out }
    }

    /// As [`Exporter::steps`], up to a resource of a kind that meets its conditions.
    pub(super) fn steps_to(
        &self,
        start: Option<&str>,
        steps: &[Step],
        resource: Option<&Resource>,
    ) -> String {
        let mut out = self.steps(start, steps);
        let Some(resource) = resource else { return out };
        if resource.by_reference {
            out.push_str(".resolve()");
        }
        out.extend([".ofType(", &resource.kind, ")"]);
        if let Some(conditions) = self.conditions(None, &resource.conditions) {
            out.extend([".where(", &conditions, ")"]);
        }
        out
    }
}

fn literal(step: &Step, text: &str) -> String {
    match step.kind {
        Kind::Bool | Kind::Number => text.to_owned(),
        _ => quoted(text),
    }
}
