//! The definitions: types and elements, invariants, code systems, value sets, search parameters.
//!
//! R4 core is embedded in a compact form (see [`Pack`]) and decoded block by block on first use, so a command that
//! touches `CarePlan` pays for `CarePlan` and the data types it has. Logical models, profiles and other
//! packages are added to a copy; adding gives new [`TypeId`]s and new names and changes none that exist.
//!
//! A [`TypeId`] stands for a resource type, a data type, a logical model, a profile, or for the *body* of one
//! element: the children that `CarePlan.activity` lists. Every question starts from a type and goes one name
//! at a time, as data do.
//!
//! ```
//! use sauma::schema::{Error, Schema};
//!
//! let schema = Schema::r4();
//! let plan = schema.resolve("CarePlan")?;
//! let timing = schema.find_path(plan, "activity.detail.scheduledTiming");
//! assert_eq!(timing.map(|found| schema.type_info(found.ty).name), Some("Timing"));
//! # Ok::<(), Error>(())
//! ```

pub(crate) mod base64;
#[cfg(feature = "server")]
pub(crate) mod base64url;
mod canonical;
mod compile;
pub(crate) mod dated;
mod element;
mod head;
mod manifest;
mod pack;
mod package;
mod part;
mod resources;
pub(crate) mod sha256;
mod snapshot;
mod table;
mod terminology;
#[cfg(test)]
mod tests;
mod types;
mod version;

pub use canonical::{Canonical, CanonicalKind};
pub use manifest::{DEPENDENCIES_MAX, Manifest, Resolved, resolve, version_key};
pub use pack::{BLOCK_BYTES_MAX, Pack};
pub use package::{
    ARCHIVE_BYTES_MAX, Archive, ENTRIES_MAX, UNPACKED_BYTES_LEAST, UNPACKED_BYTES_MAX, UNPACKED_RATIO_MAX,
    build, compile_files, compile_package,
};
pub use snapshot::{DERIVATIONS_MAX, ELEMENTS_MAX};
pub use table::{CodeTable, ROWS_MAX, Row};
pub use terminology::{
    CACHED_CODES_MAX, CODES_MAX, Code, CodeSystem, Concept, ConceptMap, Designation, Filter,
    INCLUDE_DEPTH_MAX, Include, MapGroup, MapRow, Membership, ValueSet,
};
pub use types::{
    Aggregation, Binding, Constraint, Context, Discriminator, ElementDef, Facts, Found, Literal, Root,
    SearchParameter, Slicing, Strength, TypeInfo, TypeKind, TypeRef,
};

use crate::diag::{self, Issue, codes};
use crate::tree::fhir::{Element, Form, Shape, TypeId};
use crate::tree::{Name, NameTable};
use canonical::Canonicals;
use part::Part;
use std::borrow::Cow;
use std::sync::{Arc, OnceLock};
use types::TypeData;

/// Where the urls of FHIR's own definitions start.
pub const FHIR_BASE: &str = "http://hl7.org/fhir/StructureDefinition/";

/// The type of what no package defines. It has no elements.
pub const UNKNOWN: TypeId = TypeId(u32::MAX);

static R4: &[u8] = include_bytes!("../../profiles/hl7.fhir.r4.core-4.0.1.sauma");

/// Why definitions cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The archive is not a gzipped tar file, or a block is not deflated.
    #[error("the package cannot be unpacked")]
    Archive(#[source] std::io::Error),
    /// A limit of this module was passed.
    #[error("the package has over {limit} {what}")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// An entry of the archive stands outside `package/`.
    #[error("the archive has an entry outside `package/`")]
    Outside,
    /// The archive has a link.
    #[error("the archive has a link")]
    Link,
    /// The archive has two entries of one name.
    #[error("the archive has `{0}` twice")]
    Twice(String),
    /// The bytes are no compiled package of this version, or were changed.
    #[error("this is not a compiled package that this version of sauma can read")]
    NotCompiled,
    /// A file of the package, or a definition, is not well formed.
    #[error("{what} {reason}")]
    Shape {
        /// File or url.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No package has the definition.
    #[error("no definition of `{0}` is known")]
    Unknown(String),
}

impl Error {
    /// The permanent code.
    pub const fn code(&self) -> &'static diag::Code {
        match self {
            Self::Archive(_)
            | Self::Limit { .. }
            | Self::Outside
            | Self::Link
            | Self::Twice(_)
            | Self::NotCompiled => codes::PACKAGE,
            Self::Unknown(_) => codes::DEFINITION_UNKNOWN,
            Self::Shape { .. } => codes::DEFINITION_SHAPE,
        }
    }

    fn unread(what: &str, format: &str, issue: &Issue) -> Self {
        let reason = format!("is not {format} at byte {}: {}", issue.span.start, issue.message);
        Self::Shape { what: what.to_owned(), reason }
    }
}

/// Definitions, ready to be asked.
#[derive(Debug, Clone)]
pub struct Schema {
    parts: Vec<Arc<Part>>,
    names: Arc<NameTable>,
    types: u32,
    canonicals: Canonicals,
    cache: Arc<terminology::Cache>,
}

impl Schema {
    /// FHIR R4 core 4.0.1.
    pub fn r4() -> &'static Schema {
        static SCHEMA: OnceLock<Schema> = OnceLock::new();
        SCHEMA.get_or_init(|| {
            let mut schema = Schema::empty();
            // A test reads the embedded file, so this cannot fail in a released build; without it the
            // schema is empty and every type is unknown.
            match schema.add_bytes(Cow::Borrowed(R4)) {
                Ok(()) | Err(_) => schema,
            }
        })
    }

    /// FHIR R4 core together with packages and JSON definitions.
    ///
    /// # Errors
    /// As for [`Schema::add_pack`] and [`Schema::add_definition`].
    pub fn with(packs: &[Pack], definitions: &[&str]) -> Result<Schema, Error> {
        let mut schema = Self::r4().clone();
        for pack in packs {
            schema.add_pack(pack)?;
        }
        for definition in definitions {
            schema.add_definition(definition)?;
        }
        Ok(schema)
    }

    /// The definitions of a core package, such as `hl7.fhir.r4b.core`, in place of those of R4.
    ///
    /// # Errors
    /// As for [`Schema::add_archive`], and where the package does not define what all types stand on.
    pub fn of_core(archive: Archive) -> Result<Schema, Error> {
        let name = archive.manifest().name.clone();
        let mut schema = Self::empty();
        schema.add_archive(archive)?;
        if schema.type_named("Element").is_none() {
            let reason = "is no core package: it does not define `Element`".to_owned();
            return Err(Error::Shape { what: name, reason });
        }
        Ok(schema)
    }

    fn empty() -> Self {
        Self {
            parts: Vec::new(),
            names: Arc::new(NameTable::new()),
            types: 0,
            canonicals: Canonicals::default(),
            cache: Arc::default(),
        }
    }

    /// Adds a compiled package.
    ///
    /// # Errors
    /// Where its directory does not decode.
    pub fn add_pack(&mut self, pack: &Pack) -> Result<(), Error> {
        self.add_bytes(Cow::Owned(pack.as_bytes().to_vec()))?;
        self.complete()
    }

    /// Adds a package as it was published. What it depends on is best added before; what waits for a base is
    /// completed when that comes.
    ///
    /// # Errors
    /// Where a definition is not well formed.
    pub fn add_archive(&mut self, archive: Archive) -> Result<(), Error> {
        let (compiler, sha256) = archive.compiler()?;
        self.add_compiled(compiler, sha256)
    }

    fn add_bytes(&mut self, bytes: Cow<'static, [u8]>) -> Result<(), Error> {
        let part = Part::read(bytes, self.types, Arc::make_mut(&mut self.names))?;
        self.types += part.types();
        self.parts.push(Arc::new(part));
        // A copy shares what was worked out until it gets definitions of its own.
        self.cache = Arc::default();
        Ok(())
    }

    /// Adds one `StructureDefinition` in JSON or XML and gives its type. A profile without a snapshot is completed
    /// from its base, which must be there before, as must the types it refers to.
    ///
    /// # Errors
    /// Where the text is not JSON or XML, not such a definition, or one that cannot be completed.
    pub fn add_definition(&mut self, text: &str) -> Result<TypeId, Error> {
        let mut compiler = compile::Compiler::new();
        compiler.add("the definition", text.to_owned())?;
        compiler.complete(Vec::new(), self);
        if compiler.definitions() == 0 {
            let (what, reason) = compiler
                .into_incomplete()
                .next()
                .unwrap_or_else(|| ("the definition".to_owned(), "is not a StructureDefinition".to_owned()));
            return Err(Error::Shape { what, reason });
        }
        let ty = TypeId(self.types);
        self.add_content(compiler)?;
        Ok(ty)
    }

    /// Why a `StructureDefinition` could not be used beside these definitions; none where it could. Nothing is added.
    ///
    /// # Errors
    /// Where the text is not JSON or XML.
    pub fn refusal(&self, text: &str) -> Result<Option<String>, Error> {
        let mut compiler = compile::Compiler::new();
        match compiler.add("the definition", text.to_owned()) {
            Err(Error::Shape { reason, .. }) => return Ok(Some(reason)),
            added => added?,
        }
        compiler.complete(Vec::new(), self);
        Ok(compiler.into_incomplete().next().map(|(_, reason)| reason))
    }

    /// Adds definitions that may refer to each other, in any order. Those that cannot be completed are listed by
    /// [`Schema::incomplete`].
    ///
    /// # Errors
    /// Where a text is not JSON or XML, or not well formed.
    pub fn add_definitions<'a>(&mut self, texts: impl IntoIterator<Item = &'a str>) -> Result<(), Error> {
        let mut compiler = compile::Compiler::new();
        for text in texts {
            compiler.add("the definition", text.to_owned())?;
        }
        self.add_content(compiler)
    }

    /// Adds a `CodeSystem`, `ValueSet`, `ConceptMap`, `SearchParameter`, `Questionnaire`, `Measure` or
    /// `ImplementationGuide` in JSON or XML.
    ///
    /// # Errors
    /// Where the text is not JSON or XML, or not well formed.
    pub fn add_resource(&mut self, text: &str) -> Result<(), Error> {
        self.add_definitions([text])
    }

    fn add_content(&mut self, compiler: compile::Compiler) -> Result<(), Error> {
        self.add_compiled(compiler, String::new())
    }

    fn add_compiled(&mut self, mut compiler: compile::Compiler, sha256: String) -> Result<(), Error> {
        compiler.complete(Vec::new(), self);
        self.canonicals.append(std::mem::take(&mut compiler.canonicals));
        let pack = pack::write(compiler.finish(sha256), flate2::Compression::none())?;
        self.add_bytes(Cow::Owned(pack.into_bytes()))?;
        self.complete()
    }

    /// Tries again what packages could not complete before this one came.
    fn complete(&mut self) -> Result<(), Error> {
        let waiting = self.parts.iter().flat_map(|part| part.differentials());
        let waiting: Vec<_> = waiting.filter(|it| self.type_by_url(&it.head.url).is_none()).collect();
        if waiting.is_empty() {
            return Ok(());
        }
        let mut compiler = compile::Compiler::new();
        compiler.complete(waiting, self);
        if compiler.definitions() == 0 {
            return Ok(());
        }
        let content = compiler.finish(String::new());
        let pack = pack::write(content, flate2::Compression::none())?;
        self.add_bytes(Cow::Owned(pack.into_bytes()))
    }

    /// Every element name in data, for trees that are read with these definitions.
    pub const fn names(&self) -> &Arc<NameTable> {
        &self.names
    }

    /// The text of a name.
    pub fn name_text(&self, name: Name) -> &str {
        self.names.text(name)
    }

    /// The type of a name: `CarePlan`, `HumanName`, the name of a logical model. A FHIR type wins over a
    /// logical model of its name; profiles are found by url.
    pub fn type_named(&self, name: &str) -> Option<TypeId> {
        let named = |logical: bool| self.parts.iter().find_map(|part| part.type_named(name, logical));
        named(false).or_else(|| named(true))
    }

    /// The type of a canonical url, with or without `|version`. The package added last wins.
    pub fn type_by_url(&self, url: &str) -> Option<TypeId> {
        let url = url.split_once('|').map_or(url, |(url, _)| url);
        self.parts.iter().rev().find_map(|part| part.type_by_url(url))
    }

    /// The type of a name or a canonical url.
    ///
    /// # Errors
    /// [`Error::Unknown`] where no package has it.
    pub fn resolve(&self, name_or_url: &str) -> Result<TypeId, Error> {
        let found = if name_or_url.contains('/') {
            self.type_by_url(name_or_url)
        } else {
            self.type_named(name_or_url)
        };
        found.ok_or_else(|| Error::Unknown(name_or_url.to_owned()))
    }

    /// Every type that is no profile and no body, in no meaningful order.
    pub fn all_types(&self) -> impl Iterator<Item = TypeId> + use<'_> {
        self.parts.iter().flat_map(|part| part.roots())
    }

    /// How many types there are, bodies included: every [`TypeId`] is less.
    pub const fn type_count(&self) -> u32 {
        self.types
    }

    /// Every profile, in no meaningful order.
    pub fn profiles(&self) -> impl Iterator<Item = TypeId> + use<'_> {
        self.parts.iter().flat_map(|part| part.profiles())
    }

    /// What is known of a type as a whole.
    pub fn type_info(&self, ty: TypeId) -> TypeInfo<'_> {
        self.part(ty).and_then(|part| part.info(self, ty)).unwrap_or(TypeInfo {
            name: "",
            url: "",
            kind: TypeKind::Logical,
            base: None,
            is_abstract: true,
            is_profile: false,
            form: Form::Object,
            regex: "",
        })
    }

    /// How a value of a type is written in JSON.
    pub fn form(&self, ty: TypeId) -> Form {
        self.part(ty).map_or(Form::Object, |part| part.form(ty))
    }

    /// The direct children of a type, in order; a slice follows the element it slices.
    pub fn elements(&self, ty: TypeId) -> &[ElementDef] {
        self.data(ty).map_or(&[], |data| &data.elements)
    }

    /// The children that must be there, slices left out.
    pub fn required(&self, ty: TypeId) -> impl Iterator<Item = &ElementDef> {
        self.elements(ty).iter().filter(|element| element.is_required() && element.slice().is_none())
    }

    /// The child of a type by its name in data. Choices are found as `valueString`, the XML attributes of a
    /// logical model as `@name`, its XML text as `text()`.
    pub fn find(&self, ty: TypeId, name: &str) -> Option<Found<'_>> {
        self.element_by_name(ty, self.names.get(name)?)
    }

    /// As [`Schema::find`], by a name of [`Schema::names`].
    pub fn element_by_name(&self, ty: TypeId, name: Name) -> Option<Found<'_>> {
        self.members(ty).find(name)
    }

    /// The children of a type by their names in data, for several questions about one type.
    pub fn members(&self, ty: TypeId) -> Members<'_> {
        Members { data: self.data(ty) }
    }

    /// The choice of a type by the name before `[x]`: `value`.
    pub fn choice(&self, ty: TypeId, name: &str) -> Option<&ElementDef> {
        let name = self.names.get(name)?;
        self.elements(ty).iter().find(|element| element.is_choice() && element.name == name)
    }

    /// The names in data of an element: one, or of a choice one for each type.
    pub fn names_in_data(&self, ty: TypeId, element: &ElementDef) -> Vec<Found<'_>> {
        let data = self.data(ty);
        let same = |found: &Found<'_>| found.element.order == element.order;
        let entries = data.into_iter().flat_map(|data| data.by_name.iter());
        let mut found: Vec<_> =
            entries.filter_map(|entry| self.element_by_name(ty, entry.name)).filter(same).collect();
        found.sort_by_key(|found| element.types.iter().position(|ty| Some(ty) == found.type_ref));
        found
    }

    /// The element at a path of names in data below a type: `activity.detail.scheduledTiming`.
    pub fn find_path(&self, ty: TypeId, path: &str) -> Option<Found<'_>> {
        let mut found: Option<Found<'_>> = None;
        for name in path.split('.') {
            found = Some(self.find(found.map_or(ty, |found| found.ty), name)?);
        }
        found
    }

    /// The invariants of a type itself.
    pub fn type_constraints(&self, ty: TypeId) -> Vec<&Constraint> {
        let set = self.data(ty).map_or(0, |data| data.constraints);
        self.part(ty).map_or_else(Vec::new, |part| part.constraints(set))
    }

    /// The invariants of an element of a type.
    pub fn element_constraints(&self, ty: TypeId, element: &ElementDef) -> Vec<&Constraint> {
        self.part(ty).map_or_else(Vec::new, |part| part.constraints(element.constraints))
    }

    /// A code system, with or without `|version`; another version where that one is not at hand.
    pub fn code_system(&self, url: &str) -> Option<&CodeSystem> {
        self.versioned(url, Part::code_system, |system| &system.version)
    }

    /// A value set as it is defined, with or without `|version`; another version where that one is not at hand.
    pub fn value_set(&self, url: &str) -> Option<&ValueSet> {
        self.versioned(url, Part::value_set, |value_set| &value_set.version)
    }

    /// A concept map, with or without `|version`.
    pub fn concept_map(&self, url: &str) -> Option<&ConceptMap> {
        let url = version::split(url).0;
        self.parts.iter().rev().find_map(|part| part.concept_map(url))
    }

    /// What the package added last has of a canonical; before that, what fits its version.
    fn versioned<'s, T>(
        &'s self,
        canonical: &str,
        find: impl Fn(&'s Part, &str) -> Option<&'s T>,
        version: impl Fn(&T) -> &str,
    ) -> Option<&'s T> {
        let (url, wanted) = version::split(canonical);
        let all = || self.parts.iter().rev().filter_map(|part| find(part, url));
        let fitting = all().find(|found| version::is_compatible(version(found), wanted));
        fitting.or_else(|| all().next())
    }

    /// Supplements of a code system.
    fn supplements(&self, url: &str) -> impl Iterator<Item = &CodeSystem> {
        let url = version::split(url).0;
        self.parts.iter().flat_map(move |part| part.supplements(url))
    }

    /// The code system that names a value set as that of all its codes.
    pub(crate) fn system_of_value_set(&self, url: &str) -> Option<&str> {
        let url = version::split(url).0;
        self.parts.iter().rev().find_map(|part| part.system_of_value_set(url))
    }

    /// All search parameters, those of the package added last at the end.
    pub fn search_parameters(&self) -> impl Iterator<Item = &SearchParameter> {
        self.parts.iter().flat_map(|part| part.search_parameters())
    }

    /// Packages by name, version and the SHA-256 of what they were compiled from.
    pub fn packages(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.parts.iter().map(|part| part.package()).filter(|(name, _, _)| !name.is_empty())
    }

    /// Definitions without a snapshot that could not be completed, and are therefore not known here: url and reason.
    pub fn incomplete(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.parts.iter().flat_map(|part| part.incomplete());
        all.map(|(url, reason)| (&**url, &**reason)).filter(|(url, _)| self.type_by_url(url).is_none())
    }

    /// What the definition of a type says of the value as a whole; none for the body of an element.
    pub fn root(&self, ty: TypeId) -> Option<&Root> {
        self.data(ty)?.root.as_deref()
    }

    /// True where a definition is of the version that a canonical url names with `|version`; a patch is no other version.
    pub fn is_of_version(&self, ty: TypeId, canonical: &str) -> bool {
        let found = self.root(ty).map_or("", |root| &root.version);
        version::is_compatible(found, version::split(canonical).1)
    }

    fn part(&self, ty: TypeId) -> Option<&Part> {
        let number = self.parts.partition_point(|part| part.first() <= ty.0).checked_sub(1)?;
        self.parts.get(number).map(|part| &**part)
    }

    fn data(&self, ty: TypeId) -> Option<&TypeData> {
        self.part(ty)?.data(self, ty)
    }
}

/// The children of one type.
#[derive(Debug, Clone, Copy)]
pub struct Members<'a> {
    data: Option<&'a TypeData>,
}

impl<'a> Members<'a> {
    /// The child of a name in data.
    pub fn find(&self, name: Name) -> Option<Found<'a>> {
        let data = self.data?;
        let entry = data.by_name.get(data.by_name.binary_search_by_key(&name, |entry| entry.name).ok()?)?;
        let element = data.elements.get(usize::from(entry.element))?;
        let type_ref = element.types.get(usize::from(entry.variant));
        Some(Found { name, element, ty: entry.ty, type_ref, form: entry.form })
    }
}

impl Shape for Schema {
    fn type_named(&self, name: &str) -> Option<TypeId> {
        Schema::type_named(self, name)
    }

    fn element(&self, ty: TypeId, name: &str) -> Option<Element> {
        let found = self.find(ty, name)?;
        Some(Element {
            ty: found.ty,
            list: found.element.is_list(),
            order: found.element.order,
            form: found.form,
            attribute: found.element.is_attribute(),
        })
    }
}
