//! Attachments: size and hash are those of the data that stand beside them.

use super::Walk;
use super::primitive::{Primitive, base64_bytes};
use super::report::Fault;
use crate::diag::codes;
use crate::tree::NodeId;

impl Walk<'_, '_> {
    /// Checks an Attachment that holds its data.
    pub(super) fn attachment(&mut self, id: NodeId) {
        let tree = self.tree;
        let words = &self.validator.rules.words;
        let (Some(data), Some(size)) = (tree.child(id, words.data), tree.child(id, words.size)) else {
            return;
        };
        let (data, size) = (tree.text(data), tree.text(size));
        let bytes = base64_bytes(&data);
        let is_other = size.parse::<usize>().is_ok_and(|size| size != bytes);
        if is_other && Primitive::Base64.fits(&data) {
            let message = format!("`size` is not that of the data, which have {bytes} bytes");
            self.tell(Fault::error(codes::ATTACHMENT, id, message));
        }
    }
}
