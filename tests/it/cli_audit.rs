//! A server that runs, its audit beside it, backups out of it, and what becomes of a log that somebody edits.

use crate::cli::Folder;
use rusqlite::Connection;
use sauma::store::{AnyStore, Findable, Sqlite, SqliteOptions, dump, restore};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A server in a process of its own.
struct Serving {
    child: Child,
    address: String,
}

impl Serving {
    fn start(data: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_sauma"))
            .args(["serve", "--dev", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let told = lines.map(Result::unwrap).find(|line| line.contains("http://")).unwrap();
        let address = told.split("http://").nth(1).unwrap().split('/').next().unwrap().to_owned();
        Self { child, address }
    }

    fn put_patient(&self, id: &str) {
        let body = format!(r#"{{"resourceType":"Patient","id":"{id}","name":[{{"family":"Virtanen"}}]}}"#);
        let head = format!(
            "PUT /fhir/Patient/{id} HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Type: application/fhir+json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    }

    fn end(mut self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        assert!(self.child.wait().unwrap().success());
    }
}

fn dumped(path: &Path) -> Vec<u8> {
    crate::store_engines::runtime().block_on(async {
        let store = Sqlite::open(&SqliteOptions::new(path)).unwrap();
        let mut text = Vec::new();
        dump(&store, &mut text).await.unwrap();
        text
    })
}

fn edit(path: &Path, sql: &str) {
    Connection::open(path).unwrap().execute_batch(sql).unwrap();
}

#[test]
fn a_running_store_is_backed_up_checked_and_brought_back() {
    let folder = Folder::new("audit");
    let data = folder.path("data");
    let serving = Serving::start(&data);
    for n in 0..5 {
        serving.put_patient(&format!("pat-{n}"));
    }
    let check = |arguments: &[&str], code: i32, told: &str| {
        let ran = folder.run(arguments);
        assert_eq!(ran.code, code, "{arguments:?}: {}{}", ran.out, ran.err);
        assert!(ran.out.contains(told) || ran.err.contains(told), "{arguments:?}: {}{}", ran.out, ran.err);
    };
    check(&["audit", "verify", "data"], 0, "5 entries are as they were written; 0 checkpoints hold");
    check(&["backup", "monday.db", "--data", "data"], 0, "sound");
    serving.put_patient("pat-5");
    serving.end();
    check(&["audit", "verify", "data"], 0, "6 entries are as they were written; 1 checkpoints hold");
    check(&["audit", "list", "data", "--client", "pat-1"], 0, " C 0");
    check(
        &["audit", "list", "data", "--show-values", "--lang", "fi"],
        0,
        "tuntematon tallensi henkilötiedot.",
    );
    check(&["restore", "monday.db", "--data", "new"], 0, "sound");
    check(&["restore", "monday.db", "--data", "new"], 2, "there is a store already");
    let monday = dumped(&folder.path("monday.db"));
    assert_eq!(dumped(&folder.path("new/sauma.db")), monday);
    // Through a dump, every byte comes back as well, and the dump can be checked by itself.
    folder.file("monday.ndjson", &monday);
    check(&["audit", "verify", "monday.ndjson"], 0, "5 entries");
    check(&["restore", "monday.ndjson", "--data", "third"], 0, "5 versions, 5 entries of logs");
    assert_eq!(dumped(&folder.path("third/sauma.db")), monday);
    let other = String::from_utf8(monday).unwrap().replacen(
        "\"log\":\"audit\",\"tenant\":0,\"place\":3",
        "\"log\":\"audit\",\"tenant\":0,\"place\":4",
        1,
    );
    folder.file("other.ndjson", other);
    check(&["audit", "verify", "other.ndjson"], 1, "S212");
    check(&["restore", "other.ndjson", "--data", "fourth"], 1, "S219");
    // What somebody edits is found, and what was cut off, by the checkpoint.
    let store = data.join("sauma.db");
    edit(&store, "UPDATE note SET time = time + 1 WHERE place = 4");
    check(&["audit", "verify", "data"], 1, "S213");
    check(&["audit", "verify", "data", "--format", "json"], 1, "\"entry\": 4");
    edit(&store, "UPDATE note SET time = time - 1 WHERE place = 4");
    check(&["audit", "verify", "data"], 0, "6 entries");
    edit(
        &store,
        "DELETE FROM note WHERE place > 4; DELETE FROM person WHERE place > 4; \
         INSERT OR REPLACE INTO chain SELECT tenant, log, place, hash FROM note WHERE place = 4",
    );
    check(&["audit", "verify", "data"], 1, "entry 5");
    check(&["audit", "verify", "none"], 3, "none");
}

#[test]
fn a_store_of_some_size_is_the_same_before_and_after() {
    use sauma::store::{Commit, Method, Name, Note, Person, Store, Tenant, Write, client_hash};
    let folder = Folder::new("audit-size");
    let (first, second) = (folder.path("first.db"), folder.path("second.db"));
    crate::store_engines::runtime().block_on(async {
        let store = AnyStore::Sqlite(Sqlite::open(&SqliteOptions::new(&first)).unwrap());
        for batch in 0..10 {
            let write = |n: u32| Write {
                name: Name::new("CarePlan", format!("p{batch}-{n}")),
                version: 1,
                updated: i64::from(n),
                method: Method::Post,
                document: Some(
                    format!("{{\"resourceType\":\"CarePlan\",\"id\":\"p{batch}-{n}\"}}").into_bytes().into(),
                ),
                client: None,
                keys: Vec::new(),
            };
            let note = |n: u32| Note {
                log: "audit".to_owned(),
                time: i64::from(n),
                entry: format!("{{\"resourceType\":\"AuditEvent\",\"n\":{n}}}").into_bytes().into(),
                person: Some(Person::new(client_hash(Tenant(0), "a"), b"[]".as_slice().into()).unwrap()),
            };
            let commit = Commit {
                writes: (0..100).map(write).collect(),
                notes: (0..100).map(note).collect(),
                ..Commit::default()
            };
            store.commit(commit).await.unwrap();
        }
        let mut text = Vec::new();
        assert_eq!(dump(&store, &mut text).await.unwrap(), 1_000);
        let other = AnyStore::Sqlite(Sqlite::open(&SqliteOptions::new(&second)).unwrap());
        let restored = restore(&other, &mut text.as_slice(), |_, _| Findable::default()).await.unwrap();
        assert_eq!((restored.versions, restored.notes), (1_000, 1_000));
    });
    assert_eq!(dumped(&first), dumped(&second));
}
