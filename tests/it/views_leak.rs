//! Nothing that is withheld is in a view or can be told from it. Texts, codes, dates, identifiers, numbers and urls of
//! documents are given values that occur nowhere else, and every string and number of the view is walked for them.

use crate::views::{COUNTY_OID, health, now, permissions, read, request, said};
use sauma::exchange::document::Document;
use sauma::exchange::laws::generated;
use sauma::mapping::Random;
use sauma::mapping::units::UNITS;
use sauma::plan::permission::{
    Answer, Audience, BreakGlass, Capacity, EmergencyReason, Reason, Request, Word,
};
use sauma::plan::policy::Policy;
use sauma::plan::view::{View, client_key, view};
use sauma::plan::{Contribution, Decision, Sector};
use sauma::tree::json::{Layout, to_string};
use sauma::tree::{Kind, NodeId, Tree};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Marks of one source; each source has its own thousands.
const OF_SOURCE: usize = 100_000;
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
/// Elements below which a value decides what is seen, whose plan it is or which version counts: changing it is meant to
/// change the view.
const STEERING: &[&str] = &["meta", "role", "category", "communication", "period", "status", "timestamp"];
/// Words of extensions that decide.
const STEERING_EXTENSIONS: &[&str] =
    &["RestrictionParent", "ReleaseDate", "version", "document-time", "sector", "custodian", "service-task"];
/// What a partner may see of a register that is not its own, written down without looking at the policy.
const PARTNER: &[&str] = &[
    "Patient.name",
    "Patient.communication",
    "CarePlan.activity",
    "CarePlan.goal",
    "CarePlan.careTeam",
    "CarePlan.subject",
    "CarePlan.identifier",
    "CarePlan.extension",
    "Goal.description",
    "Goal.target",
    "Goal.category",
    "Goal.start",
    "Goal.statusDate",
    "Goal.priority",
    "Goal.expressedBy",
    "Goal.subject",
    "Goal.identifier",
    "Goal.achievementStatus",
    "CareTeam.",
    "Practitioner.name",
    "Practitioner.telecom",
    "PractitionerRole.",
    "Organization.name",
    "Organization.identifier",
    "Organization.telecom",
    "ServiceRequest.",
    "Task.",
    "Appointment.",
];
/// And what it never sees, wherever it stands.
const NEVER_PARTNER: &[&str] = &[".note", ".reason", ".div", ".progress", ".outcome", ".supportingInfo"];
/// What social care never sees of another register.
const NEVER_SOCIAL: &[&str] =
    &["MedicationStatement.", "AllergyIntolerance.", "Immunization.", "Coverage.", "Claim."];

/// A document in the hub form: as it is, with what is recorded for guardians (codes 1 and 3), and under a protection
/// order.
struct Paper {
    unit: String,
    forms: [Tree; 4],
}

impl Paper {
    fn new(unit: &str, tree: &Tree) -> Self {
        let text = to_string(tree, Layout::Compact);
        let form = |extension: Option<&str>, label: bool| {
            let mut value: Value = serde_json::from_str(&text).unwrap();
            let entries = value.get_mut("entry").and_then(Value::as_array_mut).into_iter().flatten();
            for resource in entries.filter_map(|entry| entry.get_mut("resource")) {
                if resource["resourceType"] != "Patient" {
                    continue;
                }
                if let Some(code) = extension {
                    let restriction = json!({"url": "https://hl7.fi/fhir/StructureDefinition/RestrictionParent",
                        "valueCoding": {"code": code}});
                    add(resource, "extension", restriction);
                }
                if label {
                    if resource["meta"].is_null() {
                        resource["meta"] = json!({});
                    }
                    add(&mut resource["meta"], "security", json!({"code": "TURVAKIELTO"}));
                }
            }
            read(&value.to_string())
        };
        Self {
            unit: unit.to_owned(),
            forms: [tree.clone(), form(Some("1"), false), form(Some("3"), false), form(None, true)],
        }
    }
}

fn add(holder: &mut Value, name: &str, item: Value) {
    match holder[name].as_array_mut() {
        Some(list) => list.push(item),
        None => holder[name] = json!([item]),
    }
}

/// Every case of every unit system, and documents drawn from seeds.
fn pool() -> Vec<Paper> {
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
            let text = to_string(&got.target, Layout::Compact);
            let Ok(bundle) = sauma::tree::fhir::read_json(&text, sauma::mapping::units::schema().names())
            else {
                continue;
            };
            // A large document says nothing that smaller ones do not, and takes a hundred times as long.
            if bundle.descend(NodeId::ROOT).count() < 1_500 {
                pool.push(Paper::new(unit.name, &bundle));
            }
        }
    }
    pool.push(Paper::new("health", &health().bundle));
    pool
}

/// What kind of value a mark stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sort {
    Text,
    Code,
    Date,
    Identifier,
    Number,
    Url,
}

/// A mark: where it stands, and in what.
#[derive(Debug, Clone)]
struct Mark {
    sort: Sort,
    place: String,
}

/// The kind of the resource that holds a node, and the elements on the way to it.
fn place(tree: &Tree, node: NodeId) -> Option<String> {
    let mut parts = Vec::new();
    let mut here = node;
    loop {
        if let Some(kind) = tree.resource_type(here) {
            parts.push(kind.into_owned());
            parts.reverse();
            return (parts[0] != "Bundle").then(|| parts.join("."));
        }
        parts.push(tree.name_text(here).to_owned());
        here = tree.parent(here)?;
    }
}

fn sort(tree: &Tree, node: NodeId, place: &str, marks_all: bool) -> Option<Sort> {
    let name = tree.name_text(node);
    let text = tree.text(node);
    if tree.kind(node) == Kind::Str && WRITTEN.contains(&name) {
        return Some(Sort::Text);
    }
    let mut parts = place.split('.');
    let kind = parts.next().unwrap_or_default();
    if !marks_all || ["Patient", "Consent"].contains(&kind) || parts.any(|part| STEERING.contains(&part)) {
        return None;
    }
    let above = tree.parent(node)?;
    let url = tree.child_text(above, "url").unwrap_or_default();
    if STEERING_EXTENSIONS.iter().any(|word| url.contains(word)) || place == "CarePlan.created" {
        return None;
    }
    let is_date = |text: &str| {
        text.len() >= 7
            && text.bytes().take(4).all(|byte| byte.is_ascii_digit())
            && text.as_bytes()[4] == b'-'
    };
    match (tree.kind(node), name) {
        (Kind::Number, _) => Some(Sort::Number),
        (Kind::Str, "code") if tree.name_text(above) == "coding" || name.starts_with("valueCoding") => {
            let own =
                tree.child_text(above, "system").is_some_and(|system| system.contains("w3id.org/sauma"));
            (!own).then_some(Sort::Code)
        }
        // The identifier of a plan is the plan's key, by which its versions are known.
        (Kind::Str, "value") if tree.name_text(above) == "identifier" => {
            (!place.starts_with("CarePlan.identifier")).then_some(Sort::Identifier)
        }
        (Kind::Str, "value") if tree.name_text(above) == "telecom" => Some(Sort::Url),
        (Kind::Str, "valueUri" | "valueUrl") => Some(Sort::Url),
        (Kind::Str, "url") if tree.name_text(above) != "extension" => Some(Sort::Url),
        (Kind::Str, _) if is_date(&text) => Some(Sort::Date),
        _ => None,
    }
}

/// The value with a mark: one for what stays, another for what is changed behind the back of the view.
fn written(said: &str, sort: Sort, number: usize, stays: bool) -> String {
    match sort {
        Sort::Text => {
            let mark = format!(" z{}{number:06}", if stays { 'q' } else { 'y' });
            match said.strip_suffix("</div>") {
                Some(inner) => format!("{inner}{mark}</div>"),
                None => format!("{said}{mark}"),
            }
        }
        Sort::Code | Sort::Identifier | Sort::Url => {
            format!("{said}-z{}{number:06}", if stays { 'q' } else { 'y' })
        }
        Sort::Date => {
            let (month, day) = (number / 28, number % 28 + 1);
            let year = if stays { 3_000 } else { 4_000 } + month / 12;
            format!("{year}-{:02}-{day:02}", month % 12 + 1)
        }
        Sort::Number => (if stays { 880_000_000 } else { 770_000_000 } + number).to_string(),
    }
}

/// A tree with a mark in every value that can bear one: as it was for those in `as_they_were` or where that is not
/// given, another for all others.
fn marked(
    tree: &Tree,
    first: usize,
    marks_all: bool,
    as_they_were: Option<&BTreeSet<usize>>,
) -> (Tree, BTreeMap<usize, Mark>) {
    let mut tree = tree.clone();
    let nodes: Vec<NodeId> = tree.descend(NodeId::ROOT).collect();
    let mut marks = BTreeMap::new();
    for (at, node) in nodes.into_iter().enumerate() {
        if !tree.has_text(node) {
            continue;
        }
        let Some(place) = place(&tree, node) else { continue };
        let Some(sort) = sort(&tree, node, &place, marks_all) else { continue };
        let number = first + at;
        let stays = as_they_were.is_none_or(|kept| kept.contains(&number));
        let said = written(&tree.text(node), sort, number, stays);
        tree.set_text(node, &said);
        marks.insert(number, Mark { sort, place });
    }
    (tree, marks)
}

/// The marks in a text: each word of letters and digits is one, or ends with one; each date, in either way of writing.
fn marks_in(said: &str) -> BTreeSet<usize> {
    let mut found: BTreeSet<usize> = BTreeSet::new();
    for (at, _) in said.match_indices("zq") {
        found.extend(said.get(at + 2..at + 8).and_then(|digits| digits.parse::<usize>().ok()));
    }
    let runs = said.split(|letter: char| !letter.is_ascii_digit() && !"-.".contains(letter));
    for run in runs {
        let parts: Vec<usize> = run.split(['-', '.']).filter_map(|part| part.parse().ok()).collect();
        found.extend(
            parts
                .iter()
                .filter(|part| (880_000_000..881_000_000).contains(*part))
                .map(|part| part - 880_000_000),
        );
        let day = match parts.as_slice() {
            [year, month, day] if (3_000..3_900).contains(year) => Some((*year, *month, *day)),
            [day, month, year] if (3_000..3_900).contains(year) => Some((*year, *month, *day)),
            _ => None,
        };
        let number = |(year, month, day): (usize, usize, usize)| {
            (((year - 3_000) * 12 + month.checked_sub(1)?) * 28 + day.checked_sub(1)?).into()
        };
        found.extend(day.and_then(|day| -> Option<usize> { number(day) }));
    }
    found
}

struct Trial {
    picked: Vec<(usize, usize)>,
    /// Marks codes, dates, identifiers, numbers and urls too, so that none means anything.
    marks_all: bool,
    /// The second is another version of the first, of the same age.
    has_twins: bool,
    labels: Vec<String>,
    request: Request,
    glass: Option<&'static str>,
    answer: Answer,
    sectors: Vec<Sector>,
    custodians: Vec<Option<String>>,
}

fn one_in(random: &mut Random, most: usize) -> bool {
    random.below(most) == 0
}

fn draw(random: &mut Random, pool: usize) -> Trial {
    let count = 1 + random.below(3);
    let capacities: Vec<Capacity> = Sector::ALL
        .iter()
        .map(|sector| Capacity::Professional(*sector))
        .chain([Capacity::Client, Capacity::Guardian, Capacity::Service])
        .collect();
    let answer = match random.below(4) {
        0 => Answer::None,
        1 => Answer::Grants(Vec::new()),
        _ => permissions(),
    };
    let mut picked: Vec<(usize, usize)> = (0..count)
        .map(|_| (random.below(pool), if one_in(random, 3) { 1 + random.below(3) } else { 0 }))
        .collect();
    let mut sectors: Vec<Sector> = (0..count).map(|_| Sector::ALL[random.below(Sector::ALL.len())]).collect();
    let custodian = |random: &mut Random| one_in(random, 2).then(|| COUNTY_OID.to_owned());
    let mut custodians: Vec<Option<String>> = (0..count).map(|_| custodian(random)).collect();
    let has_twins = count > 1 && one_in(random, 4);
    if has_twins {
        picked[1] = picked[0];
        sectors[1] = sectors[0];
        let (first, rest) = custodians.split_at_mut(1);
        rest[0].clone_from(&first[0]);
    }
    let letter = |random: &mut Random| char::from(b'a' + u8::try_from(random.below(26)).unwrap());
    let glass = match random.below(4) {
        0 => Some("tajuton, omaisia ei tavoiteta"),
        1 => Some("kiire"),
        _ => None,
    };
    Trial {
        picked,
        marks_all: one_in(random, 2),
        has_twins,
        labels: (0..count).map(|at| format!("{}-source-{at}", letter(random))).collect(),
        request: request(capacities[random.below(capacities.len())], COUNTY_OID),
        glass,
        answer,
        sectors,
        custodians,
    }
}

impl Trial {
    fn run(&self, pool: &[Paper], kept: Option<&BTreeSet<usize>>) -> (View, BTreeMap<usize, Mark>) {
        let mut marks = BTreeMap::new();
        let mut contributions = Vec::new();
        for (at, (picked, form)) in self.picked.iter().enumerate() {
            let paper = &pool[*picked];
            let (tree, own) = marked(&paper.forms[*form], at * OF_SOURCE, self.marks_all, kept);
            let unit = if self.has_twins && at == 1 { 0 } else { at };
            let mut contribution =
                Contribution::new(self.labels[at].as_str(), format!("{}-{unit}", paper.unit), tree);
            contribution.sector = self.sectors[at];
            contribution.custodian.clone_from(&self.custodians[at]);
            contributions.push(contribution);
            marks.extend(own);
        }
        let decisions = [Decision::same_client(self.labels.clone())];
        let mut request = self.request.clone();
        request.break_glass = self.glass.map(|words| BreakGlass {
            reason: EmergencyReason::Life,
            words: words.to_owned(),
            client: client_key(&contributions, &decisions),
            since: now(),
        });
        (view(&contributions, &decisions, &request, &self.answer, Policy::county(), now()), marks)
    }

    /// What is wrong with the view: marks that must be hidden, and bytes that change with what is hidden.
    fn faults(&self, pool: &[Paper], counts: &Mutex<BTreeMap<(Sort, bool), usize>>) -> Vec<String> {
        let (view, marks) = self.run(pool, None);
        let before = said(&view);
        let mut seen = marks_in(&before);
        seen.retain(|mark| marks.contains_key(mark));
        for (number, mark) in &marks {
            *counts.lock().unwrap().entry((mark.sort, seen.contains(number))).or_default() += 1;
        }
        let mut faults = self.places(&view, &marks, &seen);
        let (after, _) = self.run(pool, Some(&seen));
        let after = said(&after);
        if before != after {
            let at = before.bytes().zip(after.bytes()).take_while(|(a, b)| a == b).count();
            let around = |text: &str| {
                String::from_utf8_lossy(&text.as_bytes()[at.saturating_sub(160)..(at + 80).min(text.len())])
                    .into_owned()
            };
            faults.push(format!(
                "what is hidden changes the view:\n  {}\n  {}",
                around(&before),
                around(&after)
            ));
        }
        faults
    }

    /// Marks at places that the requester must not see.
    fn places(&self, view: &View, marks: &BTreeMap<usize, Mark>, seen: &BTreeSet<usize>) -> Vec<String> {
        let rulings: BTreeMap<&str, _> =
            view.decisions.iter().map(|(label, ruling)| (label.as_str(), ruling)).collect();
        let audience = view.audience;
        let leaks = seen.iter().filter_map(|number| {
            let mark = &marks[number];
            // Of two versions the one that does not count is in no view, and no decision names it.
            let ruling = rulings.get(self.labels[number / OF_SOURCE].as_str());
            let is_shown = ruling.is_some_and(|ruling| {
                ruling.permitted
                    && (ruling.reason == Reason::SameRegister || may_stand(audience, &mark.place))
            });
            (!is_shown).then(|| format!("{audience:?} sees {mark:?} of {ruling:?}"))
        });
        leaks.collect()
    }
}

fn may_stand(audience: Audience, place: &str) -> bool {
    let starts = |list: &[&str]| list.iter().any(|start| place.starts_with(start));
    match audience {
        Audience::Employment | Audience::ThirdSector | Audience::Education => {
            // Extensions may hold what a unit wrote; those of a plan say whose it is and of when.
            let is_word = place.contains(".extension") && !place.starts_with("CarePlan.extension");
            starts(PARTNER) && !is_word && !NEVER_PARTNER.iter().any(|part| place.contains(part))
        }
        Audience::Social => !starts(NEVER_SOCIAL),
        Audience::OwnRegister | Audience::Health | Audience::Client | Audience::Guardian => true,
        Audience::Service => false,
    }
}

/// No value of a source that is denied is in a view, none stands at a place that its reader must not see, and changing
/// every hidden value, wherever it stands, changes no byte of the view: its Bundle with its ids, its pages, issues,
/// findings and what is told of the rest.
#[test]
fn nothing_withheld_can_be_told_from_a_view() {
    let pool = pool();
    let count: usize =
        std::env::var("SAUMA_VIEW_CASES").ok().and_then(|count| count.parse().ok()).unwrap_or(10_000);
    let started = std::time::Instant::now();
    let (next, faults) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    let counts = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, std::num::NonZero::get) {
            scope.spawn(|| {
                loop {
                    let case = next.fetch_add(1, Ordering::Relaxed);
                    if case >= count {
                        return;
                    }
                    let trial = draw(&mut Random::new(case as u64), pool.len());
                    let found = trial.faults(&pool, &counts);
                    if !found.is_empty() {
                        let names: Vec<&str> =
                            trial.picked.iter().map(|(at, _)| pool[*at].unit.as_str()).collect();
                        let asks = format!("{:?} {names:?}", trial.request.requester.capacity);
                        let found: Vec<String> = found.into_iter().take(5).collect();
                        faults.lock().unwrap().insert(case, format!("{asks}\n{}", found.join("\n")));
                    }
                }
            });
        }
    });
    println!("{count} views of {} documents, {:.1?}", pool.len(), started.elapsed());
    let counts = counts.into_inner().unwrap();
    for ((sort, is_seen), count) in &counts {
        println!("{sort:?} {}: {count}", if *is_seen { "seen" } else { "hidden" });
    }
    let faults = faults.into_inner().unwrap();
    let shown: Vec<String> = faults.iter().take(5).map(|(case, fault)| format!("{case}: {fault}")).collect();
    assert!(faults.is_empty(), "{} of {count} views tell:\n{}", faults.len(), shown.join("\n"));
    for sort in [Sort::Text, Sort::Code, Sort::Date, Sort::Identifier, Sort::Number, Sort::Url] {
        assert!(counts.contains_key(&(sort, true)), "{sort:?} is never seen, so the walk does not find it");
        assert!(counts.contains_key(&(sort, false)), "{sort:?} is never hidden");
    }
}
