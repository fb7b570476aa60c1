//! What a guide demands: each SHALL of its definitions that data can break, one by one.
//!
//! A definition demands what its differential states beyond its base: constraints of error severity, elements that
//! must stand or may stand less often, required bindings, fixed and pattern values, closed slicings.

use super::page::{list, resolve, said};
use super::words::Words;
use super::{Guide, Resource};
use crate::schema::ElementDef;
use serde_json::Value;
use std::fmt;

/// What kind of demand it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Demand {
    /// An invariant holds.
    Constraint,
    /// An element stands at least so often.
    Min,
    /// An element stands at most so often.
    Max,
    /// Codes are of a value set.
    Binding,
    /// A value is exactly this.
    Fixed,
    /// A value has at least this.
    Pattern,
    /// Every element fits a slice.
    Slicing,
}

impl Demand {
    /// As it is written in the name of a requirement.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Constraint => "constraint",
            Self::Min => "min",
            Self::Max => "max",
            Self::Binding => "binding",
            Self::Fixed => "fixed",
            Self::Pattern => "pattern",
            Self::Slicing => "slicing",
        }
    }

    /// The demand that a finding of a code says is not met.
    pub fn of_code(code: &str) -> Option<Self> {
        Some(match code {
            "V315" | "V350" => Self::Min,
            "V316" | "V351" => Self::Max,
            "V320" => Self::Constraint,
            "V321" => Self::Fixed,
            "V322" => Self::Pattern,
            "V325" => Self::Binding,
            "V352" => Self::Slicing,
            _ => return None,
        })
    }
}

/// One demand of one definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// Id of the definition whose differential states it.
    pub definition: String,
    /// Id of the element: `CarePlan.extension:next-review`.
    pub element: String,
    /// The kind.
    pub demand: Demand,
    /// Key of the constraint; empty for all other kinds.
    pub key: String,
    /// What is demanded: the human text of a constraint, a number, a value set, a value.
    pub text: String,
}

/// Its name: `sauma-plan#sauma-pl-1` for a constraint, as findings name it, otherwise `sauma-plan#CarePlan.category min`.
impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.demand {
            Demand::Constraint => write!(f, "{}#{}", self.definition, self.key),
            demand => write!(f, "{}#{} {}", self.definition, self.element, demand.as_str()),
        }
    }
}

pub(super) fn all(guide: &Guide) -> Vec<Requirement> {
    let mut found = Vec::new();
    for definition in guide.resources.values().filter(|resource| resource.is_profile()) {
        for element in definition.elements() {
            of_element(guide, definition, element, &mut found);
        }
    }
    found
}

fn of_element(guide: &Guide, definition: &Resource, element: &Value, found: &mut Vec<Requirement>) {
    let id = said(element, "id");
    let mut add = |demand: Demand, key: &str, text: String| {
        found.push(Requirement {
            definition: definition.text("id").to_owned(),
            element: id.to_owned(),
            demand,
            key: key.to_owned(),
            text,
        });
    };
    for constraint in list(element, "constraint").filter(|it| said(it, "severity") == "error") {
        add(Demand::Constraint, said(constraint, "key"), Words::of(constraint, "human").en);
    }
    // How often the definition itself may stand binds nobody: a resource stands once, an extension where it is used.
    if id.contains('.') {
        let (least, most) = inherited(guide, definition, id);
        if let Some(min) = element["min"].as_u64().filter(|min| *min > u64::from(least)) {
            add(Demand::Min, "", format!("at least {min}"));
        }
        let max = element["max"].as_str().and_then(|max| max.parse::<u32>().ok());
        if let Some(max) = max.filter(|max| *max < most) {
            add(Demand::Max, "", format!("at most {max}"));
        }
    }
    let binding = &element["binding"];
    if said(binding, "strength") == "required" {
        add(Demand::Binding, "", said(binding, "valueSet").to_owned());
    }
    for (name, value) in element.as_object().into_iter().flatten() {
        let text = || value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        if name.starts_with("fixed") {
            add(Demand::Fixed, "", text());
        } else if name.starts_with("pattern") {
            add(Demand::Pattern, "", text());
        }
    }
    if said(&element["slicing"], "rules") == "closed" {
        add(Demand::Slicing, "", "every element fits a slice".to_owned());
    }
}

/// How often the base lets an element stand. What the base does not slice may stand as its unsliced element may, but
/// nothing of it has to be this slice.
fn inherited(guide: &Guide, definition: &Resource, id: &str) -> (u32, u32) {
    let Some(base) = guide.schema.type_by_url(definition.text("baseDefinition")) else {
        return (0, u32::MAX);
    };
    let numbers = |element: &ElementDef| (element.min, element.max);
    if let Some(same) = resolve(&guide.schema, base, id) {
        return numbers(same);
    }
    let plain: Vec<&str> = id.split('.').map(|step| step.split(':').next().unwrap_or(step)).collect();
    let is_slice = id.rsplit('.').next().is_some_and(|last| last.contains(':'));
    match resolve(&guide.schema, base, &plain.join(".")).map(numbers) {
        Some((_, most)) if is_slice => (0, most),
        Some(numbers) => numbers,
        None => (0, u32::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Schema;

    fn check(element: &str, expected: &[&str]) {
        let definition = format!(
            r#"{{"resourceType":"StructureDefinition","id":"p","url":"http://a.example/p","name":"P",
            "status":"draft","kind":"resource","abstract":false,"type":"Goal","derivation":"constraint",
            "baseDefinition":"http://hl7.org/fhir/StructureDefinition/Goal",
            "differential":{{"element":[{{"id":"Goal","path":"Goal"}},{element}]}}}}"#
        );
        let read = Guide::read(vec![("p.json".to_owned(), definition)], Schema::r4());
        let names: Vec<String> =
            read.iter().flat_map(Guide::requirements).map(|requirement| requirement.to_string()).collect();
        assert_eq!(names, expected, "{read:?}");
    }

    #[test]
    fn what_goes_beyond_the_base_is_demanded() {
        check(r#"{"id":"Goal.start[x]","path":"Goal.start[x]","min":1,"max":"1"}"#, &["p#Goal.start[x] min"]);
        // R4 demands the subject itself.
        check(r#"{"id":"Goal.subject","path":"Goal.subject","min":1}"#, &[]);
        check(r#"{"id":"Goal.category","path":"Goal.category","max":"1"}"#, &["p#Goal.category max"]);
        check(r#"{"id":"Goal.category","path":"Goal.category","min":0,"max":"*"}"#, &[]);
        check(
            r#"{"id":"Goal.lifecycleStatus","path":"Goal.lifecycleStatus","patternCode":"active"}"#,
            &["p#Goal.lifecycleStatus pattern"],
        );
        check(
            r#"{"id":"Goal.note","path":"Goal.note","constraint":[
            {"key":"a-1","severity":"error","human":"a","expression":"true"},
            {"key":"a-2","severity":"warning","human":"a","expression":"true"}]}"#,
            &["p#a-1"],
        );
        check(
            r#"{"id":"Goal.priority","path":"Goal.priority","binding":{"strength":"preferred","valueSet":"v"}}"#,
            &[],
        );
    }
}
