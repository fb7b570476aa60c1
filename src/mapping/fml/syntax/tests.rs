use super::*;
use crate::mapping::fml::model::{Argument, Literal, RuleBody, Transform, Transformation};
use crate::mapping::fml::{Dialect, print};

/// Wraps rules in a map.
fn map_of(rules: &str) -> String {
    format!("map \"http://example.org/m\" = \"m\"\ngroup G(source src : A, target tgt : B) {{\n{rules}\n}}\n")
}

fn parsed(text: &str) -> Map {
    let Parsed { map, issues, .. } = parse(text);
    let said: Vec<_> = issues.iter().map(|issue| (issue.span.start, issue.message.as_str())).collect();
    assert!(said.is_empty(), "{text}\n{said:?}");
    map
}

fn first_rule(map: &Map) -> Transformation {
    match &map.groups[0].rules[0].body {
        RuleBody::Full(full) => full.clone(),
        RuleBody::Identity { .. } | RuleBody::Batch { .. } => Transformation::default(),
    }
}

#[test]
fn spellings_of_one_rule_mean_the_same() {
    let check = |rule: &str, canonical: &str| {
        let map = parsed(&map_of(rule));
        assert_eq!(map, parsed(&map_of(canonical)), "{rule}");
        let text = print(&map, Dialect::R4).unwrap_or_default();
        assert!(text.contains(&format!("\n  {canonical}\n")), "{rule}\n{text}");
        assert_eq!(parsed(&text), map, "{rule}");
    };
    check("src.a->tgt.b;", "src.a -> tgt.b;");
    check("src -> tgt: a,b 'n';", "src -> tgt : a, b \"n\";");
    check("src.a where x = 'y' -> tgt.b = \"z\";", "src.a where (x = 'y') -> tgt.b = 'z';");
    check("src.a as v check v > 1 log 'x' -> tgt.b;", "src.a as v check (v > 1) log ('x') -> tgt.b;");
    check("src.a where (x) as v -> tgt.b;", "src.a as v where (x) -> tgt.b;");
    check("src.a default \"x\" as v -> tgt.b = v;", "src.a default ('x') as v -> tgt.b = v;");
    check("src.a : T.u 0..* first as v;", "src.a : T.u 0..* first as v;");
    check("src.a, src.b as w -> tgt.c as t first share s;", "src.a, src.b as w -> tgt.c as t first share s;");
    check("src.a where b.all(c = 'd') as v -> tgt.b;", "src.a as v where (b.all(c = 'd')) -> tgt.b;");
    check("src.a -> tgt.b collate;", "src.a -> tgt.b single;");
    check("src.group as v -> tgt.where = v;", "src.group as v -> tgt.where = v;");
    check("src.`a-b` as v -> tgt.`section4.5` = v;", "src.`a-b` as v -> tgt.`section4.5` = v;");
    check("src.a as v -> tgt.b = copy(v);", "src.a as v -> tgt.b = v;");
    check("src.a as v -> tgt.b = evaluate(v, x + 1);", "src.a as v -> tgt.b = evaluate(v, x + 1);");
    check("src -> (1 + 1) as n then H(src, n);", "src -> (1 + 1) as n then H(src, n);");
    check("src -> H(src, 'x') as n;", "src -> H(src, 'x') as n;");
    check("src -> tgt.x = 5 'mg';", "src -> tgt.x = (5 'mg');");
    check("src -> tgt.x = -5.10;", "src -> tgt.x = -5.10;");
    check("src -> tgt as t;", "src -> tgt as t;");
    check("src -> tgt.x = @2024-01-01;", "src -> tgt.x = @2024-01-01;");
    check("src where conformsTo('u')-> tgt as t;", "src where (conformsTo('u')) -> tgt as t;");
}

#[test]
fn a_rule_goes_on_with_groups_and_rules() {
    let map = parsed(&map_of("src.a as v -> tgt.b as t then G(v, t), H(v, 1) { v -> t : x; } \"n\";"));
    let full = first_rule(&map);
    assert_eq!((full.calls.len(), full.rules.len()), (2, 1));
    assert!(matches!(full.calls[1].arguments[1], Argument::Literal(Literal::Integer(_), _)));
    assert!(matches!(full.rules[0].body, RuleBody::Batch { .. }));
}

#[test]
fn declarations_are_read() {
    let map = parsed(
        "/// url = 'http://example.org/m'\n/// name = 'm'\n/// jurisdiction =\n/// experimental = true\n\
         ///////// a banner\n/// description = \"\"\"\na\nb\n\"\"\"\n\
         conceptmap \"#c\" { prefix s = \"a\" prefix t = \"b\" s:x = t:1 s:y -- s:z <- t:\"q r\" }\n\
         // docs\nuses \"http://hl7.org/fhir/StructureDefinition/Patient\" alias P as queried // more\n\
         imports \"http://example.org/*3to4\"\nlet a = 'x' + 1;\nlet b = %a;\n\
         group G(source a : X.y /* in */, target b) extends H <<types>> {}",
    );
    assert_eq!(map.url.map(|url| url.text).as_deref(), Some("http://example.org/m"));
    assert_eq!(map.metadata.len(), 3);
    assert_eq!(map.metadata[2].value, Some(Literal::String("a\nb".to_owned())));
    assert_eq!(map.concept_maps[0].id.text, "c");
    assert_eq!(map.concept_maps[0].mappings.len(), 3);
    assert_eq!(map.structures[0].documentation.as_deref(), Some("docs\nmore"));
    assert_eq!(map.constants.len(), 2);
    assert_eq!(map.groups[0].inputs[0].documentation.as_deref(), Some("in"));
}

#[test]
fn evaluate_alone_is_an_expression() {
    let map = parsed(&map_of("src -> tgt.a = evaluate(src.b.count() > 1);"));
    let full = first_rule(&map);
    assert!(matches!(full.targets[0].transform, Some(Transform::Evaluate(_))));
}

#[test]
fn every_error_is_reported_and_the_rest_is_read() {
    let text = map_of(
        "src.a -> ;\nsrc.b = 1;\nsrc.c -> tgt.c\nsrc.d -> tgt.d;\nsrc.e -> tgt.e = f(;\nsrc.g -> tgt.g;",
    );
    let Parsed { map, issues, .. } = parse(&text);
    let index = LineIndex::new(&text);
    let lines: Vec<_> = issues.iter().map(|issue| index.place(issue.span.start).line).collect();
    assert_eq!(lines, [3, 4, 5, 7]);
    assert_eq!(map.groups[0].rules.len(), 3);
}
