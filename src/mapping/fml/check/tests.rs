use super::*;
use crate::mapping::fml::parse;

const HEAD: &str = "map \"http://example.org/m\" = \"m\"\n\
    uses \"http://hl7.org/fhir/StructureDefinition/Patient\" alias Person as source\n\
    uses \"http://hl7.org/fhir/StructureDefinition/CarePlan\" alias Plan as target\n\
    let c = 1;\n\
    group G(source src : Person, target tgt : Plan) {\n";

/// The codes and marked texts of what is found in the rules of a group.
fn check(rules: &str, expected: &[(&str, &str)]) {
    let text = format!("{HEAD}{rules}\n}}\ngroup H(source a : HumanName, target b : Annotation) {{}}");
    let parsed = parse(&text);
    assert!(parsed.issues.is_empty(), "{rules}: {:?}", parsed.issues);
    let issues = super::check(&parsed.map, &Library::new([&parsed.map]), Schema::r4());
    let marked = |issue: &Issue| {
        let (start, end) = (issue.span.start as usize, issue.span.end as usize);
        (issue.code.id, text.get(start..end).unwrap_or("").to_owned())
    };
    let found: Vec<_> = issues.iter().map(marked).collect();
    let found: Vec<_> = found.iter().map(|(code, text)| (*code, text.as_str())).collect();
    assert_eq!(found, expected, "{rules}");
}

#[test]
fn types_are_followed_through_variables() {
    check("src.name as n -> tgt.note as t then H(n, t);", &[]);
    check("src.name as n then { n.given as g where (%n.use = 'x' and %c = 1) -> tgt.title = g; };", &[]);
    check("src.nmae as n -> tgt.titel = n;", &[("M249", "nmae"), ("M249", "titel")]);
    check("src.name as n then { n.familiy as f; };", &[("M249", "familiy")]);
    check("src.contact as c, c.name as n then { n.family as f; n.gvien as g; };", &[("M249", "gvien")]);
    check("src.address as a -> tgt.note as t then H(a, t);", &[("M248", "a")]);
    check("src.deceased : boolean as d -> tgt.title = d;", &[]);
    check("src.deceased : Quantity as d -> tgt.title = d;", &[("M248", "Quantity")]);
    check("src.deceased as d where (%e = 1) -> tgt.title = d;", &[("M244", "%e")]);
    check("src -> tgt.activity as a, a.detail as d, d.status = 'scheduled';", &[]);
    check("src -> tgt.activity as a, a.detail as d, d.status = 'shceduled';", &[("M254", "'shceduled'")]);
    check(
        "src -> tgt.contained = create('Goal') as g, g.lifecycleStatus = 'active', g.nope = 1;",
        &[("M249", "nope")],
    );
    check("src -> tgt : id, identifier, langage;", &[("M249", "langage"), ("M249", "langage")]);
}

#[test]
fn values_must_fit_their_element() {
    check("src.name as n -> tgt.title = n;", &[("M248", "n")]);
    check("src -> tgt.subject = 'x';", &[("M248", "'x'")]);
    check("src -> tgt.category = cc('a', 'b');", &[]);
    check("src -> tgt.period = cc('a', 'b');", &[("M248", "cc")]);
    check("src -> tgt.period = create('Perod');", &[("M248", "'Perod'")]);
    check("src -> tgt.period = create('Address');", &[("M248", "'Address'")]);
}

#[test]
fn a_group_without_inputs_takes_those_of_the_groups_that_extend_it() {
    let text = "map \"u\" = \"n\"\ngroup A(source source, target target) extends B {}\n\
        group B() { source.x as v -> target.y = v; }";
    let parsed = parse(text);
    assert!(parsed.issues.is_empty(), "{:?}", parsed.issues);
    let issues = super::check(&parsed.map, &Library::new([&parsed.map]), Schema::r4());
    assert!(issues.is_empty(), "{issues:?}");
}

#[test]
fn calls_must_have_what_they_ask_for() {
    check("src.name as n -> tgt.title = truncate(n.family);", &[("M247", "truncate")]);
    check("src.name as n -> tgt.title = apend(n.family, 'x');", &[("M246", "apend")]);
    check("src.name as n then Hh(n, tgt);", &[("M245", "Hh")]);
    check("src.name as n then H(n);", &[("M247", "H")]);
    check("src.name as n -> tgt.note as t then H(n, n);", &[("M251", "n")]);
    check(
        "src.gender as g -> tgt.status = translate(g, '#x', 'cod');",
        &[("M254", "'#x'"), ("M247", "'cod'")],
    );
}

#[test]
fn names_must_be_known_and_used_for_what_they_are() {
    check("scr.name as n;", &[("M244", "scr")]);
    check("src.name as n, src.name as n;", &[("M243", "n")]);
    check("src.name as n -> src.gender = 'male';", &[("M251", "src")]);
    check("src.name as n -> tgt.note as t share one;", &[]);
    check("src -> tgt.note as t share one;", &[("M252", "one")]);
    check("src.name 2..1 as n;", &[("M250", "2..1")]);
    check("src.gender 2..2 as n;", &[("M250", "2..2")]);
}
