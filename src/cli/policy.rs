//! `sauma policy`: the rules of who may see what, checked and told.

use super::console::{Console, Stop, Verdict};
use super::files;
use super::mask::Mask;
use super::report::{self, Source, findings};
use crate::diag::Language;
use crate::plan::policy::{Policy, rules_page};
use std::borrow::Cow;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  sauma policy check county.toml
  sauma policy explain --lang fi
  sauma policy explain no-answer --policy county.toml

Without --policy `explain` tells of the default of a wellbeing services county.";

/// Check and explain the rules of who may see what.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Check a policy: words, rules that can never fire, cases that no rule covers
    Check {
        /// The policy
        #[arg(value_name = "TOML")]
        file: PathBuf,
    },
    /// Tell the rules in words, or one of them
    Explain {
        /// The id of a rule
        id: Option<String>,
        /// The policy
        #[arg(long, value_name = "TOML")]
        policy: Option<PathBuf>,
    },
}

pub(super) fn run(args: &Args, console: &Console) -> Result<Verdict, Stop> {
    match &args.action {
        Action::Check { file } => {
            let sound = load(Some(file), console)?;
            if sound.is_some() && !console.quiet && !console.is_json() {
                Console::note("the policy is sound\n");
            }
            Ok(Verdict::of(sound.is_none()))
        }
        Action::Explain { id, policy } => {
            let Some(policy) = load(policy.as_deref(), console)? else { return Ok(Verdict::Findings) };
            let text = match id {
                None => rules_page(&policy, console.lang),
                Some(id) => one(&policy, id, console.lang)?,
            };
            Console::print(&text)?;
            Ok(Verdict::Clean)
        }
    }
}

fn one(policy: &Policy, id: &str, language: Language) -> Result<String, Stop> {
    let known = || Stop::usage(format!("the policy has no rule `{id}`"), "see `sauma policy explain`");
    let (text, reference) = policy.text_of(id).ok_or_else(known)?;
    Ok(format!("{id}: {}\n  {reference}\n", text.in_language(language)))
}

/// The policy of a file, or the default; `None` where the file has faults, which are printed.
pub(super) fn load(path: Option<&Path>, console: &Console) -> Result<Option<Cow<'static, Policy>>, Stop> {
    let Some(path) = path else { return Ok(Some(Cow::Borrowed(Policy::county()))) };
    let text = files::read_text(path)?;
    match Policy::read(&text) {
        Ok(policy) => Ok(Some(Cow::Owned(policy))),
        Err(issues) => {
            let file = path.to_string_lossy();
            // A policy holds nobody's data, so its lines are shown as they are.
            let source = Source { file: &file, text: &text, mask: Mask::Open, lines_before: 0 };
            let found = findings(source, &issues, console);
            report::print(&found, found.len(), console);
            Ok(None)
        }
    }
}
