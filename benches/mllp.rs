//! HL7 v2 over MLLP on the loopback of one machine: messages a second, and processor time of the whole process for each,
//! both ends counted. Every message is read in full and acknowledged; the inbox keeps it in memory, so that this is the
//! protocol alone, without the disk.
//!
//! `cargo bench --bench mllp`; `SAUMA_BENCH_SECONDS` says how long each row takes.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a benchmark ends where it fails, and prints"
)]

use cpu_time::ProcessTime;
use sauma::exchange::inbox::{Accept, Outcome, Receipt, Received, Refused};
use sauma::exchange::mllp::{
    Client, FrameLimits, Framer, Listening, MllpListen, MllpSend, Piece, Told, frame,
};
use std::future::{Future, pending};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Bytes of one message, as in the measurements of others.
const MESSAGE_BYTES: usize = 1_143;
/// Messages on their way at one time.
const WINDOW: usize = 64;

/// An inbox that counts.
#[derive(Default)]
struct Counting(AtomicI64);

impl Accept for Counting {
    async fn accept(&self, _: Received) -> Result<Receipt, Refused> {
        Ok(Receipt { number: self.0.fetch_add(1, Ordering::Relaxed) + 1, is_new: true })
    }

    async fn outcome(&self, _: i64) -> Option<Outcome> {
        None
    }
}

fn goal(id: u64) -> Vec<u8> {
    let head = format!(
        "MSH|^~\\&|HOME|UNIT|SAUMA|COUNTY|20260105101500||PGL^PC6^PGL_PC6|{id:012}|P|2.5.1\r\
         PID|1||131052-308T^^^HETU^NI||Example^Eva||19521013|F\r\
         GOL|AD|20260105|G1^Walks to the shop|77^UNIT|1||20260105\r"
    );
    let mut text = head;
    let mut line = 0;
    while text.len() < MESSAGE_BYTES {
        line += 1;
        text.push_str(&format!("NTE|{line}||The client walks with a frame and wants to do so alone.\r"));
    }
    text.into_bytes()
}

fn seconds() -> Duration {
    let named = std::env::var("SAUMA_BENCH_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(named.unwrap_or(3))
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    println!("{:<44} {:>12} {:>10}", "", "messages/s", "CPU us");
    framer();
    runtime.block_on(async {
        let address = listen().await;
        row("stop and wait, 1 connection", raw(address, 1, 1)).await;
        row("window of 64, 1 connection", raw(address, 1, WINDOW)).await;
        row("stop and wait, 32 connections", raw(address, 32, 1)).await;
        row("our client, stop and wait", client(address, 1)).await;
        row("our client, window of 64", client(address, WINDOW)).await;
    });
}

fn told(name: &str, messages: u64, elapsed: Duration, cpu: Duration) {
    let per_second = messages as f64 / elapsed.as_secs_f64();
    println!("{name:<44} {per_second:>12.0} {:>10.2}", cpu.as_secs_f64() * 1e6 / messages as f64);
}

/// A row that sends for as long as the benchmark says, and gives how many were answered.
async fn row(name: &str, work: impl Future<Output = u64>) {
    let (start, cpu) = (Instant::now(), ProcessTime::now());
    let messages = work.await;
    told(name, messages, start.elapsed(), cpu.elapsed());
}

/// Frames that are parted, and nothing else.
fn framer() {
    let stream: Vec<u8> = (0..1_000).flat_map(|id| frame(&goal(id))).collect();
    let mut framer = Framer::new(FrameLimits::default());
    let (start, cpu) = (Instant::now(), ProcessTime::now());
    let mut messages = 0;
    while start.elapsed() < seconds() {
        for chunk in stream.chunks(16 << 10) {
            framer.push(chunk);
            while let Ok(Some(piece)) = framer.piece() {
                messages += u64::from(matches!(piece, Piece::Frame(_)));
            }
        }
    }
    told("framer alone", messages, start.elapsed(), cpu.elapsed());
}

async fn listen() -> SocketAddr {
    let settings = MllpListen::at(SocketAddr::from(([127, 0, 0, 1], 0)));
    let listener = TcpListener::bind(settings.listen).await.unwrap();
    let address = listener.local_addr().unwrap();
    let told = Arc::new(Told::new("bench"));
    let listening = Listening::new(settings, None, Arc::new(Counting::default()), told).unwrap();
    tokio::spawn(Arc::new(listening).run(listener, pending()));
    address
}

/// Senders that do nothing but write messages and count acknowledgements.
async fn raw(address: SocketAddr, connections: u64, window: usize) -> u64 {
    let until = Instant::now() + seconds();
    let mut work = JoinSet::new();
    for _ in 0..connections {
        work.spawn(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.set_nodelay(true).unwrap();
            let burst: Vec<u8> = (0..window as u64).flat_map(|id| frame(&goal(id))).collect();
            let (mut answered, mut chunk) = (0, vec![0; 64 << 10]);
            while Instant::now() < until {
                stream.write_all(&burst).await.unwrap();
                let mut missing = window;
                while missing > 0 {
                    let read = stream.read(&mut chunk).await.unwrap();
                    missing -= chunk.iter().take(read).filter(|byte| **byte == 0x1C).count();
                }
                answered += window as u64;
            }
            answered
        });
    }
    let mut all = 0;
    while let Some(answered) = work.join_next().await {
        all += answered.unwrap();
    }
    all
}

/// Our own client.
async fn client(address: SocketAddr, window: usize) -> u64 {
    let mut settings = MllpSend::to(address.to_string());
    settings.window = window;
    let (client, _) = Client::start(settings, Arc::new(Told::new("bench"))).unwrap();
    let (client, numbers) = (Arc::new(client), Arc::new(AtomicU64::new(0)));
    let until = Instant::now() + seconds();
    let mut work = JoinSet::new();
    for _ in 0..window {
        let (client, numbers) = (Arc::clone(&client), Arc::clone(&numbers));
        work.spawn(async move {
            while Instant::now() < until {
                client.send(&goal(numbers.fetch_add(1, Ordering::Relaxed))).await.unwrap();
            }
        });
    }
    while work.join_next().await.is_some() {}
    numbers.load(Ordering::Relaxed)
}
