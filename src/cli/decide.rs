//! `sauma decide`: a person's decision about the plans of one client, kept in a file of its own.

use super::checks::now;
use super::console::{Console, Stop, Verdict, clean};
use super::input::From;
use super::plans::{contributions, decisions};
use super::{bulk, files, report};
use crate::plan::decision::{About, Ask, Unsettled, person_id, to_line};
use crate::plan::join::Finding;
use crate::plan::{Decider, Decision, Joined, join};
use std::path::PathBuf;

/// Characters of an id that the table shows.
const ID_CHARS_SHOWN: usize = 12;

const EXAMPLES: &str = "\
Examples:
  sauma decide --open plans/ --decisions decisions.ndjson --show-values
  sauma decide plans/ --same-goal 3f9a1c --by 'Elina Esimerkki' --role sosiaaliohjaaja \\
      --organisation Testila --reason 'agreed at the meeting' --decisions decisions.ndjson
  sauma decide plans/ --value 8b02de 2 --by … --reason … --decisions decisions.ndjson --dry-run
  sauma decide plans/ --revoke 77aa90 --by … --reason … --decisions decisions.ndjson
  sauma join plans/ --decisions decisions.ndjson

Nothing is asked: what is to be decided on is named by the id that --open lists, or its first 6 characters.
A decision is never taken out of the file; another one revokes it.";

/// Record what a person decides about the plans of one client.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Documents of one client: files and folders
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The file of decisions; it is made where it is not there
    #[arg(long, value_name = "FILE", required_unless_present = "open")]
    decisions: Option<PathBuf>,
    #[command(flatten)]
    what: What,
    /// Who decided
    #[arg(long, value_name = "NAME", required_unless_present = "open")]
    by: Option<String>,
    /// In which role
    #[arg(long, value_name = "ROLE", default_value = "")]
    role: String,
    /// On behalf of which organisation
    #[arg(long, value_name = "NAME", default_value = "")]
    organisation: String,
    /// Why
    #[arg(long, value_name = "TEXT", required_unless_present = "open")]
    reason: Option<String>,
    /// When, as 2026-03-14T10:30:00+02:00; by default now
    #[arg(long, value_name = "TIME")]
    time: Option<String>,
    /// Only tell what the decision would change
    #[arg(long)]
    dry_run: bool,
    /// The unit system that all of them come from, or `fhir`; by default each is recognised
    #[arg(long, value_name = "UNIT")]
    from: Option<String>,
}

/// What is decided: one of these.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct What {
    /// List what there is to decide on
    #[arg(long)]
    open: bool,
    /// Two entries are one: the id of a likely duplicate, or two entries as `Goal/0123…`
    #[arg(long, value_name = "ID", num_args = 1..=2)]
    same_goal: Vec<String>,
    /// Two entries are two
    #[arg(long, value_name = "ID", num_args = 1..=2)]
    not_same_goal: Vec<String>,
    /// Of a conflict the side with this number is right
    #[arg(long, value_names = ["ID", "SIDE"], num_args = 2)]
    value: Vec<String>,
    /// This member of a team coordinates: an id or a name from the list
    #[arg(long, value_name = "PERSON")]
    coordinator: Option<String>,
    /// These documents are about one client: two or more of the FILEs, or the id of a candidate
    #[arg(long, value_name = "FILE", num_args = 1..)]
    same_client: Vec<String>,
    /// Each of these documents is about another client
    #[arg(long, value_name = "FILE", num_args = 1..)]
    not_same_client: Vec<String>,
    /// A decision counts no more
    #[arg(long, value_name = "ID")]
    revoke: Option<String>,
}

pub(super) fn run(args: &Args, console: &Console) -> Result<Verdict, Stop> {
    let from = From::named(args.from.as_deref()).map_err(Stop::Issue)?;
    let documents = bulk::documents(&args.files)?;
    // What is read is written again with one decision more, and nobody else may add one in between.
    let writes = args.decisions.as_deref().filter(|_| !args.what.open && !args.dry_run);
    let _lock = writes.map(files::Lock::hold).transpose()?;
    let log = match args.decisions.as_deref().filter(|path| path.exists()) {
        None => Vec::new(),
        Some(path) => match decisions(path, console)? {
            Ok(log) => log,
            Err(found) => {
                report::print(&found, found.len(), console);
                return Ok(Verdict::Findings);
            }
        },
    };
    let (contributions, found) = contributions(&documents, from, console);
    let Some(contributions) = contributions else {
        report::print(&found, found.len(), console);
        return Ok(Verdict::Findings);
    };
    let before = join(&contributions, &log);
    if args.what.open {
        list(&before, console)?;
        return Ok(Verdict::Clean);
    }
    let about = About { joined: &before, contributions: &contributions, log: &log };
    let made = args.decision(&about)?;
    let mut longer = log.clone();
    let is_new = !log.iter().any(|known| known.id() == made.id());
    if is_new {
        longer.push(made.clone());
    }
    let after = join(&contributions, &longer);
    if let Some(path) = writes.filter(|_| is_new) {
        let text: String = longer.iter().map(|decision| to_line(decision) + "\n").collect();
        files::write(path, text.as_bytes())?;
    }
    tell(&made, (&before, &after), args.dry_run, console)?;
    Ok(Verdict::Clean)
}

impl Args {
    fn decision(&self, about: &About<'_>) -> Result<Decision, Stop> {
        let by = Decider {
            name: self.by.clone().unwrap_or_default(),
            role: self.role.clone(),
            organisation: self.organisation.clone(),
        };
        let time = self.time.clone().unwrap_or_else(|| now().to_string());
        let asked =
            self.what.ask().ok_or_else(|| Stop::usage("nothing is decided", "see `sauma decide --help`"))?;
        let statement = about.statement(&asked).map_err(|unsettled| stop(&unsettled))?;
        let made = Decision::new(statement, by, time, self.reason.clone().unwrap_or_default());
        made.map_err(|fault| Stop::usage(fault.to_string(), "see `sauma decide --help`"))
    }
}

impl What {
    /// What a person asks to have decided; nothing where the list alone is wanted.
    fn ask(&self) -> Option<Ask> {
        if let Some(id) = &self.revoke {
            return Some(Ask::Revoke(id.clone()));
        }
        if let Some(person) = &self.coordinator {
            return Some(Ask::Coordinator(person.clone()));
        }
        let some = |names: &Vec<String>| (!names.is_empty()).then(|| names.clone());
        let value = || match &self.value[..] {
            [id, side] => Some(Ask::Value { finding: id.clone(), side: side.clone() }),
            _ => None,
        };
        some(&self.same_goal)
            .map(Ask::Same)
            .or_else(|| some(&self.not_same_goal).map(Ask::NotSame))
            .or_else(value)
            .or_else(|| some(&self.same_client).map(Ask::SameClient))
            .or_else(|| some(&self.not_same_client).map(Ask::NotSameClient))
    }
}

/// Why nothing is decided, and what to do, in the words of the command line.
fn stop(unsettled: &Unsettled) -> Stop {
    let help = match unsettled {
        Unsettled::Unknown(_) => "`--open` lists the ids".to_owned(),
        Unsettled::Several(_) => "give more of the id".to_owned(),
        Unsettled::NoPair(_) => "for a conflict, say --value ID SIDE".to_owned(),
        Unsettled::NoSide { finding, sides, .. } => format!("`{finding}` has the sides 1 to {sides}"),
        Unsettled::NoValue(_) => "the unit has to correct its document".to_owned(),
        Unsettled::NoResource(_) => "name it as the joined plan does".to_owned(),
        Unsettled::NoDocument(_) => "name the FILEs as they were given".to_owned(),
    };
    Stop::usage(unsettled.to_string(), help)
}

/// Lists what there is to decide on, and what was decided.
fn list(joined: &Joined, console: &Console) -> Result<(), Stop> {
    let shown = |value: &str| console.show_values.then(|| value.to_owned());
    let sides = |finding: &Finding| -> Vec<serde_json::Value> {
        let side = |(at, side): (usize, &crate::plan::join::Side)| serde_json::json!({ "side": at + 1, "source": side.source, "target": side.target, "value": shown(&side.value) });
        finding.sides.iter().enumerate().map(side).collect()
    };
    let findings: Vec<_> = joined
        .findings
        .iter()
        .map(|finding| {
            serde_json::json!({ "id": finding.id(), "kind": finding.kind.as_str(), "element": finding.element, "decided": finding.decided, "sides": sides(finding) })
        })
        .collect();
    let candidates: Vec<_> = joined
        .candidates
        .iter()
        .map(|it| serde_json::json!({ "id": it.id(), "sources": it.labels, "score": it.score, "grade": it.grade.as_str() }))
        .collect();
    let people: Vec<_> = joined
        .people
        .iter()
        .map(|it| serde_json::json!({ "id": person_id(&it.ground), "source": it.source, "role": it.role, "name": shown(&it.name) }))
        .collect();
    let rulings: Vec<_> = joined
        .rulings
        .iter()
        .map(|it| {
            let (decision, standing) = (&it.decision, it.standing.as_str());
            serde_json::json!({ "id": decision.id(), "decision": decision.statement().as_str(), "time": decision.time(), "standing": standing })
        })
        .collect();
    if console.is_json() {
        let all = serde_json::json!({ "findings": findings, "candidates": candidates, "people": people, "decisions": rulings });
        return Console::print_json(&all);
    }
    Console::print(&clean(&table(joined, console)))
}

/// The list for people.
fn table(joined: &Joined, console: &Console) -> String {
    let mut text = String::new();
    let mut line = |parts: &[&str]| {
        text.push_str(parts.join("  ").trim_end());
        text.push('\n');
    };
    let short = |id: &str| id.get(..ID_CHARS_SHOWN).unwrap_or(id).to_owned();
    let shown = |value: &str| if console.show_values { value.to_owned() } else { "•••".to_owned() };
    for finding in &joined.findings {
        let decided = if finding.decided.is_some() { "(decided)" } else { "" };
        line(&[&short(&finding.id()), finding.kind.as_str(), &finding.element, decided]);
        for (at, side) in finding.sides.iter().enumerate() {
            line(&["   ", &format!("{}", at + 1), &side.source, &shown(&side.value)]);
        }
    }
    for candidate in &joined.candidates {
        let score = format!("{} {:.3}", candidate.grade.as_str(), candidate.score);
        line(&[&short(&candidate.id()), "same-client?", &candidate.labels.join(" and "), &score]);
    }
    for person in &joined.people {
        line(&[
            &short(&person_id(&person.ground)),
            "member",
            &person.source,
            &person.role,
            &shown(&person.name),
        ]);
    }
    for ruling in &joined.rulings {
        let (decision, standing) = (&ruling.decision, ruling.standing.as_str());
        line(&[&short(decision.id()), "decision", decision.statement().as_str(), decision.time(), standing]);
    }
    text
}

/// Tells what a decision changes.
fn tell(made: &Decision, plans: (&Joined, &Joined), dry_run: bool, console: &Console) -> Result<(), Stop> {
    let (before, after) = plans;
    let told = |joined: &Joined| -> Vec<String> {
        let issues = joined.issues.iter();
        issues.map(|issue| format!("{} {} {}", issue.code.id, issue.message, issue.path)).collect()
    };
    let (old, new) = (told(before), told(after));
    let settled: Vec<&String> = old.iter().filter(|told| !new.contains(told)).collect();
    let added: Vec<&String> = new.iter().filter(|told| !old.contains(told)).collect();
    let standing = after.rulings.iter().find(|ruling| ruling.decision.id() == made.id());
    let standing = standing.map(|ruling| ruling.standing.as_str());
    if console.is_json() {
        let said = serde_json::json!({
            "id": made.id(), "decision": made.statement().as_str(), "written": !dry_run,
            "standing": standing, "settled": settled, "new": added,
        });
        return Console::print_json(&said);
    }
    let mut text = format!(
        "{} {} {}\n",
        if dry_run { "would be decided:" } else { "decided:" },
        made.id(),
        made.statement().as_str()
    );
    for gone in settled {
        text.push_str(&format!("  - {gone}\n"));
    }
    for added in added {
        text.push_str(&format!("  + {added}\n"));
    }
    Console::print(&clean(&text))
}
