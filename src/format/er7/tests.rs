#![allow(clippy::unwrap_used, reason = "tests: a panic is how they fail")]

use super::*;
use crate::tree::{NameTable, equal, json};
use proptest::prelude::*;
use std::sync::Arc;

fn names() -> Arc<NameTable> {
    Arc::new(NameTable::new())
}

/// The message as JSON without its braces around, or the refusal.
fn shown(text: &str) -> String {
    match read(text, &names()) {
        Ok((tree, _)) => {
            let mut out = String::new();
            json::write(&tree, NodeId::ROOT, json::Layout::Compact, &mut out);
            // The tests name parts by their numbers, as the standard does.
            for (letter, number) in
                ["f", "c", "s"].into_iter().flat_map(|letter| (1..30).map(move |n| (letter, n)))
            {
                out = out.replace(&format!("\"{letter}{number}\":"), &format!("\"{number}\":"));
            }
            out.replace('"', "'")
        }
        Err(issue) => format!("{} at {}..{}", issue.code.id, issue.span.start, issue.span.end),
    }
}

fn check(text: &str, expected: &str) {
    assert_eq!(shown(text), expected);
}

/// What stands after the header of a message.
fn body(segments: &str, expected: &str) {
    check(&format!("MSH|^~\\&\r{segments}"), &format!("{{'MSH':{{}},{expected}}}"));
}

#[test]
fn fields_have_the_parts_that_the_standard_gives_them() {
    check("MSH|^~\\&|A^B|||||||^PC6", "{'MSH':{'3':{'1':'A','2':'B'},'10':'^PC6'}}");
    body("PID|||77", "'PID':{'3':[{'1':'77'}]}".replace("[{'1':'77'}]", "{'1':'77'}").as_str());
    body(
        "PID|1||7^^^A&1.2&ISO~8",
        "'PID':{'1':'1','3':[{'1':'7','4':{'1':'A','2':'1.2','3':'ISO'}},{'1':'8'}]}",
    );
    body("PID|||||^^^||", "'PID':{}");
    body("NTE|1||a^b & c", "'NTE':[{'1':'1','3':'a^b & c'}]");
    body("ZAB|a|b^c&d|\"\"", "'ZAB':[{'1':'a','2':{'1':'b','2':{'1':'c','2':'d'}},'3':null}]");
    body(
        "PID||||\"\"|\"\"^B",
        "'PID':{'4':null,'5':{'1':{'1':'\\'\\''},'2':'B'}}".replace("{'1':'\\'\\''}", "null").as_str(),
    );
}

#[test]
fn escapes_are_read_and_unknown_ones_kept() {
    body(
        "NTE|1||a\\F\\\\S\\\\T\\\\R\\\\E\\z\\.br\\y\\X41\\",
        "'NTE':[{'1':'1','3':'a|^&~\\\\z\\ny A'}]".replace("y A", "yA").as_str(),
    );
    body(
        "NTE|1||\\H\\loud\\N\\ \\Zx\\ \\XC3A4\\ 1\\2",
        "'NTE':[{'1':'1','3':'loud \\\\Zx\\\\ \\\\XC3A4\\\\ 1\\\\2'}]",
    );
    check("MSH$%~@&$$$$$$$\rNTE$1$$a@F@b|c", "{'MSH':{},'NTE':[{'1':'1','3':'a$b|c'}]}");
    check("MSH|^\rNTE|1||a\\F\\~b", "{'MSH':{},'NTE':[{'1':'1','3':'a\\\\F\\\\~b'}]}");
}

#[test]
fn segments_of_patient_care_stand_in_groups() {
    let text = "MSH|^~\\&|||||||PGL^PC6\rPID|1\rGOL|AD\rNTE|1\rROL|1\rVAR|1\rOBX|1\rNTE|2\rPRB|AD\rOBX|2\rZZZ|1\rORC|1\rOBR|1\rGOL|UP";
    check(
        text,
        "{'MSH':{'9':{'1':'PGL','2':'PC6'}},'PID':{'1':'1'},'goal':[{'GOL':{'1':'AD'},'NTE':[{'1':'1'}],\
         'role':[{'ROL':[{'1':{'1':'1'}}],'VAR':[{'1':{'1':'1'}}]}],\
         'observation':[{'OBX':[{'1':'1'}],'NTE':[{'1':'2'}]}],\
         'problem':[{'PRB':{'1':'AD'},'observation':[{'OBX':[{'1':'2'}],'ZZZ':[{'1':'1'}]}]}],\
         'order':[{'ORC':[{'1':'1'}],'OBR':[{'1':'1'}]}]},{'GOL':{'1':'UP'}}]}",
    );
    check(
        "MSH|^~\\&|||||||XYZ\rGOL|AD\rNTE|1",
        "{'MSH':{'9':{'1':'XYZ'}},'GOL':{'1':'AD'},'NTE':[{'1':'1'}]}",
    );
}

#[test]
fn odd_writing_is_read_and_what_is_none_is_refused_with_its_place() {
    check("\u{b}MSH|^~\\&|A\r\n\r\n  PID|1\n\u{1c}\r", "{'MSH':{'3':{'1':'A'}},'PID':{'1':'1'}}");
    check("\u{feff}MSH|^~\\&\nPID\n", "{'MSH':{},'PID':{}}");
    check("", "F130 at 0..0");
    check("PID|1", "F130 at 0..3");
    check("MSH|^~^&|", "F131 at 4..8");
    check("MSH|^~\\\u{1c}&|A\rPID|1", "F131 at 4..9");
    check("MSH|^~\\&|\rand so on", "F132 at 10..13");
    check("MSH|^~\\&|\rPIDX|1", "F132 at 10..13");
    check("BHS|^~\\&|\rMSH|^~\\&|", "F134 at 0..3");
    check("MSH|^~\\&|\rMSH|^~\\&|", "F134 at 10..13");
}

#[test]
fn a_batch_is_parted_into_its_messages() {
    let text = "FHS|^~\\&\rBHS|^~\\&\rMSH|^~\\&|A\rPID|1\r\nMSH|^~\\&|B\rBTS|2\rFTS|1\r";
    let parts: Vec<&str> = messages(text).into_iter().map(|range| &text[range]).collect();
    assert_eq!(parts, ["MSH|^~\\&|A\rPID|1", "MSH|^~\\&|B"]);
}

#[test]
fn the_character_set_of_the_header_counts() {
    let message = |set: &str, bytes: &[u8]| {
        [format!("MSH|^~\\&||||||||||||||||{set}\rNTE|1||").as_bytes(), bytes].concat()
    };
    let check = |set: &str, bytes: &[u8], expected: &str| {
        let shown = match decode(&message(set, bytes), None) {
            Ok((text, encoding)) => {
                assert_eq!(crate::format::encode(&text, encoding).ok(), Some(message(set, bytes)));
                text.rsplit('|').next().unwrap_or_default().to_owned()
            }
            Err(issue) => issue.code.id.to_owned(),
        };
        assert_eq!(shown, expected, "{set}");
    };
    check("", "ä".as_bytes(), "ä");
    check("UNICODE UTF-8", "ä".as_bytes(), "ä");
    check("8859/1~ASCII", b"\xe4\xa4", "ä¤");
    check("8859/15", b"\xe4\xa4", "ä€");
    check("", b"\xe4", "F133");
    check("ASCII", b"\xe4", "F133");
    check("GB 18030-2000", b"a", "F133");
    let known = decode(&message("", b"\x80"), Some(crate::format::Encoding::Windows1252));
    assert!(known.is_ok_and(|(text, _)| text.ends_with('€')));
}

/// The text after an edit of the tree.
fn edited(text: &str, edit: impl FnOnce(&mut Tree)) -> String {
    let (mut tree, dialect) = read(text, &names()).unwrap();
    edit(&mut tree);
    patch(&tree, &dialect).unwrap_or_else(|issue| issue.code.id.to_owned())
}

fn at(tree: &Tree, path: &[&str]) -> NodeId {
    path.iter().fold(NodeId::ROOT, |node, name| tree.child_str(node, name).unwrap())
}

fn add(tree: &mut Tree, parent: NodeId, name: &str, kind: Kind, text: &str) -> NodeId {
    let name = tree.intern(name);
    let node = tree.insert(parent, name, kind, crate::tree::Flags::default(), u16::MAX);
    if kind == Kind::Str {
        tree.set_text(node, text);
    }
    node
}

#[test]
fn an_edit_changes_its_own_place() {
    let text = "\u{b}MSH|^~\\&|A\r\nPID|1||7^^^A&B~~8|\"\"|Virta^\\H\\Aino\\N\\||\r\nNTE|1||x\r\n\u{1c}\r";
    let set = |path: &[&str], value: &str| {
        edited(text, |tree| {
            let node = at(tree, path);
            tree.set_text(node, value);
        })
    };
    assert_eq!(set(&["PID", "f3", "c4", "s2"], "C"), text.replace("A&B", "A&C"));
    assert_eq!(set(&["PID", "f5", "c2"], "Aino"), text, "the same text stays as the sender wrote it");
    assert_eq!(set(&["NTE", "f3"], "a|b\n\"\""), text.replace("||x", "||a\\F\\b\\.br\\\"\""));
    assert_eq!(set(&["NTE", "f3"], "\"\""), text.replace("||x", "||\\X2222\\"));
    let removed = edited(text, |tree| tree.remove(at(tree, &["PID", "f3"])));
    assert_eq!(removed, text.replace("7^^^A&B~~8", "~8"));
    let gone = edited(text, |tree| tree.remove(at(tree, &["NTE"])));
    assert_eq!(gone, text.replace("NTE|1||x\r\n", ""));
}

#[test]
fn what_is_new_is_written_at_its_number() {
    let text = "MSH|^~\\&|A\rPID|1\rNTE|1";
    let grown = edited(text, |tree| {
        let pid = at(tree, &["PID"]);
        let name = add(tree, pid, "f5", Kind::Object, "");
        add(tree, name, "c2", Kind::Str, "Aino");
        let family = add(tree, name, "c1", Kind::Object, "");
        add(tree, family, "s2", Kind::Str, "af");
        let group = add(tree, NodeId::ROOT, "goal", Kind::Object, "");
        let goal = add(tree, group, "GOL", Kind::Object, "");
        add(tree, goal, "f2", Kind::Str, "AD");
        add(tree, goal, "f4", Kind::Null, "");
    });
    assert_eq!(grown, "MSH|^~\\&|A\rPID|1||||&af^Aino\rNTE|1\rGOL||AD||\"\"");
    let without_sign = edited("MSH|^|A\rNTE|1||x", |tree| {
        let node = at(tree, &["NTE", "f3"]);
        tree.set_text(node, "a|b");
    });
    assert_eq!(without_sign, "F136");
}

#[test]
fn a_message_written_anew_is_read_as_itself() {
    let check = |text: &str| {
        let names = names();
        let (tree, _) = read(text, &names).unwrap();
        let anew = write(&tree).unwrap();
        let (other, _) = read(&anew, &names).unwrap();
        assert!(equal(&tree, NodeId::ROOT, &other, NodeId::ROOT), "{text:?} and {anew:?}");
    };
    let goal = "\rGOL|AD\rNTE|1||a\rROL|1";
    check(&format!("MSH|^~\\&|||||||PGL^PC6{goal}"));
    // What kind of message it is decides on the groups, however it is written.
    check(&format!("MSH|^~\\&|||||||~PGL^PC6{goal}"));
    check(&format!("MSH|^~\\&|||||||\\H\\PGL\\N\\^PC6{goal}"));
    check(&format!("MSH|^~\\&|a\u{1c}b||||||PGL^PC6{goal}"));
    // Only a part is to be deleted.
    check("MSH|^~\\&|A\rPID|||\"\"^|\"\"|^^^\"\"&");
    check("MSH|^~\\&|A\rPID|||\\H\\^~\\N\\&\\H\\\rNTE|1||\\H\\\rNTE|2||E\0\u{1}\\HR\\");
}

#[test]
fn highlighting_of_nothing_is_nothing_and_stays() {
    body(
        "NTE|1|a|\\H\\\\N\\\rPID|||\\H\\^^^\\N\\&b",
        "'NTE':[{'1':'1','2':'a'}],'PID':{'3':{'4':{'2':'b'}}}",
    );
    let text = "MSH|^~\\&|A\rNTE|1|a|\\H\\\\N\\\r";
    let changed = edited(text, |tree| {
        let node = at(tree, &["NTE", "f2"]);
        tree.set_text(node, "b");
    });
    assert_eq!(changed, text.replace("|a", "|b"));
}

#[test]
fn a_line_break_is_written_without_the_signs_that_part_the_message() {
    let text = edited("MSH|.~\\&|A\rNTE|1||x", |tree| {
        let node = at(tree, &["NTE", "f3"]);
        tree.set_text(node, "a\nb");
    });
    assert_eq!(text, "MSH|.~\\&|A\rNTE|1||a\\X0A\\b");
}

#[test]
fn a_value_to_delete_and_a_version_are_told() {
    let (tree, _) = read("MSH|^~\\&|||||||||2.1\rPID|||\"\"", &names()).unwrap();
    let told: Vec<String> =
        remarks(&tree).iter().map(|issue| format!("{} {}", issue.code.id, issue.path)).collect();
    assert_eq!(told, ["F137 ", "F135 "]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn any_message_is_written_back_as_it_was(
        segments in prop::collection::vec("(PID|NTE|GOL|ROL|OBX|ZZ1)[|^~&\\\\aHN\"ä ]{0,12}(\r|\n|\r\n)", 0..8),
    ) {
        let text = format!("MSH|^~\\&|A\r{}", segments.concat());
        if let Ok((tree, dialect)) = read(&text, &names()) {
            prop_assert_eq!(patch(&tree, &dialect).ok(), Some(text.clone()));
            // Each text replaced by itself stays as it was written; then the tree is written anew and is the same.
            let mut again = tree.clone();
            for node in tree.descend(NodeId::ROOT).filter(|node| tree.kind(*node) == Kind::Str) {
                let value = tree.text(node).into_owned();
                again.set_text(node, &value);
            }
            prop_assert_eq!(patch(&again, &dialect).ok(), Some(text));
            let (other, _) = read(&write(&tree).unwrap(), &names()).unwrap();
            prop_assert!(equal(&tree, NodeId::ROOT, &other, NodeId::ROOT));
        }
    }

    #[test]
    fn any_text_survives_in_a_field(value in "\\PC{1,20}|[|^~&\\\\\"\r\n]{1,6}") {
        let (mut tree, dialect) = read("MSH|^~\\&|A\rNTE|1||x", &names()).unwrap();
        let node = at(&tree, &["NTE", "f3"]);
        tree.set_text(node, &value);
        let text = patch(&tree, &dialect).unwrap();
        let (again, _) = read(&text, &names()).unwrap();
        prop_assert_eq!(again.text(at(&again, &["NTE", "f3"])).into_owned(), value);
    }
}
