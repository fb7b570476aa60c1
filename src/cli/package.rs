//! `sauma package`: packages of definitions, compiled to the compact form.

use super::console::{Add, Console, Ink, Stop, Verdict, clean};
use super::files;
use super::package_guide as guide;
use super::packages::{self, Folder};
use crate::diag::{Code, codes};
use crate::mapping::units::schema;
use crate::schema::{Archive, Pack, Schema, TypeKind};
use std::fs;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  sauma package build profiles --out sauma.tgz
  sauma package build profiles --out profiles/sauma.sauma
  sauma package pages profiles --out pages
  sauma package info profiles/sauma.sauma
  sauma package add hl7.fhir.fi.base-2.0.0.tgz --packages packages
  sauma package verify --packages packages
  sauma package list --packages packages";

/// Compile and inspect packages of definitions.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make a package of a folder of definitions, or compile a package (.tgz)
    #[command(after_help = guide::BUILD_EXAMPLES)]
    Build(guide::BuildArgs),
    /// Complete definitions: write them with their snapshots
    #[command(after_help = "Example:\n  sauma package snapshot my-profile.json --packages packages")]
    Snapshot(guide::SnapshotArgs),
    /// Write a page for each definition of a folder
    #[command(after_help = "Example:\n  sauma package pages profiles --out pages")]
    Pages(guide::PagesArgs),
    /// Write the JSON Schema of each logical model of JSON documents
    #[command(after_help = "Example:\n  sauma package json-schema profiles --out schemas")]
    JsonSchema(guide::PagesArgs),
    /// What a package holds
    #[command(after_help = "Example:\n  sauma package info profiles/sauma.sauma")]
    Info {
        /// A compiled package, or a .tgz
        file: PathBuf,
        /// A folder of packages that it may depend on
        #[arg(long, value_name = "DIR")]
        packages: Option<PathBuf>,
    },
    /// The packages that are built in, and those of a folder
    #[command(after_help = "Example:\n  sauma package list --packages packages --format json")]
    List {
        /// A folder of packages (NAME-VERSION.tgz)
        #[arg(long, value_name = "DIR")]
        packages: Option<PathBuf>,
    },
    /// Put packages into a folder, and their hashes into its lock file
    #[command(after_help = "Example:\n  sauma package add hl7.fhir.fi.base-2.0.0.tgz --packages packages")]
    Add {
        /// Packages as the registry publishes them (.tgz)
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// The folder, made where it is not there
        #[arg(long, value_name = "DIR")]
        packages: PathBuf,
    },
    /// Check the packages of a folder against its lock file, and that what they depend on is there
    #[command(after_help = "Example:\n  sauma package verify --packages packages")]
    Verify {
        /// The folder
        #[arg(long, value_name = "DIR")]
        packages: PathBuf,
    },
}

#[derive(serde::Serialize)]
pub(super) struct Info {
    pub(super) name: String,
    pub(super) version: String,
    sha256: String,
    resources: usize,
    data_types: usize,
    logical_models: usize,
    profiles: usize,
    search_parameters: usize,
    /// Packages that it depends on and that are not at hand.
    missing: Vec<String>,
    incomplete: Vec<Incomplete>,
    pub(super) bytes: usize,
}

/// A definition without a snapshot that could not be completed.
#[derive(serde::Serialize)]
struct Incomplete {
    url: String,
    reason: String,
}

impl From<(&str, &str)> for Incomplete {
    fn from((url, reason): (&str, &str)) -> Self {
        Self { url: url.to_owned(), reason: reason.to_owned() }
    }
}

#[derive(serde::Serialize)]
struct Listed<'a> {
    name: &'a str,
    version: &'a str,
    sha256: &'a str,
}

pub(super) fn run(args: &Args, console: &Console) -> Result<Verdict, Stop> {
    match &args.command {
        Command::Build(args) => guide::build(args, console),
        Command::Snapshot(args) => guide::snapshot(args, console),
        Command::Pages(args) => guide::pages(args, console),
        Command::JsonSchema(args) => guide::json_schemas(args, console),
        Command::Info { file, packages } => info(file, packages.as_deref(), console),
        Command::List { packages } => list(packages.as_deref(), console),
        Command::Add { files, packages } => add(files, packages, console),
        Command::Verify { packages } => verify(packages, console),
    }
}

fn info(file: &Path, folder: Option<&Path>, console: &Console) -> Result<Verdict, Stop> {
    let bytes = files::read(file)?;
    let info = if bytes.starts_with(&[0x1f, 0x8b]) {
        archive_contents(&bytes, folder)?
    } else {
        contents(&Pack::read(bytes)?)?
    };
    if console.is_json() {
        Console::print_json(&info)?;
        return Ok(Verdict::Clean);
    }
    let name = console.out_paint.ink(Ink::Strong, &clean(&format!("{} {}", info.name, info.version)));
    let mut text = format!("{name}\n");
    let mut say = |label: &str, n: usize| text.add(format_args!("  {n:>7} {label}\n"));
    say("resource types", info.resources);
    say("data types", info.data_types);
    say("logical models", info.logical_models);
    say("profiles", info.profiles);
    say("search parameters", info.search_parameters);
    say("bytes", info.bytes);
    if !info.sha256.is_empty() {
        text.add(format_args!("  compiled from sha256 {}\n", info.sha256));
    }
    for missing in &info.missing {
        text.add(format_args!("  {}\n", clean(missing)));
    }
    for Incomplete { url, reason } in &info.incomplete {
        text.add(format_args!("  not known: {} {}\n", clean(url), clean(reason)));
    }
    Console::print(&text)?;
    Ok(Verdict::Clean)
}

/// What a compiled package adds to R4 core.
pub(super) fn contents(pack: &Pack) -> Result<Info, Stop> {
    let mut with = Schema::r4().clone();
    with.add_pack(pack)?;
    Ok(added(Schema::r4(), &with, pack.as_bytes().len(), Vec::new()))
}

/// What a published package adds to what it depends on.
fn archive_contents(bytes: &[u8], folder: Option<&Path>) -> Result<Info, Stop> {
    let archive = Archive::read(bytes)?;
    let folder = folder.map(Folder::open).transpose()?;
    let mut before = Schema::r4().clone();
    let missing = packages::load_dependencies(&mut before, &[archive.manifest()], folder.as_ref())?;
    let mut with = before.clone();
    with.add_archive(archive)?;
    let missing = missing.into_iter().map(|issue| issue.message).collect();
    Ok(added(&before, &with, bytes.len(), missing))
}

fn added(before: &Schema, with: &Schema, bytes: usize, missing: Vec<String>) -> Info {
    let types: Vec<_> =
        with.all_types().skip(before.all_types().count()).map(|ty| with.type_info(ty)).collect();
    let of = |kind: TypeKind| types.iter().filter(|info| info.kind == kind).count();
    let (name, version, sha256) = with.packages().last().unwrap_or_default();
    Info {
        name: name.to_owned(),
        version: version.to_owned(),
        sha256: sha256.to_owned(),
        resources: of(TypeKind::Resource),
        data_types: of(TypeKind::Complex) + of(TypeKind::Primitive),
        logical_models: of(TypeKind::Logical),
        profiles: with.profiles().count() - before.profiles().count(),
        search_parameters: with.search_parameters().count() - before.search_parameters().count(),
        missing,
        incomplete: with.incomplete().map(Incomplete::from).collect(),
        bytes,
    }
}

fn list(folder: Option<&Path>, console: &Console) -> Result<Verdict, Stop> {
    let mut packages: Vec<Listed<'_>> =
        schema().packages().map(|(name, version, sha256)| Listed { name, version, sha256 }).collect();
    let folder = folder.map(Folder::open).transpose()?;
    for listed in folder.iter().flat_map(|folder| &folder.files) {
        let key = (listed.name.clone(), listed.version.clone());
        let lock = folder.as_ref().and_then(|folder| folder.lock.as_ref());
        let sha256 = lock.and_then(|lock| lock.get(&key)).map_or("", String::as_str);
        packages.push(Listed { name: &listed.name, version: &listed.version, sha256 });
    }
    if console.is_json() {
        Console::print_json(&packages)?;
        return Ok(Verdict::Clean);
    }
    let mut text = String::new();
    for package in &packages {
        let name = console.out_paint.ink(Ink::Strong, &clean(package.name));
        let sha256 = if package.sha256.is_empty() { "not locked" } else { package.sha256 };
        text.add(format_args!("{name} {} {}\n", clean(package.version), clean(sha256)));
    }
    Console::print(&text)?;
    Ok(Verdict::Clean)
}

fn add(inputs: &[PathBuf], folder: &Path, console: &Console) -> Result<Verdict, Stop> {
    fs::create_dir_all(folder).map_err(|source| Stop::Unwritable { path: folder.to_owned(), source })?;
    let mut folder = Folder::open(folder)?;
    for input in inputs {
        let listed = folder.add(&files::read(input)?)?;
        if !console.quiet {
            Console::note(&format!("{} {}\n", clean(&listed.name), clean(&listed.version)));
        }
    }
    Ok(Verdict::Clean)
}

#[derive(serde::Serialize)]
struct Fault {
    package: String,
    version: String,
    code: &'static str,
    message: String,
}

fn verify(folder: &Path, console: &Console) -> Result<Verdict, Stop> {
    let folder = Folder::open(folder)?;
    let mut faults = Vec::new();
    for listed in &folder.files {
        for (code, message) in faults_of(&folder, listed)? {
            let (package, version) = (listed.name.clone(), listed.version.clone());
            faults.push(Fault { package, version, code: code.id, message });
        }
    }
    for (name, version) in folder.lock.iter().flat_map(|lock| lock.keys()) {
        if !folder.files.iter().any(|listed| (&listed.name, &listed.version) == (name, version)) {
            let (package, version) = (name.clone(), version.clone());
            let message = format!("{package} {version} is locked, but not in the folder");
            faults.push(Fault { package, version, code: codes::PACKAGE_MISSING.id, message });
        }
    }
    if console.is_json() {
        Console::print_json(&faults)?;
    } else {
        let mut text = String::new();
        for fault in &faults {
            text.add(format_args!("{} {}\n", fault.code, clean(&fault.message)));
        }
        if faults.is_empty() && !console.quiet {
            text.add(format_args!("{} packages are as they were locked\n", folder.files.len()));
        }
        Console::print(&text)?;
    }
    Ok(if faults.is_empty() { Verdict::Clean } else { Verdict::Findings })
}

/// What is wrong with one package of a folder.
fn faults_of(folder: &Folder, listed: &packages::Listed) -> Result<Vec<(&'static Code, String)>, Stop> {
    let archive = match folder.read(listed) {
        Ok(archive) => archive,
        Err(Stop::Issue(issue)) => return Ok(vec![(issue.code, issue.message)]),
        Err(Stop::Definitions(error)) => return Ok(vec![(error.code(), error.to_string())]),
        Err(other) => return Err(other),
    };
    let mut faults = Vec::new();
    if folder.lock.is_none() {
        faults.push((codes::PACKAGE_CHANGED, format!("{} {} is not locked", listed.name, listed.version)));
    }
    for (name, version) in &archive.manifest().dependencies {
        if !packages::is_built_in(name, version) && folder.find(name, version).is_none() {
            let message = format!("{} needs {name} {version}, which is not at hand", listed.name);
            faults.push((codes::PACKAGE_MISSING, message));
        }
    }
    Ok(faults)
}
