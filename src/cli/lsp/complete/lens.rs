//! What may stand in a lens.

use super::{Cursor, Item, words};
use crate::cli::lsp::words as said;
use crate::mapping::outline::Kind;
use crate::schema::TypeKind;
use lsp_types::CompletionItemKind;
use std::fs;

/// How the text may go on after a name: what follows it in its brackets, and what follows those.
const WAYS: &[(&str, &str)] = &[
    ("", ""),
    ("", " <-> zzz"),
    (" = \"x\"", " <-> zzz"),
    ("", " = \"x\""),
    (" = \"x\"", " = \"x\""),
    (" = \"x\"", " zzz"),
    ("", " zzz"),
    ("", " because \"x\""),
];
/// Code tables of one folder that are suggested.
const FILES_MAX: usize = 500;

pub(super) fn items(cursor: &Cursor<'_>) -> Vec<Item> {
    let (last, before) = (cursor.back(0), cursor.back(1));
    if cursor.quote.is_some() {
        return match (last, before) {
            ("=" | "else" | "default", _) => cursor.values(WAYS),
            ("list", _) | (_, "codes") => files(cursor),
            (_, "source" | "target") => definitions(cursor),
            _ => Vec::new(),
        };
    }
    let open = cursor.open();
    match (last, before) {
        (".", _) => cursor.elements(WAYS),
        ("$", _) => known(cursor, |kind| kind == Kind::Parameter),
        ("via", _) => words(said::CONVERSIONS, CompletionItemKind::FUNCTION),
        ("codes", "via") => known(cursor, |kind| kind == Kind::Codes),
        ("by", _) => known(cursor, |kind| kind == Kind::Group),
        ("ref", _) => known(cursor, |kind| kind == Kind::Resource),
        ("as", _) => cursor.types(|kind| kind == TypeKind::Resource),
        ("source" | "target", _) => {
            let formats = ["json", "xml", "csv", "fhir"];
            formats.into_iter().map(|format| Item::new(format, CompletionItemKind::KEYWORD)).collect()
        }
        ("has" | "no" | "[" | ",", _) if open.first() == Some(&"]") => {
            let mut items = cursor.elements(WAYS);
            if !matches!(last, "has" | "no") {
                items.extend(words(said::LENS_CONDITIONS, CompletionItemKind::KEYWORD));
            }
            items
        }
        ("<->" | "->" | "key", _) => known(cursor, is_target),
        ("<-" | "keep" | "ignore" | "each" | "restating" | "likely" | "narrative", _) => {
            known(cursor, |kind| kind == Kind::Source)
        }
        ("=", _) => {
            let mut items = known(cursor, is_target);
            items.push(
                Item::new("ref", CompletionItemKind::KEYWORD).says("`ref r`: a reference to a resource"),
            );
            items
        }
        _ if open.is_empty() => words(said::LENS_DECLARATIONS, CompletionItemKind::KEYWORD),
        _ => {
            let mut items = known(cursor, |kind| kind == Kind::Source);
            items.extend(words(said::LENS_RULES, CompletionItemKind::KEYWORD));
            items.extend(words(said::LENS_CLAUSES, CompletionItemKind::KEYWORD));
            items
        }
    }
}

const fn is_target(kind: Kind) -> bool {
    matches!(kind, Kind::Target | Kind::Resource)
}

/// Declared names. Codes and groups that stand further down are known too.
fn known(cursor: &Cursor<'_>, wanted: impl Fn(Kind) -> bool) -> Vec<Item> {
    let everywhere = |kind: Kind| matches!(kind, Kind::Codes | Kind::Group);
    let mut items = cursor.declared(&cursor.finished(WAYS).0, &wanted);
    for item in cursor.declared(&cursor.analysis.outline, |kind| everywhere(kind) && wanted(kind)) {
        if !items.iter().any(|known| known.label == item.label) {
            items.push(item);
        }
    }
    items
}

/// Code tables beside the lens.
fn files(cursor: &Cursor<'_>) -> Vec<Item> {
    let Some(folder) = cursor.document.folder() else { return Vec::new() };
    let mut names = Vec::new();
    for below in ["", "codes/"] {
        let entries = fs::read_dir(folder.join(below)).into_iter().flatten().take(FILES_MAX).flatten();
        let tables = entries.map(|entry| entry.path());
        let tables = tables.filter(|path| path.extension().is_some_and(|ending| ending == "tsv"));
        let found = tables.filter_map(|path| Some(format!("{below}{}", path.file_name()?.to_str()?)));
        names.extend(found);
    }
    names.sort_unstable();
    names.into_iter().map(|name| Item::new(name, CompletionItemKind::FILE)).collect()
}

/// Urls of definitions that a side of a lens may have.
fn definitions(cursor: &Cursor<'_>) -> Vec<Item> {
    let wanted = |kind| matches!(kind, TypeKind::Logical | TypeKind::Resource);
    let types = cursor.types(wanted).into_iter();
    let url = |item: Item| Some(Item::new(item.detail?, CompletionItemKind::CLASS).detail(item.label));
    types.filter_map(url).collect()
}
