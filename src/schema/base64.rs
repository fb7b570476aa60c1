//! Base 64 (RFC 4648, sections 4 and 5).

/// The alphabet of base 64.
pub(crate) const PLAIN: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// The one that may stand in an address.
pub(crate) const FOR_URLS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Bytes as base 64 in one line, as FHIR has it in `base64Binary`.
#[cfg(feature = "server")]
pub(crate) fn encode(bytes: &[u8]) -> String {
    write(bytes, PLAIN)
}

/// The bytes of a `base64Binary`; white space is passed over.
#[cfg(feature = "server")]
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    read(text, PLAIN)
}

/// Bytes in an alphabet, with padding.
pub(crate) fn write(bytes: &[u8], alphabet: &[u8; 64]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word =
            chunk.iter().chain(&[0; 2]).take(3).fold(0_usize, |word, byte| word << 8 | usize::from(*byte));
        for digit in 0..4 {
            let value = word >> (18 - 6 * digit) & 63;
            out.push(if digit > chunk.len() { '=' } else { char::from(alphabet[value]) });
        }
    }
    out
}

/// The bytes of a text in an alphabet, where it is one; white space is passed over.
pub(crate) fn read(text: &str, alphabet: &[u8; 64]) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=').bytes();
    let (mut word, mut bits, mut out) = (0_u32, 0, Vec::with_capacity(text.len() * 3 / 4));
    for digit in digits.filter(|digit| !digit.is_ascii_whitespace()) {
        let value = alphabet.iter().position(|known| *known == digit)?;
        word = (word << 6 | u32::try_from(value).ok()?) & 0xffff;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push(u8::try_from(word >> bits & 0xff).ok()?);
        }
    }
    (bits < 6).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_read_and_written() {
        for (text, plain) in [("", ""), ("U2E=", "Sa"), ("U2F1bQ==", "Saum"), ("U2F1bWE=", "Sauma")] {
            assert_eq!(decode(text).as_deref(), Some(plain.as_bytes()));
            assert_eq!(encode(plain.as_bytes()), text);
        }
        assert_eq!(decode("U2F1\nbWE="), Some(b"Sauma".to_vec()));
        assert_eq!(decode("U2*x"), None);
    }
}
