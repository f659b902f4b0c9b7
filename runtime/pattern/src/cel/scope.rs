//! The names that the expressions of one entry may use.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use cel_core::CelType;

use super::registry::{Names, Registry};
use super::secret::Secrecy;
use super::{Checked, Origin, Origins, Root};
use crate::cost::{ASSUMED, Extent, Owner, Place as Lies, Role, Size, of_text};
use crate::kinds;
use crate::model::Text;
use crate::schema::{Field, Object, Rest, Schema, Shape};
use crate::source::Span;

/// The variables of one entry with their types. Cloning is cheap; clones share what neither of them changes.
#[derive(Debug, Clone)]
pub struct Scope {
    pub(super) registry: Arc<Registry>,
    object: Arc<Schema>,
    /// Whose the object's schema is.
    owner: Owner,
    inputs: Names,
    hook: Names,
    vars: Names,
    children: Names,
    reads: Names,
    /// Variables of some places only: `self`, `item`, `key`, `now`.
    locals: BTreeMap<String, CelType>,
    /// Those of `locals` that stand for an element of `forEach`.
    element: Vec<String>,
    /// Keys of `data` that the templates of children always write, by the children's ids.
    written: Arc<BTreeMap<String, BTreeSet<String>>>,
    /// What is not open, by the variable or the name below `children`, `reads` or `vars`.
    secret: Arc<BTreeMap<String, Secrecy>>,
    /// What flows into variables: elements of `forEach`, and names below `vars`.
    origins: Arc<BTreeMap<String, Origins>>,
    /// How large variables may be, by their own name or the one below `inputs`, `vars`, `children`, `reads` or `hook`.
    extents: Arc<BTreeMap<String, Extent>>,
    /// The expressions know the object and nothing else.
    alone: bool,
    /// What was read in this scope and in those that were made of it; none: nobody will ask.
    trail: Option<Trail>,
}

/// The places of strings, each with the scope that its expressions were checked in.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trail(Arc<Mutex<Vec<(Span, Scope)>>>);

impl Trail {
    /// All of them, in the order in which they were read.
    pub(crate) fn take(&self) -> Vec<(Span, Scope)> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The longest name of a variable, and the longest key of a child that another expression goes through, in bytes.
const MOST_OF_A_KEY: u64 = 253;

/// The variables that every place has, and those that some have.
const ROOTS: [&str; 13] = [
    "object", "metadata", "spec", "status", "inputs", "vars", "children", "reads", "hook", "self", "item", "key", "now",
];

/// Whether a name is one of the language's variables, so that no other may have it.
pub(crate) fn is_root(name: &str) -> bool {
    ROOTS.contains(&name)
}

/// How many objects a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// One object.
    One,
    /// One that may be missing.
    Optional,
    /// A list of objects.
    List,
    /// Objects by their keys.
    Map,
}

/// What is known of objects that expressions may use.
#[derive(Debug, Clone, Copy)]
pub struct Objects<'a> {
    /// The schema of their kind; none: not known.
    pub schema: Option<&'a Schema>,
    /// Whether they live in namespaces.
    pub namespaced: bool,
    /// Whether they are of the kind Secret.
    pub secret: bool,
    /// How many there are.
    pub count: Count,
}

impl Scope {
    /// The scope of a primary whose version has this `openAPIV3Schema`.
    pub fn new(primary: &Schema, namespaced: bool) -> Scope {
        Scope {
            owner: Owner::Crd,
            registry: Arc::default(),
            object: Arc::new(whole_object(primary, namespaced)),
            inputs: Arc::default(),
            hook: Arc::default(),
            vars: Arc::default(),
            children: Arc::default(),
            reads: Arc::default(),
            locals: BTreeMap::new(),
            element: Vec::new(),
            written: Arc::default(),
            secret: Arc::default(),
            origins: Arc::default(),
            extents: Arc::default(),
            alone: false,
            trail: None,
        }
    }

    /// This scope, whose primary's schema is not the pattern's to change.
    #[must_use]
    pub(crate) fn of_others(self) -> Scope {
        Scope { owner: Owner::Others, ..self }
    }

    /// This scope, which from now on keeps in mind what is read in it.
    #[must_use]
    pub(crate) fn keeping(self, trail: Option<&Trail>) -> Scope {
        Scope { trail: trail.cloned(), ..self }
    }

    /// Expressions of the string at `span` are read in this scope.
    pub(crate) fn read(&self, span: Span) {
        if let Some(trail) = &self.trail {
            // Without its own trail, or the two would keep each other alive.
            let scope = Scope { trail: None, ..self.clone() };
            trail.0.lock().unwrap_or_else(PoisonError::into_inner).push((span, scope));
        }
    }

    /// The object as expressions see it.
    pub(crate) fn object(&self) -> &Arc<Schema> {
        &self.object
    }

    /// The scope of a conversion, whose expressions know the object alone, as far as a conversion sees it.
    pub fn of_conversion(object: &Arc<Schema>) -> Scope {
        let mut scope = Scope::new(&Schema::default(), false);
        scope.object = object.clone();
        scope.alone = true;
        scope
    }

    /// This scope with `item`, an item of a list.
    pub fn with_item(&self, schema: &Arc<Schema>) -> Scope {
        let ty = self.registry.type_of("item", schema);
        let mut scope = self.with("item", ty, Secrecy::Open);
        scope.measure("item", schema, Owner::Crd, Role::Plain);
        scope.element = vec!["item".to_owned()];
        scope
    }

    /// Declares `inputs.<name>`. An input always has a value: its default or the Komposer's.
    pub fn add_input(&mut self, name: &str, schema: &Arc<Schema>) {
        let ty = self.registry.type_of(&format!("inputs.{name}"), schema);
        Arc::make_mut(&mut self.inputs).insert(name.to_owned(), (ty, schema.may_be_null() && schema.nullable));
        self.measure(&format!("inputs.{name}"), schema, Owner::Input, Role::Plain);
    }

    /// Declares `hook.<name>`. The hook gives it before anything is evaluated; it may have read a secret.
    pub fn add_hook(&mut self, name: &str, schema: &Arc<Schema>) {
        let ty = self.registry.type_of(&format!("hook.{name}"), schema);
        Arc::make_mut(&mut self.hook).insert(name.to_owned(), (ty, schema.may_be_null() && schema.nullable));
        self.measure(&format!("hook.{name}"), schema, Owner::Hook, Role::Plain);
        self.set_secrecy("hook", Secrecy::Secret);
        Arc::make_mut(&mut self.origins).insert("hook".to_owned(), [Origin::of(Root::Hook, &[])].into());
    }

    /// Declares `vars.<name>` whose value is one expression.
    pub fn add_var(&mut self, name: &str, value: &Checked) {
        Arc::make_mut(&mut self.vars).insert(name.to_owned(), (value.ty.clone(), value.path));
        Arc::make_mut(&mut self.extents).insert(format!("vars.{name}"), value.cost.extent.clone());
        self.set_secrecy(&format!("vars.{name}"), value.secrecy);
        Arc::make_mut(&mut self.origins).insert(format!("vars.{name}"), value.origins.clone());
    }

    /// Declares `vars.<name>` whose value is a longer string.
    pub fn add_text_var(&mut self, name: &str, secrecy: Secrecy, origins: BTreeSet<Origin>) {
        Arc::make_mut(&mut self.vars).insert(name.to_owned(), (CelType::String, false));
        self.set_secrecy(&format!("vars.{name}"), secrecy);
        Arc::make_mut(&mut self.origins).insert(format!("vars.{name}"), origins);
    }

    /// Declares `vars.<name>` whose expression is wrong, so that its uses bring no further problems.
    pub fn add_unknown_var(&mut self, name: &str) {
        Arc::make_mut(&mut self.vars).insert(name.to_owned(), (CelType::Dyn, false));
        Arc::make_mut(&mut self.extents).insert(format!("vars.{name}"), Extent::Scalar);
    }

    /// Declares `children.<id>`.
    pub fn add_child(&mut self, id: &str, objects: Objects<'_>) {
        let ty = self.objects(&format!("children.{id}"), objects);
        Arc::make_mut(&mut self.children).insert(id.to_owned(), ty);
    }

    /// Declares keys below `data` that the template of a child always writes. Its object has them, but for what others took out
    /// of it.
    pub fn add_written(&mut self, id: &str, keys: BTreeSet<String>) {
        Arc::make_mut(&mut self.written).insert(id.to_owned(), keys);
    }

    /// Whether the template of a child always writes this key of its `data`.
    pub(super) fn is_written(&self, id: &str, key: &str) -> bool {
        self.written.get(id).is_some_and(|keys| keys.contains(key))
    }

    /// Declares `reads.<id>`.
    pub fn add_read(&mut self, id: &str, objects: Objects<'_>) {
        let ty = self.objects(&format!("reads.{id}"), objects);
        Arc::make_mut(&mut self.reads).insert(id.to_owned(), ty);
    }

    fn objects(&mut self, name: &str, objects: Objects<'_>) -> (CelType, bool) {
        let open =
            Schema { shape: Shape::Object(Object { rest: Rest::Anything, ..Object::default() }), ..Schema::default() };
        let schema = Arc::new(whole_object(objects.schema.unwrap_or(&open), objects.namespaced));
        let one = self.registry.type_of(name, &schema);
        let size = Extent::Of(Lies::new(schema.clone(), name, Owner::Others, Role::Whole));
        let size = match objects.count {
            Count::One | Count::Optional => size,
            Count::List => Extent::List { len: Size::known(ASSUMED), item: Arc::new(size), total: None },
            Count::Map => {
                let key = Arc::new(Extent::plain(MOST_OF_A_KEY));
                Extent::Map { len: Size::known(ASSUMED), key, value: Arc::new(size), total: None }
            }
        };
        Arc::make_mut(&mut self.extents).insert(name.to_owned(), size);
        let many = matches!(objects.count, Count::List | Count::Map);
        if objects.secret {
            self.set_secrecy(name, if many { Secrecy::Objects } else { Secrecy::Object });
        }
        let ty = match objects.count {
            Count::One | Count::Optional => one,
            Count::List => CelType::list(one),
            Count::Map => CelType::map(CelType::String, one),
        };
        (ty, objects.count == Count::Optional)
    }

    /// This scope with `now`.
    pub fn with_now(&self) -> Scope {
        self.with("now", CelType::Timestamp, Secrecy::Open)
    }

    /// This scope with `self`, one object of the child `id`.
    pub fn with_self(&self, id: &str) -> Scope {
        let ty = match self.children.get(id) {
            Some((CelType::Map(_, one), _)) => CelType::clone(one),
            Some((ty, _)) => ty.clone(),
            None => CelType::Dyn,
        };
        let secrecy = match self.secrecy(&format!("children.{id}")) {
            Secrecy::Objects => Secrecy::Object,
            secrecy => secrecy,
        };
        let mut scope = self.with("self", ty.clone(), secrecy);
        if let Some(extent) = self.extents.get(&format!("children.{id}")) {
            let one = if matches!(extent, Extent::Map { .. }) { extent.item() } else { extent.clone() };
            Arc::make_mut(&mut scope.extents).insert("self".to_owned(), one);
        }
        scope
    }

    /// This scope with `key`, `item` and the name that `as` gives the same, for elements of that type, out of `range`.
    pub fn with_element(&self, ty: &CelType, secrecy: Secrecy, range: &BTreeSet<Origin>, name: Option<&str>) -> Scope {
        let mut scope = self.with("key", CelType::String, Secrecy::Open);
        scope.element = vec!["key".to_owned()];
        let computed = |origin: &Origin| Origin { whole: false, ..origin.clone() };
        Arc::make_mut(&mut scope.origins).insert("key".to_owned(), range.iter().map(computed).collect());
        for name in ["item"].into_iter().chain(name) {
            scope = scope.with(name, ty.clone(), secrecy);
            Arc::make_mut(&mut scope.origins).insert(name.to_owned(), range.clone());
            scope.element.push(name.to_owned());
        }
        scope
    }

    /// Says how large an element of `range` and its key may be; `key` is the path of the field that it is known by.
    pub(crate) fn measure_element(&mut self, range: &Extent, name: Option<&str>, key: Option<&str>) {
        let item = range.item();
        let known = match key {
            Some(path) => path.split('.').fold(item.clone(), |extent, field| extent.field(field)),
            None => range.each(),
        };
        Arc::make_mut(&mut self.extents).insert("key".to_owned(), Extent::text_of(known.text()));
        for name in ["item"].into_iter().chain(name) {
            Arc::make_mut(&mut self.extents).insert(name.to_owned(), item.clone());
        }
    }

    /// Says how large the text of a variable may be.
    pub(crate) fn measure_text(&mut self, name: &str, value: &Text) {
        Arc::make_mut(&mut self.extents).insert(format!("vars.{name}"), of_text(value).extent);
    }

    fn measure(&mut self, name: &str, schema: &Arc<Schema>, owner: Owner, role: Role) {
        Arc::make_mut(&mut self.extents)
            .insert(name.to_owned(), Extent::Of(Lies::new(schema.clone(), name, owner, role)));
    }

    /// How large a variable may be; `name` is its own, or the one below `children`, `inputs` and the like behind a dot.
    pub(super) fn extent(&self, name: &str) -> Option<Extent> {
        if let Some(extent) = self.extents.get(name) {
            return Some(extent.clone());
        }
        let object = || Extent::Of(Lies::new(self.object.clone(), "", self.owner, Role::Whole));
        match name {
            "object" => Some(object()),
            "metadata" | "spec" | "status" => Some(object().field(name)),
            "now" => Some(Extent::Scalar),
            "inputs" | "hook" | "vars" | "children" | "reads" => {
                let below = self
                    .extents
                    .iter()
                    .filter(|(other, _)| other.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')));
                let all: Vec<Extent> = below.map(|(_, extent)| extent.clone()).collect();
                let key = Arc::new(Extent::plain(MOST_OF_A_KEY));
                let len = Size::known(all.len() as u64);
                Some(Extent::Map { len, key, value: Arc::new(Extent::one_of(all)), total: None })
            }
            _ => None,
        }
    }

    fn with(&self, name: &str, ty: CelType, secrecy: Secrecy) -> Scope {
        let mut scope = self.clone();
        scope.locals.insert(name.to_owned(), ty);
        scope.set_secrecy(name, secrecy);
        scope
    }

    fn set_secrecy(&mut self, name: &str, secrecy: Secrecy) {
        if secrecy != Secrecy::Open {
            Arc::make_mut(&mut self.secret).insert(name.to_owned(), secrecy);
        }
    }

    /// What of a variable is secret; `name` is its own, or the one below `children`, `reads` or `vars` behind a dot.
    pub(super) fn secrecy(&self, name: &str) -> Secrecy {
        self.secret.get(name).copied().unwrap_or_default()
    }

    /// What flows into a variable; `name` is its own, or the one below `children`, `reads` or `vars` behind a dot. Inputs are the
    /// composer's, and so flow from nowhere.
    pub(super) fn origins(&self, name: &str) -> Origins {
        if let Some(origins) = self.origins.get(name) {
            return origins.clone();
        }
        let child = |id: &str| Origin::of(Root::Child(id.to_owned()), &[]);
        let read = |id: &str| Origin::of(Root::Read(id.to_owned()), &[]);
        match (name, name.split_once('.')) {
            (_, Some(("children", id))) => [child(id)].into(),
            (_, Some(("reads", id))) => [read(id)].into(),
            ("object", _) => [Origin::of(Root::Object, &[])].into(),
            ("metadata" | "spec" | "status", _) => [Origin::of(Root::Object, &[name])].into(),
            ("children", _) => self.children.keys().map(|id| child(id)).collect(),
            ("reads", _) => self.reads.keys().map(|id| read(id)).collect(),
            ("vars", _) => self.vars.keys().flat_map(|var| self.origins(&format!("vars.{var}"))).collect(),
            _ => Origins::new(),
        }
    }

    /// The schema of a type of objects.
    pub(crate) fn schema_of(&self, message: &str) -> Option<Arc<Schema>> {
        self.registry.schema(message)
    }

    /// Whether a variable stands for an element of `forEach`.
    pub(crate) fn is_element(&self, name: &str) -> bool {
        self.element.iter().any(|element| element == name)
    }

    /// Whether the primary's schema has a field of that name at its root.
    pub(crate) fn has_root_field(&self, name: &str) -> bool {
        self.object.field(name).is_some()
    }

    /// The names of `inputs`.
    pub fn input_names(&self) -> impl Iterator<Item = &str> {
        self.inputs.keys().map(String::as_str)
    }

    /// The roots that an expression may begin with, and their types.
    pub(super) fn roots(&self) -> Vec<(&str, CelType)> {
        let object = self.registry.type_of("object", &self.object);
        let mut roots = vec![("object", object)];
        if !self.alone {
            roots.extend([
                ("inputs", self.registry.names("inputs", self.inputs.clone())),
                ("vars", self.registry.names("vars", self.vars.clone())),
                ("hook", self.registry.names("hook", self.hook.clone())),
                ("children", self.registry.names("children", self.children.clone())),
                ("reads", self.registry.names("reads", self.reads.clone())),
            ]);
        }
        for name in ["metadata", "spec", "status"] {
            if let Some(field) = self.registry.field("object", name) {
                roots.push((name, field.ty));
            }
        }
        roots.extend(self.locals.iter().map(|(name, ty)| (name.as_str(), ty.clone())));
        roots
    }

    /// Whether a root may be absent itself.
    pub(super) fn root_may_be_absent(&self, name: &str) -> bool {
        matches!(name, "metadata" | "spec" | "status")
            && self.registry.field("object", name).is_some_and(|field| field.may_be_absent)
    }
}

/// A kind's schema with what holds for every object: it has a version, a kind, and metadata with at least a name.
fn whole_object(schema: &Schema, namespaced: bool) -> Schema {
    let mut whole = schema.clone();
    let Shape::Object(object) = &mut whole.shape else { return whole };
    let text = Arc::new(Schema { shape: Shape::String(crate::schema::Format::Text), ..Schema::default() });
    for name in ["apiVersion", "kind"] {
        object.fields.insert(name.to_owned(), Field { schema: text.clone(), required: true });
    }
    let mut metadata = Schema::clone(&kinds::object_meta());
    if let Shape::Object(fields) = &mut metadata.shape {
        let always: &[&str] = if namespaced { &["name", "namespace", "uid"] } else { &["name", "uid"] };
        for name in always {
            if let Some(field) = fields.fields.get_mut(*name) {
                field.required = true;
            }
        }
    }
    object.fields.insert("metadata".to_owned(), Field { schema: Arc::new(metadata), required: true });
    // Before the first reconcile there is no status, whatever the schema says of one that is there.
    if let Some(status) = object.fields.get_mut("status") {
        status.required = status.schema.default.is_some();
    }
    whole
}
