//! Elements that say again what stands in a resource of its own.

use super::draft::Draft;
use super::{Exporter, Var};
use crate::mapping::program::Restatement;

impl<'a> Exporter<'a> {
    pub(super) fn restate(&mut self, _restatement: &'a Restatement, rule: usize, _here: &Var) -> Vec<Draft> {
        self.cannot(rule, "what is restated has no counterpart yet");
        Vec::new()
    }
}
