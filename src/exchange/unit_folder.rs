//! Folders of unit systems that are not built in: a lens, its code tables and its definitions, as they are at the time.

use crate::mapping::units::Added;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Unit systems of one folder.
const UNITS_MAX: usize = 1_000;
/// Files of one unit system.
const FILES_MAX: usize = 1_000;
/// Folders below that of a unit system that its stamp looks into: `cases` and those in it.
const STAMP_DEPTH: usize = 2;
/// Bytes of one file.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// The name of the file that makes a folder one of a unit system.
const LENS: &str = "unit.lens";

/// Why a folder was not read.
#[derive(Debug, thiserror::Error)]
pub enum Unread {
    /// The system refuses to read it.
    #[error("{} cannot be read", path.display())]
    Unreadable {
        /// What was to be read.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There is no lens in it, nor in a folder of it.
    #[error("there is no `unit.lens` in {}", path.display())]
    NoLens {
        /// The folder.
        path: PathBuf,
    },
    /// A limit of this module was passed.
    #[error("{} has too many files, or a file that is too large", path.display())]
    TooMuch {
        /// The folder or the file.
        path: PathBuf,
    },
}

/// The unit systems of a folder: itself where it has a `unit.lens`, otherwise each folder in it that has one. A unit
/// system is named as its folder is; `codes/` has its tables and `profiles/` its definitions.
///
/// # Errors
/// It cannot be read, or has no unit system.
pub fn read(folder: &Path) -> Result<Vec<Added>, Unread> {
    folders(folder)?.iter().map(|path| unit(path)).collect()
}

/// The folders of the unit systems of a folder, see [`read`].
///
/// # Errors
/// It cannot be read, or has no unit system.
pub fn folders(folder: &Path) -> Result<Vec<PathBuf>, Unread> {
    if folder.join(LENS).is_file() {
        return Ok(vec![folder.to_owned()]);
    }
    let mut folders = entries(folder, UNITS_MAX)?;
    folders.retain(|path| path.join(LENS).is_file());
    if folders.is_empty() { Err(Unread::NoLens { path: folder.to_owned() }) } else { Ok(folders) }
}

/// The unit system of one folder.
///
/// # Errors
/// It cannot be read.
pub fn unit(folder: &Path) -> Result<Added, Unread> {
    let (codes, profiles) = (folder.join("codes"), folder.join("profiles"));
    let mut files = Vec::new();
    for path in files_of(&codes)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        files.push((format!("codes/{name}"), text(&path)?));
    }
    let is_json = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "json");
    let definitions = files_of(&profiles)?
        .iter()
        .filter(|path| is_json(path))
        .map(|path| text(path))
        .collect::<Result<_, _>>()?;
    Ok(Added { name: name(folder), lens: text(&folder.join(LENS))?, files, definitions })
}

/// The cases of a folder of a unit system, by name.
///
/// # Errors
/// It cannot be read.
pub fn cases(folder: &Path) -> Result<Vec<PathBuf>, Unread> {
    let cases = folder.join("cases");
    if !cases.is_dir() {
        return Ok(Vec::new());
    }
    let mut cases = entries(&cases, FILES_MAX)?;
    cases.retain(|path| path.is_dir());
    Ok(cases)
}

/// The input of a case, where it has one.
///
/// # Errors
/// It cannot be read.
pub fn input(case: &Path) -> Result<Option<Vec<u8>>, Unread> {
    let files = files_of(case)?;
    let input = files.iter().find(|path| path.file_stem().is_some_and(|stem| stem == "input"));
    input.map(|path| bytes(path)).transpose()
}

/// The resources that a case expects, where it says so.
///
/// # Errors
/// They cannot be read.
pub fn expected(case: &Path) -> Result<Option<String>, Unread> {
    let path = case.join("expected.json");
    path.is_file().then(|| text(&path)).transpose()
}

/// By what a changed folder is known without reading its files: when each was written, and its length.
///
/// # Errors
/// It cannot be read.
pub fn stamp(folder: &Path) -> Result<Stamp, Unread> {
    let mut stamp = Vec::new();
    let mut left = vec![(folder.to_owned(), 0)];
    while let Some((folder, depth)) = left.pop() {
        for path in entries(&folder, FILES_MAX)? {
            let unreadable = |source| Unread::Unreadable { path: path.clone(), source };
            let metadata = fs::metadata(&path).map_err(unreadable)?;
            if metadata.is_dir() && depth < STAMP_DEPTH {
                left.push((path, depth + 1));
            } else if metadata.is_file() {
                let written = metadata.modified().map_err(unreadable)?;
                stamp.push((path, written, metadata.len()));
            }
        }
    }
    Ok(stamp)
}

/// The files of a folder of a unit system, each with when it was written and its length.
pub type Stamp = Vec<(PathBuf, SystemTime, u64)>;

/// The files of a folder, by name; none where there is no such folder.
fn files_of(folder: &Path) -> Result<Vec<PathBuf>, Unread> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut files = entries(folder, FILES_MAX)?;
    files.retain(|path| path.is_file());
    Ok(files)
}

fn entries(folder: &Path, most: usize) -> Result<Vec<PathBuf>, Unread> {
    let unreadable = |source| Unread::Unreadable { path: folder.to_owned(), source };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        found.push(entry.map_err(unreadable)?.path());
        if found.len() > most {
            return Err(Unread::TooMuch { path: folder.to_owned() });
        }
    }
    found.sort();
    Ok(found)
}

fn bytes(path: &Path) -> Result<Vec<u8>, Unread> {
    let unreadable = |source| Unread::Unreadable { path: path.to_owned(), source };
    if fs::metadata(path).map_err(unreadable)?.len() > FILE_BYTES_MAX {
        return Err(Unread::TooMuch { path: path.to_owned() });
    }
    fs::read(path).map_err(unreadable)
}

fn text(path: &Path) -> Result<String, Unread> {
    String::from_utf8(bytes(path)?).map_err(|_| Unread::Unreadable {
        path: path.to_owned(),
        source: io::Error::from(io::ErrorKind::InvalidData),
    })
}

/// The name of a folder, also of `.` and `units/..`.
pub fn name(path: &Path) -> String {
    let whole = path.canonicalize();
    let whole = whole.as_deref().unwrap_or(path);
    whole.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
