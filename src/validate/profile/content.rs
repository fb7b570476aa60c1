//! Data against the difference that a profile makes.

use super::compile::{Body, Content, Element};
use crate::diag::{Argument, codes, message};
use crate::schema::{Aggregation, TypeInfo, TypeRef, UNKNOWN};
use crate::tree::fhir::TypeId;
use crate::tree::{Kind, NodeId};
use crate::validate::Walk;
use crate::validate::element::{at_most, stands};
use crate::validate::reference::{self, Target};
use crate::validate::report::{Fault, Subject};
use crate::validate::rules::Role;

impl<'s> Walk<'_, 's> {
    /// Checks the children of a node.
    pub(super) fn body(&mut self, id: NodeId, body: &Body<'s>) {
        for element in &body.elements {
            self.element(id, element, body);
        }
    }

    fn element(&mut self, id: NodeId, element: &Element<'s>, body: &Body<'s>) {
        let tree = self.tree;
        let of_name = |node: NodeId| {
            let name = tree.name(node);
            let found = element.names.iter().find(|(known, _)| *known == name)?;
            (tree.kind(node) != Kind::EmptyList).then_some((node, found.1))
        };
        let nodes: Vec<(NodeId, TypeId)> = tree.children(id).filter_map(of_name).collect();
        let count = u32::try_from(nodes.len()).unwrap_or(u32::MAX);
        let name = tree.names().text(element.def.name);
        if count < element.min {
            let message = if element.min == 1 {
                message!("`{name}` is required by the profile and missing", name)
            } else {
                message!(
                    "`{name}` must stand at least {min} times, and stands {count}",
                    name,
                    min = element.min,
                    count = stands(count)
                )
            };
            self.tell(Fault::error(codes::TOO_FEW, id, message).rule(body.url));
        }
        if count > element.max {
            let message = at_most(&message!("by the profile `{name}`", name), element.max, count);
            self.tell(Fault::error(codes::TOO_MANY, id, message).rule(body.url));
        }
        for (node, ty) in &nodes {
            self.content(*node, *ty, &element.content);
        }
        if let Some(slicing) = &element.slicing {
            self.slicing(id, &nodes, slicing, name);
        }
    }

    /// Checks one value. `ty` is the type of its element; a resource says its own.
    pub(super) fn content(&mut self, id: NodeId, ty: TypeId, content: &Content<'s>) {
        if content.is_empty() {
            return;
        }
        let ty = self.actual_type(id, ty);
        let rule = content.rule;
        if let Some(types) = content.types
            && !types.iter().any(|allowed| self.is_of_type(ty, allowed.ty))
        {
            self.refuse_type(id, ty, types, rule);
            return;
        }
        for stated in [&content.fixed, &content.pattern].into_iter().flatten() {
            self.stated(id, stated, rule);
        }
        for limit in [&content.least, &content.greatest].into_iter().flatten() {
            self.in_range(id, limit, rule);
        }
        if let Some(max) = content.max_length
            && self.tree.text(id).chars().count() > max as usize
        {
            let message = message!("the profile allows {max} characters", max);
            self.tell(Fault::error(codes::TEXT_LENGTH, id, message).rule(rule));
        }
        if let Some(bound) = content.binding.as_ref().filter(|bound| bound.is_checked()) {
            let role = self.validator.rules.of(ty).map_or(Role::Plain, |rules| rules.role);
            self.codes_fit(id, role, bound, rule);
        }
        self.invariants(&content.invariants, id, ty);
        if let Some(types) = content.targets {
            self.target_fits(id, ty, types, rule);
        }
        if let Some(types) = content.profiles {
            self.type_profiles(id, ty, types);
        }
        if let Some(body) = content.body {
            let body = self.validator.profiles.body(body, ty, &self.validator.rules);
            self.within(id, ty, |walk| walk.body(id, &body));
        }
    }

    /// Runs a check of what stands in a node; in a resource it is judged from there.
    pub(super) fn within(&mut self, id: NodeId, ty: TypeId, check: impl FnOnce(&mut Self)) {
        let is_inner = id != self.scope.resource && self.tree.resource_type(id).is_some();
        let Some(rules) = self.validator.rules.of(ty).filter(|_| is_inner) else { return check(self) };
        let outer = self.scope.clone();
        self.enter(id, rules);
        check(self);
        self.scope = outer;
    }

    /// The type of a node: of a resource the one it names.
    pub(in crate::validate) fn actual_type(&self, id: NodeId, ty: TypeId) -> TypeId {
        let named = self.tree.resource_type(id);
        named.and_then(|name| self.validator.schema().type_named(&name)).unwrap_or(ty)
    }

    /// True where a type is another or derives from it.
    pub(in crate::validate) fn is_a(&self, ty: TypeId, of: TypeId) -> bool {
        let schema = self.validator.schema();
        let bases = std::iter::successors(Some(ty), |ty| schema.type_info(*ty).base);
        of == UNKNOWN || bases.take(crate::validate::BASES_MAX).any(|ty| ty == of)
    }

    /// True where a value of a type may stand where a definition names another: the name in data has the type in it, so
    /// `valueCode` is no `string`. Resources and types that no data have stand for all that derive from them.
    fn is_of_type(&self, ty: TypeId, allowed: TypeId) -> bool {
        let is_family = |info: TypeInfo<'_>| info.is_abstract || info.is_resource();
        ty == allowed
            || allowed == UNKNOWN
            || (is_family(self.validator.schema().type_info(allowed)) && self.is_a(ty, allowed))
    }

    fn refuse_type(&mut self, id: NodeId, ty: TypeId, types: &[TypeRef], rule: &str) {
        let schema = self.validator.schema();
        let wanted: Vec<&str> = types.iter().map(|ty| schema.type_info(ty.ty).name).collect();
        let message = message!(
            "the profile allows {wanted} here, not {given}",
            wanted = wanted.join(", "),
            given = schema.type_info(ty).name
        );
        self.tell(Fault::error(codes::TYPE_REFUSED, id, message).rule(rule));
    }

    /// Checks a value against the profiles that its type has here: one of them must fit.
    pub(in crate::validate) fn type_profiles(&mut self, id: NodeId, ty: TypeId, types: &[TypeRef]) {
        let own = types
            .iter()
            .find(|known| known.ty == ty)
            .or_else(|| types.iter().find(|known| self.is_a(ty, known.ty)));
        let urls: &[Box<str>] = own.map_or(&[], |own| &own.profiles);
        let schema = self.validator.schema();
        let known: Vec<TypeId> = urls.iter().filter_map(|url| schema.type_by_url(url)).collect();
        if known.len() < urls.len() {
            for url in urls.iter().filter(|url| schema.type_by_url(url).is_none()) {
                self.not_checked(Subject::Profile, url);
            }
            return;
        }
        for (url, profile) in urls.iter().zip(&known) {
            self.other_version(id, url, *profile);
        }
        match known[..] {
            [] => {}
            [only] => self.profile(id, ty, only),
            _ => {
                if !known.iter().any(|profile| self.fits(id, ty, *profile)) {
                    let message = message!("the value fits none of {urls}", urls = urls.join(", "));
                    self.tell(Fault::error(codes::PROFILE_NONE, id, message));
                }
            }
        }
    }

    /// Checks that a reference leads where a profile lets it.
    fn target_fits(&mut self, id: NodeId, ty: TypeId, types: &[TypeRef], rule: &str) {
        let schema = self.validator.schema();
        let Some(type_ref) = types.iter().find(|known| known.ty == ty) else { return };
        let target = self.target(id);
        if let Some(target) = &target {
            self.is_found_there(id, target, type_ref, rule);
        }
        let found = target.as_ref().and_then(|target| self.type_of(target));
        if let Some(kind) = found.or_else(|| self.stated_type(id))
            && !reference::allows(type_ref, &kind, schema)
        {
            self.refuse_target(id, &kind, type_ref, rule);
            return;
        }
        if let Some(node) = target.and_then(|target| target.node()) {
            self.target_profiles(id, node, type_ref);
        }
    }

    /// Checks that the target of a reference is where the profile lets it be. What is in the Bundle is elsewhere, too.
    fn is_found_there(&mut self, id: NodeId, target: &Target, type_ref: &TypeRef, rule: &str) {
        let fits = |wanted: &Aggregation| {
            matches!(
                (target, wanted),
                (Target::Contained(_), Aggregation::Contained)
                    | (Target::Entry(_), Aggregation::Bundled | Aggregation::Referenced)
                    | (Target::Outside(_), Aggregation::Referenced)
            )
        };
        // What leads to nothing is told as such.
        if type_ref.aggregation.is_empty()
            || *target == Target::Nothing
            || type_ref.aggregation.iter().any(fits)
        {
            return;
        }
        let either =
            |one: Argument, other: Argument| Argument::Words(message!("{one} or {other}", one, other));
        let wanted = type_ref.aggregation.iter().map(|wanted| Argument::from(wanted.as_str())).reduce(either);
        let Some(wanted) = wanted else { return };
        let message = message!("the profile wants the target of this reference to be {wanted}", wanted);
        self.tell(Fault::error(codes::REFERENCE_AGGREGATION, id, message).rule(rule));
    }

    fn target_profiles(&mut self, id: NodeId, node: NodeId, type_ref: &TypeRef) {
        let schema = self.validator.schema();
        let ty = self.actual_type(node, UNKNOWN);
        let profiles: Vec<Option<TypeId>> =
            type_ref.targets.iter().map(|url| schema.type_by_url(url)).collect();
        if profiles.contains(&None) {
            for url in type_ref.targets.iter().filter(|url| schema.type_by_url(url).is_none()) {
                self.not_checked(Subject::Profile, url);
            }
            return;
        }
        let fits = profiles.iter().flatten().any(|profile| {
            let is_type = !schema.type_info(*profile).is_profile;
            if is_type { self.is_a(ty, *profile) } else { self.fits(node, ty, *profile) }
        });
        if !fits {
            let message = message!(
                "the resource that is referred to fits none of {targets}",
                targets = type_ref.targets.join(", ")
            );
            self.tell(Fault::error(codes::REFERENCE_PROFILE, id, message));
        }
    }
}
