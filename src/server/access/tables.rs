//! The tables of the settings about who may call: `[[unit]]`, `[[client]]`, `[tls]`, `[policy]`, `[cors]`.

use serde::Deserialize;
use std::path::PathBuf;
use toml::Spanned;

/// A unit of care or service: `[[unit]]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnitTable {
    /// Its key: the tag of what it writes, and the start of the ids that it chooses.
    pub key: Spanned<String>,
    /// What people call it.
    pub name: String,
    /// The sector of its register: `health`, `social`, `employment`, `third-sector`, `education`.
    pub sector: Spanned<String>,
    /// OID of the custodian of its register. Units of one register and sector see each other's records.
    pub register: Spanned<String>,
    /// Other names and identifiers by which documents and consents know it.
    #[serde(default)]
    pub organisations: Vec<String>,
    /// It is a source of permissions, as the national registry or the service in which clients themselves permit:
    /// what it records of them counts for every register.
    #[serde(default)]
    pub permission_source: bool,
    /// Number of the tenant; nothing is ever found across tenants.
    #[serde(default = "first_tenant")]
    pub tenant: Spanned<u32>,
}

fn first_tenant() -> Spanned<u32> {
    Spanned::new(0..0, 1)
}

/// A program that calls: `[[client]]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientTable {
    /// Its `client_id`.
    pub id: Spanned<String>,
    /// Key of the unit that it belongs to.
    pub unit: Spanned<String>,
    /// All that it may ever do, as SMART scopes: `system/CarePlan.cruds system/Patient.rs`.
    pub scopes: Spanned<String>,
    /// Its public keys, a JSON Web Key Set as text.
    pub jwks: Option<Spanned<String>>,
    /// A file with its public keys.
    pub jwks_file: Option<Spanned<PathBuf>>,
    /// The address of its public keys (`https`), which it renews itself.
    pub jwks_url: Option<Spanned<String>>,
    /// Who signs the certificate of that address, in PEM; the roots of this machine where it is not said.
    pub jwks_ca: Option<PathBuf>,
    /// The DNS name in its certificate (subject alternative name): it calls over mTLS, and its tokens count there alone.
    pub certificate: Option<Spanned<String>>,
    /// It reads the log of every register of its tenant, as a data protection officer does; others read what their own
    /// register did, and what was done with its data.
    #[serde(default)]
    pub reads_whole_log: bool,
    /// It may name the user for whom it asks (`X-Sauma-User`).
    #[serde(default)]
    pub names_users: bool,
}

/// Who sees what: `[policy]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
pub struct PolicyTable {
    /// A policy file, as `sauma policy check` reads it; the county's default where none is named.
    pub file: Option<PathBuf>,
    /// No emergency breaks the glass.
    pub no_emergencies: bool,
}

/// Scripts of other origins: `[cors]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
pub struct CorsTable {
    /// Origins whose scripts may call, to the letter: `https://page.example.org`. None: no script of elsewhere.
    pub origins: Vec<Spanned<String>>,
}
