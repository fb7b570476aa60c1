//! Paths: steps by the definitions, conditions, and what they name.

use super::{Checked, Compiler, End, Side, Walked, kind_of};
use crate::diag::{Span, codes, nearest};
use crate::mapping::ast::{self, Literal, Word};
use crate::mapping::cover::{At, Cover};
use crate::mapping::program::{Condition, Format, Path, Pick, Step};
use crate::schema::Found;
use crate::tree::fhir::{Form, TypeId};
use crate::tree::{Kind, Name};

impl Compiler<'_> {
    pub(super) fn walk(&mut self, side: Side, path: &ast::Path) -> Checked<Walked> {
        let variable = self.variable(&path.variable, side)?;
        let (conditions, _) = self.conditions(side, variable.at, &path.conditions)?;
        let ty = self.cover(side).ty(variable.at);
        let mut end = End {
            ty,
            form: self.schema.form(ty),
            list: false,
            is_text_element: self.schema.find(ty, "text()").is_some(),
        };
        let mut at = variable.at;
        let mut steps = Vec::new();
        for (place, step) in path.steps.iter().enumerate() {
            // Rules behind different conditions of the variable do not meet.
            let guard = if place == 0 { self.key(&path.conditions) } else { String::new() };
            let (next_at, next_end, compiled) = self.guarded_step(side, at, step, &guard)?;
            (at, end) = (next_at, next_end);
            steps.extend(compiled);
        }
        let compiled = Path { slot: variable.slot, conditions, steps };
        if side == Side::Target {
            self.not_same(&compiled, path.span)?;
        }
        Some(Walked { path: compiled, at, end })
    }

    /// `[same]` is for a value of the source, and for nothing else.
    pub(super) fn not_same(&mut self, path: &Path, span: Span) -> Checked<()> {
        if path.same().is_none() {
            return Some(());
        }
        let message = "`[same]` is for a single value of the source".to_owned();
        let help = "relate the value itself: `s.list[same].value <-> t.value`";
        self.fault(codes::LENS_TYPE, span, message, help);
        None
    }

    /// Notes the list whose items all say the same of the value that a path leads to.
    pub(super) fn note_same(&mut self, path: &Path, span: Span) -> Checked<()> {
        let Some(at) = path.same() else { return Some(()) };
        let picks = path.steps.iter().filter(|step| step.pick != Pick::All).count();
        let Some(step) = path.steps.get(at).filter(|step| step.list && picks == 1) else {
            let message = "`[same]` is for one step, which repeats".to_owned();
            self.fault(codes::LENS_CARDINALITY, span, message, "leave it out where there is one element");
            return None;
        };
        if !self.same_lists.contains(&step.name) {
            self.same_lists.push(step.name);
        }
        Some(())
    }

    pub(super) fn cover(&mut self, side: Side) -> &mut Cover {
        if side == Side::Source { &mut self.sources } else { &mut self.targets }
    }

    /// One step. `text()` gives none of its own: the text of an element is read from the element.
    pub(super) fn step(&mut self, side: Side, at: At, step: &ast::Step) -> Checked<(At, End, Option<Step>)> {
        self.guarded_step(side, at, step, "")
    }

    pub(super) fn guarded_step(
        &mut self,
        side: Side,
        at: At,
        step: &ast::Step,
        guard: &str,
    ) -> Checked<(At, End, Option<Step>)> {
        let parent = self.cover(side).ty(at);
        let word = &step.name;
        if word.text == "resourceType" && self.schema.type_info(parent).is_resource() {
            let ty = self.schema.type_named("code").unwrap_or(parent);
            let child = self.cover(side).child(at, Name::RESOURCE_TYPE, "", ty, word);
            let end = End { ty, form: Form::Str, list: false, is_text_element: false };
            let made = Step {
                name: Name::RESOURCE_TYPE,
                kind: Kind::Str,
                list: false,
                is_form: false,
                order: 0,
                parent_type: parent.0,
                conditions: Vec::new(),
                pick: Pick::All,
            };
            return Some((child, end, Some(made)));
        }
        let found = self.find(parent, word)?;
        let (name, ty, list, order) = (found.name, found.ty, found.element.is_list(), found.element.order);
        let (form, is_attribute, is_text) =
            (found.form, found.element.is_attribute(), found.element.is_xml_text());
        let is_form = found.element.is_choice();
        if is_text {
            let child = self.cover(side).child(at, name, guard, ty, word);
            return Some((child, End { ty, form: Form::Str, list: false, is_text_element: false }, None));
        }
        let key = if guard.is_empty() {
            self.key(&step.conditions)
        } else {
            format!("{guard};{}", self.key(&step.conditions))
        };
        let child = self.cover(side).child(at, name, &key, ty, word);
        let (conditions, pick) = self.conditions(side, child, &step.conditions)?;
        let kind = if is_attribute && self.format == Format::Xml && side == Side::Source {
            Kind::Attr
        } else {
            kind_of(form)
        };
        let is_text_element = self.schema.find(ty, "text()").is_some();
        let made = Step { name, kind, list, is_form, order, parent_type: parent.0, conditions, pick };
        Some((child, End { ty, form, list, is_text_element }, Some(made)))
    }

    pub(super) fn find(&mut self, parent: TypeId, word: &Word) -> Checked<Found<'_>> {
        // The two look-ups keep the borrow of `self` apart from the report of a fault.
        if self.schema.find(parent, &word.text).is_some() {
            return self.schema.find(parent, &word.text);
        }
        let owner = self.schema.type_info(parent).name.to_owned();
        if owner == "Resource" {
            // Which resource stands there only the data say; any resource that has the element tells its type.
            let has = |ty: &TypeId| self.schema.find(*ty, &word.text).is_some();
            let resources = self.schema.all_types().filter(|ty| self.schema.type_info(*ty).is_resource());
            if let Some(ty) = resources.filter(has).min() {
                return self.schema.find(ty, &word.text);
            }
        }
        if let Some(choice) = self.schema.choice(parent, &word.text) {
            let names: Vec<String> = self
                .schema
                .names_in_data(parent, choice)
                .iter()
                .map(|found| format!("`{}`", self.schema.name_text(found.name)))
                .collect();
            let help = format!("name it with its type: {}", names.join(", "));
            self.fault(
                codes::LENS_ELEMENT,
                word.span,
                format!("`{}` of `{owner}` is a choice", word.text),
                &help,
            );
            return None;
        }
        let names: Vec<&str> = self
            .schema
            .elements(parent)
            .iter()
            .flat_map(|element| self.schema.names_in_data(parent, element))
            .map(|found| self.schema.name_text(found.name))
            .collect();
        let help = nearest(&word.text, names.iter().copied()).map_or_else(
            || format!("it has: {}", names.join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        self.fault(
            codes::LENS_ELEMENT,
            word.span,
            format!("`{owner}` has no element `{}`", word.text),
            &help,
        );
        None
    }

    /// Conditions as text, to tell elements of one name apart.
    pub(super) fn key(&self, conditions: &[ast::Condition]) -> String {
        let literal = |literal: &Literal| match literal {
            Literal::Text(word) => word.text.clone(),
            Literal::Parameter(word) => {
                let found = self.parameters.iter().find(|(name, _)| *name == word.text);
                found.map(|(_, value)| value.text.clone()).unwrap_or_default()
            }
        };
        let path = |steps: &[ast::Step]| {
            steps.iter().map(|step| step.name.text.as_str()).collect::<Vec<_>>().join(".")
        };
        let part = |condition: &ast::Condition| match condition {
            ast::Condition::Equals(steps, value) => format!("{}={}", path(steps), literal(value)),
            ast::Condition::Differs(steps, value) => format!("{}!={}", path(steps), literal(value)),
            ast::Condition::Has(steps) => format!("has {}", path(steps)),
            ast::Condition::Lacks(steps) => format!("no {}", path(steps)),
            ast::Condition::First => "first".to_owned(),
            ast::Condition::Rest => "rest".to_owned(),
            ast::Condition::Same => "same".to_owned(),
        };
        conditions.iter().map(part).collect::<Vec<_>>().join(",")
    }

    pub(super) fn conditions(
        &mut self,
        side: Side,
        at: At,
        conditions: &[ast::Condition],
    ) -> Checked<(Vec<Condition>, Pick)> {
        let mut compiled = Vec::new();
        let mut pick = Pick::All;
        for condition in conditions {
            match condition {
                ast::Condition::First => pick = Pick::First,
                ast::Condition::Rest => pick = Pick::Rest,
                ast::Condition::Same => pick = Pick::Same,
                ast::Condition::Equals(steps, literal) => {
                    let text = self.literal(literal)?;
                    let (steps, end) = self.inner(side, at, steps)?;
                    self.cover(side).set_whole(end);
                    compiled.push(Condition::Equals(steps, text.into()));
                }
                ast::Condition::Differs(steps, literal) => {
                    let text = self.literal(literal)?;
                    compiled.push(Condition::Differs(self.looked(side, at, steps)?, text.into()));
                }
                ast::Condition::Has(steps) => compiled.push(Condition::Has(self.looked(side, at, steps)?)),
                ast::Condition::Lacks(steps) => {
                    compiled.push(Condition::Lacks(self.looked(side, at, steps)?))
                }
            }
        }
        Some((compiled, pick))
    }

    pub(super) fn inner(&mut self, side: Side, at: At, steps: &[ast::Step]) -> Checked<(Vec<Step>, At)> {
        let mut here = at;
        let mut compiled = Vec::new();
        for step in steps {
            let (next, _, made) = self.step(side, here, step)?;
            here = next;
            if made.as_ref().is_some_and(|step| step.pick == Pick::Same) {
                let message = "a condition cannot ask for `[same]`".to_owned();
                self.fault(codes::LENS_TYPE, step.name.span, message, "");
                return None;
            }
            compiled.extend(made);
        }
        Some((compiled, here))
    }

    /// Steps of a condition that only looks: they name nothing as read or set.
    pub(super) fn looked(&mut self, side: Side, at: At, steps: &[ast::Step]) -> Checked<Vec<Step>> {
        let mark = self.cover(side).mark();
        let steps = self.inner(side, at, steps).map(|(steps, _)| steps);
        self.cover(side).forget(mark);
        steps
    }
}
