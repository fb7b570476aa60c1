//! Units that send: each has clients whose messages go out one after the other, and remembers what was acknowledged
//! when it dies and comes again.

use super::goal;
use sauma::exchange::mllp::acknowledgement::Answer;
use sauma::exchange::mllp::{Client, MllpSend, Told};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;

/// One client's messages.
pub(crate) struct Lane {
    pub(crate) client: String,
    pub(crate) messages: usize,
    acknowledged: AtomicUsize,
}

/// One unit.
pub(crate) struct Sender {
    pub(crate) lanes: Vec<Arc<Lane>>,
    settings: MllpSend,
    work: JoinSet<()>,
}

impl Sender {
    pub(crate) fn new(name: &str, to: SocketAddr, lanes: usize, messages: usize, window: usize) -> Self {
        let mut settings = MllpSend::to(to.to_string());
        settings.window = window;
        settings.answer_ms = 400;
        settings.pause_ms_first = 5;
        settings.pause_ms_max = 50;
        let lanes = (0..lanes).map(|lane| {
            let client = format!("{name}.{lane}");
            Arc::new(Lane { client, messages, acknowledged: AtomicUsize::new(0) })
        });
        Self { lanes: lanes.collect(), settings, work: JoinSet::new() }
    }

    /// Begins, or goes on where it was.
    pub(crate) fn start(&mut self) {
        let (client, _) = Client::start(self.settings.clone(), Arc::new(Told::new("to-sauma"))).unwrap();
        let client = Arc::new(client);
        for lane in &self.lanes {
            let (client, lane) = (Arc::clone(&client), Arc::clone(lane));
            self.work.spawn(async move {
                loop {
                    let next = lane.acknowledged.load(Ordering::Relaxed);
                    if next == lane.messages {
                        return;
                    }
                    match client.send(lane.message(next).as_bytes()).await {
                        Ok(Answer::Accepted) => lane.acknowledged.store(next + 1, Ordering::Relaxed),
                        Ok(Answer::Later(_)) => tokio::time::sleep(Duration::from_millis(10)).await,
                        other => panic!("{other:?}"),
                    }
                }
            });
        }
    }

    /// Dies: what it had in hand is lost.
    pub(crate) async fn kill(&mut self) {
        self.work.shutdown().await;
    }

    /// Messages that were acknowledged.
    pub(crate) fn acknowledged(&self) -> usize {
        self.lanes.iter().map(|lane| lane.acknowledged.load(Ordering::Relaxed)).sum()
    }

    pub(crate) fn messages(&self) -> usize {
        self.lanes.iter().map(|lane| lane.messages).sum()
    }
}

impl Lane {
    /// Control ids of its messages, in order.
    pub(crate) fn ids(&self) -> Vec<String> {
        (0..self.messages).map(|number| format!("{}-{number}", self.client)).collect()
    }

    fn message(&self, number: usize) -> String {
        // Each is a newer version of one plan, so that what comes out of order is seen.
        let (minute, second) = (number / 60, number % 60);
        goal(&format!("{}-{number}", self.client), &self.client)
            .replace("20260105101500", &format!("2026010510{minute:02}{second:02}"))
            .replace("Walks to the shop", &format!("Walks {number} steps"))
    }
}
