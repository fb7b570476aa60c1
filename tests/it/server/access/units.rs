//! What units see and change of each other: tags, registers, tenants, scopes, consents, emergencies.

use super::{Key, settings, token, with};
use crate::server::talk::{Reply, Running};
use serde_json::{Value, json};

pub(super) const UNIT: &str = "https://w3id.org/sauma/fhir/CodeSystem/unit";
pub(super) const ALL: &str = "system/*.cruds";

/// Units of two registers of health care, of social care, and of another tenant.
pub(super) const ROWS: &[(&str, &str, &str, u32, &str)] = &[
    ("one", "health", "1.2.3", 1, ALL),
    ("twin", "health", "1.2.3", 1, ALL),
    ("far", "health", "1.2.4", 1, ALL),
    ("soc", "social", "1.2.3", 1, ALL),
    ("third", "third-sector", "1.2.5", 1, ALL),
    ("else", "health", "1.2.3", 2, ALL),
];

/// The unit that is a source of permissions.
const REGISTRY: (&str, &str, &str, u32, &str) = ("reg", "other", "1.2.9", 1, ALL);

/// The unit of the data protection officer.
const OFFICER: (&str, &str, &str, u32, &str) = ("officer", "other", "1.2.8", 1, ALL);

/// A server with these units and a source of permissions, and a token of each with all rights.
pub(in crate::server) struct World {
    pub(super) server: Running,
    pub(super) key: Key,
    tokens: Vec<(&'static str, String)>,
}

impl World {
    pub(super) fn new() -> Self {
        Self::with_scopes("")
    }

    /// As [`World::new`], with notifications to this machine.
    pub(in crate::server) fn notifying() -> Self {
        Self::of("", "[subscriptions]\nprivate_addresses = true\nplain_http = true\n")
    }

    /// As [`World::new`], for programs that may also do this.
    pub(super) fn with_scopes(more: &str) -> Self {
        Self::of(more, "")
    }

    fn of(more: &str, tables: &str) -> Self {
        let key = Key::ec();
        let rows = [ROWS, &[REGISTRY, OFFICER]].concat();
        let text = format!("validate = false\n{}", settings(&rows, &key.set("k")));
        let text = text.replace("\"1.2.9\"\n", "\"1.2.9\"\npermission_source = true\n");
        let text = text.replace("\"officer-app\"\n", "\"officer-app\"\nreads_whole_log = true\n");
        let text = text.replace(ALL, format!("{ALL} {more}").trim_end());
        let limits = "[limits]\nclient_requests_per_second = 0\naddress_requests_per_second = 0\n";
        let server = Running::guarded(&format!("{text}{limits}{tables}"));
        let of = |(unit, ..): &(&'static str, _, _, _, _)| {
            (*unit, token(&server, &format!("{unit}-app"), &key, ALL))
        };
        let tokens = rows.iter().map(of).collect();
        Self { server, key, tokens }
    }

    pub(in crate::server) fn token(&self, unit: &str) -> &str {
        &self.tokens.iter().find(|(known, _)| *known == unit).unwrap().1
    }

    pub(in crate::server) fn ask(&self, unit: &str, method: &str, path: &str, body: &Value) -> Reply {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        with(&self.server, self.token(unit), method, path, &body)
    }

    pub(in crate::server) fn get(&self, unit: &str, path: &str) -> Reply {
        self.ask(unit, "GET", path, &Value::Null)
    }

    /// Puts a resource under the id that it has.
    pub(in crate::server) fn put(&self, unit: &str, resource: &Value) {
        let path =
            format!("/{}/{}", resource["resourceType"].as_str().unwrap(), resource["id"].as_str().unwrap());
        let reply = self.ask(unit, "PUT", &path, resource);
        assert!(matches!(reply.status, 200 | 201), "{} {}", reply.status, reply.text());
    }

    /// Ids of what a search finds.
    pub(in crate::server) fn found(&self, unit: &str, path: &str) -> Vec<String> {
        let reply = self.get(unit, path);
        assert_eq!(reply.status, 200, "{path} {}", reply.text());
        let value = reply.value();
        let mut ids: Vec<String> = value["entry"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|entry| entry["resource"]["id"].as_str().unwrap().to_owned())
            .collect();
        ids.sort();
        ids
    }
}

pub(in crate::server) fn patient(id: &str) -> Value {
    json!({ "resourceType": "Patient", "id": id, "active": true })
}

/// A patient with a personal identity code.
pub(in crate::server) fn person(id: &str, code: &str) -> Value {
    json!({ "resourceType": "Patient", "id": id, "identifier": [{ "system": "urn:oid:1.2.246.21", "value": code }] })
}

pub(in crate::server) fn goal(id: &str, patient: &str) -> Value {
    json!({
        "resourceType": "Goal", "id": id, "lifecycleStatus": "active", "description": { "text": "to walk" },
        "subject": { "reference": format!("Patient/{patient}") },
    })
}

/// A Consent of a kind that the policy knows.
pub(in crate::server) fn consent(
    id: &str,
    patient: &str,
    kind: Option<&str>,
    permits: bool,
    end: &str,
) -> Value {
    let own = "https://w3id.org/sauma/fhir/CodeSystem/permission";
    let (system, code) = kind.map_or(("http://loinc.org", "59284-0"), |kind| (own, kind));
    json!({
        "resourceType": "Consent", "id": id, "status": "active",
        "scope": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy" }] },
        "category": [{ "coding": [{ "system": system, "code": code }] }],
        "patient": { "reference": format!("Patient/{patient}") },
        "provision": {
            "type": if permits { "permit" } else { "deny" },
            "period": { "start": "2020-01-01", "end": end },
        },
    })
}

#[test]
fn what_a_unit_writes_is_its_own() {
    let world = World::new();
    // A client neither sets nor takes away the tag; other tags stay.
    let mut forged = patient("one.p");
    forged["meta"] = json!({ "tag": [
        { "system": UNIT, "code": "far" }, { "system": "urn:x", "code": "kept" }, { "system": UNIT, "code": "soc" },
    ] });
    world.put("one", &forged);
    let told = world.get("one", "/Patient/one.p").value();
    assert_eq!(
        told["meta"]["tag"],
        json!([{ "system": "urn:x", "code": "kept" }, { "system": UNIT, "code": "one" }])
    );
    assert_eq!(told["meta"]["versionId"], "1");
    // The same again is the same.
    world.put("one", &told);
    assert_eq!(world.get("one", "/Patient/one.p").value()["meta"]["versionId"], "1");
    let patch = json!([{ "op": "remove", "path": "/meta/tag" }]);
    let bearer = format!("Bearer {}", world.token("one"));
    let media = [("Content-Type", "application/json-patch+json"), ("Authorization", &*bearer)];
    let reply = world.server.send("PATCH", "/fhir/Patient/one.p", &media, patch.to_string().as_bytes());
    assert_eq!(
        (reply.status, &reply.value()["meta"]["tag"]),
        (200, &json!([{ "system": UNIT, "code": "one" }]))
    );
    // Its register sees it, and it alone changes it.
    let check = |unit: &str, method: &str, path: &str, body: &Value, expected: (u16, &str)| {
        let reply = world.ask(unit, method, path, body);
        let code = if reply.status < 300 { String::new() } else { reply.code() };
        assert_eq!((reply.status, &*code), expected, "{unit} {method} {path}: {}", reply.text());
    };
    let none = &Value::Null;
    check("twin", "GET", "/Patient/one.p", none, (200, ""));
    check("twin", "PUT", "/Patient/one.p", &patient("one.p"), (403, "H173"));
    check("twin", "DELETE", "/Patient/one.p", none, (403, "H173"));
    for hidden in ["far", "soc", "third", "else"] {
        check(hidden, "GET", "/Patient/one.p", none, (404, "H121"));
        check(hidden, "PUT", "/Patient/one.p", &patient("one.p"), (403, "H174"));
        check(hidden, "PUT", "/Patient/one.q", &patient("one.q"), (403, "H174"));
        check(hidden, "DELETE", "/Patient/one.p", none, (200, ""));
    }
    assert_eq!(world.get("one", "/Patient/one.p").status, 200, "nothing was deleted");
    // A unit whose key begins like another's has ids of its own.
    check("one", "PUT", "/Patient/oneself", &patient("oneself"), (403, "H174"));
    // What was deleted is gone for its register, and was never there for others; its unit may bring it back.
    check("one", "DELETE", "/Patient/one.p", none, (200, ""));
    check("twin", "GET", "/Patient/one.p", none, (410, "H122"));
    check("twin", "PUT", "/Patient/one.p", &patient("one.p"), (403, "H173"));
    check("far", "GET", "/Patient/one.p", none, (404, "H121"));
    check("far", "GET", "/Patient/one.p/_history", none, (404, "H121"));
    check("one", "PUT", "/Patient/one.p", &patient("one.p"), (201, ""));
}

#[test]
fn scopes_hold_in_every_form_of_a_request() {
    let world = World::new();
    world.put("one", &patient("one.p"));
    world.put("one", &goal("one.g", "one.p"));
    let narrow = token(&world.server, "one-app", &world.key, "system/Goal.rs system/CarePlan.c");
    let check = |method: &str, path: &str, body: &Value, expected: u16| {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let reply = with(&world.server, &narrow, method, path, &body);
        assert_eq!(reply.status, expected, "{method} {path}: {}", reply.text());
        reply
    };
    let none = &Value::Null;
    check("GET", "/Goal/one.g", none, 200);
    check("GET", "/Goal/one.g/_history", none, 200);
    check("GET", "/Goal", none, 200);
    check("GET", "/Patient/one.p", none, 403);
    check("GET", "/Patient", none, 403);
    check("GET", "/_history", none, 403);
    check("PUT", "/Goal/one.g", &goal("one.g", "one.p"), 403);
    check("DELETE", "/Goal/one.g", none, 403);
    check("POST", "/Goal", &goal("x", "one.p"), 403);
    check(
        "POST",
        "/CarePlan",
        &json!({ "resourceType": "CarePlan", "status": "active", "intent": "plan" }),
        201,
    );
    // Types that may not be searched are not there for a search: not found, not included, not followed.
    let count = |path: &str| check("GET", path, none, 200).value()["entry"].as_array().map_or(0, Vec::len);
    assert_eq!(count("/"), 1);
    assert_eq!(count("/Patient/one.p/Goal"), 1);
    assert_eq!(count("/Goal?_include=Goal:patient"), 1);
    assert_eq!(count("/Goal?patient.active=true"), 0);
    // Each entry of a bundle is judged by itself; a transaction is refused whole.
    let entry = |method: &str, url: &str| json!({ "request": { "method": method, "url": url } });
    let batch = json!({ "resourceType": "Bundle", "type": "batch", "entry": [entry("GET", "Goal/one.g"), entry("GET", "Patient/one.p"), entry("DELETE", "Goal/one.g")] });
    let told = check("POST", "", &batch, 200).value();
    let statuses: Vec<&str> = told["entry"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| &entry["response"]["status"].as_str().unwrap()[..3])
        .collect();
    assert_eq!(statuses, ["200", "403", "403"]);
    let transaction =
        json!({ "resourceType": "Bundle", "type": "transaction", "entry": [entry("DELETE", "Goal/one.g")] });
    check("POST", "", &transaction, 403);
    // A condition tells whether something is there, so that it needs the right to search.
    let plan = json!({ "resourceType": "CarePlan", "status": "active", "intent": "plan" }).to_string();
    let bearer = format!("Bearer {narrow}");
    let fields = [("Authorization", &*bearer), ("If-None-Exist", "status=active")];
    assert_eq!(world.server.json("POST", "/CarePlan", &fields, &plan).status, 403);
}

#[test]
fn permissions_of_the_client_open_what_is_shown_whole() {
    let world = World::new();
    world.put("one", &patient("one.p"));
    world.put("one", &goal("one.g", "one.p"));
    world.put("one", &goal("one.h", "one.p"));
    let mut labelled = goal("one.s", "one.p");
    labelled["meta"] = json!({ "security": [{ "system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R" }] });
    world.put("one", &labelled);
    world.put("one", &patient("one.other"));
    world.put("one", &goal("one.x", "one.other"));
    let seen = |unit: &str| world.found(unit, "/Goal?patient=Patient/one.p");
    let read = |unit: &str, id: &str| world.get(unit, &format!("/Goal/{id}")).status;
    assert!(seen("far").is_empty() && seen("soc").is_empty());
    assert_eq!(seen("twin"), ["one.g", "one.h", "one.s"]);

    world.put("one", &consent("one.c", "one.p", None, true, "2090-01-01"));
    assert_eq!(seen("far"), ["one.g", "one.h"], "what is labelled stays closed");
    assert_eq!((read("far", "one.g"), read("far", "one.s"), read("far", "one.x")), (200, 404, 404));
    assert!(seen("soc").is_empty(), "a permission within health care opens nothing to social care");
    assert!(world.found("far", "/Goal").is_empty(), "across clients a register sees its own");
    assert!(world.found("far", "/Goal?patient=Patient/one.other").is_empty());
    assert_eq!(world.found("far", "/Patient/one.p/Goal"), ["one.g", "one.h"]);
    assert!(world.found("far", "/Patient?_id=one.p").is_empty(), "a patient is never shown whole");
    assert_eq!(world.found("far", "/Goal?patient=Patient/one.p&_include=Goal:patient"), ["one.g", "one.h"]);
    assert_eq!(world.get("far", "/Goal/one.g/_history").status, 404);
    assert_eq!(world.ask("far", "PUT", "/Goal/one.g", &goal("one.g", "one.p")).code(), "H173");

    world.put("soc", &person("soc.p", "131052-308T"));
    world.put("one", &person("one.p", "131052-308T"));
    world.put("soc", &consent("soc.c", "soc.p", Some("health-to-social"), true, "2090-01-01"));
    assert!(seen("soc").is_empty(), "who receives opens nothing for itself");
    world.put("twin", &person("twin.p", "131052-308T"));
    world.put("twin", &consent("twin.c", "twin.p", Some("health-to-social"), true, "2090-01-01"));
    assert_eq!(seen("soc"), ["one.g", "one.h"], "a permission counts for the person, on whichever record");
    world.put("soc", &consent("soc.d", "soc.p", Some("denial"), false, "2090-01-01"));
    assert!(seen("soc").is_empty() && seen("far").is_empty(), "a denial stands before permissions at once");
    world.put("soc", &consent("soc.d", "soc.p", Some("denial"), false, "2021-01-01"));
    assert_eq!(seen("far"), ["one.g", "one.h"]);
    // What names documents opens no unit as a whole, and what denies one closes it.
    let mut part = consent("soc.d", "soc.p", Some("denial"), false, "2090-01-01");
    part["provision"]["data"] =
        json!([{ "meaning": "instance", "reference": { "identifier": { "value": "1.2.3.9" } } }]);
    world.put("soc", &part);
    assert!(seen("far").is_empty());
    world.ask("soc", "DELETE", "/Consent/soc.d", &Value::Null);
    assert_eq!(seen("far"), ["one.g", "one.h"]);
    let mut part = consent("one.c", "one.p", None, true, "2090-01-01");
    part["provision"]["data"] =
        json!([{ "meaning": "instance", "reference": { "identifier": { "value": "1.2.3.9" } } }]);
    world.put("one", &part);
    assert!(seen("far").is_empty());
}

#[test]
fn a_permission_counts_from_the_source_and_from_a_source_of_permissions() {
    let world = World::new();
    let code = "131052-308T";
    for unit in ["one", "far", "soc", "third"] {
        world.put(unit, &person(&format!("{unit}.p"), code));
    }
    world.put("one", &goal("one.g", "one.p"));
    let is_open = |unit: &str| world.get(unit, "/Goal/one.g").status == 200;
    // Who recorded it, and which kind: opened to `far` of the same sector, and to `soc` of another.
    let check = |recorder: &str, kind: Option<&str>, expected: (bool, bool)| {
        let (id, patient) = (format!("{recorder}.c"), format!("{recorder}.p"));
        world.put(recorder, &consent(&id, &patient, kind, true, "2090-01-01"));
        assert_eq!((is_open("far"), is_open("soc")), expected, "{recorder} {kind:?}");
        let gone = world.ask(recorder, "DELETE", &format!("/Consent/{id}"), &Value::Null);
        assert!(gone.status < 300, "{}", gone.text());
        assert!(!is_open("far") && !is_open("soc"));
    };
    check("one", None, (true, false));
    check("one", Some("health-to-social"), (false, true));
    world.put("twin", &person("twin.p", code));
    check("twin", None, (true, false));
    for receiver in ["far", "soc", "third"] {
        check(receiver, None, (false, false));
        check(receiver, Some("health-to-social"), (false, false));
    }
    world.put("reg", &person("reg.p", code));
    check("reg", None, (true, false));
    check("reg", Some("health-to-social"), (false, true));
    // On the record of the other register's patient it is still the receiver's word.
    world.put("far", &consent("far.c", "one.p", None, true, "2090-01-01"));
    assert!(!is_open("far"));
    // A denial counts whoever recorded it.
    world.put("one", &consent("one.c", "one.p", None, true, "2090-01-01"));
    assert!(is_open("far"));
    world.put("third", &consent("third.d", "third.p", Some("denial"), false, "2090-01-01"));
    assert!(!is_open("far"));
}

#[test]
fn a_view_opens_by_the_permissions_of_those_who_may_give_them() {
    let world = World::new();
    let code = "131052-308T";
    let plan = |id: &str, patient: &str| {
        json!({ "resourceType": "CarePlan", "id": id, "status": "active", "intent": "plan", "title": id,
            "subject": { "reference": format!("Patient/{patient}") },
            // What a resource says of its own register opens nothing.
            "extension": [{ "url": "https://w3id.org/sauma/fhir/StructureDefinition/custodian",
                "valueReference": { "identifier": { "system": "urn:ietf:rfc:3986", "value": "urn:oid:1.2.3" } } }] })
    };
    world.put("one", &person("one.p", code));
    world.put("one", &plan("one.plan", "one.p"));
    world.put("far", &person("far.p", code));
    world.put("far", &plan("far.plan", "far.p"));
    let sees = || {
        let reply = world.get("far", "/Patient/far.p/$joined-plan");
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.text().contains("one.plan")
    };
    assert!(!sees());
    world.put("far", &consent("far.c", "far.p", None, true, "2090-01-01"));
    assert!(!sees(), "who receives opens nothing for itself");
    world.put("one", &consent("one.c", "one.p", None, true, "2090-01-01"));
    assert!(sees());
}

#[test]
fn an_emergency_opens_one_client_to_read() {
    let world = World::new();
    world.put("one", &patient("one.p"));
    world.put("one", &goal("one.g", "one.p"));
    world.put("one", &patient("one.q"));
    world.put("one", &goal("one.h", "one.q"));
    let bearer = |unit: &str| format!("Bearer {}", world.token(unit));
    let ask = |unit: &str, method: &str, path: &str, fields: &[(&str, &str)], body: &str| {
        let bearer = bearer(unit);
        let mut all = vec![("Authorization", &*bearer)];
        all.extend_from_slice(fields);
        world.server.json(method, path, &all, body)
    };
    let glass = [
        ("X-Sauma-Emergency", "life"),
        ("X-Sauma-Emergency-Patient", "one.p"),
        ("X-Sauma-Emergency-Words", "unconscious%20on%20arrival"),
    ];
    let status = |unit: &str, path: &str, fields: &[(&str, &str)]| ask(unit, "GET", path, fields, "").status;
    assert_eq!(status("far", "/Goal/one.g", &[]), 404);
    assert_eq!(status("far", "/Goal/one.g", &glass), 200);
    assert_eq!(status("soc", "/Goal/one.g", &glass), 200);
    assert_eq!(status("far", "/Goal/one.h", &glass), 404, "of another client nothing");
    assert_eq!(
        status("third", "/Goal/one.g", &glass),
        404,
        "outside health and social care it opens nothing"
    );
    assert_eq!(status("else", "/Goal/one.g", &glass), 404, "nothing is found across tenants");
    let put = ask("far", "PUT", "/Goal/one.g", &glass, &goal("one.g", "one.p").to_string());
    assert_eq!((put.status, put.code()), (403, "H173".to_owned()));
    // All of it, or nothing.
    assert_eq!(status("far", "/Goal/one.g", &glass[..2]), 400);
    assert_eq!(status("far", "/Goal/one.g", &[glass[0], glass[2]]), 400);
    assert_eq!(status("far", "/Goal/one.g", &[("X-Sauma-Emergency", "hurry"), glass[1], glass[2]]), 400);
    assert_eq!(status("far", "/Goal/one.g", &[glass[0], glass[1], ("X-Sauma-Emergency-Words", "soon")]), 400);
    // A denial stands in an emergency too.
    world.put("one", &consent("one.c", "one.p", Some("denial"), false, "2090-01-01"));
    assert_eq!(status("far", "/Goal/one.g", &glass), 404);
}

#[test]
fn what_a_caller_says_of_itself_is_judged() {
    let key = Key::ec();
    let text =
        settings(&[("one", "health", "1.2.3", 1, ALL), ("two", "health", "1.2.3", 1, ALL)], &key.set("k"));
    let text = text.replacen("jwks =", "names_users = true\njwks =", 1);
    let server = Running::guarded(&format!("{text}[limits]\nclient_requests_per_second = 10\n"));
    let first = format!("Bearer {}", token(&server, "one-app", &key, ALL));
    let second = format!("Bearer {}", token(&server, "two-app", &key, ALL));
    let check = |bearer: &str, field: (&str, &str), expected: u16| {
        let reply = server.json("GET", "/Goal", &[("Authorization", bearer), field], "");
        assert_eq!(reply.status, expected, "{field:?} {}", reply.text());
        assert!(expected == 200 || reply.code() == "H175");
    };
    check(&first, ("X-Sauma-User", "1.2.246.10.5|4711"), 200);
    check(&second, ("X-Sauma-User", "1.2.246.10.5|4711"), 400);
    check(&first, ("X-Sauma-User", "131052-308T"), 400);
    check(&first, ("X-Sauma-User", ""), 400);
    check(&first, ("X-Sauma-Purpose", "care"), 200);
    check(&first, ("X-Sauma-Purpose", "curiosity"), 400);
    check(&first, ("X-Sauma-Statute", "381-2023"), 200);
    // Who asks too often waits; the others do not.
    let statuses: Vec<Reply> =
        (0..200).map(|_| server.json("GET", "/Goal", &[("Authorization", &first)], "")).collect();
    let refused = statuses.iter().find(|reply| reply.status == 429).expect("there is a limit");
    assert_eq!((refused.code(), refused.header("retry-after")), ("H172".to_owned(), Some("1")));
    check(&second, ("X-Sauma-Purpose", "care"), 200);
}

#[test]
fn scripts_of_other_origins_need_to_be_named() {
    let key = Key::ec();
    let text = settings(&[("one", "health", "1.2.3", 1, ALL)], &key.set("k"));
    let server = Running::guarded(&format!("{text}[cors]\norigins = [\"https://page.example\"]\n"));
    let check = |origin: &str, is_let_in: bool| {
        let fields = [("Origin", origin), ("Access-Control-Request-Method", "GET")];
        let reply = server.send("OPTIONS", "/fhir/Goal", &fields, b"");
        let told = reply.header("access-control-allow-origin").map(str::to_owned);
        assert_eq!((reply.status, told), (204, is_let_in.then(|| origin.to_owned())));
        let reply = server.send("GET", "/fhir/metadata", &[("Origin", origin)], b"");
        assert_eq!(reply.header("access-control-allow-origin").is_some(), is_let_in);
    };
    check("https://page.example", true);
    check("https://page.example.evil.example", false);
    check("null", false);
}
