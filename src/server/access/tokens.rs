//! Access tokens: what this server grants, sealed with HMAC-SHA-256 by a key that all nodes share. A token is checked in
//! about a microsecond without asking anybody, and says nothing that the client does not know.

use super::scope::Scopes;
use crate::schema::base64url::{decode, encode};
use ring::hmac;
use serde::{Deserialize, Serialize};

/// Seconds for which a token is good (SMART App Launch 2.2: at most 300).
pub(super) const LIFE_SECONDS: i64 = 300;
/// What tokens of this form begin with.
const FORM: &str = "s1";
/// Bytes of a token.
const TOKEN_BYTES_MAX: usize = 8 << 10;
/// Bytes that a key has at least.
pub(super) const KEY_BYTES_MIN: usize = 32;

/// What a token grants.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Grant {
    /// Its id, for the audit.
    pub(super) jti: String,
    /// The client.
    pub(super) client: String,
    /// Scopes, as text.
    pub(super) scopes: String,
    /// When it ends, in seconds since 1970.
    pub(super) exp: i64,
}

/// Seals and opens tokens.
#[derive(Debug)]
pub(super) struct Tokens {
    key: hmac::Key,
}

impl Tokens {
    /// With a secret that all nodes share.
    pub(super) fn new(secret: &[u8]) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, secret) }
    }

    /// The token of a grant.
    pub(super) fn seal(&self, grant: &Grant) -> String {
        let body = encode(&serde_json::to_vec(grant).unwrap_or_default());
        let signed = format!("{FORM}.{body}");
        let mac = encode(hmac::sign(&self.key, signed.as_bytes()).as_ref());
        format!("{signed}.{mac}")
    }

    /// The grant of a token and its scopes; none where this server did not seal it, or it is over.
    pub(super) fn open(&self, token: &str, now: i64) -> Option<(Grant, Scopes)> {
        if token.len() > TOKEN_BYTES_MAX {
            return None;
        }
        let (signed, mac) = token.rsplit_once('.')?;
        let body = signed.strip_prefix(FORM)?.strip_prefix('.')?;
        hmac::verify(&self.key, signed.as_bytes(), &decode(mac)?).ok()?;
        let grant: Grant = serde_json::from_slice(&decode(body)?).ok()?;
        let scopes = Scopes::registered(&grant.scopes).ok()?;
        (now < grant.exp && grant.exp <= now + LIFE_SECONDS).then_some((grant, scopes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_as_it_was_given_and_while_it_lasts() {
        let tokens = Tokens::new(&[7; KEY_BYTES_MIN]);
        let grant = Grant { jti: "j".into(), client: "a".into(), scopes: "system/Goal.r".into(), exp: 1_300 };
        let token = tokens.seal(&grant);
        assert_eq!(tokens.open(&token, 1_000).map(|(grant, _)| grant), Some(grant));
        assert!(tokens.open(&token, 1_300).is_none());
        assert!(tokens.open(&token, 999).is_none());
        assert!(Tokens::new(&[8; KEY_BYTES_MIN]).open(&token, 1_000).is_none());
        for at in 0..token.len() {
            let mut other = token.clone().into_bytes();
            other[at] = if other[at] == b'A' { b'B' } else { b'A' };
            let other = String::from_utf8(other).unwrap_or_default();
            assert!(other == token || tokens.open(&other, 1_000).is_none(), "{at}");
        }
    }
}
