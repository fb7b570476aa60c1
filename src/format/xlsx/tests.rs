//! Workbooks made here: what is read, and what an edit leaves as it was.

#![allow(clippy::unwrap_used, reason = "tests")]

use super::zip::Archive;
use super::{Book, read};
use crate::tree::{Flags, Kind, Name, NameTable, NodeId, Tree};
use std::sync::Arc;

const TYPES: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";

const STYLES: &str = r#"<numFmts count="1"><numFmt numFmtId="164" formatCode="dd\.mm\.yyyy"/></numFmts>
    <cellXfs><xf numFmtId="0"/><xf numFmtId="164"/><xf numFmtId="3"/></cellXfs>"#;
const SHARED: &str =
    r"<si><t>nimi</t></si><si><t>pvm</t></si><si><r><t>Ai</t></r><r><t>no</t></r><rPh><t>x</t></rPh></si>";

/// A plan with a title, a date, a number and a formula.
const ROWS: &str = r#"<dimension ref="A1:D4"/><sheetData>
    <row r="1" spans="1:4"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c><c r="C1" t="inlineStr"><is><t>summa</t></is></c><c r="D1" t="str"><v>kaava</v></c></row>
    <row r="2"><c r="A2" t="s"><v>2</v></c><c r="B2" s="1"><v>46090</v></c><c r="C2"><v>1.1000000000000001</v></c><c r="D2"><f>C2*2</f><v>2.2</v></c></row>
    <row r="4" ht="30"><c r="A4" t="inlineStr"><is><t xml:space="preserve"> a; "b"&#10;c </t></is></c><c r="B4" s="1"/></row>
  </sheetData>"#;

/// An archive whose parts are stored as they are.
fn archive(parts: &[(&str, String)]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in parts {
        let mut sum = flate2::Crc::new();
        sum.update(content.as_bytes());
        let size = u32::try_from(content.len()).unwrap().to_le_bytes();
        let facts = [&[0; 8][..], &sum.sum().to_le_bytes(), &size, &size].concat();
        let length = u16::try_from(name.len()).unwrap().to_le_bytes();
        let at = u32::try_from(out.len()).unwrap().to_le_bytes();
        out.extend(
            [b"PK\x03\x04\x14\0", &facts[..], &length, &[0; 2], name.as_bytes(), content.as_bytes()].concat(),
        );
        let record =
            [b"PK\x01\x02\x14\0\x14\0", &facts[..], &length, &[0; 12], &at, name.as_bytes()].concat();
        directory.extend(record);
    }
    let at = u32::try_from(out.len()).unwrap().to_le_bytes();
    let count = u16::try_from(parts.len()).unwrap().to_le_bytes();
    let size = u32::try_from(directory.len()).unwrap().to_le_bytes();
    out.extend(directory);
    out.extend([b"PK\x05\x06\0\0\0\0", &count[..], &count, &size, &at, &[4, 0], b"note"].concat());
    out
}

fn workbook(sheet: &str) -> Vec<u8> {
    let root = |name: &str, content: &str| format!("<{name} xmlns=\"{MAIN}\">{content}</{name}>");
    let related = |rows: &[(&str, &str, &str)]| {
        let row = |(id, kind, target): &(&str, &str, &str)| {
            format!("<Relationship Id=\"{id}\" Type=\"{TYPES}/{kind}\" Target=\"{target}\"/>")
        };
        format!("<Relationships xmlns=\"urn:r\">{}</Relationships>", rows.iter().map(row).collect::<String>())
    };
    let sheets = format!(
        "<sheets xmlns:r=\"{TYPES}\"><sheet name=\"h\" state=\"hidden\" r:id=\"r9\"/><sheet name=\"a\" r:id=\"r1\"/></sheets>"
    );
    archive(&[
        ("_rels/.rels", related(&[("r1", "officeDocument", "xl/workbook.xml")])),
        ("xl/workbook.xml", root("workbook", &sheets)),
        (
            "xl/_rels/workbook.xml.rels",
            related(&[
                ("r1", "worksheet", "worksheets/sheet1.xml"),
                ("r2", "styles", "styles.xml"),
                ("r3", "sharedStrings", "/xl/sharedStrings.xml"),
            ]),
        ),
        ("xl/worksheets/sheet1.xml", root("worksheet", sheet)),
        ("xl/styles.xml", root("styleSheet", STYLES)),
        ("xl/sharedStrings.xml", root("sst", SHARED)),
        ("xl/media/logo.bin", "as it is".to_owned()),
    ])
}

fn names() -> Arc<NameTable> {
    Arc::new(NameTable::default())
}

fn opened(bytes: &[u8]) -> (Tree, Book) {
    read(bytes, &names()).unwrap()
}

fn check(sheet: &str, expected: &str) {
    let shown = match read(&workbook(sheet), &names()) {
        Ok((tree, _)) => tree.source().to_owned(),
        Err(issue) => format!("{} {}", issue.code.id, issue.path),
    };
    assert_eq!(shown, expected);
}

/// What the table says after an edit, judged by reading the new bytes; all other parts must be the old ones.
fn edited(bytes: &[u8], edit: impl Fn(&mut Tree)) -> Result<String, String> {
    let (mut tree, book) = opened(bytes);
    edit(&mut tree);
    let written = book.write(&tree).map_err(|issue| format!("{} {}", issue.code.id, issue.path))?;
    let (old, new) = (Archive::read(bytes).unwrap(), Archive::read(&written).unwrap());
    assert!(old.names().eq(new.names()));
    for name in old.names().filter(|name| !name.ends_with("sheet1.xml")) {
        assert_eq!(old.part(name).unwrap(), new.part(name).unwrap(), "{name}");
    }
    assert!(written.ends_with(b"note"));
    Ok(opened(&written).0.source().to_owned())
}

fn cell(tree: &Tree, row: usize, column: &str) -> NodeId {
    let row = tree.children_named(NodeId::ROOT, Name::ROW).nth(row).unwrap();
    tree.child_str(row, column).unwrap()
}

#[test]
fn cells_are_read_as_the_sheet_shows_them() {
    check(ROWS, "nimi;pvm;summa;kaava\nAino;09.03.2026;1.1;2.2\n\n\" a; \"\"b\"\"\nc \"\n");
    check("<sheetData/>", "F111 row 1");
    check(
        "<sheetData><row><c t=\"inlineStr\"><is><t>a</t></is></c></row><row><c><v>7</v></c></row></sheetData>",
        "a\n7\n",
    );
    let twice = r#"<sheetData><row r="3"><c t="str"><v>a</v></c><c t="str"><v>a</v></c></row></sheetData>"#;
    check(twice, "F110 row 3");
}

#[test]
fn what_is_no_table_is_refused() {
    let merged = format!("{ROWS}<mergeCells><mergeCell ref=\"A2:B3\"/></mergeCells>");
    check(&merged, "F150 A2:B3");
    check(r#"<sheetData><row r="2"/><row r="1"/></sheetData>"#, "F150 ");
    check(r#"<sheetData><row r="1"><c r="B1"/><c r="A1"/></row></sheetData>"#, "F150 ");
    check(r#"<sheetData><row r="1048577"/></sheetData>"#, "F150 ");
    assert!(read(b"PK\x03\x04", &names()).is_err());
    let mut damaged = workbook(ROWS);
    let at = memchr::memmem::find(&damaged, b"46090").unwrap();
    damaged[at] = b'5';
    assert_eq!(
        read(&damaged, &names()).err().map(|issue| issue.message),
        Some("a part of the workbook is damaged".to_owned())
    );
    for end in 0..damaged.len() {
        assert!(read(&damaged[..end], &names()).is_err());
    }
}

#[test]
fn a_part_that_unpacks_to_too_much_is_refused() {
    let bytes = workbook(ROWS);
    let bomb = " ".repeat((64 << 20) + 1);
    let written = Archive::read(&bytes).unwrap().with("xl/worksheets/sheet1.xml", bomb.as_bytes()).unwrap();
    assert!(written.len() < 1 << 20);
    assert_eq!(read(&written, &names()).err().map(|issue| issue.code.id), Some("F107"));
}

#[test]
fn unedited_it_is_the_same_bytes() {
    let bytes = workbook(ROWS);
    let (mut tree, book) = opened(&bytes);
    assert_eq!(book.write(&tree).unwrap(), bytes);
    let name = cell(&tree, 0, "nimi");
    tree.set_text(name, "Aino");
    assert_eq!(book.write(&tree).unwrap(), bytes);
}

#[test]
fn an_edit_changes_its_cell_alone() {
    let bytes = workbook(ROWS);
    let after = edited(&bytes, |tree| {
        tree.set_text(cell(tree, 0, "pvm"), "13.04.2026");
        tree.set_text(cell(tree, 0, "nimi"), "Ä & <b> _x0041_");
    });
    assert_eq!(
        after.unwrap(),
        "nimi;pvm;summa;kaava\nÄ & <b> _x0041_;13.04.2026;1.1;2.2\n\n\" a; \"\"b\"\"\nc \"\n"
    );
    let (mut tree, book) = opened(&bytes);
    tree.set_text(cell(&tree, 0, "pvm"), "13.04.2026");
    let written = Archive::read(&book.write(&tree).unwrap()).unwrap();
    let part = String::from_utf8(written.part("xl/worksheets/sheet1.xml").unwrap().unwrap()).unwrap();
    let before = format!("<worksheet xmlns=\"{MAIN}\">{ROWS}</worksheet>");
    assert_eq!(part, before.replace("<v>46090</v>", "<v>46125</v>"), "a date stays one, and all else stays");
}

#[test]
fn a_computed_cell_is_not_written_over() {
    let after = edited(&workbook(ROWS), |tree| tree.set_text(cell(tree, 0, "kaava"), "3"));
    assert_eq!(after, Err("M224 D2".to_owned()));
}

#[test]
fn new_rows_go_below_and_removed_ones_are_emptied() {
    let after = edited(&workbook(ROWS), |tree| {
        let first = tree.children(NodeId::ROOT).next().unwrap();
        tree.remove(first);
        let row = tree.insert(NodeId::ROOT, Name::ROW, Kind::Object, Flags::LIST, 0);
        for (title, text) in [("pvm", "01.05.2026"), ("uusi", "x")] {
            let name = tree.intern(title);
            let made = tree.insert(row, name, Kind::Str, Flags::default(), 0);
            tree.set_text(made, text);
        }
    });
    assert_eq!(after, Err("M224 D2".to_owned()), "a formula stays where it is");
    let plain = ROWS.replace("<f>C2*2</f>", "");
    let after = edited(&workbook(&plain), |tree| {
        let first = tree.children(NodeId::ROOT).next().unwrap();
        tree.remove(first);
        let row = tree.insert(NodeId::ROOT, Name::ROW, Kind::Object, Flags::LIST, 0);
        for (title, text) in [("pvm", "01.05.2026"), ("uusi", "x")] {
            let name = tree.intern(title);
            let made = tree.insert(row, name, Kind::Str, Flags::default(), 0);
            tree.set_text(made, text);
        }
    });
    assert_eq!(after.unwrap(), "nimi;pvm;summa;kaava;uusi\n\n\n\" a; \"\"b\"\"\nc \"\n;01.05.2026;;;x\n");
}
