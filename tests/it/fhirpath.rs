//! HL7's suites of FHIRPath, all of them, read by our own XML reader.

use crate::ratchet::{self, Failure};
use crate::shared;
use sauma::fhirpath::{
    Collection, Compiled, Context, Item, Local, Options, StaticType, Temporal, Value, parse,
};
use sauma::schema::Schema;
use sauma::tree::{Name, NodeId, Tree, fhir, xml};
use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;

/// The time of all runs, so that they are alike.
const NOW: &str = "2026-03-04T12:30:45.500+02:00";

/// One test of a suite.
#[allow(clippy::struct_excessive_bools, reason = "the attributes of the suite")]
struct Case {
    group: String,
    name: String,
    file: String,
    expression: String,
    /// The result is asked for as a boolean.
    predicate: bool,
    strict_order: bool,
    lenient: bool,
    /// The expression is wrong.
    invalid: bool,
    /// Type and text of each item that is expected.
    outputs: Vec<(String, String)>,
    ordered: bool,
}

fn cases(path: &Path) -> Vec<Case> {
    let tree = xml::read(&fs::read_to_string(path).unwrap(), Schema::r4().names()).unwrap();
    let named = |id: NodeId, name: &str| {
        let name = name.to_owned();
        let tree = &tree;
        tree.children(id).filter(move |child| tree.name_text(*child) == name)
    };
    let attribute =
        |id: NodeId, name: &str| tree.child_text(id, &format!("@{name}")).map(std::borrow::Cow::into_owned);
    let mut found = Vec::new();
    for group in named(NodeId::ROOT, "group") {
        for test in named(group, "test") {
            let expression = named(test, "expression").next().unwrap();
            let is = |name: &str, wanted: &str| attribute(test, name).as_deref() == Some(wanted);
            found.push(Case {
                group: attribute(group, "name").unwrap_or_default(),
                name: attribute(test, "name").unwrap_or_default(),
                file: attribute(test, "inputfile").unwrap_or_default(),
                expression: tree.text(expression).into_owned(),
                predicate: is("predicate", "true"),
                strict_order: is("checkOrderedFunctions", "true") || is("ordered", "true"),
                // On "elements" an engine has no definitions.
                lenient: is("mode", "lenient/polymorphics")
                    || is("mode", "element")
                    || is("skipStaticCheck", "true"),
                invalid: tree.child_str(expression, "@invalid").is_some(),
                outputs: named(test, "output")
                    .map(|output| {
                        (attribute(output, "type").unwrap_or_default(), tree.text(output).into_owned())
                    })
                    .collect(),
                ordered: !is("ordered", "false"),
            });
        }
    }
    found
}

fn read(path: &Path) -> Result<Tree, String> {
    let schema = Schema::r4();
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    let tree = if text.trim_start_matches('\u{feff}').trim_start().starts_with('<') {
        fhir::read_xml(&text, schema.names(), schema)
    } else {
        fhir::read_json(&text, schema.names())
    };
    tree.map_err(|issue| format!("the input cannot be read: {}", issue.message))
}

fn compile(case: &Case, tree: &Tree) -> Result<Compiled, String> {
    let schema = Schema::r4();
    let ty = tree.resource_type(NodeId::ROOT).and_then(|name| schema.type_named(&name));
    let mut options = Options::new().on_type(ty.map_or(StaticType::UNKNOWN, StaticType::fhir));
    if !case.lenient {
        options = options.strict();
    }
    if case.strict_order {
        options = options.ordered();
    }
    let expression = parse(&case.expression).map_err(|issue| format!("parse: {}", issue.message))?;
    let compiled = expression.compile(schema, &options);
    compiled.map_err(|issues| {
        issues.iter().map(|issue| format!("check: {}", issue.message)).collect::<Vec<_>>().join("; ")
    })
}

fn run(case: &Case, tree: &Tree) -> Result<(), String> {
    let schema = Schema::r4();
    let outcome = compile(case, tree).and_then(|compiled| {
        let ty = schema.type_named("Resource").unwrap();
        let focus = Item::node(tree, NodeId::ROOT, ty);
        let context = Context::new(schema).with_now(Temporal::date_time(NOW).unwrap()).with_host(&Local);
        if case.predicate {
            let found = compiled.evaluate_boolean(&context, &focus).map_err(|error| error.to_string())?;
            return compare(case, &found.map(Value::Boolean).into());
        }
        let found = compiled.evaluate(&context, &focus).map_err(|error| format!("run: {error}"))?;
        compare(case, &found)
    });
    match (case.invalid, outcome) {
        (false, outcome) => outcome,
        (true, Err(why)) if !why.starts_with("result") => Ok(()),
        (true, _) => Err("an invalid expression was accepted".to_owned()),
    }
}

/// What the result is, as type and text.
fn shown(item: &Item<'_>) -> (String, String) {
    match item {
        Item::Node(node) => {
            let ty = Schema::r4().type_info(node.ty).name.to_owned();
            let text = if node.tree.kind(node.id).is_leaf() {
                node.tree.text(node.id).into_owned()
            } else {
                node.tree
                    .child(node.id, Name::ID)
                    .map_or_else(String::new, |id| node.tree.text(id).into_owned())
            };
            (ty, text)
        }
        Item::Value(value) => {
            let ty = value.system().map_or("", sauma::fhirpath::System::name);
            let lower = if ty == "Quantity" { ty.to_owned() } else { ty[..1].to_lowercase() + &ty[1..] };
            (lower, value.to_text().into_owned())
        }
    }
}

fn compare(case: &Case, found: &Collection<'_>) -> Result<(), String> {
    let mut found: Vec<(String, String)> = found.items().iter().map(shown).collect();
    let mut wanted = case.outputs.clone();
    if !case.ordered {
        found.sort();
        wanted.sort();
    }
    let same = |(found, wanted): (&(String, String), &(String, String))| {
        let text = wanted.1.trim_start_matches('@').trim_start_matches('T');
        // The suites write zero with a sign where a boundary comes from below.
        let text = if text == "-0.0" { "0.0" } else { text };
        let types =
            wanted.0.is_empty() || found.0 == wanted.0 || (found.0 == "date" && wanted.0 == "dateTime");
        types && (found.1 == text || number(&found.1) == Some(text.to_owned()))
    };
    if found.len() == wanted.len() && found.iter().zip(&wanted).all(same) {
        return Ok(());
    }
    Err(format!("result {found:?}, expected {wanted:?}"))
}

/// A decimal without its point where it is whole: HL7's `2 / 2` is written `1`.
fn number(text: &str) -> Option<String> {
    text.strip_suffix(".0").map(str::to_owned)
}

fn suite(edition: &str) {
    let Some(folder) = shared::folder() else { return };
    let folder = folder.join("suites/hl7").join(edition);
    let cases = cases(&folder.join(format!("fhirpath/tests-fhir-{edition}.xml")));
    let mut trees: HashMap<String, Result<Tree, String>> = HashMap::new();
    let mut failures = Vec::new();
    for case in &cases {
        let tree = trees.entry(case.file.clone()).or_insert_with(|| {
            let file = if case.file.is_empty() { "patient-example.xml" } else { &case.file };
            read(&folder.join(file))
        });
        let outcome = match tree {
            Ok(tree) => run(case, tree),
            Err(why) => Err(why.clone()),
        };
        if let Err(why) = outcome {
            failures.push(Failure { file: case.group.clone(), check: case.name.clone(), why });
        }
    }
    let passed = cases.len() - failures.len();
    #[allow(clippy::cast_precision_loss, reason = "a suite has far fewer than 2^52 tests")]
    let share = 100.0 * passed as f64 / cases.len() as f64;
    println!("fhirpath {edition}: {passed} of {} ({share:.1} %)", cases.len());
    ratchet::check(&format!("fhirpath-{edition}"), &failures);
}

#[test]
fn an_expression_tells_the_element_that_it_needs() {
    let schema = Schema::r4();
    let check = |kind: &str, text: &str, expected: Option<&str>| {
        let options = Options::new().on(schema.type_named(kind).unwrap());
        let compiled = parse(text).unwrap().compile(schema, &options).unwrap();
        let expected = expected.map(|name| schema.names().get(name).unwrap());
        assert_eq!(compiled.needs(), expected, "{text}");
    };
    check("Patient", "Patient.name.given", Some("name"));
    check("Patient", "name.where(use = 'official').given", Some("name"));
    check("CarePlan", "CarePlan.activity.detail.code", Some("activity"));
    check("CarePlan", "CarePlan.subject.where(resolve() is Patient)", Some("subject"));
    check("CarePlan", "Resource.meta.profile", Some("meta"));
    check("Condition", "Condition.onset.ofType(Age)", None);
    check("Patient", "Patient.name.exists()", None);
    check("Patient", "Patient.name | Patient.contact.name", None);
    check("Patient", "iif(name.exists(), name, contact.name)", None);
    check("Patient", "Patient", None);
}

#[test]
fn fhirpath_suite_of_r4() {
    suite("r4");
}

/// The suite of R5 with the definitions of R4, which are those at hand.
#[test]
fn fhirpath_suite_of_r5() {
    suite("r5");
}

/// Every invariant of R4 compiles on the type it stands on, and every search parameter on its bases.
#[test]
fn expressions_of_the_definitions_compile() {
    let schema = Schema::r4();
    let mut failures = Vec::new();
    let mut count = 0;
    let mut check = |place: &str, name: &str, text: &str, options: &Options| {
        if text.is_empty() {
            return;
        }
        count += 1;
        let outcome = parse(text).map_err(|issue| vec![*issue]).and_then(|it| it.compile(schema, options));
        if let Err(issues) = outcome {
            let why: Vec<&str> = issues.iter().map(|issue| issue.message.as_str()).collect();
            let failure = Failure { file: place.to_owned(), check: name.to_owned(), why: why.join("; ") };
            if !failures.contains(&failure) {
                failures.push(failure);
            }
        }
    };
    let mut open: Vec<_> = schema.all_types().collect();
    let mut seen = HashSet::new();
    while let Some(ty) = open.pop() {
        if !seen.insert(ty) {
            continue;
        }
        let name = schema.type_info(ty).name.to_owned();
        for constraint in schema.type_constraints(ty) {
            check(
                &name,
                &constraint.key,
                &constraint.expression,
                &Options::new().on(ty).invariant().strict(),
            );
        }
        for element in schema.elements(ty) {
            open.extend(element.body);
            for constraint in schema.element_constraints(ty, element) {
                let types = schema.names_in_data(ty, element).into_iter().map(|found| found.ty);
                let options = Options::new().on_type(StaticType::any_of(types)).invariant().strict();
                check(&name, &constraint.key, &constraint.expression, &options);
            }
        }
    }
    for parameter in schema.search_parameters() {
        check(&parameter.url, &parameter.code, &parameter.expression, &Options::new());
    }
    println!("fhirpath of the definitions: {} of {count} compile", count - failures.len());
    ratchet::check("fhirpath-definitions", &failures);
}

/// Every file `tests/cases/fhirpath/*.txt`: an expression, and under it what it gives.
#[test]
fn cases_of_expressions() {
    let folder = Path::new("tests/cases/fhirpath");
    let mut faults = Vec::new();
    for path in shared::files(folder, &["txt"]) {
        let text = fs::read_to_string(&path).unwrap();
        let lines = || text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let data = lines().find_map(|line| line.strip_prefix("on "));
        let tree = data.map(|file| read(&folder.join(file)).unwrap());
        let mut expression = "";
        for line in lines().filter(|line| !line.starts_with("on ")) {
            if !line.starts_with(['=', '!']) {
                expression = line;
                continue;
            }
            let found = result(expression, tree.as_ref());
            if found != line {
                faults
                    .push(format!("{}: {expression}\n  expected {line}\n  found    {found}", path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

/// The result as a case states it.
fn result(text: &str, tree: Option<&Tree>) -> String {
    let schema = Schema::r4();
    let ty = tree.and_then(|tree| schema.type_named(&tree.resource_type(NodeId::ROOT)?));
    let focus = tree.map(|tree| Item::node(tree, NodeId::ROOT, ty.unwrap()));
    let options = Options::new().strict();
    let options = options.on_type(ty.map_or_else(|| StaticType::any_of([]), StaticType::fhir));
    let compiled = match parse(text).map_err(|issue| vec![*issue]).and_then(|it| it.compile(schema, &options))
    {
        Ok(compiled) => compiled,
        Err(issues) => return format!("! {}", issues[0].code.id),
    };
    let context = Context::new(schema).with_now(Temporal::date_time(NOW).unwrap());
    let items = match compiled.evaluate_all(&context, focus.as_slice()) {
        Ok(found) => found.items().iter().map(written).collect::<Vec<_>>(),
        Err(error) => return format!("! {}", error.code().id),
    };
    format!("= {}", items.join(" | ")).trim_end().to_owned()
}

fn written(item: &Item<'_>) -> String {
    match item {
        Item::Value(Value::String(text)) => format!("'{text}'"),
        Item::Value(Value::Temporal(value)) => format!("@{value}"),
        Item::Value(value) => value.to_text().into_owned(),
        Item::Node(_) => shown(item).1,
    }
}
