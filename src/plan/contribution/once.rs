//! What is read of a contribution once.

use std::sync::OnceLock;

/// A value that is found when first asked for. A copy of the contribution may be changed, so it finds its own.
#[derive(Debug)]
pub(super) struct Once<T>(OnceLock<T>);

impl<T> Once<T> {
    pub(super) fn get_or(&self, find: impl FnOnce() -> T) -> &T {
        self.0.get_or_init(find)
    }
}

impl<T> Default for Once<T> {
    fn default() -> Self {
        Self(OnceLock::new())
    }
}

impl<T> Clone for Once<T> {
    fn clone(&self) -> Self {
        Self::default()
    }
}
