//! An emergency that opens what is closed: declared with a coded reason and words, for one client, good for an hour.
//!
//! `X-Sauma-Emergency: life`, `X-Sauma-Emergency-Patient: <id>`, `X-Sauma-Emergency-Words: <why, percent-encoded>`. The
//! hour runs from the first request with the same declaration, which the store remembers: repeating it does not
//! lengthen it. Whatever is given out under an emergency is marked for the audit (`Known::emergency`).

use super::check::OWN;
use crate::plan::permission::{BreakGlass, EMERGENCY_WORDS_MIN, EmergencyReason, Moment, Word};
use crate::schema::sha256::hex;
use crate::server::call::field;
use crate::server::caller::Caller;
use crate::server::query;
use crate::server::refusal::{Outcome, Refusal, Why};
use crate::server::route::is_id;
use crate::server::{Server, moment, sight};
use crate::store::{Name, Store};
use hyper::HeaderMap;
use hyper::header::HeaderName;
use serde_json::{Value, json};

const REASON: HeaderName = HeaderName::from_static("x-sauma-emergency");
const PATIENT: HeaderName = HeaderName::from_static("x-sauma-emergency-patient");
const WORDS: HeaderName = HeaderName::from_static("x-sauma-emergency-words");
/// Under this kind the store keeps when emergencies were declared.
const DECLARED: &str = "Emergency";
/// Bytes of the words.
const WORDS_BYTES_MAX: usize = 2_000;

impl<S: Store> Server<S> {
    /// The caller with the emergency that a request declares, if it does.
    ///
    /// # Errors
    /// 403 where no emergency may be declared or its hour is over; 400 where something of it is missing.
    pub(in crate::server) async fn with_emergency(
        &self,
        mut caller: Caller,
        headers: &HeaderMap,
    ) -> Outcome<Caller> {
        let Some(known) = &mut caller.known else { return Ok(caller) };
        let Some(reason) = field(headers, REASON)? else { return Ok(caller) };
        if !self.access.has_emergencies {
            return Err(Refusal::new(Why::Emergency, "this server knows no emergencies"));
        }
        let incomplete =
            || Refusal::new(Why::CallerField, "an emergency has a reason, one patient, and words");
        let reason = EmergencyReason::find(reason).ok_or_else(incomplete)?;
        let client = field(headers, PATIENT)?.filter(|id| is_id(id)).ok_or_else(incomplete)?.to_owned();
        let words = field(headers, WORDS)?.filter(|words| words.len() <= WORDS_BYTES_MAX);
        let words = query::decoded(words.ok_or_else(incomplete)?).ok_or_else(incomplete)?;
        if words.chars().filter(|letter| letter.is_alphanumeric()).count() < EMERGENCY_WORDS_MIN {
            return Err(incomplete());
        }
        let user = known.user.as_deref().unwrap_or_default();
        let declared = [&known.client.id, user, &client, reason.code(), &words].join("\0");
        let (since, is_new) = self.declared(&hex(declared.as_bytes())).await?;
        let glass = BreakGlass { reason, words, client, since };
        if !glass.is_in_force(&glass.client, Moment::at(moment::now() / 1_000_000)) {
            return Err(Refusal::plain(Why::Emergency));
        }
        known.emergency = Some(glass.clone());
        if is_new {
            self.tell_emergency(&caller, &glass).await?;
        }
        Ok(caller)
    }

    /// When a declaration was made first; true where that is now.
    async fn declared(&self, key: &str) -> Outcome<(Moment, bool)> {
        let name = Name::new(DECLARED, key);
        let now = moment::now() / 1_000_000;
        if let Some(at) = self.remembered(&name).await? {
            return Ok((at, false));
        }
        if self.claim(name.clone(), &json!({ "at": now })).await? {
            return Ok((Moment::at(now), true));
        }
        // Another request declared it in between.
        let at = self.remembered(&name).await?.ok_or_else(|| Refusal::plain(Why::StoreFailed))?;
        Ok((at, false))
    }

    async fn remembered(&self, name: &Name) -> Outcome<Option<Moment>> {
        let record = self.store.read(OWN, name).await.map_err(|error| sight::refusal(&error))?;
        let document = record.and_then(|record| record.document.clone());
        let content: Option<Value> = document.and_then(|document| serde_json::from_slice(&document).ok());
        Ok(content.and_then(|content| content.get("at").and_then(Value::as_i64)).map(Moment::at))
    }
}
