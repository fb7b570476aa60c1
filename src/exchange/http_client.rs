//! HTTP to a unit's system, over reqwest: nothing is followed to another place, and every answer has a deadline and a
//! limit. What a fault means for a message is decided here, once for all who call.

use crate::diag::codes::{self, Code};
use crate::store::{Class, QueueFault};
use reqwest::header::{AGE, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Client, RequestBuilder, StatusCode, redirect};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// Where this machine keeps the roots that it trusts, on the systems that Sauma is run on.
const SYSTEM_ROOTS: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];
/// Bytes of an answer to what was sent.
const RECEIPT_BYTES_MAX: usize = 64 << 10;

/// Why a call did not do what it was for. It holds no value of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failed {
    /// What happens next.
    pub class: Class,
    /// Its permanent code.
    pub code: &'static Code,
}

impl Failed {
    const fn new(class: Class, code: &'static Code) -> Self {
        Self { class, code }
    }

    /// The same for the queue.
    pub fn fault(self) -> QueueFault {
        QueueFault { class: self.class, code: self.code.id.to_owned() }
    }
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The media type, without parameters.
    pub media: String,
    /// How long it may be held (RFC 9111, 5.2), where it says.
    pub fresh: Option<Duration>,
    /// The body.
    pub body: Vec<u8>,
}

/// Calls one unit's system.
#[derive(Debug)]
pub struct Caller {
    client: Client,
    token: Option<HeaderValue>,
}

impl Caller {
    /// Reads roots and token; nothing is asked yet.
    ///
    /// # Errors
    /// Which file cannot be used, and why.
    pub fn new(ca: Option<&Path>, token_file: Option<&Path>, timeout_ms: u64) -> Result<Self, String> {
        let token = token_file.map(token).transpose()?;
        Ok(Self { client: client(ca, Duration::from_millis(timeout_ms.max(1)))?, token })
    }

    /// Asks for a document.
    ///
    /// # Errors
    /// See [`Failed`].
    pub async fn get(&self, url: &str, bytes_max: usize) -> Result<Answer, Failed> {
        self.send(self.client.get(url), bytes_max).await
    }

    /// Sends a document; `key` tells the other end that it is the same one when it comes again.
    ///
    /// # Errors
    /// See [`Failed`].
    pub async fn post(&self, url: &str, media: &str, key: &str, body: Vec<u8>) -> Result<Answer, Failed> {
        let request = self.client.post(url).header(CONTENT_TYPE, media).header("Idempotency-Key", key);
        self.send(request.body(body), RECEIPT_BYTES_MAX).await
    }

    async fn send(&self, request: RequestBuilder, bytes_max: usize) -> Result<Answer, Failed> {
        let request = match &self.token {
            Some(token) => request.headers(HeaderMap::from_iter([(AUTHORIZATION, token.clone())])),
            None => request,
        };
        let mut response = request.send().await.map_err(|error| broken(&error))?;
        judge(response.status())?;
        let media = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media = media.and_then(|media| media.split(';').next()).unwrap_or_default();
        let (status, media) = (response.status().as_u16(), media.trim().to_ascii_lowercase());
        let fresh = fresh(response.headers());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| broken(&error))? {
            if body.len() + chunk.len() > bytes_max {
                return Err(Failed::new(Class::Transport, codes::MESSAGE_LONG));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, media, fresh, body })
    }
}

/// What asks over HTTP: it trusts the roots of a file, or those of this machine, and is led nowhere else.
pub(crate) fn client(ca: Option<&Path>, timeout: Duration) -> Result<Client, String> {
    Client::builder()
        .tls_backend_preconfigured(tls(ca)?)
        .redirect(redirect::Policy::none())
        .no_proxy()
        .timeout(timeout)
        .build()
        .map_err(|_| "TLS cannot be set up".to_owned())
}

/// What `Cache-Control` says of how long an answer may be held, less the age that it came with.
fn fresh(headers: &HeaderMap) -> Option<Duration> {
    let texts = headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    let mut seconds: Option<u64> = None;
    for directive in texts.flat_map(|text| text.split(',')) {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        let told = match name.trim().to_ascii_lowercase().as_str() {
            "no-store" | "no-cache" => 0,
            // What cannot be read is over (RFC 9111, 4.2.1).
            "max-age" => value.trim().trim_matches('"').parse().unwrap_or(0),
            _ => continue,
        };
        seconds = Some(seconds.map_or(told, |before| before.min(told)));
    }
    let age = headers.get(AGE).and_then(|age| age.to_str().ok()?.trim().parse().ok()).unwrap_or(0);
    seconds.map(|seconds| Duration::from_secs(seconds.saturating_sub(age)))
}

/// What a status means: only the 200s say that all went well.
fn judge(status: StatusCode) -> Result<(), Failed> {
    let failed = match status {
        status if status.is_success() => return Ok(()),
        StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED => {
            Failed::new(Class::Conflict, codes::TARGET_CONFLICT)
        }
        // Its answer is for somebody who waits, or who first shows who it is: another try may help.
        StatusCode::REQUEST_TIMEOUT
        | StatusCode::TOO_EARLY
        | StatusCode::TOO_MANY_REQUESTS
        | StatusCode::UNAUTHORIZED
        | StatusCode::FORBIDDEN
        | StatusCode::PROXY_AUTHENTICATION_REQUIRED => Failed::new(Class::Transport, codes::SOURCE_STATUS),
        status if status.is_redirection() => Failed::new(Class::Transport, codes::SOURCE_REDIRECTS),
        status if status.is_client_error() => Failed::new(Class::Refused, codes::TARGET_REFUSED),
        _ => Failed::new(Class::Transport, codes::SOURCE_STATUS),
    };
    Err(failed)
}

/// What went wrong on the way: nothing of the address is told, for it may name a client.
fn broken(error: &reqwest::Error) -> Failed {
    let code = if error.is_timeout() {
        codes::SOURCE_SLOW
    } else if error.is_connect() {
        codes::SOURCE_DOWN
    } else {
        codes::SOURCE_BROKEN
    };
    Failed::new(Class::Transport, code)
}

fn token(path: &Path) -> Result<HeaderValue, String> {
    let told = |what: &str| format!("`{}` {what}", path.display());
    let text = fs::read_to_string(path).map_err(|error| told(&format!("cannot be read: {error}")))?;
    let mut value = HeaderValue::from_str(&format!("Bearer {}", text.trim()))
        .map_err(|_| told("holds what no header may"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn tls(ca: Option<&Path>) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    let named: Vec<&Path> = match ca {
        Some(path) => vec![path],
        None => SYSTEM_ROOTS.iter().map(Path::new).filter(|path| path.exists()).take(1).collect(),
    };
    for path in named {
        let told = |error: &dyn std::fmt::Display| format!("`{}`: {error}", path.display());
        let pem = fs::read(path).map_err(|error| told(&error))?;
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            let certificate = certificate.map_err(|_| told(&"holds no certificates in PEM"))?;
            let added = roots.add(certificate);
            if ca.is_some() {
                added.map_err(|error| told(&error))?;
            }
        }
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
