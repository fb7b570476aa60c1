//! Paths of discriminators: the part of FHIRPath that FHIR R4 allows there ("Profiling", 5.1.0.7).

use crate::schema::{ElementDef, Schema, TypeRef};
use crate::tree::fhir::TypeId;
use crate::tree::{Kind, Name, NodeId};
use crate::validate::Walk;
use crate::validate::reference::Target;

/// Steps of one path.
const STEPS_MAX: usize = 32;

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// A child by the name of its element.
    Child(Name),
    /// Extensions of an url.
    Extension(Box<str>),
    /// The resource that a reference leads to.
    Resolve,
    /// Values of one type.
    OfType(TypeId),
}

impl Step {
    /// The steps of a path; none where it is not of the allowed part.
    pub(super) fn all(path: &str, schema: &Schema) -> Option<Vec<Self>> {
        let mut steps = Vec::new();
        let mut rest = path.trim();
        while !rest.is_empty() && steps.len() < STEPS_MAX {
            let (part, after) = next_part(rest);
            rest = after;
            match part {
                "$this" | "" => {}
                "resolve()" => steps.push(Self::Resolve),
                _ => steps.push(Self::one(part, schema)?),
            }
        }
        rest.is_empty().then_some(steps)
    }

    fn one(part: &str, schema: &Schema) -> Option<Self> {
        let Some(open) = part.find('(') else {
            let name = part.strip_suffix("[x]").unwrap_or(part);
            return schema.names().get(name).map(Self::Child);
        };
        let argument = part.get(open + 1..)?.strip_suffix(')')?.trim();
        match part.get(..open)? {
            "extension" => Some(Self::Extension(argument.trim_matches(['\'', '"']).into())),
            "ofType" => {
                let name = argument.strip_prefix("FHIR.").unwrap_or(argument);
                schema.type_named(name).map(Self::OfType)
            }
            _ => None,
        }
    }
}

/// The text up to the next dot outside parentheses, and what follows.
fn next_part(text: &str) -> (&str, &str) {
    let mut depth = 0_u32;
    let is_end = |(_, c): &(usize, char)| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        *c == '.' && depth == 0
    };
    let end = text.char_indices().find(is_end).map(|(at, _)| at);
    end.map_or((text, ""), |end| (&text[..end], &text[end + 1..]))
}

/// What a path leads to in data.
#[derive(Debug, Clone)]
pub(super) enum Place {
    Node(NodeId, TypeId),
    /// A resource out of the document, of which only the type is known.
    Outside(Option<TypeId>),
}

impl Walk<'_, '_> {
    /// What steps lead to from a node.
    pub(super) fn at_path(&mut self, id: NodeId, ty: TypeId, steps: &[Step]) -> Vec<Place> {
        let mut places = vec![Place::Node(id, self.actual_type(id, ty))];
        for step in steps {
            let mut next = Vec::new();
            for place in places {
                if let Place::Node(id, ty) = place {
                    self.step(id, ty, step, &mut next);
                }
            }
            places = next;
        }
        places
    }

    fn step(&mut self, id: NodeId, ty: TypeId, step: &Step, out: &mut Vec<Place>) {
        let tree = self.tree;
        match step {
            Step::Child(name) => {
                let Some(rules) = self.validator.rules.of(ty) else { return };
                for child in tree.children(id).filter(|child| tree.kind(*child) != Kind::EmptyList) {
                    let member = rules.member(tree.name(child));
                    let member = member.filter(|member| member.element.name == *name || member.name == *name);
                    if let Some(member) = member {
                        out.push(Place::Node(child, self.actual_type(child, member.ty)));
                    }
                }
            }
            Step::Extension(url) => {
                let extension = self.validator.schema().type_named("Extension");
                let of_url = |child: &NodeId| {
                    tree.child(*child, Name::URL).is_some_and(|node| tree.text_is(node, url))
                };
                let found = tree.children_named(id, Name::EXTENSION).filter(of_url);
                out.extend(found.filter_map(|child| Some(Place::Node(child, extension?))));
            }
            Step::OfType(wanted) => {
                if self.is_a(ty, *wanted) {
                    out.push(Place::Node(id, ty));
                }
            }
            Step::Resolve => match self.resolve_node(id) {
                Some(Target::Contained(node) | Target::Entry(node)) => {
                    out.push(Place::Node(node, self.actual_type(node, crate::schema::UNKNOWN)));
                }
                Some(Target::Outside(kind)) => {
                    let ty = kind.and_then(|kind| self.validator.schema().type_named(&kind));
                    out.push(Place::Outside(ty));
                }
                Some(Target::Nothing) | None => {}
            },
        }
    }

    /// Where a Reference, or a text that is one, leads.
    fn resolve_node(&mut self, id: NodeId) -> Option<Target> {
        if self.tree.kind(id) == Kind::Object {
            return self.target(id);
        }
        let text = self.tree.text(id);
        Some(self.resolve(&text))
    }
}

/// Where a path leads in a definition.
#[derive(Debug, Clone, Copy)]
pub(super) struct Defined<'s> {
    /// The type that lists the element.
    pub(super) owner: TypeId,
    pub(super) def: &'s ElementDef,
    /// A reference was followed: what counts are its targets.
    pub(super) is_resolved: bool,
    /// A type was chosen by the path.
    pub(super) of_type: Option<TypeId>,
}

impl<'s> Defined<'s> {
    /// Follows steps from the definition of a slice; none where it does not list what they name.
    pub(super) fn follow(self, steps: &[Step], schema: &'s Schema) -> Option<Self> {
        steps.iter().try_fold(self, |here, step| here.step(step, schema))
    }

    fn step(self, step: &Step, schema: &'s Schema) -> Option<Self> {
        match step {
            Step::Resolve => Some(Self { is_resolved: true, ..self }),
            Step::OfType(ty) => Some(Self { of_type: Some(*ty), ..self }),
            Step::Child(name) => {
                let is_it = |def: &&ElementDef| def.name == *name && def.slice().is_none();
                self.holders(schema).into_iter().find_map(|owner| {
                    let def = schema.elements(owner).iter().find(is_it)?;
                    Some(Self { owner, def, is_resolved: false, of_type: None })
                })
            }
            Step::Extension(url) => {
                let has_url = |ty: &TypeRef| ty.profiles.iter().any(|profile| **profile == **url);
                let is_it = |def: &&ElementDef| {
                    def.name == Name::EXTENSION && def.slice().is_some() && def.types.iter().any(has_url)
                };
                self.holders(schema).into_iter().find_map(|owner| {
                    let def = schema.elements(owner).iter().find(is_it)?;
                    Some(Self { owner, def, is_resolved: false, of_type: None })
                })
            }
        }
    }

    /// The types that list the children of the element: its own body, the profiles of its type, its type.
    fn holders(self, schema: &'s Schema) -> Vec<TypeId> {
        let types = self.def.types.iter().filter(|ty| self.of_type.is_none_or(|wanted| ty.ty == wanted));
        let urls = |ty: &'s TypeRef| if self.is_resolved { &ty.targets } else { &ty.profiles };
        let profiles = types.clone().flat_map(urls).filter_map(|url| schema.type_by_url(url));
        let own = self.def.body.filter(|_| !self.is_resolved);
        let plain = types.map(|ty| ty.ty).filter(|_| !self.is_resolved);
        own.into_iter().chain(profiles).chain(plain).collect()
    }
}
