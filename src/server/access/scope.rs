//! Scopes of SMART App Launch 2 for programs: `system/CarePlan.cruds`, `system/*.rs`.

use std::collections::BTreeMap;

/// Words of one scope text that are read.
const WORDS_MAX: usize = 200;

/// One thing that a scope allows (SMART App Launch 2.2, "Scopes for requesting FHIR resources").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server) enum Right {
    /// Make a resource.
    Create,
    /// Read one, its versions and its history.
    Read,
    /// Change one.
    Update,
    /// Delete one.
    Delete,
    /// Find some, and the history of a type or of all.
    Search,
}

/// Every right, in the order of its letter in `cruds`.
const RIGHTS: [(char, Right); 5] = [
    ('c', Right::Create),
    ('r', Right::Read),
    ('u', Right::Update),
    ('d', Right::Delete),
    ('s', Right::Search),
];

/// Rights on one type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Rights(u8);

impl Rights {
    const fn bit(right: Right) -> u8 {
        1 << right as u8
    }

    /// An ordered, not empty part of `cruds`.
    fn parse(letters: &str) -> Option<Self> {
        let mut known = RIGHTS.iter();
        let mut found = 0;
        for letter in letters.chars() {
            let (_, right) = known.find(|(of, _)| *of == letter)?;
            found |= Self::bit(*right);
        }
        (found != 0).then_some(Self(found))
    }

    const fn has(self, right: Right) -> bool {
        self.0 & Self::bit(right) != 0
    }

    fn letters(self) -> String {
        RIGHTS.iter().filter(|(_, right)| self.has(*right)).map(|(letter, _)| letter).collect()
    }
}

/// What a program may do: rights by type, `*` for every type.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::server) struct Scopes(BTreeMap<String, Rights>);

/// The name that stands for every type.
const EVERY: &str = "*";
/// Types that `*` does not stand for. The log of who saw what is read by those alone who are registered for that: its
/// entries tell of clients and units whom a caller knows nothing of.
const BY_NAME_ALONE: [&str; 1] = ["AuditEvent"];

impl Scopes {
    /// The scopes that a client is registered for.
    ///
    /// # Errors
    /// The first word that is no scope of a program.
    pub(in crate::server) fn registered(text: &str) -> Result<Self, String> {
        let mut scopes = Self::default();
        for word in text.split_ascii_whitespace() {
            let (kind, rights) = parse(word).ok_or_else(|| word.to_owned())?;
            scopes.add(kind, rights);
        }
        if scopes.is_empty() { Err(text.to_owned()) } else { Ok(scopes) }
    }

    /// What of a request is granted: never more than was asked for, never more than is registered. A wildcard gives
    /// what is registered and no more; words that are not understood give nothing.
    pub(in crate::server) fn granted(&self, asked: &str) -> Self {
        let mut granted = Self::default();
        for (kind, rights) in asked.split(' ').take(WORDS_MAX).filter_map(parse) {
            if kind == EVERY {
                for (own, registered) in &self.0 {
                    granted.add(own, Rights(registered.0 & rights.0));
                }
            } else {
                granted.add(kind, Rights(self.of(kind).0 & rights.0));
            }
        }
        granted
    }

    /// True where a right on a type is among them.
    pub(in crate::server) fn allows(&self, kind: &str, right: Right) -> bool {
        self.of(kind).has(right)
    }

    /// True where a right on every type is among them.
    pub(in crate::server) fn allows_every(&self, right: Right) -> bool {
        self.0.get(EVERY).is_some_and(|rights| rights.has(right))
    }

    /// The types that a right is given on by name.
    pub(in crate::server) fn kinds(&self, right: Right) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(move |(kind, rights)| *kind != EVERY && rights.has(right))
            .map(|(kind, _)| &**kind)
    }

    /// True where they give nothing.
    pub(in crate::server) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As text, sorted.
    pub(in crate::server) fn text(&self) -> String {
        let words: Vec<String> =
            self.0.iter().map(|(kind, rights)| format!("system/{kind}.{}", rights.letters())).collect();
        words.join(" ")
    }

    fn of(&self, kind: &str) -> Rights {
        let by_name = self.0.get(kind).copied().unwrap_or_default();
        let every = self.0.get(EVERY).filter(|_| !BY_NAME_ALONE.contains(&kind));
        let by_every = every.copied().unwrap_or_default();
        Rights(by_name.0 | by_every.0)
    }

    fn add(&mut self, kind: &str, rights: Rights) {
        if rights.0 != 0 {
            self.0.entry(kind.to_owned()).or_default().0 |= rights.0;
        }
    }
}

/// The type and the rights of one scope. Parts of a type (`?category=...`) are not given, so they are not read either.
fn parse(word: &str) -> Option<(&str, Rights)> {
    let (kind, letters) = word.strip_prefix("system/")?.split_once('.')?;
    let is_kind = kind == EVERY
        || kind.starts_with(|first: char| first.is_ascii_uppercase())
            && kind.bytes().all(|byte| byte.is_ascii_alphabetic());
    is_kind.then_some((kind, Rights::parse(letters)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn granted(registered: &str, asked: &str) -> String {
        Scopes::registered(registered).unwrap_or_default().granted(asked).text()
    }

    #[test]
    fn grants_are_no_wider_than_both_sides() {
        let check = |registered: &str, asked: &str, expected: &str| {
            assert_eq!(granted(registered, asked), expected, "{registered} | {asked}");
        };
        check("system/CarePlan.cruds", "system/CarePlan.rs", "system/CarePlan.rs");
        check("system/CarePlan.rs", "system/CarePlan.cruds", "system/CarePlan.rs");
        check("system/CarePlan.rs system/Goal.r", "system/*.cruds", "system/CarePlan.rs system/Goal.r");
        check("system/*.rs", "system/Goal.cr", "system/Goal.r");
        check("system/*.rs", "system/*.r", "system/*.r");
        check("system/Goal.r", "system/CarePlan.r", "");
        // The log of who saw what is for those who are registered for it by name.
        check("system/*.rs", "system/AuditEvent.rs", "");
        check("system/AuditEvent.rs system/*.r", "system/AuditEvent.rs", "system/AuditEvent.rs");
        for odd in [
            "system/Goal.sr",
            "system/Goal.",
            "system/Goal",
            "user/Goal.r",
            "system/Goal.rr",
            "system/goal.r",
            "system/Goal.read",
            "system/Goal.r?status=active",
            "System/Goal.r",
            "system/Goal.r\u{a0}",
            "openid",
        ] {
            check("system/Goal.cruds", odd, "");
            assert!(Scopes::registered(odd).is_err(), "{odd}");
        }
    }

    /// What SMART says, told once more: a right is allowed where some word of the text names it.
    fn model(text: &str, kind: &str, right: char) -> bool {
        text.split(' ').any(|word| {
            let Some(rest) = word.strip_prefix("system/") else { return false };
            let Some((of, letters)) = rest.split_once('.') else { return false };
            let mut last = None;
            for letter in letters.chars() {
                let place = "cruds".find(letter);
                if place.is_none() || place <= last {
                    return false;
                }
                last = place;
            }
            (of == kind || of == "*") && letters.contains(right)
        })
    }

    fn words() -> impl Strategy<Value = String> {
        let kind = prop::sample::select(vec!["CarePlan", "Goal", "Patient", "*"]);
        let letters = prop::sample::select(vec![
            "c", "r", "u", "d", "s", "rs", "cruds", "cud", "sr", "crx", "", "rr", "cs",
        ]);
        let context = prop::sample::select(vec!["system", "system", "system", "user", "patient"]);
        let word = (context, kind, letters)
            .prop_map(|(context, kind, letters)| format!("{context}/{kind}.{letters}"));
        prop::collection::vec(word, 0..6).prop_map(|words| words.join(" "))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn scopes_allow_what_the_model_allows(registered in words(), asked in words()) {
            let valid: Vec<&str> = registered.split(' ').filter(|word| Scopes::registered(word).is_ok()).collect();
            let registered = valid.join(" ");
            let own = Scopes::registered(&registered).unwrap_or_default();
            let granted = own.granted(&asked);
            for kind in ["CarePlan", "Goal", "Patient", "Task"] {
                for (letter, right) in RIGHTS {
                    let expected = model(&registered, kind, letter) && model(&asked, kind, letter);
                    prop_assert_eq!(granted.allows(kind, right), expected, "{} of {}.{}", registered, kind, letter);
                }
            }
            // What is granted says so itself: an answer can be asked again.
            prop_assert_eq!(Scopes::registered(&granted.text()).unwrap_or_default(), granted);
        }
    }
}
