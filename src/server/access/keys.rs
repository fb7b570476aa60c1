//! Public keys of clients: JSON Web Key Sets (RFC 7517) with the two algorithms that SMART asks for.

use crate::schema::base64url::decode;
use ring::signature::{
    ECDSA_P384_SHA384_FIXED, RSA_PKCS1_2048_8192_SHA384, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::Deserialize;

/// Keys of one set.
const KEYS_MAX: usize = 32;
/// Bytes of each coordinate of P-384.
const COORDINATE_BYTES: usize = 48;
/// Bits of an RSA key at least.
const RSA_BITS_MIN: usize = 2_048;

/// How an assertion is signed (SMART App Launch 2.2, "Asymmetric Authentication").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    Rs384,
    Es384,
}

impl Algorithm {
    pub(super) fn find(name: &str) -> Option<Self> {
        match name {
            "RS384" => Some(Self::Rs384),
            "ES384" => Some(Self::Es384),
            _ => None,
        }
    }
}

/// The public keys of a client.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::server) struct Keys(Vec<Key>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Key {
    id: String,
    value: Value,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// The point, not compressed.
    P384(Vec<u8>),
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Entry>,
}

/// A key as it stands in a set. What is private is read to be refused.
#[derive(Deserialize)]
struct Entry {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    alg: Option<String>,
    key_ops: Option<Vec<String>>,
    n: Option<String>,
    e: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    d: Option<serde::de::IgnoredAny>,
    k: Option<serde::de::IgnoredAny>,
}

impl Keys {
    /// Reads a set. Keys that are for something else are passed over.
    ///
    /// # Errors
    /// Why it cannot be used: no set, a private key in it, a key without id, a weak key, none left.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let set: Set = serde_json::from_str(text).map_err(|_| "it is no JSON Web Key Set".to_owned())?;
        if set.keys.len() > KEYS_MAX {
            return Err(format!("it has over {KEYS_MAX} keys"));
        }
        let mut keys = Vec::new();
        for entry in set.keys {
            if entry.d.is_some() || entry.k.is_some() {
                return Err("it holds a private key, which belongs to the client alone".to_owned());
            }
            keys.extend(entry.key()?);
        }
        if keys.is_empty() {
            return Err("it has no key for RS384 or ES384".to_owned());
        }
        Ok(Self(keys))
    }

    /// True where there is a key of an id.
    pub(super) fn has(&self, id: &str) -> bool {
        self.0.iter().any(|key| key.id == id)
    }

    /// True where the one key of an id and an algorithm made a signature. Two such keys are none.
    pub(super) fn verify(&self, id: &str, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let mut fitting = self.0.iter().filter(|key| key.id == id && key.value.fits(algorithm));
        let (Some(key), None) = (fitting.next(), fitting.next()) else { return false };
        match &key.value {
            Value::Rsa { n, e } => {
                let key = RsaPublicKeyComponents { n, e };
                key.verify(&RSA_PKCS1_2048_8192_SHA384, message, signature).is_ok()
            }
            Value::P384(point) => {
                UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point).verify(message, signature).is_ok()
            }
        }
    }
}

impl Value {
    const fn fits(&self, algorithm: Algorithm) -> bool {
        matches!((self, algorithm), (Self::Rsa { .. }, Algorithm::Rs384) | (Self::P384(_), Algorithm::Es384))
    }
}

impl Entry {
    /// The key, where it is one to verify with.
    fn key(self) -> Result<Option<Key>, String> {
        let is_for_signatures = self.purpose.as_deref().is_none_or(|purpose| purpose == "sig")
            && self.key_ops.as_ref().is_none_or(|operations| operations.iter().any(|word| word == "verify"));
        let wanted = match self.kty.as_str() {
            "RSA" => "RS384",
            "EC" => "ES384",
            _ => return Ok(None),
        };
        if !is_for_signatures || self.alg.as_deref().is_some_and(|alg| alg != wanted) {
            return Ok(None);
        }
        let Some(id) = self.kid.filter(|id| !id.is_empty()) else {
            return Err("a key has no kid".to_owned());
        };
        let bytes = |text: Option<String>| text.as_deref().and_then(decode);
        let value = if wanted == "RS384" {
            let (Some(n), Some(e)) = (bytes(self.n), bytes(self.e)) else {
                return Err("an RSA key has no n and e".to_owned());
            };
            if n.len() * 8 < RSA_BITS_MIN {
                return Err(format!("an RSA key has less than {RSA_BITS_MIN} bits"));
            }
            Value::Rsa { n, e }
        } else {
            if self.crv.as_deref() != Some("P-384") {
                return Ok(None);
            }
            let (Some(x), Some(y)) = (bytes(self.x), bytes(self.y)) else {
                return Err("an EC key has no x and y".to_owned());
            };
            if x.len() != COORDINATE_BYTES || y.len() != COORDINATE_BYTES {
                return Err("a coordinate of P-384 has 48 bytes".to_owned());
            }
            Value::P384([vec![4], x, y].concat())
        };
        Ok(Some(Key { id, value }))
    }
}
