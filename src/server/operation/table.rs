//! The one table of operations: what there is, of what it can be asked, and with which parameters. Routing, the check of
//! what comes, the `CapabilityStatement`, the `OpenAPI` document and the `OperationDefinition`s are made from it.

use super::{Task, plans_table};

/// What an operation can be asked of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server) enum Level {
    /// The whole server: `[base]/$name`.
    System,
    /// A resource type: `[base]/CarePlan/$name`.
    Type,
    /// One resource: `[base]/CarePlan/1/$name`.
    Instance,
}

/// Which way a parameter goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server) enum Usage {
    /// To the server.
    In,
    /// Back.
    Out,
}

/// One parameter of an operation, or a part of one.
#[derive(Debug, Clone, Copy)]
pub(in crate::server) struct Parameter {
    pub(in crate::server) name: &'static str,
    pub(in crate::server) usage: Usage,
    /// It must be there, wherever the operation is asked for.
    pub(in crate::server) is_needed: bool,
    /// It may stand more than once.
    pub(in crate::server) is_list: bool,
    /// Its type in the words of FHIR; nothing where it has parts.
    pub(in crate::server) ty: &'static str,
    /// What it says.
    pub(in crate::server) about: &'static str,
    pub(in crate::server) parts: &'static [Parameter],
}

/// A parameter that may be given once.
pub(super) const fn takes(name: &'static str, ty: &'static str, about: &'static str) -> Parameter {
    Parameter { name, usage: Usage::In, is_needed: false, is_list: false, ty, about, parts: &[] }
}

/// A parameter that is answered once.
pub(super) const fn gives(name: &'static str, ty: &'static str, about: &'static str) -> Parameter {
    Parameter { name, usage: Usage::Out, is_needed: true, is_list: false, ty, about, parts: &[] }
}

impl Parameter {
    pub(super) const fn needed(self) -> Self {
        Self { is_needed: true, ..self }
    }

    pub(super) const fn many(self) -> Self {
        Self { is_list: true, ..self }
    }

    /// True where a query can hold it: a primitive value.
    pub(in crate::server) fn is_primitive(&self) -> bool {
        self.ty.starts_with(|first: char| first.is_ascii_lowercase())
    }
}

/// One operation.
#[derive(Debug)]
pub(in crate::server) struct Operation {
    /// Without the `$`.
    pub(in crate::server) name: &'static str,
    /// Where it is defined.
    pub(in crate::server) definition: &'static str,
    /// In a few words.
    pub(in crate::server) title: &'static str,
    /// What it does here, and what it does not.
    pub(in crate::server) about: &'static str,
    /// What it can be asked of.
    pub(in crate::server) levels: &'static [Level],
    /// The resource types that have it; none: every type.
    pub(in crate::server) kinds: &'static [&'static str],
    /// It changes what is stored, so that GET does not do it.
    pub(in crate::server) is_write: bool,
    pub(in crate::server) task: Task,
    pub(in crate::server) parameters: &'static [Parameter],
}

impl Operation {
    /// The parameters that it takes.
    pub(in crate::server) fn takes(&self) -> impl Iterator<Item = &'static Parameter> + use<> {
        self.parameters.iter().filter(|parameter| parameter.usage == Usage::In)
    }

    /// The last part of the url of its definition, which is the id under which it can be read here.
    pub(in crate::server) fn id(&self) -> &'static str {
        self.definition.rsplit('/').next().unwrap_or(self.name)
    }

    /// True where a resource type has it at a level.
    pub(in crate::server) fn is_of(&self, level: Level, kind: Option<&str>) -> bool {
        self.levels.contains(&level)
            && (level == Level::System
                || self.kinds.is_empty()
                || kind.is_some_and(|kind| self.kinds.contains(&kind)))
    }
}

use Level::{Instance, System, Type};

/// Every operation.
pub(in crate::server) static OPERATIONS: &[Operation] = &[
    Operation {
        name: "validate",
        definition: "http://hl7.org/fhir/OperationDefinition/Resource-validate",
        title: "Validate a resource",
        about: "Holds a resource against FHIR R4, the profiles that it names and the one that is asked for. What could not be checked is said as an issue of the type incomplete.",
        levels: &[System, Type, Instance],
        kinds: &[],
        is_write: false,
        task: Task::Validate,
        parameters: &[
            takes(
                "resource",
                "Resource",
                "The resource; without one, that of the address is validated as it is stored",
            ),
            takes("mode", "code", "create, update, delete or profile: what the resource is meant for"),
            takes("profile", "uri", "A profile that the resource must fit beside those that it names itself"),
            gives("return", "OperationOutcome", "What was found; no error where the resource is valid"),
        ],
    },
    Operation {
        name: "meta",
        definition: "http://hl7.org/fhir/OperationDefinition/Resource-meta",
        title: "Profiles, tags and labels of a resource",
        about: "Gives the meta of one resource.",
        levels: &[Instance],
        kinds: &[],
        is_write: false,
        task: Task::Meta,
        parameters: &[gives("return", "Meta", "The meta of the resource")],
    },
    Operation {
        name: "meta-add",
        definition: "http://hl7.org/fhir/OperationDefinition/Resource-meta-add",
        title: "Add profiles, tags and labels to a resource",
        about: "Adds the profiles, tags and security labels that the resource does not have yet. The resource gets a new version, as nothing that is stored is ever changed.",
        levels: &[Instance],
        kinds: &[],
        is_write: true,
        task: Task::MetaAdd,
        parameters: &[
            takes("meta", "Meta", "What is added").needed(),
            gives("return", "Meta", "The meta as it is then"),
        ],
    },
    Operation {
        name: "meta-delete",
        definition: "http://hl7.org/fhir/OperationDefinition/Resource-meta-delete",
        title: "Take profiles, tags and labels from a resource",
        about: "Takes the profiles, tags and security labels away that are named. The resource gets a new version, as nothing that is stored is ever changed.",
        levels: &[Instance],
        kinds: &[],
        is_write: true,
        task: Task::MetaDelete,
        parameters: &[
            takes("meta", "Meta", "What is taken away").needed(),
            gives("return", "Meta", "The meta as it is then"),
        ],
    },
    Operation {
        name: "everything",
        definition: "http://hl7.org/fhir/OperationDefinition/Patient-everything",
        title: "All that is kept about a patient",
        about: "Gives what is in the compartment of the patient and what that refers to, page by page. Without an id all patients follow each other, each from a page of its own. What is referred to and belongs to another patient is left out.",
        levels: &[Type, Instance],
        kinds: &["Patient"],
        is_write: false,
        task: Task::Everything,
        parameters: &[
            takes("start", "date", "Care from this day on; what tells no time of care stays"),
            takes("end", "date", "Care up to this day; what tells no time of care stays"),
            SINCE,
            TYPES,
            COUNT,
            PAGE,
            SEARCHSET,
        ],
    },
    Operation {
        name: "everything",
        definition: "http://hl7.org/fhir/OperationDefinition/Encounter-everything",
        title: "All that is kept about an encounter",
        about: "Gives what is in the compartment of the encounter and what that refers to, page by page.",
        levels: &[Instance],
        kinds: &["Encounter"],
        is_write: false,
        task: Task::Everything,
        parameters: &[SINCE, TYPES, COUNT, PAGE, SEARCHSET],
    },
    Operation {
        name: "match",
        definition: "http://hl7.org/fhir/OperationDefinition/Patient-match",
        title: "Who may be the same person",
        about: "Gives the records that may be the person that is described, the surest first, each with a score and a grade. Candidates share an identifier, a telephone number, a mail address, or two of family name, given name and birth date. Nothing is joined.",
        levels: &[Type],
        kinds: &["Patient"],
        is_write: false,
        task: Task::Match,
        parameters: &[
            takes("resource", "Resource", "A Patient that says what is known of the person").needed(),
            takes(
                "onlyCertainMatches",
                "boolean",
                "Only records with the same valid personal identity code, which nothing contradicts",
            ),
            takes("count", "integer", "How many records are given at most"),
            gives(
                "return",
                "Bundle",
                "A searchset: each entry has search.score and the extension match-grade",
            ),
        ],
    },
    plans_table::CONTRIBUTE,
    plans_table::JOINED_PLAN,
    plans_table::WRITE_BACK,
    plans_table::DECIDE,
    plans_table::EXPLAIN,
    plans_table::EXPLAIN_CODE,
];

const SINCE: Parameter = takes("_since", "instant", "Only what was changed at this moment or later");
const TYPES: Parameter = takes("_type", "code", "Only these types, with commas between them").many();
const COUNT: Parameter = takes("_count", "integer", "How many resources one page has at most");
const PAGE: Parameter = takes("_page", "string", "A page, as the link to the next one names it");
const SEARCHSET: Parameter = gives("return", "Bundle", "A searchset with links to the pages that follow");
