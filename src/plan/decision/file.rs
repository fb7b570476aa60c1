//! Decisions as text: one JSON object each, in a list or one a line, so that a log can be added to.

use super::{Decider, Decision, Ground, Statement};
use crate::diag::{Issue, Span, codes, nearest};
use crate::mapping::units::schema;
use crate::tree::{Flags, Kind, NodeId, Tree, json, to_u32};
use serde::Serialize;

/// Decisions of one file.
const DECISIONS_MAX: usize = 100_000;
/// Issues of one file that are told.
const ISSUES_MAX: usize = 100;

/// What each kind of statement has beside what all decisions have.
const KINDS: &[(&str, &[&str])] = &[
    ("same-client", &["contributions"]),
    ("not-same-client", &["contributions"]),
    ("same-resource", &["resources"]),
    ("not-same-resource", &["resources"]),
    ("value", &["element", "right", "others"]),
    ("coordinator", &["who"]),
    ("revoke", &["revokes"]),
];
/// What all decisions have.
const COMMON: &[&str] = &["id", "decision", "by", "time", "reason"];
const DECIDER: &[&str] = &["name", "role", "organisation"];
const GROUND: &[&str] = &["contribution", "resource", "says"];

/// Reads a file of decisions: a JSON list of them, one, or one on each line.
///
/// # Errors
/// What is not JSON, what no decision has, what is missing, each with its place; an id that does not belong to what the
/// decision says, for then somebody has changed it.
pub fn read(text: &str) -> Result<Vec<Decision>, Vec<Issue>> {
    let (mut found, mut issues) = (Vec::new(), Vec::new());
    for (offset, part) in parts(text) {
        match json::read(part, schema().names()) {
            Ok(tree) => Reader { tree: &tree, offset, issues: &mut issues }.all(&mut found),
            Err(issue) => issues.push(Issue { span: moved(issue.span, offset), ..*issue }),
        }
        if issues.len() >= ISSUES_MAX {
            break;
        }
        if found.len() > DECISIONS_MAX {
            let message = format!("it has over {DECISIONS_MAX} decisions");
            issues.push(Issue::error(codes::DECISION_FORM, Span::default(), message));
            break;
        }
    }
    if issues.is_empty() { Ok(found) } else { Err(issues) }
}

/// The texts that are JSON each, with the place where they start.
fn parts(text: &str) -> Vec<(usize, &str)> {
    let first = text.trim_start_matches('\u{feff}').trim_start().lines().next().unwrap_or("").trim_end();
    // A log has a whole object on its first line; anything else is one JSON text.
    if !(first.starts_with('{') && first.ends_with('}')) {
        return if first.is_empty() { Vec::new() } else { vec![(0, text)] };
    }
    let mut at = 0;
    let mut found = Vec::new();
    for line in text.split_inclusive('\n') {
        if !line.trim_matches('\u{feff}').trim().is_empty() {
            found.push((at, line));
        }
        at += line.len();
    }
    found
}

fn moved(span: Span, offset: usize) -> Span {
    let offset = to_u32(offset);
    Span::new(span.start.saturating_add(offset), span.end.saturating_add(offset))
}

struct Reader<'a> {
    tree: &'a Tree,
    offset: usize,
    issues: &'a mut Vec<Issue>,
}

impl Reader<'_> {
    fn all(&mut self, found: &mut Vec<Decision>) {
        let tree = self.tree;
        if tree.kind(NodeId::ROOT) == Kind::Object && !tree.flags(NodeId::ROOT).has(Flags::LIST) {
            found.extend(self.decision(NodeId::ROOT));
            return;
        }
        for item in tree.children(NodeId::ROOT) {
            found.extend(self.decision(item));
        }
    }

    fn decision(&mut self, node: NodeId) -> Option<Decision> {
        if self.tree.kind(node) != Kind::Object {
            self.refuse(node, "a decision is a JSON object", None);
            return None;
        }
        let before = self.issues.len();
        let kind = self.required(node, "decision")?;
        let Some((_, own)) = KINDS.iter().find(|(known, _)| *known == kind) else {
            let place = self.tree.child_str(node, "decision").unwrap_or(node);
            let meant = nearest(&kind, KINDS.iter().map(|(known, _)| *known));
            self.refuse(place, "there is no such kind of decision", meant);
            return None;
        };
        self.only(node, &[COMMON, own]);
        let statement = self.statement(node, &kind);
        let by = self.decider(node);
        let (time, reason) = (self.required(node, "time"), self.required(node, "reason"));
        let (statement, by, time, reason) = (statement?, by?, time?, reason?);
        if self.issues.len() > before {
            return None;
        }
        match Decision::new(statement, by, time, reason) {
            Ok(made) => {
                let stated = self.tree.child_str(node, "id");
                if let Some(place) = stated.filter(|id| self.tree.text(*id) != made.id()) {
                    let message = "the id does not belong to what the decision says: somebody has changed it";
                    self.refuse(place, message, None);
                }
                Some(made)
            }
            Err(fault) => {
                self.refuse(node, &fault.to_string(), None);
                None
            }
        }
    }

    fn statement(&mut self, node: NodeId, kind: &str) -> Option<Statement> {
        Some(match kind {
            "same-client" => Statement::SameClient(self.grounds(node, "contributions")?),
            "not-same-client" => Statement::NotSameClient(self.grounds(node, "contributions")?),
            "same-resource" => Statement::SameResource(self.grounds(node, "resources")?),
            "not-same-resource" => Statement::NotSameResource(self.grounds(node, "resources")?),
            "value" => Statement::Value {
                element: self.required(node, "element")?,
                right: self.ground_at(node, "right")?,
                others: self.grounds(node, "others")?,
            },
            "coordinator" => Statement::Coordinator(self.ground_at(node, "who")?),
            _ => Statement::Revoke(self.required(node, "revokes")?),
        })
    }

    fn decider(&mut self, node: NodeId) -> Option<Decider> {
        let by = self.child(node, "by")?;
        self.only(by, &[DECIDER]);
        let name = self.required(by, "name")?;
        Some(Decider {
            name,
            role: self.optional(by, "role"),
            organisation: self.optional(by, "organisation"),
        })
    }

    fn grounds(&mut self, node: NodeId, name: &str) -> Option<Vec<Ground>> {
        self.child(node, name)?;
        let tree = self.tree;
        let items: Vec<NodeId> = tree.children(node).filter(|child| tree.name_text(*child) == name).collect();
        items.into_iter().map(|item| self.ground(item)).collect()
    }

    fn ground_at(&mut self, node: NodeId, name: &str) -> Option<Ground> {
        let child = self.child(node, name)?;
        self.ground(child)
    }

    fn ground(&mut self, node: NodeId) -> Option<Ground> {
        if self.tree.kind(node) != Kind::Object {
            self.refuse(node, "what a decision is about is an object with its `contribution`", None);
            return None;
        }
        self.only(node, &[GROUND]);
        let contribution = self.required(node, "contribution")?;
        let (resource, says) = (self.optional(node, "resource"), self.optional(node, "says"));
        Some(Ground { contribution, resource, says })
    }

    fn child(&mut self, node: NodeId, name: &str) -> Option<NodeId> {
        let child = self.tree.child_str(node, name);
        if child.is_none() {
            self.refuse(node, &format!("`{name}` is missing"), None);
        }
        child
    }

    fn required(&mut self, node: NodeId, name: &str) -> Option<String> {
        let child = self.child(node, name)?;
        if self.tree.kind(child) != Kind::Str {
            self.refuse(child, &format!("`{name}` is a text"), None);
            return None;
        }
        Some(self.tree.text(child).into_owned())
    }

    fn optional(&mut self, node: NodeId, name: &str) -> String {
        if self.tree.child_str(node, name).is_some() {
            return self.required(node, name).unwrap_or_default();
        }
        String::new()
    }

    /// Names what no decision of this kind has.
    fn only(&mut self, node: NodeId, known: &[&[&str]]) {
        let tree = self.tree;
        for child in tree.children(node) {
            let name = tree.name_text(child);
            if !known.iter().any(|names| names.contains(&name)) {
                let meant = nearest(name, known.iter().flat_map(|names| names.iter().copied()));
                self.refuse(child, "no such field belongs here", meant);
            }
        }
    }

    fn refuse(&mut self, node: NodeId, message: &str, meant: Option<&str>) {
        let span = moved(self.tree.span(node), self.offset);
        let issue = Issue::error(codes::DECISION_FORM, span, message);
        self.issues.push(match meant {
            Some(meant) => issue.with_help(format!("did you mean `{meant}`?")),
            None => issue,
        });
    }
}

/// A decision as one line of JSON, without the end of the line.
pub fn to_line(decision: &Decision) -> String {
    serde_json::to_string(&Line::of(decision)).unwrap_or_default()
}

#[derive(Serialize)]
struct Line<'a> {
    id: &'a str,
    decision: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    contributions: Vec<Named<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    resources: Vec<Named<'a>>,
    #[serde(skip_serializing_if = "str::is_empty")]
    element: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    right: Option<Named<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    others: Vec<Named<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    who: Option<Named<'a>>,
    #[serde(skip_serializing_if = "str::is_empty")]
    revokes: &'a str,
    by: By<'a>,
    time: &'a str,
    reason: &'a str,
}

#[derive(Serialize)]
struct Named<'a> {
    contribution: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    resource: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    says: &'a str,
}

#[derive(Serialize)]
struct By<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    role: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    organisation: &'a str,
}

impl<'a> Line<'a> {
    fn of(decision: &'a Decision) -> Self {
        let by = decision.by();
        let mut line = Self {
            id: decision.id(),
            decision: decision.statement().as_str(),
            contributions: Vec::new(),
            resources: Vec::new(),
            element: "",
            right: None,
            others: Vec::new(),
            who: None,
            revokes: "",
            by: By { name: &by.name, role: &by.role, organisation: &by.organisation },
            time: decision.time(),
            reason: decision.reason(),
        };
        match decision.statement() {
            Statement::SameClient(all) | Statement::NotSameClient(all) => line.contributions = named(all),
            Statement::SameResource(all) | Statement::NotSameResource(all) => line.resources = named(all),
            Statement::Value { element, right, others } => {
                line.element = element;
                line.right = Some(Named::of(right));
                line.others = named(others);
            }
            Statement::Coordinator(who) => line.who = Some(Named::of(who)),
            Statement::Revoke(id) => line.revokes = id,
        }
        line
    }
}

impl<'a> Named<'a> {
    fn of(ground: &'a Ground) -> Self {
        Self { contribution: &ground.contribution, resource: &ground.resource, says: &ground.says }
    }
}

fn named(all: &[Ground]) -> Vec<Named<'_>> {
    all.iter().map(Named::of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::LineIndex;

    /// The decisions that a text gives again as lines, or each fault as `line:column message help`.
    fn check(text: &str, expected: &[&str]) {
        let told: Vec<String> = match read(text) {
            Ok(decisions) => decisions.iter().map(to_line).collect(),
            Err(issues) => {
                let lines = LineIndex::new(text);
                let place = |issue: &Issue| lines.place(issue.span.start);
                issues
                    .iter()
                    .map(|issue| {
                        let (at, help) = (place(issue), issue.advice().to_owned());
                        format!("{}:{} {} {help}", at.line, at.column, issue.message)
                    })
                    .collect()
            }
        };
        let starts = told.iter().zip(expected).all(|(told, expected)| told.starts_with(expected));
        assert!(told.len() == expected.len() && starts, "{told:#?}");
    }

    const SAME: &str = r#""decision":"same-client","contributions":[{"contribution":"a"},{"contribution":"b"}],"by":{"name":"N","role":"R"},"time":"2026-03-14T10:30:00+02:00","reason":"because"}"#;

    #[test]
    fn a_decision_reads_back_as_it_was_written_in_every_form() {
        let first = format!("{{{SAME}");
        let Ok(read_back) = read(&first) else { return check(&first, &["{"]) };
        let line = to_line(&read_back[0]);
        assert!(line.starts_with("{\"id\":\"") && line.ends_with(SAME), "{line}");
        check(&line, &[&line]);
        check(&format!("\u{feff}{line}\n\n{line}\n"), &[&line, &line]);
        check(&format!("[{line},\n {first}]"), &[&line, &line]);
        check("", &[]);
        check("[]", &[]);
    }

    #[test]
    fn faults_have_a_place_and_a_suggestion() {
        let line = format!("{{{SAME}");
        check(
            &format!("{line}\n{}\n", line.replace("same-client", "same-cleint")),
            &["2:13 there is no such kind of decision did you mean `same-client`?"],
        );
        check(
            &line.replace("\"reason\"", "\"raeson\""),
            &["1:160 no such field belongs here did you mean `reason`?", "1:1 `reason` is missing"],
        );
        check(&line.replace("+02:00", ""), &["1:1 a decision needs its time to the second"]);
        check(&line.replace("\"N\"", "\" \""), &["1:1 a decision needs the name"]);
        check(&line.replace("\"N\"", "7"), &["1:"]);
        check(&line.replace("\"b\"", "\"a\""), &["1:1 a decision about several names"]);
        check(&format!("{line}\n{{\"decision\":]}}"), &["2:"]);
        let Ok(known) = read(&line) else { return check(&line, &["{"]) };
        check(&to_line(&known[0]).replace("because", "since"), &["1:"]);
    }
}
