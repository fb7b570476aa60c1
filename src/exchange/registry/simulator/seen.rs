//! A request as the simulator sees it.

use serde::Deserialize;
use serde_json::Value;

/// Kinds of requests that rules and faults are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Every request.
    Any,
    /// `POST [base]/Consent/_search`.
    Search,
    /// `POST [base]/Consent/_history`.
    History,
    /// `POST [base]`.
    Transaction,
    /// A transaction with a Consent.
    Permission,
    /// A transaction with an `AuditEvent`.
    Disclosure,
}

/// A request.
#[derive(Clone)]
pub struct Seen {
    /// `POST`.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Header fields, names in small letters.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// What the body is as JSON; null where it is none.
    pub json: Value,
    /// What the body is as a form.
    pub form: Vec<(String, String)>,
    /// The base path of the simulator.
    base: String,
}

impl std::fmt::Debug for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seen").field("method", &self.method).finish_non_exhaustive()
    }
}

impl Seen {
    /// Of a request below a base path.
    pub fn new(
        method: &str,
        target: &str,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
        base: &str,
    ) -> Self {
        let json = serde_json::from_slice(&body).unwrap_or_default();
        let is_form = headers.iter().any(|(name, value)| name == "content-type" && value.contains("form"));
        let text = if is_form { std::str::from_utf8(&body).unwrap_or_default() } else { "" };
        let form = fields(text);
        Self {
            method: method.to_owned(),
            target: target.to_owned(),
            headers,
            body,
            json,
            form,
            base: base.to_owned(),
        }
    }

    /// The path below the base, without a query and without slashes at its ends.
    pub(super) fn path(&self) -> &str {
        let path = self.target.split('?').next().unwrap_or_default();
        path.strip_prefix(&*self.base).unwrap_or(path).trim_matches('/')
    }

    /// What is asked for.
    pub(super) fn kind(&self) -> Option<Kind> {
        match (self.method.as_str(), self.path()) {
            ("POST", "Consent/_search") => Some(Kind::Search),
            ("POST", "Consent/_history") => Some(Kind::History),
            ("POST", "") => Some(Kind::Transaction),
            _ => None,
        }
    }

    /// True where the request is of a kind.
    pub(super) fn is(&self, kind: Kind) -> bool {
        match kind {
            Kind::Any => true,
            Kind::Search | Kind::History | Kind::Transaction => self.kind() == Some(kind),
            Kind::Permission => self.kind() == Some(Kind::Transaction) && self.holds("Consent"),
            Kind::Disclosure => self.kind() == Some(Kind::Transaction) && self.holds("AuditEvent"),
        }
    }

    fn holds(&self, kind: &str) -> bool {
        self.entries().iter().any(|entry| entry["resource"]["resourceType"] == *kind)
    }

    /// The entries of a Bundle.
    pub(super) fn entries(&self) -> &[Value] {
        self.json["entry"].as_array().map(Vec::as_slice).unwrap_or_default()
    }

    /// A header field.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The values of a field of the form.
    pub(super) fn parameters<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.form.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The identifier of a message.
    pub(super) fn message_id(&self) -> Option<&str> {
        self.json["identifier"]["value"].as_str()
    }
}

/// The fields of a form.
fn fields(text: &str) -> Vec<(String, String)> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        })
        .collect()
}

/// Text with its percent-encoding undone.
pub(super) fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut after = rest.clone();
                let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
                match (digit(after.next()), digit(after.next())) {
                    (Some(high), Some(low)) => {
                        rest = after;
                        u8::try_from(high * 16 + low).unwrap_or(b'%')
                    }
                    _ => b'%',
                }
            }
            other => other,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
