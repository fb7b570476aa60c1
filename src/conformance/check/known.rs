//! What an endpoint was given so far, by the answers in which it said so.

use super::asked::Asked;
use super::compare::Written;
use crate::tree::{NodeId, Tree};
use std::collections::BTreeMap;
use std::rc::Rc;

/// A resource inside a tree.
#[derive(Debug, Clone)]
pub(super) struct Given {
    pub(super) tree: Rc<Tree>,
    pub(super) at: NodeId,
    /// What its temporary addresses were written to.
    pub(super) written: Rc<Written>,
}

impl Given {
    pub(super) fn whole(tree: Tree) -> Self {
        Self { tree: Rc::new(tree), at: NodeId::ROOT, written: Rc::default() }
    }

    fn node(&self, path: &[&str]) -> Option<NodeId> {
        path.iter().try_fold(self.at, |at, name| self.tree.child_str(at, name))
    }

    /// The text at a path of single elements.
    fn text(&self, path: &[&str]) -> Option<String> {
        self.node(path).map(|at| self.tree.text(at).into_owned())
    }
}

/// What one version of a resource holds.
#[derive(Debug, Clone)]
pub(super) enum Content {
    Given(Given),
    Deleted,
}

/// One version.
#[derive(Debug, Clone)]
pub(super) struct Version {
    /// As `versionId` and `ETag` name it; none where the endpoint did not say.
    pub(super) token: Option<String>,
    pub(super) content: Content,
}

/// One resource.
#[derive(Debug, Default)]
pub(super) struct Resource {
    pub(super) versions: Vec<Version>,
    /// It was made in this run, so that all of its versions are known.
    pub(super) is_whole: bool,
    /// The `lastUpdated` that was told last.
    pub(super) updated: Option<String>,
}

impl Resource {
    pub(super) fn latest(&self) -> Option<&Version> {
        self.versions.last()
    }

    pub(super) fn version(&self, token: &str) -> Option<&Version> {
        self.versions.iter().find(|version| version.token.as_deref() == Some(token))
    }
}

/// All of them, by type and id.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) resources: BTreeMap<String, Resource>,
    /// What was made, in order.
    made: Vec<String>,
}

/// How a resource came to be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// Made now.
    Made,
    /// There before, perhaps.
    Changed,
}

impl Known {
    pub(super) fn get(&self, key: &str) -> Option<&Resource> {
        self.resources.get(key)
    }

    /// A version that the endpoint says it has taken.
    pub(super) fn take(&mut self, key: &str, origin: Origin, version: Version) {
        if origin == Origin::Made {
            self.note_made(key);
        }
        let is_new = !self.resources.contains_key(key);
        let resource = self.resources.entry(key.to_owned()).or_default();
        resource.is_whole |= is_new && origin == Origin::Made;
        let was_deleted = resource.latest().is_some_and(|it| matches!(it.content, Content::Deleted));
        if was_deleted && matches!(version.content, Content::Deleted) {
            return;
        }
        // The same content again may be the same version.
        if version.token.is_none() || resource.latest().is_none_or(|latest| latest.token != version.token) {
            resource.versions.push(version);
        }
    }

    /// Something that was made and whose content is not known.
    pub(super) fn note_made(&mut self, key: &str) {
        if !self.made.iter().any(|made| made == key) {
            self.made.push(key.to_owned());
        }
    }

    /// What was made and not deleted, the last first.
    pub(super) fn left(&self) -> Vec<String> {
        let is_deleted = |key: &String| {
            let latest = self.get(key).and_then(Resource::latest);
            latest.is_some_and(|version| matches!(version.content, Content::Deleted))
        };
        self.made.iter().rev().filter(|key| !is_deleted(key)).cloned().collect()
    }

    /// What a search must find, where everything that it may find is known: one criterion that only what this run made
    /// can meet.
    pub(super) fn expected(&self, asked: &Asked, base: &str) -> Option<Vec<String>> {
        let Asked::Search { kind, params } = asked else { return None };
        let is_criterion = |name: &str| !NEUTRAL.contains(&name);
        let mut criteria = params.iter().filter(|(name, _)| is_criterion(name));
        let (Some((name, value)), None) = (criteria.next(), criteria.next()) else { return None };
        if value.contains(',') {
            return None;
        }
        let all = self.resources.iter().filter(|(key, _)| key.split('/').next() == Some(kind));
        let live = all.filter_map(|(key, resource)| match resource.latest().map(|it| &it.content) {
            Some(Content::Given(given)) => Some((key, given)),
            Some(Content::Deleted) | None => None,
        });
        let found: Vec<String> = match name.as_str() {
            "patient" | "subject" => {
                let client = if value.contains('/') { value.clone() } else { format!("Patient/{value}") };
                let client = client.strip_prefix(base).unwrap_or(&client).trim_start_matches('/').to_owned();
                self.get(&client).filter(|client| client.is_whole)?;
                let is_about = |given: &Given| {
                    let about =
                        ["subject", "patient"].iter().find_map(|name| given.text(&[name, "reference"]));
                    let about = about.unwrap_or_default();
                    let about = given.written.get(&about).cloned().unwrap_or(about);
                    about.strip_prefix(base).unwrap_or(&about).trim_start_matches('/') == client
                };
                live.filter(|(_, given)| is_about(given)).map(|(key, _)| key.clone()).collect()
            }
            "identifier" => {
                let (system, value) = value.split_once('|')?;
                let has = |given: &Given| {
                    let named = given.tree.children(given.at);
                    let mut identifiers = named.filter(|id| given.tree.name_text(*id) == "identifier");
                    identifiers.any(|id| {
                        let text = |name| given.tree.child_text(id, name).unwrap_or_default();
                        text("system") == system && text("value") == value
                    })
                };
                live.filter(|(_, given)| has(given)).map(|(key, _)| key.clone()).collect()
            }
            _ => return None,
        };
        (name != "identifier" || !found.is_empty()).then_some(found)
    }
}

/// Parameters that do not decide what matches.
const NEUTRAL: &[&str] =
    &["_count", "_sort", "_total", "_format", "_pretty", "_include", "_revinclude", "_summary", "_elements"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Schema;
    use crate::tree::fhir::read_json;

    fn given(text: &str) -> Content {
        let names = Schema::r4().names();
        Content::Given(Given::whole(read_json(text, names).unwrap_or_else(|_| Tree::new(names))))
    }

    #[test]
    fn what_a_search_by_client_must_find_is_what_was_given_about_them() {
        let mut known = Known::default();
        let mut take = |key: &str, text: &str| {
            let version = Version { token: Some("1".to_owned()), content: given(text) };
            known.take(key, Origin::Made, version);
        };
        take("Patient/1", r#"{"resourceType":"Patient"}"#);
        let goal = |client: &str| {
            format!(r#"{{"resourceType":"Goal","subject":{{"reference":"Patient/{client}"}}}}"#)
        };
        take("Goal/a", &goal("1"));
        take("Goal/b", &goal("2"));
        take("Goal/c", &goal("1"));
        known.take("Goal/c", Origin::Changed, Version { token: None, content: Content::Deleted });
        let check = |name: &str, value: &str, expected: Option<Vec<String>>| {
            let params = vec![(name.to_owned(), value.to_owned()), ("_count".to_owned(), "1".to_owned())];
            let asked = Asked::Search { kind: "Goal".to_owned(), params };
            assert_eq!(known.expected(&asked, "http://h/fhir/"), expected, "{name}={value}");
        };
        check("patient", "1", Some(vec!["Goal/a".to_owned()]));
        check("subject", "Patient/1", Some(vec!["Goal/a".to_owned()]));
        check("patient", "2", None);
        check("lifecycle-status", "active", None);
        assert_eq!(known.left(), ["Goal/b", "Goal/a", "Patient/1"]);
    }
}
