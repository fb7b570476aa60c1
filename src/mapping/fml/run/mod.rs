//! Runs compiled maps: nodes of source trees in, target trees out.
//!
//! Everything that is made stands in one arena. Its root is the first target; further targets, and instances that
//! stand nowhere yet, hang beside it. Elements are put where the definitions rank them.

mod copy;
mod date;
mod escape;
mod expression;
mod make;
mod replace;
mod rule;
mod source;
mod target;
mod transform;
mod translate;
mod write;

use super::compile::{Known, Program, Slot};
use super::model::InputMode;
use crate::diag::{Code, Issue, Redacted, Severity, Span, codes};
use crate::fhirpath::{Item, Node, Temporal, Value};
use crate::mapping::Origins;
use crate::mapping::ledger::{Ledger, Noted};
use crate::mapping::program::Fate;
use crate::schema::{TypeKind, UNKNOWN};
use crate::tree::fhir::TypeId;
use crate::tree::{DEPTH_MAX, Flags, Kind, Name, NodeId, Tree, to_u32};
pub use replace::Replaced;
use source::Keyed;
use std::collections::HashSet;
use std::sync::Arc;

/// Rules that one run executes, each value of a source counted, where the settings do not say otherwise.
pub const RULES_MAX: u64 = 20_000_000;
/// Groups that call each other.
pub const CALL_DEPTH_MAX: usize = 150;
/// Sources that are open at once: those of a rule, of the rules around it and of the groups that called it.
pub const OPEN_SOURCES_MAX: usize = 500;
/// Nodes that one run makes.
pub const TARGET_NODES_MAX: usize = 10_000_000;
/// Bytes of text that one run writes.
pub const TARGET_BYTES_MAX: usize = 256 << 20;
/// Findings and log entries of one run.
pub const FINDINGS_MAX: usize = 1_000;

/// The extension in which a definition states the XML namespace of its instances.
const NAMESPACE_EXTENSION: &str = "http://hl7.org/fhir/StructureDefinition/elementdefinition-namespace";

/// What a run is given beside its sources.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// What `uuid()` counts from: one seed gives the same run again.
    pub seed: u64,
    /// The time of the run, for expressions that ask for it.
    pub now: Option<Temporal>,
    /// Note what becomes of each leaf of the first source.
    pub with_ledger: bool,
    /// Note for each node that is made its rule and its source.
    pub with_origins: bool,
    /// Rules to be executed at most.
    pub rules_max: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { seed: 0, now: None, with_ledger: false, with_origins: false, rules_max: RULES_MAX }
    }
}

/// What a run found, at its place in a map.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The number of the rule, for [`Program::rule`].
    pub rule: usize,
    /// What is wrong; its place is in the text of the map, its path in the source.
    pub issue: Issue,
    /// The node of the first source that it is about.
    pub source: Option<NodeId>,
}

/// What a `log` clause said.
#[derive(Debug, Clone)]
pub struct Log {
    /// The number of the rule.
    pub rule: usize,
    /// Its text, which may hold personal data.
    pub text: Redacted<String>,
}

/// What a run made.
#[derive(Debug)]
pub struct Output {
    /// One tree for each target of the first group, in order.
    pub targets: Vec<Tree>,
    /// What was found.
    pub findings: Vec<Finding>,
    /// What was logged.
    pub logs: Vec<Log>,
    /// For each node of the first target, which rule made it from which node of the first source.
    pub origins: Origins,
    /// Values that gave way to others, where the settings ask where values come from.
    pub replaced: Vec<Replaced>,
    fates: Vec<(Fate, u32)>,
    below: Vec<(Fate, u32)>,
}

impl Output {
    /// True where a finding is an error.
    pub fn has_errors(&self) -> bool {
        self.findings.iter().any(|finding| finding.issue.severity == Severity::Error)
    }

    /// What became of each leaf of the first source: carried where a rule read it for a value. Empty where the
    /// settings did not ask for it.
    pub fn ledger(&self, source: &Tree) -> Ledger {
        if self.fates.is_empty() {
            return Ledger { entries: Vec::new() };
        }
        let mut ledger = Ledger::of(source, Noted { fates: &self.fates, below: &self.below });
        // Which type a resource has is what the map is written for.
        ledger.entries.retain(|entry| source.name(entry.node) != Name::RESOURCE_TYPE);
        let lost = self.lost();
        for entry in ledger.entries.iter_mut().filter(|entry| lost.contains(&entry.node)) {
            (entry.fate, entry.rule) = (Fate::Unexplained, None);
        }
        ledger
    }

    /// The nodes of the first source that were read for values of which none stands any more.
    pub fn lost(&self) -> HashSet<NodeId> {
        let mut lost: HashSet<NodeId> = self.replaced.iter().filter_map(|one| one.source).collect();
        if let (Some(target), false) = (self.targets.first(), lost.is_empty()) {
            for id in target.descend(NodeId::ROOT).filter(|id| target.kind(*id).is_leaf()) {
                self.origins.source(id).map(|source| lost.remove(&source));
            }
        }
        lost
    }
}

type Outcome<T> = Result<T, Box<Issue>>;

/// What a variable holds.
#[derive(Debug, Clone)]
enum Var<'a> {
    None,
    /// A node of a source.
    Node(Node<'a>),
    /// A node of the target.
    Made(NodeId, TypeId),
    /// A value, and its FHIR type where one was said.
    Value(Value<'a>, TypeId),
}

impl Program<'_> {
    /// Runs the first group on sources that were read with the names of the definitions.
    ///
    /// # Errors
    /// The sources are not what the first group reads, or a limit was passed. What goes wrong in a rule is among the
    /// findings of the output.
    pub fn run(&self, sources: &[&Tree], settings: Settings) -> Result<Output, Box<Issue>> {
        let mut run = Run::new(self, sources, settings)?;
        run.group(0, 0)?;
        run.prune();
        Ok(run.output())
    }
}

struct Run<'p, 'a> {
    program: &'p Program<'p>,
    known: Known,
    sources: Vec<&'a Tree>,
    settings: Settings,
    target: Tree,
    roots: Vec<NodeId>,
    /// Resources that were made and not copied from a source.
    resources: HashSet<NodeId>,
    /// Elements of logical models that stay although nothing is made in them.
    staying: HashSet<NodeId>,
    /// The variables of the groups that are open, innermost last.
    slots: Vec<Var<'a>>,
    /// Where those of the innermost group start.
    frame: usize,
    constants: Vec<Option<Vec<Var<'a>>>>,
    /// Values of sources that are being walked.
    pool: Vec<Var<'a>>,
    /// Shared items: parent, element, id, item.
    shared: Vec<(NodeId, Name, &'p str, NodeId)>,
    /// Lists that sources ask about again and again.
    keyed: Vec<Keyed<'a>>,
    keyed_next: usize,
    rule: usize,
    /// Where the map says what is being written.
    writing: Span,
    /// The node of the first source that is being read.
    reading: Option<NodeId>,
    depth: usize,
    open_sources: usize,
    executed: u64,
    bytes: usize,
    uuids: u64,
    origins: Origins,
    /// What is being written is a default.
    is_default: bool,
    /// Nodes of the target that were set as a default, by their number.
    defaults: Vec<bool>,
    replaced: Vec<Replaced>,
    fates: Vec<(Fate, u32)>,
    below: Vec<(Fate, u32)>,
    findings: Vec<Finding>,
    logs: Vec<Log>,
}

impl<'p, 'a> Run<'p, 'a> {
    fn new(program: &'p Program<'p>, sources: &[&'a Tree], settings: Settings) -> Outcome<Self> {
        let names = program.schema.names();
        if sources.iter().any(|tree| !Arc::ptr_eq(tree.names().shared(), names)) {
            return Err(refuse("the sources were read with other definitions than those of the map"));
        }
        let first = sources.first();
        let room = first.map_or(64, |tree| tree.len());
        let noted = if settings.with_ledger { room } else { 0 };
        let mut run = Self {
            program,
            known: program.known,
            sources: sources.to_vec(),
            settings,
            target: Tree::with_room(room, first.map_or(64, |tree| tree.source().len() / 2), names),
            roots: Vec::new(),
            resources: HashSet::new(),
            staying: HashSet::new(),
            slots: Vec::new(),
            frame: 0,
            constants: vec![None; program.constants.len()],
            pool: Vec::new(),
            shared: Vec::new(),
            keyed: Vec::new(),
            keyed_next: 0,
            rule: 0,
            writing: Span::default(),
            reading: first.map(|_| NodeId::ROOT),
            depth: 0,
            open_sources: 0,
            executed: 0,
            bytes: 0,
            uuids: 0,
            origins: Origins::default(),
            is_default: false,
            defaults: Vec::new(),
            replaced: Vec::new(),
            fates: vec![(Fate::Unexplained, u32::MAX); noted],
            below: vec![(Fate::Unexplained, u32::MAX); noted],
            findings: Vec::new(),
            logs: Vec::new(),
        };
        run.open_inputs()?;
        Ok(run)
    }

    /// Gives the first group its sources and empty targets.
    fn open_inputs(&mut self) -> Outcome<()> {
        let Some(group) = self.program.groups.first() else { return Err(refuse("the map has no group")) };
        let wanted = group.inputs.iter().filter(|input| input.mode == InputMode::Source).count();
        if wanted != self.sources.len() {
            let message = format!("the map reads {wanted} documents, and {} are given", self.sources.len());
            return Err(refuse(&message));
        }
        let mut sources = self.sources.clone().into_iter();
        for input in &group.inputs {
            let var = match input.mode {
                InputMode::Source => {
                    let Some(tree) = sources.next() else { continue };
                    Var::Node(self.root_of(tree, input.ty)?)
                }
                InputMode::Target => {
                    let ty = input.ty.unwrap_or(UNKNOWN);
                    if ty == UNKNOWN {
                        let message = format!("it is not known what `{}` is", input.name);
                        return Err(refuse(&message));
                    }
                    let id = self.new_root(ty);
                    self.say_model(id, ty);
                    self.roots.push(id);
                    Var::Made(id, ty)
                }
            };
            self.slots.push(var);
        }
        if self.target.is_empty() {
            self.target.push_root(Name::NONE, Kind::Object);
        }
        self.slots.resize(group.slots, Var::None);
        Ok(())
    }

    fn root_of(&self, tree: &'a Tree, declared: Option<TypeId>) -> Outcome<Node<'a>> {
        let schema = self.program.schema;
        let said = tree.resource_type(NodeId::ROOT).and_then(|name| schema.type_named(&name));
        let node = |ty| Node { tree, id: NodeId::ROOT, ty };
        let Some(declared) = declared else { return Ok(node(said.unwrap_or(UNKNOWN))) };
        match said {
            Some(said) if !self.is_subtype(said, declared) => {
                let (said, wanted) = (schema.type_info(said).name, schema.type_info(declared).name);
                let message = format!("this is of the type `{said}`, and the map reads `{wanted}`");
                Err(Box::new(Issue::error(codes::FML_INPUT, tree.span(NodeId::ROOT), message)))
            }
            Some(said) => Ok(node(said)),
            None => Ok(node(declared)),
        }
    }

    /// An empty instance that stands nowhere yet.
    fn new_root(&mut self, ty: TypeId) -> NodeId {
        let info = self.program.schema.type_info(ty);
        let name = match info.kind {
            TypeKind::Logical => {
                let named = self.program.roots.get(&ty).map(|name| &**name);
                self.target.intern(named.unwrap_or_else(|| info.name.rsplit('/').next().unwrap_or(info.name)))
            }
            _ => Name::NONE,
        };
        let kind = if info.is_primitive() { Kind::Null } else { Kind::Object };
        let id = if self.target.is_empty() {
            self.target.push_root(name, kind)
        } else {
            let id = self.target.push(NodeId::ROOT, name, kind, Flags::default());
            self.target.detach(id);
            id
        };
        self.name_resource(id, ty);
        if let Some(uri) = self.program.namespaces.get(&ty) {
            let name = self.target.intern("@xmlns");
            let node = self.target.insert(id, name, Kind::Attr, Flags::default(), 0);
            self.target.set_text(node, uri);
        }
        id
    }

    /// An instance of a logical model says its type as resources do where the first source, one too, does so.
    fn say_model(&mut self, id: NodeId, ty: TypeId) {
        let schema = self.program.schema;
        let is_model = |ty: TypeId| schema.type_info(ty).kind == TypeKind::Logical;
        let said = self.sources.first().and_then(|tree| tree.resource_type(NodeId::ROOT));
        if is_model(ty) && said.and_then(|name| schema.type_named(&name)).is_some_and(is_model) {
            let name = schema.type_info(ty).name;
            let node = self.target.insert(id, Name::RESOURCE_TYPE, Kind::Str, Flags::default(), 0);
            self.target.set_text(node, name.rsplit('/').next().unwrap_or(name));
        }
    }

    /// What is made of a resource type says so.
    fn name_resource(&mut self, id: NodeId, ty: TypeId) {
        let info = self.program.schema.type_info(ty);
        if info.is_resource() && !info.is_abstract {
            let base = info.base.filter(|_| info.is_profile);
            let name = base.map_or(info.name, |base| self.program.schema.type_info(base).name);
            let node = self.target.insert(id, Name::RESOURCE_TYPE, Kind::Str, Flags::default(), 0);
            self.target.set_text(node, name);
            self.resources.insert(id);
        }
    }

    fn var(&self, slot: usize) -> Var<'a> {
        self.slots.get(self.frame + slot).cloned().unwrap_or(Var::None)
    }

    fn set(&mut self, slot: usize, var: Var<'a>) {
        if let Some(place) = self.slots.get_mut(self.frame + slot) {
            *place = var;
        }
    }

    /// The one value of a variable or constant.
    fn slot(&mut self, slot: Slot) -> Var<'a> {
        match slot {
            Slot::Local(slot) => self.var(slot),
            Slot::Constant(number) => self.constant(number).first().cloned().unwrap_or(Var::None),
        }
    }

    /// True where `ty` is `of` or derives from it.
    fn is_subtype(&self, ty: TypeId, of: TypeId) -> bool {
        let mut here = Some(ty);
        // Chains of base types are short; the limit only guards against a circle in definitions.
        for _ in 0..16 {
            match here {
                Some(found) if found == of => return true,
                Some(found) => here = self.program.schema.type_info(found).base,
                None => return false,
            }
        }
        false
    }

    /// The type of a node; of a resource the one its data name.
    fn type_of(&self, tree: &Tree, id: NodeId, ty: TypeId) -> TypeId {
        if ty != self.known.resource && ty != self.known.domain_resource && ty != UNKNOWN {
            return ty;
        }
        let named = tree.resource_type(id).and_then(|name| self.program.schema.type_named(&name));
        named.unwrap_or(ty)
    }

    fn report(&mut self, severity: Severity, code: &'static Code, span: Span, message: impl Into<String>) {
        self.report_value(severity, code, span, message, None);
    }

    fn error(&mut self, code: &'static Code, span: Span, message: impl Into<String>) {
        self.report_value(Severity::Error, code, span, message, None);
    }

    fn report_value(
        &mut self,
        severity: Severity,
        code: &'static Code,
        span: Span,
        message: impl Into<String>,
        value: Option<&str>,
    ) {
        if self.findings.len() >= FINDINGS_MAX {
            return;
        }
        let mut issue = Issue::new(code, severity, span, message);
        if let (Some(node), Some(tree)) = (self.reading, self.sources.first()) {
            issue = issue.at(tree.path(node));
        }
        if let Some(value) = value {
            issue = issue.with_value(value);
        }
        self.findings.push(Finding { rule: self.rule, issue, source: self.reading });
    }

    fn limit(&self, what: &str, limit: u64) -> Box<Issue> {
        let span = self.program.rule(self.rule).map_or_else(Span::default, |rule| rule.span);
        Box::new(Issue::error(codes::FML_LIMIT, span, format!("the map needs over {limit} {what}")))
    }

    /// Notes that a node of the first source was read for a value.
    fn carried(&mut self, node: &Node<'a>) {
        let is_first = self.sources.first().is_some_and(|tree| std::ptr::eq(*tree, node.tree));
        if !self.settings.with_ledger || !is_first {
            return;
        }
        let rule = to_u32(self.rule);
        if let Some(fate) = self.fates.get_mut(node.id.index()) {
            *fate = (Fate::Carried, rule);
        }
    }

    /// Notes that a node of the first source was carried with all below it.
    fn carried_whole(&mut self, node: &Node<'a>) {
        self.carried(node);
        let is_first = self.sources.first().is_some_and(|tree| std::ptr::eq(*tree, node.tree));
        if self.settings.with_ledger
            && is_first
            && let Some(below) = self.below.get_mut(node.id.index())
        {
            *below = (Fate::Carried, to_u32(self.rule));
        }
    }

    fn came_from(&mut self, made: NodeId, source: Option<NodeId>) {
        if self.settings.with_origins {
            self.origins.set(made, source.or(self.reading), self.rule);
        }
    }

    /// Takes out elements in which nothing was made: no element of FHIR is empty (ele-1). In the lists of a logical
    /// model an empty item may hold a place, so what `create()` made there stays.
    fn prune(&mut self) {
        let target = &mut self.target;
        let mut is_gone = vec![false; target.len()];
        let gone = |is_gone: &[bool], id: NodeId| is_gone.get(id.index()) == Some(&true);
        // What is below an element was made after it.
        for at in (1..target.len()).rev() {
            let id = NodeId::from_index(to_u32(at));
            let is_bare = matches!(target.kind(id), Kind::Object | Kind::Null)
                && !self.roots.contains(&id)
                && !self.staying.contains(&id);
            // A resource that was made and says only what it is says nothing.
            let is_made = self.resources.contains(&id);
            let is_nothing = |child: NodeId| {
                gone(&is_gone, child) || (is_made && target.name(child) == Name::RESOURCE_TYPE)
            };
            if is_bare && target.children(id).all(is_nothing) {
                is_gone[at] = true;
            }
        }
        for at in 0..target.len() {
            let id = NodeId::from_index(to_u32(at));
            if target.children(id).any(|child| gone(&is_gone, child)) {
                let kept: Vec<NodeId> = target.children(id).filter(|child| !gone(&is_gone, *child)).collect();
                target.set_children(id, &kept);
            }
        }
    }

    /// How deep a node of the target lies; one that is too deep would be too deep for whoever reads the result.
    fn depth_below(&self, id: NodeId) -> Outcome<u32> {
        let mut depth = 1;
        let mut above = self.target.parent(id);
        while let Some(here) = above {
            depth += 1;
            if depth > DEPTH_MAX {
                return Err(self.limit("levels of elements", u64::from(DEPTH_MAX)));
            }
            above = self.target.parent(here);
        }
        Ok(depth)
    }

    fn output(self) -> Output {
        let Self { target, roots, findings, logs, origins, replaced, fates, below, .. } = self;
        let further: Vec<Tree> = roots.iter().skip(1).map(|root| target.clone_below(*root)).collect();
        let targets =
            if roots.is_empty() { Vec::new() } else { std::iter::once(target).chain(further).collect() };
        Output { targets, findings, logs, origins, replaced, fates, below }
    }
}

/// The XML namespace that the definition of a logical model states.
pub fn namespace_of(definition: &Tree) -> Option<String> {
    let of = |id: NodeId| {
        let extensions = definition.children_named(id, Name::EXTENSION);
        let mut stated = extensions.filter(|extension| {
            definition.child_text(*extension, "url").is_some_and(|url| url == NAMESPACE_EXTENSION)
        });
        let value = |id: NodeId| {
            let uri = definition.child_text(id, "valueUri").or_else(|| definition.child_text(id, "valueUrl"));
            uri.map(std::borrow::Cow::into_owned)
        };
        stated.find_map(value)
    };
    let view = || {
        let view = definition.child_str(NodeId::ROOT, "snapshot");
        let view = view.or_else(|| definition.child_str(NodeId::ROOT, "differential"))?;
        of(definition.child_str(view, "element")?)
    };
    of(NodeId::ROOT).or_else(view)
}

/// An item of an expression as a variable. A node of the target is known by its tree.
fn var_of<'a>(item: &Item<'_>, sources: &[&'a Tree]) -> Var<'a> {
    match item {
        Item::Node(node) => match sources.iter().find(|tree| std::ptr::eq(**tree, node.tree)) {
            Some(tree) => Var::Node(Node { tree, id: node.id, ty: node.ty }),
            None => Var::Made(node.id, node.ty),
        },
        Item::Value(value) => Var::Value(value.clone().into_owned(), UNKNOWN),
    }
}

fn refuse(message: &str) -> Box<Issue> {
    Box::new(Issue::error(codes::FML_INPUT, Span::default(), message))
}
