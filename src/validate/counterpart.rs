//! Resources that are held against another one: a response against its questionnaire, a report against its measure, a
//! definition against its base, any resource against the profiles that an implementation guide makes global.

use super::Walk;
use super::measure::Measure;
use super::questionnaire::Form;
use super::report::Subject;
use crate::schema::{CanonicalKind, Schema};
use crate::tree::fhir::{self, TypeId};
use crate::tree::{NodeId, Tree};
use std::sync::{Arc, OnceLock};

/// What the resources of the definitions that others are held against demand, each read at first use.
#[derive(Debug)]
pub(super) struct Counterparts {
    read: Box<[OnceLock<Counterpart>]>,
}

/// One of them.
#[derive(Debug, Clone)]
pub(super) enum Counterpart {
    Form(Arc<Form>),
    Measure(Arc<Measure>),
    /// It is no FHIR JSON.
    Unreadable,
}

impl Counterparts {
    pub(super) fn new(schema: &Schema) -> Self {
        Self { read: std::iter::repeat_with(OnceLock::new).take(schema.canonicals().len()).collect() }
    }

    fn of(&self, schema: &Schema, kind: CanonicalKind, canonical: &str) -> Option<&Counterpart> {
        let number = schema.canonical(kind, canonical)?;
        let found = schema.canonicals().get(number)?;
        let read = || match fhir::read_json(&found.text, schema.names()) {
            Ok(tree) => Counterpart::of_tree(kind, &tree, NodeId::ROOT, NodeId::ROOT, schema),
            Err(_) => Counterpart::Unreadable,
        };
        self.read.get(number).map(|place| place.get_or_init(read))
    }
}

impl Counterpart {
    /// Reads the resource at a node; `root` is the one that contains it, or itself.
    fn of_tree(kind: CanonicalKind, tree: &Tree, id: NodeId, root: NodeId, schema: &Schema) -> Self {
        match kind {
            CanonicalKind::Questionnaire => Self::Form(Arc::new(Form::read(tree, id, root, schema))),
            CanonicalKind::Measure => Self::Measure(Arc::new(Measure::read(tree, id))),
        }
    }
}

impl Walk<'_, '_> {
    /// Checks a resource of a type against what it is an instance, an answer or a report of.
    pub(super) fn counterpart(&mut self, id: NodeId, ty: TypeId) {
        let kind = self.validator.schema().type_info(ty).name;
        match kind {
            "Questionnaire" => self.questionnaire(id),
            "QuestionnaireResponse" => self.questionnaire_response(id),
            "Measure" => self.measure(id),
            "MeasureReport" => self.measure_report(id),
            _ => {}
        }
        let schema = self.validator.schema();
        for url in schema.global_profiles(kind) {
            match schema.type_by_url(url) {
                Some(profile) => self.profile(id, ty, profile),
                None => self.not_checked(Subject::Profile, url),
            }
        }
    }

    /// The questionnaire that a canonical url leads to.
    pub(super) fn form(&mut self, canonical: &str) -> Option<Arc<Form>> {
        match self.found(CanonicalKind::Questionnaire, canonical)? {
            Counterpart::Form(form) => Some(form),
            Counterpart::Measure(_) | Counterpart::Unreadable => None,
        }
    }

    /// The measure that a canonical url leads to.
    pub(super) fn measure_of(&mut self, canonical: &str) -> Option<Arc<Measure>> {
        match self.found(CanonicalKind::Measure, canonical)? {
            Counterpart::Measure(measure) => Some(measure),
            Counterpart::Form(_) | Counterpart::Unreadable => None,
        }
    }

    /// What a canonical url leads to: a contained resource, or one of the packages at hand.
    fn found(&mut self, kind: CanonicalKind, canonical: &str) -> Option<Counterpart> {
        let (tree, schema, root) = (self.tree, self.validator.schema(), self.scope.root);
        let name = match kind {
            CanonicalKind::Questionnaire => "Questionnaire",
            CanonicalKind::Measure => "Measure",
        };
        let is_it = |id: &NodeId| tree.resource_type(*id).is_some_and(|found| found == name);
        if let Some(local) = canonical.strip_prefix('#') {
            let id = self.contained_of(root).get(local).copied().filter(is_it)?;
            let read = || Counterpart::of_tree(kind, tree, id, root, schema);
            return Some(self.counterparts.entry(id).or_insert_with(read).clone());
        }
        self.validator.counterparts.of(schema, kind, canonical).cloned()
    }
}
