//! Data types that functions put together: codings, quantities, identifiers.

use super::{Outcome, Run};
use crate::fhirpath::{Quantity, Unit};
use crate::mapping::fml::compile::spots;
use crate::tree::fhir::TypeId;
use crate::tree::{Kind, NodeId};

/// An element of a type with the texts of some of its parts.
#[derive(Debug, Clone)]
pub(super) struct Structure {
    pub(super) ty: &'static str,
    pub(super) parts: Vec<(&'static [&'static str], String)>,
}

impl Structure {
    /// Parts without a text are left out.
    pub(super) fn new(ty: &'static str, parts: &[(&'static [&'static str], &str)]) -> Self {
        let parts = parts.iter().filter(|(_, text)| !text.is_empty());
        Self { ty, parts: parts.map(|(path, text)| (*path, (*text).to_owned())).collect() }
    }

    pub(super) fn coding(system: &str, code: &str, display: &str) -> Self {
        Self::new("Coding", &[(&["system"], system), (&["code"], code), (&["display"], display)])
    }

    pub(super) fn concept(system: &str, code: &str, display: &str) -> Self {
        Self::new(
            "CodeableConcept",
            &[
                (&["coding", "system"], system),
                (&["coding", "code"], code),
                (&["coding", "display"], display),
            ],
        )
    }

    pub(super) fn of_quantity(quantity: &Quantity) -> Self {
        let value = quantity.value.to_string();
        let (unit, is_ucum) = (quantity.unit.ucum(), matches!(quantity.unit, Unit::Ucum(_)));
        let system = if is_ucum { "http://unitsofmeasure.org" } else { "" };
        let code = if is_ucum { unit } else { "" };
        Self::new(
            "Quantity",
            &[(&["value"], &value), (&["unit"], unit), (&["system"], system), (&["code"], code)],
        )
    }
}

impl Run<'_, '_> {
    /// Puts the parts into an element.
    pub(super) fn build(&mut self, id: NodeId, ty: TypeId, structure: &Structure) -> Outcome<()> {
        for (path, text) in &structure.parts {
            let (mut here, mut ty) = (id, ty);
            for name in *path {
                let Some(spot) = spots(self.program.schema, ty, name).into_iter().next() else { break };
                let there = self
                    .target
                    .children_named(here, spot.name)
                    .last()
                    .filter(|there| spot.kind != Kind::Text || self.target.kind(*there) == Kind::Text);
                let made = match there {
                    Some(there) => {
                        if spot.kind != Kind::Object {
                            self.write_text(there, spot.kind, text)?;
                            self.came_from(there, None);
                            break;
                        }
                        Some(there)
                    }
                    None => self.element(here, spot, spot.ty, None)?,
                };
                let Some(made) = made else { break };
                if spot.kind != Kind::Object {
                    self.write_text(made, spot.kind, text)?;
                }
                (here, ty) = (made, spot.ty);
            }
        }
        Ok(())
    }
}
