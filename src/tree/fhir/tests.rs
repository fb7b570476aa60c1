use super::*;
use crate::tree::patch;
use proptest::prelude::*;
use serde_json::Value;

/// `type: element order form flags`, where the form is `s`, `n`, `b`, `x`, `r` or the name of a type, and the
/// flags are `*` for a list and `@` for an attribute.
const TYPES: &[(&str, &str)] = &[
    ("Element", "id 1 s @; extension 2 Extension *"),
    ("Extension", "id 1 s @; url 3 s @; extension 2 Extension *; valueString 4 s; valueInteger 4 n"),
    ("Narrative", "id 1 s @; status 2 s; div 3 x"),
    ("Activity", "id 1 s @; extension 2 Extension *; detail 3 s; resource 4 r"),
    (
        "CarePlan",
        "id 1 s; text 2 Narrative; contained 3 r *; extension 4 Extension *; status 5 s; uri 6 s *; count 7 n; active 8 b; \
         activity 9 Activity *",
    ),
    ("Goal", "id 1 s; status 2 s"),
    ("DomainResource", "id 1 s; text 2 Narrative; contained 3 r *; extension 4 Extension *"),
];

struct Small;

impl Shape for Small {
    fn type_named(&self, name: &str) -> Option<TypeId> {
        TYPES.iter().position(|(known, _)| *known == name).and_then(|at| u32::try_from(at).ok()).map(TypeId)
    }

    fn element(&self, ty: TypeId, name: &str) -> Option<Element> {
        let (_, elements) = TYPES.get(ty.0 as usize)?;
        let parts = elements.split("; ").map(|element| element.split(' ').collect::<Vec<_>>());
        let found = parts.into_iter().find(|parts| parts[0] == name)?;
        let (form, ty) = match found[2] {
            "s" => (Form::Str, TypeId(99)),
            "n" => (Form::Number, TypeId(99)),
            "b" => (Form::Bool, TypeId(99)),
            "x" => (Form::Xhtml, TypeId(99)),
            "r" => (Form::Resource, TypeId(99)),
            other => (Form::Object, self.type_named(other)?),
        };
        let flags = found.get(3).copied().unwrap_or("");
        Some(Element { ty, list: flags == "*", order: found[1].parse().ok()?, form, attribute: flags == "@" })
    }
}

fn names() -> Arc<NameTable> {
    let mut names = NameTable::new();
    // Names that are no elements are told, as long as definitions have them somewhere.
    for name in [
        "a", "b", "k", "o:k", "o:stauts", "stauts", "detial", "other", "Other", "a b", "a:b", "xmlns",
        "xml:lang",
    ] {
        names.intern(name);
    }
    for (name, elements) in TYPES {
        names.intern(name);
        for element in elements.split("; ") {
            names.intern(element.split(' ').next().unwrap_or(""));
        }
    }
    Arc::new(names)
}

fn outcome(text: Result<String, Box<Issue>>) -> String {
    text.unwrap_or_else(|issue| format!("{} {} {}", issue.code.id, issue.path, issue.help).trim().to_owned())
}

fn json_of(tree: &Tree) -> String {
    let mut out = String::new();
    write_json(tree, NodeId::ROOT, Some(&Small), Layout::Compact, &mut out);
    out
}

/// XML for the body of a care plan, read and written as JSON.
fn check_xml(body: &str, expected: &str) {
    let text = format!("<CarePlan xmlns=\"http://hl7.org/fhir\">{body}</CarePlan>");
    let found = outcome(read_xml(&text, &names(), &Small).map(|tree| json_of(&tree)));
    let expected = if expected.starts_with("F1") {
        expected.to_owned()
    } else {
        format!("{{\"resourceType\":\"CarePlan\"{expected}}}")
    };
    assert_eq!(found, expected, "{body}");
}

/// JSON to XML, and back to an equal tree.
fn check_json(members: &str, expected: &str) {
    let text = format!("{{\"resourceType\":\"CarePlan\"{members}}}");
    let written = read_json(&text, &names()).and_then(|tree| {
        let mut out = String::new();
        write_xml(&tree, NodeId::ROOT, &Small, Layout::Compact, &mut out)?;
        let again = read_xml(&out, &names(), &Small)?;
        assert!(equal(&tree, &again, &Small), "{out}");
        assert_eq!(json_of(&again), json_of(&tree));
        Ok(out)
    });
    let head = "<CarePlan xmlns=\"http://hl7.org/fhir\"";
    assert_eq!(outcome(written).replace(head, ""), expected, "{members}");
}

fn check_joined(members: &str, expected: &str) {
    let text = format!("{{\"resourceType\":\"CarePlan\"{members}}}");
    let found = outcome(read_json(&text, &names()).map(|tree| json::to_string(&tree, Layout::Compact)));
    assert_eq!(found.replace("\"resourceType\":\"CarePlan\"", ""), expected, "{members}");
}

#[test]
fn companions_are_joined() {
    check_joined(r#","_status":{"id":"a"},"status":"x""#, r#"{,"status":"x","_status":{"id":"a"}}"#);
    check_joined(r#","_status":{"id":"a"},"count":1"#, r#"{,"_status":{"id":"a"},"count":1}"#);
    check_joined(
        r#","uri":["a",null],"_uri":[null,{"id":"b"}]"#,
        r#"{,"uri":["a",null],"_uri":[null,{"id":"b"}]}"#,
    );
    check_joined(
        r#","uri":[null,"b"],"_uri":[{"id":"a"}]"#,
        r#"{,"uri":[null,"b"],"_uri":[{"id":"a"},null]}"#,
    );
    check_joined(r#","_uri":[{"id":"b"}]"#, r#"{,"_uri":[{"id":"b"}]}"#);
    check_joined(
        r#","_status":{"a":"x","_a":{"id":"i"}},"status":"s""#,
        r#"{,"status":"s","_status":{"a":"x","_a":{"id":"i"}}}"#,
    );
    check_joined(r#","a":["x",{}],"_a":[{"id":"b"},null]"#, r#"{,"a":["x",{}],"_a":[{"id":"b"},null]}"#);
    check_joined(r#","a":["x",{}],"_a":[null,{"id":"b"}]"#, "F108 CarePlan._a[1]");
    check_joined(r#","\u005fstatus":{"id":"a"},"status":"_""#, r#"{,"status":"_","_status":{"id":"a"}}"#);
    check_joined(
        r#","extension":[{"url":"u","_valueString":{"extension":[{"url":"v","_valueString":{"id":"x"}}]}}]"#,
        r#"{,"extension":[{"url":"u","_valueString":{"extension":[{"url":"v","_valueString":{"id":"x"}}]}}]}"#,
    );
    let tree = read_json(r#"{"resourceType":"CarePlan","_status":{"id":"a"},"status":"x"}"#, &names());
    let inner = tree.ok().and_then(|tree| {
        tree.child_str(NodeId::ROOT, "status").map(|leaf| tree.child_text(leaf, "id").is_some())
    });
    assert_eq!(inner, Some(true));
}

#[test]
fn companions_out_of_place_are_refused() {
    check_joined(r#","uri":["a"],"_uri":[null,{"id":"b"}]"#, "F108 CarePlan._uri[0]");
    check_joined(r#","uri":["a"],"_uri":{"id":"b"}"#, "F108 CarePlan._uri");
    check_joined(r#","uri":["a",null]"#, "F108 CarePlan.uri[1]");
    check_joined(r#","status":null"#, "F108 CarePlan.status");
    check_joined(r#","status":null,"_status":{"id":"a"}"#, "F108 CarePlan.status");
    check_joined(r#","_status":"a""#, "F108 CarePlan._status");
    check_joined(r#","_status":{}"#, "F108 CarePlan._status");
    check_joined(r#","text":{},"_text":{"id":"a"}"#, "F108 CarePlan._text");
    check_joined(r#","_uri":[null,{"id":"b"}]"#, "F108 CarePlan._uri[0]");
    assert_eq!(outcome(read_json("[]", &names()).map(|_| String::new())), "F108");
    assert_eq!(outcome(read_json(r#"{"resourceType":1}"#, &names()).map(|_| String::new())), "F108 Resource");
}

#[test]
fn xml_gives_the_tree_of_json() {
    check_xml(
        "<!-- c --><status value=\"a&lt;b\"/>\n<count value='1.50'/> <active value='true'/>",
        r#","status":"a<b","count":1.50,"active":true"#,
    );
    check_xml("<count value='x'/>", r#","count":"x""#);
    check_xml("<uri value='a'/><status value='s'/><uri value='b'/>", r#","status":"s","uri":["a","b"]"#);
    check_xml(
        "<status id='i'><extension url='u'><valueString value='a\nb'/></extension></status>",
        r#","_status":{"id":"i","extension":[{"url":"u","valueString":"a b"}]}"#,
    );
    check_xml("<activity id='i'><detail value='d'/></activity>", r#","activity":[{"id":"i","detail":"d"}]"#);
    check_xml(
        "<contained><Goal><id value='g'/></Goal></contained><contained><Goal/></contained>",
        r#","contained":[{"resourceType":"Goal","id":"g"},{"resourceType":"Goal"}]"#,
    );
    check_xml(
        "<text><status value='s'/><div xmlns=\"http://www.w3.org/1999/xhtml\">\n<p>x &amp; <b>y</b></p></div></text>",
        r#","text":{"status":"s","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">\n<p>x &amp; <b>y</b></p></div>"}"#,
    );
    check_xml(
        "<text><div>x</div></text>",
        r#","text":{"div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">x</div>"}"#,
    );
}

#[test]
fn xml_of_another_form_is_refused() {
    check_xml("<stauts xmlns='u' value='x'/>", "F108 CarePlan.stauts.@xmlns");
    check_xml("<stauts xmlns:o='u' o:k='x'/>", "F108 CarePlan.stauts.@o:k");
    check_xml("<o:stauts xmlns:o='u' value='x'/>", "F108 CarePlan.o:stauts");
    check_xml("<status value='x' xml:lang='fi'/>", "F108 CarePlan.status.@xml:lang");
    check_xml("<other>x</other>", "F108 CarePlan.other");
    check_xml("<other>x<a/></other>", "F108 CarePlan.other.text()");
    check_xml("<_status id='i'/>", "F108 CarePlan._status did you mean `status`?");
    check_xml(
        "<activity><resourceType value='Goal'/></activity>",
        "F108 CarePlan.activity[0].resourceType did you mean `resource`?",
    );
    check_xml("<activity><id value='i'/></activity>", "F108 CarePlan.activity[0].id");
    check_xml("<status value='x'/><status value='y'/>", "F108 CarePlan.status");
    check_xml("<status/>", "F108 CarePlan.status");
    check_xml("<status>x</status>", "F108 CarePlan.status");
    check_xml("x<status value='x'/>", "F108 CarePlan.text()");
    check_xml("<status xmlns='u' value='x'/>", "F108 CarePlan.status.@xmlns");
    check_xml(
        "<activity><resource><Goal/><Goal/></resource></activity>",
        "F108 CarePlan.activity[0].resource",
    );
    check_xml("<contained/>", "F108 CarePlan.contained[0]");
    check_xml("<contained>x<Goal/></contained>", "F108 CarePlan.contained[0].text()");
    check_xml("<contained k='x'><Goal/></contained>", "F108 CarePlan.contained[0].@k");
    check_xml("<contained xmlns='u'><Goal/></contained>", "F108 CarePlan.contained[0].@xmlns");
    check_xml("<contained><status value='x'/></contained>", "F108 CarePlan.contained[0].status");
    let other = read_xml("<CarePlan/>", &names(), &Small);
    assert_eq!(
        outcome(other.map(|_| String::new())),
        format!("F108 CarePlan declare xmlns=\"{FHIR_URI}\" on it")
    );
    let other = "<f:CarePlan xmlns:f='http://hl7.org/fhir'><other/></f:CarePlan>";
    assert_eq!(outcome(read_xml(other, &names(), &Small).map(|_| String::new())), "F108 CarePlan.other");
    let prefixed = read_xml(
        "<f:CarePlan xmlns:f='http://hl7.org/fhir'><f:id value='i'/></f:CarePlan>",
        &names(),
        &Small,
    );
    assert_eq!(outcome(prefixed.map(|tree| json_of(&tree))), r#"{"resourceType":"CarePlan","id":"i"}"#);
}

#[test]
fn json_goes_to_xml_and_back() {
    check_json("", "/>");
    check_json(
        r#","count":1.50,"status":"a\"\n<","active":false"#,
        "><status value=\"a&quot;&#10;&lt;\"/><count value=\"1.50\"/><active value=\"false\"/></CarePlan>",
    );
    check_json(
        r#","uri":["a",null],"_uri":[null,{"extension":[{"url":"u","valueInteger":1}],"id":"b"}]"#,
        "><uri value=\"a\"/><uri id=\"b\"><extension url=\"u\"><valueInteger value=\"1\"/></extension></uri></CarePlan>",
    );
    check_json(
        r#","contained":[{"resourceType":"Goal","id":"g"}],"activity":[{"resource":{"resourceType":"Goal"}}]"#,
        "><contained><Goal><id value=\"g\"/></Goal></contained><activity><resource><Goal/></resource></activity></CarePlan>",
    );
    check_json(
        r#","text":{"div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">a&#228;</div>"}"#,
        "><text><div xmlns=\"http://www.w3.org/1999/xhtml\">a&#228;</div></text></CarePlan>",
    );
}

#[test]
fn what_xml_cannot_hold_is_refused() {
    check_json(r#","uri":[]"#, "F108 CarePlan.uri");
    check_json(r#","uri":[["a"]]"#, "F108 CarePlan.uri[0]");
    check_json(r#","status":{}"#, "F108 CarePlan.status");
    check_json(r#","status":5"#, "F108 CarePlan.status");
    check_json(r#","status":true"#, "F108 CarePlan.status");
    check_json(r#","count":"5""#, "F108 CarePlan.count");
    check_json(r#","count":"five""#, "><count value=\"five\"/></CarePlan>");
    check_json(r#","active":"true""#, "F108 CarePlan.active");
    check_json(r#","status":["a"]"#, "F108 CarePlan.status[0]");
    check_json(r#","status":"\u0001""#, "F108 CarePlan.status");
    check_json(r#","activity":[{"id":{"a":1}}]"#, "F108 CarePlan.activity[0].id");
    check_json(
        r#","activity":[{"resourceType":"Goal"}]"#,
        "F108 CarePlan.activity[0].resourceType did you mean `resource`?",
    );
    check_json(r#","text":{"div":"<div>"}"#, "F108 CarePlan.text.div");
    check_json(r#","text":{"div":"<div/><p/>"}"#, "F108 CarePlan.text.div");
}

#[test]
fn spans_of_fhir_point_into_the_xml() {
    let text = "<CarePlan xmlns=\"http://hl7.org/fhir\"><status value=\"a&amp;b\"/></CarePlan>";
    let tree = read_xml(text, &names(), &Small).ok();
    let found = tree.as_ref().and_then(|tree| {
        tree.child_str(NodeId::ROOT, "status").map(|leaf| {
            let part = |span: crate::diag::Span| &text[span.start as usize..span.end as usize];
            (
                part(tree.span(leaf)),
                part(tree.text_span(leaf)),
                tree.text(leaf).into_owned(),
                tree.order(leaf),
            )
        })
    });
    assert_eq!(found, Some(("<status value=\"a&amp;b\"/>", "a&amp;b", "a&b".to_owned(), 5)));
}

#[test]
fn line_ends_of_a_narrative_are_those_of_xml() {
    let text =
        |end: &str| format!("{{\"resourceType\":\"CarePlan\",\"text\":{{\"div\":\"<div>a{end}b</div>\"}}}}");
    let tree = |end: &str| read_json(&text(end), &names()).ok();
    let same = |left: &str, right: &str| match (tree(left), tree(right)) {
        (Some(left), Some(right)) => equal(&left, &right, &Small),
        _ => false,
    };
    assert!(same("\\r\\n", "\\n") && same("\\r", "\\n"));
    assert!(!same(" ", "\\n"));
}

#[test]
fn xml_keeps_what_the_definitions_do_not_have() {
    check_xml("<stauts value='a&lt;b'/>", r#","stauts":"a<b""#);
    check_xml("<a value='1'/><status value='s'/><a value='2'/>", r#","a":["1","2"],"status":"s""#);
    check_xml("<a/><b id='i'/><c k='v'/>", r#","a":{},"b":{"id":"i"},"c":{"@k":"v"}"#);
    check_xml("<a><b value='x'/><b><c value='y'/></b></a>", r#","a":{"b":["x",{"c":"y"}]}"#);
    check_xml(
        "<a value='x' id='i'><extension url='u'><valueInteger value='1'/></extension></a>",
        r#","a":"x","_a":{"id":"i","extension":[{"url":"u","valueInteger":1}]}"#,
    );
    check_xml("<a value='x' k='y'/>", r#","a":{"@value":"x","@k":"y"}"#);
    check_xml("<a value='x'><b/></a>", r#","a":{"@value":"x","b":{}}"#);
    check_xml(
        "<status value='x' k='y'><b value='z'/></status>",
        r#","status":"x","_status":{"@k":"y","b":"z"}"#,
    );
    check_xml(
        "<activity value='x'><detail value='d'/></activity>",
        r#","activity":[{"@value":"x","detail":"d"}]"#,
    );
    check_xml("<a> <!-- c --> <Goal> <id value='g'/></Goal></a>", r#","a":{"resourceType":"Goal","id":"g"}"#);
    check_xml("<a><Goal value='x'/><Goal/></a>", r#","a":{"Goal":["x",{}]}"#);
    check_xml(
        "<contained><Other k='v'><id value='o'/><more value='m'/></Other></contained>",
        r#","contained":[{"resourceType":"Other","@k":"v","id":"o","more":"m"}]"#,
    );
    check_xml(
        "<a><div xmlns='http://www.w3.org/1999/xhtml'>x</div></a>",
        r#","a":{"div":"<div xmlns='http://www.w3.org/1999/xhtml'>x</div>"}"#,
    );
    let prefixed = "<f:CarePlan xmlns:f='http://hl7.org/fhir'><f:a><b xmlns='http://hl7.org/fhir'><c/></b></f:a></f:CarePlan>";
    let found = outcome(read_xml(prefixed, &names(), &Small).map(|tree| json_of(&tree)));
    assert_eq!(found, r#"{"resourceType":"CarePlan","a":{"b":{"c":{}}}}"#);
}

#[test]
fn several_resources_in_one_element_are_items() {
    check_xml(
        "<contained><Goal><id value='a'/></Goal> <Goal k='v'/></contained><status value='s'/><contained><Goal/></contained>",
        r#","contained":[{"resourceType":"Goal","id":"a"},{"resourceType":"Goal","@k":"v"},{"resourceType":"Goal"}],"status":"s""#,
    );
}

#[test]
fn unknown_content_goes_from_json_to_xml_and_back() {
    check_json(r#","stauts":"x""#, "><stauts value=\"x\"/></CarePlan>");
    check_json(
        r#","@k":"<","a":["x",{"b":""}],"c":{}"#,
        " k=\"&lt;\"><a value=\"x\"/><a><b value=\"\"/></a><c/></CarePlan>",
    );
    check_json(
        r#","a":"x","_a":{"id":"i","extension":[{"url":"u"}]}"#,
        "><a value=\"x\" id=\"i\"><extension url=\"u\"/></a></CarePlan>",
    );
    check_json(
        r#","status":"s","_status":{"b":"x"}"#,
        "><status value=\"s\"><b value=\"x\"/></status></CarePlan>",
    );
    check_json(
        r#","a":{"id":"i","@value":"v","b":"x"}"#,
        "><a id=\"i\" value=\"v\"><b value=\"x\"/></a></CarePlan>",
    );
    check_json(r#","a":{"id":["i","j"]}"#, "><a><id value=\"i\"/><id value=\"j\"/></a></CarePlan>");
    check_json(
        r#","a":{"resourceType":"Goal","id":"g"}"#,
        "><a><Goal><id value=\"g\"/></Goal></a></CarePlan>",
    );
    check_json(
        r#","contained":[{"resourceType":"Other","id":"o","a":"x"}]"#,
        "><contained><Other><id value=\"o\"/><a value=\"x\"/></Other></contained></CarePlan>",
    );
    check_json(r#","a":{"div":"no markup"}"#, "><a><div value=\"no markup\"/></a></CarePlan>");
    check_json(
        r#","a":{"div":"<div>x</div>"}"#,
        "><a><div value=\"&lt;div&gt;x&lt;/div&gt;\"/></a></CarePlan>",
    );
    check_json(
        r#","a":{"div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">x</div>"}"#,
        "><a><div xmlns=\"http://www.w3.org/1999/xhtml\">x</div></a></CarePlan>",
    );
}

#[test]
fn unknown_content_that_xml_would_change_is_refused() {
    for value in ["1", "true", "[]", r#"["x"]"#, r#"[["x"],["y"]]"#, r#"[1,"x"]"#, "[{}]"] {
        let text = format!("{{\"resourceType\":\"CarePlan\",\"a\":{{\"b\":{value}}}}}");
        let mut out = String::new();
        let written = read_json(&text, &names())
            .and_then(|tree| write_xml(&tree, NodeId::ROOT, &Small, Layout::Compact, &mut out));
        assert!(outcome(written.map(|()| String::new())).starts_with("F108 CarePlan.a.b"), "{value}");
        assert_eq!(out, "");
    }
    check_json(r#","_a":{"id":"i"}"#, "F108 CarePlan.a");
    check_json(r#","a":"x","_a":{"b":"y"}"#, "F108 CarePlan.a");
    check_json(r#","a":{"@value":"x"}"#, "F108 CarePlan.a");
    check_json(r#","a":{"@value":"x","id":"i"}"#, "F108 CarePlan.a");
    check_json(r#","a":{"@id":"i"}"#, "F108 CarePlan.a.@id");
    check_json(r#","a":{"Goal":{}}"#, "F108 CarePlan.a");
    check_json(r#","a":{"Goal":"x"}"#, "F108 CarePlan.a");
    check_json(r#","a":{"resourceType":"Other"}"#, "F108 CarePlan.a");
    check_json(r#","a":{"extension":{"url":"u"}}"#, "F108 CarePlan.a.extension");
    check_json(r#","contained":[{"resourceType":"no type"}]"#, "F108 CarePlan.contained[0]");
    check_json(r#","@k":1"#, "F108 CarePlan.@k");
    check_json(r#","@k":["x","y"]"#, "F108 CarePlan.@k[0]");
    check_json(r#","@a b":"x""#, "F108 CarePlan.@a b");
    check_json(r#","@xmlns":"x""#, "F108 CarePlan.@xmlns");
    check_json(r#","a b":"x""#, "F108 CarePlan.a b");
    check_json(r#","a:b":"x""#, "F108 CarePlan.a:b");
    check_json(r#","status":"s","_status":{"@value":"x"}"#, "F108 CarePlan.status.@value");
    check_json(r#","extension":[{"@url":"x"}]"#, "F108 CarePlan.extension[0].@url");
}

/// What is told of unknown content, in JSON or in XML.
fn check_told(text: &str, expected: &[&str]) {
    let tree =
        if text.starts_with('<') { read_xml(text, &names(), &Small) } else { read_json(text, &names()) };
    let issues = tree.map(|tree| unknown_elements(&tree, &Small)).unwrap_or_default();
    let told: Vec<String> = issues
        .iter()
        .map(|issue| {
            assert_eq!((issue.code, issue.severity), (codes::NOT_IN_FHIR, crate::diag::Severity::Warning));
            let start = &text[issue.span.start as usize..];
            format!("{} {} {}", &start[..start.len().min(7)], issue.path, issue.help).trim().to_owned()
        })
        .collect();
    assert_eq!(told, expected, "{text}");
}

#[test]
fn names_of_the_document_alone_are_not_told() {
    check_told(r#"{"resourceType":"CarePlan","aino":{"more":1}}"#, &["\"aino\": CarePlan"]);
    check_told(
        r#"{"resourceType":"CarePlan","status":"s","_status":{"aino":"v","id":"i"}}"#,
        &["\"aino\": CarePlan.status"],
    );
    check_xml("<aino>x</aino>", "F108 CarePlan");
    check_json(r#","aino":{"b":1}"#, "F108 CarePlan");
}

#[test]
fn unknown_content_is_told() {
    check_told(
        r#"{"resourceType":"CarePlan","stauts":{"more":1},"status":"s","_status":{"k":"v","id":"i"},"@status":"x"}"#,
        &[
            "\"stauts CarePlan.stauts did you mean `status`?",
            "\"k\":\"v\" CarePlan.status.k",
            "\"@statu CarePlan.@status FHIR writes `status` as an element",
        ],
    );
    check_told(
        "<CarePlan xmlns='http://hl7.org/fhir'><contained><Goal><text/></Goal><Other><x/></Other></contained>\
         <activity value='v'><detial value='d'/></activity></CarePlan>",
        &[
            "<text/> CarePlan.contained[0].text",
            "Other>< CarePlan.contained[1].resourceType",
            "value=' CarePlan.activity[0].@value",
            "<detial CarePlan.activity[0].detial did you mean `detail`?",
        ],
    );
    check_told(
        r#"{"resourceType":"CarePlan","contained":[{"resourceType":"Goal","id":"g","status":"s"}]}"#,
        &[],
    );
    check_told(r#"{"resourceType":"Other","stauts":"s"}"#, &["\"resour Other.resourceType"]);
    let many: Vec<String> = (0..150).map(|at| format!("\"x{at}\":1")).collect();
    let tree = read_json(&format!("{{\"resourceType\":\"CarePlan\",{}}}", many.join(",")), &names());
    let told = tree.map(|tree| unknown_elements(&tree, &Small)).unwrap_or_default();
    let last = told.last().map(|issue| issue.message.clone());
    assert_eq!(last.as_deref(), Some("here and further on are 50 more that FHIR does not have"));
}

/// An edit of XML, written over its text.
fn check_edited(body: &str, edit: impl Fn(&mut Tree), expected: &str) {
    let whole = |body: &str| format!("<CarePlan xmlns=\"http://hl7.org/fhir\">{body}</CarePlan>");
    let Ok(mut tree) = read_xml(&whole(body), &names(), &Small) else { unreachable!("{body}") };
    edit(&mut tree);
    assert_eq!(patch::write(&tree, patch::Syntax::FhirXml), whole(expected));
    let again = read_xml(&whole(expected), &names(), &Small);
    assert!(again.is_ok_and(|again| equal(&tree, &again, &Small)), "{expected}");
}

/// The `at`-th node of a name.
fn nth(tree: &Tree, name: &str, at: usize) -> NodeId {
    let mut named = tree.descend(NodeId::ROOT).filter(|id| tree.name_text(*id) == name);
    named.nth(at).unwrap_or(NodeId::ROOT)
}

#[test]
fn an_edit_leaves_unknown_content_as_it_stands() {
    let body = "<o k='1'><id value='x'/></o><status p='v' value='a'/><activity value='v'><detail value='d'/></activity>";
    let text = |name: &'static str, at: usize| {
        move |tree: &mut Tree| {
            let id = nth(tree, name, at);
            tree.set_text(id, "e");
        }
    };
    let gone = |name: &'static str, at: usize| {
        move |tree: &mut Tree| {
            let id = nth(tree, name, at);
            tree.remove(id);
        }
    };
    check_edited(body, text("detail", 0), &body.replace("'d'", "'e'"));
    check_edited(body, text("status", 0), &body.replace("'a'", "'e'"));
    check_edited(body, text("@value", 0), &body.replace("value='v'>", "value='e'>"));
    check_edited(body, gone("@value", 0), &body.replace(" value='v'>", ">"));
    check_edited(body, gone("@p", 0), &body.replace(" p='v'", ""));
    check_edited(body, gone("o", 0), &body.replace("<o k='1'><id value='x'/></o>", ""));
    let new = |tree: &mut Tree| {
        let activity = nth(tree, "activity", 0);
        let name = tree.intern("@n");
        let id = tree.insert(activity, name, Kind::Str, Flags::default(), 0);
        tree.set_text(id, "w");
    };
    check_edited(body, new, &body.replace("value='v'>", "value='v' n=\"w\">"));
}

#[test]
fn each_of_several_resources_in_one_element_is_edited() {
    let body = "<contained><Goal><status value='a'/></Goal> <Goal><status value='b'/></Goal></contained>";
    let both = |tree: &mut Tree| {
        for at in [0, 1] {
            let id = nth(tree, "status", at);
            tree.set_text(id, "e");
        }
    };
    check_edited(body, both, &body.replace("'a'", "'e'").replace("'b'", "'e'"));
    let first = |tree: &mut Tree| {
        let id = nth(tree, "contained", 0);
        tree.remove(id);
    };
    check_edited(body, first, "<contained> <Goal><status value='b'/></Goal></contained>");
    let one = |tree: &mut Tree| {
        let (id, text) = (nth(tree, "contained", 1), nth(tree, "status", 0));
        tree.set_text(text, "e");
        tree.remove(id);
    };
    check_edited(body, one, "<contained><Goal><status value='e'/></Goal></contained>");
    let all = |tree: &mut Tree| {
        for _ in [0, 1] {
            let id = nth(tree, "contained", 0);
            tree.remove(id);
        }
    };
    check_edited(&format!("{body}<status value='s'/>"), all, "<status value='s'/>");
}

/// Content of an element without a definition: what may be there, and what is known of it all the same.
fn content() -> impl Strategy<Value = Value> {
    let name = || {
        let names = ["a", "b", "id", "extension", "Goal", "div", "_a", "@k", "@value", "@id", "resourceType"];
        proptest::sample::select(names.to_vec())
    };
    let leaf = prop_oneof![
        6 => "[a&\"<\n ]{0,3}".prop_map(Value::from),
        1 => Just(Value::from("Goal")),
        1 => Just(Value::from("<div xmlns=\"http://www.w3.org/1999/xhtml\"/>")),
        1 => Just(Value::from(1)),
        1 => Just(Value::from(true)),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            1 => proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            3 => proptest::collection::vec((name(), inner), 0..4)
                .prop_map(|members| members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
        ]
    })
}

/// Elements of XML, known and unknown, where the definitions have them and where they do not.
fn elements() -> impl Strategy<Value = String> {
    let names =
        ["a", "b", "id", "extension", "Goal", "contained", "activity", "resource", "status", "count", "div"];
    let name = proptest::sample::select(names.to_vec());
    let attributes = proptest::sample::subsequence(vec![" k='1'", " value='2'", " id='3'", " url='4'"], 0..3);
    let element = |((name, attributes), inside): ((&str, Vec<&str>), Vec<String>)| {
        format!("<{name}{}>{}</{name}>", attributes.concat(), inside.concat())
    };
    let head = (name, attributes).boxed();
    let leaf = head.clone().prop_map(move |head| element((head, Vec::new())));
    let nested = leaf.prop_recursive(4, 24, 4, move |inner| {
        (head.clone(), proptest::collection::vec(inner, 0..4)).prop_map(element)
    });
    proptest::collection::vec(nested, 0..4).prop_map(|elements| elements.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_xml_takes_comes_back(value in content()) {
        let text = serde_json::json!({ "resourceType": "CarePlan", "o": value }).to_string();
        let mut out = String::new();
        let Ok(tree) = read_json(&text, &names()) else { return Ok(()) };
        if write_xml(&tree, NodeId::ROOT, &Small, Layout::Compact, &mut out).is_err() {
            return Ok(());
        }
        let again = read_xml(&out, &names(), &Small);
        let Ok(again) = again else { return Err(TestCaseError::fail(out)) };
        prop_assert!(equal(&tree, &again, &Small), "{}", out);
        let value = |tree: &Tree| serde_json::from_str::<Value>(&json_of(tree)).ok();
        prop_assert_eq!(value(&tree), value(&again), "{}", out);
    }

    #[test]
    fn what_xml_gives_goes_to_both_forms(body in elements()) {
        let text = format!("<CarePlan xmlns=\"http://hl7.org/fhir\">{body}</CarePlan>");
        let Ok(tree) = read_xml(&text, &names(), &Small) else { return Ok(()) };
        let json = json_of(&tree);
        let mut xml = String::new();
        let written = write_xml(&tree, NodeId::ROOT, &Small, Layout::Compact, &mut xml);
        prop_assert!(written.is_ok(), "{}: {}", text, outcome(written.map(|()| String::new())));
        for again in [read_json(&json, &names()), read_xml(&xml, &names(), &Small)] {
            let Ok(again) = again else { return Err(TestCaseError::fail(json)) };
            prop_assert!(equal(&tree, &again, &Small), "{} {} {}", text, json, xml);
            prop_assert_eq!(serde_json::from_str::<Value>(&json_of(&again)).ok(), serde_json::from_str(&json).ok());
        }
    }
}

#[test]
fn all_that_is_no_fhir_is_listed_where_that_is_asked_for() {
    let check = |content: &str, expected: &[&str]| {
        let text = format!("<CarePlan xmlns=\"http://hl7.org/fhir\">{content}</CarePlan>");
        let read = read_xml_with_faults(&text, &names(), &Small);
        let paths = read.map(|(_, faults)| faults.into_iter().map(|issue| issue.path).collect::<Vec<_>>());
        assert_eq!(paths.unwrap_or_default(), expected, "{content}");
        assert_eq!(read_xml(&text, &names(), &Small).is_ok(), expected.is_empty(), "{content}");
    };
    check("<status value=\"a\"/>", &[]);
    check("a<status value=\"a\"/>b", &["CarePlan.text()", "CarePlan.text()"]);
    check(
        "<activity>a<detail value=\"b\"/></activity><status>c</status>",
        &["CarePlan.activity[0].text()", "CarePlan.status"],
    );
    check("<extension><url value=\"a\"/></extension>a", &["CarePlan.extension[0].url", "CarePlan.text()"]);
}
