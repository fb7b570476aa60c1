use super::*;
use crate::tree::equal;
use proptest::prelude::*;

const ROOT: NodeId = NodeId::ROOT;

fn names() -> Arc<NameTable> {
    Arc::new(NameTable::new())
}

fn shown(text: &str) -> String {
    let (tree, _) = match read(text, &names()) {
        Ok(read) => read,
        Err(issue) => return format!("{} at {}..{}", issue.code.id, issue.span.start, issue.span.end),
    };
    let cell = |cell| format!("{}={}", tree.name_text(cell), tree.text(cell));
    let row = |row| tree.children(row).map(cell).collect::<Vec<_>>().join(",");
    rows(&tree).map(row).collect::<Vec<_>>().join("|")
}

#[test]
fn rows_and_cells_are_read() {
    assert_eq!(shown("a;b,c;\" d \"\n1;2;3\n\n;\"x;\"\"\r\ny\";"), "a=1,b,c=2,d=3|b,c=x;\"\r\ny");
    assert_eq!(shown("\u{feff}a\tb\r\n\"\"\t1\r\n2"), "a=,b=1|a=2");
    assert_eq!(shown("a\n1\n"), "a=1");
    assert_eq!(shown("\na,b\n1, 2 \n"), "a=1,b= 2 ");
}

#[test]
fn faults_are_placed() {
    assert_eq!(shown(""), "F111 at 0..0");
    assert_eq!(shown("a,b\n1,2,3,4\n"), "F110 at 8..11");
    assert_eq!(shown("a,b,a\n"), "F110 at 4..5");
    assert_eq!(shown("a,,b\n1,,2\n1,2,3\n"), "F110 at 12..13");
    assert_eq!(shown("a;\n1;\n2\n"), "a=1|a=2");
    assert_eq!(shown("a,b\n1,\"2\n"), "F111 at 6..9");
    assert_eq!(shown("a,b\n\"1\"x,2\n"), "F110 at 4..7");
}

fn check(source: &str, edit: impl Fn(&mut Tree), expected: &str) {
    let Ok((mut tree, dialect)) = read(source, &names()) else { unreachable!("{source}") };
    assert_eq!(patch(&tree, &dialect), source);
    edit(&mut tree);
    let text = patch(&tree, &dialect);
    assert_eq!(text, expected);
    let again = read(&text, &names());
    assert!(again.is_ok_and(|(again, _)| equal(&again, ROOT, &tree, ROOT)), "{text}");
}

fn row_at(tree: &Tree, at: usize) -> NodeId {
    rows(tree).nth(at).unwrap_or(ROOT)
}

fn set(tree: &mut Tree, row: NodeId, column: &str, text: &str) {
    let name = tree.intern(column);
    let cell = tree.child(row, name);
    let cell = cell.unwrap_or_else(|| tree.insert(row, name, Kind::Str, Flags::default(), 0));
    tree.set_text(cell, text);
}

#[test]
fn only_the_edited_cells_change() {
    let source = "a; b ;\"c\"\r\n1;\"x\";3\r\n\r\n4;;\"y\"\"\"";
    check(
        source,
        |tree| set(tree, row_at(tree, 0), "b", "z"),
        "a; b ;\"c\"\r\n1;\"z\";3\r\n\r\n4;;\"y\"\"\"",
    );
    check(
        source,
        |tree| set(tree, row_at(tree, 0), "a", "q;\""),
        "a; b ;\"c\"\r\n\"q;\"\"\";\"x\";3\r\n\r\n4;;\"y\"\"\"",
    );
    check(
        source,
        |tree| {
            let row = row_at(tree, 0);
            let cell = tree.child_str(row, "b").unwrap_or(ROOT);
            tree.remove(cell);
        },
        "a; b ;\"c\"\r\n1;;3\r\n\r\n4;;\"y\"\"\"",
    );
    check(
        "a,b\n1\n",
        |tree| {
            let row = row_at(tree, 0);
            set(tree, row, "b", "2");
        },
        "a,b\n1,2\n",
    );
}

#[test]
fn a_row_that_ends_early_is_told() {
    let rows = |text: &str| short_rows(text).iter().map(|issue| issue.span).collect::<Vec<_>>();
    assert_eq!(rows("a;b\n1;2\n\"3\"\n4;5"), [Span::new(8, 11)]);
    assert_eq!(rows("\u{feff}a;b\n1;2\n"), []);
}

#[test]
fn rows_come_and_go() {
    let add = |tree: &mut Tree, before: Option<NodeId>| {
        let row = tree.insert_after(ROOT, before, Name::ROW, Kind::Object, Flags::LIST, 0);
        set(tree, row, "b", "n,m");
    };
    check("a,b\n1,2\n", |tree| add(tree, tree.last_child(ROOT)), "a,b\n1,2\n,\"n,m\"\n");
    check("a;b\r\n1;2", |tree| add(tree, tree.last_child(ROOT)), "a;b\r\n1;2\r\n;n,m");
    check("\u{feff}\"a\",\"b\"\n1,2\n", |tree| add(tree, None), "\u{feff}\"a\",\"b\"\n,\"n,m\"\n1,2\n");
    check("a,b\n1,2\n3,4\n", |tree| tree.remove(row_at(tree, 0)), "a,b\n3,4\n");
    check("a,b\n1,2\n3,4", |tree| tree.remove(row_at(tree, 1)), "a,b\n1,2");
    check("a,b\n1,2\n", |tree| set(tree, row_at(tree, 0), "new", "x"), "a,b,new\n1,2,x\n");
    check("a,b\n1,2\n3,4\n", |tree| tree.move_after(row_at(tree, 1), None), "a,b\n3,4\n1,2\n");
}

proptest! {
    #[test]
    fn what_is_written_reads_back(
        cells in prop::collection::vec(prop::collection::vec(prop::option::of("[a-c,;\t\"\r\n\u{feff}\u{e4} ]{0,5}"), 3), 0..6),
        separator in 0..3_usize, quotes_all: bool, bom: bool,
    ) {
        let separator = [Separator::Comma, Separator::Semicolon, Separator::Tab][separator];
        let dialect = Dialect { separator, quotes_all, bom, ..Dialect::default() };
        let mut tree = Tree::new(&names());
        tree.push_root(Name::NONE, Kind::Object);
        for row in cells {
            let id = tree.insert(ROOT, Name::ROW, Kind::Object, Flags::LIST, 0);
            for (column, cell) in ["x", "y", "z"].iter().zip(row) {
                if let Some(text) = cell {
                    set(&mut tree, id, column, &text);
                }
            }
        }
        let text = write(&tree, &dialect, &["x", "y", "z"]);
        let (again, read_dialect) = read(&text, &names()).unwrap_or_else(|issue| unreachable!("{}: {text}", issue.message));
        prop_assert_eq!(read_dialect, dialect);
        prop_assert!(equal(&again, ROOT, &tree, ROOT), "{}", text);
    }

    #[test]
    fn no_text_makes_it_fail_otherwise_than_by_an_issue(text in "[ab\",;\n\r\u{e4}]{0,20}", new in "[a\",;\n]{0,3}") {
        if let Ok((mut tree, dialect)) = read(&text, &names()) {
            prop_assert_eq!(patch(&tree, &dialect), text);
            let cell = tree.descend(ROOT).find(|id| tree.kind(*id) == Kind::Str);
            if let Some(cell) = cell {
                tree.set_text(cell, &new);
                let again = read(&patch(&tree, &dialect), &names());
                prop_assert!(again.is_ok_and(|(again, _)| equal(&again, ROOT, &tree, ROOT)));
            }
        }
    }
}
