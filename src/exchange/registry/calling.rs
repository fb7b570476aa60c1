//! Asking and telling with care: what is asked is asked again where no answer came; what is told is looked for before
//! it is told again.

use super::fault::{Garbled, Left, RegistryError};
use super::kanta::{Action, Change, Disclosure, Terms, recorded};
use super::link::{FHIR_JSON, FORM, Link, LinkSettings, Request};
use super::retry::{Retry, drawn, uuid};
use super::said::Permissions;
use super::token::{Signer, TokenSettings};
use super::{Recorded, kanta};
use crate::plan::identity::{HETU_SYSTEM, Hetu};
use reqwest::Method;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Pages of one search that are read.
const PAGES_MAX: usize = 100;
/// The header field by which FHIR tells requests apart in logs (FHIR R4, 3.1.0.16).
const REQUEST_ID: &str = "X-Request-Id";

/// One registry and how it is talked to.
#[derive(Debug)]
pub(super) struct Caller {
    pub(super) link: Link,
    signer: Option<Signer>,
    headers: Vec<(String, String)>,
    retry: Retry,
}

/// What a search found.
pub(super) struct Found {
    pub(super) resources: Vec<Value>,
}

impl Caller {
    pub(super) fn new(
        link: &LinkSettings,
        token: Option<&TokenSettings>,
        headers: &BTreeMap<String, String>,
        retry: Retry,
    ) -> Result<Self, RegistryError> {
        if retry.attempts_max == 0 {
            return Err(RegistryError::Settings("[retry]: `attempts_max` is at least 1".to_owned()));
        }
        let link = Link::new(link)?;
        let signer = token.map(|token| Signer::new(token, link.base())).transpose()?;
        let headers = headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        Ok(Self { link, signer, headers, retry })
    }

    /// One request with its own id and its own token.
    pub(super) async fn once(&self, request: &Request) -> Result<Value, RegistryError> {
        let mut request = request.clone();
        request.headers.extend(self.headers.iter().cloned());
        request.headers.push((REQUEST_ID.to_owned(), uuid()?));
        if let Some(signer) = &self.signer {
            request.headers.push(("Authorization".to_owned(), format!("Bearer {}", signer.token(now())?)));
        }
        self.link.send(&request).await
    }

    /// Asks until there is an answer that `read` understands. For what changes nothing at the other end.
    pub(super) async fn ask<T>(
        &self,
        request: &Request,
        read: impl Fn(Value) -> Result<T, RegistryError>,
    ) -> Result<T, RegistryError> {
        let mut is_renewed = false;
        for attempt in 1.. {
            let error = match self.once(request).await.and_then(&read) {
                Ok(found) => return Ok(found),
                Err(error) => error,
            };
            let again = match error.left() {
                Left::Undone | Left::Unknown => true,
                Left::NotLetIn => !std::mem::replace(&mut is_renewed, true),
                Left::Elsewhere | Left::Final => false,
            };
            let wait = self.retry.wait(attempt, &error, drawn()).filter(|_| again);
            let Some(wait) = wait else { return Err(error) };
            tokio::time::sleep(wait).await;
        }
        Err(RegistryError::Uncertain)
    }

    /// Searches by POST, so that nothing of it stands in an address, and reads all pages.
    pub(super) async fn search(&self, kind: &str, form: &[(&str, &str)]) -> Result<Found, RegistryError> {
        let mut request = Request {
            method: Method::POST,
            path: format!("{kind}/_search"),
            headers: Vec::new(),
            body: Some((FORM, encoded(form).into_bytes())),
        };
        let mut resources = Vec::new();
        for _ in 0..PAGES_MAX {
            let page = self.ask(&request, |body| page_of(&body, kind)).await?;
            resources.extend(page.resources);
            let Some(next) = page.next else {
                let is_whole = page.total.is_none_or(|total| total <= resources.len() as u64);
                return if is_whole { Ok(Found { resources }) } else { Err(incomplete()) };
            };
            let path = self.link.below(&next).ok_or(RegistryError::Garbled(Garbled::OtherServer))?;
            request = Request { method: Method::GET, path, ..Request::default() };
        }
        Err(incomplete())
    }

    /// The permissions of a client: each once, in its newest version, and nobody else's.
    pub(super) async fn permissions(&self, client: &Hetu) -> Result<Permissions, RegistryError> {
        let patient = format!("{HETU_SYSTEM}|{}", client.as_str());
        let found = self.search("Consent", &[("patient:identifier", &patient)]).await?;
        newest(found.resources, client).map(Permissions::of)
    }

    /// Tells of a permission that a client gives or withdraws; one that is recorded already is not told again.
    pub(super) async fn tell_permission(
        &self,
        change: &Change,
        terms: Terms<'_>,
    ) -> Result<Recorded, RegistryError> {
        change.check().map_err(RegistryError::Unfit)?;
        let known = match change.action {
            Action::Give => None,
            Action::Withdraw => Some(self.permissions(&change.client).await?),
        };
        if let Some(places) = known.as_ref().and_then(|known| recorded(change, known)) {
            return Ok(Recorded { places, is_new: false });
        }
        let bundle = change.transaction(terms, known.as_ref())?;
        self.tell(&bundle, Some(change)).await
    }

    /// Tells of a disclosure.
    pub(super) async fn tell_disclosure(&self, disclosure: &Disclosure) -> Result<Recorded, RegistryError> {
        disclosure.check().map_err(RegistryError::Unfit)?;
        self.tell(&disclosure.transaction(), None).await
    }

    /// Tells a transaction. `looked_for` is what it changes, where that can be looked for.
    pub(super) async fn tell(
        &self,
        bundle: &Value,
        looked_for: Option<&Change>,
    ) -> Result<Recorded, RegistryError> {
        let request = Request {
            method: Method::POST,
            body: Some((FHIR_JSON, bundle.to_string().into_bytes())),
            ..Request::default()
        };
        let (mut is_renewed, mut may_be_done) = (false, false);
        for attempt in 1.. {
            let error = match self.once(&request).await.and_then(|body| places(&body, bundle)) {
                Ok(places) => return Ok(Recorded { places, is_new: !may_be_done }),
                Err(error) => error,
            };
            match error.left() {
                Left::NotLetIn if !std::mem::replace(&mut is_renewed, true) => {}
                Left::Unknown => may_be_done = true,
                Left::Undone | Left::Elsewhere => {}
                Left::NotLetIn | Left::Final => return Err(settled(error, may_be_done)),
            }
            let is_elsewhere = error.left() == Left::Elsewhere;
            let wait = self.retry.wait(attempt, &error, drawn());
            if !is_elsewhere && let Some(wait) = wait {
                tokio::time::sleep(wait).await;
            }
            if (is_elsewhere || may_be_done)
                && let Some(change) = looked_for
                && let Ok(found) = self.permissions(&change.client).await
                && let Some(places) = kanta::recorded(change, &found)
            {
                return Ok(Recorded { places, is_new: false });
            }
            if is_elsewhere || wait.is_none() {
                return Err(settled(error, may_be_done));
            }
        }
        Err(RegistryError::Uncertain)
    }

    /// Waits as long as before another attempt; false where there is none.
    pub(super) async fn pause(&self, attempt: u32, error: &RegistryError) -> bool {
        let Some(wait) = self.retry.wait(attempt, error, drawn()) else { return false };
        tokio::time::sleep(wait).await;
        true
    }
}

/// What is said at the end: an error alone would sound as if nothing had been done.
fn settled(error: RegistryError, may_be_done: bool) -> RegistryError {
    if may_be_done { RegistryError::Uncertain } else { error }
}

const fn incomplete() -> RegistryError {
    RegistryError::Garbled(Garbled::Incomplete)
}

/// Seconds since 1970.
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// A form (WHATWG URL, `application/x-www-form-urlencoded`).
fn encoded(form: &[(&str, &str)]) -> String {
    let mut text = reqwest::Url::parse("form:").map_or_else(
        |_| String::new(),
        |mut url| {
            url.query_pairs_mut().extend_pairs(form);
            url.query().unwrap_or_default().to_owned()
        },
    );
    // The colon of a modifier may stand as it is; some servers split before they decode.
    text = text.replace("%3A", ":");
    text
}

/// One page of a search.
pub(super) struct Page {
    pub(super) resources: Vec<Value>,
    pub(super) next: Option<String>,
    pub(super) total: Option<u64>,
}

/// Reads a page of matches of one type; what it includes beside is passed over.
pub(super) fn page_of(body: &Value, kind: &str) -> Result<Page, RegistryError> {
    let garbled = |why| Err(RegistryError::Garbled(why));
    if body["resourceType"] != "Bundle" || !matches!(body["type"].as_str(), Some("searchset" | "history")) {
        return garbled(Garbled::Kind);
    }
    let next = next_of(body);
    let total = body["total"].as_u64();
    let mut resources = Vec::new();
    if let Some(Value::Array(entries)) = body.get("entry") {
        for entry in entries {
            if matches!(entry["search"]["mode"].as_str(), Some("include" | "outcome")) {
                continue;
            }
            if entry["resource"]["resourceType"] != *kind {
                return garbled(Garbled::Kind);
            }
            resources.push(entry["resource"].clone());
        }
    }
    Ok(Page { resources, next, total })
}

/// Where the next page is.
pub(super) fn next_of(body: &Value) -> Option<String> {
    let links = body["link"].as_array()?;
    links.iter().find(|link| link["relation"] == "next")?["url"].as_str().map(str::to_owned)
}

/// Each Consent once, in its newest version.
///
/// # Errors
/// One is about somebody else, or does not say about whom: then none of the answer is believed.
fn newest(consents: Vec<Value>, client: &Hetu) -> Result<Vec<Value>, RegistryError> {
    let mut kept: BTreeMap<String, Value> = BTreeMap::new();
    for consent in consents {
        if consent["patient"]["identifier"]["value"] != *client.as_str() {
            return Err(RegistryError::Garbled(Garbled::Subject));
        }
        let key = consent["id"].as_str().ok_or_else(incomplete)?.to_owned();
        let is_newer = kept.get(&key).is_none_or(|known| version(&consent) > version(known));
        if is_newer {
            kept.insert(key, consent);
        }
    }
    Ok(kept.into_values().collect())
}

/// By its number, and where versions are no numbers by the time of its last change.
fn version(resource: &Value) -> (u64, &str) {
    let number = resource["meta"]["versionId"].as_str().and_then(|text| text.parse().ok()).unwrap_or(0);
    (number, resource["meta"]["lastUpdated"].as_str().unwrap_or_default())
}

/// Where the entries of a transaction stand now, in the order in which they were sent.
///
/// # Errors
/// The answer is not the one to this transaction.
pub(super) fn places(body: &Value, sent: &Value) -> Result<Vec<String>, RegistryError> {
    if body["resourceType"] != "Bundle" || body["type"] != "transaction-response" {
        return Err(RegistryError::Garbled(Garbled::Kind));
    }
    let entries = |bundle: &Value| bundle["entry"].as_array().cloned().unwrap_or_default();
    let (answered, sent) = (entries(body), entries(sent));
    if answered.len() != sent.len() {
        return Err(incomplete());
    }
    let mut places = Vec::new();
    for (answer, sent) in answered.iter().zip(&sent) {
        let status = answer["response"]["status"].as_str().unwrap_or_default();
        if status.starts_with("409") || status.starts_with("412") {
            return Err(RegistryError::Conflict);
        }
        if !status.starts_with('2') {
            return Err(incomplete());
        }
        let asked = sent["request"]["url"].as_str().unwrap_or_default();
        let location = answer["response"]["location"].as_str().unwrap_or(asked);
        let place = place_in(location, asked.split(['/', '?']).next().unwrap_or_default())?;
        places.push(place);
    }
    Ok(places)
}

/// `Consent/1` of a location, which may be a whole address with a version.
fn place_in(location: &str, kind: &str) -> Result<String, RegistryError> {
    let steps: Vec<&str> = location.split('/').collect();
    let at = steps.iter().rposition(|step| *step == kind).ok_or(RegistryError::Garbled(Garbled::Subject))?;
    let id = steps.get(at + 1).copied().unwrap_or_default();
    Ok(if id.is_empty() { kind.to_owned() } else { format!("{kind}/{id}") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nothing_of_a_search_is_lost_in_its_form() {
        let form = encoded(&[("patient:identifier", "urn:oid:1.2.246.21|010101-999X"), ("category", "1")]);
        assert_eq!(form, "patient:identifier=urn:oid:1.2.246.21%7C010101-999X&category=1");
    }

    #[test]
    fn an_answer_belongs_to_its_transaction() {
        let sent = json!({ "entry": [
            { "request": { "method": "POST", "url": "Consent" } },
            { "request": { "method": "POST", "url": "Provenance" } },
        ]});
        let answer = |first: &str, second: &str, kind: &str| {
            let entry =
                |location: &str| json!({ "response": { "status": "201 Created", "location": location } });
            json!({ "resourceType": "Bundle", "type": kind, "entry": [entry(first), entry(second)] })
        };
        let check = |body: &Value, expected: Option<&[&str]>| {
            let expected = expected.map(|places| places.iter().map(|&place| place.to_owned()).collect());
            assert_eq!(places(body, &sent).ok(), expected);
        };
        let kind = "transaction-response";
        check(
            &answer("https://x/fhir/Consent/1/_history/1", "Provenance/2", kind),
            Some(&["Consent/1", "Provenance/2"]),
        );
        check(&answer("Provenance/2", "Consent/1", kind), None);
        check(&answer("Consent/1", "Provenance/2", "searchset"), None);
        check(&json!({ "resourceType": "Bundle", "type": kind, "entry": [] }), None);
        check(&json!({}), None);
    }
}
