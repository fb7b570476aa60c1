//! `POST /token` (SMART Backend Services 2.2; RFC 6749, 4.4; RFC 7523) and what tells of it.

use super::Client;
use super::assertion::{self, Flaw};
use super::check::OWN;
use super::tokens::{Grant, LIFE_SECONDS};
use crate::schema::sha256::hex;
use crate::server::Server;
use crate::server::answer::{Answer, Body};
use crate::server::call::Call;
use crate::server::caller::{Caller, Known, Proof};
use crate::server::media::Media;
use crate::server::query::{self, Pair};
use crate::server::refusal::{Outcome, Refusal, Why};
use crate::server::{ids, moment, sight};
use crate::store::{Commit, CommitError, Method, Name, Store, Write};
use hyper::StatusCode;
use serde_json::{Value, json};
use std::sync::Arc;

const GRANT_TYPE: &str = "client_credentials";
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// Under this kind the store keeps assertions that were used.
const USED: &str = "Assertion";
const MEDIA: &str = "application/json";

/// Why no token is given, in the words of OAuth (RFC 6749, 5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Denied {
    Request(&'static str),
    GrantType,
    Client(Flaw),
    Scope,
}

impl Denied {
    fn answer(self) -> Answer {
        let (status, error, description) = match self {
            Self::Request(what) => (StatusCode::BAD_REQUEST, "invalid_request", what),
            Self::GrantType => {
                (StatusCode::BAD_REQUEST, "unsupported_grant_type", "grant_type is client_credentials")
            }
            // One answer, so that nobody learns which clients there are or what is nearly right.
            Self::Client(_) => {
                (StatusCode::UNAUTHORIZED, "invalid_client", "the client did not show who it is")
            }
            Self::Scope => (StatusCode::BAD_REQUEST, "invalid_scope", "none of these scopes can be given"),
        };
        told(status, &json!({ "error": error, "error_description": description }))
    }
}

impl<S: Store> Server<S> {
    /// Where the token endpoint is: the audience of assertions.
    pub(in crate::server) fn token_url(&self) -> String {
        format!("{}/token", self.settings.origin())
    }

    /// Grants an access token.
    pub(in crate::server) async fn token(&self, call: &Call) -> Outcome<Answer> {
        if self.access.is_open() {
            return Err(Refusal::plain(Why::NoRoute));
        }
        match self.granted(call).await? {
            Ok((client, grant)) => {
                let caller = Caller {
                    tenant: client.unit.tenant,
                    known: Some(Known::of_client(&client, Proof::Token(grant.jti.clone()))),
                    ..(*call.caller).clone()
                };
                self.tell_login(&caller).await?;
                tracing::info!(client = client.id, token = grant.jti, "token granted");
                Ok(told(
                    StatusCode::OK,
                    &json!({
                        "access_token": self.access.tokens.seal(&grant),
                        "token_type": "bearer",
                        "expires_in": LIFE_SECONDS,
                        "scope": grant.scopes,
                    }),
                ))
            }
            Err(denied) => {
                tracing::warn!(why = ?denied, "no token granted");
                Ok(denied.answer())
            }
        }
    }

    async fn granted(&self, call: &Call) -> Outcome<Result<(Arc<Client>, Grant), Denied>> {
        let form = match form(call) {
            Ok(form) => form,
            Err(denied) => return Ok(Err(denied)),
        };
        let now = moment::now() / 1_000_000;
        let denied = |flaw| Ok(Err(Denied::Client(flaw)));
        let (name, key) = match assertion::named(&form.assertion) {
            Ok(named) => named,
            Err(flaw) => return denied(flaw),
        };
        let Some(client) = self.access.clients.get(&name) else { return denied(Flaw::Client) };
        if form.client.is_some_and(|told| told != client.id) {
            return denied(Flaw::Client);
        }
        let Some(keys) = client.keys.with(&key).await else { return denied(Flaw::Keys) };
        let keys = (&*keys, client.keys.url());
        let judged = assertion::judge(&form.assertion, &client.id, keys, &self.token_url(), now);
        let assertion = match judged {
            Ok(assertion) => assertion,
            Err(flaw) => return denied(flaw),
        };
        // What is asked for in vain costs no jti.
        let scopes = client.scopes.granted(&form.scope);
        if scopes.is_empty() {
            return Ok(Err(Denied::Scope));
        }
        if !self.is_new(&client.id, &assertion.jti, now).await? {
            return denied(Flaw::Used);
        }
        let grant = Grant {
            jti: ids::uuid(),
            client: client.id.clone(),
            scopes: scopes.text(),
            exp: now + LIFE_SECONDS,
        };
        Ok(Ok((Arc::clone(client), grant)))
    }

    /// True where an assertion was never used. It is then: a resource of its name is written to the tenant that is the
    /// server's own, and the store lets one node alone write the first version, so that this holds over nodes and
    /// restarts with no other means than every write has.
    async fn is_new(&self, client: &str, jti: &str, now: i64) -> Outcome<bool> {
        let name = Name::new(USED, hex(format!("{client}\0{jti}").as_bytes()));
        self.claim(name, &json!({ "at": now })).await
    }

    /// Writes the first version of a resource of the server's own; false where there is one.
    pub(super) async fn claim(&self, name: Name, content: &Value) -> Outcome<bool> {
        let write = Write {
            name,
            version: 1,
            updated: moment::now(),
            method: Method::Put,
            document: Some(content.to_string().into_bytes().into()),
            client: None,
            keys: Vec::new(),
        };
        match self.store.commit(Commit { tenant: OWN, writes: vec![write], ..Commit::default() }).await {
            Ok(_) => Ok(true),
            Err(CommitError::Expectation(_) | CommitError::Stale(_) | CommitError::Queue(_)) => Ok(false),
            Err(CommitError::Store(error)) => Err(sight::refusal(&error)),
        }
    }

    /// `/.well-known/smart-configuration` (SMART App Launch 2.2, "Using Well-Known").
    pub(in crate::server) fn smart_configuration(&self) -> Outcome<Answer> {
        if self.access.is_open() {
            return Err(Refusal::plain(Why::NoRoute));
        }
        Ok(told(
            StatusCode::OK,
            &json!({
                "token_endpoint": self.token_url(),
                "token_endpoint_auth_methods_supported": ["private_key_jwt"],
                "token_endpoint_auth_signing_alg_values_supported": ["RS384", "ES384"],
                "grant_types_supported": [GRANT_TYPE],
                "scopes_supported": ["system/*.cruds"],
                "code_challenge_methods_supported": ["S256"],
                "capabilities": ["client-confidential-asymmetric", "permission-v2"],
            }),
        ))
    }
}

/// The fields of a request for a token.
struct Form {
    assertion: String,
    scope: String,
    client: Option<String>,
}

fn form(call: &Call) -> Result<Form, Denied> {
    if !call.query.is_empty() {
        return Err(Denied::Request("nothing of a request for a token stands in the address"));
    }
    if call.content.media != Some(Media::Form) {
        return Err(Denied::Request("a request for a token is application/x-www-form-urlencoded"));
    }
    let text = std::str::from_utf8(&call.content.bytes).ok();
    let pairs =
        text.and_then(|text| query::pairs(text).ok()).ok_or(Denied::Request("the form cannot be read"))?;
    let assertion_type = once(&pairs, "client_assertion_type")?;
    let (assertion, scope) = (once(&pairs, "client_assertion")?, once(&pairs, "scope")?);
    if once(&pairs, "grant_type")? != Some(GRANT_TYPE) {
        return Err(Denied::GrantType);
    }
    if once(&pairs, "client_secret")?.is_some() || assertion_type != Some(ASSERTION_TYPE) {
        return Err(Denied::Request("a client shows who it is by a signed assertion and nothing else"));
    }
    let assertion = assertion.ok_or(Denied::Request("client_assertion is missing"))?;
    let scope = scope.ok_or(Denied::Request("scope is missing"))?;
    let client = once(&pairs, "client_id")?.map(str::to_owned);
    Ok(Form { assertion: assertion.to_owned(), scope: scope.to_owned(), client })
}

/// A field that may stand once (RFC 6749, 3.2).
fn once<'a>(pairs: &'a [Pair], name: &str) -> Result<Option<&'a str>, Denied> {
    let mut values = pairs.iter().filter(|(known, _)| known == name).map(|(_, value)| &**value);
    let first = values.next();
    if values.next().is_some() {
        return Err(Denied::Request("a field of the form stands twice"));
    }
    Ok(first)
}

fn told(status: StatusCode, value: &Value) -> Answer {
    Answer::new(status, Body::Text(MEDIA, value.to_string().into()))
}
