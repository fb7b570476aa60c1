//! What is wrong with the tables of the settings, each fault at its place.

use super::scope::Scopes;
use super::tables::{ClientTable, UnitTable};
use super::{CLIENTS_MAX, UNITS_MAX};
use crate::diag::nearest;
use crate::plan::Sector;
use crate::plan::permission::Word;
use crate::server::settings::Settings;
use crate::store::Tenant;
use std::collections::HashSet;
use std::net::IpAddr;
use std::ops::Range;
use tokio_rustls::rustls::pki_types::DnsName;

/// The tenant of a server that runs open.
pub(in crate::server) const OPEN: Tenant = Tenant(0);
/// The tenant in which the server keeps what is its own, as the ids of assertions that were used.
pub(in crate::server) const OWN: Tenant = Tenant(u32::MAX);
/// Characters of a key: with it before them, ids of a UUID's length are still ids.
const KEY_BYTES_MAX: usize = 24;
/// Characters of a client id.
const ID_BYTES_MAX: usize = 255;
/// Characters of an OID.
const OID_BYTES_MAX: usize = 128;

/// A fault and its place in the settings file.
type Fault = (Range<usize>, String);

impl Settings {
    /// What is wrong with the tables, in their order.
    pub(in crate::server) fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut keys = HashSet::new();
        for unit in &self.units {
            check_unit(unit, &mut faults);
            if !keys.insert(unit.key.get_ref().as_str()) {
                faults.push((unit.key.span(), "there is another unit with this key".to_owned()));
            }
        }
        let mut ids = HashSet::new();
        for client in &self.clients {
            check_client(client, &keys, &mut faults);
            if !ids.insert(client.id.get_ref().as_str()) {
                faults.push((client.id.span(), "there is another client with this id".to_owned()));
            }
        }
        if self.units.len() > UNITS_MAX || self.clients.len() > CLIENTS_MAX {
            faults.push((0..0, format!("over {UNITS_MAX} units or {CLIENTS_MAX} clients")));
        }
        if let Some(traces) = &self.traces {
            if !is_trusted(traces.endpoint.get_ref()) {
                let message = "traces go to an address like https://collector.example.org:4318/v1/traces";
                faults.push((traces.endpoint.span(), message.to_owned()));
            }
            if *traces.percent.get_ref() > 100 {
                faults.push((traces.percent.span(), "0 to 100 of a hundred requests are traced".to_owned()));
            }
        }
        for origin in &self.cors.origins {
            let rest = origin.get_ref().split_once("://").map_or("", |(_, rest)| rest);
            if rest.is_empty() || rest.contains(['/', '*', ' ']) {
                faults.push((
                    origin.span(),
                    "an origin is like https://page.example.org, without a path".to_owned(),
                ));
            }
        }
        faults
    }
}

fn check_unit(unit: &UnitTable, faults: &mut Vec<Fault>) {
    if !is_key(unit.key.get_ref()) {
        let message = format!("a key has 1 to {KEY_BYTES_MAX} small letters, digits and hyphens");
        faults.push((unit.key.span(), message));
    }
    let sector = unit.sector.get_ref();
    if Sector::find(sector).is_none() {
        let known = Sector::ALL.iter().map(|sector| sector.code());
        faults.push((unit.sector.span(), format!("there is no such sector{}", meant(sector, known))));
    }
    let register = unit.register.get_ref();
    let is_oid = register.len() <= OID_BYTES_MAX
        && register.contains('.')
        && register.split('.').all(|arc| !arc.is_empty() && arc.bytes().all(|byte| byte.is_ascii_digit()));
    if !is_oid {
        faults.push((unit.register.span(), "a register is named by the OID of its custodian".to_owned()));
    }
    if [OPEN.0, OWN.0].contains(unit.tenant.get_ref()) {
        faults.push((unit.tenant.span(), "tenants are numbered from 1".to_owned()));
    }
}

fn check_client(client: &ClientTable, units: &HashSet<&str>, faults: &mut Vec<Fault>) {
    let id = client.id.get_ref();
    if id.is_empty()
        || id.len() > ID_BYTES_MAX
        || !id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'|')
    {
        faults.push((client.id.span(), format!("an id has 1 to {ID_BYTES_MAX} letters, digits and signs")));
    }
    let unit = client.unit.get_ref();
    if !units.contains(unit.as_str()) {
        let hint = meant(unit, units.iter().copied().collect::<std::collections::BTreeSet<_>>());
        faults.push((client.unit.span(), format!("there is no such unit{hint}")));
    }
    if let Err(word) = Scopes::registered(client.scopes.get_ref()) {
        let message = format!("`{word}` is no scope like system/CarePlan.cruds, letters in this order");
        faults.push((client.scopes.span(), message));
    }
    let sets = [client.jwks.is_some(), client.jwks_file.is_some(), client.jwks_url.is_some()];
    match sets.into_iter().filter(|is_there| *is_there).count() {
        0 if client.certificate.is_none() => {
            let message = "a client needs `jwks_url`, `jwks_file`, `jwks` or `certificate`";
            faults.push((client.id.span(), message.to_owned()));
        }
        0 | 1 => {}
        _ => {
            let message = "of `jwks_url`, `jwks_file` and `jwks` a client has one";
            faults.push((client.id.span(), message.to_owned()));
        }
    }
    if let Some(url) = &client.jwks_url
        && !is_trusted(url.get_ref())
    {
        let message = "keys are fetched from an address like https://client.example.org/jwks.json";
        faults.push((url.span(), message.to_owned()));
    }
    if let Some(name) = &client.certificate
        && DnsName::try_from(name.get_ref().as_str()).is_err()
    {
        faults.push((name.span(), "the name in a certificate is a DNS name".to_owned()));
    }
}

/// True for an address for which nobody on the way can answer: over TLS, or on this machine.
fn is_trusted(text: &str) -> bool {
    let Ok(url) = text.parse::<hyper::Uri>() else { return false };
    let is_own = |host: &str| host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    let host = url.host().filter(|host| !host.is_empty());
    match url.scheme_str() {
        Some("https") => host.is_some(),
        Some("http") => host.is_some_and(is_own),
        _ => false,
    }
}

/// True for the key of a unit; it leads the ids that the unit chooses, so that it is one that ids can have.
fn is_key(text: &str) -> bool {
    let is_sign = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=KEY_BYTES_MAX).contains(&text.len()) && text.bytes().all(is_sign)
}

fn meant<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, known).map_or_else(String::new, |near| format!("; did you mean `{near}`?"))
}
