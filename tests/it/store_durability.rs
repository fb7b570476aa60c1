//! What was answered as written is there, whatever happens to the process or to the disk.

use crate::store_engines::{Database, Folder, cluster, runtime};
use sauma::search::{Clause, Key, Search, Selection, Slot, Total};
use sauma::store::{
    Commit, CommitError, Durability, Expect, Method, Name, Sqlite, SqliteOptions, Store, StoreError, Tenant,
    Write,
};
use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::ffi::OsStr;
use std::future::poll_fn;
use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::{Child, Command, Stdio};
use std::task::Poll;

const TENANT: Tenant = Tenant(1);
/// Writers of a child, each of which waits for its own commit, where nobody asks for more.
const WRITERS: usize = 8;
/// Writers of a child that is killed: many, so that there are many commits for each sync.
const KILLED_WRITERS: &str = "64";
/// Rounds after which every commit is looked for, not those of the last round alone.
const ROUNDS_OF_ALL: u64 = 50;
/// Commits of one writer of a child, more than it ever comes to.
const COMMITS: u64 = 100_000;

/// How often a process is killed and the power cut: 100 times for each change, 2,000 times before a release.
fn rounds() -> u64 {
    env::var("SAUMA_STORE_ROUNDS").map_or(100, |rounds| rounds.parse().unwrap())
}

fn one(id: &str, version: u64) -> Commit {
    let text = format!("{{\"resourceType\":\"Goal\",\"id\":\"{id}\",\"text\":\"{}\"}}", "x".repeat(1_000));
    let hash = i64::try_from(version).unwrap();
    let write = Write {
        name: Name::new("Goal", id),
        version,
        updated: hash,
        method: Method::Put,
        document: Some(text.into_bytes().into()),
        client: None,
        keys: vec![Key::Hash { slot: Slot(1), hash: 1 }, Key::Hash { slot: Slot(2), hash }],
    };
    Commit { tenant: TENANT, writes: vec![write], ..Commit::default() }
}

fn tell(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n{line}").unwrap();
    out.flush().unwrap();
}

fn options(path: &Path) -> SqliteOptions {
    let mut options = SqliteOptions::new(path);
    if env::var_os("SAUMA_STORE_RELAXED").is_some() {
        options.durability = Durability::Relaxed;
    }
    options
}

/// The child of the tests below: writes until it is killed, and tells of each commit once it is answered.
#[test]
fn writes_until_killed() {
    let Some(path) = env::var_os("SAUMA_STORE_CHILD") else { return };
    let first: u64 = env::var("SAUMA_STORE_FIRST").unwrap().parse().unwrap();
    let writers = env::var("SAUMA_STORE_WRITERS").map_or(WRITERS, |writers| writers.parse().unwrap());
    runtime().block_on(async {
        let store = Sqlite::open(&options(Path::new(&path))).unwrap();
        let writers = (0..writers).map(|writer| {
            let store = &store;
            Box::pin(async move {
                for n in first..first + COMMITS {
                    // Each resource is made, and each third changed once.
                    let id = format!("{writer}-{n}");
                    for version in 1..=1 + u64::from(n % 3 == 0) {
                        match store.commit(one(&id, version)).await {
                            Ok(_) => tell(&format!("ack {id} {version}")),
                            Err(error) => {
                                tell(&format!("no {id} {} {}", error.code().id, store.takes_writes()))
                            }
                        }
                    }
                }
            }) as Pin<Box<dyn Future<Output = ()>>>
        });
        let mut open: Vec<_> = writers.collect();
        poll_fn(|context| {
            open.retain_mut(|writer| writer.as_mut().poll(context).is_pending());
            if open.is_empty() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    });
}

/// The newest version of each resource that was answered as written: of all rounds, and of the last one.
#[derive(Default)]
struct Acknowledged {
    all: BTreeMap<String, u64>,
    fresh: BTreeMap<String, u64>,
}

impl Acknowledged {
    fn note(&mut self, line: &str) -> bool {
        let mut words = line.split_whitespace();
        let (Some("ack"), Some(id), Some(version)) = (words.next(), words.next(), words.next()) else {
            return false;
        };
        let version: u64 = version.parse().unwrap();
        for known in [&mut self.all, &mut self.fresh] {
            let newest = known.entry(id.to_owned()).or_default();
            *newest = version.max(*newest);
        }
        true
    }

    /// How many are not there as they were answered.
    async fn lost(&self, store: &Sqlite) -> usize {
        lost(&self.all, store).await
    }
}

async fn lost(acknowledged: &BTreeMap<String, u64>, store: &Sqlite) -> usize {
    let mut lost = 0;
    for (id, version) in acknowledged {
        let record = store.read(TENANT, &Name::new("Goal", id)).await.unwrap();
        lost += usize::from(record.is_none_or(|record| record.version < *version));
    }
    lost
}

fn child(path: &Path, first: u64, program: &[&OsStr], settings: &[(&str, &OsStr)]) -> Child {
    let own = env::current_exe().unwrap();
    let mut words = program.to_vec();
    words.push(own.as_os_str());
    Command::new(words[0])
        .args(&words[1..])
        .args(["store_durability::writes_until_killed", "--exact", "--nocapture", "--test-threads=1"])
        .env("SAUMA_STORE_CHILD", path)
        .env("SAUMA_STORE_FIRST", first.to_string())
        .envs(settings.iter().copied())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Runs a child until it has told of some commits, then kills it.
fn run_and_kill(mut child: Child, commits: usize, acknowledged: &mut Acknowledged) -> usize {
    let mut told = 0;
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        told += usize::from(acknowledged.note(&line.unwrap()));
        if told == commits {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    told
}

#[test]
fn a_killed_process_loses_nothing() {
    let folder = Folder::new();
    let mut acknowledged = Acknowledged::default();
    let mut told = 0;
    let many = [("SAUMA_STORE_WRITERS", OsStr::new(KILLED_WRITERS))];
    for round in 0..rounds() {
        let child = child(&folder.file(), round * COMMITS, &[], &many);
        acknowledged.fresh.clear();
        let commits = usize::try_from(200 + round * 37 % 700).unwrap();
        told += run_and_kill(child, commits, &mut acknowledged);
        let is_last = round + 1 == rounds();
        runtime().block_on(async {
            let store = Sqlite::open(&options(&folder.file())).unwrap();
            assert_eq!(lost(&acknowledged.fresh, &store).await, 0, "round {round}");
            if !is_last && round % ROUNDS_OF_ALL != 0 {
                return;
            }
            assert_eq!(acknowledged.lost(&store).await, 0, "round {round}");
            let selection = Selection {
                types: vec!["Goal".to_owned()],
                clause: Clause::Hash { slot: Slot(1), hashes: vec![1] },
                exact: None,
            };
            let mut search = Search::of(selection);
            search.total = Total::Accurate;
            let total = store.search(TENANT, &search).await.unwrap().total.unwrap();
            let least = acknowledged.all.len() as u64;
            // At most one commit of each writer was under way when the process was killed.
            let most = least + (round + 1) * KILLED_WRITERS.parse::<u64>().unwrap();
            assert!((least..=most).contains(&total), "round {round}: the index has {total}, not {least}");
            store.check().await.unwrap();
        });
    }
    println!("{} rounds, {told} acknowledged, 0 lost", rounds());
}

/// Whether a program is there and may do what it is for.
fn can_run(program: &str, words: &[&str]) -> bool {
    let run = Command::new(program).args(words).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let can = run.is_ok_and(|status| status.success());
    if !can {
        println!("skipped: `{program}` cannot be used here");
    }
    can
}

/// What a child tells under a fault that strace makes: its lines from the first refusal on, and how many of them.
fn under_fault(
    folder: &Folder,
    fault: &str,
    lines_max: usize,
    acknowledged: &mut Acknowledged,
) -> Vec<String> {
    // Only the calls in question are stopped at, so that the child keeps its pace.
    let (calls, _) = fault.split_once(':').unwrap();
    let (trace, inject) = (format!("trace={calls}"), format!("inject={fault}"));
    let program = ["strace", "-f", "-qq", "--seccomp-bpf", "-e", &trace, "-e", &inject].map(OsStr::new);
    let mut child = child(&folder.file(), 0, &program, &[]);
    let mut after = Vec::new();
    let mut is_killed = false;
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        let is_told = acknowledged.note(&line) || line.starts_with("no ");
        if after.len() < lines_max && is_told && (!after.is_empty() || line.starts_with("no ")) {
            after.push(line);
        }
        if after.len() == lines_max && !std::mem::replace(&mut is_killed, true) {
            // strace ends once it has seen the end of what it started.
            let traced = traced_by(child.id()).expect("strace runs what it was given");
            drop(Command::new("kill").args(["-9", &traced]).status());
        }
    }
    child.wait().unwrap();
    after
}

/// The process that a process started.
fn traced_by(parent: u32) -> Option<String> {
    let children = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).ok()?;
    children.split_whitespace().next().map(ToOwned::to_owned)
}

#[test]
fn after_a_failed_sync_nothing_is_written() {
    if !can_run("strace", &["-f", "-qq", "--seccomp-bpf", "-e", "trace=fsync", "true"]) {
        return;
    }
    for n in [40, 60, 75] {
        let folder = Folder::new();
        let mut acknowledged = Acknowledged::default();
        let fault = format!("fsync,fdatasync:error=EIO:when={n}");
        let after = under_fault(&folder, &fault, 60, &mut acknowledged);
        assert_eq!(after.len(), 60, "sync {n}: no commit was refused");
        // An answer from before the fault may be told after it, but by a writer that was not refused yet.
        let mut refused = BTreeSet::new();
        for line in &after {
            let writer = line.split([' ', '-']).nth(1);
            if line.starts_with("no ") {
                assert!(line.ends_with(" S203 false"), "sync {n}: {line}");
                refused.insert(writer);
            } else {
                assert!(!refused.contains(&writer), "sync {n}: {line} after a refusal");
            }
        }
        runtime().block_on(async {
            let store = Sqlite::open(&options(&folder.file())).unwrap();
            assert_eq!(acknowledged.lost(&store).await, 0, "sync {n}");
            store.check().await.unwrap();
        });
    }
}

#[test]
fn a_full_disk_refuses_until_there_is_room() {
    if !can_run("strace", &["-f", "-qq", "--seccomp-bpf", "-e", "trace=fsync", "true"]) {
        return;
    }
    let folder = Folder::new();
    let mut acknowledged = Acknowledged::default();
    let after = under_fault(&folder, "pwrite64:error=ENOSPC:when=900..915", 400, &mut acknowledged);
    assert_eq!(after.len(), 400, "no commit was refused");
    let refused = after.iter().filter(|line| line.starts_with("no ")).count();
    assert!(
        after.iter().filter(|line| line.starts_with("no ")).all(|line| line.ends_with(" S202 true")),
        "{after:?}"
    );
    assert!(refused < after.len(), "it recovers without a restart");
    runtime().block_on(async {
        let store = Sqlite::open(&options(&folder.file())).unwrap();
        assert_eq!(acknowledged.lost(&store).await, 0);
        store.check().await.unwrap();
    });
}

/// A library that copies each file when it is synced: what a loss of power leaves at the least.
fn power_cut_library(folder: &Folder) -> Option<PathBuf> {
    let shared = env::var_os("SAUMA_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    let source = shared.join("tools/shadow.c");
    if !source.is_file() {
        println!("skipped: no {}", source.display());
        return None;
    }
    let library = folder.path().join("shadow.so");
    let words = ["-shared", "-fPIC", "-O1", "-o", library.to_str()?, source.to_str()?, "-ldl"];
    can_run("cc", &words).then_some(library)
}

/// Acknowledged commits that a loss of power takes, of how many.
fn power_cut(round: u64, durability: Durability, library: &Path) -> (usize, usize) {
    let folder = Folder::new();
    let disk = folder.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let mut settings = vec![("LD_PRELOAD", library.as_os_str()), ("SHADOW_DIR", disk.as_os_str())];
    if durability == Durability::Relaxed {
        settings.push(("SAUMA_STORE_RELAXED", OsStr::new("1")));
    }
    let mut acknowledged = Acknowledged::default();
    let child = child(&folder.file(), 0, &[], &settings);
    let told = run_and_kill(child, usize::try_from(30 + round * 53 % 150).unwrap(), &mut acknowledged);
    let lost = runtime().block_on(async {
        match Sqlite::open(&SqliteOptions::new(disk.join("store.db"))) {
            Ok(store) => {
                store.check().await.unwrap();
                acknowledged.lost(&store).await
            }
            Err(_) => acknowledged.all.len(),
        }
    });
    (lost, told)
}

#[test]
fn a_loss_of_power_takes_nothing_that_was_answered() {
    let folder = Folder::new();
    let Some(library) = power_cut_library(&folder) else { return };
    let mut told = 0;
    for round in 0..rounds() {
        let (lost, of) = power_cut(round, Durability::Full, &library);
        assert_eq!(lost, 0, "round {round}");
        told += of;
    }
    println!("{} rounds, {told} acknowledged, 0 lost", rounds());
    // The control: without a sync at each commit the same harness must see a loss.
    let (lost, told) = power_cut(3, Durability::Relaxed, &library);
    assert!(lost > 0, "the harness sees no loss of {told} where there must be one");
    println!("without a sync at each commit: {lost} of {told} lost");
}

/// The connections of a database are cut again and again: nothing is lost, and nothing is written twice.
#[test]
fn cut_connections_lose_and_double_nothing() {
    let (Some(database), Some(address)) = (Database::named("cut"), cluster()) else { return };
    runtime().block_on(async {
        let store = database.open().await;
        let (client, connection) = tokio_postgres::connect(address, tokio_postgres::NoTls).await.unwrap();
        drop(tokio::spawn(connection));
        let name = Name::new("Goal", "count");
        store.commit(one("count", 1)).await.unwrap();
        let mut written = 1;
        let rounds = rounds().div_ceil(5);
        for round in 0..rounds {
            let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'cut' \
                AND state <> 'idle'";
            for step in 0..10 {
                let version = written + 1;
                let commit = Commit {
                    expects: vec![Expect::Version(name.clone(), Some(written))],
                    ..one("count", version)
                };
                let mut cutting = Box::pin(async {
                    // A different moment of the transaction each time.
                    for _ in 0..(round + step) % 7 {
                        tokio::task::yield_now().await;
                    }
                    drop(client.query(cut, &[]).await);
                });
                let mut writing = Box::pin(store.commit(commit));
                let mut is_cut = false;
                let outcome = poll_fn(|context| {
                    is_cut = is_cut || cutting.as_mut().poll(context).is_ready();
                    writing.as_mut().poll(context)
                })
                .await;
                match outcome {
                    Ok(_) => written = version,
                    Err(CommitError::Store(StoreError::Busy)) => {}
                    Err(error) => panic!("{error}"),
                }
                let newest = loop {
                    match store.read(TENANT, &name).await {
                        Ok(record) => break record.unwrap().version,
                        Err(error) => assert_eq!(error, StoreError::Busy),
                    }
                };
                assert_eq!(newest, written, "round {round}");
            }
        }
        assert!(written > rounds, "most commits go through");
    });
}
