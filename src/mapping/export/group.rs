//! Groups of the map: those of the lens, and those for resources that References lead to.

use super::block::Rules;
use super::draft::{Draft, call, rules, text};
use super::relation::Sides;
use super::{Exporter, Frame, Import, Side, Var};
use crate::mapping::fml::model::{Call, Group, Input, InputMode, Origin, Rule, Target, Text};
use crate::mapping::program::Called;
use crate::schema::TypeKind;
use crate::tree::fhir::TypeId;

/// Calls of what the rules of a group became.
#[derive(Default)]
pub(super) struct Grouped {
    pub(super) now: Option<Call>,
    /// For elements that are silent.
    pub(super) late: Option<Call>,
}

impl Grouped {
    /// The rules that call them from a variable, which make the targets first.
    pub(super) fn called_from(self, name: &str, targets: &[Target]) -> Rules {
        let calling = |call| {
            let mut draft = Draft::on(name);
            draft.targets.extend_from_slice(targets);
            draft.calls.push(call);
            draft
        };
        Rules {
            now: self.now.into_iter().map(calling).collect(),
            late: self.late.into_iter().map(calling).collect(),
        }
    }
}

impl<'a> Exporter<'a> {
    /// The rules inside a relation as a group of their own.
    pub(super) fn group(&mut self, sides: &Sides<'a>, read: &Var, write: &Var) -> Grouped {
        let called = sides.relation.group.as_ref();
        let names = called.map_or((&*read.name, &*write.name), |called| self.sides_named(called));
        let name = called.map_or_else(|| capitalized(&read.name), |called| called.name.to_string());
        let outer = std::mem::take(&mut self.frame);
        self.depth += 1;
        let (source, made) = (self.var(names.0, read.ty), self.var(names.1, write.ty));
        self.reads[sides.read_slot] = Some(source.clone());
        self.writes[sides.write_slot] = Some(made.clone());
        let Rules { now, late } = self.shared_block(&sides.relation.block, &source);
        self.depth -= 1;
        let Frame { imports, .. } = std::mem::replace(&mut self.frame, outer);
        let inputs = self.inputs(&source, &made, &imports);
        let late_name = format!("{name}Defaults");
        let names = [(name, now), (late_name, late)].map(|(name, drafts)| {
            (!drafts.is_empty()).then(|| self.add_group(&name, inputs.clone(), rules(drafts)))
        });
        let mut arguments = vec![read.name.clone(), write.name.clone()];
        for import in &imports {
            let given = self.known(import.side, import.slot);
            arguments.extend(given.map(|var| var.name));
        }
        let [now, late] = names.map(|name| name.map(|name| call(&name, &arguments)));
        Grouped { now, late }
    }

    fn sides_named<'n>(&self, called: &'n Called) -> (&'n str, &'n str) {
        match self.direction {
            super::Direction::Forward => (&called.source, &called.target),
            super::Direction::Backward => (&called.target, &called.source),
        }
    }

    pub(super) fn inputs(&self, read: &Var, write: &Var, imports: &[Import]) -> Vec<Input> {
        let input = |side: Side, var: &Var| Input {
            mode: if side == Side::Read { InputMode::Source } else { InputMode::Target },
            name: text(&var.name),
            type_name: self.type_name(var.ty),
            documentation: None,
            origin: Origin::default(),
        };
        let further = imports.iter().map(|import| input(import.side, &import.var));
        [input(Side::Read, read), input(Side::Write, write)].into_iter().chain(further).collect()
    }

    /// The name of a type of FHIR; what stands in another type, or in a unit's document, has none that all know.
    fn type_name(&self, ty: TypeId) -> Option<Text> {
        let info = self.schema.type_info(ty);
        let has_name = !matches!(info.kind, TypeKind::Body | TypeKind::Logical) && !info.name.is_empty();
        has_name.then(|| text(info.name))
    }

    /// Adds a group; one that says the same is there only once.
    pub(super) fn add_group(&mut self, name: &str, inputs: Vec<Input>, rules: Vec<Rule>) -> String {
        let same = |group: &&Group| group.inputs == inputs && group.rules == rules;
        let is_called = |group: &&Group| group.name.text.starts_with(name);
        if let Some(known) = self.groups.iter().filter(is_called).find(same) {
            return known.name.text.clone();
        }
        let mut free = name.to_owned();
        let mut number = 2;
        while self.groups.iter().any(|group| group.name.text == free) {
            free = format!("{name}{number}");
            number += 1;
        }
        self.groups.push(group(&free, inputs, rules));
        free
    }
}

pub(super) fn group(name: &str, inputs: Vec<Input>, rules: Vec<Rule>) -> Group {
    Group {
        name: text(name),
        inputs,
        extends: None,
        type_mode: None,
        rules,
        documentation: None,
        origin: Origin::default(),
    }
}

pub(super) fn capitalized(name: &str) -> String {
    let mut characters = name.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}
