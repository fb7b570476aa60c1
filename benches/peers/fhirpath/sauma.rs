//! Ours.

use super::{Answer, Engine, Evaluate};
use sauma::fhirpath::{Compiled, Context, Item, Options, parse};
use sauma::schema::Schema;
use sauma::tree::{NodeId, Tree, fhir};

pub(super) fn engine() -> Engine {
    Engine { name: "Sauma", prepare: Box::new(prepare) }
}

fn prepare(rule: &str, document: &str) -> Evaluate {
    let schema = Schema::r4();
    let plan = schema.type_named("CarePlan").unwrap();
    let rule: Compiled = parse(rule).unwrap().compile(schema, &Options::new().on(plan).invariant()).unwrap();
    let tree: Tree = fhir::read_json(document, schema.names()).unwrap();
    Box::new(move || {
        let focus = Item::node(&tree, NodeId::ROOT, plan);
        let context = Context::new(schema).with_resource(focus.clone(), focus.clone());
        match rule.evaluate_boolean(&context, &focus) {
            Ok(Some(true)) => Answer::True,
            Ok(Some(false)) => Answer::False,
            Ok(None) => Answer::Empty,
            Err(_) => Answer::Error,
        }
    })
}
