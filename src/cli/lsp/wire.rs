//! Frames of the base protocol (LSP 3.17, "Base Protocol"): a header with `Content-Length`, an empty line, JSON.
//!
//! A frame that is wrong is passed over and told to the client; only a stream in which no frame can be found any more
//! ends the session.

use serde::Deserialize;
use serde_json::{Value, json};
use std::io::{self, BufRead, Read, Write};

/// Bytes of one frame.
pub(super) const FRAME_BYTES_MAX: u64 = 16 << 20;
/// Bytes of the header of a frame, and of what stands between frames.
const HEADER_BYTES_MAX: u64 = 8 << 10;

/// The number or text by which an answer is told to be that of a request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(untagged)]
pub(super) enum Id {
    /// A number.
    Number(i64),
    /// A text.
    Text(String),
}

/// What a client sends.
#[derive(Debug, PartialEq)]
pub(super) enum Message {
    /// To be answered.
    Request { id: Id, method: String, params: Value },
    /// Not to be answered.
    Notice { method: String, params: Value },
    /// Not understood; to be answered with this error.
    Wrong(Fault),
}

/// An error of JSON-RPC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// Its number.
    pub(super) code: i64,
    /// What is wrong, without any part of a text.
    pub(super) message: String,
}

impl Fault {
    /// The frame holds no JSON.
    pub(super) const PARSE: i64 = -32700;
    /// JSON, but no request.
    pub(super) const INVALID: i64 = -32600;
    /// A method that is not known.
    pub(super) const METHOD: i64 = -32601;
    /// Parameters that the method does not take.
    pub(super) const PARAMS: i64 = -32602;
    /// A request came before `initialize`.
    pub(super) const NOT_INITIALIZED: i64 = -32002;
    /// The client took the request back.
    pub(super) const CANCELLED: i64 = -32800;
    /// The request was understood and cannot be done.
    pub(super) const FAILED: i64 = -32803;

    /// An error.
    pub(super) fn new(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

#[derive(Deserialize)]
struct Raw {
    id: Option<Id>,
    method: Option<String>,
    #[serde(default)]
    params: Value,
}

/// The next message; `None` at the end of the stream.
///
/// # Errors
/// The stream fails, or no frame is found in it.
pub(super) fn read(input: &mut impl BufRead) -> io::Result<Option<Message>> {
    loop {
        let length = match header(input)? {
            Header::Length(length) => length,
            Header::Without => {
                return Ok(Some(Message::Wrong(Fault::new(Fault::PARSE, "a frame has no length"))));
            }
            Header::End => return Ok(None),
        };
        if length > FRAME_BYTES_MAX {
            io::copy(&mut input.by_ref().take(length), &mut io::sink())?;
            let message = format!("a frame has over {FRAME_BYTES_MAX} bytes");
            return Ok(Some(Message::Wrong(Fault::new(Fault::INVALID, message))));
        }
        let mut bytes = Vec::new();
        input.by_ref().take(length).read_to_end(&mut bytes)?;
        if (bytes.len() as u64) < length {
            return Ok(None);
        }
        if let Some(message) = message(&bytes) {
            return Ok(Some(message));
        }
    }
}

/// What the header of a frame says.
enum Header {
    /// Bytes of the frame.
    Length(u64),
    /// Not how long the frame is.
    Without,
    /// There is no further frame.
    End,
}

fn header(input: &mut impl BufRead) -> io::Result<Header> {
    let (mut length, mut read, mut is_empty) = (None, 0, true);
    loop {
        let mut line = Vec::new();
        read += input.by_ref().take(HEADER_BYTES_MAX).read_until(b'\n', &mut line)? as u64;
        if line.is_empty() {
            return Ok(Header::End);
        }
        if read >= HEADER_BYTES_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "no frame was found in the stream"));
        }
        let line = line.trim_ascii();
        if line.is_empty() {
            // Empty lines between frames are harmless.
            if is_empty {
                continue;
            }
            return Ok(length.map_or(Header::Without, Header::Length));
        }
        is_empty = false;
        let (name, value) = match line.iter().position(|byte| *byte == b':') {
            Some(at) => (line.get(..at), line.get(at + 1..)),
            None => continue,
        };
        if name.is_some_and(|name| name.eq_ignore_ascii_case(b"content-length")) {
            length = value.and_then(|value| std::str::from_utf8(value).ok()?.trim().parse().ok());
        }
    }
}

/// What a frame says; `None` for an answer, as this server asks nothing.
fn message(bytes: &[u8]) -> Option<Message> {
    let Ok(value) = serde_json::from_slice::<Value>(bytes) else {
        return Some(Message::Wrong(Fault::new(Fault::PARSE, "a frame holds no JSON")));
    };
    let is_answer = value.get("result").is_some() || value.get("error").is_some();
    match serde_json::from_value(value) {
        Ok(Raw { id: Some(id), method: Some(method), params }) => {
            Some(Message::Request { id, method, params })
        }
        Ok(Raw { id: None, method: Some(method), params }) => Some(Message::Notice { method, params }),
        Ok(Raw { method: None, .. }) if is_answer => None,
        Ok(Raw { method: None, .. }) | Err(_) => {
            Some(Message::Wrong(Fault::new(Fault::INVALID, "a frame holds no request")))
        }
    }
}

/// Writes an answer.
///
/// # Errors
/// The stream fails.
pub(super) fn answer(out: &mut impl Write, id: Option<&Id>, outcome: Result<Value, Fault>) -> io::Result<()> {
    let value = match outcome {
        Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
        Err(Fault { code, message }) => {
            json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message } })
        }
    };
    frame(out, &value)
}

/// Writes a notification.
///
/// # Errors
/// The stream fails.
pub(super) fn notify(out: &mut impl Write, method: &str, params: &Value) -> io::Result<()> {
    frame(out, &json!({ "jsonrpc": "2.0", "method": method, "params": params }))
}

fn frame(out: &mut impl Write, value: &Value) -> io::Result<()> {
    let body = value.to_string();
    out.write_all(format!("Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes())?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(stream: &str, expected: &[&str]) {
        let mut input = stream.as_bytes();
        let mut found = Vec::new();
        loop {
            match read(&mut input) {
                Ok(Some(Message::Request { method, .. })) => found.push(method),
                Ok(Some(Message::Notice { method, .. })) => found.push(format!("notice {method}")),
                Ok(Some(Message::Wrong(fault))) => found.push(fault.code.to_string()),
                Ok(None) => break,
                Err(_) => {
                    found.push("lost".to_owned());
                    break;
                }
            }
        }
        assert_eq!(found, expected, "{stream}");
    }

    #[test]
    fn wrong_frames_are_passed_over() {
        let frame = |body: &str| format!("Content-Length: {}\r\n\r\n{body}", body.len());
        let good = frame("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\"}");
        check(&good, &["a"]);
        check("content-LENGTH:14\n\n{\"method\":\"b\"}", &["notice b"]);
        check(&format!("{}{good}", frame("{")), &["-32700", "a"]);
        check(&format!("{}{good}", frame("[]")), &["-32600", "a"]);
        check(&format!("Nothing: 2\r\n\r\n{good}"), &["-32700", "a"]);
        check(&format!("{}{good}", frame("{\"id\":1,\"result\":{\"a\":1}}")), &["a"]);
        check("Content-Length: 99\r\n\r\n{", &[]);
        check(&"x".repeat(10_000), &["lost"]);
    }
}
