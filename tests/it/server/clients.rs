//! Clients that others wrote work against the server: `tests/cases/clients` has a program for each.

use super::talk::Running;
use crate::reports::command;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the packages of others are: `node_modules` of npm, `py` of pip.
pub(super) fn packages() -> Option<PathBuf> {
    std::env::var_os("SAUMA_CLIENTS").map(PathBuf::from).filter(|folder| folder.is_dir())
}

fn check(interpreters: &[&str], program: &str, package: &str) {
    let packages = packages().filter(|folder| folder.join(package).is_dir());
    let (Some(interpreter), Some(packages)) = (command(interpreters), packages) else {
        println!("skipped: {program} needs {interpreters:?}, and SAUMA_CLIENTS with {package} in it");
        return;
    };
    let server = Running::start();
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/clients").join(program);
    let ran = Command::new(interpreter)
        .arg(&program)
        .env("SAUMA_BASE", format!("http://{}/fhir", server.address))
        .env("SAUMA_CLIENTS", packages)
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}: {}", program.display(), String::from_utf8_lossy(&ran.stderr));
}

#[test]
fn fhir_kit_client_works() {
    check(&["node"], "fhir-kit-client.mjs", "node_modules/fhir-kit-client");
}

#[test]
fn fhirpy_works() {
    check(&["python3"], "fhirpy.py", "py/fhirpy");
}
