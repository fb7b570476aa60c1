//! Views: each role sees what it is entitled to, and nothing that is withheld can be told from what is seen.

use sauma::exchange::document::Document;
use sauma::exchange::laws::generated;
use sauma::mapping::units::{UNITS, schema};
use sauma::plan::permission::{Answer, Capacity, Moment, Purpose, Reason, Request, Requester, Tell};
use sauma::plan::policy::{COUNTY, Policy};
use sauma::plan::text::{IdentityCode, Language, to_text};
use sauma::plan::view::{View, render, view};
use sauma::plan::{Contribution, Decision, Sector};
use sauma::tree::json::{Layout, to_string};
use sauma::tree::{Kind, NodeId, Tree, fhir};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

const NOW: &str = "2026-06-15T12:00:00Z";
const COUNTY_OID: &str = "1.2.246.10.99999999.19.0";

fn read(json: &str) -> Tree {
    fhir::read_json(json, schema().names()).expect(json)
}

fn now() -> Moment {
    Moment::parse(NOW).unwrap()
}

/// A Bundle of one unit about the test client: the plan with more elements, and more resources.
fn unit(label: &str, sector: Sector, plan: &str, resources: &[&str]) -> Contribution {
    let entries: Vec<String> = resources.iter().map(|json| format!(r#",{{"resource":{json}}}"#)).collect();
    let json = format!(
        r#"{{"resourceType":"Bundle","type":"collection","entry":[{{"resource":{{"resourceType":"CarePlan","id":"p","extension":[{{"url":"https://w3id.org/sauma/fhir/StructureDefinition/custodian","valueIdentifier":{{"value":"{COUNTY_OID}"}}}},{{"url":"https://w3id.org/sauma/fhir/StructureDefinition/sector","valueCode":"{}"}}],"identifier":[{{"system":"urn:p","value":"{label}"}}],"status":"active","intent":"plan","subject":{{"reference":"Patient/a"}}{plan}}}}},{{"resource":{{"resourceType":"Patient","id":"a","identifier":[{{"system":"urn:oid:1.2.246.21","value":"140379-9128"}}],"name":[{{"family":"Testikoivu","given":["Aino"]}}],"telecom":[{{"value":"0401112223"}}],"address":[{{"line":["Koivukuja 5"],"city":"Testilä"}}]}}}}{}]}}"#,
        sector.as_str(),
        entries.concat()
    );
    Contribution::new(label, label, read(&json))
}

const DIAGNOSIS: &str = r#"{"resourceType":"Condition","id":"c","code":{"text":"Vaikea masennus"},"subject":{"reference":"Patient/a"},"asserter":{"reference":"Practitioner/psy"}}"#;
const PSYCHIATRIST: &str =
    r#"{"resourceType":"Practitioner","id":"psy","name":[{"text":"Pekka Psykiatri"}]}"#;
const NURSE: &str = r#"{"resourceType":"Practitioner","id":"nurse","name":[{"text":"Sari Sairaanhoitaja"}],"telecom":[{"value":"0503334445"}]}"#;
const GOAL: &str = r#"{"resourceType":"Goal","id":"g","lifecycleStatus":"active","description":{"text":"Kuoro jatkuu"},"subject":{"reference":"Patient/a"},"addresses":[{"reference":"Condition/c","display":"masennustila"}],"note":[{"text":"Ei jaksa aamuisin"}]}"#;
const TEAM: &str = r#"{"resourceType":"CareTeam","id":"t","participant":[{"role":[{"text":"Asiakasvastaava"}],"member":{"reference":"Practitioner/nurse"}},{"member":{"reference":"Practitioner/psy"}}]}"#;
const OURS: &str = r#"{"resourceType":"ServiceRequest","id":"s1","status":"active","intent":"plan","code":{"text":"Kuoroharjoitus"},"subject":{"reference":"Patient/a"},"performer":[{"display":"Oma yhdistys"}],"reasonCode":[{"text":"yksinäisyys"}]}"#;
const THEIRS: &str = r#"{"resourceType":"ServiceRequest","id":"s2","status":"active","intent":"plan","code":{"text":"Terapiakäynti"},"subject":{"reference":"Patient/a"},"performer":[{"reference":"Practitioner/psy"}]}"#;
const SISTER: &str = r#"{"resourceType":"Observation","id":"o","status":"final","code":{"text":"siskon tilanne"},"subject":{"reference":"Patient/b"}}"#;
const OTHER: &str = r#"{"resourceType":"Patient","id":"b","identifier":[{"system":"urn:oid:1.2.246.21","value":"290200A961A"}],"name":[{"family":"Siskonen"}]}"#;
const LATER: &str = r#"{"resourceType":"Observation","id":"l","extension":[{"url":"https://hl7.fi/fhir/finnish-base-profiles/StructureDefinition/ReleaseDateForPatientViewing","valueDate":"2026-07-01"}],"status":"final","code":{"text":"koepala"},"subject":{"reference":"Patient/a"}}"#;
const LABELLED: &str = r#"{"resourceType":"Observation","id":"r","meta":{"security":[{"code":"R"}]},"status":"final","code":{"text":"päihdearvio"},"subject":{"reference":"Patient/a"}}"#;

const PLAN: &str = r#","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">Vaikea masennus</div>"},"title":"Masennuksen hoito","careTeam":[{"reference":"CareTeam/t"}],"addresses":[{"reference":"Condition/c"}],"goal":[{"reference":"Goal/g"}],"activity":[{"reference":{"reference":"ServiceRequest/s1"}},{"progress":[{"text":"käynyt terapiassa"}],"reference":{"reference":"ServiceRequest/s2"}},{"detail":{"status":"scheduled","description":"Ryhmä 140379-9128","performer":[{"display":"Oma yhdistys"}]}}]"#;

fn health() -> Contribution {
    let all = [DIAGNOSIS, PSYCHIATRIST, NURSE, GOAL, TEAM, OURS, THEIRS, SISTER, OTHER, LATER, LABELLED];
    unit("health", Sector::Health, PLAN, &all)
}

fn request(capacity: Capacity, register: &str) -> Request {
    let purpose = match capacity {
        Capacity::Professional(Sector::Health) => Purpose::Care,
        Capacity::Professional(_) => Purpose::SocialService,
        Capacity::Client | Capacity::Guardian => Purpose::OwnAccess,
        Capacity::Service => Purpose::Administration,
    };
    let mut requester = Requester::new(capacity);
    requester.registers.push(register.to_owned());
    requester.organisations.push("Oma yhdistys".to_owned());
    Request::read(requester, purpose)
}

/// Everything that a client may permit, to everybody in these tests.
fn permissions() -> Answer {
    let consent = |category: &str, body: &str| {
        format!(
            r#"{{"resource":{{"resourceType":"Consent","status":"active","scope":{{"coding":[{{"code":"patient-privacy"}}]}},{category}"sourceReference":{{"display":"x"}},"provision":{{{body}}}}}}}"#
        )
    };
    let own = |code: &str| {
        format!(
            r#""category":[{{"coding":[{{"system":"https://w3id.org/sauma/fhir/CodeSystem/permission","code":"{code}"}}]}}],"#
        )
    };
    let permit = r#""type":"permit""#;
    let all = [
        consent(&own("health-to-social"), permit),
        consent(&own("social-to-health"), permit),
        consent("", permit),
        consent(
            &own("written-consent"),
            r#""type":"permit","period":{"end":"2030"},"actor":[{"reference":{"display":"Oma yhdistys"}}]"#,
        ),
    ];
    Answer::read(&read(&format!(
        r#"{{"resourceType":"Bundle","type":"collection","entry":[{}]}}"#,
        all.join(",")
    )))
    .0
}

/// Everything that a view says, in each form: the Bundle, the pages, issues, findings, what is withheld.
fn said(view: &View) -> String {
    let mut out = to_string(&view.joined.bundle, Layout::Compact);
    for language in [Language::Fi, Language::Sv, Language::En] {
        out.push_str(&to_text(&render(view, Policy::county(), language, IdentityCode::Shown)));
    }
    for issue in &view.joined.issues {
        out.push_str(&format!("{issue:?} {} {}", issue.path, issue.message));
        out.push_str(issue.value.as_ref().map_or("", |value| value.reveal()));
    }
    for side in view.joined.findings.iter().flat_map(|finding| &finding.sides) {
        out.push_str(&format!("{} {} {}\n", side.source, side.target, side.value));
    }
    out.push_str(&format!("{:?}{:?}{:?}", view.withheld, view.joined.sources, view.joined.contact));
    out
}

/// The view of a requester; what it must say, and what it must not.
fn check(capacity: Capacity, register: &str, answer: &Answer, seen: &[&str], unseen: &[&str]) -> View {
    let view = view(&[health()], &[], &request(capacity, register), answer, Policy::county(), now());
    let said = said(&view);
    for word in seen {
        assert!(said.contains(word), "{capacity:?} does not see {word}: {said}");
    }
    for word in unseen {
        assert!(!said.contains(word), "{capacity:?} sees {word}: {said}");
    }
    view
}

#[test]
fn each_role_sees_what_it_is_entitled_to() {
    let all = permissions();
    let professional = |sector| Capacity::Professional(sector);
    check(
        professional(Sector::Health),
        COUNTY_OID,
        &Answer::None,
        &["Vaikea masennus", "Pekka Psykiatri", "siskon tilanne", "koepala", "päihdearvio", "140379-9128"],
        &[],
    );
    let social = check(
        professional(Sector::Social),
        COUNTY_OID,
        &all,
        &["Vaikea masennus", "Kuoro jatkuu", "Ei jaksa aamuisin", "Terapiakäynti", "koepala", "140379-9128"],
        &["päihdearvio", "siskon tilanne", "Siskonen", "290200A961A"],
    );
    assert!(
        social
            .withheld
            .iter()
            .any(|told| told.reason == Reason::Sensitive && told.kind.as_deref() == Some("Observation"))
    );
    let partner = check(
        professional(Sector::ThirdSector),
        "1.2.3",
        &all,
        &["Kuoro jatkuu", "Kuoroharjoitus", "Sari Sairaanhoitaja", "0503334445", "Aino", "Ryhmä ••••79-••••"],
        &[
            "masennus",
            "Masennus",
            "Psykiatri",
            "Ei jaksa",
            "Terapiakäynti",
            "käynyt terapiassa",
            "yksinäisyys",
            "140379-9128",
            "0401112223",
            "Koivukuja",
            "siskon",
            "Siskonen",
            "koepala",
            "päihdearvio",
            "Condition/",
        ],
    );
    assert!(partner.withheld.iter().all(|told| told.kind.is_none() && told.sector.is_none()));
    check(
        Capacity::Client,
        "",
        &Answer::None,
        &["Vaikea masennus", "Ei jaksa aamuisin", "päihdearvio", "Koivukuja 5", "140379-9128"],
        &["siskon tilanne", "Siskonen", "290200A961A", "koepala"],
    );
    let none = check(Capacity::Guardian, "", &all, &[], &["masennus", "Kuoro", "Aino"]);
    assert!(none.joined.sources.is_empty());
    let service = check(Capacity::Service, COUNTY_OID, &all, &[], &["Kuoro", "Aino"]);
    assert_eq!(service.withheld, []);
    check(professional(Sector::Social), COUNTY_OID, &Answer::None, &["no-answer"], &["masennus", "Kuoro"]);
}

#[test]
fn what_is_withheld_is_told_as_far_as_the_policy_lets_it() {
    let levels = [
        (Tell::Nothing, "nothing", [false, false, false]),
        (Tell::Reason, "reason", [true, false, false]),
        (Tell::Kind, "kind", [true, true, false]),
        (Tell::Source, "source", [true, true, true]),
    ];
    for (level, word, expected) in levels {
        // The view of social care is the one that tells `kind` after its list of what is withheld.
        let (before, after) = COUNTY.split_once("id = \"view-social\"").unwrap();
        let text = format!(
            "{before}id = \"view-social\"{}",
            after.replacen("tell = \"kind\"", &format!("tell = \"{word}\""), 1)
        );
        let policy = Policy::read(&text).unwrap();
        let request = request(Capacity::Professional(Sector::Social), COUNTY_OID);
        let view = view(&[health()], &[], &request, &Answer::None, &policy, now());
        let told = view.withheld.first();
        let found = [
            told.is_some(),
            told.is_some_and(|told| {
                told.kind.as_deref() == Some("plan") && told.sector == Some(Sector::Health)
            }),
            told.is_some_and(|told| told.unit.is_some()),
        ];
        assert_eq!(found, expected, "{level:?}");
    }
}

/// An address under a protection order is in no view, though only a source that is withheld knows of the order.
#[test]
fn a_protected_address_is_in_no_view() {
    let secret = r#","category":[{"text":"x"}]"#;
    let mut knowing = to_string(&unit("social", Sector::Social, secret, &[]).bundle, Layout::Compact);
    knowing = knowing.replace(
        r#""resourceType":"Patient","id":"a","#,
        r#""resourceType":"Patient","id":"a","meta":{"security":[{"code":"TURVAKIELTO"}]},"#,
    );
    assert!(knowing.contains("TURVAKIELTO"), "{knowing}");
    let contributions = [Contribution::new("social", "social", read(&knowing)), health()];
    for capacity in [
        Capacity::Client,
        Capacity::Professional(Sector::Health),
        Capacity::Professional(Sector::ThirdSector),
    ] {
        let view =
            view(&contributions, &[], &request(capacity, COUNTY_OID), &Answer::None, Policy::county(), now());
        let said = said(&view);
        assert!(!said.contains("Koivukuja") && !said.contains("0401112223"), "{capacity:?}: {said}");
    }
}

#[test]
fn contributions_that_only_what_is_withheld_links_are_one_plan() {
    // Two plans of health care without the code, each with an identifier that the social plan has beside it.
    let patient = |label: &str, sector: Sector, identifiers: &str| {
        let json = format!(
            r#"{{"resourceType":"Bundle","type":"collection","entry":[{{"resource":{{"resourceType":"CarePlan","id":"p","extension":[{{"url":"https://w3id.org/sauma/fhir/StructureDefinition/custodian","valueIdentifier":{{"value":"{COUNTY_OID}"}}}},{{"url":"https://w3id.org/sauma/fhir/StructureDefinition/sector","valueCode":"{}"}}],"identifier":[{{"system":"urn:p","value":"{label}"}}],"status":"active","intent":"plan","subject":{{"reference":"Patient/a"}}}}}},{{"resource":{{"resourceType":"Patient","id":"a","identifier":[{identifiers}],"birthDate":"1979-03-14"}}}}]}}"#,
            sector.as_str()
        );
        Contribution::new(label, label, read(&json))
    };
    let one = r#"{"system":"urn:a","value":"1"}"#;
    let two = r#"{"system":"urn:b","value":"2"}"#;
    let inputs = [
        patient("first", Sector::Health, one),
        patient("link", Sector::Social, &format!("{one},{two}")),
        patient("second", Sector::Health, two),
    ];
    let view = view(
        &inputs,
        &[],
        &request(Capacity::Professional(Sector::Health), COUNTY_OID),
        &Answer::None,
        Policy::county(),
        now(),
    );
    let labels: Vec<&str> = view.joined.sources.iter().map(|source| source.label.as_str()).collect();
    assert_eq!(labels, ["first", "second"]);
    assert!(!said(&view).contains("link"));
}

/// A small generator of numbers, the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % most
    }
}

/// Bundles in the hub form: every case of every unit system, and documents drawn from seeds.
fn pool() -> Vec<(String, Tree)> {
    let mut pool = Vec::new();
    for unit in UNITS {
        let program = unit.program().unwrap();
        let mut texts: Vec<Vec<u8>> =
            (0..12).map(|seed| generated(unit, program, seed, 4).1.into_bytes()).collect();
        for case in fs::read_dir(format!("mappings/{}/cases", unit.name)).unwrap() {
            let files = fs::read_dir(case.unwrap().path()).unwrap().map(|file| file.unwrap().path());
            let input = files.into_iter().find(|file| file.file_stem().is_some_and(|stem| stem == "input"));
            texts.extend(input.map(|input| fs::read(input).unwrap()));
        }
        for bytes in texts {
            let Ok(document) = Document::read(&bytes, Some(unit)) else { continue };
            let Ok(got) = program.get(&document.tree) else { continue };
            let Ok(bundle) = fhir::read_json(&to_string(&got.target, Layout::Compact), schema().names())
            else {
                continue;
            };
            // A large document says nothing that smaller ones do not, and takes a hundred times as long.
            if bundle.descend(NodeId::ROOT).count() < 1_500 {
                pool.push((unit.name.to_owned(), bundle));
            }
        }
    }
    pool.push(("health".to_owned(), (*health().bundle).clone()));
    pool
}

/// Elements whose texts people write, to which a mark can be added without making them something else.
const WRITTEN: &[&str] = &[
    "text",
    "display",
    "description",
    "title",
    "comment",
    "family",
    "given",
    "line",
    "city",
    "valueString",
    "name",
    "conclusion",
    "summary",
    "patientInstruction",
    "detailString",
    "scheduledString",
    "div",
];

/// A tree with a mark at the end of every written text: `zq` with the number of the node for those in `as_they_were`
/// or where that is not given, `zy` for all others.
fn marked(tree: &Tree, first: usize, as_they_were: Option<&BTreeSet<String>>) -> (Tree, Vec<String>) {
    let mut tree = tree.clone();
    let nodes: Vec<NodeId> = tree.descend(NodeId::ROOT).collect();
    let mut marks = Vec::new();
    for (at, node) in nodes.into_iter().enumerate() {
        let is_written = tree.kind(node) == Kind::Str && WRITTEN.contains(&tree.name_text(node));
        if !is_written || !tree.has_text(node) {
            continue;
        }
        let mark = format!("zq{:06}", first + at);
        let kept = as_they_were.is_none_or(|kept| kept.contains(&mark));
        let written = if kept { mark.clone() } else { mark.replace("zq", "zy") };
        let said = tree.text(node).into_owned();
        let said = match said.strip_suffix("</div>") {
            Some(inner) => format!("{inner} {written}</div>"),
            None => format!("{said} {written}"),
        };
        tree.set_text(node, &said);
        marks.push(mark);
    }
    (tree, marks)
}

/// The marks in a text.
fn marks_in(said: &str) -> BTreeSet<String> {
    let found = said.match_indices("zq").filter_map(|(at, _)| said.get(at..at + 8));
    found.filter(|mark| mark[2..].bytes().all(|byte| byte.is_ascii_digit())).map(str::to_owned).collect()
}

struct Trial {
    picked: Vec<usize>,
    request: Request,
    answer: Answer,
    sectors: Vec<Sector>,
    custodians: Vec<Option<String>>,
}

fn draw(random: &mut Random, pool: usize) -> Trial {
    let count = 1 + random.below(3);
    let sectors = [Sector::Health, Sector::Social, Sector::Employment, Sector::ThirdSector];
    let capacities = [
        Capacity::Professional(Sector::Health),
        Capacity::Professional(Sector::Social),
        Capacity::Professional(Sector::Employment),
        Capacity::Professional(Sector::ThirdSector),
        Capacity::Client,
    ];
    let answer = match random.below(3) {
        0 => Answer::None,
        1 => Answer::Grants(Vec::new()),
        _ => permissions(),
    };
    let custodian = |random: &mut Random| (random.below(2) == 0).then(|| COUNTY_OID.to_owned());
    Trial {
        picked: (0..count).map(|_| random.below(pool)).collect(),
        request: request(capacities[random.below(5)], COUNTY_OID),
        answer,
        sectors: (0..count).map(|_| sectors[random.below(4)]).collect(),
        custodians: (0..count).map(|_| custodian(random)).collect(),
    }
}

impl Trial {
    fn run(&self, pool: &[(String, Tree)], kept: Option<&BTreeSet<String>>) -> (View, BTreeSet<String>) {
        let mut marks = BTreeSet::new();
        let mut contributions = Vec::new();
        for (at, picked) in self.picked.iter().enumerate() {
            let (unit, tree) = &pool[*picked];
            let (tree, own) = marked(tree, at * 100_000, kept);
            let mut contribution = Contribution::new(format!("source-{at}"), format!("{unit}-{at}"), tree);
            contribution.sector = self.sectors[at];
            contribution.custodian.clone_from(&self.custodians[at]);
            contributions.push(contribution);
            marks.extend(own);
        }
        let labels = contributions.iter().map(|contribution| contribution.label.clone()).collect();
        let decisions = [Decision::same_client(labels)];
        (view(&contributions, &decisions, &self.request, &self.answer, Policy::county(), now()), marks)
    }

    /// What is wrong with the view: marks that must be hidden, and bytes that change with what is hidden.
    fn faults(&self, pool: &[(String, Tree)]) -> (Vec<String>, usize, usize) {
        let (view, marks) = self.run(pool, None);
        let before = said(&view);
        let seen = marks_in(&before);
        let hidden = marks.iter().filter(|mark| !seen.contains(*mark)).count();
        let mut faults = Vec::new();
        for (at, (label, ruling)) in view.decisions.iter().enumerate() {
            let number: usize = label.trim_start_matches("source-").parse().unwrap();
            let own = seen.iter().filter(|mark| mark[2..3].parse::<usize>().unwrap() == number).count();
            if !ruling.permitted && own > 0 {
                faults.push(format!("{at}: {own} texts of {label}, which is denied: {ruling:?}"));
            }
        }
        let (after, _) = self.run(pool, Some(&seen));
        let after = said(&after);
        if before != after {
            let at = before.bytes().zip(after.bytes()).take_while(|(a, b)| a == b).count();
            let around = |text: &str| {
                String::from_utf8_lossy(&text.as_bytes()[at.saturating_sub(120)..(at + 80).min(text.len())])
                    .into_owned()
            };
            faults.push(format!(
                "what is hidden changes the view:\n  {}\n  {}",
                around(&before),
                around(&after)
            ));
        }
        (faults, hidden, seen.len())
    }
}

/// No text of a source that is denied is in a view, and changing every hidden text, wherever it stands, changes no byte
/// of the view: its Bundle with its ids, its pages, issues, findings and what is told of the rest.
#[test]
fn nothing_withheld_can_be_told_from_a_view() {
    let pool = pool();
    let count: usize =
        std::env::var("SAUMA_VIEW_CASES").ok().and_then(|count| count.parse().ok()).unwrap_or(10_000);
    let started = std::time::Instant::now();
    let (next, faults) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    let (hidden, seen) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, std::num::NonZero::get) {
            scope.spawn(|| {
                loop {
                    let case = next.fetch_add(1, Ordering::Relaxed);
                    if case >= count {
                        return;
                    }
                    let trial = draw(&mut Random(case as u64 * 7_919 + 1), pool.len());
                    let (found, hides, sees) = trial.faults(&pool);
                    hidden.fetch_add(hides, Ordering::Relaxed);
                    seen.fetch_add(sees, Ordering::Relaxed);
                    if !found.is_empty() {
                        let names: Vec<&str> = trial.picked.iter().map(|at| pool[*at].0.as_str()).collect();
                        let asks = format!("{:?} {names:?}", trial.request.requester.capacity);
                        faults.lock().unwrap().insert(case, format!("{asks}\n{}", found.join("\n")));
                    }
                }
            });
        }
    });
    println!(
        "{count} views of {} documents, {} texts hidden, {} seen, {:.1?}",
        pool.len(),
        hidden.load(Ordering::Relaxed),
        seen.load(Ordering::Relaxed),
        started.elapsed()
    );
    let faults = faults.into_inner().unwrap();
    let shown: Vec<String> = faults.iter().take(5).map(|(case, fault)| format!("{case}: {fault}")).collect();
    assert!(faults.is_empty(), "{} of {count} views tell:\n{}", faults.len(), shown.join("\n"));
}
