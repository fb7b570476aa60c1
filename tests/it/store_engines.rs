//! The engines that the contract of the store is held against, each test with stores of its own.

use sauma::store::{AnyStore, Postgres, PostgresOptions, Sqlite, SqliteOptions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs, process, thread};
use tokio::runtime::{Builder, Runtime};

/// A folder that goes with the test.
pub(crate) struct Folder(PathBuf);

fn next() -> u32 {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    COUNT.fetch_add(1, Ordering::Relaxed)
}

fn new_folder() -> PathBuf {
    let path = env::temp_dir().join(format!("sauma-store-{}-{}", process::id(), next()));
    fs::create_dir_all(&path).unwrap();
    path
}

impl Folder {
    pub(crate) fn new() -> Self {
        Self(new_folder())
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.0.join("store.db")
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

pub(crate) fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Runs a test on a new store of each engine that this machine has.
pub(crate) fn on_each(test: &impl AsyncFn(&AnyStore)) {
    let folder = Folder::new();
    let store = AnyStore::Sqlite(Sqlite::open(&SqliteOptions::new(folder.file())).unwrap());
    runtime().block_on(test(&store));
    drop(store);
    let Some(database) = Database::new() else { return };
    runtime().block_on(async {
        test(&AnyStore::Postgres(database.open().await)).await;
    });
}

/// A schema of its own in the PostgreSQL of the tests.
pub(crate) struct Database {
    pub(crate) options: PostgresOptions,
}

impl Database {
    /// `None` where the machine has no PostgreSQL.
    pub(crate) fn new() -> Option<Self> {
        Self::named("sauma")
    }

    /// The same, with connections that go by a name of their own.
    pub(crate) fn named(application: &str) -> Option<Self> {
        let address = format!("{} application_name={application}", cluster()?);
        let options = PostgresOptions::new(&address).unwrap().in_schema(&format!("t{}", next())).unwrap();
        Some(Self { options })
    }

    pub(crate) async fn open(&self) -> Postgres {
        Postgres::open(&self.options).await.unwrap()
    }
}

/// The address of a PostgreSQL that this process started, which ends with it.
pub(crate) fn cluster() -> Option<&'static str> {
    static CLUSTER: OnceLock<Option<(String, Child)>> = OnceLock::new();
    CLUSTER.get_or_init(|| start(&[], |_| ())).as_ref().map(|(address, _)| address.as_str())
}

/// Runs until its input ends, which it does with the process of the tests, however that ends.
const SERVE: &str = r#"
cd "$1" && "$2/initdb" -D "$1/data" -U sauma --auth=trust --no-sync -E UTF8 --locale=C > "$1/initdb.log" 2>&1 || exit 1
folder="$1" programs="$2"
shift 2
"$programs/postgres" -D "$folder/data" -k "$folder" -c listen_addresses= -c max_connections=400 "$@" > "$folder/postgres.log" 2>&1 &
read -r _
kill -QUIT $!
wait
rm -rf "$folder"
"#;

/// Starts a PostgreSQL with settings of its own, for which files are made in its folder first.
pub(crate) fn start(settings: &[&str], prepare: impl Fn(&Path)) -> Option<(String, Child)> {
    let Some(programs) = programs() else {
        drop(writeln!(
            std::io::stderr(),
            "skipped: no PostgreSQL on this machine, so that its store is not tested"
        ));
        return None;
    };
    let folder = new_folder();
    prepare(&folder);
    let mut command = Command::new("sh");
    if fs::metadata(&folder).unwrap().uid() == 0 {
        // PostgreSQL refuses to run as root.
        const NOBODY: u32 = 65_534;
        let made = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path());
        for path in made.chain([folder.clone()]) {
            chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "sh"]);
    }
    command.args(["-c", SERVE, "sh"]).arg(&folder).arg(programs);
    command.args(settings.iter().flat_map(|setting| ["-c", setting]));
    let server = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let port = settings.iter().find(|setting| setting.starts_with("port=")).unwrap_or(&"");
    let address = format!("host={} user=sauma dbname=postgres {port}", folder.display());
    let deadline = Instant::now() + Duration::from_mins(2);
    while runtime().block_on(tokio_postgres::connect(&address, tokio_postgres::NoTls)).is_err() {
        assert!(Instant::now() < deadline, "PostgreSQL does not start, see {}", folder.display());
        thread::sleep(Duration::from_millis(50));
    }
    Some((address, server))
}

/// The folder with the newest programs of PostgreSQL.
fn programs() -> Option<PathBuf> {
    let installed = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = installed.map(|version| version.path().join("bin")).collect();
    folders.sort();
    folders.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
    folders
        .into_iter()
        .rev()
        .find(|folder| folder.join("initdb").exists() && folder.join("postgres").exists())
}
