//! Starts a server and speaks HTTP with it, without a client that would mend what a test wants to send.

use crate::store_engines::Folder;
use flate2::read::GzDecoder;
use sauma::server::{self, Limits, Server, Settings};
use sauma::store::{AnyStore, Postgres, PostgresOptions, Sqlite, SqliteOptions};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;

/// A server that runs until it is dropped.
pub(super) struct Running {
    pub(super) address: SocketAddr,
    pub(super) folder: PathBuf,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What the server answered.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Running {
    /// With the settings as they are by default.
    pub(super) fn start() -> Self {
        Self::with(Settings::default())
    }

    /// With other limits.
    pub(super) fn limited(limits: Limits) -> Self {
        Self::with(Settings { limits, ..Settings::default() })
    }

    pub(super) fn with(settings: Settings) -> Self {
        Self::of(None, move |store, address| Server::new(store, settings.at(address)))
    }

    /// Over a PostgreSQL that other servers may share.
    pub(super) fn on_postgres(options: PostgresOptions) -> Self {
        Self::of(Some(options), move |store, address| Server::new(store, Settings::default().at(address)))
    }

    /// For those alone whom the settings register.
    pub(super) fn guarded(settings: &str) -> Self {
        let settings = Settings::read(settings).unwrap();
        Self::of(None, move |store, address| Server::guarded(store, settings.at(address)).unwrap())
    }

    /// As [`Running::guarded`], over a PostgreSQL that other servers may share.
    pub(super) fn guarded_on_postgres(options: PostgresOptions, settings: &str) -> Self {
        let settings = Settings::read(settings).unwrap();
        Self::of(Some(options), move |store, address| Server::guarded(store, settings.at(address)).unwrap())
    }

    /// Another server on the store of this one, which has ended.
    pub(super) fn again(&self, settings: &str) -> Self {
        let settings = Settings::read(settings).unwrap();
        let make = move |store, address| Server::guarded(store, settings.at(address)).unwrap();
        Self::at(self.folder.clone(), None, make)
    }

    /// With settings from a text, open to whoever reaches it.
    pub(super) fn open(settings: &str) -> Self {
        Self::with(Settings::read(settings).unwrap())
    }

    /// As [`Running::again`], open to whoever reaches it.
    pub(super) fn open_again(&self, settings: &str) -> Self {
        let settings = Settings::read(settings).unwrap();
        Self::at(self.folder.clone(), None, move |store, address| Server::new(store, settings.at(address)))
    }

    fn of(
        database: Option<PostgresOptions>,
        make: impl FnOnce(AnyStore, SocketAddr) -> Server<AnyStore> + Send + 'static,
    ) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("sauma-server-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self::at(folder, database, make)
    }

    fn at(
        folder: PathBuf,
        database: Option<PostgresOptions>,
        make: impl FnOnce(AnyStore, SocketAddr) -> Server<AnyStore> + Send + 'static,
    ) -> Self {
        let (stop, stopped) = oneshot::channel();
        let (bound, address) = std::sync::mpsc::channel();
        let data = folder.clone();
        let thread = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                let address = listener.local_addr().unwrap();
                let store = match database {
                    Some(options) => AnyStore::Postgres(Postgres::open(&options).await.unwrap()),
                    None => {
                        AnyStore::Sqlite(Sqlite::open(&SqliteOptions::new(data.join("test.db"))).unwrap())
                    }
                };
                let server = Arc::new(make(store, address));
                bound.send(address).unwrap();
                server::serve(listener, server, async move { drop(stopped.await) }).await;
            });
        });
        let address = address.recv().unwrap();
        Self { address, folder, stop: Some(stop), thread: Some(thread) }
    }

    /// Ends the server and waits until it has ended.
    pub(super) fn end(&mut self) {
        if let Some(stop) = self.stop.take() {
            assert_eq!(stop.send(()), Ok(()));
        }
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }

    pub(super) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        stream
    }

    /// Sends bytes as they are, and gives everything that comes back until the server closes.
    pub(super) fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect();
        // A server that refuses early may close before all was sent.
        drop(stream.write_all(bytes));
        let mut out = Vec::new();
        drop(stream.read_to_end(&mut out));
        String::from_utf8_lossy(&out).into_owned()
    }

    pub(super) fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !body.is_empty() || matches!(method, "POST" | "PUT" | "PATCH") {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        let mut stream = self.connect();
        stream.write_all(head.as_bytes()).unwrap();
        drop(stream.write_all(body));
        let mut out = Vec::new();
        stream.read_to_end(&mut out).unwrap();
        Reply::read(&out)
    }

    pub(super) fn get(&self, path: &str) -> Reply {
        self.send("GET", &format!("/fhir{path}"), &[], b"")
    }

    pub(super) fn json(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let mut all = vec![("Content-Type", "application/fhir+json")];
        all.extend_from_slice(headers);
        self.send(method, &format!("/fhir{path}"), &all, body.as_bytes())
    }

    /// Creates a resource and gives its id.
    pub(super) fn create(&self, resource: &str) -> String {
        let kind =
            serde_json::from_str::<Value>(resource).unwrap()["resourceType"].as_str().unwrap().to_owned();
        let reply = self.json("POST", &format!("/{kind}"), &[], resource);
        assert_eq!(reply.status, 201, "{}", reply.text());
        reply.value()["id"].as_str().unwrap().to_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

impl Reply {
    pub(super) fn read(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("an answer has a head");
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers: Vec<(String, String)> = lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let mut reply = Self { status, headers, body: bytes[end + 4..].to_vec() };
        if reply.header("content-encoding") == Some("gzip") {
            let mut plain = Vec::new();
            GzDecoder::new(&*reply.body).read_to_end(&mut plain).unwrap();
            reply.body = plain;
        }
        reply
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(super) fn value(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The permanent code of the first issue of an `OperationOutcome`.
    pub(super) fn code(&self) -> String {
        let value = self.value();
        assert_eq!(value["resourceType"], "OperationOutcome", "{value}");
        value["issue"][0]["details"]["coding"][0]["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// `sauma serve` as a process of its own, which can be killed and whose memory can be told; it dies when it is dropped.
pub(super) struct Process {
    child: Child,
    pub(super) address: String,
    /// Where it writes what is its own, as the key of its audit.
    _folder: Folder,
}

impl Process {
    /// Open to this machine, on a port of its own, with further arguments.
    pub(super) fn start(arguments: &[&str]) -> Self {
        let folder = Folder::new();
        let mut child = Command::new(env!("CARGO_BIN_EXE_sauma"))
            .args(["serve", "--dev", "--listen", "127.0.0.1:0"])
            .args(arguments)
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = loop {
            let line = lines.next().expect("the server tells where it listens").unwrap();
            if let Some((_, rest)) = line.split_once("http://") {
                break rest.split('/').next().unwrap().to_owned();
            }
        };
        // What it writes further is read, so that it is never held up.
        std::thread::spawn(move || lines.count());
        Self { child, address, _folder: folder }
    }

    pub(super) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end, as a service manager does, and waits.
    pub(super) fn end(&mut self) -> ExitStatus {
        let asked = Command::new("kill").args(["-TERM", &self.id().to_string()]).status().unwrap();
        assert!(asked.success());
        self.child.wait().unwrap()
    }

    /// The number of the process.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have died, which the test has told by then.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
