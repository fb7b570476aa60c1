//! What somebody writes who has no mapping language: the benchmark's map by hand over `serde_json::Value`.

use serde_json::{Map, Value, json};

/// Questionnaire response to Bundle.
pub(crate) fn map(response: &Value) -> Value {
    let id = response["id"].as_str().unwrap_or_default();
    let items = response["item"].as_array().map_or(&[][..], Vec::as_slice);
    let of = |link: &'static str| items.iter().filter(move |item| item["linkId"] == link);
    let mut entries = Vec::new();
    for group in of("patient") {
        entries.push(json!({ "fullUrl": format!("urn:uuid:pat-{id}"), "resource": patient(id, group) }));
    }
    for group in of("team") {
        entries.push(json!({ "fullUrl": format!("urn:uuid:team-{id}"), "resource": team(id, group) }));
    }
    for group in of("goal") {
        entries.push(json!({ "resource": goal(id, group) }));
    }
    entries.push(json!({ "fullUrl": format!("urn:uuid:plan-{id}"), "resource": plan(id, response, items) }));
    json!({ "resourceType": "Bundle", "id": id, "type": "collection", "entry": entries })
}

fn answer<'a>(group: &'a Value, link: &str, kind: &str) -> Option<&'a Value> {
    let item = group["item"].as_array()?.iter().find(|item| item["linkId"] == link)?;
    item["answer"].get(0)?.get(kind)
}

fn set(map: &mut Map<String, Value>, key: &str, value: Option<&Value>) {
    if let Some(value) = value {
        map.insert(key.to_owned(), value.clone());
    }
}

fn patient(id: &str, group: &Value) -> Value {
    let text = |link: &str| answer(group, link, "valueString");
    let mut name = Map::new();
    set(&mut name, "family", text("patient.lastname"));
    if let Some(given) = text("patient.firstname") {
        name.insert("given".to_owned(), json!([given]));
    }
    let mut out = Map::new();
    out.insert("resourceType".to_owned(), json!("Patient"));
    out.insert("id".to_owned(), json!(format!("pat-{id}")));
    if let Some(value) = text("patient.mrn") {
        out.insert("identifier".to_owned(), json!([{ "system": "http://example.org/mrn", "value": value }]));
    }
    out.insert("name".to_owned(), json!([name]));
    set(&mut out, "gender", text("patient.sex"));
    set(&mut out, "birthDate", answer(group, "patient.birthdate", "valueDate"));
    if let Some(value) = text("patient.phone") {
        out.insert("telecom".to_owned(), json!([{ "system": "phone", "use": "home", "value": value }]));
    }
    if let Some(value) = text("patient.city") {
        out.insert("address".to_owned(), json!([{ "use": "home", "city": value }]));
    }
    Value::Object(out)
}

fn team(id: &str, group: &Value) -> Value {
    let members =
        group["item"].as_array().into_iter().flatten().filter(|item| item["linkId"] == "team.member");
    let participants: Vec<Value> = members.map(member).collect();
    let mut out = Map::new();
    out.insert("resourceType".to_owned(), json!("CareTeam"));
    out.insert("id".to_owned(), json!(format!("team-{id}")));
    out.insert("status".to_owned(), json!("active"));
    out.insert("subject".to_owned(), json!({ "reference": format!("urn:uuid:pat-{id}") }));
    set(&mut out, "name", answer(group, "team.name", "valueString"));
    out.insert("participant".to_owned(), Value::Array(participants));
    Value::Object(out)
}

fn member(item: &Value) -> Value {
    let mut out = Map::new();
    if let Some(name) = answer(item, "member.name", "valueString") {
        out.insert("member".to_owned(), json!({ "display": name }));
    }
    if let Some(coding) = answer(item, "member.role", "valueCoding") {
        let role = json!({ "coding": [{ "system": coding["system"], "code": coding["code"] }], "text": coding["display"] });
        out.insert("role".to_owned(), json!([role]));
    }
    if let Some(from) = answer(item, "member.from", "valueDateTime") {
        out.insert("period".to_owned(), json!({ "start": from }));
    }
    Value::Object(out)
}

fn goal(id: &str, group: &Value) -> Value {
    let text = |link: &str| answer(group, link, "valueString");
    let mut out = Map::new();
    out.insert("resourceType".to_owned(), json!("Goal"));
    set(&mut out, "id", text("goal.id"));
    set(&mut out, "lifecycleStatus", text("goal.status"));
    if let Some(words) = text("goal.text") {
        out.insert("description".to_owned(), json!({ "text": words }));
    }
    out.insert("subject".to_owned(), json!({ "reference": format!("urn:uuid:pat-{id}") }));
    set(&mut out, "startDate", answer(group, "goal.start", "valueDate"));
    if let Some(due) = answer(group, "goal.due", "valueDate") {
        out.insert("target".to_owned(), json!([{ "dueDate": due }]));
    }
    if let Some(note) = text("goal.note") {
        out.insert("note".to_owned(), json!([{ "text": note }]));
    }
    Value::Object(out)
}

fn plan(id: &str, response: &Value, items: &[Value]) -> Value {
    let mut out = Map::new();
    out.insert("resourceType".to_owned(), json!("CarePlan"));
    out.insert("id".to_owned(), json!(format!("plan-{id}")));
    out.insert("status".to_owned(), json!("active"));
    out.insert("intent".to_owned(), json!("plan"));
    out.insert("subject".to_owned(), json!({ "reference": format!("urn:uuid:pat-{id}") }));
    set(&mut out, "created", response.get("authored"));
    for group in items.iter().filter(|item| item["linkId"] == "plan") {
        set(&mut out, "title", answer(group, "plan.title", "valueString"));
        set(&mut out, "description", answer(group, "plan.description", "valueString"));
        let mut period = Map::new();
        set(&mut period, "start", answer(group, "plan.start", "valueDateTime"));
        set(&mut period, "end", answer(group, "plan.end", "valueDateTime"));
        out.insert("period".to_owned(), Value::Object(period));
    }
    if items.iter().any(|item| item["linkId"] == "team") {
        out.insert("careTeam".to_owned(), json!([{ "reference": format!("urn:uuid:team-{id}") }]));
    }
    let goals = items.iter().filter(|item| item["linkId"] == "goal");
    let goals = goals.filter_map(|group| answer(group, "goal.id", "valueString")?.as_str());
    let goals: Vec<Value> = goals.map(|goal| json!({ "reference": format!("Goal/{goal}") })).collect();
    out.insert("goal".to_owned(), Value::Array(goals));
    let activities = items.iter().filter(|item| item["linkId"] == "activity").map(activity).collect();
    out.insert("activity".to_owned(), Value::Array(activities));
    Value::Object(out)
}

fn activity(item: &Value) -> Value {
    let mut detail = Map::new();
    set(&mut detail, "status", answer(item, "activity.status", "valueString"));
    set(&mut detail, "description", answer(item, "activity.text", "valueString"));
    if let Some(coding) = answer(item, "activity.code", "valueCoding") {
        detail.insert("code".to_owned(), json!({ "coding": [coding] }));
    }
    if let Some(place) = answer(item, "activity.location", "valueString") {
        detail.insert("location".to_owned(), json!({ "display": place }));
    }
    json!({ "detail": detail })
}
