//! Codes that are not in the list of their code system.

use super::Run;
use crate::diag::{Issue, codes};
use crate::tree::NodeId;

impl Run<'_> {
    /// Reports them; they are carried all the same, as the unit wrote them.
    pub(super) fn unlisted_codes(&mut self) {
        if self.program.lists.is_empty() || !self.with_ledger {
            return;
        }
        let target = &self.target;
        for coding in target.descend(NodeId::ROOT) {
            let Some(list) =
                target.child_text(coding, "system").and_then(|system| self.program.lists.get(&*system))
            else {
                continue;
            };
            let Some(code) = target.child_str(coding, "code").filter(|code| target.has_text(*code)) else {
                continue;
            };
            let text = target.text(code);
            if let Some(source) = self.origins.source(code).filter(|_| !list.contains(&*text)) {
                let message = "the code is not in the list of its code system";
                let issue = Issue::warning(codes::UNKNOWN_CODE, self.source.span(source), message);
                self.issues.push(issue.at(self.source.path(source)).with_value(&*text));
            }
        }
    }
}
