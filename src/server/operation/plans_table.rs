//! The rows of Sauma's own operations in the table of operations.

use super::Task;
use super::table::Level::{Instance, System, Type};
use super::table::{Operation, Parameter, gives, takes};

const PATIENT: &[&str] = &["Patient"];

const AT: Parameter =
    takes("at", "date", "As it was at the end of this day, by the times that the sources state");
const ROLE: Parameter = takes(
    "role",
    "code",
    "For whom: a sector for its professionals (health, social, employment, third-sector, education, other), client, guardian, service; without one everything, of a server that runs open",
);
const REGISTER: Parameter =
    takes("register", "string", "A register of the requester: the OID of its custodian").many();
const ORGANISATION: Parameter =
    takes("organisation", "string", "A name or identifier of the requester's organisation").many();
const PURPOSE: Parameter = takes("purpose", "code", "What for; by the role, where it is not said");
const STATUTE: Parameter = takes("statute", "code", "A right by statute of the policy that is claimed");
const DRY_RUN: Parameter = takes("dry-run", "boolean", "Say what would be done, and write nothing");
const OUTCOME: Parameter = gives("outcome", "OperationOutcome", "What was found");
const STATUS: &str = "What became of it";

/// `$contribute`.
pub(super) const CONTRIBUTE: Operation = Operation {
    name: "contribute",
    definition: "https://w3id.org/sauma/fhir/OperationDefinition/contribute",
    title: "Contribute a unit's document",
    about: "Keeps a document of any known unit system byte for byte, as a Binary with a DocumentReference, and beside it the FHIR resources that it holds, in one commit. The document is the body itself with its media type, a Binary, or Parameters. The same bytes twice change nothing; a newer version takes the place of the one before; an older one is kept for what was on earlier days.",
    levels: &[System, Type],
    kinds: PATIENT,
    is_write: true,
    task: Task::Contribute,
    parameters: &[
        takes("document", "Binary", "The document, where it is not the body itself"),
        takes("content", "base64Binary", "The same without a Binary around it"),
        takes("unit", "code", "The unit system, or fhir; recognised where it is not said"),
        takes("custodian", "string", "In whose register it stands, where it does not say so itself"),
        DRY_RUN,
        gives("status", "code", "created, renewed, unchanged, history or checked"),
        gives("document", "Reference", "The DocumentReference"),
        gives("unit", "code", "The unit system"),
        gives("client", "Reference", "The Patients whom it is about").many(),
        gives("made", "Reference", "What was written, with its effect").many(),
        gives("ledger", "unsignedInt", "How many values were carried, kept, ignored, not explained"),
        gives("left-out", "string", "What stays in the document alone, with the reason").many(),
        OUTCOME,
    ],
};

/// `$joined-plan`.
pub(super) const JOINED_PLAN: Operation = Operation {
    name: "joined-plan",
    definition: "https://w3id.org/sauma/fhir/OperationDefinition/joined-plan",
    title: "The joined plan of a client",
    about: "Joins what all units have contributed about the client, as people have decided, and gives it whole or as one requester may see it, with what was withheld as far as the policy lets it be said. Each resource of it can be read below this address. It is worked out of what is stored, and never stored itself.",
    levels: &[Instance],
    kinds: PATIENT,
    is_write: false,
    task: Task::JoinedPlan,
    parameters: &[
        AT,
        ROLE,
        REGISTER,
        ORGANISATION,
        PURPOSE,
        STATUTE,
        takes("language", "code", "fi, sv or en, for text and pages; otherwise the client's own"),
        takes(
            "dialect",
            "code",
            "Activities inside the plan (detail) or as requests of their own (reference)",
        ),
        takes("form", "code", "resource, text or html: a page to read"),
        gives("return", "Bundle", "The joined plan; what was found is its last entry"),
    ],
};

/// `$write-back`.
pub(super) const WRITE_BACK: Operation = Operation {
    name: "write-back",
    definition: "https://w3id.org/sauma/fhir/OperationDefinition/write-back",
    title: "Carry an edit of the joined plan back",
    about: "Splits an edited plan or view by where its elements came from and puts each part into the document that it belongs to, whose other bytes stay as they are. What belongs to others becomes a proposal to them, a Task. What a unit has changed too since the plan was given out is told with all values. All of it is written in one commit, or nothing.",
    levels: &[Instance],
    kinds: PATIENT,
    is_write: true,
    task: Task::WriteBack,
    parameters: &[
        takes("view", "Resource", "The Bundle that was given out with changes in it, or one resource of it"),
        takes("patch", "string", "A JSON Patch of what was given out, in its place"),
        takes("patch-of", "string", "The one resource that the patch is for, as Goal/1"),
        takes(
            "version",
            "string",
            "Bundle.identifier.value of the plan that was given out, where the edit does not hold it",
        ),
        takes(
            "editor",
            "string",
            "Whose documents may change, without a role: a unit system, a sector, a custodian; all must fit",
        )
        .many(),
        takes("name", "string", "The editor's name, for proposals"),
        takes("editor-role", "string", "The editor's role, for proposals"),
        takes("partial", "boolean", "Write what can be written, although something conflicts or is refused"),
        ROLE,
        REGISTER,
        ORGANISATION,
        PURPOSE,
        STATUTE,
        DRY_RUN,
        gives("status", "code", STATUS),
        gives("changed", "Reference", "A document that changes, with each change").many(),
        gives("kept", "Reference", "A plan that holds what no document takes").many(),
        gives("proposal", "Reference", "A Task for another unit").many(),
        gives("conflict", "string", "What a unit and the editor have both changed, with all values").many(),
        OUTCOME,
    ],
};

/// `$decide`.
pub(super) const DECIDE: Operation = Operation {
    name: "decide",
    definition: "https://w3id.org/sauma/fhir/OperationDefinition/decide",
    title: "Decide on what the joined plan leaves to people",
    about: "Records what a person decides, with name, time and reason, as a resource of its own that every join follows from then on, also when a unit sends a newer version. A decision whose ground has gone is told of and not followed; revoking one takes it back.",
    levels: &[Instance],
    kinds: PATIENT,
    is_write: true,
    task: Task::Decide,
    parameters: &[
        takes("same", "string", "Two entries are one: the id of a likely duplicate, or both as Goal/1")
            .many(),
        takes("not-same", "string", "Two entries are two").many(),
        takes("value", "string", "A conflict of which one side is right: the id of its DetectedIssue"),
        takes("side", "string", "The number of that side, from 1"),
        takes("coordinator", "string", "This member of a team coordinates: an id or a name"),
        takes("same-client", "string", "These are the same person: Patient/2, or the id of a candidate")
            .many(),
        takes("not-same-client", "string", "These are other persons").many(),
        takes("revoke", "string", "This decision counts no more"),
        takes("by", "string", "Who decides").needed(),
        takes("by-role", "string", "In which role"),
        takes("by-organisation", "string", "For which organisation"),
        takes("time", "instant", "When; now, where it is not said"),
        takes("reason", "string", "Why").needed(),
        DRY_RUN,
        gives("status", "code", STATUS),
        gives("id", "string", "The id of the decision, by which it is revoked"),
        gives("decision", "Reference", "The decision"),
        gives("standing", "code", "Whether the plan follows it"),
        gives("settled", "string", "What is settled by it").many(),
        gives("new", "string", "What it brings up").many(),
    ],
};

/// `$explain` of a code.
pub(super) const EXPLAIN_CODE: Operation = Operation {
    name: "explain",
    definition: "https://w3id.org/sauma/fhir/OperationDefinition/explain-code",
    title: "What a code of a finding means",
    about: "Says in Finnish, Swedish and English what a code means and what to do.",
    levels: &[System],
    kinds: &[],
    is_write: false,
    task: Task::Explain,
    parameters: &[
        takes("code", "code", "The code of an issue").needed(),
        gives("code", "code", "The code"),
        gives("text", "string", "Title and advice in each language").many(),
    ],
};

/// `$explain` of an element.
pub(super) const EXPLAIN: Operation = Operation {
    name: "explain",
    definition: "https://w3id.org/sauma/fhir/OperationDefinition/explain",
    title: "Which sources say an element of the joined plan",
    about: "Names for an element of the joined plan, and for all below it, the sources that say it, and how the plan says it.",
    levels: &[Instance],
    kinds: PATIENT,
    is_write: false,
    task: Task::Explain,
    parameters: &[
        takes("resource", "string", "A resource of the plan: Goal/1").needed(),
        takes("path", "string", "An element of it: description.text, activity[1]"),
        ROLE,
        REGISTER,
        ORGANISATION,
        PURPOSE,
        STATUTE,
        gives("element", "string", "An element with its source").many(),
    ],
};

pub(super) const SUBSCRIPTION_STATUS: Operation = Operation {
    name: "status",
    definition: "http://hl7.org/fhir/uv/subscriptions-backport/OperationDefinition/backport-subscription-status",
    title: "How subscriptions stand",
    about: "Gives a searchset with a Parameters for each subscription: its status, and how many notifications were delivered.",
    levels: &[Type, Instance],
    kinds: &["Subscription"],
    is_write: false,
    task: Task::SubscriptionStatus,
    parameters: &[takes("id", "id", "A subscription").many(), gives("return", "Bundle", "A searchset")],
};

pub(super) const SUBSCRIPTION_EVENTS: Operation = Operation {
    name: "events",
    definition: "http://hl7.org/fhir/uv/subscriptions-backport/OperationDefinition/backport-subscription-events",
    title: "Notifications that were sent",
    about: "Gives the last notifications again, by their numbers, at most a hundred, without resources.",
    levels: &[Instance],
    kinds: &["Subscription"],
    is_write: false,
    task: Task::SubscriptionEvents,
    parameters: &[
        takes("eventsSinceNumber", "string", "The first of them"),
        takes("eventsUntilNumber", "string", "The last of them"),
        takes("content", "code", "empty or id-only"),
        gives("return", "Bundle", "A history"),
    ],
};
