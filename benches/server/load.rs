//! The load: clients that each wait for one answer before they ask again, all in one thread, so that the processor is
//! left to the server.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::LocalSet;

/// Makes the request of a number.
pub(crate) type Make = Rc<dyn Fn(u64) -> Vec<u8>>;

/// How long an answer may take before the client counts it as an error: a server that works a second and more on each
/// keeps the last of 16 clients waiting for half a minute.
const PATIENCE: Duration = Duration::from_mins(1);
/// What is told of a request that had no answer.
pub(crate) const NO_ANSWER: &str = "no answer";

/// One answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// What came of some load.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Microseconds of each good answer, in order of size once the load is over.
    pub(crate) micros: Vec<u64>,
    pub(crate) errors: u64,
    pub(crate) seconds: f64,
    /// Status and start of the body of an answer that was not good.
    pub(crate) fault: Option<String>,
}

impl Outcome {
    pub(crate) fn per_second(&self) -> f64 {
        self.micros.len() as f64 / self.seconds
    }

    /// The time in milliseconds that a part of all answers took at most.
    pub(crate) fn percentile(&self, part: f64) -> f64 {
        let at = (self.micros.len() as f64 * part) as usize;
        self.micros
            .get(at.min(self.micros.len().saturating_sub(1)))
            .map_or(0.0, |micros| *micros as f64 / 1e3)
    }
}

/// A request as bytes.
pub(crate) fn request(method: &str, path: &str, body: &str) -> Vec<u8> {
    let content = match body {
        "" => String::new(),
        body => format!("Content-Type: application/fhir+json\r\nContent-Length: {}\r\n", body.len()),
    };
    let host = "Host: localhost\r\nAccept: application/fhir+json\r\n";
    format!("{method} {path} HTTP/1.1\r\n{host}{content}\r\n{body}").into_bytes()
}

/// A connection that is made anew where the server closed it.
#[derive(Debug)]
pub(crate) struct Client {
    address: String,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
}

impl Client {
    pub(crate) fn new(address: &str) -> Self {
        Self { address: address.to_owned(), stream: None, buffer: Vec::with_capacity(64 << 10) }
    }

    /// The answer to a request; none where the connection broke.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> Option<Reply> {
        let asked = tokio::time::timeout(PATIENCE, self.exchange(request)).await;
        let reply = asked.ok().and_then(Result::ok).flatten();
        if reply.is_none() {
            self.stream = None;
        }
        reply
    }

    async fn exchange(&mut self, request: &[u8]) -> std::io::Result<Option<Reply>> {
        if self.stream.is_none() {
            let stream = TcpStream::connect(&self.address).await?;
            stream.set_nodelay(true)?;
            self.stream = Some(stream);
        }
        let Some(stream) = &mut self.stream else { return Ok(None) };
        stream.write_all(request).await?;
        self.buffer.clear();
        let head_bytes = loop {
            if let Some(at) = memchr::memmem::find(&self.buffer, b"\r\n\r\n") {
                break at + 4;
            }
            if stream.read_buf(&mut self.buffer).await? == 0 {
                return Ok(None);
            }
        };
        let Some(head) = Head::read(&self.buffer[..head_bytes]) else { return Ok(None) };
        let is_whole = |buffer: &[u8]| match head.length {
            Some(length) => buffer.len() >= head_bytes + length,
            None => buffer.ends_with(b"\r\n0\r\n\r\n"),
        };
        while !is_whole(&self.buffer) {
            if stream.read_buf(&mut self.buffer).await? == 0 {
                return Ok(None);
            }
        }
        if head.closes {
            self.stream = None;
        }
        Ok(Some(Reply { status: head.status, body: self.buffer[head_bytes..].to_vec() }))
    }
}

/// What the client needs of a head.
struct Head {
    status: u16,
    /// Bytes of the body; none of one in chunks.
    length: Option<usize>,
    closes: bool,
}

impl Head {
    fn read(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let status: u16 = text.get(9..12)?.parse().ok()?;
        let mut head = Self { status, length: Some(0), closes: false };
        for line in text.split("\r\n").skip(1) {
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            if name.eq_ignore_ascii_case("content-length") {
                head.length = Some(value.trim().parse().ok()?);
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                head.length = None;
            } else if name.eq_ignore_ascii_case("connection") {
                head.closes = value.trim().eq_ignore_ascii_case("close");
            }
        }
        Some(head)
    }
}

/// Lets some clients ask for some time, each number once.
pub(crate) async fn run(address: &str, clients: usize, time: Duration, first: u64, make: &Make) -> Outcome {
    let shared = Rc::new(RefCell::new((first, Outcome::default())));
    let start = Instant::now();
    let local = LocalSet::new();
    for _ in 0..clients {
        let (shared, make, mut client) = (Rc::clone(&shared), Rc::clone(make), Client::new(address));
        local.spawn_local(async move {
            while start.elapsed() < time {
                let number = {
                    let mut shared = shared.borrow_mut();
                    shared.0 += 1;
                    shared.0 - 1
                };
                let request = make(number);
                let asked = Instant::now();
                let reply = client.ask(&request).await;
                note(&mut shared.borrow_mut().1, reply, asked.elapsed());
            }
        });
    }
    local.await;
    let mut outcome = std::mem::take(&mut shared.borrow_mut().1);
    outcome.seconds = start.elapsed().as_secs_f64();
    outcome.micros.sort_unstable();
    outcome
}

/// Only good answers count.
fn note(outcome: &mut Outcome, reply: Option<Reply>, took: Duration) {
    match reply {
        Some(reply) if (200..300).contains(&reply.status) => {
            outcome.micros.push(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        }
        reply => {
            outcome.errors += 1;
            if outcome.fault.is_none() {
                outcome.fault = Some(reply.map_or_else(
                    || NO_ANSWER.to_owned(),
                    |reply| {
                        let start = &reply.body[..reply.body.len().min(300)];
                        format!("{} {}", reply.status, String::from_utf8_lossy(start))
                    },
                ));
            }
        }
    }
}
