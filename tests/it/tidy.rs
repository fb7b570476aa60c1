//! The rules of the house that no compiler checks.

use sauma::diag::LineIndex;
use sauma::{diag, mapping};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Which modules each module may use. `None` is every module.
const IMPORTS: &[(&str, Option<&[&str]>)] = &[
    ("diag", Some(&[])),
    ("tree", Some(&["diag"])),
    ("schema", Some(&["diag", "tree"])),
    ("fhirpath", Some(&["diag", "tree", "schema"])),
    ("format", Some(&["diag", "tree"])),
    ("mapping", Some(&["diag", "tree", "schema", "fhirpath"])),
    ("validate", Some(&["diag", "tree", "schema", "fhirpath"])),
    ("plan", Some(&["diag", "tree", "schema", "fhirpath", "mapping", "validate"])),
    ("search", Some(&["diag", "tree", "schema", "fhirpath"])),
    ("guide", Some(&["schema", "tree"])),
    ("tls", Some(&[])),
    ("store", Some(&["diag", "tree", "schema", "search", "plan", "tls"])),
    (
        "exchange",
        Some(&[
            "diag", "tree", "schema", "fhirpath", "format", "mapping", "validate", "plan", "tls", "store",
        ]),
    ),
    (
        "conformance",
        Some(&["diag", "tree", "schema", "fhirpath", "format", "mapping", "validate", "plan", "guide"]),
    ),
    (
        "server",
        Some(&[
            "diag",
            "tree",
            "schema",
            "fhirpath",
            "format",
            "mapping",
            "validate",
            "plan",
            "search",
            "tls",
            "store",
            "exchange",
            "conformance",
        ]),
    ),
    ("cli", None),
];

/// Lines of one file, tests not counted.
const LINES_MAX: usize = 600;

/// Files over [`LINES_MAX`], and why. An entry whose file is small enough is stale.
const LONG: &[(&str, &str)] = &[];

/// Codes that are given but not raised yet, by the module that will. A code in use is stale here.
const RESERVED: &[(&str, &[&str])] = &[("mapping", &["MANY_VALUES", "LAW_BROKEN"])];

/// The files of the repository that people write.
fn sources(ends: &[&str]) -> Vec<(String, String)> {
    let mut open = vec![PathBuf::from(".")];
    let mut found = Vec::new();
    while let Some(here) = open.pop() {
        for entry in fs::read_dir(&here).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                if name != "target" && name != ".git" {
                    open.push(path);
                }
            } else if ends.iter().any(|end| name.ends_with(end))
                && let Ok(text) = fs::read_to_string(&path)
            {
                found.push((path.strip_prefix(".").unwrap().to_string_lossy().replace('\\', "/"), text));
            }
        }
    }
    found.sort();
    found
}

fn assert_none(faults: &[String]) {
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn modules_use_only_what_stands_above_them() {
    let mut faults = Vec::new();
    for (path, text) in sources(&[".rs"]) {
        let Some(inside) = path.strip_prefix("src/") else { continue };
        let Some((module, below)) = inside.split_once('/') else { continue };
        let Some((_, allowed)) = IMPORTS.iter().find(|(name, _)| *name == module) else {
            faults.push(format!("{path}: the module `{module}` is not in the table"));
            continue;
        };
        for used in used_modules(&text) {
            if used != module && allowed.is_some_and(|allowed| !allowed.contains(&used.as_str())) {
                faults.push(format!("{path}: `{module}` may not use `{used}`"));
            }
        }
        if let Some(line) = climbs_out(below, &text) {
            faults.push(format!("{path}:{line}: `super` leads out of the module; write `crate::`"));
        }
    }
    assert_none(&faults);
}

/// The modules named after `crate::`, also in groups.
fn used_modules(text: &str) -> BTreeSet<String> {
    let word = |rest: &str| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut found = BTreeSet::new();
    for (at, _) in text.match_indices("crate::") {
        if text[..at].ends_with('$') {
            continue;
        }
        let rest = &text[at + "crate::".len()..];
        let Some(group) = rest.strip_prefix('{') else {
            found.insert(word(rest));
            continue;
        };
        let mut depth = 1;
        let mut starts = true;
        for (at, character) in group.char_indices() {
            match character {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' => starts = depth == 1,
                _ if character.is_alphabetic() && starts => {
                    found.insert(word(&group[at..]));
                    starts = false;
                }
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
    }
    found
}

/// The first line where more `super` stand than the file lies deep.
fn climbs_out(below: &str, text: &str) -> Option<usize> {
    let depth = below.split('/').count() - usize::from(below.ends_with("mod.rs"));
    let mut inline = 0;
    for (at, line) in text.lines().enumerate() {
        inline += usize::from(line.starts_with("mod ") && line.ends_with('{'));
        if line.contains(&"super::".repeat(depth + inline + 1)) {
            return Some(at + 1);
        }
    }
    None
}

#[test]
fn files_are_short_enough_to_read() {
    let mut faults = Vec::new();
    let is_test = |path: &str| path.contains("/tests/") || path.ends_with("tests.rs");
    for (path, text) in sources(&[".rs"]).iter().filter(|(path, _)| !is_test(path)) {
        let end = text.find("\n#[cfg(test)]\nmod tests {").unwrap_or(text.len());
        let lines = text[..end].lines().count();
        let listed = LONG.iter().any(|(long, _)| long == path);
        if lines > LINES_MAX && !listed {
            faults.push(format!("{path}: {lines} lines, over {LINES_MAX}"));
        } else if lines <= LINES_MAX && listed {
            faults.push(format!("{path}: {lines} lines; take it off the list of long files"));
        }
    }
    for (path, _) in LONG.iter().filter(|(path, _)| !Path::new(path).is_file()) {
        faults.push(format!("{path}: on the list of long files, but not there"));
    }
    assert_none(&faults);
}

#[test]
fn nothing_is_left_for_later() {
    let words = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("to", "do!("),
        concat!("unimple", "mented!("),
        concat!("#[ig", "nore"),
    ];
    let mut faults = Vec::new();
    for (path, text) in sources(&[".rs", ".lens", ".md", ".toml", ".tsv"]) {
        for (at, line) in text.lines().enumerate() {
            for word in words.iter().filter(|word| line.contains(**word)) {
                faults.push(format!("{path}:{}: `{word}`", at + 1));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn no_path_of_a_machine_is_written_down() {
    let roots = ["home", "Users", "root", "work", "tmp/w"].map(|root| format!("/{root}/"));
    let mut faults = Vec::new();
    for (path, text) in sources(&[".rs", ".lens", ".md", ".toml", ".tsv", ".json", ".yml", ".lock", "run"]) {
        for root in &roots {
            // Inside an URL or behind a variable it is no path of a machine.
            let found = text.match_indices(root.as_str()).find(|(at, _)| {
                !text[..*at]
                    .ends_with(|c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '}' | '~'))
            });
            if let Some((at, _)) = found {
                faults.push(format!("{path}:{}: {root}", text[..at].matches('\n').count() + 1));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn every_code_is_raised_or_reserved() {
    let registry = fs::read_to_string("src/diag/codes.rs").unwrap();
    let used: String = sources(&[".rs"])
        .into_iter()
        .filter(|(path, _)| path.starts_with("src/") && path != "src/diag/codes.rs")
        .map(|(_, text)| text)
        .collect();
    let names: Vec<&str> = registry
        .lines()
        .filter_map(|line| line.trim().split_once(" = \"")?.0.split_whitespace().next())
        .filter(|name| name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'))
        .collect();
    assert_eq!(names.len(), diag::codes::ALL.len(), "a code is not written as the others");
    let words: BTreeSet<&str> = used.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
    let mut faults = Vec::new();
    for name in names {
        let reserved = RESERVED.iter().any(|(_, codes)| codes.contains(&name));
        let raised = words.contains(name);
        if !raised && !reserved {
            faults.push(format!("`{name}` is neither raised nor reserved"));
        } else if raised && reserved {
            faults.push(format!("`{name}` is raised; take it off the list of reserved codes"));
        }
    }
    assert_none(&faults);
}

/// The files that the examples of the language page name.
fn example_file(path: &str) -> Option<String> {
    (path == "codes/status.tsv")
        .then(|| "source\ttarget\nopen\tactive\nrunning\tactive\nended\tcompleted\n".to_owned())
}

#[test]
fn examples_of_the_language_page_compile() {
    let page = fs::read_to_string("src/mapping/LENS.md").unwrap();
    let mut schema = mapping::units::schema().clone();
    schema.add_definition(&fs::read_to_string("tests/it/example-plan.json").unwrap()).unwrap();
    let blocks: Vec<&str> =
        page.split("```lens\n").skip(1).filter_map(|rest| rest.split("\n```").next()).collect();
    assert!(blocks.len() >= 2, "the page has lost its examples");
    let mut faults = Vec::new();
    for block in blocks {
        if let Err(issues) = mapping::compile(block, &schema, &example_file) {
            let index = LineIndex::new(block);
            for issue in issues {
                let place = index.place(issue.span.start);
                faults
                    .push(format!("line {}: {} {} {}", place.line, issue.code.id, issue.message, issue.help));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn the_checks_see_what_they_look_for() {
    let used =
        used_modules("use crate::diag::{a, b};\nuse crate::{tree::{x, y}, schema};\n$crate::macro_only!()");
    assert_eq!(used.into_iter().collect::<Vec<_>>(), ["diag", "schema", "tree"]);
    assert_eq!(climbs_out("fhir/read.rs", "use super::super::json;\nuse super::xml;"), None);
    assert_eq!(climbs_out("fhir.rs", "use super::json;\nuse super::super::diag;"), Some(2));
    assert_eq!(climbs_out("mod.rs", "mod tests {\n use super::*; "), None);
    assert_eq!(climbs_out("mod.rs", "use super::diag;"), Some(1));
}
