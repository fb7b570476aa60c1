//! Sauma beside the peers that are written in Rust: FHIR Mapping Language, FHIRPath and validation.
//!
//! ```sh
//! cargo bench --ignore-rust-version --manifest-path benches/peers/Cargo.toml
//! ```
//!
//! The documents come from `SAUMA_SHARED`, an absolute path; without it, from the folder `shared` beside the clone.
//! What can be made ready beforehand is: maps and expressions are parsed once, and so are the documents of FHIRPath.
//! Rows are measured in rounds that alternate with all the others, in CPU time of this thread, and the median round
//! counts. Absolute figures move with the machine; the ratios of one run are what to quote. Before anything is
//! measured, results are compared: a fast wrong answer is no peer.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark stops at the first fault"
)]

#[path = "../by_hand.rs"]
mod by_hand;
mod fhirpath;
mod fml;
mod measure;
mod validate;

use std::env;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

fn main() {
    let shared = env::var_os("SAUMA_SHARED").map_or_else(beside, PathBuf::from);
    if shared.is_dir() {
        fml::table(&shared);
        fhirpath::tables(&shared);
        validate::table(&shared);
    } else {
        println!("skipped: {} is not there; SAUMA_SHARED names it", shared.display());
    }
}

/// The folder beside the clone; Cargo runs a benchmark in the folder of its package.
fn beside() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared")
}

/// Runs to its end what a peer calls asynchronous. Nothing here waits for anything, so no runtime stands in between
/// that would count as the peer's time.
fn finish<T>(work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(value) = work.as_mut().poll(&mut context) {
            return value;
        }
    }
}
