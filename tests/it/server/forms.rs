//! Forms of answers: JSON and XML, pretty, packed, only the head, nothing where the client has it.

use super::talk::Running;

const PLAN: &str = r#"{"resourceType":"Goal","lifecycleStatus":"active","description":{"text":"a < b"},"subject":{"display":"x"},"target":[{"measure":{"text":"m"},"detailQuantity":{"value":1.50}}]}"#;

#[test]
fn a_resource_has_the_form_that_was_asked_for() {
    let server = Running::start();
    let path = format!("/fhir/Goal/{}", server.create(PLAN));
    let asked = |path: &str, accept: &str| server.send("GET", path, &[("Accept", accept)], b"");
    let xml = asked(&path, "application/json;q=0.1, application/fhir+xml");
    assert_eq!(xml.header("content-type"), Some("application/fhir+xml; charset=utf-8"));
    assert!(xml.text().starts_with("<Goal xmlns=\"http://hl7.org/fhir\">"), "{}", xml.text());
    assert!(xml.text().contains("a &lt; b") && xml.text().contains("1.50"));
    assert_eq!(asked(&format!("{path}?_format=xml"), "application/json").text(), xml.text());
    assert!(asked(&format!("{path}?_pretty=true"), "*/*").text().contains("\n  \"lifecycleStatus\""));
    let refused = asked(&path, "text/turtle");
    assert_eq!((refused.status, refused.code()), (406, "H112".to_owned()));
    let refused = asked(&format!("{path}?_format=blah"), "*/*");
    assert_eq!((refused.status, refused.code()), (406, "H112".to_owned()));
    assert_eq!(asked("/fhir/metadata?_pretty=abc", "*/*").status, 400);
    assert_eq!(asked("/fhir/metadata?_summary=abc", "*/*").status, 400);
    assert_eq!(asked("/fhir/metadata?_elements=", "*/*").status, 400);
    // An error has the form that was asked for too.
    let missing = asked("/fhir/Goal/none", "application/fhir+xml");
    assert_eq!(missing.status, 404);
    assert!(missing.text().starts_with("<OperationOutcome"), "{}", missing.text());

    let sent =
        server.send("POST", "/fhir/Goal", &[("Content-Type", "application/fhir+xml")], xml.text().as_bytes());
    assert_eq!(sent.status, 201, "{}", sent.text());
    assert_eq!(sent.value()["target"][0]["detailQuantity"]["value"].to_string(), "1.5");
    assert!(sent.text().contains("1.50"), "{}", sent.text());
}

#[test]
fn what_the_client_has_is_not_sent_again() {
    let server = Running::start();
    let path = format!("/fhir/Goal/{}", server.create(PLAN));
    let status = |name: &str, value: &str| {
        let reply = server.send("GET", &path, &[(name, value)], b"");
        assert!(reply.status == 200 || reply.body.is_empty());
        reply.status
    };
    assert_eq!((status("If-None-Match", "W/\"1\""), status("If-None-Match", "W/\"2\"")), (304, 200));
    let read = server.send("GET", &path, &[], b"");
    assert_eq!(status("If-Modified-Since", read.header("last-modified").unwrap()), 304);
    assert_eq!(status("If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT"), 200);

    let head = server.send("HEAD", &path, &[], b"");
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), Some(&*read.body.len().to_string()));
    assert_eq!(head.header("etag"), read.header("etag"));
}

#[test]
fn answers_are_packed_and_named() {
    let server = Running::start();
    let plain = server.send("GET", "/fhir/metadata", &[], b"");
    let packed =
        server.send("GET", "/fhir/metadata", &[("Accept-Encoding", "gzip"), ("X-Request-Id", "abc-1")], b"");
    assert_eq!(
        (packed.header("content-encoding"), packed.header("x-request-id")),
        (Some("gzip"), Some("abc-1"))
    );
    assert_eq!(packed.text(), plain.text());
    let length: usize = packed.header("content-length").unwrap().parse().unwrap();
    assert!(length < plain.body.len() / 5);
    // Who has the statement already is not sent it again.
    let tag = plain.header("etag").unwrap();
    let again = server.send("GET", "/fhir/metadata", &[("If-None-Match", tag)], b"");
    assert_eq!((again.status, again.body.len(), again.header("etag")), (304, 0, Some(tag)));
    assert_eq!(server.send("GET", "/fhir/metadata", &[("If-None-Match", "W/\"1\"")], b"").status, 200);
    // A name that could be anything is not repeated.
    let odd = server.send("GET", "/health", &[("X-Request-Id", "131052-308T")], b"");
    assert_ne!(odd.header("x-request-id"), Some("131052-308T"));
}

#[test]
fn an_answer_to_a_write_holds_what_was_preferred() {
    let server = Running::start();
    let made = |prefer: &str| server.json("POST", "/Goal", &[("Prefer", prefer)], PLAN);
    let minimal = made("return=minimal");
    assert_eq!((minimal.status, minimal.body.len()), (201, 0));
    assert!(minimal.header("location").is_some());
    assert_eq!(made("return=OperationOutcome").value()["resourceType"], "OperationOutcome");
    assert_eq!(made("return=representation").value()["resourceType"], "Goal");
}
