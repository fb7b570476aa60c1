use super::*;
use crate::tree::json::Layout;
use crate::tree::{equal_content, json};

fn tree_of(input: &str) -> Result<Tree, Box<Issue>> {
    read(input, &Arc::new(NameTable::new()))
}

/// A short form of the tree: `name(children)`, `name="text"`, `"text"` for a run of text.
fn shown(tree: &Tree, id: NodeId) -> String {
    let name = tree.name_text(id);
    let text = tree.text(id);
    match tree.kind(id) {
        Kind::Object => {
            let children: Vec<String> = tree.children(id).map(|child| shown(tree, child)).collect();
            format!("{name}({})", children.join(" "))
        }
        Kind::Comment => format!("!{text}"),
        Kind::Pi => format!("?{text}"),
        _ => format!("{name}={text:?}").trim_start_matches('=').to_owned(),
    }
}

fn check(input: &str, expected: &str) {
    let found = tree_of(input).map(|tree| shown(&tree, NodeId::ROOT));
    assert_eq!(
        found.unwrap_or_else(|issue| format!("{} at {}", issue.code.id, issue.span.start)),
        expected,
        "{input}"
    );
}

fn check_written(input: &str, layout: Layout, expected: &str) {
    let tree = tree_of(input).ok();
    let mut out = String::new();
    if let Some(tree) = &tree {
        write(tree, NodeId::ROOT, layout, &mut out);
    }
    assert_eq!(out, expected);
    let again = tree_of(&out).ok();
    assert!(tree.zip(again).is_some_and(|(a, b)| equal_content(&a, NodeId::ROOT, &b, NodeId::ROOT)), "{out}");
}

#[test]
fn elements_attributes_and_text() {
    check("<a/>", "a()");
    check("<a></a >", "a()");
    check("<a>x</a>", "a=\"x\"");
    check("<a> \n</a>", "a=\" \\n\"");
    check("<a k = 'v'\n l=\"\"/>", "a(@k=\"v\" @l=\"\")");
    check("<a k='v'>x</a>", "a(@k=\"v\" \"x\")");
    check("<a k='v'>\n</a>", "a(@k=\"v\" \"\\n\")");
    check("<a>\n <b>x</b>\n <c/>\n</a>", "a(b=\"x\" c())");
    check("<a>x<b/> <c/>\n<d/></a>", "a(\"x\" b() \" \" c() d())");
    check("<a xml:space='preserve'>\n<b/></a>", "a(@xml:space=\"preserve\" \"\\n\" b())");
    check("<?xml version='1.0'?><!-- c --><?p q?><a>\n<!--x--><?y z?></a><!-- e -->\n", "a(!x ?y z)");
    check(
        "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\" standalone='yes' ?>\r\n<hoitö>å</hoitö>",
        "hoitö=\"å\"",
    );
}

#[test]
fn text_is_decoded() {
    check("<a>&lt;&#65;&#x1F600;&amp;amp;</a>", "a=\"<A😀&amp;\"");
    check("<a>x<![CDATA[<&]]]>y</a>", "a=\"x<&]y\"");
    check("<a><![CDATA[]]></a>", "a=\"\"");
    check("<a>1\r\n2\r3</a>", "a=\"1\\n2\\n3\"");
    check("<a k='1\r\n2\n3\t4&#10;5'/>", "a(@k=\"1 2 3 4\\n5\")");
}

#[test]
fn names_are_canonical() {
    check(
        "<a xmlns='u' xmlns:s='urn:hl7-org:sdtc'><s:b s:k='1'/></a>",
        "a(@xmlns=\"u\" @xmlns:s=\"urn:hl7-org:sdtc\" sdtc:b(@sdtc:k=\"1\"))",
    );
    check("<v:a xmlns:v='u'><v:b/><c xmlns='u'/></v:a>", "a(@xmlns:v=\"u\" b() c(@xmlns=\"u\"))");
    check(
        "<a p:k='1' xmlns:p='w'><p:b/></a>",
        "a(@xmlns:p=\"w\" p:b())".replace("a(", "a(@p:k=\"1\" ").as_str(),
    );
    check(
        "<a><b xmlns='http://hl7.org/fhir'><c/></b><d/></a>",
        "a(b(@xmlns=\"http://hl7.org/fhir\" c()) d())",
    );
    check(
        "<a><b xmlns='http://www.w3.org/1999/xhtml'><c/></b><c/></a>",
        "a(xhtml:b(@xmlns=\"http://www.w3.org/1999/xhtml\" xhtml:c()) c())",
    );
    check("<v:a xmlns:v='u' v:k='1' k='2'/>", "a(@xmlns:v=\"u\" @v:k=\"1\" @k=\"2\")");
}

#[test]
fn faults_are_placed() {
    check("", "F111 at 0");
    check("<a>", "F111 at 1");
    check("<a", "F111 at 2");
    check("<a><b></a>", "F105 at 8");
    check("<a></ab>", "F105 at 5");
    check("<a></a", "F111 at 1");
    check("<a/><b/>", "F105 at 4");
    check("<a/>x", "F105 at 4");
    check("x<a/>", "F105 at 0");
    check("<a k='1' l='2' k='3'/>", "F105 at 15");
    check("<a k='<'/>", "F105 at 6");
    check("<a k=1/>", "F105 at 5");
    check("<a k='1'l='2'/>", "F105 at 8");
    check("<a k='1/>", "F111 at 5");
    check("<a>]]></a>", "F105 at 3");
    check("<a>&nbsp;</a>", "F113 at 3");
    check("<a>&#0;</a>", "F113 at 3");
    check("<a>&#x+41;</a>", "F113 at 3");
    check("<a>a & b</a>", "F113 at 5");
    check("<!DOCTYPE a><a/>", "F106 at 0");
    check("<a><!-- -- --></a>", "F105 at 8");
    check("<a><!-- x", "F111 at 3");
    check("<a>\u{1}</a>", "F105 at 3");
    check("<a>\u{ffff}</a>", "F105 at 3");
    check("<a b\"='1'/>", "F105 at 4");
    check("<1a/>", "F105 at 1");
    check(" <?xml version='1.0'?><a/>", "F105 at 1");
    check("<?xml version='1.0' encoding='ISO-8859-1'?><a/>", "F101 at 19");
    check("<a:b/>", "F112 at 1");
    check("<a b:c='1'/>", "F112 at 3");
    check("<a xmlns:b='u' xmlns:c='u' b:k='' c:k=''/>", "F105 at 34");
    check("<a xmlns:b=''/>", "F112 at 3");
    check(&"<a>".repeat(300), "F107 at 603");
    let many: String = (0..2_000).map(|i| format!(" k{i}=''")).collect();
    assert!(tree_of(&format!("<a{many}/>")).is_err_and(|issue| issue.code == codes::LIMIT));
}

#[test]
fn a_duplicate_is_found_among_many_attributes_too() {
    let many: String = (0..100).map(|i| format!(" k{i}=''")).collect();
    assert!(tree_of(&format!("<a{many} k7=''/>")).is_err_and(|issue| issue.code == codes::XML_SYNTAX));
}

#[test]
fn every_cut_is_an_error_and_no_panic() {
    let text =
        "<?xml version='1.0'?><a xmlns:s='urn:x' k='&amp;ä'><s:b>x&#10;<![CDATA[y]]></s:b><!--c--><?p?></a>";
    for (at, _) in text.char_indices() {
        assert!(tree_of(&text[..at]).is_err(), "{at}");
    }
    assert!(tree_of(text).is_ok());
}

#[test]
fn spans_point_into_the_source() {
    let text = "<a key='v'> <b>x</b></a>";
    let part = |span: Span| text.get(span.start as usize..span.end as usize).unwrap_or("").to_owned();
    let spans = tree_of(text).map(|tree| {
        let found = tree
            .descend(NodeId::ROOT)
            .map(|id| [part(tree.head_span(id)), part(tree.span(id)), part(tree.text_span(id))]);
        found.collect::<Vec<_>>()
    });
    let spans = spans.unwrap_or_default();
    assert_eq!(spans[0][0], text);
    assert_eq!(spans[1], ["key='v'", "'v'", "v"]);
    assert_eq!(spans[2], [" ", " ", " "]);
    assert_eq!(spans[3], ["<b>x</b>", "<b>x</b>", "x"]);
}

#[test]
fn what_is_written_reads_back() {
    check_written(
        "<a k='\"&#9;&#10;&lt;'>\n<b>&gt;\r</b>x</a>",
        Layout::Pretty,
        "<a k=\"&quot;&#9;&#10;&lt;\"><b>&gt;\n</b>x</a>",
    );
    check_written(
        "<a><b><c/></b><!--d--></a>",
        Layout::Pretty,
        "<a>\n  <b>\n    <c/>\n  </b>\n  <!--d-->\n</a>",
    );
    check_written("<a>&#10;<b/></a>", Layout::Pretty, "<a>&#10;<b/></a>");
    check_written(
        "<v:a xmlns:v='u'><v:b v:k='1'/></v:a>",
        Layout::Compact,
        "<v:a xmlns:v=\"u\"><v:b v:k=\"1\"/></v:a>",
    );
}

#[test]
fn new_nodes_get_the_prefix_in_force() {
    let grown = |input: &str, name: &str| {
        let mut tree = tree_of(input).ok()?;
        let name = tree.intern(name);
        let made = tree.insert(NodeId::ROOT, name, Kind::Object, Flags::default(), 0);
        let attribute = tree.intern("@xsi:type");
        let attribute = tree.insert(made, attribute, Kind::Attr, Flags::default(), 0);
        tree.set_text(attribute, "CD");
        let mut out = String::new();
        write(&tree, made, Layout::Compact, &mut out);
        Some(out)
    };
    let xsi = "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"";
    let case = |input: &str, name: &str, expected: &str| {
        assert_eq!(grown(input, name), Some(format!("<{expected} {xsi} xsi:type=\"CD\"/>")));
    };
    case("<v:a xmlns:v='u'/>", "b", "v:b");
    case("<a xmlns='u'/>", "b", "b");
    case("<a xmlns='u'/>", "sdtc:b", "sdtc:b xmlns:sdtc=\"urn:hl7-org:sdtc\"");
    case("<a xmlns:s='urn:hl7-org:sdtc'/>", "sdtc:b", "s:b");
}

#[test]
fn a_tree_without_source_is_written_too() {
    let tree = json::read(r#"{"a b":[1,"<"],"c":{"d":null},"e":[]}"#, &Arc::new(NameTable::new()));
    let mut out = String::new();
    if let Ok(tree) = &tree {
        write(tree, NodeId::ROOT, Layout::Compact, &mut out);
    }
    assert_eq!(out, "<item><a_b>1</a_b><a_b>&lt;</a_b><c><d/></c></item>");
}
