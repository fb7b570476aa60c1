//! A caller that shows who it is by a signed statement (SMART App Launch 2.2, "Client Authentication: Asymmetric").

use crate::schema::base64;
use ring::rand::SystemRandom;
use ring::rsa::KeyPair as RsaKeyPair;
use ring::signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA384};
use serde_json::{Value, json};
use std::fmt;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

/// Seconds for which a statement is good; servers take at most 300.
const LIFE_SECONDS: u64 = 240;
/// The kind of statement that the token endpoint is given (RFC 7523).
const ASSERTION_TYPE: &str = "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";

/// Why there is no token. None of them holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SmartError {
    /// The key cannot be used.
    #[error("the key is neither an EC key on P-384 nor an RSA key, in PEM (PKCS #8) or as a JSON Web Key")]
    Key,
    /// The system gives no random bytes, or does not sign.
    #[error("the key does not sign")]
    Signing,
    /// The answer has no token.
    #[error("the token endpoint gives no access token")]
    NoToken,
    /// The configuration names no token endpoint.
    #[error("the server names no token endpoint in .well-known/smart-configuration")]
    NoEndpoint,
}

/// The private key of a client.
pub struct SigningKey {
    pair: Pair,
    id: Option<String>,
}

enum Pair {
    Ec(EcdsaKeyPair),
    Rsa(RsaKeyPair),
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("algorithm", &self.algorithm()).finish_non_exhaustive()
    }
}

impl SigningKey {
    /// Reads a key in PEM, or a JSON Web Key of the kind EC, which may name its `kid`.
    ///
    /// # Errors
    /// [`SmartError::Key`].
    pub fn read(text: &str) -> Result<Self, SmartError> {
        if text.trim_start().starts_with('{') {
            return Self::of_json(text);
        }
        let pem = PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|_| SmartError::Key)?;
        let der = pem.secret_der();
        let random = SystemRandom::new();
        if let Ok(pair) = EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, der, &random) {
            return Ok(Self { pair: Pair::Ec(pair), id: None });
        }
        let pair = RsaKeyPair::from_pkcs8(der).or_else(|_| RsaKeyPair::from_der(der));
        pair.map(|pair| Self { pair: Pair::Rsa(pair), id: None }).map_err(|_| SmartError::Key)
    }

    fn of_json(text: &str) -> Result<Self, SmartError> {
        let key: Value = serde_json::from_str(text).map_err(|_| SmartError::Key)?;
        let part = |name: &str| {
            let text = key[name].as_str().unwrap_or_default();
            base64::read(text, base64::FOR_URLS).filter(|bytes| !bytes.is_empty()).ok_or(SmartError::Key)
        };
        let mut point = vec![4];
        point.extend(part("x")?);
        point.extend(part("y")?);
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P384_SHA384_FIXED_SIGNING;
        let pair = EcdsaKeyPair::from_private_key_and_public_key(algorithm, &part("d")?, &point, &random);
        let id = key["kid"].as_str().map(str::to_owned);
        pair.map(|pair| Self { pair: Pair::Ec(pair), id }).map_err(|_| SmartError::Key)
    }

    /// The `kid` that the key brings.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    const fn algorithm(&self) -> &'static str {
        match self.pair {
            Pair::Ec(_) => "ES384",
            Pair::Rsa(_) => "RS384",
        }
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SmartError> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Ec(pair) => {
                let signed = pair.sign(&random, message).map_err(|_| SmartError::Signing)?;
                Ok(signed.as_ref().to_vec())
            }
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA384, &random, message, &mut signature)
                    .map_err(|_| SmartError::Signing)?;
                Ok(signature)
            }
        }
    }
}

/// What a client says of itself.
#[derive(Debug)]
pub struct Claims<'a> {
    /// The id that the server registered it with.
    pub client: &'a str,
    /// The `kid` of its key.
    pub key_id: &'a str,
    /// The address of the token endpoint.
    pub audience: &'a str,
    /// What it asks for: `system/*.cruds`.
    pub scope: &'a str,
    /// Seconds since 1970.
    pub now: u64,
    /// A name that no other statement of the client has.
    pub unique: &'a str,
}

/// The form by which a token is asked for.
///
/// # Errors
/// The key does not sign.
pub fn token_form(key: &SigningKey, claims: &Claims<'_>) -> Result<String, SmartError> {
    let header = json!({ "alg": key.algorithm(), "kid": claims.key_id, "typ": "JWT" });
    let body = json!({
        "iss": claims.client, "sub": claims.client, "aud": claims.audience,
        "iat": claims.now, "exp": claims.now + LIFE_SECONDS, "jti": claims.unique,
    });
    let part = |bytes: &[u8]| base64::write(bytes, base64::FOR_URLS).trim_end_matches('=').to_owned();
    let signed = format!("{}.{}", part(header.to_string().as_bytes()), part(body.to_string().as_bytes()));
    let signature = part(&key.sign(signed.as_bytes())?);
    let scope = claims.scope.replace('%', "%25").replace('*', "%2A").replace(' ', "+").replace('&', "%26");
    Ok(format!(
        "grant_type=client_credentials&scope={scope}&client_assertion_type={ASSERTION_TYPE}&client_assertion={signed}.{signature}"
    ))
}

/// The access token of an answer of the token endpoint.
///
/// # Errors
/// [`SmartError::NoToken`].
pub fn access_token(answer: &str) -> Result<String, SmartError> {
    let answer: Value = serde_json::from_str(answer).map_err(|_| SmartError::NoToken)?;
    answer["access_token"].as_str().map(str::to_owned).ok_or(SmartError::NoToken)
}

/// The token endpoint of a `.well-known/smart-configuration`.
///
/// # Errors
/// [`SmartError::NoEndpoint`].
pub fn token_endpoint(configuration: &str) -> Result<String, SmartError> {
    let read: Value = serde_json::from_str(configuration).map_err(|_| SmartError::NoEndpoint)?;
    read["token_endpoint"].as_str().map(str::to_owned).ok_or(SmartError::NoEndpoint)
}
