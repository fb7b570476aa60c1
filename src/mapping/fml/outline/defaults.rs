//! The default groups of a map: which group makes the one type of the other where a rule names none.

use crate::mapping::fml::check::find_type;
use crate::mapping::fml::library::{Library, Reach as Imports};
use crate::mapping::fml::model::{Group, InputMode, Map, TypeMode};
use crate::schema::Schema;
use crate::tree::fhir::TypeId;
use std::collections::HashMap;

/// A group with the map that it stands in.
type Found<'m> = (&'m Map, &'m Group);

/// The default groups of a map and of all it imports, its own first.
#[derive(Default)]
pub(super) struct Defaults<'m> {
    pairs: HashMap<(TypeId, TypeId), Found<'m>>,
    sources: HashMap<TypeId, (TypeId, Found<'m>)>,
}

impl<'m> Defaults<'m> {
    pub(super) fn of(map: &'m Map, library: &Library<'m>, imports: &Imports, schema: &Schema) -> Self {
        let mut defaults = Self::default();
        let others = library.reached(imports).filter(|other| !std::ptr::eq(*other, map));
        for map in std::iter::once(map).chain(others) {
            for group in &map.groups {
                let Some(mode) = group.type_mode else { continue };
                let ty = |mode: InputMode| {
                    let input = group.inputs.iter().find(|input| input.mode == mode)?;
                    find_type(map, schema, input.type_name.as_ref()?.as_str(), mode)
                };
                let (Some(source), Some(target)) = (ty(InputMode::Source), ty(InputMode::Target)) else {
                    continue;
                };
                defaults.pairs.entry((source, target)).or_insert((map, group));
                if mode == TypeMode::TypeAndTypes {
                    defaults.sources.entry(source).or_insert((target, (map, group)));
                }
            }
        }
        defaults
    }

    /// The group for a type that may be read and one that may be made; that for both types goes before others.
    pub(super) fn find(&self, sources: &[TypeId], targets: &[TypeId]) -> Option<Found<'m>> {
        let of_pair =
            |source: &TypeId| targets.iter().find_map(|target| self.pairs.get(&(*source, *target)).copied());
        let of_source = |source: &TypeId| {
            let (made, found) = self.sources.get(source)?;
            targets.contains(made).then_some(*found)
        };
        sources.iter().find_map(of_pair).or_else(|| sources.iter().find_map(of_source))
    }
}
