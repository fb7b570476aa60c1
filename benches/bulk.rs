//! The plans of many clients joined from one file, and from a folder for each: clients per second and the most memory
//! the process had.
//!
//! `cargo bench --bench bulk -- 1000 10000 100000` makes so many clients of the documents of the demonstration, each with
//! a code, names and a choice of the documents of its own, from one seed, and removes all of it afterwards.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark stops at the first fault"
)]

use std::env;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Clients of each run where the command line has none.
const CLIENTS: &[u32] = &[1_000, 10_000];
const SEED: u64 = 0x5a_55_4d_41;
/// How often the memory of the process is looked at; its high-water mark grows only.
const LOOK: Duration = Duration::from_millis(20);
/// How often the plans are counted and removed.
const CLEAR: Duration = Duration::from_secs(2);
const DOCUMENTS: &[&str] =
    &["social-services.json", "health-centre.xml", "employment-services.csv", "ngo.json"];
const GIVEN: &[&str] = &["Taimi", "Helmi", "Onni", "Väinö", "Aino", "Eino", "Lyyli", "Toivo"];
/// Check characters of identity codes, by the remainder of the number.
const CHECKS: &[u8] = b"0123456789ABCDEFHJKLMNPRSTUVWXY";

fn main() {
    let asked: Vec<u32> = env::args().filter_map(|word| word.parse().ok()).collect();
    let folder = env::temp_dir().join(format!("sauma-bulk-{}", std::process::id()));
    println!(
        "{:>10} {:>10} {:>10} {:>12} {:>12} {:>10} {:>10}",
        "clients", "from", "documents", "seconds", "clients/s", "MB read", "peak MiB"
    );
    for count in if asked.is_empty() { CLIENTS } else { &asked } {
        for from in [From::Lines, From::Folders] {
            fs::create_dir_all(&folder).unwrap();
            run(*count, from, &folder);
            fs::remove_dir_all(&folder).unwrap();
        }
    }
}

/// What the documents come in.
#[derive(Debug, Clone, Copy)]
enum From {
    /// One NDJSON file, a line for each document.
    Lines,
    /// A folder for each client, a file for each document.
    Folders,
}

fn run(count: u32, from: From, folder: &Path) {
    let (input, documents, bytes) = match from {
        From::Lines => write_lines(count, folder.join("clients.ndjson")),
        From::Folders => write_folders(count, folder.join("clients")),
    };
    let start = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_sauma"))
        .args(["join-all", "--quiet", "--out-dir"])
        .arg(folder.join("plans"))
        .arg(&input)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let (peak, plans) = watch(&mut child, &folder.join("plans"));
    let seconds = start.elapsed().as_secs_f64();
    assert!(child.wait().unwrap().success(), "every client is joined");
    assert_eq!(plans, count as usize);
    let (rate, read) = (f64::from(count) / seconds, bytes / 1_000_000);
    println!(
        "{count:>10} {from:>10?} {documents:>10} {seconds:>12.1} {rate:>12.0} {read:>10} {:>10}",
        peak / 1024
    );
}

/// Waits for the end; the most memory of the process in KiB, as Linux tells it, and how many plans it wrote. They are
/// counted and removed as they come, so that the disk need not hold those of all clients at once.
fn watch(child: &mut Child, plans: &Path) -> (u64, usize) {
    let status = format!("/proc/{}/status", child.id());
    let (mut peak, mut count, mut cleared) = (0, 0, Instant::now());
    while child.try_wait().unwrap().is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        peak = kib.unwrap_or(0).max(peak);
        if cleared.elapsed() > CLEAR {
            count += clear(plans);
            cleared = Instant::now();
        }
        sleep(LOOK);
    }
    (peak, count + clear(plans))
}

/// Removes the plans that are written; what is being written has a name that begins with a dot.
fn clear(plans: &Path) -> usize {
    let files = fs::read_dir(plans).into_iter().flatten().map(|file| file.unwrap().path());
    let is_done = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "json");
    files.filter(is_done).map(|path| fs::remove_file(path).unwrap()).count()
}

/// Writes a line for each document of each client; how many they are comes back, and how many bytes.
fn write_lines(count: u32, path: PathBuf) -> (PathBuf, usize, u64) {
    let mut out = BufWriter::new(File::create(&path).unwrap());
    let mut documents = 0;
    each_document(count, |client, name, document| {
        let line = serde_json::json!({"client": client, "name": name, "document": document});
        writeln!(out, "{line}").unwrap();
        documents += 1;
    });
    out.flush().unwrap();
    let bytes = fs::metadata(&path).unwrap().len();
    (path, documents, bytes)
}

/// Writes a folder for each client.
fn write_folders(count: u32, path: PathBuf) -> (PathBuf, usize, u64) {
    let (mut documents, mut bytes) = (0, 0);
    each_document(count, |client, name, document| {
        let folder = path.join(client);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(name), &document).unwrap();
        documents += 1;
        bytes += document.len() as u64;
    });
    (path, documents, bytes)
}

/// Makes the clients, each with one document at least; most have some of the four.
fn each_document(count: u32, mut write: impl FnMut(&str, &str, String)) {
    let read = |name: &&str| fs::read_to_string(Path::new("src/cli/demo").join(name)).unwrap();
    let texts: Vec<String> = DOCUMENTS.iter().map(read).collect();
    let mut random = Random(SEED);
    for client in 0..count {
        let made = Made::new(client, &mut random);
        let chosen = random.below(15) + 1;
        for (at, (name, text)) in DOCUMENTS.iter().zip(&texts).enumerate() {
            if chosen >> at & 1 == 1 {
                write(&format!("c-{client}"), name, made.write(text));
            }
        }
    }
}

/// An invented client: the numbers of test codes go from 900 to 999.
struct Made {
    code: String,
    birth: [String; 3],
    family: String,
    given: &'static str,
}

impl Made {
    fn new(client: u32, random: &mut Random) -> Self {
        let (number, day) = (900 + client % 100, client / 100);
        let (day, month, year) = (day % 28 + 1, day / 28 % 12 + 1, 20 + day / 336 % 80);
        let digits = format!("{day:02}{month:02}{year:02}{number}");
        let check = CHECKS[digits.parse::<usize>().unwrap() % CHECKS.len()] as char;
        let code = format!("{day:02}{month:02}{year:02}-{number}{check}");
        let birth = [format!("19{year:02}"), format!("{month:02}"), format!("{day:02}")];
        let given = GIVEN[random.below(GIVEN.len())];
        Self { code, birth, family: format!("Testi{}", random.below(1_000)), given }
    }

    fn write(&self, text: &str) -> String {
        text.replace("240986-918J", &self.code)
            .replace("1986-09-24", &self.birth.join("-"))
            .replace("19860924", &self.birth.concat())
            .replace("Testisaari", &self.family)
            .replace("Taimi", self.given)
    }
}

/// Xorshift (Marsaglia, 2003): the same numbers everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).unwrap()
    }
}
