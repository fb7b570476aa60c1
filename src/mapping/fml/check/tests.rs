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
fn a_plain_value_must_fit_one_of_several_types() {
    let patient = |rest: &str, expected: &[(&str, &str)]| {
        check(&format!("src -> tgt.contained = create('Patient') as p, {rest};"), expected);
    };
    patient("p.multipleBirth = 1", &[]);
    patient("p.multipleBirth = true", &[]);
    patient("p.multipleBirth = 1.0", &[("M248", "1.0")]);
    patient("p.multipleBirth = 'two'", &[("M248", "'two'")]);
    patient("p.multipleBirth = 3000000000", &[("M248", "3000000000")]);
    patient("p.deceased = @2026-03-05", &[]);
    patient("p.deceased = append('20', '26')", &[("M248", "append")]);
    patient("p.extension as e, e.value = 1.0", &[]);
    check("src.birthDate as d -> tgt.contained = create('Patient') as p, p.deceased = d;", &[]);
    check(
        "src.gender as g -> tgt.contained = create('Patient') as p, p.multipleBirth = g;",
        &[("M248", "g")],
    );
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

#[test]
fn a_group_extends_itself_directly_or_through_others() {
    let found = |groups: &str| {
        let text = format!("map \"u\" = \"n\"\n{groups}");
        let parsed = parse(&text);
        assert!(parsed.issues.is_empty(), "{:?}", parsed.issues);
        let issues = super::check(&parsed.map, &Library::new([&parsed.map]), Schema::r4());
        issues.into_iter().filter(|issue| issue.message.ends_with("extends itself")).count()
    };
    let group = |name: &str, base: &str| format!("group {name}(source s, target t) extends {base} {{}}\n");
    let last = "group Z(source s, target t) {}\n";
    assert_eq!(found(&group("A", "A")), 1);
    assert_eq!(found(&[group("A", "B"), group("B", "A"), group("C", "A")].concat()), 2);
    assert_eq!(found(&[group("A", "B"), group("B", "Z"), last.to_owned()].concat()), 0);
    assert_eq!(found(&[group("C", "B"), group("A", "B"), group("B", "C")].concat()), 2);
}

#[test]
fn not_every_one_of_very_many_wrong_names_gets_a_guess() {
    let rules: String = (0..600).map(|n| format!("srcc.x as v{n}; ")).collect();
    let parsed = parse(&format!("map \"u\" = \"n\"\ngroup G(source src, target tgt) {{ {rules}}}"));
    let issues = super::check(&parsed.map, &Library::new([&parsed.map]), Schema::r4());
    let guessed = issues.iter().filter(|issue| !issue.help.is_empty()).count();
    assert_eq!((issues.len(), guessed), (600, super::GUESSES_MAX));
}
