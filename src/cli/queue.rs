//! `sauma queue`: messages on their way in and out, and what people decide about those that cannot be dealt with.

use super::console::{Console, Stop, Verdict};
use super::logs::{Named, block_on, refused};
use super::queue_show;
use crate::diag::{Issue, Span, codes};
use crate::exchange::orders::{Carried, Handed, Order, carry_out, hand_over};
use crate::fhirpath::calendar::date_of;
use crate::store::{
    Beside, Depth, MESSAGES_MAX, Message, MessageQuery, Postgres, PostgresOptions, Queue, Queues, Source,
    Sqlite, SqliteOptions, State, StoreError,
};
use serde_json::{Value, json};
use std::path::Path;

const EXAMPLES: &str = "\
Examples:
  sauma queue list /var/lib/sauma --state dead
  sauma queue show /var/lib/sauma 41 --show-values
  sauma queue show /var/lib/sauma 41 --fhir --target
  sauma queue retry /var/lib/sauma 41
  sauma queue replay /var/lib/sauma --connection home-care --since 2026-11-20T00:00:00Z

SOURCE is a folder of data, or the address of a PostgreSQL database. The exchange may be running: what is decided about a
folder of data is then handed over to it, and done within some seconds.

States: `ready` is to be dealt with; `dead` holds up its client's lane until somebody decides; `aside` cannot even be
read, and holds up nothing; `done` and `dropped` have come to their end.";

const SECOND: i64 = 1_000_000;
const DAY_SECONDS: i64 = 86_400;

/// Show messages, and decide about those that cannot be dealt with.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List messages, oldest first
    List {
        /// The store
        source: String,
        /// Only in these states [default: ready, dead, aside]
        #[arg(long, value_name = "STATE", value_parser = state)]
        state: Vec<State>,
        /// Only of this connection
        #[arg(long, value_name = "NAME")]
        connection: Option<String>,
        /// Only those that came (`in`) or that go (`out`)
        #[arg(long, value_enum)]
        queue: Option<Way>,
        /// Behind the message of this number
        #[arg(long, value_name = "NUMBER", default_value_t = 0)]
        after: i64,
        /// How many
        #[arg(long, default_value_t = 100)]
        count: usize,
    },
    /// Show one message at each step: raw, tree, FHIR, target, ledger
    Show {
        /// The store
        source: String,
        /// Its number
        number: i64,
        #[command(flatten)]
        steps: queue_show::Chosen,
    },
    /// Try dead letters again, or messages that wait, at once
    Retry(Chosen),
    /// Give up dead letters, or messages that wait
    Drop(Chosen),
    /// Apply messages anew that were done, as with a newer map
    Replay {
        /// The store
        source: String,
        /// Their numbers
        #[arg(required_unless_present = "connection")]
        numbers: Vec<i64>,
        /// All that this connection brought since a moment
        #[arg(long, value_name = "NAME", requires = "since", conflicts_with = "numbers")]
        connection: Option<String>,
        /// The moment: 2026-11-20 or 2026-11-20T08:30:00Z
        #[arg(long, value_name = "TIME", value_parser = since)]
        since: Option<i64>,
    },
}

#[derive(Debug, clap::Args)]
struct Chosen {
    /// The store
    source: String,
    /// Their numbers
    #[arg(required = true)]
    numbers: Vec<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Way {
    /// Those that came
    In,
    /// Those that go
    Out,
}

impl From<Way> for Queue {
    fn from(way: Way) -> Self {
        match way {
            Way::In => Self::In,
            Way::Out => Self::Out,
        }
    }
}

fn state(word: &str) -> Result<State, String> {
    let words = || State::ALL.map(State::as_str).join(", ");
    State::find(word).ok_or_else(|| format!("a state is one of {}", words()))
}

/// A day, or a moment in UTC, in microseconds.
fn since(text: &str) -> Result<i64, String> {
    let wrong = || "a moment is like 2026-11-20 or 2026-11-20T08:30:00Z".to_owned();
    let (day, clock) = match text.split_once('T') {
        Some((day, clock)) => (day, clock.strip_suffix('Z').ok_or_else(wrong)?),
        None => (text, "00:00:00"),
    };
    let numbers = |text: &str, separator: char| {
        let all = text.split(separator).map(|part| part.parse::<i64>().map_err(|_| wrong()));
        all.collect::<Result<Vec<i64>, String>>()
    };
    let (day, clock) = (numbers(day, '-')?, numbers(clock, ':')?);
    let (&[year, month, day], &[hour, minute, second]) = (&*day, &*clock) else { return Err(wrong()) };
    let is_moment = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..60).contains(&second);
    let days = crate::fhirpath::calendar::days_since_1970(year, month, day);
    is_moment.then(|| (days * DAY_SECONDS + hour * 3_600 + minute * 60 + second) * SECOND).ok_or_else(wrong)
}

/// A moment as a FHIR `instant` to the second.
pub(super) fn moment(micros: i64) -> String {
    let seconds = micros.div_euclid(SECOND);
    let (year, month, day) = date_of(seconds.div_euclid(DAY_SECONDS));
    let second = seconds.rem_euclid(DAY_SECONDS);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

pub(super) fn run(args: &Args, console: &Console) -> Result<Verdict, Stop> {
    match &args.action {
        Action::List { source, state, connection, queue, after, count } => {
            let states = match state.as_slice() {
                [] => vec![State::Ready, State::Dead, State::Aside],
                states => states.to_vec(),
            };
            let query = MessageQuery {
                queue: queue.map(Queue::from),
                connection: connection.clone(),
                states,
                after: *after,
                count: (*count).min(MESSAGES_MAX),
                ..MessageQuery::default()
            };
            let named = Named::of(source)?;
            let found = block_on(async {
                Reading::open(&named).await?.messages(&query).await.map_err(|error| refused(&error))
            })?;
            list(&found, console)
        }
        Action::Show { source, number, steps } => {
            let named = Named::of(source)?;
            let found = block_on(async {
                Reading::open(&named).await?.message(*number).await.map_err(|error| refused(&error))
            })?;
            queue_show::show(&found.ok_or_else(|| no_message(*number))?, *steps, console)
        }
        Action::Retry(Chosen { source, numbers }) => decide(source, &Order::Retry(numbers.clone()), console),
        Action::Drop(Chosen { source, numbers }) => decide(source, &Order::Drop(numbers.clone()), console),
        Action::Replay { source, numbers, connection, since } => {
            let order = match (connection, since) {
                (Some(connection), Some(since)) => {
                    Order::ReplaySince { connection: connection.clone(), since: *since }
                }
                _ => Order::Replay(numbers.clone()),
            };
            decide(source, &order, console)
        }
    }
}

fn no_message(number: i64) -> Stop {
    let message = format!("there is no message {number}");
    Stop::Issue(Box::new(Issue::error(codes::NO_MESSAGE, Span::default(), message)))
}

fn list(messages: &[Message], console: &Console) -> Result<Verdict, Stop> {
    if console.is_json() {
        Console::print_json(&messages.iter().map(row).collect::<Vec<Value>>())?;
        return Ok(Verdict::Clean);
    }
    for message in messages {
        let fault = message.fault.as_ref();
        let fault =
            fault.map_or_else(String::new, |fault| format!("  {} {}", fault.class.as_str(), fault.code));
        Console::print(&format!(
            "{}  {}  {}  {}  {}  {} bytes  {} attempts{fault}\n",
            message.number,
            message.queue.as_str(),
            message.connection,
            message.state.as_str(),
            moment(message.received),
            message.length,
            message.attempts
        ))?;
    }
    if messages.is_empty() {
        Console::print("no message\n")?;
    }
    Ok(Verdict::Clean)
}

/// A message for programs, without its body, its key and its lane.
pub(super) fn row(message: &Message) -> Value {
    json!({
        "number": message.number,
        "queue": message.queue.as_str(),
        "tenant": message.tenant.0,
        "connection": message.connection,
        "system": message.unit,
        "state": message.state.as_str(),
        "received": moment(message.received),
        "finished": message.finished.map(moment),
        "bytes": message.length,
        "attempts": message.attempts,
        "replays": message.replays,
        "class": message.fault.as_ref().map(|fault| fault.class.as_str()),
        "code": message.fault.as_ref().map(|fault| &fault.code),
        "map": message.map,
        "told": message.told,
    })
}

/// Carries an order out, or hands it over to the exchange that has the store open.
fn decide(source: &str, order: &Order, console: &Console) -> Result<Verdict, Stop> {
    let carried = match Named::of(source)? {
        Named::Database(url) => block_on(async {
            let options = PostgresOptions::new(&url).map_err(|error| refused(&error))?;
            let store = Postgres::open(&options).await.map_err(|error| refused(&error))?;
            carry_out(&store, order).await.map(Some).map_err(|error| refused(&error))
        })?,
        Named::File(path) => in_file(&path, order)?,
        Named::Dump(_) => return Err(no_queue()),
    };
    match carried {
        Some(carried) => told(carried, console),
        None => {
            if console.is_json() {
                Console::print_json(&json!({ "handed-over": true }))?;
            } else {
                Console::print("handed over to the exchange that is running\n")?;
            }
            Ok(Verdict::Clean)
        }
    }
}

/// Nothing is told where another process has the store open: the order is handed over to it.
fn in_file(path: &Path, order: &Order) -> Result<Option<Carried>, Stop> {
    match Sqlite::open(&SqliteOptions::new(path)) {
        Ok(store) => {
            block_on(async { carry_out(&store, order).await.map(Some).map_err(|error| refused(&error)) })
        }
        Err(StoreError::Held) => {
            let data = path.parent().unwrap_or(Path::new("."));
            let order = Handed::Messages(order.clone());
            hand_over(data, &order).map_err(|source| Stop::Unwritable { path: data.to_owned(), source })?;
            Ok(None)
        }
        Err(error) => Err(refused(&error)),
    }
}

fn told(carried: Carried, console: &Console) -> Result<Verdict, Stop> {
    let Carried { changed, refused } = carried;
    if console.is_json() {
        Console::print_json(&carried)?;
    } else {
        Console::print(&format!("{changed} messages changed\n"))?;
        if refused > 0 {
            Console::note(&format!("{refused} are not there, or in no state for that (X623)\n"));
        }
    }
    Ok(Verdict::of(refused > 0))
}

fn no_queue() -> Stop {
    Stop::usage("a dump has no queues", "name a folder of data or a database")
}

/// The queues of a store, which an exchange may have open.
pub(super) enum Reading {
    File(Box<Beside>),
    Database(Box<Postgres>),
}

impl Reading {
    /// Opens what is named. To be called inside a runtime.
    pub(super) async fn open(named: &Named) -> Result<Self, Stop> {
        match named {
            Named::Database(url) => {
                let options = PostgresOptions::new(url).map_err(|error| refused(&error))?;
                let store = Postgres::open(&options).await.map_err(|error| refused(&error))?;
                Ok(Self::Database(Box::new(store)))
            }
            Named::File(path) => {
                Beside::open(path).map(Box::new).map(Self::File).map_err(|error| refused(&error))
            }
            Named::Dump(_) => Err(no_queue()),
        }
    }

    /// See [`Queues::messages`].
    pub(super) async fn messages(&self, query: &MessageQuery) -> Result<Vec<Message>, StoreError> {
        match self {
            Self::File(store) => store.messages(query).await,
            Self::Database(store) => store.messages(query).await,
        }
    }

    /// See [`Queues::message`].
    pub(super) async fn message(&self, number: i64) -> Result<Option<Message>, StoreError> {
        match self {
            Self::File(store) => store.message(number).await,
            Self::Database(store) => store.message(number).await,
        }
    }

    /// See [`Queues::depths`].
    pub(super) async fn depths(&self) -> Result<Vec<Depth>, StoreError> {
        match self {
            Self::File(store) => store.depths().await,
            Self::Database(store) => store.depths().await,
        }
    }

    /// See [`Queues::sources`].
    pub(super) async fn sources(&self) -> Result<Vec<Source>, StoreError> {
        match self {
            Self::File(store) => store.sources().await,
            Self::Database(store) => store.sources().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_and_shown() {
        let check = |text: &str, shown: Option<&str>| {
            assert_eq!(since(text).ok().map(moment).as_deref(), shown, "{text}");
        };
        check("2026-11-20", Some("2026-11-20T00:00:00Z"));
        check("2026-11-20T08:30:05Z", Some("2026-11-20T08:30:05Z"));
        check("2026-11-20T08:30:05", None);
        check("2026-13-20", None);
        check("yesterday", None);
        check("2026-11", None);
    }
}
