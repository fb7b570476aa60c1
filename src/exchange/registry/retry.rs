//! When something is sent again: waits that double, with a part that is drawn, and never sooner than the other end asks.

use super::fault::RegistryError;
use std::time::Duration;

/// Longest wait that another end may ask for, so that no answer stops a connection for a day.
const ASKED_MS_MAX: u64 = 15 * 60 * 1_000;

/// How often and how soon something is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retry {
    /// Times that one thing is sent at most.
    pub attempts_max: u32,
    /// Wait before the second time.
    pub first_ms: u64,
    /// Wait that is not passed, unless the other end asks for a longer one.
    pub wait_ms_max: u64,
}

impl Default for Retry {
    fn default() -> Self {
        Self { attempts_max: 5, first_ms: 500, wait_ms_max: 30_000 }
    }
}

impl Retry {
    /// How long to wait after the attempt of a number, from 1; none where it was the last. `drawn` is a random byte.
    pub(super) fn wait(&self, attempt: u32, error: &RegistryError, drawn: u8) -> Option<Duration> {
        if attempt >= self.attempts_max {
            return None;
        }
        let doubled = self.first_ms.saturating_mul(1 << attempt.saturating_sub(1).min(20));
        let wait = doubled.min(self.wait_ms_max);
        // Between half of it and all of it, so that many clients do not come back at once.
        let wait = wait / 2 + wait / 2 * u64::from(drawn) / 255;
        let asked = match error {
            RegistryError::Busy { retry_after_ms } => retry_after_ms.unwrap_or(0).min(ASKED_MS_MAX),
            _ => 0,
        };
        Some(Duration::from_millis(wait.max(asked)))
    }
}

/// A byte by chance; none of it matters for security.
pub(super) fn drawn() -> u8 {
    let mut byte = [0];
    if getrandom::fill(&mut byte).is_err() {
        return 0;
    }
    byte[0]
}

/// Random bytes as a UUID of version 4 (RFC 9562, 5.4).
///
/// # Errors
/// The system has no random bytes.
pub(super) fn uuid() -> Result<String, RegistryError> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| RegistryError::System(std::io::Error::other(error)))?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default().to_owned();
    Ok(format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)))
}

#[cfg(test)]
mod tests {
    use super::super::fault::Broken;
    use super::*;

    #[test]
    fn waits_double_and_obey() {
        let retry = Retry { attempts_max: 4, first_ms: 100, wait_ms_max: 250 };
        let late = RegistryError::Unreachable(Broken::Late);
        let check = |attempt, error: &RegistryError, drawn, expected: Option<u64>| {
            assert_eq!(retry.wait(attempt, error, drawn), expected.map(Duration::from_millis));
        };
        check(1, &late, 255, Some(100));
        check(1, &late, 0, Some(50));
        check(2, &late, 255, Some(200));
        check(3, &late, 255, Some(250));
        check(4, &late, 255, None);
        check(1, &RegistryError::Busy { retry_after_ms: Some(7_000) }, 0, Some(7_000));
        check(1, &RegistryError::Busy { retry_after_ms: Some(u64::MAX) }, 0, Some(ASKED_MS_MAX));
    }

    #[test]
    fn uuids_have_their_form() {
        let Ok(uuid) = uuid() else { unreachable!("a test machine has random bytes") };
        assert_eq!(uuid.len(), 36);
        assert_eq!(uuid.get(14..15), Some("4"));
    }
}
