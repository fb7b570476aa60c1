//! What makes a valid document invalid, one fault each.

use super::sites::Site;
use sauma::schema::{Schema, Strength};
use serde_json::{Value, json};

/// One way of making a document invalid.
pub(crate) struct Operator {
    pub(crate) name: &'static str,
    pub(crate) act: Act,
}

pub(crate) enum Act {
    /// Another value for every value of these types.
    Replace(&'static [&'static str], fn() -> Value),
    /// Changes the document at a site and says where the fault is; nothing where it does not apply.
    Edit(fn(&Site, &mut Value) -> Option<String>),
}

impl Operator {
    /// Changes the document; the path of the fault, or none where the operator has nothing to do here.
    pub(crate) fn apply(&self, site: &Site, document: &mut Value) -> Option<String> {
        match &self.act {
            Act::Replace(types, value) => {
                if !types.contains(&site.ty.as_str()) || site.is_root() {
                    return None;
                }
                *site.value(document) = value();
                Some(site.path.clone())
            }
            Act::Edit(edit) => edit(site, document),
        }
    }
}

const fn replace(name: &'static str, types: &'static [&'static str], value: fn() -> Value) -> Operator {
    Operator { name, act: Act::Replace(types, value) }
}

const fn edit(name: &'static str, act: fn(&Site, &mut Value) -> Option<String>) -> Operator {
    Operator { name, act: Act::Edit(act) }
}

const TEXTS: &[&str] = &["string", "markdown", "code", "id", "uri", "url", "canonical"];
const PRIMITIVES: &[&str] = &[
    "string",
    "markdown",
    "code",
    "id",
    "uri",
    "url",
    "canonical",
    "boolean",
    "integer",
    "decimal",
    "date",
    "dateTime",
    "instant",
    "positiveInt",
    "unsignedInt",
];
const COMPLEX: &[&str] = &[
    "CodeableConcept",
    "Coding",
    "Identifier",
    "Reference",
    "Period",
    "Quantity",
    "HumanName",
    "Address",
    "ContactPoint",
    "Annotation",
    "Timing",
    "Meta",
    "Narrative",
    "Attachment",
    "Money",
    "Range",
];

/// All of them.
pub(crate) static OPERATORS: &[Operator] = &[
    replace("date of no month", &["date"], || json!("2020-13-01")),
    replace("day that is not in the month", &["date", "dateTime"], || json!("2020-02-30")),
    replace("date with slashes", &["date", "dateTime"], || json!("01/02/2020")),
    replace("time of day without a zone", &["dateTime"], || json!("2020-01-01T10:00:00")),
    replace("time of day without minutes", &["dateTime"], || json!("2020-01-01T10Z")),
    replace("instant that is a date", &["instant"], || json!("2020-01-01")),
    replace("instant without a zone", &["instant"], || json!("2020-01-01T10:00:00")),
    replace("hour 25", &["time"], || json!("25:00:00")),
    replace("id with a space", &["id"], || json!("a b")),
    replace("id of 65 characters", &["id"], || json!("a".repeat(65))),
    replace("uri with a space", &["uri", "url", "canonical"], || json!("http://a b")),
    replace("code with two spaces", &["code"], || json!("a  b")),
    replace("boolean as a string", &["boolean"], || json!("true")),
    replace("integer with a fraction", &["integer", "positiveInt", "unsignedInt"], || json!(1.5)),
    replace("integer of 33 bits", &["integer", "positiveInt", "unsignedInt"], || json!(2_147_483_648_u64)),
    replace("positive nought", &["positiveInt"], || json!(0)),
    replace("unsigned minus one", &["unsignedInt"], || json!(-1)),
    replace("decimal as a string", &["decimal"], || json!("1.0")),
    replace("base64 with a star", &["base64Binary"], || json!("YW*j")),
    replace("empty string", TEXTS, || json!("")),
    replace("blank string", TEXTS, || json!("  ")),
    replace("control character", TEXTS, || json!("a\u{1}b")),
    replace("oid that is none", &["uri"], || json!("urn:oid:1.02.x")),
    replace("uuid that is none", &["uri"], || json!("urn:uuid:1234")),
    replace("reference that is none", &["Reference"], || json!({"reference": "not a reference"})),
    replace("nothing but an id", COMPLEX, || json!({"id": "only"})),
    replace(
        "code that its system has not",
        &["Coding"],
        || json!({"system": "http://hl7.org/fhir/administrative-gender", "code": "x"}),
    ),
    replace("number for a string", TEXTS, || json!(7)),
    replace("null", PRIMITIVES, || Value::Null),
    replace("object for a primitive", PRIMITIVES, || json!({"value": "x"})),
    replace("empty object", COMPLEX, || json!({})),
    replace("string for an object", COMPLEX, || json!("x")),
    edit("required element gone", |site, document| {
        let element = site.element.filter(|element| element.is_required())?;
        let object = site.object(document);
        if object.contains_key(&format!("_{}", site.key)) || object.len() == 1 || element.slice().is_some() {
            return None;
        }
        object.remove(&site.key);
        Some(site.owner_path.clone())
    }),
    edit("unknown element", |site, document| {
        site.value(document).as_object_mut()?.insert("sauma".to_owned(), json!("x"));
        Some(format!("{}.sauma", site.path))
    }),
    edit("list for one", |site, document| {
        site.element.filter(|element| !element.is_list())?;
        let slot = site.slot(document);
        *slot = json!([slot.clone()]);
        Some(site.path.clone())
    }),
    edit("one for a list", |site, document| {
        if !site.is_item() || site.object(document).contains_key(&format!("_{}", site.key)) {
            return None;
        }
        let value = site.value(document).clone();
        *site.slot(document) = value;
        Some(path_of_list(site))
    }),
    edit("empty list", |site, document| {
        if !site.is_item() {
            return None;
        }
        *site.slot(document) = json!([]);
        Some(path_of_list(site))
    }),
    edit("code outside a required binding", |site, document| {
        let value_set = required_value_set(site)?;
        let code = "sauma-no-such-code";
        match site.ty.as_str() {
            "code" if Schema::r4().contains(value_set, None, code) == Some(false) => {
                *site.value(document) = json!(code);
                Some(site.path.clone())
            }
            "CodeableConcept" => {
                let coding = site.value(document).pointer_mut("/coding/0")?;
                outside(coding, value_set, code)?;
                Some(format!("{}.coding[0]", site.path))
            }
            "Coding" => {
                outside(site.value(document), value_set, code)?;
                Some(site.path.clone())
            }
            _ => None,
        }
    }),
    edit("two forms of a choice", |site, document| {
        let element = site.element.filter(|element| element.is_choice())?;
        let forms = Schema::r4().names_in_data(site.owner_type, element);
        let other = forms.iter().find_map(|found| {
            let name = Schema::r4().name_text(found.name);
            let value = match Schema::r4().type_info(found.ty).name {
                "boolean" => json!(true),
                "string" => json!("x"),
                "dateTime" | "date" => json!("2020"),
                "CodeableConcept" => json!({"text": "x"}),
                "Reference" | "Period" | "Quantity" | "Range" | "Age" => json!({"id": "a", "extension": [
                    {"url": "http://example.org/x", "valueString": "x"}]}),
                _ => return None,
            };
            (name != site.key).then(|| (name.to_owned(), value))
        });
        let (name, value) = other?;
        let object = site.object(document);
        if object.contains_key(&name) {
            return None;
        }
        object.insert(name, value);
        Some(format!("{}.{}", site.owner_path, Schema::r4().name_text(element.name)))
    }),
    edit("form that a choice has not", |site, document| {
        let element = site.element.filter(|element| element.is_choice())?;
        let stem = Schema::r4().name_text(element.name).to_owned();
        let name = format!("{stem}Narrative");
        let object = site.object(document);
        let value = object.remove(&site.key)?;
        object.remove(&format!("_{}", site.key));
        object.insert(name.clone(), value);
        Some(format!("{}.{name}", site.owner_path))
    }),
    edit("reference into nothing", |site, document| {
        let reference = reference(site, document)?;
        *reference = json!("#sauma-nowhere");
        Some(format!("{}.reference", site.path))
    }),
    edit("reference to another type", |site, document| {
        if site.targets.is_empty() || site.targets.iter().any(|ty| ty == "Resource" || ty == "Binary") {
            return None;
        }
        let reference = reference(site, document)?;
        *reference = json!("Binary/sauma");
        Some(format!("{}.reference", site.path))
    }),
    edit("value and extensions", |site, document| {
        let value = extension(site, document).filter(|value| value.get("extension").is_none())?;
        value["extension"] = json!([{"url": "http://example.org/x", "valueString": "x"}]);
        Some(site.path.clone())
    }),
    edit("extension without value", |site, document| {
        let value = extension(site, document)?.as_object_mut()?;
        value.retain(|key, _| key == "url");
        Some(site.path.clone())
    }),
    edit("extension without url", |site, document| {
        extension(site, document)?.as_object_mut()?.remove("url");
        Some(site.path.clone())
    }),
    edit("type of a reference", |site, document| {
        let is_open = site.targets.is_empty() || site.targets.iter().any(|ty| ty == "Resource");
        let reference = of_type(site, document, "Reference").filter(|_| !is_open)?;
        *reference = json!({"type": "StructureMap", "display": "x"});
        Some(site.path.clone())
    }),
    edit("relative system", |site, document| {
        let is_it = ["Coding", "Identifier"].contains(&site.ty.as_str());
        let value = site.value(document).as_object_mut().filter(|_| is_it)?;
        value.insert("system".to_owned(), json!("own"));
        Some(format!("{}.system", site.path))
    }),
    edit("relative url of an extension", |site, document| {
        extension(site, document)?["url"] = json!("x");
        Some(format!("{}.url", site.path))
    }),
    edit("id of an element with a space", |site, document| {
        let value = site.value(document).as_object_mut().filter(|_| COMPLEX.contains(&site.ty.as_str()))?;
        value.insert("id".to_owned(), json!("a b"));
        Some(format!("{}.id", site.path))
    }),
    edit("one id twice", |site, document| {
        let value = document.as_object_mut().filter(|value| site.is_root() && !value.contains_key("meta"))?;
        value.insert("meta".to_owned(), json!({"id": "same", "tag": [{"id": "same", "code": "x"}]}));
        Some(format!("{}.meta.tag[0]", site.path))
    }),
    edit("oid with a letter", |site, document| extension_with(site, document, "valueOid", "urn:oid:1.2.x")),
    edit("short uuid", |site, document| extension_with(site, document, "valueUuid", "urn:uuid:123")),
    edit("end before start", |site, document| {
        let value = of_type(site, document, "Period")?;
        *value = json!({"start": "2020-06-01", "end": "2020-01-01"});
        Some(site.path.clone())
    }),
    edit("low above high", |site, document| {
        let value = of_type(site, document, "Range")?;
        value["low"] = json!({"value": 9, "unit": "a"});
        value["high"] = json!({"value": 1, "unit": "a"});
        Some(site.path.clone())
    }),
    edit("unit code without system", |site, document| {
        let value = of_type(site, document, "Quantity")?.as_object_mut()?;
        value.get("code")?;
        value.remove("system")?;
        Some(site.path.clone())
    }),
    edit("contact without system", |site, document| {
        let value = of_type(site, document, "ContactPoint")?.as_object_mut()?;
        value.get("value")?;
        value.remove("system")?;
        Some(site.path.clone())
    }),
    edit("data without content type", |site, document| {
        let value = of_type(site, document, "Attachment")?.as_object_mut()?;
        value.remove("contentType");
        value.insert("data".to_owned(), json!("YWJj"));
        Some(site.path.clone())
    }),
    edit("period without its unit", |site, document| {
        let repeat = of_type(site, document, "Timing")?.get_mut("repeat")?.as_object_mut()?;
        repeat.get("period")?;
        repeat.remove("periodUnit")?;
        Some(format!("{}.repeat", site.path))
    }),
    edit("contained and never named", |site, document| {
        let unused = json!({"resourceType": "Organization", "id": "sauma-unused", "name": "x"});
        contain(site, document, unused)
    }),
    edit("contained in a contained one", |site, document| {
        let inner = json!({"resourceType": "Organization", "id": "in", "name": "x"});
        let outer = json!({"resourceType": "Organization", "id": "out", "name": "x", "contained": [inner],
            "partOf": {"reference": "#in"}});
        contain(site, document, outer)
    }),
    edit("contained one with a version", |site, document| {
        let value = contained(site, document)?;
        value["meta"] = json!({"versionId": "1"});
        Some(site.path.clone())
    }),
    edit("contained one with a label", |site, document| {
        let value = contained(site, document)?;
        value["meta"] = json!({"security": [{"system": "http://example.org", "code": "x"}]});
        Some(site.path.clone())
    }),
    edit("contained one without id", |site, document| {
        contained(site, document)?.as_object_mut()?.remove("id")?;
        Some(site.path.clone())
    }),
    edit("script in a narrative", |site, document| div(site, document, "<script>x</script>")),
    edit("handler in a narrative", |site, document| div(site, document, "<p onclick=\"x\">x</p>")),
    edit("form in a narrative", |site, document| div(site, document, "<form>x</form>")),
    edit("open element in a narrative", |site, document| div(site, document, "<p>x")),
    edit("script in a link", |site, document| div(site, document, "<a href=\"javascript:a()\">a</a>")),
    edit("entity of its own", |site, document| div(site, document, "<p>&own;</p>")),
    edit("narrative of nothing", |site, document| div(site, document, " ")),
    edit("narrative without a div", |site, document| narrative(site, document, "plain words")),
    edit("narrative in another element", |site, document| {
        narrative(site, document, "<p xmlns=\"http://www.w3.org/1999/xhtml\">a</p>")
    }),
    edit("narrative of no namespace", |site, document| narrative(site, document, "<div><p>a</p></div>")),
    edit("no type of resource", |site, document| {
        document.as_object_mut().filter(|_| site.is_root())?.remove("resourceType");
        Some(String::new())
    }),
    edit("unknown type of resource", |site, document| {
        if !site.is_root() {
            return None;
        }
        document["resourceType"] = json!("Plan");
        // A name that R4 does not have stands in no path.
        Some("Resource".to_owned())
    }),
    edit("companion list too long", |site, document| {
        if !site.is_item() || !site.is_primitive() {
            return None;
        }
        let extra = json!({"id": "a"});
        let count = site.slot(document).as_array()?.len();
        let companion = format!("_{}", site.key);
        let place = format!("{}.{companion}", site.owner_path);
        site.object(document).insert(companion, Value::Array(vec![extra; count + 1]));
        Some(place)
    }),
    edit("detail and reference", |site, document| {
        let activity =
            site.value(document).as_object_mut().filter(|_| site.path.contains("CarePlan.activity"))?;
        activity.get("detail")?;
        activity.insert("reference".to_owned(), json!({"reference": "Task/1"}));
        Some(site.path.clone())
    }),
    edit("clock time in a birth date", |site, document| {
        if site.key != "birthDate" {
            return None;
        }
        *site.value(document) = json!("1980-01-01T10:00:00Z");
        Some(site.path.clone())
    }),
];

/// The path of a list, of one of its items.
fn path_of_list(site: &Site) -> String {
    format!("{}.{}", site.owner_path, site.key)
}

fn required_value_set(site: &Site) -> Option<&'static str> {
    let binding = site.element?.binding()?;
    (binding.strength == Strength::Required).then_some(&*binding.value_set)
}

/// Another code of the same system, if the value set is known not to have it.
fn outside(coding: &mut Value, value_set: &str, code: &str) -> Option<()> {
    let system = coding.get("system")?.as_str()?;
    (Schema::r4().contains(value_set, Some(system), code) == Some(false)).then_some(())?;
    coding["code"] = json!(code);
    Some(())
}

fn of_type<'a>(site: &Site, document: &'a mut Value, ty: &str) -> Option<&'a mut Value> {
    (site.ty == ty).then(|| site.value(document)).filter(|value| value.is_object())
}

fn reference<'a>(site: &Site, document: &'a mut Value) -> Option<&'a mut Value> {
    of_type(site, document, "Reference")?.get_mut("reference")
}

fn extension<'a>(site: &Site, document: &'a mut Value) -> Option<&'a mut Value> {
    of_type(site, document, "Extension").filter(|_| !site.owner_path.contains(".extension"))
}

fn extension_with(site: &Site, document: &mut Value, key: &str, text: &str) -> Option<String> {
    let value = extension(site, document)?.as_object_mut()?;
    value.retain(|key, _| key == "url");
    value.insert(key.to_owned(), json!(text));
    Some(format!("{}.{key}", site.path))
}

fn contained<'a>(site: &Site, document: &'a mut Value) -> Option<&'a mut Value> {
    (site.key == "contained").then(|| site.value(document))
}

/// Puts a resource into the first one.
fn contain(site: &Site, document: &mut Value, resource: Value) -> Option<String> {
    let no_text = ["Bundle", "Parameters", "Binary"];
    if !site.is_root() || no_text.contains(&site.ty.as_str()) {
        return None;
    }
    let object = document.as_object_mut()?;
    let list = object.entry("contained").or_insert_with(|| json!([])).as_array_mut()?;
    list.push(resource);
    Some(format!("{}.contained[{}]", site.path, list.len() - 1))
}

fn div(site: &Site, document: &mut Value, inside: &str) -> Option<String> {
    narrative(site, document, &format!("<div xmlns=\"http://www.w3.org/1999/xhtml\">{inside}</div>"))
}

fn narrative(site: &Site, document: &mut Value, div: &str) -> Option<String> {
    of_type(site, document, "Narrative")?["div"] = json!(div);
    Some(format!("{}.div", site.path))
}
