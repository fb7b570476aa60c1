//! Orders of people: messages are tried again, given up, applied anew; maps are taken anew or go back. A store in a file belongs to the process that
//! has it open; to that one an order is handed over as a file in its folder of data, whole by a rename.

use super::maps::{MapOrder, Turned};
use super::worker::now;
use crate::store::{
    Commit, CommitError, MESSAGES_MAX, MessageQuery, Queue, QueueChange, State, Store, StoreError,
};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::{fs, io};

/// The folder of orders in a folder of data.
const FOLDER: &str = "queue-orders";
/// How the file of what became of maps ends.
const ANSWER: &str = "answer";
/// Bytes of one order.
const ORDER_BYTES_MAX: u64 = 1 << 20;
/// Orders that are carried out at a time.
const ORDERS_MAX: usize = 100;

/// What a person decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Order {
    /// These are tried again at once.
    Retry(Vec<i64>),
    /// These are given up.
    Drop(Vec<i64>),
    /// These are applied anew.
    Replay(Vec<i64>),
    /// What a connection brought at a moment or later is applied anew.
    ReplaySince {
        /// Which connection.
        connection: String,
        /// The moment, in microseconds UTC.
        since: i64,
    },
}

/// An order as it is handed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Handed {
    /// About messages.
    Messages(Order),
    /// About maps: whoever ordered waits for what became of them.
    Maps(MapOrder),
}

/// What an order came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Carried {
    /// Messages that it changed.
    pub changed: usize,
    /// Messages that are not there, or not in a state for it.
    pub refused: usize,
}

/// Carries an order out.
///
/// # Errors
///
/// See [`StoreError`]: what was changed before stays changed, and the same order again does no harm.
pub async fn carry_out<S: Store>(store: &S, order: &Order) -> Result<Carried, StoreError> {
    let mut carried = Carried::default();
    let change = |number: i64| match order {
        Order::Retry(_) => QueueChange::Retry { number },
        Order::Drop(_) => QueueChange::Drop { number, at: now() },
        Order::Replay(_) | Order::ReplaySince { .. } => QueueChange::Replay { number },
    };
    match order {
        Order::Retry(numbers) | Order::Drop(numbers) | Order::Replay(numbers) => {
            for number in numbers {
                carried.count(one(store, *number, change(*number)).await?);
            }
        }
        Order::ReplaySince { connection, since } => {
            let mut query = MessageQuery {
                queue: Some(Queue::In),
                connection: Some(connection.clone()),
                states: vec![State::Done],
                since: Some(*since),
                count: MESSAGES_MAX,
                ..MessageQuery::default()
            };
            loop {
                let page = store.messages(&query).await?;
                let Some(last) = page.last() else { break };
                query.after = last.number;
                for message in &page {
                    carried.count(one(store, message.number, change(message.number)).await?);
                }
            }
        }
    }
    Ok(carried)
}

impl Carried {
    fn count(&mut self, is_changed: bool) {
        self.changed += usize::from(is_changed);
        self.refused += usize::from(!is_changed);
    }
}

async fn one<S: Store>(store: &S, number: i64, change: QueueChange) -> Result<bool, StoreError> {
    let Some(message) = store.message(number).await? else { return Ok(false) };
    let commit = Commit { tenant: message.tenant, queue: vec![change], ..Commit::default() };
    match store.commit(commit).await {
        Ok(_) => Ok(true),
        Err(CommitError::Store(error)) => Err(error),
        Err(CommitError::Queue(_) | CommitError::Expectation(_) | CommitError::Stale(_)) => Ok(false),
    }
}

/// Hands an order over to the process that has the store of a folder open; tells in which file.
///
/// # Errors
/// It cannot be written.
pub fn hand_over(data: &Path, order: &Handed) -> io::Result<PathBuf> {
    let folder = data.join(FOLDER);
    fs::create_dir_all(&folder)?;
    let path = folder.join(format!("{}-{}.json", now(), std::process::id()));
    write_whole(&path, &serde_json::to_vec(order)?)?;
    Ok(path)
}

/// Says beside an order what became of maps.
///
/// # Errors
/// It cannot be written.
pub fn answer(order: &Path, turned: &[Turned]) -> io::Result<()> {
    write_whole(&order.with_extension(ANSWER), &serde_json::to_vec(turned)?)
}

/// What became of maps by an order, once that is said; it is said once.
///
/// # Errors
/// It cannot be read.
pub fn answered(order: &Path) -> io::Result<Option<Vec<Turned>>> {
    let path = order.with_extension(ANSWER);
    match fs::read(&path) {
        Ok(text) => {
            fs::remove_file(path)?;
            Ok(Some(serde_json::from_slice(&text)?))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn write_whole(path: &Path, text: &[u8]) -> io::Result<()> {
    let part = path.with_extension("part");
    fs::write(&part, text)?;
    fs::rename(part, path)
}

/// Orders that were handed over, oldest first, each with its file.
///
/// # Errors
/// The folder cannot be read.
pub fn handed_over(data: &Path) -> io::Result<Vec<(PathBuf, Option<Handed>)>> {
    let entries = match fs::read_dir(data.join(FOLDER)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<PathBuf>>>()?;
    let mut paths: Vec<PathBuf> =
        paths.into_iter().filter(|path| path.extension().is_some_and(|ending| ending == "json")).collect();
    paths.sort();
    let read = |path: &PathBuf| {
        let is_short = fs::metadata(path).is_ok_and(|metadata| metadata.len() <= ORDER_BYTES_MAX);
        let text = fs::read(path).ok().filter(|_| is_short)?;
        serde_json::from_slice(&text).ok()
    };
    Ok(paths.into_iter().take(ORDERS_MAX).map(|path| (path.clone(), read(&path))).collect())
}
