//! Paths in XPath and JSONPath, as far as scripts use them to name elements of a resource.
//!
//! R4 lets `TestScript.variable.path` and `assert.path` be either. What is read here: `/f:Patient/f:name[1]/@value`,
//! `//fhir:id/@value`, `name[@value='x']`, `$.entry[0].resource.id`, `$..id`, `*`, and plain `meta.versionId`. Both count
//! as their language does: XPath from 1, JSONPath from 0. Anything else is an error, never an empty answer.

use crate::tree::{Kind, NodeId, Tree};

/// Steps of one path.
const STEPS_MAX: usize = 200;

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    /// Children of a name; of `None` all.
    Child(Option<String>),
    /// Everything at and below, of a name.
    Below(Option<String>),
    /// One of the nodes so far, from 0.
    Index(usize),
    /// Nodes that have a child of a name, with that text where one is given.
    Has { name: String, text: Option<String> },
    /// The value of a primitive, which is the node itself.
    Value,
}

/// The texts of the elements that a path leads to; of an element with children its JSON.
///
/// # Errors
/// What of the path is not understood.
pub(super) fn texts(path: &str, tree: &Tree) -> Result<Vec<String>, String> {
    let steps = parse(path.trim())?;
    let nodes = select(&steps, tree);
    Ok(nodes.into_iter().map(|id| text_of(tree, id)).collect())
}

/// The text of a node; of one with children its JSON.
pub(super) fn text_of(tree: &Tree, id: NodeId) -> String {
    if tree.kind(id).is_leaf() {
        return tree.text(id).into_owned();
    }
    let mut out = String::new();
    crate::tree::json::write(tree, id, crate::tree::json::Layout::Compact, &mut out);
    out
}

fn select(steps: &[Step], tree: &Tree) -> Vec<NodeId> {
    let mut nodes = vec![NodeId::ROOT];
    for (number, step) in steps.iter().enumerate() {
        nodes = match step {
            // The first step of a path may name the resource itself.
            Step::Child(Some(name))
                if number == 0 && tree.resource_type(NodeId::ROOT).as_deref() == Some(name) =>
            {
                nodes
            }
            Step::Child(name) => children(tree, &nodes, name.as_deref()),
            Step::Below(name) => below(tree, &nodes, name.as_deref()),
            Step::Index(index) => nth(tree, &nodes, *index),
            Step::Has { name, text } => {
                nodes.retain(|id| has(tree, *id, name, text.as_deref()));
                nodes
            }
            Step::Value => nodes,
        };
    }
    nodes.retain(|id| tree.is_present(*id) || tree.kind(*id) == Kind::Null);
    nodes
}

fn is_named(tree: &Tree, id: NodeId, name: Option<&str>) -> bool {
    // FHIR XML has the resource's own element around it; the tree has the resource itself.
    name.is_none_or(|name| tree.name_text(id) == name || tree.resource_type(id).as_deref() == Some(name))
}

fn children(tree: &Tree, nodes: &[NodeId], name: Option<&str>) -> Vec<NodeId> {
    let mut found = Vec::new();
    for node in nodes {
        if name.is_some_and(|name| tree.resource_type(*node).as_deref() == Some(name)) {
            found.push(*node);
        } else {
            found.extend(
                tree.children(*node).filter(|id| name.is_none_or(|name| tree.name_text(*id) == name)),
            );
        }
    }
    found
}

fn below(tree: &Tree, nodes: &[NodeId], name: Option<&str>) -> Vec<NodeId> {
    let all = nodes.iter().flat_map(|node| tree.descend(*node));
    let mut found: Vec<NodeId> = all.filter(|id| is_named(tree, *id, name)).collect();
    found.dedup();
    found
}

/// The node of a number below each parent: in both languages an index counts among siblings.
fn nth(tree: &Tree, nodes: &[NodeId], index: usize) -> Vec<NodeId> {
    let siblings = nodes.chunk_by(|a, b| tree.parent(*a) == tree.parent(*b));
    siblings.filter_map(|siblings| siblings.get(index).copied()).collect()
}

fn has(tree: &Tree, id: NodeId, name: &str, text: Option<&str>) -> bool {
    let is_it = |child: NodeId| text.is_none_or(|text| tree.text_is(child, text));
    if name == "value" && tree.kind(id).is_leaf() {
        return is_it(id);
    }
    tree.children(id).any(|child| tree.name_text(child) == name && is_it(child))
}

fn parse(path: &str) -> Result<Vec<Step>, String> {
    let is_json = path.starts_with('$') || !(path.contains('/') || path.contains('@') || path.contains(':'));
    let steps = if is_json { json_path(path) } else { x_path(path) }?;
    if steps.is_empty() || steps.len() > STEPS_MAX {
        return Err("the path has no step, or too many".to_owned());
    }
    Ok(steps)
}

/// Splits a path at a separator that stands outside brackets and quotes.
fn split(path: &str, separator: char) -> Vec<&str> {
    let (mut depth, mut quote, mut start) = (0_u32, None, 0);
    let mut parts = Vec::new();
    for (at, character) in path.char_indices() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (None, '\'' | '"') => quote = Some(character),
            (None, '[') => depth += 1,
            (None, ']') => depth = depth.saturating_sub(1),
            (None, _) if character == separator && depth == 0 => {
                parts.push(path.get(start..at).unwrap_or_default());
                start = at + character.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(path.get(start..).unwrap_or_default());
    parts
}

/// A step without its brackets, and what stands in each of them.
fn brackets(step: &str) -> Result<(&str, Vec<&str>), String> {
    let Some(open) = step.find('[') else { return Ok((step, Vec::new())) };
    let name = step.get(..open).unwrap_or_default();
    let mut rest = step.get(open..).unwrap_or_default();
    let mut inside = Vec::new();
    while let Some(body) = rest.strip_prefix('[') {
        let end = closing(body).ok_or("a bracket of the path is not closed")?;
        inside.push(body.get(..end).unwrap_or_default().trim());
        rest = body.get(end + 1..).unwrap_or_default();
    }
    if rest.is_empty() { Ok((name, inside)) } else { Err("the path has text after a bracket".to_owned()) }
}

/// Where a bracket closes, told what stands behind it.
fn closing(body: &str) -> Option<usize> {
    let (mut depth, mut quote) = (0_u32, None);
    for (at, character) in body.char_indices() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (None, '\'' | '"') => quote = Some(character),
            (None, '[') => depth += 1,
            (None, ']') if depth == 0 => return Some(at),
            (None, ']') => depth -= 1,
            _ => {}
        }
    }
    None
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
}

fn named(name: &str) -> Result<Option<String>, String> {
    match name {
        "*" => Ok(None),
        name if is_name(name) => Ok(Some(name.to_owned())),
        _ => Err("a step of the path is not understood".to_owned()),
    }
}

fn json_path(path: &str) -> Result<Vec<Step>, String> {
    let path = path.strip_prefix('$').unwrap_or(path);
    let mut steps = Vec::new();
    let mut is_below = false;
    for (number, part) in split(path.strip_prefix('.').unwrap_or(path), '.').into_iter().enumerate() {
        if part.is_empty() {
            is_below = true;
            continue;
        }
        let (name, inside) = brackets(part)?;
        if !name.is_empty() {
            let name = named(name)?;
            steps.push(if is_below { Step::Below(name) } else { Step::Child(name) });
        } else if number > 0 && inside.is_empty() {
            return Err("a step of the path is empty".to_owned());
        }
        is_below = false;
        for text in inside {
            steps.push(json_bracket(text)?);
        }
    }
    Ok(steps)
}

fn json_bracket(text: &str) -> Result<Step, String> {
    if text == "*" {
        // A list is its items already.
        return Ok(Step::Value);
    }
    if let Ok(index) = text.parse() {
        return Ok(Step::Index(index));
    }
    if let Some(name) = quoted(text) {
        return named(name).map(Step::Child);
    }
    let inner = text.strip_prefix("?(").and_then(|rest| rest.strip_suffix(')')).map(str::trim);
    let test = inner.and_then(|inner| inner.strip_prefix("@."));
    test.and_then(|test| condition(test, "=="))
        .ok_or_else(|| "a filter of the path is not understood".to_owned())
}

fn quoted(text: &str) -> Option<&str> {
    let strip = |quote: char| text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    strip('\'').or_else(|| strip('"'))
}

/// `name == 'text'`, or `name` alone.
fn condition(test: &str, equals: &str) -> Option<Step> {
    let (name, text) = match test.split_once(equals) {
        Some((name, text)) => (name.trim(), Some(quoted(text.trim()).unwrap_or(text.trim()).to_owned())),
        None => (test.trim(), None),
    };
    is_name(name).then(|| Step::Has { name: name.to_owned(), text })
}

fn x_path(path: &str) -> Result<Vec<Step>, String> {
    let mut steps = Vec::new();
    let mut is_below = false;
    for (number, part) in split(path, '/').into_iter().enumerate() {
        if part.is_empty() {
            is_below = number > 0;
            continue;
        }
        if part == "." {
            continue;
        }
        let (name, inside) = brackets(part)?;
        let name = prefix_off(name);
        if let Some(attribute) = name.strip_prefix('@') {
            steps.push(if attribute == "value" { Step::Value } else { Step::Child(named(attribute)?) });
        } else {
            let name = named(name)?;
            steps.push(if is_below { Step::Below(name) } else { Step::Child(name) });
        }
        is_below = false;
        for text in inside {
            steps.push(x_bracket(text)?);
        }
    }
    Ok(steps)
}

/// `f:Patient` and `fhir:Patient` are `Patient`: a resource has one namespace.
fn prefix_off(name: &str) -> &str {
    name.split_once(':').map_or(name, |(_, name)| name)
}

fn x_bracket(text: &str) -> Result<Step, String> {
    if let Ok(index) = text.parse::<usize>() {
        return Ok(Step::Index(index.saturating_sub(1)));
    }
    // `f:system/@value='x'` and `@value='x'`.
    let (left, right) = text.split_once('=').map_or((text, None), |(left, right)| (left, Some(right)));
    let left = prefix_off(left.trim());
    let name = left.strip_suffix("/@value").or_else(|| left.strip_prefix('@')).unwrap_or(left);
    let test = right.map_or_else(|| name.to_owned(), |right| format!("{name}={right}"));
    condition(&test, "=").ok_or_else(|| "a condition of the path is not understood".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Schema;

    const PATIENT: &str = r#"{"resourceType":"Patient","id":"p","meta":{"versionId":"3"},"active":true,
        "name":[{"use":"usual","family":"Aalto","given":["Aino","Maria"]},{"use":"old","family":"Virta"}]}"#;

    fn check(path: &str, expected: Option<&[&str]>) {
        let tree = json::read(PATIENT);
        let found = texts(path, &tree).ok();
        let expected = expected.map(|all| all.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
        assert_eq!(found, expected, "{path}");
    }

    mod json {
        use super::*;
        pub(super) fn read(text: &str) -> Tree {
            let names = Schema::r4().names();
            crate::tree::fhir::read_json(text, names).unwrap_or_else(|_| Tree::new(names))
        }
    }

    #[test]
    fn json_paths() {
        check("id", Some(&["p"]));
        check("meta.versionId", Some(&["3"]));
        check("Patient.meta.versionId", Some(&["3"]));
        check("$.name[0].given[1]", Some(&["Maria"]));
        check("$.name[*].given[0]", Some(&["Aino"]));
        check("$.name[*].family", Some(&["Aalto", "Virta"]));
        check("$..family", Some(&["Aalto", "Virta"]));
        check("$.name[?(@.use == 'old')].family", Some(&["Virta"]));
        check("$['id']", Some(&["p"]));
        check("$.birthDate", Some(&[]));
        check("$.name[", None);
        check("$.name[0", None);
        check("$.name[?(@.a > 3)]", None);
        check("", None);
    }

    #[test]
    fn x_paths() {
        check("/f:Patient/f:id/@value", Some(&["p"]));
        check("fhir:Patient/fhir:name[1]/fhir:family/@value", Some(&["Aalto"]));
        check("//f:family/@value", Some(&["Aalto", "Virta"]));
        check("/Patient/name[use/@value='old']/family/@value", Some(&["Virta"]));
        check("//family[@value='Virta']", Some(&["Virta"]));
        check("/Patient/birthDate/@value", Some(&[]));
        check("/Patient/name[position()<2]", None);
        check("count(/Patient/name)", None);
    }
}
