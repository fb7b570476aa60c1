//! `sauma view`, and `sauma join --as`: the joined plan as one requester may see it.

use super::checks::now;
use super::console::{Console, Stop, Verdict};
use super::input::fhir_text;
use super::join::{finish, paint};
use super::plans::Plans;
use super::policy;
use super::report::{self, Finding};
use super::{files, outgoing};
use crate::exchange::document::read_resources;
use crate::plan::permission::{
    Answer, BreakGlass, Capacity, EmergencyReason, Moment, Purpose, Recorder, Request, Requester, Word,
};
use crate::plan::policy::Policy;
use crate::plan::text::IdentityCode;
use crate::plan::view::{View, client_key, render, view};
use crate::plan::{Contribution, Decision};
use crate::tree::json::Layout;
use serde::Deserialize;
use std::borrow::Cow;
use std::path::{Path, PathBuf};

/// Findings about the resources that people are shown.
const SHOWN: usize = 50;

const EXAMPLES: &str = "\
Examples:
  sauma view sauma-demo --as client
  sauma view sauma-demo --as social --register 1.2.246.10.99999999.19.0 --grants consents.json
  sauma view plan.csv --as employment --register 1.2.246.10.9 --custodian plan.csv=1.2.246.10.9
  sauma view sauma-demo --as third-sector --requester ngo.toml --grants consents.json --format json
  sauma view sauma-demo --as health --grants consents.json --break-glass life --because 'unconscious, no relatives'

Without --grants, and without a Consent in the documents, no source of permissions has answered: what needs a
permission is withheld. A requester file is TOML: as, registers, organisations, role.";

/// See the joined plan as one requester may see it.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(flatten)]
    plans: Plans,
    #[command(flatten)]
    sight: Sight,
    /// Check the resources of the view against FHIR R4 and their profiles; with an error nothing is written
    #[arg(long)]
    validate: bool,
    /// Write the view to this file
    #[arg(long, short, value_name = "OUT")]
    out: Option<PathBuf>,
}

/// For whom a plan is shown.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Sight {
    /// Show what this requester may see: health, social, employment, third-sector, education, other (professionals),
    /// client, guardian, service
    #[arg(long = "as", value_name = "ROLE")]
    role: Option<String>,
    /// The rules, instead of the default of a wellbeing services county
    #[arg(long, value_name = "TOML")]
    pub(super) policy: Option<PathBuf>,
    /// What the client permits and denies: Consent resources, alone or in a Bundle
    #[arg(long, value_name = "FILE")]
    grants: Vec<PathBuf>,
    /// Who asks, as TOML
    #[arg(long, value_name = "TOML")]
    requester: Option<PathBuf>,
    /// A register of the requester: the OID of its custodian
    #[arg(long, value_name = "OID")]
    register: Vec<String>,
    /// In whose register a document stands that does not say so itself; a register that is not known is nobody's own
    #[arg(long, value_name = "FILE=OID")]
    custodian: Vec<String>,
    /// A name or identifier of the requester's organisation
    #[arg(long, value_name = "NAME")]
    organisation: Vec<String>,
    /// What for: care, social-service, employment-service, own-access, administration [default: by the role]
    #[arg(long, value_name = "PURPOSE")]
    purpose: Option<String>,
    /// A right by statute of the policy that is claimed
    #[arg(long, value_name = "ID")]
    statute: Option<String>,
    /// The time of the request [default: now]
    #[arg(long = "now", value_name = "TIME")]
    time: Option<String>,
    /// Open what needs a permission, in an emergency: life, child, violence
    #[arg(long, value_name = "REASON", requires = "because")]
    break_glass: Option<String>,
    /// Why, in words
    #[arg(long, value_name = "TEXT", requires = "break_glass")]
    because: Option<String>,
}

/// A requester file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RequesterFile {
    #[serde(rename = "as")]
    role: Option<String>,
    #[serde(default)]
    registers: Vec<String>,
    #[serde(default)]
    organisations: Vec<String>,
    title: Option<String>,
}

pub(super) fn run(args: &Args, console: &Console) -> Result<Verdict, Stop> {
    show(&args.plans, &args.sight, args.validate, args.out.as_deref(), console)
}

/// Shows the plan for a requester. What is wrong with a document is told only where it cannot be read: findings of
/// what is withheld are no concern of the requester.
pub(super) fn show(
    plans: &Plans,
    sight: &Sight,
    validate: bool,
    out: Option<&Path>,
    console: &Console,
) -> Result<Verdict, Stop> {
    let rules = sight.rules(console)?;
    let Some(rules) = rules else { return Ok(Verdict::Findings) };
    let (mut contributions, decisions) = match plans.read(&plans.documents()?, console)? {
        Ok(given) => (given.contributions, given.decisions),
        Err(findings) => {
            report::print(&findings, findings.len(), console);
            return Ok(Verdict::Findings);
        }
    };
    sight.set_custodians(&mut contributions)?;
    let (view, findings) = sight.view((&contributions, &decisions), &rules, console)?;
    report::print(&findings, findings.len(), console);
    let resources = fhir_text(&view.joined.bundle, false, Layout::Pretty).map_err(Stop::Issue)?;
    if validate {
        let found = outgoing::check_resources(&resources, console);
        report::print(&found, SHOWN, console);
        if found.iter().any(Finding::is_error) {
            return Ok(Verdict::Findings);
        }
    }
    let text = if console.is_json() { resources } else { readable(&view, &rules, console) };
    finish(&text, out)?;
    Ok(Verdict::of(findings.iter().any(Finding::is_error)))
}

fn readable(view: &View, rules: &Policy, console: &Console) -> String {
    let code = if console.show_values { IdentityCode::Shown } else { IdentityCode::Masked };
    paint(render(view, rules, console.lang, code), code, console)
}

impl Sight {
    /// True where a plan is asked for somebody.
    pub(super) fn is_asked(&self) -> bool {
        self.role.is_some() || self.requester.is_some() || self.policy.is_some() || !self.grants.is_empty()
    }

    /// What the requester sees of the plans of one client, and what is said of it.
    pub(super) fn view(
        &self,
        (contributions, decisions): (&[Contribution], &[Decision]),
        rules: &Policy,
        console: &Console,
    ) -> Result<(View, Vec<Finding>), Stop> {
        let request = self.request(contributions, decisions)?;
        let (answer, mut findings) = self.answer(contributions, console)?;
        let mut view = view(contributions, decisions, &request, &answer, rules, self.moment()?);
        // The name of a file may be that of a person.
        if !console.show_values {
            view.call_sources_neutrally();
        }
        findings.extend(view.joined.issues.iter().map(|issue| Finding::bare("the view", issue, console)));
        Ok((view, findings))
    }

    /// The rules that it is judged by; nothing where they are not well formed, and that has been told.
    pub(super) fn rules(&self, console: &Console) -> Result<Option<Cow<'static, Policy>>, Stop> {
        policy::load(self.policy.as_deref(), console)
    }

    /// The same for the plans of many clients: at one time for all, and of permissions only what is each client's own.
    pub(super) fn of_many(mut self) -> Result<Self, Stop> {
        if self.break_glass.is_some() {
            return Err(Stop::usage("an emergency is one client's", "use `sauma view` for that client"));
        }
        if let Some(file) = self.grants.iter().find(|path| !path.is_dir()) {
            let message = format!("--grants `{}` is no folder", file.display());
            return Err(Stop::usage(
                message,
                "what one client permits says nothing of another: CLIENT.json for each",
            ));
        }
        self.time.get_or_insert_with(|| now().to_string());
        self.request(&[], &[])?;
        self.moment()?;
        Ok(self)
    }

    /// The same for one of many clients, whose permissions have the client's name in the folders of grants.
    pub(super) fn of_client(&self, name: &str) -> Self {
        let own = self.grants.iter().map(|folder| folder.join(format!("{name}.json")));
        Self { grants: own.filter(|file| file.exists()).collect(), ..self.clone() }
    }

    /// Says of the documents whose register they are of, where the caller knows it.
    pub(super) fn set_custodians(&self, contributions: &mut [Contribution]) -> Result<(), Stop> {
        for said in &self.custodian {
            let (file, oid) = said.rsplit_once('=').filter(|(_, oid)| !oid.is_empty()).ok_or_else(|| {
                Stop::usage(format!("--custodian `{said}` names no register"), "write it as FILE=OID")
            })?;
            let contribution = contributions.iter_mut().find(|contribution| contribution.label == file);
            let contribution = contribution.ok_or_else(|| {
                Stop::usage(
                    format!("--custodian names `{file}`, which is not joined"),
                    "name one of the FILEs",
                )
            })?;
            contribution.custodian = Some(oid.trim_start_matches("urn:oid:").to_owned());
        }
        Ok(())
    }

    pub(super) fn moment(&self) -> Result<Moment, Stop> {
        let Some(text) = &self.time else {
            let now = now().to_string();
            return Moment::parse(&now).ok_or_else(|| Stop::usage("the clock cannot be read", "give --now"));
        };
        Moment::parse(text).ok_or_else(|| {
            Stop::usage(
                format!("--now `{text}` is no time"),
                "write it as 2026-03-20 or 2026-03-20T10:00:00+02:00",
            )
        })
    }

    pub(super) fn request(
        &self,
        contributions: &[Contribution],
        decisions: &[Decision],
    ) -> Result<Request, Stop> {
        let file = match &self.requester {
            None => RequesterFile::default(),
            Some(path) => toml::from_str(&files::read_text(path)?).map_err(|error| {
                Stop::usage(format!("`{}`: {}", path.display(), error.message().trim_end()), EXAMPLES)
            })?,
        };
        let role = self.role.as_ref().or(file.role.as_ref());
        let role = role.ok_or_else(|| Stop::usage("for whom is not said", "give --as ROLE"))?;
        let capacity = capacity(role)?;
        let mut requester = Requester::new(capacity);
        requester.registers = file.registers.into_iter().chain(self.register.iter().cloned()).collect();
        requester.organisations =
            file.organisations.into_iter().chain(self.organisation.iter().cloned()).collect();
        requester.role = file.title;
        let purpose = match &self.purpose {
            None => capacity.purpose(),
            Some(text) => word::<Purpose>("--purpose", text)?,
        };
        let mut request = Request::read(requester, purpose);
        request.statute.clone_from(&self.statute);
        if let (Some(reason), Some(words)) = (&self.break_glass, &self.because) {
            let since = self.moment()?;
            let glass = BreakGlass {
                reason: word::<EmergencyReason>("--break-glass", reason)?,
                words: words.clone(),
                client: client_key(contributions, decisions),
                since,
            };
            if !glass.is_in_force(&glass.client, since) {
                let help = crate::diag::codes::BREAK_GLASS.help;
                return Err(Stop::usage("this does not break the glass", help));
            }
            request.break_glass = Some(glass);
        }
        Ok(request)
    }

    /// What the sources of permissions say: the files, otherwise the Consents among the documents, otherwise nothing.
    pub(super) fn answer(
        &self,
        contributions: &[Contribution],
        console: &Console,
    ) -> Result<(Answer, Vec<Finding>), Stop> {
        if self.grants.is_empty() && !contributions.iter().any(Contribution::has_consent) {
            return Ok((Answer::None, Vec::new()));
        }
        let mut answer = Answer::Grants(Vec::new());
        let mut found = Vec::new();
        for path in &self.grants {
            let tree = read_resources(&files::read_text(path)?).map_err(Stop::Issue)?;
            let mut issues = Vec::new();
            answer.add(&tree, &Recorder::PermissionSource, &mut issues);
            let file = path.to_string_lossy();
            found.extend(issues.iter().map(|issue| Finding::bare(&file, issue, console)));
        }
        Ok((answer, found))
    }
}

fn capacity(role: &str) -> Result<Capacity, Stop> {
    Capacity::find(role).ok_or_else(|| unknown("--as", role, Capacity::WORDS.iter().copied()))
}

fn word<W: Word>(option: &str, text: &str) -> Result<W, Stop> {
    W::find(text).ok_or_else(|| unknown(option, text, W::ALL.iter().map(|word| word.code())))
}

fn unknown<'a>(option: &str, text: &str, known: impl Iterator<Item = &'a str>) -> Stop {
    let known: Vec<&str> = known.collect();
    let near = crate::diag::nearest(text, known.iter().copied());
    let help = near.map_or_else(|| known.join(", "), |near| format!("did you mean `{near}`?"));
    Stop::usage(format!("{option} `{text}` is not known"), help)
}
