//! Which versions of the documents an edited plan was given out from. The plan says so itself, by the hashes in its
//! Provenance; of a view these are made of what is seen alone. A version that is stored is found by its hash, so that an
//! edit of an older plan can be held against both what was and what is.

use super::bundle::is_of_version;
use super::gathering::{Known, Origin};
use super::{Asked, Version, grants_of, now};
use crate::diag::{Issue, Span, codes};
use crate::exchange::write_back::Original;
use crate::plan::Contribution;
use crate::plan::split::Seen;
use crate::server::Server;
use crate::server::caller::Caller;
use crate::server::refusal::{Outcome, Refusal, Why};
use crate::store::{Expect, Name, Store};

/// Older versions that are tried, of all documents together.
const TRIED_MAX: usize = 200;

/// The places of the versions of one document among what is known: now, and when the plan was given out.
#[derive(Debug, Clone, Copy)]
pub(in crate::server) struct Base {
    now: usize,
    was: Option<usize>,
}

/// One document, now and when the plan was given out.
#[derive(Debug)]
pub(in crate::server) struct Document {
    pub(in crate::server) origin: Origin,
    pub(in crate::server) original: Original,
    pub(in crate::server) now: Contribution,
    pub(in crate::server) was: Option<Contribution>,
}

impl Document {
    /// That it is still so.
    pub(in crate::server) fn expects(&self) -> Vec<Expect> {
        match &self.origin {
            Origin::Document(Version { id, stored, .. }) => {
                vec![Expect::Version(Name::new("DocumentReference", id), Some(*stored))]
            }
            Origin::Records(records) => {
                let expect = |(name, version): &(Name, u64)| Expect::Version(name.clone(), Some(*version));
                records.names.iter().map(expect).collect()
            }
        }
    }
}

/// The documents of a plan that was made of these versions; those that were there then come first.
pub(in crate::server) fn base_of(known: &Known, asked: &Asked, versions: &str) -> Outcome<Vec<Base>> {
    let current: Vec<usize> = (0..known.origins.len()).filter(|at| is_current(&known.origins[*at])).collect();
    let all: Vec<Contribution> = current.iter().map(|at| known.contributions[*at].clone()).collect();
    let hashes = hashes(asked, known, &all)?;
    let mut tried = 0;
    let (mut there, mut new) = (Vec::new(), Vec::new());
    let mut matched = Vec::new();
    for (place, now) in current.iter().copied().enumerate() {
        let fits = |hash: &Option<String>| hash.as_ref().is_some_and(|hash| is_of_version(versions, hash));
        let is_hidden = asked.request.is_some() && hashes[place].is_none();
        if fits(&hashes[place]) || is_hidden {
            matched.extend(hashes[place].clone());
            there.push(Base { now, was: Some(now) });
            continue;
        }
        let mut found = None;
        for older in older(known, now) {
            tried += 1;
            if tried > TRIED_MAX {
                break;
            }
            let mut then = all.clone();
            then[place] = relabelled(&known.contributions[older], &all[place].label);
            let hash = self::hashes(asked, known, &then)?.get(place).cloned().flatten();
            if fits(&hash) {
                matched.extend(hash);
                found = Some(older);
                break;
            }
        }
        match found {
            Some(was) => there.push(Base { now, was: Some(was) }),
            None => new.push(Base { now, was: None }),
        }
    }
    let is_found = |short: &str| matched.iter().any(|hash| hash.starts_with(short));
    if !versions.split('-').all(is_found) {
        let message = "the edit is of versions that are not stored here, or of another view";
        let issue = Issue::error(codes::STALE_VIEW, Span::default(), message);
        return Err(Refusal::issue(Why::EditRefused, issue.with_help("read the plan again"), ""));
    }
    there.extend(new);
    Ok(there)
}

impl<S: Store> Server<S> {
    /// The documents themselves.
    pub(in crate::server) async fn documents(
        &self,
        caller: &Caller,
        known: &Known,
        base: &[Base],
    ) -> Outcome<Vec<Document>> {
        let mut documents = Vec::new();
        for Base { now, was } in base {
            let (origin, contribution) = (known.origins[*now].clone(), known.contributions[*now].clone());
            let original = match &origin {
                Origin::Document(version) => self.taken(caller, version).await?.original,
                Origin::Records(_) => self.original_of_records(caller, &contribution.label).await?,
            };
            let was = was.map(|was| relabelled(&known.contributions[was], &contribution.label));
            documents.push(Document { origin, original, now: contribution, was });
        }
        Ok(documents)
    }
}

/// What the documents are called is the same for both.
fn relabelled(contribution: &Contribution, label: &str) -> Contribution {
    let mut named = contribution.clone();
    label.clone_into(&mut named.label);
    named
}

fn is_current(origin: &Origin) -> bool {
    match origin {
        Origin::Document(version) => version.is_current,
        Origin::Records(_) => true,
    }
}

/// The places of the other versions of a document, the latest first.
fn older(known: &Known, now: usize) -> Vec<usize> {
    let Origin::Document(current) = &known.origins[now] else { return Vec::new() };
    let mut found: Vec<(String, usize)> = known
        .origins
        .iter()
        .enumerate()
        .filter_map(|(at, origin)| match origin {
            Origin::Document(version) if version.series == current.series && at != now => {
                Some((version.received.clone(), at))
            }
            Origin::Document(_) | Origin::Records(_) => None,
        })
        .collect();
    found.sort();
    found.into_iter().rev().map(|(_, at)| at).collect()
}

/// The hash by which a plan that is made of contributions tells of each; nothing of one that is not seen.
fn hashes(asked: &Asked, known: &Known, contributions: &[Contribution]) -> Outcome<Vec<Option<String>>> {
    let Some(request) = &asked.request else {
        return Ok(contributions.iter().map(|contribution| contribution.document_hash.clone()).collect());
    };
    let grants = grants_of(contributions);
    let seen = Seen::new(contributions, &known.decisions, request, &grants, &asked.policy, now()?);
    Ok((0..contributions.len()).map(|place| seen.hash(place).map(str::to_owned)).collect())
}
