//! HL7 v2 over MLLP, by real sockets: what listens, and what calls.

mod client;
mod listener;
pub(crate) mod memory;
pub(crate) mod proxy;
pub(crate) mod senders;
mod tls;

use memory::Memory;
use sauma::exchange::mllp::{Listening, MllpListen, Told};
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// How long a test waits for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(Duration::from_mins(2), test).await.unwrap() });
}

/// A goal of a client, as chapter 12 has it.
pub(crate) fn goal(id: &str, client: &str) -> String {
    goal_asking(id, client, "|")
}

/// The same with MSH-15 and MSH-16.
pub(crate) fn goal_asking(id: &str, client: &str, asks: &str) -> String {
    format!(
        "MSH|^~\\&|HOME|UNIT|SAUMA|COUNTY|20260105101500||PGL^PC6^PGL_PC6|{id}|P|2.5.1|||{asks}\r\
         PID|1||{client}^^^UNIT^MR||Example^Eva\r\
         GOL|AD|20260105|G1^Walks to the shop|{client}-goal|1||20260105\r"
    )
}

pub(crate) fn framed(message: &str) -> Vec<u8> {
    sauma::exchange::mllp::frame(message.as_bytes())
}

/// A listener on a port of its own.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) inbox: Arc<Memory>,
    pub(crate) told: Arc<Told>,
    pub(crate) stop: Option<oneshot::Sender<()>>,
    pub(crate) ended: JoinHandle<()>,
}

impl Running {
    pub(crate) async fn start(inbox: Arc<Memory>, change: impl FnOnce(&mut MllpListen)) -> Self {
        let mut settings = MllpListen::at(SocketAddr::from(([127, 0, 0, 1], 0)));
        change(&mut settings);
        let listener = TcpListener::bind(settings.listen).await.unwrap();
        let address = listener.local_addr().unwrap();
        let told = Arc::new(Told::new("home-care"));
        let listening = Listening::new(settings, None, Arc::clone(&inbox), Arc::clone(&told)).unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let ended = tokio::spawn(Arc::new(listening).run(listener, async { drop(stopped.await) }));
        Self { address, inbox, told, stop: Some(stop), ended }
    }

    pub(crate) async fn plain() -> Self {
        Self::start(Arc::default(), |_| ()).await
    }

    pub(crate) async fn connect(&self) -> Peer<TcpStream> {
        Peer::new(TcpStream::connect(self.address).await.unwrap())
    }

    /// Waits until something was told.
    pub(crate) async fn told(&self, code: &'static sauma::diag::Code) {
        let told = async {
            while self.told.count(code) == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, told).await.unwrap_or_else(|_| panic!("{} was not told", code.id));
    }
}

/// The other end of a connection, which says and reads what a test wants.
pub(crate) struct Peer<IO> {
    pub(crate) stream: IO,
    read: Vec<u8>,
}

impl<IO: AsyncReadExt + AsyncWriteExt + Unpin> Peer<IO> {
    pub(crate) const fn new(stream: IO) -> Self {
        Self { stream, read: Vec::new() }
    }

    pub(crate) async fn say(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    /// The next message; none where the connection ended.
    pub(crate) async fn next(&mut self) -> Option<String> {
        let next = async {
            loop {
                if let Some(end) = self.read.iter().position(|byte| *byte == 0x1C) {
                    let message: Vec<u8> = self.read.drain(..end + 2).collect();
                    return Some(String::from_utf8(message[1..end].to_vec()).unwrap());
                }
                let mut chunk = [0; 4_096];
                match self.stream.read(&mut chunk).await {
                    Ok(0) | Err(_) => return None,
                    Ok(read) => self.read.extend_from_slice(&chunk[..read]),
                }
            }
        };
        tokio::time::timeout(PATIENCE, next).await.expect("nothing came")
    }

    /// Says a message and gives MSA-1 and MSA-2 of its answer.
    pub(crate) async fn ask(&mut self, message: &str) -> String {
        self.say(&framed(message)).await;
        said(&self.next().await.expect("the connection ended"))
    }

    pub(crate) async fn is_ended(&mut self) -> bool {
        self.next().await.is_none()
    }
}

/// MSA-1 and MSA-2.
pub(crate) fn said(answer: &str) -> String {
    let line = answer.split('\r').find(|line| line.starts_with("MSA")).unwrap();
    line.split('|').skip(1).take(2).collect::<Vec<_>>().join(" ")
}
