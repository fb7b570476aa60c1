//! What JSON and XML say, by parsers that are not ours: one line for each value, so that two documents are
//! compared line by line and the first difference can be shown.

use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::{NsReader, XmlVersion};
use serde::Deserialize;
use sonic_rs::{JsonContainerTrait, JsonType, JsonValueTrait, Value};

/// The values of a JSON text, keys sorted, numbers as they are written. Nulls in a list do not count where other
/// items of it stand: they only hold places, which the lines of those items name.
pub(crate) fn json(text: &str) -> Result<Vec<String>, String> {
    let mut reader = sonic_rs::Deserializer::from_str(text).use_rawnumber();
    let value = Value::deserialize(&mut reader).map_err(|error| error.to_string())?;
    let mut lines = Vec::new();
    json_lines(&value, &mut String::new(), &mut lines);
    lines.sort();
    Ok(lines)
}

fn json_lines(value: &Value, path: &mut String, lines: &mut Vec<String>) {
    let end = path.len();
    match value.get_type() {
        JsonType::Object => {
            let object = value.as_object().unwrap();
            if object.is_empty() {
                lines.push(format!("{path} {{}}"));
            }
            for (key, child) in object {
                path.push('.');
                path.push_str(key);
                json_lines(child, path, lines);
                path.truncate(end);
            }
        }
        JsonType::Array => {
            let array = value.as_array().unwrap();
            if array.is_empty() {
                lines.push(format!("{path} []"));
            }
            let all_null = array.iter().all(|child| child.get_type() == JsonType::Null);
            for (at, child) in array.iter().enumerate() {
                if child.get_type() == JsonType::Null && !all_null {
                    continue;
                }
                path.push_str(&format!("[{at}]"));
                json_lines(child, path, lines);
                path.truncate(end);
            }
        }
        JsonType::Number => lines.push(format!("{path} {}", value.as_raw_number().unwrap().as_str())),
        // A narrative is XML, for which every line end is one character.
        JsonType::String if path.rsplit('.').next() == Some("div") => {
            let text = value.as_str().unwrap().replace("\r\n", "\n").replace('\r', "\n");
            lines.push(format!("{path} {text:?}"));
        }
        JsonType::String => lines.push(format!("{path} {:?}", value.as_str().unwrap())),
        JsonType::Boolean => lines.push(format!("{path} {}", value.as_bool().unwrap())),
        JsonType::Null => lines.push(format!("{path} null")),
    }
}

/// The elements, attributes and texts of an XML text. Comments, instructions, and white space outside
/// narratives do not count.
pub(crate) fn xml(text: &str) -> Result<Vec<String>, String> {
    let mut reader = NsReader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let mut lines = Vec::new();
    let mut run = String::new();
    let mut depth = 0_usize;
    // How deep the innermost open narrative stands; white space counts inside it.
    let mut narrative = None;
    loop {
        let event = reader.read_event().map_err(|error| error.to_string())?;
        match &event {
            Event::Text(part) => run.push_str(&part.xml10_content()),
            Event::CData(part) => run.push_str(&part.xml10_content()),
            Event::GeneralRef(reference) => run.push(referred(reference)?),
            Event::Comment(_) | Event::PI(_) | Event::Decl(_) => {}
            Event::DocType(_) => return Err("a DOCTYPE".to_owned()),
            Event::Start(_) | Event::End(_) | Event::Eof => {
                let counts = narrative.is_some() || !run.trim().is_empty();
                if counts && !run.is_empty() {
                    lines.push(format!("{depth} text {run:?}"));
                }
                run.clear();
            }
            Event::Empty(_) => unreachable!("empty elements are expanded"),
        }
        match event {
            Event::Start(start) => {
                depth += 1;
                lines.push(format!("{depth} {}", started(&reader, &start)?));
                if start.local_name().as_ref() == "div" {
                    narrative.get_or_insert(depth);
                }
            }
            Event::End(_) => {
                narrative = narrative.filter(|open| *open != depth);
                lines.push(format!("{depth} end"));
                depth -= 1;
            }
            Event::Eof => return Ok(lines),
            _ => {}
        }
    }
}

fn referred(reference: &quick_xml::events::BytesRef<'_>) -> Result<char, String> {
    if let Some(character) = reference.resolve_char_ref().map_err(|error| error.to_string())? {
        return Ok(character);
    }
    let name = reference.xml10_content();
    match name.as_ref() {
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "amp" => Ok('&'),
        "apos" => Ok('\''),
        "quot" => Ok('"'),
        _ => Err(format!("an entity {name}")),
    }
}

/// An element with its namespace and its attributes in order; declarations of namespaces and hints about
/// schemas do not count.
fn started(reader: &NsReader<&[u8]>, start: &BytesStart<'_>) -> Result<String, String> {
    let space = |found: ResolveResult<'_>| match found {
        ResolveResult::Bound(space) => Ok(space.0.to_owned()),
        ResolveResult::Unbound => Ok(String::new()),
        ResolveResult::Unknown(prefix) => Err(format!("the prefix {prefix:?} is not declared")),
    };
    let (found, name) = reader.resolver().resolve_element(start.name());
    let mut line = format!("{{{}}}{}", space(found)?, name.as_ref());
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| error.to_string())?;
        if attribute.key.as_namespace_binding().is_some() {
            continue;
        }
        let (found, name) = reader.resolver().resolve_attribute(attribute.key);
        let space = space(found)?;
        if space == "http://www.w3.org/2001/XMLSchema-instance" && name.as_ref() == "schemaLocation" {
            continue;
        }
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|error| error.to_string())?;
        attributes.push(format!(" {{{space}}}{}={value:?}", name.as_ref()));
    }
    attributes.sort();
    line.extend(attributes);
    Ok(line)
}

/// The first line in which two documents differ.
pub(crate) fn difference(before: &[String], after: &[String]) -> Option<String> {
    let at = before.iter().zip(after).position(|(before, after)| before != after);
    let at = at.or_else(|| (before.len() != after.len()).then(|| before.len().min(after.len())))?;
    let line = |lines: &[String]| {
        let line = lines.get(at).map_or("nothing", String::as_str);
        line.chars().take(160).collect::<String>()
    };
    Some(format!("{} became {}", line(before), line(after)))
}

#[test]
fn the_oracle_sees_what_must_not_change() {
    let differ = |left: Result<Vec<String>, String>, right: Result<Vec<String>, String>| {
        difference(&left.unwrap(), &right.unwrap()).is_some()
    };
    assert!(differ(json(r#"{"a":1.50}"#), json(r#"{"a":1.5}"#)));
    assert!(differ(json(r#"{"a":1}"#), json(r#"{"a":"1"}"#)));
    assert!(differ(json(r#"{"a":[null,1]}"#), json(r#"{"a":[1,null]}"#)));
    assert!(differ(json(r#"{"a":[]}"#), json("{}")));
    assert!(!differ(json(r#"{"a":1,"b":"\u00e5"}"#), json(r#"{"b":"å", "a":1}"#)));
    assert!(differ(xml("<a b='1'/>"), xml("<a b='2'/>")));
    assert!(differ(xml("<a xmlns='u'/>"), xml("<a/>")));
    assert!(differ(xml("<a><b/><c/></a>"), xml("<a><c/><b/></a>")));
    assert!(differ(xml("<div>a <b/></div>"), xml("<div>a<b/></div>")));
    assert!(differ(xml("<a b='x y'/>"), xml("<a b='x&#10;y'/>")));
    assert!(!differ(
        xml("<p:a xmlns:p='u' c='1' b='&quot;'> <p:d/></p:a>"),
        xml("<a b='\"' c='1' xmlns='u'><d></d></a>")
    ));
}
