//! Which codes a value set holds, as far as the code systems at hand can tell.

use crate::schema::{Binding, CodeSystem, Concept, INCLUDE_DEPTH_MAX, Include, Schema, Strength};
use std::collections::HashMap;
use std::sync::{Arc, OnceLock, RwLock};

/// Whether a code is in a value set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Membership {
    In,
    Out,
    /// What is at hand does not tell.
    Open,
}

impl Membership {
    const fn of(is_in: bool) -> Self {
        if is_in { Self::In } else { Self::Out }
    }

    const fn not(self) -> Self {
        match self {
            Self::In => Self::Out,
            Self::Out => Self::In,
            Self::Open => Self::Open,
        }
    }

    const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Out, _) | (_, Self::Out) => Self::Out,
            (Self::In, Self::In) => Self::In,
            _ => Self::Open,
        }
    }

    pub(super) const fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::In, _) | (_, Self::In) => Self::In,
            (Self::Out, Self::Out) => Self::Out,
            _ => Self::Open,
        }
    }
}

/// A binding of an element, with its codes once they were asked for.
#[derive(Debug)]
pub(super) struct Bound<'s> {
    pub(super) binding: &'s Binding,
    codes: OnceLock<CodeSet<'s>>,
}

impl<'s> Bound<'s> {
    pub(super) const fn new(binding: &'s Binding) -> Self {
        Self { binding, codes: OnceLock::new() }
    }

    /// True where a code that does not fit is worth a word.
    pub(super) fn is_checked(&self) -> bool {
        self.binding.strength != Strength::Example && !self.binding.value_set.is_empty()
    }

    /// Whether a code is in the value set. Without a system, as an element of type `code` has none, any will do.
    pub(super) fn holds(&self, system: Option<&str>, code: &str, systems: &CodeSystems<'s>) -> Membership {
        let url = &*self.binding.value_set;
        self.codes.get_or_init(|| CodeSet::of(url, systems.schema)).holds(url, system, code, systems)
    }
}

/// The codes of a value set.
#[derive(Debug)]
enum CodeSet<'s> {
    /// All of them, each with the systems it is from.
    Listed(HashMap<&'s str, Vec<&'s str>>),
    /// They cannot be listed from what is at hand; each code is tried by itself.
    Open,
}

impl<'s> CodeSet<'s> {
    fn of(url: &str, schema: &'s Schema) -> Self {
        let Some(codes) = schema.codes(url) else { return Self::Open };
        let mut listed: HashMap<&str, Vec<&str>> = HashMap::with_capacity(codes.len());
        for code in codes {
            listed.entry(code.code).or_default().push(code.system);
        }
        Self::Listed(listed)
    }

    fn holds(&self, url: &str, system: Option<&str>, code: &str, systems: &CodeSystems<'s>) -> Membership {
        match self {
            Self::Listed(codes) => {
                let found = codes.get(code);
                let is_in = match system {
                    None => found.is_some(),
                    Some(system) => found.is_some_and(|found| found.contains(&system)),
                };
                Membership::of(is_in)
            }
            Self::Open => systems.member(url, system, code, INCLUDE_DEPTH_MAX),
        }
    }
}

/// The code systems of a schema, with their concepts by code once they were asked for.
#[derive(Debug)]
pub(super) struct CodeSystems<'s> {
    pub(super) schema: &'s Schema,
    known: RwLock<HashMap<String, Option<Arc<Concepts<'s>>>>>,
}

/// The concepts of a code system by code.
#[derive(Debug)]
pub(super) struct Concepts<'s> {
    pub(super) system: &'s CodeSystem,
    by_code: HashMap<String, &'s Concept>,
}

/// Code systems that are kept by url; data that name more of them are looked up each time.
const SYSTEMS_MAX: usize = 10_000;

impl<'s> CodeSystems<'s> {
    pub(super) fn new(schema: &'s Schema) -> Self {
        Self { schema, known: RwLock::default() }
    }

    /// A code system by its url.
    pub(super) fn find(&self, url: &str) -> Option<Arc<Concepts<'s>>> {
        // A lock is poisoned only by a panic, and nothing here panics.
        if let Ok(known) = self.known.read()
            && let Some(found) = known.get(url)
        {
            return found.clone();
        }
        let found = self.schema.code_system(url).map(|system| Arc::new(Concepts::of(system)));
        if let Ok(mut known) = self.known.write()
            && known.len() < SYSTEMS_MAX
        {
            known.insert(url.to_owned(), found.clone());
        }
        found
    }

    /// Whether a code is in a code system; `Open` where the system is not at hand as a whole.
    pub(super) fn has(&self, url: &str, code: &str) -> Membership {
        if let Some(fits) = grammar(url, code) {
            return Membership::of(fits);
        }
        let Some(concepts) = self.find(url) else { return Membership::Open };
        if concepts.get(code).is_some() {
            Membership::In
        } else if concepts.system.is_complete() {
            Membership::Out
        } else {
            Membership::Open
        }
    }

    /// Whether a code is in a value set.
    pub(super) fn member(&self, url: &str, system: Option<&str>, code: &str, depth: u32) -> Membership {
        let Some(value_set) = self.schema.value_set(url) else { return Membership::Open };
        let any = |parts: &[Include]| {
            parts.iter().fold(Membership::Out, |found, part| found.or(self.part(part, system, code, depth)))
        };
        any(&value_set.include).and(any(&value_set.exclude).not())
    }

    fn part(&self, part: &Include, system: Option<&str>, code: &str, depth: u32) -> Membership {
        let mut found = Membership::In;
        if !part.system.is_empty() {
            if system.is_some_and(|system| system != &*part.system) {
                return Membership::Out;
            }
            found = self.of_system(part, code);
        }
        for url in &part.value_sets {
            let inner =
                depth.checked_sub(1).map_or(Membership::Open, |depth| self.member(url, system, code, depth));
            found = found.and(inner);
        }
        found
    }

    fn of_system(&self, part: &Include, code: &str) -> Membership {
        if !part.concepts.is_empty() {
            return Membership::of(part.concepts.iter().any(|(known, _)| &**known == code));
        }
        part.filters.iter().fold(self.has(&part.system, code), |found, filter| {
            let below = || self.find(&part.system)?.system.subsumes(&filter.value, code);
            let fits = match (&*filter.property, &*filter.op) {
                ("concept", "is-a") => below(),
                ("concept", "descendent-of") => below().map(|below| below && &*filter.value != code),
                ("concept", "is-not-a") => below().map(|below| !below),
                _ => None,
            };
            found.and(fits.map_or(Membership::Open, Membership::of))
        })
    }
}

impl<'s> Concepts<'s> {
    fn of(system: &'s CodeSystem) -> Self {
        let by_code = system.concepts.iter().map(|concept| {
            let code =
                if system.is_case_sensitive { concept.code.to_string() } else { concept.code.to_lowercase() };
            (code, concept)
        });
        Self { system, by_code: by_code.collect() }
    }

    pub(super) fn get(&self, code: &str) -> Option<&'s Concept> {
        if self.system.is_case_sensitive {
            return self.by_code.get(code).copied();
        }
        self.by_code.get(&code.to_lowercase()).copied()
    }
}

/// Whether a code has the form that the codes of a system have which is defined by a grammar; `None` for a system that
/// is defined by a list.
fn grammar(system: &str, code: &str) -> Option<bool> {
    match system {
        "urn:ietf:bcp:13" => Some(is_media_type(code)),
        "urn:ietf:bcp:47" => Some(is_language_tag(code)),
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
    kind.split_once('/').map_or_else(|| is_token(kind), |(kind, sub)| is_token(kind) && is_token(sub))
}

/// A well-formed language tag (BCP 47, 2.1): subtags of 1 to 8 letters and digits, the first of letters.
fn is_language_tag(code: &str) -> bool {
    let mut subtags = code.split('-');
    let is_subtag =
        |text: &str| (1..=8).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let first = subtags.next().unwrap_or("");
    let is_first = is_subtag(first)
        && first.bytes().all(|byte| byte.is_ascii_alphabetic())
        && (first.len() > 1 || matches!(first, "x" | "i"));
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
        for (code, expected) in
            [("fi", true), ("sv-FI", true), ("i-klingon", true), ("f", false), ("English language", false)]
        {
            check("urn:ietf:bcp:47", code, expected);
        }
        assert_eq!(grammar("http://loinc.org", "1-8"), None);
    }

    #[test]
    fn a_value_set_holds_what_it_lists() {
        let systems = CodeSystems::new(Schema::r4());
        let check = |url: &str, system: Option<&str>, code: &str, expected: Membership| {
            let url = format!("http://hl7.org/fhir/ValueSet/{url}");
            assert_eq!(systems.member(&url, system, code, INCLUDE_DEPTH_MAX), expected, "{url} {code}");
        };
        check("goal-status", None, "active", Membership::In);
        check("goal-status", None, "aktive", Membership::Out);
        check("goal-status", Some("http://loinc.org"), "active", Membership::Out);
        check("mimetypes", None, "text/plain", Membership::In);
        check("observation-codes", Some("http://loinc.org"), "1-8", Membership::Open);
        check("nothing", None, "a", Membership::Open);
    }
}
