//! Units that are down, slow, or lie: the plan names the unit, invents nothing and loses nothing, and when the unit is
//! well again all is as if nothing had been.

use super::bench::{Bench, case, in_file, until};
use super::unit::{Manner, Unit};
use sauma::exchange::http_pull::HttpPull;
use sauma::exchange::settings::Settings;
use sauma::store::{Queues, State};

const MEDIA: &str = "application/json";

fn settings(address: &str) -> String {
    format!(
        "[[connection]]\nname = \"home-care\"\nunit = \"kotihoito\"\nkind = \"http-pull\"\n\
         system = \"social-client-plan\"\n\
         [connection.http-pull]\nurl = \"http://{address}/plan/{{id}}\"\nids = [\"140379-9128\"]\n\
         every_seconds = 1\ntimeout_ms = 700\nmedia_type = \"{MEDIA}\"\n"
    )
}

fn whole() -> Vec<u8> {
    case("social-client-plan/cases/full")
}

/// The client's plan: the Bundle without what is found beside it, and all that is said.
async fn plan(bench: &Bench) -> (String, String) {
    let found = bench.get("/fhir/Patient").await;
    let id = found.split("\"resourceType\":\"Patient\",\"id\":\"").nth(1).unwrap().split('"').next().unwrap();
    let answer = bench.get(&format!("/fhir/Patient/{id}/$joined-plan")).await;
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    let mut bundle: serde_json::Value = serde_json::from_str(body).unwrap();
    let entries = bundle["entry"].as_array_mut().unwrap();
    entries.retain(|entry| entry["resource"]["id"] != "findings");
    let page = bench.get(&format!("/fhir/Patient/{id}/$joined-plan?form=text&language=en")).await;
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    (bundle.to_string(), format!("{answer}{page}"))
}

/// The code of what failed first.
async fn failing(bench: &Bench) -> Option<String> {
    bench.store().sources().await.unwrap().first().and_then(|source| source.code.clone())
}

#[test]
fn whatever_a_unit_does_it_is_named_and_nothing_is_made_up() {
    let whole = whole();
    let half = whole[..whole.len() / 2].to_vec();
    let text = String::from_utf8(whole.clone()).unwrap();
    let length = whole.len();
    let cut = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {MEDIA}\r\nContent-Length: {length}\r\n\r\n{}",
        &text[..length / 3]
    );
    let chunk =
        format!("HTTP/1.1 200 OK\r\nContent-Type: {MEDIA}\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{text}");
    let other = text.replace("140379-9128", "010170-999R").into_bytes();
    let cases: Vec<(&str, Manner, &[&str])> = vec![
        ("is down", Manner::Closes, &["X611", "X614"]),
        ("never answers", Manner::Silent, &["X612"]),
        ("fails", Manner::Says(500, MEDIA, b"{}".to_vec()), &["X613"]),
        ("is too busy", Manner::Says(503, MEDIA, Vec::new()), &["X613"]),
        ("does not know us", Manner::Says(401, MEDIA, Vec::new()), &["X613"]),
        ("gives half a document", Manner::Says(200, MEDIA, half), &["F111", "F102"]),
        ("breaks off", Manner::Bytes(cut.into_bytes()), &["X614"]),
        ("chunks wrongly", Manner::Bytes(chunk.into_bytes()), &["X614"]),
        ("speaks no HTTP", Manner::Bytes(b"220 mail.example ESMTP\r\n".to_vec()), &["X614", "X611"]),
        ("gives a page", Manner::Says(200, "text/html", b"<html>log in</html>".to_vec()), &["X616"]),
        ("gives another document", Manner::Says(200, MEDIA, b"{\"error\":\"none\"}".to_vec()), &["F", "M"]),
        ("gives nothing", Manner::Says(200, MEDIA, Vec::new()), &["F"]),
        ("gives somebody else", Manner::Says(200, MEDIA, other), &["X617"]),
        ("never ends", Manner::Endless, &["X618", "X612"]),
        ("sends in circles", Manner::Redirects, &["X615"]),
    ];
    assert!(cases.len() >= 12);
    let unit = Unit::start(Manner::Says(200, MEDIA, whole.clone()));
    in_file(&settings(&unit.address.to_string()), &async |bench| {
        until("the plan", async || bench.count(State::Done).await == 1).await;
        let (before, said) = plan(bench).await;
        assert!(!said.contains("has not answered"), "{said}");
        for (what, manner, codes) in &cases {
            unit.behave(manner.clone());
            until(what, async || failing(bench).await.is_some()).await;
            let code = failing(bench).await.unwrap();
            assert!(codes.iter().any(|known| code.starts_with(known)), "{what}: {code}");
            let (now, said) = plan(bench).await;
            assert_eq!(now, before, "{what}");
            let named = said.matches("kotihoito has not answered since").count();
            assert_eq!(named, 2, "{what}: in the findings and on the page");
            assert_eq!(bench.messages().await.len(), 1, "{what}: nothing was taken");
            unit.behave(Manner::Says(200, MEDIA, whole.clone()));
            until("health", async || failing(bench).await.is_none()).await;
            assert!(!plan(bench).await.1.contains("has not answered"), "{what}");
        }
    });
}

#[test]
fn a_unit_that_nobody_listens_for_is_down() {
    use sauma::exchange::inbox::{Accept, Outcome, Receipt, Received, Refused};
    struct Nowhere;
    impl Accept for Nowhere {
        async fn accept(&self, _: Received) -> Result<Receipt, Refused> {
            Err(Refused::Failed)
        }

        async fn outcome(&self, _: i64) -> Option<Outcome> {
            None
        }
    }
    let settings = Settings::read(&settings("127.0.0.1:1")).unwrap();
    let table = settings.connections[0].http_pull.clone().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let pull = HttpPull::new("home-care", None, table).unwrap();
        let round = pull.round(&Nowhere).await;
        assert_eq!((round.taken, round.failed.map(|code| code.id)), (0, Some("X611")));
    });
}
