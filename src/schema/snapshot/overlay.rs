//! A differential laid over its base.

use super::super::element::Stated;
use super::super::pack::TypeRefRecord;
use super::super::types::{TypeKind, bit};
use super::state::state;
use super::steps::{Step, steps};
use super::tree::{Children, Node, Tree};
use super::{Differential, ELEMENTS_MAX, Generator};

pub(super) const EXTENSION: &str = "Extension";

/// The type whose children every element has.
const ANY_ELEMENT: &str = "Element";

/// The walk of one differential through the tree that becomes its snapshot.
pub(super) struct Overlay<'o, 'g> {
    pub(super) generator: &'o mut Generator<'g>,
    base: &'o Tree,
    pub(super) differential: &'g Differential,
    /// Of each entry of the differential.
    pub(super) steps: Vec<Vec<Step>>,
    /// Path of the first element.
    label: String,
    /// Elements made so far, those that were replaced among them.
    count: usize,
}

impl<'o, 'g> Overlay<'o, 'g> {
    pub(super) fn new(
        generator: &'o mut Generator<'g>,
        base: &'o Tree,
        differential: &'g Differential,
    ) -> Result<Self, String> {
        let path = differential.elements.first().map_or(&*base.label, |first| &first.path);
        let label = path.split('.').next().unwrap_or_default().to_owned();
        if label != base.label && differential.head.is_profile {
            return Err(format!("has `{label}` where its base has `{}`", base.label));
        }
        let steps = steps(&differential.elements)?;
        Ok(Self { generator, base, differential, steps, label, count: base.root.count() })
    }

    pub(super) fn run(mut self) -> Result<Tree, String> {
        let mut root = self.base.root.clone();
        root.rebase(&self.base.label, &self.label);
        let mut regex = self.base.regex.clone();
        for (number, stated) in self.differential.elements.iter().enumerate() {
            if self.is_value(number) {
                regex.clone_from(&stated.regex);
                continue;
            }
            let in_path = |reason: String| format!("{reason}, in `{}`", stated.path);
            let node = self.place(&mut root, number).map_err(in_path)?;
            state(self.generator, node, stated, self.differential.head.is_profile);
        }
        Ok(Tree {
            root,
            head: self.differential.head.derived_root(self.base.head.clone()),
            regex,
            label: self.label,
        })
    }

    /// The value of a primitive type is the leaf itself; only how it is written is a fact.
    fn is_value(&self, number: usize) -> bool {
        let is_named = |steps: &[Step]| matches!(steps, [only] if only.name == "value");
        self.differential.head.kind == TypeKind::Primitive && is_named(&self.steps[number])
    }

    /// The element that entry `number` is about, made where it is not there yet.
    fn place<'n>(&mut self, root: &'n mut Node, number: usize) -> Result<&'n mut Node, String> {
        let mut node = root;
        let mut label = self.label.clone();
        for depth in 0..self.steps[number].len() {
            self.list_children(node, &label)?;
            let below = node.listed_mut().ok_or("has nothing below a reference")?;
            let at = self.child(below, number, depth)?;
            node = below.get_mut(at).ok_or("has no such element")?;
            let step = node.step(self.generator.compiler.names.text(node.element.name));
            label = format!("{label}.{step}");
        }
        Ok(node)
    }

    /// The number of the element among its siblings that a step leads to.
    fn child(&mut self, siblings: &mut Vec<Node>, number: usize, depth: usize) -> Result<usize, String> {
        let step = self.steps[number][depth].clone();
        if let Some(at) = self.named(siblings, &step.name) {
            return match &step.slice {
                None => Ok(at),
                Some(slice) => self.slice(siblings, at, slice, number),
            };
        }
        if let Some(at) = self.choice(siblings, &step.name) {
            return self.slice_of_type(siblings, at, number, depth);
        }
        let is_last = depth + 1 == self.steps[number].len();
        if !is_last || self.differential.head.is_profile {
            return Err("has an element that its base has not".to_owned());
        }
        self.made(1)?;
        let node = self.new_element(number);
        siblings.push(node);
        Ok(siblings.len() - 1)
    }

    /// An element that the base has not, with the invariants that all elements have.
    fn new_element(&mut self, number: usize) -> Node {
        let mut element = self.generator.compiler.element(&self.differential.elements[number]);
        let code = element.types.first().map_or("", |ty| self.generator.compiler.codes.text(ty.code));
        let general = match code {
            _ if self.differential.head.kind == TypeKind::Logical || element.flags & bit::ATTRIBUTE != 0 => {
                None
            }
            "Resource" => None,
            EXTENSION => Some(EXTENSION),
            _ => Some(ANY_ELEMENT),
        };
        if let Some(any) = general.and_then(|general| self.generator.tree(general).ok()) {
            element.constraints =
                self.generator.compiler.union(element.constraints, any.root.element.constraints);
        }
        Node { element, children: Children::OfType }
    }

    /// The element itself of a name, not one of its slices.
    fn named(&self, siblings: &[Node], name: &str) -> Option<usize> {
        let names = &self.generator.compiler.names;
        let is_named =
            |node: &Node| node.slice().is_none() && node.step(names.text(node.element.name)) == name;
        siblings.iter().position(is_named)
    }

    /// Lists what is below an element that so far is as its type, or as another element.
    fn list_children(&mut self, node: &mut Node, label: &str) -> Result<(), String> {
        let children = match &node.children {
            Children::Listed(_) => return Ok(()),
            Children::Same(other) => {
                let other = self.in_base(other).ok_or("has a reference to no element")?.clone();
                node.element.types = other.element.types;
                other.children
            }
            Children::OfType if self.is_plain(node) => Children::Listed(Vec::new()),
            Children::OfType => self.of_type(&node.element.types, label)?,
        };
        node.children = children;
        self.made(node.count())
    }

    /// An element of a logical model whose children are those that the model lists.
    fn is_plain(&self, node: &Node) -> bool {
        let code = |ty: &TypeRefRecord| self.generator.compiler.codes.text(ty.code);
        self.differential.head.kind == TypeKind::Logical
            && node.element.types.iter().all(|ty| matches!(code(ty), "Element" | "BackboneElement" | "Base"))
    }

    fn of_type(&mut self, types: &[TypeRefRecord], label: &str) -> Result<Children, String> {
        let (code, profiles) = match types {
            [ty] => (self.generator.compiler.codes.text(ty.code).to_owned(), &*ty.profiles),
            // Only what all elements have can be meant.
            [] | [_, ..] => (ANY_ELEMENT.to_owned(), Default::default()),
        };
        // A profile that is not at hand, or is just being made, leaves what its type has.
        let profiled = match profiles {
            [profile] => self.generator.tree(profile).ok(),
            [] | [_, ..] => None,
        };
        let tree = match profiled {
            Some(tree) => tree,
            None => self.generator.tree(&code)?,
        };
        let mut node = tree.root.clone();
        node.rebase(&tree.label, label);
        Ok(node.children)
    }

    /// The element of the base with a label.
    fn in_base(&self, label: &str) -> Option<&Node> {
        let names = &self.generator.compiler.names;
        let mut node = &self.base.root;
        for step in label.split('.').skip(1) {
            node = node.listed().iter().find(|node| node.step(names.text(node.element.name)) == step)?;
        }
        Some(node)
    }

    /// Counts elements; slices within slices could double them with every entry.
    pub(super) fn made(&mut self, elements: usize) -> Result<(), String> {
        self.count += elements;
        if self.count > ELEMENTS_MAX { Err(format!("makes over {ELEMENTS_MAX} elements")) } else { Ok(()) }
    }

    /// What an entry states.
    pub(super) fn stated(&self, number: usize) -> &'g Stated {
        &self.differential.elements[number]
    }
}
