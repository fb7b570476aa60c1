//! What an edit of the joined plan changes in a unit's document reaches the unit, once, whatever happens on the way.

use super::bench::{Bench, case, files, on_each, until};
use super::unit::{Manner, Unit};
use sauma::store::{Queue, State};
use std::fs;

const UNIT: &str = "social-client-plan";

/// Contributes a document and edits one goal of it on the joined plan. The new bytes of the document.
async fn edit(bench: &Bench) -> Vec<u8> {
    let original = String::from_utf8(case("social-client-plan/cases/full")).unwrap();
    let told = bench.post("/fhir/$contribute", "application/json", &original).await;
    let client = told.split("\"reference\":\"Patient/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let address = format!("/fhir/Patient/{client}");
    let given = bench.get(&format!("{address}/$joined-plan")).await;
    let body = given.split_once("\r\n\r\n").unwrap().1;
    let goal = body.split("\"resourceType\":\"Goal\"").nth(1).unwrap();
    let described = goal.split("\"description\":{").nth(1).unwrap();
    let text = described.split("\"text\":\"").nth(1).unwrap().split('"').next().unwrap();
    let edited = body.replace(text, "Uusi tavoite");
    let path = format!("{address}/$write-back?editor={UNIT}");
    let done = bench.post(&path, "application/fhir+json", &edited).await;
    assert!(done.starts_with("HTTP/1.1 200"), "{done}");
    assert!(done.contains("\"written\""), "{done}");
    original.replace(text, "Uusi tavoite").into_bytes()
}

async fn sent(bench: &Bench) -> usize {
    let all = bench.messages().await;
    all.iter().filter(|message| message.queue == Queue::Out && message.state == State::Done).count()
}

#[test]
fn a_folder_is_handed_the_whole_document() {
    let settings = "[[connection]]\nname = \"to-files\"\nkind = \"directory\"\nsystem = \"social-client-plan\"\n\
        [connection.directory]\nfolder = \"FOLDER/out\"\ndirection = \"out\"\n";
    on_each(settings, &async |bench| {
        let expected = edit(bench).await;
        until("the document", async || sent(bench).await == 1).await;
        let folder = bench.folder.join("out");
        let names = files(&folder);
        assert_eq!(names.len(), 1, "{names:?}");
        assert_eq!(fs::read(folder.join(&names[0])).unwrap(), expected);
    });
}

#[test]
fn a_unit_that_fails_is_sent_the_same_document_under_the_same_key_until_it_takes_it() {
    let unit = Unit::start(Manner::Says(500, "text/plain", Vec::new()));
    let settings = format!(
        "[[connection]]\nname = \"push\"\nkind = \"http-push\"\n\
         [connection.http-push]\nurl = \"http://{}/plans\"\nmedia_type = \"application/json\"\n",
        unit.address
    );
    on_each(&settings, &async |bench| {
        unit.behave(Manner::Says(500, "text/plain", Vec::new()));
        unit.asked.lock().unwrap().clear();
        let expected = String::from_utf8(edit(bench).await).unwrap();
        until("the first try", async || !unit.asked.lock().unwrap().is_empty()).await;
        unit.behave(Manner::Says(201, "text/plain", Vec::new()));
        until("the document", async || sent(bench).await == 1).await;
        let asked = unit.asked.lock().unwrap().clone();
        let key = |request: &String| {
            let line = request.lines().find(|line| line.to_lowercase().starts_with("idempotency-key: "));
            line.unwrap().to_owned()
        };
        assert!(asked.len() >= 2);
        assert!(asked.iter().all(|request| key(request) == key(&asked[0])), "{}", asked[0]);
        assert!(asked.iter().all(|request| request.ends_with(&expected)));
        let told = bench.messages().await.into_iter().find(|message| message.queue == Queue::Out).unwrap();
        assert_eq!(told.told.as_deref(), Some("status 201"));
    });
}

#[test]
fn what_a_unit_refuses_waits_for_a_person() {
    let unit = Unit::start(Manner::Says(422, "text/plain", Vec::new()));
    let settings = format!(
        "[[connection]]\nname = \"push\"\nkind = \"http-push\"\n\
         [connection.http-push]\nurl = \"http://{}/plans\"\n",
        unit.address
    );
    on_each(&settings, &async |bench| {
        edit(bench).await;
        until("the dead letter", async || bench.count(State::Dead).await == 1).await;
        let dead = bench.messages().await.into_iter().find(|message| message.state == State::Dead).unwrap();
        assert_eq!(dead.fault.unwrap().code, "X619");
        let figures = bench.get("/metrics").await;
        let line = "sauma_queue_messages{queue=\"out\",connection=\"push\",state=\"dead\"} 1";
        assert!(figures.contains(line), "{figures}");
    });
}
