//! What a message costs from end to end: kept in the inbox of a store on the disk, then applied with its resources and
//! its audit, in commits that are synced. Each message is the first plan of a client of its own.
//!
//! `cargo bench --bench exchange`. Both times are told: on the clock, and of the processor for each message.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark ends where it fails, and prints")]

use cpu_time::ProcessTime;
use sauma::exchange::inbox::Accept;
use sauma::exchange::lane;
use sauma::exchange::run::Exchange;
use sauma::exchange::settings::Settings;
use sauma::exchange::worker::Apply;
use sauma::server::{self, Server};
use sauma::store::{AnyStore, Queues, Sqlite, SqliteOptions};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// As the command has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Messages of a run.
const MESSAGES: usize = 12_000;
/// Messages that a connection hands over at a time.
const CHUNK: usize = 64;
/// Connections that hand over at once.
const SENDERS: usize = 8;
const DOCUMENT: &str = include_str!("../mappings/social-client-plan/cases/minimal/input.json");
const SETTINGS: &str = "[[connection]]\nname = \"files\"\nsystem = \"social-client-plan\"\nkind = \"directory\"\n\
    directory = { folder = \"unused\", every_ms = 3600000 }\n";

/// An invented personal identity code with a valid check character.
fn code(n: usize) -> String {
    let (day, month, year) = (n % 28 + 1, n / 28 % 12 + 1, 40 + n / 336 % 60);
    let number = 900 + n / 20_160 % 100;
    let digits = format!("{day:02}{month:02}{year:02}{number:03}");
    let checks: Vec<char> = "0123456789ABCDEFHJKLMNPRSTUVWXY".chars().collect();
    let check = checks[digits.parse::<usize>().unwrap() % 31];
    format!("{day:02}{month:02}{year:02}-{number:03}{check}")
}

fn document(n: usize) -> Vec<u8> {
    let text = DOCUMENT.replace("111162-958V", &code(n));
    let text =
        text.replace("000000000006", &format!("{n:012}")).replace("93.2025.18", &format!("93.2025.{n}"));
    text.into_bytes()
}

fn told(what: &str, clock: Duration, processor: Duration) {
    let count = u32::try_from(MESSAGES).unwrap();
    println!(
        "{what:<34} {:>8.0} messages/s, {:>6.1} us of processor each ({:>6.0} a processor second)",
        f64::from(count) / clock.as_secs_f64(),
        processor.as_secs_f64() * 1e6 / f64::from(count),
        f64::from(count) / processor.as_secs_f64()
    );
}

fn main() {
    let folder = std::env::temp_dir().join(format!("sauma-bench-exchange-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let documents: Vec<Vec<u8>> = (0..MESSAGES).map(document).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (clock, processor) = (Instant::now(), ProcessTime::now());
        for bytes in &documents {
            assert!(lane::received("files", Some("social-client-plan"), bytes.clone()).client.is_some());
        }
        told("read as far as to know the lane", clock.elapsed(), processor.elapsed());
        let mut settings = Settings::read(SETTINGS).unwrap();
        settings.data = folder.clone();
        for table in &mut settings.connections {
            table.directory.as_mut().unwrap().folder = folder.join("in");
        }
        let store = AnyStore::Sqlite(Sqlite::open(&SqliteOptions::new(folder.join("sauma.db"))).unwrap());
        let server = Server::new(store, server::Settings::default()).connected(&settings).unwrap();
        let server = Arc::new(server);
        let exchange = Arc::new(Exchange::new(Arc::clone(&server), settings).unwrap());
        let (clock, processor) = (Instant::now(), ProcessTime::now());
        let share = MESSAGES.div_ceil(SENDERS);
        let senders = documents.chunks(share).map(|own| {
            let (own, inbox) = (own.to_vec(), Arc::clone(exchange.inbox()));
            tokio::spawn(async move {
                for chunk in own.chunks(CHUNK) {
                    let read =
                        |bytes: &Vec<u8>| lane::received("files", Some("social-client-plan"), bytes.clone());
                    let answers = inbox.accept_all(chunk.iter().map(read).collect()).await;
                    assert!(answers.iter().all(Result::is_ok));
                }
            })
        });
        for sender in senders.collect::<Vec<_>>() {
            sender.await.unwrap();
        }
        told("kept in the inbox", clock.elapsed(), processor.elapsed());
        let (applying, of_applying) = (Instant::now(), ProcessTime::now());
        let (ended, end) = oneshot::channel::<()>();
        let running = Arc::clone(&exchange);
        let running = tokio::spawn(async move { running.run(async { drop(end.await) }).await });
        while exchange.applied.done() < MESSAGES as u64 {
            assert_eq!(exchange.applied.failed(), 0);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        told("applied", applying.elapsed(), of_applying.elapsed());
        told("from end to end", clock.elapsed(), processor.elapsed());
        drop(ended);
        running.await.unwrap().unwrap();
        assert!(server.store().depths().await.unwrap().is_empty());
    });
    std::fs::remove_dir_all(&folder).unwrap();
}
