//! `src.a -> tgt.b`: what makes the one of the other.

use super::Checker;
use super::types::{Stepped, find_type};
use crate::diag::{Issue, codes};
use crate::mapping::fml::model::{InputMode, Map, Text, TypeMode};
use crate::schema::UNKNOWN;
use crate::tree::fhir::TypeId;
use std::collections::HashSet;

impl<'a> Checker<'_, 'a> {
    /// Reports an identity of two types of which nothing makes the one of the other.
    pub(super) fn identity_fits(&mut self, from: Stepped<'a>, to: Stepped<'a>, place: &Text) {
        let known = |stepped: Stepped<'_>| stepped.ty.filter(|ty| *ty != UNKNOWN && !stepped.is_resource);
        let (Some(source), Some(target)) = (known(from), known(to)) else { return };
        let is_plain = self.schema.type_info(source).is_primitive();
        if is_plain && self.schema.type_info(target).is_primitive() {
            return self.fits(to, Some(source), &place.origin);
        }
        if (!is_plain && self.is_compatible(source, target)) || self.has_default(source, target) {
            return;
        }
        let (found, wanted) = (self.type_name(source), self.type_name(target));
        // The parts of a resource have no names of their own.
        let said = |name: &str| if name.is_empty() { "this element".to_owned() } else { format!("`{name}`") };
        let message = format!("nothing makes {} of {}: there is no default group", said(wanted), said(found));
        let issue = Issue::error(codes::FML_DEFAULT, place.origin.span, message);
        self.report(issue, &place.origin);
    }

    /// True where a default group is for two types, or may be in a map that was not given.
    fn has_default(&mut self, source: TypeId, target: TypeId) -> bool {
        if self.reach.is_open {
            return true;
        }
        let defaults = self.defaults.take().unwrap_or_else(|| self.default_groups());
        let found = defaults.contains(&(source, Some(target))) || defaults.contains(&(source, None));
        self.defaults = Some(defaults);
        found
    }

    /// What the default groups of the map and of all it imports are for.
    fn default_groups(&self) -> HashSet<(TypeId, Option<TypeId>)> {
        let mut found = HashSet::new();
        let imported = self.library.reached(&self.reach).filter(|map| !std::ptr::eq(*map, self.map));
        for map in std::iter::once(self.map).chain(imported) {
            for group in &map.groups {
                let Some(mode) = group.type_mode else { continue };
                let ty = |mode: InputMode| self.type_of_input(map, group, mode);
                let (source, target) = (ty(InputMode::Source), ty(InputMode::Target));
                let Some(source) = source else { continue };
                found.extend(target.map(|target| (source, Some(target))));
                found.extend((mode == TypeMode::TypeAndTypes).then_some((source, None)));
            }
        }
        found
    }

    fn type_of_input(
        &self,
        map: &Map,
        group: &crate::mapping::fml::model::Group,
        mode: InputMode,
    ) -> Option<TypeId> {
        let input = group.inputs.iter().find(|input| input.mode == mode)?;
        find_type(map, self.schema, input.type_name.as_ref()?.as_str(), mode)
    }
}
