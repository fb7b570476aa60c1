//! A registry for those who write clients: it holds what it receives against the rules that are established
//! (`rules.toml`), answers as specified, misbehaves on demand (`faults.toml`), and tells what the client did wrong.
//!
//! [`Simulator::answer`] is pure but for what it remembers; [`serve`] puts it behind HTTP.

mod checks;
pub mod faults;
mod records;
pub mod rules;
mod seen;
mod serve;

pub use faults::{Fault, Turn};
pub use rules::{Grade, Rule};
pub use seen::{Kind, Seen};
pub use serve::{ServeTls, serve};

use crate::diag::Severity;
use crate::fhirpath::Temporal;
use crate::mapping::units::schema;
use crate::tree::fhir;
use crate::validate::Validator;
use checks::{Checked, Memory};
use records::{Records, Right, outcome};
use serde_json::Value;

/// Breaches that are told one by one; the rest are counted.
const BREACHES_MAX: usize = 10_000;

/// A rule that a client broke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// The id of the rule.
    pub rule: String,
    /// The request, from 1.
    pub request: u64,
}

/// An answer, and how it is given.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// Header fields.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// Wait before the answer, in milliseconds.
    pub delay_ms: u64,
    /// Bytes of the body after which the connection ends.
    pub cut: Option<usize>,
    /// No answer at all.
    pub close: bool,
}

/// A simulated registry.
pub struct Simulator {
    rules: Vec<Rule>,
    /// Each with how often it is still to come.
    faults: Vec<(Fault, u32)>,
    base: String,
    validator: Validator<'static>,
    memory: Memory,
    records: Records,
    requests: u64,
    tried: Vec<bool>,
    breaches: Vec<Breach>,
    left_out: u64,
}

impl std::fmt::Debug for Simulator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Simulator").field("requests", &self.requests).finish_non_exhaustive()
    }
}

impl Simulator {
    /// With rules and misbehaviour, below a base path such as `/fhir`.
    pub fn new(rules: Vec<Rule>, faults: Vec<Fault>, base: &str) -> Self {
        let tried = vec![false; rules.len()];
        Self {
            rules,
            faults: faults.into_iter().map(|fault| (fault.clone(), fault.times)).collect(),
            base: format!("/{}", base.trim_matches('/')),
            validator: Validator::new(schema()),
            memory: Memory::default(),
            records: Records::default(),
            requests: 0,
            tried,
            breaches: Vec::new(),
            left_out: 0,
        }
    }

    /// A request as this simulator reads it.
    pub fn seen(&self, method: &str, target: &str, headers: Vec<(String, String)>, body: Vec<u8>) -> Seen {
        Seen::new(method, target, headers, body, &self.base)
    }

    /// Answers a request at a time in milliseconds since 1970.
    pub fn answer(&mut self, seen: &Seen, now_ms: i64) -> Reply {
        self.requests += 1;
        let text = std::str::from_utf8(&seen.body).unwrap_or_default();
        let tree = fhir::read_json(text, schema().names()).ok().filter(|_| seen.json.is_object());
        let at = Checked::new(seen, tree.as_ref(), now_ms);
        let moment = Temporal::utc(now_ms / 1_000, u32::try_from(now_ms % 1_000).unwrap_or(0));
        let refusal = self.judged(&at, moment);
        let fault = self.fault(seen);
        let right = match &refusal {
            Some((status, rules)) => {
                let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
                Right { status: *status, body: outcome("invalid", &rules), older: Vec::new() }
            }
            None if seen.kind() != Some(Kind::Transaction) => self.records.read(seen),
            None if fault.as_ref().is_none_or(|fault| fault.applied) => {
                self.records.tell(seen, &moment.to_string())
            }
            None => Right { status: 500, body: Value::Null, older: Vec::new() },
        };
        let asked = seen.parameters("patient:identifier").next().unwrap_or_default();
        let reply = given(right, fault.as_ref().filter(|_| refusal.is_none()), asked);
        let wait = reply.headers.iter().find(|(name, _)| name == "retry-after");
        let wait = wait.and_then(|(_, seconds)| seconds.parse().ok());
        self.memory.remember(&at, reply.status, wait);
        reply
    }

    /// Holds a request against the rules; the status and the rules of a refusal.
    fn judged(&mut self, at: &Checked<'_>, now: Temporal) -> Option<(u16, Vec<String>)> {
        let mut refused: Option<(u16, Vec<String>)> = None;
        for (place, rule) in self.rules.iter().enumerate() {
            if !rule.is_about(at.seen) {
                continue;
            }
            if let Some(tried) = self.tried.get_mut(place) {
                *tried = true;
            }
            let check = rule.check();
            let keeps = rule.is_kept(at.seen, at.tree, now)
                && check.is_none_or(|check| self.memory.keeps(check, at, &self.validator));
            if keeps {
                continue;
            }
            if self.breaches.len() < BREACHES_MAX {
                self.breaches.push(Breach { rule: rule.id.clone(), request: self.requests });
            } else {
                self.left_out += 1;
            }
            if rule.severity() == Severity::Error && check.is_none_or(checks::Check::refuses) {
                let is_token =
                    check.is_some_and(checks::Check::is_of_token) || rule.is_of_header("authorization");
                let status = if is_token { 401 } else { 422 };
                let (first, rules) = refused.get_or_insert((status, Vec::new()));
                *first = (*first).min(status);
                rules.push(rule.id.clone());
            }
        }
        refused
    }

    fn fault(&mut self, seen: &Seen) -> Option<Fault> {
        let (fault, left) = self.faults.iter_mut().find(|(fault, left)| *left > 0 && seen.is(fault.on))?;
        *left -= 1;
        Some(fault.clone())
    }

    /// Misbehaves so too, from the next request on.
    pub fn misbehave(&mut self, fault: Fault) {
        let times = fault.times;
        self.faults.push((fault, times));
    }

    /// The rules.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// True where a request was held against a rule.
    pub fn has_tried(&self, rule: &str) -> bool {
        self.rules.iter().zip(&self.tried).any(|(known, tried)| known.id == rule && *tried)
    }

    /// The rules that were broken, in order of requests.
    pub fn breaches(&self) -> &[Breach] {
        &self.breaches
    }

    /// Breaches beyond those that are told one by one.
    pub const fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Requests so far.
    pub const fn requests(&self) -> u64 {
        self.requests
    }

    /// The newest version of each Consent that is recorded.
    pub fn consents(&self) -> Vec<Value> {
        self.records.consents().cloned().collect()
    }

    /// The reports of disclosures that are recorded.
    pub fn disclosures(&self) -> &[Value] {
        self.records.events()
    }
}

/// A right answer as it is given: as it is, or by a kind of misbehaviour.
fn given(right: Right, fault: Option<&Fault>, asked: &str) -> Reply {
    let mut body = right.body;
    let Some(fault) = fault else {
        return Reply {
            status: right.status,
            headers: vec![("content-type".to_owned(), "application/fhir+json".to_owned())],
            body: body.to_string().into_bytes(),
            delay_ms: 0,
            cut: None,
            close: false,
        };
    };
    if let Some(turn) = fault.turn {
        body = turn.on(body, &right.older, asked);
    }
    let kind = fault.content_type.as_deref().unwrap_or("application/fhir+json");
    let mut headers = vec![("content-type".to_owned(), kind.to_owned())];
    headers.extend(fault.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone())));
    let body = fault.body.clone().unwrap_or_else(|| body.to_string()).into_bytes();
    Reply {
        status: fault.status.unwrap_or(right.status),
        headers,
        cut: fault.cut.map(|cut| part(body.len(), cut)),
        body,
        delay_ms: fault.delay_ms,
        close: fault.close,
    }
}

/// A part of a length. The part is from 0 to 1.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "lengths of answers are far below 2^52, and the part is checked"
)]
fn part(length: usize, cut: f64) -> usize {
    (length as f64 * cut) as usize
}
