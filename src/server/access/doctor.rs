//! What is unsafe in the settings of a server that others reach. What is grave keeps it from starting.

use super::scope::{Right, Scopes};
use super::tables::{ClientTable, UnitTable};
use crate::diag::{Code, codes};
use crate::server::audit::WhenFull;
use crate::server::settings::Settings;
use crate::store::PostgresOptions;

/// How much it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gravity {
    /// A production server may run with it.
    Unwise,
    /// A production server does not start with it.
    Grave,
}

impl Gravity {
    /// In a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unwise => "unwise",
            Self::Grave => "grave",
        }
    }
}

/// One thing that is unsafe: its code says what, and what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advice {
    /// What.
    pub code: &'static Code,
    /// How much it matters.
    pub gravity: Gravity,
}

impl Settings {
    /// What is unsafe in the settings, the gravest first.
    pub fn advice(&self) -> Vec<Advice> {
        let has_proxy = !self.trusted_proxies.is_empty();
        let asks_certificates = self.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some());
        let checks_revocation = self.tls.as_ref().is_some_and(|tls| !tls.client_crls.is_empty());
        let is_known_by_certificate = self.clients.iter().any(|client| client.certificate.is_some());
        let limits = &self.limits;
        let has_no_rate = limits.client_requests_per_second == 0 || limits.address_requests_per_second == 0;
        let has_plain_origin =
            self.cors.origins.iter().any(|origin| !origin.get_ref().starts_with("https://"));
        let database = self.database.as_deref().map(PostgresOptions::new);
        let has_plain_database =
            database.is_some_and(|options| options.is_ok_and(|options| options.is_plain_over_network()));
        let asks = |unit: &UnitTable| {
            self.clients.iter().filter(|client| client.unit == unit.key).any(ClientTable::reads_plans)
        };
        let is_own_source = self.units.iter().any(|unit| unit.permission_source && asks(unit));
        let grave = [
            (self.tls.is_none() && !has_proxy, codes::SETTINGS_NO_TLS),
            (!self.is_guarded(), codes::SETTINGS_NO_CLIENTS),
            (is_known_by_certificate && !asks_certificates, codes::SETTINGS_NO_CLIENT_CA),
            (!self.audit.enabled, codes::SETTINGS_NO_AUDIT),
        ];
        let unwise = [
            (asks_certificates && !checks_revocation, codes::SETTINGS_NO_CRLS),
            (!self.base.is_empty() && !self.base.starts_with("https://"), codes::SETTINGS_PLAIN_BASE),
            (!self.validate, codes::SETTINGS_NO_VALIDATION),
            (self.identity_in_urls, codes::SETTINGS_IDENTITY_IN_URLS),
            (self.database.is_some() && self.token_key.is_none(), codes::SETTINGS_NO_TOKEN_KEY),
            (has_plain_database, codes::SETTINGS_PLAIN_DATABASE),
            (has_no_rate, codes::SETTINGS_NO_RATE),
            (has_plain_origin, codes::SETTINGS_PLAIN_ORIGIN),
            (is_own_source, codes::SETTINGS_OWN_SOURCE),
            (self.audit.when_full == WhenFull::Answer, codes::SETTINGS_AUDIT_GAPS),
            (self.subscriptions.private_addresses, codes::SETTINGS_PRIVATE_HOOKS),
            (self.subscriptions.plain_http, codes::SETTINGS_PLAIN_HOOKS),
        ];
        let of = |gravity: Gravity| move |(_, code)| Advice { code, gravity };
        let grave = grave.into_iter().filter(|(holds, _)| *holds).map(of(Gravity::Grave));
        let unwise = unwise.into_iter().filter(|(holds, _)| *holds).map(of(Gravity::Unwise));
        grave.chain(unwise).collect()
    }
}

impl ClientTable {
    /// True where it may read what units plan.
    fn reads_plans(&self) -> bool {
        let scopes = Scopes::registered(self.scopes.get_ref()).unwrap_or_default();
        ["CarePlan", "Goal"]
            .iter()
            .any(|kind| scopes.allows(kind, Right::Read) || scopes.allows(kind, Right::Search))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_unsafe_setting_is_told() {
        const UNIT: &str = "[[unit]]\nkey = \"a\"\nname = \"A\"\nsector = \"health\"\nregister = \"1.2\"\n[[client]]\nid = \"a\"\nunit = \"a\"\nscopes = \"system/*.rs\"\n";
        let check = |text: &str, expected: &[&str]| {
            let settings = Settings::read(text).unwrap_or_else(|told| unreachable!("{told}"));
            let told: Vec<&str> = settings.advice().iter().map(|advice| advice.code.id).collect();
            assert_eq!(told, expected, "{text}");
        };
        check("", &["H180", "H181"]);
        check("[audit]\nenabled = false", &["H180", "H181", "H183"]);
        check("[audit]\nwhen_full = \"answer\"", &["H180", "H181", "H192"]);
        check(&format!("trusted_proxies = [\"10.0.0.1\"]\n{UNIT}jwks_file = \"a\""), &[]);
        check(
            &format!("{UNIT}certificate = \"a.example\"\n[tls]\ncertificate = \"a\"\nkey = \"b\"\n"),
            &["H182"],
        );
        check(
            &format!(
                "base = \"http://a/fhir\"\n{UNIT}certificate = \"a.example\"\n[tls]\ncertificate = \"a\"\nkey = \"b\"\nclient_ca = \"c\"\n"
            ),
            &["H184", "H185"],
        );
        let hooks = "[subscriptions]\nprivate_addresses = true\nplain_http = true\n";
        let proxy = "trusted_proxies = [\"::1\"]\n";
        check(&format!("{proxy}{UNIT}jwks = \"{{}}\"\n{hooks}"), &["H158", "H159"]);
        let source = UNIT.replacen("[[client]]", "permission_source = true\n[[client]]", 1);
        let proxied = "trusted_proxies = [\"::1\"]\n";
        check(&format!("{proxied}{source}jwks = \"{{}}\""), &["H156"]);
        let writes = source.replace("system/*.rs", "system/Consent.cruds system/Patient.cruds");
        check(&format!("{proxied}{writes}jwks = \"{{}}\""), &[]);
        check(
            &format!(
                "validate = false\nidentity_in_urls = true\ndatabase = \"x\"\ntrusted_proxies = [\"::1\"]\n{UNIT}jwks = \"{{}}\"\n[limits]\nclient_requests_per_second = 0\n[cors]\norigins = [\"http://a.example\"]"
            ),
            &["H186", "H187", "H188", "H189", "H179"],
        );
        let database = |address: &str| {
            format!("{proxied}database = \"{address}\"\ntoken_key = \"x\"\n{UNIT}jwks = \"{{}}\"")
        };
        check(&database("postgresql://a@db.example.org/b"), &["H193"]);
        check(&database("postgresql://a@localhost/b"), &[]);
        check(&database("host=/run/postgresql user=a"), &[]);
    }
}
