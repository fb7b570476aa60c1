//! Side channels: whatever a caller asks, the answer is the same whether or not there is something that it may not see.
//!
//! Two servers hold the same resources of the one unit; the second also holds what another register wrote. What differs
//! by nature is levelled before the comparison: times, ids that servers make, and where pages start (places in the
//! store's log, which tell how much was written by anybody, not what).

use super::units::{World, goal, patient};
use regex::Regex;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Both servers.
struct Pair {
    without: World,
    with: World,
}

impl Pair {
    fn new() -> Self {
        let (without, with) = (World::new(), World::new());
        let hidden = json!({
            "resourceType": "Patient", "id": "far.p", "active": true, "name": [{ "family": "Hidden" }],
            "identifier": [{ "system": "urn:x", "value": "7" }],
        });
        with.put("far", &hidden);
        for world in [&without, &with] {
            world.put("one", &patient("one.p"));
            world.put("one", &goal("one.g", "one.p"));
            // The unit has guessed an id of the other.
            world.put("one", &goal("one.guess", "far.p"));
            for at in 0..5 {
                world.put("one", &goal(&format!("one.g{at}"), "one.p"));
            }
        }
        with.put("far", &goal("far.g", "far.p"));
        let mut about = goal("far.h", "one.p");
        about["description"]["text"] = json!("a hidden goal");
        about["startDate"] = json!("2026-01-01");
        with.put("far", &about);
        with.put(
            "far",
            &json!({ "resourceType": "CarePlan", "id": "far.c", "status": "active", "intent": "plan",
            "subject": { "reference": "Patient/one.p" }, "goal": [{ "reference": "Goal/one.g" }] }),
        );
        Self { without, with }
    }

    /// Asks both the same, and compares every byte of the answers that could tell.
    fn same(&self, method: &str, path: &str, fields: &[(&str, &str)], body: &Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let told = |world: &World| {
            let bearer = format!("Bearer {}", world.token("one"));
            let mut all = vec![("Authorization", &*bearer)];
            all.extend_from_slice(fields);
            let reply = world.server.json(method, path, &all, &body);
            let kept = ["etag", "location", "content-type", "content-length", "retry-after", "allow"];
            let mut headers: Vec<String> = reply
                .headers
                .iter()
                .filter(|(name, _)| kept.contains(&&**name))
                .map(|(name, value)| format!("{name}: {value}"))
                .collect();
            headers.sort();
            levelled(
                &format!("{} {headers:?} {}", reply.status, reply.text()),
                &world.server.address.to_string(),
            )
        };
        assert_eq!(told(&self.without), told(&self.with), "{method} {path}");
    }

    fn get(&self, path: &str) {
        self.same("GET", path, &[], &Value::Null);
    }
}

fn levelled(text: &str, address: &str) -> String {
    let text = text.replace(address, "ADDRESS");
    [
        (r"\d{4}-\d{2}-\d{2}T[0-9:.]+Z", "TIME"),
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UUID"),
        (r"_page=[0-9a-z.]+", "_page=PLACE"),
        // Of a length the address and the place of a page are part.
        (r"content-length: \d+", "content-length: LENGTH"),
    ]
    .iter()
    .fold(text, |text, (pattern, name)| Regex::new(pattern).unwrap().replace_all(&text, *name).into_owned())
}

#[test]
fn counts() {
    let pair = Pair::new();
    pair.get("/Goal?_total=accurate");
    pair.get("/Goal?_total=estimate&_count=2");
    pair.get("/Goal?_summary=count");
    pair.get("/?_summary=count");
    pair.get("/Goal?_count=0");
    pair.get("/Patient/one.p/Goal?_total=accurate");
    pair.get("/Goal?_id=far.g,one.g,far.x&_summary=count");
    pair.get("/Patient?identifier=urn:x%7C7&_total=accurate");
    pair.get("/Patient?name=Hidden&_summary=count");
    pair.get("/Patient?_tag=https://w3id.org/sauma/fhir/CodeSystem/unit%7Cfar");
    pair.get("/Patient?_tag:not=https://w3id.org/sauma/fhir/CodeSystem/unit%7Cone&_summary=count");
}

#[test]
fn chains_and_what_refers() {
    let pair = Pair::new();
    for path in [
        "/Patient?_has:Goal:patient:description:text=hidden",
        "/Patient?_has:Goal:patient:start-date=2026-01-01",
        "/Patient?_has:CarePlan:patient:status=active",
        "/Goal?_has:CarePlan:goal:_id=far.c",
        "/Patient?_has:CarePlan:patient:goal.lifecycle-status=active",
        "/Goal?patient.family=Hidden",
        "/Goal?patient.identifier=urn:x%7C7",
        "/Goal?subject:Patient.family=Hidden",
        "/Goal?patient.active:missing=true",
        "/Goal?patient:missing=false",
        "/Goal?_filter=patient.family%20eq%20%22Hidden%22",
        "/Goal?patient._has:Goal:patient:_id=far.h",
    ] {
        pair.get(path);
    }
}

#[test]
fn what_is_included() {
    let pair = Pair::new();
    pair.get("/Goal?_include=Goal:patient&_sort=_id");
    pair.get("/Goal?_include=*&_sort=_id");
    pair.get("/Patient?_revinclude=Goal:patient");
    pair.get("/Patient?_revinclude=*");
    pair.get("/Goal?_id=one.g&_revinclude=CarePlan:goal&_include:iterate=CarePlan:patient");
    pair.get("/Patient?_id=one.p&_revinclude=CarePlan:patient&_revinclude:iterate=Goal:patient");
}

#[test]
fn order_and_pages() {
    let pair = Pair::new();
    for path in [
        "/Goal?_sort=start-date&_count=2",
        "/Goal?_sort=-_id&_count=3",
        "/Goal?_count=6&_sort=_id",
        "/Goal?_count=7",
    ] {
        pair.get(path);
    }
    // A page of one client is only a place for another: it sees its own behind it.
    let world = &pair.with;
    let next = world.get("far", "/Goal?_count=1").value();
    let link = next["link"].as_array().unwrap().iter().find(|link| link["relation"] == "next").unwrap();
    let url = link["url"].as_str().unwrap();
    let path = url.split_once("/fhir").unwrap().1;
    let reply = world.get("one", path);
    assert_eq!(reply.status, 200);
    assert!(!reply.text().contains("far."), "{}", reply.text());
}

#[test]
fn conditions_of_writes() {
    let pair = Pair::new();
    let new = json!({ "resourceType": "Patient", "active": true });
    let none = &Value::Null;
    pair.same("POST", "/Patient", &[("If-None-Exist", "identifier=urn:x|7")], &new);
    pair.same("PUT", "/Patient?name=Hidden", &[], &new);
    pair.same("DELETE", "/Patient?name=Hidden", &[], none);
    pair.same("DELETE", "/Goal?_id=far.g", &[], none);
    let patch = [("Content-Type", "application/json-patch+json")];
    pair.same("PATCH", "/Patient?name=Hidden", &patch, &json!([]));
    let both = json!({ "resourceType": "Goal", "lifecycleStatus": "active", "description": { "text": "x" }, "subject": { "reference": "Patient?name=Hidden" } });
    pair.same("POST", "/Goal", &[], &both);
    let entry = json!({ "resource": both, "request": { "method": "POST", "url": "Goal" } });
    pair.same("POST", "", &[], &json!({ "resourceType": "Bundle", "type": "transaction", "entry": [entry] }));
}

#[test]
fn versions_that_a_write_expects() {
    let pair = Pair::new();
    for tag in ["W/\"1\"", "W/\"2\"", "*"] {
        pair.same("PUT", "/Patient/far.p", &[("If-Match", tag)], &patient("far.p"));
        pair.same("DELETE", "/Patient/far.p", &[("If-Match", tag)], &Value::Null);
        pair.same("GET", "/Patient/far.p", &[("If-None-Match", tag)], &Value::Null);
    }
    pair.same("PUT", "/Patient/far.p", &[("If-None-Match", "*")], &patient("far.p"));
    pair.same("PUT", "/Patient/far.p", &[], &patient("far.p"));
    pair.same("PATCH", "/Patient/far.p", &[], &json!([{ "op": "remove", "path": "/active" }]));
    assert_eq!(
        pair.with.get("far", "/Patient/far.p").value()["name"][0]["family"],
        "Hidden",
        "nothing was changed"
    );
}

#[test]
fn histories_and_versions() {
    let pair = Pair::new();
    for path in [
        "/Patient/far.p/_history",
        "/Patient/far.p/_history/1",
        "/Patient/far.p/_history/2",
        "/Goal/far.g/_history?_count=1",
        "/Goal/_history",
        "/Goal/_history?_count=3",
        "/_history?_count=3",
        "/_history?_summary=count",
        "/_history?_since=2020-01-01T00:00:00Z",
    ] {
        pair.get(path);
    }
    pair.with.ask("far", "DELETE", "/Goal/far.g", &Value::Null);
    for path in ["/Goal/far.g", "/Goal/far.g/_history", "/Goal/far.g/_history/2", "/Goal/_history"] {
        pair.get(path);
    }
}

#[test]
fn references_and_what_validation_says() {
    let pair = Pair::new();
    pair.same("POST", "/Goal", &[], &goal("x", "far.p"));
    pair.same(
        "POST",
        "/Goal",
        &[],
        &json!({ "resourceType": "Goal", "subject": { "reference": "Patient/far.p" } }),
    );
    pair.same("POST", "/Goal/$validate", &[], &goal("one.v", "far.p"));
    pair.same("POST", "/Goal/far.g/$validate", &[], &goal("far.g", "far.p"));
    pair.get("/Goal/far.g/$meta");
    pair.get("/Patient/far.p/$everything");
}

#[test]
fn operations() {
    let pair = Pair::new();
    for path in [
        "/Goal/far.g/$meta",
        "/Patient/far.p/$everything",
        "/Patient/$everything?_count=100",
        "/Patient/far.p/$joined-plan",
        "/Patient/far.p/$audit-log",
        "/AuditEvent?patient=Patient/far.p",
        "/AuditEvent?entity=Patient/far.p",
    ] {
        pair.get(path);
    }
    let wanted = json!({ "resourceType": "Patient", "identifier": [{ "system": "urn:x", "value": "7" }], "name": [{ "family": "Hidden" }] });
    let parameters =
        json!({ "resourceType": "Parameters", "parameter": [{ "name": "resource", "resource": wanted }] });
    pair.same("POST", "/Patient/$match", &[], &parameters);
    pair.same("POST", "/Patient/far.p/$write-back", &[], &json!({ "resourceType": "Parameters" }));
    pair.same(
        "POST",
        "/Patient/far.p/$meta-add",
        &[],
        &json!({ "resourceType": "Parameters", "parameter": [
        { "name": "meta", "valueMeta": { "tag": [{ "system": "urn:x", "code": "a" }] } },
    ] }),
    );
}

#[test]
fn words_of_refusals() {
    let pair = Pair::new();
    for path in [
        "/Patient/far.p",
        "/Goal/far.g",
        "/Goal/far.h",
        "/CarePlan/far.c",
        "/Patient/far.p/Goal",
        "/Patient/far.p?_summary=text",
    ] {
        pair.get(path);
    }
    pair.same("DELETE", "/Goal/far.g", &[], &Value::Null);
    pair.same("HEAD", "/Goal/far.g", &[], &Value::Null);
    // What is hidden and what never was, on one server, in the same words.
    let world = &pair.with;
    let told = |path: &str| (world.get("one", path).status, world.get("one", path).text());
    assert_eq!(told("/Goal/far.g"), told("/Goal/far.nothing"));
    assert_eq!(told("/Goal/far.g/_history/1"), told("/Goal/far.nothing/_history/1"));
}

/// The time of an answer. A busy machine must not fail this, so that the gap of the medians counts only where it is
/// over 5 ms and three times as wide as the middle half of the samples spreads.
#[test]
fn times_of_answers() {
    const TRIES: usize = 200;
    let pair = Pair::new();
    let time = |path: &str| {
        let start = Instant::now();
        pair.with.get("one", path);
        start.elapsed()
    };
    for (hidden, absent) in [
        ("/Patient/far.p", "/Patient/far.q"),
        ("/Patient?identifier=urn:x%7C7", "/Patient?identifier=urn:x%7C8"),
        ("/Goal?patient.family=Hidden", "/Goal?patient.family=Hiding"),
        ("/Goal?patient=Patient/far.p", "/Goal?patient=Patient/far.q"),
    ] {
        let mut samples = [Vec::new(), Vec::new()];
        for _ in 0..TRIES {
            samples[0].push(time(hidden));
            samples[1].push(time(absent));
        }
        let middle = |samples: &mut Vec<Duration>| {
            samples.sort();
            let at = |part: usize| samples[samples.len() * part / 4];
            (at(2), at(3).saturating_sub(at(1)))
        };
        let [(hidden_median, hidden_spread), (absent_median, absent_spread)] = samples.each_mut().map(middle);
        let gap = hidden_median.abs_diff(absent_median);
        println!("{hidden}: medians {hidden_median:?} and {absent_median:?}, gap {gap:?}");
        let allowed = Duration::from_millis(5).max(3 * hidden_spread.max(absent_spread));
        assert!(gap < allowed, "{hidden}: {gap:?}");
    }
}

/// The control: to the unit that wrote it, the two servers answer differently wherever it is found.
#[test]
fn the_comparison_sees_what_is_there() {
    let pair = Pair::new();
    for path in [
        "/Goal?_summary=count",
        "/Patient?_has:Goal:patient:_id=far.g",
        "/Goal?patient.family=Hidden",
        "/Goal?_include=Goal:patient",
        "/Patient?name=Hidden",
        "/_history",
        "/Patient/far.p",
    ] {
        let told = |world: &World| {
            let reply = world.get("far", path);
            levelled(&format!("{} {}", reply.status, reply.text()), &world.server.address.to_string())
        };
        assert_ne!(told(&pair.without), told(&pair.with), "{path}");
    }
}
