//! What the store costs, in microseconds of processor time of the whole process for each operation, all of one run:
//! commits of one create each, alone and 64 at a time, reads from memory and from the file, a search with 20 hits.
//!
//! `cargo bench --bench store`. Processor time is what to compare; the time on the clock depends on the disk.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark ends where it fails, and prints")]

use cpu_time::ProcessTime;
use sauma::search::{Clause, Key, Search, Selection, Slot, reference_hash};
use sauma::store::{Commit, Method, Name, Sqlite, SqliteOptions, Store, Tenant, Write};
use std::hint::black_box;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

const TENANT: Tenant = Tenant(1);
/// Bytes of one plan.
const PLAN_BYTES: usize = 2_048;
/// Plans of one patient.
const PLANS: i64 = 20;
/// The reference parameter that names the patient.
const SUBJECT: Slot = Slot(99);
/// Clients that write at once.
const CLIENTS: u32 = 64;

/// A plan with 24 keys, as that of the published measurement: 18 tokens and references, 4 dates, 2 texts.
fn plan(number: i64) -> Write {
    let mixed =
        |salt: i64| (number.wrapping_mul(31) + salt).wrapping_mul(0x9E37_79B9_7F4A_7C15_u64.cast_signed());
    let hash = |slot: u32, hash| Key::Hash { slot: Slot(slot), hash };
    let patient = (number / PLANS).to_string();
    let mut keys = vec![Key::Hash { slot: SUBJECT, hash: reference_hash("Patient", &patient) }];
    keys.extend((0..9).map(|slot| hash(slot, mixed(i64::from(slot)))));
    keys.extend((10..18).map(|slot| hash(slot, mixed(i64::from(slot)) % 50)));
    keys.extend((20..24).map(|slot| Key::Range {
        slot: Slot(slot),
        unit: 0,
        low: number,
        high: number + 86_400,
    }));
    keys.extend((30..32).map(|slot| Key::Text { slot: Slot(slot), text: format!("plan {:x}", mixed(7)) }));
    let id = format!("01999999-{number:012x}");
    let mut text = format!(
        "{{\"resourceType\":\"CarePlan\",\"id\":\"{id}\",\"subject\":\"Patient/{patient}\",\"text\":\""
    );
    text.extend(std::iter::repeat_n('x', PLAN_BYTES - 2 - text.len()));
    text += "\"}";
    Write {
        name: Name::new("CarePlan", id),
        version: 1,
        updated: number,
        method: Method::Post,
        document: Some(text.into_bytes().into()),
        client: Some(patient),
        keys,
    }
}

fn create(number: i64) -> Commit {
    Commit { tenant: TENANT, writes: vec![plan(number)], ..Commit::default() }
}

/// Runs some operations and prints what one costs.
async fn measure(name: &str, count: u32, work: impl Future<Output = ()>) {
    let (processor, clock) = (ProcessTime::now(), Instant::now());
    work.await;
    let (processor, clock) = (processor.elapsed(), clock.elapsed());
    let each = |time: std::time::Duration| time.as_secs_f64() * 1e6 / f64::from(count);
    println!("{name:<44} {:>9.1} us CPU {:>9.0}/s", each(processor), 1e6 / each(clock));
}

/// Waits for futures, each polled only as often as any of them moves.
async fn all(futures: Vec<Pin<Box<dyn Future<Output = ()> + '_>>>) {
    let mut open = futures;
    std::future::poll_fn(|context| {
        open.retain_mut(|future| future.as_mut().poll(context).is_pending());
        if open.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

async fn run(store: &Arc<Sqlite>) {
    let mut next = 0_i64;
    measure("create, one commit at a time", 500, async {
        for number in 0..500 {
            store.commit(create(number)).await.unwrap();
        }
    })
    .await;
    next += 500;
    for turn in 0..3 {
        let each = 300;
        let count = CLIENTS * each;
        // Prepared beforehand: what is measured is the store.
        let mut prepared: Vec<Vec<Commit>> = Vec::new();
        for client in 0..CLIENTS {
            let first = next + i64::from(client * each);
            prepared.push((first..first + i64::from(each)).map(create).collect());
        }
        next += i64::from(count);
        measure(&format!("create, {CLIENTS} clients at once, turn {turn}"), count, async {
            let mut tasks = Vec::new();
            for commits in prepared {
                let store = Arc::clone(store);
                tasks.push(tokio::spawn(async move {
                    for commit in commits {
                        store.commit(commit).await.unwrap();
                    }
                }));
            }
            all(tasks
                .into_iter()
                .map(|task| Box::pin(async { task.await.unwrap() }) as Pin<Box<_>>)
                .collect())
            .await;
        })
        .await;
    }
    let name = Name::new("CarePlan", format!("01999999-{:012x}", next - 1));
    measure("read from memory", 500_000, async {
        for _ in 0..500_000 {
            black_box(store.read(TENANT, &name).await.unwrap());
        }
    })
    .await;
    let patients = next / PLANS;
    measure("search by patient, 20 hits", 10_000, async {
        for turn in 0..10_000 {
            let patient = (turn * 7_919 % patients).to_string();
            let clause = Clause::Hash { slot: SUBJECT, hashes: vec![reference_hash("Patient", &patient)] };
            let selection = Selection { types: vec!["CarePlan".to_owned()], clause, exact: None };
            let found = store.search(TENANT, &Search::of(selection)).await.unwrap();
            assert_eq!(found.records.len(), 20);
        }
    })
    .await;
    measure("search by patient and status", 5_000, async {
        for turn in 0..5_000 {
            let patient = (turn * 7_919 % patients).to_string();
            let hash = |slot, hash| Clause::Hash { slot, hashes: vec![hash] };
            let clause =
                Clause::All(vec![hash(Slot(12), 7), hash(SUBJECT, reference_hash("Patient", &patient))]);
            let selection = Selection { types: vec!["CarePlan".to_owned()], clause, exact: None };
            black_box(store.search(TENANT, &Search::of(selection)).await.unwrap());
        }
    })
    .await;
}

fn main() {
    let folder: PathBuf = std::env::temp_dir().join(format!("sauma-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let store = Arc::new(Sqlite::open(&SqliteOptions::new(folder.join("store.db"))).unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(run(&store));
    drop(store);
    let bytes = std::fs::metadata(folder.join("store.db")).unwrap().len();
    println!("size of the file: {} MB", bytes / 1_000_000);
    std::fs::remove_dir_all(&folder).unwrap();
}
