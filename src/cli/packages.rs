//! A folder of FHIR packages and its lock file.

use super::console::Stop;
use super::files;
use crate::diag::{Issue, Span, codes};
use crate::mapping::units;
use crate::schema::{Archive, Manifest, Resolved, Schema, resolve, version_key};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Name of the lock file in the folder.
pub(super) const LOCK: &str = "sauma.lock";

const LOCK_HEAD: &str =
    "# Name, version and SHA-256 of each package in this folder; `sauma package verify` checks them.\n";

/// A folder of packages.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    pub(super) files: Vec<Listed>,
    pub(super) lock: Lock,
}

/// One package of a folder, as its file name says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) path: PathBuf,
}

/// The hash of each package, by name and version; `None` where there is no lock file.
pub(super) type Lock = Option<BTreeMap<(String, String), String>>;

impl Folder {
    /// Lists the packages of a folder: `NAME-VERSION.tgz` and `NAME#VERSION.tgz`.
    pub(super) fn open(path: &Path) -> Result<Self, Stop> {
        let unreadable = |source| Stop::Unreadable { path: path.to_owned(), source };
        let mut files = Vec::new();
        for entry in fs::read_dir(path).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if let Some((name, version)) = file.strip_suffix(".tgz").and_then(split) {
                files.push(Listed { name: name.to_owned(), version: version.to_owned(), path });
            }
        }
        files.sort_by(|a, b| {
            let key = |listed: &Listed| listed.name.clone();
            key(a).cmp(&key(b)).then_with(|| version_key(&a.version).cmp(&version_key(&b.version)))
        });
        let lock = path.join(LOCK);
        let lock = if lock.is_file() { Some(parse(&files::read_text(&lock)?, &lock)?) } else { None };
        Ok(Self { path: path.to_owned(), files, lock })
    }

    /// Reads a package of the folder, and checks it against the lock file where there is one.
    pub(super) fn read(&self, listed: &Listed) -> Result<Archive, Stop> {
        let archive = Archive::read(&files::read(&listed.path)?)?;
        let manifest = archive.manifest();
        if (&manifest.name, &manifest.version) != (&listed.name, &listed.version) {
            return Err(changed(format!("`{}` holds another package", listed.path.display())));
        }
        match &self.lock {
            Some(lock) => match lock.get(&(listed.name.clone(), listed.version.clone())) {
                Some(sha256) if sha256 == archive.sha256() => Ok(archive),
                Some(_) => Err(changed(format!("`{}` was changed", listed.path.display()))),
                None => Err(changed(format!("`{}` is not in {LOCK}", listed.path.display()))),
            },
            None => Ok(archive),
        }
    }

    /// The newest package that a dependency can mean.
    pub(super) fn find(&self, name: &str, version: &str) -> Option<&Listed> {
        let is_meant = |listed: &&Listed| {
            let manifest = Manifest {
                name: listed.name.clone(),
                version: listed.version.clone(),
                dependencies: Vec::new(),
            };
            manifest.is(name, version)
        };
        self.files.iter().rev().find(is_meant)
    }

    /// Puts a package into the folder and the lock file.
    pub(super) fn add(&mut self, tgz: &[u8]) -> Result<Listed, Stop> {
        let archive = Archive::read(tgz)?;
        let Manifest { name, version, .. } = archive.manifest().clone();
        let file = format!("{name}-{version}.tgz");
        if split(file.trim_end_matches(".tgz")) != Some((&*name, &*version)) {
            return Err(changed("the package has no name and version that can be a file name".to_owned()));
        }
        let key = (name.clone(), version.clone());
        let mut lock = self.lock.take().unwrap_or_default();
        if lock.get(&key).is_some_and(|sha256| sha256 != archive.sha256()) {
            return Err(changed(format!("{name} {version} is there already, with other content")));
        }
        lock.insert(key, archive.sha256().to_owned());
        let path = self.path.join(file);
        files::write(&path, tgz)?;
        files::write(&self.path.join(LOCK), render(&lock).as_bytes())?;
        self.lock = Some(lock);
        let listed = Listed { name, version, path };
        self.files.retain(|known| (&known.name, &known.version) != (&listed.name, &listed.version));
        self.files.push(listed.clone());
        Ok(listed)
    }

    /// The packages that `roots` depend on, from this folder.
    pub(super) fn dependencies(&self, roots: &[&Manifest]) -> Result<Resolved<Archive>, Stop> {
        resolve(roots, is_built_in, |name, version| -> Result<_, Stop> {
            let Some(listed) = self.find(name, version) else { return Ok(None) };
            let archive = self.read(listed)?;
            Ok(Some((archive.manifest().clone(), archive)))
        })
    }
}

/// Adds what packages depend on to a schema, and tells what is not at hand.
///
/// # Errors
/// A package cannot be read, or is not the one that is locked.
pub(super) fn load_dependencies(
    schema: &mut Schema,
    roots: &[&Manifest],
    folder: Option<&Folder>,
) -> Result<Vec<Issue>, Stop> {
    let resolved = match folder {
        Some(folder) => folder.dependencies(roots)?,
        None => resolve(roots, is_built_in, |_, _| -> Result<_, Stop> { Ok(None) })?,
    };
    for archive in resolved.found {
        schema.add_archive(archive)?;
    }
    let missing = |(name, version): &(String, String)| {
        let message = format!("{name} {version} is needed, and not at hand");
        Issue::warning(codes::PACKAGE_MISSING, Span::default(), message)
    };
    Ok(resolved.missing.iter().map(missing).collect())
}

/// True for R4 core and the base profiles of HL7 Finland. Our own package is not among them: whoever names another one
/// by its name wants that.
pub(super) fn is_built_in(name: &str, version: &str) -> bool {
    units::base().packages().any(|(known, its_version, _)| {
        let known =
            Manifest { name: known.to_owned(), version: its_version.to_owned(), dependencies: Vec::new() };
        known.is(name, version)
    })
}

pub(super) fn changed(message: String) -> Stop {
    Stop::Issue(Box::new(Issue::error(codes::PACKAGE_CHANGED, Span::default(), message)))
}

/// Name and version of a file name without its ending.
fn split(file: &str) -> Option<(&str, &str)> {
    let is_plain = |text: &str| {
        text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '+' | '#'))
    };
    let is_version = |rest: &str| rest.starts_with(|c: char| c.is_ascii_digit());
    let dash = || file.match_indices('-').find(|(at, _)| is_version(&file[at + 1..])).map(|(at, _)| at);
    let at = file.find('#').or_else(dash)?;
    let (name, version) = (&file[..at], &file[at + 1..]);
    (!name.is_empty() && !version.is_empty() && is_plain(file)).then_some((name, version))
}

fn parse(text: &str, path: &Path) -> Result<BTreeMap<(String, String), String>, Stop> {
    let mut lock = BTreeMap::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        let [name, version, sha256] = words[..] else {
            return Err(changed(format!(
                "line {} of `{}` is not name, version, hash",
                number + 1,
                path.display()
            )));
        };
        lock.insert((name.to_owned(), version.to_owned()), sha256.to_owned());
    }
    Ok(lock)
}

fn render(lock: &BTreeMap<(String, String), String>) -> String {
    let lines = lock.iter().map(|((name, version), sha256)| format!("{name} {version} {sha256}\n"));
    std::iter::once(LOCK_HEAD.to_owned()).chain(lines).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_of_packages() {
        let check = |file: &str, expected: Option<(&str, &str)>| assert_eq!(split(file), expected, "{file}");
        check("hl7.fhir.fi.base-2.0.0-rc2", Some(("hl7.fhir.fi.base", "2.0.0-rc2")));
        check("hl7.fhir.us.core#6.1.0", Some(("hl7.fhir.us.core", "6.1.0")));
        check("my-package-1.0.0", Some(("my-package", "1.0.0")));
        check("nothing", None);
        check("a/b-1.0.0", None);
        check("-1.0.0", None);
    }
}
