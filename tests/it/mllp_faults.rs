//! Network faults by seeds, between senders that die and what listens: whatever happens, each message is there once, in the
//! order of its client, and nothing waits for long when the faults are over.

use crate::mllp::Running;
use crate::mllp::proxy::Proxy;
use crate::mllp::senders::Sender;
use sauma::mapping::Random;
use std::collections::BTreeMap;
use std::env;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Clients of a sender, and messages of each.
const LANES: usize = 5;
const MESSAGES: usize = 8;
/// How long the network fails.
const FAULTS: Duration = Duration::from_millis(600);
/// How long what waits may wait when it fails no more.
const DRAIN: Duration = Duration::from_secs(30);
/// Seeds at one time.
const AT_ONCE: usize = 20;

/// 200 for each change, 20,000 before a release.
fn seeds() -> u64 {
    env::var("SAUMA_NETWORK_SEEDS").map_or(200, |seeds| seeds.parse().unwrap())
}

#[test]
fn every_message_arrives_once_and_in_order() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let mut work = JoinSet::new();
        let mut slowest = Duration::ZERO;
        for seed in 0..seeds() {
            if work.len() == AT_ONCE {
                slowest = slowest.max(work.join_next().await.unwrap().unwrap());
            }
            work.spawn(check(seed));
        }
        while let Some(drained) = work.join_next().await {
            slowest = slowest.max(drained.unwrap());
        }
        println!("{} seeds; drained {} ms after the faults at the latest", seeds(), slowest.as_millis());
    });
}

/// One seed; how long it took when the faults were over.
async fn check(seed: u64) -> Duration {
    let mut random = Random::new(seed);
    let running = Running::plain().await;
    let proxy = Proxy::start(running.address, random.next()).await;
    let window = if random.below(2) == 0 { 1 } else { 4 };
    let mut sender = Sender::new("u", proxy.address, LANES, MESSAGES, window);
    let start = Instant::now();
    while start.elapsed() < FAULTS {
        sender.start();
        tokio::time::sleep(Duration::from_millis(50 + random.next() % 400)).await;
        sender.kill().await;
    }
    proxy.is_calm.store(true, Ordering::Relaxed);
    sender.start();
    let calm = Instant::now();
    while sender.acknowledged() < sender.messages() {
        assert!(calm.elapsed() < DRAIN, "seed {seed}: {} of {}", sender.acknowledged(), sender.messages());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let drained = calm.elapsed();
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for id in running.inbox.ids() {
        found.entry(id.split('-').next().unwrap().to_owned()).or_default().push(id);
    }
    let expected: BTreeMap<_, _> =
        sender.lanes.iter().map(|lane| (lane.client.clone(), lane.ids())).collect();
    assert_eq!(found, expected, "seed {seed}");
    drained
}
