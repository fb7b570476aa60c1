//! From the parameters of a request to a search.

mod escape;
mod filter;
mod parameter;
mod result;
mod value;

pub use filter::FILTER_DEPTH_MAX;
pub use parameter::{CHAIN_MAX, CHAIN_STEPS_MAX, is_offered};
pub use result::INCLUDES_MAX;
pub use value::CODES_MAX;

use super::clause::{Include, Search, Sort, Summary, Total};
use super::compartment;
use super::condition::Condition;
use super::table::{ANY, Parameters};
use super::{Clause, Cursor};
use crate::diag::{Code, Issue, Severity, Span, codes};
use crate::tree::{NodeId, Tree};
use parameter::{Scope, told};
use std::cell::Cell;

/// Parameters of one request.
pub const PAIRS_MAX: usize = 100;
/// Bytes of one value.
pub const VALUE_BYTES_MAX: usize = 64 << 10;
/// Values of one list.
pub const VALUES_MAX: usize = 2_000;

/// What is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base<'a> {
    /// All types, or those of `_type`.
    System,
    /// One type.
    Type(&'a str),
    /// What belongs to a resource.
    Compartment {
        /// Its type.
        kind: &'a str,
        /// Its id.
        id: &'a str,
        /// One type, or all.
        of: Option<&'a str>,
    },
}

/// What becomes of a parameter that is not known (`Prefer: handling`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Handling {
    /// The search is refused.
    #[default]
    Strict,
    /// It is passed over.
    Lenient,
}

/// A request that was understood.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// What it asks for.
    pub search: Search,
    /// What was passed over, as warnings.
    pub ignored: Vec<Issue>,
    /// The parameters that were not, for the link to the search itself.
    pub used: Vec<(String, String)>,
}

/// Why a parameter is refused.
#[derive(Debug)]
pub(super) enum Refusal {
    /// No such parameter is known, which a lenient search passes over.
    Unknown(Box<Issue>),
    /// Anything else.
    Issue(Box<Issue>),
}

type Refused = Refusal;

fn refuse(code: &'static Code, name: &str, message: String) -> Refused {
    Refusal::Issue(Box::new(Issue::error(code, Span::default(), message).at(shown(name))))
}

/// The name of a parameter as it may be shown: what is no name may be personal data that stands in the wrong place.
fn shown(name: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphabetic() || "-_:.".contains(character);
    let is_name = name.len() <= 64 && name.chars().all(is_plain);
    if is_name { name.to_owned() } else { "?".to_owned() }
}

/// Reads the parameters of a request, decoded. `now` is the time in microseconds UTC, which `ap` is measured by.
///
/// # Errors
/// All that is wrong with them (codes `S101` to `S110`). Issues name parameters, never values.
pub fn parse(
    parameters: &Parameters,
    base: Base<'_>,
    pairs: &[(String, String)],
    handling: Handling,
    now: i64,
) -> Result<Parsed, Vec<Issue>> {
    if pairs.len() > PAIRS_MAX || pairs.iter().any(|(_, value)| value.len() > VALUE_BYTES_MAX) {
        let message = format!("over {PAIRS_MAX} parameters, or a value over {VALUE_BYTES_MAX} bytes");
        return Err(vec![Issue::error(codes::SEARCH_LIMIT, Span::default(), message)]);
    }
    let (wanted, strange) = wanted(parameters, pairs);
    let (types, start) = start(parameters, base, wanted).map_err(|issue| vec![*issue])?;
    let steps = Cell::new(CHAIN_STEPS_MAX);
    let scope = Scope { parameters, now, types: &types, steps: &steps };
    let mut state = State { condition: start, ..State::default() };
    let mut used = Vec::new();
    let mut ignored: Vec<Issue> = strange.into_iter().collect();
    let mut issues = Vec::new();
    for (name, value) in pairs {
        match state.pair(scope, name, value) {
            Ok(()) => used.push((name.clone(), value.clone())),
            Err(Refusal::Unknown(issue)) if handling == Handling::Lenient => {
                ignored.push(Issue { severity: Severity::Warning, ..*issue });
            }
            Err(Refusal::Unknown(issue) | Refusal::Issue(issue)) => issues.push(*issue),
        }
    }
    if !issues.is_empty() {
        return Err(issues);
    }
    Ok(Parsed { search: state.search(parameters, types), ignored, used })
}

/// True where a search means a resource, as its values tell: the answer that keys are held against. What it asks of
/// other resources counts as passed.
pub fn matches(search: &Search, parameters: &Parameters, tree: &Tree) -> bool {
    let kind = tree.resource_type(NodeId::ROOT).unwrap_or_default();
    let types = &search.selection.types;
    let is_of = types.is_empty() || types.iter().any(|of| *of == kind);
    is_of
        && match &search.whole {
            Some(whole) => whole.holds(tree),
            None => by_keys(&search.selection.clause, parameters, tree),
        }
}

fn by_keys(clause: &Clause, parameters: &Parameters, tree: &Tree) -> bool {
    let found = parameters.values(tree).unwrap_or_default();
    let keys = parameters.keys(tree).unwrap_or_default();
    clause.holds(&keys, &found.kind, &found.id, found.updated.unwrap_or_default()) != Some(false)
}

/// The types of `_type`, where it is there, and a warning where one of them is none. A value that nothing can meet
/// makes a search that finds nothing, and no error (FHIR R4, "Search", "Handling Errors").
fn wanted(parameters: &Parameters, pairs: &[(String, String)]) -> (Option<Vec<String>>, Option<Issue>) {
    let mut named = pairs.iter().filter(|(name, _)| name == "_type").peekable();
    if named.peek().is_none() {
        return (None, None);
    }
    let mut types: Vec<String> = named.flat_map(|(_, value)| value.split(',')).map(str::to_owned).collect();
    types.sort_unstable();
    types.dedup();
    let (known, strange): (Vec<String>, Vec<String>) =
        types.into_iter().partition(|kind| parameters.has_type(kind));
    let warning = || {
        let message = "a type of `_type` is no resource type; nothing is found for it".to_owned();
        Issue::new(codes::SEARCH_TYPE, Severity::Warning, Span::default(), message).at("_type")
    };
    (Some(known), (!strange.is_empty()).then(warning))
}

/// The types that are searched, and what the base itself asks.
fn start(
    parameters: &Parameters,
    base: Base<'_>,
    wanted: Option<Vec<String>>,
) -> Result<(Vec<String>, Condition), Box<Issue>> {
    let unknown = || {
        let message = "this is no resource type".to_owned();
        Box::new(Issue::error(codes::SEARCH_TYPE, Span::default(), message))
    };
    let narrowed = |all: Vec<String>| {
        let is_wanted = |kind: &String| wanted.as_ref().is_none_or(|wanted| wanted.contains(kind));
        all.into_iter().filter(is_wanted).collect::<Vec<_>>()
    };
    match base {
        Base::System => match wanted {
            Some(wanted) => Ok(nothing_if_none(wanted, ANY)),
            None => Ok((Vec::new(), Condition::Everything)),
        },
        Base::Type(kind) if parameters.has_type(kind) => {
            Ok(nothing_if_none(narrowed(vec![kind.to_owned()]), kind))
        }
        Base::Compartment { kind, id, of } if compartment::is_compartment(kind) => {
            if of.is_some_and(|of| !parameters.has_type(of)) {
                return Err(unknown());
            }
            let all = compartment::types(kind);
            let types = narrowed(of.map_or(all, |of| vec![of.to_owned()]));
            let condition = compartment::condition(parameters, kind, id, &types);
            Ok(if types.is_empty() { nothing_if_none(types, kind) } else { (types, condition) })
        }
        Base::Type(_) | Base::Compartment { .. } => Err(unknown()),
    }
}

/// `_type` may leave no type of a base, which must not mean all of them.
fn nothing_if_none(types: Vec<String>, base: &str) -> (Vec<String>, Condition) {
    if types.is_empty() {
        return (vec![base.to_owned()], Condition::Any(Vec::new()));
    }
    (types, Condition::Everything)
}

/// What the parameters read so far ask for.
struct State {
    condition: Condition,
    sort: Vec<Sort>,
    count: Option<u32>,
    page: Option<Cursor>,
    total: Total,
    summary: Summary,
    elements: Vec<String>,
    include: Vec<Include>,
    reverse_include: Vec<Include>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            condition: Condition::Everything,
            sort: Vec::new(),
            count: None,
            page: None,
            total: Total::None,
            summary: Summary::False,
            elements: Vec::new(),
            include: Vec::new(),
            reverse_include: Vec::new(),
        }
    }
}

impl State {
    fn pair(&mut self, scope: Scope<'_>, name: &str, value: &str) -> Result<(), Refused> {
        if self.result(scope, name, value)? {
            return Ok(());
        }
        let asked = scope.condition(name, value)?;
        told(&asked)?;
        let before = std::mem::replace(&mut self.condition, Condition::Everything);
        self.condition = before.and(asked);
        Ok(())
    }

    fn search(self, parameters: &Parameters, types: Vec<String>) -> Search {
        let (selection, whole) = self.condition.select(types, parameters);
        Search {
            whole: Some(whole),
            selection,
            seen: Clause::Everything,
            sort: self.sort,
            count: self.count,
            page: self.page,
            total: self.total,
            summary: self.summary,
            elements: self.elements,
            include: self.include,
            reverse_include: self.reverse_include,
        }
    }
}
