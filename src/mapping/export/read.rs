//! Paths that are read: a source for each step, one within the other.

use super::condition::Element;
use super::draft::{Draft, FIRST, expression, source, text};
use super::{Exporter, Side, Var};
use crate::mapping::fml::model::SourceListMode;
use crate::mapping::program::{Path, Pick, Resource, Step};
use crate::tree::fhir::TypeId;

/// Which of the elements that a path leads to are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Take {
    First,
    All,
}

/// What a path leads to.
pub(super) struct Reading {
    /// The rules that lead there, the outermost first; none where the path is a variable alone.
    pub(super) levels: Vec<Draft>,
    pub(super) var: Var,
    /// The step before the end repeats, so that an end without a condition of its own may be one of several.
    pub(super) is_list: bool,
}

impl Reading {
    /// A rule at the end of the path.
    pub(super) fn around(self, inner: Draft) -> Draft {
        let mut draft = inner;
        for mut level in self.levels.into_iter().rev() {
            level.rules.push(draft);
            draft = level;
        }
        draft
    }

    /// The last level with what it does, or a rule on the variable.
    pub(super) fn end(mut self, fill: impl FnOnce(&mut Draft)) -> Draft {
        let mut last = self.levels.pop().unwrap_or_else(|| Draft::on(&self.var.name));
        fill(&mut last);
        self.around(last)
    }
}

/// What is asked of one step.
struct Asked<'p> {
    step: &'p Step,
    after: &'p [Step],
    resource: Option<&'p Resource>,
    /// Conditions on the variable that the path starts from.
    before: Option<String>,
    take: Take,
}

impl Exporter<'_> {
    /// The sources that lead along a path. The last variable is called `name`.
    pub(super) fn read(
        &mut self,
        path: &Path,
        take: Take,
        resource: Option<&Resource>,
        name: &str,
    ) -> Option<Reading> {
        let start = self.known(Side::Read, path.slot)?;
        if path.steps.is_empty() {
            return Some(self.stay(&start, path, resource, name));
        }
        // The first of all that a path leads to lies below the first of each step that leads to one.
        let is_first = path.steps.last().is_some_and(|last| last.pick == Pick::First);
        let take = if is_first { Take::First } else { take };
        let several = path.steps.iter().filter(|step| step.list && step.pick == Pick::All).count();
        let is_rest = path.steps.last().is_some_and(|last| last.pick == Pick::Rest);
        if is_rest && (several > 0 || take == Take::First) {
            self.cannot("a map takes all but the first of the items of one element alone");
        }
        let mut levels = Vec::new();
        let mut here = start.clone();
        let mut before = self.conditions(Some(&start.name), &path.conditions);
        for (at, step) in path.steps.iter().enumerate() {
            let after = path.steps.get(at + 1..).unwrap_or(&[]);
            let asked = Asked { step, after, resource, before: before.take(), take };
            let element = self.element(step);
            let wanted = if after.is_empty() && !name.is_empty() { name } else { &element.name };
            let ty = match resource {
                Some(resource) if after.is_empty() && !resource.by_reference => {
                    self.type_named(&resource.kind)
                }
                _ => element.ty,
            };
            let var = self.var(wanted, ty);
            levels.push(self.level(&here, &var, &element, &asked));
            here = var;
        }
        let is_list = path.steps.last().is_some_and(|last| last.list);
        Some(Reading { levels, var: here, is_list })
    }

    /// A path without steps: the variable itself, where its conditions are met.
    fn stay(&mut self, start: &Var, path: &Path, resource: Option<&Resource>, name: &str) -> Reading {
        if path.conditions.is_empty() && resource.is_none() {
            return Reading { levels: Vec::new(), var: start.clone(), is_list: false };
        }
        let var = self.var(if name.is_empty() { &start.name } else { name }, start.ty);
        let mut level = Draft::of(source(&start.name, None), true);
        level.source.variable = Some(text(&var.name));
        let mut conditions: Vec<String> = self.conditions(None, &path.conditions).into_iter().collect();
        if resource.is_some() {
            conditions.push(format!("{}.exists()", self.steps_to(None, &[], resource)));
        }
        level.source.condition = Some(expression(&conditions.join(" and ")));
        Reading { levels: vec![level], var, is_list: false }
    }

    fn level(&self, from: &Var, var: &Var, element: &Element, asked: &Asked<'_>) -> Draft {
        let Asked { step, after, resource, before, take } = asked;
        let is_end = after.is_empty();
        let mut conditions: Vec<String> = before.iter().cloned().collect();
        conditions.extend(self.conditions(None, &step.conditions));
        let mut source = source(&from.name, Some(&element.name));
        source.variable = Some(text(&var.name));
        source.type_name = element.choice.as_deref().map(text);
        if let Some(resource) = resource.filter(|_| is_end) {
            if resource.by_reference {
                conditions.push(format!("{}.exists()", self.steps_to(None, &[], Some(resource))));
            } else {
                source.type_name = Some(text(&resource.kind));
                conditions.extend(self.conditions(None, &resource.conditions));
            }
        }
        let is_one_of_several = step.list && *take == Take::First;
        match step.pick {
            Pick::First => source.list_mode = FIRST,
            Pick::Rest => source.list_mode = Some(SourceListMode::NotFirst),
            Pick::All | Pick::Same if is_one_of_several => {
                source.list_mode = FIRST;
                if !is_end && step.pick == Pick::Same {
                    conditions.push(self.says(None, after));
                } else if !is_end {
                    conditions.push(format!("{}.exists()", self.steps_to(None, after, *resource)));
                }
            }
            Pick::All | Pick::Same => {}
        }
        source.condition = (!conditions.is_empty()).then(|| expression(&conditions.join(" and ")));
        let is_single = !step.list || source.list_mode == FIRST;
        Draft::of(source, is_single)
    }

    /// Where the end of a path is an element of XML with a text, the rule that reads the text.
    pub(super) fn is_end_text(&self, ty: TypeId) -> bool {
        self.program.format == crate::mapping::Format::Xml && self.is_text_element(ty)
    }
}
