//! Packed bodies: unpacked with a limit, packed where the client asks and it pays.

use super::refusal::{Outcome, Refusal, Why};
use flate2::Compression;
use flate2::read::{GzDecoder, GzEncoder};
use hyper::body::Bytes;
use std::io::Read;
use std::sync::OnceLock;

/// Bytes below which packing costs more than it saves.
const PACKED_BYTES_MIN: usize = 1_024;
/// How many times larger than what came a body may become; text packs some ten times (a bomb a thousand).
const RATIO_MAX: usize = 100;
/// Bytes that any packed body may become, however small it is.
const UNPACKED_FREE: usize = 1 << 20;

/// The body as it was before it was packed.
pub(super) fn unpack(coding: Option<&str>, body: Bytes, unpacked_bytes_max: usize) -> Outcome<Bytes> {
    match coding.map(str::trim) {
        None | Some("" | "identity") => Ok(body),
        Some(name) if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") => {
            let allowed = unpacked_bytes_max.min((body.len() * RATIO_MAX).max(UNPACKED_FREE));
            let mut unpacked = Vec::with_capacity((body.len() * 4).min(allowed));
            let limit = u64::try_from(allowed).unwrap_or(u64::MAX).saturating_add(1);
            let read = GzDecoder::new(&*body).take(limit).read_to_end(&mut unpacked);
            match read {
                Err(_) => Err(Refusal::new(Why::ContentCoding, "the body is not whole gzip")),
                Ok(length) if length > allowed => Err(Refusal::plain(Why::BodyLong)),
                Ok(_) => Ok(unpacked.into()),
            }
        }
        Some(_) => Err(Refusal::plain(Why::ContentCoding)),
    }
}

/// A body that many ask for: it is packed once.
#[derive(Debug)]
pub(super) struct Kept {
    plain: Bytes,
    /// Another where the body is another.
    version: u64,
    packed: OnceLock<Option<Bytes>>,
}

impl Kept {
    pub(super) fn new(plain: impl Into<Bytes>) -> Self {
        let plain = plain.into();
        Self { version: crc32fast::hash(&plain).into(), plain, packed: OnceLock::new() }
    }

    /// A number that tells this body from others.
    pub(super) const fn version(&self) -> u64 {
        self.version
    }

    /// The body as it is.
    pub(super) const fn plain(&self) -> &Bytes {
        &self.plain
    }

    /// True of the very bytes that are kept.
    fn is(&self, body: &Bytes) -> bool {
        self.plain.as_ptr() == body.as_ptr() && self.plain.len() == body.len()
    }
}

/// The body packed, where that is asked for and pays.
pub(super) fn pack(accepted: Option<&str>, body: &Bytes, kept: &[&Kept]) -> Option<Bytes> {
    if body.len() < PACKED_BYTES_MIN || !accepted.is_some_and(accepts_gzip) {
        return None;
    }
    match kept.iter().find(|kept| kept.is(body)) {
        Some(kept) => kept.packed.get_or_init(|| packed(body)).clone(),
        None => packed(body),
    }
}

fn packed(body: &Bytes) -> Option<Bytes> {
    let mut packed = Vec::with_capacity(body.len() / 4);
    GzEncoder::new(&**body, Compression::fast()).read_to_end(&mut packed).ok()?;
    Some(packed.into())
}

fn accepts_gzip(accepted: &str) -> bool {
    accepted.split(',').any(|range| {
        let (name, rest) = range.split_once(';').unwrap_or((range, ""));
        let refused = rest.replace(' ', "");
        let is_zero =
            refused.strip_prefix("q=").is_some_and(|weight| weight.trim_matches(['0', '.']).is_empty());
        matches!(name.trim(), "gzip" | "*") && !is_zero
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_comes_back() {
        let text = Bytes::from("sauma ".repeat(1_000));
        let packed = pack(Some("br, gzip;q=0.5"), &text, &[]).unwrap_or_default();
        assert!(!packed.is_empty() && packed.len() < text.len());
        assert_eq!(unpack(Some("gzip"), packed, 1 << 20).ok(), Some(text.clone()));
        assert_eq!(pack(Some("gzip;q=0"), &text, &[]), None);
        assert_eq!(pack(None, &text, &[]), None);
        assert_eq!(pack(Some("gzip"), &Bytes::from("short"), &[]), None);
    }

    #[test]
    fn what_is_kept_is_packed_once() {
        let kept = Kept::new("sauma ".repeat(1_000));
        let packed = |body: &Bytes| pack(Some("gzip"), body, &[&kept]).unwrap_or_default();
        let first = packed(kept.plain());
        assert_eq!(unpack(Some("gzip"), first.clone(), 1 << 20).ok().as_ref(), Some(kept.plain()));
        assert_eq!(packed(kept.plain()).as_ptr(), first.as_ptr());
        let other = Bytes::copy_from_slice(kept.plain());
        assert_ne!(packed(&other).as_ptr(), first.as_ptr());
    }

    #[test]
    fn bombs_and_broken_bodies_are_refused() {
        let zeros = Bytes::from(vec![0; 8 << 20]);
        let bomb = pack(Some("gzip"), &zeros, &[]).unwrap_or_default();
        let why =
            |coding: &str, body: Bytes| unpack(Some(coding), body, 64 << 20).map_err(|refusal| refusal.why());
        assert_eq!(why("gzip", bomb.clone()), Err(Why::BodyLong));
        let plain = pack(Some("gzip"), &Bytes::from("sauma ".repeat(1_000)), &[]).unwrap_or_default();
        assert_eq!(why("gzip", plain.slice(..plain.len() / 2)), Err(Why::ContentCoding));
        assert_eq!(why("br", bomb), Err(Why::ContentCoding));
        assert_eq!(why("gzip, gzip", Bytes::new()), Err(Why::ContentCoding));
    }
}
