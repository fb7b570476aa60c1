//! Resources that references make, and references to them.

use super::{From, Late, Run};
use crate::mapping::Format;
use crate::mapping::get::LOCAL_BASE;
use crate::mapping::links::resolve;
use crate::mapping::program::{Path, Resource, all, meets};
use crate::tree::{Flags, Kind, Name, NodeId, push_number};
use std::borrow::Cow;

impl Run<'_> {
    /// The resource that a Reference of the source points at, if it has the right type.
    pub(super) fn follow_source(&self, node: NodeId, resource: &Resource) -> Option<NodeId> {
        if !resource.by_reference {
            let kind = self.source.resource_type(node)?;
            return (kind == *resource.kind && meets(self.source, node, &resource.conditions))
                .then_some(node);
        }
        let reference = self.source.child(node, Name::REFERENCE)?;
        let found = resolve(self.source, node, &self.source.text(reference))?;
        let kind = self.source.resource_type(found)?;
        (kind == *resource.kind && meets(self.source, found, &resource.conditions)).then_some(found)
    }

    pub(super) fn start_resource(&mut self, node: NodeId, resource: &Resource, rule: usize) {
        if self.target.child(node, Name::RESOURCE_TYPE).is_none() {
            let kind = self.target.insert(node, Name::RESOURCE_TYPE, Kind::Str, Flags::default(), 0);
            self.target.set_text(kind, &resource.kind);
            self.origins.set(kind, None, rule);
        }
        for condition in &resource.conditions {
            self.write_condition(node, condition, rule);
        }
    }

    pub(super) fn new_entry(&mut self, resource: &Resource, rule: usize) -> (NodeId, NodeId) {
        let known = self.program.known;
        let entry = self.target.insert(NodeId::ROOT, Name::ENTRY, Kind::Object, Flags::LIST, known.entry);
        let node = self.target.insert(entry, Name::RESOURCE, Kind::Object, Flags::default(), known.resource);
        self.start_resource(node, resource, rule);
        (entry, node)
    }

    /// Gives the resource its id and the Reference its text.
    pub(super) fn finish_entry(
        &mut self,
        place: NodeId,
        entry: NodeId,
        element: NodeId,
        resource: &Resource,
        rule: usize,
    ) {
        let local = self.name(entry, element, &resource.kind, rule);
        let known = self.program.known;
        let reference =
            self.target.insert(place, Name::REFERENCE, Kind::Str, Flags::default(), known.reference);
        self.target.set_text(reference, &local);
        self.origins.set(reference, None, rule);
        self.minted.push(entry);
        self.made_for.insert(place, element);
    }

    /// Names the resources that rules made where their paths say. In a document of FHIR resources have their own names.
    pub(super) fn name_entries(&mut self) {
        if self.program.format == Format::Fhir {
            return;
        }
        let minted = self.minted_in_order();
        let is_minted = |entry: &NodeId| minted.binary_search(entry).is_ok();
        let entries: Vec<NodeId> = self.target.children_named(NodeId::ROOT, Name::ENTRY).collect();
        for entry in entries.into_iter().filter(|entry| !is_minted(entry)) {
            let Some(resource) = self.target.child(entry, Name::RESOURCE) else { continue };
            let Some(kind) = self.target.resource_type(resource).map(Cow::into_owned) else { continue };
            let rule = self.origins.rule(resource);
            if let Some(rule) = rule.filter(|_| self.target.child(entry, Name::FULL_URL).is_none()) {
                self.name(entry, resource, &kind, rule);
                self.named.push(entry);
            }
        }
    }

    /// Entries that references made come after those that the document has itself.
    pub(super) fn entries_in_order(&mut self) {
        let minted = self.minted_in_order();
        let is_minted = |entry: &NodeId| minted.binary_search(entry).is_ok();
        let entries = self.target.children_named(NodeId::ROOT, Name::ENTRY);
        if entries.skip_while(|entry| !is_minted(entry)).all(|entry| is_minted(&entry)) {
            return;
        }
        let (late, early): (Vec<NodeId>, Vec<NodeId>) =
            self.target.children(NodeId::ROOT).partition(|child| is_minted(child));
        let end =
            early.iter().rposition(|child| self.target.name(*child) == Name::ENTRY).map_or(0, |at| at + 1);
        let children: Vec<NodeId> = early[..end].iter().chain(&late).chain(&early[end..]).copied().collect();
        self.target.set_children(NodeId::ROOT, &children);
    }

    /// The entries that references made, by their numbers.
    fn minted_in_order(&self) -> Vec<NodeId> {
        let mut minted = self.minted.clone();
        minted.sort_unstable();
        minted
    }

    /// Gives a resource an id, unless it has one, and its entry the URL; gives what references call it.
    fn name(&mut self, entry: NodeId, element: NodeId, kind: &str, rule: usize) -> String {
        let known = self.program.known;
        let local = match self.target.child(element, Name::ID) {
            Some(id) => [kind, "/", &self.target.text(id)].concat(),
            None => {
                let local = self.mint(kind);
                let node =
                    self.target.insert(element, Name::ID, Kind::Str, Flags::default(), known.resource_id);
                self.target.set_text(node, &local[kind.len() + 1..]);
                self.origins.set(node, None, rule);
                local
            }
        };
        let url = self.target.insert(entry, Name::FULL_URL, Kind::Str, Flags::default(), known.full_url);
        self.target.set_text_parts(url, &[LOCAL_BASE, &local]);
        self.origins.set(url, None, rule);
        local
    }

    /// What references call a new resource: its kind and an id that no other of the kind has.
    fn mint(&mut self, kind: &str) -> String {
        let at = match self.counters.iter().position(|(known, _)| known == kind) {
            Some(at) => at,
            None => {
                self.counters.push((kind.to_owned(), 0));
                self.counters.len() - 1
            }
        };
        let counter = &mut self.counters[at].1;
        let mut local = String::with_capacity(2 * kind.len() + 16);
        local.push_str(kind);
        local.push('/');
        push_kebab(kind, &mut local);
        local.push('-');
        let prefix = local.len();
        loop {
            *counter += 1;
            local.truncate(prefix);
            push_number(*counter, &mut local);
            if self.taken.is_empty() || !self.taken.contains(&local) {
                return local;
            }
        }
    }

    pub(super) fn same(&mut self, path: &Path, from: &Path, rule: usize) {
        let Some(start) = self.targets[from.slot] else { return };
        let mut found = Vec::new();
        all(&self.target, start, &from.steps, &mut found);
        if found.is_empty()
            && !self.is_late
            && let Some(to) = self.targets[path.slot].filter(|to| *to != start)
        {
            let from = From::Element(from.clone(), start);
            return self.late.push(Late { rule, path: path.clone(), start: to, from });
        }
        for (at, node) in found.into_iter().enumerate() {
            let place = if at == 0 { self.ensure(path, rule) } else { self.make(path, rule) };
            let Some(to) = place else { return };
            let copy = self.target.clone_below(node);
            let whole = self.target.first_child(to).is_none();
            self.target.fill_from(to, &copy, NodeId::ROOT);
            self.origins.set(to, self.origins.source(node), rule);
            if whole {
                self.copy_origins(node, to);
            }
        }
    }

    /// What a copy holds comes from where the original's content came from.
    pub(super) fn copy_origins(&mut self, from: NodeId, to: NodeId) {
        let pairs: Vec<(NodeId, NodeId)> =
            self.target.descend(from).zip(self.target.descend(to)).skip(1).collect();
        for (original, copy) in pairs {
            // What no rule made, as the parts of a source text, stays so.
            if let Some(rule) = self.origins.rule(original) {
                self.origins.set(copy, self.origins.source(original), rule);
            }
        }
    }

    pub(super) fn reference_to(&mut self, path: &Path, slot: usize, rule: usize) {
        let Some(resource) = self.targets[slot] else { return };
        self.refer(path, resource, rule);
    }

    pub(super) fn refer(&mut self, path: &Path, resource: NodeId, rule: usize) {
        if self.target.child(resource, Name::ID).is_none()
            && !self.is_late
            && let Some(start) = self.targets[path.slot]
        {
            let from = From::Resource(resource);
            return self.late.push(Late { rule, path: path.clone(), start, from });
        }
        let (Some(kind), Some(id)) =
            (self.target.resource_type(resource), self.target.child(resource, Name::ID))
        else {
            return;
        };
        let local = [&*kind, "/", &*self.target.text(id)].concat();
        let appends = path.steps.last().is_some_and(|step| step.list && step.conditions.is_empty());
        let place = if appends { self.make(path, rule) } else { self.ensure(path, rule) };
        let Some(place) = place else { return };
        let reference = self.target.insert(
            place,
            Name::REFERENCE,
            Kind::Str,
            Flags::default(),
            self.program.known.reference,
        );
        self.target.set_text(reference, &local);
        self.origins.set(reference, None, rule);
        self.origins.set(place, None, rule);
    }
}

/// `ServiceRequest` becomes `service-request`; types of resources are named in ASCII.
fn push_kebab(kind: &str, out: &mut String) {
    for (at, character) in kind.chars().enumerate() {
        if character.is_ascii_uppercase() && at > 0 {
            out.push('-');
        }
        out.push(character.to_ascii_lowercase());
    }
}
