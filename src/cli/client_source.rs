//! Where the documents of many clients come from, one client after the other.

use super::bulk::{self, work_all};
use super::console::{Console, Stop};
use super::files;
use super::input::From;
use super::plans::contributions;
use crate::diag::{Issue, Span, codes};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufReader, Error, ErrorKind};
use std::path::{Path, PathBuf};

/// Clients of one batch.
const BATCH_MAX: usize = 256;
/// Bytes of the lines of one batch; one client over it is a batch by itself.
const BATCH_BYTES_MAX: usize = 16 << 20;
/// Documents of one client.
const DOCUMENTS_MAX: usize = 10_000;
/// Letters of the name of a client, which is that of a file.
const NAME_BYTES_MAX: usize = 200;

/// A client, and where the documents about the client are.
#[derive(Debug)]
pub(super) struct Client {
    /// What the client's plan is called.
    pub(super) name: String,
    /// The documents.
    pub(super) work: Work,
}

/// The documents of a client.
#[derive(Debug)]
pub(super) enum Work {
    /// Files and folders.
    Files(Vec<PathBuf>),
    /// Documents with their names.
    Texts(Vec<(String, Vec<u8>)>),
    /// What was to tell of them cannot be read.
    Unread(Box<Issue>),
}

impl Client {
    /// Tells one client from another of one run.
    pub(super) fn key(&self) -> u64 {
        hash(&self.name)
    }

    fn bytes(&self) -> usize {
        match &self.work {
            Work::Texts(texts) => texts.iter().map(|(_, text)| text.len()).sum(),
            Work::Files(_) | Work::Unread(_) => 0,
        }
    }
}

/// A source of clients.
pub(super) struct Clients {
    sources: std::vec::IntoIter<Source>,
    open: Option<Open>,
    count: Option<usize>,
}

/// One of the arguments.
enum Source {
    Folder(Folder),
    Lines(PathBuf),
}

/// The folders of clients, and files that are put together. Of a folder no more is kept than its name: there may be
/// hundreds of thousands.
struct Folder {
    path: PathBuf,
    names: std::vec::IntoIter<Box<OsStr>>,
    files: std::vec::IntoIter<Client>,
}

impl Folder {
    fn len(&self) -> usize {
        self.names.len() + self.files.len()
    }

    fn next(&mut self) -> Option<Client> {
        let of_folder = self.names.next().map(|name| {
            let work = Work::Files(vec![self.path.join(&*name)]);
            Client { name: name.to_string_lossy().into_owned(), work }
        });
        of_folder.or_else(|| self.files.next())
    }
}

enum Open {
    Folder(Folder),
    Lines(Lines),
}

/// Finds the clients that the arguments name.
///
/// # Errors
/// One of them is not there, or is no folder and no NDJSON file.
pub(super) fn open(arguments: &[PathBuf], from: From, console: &Console) -> Result<Clients, Stop> {
    let mut sources = Vec::new();
    let mut count = Some(0);
    for path in arguments {
        let unreadable = |source| Stop::Unreadable { path: path.clone(), source };
        if fs::metadata(path).map_err(unreadable)?.is_dir() {
            let clients = of_folder(path, from, console)?;
            count = count.map(|count| count + clients.len());
            sources.push(Source::Folder(clients));
        } else if bulk::is_lines(path) {
            // How many there are is known only at the end.
            count = None;
            sources.push(Source::Lines(path.clone()));
        } else {
            let message = format!("`{}` is no folder and no NDJSON file", path.display());
            return Err(Stop::usage(message, "the documents of one client are joined by `sauma join`"));
        }
    }
    Ok(Clients { sources: sources.into_iter(), open: None, count })
}

impl Clients {
    /// How many there are, where that is known.
    pub(super) const fn count(&self) -> Option<usize> {
        self.count
    }

    /// The next clients; none at the end.
    ///
    /// # Errors
    /// A file cannot be opened.
    pub(super) fn batch(&mut self) -> Result<Vec<Client>, Stop> {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while batch.len() < BATCH_MAX && bytes < BATCH_BYTES_MAX {
            let Some(client) = self.next()? else { break };
            bytes += client.bytes();
            batch.push(client);
        }
        Ok(batch)
    }

    fn next(&mut self) -> Result<Option<Client>, Stop> {
        loop {
            let found = match &mut self.open {
                Some(Open::Folder(clients)) => clients.next(),
                Some(Open::Lines(lines)) => lines.next(),
                None => None,
            };
            if found.is_some() {
                return Ok(found);
            }
            self.open = match self.sources.next() {
                None => return Ok(None),
                Some(Source::Folder(clients)) => Some(Open::Folder(clients)),
                Some(Source::Lines(path)) => Some(Open::Lines(Lines::open(path)?)),
            };
        }
    }
}

/// The clients of a folder: its folders, and who the documents beside them are about.
fn of_folder(folder: &Path, from: From, console: &Console) -> Result<Folder, Stop> {
    let unreadable = |source| Stop::Unreadable { path: folder.to_owned(), source };
    let (mut names, mut files) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name();
        if name.to_string_lossy().starts_with('.') {
            continue;
        }
        if names.len() + files.len() >= bulk::FILES_MAX {
            return Err(unreadable(Error::new(ErrorKind::InvalidInput, "it holds too much")));
        }
        if entry.file_type().map_err(unreadable)?.is_dir() {
            names.push(name.into_boxed_os_str());
        } else if bulk::is_document(&entry.path()) {
            files.push(entry.path());
        }
    }
    names.sort_unstable();
    files.sort();
    let files = by_code(&files, from, console)?.into_iter();
    Ok(Folder { path: folder.to_owned(), names: names.into_iter(), files })
}

/// Puts documents together by the identity code of their client. The first pass keeps of each no more than a hash of the
/// code; the documents are read again when their client's turn comes.
fn by_code(files: &[PathBuf], from: From, console: &Console) -> Result<Vec<Client>, Stop> {
    let code = |path: &PathBuf| -> Option<u64> {
        let document = [(path.to_string_lossy().into_owned(), files::read(path).ok()?)];
        let (found, _) = contributions(&document, from, console);
        Some(hash(found?.first()?.client_code()?.as_str()))
    };
    let mut places: HashMap<u64, usize> = HashMap::new();
    let mut clients: Vec<Client> = Vec::new();
    for batch in files.chunks(BATCH_MAX) {
        for (path, code) in batch.iter().zip(work_all(batch, &code)?) {
            // A document without a code is read alone: what is wrong with it, or whose plan it is, comes out then.
            let place = code.map_or(clients.len(), |code| *places.entry(code).or_insert(clients.len()));
            if let Some(Client { work: Work::Files(paths), .. }) = clients.get_mut(place) {
                paths.push(path.clone());
                continue;
            }
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            clients.push(Client { name, work: Work::Files(vec![path.clone()]) });
        }
    }
    Ok(clients)
}

/// A line of an NDJSON file.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    client: String,
    name: String,
    document: String,
}

/// An NDJSON file whose lines name a client and hold a document.
struct Lines {
    path: PathBuf,
    reader: BufReader<File>,
    number: u32,
    /// The first line of the next client, or one that cannot be read.
    ahead: Option<Result<Line, Box<Issue>>>,
    /// The line before could not be read, and may have been the next client's.
    is_torn: bool,
}

impl Lines {
    fn open(path: PathBuf) -> Result<Self, Stop> {
        match File::open(&path) {
            Ok(file) => {
                let reader = BufReader::with_capacity(1 << 16, file);
                Ok(Self { path, reader, number: 0, ahead: None, is_torn: false })
            }
            Err(source) => Err(Stop::Unreadable { path, source }),
        }
    }

    /// The next client; a line that cannot be read is one by itself. Nobody knows whose it was, so that the clients beside
    /// it are not joined: a plan that silently lacks a document would pass for the whole.
    fn next(&mut self) -> Option<Client> {
        let mut texts: Vec<(String, Vec<u8>)> = Vec::new();
        let mut client: Option<String> = None;
        let mut is_torn = false;
        while let Some(line) = self.ahead.take().or_else(|| self.line()) {
            let line = match line {
                Ok(line) => line,
                Err(issue) if client.is_none() => {
                    self.is_torn = true;
                    return Some(self.unread(issue));
                }
                Err(issue) => {
                    is_torn = true;
                    self.ahead = Some(Err(issue));
                    break;
                }
            };
            is_torn |= std::mem::take(&mut self.is_torn);
            let is_next = client.as_ref().is_some_and(|client| *client != line.client);
            if is_next || texts.len() >= DOCUMENTS_MAX {
                self.ahead = Some(Ok(line));
                break;
            }
            client.get_or_insert(line.client);
            texts.push((line.name, line.document.into_bytes()));
        }
        let torn =
            || wrong("a line beside those of this client cannot be read, and may be one of them".to_owned());
        let work = if is_torn { Work::Unread(torn()) } else { Work::Texts(texts) };
        client.map(|name| Client { name, work })
    }

    fn line(&mut self) -> Option<Result<Line, Box<Issue>>> {
        loop {
            self.number = self.number.saturating_add(1);
            let bytes = match bulk::line(&mut self.reader) {
                Ok(bytes) => bytes?,
                Err(error) => return Some(Err(wrong(error.to_string()))),
            };
            if bytes.trim_ascii().is_empty() {
                continue;
            }
            // What the parser says may cite a value of the line, so only where it stopped is told.
            let line = serde_json::from_slice::<Line>(&bytes).map_err(|error| {
                wrong(format!("no client with a name and a document, at column {}", error.column()))
            });
            return Some(line.and_then(|line| {
                if is_file_name(&line.client) {
                    Ok(line)
                } else {
                    Err(wrong("the client's name is no name of a file".to_owned()))
                }
            }));
        }
    }

    fn unread(&self, issue: Box<Issue>) -> Client {
        let name = format!("{}:{}", self.path.display(), self.number);
        Client { name, work: Work::Unread(issue) }
    }
}

fn wrong(message: String) -> Box<Issue> {
    Box::new(Issue::error(codes::FILE, Span::default(), message))
}

/// True for a name that leads nowhere else.
fn is_file_name(name: &str) -> bool {
    let is_plain = |letter: char| !letter.is_control() && !matches!(letter, '/' | '\\' | ':');
    !name.is_empty() && name.len() <= NAME_BYTES_MAX && !name.starts_with('.') && name.chars().all(is_plain)
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}
