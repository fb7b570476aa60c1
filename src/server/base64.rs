//! base64 (RFC 4648, 4), as FHIR has it in `base64Binary`.

const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Bytes as base64, in one line.
pub(super) fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let of = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let held = of(0) << 16 | of(1) << 8 | of(2);
        for at in 0..4 {
            let sign = usize::try_from(held >> (18 - 6 * at) & 63).ok().and_then(|sign| SIGNS.get(sign));
            let sign = sign.filter(|_| at as usize <= group.len()).unwrap_or(&b'=');
            out.push(char::from(*sign));
        }
    }
    out
}

/// Decodes base64 (RFC 4648, 4); white space is passed over, as FHIR lets it stand.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut held, mut bits) = (0_u32, 0_u32);
    for byte in text.bytes().filter(|byte| !byte.is_ascii_whitespace()) {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => break,
            _ => return None,
        };
        held = held << 6 | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push(u8::try_from(held >> bits & 0xFF).ok()?);
        }
    }
    Some(out)
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
