//! Which codes a value set holds, as far as what is at hand can tell.

use crate::schema::{Binding, Include, Membership, Schema, Strength};
use std::sync::{Arc, OnceLock};

/// A binding of an element, with its codes once they were asked for.
#[derive(Debug)]
pub(super) struct Bound<'s> {
    pub(super) binding: &'s Binding,
    codes: OnceLock<Option<Arc<Membership>>>,
    /// Of the value set that no code may be outside of.
    greatest: OnceLock<Option<Arc<Membership>>>,
}

impl<'s> Bound<'s> {
    pub(super) const fn new(binding: &'s Binding) -> Self {
        Self { binding, codes: OnceLock::new(), greatest: OnceLock::new() }
    }

    /// True where a code that does not fit is worth a word.
    pub(super) fn is_checked(&self) -> bool {
        let is_stated = self.binding.strength != Strength::Example && !self.binding.value_set.is_empty();
        is_stated || !self.binding.greatest.is_empty()
    }

    /// Whether a code is in the value set; `None` where that cannot be said. Without a system, as an element of type
    /// `code` has none, any will do.
    pub(super) fn holds(&self, system: Option<&str>, code: &str, schema: &Schema) -> Option<bool> {
        holds(&self.binding.value_set, &self.codes, system, code, schema)
    }

    /// As [`Bound::holds`], of the value set that no code may be outside of; anything is in one that is not stated.
    pub(super) fn may_hold(&self, system: Option<&str>, code: &str, schema: &Schema) -> Option<bool> {
        let url = &*self.binding.greatest;
        if url.is_empty() { Some(true) } else { holds(url, &self.greatest, system, code, schema) }
    }
}

fn holds(
    url: &str,
    codes: &OnceLock<Option<Arc<Membership>>>,
    system: Option<&str>,
    code: &str,
    schema: &Schema,
) -> Option<bool> {
    let codes = codes.get_or_init(|| schema.membership(url));
    let listed = codes.as_ref().and_then(|codes| codes.contains(system, code));
    listed.or_else(|| by_grammar(url, system, code, schema))
}

/// Whether a code is in a value set of systems that are defined by a grammar.
fn by_grammar(url: &str, system: Option<&str>, code: &str, schema: &Schema) -> Option<bool> {
    let value_set = schema.value_set(url)?;
    let of_part = |part: &Include| {
        let is_whole = part.concepts.is_empty() && part.filters.is_empty() && part.value_sets.is_empty();
        let fits = grammar(&part.system, code).filter(|_| is_whole)?;
        Some(fits && system.is_none_or(|system| system == &*part.system))
    };
    let parts = value_set.include.iter().map(of_part);
    let found = parts.collect::<Option<Vec<bool>>>()?;
    value_set.exclude.is_empty().then(|| found.contains(&true))
}

/// Whether a code is in a code system; `None` where the system is not at hand as a whole.
pub(super) fn is_in_system(system: &str, code: &str, schema: &Schema) -> Option<bool> {
    grammar(system, code).or_else(|| match schema.concept(system, code) {
        Some(_) => Some(true),
        None => schema.code_system(system).filter(|system| system.is_complete()).map(|_| false),
    })
}

/// True for a code system that HL7 goes on adding to (`terminology.hl7.org`), of which only the state of R4 is at hand.
/// Another code may be one of a later state.
pub(super) fn may_have_grown(system: &str, schema: &Schema) -> bool {
    let is_of_core = || {
        let (here, core) = (schema.code_system(system), Schema::r4().code_system(system));
        here.zip(core).is_some_and(|(here, core)| std::ptr::eq(here, core))
    };
    system.starts_with("http://terminology.hl7.org/") && is_of_core()
}

/// Whether a code has the form that the codes of a system have which is defined by a grammar; `None` for a system that
/// is defined by a list.
fn grammar(system: &str, code: &str) -> Option<bool> {
    match system {
        "urn:ietf:bcp:13" => Some(is_media_type(code)),
        "urn:ietf:bcp:47" => Some(is_language_tag(code)),
        // The list is not at hand, but the form of its codes is known.
        "urn:iso:std:iso:4217" => {
            let is_form = code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase());
            (!is_form).then_some(false)
        }
        _ => None,
    }
}

/// A media type with parameters (RFC 2045), or one of the short words that FHIR R4 allows for its own formats.
fn is_media_type(code: &str) -> bool {
    let is_token = |text: &str| {
        let special = |byte: u8| b"()<>@,;:\\\"/[]?= ".contains(&byte);
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && !special(byte))
    };
    let kind = code.split(';').next().unwrap_or(code).trim_end();
    kind.split_once('/')
        .map_or_else(|| SHORT_FORMATS.contains(&kind), |(kind, sub)| is_token(kind) && is_token(sub))
}

/// The words for formats that FHIR R4 allows beside media types (HTTP page, 3.1.0.1.11).
const SHORT_FORMATS: &[&str] = &["xml", "json", "ttl", "html"];

/// A well-formed language tag (BCP 47, 2.1): subtags of 1 to 8 letters and digits, the first of 2 or 3 letters. Longer
/// first subtags are allowed for, but none was ever registered (2.2.1).
fn is_language_tag(code: &str) -> bool {
    let mut subtags = code.split('-');
    let is_subtag =
        |text: &str| (1..=8).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let first = subtags.next().unwrap_or("");
    let is_first = first.bytes().all(|byte| byte.is_ascii_alphabetic())
        && (matches!(first.len(), 2 | 3) || matches!(first, "x" | "i"));
    is_first && subtags.all(is_subtag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grammars_tell_codes_apart() {
        let check = |system: &str, code: &str, expected: bool| {
            assert_eq!(grammar(system, code), Some(expected), "{code}");
        };
        for (code, expected) in [
            ("text/plain", true),
            ("xml", true),
            ("application/json; a=b", true),
            ("[%x%]", false),
            ("a/b/c", false),
        ] {
            check("urn:ietf:bcp:13", code, expected);
        }
        for (code, expected) in [
            ("fi", true),
            ("sv-FI", true),
            ("i-klingon", true),
            ("f", false),
            ("finnish", false),
            ("English language", false),
        ] {
            check("urn:ietf:bcp:47", code, expected);
        }
        assert_eq!(grammar("http://loinc.org", "1-8"), None);
    }

    #[test]
    fn a_value_set_holds_what_it_lists() {
        let check = |url: &str, system: Option<&str>, code: &str, expected: Option<bool>| {
            let value_set = format!("http://hl7.org/fhir/ValueSet/{url}").into();
            let binding = Binding { strength: Strength::Required, value_set, greatest: Box::default() };
            assert_eq!(Bound::new(&binding).holds(system, code, Schema::r4()), expected, "{url} {code}");
        };
        check("goal-status", None, "active", Some(true));
        check("goal-status", None, "aktive", Some(false));
        check("goal-status", Some("http://loinc.org"), "active", Some(false));
        check("mimetypes", None, "text/plain", Some(true));
        check("mimetypes", None, "[text]", Some(false));
        check("observation-codes", Some("http://loinc.org"), "1-8", None);
        check("nothing", None, "a", None);
    }
}
