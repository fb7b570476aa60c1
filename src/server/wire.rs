//! HTTP/1 framing, read strictly beside hyper: what two programs could read in two ways is refused before hyper sees
//! it. hyper by itself takes requests without a host or with two, with a length and chunks at once, and with bare line
//! feeds; a proxy that reads such a request otherwise would let a second one through unseen (RFC 9112, 11.2).
//!
//! [`Wire`] follows the bytes of one connection from request to request. It copies no bodies and keeps one line.

use super::limits::Limits;

/// Bytes of the line that tells the size of a chunk, with its extensions.
const CHUNK_LINE_BYTES_MAX: usize = 128;
/// Digits of a length; more than any limit needs.
const LENGTH_DIGITS_MAX: usize = 15;
/// Hexadecimal digits of the size of a chunk.
const CHUNK_DIGITS_MAX: usize = 8;

/// Why a request is refused as it comes over the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    /// A line that ends without a carriage return, or has one in its middle.
    LineEnd,
    /// The first line is not a method, a path and a version.
    RequestLine,
    /// A version other than HTTP/1.0 and HTTP/1.1.
    Version,
    /// A header field that is not well formed, or that goes on over a second line.
    Field,
    /// No host, or several.
    Host,
    /// A length that is no number, is given twice, or beside chunks.
    Length,
    /// A transfer coding other than chunks.
    Coding,
    /// Chunks that are not well formed, or that end with header fields.
    Chunk,
    /// The path and query are too long.
    Target,
    /// The head is too long, or has too many fields.
    Head,
    /// The body is too long.
    Body,
}

/// Where in a request the next byte stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the first line; an empty one may precede it (RFC 9112, 2.2).
    Start { is_first: bool },
    /// In the header fields.
    Fields,
    /// In a body with so many bytes to come.
    Body(usize),
    /// Before the size of a chunk.
    ChunkSize,
    /// In a chunk with so many bytes to come, its line end included.
    Chunk(usize),
    /// Behind the last chunk.
    Trailer,
    /// A flaw was found.
    Refused(Flaw),
}

/// What the fields of the head said so far.
#[derive(Debug, Clone, Copy, Default)]
struct Head {
    is_old: bool,
    hosts: usize,
    fields: usize,
    bytes: usize,
    length: Option<usize>,
    is_chunked: bool,
}

/// The framing of one connection.
#[derive(Debug)]
pub(super) struct Wire {
    limits: Limits,
    state: State,
    line: Vec<u8>,
    head: Head,
    body_bytes: usize,
}

impl Wire {
    /// Before the first byte of a connection.
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            limits: *limits,
            state: State::Start { is_first: true },
            line: Vec::with_capacity(256),
            head: Head::default(),
            body_bytes: 0,
        }
    }

    /// Follows the bytes that came. After a flaw nothing is taken any more.
    pub(super) fn feed(&mut self, mut bytes: &[u8]) -> Result<(), Flaw> {
        while !bytes.is_empty() {
            let step = match self.state {
                State::Body(left) => {
                    self.skip(left, &mut bytes);
                    Ok(())
                }
                State::Chunk(left) => self.chunk(left, &mut bytes),
                State::Start { .. } | State::Fields | State::ChunkSize | State::Trailer => {
                    self.gather(&mut bytes)
                }
                State::Refused(flaw) => return Err(flaw),
            };
            if let Err(flaw) = step {
                self.state = State::Refused(flaw);
                return Err(flaw);
            }
        }
        Ok(())
    }

    /// Passes over bytes of a body.
    fn skip(&mut self, left: usize, bytes: &mut &[u8]) {
        let taken = left.min(bytes.len());
        *bytes = bytes.get(taken..).unwrap_or_default();
        self.state = match left - taken {
            0 => State::Start { is_first: true },
            left => State::Body(left),
        };
    }

    /// Passes over bytes of a chunk; its last two are a line end.
    fn chunk(&mut self, left: usize, bytes: &mut &[u8]) -> Result<(), Flaw> {
        if left > 2 {
            let taken = (left - 2).min(bytes.len());
            *bytes = bytes.get(taken..).unwrap_or_default();
            self.state = State::Chunk(left - taken);
            return Ok(());
        }
        let expected = if left == 2 { b'\r' } else { b'\n' };
        if bytes.first() != Some(&expected) {
            return Err(Flaw::Chunk);
        }
        *bytes = bytes.get(1..).unwrap_or_default();
        self.state = if left == 2 { State::Chunk(1) } else { State::ChunkSize };
        Ok(())
    }

    /// Adds bytes to the line at hand, and reads the line once it is whole.
    fn gather(&mut self, bytes: &mut &[u8]) -> Result<(), Flaw> {
        let end = memchr::memchr(b'\n', bytes);
        let taken = end.map_or(bytes.len(), |end| end + 1);
        let (part, rest) = bytes.split_at_checked(taken).unwrap_or((bytes, &[]));
        *bytes = rest;
        self.limit(part.len())?;
        self.line.extend_from_slice(part);
        if end.is_none() {
            return Ok(());
        }
        let line = std::mem::take(&mut self.line);
        let read = match line.strip_suffix(b"\r\n") {
            Some(line) if !line.contains(&b'\r') => self.line(line),
            _ => Err(Flaw::LineEnd),
        };
        self.line = line;
        self.line.clear();
        read
    }

    /// Refuses a line before it is kept, where it is too long.
    fn limit(&mut self, more: usize) -> Result<(), Flaw> {
        let length = self.line.len() + more;
        match self.state {
            State::ChunkSize | State::Trailer if length > CHUNK_LINE_BYTES_MAX => Err(Flaw::Chunk),
            // A method and a version are some twenty bytes more than the target.
            State::Start { .. } if length > self.limits.target_bytes_max + 32 => Err(Flaw::Target),
            State::Start { .. } | State::Fields => {
                self.head.bytes += more;
                if self.head.bytes > self.limits.head_bytes_max { Err(Flaw::Head) } else { Ok(()) }
            }
            _ => Ok(()),
        }
    }

    /// Reads one whole line, its end left out.
    fn line(&mut self, line: &[u8]) -> Result<(), Flaw> {
        match self.state {
            State::Start { is_first: true } if line.is_empty() => {
                self.state = State::Start { is_first: false };
                Ok(())
            }
            State::Start { .. } => self.request_line(line),
            State::Fields if line.is_empty() => self.end_of_head(),
            State::Fields => self.field(line),
            State::ChunkSize => self.chunk_size(line),
            State::Trailer if line.is_empty() => {
                self.state = State::Start { is_first: true };
                self.head = Head::default();
                Ok(())
            }
            State::Trailer => Err(Flaw::Chunk),
            State::Body(_) | State::Chunk(_) | State::Refused(_) => Ok(()),
        }
    }

    fn request_line(&mut self, line: &[u8]) -> Result<(), Flaw> {
        let mut parts = line.split(|byte| *byte == b' ');
        let (Some(method), Some(target), Some(version), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Flaw::RequestLine);
        };
        let is_old = match version {
            b"HTTP/1.1" => false,
            b"HTTP/1.0" => true,
            _ if version.starts_with(b"HTTP/") => return Err(Flaw::Version),
            _ => return Err(Flaw::RequestLine),
        };
        if target.len() > self.limits.target_bytes_max {
            return Err(Flaw::Target);
        }
        // Only the origin form: an absolute target would name a second host (RFC 9112, 3.2.2).
        let is_path = target.first() == Some(&b'/') && target.iter().all(u8::is_ascii_graphic);
        let is_method = !method.is_empty() && method.iter().all(u8::is_ascii_uppercase);
        if !is_path || !is_method {
            return Err(Flaw::RequestLine);
        }
        self.head = Head { is_old, bytes: line.len(), ..Head::default() };
        self.body_bytes = 0;
        self.state = State::Fields;
        Ok(())
    }

    fn field(&mut self, line: &[u8]) -> Result<(), Flaw> {
        self.head.fields += 1;
        if self.head.fields > self.limits.fields_max {
            return Err(Flaw::Head);
        }
        let colon = memchr::memchr(b':', line).ok_or(Flaw::Field)?;
        let (name, value) = line.split_at_checked(colon).ok_or(Flaw::Field)?;
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        if name.is_empty()
            || !name.iter().all(|byte| is_token(*byte))
            || value.iter().any(|byte| is_control(*byte))
        {
            return Err(Flaw::Field);
        }
        if name.eq_ignore_ascii_case(b"host") {
            self.head.hosts += 1;
        } else if name.eq_ignore_ascii_case(b"content-length") {
            if self.head.length.is_some() {
                return Err(Flaw::Length);
            }
            self.head.length = Some(length(value)?);
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            if self.head.is_chunked || self.head.is_old || !value.eq_ignore_ascii_case(b"chunked") {
                return Err(Flaw::Coding);
            }
            self.head.is_chunked = true;
        }
        Ok(())
    }

    fn end_of_head(&mut self) -> Result<(), Flaw> {
        let Head { hosts, length, is_chunked, is_old, .. } = self.head;
        if hosts > 1 || (hosts == 0 && !is_old) {
            return Err(Flaw::Host);
        }
        self.state = match (length, is_chunked) {
            (Some(_), true) => return Err(Flaw::Length),
            (Some(length), false) if length > self.limits.body_bytes_max => return Err(Flaw::Body),
            (None, true) => State::ChunkSize,
            (None | Some(0), false) => State::Start { is_first: true },
            (Some(length), false) => State::Body(length),
        };
        if !is_chunked {
            self.head = Head::default();
        }
        Ok(())
    }

    fn chunk_size(&mut self, line: &[u8]) -> Result<(), Flaw> {
        let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
        if digits.is_empty() || digits.len() > CHUNK_DIGITS_MAX || line.iter().any(|byte| is_control(*byte)) {
            return Err(Flaw::Chunk);
        }
        let size = digits.iter().try_fold(0_usize, |size, digit| {
            let digit = char::from(*digit).to_digit(16).ok_or(Flaw::Chunk)?;
            Ok(size << 4 | digit as usize)
        })?;
        self.body_bytes += size;
        if self.body_bytes > self.limits.body_bytes_max {
            return Err(Flaw::Body);
        }
        self.state = if size == 0 { State::Trailer } else { State::Chunk(size + 2) };
        Ok(())
    }
}

fn length(value: &[u8]) -> Result<usize, Flaw> {
    let is_number = (1..=LENGTH_DIGITS_MAX).contains(&value.len()) && value.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(value).map_err(|_| Flaw::Length)?;
    if is_number { text.parse().map_err(|_| Flaw::Length) } else { Err(Flaw::Length) }
}

/// A character of a field's name (RFC 9110, 5.6.2).
const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
}

const fn is_control(byte: u8) -> bool {
    byte.is_ascii_control() && byte != b'\t'
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "Host: a\r\n";

    /// The bytes give one verdict however they are cut.
    fn check(bytes: &str, expected: Result<(), Flaw>) {
        let limits = Limits {
            body_bytes_max: 64,
            target_bytes_max: 40,
            head_bytes_max: 200,
            fields_max: 5,
            ..Limits::default()
        };
        assert_eq!(Wire::new(&limits).feed(bytes.as_bytes()), expected, "{bytes:?}");
        let mut wire = Wire::new(&limits);
        let in_pieces = bytes.as_bytes().iter().try_for_each(|byte| wire.feed(&[*byte]));
        assert_eq!(in_pieces, expected, "byte by byte: {bytes:?}");
    }

    fn post(fields: &str, body: &str) -> String {
        format!("POST /a HTTP/1.1\r\n{HOST}{fields}\r\n{body}")
    }

    #[test]
    fn requests_follow_each_other() {
        check(&format!("GET /a HTTP/1.1\r\n{HOST}\r\n"), Ok(()));
        check("GET / HTTP/1.0\r\n\r\n", Ok(()));
        let one = post("Content-Length: 3\r\n", "abc");
        let chunks = post("transfer-encoding: Chunked\r\n", "3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n");
        check(&format!("{one}{chunks}\r\n{one}GET /b HTTP/1.1\r\n{HOST}\r\n"), Ok(()));
        // What stands in a body is no request.
        check(&post("Content-Length: 12\r\n", "GET\nGET\nGET\n"), Ok(()));
        check(&format!("{one}{one}GET nowhere HTTP/1.1\r\n"), Err(Flaw::RequestLine));
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        check(&post("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", ""), Err(Flaw::Length));
        check(&post("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", ""), Err(Flaw::Length));
        for length in ["+3", "0x3", "3, 3", "", "-1", "3 3", "9999999999999999"] {
            check(&post(&format!("Content-Length: {length}\r\n"), ""), Err(Flaw::Length));
        }
        check(&post("Content-Length: 3\r\nContent-Length: 3\r\n", "abc"), Err(Flaw::Length));
        for coding in ["xchunked", "gzip, chunked", "chunked, identity", ""] {
            check(&post(&format!("Transfer-Encoding: {coding}\r\n"), ""), Err(Flaw::Coding));
        }
        check("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", Err(Flaw::Coding));
        check("GET / HTTP/1.1\r\n\r\n", Err(Flaw::Host));
        check("GET / HTTP/1.1\r\nHost: a\r\nHOST: b\r\n\r\n", Err(Flaw::Host));
        check("GET / HTTP/1.1\nHost: a\n\n", Err(Flaw::LineEnd));
        check("GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", Err(Flaw::LineEnd));
        check(&post("X: a\r\n b\r\n", ""), Err(Flaw::Field));
        check(&post("Content-Length : 3\r\n", ""), Err(Flaw::Field));
        check(&post("X: a\0b\r\n", ""), Err(Flaw::Field));
        check("GET http://b/ HTTP/1.1\r\n", Err(Flaw::RequestLine));
        check("GET  / HTTP/1.1\r\n", Err(Flaw::RequestLine));
        check("get / HTTP/1.1\r\n", Err(Flaw::RequestLine));
        check("PRI * HTTP/2.0\r\n", Err(Flaw::Version));
    }

    #[test]
    fn chunks_are_read_to_the_letter() {
        let chunked = |body: &str| post("Transfer-Encoding: chunked\r\n", body);
        check(&chunked("3\nabc\n0\n\n"), Err(Flaw::LineEnd));
        check(&chunked("3\r\nabcd\r\n"), Err(Flaw::Chunk));
        check(&chunked("x\r\n"), Err(Flaw::Chunk));
        check(&chunked("\r\n"), Err(Flaw::Chunk));
        check(&chunked(&format!("3;{}", "a".repeat(CHUNK_LINE_BYTES_MAX))), Err(Flaw::Chunk));
        check(&chunked("0\r\nHost: b\r\n\r\n"), Err(Flaw::Chunk));
    }

    #[test]
    fn sizes_have_limits() {
        check(&post("Content-Length: 65\r\n", ""), Err(Flaw::Body));
        check(&post("Transfer-Encoding: chunked\r\n", "41\r\n"), Err(Flaw::Body));
        check(&format!("GET /{} HTTP/1.1\r\n", "a".repeat(40)), Err(Flaw::Target));
        check(&post(&format!("X: {}\r\n", "a".repeat(200)), ""), Err(Flaw::Head));
        check(&post("A: 1\r\nB: 1\r\nC: 1\r\nD: 1\r\nE: 1\r\n", ""), Err(Flaw::Head));
    }
}
