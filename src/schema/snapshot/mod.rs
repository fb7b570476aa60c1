//! Snapshots: definitions that say only how they differ from their base, completed.
//!
//! The base is at hand in the compiled form, so the differential is laid over that (FHIR R4, Profiling, 5.1.0.5): a
//! [`Tree`] is the definition with the elements below each other, [`Overlay`] walks the differential through it.
//! Bases are completed first, in whatever order the files came; a circle is refused.

mod make;
mod overlay;
mod slices;
mod state;
mod steps;
mod tree;

use super::Schema;
use super::compile::{Compiler, full_url};
use super::element::Stated;
use super::head::Head;
use super::{FHIR_BASE, UNKNOWN};
use overlay::Overlay;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::rc::Rc;
use tree::Tree;

/// Definitions that derive from each other without a snapshot are followed this far.
pub const DERIVATIONS_MAX: usize = 64;
/// Elements of one completed definition.
pub const ELEMENTS_MAX: usize = 100_000;

/// A definition of which only the differential is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Differential {
    pub(super) head: Head,
    pub(super) elements: Vec<Stated>,
}

/// How far a definition has come.
enum State {
    Waiting,
    Active,
    Done(Rc<Tree>),
    Failed(String),
}

/// Completes the differentials of `compiler`; those that cannot be stay there, with the reason.
pub(super) fn complete(compiler: &mut Compiler, schema: &Schema) {
    let mut differentials = std::mem::take(&mut compiler.content.differentials);
    differentials.sort_by(|a, b| a.head.url.cmp(&b.head.url));
    compiler.content.directory.incomplete.clear();
    if differentials.is_empty() {
        return;
    }
    let mut generator = Generator::new(compiler, schema, &differentials);
    let trees: Vec<_> = (0..differentials.len()).map(|number| generator.derive(number)).collect();
    for (differential, tree) in differentials.into_iter().zip(trees) {
        match tree.and_then(|tree| make::types(compiler, &tree, &differential.head)) {
            Ok(types) => compiler.push(&differential.head, types),
            Err(reason) => {
                let url = differential.head.url.to_string();
                compiler.content.directory.incomplete.push((url, reason));
                compiler.content.differentials.push(differential);
            }
        }
    }
}

/// Makes trees of definitions, each once.
struct Generator<'g> {
    compiler: &'g mut Compiler,
    schema: &'g Schema,
    differentials: &'g [Differential],
    states: Vec<State>,
    by_url: HashMap<&'g str, usize>,
    /// Definitions that the compiler holds complete.
    own: HashMap<String, usize>,
    trees: HashMap<String, Rc<Tree>>,
    /// Sets of invariants of the schema by package and number, as numbers of the compiler.
    sets: HashMap<(u32, u32), u32>,
    depth: usize,
}

impl<'g> Generator<'g> {
    fn new(compiler: &'g mut Compiler, schema: &'g Schema, differentials: &'g [Differential]) -> Self {
        let definitions = &compiler.content.directory.definitions;
        Self {
            own: definitions.iter().map(full_url).zip(0..).collect(),
            states: differentials.iter().map(|_| State::Waiting).collect(),
            by_url: differentials.iter().map(|it| &*it.head.url).zip(0..).collect(),
            trees: HashMap::new(),
            sets: HashMap::new(),
            depth: 0,
            compiler,
            schema,
            differentials,
        }
    }

    /// Completes one differential; an error is the reason why that is not possible.
    fn derive(&mut self, number: usize) -> Result<Rc<Tree>, String> {
        match &self.states[number] {
            State::Done(tree) => return Ok(Rc::clone(tree)),
            State::Failed(reason) => return Err(reason.clone()),
            State::Active => return Err("derives from itself".to_owned()),
            State::Waiting => {}
        }
        if self.depth >= DERIVATIONS_MAX {
            return Err(format!("derives over {DERIVATIONS_MAX} differentials"));
        }
        self.states[number] = State::Active;
        self.depth += 1;
        let made = self.overlay(number).map(Rc::new);
        self.depth -= 1;
        self.states[number] = match &made {
            Ok(tree) => State::Done(Rc::clone(tree)),
            Err(reason) => State::Failed(reason.clone()),
        };
        made
    }

    fn overlay(&mut self, number: usize) -> Result<Tree, String> {
        let differential = &self.differentials[number];
        if differential.head.base.is_empty() {
            return Err("has neither a snapshot nor a base".to_owned());
        }
        let base = self.tree(&differential.head.base)?;
        Overlay::new(self, &base, differential)?.run()
    }

    /// The tree of a type or profile by its url or name; an error is the reason why there is none.
    fn tree(&mut self, name_or_url: &str) -> Result<Rc<Tree>, String> {
        let name = name_or_url.split_once('|').map_or(name_or_url, |(url, _)| url);
        let url = if name.contains('/') { name.to_owned() } else { format!("{FHIR_BASE}{name}") };
        if let Some(number) = self.by_url.get(&*url) {
            return self.derive(*number).map_err(|reason| format!("needs `{url}`, which {reason}"));
        }
        if let Some(tree) = self.trees.get(&url) {
            return Ok(Rc::clone(tree));
        }
        let made = match self.own.get(&url) {
            Some(number) => Tree::of_records(self.compiler, *number),
            None => match self.schema.type_by_url(&url).filter(|ty| *ty != UNKNOWN) {
                Some(ty) => Tree::of_schema(self, ty),
                None => None,
            },
        };
        let tree = Rc::new(made.ok_or_else(|| format!("needs `{url}`, which is not at hand"))?);
        self.trees.insert(url, Rc::clone(&tree));
        Ok(tree)
    }
}
