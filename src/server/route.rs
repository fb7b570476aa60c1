//! The one table of routes. Routing, the `CapabilityStatement` and the `OpenAPI` document are made from it; nothing else
//! says what the server answers to.

use super::operation::{self, Level, Operation, Task};
use super::refusal::{Outcome, Refusal, Why};
use crate::schema::Schema;
use hyper::Method;

/// A part of the path of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// This very word.
    Word(&'static str),
    /// A resource type.
    Type,
    /// The id of a resource.
    Id,
    /// The number of a version.
    Version,
    /// The resource type that is looked for in a compartment; `*` for all of them.
    Below,
    /// The name of an operation, with its `$`.
    Operation,
    /// The name of a file.
    File,
    /// The id of a resource below an operation.
    Member,
}

/// Where a route hangs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Root {
    /// Below the base of the FHIR API.
    Base,
    /// At the root of the server, for those who run it.
    Server,
}

/// In the place of a type: all types of a compartment (FHIR R4, "search", compartments).
pub(super) const ANY_TYPE: &str = "*";

/// What is done. Each variant has its handler in `Server::dispatch`, which names them all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Interaction {
    Health,
    Ready,
    Metrics,
    Capabilities,
    OpenApi,
    SmartConfiguration,
    Token,
    Read,
    VersionRead,
    Update,
    ConditionalUpdate,
    Patch,
    ConditionalPatch,
    Delete,
    ConditionalDelete,
    Create,
    SearchType,
    SearchTypeForm,
    SearchSystem,
    SearchSystemForm,
    SearchCompartment,
    SearchCompartmentForm,
    HistoryInstance,
    HistoryType,
    HistorySystem,
    Bundle,
    Operation,
    JobStatus,
    JobFile,
    JobEnd,
}

/// One way to ask the server for something.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) method: Method,
    pub(super) root: Root,
    pub(super) path: &'static [Part],
    pub(super) interaction: Interaction,
    /// In a few words, for the `OpenAPI` document.
    pub(super) summary: &'static str,
}

const fn base(
    method: Method,
    path: &'static [Part],
    interaction: Interaction,
    summary: &'static str,
) -> Route {
    Route { method, root: Root::Base, path, interaction, summary }
}

const fn server(path: &'static [Part], interaction: Interaction, summary: &'static str) -> Route {
    Route { method: Method::GET, root: Root::Server, path, interaction, summary }
}

use Interaction as Do;
use Part::{Below, Id, Type, Version, Word};

const OPERATION: &str = "Do an operation";

/// Every route. Where two fit, the first counts, so words stand before types. A `static`, so that a route is known by
/// where it lies.
pub(super) static ROUTES: &[Route] = &[
    server(&[Word("health")], Do::Health, "Tells that the process runs"),
    server(&[Word("ready")], Do::Ready, "Tells that requests can be served"),
    server(&[Word("metrics")], Do::Metrics, "Counters in the text form of Prometheus"),
    Route {
        method: Method::POST,
        root: Root::Server,
        path: &[Word("token")],
        interaction: Do::Token,
        summary: "Grants an access token for a signed assertion",
    },
    base(
        Method::GET,
        &[Word(".well-known"), Word("smart-configuration")],
        Do::SmartConfiguration,
        "How clients get access tokens",
    ),
    base(Method::GET, &[Word("metadata")], Do::Capabilities, "What this server can do"),
    base(Method::GET, &[Word("openapi.json")], Do::OpenApi, "The API as an OpenAPI document"),
    base(Method::GET, &[Word("_history")], Do::HistorySystem, "Changes of all resources"),
    base(Method::POST, &[Word("_search")], Do::SearchSystemForm, "Search all resources with a form"),
    base(Method::GET, &[Word("_jobs"), Id], Do::JobStatus, "How far a job is, or what it gave"),
    base(Method::DELETE, &[Word("_jobs"), Id], Do::JobEnd, "End a job and let its files go"),
    base(Method::GET, &[Word("_jobs"), Id, Part::File], Do::JobFile, "One file that a job gave"),
    base(Method::GET, &[Part::Operation], Do::Operation, OPERATION),
    base(Method::POST, &[Part::Operation], Do::Operation, OPERATION),
    base(Method::GET, &[Type, Part::Operation], Do::Operation, OPERATION),
    base(Method::POST, &[Type, Part::Operation], Do::Operation, OPERATION),
    base(Method::GET, &[Type, Id, Part::Operation], Do::Operation, OPERATION),
    base(Method::POST, &[Type, Id, Part::Operation], Do::Operation, OPERATION),
    base(
        Method::GET,
        &[Type, Id, Part::Operation, Below, Part::Member],
        Do::Operation,
        "Read a resource of a joined plan",
    ),
    base(Method::GET, &[], Do::SearchSystem, "Search all resources"),
    base(Method::POST, &[], Do::Bundle, "Do a batch or a transaction"),
    base(Method::GET, &[Type, Word("_history")], Do::HistoryType, "Changes of all resources of a type"),
    base(
        Method::POST,
        &[Type, Word("_search")],
        Do::SearchTypeForm,
        "Search resources of a type with a form",
    ),
    base(
        Method::GET,
        &[Type, Id, Word("_history"), Version],
        Do::VersionRead,
        "Read one version of a resource",
    ),
    base(Method::GET, &[Type, Id, Word("_history")], Do::HistoryInstance, "Changes of one resource"),
    base(
        Method::POST,
        &[Type, Id, Below, Word("_search")],
        Do::SearchCompartmentForm,
        "Search a compartment with a form",
    ),
    base(
        Method::GET,
        &[Type, Id, Below],
        Do::SearchCompartment,
        "Search resources of a type in a compartment",
    ),
    base(Method::GET, &[Type, Id], Do::Read, "Read a resource"),
    base(Method::PUT, &[Type, Id], Do::Update, "Update a resource, or create it with its id"),
    base(Method::PATCH, &[Type, Id], Do::Patch, "Change parts of a resource"),
    base(Method::DELETE, &[Type, Id], Do::Delete, "Delete a resource"),
    base(Method::GET, &[Type], Do::SearchType, "Search resources of a type"),
    base(Method::POST, &[Type], Do::Create, "Create a resource"),
    base(Method::PUT, &[Type], Do::ConditionalUpdate, "Update the resource that a search finds"),
    base(Method::PATCH, &[Type], Do::ConditionalPatch, "Change parts of the resource that a search finds"),
    base(Method::DELETE, &[Type], Do::ConditionalDelete, "Delete the resource that a search finds"),
];

/// What the path of a request names.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    /// The resource type.
    pub(super) kind: Option<&'static str>,
    /// The id.
    pub(super) id: Option<String>,
    /// The version.
    pub(super) version: Option<String>,
    /// The resource type looked for in a compartment; none where it is all of them.
    pub(super) below: Option<&'static str>,
    /// The file of a job.
    pub(super) file: Option<String>,
    /// The operation.
    pub(super) operation: Option<&'static Operation>,
    /// The id of a resource below the operation.
    pub(super) member: Option<String>,
}

/// Why no route was taken.
#[derive(Debug)]
pub(super) enum Lost {
    /// A refusal.
    Refused(Box<Refusal>),
    /// The path is known, with these methods.
    Method(Vec<&'static Method>),
}

impl From<Box<Refusal>> for Lost {
    fn from(refusal: Box<Refusal>) -> Self {
        Self::Refused(refusal)
    }
}

/// The route of a request, and what its path names. A request with HEAD takes the route of GET.
pub(super) fn find(
    schema: &'static Schema,
    root: Root,
    method: &Method,
    segments: &[String],
) -> Result<(&'static Route, Names), Lost> {
    let wanted = if *method == Method::HEAD { &Method::GET } else { method };
    let fitting = || ROUTES.iter().filter(|route| route.root == root && fits(route.path, segments));
    let Some(route) = fitting().find(|route| route.method == *wanted) else {
        let Some(first) = fitting().next() else {
            return Err(Refusal::plain(Why::NoRoute).into());
        };
        // A type that nobody knows is told before the method.
        names(schema, first.path, segments)?;
        // A word of the API fits where a type does, but is none.
        let of_path = fitting().filter(|route| names(schema, route.path, segments).is_ok());
        return Err(Lost::Method(of_path.map(|route| &route.method).collect()));
    };
    let names = names(schema, route.path, segments)?;
    // What changes the store is no matter of GET (FHIR R4, 3.2.0.2).
    if route.method == Method::GET && names.operation.is_some_and(|operation| operation.is_write) {
        return Err(Lost::Method(vec![&Method::POST]));
    }
    Ok((route, names))
}

fn fits(path: &[Part], segments: &[String]) -> bool {
    path.len() == segments.len()
        && path.iter().zip(segments).all(|(part, segment)| match part {
            Word(word) => word == segment,
            Part::Operation => segment.starts_with('$'),
            // Words of the API and operations are no ids; a type is judged once the route is found.
            Type | Id | Version | Below | Part::File | Part::Member => !segment.starts_with(['_', '$']),
        })
}

fn names(schema: &'static Schema, path: &[Part], segments: &[String]) -> Outcome<Names> {
    let mut names = Names::default();
    for (part, segment) in path.iter().zip(segments) {
        match part {
            Word(_) => {}
            Type => names.kind = Some(resource_type(schema, segment)?),
            Below if segment == ANY_TYPE => {}
            Below => names.below = Some(resource_type(schema, segment)?),
            Id => names.id = Some(segment.clone()),
            Version => names.version = Some(segment.clone()),
            Part::File => names.file = Some(segment.clone()),
            Part::Operation => names.operation = Some(operation_of(&names, segment)?),
            Part::Member => names.member = Some(segment.clone()),
        }
    }
    let has_members = names.operation.is_some_and(|operation| operation.task == Task::JoinedPlan);
    if names.member.is_some() && !has_members {
        return Err(Refusal::plain(Why::NoRoute));
    }
    Ok(names)
}

fn operation_of(names: &Names, segment: &str) -> Outcome<&'static Operation> {
    let level = match (names.kind, &names.id) {
        (Some(_), Some(_)) => Level::Instance,
        (Some(_), None) => Level::Type,
        (None, _) => Level::System,
    };
    operation::find(segment.trim_start_matches('$'), level, names.kind)
}

/// The name of a resource type that data can have.
pub(super) fn resource_type(schema: &'static Schema, name: &str) -> Outcome<&'static str> {
    let info = schema.type_named(name).map(|ty| schema.type_info(ty));
    let known = info.filter(|info| info.is_resource() && !info.is_abstract && !info.is_profile);
    known.map(|info| info.name).ok_or_else(|| Refusal::plain(Why::ResourceUnknown))
}

/// True for a text that may be the id of a resource (FHIR R4, `id`).
pub(super) fn is_id(text: &str) -> bool {
    let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    (1..=64).contains(&text.len()) && text.bytes().all(is_sign)
}

impl Route {
    /// The path with its variable parts in braces: what logs and metrics tell, which never has an id.
    pub(super) fn template(&self) -> String {
        let mut out = String::from(if self.root == Root::Base { "" } else { "/" });
        for (at, part) in self.path.iter().enumerate() {
            if at > 0 || self.root == Root::Base {
                out.push('/');
            }
            out.push_str(match part {
                Word(word) => word,
                Type => "{type}",
                Id => "{id}",
                Version => "{version}",
                Below => "{below}",
                Part::Operation => "${operation}",
                Part::File => "{file}",
                Part::Member => "{member}",
            });
        }
        out
    }
}

impl Interaction {
    /// The code that a `CapabilityStatement` has for it at a resource, where it has one.
    pub(super) const fn of_type(self) -> Option<&'static str> {
        match self {
            Do::Read => Some("read"),
            Do::VersionRead => Some("vread"),
            Do::Update => Some("update"),
            Do::Patch => Some("patch"),
            Do::Delete => Some("delete"),
            Do::HistoryInstance => Some("history-instance"),
            Do::HistoryType => Some("history-type"),
            Do::Create => Some("create"),
            Do::SearchType => Some("search-type"),
            Do::Health
            | Do::Ready
            | Do::Metrics
            | Do::Capabilities
            | Do::OpenApi
            | Do::SmartConfiguration
            | Do::Token
            | Do::ConditionalUpdate
            | Do::ConditionalPatch
            | Do::ConditionalDelete
            | Do::SearchTypeForm
            | Do::SearchSystem
            | Do::SearchSystemForm
            | Do::SearchCompartment
            | Do::SearchCompartmentForm
            | Do::HistorySystem
            | Do::Bundle
            | Do::Operation
            | Do::JobStatus
            | Do::JobFile
            | Do::JobEnd => None,
        }
    }

    /// The codes that a `CapabilityStatement` has for it at the whole system.
    pub(super) const fn of_system(self) -> &'static [&'static str] {
        match self {
            Do::SearchSystem => &["search-system"],
            Do::HistorySystem => &["history-system"],
            Do::Bundle => &["batch", "transaction"],
            _ => &[],
        }
    }

    /// True where it changes what is stored.
    pub(super) const fn is_write(self) -> bool {
        matches!(
            self,
            Do::Update
                | Do::ConditionalUpdate
                | Do::Patch
                | Do::ConditionalPatch
                | Do::Delete
                | Do::ConditionalDelete
                | Do::Create
                | Do::Bundle
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_find_their_routes() {
        let check = |method: Method, path: &str, expected: Option<Interaction>| {
            let segments: Vec<String> =
                path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
            let found = find(Schema::r4(), Root::Base, &method, &segments);
            assert_eq!(found.ok().map(|(route, _)| route.interaction), expected, "{method} {path}");
        };
        check(Method::GET, "metadata", Some(Do::Capabilities));
        check(Method::HEAD, "Patient/1", Some(Do::Read));
        check(Method::GET, "Patient/1/_history/2", Some(Do::VersionRead));
        check(Method::GET, "Patient/1/_history", Some(Do::HistoryInstance));
        check(Method::GET, "Patient/1/CarePlan", Some(Do::SearchCompartment));
        check(Method::GET, "Patient/1/*", Some(Do::SearchCompartment));
        check(Method::POST, "Patient/1/*/_search", Some(Do::SearchCompartmentForm));
        check(Method::GET, "*", None);
        check(Method::POST, "Patient/_search", Some(Do::SearchTypeForm));
        check(Method::POST, "", Some(Do::Bundle));
        check(Method::GET, "patient/1", None);
        check(Method::GET, "HumanName/1", None);
        check(Method::GET, "DomainResource/1", None);
        check(Method::PUT, "Patient/_search", None);
        check(Method::GET, "Patient/1/$meta", Some(Do::Operation));
        check(Method::GET, "Patient/$meta", None);
        check(Method::GET, "Patient/1/$nothing", None);
        check(Method::DELETE, "metadata", None);
    }

    #[test]
    fn a_known_path_tells_its_methods() {
        let found = find(Schema::r4(), Root::Base, &Method::POST, &["Patient".to_owned(), "1".to_owned()]);
        let Err(Lost::Method(methods)) = found else { unreachable!("there is no such route") };
        assert_eq!(methods, [&Method::GET, &Method::PUT, &Method::PATCH, &Method::DELETE]);
        let found = find(Schema::r4(), Root::Base, &Method::OPTIONS, &["metadata".to_owned()]);
        let Err(Lost::Method(methods)) = found else { unreachable!("there is no such route") };
        assert_eq!(methods, [&Method::GET]);
    }
}
