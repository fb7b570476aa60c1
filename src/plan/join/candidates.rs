//! Plans that may be about one client although nothing official says so: a question to a person, never an answer.

use crate::diag::{Issue, Severity, Span, codes};
use crate::plan::Contribution;
use crate::plan::contribution::make_id;
use crate::plan::decision::{Ground, Statement};
use crate::plan::matching::{Grade, Record};
use crate::plan::person::{Decided, client_print};

/// Contributions whose clients are compared each with each.
const COMPARED_MAX: usize = 200;

/// Two plans that may be about one client.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// What the caller calls the two contributions.
    pub labels: [String; 2],
    /// From 0 to 1, in thousandths.
    pub score: f64,
    /// How sure it is.
    pub grade: Grade,
    grounds: [Ground; 2],
}

impl Candidate {
    /// The name by which people decide on it.
    pub fn id(&self) -> String {
        let [left, right] = &self.grounds;
        make_id(&["candidate", &left.contribution, &right.contribution])
    }

    /// What says that the two are about one client.
    pub fn same(&self) -> Statement {
        Statement::SameClient(self.grounds.to_vec())
    }

    /// What says that they are about two clients.
    pub fn not_same(&self) -> Statement {
        Statement::NotSameClient(self.grounds.to_vec())
    }
}

/// What names a contribution in a decision about its client.
pub fn client_ground(contribution: &Contribution) -> Ground {
    Ground { says: client_print(contribution), ..Ground::contribution(contribution.key()) }
}

/// The pairs of which at least one is not joined, with the likeliest first.
pub(super) fn find(newest: &[&Contribution], left_out: &[usize], decided: &Decided) -> Vec<Candidate> {
    if left_out.is_empty() {
        return Vec::new();
    }
    let records: Vec<Option<Record>> =
        newest.iter().take(COMPARED_MAX).map(|contribution| Record::of_client(contribution)).collect();
    let mut found = Vec::new();
    for (at, left) in records.iter().enumerate() {
        for (other, right) in records.iter().enumerate().skip(at + 1) {
            let open = left_out.contains(&at) || left_out.contains(&other);
            let (Some(left), Some(right)) = (left, right) else { continue };
            if !open || decided.parts(at, other) || decided.joins(at, other) {
                continue;
            }
            let score = left.score(right);
            let Some(grade) = score.grade.filter(|grade| *grade != Grade::CertainlyNot) else { continue };
            let pair = [newest[at], newest[other]];
            found.push(Candidate {
                labels: pair.map(|contribution| contribution.label.clone()),
                score: score.score,
                grade,
                grounds: pair.map(client_ground),
            });
        }
    }
    found.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.grounds.cmp(&b.grounds)));
    found
}

/// The candidates as issues for people.
pub(super) fn issues(found: &[Candidate]) -> Vec<Issue> {
    let issue = |candidate: &Candidate| {
        let [left, right] = &candidate.labels;
        let (grade, score) = (candidate.grade.as_str(), candidate.score);
        let message = format!("that `{left}` and `{right}` are about one client is {grade} (score {score})");
        let issue = Issue::new(codes::POSSIBLE_CLIENT, Severity::Information, Span::default(), message);
        issue.at(candidate.labels.join(", "))
    };
    found.iter().map(issue).collect()
}
