//! Files: read whole up to a limit, written whole or not at all; folders of unit systems.

use super::console::Stop;
use crate::exchange::unit_folder::{self, Unread};
use crate::mapping::units;
use crate::tree::BYTES_MAX;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How long a run waits for another one to be done with a file.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(30);
/// How long it waits between two tries.
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// Adds the unit systems of folders to those that are built in.
///
/// # Errors
/// A folder cannot be read, or a unit system in it cannot be used.
pub(super) fn add_units(folders: &[PathBuf]) -> Result<(), Stop> {
    if folders.is_empty() {
        return Ok(());
    }
    let mut added = Vec::new();
    for folder in folders {
        added.extend(unit_folder::read(folder).map_err(|unread| match unread {
            Unread::Unreadable { path, source } => Stop::Unreadable { path, source },
            other @ (Unread::NoLens { .. } | Unread::TooMuch { .. }) => Stop::usage(
                other.to_string(),
                "name a folder of a unit system, or one that holds such folders",
            ),
        })?);
    }
    units::add(added).map_err(Stop::Issue)
}

/// Reads a file, `-` for standard input.
///
/// # Errors
/// The file cannot be read, or has more bytes than a document may have.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Stop> {
    let unreadable = |source| Stop::Unreadable { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let limit = BYTES_MAX as u64 + 1;
    if path.as_os_str() == "-" {
        io::stdin().lock().take(limit).read_to_end(&mut bytes).map_err(unreadable)?;
    } else {
        File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes)).map_err(unreadable)?;
    }
    if bytes.len() > BYTES_MAX {
        return Err(unreadable(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it has over {BYTES_MAX} bytes"),
        )));
    }
    Ok(bytes)
}

/// Reads a file of text.
///
/// # Errors
/// As for [`read`], or the bytes are not UTF-8.
pub(super) fn read_text(path: &Path) -> Result<String, Stop> {
    let text = String::from_utf8(read(path)?);
    text.map_err(|error| Stop::Unreadable {
        path: path.to_owned(),
        source: io::Error::new(io::ErrorKind::InvalidData, error.utf8_error()),
    })
}

/// Writes a file whole: whoever reads it sees the old bytes or the new ones.
///
/// # Errors
/// The file cannot be written; nothing is left of it.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), Stop> {
    let mut file = Whole::create(path)?;
    file.write(bytes)?;
    file.commit()
}

/// As [`write`], for one of very many: the system may take its time to make it durable.
///
/// # Errors
/// The file cannot be written; nothing is left of it.
pub(super) fn write_unsynced(path: &Path, bytes: &[u8]) -> Result<(), Stop> {
    let mut file = Whole::create(path)?;
    file.write(bytes)?;
    file.finish(|_| Ok(()))
}

/// Writes several files: all of them, or none.
///
/// All bytes are on the disk before the first name is given, so only the naming is left to fail; then what was named
/// already gets its old bytes back.
///
/// # Errors
/// A file cannot be written.
pub(super) fn write_all(files: &[(PathBuf, Vec<u8>)]) -> Result<(), Stop> {
    let (mut whole, mut before) = (Vec::new(), Vec::new());
    for (path, bytes) in files {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|source| Stop::Unwritable { path: path.clone(), source })?;
        }
        before.push(if path.exists() { Some(read(path)?) } else { None });
        let mut file = Whole::create(path)?;
        file.write(bytes)?;
        file.flush()?;
        whole.push(file);
    }
    for (at, file) in whole.into_iter().enumerate() {
        let Err(stop) = file.commit() else { continue };
        for ((path, _), old) in files.iter().zip(&before).take(at) {
            match old {
                Some(old) => write(path, old)?,
                None => drop(fs::remove_file(path)),
            }
        }
        return Err(stop);
    }
    Ok(())
}

/// The right to read a file and write it anew while no other run does, as long as it is held.
#[derive(Debug)]
pub(super) struct Lock {
    /// The system takes the lock back with the handle, also from a run that is killed.
    _handle: File,
}

impl Lock {
    /// Waits until no other run holds the lock of a file. What is locked is `.NAME.lock` beside it, for the file itself
    /// becomes another one whenever it is written; the lock file stays, for a run that waits may have opened it.
    ///
    /// # Errors
    /// The folder cannot be written to, its file system has no locks, or another run holds the lock for too long.
    pub(super) fn hold(path: &Path) -> Result<Self, Stop> {
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let refuse = |source| Stop::Unwritable { path: path.clone(), source };
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let beside = path.with_file_name(format!(".{name}.lock"));
        let mut options = fs::OpenOptions::new();
        let handle = options.create(true).truncate(false).write(true).open(beside).map_err(refuse)?;
        let since = Instant::now();
        loop {
            match handle.try_lock() {
                Ok(()) => return Ok(Self { _handle: handle }),
                Err(fs::TryLockError::Error(source)) => return Err(refuse(source)),
                Err(fs::TryLockError::WouldBlock) if since.elapsed() > LOCK_WAIT_MAX => {
                    let held = "another run has held it for half a minute";
                    return Err(refuse(io::Error::new(io::ErrorKind::TimedOut, held)));
                }
                Err(fs::TryLockError::WouldBlock) => std::thread::sleep(LOCK_PAUSE),
            }
        }
    }
}

/// A file that appears under its name only when it is complete. Dropped before, it leaves nothing.
#[derive(Debug)]
pub(super) struct Whole {
    path: PathBuf,
    temporary: PathBuf,
    file: Option<io::BufWriter<File>>,
}

impl Whole {
    /// Starts a file beside the place it will have, on the same file system, so that renaming is one step.
    ///
    /// # Errors
    /// The folder cannot be written to.
    pub(super) fn create(path: &Path) -> Result<Self, Stop> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        // A link stays a link: what it points at is replaced.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let temporary = path.with_file_name(format!(".{name}.{}-{number}.tmp", std::process::id()));
        let opened = fs::OpenOptions::new().write(true).create_new(true).open(&temporary);
        match opened {
            Ok(file) => Ok(Self { path, temporary, file: Some(io::BufWriter::new(file)) }),
            Err(source) => Err(Stop::Unwritable { path, source }),
        }
    }

    /// Adds bytes.
    ///
    /// # Errors
    /// The disk is full or fails.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        let Some(file) = &mut self.file else { return Ok(()) };
        file.write_all(bytes).map_err(|source| Stop::Unwritable { path: self.path.clone(), source })
    }

    /// Hands all bytes over to the disk.
    ///
    /// # Errors
    /// The disk is full or fails.
    fn flush(&mut self) -> Result<(), Stop> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let done = file.flush().and_then(|()| file.get_ref().sync_all());
        done.map_err(|source| Stop::Unwritable { path: self.path.clone(), source })
    }

    /// Makes the bytes durable and gives the file its name and, where it replaces one, that one's permissions.
    ///
    /// # Errors
    /// The disk is full or fails.
    pub(super) fn commit(self) -> Result<(), Stop> {
        self.finish(File::sync_all)
    }

    fn finish(mut self, make_durable: impl Fn(&File) -> io::Result<()>) -> Result<(), Stop> {
        let Some(file) = self.file.take() else { return Ok(()) };
        let finish = || {
            let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
            if let Ok(old) = fs::metadata(&self.path) {
                file.set_permissions(old.permissions())?;
            }
            make_durable(&file)?;
            fs::rename(&self.temporary, &self.path)
        };
        let done = finish();
        if done.is_err() {
            drop(fs::remove_file(&self.temporary));
        }
        done.map_err(|source| Stop::Unwritable { path: self.path.clone(), source })
    }
}

impl Drop for Whole {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            drop(fs::remove_file(&self.temporary));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_not_finished_leaves_nothing() -> Result<(), Box<dyn std::error::Error>> {
        let folder = std::env::temp_dir().join(format!("sauma-files-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let path = folder.join("a.json");
        write(&path, b"old")?;
        let mut half = Whole::create(&path)?;
        half.write(b"new")?;
        drop(half);
        assert_eq!(fs::read(&path)?, b"old");
        assert_eq!(fs::read_dir(&folder)?.count(), 1);
        write(&path, b"new")?;
        assert_eq!(fs::read(&path)?, b"new");
        fs::remove_dir_all(&folder)?;
        Ok(())
    }
}
