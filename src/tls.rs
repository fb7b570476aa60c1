//! TLS of whatever listens or calls, with certificates of clients where they are asked for (rustls).
//!
//! Files are read anew when the server is told to (`SIGHUP`); connections that are open keep what they began with.

use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use tokio::net::TcpStream;
use tokio_rustls::rustls::client::verify_server_name;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{
    CertificateDer, CertificateRevocationListDer, PrivateKeyDer, ServerName,
};
use tokio_rustls::rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::server::TlsStream;
use tokio_rustls::{Accept, Connect, TlsAcceptor, TlsConnector};

/// Bytes of a file that the settings name.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// Transport: `[tls]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsTable {
    /// PEM file with the server's certificate and those between it and its root.
    pub certificate: PathBuf,
    /// PEM file with its private key.
    pub key: PathBuf,
    /// PEM file with the roots that sign certificates of clients.
    pub client_ca: Option<PathBuf>,
    /// PEM files with lists of revoked certificates; without one for each signer nobody is let in by certificate.
    #[serde(default)]
    pub client_crls: Vec<PathBuf>,
    /// Whoever shows no certificate is not let in.
    #[serde(default)]
    pub client_required: bool,
}

/// Transport of what calls: the `tls` table of a connection that is ours.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsClientTable {
    /// PEM file with the roots that sign certificates of the other end. No others are trusted.
    pub ca: PathBuf,
    /// The name in its certificate; the host that is called where none is given.
    pub name: Option<String>,
    /// PEM file with our own certificate and those between it and its root, where the other end asks for one.
    pub certificate: Option<PathBuf>,
    /// PEM file with its private key.
    pub key: Option<PathBuf>,
}

/// What is spoken inside TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inside {
    /// HTTP/1.1, which both ends name (RFC 7301).
    Http,
    /// MLLP, for which no name is registered.
    Mllp,
}

/// What connections are made with, until it is read anew.
#[derive(Debug)]
pub(crate) struct Tls {
    table: TlsTable,
    inside: Inside,
    config: RwLock<Arc<ServerConfig>>,
}

impl Tls {
    /// Reads certificates and keys.
    ///
    /// # Errors
    /// Which file cannot be used, and why.
    pub(crate) fn of(table: &TlsTable, inside: Inside) -> Result<Self, String> {
        let config = RwLock::new(Arc::new(config(table, inside)?));
        Ok(Self { table: table.clone(), inside, config })
    }

    /// Reads the files again. What was read before stays in use where they have a fault.
    ///
    /// # Errors
    /// As [`Tls::of`].
    pub(crate) fn reload(&self) -> Result<(), String> {
        let fresh = Arc::new(config(&self.table, self.inside)?);
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    /// Begins TLS on a connection.
    pub(crate) fn accept<IO>(&self, stream: IO) -> Accept<IO>
    where
        IO: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    {
        let config = Arc::clone(&self.config.read().unwrap_or_else(PoisonError::into_inner));
        TlsAcceptor::from(config).accept(stream)
    }
}

/// A test for names in the certificate that the other end showed; none where it showed none. Only names in the subject
/// alternative names count (RFC 9525, 2).
pub(crate) fn names<IO>(stream: &TlsStream<IO>) -> Option<impl Fn(&str) -> bool + use<IO>> {
    let certificate = stream.get_ref().1.peer_certificates()?.first()?.clone().into_owned();
    Some(move |name: &str| {
        let parsed = ParsedCertificate::try_from(&certificate).ok();
        let name = ServerName::try_from(name).ok();
        parsed.zip(name).is_some_and(|(parsed, name)| verify_server_name(&parsed, &name).is_ok())
    })
}

fn config(table: &TlsTable, inside: Inside) -> Result<ServerConfig, String> {
    let provider = Arc::new(default_provider());
    let told = |error: &dyn std::fmt::Display| format!("[tls]: {error}");
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| told(&error))?;
    let builder = match &table.client_ca {
        None => builder.with_no_client_auth(),
        Some(file) => {
            let roots = roots(file)?;
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .with_crls(revoked(table)?)
                // A list that is out of date says nothing of today.
                .enforce_revocation_expiration();
            let verifier = if table.client_required { verifier } else { verifier.allow_unauthenticated() };
            builder.with_client_cert_verifier(verifier.build().map_err(|error| told(&error))?)
        }
    };
    let key = private_key(&table.key)?;
    let mut config =
        builder.with_single_cert(certificates(&table.certificate)?, key).map_err(|error| told(&error))?;
    config.alpn_protocols = match inside {
        Inside::Http => vec![b"http/1.1".to_vec()],
        Inside::Mllp => Vec::new(),
    };
    Ok(config)
}

/// TLS of a connection that we begin.
#[derive(Clone)]
pub(crate) struct TlsClient {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl TlsClient {
    /// Reads certificates and keys; `host` is whom we call.
    ///
    /// # Errors
    /// Which file cannot be used, and why; a name that no certificate can have.
    pub(crate) fn of(table: &TlsClientTable, host: &str) -> Result<Self, String> {
        let name = table.name.as_deref().unwrap_or(host).to_owned();
        let name = ServerName::try_from(name).map_err(|_| "tls: `name` is no name of a host".to_owned())?;
        Ok(Self { config: Arc::new(client_config(table)?), name })
    }

    /// What a client of another kind is made with.
    pub(crate) fn config(&self) -> ClientConfig {
        (*self.config).clone()
    }

    /// Begins TLS on a connection.
    pub(crate) fn connect(&self, stream: TcpStream) -> Connect<TcpStream> {
        TlsConnector::from(Arc::clone(&self.config)).connect(self.name.clone(), stream)
    }
}

/// What connections that we begin are made with; whom they reach is theirs to say.
///
/// # Errors
/// Which file cannot be used, and why.
pub(crate) fn client_config(table: &TlsClientTable) -> Result<ClientConfig, String> {
    let told = |error: &dyn std::fmt::Display| format!("tls: {error}");
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| told(&error))?
        .with_root_certificates(roots(&table.ca)?);
    match (&table.certificate, &table.key) {
        (None, None) => Ok(builder.with_no_client_auth()),
        (Some(certificate), Some(key)) => builder
            .with_client_auth_cert(certificates(certificate)?, private_key(key)?)
            .map_err(|error| told(&error)),
        (Some(_), None) | (None, Some(_)) => Err("tls: `certificate` and `key` come together".to_owned()),
    }
}

impl std::fmt::Debug for TlsClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TlsClient")
    }
}

pub(crate) fn roots(file: &Path) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for root in certificates(file)? {
        roots.add(root).map_err(|error| format!("`{}`: {error}", file.display()))?;
    }
    Ok(roots)
}

pub(crate) fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_slice(&read_bytes(file)?)
        .map_err(|_| format!("`{}` has no private key in PEM", file.display()))
}

pub(crate) fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let bytes = read_bytes(file)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    found
        .ok()
        .filter(|found| !found.is_empty())
        .ok_or_else(|| format!("`{}` has no certificate in PEM", file.display()))
}

fn revoked(table: &TlsTable) -> Result<Vec<CertificateRevocationListDer<'static>>, String> {
    let mut lists = Vec::new();
    for file in &table.client_crls {
        let bytes = read_bytes(file)?;
        let found: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(&bytes).collect();
        let found = found.ok().filter(|found| !found.is_empty());
        lists.extend(
            found
                .ok_or_else(|| format!("`{}` has no list of revoked certificates in PEM", file.display()))?,
        );
    }
    Ok(lists)
}

/// Reads a file that the settings name.
///
/// # Errors
/// It cannot be read, or is over its limit.
pub(crate) fn read_bytes(path: &Path) -> Result<Vec<u8>, String> {
    let told = |error: std::io::Error| format!("`{}` cannot be read: {error}", path.display());
    let length = std::fs::metadata(path).map_err(told)?.len();
    if length > FILE_BYTES_MAX {
        return Err(format!("`{}` is over {FILE_BYTES_MAX} bytes", path.display()));
    }
    std::fs::read(path).map_err(told)
}
