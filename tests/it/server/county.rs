//! A day in a county: four units, each with its own form and its own channel, edits, faults and a restart. In the evening
//! every unit's documents, the plan of every client and every view agree with what a new store makes of the same
//! documents.

mod documents;
mod units;

use super::plans::{all, contribute, decoded, joined, one, stripped};
use super::talk::Running;
use documents::{Client, EDITED, GOAL, employment, health, social, third};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::thread;
use units::County;

/// Clients of a day in CI; the day is lived with 2,000 before a release.
const CLIENTS: usize = 60;
/// One of so many clients has something that is said again, edited in the joined plan, or broken.
const RENEWED: usize = 5;
const WRITTEN_BACK: usize = 10;
/// Files that are no plans, and messages that are no messages.
const BROKEN: usize = 6;
/// Who looks at the plans in the evening.
const VIEWS: [&str; 5] = [
    "",
    "?role=social&register=1.2.246.10.99999999.19.0",
    "?role=health&register=1.2.246.10.99999999.19.0",
    "?role=employment",
    "?role=client",
];

/// What each unit holds of each client.
type Held = BTreeMap<Client, [Vec<u8>; 4]>;

fn clients() -> Vec<Client> {
    let count = std::env::var("SAUMA_COUNTY_CLIENTS").map_or(CLIENTS, |count| count.parse().unwrap());
    (0..count).map(Client).collect()
}

#[test]
fn in_the_evening_everything_agrees() {
    let clients = clients();
    let mut county = County::open(&clients);
    let mut held: Held = clients
        .iter()
        .map(|client| {
            (*client, [social(*client, 1), employment(*client, 1), third(*client, 1), health(*client, 1)])
        })
        .collect();
    morning(&mut county, &held);
    renew(&county, &mut held);
    write_back(&county, &mut held);
    evening(&county, &held);
}

/// Every unit brings its plans. Some of what comes is broken, the employment services are ill, and the exchange dies.
fn morning(county: &mut County, held: &Held) {
    county.employment.is_ill.store(true, Ordering::Relaxed);
    for (client, [social, employment, ..]) in held {
        county.employment.write(*client, employment.clone());
        county.drop_file(&format!("plan-{}.json", client.0), social);
    }
    for number in 0..BROKEN {
        let half = format!("{{\"asiakirja\": {{\"versio\": {number},");
        county.drop_file(&format!("broken-{number}.json"), half.as_bytes());
    }
    county.restart();
    let messages: Vec<Vec<u8>> = held.values().map(|held| held[3].clone()).collect();
    thread::scope(|scope| {
        scope.spawn(|| county.send_messages(&messages));
        scope.spawn(|| {
            for [_, _, third, _] in held.values() {
                post(county, third);
            }
        });
    });
    county.restart();
    county.employment.is_ill.store(false, Ordering::Relaxed);
    drain(county);
}

fn post(county: &County, document: &[u8]) {
    let reply = county.send("POST", "/fhir/$contribute", "text/csv", document);
    assert_eq!(reply.status, 200, "{}", reply.text());
}

/// Waits until everything that came is applied, and everything that goes is sent.
fn drain(county: &County) {
    // A round that began before now may have missed what was written since.
    let before = county.employment.asked();
    let clients = clients().len();
    county.wait("all is asked for twice", |county| county.employment.asked() >= before + 2 * clients);
    county.wait("nothing waits", |county| county.depths().get("ready").is_none_or(|ready| *ready == 0));
}

/// Some units have newer versions.
fn renew(county: &County, held: &mut Held) {
    let mut messages = Vec::new();
    for (client, held) in held.iter_mut().filter(|(client, _)| client.0 % RENEWED == 1) {
        *held = [social(*client, 2), employment(*client, 2), third(*client, 2), health(*client, 2)];
        county.drop_file(&format!("plan-{}-2.json", client.0), &held[0]);
        county.employment.write(*client, held[1].clone());
        post(county, &held[2]);
        messages.push(held[3].clone());
    }
    county.send_messages(&messages);
    drain(county);
}

/// A goal of social services is edited in the joined plan, and comes back to them in their own document.
fn write_back(county: &County, held: &mut Held) {
    let edited: Vec<Client> = held.keys().copied().filter(|client| client.0 % WRITTEN_BACK == 2).collect();
    for client in &edited {
        let patient = patient(county, *client);
        let path = format!("/fhir/{patient}/$joined-plan");
        let given = county.send("GET", &path, "application/fhir+json", b"");
        assert_eq!(given.status, 200, "{}", given.text());
        let text = given.text().replace(GOAL, EDITED);
        let path = format!("/fhir/{patient}/$write-back?editor=social-client-plan");
        let reply = county.send("POST", &path, "application/fhir+json", text.as_bytes());
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert_eq!(all(&reply.value(), "changed").len(), 1, "{}", reply.text());
    }
    county.wait("the documents come back", |county| county.given_back().len() >= edited.len());
    let mut given_back = county.given_back();
    for client in edited {
        // Nothing but the goal is another.
        let document = held.get_mut(&client).unwrap();
        document[0] = String::from_utf8(document[0].clone()).unwrap().replace(GOAL, EDITED).into_bytes();
        let at = given_back.iter().position(|given| *given == document[0]);
        given_back.swap_remove(at.expect("the document comes back with its goal edited"));
    }
    assert!(given_back.is_empty(), "documents that nobody edited came back");
    drain(county);
}

/// A Patient that stands for the client.
fn patient(county: &County, client: Client) -> String {
    let form = format!("identifier={}", client.hetu());
    let reply =
        county.send("POST", "/fhir/Patient/_search", "application/x-www-form-urlencoded", form.as_bytes());
    first(&reply.value(), client)
}

fn first(found: &Value, client: Client) -> String {
    let entries = found["entry"].as_array().unwrap_or_else(|| panic!("nobody is {client:?}: {found}"));
    let mut ids: Vec<&str> = entries.iter().map(|entry| entry["resource"]["id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    format!("Patient/{}", ids[0])
}

/// What the county says is what a store says that is given the documents of the evening alone, in another order.
fn evening(county: &County, held: &Held) {
    let anew = Running::start();
    for (_, held) in held.iter().rev() {
        for document in held.iter().rev() {
            let reply = contribute(&anew, document, "");
            assert_eq!(reply.status, 200, "{}", reply.text());
        }
    }
    let depths = county.depths();
    let count = |state: &str| depths.get(state).copied().unwrap_or_default();
    assert_eq!((count("ready"), count("dead"), count("aside")), (0, 0, BROKEN as u64), "{depths:?}");
    let mut seen = 0;
    for (client, held) in held {
        let patient = patient(county, *client);
        documents(county, held);
        for view in VIEWS {
            let path = format!("/fhir/{patient}/$joined-plan{view}");
            let told = county.send("GET", &path, "application/fhir+json", b"");
            let again = anew.get(path.strip_prefix("/fhir").unwrap());
            assert_eq!(told.status, again.status, "{view}: {}\n{}", told.text(), again.text());
            let (told, again) = (stripped(&told.text(), &patient), stripped(&again.text(), &patient));
            assert_eq!(told, again, "{client:?} {view}");
            seen += 1;
            if view.is_empty() {
                let documents = held.iter().map(|bytes| (String::new(), bytes.clone())).collect::<Vec<_>>();
                assert_eq!(told, joined(&documents, &[]), "{client:?}");
            }
        }
    }
    println!("{} clients, {seen} views, {:?}", held.len(), county.depths());
}

/// The current documents of a client are those that the units hold, byte for byte: brought once more, each is there
/// already.
fn documents(county: &County, held: &[Vec<u8>; 4]) {
    for document in held {
        let reply = county.send("POST", "/fhir/$contribute", "text/csv", document);
        assert_eq!((reply.status, &*one(&reply.value(), "status")), (200, "unchanged"), "{}", reply.text());
        let path = format!("/fhir/{}", one(&reply.value(), "document"));
        let reference = county.send("GET", &path, "application/fhir+json", b"").value();
        assert_eq!(reference["status"], "current", "{reference}");
        let path = path.replace("DocumentReference", "Binary");
        let binary = county.send("GET", &path, "application/fhir+json", b"").value();
        assert!(decoded(binary["data"].as_str().unwrap()) == *document, "a document is another one");
    }
}
