//! The engine as a whole: limits, hostile texts, several trees, what is promised to callers.

use super::*;
use crate::diag::codes;
use crate::schema::Schema;
use crate::tree::{NodeId, Tree, fhir};
use proptest::prelude::*;

const PLAN: &str = r##"{"resourceType":"CarePlan","id":"p","status":"active","intent":"plan",
    "contained":[{"resourceType":"Goal","id":"a"},{"resourceType":"Goal","id":"b"}],
    "subject":{"reference":"Patient/1"},"goal":[{"reference":"#a"},{"reference":"#b"}],
    "period":{"start":"2026-01-01","end":"2026-02-01T10:00:00Z"}}"##;

#[allow(clippy::panic, reason = "the text stands above")]
fn plan() -> Tree {
    fhir::read_json(PLAN, Schema::r4().names()).unwrap_or_else(|issue| panic!("{}", issue.message))
}

fn focus(tree: &Tree) -> Item<'_> {
    Item::node(tree, NodeId::ROOT, Schema::r4().type_named("CarePlan").unwrap_or(crate::schema::UNKNOWN))
}

/// The result as texts, or the code of what is wrong.
fn outcome(text: &str, options: &Options, context: &Context<'_>) -> String {
    let compiled =
        match parse(text).map_err(|issue| vec![*issue]).and_then(|it| it.compile(context.schema, options)) {
            Ok(compiled) => compiled,
            Err(issues) => return issues.iter().map(|issue| issue.code.id).collect::<Vec<_>>().join(" "),
        };
    let tree = plan();
    let focus = focus(&tree);
    match compiled.evaluate(context, &focus) {
        Ok(found) => found.items().iter().map(shown).collect::<Vec<_>>().join(" "),
        Err(error) => error.code().id.to_owned(),
    }
}

fn shown(item: &Item<'_>) -> String {
    match item {
        Item::Value(value) => value.to_text().into_owned(),
        Item::Node(node) => node.tree.text(node.id).into_owned(),
    }
}

fn check(text: &str, expected: &str) {
    assert_eq!(outcome(text, &Options::new(), &Context::new(Schema::r4())), expected, "{text}");
}

#[test]
fn a_prefix_ends_where_the_expression_ends() {
    let check = |text: &str, start: usize, rest: &str| {
        let found = parse_prefix(text, start).map(|(_, end)| text[end..].to_owned());
        assert_eq!(found.map_err(|issue| issue.message), Ok(rest.to_owned()), "{text}");
    };
    check("where x.y = 'z' then {", 6, " then {");
    check("a.where(b) -> t", 0, " -> t");
    check("a - b -> t", 0, " -> t");
    check("x : y", 0, " : y");
    check("a // note\n ; b", 0, " // note\n ; b");
    check("a \"text\"", 0, " \"text\"");
    check("(a or b) check c", 0, " check c");
}

#[test]
fn limits_end_hostile_expressions() {
    let nested = "(".repeat(5_000) + "1" + &")".repeat(5_000);
    check(&nested, "M267");
    check(&("1".to_owned() + &" + 1".repeat(5_000)), "M267");
    check(&("a".to_owned() + &".b".repeat(5_000)), "M267");
    check(&("-".repeat(5_000) + "1"), "M261");
    let tenfold = format!(".replace('a', '{}')", "a".repeat(10));
    check(&format!("'a'{}.length()", tenfold.repeat(9)), "M267");
    check("'abc'.repeatAll($this & 'x')", "M267");
    check("'a'.repeat($this & $this)", "M267");
    let slow = Context::new(Schema::r4()).with_steps_max(20);
    assert_eq!(outcome("descendants().descendants()", &Options::new(), &slow), "M267");
}

#[test]
fn deep_expressions_within_the_limit_run() {
    let terms = (1..100).map(|n| n.to_string()).collect::<Vec<_>>();
    check(&terms.join(" + "), "4950");
    check(&format!("{}status", "where(true).".repeat(60)), "active");
    let nested = (0..60).fold("true".to_owned(), |inner, _| format!("iif({inner}, true, false)"));
    check(&nested, "true");
}

#[test]
fn nodes_of_several_trees_meet() {
    let (left, right) = (plan(), plan());
    let other = [Collection::One(focus(&right))];
    let options = Options::new().with_variable("other", StaticType::UNKNOWN);
    let compiled = parse("goal = %other.goal and (goal | %other.goal).count() = 2");
    let compiled = compiled.map(|it| it.compile(Schema::r4(), &options));
    let context = Context::new(Schema::r4()).with_variables(&other);
    let item = focus(&left);
    let found = compiled.map(|it| it.map(|it| it.evaluate_boolean(&context, &item).ok()));
    assert_eq!(found, Ok(Ok(Some(Some(true)))));
}

#[test]
fn a_primitive_as_a_text_is_what_stands_there() {
    let schema = Schema::r4();
    let basic = schema.type_named("Basic").unwrap_or(crate::schema::UNKNOWN);
    for (ty, written) in [
        ("Decimal", "-0"),
        ("Decimal", "1.50e3"),
        ("Decimal", "3e2026"),
        ("Boolean", "true"),
        ("Instant", "\"2026-02-01T10:00:00.50-00:00\""),
    ] {
        let text = format!(r#"{{"resourceType":"Basic","extension":[{{"url":"x","value{ty}":{written}}}]}}"#);
        let compiled =
            parse("extension.value.toString()").map(|it| it.compile(schema, &Options::new().on(basic)));
        let tree = fhir::read_json(&text, schema.names());
        if let (Ok(tree), Ok(Ok(compiled))) = (tree, compiled) {
            let focus = Item::node(&tree, NodeId::ROOT, basic);
            let context = Context::new(schema);
            let found = compiled.evaluate(&context, &focus).ok();
            let found = found.and_then(|found| found.items().first().map(shown));
            assert_eq!(found.as_deref(), Some(written.trim_matches('"')));
        }
    }
}

#[test]
fn data_of_other_definitions_are_refused() {
    let schema = Schema::r4();
    let tree = fhir::read_json(PLAN, &std::sync::Arc::new(crate::tree::NameTable::new()));
    let compiled = parse("status").map(|it| it.compile(schema, &Options::new()));
    let context = Context::new(schema);
    if let (Ok(tree), Ok(Ok(compiled))) = (tree, compiled) {
        let item = focus(&tree);
        let error = compiled.evaluate(&context, &item).err().map(|error| error.fault);
        assert_eq!(error, Some(Fault::ForeignTree));
    }
}

#[test]
fn expressions_travel_between_threads() {
    const fn crosses<T: Send + Sync>() {}
    crosses::<Compiled>();
    crosses::<Expression>();
    crosses::<Item<'_>>();
    crosses::<Context<'_>>();
}

#[test]
fn an_error_says_where_and_shows_no_value() {
    let schema = Schema::r4();
    let compiled = parse("status & goal.reference.single()").map(|it| it.compile(schema, &Options::new()));
    let tree = plan();
    let item = focus(&tree);
    let context = Context::new(schema);
    if let Ok(Ok(compiled)) = compiled {
        let error = compiled.evaluate(&context, &item).err();
        let issue = error.map(|error| error.to_issue());
        assert_eq!(
            issue.as_ref().map(|issue| (issue.span.start, issue.code)),
            Some((9, codes::FHIRPATH_RUN))
        );
        assert!(!format!("{issue:?}").contains("#a"));
    }
}

/// Words that make up expressions, for texts that get further than random ones.
const WORDS: &[&str] = &[
    "status",
    "goal",
    "Patient",
    "where",
    "(",
    ")",
    "(",
    ")",
    ".",
    ".",
    ",",
    "[",
    "]",
    "{}",
    "1",
    "2.50",
    "'a'",
    "=",
    "~",
    "!=",
    "<",
    "and",
    "or",
    "xor",
    "implies",
    "is",
    "as",
    "in",
    "contains",
    "|",
    "&",
    "+",
    "-",
    "*",
    "/",
    "div",
    "mod",
    "$this",
    "$index",
    "$total",
    "%resource",
    "%`vs-x`",
    "@2015-02",
    "@T10:30",
    "@2015T",
    "4 days",
    "1 'mg'",
    "descendants()",
    "children()",
    "first()",
    "exists(",
    "all(",
    "select(",
    "iif(",
    "repeat(",
    "sort(",
    "desc",
    "aggregate(",
    "defineVariable('v')",
    "%v",
    "resolve()",
    "ofType(Goal)",
    "toString()",
    "toQuantity('g')",
    "lowBoundary()",
    "matches('(a')",
    "replaceMatches('a', '$1')",
    "power(99)",
    "round(99)",
    "substring(1, -1)",
    "`a",
    "/*",
    "// x\n",
    "\\",
    "'",
    "é",
    "\u{0}",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_text_makes_it_panic(text in any::<String>()) {
        outcome(&text, &Options::new().strict(), &Context::new(Schema::r4()).with_steps_max(20_000));
    }

    #[test]
    fn no_sequence_of_tokens_makes_it_panic(words in prop::collection::vec(prop::sample::select(WORDS), 0..24)) {
        let context = Context::new(Schema::r4()).with_steps_max(20_000);
        outcome(&words.join(" "), &Options::new(), &context);
        outcome(&words.concat(), &Options::new(), &context);
    }
}

/// The invariant of R4 that is quadratic where `%resource.descendants()` is walked for each contained resource.
const DOM_3: &str = "contained.where((('#'+id in (%resource.descendants().reference | \
    %resource.descendants().as(canonical) | %resource.descendants().as(uri) | %resource.descendants().as(url))) or \
    descendants().where(reference = '#').exists() or descendants().where(as(canonical) = '#').exists()).not()).empty()";

#[test]
fn dom_3_takes_steps_in_proportion_to_the_document() {
    let schema = Schema::r4();
    for size in [10_u64, 100, 1_000] {
        let contained: Vec<String> =
            (0..size).map(|n| format!(r#"{{"resourceType":"Goal","id":"g{n}"}}"#)).collect();
        let goals: Vec<String> = (0..size).map(|n| format!(r##"{{"reference":"#g{n}"}}"##)).collect();
        let (contained, goals) = (contained.join(","), goals.join(","));
        let text = format!(r#"{{"resourceType":"CarePlan","contained":[{contained}],"goal":[{goals}]}}"#);
        let tree = fhir::read_json(&text, schema.names());
        let plan = schema.type_named("CarePlan").unwrap_or(crate::schema::UNKNOWN);
        let rule = parse(DOM_3).map(|it| it.compile(schema, &Options::new().on(plan).invariant()));
        if let (Ok(tree), Ok(Ok(rule))) = (tree, rule) {
            let item = focus(&tree);
            let context = Context::new(schema).with_steps_max(60 * size + 200);
            assert_eq!(rule.evaluate_boolean(&context, &item).ok(), Some(Some(true)), "{size}");
        }
    }
}

#[test]
fn nothing_is_looked_at_that_is_not_needed() {
    let few = Context::new(Schema::r4()).with_steps_max(12);
    let check = |text: &str, expected: &str| {
        assert_eq!(outcome(text, &Options::new(), &few), expected, "{text}");
    };
    check("descendants().exists()", "true");
    check("descendants().first().exists()", "true");
    check("iif(true, 1, descendants().descendants().count())", "1");
    check("false and descendants().descendants().count() > 0", "false");
}
