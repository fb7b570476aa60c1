//! Folders of unit systems that are not built in: a lens, its code tables and its definitions, read as they are when the
//! program starts.

use crate::mapping::units::Added;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Unit systems of one folder.
const UNITS_MAX: usize = 1_000;
/// Files of one unit system.
const FILES_MAX: usize = 1_000;
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
    if folder.join(LENS).is_file() {
        return Ok(vec![unit(folder)?]);
    }
    let folders = entries(folder, UNITS_MAX)?;
    let units: Vec<Added> = folders
        .iter()
        .filter(|path| path.join(LENS).is_file())
        .map(|path| unit(path))
        .collect::<Result<_, _>>()?;
    if units.is_empty() { Err(Unread::NoLens { path: folder.to_owned() }) } else { Ok(units) }
}

fn unit(folder: &Path) -> Result<Added, Unread> {
    // `.` and `units/..` have names too.
    let whole =
        fs::canonicalize(folder).map_err(|source| Unread::Unreadable { path: folder.to_owned(), source })?;
    let (codes, profiles) = (folder.join("codes"), folder.join("profiles"));
    let mut files = Vec::new();
    for path in files_of(&codes)? {
        files.push((format!("codes/{}", name(&path)), text(&path)?));
    }
    let is_json = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "json");
    let definitions = files_of(&profiles)?
        .iter()
        .filter(|path| is_json(path))
        .map(|path| text(path))
        .collect::<Result<_, _>>()?;
    Ok(Added { name: name(&whole), lens: text(&folder.join(LENS))?, files, definitions })
}

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

fn text(path: &Path) -> Result<String, Unread> {
    let unreadable = |source| Unread::Unreadable { path: path.to_owned(), source };
    if fs::metadata(path).map_err(unreadable)?.len() > FILE_BYTES_MAX {
        return Err(Unread::TooMuch { path: path.to_owned() });
    }
    fs::read_to_string(path).map_err(unreadable)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
