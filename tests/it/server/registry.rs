//! Push, pull and reconcile between Sauma and a FHIR server: our own, Medplum's where its packages are installed in
//! `SAUMA_CLIENTS`, and any other whose base `SAUMA_OTHER_FHIR` names.

use super::clients::packages;
use super::talk::Running;
use crate::reports::command;
use sauma::exchange::registry::fhir_server::{Cursor, FhirServer, FhirSettings, Held, Pushed, Version};
use sauma::exchange::registry::kanta::{
    Action, ArchiveDocument, Change, Disclosure, Part, Permission, Stated,
};
use sauma::exchange::registry::{Oid, Registry, RegistryError, Said};
use sauma::plan::identity::Hetu;
use sauma::plan::permission::{Direction, Moment};
use serde_json::{Value, json};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How long a server that is not ours may take to start.
const START_MAX: Duration = Duration::from_mins(1);
const PLAN: &str = include_str!("../../../mappings/social-client-plan/cases/minimal/input.json");

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn server(base: &str) -> FhirServer {
    FhirServer::new(&FhirSettings::of(base)).unwrap()
}

/// A name that no other run gives.
fn fresh() -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    format!("{since}-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// A patient and a goal about them, as we have them.
fn ours() -> [Value; 2] {
    let name = fresh();
    let identifier =
        |of: &str| json!([{ "system": "https://example.org/registry", "value": format!("{of}-{name}") }]);
    [
        json!({ "resourceType": "Patient", "id": "a", "identifier": identifier("p"), "gender": "female" }),
        json!({
            "resourceType": "Goal", "id": "g", "identifier": identifier("g"), "lifecycleStatus": "active",
            "description": { "text": "Kävelee päivittäin" }, "subject": { "reference": "Patient/a" },
        }),
    ]
}

fn new(resources: &[Value]) -> Vec<Held> {
    resources.iter().map(|resource| Held { resource: resource.clone(), basis: None }).collect()
}

async fn pushed(server: &FhirServer, held: &[Held]) -> Vec<Version> {
    match server.push(held).await.unwrap() {
        Pushed::Done(versions) => versions,
        Pushed::Differs(found) => panic!("differs: {found:?}"),
    }
}

/// Everything that push, pull and reconcile promise, against the server at a base.
fn keeps_in_step(base: &str) {
    runtime().block_on(async {
        let server = server(base);
        let before = server.pull(&["Patient", "Goal"], &Cursor::default()).await.unwrap();

        // What is new is made once, however often it is pushed, and refers to its neighbours there.
        let [patient, goal] = ours();
        let held = new(&[patient.clone(), goal.clone()]);
        let versions = pushed(&server, &held).await;
        assert_eq!(pushed(&server, &held).await, versions);
        let pulled = server.pull(&["Patient", "Goal"], &before.cursor).await.unwrap();
        let of = |kind: &str| pulled.changes.iter().filter(|change| change.place.starts_with(kind)).count();
        assert_eq!((of("Patient"), of("Goal")), (1, 1), "{:?}", pulled.changes);
        let theirs = pulled.changes.iter().find(|change| change.place.starts_with("Goal")).unwrap();
        let theirs = theirs.resource.clone().unwrap();
        assert_eq!(theirs["subject"]["reference"], format!("Patient/{}", versions[0].id));
        let again = server.pull(&["Patient", "Goal"], &pulled.cursor).await.unwrap();
        assert_eq!(again.changes, []);

        // A change on the version that it stands on.
        let basis = |at: usize| Some(versions[at].clone());
        let known = Held { resource: patient, basis: basis(0) };
        let mut changed = goal;
        changed["lifecycleStatus"] = json!("completed");
        let change = Held { resource: changed.clone(), basis: basis(1) };
        let newer = pushed(&server, &[known.clone(), change.clone()]).await;
        assert_ne!(newer[1].version, versions[1].version);

        // And on one that is no longer there: nothing is written, and both values are told.
        let mut other = changed;
        other["lifecycleStatus"] = json!("cancelled");
        let stale = Held { resource: other, basis: basis(1) };
        let Pushed::Differs(found) = server.push(&[known.clone(), stale.clone()]).await.unwrap() else {
            panic!("it was overwritten")
        };
        let [difference] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(difference.path, "Goal.lifecycleStatus");
        assert_eq!(difference.ours, Some(json!("cancelled")));
        assert_eq!(difference.theirs, Some(json!("completed")));
        assert!(matches!(server.there(&[known, stale]).await.unwrap(), Pushed::Differs(_)));

        let last = server.pull(&["Goal"], &again.cursor).await.unwrap();
        let [one] = last.changes.as_slice() else { panic!("{:?}", last.changes) };
        assert_eq!(one.resource.as_ref().unwrap()["lifecycleStatus"], "completed");
    });
}

#[test]
fn our_server_keeps_in_step() {
    let running = Running::start();
    keeps_in_step(&format!("http://{}/fhir", running.address));
}

/// Medplum's router as a process, ended with its owner.
struct Medplum(Child);

impl Drop for Medplum {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn medplum_keeps_in_step() {
    let packages = packages().filter(|folder| folder.join("node_modules/@medplum/fhir-router").is_dir());
    let (Some(node), Some(packages)) = (command(&["node"]), packages) else {
        println!(
            "skipped: Medplum needs node, and SAUMA_CLIENTS with node_modules/@medplum/fhir-router in it"
        );
        return;
    };
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/server/medplum.mjs");
    let child =
        Command::new(node).arg(program).arg(packages).arg(address.port().to_string()).spawn().unwrap();
    let _running = Medplum(child);
    let start = Instant::now();
    while TcpStream::connect(address).is_err() {
        assert!(start.elapsed() < START_MAX, "Medplum's router does not start");
        std::thread::sleep(Duration::from_millis(50));
    }
    keeps_in_step(&format!("http://{address}/fhir"));
}

#[test]
fn another_server_keeps_in_step() {
    if let Ok(base) = std::env::var("SAUMA_OTHER_FHIR") {
        keeps_in_step(&base);
    }
}

#[test]
fn what_cannot_be_pushed_with_care_is_not_sent() {
    let server = server("http://127.0.0.1:9/fhir");
    let check = |resource: Value| {
        let told = runtime().block_on(server.push(&new(&[resource])));
        assert!(matches!(told, Err(RegistryError::Unfit(_))), "{told:?}");
    };
    let [patient, goal] = ours();
    check(json!({ "resourceType": "Patient", "id": "a" }));
    check(json!({ "id": "a" }));
    // Its client is not among what is pushed.
    check(goal);
    assert!(matches!(runtime().block_on(server.push(&[])), Err(RegistryError::Unfit(_))));
    let unreachable = runtime().block_on(server.push(&new(&[patient])));
    assert!(matches!(unreachable, Err(RegistryError::Unreachable(_))), "{unreachable:?}");
}

#[test]
fn deletions_are_pulled_and_a_page_is_no_end() {
    let running = Running::start();
    let server = server(&format!("http://{}/fhir", running.address));
    let create = |number: usize| {
        let body = format!("{{\"resourceType\":\"Basic\",\"id\":\"b{number}\",\"code\":{{\"text\":\"x\"}}}}");
        let type_ = [("Content-Type", "application/fhir+json")];
        assert_eq!(
            running.send("PUT", &format!("/fhir/Basic/b{number}"), &type_, body.as_bytes()).status,
            201
        );
    };
    (0..230).for_each(create);
    runtime().block_on(async {
        let first = server.pull(&["Basic"], &Cursor::default()).await.unwrap();
        assert_eq!(first.changes.len(), 230);
        assert!(running.send("DELETE", "/fhir/Basic/b7", &[], b"").status < 300);
        let second = server.pull(&["Basic"], &first.cursor).await.unwrap();
        let [gone] = second.changes.as_slice() else { panic!("{:?}", second.changes) };
        assert_eq!((gone.place.as_str(), &gone.resource), ("Basic/b7", &None));
        let text = serde_json::to_string(&second.cursor).unwrap();
        let cursor: Cursor = serde_json::from_str(&text).unwrap();
        assert_eq!(server.pull(&["Basic"], &cursor).await.unwrap().changes, []);
    });
}

#[test]
fn permissions_and_documents_are_kept_by_a_fhir_server() {
    let running = Running::start();
    let server = server(&format!("http://{}/fhir", running.address));
    let node = Oid::of_business("3221308-6").unwrap();
    let client = Hetu::parse("131052-308T").unwrap();
    let now = Moment::parse("2026-06-01").unwrap();
    let mut change = Change {
        id: "urn:uuid:7d1f0000-0000-4000-8000-000000000001".to_owned(),
        action: Action::Give,
        client: client.clone(),
        permissions: vec![Permission {
            id: node.document(2026, 1),
            direction: Direction::SocialToHealth,
            part: Part::All,
            start: None,
            end: None,
        }],
        stated: Stated::Client,
        recorded: "2026-01-02T10:00:00Z".to_owned(),
    };
    runtime().block_on(async {
        let said = async || {
            let asked = server.permissions(&client).await;
            assert!(asked.is_ok(), "{asked:?}");
            Said::of(&asked, Direction::SocialToHealth, &node.unit(1), now)
        };
        assert_eq!(said().await, Said::No);
        assert!(server.tell_permission(&change).await.unwrap().is_new);
        server.tell_permission(&change).await.unwrap();
        assert_eq!(server.permissions(&client).await.unwrap().consents().len(), 1);
        assert_eq!(said().await, Said::Yes);
        change.action = Action::Withdraw;
        server.tell_permission(&change).await.unwrap();
        assert_eq!(said().await, Said::No);

        // It writes what happened to its data itself.
        let disclosure = Disclosure {
            id: "urn:uuid:7d1f0000-0000-4000-8000-000000000003".to_owned(),
            recorded: "2026-01-03T10:00:00Z".to_owned(),
            client: client.clone(),
            documents: vec![node.document(2026, 23)],
            kind: json!({ "coding": [{ "code": "1" }] }),
            from: node.organisation(),
            to: node.unit(9),
            task: None,
        };
        let told = server.tell_disclosure(&disclosure).await;
        assert_eq!(told.map_err(|error| error.code().id).err(), Some("X658"));

        let document = ArchiveDocument::of_client_plan(PLAN.as_bytes()).unwrap();
        let id = Oid::parse(&document.metadata.id).unwrap();
        assert_eq!(server.document(&id).await.unwrap(), None);
        assert!(server.put_document(&document).await.unwrap().is_new);
        assert!(!server.put_document(&document).await.unwrap().is_new);
        assert_eq!(server.document(&id).await.unwrap(), Some(document));
    });
}

/// The same by the command line: what is remembered between runs lies in a file.
#[test]
fn the_command_line_pushes_pulls_and_reconciles() {
    let running = Running::start();
    let folder = running.folder.join("cli");
    std::fs::create_dir_all(&folder).unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_sauma"));
        let output = command.current_dir(&folder).args(["registry"]).args(arguments).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
    };
    let of = ["--config", "there.toml", "--state", "state.json"];
    write("there.toml", &format!("[link]\nbase = \"http://{}/fhir\"\n", running.address));
    let resources = ours();
    let bundle = json!({ "resourceType": "Bundle", "entry": [{ "resource": resources[0] }, { "resource": resources[1] }] });
    write("ours.json", &bundle.to_string());
    let check = |arguments: &[&str], code: i32, out: &str| {
        let ran = run(&[arguments, &of].concat());
        assert_eq!(ran.0, code, "{arguments:?}: {ran:?}");
        assert!(ran.1.contains(out), "{arguments:?}: {ran:?}");
    };
    check(&["push", "ours.json"], 0, "");
    check(&["reconcile", "ours.json"], 0, "");
    check(&["pull", "--types", "Patient,Goal"], 0, "\"place\":\"Goal/");
    let ran = run(&[["pull", "--types", "Patient,Goal"].as_slice(), &of].concat());
    assert_eq!((ran.0, ran.1.as_str()), (0, ""));

    write("ours.json", &bundle.to_string().replace("päivittäin", "viikoittain"));
    check(&["reconcile", "ours.json"], 1, "Goal.description.text: ours \"«hidden»\", theirs \"«hidden»\"");
    check(&["reconcile", "ours.json", "--show-values"], 1, "Kävelee päivittäin");
    check(&["push", "ours.json"], 0, "");
    check(&["reconcile", "ours.json"], 0, "");
    let (code, _, err) = run(&["push", "ours.json", "--config", "missing.toml", "--state", "state.json"]);
    assert_eq!(code, 2, "{err}");
}

/// A code list of the code service is what `$validate-code` answers from.
#[test]
fn an_imported_code_list_answers_validate_code() {
    let running = Running::start();
    let table = "CodeId;LongName;ExpirationDate\n1;Yksi;\n2;Kaksi;2020-12-31\n";
    let list = sauma::exchange::code_lists::read(table.as_bytes(), "1.2.246.537.6.999", "2026-01-01", "Koe")
        .unwrap();
    let body = list.to_code_system("2026-06-01").to_string();
    let headers = [("Content-Type", "application/fhir+json")];
    let stored = running.send("POST", "/fhir/CodeSystem", &headers, body.as_bytes());
    assert_eq!(stored.status, 201, "{}", String::from_utf8_lossy(&stored.body));
    let check = |code: &str, expected: bool| {
        let path = format!("/fhir/CodeSystem/$validate-code?url=urn:oid:1.2.246.537.6.999&code={code}");
        let answer = running.send("GET", &path, &[], b"");
        let answer: Value = serde_json::from_slice(&answer.body).unwrap();
        let found = answer["parameter"].as_array().unwrap().iter().find(|it| it["name"] == "result").cloned();
        assert_eq!(found.unwrap()["valueBoolean"], expected, "{code}");
    };
    check("1", true);
    check("2", true);
    check("3", false);
}
