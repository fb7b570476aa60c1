//! HTTP/1.1 to the one server under test.
//!
//! Requests go to that server alone: neither an address in a script nor a redirect leads anywhere else, so that what a
//! script holds, and the token it is run with, reach nobody else. Every answer has a deadline and a limit.

use super::script::{Exchange, Header, Method, Request, Response, SendFault};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{HOST, LOCATION};
use hyper_util::rt::TokioIo;
use std::io;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

/// Bytes of one answer.
const BODY_BYTES_MAX: usize = 64 << 20;
/// Redirects of one request that are followed.
const REDIRECTS_MAX: usize = 5;
/// Time to reach the server.
const CONNECT_TIME: Duration = Duration::from_secs(10);

/// Why a base url cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// It is no url of a server.
    #[error("the base url is not of the form http://host:port/path")]
    Base,
    /// It asks for TLS.
    #[error("https is not supported here; put a proxy that ends TLS before the client")]
    Tls,
    /// The system refuses.
    #[error("the system refuses to start the client")]
    System(#[source] io::Error),
}

/// A client of one server.
#[derive(Debug)]
pub struct Client {
    runtime: Runtime,
    /// `http://host:port/path`, without a slash at its end.
    base: String,
    /// `host:port`.
    authority: String,
    time_max: Duration,
    connection: Option<SendRequest<Full<Bytes>>>,
    count: u32,
    spent: Duration,
}

impl Client {
    /// A client of the server at `base`, whose every answer has `time_max`.
    ///
    /// # Errors
    /// The url is none that can be asked, or the system refuses.
    pub fn new(base: &str, time_max: Duration) -> Result<Self, ClientError> {
        if base.starts_with("https://") {
            return Err(ClientError::Tls);
        }
        let base = base.trim_end_matches('/');
        let authority = authority(base).ok_or(ClientError::Base)?;
        let runtime = Builder::new_current_thread().enable_all().build().map_err(ClientError::System)?;
        Ok(Self {
            runtime,
            base: base.to_owned(),
            authority,
            time_max,
            connection: None,
            count: 0,
            spent: Duration::ZERO,
        })
    }

    /// The base url, without a slash at its end.
    pub fn base(&self) -> &str {
        &self.base
    }

    fn prepared(&self, request: &Request) -> Result<hyper::Request<Full<Bytes>>, SendFault> {
        if authority(&request.url).as_ref() != Some(&self.authority) {
            return Err(SendFault::OtherServer);
        }
        let rest = request.url.split_once("://").map_or("", |(_, rest)| rest);
        let target = rest.find(['/', '?']).and_then(|at| rest.get(at..)).unwrap_or("/");
        let target = target.split('#').next().unwrap_or("/");
        let target = if target.starts_with('?') { format!("/{target}") } else { target.to_owned() };
        let mut prepared = hyper::Request::builder().method(request.method.as_str()).uri(target);
        prepared = prepared.header(HOST, &self.authority);
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
        let (time_max, authority) = (self.time_max, self.authority.clone());
        let open = self.connection.take();
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
            let mut fresh = connect(&authority).await?;
            let answer =
                fresh.send_request(again).await.map_err(|error| SendFault::Broken(error.to_string()))?;
            read(answer, fresh).await
        };
        // A deadline belongs to the runtime that it is made in.
        let asked = self.runtime.block_on(async { timeout(time_max, asking).await });
        let (mut response, connection) = asked.map_err(|_| SendFault::Late(time_max.as_secs()))??;
        self.connection = Some(connection);
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
            format!("http://{}{}", self.authority, location.value)
        } else {
            location.value.clone()
        };
        (authority(&url).as_ref() == Some(&self.authority)).then(|| Request { url, ..request.clone() })
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

/// `host:port` of an address by http; its name and password, if it has any, are refused.
fn authority(url: &str) -> Option<String> {
    let rest = url.strip_prefix("http://")?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
    let is_form =
        !authority.is_empty() && authority.chars().all(|c| c.is_ascii_alphanumeric() || "-._:[]".contains(c));
    let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| !port.contains(']'));
    let authority = authority.to_ascii_lowercase();
    is_form.then(|| if has_port { authority } else { format!("{authority}:80") })
}

async fn connect(authority: &str) -> Result<SendRequest<Full<Bytes>>, SendFault> {
    let unreachable = |error: io::Error| SendFault::Unreachable(error.to_string());
    let opened = timeout(CONNECT_TIME, TcpStream::connect(authority)).await;
    let stream = opened.map_err(|_| SendFault::Late(CONNECT_TIME.as_secs()))?.map_err(unreachable)?;
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
        let check =
            |url: &str, expected: Option<&str>| assert_eq!(authority(url).as_deref(), expected, "{url}");
        check("http://Localhost:8080/fhir", Some("localhost:8080"));
        check("http://localhost?x", Some("localhost:80"));
        check("http://[::1]:9/x", Some("[::1]:9"));
        check("http://[::1]/x", Some("[::1]:80"));
        check("http://user:secret@localhost/", None);
        check("http:///x", None);
        check("ftp://localhost/", None);
        check("Patient/1", None);
    }

    #[test]
    fn nothing_is_sent_to_another_server() {
        let client = Client::new("http://localhost:1/fhir/", Duration::from_secs(1));
        let fault = client.ok().map(|mut client| {
            let request = Request {
                method: Method::Get,
                url: "http://localhost:2/fhir/metadata".to_owned(),
                headers: Vec::new(),
                body: None,
            };
            client.send(&request).err()
        });
        assert_eq!(fault, Some(Some(SendFault::OtherServer)));
        assert!(matches!(Client::new("https://localhost/", Duration::ZERO), Err(ClientError::Tls)));
        assert!(matches!(Client::new("localhost", Duration::ZERO), Err(ClientError::Base)));
    }
}
