//! `rest`: a copy for each element of the type that no other rule names.

use super::draft::{Draft, path, source, target, text, variable};
use super::{Exporter, Side};
use crate::mapping::fml::model::Transform;
use crate::mapping::program::Rest;
use crate::schema::UNKNOWN;
use crate::tree::fhir::TypeId;

impl<'a> Exporter<'a> {
    pub(super) fn rest(&mut self, rest: &'a Rest) -> Vec<Draft> {
        let (read, write, named) = match self.direction {
            super::Direction::Forward => (rest.source_slot, rest.target_slot, &rest.source_named),
            super::Direction::Backward => (rest.target_slot, rest.source_slot, &rest.target_named),
        };
        let (Some(from), Some(to)) = (self.known(Side::Read, read), self.known(Side::Write, write)) else {
            return Vec::new();
        };
        let schema = self.schema;
        let mut drafts = Vec::new();
        for element in schema.elements(from.ty).iter().filter(|element| element.slice().is_none()) {
            let forms = schema.names_in_data(from.ty, element);
            let free: Vec<_> = forms.iter().filter(|form| !named.contains(&form.name)).collect();
            let name = schema.name_text(element.name);
            if free.len() == forms.len() {
                let ty = forms.first().map_or(UNKNOWN, |form| form.ty);
                drafts.push(self.copied(&from.name, &to.name, name, (ty, None)));
                continue;
            }
            for form in free {
                let ty = schema.type_info(form.ty).name;
                drafts.push(self.copied(&from.name, &to.name, name, (form.ty, Some(ty))));
            }
        }
        drafts
    }

    fn copied(&mut self, from: &str, to: &str, element: &str, (ty, form): (TypeId, Option<&str>)) -> Draft {
        self.scoped(|this| {
            let var = this.var("v", ty);
            let mut draft = Draft::of(source(from, Some(element)), false);
            draft.source.variable = Some(text(&var.name));
            draft.source.type_name = form.map(text);
            let place = path(to, Some(element));
            draft.rules = this.carried(&var, &place);
            if draft.rules.is_empty() {
                let value = Some(Transform::Copy(variable(&var.name)));
                draft.targets.push(target(Some(place), value, None));
            }
            draft
        })
    }
}
