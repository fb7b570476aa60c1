//! Measures, and reports held against them (FHIR R4, `Measure` and `MeasureReport`).

mod report;

use super::Walk;
use super::report::Fault;
use crate::diag::{codes, message};
use crate::tree::{Name, NodeId, Tree};

const SCORING: &str = "http://terminology.hl7.org/CodeSystem/measure-scoring";
const POPULATION: &str = "http://terminology.hl7.org/CodeSystem/measure-population";

/// What a measure asks its reports for.
#[derive(Debug)]
pub(super) struct Measure {
    pub(super) url: Box<str>,
    scoring: Scoring,
    groups: Vec<Group>,
}

/// How a score is made (`measure-scoring`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scoring {
    Proportion,
    Ratio,
    ContinuousVariable,
    Cohort,
    /// None, or one that R4 does not have.
    Unknown,
}

/// A group of a measure.
#[derive(Debug)]
struct Group {
    code: Concept,
    populations: Vec<Concept>,
    stratifiers: Vec<Concept>,
}

/// A concept by which parts of a report find their parts of the measure.
#[derive(Debug, Default)]
struct Concept {
    /// System and code.
    codings: Vec<(Box<str>, Box<str>)>,
    text: Box<str>,
}

impl Measure {
    /// Reads the `Measure` at a node.
    pub(super) fn read(tree: &Tree, id: NodeId) -> Self {
        let scoring = child(tree, id, "scoring").map(|node| Concept::read(tree, node)).unwrap_or_default();
        let code = scoring.codings.iter().find(|(system, _)| **system == *SCORING);
        Self {
            url: tree.child_text(id, "url").map(Into::into).unwrap_or_default(),
            scoring: code.map_or(Scoring::Unknown, |(_, code)| Scoring::named(code)),
            groups: named(tree, id, "group").map(|node| Group::read(tree, node)).collect(),
        }
    }
}

impl Scoring {
    fn named(code: &str) -> Self {
        match code {
            "proportion" => Self::Proportion,
            "ratio" => Self::Ratio,
            "continuous-variable" => Self::ContinuousVariable,
            "cohort" => Self::Cohort,
            _ => Self::Unknown,
        }
    }
}

impl Group {
    fn read(tree: &Tree, id: NodeId) -> Self {
        let all = |name: &str| named(tree, id, name).map(|node| Concept::of(tree, node)).collect();
        Self { code: Concept::of(tree, id), populations: all("population"), stratifiers: all("stratifier") }
    }
}

impl Concept {
    fn read(tree: &Tree, id: NodeId) -> Self {
        let coding = |node: NodeId| {
            let part = |name: &str| tree.child_text(node, name).map(Into::into).unwrap_or_default();
            (part("system"), part("code"))
        };
        Self {
            codings: named(tree, id, "coding").map(coding).collect(),
            text: tree.child_text(id, "text").map(Into::into).unwrap_or_default(),
        }
    }

    /// What the `code` of a part says; of several all of them.
    fn of(tree: &Tree, part: NodeId) -> Self {
        let mut whole = Self::default();
        for concept in named(tree, part, "code").map(|node| Self::read(tree, node)) {
            whole.codings.extend(concept.codings);
            if whole.text.is_empty() {
                whole.text = concept.text;
            }
        }
        whole
    }

    fn is_empty(&self) -> bool {
        self.codings.is_empty() && self.text.is_empty()
    }

    /// True where the two share a code; of two without codes, where they have the same text.
    fn is_same(&self, other: &Self) -> bool {
        if self.codings.is_empty() && other.codings.is_empty() {
            return !self.text.is_empty() && self.text == other.text;
        }
        self.codings.iter().any(|(system, code)| {
            !code.is_empty() && other.codings.iter().any(|(theirs, known)| system == theirs && code == known)
        })
    }

    /// True for a concept that is counted in observations, which a report need not show.
    fn is_observation(&self) -> bool {
        self.codings.iter().any(|(system, code)| **system == *POPULATION && **code == *"measure-observation")
    }
}

fn child(tree: &Tree, id: NodeId, name: &str) -> Option<NodeId> {
    tree.child_str(id, name)
}

fn named<'t>(tree: &'t Tree, id: NodeId, name: &str) -> impl Iterator<Item = NodeId> + use<'t> {
    let name = tree.names().get(name).unwrap_or(Name::NONE);
    tree.children_named(id, name).filter(|node| tree.is_present(*node))
}

impl Walk<'_, '_> {
    /// Checks a `Measure` beyond its invariants: criteria that name an expression in CQL need the library it stands in.
    /// Criteria of `text/cql` are the expression itself.
    pub(super) fn measure(&mut self, id: NodeId) {
        let tree = self.tree;
        if named(tree, id, "library").next().is_some() {
            return;
        }
        let name = tree.names().get("criteria").unwrap_or(Name::NONE);
        let criteria: Vec<NodeId> = tree.descend(id).filter(|node| tree.name(*node) == name).collect();
        for node in criteria {
            let language = tree.child_text(node, "language").unwrap_or_default();
            if matches!(&*language, "text/cql.identifier" | "text/cql-identifier") {
                let message =
                    message!("the criteria name an expression of a library, and the measure has none");
                self.tell(Fault::error(codes::MEASURE_LIBRARY, node, message));
            }
        }
    }
}
