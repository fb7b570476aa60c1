use super::*;

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
    for (_, elements) in TYPES {
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
    assert_eq!(outcome(read_json(r#"{"resourceType":1}"#, &names()).map(|_| String::new())), "F108 1");
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
    check_xml("<stauts value='x'/>", "F108 CarePlan.stauts did you mean `status`?");
    check_xml("<status value='x' k='y'/>", "F108 CarePlan.status.@k");
    check_xml("<status value='x'/><status value='y'/>", "F108 CarePlan.status");
    check_xml("<status/>", "F108 CarePlan.status");
    check_xml("<status>x</status>", "F108 CarePlan.status");
    check_xml("x<status value='x'/>", "F108 CarePlan.text()");
    check_xml("<status xmlns='u' value='x'/>", "F108 CarePlan.status.@xmlns");
    check_xml("<contained><Goal/><Goal/></contained>", "F108 CarePlan.contained[0]");
    let other = read_xml("<CarePlan/>", &names(), &Small);
    assert_eq!(
        outcome(other.map(|_| String::new())),
        format!("F108 CarePlan declare xmlns=\"{FHIR_URI}\" on it")
    );
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
    check_json(r#","stauts":"x""#, "F108 CarePlan.stauts did you mean `status`?");
    check_json(r#","status":{}"#, "F108 CarePlan.status");
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
