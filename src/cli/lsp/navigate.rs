//! From a name to where it is declared and used.

use super::analysis::Analysis;
use super::text::Text;
use super::workspace::{Document, uri_of};
use crate::diag::Span;
use crate::mapping::fml::{self, Library};
use crate::mapping::outline::{Kind, Meaning, Part, PartKind};
use lsp_types::{DocumentSymbol, SymbolKind};
use serde_json::{Value, json};

/// A place in some file.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    uri: String,
    range: lsp_types::Range,
}

impl Place {
    fn new(uri: &str, text: &Text, span: Span) -> Self {
        Self { uri: uri.to_owned(), range: text.range(span) }
    }

    /// The first byte of a file.
    fn start_of(uri: String) -> Self {
        Self { uri, range: lsp_types::Range::default() }
    }

    fn json(&self) -> Value {
        json!({ "uri": self.uri, "range": self.range })
    }
}

/// Where the name at a byte leads: to its declaration, and from that of a code table on to its file.
pub(super) fn definition(analysis: &Analysis, document: &Document, offset: u32) -> Value {
    let Some(mark) = analysis.outline.at(offset) else { return Value::Null };
    let codes = match mark.meaning {
        Meaning::Declared(at) => analysis.outline.declared.get(at).filter(|it| it.kind == Kind::Codes),
        _ => None,
    };
    let place = match codes.filter(|it| it.span == mark.span) {
        Some(codes) => beside(document, &codes.place),
        None => declaration(analysis, document, &mark.meaning),
    };
    place.map_or(Value::Null, |place| place.json())
}

/// Where what a name stands for is declared.
fn declaration(analysis: &Analysis, document: &Document, meaning: &Meaning) -> Option<Place> {
    let map_of = |url: &str| {
        let stated = |it: &fml::Map| it.url.as_ref().is_some_and(|known| known.text == url);
        analysis.maps.iter().find(|it| stated(&it.map))
    };
    match meaning {
        Meaning::Declared(at) => {
            let it = analysis.outline.declared.get(*at)?;
            Some(Place::new(&document.uri, &document.text, it.span))
        }
        Meaning::Elsewhere { map, span, .. } => {
            map_of(map).map(|file| Place::new(&file.uri, &file.text, *span))
        }
        Meaning::File(file) => beside(document, file),
        Meaning::Map(url) => map_of(url).map(|file| Place::start_of(file.uri.clone())),
        Meaning::Element(_)
        | Meaning::Value(..)
        | Meaning::Type(_)
        | Meaning::Conversion(_)
        | Meaning::Transform(_)
        | Meaning::Function(_) => None,
    }
}

/// A file beside a lens.
fn beside(document: &Document, file: &str) -> Option<Place> {
    document.lens("").beside(file)?;
    Some(Place::start_of(uri_of(&document.folder()?.join(file))))
}

/// Every place of the name at a byte.
fn places(analysis: &Analysis, document: &Document, offset: u32) -> Vec<Place> {
    let outline = &analysis.outline;
    let Some(mark) = outline.at(offset) else { return Vec::new() };
    let group = match &mark.meaning {
        Meaning::Declared(at) => match outline.declared.get(*at) {
            // A map without a url is imported by none.
            Some(it) if it.kind == Kind::Group && own_url(analysis).is_some() => {
                own_url(analysis).map(|url| (url, it.name.clone()))
            }
            _ => {
                let own = outline.places_of(*at);
                return own.map(|span| Place::new(&document.uri, &document.text, span)).collect();
            }
        },
        Meaning::Elsewhere { map, name, .. } => Some((map.clone(), name.clone())),
        same @ (Meaning::Element(_) | Meaning::Value(..) | Meaning::Type(_)) => {
            let marks = outline.marks.iter().filter(|mark| is_same(&mark.meaning, same));
            return marks.map(|mark| Place::new(&document.uri, &document.text, mark.span)).collect();
        }
        _ => None,
    };
    group.map_or_else(Vec::new, |(map, name)| group_places(analysis, &map, &name))
}

pub(super) fn own_url(analysis: &Analysis) -> Option<String> {
    analysis.maps.first()?.map.url.as_ref().map(|url| url.text.clone())
}

/// Two places name one element of one document.
fn is_same(a: &Meaning, b: &Meaning) -> bool {
    match (a, b) {
        (Meaning::Element(a), Meaning::Element(b)) => a.place == b.place && a.is_source == b.is_source,
        (a, b) => a == b,
    }
}

/// Where a group of a map stands in all maps at hand.
fn group_places(analysis: &Analysis, map: &str, name: &str) -> Vec<Place> {
    let library = Library::new(analysis.maps.iter().map(|it| &it.map));
    let mut places = Vec::new();
    for file in &analysis.maps {
        let is_own = file.map.url.as_ref().is_some_and(|url| url.text == map);
        let outline = fml::outline(file.text.as_str(), &file.map, &library, &analysis.schema);
        let named = |at: &usize| {
            outline.declared.get(*at).is_some_and(|it| it.kind == Kind::Group && it.name == name)
        };
        let found = outline.marks.iter().filter(|mark| match &mark.meaning {
            Meaning::Declared(at) => is_own && named(at),
            Meaning::Elsewhere { map: of, name: called, .. } => of == map && called == name,
            _ => false,
        });
        places.extend(found.map(|mark| Place::new(&file.uri, &file.text, mark.span)));
    }
    places
}

/// Every place of the name at a byte, with or without its declaration.
pub(super) fn references(
    analysis: &Analysis,
    document: &Document,
    offset: u32,
    with_declaration: bool,
) -> Value {
    let found = places(analysis, document, offset);
    let meaning = analysis.outline.at(offset).map(|mark| &mark.meaning);
    let declared = meaning.and_then(|meaning| declaration(analysis, document, meaning));
    let is_wanted = |place: &&Place| with_declaration || declared.as_ref() != Some(place);
    Value::Array(found.iter().filter(is_wanted).map(Place::json).collect())
}

/// Every place of the name at a byte in its own document.
pub(super) fn highlights(analysis: &Analysis, document: &Document, offset: u32) -> Value {
    let found = places(analysis, document, offset).into_iter().filter(|place| place.uri == document.uri);
    Value::Array(found.map(|place| json!({ "range": place.range })).collect())
}

/// The parts of a document.
pub(super) fn symbols(analysis: &Analysis, document: &Document) -> Vec<DocumentSymbol> {
    analysis.outline.parts.iter().map(|part| symbol(part, &document.text)).collect()
}

#[allow(deprecated, reason = "the type has a field that no server should fill, and no other way to be made")]
fn symbol(part: &Part, text: &Text) -> DocumentSymbol {
    let kind = match part.kind {
        PartKind::Declaration => SymbolKind::CONSTANT,
        PartKind::Map => SymbolKind::MODULE,
        PartKind::Group => SymbolKind::FUNCTION,
        PartKind::Rule => SymbolKind::FIELD,
    };
    let (range, selection_range) = (text.range(part.span), text.range(part.selection));
    let children: Vec<DocumentSymbol> = part.parts.iter().map(|part| symbol(part, text)).collect();
    DocumentSymbol {
        name: part.name.clone(),
        detail: None,
        kind,
        tags: None,
        deprecated: None,
        range,
        selection_range,
        children: Some(children),
    }
}
