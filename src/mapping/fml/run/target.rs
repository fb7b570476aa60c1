//! Targets: the element that is made or found, and what is put there.

use super::{Outcome, Run, TARGET_NODES_MAX, Var};
use crate::diag::{Span, codes};
use crate::mapping::fml::compile::{Argument, Place, Slot, Spot, Step, Target, TargetMode, Transform, spots};
use crate::mapping::fml::run::make::Structure;
use crate::schema::UNKNOWN;
use crate::tree::fhir::{Form, TypeId};
use crate::tree::{Flags, Kind, NodeId};
use std::borrow::Cow;

/// What a transform gives to be put somewhere.
pub(super) enum Product<'a> {
    /// A value, or an element that is copied.
    Value(Var<'a>),
    /// An element of a type with these parts.
    Structure(Structure),
}

impl<'p, 'a> Run<'p, 'a> {
    pub(super) fn target(&mut self, target: &'p Target) -> Outcome<()> {
        self.is_default = target.is_default;
        let made = match &target.to {
            None => self.made_alone(target)?,
            Some(place) => self.made_at(target, place)?,
        };
        self.is_default = false;
        if let (true, Var::Made(id, _)) = (target.is_default, &made) {
            self.note_default(*id);
        }
        if let Some(slot) = target.slot {
            self.set(slot, made);
        }
        Ok(())
    }

    /// What only becomes a variable.
    fn made_alone(&mut self, target: &'p Target) -> Outcome<Var<'a>> {
        if let Transform::Create(ty) = target.transform {
            return Ok(Var::Made(self.new_root(ty), ty));
        }
        match self.products(&target.transform, &[], target.span)?.pop() {
            None => Ok(Var::None),
            Some(Product::Value(value)) => Ok(value),
            Some(Product::Structure(structure)) => {
                let Some(ty) = self.program.schema.type_named(structure.ty) else { return Ok(Var::None) };
                let id = self.new_root(ty);
                self.build(id, ty, &structure)?;
                Ok(Var::Made(id, ty))
            }
        }
    }

    fn made_at(&mut self, target: &'p Target, place: &'p Place) -> Outcome<Var<'a>> {
        let Some((parent, ty)) = self.parent(place)? else { return Ok(Var::None) };
        let Some(step) = place.steps.last() else {
            if matches!(target.transform, Transform::None | Transform::Instance) {
                return Ok(Var::Made(parent, ty));
            }
            for product in self.products(&target.transform, &[], target.span)? {
                match product {
                    Product::Value(value) => self.write_into(parent, ty, &value, target.span)?,
                    Product::Structure(structure) => {
                        self.writing = target.span;
                        self.build(parent, ty, &structure)?;
                    }
                }
            }
            return Ok(Var::Made(parent, ty));
        };
        match &target.transform {
            Transform::None | Transform::Instance => self.instance(target, parent, ty, step, None),
            Transform::Create(made) => self.instance(target, parent, ty, step, Some(*made)),
            // A variable has one value.
            Transform::Copy(Argument::Place(Place { slot: Slot::Local(from), steps, .. }))
                if steps.is_empty() =>
            {
                let value = self.var(*from);
                let put = self.put(parent, ty, step, &value, target)?;
                Ok(put.map_or(Var::None, |(id, ty)| Var::Made(id, ty)))
            }
            transform => {
                let spots = self.spots(ty, step);
                let products = self.products(transform, &spots, target.span)?;
                let mut made = Var::None;
                for product in products {
                    let put = match product {
                        Product::Value(value) => self.put(parent, ty, step, &value, target)?,
                        Product::Structure(structure) => {
                            self.put_structure(parent, &spots, &structure, target)?
                        }
                    };
                    if let Some((id, ty)) = put {
                        made = Var::Made(id, ty);
                    }
                }
                Ok(made)
            }
        }
    }

    /// An instance of a type, or of what the element takes.
    fn instance(
        &mut self,
        target: &'p Target,
        parent: NodeId,
        ty: TypeId,
        step: &'p Step,
        wanted: Option<TypeId>,
    ) -> Outcome<Var<'a>> {
        if self.is_own_value(ty, step) {
            return Ok(Var::Made(parent, ty));
        }
        let spots = self.spots(ty, step);
        let spot = match (wanted, &*spots) {
            (_, []) => {
                self.no_element(ty, step, target.span);
                return Ok(Var::None);
            }
            (None, [only]) => Some(*only),
            (None, _) => None,
            (Some(wanted), [only]) if self.may_hold(only, wanted) => Some(*only),
            (Some(wanted), spots) => spots.iter().copied().find(|spot| spot.ty == wanted),
        };
        let Some(spot) = spot else {
            let message = match wanted {
                Some(wanted) => {
                    let name = self.program.schema.type_info(wanted).name;
                    format!("`{}` never is a `{name}`", step.text)
                }
                None => format!("`{}` may have several types, and none is chosen", step.text),
            };
            self.error(codes::FML_MADE, target.span, message);
            return Ok(Var::None);
        };
        let made = wanted.unwrap_or(spot.ty);
        let Some(id) = self.element(parent, spot, made, Some(target))? else { return Ok(Var::None) };
        if spot.is_logical && spot.form == Form::Object && matches!(target.transform, Transform::Instance) {
            self.staying.insert(id);
        }
        Ok(Var::Made(id, made))
    }

    fn may_hold(&self, spot: &Spot, ty: TypeId) -> bool {
        let is_resource = spot.form == Form::Resource && self.program.schema.type_info(ty).is_resource();
        is_resource
            || spot.is_logical
            || spot.ty == UNKNOWN
            || self.is_subtype(ty, spot.ty)
            || self.is_subtype(spot.ty, ty)
    }

    /// The element above the last step of a place; the steps before it lead to what is there, made where it is not.
    pub(super) fn parent(&mut self, place: &'p Place) -> Outcome<Option<(NodeId, TypeId)>> {
        let (mut here, mut ty) = match self.slot(place.slot) {
            Var::Made(id, ty) => (id, ty),
            // What was not made, as nothing was there to make it of, is not filled either.
            Var::None => return Ok(None),
            Var::Node(_) | Var::Value(..) => {
                self.error(codes::FML_MODE, place.span, "this is no target, so it cannot be filled");
                return Ok(None);
            }
        };
        let Some((_, above)) = place.steps.split_last() else { return Ok(Some((here, ty))) };
        for step in above {
            let spots = self.spots(ty, step);
            let [spot] = &*spots else {
                self.no_element(ty, step, place.span);
                return Ok(None);
            };
            let spot = *spot;
            let there = self.target.children_named(here, spot.name).last();
            here = match there {
                Some(there) => there,
                None => match self.element(here, spot, spot.ty, None)? {
                    Some(made) => made,
                    None => return Ok(None),
                },
            };
            ty = spot.ty;
        }
        Ok(Some((here, ty)))
    }

    /// Where a step may put a value.
    pub(super) fn spots(&self, ty: TypeId, step: &'p Step) -> Cow<'p, [Spot]> {
        if step.expected == ty && !step.spots.is_empty() {
            return Cow::Borrowed(&step.spots);
        }
        Cow::Owned(spots(self.program.schema, ty, &step.text))
    }

    /// True for `value` of a primitive, which is the primitive itself.
    pub(super) fn is_own_value(&self, ty: TypeId, step: &Step) -> bool {
        step.is_value && self.program.schema.type_info(ty).is_primitive()
    }

    pub(super) fn no_element(&mut self, ty: TypeId, step: &Step, span: Span) {
        let owner = self.program.schema.type_info(ty).name;
        let message = format!("`{owner}` has no element `{}`", step.text);
        self.error(codes::FML_MADE, span, message);
    }

    /// Makes an element, or finds the one that stands only once or is shared.
    pub(super) fn element(
        &mut self,
        parent: NodeId,
        spot: Spot,
        made: TypeId,
        target: Option<&'p Target>,
    ) -> Outcome<Option<NodeId>> {
        let append = &TargetMode::Append;
        // Of the modes of lists HL7's engine knows `share` alone.
        let known = |mode: &TargetMode| matches!(mode, TargetMode::Share(_)) || !self.is_reference();
        let mode = target.map_or(append, |target| &target.mode);
        let mode = if known(mode) { mode } else { append };
        if let TargetMode::Share(id) = mode
            && let Some((.., shared)) = self
                .shared
                .iter()
                .find(|(holder, name, known, _)| *holder == parent && *name == spot.name && **known == **id)
        {
            return Ok(Some(*shared));
        }
        let alike = |run: &Self, child: NodeId| {
            run.target.name(child) == spot.name
                && (spot.kind != Kind::Text || run.target.kind(child) == Kind::Text)
        };
        if !spot.is_list {
            let there = self.target.children(parent).find(|child| alike(self, *child));
            let is_other = match there {
                Some(there) => spot.form == Form::Resource && self.is_other_resource(there, made),
                None => {
                    let at_its_place = |child: NodeId| self.target.order(child) == spot.order;
                    spot.is_choice && self.target.children(parent).any(at_its_place)
                }
            };
            if let Some(there) = there.filter(|_| !is_other) {
                return Ok(Some(there));
            }
            if is_other {
                let span = target.map_or_else(Span::default, |target| target.span);
                self.error(codes::FML_MADE, span, "a value of another type stands here already");
                return Ok(None);
            }
        } else if *mode == TargetMode::Single && self.target.child(parent, spot.name).is_some() {
            let span = target.map_or_else(Span::default, |target| target.span);
            self.error(
                codes::FML_COUNT,
                span,
                "an item stands here already, and only a single one is wanted",
            );
            return Ok(None);
        }
        let id = self.new_element(parent, &spot, made, *mode == TargetMode::First)?;
        if let TargetMode::Share(share) = mode {
            self.shared.push((parent, spot.name, share, id));
        }
        Ok(Some(id))
    }

    /// True for a resource that says that it is of another type.
    fn is_other_resource(&self, id: NodeId, ty: TypeId) -> bool {
        let named = self.target.resource_type(id).and_then(|name| self.program.schema.type_named(&name));
        named.is_some_and(|named| ty != UNKNOWN && !self.is_subtype(ty, named) && !self.is_subtype(named, ty))
    }

    fn new_element(&mut self, parent: NodeId, spot: &Spot, made: TypeId, is_first: bool) -> Outcome<NodeId> {
        if self.target.len() >= TARGET_NODES_MAX {
            return Err(self.limit("elements", TARGET_NODES_MAX as u64));
        }
        self.depth_below(parent)?;
        let flags = if spot.is_list { Flags::LIST } else { Flags::default() };
        // A primitive without a value yet: it may get one, or an extension in its place.
        let is_bare = matches!(spot.kind, Kind::Str | Kind::Number | Kind::Bool | Kind::Xhtml);
        let kind = if is_bare { Kind::Null } else { spot.kind };
        let id = if is_first {
            let before = self
                .target
                .children(parent)
                .take_while(|child| self.target.order(*child) < spot.order)
                .last();
            self.target.insert_after(parent, before, spot.name, kind, flags, spot.order)
        } else {
            self.target.insert(parent, spot.name, kind, flags, spot.order)
        };
        self.came_from(id, None);
        if spot.form == Form::Resource {
            self.name_resource(id, made);
        }
        if spot.is_logical && spot.kind == Kind::Object && made != spot.ty {
            self.say_type(id, made);
        }
        Ok(id)
    }

    /// `xsi:type`, which XML has where an element is of another type than its definition says.
    fn say_type(&mut self, id: NodeId, made: TypeId) {
        let name = self.program.schema.type_info(made).name;
        let name = name.rsplit('/').next().unwrap_or(name).to_owned();
        let attribute = self.target.intern("@xsi:type");
        let node = self.target.insert(id, attribute, Kind::Attr, Flags::default(), 0);
        self.target.set_text(node, &name);
    }

    /// Puts a value into an element and gives what was made.
    fn put(
        &mut self,
        parent: NodeId,
        ty: TypeId,
        step: &'p Step,
        value: &Var<'a>,
        target: &'p Target,
    ) -> Outcome<Option<(NodeId, TypeId)>> {
        if self.is_own_value(ty, step) {
            self.write_into(parent, ty, value, target.span)?;
            return Ok(Some((parent, ty)));
        }
        self.assign_at(parent, ty, step, value, (Some(target), target.span))
    }

    /// As [`Run::put`], where no target says more.
    pub(super) fn assign(
        &mut self,
        parent: NodeId,
        ty: TypeId,
        step: &'p Step,
        value: &Var<'a>,
        span: Span,
    ) -> Outcome<Option<(NodeId, TypeId)>> {
        if self.is_own_value(ty, step) {
            self.write_into(parent, ty, value, span)?;
            return Ok(Some((parent, ty)));
        }
        self.assign_at(parent, ty, step, value, (None, span))
    }

    fn put_structure(
        &mut self,
        parent: NodeId,
        spots: &[Spot],
        structure: &Structure,
        target: &'p Target,
    ) -> Outcome<Option<(NodeId, TypeId)>> {
        let Some(ty) = self.program.schema.type_named(structure.ty) else { return Ok(None) };
        let Some(spot) = spots.iter().find(|spot| spot.ty == ty || self.is_subtype(spot.ty, ty)).copied()
        else {
            let message = format!("a `{}` cannot stand here", structure.ty);
            self.error(codes::FML_MADE, target.span, message);
            return Ok(None);
        };
        self.writing = target.span;
        let Some(id) = self.element(parent, spot, spot.ty, Some(target))? else { return Ok(None) };
        let former = self.emptied(id, &spot, &Var::None);
        self.build(id, spot.ty, structure)?;
        self.refilled(id, former);
        Ok(Some((id, spot.ty)))
    }
}
