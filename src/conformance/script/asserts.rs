//! The asserts (FHIR R4, `TestScript.setup.action.assert`).

use super::compare::{Operator, holds};
use super::exchange::{Exchange, Header, Method, Request, Response, header};
use super::model::{Assert, Check, CompareTo, VariableValue};
use super::operate::media_type;
use super::variables::{Exchanged, Held, Memory};
use crate::diag::{Code, Severity, codes};
use crate::tree::{Kind, NodeId, Tree};
use crate::validate::{self, Validator};
use std::rc::Rc;

/// Faults of a profile that are told.
const FAULTS_TOLD_MAX: usize = 3;
/// Links of one bundle that are followed.
const LINKS_MAX: usize = 10;

/// What an assert was judged to be.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) holds: bool,
    pub(super) code: &'static Code,
    /// What was expected, and what can be said of what came without showing a value.
    pub(super) message: String,
    /// The value that came.
    pub(super) came: Option<String>,
    pub(super) exchange: Option<u32>,
}

/// Why an assert could not be judged.
#[derive(Debug)]
pub(super) struct Trouble {
    pub(super) code: &'static Code,
    pub(super) message: String,
}

impl Trouble {
    fn unsupported(message: impl Into<String>) -> Self {
        Self { code: codes::SCRIPT_UNSUPPORTED, message: message.into() }
    }
}

impl From<String> for Trouble {
    fn from(message: String) -> Self {
        Self { code: codes::SCRIPT_EVALUATION, message }
    }
}

/// What asserts need beside the memory.
pub(super) struct Judge<'a, 'm, 's> {
    pub(super) memory: &'a Memory<'m>,
    pub(super) validator: &'a Validator<'s>,
    pub(super) profiles: &'a [(String, String)],
    pub(super) base: &'a str,
    /// `okay` is any status of success, and not 200 alone.
    pub(super) is_okay_any: bool,
}

impl Judge<'_, '_, '_> {
    /// Whether an assert counts: that response had that status.
    ///
    /// # Errors
    /// No response has the id.
    pub(super) fn applies(&self, assert: &Assert) -> Result<bool, Trouble> {
        let Some((source, status)) = &assert.when else { return Ok(true) };
        match self.memory.held(source) {
            Some(Held::Response(exchanged)) => Ok(exchanged.response.status == *status),
            _ => Err(format!("no response has the id `{source}`").into()),
        }
    }

    /// Judges an assert.
    ///
    /// # Errors
    /// It cannot be judged: what it looks at is not there, or cannot be evaluated.
    pub(super) fn judge(&self, assert: &Assert, exchange: &mut dyn Exchange) -> Result<Judged, Trouble> {
        let value = assert.value.as_deref().map(|value| self.memory.fill(value)).transpose()?;
        let subject = Subject::of(assert, self.memory)?;
        let claim = Claim { judge: self, assert, subject: &subject, value };
        claim.may_compare()?;
        match &assert.check {
            Check::Response(code) => claim.response(code),
            Check::ResponseCode(status) => claim.response_code(status),
            Check::ContentType(wanted) => claim.content_type(wanted),
            Check::Header(name) => claim.header(name),
            Check::RequestMethod(method) => claim.request_method(*method),
            Check::RequestUrl(url) => claim.request_url(url),
            Check::Resource(kind) => claim.resource(kind),
            Check::Expression(expression) => {
                claim.value_at(&VariableValue::Expression(expression.clone()), expression)
            }
            Check::Path(path) => claim.value_at(&VariableValue::Path(path.clone()), path),
            Check::Whole => claim.whole(),
            Check::MinimumId(id) => claim.minimum(id),
            Check::ValidateProfile(id) => claim.profile(id),
            Check::NavigationLinks(wanted) => claim.links(*wanted, exchange),
        }
    }
}

/// What an assert looks at.
struct Subject {
    held: Held,
    exchanged: Option<Rc<Exchanged>>,
}

impl Subject {
    fn of(assert: &Assert, memory: &Memory<'_>) -> Result<Self, Trouble> {
        let held = match &assert.source {
            Some(id) => match memory.held(id) {
                Some(Held::Resource(_) | Held::Lacking(_)) => Held::Resource(memory.body(id)?.into()),
                Some(held) => held.clone(),
                None => return Err(format!("nothing has the id `{id}`").into()),
            },
            None => memory.last_held().ok_or_else(|| "no request was sent before".to_owned())?,
        };
        let exchanged = match &held {
            Held::Resource(_) | Held::Lacking(_) => memory.last.clone(),
            Held::Request(exchanged) | Held::Response(exchanged) => Some(exchanged.clone()),
        };
        let held = match (&held, &exchanged, assert.is_of_request) {
            (Held::Response(_), Some(exchanged), true) => Held::Request(exchanged.clone()),
            _ => held,
        };
        Ok(Self { held, exchanged })
    }

    fn response(&self) -> Result<&Response, Trouble> {
        let exchanged = self.exchanged.as_ref().ok_or_else(|| "no request was sent before".to_owned())?;
        Ok(&exchanged.response)
    }

    fn request(&self) -> Result<&Request, Trouble> {
        let exchanged = self.exchanged.as_ref().ok_or_else(|| "no request was sent before".to_owned())?;
        Ok(&exchanged.request)
    }

    fn headers(&self) -> Result<&[Header], Trouble> {
        match &self.held {
            Held::Request(exchanged) => Ok(&exchanged.request.headers),
            Held::Resource(_) | Held::Response(_) | Held::Lacking(_) => Ok(&self.response()?.headers),
        }
    }
}

/// An assert with what it looks at.
struct Claim<'c, 'a, 'm, 's> {
    judge: &'c Judge<'a, 'm, 's>,
    assert: &'c Assert,
    subject: &'c Subject,
    value: Option<String>,
}

impl Claim<'_, '_, '_, '_> {
    fn judged(&self, holds: bool, code: &'static Code, message: String) -> Judged {
        let exchange = self.subject.exchanged.as_ref().map(|it| it.response.number);
        Judged { holds, code, message, came: None, exchange }
    }

    /// What compares with another source must be something that can; it is never passed over.
    fn may_compare(&self) -> Result<(), Trouble> {
        let can = match &self.assert.check {
            Check::Whole | Check::Expression(_) | Check::Path(_) | Check::Header(_) => true,
            Check::ContentType(_)
            | Check::MinimumId(_)
            | Check::NavigationLinks(_)
            | Check::RequestMethod(_)
            | Check::RequestUrl(_)
            | Check::Resource(_)
            | Check::Response(_)
            | Check::ResponseCode(_)
            | Check::ValidateProfile(_) => self.assert.compare.is_none(),
        };
        can.then_some(()).ok_or_else(|| {
            Trouble::unsupported("the assert compares what cannot be compared with another source")
        })
    }

    fn tree(&self) -> Result<Tree, String> {
        self.judge.memory.evaluator.read(self.subject.held.body())
    }

    fn response(&self, code: &str) -> Result<Judged, Trouble> {
        let code = self.judge.memory.fill(code)?;
        let status = self.subject.response()?.status;
        let (low, high) = if code == "okay" && self.judge.is_okay_any {
            (200, 299)
        } else {
            let wanted = status_named(&code);
            let wanted = wanted
                .ok_or_else(|| Trouble::unsupported(format!("the response code `{code}` is not known")))?;
            (wanted, wanted)
        };
        let (is_between, operator) = ((low..=high).contains(&status), self.assert.operator);
        let holds = match operator.unwrap_or(Operator::Equals) {
            Operator::Equals | Operator::In | Operator::Contains => is_between,
            Operator::NotEquals | Operator::NotIn | Operator::NotContains => !is_between,
            Operator::GreaterThan => status > high,
            Operator::LessThan => status < low,
            Operator::Empty | Operator::NotEmpty | Operator::Eval => {
                return Err(Trouble::unsupported("the operator does not go with a response"));
            }
        };
        let is_not = if operator == Some(Operator::NotEquals) { "not " } else { "" };
        let wanted = if low == high { low.to_string() } else { format!("{low} to {high}") };
        Ok(self.judged(
            holds,
            codes::ASSERT_STATUS,
            format!("expected {is_not}{wanted} ({code}), came {status}"),
        ))
    }

    fn response_code(&self, wanted: &str) -> Result<Judged, Trouble> {
        let wanted = self.judge.memory.fill(wanted)?;
        let status = self.subject.response()?.status;
        let default = if wanted.contains(',') { Operator::In } else { Operator::Equals };
        let operator = self.assert.operator.unwrap_or(default);
        let holds = holds(operator, &[status.to_string()], &wanted);
        let message = format!("expected {} {wanted}, came {status}", operator.words());
        Ok(self.judged(holds, codes::ASSERT_STATUS, message))
    }

    fn content_type(&self, wanted: &str) -> Result<Judged, Trouble> {
        let wanted = media_type(&self.judge.memory.fill(wanted)?);
        let found = header(self.subject.headers()?, "content-type").unwrap_or_default().into_owned();
        let essence = |media: &str| media.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
        let is_same = essence(&found) == essence(&wanted);
        let holds = match self.assert.operator {
            None | Some(Operator::Equals | Operator::In | Operator::Contains) => is_same,
            Some(Operator::NotEquals | Operator::NotIn | Operator::NotContains) => !is_same,
            Some(operator) => holds(operator, std::slice::from_ref(&found), &wanted),
        };
        Ok(self.judged(
            holds,
            codes::ASSERT_HEADER,
            format!("expected the content type {wanted}, came {}", or_none(&found)),
        ))
    }

    fn header(&self, name: &str) -> Result<Judged, Trouble> {
        let name = self.judge.memory.fill(name)?;
        let found: Vec<String> =
            header(self.subject.headers()?, &name).map(std::borrow::Cow::into_owned).into_iter().collect();
        if let Some(compare) = &self.assert.compare {
            let what = format!("the header {name}");
            return self.compared_to(&found, compare, &VariableValue::Header(name), &what);
        }
        self.compared(&found, &format!("the header {name}"), codes::ASSERT_HEADER)
    }

    fn request_method(&self, wanted: Method) -> Result<Judged, Trouble> {
        let found = self.subject.request()?.method;
        let (wanted, found) = (wanted.as_str(), found.as_str());
        let operator = self.assert.operator.unwrap_or(Operator::Equals);
        let message = format!("expected a request by {wanted}, it was {found}");
        Ok(self.judged(holds(operator, &[found.to_owned()], wanted), codes::ASSERT_REQUEST, message))
    }

    fn request_url(&self, wanted: &str) -> Result<Judged, Trouble> {
        let wanted = self.judge.memory.fill(wanted)?;
        let whole = self.subject.request()?.url.clone();
        let below = whole.strip_prefix(self.judge.base).unwrap_or(&whole).trim_start_matches('/').to_owned();
        let operator = self.assert.operator.unwrap_or(Operator::Equals);
        let wanted = wanted.trim_start_matches('/');
        let found = if wanted.contains("://") { whole } else { below };
        let message = format!("expected a request to an address {} {wanted}", operator.words());
        let judged = self.judged(
            holds(operator, std::slice::from_ref(&found), wanted),
            codes::ASSERT_REQUEST,
            message,
        );
        Ok(Judged { came: Some(found), ..judged })
    }

    fn resource(&self, wanted: &str) -> Result<Judged, Trouble> {
        let wanted = self.judge.memory.fill(wanted)?;
        let tree = self.tree();
        let found = tree.as_ref().ok().and_then(|tree| tree.resource_type(NodeId::ROOT)).unwrap_or_default();
        let operator = self.assert.operator.unwrap_or(Operator::Equals);
        // A text that calls itself a type must not speak through the message.
        let came = match &tree {
            Err(why) => why.clone(),
            Ok(_) if self.judge.validator.schema().type_named(&found).is_some() => found.clone().into_owned(),
            Ok(_) => "a type that R4 does not have".to_owned(),
        };
        let status = self.subject.exchanged.as_ref().map_or(0, |it| it.response.status);
        let message =
            format!("expected a resource {} {wanted}, came {came} (status {status})", operator.words());
        Ok(self.judged(holds(operator, &[found.into_owned()], &wanted), codes::ASSERT_RESOURCE, message))
    }

    /// Values of the body by an expression or a path.
    fn value_at(&self, at: &VariableValue, words: &str) -> Result<Judged, Trouble> {
        let what = format!("`{words}`");
        if let Err(why) = self.tree() {
            let message = format!("expected {what} in the body: {why}");
            return Ok(self.judged(false, codes::ASSERT_CONTENT, message));
        }
        let found = self.judge.memory.read_value(at, &self.subject.held)?;
        match &self.assert.compare {
            Some(compare) => self.compared_to(&found, compare, at, &what),
            None if self.value.is_none() && self.assert.operator.is_none() => {
                let holds = matches!(at, VariableValue::Path(_)) && !found.is_empty()
                    || found.iter().any(|text| text != "false");
                let message = format!("expected {what} to hold");
                Ok(with(self.judged(holds, codes::ASSERT_CONTENT, message), &found))
            }
            None => self.compared(&found, &what, codes::ASSERT_CONTENT),
        }
    }

    fn compared_to(
        &self,
        found: &[String],
        compare: &CompareTo,
        own: &VariableValue,
        what: &str,
    ) -> Result<Judged, Trouble> {
        let other = self.other(&compare.source)?;
        let at = if matches!(compare.value, VariableValue::Default) { own } else { &compare.value };
        let wanted = self.judge.memory.read_value(at, &other)?;
        let operator = self.assert.operator.unwrap_or(Operator::Equals);
        let holds = match (operator, wanted.as_slice()) {
            (Operator::Equals, _) => found == wanted,
            (Operator::NotEquals, _) => found != wanted,
            (Operator::In, _) => found.iter().all(|text| wanted.contains(text)),
            (Operator::NotIn, _) => !found.iter().any(|text| wanted.contains(text)),
            (_, [one]) => holds(operator, found, one),
            (_, _) => {
                return Err(
                    format!("`{}` gives {} values to compare with", compare.source, wanted.len()).into()
                );
            }
        };
        let message = format!("expected {what} {} that of `{}`", operator.words(), compare.source);
        Ok(with(self.judged(holds, codes::ASSERT_CONTENT, message), found))
    }

    fn other(&self, id: &str) -> Result<Held, Trouble> {
        match self.judge.memory.held(id) {
            Some(Held::Resource(_) | Held::Lacking(_)) => {
                Ok(Held::Resource(self.judge.memory.body(id)?.into()))
            }
            Some(held) => Ok(held.clone()),
            None => Err(format!("nothing has the id `{id}`").into()),
        }
    }

    /// Values against the value of the assert.
    fn compared(&self, found: &[String], what: &str, code: &'static Code) -> Result<Judged, Trouble> {
        let default = if self.value.is_some() { Operator::Equals } else { Operator::NotEmpty };
        let operator = self.assert.operator.unwrap_or(default);
        let wanted = self.value.as_deref().unwrap_or("");
        if self.value.is_none() && !operator.is_alone() {
            return Err(Trouble::unsupported("the assert has no value to compare with"));
        }
        let said = if operator.is_alone() { String::new() } else { format!(" `{wanted}`") };
        let message = format!("expected {what} to be {}{said}", operator.words());
        Ok(with(self.judged(holds(operator, found, wanted), code, message), found))
    }

    /// The whole body against another.
    fn whole(&self) -> Result<Judged, Trouble> {
        let Some(compare) = &self.assert.compare else {
            return Err(Trouble::unsupported("the assert names nothing to look at"));
        };
        let other = self.other(&compare.source)?;
        if !matches!(compare.value, VariableValue::Default) {
            let found = self.judge.memory.read_value(&compare.value, &self.subject.held)?;
            return self.compared_to(&found, compare, &compare.value, "the value");
        }
        let (a, b) = (self.tree()?, self.judge.memory.evaluator.read(other.body())?);
        let is_equal = crate::tree::equal(&a, NodeId::ROOT, &b, NodeId::ROOT);
        let holds = match self.assert.operator.unwrap_or(Operator::Equals) {
            Operator::Equals => is_equal,
            Operator::NotEquals => !is_equal,
            _ => return Err(Trouble::unsupported("the operator does not go with whole resources")),
        };
        let message = format!("expected the resource to be that of `{}`", compare.source);
        Ok(self.judged(holds, codes::ASSERT_CONTENT, message))
    }

    /// Everything of a fixture must stand in the body.
    fn minimum(&self, id: &str) -> Result<Judged, Trouble> {
        let wanted = self.other(&self.judge.memory.fill(id)?)?;
        let wanted = self.judge.memory.evaluator.read(wanted.body())?;
        let found = match self.tree() {
            Ok(found) => found,
            Err(why) => {
                let message = format!("expected what `{id}` holds: {why}");
                return Ok(self.judged(false, codes::ASSERT_CONTENT, message));
            }
        };
        let lacking = lacking(&wanted, NodeId::ROOT, &found, NodeId::ROOT);
        let message = match lacking {
            None => format!("expected what `{id}` holds"),
            Some(node) => format!("expected what `{id}` holds; {} is not there so", wanted.known_path(node)),
        };
        Ok(self.judged(lacking.is_none(), codes::ASSERT_CONTENT, message))
    }

    fn profile(&self, id: &str) -> Result<Judged, Trouble> {
        let named = self.judge.profiles.iter().find(|(known, _)| known == id);
        let url = named.map(|(_, url)| url.clone());
        let url =
            url.ok_or_else(|| Trouble::unsupported(format!("no profile of the script has the id `{id}`")))?;
        if self.judge.validator.schema().type_by_url(&url).is_none() {
            return Err(Trouble::unsupported(format!(
                "the profile {url} is not at hand; name the package that holds it with --package"
            )));
        }
        let tree = self.tree()?;
        let profiles = [url.clone()];
        let options = validate::Options { profiles: &profiles, now: Some(self.judge.memory.evaluator.now) };
        let report = self.judge.validator.validate(&tree, &options);
        let faults = report.issues.iter().filter(|issue| issue.severity == Severity::Error);
        let told: Vec<String> = faults
            .take(FAULTS_TOLD_MAX)
            .map(|issue| format!("{} {}: {}", issue.code.id, issue.path, issue.message))
            .collect();
        let message = format!("expected a resource that fits {url}; {}", told.join("; "));
        Ok(self.judged(report.is_valid(), codes::ASSERT_PROFILE, message))
    }

    /// The links of a bundle say where they lead, and lead to bundles.
    fn links(&self, wanted: bool, exchange: &mut dyn Exchange) -> Result<Judged, Trouble> {
        let tree = self.tree()?;
        let links: Vec<(String, String)> = tree
            .children(NodeId::ROOT)
            .filter(|id| tree.name_text(*id) == "link")
            .map(|id| {
                let text = |name| tree.child_text(id, name).unwrap_or_default().into_owned();
                (text("relation"), text("url"))
            })
            .collect();
        let fault = if links.iter().any(|(relation, _)| relation == "self") {
            links
                .iter()
                .take(LINKS_MAX)
                .find_map(|(relation, url)| self.fault_of_link(relation, url, exchange))
        } else {
            Some("it has no link `self`".to_owned())
        };
        let message = match (&fault, wanted) {
            (Some(fault), true) => format!("expected a bundle with links: {fault}"),
            (_, _) => "expected a bundle without links that lead anywhere".to_owned(),
        };
        Ok(self.judged(fault.is_none() == wanted, codes::ASSERT_LINKS, message))
    }

    fn fault_of_link(&self, relation: &str, url: &str, exchange: &mut dyn Exchange) -> Option<String> {
        let url = if url.contains("://") {
            url.to_owned()
        } else {
            format!("{}/{}", self.judge.base, url.trim_start_matches('/'))
        };
        let accept = Header { name: "Accept".to_owned(), value: "application/fhir+json".to_owned() };
        let destination = self.subject.exchanged.as_ref().map_or(1, |it| it.request.destination);
        let request = Request { destination, method: Method::Get, url, headers: vec![accept], body: None };
        let relation =
            if relation.chars().all(|c| c.is_ascii_alphabetic()) { relation } else { "with a strange name" };
        match exchange.send(&request) {
            Err(fault) => Some(format!("the link {relation} cannot be followed: {fault}")),
            Ok(answer) if answer.status != 200 => {
                Some(format!("the link {relation} gives {}", answer.status))
            }
            Ok(answer) => {
                let tree = self.judge.memory.evaluator.read(&answer.body).ok();
                let is_bundle =
                    tree.is_some_and(|tree| tree.resource_type(NodeId::ROOT).as_deref() == Some("Bundle"));
                (!is_bundle).then(|| format!("the link {relation} leads to no Bundle"))
            }
        }
    }
}

/// What can be said of values without showing them: how many there are, or whether one is true.
fn told(found: &[String]) -> String {
    match found {
        [] => "there is none".to_owned(),
        [one] if one == "true" || one == "false" => format!("it is {one}"),
        [_] => "it has another value".to_owned(),
        several => format!("there are {}", several.len()),
    }
}

/// With the values that came. Where they are not as expected, it is said what can be said of them.
fn with(judged: Judged, found: &[String]) -> Judged {
    let came = (!found.is_empty()).then(|| found.join(", "));
    let message = if judged.holds { judged.message } else { format!("{}, {}", judged.message, told(found)) };
    Judged { message, came, ..judged }
}

fn or_none(text: &str) -> &str {
    if text.is_empty() { "none" } else { text }
}

/// The first node of what is wanted that what was found does not hold. An item of a list may stand anywhere in it, each
/// for one item.
fn lacking(wanted: &Tree, id: NodeId, found: &Tree, at: NodeId) -> Option<NodeId> {
    if wanted.kind(id).is_leaf() && wanted.kind(id) != Kind::Null && !found.text_is(at, &wanted.text(id)) {
        return Some(id);
    }
    let mut taken: Vec<NodeId> = Vec::new();
    for child in wanted.children(id) {
        let name = wanted.name_text(child);
        let named: Vec<NodeId> = found.children(at).filter(|it| found.name_text(*it) == name).collect();
        let mut free = named.iter().filter(|candidate| !taken.contains(candidate));
        match (free.find(|candidate| lacking(wanted, child, found, **candidate).is_none()), named.as_slice())
        {
            (Some(candidate), _) => taken.push(*candidate),
            // Of one alone it can be said what it lacks; of several none is the one that was meant.
            (None, [only]) if taken.is_empty() => return lacking(wanted, child, found, *only),
            (None, _) => return Some(child),
        }
    }
    None
}

/// The status of a response code, of R4 and of R5 (`assert-response-code-types`).
fn status_named(code: &str) -> Option<u16> {
    STATUSES.iter().find(|(name, _)| *name == code).map(|(_, status)| *status)
}

const STATUSES: &[(&str, u16)] = &[
    ("continue", 100),
    ("switchingProtocols", 101),
    ("okay", 200),
    ("created", 201),
    ("accepted", 202),
    ("nonAuthoritativeInformation", 203),
    ("noContent", 204),
    ("resetContent", 205),
    ("partialContent", 206),
    ("multipleChoices", 300),
    ("movedPermanently", 301),
    ("found", 302),
    ("seeOther", 303),
    ("notModified", 304),
    ("useProxy", 305),
    ("temporaryRedirect", 307),
    ("permanentRedirect", 308),
    ("bad", 400),
    ("badRequest", 400),
    ("unauthorized", 401),
    ("paymentRequired", 402),
    ("forbidden", 403),
    ("notFound", 404),
    ("methodNotAllowed", 405),
    ("notAcceptable", 406),
    ("proxyAuthenticationRequired", 407),
    ("requestTimeout", 408),
    ("conflict", 409),
    ("gone", 410),
    ("lengthRequired", 411),
    ("preconditionFailed", 412),
    ("contentTooLarge", 413),
    ("uriTooLong", 414),
    ("unsupportedMediaType", 415),
    ("rangeNotSatisfiable", 416),
    ("expectationFailed", 417),
    ("misdirectedRequest", 421),
    ("unprocessable", 422),
    ("unprocessableContent", 422),
    ("upgradeRequired", 426),
    ("internalServerError", 500),
    ("notImplemented", 501),
    ("badGateway", 502),
    ("serviceUnavailable", 503),
    ("gatewayTimeout", 504),
    ("httpVersionNotSupported", 505),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Schema;
    use crate::tree::fhir::read_json;

    #[test]
    fn what_is_wanted_may_stand_anywhere_in_a_list() {
        let check = |wanted: &str, found: &str, expected: Option<&str>| {
            let read = |text: &str| {
                let text = format!("{{\"resourceType\":\"Patient\",{text}}}");
                read_json(&text, Schema::r4().names()).unwrap_or_else(|_| Tree::new(Schema::r4().names()))
            };
            let (wanted, found) = (read(wanted), read(found));
            let path = lacking(&wanted, NodeId::ROOT, &found, NodeId::ROOT).map(|id| wanted.path(id));
            assert_eq!(path.as_deref(), expected);
        };
        let two = r#""name":[{"family":"A","given":["x","y"]},{"family":"B"}],"active":true"#;
        check(r#""active":true"#, two, None);
        check(r#""name":[{"family":"B"}]"#, two, None);
        check(r#""name":[{"given":["y"]}]"#, two, None);
        check(r#""name":[{"family":"B"},{"family":"B"}]"#, two, Some("Patient.name[1]"));
        check(r#""active":false"#, two, Some("Patient.active"));
        check(r#""gender":"female""#, two, Some("Patient.gender"));
    }
}
