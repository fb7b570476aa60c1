//! What was given against what came back: every value in its own text and place, and nothing beside it.
//!
//! A server may set the id of what it makes, add to `meta`, write a narrative where there was none, and give references to
//! itself as whole addresses. Nothing else of a resource is its own (FHIR R4, "create", "update").

use super::rule::Rule;
use crate::diag::Span;
use crate::tree::{Kind, NodeId, Tree};
use std::collections::BTreeMap;

/// Where two resources part.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Difference {
    /// Whether something is lost or changed, or was added.
    pub(super) rule: Rule,
    /// Where in what came.
    pub(super) span: Span,
    pub(super) path: String,
    pub(super) what: &'static str,
}

/// What temporary addresses of a transaction were written to.
pub(super) type Written = BTreeMap<String, String>;

/// Compares resources.
#[derive(Debug, Clone, Copy)]
pub(super) struct Comparison<'a> {
    /// The base url of the server, with a slash at its end.
    pub(super) base: &'a str,
    /// What references of a transaction were written to.
    pub(super) written: &'a Written,
    /// True where only a part was asked for, so that what is lacking is not lost.
    pub(super) is_part: bool,
}

/// One side of a comparison.
#[derive(Clone, Copy)]
struct Side<'t> {
    tree: &'t Tree,
    id: NodeId,
}

impl<'t> Side<'t> {
    fn named(self, name: &str) -> Vec<Self> {
        let named = self.tree.children(self.id).filter(|id| self.tree.name_text(*id) == name);
        named.filter(|id| self.is_there(*id)).map(|id| Self { id, ..self }).collect()
    }

    fn names(self) -> Vec<&'t str> {
        let mut names: Vec<&str> = Vec::new();
        for id in self.tree.children(self.id).filter(|id| self.is_there(*id)) {
            let name = self.tree.name_text(id);
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    fn is_there(self, id: NodeId) -> bool {
        !matches!(self.tree.kind(id), Kind::Comment | Kind::Pi | Kind::EmptyList)
    }
}

impl Comparison<'_> {
    /// The first difference between a resource that was given and one that came.
    pub(super) fn resources(
        self,
        (given, given_at): (&Tree, NodeId),
        (came, came_at): (&Tree, NodeId),
    ) -> Option<Difference> {
        let (given, came) = (Side { tree: given, id: given_at }, Side { tree: came, id: came_at });
        self.children(given, came, &["id", "meta", "text"]).or_else(|| self.kept_beside(given, came))
    }

    /// `meta` and the narrative, to which a server may add.
    fn kept_beside(self, given: Side<'_>, came: Side<'_>) -> Option<Difference> {
        if self.is_part {
            return None;
        }
        for text in given.named("text") {
            let Some(other) = came.named("text").into_iter().next() else {
                return Some(lost(came, "the narrative is lost"));
            };
            if let Some(difference) = self.nodes(text, other) {
                return Some(difference);
            }
        }
        let metas = came.named("meta");
        for meta in given.named("meta") {
            for name in ["profile", "security", "tag", "extension"] {
                for item in meta.named(name) {
                    let mut others = metas.iter().flat_map(|meta| meta.named(name));
                    if !others.any(|other| self.nodes(item, other).is_none()) {
                        let at = metas.first().copied().unwrap_or(came);
                        return Some(lost(at, "a profile, tag or label of meta is lost"));
                    }
                }
            }
        }
        None
    }

    fn nodes(self, given: Side<'_>, came: Side<'_>) -> Option<Difference> {
        let is_leaf = |side: Side<'_>| side.tree.kind(side.id).is_leaf();
        match (is_leaf(given), is_leaf(came)) {
            (true, true) if self.texts_differ(given, came) => {
                return Some(lost(came, "the value is another"));
            }
            (true, false) if !self.is_part => return Some(lost(came, "the value is lost")),
            _ => {}
        }
        self.children(given, came, &[])
    }

    fn texts_differ(self, given: Side<'_>, came: Side<'_>) -> bool {
        let (a, b) = (given.tree.text(given.id), came.tree.text(came.id));
        if given.tree.kind(given.id) == Kind::Null {
            return came.tree.kind(came.id) != Kind::Null;
        }
        if given.tree.name_text(given.id) != "reference" {
            return a != b;
        }
        let local = |text: &str| text.strip_prefix(self.base).unwrap_or(text).to_owned();
        let meant = self.written.get(&*a).map_or_else(|| local(&a), Clone::clone);
        meant != local(&b)
    }

    fn children(self, given: Side<'_>, came: Side<'_>, apart: &[&str]) -> Option<Difference> {
        for name in given.names().into_iter().filter(|name| !apart.contains(name)) {
            let (wanted, found) = (given.named(name), came.named(name));
            let is_cut = self.is_part && found.is_empty();
            if wanted.len() > found.len() && !is_cut {
                return Some(lost(found.first().copied().unwrap_or(came), "something of it is lost"));
            }
            if let Some(more) = found.get(wanted.len()) {
                return Some(added(*more));
            }
            let mut pairs = wanted.into_iter().zip(found);
            if let Some(difference) = pairs.find_map(|(a, b)| self.nodes(a, b)) {
                return Some(difference);
            }
        }
        let names = given.names();
        let mut more = came.names().into_iter().filter(|name| !names.contains(name) && !apart.contains(name));
        more.next().and_then(|name| came.named(name).first().copied()).map(added)
    }
}

fn lost(at: Side<'_>, what: &'static str) -> Difference {
    Difference { rule: Rule::Kept, span: at.tree.span(at.id), path: at.tree.known_path(at.id), what }
}

fn added(at: Side<'_>) -> Difference {
    let what = "nobody gave this";
    Difference { rule: Rule::Invented, span: at.tree.span(at.id), path: at.tree.known_path(at.id), what }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Schema;
    use crate::tree::fhir::read_json;

    fn compared(given: &str, came: &str, is_part: bool) -> Option<(Rule, String)> {
        let read = |text: &str| {
            let text = format!("{{\"resourceType\":\"Goal\",{text}}}");
            read_json(&text, Schema::r4().names()).unwrap_or_else(|_| Tree::new(Schema::r4().names()))
        };
        let (given, came) = (read(given), read(came));
        let comparison = Comparison { base: "http://h/fhir/", written: &BTreeMap::new(), is_part };
        let difference = comparison.resources((&given, NodeId::ROOT), (&came, NodeId::ROOT));
        difference.map(|it| (it.rule, it.path))
    }

    #[test]
    fn what_a_server_may_add_is_no_difference() {
        let check = |given: &str, came: &str| assert_eq!(compared(given, came, false), None, "{came}");
        let goal = r#""description":{"text":"a"}"#;
        check(goal, &format!("\"id\":\"1\",\"meta\":{{\"versionId\":\"1\"}},{goal}"));
        check(
            &format!("\"meta\":{{\"profile\":[\"p\"]}},{goal}"),
            &format!("\"meta\":{{\"profile\":[\"p\"],\"tag\":[{{\"code\":\"x\"}}]}},{goal}"),
        );
        check(
            r#""subject":{"reference":"Patient/1"}"#,
            r#""subject":{"reference":"http://h/fhir/Patient/1"}"#,
        );
    }

    #[test]
    fn what_is_lost_changed_or_added_is_told_with_its_path() {
        let check = |given: &str, came: &str, rule: Rule, path: &str| {
            assert_eq!(compared(given, came, false), Some((rule, path.to_owned())), "{came}");
        };
        let target = |value: &str| format!("\"target\":[{{\"detailQuantity\":{{\"value\":{value}}}}}]");
        check(&target("1.50"), &target("1.5"), Rule::Kept, "Goal.target[0].detailQuantity.value");
        let note = |texts: &[&str]| {
            let items: Vec<String> = texts.iter().map(|text| format!("{{\"text\":\"{text}\"}}")).collect();
            format!("\"note\":[{}]", items.join(","))
        };
        check(&note(&["a", "b"]), &note(&["b", "a"]), Rule::Kept, "Goal.note[0].text");
        check(&note(&["a", "b"]), &note(&["a"]), Rule::Kept, "Goal.note[0]");
        check(&note(&["a"]), &note(&["a", "b"]), Rule::Invented, "Goal.note[1]");
        check(&note(&["a"]), r#""statusReason":{"text":"x"}"#, Rule::Kept, "Goal");
        check(r#""meta":{"profile":["p"]}"#, r#""meta":{"versionId":"1"}"#, Rule::Kept, "Goal.meta");
        check(
            r#""subject":{"reference":"Patient/1"}"#,
            r#""subject":{"reference":"Patient/2"}"#,
            Rule::Kept,
            "Goal.subject.reference",
        );
    }

    #[test]
    fn a_part_lacks_what_was_not_asked_for() {
        let whole = r#""description":{"text":"a"},"statusReason":"b""#;
        assert_eq!(compared(whole, r#""description":{"text":"a"}"#, true), None);
        let changed = compared(whole, r#""description":{"text":"c"}"#, true);
        assert_eq!(changed, Some((Rule::Kept, "Goal.description.text".to_owned())));
    }
}
