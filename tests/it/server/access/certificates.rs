//! TLS with certificates of clients, by real handshakes.

use super::{Key, fresh, now, settings, token_over};
use crate::server::talk::{Reply, Running};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose,
    NameConstraints, RevocationReason, RevokedCertParams, SerialNumber, date_time_ymd,
};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

pub(crate) type Ca = CertifiedIssuer<'static, KeyPair>;

/// What a client shows: its chain and its key, in PEM.
pub(crate) type Shown = (String, String);

fn params(name: &str) -> CertificateParams {
    let mut params =
        CertificateParams::new(if name.is_empty() { vec![] } else { vec![name.to_owned()] }).unwrap();
    params.serial_number = Some(SerialNumber::from(u64::try_from(fresh().len()).unwrap() * 1_000 + serial()));
    params.use_authority_key_identifier_extension = true;
    params
}

fn serial() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static SERIAL: AtomicU64 = AtomicU64::new(1);
    SERIAL.fetch_add(1, Ordering::Relaxed)
}

fn ca_params(name: &str, below: u8) -> CertificateParams {
    let mut params = params("");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(below));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

pub(crate) fn root(name: &str) -> Ca {
    CertifiedIssuer::self_signed(ca_params(name, 1), KeyPair::generate().unwrap()).unwrap()
}

fn below(params: CertificateParams, issuer: &Ca) -> Ca {
    CertifiedIssuer::signed_by(params, KeyPair::generate().unwrap(), issuer).unwrap()
}

/// A certificate of a client, changed by `change`, with those between it and the root.
pub(crate) fn leaf(
    name: &str,
    issuer: &Ca,
    between: &[&Ca],
    change: impl FnOnce(&mut CertificateParams),
) -> Shown {
    let mut params = params(name);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, issuer).unwrap();
    let chain: String = std::iter::once(certificate.pem()).chain(between.iter().map(|ca| ca.pem())).collect();
    (chain, key.serialize_pem())
}

/// A list of what an issuer has revoked.
pub(crate) fn list(issuer: &Ca, revoked: &[u64], until: i32) -> String {
    let revoked = revoked.iter().map(|serial| RevokedCertParams {
        serial_number: SerialNumber::from(*serial),
        revocation_time: date_time_ymd(2024, 1, 1),
        reason_code: Some(RevocationReason::KeyCompromise),
        invalidity_date: None,
    });
    let params = CertificateRevocationListParams {
        this_update: date_time_ymd(2024, 1, 1),
        next_update: date_time_ymd(until, 1, 1),
        crl_number: SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: revoked.collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    params.signed_by(issuer).unwrap().pem().unwrap()
}

/// A client's end of a connection; none where the server does not let it in.
fn ask(server: &Running, root: &Ca, shown: Option<&Shown>, request: &str) -> Option<Reply> {
    ask_at(server.address, root, shown, request)
}

fn ask_at(address: SocketAddr, root: &Ca, shown: Option<&Shown>, request: &str) -> Option<Reply> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(root.pem().as_bytes()).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match shown {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => {
            let chain: Vec<_> =
                CertificateDer::pem_slice_iter(chain.as_bytes()).map(Result::unwrap).collect();
            builder
                .with_client_auth_cert(chain, PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap())
                .unwrap()
        }
    };
    let name = ServerName::try_from("plans.example").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = StreamOwned::new(connection, TcpStream::connect(address).unwrap());
    stream.sock.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    stream.write_all(request.as_bytes()).ok()?;
    let mut told = Vec::new();
    // Whoever is refused may see an alert or the end of the connection.
    let ended = stream.read_to_end(&mut told);
    if told.is_empty() {
        return None;
    }
    drop(ended);
    Some(Reply::read(&told))
}

fn get(path: &str, fields: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: plans.example\r\nConnection: close\r\n{fields}\r\n")
}

/// A server with TLS and its files.
struct Guarded {
    server: Running,
    files: PathBuf,
    key: Key,
}

impl Drop for Guarded {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.files));
    }
}

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).unwrap();
}

fn start(root: &Ca, lists: &str, more: &str) -> Guarded {
    let files = std::env::temp_dir().join(format!("sauma-tls-{}-{}", std::process::id(), fresh()));
    std::fs::create_dir_all(&files).unwrap();
    let (certificate, private) = leaf("plans.example", root, &[], |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    });
    write(&files, "server.pem", &certificate);
    write(&files, "server.key", &private);
    write(&files, "clients.pem", &root.pem());
    write(&files, "revoked.pem", lists);
    let key = Key::ec();
    let rows = [("a", "health", "1.2.3", 1, "system/*.rs"), ("b", "health", "1.2.4", 2, "system/*.rs")];
    let mut clients = settings(&rows, &key.set("k"));
    for unit in ["a", "b"] {
        let before = format!("id = \"{unit}-app\"");
        clients = clients.replace(&before, &format!("{before}\ncertificate = \"{unit}.example\""));
    }
    let path = |name: &str| format!("'{}'", files.join(name).display());
    let tls = format!(
        "[tls]\ncertificate = {}\nkey = {}\nclient_ca = {}\nclient_crls = [{}]\n{more}",
        path("server.pem"),
        path("server.key"),
        path("clients.pem"),
        path("revoked.pem"),
    );
    let server = Running::guarded(&format!("base = \"https://plans.example/fhir\"\n{clients}{tls}"));
    Guarded { server, files, key }
}

#[test]
fn certificates_are_judged() {
    let (ours, theirs) = (root("ours"), root("theirs"));
    let between = below(ca_params("between", 0), &ours);
    let too_long = below(ca_params("too long", 0), &between);
    let mut constrained = ca_params("constrained", 0);
    constrained.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![GeneralSubtree::DnsName("other.example".to_owned())],
        excluded_subtrees: vec![],
    });
    let constrained = below(constrained, &ours);
    let none = |_: &mut CertificateParams| ();
    let revoked = leaf("a.example", &ours, &[], |params| params.serial_number = Some(SerialNumber::from(77)));
    let lists: String = [
        list(&ours, &[77], 2090),
        list(&between, &[], 2090),
        list(&too_long, &[], 2090),
        list(&constrained, &[], 2090),
    ]
    .concat();
    let guarded = start(&ours, &lists, "client_required = true\n");
    let server = &guarded.server;
    let check = |what: &str, shown: Option<&Shown>, expected: Option<u16>| {
        let told = ask(server, &ours, shown, &get("/fhir/Goal", ""));
        assert_eq!(told.map(|reply| reply.status), expected, "{what}");
    };
    let right = leaf("a.example", &ours, &[], none);
    check("right", Some(&right), Some(200));
    check("right, by one between", Some(&leaf("a.example", &between, &[&between], none)), Some(200));
    check("none", None, None);
    let expired = leaf("a.example", &ours, &[], |params| params.not_after = date_time_ymd(2024, 1, 1));
    check("expired", Some(&expired), None);
    let early = leaf("a.example", &ours, &[], |params| params.not_before = date_time_ymd(2089, 1, 1));
    check("not yet", Some(&early), None);
    check("of another root", Some(&leaf("a.example", &theirs, &[], none)), None);
    check("revoked", Some(&revoked), None);
    let wrong_use = leaf("a.example", &ours, &[], |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    });
    check("for servers", Some(&wrong_use), None);
    let named = leaf("", &ours, &[], |params| {
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "a.example");
    });
    check("named as its subject alone", Some(&named), Some(401));
    let key = KeyPair::generate().unwrap();
    let own = params("a.example").self_signed(&key).unwrap();
    check("signed by itself", Some(&(own.pem(), key.serialize_pem())), None);
    check("too long a chain", Some(&leaf("a.example", &too_long, &[&too_long, &between], none)), None);
    check(
        "of a name that its signer may not give",
        Some(&leaf("a.example", &constrained, &[&constrained], none)),
        None,
    );
    check("of nobody who is registered", Some(&leaf("c.example", &ours, &[], none)), Some(401));
    let both = leaf("a.example", &ours, &[], |params| {
        params.subject_alt_names =
            CertificateParams::new(vec!["a.example".to_owned(), "b.example".to_owned()])
                .unwrap()
                .subject_alt_names;
    });
    check("of two clients", Some(&both), Some(401));

    check_token(&guarded, &ours, &right);
}

/// A token counts with the certificate of its client alone.
fn check_token(guarded: &Guarded, ours: &Ca, right: &Shown) {
    let server = &guarded.server;
    let post = |form: &str| {
        let request = format!(
            "POST /token HTTP/1.1\r\nHost: plans.example\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            form.len()
        );
        ask(server, ours, Some(right), &request).unwrap()
    };
    let bearer = format!(
        "Authorization: Bearer {}\r\n",
        token_over(post, "https://plans.example/token", "a-app", &guarded.key)
    );
    let status = |shown: &Shown| ask(server, ours, Some(shown), &get("/fhir/Goal", &bearer)).unwrap().status;
    assert_eq!(status(right), 200);
    assert_eq!(status(&leaf("b.example", ours, &[], |_| ())), 401, "of another tenant");
}

#[test]
fn a_list_that_is_out_of_date_lets_nobody_in() {
    let ours = root("ours");
    let guarded = start(&ours, &list(&ours, &[], 2025), "");
    let right = leaf("a.example", &ours, &[], |_| ());
    assert!(ask(&guarded.server, &ours, Some(&right), &get("/fhir/Goal", "")).is_none());
    // Without a certificate, which is not required here, there is the door for tokens.
    assert_eq!(ask(&guarded.server, &ours, None, &get("/fhir/metadata", "")).unwrap().status, 200);
    assert_eq!(ask(&guarded.server, &ours, None, &get("/fhir/Goal", "")).unwrap().status, 401);
}

#[test]
fn a_handshake_has_the_time_of_a_head() {
    let ours = root("ours");
    let guarded = start(&ours, &list(&ours, &[], 2090), "[limits]\nhead_seconds = 1\n");
    let begun = now();
    for sent in [&b""[..], b"\x16\x03\x01\x02\x00", b"GET / HTTP/1.1\r\n"] {
        let mut stream: TcpStream = guarded.server.connect();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(sent).unwrap();
        let mut told = Vec::new();
        drop(stream.read_to_end(&mut told));
        assert!(!String::from_utf8_lossy(&told).contains("HTTP"), "nothing is said without TLS");
    }
    assert!(now() - begun < 15);
}

/// A process that ends with the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// The next line of a log that has these words.
fn line_with(log: &mut impl BufRead, words: &str) -> String {
    let mut line = String::new();
    while log.read_line(&mut line).unwrap() > 0 {
        if line.contains(words) {
            return line;
        }
        line.clear();
    }
    panic!("the log ended without `{words}`");
}

#[test]
fn certificates_are_read_again_when_the_system_asks() {
    let (before, after) = (root("before"), root("after"));
    let files = std::env::temp_dir().join(format!("sauma-tls-{}-{}", std::process::id(), fresh()));
    std::fs::create_dir_all(&files).unwrap();
    let put = |root: &Ca| {
        let (certificate, private) = leaf("plans.example", root, &[], |params| {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        });
        write(&files, "server.pem", &certificate);
        write(&files, "server.key", &private);
    };
    put(&before);
    let units = settings(&[("a", "health", "1.2.3", 1, "system/*.rs")], &Key::ec().set("k"));
    let tls = "[tls]\ncertificate = \"server.pem\"\nkey = \"server.key\"\n";
    write(&files, "sauma.toml", &format!("listen = \"127.0.0.1:0\"\n{units}{tls}"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_sauma"));
    command.args(["serve", "--config", "sauma.toml"]).current_dir(&files).stderr(Stdio::piped());
    let mut process = Process(command.spawn().unwrap());
    let mut log = BufReader::new(process.0.stderr.take().unwrap());
    let ready = line_with(&mut log, "https://");
    let address = ready.split("https://").nth(1).unwrap().split("/fhir").next().unwrap().parse().unwrap();
    let is_known_by =
        |root: &Ca| ask_at(address, root, None, &get("/health", "")).is_some_and(|reply| reply.status == 200);
    assert!(is_known_by(&before) && !is_known_by(&after));
    let hang_up = || {
        let sent = Command::new("kill").args(["-HUP", &process.0.id().to_string()]).status().unwrap();
        assert!(sent.success());
    };
    // What cannot be used changes nothing.
    write(&files, "server.pem", "nothing");
    hang_up();
    line_with(&mut log, "not read again");
    assert!(is_known_by(&before));
    put(&after);
    hang_up();
    line_with(&mut log, "read again");
    assert!(is_known_by(&after) && !is_known_by(&before));
    drop(process);
    std::fs::remove_dir_all(&files).unwrap();
}
