//! Readings, evaluated by our own engine, say what the lens machine says.

use super::{Reading, Value, backward, forward};
use crate::fhirpath::{self, Collection, Compiled, Context, Item, Options, StaticType};
use crate::mapping::convert::{CodeMap, Convert, DatePattern};
use crate::mapping::program::{Block, Content, Leaf, Path, Primitive, Settled, is_blank_text};
use crate::mapping::units::UNITS;
use crate::schema::Schema;
use crate::tree::{Kind, NodeId, fhir};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::collections::BTreeMap;
use std::sync::Arc;

const PRIMITIVES: [(Primitive, &str); 12] = [
    (Primitive::Text, "String"),
    (Primitive::Boolean, "Boolean"),
    (Primitive::Integer, "Integer"),
    (Primitive::Decimal, "Decimal"),
    (Primitive::Date, "Date"),
    (Primitive::DateTime, "DateTime"),
    (Primitive::Instant, "Instant"),
    (Primitive::Time, "Time"),
    (Primitive::Code, "Code"),
    (Primitive::Id, "Id"),
    (Primitive::Uri, "Uri"),
    (Primitive::Base64, "Base64Binary"),
];

fn leaf(convert: Vec<Convert>, primitive: Primitive, otherwise: Option<&str>) -> Leaf {
    let path = || Path { slot: 0, conditions: Vec::new(), steps: Vec::new() };
    Leaf {
        source: path(),
        target: path(),
        convert,
        otherwise: otherwise.map(Into::into),
        default: None,
        primitive,
        own: None,
        source_kind: Kind::Str,
    }
}

/// What is not converted, of a type of the unit's own model.
fn plain(own: Primitive, primitive: Primitive) -> Leaf {
    Leaf { own: (own != primitive).then_some(own), ..leaf(Vec::new(), primitive, None) }
}

fn date(patterns: &[&str]) -> Convert {
    Convert::Date(patterns.iter().filter_map(|pattern| DatePattern::parse(pattern)).collect())
}

fn codes(rows: &[(&str, &str)]) -> Convert {
    Convert::Codes(Arc::new(CodeMap::new(rows.iter().copied())))
}

fn chains() -> Vec<Vec<Convert>> {
    let prefix = || Convert::Prefix("urn:oid:".into());
    let strip = || Convert::Strip("^a.b'\\ä".into());
    let many = || codes(&[("a", "x"), ("b", "x"), ("c", "2026"), ("it's", "a b"), (" \\ä", "1")]);
    let large: Vec<(String, String)> = (0..30).map(|n| (n.to_string(), (n / 2).to_string())).collect();
    let large: Vec<(&str, &str)> = large.iter().map(|row| (row.0.as_str(), row.1.as_str())).collect();
    vec![
        vec![],
        vec![date(&["dd.MM.yyyy"])],
        vec![date(&["dd.MM.yyyy", "d.M.yyyy", "MM.yyyy", "yyyy"])],
        vec![date(&["d.M.yyyy", "dd.MM.yyyy", "M/yyyy"])],
        vec![date(&["yyyy-MM-dd", "yyyyMMdd", "yyyy-MM", "yyyy"])],
        vec![date(&["MM/dd/yyyy", "dd/MM/yyyy"])],
        vec![date(&["yyyy-dd-MM", "yyyy-"])],
        vec![date(&["yyyyMM", "dMyyyy", "MMyyyy", "yyyyMd"])],
        vec![Convert::Ts],
        vec![many()],
        vec![codes(&large)],
        vec![codes(&[])],
        vec![codes(&[("true", "true"), ("false", "false"), ("no", "false")])],
        vec![prefix()],
        vec![strip()],
        vec![Convert::Urn],
        vec![strip(), Convert::Urn],
        vec![Convert::Urn, Convert::Strip("urn:".into())],
        vec![Convert::Strip("".into())],
        vec![Convert::Bool("yes".into(), "it's".into())],
        vec![Convert::Bool("true".into(), "false".into())],
        vec![Convert::Bool("x".into(), "x".into())],
        vec![Convert::Decimal('.')],
        vec![Convert::Decimal(',')],
        vec![Convert::Decimal('\'')],
        vec![many(), prefix()],
        vec![strip(), many()],
        vec![strip(), Convert::Bool("1".into(), "0".into())],
        vec![strip(), Convert::Bool("1".into(), "1".into())],
        vec![strip(), Convert::Ts],
        vec![prefix(), strip()],
        vec![Convert::Ts, Convert::Strip("20".into())],
        vec![Convert::Prefix("20".into()), Convert::Ts],
        vec![Convert::Strip("-".into()), date(&["dd.MM.yyyy", "d.M.yyyy"])],
        vec![date(&["d.M.yyyy", "yyyy"]), prefix()],
        vec![Convert::Decimal(','), Convert::Prefix("-".into())],
    ]
}

/// Texts from which the others are made.
const SEEDS: &[&str] = &[
    "a",
    "b",
    "c",
    "d",
    "it's",
    " \\ä",
    "yes",
    "true",
    "false",
    "x",
    "12",
    "1",
    "0",
    "urn:oid:1.2",
    "urn:oid:",
    "urn:oid:x",
    "2.16.840.1.113883",
    "3.1",
    "1.02",
    "2db6a3ca-1c2e-4f6a-9f0b-0a1b2c3d4e5f",
    "2DB6A3CA-1C2E-4F6A-9F0B-0A1B2C3D4E5F",
    "urn:uuid:2db6a3ca-1c2e-4f6a-9f0b-0a1b2c3d4e5f",
    "urn:uuid:2DB6A3CA-1C2E-4F6A-9F0B-0A1B2C3D4E5F",
    "^a.b'\\ä2.16.840.1.113883",
    "^a.b'\\ä",
    "^a.b'\\äa",
    "^a.b'\\ä1",
    "^a.b'\\ä201308201120-0800",
    "^a.b'\\ä ",
    "05.03.2026",
    "5.3.2026",
    "5.13.2026",
    "29.02.2024",
    "29.02.2026",
    "29.02.2000",
    "29.02.1900",
    "31.04.2026",
    "31.12.0000",
    "03.2026",
    "3/2026",
    "2026",
    "0000",
    "2026-03-05",
    "2026-02-30",
    "2026-03",
    "20260305",
    "12122026",
    "1122026",
    "122026",
    "202611",
    "2026111",
    "03/05/2026",
    "13/05/2026",
    "-5.3.2026",
    "-05.03.2026",
    "20130820",
    "201308",
    "2013082011",
    "201308201120",
    "20130820112030",
    "20130820112030.5",
    "20130820112030+0200",
    "20130820112030.125-0800",
    "201308201120-1400",
    "201308201120-1401",
    "201308201120+1390",
    "20130820112060+0200",
    "20130230112030+0200",
    "13-08-20",
    "130820",
    "2013-08-20T11:20:30+02:00",
    "2013-08-20T11:20:30.50-08:00",
    "2013-08-20T11:20:30Z",
    "2013-08-20T11:20:60Z",
    "2013-08-20T11:20:30+14:00",
    "2013-08-20T11:20:30+15:00",
    "2013-02-29T11:20:30Z",
    "2012-02-29T11:20:30Z",
    "11:20:30",
    "11:20:30.125",
    "24:00:00",
    "-1,50",
    "1,5",
    "1.5",
    ",5",
    "5,",
    "01,5",
    "-0",
    "007",
    "2147483647",
    "2147483648",
    "-2147483648",
    "1e3",
    "-1.5E-3",
    "1'5",
    "a  b",
    "a b",
    "a\tb",
    "\u{a0}a",
    "a\u{a0}",
    "a\u{a0}b",
    "a\nb",
    "2026\n",
    "漢字 🙂",
    "https://example.org/a",
    "\"",
    "\\",
    "'",
];

/// Odd pieces that are put in.
const PIECES: &[&str] =
    &["0", "1", "9", ".", "-", "+", ":", "T", "Z", ",", " ", "'", "\\", "\"", "ä", "\u{a0}", "\n", "e", "$1"];

fn text() -> impl Strategy<Value = String> {
    let seed = || prop::sample::select(SEEDS).prop_map(str::to_owned);
    let piece = || prop::sample::select(PIECES);
    let changed = (seed(), any::<prop::sample::Index>(), piece(), any::<bool>()).prop_map(
        |(seed, at, piece, is_instead)| {
            let mut characters: Vec<String> = seed.chars().map(String::from).collect();
            let at = at.index(characters.len() + 1);
            characters.insert(at, piece.to_owned());
            if is_instead && at + 1 < characters.len() {
                characters.remove(at + 1);
            }
            characters.concat()
        },
    );
    let day = (
        0..4_u32,
        prop::sample::select(vec![0, 4, 26, 96, 100, 1900, 2000, 2023, 2024, 9999]),
        0..14_u32,
        0..33_u32,
    );
    let dated = day.prop_map(|(form, year, month, day)| match form {
        0 => format!("{day:02}.{month:02}.{year:04}"),
        1 => format!("{day}.{month}.{year}"),
        2 => format!("{year:04}{month:02}{day:02}"),
        _ => format!("{year:04}-{month:02}-{day:02}"),
    });
    prop_oneof![
        4 => seed(),
        4 => changed,
        2 => dated,
        1 => prop::collection::vec(piece(), 1..12).prop_map(|pieces| pieces.concat()),
        1 => any::<String>(),
    ]
    .prop_filter("a text that says something", |text| !is_blank_text(text))
}

/// A reading ready to run on `%v` and `%s`.
struct Run {
    fits: Option<Compiled>,
    value: Option<Compiled>,
    rows: Option<Vec<(String, String)>>,
    beside: Option<Compiled>,
}

fn compiled(text: &str) -> Compiled {
    let options =
        Options::new().with_variable("v", StaticType::UNKNOWN).with_variable("s", StaticType::UNKNOWN);
    let parsed = fhirpath::parse(text).expect("an expression");
    parsed.compile(Schema::r4(), &options).expect("an expression")
}

impl Run {
    fn of(reading: &Reading) -> Self {
        let (value, rows) = match &reading.value {
            Value::Nothing => (None, None),
            Value::Expression(text) => (Some(compiled(text)), None),
            Value::Translate { text, rows } => (Some(compiled(text)), Some(rows.clone())),
        };
        let fits = reading.fits.as_deref().map(compiled);
        Self { fits, value, rows, beside: reading.beside.as_deref().map(compiled) }
    }

    /// The value and the text beside it, where it fits.
    fn say(&self, variables: &[Collection<'_>]) -> Option<(Option<String>, Option<String>)> {
        let context = Context::new(Schema::r4()).with_variables(variables);
        let focus = Item::boolean(true);
        let fits = self
            .fits
            .as_ref()
            .is_none_or(|fits| fits.evaluate_boolean(&context, &focus).expect("a condition") == Some(true));
        let one = |code: &Compiled| {
            let found = code.evaluate(&context, &focus).expect("a value");
            found.items().first().map(|item| match item {
                Item::Value(value) => value.to_text().into_owned(),
                Item::Node(node) => node.tree.text(node.id).into_owned(),
            })
        };
        let translated = |text: String| match &self.rows {
            None => text,
            Some(rows) => {
                let found: Vec<&String> = rows.iter().filter(|row| row.0 == text).map(|row| &row.1).collect();
                assert_eq!(found.len(), 1, "rows for a text that fits");
                found[0].clone()
            }
        };
        fits.then(|| (self.value.as_ref().and_then(one).map(translated), self.beside.as_ref().and_then(one)))
    }
}

fn texts<'a>(value: Option<&'a str>, beside: Option<&'a str>) -> [Collection<'a>; 2] {
    [value, beside].map(|text| text.map(Item::text).into())
}

fn check_forward(leaf: &Leaf, readings: &[Run], text: &str) {
    let said: Vec<_> = readings.iter().filter_map(|run| run.say(&texts(Some(text), None))).collect();
    assert_eq!(said, [leaf.forward(text).held()], "{text:?}");
}

fn check_backward(leaf: &Leaf, readings: &[Run], value: Option<&str>, beside: Option<&str>) {
    if value.is_none() && beside.is_none() || value.is_some_and(|value| !leaf.primitive.accepts(value)) {
        return;
    }
    let expected: Vec<_> = leaf.backward(value, beside).into_iter().map(|text| (Some(text), None)).collect();
    let json = resource(leaf.primitive, value, beside);
    let tree = fhir::read_json(&json, Schema::r4().names()).expect("a resource");
    let basic = Schema::r4().type_named("Basic").unwrap_or(crate::schema::UNKNOWN);
    let context = Context::new(Schema::r4());
    let root = Item::node(&tree, NodeId::ROOT, basic);
    let (at_value, at_beside) =
        (compiled_on("extension.value"), compiled_on("extension.value.extension.value"));
    let variables = [&at_value, &at_beside].map(|path| path.evaluate(&context, &root).expect("a path"));
    // A primitive without a value is an item for the paths, and nothing for a map.
    let variables = if value.is_some() {
        variables
    } else {
        let [_, beside] = variables;
        [Collection::Empty, beside]
    };
    let said: Vec<_> = readings.iter().filter_map(|run| run.say(&variables)).collect();
    assert_eq!(said, expected, "{value:?} with {beside:?}");
}

fn compiled_on(path: &str) -> Compiled {
    let basic = Schema::r4().type_named("Basic").unwrap_or(crate::schema::UNKNOWN);
    fhirpath::parse(path).expect("a path").compile(Schema::r4(), &Options::new().on(basic)).expect("a path")
}

/// A resource with the value and the text beside it.
fn resource(primitive: Primitive, value: Option<&str>, beside: Option<&str>) -> String {
    let ty = PRIMITIVES.iter().find(|(other, _)| *other == primitive).map_or("String", |(_, ty)| ty);
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let bare = matches!(primitive, Primitive::Boolean | Primitive::Integer | Primitive::Decimal);
    let value = value.map(|value| if bare { value.to_owned() } else { quoted(value) });
    let value = value.map_or_else(String::new, |value| format!(r#","value{ty}":{value}"#));
    let beside = beside.map_or_else(String::new, |text| {
        format!(r#","_value{ty}":{{"extension":[{{"url":"s","valueString":{}}}]}}"#, quoted(text))
    });
    format!(r#"{{"resourceType":"Basic","extension":[{{"url":"v"{value}{beside}}}]}}"#)
}

/// Both directions of a leaf on so many texts.
fn check(leaf: &Leaf, cases: u32) {
    let run = |readings: Vec<Reading>| readings.iter().map(Run::of).collect::<Vec<_>>();
    let forward_runs = run(forward(leaf, "%v"));
    let backward_runs = run(backward(leaf, "%v", Some("%s")));
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let outcome = TestRunner::new(config).run(&(text(), text()), |(text, other)| {
        check_forward(leaf, &forward_runs, &text);
        let (value, beside) = leaf.forward(&text).held();
        let (value, beside) = (value.as_deref(), beside.as_deref());
        let says = |text: &&str| !is_blank_text(text);
        for (value, beside) in [
            (value, beside),
            (value, None),
            (None, beside),
            (value, Some(other.as_str())),
            (Some(other.as_str()), beside),
            (Some(other.as_str()), None),
            (Some(other.as_str()), Some(text.as_str())),
        ] {
            check_backward(leaf, &backward_runs, value.filter(says), beside.filter(says));
        }
        Ok(())
    });
    assert!(outcome.is_ok(), "{:?} to {:?}: {outcome:?}", leaf.convert, leaf.primitive);
}

#[test]
fn every_conversion_into_every_primitive() {
    for chain in chains() {
        for (primitive, _) in PRIMITIVES {
            check(&leaf(chain.clone(), primitive, None), 40);
        }
        for primitive in [Primitive::Text, Primitive::Code, Primitive::Boolean] {
            check(&leaf(chain.clone(), primitive, Some("other")), 40);
        }
    }
}

#[test]
fn values_that_the_model_of_the_unit_does_not_allow() {
    let value = Some("2026-03-05T10:00:00Z");
    let day = plain(Primitive::Date, Primitive::DateTime);
    assert_eq!(day.backward(value, None), None);
    assert_eq!(day.forward("2026-03-05T10:00:00Z").held(), (value.map(Into::into), value.map(Into::into)));
    assert_eq!(day.forward("2026-03-05").held(), (Some("2026-03-05".into()), None));
    let moment = plain(Primitive::DateTime, Primitive::Text);
    let two_zones = Some("2013-08-20T11:20:30Z02:00".to_owned());
    assert_eq!(moment.forward("2013-08-20T11:20:30Z02:00").held(), (two_zones.clone(), two_zones));
    for (own, _) in PRIMITIVES.into_iter().filter(|(own, _)| *own != Primitive::Text) {
        for (primitive, _) in PRIMITIVES {
            check(&plain(own, primitive), 40);
        }
    }
}

#[test]
fn every_leaf_of_the_lenses_that_ship() {
    let mut leaves = BTreeMap::new();
    for unit in UNITS {
        let program = unit.program().expect("a lens without faults");
        for root in &program.roots {
            collect(&root.block, &mut leaves);
        }
    }
    assert!(leaves.len() > 30, "{}", leaves.len());
    for leaf in leaves.values() {
        check(leaf, 100);
    }
}

/// Leaves that convert in the same way are one.
fn collect<'p>(block: &'p Block, leaves: &mut BTreeMap<String, &'p Leaf>) {
    let derived = block.settled.iter().filter_map(|(_, settled)| match settled {
        Settled::Derived(leaf) => Some(leaf),
        _ => None,
    });
    let plain = block.content.iter().filter_map(|(_, content)| match content {
        Content::Leaf(leaf) => Some(leaf),
        _ => None,
    });
    leaves.extend(derived.chain(plain).map(|leaf| {
        (format!("{:?} {:?} {:?} {:?}", leaf.convert, leaf.primitive, leaf.own, leaf.otherwise), leaf)
    }));
    for (_, content) in &block.content {
        match content {
            Content::Relate(relation) => collect(&relation.block, leaves),
            Content::Restate(restatement) => {
                collect(&restatement.relation.block, leaves);
                collect(&restatement.otherwise, leaves);
            }
            Content::Leaf(_) | Content::Copy(_) | Content::Rest(_) => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Patterns whose texts are alike, so that one reads what another writes.
    #[test]
    fn dates_of_any_patterns(
        fields in prop::collection::vec(
            (prop::sample::subsequence(vec!["yyyy", "MM", "M", "dd", "d"], 1..=5).prop_shuffle(), 0..4_usize), 1..5),
        texts in prop::collection::vec(text(), 20),
        numbers in prop::collection::vec((1..13_u32, 1..32_u32), 20),
    ) {
        let signs = ["", ".", "-", "$"];
        let patterns = fields.iter().filter_map(|(fields, sign)| DatePattern::parse(&fields.join(signs[*sign])));
        let patterns: Vec<DatePattern> = patterns.collect();
        let leaf = leaf(vec![Convert::Date(patterns)], Primitive::Date, None);
        let run = |readings: Vec<Reading>| readings.iter().map(Run::of).collect::<Vec<_>>();
        let (forward_runs, backward_runs) = (run(forward(&leaf, "%v")), run(backward(&leaf, "%v", Some("%s"))));
        for text in texts {
            check_forward(&leaf, &forward_runs, &text);
        }
        for (month, day) in numbers {
            let dates = [format!("2012-{month:02}-{day:02}"), format!("2012-{month:02}"), "2012".to_owned()];
            for date in dates {
                check_backward(&leaf, &backward_runs, Some(&date), None);
                if let Ok(written) = leaf.convert[0].backward(&date) {
                    check_forward(&leaf, &forward_runs, &written);
                    check_backward(&leaf, &backward_runs, Some(&date), Some(&written));
                }
            }
        }
    }
}

/// Readings as they stand in a map: `condition: value (text beside)`.
fn check_text(readings: &[Reading], expected: &[&str]) {
    let shown = readings.iter().map(|reading| {
        let value = match &reading.value {
            Value::Nothing => "nothing",
            Value::Expression(text) => text,
            Value::Translate { .. } => "translate",
        };
        let fits = reading.fits.as_deref().unwrap_or("always");
        let beside = reading.beside.as_ref().map_or_else(String::new, |text| format!(" ({text})"));
        format!("{fits}: {value}{beside}")
    });
    assert_eq!(shown.collect::<Vec<_>>(), expected);
}

#[test]
fn simple_conversions_are_simple_expressions() {
    let text = |convert: Vec<Convert>| leaf(convert, Primitive::Text, None);
    check_text(&forward(&text(vec![]), "%v"), &["always: %v"]);
    check_text(&backward(&text(vec![]), "%v", None), &["always: %v"]);
    let prefix = text(vec![Convert::Prefix("urn:oid:".into())]);
    check_text(&forward(&prefix, "$this"), &["always: 'urn:oid:' & $this"]);
    check_text(
        &backward(&prefix, "%v", None),
        &["%v.startsWith('urn:oid:'): %v.replaceMatches('^urn:oid:', '')"],
    );
    let status = leaf(vec![codes(&[("E", "active"), ("K", "completed")])], Primitive::Code, Some("unknown"));
    check_text(
        &forward(&status, "%v"),
        &[
            "%v in ('E' | 'K'): iif(%v = 'E', 'active', 'completed')",
            "(%v in ('E' | 'K')).not(): 'unknown' (%v)",
        ],
    );
    check_text(
        &backward(&status, "%v", Some("%s")),
        &[
            "%s.empty() and %v in ('active' | 'completed'): iif(%v = 'active', 'E', 'K')",
            "%s.exists() and %v = 'unknown' and (%s in ('E' | 'K')).not(): %s",
        ],
    );
    let number = leaf(vec![Convert::Decimal(',')], Primitive::Decimal, None);
    check_text(
        &forward(&number, "%v"),
        &[
            "%v.matches('^-?(0|[1-9][0-9]*)(,[0-9]+)?$'): %v.replace(',', '.')",
            "%v.matches('^-?(0|[1-9][0-9]*)(,[0-9]+)?$').not(): nothing (%v)",
        ],
    );
}

#[test]
fn a_long_chain_has_no_readings() {
    let long = leaf(vec![Convert::Ts; super::CHAIN_MAX + 1], Primitive::Text, None);
    assert!(forward(&long, "%v").is_empty() && backward(&long, "%v", Some("%s")).is_empty());
}
