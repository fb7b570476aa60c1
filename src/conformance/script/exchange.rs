//! What the engine asks of the world: an answer to a request, and the passing of time.

use std::fmt;
use std::time::Duration;

/// Methods that a TestScript may ask for (FHIR R4, `http-operations`, with `OPTIONS`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// `GET`.
    Get,
    /// `HEAD`.
    Head,
    /// `POST`.
    Post,
    /// `PUT`.
    Put,
    /// `PATCH`.
    Patch,
    /// `DELETE`.
    Delete,
    /// `OPTIONS`.
    Options,
}

impl Method {
    /// Every method.
    const ALL: [Self; 7] =
        [Self::Get, Self::Head, Self::Post, Self::Put, Self::Patch, Self::Delete, Self::Options];

    /// As HTTP writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
        }
    }

    /// From its code, in any case of letters: R4 writes `get`, other suites `GET`.
    pub(super) fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str().eq_ignore_ascii_case(text))
    }
}

/// A header field.
#[derive(Clone, PartialEq, Eq)]
pub struct Header {
    /// Its name, as it was written.
    pub name: String,
    /// Its value.
    pub value: String,
}

impl fmt::Debug for Header {
    /// The name alone: a value may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// What is sent.
#[derive(Clone)]
pub struct Request {
    /// The server, by its number in the script; 1 is the one that is always there.
    pub destination: u32,
    /// The method.
    pub method: Method,
    /// The whole address.
    pub url: String,
    /// Header fields; a body has its `Content-Type` among them.
    pub headers: Vec<Header>,
    /// The body.
    pub body: Option<String>,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("method", &self.method).finish_non_exhaustive()
    }
}

/// What came back.
#[derive(Clone)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// Header fields.
    pub headers: Vec<Header>,
    /// The body, empty where there is none.
    pub body: String,
    /// The number of the exchange, under which its evidence is kept.
    pub number: u32,
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response").field("status", &self.status).finish_non_exhaustive()
    }
}

/// The value of a header field, its name in any case of letters; several of one name are joined (RFC 9110, 5.3).
pub(super) fn header<'a>(headers: &'a [Header], name: &str) -> Option<std::borrow::Cow<'a, str>> {
    let mut found =
        headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name)).map(|header| &*header.value);
    let first = found.next()?;
    let rest: Vec<&str> = found.collect();
    Some(if rest.is_empty() { first.into() } else { format!("{first}, {}", rest.join(", ")).into() })
}

/// Why there is no answer. None of them holds a value of a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendFault {
    /// The server cannot be reached.
    #[error("the server cannot be reached: {0}")]
    Unreachable(String),
    /// It did not answer in time.
    #[error("no answer came within {0} s")]
    Late(u64),
    /// What came is no HTTP, or the connection broke.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// The answer is larger than the limit.
    #[error("the answer has over {0} bytes")]
    TooLarge(usize),
    /// The body is no text in UTF-8.
    #[error("the body is no text in UTF-8")]
    NotText,
    /// The request cannot be sent as it is.
    #[error("the request cannot be sent: {0}")]
    Unsendable(&'static str),
    /// The address leads to another server than the one under test.
    #[error("the address leads to another server than the one under test")]
    OtherServer,
}

impl SendFault {
    /// True where the server itself was not there, so that nothing can be said about it.
    pub const fn is_unreachable(&self) -> bool {
        match self {
            Self::Unreachable(_) => true,
            Self::Late(_)
            | Self::Broken(_)
            | Self::TooLarge(_)
            | Self::NotText
            | Self::Unsendable(_)
            | Self::OtherServer => false,
        }
    }
}

/// Sends requests and waits.
pub trait Exchange {
    /// The answer to a request.
    ///
    /// # Errors
    /// There is none that can be read.
    fn send(&mut self, request: &Request) -> Result<Response, SendFault>;

    /// Lets time pass between two questions about the same thing.
    fn wait(&mut self, time: Duration);

    /// Time that all answers so far took.
    fn spent(&self) -> Duration;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_found_in_any_case_and_joined() {
        let field = |name: &str, value: &str| Header { name: name.to_owned(), value: value.to_owned() };
        let fields = [field("etag", "W/\"1\""), field("Link", "a"), field("link", "b")];
        assert_eq!(header(&fields, "ETag").as_deref(), Some("W/\"1\""));
        assert_eq!(header(&fields, "LINK").as_deref(), Some("a, b"));
        assert_eq!(header(&fields, "Location"), None);
    }

    #[test]
    fn a_method_has_its_name_in_any_case() {
        assert_eq!(Method::named("patch"), Some(Method::Patch));
        assert_eq!(Method::named("GET"), Some(Method::Get));
        assert_eq!(Method::named("trace"), None);
    }
}
