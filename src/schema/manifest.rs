//! `package.json`: what a package is called and what it depends on.

use super::resources::Json;
use super::{Error, version};
use crate::tree::{NameTable, json};
use std::sync::Arc;

/// Packages that one package may need, those of the others among them.
pub const DEPENDENCIES_MAX: usize = 256;

/// Name, version and dependencies of a package.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Manifest {
    /// Its name, `hl7.fhir.fi.base`.
    pub name: String,
    /// Its version, `2.0.0`.
    pub version: String,
    /// Name and version of what it depends on, as it says it: `6.0.x`, `current`.
    pub dependencies: Vec<(String, String)>,
}

impl Manifest {
    /// Reads `package.json`.
    ///
    /// # Errors
    /// Where the text is not JSON.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let names = Arc::new(NameTable::new());
        let tree = json::read(text, &names).map_err(|issue| Error::unread("package.json", "JSON", &issue))?;
        let root = Json::root(&tree);
        let dependencies = root.child("dependencies").map_or_else(Vec::new, Json::members);
        Ok(Self { name: root.text("name"), version: root.text("version"), dependencies })
    }

    /// True where this package is what another depends on.
    pub fn is(&self, name: &str, wanted: &str) -> bool {
        self.name == name && fits(&self.version, wanted)
    }
}

/// True where a version is one of those that a dependency names: itself, a patch of `1.2.x` or `1.2`, anything for
/// `current`, `latest`, `dev` and `*`.
fn fits(found: &str, wanted: &str) -> bool {
    match wanted {
        "current" | "latest" | "dev" | "*" | "" => true,
        _ => {
            let stem = wanted.strip_suffix(".x").unwrap_or(wanted);
            found == wanted
                || (found.strip_prefix(stem).is_some_and(|rest| rest.starts_with('.'))
                    && version::is_open(wanted))
        }
    }
}

/// The order of versions: numbers as numbers, what comes before a release before it.
pub fn version_key(version: &str) -> (Vec<u64>, bool, &str) {
    let (numbers, label) = version.split_once('-').unwrap_or((version, ""));
    let numbers = numbers.split('.').map(|number| number.parse().unwrap_or(0)).collect();
    (numbers, label.is_empty(), label)
}

/// What was found of the dependencies of a package.
#[derive(Debug)]
pub struct Resolved<T> {
    /// Dependencies before what needs them.
    pub found: Vec<T>,
    /// Name and version of those that are not at hand.
    pub missing: Vec<(String, String)>,
}

/// Gathers the packages that `roots` depend on, with what those depend on. `find` gives a package with what it depends
/// on; `is_known` says which need none, as they are at hand already.
///
/// # Errors
/// Those of `find`, and [`Error::Limit`].
pub fn resolve<T, E: From<Error>>(
    roots: &[&Manifest],
    is_known: impl Fn(&str, &str) -> bool,
    mut find: impl FnMut(&str, &str) -> Result<Option<(Manifest, T)>, E>,
) -> Result<Resolved<T>, E> {
    let needs = |manifest: &Manifest| -> Vec<Step<T>> {
        let all = manifest.dependencies.iter().rev();
        all.map(|(name, version)| Step::Need(name.clone(), version.clone())).collect()
    };
    let mut open: Vec<Step<T>> = roots.iter().rev().flat_map(|root| needs(root)).collect();
    let mut seen: Vec<Manifest> = roots.iter().map(|root| (*root).clone()).collect();
    let mut resolved = Resolved { found: Vec::new(), missing: Vec::new() };
    while let Some(step) = open.pop() {
        let (name, version) = match step {
            Step::Take(item) => {
                resolved.found.push(item);
                continue;
            }
            Step::Need(name, version) => (name, version),
        };
        if is_known(&name, &version) || seen.iter().any(|known| known.is(&name, &version)) {
            continue;
        }
        if seen.len() >= DEPENDENCIES_MAX {
            return Err(Error::Limit { what: "dependencies", limit: DEPENDENCIES_MAX as u64 }.into());
        }
        match find(&name, &version)? {
            Some((manifest, item)) => {
                open.push(Step::Take(item));
                open.extend(needs(&manifest));
                seen.push(manifest);
            }
            None if resolved.missing.iter().any(|(missing, at)| *missing == name && *at == version) => {}
            None => resolved.missing.push((name, version)),
        }
    }
    Ok(resolved)
}

/// What is still to be done for a package.
enum Step<T> {
    /// Find it, by name and version.
    Need(String, String),
    /// Put it behind what it needs.
    Take(T),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_that_a_dependency_names() {
        let check = |found, wanted, expected| assert_eq!(fits(found, wanted), expected, "{found} {wanted}");
        check("1.2.3", "1.2.3", true);
        check("1.2.3", "1.2.x", true);
        check("1.2.3", "1.2", true);
        check("1.20.3", "1.2", false);
        check("1.2.3", "1.2.30", false);
        check("1.2.3", "current", true);
        check("1.2.3-rc1", "1.2.3", false);
        assert!(version_key("1.10.0") > version_key("1.9.0"));
        assert!(version_key("1.0.0") > version_key("1.0.0-rc2"));
    }

    #[test]
    fn dependencies_come_before_what_needs_them() {
        let all = [("a", "b c"), ("b", "c"), ("c", ""), ("d", "x"), ("e", "c b"), ("f", "g"), ("g", "f")];
        let manifest = |name: &str| {
            let needs = all.iter().find(|(known, _)| *known == name)?.1;
            let dependencies =
                needs.split_whitespace().map(|name| (name.to_owned(), "1".to_owned())).collect();
            Some(Manifest { name: name.to_owned(), version: "1".to_owned(), dependencies })
        };
        let check = |root: &str, found: &str, missing: &str| {
            let root = manifest(root).unwrap_or_default();
            let find = |name: &str, _: &str| Ok(manifest(name).map(|it| (it, name.to_owned())));
            let resolved: Result<Resolved<String>, Error> = resolve(&[&root], |_, _| false, find);
            let resolved = resolved.map(|it| (it.found.join(" "), it.missing.len()));
            assert_eq!(resolved.ok(), Some((found.to_owned(), missing.split_whitespace().count())));
        };
        check("a", "c b", "");
        check("e", "c b", "");
        check("f", "g", "");
        check("d", "", "x");
    }
}
