//! The engines that the contract of the store is held against, each test with stores of its own.

use sauma::store::{AnyStore, Sqlite, SqliteOptions};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs, process};
use tokio::runtime::{Builder, Runtime};

/// A folder that goes with the test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("sauma-store-{}-{number}", process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.0.join("store.db")
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

pub(crate) fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Runs a test on a new store of each engine that this machine has.
pub(crate) fn on_each(test: impl AsyncFn(&AnyStore)) {
    let folder = Folder::new();
    let store = AnyStore::Sqlite(Sqlite::open(&SqliteOptions::new(folder.file())).unwrap());
    runtime().block_on(test(&store));
    drop(store);
}
