//! Runs of commands as files: each folder of `tests/cases/COMMAND` holds the documents, the words after `sauma` of one
//! run a line in `arguments`, what the runs say in `expected.txt`, and below `expected/` what they write. `UPDATE=1`
//! writes both anew.

use crate::cli::Folder;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Half past ten on a spring morning: decisions and views have a time.
const NOW: &str = "1773477000";

#[test]
fn matches() {
    of_command("match", 3);
}

#[test]
fn decisions() {
    of_command("decide", 8);
}

#[test]
fn plans_joined_with_decisions() {
    of_command("join", 4);
}

fn of_command(command: &str, least: usize) {
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(command);
    let mut cases: Vec<PathBuf> = fs::read_dir(home).unwrap().map(|folder| folder.unwrap().path()).collect();
    cases.sort();
    assert!(cases.len() >= least, "only {} of {command}", cases.len());
    let faults: Vec<String> = cases.iter().filter_map(|case| check(command, case)).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}

/// What differs from the expected in one folder.
fn check(command: &str, case: &Path) -> Option<String> {
    let name = case.file_name().unwrap().to_string_lossy().into_owned();
    let folder = Folder::new(&format!("case-{command}-{name}"));
    for file in fs::read_dir(case).unwrap().map(|file| file.unwrap().path()).filter(|file| file.is_file()) {
        folder.file(&file.file_name().unwrap().to_string_lossy(), fs::read(&file).unwrap());
    }
    let before = folder.files();
    let mut said = String::new();
    for line in fs::read_to_string(case.join("arguments")).unwrap().lines() {
        let words = words(line);
        let ran = folder.run_at(&words.iter().map(String::as_str).collect::<Vec<_>>(), NOW);
        said += &format!("$ sauma {line}\nexit code {}\n{}{}\n", ran.code, ran.out, ran.err);
    }
    let is_lock = |file: &String| Path::new(file).extension().is_some_and(|ending| ending == "lock");
    let is_new = |file: &String| !before.contains(file) && !is_lock(file);
    let new = folder.files().into_iter().filter(is_new);
    let written: BTreeMap<String, String> = new.map(|file| (file.clone(), folder.read(&file))).collect();
    if std::env::var_os("UPDATE").is_some() {
        fs::write(case.join("expected.txt"), &said).unwrap();
        for (file, text) in &written {
            let path = case.join("expected").join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }
    let expected = fs::read_to_string(case.join("expected.txt")).unwrap_or_default();
    if said != expected {
        return Some(format!("{command}/{name} says\n{said}"));
    }
    let differs = |(file, text): (&String, &String)| {
        let expected = fs::read_to_string(case.join("expected").join(file)).unwrap_or_default();
        (expected != *text).then(|| format!("{command}/{name} writes {file}\n{text}"))
    };
    written.iter().find_map(differs)
}

/// The words of a line; those between single quotes are one.
fn words(line: &str) -> Vec<String> {
    let parts = line.split('\'').enumerate();
    let words = parts.flat_map(|(at, part)| {
        let quoted = at % 2 == 1;
        if quoted { vec![part.to_owned()] } else { part.split_whitespace().map(str::to_owned).collect() }
    });
    words.collect()
}

/// As many runs at once as a meeting may have tabs open: each decides on something else, and none is lost.
#[test]
fn decisions_of_many_runs_at_once_are_all_kept() {
    const RUNS: usize = 12;
    let folder = Folder::new("decide-at-once");
    let goal = |id: usize, unit: &str| {
        format!(
            r#"{{"resource":{{"resourceType":"Goal","id":"g{id}","lifecycleStatus":"active","description":{{"text":"{unit} {id}"}},"subject":{{"reference":"Patient/a"}}}}}}"#
        )
    };
    for unit in ["social", "health"] {
        let goals: Vec<String> = (0..RUNS).map(|id| goal(id, unit)).collect();
        let text = format!(
            r#"{{"resourceType":"Bundle","type":"collection","entry":[{{"resource":{{"resourceType":"CarePlan","id":"p","identifier":[{{"system":"urn:p","value":"{unit}"}}],"status":"active","intent":"plan","subject":{{"reference":"Patient/a"}}}}}},{{"resource":{{"resourceType":"Patient","id":"a","identifier":[{{"system":"urn:oid:1.2.246.21","value":"140379-9128"}}]}}}},{}]}}"#,
            goals.join(",")
        );
        folder.file(&format!("plans/{unit}.json"), text);
    }
    let plan = folder.run(&["join", "plans", "--format", "json"]);
    let bundle: serde_json::Value = serde_json::from_str(&plan.out).unwrap();
    let entries = bundle["entry"].as_array().unwrap().iter().map(|entry| &entry["resource"]);
    let goals = entries.filter(|resource| resource["resourceType"] == "Goal");
    let named: BTreeMap<String, String> = goals
        .map(|goal| {
            let text = goal["description"]["text"].as_str().unwrap().to_owned();
            (text, format!("Goal/{}", goal["id"].as_str().unwrap()))
        })
        .collect();
    let start = |id: usize| {
        let pair = [&named[&format!("social {id}")], &named[&format!("health {id}")]];
        let who = format!("Worker {id}");
        let words = ["decide", "plans", "--same-goal", pair[0], pair[1], "--by", &who, "--reason", "agreed"];
        let mut command = folder.command(&words);
        command.args(["--decisions", "log.ndjson"]).stdout(std::process::Stdio::null()).spawn().unwrap()
    };
    let running: Vec<_> = (0..RUNS).map(start).collect();
    for mut run in running {
        assert!(run.wait().unwrap().success());
    }
    let log = folder.read("log.ndjson");
    let decided = sauma::plan::decision::read(&log).unwrap();
    assert_eq!(decided.len(), RUNS);
    let joined = folder.run(&["join", "plans", "--decisions", "log.ndjson", "--format", "json"]);
    assert_eq!(joined.out.matches(r#""resourceType": "Goal""#).count(), RUNS);
}
