//! Any text as a FHIRPath expression: a fault with a place inside the text, or a run that ends.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sauma::fhirpath::{Context, Item, Options, STEPS_MAX, parse};
use sauma::schema::Schema;
use sauma::tree::{NodeId, Tree, fhir};
use std::sync::OnceLock;

const PLAN: &str = include_str!("../../cases/fhirpath/plan.json");

fn plan() -> Option<&'static Tree> {
    static PLAN_TREE: OnceLock<Option<Tree>> = OnceLock::new();
    PLAN_TREE.get_or_init(|| fhir::read_json(PLAN, Schema::r4().names()).ok()).as_ref()
}

fuzz_target!(|text: &str| {
    let schema = Schema::r4();
    let inside = |end: u32| assert!(end as usize <= text.len());
    let expression = match parse(text) {
        Ok(expression) => expression,
        Err(issue) => return inside(issue.span.end),
    };
    let (Ok(ty), Some(tree)) = (schema.resolve("CarePlan"), plan()) else { return };
    for options in [Options::new().on(ty), Options::new().on(ty).strict()] {
        match expression.compile(schema, &options) {
            Ok(compiled) => {
                // Running into the limit again and again would find nothing else.
                let context = Context::new(schema).with_steps_max(STEPS_MAX / 100);
                drop(compiled.evaluate(&context, &Item::node(tree, NodeId::ROOT, ty)))
            }
            Err(issues) => issues.iter().for_each(|issue| inside(issue.span.end)),
        }
    }
});
