//! A unit's system that behaves as it is told: it answers each connection with bytes, or worse.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// How it behaves.
#[derive(Debug, Clone)]
pub(super) enum Manner {
    /// Answers with a status, a media type and a body.
    Says(u16, &'static str, Vec<u8>),
    /// Answers with these bytes, whatever they are, and closes.
    Bytes(Vec<u8>),
    /// Takes the request and never answers.
    Silent,
    /// Never stops to answer.
    Endless,
    /// Sends to itself.
    Redirects,
    /// Closes at once.
    Closes,
}

/// A unit's system; it ends with the process.
pub(super) struct Unit {
    pub(super) address: SocketAddr,
    manner: Arc<Mutex<Manner>>,
    /// The requests, heads and bodies.
    pub(super) asked: Arc<Mutex<Vec<String>>>,
}

impl Unit {
    pub(super) fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let manner = Arc::new(Mutex::new(manner));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (own, heard) = (Arc::clone(&manner), Arc::clone(&asked));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (manner, heard) = (own.lock().unwrap().clone(), Arc::clone(&heard));
                thread::spawn(move || answer(stream, &manner, &heard));
            }
        });
        Self { address, manner, asked }
    }

    pub(super) fn behave(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }
}

fn answer(mut stream: TcpStream, manner: &Manner, heard: &Mutex<Vec<String>>) {
    if matches!(manner, Manner::Closes) {
        return;
    }
    let Some(request) = request(&mut stream) else { return };
    let host = request.lines().find_map(|line| line.to_lowercase().strip_prefix("host: ").map(str::to_owned));
    heard.lock().unwrap().push(request);
    // Who asked may be gone by now, and that is no fault of the unit.
    match manner {
        Manner::Says(status, media, body) => {
            let head = format!(
                "HTTP/1.1 {status} X\r\nContent-Type: {media}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            drop(stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)));
        }
        Manner::Bytes(bytes) => drop(stream.write_all(bytes)),
        Manner::Silent => thread::sleep(Duration::from_mins(1)),
        Manner::Endless => {
            drop(stream.write_all(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n",
            ));
            let chunk = vec![b' '; 1 << 20];
            while stream.write_all(&chunk).is_ok() {}
        }
        Manner::Redirects => {
            let to = host.unwrap_or_default();
            let head = format!(
                "HTTP/1.1 302 Found\r\nLocation: http://{to}/plan\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            );
            drop(stream.write_all(head.as_bytes()));
        }
        Manner::Closes => {}
    }
}

/// One request, with its body.
fn request(stream: &mut TcpStream) -> Option<String> {
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut bytes = Vec::new();
    let mut buffer = [0; 8_192];
    loop {
        let count = stream.read(&mut buffer).ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| {
            line.to_lowercase()
                .strip_prefix("content-length: ")
                .and_then(|length| length.parse::<usize>().ok())
        });
        if body.len() >= length.unwrap_or(0) {
            return Some(text);
        }
    }
}
