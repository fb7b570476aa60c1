//! Questionnaires, and responses held against them (FHIR R4, `Questionnaire` and `QuestionnaireResponse`).
//!
//! `form` reads a questionnaire once: its items by link id, with the conditions that enable them and the limits that
//! extensions set. `definition` checks the questionnaire itself; `response` walks the items of a response with the items
//! of the form, asking `enable` whether an item is enabled, `value` and `choice` whether an answer may be given, and
//! `constraint` whether the rules of the form hold.

mod answer;
mod choice;
mod constraint;
mod definition;
mod enable;
mod form;
mod limits;
mod response;
mod value;

pub(super) use form::Form;

use super::Walk;
use super::report::{Fault, Subject};
use crate::diag::{codes, message};
use crate::fhirpath::Temporal;
use crate::tree::NodeId;
use response::Response;
use std::cmp::Ordering;

impl Walk<'_, '_> {
    /// Checks a `QuestionnaireResponse` against its questionnaire.
    pub(super) fn questionnaire_response(&mut self, id: NodeId) {
        let tree = self.tree;
        let Some(node) = tree.child_str(id, "questionnaire").filter(|node| tree.has_text(*node)) else {
            return;
        };
        let url = tree.text(node);
        let Some(form) = self.form(&url) else {
            self.not_checked(Subject::Questionnaire, &url);
            let message =
                message!("the questionnaire is not at hand, so the answers are not held against it");
            return self.tell(Fault::warning(codes::QUESTIONNAIRE_UNKNOWN, node, message));
        };
        self.authored(id, &form);
        Response::new(self, &form, id).check();
    }

    /// A response is given while its questionnaire is in use.
    fn authored(&mut self, id: NodeId, form: &Form) {
        let Some(node) = self.tree.child_str(id, "authored").filter(|node| self.tree.has_text(*node)) else {
            return;
        };
        let Some(authored) = Temporal::date_time(&self.tree.text(node)) else { return };
        let order = |bound: Option<Temporal>| bound.and_then(|bound| authored.compare(bound));
        let message = match (order(form.start), order(form.end)) {
            (Some(Ordering::Less), _) => {
                message!("the response was given before the time that its questionnaire is meant for")
            }
            (_, Some(Ordering::Greater)) => {
                message!("the response was given after the time that its questionnaire is meant for")
            }
            _ => return,
        };
        self.tell(Fault::warning(codes::RESPONSE_TIME, node, message).rule(&*form.url));
    }
}
