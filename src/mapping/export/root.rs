//! The map as a whole: its head, and the group that it starts with.

use super::draft::{Draft, expression, rules, text};
use super::group::{capitalized, group};
use super::place::Chain;
use super::{Direction, Exported, Exporter, Frame, Shares, Var, wrap};
use crate::mapping::fml::model::{
    Group, Input, InputMode, Literal, Map, Metadata, Origin, Structure, StructureMode, Text,
};
use crate::mapping::program::{Condition, Content, Root};
use crate::schema::{TypeKind, UNKNOWN};
use crate::tree::Name;
use crate::tree::fhir::TypeId;

impl<'a> Exporter<'a> {
    /// One map, or for documents of several types one for each.
    pub(super) fn maps(&mut self) -> Vec<Exported> {
        let program = self.program;
        let types: Vec<TypeId> = program.roots.iter().map(|root| self.written_type(root)).collect();
        let mut kinds = types.clone();
        kinds.dedup();
        let mut maps = Vec::new();
        for kind in &kinds {
            let roots: Vec<&'a Root> = program
                .roots
                .iter()
                .zip(&types)
                .filter(|(_, ty)| *ty == kind)
                .map(|(root, _)| root)
                .collect();
            let further = if kinds.len() > 1 {
                format!("-{}", self.schema.type_info(*kind).name.to_lowercase())
            } else {
                String::new()
            };
            maps.push(self.one_map(&roots, *kind, &further));
        }
        maps
    }

    fn one_map(&mut self, roots: &[&'a Root], written: TypeId, further: &str) -> Exported {
        (self.groups, self.shares, self.codes) = (Vec::new(), Shares::default(), super::Codes::default());
        let name = format!("{}{further}", self.direction.word());
        let slug = self.program.url.rsplit('/').next().unwrap_or("lens").to_owned();
        let title: String = format!("{slug}-{name}").split('-').map(capitalized).collect();
        let main = self.main(roots, written, &title);
        let mut groups = vec![main];
        groups.extend(std::mem::take(&mut self.groups).into_iter().rev());
        self.shares.drop_lone(&mut groups);
        wrap::wrap(&mut groups);
        let base = self.program.url.strip_suffix(&format!("lens/{slug}")).unwrap_or(&self.program.url);
        let url = format!("{base}StructureMap/{slug}-{name}");
        let map = Map {
            concept_maps: self.codes.concept_maps(&url),
            url: Some(text(&url)),
            name: Some(text(&title)),
            metadata: self.metadata(),
            structures: self.structures(roots, written),
            groups,
            ..Map::default()
        };
        Exported { name, map }
    }

    fn metadata(&self) -> Vec<Metadata> {
        let statement = |name: &str, value: &str| Metadata {
            path: vec![name.to_owned()],
            value: Some(Literal::String(value.to_owned())),
            origin: Origin::default(),
        };
        let what = match self.direction {
            Direction::Forward => "What `get` of the lens does: from a document to resources.",
            Direction::Backward => "What `create` of the lens does: from resources to a new document.",
        };
        vec![
            statement("title", &self.program.title),
            statement("version", &self.program.version),
            statement("status", "active"),
            statement("description", &format!("Made from {}. {what}", self.program.url)),
        ]
    }

    fn structures(&self, roots: &[&'a Root], written: TypeId) -> Vec<Structure> {
        let structure = |ty: TypeId, mode| Structure {
            url: text(self.schema.type_info(ty).url),
            alias: Some(self.alias_of(ty)),
            mode,
            documentation: None,
            origin: Origin::default(),
        };
        let read = self.read_type(roots);
        vec![structure(read, StructureMode::Source), structure(written, StructureMode::Target)]
    }

    /// What a definition is called in the map.
    fn alias_of(&self, ty: TypeId) -> Text {
        let info = self.schema.type_info(ty);
        let last = info.name.rsplit('/').next().unwrap_or(info.name);
        text(&last.split('-').map(capitalized).collect::<String>())
    }

    /// The type that a map with these roots reads.
    fn read_type(&self, roots: &[&'a Root]) -> TypeId {
        let of = |root: &&Root| match self.direction {
            Direction::Forward => self.type_of(&root.source_conditions, TypeId(self.program.source_type)),
            Direction::Backward => self.type_of(&root.target_conditions, self.type_named("Bundle")),
        };
        let mut types: Vec<TypeId> = roots.iter().map(of).collect();
        types.dedup();
        match types.as_slice() {
            [one] => *one,
            _ => TypeId(self.program.source_type),
        }
    }

    fn written_type(&self, root: &Root) -> TypeId {
        match self.direction {
            Direction::Forward => self.type_of(&root.target_conditions, self.type_named("Bundle")),
            Direction::Backward => self.type_of(&root.source_conditions, TypeId(self.program.source_type)),
        }
    }

    /// The type that `[resourceType = "…"]` names.
    fn type_of(&self, conditions: &[Condition], declared: TypeId) -> TypeId {
        let named = conditions.iter().find_map(|condition| match condition {
            Condition::Equals(steps, kind)
                if steps.iter().map(|step| step.name).eq([Name::RESOURCE_TYPE]) =>
            {
                self.schema.type_named(kind)
            }
            _ => None,
        });
        named.unwrap_or(declared)
    }

    /// The first group: it tells which of the maps of the lens a document is for.
    fn main(&mut self, roots: &[&'a Root], written: TypeId, title: &str) -> Group {
        let read = self.read_type(roots);
        let Some(first) = roots.first() else { return group(title, Vec::new(), Vec::new()) };
        let inputs = |exporter: &mut Self, root: &Root, ty: TypeId| {
            exporter.frame = Frame::default();
            let (read_slot, write_slot) = exporter.root_slots(root);
            let names = [(super::Side::Read, read_slot), (super::Side::Write, write_slot)];
            let [from, to] = names.map(|(side, slot)| exporter.called(side, slot).to_owned());
            let (from, to) = (exporter.var(&from, ty), exporter.var(&to, written));
            exporter.reads[read_slot] = Some(from.clone());
            exporter.writes[write_slot] = Some(to.clone());
            exporter.bundle = write_slot;
            (from, to)
        };
        if let [only] = roots {
            let (from, to) = inputs(self, only, read);
            let made = self.root_rules(only, &from, &to);
            let Some(asked) = self.asked_of(only) else {
                return group(title, self.typed(&from, read, &to, written), rules(made));
            };
            let mut draft = Draft::on(&from.name);
            draft.source.check = Some(expression(&asked));
            draft.rules = made;
            return group(title, self.typed(&from, read, &to, written), rules(vec![draft]));
        }
        let mut drafts = Vec::new();
        for root in roots {
            let ty = self.read_type(&[root]);
            let (from, to) = inputs(self, root, ty);
            let asked = self.asked_of(root);
            let made = self.root_rules(root, &from, &to);
            let name = self.free_group(&format!("From{}", self.schema.type_info(ty).name));
            self.groups.push(group(&name, self.typed(&from, ty, &to, written), rules(made)));
            drafts.push((name, asked));
        }
        let (from, to) = inputs(self, first, read);
        let calling = |(name, condition): (String, Option<String>)| {
            let mut draft = Draft::guarded(&from.name, condition.as_deref());
            draft.calls.push(super::draft::call(&name, &[from.name.clone(), to.name.clone()]));
            draft
        };
        let made = drafts.into_iter().map(calling).collect();
        group(title, self.typed(&from, read, &to, written), rules(made))
    }

    const fn root_slots(&self, root: &Root) -> (usize, usize) {
        match self.direction {
            Direction::Forward => (root.source_slot, root.target_slot),
            Direction::Backward => (root.target_slot, root.source_slot),
        }
    }

    /// The condition for which a root is: its own, and none of those before it.
    fn asked_of(&self, root: &Root) -> Option<String> {
        let before = self.program.roots.iter().take_while(|other| !std::ptr::eq(*other, root));
        let refused = before.filter_map(|other| Some(format!("iif({}, false, true)", self.asked(other)?)));
        let all: Vec<String> = refused.chain(self.asked(root)).collect();
        (!all.is_empty()).then(|| all.join(" and "))
    }

    fn asked(&self, root: &Root) -> Option<String> {
        let conditions = match self.direction {
            Direction::Forward => &root.source_conditions,
            Direction::Backward => &root.target_conditions,
        };
        self.conditions(None, conditions).or_else(|| self.nothing_of_later(root))
    }

    /// Of roots that no condition tells apart a lens takes the first that holds all resources that are there: none is
    /// of a kind that only a later one has.
    fn nothing_of_later(&self, root: &Root) -> Option<String> {
        if self.direction == Direction::Forward {
            return None;
        }
        let own = self.placed(root);
        let later = self.program.roots.iter().skip_while(|other| !std::ptr::eq(*other, root)).skip(1);
        let others = later.flat_map(|other| self.placed(other)).filter(|kind| !own.contains(kind));
        let asked: Vec<String> = others.map(|kind| format!("{kind}.empty()")).collect();
        (!asked.is_empty()).then(|| asked.join(" and "))
    }

    /// Where the rules of a root have resources of their own entries, as expressions.
    fn placed(&self, root: &Root) -> Vec<String> {
        let placed = |content: &Content| match content {
            Content::Relate(relation) if relation.target.slot == root.target_slot => {
                let resource = relation.target_resource.as_ref().filter(|resource| !resource.by_reference)?;
                Some(self.steps_to(None, &relation.target.steps, Some(resource)))
            }
            Content::Relate(_)
            | Content::Leaf(_)
            | Content::Copy(_)
            | Content::Rest(_)
            | Content::Restate(_) => None,
        };
        root.block.content.iter().filter_map(|(_, content)| placed(content)).collect()
    }

    fn typed(&self, from: &Var, read: TypeId, to: &Var, written: TypeId) -> Vec<Input> {
        let input = |mode, var: &Var, ty: TypeId| Input {
            mode,
            name: text(&var.name),
            type_name: (ty != UNKNOWN).then(|| match self.schema.type_info(ty).kind {
                TypeKind::Logical => self.alias_of(ty),
                TypeKind::Complex | TypeKind::Primitive | TypeKind::Resource | TypeKind::Body => {
                    text(self.schema.type_info(ty).name)
                }
            }),
            documentation: None,
            origin: Origin::default(),
        };
        vec![input(InputMode::Source, from, read), input(InputMode::Target, to, written)]
    }

    fn root_rules(&mut self, root: &'a Root, from: &Var, to: &Var) -> Vec<Draft> {
        let stated = match self.direction {
            Direction::Forward => &root.target_conditions,
            Direction::Backward => &root.source_conditions,
        };
        self.root = Some(root);
        self.note_restating(root);
        let mut made = Vec::new();
        let mut chain = Chain::default();
        self.scoped(|this| this.meet(&mut chain, to, stated));
        if !chain.targets.is_empty() {
            let mut draft = Draft::on(&from.name);
            draft.targets = chain.targets;
            made.push(draft);
        }
        let block = &root.block;
        let hoisted = self.hoist(block);
        let content = self.content(block, from);
        made.extend(content.now);
        self.enclosing.push(block);
        made.extend(self.scoped(|this| this.settle(&block.settled, from, None, None, content.late)));
        self.enclosing.pop();
        made.extend(self.lone_item(root, from, to));
        hoisted.around(made, from)
    }

    fn free_group(&self, name: &str) -> String {
        let mut free = name.to_owned();
        let mut number = 2;
        while self.groups.iter().any(|group| group.name.text == free) {
            free = format!("{name}{number}");
            number += 1;
        }
        free
    }
}
