//! What may stand in a map of the FHIR Mapping Language.

use super::{Cursor, Item, functions, words};
use crate::cli::lsp::tokens::Kind as TokenKind;
use crate::cli::lsp::words as said;
use crate::mapping::fml::{Function, Library};
use crate::mapping::outline::Kind;
use crate::schema::TypeKind;
use lsp_types::CompletionItemKind;

/// How the text may go on after a name.
const WAYS: &[(&str, &str)] =
    &[("", ";"), ("", " -> zzz;"), ("", " as zzz -> zzz;"), ("", " = zzz;"), ("", " as zzz;"), ("", "")];

pub(super) fn items(cursor: &Cursor<'_>) -> Vec<Item> {
    let (last, before) = (cursor.back(0), cursor.back(1));
    if cursor.quote.is_some() {
        return in_text(cursor, last, before);
    }
    let (open, is_expression) = (cursor.open(), in_expression(cursor));
    match (last, before) {
        ("%" | "where" | "check" | "log" | "default", _) => expression(cursor, last),
        _ if is_expression => expression(cursor, last),
        (".", _) => cursor.elements(WAYS),
        (":", _) => {
            let mut items = known(cursor, |kind| kind == Kind::Alias);
            items.extend(cursor.types(|kind| kind != TypeKind::Body));
            items
        }
        ("then" | "extends", _) => groups(cursor),
        ("=", _) => {
            let mut items = known(cursor, |kind| matches!(kind, Kind::Source | Kind::Constant));
            items.extend(Function::ALL.iter().map(|(function, word)| {
                Item::new(*word, CompletionItemKind::FUNCTION)
                    .detail(function.usage())
                    .says(said::transform(*function))
            }));
            items
        }
        ("->", _) => known(cursor, |kind| kind == Kind::Target),
        ("(" | ",", _) if open.first() == Some(&")") => {
            known(cursor, |kind| matches!(kind, Kind::Source | Kind::Target | Kind::Constant))
        }
        _ if open.is_empty() => words(said::MAP_DECLARATIONS, CompletionItemKind::KEYWORD),
        ("{" | ";" | "}", _) => known(cursor, |kind| kind == Kind::Source),
        (",", _) => known(cursor, |kind| matches!(kind, Kind::Source | Kind::Target)),
        _ => words(said::MAP_CLAUSES, CompletionItemKind::KEYWORD),
    }
}

/// True inside the parentheses of an expression.
fn in_expression(cursor: &Cursor<'_>) -> bool {
    let Some(at) = cursor.parenthesis() else { return false };
    // An expression may have parentheses in it; what opened the outermost tells.
    let mut outermost = at;
    let mut depth = 0_usize;
    for (at, token) in cursor.before.iter().enumerate().take(at).rev() {
        match (token.kind, token.text) {
            (TokenKind::Sign, ")") => depth += 1,
            (TokenKind::Sign, "(") if depth > 0 => depth -= 1,
            (TokenKind::Sign, "(") => outermost = at,
            (TokenKind::Sign, "{" | "}" | ";") => break,
            _ => {}
        }
    }
    let opener = outermost.checked_sub(1).and_then(|at| cursor.before.get(at)).map_or("", |token| token.text);
    matches!(opener, "where" | "check" | "log" | "default" | "evaluate" | "=" | "->")
}

fn expression(cursor: &Cursor<'_>, last: &str) -> Vec<Item> {
    let variables = |kind| matches!(kind, Kind::Source | Kind::Target | Kind::Constant);
    if last == "%" {
        return known(cursor, variables);
    }
    let mut items = cursor.elements(WAYS);
    if last != "." {
        items.extend(known(cursor, variables));
    }
    items.extend(functions());
    items
}

fn in_text(cursor: &Cursor<'_>, last: &str, before: &str) -> Vec<Item> {
    match (last, before) {
        ("(", "create") => {
            let mut items = known(cursor, |kind| kind == Kind::Alias);
            items.extend(cursor.types(|kind| matches!(kind, TypeKind::Resource | TypeKind::Complex)));
            items
        }
        (",", _) if called(cursor) == "translate" => {
            let maps = known(cursor, |kind| kind == Kind::ConceptMap).into_iter();
            maps.map(|item| Item::new(format!("#{}", item.label), CompletionItemKind::ENUM)).collect()
        }
        ("imports", _) => {
            let maps = cursor.analysis.maps.iter().skip(1).filter_map(|file| file.map.url.as_ref());
            maps.map(|url| Item::new(url.text.as_str(), CompletionItemKind::MODULE)).collect()
        }
        ("uses", _) => {
            let types =
                cursor.types(|kind| matches!(kind, TypeKind::Resource | TypeKind::Logical)).into_iter();
            let url =
                |item: Item| Some(Item::new(item.detail?, CompletionItemKind::CLASS).detail(item.label));
            types.filter_map(url).collect()
        }
        ("=", _) => cursor.values(WAYS),
        _ => Vec::new(),
    }
}

/// The function whose arguments the name is among.
fn called<'a>(cursor: &Cursor<'a>) -> &'a str {
    let name = cursor.parenthesis().and_then(|at| at.checked_sub(1));
    name.and_then(|at| cursor.before.get(at)).map_or("", |token| token.text)
}

/// Groups that can be called, those of imported maps too.
fn groups(cursor: &Cursor<'_>) -> Vec<Item> {
    let maps = &cursor.analysis.maps;
    let library = Library::new(maps.iter().map(|it| &it.map));
    let Some(own) = maps.first() else { return Vec::new() };
    let reach = library.reach(&own.map);
    let mut names: Vec<&str> = library.group_names(&own.map, &reach).collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(|name| Item::new(name, CompletionItemKind::FUNCTION)).collect()
}

fn known(cursor: &Cursor<'_>, wanted: impl Fn(Kind) -> bool) -> Vec<Item> {
    cursor.declared(&cursor.finished(WAYS).0, wanted)
}
