//! Codes: in the value set of their element, and in their code system.

use super::Walk;
use super::primitive::has_scheme;
use super::report::{Fault, Subject};
use super::rules::{Member, Role};
use super::terminology::{Bound, is_in_system, may_have_grown};
use crate::diag::{Severity, codes, message};
use crate::fhirpath::{Host, Node};
use crate::schema::Strength;
use crate::tree::{Name, NodeId};

/// What is known of the codes of one element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fit {
    /// One is in the value set.
    Good,
    /// None is.
    Bad,
    /// There is no code.
    Missing,
    /// What is at hand does not tell.
    Open,
    /// None is, and that a code is not in its own system is told already.
    Told,
}

impl<'a, 's> Walk<'a, 's> {
    /// Checks a value against the binding of its element.
    pub(super) fn bound(&mut self, id: NodeId, member: &'a Member<'s>) {
        if let Some(bound) = member.binding.as_ref().filter(|bound| bound.is_checked()) {
            let role = self.validator.rules.of(member.ty).map_or(Role::Plain, |rules| rules.role);
            self.codes_fit(id, role, bound, "");
        }
    }

    /// Checks the codes of a value against a binding.
    pub(super) fn codes_fit(&mut self, id: NodeId, role: Role, bound: &Bound<'s>, rule: &str) {
        if !bound.binding.greatest.is_empty() && self.is_outside(id, role, bound, rule) {
            return;
        }
        let strength = bound.binding.strength;
        let severity = match strength {
            Strength::Required => Severity::Error,
            Strength::Extensible => Severity::Warning,
            Strength::Preferred => Severity::Information,
            Strength::Example => return,
        };
        let url = bound.binding.value_set.split('|').next().unwrap_or_default();
        match self.fit(id, role, bound) {
            Fit::Good | Fit::Told => {}
            Fit::Missing if strength != Strength::Required => {}
            Fit::Open => self.not_checked(Subject::ValueSet, url),
            Fit::Missing => {
                let message = message!("a code of the value set {url} is required, and there is none", url);
                self.tell(Fault::new(codes::BINDING, severity, id, message).rule(rule));
            }
            Fit::Bad => {
                let word = match strength {
                    Strength::Required => message!("required"),
                    Strength::Extensible => message!("extensible"),
                    Strength::Preferred | Strength::Example => message!("preferred"),
                };
                let message =
                    message!("the code is not in the value set {url} ({strength})", url, strength = word);
                self.tell(Fault::new(codes::BINDING, severity, id, message).rule(rule));
            }
        }
    }

    /// Checks the codes of a value against the value set that no code may be outside of (extension
    /// `elementdefinition-maxValueSet`); true where an error was told.
    fn is_outside(&mut self, id: NodeId, role: Role, bound: &Bound<'s>, rule: &str) -> bool {
        let (tree, schema) = (self.tree, self.validator.schema());
        let words = self.validator.rules.words;
        let may_hold = |coding: NodeId| {
            let code = tree.child(coding, words.code)?;
            let system = tree.child(coding, words.system).map(|system| tree.text(system)).unwrap_or_default();
            Some(bound.may_hold(Some(&system), &tree.text(code), schema))
        };
        let found: Vec<Option<bool>> = match role {
            Role::Coding | Role::Quantity => may_hold(id).into_iter().collect(),
            Role::CodeableConcept => tree.children_named(id, words.coding).filter_map(may_hold).collect(),
            Role::Plain if tree.has_text(id) => vec![bound.may_hold(None, &tree.text(id), schema)],
            Role::Plain
            | Role::Extension
            | Role::Reference
            | Role::Attachment
            | Role::System
            | Role::Narrative
            | Role::ElementDefinition
            | Role::StructureDefinition
            | Role::Bundle => Vec::new(),
        };
        let url = bound.binding.greatest.split('|').next().unwrap_or_default();
        if found.is_empty() || found.contains(&Some(true)) {
            return false;
        }
        if found.contains(&None) {
            self.not_checked(Subject::ValueSet, url);
            return false;
        }
        let message = message!("the code is not in the value set {url}, outside of which none may be", url);
        self.tell(Fault::error(codes::BINDING, id, message).rule(rule));
        true
    }

    fn fit(&self, id: NodeId, role: Role, bound: &Bound<'s>) -> Fit {
        let (tree, schema) = (self.tree, self.validator.schema());
        match role {
            Role::Coding | Role::Quantity => self.coding_fit(id, bound),
            Role::CodeableConcept => {
                let coding = self.validator.rules.words.coding;
                let fits = tree.children_named(id, coding).map(|coding| self.coding_fit(coding, bound));
                fits.fold(Fit::Missing, best)
            }
            Role::Plain if tree.has_text(id) => match bound.holds(None, &tree.text(id), schema) {
                Some(true) => Fit::Good,
                Some(false) => Fit::Bad,
                None => Fit::Open,
            },
            Role::Plain
            | Role::Extension
            | Role::Reference
            | Role::Attachment
            | Role::System
            | Role::Narrative
            | Role::ElementDefinition
            | Role::StructureDefinition
            | Role::Bundle => Fit::Good,
        }
    }

    fn coding_fit(&self, id: NodeId, bound: &Bound<'s>) -> Fit {
        let (tree, schema) = (self.tree, self.validator.schema());
        let words = &self.validator.rules.words;
        let Some(code) = tree.child(id, words.code).map(|code| tree.text(code)) else { return Fit::Missing };
        // A code without a system is of no system, so it is in no value set.
        let system = tree.child(id, words.system).map(|system| tree.text(system)).unwrap_or_default();
        match bound.holds(Some(&system), &code, schema) {
            Some(true) => Fit::Good,
            Some(false)
                if is_in_system(&system, &code, schema) == Some(false)
                    && !may_have_grown(&system, schema) =>
            {
                Fit::Told
            }
            Some(false) => Fit::Bad,
            None => Fit::Open,
        }
    }

    /// Checks the code of a Coding or Quantity against its own system.
    pub(super) fn coding(&mut self, id: NodeId) {
        if !self.system_is_absolute(id) {
            return;
        }
        let tree = self.tree;
        let words = self.validator.rules.words;
        let child = |name: Name| tree.child(id, name).filter(|child| tree.has_text(*child));
        let (Some(system), Some(code)) = (child(words.system), child(words.code)) else { return };
        let (url, text) = (tree.text(system), tree.text(code));
        let schema = self.validator.schema();
        // As the definition names it: what the document adds to it is the document's own.
        let named = || schema.code_system(&url).map_or_else(String::new, |known| format!(" {}", known.url));
        match is_in_system(&url, &text, schema) {
            Some(true) => {}
            None => return self.named_not_checked(Subject::CodeSystem, &url),
            Some(false) if may_have_grown(&url, schema) => {
                let message = message!(
                    "the code system{system} had no such code when R4 was published",
                    system = named()
                );
                return self.tell(Fault::warning(codes::CODE_UNKNOWN, code, message));
            }
            Some(false) => {
                let message = message!("the code system{system} has no such code", system = named());
                return self.tell(Fault::error(codes::CODE_UNKNOWN, code, message));
            }
        }
        let Some(display) = child(words.display) else { return };
        let shown = tree.text(display);
        if schema.concept(&url, &text).is_some_and(|concept| *concept.display == *shown) {
            return;
        }
        let known = schema.displays(&url, &text);
        let is_known = known.iter().all(|(_, text)| text.is_empty())
            || known.iter().any(|(_, text)| is_same_display(text, &shown));
        if !is_known {
            let message =
                message!("the code system{system} gives another display for the code", system = named());
            self.tell(Fault::warning(codes::DISPLAY, display, message));
        }
    }

    /// Checks that a system is named by an absolute uri (FHIR R4, `Coding.system`, `Identifier.system`,
    /// `ValueSet.compose.include.system`): a relative one says nothing to whoever reads it elsewhere.
    pub(super) fn system_is_absolute(&mut self, id: NodeId) -> bool {
        let system = self.tree.child(id, self.validator.rules.words.system);
        let Some(system) = system.filter(|system| self.tree.has_text(*system)) else { return true };
        let text = self.tree.text(system);
        // What is empty is told as such.
        if text.is_empty() || has_scheme(&text) {
            return true;
        }
        let fault =
            Fault::error(codes::URL_RELATIVE, system, message!("a system is an absolute uri")).value(&*text);
        self.tell(fault);
        false
    }

    /// True for a child that is the value of an extension or the like: `value[x]` in any of its types.
    pub(super) fn is_choice_value(&self, id: NodeId) -> bool {
        let name = self.tree.name_text(id);
        name.strip_prefix("value").is_some_and(|ty| ty.starts_with(|first: char| first.is_ascii_uppercase()))
            && self.tree.name(id) != Name::VALUE
    }
}

const fn best(one: Fit, other: Fit) -> Fit {
    match (one, other) {
        (Fit::Good, _) | (_, Fit::Good) => Fit::Good,
        (Fit::Open, _) | (_, Fit::Open) => Fit::Open,
        (Fit::Told, _) | (_, Fit::Told) => Fit::Told,
        (Fit::Bad, _) | (_, Fit::Bad) => Fit::Bad,
        (Fit::Missing, Fit::Missing) => Fit::Missing,
    }
}

/// Displays are compared without regard to case and white space.
fn is_same_display(one: &str, other: &str) -> bool {
    let words = |text: &str| text.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>();
    words(one) == words(other)
}

impl Host for super::Validator<'_> {
    fn conforms_to(&self, node: Node<'_>, profile: &str) -> Option<bool> {
        let profile = self.schema().type_by_url(profile)?;
        let options = super::Options::default();
        let mut walk = self.walk(node.tree, &options);
        let ty = walk.actual_type(node.id, node.ty);
        if let Some(rules) = self.rules.of(ty).filter(|_| node.tree.resource_type(node.id).is_some()) {
            walk.enter(node.id, rules);
        }
        Some(walk.fits(node.id, ty, profile))
    }
}
