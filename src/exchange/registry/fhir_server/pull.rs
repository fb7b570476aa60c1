//! Pull: what has changed at a server since a cursor, by `_history`, or by `_lastUpdated` where it has none.
//!
//! A server may show a change after later ones, so each pull begins a little before the last one ended, and the cursor
//! remembers what was seen in that time: nothing is passed over and nothing told twice.

use super::super::calling::next_of;
use super::super::link::Request;
use super::super::{Garbled, RegistryError};
use super::FhirServer;
use crate::plan::permission::Moment;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Pages of one pull of one type.
const PAGES_MAX: usize = 1_000;
/// Resources that are asked for at once.
const PAGE_COUNT: usize = 200;
/// Seconds before the end of the last pull from which the next begins.
const OVERLAP_S: i64 = 30;

/// How far a server was read. It is kept between pulls, with what was pulled in one commit.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cursor {
    /// The last change that was seen, as the server wrote it.
    #[serde(default)]
    pub since: Option<String>,
    /// The versions that were seen in the last seconds before, with when they were made.
    #[serde(default)]
    pub seen: BTreeMap<String, i64>,
}

/// A change at the server.
#[derive(Clone, PartialEq)]
pub struct Change {
    /// `CarePlan/1`.
    pub place: String,
    /// The version; empty where a deletion has none.
    pub version: String,
    /// When, as the server wrote it.
    pub at: String,
    /// The resource; none where it was deleted.
    pub resource: Option<Value>,
}

impl std::fmt::Debug for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Change")
            .field("place", &self.place)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// What a pull gave: the changes from old to new, and the cursor to go on from when they are kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Pulled {
    /// The changes.
    pub changes: Vec<Change>,
    /// How far the server was read.
    pub cursor: Cursor,
}

impl FhirServer {
    /// Everything of some types that changed since a cursor; all that there is with the first one.
    ///
    /// # Errors
    /// The server gives no answer that can be believed; then the cursor stays where it was.
    pub async fn pull(&self, types: &[&str], cursor: &Cursor) -> Result<Pulled, RegistryError> {
        let since = cursor.since.as_deref().and_then(Moment::parse).map(|at| at.later(-OVERLAP_S));
        let mut changes = Vec::new();
        for kind in types {
            match self.walk(kind, &history(kind, since)).await {
                Ok(found) => changes.extend(found),
                Err(RegistryError::Refused { status: 400 | 404 | 405, .. } | RegistryError::Failed(501)) => {
                    changes.extend(self.walk(kind, &updated(kind, since)).await?);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(sorted(changes, cursor))
    }

    /// All that there is of some types about one client, with the client.
    ///
    /// # Errors
    /// The server gives no answer that can be believed.
    pub async fn of_client(&self, id: &str, types: &[&str]) -> Result<Vec<Value>, RegistryError> {
        let mut changes = self.walk("Patient", &format!("Patient?_id={id}&_count={PAGE_COUNT}")).await?;
        for kind in types {
            let path = format!("{kind}?subject=Patient/{id}&_sort=_id&_count={PAGE_COUNT}");
            changes.extend(self.walk(kind, &path).await?);
        }
        Ok(changes.into_iter().filter_map(|change| change.resource).collect())
    }

    async fn walk(&self, kind: &str, first: &str) -> Result<Vec<Change>, RegistryError> {
        let mut path = first.to_owned();
        let mut changes = Vec::new();
        for _ in 0..PAGES_MAX {
            let request = Request { path, ..Request::default() };
            let (page, next) = self.caller.ask(&request, |body| page(&body, kind)).await?;
            changes.extend(page);
            let Some(next) = next else { return Ok(changes) };
            path = self.caller.link.below(&next).ok_or(RegistryError::Garbled(Garbled::OtherServer))?;
        }
        Err(RegistryError::Garbled(Garbled::Incomplete))
    }
}

fn history(kind: &str, since: Option<Moment>) -> String {
    let since = since.map_or_else(String::new, |since| format!("&_since={}", utc(since)));
    format!("{kind}/_history?_count={PAGE_COUNT}{since}")
}

fn updated(kind: &str, since: Option<Moment>) -> String {
    let since = since.map_or_else(String::new, |since| format!("&_lastUpdated=ge{}", utc(since)));
    format!("{kind}?_sort=_lastUpdated&_count={PAGE_COUNT}{since}")
}

/// A moment in Greenwich, written so that nothing of it needs to be encoded.
fn utc(moment: Moment) -> String {
    let text = crate::fhirpath::Temporal::utc(moment.seconds(), 0).to_string();
    let text = text.trim_start_matches('@').split(['+', 'Z', '.']).next().unwrap_or_default().to_owned();
    format!("{text}Z")
}

fn page(body: &Value, kind: &str) -> Result<(Vec<Change>, Option<String>), RegistryError> {
    if body["resourceType"] != "Bundle" || !matches!(body["type"].as_str(), Some("history" | "searchset")) {
        return Err(RegistryError::Garbled(Garbled::Kind));
    }
    let entries = body["entry"].as_array().map(Vec::as_slice).unwrap_or_default();
    let shown = entries
        .iter()
        .filter(|entry| !matches!(entry["search"]["mode"].as_str(), Some("include" | "outcome")));
    let changes = shown.map(|entry| change(entry, kind)).collect::<Result<_, _>>()?;
    Ok((changes, next_of(body)))
}

fn change(entry: &Value, kind: &str) -> Result<Change, RegistryError> {
    let incomplete = || RegistryError::Garbled(Garbled::Incomplete);
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let resource = entry.get("resource").filter(|resource| resource.is_object());
    if let Some(resource) = resource {
        if resource["resourceType"] != *kind {
            return Err(RegistryError::Garbled(Garbled::Kind));
        }
        let id = text(&resource["id"]).ok_or_else(incomplete)?;
        return Ok(Change {
            place: format!("{kind}/{id}"),
            version: text(&resource["meta"]["versionId"]).ok_or_else(incomplete)?,
            at: text(&resource["meta"]["lastUpdated"]).ok_or_else(incomplete)?,
            resource: Some(resource.clone()),
        });
    }
    if entry["request"]["method"] != "DELETE" {
        return Err(incomplete());
    }
    let url = text(&entry["request"]["url"]).ok_or_else(incomplete)?;
    let steps: Vec<&str> = url.split('/').collect();
    let id = steps.iter().rposition(|step| step == &kind).and_then(|at| steps.get(at + 1));
    let etag = entry["response"]["etag"].as_str().unwrap_or_default();
    Ok(Change {
        place: format!("{kind}/{}", id.ok_or_else(incomplete)?),
        version: etag.trim_start_matches("W/").trim_matches('"').to_owned(),
        at: text(&entry["response"]["lastModified"]).ok_or_else(incomplete)?,
        resource: None,
    })
}

/// The changes that were not seen before, from old to new, and where the next pull begins.
fn sorted(changes: Vec<Change>, before: &Cursor) -> Pulled {
    let moment = |change: &Change| Moment::parse(&change.at).map_or(0, Moment::seconds);
    let name = |change: &Change| format!("{}/_history/{}", change.place, change.version);
    let mut seen = before.seen.clone();
    let mut since = before.since.clone();
    let mut fresh = Vec::new();
    let mut told = BTreeSet::new();
    for change in changes {
        let last = since.as_deref().and_then(Moment::parse).map_or(i64::MIN, Moment::seconds);
        if moment(&change) >= last {
            since = Some(change.at.clone());
        }
        seen.insert(name(&change), moment(&change));
        if !before.seen.contains_key(&name(&change)) && told.insert(name(&change)) {
            fresh.push(change);
        }
    }
    let number = |change: &Change| change.version.parse::<u64>().unwrap_or(0);
    fresh.sort_by(|a, b| {
        (moment(a), &a.place, number(a), &a.at).cmp(&(moment(b), &b.place, number(b), &b.at))
    });
    let last = since.as_deref().and_then(Moment::parse).map_or(i64::MIN, Moment::seconds);
    seen.retain(|_, at| *at >= last.saturating_sub(OVERLAP_S));
    Pulled { changes: fresh, cursor: Cursor { since, seen } }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(place: &str, version: &str, at: &str) -> Change {
        Change { place: place.to_owned(), version: version.to_owned(), at: at.to_owned(), resource: None }
    }

    #[test]
    fn nothing_is_told_twice_and_nothing_passed_over() {
        let [a, b] =
            [seen("Goal/1", "1", "2026-01-01T10:00:00Z"), seen("Goal/1", "2", "2026-01-01T10:00:05Z")];
        let first = sorted(vec![b.clone(), a.clone(), b.clone()], &Cursor::default());
        assert_eq!(first.changes, [a.clone(), b.clone()]);
        // What became visible late, inside the time that is read again.
        let late = seen("Goal/2", "1", "2026-01-01T10:00:02Z");
        let second = sorted(vec![b, late.clone()], &first.cursor);
        assert_eq!(second.changes, [late]);
        assert_eq!(second.cursor.since.as_deref(), Some("2026-01-01T10:00:05Z"));
    }

    #[test]
    fn a_pull_begins_before_the_last_one_ended() {
        let since = Moment::parse("2026-01-01T12:00:05.123+02:00").map(|at| at.later(-OVERLAP_S));
        assert_eq!(history("Goal", since), "Goal/_history?_count=200&_since=2026-01-01T09:59:35Z");
        assert_eq!(history("Goal", None), "Goal/_history?_count=200");
    }
}
