//! Starts a simulator on a port of its own, and our client of it.

use rcgen::{KeyPair, PKCS_ECDSA_P384_SHA384};
use sauma::exchange::registry::kanta::{
    Action, Change, Disclosure, FunctionCode, Kanta, KantaSettings, Part, Permission, Stated,
};
use sauma::exchange::registry::simulator::{Fault, ServeTls, Simulator, faults, rules, serve};
use sauma::exchange::registry::{Oid, Retry, TokenSettings};
use sauma::plan::identity::Hetu;
use sauma::plan::permission::Direction;
use serde_json::json;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

pub(super) const CLIENT: &str = "131052-308T";

/// A simulator that runs until it is dropped.
pub(super) struct Playing {
    pub(super) address: SocketAddr,
    simulator: Arc<Mutex<Simulator>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Playing {
    pub(super) fn start() -> Self {
        Self::with_tls(None)
    }

    pub(super) fn with_tls(tls: Option<ServeTls>) -> Self {
        let simulator = Simulator::new(rules::shipped().unwrap(), Vec::new(), "/fhir");
        let simulator = Arc::new(Mutex::new(simulator));
        let (stop, stopped) = oneshot::channel();
        let (bound, address) = std::sync::mpsc::channel();
        let shared = Arc::clone(&simulator);
        let thread = std::thread::spawn(move || {
            runtime().block_on(async move {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                bound.send(listener.local_addr().unwrap()).unwrap();
                serve(listener, shared, tls, async move { drop(stopped.await) }).await.unwrap();
            });
        });
        let address = address.recv().unwrap();
        Self { address, simulator, stop: Some(stop), thread: Some(thread) }
    }

    pub(super) fn simulator(&self) -> MutexGuard<'_, Simulator> {
        self.simulator.lock().unwrap()
    }

    pub(super) fn misbehave(&self, name: &str) {
        self.simulator().misbehave(fault(name));
    }

    pub(super) fn base(&self) -> String {
        format!("http://{}/fhir", self.address)
    }

    /// Our client, which waits little.
    pub(super) fn client(&self) -> Kanta {
        Kanta::new(&settings(&self.base())).unwrap()
    }
}

impl Drop for Playing {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            assert_eq!(stop.send(()), Ok(()));
        }
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

pub(super) fn settings(base: &str) -> KantaSettings {
    let mut settings = KantaSettings::of(base);
    settings.link.answer_ms = 700;
    settings.link.connect_ms = 500;
    settings.retry = Retry { attempts_max: 4, first_ms: 40, wait_ms_max: 200 };
    settings.token = Some(TokenSettings {
        issuer: "1.2.246.10.32213086.10.0".to_owned(),
        audience: None,
        key: key(),
        key_id: "test".to_owned(),
        life_s: 60,
        claims: serde_json::Map::new(),
    });
    settings
}

/// A key of our own in a file.
fn key() -> PathBuf {
    static ONCE: std::sync::Once = std::sync::Once::new();
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("registry-{}.pem", std::process::id()));
    ONCE.call_once(|| {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap();
        std::fs::write(&path, key.serialize_pem()).unwrap();
    });
    path
}

pub(super) fn fault(name: &str) -> Fault {
    let mut all = faults::shipped().unwrap().into_iter();
    all.find(|fault| fault.name == name).unwrap_or_else(|| panic!("there is no fault `{name}`"))
}

pub(super) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

pub(super) fn client() -> Hetu {
    Hetu::parse(CLIENT).unwrap()
}

pub(super) fn unit() -> Oid {
    Oid::of_business("3221308-6").unwrap().unit(7)
}

/// Two permissions, one of them of a part, told by a professional.
pub(super) fn change(action: Action) -> Change {
    let node = Oid::of_business("3221308-6").unwrap();
    let permission = |number, direction, part| Permission {
        id: node.document(2026, number),
        direction,
        part,
        start: Some("2026-01-01".to_owned()),
        end: None,
    };
    let task = FunctionCode {
        system: Oid::parse("1.2.246.537.6.1221.201601").unwrap(),
        code: "testi-p1".to_owned(),
    };
    let part = Part::Targeted { organisations: vec![unit()], tasks: vec![task] };
    Change {
        id: match action {
            Action::Give => "urn:uuid:7d1f0000-0000-4000-8000-000000000001",
            Action::Withdraw => "urn:uuid:7d1f0000-0000-4000-8000-000000000002",
        }
        .to_owned(),
        action,
        client: client(),
        permissions: vec![
            permission(1, Direction::HealthToSocial, Part::All),
            permission(2, Direction::SocialToHealth, part),
        ],
        stated: Stated::Professional {
            system: Oid::parse("1.2.246.537.26").unwrap(),
            number: "00099999".to_owned(),
            unit: unit(),
        },
        recorded: "2026-01-02T10:00:00Z".to_owned(),
    }
}

pub(super) fn disclosure() -> Disclosure {
    let node = Oid::of_business("3221308-6").unwrap();
    Disclosure {
        id: "urn:uuid:7d1f0000-0000-4000-8000-000000000003".to_owned(),
        recorded: "2026-01-03T10:00:00Z".to_owned(),
        client: client(),
        documents: vec![node.document(2026, 23), node.document(2026, 24)],
        kind: json!({ "coding": [{ "system": "urn:oid:1.2.246.537.6.999", "code": "1" }] }),
        from: node.organisation(),
        to: node.unit(9),
        task: None,
    }
}
