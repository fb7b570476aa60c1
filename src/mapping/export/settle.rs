//! What goes with content: constants, references, what is the same as another element, defaults.

use super::condition::has_content;
use super::draft::{Draft, expression, function, path, target, text, variable};
use super::place::{Chain, Make};
use super::read::Take;
use super::resource::Placing;
use super::{Direction, Exporter, Side, Var};
use crate::mapping::fml::Function;
use crate::mapping::fml::model::Transform;
use crate::mapping::program::{Content, Copied, Leaf, Path, Settled};

/// Rules of a settled block in the making.
#[derive(Default)]
struct Parts {
    chain: Chain,
    rules: Vec<Draft>,
}

impl<'a> Exporter<'a> {
    /// The rules for what goes with the content of a block, where there is any.
    pub(super) fn settle(
        &mut self,
        settled: &'a [(usize, Settled)],
        here: &Var,
        guard: Option<&str>,
        placing: Option<&Placing<'a>>,
        late: Vec<Draft>,
    ) -> Vec<Draft> {
        let mut parts = Parts::default();
        if let Some(placing) = placing.filter(|placing| !placing.is_alone) {
            self.state_place(&mut parts.chain, placing);
        }
        if let Some(placing) = placing {
            self.meet_resource(&mut parts.chain, placing);
            self.name_entry(&mut parts.chain, placing);
        }
        for (rule, settled) in settled {
            self.rule = *rule;
            match (self.direction, settled) {
                (Direction::Forward, Settled::Derived(leaf)) => {
                    parts.rules.extend(self.leaf(leaf));
                    parts.rules.extend(self.default(leaf, here));
                }
                (Direction::Forward, settled) => {
                    self.one_settled(&mut parts, settled, here);
                }
                (Direction::Backward, Settled::SourceConstant { path, text }) => {
                    self.write_constant(&mut parts.chain, path, text);
                }
                (Direction::Backward, _) => {}
            }
        }
        parts.rules.extend(late);
        let placed = placing.filter(|placing| placing.is_alone);
        let together = parts.rules.is_empty();
        if let Some(placing) = placed.filter(|_| together) {
            self.place(&mut parts.chain, placing);
        }
        let mut drafts = guarded(parts, here, guard);
        if let Some(placing) = placed.filter(|_| !together) {
            let mut parts = Parts::default();
            self.place(&mut parts.chain, placing);
            drafts.extend(guarded(parts, here, guard));
        }
        drafts
    }

    fn one_settled(&mut self, parts: &mut Parts, settled: &'a Settled, here: &Var) -> Option<()> {
        match settled {
            Settled::Constant { path, text, .. } => self.write_constant(&mut parts.chain, path, text),
            Settled::Reference { path, slot } => self.reference(parts, path, *slot, here),
            Settled::Same { path, from } => match self.settled_at(from) {
                Some(Settled::Constant { text, .. }) => self.write_constant(&mut parts.chain, path, text),
                Some(Settled::Reference { slot, .. }) => self.reference(parts, path, *slot, here),
                _ => self.same(parts, path, from),
            },
            Settled::Derived(_) | Settled::SourceConstant { .. } => None,
        }
    }

    /// Writes a constant at a path.
    pub(super) fn write_constant(&mut self, chain: &mut Chain, to: &Path, value: &str) -> Option<()> {
        let last = to.steps.last()?;
        let around = self.reach_above(chain, to, 1, Make::Shared, (None, ""))?;
        self.state(chain);
        self.constant(chain, &around, last, value);
        Some(())
    }

    /// A reference to a resource: to one that is being made, or to another where it has content.
    fn reference(&mut self, parts: &mut Parts, to: &Path, slot: usize, here: &Var) -> Option<()> {
        let resource = self.known(Side::Write, slot)?;
        if self.making.contains(&slot) {
            return self.refer(&mut parts.chain, to, &resource);
        }
        let mut chain = Chain::default();
        self.refer(&mut chain, to, &resource)?;
        let mut draft = Draft::guarded(&here.name, Some(&has_content(&resource.name)));
        draft.targets = chain.targets;
        parts.rules.push(draft);
        Some(())
    }

    fn refer(&mut self, chain: &mut Chain, to: &Path, resource: &Var) -> Option<()> {
        let appends = to.steps.last().is_some_and(|step| step.list && step.conditions.is_empty());
        let make = if appends { Make::New } else { Make::Shared };
        let place = self.reach(chain, to, make, None, "")?;
        self.state(chain);
        let reference = function(Function::Reference, vec![variable(&resource.name)]);
        chain.targets.push(target(Some(path(&place.name, Some("reference"))), Some(reference), None));
        Some(())
    }

    /// The same as another element: as what is copied there from the source, or else as what stands there.
    fn same(&mut self, parts: &mut Parts, to: &'a Path, from: &'a Path) -> Option<()> {
        if let Some(source) = self.copied_from(from) {
            let copy = self.copy_along(&source, to, Take::All)?;
            parts.rules.push(copy);
            return Some(());
        }
        let start = self.known(Side::Write, from.slot)?;
        let last = to.steps.last()?;
        let around = self.reach_above(&mut parts.chain, to, 1, Make::Shared, (None, ""))?;
        self.state(&mut parts.chain);
        let value = Transform::Evaluate(expression(&self.steps(Some(&start.name), &from.steps)));
        self.assign(&mut parts.chain, &around, last, value, false);
        Some(())
    }

    /// Where in the source an element stands that `rest` of an open block copies.
    fn copied_from(&self, path: &Path) -> Option<Path> {
        let first = path.steps.first()?;
        let contents = self.enclosing.iter().rev().flat_map(|block| &block.content);
        let mut rests = contents.filter_map(|(_, content)| match content {
            Content::Rest(rest) => Some(rest),
            Content::Leaf(_) | Content::Copy(_) | Content::Relate(_) | Content::Restate(_) => None,
        });
        let copies = rests.find(|rest| {
            self.canonical(rest.target_slot) == self.canonical(path.slot)
                && !rest.target_named.contains(&first.name)
        })?;
        Some(Path { slot: copies.source_slot, conditions: Vec::new(), steps: path.steps.clone() })
    }

    /// What a leaf has by default: written where the element is silent.
    pub(super) fn default(&mut self, leaf: &'a Leaf, here: &Var) -> Option<Draft> {
        let value = leaf.default.as_ref().filter(|_| self.direction == Direction::Forward)?;
        self.scoped(|this| {
            let start = this.known(Side::Write, leaf.target.slot)?;
            let silent = format!("{}.empty()", this.steps(Some(&start.name), &leaf.target.steps));
            let mut chain = Chain::default();
            this.write_constant(&mut chain, &leaf.target, value)?;
            let mut draft = Draft::guarded(&here.name, Some(&silent));
            draft.targets = chain.targets;
            Some(draft)
        })
    }

    /// Elements that are copied whole.
    pub(super) fn copy(&mut self, copied: &'a Copied) -> Option<Draft> {
        let (read, write) = self.sides(&copied.source, &copied.target);
        let holds_one = write.steps.last().is_some_and(|last| !last.list);
        let take = if self.direction == Direction::Backward && holds_one { Take::First } else { Take::All };
        self.copy_along(read, write, take)
    }

    pub(super) fn copy_along(&mut self, read: &Path, write: &Path, take: Take) -> Option<Draft> {
        self.scoped(|this| {
            let reading = this.read(read, take, None, "v")?;
            let last = write.steps.last()?;
            let mut chain = Chain::default();
            let make = if take == Take::All { Make::New } else { Make::Shared };
            let around = this.reach_above(&mut chain, write, 1, make, (None, ""))?;
            this.state(&mut chain);
            this.needs_nothing(&chain);
            let place = path(&around.name, Some(&this.element(last).name));
            let carried = this.carried(&reading.var, &place);
            if carried.is_empty() {
                let value = Some(Transform::Copy(variable(&reading.var.name)));
                chain.targets.push(target(Some(place), value, None));
            }
            Some(reading.end(|draft| {
                if draft.source.variable.is_none() {
                    draft.source.variable = Some(text("v"));
                }
                draft.targets = chain.targets;
                draft.rules.extend(carried);
            }))
        })
    }
}

/// The rules of some parts, where a guard is true.
fn guarded(mut parts: Parts, here: &Var, guard: Option<&str>) -> Vec<Draft> {
    let mut drafts = parts.chain.first(&here.name);
    for draft in &mut drafts {
        let own = draft.source.condition.take().map(|own| own.text);
        let all: Vec<String> = guard.map(str::to_owned).into_iter().chain(own).collect();
        draft.source.condition = (!all.is_empty()).then(|| expression(&all.join(" and ")));
    }
    if !parts.chain.targets.is_empty() || !parts.rules.is_empty() {
        let mut draft = Draft::guarded(&here.name, guard);
        draft.targets = parts.chain.targets;
        draft.rules = parts.rules;
        drafts.push(draft);
    }
    drafts
}
