//! A unit that is a FHIR server: here another one of ours.

use super::bench::{case, in_file, until};
use sauma::store::{Queues, State};

const EMPTY: &str = "";

#[test]
fn plans_of_a_fhir_server_are_followed_from_a_cursor_that_is_kept() {
    in_file(EMPTY, &async |unit| {
        let document = String::from_utf8(case("social-client-plan/cases/full")).unwrap();
        let told = unit.post("/fhir/$contribute", "application/json", &document).await;
        assert!(told.starts_with("HTTP/1.1 200"), "{told}");
        let settings = format!(
            "[[connection]]\nname = \"unit\"\nkind = \"fhir\"\n[connection.fhir]\nevery_seconds = 1\n\
             [connection.fhir.server.link]\nbase = \"http://{}/fhir\"\n",
            unit.address
        );
        // The other exchange has a runtime of its own.
        let other = std::thread::spawn(move || {
            in_file(&settings, &async |bench| {
                until("the plan", async || bench.count(State::Done).await >= 1).await;
                let cursor = async || bench.store().sources().await.unwrap().pop().and_then(|it| it.cursor);
                until("the cursor", async || cursor().await.is_some()).await;
                let count = bench.messages().await.len();
                tokio::time::sleep(std::time::Duration::from_millis(2_500)).await;
                assert_eq!(bench.messages().await.len(), count, "nothing is taken twice");
                let found = bench.get("/fhir/CarePlan?_summary=count").await;
                assert!(found.contains("\"total\":1"), "{found}");
                assert_eq!(bench.store().sources().await.unwrap()[0].failed, None);
            });
        });
        until("the other exchange", async || other.is_finished()).await;
        other.join().unwrap();
    });
}
