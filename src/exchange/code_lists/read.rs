//! Reading a code list from a table in CSV, TSV, XML or JSON.

use super::date::day;
use super::{CodeList, Row};
use crate::diag::{Issue, Span, codes};
use crate::format::{csv, decode};
use crate::mapping::units::schema;
use crate::tree::{NodeId, Tree, xml};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};

/// Which names a column may have.
const COLUMNS: &str = include_str!("columns.tsv");
/// Rows of one list.
const ROWS_MAX: usize = 1_000_000;
/// Objects and lists below each other.
const DEPTH_MAX: usize = 64;
/// Words by which a list says that a code was withdrawn.
const WITHDRAWN: &[&str] = &["retired", "expired", "inactive", "withdrawn", "deprecated", "2", "passiivinen"];

/// A row of a table: the cells by the names of their columns.
type Cells = HashMap<String, String>;

/// Reads a list.
///
/// # Errors
/// It is no table with a column for the code, or a code stands in it twice with different names.
pub fn read(bytes: &[u8], oid: &str, version: &str, name: &str) -> Result<CodeList, Box<Issue>> {
    let (text, _) = decode(bytes, None)?;
    let start = text.trim_start_matches('\u{feff}').trim_start();
    let table = if start.starts_with(['{', '[']) {
        let value = serde_json::from_str(start).map_err(|_| refused("it is no JSON"))?;
        of_json(&value)
    } else if start.starts_with('<') {
        of_xml(&xml::read(&text, schema().names())?)
    } else {
        of_csv(&csv::read(&text, schema().names())?.0)
    };
    let fields = fields();
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    for cells in table.into_iter().take(ROWS_MAX) {
        let Some((code, row)) = row(&cells, &fields) else { continue };
        match rows.get(&code) {
            Some(known) if *known != row => {
                return Err(refused("a code stands in it twice with different rows"));
            }
            _ => drop(rows.insert(code, row)),
        }
    }
    if rows.is_empty() {
        return Err(refused("no column of it is known to hold the codes"));
    }
    Ok(CodeList { oid: oid.to_owned(), version: version.to_owned(), name: name.to_owned(), rows })
}

fn refused(why: &str) -> Box<Issue> {
    Box::new(Issue::error(codes::CODES_FORM, Span::default(), why))
}

/// The names that columns have for each field, in the order in which they count.
fn fields() -> Vec<(&'static str, String)> {
    COLUMNS
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once('\t'))
        .map(|(field, name)| (field, plain(name)))
        .collect()
}

/// A name without what different exports write differently.
fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The code of a row and what is said of it; none where it has no code.
fn row(cells: &Cells, fields: &[(&'static str, String)]) -> Option<(String, Row)> {
    let cell = |field: &str| {
        let names = fields.iter().filter(|(of, _)| *of == field);
        names.filter_map(|(_, name)| cells.get(name)).map(|text| text.trim()).find(|text| !text.is_empty())
    };
    let code = cell("code")?.to_owned();
    let mut names = BTreeMap::new();
    for (field, language) in [("name", "fi"), ("name_sv", "sv"), ("name_en", "en")] {
        if let Some(name) = cell(field) {
            names.insert(language, name.to_owned());
        }
    }
    let status = cell("status").unwrap_or_default().to_lowercase();
    let row = Row {
        names,
        begin: cell("begin").and_then(day),
        end: cell("end").and_then(day),
        parent: cell("parent").filter(|parent| *parent != code && *parent != "0").map(str::to_owned),
        is_withdrawn: WITHDRAWN.contains(&status.as_str()),
    };
    Some((code, row))
}

fn of_csv(tree: &Tree) -> Vec<Cells> {
    let cells = |row: NodeId| {
        tree.children(row).map(|cell| (plain(tree.name_text(cell)), tree.text(cell).into_owned())).collect()
    };
    tree.children(NodeId::ROOT).map(cells).collect()
}

/// Every element that has a child or an attribute with text is a row.
fn of_xml(tree: &Tree) -> Vec<Cells> {
    let mut rows = Vec::new();
    for node in tree.descend(NodeId::ROOT) {
        let mut cells = Cells::new();
        for child in tree.children(node) {
            if tree.has_text(child) {
                cells.insert(plain(tree.name_text(child)), tree.text(child).into_owned());
            }
        }
        if !cells.is_empty() {
            rows.push(cells);
        }
    }
    rows
}

/// Every object with a text in it is a row. An attribute that is given as a name with a value is a cell too, with its
/// language behind its name.
fn of_json(value: &Value) -> Vec<Cells> {
    let mut rows = Vec::new();
    objects(value, 0, &mut rows);
    rows
}

fn objects(value: &Value, depth: usize, rows: &mut Vec<Cells>) {
    match value {
        Value::Object(members) if depth < DEPTH_MAX => {
            let mut cells = Cells::new();
            for (name, member) in members {
                match member {
                    Value::String(text) => drop(cells.insert(plain(name), text.clone())),
                    Value::Number(number) => drop(cells.insert(plain(name), number.to_string())),
                    Value::Array(items) => cells.extend(items.iter().filter_map(attribute)),
                    _ => {}
                }
            }
            if !cells.is_empty() {
                rows.push(cells);
            }
            for member in members.values() {
                objects(member, depth + 1, rows);
            }
        }
        Value::Array(items) if depth < DEPTH_MAX => {
            for item in items {
                objects(item, depth + 1, rows);
            }
        }
        _ => {}
    }
}

fn attribute(item: &Value) -> Option<(String, String)> {
    let name = item["attributeName"].as_str()?;
    let value = match &item["attributeValue"] {
        Value::Array(values) => values.first()?.as_str()?,
        value => value.as_str()?,
    };
    let language = item["language"].as_str().filter(|language| *language != "fi").unwrap_or_default();
    Some((plain(&format!("{name}{language}")), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(&str, &str, Option<&str>, Option<&str>)]) {
        let list = read(text.as_bytes(), "1.2.246.537.6.1", "2026-01-01", "x");
        let rows = list.map(|list| {
            let told = |(code, row): (String, Row)| {
                (code, row.names.get("fi").cloned().unwrap_or_default(), row.begin, row.end)
            };
            list.rows.into_iter().map(told).collect::<Vec<_>>()
        });
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let expected = expected
            .iter()
            .map(|(code, name, begin, end)| {
                ((*code).to_owned(), (*name).to_owned(), owned(*begin), owned(*end))
            })
            .collect();
        assert_eq!(rows.map_err(|issue| issue.message), Ok(expected));
    }

    #[test]
    fn every_form_of_a_table_is_read() {
        let rows = [("1", "Yksi", Some("2024-01-01"), None), ("2", "Kaksi", None, Some("2025-12-31"))];
        check("CodeId;LongName;BeginDate;ExpirationDate\n1;Yksi;1.1.2024;\n2;Kaksi;;2025-12-31\n", &rows);
        check("Koodi\tNimi\tAlkupvm\tLoppupvm\n1\tYksi\t1.1.2024\t\n2\tKaksi\t\t31.12.2025\n", &rows);
        check(
            r#"{"conceptCodes":[
                {"conceptCodeId":"1","beginDate":"2024-01-01","attributes":[{"attributeName":"LongName","attributeValue":["Yksi"],"language":"fi"}]},
                {"conceptCodeId":"2","expirationDate":"2025-12-31","attributes":[{"attributeName":"LongName","attributeValue":["Kaksi"],"language":"fi"}]}]}"#,
            &rows,
        );
        check(
            "<codes><row code='1' name='Yksi' beginDate='2024-01-01'/><row><code>2</code><name>Kaksi</name><expirationDate>2025-12-31</expirationDate></row></codes>",
            &rows,
        );
    }

    #[test]
    fn what_is_no_list_is_refused() {
        let check = |text: &str| assert!(read(text.as_bytes(), "1.2", "2026-01-01", "x").is_err(), "{text}");
        check("a;b\n1;2\n");
        check("{");
        check("Koodi;Nimi\n1;Yksi\n1;Kaksi\n");
        check("");
    }
}
