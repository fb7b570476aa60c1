//! The settings of a server: one TOML file, every key of which is known.

use super::access::{ClientTable, CorsTable, PolicyTable, UnitTable};
use super::audit::AuditSettings;
use super::limits::Limits;
use super::route::is_id;
use super::subscription::SubscriptionSettings;
use super::traces::TracesTable;
use crate::diag::{LineIndex, nearest};
use crate::tls::TlsTable;
use serde::Deserialize;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// What a server is told before it starts.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Address and port that are listened at.
    pub listen: SocketAddr,
    /// The address of the FHIR API as clients see it; made of `listen` where it is empty.
    pub base: String,
    /// Folder of the embedded store.
    pub data: PathBuf,
    /// Url of a PostgreSQL database, in place of the folder.
    pub database: Option<String>,
    /// Resources are checked against FHIR R4 and the profiles that they claim; what fails is refused.
    pub validate: bool,
    /// A personal identity code may stand in an address. Addresses end up in the logs of proxies.
    pub identity_in_urls: bool,
    /// The limits of the edge.
    pub limits: Limits,
    /// Transport.
    pub tls: Option<TlsTable>,
    /// Addresses of the proxies that end TLS before this server. Nobody else may then connect, and the address of a
    /// caller is the last that they tell (`X-Forwarded-For`).
    pub trusted_proxies: Vec<IpAddr>,
    /// A file of at least 32 random bytes by which nodes know each other's access tokens; one for each start where
    /// none is named.
    pub token_key: Option<PathBuf>,
    /// Units of care and service.
    #[serde(rename = "unit")]
    pub units: Vec<UnitTable>,
    /// Programs that call.
    #[serde(rename = "client")]
    pub clients: Vec<ClientTable>,
    /// Who sees what.
    pub policy: PolicyTable,
    /// Scripts of other origins.
    pub cors: CorsTable,
    /// What is written down of what is done.
    pub audit: AuditSettings,
    /// Where notifications of subscriptions may go.
    pub subscriptions: SubscriptionSettings,
    /// Where traces go; nothing is traced where it is not said.
    pub traces: Option<TracesTable>,
}

/// Path of the API where no base is given.
const DEFAULT_PATH: &str = "/fhir";

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            base: String::new(),
            data: PathBuf::from("sauma-data"),
            database: None,
            validate: true,
            identity_in_urls: false,
            limits: Limits::default(),
            tls: None,
            trusted_proxies: Vec::new(),
            token_key: None,
            units: Vec::new(),
            clients: Vec::new(),
            policy: PolicyTable::default(),
            cors: CorsTable::default(),
            audit: AuditSettings::default(),
            subscriptions: SubscriptionSettings::default(),
            traces: None,
        }
    }
}

impl Settings {
    /// Reads the text of a settings file.
    ///
    /// # Errors
    /// What is wrong with it, and where: the syntax, a key that is not known, a base that is no address.
    pub fn read(text: &str) -> Result<Self, String> {
        let settings: Self = toml::from_str(text).map_err(|error| {
            let hint = hint(error.message());
            placed(text, error.span().unwrap_or_default(), &format!("{}{hint}", error.message()))
        })?;
        if !settings.base.is_empty() && !is_base(&settings.base) {
            return Err(
                "`base` is an address like https://plans.example.org/fhir, without a query".to_owned()
            );
        }
        match settings.faults().into_iter().next() {
            Some((span, message)) => Err(placed(text, span, &message)),
            None => Ok(settings),
        }
    }

    /// The same settings with the files that they name looked for beside the settings file.
    pub fn beside(mut self, folder: &Path) -> Self {
        let lead = |path: &mut PathBuf| *path = folder.join(&*path);
        if let Some(tls) = &mut self.tls {
            lead(&mut tls.certificate);
            lead(&mut tls.key);
            tls.client_ca.iter_mut().for_each(lead);
            tls.client_crls.iter_mut().for_each(lead);
        }
        self.token_key.iter_mut().for_each(lead);
        self.policy.file.iter_mut().for_each(lead);
        lead(&mut self.subscriptions.ca);
        self.traces.iter_mut().filter_map(|traces| traces.ca.as_mut()).for_each(lead);
        self.audit.key.iter_mut().chain(&mut self.audit.checkpoints).for_each(lead);
        for client in &mut self.clients {
            client.jwks_file.iter_mut().map(AsMut::as_mut).chain(&mut client.jwks_ca).for_each(lead);
        }
        self
    }

    /// True where callers are registered, so that nobody else is let in.
    pub const fn is_guarded(&self) -> bool {
        !self.clients.is_empty()
    }

    /// The same settings at the address that was listened at.
    pub fn at(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        if self.base.is_empty() {
            let scheme = if self.tls.is_some() { "https" } else { "http" };
            self.base = format!("{scheme}://{address}{DEFAULT_PATH}");
        }
        while self.base.ends_with('/') {
            self.base.pop();
        }
        self
    }

    /// The path of the API: `/fhir`, or nothing where it is the whole server.
    pub(super) fn base_path(&self) -> &str {
        let rest = self.base.split_once("://").map_or("", |(_, rest)| rest);
        rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("")
    }

    /// Scheme, host and port.
    pub(super) fn origin(&self) -> &str {
        self.base.strip_suffix(self.base_path()).unwrap_or(&self.base)
    }
}

/// A message with its line and column.
fn placed(text: &str, span: Range<usize>, message: &str) -> String {
    let place = LineIndex::new(text).place(u32::try_from(span.start).unwrap_or(u32::MAX));
    format!("line {}, column {}: {message}", place.line, place.column)
}

/// What was perhaps meant by a name that is not known: the message names it first, then all that are known.
fn hint(message: &str) -> String {
    let mut names = message.split('`').skip(1).step_by(2);
    let meant = names.next().and_then(|unknown| nearest(unknown, names));
    meant.map_or_else(String::new, |meant| format!("; did you mean `{meant}`?"))
}

fn is_base(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        let mut parts = rest.trim_end_matches('/').split('/');
        let host = parts.next().unwrap_or_default();
        let is_host = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.:[]".contains(&byte));
        !host.is_empty() && is_host && parts.all(|part| is_id(&part.replace('_', "-")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_to_the_letter() {
        let read = Settings::read(
            "base = \"https://a.example/fhir/r4\"\nvalidate = false\n[limits]\nbody_seconds = 7\n",
        );
        let address = SocketAddr::from(([127, 0, 0, 1], 1));
        let settings = read.unwrap_or_default().at(address);
        assert_eq!((settings.base_path(), settings.origin()), ("/fhir/r4", "https://a.example"));
        assert_eq!((settings.validate, settings.limits.body_seconds), (false, 7));
        assert_eq!(Settings::default().at(address).base, "http://127.0.0.1:1/fhir");
        for odd in
            ["bse = 1", "[limits]\nx = 1", "base = \"ftp://a\"", "base = \"http://a/b?c\"", "listen = \"x\""]
        {
            assert!(Settings::read(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn faults_are_told_with_their_place_and_what_was_meant() {
        const UNIT: &str = "[[unit]]\nkey = \"home-care\"\nname = \"Home care\"\nsector = \"social\"\nregister = \"1.2.246.10.1\"\n";
        let client = |rest: &str| format!("{UNIT}[[client]]\nid = \"a\"\n{rest}");
        let check = |text: &str, expected: &str| {
            let told = Settings::read(text).err().unwrap_or_default();
            assert!(told.starts_with(expected), "{text}\n{told}");
        };
        check("\nvalidat = true", "line 2, column 1: unknown field `validat`");
        assert!(
            Settings::read("validat = true").is_err_and(|told| told.ends_with("did you mean `validate`?"))
        );
        check(
            &UNIT.replace("social", "socail"),
            "line 4, column 10: there is no such sector; did you mean `social`?",
        );
        check(&UNIT.replace("1.2.246", "1.2.x"), "line 5, column 12: ");
        check(&format!("{UNIT}{UNIT}"), "line 7, column 7: there is another unit with this key");
        check(&UNIT.replace("home-care", "Home care"), "line 2, column 7: ");
        check(
            &client("unit = \"home-car\"\nscopes = \"system/*.rs\"\njwks_file = \"a.json\"\n"),
            "line 8, column 8: there is no such unit; did you mean `home-care`?",
        );
        check(
            &client("unit = \"home-care\"\nscopes = \"system/*.sr\"\njwks_file = \"a\"\n"),
            "line 9, column 10: ",
        );
        check(&client("unit = \"home-care\"\nscopes = \"system/*.rs\"\n"), "line 7, column 6: ");
        let fetched = |url: &str| {
            client(&format!("unit = \"home-care\"\nscopes = \"system/*.rs\"\njwks_url = \"{url}\"\n"))
        };
        check(&fetched("http://client.example.org/jwks.json"), "line 10, column 12: ");
        check(&fetched("client.example.org"), "line 10, column 12: ");
        check(&fetched("http://127.0.0.1:1/jwks.json"), "");
        check(&fetched("https://client.example.org/a\"\njwks_file = \"a.json"), "line 7, column 6: ");
    }
}
