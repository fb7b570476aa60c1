//! `$explain`: what a code of a finding means, in three languages; which sources say an element of a joined plan.

use super::{Input, Output};
use crate::diag::{Language, codes};
use crate::plan::{ElementState, Joined};
use crate::server::Server;
use crate::server::answer::Answer;
use crate::server::call::Call;
use crate::server::plans::{Asked, Depth, resource_of};
use crate::server::reading::name_of;
use crate::server::refusal::{Outcome, Refusal, Why};
use crate::store::Store;
use crate::tree::{NodeId, Tree};
use std::collections::BTreeSet;

/// Places of one answer.
const PLACES_MAX: usize = 1_000;

impl<S: Store> Server<S> {
    /// Explains a code, or an element.
    pub(super) async fn explain(&self, call: &Call, input: &Input) -> Outcome<Answer> {
        if call.names.id.is_none() {
            let code = input.needed_text("code")?;
            return explain_code(&code);
        }
        let asked = Asked::of(call, input, self.access.policy())?;
        let name = name_of(call)?;
        let known = self.known(&call.caller, std::slice::from_ref(&name.id), Depth::Current).await?;
        let shown = asked.show(&known)?;
        self.tell_shown(&call.caller, &known, &shown);
        let joined = shown.joined();
        let wanted = input.needed_text("resource")?;
        let (kind, id) = wanted.rsplit_once('/').unwrap_or(("", &wanted));
        let kind = kind.rsplit('/').next().unwrap_or_default();
        let missing = || Refusal::plain(Why::NotExplained);
        let resource = resource_of(&joined.bundle, kind, id).ok_or_else(missing)?;
        let nodes = nodes_at(&joined.bundle, resource, &input.text("path").unwrap_or_default());
        if nodes.is_empty() {
            return Err(missing());
        }
        Ok(explain_nodes(joined, &nodes))
    }
}

fn explain_code(id: &str) -> Outcome<Answer> {
    let code = codes::find(id).ok_or_else(|| Refusal::plain(Why::NotExplained))?;
    let mut output = Output::default();
    output.value("code", "valueCode", code.id);
    for language in Language::ALL {
        let mut part = Output::default();
        part.value("language", "valueCode", language.as_str());
        part.value("title", "valueString", code.title_in(language));
        part.value("help", "valueString", code.help_in(language));
        output.group("text", &part);
    }
    Ok(output.answer())
}

/// The elements at a path below a resource: names with dots between, an item of a list as `activity[1]`.
fn nodes_at(tree: &Tree, resource: NodeId, path: &str) -> Vec<NodeId> {
    let mut found = vec![resource];
    for step in path.split('.').filter(|step| !step.is_empty()) {
        let (name, item) = match step.strip_suffix(']').and_then(|step| step.split_once('[')) {
            Some((name, item)) => (name, item.parse::<usize>().ok()),
            None => (step, None),
        };
        let children = |node: &NodeId| -> Vec<NodeId> {
            let named = tree.children(*node).filter(|child| tree.name_text(*child) == name);
            match item {
                Some(item) => named.skip(item).take(1).collect(),
                None => named.collect(),
            }
        };
        found = found.iter().flat_map(children).collect();
    }
    found
}

/// Which sources say the elements, and what is below them.
fn explain_nodes(joined: &Joined, nodes: &[NodeId]) -> Answer {
    let tree = &joined.bundle;
    let mut output = Output::default();
    let mut told = BTreeSet::new();
    let below = nodes.iter().flat_map(|node| tree.descend(*node));
    for node in below {
        for element in joined.origins(node) {
            if told.len() >= PLACES_MAX || !told.insert((node, element.source, element.state)) {
                continue;
            }
            let Some(source) = joined.sources.get(element.source) else { continue };
            let mut part = Output::default();
            part.value("path", "valueString", tree.known_path(node));
            part.value("source", "valueString", source.label.as_str());
            part.value("unit", "valueCode", source.unit.as_str());
            part.value("sector", "valueCode", source.sector.as_str());
            if let Some(organisation) = &source.organisation {
                part.value("organisation", "valueString", organisation.as_str());
            }
            part.value("state", "valueCode", state(element.state));
            output.group("element", &part);
        }
    }
    if told.is_empty() {
        output.value("made", "valueString", "no source says this: the join made it");
    }
    output.answer()
}

/// How an element says what its source says.
const fn state(state: ElementState) -> &'static str {
    match state {
        ElementState::Same => "same",
        ElementState::Reference => "reference",
        ElementState::Blotted => "protected",
        ElementState::Contested => "contested",
        ElementState::Other => "other",
    }
}
