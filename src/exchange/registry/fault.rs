//! Why something that a registry was asked or told was not done.

use crate::diag::{Code, codes};

/// Why something that a registry was asked or told was not done. No variant holds a value, an address or an answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// No connection, or it broke, or no answer came in time.
    #[error("the registry does not answer: {0}")]
    Unreachable(Broken),
    /// It asks for patience (429, 503).
    #[error("the registry is busy")]
    Busy {
        /// How long it asks to wait, in milliseconds.
        retry_after_ms: Option<u64>,
    },
    /// It failed (5xx).
    #[error("the registry failed with {0}")]
    Failed(u16),
    /// It refuses the request (4xx): the same request will be refused again.
    #[error("the registry refuses with {status}{}", listed(.rules))]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The codes of its `OperationOutcome` that have the form of a code.
        rules: Vec<String>,
    },
    /// It does not know who asks, or does not let them (401, 403).
    #[error("the registry does not let this client in ({0})")]
    Access(u16),
    /// Its answer cannot be believed.
    #[error("the answer of the registry cannot be used: {0}")]
    Garbled(Garbled),
    /// It was told something, and whether it has that could not be learned.
    #[error("whether the registry has what it was told is not known")]
    Uncertain,
    /// It has another version than the one that a change stands on (409, 412).
    #[error("the registry has another version")]
    Conflict,
    /// The settings cannot be used.
    #[error("settings of the registry: {0}")]
    Settings(String),
    /// The registry has no specification at hand for this; see `KANTA.md`.
    #[error("not sent: {0}")]
    Unspecified(&'static str),
    /// What was to be sent breaks a rule that is known here.
    #[error("not sent, for the registry would refuse it: {0}")]
    Unfit(&'static str),
    /// The system refuses.
    #[error("the system refuses")]
    System(#[source] std::io::Error),
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// No connection was made; the request did not leave.
    #[error("no connection")]
    Connect,
    /// The certificate of the other end, or ours, was not accepted.
    #[error("no secure connection")]
    Certificate,
    /// No answer in time.
    #[error("no answer in time")]
    Late,
    /// The connection ended before the answer did.
    #[error("the answer broke off")]
    Cut,
}

/// Why an answer cannot be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Garbled {
    /// It is no FHIR JSON by its content type.
    #[error("its content type is not FHIR JSON")]
    ContentType,
    /// It is no JSON.
    #[error("it is no JSON")]
    Json,
    /// It is longer than [`super::link::BODY_BYTES_MAX`].
    #[error("it is too long")]
    Long,
    /// It is not the kind of resource that answers this request.
    #[error("it is another resource than the request asks for")]
    Kind,
    /// It is about somebody or something else.
    #[error("it is about something else than the request")]
    Subject,
    /// Parts of it are missing.
    #[error("parts of it are missing")]
    Incomplete,
    /// It sends to another server.
    #[error("it leads to another server")]
    OtherServer,
}

impl RegistryError {
    /// The permanent code.
    pub fn code(&self) -> &'static Code {
        match self {
            Self::Unreachable(_) | Self::System(_) => codes::REGISTRY_UNREACHABLE,
            Self::Busy { .. } => codes::REGISTRY_BUSY,
            Self::Failed(_) => codes::REGISTRY_FAILED,
            Self::Refused { .. } => codes::REGISTRY_REFUSED,
            Self::Access(_) => codes::REGISTRY_ACCESS,
            Self::Garbled(_) => codes::REGISTRY_GARBLED,
            Self::Uncertain => codes::REGISTRY_UNCERTAIN,
            Self::Conflict => codes::REGISTRY_CONFLICT,
            Self::Settings(_) => codes::REGISTRY_SETTINGS,
            Self::Unspecified(_) => codes::REGISTRY_UNSPECIFIED,
            Self::Unfit(_) => codes::REGISTRY_UNFIT,
        }
    }

    /// What may have become of a request that changes something.
    pub(super) const fn left(&self) -> Left {
        match self {
            Self::Unreachable(Broken::Connect | Broken::Certificate) | Self::Busy { .. } => Left::Undone,
            Self::Unreachable(Broken::Late | Broken::Cut) | Self::Failed(_) | Self::Garbled(_) => {
                Left::Unknown
            }
            Self::Conflict => Left::Elsewhere,
            Self::Access(_) => Left::NotLetIn,
            Self::Refused { .. }
            | Self::Uncertain
            | Self::Settings(_)
            | Self::Unspecified(_)
            | Self::Unfit(_)
            | Self::System(_) => Left::Final,
        }
    }
}

/// What may have become of a request that changes something: what a repeat has to look at first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// It was not done: it may be sent again.
    Undone,
    /// It may have been done: look before it is sent again.
    Unknown,
    /// The registry has something else in its place: look what.
    Elsewhere,
    /// A new token may help, once.
    NotLetIn,
    /// Sending it again changes nothing.
    Final,
}

fn listed(rules: &[String]) -> String {
    if rules.is_empty() { String::new() } else { format!(" ({})", rules.join(", ")) }
}
