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
        let (Some(data), Some(size)) = (tree.child_text(id, "data"), tree.child_text(id, "size")) else {
            return;
        };
        let bytes = base64_bytes(&data);
        let is_other = size.parse::<usize>().is_ok_and(|size| size != bytes);
        if is_other && Primitive::Base64.fits(&data) {
            let message = format!("`size` is not that of the data, which have {bytes} bytes");
            self.tell(Fault::error(codes::ATTACHMENT, id, message));
        }
    }
}
