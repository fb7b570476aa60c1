//! Searches and histories: each bundle against itself, its pages against each other, and all of them against what was
//! given.

use super::asked::{Asked, decoded};
use super::fields::tree_version;
use super::known::{Content, Resource};
use super::rule::Rule;
use super::watch::{Sight, Watch};
use crate::fhirpath::Temporal;
use crate::tree::{NodeId, Tree};
use std::cmp::Ordering;

/// A search over its pages so far.
#[derive(Debug, Clone)]
pub(super) struct Chain {
    matches: Vec<String>,
    expected: Option<Vec<String>>,
    total: Option<u64>,
}

/// The entries of a bundle.
pub(super) fn entries(tree: &Tree) -> Vec<NodeId> {
    tree.children(NodeId::ROOT).filter(|id| tree.name_text(*id) == "entry").collect()
}

/// One entry of a bundle with what tells of it.
struct Entry {
    resource: Option<NodeId>,
    /// Type and id.
    key: String,
    token: Option<String>,
    full_url: String,
    mode: String,
}

impl Entry {
    fn of(tree: &Tree, id: NodeId) -> Self {
        let resource = tree.child_str(id, "resource");
        let kind = resource.and_then(|at| tree.resource_type(at)).unwrap_or_default();
        let own = resource.and_then(|at| tree.child_text(at, "id")).unwrap_or_default();
        let search = tree.child_str(id, "search");
        Self {
            resource,
            key: format!("{kind}/{own}"),
            token: resource.and_then(|at| tree_version(tree, at)),
            full_url: tree.child_text(id, "fullUrl").unwrap_or_default().into_owned(),
            mode: search.and_then(|at| tree.child_text(at, "mode")).unwrap_or_default().into_owned(),
        }
    }

    fn is_match(&self) -> bool {
        self.mode != "include" && self.mode != "outcome"
    }
}

fn link(tree: &Tree, relation: &str) -> Option<String> {
    let mut links = tree.children(NodeId::ROOT).filter(|id| tree.name_text(*id) == "link");
    let found = links.find(|id| tree.child_text(*id, "relation").as_deref() == Some(relation))?;
    tree.child_text(found, "url").map(std::borrow::Cow::into_owned)
}

impl Watch<'_, '_> {
    pub(super) fn search(&mut self, sight: &Sight<'_>, tree: &Tree) {
        let saved = sight.saved;
        let Asked::Search { kind, params } = &sight.asked else { return };
        let is_searchset = tree.resource_type(NodeId::ROOT).as_deref() == Some("Bundle")
            && tree.child_text(NodeId::ROOT, "type").as_deref() == Some("searchset");
        self.hold(
            saved,
            Rule::Searchset,
            is_searchset,
            "a search does not give a Bundle of the type searchset",
        );
        if !is_searchset {
            return;
        }
        self.hold(saved, Rule::Searchset, link(tree, "self").is_some(), "the searchset has no link `self`");
        let found: Vec<Entry> = entries(tree).into_iter().map(|id| Entry::of(tree, id)).collect();
        for entry in &found {
            self.search_entry(sight, tree, entry, kind);
        }
        let count = params.iter().find(|(name, _)| name == "_count");
        let count = count.and_then(|(_, value)| value.parse::<usize>().ok());
        let matches: Vec<String> =
            found.iter().filter(|entry| entry.is_match()).map(|entry| entry.key.clone()).collect();
        if let Some(count) = count.filter(|count| *count > 0) {
            let fits = matches.len() <= count;
            self.hold(saved, Rule::Searchset, fits, "a page has more matches than were asked for");
        }
        let is_counted =
            count == Some(0) || params.iter().any(|(name, value)| name == "_summary" && value == "count");
        self.chained(sight, tree, matches, is_counted);
    }

    fn search_entry(&mut self, sight: &Sight<'_>, tree: &Tree, entry: &Entry, kind: &str) {
        let saved = sight.saved;
        let Some(resource) = entry.resource else {
            self.hold(
                saved,
                Rule::Searchset,
                entry.mode == "outcome",
                "an entry of a searchset has no resource",
            );
            return;
        };
        if entry.mode == "outcome" || entry.key.starts_with("OperationOutcome/") {
            return;
        }
        let is_named = entry.full_url.ends_with(&format!("/{}", entry.key));
        self.hold(saved, Rule::Searchset, is_named, "fullUrl does not name the resource of its entry");
        let has_mode = matches!(entry.mode.as_str(), "match" | "include");
        self.hold(saved, Rule::Searchset, has_mode, "an entry does not say whether it is a match");
        let is_kind = !entry.is_match() || entry.key.split('/').next() == Some(kind);
        self.hold(saved, Rule::Found, is_kind, "a match is of another type than was searched for");
        self.against_known(sight, (tree, resource), &entry.key, entry.token.as_deref(), true);
    }

    /// The page with those before it: each match once, and at the end all of them.
    fn chained(&mut self, sight: &Sight<'_>, tree: &Tree, matches: Vec<String>, is_counted: bool) {
        let saved = sight.saved;
        let total = tree.child_text(NodeId::ROOT, "total").and_then(|text| text.parse::<u64>().ok());
        let mine = saved.request.destination == 1;
        let mut chain = self.pages.remove(&decoded(&saved.request.url)).unwrap_or_else(|| Chain {
            matches: Vec::new(),
            expected: self.known.expected(&sight.asked, &sight.base).filter(|_| mine),
            total: None,
        });
        chain.total = total.or(chain.total);
        for key in matches {
            let is_new = !chain.matches.contains(&key);
            self.hold(saved, Rule::Paging, is_new, "a search gives one resource twice");
            chain.matches.push(key);
        }
        if let Some(next) = link(tree, "next") {
            self.pages.insert(decoded(&next), chain);
            return;
        }
        let told = usize::try_from(chain.total.unwrap_or_default()).unwrap_or(usize::MAX);
        if is_counted {
            let expected = chain.expected.as_ref().is_none_or(|expected| expected.len() == told);
            self.hold(
                saved,
                Rule::Total,
                expected && chain.total.is_some(),
                "the total is not the number of matches",
            );
            return;
        }
        if chain.total.is_some() {
            let agrees = told == chain.matches.len();
            self.hold(saved, Rule::Total, agrees, "the total is not the number of matches");
        }
        if let Some(expected) = &chain.expected {
            let lacks = expected.iter().any(|key| !chain.matches.contains(key));
            self.hold(saved, Rule::Found, !lacks, "the search does not find something that was given");
            let is_more = chain.matches.iter().any(|key| !expected.contains(key));
            self.hold(saved, Rule::Found, !is_more, "the search finds something that does not match");
        }
    }

    pub(super) fn history(&mut self, sight: &Sight<'_>, tree: &Tree, key: &str, is_whole: bool) {
        let saved = sight.saved;
        let is_history = tree.child_text(NodeId::ROOT, "type").as_deref() == Some("history");
        self.hold(saved, Rule::History, is_history, "a history is no Bundle of the type history");
        let found: Vec<(NodeId, Entry)> =
            entries(tree).into_iter().map(|id| (id, Entry::of(tree, id))).collect();
        let mut tokens: Vec<&str> = Vec::new();
        let mut newer: Option<Temporal> = None;
        for (id, entry) in &found {
            let says = tree.child_str(*id, "request").is_some() && tree.child_str(*id, "response").is_some();
            self.hold(saved, Rule::History, says, "an entry of a history lacks request or response");
            let Some(resource) = entry.resource else {
                let request = tree.child_str(*id, "request");
                let method = request.and_then(|at| tree.child_text(at, "method")).unwrap_or_default();
                self.hold(
                    saved,
                    Rule::History,
                    method == "DELETE",
                    "a version has no resource, and is no deletion",
                );
                continue;
            };
            self.hold(saved, Rule::Identity, entry.key == key, "a history tells of another resource");
            if let Some(token) = &entry.token {
                let is_new = !tokens.contains(&token.as_str());
                self.hold(saved, Rule::History, is_new, "a history tells one version twice");
                tokens.push(token);
            }
            let updated =
                tree.child_str(resource, "meta").and_then(|meta| tree.child_text(meta, "lastUpdated"));
            let updated = updated.and_then(|text| Temporal::date_time(&text));
            if let (Some(newer), Some(older)) = (newer, updated) {
                let is_ordered = older.compare(newer) != Some(Ordering::Greater);
                self.hold(saved, Rule::History, is_ordered, "a history does not begin with the newest");
            }
            newer = updated.or(newer);
            self.against_known(sight, (tree, resource), key, entry.token.as_deref(), false);
        }
        if is_whole && link(tree, "next").is_none() {
            self.whole_history(sight, key, &tokens, found.len());
        }
    }

    /// Of what was made in this run every version is known.
    fn whole_history(&mut self, sight: &Sight<'_>, key: &str, tokens: &[&str], count: usize) {
        let Some(resource) = self.known.get(key).filter(|resource| resource.is_whole) else { return };
        let expected = resource.versions.len();
        let ordered: Vec<&str> = given_tokens(resource);
        let is_ordered = ordered.len() != tokens.len() || ordered == tokens;
        self.hold(
            sight.saved,
            Rule::History,
            count == expected,
            "a history lacks a version, or has one too many",
        );
        self.hold(sight.saved, Rule::History, is_ordered, "a history does not begin with the newest");
    }
}

/// The versions that hold something, the newest first.
fn given_tokens(resource: &Resource) -> Vec<&str> {
    let held = resource.versions.iter().rev().filter(|it| matches!(it.content, Content::Given(_)));
    held.filter_map(|version| version.token.as_deref()).collect()
}
