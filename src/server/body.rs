//! The body of a request, read within limits of size, time and pace, and counted against the room for all bodies.

use super::limits::Limits;
use super::refusal::{Outcome, Refusal, Why};
use http_body_util::BodyExt;
use hyper::body::{Body, Bytes};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};

/// A body that has come, and the room that it takes until it is dropped.
pub(super) struct Arrived<'s> {
    pub(super) bytes: Bytes,
    _room: Option<SemaphorePermit<'s>>,
}

/// Reads a body. One that comes slower than it must is given up: a client that drips would else hold its place for as
/// long as the slowest honest one.
pub(super) async fn read<'s, B>(body: B, limits: &Limits, room: &'s Semaphore) -> Outcome<Arrived<'s>>
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut pace = Pace::new(limits, Instant::now());
    let mut body = body;
    let mut first = Bytes::new();
    // Most bodies come in one piece, which is then not copied.
    let mut more: Vec<u8> = Vec::new();
    let mut taken: Option<SemaphorePermit<'s>> = None;
    loop {
        let frame = match timeout_at(pace.look(), body.frame()).await {
            Err(_) => Bytes::new(),
            Ok(None) => break,
            Ok(Some(Err(_))) => return Err(Refusal::new(Why::HttpForm, "the body ended too early")),
            // What is no data are trailers, which mean nothing here.
            Ok(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
        };
        pace.came(frame.len(), Instant::now())?;
        if first.len() + more.len() + frame.len() > limits.body_bytes_max {
            return Err(Refusal::plain(Why::BodyLong));
        }
        if frame.is_empty() {
            continue;
        }
        let bytes = u32::try_from(frame.len()).unwrap_or(u32::MAX);
        let permit = room.try_acquire_many(bytes).map_err(|_| Refusal::plain(Why::Overload))?;
        match &mut taken {
            Some(taken) => taken.merge(permit),
            None => taken = Some(permit),
        }
        if first.is_empty() && more.is_empty() {
            first = frame;
        } else {
            more.extend_from_slice(&std::mem::take(&mut first));
            more.extend_from_slice(&frame);
        }
    }
    let bytes = if more.is_empty() { first } else { more.into() };
    Ok(Arrived { bytes, _room: taken })
}

/// True of a body that would become more elements than that, counted by what opens or parts them in its format. Text
/// that holds such marks counts them too.
pub(super) fn has_more_elements(bytes: &[u8], most: usize) -> bool {
    if bytes.len() <= most {
        return false;
    }
    let marks: &[u8] = match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{' | b'[') => b",{[",
        Some(b'<') => b"<=",
        _ => b",;\t\n\r|^~&",
    };
    bytes.iter().filter(|byte| marks.contains(byte)).nth(most).is_some()
}

/// How much must have come by when.
struct Pace {
    /// When all must have come.
    end: Instant,
    /// When it is looked at next.
    look: Instant,
    /// Bytes since it was last looked at.
    bytes: usize,
    limits: Limits,
}

impl Pace {
    fn new(limits: &Limits, now: Instant) -> Self {
        Self { end: now + limits.body_time(), look: now + limits.pace_time(), bytes: 0, limits: *limits }
    }

    /// When too little has come, if nothing more does.
    fn look(&self) -> Instant {
        self.end.min(self.look)
    }

    fn came(&mut self, bytes: usize, now: Instant) -> Outcome<()> {
        self.bytes = self.bytes.saturating_add(bytes);
        if now < self.look() {
            return Ok(());
        }
        if now >= self.end || self.bytes < self.limits.pace_bytes_min {
            return Err(Refusal::plain(Why::BodySlow));
        }
        self.bytes = 0;
        self.look = now + self.limits.pace_time();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// Pieces of a body, each some milliseconds after the one before; at last nothing more comes.
    fn check(pieces: &[(u64, usize)], is_kept: bool) {
        let limits = Limits { body_seconds: 3, pace_seconds: 1, pace_bytes_min: 100, ..Limits::default() };
        let mut now = Instant::now();
        let mut pace = Pace::new(&limits, now);
        let kept = pieces.iter().try_for_each(|(pause, bytes)| {
            now += Duration::from_millis(*pause);
            pace.came(*bytes, now)
        });
        assert_eq!(kept.is_ok(), is_kept, "{pieces:?}");
    }

    #[test]
    fn bodies_come_at_a_pace() {
        check(&[(0, 10)], true);
        check(&[(900, 5), (50, 5)], true);
        check(&[(500, 200), (900, 200), (900, 200)], true);
        check(&[(0, 5), (1_000, 0)], false);
        check(&[(100, 1); 9], true);
        check(&[(100, 1); 11], false);
        check(&[(500, 120); 5], true);
        check(&[(500, 120); 6], false);
    }

    #[test]
    fn elements_are_counted_by_what_parts_them() {
        let check = |body: &str, most: usize, more: bool| {
            assert_eq!(has_more_elements(body.as_bytes(), most), more, "{body}");
        };
        check(r#"{"a":[{},{},{}]}"#, 7, false);
        check(r#"{"a":[{},{},{}]}"#, 6, true);
        check(r#"{"a":"= ; = ; = ;"}"#, 1, false);
        check(" <a b=\"\"><c/></a>", 4, false);
        check(" <a b=\"\"><c/></a>", 3, true);
        check("MSH|^~\\&|a|b|c", 7, false);
        check("MSH|^~\\&|a|b|c", 6, true);
    }
}
