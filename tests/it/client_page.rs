//! The client's page: it says the same in every form, leaves nothing out that concerns the client, and holds nothing
//! that is for machines.

use crate::cli::Folder;
use crate::reports::{axe, command, dom, violations};
use sauma::exchange::document::Document;
use sauma::mapping::units::{UNITS, schema};
use sauma::plan::page::{Page, client, language_of, reread, to_html, to_text, worker};
use sauma::plan::text::{IdentityCode, Language};
use sauma::plan::{Contribution, Joined, join};
use sauma::tree::json::{Layout, to_string};
use sauma::tree::{NodeId, Tree, fhir};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Elements whose words and dates need not stand on the page, all below them included, and why.
const SET_ASIDE: &[(&str, &str)] = &[
    ("id", "an id"),
    ("identifier", "an id"),
    ("valueIdentifier", "an id"),
    ("meta", "what machines note of a resource"),
    ("div", "the narrative says what the elements say"),
    (
        "coding",
        "the words of a code system are told in the language of the page, or those of somebody instead",
    ),
    ("category", "how a register sorts its entries"),
    ("valueCoding", "the words of a code system are told in the language of the page"),
    ("use", "the kind of a name or of a contact"),
    ("contained", "it stands in the plan as a resource of its own"),
    ("method", "how a register says how something was done"),
    ("birthDate", "the first half of the identity code, which is masked"),
];
/// Own extensions that mark a place in the unit's document, and what is told by the resource itself.
const MARKS: &[&str] = &[
    "translation",
    "original-text",
    "section",
    "concern",
    "problem",
    "act",
    "member",
    "lead",
    "message-action",
];
/// Resources that the join itself makes.
const OWN: &[&str] = &["Provenance", "DetectedIssue"];
/// Letters of a text that make it one that somebody wrote, and no word of a list.
const PROSE_WORDS: usize = 3;

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases/pages");

fn folders(path: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    found.sort();
    found
}

fn contribution(path: &Path, bytes: &[u8]) -> Option<Contribution> {
    let document = Document::read(bytes, None).ok()?;
    let got = document.unit.program().ok()?.get(&document.tree).ok()?;
    let bundle = fhir::read_json(&to_string(&got.target, Layout::Compact), schema().names()).ok()?;
    Some(Contribution::new(path.file_name()?.to_string_lossy(), document.unit.name, bundle))
}

/// The joined plan of the documents of a folder.
fn joined(folder: &Path) -> Joined {
    let elsewhere = fs::read_to_string(folder.join("input.path")).ok();
    let folder = elsewhere.map_or_else(|| folder.to_owned(), |path| PathBuf::from(path.trim()));
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let is_document = |path: &&PathBuf| {
        path.extension().is_some_and(|ending| ["json", "xml", "csv"].iter().any(|known| ending == *known))
    };
    let documents = files.iter().filter(is_document);
    let contributions: Vec<Contribution> =
        documents.filter_map(|path| contribution(path, &fs::read(path).unwrap())).collect();
    join(&contributions, &[])
}

/// The joined plans that the laws are tried on: those of the pages' own cases, and of each case of each unit.
fn plans() -> Vec<(String, Joined)> {
    let mut found: Vec<(String, Joined)> =
        folders(CASES).iter().map(|folder| (folder.display().to_string(), joined(folder))).collect();
    for unit in UNITS {
        for case in folders(&format!("{}/mappings/{}/cases", env!("CARGO_MANIFEST_DIR"), unit.name)) {
            let input = fs::read_dir(&case).unwrap().map(|file| file.unwrap().path());
            let input = input.into_iter().find(|file| file.file_stem().is_some_and(|stem| stem == "input"));
            let Some(input) = input else { continue };
            let read = contribution(&input, &fs::read(&input).unwrap());
            found.extend(read.map(|read| (case.display().to_string(), join(&[read], &[]))));
        }
    }
    found.retain(|(_, joined)| !joined.is_refused());
    assert!(found.len() > 40, "only {} plans", found.len());
    found
}

/// The texts of an HTML page: each heading and each paragraph.
fn texts_of_html(html: &str) -> Vec<String> {
    let main = html.split("<main>").nth(1).unwrap().split("</main>").next().unwrap();
    let mut ends = main.to_owned();
    for tag in ["h1", "h2", "h3", "p"] {
        ends = ends.replace(&format!("</{tag}>"), "\u{0}");
    }
    let bare = |part: &str| {
        let mut out = String::new();
        for piece in part.split('<') {
            out.push_str(piece.split_once('>').map_or(piece, |(_, text)| text));
        }
        let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")];
        entities.iter().fold(out, |text, (entity, sign)| text.replace(entity, sign)).trim().to_owned()
    };
    ends.split('\u{0}').map(bare).filter(|text| !text.is_empty()).collect()
}

#[test]
fn text_and_html_say_the_same() {
    for (name, joined) in plans() {
        for language in Language::ALL {
            let pages = [
                client(&joined, language, IdentityCode::Masked),
                worker(&joined, language, IdentityCode::Masked),
            ];
            for page in pages {
                let texts: Vec<String> = page.texts().iter().map(|text| text.trim().to_owned()).collect();
                let plain = to_text(&page);
                let lines = plain.lines().map(str::trim).filter(|line| !line.is_empty());
                let lines: Vec<&str> = lines.map(|line| line.strip_prefix("! ").unwrap_or(line)).collect();
                assert_eq!(lines, texts, "{name}");
                assert_eq!(texts_of_html(&to_html(&page)), texts, "{name}");
            }
        }
    }
}

#[test]
fn nothing_that_concerns_the_client_is_missing() {
    let (mut missing, mut looked_for) = (Vec::new(), 0);
    for (name, joined) in plans() {
        let page = to_text(&client(&joined, Language::En, IdentityCode::Masked));
        for leaf in leaves(&joined.bundle) {
            let tree = &joined.bundle;
            let text = tree.text(leaf).split_whitespace().collect::<Vec<_>>().join(" ");
            let wanted = match tree.name_text(leaf) {
                "resourceType" | "status" | "url" | "reference" | "system" => None,
                _ if sauma_date(&text).is_some() => sauma_date(&text),
                "value" if is_telecom(tree, leaf) => {
                    Some(text.trim_start_matches("tel:").trim_start_matches("mailto:").to_owned())
                }
                "family" => Some(text.clone()),
                _ if text.split(' ').count() >= PROSE_WORDS => Some(text.clone()),
                _ => None,
            };
            let Some(wanted) = wanted else { continue };
            looked_for += 1;
            if !says(&page, &wanted, tree, leaf) {
                missing.push(format!("{name}: {}: {wanted}", tree.path(leaf)));
            }
        }
    }
    assert!(looked_for > 1500, "only {looked_for} texts were looked for");
    assert!(missing.is_empty(), "{} of {looked_for}:\n{}", missing.len(), missing.join("\n"));
}

/// True where the page says a text; one number may be written in two ways, and the words of a code in the language of
/// the page stand for those in another.
fn says(page: &str, wanted: &str, tree: &Tree, leaf: NodeId) -> bool {
    let bare = |text: &str| text.chars().filter(|sign| !matches!(sign, ' ' | '-')).collect::<String>();
    let is_of_code = tree.name_text(leaf) == "text"
        && tree.parent(leaf).is_some_and(|concept| tree.child_str(concept, "coding").is_some());
    page.contains(wanted)
        || page.contains(&*tree.text(leaf))
        || is_telecom(tree, leaf) && bare(page).contains(&bare(wanted))
        || is_of_code
}

fn is_telecom(tree: &Tree, leaf: NodeId) -> bool {
    tree.parent(leaf).is_some_and(|parent| tree.name_text(parent) == "telecom")
        && tree.name_text(leaf) == "value"
}

/// A FHIR date as the English page says its day.
fn sauma_date(text: &str) -> Option<String> {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let is_date = text.len() >= 10 && text.as_bytes()[4] == b'-' && text.as_bytes()[7] == b'-';
    // A time of another zone may fall on another day.
    let zone = text.get(19..).unwrap_or_default();
    if !is_date || !(zone.is_empty() || ["+02:00", "+03:00"].contains(&zone)) {
        return None;
    }
    let mut parts = text[..10].split('-').map(|part| part.parse::<usize>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    Some(format!("{day} {} {year}", MONTHS.get(month.checked_sub(1)?)?))
}

/// Every leaf of the units' resources.
fn leaves(tree: &Tree) -> Vec<NodeId> {
    let mut found = Vec::new();
    for entry in tree.children(NodeId::ROOT).filter(|child| tree.name_text(*child) == "entry") {
        let Some(resource) = tree.child_str(entry, "resource") else { continue };
        if OWN.iter().any(|own| tree.resource_type(resource).as_deref() == Some(own)) {
            continue;
        }
        let mut open = vec![resource];
        while let Some(here) = open.pop() {
            let name = tree.name_text(here);
            let mark = tree.child_text(here, "url").is_some_and(|url| {
                let word = url.rsplit('/').next().unwrap_or_default();
                MARKS.contains(&word)
            });
            if mark || SET_ASIDE.iter().any(|(aside, _)| *aside == name) {
                continue;
            }
            if tree.kind(here).is_leaf() && tree.has_text(here) {
                found.push(here);
            }
            open.extend(tree.children(here));
        }
    }
    found
}

#[test]
fn nothing_for_machines_is_on_the_page() {
    for (name, joined) in plans() {
        let page = to_text(&client(&joined, Language::Fi, IdentityCode::Masked));
        let is_drawn = name.contains("/drawn-");
        for mark in ["http://", "https://", "urn:", "StructureDefinition", "CodeSystem", "{", "}"] {
            // Documents that are drawn at random have braces in their texts.
            assert!(!page.contains(mark) || is_drawn && mark.len() == 1, "{name}: {mark}\n{page}");
        }
        let words: Vec<&str> = page.split(|sign: char| !sign.is_alphanumeric() && sign != '-').collect();
        let is_id = |word: &&&str| word.len() == 32 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        assert_eq!(words.iter().find(is_id), None, "{name}");
        let tree = &joined.bundle;
        let said: String = tree
            .descend(NodeId::ROOT)
            .filter(|leaf| tree.kind(*leaf).is_leaf() && tree.name_text(*leaf) != "code")
            .map(|leaf| format!("{} ", tree.text(leaf)))
            .collect();
        for coding in tree.descend(NodeId::ROOT).filter(|node| tree.name_text(*node) == "coding") {
            let Some(code) = tree.child_text(coding, "code") else { continue };
            let tells_of_itself =
                code.len() >= 4 && code.contains(['-', '0', '1', '2', '3']) && !said.contains(&*code);
            assert!(!tells_of_itself || !words.contains(&&*code), "{name}: {code}\n{page}");
        }
    }
}

#[test]
fn the_identity_code_is_shown_only_where_asked_for() {
    let joined = joined(&Path::new(CASES).join("two-contacts"));
    let page = |code| to_text(&client(&joined, Language::Fi, code));
    assert!(!page(IdentityCode::Masked).contains("9128"));
    assert!(page(IdentityCode::Shown).contains("Henkilötunnus: 140379-9128"));
}

#[test]
fn the_language_is_the_one_that_the_client_prefers() {
    let check = |case: &str, expected| {
        assert_eq!(language_of(&joined(&Path::new(CASES).join(case))), expected, "{case}")
    };
    check("swedish", Language::Sv);
    check("two-contacts", Language::Fi);
    check("bare", Language::Fi);
}

#[test]
fn a_joined_plan_is_read_back_from_its_bundle() {
    for (name, joined) in plans() {
        let json = to_string(&joined.bundle, Layout::Compact);
        let again = reread(&fhir::read_json(&json, schema().names()).unwrap()).unwrap();
        let page = |joined: &Joined| -> Page { client(joined, Language::Sv, IdentityCode::Masked) };
        let (one, other) = (page(&joined), page(&again));
        // The order of the sources is that of their Provenance, and what was left out is not in a Bundle.
        let first = |page: &Page| {
            page.sections[..2].iter().map(|section| section.heading.clone()).collect::<Vec<_>>()
        };
        assert_eq!(first(&one), first(&other), "{name}");
        let sorted = |page: &Page| {
            let mut texts: Vec<String> = page.texts();
            texts.sort();
            texts
        };
        let (one, other) = (sorted(&one), sorted(&other));
        let only = |these: &[String], those: &[String]| -> Vec<String> {
            these.iter().filter(|text| !those.contains(text)).cloned().collect()
        };
        assert_eq!(only(&one, &other), only(&other, &one), "{name}");
    }
    let empty =
        fhir::read_json(r#"{"resourceType":"Bundle","type":"collection"}"#, schema().names()).unwrap();
    assert!(reread(&empty).is_none());
}

#[test]
fn the_command_writes_both_pages_in_both_forms() {
    let folder = Folder::new("page");
    for name in ["social.json", "health.json"] {
        folder.file(&format!("in/{name}"), fs::read(Path::new(CASES).join("swedish").join(name)).unwrap());
    }
    let ran = folder.run(&["page", "in"]);
    assert_eq!((ran.code, ran.out.lines().next()), (0, Some("Din plan")), "{}", ran.err);
    let expected = fs::read_to_string(Path::new(CASES).join("swedish/sv.txt")).unwrap();
    assert_eq!(ran.out, expected);
    let ran = folder.run(&["page", "in", "--format", "html", "--out", "plan.html", "--lang", "en"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{}", ran.err);
    assert!(folder.read("plan.html").contains("<html lang=\"en\">"));
    folder.run(&["join", "in", "--format", "json", "--out", "joined.json"]);
    let ran = folder.run(&["page", "joined.json"]);
    assert_eq!(ran.out, expected, "{}", ran.err);
    let ran = folder.run(&["page", "joined.json", "--for", "worker", "--lang", "fi"]);
    assert_eq!((ran.code, ran.out.lines().next()), (0, Some("Yhteinen suunnitelma")), "{}", ran.err);
    assert_eq!(folder.run(&["page", "in", "--format", "json"]).code, 2);
    assert_eq!(folder.run(&["join", "in", "--format", "html"]).code, 2);
}

#[test]
fn the_pages_pass_axe_in_chromium() {
    let (Some(chromium), Some(axe)) = (command(&["chromium", "chromium-browser", "google-chrome"]), axe())
    else {
        println!("skipped: needs chromium, and SAUMA_AXE with the path of axe.min.js");
        return;
    };
    let folder = Folder::new("page-axe");
    for case in folders(CASES) {
        let joined = joined(&case);
        let own = client(&joined, language_of(&joined), IdentityCode::Shown);
        for page in [own, worker(&joined, Language::Sv, IdentityCode::Masked)] {
            let html = to_html(&page);
            assert!(!html.contains("<script") && !html.contains("src="), "the page has a script");
            assert_eq!(violations(&folder, &chromium, &axe, &html), "[]", "{}", case.display());
        }
    }
}

/// Pages of a printed plan at most; one that runs wild has more.
const SHEETS_MAX: usize = 40;
/// Millimetres of an A4 page between the margins that the page asks for.
const PRINTED: (f64, f64) = (178.0, 261.0);

/// The page goes to paper as a browser prints it: on A4, with letters that can be copied and read aloud, and no card is
/// higher than a sheet, so that none has to be cut.
#[test]
fn the_page_prints_on_a4_with_whole_cards() {
    let Some(chromium) = command(&["chromium", "chromium-browser", "google-chrome"]) else {
        println!("skipped: needs chromium");
        return;
    };
    let folder = Folder::new("page-pdf");
    for case in folders(CASES) {
        let joined = joined(&case);
        let html = to_html(&client(&joined, language_of(&joined), IdentityCode::Masked));
        let pdf = printed(&folder, &chromium, &html);
        let (sheets, boxes) =
            (count(&pdf, "/Type /Page\n"), count(&pdf, "/MediaBox [0 0 594.95996 841.91998]"));
        assert!((1..=SHEETS_MAX).contains(&sheets) && sheets == boxes, "{}: {sheets} sheets", case.display());
        let (fonts, readable) = (count(&pdf, "/Subtype /Type0"), count(&pdf, "/ToUnicode"));
        assert!(
            fonts > 0 && readable >= fonts,
            "{}: {readable} of {fonts} fonts can be read",
            case.display()
        );
        assert!(html.contains("article{break-inside:avoid"), "cards may be cut");
        let height = highest_card(&folder, &chromium, &html);
        assert!(height > 0.0 && height <= PRINTED.1, "{}: a card of {height} mm", case.display());
    }
}

fn count(text: &str, part: &str) -> usize {
    text.matches(part).count()
}

/// The page as Chromium prints it; what is packed in it stays packed.
fn printed(folder: &Folder, chromium: &Path, html: &str) -> String {
    folder.file("plan.html", html);
    let output = Command::new(chromium)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-pdf-header-footer",
        ])
        .arg(format!("--user-data-dir={}", folder.path("chromium").display()))
        .arg(format!("--print-to-pdf={}", folder.path("plan.pdf").display()))
        .arg(folder.path("plan.html"))
        .output()
        .unwrap();
    let pdf = fs::read(folder.path("plan.pdf"));
    let pdf = pdf.unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    assert!(pdf.starts_with(b"%PDF-"));
    String::from_utf8_lossy(&pdf).into_owned()
}

/// The height of the highest card in millimetres, as wide as paper and in the letters of paper.
fn highest_card(folder: &Folder, chromium: &Path, html: &str) -> f64 {
    let measure = "var most=0;document.querySelectorAll('article').forEach(function(card){\
        most=Math.max(most,card.getBoundingClientRect().height)});var found=document.createElement('pre');\
        found.id='found';found.textContent=most*25.4/96;document.body.appendChild(found)";
    let policy = "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none';style-src 'unsafe-inline'\">";
    let (width, _) = PRINTED;
    let tested = html
        .replace(policy, "")
        .replace("@media print", "@media all")
        .replace("</head>", &format!("<style>body{{width:{width}mm}}</style></head>"))
        .replace("</body>", &format!("<script>{measure}</script></body>"));
    assert!(tested.contains("@media all") && !tested.contains("Security-Policy"));
    let dom = dom(folder, chromium, &tested);
    let found = dom.split("<pre id=\"found\">").nth(1).and_then(|rest| rest.split("</pre>").next());
    found.and_then(|found| found.parse().ok()).unwrap_or_else(|| panic!("no card was measured: {dom}"))
}
