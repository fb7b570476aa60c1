//! Where a chain ended at some moment, signed, to be kept in a second place: what was cut off a log since, or made anew
//! in all of it, shows there.

use super::{Head, Tenant};
use crate::diag::codes::{self, Code};
use crate::schema::base64;
use crate::schema::sha256::to_hex;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

/// What is signed starts with this, so that no signature is one of something else.
const PURPOSE: &str = "sauma-checkpoint-1";
/// Bytes of a secret and of a public key (RFC 8032).
const KEY_BYTES: usize = 32;
/// A PKCS #8 of a secret key up to the key itself (RFC 8410, 7).
const SECRET_START: [u8; 16] =
    [0x30, 0x2E, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
/// A `SubjectPublicKeyInfo` up to the key itself (RFC 8410, 4).
const PUBLIC_START: [u8; 12] = [0x30, 0x2A, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x03, 0x21, 0x00];

/// Why a key or a checkpoint cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The key is no Ed25519 key in PEM.
    #[error("the key is no Ed25519 key in PEM")]
    Key,
    /// The line is no checkpoint.
    #[error("the line is no checkpoint")]
    Form,
    /// The checkpoint is not signed with the key.
    #[error("the checkpoint is not signed with this key")]
    Signature,
}

impl CheckpointError {
    /// Its permanent code.
    pub const fn code(self) -> &'static Code {
        match self {
            Self::Key => codes::LOG_KEY,
            Self::Form | Self::Signature => codes::LOG_SIGNATURE,
        }
    }
}

/// The key that signs checkpoints: Ed25519.
pub struct SigningKey(Ed25519KeyPair);

/// The key that checkpoints are checked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifyingKey([u8; KEY_BYTES]);

impl SigningKey {
    /// A new secret key as PEM, to be kept where nobody else reads it.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Key`] where the system gives no random bytes.
    pub fn new_pem() -> Result<String, CheckpointError> {
        let mut secret = [0; KEY_BYTES];
        getrandom::fill(&mut secret).map_err(|_| CheckpointError::Key)?;
        Ok(pem("PRIVATE KEY", &[&SECRET_START[..], &secret].concat()))
    }

    /// Reads a secret key.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Key`] where it is none.
    pub fn from_pem(text: &str) -> Result<Self, CheckpointError> {
        let bytes = of_pem("PRIVATE KEY", text).ok_or(CheckpointError::Key)?;
        let secret = bytes.strip_prefix(&SECRET_START).ok_or(CheckpointError::Key)?;
        Ed25519KeyPair::from_seed_unchecked(secret).map(Self).map_err(|_| CheckpointError::Key)
    }

    /// The key that its signatures are checked with.
    pub fn verifying(&self) -> VerifyingKey {
        VerifyingKey(self.0.public_key().as_ref().try_into().unwrap_or_default())
    }
}

impl std::fmt::Debug for SigningKey {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey").finish_non_exhaustive()
    }
}

impl VerifyingKey {
    /// As PEM.
    pub fn to_pem(self) -> String {
        pem("PUBLIC KEY", &[&PUBLIC_START[..], &self.0].concat())
    }

    /// Reads a public key.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Key`] where it is none.
    pub fn from_pem(text: &str) -> Result<Self, CheckpointError> {
        let bytes = of_pem("PUBLIC KEY", text).ok_or(CheckpointError::Key)?;
        let key = bytes.strip_prefix(&PUBLIC_START).ok_or(CheckpointError::Key)?;
        key.try_into().map(Self).map_err(|_| CheckpointError::Key)
    }
}

/// Where a chain ended at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Where it ended.
    pub head: Head,
    /// When, in microseconds UTC.
    pub time: i64,
}

impl Checkpoint {
    /// What is signed: one line of words.
    fn words(&self) -> String {
        let Head { tenant, log, size, hash } = &self.head;
        format!("{PURPOSE} {} {log} {size} {} {}", tenant.0, to_hex(hash), self.time)
    }

    /// The line of a file of checkpoints, without its end: what is signed, and the signature in hexadecimal.
    pub fn signed(&self, key: &SigningKey) -> String {
        let words = self.words();
        let signature = key.0.sign(words.as_bytes());
        format!("{words} {}", to_hex(signature.as_ref()))
    }

    /// Reads a line of a file of checkpoints, and checks its signature.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Form`] and [`CheckpointError::Signature`].
    pub fn read(line: &str, key: &VerifyingKey) -> Result<Self, CheckpointError> {
        let (words, signature) = line.rsplit_once(' ').ok_or(CheckpointError::Form)?;
        let checkpoint = Self::of_words(words).ok_or(CheckpointError::Form)?;
        // Words of another spelling would read as the same.
        if checkpoint.words() != words {
            return Err(CheckpointError::Form);
        }
        let signature = of_hex(signature).ok_or(CheckpointError::Form)?;
        let key = UnparsedPublicKey::new(&ED25519, key.0);
        key.verify(words.as_bytes(), &signature).map_err(|_| CheckpointError::Signature)?;
        Ok(checkpoint)
    }

    fn of_words(words: &str) -> Option<Self> {
        let mut words = words.split(' ').skip_while(|word| *word == PURPOSE);
        let tenant = Tenant(words.next()?.parse().ok()?);
        let log = words.next()?.to_owned();
        let size = words.next()?.parse().ok()?;
        let hash = of_hex(words.next()?)?.try_into().ok()?;
        let time = words.next()?.parse().ok()?;
        words.next().is_none().then_some(Self { head: Head { tenant, log, size, hash }, time })
    }
}

/// Bytes of a text in hexadecimal.
pub(super) fn of_hex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let byte = |[high, low]: &[u8; 2]| u8::try_from(digit(*high)? << 4 | digit(*low)?).ok();
    if rest.is_empty() { pairs.iter().map(byte).collect() } else { None }
}

/// Bytes as PEM (RFC 7468); they are few enough for one line.
fn pem(label: &str, bytes: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", base64::encode(bytes))
}

fn of_pem(label: &str, text: &str) -> Option<Vec<u8>> {
    let rest = text.trim().strip_prefix(&format!("-----BEGIN {label}-----"))?;
    base64::decode(rest.strip_suffix(&format!("-----END {label}-----"))?.trim())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn checkpoint() -> Checkpoint {
        let head = Head { tenant: Tenant(3), log: "audit".to_owned(), size: 1_000, hash: [0xAB; 32] };
        Checkpoint { head, time: 1_700_000_000_000_000 }
    }

    #[test]
    fn a_checkpoint_holds_under_its_key_alone() {
        let key = SigningKey::from_pem(&SigningKey::new_pem().unwrap()).unwrap();
        let public = VerifyingKey::from_pem(&key.verifying().to_pem()).unwrap();
        let line = checkpoint().signed(&key);
        assert_eq!(Checkpoint::read(&line, &public), Ok(checkpoint()));
        let other = SigningKey::from_pem(&SigningKey::new_pem().unwrap()).unwrap().verifying();
        assert_eq!(Checkpoint::read(&line, &other), Err(CheckpointError::Signature));
        for at in 0..line.len() {
            let mut bytes = line.clone().into_bytes();
            bytes[at] ^= 1;
            let Ok(text) = String::from_utf8(bytes) else { continue };
            assert!(Checkpoint::read(&text, &public).is_err(), "byte {at}");
        }
    }

    #[test]
    fn keys_have_the_form_that_others_read() {
        // The example of RFC 8410, 10.3.
        let secret = "-----BEGIN PRIVATE KEY-----\n\
             MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
             -----END PRIVATE KEY-----\n";
        let public = "-----BEGIN PUBLIC KEY-----\n\
             MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
             -----END PUBLIC KEY-----\n";
        assert_eq!(SigningKey::from_pem(secret).unwrap().verifying().to_pem(), public);
        for odd in ["", "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n", public] {
            assert_eq!(SigningKey::from_pem(odd).err(), Some(CheckpointError::Key));
        }
    }
}
