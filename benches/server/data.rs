//! The resources of the benchmark and the requests about them.

use crate::load::request;

/// Patients; each has [`PLANS`] plans and one goal: 11,000 resources.
pub(crate) const PATIENTS: u64 = 500;
pub(crate) const PLANS: u64 = 20;

const CATEGORY: &str = "http://snomed.info/sct";
const CODES: [&str; 10] = [
    "734163000",
    "395082007",
    "736245002",
    "736690008",
    "773513001",
    "736248000",
    "735324008",
    "736283007",
    "698360004",
    "412776001",
];

pub(crate) fn patient(number: u64) -> String {
    format!(
        r#"{{"resourceType":"Patient","id":"p{number}","identifier":[{{"system":"urn:oid:1.2.246.10.2","value":"bench-{number}"}}],"active":true,"name":[{{"family":"Virtanen{number}","given":["Taimi","Helmi"]}}],"telecom":[{{"system":"phone","value":"+358 40 {number:07}"}}],"gender":"female","birthDate":"19{:02}-03-17","address":[{{"line":["Kauppakatu {number}"],"city":"Jyväskylä","postalCode":"40100","country":"FI"}}]}}"#,
        number % 100,
    )
}

pub(crate) fn goal(number: u64) -> String {
    format!(
        r#"{{"resourceType":"Goal","id":"g{number}","lifecycleStatus":"active","description":{{"text":"Walks to the shop and back without help"}},"subject":{{"reference":"Patient/p{number}"}},"startDate":"2026-01-15","target":[{{"dueDate":"2026-06-30"}}]}}"#
    )
}

/// A plan of some 2 KB; without an id where the server gives it.
pub(crate) fn plan(number: u64, id: Option<&str>, subject: &str) -> String {
    let id = id.map_or_else(String::new, |id| format!(r#""id":"{id}","#));
    let status = if number.is_multiple_of(4) { "completed" } else { "active" };
    let code = CODES[(number % 10) as usize];
    let day = number % 28 + 1;
    let activity = |at: u64, text: &str| {
        format!(
            r#"{{"detail":{{"kind":"ServiceRequest","code":{{"coding":[{{"system":"{CATEGORY}","code":"{}","display":"{text}"}}],"text":"{text}"}},"status":"in-progress","doNotPerform":false,"scheduledPeriod":{{"start":"2026-02-{day:02}","end":"2026-08-{day:02}"}},"description":"{text}, agreed with the client and reviewed at each visit."}}}}"#,
            229_070_002 + at
        )
    };
    let activities = [
        activity(1, "Physiotherapy twice a week"),
        activity(2, "Home care visits in the morning"),
        activity(3, "Review of medication"),
    ]
    .join(",");
    format!(
        r#"{{"resourceType":"CarePlan",{id}"identifier":[{{"system":"urn:oid:1.2.246.10.1","value":"plan-{number}"}}],"status":"{status}","intent":"plan","category":[{{"coding":[{{"system":"{CATEGORY}","code":"{code}"}}],"text":"Care plan"}}],"title":"Care plan {number}","description":"Managing at home after a hip fracture: exercise, nutrition, safe medication.","subject":{{"reference":"{subject}"}},"period":{{"start":"2026-01-{day:02}","end":"2026-12-31"}},"created":"2026-01-{day:02}T08:30:00+02:00","author":{{"display":"Home care team"}},"addresses":[{{"display":"Fracture of hip"}}],"activity":[{activities}],"note":[{{"text":"The client wishes that the daughter is told of changes."}}]}}"#
    )
}

fn entry(method: &str, url: &str, full_url: &str, resource: &str) -> String {
    format!(
        r#"{{"fullUrl":"{full_url}","resource":{resource},"request":{{"method":"{method}","url":"{url}"}}}}"#
    )
}

fn bundle(entries: &[String]) -> String {
    format!(r#"{{"resourceType":"Bundle","type":"transaction","entry":[{}]}}"#, entries.join(","))
}

/// All resources of one patient, with their types and ids.
pub(crate) fn of_patient(number: u64) -> Vec<(String, String)> {
    let mut found = vec![(format!("Patient/p{number}"), patient(number))];
    for at in 0..PLANS {
        let plan_number = number * PLANS + at;
        let id = format!("c{plan_number}");
        found.push((format!("CarePlan/{id}"), plan(plan_number, Some(&id), &format!("Patient/p{number}"))));
    }
    found.push((format!("Goal/g{number}"), goal(number)));
    found
}

/// One transaction that puts them all.
pub(crate) fn seed(base: &str, number: u64) -> Vec<u8> {
    let all = of_patient(number);
    let entries: Vec<String> =
        all.iter().map(|(name, text)| entry("PUT", name, &format!("urn:x:{name}"), text)).collect();
    request("POST", base, &bundle(&entries))
}

/// A patient and nine plans that refer to it.
pub(crate) fn transaction(base: &str, number: u64) -> Vec<u8> {
    let urn = |at: u64| format!("urn:uuid:00000000-0000-4000-{at:04x}-{number:012x}");
    let patient = patient(1_000_000 + number).replacen(&format!(r#""id":"p{}","#, 1_000_000 + number), "", 1);
    let mut entries = vec![entry("POST", "Patient", &urn(0), &patient)];
    for at in 1..10 {
        entries.push(entry("POST", "CarePlan", &urn(at), &plan(number * 9 + at, None, &urn(0))));
    }
    request("POST", base, &bundle(&entries))
}

/// Numbers spread over all of some count.
pub(crate) fn spread(number: u64, count: u64) -> u64 {
    number.wrapping_mul(7_919) % count
}

pub(crate) fn category(number: u64) -> String {
    format!("{CATEGORY}|{}", CODES[(number % 10) as usize])
}
