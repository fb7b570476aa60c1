//! A map and all that it imports, compiled against the definitions.
//!
//! Only groups that can be reached from the first one are compiled, with the default groups of types. Types are a
//! help, never a promise: a step knows its element where the value has the expected type, and asks the definitions
//! where it has another.

mod codes;
mod expression;
mod place;
mod program;
mod rule;

pub(super) use place::{found_in_data, spots};
pub(super) use program::{
    Argument, Call, Expr, Group, Known, Output, Place, Row, Rule, Slot, Source, Spot, Step, Table, Target,
    TargetMode, Then, Transform,
};
pub use program::{Compat, Program, RuleInfo};

use super::library::{Library, Reach};
use super::model::{self, InputMode, Map, Origin, Text, TypeMode};
use super::syntax::ISSUES_MAX;
use crate::diag::{Code, Issue, codes as codes_of};
use crate::schema::{Schema, UNKNOWN};
use crate::tree::fhir::TypeId;
use program::{Defaults, Input};
use std::collections::HashMap;

/// Groups of one program.
pub const GROUPS_MAX: usize = 50_000;

/// Compiles a map of a library. The place of an issue is in the map whose number, in the order of `maps`, stands
/// beside it.
///
/// # Errors
/// What cannot be run: unknown variables, groups, types, concept maps, expressions that are none.
pub fn compile<'s>(
    map: usize,
    maps: &[&Map],
    schema: &'s Schema,
    compat: Compat,
) -> Result<Program<'s>, Vec<(usize, Issue)>> {
    let library = Library::new(maps.iter().copied());
    let mut compiler = Compiler {
        maps,
        library: &library,
        reaches: maps.iter().map(|_| None).collect(),
        schema,
        known: known(schema),
        here: map,
        group: String::new(),
        scope: Vec::new(),
        slots: 0,
        numbers: HashMap::new(),
        open: Vec::new(),
        constants: HashMap::new(),
        tables: HashMap::new(),
        issues: Vec::new(),
        program: Parts::default(),
    };
    compiler.all();
    let Compiler { issues, program: parts, known, .. } = compiler;
    if !issues.is_empty() {
        return Err(issues);
    }
    Ok(Program {
        schema,
        compat,
        known,
        groups: parts.groups.into_iter().flatten().collect(),
        constants: parts.constants,
        tables: parts.tables,
        defaults: parts.defaults,
        infos: parts.infos,
        namespaces: HashMap::new(),
        roots: HashMap::new(),
    })
}

/// The types that are known by themselves.
pub(super) fn known(schema: &Schema) -> Known {
    let ty = |name: &str| schema.type_named(name).unwrap_or(UNKNOWN);
    Known {
        resource: ty("Resource"),
        domain_resource: ty("DomainResource"),
        element: ty("Element"),
        date: ty("date"),
        date_time: ty("dateTime"),
        instant: ty("instant"),
        time: ty("time"),
        integer: ty("integer"),
        decimal: ty("decimal"),
        boolean: ty("boolean"),
        string: ty("string"),
        quantity: ty("Quantity"),
    }
}

/// The program as far as it is compiled.
#[derive(Default)]
struct Parts {
    groups: Vec<Option<Group>>,
    constants: Vec<Expr>,
    tables: Vec<Table>,
    defaults: Defaults,
    infos: Vec<RuleInfo>,
}

/// A variable that is in scope.
struct Variable {
    name: String,
    mode: InputMode,
    slot: usize,
    ty: TypeId,
}

struct Compiler<'m, 'l, 's> {
    maps: &'l [&'m Map],
    library: &'l Library<'m>,
    reaches: Vec<Option<Reach>>,
    schema: &'s Schema,
    known: Known,
    /// The map at hand.
    here: usize,
    /// The name of the group at hand.
    group: String,
    scope: Vec<Variable>,
    slots: usize,
    /// Numbers of groups by map and name.
    numbers: HashMap<(usize, &'m str), usize>,
    /// Groups that are still to be compiled.
    open: Vec<(usize, &'m model::Group, usize)>,
    constants: HashMap<(usize, &'m str), Option<usize>>,
    tables: HashMap<(usize, String), usize>,
    issues: Vec<(usize, Issue)>,
    program: Parts,
}

impl<'m> Compiler<'m, '_, '_> {
    fn error(&mut self, code: &'static Code, origin: &Origin, message: impl Into<String>) {
        if self.issues.len() < ISSUES_MAX {
            self.issues.push((self.here, Issue::error(code, origin.span, message).at(origin.path.as_ref())));
        }
    }

    fn all(&mut self) {
        let Some(map) = self.maps.get(self.here).copied() else { return };
        let Some(first) = map.groups.first() else {
            self.error(codes_of::FML_GROUP, &Origin::default(), "the map has no group");
            return;
        };
        self.number(self.here, first);
        self.defaults(map);
        while let Some((map, group, number)) = self.open.pop() {
            self.here = map;
            let group = self.compile_group(group);
            if let Some(place) = self.program.groups.get_mut(number) {
                *place = Some(group);
            }
        }
    }

    /// The number of a group, which is compiled once it has one.
    fn number(&mut self, map: usize, group: &'m model::Group) -> usize {
        if let Some(number) = self.numbers.get(&(map, group.name.as_str())) {
            return *number;
        }
        let number = self.program.groups.len();
        self.program.groups.push(None);
        self.numbers.insert((map, group.name.as_str()), number);
        if number < GROUPS_MAX {
            self.open.push((map, group, number));
        } else {
            let message = format!("there are over {GROUPS_MAX} groups");
            self.error(codes_of::FML_GROUP, &group.origin, message);
        }
        number
    }

    /// The default groups of the map and of all it imports; a map's own come first, then those of the order of the
    /// library.
    fn defaults(&mut self, map: &'m Map) {
        let reach = self.library.reach(map);
        let own = self.here;
        let reached = (0..self.maps.len()).filter(|at| *at != own && reach.has(*at));
        for at in std::iter::once(own).chain(reached).collect::<Vec<_>>() {
            let Some(map) = self.maps.get(at).copied() else { continue };
            self.here = at;
            for group in &map.groups {
                let Some(mode) = group.type_mode else { continue };
                let ty = |wanted: InputMode| group.inputs.iter().find(|input| input.mode == wanted);
                let types = [InputMode::Source, InputMode::Target].map(|mode| {
                    ty(mode).and_then(|input| input.type_name.as_ref()).map(|name| self.type_of(name, mode))
                });
                let [Some(source), Some(target)] = types else { continue };
                let (Some(source), Some(target)) = (source, target) else { continue };
                let number = self.number(at, group);
                let defaults = &mut self.program.defaults;
                defaults.pairs.entry((source, target)).or_insert(number);
                if mode == TypeMode::TypeAndTypes {
                    defaults.sources.entry(source).or_insert(number);
                }
            }
        }
        self.here = own;
    }

    fn compile_group(&mut self, group: &'m model::Group) -> Group {
        self.group.clone_from(&group.name.text);
        (self.scope, self.slots) = (Vec::new(), 0);
        let inputs = group.inputs.iter().map(|input| self.input(input)).collect();
        let mut rules = Vec::new();
        let mut base = None;
        if let Some(name) = &group.extends
            && let Some((map, found)) = self.find_group(name)
        {
            if found.inputs.is_empty() {
                // An abstract group speaks of the variables of the group that extends it.
                let here = std::mem::replace(&mut self.here, map);
                rules = self.rules(&found.rules);
                self.here = here;
            } else if found.inputs.len() == group.inputs.len() {
                base = Some(self.number(map, found));
            } else {
                let message = format!("`{}` has another number of inputs", name.text);
                self.error(codes_of::FML_ARGUMENTS, &name.origin, message);
            }
        }
        rules.extend(self.rules(&group.rules));
        Group { name: group.name.text.clone(), slots: self.slots, inputs, base, rules }
    }

    fn input(&mut self, input: &'m model::Input) -> Input {
        let ty = input.type_name.as_ref().and_then(|name| self.type_of(name, input.mode));
        self.declare(&input.name.text, input.mode, ty.unwrap_or(UNKNOWN));
        Input { mode: input.mode, name: input.name.text.clone(), ty }
    }

    /// The group of a name, with the number of its map.
    fn find_group(&mut self, name: &Text) -> Option<(usize, &'m model::Group)> {
        let map = self.maps.get(self.here).copied()?;
        let library = self.library;
        let reach = self.reaches.get_mut(self.here)?.get_or_insert_with(|| library.reach(map));
        let Some((map, group)) = library.group(map, reach, &name.text) else {
            let message = format!("no group `{}` is known", name.text);
            self.error(codes_of::FML_GROUP, &name.origin, message);
            return None;
        };
        let at = self.maps.iter().position(|known| std::ptr::eq(*known, map))?;
        Some((at, group))
    }

    fn declare(&mut self, name: &str, mode: InputMode, ty: TypeId) -> usize {
        let slot = self.slots;
        self.slots += 1;
        self.scope.push(Variable { name: name.to_owned(), mode, slot, ty });
        slot
    }

    /// The innermost variable of a name, of the wanted kind where both are in scope.
    fn variable(&self, name: &str, wanted: InputMode) -> Option<&Variable> {
        let named = || self.scope.iter().rev().filter(|variable| variable.name == name);
        named().find(|variable| variable.mode == wanted).or_else(|| named().next())
    }

    /// The type of a name as the map uses it; none where its definition is not known.
    fn type_of(&self, name: &Text, mode: InputMode) -> Option<TypeId> {
        let map = self.maps.get(self.here)?;
        super::check::find_type(map, self.schema, &name.text, mode)
    }
}
