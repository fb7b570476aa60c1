//! Keys of clients at an address of their own: changed without asking anybody, held no longer than they may be.

use super::certificates::{Ca, root};
use super::{Draft, Key, ask, form, fresh};
use crate::server::talk::Running;
use rcgen::{CertificateParams, KeyPair};
use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::Duration;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A little longer than the server waits before it asks an address again.
const A_WHILE: Duration = Duration::from_millis(1_100);

/// What stands at the address.
struct Page {
    status: u16,
    /// `Cache-Control`, or nothing.
    cache: &'static str,
    body: String,
    asked: usize,
}

/// Where a client keeps its keys.
struct Host {
    url: String,
    page: Arc<Mutex<Page>>,
}

impl Host {
    /// Over TLS where there is somebody who signs its certificate.
    fn new(issuer: Option<&Ca>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let scheme = if issuer.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://localhost:{}/jwks.json", listener.local_addr().unwrap().port());
        let page = Arc::new(Mutex::new(Page { status: 200, cache: "", body: String::new(), asked: 0 }));
        let (shown, tls) = (Arc::clone(&page), issuer.map(tls));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                match &tls {
                    None => answer(stream, &shown),
                    Some(tls) => {
                        let connection = ServerConnection::new(Arc::clone(tls)).unwrap();
                        answer(StreamOwned::new(connection, stream), &shown);
                    }
                }
            }
        });
        Self { url, page }
    }

    fn show(&self, cache: &'static str, keys: &[(&str, &Key)]) {
        let keys: Vec<_> = keys.iter().map(|(id, key)| key.public(id)).collect();
        let mut page = self.page.lock().unwrap();
        (page.status, page.cache, page.body) = (200, cache, json!({ "keys": keys }).to_string());
    }

    fn fail(&self, status: u16) {
        self.page.lock().unwrap().status = status;
    }

    fn asked(&self) -> usize {
        self.page.lock().unwrap().asked
    }
}

fn tls(issuer: &Ca) -> Arc<ServerConfig> {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, issuer).unwrap();
    let chain = vec![CertificateDer::from_pem_slice(certificate.pem().as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
    let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    Arc::new(builder.with_single_cert(chain, key).unwrap())
}

/// Answers one request; whoever does not trust the certificate sends none.
fn answer(mut stream: impl Read + Write, page: &Mutex<Page>) {
    let mut part = [0; 4_096];
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r\n") {
        match stream.read(&mut part) {
            Ok(0) | Err(_) => return,
            Ok(count) => text.extend_from_slice(&part[..count]),
        }
    }
    let mut page = page.lock().unwrap();
    page.asked += 1;
    let cache =
        if page.cache.is_empty() { String::new() } else { format!("Cache-Control: {}\r\n", page.cache) };
    let answer = format!(
        "HTTP/1.1 {} x\r\n{cache}Location: /jwks.json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}",
        page.status,
        page.body.len(),
        page.body
    );
    drop(stream.write_all(answer.as_bytes()));
    drop(stream.flush());
}

fn server(host: &Host, ca: Option<&Ca>) -> Running {
    let file = std::env::temp_dir().join(format!("sauma-ca-{}", fresh()));
    let named = ca.map_or_else(String::new, |ca| {
        std::fs::write(&file, ca.pem()).unwrap();
        format!("jwks_ca = \"{}\"\n", file.display())
    });
    let running = Running::guarded(&format!(
        "[[unit]]\nkey = \"a\"\nname = \"a\"\nsector = \"health\"\nregister = \"1.2.3\"\n\
         [[client]]\nid = \"a-app\"\nunit = \"a\"\nscopes = \"system/Patient.rs\"\njwks_url = \"{}\"\n{named}",
        host.url
    ));
    if ca.is_some() {
        std::fs::remove_file(&file).unwrap();
    }
    running
}

/// The status of a request for a token that is signed by a key under an id, with a header field more.
fn status(server: &Running, id: &str, key: &Key, jku: Option<&str>) -> u16 {
    let mut draft = Draft::of(server, "a-app", key);
    draft.header["kid"] = json!(id);
    if let Some(jku) = jku {
        draft.header["jku"] = json!(jku);
    }
    ask(server, &form(&draft.signed(key), "system/Patient.rs")).status
}

#[test]
fn keys_are_held_as_long_as_their_address_says() {
    let (host, key) = (Host::new(None), Key::ec());
    let server = server(&host, None);
    let check = |cache: &'static str, pause: Duration, expected: usize| {
        host.show(cache, &[("k", &key)]);
        sleep(A_WHILE);
        let before = host.asked();
        assert_eq!(status(&server, "k", &key, None), 200, "{cache}");
        sleep(pause);
        assert_eq!(status(&server, "k", &key, None), 200, "{cache}");
        assert_eq!(host.asked() - before, expected, "{cache}");
    };
    let at_once = Duration::ZERO;
    check("no-store", at_once, 2);
    check("max-age=0", at_once, 2);
    check("public, max-age=60, no-cache", at_once, 2);
    check("max-age=soon", at_once, 2);
    check("max-age=1", Duration::from_millis(1_200), 2);
    // The last set was to be held for a second, so that this one is asked for once.
    check("Public, Max-Age=\"3600\"", A_WHILE, 1);
}

#[test]
fn a_new_key_counts_at_once_and_one_that_is_gone_no_more() {
    let (host, old, new) = (Host::new(None), Key::ec(), Key::rsa());
    let server = server(&host, None);
    host.show("max-age=3600", &[("old", &old)]);
    assert_eq!(status(&server, "old", &old, None), 200);
    host.show("max-age=3600", &[("new", &new)]);
    sleep(A_WHILE);
    assert_eq!(status(&server, "new", &new, None), 200);
    assert_eq!(host.asked(), 2);
    // Whoever sends keys that are nobody's does not make the server ask each time.
    for _ in 0..20 {
        assert_eq!(status(&server, "old", &old, None), 401);
    }
    assert!(host.asked() <= 2 + 20 / 4, "{}", host.asked());
}

#[test]
fn an_address_that_fails_lets_nobody_in_and_is_not_followed() {
    let (host, key) = (Host::new(None), Key::ec());
    let server = server(&host, None);
    let check = |expected: u16| {
        sleep(A_WHILE);
        assert_eq!(status(&server, "k", &key, None), expected);
    };
    host.show("no-store", &[("k", &key)]);
    check(200);
    for failing in [302, 404, 500] {
        host.fail(failing);
        check(401);
    }
    host.show("no-store", &[("other", &key)]);
    check(401);
    host.page.lock().unwrap().body = "[]".to_owned();
    check(401);
    host.page.lock().unwrap().body = "x".repeat(70 << 10);
    check(401);
    host.show("no-store", &[("k", &key)]);
    check(200);
}

#[test]
fn an_assertion_names_the_registered_address_or_none() {
    let (host, key) = (Host::new(None), Key::ec());
    let server = server(&host, None);
    host.show("", &[("k", &key)]);
    let check = |jku: Option<&str>, expected: u16| {
        assert_eq!(status(&server, "k", &key, jku), expected, "{jku:?}");
    };
    check(None, 200);
    check(Some(&host.url), 200);
    check(Some(&host.url.replace("jwks.json", "jwks.json?")), 401);
    check(Some("https://evil.example/jwks.json"), 401);
    check(Some(""), 401);
    assert_eq!(host.asked(), 1);
}

#[test]
fn keys_come_over_tls_from_whom_the_settings_trust() {
    let (issuer, other, key) = (root("keys"), root("others"), Key::rsa());
    let host = Host::new(Some(&issuer));
    host.show("max-age=60", &[("k", &key)]);
    assert_eq!(status(&server(&host, Some(&issuer)), "k", &key, None), 200);
    assert_eq!(status(&server(&host, Some(&other)), "k", &key, None), 401);
    assert_eq!(status(&server(&host, None), "k", &key, None), 401);
    assert_eq!(host.asked(), 1);
}
