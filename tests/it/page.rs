//! The readable plan leaves nothing of a unit's document out in silence.

use sauma::mapping::units::{UNITS, schema};
use sauma::plan::join::SourceState;
use sauma::plan::text::{IdentityCode, Language, render, to_text};
use sauma::plan::{Contribution, join};
use sauma::tree::json::{Layout, to_string};
use sauma::tree::{NodeId, Tree, fhir};
use std::path::{Path, PathBuf};

/// Elements whose text need not stand on the page, all below them included, and why.
const SET_ASIDE: &[(&str, &str)] = &[
    ("id", "an id"),
    ("identifier", "an id"),
    ("masterIdentifier", "an id"),
    ("valueIdentifier", "an id"),
    ("reference", "a reference: the name of what it leads to stands there"),
    ("system", "a code system, or the kind of a contact"),
    ("version", "the version of a code system"),
    ("url", "a url"),
    ("valueUrl", "a url"),
    ("instantiatesUri", "a url"),
    ("questionnaire", "a url"),
    ("instantiatesCanonical", "a url"),
    ("div", "the narrative says what the elements say"),
    ("meta", "what machines note of a resource"),
    ("resourceType", "the kind of a resource"),
    ("use", "the kind of a name or of a contact"),
    ("userSelected", "the kind of a coding"),
];

/// Own extensions whose text need not stand on the page: marks of places in the unit's document, and ids.
const MARKS: &[&str] = &[
    "translation",
    "original-text",
    "section",
    "concern",
    "act-class",
    "inline-activity",
    "detail-id",
    "problem",
    "act",
    "member",
    "lead",
    "message-action",
];

/// Codes and marks that say nothing beyond the entry they stand in.
const PLAIN: &[(&str, &str)] =
    &[("intent", "plan"), ("status", "final"), ("status", "active"), ("doNotPerform", "false")];

/// Codes as the English page says them.
const WORDS: &[(&str, &str)] = &[
    ("recurrence", "has come back"),
    ("remission", "has eased"),
    ("asap", "as soon as possible"),
    ("stat", "at once"),
    ("true", "yes"),
    ("false", "no"),
    ("wk", "week"),
    ("tue", "Tue"),
    ("thu", "Thu"),
    ("ServiceRequest", "Service"),
    ("in-progress", "under way"),
    ("scheduled", "time agreed"),
    ("not-started", "not started"),
    ("active", "in force"),
    ("active", "current"),
    ("active", "under way"),
    ("active", "time agreed"),
    ("draft", "not started"),
    ("draft", "draft"),
    ("completed", "done"),
    ("completed", "ended"),
    ("unknown", "not known"),
    ("revoked", "cancelled"),
    ("revoked", "stopped"),
    ("on-hold", "on hold"),
    ("entered-in-error", "entered in error"),
    ("inactive", "no longer in force"),
    ("not-done", "not done"),
    ("this-plan", ""),
    ("previous-plan", "goal of the earlier plan"),
    ("client-plan", "lient plan"),
    ("employment-plan", "mployment plan"),
    ("care-plan", "ealth and care plan"),
    ("third-sector-plan", "lan of an association or parish"),
    ("client-view", "The client's view"),
    ("professional-view", "The professional's view"),
    ("dissent", "Dissenting views"),
    ("situation", "Situation"),
    ("need", "Needs"),
    ("fi", "Finnish"),
    ("fi-FI", "Finnish"),
    ("sv", "Swedish"),
    ("en", "English"),
    ("en-US", "English"),
    ("third-sector", "third sector"),
    ("author", "author of the plan"),
    ("co-author", "co-author of the plan"),
    ("responsible-expert", "responsible expert"),
    ("service-provider", "service provider"),
    ("private-person", "private person"),
    ("CAREGIVER", "caregiver"),
    ("resolved", "over"),
    ("suspended", "on hold"),
    ("aborted", "stopped"),
    ("preparation", "being prepared"),
];

/// The folders of all cases of a unit system.
fn cases(unit: &str) -> Vec<PathBuf> {
    let folder = format!("{}/mappings/{unit}/cases", env!("CARGO_MANIFEST_DIR"));
    let Ok(found) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut cases: Vec<PathBuf> = found.map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    cases
}

/// The common resources that a case becomes.
fn hub(unit: &'static sauma::mapping::units::Unit, case: &Path) -> Option<Tree> {
    let mut files = std::fs::read_dir(case).unwrap().map(|file| file.unwrap().path());
    let input = files.find(|file| file.file_stem().is_some_and(|stem| stem == "input"))?;
    let bytes = std::fs::read(input).unwrap();
    let document = sauma::exchange::document::Document::read(&bytes, Some(unit)).ok()?;
    let got = unit.program().unwrap().get(&document.tree).ok()?;
    fhir::read_json(&to_string(&got.target, Layout::Compact), schema().names()).ok()
}

/// True for a document of which its source says that it was recorded in error: it is in no plan.
fn is_retracted(bundle: &Tree) -> bool {
    let joined = join(&[Contribution::new("x", "x", bundle.clone())], &[]);
    joined.sources.iter().all(|source| source.state == SourceState::Retracted)
}

fn page(unit: &str, label: &str, bundle: Tree, language: Language) -> String {
    let joined = join(&[Contribution::new(label, unit, bundle)], &[]);
    to_text(&render(&joined, language, IdentityCode::Shown))
}

#[test]
fn every_text_of_every_case_stands_on_the_page() {
    let mut missing = Vec::new();
    let mut texts = 0;
    for unit in UNITS {
        for case in cases(unit.name) {
            let Some(bundle) = hub(unit, &case) else { continue };
            let name = case.file_name().unwrap().to_string_lossy().into_owned();
            if is_retracted(&bundle) {
                continue;
            }
            let page = page(unit.name, &name, bundle.clone(), Language::En);
            for leaf in leaves(&bundle) {
                texts += 1;
                if !stands(&bundle, leaf, &page) {
                    missing.push(format!(
                        "{}/{name}: {}: {}",
                        unit.name,
                        bundle.path(leaf),
                        bundle.text(leaf)
                    ));
                }
            }
        }
    }
    assert!(texts > 3000, "only {texts} texts were looked for");
    assert!(missing.is_empty(), "{} of {texts} texts are missing:\n{}", missing.len(), missing.join("\n"));
}

#[test]
fn the_identity_code_and_the_date_of_birth_stay_off_the_page() {
    for unit in UNITS {
        for case in cases(unit.name) {
            let Some(bundle) = hub(unit, &case) else { continue };
            let joined = join(&[Contribution::new("x", unit.name, bundle.clone())], &[]);
            let page = to_text(&render(&joined, Language::En, IdentityCode::Masked));
            for node in bundle.descend(NodeId::ROOT) {
                let is_code = bundle.child_text(node, "system").as_deref() == Some("urn:oid:1.2.246.21");
                let code = bundle.child_text(node, "value").filter(|code| is_code && code.len() > 6);
                assert!(code.is_none_or(|code| !page.contains(&*code)), "{}", case.display());
                let is_client = bundle.resource_type(node).as_deref() == Some("Patient");
                let birth = bundle.child_text(node, "birthDate").filter(|_| is_client);
                let birth = birth.and_then(|birth| Some(format!("birth: {}", day(&birth)?)));
                assert!(birth.is_none_or(|birth| !page.contains(&birth)), "{}", case.display());
            }
        }
    }
}

/// The lines of the page of one case.
#[track_caller]
fn check(unit: &str, case: &str, language: Language, expected: &[&str]) {
    let unit = UNITS.iter().find(|known| known.name == unit).unwrap();
    let folder = cases(unit.name).into_iter().find(|folder| folder.ends_with(case)).unwrap();
    let page = page(unit.name, case, hub(unit, &folder).unwrap(), language);
    for line in expected {
        assert!(page.lines().any(|found| found.trim() == *line), "{line} is not in\n{page}");
    }
}

#[test]
fn what_a_client_plan_of_social_care_must_hold_has_labels() {
    check(
        "social-client-plan",
        "full",
        Language::Fi,
        &[
            "Asiakkaan oma ehdotus: Tapaamiset mieluiten kotona.",
            "Arvio asiakkuuden kestosta: Noin vuosi",
            "Nykyiset palvelut: Kelan palvelut; Perusterveydenhuollon palvelut; TE-palvelut",
            "Paikka: Asiakkaan koti.",
            "Osallistujat: Aino Testikoivu, asiakas; Veera Testikoivu, sisar; Elina Mallikas, Testilän aikuissosiaalityö, sosiaaliohjaaja",
            "Menetelmän arviointi: Menetelmä: Testimenetelmä: ohjaus, Käyttö: Testi: kyllä, Sanallisesti: Ohjausta annettiin kotikäynneillä.",
            "Palvelun arviointi: Palvelu: Sovittelupalvelut, Käyttö: Testi: ei, Sanallisesti: Sovittelua ei tarvittu.",
            "Tilannetekijä: Tekijä: Asuinolosuhteet, Vaikutus: Tukee/Tuki tavoitteen saavuttamista",
            "Menetelmä: Testimenetelmä: ohjaus; Testimenetelmä: verkostotyö",
            "Tavoitteen asteikko: Muutos parempaan",
            "Tavoitteen laji: Testitavoite: talous",
            "Selvitys oikeuksista annettu: kyllä",
            "Jakelu: Asiakas; Testilän terveysasema",
        ],
    );
}

#[test]
fn words_in_the_place_of_a_date_are_shown_as_the_unit_wrote_them() {
    let check = |unit, case, expected: &[&str]| check(unit, case, Language::Fi, expected);
    check("employment-plan", "wrong-date", &["Seuranta: ”elokuussa”", "Viimeistään: ”kun aika järjestyy”"]);
    check(
        "social-client-plan",
        "date-in-words",
        &["Seuranta: ”elokuun lopulla”", "Päivä: ”viime viikon torstaina”"],
    );
}

#[test]
fn an_activity_says_its_state_its_goal_who_does_it_and_what_came_of_it() {
    check(
        "fhir-detail",
        "bundle-full",
        Language::Sv,
        &[
            "Läge: pågår",
            "Läge: planerat, tid avtalad",
            "Mål: Kävelee ulkona joka päivä; Pystyy käymään kaupassa",
            "Utförare: Fysioterapeutti Päivi Keksitty; Aino Testi Esimerkki",
            "När: 2 × / vecka, tis, tors",
            "Mängd per dag: 1,5 kpl",
            "Resultat: Rollaattori saatu",
        ],
    );
}

#[test]
fn outcomes_and_what_was_done_are_told() {
    check(
        "ccda-care-plan",
        "care-plan-full",
        Language::En,
        &[
            "Done or ended",
            "Home visit",
            "Result: 6.50 h",
            "Achievement: Goal not achieved",
            "+358-40-555-0102",
            "Period: 1.2.2026–31.12.2026",
        ],
    );
}

/// Every leaf with a text that is to stand on the page.
fn leaves(tree: &Tree) -> Vec<NodeId> {
    let mut found = Vec::new();
    for entry in tree.children(NodeId::ROOT).filter(|child| tree.name_text(*child) == "entry") {
        let mut open: Vec<NodeId> = tree.child_str(entry, "resource").into_iter().collect();
        while let Some(here) = open.pop() {
            if is_aside(tree, here) {
                continue;
            }
            if tree.kind(here).is_leaf() && tree.has_text(here) && !is_reworded(tree, here) {
                found.push(here);
            }
            open.extend(tree.children(here));
        }
    }
    found
}

fn is_aside(tree: &Tree, node: NodeId) -> bool {
    let name = tree.name_text(node);
    let own = tree.child_text(node, "url");
    let own =
        own.as_deref().and_then(|url| url.strip_prefix("https://w3id.org/sauma/fhir/StructureDefinition/"));
    let is_complex_reference = name == "reference" && !tree.kind(node).is_leaf();
    let has =
        |parent: NodeId, names: &[&str]| names.iter().any(|name| tree.child_str(parent, name).is_some());
    // The kind of what a reference leads to, and the state of a narrative.
    let is_kind = name == "type" && schema().type_named(&tree.text(node)).is_some();
    let is_narrative = name == "text" && has(node, &["div"]);
    is_kind
        || is_narrative
        || own.is_some_and(|word| MARKS.contains(&word))
        || (SET_ASIDE.iter().any(|(aside, _)| *aside == name) && !is_complex_reference)
        || PLAIN.iter().any(|(aside, code)| {
            *aside == name && tree.text_is(node, code) && tree.first_child(node).is_none()
        })
        || (name == "code" && is_named_code(tree, node))
}

/// A state beside the unit's own word for it: the word stands on the page.
fn is_reworded(tree: &Tree, node: NodeId) -> bool {
    let name = tree.name_text(node);
    (name == "status" || name == "lifecycleStatus") && tree.first_child(node).is_some()
}

/// A code beside its name, the name of its concept, or its unit: the name says it.
fn is_named_code(tree: &Tree, code: NodeId) -> bool {
    let has = |node: NodeId, name: &str| tree.child_str(node, name).is_some_and(|leaf| tree.has_text(leaf));
    let Some(coding) = tree.parent(code).filter(|_| tree.kind(code).is_leaf()) else { return false };
    let concept = tree.parent(coding).filter(|_| tree.name_text(coding) == "coding");
    let is_named = |concept| {
        has(concept, "text")
            || tree
                .children(concept)
                .any(|coding| tree.name_text(coding) == "coding" && has(coding, "display"))
    };
    has(coding, "display") || has(coding, "unit") || concept.is_some_and(is_named)
}

/// True where the page says the text of a leaf, in one of the forms that the page has.
fn stands(tree: &Tree, leaf: NodeId, page: &str) -> bool {
    let text = tree.text(leaf);
    let plain = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let bare = plain.trim_start_matches("tel:").trim_start_matches("mailto:").trim_start_matches("fax:");
    let says = |form: &str| page.contains(form);
    says(bare)
        || day(&plain).is_some_and(|day| says(&day))
        || WORDS.iter().any(|(code, words)| *code == plain && says(words))
        || is_stamp_of_date(tree, leaf, &plain)
}

/// The form that a FHIR date has on the page.
fn day(text: &str) -> Option<String> {
    let mut parts = text.get(..10).unwrap_or(text).split('-').map(str::parse::<u16>);
    Some(match (parts.next()?.ok()?, parts.next(), parts.next()) {
        (year, Some(Ok(month)), Some(Ok(day))) => format!("{day}.{month}.{year}"),
        (year, Some(Ok(month)), None) => format!("{month}/{year}"),
        _ => return None,
    })
}

/// A time stamp in digits beside the date that it was read as.
fn is_stamp_of_date(tree: &Tree, leaf: NodeId, text: &str) -> bool {
    let date = tree.parent(leaf).and_then(|extension| tree.parent(extension));
    let Some(date) = date.filter(|date| tree.kind(*date).is_leaf() && tree.has_text(*date)) else {
        return false;
    };
    let digits: String = tree.text(date).chars().filter(char::is_ascii_digit).take(8).collect();
    digits.len() >= 8 && text.starts_with(&digits)
}
