//! Relations: an element of one side for an element of the other, and the rules inside.

use super::block::Rules;
use super::condition::has_content;
use super::draft::{Draft, expression, target};
use super::leaf::Single;
use super::place::{Chain, Make};
use super::read::{Reading, Take};
use super::resource::Placing;
use super::{Direction, Exporter, Side, Var};
use crate::mapping::fml::model::{Target, Transform};
use crate::mapping::program::{Content, Path, Relation, Resource, Step};

/// A relation by the side that is read and the side that is written.
#[derive(Clone, Copy)]
pub(super) struct Sides<'a> {
    pub(super) relation: &'a Relation,
    pub(super) read: &'a Path,
    pub(super) read_slot: usize,
    pub(super) read_resource: Option<&'a Resource>,
    pub(super) write: &'a Path,
    pub(super) write_slot: usize,
    pub(super) write_resource: Option<&'a Resource>,
}

impl Sides<'_> {
    pub(super) fn take(&self) -> Take {
        if self.relation.each { Take::All } else { Take::First }
    }

    pub(super) fn make(&self) -> Make {
        if self.relation.each || self.write_resource.is_some() { Make::New } else { Make::Shared }
    }

    /// True where the rules inside are those of a group of the map: of a group of the lens, or for a resource that a
    /// Reference leads to, as only a group may read what an expression gives.
    fn is_called(&self) -> bool {
        self.relation.group.is_some() || self.read_resource.is_some_and(|resource| resource.by_reference)
    }

    /// True where the rules inside write into the element that is there.
    fn stays(&self) -> bool {
        self.write.steps.is_empty() && self.write_resource.is_none()
    }
}

impl<'a> Exporter<'a> {
    pub(super) fn sides_of(&self, relation: &'a Relation) -> Sides<'a> {
        let source = (&relation.source, relation.source_slot, relation.source_resource.as_ref());
        let target = (&relation.target, relation.target_slot, relation.target_resource.as_ref());
        let (read, write) = match self.direction {
            Direction::Forward => (source, target),
            Direction::Backward => (target, source),
        };
        Sides {
            relation,
            read: read.0,
            read_slot: read.1,
            read_resource: read.2,
            write: write.0,
            write_slot: write.1,
            write_resource: write.2,
        }
    }

    /// The slot around and that of the element itself, on the side that is written.
    pub(super) fn write_slots(&self, relation: &'a Relation) -> (usize, usize) {
        let sides = self.sides_of(relation);
        (sides.write.slot, sides.write_slot)
    }

    pub(super) fn relate(&mut self, relation: &'a Relation) -> Rules {
        let sides = self.sides_of(relation);
        if let Some(single) = single(&sides) {
            return Rules { now: self.single(&single), late: Vec::new() };
        }
        let name = self.called(Side::Read, sides.read_slot);
        let Some(reading) = self.read(sides.read, sides.take(), sides.read_resource, name) else {
            return Rules::default();
        };
        if sides.stays() { self.inside(&sides, &reading) } else { self.item(&sides, reading) }
    }

    /// Rules that write into the element around.
    fn inside(&mut self, sides: &Sides<'a>, reading: &Reading) -> Rules {
        let Some(around) = self.known(Side::Write, sides.write.slot) else { return Rules::default() };
        self.alias(sides.write_slot, sides.write.slot);
        let here = reading.var.clone();
        let Rules { now, late } = if sides.is_called() {
            let mut targets = Vec::new();
            let found = self.resolved(sides, &here, &mut targets);
            self.group(sides, &found, &around).called_from(&here.name, &targets)
        } else {
            self.reads[sides.read_slot] = Some(here.clone());
            self.writes[sides.write_slot] = Some(around);
            self.shared_block(&sides.relation.block, &here)
        };
        Rules { now: within(reading, now), late: within(reading, late) }
    }

    /// Rules for an element that is made for them.
    fn item(&mut self, sides: &Sides<'a>, reading: Reading) -> Rules {
        let here = reading.var.clone();
        let mut chain = Chain::default();
        let name = self.called(Side::Write, sides.write_slot);
        let found = self.resolved(sides, &here, &mut chain.targets);
        let kind = sides.write_resource.map(|resource| &*resource.kind);
        let alone = self.made_alone(sides);
        let made = match &alone {
            Some(kind) => Some(self.create(&mut chain, sides.write_slot, kind, name)),
            None => self.reach(&mut chain, sides.write, sides.make(), kind, name),
        };
        let Some(made) = made else { return Rules::default() };
        let stated = std::mem::take(&mut chain.stated);
        let entry = self.entry_of(sides, &chain, &made);
        let placing = Placing { sides: *sides, made, is_alone: alone.is_some(), stated, entry };
        let rules = self.item_rules(&placing, &here, &found);
        let draft = reading.end(|draft| {
            draft.rules = rules;
            chain.fill(draft, &here.name);
        });
        Rules { now: vec![draft], late: Vec::new() }
    }

    /// The type of what is made beside its place: a resource, or one of the types that an element may have. Where it
    /// stays empty nothing may stand there, as a value of another type would have no room.
    fn made_alone(&mut self, sides: &Sides<'a>) -> Option<String> {
        if let Some(resource) = sides.write_resource {
            if resource.by_reference && self.direction == Direction::Backward {
                self.cannot("a map makes entries in the Bundle of the target alone");
            }
            return resource.by_reference.then(|| resource.kind.to_string());
        }
        let element = self.element(sides.write.steps.last()?);
        let is_complex = !self.schema.type_info(element.ty).is_primitive();
        element.choice.filter(|_| is_complex && !self.is_shared(sides))
    }

    /// A guard where an earlier rule may write another form of the same choice: the first that is said counts.
    fn no_other_form(&mut self, sides: &Sides<'a>) -> Option<String> {
        let [step] = sides.write.steps.as_slice() else { return None };
        let is_this = |content: &Content| matches!(content, Content::Relate(relation) if std::ptr::eq(relation.as_ref(), sides.relation));
        let is_form = |path: &Path| {
            path.slot == sides.write.slot
                && path.steps.first().is_some_and(|other| {
                    (other.parent_type, other.order) == (step.parent_type, step.order)
                        && other.name != step.name
                })
        };
        let earlier = self.enclosing.last()?.content.iter().map(|(_, content)| content);
        let has_form = earlier.take_while(|content| !is_this(content)).any(|content| match content {
            Content::Leaf(leaf) => is_form(self.sides(&leaf.source, &leaf.target).1),
            Content::Copy(copied) => is_form(self.sides(&copied.source, &copied.target).1),
            Content::Relate(relation) => is_form(self.sides(&relation.source, &relation.target).1),
            Content::Restate(_) | Content::Rest(_) => false,
        });
        let element = self.element(step);
        element.choice.as_ref().filter(|_| has_form)?;
        let around = self.known(Side::Write, sides.write.slot)?;
        Some(format!("%{}.{}.empty()", around.name, element.name))
    }

    fn item_rules(&mut self, placing: &Placing<'a>, here: &Var, found: &Var) -> Vec<Draft> {
        let sides = placing.sides;
        let (sides, made) = (&sides, &placing.made.clone());
        let block = &sides.relation.block;
        let is_own = placing.is_alone || sides.make() == Make::New || !self.is_shared(sides);
        let hoisted = self.hoist(block);
        self.reads[sides.read_slot] = Some(found.clone());
        self.writes[sides.write_slot] = Some(made.clone());
        self.making.push(sides.write_slot);
        let Rules { mut now, late } = if sides.is_called() {
            self.group(sides, found, made).called_from(&here.name, &[])
        } else {
            self.content(block, here)
        };
        self.making.pop();
        self.writes[sides.write_slot] = Some(made.clone());
        let guard = if is_own { Some(has_content(&made.name)) } else { self.wrote(block) };
        let guard = guard.into_iter().chain(self.no_other_form(sides)).reduce(|a, b| format!("{a} and {b}"));
        self.enclosing.push(block);
        // A group writes its constants itself; into a document only where its element is made.
        let is_settled = sides.relation.group.is_some() && self.direction == Direction::Forward;
        let settled = if is_settled { &[] } else { block.settled.as_slice() };
        now.extend(self.scoped(|this| this.settle(settled, here, guard.as_deref(), Some(placing), late)));
        self.enclosing.pop();
        now.extend(self.every_item(sides, made, here));
        hoisted.around(now, here)
    }

    /// What the rules inside read: the value at hand, or the resource that it refers to.
    pub(super) fn resolved(&mut self, sides: &Sides<'a>, here: &Var, targets: &mut Vec<Target>) -> Var {
        let Some(resource) = sides.read_resource.filter(|resource| resource.by_reference) else {
            return here.clone();
        };
        let ty = self.type_named(&resource.kind);
        let resource = self.var(&uncapitalized(&resource.kind), ty);
        let value = Transform::Evaluate(expression(&format!("%{}.resolve()", here.name)));
        targets.push(target(None, Some(value), Some(&resource.name)));
        resource
    }

    /// True where a rule beside this one writes into the same element.
    fn is_shared(&self, sides: &Sides<'a>) -> bool {
        let Some(block) = self.enclosing.last() else { return false };
        let names = |path: &Path| path.steps.iter().map(|step| step.name).collect::<Vec<_>>();
        let own = names(sides.write);
        let leads_there = |content: &'a Content| {
            let write = match content {
                Content::Leaf(leaf) => self.sides(&leaf.source, &leaf.target).1,
                Content::Copy(copied) => self.sides(&copied.source, &copied.target).1,
                Content::Relate(relation) if std::ptr::eq(relation.as_ref(), sides.relation) => return false,
                Content::Relate(relation) => self.sides(&relation.source, &relation.target).1,
                Content::Restate(_) | Content::Rest(_) => return false,
            };
            let conditions = |path: &Path| {
                let steps = path.steps.get(..own.len()).unwrap_or(&[]);
                // Of an element that stands once there are no two that conditions could tell apart.
                let of = |step: &Step| self.conditions(Some(""), &step.conditions).filter(|_| step.list);
                steps.iter().map(of).collect::<Vec<_>>()
            };
            names(write).starts_with(&own) && conditions(write) == conditions(sides.write)
        };
        block.content.iter().any(|(_, content)| leads_there(content))
    }
}

/// Rules below the sources that lead to them.
fn within(reading: &Reading, rules: Vec<Draft>) -> Vec<Draft> {
    if reading.levels.is_empty() || rules.is_empty() {
        return rules;
    }
    let levels = reading.levels.clone();
    let reading = Reading { levels, var: reading.var.clone(), is_list: reading.is_list };
    vec![reading.end(|draft| draft.rules = rules)]
}

/// A relation of single values: `each a.b <-> c.d`.
fn single<'a>(sides: &Sides<'a>) -> Option<Single<'a>> {
    let [(_, Content::Leaf(leaf))] = sides.relation.block.content.as_slice() else { return None };
    let own =
        leaf.source.slot == sides.relation.source_slot && leaf.target.slot == sides.relation.target_slot;
    let plain = leaf.source.steps.is_empty()
        && leaf.target.steps.is_empty()
        && leaf.source.conditions.is_empty()
        && leaf.target.conditions.is_empty()
        && leaf.default.is_none()
        && sides.read_resource.is_none()
        && sides.write_resource.is_none()
        && sides.relation.block.settled.is_empty()
        && !sides.write.steps.is_empty();
    (own && plain).then(|| Single {
        leaf,
        read: sides.read,
        write: sides.write,
        take: sides.take(),
        make: sides.make(),
    })
}

pub(super) fn uncapitalized(name: &str) -> String {
    let mut characters = name.chars();
    characters.next().map_or_else(String::new, |first| first.to_lowercase().chain(characters).collect())
}
