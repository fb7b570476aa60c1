//! Subscriptions, with a receiver that really listens: in order and once each, over failures, pauses and ends of the
//! server; what is sent is what the subscriber may read.

use super::access::units::{World, consent, goal, person};
use super::talk::Running;
use sauma::server::{Settings, SubscriptionSettings};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const TOPIC: &str = "https://w3id.org/sauma/fhir/SubscriptionTopic/joined-plan-changed";
const BACKPORT: &str = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-";
/// How long something that must happen may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long is waited for something that must not happen.
const QUIET: Duration = Duration::from_millis(2_500);

/// What came to the endpoint.
#[derive(Debug, Clone)]
pub(super) struct Hit {
    /// Method and path.
    line: String,
    head: String,
    pub(super) body: String,
}

/// An endpoint that listens.
pub(super) struct Receiver {
    pub(super) url: String,
    hits: Arc<Mutex<Vec<Hit>>>,
    status: Arc<Mutex<u16>>,
}

impl Receiver {
    pub(super) fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let (hits, status) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(200)));
        let (kept, answers) = (Arc::clone(&hits), Arc::clone(&status));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut text = Vec::new();
                let mut part = [0; 8_192];
                loop {
                    let whole = String::from_utf8_lossy(&text).into_owned();
                    if let Some((head, body)) = whole.split_once("\r\n\r\n") {
                        let length = head.lines().find_map(|line| {
                            let (name, value) = line.split_once(':')?;
                            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().unwrap())
                        });
                        if body.len() >= length.unwrap_or(0) {
                            let line = head.lines().next().unwrap().trim_end_matches(" HTTP/1.1").to_owned();
                            let status = *answers.lock().unwrap();
                            if status < 300 {
                                let hit =
                                    Hit { line, head: head.to_ascii_lowercase(), body: body.to_owned() };
                                kept.lock().unwrap().push(hit);
                            }
                            let answer = format!("HTTP/1.1 {status} x\r\nContent-Length: 0\r\n\r\n");
                            drop(stream.write_all(answer.as_bytes()));
                            break;
                        }
                    }
                    match stream.read(&mut part) {
                        Ok(0) | Err(_) => break,
                        Ok(count) => text.extend_from_slice(&part[..count]),
                    }
                }
            }
        });
        Self { url, hits, status }
    }

    fn answer(&self, status: u16) {
        *self.status.lock().unwrap() = status;
    }

    pub(super) fn hits(&self) -> Vec<Hit> {
        self.hits.lock().unwrap().clone()
    }

    /// What came, once there is so much.
    fn wait(&self, count: usize) -> Vec<Hit> {
        until("notifications", || self.hits().len() >= count);
        self.hits()
    }
}

fn until(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn settings() -> SubscriptionSettings {
    SubscriptionSettings {
        private_addresses: true,
        plain_http: true,
        retry_seconds: 1,
        attempts: 3,
        ..SubscriptionSettings::default()
    }
}

fn server() -> Running {
    Running::with(Settings { validate: false, subscriptions: settings(), ..Settings::default() })
}

fn subscription(receiver: &Receiver, criteria: &str, has_payload: bool) -> Value {
    let mut channel = json!({ "type": "rest-hook", "endpoint": receiver.url, "header": ["X-Key: abc"] });
    if has_payload {
        channel["payload"] = json!("application/fhir+json");
    }
    json!({ "resourceType": "Subscription", "status": "requested", "reason": "test", "criteria": criteria, "channel": channel })
}

fn topic(receiver: &Receiver, patient: &str, content: &str) -> Value {
    let mut made = subscription(receiver, TOPIC, true);
    made["_criteria"] = json!({ "extension": [{
        "url": format!("{BACKPORT}filter-criteria"), "valueString": format!("CarePlan?patient=Patient/{patient}"),
    }] });
    made["channel"]["_payload"] =
        json!({ "extension": [{ "url": format!("{BACKPORT}payload-content"), "valueCode": content }] });
    made
}

fn put_goal(server: &Running, id: &str, patient: &str, text: &str) {
    let mut made = goal(id, patient);
    made["description"]["text"] = json!(text);
    let reply = server.json("PUT", &format!("/Goal/{id}"), &[], &made.to_string());
    assert!(reply.status < 300, "{}", reply.text());
}

fn status(server: &Running, id: &str) -> String {
    server.get(&format!("/Subscription/{id}")).value()["status"].as_str().unwrap().to_owned()
}

/// The value of a parameter of the first entry of a notification.
fn said(body: &str, name: &str) -> String {
    let bundle: Value = serde_json::from_str(body).unwrap();
    let parameters = &bundle["entry"][0]["resource"]["parameter"];
    let found = parameters.as_array().unwrap().iter().find(|parameter| parameter["name"] == name);
    let found = found.unwrap_or(&Value::Null);
    ["valueCode", "valueString"].iter().find_map(|key| found[key].as_str()).unwrap_or_default().to_owned()
}

#[test]
fn each_change_that_meets_criteria_comes_once_and_in_order() {
    let (server, receiver, bare) = (server(), Receiver::new(), Receiver::new());
    let id = server
        .create(&subscription(&receiver, "Goal?patient=Patient/a&lifecycle-status=active", true).to_string());
    let empty = server.create(&subscription(&bare, "Goal?patient=Patient/a", false).to_string());
    assert_eq!((status(&server, &id), status(&server, &empty)), ("active".to_owned(), "active".to_owned()));
    for number in 0..10 {
        put_goal(&server, "g", "a", &format!("version {number}"));
        put_goal(&server, "h", "b", "of somebody else");
    }
    let hits = receiver.wait(10);
    bare.wait(10);
    std::thread::sleep(QUIET);
    assert_eq!((receiver.hits().len(), bare.hits().len()), (10, 10));
    for (number, hit) in hits.iter().enumerate() {
        assert_eq!(hit.line, "PUT /hook/Goal/g");
        assert!(
            hit.head.contains("x-key: abc") && hit.head.contains("application/fhir+json"),
            "{}",
            hit.head
        );
        let sent: Value = serde_json::from_str(&hit.body).unwrap();
        assert_eq!(sent["description"]["text"], format!("version {number}"));
        assert_eq!(sent["meta"]["versionId"], (number + 1).to_string());
    }
    assert!(bare.hits().iter().all(|hit| hit.line == "POST /hook" && hit.body.is_empty()));
    // Off is off, and what happened meanwhile is not told of later.
    let mut off = server.get(&format!("/Subscription/{id}")).value();
    off["status"] = json!("off");
    assert_eq!(server.json("PUT", &format!("/Subscription/{id}"), &[], &off.to_string()).status, 200);
    std::thread::sleep(Duration::from_millis(500));
    put_goal(&server, "g", "a", "unheard");
    std::thread::sleep(QUIET);
    off["status"] = json!("requested");
    assert_eq!(server.json("PUT", &format!("/Subscription/{id}"), &[], &off.to_string()).status, 200);
    put_goal(&server, "g", "a", "heard");
    let hits = receiver.wait(11);
    assert!(hits[10].body.contains("\"heard\""), "{}", hits[10].body);
    assert_eq!(hits.len(), 11);
}

#[test]
fn an_endpoint_that_was_down_gets_all_and_after_some_tries_it_is_an_error() {
    let (server, receiver) = (server(), Receiver::new());
    let id = server.create(&subscription(&receiver, "Goal?patient=Patient/a", true).to_string());
    receiver.answer(503);
    for number in 0..3 {
        put_goal(&server, "g", "a", &format!("version {number}"));
    }
    std::thread::sleep(Duration::from_millis(500));
    receiver.answer(200);
    let hits = receiver.wait(3);
    assert!(hits[0].body.contains("version 0") && hits[2].body.contains("version 2"));
    // Three failures in a row are an error; nothing is lost when it is asked for again.
    receiver.answer(500);
    put_goal(&server, "g", "a", "version 3");
    until("an error", || status(&server, &id) == "error");
    let mut stopped = server.get(&format!("/Subscription/{id}")).value();
    assert_eq!(stopped["error"], "the endpoint answered 500");
    let told = server.get(&format!("/Subscription/{id}/$status")).text();
    assert!(told.contains("event 4 could not be delivered"), "{told}");
    receiver.answer(200);
    put_goal(&server, "g", "a", "version 4");
    std::thread::sleep(QUIET);
    assert_eq!(receiver.hits().len(), 3);
    stopped["status"] = json!("requested");
    let again = server.json("PUT", &format!("/Subscription/{id}"), &[], &stopped.to_string());
    assert_eq!((again.status, &again.value()["error"]), (200, &Value::Null));
    let hits = receiver.wait(5);
    assert!(hits[3].body.contains("version 3") && hits[4].body.contains("version 4"));
    // An event counts once that it was taken is durable, which is a little after it was.
    until("five events", || {
        let status = format!("{{\"entry\":[{{\"resource\":{}}}]}}", first(&server, &id));
        said(&status, "events-since-subscription-start") == "5"
    });
}

/// The Parameters that `$status` gives.
fn first(server: &Running, id: &str) -> Value {
    server.get(&format!("/Subscription/{id}/$status")).value()["entry"][0]["resource"].clone()
}

#[test]
fn the_topic_shakes_hands_beats_and_tells_of_changed_plans() {
    let (server, receiver) = (server(), Receiver::new());
    let put = |resource: &Value| {
        let path =
            format!("/{}/{}", resource["resourceType"].as_str().unwrap(), resource["id"].as_str().unwrap());
        assert!(server.json("PUT", &path, &[], &resource.to_string()).status < 300);
    };
    let plan = |title: &str| {
        json!({ "resourceType": "CarePlan", "id": "plan", "status": "active", "intent": "plan", "title": title,
            "subject": { "reference": "Patient/a" } })
    };
    put(&person("a", "131052-308T"));
    put(&plan("first"));
    let mut asked = topic(&receiver, "a", "full-resource");
    asked["channel"]["extension"] =
        json!([{ "url": format!("{BACKPORT}heartbeat-period"), "valueUnsignedInt": 2 }]);
    let id = server.create(&asked.to_string());
    let hits = receiver.wait(1);
    assert_eq!((&*hits[0].line, &*said(&hits[0].body, "type")), ("POST /hook", "handshake"));
    until("active", || status(&server, &id) == "active");
    let events = || -> Vec<Hit> {
        receiver.hits().into_iter().filter(|hit| said(&hit.body, "type") == "event-notification").collect()
    };
    put(&plan("second"));
    until("an event", || events().len() == 1);
    let told: Value = serde_json::from_str(&events()[0].body).unwrap();
    assert_eq!(
        (&told["type"], &told["entry"][1]["resource"]["resourceType"]),
        (&json!("history"), &json!("Bundle"))
    );
    assert!(told["entry"][1]["resource"].to_string().contains("second"));
    assert_eq!(said(&events()[0].body, "events-since-subscription-start"), "1");
    // Somebody else's plan, and a write that changes nothing of this one, are no events.
    put(&person("b", "020190-9063"));
    put(
        &json!({ "resourceType": "CarePlan", "id": "other", "status": "active", "intent": "plan", "subject": { "reference": "Patient/b" } }),
    );
    until("a heartbeat", || receiver.hits().iter().any(|hit| said(&hit.body, "type") == "heartbeat"));
    assert_eq!(events().len(), 1);
    put(&plan("third"));
    until("an event", || events().len() == 2);
    assert_eq!(said(&events()[1].body, "events-since-subscription-start"), "2");
    // What arrived is written down after it has.
    let again = || server.get(&format!("/Subscription/{id}/$events?eventsSinceNumber=2")).text();
    until("the event, again", || again().matches("notification-event").count() == 1);
    assert_eq!(said(&again(), "type"), "query-event");
    assert_eq!(server.get("/Basic/joined-plan-changed").status, 200);
}

#[test]
fn a_handshake_without_an_answer_is_an_error() {
    let (server, receiver) = (server(), Receiver::new());
    receiver.answer(404);
    let id = server.create(&topic(&receiver, "a", "id-only").to_string());
    until("an error", || status(&server, &id) == "error");
    assert!(receiver.hits().is_empty());
}

#[test]
fn what_was_committed_is_told_of_after_an_end() {
    let receiver = Receiver::new();
    let text = "validate = false\n[subscriptions]\nprivate_addresses = true\nplain_http = true\nretry_seconds = 1\nattempts = 100\n";
    let mut first = Running::open(text);
    receiver.answer(503);
    let id = first.create(&subscription(&receiver, "Goal?patient=Patient/a", true).to_string());
    for number in 0..3 {
        put_goal(&first, "g", "a", &format!("version {number}"));
    }
    first.end();
    receiver.answer(200);
    let second = first.open_again(text);
    let hits = receiver.wait(3);
    assert!(hits[0].body.contains("version 0") && hits[2].body.contains("version 2"));
    put_goal(&second, "g", "a", "version 3");
    assert!(receiver.wait(4)[3].body.contains("version 3"));
    std::thread::sleep(QUIET);
    assert_eq!((receiver.hits().len(), &*status(&second, &id)), (4, "active"));
}

#[test]
fn a_subscriber_gets_what_it_may_read() {
    let world = World::notifying();
    let receiver = Receiver::new();
    let code = "131052-308T";
    for unit in ["one", "far"] {
        world.put(unit, &person(&format!("{unit}.p"), code));
    }
    let subscribe = |asked: Value| {
        let reply = world.ask("far", "POST", "/Subscription", &asked);
        assert_eq!(reply.status, 201, "{}", reply.text());
        reply.value()["id"].as_str().unwrap().to_owned()
    };
    subscribe(subscription(&receiver, "Goal", true));
    let plans = Receiver::new();
    let id = subscribe(topic(&plans, "far.p", "full-resource"));
    until("active", || world.get("far", &format!("/Subscription/{id}")).value()["status"] == "active");
    world.put("one", &goal("one.g", "one.p"));
    world.put("one", &json!({ "resourceType": "CarePlan", "id": "one.plan", "status": "active", "intent": "plan", "title": "hidden", "subject": { "reference": "Patient/one.p" } }));
    world.put("far", &goal("far.g", "far.p"));
    assert_eq!(receiver.wait(1)[0].line, "PUT /hook/Goal/far.g");
    plans.wait(2);
    std::thread::sleep(QUIET);
    assert_eq!(receiver.hits().len(), 1);
    assert!(plans.hits().iter().all(|hit| !hit.body.contains("one.") && !hit.body.contains("hidden")));
    // What a permission opens comes from then on.
    world.put("one", &consent("one.c", "one.p", None, true, "2090-01-01"));
    let seen = plans.hits().len();
    until("the plan", || plans.hits().len() > seen && plans.hits().last().unwrap().body.contains("hidden"));
    let mut changed = goal("one.g", "one.p");
    changed["description"]["text"] = json!("to swim");
    world.put("one", &changed);
    assert_eq!(receiver.wait(2)[1].line, "PUT /hook/Goal/one.g");
    // Another register does not see the subscription.
    assert_eq!(world.get("one", &format!("/Subscription/{id}")).status, 404);
    assert_eq!(world.get("one", &format!("/Subscription/{id}/$status")).status, 404);
}

#[test]
fn what_cannot_be_served_is_refused() {
    let (open, receiver) = (server(), Receiver::new());
    let check = |server: &Running, asked: &Value, expected: u16| {
        let reply = server.json("POST", "/Subscription", &[], &asked.to_string());
        assert_eq!(reply.status, expected, "{asked}: {}", reply.text());
    };
    let good = subscription(&receiver, "Goal?patient=Patient/a", true);
    let with = |path: &str, value: Value| {
        let mut changed = good.clone();
        *changed.pointer_mut(path).unwrap() = value;
        changed
    };
    check(&open, &good, 201);
    check(&open, &with("/criteria", json!("Goal?patient.name=x")), 422);
    check(&open, &with("/criteria", json!("Goal?nothing=x")), 400);
    check(&open, &with("/criteria", json!(TOPIC)), 422);
    check(&open, &with("/channel/header/0", json!("Host: elsewhere")), 422);
    check(&open, &with("/channel/payload", json!("text/csv")), 422);
    // A channel that is not served is kept, and is an error from the start.
    let reply = open.json(
        "POST",
        "/Subscription",
        &[],
        &with("/channel", json!({ "type": "websocket" })).to_string(),
    );
    assert_eq!((reply.status, &reply.value()["status"]), (201, &json!("error")));
    // By default nothing goes to the own machine, by whichever name.
    let strict = Running::with(Settings {
        validate: false,
        subscriptions: SubscriptionSettings { attempts: 1, ..SubscriptionSettings::default() },
        ..Settings::default()
    });
    for endpoint in [
        "http://a.example/x",
        "https://127.0.0.1/x",
        "https://[::ffff:10.0.0.1]/x",
        "https://169.254.169.254/x",
    ] {
        check(&strict, &with("/channel/endpoint", json!(endpoint)), 422);
    }
    let named = strict.create(&with("/channel/endpoint", json!("https://localhost/x")).to_string());
    put_goal(&strict, "g", "a", "x");
    until("an error", || status(&strict, &named) == "error");
    let told = strict.get(&format!("/Subscription/{named}")).value();
    assert_eq!(told["error"], "the host has no address to which this server may send");
}
