//! What the request shows of the cluster: the primary's children, and the objects of others that were asked for.

use bumpalo::Bump;
use bumpalo::collections::Vec as ArenaVec;

use crate::api::{Observed, Read};
use crate::fault::{Fault, Res};
use crate::json::Document;
use crate::value::{BuiltMap, List, Value};

/// All observed children, sorted, so that thousands of elements find theirs.
pub(crate) struct Observations<'a> {
    sorted: Vec<&'a Observed<'a>>,
}

/// What `children.<id>` stands for.
pub(crate) enum Seen<'a> {
    /// The elements of a template under `forEach` are not known: it waits itself, or it is not planned yet.
    Unknown,
    /// A template of one child; none: it is not observed.
    One(Option<&'a Document<'a>>),
    /// The wanted elements that are observed, and whether these are all that are wanted.
    Each { elements: &'a [(&'a str, &'a Document<'a>)], complete: bool, map: Option<Value<'a>> },
}

/// What `reads.<id>` stands for.
pub(crate) enum Given<'a> {
    /// By name; none: it is missing, or was not asked for yet.
    One(Option<&'a Document<'a>>),
    /// By labels; none: they were not asked for yet.
    Many { documents: Option<&'a [Document<'a>]>, list: Option<Value<'a>> },
}

impl<'a> Observations<'a> {
    pub(crate) fn new(children: &'a [Observed<'a>]) -> Observations<'a> {
        let mut sorted: Vec<_> = children.iter().collect();
        sorted.sort_by_key(|observed| (observed.id, observed.key));
        Observations { sorted }
    }

    /// One child.
    pub(crate) fn find(&self, arena: &'a Bump, id: &str, key: Option<&str>) -> Option<&'a Document<'a>> {
        self.get(id, key).map(|observed| document(arena, observed.object))
    }

    /// Whether what one child was made of once has had its time.
    pub(crate) fn renews(&self, id: &str, key: Option<&str>) -> bool {
        self.get(id, key).is_some_and(|observed| observed.renew)
    }

    fn get(&self, id: &str, key: Option<&str>) -> Option<&'a Observed<'a>> {
        let at = self.sorted.binary_search_by_key(&(id, key), |observed| (observed.id, observed.key)).ok()?;
        self.sorted.get(at).copied()
    }

    /// All elements of a template under `forEach`, whether they are still wanted or not.
    pub(crate) fn every(&self, arena: &'a Bump, id: &str) -> Seen<'a> {
        let mut elements = ArenaVec::new_in(arena);
        let first = self.sorted.partition_point(|observed| observed.id < id);
        for observed in self.sorted.iter().skip(first).take_while(|observed| observed.id == id) {
            if let Some(key) = observed.key {
                elements.push((key, document(arena, observed.object)));
            }
        }
        Seen::Each { elements: elements.into_bump_slice(), complete: true, map: None }
    }
}

fn document<'a>(arena: &'a Bump, text: &'a [u8]) -> &'a Document<'a> {
    arena.alloc(Document::new("child", text))
}

impl<'a> Seen<'a> {
    /// Whether all that a template wants is observed.
    pub(crate) fn is_complete(&self) -> bool {
        matches!(self, Seen::One(Some(_)) | Seen::Each { complete: true, .. })
    }

    /// The child of a template without `forEach`, where it is observed.
    pub(crate) fn one(&self) -> Option<&'a Document<'a>> {
        match self {
            Seen::One(document) => *document,
            _ => None,
        }
    }

    pub(crate) fn value(&mut self, arena: &'a Bump) -> Res<'a, Value<'a>> {
        match self {
            Seen::Unknown | Seen::One(None) => Ok(Value::NONE),
            Seen::One(Some(document)) => document.root(arena),
            Seen::Each { map: Some(map), .. } => Ok(*map),
            Seen::Each { elements, map, .. } => {
                let mut entries = ArenaVec::with_capacity_in(elements.len(), arena);
                for (key, document) in elements.iter() {
                    entries.push((Value::String(key), document.root(arena)?));
                }
                let built = BuiltMap::build(arena, entries.into_bump_slice()).map(Value::Map)?;
                *map = Some(built);
                Ok(built)
            }
        }
    }
}

impl<'a> Given<'a> {
    pub(crate) fn by_name(arena: &'a Bump, read: Option<&Read<'a>>) -> Res<'a, Given<'a>> {
        match read.map(|read| read.objects) {
            None | Some([]) => Ok(Given::One(None)),
            Some([one]) => Ok(Given::One(Some(arena.alloc(Document::new("read", one))))),
            Some(_) => Err(Fault::input(arena, &["a read by name has more than one object"])),
        }
    }

    pub(crate) fn by_labels(arena: &'a Bump, read: Option<&Read<'a>>) -> Given<'a> {
        let documents = read.map(|read| {
            let documents = read.objects.iter().map(|object| Document::new("read", object));
            &*arena.alloc_slice_fill_iter(documents)
        });
        Given::Many { documents, list: None }
    }

    /// Whether there is what cannot be done without.
    pub(crate) fn is_there(&self) -> bool {
        matches!(self, Given::One(Some(_)) | Given::Many { documents: Some(_), .. })
    }

    pub(crate) fn value(&mut self, arena: &'a Bump) -> Res<'a, Value<'a>> {
        match self {
            Given::One(None) | Given::Many { documents: None, .. } => Ok(Value::NONE),
            Given::One(Some(document)) => document.root(arena),
            Given::Many { list: Some(list), .. } => Ok(*list),
            Given::Many { documents: Some(documents), list } => {
                let mut items = ArenaVec::with_capacity_in(documents.len(), arena);
                for document in documents.iter() {
                    items.push(document.root(arena)?);
                }
                let built = Value::List(List::Built(items.into_bump_slice()));
                *list = Some(built);
                Ok(built)
            }
        }
    }
}
