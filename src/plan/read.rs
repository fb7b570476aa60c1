//! What the plan reads of FHIR resources.

use super::SAUMA;
use crate::tree::{Kind, Name, NodeId, Tree};
use std::borrow::Cow;

/// Elements in which resources name the person they are about.
pub(super) const SUBJECTS: &[&str] = &["subject", "patient", "for", "beneficiary"];

/// The children of a node by name.
pub(super) fn all<'a>(tree: &'a Tree, node: NodeId, name: &str) -> impl Iterator<Item = NodeId> + use<'a> {
    let name = tree.names().get(name);
    tree.children(node).filter(move |child| Some(tree.name(*child)) == name)
}

/// The node at the end of a path, through the first of every list.
pub(super) fn at(tree: &Tree, node: NodeId, path: &[&str]) -> Option<NodeId> {
    path.iter().try_fold(node, |here, name| tree.child_str(here, name))
}

/// The text at the end of a path.
pub(super) fn text<'a>(tree: &'a Tree, node: NodeId, path: &[&str]) -> Option<Cow<'a, str>> {
    at(tree, node, path)
        .filter(|leaf| tree.kind(*leaf).is_leaf() && tree.has_text(*leaf))
        .map(|leaf| tree.text(leaf))
}

/// The extensions of a node with one of Sauma's own urls, by the word behind the base.
pub(super) fn extensions<'a>(
    tree: &'a Tree,
    node: NodeId,
    word: &'a str,
) -> impl Iterator<Item = NodeId> + use<'a> {
    tree.children_named(node, Name::EXTENSION).filter(move |extension| {
        let url = tree.child(*extension, Name::URL).map(|url| tree.text(url));
        url.as_deref().and_then(|url| url.strip_prefix(SAUMA)?.strip_prefix("StructureDefinition/"))
            == Some(word)
    })
}

/// The codes of extensions whose url ends with a word: HL7 Finland's `municipality-code`.
pub(super) fn extensions_by(tree: &Tree, node: NodeId, word: &str) -> Vec<String> {
    let named = tree.children_named(node, Name::EXTENSION).filter(|extension| {
        tree.child(*extension, Name::URL).is_some_and(|url| tree.text(url).ends_with(word))
    });
    named.filter_map(|found| text(tree, value(tree, found)?, &["code"])).map(Cow::into_owned).collect()
}

/// The value of an extension: the child whose name starts with `value`.
pub(super) fn value(tree: &Tree, extension: NodeId) -> Option<NodeId> {
    tree.children(extension).find(|child| tree.name_text(*child).starts_with("value"))
}

/// The text of the value of one of Sauma's own extensions.
pub(super) fn extension_text<'a>(tree: &'a Tree, node: NodeId, word: &str) -> Option<Cow<'a, str>> {
    let found = extensions(tree, node, word).next().and_then(|extension| value(tree, extension));
    found.filter(|leaf| tree.kind(*leaf).is_leaf() && tree.has_text(*leaf)).map(|leaf| tree.text(leaf))
}

/// The identifiers of a resource as system and value; those without a value are left out.
pub(super) fn identifiers(
    tree: &Tree,
    node: NodeId,
) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> + use<'_> {
    all(tree, node, "identifier").filter_map(|identifier| {
        let system = text(tree, identifier, &["system"]).unwrap_or_default();
        text(tree, identifier, &["value"]).map(|value| (system, value))
    })
}

/// True where a coding of the concept has one of Sauma's own code systems and the code.
pub(super) fn has_code(tree: &Tree, concept: NodeId, system_word: &str, code: &str) -> bool {
    all(tree, concept, "coding").any(|coding| {
        let system = text(tree, coding, &["system"]);
        system.as_deref().and_then(|system| system.strip_prefix(SAUMA)?.strip_prefix("CodeSystem/"))
            == Some(system_word)
            && text(tree, coding, &["code"]).as_deref() == Some(code)
    })
}

/// What a concept says to people: its text, otherwise the display or the code of its first coding.
pub(super) fn concept(tree: &Tree, concept: NodeId) -> Option<Cow<'_, str>> {
    let coding = |name: &str| all(tree, concept, "coding").find_map(|coding| text(tree, coding, &[name]));
    text(tree, concept, &["text"]).or_else(|| coding("display")).or_else(|| coding("code"))
}

/// A name of a person as people say it.
pub(super) fn human_name(tree: &Tree, resource: NodeId) -> Option<String> {
    let name = all(tree, resource, "name").next()?;
    if tree.kind(name).is_leaf() {
        return tree.has_text(name).then(|| tree.text(name).into_owned());
    }
    if let Some(text) = text(tree, name, &["text"]) {
        return Some(text.into_owned());
    }
    let given = all(tree, name, "given").map(|given| tree.text(given));
    let family = all(tree, name, "family").map(|family| tree.text(family));
    let words: Vec<Cow<'_, str>> = given.chain(family).filter(|word| !word.is_empty()).collect();
    (!words.is_empty()).then(|| words.join(" "))
}

/// A telephone number or e-mail address as system and value, alike for all its spellings: `040 123 4567` is
/// `+358401234567`, for a number without a country is a Finnish one.
pub(super) fn contact_point(tree: &Tree, telecom: NodeId) -> Option<(String, String)> {
    let (system, value) = (text(tree, telecom, &["system"])?, text(tree, telecom, &["value"])?);
    let value = value.trim();
    let alike = match &*system {
        "phone" | "sms" | "fax" => phone_number(value.strip_prefix("tel:").unwrap_or(value))?,
        "email" => value.strip_prefix("mailto:").unwrap_or(value).to_lowercase(),
        _ => return None,
    };
    Some((system.into_owned(), alike))
}

/// The digits of a number with its country; nothing where there is more to it, as an extension.
pub(super) fn phone_number(said: &str) -> Option<String> {
    let is_filler = |sign: char| matches!(sign, ' ' | '\u{a0}' | '-' | '(' | ')' | '.' | '/');
    let signs: String = said.chars().filter(|sign| !is_filler(*sign)).collect();
    let number = match (signs.strip_prefix('+'), signs.strip_prefix("00"), signs.strip_prefix('0')) {
        (Some(rest), ..) | (None, Some(rest), _) => rest.to_owned(),
        (None, None, Some(rest)) => format!("358{rest}"),
        (None, None, None) => signs,
    };
    // The zero of the national form is often left where the country stands: +358 (0)40.
    let number = number.strip_prefix("3580").map_or(number.clone(), |rest| format!("358{rest}"));
    (!number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit())).then_some(number)
}

/// The text of a reference, `Goal/goal-1`, where the node is a Reference.
pub(super) fn reference(tree: &Tree, node: NodeId) -> Option<Cow<'_, str>> {
    let leaf = tree.child(node, Name::REFERENCE).filter(|leaf| tree.kind(*leaf) == Kind::Str)?;
    Some(tree.text(leaf))
}
