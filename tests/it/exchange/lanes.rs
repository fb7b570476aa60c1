//! Lanes, dead letters and what people decide about them.

use super::bench::{Bench, case, in_file, on_each, until};
use sauma::exchange::inbox::{Accept, LaneKey, Received, content_key};
use sauma::exchange::lane;
use sauma::exchange::orders::{Handed, Order, carry_out, hand_over};
use sauma::exchange::worker::now;
use sauma::store::{Message, Queues, State};
use std::sync::Arc;

const SETTINGS: &str = "[[connection]]\nname = \"files\"\nkind = \"directory\"\n\
    [connection.directory]\nfolder = \"FOLDER/in\"\nevery_ms = 1000\n";

/// Puts a document in the inbox, as of a lane.
async fn put(bench: &Bench, bytes: &[u8], lane: Option<i64>, unit: Option<&'static str>) -> i64 {
    let received = Received {
        connection: "files".to_owned(),
        key: content_key(bytes),
        client: lane.map(LaneKey),
        unit,
        bytes: Arc::from(bytes),
        received: now(),
        unreadable: None,
    };
    bench.exchange.inbox().accept(received).await.unwrap().number
}

async fn state(bench: &Bench, number: i64) -> State {
    bench.store().message(number).await.unwrap().unwrap().state
}

fn plan(n: usize) -> Vec<u8> {
    let text = String::from_utf8(case("social-client-plan/cases/full")).unwrap();
    // A space more is another document with the same content.
    format!("{}{text}", " ".repeat(n)).into_bytes()
}

#[test]
fn one_bad_message_stops_its_lane_alone_until_somebody_decides() {
    on_each(SETTINGS, &async |bench| {
        // A document that is known to be of another system than the one it is said to be of cannot be read; one that
        // names nobody is refused.
        let nobody = b"{\"resourceType\":\"PlanDefinition\",\"status\":\"active\"}";
        let bad = put(bench, nobody, Some(1), Some("fhir")).await;
        let behind = put(bench, &plan(1), Some(1), None).await;
        let other = put(bench, &plan(2), Some(2), None).await;
        until("the other lane", async || state(bench, other).await == State::Done).await;
        until("the dead letter", async || state(bench, bad).await == State::Dead).await;
        assert_eq!(state(bench, behind).await, State::Ready);
        let dead = bench.store().message(bad).await.unwrap().unwrap();
        assert_eq!(dead.fault.as_ref().map(|fault| fault.code.as_str()), Some("H161"));
        // Tried again it is dead again.
        carry_out(bench.store(), &Order::Retry(vec![bad])).await.unwrap();
        let is_dead = async || state(bench, bad).await == State::Dead;
        until("the dead letter", is_dead).await;
        assert_eq!(state(bench, behind).await, State::Ready);
        carry_out(bench.store(), &Order::Drop(vec![bad])).await.unwrap();
        until("what was behind", async || state(bench, behind).await == State::Done).await;
        let carried = carry_out(bench.store(), &Order::Drop(vec![bad, 99_999])).await.unwrap();
        assert_eq!((carried.changed, carried.refused), (0, 2));
    });
}

#[test]
fn messages_of_a_client_are_applied_in_order_and_those_of_others_beside_them() {
    on_each(SETTINGS, &async |bench| {
        let mut all = Vec::new();
        for n in 0..24 {
            all.push(lane::received("files", None, plan(n)));
        }
        assert!(all.iter().all(|received| received.client == all[0].client && received.client.is_some()));
        let answers = bench.exchange.inbox().accept_all(all).await;
        assert!(answers.iter().all(Result::is_ok));
        until("all", async || bench.count(State::Done).await == 24).await;
        let mut done: Vec<Message> = bench.messages().await;
        done.sort_by_key(|message| message.finished);
        let numbers: Vec<i64> = done.iter().map(|message| message.number).collect();
        assert!(numbers.is_sorted(), "{numbers:?}");
        // Each was current for its time: a version for each.
        let found = bench.get("/fhir/DocumentReference?_summary=count").await;
        assert!(found.contains("\"total\":24"), "{found}");
    });
}

#[test]
fn what_was_done_is_applied_anew_without_a_second_version() {
    on_each(SETTINGS, &async |bench| {
        let number = put(bench, &plan(0), None, None).await;
        until("the plan", async || state(bench, number).await == State::Done).await;
        let before = bench.get("/fhir/Goal?_summary=count").await;
        let order = Order::ReplaySince { connection: "files".to_owned(), since: 0 };
        let carried = carry_out(bench.store(), &order).await.unwrap();
        assert_eq!((carried.changed, carried.refused), (1, 0));
        until("the plan", async || state(bench, number).await == State::Done).await;
        let message = bench.store().message(number).await.unwrap().unwrap();
        assert_eq!(message.replays, 1);
        assert!(message.told.unwrap().starts_with("renewed "), "made anew");
        assert!(message.map.is_some());
        let total = |answer: &str| answer.split("\"total\":").nth(1).map(str::to_owned);
        assert_eq!(total(&bench.get("/fhir/Goal?_summary=count").await), total(&before));
        assert!(bench.get("/fhir/DocumentReference?_summary=count").await.contains("\"total\":1"));
    });
}

#[test]
fn orders_reach_the_exchange_that_has_the_store_open() {
    in_file(SETTINGS, &async |bench| {
        let bad =
            put(bench, b"{\"resourceType\":\"PlanDefinition\",\"status\":\"active\"}", Some(1), Some("fhir"))
                .await;
        until("the dead letter", async || state(bench, bad).await == State::Dead).await;
        hand_over(&bench.folder.join("data"), &Handed::Messages(Order::Drop(vec![bad]))).unwrap();
        until("the order", async || state(bench, bad).await == State::Dropped).await;
    });
}

#[test]
fn a_message_leaves_the_audit_that_contribute_leaves() {
    in_file(SETTINGS, &async |bench| {
        use sauma::server::AUDIT_LOG;
        use sauma::store::{Logs, NoteQuery, Store, Tenant};
        let number = put(bench, &plan(0), None, None).await;
        until("the plan", async || state(bench, number).await == State::Done).await;
        let notes = bench.store().notes(&NoteQuery::after(Tenant(0), AUDIT_LOG, 0)).await.unwrap();
        let changes = bench.store().changes(0, 1_000).await.unwrap();
        assert!(!changes.is_empty());
        assert_eq!(notes.len(), changes.len(), "an event for each resource, in the same commit");
    });
}
