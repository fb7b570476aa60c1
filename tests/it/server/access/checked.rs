//! `sauma conformance check` as a registered client: by a signed statement, over TLS, and beside a second caller who may
//! not see what the first one writes.

use super::units::{ALL, ROWS};
use super::{Key, base64, settings, token};
use crate::server::talk::Running;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, PKCS_ECDSA_P384_SHA384};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;

/// A key with the set of its public half, and another for whoever signs by hand.
fn key_set(own: &KeyPair, other: &Key) -> String {
    let (x, y) = own.public_key_raw()[1..].split_at(48);
    let own = json!({ "kty": "EC", "kid": "check", "crv": "P-384", "x": base64(x), "y": base64(y) });
    json!({ "keys": [own, other.public("k")] }).to_string()
}

fn check(base: &str, folder: &Path, more: &[&str]) -> (Option<i32>, Value, String) {
    let key = folder.join("client.pem");
    let mut command = Command::new(env!("CARGO_BIN_EXE_sauma"));
    command.args(["conformance", "check", base, "--as", "viewer", "--format", "json", "--lang", "en"]);
    command.args(["--client-id", "one-app", "--key-id", "check", "--id-prefix", "one.", "--client-key"]);
    let output = command.arg(key).args(more).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let report = serde_json::from_str(&text(output.stdout)).unwrap_or_default();
    (output.status.code(), report, text(output.stderr))
}

fn verdicts<'r>(report: &'r Value, file: &str, verdict: &str) -> Vec<&'r Value> {
    let documents = report["documents"].as_array().into_iter().flatten();
    documents.filter(|it| it["file"] == file && it["verdict"] == verdict).collect()
}

#[test]
fn what_is_withheld_is_looked_for_by_a_second_caller() {
    let (own, key) = (KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap(), Key::ec());
    let limits = "[limits]\nclient_requests_per_second = 0\naddress_requests_per_second = 0\n";
    let server = Running::guarded(&format!("{}{limits}", settings(ROWS, &key_set(&own, &key))));
    fs::write(server.folder.join("client.pem"), own.serialize_pem()).unwrap();
    let other = |unit: &str| {
        let path = server.folder.join(format!("{unit}.token"));
        fs::write(&path, token(&server, &format!("{unit}-app"), &key, ALL)).unwrap();
        path.display().to_string()
    };
    let base = format!("http://{}/fhir", server.address);
    let (code, report, err) = check(&base, &server.folder, &["--other-token-file", &other("far")]);
    let failed: Vec<&Value> = report["documents"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|it| it["verdict"] == "fail" || it["verdict"] == "error")
        .collect();
    assert!(code == Some(0) && failed.is_empty(), "{code:?} {err} {failed:#?}");
    assert_eq!(verdicts(&report, "permissions.json", "pass").len(), 10);
    // One of the same register sees everything, which is found.
    let seen = ["--only", "permissions", "--other-token-file", &other("twin")];
    let (code, report, _) = check(&base, &server.folder, &seen);
    assert_eq!(code, Some(1));
    assert!(verdicts(&report, "permissions.json", "fail").len() >= 6, "{report:#?}");
    // Who is not known gets no token, and nothing is tested.
    fs::write(
        server.folder.join("client.pem"),
        KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap().serialize_pem(),
    )
    .unwrap();
    let (code, _, err) = check(&base, &server.folder, &["--only", "capability"]);
    assert!(code == Some(2) && err.contains("C132"), "{code:?} {err}");
}

#[test]
fn tls_is_spoken_with_roots_of_ones_own() {
    let (own, key) = (KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap(), Key::ec());
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let private = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&private, &root).unwrap();
    let folder = std::env::temp_dir().join(format!("sauma-check-tls-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    for (name, text) in [
        ("server.pem", certificate.pem()),
        ("server.key", private.serialize_pem()),
        ("root.pem", root.pem()),
        ("client.pem", own.serialize_pem()),
    ] {
        fs::write(folder.join(name), text).unwrap();
    }
    let path = |name: &str| folder.join(name).display().to_string();
    let tls = format!("[tls]\ncertificate = '{}'\nkey = '{}'\n", path("server.pem"), path("server.key"));
    let server = Running::guarded(&format!("{}{tls}", settings(ROWS, &key_set(&own, &key))));
    let base = format!("https://{}/fhir", server.address);
    let (code, report, err) = check(&base, &folder, &["--only", "plan", "--ca", &path("root.pem")]);
    assert_eq!(code, Some(0), "{err} {report:#?}");
    assert_eq!(verdicts(&report, "plan.json", "pass").len(), 10);
    // The roots of the system do not know this one.
    let (code, _, err) = check(&base, &folder, &["--only", "plan"]);
    assert_eq!(code, Some(3), "{err}");
    drop(fs::remove_dir_all(&folder));
}
