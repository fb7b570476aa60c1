//! For whom a plan is asked for, and how: the parameters that the operations on a joined plan share.

use super::Known;
use crate::diag::Language;
use crate::plan::permission::{
    Answer as Grants, Capacity, Moment, Purpose, Recorder, Request, Requester, Word,
};
use crate::plan::policy::Policy;
use crate::plan::view::{View, client_key, view};
use crate::plan::{Contribution, Date, Decision, Dialect, Joined, history, join};
use crate::server::call::Call;
use crate::server::moment;
use crate::server::operation::Input;
use crate::server::refusal::{Outcome, Refusal, Why};
use std::sync::Arc;

/// How a plan is asked for.
#[derive(Debug)]
pub(in crate::server) struct Asked {
    /// Who asks; nobody of a server that runs open, which then shows everything.
    pub(in crate::server) request: Option<Request>,
    /// As it was at the end of this day.
    pub(in crate::server) at: Option<Date>,
    pub(in crate::server) language: Option<Language>,
    pub(in crate::server) dialect: Option<Dialect>,
    /// The rules of who sees what.
    pub(in crate::server) policy: Arc<Policy>,
}

/// The plan of a client, or what one requester sees of it.
#[derive(Debug)]
pub(in crate::server) enum Shown {
    /// All of it.
    Joined(Box<Joined>),
    /// A view.
    View(Box<View>),
}

impl Asked {
    /// Reads the parameters.
    pub(in crate::server) fn of(call: &Call, input: &Input, policy: &Arc<Policy>) -> Outcome<Self> {
        let at = input.text("at").map(|text| Date::parse(&text).ok_or_else(|| input.refused("at is a day")));
        let language = input
            .text("language")
            .map(|text| Language::find(&text).ok_or_else(|| input.refused("language is fi, sv or en")));
        let dialect = input.text("dialect").map(|text| match &*text {
            "detail" => Ok(Dialect::Detail),
            "reference" => Ok(Dialect::Reference),
            _ => Err(input.refused("dialect is detail or reference")),
        });
        Ok(Self {
            request: request(call, input)?,
            at: at.transpose()?,
            language: language.transpose()?,
            dialect: dialect.transpose()?,
            policy: Arc::clone(policy),
        })
    }

    /// The plan of what is known.
    pub(in crate::server) fn show(&self, known: &Known) -> Outcome<Shown> {
        if known.contributions.is_empty() {
            return Err(Refusal::plain(if self.request.is_some() { Why::NotFound } else { Why::NoPlan }));
        }
        let (contributions, decisions, undated) = match self.at {
            None => (known.contributions.clone(), known.decisions.clone(), Vec::new()),
            Some(day) => history::until(&known.dated(), &known.decisions, day),
        };
        let mut shown = self.shown(known, &contributions, &decisions)?;
        match &mut shown {
            Shown::Joined(joined) => joined.issues.extend(undated),
            // Which sources say no day is no concern of who sees a part.
            Shown::View(_) => {}
        }
        match &shown {
            // Nothing seen and nothing told is the answer to a client who is not there.
            Shown::View(view) if view.joined.sources.is_empty() && view.withheld.is_empty() => {
                Err(Refusal::plain(Why::NotFound))
            }
            Shown::Joined(joined) if joined.is_refused() => {
                Err(match (contributions.is_empty(), &joined.issues) {
                    (true, _) => Refusal::plain(Why::NoPlan),
                    (false, issues) if issues.is_empty() => Refusal::plain(Why::NotJoined),
                    (false, issues) => Refusal::issues(Why::NotJoined, issues.clone()),
                })
            }
            Shown::View(_) | Shown::Joined(_) => Ok(shown),
        }
    }

    fn shown(&self, known: &Known, contributions: &[Contribution], decisions: &[Decision]) -> Outcome<Shown> {
        let Some(mut request) = self.request.clone() else {
            return Ok(Shown::Joined(Box::new(join(contributions, decisions))));
        };
        // An emergency names a Patient; a view knows the client by another key.
        if let Some(glass) = &mut request.break_glass {
            let is_about = known.clients.iter().any(|client| client.as_deref() == Some(&*glass.client));
            glass.client = if is_about { client_key(contributions, decisions) } else { String::new() };
        }
        let grants = grants_of(contributions);
        let mut view = view(contributions, decisions, &request, &grants, &self.policy, now()?);
        view.call_sources_neutrally();
        Ok(Shown::View(Box::new(view)))
    }
}

impl Shown {
    pub(in crate::server) fn joined(&self) -> &Joined {
        match self {
            Self::Joined(joined) => joined,
            Self::View(view) => &view.joined,
        }
    }
}

/// What the sources of permissions say beside the Consents among the contributions: without one of these, nothing. Where
/// units are known, the store is what is asked, and what it does not have is not there.
pub(in crate::server) fn grants_of(contributions: &[Contribution]) -> Grants {
    let is_of_unit = |one: &Contribution| matches!(one.recorder, Some(Recorder::Register { .. }));
    if contributions.iter().any(|one| one.has_consent() || is_of_unit(one)) {
        Grants::Grants(Vec::new())
    } else {
        Grants::None
    }
}

/// The present time.
pub(in crate::server) fn now() -> Outcome<Moment> {
    Moment::parse(&moment::instant(moment::now())).ok_or_else(|| Refusal::plain(Why::StoreFailed))
}

/// Who asks: the caller who is known; of a server that runs open, whoever the parameters say.
fn request(call: &Call, input: &Input) -> Outcome<Option<Request>> {
    let role = input.text("role");
    if let Some(request) = call.caller.request() {
        let is_said = role.is_some() || !input.texts("register").is_empty();
        return if is_said { Err(input.refused("the caller is who asks")) } else { Ok(Some(request)) };
    }
    let Some(role) = role else { return Ok(None) };
    let capacity = Capacity::find(&role)
        .ok_or_else(|| input.refused(&format!("role is one of {}", Capacity::WORDS.join(", "))))?;
    let purpose = match input.text("purpose") {
        None => capacity.purpose(),
        Some(text) => Purpose::find(&text).ok_or_else(|| input.refused("purpose is not known"))?,
    };
    let mut requester = Requester::new(capacity);
    requester.registers = input.texts("register");
    requester.organisations = input.texts("organisation");
    let mut request = Request::read(requester, purpose);
    request.statute = input.text("statute");
    Ok(Some(request))
}
