use super::*;
use crate::mapping::parse::parse_partly;
use crate::mapping::units::schema;

const LENS: &str = r#"lens "u" version "1"
source fhir "http://hl7.org/fhir/StructureDefinition/CarePlan"
target fhir "http://hl7.org/fhir/StructureDefinition/Bundle"
codes Status "codes/status.tsv"
map p <-> b {
  p <-> b.entry.resource as CarePlan c {
    p.status <-> c.status via codes Status else "unknown"
    each p.activity as a <-> c.activity as x key x.id { a.detail as d <-> x.detail as e by Detail("k") }
    p.subject <-> c.subject
    keep p.text.*
    ignore p.note because "no"
  }
  -> b.type = "collection"
}
group Detail(k <-> t, word) { k.kind <-> t.kind -> t.description = $word }
"#;

fn outlined() -> Outline {
    let (lens, issues) = parse_partly(LENS);
    assert!(issues.is_empty(), "{issues:?}");
    lens.map(|lens| outline(LENS, &lens, schema())).unwrap_or_default()
}

/// What stands at the first place of `text` that `^` points at.
fn check(text: &str, expected: &str) {
    let outline = outlined();
    let pointed = text.find('^').unwrap_or(0);
    let start = LENS.find(&text.replace('^', "")).unwrap_or(0) + pointed;
    let types =
        |types: &[TypeId]| types.iter().map(|ty| schema().type_info(*ty).name).collect::<Vec<_>>().join("|");
    let said = match outline.at(u32::try_from(start).unwrap_or(0)).map(|mark| &mark.meaning) {
        Some(Meaning::Declared(at)) => outline.declared.get(*at).map_or_else(String::new, |it| {
            format!(
                "{:?} {} {} at {}, {} places",
                it.kind,
                it.name,
                types(&it.types),
                it.place,
                outline.places_of(*at).count()
            )
        }),
        Some(Meaning::Element(element)) => {
            format!("{} of {} at {}", element.name, types(&element.owners), element.place)
        }
        Some(other) => format!("{other:?}"),
        None => "nothing".to_owned(),
    };
    assert_eq!(said, expected, "{text}");
}

#[test]
fn names_of_a_lens_are_known() {
    check("each p.activity as ^a", "Source a CarePlan.activity at CarePlan.activity, 2 places");
    check("^c.status", "Resource c CarePlan at CarePlan, 4 places");
    check("x.^detail", "detail of CarePlan.activity at CarePlan.activity.detail");
    check("k.^kind <->", "kind of CarePlan.activity.detail at CarePlan.activity.detail.kind");
    check("$^word", "Parameter word  at , 2 places");
    check("codes ^Status else", "Codes Status  at codes/status.tsv, 2 places");
    check("by ^Detail", "Group Detail  at , 2 places");
    check("as ^CarePlan c", &format!("Type({:?})", schema().type_named("CarePlan").unwrap_or(TypeId(0))));
    check("^ignore", "nothing");
}

#[test]
fn what_becomes_of_elements_is_known() {
    let flows = outlined().flows;
    let said = |flow: &Flow| {
        format!(
            "{} {:?} {:?} {}",
            flow.source.as_deref().unwrap_or("-"),
            flow.fate,
            flow.reach,
            flow.target.as_deref().unwrap_or("-")
        )
    };
    assert_eq!(
        flows.iter().map(said).collect::<Vec<_>>(),
        [
            "CarePlan.status Carried Element CarePlan.status",
            "CarePlan.subject Carried Below CarePlan.subject",
            "CarePlan.text Kept Unnamed -",
            "CarePlan.note Ignored(\"no\") Below -",
            "- Set Element Bundle.type",
            "CarePlan.activity.detail.kind Carried Element CarePlan.activity.detail.kind",
            "- Set Element CarePlan.activity.detail.description",
        ]
    );
}

#[test]
fn names_are_known_where_their_scope_is() {
    let outline = outlined();
    let at = |text: &str| u32::try_from(LENS.find(text).unwrap_or(0)).unwrap_or(0);
    let known = |offset: u32| outline.known_at(offset).map(|it| it.name.as_str()).collect::<Vec<_>>();
    assert_eq!(known(at("keep p.text")), ["c", "b", "p", "Detail", "Status"]);
    assert_eq!(known(at("k.kind")), ["word", "t", "k", "Detail", "Status"]);
    // A resource of one element stays known to the rules that follow.
    assert_eq!(known(at("-> b.type")), ["c", "b", "p", "Detail", "Status"]);
}
