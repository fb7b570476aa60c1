//! The exchanges of a run of tests as files, so that a finding points into what was really said; with the token that
//! every request carries.

use super::conformance::Callers;
use super::console::{Add, Stop};
use super::files;
use crate::conformance::script::{Exchange, Header, Request, Response, SendFault};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Header fields whose values are secrets, and parts of names that say so.
const SECRET_HEADERS: &[&str] = &["authorization", "cookie", "token", "secret", "api-key", "apikey"];
/// Fields of forms and of JSON whose values are secrets (RFC 6749, RFC 7523).
const SECRET_FIELDS: &[&str] = &[
    "client_assertion",
    "client_secret",
    "access_token",
    "refresh_token",
    "id_token",
    "assertion",
    "password",
];
/// Written where a secret was.
const MASKED: &str = "***";

/// Keeps what another exchange sends and gets.
#[derive(Debug)]
pub(super) struct Recorded<E> {
    inner: E,
    callers: Callers,
    folder: Option<PathBuf>,
    /// The first file that could not be written.
    pub(super) failed: Option<Stop>,
}

impl<E: Exchange> Recorded<E> {
    /// Over an exchange, into a folder; into none where nothing is to be kept.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub(super) fn new(inner: E, callers: Callers, folder: Option<&Path>) -> Result<Self, Stop> {
        if let Some(folder) = folder {
            fs::create_dir_all(folder)
                .map_err(|source| Stop::Unwritable { path: folder.to_owned(), source })?;
        }
        Ok(Self { inner, callers, folder: folder.map(Path::to_owned), failed: None })
    }

    fn keep(&mut self, request: &Request, response: &Response) {
        let Some(folder) = &self.folder else { return };
        let path = folder.join(format!("{:04}.http", response.number));
        if let Err(stop) = files::write_unsynced(&path, text(request, response).as_bytes()) {
            self.failed.get_or_insert(stop);
        }
    }
}

impl<E: Exchange> Exchange for Recorded<E> {
    fn send(&mut self, request: &Request) -> Result<Response, SendFault> {
        let (request, response) = self.callers.send(request, &mut self.inner)?;
        self.keep(&request, &response);
        Ok(response)
    }

    fn wait(&mut self, time: Duration) {
        self.inner.wait(time);
    }

    fn spent(&self) -> Duration {
        self.inner.spent()
    }
}

/// An exchange as HTTP writes it, with its secrets masked.
fn text(request: &Request, response: &Response) -> String {
    let mut out = format!("{} {} HTTP/1.1\n", request.method.as_str(), masked_url(&request.url));
    headers(&mut out, &request.headers);
    out.add(format_args!("\n{}\n\n", masked_body(request.body.as_deref().unwrap_or(""))));
    out.add(format_args!("HTTP/1.1 {}\n", response.status));
    headers(&mut out, &response.headers);
    out.add(format_args!("\n{}\n", masked_body(&response.body)));
    out
}

fn headers(out: &mut String, headers: &[Header]) {
    for header in headers {
        let name = header.name.to_ascii_lowercase();
        let is_secret = SECRET_HEADERS.iter().any(|secret| name.contains(secret));
        out.add(format_args!("{}: {}\n", header.name, if is_secret { MASKED } else { &header.value }));
    }
}

fn masked_url(url: &str) -> String {
    let Some((path, query)) = url.split_once('?') else { return url.to_owned() };
    format!("{path}?{}", masked_pairs(query))
}

fn masked_pairs(pairs: &str) -> String {
    let masked = pairs.split('&').map(|pair| match pair.split_once('=') {
        Some((name, _)) if SECRET_FIELDS.contains(&name) => format!("{name}={MASKED}"),
        _ => pair.to_owned(),
    });
    masked.collect::<Vec<String>>().join("&")
}

/// A form or a JSON object with its secrets masked; anything else as it is.
fn masked_body(body: &str) -> String {
    if body.trim_start().starts_with('{') {
        return masked_json(body);
    }
    let is_form = body.split('&').all(|pair| pair.contains('=')) && !body.contains(['<', '\n', ' ']);
    if is_form { masked_pairs(body) } else { body.to_owned() }
}

/// The text with the values of secret members masked, and every other byte as it came.
fn masked_json(body: &str) -> String {
    let mut out = body.to_owned();
    for field in SECRET_FIELDS {
        let key = format!("\"{field}\"");
        let mut from = 0;
        while let Some(at) = out.get(from..).and_then(|rest| rest.find(&key)) {
            from += at + key.len();
            let Some(rest) = out.get(from..) else { break };
            let Some(value) = rest.trim_start().strip_prefix(':').map(str::trim_start) else { continue };
            let Some(inner) = value.strip_prefix('"') else { continue };
            let start = out.len() - inner.len();
            let end = start + end_of_string(inner);
            out.replace_range(start..end, MASKED);
            from = start;
        }
    }
    out
}

/// Bytes before the quote that ends a JSON string.
fn end_of_string(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::script::Method;

    #[test]
    fn secrets_are_masked_and_the_rest_is_kept() {
        let field = |name: &str, value: &str| Header { name: name.to_owned(), value: value.to_owned() };
        let request = Request {
            destination: 1,
            method: Method::Post,
            url: "http://h/token?access_token=abc&a=1".to_owned(),
            headers: vec![field("Authorization", "Bearer abc"), field("Accept", "a/b")],
            body: Some("grant_type=x&client_assertion=abc".to_owned()),
        };
        let response = Response {
            status: 200,
            headers: vec![field("set-cookie", "abc")],
            body: "{ \"access_token\" : \"a\\\"bc\", \"expires_in\": 3 }".to_owned(),
            number: 1,
        };
        let text = text(&request, &response);
        assert!(!text.contains("abc") && !text.contains("bc\""), "{text}");
        assert!(text.contains("POST http://h/token?access_token=***&a=1 HTTP/1.1"), "{text}");
        assert!(text.contains("Accept: a/b") && text.contains("grant_type=x&client_assertion=***"), "{text}");
        assert!(text.contains("\"access_token\" : \"***\", \"expires_in\": 3"), "{text}");
    }
}
