//! Whose record of a permission counts: the matrix of recorders and kinds.

use super::{OTHER, OWN, consent, now, own_category, professional, source};
use sauma::mapping::units::schema;
use sauma::plan::Sector;
use sauma::plan::permission::{Answer, Purpose, Recorder, Request, decide};
use sauma::plan::policy::{COUNTY, Policy};
use sauma::tree::fhir;

const PERIOD: &str = r#""period":{"start":"2026-01-01","end":"2026-12-31"}"#;

fn permission() -> String {
    consent("lupa", "", "active", &format!(r#""provision":{{"type":"permit",{PERIOD}}}"#))
}

fn across() -> String {
    consent("sote", &own_category("health-to-social"), "active", r#""provision":{"type":"permit"}"#)
}

fn written() -> String {
    let body = format!(
        r#""sourceReference":{{"display":"x"}},"provision":{{"type":"permit",{PERIOD},"actor":[{{"reference":{{"display":"Oma yhdistys"}}}}]}}"#
    );
    consent("suostumus", &own_category("written-consent"), "active", &body)
}

fn joint() -> String {
    consent("joint", &own_category("joint-plan"), "active", r#""provision":{"type":"permit"}"#)
}

fn denial() -> String {
    consent("kielto", &own_category("denial"), "active", r#""provision":{"type":"deny"}"#)
}

fn of(sector: Sector, custodian: &str) -> Recorder {
    Recorder::Register { sector, custodian: Some(custodian.to_owned()) }
}

/// The register that holds the data.
fn holder() -> Recorder {
    of(Sector::Health, &format!("urn:oid:{OWN}"))
}

/// In which register a requester of a sector works.
fn register(requester: Sector) -> &'static str {
    if requester == Sector::Social { OWN } else { OTHER }
}

/// True where a requester gets data of health care by these Consents, each of its recorder.
fn may(requester: Sector, all: &[(&str, &Recorder)], policy: &Policy) -> bool {
    let mut requester = professional(requester, register(requester));
    requester.organisations.push("Oma yhdistys".to_owned());
    let mut answer = Answer::Grants(Vec::new());
    for (one, recorder) in all {
        let bundle = format!(r#"{{"resourceType":"Bundle","type":"collection","entry":[{one}]}}"#);
        answer.add(&fhir::read_json(&bundle, schema().names()).unwrap(), recorder, &mut Vec::new());
    }
    let request = Request::read(requester, Purpose::SocialService);
    decide(&request, &source(Sector::Health), &answer, policy, now()).permitted
}

#[test]
fn a_permission_counts_from_those_who_may_give_it() {
    let county = Policy::county();
    let (joint, written, denial) = (joint(), written(), denial());
    let (holder, registry) = (holder(), Recorder::PermissionSource);
    // The receivers, a register that has nothing to do with it, one that is not known.
    let others = [
        of(Sector::Health, OTHER),
        of(Sector::Social, OWN),
        of(Sector::ThirdSector, OTHER),
        of(Sector::Health, "1.2.3.4"),
        Recorder::Register { sector: Sector::Health, custodian: None },
    ];
    let kinds =
        [(Sector::Health, permission()), (Sector::Social, across()), (Sector::ThirdSector, written.clone())];
    for (requester, one) in &kinds {
        let joined = (&*joint, &holder);
        let may = |all: &[(&str, &Recorder)]| may(*requester, all, county);
        assert!(may(&[(one, &holder), joined]), "{requester:?}");
        assert!(may(&[(one, &registry), joined]), "{requester:?}");
        for other in &others {
            assert!(!may(&[(one, other), joined]), "{requester:?} {other:?}");
            // Beside one that counts it takes nothing away; a denial of anybody does.
            assert!(may(&[(one, &holder), (one, other), joined]));
            assert!(!may(&[(one, &holder), (&denial, other), joined]));
        }
    }
    // The consent to a joint plan is recorded by whoever makes it; alone it opens nothing.
    for other in &others {
        assert!(may(Sector::ThirdSector, &[(&written, &holder), (&joint, other)], county), "{other:?}");
        assert!(!may(Sector::ThirdSector, &[(&joint, other)], county));
    }
}

#[test]
fn a_policy_may_let_receivers_hold_written_consents() {
    let (joint, written, holder) = (joint(), written(), holder());
    let held = COUNTY.replace(
        "# What is sensitive",
        "[[keeping]]\nid = \"held\"\nopening = \"written-consent\"\nkeeper = \"receiver\"\ntext.fi = \"a\"\ntext.sv = \"a\"\ntext.en = \"a\"\nreference = \"a\"\nbasis = \"reading\"\n\n# What is sensitive",
    );
    let policy = Policy::read(&held).unwrap();
    let receiver = |sector| of(sector, register(sector));
    let partner = Sector::ThirdSector;
    assert!(may(partner, &[(&written, &receiver(partner)), (&joint, &holder)], &policy));
    assert!(!may(partner, &[(&written, &of(Sector::Health, "1.2.3.4")), (&joint, &holder)], &policy));
    assert!(!may(Sector::Health, &[(&permission(), &receiver(Sector::Health))], &policy));
    assert!(!may(Sector::Social, &[(&across(), &receiver(Sector::Social))], &policy));
}

#[test]
fn a_policy_that_lets_nobody_record_is_none() {
    let start = COUNTY.find("[[keeping]]").unwrap();
    let end = COUNTY.find("# What is sensitive").unwrap();
    let nobody = format!("{}{}", &COUNTY[..start], &COUNTY[end..]);
    let faults = Policy::read(&nobody).unwrap_err();
    assert_eq!(faults.len(), 3, "{faults:?}");
}
