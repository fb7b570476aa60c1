//! The token endpoint and what the API takes for a token: every defect that an assertion can have, in both algorithms,
//! at both doors.

use super::{Draft, Key, ask, base64, form, fresh, joined, now, settings, token, with};
use crate::server::tables::errors;
use crate::server::talk::Running;
use crate::store_engines::{Database, runtime};
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RSA_PSS_SHA384};
use sauma::store::{Logs, Sqlite, SqliteOptions, Tenant};
use serde_json::{Value, json};
use std::net::SocketAddr;

const SCOPES: &str = "system/Patient.cruds system/Goal.rs";

fn server(key: &Key) -> Running {
    let rows = [("a", "health", "1.2.3", 1, SCOPES), ("b", "social", "1.2.3", 1, "system/Patient.rs")];
    let twice = json!({ "keys": [key.public("k"), key.public("k")] }).to_string();
    let twice = settings(&[("twice", "health", "1.2.4", 1, SCOPES)], &twice);
    Running::guarded(&format!("{}{twice}", settings(&rows, &key.set("k"))))
}

/// A draft with one change to its claims or its header, signed.
fn changed(server: &Running, key: &Key, part: &str, name: &str, value: Option<Value>) -> String {
    let mut draft = Draft::of(server, "a-app", key);
    let part = if part == "header" { &mut draft.header } else { &mut draft.claims };
    let part = part.as_object_mut().unwrap();
    match value {
        Some(value) => part.insert(name.to_owned(), value),
        None => part.remove(name),
    };
    draft.signed(key)
}

/// What is put in the place of an entry; nothing takes it away.
type Change = (&'static str, Option<Value>);

/// Headers that SMART forbids.
fn headers(key: &Key, other: &Key) -> Vec<Change> {
    vec![
        ("alg", None),
        ("alg", Some(json!("none"))),
        ("alg", Some(json!("HS384"))),
        ("alg", Some(json!("RS256"))),
        ("alg", Some(json!("ES256"))),
        ("alg", Some(json!("PS384"))),
        ("alg", Some(json!(other.algorithm()))),
        ("alg", Some(json!(key.algorithm().to_lowercase()))),
        ("alg", Some(json!([key.algorithm()]))),
        ("kid", None),
        ("kid", Some(json!(""))),
        ("kid", Some(json!("other"))),
        ("kid", Some(json!(1))),
        ("kid", Some(json!(null))),
        ("typ", None),
        ("typ", Some(json!("at+jwt"))),
        ("typ", Some(json!("jwt"))),
        ("crit", Some(json!(["exp"]))),
        ("crit", Some(json!([]))),
        ("b64", Some(json!(false))),
        ("jku", Some(json!("https://evil.example/jwks.json"))),
        ("jwk", Some(other.public("k"))),
        ("x5u", Some(json!("https://evil.example/x5c.pem"))),
        ("x5c", Some(json!(["MIIB"]))),
        ("zip", Some(json!("DEF"))),
    ]
}

/// Claims that SMART forbids.
fn claims(address: SocketAddr) -> Vec<Change> {
    vec![
        ("iss", None),
        ("iss", Some(json!("b-app"))),
        ("iss", Some(json!("nobody"))),
        ("iss", Some(json!(["a-app"]))),
        ("sub", None),
        ("sub", Some(json!("b-app"))),
        ("aud", None),
        ("aud", Some(json!("https://other.example/token"))),
        ("aud", Some(json!(format!("http://{address}/fhir")))),
        ("aud", Some(json!(format!("http://{address}/token/")))),
        ("aud", Some(json!(format!("http://{address}/TOKEN")))),
        ("aud", Some(json!([]))),
        ("aud", Some(json!([format!("http://{address}/token"), "https://other.example/token"]))),
        ("exp", None),
        ("exp", Some(json!(now() - 1))),
        ("exp", Some(json!(now() + 400))),
        ("exp", Some(json!(now() + 31_536_000))),
        ("exp", Some(json!((now() + 200).to_string()))),
        ("exp", Some(json!(format!("{}.5", now() + 200).parse::<f64>().unwrap()))),
        ("exp", Some(json!(0))),
        ("exp", Some(json!(-1))),
        ("exp", Some(json!(u64::MAX))),
        ("exp", Some(json!(null))),
        ("nbf", Some(json!(now() + 100))),
        ("nbf", Some(json!("0"))),
        ("nbf", Some(json!(null))),
        ("iat", Some(json!(now() + 100))),
        ("iat", Some(json!("0"))),
        ("iat", Some(json!(now() + 250))),
        ("jti", None),
        ("jti", Some(json!(""))),
        ("jti", Some(json!("  "))),
        ("jti", Some(json!(7))),
        ("jti", Some(json!("j".repeat(300)))),
    ]
}

/// Every defective assertion, with a name.
fn defects(server: &Running, key: &Key, other: &Key) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for (name, value) in headers(key, other) {
        found.push((format!("{name} {value:?}"), changed(server, key, "header", name, value)));
    }
    for (name, value) in claims(server.address) {
        found.push((format!("{name} {value:?}"), changed(server, key, "claims", name, value)));
    }
    found.extend(forged(server, key, other));
    found
}

/// Signatures and forms that are wrong.
fn forged(server: &Running, key: &Key, other: &Key) -> Vec<(String, String)> {
    let draft = || Draft::of(server, "a-app", key);
    let good = draft().signed(key);
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let (header, claims) = signed.split_once('.').unwrap();
    let mut none = draft();
    none.header["alg"] = json!("none");
    let none = format!("{}.{}.", base64(none.header.to_string().as_bytes()), claims);
    let mut mac = draft();
    mac.header["alg"] = json!("HS384");
    let mac = format!(
        "{}.{}",
        base64(mac.header.to_string().as_bytes()),
        base64(mac.claims.to_string().as_bytes())
    );
    let public = hmac::Key::new(hmac::HMAC_SHA384, key.set("k").as_bytes());
    let tag = base64(hmac::sign(&public, mac.as_bytes()).as_ref());
    let mut embedded = draft();
    embedded.header["jwk"] = other.public("k");
    let twice = |name: &str| {
        let text = draft().claims.to_string();
        joined(
            &draft().header.to_string(),
            &text.replacen('{', &format!("{{\"{name}\":{},", draft().claims[name]), 1),
            key,
        )
    };
    let mut foreign = Draft::of(server, "b-app", key);
    foreign.claims["iss"] = json!("a-app");
    let mut both_kids = Draft::of(server, "twice-app", key);
    both_kids.claims["jti"] = json!(fresh());
    let other_sign = if signature[10..].starts_with('A') { 'B' } else { 'A' };
    let flipped = format!("{}{other_sign}{}", &signature[..10], &signature[11..]);
    let mut later = draft();
    later.claims["sub"] = json!("b-app");
    let mut found = vec![
        ("none".to_owned(), none),
        ("HMAC with the public key".to_owned(), format!("{mac}.{tag}")),
        ("signed with a key of its own".to_owned(), embedded.signed(other)),
        ("signed with another key".to_owned(), draft().signed(other)),
        ("iss and sub of two clients".to_owned(), foreign.signed(key)),
        ("two keys of one kid".to_owned(), both_kids.signed(key)),
        ("iss twice".to_owned(), twice("iss")),
        ("exp twice".to_owned(), twice("exp")),
        ("no signature".to_owned(), format!("{signed}.")),
        ("half a signature".to_owned(), format!("{signed}.{}", &signature[..signature.len() / 2])),
        ("a flipped signature".to_owned(), format!("{signed}.{flipped}")),
        ("padding".to_owned(), format!("{good}%3D%3D")),
        ("two parts".to_owned(), signed.to_owned()),
        ("four parts".to_owned(), format!("{good}.{signature}")),
        ("encrypted form".to_owned(), format!("{good}.{signature}.{signature}")),
        ("a space".to_owned(), format!("%20{good}")),
        ("a line end".to_owned(), format!("{good}%0A")),
        ("other claims".to_owned(), {
            let claims = base64(later.claims.to_string().as_bytes());
            format!("{header}.{claims}.{signature}")
        }),
        ("no JSON".to_owned(), joined("JWT", "a", key)),
        ("a list".to_owned(), joined("[]", "[]", key)),
        ("nothing".to_owned(), String::new()),
        ("dots".to_owned(), "..".to_owned()),
        ("long".to_owned(), "a".repeat(9_000)),
    ];
    found.extend(other_paddings(key, signed));
    found
}

/// Signatures by RSA in a way that RS384 is not.
fn other_paddings(key: &Key, signed: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    if let Key::Rsa(pair) = key {
        for (name, padding) in
            [("PSS", &RSA_PSS_SHA384 as &dyn ring::signature::RsaEncoding), ("SHA-256", &RSA_PKCS1_SHA256)]
        {
            let mut signature = vec![0; pair.public().modulus_len()];
            pair.sign(padding, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
            found.push((name.to_owned(), format!("{signed}.{}", base64(&signature))));
        }
    }
    found
}

/// Once for each change, 1,000 times before a release.
fn rounds() -> usize {
    std::env::var("SAUMA_TOKEN_ROUNDS").map_or(1, |rounds| rounds.parse().unwrap())
}

fn check_every_defect(key: &Key, other: &Key) {
    let mut server = server(key);
    let mut refused = 0;
    for _ in 0..rounds() {
        refused += check_each(&server, &defects(&server, key, other));
    }
    let good = Draft::of(&server, "a-app", key).signed(key);
    let form = form(&good, "system/Patient.rs");
    assert_eq!(ask(&server, &form).status, 200);
    assert_eq!(ask(&server, &form).value()["error"], "invalid_client", "the same twice");
    refused += 1;
    // Each has its entry in the log of those whom nobody knows.
    server.end();
    let store = Sqlite::open(&SqliteOptions::new(server.folder.join("test.db"))).unwrap();
    let heads = runtime().block_on(store.heads()).unwrap();
    let unknown = heads.iter().find(|head| head.tenant == Tenant(0)).unwrap();
    assert_eq!(usize::try_from(unknown.size).unwrap(), refused);
}

/// Asks with each; how many of the refusals belong into the log.
fn check_each(server: &Running, defects: &[(String, String)]) -> usize {
    assert!(defects.len() >= 80, "{}", defects.len());
    let mut refused = 0;
    for (name, assertion) in defects {
        let reply = ask(server, &form(assertion, "system/Patient.rs"));
        assert!(matches!(reply.status, 400 | 401), "{name}: {} {}", reply.status, reply.text());
        assert_eq!(reply.value()["error"], "invalid_client", "{name}: {}", reply.text());
        assert_eq!(reply.header("cache-control"), Some("no-store"), "{name}");
        // An assertion is no token either, whatever its defect.
        let bearer =
            format!("Bearer {}", assertion.replace("%3D", "=").replace("%20", "").replace("%0A", ""));
        let reply = server.json("GET", "/Patient", &[("Authorization", &bearer)], "");
        assert!(reply.status == 401 || reply.status == 431, "{name}: {}", reply.status);
        // A header that is too long is refused before anybody knows what it is for.
        refused += 1 + usize::from(reply.status == 401);
    }
    refused
}

#[test]
fn no_defective_assertion_is_accepted_rs384() {
    check_every_defect(&Key::rsa(), &Key::ec());
}

#[test]
fn no_defective_assertion_is_accepted_es384() {
    check_every_defect(&Key::ec(), &Key::rsa());
}

#[test]
fn a_form_is_taken_to_the_letter() {
    let key = Key::ec();
    let server = server(&key);
    let good = || form(&Draft::of(&server, "a-app", &key).signed(&key), "system/Patient.rs");
    let check = |form: &str, error: &str| {
        let reply = ask(&server, form);
        assert_eq!(reply.value()["error"], error, "{}", reply.text());
        assert_eq!(reply.status, if error == "invalid_client" { 401 } else { 400 });
    };
    check(&good().replace("client_credentials", "password"), "unsupported_grant_type");
    check(&good().replace("grant_type=client_credentials&", ""), "unsupported_grant_type");
    check(&good().replace("jwt-bearer", "saml2-bearer"), "invalid_request");
    check(&format!("{}&scope=system/Goal.r", good()), "invalid_request");
    check(&format!("{}&client_assertion=a", good()), "invalid_request");
    check(&format!("{}&client_secret=a", good()), "invalid_request");
    check(&format!("{}&client_id=b-app", good()), "invalid_client");
    check(&good().replace("&scope=system/Patient.rs", ""), "invalid_request");
    check(&good().replace("system/Patient.rs", "system/Task.rs"), "invalid_scope");
    check(&good().replace("system/Patient.rs", "user/Patient.rs"), "invalid_scope");
    check(&good().replace("system/Patient.rs", "openid"), "invalid_scope");
    let media = [("Content-Type", "application/json")];
    assert_eq!(server.send("POST", "/token", &media, good().as_bytes()).value()["error"], "invalid_request");
    let media = [("Content-Type", "application/x-www-form-urlencoded")];
    let in_address = server.send("POST", &format!("/token?{}", good()), &media, b"");
    assert_eq!(in_address.value()["error"], "invalid_request");
    assert_eq!(server.send("GET", "/token", &[], b"").status, 405);
    assert_eq!(ask(&server, &format!("{}&client_id=a-app", good())).status, 200);
}

#[test]
fn the_api_takes_its_own_tokens_alone() {
    let key = Key::ec();
    let (server, elsewhere) = (server(&key), server(&key));
    let good = token(&server, "a-app", &key, "system/Patient.rs system/Goal.cruds");
    let check = |fields: &[(&str, &str)], expected: u16| {
        let reply = server.json("GET", "/Patient", fields, "");
        assert_eq!(reply.status, expected, "{fields:?} {}", reply.text());
        if expected == 401 {
            assert_eq!((reply.code(), reply.header("www-authenticate")), ("H170".to_owned(), Some("Bearer")));
        }
    };
    let bearer = format!("Bearer {good}");
    check(&[("Authorization", &bearer)], 200);
    check(&[("Authorization", &bearer.replace("Bearer", "bearer"))], 200);
    check(&[], 401);
    check(&[("Authorization", "")], 401);
    check(&[("Authorization", &good)], 401);
    check(&[("Authorization", &format!("Basic {good}"))], 401);
    check(&[("Authorization", &format!("Bearer  {good}"))], 401);
    check(&[("Authorization", &bearer), ("Authorization", &bearer)], 401);
    check(&[("Authorization", &bearer[..bearer.len() - 1])], 401);
    check(&[("Authorization", &format!("{bearer}A"))], 401);
    check(&[("Authorization", &bearer.replacen("s1.", "s2.", 1))], 401);
    check(
        &[("Authorization", &format!("Bearer {}", token(&elsewhere, "a-app", &key, "system/Patient.rs")))],
        401,
    );
    assert_eq!(server.json("GET", &format!("/Patient?access_token={good}"), &[], "").status, 401);
    // What tells nothing of anybody needs no token.
    for path in ["/metadata", "/openapi.json", "/.well-known/smart-configuration"] {
        assert_eq!(server.get(path).status, 200, "{path}");
    }
}

#[test]
fn a_token_that_is_sealed_by_no_grant_of_today_gives_nothing() {
    let key = Key::ec();
    let secret = [7_u8; 40];
    let file = std::env::temp_dir().join(format!("sauma-token-{}", fresh()));
    std::fs::write(&file, secret).unwrap();
    let rows = [("a", "health", "1.2.3", 1, SCOPES)];
    let server = Running::guarded(&format!("token_key = {:?}\n{}", file, settings(&rows, &key.set("k"))));
    std::fs::remove_file(&file).unwrap();
    let sealed = |grant: Value| {
        let signed = format!("s1.{}", base64(grant.to_string().as_bytes()));
        let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), signed.as_bytes());
        format!("{signed}.{}", base64(mac.as_ref()))
    };
    let check = |grant: Value, path: &str, expected: u16| {
        let reply = with(&server, &sealed(grant.clone()), "GET", path, "");
        assert_eq!(reply.status, expected, "{grant} {}", reply.text());
    };
    let grant = |client: &str, scopes: &str, exp: i64| json!({ "jti": "j", "client": client, "scopes": scopes, "exp": exp });
    check(grant("a-app", "system/Patient.s", now() + 200), "/Patient", 200);
    check(grant("a-app", "system/Patient.s", now() - 1), "/Patient", 401);
    check(grant("a-app", "system/Patient.s", now() + 900), "/Patient", 401);
    check(grant("gone-app", "system/Patient.s", now() + 200), "/Patient", 401);
    check(grant("a-app", "system/Patient.sr", now() + 200), "/Patient", 401);
    // Rights that were taken from the client are taken from its tokens.
    check(grant("a-app", "system/Task.s", now() + 200), "/Task", 403);
}

#[test]
fn used_assertions_stay_used_after_a_restart_and_on_other_nodes() {
    let key = Key::ec();
    let rows = [("a", "health", "1.2.3", 1, SCOPES)];
    let base = "base = \"http://plans.example/fhir\"\n";
    let settings = format!("{base}{}", settings(&rows, &key.set("k")));
    let mut first = Running::guarded(&settings);
    let mut draft = Draft::of(&first, "a-app", &key);
    draft.claims["aud"] = json!("http://plans.example/token");
    let form = form(&draft.signed(&key), "system/Patient.rs");
    assert_eq!(ask(&first, &form).status, 200);
    first.end();
    let second = first.again(&settings);
    assert_eq!(ask(&second, &form).value()["error"], "invalid_client");
    draft.claims["jti"] = json!(fresh());
    assert_eq!(ask(&second, &super::form(&draft.signed(&key), "system/Patient.rs")).status, 200);
}

#[test]
fn used_assertions_are_used_on_each_node() {
    let Some(database) = Database::new() else { return };
    let key = Key::ec();
    let base = "base = \"http://plans.example/fhir\"\n";
    let settings = format!("{base}{}", settings(&[("a", "health", "1.2.3", 1, SCOPES)], &key.set("k")));
    let nodes = [(); 2].map(|()| Running::guarded_on_postgres(database.options.clone(), &settings));
    let mut draft = Draft::of(&nodes[0], "a-app", &key);
    draft.claims["aud"] = json!("http://plans.example/token");
    for _ in 0..5 {
        draft.claims["jti"] = json!(fresh());
        let form = form(&draft.signed(&key), "system/Patient.rs");
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let asked: Vec<_> = nodes.iter().map(|node| scope.spawn(|| ask(node, &form).status)).collect();
            asked.into_iter().map(|asked| asked.join().unwrap()).collect()
        });
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    }
}

#[test]
fn the_endpoints_tell_what_they_are() {
    let key = Key::ec();
    let server = server(&key);
    let told = server.get("/.well-known/smart-configuration").value();
    assert_eq!(told["token_endpoint"], format!("http://{}/token", server.address));
    assert_eq!(told["token_endpoint_auth_signing_alg_values_supported"], json!(["RS384", "ES384"]));
    let statement = server.get("/metadata");
    assert_eq!(errors(&statement.text()), Vec::<String>::new());
    let statement = statement.value();
    assert_eq!(statement["rest"][0]["security"]["service"][0]["coding"][0]["code"], "SMART-on-FHIR");
    let reply = ask(&server, &form(&Draft::of(&server, "a-app", &key).signed(&key), "system/*.cruds"));
    let told = reply.value();
    assert_eq!((&told["token_type"], &told["expires_in"]), (&json!("bearer"), &json!(300)));
    assert_eq!(told["scope"], "system/Goal.rs system/Patient.cruds");
    let open = Running::start();
    assert_eq!(open.get("/.well-known/smart-configuration").status, 404);
    assert_eq!(
        open.send("POST", "/token", &[("Content-Type", "application/x-www-form-urlencoded")], b"").status,
        404
    );
}
