//! The search parameters of each type, compiled when the type is first met.

use super::data::{Data, DataTypes};
use super::fields::Fields;
use super::key::Slot;
use super::value::Value;
use crate::fhirpath::{Compiled, Options, parse};
use crate::schema::{Schema, SearchParameter, TypeKind};
use crate::tree::Name;
use crate::tree::fhir::TypeId;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

/// The type whose parameters all resources have.
pub(super) const ANY: &str = "Resource";
/// Parameters that need no keys.
const KNOWN: [&str; 2] = ["_id", "_lastUpdated"];
/// The parameter of names by their sound.
const PHONETIC: &str = "phonetic";
/// Where the examples of R4's own package stand, which are no parameters.
const EXAMPLES: &str = "http://hl7.org/fhir/SearchParameter/example";

/// What a search parameter is compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ParameterKind {
    /// `number`.
    Number,
    /// `date`.
    Date,
    /// `string`.
    String,
    /// `token`.
    Token,
    /// `reference`.
    Reference,
    /// `composite`.
    Composite,
    /// `quantity`.
    Quantity,
    /// `uri`.
    Uri,
    /// `special`.
    Special,
}

impl ParameterKind {
    const ALL: [Self; 9] = [
        Self::Number,
        Self::Date,
        Self::String,
        Self::Token,
        Self::Reference,
        Self::Composite,
        Self::Quantity,
        Self::Uri,
        Self::Special,
    ];

    /// Its FHIR code.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Date => "date",
            Self::String => "string",
            Self::Token => "token",
            Self::Reference => "reference",
            Self::Composite => "composite",
            Self::Quantity => "quantity",
            Self::Uri => "uri",
            Self::Special => "special",
        }
    }

    fn named(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == code)
    }
}

/// One search parameter of a type.
#[derive(Debug)]
pub struct Parameter {
    /// Its name in a search.
    pub code: String,
    /// What it is compared by.
    pub kind: ParameterKind,
    /// Where its keys stand.
    pub slot: Slot,
    /// Canonical url of its definition.
    pub url: String,
    /// Types that a reference may lead to; any where none is named.
    pub targets: Vec<String>,
    /// The type that the slot belongs to: the type itself, or `Resource` for a parameter that all types have.
    pub owner: String,
    pub(super) terms: Vec<Term>,
    pub(super) components: Vec<Component>,
    /// FHIRPath of what it finds.
    pub expression: String,
}

/// One way to the values of a parameter.
#[derive(Debug)]
pub(super) struct Term {
    pub(super) compiled: Compiled,
    /// The element without which it finds nothing, where it has one: of most parameters a resource has none.
    pub(super) needs: Option<Name>,
    /// The only type that references may lead to: `where(resolve() is Patient)`, which the reference itself tells.
    pub(super) only: Option<String>,
}

/// One part of a composite.
#[derive(Debug)]
pub(super) struct Component {
    pub(super) kind: ParameterKind,
    pub(super) targets: Vec<String>,
    pub(super) expression: String,
    pub(super) terms: Vec<Term>,
}

/// What one type can be searched by.
#[derive(Debug, Default)]
pub(super) struct TypeTable {
    pub(super) ty: Option<TypeId>,
    /// In order of their codes.
    pub(super) parameters: Vec<Parameter>,
}

#[derive(Debug)]
struct Inner {
    schema: Schema,
    bases: Vec<String>,
    data: DataTypes,
    fields: Fields,
    types: HashMap<String, OnceLock<TypeTable>>,
    /// The names of `types`, in order.
    names: Vec<String>,
}

/// The search parameters of all types. A copy shares what was compiled.
#[derive(Debug, Clone)]
pub struct Parameters(Arc<Inner>);

/// What the parameters find in one resource.
#[derive(Default)]
pub(super) struct Found<'a> {
    pub(super) kind: String,
    pub(super) id: String,
    pub(super) updated: Option<i64>,
    pub(super) values: Vec<(Slot, Value<'a>)>,
}

impl Parameters {
    /// The parameters that some definitions have. `bases` are the urls under which this server is known: a reference
    /// that starts with one is one of its own.
    pub fn new(schema: &Schema, bases: impl IntoIterator<Item = String>) -> Self {
        let is_searched = |ty: &TypeId| {
            let info = schema.type_info(*ty);
            info.kind == TypeKind::Resource && !info.is_abstract && !info.is_profile
        };
        let mut names: Vec<String> =
            schema.all_types().filter(is_searched).map(|ty| schema.type_info(ty).name.to_owned()).collect();
        names.sort_unstable();
        names.dedup();
        let base = |url: String| url.trim_end_matches('/').to_owned() + "/";
        Self(Arc::new(Inner {
            bases: bases.into_iter().map(base).collect(),
            data: DataTypes::new(schema),
            fields: Fields::new(schema),
            types: names.iter().map(|name| (name.clone(), OnceLock::new())).collect(),
            names,
            schema: schema.clone(),
        }))
    }

    /// The definitions.
    pub fn schema(&self) -> &Schema {
        &self.0.schema
    }

    /// The names of all types that can be searched, in order.
    pub fn types(&self) -> Vec<&str> {
        self.0.names.iter().map(String::as_str).collect()
    }

    /// True for the name of a type that can be searched.
    pub fn has_type(&self, name: &str) -> bool {
        self.0.types.contains_key(name)
    }

    /// What a type can be searched by, in order of the codes; nothing where the type is not known.
    pub fn of_type(&self, name: &str) -> &[Parameter] {
        self.table(name).map_or(&[], |table| &table.parameters)
    }

    /// A parameter of a type by its code.
    pub fn find(&self, name: &str, code: &str) -> Option<&Parameter> {
        let all = self.of_type(name);
        all.get(all.binary_search_by(|parameter| parameter.code.as_str().cmp(code)).ok()?)
    }

    pub(super) fn table(&self, name: &str) -> Option<&TypeTable> {
        let cell = self.0.types.get(name)?;
        Some(cell.get_or_init(|| compile(&self.0.schema, name)))
    }

    /// The code systems that the bare codes at the paths of an expression are of: those of the value sets that the elements at its
    /// paths are bound to.
    pub(super) fn systems(&self, name: &str, expression: &str) -> Vec<String> {
        let schema = self.schema();
        let Some(ty) = schema.type_named(name) else { return Vec::new() };
        let paths = split(expression).into_iter();
        let paths = paths.filter_map(|term| term.strip_prefix(name)?.strip_prefix('.'));
        let mut systems = Vec::new();
        for found in paths.filter_map(|path| schema.find_path(ty, path)) {
            let is_code = schema.type_info(found.ty).name == "code";
            let Some(binding) = found.element.binding().filter(|_| is_code) else { continue };
            let codes = schema.codes(&binding.value_set).unwrap_or_default();
            systems.extend(codes.iter().map(|code| code.system.to_owned()));
        }
        systems.sort_unstable();
        systems.dedup();
        systems
    }

    pub(super) fn data(&self, ty: TypeId) -> Data {
        self.0.data.of(ty)
    }

    pub(super) fn fields(&self) -> &Fields {
        &self.0.fields
    }

    /// What is left of an url below one of the bases of this server.
    pub(super) fn below_base<'a>(&self, url: &'a str) -> Option<&'a str> {
        self.0.bases.iter().find_map(|base| url.strip_prefix(base.as_str()))
    }
}

fn compile(schema: &Schema, name: &str) -> TypeTable {
    let Some(ty) = schema.type_named(name) else { return TypeTable::default() };
    let mut parameters: Vec<Parameter> = Vec::new();
    for definition in schema.search_parameters().filter(|it| !it.url.starts_with(EXAMPLES)) {
        let owner = [name, ANY, "DomainResource"];
        let Some(owner) =
            owner.into_iter().find(|owner| definition.bases.iter().any(|base| **base == **owner))
        else {
            continue;
        };
        let Some(parameter) = parameter(schema, ty, name, owner, definition) else { continue };
        // A package added later says it anew.
        parameters.retain(|known| known.code != parameter.code);
        parameters.push(parameter);
    }
    share_name(name, &mut parameters);
    parameters.sort_by(|a, b| a.code.cmp(&b.code));
    TypeTable { ty: Some(ty), parameters }
}

/// Nothing here tells what sounds alike: `phonetic` finds what `name` finds, and needs no keys beside those.
fn share_name(ty: &str, parameters: &mut [Parameter]) {
    let own = |parameter: &Parameter| {
        let terms = split(&parameter.expression).into_iter().filter(|term| root(term) == Some(ty));
        terms.map(str::to_owned).collect::<Vec<String>>()
    };
    let name = parameters.iter().find(|parameter| parameter.code == "name");
    let Some((slot, paths)) = name.map(|name| (name.slot, own(name))) else { return };
    let alike = parameters.iter_mut().find(|parameter| parameter.code == PHONETIC);
    if let Some(phonetic) = alike.filter(|phonetic| own(phonetic) == paths) {
        phonetic.slot = slot;
        phonetic.terms.clear();
    }
}

fn parameter(
    schema: &Schema,
    ty: TypeId,
    name: &str,
    owner: &str,
    definition: &SearchParameter,
) -> Option<Parameter> {
    let kind = ParameterKind::named(&definition.kind)?;
    let mut terms = terms(schema, &Options::new().on(ty), &definition.expression, Some(name));
    // What has no expression finds nothing: `_filter`, `_content` and the like are dealt with by name.
    if terms.is_empty() {
        return None;
    }
    // A store knows both without keys.
    if KNOWN.contains(&&*definition.code) {
        terms.clear();
    }
    let components = components(schema, definition);
    let components =
        components.iter().map(|(part, path)| component(schema, &definition.expression, part, path));
    Some(Parameter {
        code: definition.code.to_string(),
        kind,
        slot: Slot::of(owner, &definition.code),
        url: definition.url.to_string(),
        targets: definition.targets.iter().map(ToString::to_string).collect(),
        owner: owner.to_owned(),
        terms,
        components: components.collect::<Option<_>>()?,
        expression: definition.expression.to_string(),
    })
}

/// The components of a composite with their paths. R4 has those of `DocumentReference.relationship` crosswise; the
/// definition of each component tells which path is its own.
fn components<'s>(schema: &'s Schema, composite: &'s SearchParameter) -> Vec<(&'s SearchParameter, &'s str)> {
    let find = |url: &str| schema.search_parameters().find(|it| *it.url == *url);
    let all = composite.components.iter().filter_map(|(url, path)| Some((find(url)?, &**path)));
    let mut all: Vec<_> = all.collect();
    if let [(first, one), (second, other)] = all.as_mut_slice() {
        let is_of = |definition: &SearchParameter, path: &str| {
            let whole = format!("{}.{path}", composite.expression);
            split(&definition.expression).contains(&whole.as_str())
        };
        if is_of(first, other) && is_of(second, one) {
            std::mem::swap(one, other);
        }
    }
    all
}

fn component(
    schema: &Schema,
    base: &str,
    definition: &SearchParameter,
    expression: &str,
) -> Option<Component> {
    // R4 writes the type `dateTime` like the one of FHIRPath, which no element has.
    let expression = expression.replace("(DateTime)", "(dateTime)");
    Some(Component {
        kind: ParameterKind::named(&definition.kind)?,
        targets: definition.targets.iter().map(ToString::to_string).collect(),
        terms: terms(schema, &Options::new(), &expression, None),
        expression: format!("{base}.{expression}"),
    })
}

/// The terms of an expression that start from a type, ready to run.
fn terms(schema: &Schema, options: &Options, expression: &str, name: Option<&str>) -> Vec<Term> {
    let is_ours = |term: &&str| match (name, root(term)) {
        (Some(name), Some(root)) => root == name || root == ANY || root == "DomainResource",
        _ => true,
    };
    let compiled = |term: &str| {
        let (term, only) = resolved(term);
        let compiled = parse(&filtered(term)).ok()?.compile(schema, options).ok()?;
        Some(Term { needs: compiled.needs(), compiled, only: only.map(str::to_owned) })
    };
    split(expression).into_iter().filter(is_ours).filter_map(compiled).collect()
}

/// The parts of an expression between the `|` outside parentheses and quotes.
fn split(expression: &str) -> Vec<&str> {
    let (mut depth, mut is_quoted, mut start) = (0_usize, false, 0);
    let mut parts = Vec::new();
    for (at, byte) in expression.bytes().enumerate() {
        match byte {
            b'\'' => is_quoted = !is_quoted,
            b'(' if !is_quoted => depth += 1,
            b')' if !is_quoted => depth = depth.saturating_sub(1),
            b'|' if !is_quoted && depth == 0 => {
                parts.push(expression.get(start..at).unwrap_or("").trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(expression.get(start..).unwrap_or("").trim());
    parts.retain(|part| !part.is_empty());
    parts
}

/// A term with `ofType` for `as`: R4 means all values of a type, where `as` of FHIRPath takes one value alone.
fn filtered(term: &str) -> Cow<'_, str> {
    let Some((before, after)) = term.split_once(" as ") else {
        let is_cast = term.contains(".as(");
        return if is_cast { Cow::Owned(term.replace(".as(", ".ofType(")) } else { Cow::Borrowed(term) };
    };
    let end = after.find(|character: char| !character.is_alphanumeric()).unwrap_or(after.len());
    let (ty, rest) = after.split_at_checked(end).unwrap_or((after, ""));
    Cow::Owned(format!("{before}.ofType({ty}){}", filtered(rest)))
}

/// The type that a term starts from, where it names one.
fn root(term: &str) -> Option<&str> {
    let term = term.trim_start_matches('(');
    let end = term.find(|character: char| !character.is_alphanumeric()).unwrap_or(term.len());
    term.get(..end).filter(|root| root.starts_with(|first: char| first.is_ascii_uppercase()))
}

/// A term without `where(resolve() is Type)` at its end, and the type.
fn resolved(term: &str) -> (&str, Option<&str>) {
    let parted = term.rsplit_once(".where(resolve() is ");
    match parted.and_then(|(path, rest)| Some((path, rest.strip_suffix(')')?))) {
        Some((path, only)) if only.bytes().all(|byte| byte.is_ascii_alphanumeric()) => (path, Some(only)),
        _ => (term, None),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn an_expression_is_parted_by_type() {
        let text = "A.x | (B.y as C) | A.z.where(a = '|') | A.w.where(resolve() is Patient)";
        let parts = split(text);
        assert_eq!(parts, ["A.x", "(B.y as C)", "A.z.where(a = '|')", "A.w.where(resolve() is Patient)"]);
        let roots: Vec<_> = parts.iter().map(|part| root(part)).collect();
        assert_eq!(roots, [Some("A"), Some("B"), Some("A"), Some("A")]);
        assert_eq!(resolved(parts[3]), ("A.w", Some("Patient")));
        assert_eq!(resolved(parts[2]), (parts[2], None));
        assert_eq!(root("%resource.x"), None);
        assert_eq!(filtered("(A.b as C).d"), "(A.b.ofType(C)).d");
        assert_eq!(filtered("A.b.as(C)"), "A.b.ofType(C)");
    }

    #[test]
    fn no_two_parameters_share_a_slot() {
        let parameters = Parameters::new(Schema::r4(), []);
        let mut slots: HashMap<Slot, String> = HashMap::new();
        let mut count = 0;
        for name in parameters.types() {
            for parameter in parameters.of_type(name).iter().filter(|parameter| parameter.code != PHONETIC) {
                let whole = format!("{}.{}", parameter.owner, parameter.code);
                count += 1;
                let known = slots.entry(parameter.slot).or_insert_with(|| whole.clone());
                assert_eq!(*known, whole);
            }
        }
        assert!(count > 1_400, "{count}");
    }

    #[test]
    fn names_by_their_sound_have_the_keys_of_names() {
        let parameters = Parameters::new(Schema::r4(), []);
        let check = |name: &str| {
            let slot = |code: &str| parameters.find(name, code).map(|parameter| parameter.slot);
            assert!(slot("name").is_some());
            assert_eq!(slot(PHONETIC), slot("name"), "{name}");
        };
        check("Patient");
        check("Practitioner");
        check("RelatedPerson");
        // An organisation has aliases too, which are no names to the ear.
        let organisation = |code: &str| parameters.find("Organization", code).unwrap().slot;
        assert_ne!(organisation(PHONETIC), organisation("name"));
    }

    #[test]
    fn bare_codes_have_the_systems_of_their_bindings() {
        let parameters = Parameters::new(Schema::r4(), []);
        let check = |code: &str, expected: &[&str]| {
            let parameter = parameters.find("CarePlan", code).unwrap();
            assert_eq!(parameters.systems("CarePlan", &parameter.expression), expected, "{code}");
        };
        check("status", &["http://hl7.org/fhir/request-status"]);
        check("category", &[]);
    }
}
