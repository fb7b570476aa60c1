//! The signed statement by which a client shows who it is (SMART App Launch 2.2, "Client Authentication: Asymmetric").
//!
//! Everything that the standard forbids is refused here, and everything that a library may let pass with it: an end far
//! away, a beginning in the future, no `jti`, an `iss` that is not the `sub`, more than one audience, a critical header
//! field, a key that the header brings with it.

use super::keys::{Algorithm, Keys};
use crate::schema::base64url::decode;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// Bytes of an assertion.
const ASSERTION_BYTES_MAX: usize = 8 << 10;
/// Bytes of a `jti`.
const JTI_BYTES_MAX: usize = 256;
/// Seconds for which an assertion may be good.
pub(super) const LIFE_SECONDS: i64 = 300;
/// Seconds by which the clock of a client may be ahead where it tells when it signed.
const SKEW_SECONDS: i64 = 5;

/// The header. What is not named here is passed over; what might lead to a key is read to be refused.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: String,
    typ: String,
    #[serde(default)]
    crit: Option<IgnoredAny>,
    #[serde(default)]
    b64: Option<IgnoredAny>,
    /// The address of the keys; only the one that is registered may stand here.
    #[serde(default, deserialize_with = "present")]
    jku: Option<String>,
    #[serde(default)]
    jwk: Option<IgnoredAny>,
    #[serde(default)]
    x5u: Option<IgnoredAny>,
    #[serde(default)]
    x5c: Option<IgnoredAny>,
    #[serde(default)]
    zip: Option<IgnoredAny>,
    #[serde(default)]
    enc: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: i64,
    #[serde(default, deserialize_with = "present")]
    nbf: Option<i64>,
    #[serde(default, deserialize_with = "present")]
    iat: Option<i64>,
    jti: String,
}

/// A value that must be one where the field stands; `null` is none.
fn present<'de, T: Deserialize<'de>, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    List(Vec<String>),
}

/// What is wrong with an assertion. For the log; the client learns no more than `invalid_client`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server) enum Flaw {
    /// No JSON Web Signature of three parts, or claims of a wrong kind.
    Form,
    /// Neither RS384 nor ES384, or a type other than JWT.
    Algorithm,
    /// A header field that is critical, or that brings a key.
    Header,
    /// `iss` and `sub` are not both the client.
    Client,
    /// The keys of the client cannot be had from their address.
    Keys,
    /// No key of the client made the signature.
    Signature,
    /// The audience is not this token endpoint alone.
    Audience,
    /// Over, not yet begun, or for too long.
    Time,
    /// No `jti`, or one that is too long.
    Id,
    /// Used before.
    Used,
}

/// A statement that holds, but may have been used before.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Assertion {
    pub(super) jti: String,
}

/// The client and the key that an assertion names, before anything of it is believed.
pub(super) fn named(text: &str) -> Result<(String, String), Flaw> {
    let parts = Parts::of(text)?;
    Ok((parts.claims.iss, parts.header.kid))
}

/// Judges an assertion of a client, whose keys may have an address, at a moment in seconds.
///
/// # Errors
/// Its first flaw.
pub(super) fn judge(
    text: &str,
    client: &str,
    (keys, address): (&Keys, Option<&str>),
    audience: &str,
    now: i64,
) -> Result<Assertion, Flaw> {
    let parts = Parts::of(text)?;
    let (header, claims) = (&parts.header, parts.claims);
    let algorithm = Algorithm::find(&header.alg).ok_or(Flaw::Algorithm)?;
    if header.typ != "JWT" {
        return Err(Flaw::Algorithm);
    }
    let brings = [&header.crit, &header.b64, &header.jwk, &header.x5u, &header.x5c, &header.zip, &header.enc];
    let leads_elsewhere = header.jku.as_deref().is_some_and(|url| Some(url) != address);
    if brings.into_iter().any(Option::is_some) || leads_elsewhere || header.kid.is_empty() {
        return Err(Flaw::Header);
    }
    if claims.iss != client || claims.sub != client {
        return Err(Flaw::Client);
    }
    if !keys.verify(&header.kid, algorithm, parts.signed.as_bytes(), &parts.signature) {
        return Err(Flaw::Signature);
    }
    let is_meant = match &claims.aud {
        Audience::One(one) => one == audience,
        Audience::List(list) => matches!(list.as_slice(), [one] if one == audience),
    };
    if !is_meant {
        return Err(Flaw::Audience);
    }
    let begun =
        |at: Option<i64>| at.is_none_or(|at| at <= now.saturating_add(SKEW_SECONDS) && at < claims.exp);
    if claims.exp <= now
        || claims.exp > now.saturating_add(LIFE_SECONDS)
        || !begun(claims.iat)
        || !begun(claims.nbf)
    {
        return Err(Flaw::Time);
    }
    if claims.jti.trim().is_empty() || claims.jti.len() > JTI_BYTES_MAX {
        return Err(Flaw::Id);
    }
    Ok(Assertion { jti: claims.jti })
}

/// The parts of a JSON Web Signature in its compact form (RFC 7515, 7.1).
struct Parts<'a> {
    header: Header,
    claims: Claims,
    signed: &'a str,
    signature: Vec<u8>,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Result<Self, Flaw> {
        if text.len() > ASSERTION_BYTES_MAX {
            return Err(Flaw::Form);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(Flaw::Form)?;
        let (header, claims) = signed.split_once('.').ok_or(Flaw::Form)?;
        Ok(Self {
            header: json(header)?,
            claims: json(claims)?,
            signed,
            signature: decode(signature).filter(|bytes| !bytes.is_empty()).ok_or(Flaw::Form)?,
        })
    }
}

/// JSON in base64; a name that stands twice is refused, so that no two readers can take it differently.
fn json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, Flaw> {
    let bytes = decode(text).ok_or(Flaw::Form)?;
    serde_json::from_slice(&bytes).map_err(|_| Flaw::Form)
}
