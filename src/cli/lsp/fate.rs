//! Where did this field go: which rules carry, keep, ignore or set an element.

use super::analysis::{Analysis, MapFile};
use super::text::Text;
use super::workspace::{Document, Language};
use crate::diag::{Span, codes};
use crate::mapping::outline::{Element, Fate, Flow, Kind, Meaning, Outline, PartKind, Reach};
use crate::tree::fhir::TypeId;
use lsp_types::{CodeLens, Command};
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashSet};
use std::rc::Rc;

/// The command of a code lens, which clients may give a meaning; by itself it does nothing.
pub(super) const COMMAND: &str = "sauma.whereDidThisFieldGo";
/// Rules that are named of one element.
const ANSWERS_MAX: usize = 50;
/// Elements that a code lens names.
const NAMED_MAX: usize = 8;

/// An element of one side.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    /// Where it stands: `CarePlan.activity.detail`.
    pub(super) place: &'a str,
    /// It is read; otherwise it is made.
    pub(super) is_source: bool,
}

impl<'a> Asked<'a> {
    /// The element.
    pub(super) fn of(element: &'a Element) -> Self {
        Self { place: &element.place, is_source: element.is_source }
    }
}

/// How a rule is about an element; the order is from near to far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Nearness {
    /// About itself, or about all of what it stands in.
    Direct,
    /// About what stands in it.
    Inside,
    /// About all that no rule names.
    Unnamed,
}

fn nearness(flow: &Flow, asked: Asked<'_>) -> Option<Nearness> {
    let place = if asked.is_source { flow.source.as_deref()? } else { flow.target.as_deref()? };
    let (holds, stands_in) = (is_at_or_below(asked.place, place), is_at_or_below(place, asked.place));
    match flow.reach {
        Reach::Unnamed if holds => Some(Nearness::Unnamed),
        Reach::Element if place == asked.place => Some(Nearness::Direct),
        Reach::Below if holds => Some(Nearness::Direct),
        Reach::Element | Reach::Below if stands_in => Some(Nearness::Inside),
        Reach::Element | Reach::Below | Reach::Unnamed => None,
    }
}

/// The rules that deal with an element, of those only the nearest.
pub(super) fn flows<'o>(outline: &'o Outline, asked: Asked<'_>) -> Vec<&'o Flow> {
    let Some(best) = outline.flows.iter().filter_map(|flow| nearness(flow, asked)).min() else {
        return Vec::new();
    };
    let nearest = outline.flows.iter().filter(|flow| nearness(flow, asked) == Some(best));
    // One answer for each rule, also where an element comes to it by several calls or by none.
    let mut told = HashSet::new();
    let is_new = |flow: &&'o Flow| {
        let flow: &'o Flow = flow;
        let map = flow.through.as_ref().and_then(|it| it.map.as_deref());
        told.insert((flow.span, map, flow.source.as_deref(), flow.target.as_deref()))
    };
    nearest.filter(is_new).take(ANSWERS_MAX).collect()
}

fn is_at_or_below(place: &str, above: &str) -> bool {
    place.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// What a rule does, in words.
pub(super) fn said(flow: &Flow, asked: Asked<'_>) -> String {
    let other = if asked.is_source { &flow.target } else { &flow.source };
    let toward = if asked.is_source { "to" } else { "from" };
    let unnamed = if flow.reach == Reach::Unnamed { ", with all that no other rule names" } else { "" };
    let what = match (&flow.fate, other) {
        (Fate::Carried, Some(other)) => format!("carried both ways, {toward} `{other}`"),
        (Fate::Carried, None) => "carried both ways".to_owned(),
        (Fate::Derived, Some(other)) => format!("carried {toward} `{other}`"),
        (Fate::Derived, None) => "carried".to_owned(),
        (Fate::Set, _) => "set by the rule".to_owned(),
        (Fate::Kept, _) => "kept in the unit's document".to_owned(),
        (Fate::Ignored(reason), _) => format!("not carried: {reason}"),
        (Fate::Handed(group), _) => format!("handed to group `{group}`, which is not looked into"),
    };
    // Asked of what holds others, each answer is about one of them.
    let own = if asked.is_source { &flow.source } else { &flow.target };
    match own {
        Some(own) if own != asked.place && is_at_or_below(own, asked.place) => {
            format!("`{own}` {what}{unnamed}")
        }
        _ => format!("{what}{unnamed}"),
    }
}

/// What no rule says of an element.
pub(super) const fn silent(asked: Asked<'_>) -> &'static str {
    if asked.is_source { "no rule carries, keeps or ignores it" } else { "no rule sets it" }
}

/// The lines of a hover.
pub(super) fn lines(analysis: &Analysis, text: &Text, asked: Asked<'_>) -> Vec<String> {
    if analysis.outline.flows.is_empty() {
        return Vec::new();
    }
    let found = flows(&analysis.outline, asked);
    if found.is_empty() {
        return vec![silent(asked).to_owned()];
    }
    found
        .into_iter()
        .take(NAMED_MAX)
        .map(|flow| {
            let rule = RulePlace::of(flow, analysis);
            let text = rule.file.map_or(text, |file| &file.text);
            let of = rule.file.map_or_else(String::new, |file| format!(" of `{}`", file_name(&file.uri)));
            format!("{} (line {}{of})", said(flow, asked), text.position(rule.span.start).line + 1)
        })
        .collect()
}

/// Where a rule stands.
struct RulePlace<'a> {
    /// The map, where it is another one than what is asked about.
    file: Option<&'a MapFile>,
    span: Span,
}

impl<'a> RulePlace<'a> {
    /// The rule itself; the call that leads to it where its map is not at hand.
    fn of(flow: &Flow, analysis: &'a Analysis) -> Self {
        let Some((call, url)) = flow.through.as_ref().and_then(|it| Some((it.call, it.map.as_deref()?)))
        else {
            return Self { file: None, span: flow.span };
        };
        let others = analysis.maps.iter().skip(1);
        let file =
            others.map(Rc::as_ref).find(|it| it.map.url.as_ref().is_some_and(|known| known.text == url));
        Self { file, span: if file.is_some() { flow.span } else { call } }
    }
}

fn file_name(uri: &str) -> &str {
    uri.rsplit('/').next().unwrap_or(uri)
}

/// The answer to the request: what was asked, and the rules with their places.
pub(super) fn answer(analysis: &Analysis, document: &Document, asked: Asked<'_>) -> Value {
    let found = flows(&analysis.outline, asked);
    let rules: Vec<Value> = found
        .iter()
        .map(|flow| {
            let rule = RulePlace::of(flow, analysis);
            let (uri, text) =
                rule.file.map_or((&document.uri, &document.text), |file| (&file.uri, &file.text));
            json!({
                "says": said(flow, asked),
                "source": flow.source,
                "target": flow.target,
                "location": { "uri": uri, "range": text.range(rule.span) },
            })
        })
        .collect();
    let says = if rules.is_empty() { Some(silent(asked)) } else { None };
    json!({ "path": asked.place, "isSource": asked.is_source, "rules": rules, "says": says })
}

/// The element of a place or of a path as people write it: `goals.text`, `p.goals.text`, `Plan.goals.text`.
pub(super) fn asked_path(analysis: &Analysis, path: &str) -> Vec<(String, bool)> {
    let outline = &analysis.outline;
    let mut asked = Vec::new();
    let (first, below) = path.split_once('.').map_or((path, ""), |(first, below)| (first, below));
    for declared in &outline.declared {
        let is_source = match declared.kind {
            Kind::Source => true,
            Kind::Target | Kind::Resource => false,
            Kind::Alias if declared.name == first => {
                let names = declared.types.iter().map(|ty| analysis.schema.type_info(*ty).name);
                for name in names {
                    let sides = [(Kind::Source, true), (Kind::Target, false)];
                    let used = sides.into_iter().filter(|(kind, _)| is_used(outline, *kind, name));
                    asked.extend(used.map(|(_, is_source)| (joined(name, below), is_source)));
                }
                continue;
            }
            _ => continue,
        };
        let root = declared.place.as_str();
        if root.is_empty() || (is_source && root.contains('.') && declared.name != first) {
            continue;
        }
        if declared.name == first || root == first {
            asked.push((joined(root, below), is_source));
        } else if is_source && has_element(analysis, &declared.types, first) {
            // What begins with no variable and no type is an element of what is read.
            asked.push((joined(root, path), true));
        }
    }
    asked.sort();
    asked.dedup();
    let known: Vec<(String, bool)> = asked
        .iter()
        .filter(|(place, is_source)| !flows(outline, Asked { place, is_source: *is_source }).is_empty())
        .cloned()
        .collect();
    if known.is_empty() { asked.into_iter().take(1).collect() } else { known }
}

/// True where a variable of a kind is of a type, or of what stands in it.
fn is_used(outline: &Outline, kind: Kind, type_name: &str) -> bool {
    outline.declared.iter().any(|it| it.kind == kind && is_at_or_below(&it.place, type_name))
}

fn has_element(analysis: &Analysis, types: &[TypeId], name: &str) -> bool {
    let schema = &analysis.schema;
    types.iter().any(|ty| schema.find(*ty, name).is_some() || schema.choice(*ty, name).is_some())
}

fn joined(root: &str, below: &str) -> String {
    if below.is_empty() { root.to_owned() } else { format!("{root}.{below}") }
}

/// A line above each map and group: what becomes of what it reads.
pub(super) fn lenses(analysis: &Analysis, document: &Document) -> Vec<CodeLens> {
    let text = &document.text;
    let outline = &analysis.outline;
    // The command asks what becomes of the first input.
    let arguments = |whole: Span| {
        let input = outline.declared.iter().find(|it| it.kind == Kind::Source && it.whole == whole)?;
        let position = text.position(input.span.start);
        Some(vec![json!({ "textDocument": { "uri": document.uri }, "position": position })])
    };
    let shown = |title: String, span: Span| CodeLens {
        range: text.range(Span::new(span.start, span.start)),
        command: Some(Command { title, command: COMMAND.to_owned(), arguments: arguments(span) }),
        data: None,
    };
    let mut lenses = Vec::new();
    for part in outline.parts.iter().filter(|part| matches!(part.kind, PartKind::Map | PartKind::Group)) {
        let within = |span: Span| part.span.start <= span.start && span.end <= part.span.end;
        let own = outline.flows.iter().filter(|flow| flow.through.is_none());
        let flows: Vec<&Flow> = own.filter(|flow| within(flow.span)).collect();
        let calls = outline.flows.iter().filter_map(|flow| flow.through.as_ref());
        let in_groups = calls.filter(|through| within(through.call)).count();
        lenses.push(shown(counted(&flows, in_groups), part.span));
        let left = match document.language {
            Language::Map => unread(analysis, part.span),
            Language::Lens | Language::Path => uncovered(analysis, part.span),
        };
        lenses.extend(left.map(|title| shown(title, part.span)));
    }
    lenses
}

/// What the rules of a part do, and how much the groups do that it calls.
fn counted(flows: &[&Flow], in_groups: usize) -> String {
    let count = |fate: fn(&Fate) -> bool| flows.iter().filter(|flow| fate(&flow.fate)).count();
    let counts = [
        (count(|fate| matches!(fate, Fate::Carried)), "carried both ways"),
        (count(|fate| matches!(fate, Fate::Derived)), "carried"),
        (count(|fate| matches!(fate, Fate::Set)), "set"),
        (count(|fate| matches!(fate, Fate::Kept)), "kept"),
        (count(|fate| matches!(fate, Fate::Ignored(_))), "ignored"),
        (count(|fate| matches!(fate, Fate::Handed(_))), "handed on"),
        (in_groups, "in groups that it calls"),
    ];
    let said: Vec<String> = counts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    if said.is_empty() { "nothing carried".to_owned() } else { said.join(", ") }
}

/// What no rule of a map of a lens says anything of.
fn uncovered(analysis: &Analysis, map: Span) -> Option<String> {
    let within = |span: Span| map.start <= span.start && span.end <= map.end;
    let issues =
        analysis.issues.iter().filter(|issue| issue.code == codes::LENS_UNREAD && within(issue.span));
    let left: Vec<&str> = issues.map(|issue| issue.path.as_str()).collect();
    (!left.is_empty()).then(|| format!("not read: {}", said_names(&left)))
}

/// What no rule of a group, or of those that it calls, names of the elements of its first source.
fn unread(analysis: &Analysis, group: Span) -> Option<String> {
    let outline = &analysis.outline;
    let input = outline.declared.iter().find(|it| it.kind == Kind::Source && it.whole == group)?;
    let ty = *input.types.first()?;
    let at = outline.declared.iter().position(|it| std::ptr::eq(it, input))?;
    // A group that never names its input has nothing to leave.
    outline.places_of(at).nth(1)?;
    let within = |span: Span| group.start <= span.start && span.end <= group.end;
    let calls =
        outline.flows.iter().filter(|flow| within(flow.through.as_ref().map_or(flow.span, |it| it.call)));
    let read: Vec<&str> = calls.filter_map(|flow| flow.source.as_deref()).collect();
    // What all of the input is handed to, unseen, may read any of it.
    if read.contains(&input.place.as_str()) {
        return None;
    }
    let marks = outline.marks.iter();
    let named: BTreeSet<&str> = marks
        .filter(|mark| within(mark.span))
        .filter_map(|mark| match &mark.meaning {
            Meaning::Element(element) if element.owners.contains(&ty) => Some(element.name.as_str()),
            _ => None,
        })
        .chain(read.iter().filter_map(|place| first_below(place, &input.place)))
        .collect();
    let schema = &analysis.schema;
    let mut elements = schema.elements(ty).iter().filter(|element| element.slice().is_none());
    let is_named = |element: &crate::schema::ElementDef| {
        let in_data = schema.names_in_data(ty, element);
        named.contains(schema.name_text(element.name))
            || in_data.iter().any(|found| named.contains(schema.name_text(found.name)))
    };
    let left: Vec<&str> =
        elements.by_ref().filter(|element| !is_named(element)).map(|it| schema.name_text(it.name)).collect();
    if left.is_empty() {
        return Some(format!("every element of `{}` is read", input.name));
    }
    Some(format!("not read of `{}`: {}", input.name, said_names(&left)))
}

/// The element below a place that leads to another.
fn first_below<'a>(place: &'a str, above: &str) -> Option<&'a str> {
    place.strip_prefix(above)?.strip_prefix('.')?.split('.').next()
}

/// Some names, and how many more there are.
fn said_names(names: &[&str]) -> String {
    let shown = names.iter().take(NAMED_MAX).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMED_MAX) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
