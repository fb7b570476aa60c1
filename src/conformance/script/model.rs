//! A TestScript as the engine runs it: texts that may hold `${variables}`, and the places they stand at.

use super::compare::Operator;
use super::exchange::Method;
use crate::diag::Place;

/// A script that was read.
#[derive(Debug, Clone)]
pub struct Script {
    /// The file as the user named it.
    pub file: String,
    /// Its computer-friendly name; the name of the file where it has none.
    pub name: String,
    /// Its canonical url; may be empty.
    pub url: String,
    /// True where it uses the extensions of ignixa's suite.
    pub is_ignixa: bool,
    /// Whom the script is for, by our own extension; everybody where it names none.
    pub roles: Vec<String>,
    /// What must be given for the script to be run, by our own extension.
    pub(super) needs: Vec<String>,
    pub(super) capabilities: Vec<Capability>,
    pub(super) requires: Vec<String>,
    pub(super) fixtures: Vec<Fixture>,
    pub(super) variables: Vec<Variable>,
    /// Profiles by the id that asserts name them with.
    pub(super) profiles: Vec<(String, String)>,
    pub(super) setup: Vec<Action>,
    /// Its tests.
    pub tests: Vec<Test>,
    pub(super) teardown: Vec<Action>,
}

/// One test of a script.
#[derive(Debug, Clone)]
pub struct Test {
    /// Its name; a number where it has none.
    pub name: String,
    /// Where it stands.
    pub place: Place,
    /// Ids of the requirements that it tests, by our own extension.
    pub requirements: Vec<String>,
    /// What must be given for it to be run.
    pub(super) needs: Vec<String>,
    /// Expressions over the server's `CapabilityStatement` that must hold for the test to apply.
    pub(super) requires: Vec<String>,
    /// Versions of FHIR it applies to; all where none is named.
    pub(super) versions: Vec<String>,
    /// It runs once for each of the values of a variable.
    pub(super) repeat: Option<Repeat>,
    pub(super) actions: Vec<Action>,
}

/// A test that runs once for each value.
#[derive(Debug, Clone)]
pub(super) struct Repeat {
    pub(super) variable: String,
    pub(super) values: Vec<String>,
}

/// `TestScript.metadata.capability`.
#[derive(Debug, Clone)]
pub(super) struct Capability {
    pub(super) is_checked: bool,
    pub(super) statement: String,
}

/// `TestScript.fixture`.
#[derive(Debug, Clone)]
pub(super) struct Fixture {
    pub(super) id: String,
    pub(super) content: Content,
    pub(super) autocreate: bool,
    pub(super) autodelete: bool,
    pub(super) place: Place,
}

/// What a fixture holds.
#[derive(Debug, Clone)]
pub(super) enum Content {
    /// A resource in the script itself, as JSON.
    Text(String),
    /// A file beside the script.
    File(String),
    /// Any valid resource of a type.
    Synthetic(String),
    /// None of these, and why.
    Unusable(String),
}

/// `TestScript.variable`.
#[derive(Debug, Clone)]
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) default: Option<String>,
    pub(super) source: Option<String>,
    pub(super) value: VariableValue,
}

/// Where the value of a variable comes from.
#[derive(Debug, Clone)]
pub(super) enum VariableValue {
    /// Its default alone.
    Default,
    /// A header field.
    Header(String),
    /// FHIRPath.
    Expression(String),
    /// XPath or JSONPath.
    Path(String),
}

/// An action with its place.
#[derive(Debug, Clone)]
pub(super) struct Action {
    pub(super) place: Place,
    /// `label` and `description`, for people.
    pub(super) label: String,
    pub(super) description: String,
    pub(super) what: What,
}

/// What an action does.
#[derive(Debug, Clone)]
pub(super) enum What {
    Operation(Box<Operation>),
    Assert(Box<Assert>),
    /// Something that cannot be run, and why.
    Unusable(String),
}

/// `TestScript.setup.action.operation`.
#[derive(Debug, Clone)]
pub(super) struct Operation {
    /// The code of the operation, `create` or `$expand`.
    pub(super) code: String,
    /// The server it is sent to.
    pub(super) destination: u32,
    pub(super) resource: Option<String>,
    pub(super) accept: Option<String>,
    pub(super) content_type: Option<String>,
    pub(super) is_url_verbatim: bool,
    pub(super) method: Option<Method>,
    pub(super) params: Option<String>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) request_id: Option<String>,
    pub(super) response_id: Option<String>,
    pub(super) source_id: Option<String>,
    pub(super) target_id: Option<String>,
    pub(super) url: Option<String>,
    pub(super) poll: Option<Poll>,
}

impl Default for Operation {
    fn default() -> Self {
        Self {
            code: String::new(),
            destination: FIRST,
            resource: None,
            accept: None,
            content_type: None,
            is_url_verbatim: false,
            method: None,
            params: None,
            headers: Vec::new(),
            request_id: None,
            response_id: None,
            source_id: None,
            target_id: None,
            url: None,
            poll: None,
        }
    }
}

/// The server that is meant where an operation names none.
pub(super) const FIRST: u32 = 1;

/// Ask again while the answer has a status.
#[derive(Debug, Clone, Copy)]
pub(super) struct Poll {
    pub(super) while_status: u16,
    pub(super) times: u32,
    pub(super) interval_ms: u32,
}

/// `TestScript.setup.action.assert`.
#[derive(Debug, Clone)]
pub(super) struct Assert {
    pub(super) check: Check,
    pub(super) operator: Option<Operator>,
    pub(super) value: Option<String>,
    pub(super) source: Option<String>,
    pub(super) compare: Option<CompareTo>,
    pub(super) is_of_request: bool,
    pub(super) warning_only: bool,
    /// R5: whether a failure ends the test.
    pub(super) stops: bool,
    /// One of several asserts of which one must hold.
    pub(super) group: Option<String>,
    /// It counts only where that response had that status.
    pub(super) when: Option<(String, u16)>,
}

/// What an assert is about.
#[derive(Debug, Clone)]
pub(super) enum Check {
    /// The body against another alone.
    Whole,
    ContentType(String),
    Expression(String),
    Path(String),
    Header(String),
    MinimumId(String),
    NavigationLinks(bool),
    RequestMethod(Method),
    RequestUrl(String),
    Resource(String),
    Response(String),
    ResponseCode(String),
    ValidateProfile(String),
}

/// What an assert compares with.
#[derive(Debug, Clone)]
pub(super) struct CompareTo {
    pub(super) source: String,
    pub(super) value: VariableValue,
}

/// The limits of one script; more is refused, so that a script cannot keep a server busy without end.
pub(super) mod limit {
    /// Actions of one script.
    pub(in crate::conformance::script) const ACTIONS_MAX: usize = 20_000;
    /// Values of a repeated test.
    pub(in crate::conformance::script) const VALUES_MAX: usize = 1_000;
    /// Times a question is asked again.
    pub(in crate::conformance::script) const POLLS_MAX: u32 = 1_000;
    /// Milliseconds between two questions.
    pub(in crate::conformance::script) const POLL_INTERVAL_MS_MAX: u32 = 60_000;
}
