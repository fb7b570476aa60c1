//! What a server and its children took of the machine, as `/proc` tells.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A server that was started here, and what else works for it, such as a database.
pub(crate) struct Process {
    child: Child,
    also: Option<u32>,
}

impl Process {
    /// Starts a command of the shell; `SAUMA` is our own program in it.
    pub(crate) fn start(command: &str, also: Option<u32>) -> Self {
        let child = Command::new("sh")
            .args(["-c", &format!("exec {command}")])
            .env("SAUMA", env!("CARGO_BIN_EXE_sauma"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("there is a shell");
        Self { child, also }
    }

    fn all(&self) -> Vec<u32> {
        let mut found = vec![self.child.id()];
        found.extend(self.also);
        let mut at = 0;
        while let Some(&parent) = found.get(at) {
            let tasks = fs::read_dir(format!("/proc/{parent}/task")).into_iter().flatten().flatten();
            for task in tasks {
                let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
                found.extend(children.split_whitespace().filter_map(|id| id.parse::<u32>().ok()));
            }
            at += 1;
        }
        found
    }

    /// Processor time of all of them so far, ended children included.
    pub(crate) fn processor(&self) -> Duration {
        let ticks = |id: u32| {
            let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
            // The name in brackets may hold anything.
            let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
            rest.split_whitespace().skip(11).take(4).filter_map(|word| word.parse::<u64>().ok()).sum::<u64>()
        };
        Duration::from_millis(self.all().into_iter().map(ticks).sum::<u64>() * 10)
    }

    /// MiB of memory: all of it, and what is not pages of files.
    pub(crate) fn memory(&self) -> (f64, f64) {
        let (mut all, mut own) = (0.0, 0.0);
        for id in self.all() {
            let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
            let kib = |name: &str| {
                let line = status.lines().find_map(|line| line.strip_prefix(name));
                line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok()).unwrap_or(0.0)
            };
            all += kib("VmRSS:") / 1_024.0;
            own += kib("RssAnon:") / 1_024.0;
        }
        (all, own)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
