//! Maps that change while the exchange runs: the process itself, over a store in a file.

use super::bench::{case, in_file, until};
use crate::cli::{Folder, Ran};
use sauma::mapping::units::{Added, UNITS, beside, replace};
use sauma::store::State;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

const SETTINGS: &str = "unit_dirs = [\"units\"]\n[worker]\nidle_ms = 20\nmaps_every_seconds = EVERY\n[[connection]]\nname = \"files\"\n\
    kind = \"directory\"\nsystem = \"home-plan\"\n\
    [connection.directory]\nfolder = \"in\"\nevery_ms = 20\nsettle_ms = 40\n";
const PATIENCE: Duration = Duration::from_mins(1);
const LENS: &str = "units/home-plan/unit.lens";
const EXPECTED: &str = "units/home-plan/cases/minimal/expected.json";

/// An exchange with a unit system of its own, which has one case.
struct Running {
    folder: Folder,
    process: Child,
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

impl Running {
    /// With folders that are looked at every so many seconds; only by an order where these are none.
    fn start(name: &str, every: u8) -> Self {
        let folder = Folder::new(name);
        let from = Path::new("mappings/social-client-plan");
        folder.file("exchange.toml", SETTINGS.replace("EVERY", &every.to_string()));
        folder.file(LENS, fs::read(from.join("unit.lens")).unwrap());
        for entry in fs::read_dir(from.join("codes")).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            folder.file(&format!("units/home-plan/codes/{name}"), fs::read(path).unwrap());
        }
        for name in ["input.json", "expected.json"] {
            let text = fs::read(from.join("cases/minimal").join(name)).unwrap();
            folder.file(&format!("units/home-plan/cases/minimal/{name}"), text);
        }
        let log = fs::File::create(folder.path("log")).unwrap();
        let arguments = ["exchange", "run", "--config", "exchange.toml", "--data", "data"];
        let process = folder.command(&arguments).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let running = Self { folder, process };
        running.until("the exchange", || running.log().contains("\"ready\""));
        running
    }

    fn log(&self) -> String {
        self.folder.read("log")
    }

    fn until(&self, what: &str, is_so: impl Fn() -> bool) {
        let end = Instant::now() + PATIENCE;
        while !is_so() {
            assert!(Instant::now() < end, "{what} does not come: {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Replaces words in a file, as somebody who edits it.
    fn edit(&self, file: &str, from: &str, to: &str) {
        let text = self.folder.read(file);
        assert!(text.contains(from), "{from} is not in {file}");
        self.folder.file(file, text.replace(from, to));
    }

    /// Hands a document over, and gives its message when it is dealt with.
    fn applied(&self, number: usize) -> Value {
        let text = String::from_utf8(case("social-client-plan/cases/minimal")).unwrap();
        // A space more is another document with the same content.
        self.folder.file(&format!("in/{number}.json"), format!("{}{text}", " ".repeat(number)));
        let list = || self.folder.run(&["queue", "list", "data", "--state", "done", "--format", "json"]);
        let row = || {
            let rows: Vec<Value> = serde_json::from_str(&list().out).unwrap_or_default();
            rows.get(number).cloned()
        };
        self.until("the message", || row().is_some());
        row().unwrap()
    }

    fn order(&self, arguments: &[&str]) -> Ran {
        self.folder.run(&[&["exchange"], arguments].concat())
    }

    /// The version in force, as an order tells it, whose outcome is checked.
    fn turned(&self, arguments: &[&str], code: i32, change: &str) -> (String, Value) {
        let ran = self.order(&[arguments, &["--format", "json"]].concat());
        assert_eq!(ran.code, code, "{}{}", ran.out, ran.err);
        let turned: Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!(
            (&turned[0]["unit"], &turned[0]["change"]),
            (&"home-plan".into(), &change.into()),
            "{turned}"
        );
        (turned[0]["version"].as_str().unwrap_or_default().to_owned(), turned[0]["findings"].clone())
    }
}

const PLAN: &str = "-> c.intent = \"plan\"";
const PROPOSAL: &str = "-> c.intent = \"proposal\"";

#[test]
fn a_changed_map_is_taken_between_messages_and_goes_back_by_an_order() {
    let running = Running::start("maps-taken", 0);
    let (first, _) = running.turned(&["reload", "data"], 0, "unchanged");
    assert_eq!(running.applied(0)["map"], *first);
    running.edit(EXPECTED, "\"intent\": \"plan\"", "\"intent\": \"proposal\"");
    running.edit(LENS, PLAN, PROPOSAL);
    let (second, _) = running.turned(&["reload", "data"], 0, "taken");
    assert_ne!(second, first);
    assert_eq!(running.applied(1)["map"], *second);
    let (third, _) = running.turned(&["rollback", "data", "home-plan"], 0, "taken");
    assert_eq!(third, first);
    let last = running.applied(2);
    assert_eq!(last["map"], *first);
    let (_, findings) = running.turned(&["rollback", "data", "home-plan"], 1, "refused");
    assert_eq!(findings[0]["code"], "X625");
    // What was applied by which version stays with each message.
    let shown = running.folder.run(&["queue", "show", "data", "2", "--target"]);
    assert!(shown.out.contains(&format!("map: {second}\n")), "{}", shown.out);
    assert!(running.turned(&["reload", "data"], 0, "taken").0 == second);
}

#[test]
fn a_changed_folder_is_taken_by_itself() {
    let running = Running::start("maps-watched", 1);
    let first = running.applied(0)["map"].clone();
    running.edit(EXPECTED, "\"intent\": \"plan\"", "\"intent\": \"proposal\"");
    running.edit(LENS, PLAN, PROPOSAL);
    running.until("the map", || running.log().contains("another map is in force"));
    let (second, _) = running.turned(&["reload", "data"], 0, "unchanged");
    assert_eq!(running.applied(1)["map"], *second);
    // What somebody went back from is not taken by itself again, though the folder still has it.
    running.turned(&["rollback", "data", "home-plan"], 0, "taken");
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(running.applied(2)["map"], first);
    running.edit(LENS, PROPOSAL, "-> c.intent = ");
    running.until("the refusal", || running.log().contains("a map is refused"));
    assert_eq!(running.applied(3)["map"], first);
}

#[test]
fn a_joined_plan_is_made_by_the_map_in_force() {
    const OID: &str = "1.2.246.537.6.1506.15020.2024.11.28";
    let own = |text: &str| text.replace(OID, "1.2.246.99.1");
    let settings = "[[connection]]\nname = \"files\"\nkind = \"directory\"\n\
        [connection.directory]\nfolder = \"FOLDER/in\"\nevery_ms = 20\nsettle_ms = 40\n";
    let in_force = |intent: &str| {
        let known = UNITS.iter().find(|unit| unit.name == "social-client-plan").unwrap();
        let files = known.files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        let lens = own(known.lens).replace(PLAN, intent);
        let name = "plan-of-this-test".to_owned();
        replace(beside(Added { name, lens, files: files.collect(), definitions: Vec::new() }).unwrap());
    };
    in_force(PLAN);
    in_file(settings, &async |bench| {
        let text = own(&String::from_utf8(case("social-client-plan/cases/minimal")).unwrap());
        fs::create_dir_all(bench.folder.join("in")).unwrap();
        fs::write(bench.folder.join("in/plan.json"), text).unwrap();
        until("the plan", async || bench.count(State::Done).await == 1).await;
        let found = bench.get("/fhir/Patient?_elements=id").await;
        let id = found.split("/fhir/Patient/").nth(1).and_then(|rest| rest.split('"').next());
        let path = format!("/fhir/Patient/{}/$joined-plan", id.unwrap());
        let check = async |expected: bool| {
            let plan = bench.get(&path).await;
            assert!(plan.starts_with("HTTP/1.1 200"), "{plan}");
            assert_eq!(plan.contains("\"intent\":\"proposal\""), expected, "{plan}");
        };
        check(false).await;
        in_force(PROPOSAL);
        check(true).await;
    });
}

#[test]
fn a_map_with_faults_is_refused_with_its_findings_and_the_one_before_goes_on() {
    let running = Running::start("maps-refused", 0);
    let first = running.applied(0)["map"].as_str().unwrap().to_owned();
    let check = |file: &str, from: &str, to: &str, code: &str, place: &str| {
        running.edit(file, from, to);
        let (version, findings) = running.turned(&["reload", "data"], 1, "refused");
        assert_eq!((&*version, findings[0]["code"].as_str().unwrap()), (&*first, code), "{findings}");
        assert!(findings[0]["place"].as_str().unwrap().starts_with(place), "{findings}");
        running.edit(file, to, from);
    };
    check(LENS, PLAN, "-> c.intnt = \"plan\"", "M202", "unit.lens:22:");
    check(LENS, PLAN, PROPOSAL, "X624", "cases/minimal");
    check(LENS, "lens \"", "lans \"", "M201", "unit.lens:1:");
    running.edit(LENS, PLAN, PROPOSAL);
    let ran = running.order(&["check", "--config", "exchange.toml"]);
    assert!(
        ran.code == 1 && ran.out.contains("X624 cases/minimal: 1 values are not"),
        "{}{}",
        ran.out,
        ran.err
    );
    running.edit(LENS, PROPOSAL, PLAN);
    running.folder.file("units/home-plan/profiles/other.json", "{}");
    let (_, findings) = running.turned(&["reload", "data"], 1, "refused");
    assert_eq!(findings[0]["code"], "M290", "its definitions are read at the start");
    fs::remove_dir_all(running.folder.path("units/home-plan/profiles")).unwrap();
    assert_eq!(running.turned(&["reload", "data"], 0, "unchanged").0, first);
    assert_eq!(running.applied(1)["map"], *first);
}

#[test]
fn a_canary_tells_what_a_new_map_would_make_otherwise() {
    let running = Running::start("maps-canary", 0);
    for number in 0..3 {
        running.applied(number);
    }
    let lens = running.folder.read(LENS);
    for entry in fs::read_dir(running.folder.path("units/home-plan/codes")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        running.folder.file(&format!("next/home-plan/codes/{name}"), fs::read(path).unwrap());
    }
    let check = |lens: &str, options: &[&str], code: i32, expected: &str| {
        running.folder.file("next/home-plan/unit.lens", lens);
        let ran = running.order(&[&["canary", "data", "next", "--unit-dir", "units"], options].concat());
        assert_eq!(ran.code, code, "{}{}", ran.out, ran.err);
        assert!(ran.out.contains(expected), "{}", ran.out);
    };
    check(&lens, &[], 0, "3 equal, 0 different, 0 of other unit systems\n");
    let proposal = lens.replace(PLAN, PROPOSAL);
    check(&proposal, &[], 1, "0 equal, 3 different, 0 of other unit systems\n");
    check(&proposal, &["--last", "1"], 1, "3  home-plan  1 differ\n");
    check(&proposal, &[], 1, "intent: ···· -> ········\n");
    check(&proposal, &["--show-values"], 1, "intent: plan -> proposal\n");
    check(&proposal, &["--format", "json"], 1, "\"different\": 3");
    let without = lens.replace("      client.etunimet <-> pat.name.given\n", "");
    check(&without, &[], 1, "ledger.unexplained: 0 -> ");
    check(&lens.replace("lens \"", "lans \""), &[], 1, "M201 unit.lens:1:1");
    // Nothing of it was taken: the map in force goes on, and no message is another.
    assert_eq!(running.turned(&["reload", "data"], 0, "unchanged").1, Value::Array(Vec::new()));
    assert_eq!(running.folder.run(&["queue", "list", "data"]).out, "no message\n");
}

#[test]
fn a_message_is_shown_step_by_step() {
    let running = Running::start("maps-show", 0);
    running.applied(0);
    let check = |options: &[&str], sections: &[&str], has: &str, lacks: &str| {
        let arguments = [&["queue", "show", "data", "1", "--unit-dir", "units"], options].concat();
        let out = running.folder.run(&arguments).out;
        let found: Vec<&str> = out.lines().filter_map(|line| line.strip_prefix("--- ")).collect();
        assert_eq!(found, sections, "{out}");
        assert!(out.contains(has) && (lacks.is_empty() || !out.contains(lacks)), "{out}");
    };
    let all = ["raw", "tree", "fhir", "target", "ledger"];
    check(&[], &all, "\"carried\":", "1.2.246.537.6.1506");
    check(&["--show-values"], &all, "1.2.246.537.6.1506", "");
    check(&["--target"], &["target"], "\"effect\":\"created\"", "carried");
    check(&["--raw", "--ledger"], &["raw", "ledger"], "\"unexplained\":0", "created\",");
    check(&["--tree"], &["tree"], "rakenneOid = ·", "");
    check(&["--fhir"], &["fhir"], "\"resourceType\"", "");
    let json = running.folder.run(&["queue", "show", "data", "1", "--target", "--format", "json"]).out;
    let value: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["target"]["map"], value["map"]);
    assert!(value["target"]["reference"].as_str().unwrap().starts_with("DocumentReference/"));
    assert!(value.get("raw").is_none());
}

#[test]
fn orders_about_maps_need_an_exchange_that_runs() {
    let mut running = Running::start("maps-none", 0);
    running.applied(0);
    running.process.kill().unwrap();
    running.process.wait().unwrap();
    let ran = running.order(&["reload", "data"]);
    assert!(ran.code == 2 && ran.err.contains("no exchange runs here"), "{}", ran.err);
}
