//! `sauma serve`: the FHIR server of this machine.

use super::console::{Console, Stop, Verdict};
use super::files;
use crate::diag::{Issue, Span, codes};
use crate::server::{self, CheckpointFiles, Gravity, Server, Settings, Traces, keep_checkpoints};
use crate::store::{AnyStore, Postgres, PostgresOptions, Sqlite, SqliteOptions, StoreError};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{FilterFn, LevelFilter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// The file of the embedded store in its folder.
pub(super) const STORE_FILE: &str = "sauma.db";

const EXAMPLES: &str = "\
Examples:
  sauma serve --dev
  sauma serve --dev --listen 127.0.0.1:8081 --data /var/lib/sauma
  sauma serve --dev --database postgresql://localhost/sauma
  sauma serve --config sauma.toml

The API is at /fhir, its CapabilityStatement at /fhir/metadata, an OpenAPI document at /fhir/openapi.json.
/health, /ready and /metrics are for those who run the server. SIGTERM ends it when the requests at work are done.

With --dev whoever reaches the port may read and write everything, so that it starts on a loopback address alone.
Without it callers are those whom the settings register: `sauma doctor --config sauma.toml` tells what is unsafe in them,
and with what is grave the server does not start. SIGHUP reads certificates and lists of revoked ones again.";

/// Serve FHIR R4 over HTTP.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Settings; what other options say counts more
    #[arg(long, value_name = "TOML")]
    config: Option<PathBuf>,
    /// Open to every program of this machine, and to nobody else
    #[arg(long)]
    dev: bool,
    /// Address and port [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Folder of the embedded store [default: sauma-data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// PostgreSQL database that several servers may share, in place of the folder
    #[arg(long, value_name = "URL", conflicts_with = "data")]
    database: Option<String>,
    /// How much the log on standard error tells
    #[arg(long, value_enum, default_value_t = Log::Info)]
    log: Log,
}

/// How much the log tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Log {
    /// What failed.
    Error,
    /// And the start and end of the server.
    Info,
    /// And every request, by its route.
    Debug,
}

impl From<Log> for tracing::Level {
    fn from(log: Log) -> Self {
        match log {
            Log::Error => Self::ERROR,
            Log::Info => Self::INFO,
            Log::Debug => Self::DEBUG,
        }
    }
}

pub(super) fn run(args: &Args) -> Result<Verdict, Stop> {
    let settings = settings(args)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Stop::System)?;
    runtime.block_on(async {
        let traces = settings.traces.as_ref().map(Traces::start).transpose().map_err(refused)?;
        start_log(tracing::Level::from(args.log), traces.as_ref());
        let verdict = serve(settings, args.dev).await;
        if let Some(traces) = traces {
            drop(tokio::task::spawn_blocking(|| traces.end()).await);
        }
        verdict
    })
}

/// Tells events on standard error, one JSON object a line, and hands spans to traces. A log that was set up before, as
/// in a test, stays.
pub(super) fn start_log(most: tracing::Level, traces: Option<&Traces>) {
    let told = FilterFn::new(move |data| data.is_event() && *data.level() <= most)
        .with_max_level_hint(LevelFilter::from_level(most));
    let log = tracing_subscriber::fmt::layer().json().with_writer(io::stderr).with_target(false);
    let log = log.with_current_span(false).with_span_list(false).with_filter(told);
    let registry = tracing_subscriber::registry().with(log);
    // Even the place of a layer that is not there would have every span made.
    drop(match traces {
        Some(traces) => registry.with(traces.layer()).try_init(),
        None => registry.try_init(),
    });
}

/// What the file and the options say, refused where it would be unsafe.
fn settings(args: &Args) -> Result<Settings, Stop> {
    let mut settings = match &args.config {
        Some(path) => read(path)?,
        None => Settings::default(),
    };
    if let Some(listen) = args.listen {
        settings.listen = listen;
    }
    if let Some(data) = &args.data {
        settings.data.clone_from(data);
        settings.database = None;
    }
    if args.database.is_some() {
        settings.database.clone_from(&args.database);
    }
    if args.dev {
        if !settings.listen.ip().is_loopback() {
            return Err(refused("--dev is open to all, so that it listens at a loopback address alone"));
        }
        return Ok(settings);
    }
    match settings.advice().into_iter().find(|advice| advice.gravity == Gravity::Grave) {
        Some(advice) => Err(refused(format!(
            "{} ({}); {}. `sauma doctor` tells all that is unsafe, and --dev serves this machine alone",
            advice.code.title, advice.code.id, advice.code.help
        ))),
        None => Ok(settings),
    }
}

/// The settings of a file, with the files that they name beside it.
pub(super) fn read(path: &Path) -> Result<Settings, Stop> {
    let text = files::read_text(path)?;
    let settings =
        Settings::read(&text).map_err(|message| refused(format!("`{}`: {message}", path.display())))?;
    Ok(settings.beside(path.parent().unwrap_or(Path::new(""))))
}

fn refused(message: impl Into<String>) -> Stop {
    Stop::Issue(Box::new(Issue::error(codes::SERVER_SETTINGS, Span::default(), message)))
}

async fn serve(settings: Settings, is_dev: bool) -> Result<Verdict, Stop> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Stop::System)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Stop::System)?;
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    let checkpoints = checkpoints(&settings)?;
    let store = open(&settings).await?;
    let listener = TcpListener::bind(settings.listen).await.map_err(Stop::System)?;
    let settings = settings.at(listener.local_addr().map_err(Stop::System)?);
    let base = settings.base.clone();
    let server = if is_dev {
        Console::note(&format!("--dev: open to every program of this machine, at {base}\n"));
        Server::new(store, settings)
    } else {
        Server::guarded(store, settings).map_err(refused)?
    };
    let server = Arc::new(server);
    let reloads = tokio::spawn(reload(Arc::clone(&server)));
    let (ended, end) = tokio::sync::oneshot::channel::<()>();
    let witness = checkpoints
        .map(|files| tokio::spawn(keep_checkpoints(Arc::clone(&server), files, async { drop(end.await) })));
    tracing::info!(base, "ready");
    server::serve(listener, server, stop).await;
    reloads.abort();
    // The last checkpoint is of what the last request left.
    drop(ended);
    if let Some(witness) = witness {
        drop(witness.await);
    }
    tracing::info!("ended");
    Ok(Verdict::Clean)
}

/// The files of the checkpoints of the audit, where there is one.
pub(super) fn checkpoints(settings: &Settings) -> Result<Option<CheckpointFiles>, Stop> {
    if !settings.audit.enabled {
        return Ok(None);
    }
    let data = &settings.data;
    std::fs::create_dir_all(data).map_err(|source| Stop::Unwritable { path: data.to_owned(), source })?;
    let path = settings.audit.checkpoints_path(data);
    CheckpointFiles::open(&settings.audit, data).map(Some).map_err(|source| Stop::Unwritable { path, source })
}

/// Reads certificates again whenever the system asks for it.
async fn reload(server: Arc<Server<AnyStore>>) {
    let Ok(mut hangup) = signal(SignalKind::hangup()) else { return };
    while hangup.recv().await.is_some() {
        match server.reload() {
            Ok(()) => tracing::info!("certificates read again"),
            Err(why) => tracing::error!(why, "certificates not read again; those from before stay in use"),
        }
    }
}

async fn open(settings: &Settings) -> Result<AnyStore, Stop> {
    let closed = |error: StoreError| {
        Stop::Issue(Box::new(Issue::error(error.code(), Span::default(), error.to_string())))
    };
    if let Some(url) = &settings.database {
        let options = PostgresOptions::new(url).map_err(closed)?;
        return Postgres::open(&options).await.map(AnyStore::Postgres).map_err(closed);
    }
    let data = &settings.data;
    std::fs::create_dir_all(data).map_err(|source| Stop::Unwritable { path: data.to_owned(), source })?;
    Sqlite::open(&SqliteOptions::new(data.join(STORE_FILE))).map(AnyStore::Sqlite).map_err(closed)
}
