//! A tree against its definitions, giving issues.
//!
//! One pass over the tree checks structure, types, primitive formats, cardinality, choices, bindings, references,
//! extensions and invariants of R4. Profiles add what they demand beyond that: a profile is compiled to its difference
//! from the type it constrains, and parts of a document that it says nothing about are not visited again.
//!
//! What could not be checked is listed in the report: a value set or code system that is not at hand, a profile that is
//! not known, an expression that has no answer.
//!
//! ```
//! use sauma::diag::Severity;
//! use sauma::schema::Schema;
//! use sauma::tree::fhir;
//! use sauma::validate::{Options, Validator};
//!
//! let schema = Schema::r4();
//! let validator = Validator::new(schema);
//! let text = r#"{"resourceType":"CareTeam","status":"actve"}"#;
//! let tree = fhir::read_json(text, schema.names()).map_err(|issue| issue.message)?;
//! let report = validator.validate(&tree, &Options::default());
//! let error = report.issues.iter().find(|issue| issue.severity == Severity::Error);
//! assert_eq!(error.map(|error| (error.code.id, error.path.as_str())), Some(("V325", "CareTeam.status")));
//! # Ok::<(), String>(())
//! ```

mod attachment;
mod binding;
mod bundle;
mod contained;
mod counterpart;
mod definition;
mod element;
mod extension;
mod invariant;
mod measure;
mod narrative;
mod outcome;
mod primitive;
mod profile;
mod questionnaire;
mod reference;
mod report;
mod resource;
mod rules;
pub(crate) mod sha1;
mod terminology;

pub use outcome::outcome;
pub use report::{ISSUES_MAX, NotChecked, Report, Subject};

use crate::fhirpath::{Context, Item, Temporal};
use crate::schema::Schema;
use crate::tree::fhir::TypeId;
use crate::tree::{Counted, NodeId, Tree};
use contained::LocalReference;
use counterpart::{Counterpart, Counterparts};
use profile::{Profiles, Progress};
use reference::Targets;
use rules::RuleTable;
use std::collections::{HashMap, HashSet};

/// Definitions made ready to check data against. Rules are compiled as data ask for them, and shared by all threads.
#[derive(Debug)]
pub struct Validator<'s> {
    rules: RuleTable<'s>,
    profiles: Profiles<'s>,
    counterparts: Counterparts,
    extensions: Extensions,
}

/// What becomes of an extension whose definition is not at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Extensions {
    /// It is told, and counted as not checked: data may hold what others added (FHIR R4, "Extensibility").
    #[default]
    Any,
    /// It is an error, as where data are to hold only what was agreed upon.
    Known,
}

/// Profiles that derive from profiles are followed this far.
const BASES_MAX: usize = 32;

/// How one document is validated.
#[derive(Debug, Clone, Default)]
pub struct Options<'o> {
    /// Urls of profiles that the resource must fit beside those that it names itself.
    pub profiles: &'o [String],
    /// The time, for invariants that ask for it.
    pub now: Option<Temporal>,
}

impl<'s> Validator<'s> {
    /// A validator of these definitions. Trees must be read with the names of the schema.
    pub fn new(schema: &'s Schema) -> Self {
        Self {
            rules: RuleTable::new(schema),
            profiles: Profiles::default(),
            counterparts: Counterparts::new(schema),
            extensions: Extensions::Any,
        }
    }

    /// With another way of treating extensions that no definition at hand describes.
    #[must_use]
    pub const fn with_extensions(mut self, extensions: Extensions) -> Self {
        self.extensions = extensions;
        self
    }

    /// The definitions.
    pub const fn schema(&self) -> &'s Schema {
        self.rules.schema
    }

    /// Checks the resource that a tree holds.
    pub fn validate(&self, tree: &Tree, options: &Options<'_>) -> Report {
        let mut walk = self.walk(tree, options);
        walk.resource(NodeId::ROOT);
        walk.report.issues.sort_by_key(|issue| issue.span.start);
        walk.report
    }

    fn walk<'a>(&'a self, tree: &'a Tree, options: &'a Options<'a>) -> Walk<'a, 's> {
        let mut context = Context::new(self.schema()).with_host(self);
        if let Some(now) = options.now {
            context = context.with_now(now);
        }
        Walk {
            validator: self,
            tree,
            options,
            is_xml: tree.source().trim_start_matches('\u{feff}').trim_start().starts_with('<'),
            scope: Scope { resource: NodeId::ROOT, root: NodeId::ROOT, bundle: None, context },
            targets: Targets::default(),
            ids: HashSet::new(),
            local: Vec::new(),
            counterparts: HashMap::new(),
            report: Report::default(),
            errors: 0,
            told_errors: 0,
            is_trial: false,
            progress: Progress::default(),
            definitions: 0,
            counted: Counted::default(),
        }
    }
}

/// The one walk over a tree.
struct Walk<'a, 's> {
    validator: &'a Validator<'s>,
    tree: &'a Tree,
    options: &'a Options<'a>,
    is_xml: bool,
    scope: Scope<'a>,
    /// What references within the document can lead to.
    targets: Targets,
    /// Ids of elements that were passed, with their resources.
    ids: HashSet<(NodeId, String)>,
    /// The local references that were passed.
    local: Vec<LocalReference>,
    /// Contained resources that others are held against, as they were read.
    counterparts: HashMap<NodeId, Counterpart>,
    report: Report,
    /// Errors so far, told or not.
    errors: usize,
    /// Errors among the issues of the report.
    told_errors: usize,
    /// Only whether there are errors is asked for.
    is_trial: bool,
    progress: Progress,
    /// Definitions that were completed.
    definitions: usize,
    /// What paths of issues were counted up to.
    counted: Counted,
}

/// The resources around the node at hand.
#[derive(Clone)]
struct Scope<'a> {
    /// The innermost.
    resource: NodeId,
    /// The one that contains it, or itself.
    root: NodeId,
    /// The Bundle that holds that one as an entry.
    bundle: Option<NodeId>,
    context: Context<'a>,
}

impl<'a> Walk<'a, '_> {
    fn item(&self, id: NodeId, ty: TypeId) -> Item<'a> {
        Item::node(self.tree, id, ty)
    }
}
