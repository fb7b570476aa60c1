//! The extensions with which ignixa's suite, and our own, say more than `TestScript` can.
//!
//! They are read by their urls alone; a script that uses none of them runs as R4 says.

use super::model::{Poll, Repeat, limit};
use super::reading::At;

/// What all of them begin with.
pub(super) const BASE: &str = "http://ignixa.io/testscript/";
/// What our own begin with, which say which requirements a test is about and when it applies.
const OWN: &str = "https://w3id.org/sauma/fhir/StructureDefinition/testscript-";

/// The value of an extension, whatever its type.
fn value(at: At<'_>, name: &str) -> Option<String> {
    let url = format!("{BASE}{name}");
    let found = at.items("extension").find(|extension| extension.text("url").as_deref() == Some(&*url))?;
    found.children().find(|(name, _)| name.starts_with("value")).map(|(_, at)| at.own_text())
}

/// All values of an extension that may repeat.
fn values(at: At<'_>, name: &str) -> Vec<String> {
    named(at, &format!("{BASE}{name}"))
}

fn named(at: At<'_>, url: &str) -> Vec<String> {
    let found = at.items("extension").filter(|extension| extension.text("url").as_deref() == Some(url));
    found
        .filter_map(|it| {
            it.children().find(|(name, _)| name.starts_with("value")).map(|(_, at)| at.own_text())
        })
        .collect()
}

/// A part of an extension that has parts.
fn part(at: At<'_>, name: &str, part: &str) -> Option<String> {
    let url = format!("{BASE}{name}");
    let found = at.items("extension").find(|extension| extension.text("url").as_deref() == Some(&*url))?;
    let part = found.items("extension").find(|inner| inner.text("url").as_deref() == Some(part))?;
    part.children().find(|(name, _)| name.starts_with("value")).map(|(_, at)| at.own_text())
}

/// Expressions over the server's `CapabilityStatement` that must hold.
pub(super) fn requires(at: At<'_>) -> Vec<String> {
    let mut found = values(at, "requiresCapability");
    found.extend(own(at, "requires"));
    found
}

/// What Touchstone's scripts say of an assert that R5 says by an element of its own: whether its failure ends the test.
const TOUCHSTONE_STOPS: &str = "http://touchstone.aegis.net/touchstone/fhir/testing/StructureDefinition/testscript-assert-stopTestOnFail";

/// Whether a failure ends the test, where an extension says so.
pub(super) fn stops(at: At<'_>) -> Option<bool> {
    named(at, TOUCHSTONE_STOPS).first().map(|text| text == "true")
}

/// The values of one of our own extensions: `requirement`, `role`, `needs`.
pub(super) fn own(at: At<'_>, name: &str) -> Vec<String> {
    named(at, &format!("{OWN}{name}"))
}

/// Versions of FHIR a test is for.
pub(super) fn versions(at: At<'_>) -> Vec<String> {
    let listed = value(at, "fhirVersions").unwrap_or_default();
    listed.split(',').map(|version| version.trim().to_owned()).filter(|version| !version.is_empty()).collect()
}

/// The values that a test runs with.
///
/// # Errors
/// There are too many, or the variable is not named.
pub(super) fn repeat(at: At<'_>) -> Result<Option<Repeat>, String> {
    let Some(listed) = part(at, "parametrize", "values") else { return Ok(None) };
    let variable = part(at, "parametrize", "variable").ok_or("a repeated test names no variable")?;
    let values: Vec<String> = listed.split(',').map(str::to_owned).collect();
    if values.len() > limit::VALUES_MAX {
        return Err(format!("a test repeats over {} times", limit::VALUES_MAX));
    }
    Ok(Some(Repeat { variable, values }))
}

/// How an operation asks again while the answer is not ready.
pub(super) fn poll(at: At<'_>) -> Option<Poll> {
    let number = |name: &str| part(at, "waitFor", name).and_then(|text| text.parse::<u32>().ok());
    let while_status = number("pollingStatusCode").and_then(|status| u16::try_from(status).ok())?;
    Some(Poll {
        while_status,
        times: number("maxAttempts").unwrap_or(1).min(limit::POLLS_MAX),
        interval_ms: number("intervalMs").unwrap_or(1_000).min(limit::POLL_INTERVAL_MS_MAX),
    })
}

/// The group of asserts of which one must hold.
pub(super) fn group(at: At<'_>) -> Option<String> {
    value(at, "assertionAnyOfGroup")
}

/// The response and status for which an assert counts.
pub(super) fn when(at: At<'_>) -> Option<(String, u16)> {
    let status = part(at, "assertionWhenResponseStatus", "status")?.parse().ok()?;
    part(at, "assertionWhenResponseStatus", "sourceId").map(|source| (source, status))
}

/// The type of which a fixture is to be any valid resource.
pub(super) fn synthetic(at: At<'_>) -> Option<String> {
    value(at, "fhirfakes")
}
