//! Completed definitions as JSON: the snapshot beside the differential.
//!
//! The compiled form has the facts of every element and none of the prose of R4, so a snapshot tells of an inherited
//! element what it demands and where its meaning is written.

use super::json::{Object, array, quoted};
use super::{Guide, Resource};
use crate::schema::{
    Constraint, Discriminator, ElementDef, Facts, Literal, Schema, Slicing, Strength, TypeKind, TypeRef,
    UNKNOWN,
};
use crate::tree::fhir::TypeId;
use serde_json::Value;
use std::collections::HashMap;

/// The text of a definition with its snapshot; that of any other resource, and of a definition that has one, as it is.
pub(super) fn complete(guide: &Guide, resource: &Resource) -> String {
    if resource.text("resourceType") != "StructureDefinition" || !resource.value["snapshot"].is_null() {
        return resource.text.clone();
    }
    let elements = if resource.is_logical() { listed(resource) } else { made(guide, resource) };
    let Some(open) = resource.text.trim_end().strip_suffix('}') else { return resource.text.clone() };
    let head = open.trim_end();
    format!(
        "{head},\n  \"snapshot\": {{\n    \"element\": [\n      {}\n    ]\n  }}\n}}\n",
        elements.join(",\n      ")
    )
}

/// A logical model lists all its elements; a snapshot says in addition what each has of its own.
fn listed(resource: &Resource) -> Vec<String> {
    let element = |element: &Value| {
        let text = |name: &str| element[name].as_str();
        let path = text("path").unwrap_or_default();
        let min = element["min"].as_u64().unwrap_or(0);
        let max = text("max").unwrap_or("1");
        let mut made = Object::default();
        for name in ["id", "extension", "path", "representation", "label", "short"] {
            made.copy(name, element);
        }
        made.text("definition", text("definition").or(text("short")).unwrap_or(path));
        made.copy("comment", element).copy("alias", element);
        made.raw("min", &min.to_string()).text("max", max);
        made.raw("base", &base(path, min, max));
        for name in ["contentReference", "type", "constraint", "binding"] {
            made.copy(name, element);
        }
        made.end()
    };
    resource.elements().map(element).collect()
}

fn made(guide: &Guide, resource: &Resource) -> Vec<String> {
    let Some(ty) = guide.schema.type_by_url(resource.text("url")) else { return Vec::new() };
    let mut stated: HashMap<&str, &Value> = HashMap::new();
    for definition in guide.line(resource) {
        for element in definition.elements() {
            let id = element["id"].as_str().unwrap_or_default();
            let kept = stated.entry(id).or_insert(element);
            // What is told nearest to the profile counts.
            if kept["short"].is_null() && !element["short"].is_null() {
                *kept = element;
            }
        }
    }
    let name = resource.text("type");
    let mut writer =
        Writer { schema: &guide.schema, core: guide.schema.type_named(name), stated, made: Vec::new() };
    writer.root(ty, name);
    writer.children(ty, name);
    writer.made
}

struct Writer<'g> {
    schema: &'g Schema,
    /// The type of FHIR that is constrained.
    core: Option<TypeId>,
    /// What the differentials say, by the id of the element.
    stated: HashMap<&'g str, &'g Value>,
    made: Vec<String>,
}

impl Writer<'_> {
    fn root(&mut self, ty: TypeId, name: &str) {
        let root = self.schema.root(ty);
        let mut made = Object::default();
        made.text("id", name).text("path", name);
        self.words(&mut made, name, name);
        made.raw("min", "0").text("max", "*").raw("base", &base(name, 0, "*"));
        let constraints: Vec<String> =
            self.schema.type_constraints(ty).into_iter().map(|it| self.constraint(name, it)).collect();
        made.list("constraint", &constraints);
        if let Some(root) = root {
            values(&mut made, &root.facts);
            modifier(&mut made, root.is_modifier());
        }
        self.made.push(made.end());
    }

    /// The depth is that of the definition, which the schema bounds.
    fn children(&mut self, owner: TypeId, above: &str) {
        for element in self.schema.elements(owner) {
            let name = self.schema.name_text(element.name);
            let choice = if element.is_choice() { "[x]" } else { "" };
            let slice = element.slice().map_or(String::new(), |slice| format!(":{slice}"));
            let id = format!("{above}.{name}{choice}{slice}");
            let body = element.body.map(|body| (body, self.schema.type_info(body).name));
            let below = |label: &str| label.split_once('.').map(|(_, rest)| rest.to_owned());
            let own = body.filter(|(_, label)| below(label) == below(&id));
            let other = body.filter(|_| own.is_none()).map(|(_, label)| label);
            self.element(owner, element, &id, other);
            if let Some((body, _)) = own {
                self.children(body, &id);
            }
        }
    }

    fn element(&mut self, owner: TypeId, element: &ElementDef, id: &str, other: Option<&str>) {
        let path: Vec<&str> = id.split('.').map(|step| step.split(':').next().unwrap_or(step)).collect();
        let path = path.join(".");
        let facts = element.facts();
        let mut made = Object::default();
        made.text("id", id).text("path", &path);
        if let Some(slice) = &facts.slice {
            made.text("sliceName", slice);
        }
        if let Some(slicing) = &facts.slicing {
            made.raw("slicing", &slicing_json(slicing));
        }
        self.words(&mut made, id, &path);
        let max = if element.max == u32::MAX { "*".to_owned() } else { element.max.to_string() };
        let least = self.core_min(&path);
        made.raw("min", &element.min.to_string()).text("max", &max);
        made.raw("base", &base(&base_path(&path), least, if element.is_list() { "*" } else { "1" }));
        if let Some(other) = other {
            made.text("contentReference", &format!("#{other}"));
        }
        let types: Vec<String> = element.types.iter().map(|ty| self.type_ref(ty)).collect();
        made.list("type", &types);
        values(&mut made, facts);
        let constraints: Vec<String> = self
            .schema
            .element_constraints(owner, element)
            .into_iter()
            .map(|it| self.constraint(id, it))
            .collect();
        made.list("constraint", &constraints);
        made.mark("mustSupport", element.is_must_support());
        modifier(&mut made, element.is_modifier());
        made.mark("isSummary", element.is_summary());
        if let Some(binding) = element.binding() {
            let mut bound = Object::default();
            bound.text("strength", strength(binding.strength));
            // A binding has a value set or says in words what the codes are.
            if binding.value_set.is_empty() {
                bound.text("description", "As in FHIR R4.");
            } else {
                bound.text("valueSet", &binding.value_set);
            }
            made.raw("binding", &bound.end());
        }
        self.made.push(made.end());
    }

    /// What the element means: what our own profiles say, otherwise where it is written.
    fn words(&self, made: &mut Object, id: &str, path: &str) {
        let stated = self.stated.get(id).copied().unwrap_or(&Value::Null);
        made.copy("short", stated).copy("_short", stated);
        let definition = stated["definition"].as_str().or(stated["short"].as_str());
        let inherited = || format!("As in FHIR R4: {path}.");
        made.text("definition", &definition.map_or_else(inherited, str::to_owned));
        made.copy("comment", stated);
    }

    fn constraint(&self, id: &str, constraint: &Constraint) -> String {
        let stated = self.stated.get(id).and_then(|element| element["constraint"].as_array());
        let own = stated.into_iter().flatten().find(|it| it["key"].as_str() == Some(&constraint.key));
        if let Some(own) = own {
            let mut made = Object::default();
            for name in ["key", "severity", "human", "_human", "expression", "source"] {
                made.copy(name, own);
            }
            return made.end();
        }
        let mut made = Object::default();
        made.text("key", &constraint.key)
            .text("severity", if constraint.is_error { "error" } else { "warning" });
        made.text("human", &constraint.human);
        if !constraint.expression.is_empty() {
            made.text("expression", &constraint.expression);
        }
        made.end()
    }

    fn type_ref(&self, ty: &TypeRef) -> String {
        let info = self.schema.type_info(ty.ty);
        let code = if info.kind == TypeKind::Logical && ty.ty != UNKNOWN { info.url } else { info.name };
        let urls = |urls: &[Box<str>]| urls.iter().map(|url| quoted(url)).collect::<Vec<_>>();
        let mut made = Object::default();
        made.text("code", code)
            .list("profile", &urls(&ty.profiles))
            .list("targetProfile", &urls(&ty.targets));
        made.end()
    }

    /// Least number of the element in the type of FHIR.
    fn core_min(&self, path: &str) -> u64 {
        let mut steps = path.split('.').skip(1).peekable();
        let mut ty = self.core;
        while let (Some(here), Some(step)) = (ty, steps.next()) {
            let stem = step.trim_end_matches("[x]");
            let found = self.schema.find(here, stem).map(|found| (found.element, Some(found.ty)));
            let found = found.or_else(|| self.schema.choice(here, stem).map(|element| (element, None)));
            let Some((element, below)) = found else { return 0 };
            if steps.peek().is_none() {
                return u64::from(element.min);
            }
            ty = below;
        }
        0
    }
}

fn base(path: &str, min: u64, max: &str) -> String {
    Object::default().text("path", path).raw("min", &min.to_string()).text("max", max).end()
}

/// The path under which R4 first has the element.
fn base_path(path: &str) -> String {
    let Some((above, name)) = path.rsplit_once('.') else { return path.to_owned() };
    let is_resource = !above.contains('.') && above != "Extension";
    let owner = match (name, is_resource) {
        ("id" | "meta" | "implicitRules" | "language", true) => "Resource",
        ("text" | "contained" | "extension" | "modifierExtension", true) => "DomainResource",
        ("id" | "extension", false) => "Element",
        ("modifierExtension", false) => "BackboneElement",
        _ => return path.to_owned(),
    };
    format!("{owner}.{name}")
}

fn values(made: &mut Object, facts: &Facts) {
    let all: [(&str, &Option<Literal>); 4] = [
        ("fixed", &facts.fixed),
        ("pattern", &facts.pattern),
        ("minValue", &facts.min_value),
        ("maxValue", &facts.max_value),
    ];
    for (name, literal) in all {
        if let Some(Literal { code, json }) = literal {
            made.raw(&format!("{name}{code}"), json);
        }
    }
    if let Some(max) = facts.max_length {
        made.raw("maxLength", &max.to_string());
    }
}

fn modifier(made: &mut Object, is_modifier: bool) {
    if is_modifier {
        made.raw("isModifier", "true").text("isModifierReason", "As in FHIR R4.");
    }
}

fn slicing_json(slicing: &Slicing) -> String {
    let discriminator =
        |it: &Discriminator| Object::default().text("type", &it.kind).text("path", &it.path).end();
    let all: Vec<String> = slicing.discriminators.iter().map(discriminator).collect();
    let mut made = Object::default();
    made.raw("discriminator", &array(&all)).mark("ordered", slicing.ordered).text("rules", &slicing.rules);
    made.end()
}

const fn strength(strength: Strength) -> &'static str {
    match strength {
        Strength::Required => "required",
        Strength::Extensible => "extensible",
        Strength::Preferred => "preferred",
        Strength::Example => "example",
    }
}
