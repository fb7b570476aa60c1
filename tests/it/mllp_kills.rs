//! Exchange over MLLP under murder: senders, the adapter and the network between them die again and again, and every
//! message that was acknowledged is applied once, in the order of its client.
//!
//! The adapter is `sauma exchange run` as a process, with its store on the disk, killed by SIGKILL.

use crate::mllp::proxy::Proxy;
use crate::mllp::senders::Sender;
use crate::store_engines::Folder;
use sauma::mapping::Random;
use sauma::store::{MESSAGES_MAX, Message, MessageQuery, Queues, Sqlite, SqliteOptions, State};
use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

/// Units that send.
const SENDERS: usize = 20;
/// Clients of each.
const LANES: usize = 10;
/// The adapter dies as often at least.
const MURDERS_MIN: usize = 3;
/// How long it may take to bring in and apply all that is left then.
const PATIENCE: Duration = Duration::from_mins(20);

/// 2,000 for each change, 100,000 before a release.
fn messages() -> usize {
    env::var("SAUMA_MLLP_MESSAGES").map_or(2_000, |messages| messages.parse().unwrap())
}

/// For how long things die.
fn terror() -> Duration {
    Duration::from_secs(env::var("SAUMA_MLLP_SECONDS").map_or(5, |seconds| seconds.parse().unwrap()))
}

/// The adapter.
struct Adapter {
    folder: PathBuf,
    address: SocketAddr,
    process: Child,
}

impl Adapter {
    async fn start(folder: &Path) -> Self {
        // A port that is free now, and stays the same when the adapter comes again.
        let address = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let settings = format!(
            "[worker]\nidle_ms = 20\n[[connection]]\nname = \"home-care\"\nkind = \"mllp-listen\"\n\
             [connection.mllp-listen]\nlisten = \"{address}\"\n[connection.mllp-listen.limits]\n\
             connections_per_address_max = 1000\n"
        );
        fs::write(folder.join("exchange.toml"), settings).unwrap();
        let mut adapter = Self { folder: folder.to_owned(), address, process: Self::run(folder) };
        adapter.ready().await;
        adapter
    }

    fn run(folder: &Path) -> Child {
        let log = fs::OpenOptions::new().create(true).append(true).open(folder.join("log")).unwrap();
        Command::new(env!("CARGO_BIN_EXE_sauma"))
            .args(["exchange", "run", "--config"])
            .arg(folder.join("exchange.toml"))
            .arg("--data")
            .arg(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap()
    }

    async fn ready(&mut self) {
        let start = Instant::now();
        while TcpStream::connect(self.address).await.is_err() {
            let ended = self.process.try_wait().unwrap();
            let log = || fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            assert!(ended.is_none(), "the adapter ended: {}", log());
            assert!(start.elapsed() < Duration::from_mins(1), "the adapter does not start: {}", log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn die_and_come_again(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        self.process = Self::run(&self.folder);
        self.ready().await;
    }

    /// Messages that wait, by the command line.
    fn waiting(&self) -> u64 {
        let told = Command::new(env!("CARGO_BIN_EXE_sauma"))
            .args(["exchange", "status", "--format", "json"])
            .arg(&self.folder)
            .output()
            .unwrap();
        let told: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap_or_default();
        // A connection of which nothing waits has no such count; without an answer nothing is known.
        told.as_array().map_or(u64::MAX, |rows| {
            rows.iter().map(|row| row["in"]["ready"].as_u64().unwrap_or_default()).sum()
        })
    }
}

impl Drop for Adapter {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

#[test]
fn every_acknowledged_message_is_applied_once_and_in_order() {
    let folder = Folder::new();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let expected = runtime.block_on(exchange(folder.path()));
    let found = runtime.block_on(kept(folder.path()));
    let mut of_client: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut effects: BTreeMap<&str, usize> = BTreeMap::new();
    for message in &found {
        let id = message.key.split('|').next().unwrap();
        of_client.entry(id.split('-').next().unwrap().to_owned()).or_default().push(id.to_owned());
        // `history` would be a message that came too late, `unchanged` one that was applied before.
        let effect = message.told.as_deref().and_then(|told| told.split(' ').next());
        *effects.entry(effect.unwrap_or(message.state.as_str())).or_default() += 1;
    }
    let clients = SENDERS * LANES;
    assert_eq!(effects, BTreeMap::from([("created", clients), ("renewed", messages() - clients)]));
    assert_eq!(of_client.len(), expected.len());
    for (client, ids) in &expected {
        assert_eq!(of_client.get(client), Some(ids), "{client}");
    }
}

/// Sends all while everything dies; gives the ids of each client, in order.
async fn exchange(folder: &Path) -> BTreeMap<String, Vec<String>> {
    let mut random = Random::new(7);
    let mut adapter = Adapter::start(folder).await;
    let proxy = Proxy::start(adapter.address, 7).await;
    let each = messages() / SENDERS / LANES;
    let mut senders: Vec<Sender> = (0..SENDERS)
        .map(|sender| Sender::new(&format!("u{sender}"), proxy.address, LANES, each, 8))
        .collect();
    senders.iter_mut().for_each(Sender::start);
    let start = Instant::now();
    let (mut murders, mut deaths) = (0, 0);
    while start.elapsed() < terror() || murders < MURDERS_MIN {
        tokio::time::sleep(Duration::from_millis(50 + random.next() % 300)).await;
        let at = random.below(SENDERS);
        senders[at].kill().await;
        senders[at].start();
        deaths += 1;
        if random.below(4) == 0 {
            adapter.die_and_come_again().await;
            murders += 1;
        }
    }
    proxy.is_calm.store(true, Ordering::Relaxed);
    let under = senders.iter().map(Sender::acknowledged).sum::<usize>();
    while senders.iter().any(|sender| sender.acknowledged() < sender.messages()) {
        assert!(start.elapsed() < PATIENCE, "not all were acknowledged");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let acknowledged = start.elapsed();
    while adapter.waiting() > 0 {
        assert!(start.elapsed() < PATIENCE, "{} still wait", adapter.waiting());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    println!(
        "{} messages, {SENDERS} connections: the adapter was killed {murders} times, senders {deaths} times, {} \
         connections failed; {under} were acknowledged under it, all after {:.1} s, applied after {:.1} s",
        messages(),
        proxy.faults.load(Ordering::Relaxed),
        acknowledged.as_secs_f64(),
        start.elapsed().as_secs_f64(),
    );
    senders.iter().flat_map(|sender| &sender.lanes).map(|lane| (lane.client.clone(), lane.ids())).collect()
}

/// All messages of the inbox, in the order in which they were accepted.
async fn kept(folder: &Path) -> Vec<Message> {
    let store = Sqlite::open(&SqliteOptions::new(folder.join("sauma.db"))).unwrap();
    let mut found: Vec<Message> = Vec::new();
    loop {
        let after = found.last().map_or(0, |message| message.number);
        let query = MessageQuery {
            states: State::ALL.to_vec(),
            after,
            count: MESSAGES_MAX,
            ..MessageQuery::default()
        };
        let more = store.messages(&query).await.unwrap();
        if more.is_empty() {
            return found;
        }
        found.extend(more);
    }
}
