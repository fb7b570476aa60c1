//! The command line as a user meets it: the built binary, real files, exit codes, golden texts.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const CSV: &str = include_str!("../../mappings/employment-plan/cases/multi-sector/input.csv");
const JSON: &str = include_str!("../../mappings/social-client-plan/cases/minimal/input.json");
const XML: &str = include_str!("../../mappings/ccda-care-plan/cases/care-plan-full/input.xml");

/// A folder of its own for one test, which is the working folder of the commands too, so that file names in
/// golden texts are the same everywhere.
pub(crate) struct Folder(PathBuf);

pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("cli-{name}"));
        if path.exists() {
            fs::remove_dir_all(&path).unwrap();
        }
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> &Self {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        self
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).unwrap()
    }

    /// Every file below the folder, hidden ones too, so that nothing half-written hides.
    pub(crate) fn files(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut open = vec![self.0.clone()];
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    open.push(path);
                } else {
                    found.push(path.strip_prefix(&self.0).unwrap().to_string_lossy().replace('\\', "/"));
                }
            }
        }
        found.sort();
        found
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sauma"));
        command.args(arguments).current_dir(&self.0).stdin(Stdio::null());
        for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "LANG", "LC_ALL", "SOURCE_DATE_EPOCH"] {
            command.env_remove(name);
        }
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        ran(&mut self.command(arguments))
    }

    /// As [`Folder::run`], at a time in seconds since 1970.
    pub(crate) fn run_at(&self, arguments: &[&str], time: &str) -> Ran {
        ran(self.command(arguments).env("SOURCE_DATE_EPOCH", time))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

fn ran(command: &mut Command) -> Ran {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

fn ran_with(folder: &Folder, name: &str, value: &str) -> Ran {
    ran(folder.command(&["demo"]).env(name, value))
}

/// A document that fails: what is printed, and that nothing of a value is.
fn fails(name: &str, file: &str, bytes: impl AsRef<[u8]>, wanted: &str) {
    let folder = Folder::new(name);
    let ran = folder.file(file, bytes).run(&["translate", file, "--to", "fhir"]);
    // A new unit system changes no text but the list of them.
    let known: Vec<&str> = sauma::mapping::units::UNITS.iter().map(|unit| unit.name).collect();
    assert_eq!(ran.err, wanted.trim_start_matches('\n').replace("{known}", &known.join(", ")));
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
}

#[test]
fn an_unknown_format_is_named() {
    fails(
        "unknown",
        "note.json",
        "{\"nimi\": \"Aino\"}",
        "
error[F109]: no unit system recognises this document
--> note.json
 = means: the format of the document was not recognised
 = help: name its system with --from; known: {known}

0 of 1 document done, 1 failed; 1 error, 0 warnings
",
    );
}

#[test]
fn a_truncated_document_is_pointed_at_without_its_values() {
    let text = "{\n  \"asiakas\": [\n    { \"sukunimi\": \"Testikoivu\", \"etunimet\": \"Ai";
    fails(
        "truncated",
        "plan.json",
        text,
        "
error[F111]: the string that starts here has no end
 --> plan.json:3:45
  |
3 |     { \"sukunimi\": \"··········\", \"etunimet\": \"··
  |                                             ^^^
  = means: the document ends too early
  = help: fetch or export the document again

0 of 1 document done, 1 failed; 1 error, 0 warnings
",
    );
}

#[test]
fn a_wrong_encoding_is_pointed_at() {
    let mut bytes = b"{\n  \"nimi\": \"M".to_vec();
    bytes.extend([0xE4, b'k', b'i', b'"', b'\n', b'}']);
    fails(
        "encoding",
        "plan.json",
        bytes,
        "
error[F101]: these bytes are not UTF-8
 --> plan.json:2:13
  |
2 |   \"nimi\": \"····\"
  |             ^
  = means: bytes are not valid in their encoding
  = help: export the document again as UTF-8; only CSV may be Windows-1252

0 of 1 document done, 1 failed; 1 error, 0 warnings
",
    );
}

#[test]
fn a_duplicate_key_is_pointed_at() {
    let text = "{\n  \"asiakas\": \"Aino\",\n  \"asiakas\": \"Veera\"\n}";
    fails(
        "duplicate",
        "plan.json",
        text,
        "
error[F103]: this key stands twice in its object
 --> plan.json:3:3
  |
3 |   \"asiakas\": \"·····\"
  |   ^^^^^^^^^
  = means: one JSON object has the same key twice
  = help: keep one of the two; which of them was meant cannot be known

0 of 1 document done, 1 failed; 1 error, 0 warnings
",
    );
}

#[test]
fn broken_xml_is_pointed_at() {
    let folder = Folder::new("xml");
    let ran = folder.file("plan.xml", "<a>\n <nimi>Aino</nimo>\n</a>").run(&[
        "translate",
        "plan.xml",
        "--to",
        "fhir",
    ]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("plan.xml:2:"), "{}", ran.err);
    assert!(ran.err.contains("<nimi>····</nimo>"), "{}", ran.err);
}

#[test]
fn an_unknown_code_and_a_date_in_words_are_carried_and_reported() {
    let folder = Folder::new("values");
    let text = CSV.replace("10.02.2025", "ensi viikolla").replace(";07;", ";77;");
    let ran = folder.file("plan.csv", &text).run(&["translate", "plan.csv", "--to", "fhir"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("ensi viikolla"));
    assert!(ran.err.contains("warning[M221]: "), "{}", ran.err);
    assert!(
        ran.err.contains("warning[M222]: the value does not have the form that this rule expects"),
        "{}",
        ran.err
    );
    assert!(ran.err.contains(" --> plan.csv:2:51"), "{}", ran.err);
    assert!(ran.err.contains("via date(\"dd.MM.yyyy\")"), "{}", ran.err);
    assert!(!ran.err.contains("Testikoivu") && !ran.err.contains("ensi viikolla"), "{}", ran.err);
    let shown = folder.run(&["translate", "plan.csv", "--to", "fhir", "--show-values"]);
    assert!(shown.err.contains("= value: ensi viikolla"), "{}", shown.err);
}

#[test]
fn a_lens_with_a_fault_is_pointed_at() {
    let folder = Folder::new("lens");
    let lens =
        include_str!("../../mappings/employment-plan/unit.lens").replace("pat.name.family", "pat.name.famly");
    folder.file("u/unit.lens", &lens);
    for table in ["toimsuunlaji", "toimikoodi", "segmenttikoodi", "toimkasitelty"] {
        let codes = format!("{}/mappings/employment-plan/codes/{table}.tsv", env!("CARGO_MANIFEST_DIR"));
        folder.file(&format!("u/codes/{table}.tsv"), fs::read(codes).unwrap());
    }
    let ran = folder.run(&["lens", "check", "u"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("error[M202]"), "{}", ran.err);
    assert!(ran.err.contains("u/unit.lens:33:"), "{}", ran.err);
    assert!(ran.err.contains("p.row[same].sukunimi <-> pat.name.famly"), "{}", ran.err);
    assert!(ran.err.contains("did you mean `family`?"), "{}", ran.err);
    folder.file("u/unit.lens", include_str!("../../mappings/employment-plan/unit.lens"));
    let ran = folder.run(&["lens", "check", "u"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert!(ran.out.starts_with("u/unit.lens: sound"), "{}", ran.out);
    // A document of a client is no lens, and nothing of it is shown.
    folder.file("plan.csv", CSV);
    let ran = folder.run(&["lens", "check", "plan.csv"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("this is no lens") && !ran.err.contains("henkilotunnus"), "{}", ran.err);
    fs::remove_file(folder.0.join("u/codes/toimikoodi.tsv")).unwrap();
    let ran = folder.run(&["lens", "check", "u", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((ran.code, &report[0]["findings"][0]["code"]), (1, &serde_json::json!("M210")));
}

#[test]
fn many_documents_go_on_where_one_fails() {
    let folder = Folder::new("bulk");
    folder.file("in/a.csv", CSV).file("in/b/a.json", JSON).file("in/bad.json", "{").file("in/c.xml", XML);
    folder.file("in/readme.md", "no document").file("a.csv", CSV);
    let ran = folder.run(&["translate", "in", "a.csv", "--to", "fhir", "--out-dir", "out"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("in/bad.json"), "{}", ran.err);
    assert!(
        ran.err.ends_with("4 of 5 documents done, 1 failed; 1 error, 0 warnings, 1 other files skipped\n"),
        "{}",
        ran.err
    );
    let out: Vec<String> = folder.files().into_iter().filter(|name| name.starts_with("out")).collect();
    assert_eq!(out, ["out/a-2.fhir.json", "out/a.fhir.json", "out/b/a.fhir.json", "out/c.fhir.json"]);
    let ran = folder.run(&["translate", "in", "--to", "fhir", "--out-dir", "out", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(report["summary"]["failed"], 1);
    assert_eq!(report["documents"].as_array().unwrap().len(), 4);
    assert_eq!(report["documents"][0]["unit"], "employment-plan");
}

#[test]
fn several_documents_need_a_place() {
    let folder = Folder::new("several");
    folder.file("a.csv", CSV).file("b.csv", CSV);
    let ran = folder.run(&["translate", "a.csv", "b.csv", "--to", "fhir"]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(ran.err.contains("--out-dir"), "{}", ran.err);
    let lines = folder.run(&["translate", "a.csv", "b.csv", "--to", "fhir", "--ndjson"]);
    assert_eq!((lines.code, lines.out.lines().count()), (0, 2));
}

#[test]
fn lines_go_to_lines() {
    let folder = Folder::new("lines");
    let line = JSON.replace('\n', "");
    let unread = "{\"nimi\": \"Aino\"}";
    folder.file("in.ndjson", format!("{line}\n\n{unread}\n{line}\n"));
    let ran = folder.run(&["translate", "in.ndjson", "--to", "fhir", "-o", "out.ndjson", "--format", "json"]);
    assert_eq!(ran.code, 1);
    let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((&report["summary"]["documents"], &report["summary"]["failed"]), (&3.into(), &1.into()));
    assert_eq!((&report["documents"][1]["line"], &report["documents"][1]["ok"]), (&3.into(), &false.into()));
    let out = folder.read("out.ndjson");
    assert_eq!(out.lines().count(), 2);
    let back = folder.run(&[
        "translate",
        "out.ndjson",
        "--from",
        "fhir",
        "--to",
        "social-client-plan",
        "--out-dir",
        "o",
    ]);
    assert_eq!(back.code, 0, "{}", back.err);
    assert_eq!(folder.read("o/out.social-client-plan.ndjson").lines().count(), 2);
}

#[test]
fn an_input_is_never_replaced() {
    let folder = Folder::new("replace");
    folder.file("a.csv", CSV).file("d/x.json", JSON);
    let ran = folder.run(&["translate", "a.csv", "--to", "fhir", "-o", "a.csv"]);
    assert_eq!((ran.code, folder.read("a.csv").as_str()), (2, CSV));
    folder.file("d/x.fhir.json", JSON);
    let ran = folder.run(&["translate", "d", "--to", "fhir", "--out-dir", "d"]);
    assert_eq!((ran.code, folder.read("d/x.fhir.json").as_str()), (1, JSON));
    assert!(folder.files().iter().all(|name| !name.contains("tmp")), "{:?}", folder.files());
}

#[test]
fn a_change_is_carried_back_and_nothing_else_moves() {
    let folder = Folder::new("put");
    folder.file("plan.csv", CSV);
    assert_eq!(folder.run(&["translate", "plan.csv", "--to", "fhir", "-o", "plan.json"]).code, 0);
    let same = folder.run(&["put", "plan.csv", "--changed", "plan.json"]);
    assert_eq!((same.code, same.out.as_str()), (0, CSV));
    folder.file("changed.json", folder.read("plan.json").replace("2025-08-11", "2025-09-01"));
    let diff = folder.run(&["put", "plan.csv", "--changed", "changed.json", "--diff"]);
    assert_eq!(diff.code, 0);
    assert!(diff.out.contains("    2 - ······-····;") && !diff.out.contains("Testikoivu"), "{}", diff.out);
    let diff = folder.run(&["put", "plan.csv", "--changed", "changed.json", "--diff", "--show-values"]);
    assert!(diff.out.contains("    2 + 140379-9128;") && diff.out.contains("01.09.2025"), "{}", diff.out);
    assert_eq!(folder.read("plan.csv"), CSV);
    assert_eq!(folder.run(&["put", "plan.csv", "--changed", "changed.json", "--in-place"]).code, 0);
    assert_eq!(folder.read("plan.csv"), CSV.replace("11.08.2025", "01.09.2025"));
}

#[test]
fn a_refused_change_writes_nothing() {
    let folder = Folder::new("refused");
    folder.file("plan.csv", CSV);
    folder.run(&["translate", "plan.csv", "--to", "fhir", "-o", "plan.json"]);
    folder.file(
        "changed.json",
        folder.read("plan.json").replace("\"intent\": \"plan\"", "\"intent\": \"order\""),
    );
    let ran = folder.run(&["put", "plan.csv", "--changed", "changed.json", "--in-place"]);
    assert_eq!((ran.code, folder.read("plan.csv").as_str()), (1, CSV));
    assert!(ran.err.contains("error[M224]") && ran.err.contains("nothing was written"), "{}", ran.err);
    let ran =
        folder.run(&["put", "plan.csv", "--changed", "changed.json", "-o", "new.csv", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((ran.code, &report["ok"], &report["findings"][0]["code"]), (1, &false.into(), &"M224".into()));
    assert_eq!(folder.files(), ["changed.json", "plan.csv", "plan.json"]);
}

#[test]
fn translation_between_units_goes_through_fhir() {
    let folder = Folder::new("units");
    folder.file("plan.csv", CSV);
    folder.run(&["translate", "plan.csv", "--to", "fhir", "-o", "plan.json"]);
    let made = folder.run(&["translate", "plan.json", "--from", "fhir", "--to", "employment-plan"]);
    assert_eq!(made.code, 0, "{}", made.err);
    assert!(made.out.contains("140379-9128;Testikoivu;"), "{}", made.out);
    // The first task stands on the row that says whose plan it is: as many rows as tasks, and the header.
    assert_eq!(made.out.lines().count(), CSV.lines().count(), "{}", made.out);
    let based = ["translate", "plan.json", "--from", "fhir", "--to", "employment-plan", "--base", "plan.csv"];
    assert_eq!(folder.run(&based).out, CSV);
    let xml = folder.run(&["translate", "plan.csv", "--to", "fhir", "--xml", "-o", "plan.xml"]);
    assert_eq!(xml.code, 0, "{}", xml.err);
    let again = folder.run(&["translate", "plan.xml", "--from", "fhir", "--to", "fhir"]);
    assert_eq!(again.out, folder.read("plan.json"));
}

#[test]
fn every_leaf_is_explained() {
    let folder = Folder::new("explain");
    folder.file("plan.csv", CSV);
    let ran = folder.run(&["explain", "plan.csv"]);
    assert_eq!(ran.code, 0);
    assert!(ran.out.contains("ledger: 50 = "), "{}", ran.out.lines().last().unwrap());
    assert!(
        ran.out.contains("employment-plan/unit.lens:23: p.row[same].allekpvm <-> c.created"),
        "{}",
        ran.out
    );
    assert!(!ran.out.contains("Testikoivu"));
    let ran = folder.run(&["explain", "plan.csv", "--format", "json", "--show-values"]);
    let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let fields = report["fields"].as_array().unwrap();
    assert_eq!(report["total"].as_u64().unwrap(), fields.len() as u64);
    assert!(
        fields.iter().any(|field| field["value"] == "Testikoivu"
            && field["targets"][0] == "Patient/patient-1.name[0].family")
    );
    assert_eq!(
        folder.run(&["explain", "m221"]).out,
        "M221: a code is not in the table\n  = help: it is carried as the unit wrote it; add it to the code table\n"
    );
    let slip = folder.run(&["explain", "M212"]);
    assert_eq!(slip.code, 2);
    assert!(slip.err.contains("did you mean"), "{}", slip.err);
}

#[test]
fn exit_codes_tell_wrong_data_from_wrong_usage() {
    let folder = Folder::new("codes");
    folder.file("plan.csv", CSV).file("bad.json", "{");
    let code = |arguments: &[&str]| folder.run(arguments).code;
    assert_eq!(code(&["translate", "plan.csv", "--to", "fhir"]), 0);
    assert_eq!(code(&["translate", "bad.json", "--to", "fhir"]), 1);
    assert_eq!(code(&["translate", "absent.json", "--to", "fhir"]), 2);
    assert_eq!(code(&["translate", "plan.csv"]), 2);
    assert_eq!(code(&["--help"]), 0);
    let slip = folder.run(&["translate", "plan.csv", "--to", "employmnt-plan"]);
    assert_eq!(slip.code, 2);
    assert!(slip.err.contains("did you mean `employment-plan`?"), "{}", slip.err);
    let slip = folder.run(&["translate", "absent.json", "--to", "fhir", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&slip.err).unwrap();
    assert!(report["stopped"]["message"].as_str().unwrap().contains("absent.json"));
}

#[test]
fn colours_follow_the_environment() {
    let folder = Folder::new("colour");
    folder.file("bad.json", "{");
    let arguments = ["translate", "bad.json", "--to", "fhir"];
    let colourful = |command: &mut Command| ran(command).err.contains('\u{1b}');
    assert!(!colourful(&mut folder.command(&arguments)));
    assert!(colourful(folder.command(&arguments).env("CLICOLOR_FORCE", "1")));
    assert!(!colourful(folder.command(&arguments).env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1")));
    assert!(colourful(folder.command(&arguments).args(["--color", "always"]).env("NO_COLOR", "1")));
    assert!(!colourful(folder.command(&arguments).args(["--color", "never"]).env("CLICOLOR_FORCE", "1")));
}

#[test]
fn a_reader_that_goes_away_is_no_fault() {
    let folder = Folder::new("pipe");
    folder.file("plan.xml", XML);
    let mut child = folder
        .command(&["explain", "plan.xml"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), b"".as_slice()));
}

#[test]
fn standard_input_is_a_document() {
    let folder = Folder::new("stdin");
    let mut command = folder.command(&["translate", "-", "--to", "fhir"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(CSV.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stdout.starts_with(b"{\n  \"resourceType\": \"Bundle\""));
}

#[test]
fn lenses_packages_and_completions_are_listed() {
    let folder = Folder::new("lists");
    let json = |arguments: &[&str]| -> serde_json::Value {
        serde_json::from_str(&folder.run(arguments).out).unwrap()
    };
    let units = json(&["lens", "list", "--format", "json"]);
    assert!(
        units
            .as_array()
            .unwrap()
            .iter()
            .any(|unit| unit["name"] == "employment-plan" && unit["format"] == "csv")
    );
    assert_eq!(json(&["package", "list", "--format", "json"])[0]["name"], "hl7.fhir.r4.core");
    let pack = format!("{}/profiles/sauma.sauma", env!("CARGO_MANIFEST_DIR"));
    assert!(json(&["package", "info", &pack, "--format", "json"])["logical_models"].as_u64().unwrap() > 2);
    let profiles = format!("{}/profiles", env!("CARGO_MANIFEST_DIR"));
    assert_eq!(folder.run(&["package", "build", &profiles, "-o", "p.sauma"]).code, 0);
    assert_eq!(fs::read(folder.0.join("p.sauma")).unwrap(), fs::read(&pack).unwrap());
    let page = folder.run(&["lens", "doc", "employment-plan"]);
    assert!(
        page.out.contains("| row[same].allekpvm | <-> | CarePlan.created | date(dd.MM.yyyy) |"),
        "{}",
        page.out
    );
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(folder.run(&["completions", shell]).out.contains("translate"), "{shell}");
    }
}

#[test]
fn an_identity_code_that_fails_its_check_is_pointed_at() {
    let folder = Folder::new("hetu");
    let text = CSV.replace("140379-9128", "131052-308U");
    let ran = folder.file("plan.csv", text).run(&["translate", "plan.csv", "--to", "fhir"]);
    assert_eq!(ran.code, 0);
    assert!(ran.err.contains("warning[P402]: ") && ran.err.contains(" --> plan.csv:2:1\n"), "{}", ran.err);
    assert!(!ran.err.contains("131052"), "{}", ran.err);
}

#[test]
fn two_clients_are_not_joined() {
    let folder = Folder::new("clients");
    folder
        .file("a.csv", CSV)
        .file("b.csv", CSV.replace("140379-9128", "131052-308T").replace("TS-2025-0101", "TS-2025-0102"))
        .file("c.csv", CSV.replace("140379-9128", "131052-308T"));
    // Units count their plans from one: an equal key makes two clients' plans no versions of one plan.
    let ran = folder.run(&["join", "a.csv", "c.csv", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&ran.err).unwrap();
    assert_eq!((ran.code, &report["findings"][0]["code"]), (1, &"P403".into()), "{}", ran.err);
    fs::remove_file(folder.0.join("c.csv")).unwrap();
    let ran = folder.run(&["join", "a.csv", "b.csv", "--out", "plan.json", "--format", "json"]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    let report: serde_json::Value = serde_json::from_str(&ran.err).unwrap();
    assert_eq!(report["findings"][0]["code"], "P403", "{}", ran.err);
    assert_eq!(folder.files(), ["a.csv", "b.csv"]);
    let ran = folder.run(&["join", "a.csv", "b.csv"]);
    assert!(ran.err.contains("error[P403]") && ran.err.ends_with("nothing was joined\n"), "{}", ran.err);
    assert!(!ran.err.contains("131052"), "{}", ran.err);
}

#[test]
fn a_plan_is_not_joined_without_a_document_that_cannot_be_read() {
    let folder = Folder::new("half");
    let ran = folder.file("a.csv", CSV).file("b.json", "{").run(&["join", "a.csv", "b.json"]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    let slip = folder.run(&["join", "a.csv", "--same-client", "c.csv"]);
    assert_eq!(slip.code, 2, "{}", slip.err);
}

#[test]
fn the_demonstration_joins_and_replaces_nothing() {
    let folder = Folder::new("demo");
    let ran = folder.run(&["demo"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.contains("4 documents are in sauma-demo"), "{}", ran.err);
    assert!(ran.out.contains("Oskari Esimerkki"), "{}", ran.out);
    for (file, unit) in [
        ("social-services.json", "social-client-plan"),
        ("health-centre.xml", "ccda-care-plan"),
        ("employment-services.csv", "employment-plan"),
        ("ngo.json", "fhir-detail"),
    ] {
        assert!(ran.out.contains(&format!("sauma-demo/{file} ({unit}): ")), "{}", ran.out);
    }
    assert_eq!(folder.run(&["join", "sauma-demo"]).out, ran.out, "a folder is joined as its files are");
    let documents = folder.files();
    assert_eq!(documents.len(), 4);
    let mut arguments = vec!["join", "--format", "json"];
    arguments.extend(documents.iter().map(String::as_str));
    let joined = folder.run(&arguments);
    let plan: serde_json::Value = serde_json::from_str(&joined.out).unwrap();
    let report: serde_json::Value = serde_json::from_str(&joined.err).unwrap();
    assert_eq!((joined.code, &plan["resourceType"]), (0, &"Bundle".into()));
    let found: Vec<&str> =
        report["findings"].as_array().unwrap().iter().map(|issue| issue["code"].as_str().unwrap()).collect();
    assert!(found.contains(&"P406") && found.contains(&"P407"), "{found:?}");
    let finnish = folder.run(&["demo", "--lang", "fi"]);
    assert!(
        finnish.out.starts_with("Yhteinen suunnitelma\n") && !finnish.out.contains("240986"),
        "{}",
        finnish.out
    );
    let swedish = ran_with(&folder, "LANG", "sv_FI.UTF-8");
    assert!(!swedish.out.starts_with("Yhteinen") && !swedish.out.starts_with("Joined"), "{}", swedish.out);
    folder.file("sauma-demo/ngo.json", "mine");
    let ran = folder.run(&["demo"]);
    assert_eq!((ran.code, folder.read("sauma-demo/ngo.json").as_str()), (2, "mine"));
}

#[test]
fn the_laws_of_a_lens_are_tried() {
    let folder = Folder::new("laws");
    let unit = format!("{}/mappings/employment-plan", env!("CARGO_MANIFEST_DIR"));
    for what in ["employment-plan", unit.as_str()] {
        let ran = folder.run(&["lens", "test", what, "--documents", "40", "--format", "json"]);
        let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!(
            (ran.code, &report["ok"], &report["label"]),
            (0, &true.into(), &"lossless".into()),
            "{}",
            ran.out
        );
    }
    let ran = folder.run(&["lens", "test", "employment-plan", "--documents", "8"]);
    assert!(ran.out.contains("GetPut        holds"), "{}", ran.out);
    let ran = folder.run(&["lens", "test", "--mutate", unit.as_str(), "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert!(
        report["noticed"].as_u64().unwrap() * 10 > report["mutants"].as_u64().unwrap() * 8,
        "{}",
        ran.out
    );
    assert_eq!(folder.run(&["lens", "test", "--mutate", "employment-plan"]).code, 2);
}
