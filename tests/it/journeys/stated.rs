//! Statements of a manifest about a joined plan.

use super::manifest::Statement;
use sauma::fhirpath::{Collection, Compiled, Context, Item, Options, StaticType, parse};
use sauma::mapping::units::schema;
use sauma::tree::{Name, NodeId, Tree};

/// What statements may call by a name: the joined plan, its team and its client.
const NAMED: &[(&str, &str, &str)] = &[
    ("plan", "CarePlan", "joined-plan"),
    ("team", "CareTeam", "joined-team"),
    ("client", "Patient", "client"),
];

/// The statements that do not hold.
pub(super) fn faults(bundle: &Tree, statements: &[Statement]) -> Vec<String> {
    statements
        .iter()
        .filter_map(|statement| Some(format!("not so: {}{}", statement.that, fault(bundle, statement)?)))
        .collect()
}

/// Why a statement does not hold; empty where it is simply not so.
fn fault(bundle: &Tree, statement: &Statement) -> Option<String> {
    let asked = ask(bundle, &statement.expression, |compiled, context, focus| {
        compiled.evaluate_boolean(context, focus).map_err(|error| error.to_string())
    });
    match asked {
        Ok(Some(true)) => None,
        Ok(_) => Some(String::new()),
        Err(why) => Some(format!(" ({why})")),
    }
}

/// The elements that an expression leads to.
pub(super) fn find(bundle: &Tree, expression: &str) -> Result<Vec<NodeId>, String> {
    ask(bundle, expression, |compiled, context, focus| {
        let found = compiled.evaluate(context, focus).map_err(|error| error.to_string())?;
        Ok(found.items().iter().filter_map(|item| Some(item.as_node()?.id)).collect())
    })
}

fn ask<T>(
    bundle: &Tree,
    expression: &str,
    evaluate: impl Fn(&Compiled, &Context<'_>, &Item<'_>) -> Result<T, String>,
) -> Result<T, String> {
    let resolve = |kind| schema().resolve(kind).unwrap();
    let mut options = Options::new().on(resolve("Bundle")).strict();
    let mut variables = Vec::new();
    for (name, kind, id) in NAMED {
        options = options.with_variable(name, StaticType::fhir(resolve(kind)));
        let mut value = Collection::default();
        if let Some(node) = entry(bundle, kind, id) {
            value.push(Item::node(bundle, node, resolve(kind)));
        }
        variables.push(value);
    }
    let parsed = parse(expression).map_err(|issue| issue.message)?;
    let compiled = parsed.compile(schema(), &options).map_err(|issues| issues[0].message.clone())?;
    let focus = Item::node(bundle, NodeId::ROOT, resolve("Bundle"));
    let context =
        Context::new(schema()).with_resource(focus.clone(), focus.clone()).with_variables(&variables);
    evaluate(&compiled, &context, &focus)
}

fn entry(bundle: &Tree, kind: &str, id: &str) -> Option<NodeId> {
    let resources = bundle
        .children_named(NodeId::ROOT, Name::ENTRY)
        .filter_map(|entry| bundle.child(entry, Name::RESOURCE));
    resources.into_iter().find(|node| {
        bundle.resource_type(*node).as_deref() == Some(kind)
            && bundle.child(*node, Name::ID).is_some_and(|leaf| bundle.text(leaf) == id)
    })
}
