//! The command line with documents that are not what they should be.

use crate::cli::Folder;

const HEADER: &str = "henkilotunnus;sukunimi;toimsuunlaji;toimikoodi";

#[test]
fn a_run_that_makes_nothing_leaves_the_file_that_was_there() {
    let folder = Folder::new("nothing-made");
    folder.file("plan.json", "{\"a\":").file("old.json", "kept");
    for options in [&[][..], &["--strict"]] {
        let ran =
            folder.run(&[&["translate", "plan.json", "--to", "fhir", "-o", "old.json"], options].concat());
        assert_eq!((ran.code, folder.read("old.json").as_str()), (1, "kept"), "{}", ran.err);
    }
    assert_eq!(folder.run(&["translate", "plan.json", "--to", "fhir", "-o", "new.json"]).code, 1);
    assert_eq!(folder.files(), ["old.json", "plan.json"]);
}

#[test]
fn what_is_wrong_is_named_before_the_format_is_guessed() {
    let check = |name: &str, bytes: &[u8], code: &str| {
        let folder = Folder::new("not-read");
        folder.file(name, bytes);
        let ran = folder.run(&["translate", name, "--to", "fhir"]);
        assert_eq!(ran.code, 1, "{}", ran.err);
        assert!(ran.err.contains(code), "{name}: {}", ran.err);
    };
    let utf_16: Vec<u8> =
        [0xff, 0xfe].into_iter().chain("{}".encode_utf16().flat_map(u16::to_le_bytes)).collect();
    check("utf-16.json", &utf_16, "F101");
    check("utf-16.csv", &utf_16, "F101");
    check("empty.json", b"", "F111");
    check("blank.csv", b" \r\n", "F111");
    check("twice.csv", format!("{HEADER};sukunimi\n").as_bytes(), "F110");
    check("wide.csv", format!("{HEADER}\n1;2;3;4;5\n").as_bytes(), "F110");
    check("notes.txt", b"a, b, \"c", "F109");
}

#[test]
fn a_row_that_ends_early_is_pointed_at() {
    let folder = Folder::new("short-row");
    folder.file("rows.csv", format!("{HEADER}\n;Testi;01;071\n;Testi;01"));
    let ran = folder.run(&["translate", "rows.csv", "--to", "fhir"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.contains("warning[F110]") && ran.err.contains("rows.csv:3:1"), "{}", ran.err);
}
