//! Ids that the server gives: UUIDs of version 7 (RFC 9562), which grow with time, so that new rows stand together.

use super::moment;
use std::sync::atomic::{AtomicU64, Ordering};

/// A new id. Where the system gives no random bytes, a count within the process stands for them.
pub(super) fn uuid() -> String {
    let mut random = [0_u8; 10];
    if getrandom::fill(&mut random).is_err() {
        let count = next().to_be_bytes();
        random.iter_mut().rev().zip(count.iter().rev()).for_each(|(place, byte)| *place = *byte);
    }
    format_uuid(moment::now() / 1_000, random)
}

fn format_uuid(millis: i64, random: [u8; 10]) -> String {
    let time = millis & 0xFFFF_FFFF_FFFF;
    let [first, second, third, fourth, node @ ..] = random;
    let high = u16::from_be_bytes([first, second]) & 0x0FFF | 0x7000;
    let low = u16::from_be_bytes([third, fourth]) & 0x3FFF | 0x8000;
    let node: String = node.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{:08x}-{:04x}-{high:04x}-{low:04x}-{node}", time >> 16, time & 0xFFFF)
}

/// A new name for a request, unique in this process; it need not be hard to guess.
pub(super) fn request_id() -> String {
    format!("{:012x}-{:x}", moment::now() / 1_000, next())
}

fn next() -> u64 {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    COUNT.fetch_add(1, Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_the_form_of_the_standard() {
        // The example of RFC 9562, A.6.
        let random = [0x0C, 0xC3, 0x18, 0xC4, 0xDC, 0x0C, 0x0C, 0x07, 0x39, 0x8F];
        assert_eq!(format_uuid(0x017F_22E2_79B0, random), "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
        assert_ne!(uuid(), uuid());
    }
}
