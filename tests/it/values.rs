//! What documents say, as parsers that are not ours see it.

use flate2::read::DeflateDecoder;
use quick_xml::events::Event;
use std::collections::BTreeMap;
use std::io::Read;

/// The values of a document by path, as parsers that are not ours see them.
pub(crate) fn values(bytes: &[u8]) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    if is_archive(bytes) {
        of_workbook(bytes, &mut found);
        return found;
    }
    let text = String::from_utf8(bytes.to_vec())
        .unwrap_or_else(|_| bytes.iter().map(|byte| char::from(*byte)).collect());
    let text = text.trim_start_matches('\u{feff}');
    match text.trim_start().chars().next() {
        Some('{' | '[') => of_json(&serde_json::from_str(text).unwrap(), "", &mut found),
        Some('<') => of_xml(text, &mut found),
        _ if text.trim_start().starts_with("MSH") => of_er7(text, &mut found),
        _ => of_csv(text, &mut found),
    }
    found
}

pub(crate) fn count(found: &mut BTreeMap<String, usize>, value: String) {
    *found.entry(value).or_default() += 1;
}

fn of_json(value: &serde_json::Value, path: &str, found: &mut BTreeMap<String, usize>) {
    match value {
        serde_json::Value::Object(members) => {
            members.iter().for_each(|(name, value)| of_json(value, &format!("{path}.{name}"), found));
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| of_json(item, path, found)),
        leaf => count(found, format!("{path}={leaf}")),
    }
}

fn of_xml(text: &str, found: &mut BTreeMap<String, usize>) {
    let mut reader = quick_xml::Reader::from_str(text);
    let mut path: Vec<String> = Vec::new();
    let mut attributes = |element: &quick_xml::events::BytesStart<'_>, path: &[String]| {
        for attribute in element.attributes() {
            let attribute = attribute.unwrap();
            let name = attribute.key.as_ref().to_owned();
            let value = attribute.value.to_string();
            count(found, format!("{}@{name}={value}", path.join(".")));
        }
    };
    let (mut texts, mut text) = (Vec::new(), String::new());
    loop {
        let event = reader.read_event().unwrap();
        if !matches!(event, Event::Text(_) | Event::GeneralRef(_)) && !text.trim().is_empty() {
            texts.push(format!("{}={}", path.join("."), std::mem::take(&mut text).trim()));
        }
        match event {
            Event::Eof => break,
            Event::Start(start) => {
                path.push(start.name().as_ref().to_owned());
                attributes(&start, &path);
            }
            Event::Empty(start) => {
                path.push(start.name().as_ref().to_owned());
                attributes(&start, &path);
                path.pop();
            }
            Event::End(_) => drop(path.pop()),
            Event::Text(part) => text.push_str(&part),
            Event::GeneralRef(part) => text.push_str(&part),
            _ => {}
        }
    }
    for text in texts {
        count(found, text);
    }
}

fn of_csv(text: &str, found: &mut BTreeMap<String, usize>) {
    let first = text.lines().next().unwrap_or_default();
    let separator = [';', '\t', ','].into_iter().max_by_key(|c| first.matches(*c).count()).unwrap();
    let (mut cell, mut quoted, mut row, mut rows) = (String::new(), false, Vec::new(), Vec::new());
    for c in text.chars().filter(|c| *c != '\r') {
        match c {
            '"' => quoted = !quoted,
            '\n' if !quoted => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            c if c == separator && !quoted => row.push(std::mem::take(&mut cell)),
            c => cell.push(c),
        }
    }
    row.push(cell);
    rows.push(row);
    for row in rows.iter().skip(1) {
        for (name, cell) in rows[0].iter().zip(row).filter(|(_, cell)| !cell.is_empty()) {
            count(found, format!("{name}={cell}"));
        }
    }
}

/// A message of HL7 v2: each value by its segment, field, component and subcomponent. Repetitions have no number.
fn of_er7(text: &str, found: &mut BTreeMap<String, usize>) {
    let header: Vec<char> = text.trim_start().chars().take(8).collect();
    let [field, component, repetition, subcomponent] = [header[3], header[4], header[5], header[7]];
    for line in text.split(['\r', '\n']).map(str::trim).filter(|line| !line.is_empty()) {
        let mut fields = line.split(field).enumerate();
        let (_, segment) = fields.next().unwrap();
        for (number, said) in fields.filter(|(number, _)| segment != "MSH" || *number > 1) {
            for repeated in said.split(repetition) {
                // A comment is one text (NTE-3 is FT), in which systems write the other signs as they are.
                if (segment, number) == ("NTE", 3) {
                    if !repeated.is_empty() {
                        count(found, format!("NTE-3={repeated}"));
                    }
                    continue;
                }
                for (at, component) in repeated.split(component).enumerate() {
                    for (below, value) in component.split(subcomponent).enumerate() {
                        if !value.is_empty() {
                            count(found, format!("{segment}-{number}.{at}.{below}={value}"));
                        }
                    }
                }
            }
        }
    }
}

fn is_archive(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04")
}

/// The bytes that a document shows its values in: of a workbook its parts, unpacked, otherwise the document.
pub(crate) fn shown(bytes: &[u8]) -> Vec<u8> {
    if !is_archive(bytes) {
        return bytes.to_vec();
    }
    parts(bytes).into_values().flatten().collect()
}

/// The parts of an archive by their names (APPNOTE.TXT of ZIP, 4.3).
fn parts(bytes: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let short = |at: usize| usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
    let long = |at: usize| short(at) + (short(at + 2) << 16);
    let end = bytes.windows(4).rposition(|window| window == b"PK\x05\x06").unwrap();
    let (mut at, mut found) = (long(end + 16), BTreeMap::new());
    for _ in 0..short(end + 10) {
        let (method, size, local) = (short(at + 10), long(at + 20), long(at + 42));
        let (name, extra, comment) = (short(at + 28), short(at + 30), short(at + 32));
        let data = local + 30 + short(local + 26) + short(local + 28);
        let packed = &bytes[data..data + size];
        let mut part = packed.to_vec();
        if method != 0 {
            part.clear();
            DeflateDecoder::new(packed).read_to_end(&mut part).unwrap();
        }
        found.insert(String::from_utf8(bytes[at + 46..at + 46 + name].to_vec()).unwrap(), part);
        at += 46 + name + extra + comment;
    }
    found
}

/// The cells of the first sheet of a workbook, by their columns.
fn of_workbook(bytes: &[u8], found: &mut BTreeMap<String, usize>) {
    let parts = parts(bytes);
    let text = |name: &str| parts.get(name).map(|part| String::from_utf8(part.clone()).unwrap());
    let shared: Vec<String> = text("xl/sharedStrings.xml")
        .map_or_else(Vec::new, |part| runs(&part, "si"))
        .into_iter()
        .map(|(_, said)| said)
        .collect();
    let sheet = parts.keys().find(|name| name.starts_with("xl/worksheets/sheet")).unwrap();
    for (attributes, said) in runs(&text(sheet).unwrap(), "c") {
        let column: String = attributes["r"].chars().filter(char::is_ascii_alphabetic).collect();
        let is_shared = attributes.get("t").is_some_and(|kind| kind == "s");
        let said = if is_shared { shared[said.parse::<usize>().unwrap()].clone() } else { said };
        if !said.is_empty() {
            count(found, format!("{column}={said}"));
        }
    }
}

/// The elements of a name: their attributes, and all text below them.
fn runs(text: &str, name: &str) -> Vec<(BTreeMap<String, String>, String)> {
    let mut reader = quick_xml::Reader::from_str(text);
    let (mut found, mut is_open) = (Vec::new(), false);
    loop {
        match reader.read_event().unwrap() {
            Event::Eof => return found,
            Event::Start(start) if start.name().as_ref() == name => {
                let attributes = start.attributes().map(|attribute| {
                    let attribute = attribute.unwrap();
                    (attribute.key.as_ref().to_owned(), attribute.value.to_string())
                });
                found.push((attributes.collect(), String::new()));
                is_open = true;
            }
            Event::End(end) if end.name().as_ref() == name => is_open = false,
            Event::Text(part) if is_open => found.last_mut().unwrap().1.push_str(&part),
            Event::GeneralRef(part) if is_open => found.last_mut().unwrap().1.push_str(&part),
            _ => {}
        }
    }
}
