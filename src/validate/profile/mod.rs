//! Profiles: what they demand beyond the type they constrain, and whether data have it.
//!
//! A profile is compiled to a *difference*: rules that the type itself does not have. Parts of the data that the
//! difference says nothing about are not visited.

mod compile;
mod content;
mod path;
mod slicing;
mod value;

pub(super) use compile::Profiles;

use super::Walk;
use super::report::{Fault, Subject};
use crate::diag::{Message, codes, message};
use crate::schema::TypeInfo;
use crate::tree::NodeId;
use crate::tree::fhir::TypeId;
use std::collections::HashMap;

/// Profiles within profiles are followed this deep.
const DEPTH_MAX: usize = 64;
/// Nodes that are held against a profile in one document. References in a circle could ask for far more.
const CHECKS_MAX: usize = 200_000;

/// Where the checks of profiles stand.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// The checks that are going on, the outermost first.
    open: Vec<(NodeId, TypeId)>,
    /// The outermost of them that something was taken to fit because of.
    assumed: Option<usize>,
    /// What is known of nodes and profiles.
    known: HashMap<(NodeId, TypeId), bool>,
    /// What fits if the open check with this number does, and in which order that was found.
    provided: HashMap<(NodeId, TypeId), usize>,
    found: Vec<(NodeId, TypeId)>,
    checks: usize,
}

impl Progress {
    /// Whether a node fits a profile, as far as that is known; what it is taken for granted with counts as assumed.
    fn fits(&mut self, key: (NodeId, TypeId)) -> Option<bool> {
        if let Some(known) = self.known.get(&key) {
            return Some(*known);
        }
        let at = *self.provided.get(&key)?;
        self.assume(at);
        Some(true)
    }

    /// Something fits only if the open check with this number does.
    fn assume(&mut self, at: usize) {
        self.assumed = Some(self.assumed.map_or(at, |assumed| assumed.min(at)));
    }

    /// Ends the innermost check. What was found since it began is known where it fits by itself, still provided where
    /// it leans on a check further out, and nothing where it does not fit: that may have leaned on it.
    fn end(&mut self, fits: bool, outer: Option<usize>, found_before: usize) {
        let Some(key) = self.open.pop() else { return };
        let leans_on = self.assumed.filter(|assumed| *assumed < self.open.len());
        match (fits, leans_on) {
            (false, _) => {
                for found in self.found.drain(found_before..) {
                    self.provided.remove(&found);
                }
            }
            (true, None) => {
                for found in self.found.drain(found_before..) {
                    self.provided.remove(&found);
                    self.known.insert(found, true);
                }
                self.known.insert(key, true);
            }
            (true, Some(at)) => {
                self.found.push(key);
                self.provided.insert(key, at);
                for found in self.found.get(found_before..).unwrap_or_default() {
                    self.provided.entry(*found).and_modify(|assumed| *assumed = at.min(*assumed));
                }
            }
        }
        self.assumed = outer;
        if let Some(at) = leans_on {
            self.assume(at);
        }
    }
}

impl Walk<'_, '_> {
    /// Checks the resource at a node against the profiles that it names and those that the caller asks for.
    pub(super) fn profiles_of(&mut self, id: NodeId, ty: TypeId) {
        let tree = self.tree;
        let words = self.validator.rules.words;
        let metas = tree.children_named(id, words.meta);
        let named = metas.flat_map(|meta| tree.children_named(meta, words.profile));
        let named: Vec<NodeId> = named.filter(|node| tree.has_text(*node)).collect();
        for node in named {
            let url = tree.text(node);
            if let Some(profile) = self.known_profile(node, &url) {
                self.profile(id, ty, profile);
            }
        }
        let asked = if id == NodeId::ROOT { self.options.profiles } else { &[] };
        for url in asked {
            if let Some(profile) = self.known_profile(id, url) {
                self.profile(id, ty, profile);
            }
        }
    }

    /// The profile that a canonical url names; where none, or one of another version, is at hand, that is told at `id`.
    fn known_profile(&mut self, id: NodeId, url: &str) -> Option<TypeId> {
        let schema = self.validator.schema();
        let Some(profile) = schema.type_by_url(url) else {
            self.named_not_checked(Subject::Profile, url);
            let plain = url.split_once('|').map_or(url, |(plain, _)| plain);
            let reason = schema.incomplete().find(|(known, _)| *known == plain).map(|(_, reason)| reason);
            let message = reason.map_or_else(
                || message!("the profile is not known here"),
                |reason| {
                    message!(
                        "the profile cannot be used: it {reason}",
                        reason = Message::Plain(reason.to_owned())
                    )
                },
            );
            self.tell(Fault::warning(codes::PROFILE_UNKNOWN, id, message).value(url));
            return None;
        };
        self.other_version(id, url, profile);
        Some(profile)
    }

    /// Tells where a canonical url names a version that the profile at hand does not have.
    pub(super) fn other_version(&mut self, id: NodeId, url: &str, profile: TypeId) {
        let schema = self.validator.schema();
        if schema.is_of_version(profile, url) {
            return;
        }
        self.named_not_checked(Subject::Profile, url);
        let known = schema.type_info(profile).url;
        let version = schema.root(profile).map_or("", |root| &root.version);
        let message = message!(
            "the profile {known} is at hand in version {version}, which is not the one that is named",
            known,
            version
        );
        self.tell(Fault::warning(codes::DEFINITION_VERSION, id, message).value(url));
    }

    /// Checks a node of a type against a profile.
    pub(super) fn profile(&mut self, id: NodeId, ty: TypeId, profile: TypeId) {
        let schema = self.validator.schema();
        let info = schema.type_info(profile);
        if !info.is_profile && profile == ty {
            return;
        }
        if !self.is_for(&info, ty) {
            let message = message!("the profile {url} is for another type", url = info.url);
            self.tell(Fault::error(codes::PROFILE_MISFIT, id, message).rule(info.url));
            return;
        }
        // A profile that leads back to itself on one node has said what it has to say.
        let key = (id, profile);
        let progress = &mut self.progress;
        if let Some(at) = progress.open.iter().position(|open| *open == key) {
            progress.assume(at);
            return;
        }
        progress.checks += 1;
        if progress.open.len() > DEPTH_MAX || progress.checks > CHECKS_MAX {
            self.not_checked(Subject::Profile, info.url);
            return;
        }
        progress.open.push(key);
        let (outer, found_before, errors_before) =
            (progress.assumed.take(), progress.found.len(), self.errors);
        let body = self.validator.profiles.body(profile, ty, &self.validator.rules);
        self.within(id, ty, |walk| {
            walk.invariants(&body.invariants, id, ty);
            walk.content(id, ty, &body.root);
            walk.body(id, &body);
        });
        for url in schema.root(profile).map_or(&[][..], |root| &root.imposes) {
            if let Some(imposed) = self.known_profile(id, url) {
                self.profile(id, ty, imposed);
            }
        }
        self.progress.end(self.errors == errors_before, outer, found_before);
    }

    /// True where a profile constrains a type, directly or through other profiles.
    fn is_for(&self, profile: &TypeInfo<'_>, ty: TypeId) -> bool {
        let schema = self.validator.schema();
        let mut here = *profile;
        for _ in 0..super::BASES_MAX {
            match here.base {
                Some(base) if base == ty => return true,
                Some(base) => here = schema.type_info(base),
                None => return false,
            }
        }
        false
    }

    /// True where a node fits a profile. Nothing is told.
    pub(super) fn fits(&mut self, id: NodeId, ty: TypeId, profile: TypeId) -> bool {
        if profile == ty {
            return true;
        }
        let key = (id, profile);
        if let Some(known) = self.progress.fits(key) {
            return known;
        }
        let leans_before = self.progress.assumed.take();
        let fits = self.trial(|walk| walk.profile(id, ty, profile));
        // What fits only because a check further out was taken to hold is not known yet; what does not fit never will.
        let leans_on = self.progress.assumed;
        if !fits || leans_on.is_none() {
            self.progress.known.insert(key, fits);
        }
        if let Some(at) = leans_before {
            self.progress.assume(at);
        }
        fits
    }

    /// True where what `check` looks at has no error. Nothing is told.
    pub(super) fn trial(&mut self, check: impl FnOnce(&mut Self)) -> bool {
        let outer = (self.errors, self.is_trial);
        (self.errors, self.is_trial) = (0, true);
        check(self);
        let fits = self.errors == 0;
        (self.errors, self.is_trial) = outer;
        fits
    }
}
