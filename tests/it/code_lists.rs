//! Code lists of the national code service, through the command line.

use crate::cli::Folder;
use std::process::Command;

const PLAN: &str = include_str!("../../mappings/social-client-plan/cases/unknown-codes/input.json");

fn run(folder: &str, arguments: &[&str]) -> (i32, String, String) {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("cli-{folder}"));
    let output =
        Command::new(env!("CARGO_BIN_EXE_sauma")).args(arguments).current_dir(path).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// A goal with a code of a list.
fn goal(code: &str) -> String {
    format!(
        "{{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"entry\":[{{\"fullUrl\":\"urn:uuid:7d1f0000-0000-4000-8000-000000000001\",\"resource\":{{\"resourceType\":\"Goal\",\"lifecycleStatus\":\"active\",\
         \"description\":{{\"coding\":[{{\"system\":\"urn:oid:1.2.246.537.6.1292\",\"code\":\"{code}\"}}]}},\"subject\":{{\"display\":\"x\"}}}}}}]}}"
    )
}

#[test]
fn lists_are_kept_by_version_and_unmapped_codes_are_reported() {
    let name = "code-lists";
    let folder = Folder::new(name);
    folder.file("old.csv", "CodeId;LongName\n1;Yksi\n2;Kaksi\n");
    folder.file("new.tsv", "Koodi\tNimi\tLoppupvm\n1\tYksi\t\n2\tKaksi\t31.12.2025\n3\tKolme\t\n");
    for (file, version) in [("old.csv", "2020-01-01"), ("new.tsv", "2026-01-01")] {
        let oid = "1.2.246.537.6.1292";
        let (code, _, err) =
            run(name, &["codes", "import", file, "--oid", oid, "--version", version, "--name", "Tavoite"]);
        assert_eq!(code, 0, "{err}");
    }
    let (_, out, _) = run(name, &["codes", "list", "--on", "2026-06-01"]);
    assert!(out.contains("2026-01-01 in force: 3 codes, 2 active"), "{out}");
    assert!(out.contains("2020-01-01 not in force: 2 codes, 2 active"), "{out}");

    for code in ["1", "2", "3", "9"] {
        folder.file(&format!("docs/{code}.json"), goal(code));
    }
    let check = |on: &str, expected: &[&str]| {
        let (code, out, err) = run(name, &["codes", "report", "docs", "--on", on]);
        assert_eq!(code, 1, "{err}");
        let faulty: Vec<&str> =
            out.lines().filter(|line| line.contains('[')).filter(|line| !line.starts_with(' ')).collect();
        assert_eq!(faulty, expected, "{out}");
    };
    check(
        "2026-06-01",
        &[
            "unmapped [X676] 1.2.246.537.6.1292 2026-01-01 9: 1 rows in 1 documents",
            "retired [X677] 1.2.246.537.6.1292 2026-01-01 2: 1 rows in 1 documents",
        ],
    );
    check(
        "2021-06-01",
        &[
            "unmapped [X676] 1.2.246.537.6.1292 2020-01-01 3: 1 rows in 1 documents",
            "unmapped [X676] 1.2.246.537.6.1292 2020-01-01 9: 1 rows in 1 documents",
        ],
    );

    // Validation knows the list too.
    let package = "codes/1.2.246.537.6.1292_2026-01-01.json";
    let (code, _, err) = run(name, &["validate", "docs/1.json", "--package", package]);
    assert_eq!(code, 0, "{err}");
    let (code, _, err) = run(name, &["validate", "docs/9.json", "--package", package]);
    assert!(code == 1 && err.contains("code"), "{err}");
    let (code, _, err) =
        run(name, &["codes", "import", "docs/1.json", "--oid", "no oid", "--version", "2026-01-01"]);
    assert_eq!(code, 2, "{err}");
}

#[test]
fn a_code_that_no_table_of_a_lens_has_is_reported() {
    let name = "code-lists-lens";
    let folder = Folder::new(name);
    folder.file("plan.json", PLAN).file("codes/.keep", "");
    let (code, out, err) = run(name, &["codes", "report", "plan.json", "--format", "json"]);
    assert_eq!(code, 1, "{out}{err}");
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["documents"], 1);
    assert!(report["faulty"].as_array().is_some_and(|faulty| !faulty.is_empty()), "{report}");
    assert!(report["not_at_hand"].as_object().is_some(), "{report}");
}
