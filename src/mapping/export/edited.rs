//! Resources that elements of the document say again, where somebody changed such an element.
//!
//! A map cannot change what it made. So a resource is copied whole only where all elements that restate it say what it
//! holds; otherwise it is made anew, each of its elements from the first element that says another thing of it, or else
//! from the resource (`get/restate.rs` does the same by editing the copy).

use super::block::Rules;
use super::draft::{Draft, call, create, path, rules, source, target, text, variable};
use super::group::capitalized;
use super::leaf::bound;
use super::relation::uncapitalized;
use super::restate::{content_paths, differs, forms};
use super::{Direction, Exporter, Frame, Side, Var};
use crate::mapping::fml::model::{Path as Place, Transform};
use crate::mapping::program::{Block, Content, Restatement, Root, Step};
use crate::schema::{Schema, UNKNOWN};
use crate::tree::Name;
use crate::tree::fhir::TypeId;
use std::collections::HashMap;

/// Elements of the document that say a resource again.
#[derive(Clone)]
pub(super) struct Restating<'a> {
    restatement: &'a Restatement,
    /// The path to them from the root of the document.
    elements: String,
}

/// Rules that restate one place of a resource, and the element that changed it.
struct Changed<'a> {
    contents: Vec<&'a Content>,
    /// The element of the resource that the place is in or below.
    first: &'a Step,
    from: Var,
}

impl Changed<'_> {
    /// True where the first of several items alone is restated.
    fn is_one_item(&self) -> bool {
        let holds_one = |content: &&Content| match content {
            Content::Leaf(_) => true,
            content => content_paths(content)
                .is_some_and(|(source, _)| source.steps.last().is_some_and(|last| !last.list)),
        };
        self.first.list && self.contents.iter().all(holds_one)
    }

    /// True where what is said comes behind the items that stay.
    fn is_appended(&self) -> bool {
        self.contents.iter().all(|content| matches!(content, Content::Relate(_)))
    }
}

impl<'a> Exporter<'a> {
    /// Finds the elements of the documents of a map that restate resources.
    pub(super) fn note_restating(&mut self, root: &'a Root) {
        self.restating.clear();
        if self.direction == Direction::Backward {
            return;
        }
        // Names of variables win over those of elements; none of these paths stands where any is known.
        let outer = std::mem::take(&mut self.frame);
        let mut known = HashMap::from([(root.source_slot, String::new())]);
        self.find_restating(&root.block, &mut known);
        self.frame = outer;
        let kind = |one: &Restating<'a>| one.restatement.relation.target_resource.as_ref().map(|it| &it.kind);
        let kinds: Vec<_> = self.restating.iter().map(kind).collect();
        if kinds.iter().enumerate().any(|(at, kind)| kinds.iter().skip(at + 1).any(|other| other == kind)) {
            self.cannot("two rules restate resources of one type");
        }
    }

    fn find_restating(&mut self, block: &'a Block, known: &mut HashMap<usize, String>) {
        for (_, content) in &block.content {
            let relation = match content {
                Content::Relate(relation) => relation,
                Content::Restate(restatement) => &restatement.relation,
                Content::Leaf(_) | Content::Copy(_) | Content::Rest(_) => continue,
            };
            let Some(mut elements) = known.get(&relation.source.slot).cloned() else { continue };
            let filter = |conditions: Option<String>| {
                conditions.map_or_else(String::new, |conditions| format!(".where({conditions})"))
            };
            elements.push_str(&filter(self.conditions(None, &relation.source.conditions)));
            if !relation.source.steps.is_empty() {
                elements.extend([".", &self.steps(None, &relation.source.steps)]);
            }
            if let Some(resource) = &relation.source_resource {
                elements.extend([".ofType(", &resource.kind, ")"]);
                elements.push_str(&filter(self.conditions(None, &resource.conditions)));
            }
            if let Content::Restate(restatement) = content {
                self.restating.push(Restating { restatement, elements });
            } else {
                known.insert(relation.source_slot, elements);
                self.find_restating(&relation.block, known);
            }
        }
    }

    /// The rules for a resource that goes to a place: none where the document restates no resources, so that it is
    /// just copied.
    pub(super) fn carried(&mut self, resource: &Var, place: &Place) -> Vec<Draft> {
        if self.schema.type_info(resource.ty).name != "Resource" {
            return Vec::new();
        }
        let restating = self.restating.clone();
        let mut plain = Vec::new();
        let mut drafts = Vec::new();
        for one in &restating {
            let again = self.scoped(|this| this.carried_again(one, resource, place));
            if let Some((condition, again)) = again {
                plain.push(format!("iif({condition}, false, true)"));
                drafts.push(again);
            }
        }
        if !plain.is_empty() {
            let mut copied = Draft::guarded(&resource.name, Some(&plain.join(" and ")));
            copied.targets.push(copy(resource, place));
            drafts.insert(0, copied);
        }
        drafts
    }

    /// The rule for a resource that is restated, and what tells that it is.
    fn carried_again(
        &mut self,
        one: &Restating<'a>,
        resource: &Var,
        place: &Place,
    ) -> Option<(String, Draft)> {
        let relation = &one.restatement.relation;
        let kind = relation.target_resource.as_ref()?.kind.to_string();
        let ty = self.type_named(&kind);
        let elements = self.elements_of(one, &resource.name)?;
        let condition = format!("$this is {kind} and {elements}.exists()");
        let held = self.var(&uncapitalized(&kind), ty);
        let elements = self.elements_of(one, &held.name)?;
        let mut again = Draft::guarded(&resource.name, Some(&condition));
        again.source.type_name = Some(text(&kind));
        again.source.variable = Some(text(&held.name));
        let mut changed = Vec::new();
        for contents in forms(&relation.block) {
            let Some(first) = contents.first().and_then(|content| content_paths(content)?.1.steps.first())
            else {
                continue;
            };
            let is_another: Vec<String> =
                contents.iter().filter_map(|content| differs(self, content, &held.name)).collect();
            let said = contents.first().and_then(|content| content_paths(content)?.0.steps.first());
            let name = said.map_or_else(String::new, |step| self.element(step).name);
            let from = self.var(&format!("other{}", capitalized(&name)), UNKNOWN);
            again
                .targets
                .push(bound(&format!("{elements}.where({}).first()", is_another.join(" or ")), &from));
            changed.push(Changed { contents, first, from });
        }
        let each = |word: &str, asked: &str| {
            let all = changed.iter().map(|one| format!("%{}.{asked}()", one.from.name));
            all.collect::<Vec<_>>().join(word)
        };
        let any = each(" or ", "exists");
        let mut whole = Draft::guarded(&held.name, Some(&each(" and ", "empty")));
        whole.targets.push(copy(&held, place));
        let mut anew = Draft::guarded(&held.name, Some(&any));
        let made = self.var("made", ty);
        anew.targets.push(target(Some(place.clone()), Some(create(&kind)), Some(&made.name)));
        for name in names_of(self.schema, ty) {
            let places: Vec<&Changed<'a>> =
                changed.iter().filter(|one| self.element(one.first).name == name).collect();
            anew.rules.extend(self.scoped(|this| this.element_anew(one, &name, &places, (&held, &made))));
        }
        again.rules = vec![whole, anew];
        Some((condition, again))
    }

    /// The elements that restate the resource of a variable.
    fn elements_of(&mut self, one: &Restating<'a>, resource: &str) -> Option<String> {
        let root = self.known(Side::Read, self.root?.source_slot)?;
        let relation = &one.restatement.relation;
        let leads = self.steps_to(None, &one.restatement.reference.steps, relation.target_resource.as_ref());
        Some(format!("%{}{}.where({leads} = %{resource})", root.name, one.elements))
    }

    /// One element of a resource: what stays of it, and what the elements that changed it say.
    fn element_anew(
        &mut self,
        one: &Restating<'a>,
        name: &str,
        places: &[&Changed<'a>],
        (held, made): (&Var, &Var),
    ) -> Vec<Draft> {
        let item = self.var(name, UNKNOWN);
        let mut items = Draft::of(source(&held.name, Some(name)), false);
        items.source.variable = Some(text(&item.name));
        let place = path(&made.name, Some(name));
        if places.is_empty() {
            items.targets.push(copy(&item, &place));
            return vec![items];
        }
        let mut stays = Vec::new();
        let mut behind = Vec::new();
        for changed in places {
            let is_changed = format!("%{}.exists()", changed.from.name);
            let own = self.conditions(None, &changed.first.conditions);
            let calls = self.said_anew(one, changed, made);
            let claimed = self.claimed(changed, own.as_deref(), held, name);
            stays.push(match claimed.as_str() {
                "true" => format!("%{}.empty()", changed.from.name),
                claimed => format!("iif({is_changed} and {claimed}, false, true)"),
            });
            let silent = if changed.is_appended() || !changed.is_one_item() && own.is_none() {
                is_changed
            } else {
                let mut replaced = Draft::guarded(&item.name, Some(&format!("{is_changed} and {claimed}")));
                replaced.calls.clone_from(&calls);
                items.rules.push(replaced);
                let filter = own.map_or_else(String::new, |own| format!(".where({own})"));
                format!("{is_changed} and %{}.{name}{filter}.empty()", held.name)
            };
            let mut further = Draft::guarded(&held.name, Some(&silent));
            further.calls = calls;
            behind.push(further);
        }
        let mut kept = Draft::guarded(&item.name, Some(&stays.join(" and ")));
        kept.targets.push(copy(&item, &place));
        items.rules.insert(0, kept);
        behind.insert(0, items);
        behind
    }

    /// True for the items of an element that a place stands for.
    fn claimed(&self, changed: &Changed<'a>, own: Option<&str>, held: &Var, name: &str) -> String {
        if changed.is_one_item() {
            let filter = own.map_or_else(String::new, |own| format!(".where({own})"));
            return format!("$this = %{}.{name}{filter}.first()", held.name);
        }
        if let Some(own) = own {
            return own.to_owned();
        }
        let restated: Vec<String> = changed
            .contents
            .iter()
            .filter_map(|content| self.element(content_paths(content)?.1.steps.first()?).choice)
            .map(|ty| format!("$this is {ty}"))
            .collect();
        if restated.is_empty() {
            return "true".to_owned();
        }
        // Another form of the element stays unless one is said.
        let said: Vec<String> = changed
            .contents
            .iter()
            .filter_map(|content| {
                Some(self.steps(Some(&changed.from.name), &content_paths(content)?.0.steps))
            })
            .map(|path| format!("{path}.exists()"))
            .collect();
        format!("({} or {})", restated.join(" or "), said.join(" or "))
    }

    /// The calls that write what an element says of a place.
    fn said_anew(
        &mut self,
        one: &Restating<'a>,
        changed: &Changed<'a>,
        made: &Var,
    ) -> Vec<crate::mapping::fml::model::Call> {
        let relation = &one.restatement.relation;
        let (reads, writes) = (self.reads.clone(), self.writes.clone());
        let outer = std::mem::take(&mut self.frame);
        self.depth += 1;
        let element_type = relation.source.steps.last().map_or(UNKNOWN, |step| self.element(step).ty);
        let source_name = self.called(Side::Read, relation.source_slot);
        let read = self.var(source_name, element_type);
        let target_name = self.called(Side::Write, relation.target_slot);
        let write = self.var(target_name, made.ty);
        let slots = slots_of(&relation.block, (relation.source_slot, relation.target_slot));
        for (source_slot, target_slot) in slots {
            self.reads[source_slot] = Some(read.clone());
            self.writes[target_slot] = Some(write.clone());
        }
        let mut made_rules = Rules::default();
        let mut before = String::new();
        for content in &changed.contents {
            let rules = self.scoped(|this| this.one(content, &read));
            let mut now = rules.now;
            // Of several forms of a choice the first that is said counts.
            if !before.is_empty() {
                let mut guarded = Draft::guarded(&read.name, Some(&before));
                guarded.rules = now;
                now = vec![guarded];
            }
            if let Some((said, _)) = content_paths(content) {
                let none = format!("{}.empty()", self.steps(Some(&read.name), &said.steps));
                before = if before.is_empty() { none } else { format!("{before} and {none}") };
            }
            made_rules.extend(Rules { now, late: Vec::new() });
        }
        self.depth -= 1;
        let Frame { imports, .. } = std::mem::replace(&mut self.frame, outer);
        (self.reads, self.writes) = (reads, writes);
        if made_rules.now.is_empty() {
            return Vec::new();
        }
        let inputs = self.inputs(&read, &write, &imports);
        let name = self.add_group(&capitalized(&changed.from.name), inputs, rules(made_rules.now));
        let mut arguments = vec![changed.from.name.clone(), made.name.clone()];
        for import in &imports {
            arguments.extend(self.known(import.side, import.slot).map(|var| var.name));
        }
        vec![call(&name, &arguments)]
    }
}

/// The two slots of a relation that restates, and those of the groups that it calls for the same two elements.
fn slots_of(block: &Block, own: (usize, usize)) -> Vec<(usize, usize)> {
    let mut slots = vec![own];
    for (_, content) in &block.content {
        if let Content::Relate(inner) = content
            && inner.stays()
        {
            slots.extend(slots_of(&inner.block, (inner.source_slot, inner.target_slot)));
        }
    }
    slots
}

/// The elements of a type, by the names that maps use.
fn names_of(schema: &Schema, ty: TypeId) -> Vec<String> {
    let elements = schema.elements(ty).iter().filter(|element| element.slice().is_none());
    elements
        .filter(|element| element.name != Name::RESOURCE_TYPE)
        .map(|element| schema.name_text(element.name).to_owned())
        .collect()
}

fn copy(from: &Var, place: &Place) -> crate::mapping::fml::model::Target {
    target(Some(place.clone()), Some(Transform::Copy(variable(&from.name))), None)
}
