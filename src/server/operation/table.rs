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
        name: "audit-log",
        definition: "https://w3id.org/sauma/fhir/OperationDefinition/Patient-audit-log",
        title: "The client's own log",
        about: "Tells who saw and changed the data of a client, newest first, each event in plain Finnish, Swedish or English in its text. AuditEvent?patient= gives the same events without words.",
        levels: &[Instance],
        kinds: &["Patient"],
        is_write: false,
        task: Task::AuditLog,
        parameters: &[
            takes("language", "code", "fi, sv or en; English where it is missing"),
            takes("date", "string", "when it happened, with a prefix as in a search").many(),
            takes("agent", "string", "the name of the program or the person"),
            takes("action", "code", "C, R, U, D or E"),
            takes("outcome", "code", "0 for what was done, 4 for what was refused"),
            takes("_count", "integer", "events of one page"),
            takes("_page", "integer", "where the page starts, as in its link"),
            gives("return", "Bundle", "the events"),
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
    Operation {
        name: "validate-code",
        definition: "http://hl7.org/fhir/OperationDefinition/ValueSet-validate-code",
        title: "Whether a code is in a value set",
        about: "Answers from the value sets and code systems that are loaded or stored here. Where these do not tell, the request is refused; nothing is guessed.",
        levels: &[Type, Instance],
        kinds: &["ValueSet"],
        is_write: false,
        task: Task::ValidateCodeInSet,
        parameters: &[
            takes("url", "uri", "The canonical url of the value set"),
            takes("valueSetVersion", "string", "Its version"),
            takes("valueSet", "ValueSet", "The value set itself"),
            CODE,
            takes("system", "uri", "The system of the code"),
            DISPLAY,
            CODING,
            CONCEPT,
            LANGUAGE,
            RESULT,
            MESSAGE,
            CALLED,
        ],
    },
    Operation {
        name: "validate-code",
        definition: "http://hl7.org/fhir/OperationDefinition/CodeSystem-validate-code",
        title: "Whether a code is in a code system",
        about: "Answers from the code systems that are loaded or stored here. Where these do not tell, the request is refused; nothing is guessed.",
        levels: &[Type, Instance],
        kinds: &["CodeSystem"],
        is_write: false,
        task: Task::ValidateCodeInSystem,
        parameters: &[
            takes("url", "uri", "The canonical url of the code system"),
            takes("system", "uri", "The same, as other servers have it"),
            takes("version", "string", "Its version"),
            takes("codeSystem", "CodeSystem", "The code system itself"),
            CODE,
            DISPLAY,
            CODING,
            CONCEPT,
            LANGUAGE,
            RESULT,
            MESSAGE,
            CALLED,
        ],
    },
    Operation {
        name: "expand",
        definition: "http://hl7.org/fhir/OperationDefinition/ValueSet-expand",
        title: "The codes of a value set",
        about: "Lists the codes of a value set that is loaded or stored here, or that comes with the request, as far as its code systems are at hand in full. Over 10,000 codes are given page by page.",
        levels: &[Type, Instance],
        kinds: &["ValueSet"],
        is_write: false,
        task: Task::Expand,
        parameters: &[
            takes("url", "uri", "The canonical url of the value set; left aside where the address names one"),
            takes("valueSetVersion", "string", "Its version"),
            takes("valueSet", "ValueSet", "The value set itself"),
            takes("filter", "string", "Words that the code or its display must have"),
            takes("offset", "integer", "How many codes are passed over"),
            takes("count", "integer", "How many codes are given at most"),
            takes("activeOnly", "boolean", "Only codes that are not retired"),
            LANGUAGE,
            gives("return", "ValueSet", "The value set with its expansion"),
        ],
    },
    Operation {
        name: "lookup",
        definition: "http://hl7.org/fhir/OperationDefinition/CodeSystem-lookup",
        title: "What a code system says of a code",
        about: "Gives display, designations, parents, children and properties of a code as far as its system is loaded or stored here.",
        levels: &[Type],
        kinds: &["CodeSystem"],
        is_write: false,
        task: Task::Lookup,
        parameters: &[
            CODE,
            takes("system", "uri", "The system of the code"),
            takes("version", "string", "Its version"),
            CODING,
            LANGUAGE,
            takes("property", "code", "Only these properties; designation for the designations").many(),
            gives("name", "string", "The name of the code system; its url where no name is at hand"),
            Parameter { is_needed: false, ..gives("version", "string", "The version that was looked up") },
            gives("display", "string", "What people read; the code itself where it has no display"),
            Parameter {
                is_needed: false,
                is_list: true,
                parts: &[
                    Parameter { is_needed: false, ..gives("language", "code", "The language") },
                    gives("value", "string", "What people read"),
                ],
                ..gives("designation", "", "Another display")
            },
            Parameter {
                is_needed: false,
                is_list: true,
                parts: &[
                    gives("code", "code", "Its name"),
                    gives("value", "string", "Its value; a code of parent and child"),
                ],
                ..gives("property", "", "A property")
            },
        ],
    },
    Operation {
        name: "subsumes",
        definition: "http://hl7.org/fhir/OperationDefinition/CodeSystem-subsumes",
        title: "How two codes stand to each other",
        about: "Tells whether a code is the other or stands above or below it in a code system that is loaded or stored here.",
        levels: &[Type, Instance],
        kinds: &["CodeSystem"],
        is_write: false,
        task: Task::Subsumes,
        parameters: &[
            takes("codeA", "code", "One code"),
            takes("codeB", "code", "The other"),
            takes("system", "uri", "Their system"),
            takes("version", "string", "Its version"),
            takes("codingA", "Coding", "One code with its system"),
            takes("codingB", "Coding", "The other with its system"),
            gives("outcome", "code", "equivalent, subsumes, subsumed-by or not-subsumed"),
        ],
    },
    Operation {
        name: "translate",
        definition: "http://hl7.org/fhir/OperationDefinition/ConceptMap-translate",
        title: "What a code becomes",
        about: "Translates a code by a concept map that is loaded or stored here or comes with the request, or by a code table of a unit system: https://w3id.org/sauma/fhir/ConceptMap/[unit system]/[table]. Without a map the stored ones from the system of the code are used. What depends on other elements is refused.",
        levels: &[Type, Instance],
        kinds: &["ConceptMap"],
        is_write: false,
        task: Task::Translate,
        parameters: &[
            takes("url", "uri", "The canonical url of the concept map, or the address of a code table"),
            takes("conceptMapVersion", "string", "Its version"),
            takes("conceptMap", "ConceptMap", "The concept map itself"),
            CODE,
            takes("system", "uri", "The system of the code"),
            CODING,
            CONCEPT,
            takes("targetsystem", "uri", "Only translations into this system"),
            takes("reverse", "boolean", "The map is read from its targets to its sources"),
            RESULT,
            MESSAGE,
            Parameter {
                is_needed: false,
                is_list: true,
                parts: &[
                    gives(
                        "equivalence",
                        "code",
                        "How the two stand to each other, of the target seen from the source",
                    ),
                    gives("concept", "Coding", "What the code becomes"),
                    Parameter { is_needed: false, ..gives("source", "uri", "The map that says so") },
                ],
                ..gives("match", "", "One translation")
            },
        ],
    },
    Operation {
        name: "transform",
        definition: "http://hl7.org/fhir/OperationDefinition/StructureMap-transform",
        title: "A document through a map or a lens",
        about: "Makes a document of another by a map of the FHIR Mapping Language that is stored here or comes with the request, or by the lens of a unit system: https://w3id.org/sauma/lens/[unit system]. The document may be the body as it is. The parameters of R5 and of matchbox are taken too.",
        levels: &[Type, Instance],
        kinds: &["StructureMap"],
        is_write: false,
        task: Task::Transform,
        parameters: &[
            takes("content", "Resource", "The document: a resource, a text, base64, or a Binary with it"),
            takes("source", "uri", "The canonical url of the map or lens"),
            takes("sourceMap", "StructureMap", "The map itself (R5)"),
            takes("supportingMap", "StructureMap", "A map that it imports (R5)").many(),
            takes("srcMap", "string", "Maps as text (R5)").many(),
            takes("map", "StructureMap", "A map, also as text (matchbox)").many(),
            takes("model", "StructureDefinition", "A model that the map reads or writes (matchbox)").many(),
            takes("resource", "Resource", "The document, as content (matchbox)"),
            gives("return", "Resource", "What the map made; of a logical model JSON or XML that is no FHIR"),
        ],
    },
    Operation {
        name: "convert",
        definition: "http://hl7.org/fhir/OperationDefinition/Resource-convert",
        title: "A document in another form",
        about: "Without from and to a resource comes back in the form that the request accepts. With them a document of one unit system becomes one of another, through FHIR: the answer is Parameters, and what the new format has no place for is in its outcome.",
        levels: &[System],
        kinds: &[],
        is_write: false,
        task: Task::Convert,
        parameters: &[
            takes("input", "Resource", "The document: a resource, a text, base64, or a Binary with it")
                .needed(),
            takes("from", "code", "The unit system that it is of, or fhir; found out where nothing is said"),
            takes("to", "code", "The unit system whose format it gets, or fhir"),
            gives("output", "Resource", "The resource, or as a string the document of the unit system"),
            Parameter {
                is_needed: false,
                ..gives(
                    "outcome",
                    "OperationOutcome",
                    "What was found, and what the new format has no place for",
                )
            },
        ],
    },
    Operation {
        name: "export",
        definition: "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/export",
        title: "Export all resources",
        about: "Writes the resources of all types as NDJSON, in the background. The request needs Prefer: respond-async and is answered with 202 and the address of the job, where its status and then its manifest are found; DELETE there ends it. A job is kept for a day and not over a restart.",
        levels: &[System],
        kinds: &[],
        is_write: false,
        task: Task::Export,
        parameters: EXPORT,
    },
    Operation {
        name: "export",
        definition: "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/patient-export",
        title: "Export all patients",
        about: "Writes the compartments of all patients as NDJSON, in the background. The request needs Prefer: respond-async and is answered with 202 and the address of the job, where its status and then its manifest are found; DELETE there ends it. A job is kept for a day and not over a restart.",
        levels: &[Type],
        kinds: &["Patient"],
        is_write: false,
        task: Task::Export,
        parameters: EXPORT,
    },
    Operation {
        name: "export",
        definition: "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/group-export",
        title: "Export the patients of a group",
        about: "Writes the compartments of the patients of a group as NDJSON, in the background. The request needs Prefer: respond-async and is answered with 202 and the address of the job, where its status and then its manifest are found; DELETE there ends it. A job is kept for a day and not over a restart.",
        levels: &[Instance],
        kinds: &["Group"],
        is_write: false,
        task: Task::Export,
        parameters: EXPORT,
    },
    Operation {
        name: "import",
        definition: "https://w3id.org/sauma/fhir/OperationDefinition/import",
        title: "Store resources of an NDJSON text",
        about: "Stores each line under its id, or under a new one where it has none, in the background. Lines that cannot be stored are told in a file of errors; the others are stored. Nothing is fetched from elsewhere: the text is the body. The request needs Prefer: respond-async and is answered with 202 and the address of the job, where its status and then its manifest are found; DELETE there ends it. A job is kept for a day and not over a restart.",
        levels: &[System],
        kinds: &[],
        is_write: true,
        task: Task::Import,
        parameters: &[takes(
            "content",
            "Binary",
            "NDJSON: the body itself as application/fhir+ndjson, or a Binary with it",
        )
        .needed()],
    },
    plans_table::SUBSCRIPTION_STATUS,
    plans_table::SUBSCRIPTION_EVENTS,
    plans_table::CONTRIBUTE,
    plans_table::JOINED_PLAN,
    plans_table::WRITE_BACK,
    plans_table::DECIDE,
    plans_table::EXPLAIN,
    plans_table::EXPLAIN_CODE,
];

const CODE: Parameter = takes("code", "code", "The code");
const DISPLAY: Parameter = takes("display", "string", "A display that the code should have");
const CODING: Parameter = takes("coding", "Coding", "The code with its system");
const CONCEPT: Parameter = takes("codeableConcept", "CodeableConcept", "Codes of which any is enough");
const LANGUAGE: Parameter = takes("displayLanguage", "code", "The language of displays");
const RESULT: Parameter = gives("result", "boolean", "True where it is so");
const MESSAGE: Parameter =
    Parameter { is_needed: false, ..gives("message", "string", "Why the result is false") };
const CALLED: Parameter =
    Parameter { is_needed: false, ..gives("display", "string", "What people read for the code") };
const SINCE: Parameter = takes("_since", "instant", "Only what was changed at this moment or later");
const TYPES: Parameter = takes("_type", "code", "Only these types, with commas between them").many();
const COUNT: Parameter = takes("_count", "integer", "How many resources one page has at most");
const PAGE: Parameter = takes("_page", "string", "A page, as the link to the next one names it");
const SEARCHSET: Parameter = gives("return", "Bundle", "A searchset with links to the pages that follow");

const EXPORT: &[Parameter] = &[
    takes("_outputFormat", "string", "application/fhir+ndjson"),
    SINCE,
    TYPES,
    takes("_typeFilter", "string", "A search that resources of a type must meet: Observation?status=final")
        .many(),
    takes("_elements", "string", "Only these elements, with commas between them").many(),
];
