//! Who may call and what they see: over real connections, with clients that sign for themselves.

mod cases;
pub(crate) mod certificates;
mod channels;
mod key_addresses;
mod log;
mod checked;
mod production;
mod tokens;
pub(super) mod units;

use super::talk::{Reply, Running};
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA384, RsaKeyPair};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// The key of a client. RSA keys take long to make, so that all tests share one, which is good for nothing else.
pub(super) enum Key {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
}

impl Key {
    fn rsa() -> Self {
        Self::Rsa(RsaKeyPair::from_pkcs8(include_bytes!("access/rsa.der")).unwrap())
    }

    fn ec() -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, &random).unwrap();
        Self::Ec(EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, pkcs8.as_ref(), &random).unwrap())
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "RS384",
            Self::Ec(_) => "ES384",
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA384, &random, message, &mut signature).unwrap();
                signature
            }
            Self::Ec(key) => key.sign(&random, message).unwrap().as_ref().to_vec(),
        }
    }

    /// The public half, as a key of a set.
    fn public(&self, id: &str) -> Value {
        match self {
            Self::Rsa(key) => {
                let parts = PublicKeyComponents::<Vec<u8>>::from(key.public());
                json!({ "kty": "RSA", "kid": id, "use": "sig", "alg": "RS384", "n": base64(&parts.n), "e": base64(&parts.e) })
            }
            Self::Ec(key) => {
                let point = key.public_key().as_ref();
                let (x, y) = point[1..].split_at(48);
                json!({ "kty": "EC", "kid": id, "crv": "P-384", "x": base64(x), "y": base64(y) })
            }
        }
    }

    /// A set with this key.
    fn set(&self, id: &str) -> String {
        json!({ "keys": [self.public(id)] }).to_string()
    }
}

/// Base64 for urls, written once more than the server has it.
pub(super) fn base64(bytes: &[u8]) -> String {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let bits: Vec<u8> = bytes.iter().flat_map(|byte| (0..8).rev().map(move |at| byte >> at & 1)).collect();
    bits.chunks(6)
        .map(|six| {
            let value = six.iter().fold(0_usize, |sum, bit| sum << 1 | usize::from(*bit)) << (6 - six.len());
            char::from(SIGNS[value])
        })
        .collect()
}

/// Seconds since 1970.
pub(super) fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

/// A name that was not there before.
pub(super) fn fresh() -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    format!("n{}-{}", now(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// An assertion before it is signed.
pub(super) struct Draft {
    pub(super) header: Value,
    pub(super) claims: Value,
}

impl Draft {
    /// As it should be.
    pub(super) fn of(server: &Running, client: &str, key: &Key) -> Self {
        Self {
            header: json!({ "alg": key.algorithm(), "kid": "k", "typ": "JWT" }),
            claims: json!({
                "iss": client, "sub": client, "aud": format!("http://{}/token", server.address),
                "exp": now() + 200, "iat": now(), "jti": fresh(),
            }),
        }
    }

    pub(super) fn signed(&self, key: &Key) -> String {
        joined(&self.header.to_string(), &self.claims.to_string(), key)
    }
}

/// A header and claims, signed.
pub(super) fn joined(header: &str, claims: &str, key: &Key) -> String {
    let signed = format!("{}.{}", base64(header.as_bytes()), base64(claims.as_bytes()));
    format!("{signed}.{}", base64(&key.sign(signed.as_bytes())))
}

const ASSERTION_TYPE: &str = "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";

/// The form by which a token is asked for.
pub(super) fn form(assertion: &str, scope: &str) -> String {
    let scope = scope.replace(' ', "+").replace('*', "%2A");
    format!(
        "grant_type=client_credentials&client_assertion_type={ASSERTION_TYPE}&client_assertion={assertion}&scope={scope}"
    )
}

/// Posts a form to the token endpoint.
pub(super) fn ask(server: &Running, form: &str) -> Reply {
    let media = [("Content-Type", "application/x-www-form-urlencoded")];
    server.send("POST", "/token", &media, form.as_bytes())
}

/// A token of a client.
pub(super) fn token(server: &Running, client: &str, key: &Key, scope: &str) -> String {
    let reply = ask(server, &form(&Draft::of(server, client, key).signed(key), scope));
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.value()["access_token"].as_str().unwrap().to_owned()
}

/// A request with a token.
pub(super) fn with(server: &Running, token: &str, method: &str, path: &str, body: &str) -> Reply {
    let bearer = format!("Bearer {token}");
    server.json(method, path, &[("Authorization", &bearer)], body)
}

/// Settings with a unit and a client for each row: key, sector, register, tenant, scopes.
pub(super) fn settings(rows: &[(&str, &str, &str, u32, &str)], set: &str) -> String {
    let mut text = String::new();
    for (key, sector, register, tenant, scopes) in rows {
        text.push_str(&format!(
            "[[unit]]\nkey = \"{key}\"\nname = \"{key}\"\nsector = \"{sector}\"\nregister = \"{register}\"\ntenant = {tenant}\n\
             [[client]]\nid = \"{key}-app\"\nunit = \"{key}\"\nscopes = \"{scopes}\"\njwks = '{set}'\n",
        ));
    }
    text
}

/// A token, asked for over a connection of another kind.
pub(super) fn token_over(post: impl Fn(&str) -> Reply, audience: &str, client: &str, key: &Key) -> String {
    let claims = json!({ "iss": client, "sub": client, "aud": audience, "exp": now() + 200, "jti": fresh() });
    let header = json!({ "alg": key.algorithm(), "kid": "k", "typ": "JWT" });
    let reply = post(&form(&joined(&header.to_string(), &claims.to_string(), key), "system/*.rs"));
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.value()["access_token"].as_str().unwrap().to_owned()
}
