//! HTTP to one registry, over reqwest: nothing is followed to another place, every answer has a deadline and a limit,
//! TLS trusts the roots that are named and shows our certificate (rustls).

use super::fault::{Broken, Garbled, RegistryError};
use crate::tls::{TlsClient, TlsClientTable};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Method, Url, redirect};
use serde::Deserialize;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// Bytes of one answer.
pub const BODY_BYTES_MAX: usize = 32 << 20;
/// Characters of a code of an `OperationOutcome` that is told on.
const RULE_CHARACTERS_MAX: usize = 64;
/// Causes of one error that are looked at.
const CAUSES_MAX: usize = 16;
/// Codes of one `OperationOutcome` that are told on.
const RULES_MAX: usize = 8;
/// What FHIR JSON is called (FHIR R4, 3.1.0.1.9).
pub(super) const FHIR_JSON: &str = "application/fhir+json";
/// What a form is called.
pub(super) const FORM: &str = "application/x-www-form-urlencoded";

/// The table `[link]` of the settings.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkSettings {
    /// The base address, `https://…`; without TLS a loopback address alone.
    pub base: String,
    /// The roots in PEM that the certificate of the other end must lead to.
    #[serde(default)]
    pub ca: Option<PathBuf>,
    /// Our certificate in PEM, where the other end asks for one, with its chain.
    #[serde(default)]
    pub certificate: Option<PathBuf>,
    /// The key of our certificate.
    #[serde(default)]
    pub key: Option<PathBuf>,
    /// Time to connect.
    #[serde(default = "connect_ms")]
    pub connect_ms: u64,
    /// Time from the request to the last byte of its answer.
    #[serde(default = "answer_ms")]
    pub answer_ms: u64,
}

const fn connect_ms() -> u64 {
    10_000
}

const fn answer_ms() -> u64 {
    30_000
}

impl LinkSettings {
    /// With the files that it names beside the file that it was read from.
    #[must_use]
    pub(super) fn beside(mut self, folder: &Path) -> Self {
        for file in [&mut self.ca, &mut self.certificate, &mut self.key].into_iter().flatten() {
            *file = folder.join(&*file);
        }
        self
    }

    /// As they are by default, for a base address.
    pub fn of(base: &str) -> Self {
        Self {
            base: base.to_owned(),
            ca: None,
            certificate: None,
            key: None,
            connect_ms: connect_ms(),
            answer_ms: answer_ms(),
        }
    }
}

/// A request.
#[derive(Clone, Default)]
pub(super) struct Request {
    pub(super) method: Method,
    /// Below the base; a query is part of it only where it names nobody.
    pub(super) path: String,
    pub(super) headers: Vec<(String, String)>,
    /// Its content type and itself.
    pub(super) body: Option<(&'static str, Vec<u8>)>,
}

/// A registry at its address.
#[derive(Debug, Clone)]
pub(super) struct Link {
    client: Client,
    base: Url,
}

impl Link {
    /// Reads certificates and keys; nothing is asked yet.
    ///
    /// # Errors
    /// The settings cannot be used.
    pub(super) fn new(settings: &LinkSettings) -> Result<Self, RegistryError> {
        let refused = |why: String| RegistryError::Settings(why);
        let base = format!("{}/", settings.base.trim_end_matches('/'));
        let base = Url::parse(&base).map_err(|_| refused("`base` is no address".to_owned()))?;
        let is_loopback = matches!(base.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        if base.scheme() != "https" && !(base.scheme() == "http" && is_loopback) {
            return Err(refused("`base` needs https://, but for an address of this machine".to_owned()));
        }
        if !base.username().is_empty() || base.password().is_some() || base.query().is_some() {
            return Err(refused("`base` holds a name, a password or a query".to_owned()));
        }
        let client = Client::builder()
            .tls_backend_preconfigured(tls(settings, base.host_str().unwrap_or_default()).map_err(refused)?)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .connect_timeout(Duration::from_millis(settings.connect_ms))
            .timeout(Duration::from_millis(settings.answer_ms))
            .build()
            .map_err(|_| refused("TLS cannot be set up".to_owned()))?;
        Ok(Self { client, base })
    }

    /// The base address, without a slash at its end.
    pub(super) fn base(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// The path below the base that an address of an answer leads to; none where it leads elsewhere.
    pub(super) fn below(&self, address: &str) -> Option<String> {
        let url = self.base.join(address).ok()?;
        let is_same = url.origin() == self.base.origin() && url.username().is_empty();
        let rest = url.path().strip_prefix(self.base.path())?;
        is_same.then(|| url.query().map_or_else(|| rest.to_owned(), |query| format!("{rest}?{query}")))
    }

    /// Sends a request once; gives the body of an answer of the 200s, null where that has none.
    ///
    /// # Errors
    /// There is no answer, one that refuses, or one that cannot be believed.
    pub(super) async fn send(&self, request: &Request) -> Result<Value, RegistryError> {
        let unsendable = || RegistryError::Settings("a header field or path has a wrong form".to_owned());
        // Paths here are joined by hand: `Url::join` would take `Type:x` for a scheme.
        let address = format!("{}{}", self.base, request.path.trim_start_matches('/'));
        let url = Url::parse(&address).map_err(|_| unsendable())?;
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(FHIR_JSON));
        for (name, value) in &request.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unsendable())?;
            headers.insert(name, HeaderValue::from_str(value).map_err(|_| unsendable())?);
        }
        let mut asking = self.client.request(request.method.clone(), url);
        if let Some((kind, body)) = &request.body {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
            asking = asking.body(body.clone());
        }
        let response = asking.headers(headers).send().await.map_err(|error| broken(&error))?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let field = |name: HeaderName| headers.get(name)?.to_str().ok().map(str::to_owned);
        let body = whole(response).await;
        if !(200..300).contains(&status) {
            let wait = field(RETRY_AFTER).and_then(|text| text.trim().parse::<u64>().ok());
            return Err(refusal(status, wait, &body.unwrap_or_default()));
        }
        let body = body?;
        let kind = field(CONTENT_TYPE).unwrap_or_default();
        if body.is_empty() { Ok(Value::Null) } else { json(&kind, &body) }
    }
}

/// TLS with the roots of the settings and, where there is one, our certificate; without TLS none is trusted.
fn tls(settings: &LinkSettings, host: &str) -> Result<ClientConfig, String> {
    if let Some(ca) = settings.ca.clone() {
        let (certificate, key) = (settings.certificate.clone(), settings.key.clone());
        let table = TlsClientTable { ca, name: None, certificate, key };
        return TlsClient::of(&table, host).map(|tls| tls.config());
    }
    if settings.base.starts_with("https:") {
        return Err("`ca` names no file with the roots that are trusted".to_owned());
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
}

async fn whole(mut response: reqwest::Response) -> Result<Vec<u8>, RegistryError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| broken(&error))? {
        if bytes.len() + chunk.len() > BODY_BYTES_MAX {
            return Err(RegistryError::Garbled(Garbled::Long));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn json(kind: &str, body: &[u8]) -> Result<Value, RegistryError> {
    let kind = kind.split(';').next().unwrap_or_default().trim();
    // Servers that are older call it `application/json`.
    if !kind.eq_ignore_ascii_case(FHIR_JSON) && !kind.eq_ignore_ascii_case("application/json") {
        return Err(RegistryError::Garbled(Garbled::ContentType));
    }
    serde_json::from_slice(body).map_err(|_| RegistryError::Garbled(Garbled::Json))
}

fn refusal(status: u16, wait_s: Option<u64>, body: &[u8]) -> RegistryError {
    match status {
        429 | 503 => RegistryError::Busy { retry_after_ms: wait_s.map(|wait| wait.saturating_mul(1_000)) },
        401 | 403 => RegistryError::Access(status),
        409 | 412 => RegistryError::Conflict,
        500.. => RegistryError::Failed(status),
        // What sends to another place is not followed: no token of ours goes anywhere else.
        300..=399 => RegistryError::Garbled(Garbled::OtherServer),
        _ => RegistryError::Refused { status, rules: rules(body) },
    }
}

/// The codes of an `OperationOutcome`: only what has the form of a code, for its texts may hold values.
fn rules(body: &[u8]) -> Vec<String> {
    let outcome: Value = serde_json::from_slice(body).unwrap_or_default();
    let issues = outcome["issue"].as_array().map(Vec::as_slice).unwrap_or_default();
    let codings = issues.iter().filter_map(|issue| issue["details"]["coding"].as_array()).flatten();
    let codes = codings.filter_map(|coding| coding["code"].as_str());
    let is_code = |code: &&str| {
        code.len() <= RULE_CHARACTERS_MAX
            && code.contains('-')
            && code.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
            && crate::plan::identity::Hetu::parse(code).is_err()
    };
    codes.filter(is_code).take(RULES_MAX).map(str::to_owned).collect()
}

fn broken(error: &reqwest::Error) -> RegistryError {
    RegistryError::Unreachable(if is_of_tls(error, 0) {
        Broken::Certificate
    } else if error.is_connect() {
        Broken::Connect
    } else if error.is_timeout() {
        Broken::Late
    } else {
        Broken::Cut
    })
}

/// True where TLS is among the causes. An error of the system hides what it was made of from `source`.
fn is_of_tls(error: &(dyn std::error::Error + 'static), depth: usize) -> bool {
    if depth > CAUSES_MAX {
        return false;
    }
    let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    error.is::<tokio_rustls::rustls::Error>()
        || inner.is_some_and(|inner| is_of_tls(inner, depth + 1))
        || error.source().is_some_and(|source| is_of_tls(source, depth + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_safe_or_refused() {
        let check = |base: &str, expected: bool| {
            assert_eq!(Link::new(&LinkSettings::of(base)).is_ok(), expected, "{base}");
        };
        check("http://127.0.0.1:8080/fhir", true);
        check("http://localhost/fhir/", true);
        check("http://registry.example.org/fhir", false);
        check("https://registry.example.org/fhir", false);
        check("http://user:word@localhost/fhir", false);
        check("http://localhost/fhir?x=1", false);
        check("no address", false);
    }

    #[test]
    fn no_answer_leads_elsewhere() {
        let Ok(link) = Link::new(&LinkSettings::of("http://localhost:8080/fhir")) else {
            unreachable!("a plain address")
        };
        let check =
            |address: &str, expected: Option<&str>| assert_eq!(link.below(address).as_deref(), expected);
        check("http://localhost:8080/fhir/_history?page=2", Some("_history?page=2"));
        check("Patient/_history?page=2", Some("Patient/_history?page=2"));
        check("http://localhost:8081/fhir/_history", None);
        check("https://localhost:8080/fhir/_history", None);
        check("http://localhost:8080.example.org/fhir/_history", None);
        check("http://name@localhost:8080/fhir/_history", None);
        check("http://localhost:8080/other", None);
    }

    #[test]
    fn only_codes_of_a_refusal_are_told_on() {
        let body =
            br#"{"issue":[{"details":{"coding":[{"code":"TIP-CON-4"},{"code":"a value of somebody"}]}}]}"#;
        assert_eq!(rules(body), ["TIP-CON-4"]);
    }
}
