//! What may stand in a FHIRPath expression.

use super::{Cursor, Item, functions};
use crate::mapping::outline::Meaning;
use crate::schema::TypeKind;
use lsp_types::CompletionItemKind;

/// How the text may go on after a name.
const WAYS: &[(&str, &str)] = &[("", ""), ("()", "")];
/// Variables that every expression has (FHIR R4, "FHIRPath", "Variables").
const VARIABLES: &[&str] = &["context", "resource", "rootResource", "ucum", "sct", "loinc"];

pub(super) fn items(cursor: &Cursor<'_>) -> Vec<Item> {
    let (last, before) = (cursor.back(0), cursor.back(1));
    if cursor.quote.is_some() {
        return Vec::new();
    }
    match (last, before) {
        ("%", _) => VARIABLES.iter().map(|name| Item::new(*name, CompletionItemKind::VARIABLE)).collect(),
        ("$", _) => {
            let words = ["this", "index", "total"].into_iter();
            words.map(|word| Item::new(word, CompletionItemKind::VARIABLE)).collect()
        }
        ("(", "ofType" | "is" | "as") | ("is" | "as", _) => {
            cursor.types(|kind| !matches!(kind, TypeKind::Body | TypeKind::Logical))
        }
        (".", _) => {
            let mut items = cursor.elements(WAYS);
            items.extend(functions());
            items
        }
        _ => {
            let owners = match cursor.finished(WAYS).1 {
                Some(Meaning::Element(element)) => element.owners,
                _ => Vec::new(),
            };
            let mut items = cursor.elements_of(&owners);
            if owners.is_empty() {
                items.extend(cursor.types(|kind| kind == TypeKind::Resource));
            }
            items.extend(functions());
            items
        }
    }
}
