//! A policy file, read with the place of every fault.

use super::{Basis, Condition, Keeping, Path, Policy, Rule, Sensitive, Sight, StatutoryRight, Texts};
use crate::diag::{Code, Issue, Message, Severity, Span, codes, message, nearest};
use crate::mapping::units::schema;
use crate::plan::permission::{Reason, Set, Word};
use std::collections::BTreeMap;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Rules of every kind in one file.
const RULES_MAX: usize = 1_000;
/// Bytes of one file.
const BYTES_MAX: usize = 1 << 20;

/// Where each rule stands, by its id.
pub(super) type Places = BTreeMap<String, Span>;

type Value<'a> = Spanned<DeValue<'a>>;

/// The policy as far as it can be read, where its rules stand, and what is wrong.
pub(super) fn read(text: &str) -> (Policy, Places, Vec<Issue>) {
    let mut reader = Reader { issues: Vec::new(), places: Places::new() };
    let mut policy = Policy::closed();
    if text.len() > BYTES_MAX {
        let said = message!("a policy has at most {most} bytes", most = BYTES_MAX);
        reader.fault(codes::POLICY_SYNTAX, Span::default(), said);
        return (policy, reader.places, reader.issues);
    }
    match DeTable::parse(text) {
        Ok(table) => reader.policy(Table::of(table.get_ref(), span(&table.span())), &mut policy),
        Err(error) => {
            let place = error.span().map_or_else(Span::default, |range| span(&range));
            reader.fault(codes::POLICY_SYNTAX, place, Message::Plain(error.message().trim_end().to_owned()));
        }
    }
    (policy, reader.places, reader.issues)
}

fn span(range: &std::ops::Range<usize>) -> Span {
    let byte = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    Span::new(byte(range.start), byte(range.end))
}

/// A table with its place.
#[derive(Clone, Copy)]
struct Table<'a> {
    keys: &'a DeTable<'a>,
    place: Span,
}

impl<'a> Table<'a> {
    fn of(keys: &'a DeTable<'a>, place: Span) -> Self {
        Self { keys, place }
    }

    fn value(self, key: &str) -> Option<&'a Value<'a>> {
        self.keys.iter().find(|(known, _)| known.get_ref() == key).map(|(_, value)| value)
    }
}

struct Reader {
    issues: Vec<Issue>,
    places: Places,
}

impl Reader {
    fn fault(&mut self, code: &'static Code, place: Span, said: Message) {
        self.issues.push(Issue::said(code, Severity::Error, place, said, None));
    }

    fn policy(&mut self, table: Table<'_>, policy: &mut Policy) {
        self.only(table, &["title", "rule", "statute", "view", "sensitive", "keeping"]);
        policy.title = self.texts(table, "title");
        policy.statutes = self.each(table, "statute", Self::statute);
        policy.rules = self.each(table, "rule", Self::rule);
        policy.sights = self.each(table, "view", Self::sight);
        policy.sensitive = self.each(table, "sensitive", Self::sensitive);
        policy.keeping = self.each(table, "keeping", Self::keeping);
    }

    /// Says which keys a table does not have.
    fn only(&mut self, table: Table<'_>, known: &[&str]) {
        for key in table.keys.keys().filter(|key| !known.contains(&&**key.get_ref())) {
            self.unknown(key.get_ref(), span(&key.span()), known.iter().copied());
        }
    }

    fn unknown<'w>(&mut self, word: &str, place: Span, known: impl Iterator<Item = &'w str>) {
        let known: Vec<&str> = known.collect();
        let help = match nearest(word, known.iter().copied()) {
            Some(near) => message!("did you mean `{near}`?", near),
            None => message!("known are: {known}", known = known.join(", ")),
        };
        let said = message!("there is no `{word}` here", word);
        self.issues.push(Issue::said(codes::POLICY_WORD, Severity::Error, place, said, Some(help)));
    }

    fn each<T>(&mut self, table: Table<'_>, key: &str, one: impl Fn(&mut Self, Table<'_>) -> T) -> Vec<T> {
        let Some(list) = table.value(key) else { return Vec::new() };
        let Some(items) = list.get_ref().as_array().filter(|items| items.len() <= RULES_MAX) else {
            let said =
                message!("`{key}` is a list of tables: [[{key}]], at most {most}", key, most = RULES_MAX);
            self.fault(codes::POLICY_SYNTAX, span(&list.span()), said);
            return Vec::new();
        };
        let mut found = Vec::new();
        for item in items {
            match item.get_ref().as_table() {
                Some(keys) => {
                    let table = Table::of(keys, span(&item.span()));
                    found.push(one(self, table));
                }
                None => self.fault(
                    codes::POLICY_SYNTAX,
                    span(&item.span()),
                    message!("`{key}` is a list of tables: [[{key}]], at most {most}", key, most = RULES_MAX),
                ),
            }
        }
        found
    }

    /// The id of a rule, which no other has.
    fn id(&mut self, table: Table<'_>) -> String {
        let id = self.text(table, "id");
        if !id.is_empty() && self.places.insert(id.clone(), table.place).is_some() {
            self.fault(codes::POLICY_SYNTAX, table.place, message!("two rules have the id `{id}`", id));
        }
        id
    }

    fn required<'a>(&mut self, table: Table<'a>, key: &str) -> Option<&'a Value<'a>> {
        let found = table.value(key);
        if found.is_none() {
            self.fault(codes::POLICY_SYNTAX, table.place, message!("`{key}` is missing", key));
        }
        found
    }

    fn text(&mut self, table: Table<'_>, key: &str) -> String {
        self.text_named(table, key, key)
    }

    /// The text under a key, which a fault calls by its whole name.
    fn text_named(&mut self, table: Table<'_>, key: &str, name: &str) -> String {
        let Some(value) = table.value(key) else {
            self.fault(codes::POLICY_SYNTAX, table.place, message!("`{key}` is missing", key = name));
            return String::new();
        };
        match value.get_ref().as_str().map(str::trim) {
            Some(text) if !text.is_empty() => text.to_owned(),
            Some(_) | None => {
                let said = message!("`{key}` is a text", key = name);
                self.fault(codes::POLICY_SYNTAX, span(&value.span()), said);
                String::new()
            }
        }
    }

    fn texts(&mut self, table: Table<'_>, key: &str) -> Texts {
        let Some(value) = self.required(table, key) else { return Texts::default() };
        let Some(keys) = value.get_ref().as_table() else {
            let said = message!("`{key}` is a text in three languages: fi, sv, en", key);
            self.fault(codes::POLICY_SYNTAX, span(&value.span()), said);
            return Texts::default();
        };
        let inner = Table::of(keys, table.place);
        self.only(inner, &["fi", "sv", "en"]);
        let mut said =
            |language: &'static str| self.text_named(inner, language, &format!("{key}.{language}"));
        Texts { fi: said("fi"), sv: said("sv"), en: said("en") }
    }

    fn flag(&mut self, table: Table<'_>, key: &str) -> bool {
        let Some(value) = table.value(key) else { return false };
        value.get_ref().as_bool().unwrap_or_else(|| {
            self.fault(codes::POLICY_SYNTAX, span(&value.span()), message!("`{key}` is true or false", key));
            false
        })
    }

    /// The texts of a list, or of one text, each with its place.
    fn list(&mut self, value: &Value<'_>, key: &str) -> Vec<(String, Span)> {
        let one = |value: &Value<'_>| Some((value.get_ref().as_str()?.to_owned(), span(&value.span())));
        let found = match value.get_ref().as_array() {
            Some(items) => items.iter().map(one).collect(),
            None => one(value).map(|one| vec![one]),
        };
        found.unwrap_or_else(|| {
            self.fault(
                codes::POLICY_SYNTAX,
                span(&value.span()),
                message!("`{key}` is a list of texts", key),
            );
            Vec::new()
        })
    }

    fn word<W: Word>(&mut self, text: &str, place: Span) -> Option<W> {
        let found = W::find(text);
        if found.is_none() {
            self.unknown(text, place, W::ALL.iter().map(|word| word.code()));
        }
        found
    }

    fn one<W: Word>(&mut self, table: Table<'_>, key: &str, default: W) -> W {
        let Some(value) = self.required(table, key) else { return default };
        let text = self.list(value, key).into_iter().next();
        text.and_then(|(text, place)| self.word(&text, place)).unwrap_or(default)
    }

    /// The words under a key; all of them where it is not there.
    fn set<W: Word>(&mut self, table: Table<'_>, key: &str) -> Set<W> {
        let Some(value) = table.value(key) else { return Set::all() };
        let list = self.list(value, key);
        list.into_iter().filter_map(|(text, place)| self.word::<W>(&text, place)).collect()
    }

    fn basis(&mut self, table: Table<'_>) -> Basis {
        let Some(value) = self.required(table, "basis") else { return Basis::Reading };
        match value.get_ref().as_str() {
            Some("law") => Basis::Law,
            Some("reading") => Basis::Reading,
            other => {
                let known = ["law", "reading"];
                self.unknown(other.unwrap_or(""), span(&value.span()), known.into_iter());
                Basis::Reading
            }
        }
    }

    fn rule(&mut self, table: Table<'_>) -> Rule {
        self.only(table, &["id", "when", "effect", "reason", "text", "reference", "basis"]);
        let id = self.id(table);
        let permits = match self.required(table, "effect").map(|value| (value, value.get_ref().as_str())) {
            Some((_, Some("permit"))) => true,
            Some((_, Some("deny"))) | None => false,
            Some((value, other)) => {
                let known = ["permit", "deny"];
                self.unknown(other.unwrap_or(""), span(&value.span()), known.into_iter());
                false
            }
        };
        Rule {
            id,
            when: self.condition(table),
            permits,
            reason: self.one(table, "reason", Reason::NotCovered),
            text: self.texts(table, "text"),
            reference: self.text(table, "reference"),
            basis: self.basis(table),
        }
    }

    fn condition(&mut self, table: Table<'_>) -> Condition {
        let empty = DeTable::new();
        let when = match table.value("when") {
            None => Table::of(&empty, table.place),
            Some(value) => match value.get_ref().as_table() {
                Some(keys) => Table::of(keys, span(&value.span())),
                None => {
                    let said = message!("`when` is a table of facts, each with its words");
                    self.fault(codes::POLICY_SYNTAX, span(&value.span()), said);
                    Table::of(&empty, table.place)
                }
            },
        };
        let facts = [
            "relation",
            "purpose",
            "action",
            "permission",
            "denial",
            "joint-plan",
            "emergency",
            "restriction",
            "statute",
            "direction",
            "sector",
        ];
        self.only(when, &facts);
        Condition {
            relation: self.set(when, "relation"),
            purpose: self.set(when, "purpose"),
            action: self.set(when, "action"),
            permission: self.set(when, "permission"),
            denial: self.set(when, "denial"),
            joint_plan: self.set(when, "joint-plan"),
            emergency: self.set(when, "emergency"),
            restriction: self.set(when, "restriction"),
            statute: self.set(when, "statute"),
            direction: self.set(when, "direction"),
            sector: self.set(when, "sector"),
        }
    }

    fn statute(&mut self, table: Table<'_>) -> StatutoryRight {
        self.only(table, &["id", "purpose", "text", "reference"]);
        StatutoryRight {
            id: self.id(table),
            purposes: self.set(table, "purpose"),
            text: self.texts(table, "text"),
            reference: self.text(table, "reference"),
        }
    }

    fn sensitive(&mut self, table: Table<'_>) -> Sensitive {
        self.only(table, &["id", "labels", "relation", "text", "reference", "basis"]);
        let id = self.id(table);
        let labels = self.required(table, "labels").map(|value| self.list(value, "labels"));
        Sensitive {
            id,
            labels: labels.unwrap_or_default().into_iter().map(|(label, _)| label).collect(),
            relation: self.set(table, "relation"),
            text: self.texts(table, "text"),
            reference: self.text(table, "reference"),
            basis: self.basis(table),
        }
    }

    fn keeping(&mut self, table: Table<'_>) -> Keeping {
        self.only(table, &["id", "opening", "keeper", "text", "reference", "basis"]);
        Keeping {
            id: self.id(table),
            opening: self.set(table, "opening"),
            keeper: self.set(table, "keeper"),
            text: self.texts(table, "text"),
            reference: self.text(table, "reference"),
            basis: self.basis(table),
        }
    }

    fn sight(&mut self, table: Table<'_>) -> Sight {
        let known = [
            "id",
            "audience",
            "show",
            "withhold",
            "identity-code",
            "own-activities",
            "contacts-only",
            "named-extensions",
            "other-persons",
            "unreleased",
            "tell",
            "text",
            "reference",
            "basis",
        ];
        self.only(table, &known);
        let (id, audience) = (self.id(table), self.set(table, "audience"));
        let (show, withhold) = (self.paths(table, "show"), self.paths(table, "withhold"));
        if let Some(both) = show.iter().find(|path| withhold.contains(path)) {
            let said = message!("`{both}` is both shown and withheld", both);
            self.fault(codes::POLICY_PATH, table.place, said);
        }
        Sight {
            id,
            audience,
            show,
            withhold,
            identity_code: self.flag(table, "identity-code"),
            own_activities: self.flag(table, "own-activities"),
            contacts_only: self.flag(table, "contacts-only"),
            named_extensions: self.flag(table, "named-extensions"),
            other_persons: self.flag(table, "other-persons"),
            unreleased: self.flag(table, "unreleased"),
            tell: self.one(table, "tell", crate::plan::permission::Tell::Nothing),
            text: self.texts(table, "text"),
            reference: self.text(table, "reference"),
            basis: self.basis(table),
        }
    }

    fn paths(&mut self, table: Table<'_>, key: &str) -> Vec<Path> {
        let Some(value) = table.value(key) else { return Vec::new() };
        let list = self.list(value, key);
        for (text, place) in &list {
            self.check_path(text, *place);
        }
        list.into_iter().map(|(text, _)| Path::new(&text)).collect()
    }

    /// A path names what FHIR has; below `*` the elements of every resource.
    fn check_path(&mut self, text: &str, place: Span) {
        let mut parts = text.split('.');
        let kind = parts.next().unwrap_or_default();
        let Some(mut ty) = schema().type_named(if kind == "*" { "DomainResource" } else { kind }) else {
            let kinds =
                ["CarePlan", "CareTeam", "Goal", "Condition", "Patient", "ServiceRequest", "Observation"];
            self.unknown(kind, place, kinds.into_iter());
            return;
        };
        for part in parts {
            // `extension:service-task` is one extension by the last word of its url.
            if part.starts_with("extension:") {
                return;
            }
            match schema().find(ty, part) {
                Some(found) => ty = found.ty,
                // `*.note` is a note wherever there is one.
                None if kind == "*" => return,
                None => {
                    let said = message!("`{text}` is no path of FHIR R4: there is no `{part}`", text, part);
                    let known = schema().elements(ty).iter().map(|element| schema().name_text(element.name));
                    let near = nearest(part, known).map(|near| message!("did you mean `{near}`?", near));
                    self.issues.push(Issue::said(codes::POLICY_PATH, Severity::Error, place, said, near));
                    return;
                }
            }
        }
    }
}
