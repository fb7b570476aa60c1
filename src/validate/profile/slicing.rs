//! Slices: which values belong to which, how many there are, and in which order.

use super::compile::{Compiler, Content};
use super::path::{Defined, Place, Step};
use super::value::{How, Stated};
use crate::diag::{codes, message};
use crate::schema::{Discriminator, ElementDef, Literal, TypeRef};
use crate::tree::NodeId;
use crate::tree::fhir::TypeId;
use crate::validate::Walk;
use crate::validate::element::at_most;
use crate::validate::reference::target_type;
use crate::validate::report::{Fault, Subject};
use crate::validate::rules::Member;

/// Slices within slices are followed this deep.
const DEPTH_MAX: usize = 8;

/// How an element is sliced.
#[derive(Debug)]
pub(super) struct Slicing<'s> {
    rules: Rules,
    is_ordered: bool,
    slices: Box<[Slice<'s>]>,
    url: &'s str,
}

/// What may stand beside the slices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rules {
    Open,
    OpenAtEnd,
    Closed,
}

#[derive(Debug)]
struct Slice<'s> {
    name: &'s str,
    min: u32,
    max: u32,
    tests: Box<[Test<'s>]>,
    content: Content<'s>,
    /// Slices of the slice.
    inner: Option<Slicing<'s>>,
}

/// What tells whether a value belongs to a slice.
#[derive(Debug)]
enum Test<'s> {
    /// What the path leads to is as the slice demands.
    Value(Vec<Step>, Box<Content<'s>>),
    Exists(Vec<Step>, bool),
    /// What the path leads to has one of these types.
    Type(Vec<Step>, Vec<TypeId>),
    Profile(Vec<Step>, Vec<&'s str>),
    /// The definition does not say.
    Open,
}

/// Whether a value belongs to a slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Belongs {
    Yes,
    No,
    Open,
}

/// The entries behind an element that slice it.
pub(super) fn slices_of(defs: &[ElementDef], at: usize) -> &[ElementDef] {
    let Some((element, behind)) = defs.get(at..).and_then(<[ElementDef]>::split_first) else { return &[] };
    let is_slice = |def: &&ElementDef| def.slice().is_some() && def.order == element.order;
    let count = behind.iter().take_while(is_slice).count();
    &behind[..count]
}

impl<'s> Slicing<'s> {
    /// The slices of an element; none where there are none.
    pub(super) fn compile(
        compiler: Compiler<'_, 's>,
        owner: TypeId,
        def: &'s ElementDef,
        slices: &'s [ElementDef],
        base: Option<&Member<'s>>,
    ) -> Option<Self> {
        Self::within(compiler, (owner, def), slices, base, ("", 0))
    }

    /// The slices whose names begin with `prefix` and have no further part.
    fn within(
        compiler: Compiler<'_, 's>,
        (owner, def): (TypeId, &'s ElementDef),
        slices: &'s [ElementDef],
        base: Option<&Member<'s>>,
        (prefix, depth): (&str, usize),
    ) -> Option<Self> {
        let slicing = def.facts().slicing.as_ref().filter(|_| depth < DEPTH_MAX)?;
        let mut found = Vec::new();
        for slice in slices {
            let name = slice.slice().unwrap_or_default();
            let is_own =
                name.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty() && !rest.contains('/'));
            if !is_own {
                continue;
            }
            let start = Defined { owner, def: slice, is_resolved: false, of_type: None };
            let test = |it: &Discriminator| Test::compile(compiler, it, start);
            // A discriminator about which a slice says nothing does not tell it from the others; the rest do.
            let mut tests: Vec<Test<'s>> = slicing.discriminators.iter().filter_map(test).collect();
            if tests.is_empty() {
                tests.push(Test::Open);
            }
            found.push(Slice {
                name,
                min: slice.min,
                max: slice.max,
                tests: tests.into(),
                content: compiler.content(owner, slice, base),
                inner: Self::within(compiler, (owner, slice), slices, base, (&format!("{name}/"), depth + 1)),
            });
        }
        let rules = match &*slicing.rules {
            "closed" => Rules::Closed,
            "openAtEnd" => Rules::OpenAtEnd,
            _ => Rules::Open,
        };
        let says_something = !found.is_empty() || rules == Rules::Closed;
        says_something.then(|| Self {
            rules,
            is_ordered: slicing.ordered,
            slices: found.into(),
            url: compiler.schema.type_info(owner).url,
        })
    }
}

impl<'s> Test<'s> {
    fn compile(
        compiler: Compiler<'_, 's>,
        discriminator: &Discriminator,
        start: Defined<'s>,
    ) -> Option<Self> {
        let steps = compiler.steps(&discriminator.path)?;
        let found = start.follow(&steps, compiler.schema);
        match &*discriminator.kind {
            "value" | "pattern" => {
                if found.is_some_and(|found| found.def.max == 0) {
                    return Some(Self::Exists(steps, false));
                }
                let content = found.map(|found| {
                    let mut content = compiler.content(found.owner, found.def, None);
                    content.tell_apart();
                    content
                });
                let content = content.filter(|content| !content.is_empty());
                let content = content.or_else(|| stated_above(compiler, &steps, start))?;
                Some(Self::Value(steps, Box::new(content)))
            }
            "exists" => {
                let found = found?;
                let exists =
                    if found.def.max == 0 { Some(false) } else { (found.def.min > 0).then_some(true) };
                Some(Self::Exists(steps, exists?))
            }
            "type" => Some(Self::Type(steps, types_of(found?, compiler))),
            "profile" => {
                let found = found?;
                let urls = |ty: &'s TypeRef| if found.is_resolved { &ty.targets } else { &ty.profiles };
                let urls: Vec<&str> = found.def.types.iter().flat_map(urls).map(|url| &**url).collect();
                (!urls.is_empty()).then_some(Self::Profile(steps, urls))
            }
            _ => None,
        }
    }
}

/// What a value that is stated for the slice, or on the way, says of what a path leads to: of `patternIdentifier` the
/// `system`.
fn stated_above<'s>(compiler: Compiler<'_, 's>, steps: &[Step], start: Defined<'s>) -> Option<Content<'s>> {
    let schema = compiler.schema;
    (0..steps.len()).rev().find_map(|count| {
        let (way, rest) = steps.split_at(count);
        let names = rest.iter().map(|step| match step {
            Step::Child(name) => Some(schema.name_text(*name)),
            Step::Extension(_) | Step::Resolve | Step::OfType(_) => None,
        });
        let names: Vec<&str> = names.collect::<Option<_>>()?;
        let found = start.follow(way, schema)?;
        let facts = found.def.facts();
        let part = |literal: &Option<Literal>, how| Stated::part(literal.as_ref()?, how, &names, schema);
        let fixed = part(&facts.fixed, How::Fixed);
        let pattern = part(&facts.pattern, How::Pattern);
        let is_stated = fixed.is_some() || pattern.is_some();
        let url = schema.type_info(found.owner).url;
        is_stated.then(|| Content { fixed, pattern, ..Content::empty(url) })
    })
}

/// The types that tell a slice: those of the element, or of what its references lead to.
fn types_of(found: Defined<'_>, compiler: Compiler<'_, '_>) -> Vec<TypeId> {
    let schema = compiler.schema;
    if !found.is_resolved {
        return found.of_type.map_or_else(|| found.def.types.iter().map(|ty| ty.ty).collect(), |ty| vec![ty]);
    }
    let targets = found.def.types.iter().flat_map(|ty| &ty.targets);
    targets.filter_map(|url| schema.type_named(target_type(url, schema))).collect()
}

impl<'s> Walk<'_, 's> {
    /// Checks the values of a sliced element below a node.
    pub(super) fn slicing(
        &mut self,
        parent: NodeId,
        nodes: &[(NodeId, TypeId)],
        slicing: &Slicing<'s>,
        name: &str,
    ) {
        let mut members: Vec<Vec<(NodeId, TypeId)>> = vec![Vec::new(); slicing.slices.len()];
        let mut is_open = vec![false; slicing.slices.len()];
        let mut latest = 0;
        let mut has_rest = false;
        for (node, ty) in nodes {
            let found = self.slice_of(*node, *ty, slicing, &mut is_open);
            let Some(at) = found else {
                has_rest = true;
                if slicing.rules == Rules::Closed && !is_open.contains(&true) {
                    let message = message!(
                        "this `{name}` is none of the slices {slices}",
                        name,
                        slices = slicing.names()
                    );
                    self.tell(Fault::error(codes::SLICE_NONE, *node, message).rule(slicing.url));
                }
                continue;
            };
            let is_late =
                (slicing.is_ordered && at < latest) || (slicing.rules == Rules::OpenAtEnd && has_rest);
            if is_late {
                let message = message!("this `{name}` stands too late for the slices of the profile", name);
                self.tell(Fault::error(codes::SLICE_ORDER, *node, message).rule(slicing.url));
            }
            latest = latest.max(at);
            members[at].push((*node, *ty));
        }
        for ((slice, members), is_open) in slicing.slices.iter().zip(members).zip(is_open) {
            if is_open {
                self.not_checked(Subject::Slicing, &format!("{}#{name}:{}", slicing.url, slice.name));
            } else {
                self.slice_count(parent, members.len(), slice, (name, slicing.url));
            }
            for (node, ty) in &members {
                self.content(*node, *ty, &slice.content);
            }
            if let Some(inner) = &slice.inner {
                self.slicing(parent, &members, inner, name);
            }
        }
    }

    /// The number of the slice that a value belongs to. Notes for which slices that cannot be told.
    fn slice_of(
        &mut self,
        id: NodeId,
        ty: TypeId,
        slicing: &Slicing<'s>,
        is_open: &mut [bool],
    ) -> Option<usize> {
        for (at, slice) in slicing.slices.iter().enumerate() {
            match self.belongs(id, ty, slice) {
                Belongs::Yes => return Some(at),
                Belongs::No => {}
                Belongs::Open => is_open[at] = true,
            }
        }
        None
    }

    fn slice_count(&mut self, parent: NodeId, count: usize, slice: &Slice<'_>, (name, url): (&str, &str)) {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        if count < slice.min {
            let message =
                message!("the slice `{name}:{slice}` is required and missing", name, slice = slice.name);
            self.tell(Fault::error(codes::SLICE_TOO_FEW, parent, message).rule(url));
        }
        if count > slice.max {
            let message =
                at_most(&message!("the slice `{name}:{slice}`", name, slice = slice.name), slice.max, count);
            self.tell(Fault::error(codes::SLICE_TOO_MANY, parent, message).rule(url));
        }
    }

    fn belongs(&mut self, id: NodeId, ty: TypeId, slice: &Slice<'s>) -> Belongs {
        let mut belongs = Belongs::Yes;
        for test in &slice.tests {
            match self.passes(id, ty, test) {
                Belongs::Yes => {}
                Belongs::No => return Belongs::No,
                Belongs::Open => belongs = Belongs::Open,
            }
        }
        belongs
    }

    fn passes(&mut self, id: NodeId, ty: TypeId, test: &Test<'s>) -> Belongs {
        let passes = match test {
            Test::Open => return Belongs::Open,
            Test::Exists(steps, exists) => self.at_path(id, ty, steps).is_empty() != *exists,
            Test::Value(steps, content) => self.at_path(id, ty, steps).into_iter().any(|place| match place {
                Place::Node(node, ty) => self.trial(|walk| walk.content(node, ty, content)),
                Place::Outside(_) => false,
            }),
            Test::Type(steps, types) => self.at_path(id, ty, steps).into_iter().any(|place| {
                let (Place::Node(_, ty) | Place::Outside(Some(ty))) = place else { return false };
                types.iter().any(|wanted| self.is_a(ty, *wanted))
            }),
            Test::Profile(steps, urls) => {
                let places = self.at_path(id, ty, steps);
                let schema = self.validator.schema();
                let profiles: Vec<TypeId> = urls.iter().filter_map(|url| schema.type_by_url(url)).collect();
                if profiles.len() < urls.len() {
                    return Belongs::Open;
                }
                places.into_iter().any(|place| match place {
                    Place::Node(node, ty) => profiles.iter().any(|profile| self.fits(node, ty, *profile)),
                    Place::Outside(_) => false,
                })
            }
        };
        if passes { Belongs::Yes } else { Belongs::No }
    }
}

impl Slicing<'_> {
    /// The names of the slices for people.
    fn names(&self) -> String {
        self.slices.iter().map(|slice| format!("`{}`", slice.name)).collect::<Vec<_>>().join(", ")
    }
}
