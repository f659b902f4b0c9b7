//! How large a value may be.

use std::sync::Arc;

use super::schema::Place;
use super::{ASSUMED, Because, Missing};

/// The largest request that the API server takes, in bytes, and so the largest object: what no schema bounds is bounded by this.
/// The figure is that of Kubernetes' own estimate (`k8s.io/apiserver/pkg/apis/cel`, `MaxRequestSizeBytes`).
pub(crate) const REQUEST: u64 = 3 * 1024 * 1024;
/// The text of a number, boolean, time or duration, in bytes.
const SCALAR: u64 = 40;
/// The most forms that a value is followed in; what may be more is taken to be anything.
const FORMS: usize = 12;

/// Whose a schema is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner {
    /// `crd.yaml`.
    Crd,
    /// An input, in `katalog.yaml`.
    Input,
    /// A value that a hook gives, in `katalog.yaml`.
    Hook,
    /// A kind of others, which a pattern cannot change.
    Others,
}

/// A bound that is missing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Unbounded {
    pub(crate) path: String,
    pub(crate) keyword: &'static str,
    pub(crate) owner: Owner,
}

impl Unbounded {
    pub(crate) fn missing(&self, cost: u64) -> Missing {
        Missing { path: self.path.clone(), keyword: self.keyword, owner: self.owner, cost }
    }
}

/// A size, and the missing bound that makes it so large.
#[derive(Debug, Clone, Default)]
pub(crate) struct Size {
    pub(crate) most: u64,
    pub(crate) because: Because,
}

impl Size {
    pub(crate) fn known(most: u64) -> Size {
        Size { most, because: None }
    }

    /// Both together.
    pub(crate) fn and(&self, other: &Size) -> Size {
        let larger = if self.most >= other.most { self } else { other };
        let because = larger.because.clone().or_else(|| self.because.clone()).or_else(|| other.because.clone());
        Size { most: self.most.saturating_add(other.most), because }
    }

    /// The larger of the two.
    pub(crate) fn or(self, other: Size) -> Size {
        if self.most >= other.most { self } else { other }
    }

    /// The smaller of the two.
    pub(crate) fn at_most(self, other: Size) -> Size {
        if self.most <= other.most { self } else { other }
    }

    pub(crate) fn map(self, change: impl FnOnce(u64) -> u64) -> Size {
        Size { most: change(self.most), because: self.because }
    }
}

/// How large a value may be, in each of the forms that it may have.
#[derive(Debug, Clone)]
pub(crate) enum Extent {
    /// A number, boolean, time, duration, type or null.
    Scalar,
    /// A string, bytes, or what a function parsed one to.
    Text {
        /// Its length.
        bytes: Size,
        /// Its length as JSON, quotes and escapes included.
        json: u64,
        /// It is bytes, which are written as base64.
        binary: bool,
    },
    List {
        len: Size,
        item: Arc<Extent>,
        /// Bytes of all of its items together, where they are text and that is less than all of them at their longest.
        total: Option<u64>,
    },
    Map {
        len: Size,
        key: Arc<Extent>,
        value: Arc<Extent>,
        /// Bytes of all of its values together, where they are text and that is less than all of them at their longest.
        total: Option<u64>,
    },
    /// A value of a schema.
    Of(Place),
    /// One of these.
    OneOf(Arc<[Extent]>),
    /// Any JSON of one request's size.
    Any(Because),
}

impl Extent {
    /// A constant text.
    pub(crate) fn literal(text: &str) -> Extent {
        let json = serde_json::Value::from(text).to_string().len() as u64;
        Extent::Text { bytes: Size::known(text.len() as u64), json, binary: false }
    }

    /// Text of so many bytes, which may have to be escaped.
    pub(crate) fn text_of(bytes: Size) -> Extent {
        let json = bytes.most.saturating_mul(6).saturating_add(2);
        Extent::Text { bytes, json, binary: false }
    }

    /// Text of so many bytes of which none has to be escaped.
    pub(crate) fn plain(bytes: u64) -> Extent {
        Extent::Text { bytes: Size::known(bytes), json: bytes + 2, binary: false }
    }

    pub(crate) fn binary(bytes: Size) -> Extent {
        let json = base64(bytes.most).saturating_add(2);
        Extent::Text { bytes, json, binary: true }
    }

    /// A value that is one of several.
    pub(crate) fn one_of(all: impl IntoIterator<Item = Extent>) -> Extent {
        let mut forms: Vec<Extent> = Vec::new();
        for form in all {
            match form {
                Extent::OneOf(inner) => forms.extend(inner.iter().cloned()),
                other => forms.push(other),
            }
        }
        // Most are scalars or texts, of which the largest stands for all.
        let scalars = forms.iter().filter(|form| matches!(form, Extent::Scalar)).count();
        if scalars > 1 {
            let mut kept = false;
            forms.retain(|form| !matches!(form, Extent::Scalar) || !std::mem::replace(&mut kept, true));
        }
        let texts = |binary: bool| {
            let of = forms.iter().filter_map(|form| match form {
                Extent::Text { bytes, json, binary: is } if *is == binary => Some((bytes.clone(), *json)),
                _ => None,
            });
            of.reduce(|(bytes, json), (other, other_json)| (bytes.or(other), json.max(other_json)))
        };
        let merged: Vec<Extent> = [false, true]
            .into_iter()
            .filter_map(|binary| texts(binary).map(|(bytes, json)| Extent::Text { bytes, json, binary }))
            .collect();
        forms.retain(|form| !matches!(form, Extent::Text { .. }));
        forms.extend(merged);
        if let Some(any) = forms.iter().find(|form| matches!(form, Extent::Any(_))) {
            return any.clone();
        }
        match forms.len() {
            0 => Extent::Scalar,
            1 => forms.swap_remove(0),
            2..=FORMS => Extent::OneOf(forms.into()),
            _ => Extent::Any(None),
        }
    }

    /// The largest answer of all forms.
    fn largest(&self, of: impl Fn(&Extent) -> Size + Copy) -> Size {
        match self {
            Extent::OneOf(forms) => forms.iter().map(of).fold(Size::default(), Size::or),
            form => of(form),
        }
    }

    /// Bytes of the string or bytes that it may be; 0: it is neither.
    pub(crate) fn bytes(&self) -> Size {
        match self {
            Extent::Scalar | Extent::List { .. } | Extent::Map { .. } => Size::default(),
            Extent::Text { bytes, .. } => bytes.clone(),
            Extent::Of(place) => place.shape().map_or_else(Size::default, |shape| shape.bytes()),
            Extent::OneOf(_) => self.largest(Extent::bytes),
            Extent::Any(because) => Size { most: REQUEST, because: because.clone() },
        }
    }

    /// Bytes of the bytes that it may be; 0: it is none.
    pub(crate) fn binary_bytes(&self) -> Size {
        match self {
            Extent::Text { binary: false, .. } => Size::default(),
            Extent::Of(place) => place.shape().map_or_else(Size::default, |shape| shape.binary_bytes()),
            Extent::OneOf(_) => self.largest(Extent::binary_bytes),
            other => other.bytes(),
        }
    }

    /// Bytes of its text where a string with expressions takes it.
    pub(crate) fn text(&self) -> Size {
        match self {
            Extent::Scalar => Size::known(SCALAR),
            Extent::Text { bytes, binary: true, .. } => bytes.clone().map(base64),
            Extent::Of(place) => place.shape().map_or_else(|| Size::known(SCALAR), |shape| shape.text()),
            Extent::OneOf(_) => self.largest(Extent::text),
            other => other.bytes(),
        }
    }

    /// Items of the list, or entries of the map, that it may be.
    pub(crate) fn len(&self) -> Size {
        match self {
            Extent::Scalar | Extent::Text { .. } => Size::default(),
            Extent::List { len, .. } | Extent::Map { len, .. } => len.clone(),
            Extent::Of(place) => match place.shape() {
                Some(shape) => shape.len(),
                None => place.fields(),
            },
            Extent::OneOf(_) => self.largest(Extent::len),
            Extent::Any(Some(because)) if because.owner == Owner::Others => Size::known(ASSUMED),
            // The smallest item and the comma behind it.
            Extent::Any(because) => Size { most: (REQUEST - 2) / 2, because: because.clone() },
        }
    }

    /// An item of the list, or a value of the map, that it may be, where each is gone through once: of a map whose values are
    /// bounded together it is one's share, so that what is done with all of them costs what it may.
    pub(crate) fn item(&self) -> Extent {
        match self {
            Extent::Map { len, value, total: Some(total), .. } => value.share(total.div_ceil(len.most.max(1))),
            Extent::Of(place) if let Some(shape) = place.shape() => shape.item(),
            Extent::OneOf(forms) => Extent::one_of(forms.iter().map(Extent::item)),
            other => other.any_item(),
        }
    }

    /// Any one item of the list, or value of the map, that it may be.
    pub(crate) fn any_item(&self) -> Extent {
        match self {
            Extent::Scalar | Extent::Text { .. } => Extent::Scalar,
            Extent::List { item, .. } => Extent::clone(item),
            Extent::Map { value, .. } => Extent::clone(value),
            Extent::Of(place) => match place.shape() {
                Some(shape) => shape.any_item(),
                None => place.any_field(),
            },
            Extent::OneOf(forms) => Extent::one_of(forms.iter().map(Extent::any_item)),
            Extent::Any(because) => Extent::Any(because.clone()),
        }
    }

    /// The same text, if it is no longer than so many bytes.
    fn share(&self, most: u64) -> Extent {
        match self {
            Extent::Text { bytes, binary, .. } if most < bytes.most => {
                let bytes = Size { most, because: bytes.because.clone() };
                let json = if *binary { most } else { most.saturating_mul(6) };
                Extent::Text { bytes, json: json.saturating_add(2), binary: *binary }
            }
            other => other.clone(),
        }
    }

    /// A key of the map that it may be; of a list a position.
    pub(crate) fn key(&self) -> Extent {
        match self {
            Extent::Map { key, .. } => Extent::clone(key),
            Extent::Of(place) => match place.shape() {
                Some(shape) => shape.key(),
                None => place.any_key(),
            },
            Extent::OneOf(forms) => Extent::one_of(forms.iter().map(Extent::key)),
            Extent::Any(because) => {
                Extent::one_of([Extent::text_of(Size { most: REQUEST, because: because.clone() }), Extent::Scalar])
            }
            Extent::Scalar | Extent::Text { .. } | Extent::List { .. } => Extent::Scalar,
        }
    }

    /// What a macro with one variable goes through: the items of a list, the keys of a map.
    pub(crate) fn each(&self) -> Extent {
        match self {
            Extent::List { item, .. } => Extent::clone(item),
            Extent::Of(place) => match place.shape() {
                Some(shape) => shape.each(),
                None => place.any_key(),
            },
            Extent::OneOf(forms) => Extent::one_of(forms.iter().map(Extent::each)),
            Extent::Any(because) => Extent::Any(because.clone()),
            other => other.key(),
        }
    }

    /// The value of a field.
    pub(crate) fn field(&self, name: &str) -> Extent {
        match self {
            Extent::Map { value, .. } => Extent::clone(value),
            Extent::Of(place) => match place.shape() {
                Some(shape) => shape.field(name),
                None => place.field(name),
            },
            Extent::OneOf(forms) => Extent::one_of(forms.iter().map(|form| form.field(name))),
            Extent::Any(because) => Extent::Any(because.clone()),
            Extent::Scalar | Extent::Text { .. } | Extent::List { .. } => Extent::Scalar,
        }
    }

    /// Bytes of the texts of a list together.
    pub(crate) fn total(&self) -> Size {
        match self {
            Extent::List { len, item, total } => {
                let item = item.bytes();
                let all = item.most.saturating_mul(len.most);
                Size { most: total.map_or(all, |total| total.min(all)), because: len.because.clone().or(item.because) }
            }
            Extent::Of(place) => place.shape().map_or_else(Size::default, |shape| shape.total()),
            Extent::OneOf(_) => self.largest(Extent::total),
            Extent::Any(because) => Size { most: REQUEST, because: because.clone() },
            Extent::Scalar | Extent::Text { .. } | Extent::Map { .. } => Size::default(),
        }
    }

    /// Bytes of its JSON.
    pub(crate) fn json(&self) -> Size {
        match self {
            Extent::Scalar => Size::known(SCALAR + 2),
            Extent::Text { bytes, json, .. } => Size { most: *json, because: bytes.because.clone() },
            Extent::List { len, item, .. } => {
                let item = item.json().map(|json| json.saturating_add(1).saturating_mul(len.most).saturating_add(2));
                Size { most: item.most, because: len.because.clone().or(item.because) }
            }
            Extent::Map { len, key, .. } => {
                let (key, value) = (key.json(), self.item().json());
                let entry = key.most.saturating_add(value.most).saturating_add(2);
                let most = entry.saturating_mul(len.most).saturating_add(2);
                Size { most, because: len.because.clone().or(value.because).or(key.because) }
            }
            // As it lies in its object, which is no larger than a request.
            Extent::Of(place) => place.json(),
            Extent::OneOf(_) => self.largest(Extent::json),
            Extent::Any(because) => Size { most: REQUEST, because: because.clone() },
        }
    }

    /// Units of comparing it with another of its size: one for each item and entry, and going through each text.
    pub(crate) fn weight(&self) -> Size {
        match self {
            Extent::Scalar => Size::default(),
            Extent::Text { bytes, .. } => bytes.clone().map(super::traversal),
            Extent::List { len, .. } | Extent::Map { len, .. } => {
                let item = self.item().weight();
                let most = item.most.saturating_add(1).saturating_mul(len.most);
                Size { most, because: len.because.clone().or(item.because) }
            }
            Extent::Of(place) => place.weight(),
            Extent::OneOf(_) => self.largest(Extent::weight),
            Extent::Any(because) => Size { most: REQUEST, because: because.clone() },
        }
    }
}

/// The length of base64 of so many bytes.
pub(crate) fn base64(bytes: u64) -> u64 {
    bytes.div_ceil(3).saturating_mul(4)
}
