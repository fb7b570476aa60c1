//! The walkthrough of `README.md`, run as it stands there: only the port is another, as any may be taken.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

const PORT: &str = "127.0.0.1:8080";

/// The block of shell below the heading.
fn block(readme: &str) -> &str {
    let section =
        readme.split("### Three units, one plan: a walkthrough").nth(1).expect("the heading is there");
    let block = section.split("```sh\n").nth(1).expect("a block of shell follows");
    block.split("```").next().unwrap()
}

#[test]
fn the_walkthrough_of_the_readme_works() {
    if Command::new("curl").arg("--version").output().is_err() {
        eprintln!("skipped: no curl on this machine, so that the walkthrough is not tested");
        return;
    }
    let readme = fs::read_to_string("README.md").unwrap();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let script = block(&readme).replace(PORT, &free);
    let folder = std::env::temp_dir().join(format!("sauma-walkthrough-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_sauma"));
    let path = format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let done = Command::new("bash")
        .args([
            "-euo",
            "pipefail",
            "-c",
            &format!("trap 'kill ${{server:-}} 2>/dev/null || true' EXIT\n{script}"),
        ])
        .current_dir(&folder)
        .env("PATH", path)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&done.stdout).into_owned();
    let errors = String::from_utf8_lossy(&done.stderr);
    fs::remove_dir_all(&folder).unwrap();
    assert!(done.status.success(), "{told}\n{errors}");
    // What the text around the block promises.
    for line in ["created", "written", "Vuokra on maksettu ajallaan"] {
        assert!(told.contains(line), "`{line}` is not told:\n{told}\n{errors}");
    }
}
