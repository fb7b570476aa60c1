//! read, vread and history (FHIR R4, 3.1.0.2, 3.1.0.3, 3.1.0.10).

use super::Server;
use super::answer::{Answer, Body};
use super::bundle_writer::BundleWriter;
use super::call::Call;
use super::operation;
use super::query::Pair;
use super::refusal::{Outcome, Refusal, Why};
use super::route::{Interaction, is_id};
use super::subscription::topic_resource;
use super::subset::View;
use crate::fhirpath::calendar::days_since_1970;
use crate::store::{HistoryQuery, Name, PAGE_RECORDS, PAGE_RECORDS_MAX, Record, Scope, Store};
use hyper::StatusCode;

/// What a client has already need not be sent: versions count to the second (RFC 9110, 13.1.3).
const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const DAY: i64 = 1_440 * MINUTE;

impl<S: Store> Server<S> {
    pub(super) async fn read(&self, call: &Call) -> Outcome<Answer> {
        let view = View::of_query(&call.query)?;
        let name = name_of(call)?;
        let record = self.sight(&call.caller).read(&name).await?;
        if record.is_none()
            && name.kind == "OperationDefinition"
            && let Some(definition) = operation::named(&name.id)
        {
            return Ok(Answer::resource(StatusCode::OK, &definition));
        }
        if record.is_none()
            && name.kind == "Basic"
            && let Some(topic) = topic_resource(&name.id)
        {
            return Ok(Answer::resource(StatusCode::OK, &topic));
        }
        self.answered(call, record.as_deref(), &view)
    }

    pub(super) async fn version_read(&self, call: &Call) -> Outcome<Answer> {
        let view = View::of_query(&call.query)?;
        let name = name_of(call)?;
        // What is no number is the version of nothing.
        let version = call.names.version.as_deref().and_then(|version| version.parse().ok());
        let version: u64 = version.ok_or_else(|| Refusal::plain(Why::NotFound))?;
        let record = self.sight(&call.caller).version(&name, version).await?;
        self.answered(call, record.as_deref(), &view)
    }

    fn answered(&self, call: &Call, record: Option<&Record>, view: &View) -> Outcome<Answer> {
        let record = record.ok_or_else(|| Refusal::plain(Why::NotFound))?;
        let mut answer = Answer::of_record(record);
        let Body::Resource(document) = &answer.body else {
            let (version, updated) = (answer.version, answer.updated);
            return Ok(Answer { version, updated, ..Answer::from(Refusal::plain(Why::Gone)) });
        };
        let wishes = &call.wishes;
        let is_known = match &*wishes.known_versions {
            [] => {
                wishes.known_at.is_some_and(|at| record.updated.div_euclid(SECOND) <= at.div_euclid(SECOND))
            }
            versions => versions.contains(&record.version),
        };
        if is_known {
            answer.status = StatusCode::NOT_MODIFIED;
            answer.body = Body::Empty;
        } else if !view.is_whole() {
            answer.body = Body::Resource(view.of_resource(document, self.schema)?);
        }
        Ok(answer)
    }

    pub(super) async fn history(&self, call: &Call) -> Outcome<Answer> {
        let scope = match call.interaction {
            Interaction::HistoryInstance => Scope::Instance(name_of(call)?),
            _ => call.names.kind.map_or(Scope::System, |kind| Scope::Type(kind.to_owned())),
        };
        let is_instance = matches!(scope, Scope::Instance(_));
        let asked = Asked::read(&call.query)?;
        let query = HistoryQuery {
            scope,
            since: asked.since,
            at: asked.at,
            before: asked.before,
            count: asked.count.unwrap_or(PAGE_RECORDS),
        };
        let page = self.sight(&call.caller).history(&query).await?;
        if is_instance && page.records.is_empty() && asked.is_plain() {
            return Err(Refusal::plain(Why::NotFound));
        }
        let mut bundle = BundleWriter::new("history");
        if let Some(total) = page.total {
            bundle.total(total);
        }
        let path = history_path(call);
        bundle.link("self", &self.link(&path, &call.query, None));
        if asked.is_count {
            return Ok(bundle.answer());
        }
        if let Some(next) = page.next {
            bundle.link("next", &self.link(&path, &call.query, Some(("_page", &next.to_string()))));
        }
        for record in &page.records {
            bundle.history_entry(&self.settings.base, record);
        }
        Ok(bundle.answer())
    }

    /// An address of this server with a query, of which one pair may be another.
    pub(super) fn link(&self, path: &str, pairs: &[Pair], other: Option<(&str, &str)>) -> String {
        let mut link = format!("{}{path}", self.settings.base);
        let kept = pairs.iter().filter(|(name, _)| other.is_none_or(|(replaced, _)| name != replaced));
        let kept = kept.map(|(name, value)| (&**name, &**value));
        for (at, (name, value)) in kept.chain(other).enumerate() {
            link.push(if at == 0 { '?' } else { '&' });
            link.push_str(&super::query::encode(name));
            link.push('=');
            link.push_str(&super::query::encode(value));
        }
        link
    }
}

fn history_path(call: &Call) -> String {
    match (call.names.kind, &call.names.id) {
        (Some(kind), Some(id)) => format!("/{kind}/{id}/_history"),
        (Some(kind), None) => format!("/{kind}/_history"),
        _ => "/_history".to_owned(),
    }
}

/// The resource that the path names. What can be no id is the id of nothing.
pub(super) fn name_of(call: &Call) -> Outcome<Name> {
    match (call.names.kind, &call.names.id) {
        (Some(kind), Some(id)) if is_id(id) => Ok(Name::new(kind, id)),
        _ => Err(Refusal::plain(Why::NotFound)),
    }
}

/// The parameters of a history.
#[derive(Debug, Default)]
struct Asked {
    since: Option<i64>,
    at: Option<(i64, i64)>,
    before: Option<i64>,
    count: Option<usize>,
    is_count: bool,
}

impl Asked {
    fn read(pairs: &[Pair]) -> Outcome<Self> {
        let mut asked = Self::default();
        for (name, value) in pairs {
            let bad = || {
                Refusal::new(Why::QueryForm, "a parameter of the history has a value that is not understood")
            };
            match &**name {
                "_since" => asked.since = Some(moments(value).ok_or_else(bad)?.0),
                "_at" => asked.at = Some(moments(value).ok_or_else(bad)?),
                "_page" => asked.before = Some(value.parse().map_err(|_| bad())?),
                "_count" => {
                    let count: usize = value.parse().map_err(|_| bad())?;
                    asked.is_count |= count == 0;
                    asked.count = Some(count.min(PAGE_RECORDS_MAX));
                }
                "_summary" if value == "count" => asked.is_count = true,
                "_summary" if value == "false" => {}
                // The newest first is the order of every history (FHIR R4, 3.1.0.10).
                "_sort" if value == "-_lastUpdated" => {}
                _ => {
                    return Err(Refusal::new(
                        Why::QueryForm,
                        "the history takes _since, _at, _count, _summary and _sort=-_lastUpdated",
                    ));
                }
            }
        }
        Ok(asked)
    }

    const fn is_plain(&self) -> bool {
        self.since.is_none() && self.at.is_none() && self.before.is_none()
    }
}

/// The first and the last microsecond of a date or time; one without a zone is in UTC.
pub(super) fn moments(text: &str) -> Option<(i64, i64)> {
    // A plus that was not escaped has become a space.
    let text = text.replace(' ', "+");
    let number = |range: std::ops::Range<usize>| {
        let digits = text.get(range)?;
        if digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse::<i64>().ok() } else { None }
    };
    let year = number(0..4)?;
    let (month, day) =
        (if text.len() > 4 { number(5..7)? } else { 1 }, if text.len() > 7 { number(8..10)? } else { 1 });
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || !matches!(text.len(), 4 | 7 | 10 | 16..=40) {
        return None;
    }
    let midnight = days_since_1970(year, month, day) * DAY;
    match text.len() {
        4 => return Some((midnight, days_since_1970(year + 1, 1, 1) * DAY - 1)),
        7 if month == 12 => return Some((midnight, days_since_1970(year + 1, 1, 1) * DAY - 1)),
        7 => return Some((midnight, days_since_1970(year, month + 1, 1) * DAY - 1)),
        10 => return Some((midnight, midnight + DAY - 1)),
        _ => {}
    }
    let clock = text.get(10..)?;
    let zone_at = clock.get(1..)?.find(['Z', '+', '-']).map_or(clock.len(), |at| at + 1);
    let (clock, zone) = clock.split_at_checked(zone_at)?;
    let time = midnight + number(11..13)? * 60 * MINUTE + number(14..16)? * MINUTE - zone_micros(zone)?;
    let second = clock.get(7..9).and_then(|digits| digits.parse::<i64>().ok());
    let (Some(second), false) = (second, clock.len() < 9) else { return Some((time, time + MINUTE - 1)) };
    let time = time + second * SECOND;
    let Some(fraction) = clock.get(9..).and_then(|rest| rest.strip_prefix('.')) else {
        return Some((time, time + SECOND - 1));
    };
    let digits = fraction.get(..fraction.len().min(6))?;
    let worth = 10_i64.checked_pow(u32::try_from(6 - digits.len()).ok()?)?;
    let micros = digits.parse::<i64>().ok()? * worth;
    Some((time + micros, time + micros + worth - 1))
}

fn zone_micros(zone: &str) -> Option<i64> {
    let part = |range: std::ops::Range<usize>| zone.get(range).and_then(|digits| digits.parse::<i64>().ok());
    match zone.bytes().next() {
        None | Some(b'Z') => Some(0),
        Some(sign) => {
            let offset = part(1..3)? * 60 * MINUTE + part(4..6)? * MINUTE;
            Some(if sign == b'-' { -offset } else { offset })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_spans() {
        let check = |text: &str, expected: Option<(i64, i64)>| assert_eq!(moments(text), expected, "{text}");
        check("1970", Some((0, 365 * DAY - 1)));
        check("1970-01", Some((0, 31 * DAY - 1)));
        check("1970-01-02", Some((DAY, 2 * DAY - 1)));
        check("1970-01-01T00:01Z", Some((MINUTE, 2 * MINUTE - 1)));
        check("1970-01-01T00:00:01Z", Some((SECOND, 2 * SECOND - 1)));
        check("1970-01-01T02:00:01.5+02:00", Some((1_500_000, 1_599_999)));
        check("1970-01-01T02:00:01.500 02:00", Some((1_500_000, 1_500_999)));
        for odd in ["", "x", "1970-13", "1970-01-0", "1970-01-01T", "1970-01-01Tab:cdZ", "197ä-01-01"] {
            check(odd, None);
        }
    }
}
