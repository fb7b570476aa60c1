//! FHIRPath Patch (FHIR R4, "FHIRPath Patch"): a `Parameters` whose parts named `operation` each change one place of a
//! resource that a FHIRPath expression leads to.

use super::refusal::{Outcome, Refusal, Why};
use super::rewrite;
use crate::fhirpath::{Context, Item, Options, parse};
use crate::schema::Schema;
use crate::tree::fhir::{self, Shape, TypeId};
use crate::tree::{Flags, Kind, NodeId, Tree};

/// Operations of one patch.
const OPERATIONS_MAX: usize = 1_000;
/// Steps that the expression of one operation may take; a thousand such operations stay under a few seconds.
const PATH_STEPS_MAX: u64 = 1_000_000;

/// Applies a patch to a resource. Both are read with the names of the schema.
///
/// # Errors
/// The patch is not of the form that FHIR gives to it, a path leads to no place or to several, or a value does not fit
/// its place. Nothing of it counts then.
pub(super) fn apply(resource: &Tree, patch: &Tree, schema: &Schema) -> Outcome<Tree> {
    if patch.resource_type(NodeId::ROOT).as_deref() != Some("Parameters") {
        return Err(Refusal::plain(Why::PatchForm));
    }
    let mut edited = resource.clone();
    let operations = named(patch, NodeId::ROOT, "parameter");
    if operations.len() > OPERATIONS_MAX {
        return Err(Refusal::new(Why::PatchForm, format!("a patch has at most {OPERATIONS_MAX} operations")));
    }
    for (at, operation) in operations.into_iter().enumerate() {
        if patch.child_text(operation, "name").is_none_or(|name| name != "operation") {
            return Err(form(at, "a parameter is not named operation"));
        }
        Step { patch, operation, schema, at }.run(&mut edited)?;
    }
    fhir::sort(&mut edited, schema);
    Ok(edited)
}

fn form(at: usize, message: &str) -> Box<Refusal> {
    Refusal::new(Why::PatchForm, format!("operation {}: {message}", at + 1))
}

fn unfit(at: usize, message: &str) -> Box<Refusal> {
    Refusal::new(Why::PatchUnfit, format!("operation {}: {message}", at + 1))
}

fn named(tree: &Tree, node: NodeId, name: &str) -> Vec<NodeId> {
    tree.names().get(name).map_or_else(Vec::new, |name| tree.children_named(node, name).collect())
}

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kinds {
    Add,
    Insert,
    Delete,
    Replace,
    Move,
}

/// One operation.
struct Step<'a> {
    patch: &'a Tree,
    operation: NodeId,
    schema: &'a Schema,
    at: usize,
}

/// Where a path leads.
#[derive(Debug, Clone, Copy)]
struct Place {
    node: NodeId,
    ty: TypeId,
}

/// A value of the patch: a part's `value[x]`, or parts that make up an element without a type of its own.
#[derive(Debug, Clone, Copy)]
enum Given {
    Typed(NodeId),
    Parts(NodeId),
}

impl Step<'_> {
    fn run(&self, tree: &mut Tree) -> Outcome<()> {
        let kind = match &*self.text("type").ok_or_else(|| form(self.at, "it has no type"))? {
            "add" => Kinds::Add,
            "insert" => Kinds::Insert,
            "delete" => Kinds::Delete,
            "replace" => Kinds::Replace,
            "move" => Kinds::Move,
            _ => return Err(form(self.at, "its type is none of add, insert, delete, replace and move")),
        };
        let places = self.places(tree)?;
        match kind {
            Kinds::Add => self.add(tree, self.one(&places)?),
            Kinds::Insert => self.insert(tree, &places),
            Kinds::Delete => self.delete(tree, &places),
            Kinds::Replace => self.replace(tree, self.one(&places)?),
            Kinds::Move => self.reorder(tree, &places),
        }
    }

    /// The part of a name.
    fn part(&self, name: &str) -> Option<NodeId> {
        let parts = named(self.patch, self.operation, "part");
        parts.into_iter().find(|part| self.patch.child_text(*part, "name").is_some_and(|found| found == name))
    }

    /// The `value[x]` of a part.
    fn value_of(&self, part: NodeId) -> Option<NodeId> {
        self.patch.children(part).find(|child| self.patch.name_text(*child).starts_with("value"))
    }

    fn text(&self, name: &str) -> Option<String> {
        let value = self.value_of(self.part(name)?)?;
        self.patch.kind(value).is_leaf().then(|| self.patch.text(value).into_owned())
    }

    fn number(&self, name: &str) -> Outcome<usize> {
        let text =
            self.text(name).ok_or_else(|| form(self.at, "it lacks an index, a source or a destination"))?;
        text.parse().map_err(|_| form(self.at, "an index is no whole number"))
    }

    fn given(&self) -> Outcome<Given> {
        let part = self.part("value").ok_or_else(|| form(self.at, "it has no value"))?;
        match self.value_of(part) {
            Some(value) => Ok(Given::Typed(value)),
            None if self.patch.child_str(part, "part").is_some() => Ok(Given::Parts(part)),
            None => Err(form(self.at, "its value is empty")),
        }
    }

    /// The nodes that the path of the operation leads to.
    fn places(&self, tree: &Tree) -> Outcome<Vec<Place>> {
        let path = self.text("path").ok_or_else(|| form(self.at, "it has no path"))?;
        let name = tree.resource_type(NodeId::ROOT).unwrap_or_default();
        let ty = self.schema.type_named(&name).ok_or_else(|| Refusal::plain(Why::ResourceUnknown))?;
        let unread = || form(self.at, "its path is no FHIRPath expression of this resource");
        let parsed = parse(&path).map_err(|_| unread())?;
        let compiled = parsed.compile(self.schema, &Options::new().on(ty)).map_err(|_| unread())?;
        let context = Context::new(self.schema).with_steps_max(PATH_STEPS_MAX);
        let focus = Item::node(tree, NodeId::ROOT, ty);
        let found = compiled.evaluate(&context, &focus).map_err(|_| unread())?;
        found
            .items()
            .iter()
            .map(|item| item.as_node().map(|node| Place { node: node.id, ty: node.ty }))
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| unfit(self.at, "its path gives a value that is no element"))
    }

    fn one(&self, places: &[Place]) -> Outcome<Place> {
        match places {
            [place] => Ok(*place),
            [] => Err(unfit(self.at, "its path leads to nothing")),
            _ => Err(unfit(self.at, "its path leads to several elements")),
        }
    }

    /// The type that a node of the resource has as a parent of elements.
    fn type_at(&self, tree: &Tree, place: Place) -> TypeId {
        let own = tree.resource_type(place.node).and_then(|name| self.schema.type_named(&name));
        own.unwrap_or(place.ty)
    }

    fn add(&self, tree: &mut Tree, place: Place) -> Outcome<()> {
        let name = self.text("name").ok_or_else(|| form(self.at, "an add has no name"))?;
        let parent = self.type_at(tree, place);
        let given = self.given()?;
        let (in_data, element) = self.element(parent, &name, given)?;
        let same: Vec<NodeId> = tree
            .children(place.node)
            .filter(|child| self.is_of_element(parent, tree.name_text(*child), element.order))
            .collect();
        if !element.list && !same.is_empty() {
            return Err(unfit(self.at, "the element has a value already; replace it, or delete it first"));
        }
        self.guard_identity(place.node, &in_data)?;
        let behind = same.last().copied().or_else(|| tree.last_child(place.node));
        self.put(tree, place.node, behind, &in_data, element, given)
    }

    fn insert(&self, tree: &mut Tree, places: &[Place]) -> Outcome<()> {
        let index = self.number("index")?;
        let items = self.list(tree, places)?;
        let first = items.first().copied().ok_or_else(|| unfit(self.at, "its path leads to nothing"))?;
        if index > items.len() {
            return Err(unfit(self.at, "the index is beyond the end of the list"));
        }
        let Some(parent) = tree.parent(first) else { return Err(unfit(self.at, "a resource is no list")) };
        let given = self.given()?;
        let name = tree.name_text(first).to_owned();
        let (in_data, element) = self.element_of_node(tree, first, &name)?;
        let behind = match index.checked_sub(1).and_then(|before| items.get(before)) {
            Some(before) => Some(*before),
            None => tree.children(parent).take_while(|child| *child != first).last(),
        };
        self.put(tree, parent, behind, &in_data, element, given)
    }

    fn delete(&self, tree: &mut Tree, places: &[Place]) -> Outcome<()> {
        // What is not there need not be deleted; several are refused, as the specification asks.
        match places {
            [] => Ok(()),
            [place] => {
                self.guard_identity(
                    tree.parent(place.node).unwrap_or(place.node),
                    tree.name_text(place.node),
                )?;
                if tree.parent(place.node).is_none() {
                    return Err(unfit(self.at, "a patch cannot delete the resource"));
                }
                remove_with_emptied(tree, place.node);
                Ok(())
            }
            _ => Err(unfit(self.at, "its path leads to several elements")),
        }
    }

    fn replace(&self, tree: &mut Tree, place: Place) -> Outcome<()> {
        let Some(parent) = tree.parent(place.node) else {
            return Err(unfit(self.at, "a patch cannot replace the resource; update it"));
        };
        let given = self.given()?;
        let name = tree.name_text(place.node).to_owned();
        self.guard_identity(parent, &name)?;
        let (in_data, element) = self.element_again(tree, place.node, &name, given)?;
        self.put(tree, parent, Some(place.node), &in_data, element, given)?;
        tree.remove(place.node);
        Ok(())
    }

    fn reorder(&self, tree: &mut Tree, places: &[Place]) -> Outcome<()> {
        let (source, destination) = (self.number("source")?, self.number("destination")?);
        let mut items = self.list(tree, places)?;
        if source >= items.len() || destination >= items.len() {
            return Err(unfit(self.at, "the source or destination is beyond the end of the list"));
        }
        let first = items.first().copied();
        let before = first.and_then(|first| {
            let parent = tree.parent(first)?;
            tree.children(parent).take_while(|child| *child != first).last()
        });
        let moved = items.remove(source);
        let behind = destination.checked_sub(1).and_then(|at| items.get(at).copied()).or(before);
        tree.move_after(moved, behind);
        Ok(())
    }

    /// The items of the one list that a path leads to.
    fn list(&self, tree: &Tree, places: &[Place]) -> Outcome<Vec<NodeId>> {
        let key = |place: &Place| (tree.parent(place.node), tree.name(place.node));
        let is_one = places.windows(2).all(|pair| pair.first().map(key) == pair.get(1).map(key));
        if is_one {
            Ok(places.iter().map(|place| place.node).collect())
        } else {
            Err(unfit(self.at, "its path leads to several lists"))
        }
    }

    /// Nobody changes what a resource is called, nor what the server says about it.
    fn guard_identity(&self, parent: NodeId, name: &str) -> Outcome<()> {
        if parent == NodeId::ROOT && matches!(name, "id" | "resourceType") {
            return Err(unfit(self.at, "the id and the type of a resource cannot be changed"));
        }
        Ok(())
    }

    /// The name in data and the definition of an element; of a choice by the type of the value.
    fn element(&self, parent: TypeId, name: &str, given: Given) -> Outcome<(String, fhir::Element)> {
        let in_data = match (self.schema.choice(parent, name), given) {
            (Some(_), Given::Typed(value)) => {
                let suffix = self.patch.name_text(value).strip_prefix("value").unwrap_or_default().to_owned();
                format!("{name}{suffix}")
            }
            _ => name.to_owned(),
        };
        let element = self.schema.element(parent, &in_data);
        let element =
            element.ok_or_else(|| unfit(self.at, "the element is not one that FHIR has at this place"))?;
        self.check_form(element, given)?;
        Ok((in_data, element))
    }

    /// The definition of the element that a node has.
    fn element_of_node(&self, tree: &Tree, node: NodeId, name: &str) -> Outcome<(String, fhir::Element)> {
        self.element(self.type_above(tree, node)?, name, self.given()?)
    }

    /// As [`Step::element_of_node`], where a choice may become one of another type.
    fn element_again(
        &self,
        tree: &Tree,
        node: NodeId,
        name: &str,
        given: Given,
    ) -> Outcome<(String, fhir::Element)> {
        let above = self.type_above(tree, node)?;
        let choice = self.schema.find(above, name).filter(|found| found.element.is_choice());
        let base = choice.map(|found| self.schema.name_text(found.element.name));
        self.element(above, base.unwrap_or(name), given)
    }

    /// The type of the parent of a node.
    fn type_above(&self, tree: &Tree, node: NodeId) -> Outcome<TypeId> {
        let above = tree.parent(node).and_then(|parent| rewrite::type_at(tree, parent, self.schema));
        above.ok_or_else(|| unfit(self.at, "the element is not one that FHIR has at this place"))
    }

    /// A date is no time, a text no element: the value must have the form of its place.
    fn check_form(&self, element: fhir::Element, given: Given) -> Outcome<()> {
        let Given::Typed(value) = given else { return Ok(()) };
        let (said, wanted) = (self.patch.name_text(value), self.schema.type_info(element.ty).name);
        let is_object = self.patch.kind(value) == Kind::Object;
        let fits = match wanted {
            "date" => said == "valueDate",
            "instant" => matches!(said, "valueInstant" | "valueDateTime"),
            "dateTime" => matches!(said, "valueDateTime" | "valueDate" | "valueInstant"),
            _ => is_object == (element.form == fhir::Form::Object),
        };
        if fits { Ok(()) } else { Err(unfit(self.at, "the type of the value is not that of the element")) }
    }

    fn is_of_element(&self, parent: TypeId, name: &str, order: u16) -> bool {
        self.schema.element(parent, name).is_some_and(|element| element.order == order)
    }

    /// Writes a value behind a sibling.
    fn put(
        &self,
        tree: &mut Tree,
        parent: NodeId,
        behind: Option<NodeId>,
        name: &str,
        element: fhir::Element,
        given: Given,
    ) -> Outcome<()> {
        let name = tree.intern(name);
        let flags = if element.list { Flags::LIST } else { Flags::default() };
        match given {
            Given::Typed(value) => {
                let node = tree.insert_after(parent, behind, name, self.patch.kind(value), flags, 0);
                tree.fill_from(node, self.patch, value);
                Ok(())
            }
            Given::Parts(part) => {
                let node = tree.insert_after(parent, behind, name, Kind::Object, flags, 0);
                self.build(tree, node, element.ty, part, 0)
            }
        }
    }

    /// Makes an element of named parts.
    fn build(&self, tree: &mut Tree, node: NodeId, ty: TypeId, part: NodeId, depth: u32) -> Outcome<()> {
        if depth > crate::tree::DEPTH_MAX {
            return Err(form(self.at, "the value is nested too deep"));
        }
        for below in named(self.patch, part, "part") {
            let name =
                self.patch.child_text(below, "name").ok_or_else(|| form(self.at, "a part has no name"))?;
            let given = self.value_of(below).map_or(Given::Parts(below), Given::Typed);
            let (in_data, element) = self.element(ty, &name, given)?;
            let same = tree.names().get(&in_data).and_then(|name| tree.children_named(node, name).last());
            if same.is_some() && !element.list {
                return Err(unfit(self.at, "a part stands twice for an element that may stand once"));
            }
            let flags = if element.list { Flags::LIST } else { Flags::default() };
            let (name, behind) = (tree.intern(&in_data), same.or_else(|| tree.last_child(node)));
            match given {
                Given::Typed(value) => {
                    let made = tree.insert_after(node, behind, name, self.patch.kind(value), flags, 0);
                    tree.fill_from(made, self.patch, value);
                }
                Given::Parts(part) => {
                    let made = tree.insert_after(node, behind, name, Kind::Object, flags, 0);
                    self.build(tree, made, element.ty, part, depth + 1)?;
                }
            }
        }
        Ok(())
    }
}

/// Takes a node out, and the elements above it that it leaves without content: FHIR has no empty element.
fn remove_with_emptied(tree: &mut Tree, node: NodeId) {
    let mut next = Some(node);
    while let Some(node) = next {
        let parent = tree.parent(node).filter(|parent| *parent != NodeId::ROOT);
        tree.remove(node);
        next =
            parent.filter(|parent| tree.first_child(*parent).is_none() && tree.kind(*parent) == Kind::Object);
    }
}
