//! What each sector sees after the last step of a journey.

use super::manifest::{Journey, ViewCase};
use super::{Told, golden, names, stated};
use sauma::diag::Language;
use sauma::exchange::document::read_resources;
use sauma::plan::Sector;
use sauma::plan::permission::{Answer, Capacity, Moment, Purpose, Request, Requester};
use sauma::plan::policy::Policy;
use sauma::plan::text::{IdentityCode, to_text};
use sauma::plan::view::{View, render, view};
use sauma::tree::json::{Layout, to_string};
use std::fs;

#[test]
fn each_sees_what_is_stated_and_nothing_else() {
    super::of_each(|journey| {
        let told = Told::of(journey);
        journey.views.iter().flat_map(|case| check(journey, &told, case)).collect()
    });
}

fn check(journey: &Journey, told: &Told, case: &ViewCase) -> Vec<String> {
    let seen = seen(journey, told, case);
    let mut faults = stated::faults(&seen.joined.bundle, &case.holds);
    let named = names(&seen.joined.contact);
    if named != case.contact {
        faults.push(format!("the client contacts {named:?}, not {:?}", case.contact));
    }
    let page = |language| to_text(&render(&seen, Policy::county(), language, IdentityCode::Shown));
    let all = [Language::Fi, Language::Sv, Language::En].map(page).concat()
        + &to_string(&seen.joined.bundle, Layout::Compact);
    let leaks = case.never.iter().filter(|text| all.contains(text.as_str()));
    faults.extend(leaks.map(|text| format!("`{text}` can be seen")));
    let language = Language::find(&journey.language).unwrap();
    let file = journey.folder.join(format!("view.{}.txt", case.role));
    faults.extend(golden(&file, &to_text(&render(&seen, Policy::county(), language, IdentityCode::Masked))));
    faults.iter().map(|fault| format!("as {}: {fault}", case.role)).collect()
}

fn seen(journey: &Journey, told: &Told, case: &ViewCase) -> View {
    let capacity = match case.role.as_str() {
        "client" => Capacity::Client,
        "guardian" => Capacity::Guardian,
        sector => Capacity::Professional(Sector::find(sector).unwrap()),
    };
    let mut requester = Requester::new(capacity);
    requester.registers.clone_from(&case.registers);
    requester.organisations.clone_from(&case.organisations);
    let grants = read_resources(&fs::read_to_string(journey.folder.join(&journey.grants)).unwrap()).unwrap();
    let (answer, unread) = Answer::read(&grants);
    assert!(unread.is_empty(), "{}: {unread:?}", journey.name);
    let request = Request::read(requester, purpose(capacity));
    let now = Moment::parse(&case.at).unwrap();
    let mut contributions = told.contributions.clone();
    for contribution in &mut contributions {
        let known = journey.custodians.get(&contribution.label).cloned();
        contribution.custodian = known.or_else(|| contribution.custodian.take());
    }
    view(&contributions, &told.decisions, &request, &answer, Policy::county(), now)
}

fn purpose(capacity: Capacity) -> Purpose {
    match capacity {
        Capacity::Professional(Sector::Health) => Purpose::Care,
        Capacity::Professional(Sector::Employment) => Purpose::EmploymentService,
        Capacity::Professional(_) => Purpose::SocialService,
        Capacity::Client | Capacity::Guardian => Purpose::OwnAccess,
        Capacity::Service => Purpose::Administration,
    }
}
