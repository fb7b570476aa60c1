//! HTTP/1.1 to the servers under test, over TLS where their address says so.
//!
//! Requests go to those servers alone: neither an address in a script nor a redirect leads anywhere else, so that what a
//! script holds, and the token it is run with, reach nobody else. Every answer has a deadline and a limit.

mod tls;

use super::script::{Exchange, Header, Method, Request, Response, SendFault};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{HOST, LOCATION};
use hyper_util::rt::TokioIo;
use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

pub use tls::Tls;

/// Bytes of one answer.
const BODY_BYTES_MAX: usize = 64 << 20;
/// Redirects of one request that are followed.
const REDIRECTS_MAX: usize = 5;
/// Time to reach the server.
const CONNECT_TIME: Duration = Duration::from_secs(10);
/// Servers of one client.
const SERVERS_MAX: usize = 16;

/// Why a base url cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// It is no url of a server.
    #[error("the base url is not of the form https://host:port/path")]
    Base,
    /// It asks for TLS, and there are no roots to trust.
    #[error("https needs root certificates; name a file of them")]
    NoRoots,
    /// Certificates or a key that cannot be used.
    #[error("{0}")]
    Tls(String),
    /// Too many servers, or two of one number.
    #[error("a server has the number of another, or there are over {SERVERS_MAX}")]
    Servers,
    /// The system refuses.
    #[error("the system refuses to start the client")]
    System(#[source] io::Error),
}

/// A client of one server, or of several that a script knows by their numbers.
#[derive(Debug)]
pub struct Client {
    runtime: Runtime,
    time_max: Duration,
    tls: Option<Tls>,
    servers: BTreeMap<u32, Server>,
    count: u32,
    spent: Duration,
}

/// One server with the connection that is open to it.
#[derive(Debug)]
struct Server {
    /// `http://host:port/path`, without a slash at its end.
    base: String,
    address: Address,
    connection: Option<SendRequest<Full<Bytes>>>,
}

/// Where a server is: what a request must lead to.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Address {
    is_tls: bool,
    /// `host:port`.
    authority: String,
}

impl Client {
    /// The number of the server that a client always has.
    pub const FIRST: u32 = 1;

    /// A client of the server at `base`, whose every answer has `time_max`; without TLS.
    ///
    /// # Errors
    /// The url is none that can be asked, or the system refuses.
    pub fn new(base: &str, time_max: Duration) -> Result<Self, ClientError> {
        Self::over(base, time_max, None)
    }

    /// As [`Client::new`], with what TLS is spoken by.
    ///
    /// # Errors
    /// As for [`Client::new`].
    pub fn over(base: &str, time_max: Duration, tls: Option<Tls>) -> Result<Self, ClientError> {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(ClientError::System)?;
        let servers = BTreeMap::new();
        let mut client = Self { runtime, time_max, tls, servers, count: 0, spent: Duration::ZERO };
        client.add(Self::FIRST, base)?;
        Ok(client)
    }

    /// Adds a server with the number that scripts know it by.
    ///
    /// # Errors
    /// The url is none that can be asked, or the number is taken.
    pub fn add(&mut self, number: u32, base: &str) -> Result<(), ClientError> {
        let base = base.trim_end_matches('/');
        let address = Address::of(base).ok_or(ClientError::Base)?;
        if address.is_tls && self.tls.is_none() {
            return Err(ClientError::NoRoots);
        }
        if self.servers.len() >= SERVERS_MAX || self.servers.contains_key(&number) {
            return Err(ClientError::Servers);
        }
        self.servers.insert(number, Server { base: base.to_owned(), address, connection: None });
        Ok(())
    }

    /// The base url of the first server, without a slash at its end.
    pub fn base(&self) -> &str {
        self.servers.get(&Self::FIRST).map_or("", |server| &server.base)
    }

    fn prepared(&self, request: &Request) -> Result<hyper::Request<Full<Bytes>>, SendFault> {
        let address = self.address(request)?;
        let rest = request.url.split_once("://").map_or("", |(_, rest)| rest);
        let target = rest.find(['/', '?']).and_then(|at| rest.get(at..)).unwrap_or("/");
        let target = target.split('#').next().unwrap_or("/");
        let target = if target.starts_with('?') { format!("/{target}") } else { target.to_owned() };
        let mut prepared = hyper::Request::builder().method(request.method.as_str()).uri(target);
        prepared = prepared.header(HOST, &address.authority);
        for header in &request.headers {
            prepared = prepared.header(&header.name, &header.value);
        }
        let body = Full::new(Bytes::from(request.body.clone().unwrap_or_default()));
        prepared
            .body(body)
            .map_err(|_| SendFault::Unsendable("the address or a header field has a wrong form"))
    }

    /// One request and its answer, over the connection that is open or over a new one.
    fn ask(&mut self, request: &Request) -> Result<Response, SendFault> {
        let (time_max, address, tls) = (self.time_max, self.address(request)?.clone(), self.tls.clone());
        let open = self.servers.get_mut(&request.destination).and_then(|server| server.connection.take());
        let is_safe = matches!(request.method, Method::Get | Method::Head | Method::Options);
        let prepared = self.prepared(request)?;
        let again = self.prepared(request)?;
        let asking = async {
            if let Some(mut open) = open
                && open.ready().await.is_ok()
            {
                match open.send_request(prepared).await {
                    Ok(answer) => return read(answer, open).await,
                    // The server had closed the connection before it saw the request.
                    Err(error) if error.is_canceled() || (is_safe && error.is_incomplete_message()) => {}
                    Err(error) => return Err(SendFault::Broken(error.to_string())),
                }
            }
            let mut fresh = connect(&address, tls.as_ref()).await?;
            let answer =
                fresh.send_request(again).await.map_err(|error| SendFault::Broken(error.to_string()))?;
            read(answer, fresh).await
        };
        // A deadline belongs to the runtime that it is made in.
        let asked = self.runtime.block_on(async { timeout(time_max, asking).await });
        let (mut response, connection) = asked.map_err(|_| SendFault::Late(time_max.as_secs()))??;
        if let Some(server) = self.servers.get_mut(&request.destination) {
            server.connection = Some(connection);
        }
        self.count += 1;
        response.number = self.count;
        Ok(response)
    }

    /// Where an answer sends on to, on the same server.
    fn redirect(&self, request: &Request, response: &Response) -> Option<Request> {
        if !matches!(response.status, 301 | 302 | 303 | 307 | 308)
            || !matches!(request.method, Method::Get | Method::Head)
        {
            return None;
        }
        let location =
            response.headers.iter().find(|header| header.name.eq_ignore_ascii_case(LOCATION.as_str()))?;
        let url = if location.value.starts_with('/') {
            let origin: Vec<&str> = request.url.splitn(4, '/').take(3).collect();
            format!("{}{}", origin.join("/"), location.value)
        } else {
            location.value.clone()
        };
        let next = Request { url, ..request.clone() };
        self.address(&next).is_ok().then_some(next)
    }

    /// The server that a request is for, where its address leads there.
    fn address(&self, request: &Request) -> Result<&Address, SendFault> {
        let server = self.servers.get(&request.destination).ok_or(SendFault::OtherServer)?;
        let is_it = Address::of(&request.url).as_ref() == Some(&server.address);
        is_it.then_some(&server.address).ok_or(SendFault::OtherServer)
    }
}

impl Exchange for Client {
    fn send(&mut self, request: &Request) -> Result<Response, SendFault> {
        #[expect(
            clippy::disallowed_methods,
            reason = "how long a server takes is measured here, and nowhere else"
        )]
        let started = Instant::now();
        let mut response = self.ask(request);
        let mut at = request.clone();
        for _ in 0..REDIRECTS_MAX {
            let Some(next) = response.as_ref().ok().and_then(|response| self.redirect(&at, response)) else {
                break;
            };
            response = self.ask(&next);
            at = next;
        }
        self.spent += started.elapsed();
        response
    }

    fn wait(&mut self, time: Duration) {
        self.runtime.block_on(async { tokio::time::sleep(time).await });
    }

    fn spent(&self) -> Duration {
        self.spent
    }
}

impl Address {
    /// Of an absolute address; one with a name and a password is refused.
    fn of(url: &str) -> Option<Self> {
        let (is_tls, rest) = match url.strip_prefix("https://") {
            Some(rest) => (true, rest),
            None => (false, url.strip_prefix("http://")?),
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
        let is_form = !authority.is_empty()
            && authority.chars().all(|c| c.is_ascii_alphanumeric() || "-._:[]".contains(c));
        let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| !port.contains(']'));
        let authority = authority.to_ascii_lowercase();
        let port = if is_tls { 443 } else { 80 };
        let authority = if has_port { authority } else { format!("{authority}:{port}") };
        is_form.then_some(Self { is_tls, authority })
    }

    /// The host alone, as certificates name it.
    fn host(&self) -> &str {
        let host = self.authority.rsplit_once(':').map_or(self.authority.as_str(), |(host, _)| host);
        host.trim_start_matches('[').trim_end_matches(']')
    }
}

async fn connect(address: &Address, tls: Option<&Tls>) -> Result<SendRequest<Full<Bytes>>, SendFault> {
    let unreachable = |error: io::Error| SendFault::Unreachable(error.to_string());
    let opening = async {
        let stream = TcpStream::connect(&address.authority).await.map_err(unreachable)?;
        match tls.filter(|_| address.is_tls) {
            None => begun(stream).await,
            Some(tls) => begun(tls.connect(address.host(), stream).await.map_err(unreachable)?).await,
        }
    };
    timeout(CONNECT_TIME, opening).await.map_err(|_| SendFault::Late(CONNECT_TIME.as_secs()))?
}

/// HTTP on a stream that is open.
async fn begun<IO>(stream: IO) -> Result<SendRequest<Full<Bytes>>, SendFault>
where
    IO: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
{
    let broken = |error: hyper::Error| SendFault::Broken(error.to_string());
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    // How a connection ends is told by the request that it carries.
    tokio::spawn(async move { drop(connection.await) });
    Ok(sender)
}

async fn read(
    answer: hyper::Response<hyper::body::Incoming>,
    connection: SendRequest<Full<Bytes>>,
) -> Result<(Response, SendRequest<Full<Bytes>>), SendFault> {
    let status = answer.status().as_u16();
    let header = |(name, value): (&hyper::header::HeaderName, &hyper::header::HeaderValue)| Header {
        name: name.as_str().to_owned(),
        value: String::from_utf8_lossy(value.as_bytes()).into_owned(),
    };
    let headers: Vec<Header> = answer.headers().iter().map(header).collect();
    let collected = Limited::new(answer.into_body(), BODY_BYTES_MAX).collect().await;
    let bytes = collected.map_err(|error| {
        if error.is::<LengthLimitError>() {
            SendFault::TooLarge(BODY_BYTES_MAX)
        } else {
            SendFault::Broken(error.to_string())
        }
    })?;
    let body = String::from_utf8(bytes.to_bytes().to_vec()).map_err(|_| SendFault::NotText)?;
    Ok((Response { status, headers, body, number: 0 }, connection))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_one_server() {
        let check = |url: &str, expected: Option<(bool, &str)>| {
            let found = Address::of(url);
            assert_eq!(found.as_ref().map(|it| (it.is_tls, it.authority.as_str())), expected, "{url}");
        };
        check("http://Localhost:8080/fhir", Some((false, "localhost:8080")));
        check("http://localhost?x", Some((false, "localhost:80")));
        check("https://localhost/fhir", Some((true, "localhost:443")));
        check("http://[::1]:9/x", Some((false, "[::1]:9")));
        check("http://[::1]/x", Some((false, "[::1]:80")));
        check("http://user:secret@localhost/", None);
        check("http:///x", None);
        check("ftp://localhost/", None);
        check("Patient/1", None);
        assert_eq!(Address::of("https://[::1]/x").map(|it| it.host().to_owned()).as_deref(), Some("::1"));
    }

    #[test]
    fn nothing_is_sent_to_another_server() {
        let check = |destination: u32, url: &str| {
            let client = Client::new("http://localhost:1/fhir/", Duration::from_secs(1));
            let fault = client.ok().map(|mut client| {
                let (url, headers) = (url.to_owned(), Vec::new());
                client.send(&Request { destination, method: Method::Get, url, headers, body: None }).err()
            });
            assert_eq!(fault, Some(Some(SendFault::OtherServer)), "{destination} {url}");
        };
        check(1, "http://localhost:2/fhir/metadata");
        check(1, "https://localhost:1/fhir/metadata");
        check(2, "http://localhost:1/fhir/metadata");
        assert!(matches!(Client::new("https://localhost/", Duration::ZERO), Err(ClientError::NoRoots)));
        assert!(matches!(Client::new("localhost", Duration::ZERO), Err(ClientError::Base)));
    }
}
