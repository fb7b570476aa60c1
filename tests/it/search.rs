//! Searches: each file `tests/cases/search/*.txt` has requests and what they find among the resources of a Bundle.

use crate::shared;
use sauma::fhirpath::{Precision, Temporal};
use sauma::schema::Schema;
use sauma::search::{
    Base, Clause, Handling, Key, Parameters, Parsed, Selection, matches, parse, reference_hash,
};
use sauma::tree::{Name, NodeId, Tree, fhir};
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

/// 2026-06-01T00:00:00Z.
const NOW: i64 = 1_780_272_000_000_000;

pub(crate) fn parameters() -> &'static Parameters {
    static PARAMETERS: OnceLock<Parameters> = OnceLock::new();
    PARAMETERS.get_or_init(|| Parameters::new(Schema::r4(), ["https://sauma.example/fhir".to_owned()]))
}

pub(crate) struct Stored {
    pub(crate) kind: String,
    pub(crate) id: String,
    updated: i64,
    pub(crate) tree: Tree,
    pub(crate) keys: Vec<Key>,
}

impl Stored {
    pub(crate) fn new(tree: Tree) -> Self {
        let kind = tree.resource_type(NodeId::ROOT).unwrap().into_owned();
        let id = tree.child(NodeId::ROOT, Name::ID).map(|id| tree.text(id).into_owned()).unwrap_or_default();
        let keys = parameters().keys(&tree).unwrap();
        // The only times of update in the cases are on the hour.
        let updated =
            tree.child_str(NodeId::ROOT, "meta").and_then(|meta| tree.child_text(meta, "lastUpdated"));
        let updated = updated.map_or(0, |at| moment(&at));
        Self { kind, id, updated, tree, keys }
    }

    /// What the clause says without other resources.
    pub(crate) fn by_keys(&self, clause: &Clause) -> Option<bool> {
        clause.holds(&self.keys, &self.kind, &self.id, self.updated)
    }
}

/// Microseconds of a time of update, by another way than that of the search.
fn moment(text: &str) -> i64 {
    let at = Temporal::date_time(text).unwrap();
    let part = |precision| i64::from(at.component(precision).unwrap());
    let month_days = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let days = (part(Precision::Year) - 2026) * 365
        + 20_454
        + month_days[usize::try_from(part(Precision::Month) - 1).unwrap()]
        + part(Precision::Day)
        - 1;
    (days * 24 + part(Precision::Hour)) * 3_600_000_000
}

/// A store in memory, which does what a database must.
struct World(Vec<Stored>);

impl World {
    fn read(path: &Path) -> Self {
        let bundle: serde_json::Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        let entries = bundle["entry"].as_array().unwrap().iter();
        let read = |entry: &serde_json::Value| {
            fhir::read_json(&entry["resource"].to_string(), Schema::r4().names()).unwrap()
        };
        Self(entries.map(|entry| Stored::new(read(entry))).collect())
    }

    fn select(&self, selection: &Selection) -> Vec<&Stored> {
        let is_of = |stored: &&Stored| selection.types.is_empty() || selection.types.contains(&stored.kind);
        let exact = |stored: &&Stored| selection.exact.as_ref().is_none_or(|exact| exact.holds(&stored.tree));
        let found = self.0.iter().filter(is_of);
        found.filter(|stored| self.holds(&selection.clause, stored)).filter(exact).collect()
    }

    fn holds(&self, clause: &Clause, stored: &Stored) -> bool {
        let refers = |from: &Stored, slot, to: &Stored| {
            let hash = reference_hash(&to.kind, &to.id);
            from.keys.binary_search(&Key::Hash { slot, hash }).is_ok()
        };
        match clause {
            Clause::All(parts) => parts.iter().all(|part| self.holds(part, stored)),
            Clause::Any(parts) => parts.iter().any(|part| self.holds(part, stored)),
            Clause::Not(part) => !self.holds(part, stored),
            Clause::Refers { slot, to } => self.select(to).iter().any(|other| refers(stored, *slot, other)),
            Clause::ReferredBy { slot, by } => {
                self.select(by).iter().any(|other| refers(other, *slot, stored))
            }
            _ => stored.by_keys(clause).unwrap(),
        }
    }
}

fn asks_others(clause: &Clause) -> bool {
    match clause {
        Clause::All(parts) | Clause::Any(parts) => parts.iter().any(asks_others),
        Clause::Not(part) => asks_others(part),
        Clause::Refers { .. } | Clause::ReferredBy { .. } => true,
        _ => false,
    }
}

/// A request as `Patient?name=x`, `Patient/a/*?…` or `?…`; nothing in it is encoded.
pub(crate) fn request(text: &str, handling: Handling) -> Result<Parsed, Vec<sauma::diag::Issue>> {
    let (path, query) = text.split_once('?').unwrap_or((text, ""));
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (name.to_owned(), value.to_owned())
    };
    let pairs: Vec<_> = pairs.map(pair).collect();
    let parts: Vec<&str> = path.split('/').collect();
    let base = match parts.as_slice() {
        [""] => Base::System,
        [kind] => Base::Type(kind),
        [kind, id, of] => Base::Compartment { kind, id, of: Some(*of).filter(|of| *of != "*") },
        _ => panic!("{text}"),
    };
    parse(parameters(), base, &pairs, handling, NOW)
}

fn found(world: &World, text: &str) -> String {
    let parsed = match request(text, Handling::Strict) {
        Ok(parsed) => parsed,
        Err(issues) => {
            let told =
                issues.iter().map(|issue| format!("{} {}", issue.code.id, issue.path).trim().to_owned());
            return format!("! {}", told.collect::<Vec<_>>().join(" "));
        }
    };
    let found = world.select(&parsed.search.selection);
    if !asks_others(&parsed.search.selection.clause) {
        for stored in &world.0 {
            let is_found = found.iter().any(|other| std::ptr::eq(*other, stored));
            assert_eq!(
                is_found,
                matches(&parsed.search, parameters(), &stored.tree),
                "{text}: {}",
                stored.id
            );
        }
    }
    let ids: Vec<&str> = found.iter().map(|stored| stored.id.as_str()).collect();
    format!("= {}", ids.join(" ")).trim_end().to_owned()
}

#[test]
fn cases_of_searches() {
    let folder = Path::new("tests/cases/search");
    let (mut faults, mut count) = (Vec::new(), 0);
    for path in shared::files(folder, &["txt"]) {
        let text = fs::read_to_string(&path).unwrap();
        let mut lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with("# "));
        let world = lines.next().and_then(|line| line.strip_prefix("on ")).unwrap();
        let world = World::read(&folder.join(world));
        while let (Some(query), Some(expected)) = (lines.next(), lines.next()) {
            count += 1;
            let found = found(&world, query);
            if found != expected {
                faults
                    .push(format!("{}: {query}\n  expected {expected}\n  found    {found}", path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{} of {count} faults:\n{}", faults.len(), faults.join("\n"));
    assert!(count > 200, "{count}");
}

#[test]
fn a_lenient_search_passes_over_what_is_not_known() {
    let check = |text: &str, ignored: &[&str], used: usize| {
        let parsed = request(text, Handling::Lenient).unwrap();
        let found: Vec<&str> = parsed.ignored.iter().map(|issue| issue.path.as_str()).collect();
        assert_eq!((found.as_slice(), parsed.used.len()), (ignored, used), "{text}");
    };
    check("Patient?foo=1&name=x", &["foo"], 1);
    check("Patient?name=x&_count=2", &[], 2);
    // What is known and wrong is refused all the same.
    assert_eq!(request("Patient?birthdate=x", Handling::Lenient).unwrap_err()[0].code.id, "S103");
    assert_eq!(request("Patient?subject.foo=x", Handling::Lenient).unwrap().ignored.len(), 1);
    let help = request("Patient?famly=x", Handling::Strict).unwrap_err();
    assert_eq!(help[0].help, "did you mean `family`?");
}

#[test]
fn what_comes_with_the_matches_is_written_out() {
    let search = |text: &str| request(text, Handling::Strict).unwrap().search;
    let include = search("CarePlan?_include=*&_include=CarePlan:subject").include;
    let references = parameters().of_type("CarePlan").iter();
    let references = references.filter(|parameter| parameter.kind.as_str() == "reference").count();
    // `CarePlan:subject` is among them.
    assert_eq!((include.len(), references > 8), (references, true));
    let target = search("CarePlan?_include:iterate=CarePlan:subject:Patient").include;
    assert_eq!((target[0].target.as_deref(), target[0].is_iterated), (Some("Patient"), true));
    let reverse = search("Patient?_revinclude=*").reverse_include;
    assert!(reverse.iter().any(|include| include.source == "Observation") && reverse.len() > 100);
    assert!(reverse.iter().all(|include| include.source != "Binary"));
}

#[test]
fn too_much_at_once_is_refused() {
    let check = |text: &str| {
        assert_eq!(request(text, Handling::Strict).unwrap_err()[0].code.id, "S108", "{}", &text[..30])
    };
    check(&format!("Patient?{}", "name=x&".repeat(501)));
    check(&format!("Patient?name={}", "x".repeat(70_000)));
    check(&format!("Patient?name={}x", "x,".repeat(2_000)));
    check(&format!("Patient?_filter={}gender eq male{}", "(".repeat(100), ")".repeat(100)));
    check(&format!("Patient?_filter=gender eq male{}", " or gender eq male".repeat(300)));
    check(&format!("Patient?_sort=name{}", ",name".repeat(20)));
    // A reference to anything leads to each type that has another one.
    check("Provenance?target.focus.focus.focus.focus.focus.focus.status=x");
}

/// Issues are shown and logged.
#[test]
fn a_refusal_tells_no_value() {
    for text in [
        "Patient?birthdate=Salainen",
        "Patient?Salainen 7=1",
        "Patient?_filter=Salainen",
        "Patient?_include=Salainen",
    ] {
        for issue in request(text, Handling::Strict).unwrap_err() {
            let told = format!("{issue:?}");
            assert!(!told.contains("Salainen"), "{text}: {told}");
        }
    }
    let parsed = request("Patient?family=Salainen&birthdate=1950&_id=salainen", Handling::Strict).unwrap();
    assert!(!format!("{:?}", parsed.search).to_lowercase().contains("salainen"));
}
