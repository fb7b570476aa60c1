//! What stands at a place, in a few lines of Markdown. Only maps, lenses and definitions speak here, never a document.

use super::analysis::Analysis;
use super::fate::{self, Asked};
use super::text::to_u32;
use super::tokens::tokens;
use super::words;
use super::workspace::{Document, Language};
use crate::cli::report::count;
use crate::diag::Span;
use crate::fhirpath;
use crate::mapping::outline::{Declared, Element, Kind, Mark, Meaning};
use crate::schema::{CodeTable, ElementDef, Found, Schema, Strength, TypeKind};
use crate::tree::fhir::TypeId;
use lsp_types::{Hover, HoverContents, MarkupContent, MarkupKind};

/// Rows of a code table that are shown.
const ROWS_MAX: usize = 20;

/// What to say of the name at a byte.
pub(super) fn hover(analysis: &Analysis, document: &Document, offset: u32) -> Option<Hover> {
    let (span, value) = match analysis.outline.at(offset) {
        Some(mark) => (mark.span, said(analysis, document, mark)?),
        None => keyword(document, offset)?,
    };
    let contents = HoverContents::Markup(MarkupContent { kind: MarkupKind::Markdown, value });
    Some(Hover { contents, range: Some(document.text.range(span)) })
}

/// The word of the language at a byte.
fn keyword(document: &Document, offset: u32) -> Option<(Span, String)> {
    let tables: &[&[(&str, &'static str)]] = match document.language {
        Language::Lens => {
            &[words::LENS_RULES, words::LENS_CLAUSES, words::LENS_DECLARATIONS, words::LENS_CONDITIONS]
        }
        Language::Map => &[words::MAP_CLAUSES, words::MAP_DECLARATIONS],
        Language::Path => &[],
    };
    let at = offset as usize;
    let words = tokens(document.text.as_str(), document.language)?;
    let word = words.iter().find(|word| word.start <= at && at <= word.start + word.text.len())?;
    let says = tables.iter().find_map(|table| words::line(table, word.text))?;
    let span = Span::new(to_u32(word.start), to_u32(word.start + word.text.len()));
    Some((span, says.to_owned()))
}

fn said(analysis: &Analysis, document: &Document, mark: &Mark) -> Option<String> {
    let schema = &analysis.schema;
    match &mark.meaning {
        Meaning::Declared(at) => declared(analysis, document, *at),
        Meaning::Elsewhere { map, name, .. } => Some(format!("**group** `{name}` of `{map}`")),
        Meaning::Element(element) => Some(element_with_fate(analysis, document, element)),
        Meaning::Value(element, code) => Some(value(schema, element, code)),
        Meaning::Type(ty) => Some(type_line(schema, *ty)),
        Meaning::File(file) => Some(table(document, file)),
        Meaning::Map(url) => Some(format!("**map** `{url}`")),
        Meaning::Conversion(name) => words::line(words::CONVERSIONS, name).map(str::to_owned),
        Meaning::Transform(function) => {
            Some(format!("`{}`: {}", function.usage(), words::transform(*function)))
        }
        Meaning::Function(name) => fhirpath::usage(name).map(str::to_owned),
    }
}

fn declared(analysis: &Analysis, document: &Document, at: usize) -> Option<String> {
    let it = analysis.outline.declared.get(at)?;
    let name = &it.name;
    Some(match it.kind {
        Kind::Source | Kind::Target | Kind::Resource => variable(analysis, document, it),
        Kind::Group => {
            let uses = count(analysis.outline.places_of(at).count().saturating_sub(1), "use");
            format!("**group** `{name}`: {uses} in this file")
        }
        Kind::Codes => format!("**code table** `{name}`\n\n{}", table(document, &it.place)),
        Kind::Parameter => format!("**parameter** `${name}`"),
        Kind::Constant => format!("**constant** `{name}`\n\n```fml\n{}\n```", document.text.slice(it.whole)),
        Kind::ConceptMap => {
            let rows: Vec<&str> = document.text.slice(it.whole).lines().take(ROWS_MAX).collect();
            format!("**concept map** `{name}`\n\n```fml\n{}\n```", rows.join("\n"))
        }
        Kind::Alias => {
            let ty = it.types.first().map(|ty| type_line(&analysis.schema, *ty));
            ty.unwrap_or_else(|| format!("**{name}** `{}`: a definition that is not known here", it.place))
        }
    })
}

fn variable(analysis: &Analysis, document: &Document, it: &Declared) -> String {
    let schema = &analysis.schema;
    let side = if it.kind == Kind::Source { "source" } else { "target" };
    let types: Vec<String> = it.types.iter().map(|ty| format!("`{}`", schema.type_info(*ty).name)).collect();
    let types = if types.is_empty() { "a type that is not known".to_owned() } else { types.join(" or ") };
    let mut text = format!("**{}**: variable of the {side}, `{}`, {types}", it.name, it.place);
    let asked = Asked { place: &it.place, is_source: it.kind == Kind::Source };
    let found = fate::flows(&analysis.outline, asked);
    if !found.is_empty() {
        let mut lines = fate::lines(analysis, &document.text, asked);
        let more = found.len().saturating_sub(lines.len());
        if more > 0 {
            lines.push(format!("and {more} more"));
        }
        text.push_str(&listed(&lines));
    }
    text
}

fn listed(lines: &[String]) -> String {
    let items: Vec<String> = lines.iter().map(|line| format!("- {line}")).collect();
    if items.is_empty() { String::new() } else { format!("\n\n{}", items.join("\n")) }
}

fn element_with_fate(analysis: &Analysis, document: &Document, element: &Element) -> String {
    let mut text = element_lines(&analysis.schema, element);
    text.push_str(&listed(&fate::lines(analysis, &document.text, Asked::of(element))));
    text
}

/// An element by the types that it may be of.
fn element_lines(schema: &Schema, element: &Element) -> String {
    let mut lines: Vec<String> =
        element.owners.iter().filter_map(|owner| element_line(schema, *owner, &element.name)).collect();
    lines.dedup();
    if lines.is_empty() {
        return format!("**{}**: nothing is known of it", element.place);
    }
    lines.join("\n\n")
}

/// Path, type and cardinality of an element, and what it is, where the definition says so.
pub(super) fn element_line(schema: &Schema, owner: TypeId, name: &str) -> Option<String> {
    let found = schema.find(owner, name);
    let definition = found.map(|found| found.element).or_else(|| schema.choice(owner, name))?;
    let mut text =
        format!("**{}.{name}**: `{}`", schema.type_info(owner).name, signature(schema, found, definition));
    let facts = definition.facts();
    for words in [&facts.label, &facts.short].into_iter().flatten() {
        text.push_str(&format!("\n\n{words}"));
    }
    if let Some(binding) = definition.binding() {
        let strength = match binding.strength {
            Strength::Required => "required",
            Strength::Extensible => "extensible",
            Strength::Preferred => "preferred",
            Strength::Example => "example",
        };
        text.push_str(&format!("\n\nvalue set ({strength}): `{}`", binding.value_set));
    }
    if definition.is_modifier() {
        text.push_str("\n\nchanges the meaning of what it stands in");
    }
    Some(text)
}

/// `code [0..1]`.
pub(super) fn signature(schema: &Schema, found: Option<Found<'_>>, definition: &ElementDef) -> String {
    let name = |ty: TypeId| schema.type_info(ty).name;
    let types = match found {
        Some(found) => name(found.ty).to_owned(),
        None => definition.types.iter().map(|it| name(it.ty)).collect::<Vec<_>>().join(" | "),
    };
    let targets = found.and_then(|found| found.type_ref).map_or(&[][..], |it| &it.targets);
    let last = |url: &str| url.rsplit('/').next().unwrap_or(url).to_owned();
    let targets: Vec<String> = targets.iter().map(|url| last(url)).collect();
    let targets = if targets.is_empty() { String::new() } else { format!("({})", targets.join(" | ")) };
    let max = if definition.max == u32::MAX { "*".to_owned() } else { definition.max.to_string() };
    format!("{types}{targets} [{}..{max}]", definition.min)
}

fn value(schema: &Schema, element: &Element, code: &str) -> String {
    let bound = element.owners.iter().find_map(|owner| bound_codes(schema, *owner, &element.name));
    let found = bound.as_ref().and_then(|codes| codes.iter().find(|known| known.0 == code));
    match found {
        Some((code, display, system)) => format!("**{code}** {display}\n\n`{system}`"),
        None => element_lines(schema, element),
    }
}

/// The codes that an element may take, with what people read and their system; `None` where they are not known.
pub(super) fn bound_codes(
    schema: &Schema,
    owner: TypeId,
    name: &str,
) -> Option<Vec<(String, String, String)>> {
    let found = schema.find(owner, name)?;
    let codes = schema.codes(&found.element.binding()?.value_set)?;
    let owned = |text: &str| text.to_owned();
    Some(codes.iter().map(|it| (owned(it.code), owned(it.display), owned(it.system))).collect())
}

fn type_line(schema: &Schema, ty: TypeId) -> String {
    let info = schema.type_info(ty);
    let kind = match info.kind {
        TypeKind::Complex => "data type",
        TypeKind::Primitive => "primitive type",
        TypeKind::Resource => "resource",
        TypeKind::Logical => "logical model",
        TypeKind::Body => "element with children",
    };
    format!("**{}**: {kind}, {} elements\n\n`{}`", info.name, schema.elements(ty).len(), info.url)
}

/// The first rows of a code table beside the lens.
fn table(document: &Document, file: &str) -> String {
    let text = document.lens("").beside(file);
    let Some(table) = text.and_then(|text| CodeTable::parse(&text).ok()) else {
        return format!("`{file}`: no code table is there");
    };
    let mut lines = vec![format!("`{file}`\n"), "| source | target |".to_owned(), "|---|---|".to_owned()];
    let rows = table.rows().iter().take(ROWS_MAX);
    lines.extend(rows.map(|row| format!("| {} | {} |", row.source, row.target)));
    let more = table.rows().len().saturating_sub(ROWS_MAX);
    if more > 0 {
        lines.push(format!("\nand {more} more rows"));
    }
    lines.join("\n")
}
