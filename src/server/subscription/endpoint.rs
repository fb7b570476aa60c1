//! Where a notification goes: one request over a connection of its own, to an address that was judged itself.
//!
//! A host is looked up once and connected to at the address that was looked at, so that a name cannot lead elsewhere in
//! between. No redirect is followed, and of the answer the status alone is read.

use super::settings::SubscriptionSettings;
use crate::tls::{TlsClient, TlsClientTable};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Characters of an endpoint.
const URL_BYTES_MAX: usize = 2_000;
/// Addresses of one host that are tried.
const ADDRESSES_MAX: usize = 4;

/// An address that a subscription names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::server) struct Endpoint {
    has_tls: bool,
    host: String,
    port: u16,
    /// Path and query.
    target: String,
}

/// Why a notification did not arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(in crate::server) enum Unsent {
    #[error("the host has no address to which this server may send")]
    Address,
    #[error("the endpoint cannot be reached")]
    Unreached,
    #[error("the endpoint shows no certificate that is trusted")]
    Untrusted,
    #[error("the endpoint did not answer in time")]
    Late,
    #[error("the endpoint answered {0}")]
    Status(u16),
}

/// One request.
pub(in crate::server) struct Sending<'a> {
    pub(in crate::server) method: Method,
    /// What comes behind the path of the endpoint.
    pub(in crate::server) below: &'a str,
    pub(in crate::server) headers: &'a [(String, String)],
    /// The body with its media type.
    pub(in crate::server) body: Option<(&'static str, Bytes)>,
}

impl Endpoint {
    /// Reads the url of an endpoint.
    ///
    /// # Errors
    /// Why nothing is sent there.
    pub(in crate::server) fn read(url: &str, settings: &SubscriptionSettings) -> Result<Self, &'static str> {
        const FORM: &str = "an endpoint is an address like https://a.example.org/path";
        let (scheme, rest) = url.split_once("://").ok_or(FORM)?;
        let has_tls = match scheme {
            "https" => true,
            "http" if settings.plain_http => false,
            "http" => return Err("an endpoint has https"),
            _ => return Err(FORM),
        };
        let at = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at_checked(at).ok_or(FORM)?;
        let is_plain = url.len() <= URL_BYTES_MAX && url.bytes().all(|byte| (b'!'..0x7F).contains(&byte));
        if !is_plain || url.contains('#') {
            return Err(FORM);
        }
        let uri: hyper::Uri = format!("{scheme}://{authority}/").parse().map_err(|_| FORM)?;
        let host = uri.host().filter(|host| !host.is_empty() && !authority.contains('@')).ok_or(FORM)?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.parse().is_ok_and(|address| !settings.private_addresses && !is_public(address)) {
            return Err("an endpoint is not in a private network");
        }
        let port = uri.port_u16().unwrap_or(if has_tls { 443 } else { 80 });
        let target = match target.chars().next() {
            None => "/".to_owned(),
            Some('/') => target.to_owned(),
            Some(_) => format!("/{target}"),
        };
        Ok(Self { has_tls, host, port, target })
    }

    /// Sends one request.
    ///
    /// # Errors
    /// Why it did not arrive; an answer that is no success is none.
    pub(in crate::server) async fn send(
        &self,
        sending: &Sending<'_>,
        settings: &SubscriptionSettings,
    ) -> Result<(), Unsent> {
        let time = Duration::from_secs(settings.timeout_seconds.max(1));
        timeout(time, self.sent(sending, settings)).await.map_err(|_| Unsent::Late)?
    }

    async fn sent(&self, sending: &Sending<'_>, settings: &SubscriptionSettings) -> Result<(), Unsent> {
        let stream = self.connect(settings).await?;
        if !self.has_tls {
            return self.ask(stream, sending).await;
        }
        let table = TlsClientTable { ca: settings.ca.clone(), name: None, certificate: None, key: None };
        let tls = TlsClient::of(&table, &self.host).map_err(|_| Unsent::Untrusted)?;
        let stream = tls.connect(stream).await.map_err(|_| Unsent::Untrusted)?;
        self.ask(stream, sending).await
    }

    /// A connection to an address of the host to which something may be sent.
    async fn connect(&self, settings: &SubscriptionSettings) -> Result<TcpStream, Unsent> {
        let found = tokio::net::lookup_host((self.host.as_str(), self.port)).await;
        let found = found.map_err(|_| Unsent::Unreached)?;
        let may = |address: &SocketAddr| settings.private_addresses || is_public(address.ip());
        let allowed: Vec<SocketAddr> = found.filter(may).take(ADDRESSES_MAX).collect();
        if allowed.is_empty() {
            return Err(Unsent::Address);
        }
        TcpStream::connect(&*allowed).await.map_err(|_| Unsent::Unreached)
    }

    async fn ask<IO>(&self, stream: IO, sending: &Sending<'_>) -> Result<(), Unsent>
    where
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let request = self.request(sending).ok_or(Unsent::Unreached)?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|_| Unsent::Unreached)?;
        let connection = tokio::spawn(connection);
        let answer = sender.send_request(request).await;
        connection.abort();
        let status = answer.map_err(|_| Unsent::Unreached)?.status();
        if status.is_success() && status != StatusCode::PARTIAL_CONTENT {
            Ok(())
        } else {
            Err(Unsent::Status(status.as_u16()))
        }
    }

    fn request(&self, sending: &Sending<'_>) -> Option<Request<Full<Bytes>>> {
        let target = if sending.below.is_empty() {
            self.target.clone()
        } else {
            let path = self.target.split('?').next().unwrap_or("/");
            format!("{}{}", path.trim_end_matches('/'), sending.below)
        };
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let mut request = Request::builder()
            .method(&sending.method)
            .uri(target)
            .header(hyper::header::HOST, format!("{host}:{}", self.port));
        for (name, value) in sending.headers {
            request = request.header(name, value);
        }
        let mut body = Bytes::new();
        if let Some((media, bytes)) = &sending.body {
            request = request.header(hyper::header::CONTENT_TYPE, *media);
            body = bytes.clone();
        }
        request.body(Full::new(body)).ok()
    }
}

/// True of an address of the open network.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// The special blocks of IANA's registry (RFC 6890) are not public.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    !(first == 0
        || first >= 224
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || (first == 100 && (64..128).contains(&second))
        || (first == 192 && second == 0 && third == 0)
        || (first == 192 && second == 88 && third == 99)
        || (first == 198 && (18..20).contains(&second)))
}

/// Of the global unicast block alone, without those parts of it that hold an address of version 4 or lead nowhere.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    let is_global = (0x2000..0x4000).contains(&first);
    let is_special = first == 0x2002 || (first == 0x2001 && (second < 0x0200 || second == 0x0DB8));
    is_global && !is_special
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_are_known_in_every_form() {
        let check = |expected: bool, addresses: &[&str]| {
            for address in addresses {
                let parsed: IpAddr = address.parse().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
                assert_eq!(is_public(parsed), expected, "{address}");
            }
        };
        check(
            false,
            &[
                "127.0.0.1",
                "10.1.2.3",
                "172.16.0.1",
                "192.168.1.1",
                "169.254.169.254",
                "0.0.0.0",
                "100.64.0.1",
                "192.0.0.8",
                "198.18.0.1",
                "224.0.0.1",
                "255.255.255.255",
                "::",
                "::1",
                "fe80::1",
                "fc00::1",
                "fd12::1",
                "ff02::1",
                "::ffff:127.0.0.1",
                "::ffff:10.0.0.1",
                "64:ff9b::7f00:1",
                "2002:7f00:1::",
                "2001::1",
                "2001:db8::1",
            ],
        );
        check(true, &["193.166.3.2", "8.8.8.8", "2001:708:10::1", "2a00:1450::1"]);
    }

    #[test]
    fn an_endpoint_is_read_to_the_letter() {
        let strict = SubscriptionSettings::default();
        let read =
            |url: &str| Endpoint::read(url, &strict).map(|found| (found.host, found.port, found.target));
        assert_eq!(read("https://a.example"), Ok(("a.example".to_owned(), 443, "/".to_owned())));
        assert_eq!(
            read("https://a.example:8443?x=1"),
            Ok(("a.example".to_owned(), 8443, "/?x=1".to_owned()))
        );
        for odd in [
            "http://a.example",
            "https://127.0.0.1/x",
            "https://[::1]/x",
            "https://a@b.example/",
            "https:///x",
            "https://a.example/x y",
            "https://a.example/#x",
            "file:///etc/passwd",
            "a.example",
        ] {
            assert!(read(odd).is_err(), "{odd}");
        }
    }
}
