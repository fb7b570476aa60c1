//! Slices: made from the element that they slice, named by type where a choice is sliced.

use super::super::element::variant;
use super::super::types::{Discriminator, Facts, Slicing, bit};
use super::overlay::Overlay;
use super::state::drop_binding;
use super::tree::Node;

impl Overlay<'_, '_> {
    /// The number of a slice of the element at `at`, made where it is not there yet.
    pub(super) fn slice(
        &mut self,
        siblings: &mut Vec<Node>,
        at: usize,
        slice: &str,
        number: usize,
    ) -> Result<usize, String> {
        if let Some(found) = find(siblings, at, slice) {
            return Ok(found);
        }
        // A slice of a slice is named after it; the last slash parts them, for names may have slashes.
        let outer = slice.rsplit_once('/').and_then(|(outer, _)| Some((outer, find(siblings, at, outer)?)));
        let source = outer.map_or(at, |(_, at)| at);
        let mut node = siblings[source].clone();
        self.made(node.count())?;
        let facts = node.element.facts.get_or_insert_default();
        facts.slicing = None;
        facts.slice = Some(slice.into());
        node.element.min = 0;
        if node.is_choice() && self.stated(number).types.is_empty() {
            self.keep_type(&mut node, slice);
        }
        self.slicing_of(&mut siblings[source]);
        let end = after(siblings, at, outer.map(|(outer, _)| outer));
        siblings.insert(end, node);
        Ok(end)
    }

    /// The slice of a choice that a path means by the name in data of one type: `valueQuantity`.
    pub(super) fn slice_of_type(
        &mut self,
        siblings: &mut Vec<Node>,
        at: usize,
        number: usize,
        depth: usize,
    ) -> Result<usize, String> {
        let step = self.steps[number][depth].clone();
        let is_sliced = siblings[at].element.facts.as_deref().is_some_and(|facts| facts.slicing.is_some());
        if step.slice.is_none() && !is_sliced {
            // Without more said, the choice has just the types that are named so.
            let named = self.names_beside(number, depth);
            self.keep_types(&mut siblings[at], &named);
            set_slicing(&mut siblings[at], "type", "$this", "closed");
        }
        self.slice(siblings, at, step.slice.as_deref().unwrap_or(&step.name), number)
    }

    /// The choice that has a type of which `name` is the name in data.
    pub(super) fn choice(&self, siblings: &[Node], name: &str) -> Option<usize> {
        let fits = |node: &Node| {
            node.slice().is_none() && node.is_choice() && self.names_in_data(node).any(|it| it == name)
        };
        siblings.iter().position(fits)
    }

    fn names_in_data<'n>(&'n self, node: &'n Node) -> impl Iterator<Item = String> + use<'n> {
        let stem = self.generator.compiler.names.text(node.element.name);
        let codes = node.element.types.iter().map(|ty| self.generator.compiler.codes.text(ty.code));
        codes.map(move |code| variant(stem, code))
    }

    fn keep_type(&mut self, node: &mut Node, name: &str) {
        if self.names_in_data(node).any(|it| it == name) {
            self.keep_types(node, &[name.to_owned()]);
        }
    }

    fn keep_types(&mut self, node: &mut Node, named: &[String]) {
        let keep: Vec<bool> = self.names_in_data(node).map(|name| named.contains(&name)).collect();
        let mut keep = keep.into_iter();
        node.element.types.retain(|_| keep.next().unwrap_or(true));
        drop_binding(self.generator, node);
    }

    /// The names without a slice that entries have at one place, that of entry `number` among them.
    fn names_beside(&self, number: usize, depth: usize) -> Vec<String> {
        let above = &self.steps[number][..depth];
        let beside = self.steps.iter().filter(|steps| steps.len() > depth && &steps[..depth] == above);
        beside
            .map(|steps| &steps[depth])
            .filter(|step| step.slice.is_none())
            .map(|step| step.name.clone())
            .collect()
    }

    /// Extensions are sliced by their url and choices by their type without a differential that says so.
    fn slicing_of(&self, node: &mut Node) {
        let is_sliced = node.element.facts.as_deref().is_some_and(|facts| facts.slicing.is_some());
        let name = self.generator.compiler.names.text(node.element.name);
        if is_sliced || node.slice().is_some() {
        } else if matches!(name, "extension" | "modifierExtension") {
            set_slicing(node, "value", "url", "open");
        } else if node.element.flags & bit::CHOICE != 0 {
            set_slicing(node, "type", "$this", "open");
        }
    }
}

fn set_slicing(node: &mut Node, kind: &str, path: &str, rules: &str) {
    let discriminator = Discriminator { kind: kind.into(), path: path.into() };
    let slicing = Slicing { discriminators: [discriminator].into(), rules: rules.into(), ordered: false };
    let facts: &mut Facts = node.element.facts.get_or_insert_default();
    facts.slicing = Some(slicing);
}

/// The number of a slice of the element at `at`.
fn find(siblings: &[Node], at: usize, slice: &str) -> Option<usize> {
    let name = siblings.get(at)?.element.name;
    siblings.iter().position(|node| node.element.name == name && node.slice() == Some(slice))
}

/// Where the next slice goes: behind the last of the element, or of the slice that it slices again.
fn after(siblings: &[Node], at: usize, outer: Option<&str>) -> usize {
    let name = siblings[at].element.name;
    let is_inside = |slice: &str| match outer {
        None => true,
        Some(outer) => slice.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
    };
    let last =
        siblings.iter().rposition(|node| node.element.name == name && node.slice().is_some_and(is_inside));
    last.unwrap_or(at) + 1
}
