//! References: where they lead within the document, and whether they may lead there.

use super::Walk;
use super::primitive::{Primitive, has_scheme, is_id};
use super::report::Fault;
use super::rules::Member;
use crate::diag::{Severity, codes, message};
use crate::schema::{FHIR_BASE, Schema, TypeKind, TypeRef};
use crate::tree::{Kind, Name, NodeId, Tree};
use std::collections::{HashMap, HashSet};

/// What the references of a document can lead to, by Bundle.
#[derive(Debug, Default)]
pub(super) struct Targets {
    bundles: HashMap<NodeId, HashMap<String, NodeId>>,
    /// Contained resources by their ids.
    contained: HashMap<NodeId, HashMap<String, NodeId>>,
    /// Ids of elements and of parts of narratives, by resource; only what a link needs is gathered.
    pub(super) ids: HashMap<NodeId, HashSet<String>>,
}

/// Where a reference leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// A contained resource, or the resource itself.
    Contained(NodeId),
    /// The resource of an entry of the Bundle.
    Entry(NodeId),
    /// Out of the document, to a resource of a type that the url may tell.
    Outside(Option<String>),
    /// To nothing: a fragment that is not there.
    Nothing,
}

impl Target {
    /// The resource, where it is in the document.
    pub(super) const fn node(&self) -> Option<NodeId> {
        match self {
            Self::Contained(node) | Self::Entry(node) => Some(*node),
            Self::Outside(_) | Self::Nothing => None,
        }
    }
}

/// What a url of a resource on a server consists of: `http://example.org/fhir/Patient/1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rest<'t> {
    /// `http://example.org/fhir/`, empty for a relative one.
    pub(super) base: &'t str,
    pub(super) kind: &'t str,
    pub(super) id: &'t str,
}

impl<'t> Rest<'t> {
    /// Reads a url; a version at its end is passed over.
    pub(super) fn read(url: &'t str, schema: &Schema) -> Option<Self> {
        let url = without_version(url);
        let (head, id) = url.rsplit_once('/')?;
        let (base, kind) = head.rsplit_once('/').map_or(("", head), |(base, kind)| (base, kind));
        let ty = schema.type_named(kind)?;
        let is_id = is_id(id);
        (is_id && schema.type_info(ty).kind == TypeKind::Resource).then(|| Self {
            base: url.get(..base.len() + usize::from(!base.is_empty())).unwrap_or(""),
            kind,
            id,
        })
    }
}

/// The name of a type that R4 allows to be given as its url.
fn of_core(text: &str) -> &str {
    text.strip_prefix(FHIR_BASE).unwrap_or(text)
}

fn without_version(url: &str) -> &str {
    url.split("/_history/").next().unwrap_or(url)
}

impl<'s> Walk<'_, 's> {
    /// Checks a Reference: the type it leads to is one that its element allows.
    pub(super) fn reference(&mut self, id: NodeId, member: &Member<'s>) {
        let tree = self.tree;
        self.reference_form(id);
        let Some(type_ref) = member.type_ref else { return };
        let stated = tree.child(id, self.validator.rules.words.kind).filter(|node| tree.has_text(*node));
        let stated = stated.map(|node| of_core(&tree.text(node)).to_owned());
        let found = self.target(id).and_then(|target| self.type_of(&target));
        if let (Some(stated), Some(found)) = (&stated, &found)
            && stated != found
        {
            let message =
                message!("`type` says another type than the {found} that the reference leads to", found);
            self.tell(Fault::error(codes::REFERENCE_TYPE, id, message).value(stated));
        }
        if let Some(kind) = found.or_else(|| self.stated_type(id))
            && !allows(type_ref, &kind, self.validator.schema())
        {
            self.refuse_target(id, &kind, type_ref, "");
        }
    }

    /// The type that a reference says its target has. What is no type at all is told by the value set of `type`.
    pub(super) fn stated_type(&self, id: NodeId) -> Option<String> {
        let stated = self.tree.child(id, self.validator.rules.words.kind)?;
        let text = self.tree.text(stated);
        let kind = of_core(&text);
        self.validator.schema().type_named(kind).map(|_| kind.to_owned())
    }

    /// Checks that a literal reference is one (FHIR R4, "Literal References"): a fragment, an absolute url, or `Type/id`.
    fn reference_form(&mut self, id: NodeId) {
        let tree = self.tree;
        let leaf = tree.child(id, Name::REFERENCE).filter(|node| tree.kind(*node) == Kind::Str);
        let Some(leaf) = leaf else { return };
        let text = tree.text(leaf);
        let message = if text.is_empty() || self.is_reference(&text) {
            return;
        } else if has_scheme(&text) {
            message!("this is no url that a resource can have")
        } else {
            message!("a relative reference is the type of a resource, a slash and an id")
        };
        // What identifies but is on no server need not be found, so a slip in it harms nobody at once.
        let severity = if text.starts_with("urn:") { Severity::Warning } else { Severity::Error };
        self.tell(Fault::new(codes::REFERENCE_FORM, severity, leaf, message).value(&*text));
    }

    fn is_reference(&self, text: &str) -> bool {
        let schema = self.validator.schema();
        if text.bytes().any(|byte| byte <= 0x20) {
            return false;
        }
        if text.starts_with('#') {
            return true;
        }
        if let Some(uuid) = text.strip_prefix("urn:uuid:") {
            return Primitive::Uuid.fits(&format!("urn:uuid:{}", uuid.to_ascii_lowercase()));
        }
        if text.starts_with("urn:oid:") {
            return Primitive::Oid.fits(text);
        }
        if has_scheme(text) {
            let host = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
            return host
                .is_none_or(|rest| rest.starts_with(|first: char| first.is_alphanumeric() || first == '['));
        }
        // What a server is to look up when it takes a Bundle in.
        if let Some((kind, _)) = text.split_once('?') {
            let ty = schema.type_named(kind);
            return self.scope.bundle.is_some() && ty.is_some_and(|ty| schema.type_info(ty).is_resource());
        }
        let version = text.split_once("/_history/").map(|(_, version)| version);
        let is_rest = Rest::read(text, schema).is_some_and(|rest| rest.base.is_empty());
        let is_rest = is_rest && !text.starts_with('/');
        is_rest && version.is_none_or(is_id)
    }

    /// Tells that a reference leads to a type that it may not.
    pub(super) fn refuse_target(&mut self, id: NodeId, kind: &str, type_ref: &TypeRef, rule: &str) {
        let schema = self.validator.schema();
        let wanted: Vec<&str> = type_ref.targets.iter().map(|url| target_type(url, schema)).collect();
        let message = message!(
            "a reference to a {kind} may not stand here, only to {wanted}",
            kind,
            wanted = wanted.join(", ")
        );
        self.tell(Fault::error(codes::REFERENCE_TYPE, id, message).rule(rule));
    }

    /// Where a Reference leads; none without a literal reference.
    pub(super) fn target(&mut self, id: NodeId) -> Option<Target> {
        let node = self.tree.child(id, Name::REFERENCE).filter(|node| self.tree.kind(*node) == Kind::Str)?;
        Some(self.resolve(&self.tree.text(node)))
    }

    /// The type of what a reference leads to, as far as it is known.
    pub(super) fn type_of(&self, target: &Target) -> Option<String> {
        match target {
            Target::Contained(node) | Target::Entry(node) => {
                let named = self.tree.resource_type(*node).map(String::from);
                named.filter(|name| self.validator.schema().type_named(name).is_some())
            }
            Target::Outside(kind) => kind.clone(),
            Target::Nothing => None,
        }
    }

    /// Where the text of a reference leads (FHIR R4, "Resolving references in Bundles").
    pub(super) fn resolve(&mut self, text: &str) -> Target {
        if let Some(fragment) = text.strip_prefix('#') {
            let root = self.scope.root;
            let found =
                if fragment.is_empty() { Some(root) } else { self.contained_of(root).get(fragment).copied() };
            return found.map_or(Target::Nothing, Target::Contained);
        }
        let schema = self.validator.schema();
        let rest = Rest::read(text, schema);
        let is_relative = rest.is_some_and(|rest| rest.base.is_empty());
        let entry = self.scope.bundle.and_then(|bundle| {
            let base = if is_relative { self.base_of_entry() } else { Some(String::new()) };
            let url = format!("{}{}", base?, without_version(text));
            self.entries(bundle).get(&url).copied()
        });
        entry.map_or_else(|| Target::Outside(rest.map(|rest| rest.kind.to_owned())), Target::Entry)
    }

    /// The server that the entry at hand says it comes from; none where its full url is no url of a server. An entry
    /// without a full url, as a transaction may have it, is at the server that the Bundle is sent to.
    fn base_of_entry(&self) -> Option<String> {
        let entry = self.tree.parent(self.scope.root)?;
        let Some(url) = self.tree.child(entry, Name::FULL_URL) else { return Some(String::new()) };
        let url = self.tree.text(url);
        Rest::read(&url, self.validator.schema()).map(|rest| rest.base.to_owned())
    }

    /// The resources that a resource contains, by their ids.
    pub(super) fn contained_of(&mut self, root: NodeId) -> &HashMap<String, NodeId> {
        let tree = self.tree;
        self.targets.contained.entry(root).or_insert_with(|| {
            let mut found = HashMap::new();
            for node in tree.children_named(root, Name::CONTAINED) {
                if let Some(id) = tree.child(node, Name::ID) {
                    found.entry(tree.text(id).into_owned()).or_insert(node);
                }
            }
            found
        })
    }

    /// The resources of the entries of a Bundle, by full url.
    pub(super) fn entries(&mut self, bundle: NodeId) -> &HashMap<String, NodeId> {
        let tree = self.tree;
        self.targets.bundles.entry(bundle).or_insert_with(|| {
            let entries = tree.children_named(bundle, Name::ENTRY);
            let mut found = HashMap::new();
            for (url, resource) in entries.filter_map(|entry| identity(tree, entry)) {
                found.entry(url).or_insert(resource);
            }
            found
        })
    }
}

/// By what references find an entry: its full url, or what a server will give it, and its resource.
fn identity(tree: &Tree, entry: NodeId) -> Option<(String, NodeId)> {
    let resource = tree.child(entry, Name::RESOURCE)?;
    if let Some(url) = tree.child(entry, Name::FULL_URL) {
        return Some((without_version(&tree.text(url)).to_owned(), resource));
    }
    let id = tree.child_text(resource, "id")?;
    Some((format!("{}/{id}", tree.resource_type(resource)?), resource))
}

/// True where a reference of a declared type may lead to a resource of a type.
pub(super) fn allows(type_ref: &TypeRef, kind: &str, schema: &Schema) -> bool {
    type_ref.targets.is_empty()
        || type_ref.targets.iter().any(|url| {
            let target = target_type(url, schema);
            target == kind || matches!(target, "Resource" | "Any")
        })
}

/// The resource type that a target profile is about; the url itself where the profile is not known.
pub(super) fn target_type<'u>(url: &'u str, schema: &'u Schema) -> &'u str {
    let plain = url.strip_prefix(FHIR_BASE).unwrap_or(url);
    if schema.type_named(plain).is_some() {
        return plain;
    }
    let Some(mut ty) = schema.type_by_url(url) else { return "Any" };
    for _ in 0..super::BASES_MAX {
        let info = schema.type_info(ty);
        match info.base.filter(|_| info.is_profile) {
            Some(base) => ty = base,
            None => break,
        }
    }
    schema.type_info(ty).name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_servers_are_read() {
        let check = |url: &str, expected: Option<(&str, &str, &str)>| {
            let rest = Rest::read(url, Schema::r4()).map(|rest| (rest.base, rest.kind, rest.id));
            assert_eq!(rest, expected, "{url}");
        };
        check("Patient/1", Some(("", "Patient", "1")));
        check("http://a.org/fhir/Patient/1/_history/2", Some(("http://a.org/fhir/", "Patient", "1")));
        check("urn:uuid:c757873d-ec9a-4326-a141-556f43239520", None);
        check("http://a.org/fhir/Person", None);
        check("HumanName/1", None);
    }
}
