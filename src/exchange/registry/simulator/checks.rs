//! Rules that need a calculation, or the memory of earlier requests.

use super::seen::{Kind, Seen};
use crate::plan::identity::{HETU_SYSTEM, Hetu, HetuFault, mask_codes};
use crate::schema::{base64url, sha256};
use crate::tree::Tree;
use crate::validate::{Options, Validator};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet, VecDeque};

/// Failed requests of one content within a second that are no hammering.
const FAILURES_MAX: usize = 5;
/// The time in which they are counted.
const HAMMER_MS: i64 = 1_000;
/// By how much a client may come back before `Retry-After`, for clocks that tick apart.
const SOON_MS: i64 = 50;
/// Seconds for which a token may be good.
const LIFE_SECONDS_MAX: i64 = 300;
/// Seconds by which the clock of a client may be ahead.
const SKEW_SECONDS: i64 = 5;
/// Objects and lists below each other that are looked through.
const DEPTH_MAX: usize = 128;
/// Things that are remembered of a kind.
const REMEMBERED_MAX: usize = 100_000;

/// What a rule asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Check {
    /// No personal identity code in the address.
    IdentityInAddress,
    /// No query in the address.
    QueryInAddress,
    /// An interaction that there is.
    UnknownRequest,
    /// An asymmetric algorithm.
    TokenAlgorithm,
    /// An end that is not past.
    TokenExpired,
    /// An id that was not used before.
    TokenReused,
    /// A short life.
    TokenLong,
    /// Issuer and audience.
    TokenIssuer,
    /// Identity codes of a form have theirs.
    IdentityForm,
    /// Identity codes of a body have theirs.
    IdentityFormBody,
    /// No parameter beside the two.
    OtherParameter,
    /// A body that can be read.
    UnreadableBody,
    /// Resources that are valid R4.
    NotR4,
    /// The wait that was asked for.
    TooSoon,
    /// What was refused is not sent again.
    RefusedAgain,
    /// One identifier, one content.
    OtherContent,
    /// One content, one identifier.
    Doubled,
    /// Pauses after failures.
    Hammering,
    /// A change names its version.
    NoVersion,
}

impl Check {
    /// True where a registry refuses such a request; otherwise it is only told in the report.
    pub(super) const fn refuses(self) -> bool {
        !matches!(self, Self::TooSoon | Self::RefusedAgain | Self::Doubled | Self::Hammering)
    }

    /// True where it is about the token.
    pub(super) const fn is_of_token(self) -> bool {
        matches!(
            self,
            Self::TokenAlgorithm
                | Self::TokenExpired
                | Self::TokenReused
                | Self::TokenLong
                | Self::TokenIssuer
        )
    }
}

/// What is remembered of earlier requests.
#[derive(Debug, Default)]
pub(super) struct Memory {
    tokens: HashSet<String>,
    refused: HashSet<String>,
    contents: HashMap<String, String>,
    told: HashMap<String, String>,
    failures: VecDeque<(String, i64)>,
    not_before: Option<i64>,
}

/// A request with what its checks share.
pub(super) struct Checked<'a> {
    pub(super) seen: &'a Seen,
    /// The body as FHIR, where it can be read.
    pub(super) tree: Option<&'a Tree>,
    /// Milliseconds since 1970.
    pub(super) now_ms: i64,
    token: Option<Token>,
}

struct Token {
    header: Value,
    claims: Value,
}

impl<'a> Checked<'a> {
    pub(super) fn new(seen: &'a Seen, tree: Option<&'a Tree>, now_ms: i64) -> Self {
        Self { seen, tree, now_ms, token: token(seen) }
    }
}

fn token(seen: &Seen) -> Option<Token> {
    let mut parts = seen.header("authorization")?.strip_prefix("Bearer ")?.split('.');
    let mut part = || -> Option<Value> { serde_json::from_slice(&base64url::decode(parts.next()?)?).ok() };
    Some(Token { header: part()?, claims: part()? })
}

impl Memory {
    /// True where a request keeps to a check.
    pub(super) fn keeps(&self, check: Check, at: &Checked<'_>, validator: &Validator<'_>) -> bool {
        let seen = at.seen;
        // A request without a token breaks the rule that asks for one, and no other.
        let of_token = |test: &dyn Fn(&Token) -> bool| at.token.as_ref().is_none_or(test);
        let now = at.now_ms / 1_000;
        match check {
            Check::IdentityInAddress => {
                let address = super::seen::decoded(&seen.target);
                mask_codes(&address) == address
            }
            Check::QueryInAddress => !seen.target.contains('?'),
            Check::UnknownRequest => seen.kind().is_some() || is_metadata(seen),
            Check::TokenAlgorithm => of_token(&|token| {
                let alg = token.header["alg"].as_str().unwrap_or_default();
                ["RS", "ES", "PS"].iter().any(|family| alg.starts_with(family))
            }),
            Check::TokenExpired => {
                of_token(&|token| token.claims["exp"].as_i64().is_some_and(|exp| exp > now))
            }
            Check::TokenReused => of_token(&|token| {
                token.claims["jti"].as_str().is_some_and(|id| !id.is_empty() && !self.tokens.contains(id))
            }),
            Check::TokenLong => of_token(&|token| {
                token.claims["exp"].as_i64().is_none_or(|exp| exp <= now + LIFE_SECONDS_MAX + SKEW_SECONDS)
            }),
            Check::TokenIssuer => of_token(&|token| {
                ["iss", "aud"]
                    .iter()
                    .all(|name| token.claims[*name].as_str().is_some_and(|text| !text.is_empty()))
            }),
            Check::IdentityForm => seen.parameters("patient:identifier").all(|value| {
                value.rsplit_once('|').is_none_or(|(system, code)| system != HETU_SYSTEM || is_identity(code))
            }),
            Check::IdentityFormBody => identities(&seen.json, 0),
            Check::OtherParameter => {
                seen.form.iter().all(|(name, _)| matches!(name.as_str(), "patient:identifier" | "category"))
            }
            Check::UnreadableBody => at.tree.is_some(),
            Check::NotR4 => {
                at.tree.is_none_or(|tree| validator.validate(tree, &Options::default()).is_valid())
            }
            Check::TooSoon => self.not_before.is_none_or(|time| at.now_ms + SOON_MS >= time),
            Check::RefusedAgain => !self.refused.contains(&sum(seen)),
            Check::OtherContent => {
                let known = seen.message_id().and_then(|id| self.contents.get(id));
                known.is_none_or(|known| *known == sum(seen))
            }
            Check::Doubled => {
                let known = self.told.get(&essence(seen));
                known.is_none_or(|known| seen.message_id() == Some(known.as_str()))
            }
            Check::Hammering => {
                let sum = sum(seen);
                let is_same =
                    |(failed, time): &&(String, i64)| *failed == sum && at.now_ms - time < HAMMER_MS;
                self.failures.iter().filter(is_same).count() < FAILURES_MAX
            }
            Check::NoVersion => seen.entries().iter().all(|entry| {
                let is_change = entry["request"]["method"] == "PUT";
                !is_change || entry["request"]["ifMatch"].is_string()
            }),
        }
    }

    /// Remembers a request and how it was answered.
    pub(super) fn remember(&mut self, at: &Checked<'_>, status: u16, wait_s: Option<i64>) {
        if self.tokens.len() + self.refused.len() + self.contents.len() > REMEMBERED_MAX {
            *self = Self::default();
        }
        let seen = at.seen;
        if let Some(id) = at.token.as_ref().and_then(|token| token.claims["jti"].as_str()) {
            self.tokens.insert(id.to_owned());
        }
        if seen.kind() == Some(Kind::Transaction)
            && let Some(id) = seen.message_id()
        {
            self.contents.entry(id.to_owned()).or_insert_with(|| sum(seen));
            self.told.entry(essence(seen)).or_insert_with(|| id.to_owned());
        }
        // A token that is over is no fault of what was asked.
        if matches!(status, 400 | 404..=422) && !matches!(status, 408 | 409 | 412) {
            self.refused.insert(sum(seen));
        }
        if status < 400 {
            let sum = sum(seen);
            self.failures.retain(|(failed, _)| *failed != sum);
        } else {
            self.failures.push_back((sum(seen), at.now_ms));
            while self.failures.len() > REMEMBERED_MAX {
                self.failures.pop_front();
            }
        }
        self.not_before = wait_s.map(|wait| at.now_ms + wait * 1_000);
    }
}

fn is_metadata(seen: &Seen) -> bool {
    seen.method == "GET" && seen.path() == "metadata"
}

/// True for a code of the right form whose check character fits; of test codes (900 to 999) many published ones have
/// another.
fn is_identity(code: &str) -> bool {
    match Hetu::parse(code) {
        Ok(_) => true,
        Err(HetuFault::Check) => code.get(7..8) == Some("9"),
        Err(HetuFault::Format | HetuFault::Date | HetuFault::Individual) => false,
    }
}

fn identities(value: &Value, depth: usize) -> bool {
    if depth > DEPTH_MAX {
        return true;
    }
    match value {
        Value::Object(members) => {
            let is_code = value["system"] == HETU_SYSTEM;
            let code = value["value"].as_str().filter(|_| is_code);
            code.is_none_or(is_identity) && members.values().all(|member| identities(member, depth + 1))
        }
        Value::Array(items) => items.iter().all(|item| identities(item, depth + 1)),
        _ => true,
    }
}

/// The content of a request.
fn sum(seen: &Seen) -> String {
    let mut bytes = format!("{} {}\n", seen.method, seen.target).into_bytes();
    bytes.extend_from_slice(&seen.body);
    sha256::hex(&bytes)
}

/// What a message tells, without the names that it gives to it.
fn essence(seen: &Seen) -> String {
    let told = seen.entries().iter().map(|entry| {
        let mut resource = entry["resource"].clone();
        if let Value::Object(members) = &mut resource {
            for name in ["identifier", "id", "target"] {
                members.remove(name);
            }
        }
        resource
    });
    sha256::hex(json!(told.collect::<Vec<_>>()).to_string().as_bytes())
}
