//! Generated requests of many callers, each answered as a model says that was written apart from the server.

use super::units::{ROWS, World, consent, goal, person};
use super::{token, with};
use crate::server::talk::Running;
use sauma::mapping::Random;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Requests where nobody asks for fewer.
const CASES: usize = 20_000;
/// How long tokens are used, which last 300 s.
const TOKENS_FOR: Duration = Duration::from_secs(200);
/// Personal identity codes of the persons; of each every unit has a record.
const CODES: [&str; 4] = ["131052-9085", "010203-923T", "020304-924J", "030405-9259"];
const KINDS: [&str; 3] = ["Goal", "CarePlan", "Claim"];
const SCOPES: [&str; 6] = [
    "system/*.cruds",
    "system/*.rs",
    "system/Goal.rs",
    "system/Goal.r",
    "system/CarePlan.us",
    "system/Claim.cuds system/Goal.d",
];
const GLASS: &str = "found%20without%20a%20pulse";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ask {
    Read,
    Version,
    History,
    SearchOfPatient,
    SearchOfAll,
    Update,
    Delete,
}

const ASKS: [Ask; 7] =
    [Ask::Read, Ask::Version, Ask::History, Ask::SearchOfPatient, Ask::SearchOfAll, Ask::Update, Ask::Delete];

#[derive(Debug)]
struct Case {
    unit: usize,
    scopes: &'static str,
    ask: Ask,
    owner: usize,
    kind: &'static str,
    person: usize,
    is_emergency: bool,
}

/// What is expected: the status, and whether the resource is in the answer.
fn model(case: &Case) -> (u16, bool) {
    let letter = match case.ask {
        Ask::Read | Ask::Version | Ask::History => 'r',
        Ask::SearchOfPatient | Ask::SearchOfAll => 's',
        Ask::Update => 'u',
        Ask::Delete => 'd',
    };
    let is_in_scope = case.scopes.split(' ').any(|scope| {
        let (kind, letters) = scope.trim_start_matches("system/").split_once('.').unwrap();
        (kind == "*" || kind == case.kind) && letters.contains(letter)
    });
    if !is_in_scope {
        return (403, false);
    }
    let (own, other) = (ROWS[case.unit], ROWS[case.owner]);
    let is_of_register = own.3 == other.3 && own.1 == other.1 && own.2 == other.2;
    let is_seen = is_of_register || is_open(case);
    match case.ask {
        Ask::Read | Ask::Version if is_seen => (200, true),
        Ask::History if is_of_register => (200, true),
        Ask::Read | Ask::Version | Ask::History => (404, false),
        Ask::SearchOfPatient => (200, is_seen),
        Ask::SearchOfAll => (200, is_of_register),
        Ask::Update if case.unit == case.owner => (200, true),
        Ask::Update => (403, false),
        Ask::Delete if is_seen => (403, false),
        Ask::Delete => (200, false),
    }
}

/// What the clients have said: the first nothing; the second permits disclosure within health care and from health care
/// to social care; the third does so too, and denies; of the fourth the permissions are over.
fn is_open(case: &Case) -> bool {
    let (own, other) = (ROWS[case.unit], ROWS[case.owner]);
    if case.kind != "Goal" || own.3 != other.3 {
        return false;
    }
    let is_permitted = matches!((own.1, other.1), ("health" | "social", "health"));
    let is_care = matches!(own.1, "health" | "social");
    match case.person {
        0 | 3 => is_care && case.is_emergency,
        1 => is_permitted || is_care && case.is_emergency,
        _ => false,
    }
}

fn resource(kind: &str, id: &str, patient: &str) -> Value {
    let subject = json!({ "reference": format!("Patient/{patient}") });
    match kind {
        "Goal" => goal(id, patient),
        "CarePlan" => {
            json!({ "resourceType": kind, "id": id, "status": "active", "intent": "plan", "subject": subject })
        }
        _ => {
            json!({ "resourceType": kind, "id": id, "status": "active", "use": "claim", "patient": subject })
        }
    }
}

fn name(case: &Case, what: &str) -> String {
    format!("{}.{what}{}", ROWS[case.owner].0, case.person)
}

fn fill(world: &World) {
    for (unit, ..) in ROWS {
        for (at, code) in CODES.iter().enumerate() {
            world.put(unit, &person(&format!("{unit}.p{at}"), code));
            for kind in KINDS {
                world.put(unit, &resource(kind, &format!("{unit}.{kind}{at}"), &format!("{unit}.p{at}")));
            }
        }
    }
    for (at, end) in [(1, "2090-01-01"), (2, "2090-01-01"), (3, "2021-01-01")] {
        let patient = format!("reg.p{at}");
        world.put("reg", &person(&patient, CODES[at]));
        world.put("reg", &consent(&format!("reg.a{at}"), &patient, None, true, end));
        world.put("reg", &consent(&format!("reg.b{at}"), &patient, Some("health-to-social"), true, end));
    }
    world.put("one", &consent("one.deny", "one.p2", Some("denial"), false, "2090-01-01"));
}

fn answered(server: &Running, token: &str, case: &Case) -> (u16, bool) {
    let bearer = format!("Bearer {token}");
    let patient = name(case, "p");
    let mut fields = vec![("Authorization", &*bearer)];
    if case.is_emergency {
        fields.push(("X-Sauma-Emergency", "life"));
        fields.push(("X-Sauma-Emergency-Patient", &patient));
        fields.push(("X-Sauma-Emergency-Words", GLASS));
    }
    let (kind, id) = (case.kind, name(case, case.kind));
    let body = resource(kind, &id, &patient).to_string();
    let (method, path, body) = match case.ask {
        Ask::Read => ("GET", format!("/{kind}/{id}"), ""),
        Ask::Version => ("GET", format!("/{kind}/{id}/_history/1"), ""),
        Ask::History => ("GET", format!("/{kind}/{id}/_history"), ""),
        Ask::SearchOfPatient => ("GET", format!("/{kind}?patient=Patient/{patient}"), ""),
        Ask::SearchOfAll => ("GET", format!("/{kind}?_count=200"), ""),
        Ask::Update => ("PUT", format!("/{kind}/{id}"), &*body),
        Ask::Delete => ("DELETE", format!("/{kind}/{id}"), ""),
    };
    let reply = server.json(method, &path, &fields, body);
    let is_there = reply.text().contains(&format!("\"id\":\"{id}\""));
    (reply.status, is_there)
}

/// A token for each unit and each text of scopes.
fn tokens(world: &World) -> Vec<Vec<String>> {
    let of = |(unit, ..): &(&str, _, _, _, _)| -> Vec<String> {
        let narrow = |scope: &&str| token(&world.server, &format!("{unit}-app"), &world.key, scope);
        SCOPES.iter().map(narrow).collect()
    };
    ROWS.iter().map(of).collect()
}

fn check_some(world: &World, seed: u64, count: usize) -> usize {
    let mut draws = Random::new(seed);
    let mut shown = 0;
    let (mut granted, mut since) = (tokens(world), Instant::now());
    for _ in 0..count {
        if since.elapsed() > TOKENS_FOR {
            (granted, since) = (tokens(world), Instant::now());
        }
        let scopes = draws.below(SCOPES.len() + 2) % SCOPES.len();
        let case = Case {
            unit: draws.below(ROWS.len()),
            scopes: SCOPES[scopes],
            ask: ASKS[draws.below(ASKS.len())],
            owner: draws.below(ROWS.len()),
            kind: KINDS[draws.below(KINDS.len() + 2) % KINDS.len()],
            person: draws.below(CODES.len()),
            is_emergency: draws.below(4) == 0,
        };
        // Nothing is taken away from the cases that follow.
        if case.ask == Ask::Delete && case.unit == case.owner {
            continue;
        }
        let expected = model(&case);
        assert_eq!(answered(&world.server, &granted[case.unit][scopes], &case), expected, "{case:?}");
        shown += usize::from(expected.1);
    }
    shown
}

#[test]
fn generated_requests_are_answered_as_the_model_says() {
    let world = World::new();
    fill(&world);
    let cases = std::env::var("SAUMA_LAW_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(CASES);
    let shown = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for seed in 1..=2 {
            let (world, shown) = (&world, &shown);
            scope.spawn(move || shown.fetch_add(check_some(world, seed, cases / 2), Ordering::Relaxed));
        }
    });
    // The control: a server that shows nothing would not pass.
    assert!(shown.into_inner() * 20 > cases, "too few cases show anything");
    assert_eq!(with(&world.server, "nobody", "GET", "/Goal", "").status, 401);
}
