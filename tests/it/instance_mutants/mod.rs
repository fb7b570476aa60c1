//! A valid document with one fault is refused, at the fault.
//!
//! Every operator is tried on every published example, at a place that the name of the two decides (`SEED` decides
//! others), and on the plans, teams and goals among them at every place that it applies to, up to a limit.

mod operators;
mod sites;

use crate::shared;
use crate::validate::errors;
use operators::{OPERATORS, Operator};
use sauma::schema::Schema;
use serde_json::Value;
use sites::{Site, sites};
use std::collections::BTreeMap;
use std::fs;

/// Of a thousand mutants so many must have an error at the fault.
const CAUGHT_PERMILLE_MIN: usize = 990;
/// Places of one document that one operator is tried at.
const PLACES: usize = 3;
/// Documents above this size are left out: what they would tell, smaller ones tell.
const BYTES_MAX: usize = 60_000;

/// What became of one mutant.
#[derive(PartialEq)]
enum Fate {
    Caught,
    Elsewhere(String),
    Missed(String),
}

/// One mutant's operator, document and fate.
struct Outcome {
    operator: &'static str,
    file: String,
    fate: Fate,
}

/// Whether two paths are the same place, or one holds the other directly. A choice may stand with or without its type,
/// a list with or without an index, and what extends a primitive is at the primitive.
fn is_near(place: &str, found: &str) -> bool {
    let (place, found): (Vec<&str>, Vec<&str>) = (place.split('.').collect(), found.split('.').collect());
    place.len().abs_diff(found.len()) <= 1
        && place.iter().zip(&found).all(|(ours, theirs)| is_same(ours, theirs))
}

fn is_same(ours: &str, theirs: &str) -> bool {
    let (name, index) = ours.split_once('[').unwrap_or((ours, ""));
    let (other, other_index) = theirs.split_once('[').unwrap_or((theirs, ""));
    let (name, other) = (name.trim_start_matches('_'), other.trim_start_matches('_'));
    let is_form = |long: &str, short: &str| {
        long.strip_prefix(short).is_some_and(|rest| rest.starts_with(char::is_uppercase))
    };
    let is_one = index == other_index || index.is_empty() || other_index.is_empty();
    is_one && (name == other || is_form(name, other) || is_form(other, name))
}

/// A number that a name decides (FNV-1a).
fn number_of(name: &str) -> u64 {
    name.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn mutated(operator: &'static Operator, file: &str, original: &Value, sites: &[Site]) -> Vec<Outcome> {
    let seed = std::env::var("SEED").unwrap_or_default();
    let start = number_of(&format!("{seed}{file}{}", operator.name));
    let count = u64::try_from(sites.len()).unwrap();
    let first = usize::try_from(start % count).unwrap();
    let order = sites.iter().skip(first).chain(sites.iter().take(first));
    let mut outcomes = Vec::new();
    for site in order {
        let mut document = original.clone();
        let Some(place) = operator.apply(site, &mut document) else { continue };
        let found = errors(&document.to_string(), Schema::r4(), &[]);
        let fate = match found.first() {
            None => Fate::Missed(place),
            Some(_) if found.iter().any(|path| is_near(&place, path)) => Fate::Caught,
            Some(other) => Fate::Elsewhere(format!("{place}, told at {other}")),
        };
        outcomes.push(Outcome { operator: operator.name, file: file.to_owned(), fate });
        if outcomes.len() == PLACES {
            break;
        }
    }
    outcomes
}

#[test]
fn a_published_example_with_one_fault_is_refused_at_the_fault() {
    let Some(folder) = shared::folder() else { return };
    let paths = shared::files(&folder.join("suites/r4-examples"), &["json"]);
    let outcomes: Vec<Vec<Outcome>> = shared::in_parallel(&paths, |path| {
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(path).unwrap().trim_start_matches('\u{feff}').to_owned();
        // An example that is at fault itself (`conformance/validator-examples`) tells nothing of a mutant.
        if text.len() > BYTES_MAX || !errors(&text, Schema::r4(), &[]).is_empty() {
            return Vec::new();
        }
        let original: Value = serde_json::from_str(&text).unwrap();
        let sites = sites(&original);
        OPERATORS.iter().flat_map(|operator| mutated(operator, &file, &original, &sites)).collect()
    });
    judge(&outcomes.into_iter().flatten().collect::<Vec<_>>());
}

/// Prints what was missed and holds the number of those caught against the least allowed.
fn judge(outcomes: &[Outcome]) {
    let mut by_operator: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for outcome in outcomes {
        let (tried, caught) = by_operator.entry(outcome.operator).or_default();
        *tried += 1;
        match &outcome.fate {
            Fate::Caught => *caught += 1,
            Fate::Elsewhere(why) => println!("elsewhere: {}, {}: {why}", outcome.operator, outcome.file),
            Fate::Missed(place) => println!("missed: {}, {}: {place}", outcome.operator, outcome.file),
        }
    }
    let caught: usize = by_operator.values().map(|(_, caught)| caught).sum();
    println!("mutants of published examples: {} of {} caught at the fault", caught, outcomes.len());
    for operator in OPERATORS {
        let (tried, caught) = by_operator.get(operator.name).copied().unwrap_or_default();
        assert!(tried > 0, "nothing to try {:?} on", operator.name);
        assert!(
            caught * 10 >= tried * 9,
            "{:?}: only {caught} of {tried} caught at the fault",
            operator.name
        );
    }
    assert!(caught * 1000 >= outcomes.len() * CAUGHT_PERMILLE_MIN, "{caught} of {}", outcomes.len());
}
