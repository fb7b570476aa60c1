//! What the joined plan was on a day.
//!
//! A version of a unit's plan counts from the day that its source gave it, as the source wrote that day; when it
//! arrived plays no part. A version without a day of its own is no older than the versions that its source counts
//! before it, and counts from the latest of their days on. Where there are none it counts on every day, which is
//! said: leaving it out would hide a plan that may have been in force.

use super::identity::Date;
use super::join::{Joined, join, parts};
use super::{Contribution, Decision};
use crate::diag::{Issue, Severity, Span, codes};
use std::collections::BTreeSet;

/// The joined plan as it was at the end of a day, from what the sources had written, and people decided, by then.
///
/// A pure function: the same contributions and day give the same plan, whatever came later.
pub fn as_of(contributions: &[Contribution], decisions: &[Decision], day: Date) -> Joined {
    let (there, decisions, issues) = until(contributions, decisions, day);
    let mut joined = join(&there, &decisions);
    joined.issues.extend(issues);
    joined
}

/// What the sources had written, and people decided, by the end of a day; and which sources do not say when.
pub fn until(
    contributions: &[Contribution],
    decisions: &[Decision],
    day: Date,
) -> (Vec<Contribution>, Vec<Decision>, Vec<Issue>) {
    let parts: Vec<Contribution> =
        contributions.iter().flat_map(parts).map(std::borrow::Cow::into_owned).collect();
    let first_days: Vec<Option<Date>> = parts.iter().map(|part| first_day(part, &parts)).collect();
    let undated: BTreeSet<&str> = parts
        .iter()
        .zip(&first_days)
        .filter(|(_, first)| first.is_none())
        .map(|(part, _)| part.label.as_str())
        .collect();
    let issues: Vec<Issue> = undated.into_iter().map(no_day).collect();
    let there = |first: &Option<Date>| first.is_none_or(|first| first <= day);
    let there: Vec<Contribution> = parts
        .iter()
        .zip(&first_days)
        .filter(|(_, first)| there(first))
        .map(|(part, _)| part.clone())
        .collect();
    // A decision without a day, given beside the documents, holds whenever they do.
    let made = |decision: &&Decision| Date::first_of(decision.time()).is_none_or(|made| made <= day);
    let decisions: Vec<Decision> = decisions.iter().filter(made).cloned().collect();
    (there, decisions, issues)
}

/// The days on which the joined plan may have changed, in order.
pub fn days(contributions: &[Contribution]) -> Vec<Date> {
    let parts = contributions.iter().flat_map(parts);
    let days: BTreeSet<Date> = parts.filter_map(|part| stated_day(&part)).collect();
    days.into_iter().collect()
}

/// The day from which on a version counts.
fn first_day(version: &Contribution, all: &[Contribution]) -> Option<Date> {
    stated_day(version).or_else(|| {
        let number = version.version?;
        let before = all.iter().filter(|other| {
            other.unit == version.unit
                && other.plan_key == version.plan_key
                && other.version.is_some_and(|other| other < number)
        });
        before.filter_map(stated_day).max()
    })
}

/// The day that the source gave; of a month or a year the first.
fn stated_day(contribution: &Contribution) -> Option<Date> {
    Date::first_of(contribution.time.as_deref()?)
}

fn no_day(label: &str) -> Issue {
    let message = format!("`{label}` does not say when it was made");
    let mut issue = Issue::warning(codes::NO_DAY, Span::default(), message).at(label.to_owned());
    issue.severity = Severity::Information;
    issue
}
