//! Why a request is refused: a status of HTTP, an issue code that is permanent, and words without personal data. Every
//! refusal is answered with an `OperationOutcome` (FHIR R4, 3.1.0.4).

use super::wire::Flaw;
use crate::diag::{Code, Issue, Severity, codes};
use crate::validate::{self, Report};
use hyper::StatusCode;
use serde_json::{Value, json};

/// Where the codes of the issues are defined.
const CODE_SYSTEM: &str = "https://w3id.org/sauma/fhir/CodeSystem/issue";
/// Seconds after which a client may try again, where it is the load that refuses it.
const RETRY_SECONDS: u32 = 1;
/// Seconds after which a client may try again, where the store takes no writes.
const READ_ONLY_SECONDS: u32 = 60;

/// What is wrong with a request, or with the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// See [`codes::HTTP_FORM`].
    HttpForm,
    /// See [`codes::HTTP_FRAMING`].
    HttpFraming,
    /// See [`codes::HTTP_HOST`].
    HttpHost,
    /// See [`codes::HTTP_VERSION`].
    HttpVersion,
    /// See [`codes::TARGET_LONG`].
    TargetLong,
    /// See [`codes::HEAD_LONG`].
    HeadLong,
    /// See [`codes::BODY_LONG`].
    BodyLong,
    /// See [`codes::BODY_SLOW`].
    BodySlow,
    /// See [`codes::OVERLOAD`].
    Overload,
    /// See [`codes::NO_ROUTE`].
    NoRoute,
    /// See [`codes::METHOD`].
    Method,
    /// See [`codes::NOT_ACCEPTABLE`].
    NotAcceptable,
    /// See [`codes::MEDIA_TYPE`].
    MediaType,
    /// See [`codes::CONTENT_CODING`].
    ContentCoding,
    /// See [`codes::QUERY_FORM`].
    QueryForm,
    /// See [`codes::IDENTITY_IN_URL`].
    IdentityInUrl,
    /// See [`codes::HEADER_VALUE`].
    HeaderValue,
    /// See [`codes::BODY_FORM`].
    BodyForm,
    /// See [`codes::RESOURCE_UNKNOWN`].
    ResourceUnknown,
    /// See [`codes::NOT_FOUND`].
    NotFound,
    /// See [`codes::GONE`].
    Gone,
    /// See [`codes::VERSION_CONFLICT`].
    VersionConflict,
    /// See [`codes::SEVERAL_MATCHES`].
    SeveralMatches,
    /// See [`codes::NO_CRITERIA`].
    NoCriteria,
    /// See [`codes::IDENTITY_MISMATCH`].
    IdentityMismatch,
    /// See [`codes::CONTENTION`].
    Contention,
    /// See [`codes::READ_ONLY`].
    ReadOnly,
    /// See [`codes::SERVER_FAILED`].
    StoreFailed,
    /// See [`codes::INVALID`]: by a rule of FHIR itself, which is 400 (FHIR R4, "create").
    InvalidBasic,
    /// See [`codes::INVALID`]: by a rule of a profile, which is 422.
    Invalid,
    /// See [`codes::SEARCH_FORM`].
    SearchForm,
    /// See [`codes::BUNDLE_FORM`].
    BundleForm,
    /// See [`codes::BUNDLE_REFERENCE`].
    BundleReference,
    /// See [`codes::BUNDLE_TWICE`].
    BundleTwice,
    /// See [`codes::PATCH_FORM`].
    PatchForm,
    /// See [`codes::PATCH_UNFIT`].
    PatchUnfit,
    /// See [`codes::OPERATION_PARAMETER`].
    OperationParameter,
    /// See [`codes::NOT_AT_HAND`].
    NotAtHand,
    /// See [`codes::OPERATION_LIMIT`].
    OperationLimit,
    /// See [`codes::UNTRANSFORMED`].
    Untransformed,
    /// See [`codes::NO_JOB`].
    NoJob,
    /// See [`codes::NOT_KNOWN`].
    NotKnown,
    /// See [`codes::SCOPE_MISSING`].
    Scope,
    /// See [`codes::TOO_MANY_REQUESTS`].
    TooMany,
    /// See [`codes::NOT_OWNER`].
    NotOwner,
    /// See [`codes::CHOSEN_ID`].
    ChosenId,
    /// See [`codes::CALLER_FIELD`].
    CallerField,
    /// See [`codes::EMERGENCY_REFUSED`].
    Emergency,
    /// See [`codes::NOT_CONTRIBUTED`].
    NotContributed,
    /// See [`codes::NAMES_NOBODY`].
    NamesNobody,
    /// See [`codes::NO_PLAN`].
    NoPlan,
    /// See [`codes::NOT_JOINED`].
    NotJoined,
    /// See [`codes::UNDECIDED`].
    Undecided,
    /// See [`codes::NOT_EXPLAINED`].
    NotExplained,
    /// See [`codes::EDIT_REFUSED`].
    EditRefused,
    /// See [`codes::AUDIT_WRITTEN`].
    AuditWritten,
    /// See [`codes::AUDIT_SEARCH`].
    AuditSearch,
    /// See [`codes::SUBSCRIPTION`].
    Subscription,
}

impl Why {
    /// The status of HTTP, the `issue-type` of FHIR and the permanent code.
    const fn facts(self) -> (StatusCode, &'static str, &'static Code) {
        use StatusCode as S;
        match self {
            Self::HttpForm => (S::BAD_REQUEST, "structure", codes::HTTP_FORM),
            Self::HttpFraming => (S::BAD_REQUEST, "security", codes::HTTP_FRAMING),
            Self::HttpHost => (S::BAD_REQUEST, "required", codes::HTTP_HOST),
            Self::HttpVersion => (S::HTTP_VERSION_NOT_SUPPORTED, "not-supported", codes::HTTP_VERSION),
            Self::TargetLong => (S::URI_TOO_LONG, "too-long", codes::TARGET_LONG),
            Self::HeadLong => (S::REQUEST_HEADER_FIELDS_TOO_LARGE, "too-long", codes::HEAD_LONG),
            Self::BodyLong => (S::PAYLOAD_TOO_LARGE, "too-long", codes::BODY_LONG),
            Self::BodySlow => (S::REQUEST_TIMEOUT, "timeout", codes::BODY_SLOW),
            Self::Overload => (S::SERVICE_UNAVAILABLE, "throttled", codes::OVERLOAD),
            Self::NoRoute => (S::NOT_FOUND, "not-supported", codes::NO_ROUTE),
            Self::Method => (S::METHOD_NOT_ALLOWED, "not-supported", codes::METHOD),
            Self::NotAcceptable => (S::NOT_ACCEPTABLE, "not-supported", codes::NOT_ACCEPTABLE),
            Self::MediaType => (S::UNSUPPORTED_MEDIA_TYPE, "not-supported", codes::MEDIA_TYPE),
            Self::ContentCoding => (S::UNSUPPORTED_MEDIA_TYPE, "not-supported", codes::CONTENT_CODING),
            Self::QueryForm => (S::BAD_REQUEST, "structure", codes::QUERY_FORM),
            Self::IdentityInUrl => (S::BAD_REQUEST, "security", codes::IDENTITY_IN_URL),
            Self::HeaderValue => (S::BAD_REQUEST, "value", codes::HEADER_VALUE),
            Self::BodyForm => (S::BAD_REQUEST, "structure", codes::BODY_FORM),
            Self::ResourceUnknown => (S::NOT_FOUND, "not-supported", codes::RESOURCE_UNKNOWN),
            Self::NotFound => (S::NOT_FOUND, "not-found", codes::NOT_FOUND),
            Self::Gone => (S::GONE, "deleted", codes::GONE),
            Self::VersionConflict => (S::PRECONDITION_FAILED, "conflict", codes::VERSION_CONFLICT),
            Self::SeveralMatches => (S::PRECONDITION_FAILED, "multiple-matches", codes::SEVERAL_MATCHES),
            Self::NoCriteria => (S::BAD_REQUEST, "required", codes::NO_CRITERIA),
            Self::IdentityMismatch => (S::BAD_REQUEST, "value", codes::IDENTITY_MISMATCH),
            Self::Contention => (S::CONFLICT, "lock-error", codes::CONTENTION),
            Self::ReadOnly => (S::SERVICE_UNAVAILABLE, "no-store", codes::READ_ONLY),
            Self::StoreFailed => (S::INTERNAL_SERVER_ERROR, "exception", codes::SERVER_FAILED),
            Self::InvalidBasic => (S::BAD_REQUEST, "invalid", codes::INVALID),
            Self::Invalid => (S::UNPROCESSABLE_ENTITY, "invalid", codes::INVALID),
            Self::SearchForm => (S::BAD_REQUEST, "invalid", codes::SEARCH_FORM),
            Self::BundleForm => (S::BAD_REQUEST, "structure", codes::BUNDLE_FORM),
            Self::BundleReference => (S::BAD_REQUEST, "not-found", codes::BUNDLE_REFERENCE),
            Self::BundleTwice => (S::BAD_REQUEST, "duplicate", codes::BUNDLE_TWICE),
            Self::PatchForm => (S::BAD_REQUEST, "structure", codes::PATCH_FORM),
            Self::PatchUnfit => (S::BAD_REQUEST, "processing", codes::PATCH_UNFIT),
            Self::OperationParameter => (S::BAD_REQUEST, "invalid", codes::OPERATION_PARAMETER),
            Self::NotAtHand => (S::NOT_FOUND, "not-found", codes::NOT_AT_HAND),
            Self::OperationLimit => (S::UNPROCESSABLE_ENTITY, "too-costly", codes::OPERATION_LIMIT),
            Self::Untransformed => (S::UNPROCESSABLE_ENTITY, "processing", codes::UNTRANSFORMED),
            Self::NoJob => (S::NOT_FOUND, "not-found", codes::NO_JOB),
            Self::NotKnown => (S::UNAUTHORIZED, "login", codes::NOT_KNOWN),
            Self::Scope => (S::FORBIDDEN, "forbidden", codes::SCOPE_MISSING),
            Self::TooMany => (S::TOO_MANY_REQUESTS, "throttled", codes::TOO_MANY_REQUESTS),
            Self::NotOwner => (S::FORBIDDEN, "forbidden", codes::NOT_OWNER),
            Self::ChosenId => (S::FORBIDDEN, "forbidden", codes::CHOSEN_ID),
            Self::CallerField => (S::BAD_REQUEST, "value", codes::CALLER_FIELD),
            Self::Emergency => (S::FORBIDDEN, "forbidden", codes::EMERGENCY_REFUSED),
            Self::NotContributed => (S::UNPROCESSABLE_ENTITY, "invalid", codes::NOT_CONTRIBUTED),
            Self::NamesNobody => (S::UNPROCESSABLE_ENTITY, "required", codes::NAMES_NOBODY),
            Self::NoPlan => (S::NOT_FOUND, "not-found", codes::NO_PLAN),
            Self::NotJoined => (S::CONFLICT, "conflict", codes::NOT_JOINED),
            Self::Undecided => (S::UNPROCESSABLE_ENTITY, "business-rule", codes::UNDECIDED),
            Self::NotExplained => (S::NOT_FOUND, "not-found", codes::NOT_EXPLAINED),
            Self::EditRefused => (S::CONFLICT, "conflict", codes::EDIT_REFUSED),
            Self::AuditWritten => (S::METHOD_NOT_ALLOWED, "security", codes::AUDIT_WRITTEN),
            Self::AuditSearch => (S::BAD_REQUEST, "not-supported", codes::AUDIT_SEARCH),
            Self::Subscription => (S::UNPROCESSABLE_ENTITY, "not-supported", codes::SUBSCRIPTION),
        }
    }
}

/// A request that is refused, and what is told about it.
#[derive(Debug)]
pub(super) struct Refusal {
    why: Why,
    /// What is wrong in this case; without values of the data.
    message: String,
    /// What was found in the document, and its text, by which places become lines and columns.
    found: Option<Box<(Report, String)>>,
    /// The entry of a bundle that is meant.
    entry: Option<usize>,
}

/// What an interaction gives.
pub(super) type Outcome<T> = Result<T, Box<Refusal>>;

impl Refusal {
    /// A refusal in words of this case.
    pub(super) fn new(why: Why, message: impl Into<String>) -> Box<Self> {
        Box::new(Self { why, message: message.into(), found: None, entry: None })
    }

    /// A refusal that the code's own title says all about.
    pub(super) fn plain(why: Why) -> Box<Self> {
        Self::new(why, why.facts().2.title)
    }

    /// A refusal for what is wrong with a document.
    pub(super) fn found(why: Why, report: Report, text: &str) -> Box<Self> {
        let found = Some(Box::new((report, text.to_owned())));
        Box::new(Self { why, message: why.facts().2.title.to_owned(), found, entry: None })
    }

    /// A refusal for one issue of a document.
    pub(super) fn issue(why: Why, issue: Issue, text: &str) -> Box<Self> {
        Self::found(why, Report { issues: vec![issue], ..Report::default() }, text)
    }

    /// A refusal for issues that have no document, as those of a search.
    pub(super) fn issues(why: Why, issues: Vec<Issue>) -> Box<Self> {
        Self::found(why, Report { issues, ..Report::default() }, "")
    }

    /// The same refusal, of one entry of a bundle.
    pub(super) fn of_entry(mut self: Box<Self>, entry: usize) -> Box<Self> {
        self.entry = Some(entry);
        self
    }

    /// Why it is refused.
    pub(super) const fn why(&self) -> Why {
        self.why
    }

    /// The permanent code.
    pub(super) const fn code(&self) -> &'static Code {
        self.why.facts().2
    }

    /// The permanent code of what was found in the document first, where anything was; else the code of the refusal.
    pub(super) fn innermost(&self) -> &'static Code {
        let found = self.found.as_ref().and_then(|found| found.0.issues.first());
        found.map_or_else(|| self.code(), |issue| issue.code)
    }

    /// The status of HTTP.
    pub(super) const fn status(&self) -> StatusCode {
        self.why.facts().0
    }

    /// After how many seconds a client may try again.
    pub(super) const fn retry_seconds(&self) -> Option<u32> {
        match self.why {
            Why::Overload | Why::Contention | Why::TooMany => Some(RETRY_SECONDS),
            Why::ReadOnly => Some(READ_ONLY_SECONDS),
            _ => None,
        }
    }

    /// The `OperationOutcome`.
    pub(super) fn outcome(&self) -> Value {
        let (_, kind, code) = self.why.facts();
        let mut issues = match self.found.as_deref() {
            Some((report, text)) if !report.issues.is_empty() => {
                let mut told = validate::outcome(report, text);
                told.get_mut("issue").map(Value::take).unwrap_or_default()
            }
            _ => Value::Array(vec![issue(Severity::Error, kind, code, &self.message)]),
        };
        if let (Some(entry), Some(issues)) = (self.entry, issues.as_array_mut()) {
            for issue in issues {
                place_in_bundle(issue, entry);
            }
        }
        json!({ "resourceType": "OperationOutcome", "issue": issues })
    }
}

/// An issue of an `OperationOutcome`.
fn issue(severity: Severity, kind: &str, code: &Code, message: &str) -> Value {
    json!({
        "severity": severity.as_str(),
        "code": kind,
        "details": {
            "coding": [{ "system": CODE_SYSTEM, "code": code.id, "display": code.title }],
            "text": message,
        },
        "diagnostics": code.help,
    })
}

/// An `OperationOutcome` that says that all went well.
pub(super) fn success(message: &str) -> Value {
    let issue = json!({ "severity": "information", "code": "informational", "details": { "text": message } });
    json!({ "resourceType": "OperationOutcome", "issue": [issue] })
}

/// Leads an expression from the resource of an entry to the bundle around it.
fn place_in_bundle(issue: &mut Value, entry: usize) {
    let Some(issue) = issue.as_object_mut() else { return };
    let before = issue.get("expression").and_then(|paths| paths.get(0)).and_then(Value::as_str);
    let rest = before.and_then(|path| path.split_once('.')).map(|(_, rest)| rest);
    let path = match rest {
        Some(rest) => format!("Bundle.entry[{entry}].resource.{rest}"),
        None => format!("Bundle.entry[{entry}]"),
    };
    issue.insert("expression".to_owned(), json!([path]));
}

impl From<Flaw> for Why {
    fn from(flaw: Flaw) -> Self {
        match flaw {
            Flaw::LineEnd | Flaw::RequestLine | Flaw::Field => Self::HttpForm,
            Flaw::Version => Self::HttpVersion,
            Flaw::Host => Self::HttpHost,
            Flaw::Length | Flaw::Coding | Flaw::Chunk => Self::HttpFraming,
            Flaw::Target => Self::TargetLong,
            Flaw::Head => Self::HeadLong,
            Flaw::Body => Self::BodyLong,
        }
    }
}
