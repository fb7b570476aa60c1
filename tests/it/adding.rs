//! The page on adding a unit system, followed to the letter: its files, its commands, what they must say.

use crate::cli::Folder;
use serde_json::Value;

const PAGE: &str = include_str!("../../mappings/ADDING.md");

/// A fenced block of the page, and the last line before it.
struct Block<'a> {
    before: &'a str,
    language: &'a str,
    text: String,
}

fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let (mut before, mut lines) = ("", page.lines());
    while let Some(line) = lines.next() {
        let Some(language) = line.strip_prefix("```") else {
            before = if line.trim().is_empty() { before } else { line };
            continue;
        };
        let text = lines.by_ref().take_while(|line| *line != "```").map(|line| format!("{line}\n")).collect();
        blocks.push(Block { before, language, text });
        before = "";
    }
    blocks
}

#[test]
fn the_page_does_what_it_says() {
    let folder = Folder::new("adding");
    let (mut written, mut ran, mut said) = (0, 0, String::new());
    for Block { before, language, text } in blocks(PAGE) {
        let file = before.strip_prefix('`').and_then(|rest| rest.strip_suffix('`'));
        match (file, language) {
            (Some(file), _) => {
                folder.file(file, text);
                written += 1;
            }
            (None, "sh") => {
                said.clear();
                for line in text.lines() {
                    let arguments: Vec<&str> = line.strip_prefix("sauma ").unwrap().split(' ').collect();
                    let output = folder.run(&arguments);
                    assert_eq!(output.code, 0, "{line}: {} {}", output.out, output.err);
                    said.push_str(&output.out);
                    ran += 1;
                }
            }
            (None, _) => {
                for line in text.lines() {
                    assert!(said.contains(line), "`{line}` is not in {said}");
                }
            }
        }
    }
    assert!(written == 5 && ran == 7, "{written} files, {ran} commands");

    let sample = folder.read("school-support/cases/first/input.json");
    assert_eq!(folder.read("unchanged.json"), sample);
    let mut expected: Value = serde_json::from_str(&sample).unwrap();
    expected.as_object_mut().unwrap().remove("print");
    assert_eq!(serde_json::from_str::<Value>(&folder.read("new.json")).unwrap(), expected);
}

#[test]
fn a_folder_that_cannot_be_used_says_why() {
    let folder = Folder::new("adding-faults");
    let check = |lens: Option<&str>, name: &str, code: i32, expected: &str| {
        folder.file(&format!("{name}/README.md"), "");
        if let Some(lens) = lens {
            folder.file(&format!("{name}/unit.lens"), lens);
        }
        let ran = folder.run(&["--unit-dir", name, "lens", "list"]);
        assert_eq!(ran.code, code, "{}", ran.err);
        assert!(ran.err.contains(expected), "{}", ran.err);
    };
    check(None, "empty", 2, "there is no `unit.lens` in empty");
    check(Some("lens"), "spoilt", 2, "M290");
    check(Some("lens"), "employment-plan", 2, "there is a unit system of this name already");
}
