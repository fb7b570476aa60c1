//! A report against its measure: groups, populations, stratifiers and the score.

use super::super::Walk;
use super::super::report::{Fault, Subject};
use super::{Concept, Group, Measure, Scoring, child, named};
use crate::diag::{Code, Message, codes, message};
use crate::fhirpath::Decimal;
use crate::tree::NodeId;

/// What a report is (`MeasureReport.type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    SubjectList,
    DataCollection,
    /// Of one subject, of all of them, or not said.
    Count,
}

/// A report and its measure.
struct Report<'w, 'a, 's, 'm> {
    walk: &'w mut Walk<'a, 's>,
    measure: &'m Measure,
    kind: Kind,
    is_complete: bool,
}

impl Walk<'_, '_> {
    /// Checks a `MeasureReport` against its measure.
    pub(in crate::validate) fn measure_report(&mut self, id: NodeId) {
        let tree = self.tree;
        let Some(node) = child(tree, id, "measure").filter(|node| tree.has_text(*node)) else { return };
        let url = tree.text(node);
        let Some(measure) = self.measure_of(&url) else {
            self.not_checked(Subject::Measure, &url);
            let message = message!("the measure is not at hand, so the report is not held against it");
            return self.tell(Fault::warning(codes::MEASURE_UNKNOWN, node, message));
        };
        let kind = match tree.child_text(id, "type").as_deref() {
            Some("subject-list") => Kind::SubjectList,
            Some("data-collection") => Kind::DataCollection,
            _ => Kind::Count,
        };
        let is_complete = tree.child_text(id, "status").is_some_and(|status| status == "complete");
        Report { walk: self, measure: &measure, kind, is_complete }.check(id);
    }
}

impl Report<'_, '_, '_, '_> {
    fn tell(&mut self, code: &'static Code, node: NodeId, message: Message) {
        self.walk.tell(Fault::error(code, node, message).rule(&*self.measure.url));
    }

    fn check(&mut self, id: NodeId) {
        let (tree, measure) = (self.walk.tree, self.measure);
        let nodes: Vec<NodeId> = named(tree, id, "group").collect();
        // A single group needs no code.
        if let ([node], [group]) = (&nodes[..], &measure.groups[..]) {
            let code = Concept::of(tree, *node);
            if !code.is_empty() && !group.code.is_empty() && !code.is_same(&group.code) {
                self.tell(
                    codes::MEASURE_PART,
                    *node,
                    message!("the code of the group is not that of the measure"),
                );
            }
            return self.group(*node, group);
        }
        let wanted: Vec<&Concept> = measure.groups.iter().map(|group| &group.code).collect();
        let what = message!("group");
        let found = self.parts(&nodes, &wanted, &what);
        for (node, number) in &found {
            if let Some(group) = measure.groups.get(*number) {
                self.group(*node, group);
            }
        }
        if self.kind != Kind::DataCollection {
            self.missing(id, &wanted, &found, &what);
        }
    }

    /// Finds for each part of the report that of the measure, by its code.
    fn parts(&mut self, nodes: &[NodeId], wanted: &[&Concept], what: &Message) -> Vec<(NodeId, usize)> {
        let mut found: Vec<(NodeId, usize)> = Vec::new();
        for node in nodes {
            let code = Concept::of(self.walk.tree, *node);
            if code.is_empty() {
                self.tell(
                    codes::MEASURE_PART,
                    *node,
                    message!("a {what} has the code of one of the measure", what = *what),
                );
                continue;
            }
            match wanted.iter().position(|known| known.is_same(&code)) {
                None => self.tell(
                    codes::MEASURE_PART,
                    *node,
                    message!("the measure has no {what} of this code", what = *what),
                ),
                Some(number) if found.iter().any(|(_, known)| *known == number) => {
                    self.tell(
                        codes::MEASURE_PART,
                        *node,
                        message!("a {what} of this code stands here already", what = *what),
                    );
                }
                Some(number) => found.push((*node, number)),
            }
        }
        found
    }

    /// Tells which parts of the measure the report does not have.
    fn missing(&mut self, at: NodeId, wanted: &[&Concept], found: &[(NodeId, usize)], what: &Message) {
        for (number, concept) in wanted.iter().enumerate() {
            if found.iter().any(|(_, known)| *known == number) || concept.is_observation() {
                continue;
            }
            let name = concept.codings.first().map_or(&*concept.text, |(_, code)| code);
            let message = message!("the {what} `{name}` of the measure is missing", what = *what, name);
            self.tell(codes::MEASURE_MISSING, at, message);
        }
    }

    fn group(&mut self, node: NodeId, group: &Group) {
        let tree = self.walk.tree;
        let populations: Vec<NodeId> = named(tree, node, "population").collect();
        let wanted: Vec<&Concept> = group.populations.iter().collect();
        let what = message!("population");
        let found = self.parts(&populations, &wanted, &what);
        for (population, _) in &found {
            self.population(*population);
        }
        self.missing(node, &wanted, &found, &what);
        self.score(node);
        let stratifiers: Vec<NodeId> = named(tree, node, "stratifier").collect();
        // A stratifier that the measure gives no code cannot be found by one.
        if group.stratifiers.iter().all(|stratifier| !stratifier.is_empty()) {
            let wanted: Vec<&Concept> = group.stratifiers.iter().collect();
            let what = message!("stratifier");
            let found = self.parts(&stratifiers, &wanted, &what);
            self.missing(node, &wanted, &found, &what);
        }
    }

    /// Subjects are listed in a report that is a list of them, as many as are counted.
    fn population(&mut self, node: NodeId) {
        let tree = self.walk.tree;
        let count = child(tree, node, "count").and_then(|count| tree.text(count).parse::<usize>().ok());
        let Some(subjects) = child(tree, node, "subjectResults") else {
            if self.kind == Kind::SubjectList && count.is_some_and(|count| count > 0) {
                self.tell(
                    codes::MEASURE_SUBJECTS,
                    node,
                    message!("a list of subjects is to name those that it counts"),
                );
            }
            return;
        };
        if self.kind != Kind::SubjectList {
            let message = message!("subjects are listed in a report of the type `subject-list` alone");
            return self.tell(codes::MEASURE_SUBJECTS, node, message);
        }
        let list = self.walk.target(subjects).and_then(|target| target.node());
        let list = list.filter(|list| tree.resource_type(*list).is_some_and(|kind| kind == "List"));
        let Some((count, list)) = count.zip(list) else { return };
        let listed = named(tree, list, "entry").count();
        if listed != count {
            let message = message!("{count} subjects are counted, and {listed} listed", count, listed);
            self.tell(codes::MEASURE_SUBJECTS, node, message);
        }
    }

    /// A score is there where the measure is one that gives a score, and is of its form.
    fn score(&mut self, group: NodeId) {
        let tree = self.walk.tree;
        let score = child(tree, group, "measureScore").filter(|score| tree.is_present(*score));
        match (self.kind, self.measure.scoring, score) {
            (Kind::DataCollection, _, Some(score)) => {
                self.tell(codes::MEASURE_SCORE, score, message!("a report that collects data has no score"));
            }
            (_, Scoring::Cohort, Some(score)) => {
                self.tell(
                    codes::MEASURE_SCORE,
                    score,
                    message!("a measure of the scoring `cohort` has no score"),
                );
            }
            (Kind::DataCollection, _, None) | (_, Scoring::Cohort, None) | (_, Scoring::Unknown, _) => {}
            (_, Scoring::Proportion | Scoring::Ratio | Scoring::ContinuousVariable, None) => {
                if self.is_complete {
                    self.tell(
                        codes::MEASURE_SCORE,
                        group,
                        message!("the measure gives a score, and the group has none"),
                    );
                }
            }
            (_, Scoring::Proportion, Some(score)) => self.proportion(score),
            (_, Scoring::Ratio | Scoring::ContinuousVariable, Some(score)) => {
                if child(tree, score, "value").is_none() && child(tree, score, "extension").is_none() {
                    self.tell(codes::MEASURE_SCORE, score, message!("a score has a value"));
                }
            }
        }
    }

    /// The score of a proportion is a number from 0 to 1, without a unit.
    fn proportion(&mut self, score: NodeId) {
        let tree = self.walk.tree;
        for part in ["unit", "system", "code"] {
            if let Some(node) = child(tree, score, part) {
                self.tell(codes::MEASURE_SCORE, node, message!("the score of a proportion has no unit"));
            }
        }
        let Some(value) = child(tree, score, "value").filter(|value| tree.has_text(*value)) else {
            if child(tree, score, "extension").is_none() {
                self.tell(codes::MEASURE_SCORE, score, message!("a score has a value"));
            }
            return;
        };
        let number = Decimal::parse(&tree.text(value));
        if number.is_some_and(|number| number < Decimal::ZERO || number > Decimal::ONE) {
            self.tell(codes::MEASURE_SCORE, value, message!("the score of a proportion is from 0 to 1"));
        }
    }
}
