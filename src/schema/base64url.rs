//! Base64 for urls, without padding (RFC 4648, 5), as JSON Web Signatures have it (RFC 7515, 2).

const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Bytes as text.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let part = |at: usize| u32::from(chunk.get(at).copied().unwrap_or_default());
        let bits = part(0) << 16 | part(1) << 8 | part(2);
        for place in 0..=chunk.len() {
            let sign = (bits >> (18 - 6 * place)) & 63;
            out.push(SIGNS.get(sign as usize).copied().map_or('A', char::from));
        }
    }
    out
}

/// The bytes of a text; none where it is not exactly what [`encode`] writes, so that no two texts mean the same.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 2);
    for chunk in text.as_bytes().chunks(4) {
        let mut bits = 0_u32;
        for place in 0..4 {
            let sign = match chunk.get(place) {
                Some(byte) => value(*byte)?,
                None => 0,
            };
            bits = bits << 6 | sign;
        }
        let [_, bytes @ ..] = bits.to_be_bytes();
        let count = chunk.len().checked_sub(1).filter(|count| *count > 0)?;
        let (told, rest) = bytes.split_at_checked(count)?;
        if rest.iter().any(|byte| *byte != 0) {
            return None;
        }
        out.extend_from_slice(told);
    }
    Some(out)
}

fn value(byte: u8) -> Option<u32> {
    let (base, first) = match byte {
        b'A'..=b'Z' => (b'A', 0),
        b'a'..=b'z' => (b'a', 26),
        b'0'..=b'9' => (b'0', 52),
        b'-' => return Some(62),
        b'_' => return Some(63),
        _ => return None,
    };
    Some(u32::from(byte - base) + first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_has_one_meaning() {
        let check = |bytes: &[u8], text: &str| {
            assert_eq!(encode(bytes), text);
            assert_eq!(decode(text).as_deref(), Some(bytes));
        };
        check(b"", "");
        check(b"f", "Zg");
        check(b"fo", "Zm8");
        check(b"foo", "Zm9v");
        check(&[0xfb, 0xff], "-_8");
        for odd in ["Z", "Zg==", "Zh", "Zm9", "Z g", "+/8", "Zm9vZ", "é"] {
            assert_eq!(decode(odd), None, "{odd}");
        }
    }
}
