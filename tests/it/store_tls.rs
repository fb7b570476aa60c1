//! TLS to PostgreSQL, by real handshakes with one that takes nothing else over the network.

use crate::server::access::certificates::{leaf, root};
use crate::store_engines::{runtime, start};
use rcgen::{DnType, ExtendedKeyUsagePurpose};
use sauma::store::{Postgres, PostgresOptions};
use std::fs::{Permissions, set_permissions, write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

/// Who is let in: over the socket anybody; over the network with TLS, and one user by certificate alone.
const LET_IN: &str =
    "local all all trust\nhostssl all certified 127.0.0.1/32 cert\nhostssl all all 127.0.0.1/32 trust\n";

/// Opens a store; what is told where that fails.
fn opened(address: &str, schema: &str) -> Result<(), String> {
    let options = PostgresOptions::new(address).map_err(|error| error.to_string())?;
    let options = options.in_schema(schema).map_err(|error| error.to_string())?;
    runtime().block_on(Postgres::open(&options)).map(drop).map_err(|error| error.to_string())
}

#[test]
fn a_database_is_reached_over_tls_that_is_verified() {
    let (ca, other) = (root("Database"), root("Somebody else"));
    let server = leaf("localhost", &ca, &[], |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]
    });
    let ours = leaf("", &ca, &[], |params| params.distinguished_name.push(DnType::CommonName, "certified"));
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let settings = format!("port={port}");
    let settings = [
        &*settings,
        "listen_addresses=127.0.0.1",
        "ssl=on",
        "ssl_cert_file=../server.pem",
        "ssl_key_file=../server.key",
        "ssl_ca_file=../ca.pem",
        "hba_file=hba.conf",
    ];
    let files = [
        ("server.pem", &*server.0),
        ("server.key", &server.1),
        ("ca.pem", &ca.pem()),
        ("other.pem", &other.pem()),
        ("ours.pem", &ours.0),
        ("ours.key", &ours.1),
        ("hba.conf", LET_IN),
    ];
    let started = start(&settings, |folder| {
        for (name, text) in files {
            write(folder.join(name), text).unwrap();
            set_permissions(folder.join(name), Permissions::from_mode(0o600)).unwrap();
        }
    });
    let Some((socket, mut process)) = started else { return };
    let folder = socket.split_whitespace().find_map(|part| part.strip_prefix("host=")).unwrap();
    let network = format!("host=localhost port={port} dbname=postgres");
    let verified = format!("sslmode=verify-full sslrootcert={folder}/ca.pem");
    let certified = format!("sslcert={folder}/ours.pem sslkey={folder}/ours.key");

    assert_eq!(opened(&socket, "socket"), Ok(()));
    runtime().block_on(async {
        let (client, connection) = tokio_postgres::connect(&socket, tokio_postgres::NoTls).await.unwrap();
        drop(tokio::spawn(connection));
        client.batch_execute("CREATE ROLE certified SUPERUSER LOGIN").await.unwrap();
    });
    assert_eq!(opened(&format!("{network} user=sauma {verified}"), "verified"), Ok(()));
    let url = format!(
        "postgresql://sauma@localhost:{port}/postgres?sslmode=verify-full&sslrootcert={}",
        format!("{folder}/ca.pem").replace('/', "%2F")
    );
    assert_eq!(opened(&url, "by_url"), Ok(()));
    assert_eq!(opened(&format!("{network} user=certified {verified} {certified}"), "certified"), Ok(()));

    let refused = |address: &str, words: &str| {
        let told = opened(address, "refused").unwrap_err();
        assert!(told.contains(words), "{address}: {told}");
    };
    // The database takes nothing in the clear: what came through above came through TLS.
    refused(&format!("{network} user=sauma"), "SQLSTATE 28000");
    refused(&format!("{network} user=certified {verified}"), "SQLSTATE 28000");
    refused(
        &format!("{network} user=sauma sslmode=verify-full sslrootcert={folder}/other.pem"),
        "no TLS with the database: invalid peer certificate",
    );
    // The name that is called has to stand in the certificate.
    refused(
        &format!("{} user=sauma {verified}", network.replace("localhost", "127.0.0.1")),
        "no TLS with the database: invalid peer certificate",
    );
    drop(process.stdin.take());
    process.wait().unwrap();
}
