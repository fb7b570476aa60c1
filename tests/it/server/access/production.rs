//! `sauma serve` without --dev, and what `sauma doctor` says of its settings.

use super::{Key, fresh, settings};
use std::path::PathBuf;
use std::process::{Command, Output};

/// A folder with a settings file.
struct Folder(PathBuf);

impl Folder {
    fn new(text: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("sauma-doctor-{}-{}", std::process::id(), fresh()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("sauma.toml"), text).unwrap();
        Self(folder)
    }

    fn run(&self, args: &[&str]) -> Output {
        let config = self.0.join("sauma.toml");
        let mut command = Command::new(env!("CARGO_BIN_EXE_sauma"));
        command.args(args).arg("--config").arg(config).current_dir(&self.0).env("LC_ALL", "C");
        command.output().unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

#[test]
fn what_is_unsafe_is_told_and_keeps_the_server_from_starting() {
    let unit = settings(&[("one", "health", "1.2.3", 1, "system/*.rs")], &Key::ec().set("k"));
    let check = |text: &str, codes: &[&str], exit: i32| {
        let folder = Folder::new(text);
        let output = folder.run(&["doctor", "--format", "json"]);
        let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let found: Vec<&str> =
            told.as_array().unwrap().iter().map(|advice| advice["code"].as_str().unwrap()).collect();
        assert_eq!((found.as_slice(), output.status.code()), (codes, Some(exit)), "{text}");
        if exit == 1 {
            let refused = folder.run(&["serve"]);
            let words = String::from_utf8_lossy(&refused.stderr).into_owned();
            assert_eq!(refused.status.code(), Some(2), "{words}");
            assert!(words.contains("H150") && words.contains(codes[0]), "{words}");
        }
    };
    check("", &["H180", "H181"], 1);
    check(&unit, &["H180"], 1);
    check(&format!("validate = false\ntrusted_proxies = [\"127.0.0.1\"]\n{unit}"), &["H186"], 0);
    check(&format!("trusted_proxies = [\"127.0.0.1\"]\n{unit}"), &[], 0);
}

#[test]
fn faults_of_the_settings_have_a_place() {
    let folder = Folder::new("validate = true\n[[unit]]\nkey = \"one\"\nnam = \"x\"\n");
    let output = folder.run(&["doctor"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("line 4, column 1") && told.contains("did you mean `name`?"), "{told}");
}

#[test]
fn files_that_the_settings_name_are_read_at_the_start() {
    let unit = settings(&[("one", "health", "1.2.3", 1, "system/*.rs")], &Key::ec().set("k"));
    let check = |text: &str, words: &str| {
        let output = Folder::new(text).run(&["serve", "--listen", "127.0.0.1:0"]);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains(words), "{told}");
    };
    let proxy = "trusted_proxies = [\"127.0.0.1\"]\n";
    check(&format!("{unit}[tls]\ncertificate = \"a.pem\"\nkey = \"a.key\"\n"), "a.key` cannot be read");
    check(&format!("{proxy}token_key = \"none\"\n{unit}"), "none` cannot be read");
    check(&format!("{proxy}{unit}[policy]\nfile = \"sauma.toml\"\n"), "has faults");
    check(&format!("{proxy}{}", unit.replace("\"keys\"", "\"kees\"")), "no JSON Web Key Set");
    check(&format!("{proxy}{}", unit.replace("\"kid\"", "\"d\":1,\"kid\"")), "a private key");
}
