//! The reports of `sauma validate`, read back by those who read them: a parser of JUnit, the schemas of SARIF and of
//! our own JSON, our own validator, a browser.

use crate::cli::{Folder, Ran};
use serde_json::Value;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A name that stands in every value of the documents, and must stand in no report.
const CANARY: &str = "Ainokaisa";

const GOOD: &str = r#"{"resourceType":"Basic","text":{"status":"generated",
"div":"<div xmlns='http://www.w3.org/1999/xhtml'>Ainokaisa</div>"},
"code":{"coding":[{"system":"http://loinc.org","code":"Ainokaisa"}]}}"#;
const BAD: &str = r#"{
  "resourceType": "Goal",
  "lifecycleStatus": "Ainokaisa",
  "startDate": "Ainokaisa",
  "description": {"text": "Ainokaisa"},
  "subject": {"reference": "Patient/Ainokaisa", "display": "Ainokaisa"}
}"#;

fn folder(name: &str) -> Folder {
    let folder = Folder::new(name);
    folder
        .file("in/å good.json", GOOD)
        .file("in/bad.json", BAD)
        .file("in/broken.json", "{\"a\": \"Ainokaisa\"");
    folder.file("in/all.ndjson", format!("{}\n{}\n\n", GOOD.replace('\n', ""), BAD.replace('\n', "")));
    folder
}

fn validate(folder: &Folder, arguments: &[&str]) -> Ran {
    folder.run(&[&["validate", "in"], arguments].concat())
}

/// Compiles a schema of ours, for documents of ours.
fn schema(path: &str) -> jsonschema::Validator {
    let schema: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    jsonschema::options().offline().build(&schema).unwrap()
}

fn assert_fits(schema: &jsonschema::Validator, text: &str) -> Value {
    let value: Value = serde_json::from_str(text).unwrap();
    let faults: Vec<String> =
        schema.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(faults.is_empty(), "{faults:#?}");
    value
}

#[test]
fn all_reports_come_from_one_run_and_hold_no_value() {
    let folder = folder("reports-all");
    let kinds = ["junit", "sarif", "html", "outcome", "csv", "json", "summary"];
    let reports: Vec<String> = kinds.iter().map(|kind| format!("--report={kind}=out-{kind}")).collect();
    let reports: Vec<&str> = reports.iter().map(String::as_str).collect();
    for format in ["human", "json", "ndjson", "outcome", "github", "gitlab"] {
        let ran = validate(&folder, &[&reports[..], &["--format", format]].concat());
        assert_eq!(ran.code, 1, "{format}: {}", ran.err);
        assert!(!ran.out.contains(CANARY) && !ran.err.contains(CANARY), "{format}: {} {}", ran.out, ran.err);
    }
    for kind in kinds {
        let text = folder.read(&format!("out-{kind}"));
        assert!(text.len() > 100 && !text.contains(CANARY), "{kind}: {text}");
    }
    let ran = validate(&folder, &["--show-values", "--report", "sarif=shown.sarif"]);
    assert_eq!(ran.code, 1);
    assert!(folder.read("shown.sarif").contains("snippet"));
    assert!(folder.read("shown.sarif").contains(CANARY));
    assert!(!folder.read("out-sarif").contains("snippet"));
}

#[test]
fn reports_are_written_whole_or_not_at_all() {
    let folder = folder("reports-whole");
    folder.file("old.xml", "old");
    let check = |arguments: &[&str], code: i32, says: &str| {
        let ran = validate(&folder, arguments);
        assert_eq!(ran.code, code, "{arguments:?}: {}", ran.err);
        assert!(ran.err.contains(says), "{arguments:?}: {}", ran.err);
        assert_eq!(folder.read("old.xml"), "old");
        let files = folder.files();
        assert!(files.iter().all(|name| !name.contains("tmp") && !name.contains("new")), "{files:?}");
    };
    check(&["--report", "junit=old.xml", "--report", "sarif=absent/new.json"], 2, "cannot be written");
    check(&["--report", "junit=old.xml", "--report", "csv=old.xml"], 2, "two reports");
    check(&["--report", "pdf=new.pdf"], 2, "none of junit, sarif");
    check(&["--report", "junit=old.xml", "--profile", "http://a.org/none"], 2, "no definition");
}

#[test]
fn junit_is_read_by_a_parser_of_junit() {
    let folder = folder("reports-junit");
    validate(&folder, &["--report", "junit=junit.xml"]);
    let suites = junit_parser::from_reader(folder.read("junit.xml").as_bytes()).unwrap();
    let suite = &suites.suites[0];
    let named = |name: &str| suite.cases.iter().find(|case| case.original_name == name).unwrap();
    assert!(named("in/å good.json").status.is_success());
    assert!(named("in/bad.json").status.is_failure());
    assert!(named("in/broken.json").status.is_failure());
    assert!(named("in/all.ndjson:1").status.is_success());
    assert!(named("in/all.ndjson:2").status.is_failure());
    assert!(named("in/å good.json: code system http://loinc.org").status.is_skipped());
    let skipped = suite.cases.iter().filter(|case| case.status.is_skipped()).count();
    assert_eq!((suite.tests, suite.failures, suite.errors), (5 + skipped as u64, 3, 0));
    assert_eq!(suite.skipped, skipped as u64);
    let properties = &suite.properties;
    let version = properties.vec.iter().find(|(name, _)| name == "package.hl7.fhir.r4.core").unwrap();
    assert!(version.1.starts_with("4.0.1 sha256:"), "{}", version.1);
}

#[test]
fn sarif_fits_its_schema() {
    let folder = folder("reports-sarif");
    validate(&folder, &["--report", "sarif=a.sarif"]);
    let sarif = schema("conformance/reports/sarif-2.1.0.schema.json");
    let log = assert_fits(&sarif, &folder.read("a.sarif"));
    let results = log["runs"][0]["results"].as_array().unwrap();
    let wanted = results.iter().find(|result| {
        result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] == "Goal.lifecycleStatus"
            && result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "in/bad.json"
    });
    let region = &wanted.unwrap()["locations"][0]["physicalLocation"]["region"];
    assert_eq!((&region["startLine"], &region["startColumn"]), (&3.into(), &3.into()));
    assert_eq!((&region["endLine"], &region["endColumn"]), (&3.into(), &33.into()));
    assert!(wanted.unwrap()["partialFingerprints"]["saumaFinding/v1"].as_str().unwrap().len() == 64);
    let rules = log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
    assert!(rules.iter().all(|rule| rule["helpUri"].as_str().unwrap().starts_with("https://")), "{rules:#?}");
    // The next run says the same, wherever the folder and whenever the run.
    folder.file("in/bad.json", BAD.replacen("{\n", "{\n\n\n", 1));
    validate(&folder, &["--report", "sarif=b.sarif"]);
    let prints = |text: &str| {
        let log: Value = serde_json::from_str(text).unwrap();
        let results = log["runs"][0]["results"].as_array().unwrap().clone();
        results.iter().map(|result| result["partialFingerprints"].to_string()).collect::<Vec<_>>()
    };
    assert_eq!(prints(&folder.read("a.sarif")), prints(&folder.read("b.sarif")));
    // The schema refuses what is none, so that its yes means something.
    assert!(!sarif.is_valid(&serde_json::json!({ "version": "2.1.0", "runs": [{}] })));
}

#[test]
fn json_fits_its_schema() {
    let folder = folder("reports-json");
    let report = schema("conformance/reports/report.schema.json");
    let ran = validate(&folder, &["--format", "json"]);
    let value = assert_fits(&report, &ran.out);
    assert_eq!(value["documents"].as_array().unwrap().len(), 5);
    assert_eq!(value["summary"]["verdict"], "fail");
    let lines = validate(&folder, &["--format", "ndjson"]);
    let values: Vec<Value> = lines.out.lines().map(|line| assert_fits(&report, line)).collect();
    assert_eq!(values.len(), 6);
    assert_eq!(values[0]["document"], value["documents"][0]);
    assert_eq!(values[5]["summary"], value["summary"]);
}

#[test]
fn an_outcome_of_many_is_a_valid_bundle() {
    let folder = folder("reports-outcome");
    validate(&folder, &["--report", "outcome=outcome.json"]);
    let ran = folder.run(&["validate", "outcome.json"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
}

#[test]
fn reports_come_out_alike() {
    let folder = folder("reports-alike");
    for name in ["a", "b"] {
        let reports: Vec<String> = ["junit", "sarif", "html", "csv", "json", "outcome"]
            .iter()
            .map(|kind| format!("--report={kind}={name}.{kind}"))
            .collect();
        let arguments: Vec<&str> =
            ["validate", "in"].into_iter().chain(reports.iter().map(String::as_str)).collect();
        folder.run_at(&arguments, "1770000000");
    }
    for kind in ["junit", "sarif", "html", "csv", "json", "outcome"] {
        assert_eq!(folder.read(&format!("a.{kind}")), folder.read(&format!("b.{kind}")), "{kind}");
    }
    assert!(folder.read("a.json").contains("2026-02-02T02:40:00"));
}

/// Where a command is, on the path.
pub(crate) fn command(names: &[&str]) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .flat_map(|folder| names.iter().map(move |name| folder.join(name)))
        .find(|file| file.is_file())
}

/// `axe.min.js` of the npm package `axe-core`, which `SAUMA_AXE` names.
pub(crate) fn axe() -> Option<String> {
    fs::read_to_string(env::var_os("SAUMA_AXE")?).ok()
}

#[test]
fn the_page_passes_axe_in_chromium() {
    let (Some(chromium), Some(axe)) = (command(&["chromium", "chromium-browser", "google-chrome"]), axe())
    else {
        println!("skipped: needs chromium, and SAUMA_AXE with the path of axe.min.js");
        return;
    };
    let folder = folder("reports-axe");
    folder.file("good/good.json", GOOD).file("empty/a.txt", "");
    for lang in ["fi", "sv", "en"] {
        for (input, shows) in [("in", true), ("good", false), ("empty", false)] {
            let mut arguments = vec!["validate", input, "--lang", lang, "--report", "html=page.html"];
            arguments.extend(shows.then_some("--show-values"));
            folder.run(&arguments);
            let page = folder.read("page.html");
            assert!(!page.contains("<script") && !page.contains("src="), "the page has a script");
            assert_eq!(violations(&folder, &chromium, &axe, &page), "[]", "{lang} {input}");
        }
    }
    // What axe must see, so that its silence means something.
    let bad = "<!DOCTYPE html><html><head><title></title></head><body><img src=\"a.png\"></body></html>";
    assert_ne!(violations(&folder, &chromium, &axe, bad), "[]");
}

/// The violations of WCAG 2.2 A and AA that axe finds in a page, in Chromium.
pub(crate) fn violations(folder: &Folder, chromium: &Path, axe: &str, page: &str) -> String {
    let run = "axe.run(document,{runOnly:{type:'tag',values:['wcag2a','wcag2aa','wcag21a','wcag21aa','wcag22aa',\
        'best-practice']}}).then(function(r){var p=document.createElement('pre');p.id='axe-found';\
        p.textContent=JSON.stringify(r.violations.map(function(v){return v.id+': '+\
        v.nodes.map(function(n){return n.target.join(' ')}).join(', ')}));document.body.appendChild(p)})";
    // The page itself allows no script at all.
    let policy = page.find("<meta http-equiv=\"Content-Security-Policy\"").map_or_else(
        || page.to_owned(),
        |at| {
            let end = page[at..].find('>').unwrap() + at + 1;
            format!("{}{}", &page[..at], &page[end..])
        },
    );
    let tested = policy.replace("</body>", &format!("<script>{axe}</script><script>{run}</script></body>"));
    let dom = dom(folder, chromium, &tested);
    let found = dom.split("<pre id=\"axe-found\">").nth(1).and_then(|rest| rest.split("</pre>").next());
    found.unwrap_or_else(|| panic!("axe did not run: {dom}")).to_owned()
}

/// What a page is in Chromium after its scripts have run.
pub(crate) fn dom(folder: &Folder, chromium: &Path, page: &str) -> String {
    folder.file("tested.html", page);
    let output = Command::new(chromium)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--virtual-time-budget=20000",
        ])
        .arg(format!("--user-data-dir={}", folder.path("chromium").display()))
        .args(["--dump-dom".as_ref(), folder.path("tested.html").as_os_str()])
        .output()
        .unwrap();
    let dom = String::from_utf8_lossy(&output.stdout).into_owned();
    if dom.is_empty() { String::from_utf8_lossy(&output.stderr).into_owned() } else { dom }
}

#[test]
fn the_pipelines_call_us_rightly() {
    let folder = folder("reports-ci");
    folder.file("known.toml", "");
    let lines: Vec<String> =
        ["conformance/ci/action.yml", "conformance/ci/gitlab.yml", ".pre-commit-hooks.yaml"]
            .iter()
            .flat_map(|path| {
                let text = fs::read_to_string(path).unwrap();
                assert!(!text.contains('\t'), "{path}: YAML has no tabs");
                text.lines().map(str::to_owned).collect::<Vec<_>>()
            })
            .filter_map(|line| {
                line.split_once("sauma validate --quiet")
                    .map(|(_, rest)| format!("--quiet{rest} in"))
                    .or_else(|| line.split_once("sauma validate $FILES").map(|(_, rest)| format!("in{rest}")))
                    .or_else(|| {
                        line.split_once("sauma validate examples").map(|(_, rest)| format!("in{rest}"))
                    })
            })
            .collect();
    assert_eq!(lines.len(), 4, "{lines:?}");
    for line in lines {
        let line = line.split(" > ").next().unwrap_or_default();
        let line = line
            .replace("$OPTIONS", "")
            .replace("\"$FAIL_ON\"", "error")
            .replace("$REPORTS/", "")
            .replace('"', "");
        let arguments: Vec<&str> = std::iter::once("validate").chain(line.split_whitespace()).collect();
        // The documents have errors, and everything else is as it should be.
        assert_eq!(folder.run(&arguments).code, 1, "{line}");
    }
}

/// What an earlier command said in the summary of a step stays; any other file is written anew.
#[test]
fn the_summary_of_a_step_is_added_to() {
    let folder = folder("reports-step");
    let summary = |step: &str| {
        folder.file("summary.md", "earlier\n");
        let arguments = ["validate", "in", "--report=summary=summary.md"];
        folder.command(&arguments).env("GITHUB_STEP_SUMMARY", step).output().unwrap();
        folder.read("summary.md")
    };
    assert!(summary("summary.md").starts_with("earlier\n## Sauma: "));
    assert!(summary("another.md").starts_with("## Sauma: "));
}

#[test]
fn a_report_says_its_language() {
    let folder = folder("reports-language");
    for (language, arguments) in
        [("en", &["--format", "json"][..]), ("sv", &["--format", "json", "--lang", "sv"])]
    {
        let report: Value = serde_json::from_str(&validate(&folder, arguments).out).unwrap();
        assert_eq!(report["language"], language);
    }
}
