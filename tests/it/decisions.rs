//! What people decide: followed, replayed, revoked without a trace, and flagged where its ground has gone.

use proptest::prelude::*;
use sauma::mapping::units::schema;
use sauma::plan::decision::{read, to_line};
use sauma::plan::{
    Contact, Contribution, Decider, Decision, Element, ElementState, Finding, FindingKind, Ground, Joined,
    Standing, Statement, join,
};
use sauma::tree::json::{Layout, to_string};
use sauma::tree::{NodeId, fhir};
use sauma::validate::{Options, Validator};
use std::collections::BTreeSet;
use std::sync::OnceLock;

/// A unit's plan of Aino: its goals as `id words status`, and who coordinates.
fn plan(unit: &str, version: u32, goals: &[(&str, &str, &str)], coordinator: &str) -> Contribution {
    client_plan(unit, version, "140379-9128", goals, coordinator)
}

fn client_plan(
    unit: &str,
    version: u32,
    hetu: &str,
    goals: &[(&str, &str, &str)],
    coordinator: &str,
) -> Contribution {
    let mut entries = vec![
        format!(
            r#"{{"resourceType":"CarePlan","id":"p","identifier":[{{"system":"urn:plan:{unit}","value":"1"}}],"meta":{{"versionId":"{version}"}},"status":"active","intent":"plan","subject":{{"reference":"Patient/a"}},"careTeam":[{{"reference":"CareTeam/t"}}]}}"#
        ),
        format!(
            r#"{{"resourceType":"Patient","id":"a","identifier":[{{"system":"urn:oid:1.2.246.21","value":"{hetu}"}}],"name":[{{"family":"Testikoivu","given":["Aino"]}}]}}"#
        ),
        format!(
            r#"{{"resourceType":"CareTeam","id":"t","status":"active","subject":{{"reference":"Patient/a"}},"participant":[{{"role":[{{"text":"koordinaattori"}}],"member":{{"reference":"Practitioner/w"}}}},{{"role":[{{"text":"lääkäri"}}],"member":{{"reference":"Practitioner/d"}}}}]}}"#
        ),
        format!(
            r#"{{"resourceType":"Practitioner","id":"w","identifier":[{{"system":"urn:w","value":"{coordinator}"}}],"name":[{{"text":"{coordinator}"}}]}}"#
        ),
        format!(r#"{{"resourceType":"Practitioner","id":"d","name":[{{"text":"Lääkäri {unit}"}}]}}"#),
    ];
    for (id, words, status) in goals {
        let identifier = id.strip_prefix('#').map_or_else(
            || format!(r#""identifier":[{{"system":"urn:goal:{unit}","value":"{id}"}}],"#),
            |shared| format!(r#""identifier":[{{"system":"urn:goal","value":"{shared}"}}],"#),
        );
        entries.push(format!(
            r#"{{"resourceType":"Goal",{identifier}"lifecycleStatus":"{status}","description":{{"text":"{words}"}},"subject":{{"reference":"Patient/a"}}}}"#
        ));
    }
    let entries: Vec<String> = entries.iter().map(|entry| format!(r#"{{"resource":{entry}}}"#)).collect();
    let json = format!(r#"{{"resourceType":"Bundle","type":"collection","entry":[{}]}}"#, entries.join(","));
    Contribution::new(
        format!("{unit}-{version}"),
        unit,
        fhir::read_json(&json, schema().names()).expect(&json),
    )
}

fn decide(statement: Statement, minute: u32) -> Decision {
    let by = Decider {
        name: "Elina Esimerkki".to_owned(),
        role: "sosiaaliohjaaja".to_owned(),
        organisation: "Testilän hyvinvointialue".to_owned(),
    };
    Decision::new(statement, by, format!("2026-03-14T10:{minute:02}:00+02:00"), "sovittiin palaverissa")
        .unwrap()
}

fn bytes(joined: &Joined) -> String {
    to_string(&joined.bundle, Layout::Compact)
}

fn of_kind(joined: &Joined, kind: FindingKind) -> Vec<&Finding> {
    joined.findings.iter().filter(|finding| finding.kind == kind).collect()
}

fn goals(joined: &Joined) -> usize {
    bytes(joined).matches(r#""resourceType":"Goal""#).count()
}

fn standings(joined: &Joined) -> Vec<Standing> {
    joined.rulings.iter().map(|ruling| ruling.standing.clone()).collect()
}

/// What is joined is valid FHIR and fits our profiles; the errors.
fn errors(joined: &Joined) -> Vec<String> {
    let tree = fhir::read_json(&bytes(joined), schema().names()).unwrap();
    let report = Validator::new(schema()).validate(&tree, &Options::default());
    let errors = report.issues.iter().filter(|issue| issue.severity == sauma::diag::Severity::Error);
    errors.map(|issue| format!("{} {} {}", issue.code.id, issue.path, issue.message)).collect()
}

fn two() -> Vec<Contribution> {
    vec![
        plan("social", 1, &[("s1", "Velat saadaan hallintaan", "active"), ("s2", "Kuoro", "active")], "Sini"),
        plan(
            "health",
            1,
            &[("h1", "Velat saadaan hallintaan.", "on-hold"), ("h2", "Uni", "active")],
            "Hanna",
        ),
    ]
}

#[test]
fn the_same_goal_becomes_one_and_its_contradictions_are_told() {
    let inputs = two();
    let before = join(&inputs, &[]);
    let likely = of_kind(&before, FindingKind::LikelyDuplicate);
    assert_eq!((likely.len(), goals(&before)), (1, 4));
    let same = decide(likely[0].same().unwrap(), 0);
    let joined = join(&inputs, std::slice::from_ref(&same));
    assert_eq!((goals(&joined), standings(&joined)), (3, vec![Standing::Applied]));
    assert!(of_kind(&joined, FindingKind::LikelyDuplicate).is_empty());
    let made = bytes(&joined);
    assert!(made.contains("urn:goal:social") && made.contains("urn:goal:health"));
    assert!(made.contains("sovittiin palaverissa") && made.contains("Elina Esimerkki"));
    let told: BTreeSet<&str> = of_kind(&joined, FindingKind::Conflict)
        .iter()
        .flat_map(|finding| &finding.sides)
        .map(|side| side.value.as_str())
        .collect();
    let both = ["Velat saadaan hallintaan", "Velat saadaan hallintaan.", "active", "on-hold"];
    assert_eq!(told, BTreeSet::from(both));
    assert_eq!(errors(&joined), Vec::<String>::new());
    // Revoked, nothing of it is left.
    let revoke = decide(Statement::Revoke(same.id().to_owned()), 1);
    let after = join(&inputs, &[same, revoke]);
    assert_eq!((bytes(&after), after.issues), (bytes(&before), before.issues));
}

#[test]
fn what_is_not_the_same_is_not_asked_again() {
    let inputs = two();
    let likely = join(&inputs, &[]);
    let not = decide(of_kind(&likely, FindingKind::LikelyDuplicate)[0].not_same().unwrap(), 0);
    let joined = join(&inputs, &[not]);
    assert!(of_kind(&joined, FindingKind::LikelyDuplicate).is_empty());
    assert_eq!((goals(&joined), standings(&joined)), (4, vec![Standing::Applied]));
    assert_eq!(errors(&joined), Vec::<String>::new());
}

#[test]
fn a_shared_identifier_gives_way_to_a_person() {
    let goal = |unit| plan(unit, 1, &[("#9", "Kuoro", "active")], "Sini");
    let inputs = [goal("social"), goal("health")];
    assert_eq!(goals(&join(&inputs, &[])), 1);
    let grounds: Vec<Ground> = inputs
        .iter()
        .map(|input| {
            let alone = join(std::slice::from_ref(input), &[]);
            let line = alone.lineage.iter().find(|line| line.target.starts_with("Goal/")).unwrap();
            Ground { contribution: input.key(), resource: line.target.to_string(), says: String::new() }
        })
        .collect();
    let joined = join(&inputs, &[decide(Statement::NotSameResource(grounds), 0)]);
    assert_eq!((goals(&joined), standings(&joined)), (2, vec![Standing::Applied]));
}

#[test]
fn the_right_value_stands_and_the_other_is_still_told() {
    let goal = |unit: &str, status: &str| plan(unit, 1, &[("#9", "Kuoro", status)], "Sini");
    let inputs = [goal("social", "active"), goal("health", "completed")];
    let before = join(&inputs, &[]);
    assert_eq!(goals(&before), 2);
    let torn = of_kind(&before, FindingKind::Conflict);
    assert_eq!(torn.len(), 1);
    for (side, value) in torn[0].sides.iter().enumerate().map(|(at, side)| (at, side.value.clone())) {
        let decision = decide(torn[0].right(side).unwrap(), 0);
        let joined = join(&inputs, std::slice::from_ref(&decision));
        assert_eq!((goals(&joined), standings(&joined)), (1, vec![Standing::Applied]), "{value}");
        assert_eq!(bytes(&joined).matches(&format!(r#""lifecycleStatus":"{value}""#)).count(), 1);
        let told = of_kind(&joined, FindingKind::Conflict);
        assert_eq!(told.len(), 1);
        assert_eq!((told[0].decided.as_deref(), told[0].sides.len()), (Some(decision.id()), 2));
        let of_status = of_status(&joined, &inputs);
        assert!(
            of_status.iter().all(|(words, stands)| *stands == (*words == value)),
            "{value}: {of_status:?}"
        );
        assert!(of_status.iter().any(|(_, stands)| *stands), "{value}: {of_status:?}");
        assert_eq!(errors(&joined), Vec::<String>::new());
        // A third source that says something new: nobody has decided about that.
        let mut more = inputs.to_vec();
        more.push(goal("employment", "on-hold"));
        let joined = join(&more, std::slice::from_ref(&decision));
        assert_eq!((goals(&joined), standings(&joined)), (3, vec![Standing::GroundGone]));
        // And one that says what was known changes nothing.
        more[2] = goal("employment", &value);
        let joined = join(&more, std::slice::from_ref(&decision));
        assert_eq!(standings(&joined).len(), 1);
    }
}

/// What the sources of the status of the goal say, and whether the goal says it in the same words.
fn of_status(joined: &Joined, inputs: &[Contribution]) -> Vec<(&'static str, bool)> {
    let tree = &joined.bundle;
    let status = tree.descend(NodeId::ROOT).find(|node| tree.name_text(*node) == "lifecycleStatus").unwrap();
    let said = |element: &Element| {
        let label = &joined.sources[element.source].label;
        let source = inputs.iter().find(|from| from.label == *label).unwrap();
        let words = if source.bundle.text(element.from) == "active" { "active" } else { "completed" };
        (words, element.state == ElementState::Same)
    };
    joined.origins(status).iter().map(said).collect()
}

#[test]
fn the_decided_coordinator_is_the_contact() {
    let inputs = two();
    let before = join(&inputs, &[]);
    let Contact::Several(people) = &before.contact else { panic!("{:?}", before.contact) };
    assert_eq!(people.len(), 2);
    let several = of_kind(&before, FindingKind::SeveralCoordinators);
    let made = decide(several[0].right(0).unwrap(), 0);
    let name = several[0].sides[0].value.clone();
    let joined = join(&inputs, std::slice::from_ref(&made));
    let Contact::One(person) = &joined.contact else { panic!("{:?}", joined.contact) };
    assert_eq!((&person.name, standings(&joined)), (&name, vec![Standing::Applied]));
    assert_eq!(of_kind(&joined, FindingKind::SeveralCoordinators)[0].decided.as_deref(), Some(made.id()));
    assert_eq!(errors(&joined), Vec::<String>::new());
    // Somebody else takes over: the decision is about a person who is no more there.
    let unit = several[0].sides[0].source.trim_end_matches("-1").to_owned();
    let mut renewed = two();
    renewed.push(plan(&unit, 2, &[], "Uusi Ihminen"));
    let joined = join(&renewed, &[made]);
    assert_eq!(standings(&joined), [Standing::GroundGone]);
    assert!(joined.issues.iter().any(|issue| issue.code.id == "P411"));
}

#[test]
fn a_decision_is_replayed_on_renewal_and_flagged_when_its_ground_has_gone() {
    let inputs = two();
    let same = decide(of_kind(&join(&inputs, &[]), FindingKind::LikelyDuplicate)[0].same().unwrap(), 0);
    let renewed = |goals: &[(&str, &str, &str)]| {
        let mut inputs = two();
        inputs.push(plan("health", 2, goals, "Hanna"));
        join(&inputs, std::slice::from_ref(&same))
    };
    // What happens with the goal changes, what it is does not.
    let joined = renewed(&[("h1", "Velat saadaan hallintaan.", "completed")]);
    assert_eq!((goals(&joined), standings(&joined)), (2, vec![Standing::Applied]));
    let joined = renewed(&[("h1", "Asunto löytyy", "active")]);
    assert_eq!((goals(&joined), standings(&joined)), (3, vec![Standing::GroundGone]));
    let joined = renewed(&[("h2", "Uni", "active")]);
    assert_eq!((goals(&joined), standings(&joined)), (3, vec![Standing::GroundGone]));
    assert!(joined.issues.iter().any(|issue| issue.code.id == "P411"));
    // Without the other unit's plan it is nobody's business.
    let joined = join(&two()[..1], std::slice::from_ref(&same));
    assert!(joined.rulings.is_empty() && !joined.issues.iter().any(|issue| issue.code.id == "P411"));
}

#[test]
fn of_two_minds_the_newer_counts_and_equals_count_neither() {
    let inputs = two();
    let before = join(&inputs, &[]);
    let likely = of_kind(&before, FindingKind::LikelyDuplicate)[0];
    let (same, not) = (likely.same().unwrap(), likely.not_same().unwrap());
    let check = |minutes: (u32, u32), count: usize, code: &str| {
        let joined = join(&inputs, &[decide(same.clone(), minutes.0), decide(not.clone(), minutes.1)]);
        assert_eq!(goals(&joined), count);
        assert!(joined.issues.iter().any(|issue| issue.code.id == code), "{:?}", joined.issues);
    };
    check((1, 2), 4, "P413");
    check((2, 1), 3, "P413");
    check((1, 1), 4, "P412");
}

#[test]
fn splitting_a_wrong_match_puts_everything_back_for_each_client() {
    let (a, b) = (
        client_plan("social", 1, "140379-9128", &[("s1", "Kuoro", "active")], "Sini"),
        client_plan("health", 1, "290200A961A", &[("h1", "Uni", "active")], "Hanna"),
    );
    let alone =
        |input: &Contribution, decisions: &[Decision]| bytes(&join(std::slice::from_ref(input), decisions));
    let (own_a, own_b) = (alone(&a, &[]), alone(&b, &[]));
    let grounds = || [&a, &b].map(|input| Ground::contribution(input.key())).to_vec();
    let both = [a.clone(), b.clone()];
    let wrong = decide(Statement::SameClient(grounds()), 0);
    assert!(join(&both, &[]).is_refused());
    let joined = join(&both, std::slice::from_ref(&wrong));
    assert!(!joined.is_refused());
    assert_eq!(errors(&joined), Vec::<String>::new());
    for right in [Statement::NotSameClient(grounds()), Statement::Revoke(wrong.id().to_owned())] {
        let log = [wrong.clone(), decide(right, 5)];
        assert!(join(&both, &log).is_refused());
        assert_eq!((alone(&a, &log), alone(&b, &log)), (own_a.clone(), own_b.clone()));
    }
}

#[test]
fn an_equal_code_does_not_join_what_people_have_parted() {
    let inputs = two();
    let grounds = inputs.iter().map(|input| Ground::contribution(input.key())).collect();
    let joined = join(&inputs, &[decide(Statement::NotSameClient(grounds), 0)]);
    assert!(joined.is_refused());
    assert!(joined.issues.iter().any(|issue| issue.code.id == "P403"));
}

/// What people may state about the two plans.
fn statements(inputs: &[Contribution]) -> Vec<Statement> {
    let joined = join(inputs, &[]);
    let mut found: Vec<Statement> = Vec::new();
    for finding in &joined.findings {
        found.extend(finding.same());
        found.extend(finding.not_same());
        found.extend((0..finding.sides.len()).filter_map(|side| finding.right(side)));
    }
    let grounds = || inputs.iter().map(|input| Ground::contribution(input.key())).collect();
    found.push(Statement::SameClient(grounds()));
    found.push(Statement::NotSameClient(grounds()));
    found
}

/// Two plans that contradict each other in all ways that people decide on, and what they may state.
fn torn() -> &'static (Vec<Contribution>, Vec<Statement>) {
    static TORN: OnceLock<(Vec<Contribution>, Vec<Statement>)> = OnceLock::new();
    TORN.get_or_init(|| {
        let social = [("s1", "Velat saadaan hallintaan", "active"), ("#9", "Kuoro", "active")];
        let health = [("h1", "Velat saadaan hallintaan.", "on-hold"), ("#9", "Kuoro", "completed")];
        let inputs = vec![plan("social", 1, &social, "Sini"), plan("health", 1, &health, "Hanna")];
        let statements = statements(&inputs);
        (inputs, statements)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: crate::families::cases(), ..ProptestConfig::default() })]

    /// The order of the log, copies in it and its form as text mean nothing; what is revoked was never made.
    #[test]
    fn a_log_has_no_order(chosen in prop::collection::vec((0..32_usize, 0..4_u32, any::<bool>()), 0..6), turn in 0..6_usize) {
        let (mut inputs, all) = torn().clone();
        let mut log = Vec::new();
        let mut kept = Vec::new();
        for (at, minute, revoked) in &chosen {
            let made = decide(all[at % all.len()].clone(), *minute);
            if *revoked {
                log.push(decide(Statement::Revoke(made.id().to_owned()), 30));
            }
            log.push(made);
        }
        for made in &log {
            let is_revoked = log.iter().any(|other| *other.statement() == Statement::Revoke(made.id().to_owned()));
            if !is_revoked && !matches!(made.statement(), Statement::Revoke(_)) {
                kept.push(made.clone());
            }
        }
        let joined = join(&inputs, &log);
        let mut turned = log.clone();
        turned.rotate_left(turn.min(log.len()));
        turned.extend(log.iter().cloned());
        let text: String = turned.iter().map(|made| to_line(made) + "\n").collect();
        let again = read(&text).unwrap();
        inputs.reverse();
        let other = join(&inputs, &again);
        prop_assert_eq!(bytes(&joined), bytes(&other));
        prop_assert_eq!(&joined.issues, &other.issues);
        let never = join(&inputs, &kept);
        prop_assert_eq!(bytes(&joined), bytes(&never));
        prop_assert_eq!(&joined.issues, &never.issues);
    }
}
