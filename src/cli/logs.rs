//! Where the commands that read a store find it: a folder of data, a file, a dump, a database.

use super::console::Stop;
use super::serve::STORE_FILE;
use crate::diag::{Issue, Span};
use crate::store::{
    Beside, DumpError, Fault, Flaw, Head, Logs, NoteQuery, Noted, Postgres, PostgresOptions, Start,
    StoreError, notes_of,
};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

/// How a file of SQLite starts.
const SQLITE_START: &[u8] = b"SQLite format 3\0";

/// The logs of a store, wherever it is.
pub(super) enum Source {
    /// A store in a file, which a server may have open.
    File(Box<Beside>),
    /// A database.
    Database(Box<Postgres>),
    /// A dump.
    Dump(Dumped),
}

/// Where a store is, as it is named on the command line.
pub(super) enum Named {
    Database(String),
    File(PathBuf),
    Dump(PathBuf),
}

impl Named {
    /// What a word stands for: the address of a database, a folder of data, a file of either kind.
    pub(super) fn of(word: &str) -> Result<Self, Stop> {
        if word.starts_with("postgresql://") || word.starts_with("postgres://") {
            return Ok(Self::Database(word.to_owned()));
        }
        let mut path = PathBuf::from(word);
        if path.is_dir() {
            path.push(STORE_FILE);
        }
        if is_sqlite(&path)? { Ok(Self::File(path)) } else { Ok(Self::Dump(path)) }
    }
}

/// True of a file of SQLite.
fn is_sqlite(path: &Path) -> Result<bool, Stop> {
    let unreadable = |source| Stop::Unreadable { path: path.to_owned(), source };
    let mut start = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(SQLITE_START.len() as u64).read_to_end(&mut start).map_err(unreadable)?;
    Ok(start == SQLITE_START)
}

impl Source {
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
            Named::Dump(path) => Dumped::read(path).map(Self::Dump),
        }
    }
}

/// Why a store cannot be used, with its permanent code.
pub(super) fn refused(error: &StoreError) -> Stop {
    Stop::Issue(Box::new(Issue::error(error.code(), Span::default(), error.to_string())))
}

/// Runs what waits for a store.
pub(super) fn block_on<T>(work: impl Future<Output = Result<T, Stop>>) -> Result<T, Stop> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Stop::System)?;
    runtime.block_on(work)
}

impl Logs for Source {
    async fn notes(&self, query: &NoteQuery) -> Result<Vec<Noted>, StoreError> {
        match self {
            Self::File(store) => store.notes(query).await,
            Self::Database(store) => store.notes(query).await,
            Self::Dump(dump) => Ok(dump.notes(query)),
        }
    }

    async fn heads(&self) -> Result<Vec<Head>, StoreError> {
        match self {
            Self::File(store) => store.heads().await,
            Self::Database(store) => store.heads().await,
            Self::Dump(dump) => Ok(dump.heads()),
        }
    }

    async fn stray(&self) -> Result<Option<Fault>, StoreError> {
        match self {
            Self::File(store) => store.stray().await,
            Self::Database(store) => store.stray().await,
            Self::Dump(dump) => Ok(dump.stray()),
        }
    }
}

/// The logs of a dump, in memory, in the order of its lines.
pub(super) struct Dumped(BTreeMap<(u32, String), Vec<Noted>>);

impl Dumped {
    fn read(path: &Path) -> Result<Self, Stop> {
        let file = File::open(path).map_err(|source| Stop::Unreadable { path: path.to_owned(), source })?;
        let mut logs: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for noted in notes_of(&mut BufReader::new(file)) {
            let noted = noted.map_err(|error| dump_refused(&error))?;
            logs.entry((noted.tenant.0, noted.log.clone())).or_default().push(noted);
        }
        Ok(Self(logs))
    }

    fn notes(&self, query: &NoteQuery) -> Vec<Noted> {
        let rows = self.0.get(&(query.tenant.0, query.log.clone())).map(Vec::as_slice).unwrap_or_default();
        let is_wanted = |noted: &&Noted| {
            query.client.is_none_or(|client| noted.person.as_ref().is_some_and(|it| it.client == client))
                && query.from.is_none_or(|from| noted.time >= from)
                && query.until.is_none_or(|until| noted.time <= until)
        };
        let rows = rows.iter().filter(is_wanted);
        match query.start {
            Start::After(place) => {
                rows.filter(|noted| noted.place > place).take(query.count).cloned().collect()
            }
            Start::Before(place) => {
                let rows = rows.rev().filter(|noted| place.is_none_or(|place| noted.place < place));
                rows.take(query.count).cloned().collect()
            }
        }
    }

    /// A dump says nowhere else where its logs end.
    fn heads(&self) -> Vec<Head> {
        let last = |rows: &Vec<Noted>| rows.last().cloned();
        let head =
            |last: Noted| Head { tenant: last.tenant, log: last.log, size: last.place, hash: last.hash };
        self.0.values().filter_map(last).map(head).collect()
    }

    /// A line that does not stand behind the one before it.
    fn stray(&self) -> Option<Fault> {
        let pairs = self.0.values().flat_map(|rows| rows.windows(2));
        let back = pairs.filter_map(|pair| pair.first().zip(pair.last()));
        let back =
            back.filter(|(before, after)| after.place <= before.place).map(|(_, after)| after).next()?;
        Some(Fault { tenant: back.tenant, log: back.log.clone(), place: back.place, flaw: Flaw::Stray })
    }
}

/// Why a dump cannot be used, with its permanent code where it has one.
pub(super) fn dump_refused(error: &DumpError) -> Stop {
    Stop::Issue(Box::new(Issue::error(error.code(), Span::default(), error.to_string())))
}
