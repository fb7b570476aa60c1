//! Where translated documents go: standard output, one file, or a folder.

use super::bulk::{Entry, Inputs};
use super::console::{Console, Stop};
use super::files::{self, Whole};
use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where translated documents go.
#[derive(Debug)]
pub(super) enum Sink {
    /// Standard output.
    Stdout,
    /// One file, complete at the end; begun with the first document, so that a run that makes none leaves the
    /// file that was there.
    File(PathBuf, Option<Box<Whole>>),
    /// A folder, and the NDJSON file that is being written with its input.
    Folder(Arc<Folder>, Option<(PathBuf, Whole)>),
}

/// A folder of outputs.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// `fhir.json`: what the names of the outputs end in.
    ending: String,
    /// Files that no output may replace.
    inputs: HashSet<PathBuf>,
}

impl Sink {
    /// Chooses by the options.
    ///
    /// # Errors
    /// The output would replace an input, or the folder cannot be made.
    pub(super) fn new(
        out: Option<&Path>,
        folder: Option<&Path>,
        ending: String,
        inputs: &Inputs,
    ) -> Result<Self, Stop> {
        let known = inputs
            .entries
            .iter()
            .filter_map(|entry| fs::canonicalize(&entry.path).ok())
            .collect::<HashSet<_>>();
        if let Some(path) = folder {
            fs::create_dir_all(path).map_err(|source| Stop::Unwritable { path: path.to_owned(), source })?;
            return Ok(Self::Folder(Arc::new(Folder { path: path.to_owned(), ending, inputs: known }), None));
        }
        let Some(out) = out else { return Ok(Self::Stdout) };
        if fs::canonicalize(out).is_ok_and(|out| known.contains(&out)) {
            let message = format!("`{}` is an input and would be replaced", out.display());
            return Err(Stop::usage(
                message,
                "give another name with -o; to change a document in place use `sauma put`",
            ));
        }
        Ok(Self::File(out.to_owned(), None))
    }

    /// Takes the output of one document that is written in order.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn put(&mut self, entry: &Entry, bytes: &[u8]) -> Result<(), Stop> {
        match self {
            Self::Stdout => Console::out(bytes),
            Self::File(path, file) => {
                let file = match file {
                    Some(file) => file,
                    None => file.insert(Box::new(Whole::create(path)?)),
                };
                file.write(bytes)
            }
            Self::Folder(folder, open) => folder.line(open, entry, bytes),
        }
    }

    /// Completes what is open.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn finish(self) -> Result<(), Stop> {
        match self {
            Self::Stdout => Ok(()),
            Self::File(_, file) => file.map_or(Ok(()), |file| file.commit()),
            Self::Folder(_, open) => open.map_or(Ok(()), |(_, file)| file.commit()),
        }
    }

    /// The folder, for workers that write whole files themselves.
    pub(super) fn folder(&self) -> Option<Arc<Folder>> {
        match self {
            Self::Folder(folder, _) => Some(Arc::clone(folder)),
            Self::Stdout | Self::File(..) => None,
        }
    }
}

impl Folder {
    /// Writes the output of a file that holds one document. Workers call it side by side.
    ///
    /// # Errors
    /// It cannot be written, or would replace an input.
    pub(super) fn file(&self, entry: &Entry, bytes: &[u8]) -> Result<PathBuf, Stop> {
        let path = self.place(entry, &self.ending)?;
        files::write(&path, bytes)?;
        Ok(path)
    }

    fn place(&self, entry: &Entry, ending: &str) -> Result<PathBuf, Stop> {
        let mut name = self.path.join(&entry.stem).into_os_string();
        name.push(".");
        name.push(ending);
        let path = PathBuf::from(name);
        let refuse = |source| Stop::Unwritable { path: path.clone(), source };
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(refuse)?;
        }
        if fs::canonicalize(&path).is_ok_and(|path| self.inputs.contains(&path)) {
            return Err(refuse(io::Error::new(io::ErrorKind::AlreadyExists, "it is an input of this run")));
        }
        Ok(path)
    }

    fn line(&self, open: &mut Option<(PathBuf, Whole)>, entry: &Entry, bytes: &[u8]) -> Result<(), Stop> {
        let is_open = open.as_ref().is_some_and(|(path, _)| *path == entry.path);
        if !is_open {
            if let Some((_, file)) = open.take() {
                file.commit()?;
            }
            let ending = format!("{}.ndjson", self.ending.split('.').next().unwrap_or("out"));
            *open = Some((entry.path.clone(), Whole::create(&self.place(entry, &ending)?)?));
        }
        open.as_mut().map_or(Ok(()), |(_, file)| file.write(bytes))
    }
}
