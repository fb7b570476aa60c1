//! A lens as two maps of the FHIR Mapping Language: one does what `get` does, the other what `create` does.
//!
//! A lens tries its rules and takes back an element in which none of them wrote. A map cannot take anything back, so
//! in a map the rules that carry content come first, and what only goes with content comes last, where the element
//! has any: constants, conditions, references, entries of the Bundle. A resource of its own entry is made beside the
//! Bundle and placed there when it has content.
//!
//! Findings have no counterpart in a map. What `keep` and `ignore` leave in the document a map leaves out.

mod block;
mod codes;
mod condition;
mod draft;
mod edited;
mod group;
mod leaf;
mod note;
mod place;
mod read;
mod relation;
mod resource;
mod rest;
mod restate;
mod root;
mod same;
mod settle;
mod share;
mod value;
mod wrap;

use super::fml::model::{Group, Map};
use super::program::{Block, Path, Program, Root};
use crate::diag::{Issue, codes as issue_codes};
use crate::schema::Schema;
use crate::tree::Name;
use crate::tree::fhir::TypeId;
use codes::Codes;
use edited::Restating;
use same::Every;
use share::Shares;
use std::collections::{HashMap, HashSet};

/// Which way a map goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the unit's document to resources, as `get`.
    Forward,
    /// From resources to a new document of the unit's, as `create`.
    Backward,
}

impl Direction {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Forward, Self::Backward];

    /// The word for it in names.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Backward => "backward",
        }
    }
}

impl Program {
    /// The lens as maps of the FHIR Mapping Language: one, or one for each type of document that it makes. `schema`
    /// holds the definitions that it was compiled with.
    ///
    /// # Errors
    /// The lens says something that the mapping language cannot.
    pub fn export(&self, schema: &Schema, direction: Direction) -> Result<Vec<Exported>, Vec<Issue>> {
        let mut exporter = Exporter {
            program: self,
            schema,
            direction,
            reads: vec![None; self.source_slots.max(self.target_slots)],
            writes: vec![None; self.source_slots.max(self.target_slots)],
            frame: Frame::default(),
            depth: 0,
            enclosing: Vec::new(),
            making: Vec::new(),
            hoisted: HashSet::new(),
            aliases: HashMap::new(),
            anew: HashSet::new(),
            bundle: 0,
            every: Every::No,
            is_restating: false,
            restating: Vec::new(),
            root: None,
            groups: Vec::new(),
            shares: Shares::default(),
            codes: Codes::default(),
            rule: 0,
            issues: Vec::new(),
        };
        exporter.note_anew();
        let maps = exporter.maps();
        if exporter.issues.is_empty() { Ok(maps) } else { Err(exporter.issues) }
    }
}

/// A map that was made of a lens.
#[derive(Debug)]
pub struct Exported {
    /// What its file is called, after the name of the lens.
    pub name: String,
    /// The map.
    pub map: Map,
}

/// A variable of a map.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Var {
    name: String,
    ty: TypeId,
    /// The group that it is known in, by how many are open.
    depth: usize,
}

/// A variable of another group, which this one is given.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Import {
    side: Side,
    slot: usize,
    var: Var,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Read,
    Write,
}

/// The group at hand.
#[derive(Debug, Default)]
struct Frame {
    /// Names of variables that are known.
    names: Vec<String>,
    imports: Vec<Import>,
}

struct Exporter<'a> {
    program: &'a Program,
    schema: &'a Schema,
    direction: Direction,
    /// What stands for the slots of the side that is read.
    reads: Vec<Option<Var>>,
    /// What stands for the slots of the side that is written.
    writes: Vec<Option<Var>>,
    frame: Frame,
    depth: usize,
    /// Blocks that are open, the outermost first.
    enclosing: Vec<&'a Block>,
    /// Slots of elements whose rules are being made.
    making: Vec<usize>,
    /// Slots of resources that stand at the start of a block.
    hoisted: HashSet<usize>,
    /// Slots that stand for the element of another.
    aliases: HashMap<usize, usize>,
    /// Elements of which rules make a new item each time, by the type around them.
    anew: HashSet<(u32, Name)>,
    /// The slot of the Bundle, on the side that is written.
    bundle: usize,
    every: Every,
    /// Rules are made for an element that says again what a resource holds.
    is_restating: bool,
    /// What restates resources in the documents of that map.
    restating: Vec<Restating<'a>>,
    /// The map of the lens at hand.
    root: Option<&'a Root>,
    groups: Vec<Group>,
    shares: Shares,
    codes: Codes,
    /// The number of the rule at hand.
    rule: usize,
    issues: Vec<Issue>,
}

impl<'a> Exporter<'a> {
    /// The two paths of a rule: the one that is read and the one that is written.
    const fn sides(&self, source: &'a Path, target: &'a Path) -> (&'a Path, &'a Path) {
        match self.direction {
            Direction::Forward => (source, target),
            Direction::Backward => (target, source),
        }
    }

    /// What the lens calls a slot.
    fn called(&self, side: Side, slot: usize) -> &'a str {
        let names = match (self.direction, side) {
            (Direction::Forward, Side::Read) | (Direction::Backward, Side::Write) => {
                &self.program.source_names
            }
            (Direction::Forward, Side::Write) | (Direction::Backward, Side::Read) => {
                &self.program.target_names
            }
        };
        names.get(slot).map_or("", |name| name)
    }

    /// A new variable of a name that is free where it is made.
    fn var(&mut self, wanted: &str, ty: TypeId) -> Var {
        let wanted = if wanted.is_empty() { "it" } else { wanted };
        let name = self.free(wanted);
        self.frame.names.push(name.clone());
        Var { name, ty, depth: self.depth }
    }

    /// Runs `make`; the names of its variables are free again afterwards.
    fn scoped<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> T {
        let known = self.frame.names.len();
        let made = make(self);
        self.frame.names.truncate(known);
        made
    }

    /// The variable of a slot in the group at hand, which is given it where it stands for another's.
    fn known(&mut self, side: Side, slot: usize) -> Option<Var> {
        let slots = match side {
            Side::Read => &self.reads,
            Side::Write => &self.writes,
        };
        let var = slots.get(slot)?.clone()?;
        if var.depth == self.depth {
            return Some(var);
        }
        let known = self.frame.imports.iter().find(|import| import.side == side && import.slot == slot);
        if let Some(import) = known {
            return Some(import.var.clone());
        }
        let inner = Var { name: self.free(&var.name), ty: var.ty, depth: self.depth };
        self.frame.imports.push(Import { side, slot, var: inner.clone() });
        Some(inner)
    }

    /// The name itself, or with a number behind it where that is taken.
    fn free(&self, wanted: &str) -> String {
        let is_taken = |name: &String| {
            self.frame.names.contains(name)
                || self.frame.imports.iter().any(|import| import.var.name == *name)
        };
        let mut name = wanted.to_owned();
        let mut number = 2;
        while is_taken(&name) {
            name = format!("{wanted}{number}");
            number += 1;
        }
        name
    }

    /// Reports that the rule at hand has no counterpart.
    fn cannot(&mut self, message: &str) {
        let span = self.program.rules().get(self.rule).map_or_else(Default::default, |rule| rule.span);
        self.issues.push(Issue::error(issue_codes::FML_LOST, span, message));
    }

    fn alias(&mut self, slot: usize, of: usize) {
        if slot != of {
            self.aliases.insert(slot, of);
        }
    }

    /// The slot that a slot stands for.
    fn canonical(&self, slot: usize) -> usize {
        let mut here = slot;
        // A slot stands for one that was bound before it, so this ends.
        while let Some(of) = self.aliases.get(&here) {
            here = *of;
        }
        here
    }

    fn type_named(&self, name: &str) -> TypeId {
        self.schema.type_named(name).unwrap_or(crate::schema::UNKNOWN)
    }
}
