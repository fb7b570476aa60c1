//! Paths that are written: a target for each step.

use super::draft::{Draft, create, expression, function, path, string, target, text};
use super::{Direction, Exporter, Side, Var};
use crate::mapping::Format;
use crate::mapping::fml::Function;
use crate::mapping::fml::model::{Argument, Literal, Origin, Target, TargetListMode, Transform};
use crate::mapping::program::{Condition, Path, Pick, Step, anchor};
use crate::tree::{Kind, Name};

/// The targets of one rule.
#[derive(Debug, Default)]
pub(super) struct Chain {
    pub(super) targets: Vec<Target>,
    /// Elements that it made, by the variable around them and their key.
    made: Vec<(String, String, Var)>,
    /// Elements that must be there before.
    pub(super) before: Vec<Before>,
    /// What goes with the elements that it made: conditions of steps.
    pub(super) stated: Vec<(Var, Vec<Condition>)>,
}

/// Elements that must be there before others are made.
#[derive(Debug)]
pub(super) struct Before {
    /// What leads to the element around them.
    lead: Vec<Target>,
    /// Where they are to be made, as an expression that may name what leads there.
    condition: String,
    targets: Vec<Target>,
}

impl Chain {
    /// Notes what must stand in an element before, where a condition is true.
    fn needs(&mut self, around: &Var, condition: String, targets: Vec<Target>) {
        let lead = self.lead(around);
        self.before.push(Before { lead, condition, targets });
    }

    /// The targets of the chain that lead to an element, the outermost first.
    fn lead(&self, to: &Var) -> Vec<Target> {
        let mut lead = Vec::new();
        let mut here = to.name.as_str();
        while let Some(target) = self.targets.iter().find(|target| is_called(target, here)) {
            lead.push(target.clone());
            let Some((around, ..)) = self.made.iter().find(|(.., var)| var.name == here) else { break };
            here = around;
        }
        lead.reverse();
        lead
    }

    /// The variable around an element that it made.
    pub(super) fn around(&self, made: &Var) -> Option<&str> {
        self.made.iter().find(|(.., var)| var == made).map(|(around, ..)| around.as_str())
    }

    /// Rules for what must be there before.
    pub(super) fn first(&mut self, variable: &str) -> Vec<Draft> {
        let before = std::mem::take(&mut self.before).into_iter();
        before
            .map(|Before { lead, condition, targets }| {
                let mut item = Draft::guarded(variable, Some(&condition));
                item.targets = targets;
                if lead.is_empty() {
                    return item;
                }
                let mut draft = Draft::on(variable);
                draft.targets = lead;
                draft.rules.push(item);
                draft
            })
            .collect()
    }

    /// Gives a rule these targets: where others must be there before, below rules for those.
    pub(super) fn fill(mut self, draft: &mut Draft, variable: &str) {
        if self.before.is_empty() {
            draft.targets = self.targets;
            return;
        }
        let mut rules = self.first(variable);
        let mut item = Draft::on(variable);
        item.targets = self.targets;
        item.rules = std::mem::take(&mut draft.rules);
        rules.push(item);
        draft.rules = rules;
    }
}

/// What becomes of the element at the end of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Make {
    /// The one that other rules mean too.
    Shared,
    /// A new item each time.
    New,
}

impl Exporter<'_> {
    /// Goes along the steps of a path and makes their elements. The last is called `name`.
    pub(super) fn reach(
        &mut self,
        chain: &mut Chain,
        to: &Path,
        make: Make,
        kind: Option<&str>,
        name: &str,
    ) -> Option<Var> {
        self.reach_above(chain, to, 0, make, (kind, name))
    }

    /// As [`Exporter::reach`], without the last steps.
    pub(super) fn reach_above(
        &mut self,
        chain: &mut Chain,
        to: &Path,
        without: usize,
        make: Make,
        (kind, name): (Option<&str>, &str),
    ) -> Option<Var> {
        let mut here = self.known(Side::Write, to.slot)?;
        let anchor = anchor(&to.steps).unwrap_or(0);
        for (at, step) in to.steps.iter().enumerate().take(to.steps.len().saturating_sub(without)) {
            let after = to.steps.get(at + 1..).unwrap_or(&[]);
            let is_end = after.is_empty();
            // The item that is made anew, and what stands below it.
            let fresh = make == Make::New && at + 1 >= anchor;
            let several = make == Make::New && at + 1 < anchor;
            let name = if is_end { name } else { "" };
            let kind = kind.filter(|_| is_end);
            here = self.make_step(chain, &here, (step, after), (fresh, several), (kind, name));
        }
        Some(here)
    }

    /// The element of a step, which the chain makes where it has not yet.
    fn make_step(
        &mut self,
        chain: &mut Chain,
        around: &Var,
        (step, after): (&Step, &[Step]),
        (fresh, several): (bool, bool),
        (kind, name): (Option<&str>, &str),
    ) -> Var {
        let key = self.key(step, after);
        let known = chain.made.iter().find(|(context, known, _)| *context == around.name && *known == key);
        if let Some((.., var)) = known.filter(|_| !fresh) {
            return var.clone();
        }
        let element = self.element(step);
        let made = kind.or(element.choice.as_deref());
        let ty = made.map_or(element.ty, |made| self.type_named(made));
        let var = self.var(if name.is_empty() { &element.name } else { name }, ty);
        let place = path(&around.name, Some(&element.name));
        let mut target = target(Some(place), made.map(create), Some(&var.name));
        let is_any = several && step.conditions.is_empty();
        if is_any && self.anew.contains(&(step.parent_type, step.name)) {
            // Any item will do, also one that another rule made; the first that there is.
            let items = format!("%{}.{}", around.name, element.name);
            let first = Transform::Evaluate(expression(&format!("{items}.first()")));
            target.variable = None;
            chain.needs(around, format!("{items}.empty()"), vec![target]);
            chain.targets.push(self::target(None, Some(first), Some(&var.name)));
            chain.made.push((around.name.clone(), key, var.clone()));
            return var;
        }
        if fresh && step.pick == Pick::Rest {
            self.first_item(chain, around, (step, after));
        }
        if step.list && !fresh {
            let id = self.shares.id(step.parent_type, &element.name, &key);
            if several {
                self.shares.keep(&id);
            }
            target.list_modes.push(TargetListMode::Share(text(&id)));
        }
        chain.targets.push(target);
        chain.made.push((around.name.clone(), key, var.clone()));
        if !step.conditions.is_empty() {
            chain.stated.push((var.clone(), step.conditions.clone()));
        }
        var
    }

    /// All but the first item stand behind a first one, also where the document has nothing to say in it.
    fn first_item(&mut self, chain: &mut Chain, around: &Var, (step, after): (&Step, &[Step])) {
        // A lens makes no empty texts, and FHIR has no empty elements at all.
        if self.program.format == Format::Fhir || step.kind != Kind::Object {
            return;
        }
        self.scoped(|this| {
            let items = this.steps(Some(&around.name), std::slice::from_ref(step));
            let first = Step { pick: Pick::First, ..step.clone() };
            let mut made = Chain::default();
            let item = this.make_step(&mut made, around, (&first, after), (false, false), (None, ""));
            let id = this.shares.id(step.parent_type, &this.element(step).name, &this.key(&first, after));
            this.shares.keep(&id);
            for condition in &step.conditions {
                let Condition::Has(steps) = condition else { continue };
                let mut here = item.clone();
                for (at, below) in steps.iter().enumerate().filter(|(_, below)| below.kind == Kind::Object) {
                    let after = steps.get(at + 1..).unwrap_or(&[]);
                    here = this.make_step(&mut made, &here, (below, after), (false, false), (None, ""));
                }
            }
            for target in made.targets.iter_mut().filter(|target| target.transform.is_none()) {
                target.transform = Some(function(Function::Create, Vec::new()));
            }
            this.state(&mut made);
            chain.needs(around, format!("{items}.empty()"), made.targets);
        });
    }

    /// What tells the elements of one name apart: their conditions, and those of what stands once below them. What the
    /// root of the document states they all have in common with the element that it is stated of.
    fn key(&self, step: &Step, after: &[Step]) -> String {
        let once = after.iter().take_while(|below| !below.list);
        let way: Vec<&Step> = std::iter::once(step).chain(once).collect();
        let own = |at: usize| {
            let to = way.get(..=at).unwrap_or(&[]);
            let conditions = to.last().map_or(&[][..], |step| step.conditions.as_slice());
            let told = conditions.iter().filter(|condition| !self.is_of_root(to, condition));
            self.conditions(Some(""), &told.cloned().collect::<Vec<_>>())
        };
        let of = |step: &Step, conditions: Option<String>| {
            let pick = match step.pick {
                Pick::Rest => "rest",
                Pick::All | Pick::First | Pick::Same => "",
            };
            format!("{}:{} {pick}", self.program.names.text(step.name), conditions.unwrap_or_default())
        };
        let mut key = of(step, own(0));
        for (at, below) in way.iter().enumerate().skip(1) {
            let conditions = own(at);
            if conditions.is_some() {
                key.push_str(&format!(".{}", of(below, conditions)));
            }
        }
        key
    }

    /// True for a condition at the end of a way that the root states of an element that such a way leads to.
    fn is_of_root(&self, way: &[&Step], condition: &Condition) -> bool {
        let (Some(root), Some(first), Condition::Equals(steps, text)) = (self.root, way.first(), condition)
        else {
            return false;
        };
        let stated = match self.direction {
            Direction::Forward => &root.target_conditions,
            Direction::Backward => &root.source_conditions,
        };
        let names = || way.iter().copied().chain(steps).map(|step| step.name);
        stated.iter().any(|condition| {
            let Condition::Equals(stated, said) = condition else { return false };
            let is_first = |step: &Step| step.parent_type == first.parent_type && step.name == first.name;
            let place = stated.iter().position(is_first);
            let ways = place.and_then(|place| stated.get(place..));
            said == text && ways.is_some_and(|steps| steps.iter().map(|step| step.name).eq(names()))
        })
    }

    /// Reports a value for any item of a list, which this rule has no way to find.
    pub(super) fn needs_nothing(&mut self, chain: &Chain) {
        if !chain.before.is_empty() {
            self.cannot("no target of a map is any item of a list, whatever made it");
        }
    }

    /// Writes what the steps of a chain state of their elements.
    pub(super) fn state(&mut self, chain: &mut Chain) {
        while let Some((var, conditions)) = chain.stated.pop() {
            self.meet(chain, &var, &conditions);
        }
    }

    /// Writes what conditions state of an element.
    pub(super) fn meet(&mut self, chain: &mut Chain, at: &Var, conditions: &[Condition]) {
        for condition in conditions {
            let Condition::Equals(steps, value) = condition else { continue };
            let steps = told_apart(steps, conditions);
            let Some((last, above)) = steps.split_last() else { continue };
            if last.name == Name::RESOURCE_TYPE {
                continue;
            }
            let mut here = at.clone();
            for (place, step) in above.iter().enumerate() {
                let after = above.get(place + 1..).unwrap_or(&[]);
                here = self.make_step(chain, &here, (step, after), (false, false), (None, ""));
            }
            let is_stated = above.last().is_some_and(|step| {
                step.conditions.iter().any(|known| {
                    matches!(known, Condition::Equals(path, text)
                    if path.len() == 1 && path.iter().all(|only| only.name == last.name) && text == value)
                })
            });
            if !is_stated {
                self.constant(chain, &here, last, value);
            }
        }
        self.state(chain);
    }

    /// Writes a constant into an element.
    pub(super) fn constant(&mut self, chain: &mut Chain, around: &Var, step: &Step, value: &str) {
        let literal = match step.kind {
            Kind::Bool => Literal::Boolean(value == "true"),
            Kind::Number if value.contains(['.', 'e', 'E']) => Literal::Decimal(value.to_owned()),
            Kind::Number => Literal::Integer(value.to_owned()),
            _ => Literal::String(value.to_owned()),
        };
        let value = Transform::Copy(match literal {
            Literal::String(value) => string(&value),
            other => Argument::Literal(other, Origin::default()),
        });
        if self.is_end_text(self.element(step).ty) {
            let made = self.make_step(chain, around, (step, &[]), (false, false), (None, ""));
            chain.targets.push(target(Some(path(&made.name, Some("xmlText"))), Some(value), None));
            return;
        }
        self.assign(chain, around, step, value, false);
    }

    /// Puts a value into an element. Gives the variable of the element where that is asked for.
    pub(super) fn assign(
        &mut self,
        chain: &mut Chain,
        around: &Var,
        step: &Step,
        value: Transform,
        is_named: bool,
    ) -> Option<Var> {
        let element = self.element(step);
        let place = path(&around.name, Some(&element.name));
        let is_primitive = self.schema.type_info(element.ty).is_primitive();
        let Some(choice) = element.choice.as_ref().filter(|_| is_primitive) else {
            let var = is_named.then(|| self.var(&element.name, element.ty));
            let name = var.as_ref().map(|var| var.name.as_str());
            chain.targets.push(target(Some(place), Some(value), name));
            return var;
        };
        // Of several types the value alone would not say which is meant.
        let var = self.var(&element.name, element.ty);
        chain.targets.push(target(Some(place), Some(create(choice)), Some(&var.name)));
        chain.targets.push(target(Some(path(&var.name, Some("value"))), Some(value), None));
        Some(var)
    }

    /// An element for a value that has none: what stands in its place follows.
    pub(super) fn silent(&mut self, chain: &mut Chain, around: &Var, step: &Step) -> Var {
        let element = self.element(step);
        let var = self.var(&element.name, element.ty);
        let made = element.choice.as_deref().map(create);
        chain.targets.push(target(Some(path(&around.name, Some(&element.name))), made, Some(&var.name)));
        var
    }
}

fn is_called(target: &Target, name: &str) -> bool {
    target.variable.as_ref().is_some_and(|variable| variable.text == name)
}

/// The steps of a condition. Extensions are told apart by their URL, which may stand in another condition.
fn told_apart(steps: &[Step], conditions: &[Condition]) -> Vec<Step> {
    let mut steps = steps.to_vec();
    let Some(first) = steps.first_mut().filter(|first| first.conditions.is_empty() && first.list) else {
        return steps;
    };
    let url = conditions.iter().find_map(|condition| match condition {
        Condition::Equals(path, url) => match path.as_slice() {
            [extension, last] if extension.name == first.name && last.name == Name::URL => {
                Some(Condition::Equals(vec![last.clone()], url.clone()))
            }
            _ => None,
        },
        Condition::Differs(..) | Condition::Has(_) | Condition::Lacks(_) => None,
    });
    first.conditions.extend(url);
    steps
}
