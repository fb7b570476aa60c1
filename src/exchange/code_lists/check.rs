//! Codes of documents against code lists: which have no row, which were not in force, and how many rows of the documents
//! they touch.

use super::{CodeList, URN};
use crate::diag::{Code, codes};
use crate::exchange::intake::Content;
use crate::plan::identity::Hetu;
use crate::tree::{NodeId, Tree};
use std::collections::{BTreeMap, BTreeSet};

/// Characters of what may be a code; longer texts are none, and are not shown.
const CODE_CHARACTERS_MAX: usize = 32;
/// Places of one code that are told.
const PLACES_MAX: usize = 20;

/// Why a code is in the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// The list has no such row, or the table of the lens none.
    Unmapped,
    /// The row was not in force on the day of the document.
    Retired,
}

impl Why {
    /// The permanent code.
    pub const fn code(self) -> &'static Code {
        match self {
            Self::Unmapped => codes::CODES_UNMAPPED,
            Self::Retired => codes::CODES_RETIRED,
        }
    }
}

/// A code and why it is in the report. `code` is none where what stands in its place has not the form of a code, and may
/// be about somebody.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Faulty {
    /// Why.
    pub why: Why,
    /// The list, or the element whose table has no row.
    pub list: String,
    /// The code.
    pub code: Option<String>,
}

/// What a code touches.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Missing {
    /// Rows of documents: places where the code stands.
    pub rows: usize,
    /// Documents.
    pub documents: BTreeSet<String>,
    /// The first places: document and element.
    pub places: Vec<String>,
}

/// The report over a set of documents.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// By code.
    pub faulty: BTreeMap<Faulty, Missing>,
    /// Lists that documents take codes from and that are not at hand, with the number of codes that were not checked.
    pub not_at_hand: BTreeMap<String, usize>,
    /// Codes that were checked.
    pub checked: usize,
}

impl Report {
    /// Adds a document of a day.
    pub fn add(&mut self, name: &str, content: &Content, day: &str, lists: &[CodeList]) {
        for issue in content.issues.iter().filter(|issue| issue.code == codes::UNKNOWN_CODE) {
            let code = issue.value.as_ref().and_then(|value| of_form(value.reveal()));
            self.fault(Why::Unmapped, &issue.path, code, name, &issue.path);
        }
        let tree = &content.resources;
        for node in tree.descend(NodeId::ROOT) {
            let (Some(system), Some(code)) = (tree.child_text(node, "system"), tree.child_text(node, "code"))
            else {
                continue;
            };
            self.coding(name, tree, node, (&system, &code), day, lists);
        }
    }

    fn coding(
        &mut self,
        name: &str,
        tree: &Tree,
        node: NodeId,
        (system, code): (&str, &str),
        day: &str,
        lists: &[CodeList],
    ) {
        let Some(oid) = system.strip_prefix(URN) else { return };
        let stated = tree.child_text(node, "version");
        let Some(list) = in_force(lists, oid, stated.as_deref(), day) else {
            *self.not_at_hand.entry(oid.to_owned()).or_default() += 1;
            return;
        };
        self.checked += 1;
        let why = match list.rows.get(code) {
            None => Why::Unmapped,
            Some(row) if !row.is_in_force(day) => Why::Retired,
            Some(_) => return,
        };
        let list = format!("{} {}", list.oid, list.version);
        self.fault(why, &list, of_form(code), name, &tree.known_path(node));
    }

    fn fault(&mut self, why: Why, list: &str, code: Option<String>, document: &str, path: &str) {
        let missing = self.faulty.entry(Faulty { why, list: list.to_owned(), code }).or_default();
        missing.rows += 1;
        missing.documents.insert(document.to_owned());
        if missing.places.len() < PLACES_MAX {
            missing.places.push(format!("{document}: {path}"));
        }
    }
}

/// The version of a list that a coding names, or the one that was in force on a day. An OID may be written with the year
/// of its version behind it.
fn in_force<'a>(lists: &'a [CodeList], oid: &str, stated: Option<&str>, day: &str) -> Option<&'a CodeList> {
    let is_it = |list: &&CodeList| {
        list.oid == oid
            || oid.strip_prefix(&*list.oid).is_some_and(is_year)
            || list.oid.strip_prefix(oid).is_some_and(is_year)
    };
    let of_oid = || lists.iter().filter(is_it);
    if let Some(named) = of_oid().find(|list| stated == Some(&list.version)) {
        return Some(named);
    }
    let begun = of_oid().filter(|list| &*list.version <= day).max_by(|a, b| a.version.cmp(&b.version));
    begun.or_else(|| of_oid().min_by(|a, b| a.version.cmp(&b.version)))
}

/// True for the last arc of a version: `.2009` or `.201501`.
fn is_year(rest: &str) -> bool {
    let arc = rest.strip_prefix('.').unwrap_or_default();
    matches!(arc.len(), 4 | 6) && arc.bytes().all(|byte| byte.is_ascii_digit())
}

/// What has the form of a code and is no identity code.
fn of_form(text: &str) -> Option<String> {
    let is_form = text.chars().count() <= CODE_CHARACTERS_MAX
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'))
        && Hetu::parse(text).is_err();
    is_form.then(|| text.to_owned())
}
