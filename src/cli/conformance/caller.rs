//! How an endpoint is called: TLS, and the token of whoever calls.

use super::super::console::Stop;
use super::super::files;
use crate::conformance::client::{Client, ClientError, Tls};
use crate::conformance::script::{Exchange, Header, Method, Request, Response, SendFault};
use crate::conformance::smart::{self, Claims, SigningKey};
use crate::diag::{Issue, Span, codes};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The roots that systems keep, the first that is there.
const ROOTS: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];
/// Where a server says how it is called (SMART App Launch 2.2).
const CONFIGURATION: &str = ".well-known/smart-configuration";

/// How the server is called.
#[derive(Debug, clap::Args)]
pub(super) struct Access {
    /// A file with the access token that every request carries
    #[arg(long, value_name = "FILE", conflicts_with = "client_key")]
    token_file: Option<PathBuf>,
    /// The id by which the server knows this client; with --client-key a token is asked for
    #[arg(long, value_name = "ID", requires = "client_key")]
    client_id: Option<String>,
    /// The private key of the client: PEM, or a JSON Web Key (SMART Backend Services, ES384 or RS384)
    #[arg(long, value_name = "FILE", requires = "client_id")]
    client_key: Option<PathBuf>,
    /// The `kid` of that key [default: that of a JSON Web Key]
    #[arg(long, value_name = "KID", requires = "client_key")]
    key_id: Option<String>,
    /// The token endpoint [default: the one that the server names]
    #[arg(long, value_name = "URL", requires = "client_key")]
    token_url: Option<String>,
    /// What the token is to allow
    #[arg(long, value_name = "SCOPES", default_value = "system/*.cruds")]
    scope: String,
    /// Root certificates to trust, in PEM [default: those of the system]
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// A certificate that this client shows, in PEM
    #[arg(long, value_name = "FILE", requires = "cert_key")]
    cert: Option<PathBuf>,
    /// The private key of that certificate, in PEM
    #[arg(long, value_name = "FILE", requires = "cert")]
    cert_key: Option<PathBuf>,
}

/// The tokens that requests carry, by the number of the server.
#[derive(Debug, Default)]
pub(in crate::cli) struct Callers(BTreeMap<u32, Caller>);

/// Who calls.
#[derive(Debug)]
enum Caller {
    Token(Header),
    Smart(Box<Smart>),
}

/// A client that asks for tokens itself.
#[derive(Debug)]
struct Smart {
    id: String,
    key: SigningKey,
    key_id: String,
    endpoint: String,
    scope: String,
    /// To the token endpoint, which may be another server than the one under test.
    client: Client,
    count: u32,
    header: Option<Header>,
}

impl Access {
    /// A client of the server and of further ones, and who calls them.
    ///
    /// # Errors
    /// An address, a certificate, a key or a token that cannot be used.
    pub(super) fn client(
        &self,
        base: &str,
        further: &[(u32, String)],
        time_max: Duration,
    ) -> Result<(Client, Callers), Stop> {
        let is_tls =
            base.starts_with("https://") || further.iter().any(|(_, url)| url.starts_with("https://"));
        let tls = is_tls.then(|| self.tls()).transpose()?;
        let mut client = Client::over(base, time_max, tls.clone()).map_err(refused)?;
        for (number, url) in further {
            client.add(*number, url).map_err(refused)?;
        }
        let mut callers = Callers::default();
        if let Some(path) = &self.token_file {
            callers.0.insert(Client::FIRST, token(path)?);
        } else if let (Some(id), Some(key)) = (&self.client_id, &self.client_key) {
            let caller = self.smart(id, key, &mut client, time_max)?;
            callers.0.insert(Client::FIRST, caller);
        }
        Ok((client, callers))
    }

    fn tls(&self) -> Result<Tls, Stop> {
        let named = self.ca.as_deref();
        let roots = match named.or_else(|| ROOTS.iter().map(Path::new).find(|path| path.exists())) {
            Some(path) => files::read(path)?,
            None => Vec::new(),
        };
        let identity = match (&self.cert, &self.cert_key) {
            (Some(certificate), Some(key)) => Some((files::read(certificate)?, files::read(key)?)),
            _ => None,
        };
        let identity = identity.as_ref().map(|(certificate, key)| (certificate.as_slice(), key.as_slice()));
        Tls::new(&roots, identity).map_err(refused)
    }

    fn smart(&self, id: &str, key: &Path, client: &mut Client, time_max: Duration) -> Result<Caller, Stop> {
        let key = SigningKey::read(&files::read_text(key)?).map_err(no_token)?;
        let endpoint = match &self.token_url {
            Some(url) => url.clone(),
            None => {
                let url = format!("{}/{CONFIGURATION}", client.base());
                let gone = |fault: SendFault| Stop::System(std::io::Error::other(fault));
                let answer = client.send(&asked(Method::Get, url, None)).map_err(gone)?;
                smart::token_endpoint(&answer.body).map_err(no_token)?
            }
        };
        let tls = endpoint.starts_with("https://").then(|| self.tls()).transpose()?;
        let mut smart = Smart {
            id: id.to_owned(),
            key_id: self.key_id.clone().or_else(|| key.id().map(str::to_owned)).unwrap_or_default(),
            key,
            client: Client::over(&endpoint, time_max, tls).map_err(refused)?,
            endpoint,
            scope: self.scope.clone(),
            count: 0,
            header: None,
        };
        // A token that cannot be had is told before anything is tested.
        smart.renewed().map_err(no_token)?;
        Ok(Caller::Smart(Box::new(smart)))
    }
}

/// A token that stands in a file.
fn token(path: &Path) -> Result<Caller, Stop> {
    Ok(Caller::Token(bearer(files::read_text(path)?.trim())))
}

fn bearer(token: &str) -> Header {
    Header { name: "Authorization".to_owned(), value: format!("Bearer {token}") }
}

fn asked(method: Method, url: String, form: Option<String>) -> Request {
    let field = |name: &str, value: &str| Header { name: name.to_owned(), value: value.to_owned() };
    let mut headers = vec![field("Accept", "application/json")];
    if form.is_some() {
        headers.push(field("Content-Type", "application/x-www-form-urlencoded"));
    }
    Request { destination: Client::FIRST, method, url, headers, body: form }
}

fn refused(error: ClientError) -> Stop {
    match error {
        ClientError::System(source) => Stop::System(source),
        other => Stop::usage(
            other.to_string(),
            "name the base url of the server, as in https://plans.example.org/fhir, and --ca for roots of your own",
        ),
    }
}

fn no_token(error: impl Display) -> Stop {
    Stop::Issue(Box::new(Issue::error(codes::CHECK_TOKEN, Span::default(), error.to_string())))
}

impl Smart {
    fn held(&mut self) -> Result<Header, String> {
        self.header.clone().map_or_else(|| self.renewed(), Ok)
    }

    fn renewed(&mut self) -> Result<Header, String> {
        let header = self.fresh()?;
        self.header = Some(header.clone());
        Ok(header)
    }

    fn fresh(&mut self) -> Result<Header, String> {
        let told = |error: &dyn Display| error.to_string();
        let time = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|error| told(&error))?;
        self.count += 1;
        let unique = format!("{}-{}-{}", time.as_nanos(), std::process::id(), self.count);
        let claims = Claims {
            client: &self.id,
            key_id: &self.key_id,
            audience: &self.endpoint,
            scope: &self.scope,
            now: time.as_secs(),
            unique: &unique,
        };
        let form = smart::token_form(&self.key, &claims).map_err(|error| told(&error))?;
        let request = asked(Method::Post, self.endpoint.clone(), Some(form));
        let answer = self.client.send(&request).map_err(|error| told(&error))?;
        smart::access_token(&answer.body).map(|token| bearer(&token)).map_err(|error| told(&error))
    }
}

impl Callers {
    /// Adds a caller with a token in a file.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(super) fn add(&mut self, number: u32, path: &Path) -> Result<(), Stop> {
        self.0.insert(number, token(path)?);
        Ok(())
    }

    /// Sends a request as its caller; where the token is over, once more with a fresh one.
    ///
    /// # Errors
    /// As for the exchange.
    pub(in crate::cli) fn send(
        &mut self,
        request: &Request,
        inner: &mut dyn Exchange,
    ) -> Result<(Request, Response), SendFault> {
        let has_own = request.headers.iter().any(|own| own.name.eq_ignore_ascii_case("authorization"));
        let caller = self.0.get_mut(&request.destination).filter(|_| !has_own);
        let Some(caller) = caller else { return Ok((request.clone(), inner.send(request)?)) };
        let with = |header: Header| {
            let mut request = request.clone();
            request.headers.push(header);
            request
        };
        match caller {
            Caller::Token(header) => {
                let request = with(header.clone());
                let response = inner.send(&request)?;
                Ok((request, response))
            }
            Caller::Smart(smart) => {
                let fault = |_: String| SendFault::Unsendable("no access token can be had");
                let header = smart.held().map_err(fault)?;
                let (mut request, mut response) = (with(header), None);
                let first = inner.send(&request)?;
                if first.status == 401 {
                    request = with(smart.renewed().map_err(fault)?);
                    response = Some(inner.send(&request)?);
                }
                Ok((request, response.unwrap_or(first)))
            }
        }
    }
}
