//! Plans of units on the server: documents that are contributed and kept byte for byte, what is known of one client, and
//! the plan that it joins into.
//!
//! A version of a document is a `Binary` with its bytes and a `DocumentReference` with what is known of it, both under an
//! id made of the bytes, so that the same bytes twice are one version. The versions of one plan are a *series*; one of
//! them is current. What the lens reads of the current one stands as resources of their own beside it, under ids that
//! stay the same over versions; `meta.source` leads from each to its series. Whatever a unit writes by REST counts as its
//! contribution too (`records`). The truth is these documents alone: the joined plan is worked out of them.

mod asking;
mod basis;
mod bundle;
mod cache;
mod decisions;
mod find;
mod gathering;
mod records;
mod steps;
mod taking;
mod version;

pub(super) use asking::{Asked, Shown, grants_of, now};
pub(super) use basis::{Document, base_of};
pub(super) use bundle::{given_back, json_of, resource_of, versions, written};
pub(super) use cache::Cache;
pub(super) use gathering::{Depth, Known, Origin};
pub(super) use taking::{Arrival, Told};
pub(super) use version::Version;

use crate::plan::SAUMA;
use crate::schema::sha256;

/// What `meta.source` of a resource says that stands beside the documents of a series.
fn source_of(series: &str) -> String {
    format!("{SAUMA}contribution/{series}")
}

/// The series that such a `meta.source` names.
fn series_of_source(source: &str) -> Option<&str> {
    source.strip_prefix(SAUMA)?.strip_prefix("contribution/")
}

/// An id from the parts that name a thing: stable, and telling nothing of them.
fn make_id(parts: &[&str]) -> String {
    let mut text = String::new();
    for part in parts {
        text.push_str(part);
        text.push('\u{1e}');
    }
    let mut id = sha256::hex(text.as_bytes());
    id.truncate(32);
    id
}
