//! An exchange that runs in this process, over a store of its own.

use crate::store_engines::{Database, Folder};
use sauma::exchange::run::Exchange;
use sauma::exchange::settings::Settings;
use sauma::exchange::worker::Apply;
use sauma::server::{self, Server};
use sauma::store::{AnyStore, Message, MessageQuery, Queues, Sqlite, SqliteOptions, State};
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Builder;
use tokio::sync::oneshot;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);

/// An exchange, its server and its folder.
pub(super) struct Bench {
    pub(super) server: Arc<Server<AnyStore>>,
    pub(super) exchange: Arc<Exchange<Server<AnyStore>>>,
    pub(super) folder: PathBuf,
    pub(super) address: SocketAddr,
}

/// Runs an exchange with connections on each engine, and a test beside it. `FOLDER` in the settings is the folder of
/// the test.
pub(super) fn on_each(settings: &str, test: &impl AsyncFn(&Bench)) {
    with(settings, None, test);
    if let Some(database) = Database::new() {
        with(settings, Some(&database), test);
    }
}

/// As [`on_each`], in a file alone.
pub(super) fn in_file(settings: &str, test: &impl AsyncFn(&Bench)) {
    with(settings, None, test);
}

fn with(settings: &str, database: Option<&Database>, test: &impl AsyncFn(&Bench)) {
    let folder = Folder::new();
    let path = folder.path().to_owned();
    let settings = settings.replace("FOLDER", &path.to_string_lossy());
    let mut settings = Settings::read(&settings).unwrap();
    settings.data = path.join("data");
    fs::create_dir_all(&settings.data).unwrap();
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let store = match database {
            Some(database) => AnyStore::Postgres(database.open().await),
            None => {
                let file = settings.data.join("sauma.db");
                AnyStore::Sqlite(Sqlite::open(&SqliteOptions::new(file)).unwrap())
            }
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server =
            Server::new(store, server::Settings::default().at(address)).connected(&settings).unwrap();
        let server = Arc::new(server);
        let exchange = Arc::new(Exchange::new(Arc::clone(&server), settings).unwrap());
        let (ended, end) = oneshot::channel::<()>();
        let (stopped, stop) = oneshot::channel::<()>();
        let running = Arc::clone(&exchange);
        let running = tokio::spawn(async move { running.run(async { drop(end.await) }).await });
        let serving = Arc::clone(&server);
        let serving = tokio::spawn(server::serve(listener, serving, async { drop(stop.await) }));
        let bench = Bench { server, exchange, folder: path, address };
        test(&bench).await;
        drop((ended, stopped));
        running.await.unwrap().unwrap();
        serving.await.unwrap();
    });
}

impl Bench {
    pub(super) fn store(&self) -> &AnyStore {
        self.server.store()
    }

    pub(super) async fn messages(&self) -> Vec<Message> {
        let all = MessageQuery { count: 10_000, ..MessageQuery::default() };
        self.store().messages(&all).await.unwrap()
    }

    /// How many messages are in a state.
    pub(super) async fn count(&self, state: State) -> usize {
        self.messages().await.iter().filter(|message| message.state == state).count()
    }

    /// What the server answers, head and body.
    pub(super) async fn ask(&self, request: &str) -> String {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut stream = tokio::net::TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    pub(super) async fn get(&self, path: &str) -> String {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address)).await
    }

    pub(super) async fn post(&self, path: &str, media: &str, body: &str) -> String {
        let (host, length) = (self.address, body.len());
        self.ask(&format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {media}\r\nContent-Length: {length}\r\n\
             Connection: close\r\n\r\n{body}"
        ))
        .await
    }
}

/// Waits until something is so.
pub(super) async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so().await {
        assert!(Instant::now() < end, "{what} does not come");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The names of the files of a folder.
pub(super) fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut names: Vec<String> = entries
        .filter(|path| path.is_file())
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// A document of a case of a unit system.
pub(super) fn case(path: &str) -> Vec<u8> {
    let inputs = fs::read_dir(PathBuf::from("mappings").join(path)).unwrap();
    let mut inputs = inputs.map(|entry| entry.unwrap().path());
    fs::read(inputs.find(|path| path.file_stem().unwrap() == "input").unwrap()).unwrap()
}
