//! SHA-1 (FIPS 180-4), which FHIR R4 uses for `Attachment.hash`. It protects nothing here; it only tells whether data
//! are those that were meant.

use crate::schema::sha256::each_block;

const START: [u32; 5] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];

/// The digest of `bytes`.
pub(crate) fn digest(bytes: &[u8]) -> [u8; 20] {
    let mut state = START;
    each_block(bytes, |block| compress(&mut state, block));
    let mut out = [0; 20];
    for (four, word) in out.chunks_exact_mut(4).zip(state) {
        four.copy_from_slice(&word.to_be_bytes());
    }
    out
}

fn compress(state: &mut [u32; 5], block: &[u8]) {
    let mut words = [0_u32; 80];
    for (word, four) in words.iter_mut().zip(block.chunks_exact(4)) {
        *word = four.iter().fold(0, |word, byte| word << 8 | u32::from(*byte));
    }
    for at in 16..80 {
        words[at] = (words[at - 3] ^ words[at - 8] ^ words[at - 14] ^ words[at - 16]).rotate_left(1);
    }
    let mut turning = *state;
    for (at, word) in words.into_iter().enumerate() {
        let [first, x, y, z, last] = turning;
        let (mixed, constant) = match at / 20 {
            0 => ((x & y) | (!x & z), 0x5a82_7999),
            1 => (x ^ y ^ z, 0x6ed9_eba1),
            2 => ((x & y) | (x & z) | (y & z), 0x8f1b_bcdc),
            _ => (x ^ y ^ z, 0xca62_c1d6_u32),
        };
        let sum = first.rotate_left(5).wrapping_add(mixed).wrapping_add(last);
        turning = [sum.wrapping_add(constant).wrapping_add(word), first, x.rotate_left(30), y, z];
    }
    for (sum, part) in state.iter_mut().zip(turning) {
        *sum = sum.wrapping_add(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_the_standard() {
        let check = |text: &str, expected: &str| {
            let hex: String = digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(hex, expected, "{text}");
        };
        check("", "da39a3ee5e6b4b0d3255bfef95601890afd80709");
        check("abc", "a9993e364706816aba3e25717850c26c9cd0d89d");
        check(
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "84983e441c3bd26ebaae4aa1f95129e5e54670f1",
        );
    }
}
