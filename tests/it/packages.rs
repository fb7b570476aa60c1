//! The compiled definitions in `profiles/` are those that their sources give.

use sauma::schema::compile_files;
use std::{env, fs};

/// Rebuilds `profiles/sauma.sauma`; `UPDATE=1` writes it.
#[test]
fn own_definitions_are_compiled() {
    let mut files = Vec::new();
    for entry in fs::read_dir("profiles").unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            files.push((
                path.file_name().unwrap().to_string_lossy().into_owned(),
                fs::read_to_string(&path).unwrap(),
            ));
        }
    }
    let made = compile_files(files).unwrap().into_bytes();
    if env::var_os("UPDATE").is_some() {
        fs::write("profiles/sauma.sauma", &made).unwrap();
    }
    let kept = fs::read("profiles/sauma.sauma").unwrap();
    assert!(made == kept, "profiles/sauma.sauma is stale: run `sauma package build profiles`");
}
