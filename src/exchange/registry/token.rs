//! The JSON Web Token that shows a registry who asks: signed with our key, good for minutes, used for one request.
//!
//! What stands in Kanta's own token is not at hand (`KANTA.md`), so the settings say which claims there are beside those
//! of RFC 7519.

use super::fault::RegistryError;
use super::retry::uuid;
use crate::schema::base64url::encode;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA384, RsaKeyPair};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

/// Seconds for which a token may be good.
const LIFE_SECONDS_MAX: u32 = 300;
/// Claims that no setting changes.
const OWN: &[&str] = &["iss", "sub", "aud", "iat", "nbf", "exp", "jti"];

/// The table `[token]` of the settings.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenSettings {
    /// Who we are: `iss` and `sub`.
    pub issuer: String,
    /// For whom it is; the base address where nothing is said.
    #[serde(default)]
    pub audience: Option<String>,
    /// Our key in PEM (PKCS#8): P-384 for ES384, or RSA for RS384.
    pub key: PathBuf,
    /// The id of the key.
    pub key_id: String,
    /// Seconds for which a token is good.
    #[serde(default = "life_s")]
    pub life_s: u32,
    /// Claims beside those of RFC 7519.
    #[serde(default)]
    pub claims: Map<String, Value>,
}

const fn life_s() -> u32 {
    60
}

impl TokenSettings {
    /// With the file that it names beside the file that it was read from.
    #[must_use]
    pub(super) fn beside(mut self, folder: &Path) -> Self {
        self.key = folder.join(&self.key);
        self
    }
}

/// Makes tokens.
pub(super) struct Signer {
    settings: TokenSettings,
    audience: String,
    key: Key,
}

enum Key {
    Es384(EcdsaKeyPair),
    Rs384(RsaKeyPair),
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signer(«redacted»)")
    }
}

impl Signer {
    /// Reads the key.
    ///
    /// # Errors
    /// The settings cannot be used.
    pub(super) fn new(settings: &TokenSettings, base: &str) -> Result<Self, RegistryError> {
        let refused = |why: String| RegistryError::Settings(format!("[token]: {why}"));
        if settings.life_s == 0 || settings.life_s > LIFE_SECONDS_MAX {
            return Err(refused(format!("`life_s` is from 1 to {LIFE_SECONDS_MAX}")));
        }
        if let Some(name) = settings.claims.keys().find(|name| OWN.contains(&name.as_str())) {
            return Err(refused(format!("`{name}` is set by itself")));
        }
        let name = settings.key.display();
        let pem = std::fs::read(&settings.key).map_err(|error| refused(format!("`{name}`: {error}")))?;
        let der = PrivateKeyDer::from_pem_slice(&pem)
            .map_err(|_| refused(format!("`{name}` has no private key in PEM")))?;
        let random = SystemRandom::new();
        let bytes = der.secret_der();
        let key = match EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, bytes, &random) {
            Ok(key) => Key::Es384(key),
            Err(_) => RsaKeyPair::from_pkcs8(bytes)
                .map(Key::Rs384)
                .map_err(|_| refused(format!("`{name}` is neither a P-384 nor an RSA key in PKCS#8")))?,
        };
        let audience = settings.audience.clone().unwrap_or_else(|| base.to_owned());
        Ok(Self { settings: settings.clone(), audience, key })
    }

    /// A token for one request, at a second since 1970.
    ///
    /// # Errors
    /// The system has no random bytes, or the key cannot sign.
    pub(super) fn token(&self, now: i64) -> Result<String, RegistryError> {
        let alg = match &self.key {
            Key::Es384(_) => "ES384",
            Key::Rs384(_) => "RS384",
        };
        let header = json!({ "alg": alg, "typ": "JWT", "kid": self.settings.key_id });
        let mut claims = self.settings.claims.clone();
        let own = json!({
            "iss": self.settings.issuer, "sub": self.settings.issuer, "aud": self.audience,
            "iat": now, "exp": now + i64::from(self.settings.life_s), "jti": uuid()?,
        });
        if let Value::Object(own) = own {
            claims.extend(own);
        }
        let part = |value: &Value| encode(value.to_string().as_bytes());
        let signed = format!("{}.{}", part(&header), part(&Value::Object(claims)));
        let signature = self.sign(signed.as_bytes())?;
        Ok(format!("{signed}.{}", encode(&signature)))
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, RegistryError> {
        let random = SystemRandom::new();
        let failed = |_| RegistryError::Settings("[token]: the key cannot sign".to_owned());
        match &self.key {
            Key::Es384(key) => {
                key.sign(&random, message).map(|signature| signature.as_ref().to_vec()).map_err(failed)
            }
            Key::Rs384(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA384, &random, message, &mut signature).map_err(failed)?;
                Ok(signature)
            }
        }
    }
}
