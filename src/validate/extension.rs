//! Extensions: whether their definition is known, and whether they stand where it lets them.

use super::Walk;
use super::report::{Fault, Subject};
use crate::diag::{Severity, codes};
use crate::tree::fhir::TypeId;
use crate::tree::{Name, NodeId};

impl Walk<'_, '_> {
    /// Checks an extension against its definition.
    pub(super) fn extension(&mut self, id: NodeId, ty: TypeId) {
        let tree = self.tree;
        let Some(url) = tree.child(id, Name::URL).filter(|url| tree.has_text(*url)) else { return };
        let url = tree.text(url);
        // Parts of an extension have names that only its definition knows.
        if !url.contains(':') {
            return;
        }
        if let Some(definition) = self.validator.schema().type_by_url(&url) {
            return self.profile(id, ty, definition);
        }
        self.not_checked(Subject::Extension, &url);
        let is_modifier = tree.name(id) == Name::MODIFIER_EXTENSION;
        let (severity, message) = if is_modifier {
            (
                Severity::Error,
                format!("the extension {url} changes the meaning of the data, and is not known here"),
            )
        } else {
            (Severity::Information, format!("the extension {url} is not known here"))
        };
        self.tell(Fault::new(codes::EXTENSION_UNKNOWN, severity, id, message));
    }
}
