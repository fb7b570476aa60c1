//! `sauma exchange`: what brings units' messages in and takes documents out, and how it stands.

use super::canary;
use super::console::{Console, Stop, Verdict};
use super::exchange_maps;
use super::files;
use super::logs::{Named, block_on, refused};
use super::queue::Reading;
use super::serve::{self, STORE_FILE};
use crate::diag::{Issue, Span, codes};
use crate::exchange::maps::MapOrder;
use crate::exchange::run::Exchange;
use crate::exchange::settings::{Direction, Settings};
use crate::server::{self, Server, keep_checkpoints};
use crate::store::{AnyStore, Depth, Postgres, PostgresOptions, Queue, Source, Sqlite, SqliteOptions, State};
use serde_json::{Value, json};
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

const EXAMPLES: &str = "\
Examples:
  sauma exchange check --config exchange.toml
  sauma exchange run --config exchange.toml --data /var/lib/sauma
  sauma exchange status /var/lib/sauma
  sauma exchange top postgresql://localhost/sauma
  sauma exchange canary /var/lib/sauma next/home-care-plan --unit-dir units --last 500
  sauma exchange reload /var/lib/sauma
  sauma exchange rollback /var/lib/sauma home-care-plan

SOURCE is a folder of data, the file of a store, or the address of a PostgreSQL database; the exchange may be running.
SIGTERM ends the exchange in good order. What is said about running it is in src/exchange/EXCHANGE.md.";

/// Seconds between two pictures of `top`.
const TOP_SECONDS: u64 = 2;
/// Clears a terminal and goes to its upper left corner.
const CLEAR: &str = "\u{1b}[2J\u{1b}[H";
const SECOND: i64 = 1_000_000;

/// Take units' messages in, apply them, send documents out.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Run the connections of a settings file until it is told to end
    Run(RunArgs),
    /// Check a settings file, and all that it names
    Check {
        /// The settings
        #[arg(long, value_name = "TOML")]
        config: PathBuf,
    },
    /// Tell how each connection stands
    Status {
        /// The store
        source: String,
    },
    /// Tell how each connection stands, again and again
    Top {
        /// The store
        source: String,
        /// How often; until it is interrupted where none is given
        #[arg(long, value_name = "N")]
        count: Option<u64>,
    },
    /// Take changed maps of the `unit_dirs` now, and tell why one is refused
    Reload {
        /// The folder of data of the exchange that runs
        source: String,
    },
    /// Go back to the map before of a unit system
    Rollback {
        /// The folder of data of the exchange that runs
        source: String,
        /// The unit system
        unit: String,
    },
    /// Run a new map beside the one in force over messages that came, and tell what differs; nothing is changed
    Canary {
        /// The store
        source: String,
        /// Folder of the new map; it is called as the unit system is
        dir: PathBuf,
        /// How many messages, the newest ones
        #[arg(long, value_name = "N", default_value_t = 100)]
        last: usize,
    },
}

#[derive(Debug, clap::Args)]
struct RunArgs {
    /// The settings
    #[arg(long, value_name = "TOML")]
    config: PathBuf,
    /// Folder of the embedded store, in place of that of the settings
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// PostgreSQL database, in place of the folder
    #[arg(long, value_name = "URL", conflicts_with = "data")]
    database: Option<String>,
}

pub(super) fn run(args: &Args, console: &Console) -> Result<Verdict, Stop> {
    match &args.action {
        Action::Run(args) => {
            let settings = settings(args)?;
            serve::start_log(tracing::Level::INFO, None);
            block_on(exchange(settings))
        }
        Action::Check { config } => check(config, console),
        Action::Status { source } => {
            let named = Named::of(source)?;
            let (sources, depths) = block_on(async { standing(&Reading::open(&named).await?).await })?;
            show(&sources, &depths, console)
        }
        Action::Top { source, count } => top(&Named::of(source)?, *count, console),
        Action::Reload { source } => exchange_maps::order(source, &MapOrder::Reload, console),
        Action::Rollback { source, unit } => {
            exchange_maps::order(source, &MapOrder::Rollback(unit.clone()), console)
        }
        Action::Canary { source, dir, last } => canary::run(&Named::of(source)?, dir, *last, console),
    }
}

fn settings(args: &RunArgs) -> Result<Settings, Stop> {
    let mut settings = read(&args.config)?;
    if let Some(data) = &args.data {
        settings.data.clone_from(data);
        settings.database = None;
    }
    if args.database.is_some() {
        settings.database.clone_from(&args.database);
    }
    Ok(settings)
}

fn read(path: &Path) -> Result<Settings, Stop> {
    let text = files::read_text(path)?;
    let beside = path.parent().unwrap_or(Path::new(""));
    let dirs: Vec<PathBuf> = Settings::unit_dirs_of(&text).iter().map(|dir| beside.join(dir)).collect();
    files::add_units(&dirs)?;
    let settings =
        Settings::read(&text).map_err(|message| wrong(format!("`{}`: {message}", path.display())))?;
    Ok(settings.beside(beside))
}

fn wrong(message: impl Into<String>) -> Stop {
    Stop::Issue(Box::new(Issue::error(codes::EXCHANGE_SETTINGS, Span::default(), message)))
}

/// The settings of the server that the exchange works for.
fn of_server(settings: &Settings) -> Result<server::Settings, Stop> {
    let mut own = match &settings.server {
        Some(path) => serve::read(path)?,
        None => server::Settings::default(),
    };
    own.data.clone_from(&settings.data);
    own.database.clone_from(&settings.database);
    if let Some(listen) = settings.listen {
        own.listen = listen;
    }
    if settings.listen.is_some() && !own.is_guarded() && !own.listen.ip().is_loopback() {
        return Err(wrong("without registered clients the server listens at a loopback address alone"));
    }
    Ok(own)
}

async fn open(settings: &Settings) -> Result<AnyStore, Stop> {
    if let Some(url) = &settings.database {
        let options = PostgresOptions::new(url).map_err(|error| refused(&error))?;
        return Postgres::open(&options).await.map(AnyStore::Postgres).map_err(|error| refused(&error));
    }
    let data = &settings.data;
    std::fs::create_dir_all(data).map_err(|source| Stop::Unwritable { path: data.to_owned(), source })?;
    let store = Sqlite::open(&SqliteOptions::new(data.join(STORE_FILE)));
    store.map(AnyStore::Sqlite).map_err(|error| refused(&error))
}

async fn exchange(settings: Settings) -> Result<Verdict, Stop> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Stop::System)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Stop::System)?;
    let own = of_server(&settings)?;
    let listener = match settings.listen {
        Some(address) => Some(TcpListener::bind(address).await.map_err(Stop::System)?),
        None => None,
    };
    let address = match &listener {
        Some(listener) => listener.local_addr().map_err(Stop::System)?,
        None => own.listen,
    };
    let checkpoints = serve::checkpoints(&own)?;
    let store = open(&settings).await?;
    let server = Server::guarded(store, own.at(address)).map_err(wrong)?;
    let server = Arc::new(server.connected(&settings).map_err(wrong)?);
    let exchange = Exchange::new(Arc::clone(&server), settings).map_err(wrong)?;
    let (ending, mut ended) = tokio::sync::watch::channel(false);
    let mut listening = ended.clone();
    let served = listener.map(|listener| {
        let stop = async move { drop(listening.wait_for(|is_ended| *is_ended).await) };
        tokio::spawn(server::serve(listener, Arc::clone(&server), stop))
    });
    let mut witnessing = ended.clone();
    let witness = checkpoints.map(|files| {
        let stop = async move { drop(witnessing.wait_for(|is_ended| *is_ended).await) };
        tokio::spawn(keep_checkpoints(Arc::clone(&server), files, stop))
    });
    tracing::info!("ready");
    let signals = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        ending.send_replace(true);
    };
    let watched = tokio::spawn(signals);
    let stop = async move { drop(ended.wait_for(|is_ended| *is_ended).await) };
    exchange.run(stop).await.map_err(wrong)?;
    drop(watched.await);
    // Each ends when it is told to, or has ended; the last checkpoint is of all that is left.
    for task in [served, witness].into_iter().flatten() {
        drop(task.await);
    }
    tracing::info!(applied = exchange.applied.done(), sent = exchange.sent.done(), "ended");
    Ok(Verdict::Clean)
}

/// Looks at all that the settings name, without opening the store.
fn check(path: &Path, console: &Console) -> Result<Verdict, Stop> {
    let settings = read(path)?;
    let own = of_server(&settings)?;
    server::check_connections(&own, &settings).map_err(wrong)?;
    Exchange::<Server<AnyStore>>::check(&settings).map_err(wrong)?;
    let findings = exchange_maps::cases(&settings.unit_dirs);
    if !findings.is_empty() {
        if console.is_json() {
            Console::print_json(&findings)?;
        } else {
            exchange_maps::print_findings(&findings)?;
        }
        return Ok(Verdict::Findings);
    }
    let rows = settings.connections.iter().map(|table| {
        let way = if table.direction() == Direction::In { "in" } else { "out" };
        json!({
            "connection": table.name.get_ref(),
            "kind": table.kind.get_ref().as_str(),
            "direction": way,
            "unit": table.unit.get_ref(),
            "system": table.system(),
        })
    });
    let rows: Vec<Value> = rows.collect();
    if console.is_json() {
        Console::print_json(&rows)?;
        return Ok(Verdict::Clean);
    }
    for row in &rows {
        let word = |name: &str| row[name].as_str().filter(|word| !word.is_empty()).unwrap_or("-").to_owned();
        let words = ["connection", "kind", "direction", "unit", "system"].map(word);
        Console::print(&format!("{}\n", words.join("  ")))?;
    }
    Console::print(&format!("{} connections, nothing is wrong with them\n", rows.len()))?;
    Ok(Verdict::Clean)
}

async fn standing(reading: &Reading) -> Result<(Vec<Source>, Vec<Depth>), Stop> {
    let sources = reading.sources().await.map_err(|error| refused(&error))?;
    let depths = reading.depths().await.map_err(|error| refused(&error))?;
    Ok((sources, depths))
}

fn top(named: &Named, count: Option<u64>, console: &Console) -> Result<Verdict, Stop> {
    let is_live = io::stdout().is_terminal() && !console.is_json();
    let pictures = count.unwrap_or(if is_live { u64::MAX } else { 1 });
    for at in 0..pictures {
        if at > 0 {
            std::thread::sleep(Duration::from_secs(TOP_SECONDS));
        }
        let (sources, depths) = block_on(async { standing(&Reading::open(named).await?).await })?;
        if is_live {
            Console::print(CLEAR)?;
        }
        show(&sources, &depths, console)?;
    }
    Ok(Verdict::Clean)
}

/// What is known of one connection, put together.
struct Standing<'a> {
    connection: &'a str,
    source: Option<&'a Source>,
    depths: Vec<&'a Depth>,
}

impl Standing<'_> {
    fn count(&self, state: State) -> u64 {
        self.depths.iter().filter(|depth| depth.state == state).map(|depth| depth.count).sum()
    }

    fn oldest(&self) -> Option<i64> {
        self.depths.iter().filter(|depth| depth.state == State::Ready).map(|depth| depth.oldest).min()
    }
}

fn standings<'a>(sources: &'a [Source], depths: &'a [Depth]) -> Vec<Standing<'a>> {
    let names = sources.iter().map(|source| &*source.connection);
    let mut names: Vec<&str> = names.chain(depths.iter().map(|depth| &*depth.connection)).collect();
    names.sort_unstable();
    names.dedup();
    let standing = |connection| Standing {
        connection,
        source: sources.iter().find(|source| source.connection == connection),
        depths: depths.iter().filter(|depth| depth.connection == connection).collect(),
    };
    names.into_iter().map(standing).collect()
}

fn show(sources: &[Source], depths: &[Depth], console: &Console) -> Result<Verdict, Stop> {
    let all = standings(sources, depths);
    let has_faults = all.iter().any(|standing| {
        standing.source.is_some_and(|source| source.failed.is_some())
            || standing.count(State::Dead) + standing.count(State::Aside) > 0
    });
    if console.is_json() {
        Console::print_json(&all.iter().map(row).collect::<Vec<Value>>())?;
        return Ok(Verdict::of(has_faults));
    }
    let mut out = String::new();
    for standing in &all {
        line(standing, &mut out);
    }
    if all.is_empty() {
        out.push_str("no connection has given anything yet\n");
    }
    Console::print(&out)?;
    Ok(Verdict::of(has_faults))
}

fn row(standing: &Standing) -> Value {
    let source = standing.source;
    let moment = |micros: Option<i64>| micros.map(super::queue::moment);
    json!({
        "connection": standing.connection,
        "unit": source.map(|source| &source.unit),
        "answered": moment(source.and_then(|source| source.answered)),
        "failing-since": moment(source.and_then(|source| source.failed)),
        "code": source.and_then(|source| source.code.as_ref()),
        "in": of_queue(standing, Queue::In),
        "out": of_queue(standing, Queue::Out),
        "oldest": moment(standing.oldest()),
    })
}

fn of_queue(standing: &Standing, queue: Queue) -> Value {
    let depths = standing.depths.iter().filter(|depth| depth.queue == queue);
    depths
        .map(|depth| (depth.state.as_str().to_owned(), json!(depth.count)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn line(standing: &Standing, out: &mut String) {
    out.push_str(standing.connection);
    if let Some(source) = standing.source {
        if !source.unit.is_empty() {
            out.push_str(&format!(" ({})", source.unit));
        }
        let answered = source.answered.map_or_else(|| "never".to_owned(), super::queue::moment);
        out.push_str(&format!("  last answer {answered}"));
        if let Some(failed) = source.failed {
            let code = source.code.as_deref().unwrap_or("-");
            out.push_str(&format!("  FAILING since {} ({code})", super::queue::moment(failed)));
        }
    }
    for state in [State::Ready, State::Dead, State::Aside] {
        let count = standing.count(state);
        if count > 0 {
            out.push_str(&format!("  {count} {}", state.as_str()));
        }
    }
    if let Some(oldest) = standing.oldest() {
        let seconds = (crate::exchange::worker::now() - oldest).max(0) / SECOND;
        out.push_str(&format!("  oldest {seconds} s"));
    }
    out.push('\n');
}
