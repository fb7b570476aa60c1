//! From a completed tree to the types of a package.

use super::super::compile::{Compiler, resolve_references};
use super::super::head::Head;
use super::super::pack::{TypeRecord, to_u32};
use super::super::types::Root;
use super::tree::{Children, Node, Tree};

/// The types of a definition: itself, then its bodies.
pub(super) fn types(compiler: &mut Compiler, tree: &Tree, head: &Head) -> Result<Vec<TypeRecord>, String> {
    let element = &tree.root.element;
    let root = Root {
        min: element.min,
        max: element.max.checked_sub(1).unwrap_or(u32::MAX),
        facts: element.facts.as_deref().cloned().unwrap_or_default(),
        flags: element.flags,
        ..head.derived_root(tree.head.clone())
    };
    let first = TypeRecord {
        path: tree.label.clone().into(),
        regex: tree.regex.clone(),
        constraints: element.constraints,
        root: Some(Box::new(root)),
        ..TypeRecord::default()
    };
    let mut maker = Maker { compiler, types: vec![first], references: Vec::new() };
    maker.children(0, &tree.label, tree.root.listed());
    resolve_references(&mut maker.types, &maker.references)?;
    Ok(maker.types)
}

struct Maker<'c> {
    compiler: &'c mut Compiler,
    types: Vec<TypeRecord>,
    /// Elements that are as others: type, number of the element, label of the other.
    references: Vec<(usize, usize, Box<str>)>,
}

impl Maker<'_> {
    /// Its depth is that of the paths, which `steps` bounds.
    fn children(&mut self, owner: usize, label: &str, nodes: &[Node]) {
        for (number, node) in nodes.iter().enumerate() {
            let mut record = node.element.clone();
            record.body = 0;
            self.compiler.name_variants(&mut record);
            self.types[owner].elements.push(record);
            match &node.children {
                Children::OfType => {}
                Children::Same(other) => self.references.push((owner, number, other.clone().into())),
                Children::Listed(below) => {
                    let step = node.step(self.compiler.names.text(node.element.name));
                    self.body(owner, number, &format!("{label}.{step}"), below);
                }
            }
        }
    }

    fn body(&mut self, owner: usize, number: usize, label: &str, nodes: &[Node]) {
        if nodes.is_empty() {
            return;
        }
        let body = self.types.len();
        self.types[owner].elements[number].body = to_u32(body);
        self.types.push(TypeRecord { path: label.into(), ..TypeRecord::default() });
        self.children(body, label, nodes);
    }
}
