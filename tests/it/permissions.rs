//! Who may see what: the decision against a model written from the text of the requirements, what Consents of several
//! forms say, and what is wrong with policies.

mod keepers;

use sauma::diag::LineIndex;
use sauma::mapping::units::schema;
use sauma::plan::Sector;
use sauma::plan::permission::{
    Action, Answer, BreakGlass, Capacity, EmergencyReason, Moment, Purpose, Reason, Request, Requester,
    Restriction, Source, Word, decide,
};
use sauma::plan::policy::{COUNTY, Policy, rules_page};
use sauma::tree::fhir;
use std::fs;

const NOW: &str = "2026-06-15T12:00:00Z";
const OWN: &str = "1.2.246.10.1111111.19.0";
const OTHER: &str = "1.2.246.10.2222222.19.0";
const DOCUMENT: &str = "1.2.246.10.1111111.93.2026.17";

/// One cell of the table.
#[derive(Debug, Clone, Copy)]
struct Cell {
    /// 1 is from health to social care, 2 from social to health care, as the national registry counts.
    direction: u8,
    permission: &'static str,
    denial: &'static str,
    purpose: Purpose,
    requester: &'static str,
    break_glass: bool,
    in_period: bool,
}

fn cells() -> Vec<Cell> {
    let mut cells = Vec::new();
    for direction in [1, 2] {
        for permission in ["none", "given", "withdrawn", "no answer"] {
            for denial in ["none", "document", "service task", "register"] {
                for purpose in Purpose::ALL {
                    for requester in ["same register", "same sector", "other sector", "partner"] {
                        for break_glass in [false, true] {
                            for in_period in [false, true] {
                                cells.push(Cell {
                                    direction,
                                    permission,
                                    denial,
                                    purpose: *purpose,
                                    requester,
                                    break_glass,
                                    in_period,
                                });
                            }
                        }
                    }
                }
            }
        }
    }
    cells
}

/// The model, from `decide`'s requirements as they are written: what gives a right, and what takes it away.
mod model {
    use super::{Cell, Purpose};

    pub(super) fn may_read(cell: &Cell) -> bool {
        let works_for_the_client =
            matches!(cell.purpose, Purpose::Care | Purpose::SocialService | Purpose::EmploymentService);
        // "Same register: no permission needed." Looking on as if one were the client is no professional's right.
        if cell.requester == "same register" {
            return works_for_the_client || cell.purpose == Purpose::Administration;
        }
        // "No answer from the consent source = deny."
        if cell.permission == "no answer" || !works_for_the_client {
            return false;
        }
        // "Only status active and inside period counts", of denials as of permissions.
        let denied = cell.denial != "none" && cell.in_period;
        let permitted = cell.permission == "given" && cell.in_period;
        let cares = cell.purpose != Purpose::EmploymentService;
        let right = match cell.requester {
            // "TE or third sector: written consent or statute."
            "partner" => permitted && cell.purpose != Purpose::Care,
            // "Other register, same sector: luovutuslupa. Other sector: SoTeConsent in that direction."
            _ => permitted || cell.break_glass && cares,
        };
        right && !denied
    }
}

fn consent(id: &str, category: &str, status: &str, body: &str) -> String {
    format!(
        r#"{{"resource":{{"resourceType":"Consent","id":"{id}","status":"{status}","scope":{{"coding":[{{"code":"patient-privacy"}}]}},{category}{body}}}}}"#
    )
}

fn own_category(code: &str) -> String {
    format!(
        r#""category":[{{"coding":[{{"system":"https://w3id.org/sauma/fhir/CodeSystem/permission","code":"{code}"}}]}}],"#
    )
}

/// The grants of a cell. Beside them stand some that must never help: the other direction, a consent to others. The
/// client consents to planning together; what becomes of other answers to that has a table of its own.
fn grants(cell: &Cell) -> Answer {
    if cell.permission == "no answer" {
        return Answer::None;
    }
    let period = if cell.in_period {
        r#""period":{"start":"2026-01-01","end":"2026-12-31"}"#
    } else {
        r#""period":{"start":"2025-01-01","end":"2025-12-31"}"#
    };
    let (right, wrong) = match cell.direction {
        1 => ("health-to-social", "social-to-health"),
        _ => ("social-to-health", "health-to-social"),
    };
    let stranger = r#""actor":[{"reference":{"display":"Muu yhdistys"}}]"#;
    let mut all = vec![consent(
        "decoy",
        &own_category("written-consent"),
        "active",
        &format!(
            r#""sourceReference":{{"display":"x"}},"provision":{{"type":"permit","period":{{"end":"2030"}},{stranger}}}"#
        ),
    )];
    all.push(consent("joint", &own_category("joint-plan"), "active", r#""provision":{"type":"permit"}"#));
    if cell.requester == "other sector" {
        all.push(consent(
            "wrong",
            &own_category(wrong),
            "active",
            r#""provision":{"provision":[{"type":"permit"}]}"#,
        ));
    }
    let status = match cell.permission {
        "given" => Some("active"),
        "withdrawn" => Some("inactive"),
        _ => None,
    };
    if let Some(status) = status {
        all.push(match cell.requester {
            "same sector" => consent("lupa", "", status, &format!(r#""provision":{{"type":"permit",{period}}}"#)),
            "partner" => consent(
                "suostumus",
                &own_category("written-consent"),
                status,
                &format!(r#""sourceReference":{{"display":"x"}},"provision":{{"type":"permit",{period},"actor":[{{"reference":{{"display":"Oma yhdistys"}}}}]}}"#),
            ),
            _ => consent("sote", &own_category(right), status, &format!(r#""provision":{{{period},"provision":[{{"type":"permit"}}]}}"#)),
        });
    }
    let task = r#""extension":[{"url":"https://w3id.org/sauma/fhir/StructureDefinition/service-task","valueCoding":{"code":"testi-p1"}}],"#;
    let denied = match cell.denial {
        "document" => Some(format!(
            r#""provision":{{"type":"deny",{period},"data":[{{"meaning":"instance","reference":{{"identifier":{{"value":"urn:oid:{DOCUMENT}"}}}}}}]}}"#
        )),
        "service task" => Some(format!(r#"{task}"provision":{{"type":"deny",{period}}}"#)),
        "register" => Some(format!(
            r#""provision":{{"type":"deny",{period},"actor":[{{"reference":{{"identifier":{{"value":"urn:oid:{OWN}"}}}}}}]}}"#
        )),
        _ => None,
    };
    all.extend(denied.map(|body| consent("kielto", &own_category("denial"), "active", &body)));
    read(&format!(r#"{{"resourceType":"Bundle","type":"collection","entry":[{}]}}"#, all.join(",")))
}

fn read(json: &str) -> Answer {
    Answer::read(&fhir::read_json(json, schema().names()).expect(json)).0
}

fn source(sector: Sector) -> Source {
    Source {
        sector,
        custodian: Some(OWN.to_owned()),
        unit: "unit".to_owned(),
        service_tasks: vec!["testi-p1".to_owned()],
        documents: vec![DOCUMENT.to_owned()],
        restriction: Restriction::NotStated,
        client: "140379-9128".to_owned(),
    }
}

fn professional(sector: Sector, register: &str) -> Requester {
    Requester { registers: vec![register.to_owned()], ..Requester::new(Capacity::Professional(sector)) }
}

fn request(cell: &Cell) -> (Request, Source) {
    let (from, to) = match cell.direction {
        1 => (Sector::Health, Sector::Social),
        _ => (Sector::Social, Sector::Health),
    };
    let outside = if cell.direction == 1 { Sector::Employment } else { Sector::ThirdSector };
    let mut requester = match cell.requester {
        "same register" => professional(from, OWN),
        "same sector" => professional(from, OTHER),
        // Within one county: one custodian, two registers.
        "other sector" => professional(to, OWN),
        _ => professional(outside, OTHER),
    };
    requester.organisations.push("Oma yhdistys".to_owned());
    let mut request = Request::read(requester, cell.purpose);
    request.break_glass = cell.break_glass.then(glass);
    (request, source(from))
}

fn now() -> Moment {
    Moment::parse(NOW).unwrap()
}

fn glass() -> BreakGlass {
    BreakGlass {
        reason: EmergencyReason::Life,
        words: "tajuton, omaisia ei tavoiteta".to_owned(),
        client: "140379-9128".to_owned(),
        since: now(),
    }
}

#[test]
fn the_decision_is_that_of_the_model_in_every_cell() {
    let cells = cells();
    assert_eq!(cells.len(), 2_560);
    let (mut wrong, mut permitted) = (Vec::new(), 0);
    for cell in &cells {
        let (mut request, source) = request(cell);
        let ruling = decide(&request, &source, &grants(cell), Policy::county(), now());
        permitted += usize::from(ruling.permitted);
        if ruling.permitted != model::may_read(cell) || ruling.reason == Reason::NotCovered {
            wrong.push(format!("{cell:?}: {ruling:?}"));
        }
        // An emergency never widens writing, and only the owner writes.
        request.action = Action::Write;
        let writes = decide(&request, &source, &grants(cell), Policy::county(), now()).permitted;
        let may_write = cell.requester == "same register" && cell.purpose != Purpose::OwnAccess;
        if writes != may_write {
            wrong.push(format!("writing: {cell:?}"));
        }
    }
    println!("{} cells, {permitted} permitted, {} differences", cells.len(), wrong.len());
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cells.len(), wrong.join("\n"));
}

#[test]
fn an_emergency_needs_all_that_it_needs() {
    let source = source(Sector::Health);
    let check = |glass: BreakGlass, at: Moment, expected: bool| {
        let mut request = Request::read(professional(Sector::Health, OTHER), Purpose::Care);
        request.break_glass = Some(glass);
        let ruling = decide(&request, &source, &Answer::Grants(Vec::new()), Policy::county(), at);
        assert_eq!(
            (ruling.permitted, ruling.reason == Reason::Emergency),
            (expected, expected),
            "{ruling:?}"
        );
    };
    check(glass(), now(), true);
    check(glass(), now().later(3_599), true);
    check(glass(), now().later(3_600), false);
    check(glass(), now().later(-1), false);
    check(BreakGlass { words: "hätä!!!!!!!".to_owned(), ..glass() }, now(), false);
    check(BreakGlass { client: "290200A961A".to_owned(), ..glass() }, now(), false);
}

#[test]
fn guardians_and_clients_get_what_is_recorded_for_them() {
    let check = |capacity, restriction, purpose, expected| {
        let request = Request::read(Requester::new(capacity), purpose);
        let source = Source { restriction, ..source(Sector::Social) };
        let ruling = decide(&request, &source, &Answer::None, Policy::county(), now());
        assert_eq!((ruling.permitted, ruling.reason), expected, "{capacity:?} {restriction:?}");
    };
    let own = Purpose::OwnAccess;
    check(Capacity::Client, Restriction::NotStated, own, (true, Reason::OwnData));
    check(Capacity::Client, Restriction::NotStated, Purpose::Care, (false, Reason::WrongPurpose));
    check(Capacity::Guardian, Restriction::NotCapable, own, (true, Reason::OfMinor));
    check(Capacity::Guardian, Restriction::Allows, own, (true, Reason::OfMinor));
    for denied in [Restriction::Denies, Restriction::NotKnown, Restriction::NotStated] {
        check(Capacity::Guardian, denied, own, (false, Reason::MinorDenies));
    }
    check(Capacity::Service, Restriction::NotStated, Purpose::Administration, (false, Reason::NobodyAsks));
}

#[test]
fn a_statute_overrides_denials_for_its_purposes_alone() {
    let denied = read(&format!(
        "{}{}",
        r#"{"resourceType":"Bundle","type":"collection","entry":["#,
        consent("k", &own_category("denial"), "active", r#""provision":{"type":"deny"}"#) + "]}"
    ));
    let check = |id: &str, purpose, expected| {
        let mut request = Request::read(professional(Sector::Employment, OTHER), purpose);
        request.statute = Some(id.to_owned());
        let ruling = decide(&request, &source(Sector::Social), &denied, Policy::county(), now());
        assert_eq!(ruling.permitted, expected, "{id} {purpose:?}: {ruling:?}");
    };
    check("381-2023", Purpose::EmploymentService, true);
    check("381-2023", Purpose::Care, false);
    check("made-up", Purpose::EmploymentService, false);
}

/// What the client says of planning together, and whether a requester with every other permission then gets the data:
/// of another custodian, across sectors, as a partner, as health or social care from a partner.
const JOINT_PLANS: &[(&str, &str, [bool; 4])] = &[
    ("nothing is recorded", "", [true, true, false, false]),
    ("a consent", r#"active|"provision":{"type":"permit"}"#, [true; 4]),
    ("a consent that says no more", r#"active|"dateTime":"2026""#, [true; 4]),
    (
        "a consent to others",
        r#"active|"provision":{"type":"permit","actor":[{"reference":{"display":"Muut"}}]}"#,
        [true, true, false, false],
    ),
    (
        "a consent to us",
        r#"active|"provision":{"type":"permit","actor":[{"reference":{"display":"Oma yhdistys"}}]}"#,
        [true; 4],
    ),
    ("a refusal", r#"active|"provision":{"type":"deny"}"#, [false; 4]),
    (
        "a refusal of an earlier time",
        r#"active|"provision":{"type":"deny","period":{"end":"2025"}}"#,
        [false; 4],
    ),
    ("a consent withdrawn", r#"inactive|"provision":{"type":"permit"}"#, [false; 4]),
    (
        "a consent that is over",
        r#"active|"provision":{"type":"permit","period":{"end":"2026-05"}}"#,
        [false; 4],
    ),
    (
        "a consent withdrawn and another",
        r#"inactive|"provision":{"type":"permit"};active|"provision":{"type":"permit"}"#,
        [true; 4],
    ),
    (
        "a consent and a refusal",
        r#"active|"provision":{"type":"permit"};active|"provision":{"type":"deny"}"#,
        [false; 4],
    ),
];

#[test]
fn a_joint_plan_needs_the_consent_of_the_client_or_a_statute() {
    let written = r#""sourceReference":{"display":"x"},"provision":{"type":"permit","period":{"end":"2030"},"actor":[{"reference":{"display":"Oma yhdistys"}}]}"#;
    let permit = r#""provision":{"type":"permit"}"#;
    for (name, said, expected) in JOINT_PLANS {
        let said = said.split(';').filter_map(|one| one.split_once('|'));
        let mut all: Vec<String> =
            said.map(|(status, body)| consent("j", &own_category("joint-plan"), status, body)).collect();
        all.push(consent("w", &own_category("written-consent"), "active", written));
        all.push(consent("d", &own_category("health-to-social"), "active", permit));
        all.push(consent("p", "", "active", permit));
        let answer =
            read(&format!(r#"{{"resourceType":"Bundle","type":"collection","entry":[{}]}}"#, all.join(",")));
        let cases = [
            (Sector::Health, Sector::Health, Purpose::Care),
            (Sector::Social, Sector::Health, Purpose::SocialService),
            (Sector::ThirdSector, Sector::Health, Purpose::SocialService),
            (Sector::Social, Sector::ThirdSector, Purpose::SocialService),
        ];
        for ((requester, owner, purpose), expected) in cases.into_iter().zip(expected) {
            let mut request = Request::read(professional(requester, OTHER), purpose);
            request.requester.organisations.push("Oma yhdistys".to_owned());
            let ruling =
                |request: &Request| decide(request, &source(owner), &answer, Policy::county(), now());
            let found = ruling(&request);
            assert_eq!(found.permitted, *expected, "{name}: {requester:?} of {owner:?}: {found:?}");
            assert!(*expected || found.reason == Reason::NoJointPlan, "{name}: {found:?}");
            request.statute = Some("shl-41".to_owned());
            assert_eq!(ruling(&request).reason, Reason::ByStatute, "{name}");
            // One's own register needs nobody's consent, and an emergency is no planning.
            let mut own = request.clone();
            (own.statute, own.requester) = (None, professional(owner, OWN));
            own.purpose = Purpose::SocialService;
            assert_eq!(ruling(&own).reason, Reason::SameRegister, "{name}");
            let mut emergency = Request::read(professional(Sector::Health, OTHER), Purpose::Care);
            emergency.break_glass = Some(glass());
            assert!(ruling(&emergency).permitted, "{name}");
        }
    }
}

/// The examples of our profiles, as a Bundle with the organisations that they name and a consent to planning together.
fn example(name: &str) -> Answer {
    let text = fs::read_to_string(format!("profiles/examples/good/{name}.json")).unwrap();
    let joint = fs::read_to_string("profiles/examples/good/consent-joint-plan.json").unwrap();
    let organisation = |id: &str, name: &str| {
        format!(
            r#"{{"resource":{{"resourceType":"Organization","id":"{id}","identifier":[{{"value":"{OTHER}"}}],"name":"{name}"}}}}"#
        )
    };
    let entries = [
        format!(r#"{{"resource":{text}}}"#),
        format!(r#"{{"resource":{joint}}}"#),
        organisation("county", "Testilän hyvinvointialue"),
        organisation("employment", "Testilän työllisyyspalvelut"),
    ];
    read(&format!(r#"{{"resourceType":"Bundle","type":"collection","entry":[{}]}}"#, entries.join(",")))
}

#[test]
fn the_examples_of_our_profiles_say_what_they_are_meant_to() {
    let check = |name: &str, requester: Sector, owner: Sector, purpose, at: &str, expected| {
        let request = Request::read(professional(requester, OTHER), purpose);
        let at = Moment::parse(at).unwrap();
        let ruling = decide(&request, &source(owner), &example(name), Policy::county(), at);
        assert_eq!(ruling.reason, expected, "{name} {at:?}: {ruling:?}");
    };
    let (health, social, employment) = (Sector::Health, Sector::Social, Sector::Employment);
    let (task, job) = (Purpose::SocialService, Purpose::EmploymentService);
    check("permission-1-health-to-social", social, health, task, NOW, Reason::Permitted);
    check("permission-1-health-to-social", health, social, Purpose::Care, NOW, Reason::NoPermission);
    check("permission-2-social-to-health", health, social, Purpose::Care, NOW, Reason::Permitted);
    check("permission-2-social-to-health", employment, social, job, NOW, Reason::NoPermission);
    check("written-consent-employment", employment, social, job, NOW, Reason::Consented);
    check("written-consent-employment", employment, social, job, "2027-03-19T20:00:00Z", Reason::Consented);
    check("written-consent-employment", employment, social, job, "2027-03-20", Reason::PermissionLapsed);
    check("denial-of-a-service-task", health, social, Purpose::Care, NOW, Reason::ServiceTaskDenied);
    check("denial-of-a-document", health, social, Purpose::Care, NOW, Reason::NoPermission);
    check("consent-joint-plan", health, social, Purpose::Care, NOW, Reason::NoPermission);
}

/// A name, the rest of a Consent, and what it says to social care and to health care of another custodian.
const CONSENTS: &[(&str, &str, Reason, Reason)] = &[
    (
        "the national form of all",
        r#""meta":{"profile":["https://gen.kanta.fi/fhir/tahdonilmaisut/StructureDefinition/soteluovutuslupa"]},"category":[{"coding":[{"code":"1"}]}],"#,
        Reason::Permitted,
        Reason::NoPermission,
    ),
    (
        "its other direction",
        r#""meta":{"profile":["https://gen.kanta.fi/fhir/tahdonilmaisut/StructureDefinition/soteluovutuslupa"]},"category":[{"coding":[{"code":"2"}]}],"#,
        Reason::NoPermission,
        Reason::NoPermission,
    ),
    (
        "the national form for others",
        r#""category":[{"coding":[{"system":"http://gen.kanta.fi/figen-cs-consentcategory-soteconsent","code":"1"}]}],"provision":{"provision":[{"type":"permit","actor":[{"reference":{"display":"Muu alue"}}]}]},"#,
        Reason::NoPermission,
        Reason::NoPermission,
    ),
    (
        "the national form, over",
        r#""category":[{"coding":[{"system":"http://gen.kanta.fi/figen-cs-consentcategory-soteconsent","code":"1"}]}],"provision":{"period":{"end":"2026-05"},"provision":[{"type":"permit"}]},"#,
        Reason::PermissionLapsed,
        Reason::NoPermission,
    ),
    (
        "a 1 of anybody else",
        r#""category":[{"coding":[{"system":"urn:x","code":"1"}]}],"provision":{"type":"permit"},"#,
        Reason::NoPermission,
        Reason::Permitted,
    ),
    ("plain, to all", r#""provision":{"type":"permit"},"#, Reason::NoPermission, Reason::Permitted),
    (
        "plain, to us",
        r#""provision":{"type":"permit","actor":[{"reference":{"identifier":{"value":"urn:oid:1.2.246.10.2222222.19.0"}}}]},"#,
        Reason::NoPermission,
        Reason::Permitted,
    ),
    (
        "plain, but not to us",
        r#""provision":{"type":"permit","provision":[{"type":"deny","actor":[{"reference":{"identifier":{"value":"urn:oid:1.2.246.10.2222222.19.0"}}}]}]},"#,
        Reason::NoPermission,
        Reason::NoPermission,
    ),
    (
        "plain, not to us but for this document",
        r#""provision":{"type":"permit","provision":[{"type":"deny","actor":[{"reference":{"identifier":{"value":"urn:oid:1.2.246.10.2222222.19.0"}}}],"provision":[{"type":"permit","data":[{"meaning":"instance","reference":{"identifier":{"value":"1.2.246.10.1111111.93.2026.17"}}}]}]}]},"#,
        Reason::NoPermission,
        Reason::Permitted,
    ),
    (
        "plain, limited by what is not judged",
        r#""provision":{"type":"permit","purpose":[{"code":"TREAT"}]},"#,
        Reason::NoPermission,
        Reason::NoPermission,
    ),
    (
        "plain denial of all",
        r#""provision":{"type":"deny"},"#,
        Reason::RegisterDenied,
        Reason::RegisterDenied,
    ),
    (
        "plain denial of all but this document",
        r#""provision":{"type":"deny","provision":[{"type":"permit","data":[{"meaning":"instance","reference":{"identifier":{"value":"1.2.246.10.1111111.93.2026.17"}}}]}]},"#,
        Reason::NoPermission,
        Reason::NoPermission,
    ),
    (
        "a denial of another register",
        r#""provision":{"type":"deny","actor":[{"reference":{"identifier":{"value":"1.2.3"}}}]},"#,
        Reason::NoPermission,
        Reason::NoPermission,
    ),
    (
        "a denial whose time nobody can read",
        r#""provision":{"type":"deny","period":{"start":"keväällä"}},"#,
        Reason::RegisterDenied,
        Reason::RegisterDenied,
    ),
    (
        "a permission whose time nobody can read",
        r#""provision":{"type":"permit","period":{"start":"keväällä"}},"#,
        Reason::NoPermission,
        Reason::PermissionLapsed,
    ),
    (
        "a category of ours that is not known",
        r#""category":[{"coding":[{"system":"https://w3id.org/sauma/fhir/CodeSystem/permission","code":"all"}]}],"provision":{"type":"permit"},"#,
        Reason::NoPermission,
        Reason::NoPermission,
    ),
];

/// Each case is a Consent with what it is to say to social care that reads health care's plan, and to health care of
/// another custodian.
#[test]
fn consents_of_every_form_are_read() {
    for (name, body, across, within) in CONSENTS {
        let json = consent("c", "", "active", body.trim_end_matches(','));
        let answer = read(&format!(r#"{{"resourceType":"Bundle","type":"collection","entry":[{json}]}}"#));
        for (sector, expected) in [(Sector::Social, across), (Sector::Health, within)] {
            let request = Request::read(professional(sector, OTHER), Purpose::Care);
            let ruling = decide(&request, &source(Sector::Health), &answer, Policy::county(), now());
            assert_eq!(ruling.reason, *expected, "{name}, {sector:?}: {ruling:?}");
        }
    }
}

/// Every `NAME.toml` of the folder has its faults in `NAME.txt`; `UPDATE=1` writes them.
#[test]
fn policies_are_checked_with_place_and_advice() {
    let mut files: Vec<_> =
        fs::read_dir("tests/cases/policies").unwrap().map(|file| file.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    assert!(files.len() >= 8);
    for path in files {
        // A case changes the default: the lines before `---` are taken out of it, those behind it put at its end.
        let case = fs::read_to_string(&path).unwrap();
        let (out, added) = case.split_once("---\n").unwrap_or(("", &case));
        let mut text = COUNTY.to_owned();
        for line in out.lines().filter(|line| !line.is_empty() && !line.starts_with("# ")) {
            let line = line.replace("\\n", "\n");
            let (from, to) = line.split_once(" => ").unwrap_or((&line, ""));
            assert!(text.contains(from), "{}: {from}", path.display());
            text = text.replacen(from, to, 1);
        }
        text.push_str(added);
        let index = LineIndex::new(&text);
        let told = Policy::read(&text).err().unwrap_or_default().into_iter().map(|issue| {
            let place = index.place(issue.span.start);
            let line = text.lines().nth(place.line as usize - 1).unwrap_or_default();
            format!(
                "{} column {} of `{line}`: {}; {}\n",
                issue.code.id, place.column, issue.message, issue.help
            )
        });
        let told: String = told.collect();
        let expected = path.with_extension("txt");
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&expected, &told).unwrap();
        }
        assert_eq!(told, fs::read_to_string(&expected).unwrap_or_default(), "{}", path.display());
    }
}

#[test]
fn the_pages_for_lawyers_have_the_rules_of_the_default() {
    use sauma::diag::Language;
    for language in [Language::Fi, Language::En] {
        let path = format!("src/plan/policy/county.{}.md", language.as_str());
        let page = fs::read_to_string(&path).unwrap();
        let (before, rest) = page.split_once("<!-- rules -->\n").unwrap();
        let (_, after) = rest.split_once("<!-- end of rules -->").unwrap();
        let rules = rules_page(Policy::county(), language);
        let fresh = format!("{before}<!-- rules -->\n{rules}<!-- end of rules -->{after}");
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&path, &fresh).unwrap();
        } else {
            assert!(page == fresh, "{path} is stale: UPDATE=1 writes it");
        }
    }
}
