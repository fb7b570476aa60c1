//! Frames of the Minimal Lower Layer Protocol (HL7 "Transport Specification: MLLP", release 1): a message between a
//! start block, 0x0B, and an end block with a carriage return, 0x1C 0x0D.
//!
//! Each byte is looked at once, however a stream is cut, and no more is held than one frame and what was read with it.

use memchr::{memchr, memrchr};

/// Start block.
const START: u8 = 0x0B;
/// End block; the frame ends with the carriage return that follows it.
const END: u8 = 0x1C;
/// Carriage return.
const RETURN: u8 = 0x0D;
/// What a message or a batch of them begins with (HL7 v2, 2.10.3).
const HEADS: [&[u8]; 3] = [b"MSH", b"BHS", b"FHS"];
/// A buffer that has grown over this is given back when it is empty.
const KEPT_BYTES_MAX: usize = 64 << 10;

/// How much a stream may give before it is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameLimits {
    /// Bytes of one message.
    pub frame_bytes_max: usize,
    /// Bytes between two frames, or before the first.
    pub stray_bytes_max: usize,
}

impl Default for FrameLimits {
    fn default() -> Self {
        Self { frame_bytes_max: 8 << 20, stray_bytes_max: 4 << 10 }
    }
}

/// What stands next in a stream.
#[derive(PartialEq, Eq)]
pub enum Piece<'a> {
    /// A message, without its frame.
    Frame(&'a [u8]),
    /// As many bytes outside of any frame, which belong to no message. Blanks and line ends are not told.
    Stray(usize),
    /// As many bytes of a frame that has no end: a new one begins within it.
    Broken(usize),
}

impl std::fmt::Debug for Piece<'_> {
    /// Without the message.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Frame(message) => f.debug_tuple("Frame").field(&message.len()).finish(),
            Self::Stray(bytes) => f.debug_tuple("Stray").field(bytes).finish(),
            Self::Broken(bytes) => f.debug_tuple("Broken").field(bytes).finish(),
        }
    }
}

/// Why a stream is not read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// A message is longer than `frame_bytes_max`.
    #[error("a frame is longer than its limit")]
    TooLong,
    /// More bytes than `stray_bytes_max` belong to no frame: this is not MLLP.
    #[error("what comes is not MLLP")]
    NotMllp,
}

/// Parts a stream into frames.
pub struct Framer {
    limits: FrameLimits,
    buffer: Vec<u8>,
    /// Where what is not parted yet begins.
    start: usize,
    /// Up to where no end of the frame was found.
    scanned: usize,
    /// True between the start and the end of a frame.
    inside: bool,
    /// Bytes outside of frames since the last one.
    stray: usize,
    /// Where the message begins that was found behind a broken one, and where it ends.
    behind: Option<(usize, usize)>,
}

impl Framer {
    /// Nothing read yet.
    pub const fn new(limits: FrameLimits) -> Self {
        Self { limits, buffer: Vec::new(), start: 0, scanned: 0, inside: false, stray: 0, behind: None }
    }

    /// Takes what was read. No more than a few kilobytes should come at once: what is pushed is held until it is parted.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.scanned = self.scanned.saturating_sub(self.start);
            self.start = 0;
        }
        if self.buffer.is_empty() && self.buffer.capacity() > KEPT_BYTES_MAX {
            self.buffer = Vec::new();
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// Bytes that are held.
    pub fn held(&self) -> usize {
        self.buffer.len() - self.start
    }

    /// True where a frame has begun and not ended.
    pub const fn is_inside(&self) -> bool {
        self.inside
    }

    /// What has come of a frame that has not ended; nothing outside of one.
    pub fn begun(&self) -> &[u8] {
        if self.inside { self.buffer.get(self.start..).unwrap_or_default() } else { &[] }
    }

    /// The next piece; none until more is pushed.
    ///
    /// # Errors
    /// The stream is over a limit and is not to be read on.
    pub fn piece(&mut self) -> Result<Option<Piece<'_>>, Flaw> {
        if let Some((start, end)) = self.behind.take() {
            return Ok(Some(Piece::Frame(self.buffer.get(start..end).unwrap_or_default())));
        }
        if !self.inside {
            let told = self.skip()?;
            if told > 0 {
                return Ok(Some(Piece::Stray(told)));
            }
            if !self.inside {
                return Ok(None);
            }
        }
        let Some(end) = self.end()? else { return Ok(None) };
        let start = self.start;
        self.start = end + 2;
        self.scanned = self.start;
        self.inside = false;
        let content = self.buffer.get(start..end).unwrap_or_default();
        match last_head(content) {
            Some(at) => {
                self.behind = Some((start + at + 1, end));
                Ok(Some(Piece::Broken(at)))
            }
            None => Ok(Some(Piece::Frame(content))),
        }
    }

    /// Passes what is outside of frames, up to behind the next start block. How many bytes of it are worth telling.
    fn skip(&mut self) -> Result<usize, Flaw> {
        let rest = self.buffer.get(self.start..).unwrap_or_default();
        let found = memchr(START, rest);
        let outside = rest.get(..found.unwrap_or(rest.len())).unwrap_or_default();
        self.stray += outside.len();
        let told = outside.iter().filter(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | 0)).count();
        self.start += outside.len() + usize::from(found.is_some());
        self.scanned = self.start;
        self.inside = found.is_some();
        if self.stray > self.limits.stray_bytes_max {
            return Err(Flaw::NotMllp);
        }
        if self.inside {
            self.stray = 0;
        }
        Ok(told)
    }

    /// Where the frame ends.
    fn end(&mut self) -> Result<Option<usize>, Flaw> {
        while let Some(found) = memchr(END, self.buffer.get(self.scanned..).unwrap_or_default()) {
            let at = self.scanned + found;
            match self.buffer.get(at + 1) {
                Some(&RETURN) if at - self.start > self.limits.frame_bytes_max => return Err(Flaw::TooLong),
                Some(&RETURN) => return Ok(Some(at)),
                // The end block alone is content, as tolerant readers have it.
                Some(_) => self.scanned = at + 1,
                None => {
                    self.scanned = at;
                    break;
                }
            }
        }
        if self.buffer.get(self.scanned) != Some(&END) {
            self.scanned = self.buffer.len();
        }
        if self.held() > self.limits.frame_bytes_max.saturating_add(1) {
            return Err(Flaw::TooLong);
        }
        Ok(None)
    }
}

impl std::fmt::Debug for Framer {
    /// Without what is held.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Framer")
            .field("held", &self.held())
            .field("inside", &self.inside)
            .finish_non_exhaustive()
    }
}

/// Where, inside a frame, the last start block stands that begins a message. A sender that was cut off begins anew
/// without an end of what it had sent; a start block before anything else is a vertical tab that somebody wrote.
fn last_head(content: &[u8]) -> Option<usize> {
    let mut before = content;
    while let Some(at) = memrchr(START, before) {
        let behind = content.get(at + 1..).unwrap_or_default();
        if HEADS.iter().any(|head| behind.starts_with(head)) {
            return Some(at);
        }
        before = before.get(..at).unwrap_or_default();
    }
    None
}

/// A message in its frame.
pub fn frame(message: &[u8]) -> Vec<u8> {
    let mut framed = Vec::with_capacity(message.len() + 3);
    framed.push(START);
    framed.extend_from_slice(message);
    framed.extend_from_slice(&[END, RETURN]);
    framed
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by a panic")]

    use super::*;
    use proptest::prelude::*;

    const SMALL: FrameLimits = FrameLimits { frame_bytes_max: 64, stray_bytes_max: 16 };

    fn pieces(framer: &mut Framer) -> Vec<String> {
        let mut found = Vec::new();
        loop {
            match framer.piece() {
                Ok(Some(Piece::Frame(message))) => found.push(String::from_utf8_lossy(message).into_owned()),
                Ok(Some(other)) => found.push(format!("{other:?}")),
                Ok(None) => return found,
                Err(flaw) => {
                    found.push(format!("{flaw:?}"));
                    return found;
                }
            }
        }
    }

    fn check(stream: &[u8], expected: &[&str]) {
        let mut whole = Framer::new(SMALL);
        whole.push(stream);
        assert_eq!(pieces(&mut whole), expected, "{stream:?}");
    }

    #[test]
    fn frames_are_parted_and_what_is_between_them_is_told() {
        check(b"\x0bMSH|1\x1c\r\x0bMSH|2\x1c\r\x0bMSH|3\x1c\r", &["MSH|1", "MSH|2", "MSH|3"]);
        check(b"\x0b\x1c\r", &[""]);
        check(b"abc\x0bMSH\x1c\r\r\n \0\x0bMSH\x1c\rxy", &["Stray(3)", "MSH", "MSH", "Stray(2)"]);
        check(b"\x0ba\x1cb\x1c\x1c\r", &["a\x1cb\x1c"]);
        check(b"\x0bMSH|half\r\x0bMSH|whole\x1c\r\x0bMSH|3\x1c\r", &["Broken(9)", "MSH|whole", "MSH|3"]);
        check(b"\x0bMSH|a\x0bb\x1c\r", &["MSH|a\x0bb"]);
        check(b"\x1c\r\x0bMSH\x1c\r", &["Stray(1)", "MSH"]);
    }

    #[test]
    fn what_is_over_a_limit_is_refused() {
        let frame = |bytes: usize| [b"\x0b", "a".repeat(bytes).as_bytes(), b"\x1c\r"].concat();
        check(&frame(64), &["a".repeat(64).as_str()]);
        check(&frame(65), &["TooLong"]);
        check(&"a".repeat(17).into_bytes(), &["NotMllp"]);
        check(b"                 ", &["NotMllp"]);
    }

    #[test]
    fn an_endless_frame_is_refused_before_it_fills_the_memory() {
        let mut framer = Framer::new(SMALL);
        framer.push(b"\x0b");
        for _ in 0..1_000 {
            framer.push(b"abcdefgh\x1c");
            if let Err(flaw) = framer.piece() {
                assert_eq!(flaw, Flaw::TooLong);
                assert!(framer.held() <= 64 + 10, "{}", framer.held());
                return;
            }
        }
        panic!("the frame was read on");
    }

    fn content() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![4 => any::<u8>(), 1 => Just(END), 1 => Just(RETURN), 1 => Just(b'M')];
        proptest::collection::vec(byte, 0..40)
            .prop_filter("an end", |bytes| !bytes.windows(2).any(|two| two == [END, RETURN]))
            .prop_filter("a head", |bytes| last_head(bytes).is_none())
    }

    proptest! {
        #[test]
        fn however_a_stream_is_cut_its_frames_are_the_same(
            messages in proptest::collection::vec((content(), "[a-z \r\n]{0,6}"), 0..12),
            cuts in proptest::collection::vec(1_usize..9, 1..40),
        ) {
            let mut stream = Vec::new();
            for (message, between) in &messages {
                stream.extend_from_slice(between.as_bytes());
                stream.extend_from_slice(&frame(message));
            }
            let (mut framer, mut found, mut rest) = (Framer::new(SMALL), Vec::new(), stream.as_slice());
            for cut in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (now, later) = rest.split_at((*cut).min(rest.len()));
                framer.push(now);
                rest = later;
                while let Some(piece) = framer.piece().unwrap() {
                    if let Piece::Frame(message) = piece {
                        found.push(message.to_vec());
                    }
                }
            }
            let expected: Vec<Vec<u8>> = messages.into_iter().map(|(message, _)| message).collect();
            prop_assert_eq!(found, expected);
            prop_assert!(framer.held() == 0 && !framer.is_inside());
        }

        #[test]
        fn no_stream_is_too_odd(chunks in proptest::collection::vec(proptest::collection::vec(
            prop_oneof![Just(START), Just(END), Just(RETURN), any::<u8>()], 0..30), 0..30)) {
            let mut framer = Framer::new(SMALL);
            for chunk in chunks {
                framer.push(&chunk);
                loop {
                    match framer.piece() {
                        Ok(Some(_)) => {}
                        Ok(None) => break,
                        Err(_) => return Ok(()),
                    }
                }
                prop_assert!(framer.held() <= SMALL.frame_bytes_max + 1);
            }
        }
    }
}
