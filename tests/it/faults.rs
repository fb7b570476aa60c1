//! Faults put into published examples are caught where they are, and the examples themselves gain none.

use crate::shared;
use sauma::diag::Severity;
use sauma::fhirpath::Temporal;
use sauma::schema::{ElementDef, Schema, Strength, TypeInfo};
use sauma::tree::fhir::{self, Form, TypeId};
use sauma::validate::{Options, Validator};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fs;

/// Of a hundred faults so many must be caught where they are.
const CAUGHT_PERCENT_MIN: usize = 99;
/// Places of one operator that are tried in one document.
const PLACES_MAX: usize = 2;
/// Steps that a fault may stand below the element that it was put into.
const BELOW_MAX: usize = 3;
/// Examples that are taken of each type of resource.
const EXAMPLES_MAX: usize = 2;

/// A value of a document with what its definition says.
struct Site<'s> {
    /// As FHIRPath: `Patient.name[0].given[1]`.
    path: String,
    /// As JSON has it: `/name/0/given/1`.
    pointer: String,
    ty: TypeInfo<'s>,
    form: Form,
    element: Option<&'s ElementDef>,
    is_item: bool,
    has_binding: bool,
    has_targets: bool,
    depth: usize,
}

/// Every value of a document, parents first.
fn sites<'s>(document: &Value, schema: &'s Schema) -> Vec<Site<'s>> {
    let mut found = Vec::new();
    resource(document, "", None, 0, schema, &mut found);
    found
}

fn resource<'s>(
    value: &Value,
    pointer: &str,
    path: Option<String>,
    depth: usize,
    schema: &'s Schema,
    found: &mut Vec<Site<'s>>,
) {
    let Some(name) = value["resourceType"].as_str() else { return };
    let Some(ty) = schema.type_named(name) else { return };
    let path = path.unwrap_or_else(|| name.to_owned());
    found.push(Site {
        path: path.clone(),
        pointer: pointer.to_owned(),
        ty: schema.type_info(ty),
        form: Form::Resource,
        element: None,
        is_item: false,
        has_binding: false,
        has_targets: false,
        depth,
    });
    children(value, ty, (pointer, &path), depth + 1, schema, found);
}

fn children<'s>(
    value: &Value,
    ty: TypeId,
    (pointer, path): (&str, &str),
    depth: usize,
    schema: &'s Schema,
    found: &mut Vec<Site<'s>>,
) {
    for (name, child) in value.as_object().into_iter().flatten() {
        let Some(member) = schema.find(ty, name) else { continue };
        let (pointer, path) = (format!("{pointer}/{name}"), format!("{path}.{name}"));
        let items: Vec<(&Value, String, String)> = match child {
            Value::Array(items) => items
                .iter()
                .enumerate()
                .map(|(at, item)| (item, format!("{pointer}/{at}"), format!("{path}[{at}]")))
                .collect(),
            _ => vec![(child, pointer, path)],
        };
        for (item, pointer, path) in items {
            if member.form == Form::Resource {
                resource(item, &pointer, Some(path), depth, schema, found);
                continue;
            }
            let binding = member.element.binding().filter(|binding| binding.strength == Strength::Required);
            let targets = member.type_ref.is_some_and(|ty| !ty.targets.is_empty());
            found.push(Site {
                path: path.clone(),
                pointer: pointer.clone(),
                ty: schema.type_info(member.ty),
                form: member.form,
                element: Some(member.element),
                is_item: child.is_array(),
                has_binding: binding.is_some(),
                has_targets: targets
                    && !member.type_ref.is_some_and(|ty| ty.targets[0].ends_with("/Resource")),
                depth,
            });
            if item.is_object() {
                children(item, member.ty, (&pointer, &path), depth + 1, schema, found);
            }
        }
    }
}

/// Puts one fault into a document; false where the place is none for it.
type Operator = fn(&mut Value, &Site) -> bool;

fn set(document: &mut Value, site: &Site, value: Value) -> bool {
    document.pointer_mut(&site.pointer).is_some_and(|place| {
        *place = value;
        true
    })
}

fn is_type(site: &Site, names: &[&str]) -> bool {
    names.contains(&site.ty.name)
}

fn is_text(site: &Site) -> bool {
    matches!(site.form, Form::Str | Form::Number | Form::Bool)
}

fn object<'v>(document: &'v mut Value, site: &Site) -> Option<&'v mut Map<String, Value>> {
    let is_object = matches!(site.form, Form::Object | Form::Resource);
    document.pointer_mut(&site.pointer).filter(|_| is_object)?.as_object_mut()
}

/// Puts a member into an object.
fn put(document: &mut Value, site: &Site, name: &str, value: Value) -> bool {
    object(document, site).is_some_and(|object| object.insert(name.to_owned(), value).is_none())
}

/// Takes the value, with what stands beside it in `_name`, out of what holds it.
fn remove(document: &mut Value, site: &Site) -> bool {
    let Some((above, name)) = site.pointer.rsplit_once('/').filter(|_| !site.is_item) else { return false };
    let Some(object) = document.pointer_mut(above).and_then(Value::as_object_mut) else { return false };
    object.remove(&format!("_{name}"));
    object.remove(name).is_some()
}

fn in_a_list(document: &mut Value, site: &Site) -> bool {
    let value = document.pointer(&site.pointer).cloned().filter(|_| !site.is_item && site.depth > 0);
    value.is_some_and(|value| set(document, site, json!([value])))
}

fn out_of_its_list(document: &mut Value, site: &Site) -> bool {
    let Some((list, _)) = site.pointer.rsplit_once('/').filter(|_| site.is_item) else { return false };
    let first = document.pointer(list).and_then(|list| list.get(0)).cloned();
    let place = document.pointer_mut(list).filter(|list| list.as_array().is_some_and(|list| list.len() == 1));
    place.zip(first).is_some_and(|(place, first)| {
        *place = first;
        true
    })
}

fn second_choice(document: &mut Value, site: &Site) -> bool {
    let is_choice = site.element.is_some_and(|element| element.is_choice() && element.types.len() > 1);
    let Some((above, name)) = site.pointer.rsplit_once('/').filter(|_| is_choice) else { return false };
    let other = [
        ("onset", "onsetString"),
        ("value", "valueString"),
        ("occurrence", "occurrenceDateTime"),
        ("effective", "effectiveDateTime"),
        ("scheduled", "scheduledString"),
        ("start", "startDate"),
        ("due", "dueDate"),
        ("deceased", "deceasedBoolean"),
        ("multipleBirth", "multipleBirthBoolean"),
        ("abatement", "abatementString"),
    ];
    let Some((_, other)) = other.iter().find(|(stem, other)| name.starts_with(stem) && name != *other) else {
        return false;
    };
    let value = if other.ends_with("Boolean") { json!(true) } else { json!("2026-01-01") };
    let Some(object) = document.pointer_mut(above).and_then(Value::as_object_mut) else { return false };
    object.insert((*other).to_owned(), value).is_none()
}

fn contain(document: &mut Value, site: &Site, contained: &Value) -> bool {
    let holds =
        |text: Option<&str>| text.is_some_and(|name| !matches!(name, "Bundle" | "Parameters" | "Binary"));
    let is_it = site.pointer.is_empty()
        && holds(document["resourceType"].as_str())
        && document.get("contained").is_none();
    is_it && put(document, site, "contained", json!([contained]))
}

fn div(document: &mut Value, site: &Site, text: &str) -> bool {
    site.form == Form::Xhtml && set(document, site, json!(text))
}

const XHTML: &str = "xmlns=\"http://www.w3.org/1999/xhtml\"";

fn period(site: &Site) -> bool {
    is_type(site, &["Period"])
}

/// What goes wrong in documents, by name.
const OPERATORS: &[(&str, Operator)] = &[
    ("required element removed", |d, s| {
        s.element.is_some_and(|e| e.is_required() && !e.is_choice())
            && !s.path.contains("extension")
            && remove(d, s)
    }),
    ("unknown element", |d, s| put(d, s, "unheardOf", json!("x"))),
    ("misspelt element", |d, s| put(d, s, "statuss", json!("x"))),
    ("code not in its value set", |d, s| {
        s.has_binding && is_type(s, &["code"]) && set(d, s, json!("no-such-code"))
    }),
    ("text for a number", |d, s| s.form == Form::Number && set(d, s, json!("1"))),
    ("text for a boolean", |d, s| s.form == Form::Bool && set(d, s, json!("true"))),
    ("number for a text", |d, s| s.form == Form::Str && set(d, s, json!(5))),
    ("boolean for a text", |d, s| s.form == Form::Str && set(d, s, json!(true))),
    ("object for a text", |d, s| is_text(s) && set(d, s, json!({"value": "x"}))),
    ("text for an object", |d, s| s.form == Form::Object && set(d, s, json!("x"))),
    ("list for one", in_a_list),
    ("one for a list", out_of_its_list),
    ("empty text", |d, s| s.form == Form::Str && set(d, s, json!(""))),
    ("blank text", |d, s| is_type(s, &["string", "code", "markdown"]) && set(d, s, json!("  "))),
    ("control character", |d, s| {
        is_type(s, &["string", "markdown", "code", "uri"]) && set(d, s, json!("a\u{1}b"))
    }),
    ("empty list", |d, s| s.depth > 0 && !s.is_item && set(d, s, json!([]))),
    ("empty object", |d, s| s.form == Form::Object && set(d, s, json!({}))),
    ("nothing but an id", |d, s| s.form == Form::Object && set(d, s, json!({"id": "only"}))),
    ("null", |d, s| s.depth > 0 && !s.is_item && set(d, s, Value::Null)),
    ("day that is none", |d, s| is_type(s, &["date", "dateTime"]) && set(d, s, json!("2026-02-30"))),
    ("date in another form", |d, s| {
        is_type(s, &["date", "dateTime", "instant"]) && set(d, s, json!("30.1.2026"))
    }),
    ("time without zone", |d, s| {
        is_type(s, &["dateTime", "instant"]) && set(d, s, json!("2026-01-01T10:00:00"))
    }),
    ("instant without time", |d, s| is_type(s, &["instant"]) && set(d, s, json!("2026-01-01"))),
    ("time that is none", |d, s| {
        s.form == Form::Object
            && put(d, s, "extension", json!([{"url": "http://example.org/x", "valueTime": "25:00:00"}]))
    }),
    ("id with a space", |d, s| is_type(s, &["id"]) && set(d, s, json!("a b"))),
    ("id of the resource", |d, s| {
        s.form == Form::Resource
            && s.depth == 0
            && object(d, s).is_some_and(|o| o.insert("id".to_owned(), json!("a_b!")).is_some())
    }),
    ("uri with a space", |d, s| {
        is_type(s, &["uri", "url", "canonical"]) && set(d, s, json!("http://example.org/a b"))
    }),
    ("oid that is none", |d, s| is_type(s, &["uri", "oid"]) && set(d, s, json!("urn:oid:1.02.x"))),
    ("uuid that is none", |d, s| is_type(s, &["uri", "uuid"]) && set(d, s, json!("urn:uuid:1234"))),
    ("base64 that is none", |d, s| is_type(s, &["base64Binary"]) && set(d, s, json!("a*b"))),
    ("number out of its range", |d, s| {
        is_type(s, &["positiveInt"]) && set(d, s, json!(0))
            || is_type(s, &["unsignedInt"]) && set(d, s, json!(-1))
    }),
    ("fraction for a whole number", |d, s| {
        is_type(s, &["integer", "positiveInt", "unsignedInt"]) && set(d, s, json!(1.5))
    }),
    ("two types of a choice", second_choice),
    ("extension with value and extensions", |d, s| {
        is_type(s, &["Extension"])
            && object(d, s).is_some_and(|o| {
                o.contains_key("url")
                    && o.insert("valueString".to_owned(), json!("x"))
                        != o.insert("extension".to_owned(), json!([{"url": "x", "valueString": "x"}]))
            })
    }),
    ("extension with nothing", |d, s| {
        s.form == Form::Object && put(d, s, "extension", json!([{"url": "http://example.org/x"}]))
    }),
    ("extension without url", |d, s| {
        s.form == Form::Object && put(d, s, "extension", json!([{"valueString": "x"}]))
    }),
    ("extension with a relative url", |d, s| {
        s.form == Form::Object
            && !is_type(s, &["Extension"])
            && put(d, s, "extension", json!([{"url": "x", "valueString": "x"}]))
    }),
    ("reference to nothing", |d, s| {
        is_type(s, &["Reference"]) && set(d, s, json!({"reference": "#nothing"}))
    }),
    ("reference that is none", |d, s| {
        is_type(s, &["Reference"]) && set(d, s, json!({"reference": "not a reference"}))
    }),
    ("reference to another type", |d, s| {
        is_type(s, &["Reference"]) && s.has_targets && set(d, s, json!({"reference": "StructureMap/1"}))
    }),
    ("type of a reference", |d, s| {
        is_type(s, &["Reference"])
            && s.has_targets
            && set(d, s, json!({"type": "StructureMap", "display": "x"}))
    }),
    ("contained resource that nothing refers to", |d, s| {
        contain(d, s, &json!({"resourceType": "Organization", "id": "lonely", "name": "x"}))
    }),
    ("contained resource with a contained one", |d, s| {
        contain(
            d,
            s,
            &json!({"resourceType": "Basic", "id": "b", "code": {"text": "x"}, "subject": {"reference": "#"}, "contained": [{"resourceType": "Organization", "id": "o", "name": "x"}]}),
        )
    }),
    ("contained resource with a version", |d, s| {
        contain(
            d,
            s,
            &json!({"resourceType": "Basic", "id": "b", "code": {"text": "x"}, "subject": {"reference": "#"}, "meta": {"versionId": "1"}}),
        )
    }),
    ("contained resource with a label", |d, s| {
        contain(
            d,
            s,
            &json!({"resourceType": "Basic", "id": "b", "code": {"text": "x"}, "subject": {"reference": "#"}, "meta": {"security": [{"system": "http://example.org", "code": "x"}]}}),
        )
    }),
    ("contained resource without id", |d, s| {
        contain(d, s, &json!({"resourceType": "Basic", "code": {"text": "x"}, "subject": {"reference": "#"}}))
    }),
    ("period that ends before it starts", |d, s| {
        period(s) && set(d, s, json!({"start": "2026-02-01", "end": "2026-01-01"}))
    }),
    ("type of resource that is none", |d, s| {
        s.form == Form::Resource
            && object(d, s).is_some_and(|o| o.insert("resourceType".to_owned(), json!("CarePlann")).is_some())
    }),
    ("system that is relative", |d, s| {
        is_type(s, &["Coding", "Identifier"])
            && object(d, s).is_some_and(|o| o.insert("system".to_owned(), json!("own")) != Some(json!("own")))
    }),
    ("code that its system does not have", |d, s| {
        is_type(s, &["Coding"])
            && set(d, s, json!({"system": "http://hl7.org/fhir/administrative-gender", "code": "x"}))
    }),
    ("quantity with a code of no system", |d, s| {
        is_type(s, &["Quantity"]) && set(d, s, json!({"value": 1, "code": "x"}))
    }),
    ("script in a narrative", |d, s| div(d, s, &format!("<div {XHTML}><script>a</script></div>"))),
    ("event in a narrative", |d, s| div(d, s, &format!("<div {XHTML}><p onclick=\"a\">a</p></div>"))),
    ("link that runs a program", |d, s| {
        div(d, s, &format!("<div {XHTML}><a href=\"javascript:a()\">a</a></div>"))
    }),
    ("narrative that is not closed", |d, s| div(d, s, &format!("<div {XHTML}><p>a</div>"))),
    ("narrative without namespace", |d, s| div(d, s, "<div><p>a</p></div>")),
    ("narrative that is no div", |d, s| div(d, s, &format!("<p {XHTML}>a</p>"))),
    ("narrative with nothing", |d, s| div(d, s, &format!("<div {XHTML}> </div>"))),
    ("narrative with an entity of its own", |d, s| div(d, s, &format!("<div {XHTML}>&own;</div>"))),
    ("ids that are the same", |d, s| {
        s.pointer.is_empty()
            && d.get("meta").is_none()
            && put(d, s, "meta", json!({"id": "same", "tag": [{"id": "same", "code": "x"}]}))
    }),
    ("id of an element with a space", |d, s| s.form == Form::Object && put(d, s, "id", json!("a b"))),
];

/// The paths of the errors of a document; its own path where it cannot be read.
fn errors(document: &Value, schema: &Schema) -> Vec<(String, String)> {
    let tree = match fhir::read_json(&document.to_string(), schema.names()) {
        Ok(tree) => tree,
        Err(issue) => return vec![(issue.path, issue.message)],
    };
    let now = Some(Temporal::utc(1_770_000_000, 0));
    let report = Validator::new(schema).validate(&tree, &Options { profiles: &[], now });
    let errors = report.issues.into_iter().filter(|issue| issue.severity == Severity::Error);
    errors.map(|issue| (issue.path, issue.message)).collect()
}

/// True where a fault at `path` is told there, at what holds it or right below it.
fn is_there(told: &str, path: &str) -> bool {
    let without_index = |path: &str| {
        path.strip_suffix(']')
            .and_then(|path| path.rsplit_once('['))
            .map_or(path.to_owned(), |(path, _)| path.to_owned())
    };
    let above = |path: &str| path.rsplit_once('.').map_or(path.to_owned(), |(above, _)| above.to_owned());
    let (told, path) = (without_index(told), without_index(path));
    let above_path = without_index(&above(&path));
    told == path || told == above_path || without_index(&above(&told)) == path
        // A second type of a choice is a sibling, and what is put into an element stands below it.
        || without_index(&above(&told)) == above_path
        || told.strip_prefix(path.as_str()).is_some_and(|below| below.matches('.').count() <= BELOW_MAX)
        // The type that a document should have named is not known.
        || (told == "Resource" && !path.contains('.'))
}

#[test]
fn faults_in_published_examples_are_caught_where_they_are() {
    let Some(folder) = shared::folder() else { return };
    let schema = Schema::r4();
    let mut taken: BTreeMap<String, usize> = BTreeMap::new();
    let mut examples = Vec::new();
    for path in shared::files(&folder.join("suites/r4-examples"), &["json"]) {
        let text = fs::read_to_string(&path).unwrap();
        let Ok(document) = serde_json::from_str::<Value>(text.trim_start_matches('\u{feff}')) else {
            continue;
        };
        let kind = document["resourceType"].as_str().unwrap_or_default().to_owned();
        let count = taken.entry(kind).or_default();
        // Faults are found among those that the example has itself only where it has none.
        if *count < EXAMPLES_MAX && text.len() < 30_000 && errors(&document, schema).is_empty() {
            *count += 1;
            examples.push((path.file_stem().unwrap().to_string_lossy().into_owned(), document));
        }
    }
    let results = shared::in_parallel(&examples, |(name, document)| tried(name, document, schema));
    let mut by_operator: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let mut missed = Vec::new();
    for (operator, problem) in results.into_iter().flatten() {
        let count = by_operator.entry(operator).or_default();
        count.0 += 1;
        count.1 += usize::from(problem.is_none());
        missed.extend(problem.map(|problem| format!("{operator}: {problem}")));
    }
    let tried: usize = by_operator.values().map(|(tried, _)| tried).sum();
    let caught: usize = by_operator.values().map(|(_, caught)| caught).sum();
    println!(
        "{} operators, {} examples: {caught} of {tried} faults caught",
        by_operator.len(),
        examples.len()
    );
    missed.sort();
    if std::env::var_os("ALL").is_some() {
        for line in &missed {
            println!("  {line}");
        }
    }
    let unused: Vec<&str> =
        OPERATORS.iter().map(|(name, _)| *name).filter(|name| !by_operator.contains_key(name)).collect();
    assert!(unused.is_empty(), "operators without a place: {unused:?}");
    assert!(
        caught * 100 >= tried * CAUGHT_PERCENT_MIN,
        "{}",
        missed.iter().take(60).cloned().collect::<Vec<_>>().join("\n")
    );
}

/// Each operator at some places of a document: its name, and what is not as it should be.
fn tried(name: &str, document: &Value, schema: &Schema) -> Vec<(&'static str, Option<String>)> {
    let sites = sites(document, schema);
    let mut results = Vec::new();
    for (number, (operator, run)) in OPERATORS.iter().enumerate() {
        let mut count = 0;
        // Other operators and other examples look at other places first.
        let shift = (number * 7 + name.len() * 13) % sites.len().max(1);
        for at in 0..sites.len() {
            let site = &sites[(at + shift) % sites.len()];
            let mut spoilt = document.clone();
            if count >= PLACES_MAX || !run(&mut spoilt, site) || spoilt == *document {
                continue;
            }
            count += 1;
            let told = errors(&spoilt, schema);
            let is_caught = told.iter().any(|(path, _)| is_there(path, &site.path));
            let problem = || format!("{name} {}: {:?}", site.path, told.iter().take(3).collect::<Vec<_>>());
            results.push((*operator, (!is_caught).then(problem)));
        }
    }
    results
}
