//! `sauma package`: packages of definitions, compiled to the compact form.

use super::console::{Add, Console, Ink, Stop, Verdict, clean};
use super::files;
use crate::mapping::units::schema;
use crate::schema::{Pack, Schema, TypeKind, compile_files, compile_package};
use std::fs;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  sauma package build hl7.fhir.r4.core-4.0.1.tgz
  sauma package build profiles -o profiles/sauma.sauma
  sauma package info profiles/sauma.sauma
  sauma package list";

/// Compile and inspect packages of definitions.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Compile a FHIR package (.tgz) or a folder of JSON definitions
    #[command(after_help = "Example:\n  sauma package build profiles -o profiles/sauma.sauma")]
    Build {
        /// A .tgz as the registry publishes it, or a folder of JSON files
        input: PathBuf,
        /// Where the compiled package goes; by default beside the input, with the ending .sauma
        #[arg(long, short, value_name = "OUT")]
        out: Option<PathBuf>,
    },
    /// What a package holds
    #[command(after_help = "Example:\n  sauma package info profiles/sauma.sauma")]
    Info {
        /// A compiled package, or a .tgz
        file: PathBuf,
    },
    /// The packages that are built in
    #[command(after_help = "Example:\n  sauma package list --format json")]
    List,
}

#[derive(serde::Serialize)]
struct Info {
    name: String,
    version: String,
    sha256: String,
    resources: usize,
    data_types: usize,
    logical_models: usize,
    profiles: usize,
    search_parameters: usize,
    incomplete: Vec<Incomplete>,
    bytes: usize,
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
        Command::Build { input, out } => build(input, out.as_deref(), console),
        Command::Info { file } => info(file, console),
        Command::List => list(console),
    }
}

fn compiled(input: &Path) -> Result<Pack, Stop> {
    if !input.is_dir() {
        return Ok(compile_package(&files::read(input)?)?);
    }
    let unreadable = |source| Stop::Unreadable { path: input.to_owned(), source };
    let mut texts = Vec::new();
    for entry in fs::read_dir(input).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            texts.push((name, files::read_text(&path)?));
        }
    }
    if texts.is_empty() {
        return Err(Stop::usage(
            format!("`{}` has no JSON files", input.display()),
            "name the folder of the definitions",
        ));
    }
    Ok(compile_files(texts)?)
}

fn build(input: &Path, out: Option<&Path>, console: &Console) -> Result<Verdict, Stop> {
    let pack = compiled(input)?;
    let out = out.map_or_else(|| input.with_extension("sauma"), Path::to_owned);
    let info = contents(&pack)?;
    files::write(&out, pack.as_bytes())?;
    if console.is_json() {
        Console::print_json(&serde_json::json!({ "output": out, "package": info }))?;
    } else if !console.quiet {
        Console::note(&format!(
            "{}: {} {}, {} bytes\n",
            out.display(),
            clean(&info.name),
            clean(&info.version),
            info.bytes
        ));
    }
    Ok(Verdict::Clean)
}

fn info(file: &Path, console: &Console) -> Result<Verdict, Stop> {
    let bytes = files::read(file)?;
    let is_archive = bytes.starts_with(&[0x1f, 0x8b]);
    let pack = if is_archive { compile_package(&bytes)? } else { Pack::read(bytes)? };
    let info = contents(&pack)?;
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
    for Incomplete { url, reason } in &info.incomplete {
        text.add(format_args!("  not known: {} {}\n", clean(url), clean(reason)));
    }
    Console::print(&text)?;
    Ok(Verdict::Clean)
}

/// What a package adds to R4 core. The core itself is asked alone.
fn contents(pack: &Pack) -> Result<Info, Stop> {
    let core = Schema::r4();
    let with = Schema::with(std::slice::from_ref(pack), &[])?;
    let types: Vec<_> =
        with.all_types().skip(core.all_types().count()).map(|ty| with.type_info(ty)).collect();
    let of = |kind: TypeKind| types.iter().filter(|info| info.kind == kind && !info.is_profile).count();
    let (name, version, sha256) = with.packages().last().unwrap_or_default();
    Ok(Info {
        name: name.to_owned(),
        version: version.to_owned(),
        sha256: sha256.to_owned(),
        resources: of(TypeKind::Resource),
        data_types: of(TypeKind::Complex) + of(TypeKind::Primitive),
        logical_models: of(TypeKind::Logical),
        profiles: types.iter().filter(|info| info.is_profile && info.kind != TypeKind::Body).count(),
        search_parameters: with.search_parameters().count() - core.search_parameters().count(),
        incomplete: with.incomplete().map(Incomplete::from).collect(),
        bytes: pack.as_bytes().len(),
    })
}

fn list(console: &Console) -> Result<Verdict, Stop> {
    let packages: Vec<Listed<'_>> =
        schema().packages().map(|(name, version, sha256)| Listed { name, version, sha256 }).collect();
    if console.is_json() {
        Console::print_json(&packages)?;
        return Ok(Verdict::Clean);
    }
    let mut text = String::new();
    for package in &packages {
        let name = console.out_paint.ink(Ink::Strong, package.name);
        text.add(format_args!("{name} {} {}\n", package.version, package.sha256));
    }
    Console::print(&text)?;
    Ok(Verdict::Clean)
}
