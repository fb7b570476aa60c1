//! What may stand at a place. The text before it is finished in the ways that it may go on until its outline tells
//! what is asked for, so that completion knows the types that the rest of the editor knows.

mod lens;
mod map;
mod path;

use super::analysis::Analysis;
use super::hover;
use super::text::to_u32;
use super::tokens::{Kind as TokenKind, Token, closers, tokens};
use super::workspace::{Document, Language, Workspace};
use crate::diag::Span;
use crate::fhirpath;
use crate::mapping::outline::{Declared, Kind, Meaning, Outline};
use crate::schema::TypeKind;
use crate::tree::fhir::TypeId;
use lsp_types::{
    CompletionItem, CompletionItemKind, CompletionTextEdit, Documentation, MarkupContent, MarkupKind,
    TextEdit,
};
use std::rc::Rc;

/// Suggestions at one place.
const ITEMS_MAX: usize = 2_000;
/// A name that stands where one is asked for.
const PROBE: &str = "zzz";

/// One suggestion.
struct Item {
    label: String,
    kind: CompletionItemKind,
    detail: Option<String>,
    says: Option<String>,
}

impl Item {
    fn new(label: impl Into<String>, kind: CompletionItemKind) -> Self {
        Self { label: label.into(), kind, detail: None, says: None }
    }

    fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    fn says(mut self, says: impl Into<String>) -> Self {
        self.says = Some(says.into());
        self
    }
}

/// A place where a name is asked for.
struct Cursor<'a> {
    document: &'a Document,
    analysis: Rc<Analysis>,
    /// What stands before the name.
    before: Vec<Token<'a>>,
    /// Where the name starts; in a text the first byte after its quote.
    start: usize,
    /// The name stands in quotes, of which this is the first.
    quote: Option<&'a str>,
}

/// What may stand at a byte.
pub(super) fn complete(workspace: &Workspace, document: &Document, offset: u32) -> Vec<CompletionItem> {
    let text = document.text.as_str();
    let before = text.get(..offset as usize).unwrap_or("");
    let Some(tokens) = tokens(before, document.language) else { return Vec::new() };
    let cursor = Cursor::new(document, workspace.analysis(document), tokens, before.len());
    let mut items = match document.language {
        Language::Lens => lens::items(&cursor),
        Language::Map => map::items(&cursor),
        Language::Path => path::items(&cursor),
    };
    items.truncate(ITEMS_MAX);
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let after = text.get(offset as usize..).unwrap_or("");
    let is_end = |c: char| match cursor.quote {
        Some(quote) => c == '\n' || quote.starts_with(c),
        None => !is_name(c),
    };
    let rest = after.find(is_end).unwrap_or(after.len());
    let range = document.text.range(Span::new(to_u32(cursor.start), offset + to_u32(rest)));
    items.into_iter().map(|item| shown(item, range)).collect()
}

fn shown(item: Item, range: lsp_types::Range) -> CompletionItem {
    let says = |value| Documentation::MarkupContent(MarkupContent { kind: MarkupKind::Markdown, value });
    CompletionItem {
        text_edit: Some(CompletionTextEdit::Edit(TextEdit { range, new_text: item.label.clone() })),
        label: item.label,
        kind: Some(item.kind),
        detail: item.detail,
        documentation: item.says.map(says),
        ..CompletionItem::default()
    }
}

impl<'a> Cursor<'a> {
    fn new(document: &'a Document, analysis: Rc<Analysis>, mut before: Vec<Token<'a>>, end: usize) -> Self {
        let (mut start, mut quote) = (end, None);
        if let Some(last) = before.last().copied().filter(|last| last.start + last.text.len() == end) {
            match last.kind {
                TokenKind::Word => {
                    start = last.start;
                    before.pop();
                }
                TokenKind::Open => {
                    quote = last.text.get(..1);
                    start = last.start + 1;
                    before.pop();
                }
                TokenKind::Text | TokenKind::Sign => {}
            }
        }
        Self { document, analysis, before, start, quote }
    }

    /// The token so far before the name, as it is written; empty where there is none.
    fn back(&self, steps: usize) -> &'a str {
        let at = self.before.len().checked_sub(steps + 1);
        at.and_then(|at| self.before.get(at)).map_or("", |token| token.text)
    }

    /// The brackets that are open, innermost first.
    fn open(&self) -> Vec<&'static str> {
        closers(&self.before)
    }

    /// The number of the token that opened the innermost parenthesis, where that is the innermost bracket.
    fn parenthesis(&self) -> Option<usize> {
        let mut depth = 0_usize;
        for (at, token) in self.before.iter().enumerate().rev().filter(|(_, it)| it.kind == TokenKind::Sign) {
            match token.text {
                ")" | "]" | "}" => depth += 1,
                "(" | "[" | "{" if depth > 0 => depth -= 1,
                "(" => return Some(at),
                "[" | "{" => return None,
                _ => {}
            }
        }
        None
    }

    /// The outline of the text up to the name with a name there, and what follows it.
    fn finished(&self, ways: &[(&str, &str)]) -> (Outline, Option<Meaning>) {
        let text = self.document.text.as_str();
        let quoted = self.quote.map_or_else(String::new, str::to_owned);
        let head = text.get(..self.start).unwrap_or("");
        let open = self.open();
        let inner = open.iter().position(|closer| *closer == "}").unwrap_or(open.len());
        let (inner, outer) = open.split_at_checked(inner).unwrap_or((&[], &[]));
        let mut last = Outline::default();
        for (lead, tail) in ways {
            let (inner, outer) = (inner.concat(), outer.concat());
            let whole = format!("{head}{PROBE}{quoted}{lead}{inner}{tail} {outer}");
            last = self.analysis.outline_of(self.document, &whole);
            let meaning = last.at(to_u32(self.start)).filter(|mark| mark.span.start == to_u32(self.start));
            if let Some(mark) = meaning {
                let meaning = mark.meaning.clone();
                return (last, Some(meaning));
            }
        }
        (last, None)
    }

    /// The elements that may stand here, and what is known here.
    fn elements(&self, ways: &[(&str, &str)]) -> Vec<Item> {
        match self.finished(ways).1 {
            Some(Meaning::Element(element)) => self.elements_of(&element.owners),
            _ => Vec::new(),
        }
    }

    fn elements_of(&self, owners: &[TypeId]) -> Vec<Item> {
        let schema = &self.analysis.schema;
        let mut items: Vec<Item> = Vec::new();
        for owner in owners {
            for element in schema.elements(*owner).iter().filter(|element| element.slice().is_none()) {
                // In data, and so in a lens, a choice has the name of its type.
                let in_data = schema.names_in_data(*owner, element);
                let names: Vec<_> = match self.document.language {
                    Language::Lens => in_data.iter().map(|found| (found.name, Some(*found))).collect(),
                    Language::Map | Language::Path if element.is_choice() => vec![(element.name, None)],
                    Language::Map | Language::Path => vec![(element.name, in_data.first().copied())],
                };
                for (name, found) in names {
                    let name = schema.name_text(name);
                    if items.iter().any(|item| item.label == name) {
                        continue;
                    }
                    let detail = hover::signature(schema, found, element);
                    let item = Item::new(name, CompletionItemKind::FIELD).detail(detail);
                    items.push(match hover::element_line(schema, *owner, name) {
                        Some(says) => item.says(says),
                        None => item,
                    });
                }
            }
        }
        items
    }

    /// The codes that an element takes where a text stands.
    fn values(&self, ways: &[(&str, &str)]) -> Vec<Item> {
        let Some(Meaning::Value(element, _)) = self.finished(ways).1 else { return Vec::new() };
        let schema = &self.analysis.schema;
        let bound = element.owners.iter().find_map(|owner| hover::bound_codes(schema, *owner, &element.name));
        let item = |(code, display, system): (String, String, String)| {
            Item::new(code, CompletionItemKind::ENUM_MEMBER).detail(display).says(format!("`{system}`"))
        };
        bound.into_iter().flatten().map(item).collect()
    }

    /// Declared names that are known here.
    fn declared(&self, outline: &Outline, wanted: impl Fn(Kind) -> bool) -> Vec<Item> {
        let mut items: Vec<Item> = Vec::new();
        for it in outline.known_at(to_u32(self.start)).filter(|it| wanted(it.kind)) {
            // An inner variable hides an outer one.
            if it.name != PROBE && !items.iter().any(|item| item.label == it.name) {
                items.push(self.declared_item(it));
            }
        }
        items
    }

    fn declared_item(&self, it: &Declared) -> Item {
        let kind = match it.kind {
            Kind::Source | Kind::Target | Kind::Resource | Kind::Parameter => CompletionItemKind::VARIABLE,
            Kind::Group => CompletionItemKind::FUNCTION,
            Kind::Codes | Kind::ConceptMap => CompletionItemKind::ENUM,
            Kind::Constant => CompletionItemKind::CONSTANT,
            Kind::Alias => CompletionItemKind::CLASS,
        };
        let types = it.types.iter().map(|ty| self.analysis.schema.type_info(*ty).name);
        let types = types.collect::<Vec<_>>().join(" | ");
        let item = Item::new(it.name.as_str(), kind);
        if types.is_empty() { item.detail(it.place.as_str()) } else { item.detail(types) }
    }

    /// The types of FHIR and, where they are wanted, the logical models.
    fn types(&self, wanted: impl Fn(TypeKind) -> bool) -> Vec<Item> {
        let schema = &self.analysis.schema;
        let infos = schema.all_types().map(|ty| schema.type_info(ty));
        let infos = infos.filter(|info| wanted(info.kind) && !info.name.is_empty());
        let mut items: Vec<Item> =
            infos.map(|info| Item::new(info.name, CompletionItemKind::CLASS).detail(info.url)).collect();
        items.sort_by(|a, b| a.label.cmp(&b.label));
        items
    }
}

/// Words of a language.
fn words(words: &[(&str, &str)], kind: CompletionItemKind) -> Vec<Item> {
    words.iter().map(|(word, says)| Item::new(*word, kind).says(*says)).collect()
}

/// The functions of FHIRPath.
fn functions() -> Vec<Item> {
    let item = |name| {
        let item = Item::new(name, CompletionItemKind::FUNCTION);
        match fhirpath::usage(name) {
            Some(usage) => item.says(usage),
            None => item,
        }
    };
    fhirpath::function_names().map(item).collect()
}
