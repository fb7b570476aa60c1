//! A definition as a tree of its elements.

use super::super::compile::Compiler;
use super::super::head::short_code;
use super::super::pack::{ElementRecord, TypeRecord, TypeRefRecord};
use super::super::types::{ElementDef, Root, bit};
use super::super::{Schema, UNKNOWN};
use super::Generator;
use crate::tree::fhir::TypeId;

/// A definition.
#[derive(Debug, Clone)]
pub(super) struct Tree {
    /// Path of the first element: `CarePlan`.
    pub(super) label: String,
    pub(super) root: Node,
    /// What is no fact of the first element: version, contexts.
    pub(super) head: Root,
    pub(super) regex: Box<str>,
}

/// An element with those below it. Of its record the names of variants and the body are not used.
#[derive(Debug, Clone, Default)]
pub(super) struct Node {
    pub(super) element: ElementRecord,
    pub(super) children: Children,
}

/// What is below an element.
#[derive(Debug, Clone, Default)]
pub(super) enum Children {
    /// What its type has.
    #[default]
    OfType,
    /// What the definition lists.
    Listed(Vec<Node>),
    /// What the element with this label has.
    Same(String),
}

impl Node {
    pub(super) fn listed(&self) -> &[Node] {
        match &self.children {
            Children::Listed(nodes) => nodes,
            Children::OfType | Children::Same(_) => &[],
        }
    }

    pub(super) fn listed_mut(&mut self) -> Option<&mut Vec<Node>> {
        match &mut self.children {
            Children::Listed(nodes) => Some(nodes),
            Children::OfType | Children::Same(_) => None,
        }
    }

    pub(super) fn slice(&self) -> Option<&str> {
        self.element.facts.as_deref().and_then(|facts| facts.slice.as_deref())
    }

    pub(super) const fn is_choice(&self) -> bool {
        self.element.flags & bit::CHOICE != 0
    }

    /// How many elements there are, this one included.
    pub(super) fn count(&self) -> usize {
        1 + self.listed().iter().map(Node::count).sum::<usize>()
    }

    /// The step of a label: `value[x]:valueQuantity`, given its name in data.
    pub(super) fn step(&self, name: &str) -> String {
        step(name, self.is_choice(), self.slice())
    }

    /// Moves what refers to elements below one label to another.
    pub(super) fn rebase(&mut self, from: &str, to: &str) {
        match &mut self.children {
            Children::OfType => {}
            Children::Listed(nodes) => nodes.iter_mut().for_each(|node| node.rebase(from, to)),
            Children::Same(label) => {
                if let Some(rest) = label.strip_prefix(from).filter(|rest| rest.starts_with('.')) {
                    *label = format!("{to}{rest}");
                }
            }
        }
    }
}

fn step(name: &str, is_choice: bool, slice: Option<&str>) -> String {
    let name = name.strip_prefix("@xsi:").or_else(|| name.strip_prefix('@')).unwrap_or(name);
    let choice = if is_choice { "[x]" } else { "" };
    slice.map_or_else(|| format!("{name}{choice}"), |slice| format!("{name}{choice}:{slice}"))
}

impl Tree {
    /// The tree of a definition that the compiler holds complete.
    pub(super) fn of_records(compiler: &Compiler, number: usize) -> Option<Self> {
        let types = compiler.content.types.get(number)?;
        let first = types.first()?;
        let head = first.root.as_deref()?.clone();
        let label = first.path.to_string();
        let children = listed(compiler, types, first, &label);
        Some(Self {
            root: Node {
                element: root_record(&head, first.constraints),
                children: Children::Listed(children),
            },
            regex: first.regex.clone(),
            label,
            head,
        })
    }

    /// The tree of a type of the schema.
    pub(super) fn of_schema(generator: &mut Generator<'_>, ty: TypeId) -> Option<Self> {
        let schema = generator.schema;
        let data = schema.data(ty)?;
        let head = data.root.as_deref()?.clone();
        let label = data.path.to_string();
        let set = generator.set(ty, data.constraints);
        let children = generator.listed(ty, &label);
        Some(Self {
            root: Node { element: root_record(&head, set), children: Children::Listed(children) },
            regex: data.regex.clone(),
            label,
            head,
        })
    }
}

fn root_record(head: &Root, constraints: u32) -> ElementRecord {
    ElementRecord {
        flags: head.flags,
        min: head.min,
        max: head.max.wrapping_add(1),
        constraints,
        facts: Some(Box::new(head.facts.clone())),
        ..ElementRecord::default()
    }
}

/// The children of a type of one definition, with all that is below them.
fn listed(compiler: &Compiler, types: &[TypeRecord], ty: &TypeRecord, label: &str) -> Vec<Node> {
    let node = |record: &ElementRecord| {
        let mut node = Node { element: record.clone(), children: Children::OfType };
        let label = format!("{label}.{}", node.step(compiler.names.text(record.name)));
        node.children = match types.get(record.body as usize).filter(|_| record.body > 0) {
            None => Children::OfType,
            Some(body) if *body.path == *label => Children::Listed(listed(compiler, types, body, &label)),
            Some(body) => Children::Same(body.path.to_string()),
        };
        node
    };
    ty.elements.iter().map(node).collect()
}

impl Generator<'_> {
    /// The children of a type of the schema, with all that is below them.
    fn listed(&mut self, ty: TypeId, label: &str) -> Vec<Node> {
        let schema = self.schema;
        schema.elements(ty).iter().map(|element| self.node(schema, ty, element, label)).collect()
    }

    fn node(&mut self, schema: &Schema, owner: TypeId, element: &ElementDef, label: &str) -> Node {
        let name = schema.name_text(element.name);
        let label = format!("{label}.{}", step(name, element.is_choice(), element.slice()));
        let children = match element.body.and_then(|body| Some((body, &*schema.data(body)?.path))) {
            None => Children::OfType,
            Some((body, path)) if path == label => Children::Listed(self.listed(body, &label)),
            Some((_, path)) => Children::Same(path.to_owned()),
        };
        let types = element.types.iter().map(|ty| TypeRefRecord {
            code: self.compiler.codes.of(code(schema, ty.ty)),
            profiles: ty.profiles.clone(),
            targets: ty.targets.clone(),
            aggregation: ty.aggregation.clone(),
        });
        let types = types.collect();
        let element = ElementRecord {
            name: self.compiler.names.of(name),
            flags: element.flags,
            min: element.min,
            max: element.max.wrapping_add(1),
            types,
            variants: Vec::new(),
            body: 0,
            constraints: self.set(owner, element.constraints),
            facts: element.facts.clone(),
        };
        Node { element, children }
    }

    /// A set of invariants of the package that a type belongs to, as a number of the compiler.
    fn set(&mut self, owner: TypeId, set: u32) -> u32 {
        let Some(part) = self.schema.part(owner) else { return 0 };
        if let Some(known) = self.sets.get(&(part.first(), set)) {
            return *known;
        }
        let constraints: Vec<_> = part.constraints(set).into_iter().cloned().collect();
        let number = self.compiler.constraint_set(&constraints);
        self.sets.insert((part.first(), set), number);
        number
    }
}

/// The name of a type of FHIR, the url of any other.
fn code(schema: &Schema, ty: TypeId) -> &str {
    if ty == UNKNOWN { "" } else { short_code(schema.type_info(ty).url) }
}
