//! The values of a source: where they stand, which of them are taken.

use super::{FINDINGS_MAX, Log, Outcome, Run, Var};
use crate::diag::{Redacted, codes};
use crate::fhirpath::Node;
use crate::mapping::fml::compile::{Expr, Place, Slot, Source, Step, found_in_data};
use crate::mapping::fml::model::SourceListMode;
use crate::schema::UNKNOWN;
use crate::tree::fhir::TypeId;
use crate::tree::{Kind, Name, NodeId, Tree};
use std::borrow::Cow;

/// Lists whose items are known by the text of one of their elements, at a time.
const KEYED_MAX: usize = 4;

impl<'p, 'a> Run<'p, 'a> {
    /// Puts the values that a source takes onto the pool.
    pub(super) fn values(&mut self, source: &'p Source, start: usize) -> Outcome<()> {
        if let (Some(condition), [step]) = (&source.condition, &*source.from.steps)
            && let Some((inner, text)) = &condition.equal
            && source.ty.is_none()
            && source.count.is_none()
            && source.default.is_none()
            && let Var::Node(node) = self.slot(source.from.slot)
            && let ([(name, ty)], [(below, _)]) = (&*step.names, &*inner.names)
            && node.ty == step.expected
        {
            self.values_equal(&node, (*name, *ty), (*below, text));
        } else {
            self.found(&source.from);
            self.filter(source, start)?;
        }
        if source.check.is_none() && source.log.is_none() && source.mode.is_none() {
            return Ok(());
        }
        self.checked(source, start)?;
        self.pick(source, start);
        Ok(())
    }

    /// `a.b where c = 'x'`, by far the most frequent source. Maps ask it again and again of one list, so what its items
    /// have as `c` is looked up once.
    fn values_equal(&mut self, node: &Node<'a>, (name, ty): (Name, TypeId), (below, text): (Name, &str)) {
        let tree = node.tree;
        let is_known = |known: &Keyed<'a>| known.is_of(node, name, below);
        let at = match self.keyed.iter().position(is_known) {
            Some(at) => at,
            None => self.look_up(node, name, below),
        };
        let count = self.keyed.get(at).map_or(0, |keyed| keyed.items.len());
        for number in 0..count {
            let item = self.keyed.get(at).and_then(|keyed| keyed.items.get(number));
            let Some((id, leaf)) = item.filter(|item| item.text == text).map(|item| (item.id, item.leaf))
            else {
                continue;
            };
            self.carried(&Node { tree, id: leaf, ty: UNKNOWN });
            let ty = self.type_of(tree, id, ty);
            self.pool.push(Var::Node(Node { tree, id, ty }));
        }
    }

    /// Notes what the items of a list have as one of their elements.
    fn look_up(&mut self, node: &Node<'a>, name: Name, below: Name) -> usize {
        let tree = node.tree;
        let at = if self.keyed.len() < KEYED_MAX {
            self.keyed.push(Keyed::default());
            self.keyed.len() - 1
        } else {
            // The list that was asked about longest ago gives way, but never the first, which is that of the document.
            self.keyed_next = self.keyed_next % (KEYED_MAX - 1) + 1;
            self.keyed_next
        };
        if let Some(keyed) = self.keyed.get_mut(at) {
            (keyed.tree, keyed.node, keyed.name, keyed.below) = (Some(tree), node.id, name, below);
            keyed.items.clear();
            for id in tree.children_named(node.id, name) {
                if let Some(leaf) = tree.child(id, below).filter(|leaf| tree.has_text(*leaf)) {
                    keyed.items.push(KeyedItem { text: tree.text(leaf), id, leaf });
                }
            }
        }
        at
    }

    /// Puts what stands at a place onto the pool.
    pub(super) fn found(&mut self, place: &'p Place) {
        if let (Slot::Local(slot), [step]) = (place.slot, &*place.steps)
            && let Some(Var::Node(node)) = self.slots.get(self.frame + slot)
        {
            let node = *node;
            return self.step(&node, step);
        }
        let start = self.pool.len();
        match place.slot {
            Slot::Local(slot) => match self.var(slot) {
                Var::None => {}
                var => self.pool.push(var),
            },
            Slot::Constant(number) => {
                let values = self.constant(number);
                self.pool.extend(values);
            }
        }
        for step in &place.steps {
            let end = self.pool.len();
            for at in start..end {
                match self.pool.get(at).cloned() {
                    Some(Var::Node(node)) => self.step(&node, step),
                    Some(Var::Made(id, ty)) => self.step_made(id, ty, step),
                    // The value of a value is the value.
                    Some(value) if step.is_value => self.pool.push(value),
                    _ => {}
                }
            }
            self.pool.drain(start..end);
        }
    }

    fn step(&mut self, node: &Node<'a>, step: &Step) {
        let tree = node.tree;
        if is_own_value(tree, node.id, step) {
            self.pool.push(Var::Node(*node));
            return;
        }
        let push = |id: NodeId, ty: TypeId, run: &mut Self| {
            let ty = run.type_of(tree, id, ty);
            run.pool.push(Var::Node(Node { tree, id, ty }));
        };
        if node.ty == step.expected && node.ty != UNKNOWN {
            if let [(name, ty)] = &*step.names {
                for id in tree.children(node.id) {
                    if is_found(tree, id, *name) && tree.is_present(id) {
                        push(id, *ty, self);
                    }
                }
                return;
            }
            for id in tree.children(node.id) {
                let name = tree.name(id);
                if let Some((_, ty)) = step.names.iter().find(|(known, _)| *known == name)
                    && tree.is_present(id)
                {
                    push(id, *ty, self);
                }
            }
            return;
        }
        for (id, ty) in self.open_step(tree, node.id, node.ty, step) {
            push(id, ty, self);
        }
    }

    fn step_made(&mut self, id: NodeId, ty: TypeId, step: &Step) {
        if is_own_value(&self.target, id, step) {
            self.pool.push(Var::Made(id, ty));
            return;
        }
        for (id, ty) in self.open_step(&self.target, id, ty, step) {
            let ty = self.type_of(&self.target, id, ty);
            self.pool.push(Var::Made(id, ty));
        }
    }

    /// A step from a node of which the map did not know the type.
    fn open_step(&self, tree: &Tree, id: NodeId, ty: TypeId, step: &Step) -> Vec<(NodeId, TypeId)> {
        let ty = self.type_of(tree, id, ty);
        let found = found_in_data(self.program.schema, ty, &step.text);
        let children = tree.children(id).filter(|child| tree.is_present(*child));
        if !found.is_empty() {
            let of = |child: NodeId| {
                found.iter().find(|found| is_found(tree, child, found.name)).map(|it| (child, it.ty))
            };
            return children.filter_map(of).collect();
        }
        // Without a definition the name alone counts, also of a choice or an attribute.
        let named = |child: &NodeId| {
            let name = tree.name_text(*child);
            let name = name.strip_prefix('@').unwrap_or(name);
            let rest = name.strip_prefix(&*step.text);
            rest.is_some_and(|rest| {
                rest.is_empty() || (ty == UNKNOWN && rest.starts_with(|c: char| c.is_ascii_uppercase()))
            })
        };
        children.filter(named).map(|child| (child, UNKNOWN)).collect()
    }

    /// Keeps of the values from `start` on those of the type for which the condition is true.
    fn filter(&mut self, source: &'p Source, start: usize) -> Outcome<()> {
        if let Some(ty) = source.ty {
            let mut kept = start;
            for at in start..self.pool.len() {
                let fits =
                    self.pool.get(at).is_some_and(|value| self.is_subtype(self.type_of_var(value), ty));
                if fits {
                    self.pool.swap(kept, at);
                    kept += 1;
                }
            }
            self.pool.truncate(kept);
        }
        // HL7's engine does not count.
        if let Some((min, max, span)) = source.count.filter(|_| !self.is_reference()) {
            let count = self.pool.len() - start;
            let is_within = count >= min as usize && max.is_none_or(|max| count <= max as usize);
            if !is_within {
                let most = max.map_or_else(|| "*".to_owned(), |max| max.to_string());
                let message = format!("{count} values stand here, where {min}..{most} are expected");
                self.error(codes::FML_COUNT, span, message);
                self.pool.truncate(start);
                return Ok(());
            }
        }
        if self.pool.len() == start
            && let Some(default) = &source.default
        {
            let values = self.evaluate(default, None)?;
            self.pool.extend(values);
        }
        let Some(condition) = &source.condition else { return Ok(()) };
        let mut kept = start;
        for at in start..self.pool.len() {
            if self.holds(condition, source, at)? {
                self.pool.swap(kept, at);
                kept += 1;
            }
        }
        self.pool.truncate(kept);
        Ok(())
    }

    fn holds(&mut self, condition: &'p Expr, source: &'p Source, at: usize) -> Outcome<bool> {
        let Some(value) = self.pool.get(at).cloned() else { return Ok(false) };
        self.set(source.slot, value.clone());
        self.truth(condition, &value)
    }

    /// Leaves out the values for which a check fails, and logs.
    fn checked(&mut self, source: &'p Source, start: usize) -> Outcome<()> {
        let mut kept = start;
        for at in start..self.pool.len() {
            if let Some(check) = &source.check
                && !self.holds(check, source, at)?
            {
                self.error(codes::FML_CHECK, check.span, "the check of this source is not true");
                continue;
            }
            if let (Some(log), Some(value)) = (&source.log, self.pool.get(at).cloned()) {
                self.set(source.slot, value.clone());
                let values = self.evaluate(log, Some(&value))?;
                let texts: Vec<String> =
                    values.iter().filter_map(|value| self.text(value).map(Cow::into_owned)).collect();
                if self.logs.len() < FINDINGS_MAX {
                    self.logs.push(Log { rule: self.rule, text: Redacted::new(texts.join(", ")) });
                }
            }
            self.pool.swap(kept, at);
            kept += 1;
        }
        self.pool.truncate(kept);
        Ok(())
    }

    fn pick(&mut self, source: &Source, start: usize) {
        let count = self.pool.len() - start;
        match source.mode {
            None => {}
            Some(_) if count == 0 => {}
            Some(SourceListMode::First) => self.pool.truncate(start + 1),
            Some(SourceListMode::NotFirst) => {
                self.pool.remove(start);
            }
            Some(SourceListMode::Last) => {
                self.pool.drain(start..start + count - 1);
            }
            Some(SourceListMode::NotLast) => self.pool.truncate(start + count - 1),
            Some(SourceListMode::OnlyOne) if count == 1 => {}
            Some(SourceListMode::OnlyOne) => {
                let message = format!("{count} values stand here, where only one is expected");
                self.error(codes::FML_COUNT, source.span, message);
                self.pool.truncate(start);
            }
        }
    }
}

/// The items of a list with the text of one element of each.
#[derive(Debug)]
pub(super) struct Keyed<'a> {
    tree: Option<&'a Tree>,
    node: NodeId,
    name: Name,
    below: Name,
    items: Vec<KeyedItem<'a>>,
}

#[derive(Debug)]
struct KeyedItem<'a> {
    text: Cow<'a, str>,
    id: NodeId,
    leaf: NodeId,
}

impl Default for Keyed<'_> {
    fn default() -> Self {
        Self { tree: None, node: NodeId::ROOT, name: Name::NONE, below: Name::NONE, items: Vec::new() }
    }
}

impl Keyed<'_> {
    fn is_of(&self, node: &Node<'_>, name: Name, below: Name) -> bool {
        self.node == node.id
            && self.name == name
            && self.below == below
            && self.tree.is_some_and(|tree| std::ptr::eq(tree, node.tree))
    }
}

/// True for `value` below a primitive, which maps between primitives write for the primitive itself, and for the
/// text of an XML element that holds nothing else.
fn is_own_value(tree: &Tree, id: NodeId, step: &Step) -> bool {
    step.is_text && tree.kind(id).is_leaf() && tree.kind(id) != Kind::Null
}

fn is_found(tree: &Tree, child: NodeId, name: Name) -> bool {
    tree.name(child) == name || (tree.kind(child) == Kind::Text && tree.names().text(name) == "text()")
}
