//! What FHIR adds to the language (FHIR R4, "FHIRPath", "Additional functions").

use super::super::context::Coded;
use super::super::error::{Fault, Outcome};
use super::super::types::System;
use super::super::value::{Collection, Item, Node, Value};
use super::Takes::{Anything, Text};
use super::{Call, Scalar, boolean, html};
use crate::schema::FHIR_BASE;
use crate::tree::{Kind, NodeId, Tree};
use std::borrow::Cow;

pub(super) static SCALARS: &[Scalar] = &[
    Scalar::new("getValue", Anything, None, |call| Ok(get_value(call))),
    Scalar::new("htmlChecks", Anything, Some(System::Boolean), |call| Ok(html_checks(call))),
    Scalar::new("memberOf", Anything, Some(System::Boolean), member_of).taking(&[Text]),
    Scalar::new("conformsTo", Anything, Some(System::Boolean), conforms_to).taking(&[Text]),
    Scalar::new("subsumes", Anything, Some(System::Boolean), |call| subsumption(call, false))
        .taking(&[Anything]),
    Scalar::new("subsumedBy", Anything, Some(System::Boolean), |call| subsumption(call, true))
        .taking(&[Anything]),
];

/// The value of a primitive; a complex element has none.
fn get_value<'a>(call: &Call<'_, 'a>) -> Collection<'a> {
    match call.input {
        Item::Node(node) if !node.tree.kind(node.id).is_leaf() => Collection::Empty,
        Item::Node(_) | Item::Value(_) => call.value().into(),
    }
}

/// True for markup that a narrative may hold; a text that is no narrative is a part of one. Nothing is said of what is
/// no text.
fn html_checks<'a>(call: &Call<'_, 'a>) -> Collection<'a> {
    let Some(text) = call.machine.model.plain_text(call.input) else { return Collection::Empty };
    let is_div = call.input.as_node().is_some_and(|node| node.tree.kind(node.id) == Kind::Xhtml);
    boolean(if is_div { html::is_narrative(&text) } else { html::is_fragment(&text) })
}

/// The codes of a code, a `Coding` or a `CodeableConcept`.
fn codings<'a>(item: &Item<'a>) -> Vec<(Option<Cow<'a, str>>, Cow<'a, str>)> {
    match item {
        Item::Value(Value::String(code)) => vec![(None, code.clone())],
        Item::Value(_) => Vec::new(),
        Item::Node(Node { tree, id, .. }) if tree.kind(*id).is_leaf() => vec![(None, tree.text(*id))],
        Item::Node(Node { tree, id, .. }) => {
            let coding = tree.names().get("coding");
            let of = |id: NodeId| coding_of(tree, id);
            let own = coding.into_iter().flat_map(|name| tree.children_named(*id, name)).filter_map(of);
            own.chain(of(*id)).collect()
        }
    }
}

fn coding_of(tree: &Tree, id: NodeId) -> Option<(Option<Cow<'_, str>>, Cow<'_, str>)> {
    Some((tree.child_text(id, "system"), tree.child_text(id, "code")?))
}

fn member_of<'a>(call: &Call<'_, 'a>) -> Outcome<Collection<'a>> {
    let value_set = call.text_argument(0)?;
    let context = call.machine.context;
    let mut known = false;
    for (system, code) in codings(call.input) {
        let coded = Coded { system: system.as_deref(), code: &code };
        match context.host.member_of(coded, &value_set, context.schema) {
            Some(true) => return Ok(boolean(true)),
            Some(false) => known = true,
            None => return Err(call.fault(Fault::Unavailable("the value set"))),
        }
    }
    Ok(if known { boolean(false) } else { Collection::Empty })
}

/// A definition of FHIR itself asks for the type alone; any other is a profile that the host judges.
fn conforms_to<'a>(call: &Call<'_, 'a>) -> Outcome<Collection<'a>> {
    let Item::Node(node) = call.input else { return Ok(Collection::Empty) };
    let (url, model) = (call.text_argument(0)?, call.machine.model);
    if let Some(judged) = call.machine.context.host.conforms_to(*node, &url) {
        return Ok(boolean(judged));
    }
    let ty = url.strip_prefix(FHIR_BASE).and_then(|name| model.schema.type_named(name));
    match ty {
        Some(ty) => Ok(boolean(model.is_subtype(model.type_of(node), ty))),
        None => Err(call.fault(Fault::Unavailable("the profile"))),
    }
}

fn subsumption<'a>(call: &Call<'_, 'a>, is_reversed: bool) -> Outcome<Collection<'a>> {
    let context = call.machine.context;
    let (mine, theirs) = (codings(call.input), call.argument(0).map_or_else(Vec::new, codings));
    let (general, special) = if is_reversed { (theirs, mine) } else { (mine, theirs) };
    let mut known = false;
    for (system, above) in &general {
        for (_, below) in special.iter().filter(|(other, _)| other == system) {
            let Some(system) = system else { continue };
            match context.host.subsumes(system, above, below, context.schema) {
                Some(true) => return Ok(boolean(true)),
                Some(false) => known = true,
                None => return Err(call.fault(Fault::Unavailable("the code system"))),
            }
        }
    }
    Ok(if known || !general.is_empty() { boolean(false) } else { Collection::Empty })
}
