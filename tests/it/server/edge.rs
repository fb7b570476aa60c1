//! What the edge refuses, and that it neither hangs nor dies over it.

use super::talk::Running;
use sauma::server::Limits;
use std::io::{Read, Write};
use std::time::{Duration, Instant};

const PATIENT: &str = r#"{"resourceType":"Patient"}"#;

/// Raw requests, the statuses of all answers to each, and the permanent codes of the refusals.
fn check(server: &Running, request: &[u8], statuses: &[&str], code: Option<&str>) {
    let shown = String::from_utf8_lossy(&request[..request.len().min(80)]).into_owned();
    let answer = server.raw(request);
    let told: Vec<&str> = answer
        .match_indices("HTTP/1.1 ")
        .map(|(at, _)| answer.get(at + 9..at + 12).unwrap_or_default())
        .collect();
    assert_eq!(told, statuses, "{shown:?} gave {answer:?}");
    if let Some(code) = code {
        assert!(answer.contains("\"resourceType\":\"OperationOutcome\""), "{shown:?} gave {answer:?}");
        assert!(answer.contains(&format!("\"code\":\"{code}\"")), "{shown:?} gave {answer:?}");
    }
}

fn post(fields: &str, body: &str) -> Vec<u8> {
    let fixed = "Host: a\r\nConnection: close\r\nContent-Type: application/fhir+json\r\n";
    format!("POST /fhir/Patient HTTP/1.1\r\n{fixed}{fields}\r\n{body}").into_bytes()
}

#[test]
fn malformed_requests_are_refused() {
    let server = Running::start();
    let check = |request: &[u8], statuses: &[&str], code: &str| check(&server, request, statuses, Some(code));
    let long = |bytes: usize| "a".repeat(bytes);
    check(&post("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\nX"), &["400"], "H101");
    check(&post("Transfer-Encoding: chunked\r\nContent-Length: 6\r\n", "0\r\n\r\nX"), &["400"], "H101");
    check(&post("Transfer-Encoding: xchunked\r\nContent-Length: 3\r\n", "abc"), &["400"], "H101");
    check(&post("Content-Length: 3\r\nContent-Length: 5\r\n", "abcde"), &["400"], "H101");
    check(&post("Content-Length: 3\r\nContent-Length: 3\r\n", "abc"), &["400"], "H101");
    for length in ["+3", "0x3", "3, 3", ""] {
        check(&post(&format!("Content-Length: {length}\r\n"), "abc"), &["400"], "H101");
    }
    check(&post("Content-Length : 3\r\n", "abc"), &["400"], "H100");
    check(&post("X: a\r\n b\r\nContent-Length: 3\r\n", "abc"), &["400"], "H100");
    check(b"POST /fhir/Patient HTTP/1.1\nHost: a\nContent-Length: 3\n\nabc", &["400"], "H100");
    check(&post("Transfer-Encoding: chunked\r\n", "3\nabc\n0\n\n"), &["400"], "H100");
    check(
        &post("Transfer-Encoding: chunked\r\n", &format!("3;{}\r\nabc\r\n0\r\n\r\n", long(20_000))),
        &["400"],
        "H101",
    );
    check(b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", &["400"], "H101");
    check(b"GET /fhir/metadata HTTP/1.1\r\n\r\n", &["400"], "H102");
    check(b"GET /fhir/metadata HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", &["400"], "H102");
    check(b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n", &["400"], "H100");
    let many: String = (0..101).map(|at| format!("X{at}: 1\r\n")).collect();
    check(format!("GET / HTTP/1.1\r\nHost: a\r\n{many}\r\n").as_bytes(), &["431"], "H105");
    check(format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", long(70_000)).as_bytes(), &["431"], "H105");
    check(format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", long(500_000)).as_bytes(), &["431"], "H105");
    check(format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", long(9_000)).as_bytes(), &["414"], "H104");
    check(b"GET http://evil/ HTTP/1.1\r\nHost: a\r\n\r\n", &["400"], "H100");
    check(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &["505"], "H103");
}

#[test]
fn a_body_is_no_request_and_requests_in_one_piece_are_two() {
    let server = Running::start();
    let hidden = "GET /health HTTP/1.1\r\nHost: a\r\n\r\n";
    let request = format!(
        "GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{hidden}",
        hidden.len()
    );
    check(&server, request.as_bytes(), &["200"], None);
    let two = format!("{hidden}GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    check(&server, two.as_bytes(), &["200", "200"], None);
    check(
        &server,
        &post("Transfer-Encoding: chunked\r\n", &format!("1A\r\n{PATIENT}\r\n0\r\n\r\n")),
        &["201"],
        None,
    );
    check(&server, &post("Content-Length: 26\r\n", PATIENT), &["201"], None);
    // A body in several pieces is one.
    let chunks: String = ["{\"resource", "Type\":", "\"Pat", "ient\"}"]
        .iter()
        .map(|piece| format!("{:x}\r\n{piece}\r\n", piece.len()))
        .collect();
    check(&server, &post("Transfer-Encoding: chunked\r\n", &format!("{chunks}0\r\n\r\n")), &["201"], None);
}

#[test]
fn sizes_are_limited() {
    let server =
        Running::limited(Limits { body_bytes_max: 1_000, unpacked_bytes_max: 2_000, ..Limits::default() });
    let large = format!(r#"{{"resourceType":"Patient","name":[{{"text":"{}"}}]}}"#, "a".repeat(1_500));
    check(&server, &post(&format!("Content-Length: {}\r\n", large.len()), &large), &["413"], Some("H106"));
    let chunked = format!("{:x}\r\n{large}\r\n0\r\n\r\n", large.len());
    check(&server, &post("Transfer-Encoding: chunked\r\n", &chunked), &["413"], Some("H106"));

    let pack = |text: &str| {
        let mut packed = Vec::new();
        flate2::read::GzEncoder::new(text.as_bytes(), flate2::Compression::best())
            .read_to_end(&mut packed)
            .unwrap();
        packed
    };
    let headers = [("Content-Type", "application/fhir+json"), ("Content-Encoding", "gzip")];
    let reply = server.send("POST", "/fhir/Patient", &headers, &pack(&large));
    assert_eq!(reply.status, 201, "{}", reply.text());
    let bomb = server.send("POST", "/fhir/Patient", &headers, &pack(&" ".repeat(100_000)));
    assert_eq!((bomb.status, bomb.code()), (413, "H106".to_owned()));
    let unknown = server.send("POST", "/fhir/Patient", &[headers[0], ("Content-Encoding", "br")], b"x");
    assert_eq!((unknown.status, unknown.code()), (415, "H114".to_owned()));
}

#[test]
fn slow_clients_are_let_go() {
    let server = Running::limited(Limits { head_seconds: 1, body_seconds: 1, ..Limits::default() });
    let ends = |sent: &[u8], drip: bool| {
        let mut stream = server.connect();
        stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        stream.write_all(sent).unwrap();
        let (start, mut told, mut buffer) = (Instant::now(), Vec::new(), [0; 1_024]);
        while start.elapsed() < Duration::from_secs(20) {
            match stream.read(&mut buffer) {
                Ok(0) => return String::from_utf8(told).unwrap(),
                Ok(read) => told.extend_from_slice(&buffer[..read]),
                Err(error)
                    if matches!(
                        error.kind(),
                        std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                    ) => {}
                Err(_) => return String::from_utf8(told).unwrap(),
            }
            if drip && stream.write_all(b"a").is_err() {
                return String::from_utf8(told).unwrap();
            }
        }
        panic!("the connection is still open");
    };
    assert_eq!(ends(b"", false), "");
    ends(b"GET / HTTP/1.1\r\nHost: a\r\nX-", false);
    ends(b"GET / HTTP/1.1\r\nHost: a\r\nX-", true);
    assert!(ends(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n", false).starts_with("HTTP/1.1 200"));
    let slow = "POST /fhir/Patient HTTP/1.1\r\nHost: a\r\nContent-Type: application/fhir+json\r\nContent-Length: 1000\r\n\r\n";
    let told = ends(slow.as_bytes(), true);
    assert!(told.starts_with("HTTP/1.1 408") && told.contains("H107"), "{told}");
}

#[test]
fn connections_are_counted() {
    let limits = Limits { connections_per_address_max: 2, ..Limits::default() };
    let server = Running::limited(limits);
    let held = [server.connect(), server.connect()];
    // The two are accepted once one of them is answered.
    for mut stream in &held {
        stream.write_all(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        assert!(stream.read(&mut [0; 512]).unwrap() > 0);
    }
    let told = server.raw(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(
        told.starts_with("HTTP/1.1 503") && told.contains("retry-after: 1") && told.contains("H108"),
        "{told}"
    );
    drop(held);
    let start = Instant::now();
    while !server
        .raw(b"GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        .starts_with("HTTP/1.1 200")
    {
        assert!(start.elapsed() < Duration::from_secs(10), "no place becomes free");
    }
}

#[test]
fn the_server_ends_in_good_order() {
    let mut server = Running::start();
    let body = r#"{"resourceType":"Patient","id":"a"}"#;
    let head = format!(
        "PUT /fhir/Patient/a HTTP/1.1\r\nHost: a\r\nContent-Type: application/fhir+json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = server.connect();
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&body.as_bytes()[..10]).unwrap();
    std::thread::sleep(Duration::from_millis(200));
    let rest = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(300));
        stream.write_all(&body.as_bytes()[10..]).unwrap();
        let mut told = String::new();
        stream.read_to_string(&mut told).unwrap();
        told
    });
    server.end();
    let told = rest.join().unwrap();
    assert!(told.starts_with("HTTP/1.1 201"), "{told}");
    assert!(std::net::TcpStream::connect(server.address).is_err());
}

#[test]
fn those_who_run_it_can_ask() {
    let server = Running::start();
    assert_eq!(server.send("GET", "/health", &[], b"").text(), "ok\n");
    assert_eq!(server.send("GET", "/ready", &[], b"").text(), "ready\n");
    let id = server.create(PATIENT);
    server.get(&format!("/Patient/{id}"));
    server.get("/Patient/131052-308T");
    let told = server.send("GET", "/metrics", &[], b"").text();
    assert!(
        told.contains("sauma_requests_total{method=\"GET\",route=\"/{type}/{id}\",status=\"2xx\"} 1"),
        "{told}"
    );
    assert!(!told.contains(&id) && !told.contains("131052"), "{told}");
}
