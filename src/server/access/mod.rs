//! Who may call: registered clients and their units, how they show who they are, what they may do.
//!
//! A request comes from a caller that showed an access token (`token` grants it for a signed `assertion`, as SMART
//! Backend Services have it) or a certificate (`tls`). Its `scope` is judged before anything is done (`allowed`); what
//! of the store it sees is the business of `Sight`.

mod allowed;
mod assertion;
mod check;
mod doctor;
mod emergency;
mod key_source;
mod keys;
mod rate;
mod request;
mod scope;
mod tables;
mod token;
mod tokens;

pub(super) use check::{OPEN, OWN};
pub use doctor::{Advice, Gravity};
use key_source::{KeySource, TIMEOUT_MS};
use keys::Keys;
pub(super) use request::Peer;
pub(super) use scope::{Right, Scopes};
pub use tables::{ClientTable, CorsTable, PolicyTable, UnitTable};

use super::caller::Unit;
use super::settings::Settings;
use crate::exchange::http_client::Caller;
use crate::plan::Sector;
use crate::plan::permission::Recorder;
use crate::plan::policy::Policy;
use crate::store::Tenant;
use crate::tls::read_bytes;
use rate::Rate;
use std::collections::HashMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokens::{KEY_BYTES_MIN, Tokens};

/// Units of one settings file.
const UNITS_MAX: usize = 10_000;
/// Clients of one settings file.
const CLIENTS_MAX: usize = 10_000;

/// A program that calls.
#[derive(Debug)]
pub(super) struct Client {
    /// Its `client_id`.
    pub(super) id: String,
    /// The unit that it belongs to.
    pub(super) unit: Arc<Unit>,
    /// All that it may ever do.
    pub(super) scopes: Scopes,
    /// Its public keys; none where it calls by certificate alone.
    keys: KeySource,
    /// The name in its certificate.
    certificate: Option<String>,
    /// It may name a user.
    names_users: bool,
    /// It reads the log of every register.
    pub(super) reads_whole_log: bool,
}

/// Who is registered. Without anybody the server runs open.
#[derive(Debug)]
pub struct Access {
    clients: HashMap<String, Arc<Client>>,
    units: Vec<Arc<Unit>>,
    policy: Arc<Policy>,
    has_emergencies: bool,
    tokens: Tokens,
    of_client: Rate<String>,
    of_address: Rate<IpAddr>,
    proxies: Vec<IpAddr>,
    origins: Vec<String>,
}

impl Access {
    /// What the settings say of callers. Reads the files that they name.
    ///
    /// # Errors
    /// Why it cannot be: a file that cannot be read, keys or a policy with a fault.
    pub fn of(settings: &Settings) -> Result<Self, String> {
        let units: Vec<Arc<Unit>> = settings.units.iter().map(unit_of).map(Arc::new).collect();
        let (mut clients, mut callers) = (HashMap::new(), Callers::new());
        for table in &settings.clients {
            let client = client_of(table, &units, &mut callers)?;
            clients.insert(client.id.clone(), Arc::new(client));
        }
        Ok(Self {
            clients,
            units,
            policy: policy_of(&settings.policy)?,
            has_emergencies: !settings.policy.no_emergencies,
            tokens: Tokens::new(&secret_of(settings)?),
            of_client: Rate::new(settings.limits.client_requests_per_second),
            of_address: Rate::new(settings.limits.address_requests_per_second),
            proxies: settings.trusted_proxies.clone(),
            origins: settings.cors.origins.iter().map(|origin| origin.get_ref().clone()).collect(),
        })
    }

    /// True where nobody is registered, so that everybody who reaches the server may do everything.
    pub(super) fn is_open(&self) -> bool {
        self.clients.is_empty()
    }

    /// The units that there are.
    pub(super) fn units(&self) -> &[Arc<Unit>] {
        &self.units
    }

    /// The unit of a key.
    pub(super) fn unit(&self, tenant: Tenant, key: &str) -> Option<&Arc<Unit>> {
        self.units.iter().find(|unit| unit.tenant == tenant && unit.key == key)
    }

    /// A registered client.
    pub(super) fn client(&self, id: &str) -> Option<&Arc<Client>> {
        self.clients.get(id)
    }

    /// The unit of a client.
    pub(super) fn unit_of(&self, client: &str) -> Option<&Arc<Unit>> {
        self.clients.get(client).map(|client| &client.unit)
    }

    /// Who recorded what has the tag of a unit; one that is not known is of no register.
    pub(super) fn recorder(&self, tenant: Tenant, key: Option<&str>) -> Recorder {
        let unit = key.and_then(|key| self.unit(tenant, key));
        let nobody = Recorder::Register { sector: Sector::Other, custodian: None };
        unit.map_or(nobody, |unit| unit.recorder())
    }

    /// The rules of who sees what.
    pub(super) const fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    /// True where scripts of an origin may call.
    pub(super) fn lets_in(&self, origin: &str) -> bool {
        self.origins.iter().any(|known| known == origin)
    }
}

fn unit_of(table: &UnitTable) -> Unit {
    Unit {
        key: table.key.get_ref().clone(),
        name: table.name.clone(),
        sector: Sector::find(table.sector.get_ref()).unwrap_or(Sector::Other),
        register: table.register.get_ref().clone(),
        organisations: table.organisations.clone(),
        is_permission_source: table.permission_source,
        tenant: Tenant(*table.tenant.get_ref()),
    }
}

/// Who asks for keys, by the roots that are trusted: one for all clients with the same.
type Callers = HashMap<Option<PathBuf>, Arc<Caller>>;

fn client_of(table: &ClientTable, units: &[Arc<Unit>], callers: &mut Callers) -> Result<Client, String> {
    let id = table.id.get_ref();
    let of = |what: String| format!("client `{id}`: {what}");
    let unit = units.iter().find(|unit| unit.key == *table.unit.get_ref());
    Ok(Client {
        id: id.clone(),
        unit: Arc::clone(unit.ok_or_else(|| of("there is no such unit".to_owned()))?),
        scopes: Scopes::registered(table.scopes.get_ref()).map_err(of)?,
        keys: keys_of(table, callers).map_err(of)?,
        certificate: table.certificate.as_ref().map(|name| name.get_ref().clone()),
        names_users: table.names_users,
        reads_whole_log: table.reads_whole_log,
    })
}

fn keys_of(table: &ClientTable, callers: &mut Callers) -> Result<KeySource, String> {
    if let Some(url) = &table.jwks_url {
        let caller = match callers.get(&table.jwks_ca) {
            Some(caller) => Arc::clone(caller),
            None => Arc::new(Caller::new(table.jwks_ca.as_deref(), None, TIMEOUT_MS)?),
        };
        callers.insert(table.jwks_ca.clone(), Arc::clone(&caller));
        return Ok(KeySource::at(url.get_ref().clone(), caller));
    }
    let keys = match (&table.jwks, &table.jwks_file) {
        (Some(text), _) => Keys::read(text.get_ref())?,
        (None, Some(file)) => Keys::read(&read_text(file.get_ref())?)?,
        (None, None) => Keys::default(),
    };
    Ok(KeySource::Registered(Arc::new(keys)))
}

/// What a connection may do: bring documents, and what is read of them.
const CONNECTION_SCOPES: &str = "system/*.cruds";

/// A client is its id; no two are registered with one.
impl PartialEq for Client {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Client {}

impl Client {
    /// A connection, under its name, that brings documents of a unit.
    pub(super) fn of_connection(name: &str, unit: &Arc<Unit>) -> Result<Self, String> {
        Ok(Self {
            id: format!("connection/{name}"),
            unit: Arc::clone(unit),
            scopes: Scopes::registered(CONNECTION_SCOPES)?,
            keys: KeySource::default(),
            certificate: None,
            names_users: false,
            reads_whole_log: false,
        })
    }
}

fn policy_of(table: &PolicyTable) -> Result<Arc<Policy>, String> {
    let Some(file) = &table.file else { return Ok(Arc::new(Policy::county().clone())) };
    let text = read_text(file)?;
    let told = |_| format!("the policy `{}` has faults; see `sauma policy check`", file.display());
    Policy::read(&text).map(Arc::new).map_err(told)
}

/// The secret of access tokens: of the file that nodes share, or a new one.
fn secret_of(settings: &Settings) -> Result<Vec<u8>, String> {
    let Some(file) = &settings.token_key else {
        let mut secret = vec![0; KEY_BYTES_MIN];
        getrandom::fill(&mut secret).map_err(|_| "the system gives no random bytes".to_owned())?;
        return Ok(secret);
    };
    let secret = read_bytes(file)?;
    if secret.len() < KEY_BYTES_MIN {
        return Err(format!("`{}` has less than {KEY_BYTES_MIN} bytes", file.display()));
    }
    Ok(secret)
}

fn read_text(path: &Path) -> Result<String, String> {
    String::from_utf8(read_bytes(path)?).map_err(|_| format!("`{}` is not UTF-8", path.display()))
}

impl Default for Access {
    /// Open to everybody.
    fn default() -> Self {
        Self {
            clients: HashMap::new(),
            units: Vec::new(),
            policy: Arc::new(Policy::county().clone()),
            has_emergencies: false,
            tokens: Tokens::new(&[]),
            of_client: Rate::new(0),
            of_address: Rate::new(0),
            proxies: Vec::new(),
            origins: Vec::new(),
        }
    }
}
