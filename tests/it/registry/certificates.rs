//! Certificates of both ends, by real handshakes.

use super::playing::{Playing, client, runtime, settings};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use sauma::exchange::registry::kanta::Kanta;
use sauma::exchange::registry::simulator::ServeTls;
use sauma::exchange::registry::{Broken, Registry, RegistryError};
use std::path::{Path, PathBuf};

type Ca = CertifiedIssuer<'static, KeyPair>;

fn root(name: &str) -> Ca {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.distinguished_name.push(DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate and its key in files.
fn leaf(folder: &Path, name: &str, issuer: &Ca, until: i32) -> (PathBuf, PathBuf) {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(until, 1, 1);
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, issuer).unwrap();
    let paths = (folder.join(format!("{name}.pem")), folder.join(format!("{name}.key")));
    std::fs::write(&paths.0, certificate.pem()).unwrap();
    std::fs::write(&paths.1, key.serialize_pem()).unwrap();
    paths
}

#[test]
fn both_ends_show_a_certificate_that_holds() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("registry-tls-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (ours, other) = (root("ours"), root("other"));
    let ca = folder.join("ca.pem");
    std::fs::write(&ca, ours.pem()).unwrap();
    let check = |server: &(PathBuf, PathBuf),
                 shown: Option<&(PathBuf, PathBuf)>,
                 is_let_in: bool,
                 why: &str| {
        let tls =
            ServeTls { certificate: server.0.clone(), key: server.1.clone(), client_ca: Some(ca.clone()) };
        let playing = Playing::with_tls(Some(tls));
        let mut settings = settings(&format!("https://localhost:{}/fhir", playing.address.port()));
        settings.retry.attempts_max = 1;
        settings.link.ca = Some(ca.clone());
        settings.link.certificate = shown.map(|shown| shown.0.clone());
        settings.link.key = shown.map(|shown| shown.1.clone());
        let kanta = Kanta::new(&settings).unwrap();
        let asked = runtime().block_on(kanta.permissions(&client()));
        assert_eq!(asked.is_ok(), is_let_in, "{why}: {asked:?}");
        if !is_let_in {
            assert!(matches!(asked, Err(RegistryError::Unreachable(_))), "{why}: {asked:?}");
            assert_eq!(playing.simulator().requests(), 0, "{why}");
        }
        asked.err()
    };
    let server = leaf(&folder, "server", &ours, 2099);
    let shown = leaf(&folder, "client", &ours, 2099);
    check(&server, Some(&shown), true, "right");
    check(&server, None, false, "no certificate");
    check(&server, Some(&leaf(&folder, "strange", &other, 2099)), false, "another root");
    check(&server, Some(&leaf(&folder, "over", &ours, 2021)), false, "expired");
    let refused = check(&leaf(&folder, "late", &ours, 2021), Some(&shown), false, "server expired");
    assert!(matches!(refused, Some(RegistryError::Unreachable(Broken::Certificate))), "{refused:?}");
    let refused = check(&leaf(&folder, "false", &other, 2099), Some(&shown), false, "server of another root");
    assert!(matches!(refused, Some(RegistryError::Unreachable(Broken::Certificate))), "{refused:?}");
    drop(std::fs::remove_dir_all(folder));
}
