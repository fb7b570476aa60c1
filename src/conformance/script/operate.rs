//! From an operation of a script to the request it means (FHIR R4, `TestScript.setup.action.operation`).

use super::exchange::{Header, Method, Request};
use super::model::Operation;
use super::variables::Memory;
use crate::tree::NodeId;

const FHIR_JSON: &str = "application/fhir+json";
const FHIR_XML: &str = "application/fhir+xml";
const FORM: &str = "application/x-www-form-urlencoded";

/// The request of an operation.
///
/// # Errors
/// What of the operation cannot be sent, and why.
pub(super) fn request(operation: &Operation, base: &str, memory: &Memory<'_>) -> Result<Request, String> {
    let fill = |text: &Option<String>| text.as_deref().map(|text| memory.fill(text)).transpose();
    let mut body = match &operation.source_id {
        Some(id) => Some(memory.body(&memory.fill(id)?)?),
        None => None,
    };
    let mut content_type = fill(&operation.content_type)?.map(|code| media_type(&code));
    let method = operation.method.unwrap_or_else(|| method_of(operation, body.is_some()));
    let is_search = operation.code == "search" && method == Method::Post;
    if is_search && body.is_none() && content_type.is_none() {
        // The parameters of a search by POST are a form (FHIR R4, "search").
        content_type = Some(FORM.to_owned());
    }
    let is_form = content_type.as_deref().is_some_and(|media| media.starts_with(FORM));
    let params = fill(&operation.params)?;
    let target = Target {
        resource: fill(&operation.resource)?,
        addressed: fill(&operation.target_id)?.map(|id| identity(memory, &id)).transpose()?,
        sent: body.as_deref().map(|body| identity_of(memory, body)).transpose().ok().flatten(),
    };
    let url = match fill(&operation.url)? {
        Some(url) => joined(base, &url),
        None if is_search => format!("{base}/{}_search", target.folder()),
        None => format!("{base}{}", target.path(&operation.code, params.as_deref())?),
    };
    let url = if operation.is_url_verbatim { url } else { encoded(&url) };
    if is_form && body.is_none() {
        body = Some(encoded_query(params.as_deref().unwrap_or("").trim_start_matches('?')));
    }
    if matches!(method, Method::Get | Method::Head | Method::Delete | Method::Options)
        && operation.source_id.is_none()
    {
        body = None;
    }
    if let Some(media) = &content_type {
        body = body.map(|body| memory.evaluator.in_form(body, media));
    }
    let headers = headers(operation, memory, content_type, body.as_deref())?;
    Ok(Request { destination: operation.destination, method, url, headers, body })
}

fn headers(
    operation: &Operation,
    memory: &Memory<'_>,
    content_type: Option<String>,
    body: Option<&str>,
) -> Result<Vec<Header>, String> {
    let mut headers = Vec::new();
    for (name, value) in &operation.headers {
        headers.push(Header { name: memory.fill(name)?, value: memory.fill(value)? });
    }
    let mut add = |name: &str, value: String| {
        if !headers.iter().any(|header: &Header| header.name.eq_ignore_ascii_case(name)) {
            headers.push(Header { name: name.to_owned(), value });
        }
    };
    let accept = operation.accept.as_deref().map(|accept| memory.fill(accept)).transpose()?;
    add("Accept", accept.map_or_else(|| FHIR_JSON.to_owned(), |accept| media_type(&accept)));
    if let Some(body) = body {
        add("Content-Type", content_type.unwrap_or_else(|| type_of_body(operation, body).to_owned()));
    } else if let Some(content_type) = content_type {
        add("Content-Type", content_type);
    }
    Ok(headers)
}

/// R4's codes are short, R5's are media types; both are understood.
pub(super) fn media_type(code: &str) -> String {
    match code {
        "json" => FHIR_JSON.to_owned(),
        "xml" => FHIR_XML.to_owned(),
        "ttl" => "text/turtle".to_owned(),
        "none" => "*/*".to_owned(),
        other => other.to_owned(),
    }
}

fn type_of_body(operation: &Operation, body: &str) -> &'static str {
    match body.trim_start().chars().next() {
        Some('<') => FHIR_XML,
        Some('[') if operation.code == "patch" => "application/json-patch+json",
        _ => FHIR_JSON,
    }
}

fn method_of(operation: &Operation, has_body: bool) -> Method {
    match operation.code.as_str() {
        "read" | "vread" | "search" | "history" | "capabilities" => Method::Get,
        "create" | "batch" | "transaction" => Method::Post,
        "update" | "updateCreate" => Method::Put,
        "patch" => Method::Patch,
        "delete" | "deleteCondSingle" | "deleteCondMultiple" => Method::Delete,
        _ if has_body => Method::Post,
        _ => Method::Get,
    }
}

/// What a request is about.
struct Target {
    resource: Option<String>,
    /// The resource that `targetId` stands for.
    addressed: Option<Identity>,
    /// The resource that is sent.
    sent: Option<Identity>,
}

/// Type, id and version of a resource, as far as it has them.
struct Identity {
    kind: String,
    id: Option<String>,
    version: Option<String>,
}

fn identity(memory: &Memory<'_>, id: &str) -> Result<Identity, String> {
    identity_of(memory, &memory.body(id)?)
}

fn identity_of(memory: &Memory<'_>, body: &str) -> Result<Identity, String> {
    let tree = memory.evaluator.read(body)?;
    let kind = tree.resource_type(NodeId::ROOT).ok_or("it is no resource")?.into_owned();
    let meta = tree.child_str(NodeId::ROOT, "meta");
    Ok(Identity {
        kind,
        id: tree.child_text(NodeId::ROOT, "id").map(std::borrow::Cow::into_owned),
        version: meta.and_then(|meta| tree.child_text(meta, "versionId")).map(std::borrow::Cow::into_owned),
    })
}

impl Target {
    /// The type with a slash, or nothing for the whole system.
    fn folder(&self) -> String {
        self.resource.as_ref().map_or_else(String::new, |resource| format!("{resource}/"))
    }

    /// The path below the base, beginning with a slash, with its query.
    fn path(&self, code: &str, params: Option<&str>) -> Result<String, String> {
        let named = self.resource.clone().map(|resource| format!("/{resource}"));
        let params =
            params.map(
                |params| {
                    if params.starts_with(['/', '?']) { params.to_owned() } else { format!("/{params}") }
                },
            );
        let is_named_operation = !INTERACTIONS.contains(&code) && !code.is_empty();
        if is_named_operation {
            return self.path_of_operation(code.trim_start_matches('$'), params.as_deref());
        }
        if let Some(params) = params {
            let suffix = match code {
                "history" if !params.contains("_history") => "/_history",
                _ => "",
            };
            let (path, query) = params.split_at(params.find('?').unwrap_or(params.len()));
            let sent = || self.sent.as_ref().map(|source| format!("/{}", source.kind));
            let named = named.or_else(|| if code == "search" { None } else { sent() }).unwrap_or_default();
            return Ok(format!("{named}{path}{suffix}{query}"));
        }
        if let Some(target) = &self.addressed {
            let id = target.id.as_deref().ok_or("the resource that targetId names has no id")?;
            let at = format!("/{}/{id}", target.kind);
            return match (code, &target.version) {
                ("vread", Some(version)) => Ok(format!("{at}/_history/{version}")),
                ("vread", None) => Err("the resource that targetId names has no version".to_owned()),
                ("history", _) => Ok(format!("{at}/_history")),
                _ => Ok(at),
            };
        }
        match code {
            "capabilities" => Ok("/metadata".to_owned()),
            "batch" | "transaction" => Ok(String::new()),
            "history" => Ok(format!("{}/_history", named.unwrap_or_default())),
            "search" => Ok(named.unwrap_or_default()),
            "create" => self.sent_type(named),
            "update" | "updateCreate" => {
                let source = self.sent.as_ref().ok_or("the operation has no resource to send")?;
                match (&source.id, named) {
                    (Some(id), _) => Ok(format!("/{}/{id}", source.kind)),
                    // An update without criteria, which a server has to refuse.
                    (None, Some(named)) => Ok(named),
                    (None, None) => Err("the resource to send has no id".to_owned()),
                }
            }
            _ => named.ok_or_else(|| "the operation does not say what it is about".to_owned()),
        }
    }

    fn sent_type(&self, named: Option<String>) -> Result<String, String> {
        let kind = || self.sent.as_ref().map(|source| format!("/{}", source.kind));
        named.or_else(kind).ok_or_else(|| "the operation does not say of what type it is".to_owned())
    }

    /// The address of an operation that has a name, on the system, a type or an instance.
    fn path_of_operation(&self, name: &str, params: Option<&str>) -> Result<String, String> {
        let params = params.unwrap_or("");
        if params.contains('$') {
            return Ok(format!(
                "{}{params}",
                self.resource.as_ref().map_or_else(String::new, |it| format!("/{it}"))
            ));
        }
        let (path, query) = params.split_at(params.find('?').unwrap_or(params.len()));
        if let Some(target) = &self.addressed {
            let id = target.id.as_deref().ok_or("the resource that targetId names has no id")?;
            return Ok(format!("/{}/{id}/${name}{query}", target.kind));
        }
        let kind = self.resource.as_ref().map_or_else(String::new, |resource| format!("/{resource}"));
        Ok(format!("{kind}{path}/${name}{query}"))
    }
}

/// Codes of `testscript-operation-codes` that are interactions; all others are names of operations.
const INTERACTIONS: &[&str] = &[
    "read",
    "vread",
    "update",
    "updateCreate",
    "create",
    "search",
    "delete",
    "deleteCondSingle",
    "deleteCondMultiple",
    "history",
    "capabilities",
    "batch",
    "transaction",
    "patch",
];

/// An address, absolute or below the base.
fn joined(base: &str, url: &str) -> String {
    if url.starts_with("http://") || url.starts_with("https://") {
        return url.to_owned();
    }
    format!("{base}/{}", url.trim_start_matches('/'))
}

/// The address with what an address may not hold percent-encoded (RFC 3986). What is encoded already stays; a `+` of a
/// query would be read as a space, so it is encoded too.
fn encoded(url: &str) -> String {
    let host = url.find("://").map_or(0, |at| at + 3);
    let below = url.get(host..).and_then(|rest| rest.find(['/', '?'])).map_or(url.len(), |at| host + at);
    let (server, below) = url.split_at(below);
    let (path, query) = below.split_at(below.find('?').unwrap_or(below.len()));
    format!("{server}{}{}", percent(path, &|byte| byte == b'+'), percent(query, &|_| false))
}

fn encoded_query(query: &str) -> String {
    percent(query, &|_| false)
}

fn percent(text: &str, also_stays: &dyn Fn(u8) -> bool) -> String {
    let bytes = text.as_bytes();
    let is_hex = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_hexdigit);
    let mut out = String::with_capacity(text.len());
    for (at, byte) in bytes.iter().copied().enumerate() {
        let stays = byte.is_ascii_alphanumeric()
            || b"-._~:/?@!$&'()*,;=".contains(&byte)
            || also_stays(byte)
            || (byte == b'%' && is_hex(at + 1) && is_hex(at + 2));
        if stays {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_encoded_once() {
        let check = |url: &str, expected: &str| assert_eq!(encoded(url), expected);
        check("http://h/Patient?name=Mäki a", "http://h/Patient?name=M%C3%A4ki%20a");
        check("http://h/P?a=s|1&b=%20&c=10%", "http://h/P?a=s%7C1&b=%20&c=10%25");
        check("http://h/P?d=2026-01-01T00:00:00+02:00", "http://h/P?d=2026-01-01T00:00:00%2B02:00");
        check("http://[::1]:8/$op", "http://[::1]:8/$op");
    }

    #[test]
    fn paths_of_interactions() {
        let identity = |kind: &str, version: Option<&str>| Identity {
            kind: kind.to_owned(),
            id: Some("1".to_owned()),
            version: version.map(str::to_owned),
        };
        let check = |code: &str,
                     resource: Option<&str>,
                     params: Option<&str>,
                     target: Option<Identity>,
                     expected: Option<&str>| {
            let target = Target {
                resource: resource.map(str::to_owned),
                addressed: target,
                sent: Some(identity("Goal", None)),
            };
            assert_eq!(target.path(code, params).ok().as_deref(), expected, "{code} {params:?}");
        };
        check("read", Some("Patient"), Some("/7"), None, Some("/Patient/7"));
        check("read", None, None, Some(identity("Patient", None)), Some("/Patient/1"));
        check("vread", None, None, Some(identity("Patient", Some("2"))), Some("/Patient/1/_history/2"));
        check("vread", None, None, Some(identity("Patient", None)), None);
        check("history", None, None, Some(identity("Patient", None)), Some("/Patient/1/_history"));
        check("history", Some("Patient"), None, None, Some("/Patient/_history"));
        check("history", None, None, None, Some("/_history"));
        check("search", Some("Patient"), Some("?name=a"), None, Some("/Patient?name=a"));
        check("search", None, Some("?_type=Goal"), None, Some("?_type=Goal"));
        check("create", None, None, None, Some("/Goal"));
        check("create", Some("Patient"), None, None, Some("/Patient"));
        check("update", None, None, None, Some("/Goal/1"));
        check("update", Some("Patient"), Some("/9"), None, Some("/Patient/9"));
        check("update", Some("Patient"), None, None, Some("/Goal/1"));
        check("delete", Some("Patient"), Some("?name=a"), None, Some("/Patient?name=a"));
        check("delete", Some("Patient"), None, None, Some("/Patient"));
        check("delete", None, None, None, None);
        check("capabilities", None, None, None, Some("/metadata"));
        check("transaction", None, None, None, Some(""));
        check("expand", Some("ValueSet"), Some("/1?filter=a"), None, Some("/ValueSet/1/$expand?filter=a"));
        check("$everything", None, None, Some(identity("Patient", None)), Some("/Patient/1/$everything"));
        check("$export", None, None, None, Some("/$export"));
    }
}
