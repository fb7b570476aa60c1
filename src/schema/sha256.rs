//! SHA-256 (FIPS 180-4), so that a compiled package can name its source and be checked, and documents be told apart.

#[cfg(any(test, not(feature = "server")))]
mod plain;

#[cfg(not(feature = "server"))]
pub(crate) use plain::digest;

/// The digest of `bytes`. The server brings a library that uses the instructions of the processor for it.
#[cfg(feature = "server")]
pub(crate) fn digest(bytes: &[u8]) -> [u8; 32] {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    let mut out = [0; 32];
    out.copy_from_slice(digest.as_ref());
    out
}

/// Takes a message in blocks of 64 bytes, padded as SHA-1 and SHA-256 have it (FIPS 180-4, 5.1.1).
pub(crate) fn each_block(bytes: &[u8], mut take: impl FnMut(&[u8])) {
    let mut blocks = bytes.chunks_exact(64);
    for block in &mut blocks {
        take(block);
    }
    let mut tail = blocks.remainder().to_vec();
    tail.push(0x80);
    while tail.len() % 64 != 56 {
        tail.push(0);
    }
    tail.extend_from_slice(&(bytes.len() as u64 * 8).to_be_bytes());
    for block in tail.chunks_exact(64) {
        take(block);
    }
}

/// The digest of `bytes` in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    to_hex(&digest(bytes))
}

/// Bytes in hexadecimal.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    let mut hex = String::with_capacity(bytes.len() * 2);
    hex.extend(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
    hex
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_standard_hold() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let long = "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1";
        assert_eq!(hex(b"abc"), abc);
        for length in 0..200 {
            let bytes = vec![0xa5; length];
            assert_eq!(digest(&bytes), plain::digest(&bytes), "{length}");
        }
        assert_eq!(hex(b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"), long);
    }
}
