//! The settings of a server: one TOML file, every key of which is known.

use super::audit::AuditSettings;
use super::limits::Limits;
use super::route::is_id;
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::PathBuf;

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
    /// What is written down of what is done.
    pub audit: AuditSettings,
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
            audit: AuditSettings::default(),
        }
    }
}

impl Settings {
    /// Reads the text of a settings file.
    ///
    /// # Errors
    /// What is wrong with it, and where: the syntax, a key that is not known, a base that is no address.
    pub fn read(text: &str) -> Result<Self, String> {
        let settings: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        if settings.base.is_empty() || is_base(&settings.base) {
            Ok(settings)
        } else {
            Err("`base` is an address like https://plans.example.org/fhir, without a query".to_owned())
        }
    }

    /// The same settings at the address that was listened at.
    pub fn at(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        if self.base.is_empty() {
            self.base = format!("http://{address}{DEFAULT_PATH}");
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
}
