//! One load against one server after the other, on one machine in one run: requests a second, how long they take, and
//! what the server side spends of the processor for each, which is the figure to compare where the machine is shared.
//!
//! `cargo bench --bench server` measures Sauma on its embedded store; `benches/server/run` beside PostgreSQL and the
//! peers that can be had. `README.md` says more.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::future_not_send,
    clippy::indexing_slicing,
    reason = "a benchmark ends where it fails, and prints"
)]

mod data;
mod load;
mod process;

use data::{PATIENTS, PLANS, category, plan, spread, transaction};
use load::{Client, Make, NO_ANSWER, request, run};
use process::Process;
use std::env;
use std::fs;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Seconds of each row where `SAUMA_BENCH_SECONDS` names none.
const SECONDS: u64 = 5;
/// Before each row, so that what is warm in service is warm here.
const WARM: Duration = Duration::from_millis(500);
/// How long a server may take to start.
const START: Duration = Duration::from_mins(1);
/// Connections of most rows, and of the row with many.
const CLIENTS: usize = 16;
const MANY: usize = 64;

/// One server: its name, its base address and the command that starts it.
struct Subject {
    name: String,
    base: String,
    command: String,
    /// A process that works for it, such as a database.
    also: Option<u32>,
}

/// What is asked for, by how many clients.
struct Row {
    name: &'static str,
    clients: usize,
    make: Make,
}

/// One figure of a row.
struct Measured {
    micros: f64,
    per_second: f64,
    p50: f64,
    p99: f64,
}

fn main() {
    let folder = env::temp_dir().join(format!("sauma-bench-server-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let words: Vec<String> = env::args().skip(1).filter(|word| word != "--bench").collect();
    let mut subjects = Vec::new();
    for words in words.chunks_exact(4) {
        let [name, base, also, command] = words else { continue };
        let (name, base, command) = (name.clone(), base.clone(), command.clone());
        subjects.push(Subject { name, base, command, also: also.parse().ok() });
    }
    if subjects.is_empty() {
        // All clients of the load have one address.
        let settings = folder.join("sauma.toml");
        fs::write(&settings, "listen = \"127.0.0.1:8791\"\n[limits]\nconnections_per_address_max = 200\n")
            .unwrap();
        let settings = settings.display();
        subjects.push(Subject {
            name: "Sauma, SQLite".to_owned(),
            base: "http://127.0.0.1:8791/fhir".to_owned(),
            command: format!("$SAUMA serve --dev --config {settings} --data {}", folder.display()),
            also: None,
        });
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for subject in &subjects {
        println!("{}", subject.name);
        runtime.block_on(measure(subject));
    }
    fs::remove_dir_all(&folder).unwrap();
}

fn number(name: &str, default: u64) -> u64 {
    env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

async fn measure(subject: &Subject) {
    let rest = subject.base.strip_prefix("http://").expect("the address of a server");
    let (address, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let start = Instant::now();
    let process = Process::start(&subject.command, subject.also);
    if !ready(address, path).await {
        println!("  does not start");
        return;
    }
    println!("  ready in {} ms", start.elapsed().as_millis());
    tokio::time::sleep(Duration::from_secs(1)).await;
    println!("  idle: {:.1} MiB, {:.1} of its own", process.memory().0, process.memory().1);
    let seeded = seed(address, path).await;
    println!("  {seeded} resources; then {:.1} MiB", process.memory().0);
    if seeded == 0 {
        return;
    }
    println!("  {:<36} {:>10} {:>9} {:>9} {:>9} {:>7}", "", "CPU us", "req/s", "p50 ms", "p99 ms", "errors");
    let only = env::var("SAUMA_BENCH_ROWS").unwrap_or_default();
    for row in rows(path).iter().filter(|row| row.name.contains(&only)) {
        of_row(row, address, path, &process).await;
    }
    let plans = number("SAUMA_BENCH_PLANS", 0);
    if plans > 0 {
        fill(address, path, plans).await;
        let (all, own) = process.memory();
        println!("  {plans} plans: {all:.1} MiB, {own:.1} of its own");
    }
}

async fn ready(address: &str, path: &str) -> bool {
    let asked = request("GET", &format!("{path}/metadata"), "");
    let start = Instant::now();
    while start.elapsed() < START {
        if Client::new(address).ask(&asked).await.is_some() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    false
}

/// Puts the resources there: with a transaction for each patient, or one by one where that is refused.
async fn seed(address: &str, path: &str) -> u64 {
    let mut client = Client::new(address);
    let mut count = 0;
    for patient in 0..PATIENTS {
        let all = data::of_patient(patient);
        let whole = client.ask(&data::seed(if path.is_empty() { "/" } else { path }, patient)).await;
        if whole.is_some_and(|reply| reply.status == 200 && !contains(&reply.body, "\"4")) {
            count += all.len() as u64;
            continue;
        }
        for (name, text) in all {
            let reply = client.ask(&request("PUT", &format!("{path}/{name}"), &text)).await;
            count += u64::from(reply.is_some_and(|reply| reply.status < 300));
        }
        if count == 0 {
            return 0;
        }
    }
    count
}

fn contains(body: &[u8], text: &str) -> bool {
    memchr::memmem::find(body, format!("\"status\":{text}").as_bytes()).is_some()
}

/// Adds plans until there are so many.
async fn fill(address: &str, path: &str, plans: u64) {
    let mut client = Client::new(address);
    for patient in PATIENTS..plans.div_ceil(PLANS) {
        let reply = client.ask(&data::seed(if path.is_empty() { "/" } else { path }, patient)).await;
        assert!(reply.is_some_and(|reply| reply.status == 200));
    }
}

fn get(path: String, query: impl Fn(u64) -> String + 'static) -> Make {
    Rc::new(move |number| request("GET", &format!("{path}/{}", query(number)), ""))
}

fn rows(path: &str) -> Vec<Row> {
    let at = |query| -> fn(u64) -> String { query };
    let reading =
        |name, query: fn(u64) -> String| Row { name, clients: CLIENTS, make: get(path.to_owned(), query) };
    let (base, plans) = (path.to_owned(), PATIENTS * PLANS);
    let own = move |method: &'static str| -> Make {
        let base = base.clone();
        Rc::new(move |number| {
            let (at, patient) = (spread(number, plans), spread(number, PATIENTS));
            let subject = format!("Patient/p{patient}");
            match method {
                "POST" => request("POST", &format!("{base}/CarePlan"), &plan(number, None, &subject)),
                _ => {
                    let id = format!("c{at}");
                    let subject = format!("Patient/p{}", at / PLANS);
                    let text = plan(at, Some(&id), &subject).replace("Care team", &format!("Team {number}"));
                    let text = text.replacen("Care plan ", &format!("Care plan, turn {number}, "), 2);
                    request("PUT", &format!("{base}/CarePlan/{id}"), &text)
                }
            }
        })
    };
    let (create, update) = (own("POST"), own("PUT"));
    let read = get(path.to_owned(), |number| format!("CarePlan/c{}", spread(number, PATIENTS * PLANS)));
    let mixed: Make = {
        let (read, create) = (Rc::clone(&read), Rc::clone(&create));
        Rc::new(move |number| if number.is_multiple_of(5) { create(number) } else { read(number) })
    };
    let whole = if path.is_empty() { "/".to_owned() } else { path.to_owned() };
    let writing = |name, clients, make: &Make| Row { name, clients, make: Rc::clone(make) };
    vec![
        reading("metadata", at(|_| "metadata".to_owned())),
        writing("read CarePlan", CLIENTS, &read),
        reading(
            "search by patient, 20 hits",
            at(|number| format!("CarePlan?patient=Patient/p{}&_count=20", spread(number, PATIENTS))),
        ),
        reading(
            "search patient + status",
            at(|number| {
                format!("CarePlan?patient=Patient/p{}&status=active&_count=20", spread(number, PATIENTS))
            }),
        ),
        reading(
            "search category (token)",
            at(|number| format!("CarePlan?category={}&_count=20", category(number).replace('|', "%7C"))),
        ),
        reading(
            "search include",
            at(|number| {
                let patient = spread(number, PATIENTS);
                format!("CarePlan?patient=Patient/p{patient}&_include=CarePlan:subject&_count=20")
            }),
        ),
        reading(
            "search chained",
            at(|number| format!("CarePlan?patient.family=Virtanen{}&_count=20", spread(number, PATIENTS))),
        ),
        reading("history", at(|number| format!("CarePlan/c{}/_history", spread(number, PATIENTS * PLANS)))),
        writing("create CarePlan", CLIENTS, &create),
        writing("create CarePlan, 64 clients", MANY, &create),
        writing("update CarePlan", CLIENTS, &update),
        writing("read 80 %, create 20 %, 64 clients", MANY, &mixed),
        Row {
            name: "transaction, 10 entries",
            clients: CLIENTS,
            make: Rc::new(move |number| transaction(&whole, number)),
        },
    ]
}

async fn of_row(row: &Row, address: &str, path: &str, process: &Process) {
    let seconds = number("SAUMA_BENCH_SECONDS", SECONDS);
    let warm = run(address, row.clients, WARM, 1, &row.make).await;
    let first = warm.micros.len() as u64 + warm.errors + 1;
    let before = process.processor();
    let outcome = run(address, row.clients, Duration::from_secs(seconds), first, &row.make).await;
    let spent = process.processor().saturating_sub(before);
    if outcome.fault.as_deref() == Some(NO_ANSWER) {
        // It still works on what nobody waits for: the next row would be measured with that.
        ready(address, path).await;
    }
    if outcome.micros.is_empty() {
        println!("  {:<36} {:>10}  {}", row.name, "-", outcome.fault.as_deref().unwrap_or_default());
        return;
    }
    let measured = Measured {
        micros: spent.as_secs_f64() * 1e6 / outcome.micros.len() as f64,
        per_second: outcome.per_second(),
        p50: outcome.percentile(0.5),
        p99: outcome.percentile(0.99),
    };
    let Measured { micros, per_second, p50, p99 } = measured;
    println!(
        "  {:<36} {micros:>10.0} {per_second:>9.0} {p50:>9.2} {p99:>9.2} {:>7}",
        row.name, outcome.errors
    );
    if let Some(fault) = outcome.fault {
        println!("    {fault}");
    }
}
