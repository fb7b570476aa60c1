//! Write-back of a view: its requester changes what they see of their own documents, and proposes the rest.
//!
//! A view is made again from what it was made of and split like a joined plan, but against the contributions as far as
//! they are seen. So what is withheld takes no part: it stays where it is in its document, and no answer is made of it.
//! Where the policy may withhold something of a contribution, an edit that might meet it is refused whether it does or
//! not.

use super::owner::Owner;
use super::{Conflict, Editor, Given, SourceEdit, Split, rebase};
use crate::diag::Redacted;
use crate::plan::permission::{Answer, Capacity, Moment, Request};
use crate::plan::policy::Policy;
use crate::plan::view::{Right, View, view_with_parts};
use crate::plan::{Contribution, Decision};
use crate::tree::Tree;

/// A view with what it was made of.
pub struct Seen<'a> {
    /// What the requester was given.
    pub view: View,
    /// What is seen of each contribution of which anything is.
    parts: Vec<Contribution>,
    rights: Vec<Right>,
    /// The contribution of each part.
    whole: Vec<&'a Contribution>,
    /// The place of each among the contributions that were given.
    places: Vec<usize>,
}

impl<'a> Seen<'a> {
    /// The view of contributions; the arguments are those of [`crate::plan::view::view()`]. Each contribution needs a
    /// label of its own.
    pub fn new(
        contributions: &'a [Contribution],
        decisions: &[Decision],
        request: &Request,
        answer: &Answer,
        policy: &Policy,
        now: Moment,
    ) -> Self {
        let (view, seen) = view_with_parts(contributions, decisions, request, answer, policy, now);
        let mut new =
            Self { view, parts: Vec::new(), rights: Vec::new(), whole: Vec::new(), places: Vec::new() };
        for part in seen {
            let is_whole = |from: &Contribution| {
                from.label == part.contribution.label && from.unit == part.contribution.unit
            };
            let Some(place) = contributions.iter().position(is_whole) else { continue };
            new.parts.push(part.contribution);
            new.rights.push(part.right);
            new.whole.extend(contributions.get(place));
            new.places.push(place);
        }
        new
    }

    /// What was given out, without anything that is withheld.
    pub fn given(&self) -> Given<'_> {
        Given { joined: &self.view.joined, contributions: &self.parts }
    }

    /// True where all of the contribution at a place is seen, whatever it holds: only then may its requester be told of
    /// the document more than what they see.
    pub fn shows_all_of(&self, place: usize) -> bool {
        self.part(place).is_some_and(|part| matches!(self.rights.get(part), Some(Right::Whole)))
    }

    /// The hash by which the view tells of the contribution at a place; nothing of one that is not seen.
    pub fn hash(&self, place: usize) -> Option<&str> {
        self.parts.get(self.part(place)?)?.document_hash.as_deref()
    }

    /// Splits an edit of the view, as [`super::split()`] does of the joined plan. [`SourceEdit::contribution`] and
    /// [`super::New::home`] are places among the contributions that the view was made of.
    pub fn split(&self, edited: &Tree) -> Split {
        let mut owner = Owner::new(self.given(), edited, self.rights.clone(), Some(&self.whole));
        owner.run();
        let mut split = owner.finish();
        let place = |part: usize| self.places.get(part).copied();
        split.edits.retain_mut(|edit| {
            let found = place(edit.contribution);
            edit.contribution = found.unwrap_or(edit.contribution);
            found.is_some()
        });
        for new in &mut split.new {
            new.home = new.home.and_then(place);
        }
        split
    }

    /// An edit on the contributions of now, as far as the same requester sees them now, and what the unit has changed
    /// too.
    pub fn rebase(&self, edit: SourceEdit, now: &Seen<'_>) -> (SourceEdit, Vec<Conflict>) {
        let place = edit.contribution;
        let base = self.part(place).and_then(|at| self.parts.get(at));
        let Some(base) = base else { return (edit, Vec::new()) };
        let theirs = now.part(place).and_then(|at| now.parts.get(at));
        let Some(theirs) = theirs else {
            let rest = SourceEdit { contribution: place, operations: Vec::new() };
            return (rest, edit.unseen(&base.label));
        };
        let (operations, conflicts) = rebase::rebase(edit.operations, base, theirs);
        (SourceEdit { contribution: place, operations }, conflicts)
    }

    fn part(&self, place: usize) -> Option<usize> {
        self.places.iter().position(|other| *other == place)
    }
}

impl Editor {
    /// Who edits a view: its requester.
    pub fn of(request: &Request, name: &str) -> Self {
        let requester = &request.requester;
        let sector = match requester.capacity {
            Capacity::Professional(sector) => Some(sector),
            Capacity::Client | Capacity::Guardian | Capacity::Service => None,
        };
        Self {
            unit: None,
            sector,
            custodian: requester.organisations.first().cloned(),
            name: Redacted::new(name.to_owned()),
            role: requester.role.clone().unwrap_or_default(),
        }
    }
}
