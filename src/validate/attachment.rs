//! Attachments: size and hash are those of the data that stand beside them.

use super::Walk;
use super::primitive::base64;
use super::report::Fault;
use super::sha1;
use crate::diag::{codes, message};
use crate::tree::NodeId;

impl Walk<'_, '_> {
    /// Checks an Attachment that holds its data.
    pub(super) fn attachment(&mut self, id: NodeId) {
        let tree = self.tree;
        let words = &self.validator.rules.words;
        let (size, hash) = (tree.child(id, words.size), tree.child(id, words.hash));
        if size.is_none() && hash.is_none() {
            return;
        }
        let data = tree.child(id, words.data).filter(|data| tree.has_text(*data));
        // What is no base64 is told already.
        let Some(data) = data.and_then(|data| base64(&tree.text(data))) else { return };
        if size.and_then(|size| tree.text(size).parse().ok()).is_some_and(|size: usize| size != data.len()) {
            let message =
                message!("`size` is not that of the data, which have {count} bytes", count = data.len());
            self.tell(Fault::error(codes::ATTACHMENT, id, message));
        }
        let hash = hash.filter(|hash| tree.has_text(*hash)).and_then(|hash| base64(&tree.text(hash)));
        if hash.is_some_and(|hash| hash != sha1::digest(&data)) {
            self.tell(Fault::error(codes::ATTACHMENT, id, message!("`hash` is not the SHA-1 of the data")));
        }
    }
}
