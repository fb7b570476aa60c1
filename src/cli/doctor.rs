//! `sauma doctor`: what is unsafe in the settings of a server, and what to do about it.

use super::console::{Console, Stop, Verdict};
use super::serve;
use crate::diag::Language;
use crate::server::{Advice, Gravity};
use serde_json::{Value, json};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  sauma doctor --config sauma.toml
  sauma doctor --config sauma.toml --format json

What is grave keeps `sauma serve` from starting, and gives exit code 1. What is unwise is told.";

/// Tell what is unsafe in the settings of a server.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The settings
    #[arg(long, value_name = "TOML")]
    config: PathBuf,
}

pub(super) fn run(args: &Args, console: &Console) -> Result<Verdict, Stop> {
    let advice = serve::read(&args.config)?.advice();
    let language = console.lang;
    if console.is_json() {
        let told: Vec<Value> = advice.iter().map(|advice| of_program(*advice, language)).collect();
        Console::print_json(&told)?;
    } else {
        let told: String = advice.iter().map(|advice| of_people(*advice, language)).collect();
        Console::print(&told)?;
        if advice.is_empty() && !console.quiet {
            Console::note("nothing is unsafe that this program knows of\n");
        }
    }
    Ok(Verdict::of(advice.iter().any(|advice| advice.gravity == Gravity::Grave)))
}

fn of_program(advice: Advice, language: Language) -> Value {
    json!({
        "code": advice.code.id,
        "gravity": advice.gravity.as_str(),
        "title": advice.code.title_in(language),
        "help": advice.code.help_in(language),
    })
}

fn of_people(advice: Advice, language: Language) -> String {
    let (title, help) = (advice.code.title_in(language), advice.code.help_in(language));
    format!("{} {}: {title}\n  = {help}\n", advice.gravity.as_str(), advice.code.id)
}
