//! Relations: what a rule of two paths becomes, and what its variables stand for.

use super::{Checked, Compiler, End, Side, Variable, Walked, kind_of};
use crate::diag::{Span, codes, nearest};
use crate::mapping::ast::{self, Body, Literal, Way, Word};
use crate::mapping::cover::{At, Cover};
use crate::mapping::program::{
    Block, Called, Content, Copied, Format, Leaf, Path, Pick, Primitive, Relation, Resource, Settled, Step,
};
use crate::schema::Schema;
use crate::tree::fhir::Form;
use crate::tree::{Kind, Name};

impl Compiler<'_> {
    pub(super) fn relate(&mut self, relate: &ast::Relate, number: usize, block: &mut Block) -> Checked<()> {
        let source = self.walk(Side::Source, &relate.source);
        let target = self.walk(Side::Target, &relate.target);
        let (source, target) = (source?, target?);
        let plain = relate.body.is_none() && relate.source_as.is_none() && relate.target_as.is_none();
        if !plain || relate.each {
            self.not_same(&source.path, relate.source.span)?;
        }
        if let Some(restating) = &relate.restating {
            let restatement = self.restatement(relate, restating, source, target, number)?;
            block.content.push((number, Content::Restate(Box::new(restatement))));
            return Some(());
        }
        if !plain {
            let relation = self.relation(relate, source, target, number)?;
            block.content.push((number, Content::Relate(Box::new(relation))));
            return Some(());
        }
        let complex = |end: &End| matches!(end.form, Form::Object | Form::Resource) && !end.is_text_element;
        let both_fhir = self.format == Format::Fhir && relate.via.is_empty() && relate.default.is_none();
        if complex(&source.end)
            || complex(&target.end)
            || (both_fhir && source.end.ty == target.end.ty && !relate.each)
        {
            if relate.way == Way::Forward {
                let message = "what is copied whole goes both ways".to_owned();
                self.fault(codes::LENS_TYPE, relate.span, message, "write `<->`, or derive single values");
                return None;
            }
            block.content.push((number, Content::Copy(self.copied(relate, source, target)?)));
            return Some(());
        }
        let plain_list = |walked: &Walked| {
            walked
                .path
                .steps
                .last()
                .is_some_and(|step| step.list && step.conditions.is_empty() && step.pick == Pick::All)
        };
        if relate.each || (plain_list(&source) && plain_list(&target) && relate.way == Way::Both) {
            let relation = self.each_leaf(relate, source, target, number)?;
            block.content.push((number, Content::Relate(Box::new(relation))));
            return Some(());
        }
        let leaf = self.leaf(relate, source, target)?;
        match relate.way {
            Way::Both => block.content.push((number, Content::Leaf(leaf))),
            Way::Forward => block.settled.push((number, Settled::Derived(leaf))),
        }
        Some(())
    }

    pub(super) fn copied(&mut self, relate: &ast::Relate, source: Walked, target: Walked) -> Checked<Copied> {
        let (from, to) =
            (self.schema.type_info(source.end.ty).name, self.schema.type_info(target.end.ty).name);
        let same = source.end.ty == target.end.ty;
        if !same || !relate.via.is_empty() || relate.default.is_some() {
            let message = format!("`{from}` on the left is not `{to}` on the right");
            let help = "relate their parts in a block: `… as a <-> … as b { … }`, or add `via`";
            self.fault(codes::LENS_TYPE, relate.span, message, help);
            return None;
        }
        if source.end.list && !target.end.list {
            self.many(relate.span);
            return None;
        }
        if target.path.steps.is_empty() || source.path.steps.is_empty() {
            let message = "a whole variable cannot be copied; use `rest`".to_owned();
            self.fault(codes::LENS_TYPE, relate.span, message, "");
            return None;
        }
        self.not_same(&source.path, relate.source.span)?;
        self.written(Side::Source, source.at, relate.span);
        self.written(Side::Target, target.at, relate.span);
        Some(Copied { source: source.path, target: target.path })
    }

    pub(super) fn many(&mut self, span: Span) {
        let message = "many values of the source cannot go into one place".to_owned();
        self.fault(
            codes::LENS_CARDINALITY,
            span,
            message,
            "use `each`, choose with `[first]`, or add a condition",
        );
    }

    /// Notes that a rule sets an element; two rules for one target element are a fault.
    pub(super) fn written(&mut self, side: Side, at: At, span: Span) {
        if side == Side::Source {
            self.sources.set_whole(at);
            return;
        }
        if let Some(before) = self.targets.write(at, span) {
            let line = self.text[..before.start as usize].matches('\n').count() + 1;
            let message = format!("`{}` is already set by the rule in line {line}", self.targets.path(at));
            self.fault(codes::LENS_CONFLICT, span, message, "");
        }
    }

    pub(super) fn leaf(&mut self, relate: &ast::Relate, source: Walked, target: Walked) -> Checked<Leaf> {
        let loose = |step: &Step| step.list && step.conditions.is_empty() && step.pick == Pick::All;
        if source.path.steps.iter().any(loose) {
            self.many(relate.source.span);
            return None;
        }
        self.note_same(&source.path, relate.source.span)?;
        self.leaf_of(relate, source, target)
    }

    pub(super) fn leaf_of(&mut self, relate: &ast::Relate, source: Walked, target: Walked) -> Checked<Leaf> {
        self.written(Side::Source, source.at, relate.span);
        self.written(Side::Target, target.at, relate.span);
        let (convert, otherwise) = self.conversions(relate, &source, &target)?;
        let default = match &relate.default {
            Some(literal) => Some(self.literal(literal)?.into()),
            None => None,
        };
        let source_kind = if source.end.is_text_element { Kind::Str } else { kind_of(source.end.form) };
        let primitive = self.primitive(target.end.ty);
        let own = Some(self.primitive(source.end.ty))
            .filter(|own| convert.is_empty() && *own != primitive && *own != Primitive::Text);
        Some(Leaf {
            source: source.path,
            target: target.path,
            convert,
            otherwise,
            default,
            primitive,
            own,
            source_kind,
        })
    }

    /// `each a.b <-> c.d` for lists of plain values.
    pub(super) fn each_leaf(
        &mut self,
        relate: &ast::Relate,
        source: Walked,
        target: Walked,
        number: usize,
    ) -> Checked<Relation> {
        let source_slot = self.new_slot(Side::Source, "");
        let target_slot = self.new_slot(Side::Target, "");
        self.lists(relate, &source, &target)?;
        let inner = |slot: usize| Path { slot, conditions: Vec::new(), steps: Vec::new() };
        let item =
            |walked: &Walked, slot: usize| Walked { path: inner(slot), at: walked.at, end: walked.end };
        let leaf = self.leaf_of(relate, item(&source, source_slot), item(&target, target_slot))?;
        let block = Block { content: vec![(number, Content::Leaf(leaf))], ..Block::default() };
        Some(Relation {
            each: true,
            source: source.path,
            source_slot,
            source_resource: None,
            target: target.path,
            target_slot,
            target_resource: None,
            key: Vec::new(),
            group: None,
            block,
        })
    }

    /// `each` of many needs a list to put them in.
    pub(super) fn lists(&mut self, relate: &ast::Relate, source: &Walked, target: &Walked) -> Checked<()> {
        let list = |walked: &Walked| walked.path.steps.iter().any(|step| step.list);
        if list(target) || !list(source) {
            return Some(());
        }
        let message = "`each` needs a list, but no step of the target repeats".to_owned();
        self.fault(codes::LENS_CARDINALITY, relate.target.span, message, "name the element that repeats");
        None
    }

    pub(super) fn relation(
        &mut self,
        relate: &ast::Relate,
        source: Walked,
        target: Walked,
        number: usize,
    ) -> Checked<Relation> {
        if relate.each {
            self.lists(relate, &source, &target)?;
        }
        let fresh = if relate.each { format!("each {number}") } else { String::new() };
        let (source_at, source_resource) =
            self.resource(Side::Source, relate.source_as.as_ref(), &source, &fresh)?;
        let (target_at, target_resource) =
            self.resource(Side::Target, relate.target_as.as_ref(), &target, &fresh)?;
        let scope = self.scope.len();
        let source_slot =
            self.bind_end(Side::Source, relate.source_as.as_ref(), source_at, source_resource.is_some())?;
        let target_slot =
            self.bind_end(Side::Target, relate.target_as.as_ref(), target_at, target_resource.is_some())?;
        let bound = self.scope[scope..].to_vec();
        let mut key = Vec::new();
        for path in &relate.key {
            key.push(self.walk(Side::Target, path)?.path);
        }
        let group = match &relate.body {
            Some(Body::Call(group, _)) => self.called(group),
            Some(Body::Rules(_)) | None => None,
        };
        let block = match &relate.body {
            Some(Body::Rules(rules)) => self.block(rules),
            Some(Body::Call(group, arguments)) => {
                let source = (source_slot, source_at, source_resource.is_some());
                self.call(group, arguments, source, (target_slot, target_at, target_resource.is_some()))?
            }
            None => self.direct(relate, number, (source_slot, source_at), (target_slot, target_at))?,
        };
        // A resource of one element stays known to the rules that follow, for `ref`; nothing else does.
        let kept: Vec<Variable> = bound
            .into_iter()
            .filter(|variable| variable.side == Side::Target && variable.is_resource && !relate.each)
            .collect();
        self.scope.truncate(scope);
        self.scope.extend(kept);
        // A group may serve lists and single elements alike; one element needs no alignment.
        let each = relate.each && source.path.steps.iter().any(|step| step.list);
        Some(Relation {
            each,
            source: source.path,
            source_slot,
            source_resource,
            target: target.path,
            target_slot,
            target_resource,
            key,
            group,
            block,
        })
    }

    /// Variables without a body: their values are the same.
    pub(super) fn direct(
        &mut self,
        relate: &ast::Relate,
        number: usize,
        source: (usize, At),
        target: (usize, At),
    ) -> Checked<Block> {
        let walked = |cover: &Cover, schema: &Schema, (slot, at): (usize, At)| {
            let ty = cover.ty(at);
            let end = End {
                ty,
                form: schema.form(ty),
                list: false,
                is_text_element: schema.find(ty, "text()").is_some(),
            };
            Walked { path: Path { slot, conditions: Vec::new(), steps: Vec::new() }, at, end }
        };
        let source = walked(&self.sources, self.schema, source);
        let target = walked(&self.targets, self.schema, target);
        let leaf = self.leaf_of(relate, source, target)?;
        Some(Block { content: vec![(number, Content::Leaf(leaf))], ..Block::default() })
    }

    pub(super) fn bind_end(
        &mut self,
        side: Side,
        binding: Option<&ast::Binding>,
        at: At,
        is_resource: bool,
    ) -> Checked<usize> {
        match binding {
            Some(binding) => self.bind(&binding.variable, side, at, is_resource),
            None => Some(self.new_slot(side, "")),
        }
    }

    /// What `as Type x` makes of the end of a path.
    pub(super) fn resource(
        &mut self,
        side: Side,
        binding: Option<&ast::Binding>,
        walked: &Walked,
        fresh: &str,
    ) -> Checked<(At, Option<Resource>)> {
        let Some(binding) = binding else { return Some((walked.at, None)) };
        let Some(kind) = &binding.resource else {
            return Some((self.fresh(side, walked, fresh, &binding.variable), None));
        };
        let ty = self.schema.type_named(&kind.text).filter(|ty| self.schema.type_info(*ty).is_resource());
        let Some(ty) = ty else {
            let names: Vec<&str> = self.schema.all_types().map(|ty| self.schema.type_info(ty).name).collect();
            let help =
                nearest(&kind.text, names).map_or_else(String::new, |near| format!("did you mean `{near}`?"));
            self.fault(codes::LENS_ELEMENT, kind.span, format!("`{}` is no resource type", kind.text), &help);
            return None;
        };
        let by_reference = self.schema.type_info(walked.end.ty).name == "Reference";
        if !by_reference && walked.end.form != Form::Resource {
            let message = "a resource stands where a Reference or a resource does".to_owned();
            self.fault(codes::LENS_TYPE, kind.span, message, "");
            return None;
        }
        let cover = if side == Side::Source { &mut self.sources } else { &mut self.targets };
        // A place that holds a resource already, or one of several that conditions tell apart, has another beside it.
        let is_another = side == Side::Target
            && fresh.is_empty()
            && (cover.ty(walked.at) != walked.end.ty || !binding.conditions.is_empty());
        let at = if by_reference || is_another {
            cover.set_whole(walked.at);
            cover.root(ty, &binding.variable.text, binding.variable.span)
        } else {
            let at = self.fresh(side, walked, fresh, &binding.variable);
            let cover = if side == Side::Source { &mut self.sources } else { &mut self.targets };
            cover.set_type(at, ty);
            at
        };
        let cover = if side == Side::Source { &mut self.sources } else { &mut self.targets };
        let word = Word { text: "resourceType".to_owned(), span: kind.span };
        let leaf = self.schema.type_named("code").unwrap_or(ty);
        let kind_at = cover.child(at, Name::RESOURCE_TYPE, "", leaf, &word);
        cover.set_whole(kind_at);
        let (conditions, _) = self.conditions(side, at, &binding.conditions)?;
        Some((at, Some(Resource { kind: kind.text.as_str().into(), by_reference, conditions })))
    }

    /// Items of different `each` rules are different elements.
    pub(super) fn fresh(&mut self, side: Side, walked: &Walked, fresh: &str, word: &Word) -> At {
        let cover = if side == Side::Source { &mut self.sources } else { &mut self.targets };
        // On the source side `each` reads the very elements the path names; on the target side it makes its own.
        if side == Side::Source || fresh.is_empty() {
            return walked.at;
        }
        let name = walked.path.steps.last().map_or(Name::NONE, |step| step.name);
        let copy = cover.child_of_parent(walked.at, name, fresh, walked.end.ty, word);
        cover.set_whole(walked.at);
        copy
    }

    /// A slot for a variable, whose name is empty where the lens gives it none.
    pub(super) fn new_slot(&mut self, side: Side, name: &str) -> usize {
        let names = if side == Side::Source { &mut self.source_names } else { &mut self.target_names };
        names.push(name.into());
        names.len() - 1
    }

    fn called(&self, word: &Word) -> Option<Called> {
        let group = self.lens.groups.iter().find(|group| group.name.text == word.text)?;
        let name = |word: &Word| word.text.as_str().into();
        Some(Called { name: name(&group.name), source: name(&group.source), target: name(&group.target) })
    }

    pub(super) fn call(
        &mut self,
        word: &Word,
        arguments: &[Literal],
        source: (usize, At, bool),
        target: (usize, At, bool),
    ) -> Checked<Block> {
        let Some(group) = self.lens.groups.iter().find(|group| group.name.text == word.text) else {
            let names = self.lens.groups.iter().map(|group| group.name.text.as_str());
            let help =
                nearest(&word.text, names).map_or_else(String::new, |near| format!("did you mean `{near}`?"));
            self.fault(codes::LENS_NAME, word.span, format!("there is no group `{}`", word.text), &help);
            return None;
        };
        if self.groups_open.contains(&word.text) {
            let message = format!("the group `{}` uses itself", word.text);
            self.fault(
                codes::LENS_NAME,
                word.span,
                message,
                "a lens has no recursion; write out the levels you need",
            );
            return None;
        }
        if arguments.len() != group.parameters.len() {
            let message = format!(
                "`{}` takes {} arguments, not {}",
                word.text,
                group.parameters.len(),
                arguments.len()
            );
            self.fault(codes::LENS_NAME, word.span, message, "");
            return None;
        }
        let mut parameters = Vec::new();
        for (parameter, argument) in group.parameters.iter().zip(arguments) {
            let text = self.literal(argument)?;
            parameters.push((parameter.text.clone(), Word { text, span: argument.word().span }));
        }
        // A group sees its own two variables and none of its caller's.
        let variable = |word: &Word, side: Side, (slot, at, is_resource): (usize, At, bool)| Variable {
            name: word.text.clone(),
            side,
            slot,
            at,
            is_resource,
        };
        let inside = vec![
            variable(&group.source, Side::Source, source),
            variable(&group.target, Side::Target, target),
        ];
        let scope = std::mem::replace(&mut self.scope, inside);
        let outer = std::mem::replace(&mut self.parameters, parameters);
        self.groups_open.push(word.text.clone());
        let block = self.block(&group.rules);
        self.groups_open.pop();
        self.parameters = outer;
        self.scope = scope;
        Some(block)
    }
}
