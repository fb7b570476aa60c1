//! Our client before every kind of misbehaviour: nothing is lost, nothing doubled, nothing invented.

use super::playing::{Playing, change, client, disclosure, runtime, settings, unit};
use sauma::exchange::registry::kanta::{Action, Kanta};
use sauma::exchange::registry::simulator::faults;
use sauma::exchange::registry::{Broken, Registry, RegistryError, Said};
use sauma::plan::permission::{Direction, Moment};

/// How often the caller comes again with what was not done, as an outbox does.
const TIMES: usize = 4;
const DIRECTION: Direction = Direction::HealthToSocial;

fn now() -> Moment {
    Moment::parse("2026-06-01").unwrap()
}

/// What is permitted, as far as the registry says.
async fn said(kanta: &Kanta) -> Said {
    Said::of(&kanta.permissions(&client()).await, DIRECTION, &unit(), now())
}

/// Tells something until it is recorded.
macro_rules! told {
    ($name:expr, $telling:expr) => {{
        let mut recorded = None;
        for _ in 0..TIMES {
            recorded = $telling.await.ok();
            if recorded.is_some() {
                break;
            }
        }
        recorded.unwrap_or_else(|| panic!("{}: it was lost", $name))
    }};
}

fn survives(name: &str) {
    let playing = Playing::start();
    let kanta = playing.client();
    runtime().block_on(async {
        playing.misbehave(name);
        assert_ne!(said(&kanta).await, Said::Yes, "{name}: invented");

        playing.misbehave(name);
        told!(name, kanta.tell_permission(&change(Action::Give)));
        let consents = playing.simulator().consents();
        assert_eq!(consents.len(), 2, "{name}: lost or doubled");
        assert!(consents.iter().all(|consent| consent["status"] == "active"), "{name}");

        playing.misbehave(name);
        let mut last = Said::NotToBeSaid;
        for _ in 0..TIMES {
            if last != Said::Yes {
                last = said(&kanta).await;
            }
        }
        assert_eq!(last, Said::Yes, "{name}: lost");

        playing.misbehave(name);
        told!(name, kanta.tell_disclosure(&disclosure()));
        assert_eq!(playing.simulator().disclosures().len(), 1, "{name}: lost or doubled");

        playing.misbehave(name);
        told!(name, kanta.tell_permission(&change(Action::Withdraw)));
        let consents = playing.simulator().consents();
        assert_eq!(consents.len(), 2, "{name}: lost or doubled");
        assert!(consents.iter().all(|consent| consent["status"] == "inactive"), "{name}");

        // What was taken back does not come alive again, in whatever order versions are given.
        playing.misbehave(name);
        assert_ne!(said(&kanta).await, Said::Yes, "{name}: invented");
        assert_ne!(said(&kanta).await, Said::Yes, "{name}: invented");

        let again = told!(name, kanta.tell_permission(&change(Action::Withdraw)));
        assert!(!again.is_new, "{name}");
    });
    assert_eq!(playing.simulator().breaches(), [], "{name}");
}

#[test]
fn every_kind_of_misbehaviour_is_survived() {
    let names: Vec<String> = faults::shipped().unwrap().into_iter().map(|fault| fault.name).collect();
    assert!(names.len() >= 12, "{} kinds", names.len());
    let running: Vec<_> = names.into_iter().map(|name| std::thread::spawn(move || survives(&name))).collect();
    let failed = running.into_iter().filter_map(|thread| thread.join().err()).count();
    assert_eq!(failed, 0);
}

#[test]
fn a_registry_that_is_not_there_permits_nothing_and_loses_nothing() {
    let playing = Playing::start();
    let base = playing.base();
    drop(playing);
    let kanta = Kanta::new(&settings(&base)).unwrap();
    runtime().block_on(async {
        assert_eq!(said(&kanta).await, Said::NotToBeSaid);
        let told = kanta.tell_permission(&change(Action::Give)).await;
        assert!(matches!(told, Err(RegistryError::Unreachable(Broken::Connect))), "{told:?}");
    });
}

#[test]
fn what_stays_wrong_permits_nothing_and_is_told_as_not_known() {
    let check = |name: &str, expected: &str| {
        let playing = Playing::start();
        let kanta = playing.client();
        let mut fault = super::playing::fault(name);
        fault.times = 1_000;
        fault.headers.clear();
        playing.simulator().misbehave(fault);
        runtime().block_on(async {
            assert_ne!(said(&kanta).await, Said::Yes, "{name}");
            let told = kanta.tell_disclosure(&disclosure()).await;
            assert_eq!(told.map_err(|error| error.code().id).err(), Some(expected), "{name}");
        });
    };
    check("server-error", "X661");
    check("late", "X661");
    check("bad-json", "X661");
    check("token-refused", "X659");
    check("busy", "X656");
}

#[test]
fn what_breaks_a_rule_is_not_sent() {
    let playing = Playing::start();
    let kanta = playing.client();
    let mut change = change(Action::Give);
    change.permissions[1].direction = DIRECTION;
    runtime().block_on(async {
        let told = kanta.tell_permission(&change).await;
        assert!(matches!(told, Err(RegistryError::Unfit(_))), "{told:?}");
        // Nothing can be taken back that the registry does not have.
        let told = kanta.tell_permission(&super::playing::change(Action::Withdraw)).await;
        assert!(matches!(told, Err(RegistryError::Conflict)), "{told:?}");
    });
    assert_eq!(playing.simulator().consents().len(), 0);
}
