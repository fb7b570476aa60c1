//! MLLP inside TLS, both ends with certificates.

use super::{Running, goal, run};
use crate::server::access::certificates::{Ca, Shown, leaf, list, root};
use crate::store_engines::Folder;
use rcgen::ExtendedKeyUsagePurpose;
use sauma::diag::codes;
use sauma::exchange::mllp::acknowledgement::Answer;
use sauma::exchange::mllp::{Client, MllpSend, Told};
use sauma::tls::{TlsClientTable, TlsTable};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

fn write(folder: &Path, name: &str, (chain, key): &Shown) {
    std::fs::write(folder.join(format!("{name}.pem")), chain).unwrap();
    std::fs::write(folder.join(format!("{name}.key")), key).unwrap();
}

/// A client that shows a certificate of this name in the folder.
fn client(folder: &Path, address: SocketAddr, roots: &str, shown: Option<&str>) -> (Client, Arc<Told>) {
    let told = Arc::new(Told::new("to-unit"));
    let mut settings = MllpSend::to(address.to_string());
    settings.answer_ms = 5_000;
    settings.tls = Some(TlsClientTable {
        ca: folder.join(format!("{roots}.pem")),
        name: Some("plans.example".to_owned()),
        certificate: shown.map(|name| folder.join(format!("{name}.pem"))),
        key: shown.map(|name| folder.join(format!("{name}.key"))),
    });
    let (client, _) = Client::start(settings, Arc::clone(&told)).unwrap();
    (client, told)
}

fn roots(folder: &Path, name: &str, ca: &Ca) {
    std::fs::write(folder.join(format!("{name}.pem")), ca.pem()).unwrap();
}

#[test]
fn only_the_unit_whose_certificate_is_named_may_send() {
    run(async {
        let folder = Folder::new();
        let folder = folder.path();
        let (ours, theirs) = (root("ours"), root("theirs"));
        roots(folder, "ours", &ours);
        roots(folder, "theirs", &theirs);
        std::fs::write(folder.join("revoked.pem"), list(&ours, &[], 2090)).unwrap();
        let of_server = leaf("plans.example", &ours, &[], |params| {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        });
        write(folder, "server", &of_server);
        for (name, ca) in [("unit", &ours), ("other", &ours), ("false", &theirs)] {
            let host = if name == "false" { "unit.example".to_owned() } else { format!("{name}.example") };
            write(folder, name, &leaf(&host, ca, &[], |_| ()));
        }
        let running = Running::start(Arc::default(), |settings| {
            settings.tls = Some(TlsTable {
                certificate: folder.join("server.pem"),
                key: folder.join("server.key"),
                client_ca: Some(folder.join("ours.pem")),
                client_crls: vec![folder.join("revoked.pem")],
                client_required: true,
            });
            settings.certificate = Some("unit.example".to_owned());
        })
        .await;
        let (right, _) = client(folder, running.address, "ours", Some("unit"));
        assert_eq!(right.send(goal("a", "1").as_bytes()).await, Ok(Answer::Accepted));
        for (roots, shown) in
            [("ours", Some("other")), ("ours", Some("false")), ("ours", None), ("theirs", Some("unit"))]
        {
            let (wrong, told) = client(folder, running.address, roots, shown);
            let message = goal("b", "1");
            let sent = wrong.send(message.as_bytes());
            assert!(tokio::time::timeout(Duration::from_millis(700), sent).await.is_err(), "{shown:?}");
            let failed = told.count(codes::MLLP_UNREACHED) + told.count(codes::MLLP_UNANSWERED);
            assert!(failed > 0, "{shown:?}");
        }
        running.told(codes::MLLP_STRANGER).await;
        let mut plain = running.connect().await;
        plain.say(&super::framed(&goal("c", "1"))).await;
        // An alert is all that comes back.
        let mut rest = Vec::new();
        drop(tokio::io::AsyncReadExt::read_to_end(&mut plain.stream, &mut rest).await);
        assert!(!String::from_utf8_lossy(&rest).contains("MSA"));
        assert_eq!(running.inbox.ids(), ["a"]);
    });
}
