//! Many documents: files, folders and NDJSON lines, worked on by all cores and given back in order.
//!
//! Documents are taken in batches, so that memory is bounded whatever the number of files or lines.

use super::console::Stop;
use super::files;
use crate::tree::BYTES_MAX;
use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Files of all folders together.
pub(super) const FILES_MAX: usize = 10_000_000;
/// Folders within folders.
const FOLDER_DEPTH_MAX: usize = 64;
/// Documents of one batch.
const BATCH_ITEMS_MAX: usize = 512;
/// Bytes of the lines of one batch; one line over it is a batch by itself.
const BATCH_BYTES_MAX: usize = 64 << 20;
/// Documents are trees that are walked recursively; a thread's default stack is small for the deepest.
const STACK_BYTES: usize = 16 << 20;
/// What a file of a folder is called when it may be a document.
const ENDINGS: &[&str] = &["json", "xml", "csv", "xlsx", "ndjson", "jsonl"];

/// A file to read.
#[derive(Debug)]
pub(super) struct Entry {
    /// Where it is.
    pub(super) path: PathBuf,
    /// What its output is called, without an ending and relative to the folder of the outputs.
    pub(super) stem: PathBuf,
    /// One document a line.
    pub(super) is_lines: bool,
    /// What stands in it, where it was read already.
    pub(super) content: Option<Vec<u8>>,
}

/// What the arguments name.
#[derive(Debug)]
pub(super) struct Inputs {
    /// Files in the order of the arguments, those of a folder by name.
    pub(super) entries: Vec<Entry>,
    /// Files of folders that are no documents by their names.
    pub(super) skipped: usize,
    /// More than one document may come.
    pub(super) is_many: bool,
}

/// One document to work on.
#[derive(Debug)]
pub(super) struct Item<'a> {
    /// The file.
    pub(super) entry: &'a Entry,
    /// Its line, counted from 1, and what stands there.
    pub(super) line: Option<(u32, io::Result<Vec<u8>>)>,
}

/// Finds the files that the arguments name.
///
/// # Errors
/// One of them is not there.
pub(super) fn expand(arguments: &[PathBuf]) -> Result<Inputs, Stop> {
    expand_as(arguments, ENDINGS)
}

/// The documents of one client, each with its name as the user gave it, read whole.
///
/// # Errors
/// One of them cannot be read, holds a document a line, or there is none.
pub(super) fn documents(arguments: &[PathBuf]) -> Result<Vec<(String, Vec<u8>)>, Stop> {
    let mut documents = Vec::new();
    for entry in expand(arguments)?.entries {
        if entry.is_lines {
            let message = format!("`{}` holds one document a line", entry.path.display());
            return Err(Stop::usage(message, "give the documents of one client as files of their own"));
        }
        documents.push((entry.path.to_string_lossy().into_owned(), files::read(&entry.path)?));
    }
    if documents.is_empty() {
        let help = "a folder is searched for .json, .xml, .csv and .xlsx";
        return Err(Stop::usage("there is no document in what was named", help));
    }
    Ok(documents)
}

/// As [`expand`], for files of other kinds in the folders.
///
/// # Errors
/// One of them is not there.
pub(super) fn expand_as(arguments: &[PathBuf], endings: &[&str]) -> Result<Inputs, Stop> {
    let mut inputs = Inputs { entries: Vec::new(), skipped: 0, is_many: arguments.len() > 1 };
    for path in arguments {
        let unreadable = |source| Stop::Unreadable { path: path.clone(), source };
        if path.as_os_str() == "-" {
            add(&mut inputs, path.clone(), Path::new("stdin"));
        } else if fs::metadata(path).map_err(unreadable)?.is_dir() {
            inputs.is_many = true;
            folder(path, Path::new(""), (endings, 0), &mut inputs)?;
        } else {
            add(&mut inputs, path.clone(), Path::new(path.file_name().unwrap_or_default()));
        }
    }
    inputs.is_many |= inputs.entries.iter().any(|entry| entry.is_lines);
    distinguish(&mut inputs.entries);
    Ok(inputs)
}

/// Links to folders are not followed, so that no circle can be walked.
fn folder(
    path: &Path,
    below: &Path,
    (endings, depth): (&[&str], usize),
    inputs: &mut Inputs,
) -> Result<(), Stop> {
    let unreadable = |source| Stop::Unreadable { path: path.to_owned(), source };
    let mut found =
        fs::read_dir(path).map_err(unreadable)?.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    found.sort_by_key(fs::DirEntry::file_name);
    for entry in found {
        let (name, kind) = (entry.file_name(), entry.file_type().map_err(unreadable)?);
        if name.to_string_lossy().starts_with('.') {
            continue;
        }
        let limited = depth >= FOLDER_DEPTH_MAX || inputs.entries.len() >= FILES_MAX;
        if limited {
            return Err(Stop::usage(
                format!("`{}` holds too much", path.display()),
                "name folders further down",
            ));
        }
        if kind.is_dir() {
            folder(&entry.path(), &below.join(&name), (endings, depth + 1), inputs)?;
        } else if ending(&entry.path()).is_some_and(|ending| endings.contains(&ending.as_str())) {
            add(inputs, entry.path(), &below.join(&name));
        } else {
            inputs.skipped += 1;
        }
    }
    Ok(())
}

fn add(inputs: &mut Inputs, path: PathBuf, name: &Path) {
    let is_lines = is_lines(&path);
    inputs.entries.push(Entry { path, stem: name.with_extension(""), is_lines, content: None });
}

/// True for the name of a file with one document a line.
pub(super) fn is_lines(path: &Path) -> bool {
    ending(path).is_some_and(|ending| matches!(ending.as_str(), "ndjson" | "jsonl"))
}

/// True for the name of a file that may be one document.
pub(super) fn is_document(path: &Path) -> bool {
    !is_lines(path) && ending(path).is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
}

/// True where a text without a name holds one JSON document a line: its first line is a whole object, and another
/// follows.
pub(super) fn is_ndjson(bytes: &[u8]) -> bool {
    let start = bytes.trim_ascii_start();
    let Some((first, rest)) = start.iter().position(|byte| *byte == b'\n').map(|at| start.split_at(at))
    else {
        return false;
    };
    start.starts_with(b"{")
        && rest.trim_ascii_start().starts_with(b"{")
        && serde_json::from_slice::<serde::de::IgnoredAny>(first).is_ok()
}

fn ending(path: &Path) -> Option<String> {
    path.extension().map(|ending| ending.to_string_lossy().to_lowercase())
}

/// Two inputs of one name must not share an output.
fn distinguish(entries: &mut [Entry]) {
    let mut taken: HashSet<PathBuf> = HashSet::new();
    for entry in entries {
        let name = entry.stem.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut number = 2_usize;
        while !taken.insert(entry.stem.clone()) {
            entry.stem.set_file_name(format!("{name}-{number}"));
            number += 1;
        }
    }
}

/// Works on every document; `take` gets the results in order.
///
/// # Errors
/// What `take` says, or no thread can be started.
pub(super) fn run<'a, R: Send>(
    entries: &'a [Entry],
    work: &(dyn Fn(&Item<'a>) -> R + Sync),
    take: &mut dyn FnMut(&Item<'a>, R) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let mut items = Items { entries: entries.iter(), open: None };
    loop {
        let batch = items.batch();
        if batch.is_empty() {
            return Ok(());
        }
        for (item, result) in batch.iter().zip(work_all(&batch, work)?) {
            take(item, result)?;
        }
    }
}

/// Works on every item on all cores, and gives the results in order.
///
/// # Errors
/// No thread can be started.
pub(super) fn work_all<T: Sync, R: Send>(
    batch: &[T],
    work: &(dyn Fn(&T) -> R + Sync),
) -> Result<Vec<R>, Stop> {
    let workers = thread::available_parallelism().map_or(1, usize::from).min(batch.len());
    let next = AtomicUsize::new(0);
    let results: Vec<Mutex<Option<R>>> = batch.iter().map(|_| Mutex::new(None)).collect();
    let one = || {
        while let Some(at) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|at| *at < batch.len()) {
            let result = work(&batch[at]);
            // Each place is locked once by one worker, so no lock is ever poisoned.
            if let Ok(mut place) = results[at].lock() {
                *place = Some(result);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..workers {
            thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, one)?;
        }
        Ok(())
    })
    .map_err(Stop::System)?;
    Ok(results.into_iter().filter_map(|place| place.into_inner().ok().flatten()).collect())
}

/// Documents one after the other; lines are read as they are needed.
struct Items<'a> {
    entries: std::slice::Iter<'a, Entry>,
    open: Option<(&'a Entry, Box<dyn BufRead + 'a>, u32)>,
}

impl<'a> Items<'a> {
    fn batch(&mut self) -> Vec<Item<'a>> {
        let (mut batch, mut bytes) = (Vec::new(), 0_usize);
        while batch.len() < BATCH_ITEMS_MAX && bytes < BATCH_BYTES_MAX {
            let Some(item) = self.next() else { break };
            bytes += item.line.as_ref().and_then(|(_, line)| line.as_ref().ok()).map_or(0, Vec::len);
            batch.push(item);
        }
        batch
    }

    fn next(&mut self) -> Option<Item<'a>> {
        loop {
            if let Some((entry, reader, number)) = &mut self.open {
                let entry = *entry;
                *number = number.saturating_add(1);
                let (line, number) = (line(reader), *number);
                match line {
                    Ok(None) => self.open = None,
                    Ok(Some(line)) if line.trim_ascii().is_empty() => {}
                    Ok(Some(line)) => return Some(Item { entry, line: Some((number, Ok(line))) }),
                    Err(error) => {
                        self.open = None;
                        return Some(Item { entry, line: Some((number, Err(error))) });
                    }
                }
                continue;
            }
            let entry = self.entries.next()?;
            if !entry.is_lines {
                return Some(Item { entry, line: None });
            }
            if let Some(content) = &entry.content {
                self.open = Some((entry, Box::new(content.as_slice()), 0));
                continue;
            }
            match File::open(&entry.path) {
                Ok(file) => self.open = Some((entry, Box::new(BufReader::with_capacity(1 << 16, file)), 0)),
                Err(error) => return Some(Item { entry, line: Some((1, Err(error))) }),
            }
        }
    }
}

/// The next line of a file, without its end; none behind the last one.
///
/// # Errors
/// It cannot be read, or is over the limit of a document.
pub(super) fn line(reader: &mut dyn BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    if reader.take(BYTES_MAX as u64 + 1).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.len() > BYTES_MAX {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("a line has over {BYTES_MAX} bytes"),
        ));
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    }
    Ok(Some(line))
}
