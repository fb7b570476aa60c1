//! Reads a TestScript from FHIR JSON or FHIR XML, of R4 and with what R5 adds.

use super::compare::Operator;
use super::exchange::Method;
use super::extensions;
use super::model::{
    Action, Assert, Capability, Check, CompareTo, Content, FIRST, Fixture, Operation, Script, Test, Variable,
    VariableValue, What, limit,
};
use crate::diag::{Issue, LineIndex, Place, Span, codes};
use crate::schema::Schema;
use crate::tree::json::{self, Layout};
use crate::tree::{Kind, NodeId, Tree, fhir};
use std::collections::BTreeSet;

/// Reads a script. A place of it that cannot be run is an action that says so, and not an error: the rest can be run.
///
/// # Errors
/// The text is no JSON or XML, or no TestScript with tests.
pub fn read(file: &str, text: &str, schema: &Schema) -> Result<Script, Box<Issue>> {
    let is_xml = text.trim_start_matches('\u{feff}').trim_start().starts_with('<');
    let tree = if is_xml {
        fhir::read_xml(text, schema.names(), schema)?
    } else {
        json::read(text, schema.names())?
    };
    let lines = LineIndex::new(text);
    let root = At { tree: &tree, id: NodeId::ROOT, lines: &lines };
    if tree.resource_type(NodeId::ROOT).as_deref() != Some("TestScript") {
        return Err(refused(root, "it is no TestScript"));
    }
    let script = Script {
        file: file.to_owned(),
        name: root.text("name").filter(|name| !name.is_empty()).unwrap_or_else(|| file.to_owned()),
        url: root.text("url").unwrap_or_default(),
        is_ignixa: text.contains(extensions::BASE),
        roles: extensions::own(root, "role"),
        needs: extensions::own(root, "needs"),
        capabilities: capabilities(root),
        requires: extensions::requires(root),
        fixtures: fixtures(root)?,
        variables: root.items("variable").map(variable).collect(),
        profiles: root.items("profile").enumerate().filter_map(|at| profile(root, at)).collect(),
        setup: actions(root.child("setup")),
        tests: tests(root)?,
        teardown: actions(root.child("teardown")),
    };
    let count = |actions: &[Action]| actions.len();
    let all = script.tests.iter().map(|test| count(&test.actions)).sum::<usize>();
    if all + count(&script.setup) + count(&script.teardown) > limit::ACTIONS_MAX {
        return Err(refused(root, &format!("it has over {} actions", limit::ACTIONS_MAX)));
    }
    Ok(script)
}

fn refused(at: At<'_>, message: &str) -> Box<Issue> {
    Box::new(Issue::error(codes::SCRIPT_FORM, at.span(), message))
}

/// A node of the script.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    tree: &'a Tree,
    id: NodeId,
    lines: &'a LineIndex<'a>,
}

impl<'a> At<'a> {
    pub(super) fn items(self, name: &str) -> impl Iterator<Item = Self> + use<'a> {
        let name = self.tree.names().get(name);
        let named = name.into_iter().flat_map(move |name| self.tree.children_named(self.id, name));
        named.filter(move |id| self.tree.kind(*id) != Kind::EmptyList).map(move |id| Self { id, ..self })
    }

    fn child(self, name: &str) -> Option<Self> {
        self.items(name).next()
    }

    pub(super) fn children(self) -> impl Iterator<Item = (&'a str, Self)> {
        self.tree.children(self.id).map(move |id| (self.tree.name_text(id), Self { id, ..self }))
    }

    pub(super) fn own_text(self) -> String {
        self.tree.text(self.id).into_owned()
    }

    pub(super) fn text(self, name: &str) -> Option<String> {
        self.child(name).filter(|at| self.tree.has_text(at.id)).map(At::own_text)
    }

    fn is_true(self, name: &str) -> bool {
        self.text(name).as_deref() == Some("true")
    }

    fn span(self) -> Span {
        self.tree.span(self.id)
    }

    fn place(self) -> Place {
        self.lines.place(self.span().start)
    }

    /// The resource that the node is, as JSON.
    fn json(self) -> String {
        let mut out = String::new();
        json::write(self.tree, self.id, Layout::Compact, &mut out);
        out
    }
}

/// Whether the server has what a script requires is looked at where the script asks for that: `validated` says that the
/// execution does so (FHIR R4, `TestScript.metadata.capability`). Otherwise whoever runs it vouches for it.
fn capabilities(root: At<'_>) -> Vec<Capability> {
    let metadata = root.items("metadata").flat_map(|metadata| metadata.items("capability"));
    let read = |at: At<'_>| Capability {
        is_checked: at.is_true("required") && at.is_true("validated"),
        statement: at.text("capabilities").unwrap_or_default(),
    };
    metadata.map(read).collect()
}

/// R4 names profiles by references with an id, R5 by canonicals, whose ids stand beside them.
fn profile(root: At<'_>, (number, at): (usize, At<'_>)) -> Option<(String, String)> {
    // R4 has an object here, so that the attribute of a canonical in XML is a child of it.
    let canonical = || at.text("value").or_else(|| at.text("@value"));
    let url = at.text("reference").or_else(canonical).unwrap_or_else(|| at.own_text());
    let own = at.text("id").or_else(|| at.text("@id"));
    let id = own.or_else(|| root.items("_profile").nth(number).and_then(|beside| beside.text("id")))?;
    Some((id, url))
}

fn fixtures(root: At<'_>) -> Result<Vec<Fixture>, Box<Issue>> {
    let mut seen = BTreeSet::new();
    let mut fixtures = Vec::new();
    for at in root.items("fixture") {
        let Some(id) = at.text("id") else { continue };
        if !seen.insert(id.clone()) {
            return Err(refused(at, "two fixtures have one id"));
        }
        fixtures.push(Fixture {
            id,
            content: at.child("resource").map_or_else(
                || Content::Unusable("the fixture names no resource".to_owned()),
                |resource| content(root, resource),
            ),
            autocreate: at.is_true("autocreate"),
            autodelete: at.is_true("autodelete"),
            place: at.place(),
        });
    }
    Ok(fixtures)
}

fn content(root: At<'_>, resource: At<'_>) -> Content {
    if let Some(name) = extensions::synthetic(resource) {
        return Content::Synthetic(name);
    }
    let Some(reference) = resource.text("reference").filter(|_| resource.child("resourceType").is_none())
    else {
        let is_reference =
            ["identifier", "display", "type"].into_iter().any(|name| resource.child(name).is_some());
        if resource.child("resourceType").is_none() && is_reference {
            return Content::Unusable("the fixture names no resource".to_owned());
        }
        // A body that is no resource is sent as it stands: it tests that servers refuse it.
        return Content::Text(resource.json());
    };
    match reference.strip_prefix('#') {
        Some(id) => {
            let held = root.items("contained").find(|held| held.text("id").as_deref() == Some(id));
            held.map_or_else(
                || {
                    Content::Unusable(
                        "the fixture names a resource that the script does not contain".to_owned(),
                    )
                },
                |held| Content::Text(held.json()),
            )
        }
        None if reference.contains("://") => {
            Content::Unusable("fixtures from other servers are not fetched".to_owned())
        }
        None => Content::File(reference),
    }
}

fn variable(at: At<'_>) -> Variable {
    let value = if let Some(name) = at.text("headerField") {
        VariableValue::Header(name)
    } else if let Some(expression) = at.text("expression") {
        VariableValue::Expression(expression)
    } else {
        at.text("path").map_or(VariableValue::Default, VariableValue::Path)
    };
    Variable {
        name: at.text("name").unwrap_or_default(),
        default: at.text("defaultValue"),
        source: at.text("sourceId"),
        value,
    }
}

fn tests(root: At<'_>) -> Result<Vec<Test>, Box<Issue>> {
    let test = |(number, at): (usize, At<'_>)| {
        let repeat = extensions::repeat(at).map_err(|why| refused(at, &why))?;
        Ok(Test {
            name: at
                .text("name")
                .filter(|name| !name.is_empty())
                .unwrap_or_else(|| format!("test {}", number + 1)),
            place: at.place(),
            requirements: extensions::own(at, "requirement"),
            needs: extensions::own(at, "needs"),
            requires: extensions::requires(at),
            versions: extensions::versions(at),
            repeat,
            actions: actions(Some(at)),
        })
    };
    root.items("test").enumerate().map(test).collect()
}

fn actions(at: Option<At<'_>>) -> Vec<Action> {
    at.into_iter().flat_map(|at| at.items("action")).map(action).collect()
}

fn action(at: At<'_>) -> Action {
    let body = at.child("operation").or_else(|| at.child("assert")).unwrap_or(at);
    // What changes the meaning of an element and is not understood must not be passed over (FHIR R4, "Extensibility").
    let is_changed = [at, body].into_iter().any(|at| at.child("modifierExtension").is_some());
    let what = match (at.child("operation"), at.child("assert")) {
        _ if is_changed => Err("a modifierExtension changes its meaning, and is not known".to_owned()),
        (Some(operation), None) => self::operation(operation).map(|it| What::Operation(Box::new(it))),
        (None, Some(claim)) => assert(claim).map(|it| What::Assert(Box::new(it))),
        (Some(_), Some(_)) => Err("an action is an operation or an assert, not both".to_owned()),
        (None, None) => Err("an action of this kind is not known".to_owned()),
    };
    Action {
        place: body.place(),
        label: body.text("label").unwrap_or_default(),
        description: body.text("description").unwrap_or_default(),
        what: what.unwrap_or_else(What::Unusable),
    }
}

/// The server an operation is sent to. This runner is the only client, so that every origin is this one; 0 is the first
/// server as 1 is, since scripts count from either.
fn destination(at: At<'_>) -> Result<u32, String> {
    let Some(number) = at.text("destination") else { return Ok(FIRST) };
    number
        .parse::<u32>()
        .map(|number| number.max(FIRST))
        .map_err(|_| "the destination is no number".to_owned())
}

fn operation(at: At<'_>) -> Result<Operation, String> {
    let destination = destination(at)?;
    let method = match at.text("method") {
        None => None,
        Some(name) => Some(Method::named(&name).ok_or("the method is not known")?),
    };
    let code = at.child("type").and_then(|coding| coding.text("code")).unwrap_or_default();
    if code.is_empty() && method.is_none() {
        return Err("the operation has neither type nor method".to_owned());
    }
    let header = |at: At<'_>| {
        (at.text("field").unwrap_or_default(), at.child("value").map(At::own_text).unwrap_or_default())
    };
    Ok(Operation {
        code,
        destination,
        resource: at.text("resource"),
        accept: at.text("accept"),
        content_type: at.text("contentType"),
        is_url_verbatim: at.text("encodeRequestUrl").as_deref() == Some("false"),
        method,
        params: at.text("params"),
        headers: at.items("requestHeader").map(header).collect(),
        request_id: at.text("requestId"),
        response_id: at.text("responseId"),
        source_id: at.text("sourceId"),
        target_id: at.text("targetId"),
        url: at.text("url"),
        poll: extensions::poll(at),
    })
}

fn assert(at: At<'_>) -> Result<Assert, String> {
    let operator = match at.text("operator") {
        None => None,
        Some(code) => Some(
            Operator::named(&code)
                .ok_or_else(|| format!("the operator `{code}` needs a person or is not known"))?,
        ),
    };
    let is_of_request = match at.text("direction").as_deref() {
        None | Some("response") => false,
        Some("request") => true,
        Some(_) => return Err("the direction is neither request nor response".to_owned()),
    };
    let compare = compare_to(at);
    let check = check(at, compare.is_some())?;
    Ok(Assert {
        check,
        operator,
        value: at.child("value").filter(|value| value.tree.has_text(value.id)).map(At::own_text),
        source: at.text("sourceId"),
        compare,
        is_of_request,
        warning_only: at.is_true("warningOnly"),
        stops: match at.text("stopTestOnFail") {
            Some(said) => said != "false",
            None => extensions::stops(at).unwrap_or(true),
        },
        group: extensions::group(at),
        when: extensions::when(at),
    })
}

fn compare_to(at: At<'_>) -> Option<CompareTo> {
    let source = at.text("compareToSourceId")?;
    let value = match (at.text("compareToSourceExpression"), at.text("compareToSourcePath")) {
        (Some(expression), _) => VariableValue::Expression(expression),
        (None, Some(path)) => VariableValue::Path(path),
        (None, None) => VariableValue::Default,
    };
    Some(CompareTo { source, value })
}

/// The one thing that an assert is about (R4, tst-5 and tst-10).
fn check(at: At<'_>, compares: bool) -> Result<Check, String> {
    let text = |name: &str| at.text(name);
    let mut found: Vec<Check> = Vec::new();
    found.extend(text("contentType").map(Check::ContentType));
    found.extend(text("expression").map(Check::Expression));
    found.extend(text("headerField").map(Check::Header));
    found.extend(text("minimumId").map(Check::MinimumId));
    found.extend(text("navigationLinks").map(|wanted| Check::NavigationLinks(wanted == "true")));
    found.extend(text("path").map(Check::Path));
    found.extend(text("requestURL").map(Check::RequestUrl));
    found.extend(text("resource").map(Check::Resource));
    found.extend(text("response").map(Check::Response));
    found.extend(text("responseCode").map(Check::ResponseCode));
    found.extend(text("validateProfileId").map(Check::ValidateProfile));
    if let Some(name) = text("requestMethod") {
        found.push(Check::RequestMethod(Method::named(&name).ok_or("the method is not known")?));
    }
    match (found.pop(), found.is_empty()) {
        (Some(check), true) => Ok(check),
        (None, _) if compares => Ok(Check::Whole),
        (None, _) => Err("the assert names nothing to look at".to_owned()),
        (Some(_), false) => Err("the assert looks at several things at once".to_owned()),
    }
}
