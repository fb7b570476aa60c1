//! A network that fails by a seed: it delays, cuts, truncates, falls silent in one direction, swallows connections, and
//! sends again what a connection had sent.

use sauma::mapping::Random;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What happens to one direction of a connection.
#[derive(Clone, Copy, Default)]
struct Way {
    /// Each piece waits up to as many milliseconds.
    delay_ms_max: u64,
    /// After as many bytes the connection is cut; what is before them arrives.
    cut_after: Option<u64>,
    /// After as many bytes nothing arrives any more, and nobody is told.
    silent_after: Option<u64>,
}

/// What happens to a connection.
#[derive(Clone, Copy, Default)]
struct Fate {
    there: Way,
    back: Way,
    /// It is taken and leads nowhere.
    is_swallowed: bool,
    /// All that was sent over it comes again, over another.
    is_repeated: bool,
}

impl Fate {
    fn of(random: &mut Random) -> Self {
        let (kind, bytes) = (random.next() % 9, random.next() % 6_000);
        let delay = Way { delay_ms_max: 1 + random.next() % 20, ..Way::default() };
        let cut = Way { cut_after: Some(bytes), ..Way::default() };
        let silent = Way { silent_after: Some(bytes), ..Way::default() };
        match kind {
            0 => Self { there: delay, back: delay, ..Self::default() },
            1 => Self { there: cut, ..Self::default() },
            // An acknowledgement gets lost.
            2 => Self { back: Way { cut_after: Some(bytes / 4), ..delay }, ..Self::default() },
            3 => Self { there: silent, ..Self::default() },
            4 => Self { back: Way { silent_after: Some(bytes / 4), ..Way::default() }, ..Self::default() },
            5 => Self { is_swallowed: true, ..Self::default() },
            6 => Self { there: cut, is_repeated: true, ..Self::default() },
            7 => Self { there: Way { cut_after: Some(bytes), ..delay }, back: delay, ..Self::default() },
            _ => Self::default(),
        }
    }
}

/// A network between senders and a receiver.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    /// Nothing fails any more.
    pub(crate) is_calm: Arc<AtomicBool>,
    /// Connections that something happened to.
    pub(crate) faults: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Proxy {
    pub(crate) async fn start(target: SocketAddr, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let is_calm = Arc::new(AtomicBool::new(false));
        let calm = Arc::clone(&is_calm);
        let faults = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&faults);
        let task = tokio::spawn(async move {
            let mut random = Random::new(seed);
            loop {
                let Ok((stream, _)) = listener.accept().await else { continue };
                let is_calm = calm.load(Ordering::Relaxed);
                let fate = if is_calm { Fate::default() } else { Fate::of(&mut random) };
                count.fetch_add(usize::from(!is_calm), Ordering::Relaxed);
                tokio::spawn(connection(stream, target, fate, Random::new(random.next())));
            }
        });
        Self { address, is_calm, faults, task }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn connection(stream: TcpStream, target: SocketAddr, fate: Fate, random: Random) {
    if fate.is_swallowed {
        let mut stream = stream;
        let mut rest = [0; 4_096];
        while matches!(stream.read(&mut rest).await, Ok(1..)) {}
        return;
    }
    let Ok(receiver) = TcpStream::connect(target).await else { return };
    let (from_sender, to_sender) = stream.into_split();
    let (from_receiver, to_receiver) = receiver.into_split();
    let sent = Mutex::new(Vec::new());
    tokio::select! {
        () = carry(from_sender, to_receiver, fate.there, random.clone(), Some(&sent)) => {}
        () = carry(from_receiver, to_sender, fate.back, random, None) => {}
    }
    if fate.is_repeated
        && let Ok(mut again) = TcpStream::connect(target).await
    {
        let sent = sent.into_inner().unwrap();
        drop(again.write_all(&sent).await);
        let mut rest = [0; 4_096];
        let answers = async { while matches!(again.read(&mut rest).await, Ok(1..)) {} };
        drop(tokio::time::timeout(Duration::from_millis(200), answers).await);
    }
}

/// One direction, until it ends or is cut.
async fn carry(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    way: Way,
    mut random: Random,
    sent: Option<&Mutex<Vec<u8>>>,
) {
    let (mut chunk, mut passed) = ([0; 1_024], 0_u64);
    loop {
        let Ok(read @ 1..) = from.read(&mut chunk).await else { return };
        if way.delay_ms_max > 0 {
            tokio::time::sleep(Duration::from_millis(random.next() % way.delay_ms_max)).await;
        }
        let before = |end: Option<u64>| {
            end.map_or(read, |end| read.min(usize::try_from(end.saturating_sub(passed)).unwrap()))
        };
        let piece = &chunk[..before(way.cut_after).min(before(way.silent_after))];
        if to.write_all(piece).await.is_err() {
            return;
        }
        if let Some(sent) = sent {
            sent.lock().unwrap().extend_from_slice(piece);
        }
        passed += read as u64;
        if way.cut_after.is_some_and(|end| passed >= end) {
            return;
        }
    }
}
