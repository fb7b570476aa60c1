//! `sauma package build`, `snapshot`, `pages` and `json-schema`: what is made of a folder of definitions.

use super::console::{Console, Stop, Verdict, clean};
use super::files;
use super::package::contents;
use super::packages::{self, Folder};
use crate::diag::{Issue, Span, codes};
use crate::guide::{Error, Example, Guide, examples};
use crate::mapping::units;
use crate::schema::{Manifest, compile_package};
use std::fs;
use std::path::{Path, PathBuf};

pub(super) const BUILD_EXAMPLES: &str = "\
Examples:
  sauma package build profiles
  sauma package build profiles --out profiles/sauma.sauma
  sauma package build hl7.fhir.r4.core-4.0.1.tgz

A folder becomes a package as the FHIR registry publishes them, with snapshots; the same files give the same bytes.
Where --out ends in .sauma it becomes the compact form that the program reads at once, and so does a .tgz.";

/// Folders within a folder of definitions that are read at most.
const FOLDERS_MAX: usize = 1000;
/// The folder of our examples.
pub(super) const EXAMPLES: &str = "examples";
/// Folders of what is no part of the definitions: examples, and what is made of them.
const LEFT_OUT: &[&str] = &[EXAMPLES, "example", "json-schema"];

#[derive(Debug, clap::Args)]
pub(super) struct BuildArgs {
    /// A folder of JSON definitions with its package.json, or a .tgz as the registry publishes it
    #[arg(default_value = "profiles")]
    input: PathBuf,
    /// Where it goes: .tgz for a package, .sauma for the compact form; by default NAME-VERSION.tgz, and of a .tgz the
    /// same name with .sauma
    #[arg(long, short, value_name = "OUT")]
    out: Option<PathBuf>,
    /// Folder with the packages that it depends on
    #[arg(long, value_name = "DIR")]
    packages: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(super) struct SnapshotArgs {
    /// Definitions in JSON, which may derive from each other
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Folder that they are written to, under the names that a package gives them; by default standard output
    #[arg(long, short, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Folder with the packages that they derive from
    #[arg(long, value_name = "DIR")]
    packages: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(super) struct PagesArgs {
    /// A folder of JSON definitions with its package.json
    #[arg(default_value = "profiles")]
    input: PathBuf,
    /// Folder that they are written to, made where it is not there
    #[arg(long, short, value_name = "DIR")]
    out: PathBuf,
    /// Folder with the packages that the definitions depend on
    #[arg(long, value_name = "DIR")]
    packages: Option<PathBuf>,
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        match error {
            Error::Definitions(error) => Self::Definitions(error),
            other => {
                let code =
                    if matches!(other, Error::Archive(_)) { codes::PACKAGE } else { codes::DEFINITION_SHAPE };
                Self::Issue(Box::new(Issue::error(code, Span::default(), other.to_string())))
            }
        }
    }
}

pub(super) fn build(args: &BuildArgs, console: &Console) -> Result<Verdict, Stop> {
    let (out, bytes, name, version) = if args.input.is_dir() {
        let guide = guide(&args.input, args.packages.as_deref())?;
        let Manifest { name, version, .. } = guide.manifest().clone();
        let out = args.out.clone().unwrap_or_else(|| PathBuf::from(format!("{name}-{version}.tgz")));
        let bytes = if is_compact(&out) { guide.pack()?.into_bytes() } else { guide.archive()? };
        (out, bytes, name, version)
    } else {
        let pack = compile_package(&files::read(&args.input)?)?;
        let info = contents(&pack)?;
        let out = args.out.clone().unwrap_or_else(|| args.input.with_extension("sauma"));
        (out, pack.into_bytes(), info.name, info.version)
    };
    files::write(&out, &bytes)?;
    if console.is_json() {
        let package = serde_json::json!({ "name": name, "version": version, "bytes": bytes.len() });
        Console::print_json(&serde_json::json!({ "output": out, "package": package }))?;
    } else if !console.quiet {
        let name = clean(&name);
        Console::note(&format!("{}: {name} {}, {} bytes\n", out.display(), clean(&version), bytes.len()));
    }
    Ok(Verdict::Clean)
}

fn is_compact(out: &Path) -> bool {
    out.extension().is_some_and(|extension| extension == "sauma")
}

pub(super) fn snapshot(args: &SnapshotArgs, console: &Console) -> Result<Verdict, Stop> {
    let mut texts = Vec::new();
    for path in &args.files {
        texts.push((path.to_string_lossy().into_owned(), files::read_text(path)?));
    }
    let guide = read(texts, args.packages.as_deref())?;
    for (name, text) in guide.completed() {
        match &args.out {
            Some(folder) => put(folder, &name, &text, console)?,
            None => Console::print(&text)?,
        }
    }
    Ok(Verdict::Clean)
}

pub(super) fn pages(args: &PagesArgs, console: &Console) -> Result<Verdict, Stop> {
    let guide = guide(&args.input, args.packages.as_deref())?;
    for page in guide.pages(&index(&args.input)?) {
        put(&args.out, &page.file, &page.text, console)?;
    }
    Ok(Verdict::Clean)
}

pub(super) fn json_schemas(args: &PagesArgs, console: &Console) -> Result<Verdict, Stop> {
    for (name, text) in guide(&args.input, args.packages.as_deref())?.json_schemas() {
        put(&args.out, &name, &text, console)?;
    }
    Ok(Verdict::Clean)
}

fn put(folder: &Path, name: &str, text: &str, console: &Console) -> Result<(), Stop> {
    fs::create_dir_all(folder).map_err(|source| Stop::Unwritable { path: folder.to_owned(), source })?;
    let path = folder.join(name);
    files::write(&path, text.as_bytes())?;
    if !console.quiet {
        Console::note(&format!("{}\n", path.display()));
    }
    Ok(())
}

/// The examples that a folder of definitions lists.
pub(super) fn index(folder: &Path) -> Result<Vec<Example>, Stop> {
    let path = folder.join(EXAMPLES).join("index.toml");
    if !path.is_file() {
        return Ok(Vec::new());
    }
    examples(&files::read_text(&path)?).map_err(|line| {
        Stop::usage(format!("line {line} of `{}` cannot be read", path.display()), "see the head of the file")
    })
}

/// The definitions of a folder and of the folders in it, but for the examples.
pub(super) fn guide(folder: &Path, packages: Option<&Path>) -> Result<Guide, Stop> {
    let mut texts = Vec::new();
    let mut open = vec![folder.to_owned()];
    let mut folders = 0;
    while let Some(here) = open.pop() {
        folders += 1;
        if folders > FOLDERS_MAX {
            return Err(Stop::usage(
                format!("over {FOLDERS_MAX} folders"),
                "name the folder of the definitions",
            ));
        }
        let unreadable = |source| Stop::Unreadable { path: here.clone(), source };
        for entry in fs::read_dir(&here).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let is_json = path.extension().is_some_and(|extension| extension == "json");
            if path.is_dir() {
                if !LEFT_OUT.contains(&&*name) {
                    open.push(path);
                }
            } else if is_json && !name.starts_with('.') {
                texts.push((name, files::read_text(&path)?));
            }
        }
    }
    if texts.is_empty() {
        return Err(Stop::usage(
            format!("`{}` has no JSON files", folder.display()),
            "name the folder of the definitions",
        ));
    }
    texts.sort_unstable();
    read(texts, packages)
}

fn read(texts: Vec<(String, String)>, packages: Option<&Path>) -> Result<Guide, Stop> {
    let mut schema = units::base().clone();
    let manifest = texts.iter().find(|(name, _)| name == "package.json");
    let manifest = manifest.map(|(_, text)| Manifest::parse(text)).transpose()?.unwrap_or_default();
    let folder = packages.map(Folder::open).transpose()?;
    if let Some(folder) = &folder {
        // Single definitions name no dependencies: all that is at hand is.
        let all = Manifest {
            dependencies: folder.files.iter().map(|it| (it.name.clone(), it.version.clone())).collect(),
            ..Manifest::default()
        };
        let root = if manifest.name.is_empty() { &all } else { &manifest };
        packages::load_dependencies(&mut schema, &[root], Some(folder))?;
    }
    Ok(Guide::read(texts, &schema)?)
}
