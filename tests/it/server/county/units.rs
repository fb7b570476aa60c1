//! The county as its processes: the exchange, which can be killed, and the four units around it.

use super::documents::Client;
use crate::server::talk::Reply;
use crate::store_engines::Folder;
use sauma::exchange::mllp::acknowledgement::Answer;
use sauma::exchange::mllp::{Client as Sender, MllpSend, Told};
use serde_json::Value;
use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// How long the exchange may take for what is in its queues.
const DRAIN: Duration = Duration::from_mins(10);
/// One of so many requests to the employment services fails while they have a bad morning.
const FAILS: usize = 7;

/// The exchange and its folder.
pub(super) struct County {
    folder: Folder,
    process: Child,
    http: SocketAddr,
    mllp: SocketAddr,
    pub(super) employment: Arc<Employment>,
}

/// The employment services: they give plans when they are asked for them.
#[derive(Default)]
pub(super) struct Employment {
    plans: Mutex<HashMap<String, Vec<u8>>>,
    asked: AtomicUsize,
    pub(super) is_ill: AtomicBool,
}

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

impl County {
    pub(super) fn open(clients: &[Client]) -> Self {
        let folder = Folder::new();
        let employment = Arc::new(Employment::default());
        let asked = employment.serve();
        let (http, mllp) = (free(), free());
        let ids: Vec<String> = clients.iter().map(|client| client.hetu()).collect();
        fs::write(folder.path().join("ids.txt"), ids.join("\n")).unwrap();
        for name in ["social", "social-back"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        fs::write(folder.path().join("exchange.toml"), settings(http, mllp, asked)).unwrap();
        let process = start(&folder);
        Self { folder, process, http, mllp, employment }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The process dies, and is started again.
    pub(super) fn restart(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        self.process = start(&self.folder);
    }

    /// Social services put a file into their folder: whole, or not at all.
    pub(super) fn drop_file(&self, name: &str, bytes: &[u8]) {
        let part = self.path(&format!("social/.{name}.part"));
        fs::write(&part, bytes).unwrap();
        fs::rename(part, self.path(&format!("social/{name}"))).unwrap();
    }

    /// Documents that came back to social services.
    pub(super) fn given_back(&self) -> Vec<Vec<u8>> {
        let entries = fs::read_dir(self.path("social-back")).unwrap().map(|entry| entry.unwrap().path());
        entries.map(|path| fs::read(path).unwrap()).collect()
    }

    /// The health station sends its messages in order, again and again until each is acknowledged.
    pub(super) fn send_messages(&self, messages: &[Vec<u8>]) {
        let mut settings = MllpSend::to(self.mllp.to_string());
        settings.window = 32;
        settings.answer_ms = 2_000;
        settings.pause_ms_first = 10;
        settings.pause_ms_max = 200;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (client, _) = Sender::start(settings, Arc::new(Told::new("health"))).unwrap();
            for message in messages {
                loop {
                    match client.send(message).await {
                        Ok(Answer::Later(_)) => tokio::time::sleep(Duration::from_millis(20)).await,
                        // What is refused for good is among the dead letters.
                        Ok(Answer::Accepted | Answer::Never(_)) => break,
                        Err(fault) => panic!("{fault:?}"),
                    }
                }
            }
        });
    }

    /// A request over HTTP, repeated while the exchange is away.
    pub(super) fn send(&self, method: &str, path: &str, media: &str, body: &[u8]) -> Reply {
        let started = Instant::now();
        loop {
            if let Some(reply) = self.tried(method, path, media, body) {
                return reply;
            }
            assert!(started.elapsed() < DRAIN, "no answer to {method}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn tried(&self, method: &str, path: &str, media: &str, body: &[u8]) -> Option<Reply> {
        let mut stream = TcpStream::connect(self.http).ok()?;
        stream.set_read_timeout(Some(DRAIN)).ok()?;
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: t\r\nConnection: close\r\nContent-Type: {media}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).ok()?;
        stream.write_all(body).ok()?;
        let mut out = Vec::new();
        stream.read_to_end(&mut out).ok()?;
        // An answer that was cut off is none.
        (!out.is_empty()).then(|| Reply::read(&out)).filter(|reply| reply.status != 503)
    }

    /// How many messages of both queues are in each state.
    pub(super) fn depths(&self) -> HashMap<String, u64> {
        let done = Command::new(env!("CARGO_BIN_EXE_sauma"))
            .args(["--format", "json", "exchange", "status"])
            .arg(self.path("data"))
            .output()
            .unwrap();
        let told: Value = serde_json::from_slice(&done.stdout)
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&done.stderr)));
        let mut depths = HashMap::new();
        for row in told.as_array().unwrap() {
            for (state, count) in ["in", "out"].iter().flat_map(|queue| row[queue].as_object().unwrap()) {
                *depths.entry(state.clone()).or_default() += count.as_u64().unwrap();
            }
        }
        depths
    }

    /// Waits until `is_there`.
    pub(super) fn wait(&self, what: &str, is_there: impl Fn(&Self) -> bool) {
        let started = Instant::now();
        while !is_there(self) {
            assert!(started.elapsed() < DRAIN, "{what}: {:?}", self.depths());
            thread::sleep(Duration::from_millis(200));
        }
    }
}

impl Drop for County {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

fn settings(http: SocketAddr, mllp: SocketAddr, asked: SocketAddr) -> String {
    format!(
        r#"
data = "data"
listen = "{http}"

[[connection]]
name = "social"
kind = "directory"
system = "social-client-plan"
[connection.directory]
folder = "social"
every_ms = 50
settle_ms = 0

[[connection]]
name = "social-back"
kind = "directory"
system = "social-client-plan"
[connection.directory]
folder = "social-back"
direction = "out"

[[connection]]
name = "employment"
kind = "http-pull"
system = "employment-plan"
[connection.http-pull]
url = "http://{asked}/plans/{{id}}"
ids_file = "ids.txt"
every_seconds = 1

[[connection]]
name = "health"
kind = "mllp-listen"
[connection.mllp-listen]
listen = "{mllp}"
"#
    )
}

fn start(folder: &Folder) -> Child {
    let mut process = Command::new(env!("CARGO_BIN_EXE_sauma"))
        .args(["exchange", "run", "--config", "exchange.toml"])
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
    loop {
        let line = lines.next().expect("the exchange says that it is ready").unwrap();
        if line.contains("ready") {
            break;
        }
    }
    // What it writes further is read, so that it is never held up.
    thread::spawn(move || lines.for_each(drop));
    process
}

impl Employment {
    pub(super) fn write(&self, client: Client, plan: Vec<u8>) {
        self.plans.lock().unwrap().insert(client.hetu(), plan);
    }

    /// Every plan was asked for since.
    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    fn serve(self: &Arc<Self>) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let unit = Arc::clone(self);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let unit = Arc::clone(&unit);
                thread::spawn(move || unit.answer(stream));
            }
        });
        address
    }

    /// Answers the requests of one connection.
    fn answer(&self, mut stream: TcpStream) -> Option<()> {
        let mut lines = BufReader::new(stream.try_clone().ok()?).lines();
        loop {
            let first = lines.next()?.ok()?;
            while !lines.next()?.ok()?.is_empty() {}
            let id = first.split_whitespace().nth(1)?.rsplit('/').next()?.to_owned();
            let number = self.asked.fetch_add(1, Ordering::Relaxed);
            let plan = self.plans.lock().unwrap().get(&id).cloned();
            let (status, body) = match plan {
                _ if self.is_ill.load(Ordering::Relaxed) && number.is_multiple_of(FAILS) => (500, Vec::new()),
                Some(plan) => (200, plan),
                None => (404, Vec::new()),
            };
            let head = format!(
                "HTTP/1.1 {status} X\r\nContent-Type: text/csv\r\nContent-Length: {}\r\n\r\n",
                body.len()
            );
            stream.write_all(head.as_bytes()).ok()?;
            stream.write_all(&body).ok()?;
        }
    }
}
