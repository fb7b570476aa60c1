//! Resources of their own entries: made beside the Bundle, and placed there when they have content.

use super::draft::{Draft, create, expression, function, path, push, target, variable};
use super::place::Chain;
use super::relation::Sides;
use super::{Direction, Exporter, Side, Var};
use crate::mapping::Format;
use crate::mapping::fml::Function;
use crate::mapping::fml::model::{Target, Transform};
use crate::mapping::get::LOCAL_BASE;
use crate::mapping::program::{Block, Condition, Content, Settled};
use crate::tree::Name;

/// Where an element goes when it has content, and what its place states.
pub(super) struct Placing<'a> {
    pub(super) sides: Sides<'a>,
    pub(super) made: Var,
    /// It stands nowhere yet.
    pub(super) is_alone: bool,
    /// Conditions of the elements that lead to it, which are made already.
    pub(super) stated: Vec<(Var, Vec<Condition>)>,
    /// The variable of the entry that a resource stands in which the map has to name.
    pub(super) entry: Option<String>,
}

/// Variables that a block begins with: resources that its later rules refer to.
#[derive(Default)]
pub(super) struct Hoisted(Vec<Target>);

impl Hoisted {
    /// The rules of a block within the one that makes its resources.
    pub(super) fn around(self, rules: Vec<Draft>, here: &Var) -> Vec<Draft> {
        let mut merged = Vec::new();
        for rule in rules {
            push(&mut merged, rule);
        }
        if self.0.is_empty() {
            return merged;
        }
        let mut draft = Draft::on(&here.name);
        draft.targets = self.0;
        draft.rules = merged;
        vec![draft]
    }
}

impl<'a> Exporter<'a> {
    /// Makes the resources at the start of a block that rules beside their own refer to.
    pub(super) fn hoist(&mut self, block: &'a Block) -> Hoisted {
        let mut targets = Vec::new();
        if self.direction == Direction::Backward {
            return Hoisted(targets);
        }
        for (_, content) in &block.content {
            let Content::Relate(relation) = content else { continue };
            let Some(resource) = relation.target_resource.as_ref().filter(|it| it.by_reference) else {
                continue;
            };
            let slot = relation.target_slot;
            let is_of_others = block.settled.iter().any(|(_, settled)| refers(settled, slot))
                || block.content.iter().any(|(_, other)| {
                    !matches!(other, Content::Relate(it) if std::ptr::eq(it, relation)) && refer(other, slot)
                });
            if !relation.each && is_of_others {
                let var = self.var(self.called(Side::Write, slot), self.type_named(&resource.kind));
                targets.push(target(None, Some(create(&resource.kind)), Some(&var.name)));
                self.writes[slot] = Some(var);
                self.hoisted.insert(slot);
            }
        }
        Hoisted(targets)
    }

    /// A resource that stands nowhere yet; one that the block began with is there.
    pub(super) fn create(&mut self, chain: &mut Chain, slot: usize, kind: &str, name: &str) -> Var {
        if self.hoisted.contains(&slot)
            && let Some(var) = self.known(Side::Write, slot)
        {
            return var;
        }
        let var = self.var(name, self.type_named(kind));
        chain.targets.push(target(None, Some(create(kind)), Some(&var.name)));
        var
    }

    /// What the elements that lead to a place state.
    pub(super) fn state_place(&mut self, chain: &mut Chain, placing: &Placing<'_>) {
        for (var, conditions) in &placing.stated {
            self.meet(chain, var, conditions);
        }
    }

    /// What the kind of a resource states.
    pub(super) fn meet_resource(&mut self, chain: &mut Chain, placing: &Placing<'_>) {
        if let Some(resource) = placing.sides.write_resource {
            self.meet(chain, &placing.made, &resource.conditions);
        }
    }

    /// The entry of the Bundle that a resource is made in. Resources of FHIR documents have their own names.
    pub(super) fn entry_of(&self, sides: &Sides<'a>, chain: &Chain, made: &Var) -> Option<String> {
        let is_named = self.direction == Direction::Forward && self.program.format != Format::Fhir;
        let steps = sides.write.steps.iter().map(|step| step.name);
        let is_entry = sides.write.slot == self.bundle && steps.eq([Name::ENTRY, Name::RESOURCE]);
        let is_placed = sides.write_resource.is_some_and(|resource| !resource.by_reference);
        if is_named && is_entry && is_placed { chain.around(made).map(str::to_owned) } else { None }
    }

    /// Gives a resource an id and its entry the URL.
    pub(super) fn name_entry(&mut self, chain: &mut Chain, placing: &Placing<'a>) {
        let Some(entry) = &placing.entry else { return };
        let local = self.var("local", crate::schema::UNKNOWN);
        let reference = function(Function::Reference, vec![variable(&placing.made.name)]);
        chain.targets.push(target(None, Some(reference), Some(&local.name)));
        let url = Transform::Evaluate(expression(&format!("'{LOCAL_BASE}' + %{}", local.name)));
        chain.targets.push(target(Some(path(entry, Some("fullUrl"))), Some(url), None));
    }

    /// Puts an element that stands nowhere yet in its place.
    pub(super) fn place(&mut self, chain: &mut Chain, placing: &Placing<'a>) -> Option<()> {
        if placing.sides.write_resource.is_some() {
            return self.place_resource(chain, placing);
        }
        let sides = &placing.sides;
        let around = self.reach_above(chain, sides.write, 1, sides.make(), (None, ""))?;
        self.state(chain);
        let element = self.element(sides.write.steps.last()?).name;
        let copy = Some(Transform::Copy(variable(&placing.made.name)));
        chain.targets.push(target(Some(path(&around.name, Some(&element))), copy, None));
        Some(())
    }

    /// Puts a resource into the Bundle, and a reference to it where it is needed.
    fn place_resource(&mut self, chain: &mut Chain, placing: &Placing<'a>) -> Option<()> {
        let sides = &placing.sides;
        let resource = &placing.made.name;
        let place = self.reach(chain, sides.write, sides.make(), None, "")?;
        self.state(chain);
        let reference = function(Function::Reference, vec![variable(resource)]);
        chain.targets.push(target(Some(path(&place.name, Some("reference"))), Some(reference), None));
        let bundle = self.known(Side::Write, self.bundle)?;
        let entry = self.var("entry", crate::schema::UNKNOWN);
        chain.targets.push(target(Some(path(&bundle.name, Some("entry"))), None, Some(&entry.name)));
        let kind = sides.write_resource.map_or("", |resource| &*resource.kind);
        let url = expression(&format!("'{LOCAL_BASE}{kind}/' + %{resource}.id"));
        let of_entry = |element: &str| Some(path(&entry.name, Some(element)));
        chain.targets.push(target(of_entry("fullUrl"), Some(Transform::Evaluate(url)), None));
        let copy = Transform::Copy(variable(resource));
        chain.targets.push(target(of_entry("resource"), Some(copy), None));
        Some(())
    }
}

fn refers(settled: &Settled, slot: usize) -> bool {
    matches!(settled, Settled::Reference { slot: to, .. } if *to == slot)
}

/// True where a rule inside some content refers to the resource of a slot.
fn refer(content: &Content, slot: usize) -> bool {
    let of_block = |block: &Block| {
        block.settled.iter().any(|(_, settled)| refers(settled, slot))
            || block.content.iter().any(|(_, content)| refer(content, slot))
    };
    match content {
        Content::Relate(relation) => of_block(&relation.block),
        Content::Restate(restatement) => {
            of_block(&restatement.relation.block) || of_block(&restatement.otherwise)
        }
        Content::Leaf(_) | Content::Copy(_) | Content::Rest(_) => false,
    }
}
