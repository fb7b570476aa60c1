//! One version of one unit's plan, with an index of its resources.

use super::identity::Hetu;
use super::join::Facts;
use super::person::Subjects;
use super::read::{all, concept, extension_text, extensions, human_name, identifiers, text, value};
use super::{LOCAL, person, read, time};
use crate::schema::sha256::{digest, to_hex};
use crate::tree::{Kind, Name, NodeId, Tree};
use once::Once;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};

mod kept;
mod named;
mod once;
mod parts;
mod planless;

pub use parts::{of_client, several_clients};

/// A field of public life that a unit belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sector {
    /// Health care.
    Health,
    /// Social care.
    Social,
    /// Employment services.
    Employment,
    /// Associations, parishes and others that are no authority.
    ThirdSector,
    /// Education and teaching.
    Education,
    /// None of these, or not known.
    Other,
}

/// Codes of sectors.
const SECTORS: &[(&str, Sector)] = &[
    ("health", Sector::Health),
    ("social", Sector::Social),
    ("employment", Sector::Employment),
    ("third-sector", Sector::ThirdSector),
    ("education", Sector::Education),
    ("other", Sector::Other),
];

/// The sector of a unit system whose plans do not state one.
const UNIT_SECTORS: &[(&str, Sector)] = &[
    ("ccda-care-plan", Sector::Health),
    ("employment-plan", Sector::Employment),
    ("social-client-plan", Sector::Social),
];

/// The sector that a category of a plan speaks of, by any code system.
const CATEGORY_SECTORS: &[(&str, Sector)] = &[
    ("client-plan", Sector::Social),
    ("employment-plan", Sector::Employment),
    ("care-plan", Sector::Health),
    ("third-sector-plan", Sector::ThirdSector),
    ("education-plan", Sector::Education),
    ("52521-2", Sector::Health),
    ("18776-5", Sector::Health),
    ("734163000", Sector::Health),
    ("assess-plan", Sector::Health),
];

impl Sector {
    /// The code, as in the extension `sector` of a plan.
    pub fn as_str(self) -> &'static str {
        SECTORS.iter().find(|(_, sector)| *sector == self).map_or("other", |(code, _)| code)
    }

    /// The sector of a code.
    pub fn find(code: &str) -> Option<Self> {
        SECTORS.iter().find(|(known, _)| *known == code).map(|(_, sector)| *sector)
    }
}

/// One version of one unit's plan.
#[derive(Debug, Clone)]
pub struct Contribution {
    /// What the caller calls it: a file name, a message id.
    pub label: String,
    /// The name of the unit system.
    pub unit: String,
    /// The unit's sector; may be set by the caller who knows better.
    pub sector: Sector,
    /// The key of the plan in its unit, the same in all its versions: `system|value`, or what stands in its stead.
    pub plan_key: String,
    /// The version that the source counts.
    pub version: Option<u64>,
    /// When the source made this version, as it wrote it.
    pub time: Option<String>,
    /// The custodian of the register.
    pub custodian: Option<String>,
    /// Who recorded its permissions, where whoever took it in knows it better than it says.
    pub recorder: Option<super::permission::Recorder>,
    /// The name of the organisation that made the plan.
    pub organisation: Option<String>,
    /// The hash of the document it was read from, if the caller has it.
    pub document_hash: Option<String>,
    /// The document names clients whom its resources do not hold. The caller knows, who has the document.
    pub names_further_clients: bool,
    /// The resources; of a document about several clients all of them, each client's contribution its own part.
    pub bundle: Arc<Tree>,
    pub(super) resources: Vec<Resource>,
    /// Where a reference leads: the number of a resource.
    pub(super) references: HashMap<String, u32>,
    /// Plans among the resources; the first is the plan of the contribution.
    pub(super) plans: Vec<u32>,
    /// Of a part of a document about several clients: the entries that stand in another client's part too.
    pub(super) common: HashSet<NodeId>,
    numbers: HashMap<NodeId, u32>,
    /// Which resources each resource refers to, found when first asked for.
    links: OnceLock<Vec<Vec<u32>>>,
    /// References by an identifier alone, found when first asked for.
    named: OnceLock<Vec<named::Named>>,
    subjects: Once<Subjects>,
    facts: Once<Arc<Facts>>,
    pub(super) fingerprint: [u8; 32],
    /// The fingerprint of the whole document, where this is a part of it.
    pub(super) document: [u8; 32],
}

/// One resource of a contribution.
#[derive(Debug, Clone)]
pub(super) struct Resource {
    pub(super) node: NodeId,
    pub(super) kind: String,
    /// The resource that contains it.
    pub(super) container: Option<u32>,
    /// What the source knows it by.
    pub(super) key: String,
    /// Which of several resources of one kind and key it is.
    pub(super) ordinal: u32,
    /// What the join writes in the place of its id; 32 hexadecimal digits.
    pub(super) id: String,
}

impl Contribution {
    /// A contribution from a unit's plan in the hub form; the key, the version and the time are those that the
    /// plan states.
    pub fn new(label: impl Into<String>, unit: impl Into<String>, bundle: Tree) -> Self {
        let mut new = Self::unread(label.into(), unit.into(), bundle);
        new.find_resources(None);
        new.read_header();
        new.name_resources();
        new
    }

    /// A contribution of which nothing is read yet.
    fn unread(label: String, unit: String, bundle: Tree) -> Self {
        let fingerprint = fingerprint(&bundle);
        Self {
            label,
            unit,
            sector: Sector::Other,
            plan_key: String::new(),
            version: None,
            time: None,
            custodian: None,
            recorder: None,
            organisation: None,
            document_hash: None,
            names_further_clients: false,
            bundle: Arc::new(bundle),
            resources: Vec::new(),
            references: HashMap::new(),
            plans: Vec::new(),
            common: HashSet::new(),
            numbers: HashMap::new(),
            links: OnceLock::new(),
            named: OnceLock::new(),
            subjects: Once::default(),
            facts: Once::default(),
            fingerprint,
            document: fingerprint,
        }
    }

    /// The name of the contribution's plan among all plans of all units. Versions of one plan have one key.
    pub fn key(&self) -> String {
        [self.unit.as_str(), "|", &self.plan_key].concat()
    }

    /// The identity code of the client whom the plan is about, where it is valid.
    pub fn client_code(&self) -> Option<Hetu> {
        person::client_code(self)
    }

    /// Whom it is about.
    pub(super) fn subjects(&self) -> &Subjects {
        self.subjects.get_or(|| Subjects::of(self))
    }

    /// What the join reads of it. No copy of the contribution shares it.
    pub(super) fn facts(&self) -> &Arc<Facts> {
        self.facts.get_or(|| Arc::new(Facts::of(self)))
    }

    /// True where a Consent is among its resources.
    pub fn has_consent(&self) -> bool {
        self.resources.iter().any(|resource| resource.kind == "Consent")
    }

    /// The resource that a reference of this contribution leads to.
    pub(super) fn resolve(&self, from: u32, reference: &str) -> Option<u32> {
        if let Some(local) = reference.strip_prefix('#') {
            let container = self.resources.get(from as usize)?.container.unwrap_or(from);
            if local.is_empty() {
                return Some(container);
            }
            return self.references.get(&format!("{container}#{local}")).copied();
        }
        let reference = reference.split("/_history/").next().unwrap_or(reference);
        self.references.get(reference).copied()
    }

    /// The resources that a resource refers to.
    pub(super) fn links(&self, number: u32) -> &[u32] {
        let links = self.links.get_or_init(|| self.find_links());
        links.get(number as usize).map_or(&[], Vec::as_slice)
    }

    fn find_links(&self) -> Vec<Vec<u32>> {
        let tree = &*self.bundle;
        let of_resource = |(resource, number): (&Resource, u32)| {
            let leaves = tree
                .descend(resource.node)
                .filter(|leaf| tree.name(*leaf) == Name::REFERENCE && tree.kind(*leaf) == Kind::Str);
            leaves.filter_map(|leaf| self.resolve(number, &tree.text(leaf))).collect()
        };
        self.resources.iter().zip(0_u32..).map(of_resource).collect()
    }

    /// The number of the resource at a node.
    pub(super) fn number(&self, node: NodeId) -> Option<u32> {
        self.numbers.get(&node).copied()
    }

    pub(super) fn plan(&self) -> Option<NodeId> {
        self.plans.first().map(|plan| self.resources[*plan as usize].node)
    }

    /// The same contribution as far as it is seen: its tree without what is withheld, the nodes with their ids. Keys
    /// and ids are made anew from what is left, so that none tells of what is not.
    pub(super) fn seen(&self, bundle: Tree) -> Self {
        let kept: HashSet<NodeId> = self.resources.iter().map(|resource| resource.node).collect();
        let mut seen = Self {
            names_further_clients: self.names_further_clients,
            common: self.common.clone(),
            document: self.document,
            ..Self::unread(self.label.clone(), self.unit.clone(), bundle)
        };
        seen.find_resources(Some(&kept));
        seen.read_header();
        seen.name_resources();
        seen.keep_register(self);
        // The version of what is seen: the hash of the document would tell of a change in what is withheld.
        seen.document_hash = self.document_hash.as_ref().map(|_| to_hex(&seen.fingerprint));
        seen
    }

    /// Keeps what is known of the register of the whole from elsewhere than from what this part of it says: its
    /// sector, and the custodian that the caller has set.
    fn keep_register(&mut self, whole: &Self) {
        self.sector = whole.sector;
        let stated =
            whole.plan().map_or_else(|| whole.planless_custodian(), |plan| whole.read_custodian(plan));
        if whole.custodian != stated {
            self.custodian.clone_from(&whole.custodian);
        }
    }

    /// Lists the resources, contained ones after the one that contains them, and what refers to them; where `kept`
    /// is given, of the entries only these.
    fn find_resources(&mut self, kept: Option<&HashSet<NodeId>>) {
        let tree = &*self.bundle;
        if tree.is_empty() {
            return;
        }
        if tree.resource_type(NodeId::ROOT).as_deref() != Some("Bundle") {
            add(tree, NodeId::ROOT, None, &mut self.resources, &mut self.references);
        }
        for entry in tree.children_named(NodeId::ROOT, Name::ENTRY) {
            let full_url = tree.child(entry, Name::FULL_URL).map(|url| tree.text(url));
            let resource = tree.child(entry, Name::RESOURCE);
            if let Some(resource) =
                resource.filter(|resource| kept.is_none_or(|kept| kept.contains(resource)))
            {
                add(tree, resource, full_url.as_deref(), &mut self.resources, &mut self.references);
            }
        }
        let numbered = self.resources.iter().zip(0_u32..);
        self.numbers = numbered.map(|(resource, number)| (resource.node, number)).collect();
        let plans = self.resources.iter().zip(0_u32..).filter(|(resource, _)| resource.kind == "CarePlan");
        self.plans = plans.map(|(_, number)| number).collect();
        // A plan that is part of another one is not the plan of the document.
        self.plans.sort_by_key(|number| {
            let resource = &self.resources[*number as usize];
            tree.child_str(resource.node, "partOf").is_some() || resource.container.is_some()
        });
    }

    fn read_header(&mut self) {
        let Some(plan) = self.plan() else { return self.read_planless_header() };
        let tree = &self.bundle;
        let owned = |text: Option<std::borrow::Cow<'_, str>>| text.map(std::borrow::Cow::into_owned);
        let version = extension_text(tree, plan, "document-version")
            .or_else(|| extension_text(tree, plan, "version"))
            .or_else(|| text(tree, plan, &["meta", "versionId"]));
        self.version = version.and_then(|version| version.parse().ok());
        self.time = owned(
            extension_text(tree, plan, "document-time")
                .or_else(|| text(tree, plan, &["meta", "lastUpdated"]))
                .or_else(|| text(tree, plan, &["created"]))
                .or_else(|| text(tree, NodeId::ROOT, &["timestamp"])),
        );
        self.custodian = self.read_custodian(plan);
        self.organisation = self.read_organisation(plan);
        self.plan_key = self.read_plan_key(plan);
        self.sector = self.read_sector(plan);
    }

    fn read_plan_key(&self, plan: NodeId) -> String {
        let tree = &self.bundle;
        let official = |identifier: &NodeId| text(tree, *identifier, &["use"]).as_deref() != Some("official");
        let mut found: Vec<NodeId> = all(tree, plan, "identifier").collect();
        found.sort_by_key(official);
        for identifier in found {
            let system = text(tree, identifier, &["system"]);
            if let (Some(system), Some(value)) = (system, text(tree, identifier, &["value"])) {
                return format!("{system}|{value}");
            }
        }
        // Without a system, a value or an id is the unit's own: the custodian tells two units apart.
        let custodian = self.custodian.as_deref().or(self.organisation.as_deref()).unwrap_or("");
        if let Some((_, value)) = identifiers(tree, plan).next() {
            return format!("{custodian}|{value}");
        }
        let made_by_lens = tree.child(plan, Name::ID).is_none() || self.is_local(plan);
        match text(tree, plan, &["id"]) {
            Some(id) if !made_by_lens => format!("{custodian}|CarePlan/{id}"),
            _ => format!("sha256:{}", to_hex(&self.fingerprint)),
        }
    }

    /// True for a resource whose id a lens gave by its place.
    fn is_local(&self, node: NodeId) -> bool {
        let entry = self.bundle.parent(node);
        let url = entry.and_then(|entry| self.bundle.child(entry, Name::FULL_URL));
        url.is_some_and(|url| self.bundle.text(url).starts_with(LOCAL))
    }

    fn read_custodian(&self, plan: NodeId) -> Option<String> {
        let tree = &self.bundle;
        let node = value(tree, extensions(tree, plan, "custodian").next()?)?;
        if let Some(value) = text(tree, node, &["value"]) {
            return Some(value.into_owned());
        }
        let organisation = self.follow(plan, node)?;
        let identifier =
            identifiers(tree, organisation).next().map(|(system, value)| format!("{system}|{value}"));
        identifier.or_else(|| human_name(tree, organisation))
    }

    fn read_organisation(&self, plan: NodeId) -> Option<String> {
        let tree = &self.bundle;
        let custodian = extensions(tree, plan, "custodian").filter_map(|extension| value(tree, extension));
        let people = all(tree, plan, "author").chain(all(tree, plan, "contributor")).chain(custodian);
        for person in people {
            let Some(resource) = self.follow(plan, person) else { continue };
            let organisation = match tree.resource_type(resource).as_deref() {
                Some("Organization") => Some(resource),
                _ => tree.child_str(resource, "organization").and_then(|node| self.follow(resource, node)),
            };
            if let Some(name) = organisation.and_then(|organisation| human_name(tree, organisation)) {
                return Some(name);
            }
        }
        None
    }

    /// The sector of one of its plans: what is known of the contribution holds for its own plan.
    pub(super) fn sector_of(&self, plan: u32) -> Sector {
        if self.plans.first() == Some(&plan) {
            return self.sector;
        }
        match self.resources.get(plan as usize).map(|resource| self.read_sector(resource.node)) {
            None | Some(Sector::Other) => self.sector,
            Some(known) => known,
        }
    }

    fn read_sector(&self, plan: NodeId) -> Sector {
        let tree = &self.bundle;
        if let Some(stated) = extension_text(tree, plan, "sector").and_then(|code| Sector::find(&code)) {
            return stated;
        }
        let of_category = || {
            all(tree, plan, "category").flat_map(|category| all(tree, category, "coding")).find_map(
                |coding| {
                    let code = text(tree, coding, &["code"])?;
                    CATEGORY_SECTORS.iter().find(|(known, _)| *known == code).map(|(_, sector)| *sector)
                },
            )
        };
        unit_sector(&self.unit).or_else(of_category).unwrap_or(Sector::Other)
    }

    /// The resource at the end of a Reference that stands in `from`.
    pub(super) fn follow(&self, from: NodeId, node: NodeId) -> Option<NodeId> {
        let number = *self.numbers.get(&from)?;
        let reference = read::reference(&self.bundle, node)?;
        let found = self.resolve(number, &reference)?;
        Some(self.resources[found as usize].node)
    }

    /// Gives each resource its key and from it the id that the join writes.
    fn name_resources(&mut self) {
        let names: Vec<String> = self.resources.iter().map(|resource| self.key_of(resource)).collect();
        let seed = self.key();
        let mut counts: HashMap<String, u32> = HashMap::new();
        for (resource, key) in self.resources.iter_mut().zip(names) {
            let name = format!("{}\n{key}", resource.kind);
            // A goal of the earlier plan and the same goal set now are one goal with one id.
            let origin = goal_origin(&self.bundle, resource.node);
            let count = counts.entry(format!("{origin}{name}")).or_insert(0);
            resource.id = make_id(&[&seed, &name, &count.to_string()]);
            (resource.key, resource.ordinal) = (key, *count);
            *count += 1;
        }
    }

    /// What the source knows a resource by: its identifier, its id where the source gave it, otherwise what it
    /// says at its heart.
    fn key_of(&self, resource: &Resource) -> String {
        let (tree, node) = (&self.bundle, resource.node);
        let mut known: Vec<String> =
            identifiers(tree, node).map(|(system, value)| format!("{system}|{value}")).collect();
        known.sort();
        if let Some(first) = known.into_iter().next() {
            return first;
        }
        let contained = resource.container.and_then(|at| self.resources.get(at as usize));
        if let (Some(id), false) = (text(tree, node, &["id"]), self.is_local(node)) {
            return contained.map_or_else(|| id.to_string(), |container| format!("{}#{id}", container.key));
        }
        let mut key = String::new();
        for name in
            ["description", "code", "name", "relationship", "category", "type", "vaccineCode", "title"]
        {
            for child in all(tree, node, name) {
                heart(tree, child, &mut key);
            }
        }
        for extension in extensions(tree, node, "social-service").chain(extensions(tree, node, "section")) {
            heart(tree, extension, &mut key);
        }
        for name in ["practitioner", "organization", "effectiveDateTime", "onsetDateTime"] {
            let Some(child) = tree.child_str(node, name) else { continue };
            match self.follow(node, child) {
                Some(other) => all(tree, other, "name").for_each(|name| heart(tree, name, &mut key)),
                None => heart(tree, child, &mut key),
            }
        }
        key
    }
}

/// Lists a resource and what it contains.
fn add(
    tree: &Tree,
    node: NodeId,
    full_url: Option<&str>,
    resources: &mut Vec<Resource>,
    references: &mut HashMap<String, u32>,
) {
    let Some(kind) = tree.resource_type(node) else { return };
    let number = crate::tree::to_u32(resources.len());
    let new = |node, kind: &str, container| Resource {
        node,
        kind: kind.to_owned(),
        container,
        key: String::new(),
        ordinal: 0,
        id: String::new(),
    };
    resources.push(new(node, &kind, None));
    if let Some(url) = full_url {
        references.entry(url.to_owned()).or_insert(number);
    }
    if let Some(id) = text(tree, node, &["id"]) {
        references.entry(format!("{kind}/{id}")).or_insert(number);
    }
    for contained in tree.children_named(node, Name::CONTAINED) {
        let Some(kind) = tree.resource_type(contained) else { continue };
        let inner = crate::tree::to_u32(resources.len());
        if let Some(id) = text(tree, contained, &["id"]) {
            references.entry(format!("{number}#{id}")).or_insert(inner);
        }
        resources.push(new(contained, &kind, Some(number)));
    }
}

/// `previous-plan` for a goal that the plan evaluates, otherwise nothing.
pub(super) fn goal_origin(tree: &Tree, node: NodeId) -> &'static str {
    let evaluated = |category| read::has_code(tree, category, "goal-origin", "previous-plan");
    if all(tree, node, "category").any(evaluated) { "previous-plan" } else { "" }
}

/// Appends the leaves below a node; the origin of a goal is not part of what it is.
fn heart(tree: &Tree, node: NodeId, key: &mut String) {
    if read::has_code(tree, node, "goal-origin", "previous-plan")
        || read::has_code(tree, node, "goal-origin", "this-plan")
    {
        return;
    }
    for leaf in tree.descend(node).filter(|leaf| tree.kind(*leaf).is_leaf() && tree.has_text(*leaf)) {
        if tree.name_text(leaf) != "display" {
            key.push_str(&tree.text(leaf));
            key.push('\u{1f}');
        }
    }
}

fn unit_sector(unit: &str) -> Option<Sector> {
    UNIT_SECTORS.iter().find(|(name, _)| *name == unit).map(|(_, sector)| *sector)
}

/// A hash of what the tree says, the same for the JSON and the XML form and any white space.
fn fingerprint(tree: &Tree) -> [u8; 32] {
    let mut bytes = Vec::new();
    if tree.is_empty() {
        return digest(&bytes);
    }
    let mut open = vec![(NodeId::ROOT, false)];
    while let Some((node, closing)) = open.pop() {
        if closing {
            bytes.push(0);
            continue;
        }
        if matches!(tree.kind(node), Kind::Comment | Kind::Pi) {
            continue;
        }
        bytes.extend_from_slice(tree.name_text(node).as_bytes());
        bytes.push(1);
        if tree.kind(node).is_leaf() && tree.kind(node) != Kind::Null {
            bytes.extend_from_slice(tree.text(node).as_bytes());
        }
        bytes.push(2);
        open.push((node, true));
        let from = open.len();
        open.extend(tree.children(node).map(|child| (child, false)));
        open[from..].reverse();
    }
    digest(&bytes)
}

/// An id from the parts that name a thing: stable, and telling nothing of them.
pub(super) fn make_id(parts: &[&str]) -> String {
    let mut bytes = Vec::with_capacity(parts.iter().map(|part| part.len() + 1).sum());
    for part in parts {
        bytes.extend_from_slice(part.as_bytes());
        bytes.push(0x1e);
    }
    to_hex(&digest(&bytes)[..16])
}

impl Contribution {
    /// The order of versions of one plan, the newest greatest, where all of them have what is compared.
    pub(super) fn age(&self, all_have_versions: bool) -> (u64, i64, u64) {
        let time = self.time.as_deref().and_then(time::seconds).unwrap_or(i64::MIN);
        let version = self.version.unwrap_or(0);
        if all_have_versions { (version, time, 0) } else { (0, time, version) }
    }

    /// True where the source says that the plan was never one: it was recorded in error.
    pub(super) fn is_retracted(&self) -> bool {
        self.plan()
            .is_some_and(|plan| text(&self.bundle, plan, &["status"]).as_deref() == Some("entered-in-error"))
    }

    /// What the plan is called where people read: its title or its first category.
    pub fn title(&self) -> Option<String> {
        let (tree, plan) = (&self.bundle, self.plan()?);
        let category = || all(tree, plan, "category").find_map(|category| concept(tree, category));
        text(tree, plan, &["title"]).or_else(category).map(std::borrow::Cow::into_owned)
    }

    /// The identifier of the plan as system and value, where it has one.
    pub(super) fn plan_identifier(&self) -> Option<(String, String)> {
        let found = identifiers(&self.bundle, self.plan()?).find(|(system, value)| {
            self.plan_key.ends_with(&**value) && self.plan_key.starts_with(&**system)
        });
        found.map(|(system, value)| (system.into_owned(), value.into_owned()))
    }
}
