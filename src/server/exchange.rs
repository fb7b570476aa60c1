//! Messages of the inbox, applied as `$contribute` applies what comes over HTTP, and documents that changed on their
//! way to the units that want to be sent them.

use super::Server;
use super::access::{Access, Client};
use super::caller::{Caller, Unit};
use super::ids;
use super::plans::{Arrival, Told};
use super::refusal::{Refusal, Why};
use super::trail::Trail;
use crate::exchange::inbox::{LaneKey, key_of};
use crate::exchange::intake::{FHIR, From};
use crate::exchange::settings::{Direction, Settings};
use crate::exchange::worker::{Apply, Trouble, now};
use crate::exchange::write_back::Original;
use crate::store::{Class, Message, NewMessage, Queue, QueueChange, QueueFault, Store, Tenant};
use std::collections::HashMap;
use std::sync::Arc;

/// The connections that this server knows.
#[derive(Default)]
pub(super) struct Connections {
    /// As whom each acts; nobody where the server runs open.
    callers: HashMap<String, Option<Arc<Client>>>,
    targets: Vec<Target>,
}

/// Who wants to be sent a unit's documents when they changed here.
struct Target {
    connection: String,
    tenant: Tenant,
    unit: String,
    system: Option<&'static str>,
}

impl Connections {
    /// The connections of the settings of an exchange.
    fn of(settings: &Settings, access: &Access) -> Result<Self, String> {
        let mut all = Self::default();
        for table in &settings.connections {
            let (name, unit, tenant) = (table.name.get_ref(), table.unit.get_ref(), table.tenant());
            let client = match access.unit(tenant, unit) {
                Some(unit) => Some(Arc::new(Client::of_connection(name, unit)?)),
                None if access.units().is_empty() => None,
                None => {
                    let tenant = tenant.0;
                    return Err(format!("connection `{name}`: tenant {tenant} has no unit `{unit}`"));
                }
            };
            if client.is_none() && tenant != Tenant(0) {
                return Err(format!("connection `{name}`: without units everything is of tenant 0"));
            }
            all.callers.insert(name.clone(), client);
            if table.direction() == Direction::Out {
                let (connection, unit) = (name.clone(), unit.clone());
                all.targets.push(Target { connection, tenant, unit, system: table.system() });
            }
        }
        Ok(all)
    }
}

/// Looks whether the settings of a server have the units that connections name.
///
/// # Errors
/// Which connection names another, or which file of the settings cannot be used.
pub fn check_connections(server: &super::Settings, settings: &Settings) -> Result<(), String> {
    Connections::of(settings, &Access::of(server)?).map(drop)
}

impl<S: Store> Server<S> {
    /// The same server with the connections of an exchange: it applies what they bring, and sends them what changed.
    ///
    /// # Errors
    /// A connection names a unit that the settings of the server do not have.
    pub fn connected(mut self, settings: &Settings) -> Result<Self, String> {
        self.exchange = Connections::of(settings, &self.access)?;
        Ok(self)
    }

    /// What is put in the outbox when a document changed here.
    pub(super) fn outgoing(&self, caller: &Caller, told: &Told, bytes: &[u8]) -> Vec<QueueChange> {
        let owner = caller.unit().map(|unit: &Unit| &*unit.key);
        let version = &told.version;
        let wants = |target: &&Target| {
            target.tenant == caller.tenant
                && owner.is_none_or(|owner| owner == target.unit)
                && target.system.is_none_or(|system| system == version.unit)
        };
        let body: Arc<[u8]> = Arc::from(bytes);
        let put = |target: &Target| {
            QueueChange::Put(Box::new(NewMessage {
                queue: Queue::Out,
                connection: target.connection.clone(),
                key: key_of(&[&version.id]),
                // What goes to one target about one plan goes in the order in which it was written.
                lane: LaneKey::of(&target.connection, &version.series).0,
                unit: Some(version.unit.clone()),
                received: now(),
                body: Arc::clone(&body),
                fault: None,
            }))
        };
        self.exchange.targets.iter().filter(wants).map(put).collect()
    }
}

impl<S: Store> Apply for Server<S> {
    type Store = S;

    fn store(&self) -> &S {
        &self.store
    }

    async fn apply(&self, message: &Message) -> Result<(), Trouble> {
        let Some(client) = self.exchange.callers.get(&message.connection) else {
            return Err(refused(Class::Refused, Why::NotKnown));
        };
        let caller = Caller::connection(client.as_ref(), Trail::new(&ids::request_id()));
        let body = message.body.as_deref().unwrap_or_default();
        let from = From::named(message.unit.as_deref()).map_err(|issue| {
            Trouble::Fault(QueueFault { class: Class::Refused, code: issue.code.id.to_owned() })
        })?;
        let is_again = message.replays > 0;
        let bytes = body.to_vec();
        let arrival = Arrival { bytes, from, custodian: None, edits: None, is_again, is_silent: true };
        let done = |told: &Told| {
            vec![QueueChange::Done {
                number: message.number,
                at: now(),
                map: Some(map_version(&told.taken.original)),
                told: Some(format!("{} DocumentReference/{}", told.effect.as_str(), told.version.id)),
            }]
        };
        self.take_in(&caller, &arrival, done).await.map(drop).map_err(|refusal| trouble(&refusal))
    }
}

/// The version of the map that a document was read by; plain resources are read by none.
fn map_version(original: &Original) -> String {
    match original {
        Original::Unit(document, _) => document.unit.version().to_owned(),
        Original::Fhir(..) => FHIR.to_owned(),
    }
}

fn refused(class: Class, why: Why) -> Trouble {
    let code = Refusal::plain(why).code().id.to_owned();
    Trouble::Fault(QueueFault { class, code })
}

/// What a refusal means for a message.
fn trouble(refusal: &Refusal) -> Trouble {
    let class = match refusal.why() {
        // The store itself takes nothing now: nothing is wrong with the message.
        Why::Overload | Why::ReadOnly => return Trouble::Left,
        Why::Contention => Class::Conflict,
        Why::StoreFailed => Class::Transport,
        Why::NotContributed => Class::Format,
        _ => Class::Refused,
    };
    Trouble::Fault(QueueFault { class, code: refusal.innermost().id.to_owned() })
}
