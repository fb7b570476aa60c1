//! Every invariant of R4 on every element of the published examples: all hold but those that are listed.

use crate::ratchet::{self, Failure};
use crate::shared;
use sauma::fhirpath::{Compiled, Context, Item, Options, Temporal, parse};
use sauma::schema::{Constraint, Schema};
use sauma::tree::fhir::TypeId;
use sauma::tree::{Name, NodeId, Tree, fhir};
use std::collections::{BTreeSet, HashMap};
use std::fs;

/// Compiled invariants by type and text.
type Rules = HashMap<(TypeId, String), Option<Compiled>>;

/// One example with what was found in it.
struct Walk<'a> {
    tree: &'a Tree,
    rules: &'a mut Rules,
    context: Context<'a>,
    evaluated: usize,
    broken: Vec<(String, String)>,
}

impl Walk<'_> {
    fn check(&mut self, constraint: &Constraint, id: NodeId, ty: TypeId) {
        if constraint.expression.is_empty() || !constraint.is_error {
            return;
        }
        let key = (ty, constraint.expression.to_string());
        let compiled = self.rules.entry(key).or_insert_with(|| {
            let options = Options::new().on(ty).invariant();
            parse(&constraint.expression).unwrap().compile(Schema::r4(), &options).ok()
        });
        let Some(compiled) = compiled.clone() else { return };
        let focus = Item::node(self.tree, id, ty);
        let outcome = compiled.evaluate_boolean(&self.context, &focus).map_err(|error| error.to_string());
        self.evaluated += 1;
        // Empty breaks nothing: ref-1 is empty for a reference that has only a display.
        if !matches!(outcome, Ok(Some(true) | None)) {
            self.broken.push((constraint.key.to_string(), format!("{}: {outcome:?}", self.tree.path(id))));
        }
    }

    /// The invariants of the type of a node, and all below it.
    fn node(&mut self, id: NodeId, ty: TypeId) {
        let (schema, tree) = (Schema::r4(), self.tree);
        let resource = tree.resource_type(id).and_then(|name| schema.type_named(&name));
        let ty = resource.unwrap_or(ty);
        let outer = self.context.clone();
        // What is contained belongs to the resource around it.
        if resource.is_some() && tree.name(id) != Name::CONTAINED {
            self.context =
                outer.clone().with_resource(Item::node(tree, id, ty), Item::node(tree, NodeId::ROOT, ty));
        }
        for constraint in schema.type_constraints(ty) {
            self.check(constraint, id, ty);
        }
        for child in tree.children(id) {
            let Some(found) = schema.element_by_name(ty, tree.name(child)) else { continue };
            let open = tree.resource_type(child).and_then(|name| schema.type_named(&name));
            for constraint in schema.element_constraints(ty, found.element) {
                self.check(constraint, child, open.unwrap_or(found.ty));
            }
            self.node(child, found.ty);
        }
        self.context = outer;
    }
}

/// The keys of the invariants that do not hold, by their expressions alone.
pub(crate) fn broken(tree: &Tree) -> BTreeSet<String> {
    let schema = Schema::r4();
    let ty = tree.resource_type(NodeId::ROOT).and_then(|name| schema.type_named(&name)).unwrap();
    let context = Context::new(schema).with_now(Temporal::utc(1_770_000_000, 0));
    let mut rules = Rules::new();
    let mut walk = Walk { tree, rules: &mut rules, context, evaluated: 0, broken: Vec::new() };
    walk.node(NodeId::ROOT, ty);
    walk.broken.into_iter().map(|(key, _)| key).collect()
}

#[test]
fn invariants_hold_on_the_published_examples() {
    let Some(folder) = shared::folder() else { return };
    let schema = Schema::r4();
    let (mut failures, mut evaluated, mut files) = (Vec::new(), 0, 0);
    let mut rules = Rules::new();
    for path in shared::files(&folder.join("suites/r4-examples"), &["json"]) {
        let Ok(tree) = fhir::read_json(&fs::read_to_string(&path).unwrap(), schema.names()) else { continue };
        let Some(ty) = tree.resource_type(NodeId::ROOT).and_then(|name| schema.type_named(&name)) else {
            continue;
        };
        let context = Context::new(schema).with_now(Temporal::utc(1_770_000_000, 0));
        let mut walk = Walk { tree: &tree, rules: &mut rules, context, evaluated: 0, broken: Vec::new() };
        walk.node(NodeId::ROOT, ty);
        evaluated += walk.evaluated;
        files += 1;
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        for (check, why) in walk.broken {
            if !failures.iter().any(|known: &Failure| known.file == file && known.check == check) {
                failures.push(Failure { file: file.clone(), check, why });
            }
        }
    }
    println!("invariants of R4: {evaluated} evaluations on {files} examples");
    ratchet::check("fhirpath-examples", &failures);
}
