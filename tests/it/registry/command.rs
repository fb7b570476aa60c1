//! `sauma registry simulate` as a vendor's CI runs it.

use super::playing::{CLIENT, Playing, change, runtime};
use crate::cli::Folder;
use sauma::exchange::registry::Registry;
use sauma::exchange::registry::kanta::Action;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

/// Runs the simulator for a number of requests, sends them, and gives the exit code and standard output.
fn simulate(arguments: &[&str], requests: &[&str], folder: &std::path::Path) -> (i32, String) {
    let count = requests.len().to_string();
    let mut child = Command::new(env!("CARGO_BIN_EXE_sauma"))
        .current_dir(folder)
        .args(["registry", "simulate", "--listen", "127.0.0.1:0", "--requests", &count, "--seconds", "30"])
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("http://").unwrap().split('/').next().unwrap().to_owned();
    for request in requests {
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        drop(stream.read_to_end(&mut Vec::new()));
    }
    let output = child.wait_with_output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

const WRONG: &str =
    "GET /fhir/Consent?patient:identifier=131052-308T HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
const RIGHT: &str = "GET /fhir/metadata HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAccept: application/fhir+json\r\n\
    X-Request-Id: a\r\nAuthorization: Bearer eyJhbGciOiJFUzM4NCJ9.eyJpc3MiOiJ4IiwiYXVkIjoieSIsImp0aSI6ImEiLCJleHAiOjQxMDI0NDQ4MDB9.c2ln\r\n\r\n";

#[test]
fn what_a_client_did_wrong_is_told_in_every_form() {
    let folder = Folder::new("registry-simulate");
    folder.file("x", "");
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("cli-registry-simulate");
    let (code, out) =
        simulate(&["--report", "junit=junit.xml", "--report", "json=run.json"], &[WRONG], &path);
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("REG-001 a personal identity code stands in an address"), "{out}");
    assert!(!out.contains("131052"), "{out}");
    let junit = folder.read("junit.xml");
    assert!(junit.contains("REG-001") && junit.contains("failure") && !junit.contains("131052"), "{junit}");
    let run: serde_json::Value = serde_json::from_str(&folder.read("run.json")).unwrap();
    assert!(run.to_string().contains("REG-020"), "{run}");

    let (code, out) = simulate(&["--format", "json"], &[RIGHT], &path);
    // A token of years is told as a warning.
    assert_eq!(code, 0, "{out}");
    let (code, out) = simulate(&["--lang", "fi"], &[WRONG], &path);
    assert!(code == 1 && out.contains("osoitteessa on henkilötunnus"), "{out}");
    let (code, _) = simulate(&[], &[], &path);
    assert_eq!(code, 4);
}

#[test]
fn rules_and_misbehaviour_are_data() {
    let folder = Folder::new("registry-data");
    folder.file(
        "faults.toml",
        "[[fault]]\nname = 'teapot'\non = 'any'\ntimes = 1\nstatus = 418\nen = 'a'\nfi = 'b'\nsv = 'c'\n",
    );
    folder.file(
        "rules.toml",
        "[[rule]]\nid = 'OWN-1'\non = ['any']\nheader = { name = 'x-own', pattern = '^1$' }\nsource = 'ours'\nen = 'no x-own'\nfi = 'b'\nsv = 'c'\n",
    );
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("cli-registry-data");
    let (code, out) = simulate(&["--rules", "rules.toml", "--faults", "faults.toml"], &[RIGHT], &path);
    assert!(code == 1 && out.contains("OWN-1 no x-own"), "{out}");
    let run = |arguments: &[&str]| {
        let output =
            Command::new(env!("CARGO_BIN_EXE_sauma")).args(arguments).current_dir(&path).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, out) = run(&["registry", "simulate", "--list"]);
    assert!(code == 0 && out.contains("REG-070 H error") && out.contains("empty-bundle:"), "{out}");
    folder.file("rules.toml", "[[rule]]\nid = 'OWN-1'\non = ['any']\nholds = 'Bundle.('\nsource = 'o'\nen = 'a'\nfi = 'b'\nsv = 'c'\n");
    assert_eq!(run(&["registry", "simulate", "--rules", "rules.toml"]).0, 2);
    assert_eq!(run(&["registry", "simulate", "--faults", "nothing-of-the-kind"]).0, 2);
}

#[test]
fn the_registry_is_asked_and_says_yes_or_no_or_nothing() {
    let folder = Folder::new("registry-ask");
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("cli-registry-ask");
    let playing = Playing::start();
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    let settings = format!(
        "[link]\nbase = \"{}\"\n[token]\nissuer = \"x\"\nkey = \"key.pem\"\nkey_id = \"k\"\n[retry]\nattempts_max = 1\n",
        playing.base()
    );
    folder.file("kanta.toml", settings).file("key.pem", key.serialize_pem());
    let check = |code: i32, out: &str| {
        let mut child = Command::new(env!("CARGO_BIN_EXE_sauma"))
            .current_dir(&path)
            .args(["registry", "ask", "--config", "kanta.toml", "--direction", "health-to-social"])
            .args(["--recipient", "3221308-6"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(format!("{CLIENT}\n").as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let (told, err) = (text(output.stdout), text(output.stderr));
        assert_eq!((output.status.code().unwrap(), told.trim()), (code, out), "{err}");
        assert!(!err.contains(CLIENT), "{err}");
    };
    check(1, "no");
    runtime().block_on(playing.client().tell_permission(&change(Action::Give))).unwrap();
    check(0, "yes");
    playing.misbehave("empty-bundle");
    check(1, "no");
    playing.misbehave("bad-json");
    check(3, "not to be said, which permits nothing");
    assert_eq!(playing.simulator().breaches(), []);
}
