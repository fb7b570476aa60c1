//! Files in a folder. A unit's file is taken when it is whole, kept durably, and only then moved to the archive; one
//! that cannot be read is kept among the dead letters and moved to the folder of errors, with the reason beside it.
//!
//! What is handed over by a rename is whole. Of who writes in place nobody knows when it is done: such a file is taken
//! when it has not changed for a while, or when a marker beside it says so.

use super::inbox::{Accept, MESSAGE_BYTES_MAX, Received, Refused};
use super::lane;
use super::settings::DirectoryTable;
use crate::diag::codes::{self, Code};
use crate::store::Message;
use std::collections::{HashMap, VecDeque};
use std::fs::{self, File, Metadata};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

/// Files that are taken in one look.
const FILES_MAX: usize = 64;
/// Entries of the folder that are looked at in one look.
const ENTRIES_MAX: usize = 100_000;
/// Endings of files that somebody still writes, beside names that begin with a dot.
const UNFINISHED: [&str; 3] = [".part", ".tmp", ".filepart"];

/// How a file looked: one that looks so again has not changed.
type Look = (u64, Option<SystemTime>);

/// A folder that a unit writes to.
pub struct Directory {
    connection: String,
    unit: Option<&'static str>,
    table: DirectoryTable,
    /// Since when each file looks as it does.
    seen: HashMap<PathBuf, (Look, Instant)>,
    /// Files that were whole when the folder was last gone through and wait for their turn, oldest first.
    waiting: VecDeque<(PathBuf, Look)>,
}

/// What one look into the folder came to.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Looked {
    /// Files that were taken.
    pub taken: usize,
    /// Files that cannot be read, which were set aside.
    pub aside: usize,
    /// The inbox takes nothing now: the rest waits.
    pub is_refused: bool,
    /// More files are whole: the next look need not wait.
    pub has_more: bool,
}

impl Directory {
    /// A folder, with those for what was taken and what cannot be.
    ///
    /// # Errors
    /// One of them cannot be made.
    pub fn new(connection: &str, unit: Option<&'static str>, table: DirectoryTable) -> io::Result<Self> {
        let connection = connection.to_owned();
        let directory = Self { connection, unit, table, seen: HashMap::new(), waiting: VecDeque::new() };
        for folder in [directory.table.folder.clone(), directory.archive(), directory.errors()] {
            fs::create_dir_all(folder)?;
        }
        Ok(directory)
    }

    /// How long to wait between two looks.
    pub fn every(&self) -> Duration {
        Duration::from_millis(self.table.every_ms.max(1))
    }

    fn archive(&self) -> PathBuf {
        self.table.archive.clone().unwrap_or_else(|| self.table.folder.join("archive"))
    }

    fn errors(&self) -> PathBuf {
        self.table.errors.clone().unwrap_or_else(|| self.table.folder.join("errors"))
    }

    /// Takes what is whole, oldest first.
    ///
    /// # Errors
    /// The folder cannot be read, or a file that was taken cannot be moved; it is then known by its content.
    pub async fn look(&mut self, inbox: &impl Accept) -> io::Result<Looked> {
        let mut looked = Looked::default();
        // Where anything goes wrong, the folder is gone through anew: none overtakes one that has to come again.
        let mut ready = std::mem::take(&mut self.waiting);
        if ready.is_empty() {
            ready = self.whole()?;
        }
        let rest = ready.split_off(ready.len().min(FILES_MAX));
        ready.retain(|(path, look)| self.is_whole_still(path, *look));
        let mut messages = Vec::with_capacity(ready.len());
        let mut paths = Vec::with_capacity(ready.len());
        for (path, (length, _)) in ready {
            match length {
                length if length > MESSAGE_BYTES_MAX as u64 => {
                    self.set_aside(&path, codes::MESSAGE_LONG)?;
                    looked.aside += 1;
                }
                _ => {
                    messages.push(lane::received(&self.connection, self.unit, fs::read(&path)?));
                    paths.push(path);
                }
            }
        }
        let unreadable: Vec<Option<&'static Code>> =
            messages.iter().map(|message: &Received| message.unreadable).collect();
        let answers = inbox.accept_all(messages).await;
        for ((path, unreadable), answer) in paths.iter().zip(unreadable).zip(answers) {
            match (answer, unreadable) {
                (Ok(receipt), None) => {
                    let name = format!("{}-{}", receipt.number, name_of(path));
                    self.forget(path, &self.archive().join(name))?;
                    looked.taken += 1;
                }
                (Ok(_), Some(code)) => {
                    self.set_aside(path, code)?;
                    looked.aside += 1;
                }
                (Err(Refused::TooLong), _) => {
                    self.set_aside(path, codes::MESSAGE_LONG)?;
                    looked.aside += 1;
                }
                (Err(_), _) => looked.is_refused = true,
            }
        }
        if !looked.is_refused {
            looked.has_more = !rest.is_empty();
            self.waiting = rest;
        }
        Ok(looked)
    }

    /// True where nobody has touched a file since the folder was gone through.
    fn is_whole_still(&self, path: &Path, look: Look) -> bool {
        let now = fs::symlink_metadata(path);
        now.is_ok_and(|metadata| metadata.is_file() && look_of(&metadata) == look)
            && !self.is_unfinished(path)
    }

    /// Files that are whole, oldest first.
    fn whole(&mut self) -> io::Result<VecDeque<(PathBuf, Look)>> {
        let now = Instant::now();
        let settle = Duration::from_millis(self.table.settle_ms);
        let mut seen = HashMap::new();
        let mut ready = Vec::new();
        for entry in fs::read_dir(&self.table.folder)?.take(ENTRIES_MAX) {
            let entry = entry?;
            let path = entry.path();
            // A link may lead anywhere; what was renamed a moment ago is not there any more.
            let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
            if !metadata.is_file() || self.is_unfinished(&path) {
                continue;
            }
            let look = look_of(&metadata);
            let since = match self.seen.get(&path) {
                Some((before, since)) if *before == look => *since,
                _ => now,
            };
            if now.duration_since(since) >= settle {
                ready.push((look.1, path.clone(), look));
            }
            seen.insert(path, (look, since));
        }
        self.seen = seen;
        ready.sort();
        Ok(ready.into_iter().map(|(_, path, look)| (path, look)).collect())
    }

    fn is_unfinished(&self, path: &Path) -> bool {
        let name = name_of(path);
        if name.starts_with('.') || UNFINISHED.iter().any(|ending| name.ends_with(ending)) {
            return true;
        }
        let Some(marker) = &self.table.marker else { return false };
        let mut beside = path.as_os_str().to_owned();
        beside.push(marker);
        name.ends_with(marker.as_str()) || !Path::new(&beside).exists()
    }

    /// Moves a file that was taken, and takes its marker away.
    fn forget(&self, path: &Path, to: &Path) -> io::Result<()> {
        fs::rename(path, to)?;
        if let Some(marker) = &self.table.marker {
            let mut beside = path.as_os_str().to_owned();
            beside.push(marker);
            fs::remove_file(beside)?;
        }
        Ok(())
    }

    /// Moves a file that cannot be read, and says why beside it.
    fn set_aside(&self, path: &Path, code: &'static Code) -> io::Result<()> {
        let to = unused(&self.errors(), &name_of(path));
        let mut why = to.as_os_str().to_owned();
        why.push(".why.txt");
        fs::write(why, format!("{}: {}\n{}\n", code.id, code.title, code.help))?;
        self.forget(path, &to)
    }
}

/// A folder that a unit reads from.
pub struct Outgoing {
    folder: PathBuf,
}

impl Outgoing {
    /// The folder of the settings.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn new(table: &DirectoryTable) -> io::Result<Self> {
        fs::create_dir_all(&table.folder)?;
        Ok(Self { folder: table.folder.clone() })
    }

    /// Hands a document over: it has its name only when it is whole and on the disk. The same message again is the same
    /// file.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn send(&self, message: &Message) -> io::Result<String> {
        let body = message.body.as_deref().unwrap_or_default();
        let name = format!("{:012}-{}.{}", message.number, plain(&message.key), ending(body));
        let part = self.folder.join(format!(".{name}.part"));
        let mut file = File::create(&part)?;
        file.write_all(body)?;
        file.sync_all()?;
        fs::rename(&part, self.folder.join(&name))?;
        File::open(&self.folder)?.sync_all()?;
        Ok(name)
    }
}

/// The ending that tells people and programs what a document is.
fn ending(body: &[u8]) -> &'static str {
    let start = body.iter().find(|byte| !byte.is_ascii_whitespace() && !matches!(byte, 0xef | 0xbb | 0xbf));
    match start {
        Some(b'{' | b'[') => "json",
        Some(b'<') => "xml",
        _ if body.starts_with(b"MSH") => "hl7",
        _ => "csv",
    }
}

/// A key as a part of a file's name.
fn plain(key: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '.' { c } else { '_' };
    key.chars().map(plain).take(100).collect()
}

fn look_of(metadata: &Metadata) -> Look {
    (metadata.len(), metadata.modified().ok())
}

fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// A path in a folder that nothing has yet.
fn unused(folder: &Path, name: &str) -> PathBuf {
    let first = folder.join(name);
    let others = (2..u32::MAX).map(|n| folder.join(format!("{n}-{name}")));
    std::iter::once(first).chain(others).find(|path| !path.exists()).unwrap_or_else(|| folder.join(name))
}
