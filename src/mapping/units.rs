//! The unit systems that Sauma ships, one folder each in `mappings/`, embedded as it stands; and those that the caller
//! adds. One that was added may be replaced while the program runs: what is under way ends with the map it began with.

use super::parse::parse;
use super::{Format, Program, compile};
use crate::diag::{Issue, codes, nearest};
use crate::schema::{Pack, Schema, sha256};
use crate::tree::Tree;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{OnceLock, PoisonError, RwLock};

/// Characters of the version of a map.
const VERSION_CHARACTERS: usize = 12;

/// One unit system: its lens and the files beside it.
pub struct Unit {
    /// The name of its folder, used with `--from` and `--to`.
    pub name: &'static str,
    /// The text of its lens.
    pub lens: &'static str,
    /// Files that the lens names, by path.
    pub files: &'static [(&'static str, &'static str)],
    /// Its own definitions, by their hash; empty without any.
    definitions: String,
    program: OnceLock<Result<Program, Vec<Issue>>>,
    header: OnceLock<Option<Program>>,
    version: OnceLock<String>,
}

/// A unit system that is none of those that are built in.
#[derive(Debug, Clone)]
pub struct Added {
    /// Its name, used with `--from` and `--to`.
    pub name: String,
    /// The text of its lens.
    pub lens: String,
    /// Files that the lens names, by path.
    pub files: Vec<(String, String)>,
    /// Definitions that the lens needs beside those that are built in: `StructureDefinition` resources as JSON.
    pub definitions: Vec<String>,
}

static ADDED: RwLock<Vec<&'static Unit>> = RwLock::new(Vec::new());
/// How often a unit system was replaced.
static REPLACED: AtomicU64 = AtomicU64::new(0);
static SCHEMA: OnceLock<Schema> = OnceLock::new();

/// Every unit system that is built in, by name.
pub static UNITS: &[Unit] = &BUILT_IN;
static BUILT_IN: [Unit; include!(concat!(env!("OUT_DIR"), "/units-count.rs"))] =
    include!(concat!(env!("OUT_DIR"), "/units.rs"));

/// The base profiles of HL7 Finland (CC0-1.0), which our own derive from where there is one.
const FINNISH_BASE: &[u8] = include_bytes!("../../profiles/hl7.fhir.fi.base-2.0.0-rc2.sauma");

/// The definitions of Sauma's own documents and profiles, compiled from the folders of `profiles/` by
/// `sauma package build profiles -o profiles/sauma.sauma`.
const PROFILES: &[u8] = include_bytes!("../../profiles/sauma.sauma");

/// The checklist for recognising a shared client: answers are held against it as it stands.
const CHECKLIST: &str = include_str!("../../profiles/Questionnaire/recognition-checklist.json");

/// R4 core with the base profiles of HL7 Finland: what our own definitions stand on.
pub fn base() -> &'static Schema {
    static SCHEMA: OnceLock<Schema> = OnceLock::new();
    SCHEMA.get_or_init(|| with_pack(Schema::r4(), FINNISH_BASE))
}

/// R4 core with Sauma's own definitions. All unit systems share it, and so share the names of their trees.
pub fn schema() -> &'static Schema {
    SCHEMA.get_or_init(built_in)
}

fn built_in() -> Schema {
    let mut schema = with_pack(base(), PROFILES);
    // Without it answers are not held against it, and that is told.
    drop(schema.add_canonical(CHECKLIST));
    schema
}

/// Every unit system there is: those that are built in, then those that were added.
pub fn all() -> impl Iterator<Item = &'static Unit> {
    let added = ADDED.read().unwrap_or_else(PoisonError::into_inner).clone();
    UNITS.iter().chain(added)
}

/// Another number after each change of a unit system: what was made with the number before may be made otherwise now.
pub fn generation() -> u64 {
    REPLACED.load(Ordering::Acquire)
}

/// Adds unit systems for as long as the program runs. Their definitions become part of what [`schema`] gives, so this
/// comes before anything is read, and once.
///
/// # Errors
/// A name that is taken, a definition that is not well formed, the first fault of a lens, or a call that comes too late.
pub fn add(units: Vec<Added>) -> Result<(), Box<Issue>> {
    let mut names: Vec<&str> = UNITS.iter().map(|unit| unit.name).collect();
    for unit in &units {
        if names.contains(&unit.name.as_str()) {
            return Err(unusable(&unit.name, "there is a unit system of this name already"));
        }
        names.push(&unit.name);
    }
    let mut schema = built_in();
    for unit in &units {
        let added = schema.add_definitions(unit.definitions.iter().map(String::as_str));
        added.map_err(|error| unusable(&unit.name, &error.to_string()))?;
    }
    if SCHEMA.set(schema).is_err() {
        return Err(unusable("", "unit systems are added before anything is read, and once"));
    }
    for unit in units {
        let unit = Unit::added(unit);
        if let Err(issues) = unit.program() {
            let fault = issues.first().map_or("", |issue| issue.message.as_str());
            return Err(unusable(unit.name, fault));
        }
        replace(unit);
    }
    Ok(())
}

/// A unit system beside those in force, for a trial: it is found by nobody until it is put in force by [`replace`]. What
/// it has stays in memory until the program ends.
///
/// # Errors
/// The faults of its lens; or its definitions are others than at the start, which everything that was read stands on.
pub fn beside(unit: Added) -> Result<&'static Unit, Vec<Issue>> {
    let in_force = all().find(|known| known.name == unit.name);
    let definitions = in_force.map_or("", |known| known.definitions.as_str());
    if hash_of(&unit.definitions) != definitions {
        return Err(vec![*unusable(
            &unit.name,
            "its definitions changed, and take effect at the next start",
        )]);
    }
    // What has faults is not kept in memory.
    let file = |path: &str| unit.files.iter().find(|(name, _)| name == path).map(|(_, text)| text.clone());
    let program = compile(&unit.lens, schema(), &file)?;
    let unit = Unit::added(unit);
    // Nobody else knows it yet, so it is not compiled.
    drop(unit.program.set(Ok(program)));
    Ok(unit)
}

/// Puts a unit system in force, in place of the one of its name that was added before, which is told. Those that are
/// built in stay.
pub fn replace(unit: &'static Unit) -> Option<&'static Unit> {
    let mut added = ADDED.write().unwrap_or_else(PoisonError::into_inner);
    let before = match added.iter_mut().find(|known| known.name == unit.name) {
        Some(place) => Some(std::mem::replace(place, unit)),
        None => {
            added.push(unit);
            None
        }
    };
    REPLACED.fetch_add(1, Ordering::AcqRel);
    before
}

/// True of the name of a unit system that is built in.
pub fn is_built_in(name: &str) -> bool {
    UNITS.iter().any(|unit| unit.name == name)
}

impl Added {
    /// See [`Unit::version`].
    pub fn version(&self) -> String {
        let files = self.files.iter().map(|(name, text)| (&**name, &**text));
        version_of(&self.lens, files, &hash_of(&self.definitions))
    }
}

fn version_of<'a>(lens: &str, files: impl Iterator<Item = (&'a str, &'a str)>, definitions: &str) -> String {
    let mut text = lens.to_owned();
    for (name, content) in files {
        text.push_str(name);
        text.push_str(content);
    }
    text.push_str(definitions);
    let mut hash = sha256::hex(text.as_bytes());
    hash.truncate(VERSION_CHARACTERS);
    hash
}

/// The hash of texts; of none nothing.
fn hash_of(texts: &[String]) -> String {
    if texts.is_empty() { String::new() } else { sha256::hex(texts.concat().as_bytes()) }
}

fn unusable(name: &str, why: &str) -> Box<Issue> {
    let message = format!("the unit system `{name}` cannot be used: {why}");
    Box::new(Issue::error(codes::UNIT_UNUSABLE, crate::diag::Span::default(), message))
}

/// A test reads the embedded files, so this cannot fail in a released build; without them the lenses do not compile and
/// say so.
fn with_pack(schema: &Schema, bytes: &[u8]) -> Schema {
    let mut with = schema.clone();
    match Pack::read(bytes.to_vec()).and_then(|pack| with.add_pack(&pack)) {
        Ok(()) => with,
        Err(_) => schema.clone(),
    }
}

impl std::fmt::Debug for Unit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Unit").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Unit {
    const fn new(
        name: &'static str,
        lens: &'static str,
        files: &'static [(&'static str, &'static str)],
    ) -> Self {
        Self {
            name,
            lens,
            files,
            definitions: String::new(),
            program: OnceLock::new(),
            header: OnceLock::new(),
            version: OnceLock::new(),
        }
    }

    /// A unit system that stays until the program ends, as those that are built in do.
    fn added(unit: Added) -> &'static Self {
        let kept = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
        let files: Vec<(&'static str, &'static str)> =
            unit.files.into_iter().map(|(path, text)| (kept(path), kept(text))).collect();
        let definitions = hash_of(&unit.definitions);
        let made = Self::new(kept(unit.name), kept(unit.lens), Box::leak(files.into_boxed_slice()));
        Box::leak(Box::new(Self { definitions, ..made }))
    }

    /// The version of its map: the start of the hash of its lens, of the files that it names and of its definitions.
    pub fn version(&self) -> &str {
        self.version.get_or_init(|| version_of(self.lens, self.files.iter().copied(), &self.definitions))
    }

    /// The unit system of a name.
    ///
    /// # Errors
    /// There is none of this name; the advice names the nearest.
    pub fn find(name: &str) -> Result<&'static Unit, Box<Issue>> {
        all().find(|unit| unit.name == name).ok_or_else(|| {
            let names = || all().map(|unit| unit.name);
            let help = nearest(name, names()).map_or_else(
                || format!("known unit systems: {}", names().collect::<Vec<_>>().join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            let message = format!("there is no unit system `{name}`");
            Box::new(
                Issue::error(codes::FORMAT_UNKNOWN, crate::diag::Span::default(), message).with_help(help),
            )
        })
    }

    /// The compiled lens, made at first use.
    ///
    /// # Errors
    /// The faults of the lens. The lenses that are shipped have none; a test sees to it.
    pub fn program(&'static self) -> Result<&'static Program, &'static [Issue]> {
        let compiled = self.program.get_or_init(|| compile(self.lens, schema(), &|path| self.file(path)));
        compiled.as_ref().map_err(Vec::as_slice)
    }

    fn file(&self, path: &str) -> Option<String> {
        self.files.iter().find(|(name, _)| *name == path).map(|(_, text)| (*text).to_owned())
    }

    /// What the documents of the unit system are.
    pub fn format(&self) -> Format {
        self.header().map_or(Format::Json, |header| header.format)
    }

    /// True where the header of a CSV document has the columns by which this unit system is known.
    pub fn has_columns(&self, columns: &[String]) -> bool {
        let header = self.header().filter(|header| header.format == Format::Csv);
        header.is_some_and(|header| header.needed_columns().iter().all(|needed| columns.contains(needed)))
    }

    /// True where a document is of this unit system, by the conditions of its lens; the rules are not compiled. What
    /// tells a CSV document are its columns, see [`Unit::has_columns`].
    pub fn recognises(&self, document: &Tree) -> bool {
        self.header().is_some_and(|header| header.recognises(document))
    }

    /// How sure the unit system may be of a document that it recognises.
    fn speciality(&self, document: &Tree) -> (bool, usize) {
        self.header().map_or((false, 0), |header| header.speciality(document))
    }

    /// The lens without its rules.
    fn header(&self) -> Option<&Program> {
        let header = self.header.get_or_init(|| {
            let mut lens = parse(self.lens).ok()?;
            lens.codes.clear();
            for map in &mut lens.maps {
                map.rules.clear();
            }
            super::compile::compile_header(self.lens, schema(), &lens).ok()
        });
        header.as_ref()
    }
}

/// The unit system whose documents look like this one: of those that recognise it the most special.
pub fn recognise(document: &Tree, format: Format) -> Option<&'static Unit> {
    all()
        .filter(|unit| unit.format() == format && unit.recognises(document))
        .max_by_key(|unit| unit.speciality(document))
}

/// The unit system whose CSV documents have these columns: of those that know it by them the one that asks for most.
pub fn recognise_columns(columns: &[String]) -> Option<&'static Unit> {
    let needed = |unit: &&'static Unit| unit.header().map_or(0, |header| header.needed_columns().len());
    all().filter(|unit| unit.has_columns(columns)).max_by_key(needed)
}
