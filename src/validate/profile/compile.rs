//! The difference between a profile and the type it constrains.

use super::path::Step;
use super::slicing::{Slicing, slices_of};
use super::value::{How, Limit, Stated};
use crate::schema::{ElementDef, Facts, Schema, Strength, TypeRef};
use crate::tree::Name;
use crate::tree::fhir::TypeId;
use crate::validate::invariant::Invariant;
use crate::validate::rules::{Member, RuleTable, TypeRules};
use crate::validate::terminology::Bound;
use std::collections::HashMap;
use std::sync::{Arc, RwLock};

/// What a profile demands of the children of a node beyond the type of the node.
#[derive(Debug)]
pub(in crate::validate) struct Body<'s> {
    /// On the node itself; of the root of a profile alone.
    pub(super) invariants: Box<[Invariant<'s>]>,
    /// What is demanded of the node itself; of the root of a profile alone.
    pub(super) root: Content<'s>,
    pub(super) elements: Box<[Element<'s>]>,
    /// Url of the profile.
    pub(super) url: &'s str,
}

/// What a profile demands of one element.
#[derive(Debug)]
pub(super) struct Element<'s> {
    pub(super) def: &'s ElementDef,
    /// The names in data with their types.
    pub(super) names: Box<[(Name, TypeId)]>,
    /// Beyond that of the type; 0 otherwise.
    pub(super) min: u32,
    /// Below that of the type; [`u32::MAX`] otherwise.
    pub(super) max: u32,
    pub(super) content: Content<'s>,
    pub(super) slicing: Option<Slicing<'s>>,
}

/// What a profile demands of a value.
#[derive(Debug)]
pub(in crate::validate) struct Content<'s> {
    /// The rule as messages name it: url and path.
    pub(super) rule: &'s str,
    /// The types it may have, where those are fewer.
    pub(super) types: Option<&'s [TypeRef]>,
    pub(super) fixed: Option<Stated>,
    pub(super) pattern: Option<Stated>,
    pub(super) least: Option<Limit>,
    pub(super) greatest: Option<Limit>,
    pub(super) max_length: Option<u32>,
    pub(super) binding: Option<Bound<'s>>,
    pub(super) invariants: Box<[Invariant<'s>]>,
    /// Types with profiles of their own.
    pub(super) profiles: Option<&'s [TypeRef]>,
    /// Types with targets of references.
    pub(super) targets: Option<&'s [TypeRef]>,
    /// The type that lists its children.
    pub(super) body: Option<TypeId>,
}

impl<'s> Content<'s> {
    pub(super) fn empty(rule: &'s str) -> Self {
        Self {
            rule,
            types: None,
            fixed: None,
            pattern: None,
            least: None,
            greatest: None,
            max_length: None,
            binding: None,
            invariants: Box::default(),
            profiles: None,
            targets: None,
            body: None,
        }
    }

    /// Leaves what tells slices apart: a fixed value or a pattern, otherwise a required value set, otherwise what the
    /// children must be.
    pub(super) fn tell_apart(&mut self) {
        let is_stated = self.fixed.is_some() || self.pattern.is_some();
        let is_required = |bound: &Bound<'_>| bound.binding.strength == Strength::Required;
        self.binding = self.binding.take().filter(|bound| !is_stated && is_required(bound));
        if is_stated || self.binding.is_some() {
            (self.body, self.profiles) = (None, None);
        }
        self.invariants = Box::default();
        (self.targets, self.types) = (None, None);
    }

    /// True where nothing is demanded.
    pub(super) fn is_empty(&self) -> bool {
        self.types.is_none()
            && self.fixed.is_none()
            && self.pattern.is_none()
            && self.least.is_none()
            && self.greatest.is_none()
            && self.max_length.is_none()
            && self.binding.is_none()
            && self.invariants.is_empty()
            && self.profiles.is_none()
            && self.targets.is_none()
            && self.body.is_none()
    }
}

/// The differences that were compiled, by the type of the profile and that of the data.
#[derive(Debug, Default)]
pub(in crate::validate) struct Profiles<'s> {
    bodies: RwLock<HashMap<(TypeId, TypeId), Arc<Body<'s>>>>,
}

impl<'s> Profiles<'s> {
    /// What a profile, or a part of one, demands of the children of a node of type `base`.
    pub(in crate::validate) fn body(
        &self,
        profile: TypeId,
        base: TypeId,
        rules: &RuleTable<'s>,
    ) -> Arc<Body<'s>> {
        let key = (profile, base);
        // A lock is poisoned only by a panic, and nothing here panics.
        if let Ok(known) = self.bodies.read()
            && let Some(body) = known.get(&key)
        {
            return Arc::clone(body);
        }
        let body = Arc::new(Compiler { rules, schema: rules.schema }.body(profile, base));
        if let Ok(mut known) = self.bodies.write() {
            known.insert(key, Arc::clone(&body));
        }
        body
    }
}

/// What is needed to compile one body.
#[derive(Clone, Copy)]
pub(super) struct Compiler<'c, 's> {
    pub(super) rules: &'c RuleTable<'s>,
    pub(super) schema: &'s Schema,
}

impl<'s> Compiler<'_, 's> {
    fn body(self, profile: TypeId, base: TypeId) -> Body<'s> {
        let info = self.schema.type_info(profile);
        let of_base = self.schema.type_constraints(base);
        let own = self
            .schema
            .type_constraints(profile)
            .into_iter()
            .filter(|constraint| !of_base.iter().any(|known| known.key == constraint.key));
        let invariants = Invariant::all(own, base, info.url);
        let facts = self.schema.root(profile).map(|root| &root.facts);
        let root = facts.map_or_else(|| Content::empty(info.url), |facts| self.values(facts, None, info.url));
        let Some(rules) = self.rules.of(base) else {
            return Body { invariants, root, elements: Box::default(), url: info.url };
        };
        let defs = self.schema.elements(profile);
        let mut elements = Vec::new();
        for (at, def) in defs.iter().enumerate().filter(|(_, def)| def.slice().is_none()) {
            let slices = slices_of(defs, at);
            elements.extend(self.element(profile, def, slices, rules));
        }
        Body { invariants, root, elements: elements.into(), url: info.url }
    }

    /// None where the profile says nothing of the element that its type does not say.
    fn element(
        self,
        profile: TypeId,
        def: &'s ElementDef,
        slices: &'s [ElementDef],
        rules: &TypeRules<'s>,
    ) -> Option<Element<'s>> {
        let members: Vec<&Member<'s>> =
            rules.members().iter().filter(|member| is_named(def, member)).collect();
        let base = members.first()?;
        let content = self.content(profile, def, Some(base));
        let element = Element {
            def,
            names: members.iter().map(|member| (member.name, member.ty)).collect(),
            min: if def.min > base.element.min { def.min } else { 0 },
            max: if def.max < base.element.max { def.max } else { u32::MAX },
            content,
            slicing: Slicing::compile(self, profile, def, slices, Some(base)),
        };
        let says_nothing = element.min == 0
            && element.max == u32::MAX
            && element.content.is_empty()
            && element.slicing.is_none();
        (!says_nothing).then_some(element)
    }

    /// What is demanded of a value beyond what the element of the type demands; without one, all that is demanded.
    pub(super) fn content(
        self,
        owner: TypeId,
        def: &'s ElementDef,
        base: Option<&Member<'s>>,
    ) -> Content<'s> {
        let (facts, schema) = (def.facts(), self.schema);
        let known = base.map(|base| base.element);
        let known_facts = known.map(ElementDef::facts);
        let types = &def.types[..];
        let differs = |of: fn(&TypeRef) -> &[Box<str>]| {
            let before = |ty: &TypeRef| {
                let same = known.and_then(|known| known.types.iter().find(|known| known.ty == ty.ty));
                same.map_or(&[][..], of).to_vec()
            };
            types.iter().any(|ty| !of(ty).is_empty() && of(ty) != before(ty))
        };
        let says_where = types.iter().any(|ty| !ty.aggregation.is_empty());
        // Versions of FHIR name the type of ids differently, and all of them are text.
        let fewer = def.name != Name::ID
            && known.is_some_and(|known| {
                !types.is_empty() && known.types.iter().any(|known| !types.iter().any(|ty| ty.ty == known.ty))
            });
        let url = schema.type_info(owner).url;
        Content {
            types: fewer.then_some(types),
            invariants: self.invariants(owner, def, base, url),
            profiles: differs(|ty| &ty.profiles).then_some(types),
            targets: (says_where || differs(|ty| &ty.targets)).then_some(types),
            body: self.own_body(def).filter(|body| known.and_then(|known| known.body) != Some(*body)),
            ..self.values(facts, known_facts, url)
        }
    }

    /// The type that lists the children of an element. One that refers to the content of another has that of the base:
    /// what a profile demands of a parameter it does not demand of the parts of the parameter.
    fn own_body(self, def: &ElementDef) -> Option<TypeId> {
        let name = self.schema.name_text(def.name);
        let is_own = |body: &TypeId| {
            let label = self.schema.type_info(*body).name.rsplit('.').next().unwrap_or_default();
            let label = label.split(':').next().unwrap_or_default();
            label.strip_suffix("[x]").unwrap_or(label) == name
        };
        def.body.filter(is_own)
    }

    /// What is stated of a value itself, beyond what is known.
    fn values(self, facts: &'s Facts, known: Option<&Facts>, rule: &'s str) -> Content<'s> {
        let schema = self.schema;
        let is_new_binding =
            facts.binding.is_some() && known.is_none_or(|known| known.binding != facts.binding);
        let is_new_length = known.and_then(|known| known.max_length) != facts.max_length;
        Content {
            fixed: facts.fixed.as_ref().and_then(|fixed| Stated::new(fixed, How::Fixed, schema)),
            pattern: facts.pattern.as_ref().and_then(|pattern| Stated::new(pattern, How::Pattern, schema)),
            least: facts.min_value.as_ref().and_then(|least| Limit::least(least, schema)),
            greatest: facts.max_value.as_ref().and_then(|greatest| Limit::greatest(greatest, schema)),
            max_length: facts.max_length.filter(|_| is_new_length),
            binding: facts.binding.as_ref().filter(|_| is_new_binding).map(Bound::new),
            ..Content::empty(rule)
        }
    }

    fn invariants(
        self,
        owner: TypeId,
        def: &ElementDef,
        base: Option<&Member<'s>>,
        url: &'s str,
    ) -> Box<[Invariant<'s>]> {
        let schema = self.schema;
        let mut known = base.map_or_else(Vec::new, |base| schema.type_constraints(base.ty));
        if let Some(base) = base {
            known.extend(base.invariants.iter().map(|invariant| invariant.constraint));
        }
        let ty = match &def.types[..] {
            [only] => only.ty,
            _ => base.map_or(crate::schema::UNKNOWN, |base| base.ty),
        };
        known.extend(schema.type_constraints(ty));
        let own = schema
            .element_constraints(owner, def)
            .into_iter()
            .filter(|constraint| !known.iter().any(|known| known.key == constraint.key));
        let is_one_type = def.types.len() == 1 || base.is_some_and(|base| !base.element.is_choice());
        let ty = base.filter(|_| is_one_type).map_or(crate::schema::UNKNOWN, |base| base.ty);
        Invariant::all(own, ty, url)
    }

    /// The steps of the path of a discriminator.
    pub(super) fn steps(self, path: &str) -> Option<Vec<Step>> {
        Step::all(path, self.schema)
    }
}

/// True for a name in data of an element of a profile. A choice may be called by one of its names in data.
fn is_named(def: &ElementDef, member: &Member<'_>) -> bool {
    member.element.name == def.name || member.name == def.name
}
