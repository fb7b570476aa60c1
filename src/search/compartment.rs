//! Compartments: what belongs to a patient, an encounter, a related person, a practitioner or a device.

use super::condition::Condition;
use super::key::Slot;
use super::table::Parameters;
use super::test::Test;
use super::value::Value;
use crate::tree::{Name, NodeId, Tree};

static TABLE: &str = include_str!("compartments.tsv");
/// The parameter that stands for the resource itself.
const SELF: &str = "{def}";

/// Type and parameters of each row of a compartment.
fn rows(compartment: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let rows = TABLE.lines().filter(|line| !line.starts_with('#'));
    let parts = rows.filter_map(|row| row.split_once('\t'));
    parts.filter(move |(of, _)| *of == compartment).filter_map(|(_, rest)| rest.split_once('\t'))
}

/// True for the name of a compartment.
pub(super) fn is_compartment(kind: &str) -> bool {
    rows(kind).next().is_some()
}

/// The types that a compartment holds, its own among them, in order.
pub(super) fn types(compartment: &str) -> Vec<String> {
    let mut types: Vec<String> = rows(compartment).map(|(kind, _)| kind.to_owned()).collect();
    types.push(compartment.to_owned());
    types.sort_unstable();
    types.dedup();
    types
}

/// What a resource of some types must pass to belong to the compartment of a resource.
pub(super) fn condition(parameters: &Parameters, compartment: &str, id: &str, types: &[String]) -> Condition {
    let target = format!("{compartment}/{id}");
    let mut parts = Vec::new();
    for (kind, codes) in rows(compartment).filter(|(kind, _)| types.iter().any(|of| of == kind)) {
        for code in codes.split(' ') {
            let Some(parameter) = parameters.find(kind, code) else { continue };
            parts.push(Condition::Test { slot: parameter.slot, test: Test::Reference(target.clone()) });
        }
    }
    if types.iter().any(|kind| kind == compartment) {
        parts.push(Condition::Is { kind: compartment.to_owned(), id: id.to_owned() });
    }
    Condition::Any(parts)
}

impl Parameters {
    /// The id of the patient whose compartment a resource belongs to, by which it is kept near everything else about
    /// that patient. None where there is no patient, or several.
    pub fn client_of(&self, tree: &Tree) -> Option<String> {
        const PATIENT: &str = "Patient";
        let kind = tree.resource_type(NodeId::ROOT)?;
        if kind == PATIENT {
            return tree.child(NodeId::ROOT, Name::ID).map(|id| tree.text(id).into_owned());
        }
        let (_, codes) = rows(PATIENT).find(|(of, _)| *of == kind)?;
        let values =
            codes.split(' ').filter(|code| *code != SELF).flat_map(|code| self.values_of(tree, &kind, code));
        let mut clients = values.filter_map(|value| match value {
            Value::Reference { target, .. } => target.strip_prefix("Patient/").map(str::to_owned),
            _ => None,
        });
        let first = clients.next()?;
        clients.all(|other| other == first).then_some(first)
    }

    /// Slots of the parameters by which resources of a type belong to a patient's compartment.
    pub fn client_slots(&self, kind: &str) -> Vec<Slot> {
        let codes = rows("Patient").filter(|(of, _)| *of == kind).flat_map(|(_, codes)| codes.split(' '));
        codes.filter_map(|code| Some(self.find(kind, code)?.slot)).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::schema::Schema;
    use crate::tree::fhir;

    #[test]
    fn each_row_names_parameters_that_there_are() {
        let parameters = Parameters::new(Schema::r4(), []);
        for compartment in ["Patient", "Encounter", "RelatedPerson", "Practitioner", "Device"] {
            assert!(is_compartment(compartment));
            for (kind, codes) in rows(compartment) {
                for code in codes.split(' ').filter(|code| *code != SELF) {
                    assert!(parameters.find(kind, code).is_some(), "{compartment}: {kind}.{code}");
                }
            }
        }
        assert!(!is_compartment("Organization"));
        assert_eq!((rows("Patient").count(), types("Patient").len()), (66, 66));
    }

    #[test]
    fn a_resource_is_kept_near_its_client() {
        let parameters = Parameters::new(Schema::r4(), ["https://sauma.example/fhir".to_owned()]);
        let check = |text: &str, expected: Option<&str>| {
            let tree = fhir::read_json(text, Schema::r4().names()).unwrap();
            assert_eq!(parameters.client_of(&tree).as_deref(), expected, "{text}");
        };
        check(
            r#"{"resourceType":"Patient","id":"a","link":[{"other":{"reference":"Patient/b"}}]}"#,
            Some("a"),
        );
        check(r#"{"resourceType":"CarePlan","subject":{"reference":"Patient/a"}}"#, Some("a"));
        let absolute = r#"{"resourceType":"Goal","subject":{"reference":"https://sauma.example/fhir/Patient/a/_history/1"}}"#;
        check(absolute, Some("a"));
        check(r#"{"resourceType":"CarePlan","subject":{"reference":"Group/a"}}"#, None);
        check(
            r#"{"resourceType":"Appointment","participant":[{"actor":{"reference":"Patient/a"}},{"actor":{"reference":"Patient/b"}}]}"#,
            None,
        );
        check(r#"{"resourceType":"Organization","id":"a"}"#, None);
    }
}
