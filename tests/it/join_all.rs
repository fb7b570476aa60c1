//! Many clients in one run: whose plans are joined, what stops one of them, and that it stops nobody else.

use crate::cli::Folder;
use serde_json::{Value, json};

const SOCIAL: &str = include_str!("../../src/cli/demo/social-services.json");
const HEALTH: &str = include_str!("../../src/cli/demo/health-centre.xml");
const NGO: &str = include_str!("../../src/cli/demo/ngo.json");

/// A published test code, and the birth date that it tells.
const OTHER: (&str, &str, &str) = ("010594Y9032", "1994-05-01", "19940501");

fn of_other(text: &str) -> String {
    text.replace("240986-918J", OTHER.0).replace("1986-09-24", OTHER.1).replace("19860924", OTHER.2)
}

fn lines(lines: &[(&str, &str, &str)]) -> String {
    let line = |(client, name, document): &(&str, &str, &str)| {
        format!("{}\n", json!({"client": client, "name": name, "document": document}))
    };
    lines.iter().map(line).collect()
}

/// Runs over `clients`, and gives the exit code, the plans that were written, and what was said.
fn check(folder: &Folder, clients: &str, code: i32, plans: &[&str]) -> String {
    let ran = folder.run(&["join-all", clients, "--out-dir", "plans"]);
    let mut written: Vec<String> = folder.files();
    written.retain(|file| file.starts_with("plans/"));
    written.sort();
    assert_eq!(
        (ran.code, written),
        (code, plans.iter().map(|plan| format!("plans/{plan}")).collect()),
        "{}",
        ran.err
    );
    assert_eq!(ran.out, "");
    ran.err
}

fn bundle(folder: &Folder, plan: &str) -> Value {
    serde_json::from_str(&folder.read(plan)).unwrap()
}

#[test]
fn each_folder_is_a_client_and_one_alone_fails() {
    let folder = Folder::new("join-all-folders");
    folder.file("clients/b/social.json", of_other(SOCIAL)).file("clients/b/deep/ngo.json", of_other(NGO));
    folder.file("clients/a/social.json", SOCIAL).file("clients/a/health.xml", HEALTH);
    folder.file("clients/c/social.json", SOCIAL).file("clients/c/ngo.json", of_other(NGO));
    folder.file("clients/d/broken.json", "{").file("clients/d/social.json", SOCIAL);
    let said = check(&folder, "clients", 1, &["a.json", "b.json"]);
    assert!(said.contains("clients/d/broken.json") && said.contains("about another client"), "{said}");
    assert!(said.contains("2 of 4 clients joined; 2 errors, 1 warning"), "{said}");
    // A client's plan is what `join` makes of the same documents.
    let alone = folder.run(&["join", "clients/a", "--format", "json"]);
    let alone: Value = serde_json::from_str(&alone.out).unwrap();
    assert_eq!(bundle(&folder, "plans/a.json"), alone);
}

#[test]
fn documents_beside_each_other_go_by_the_code_of_their_client() {
    let folder = Folder::new("join-all-codes");
    folder.file("clients/1.json", SOCIAL).file("clients/2.json", of_other(NGO)).file("clients/3.xml", HEALTH);
    folder.file("clients/4.json", of_other(SOCIAL)).file("clients/notes.txt", "no document");
    check(&folder, "clients", 0, &["1.json", "2.json"]);
    assert!(folder.read("plans/2.json").contains(OTHER.0) && !folder.read("plans/1.json").contains(OTHER.0));
}

#[test]
fn lines_name_their_client() {
    let folder = Folder::new("join-all-lines");
    let text = lines(&[
        ("a", "social.json", SOCIAL),
        ("a", "health.xml", HEALTH),
        ("b", "ngo.json", &of_other(NGO)),
        ("c", "broken.json", "{"),
        ("d", "ngo.json", NGO),
        ("a", "ngo.json", NGO),
        ("../e", "ngo.json", NGO),
        ("f", "ngo.json", NGO),
        ("g", "ngo.json", NGO),
    ]);
    folder.file("clients.ndjson", text);
    // What stands beside a line that says not whose it is may lack that line.
    let said = check(&folder, "clients.ndjson", 1, &["a.json", "b.json", "d.json", "g.json"]);
    for word in ["comes twice", "no name of a file", "clients.ndjson:7", "broken.json"] {
        assert!(said.contains(word), "{word}: {said}");
    }
}

#[test]
fn programs_are_told_of_every_client() {
    let folder = Folder::new("join-all-report");
    folder.file("clients.ndjson", lines(&[("a", "s.json", SOCIAL), ("b", "x.json", "{")]));
    let ran = folder.run(&["join-all", "clients.ndjson", "--out-dir", "plans", "--format", "json"]);
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((ran.code, &report["summary"]["failed"]), (1, &json!(1)));
    let told = |at: usize| (report["documents"][at]["client"].clone(), report["documents"][at]["ok"].clone());
    assert_eq!([told(0), told(1)], [(json!("a"), json!(true)), (json!("b"), json!(false))]);
}
