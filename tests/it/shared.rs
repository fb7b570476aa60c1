//! The published documents that the tests read, which are not part of this repository.

use std::path::{Path, PathBuf};
use std::{env, fs, thread};

/// The folder of published documents: `$SAUMA_SHARED`, otherwise `../shared`; `None` where it is absent.
pub(crate) fn folder() -> Option<PathBuf> {
    let folder = env::var_os("SAUMA_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    if folder.join("corpus/INDEX.json").is_file() {
        return Some(folder);
    }
    println!("skipped: no published documents in {} (set SAUMA_SHARED)", folder.display());
    None
}

/// Every file below a folder whose name ends in one of `extensions`, in the order of their paths.
pub(crate) fn files(folder: &Path, extensions: &[&str]) -> Vec<PathBuf> {
    let mut open = vec![folder.to_path_buf()];
    let mut found = Vec::new();
    while let Some(here) = open.pop() {
        for entry in fs::read_dir(&here).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|end| extensions.iter().any(|known| end == *known)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Runs `work` over all items with a thread for each processor; the results stand in the order of the items.
pub(crate) fn in_parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = thread::available_parallelism().map_or(1, usize::from).min(8);
    let mut results: Vec<(usize, R)> = thread::scope(|scope| {
        // Every n-th item, so that a folder of large files is shared out.
        let start = |first: usize| {
            let work = &work;
            move || {
                items
                    .iter()
                    .enumerate()
                    .skip(first)
                    .step_by(threads)
                    .map(|(at, item)| (at, work(item)))
                    .collect()
            }
        };
        let running: Vec<_> = (0..threads).map(|first| scope.spawn(start(first))).collect();
        let done: Vec<Vec<(usize, R)>> = running.into_iter().map(|thread| thread.join().unwrap()).collect();
        done.into_iter().flatten().collect()
    });
    results.sort_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}
