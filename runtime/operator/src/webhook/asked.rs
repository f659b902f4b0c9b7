//! What the webhook is asked for, by what runs at the moment.

use crate::instance::{Admitting, Converting, Instance};

/// All that API servers must know of the webhook.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Asked {
    /// An instance that is gone is still converted for: its definition points at the webhook.
    pub(crate) converting: Vec<Converting>,
    /// By the instance's name. The rules of one that is gone are no longer asked for.
    pub(crate) admitting: Vec<(String, Admitting)>,
}

impl Asked {
    pub(crate) fn of(instances: &[Instance]) -> Self {
        let mut asked = Self::default();
        instances.iter().for_each(|instance| asked.take(instance));
        asked
    }

    /// Asks for what an instance wants, instead of what the one of its name wanted.
    pub(crate) fn take(&mut self, instance: &Instance) {
        let names: Vec<String> = instance.converts.iter().map(Converting::name).collect();
        self.converting.retain(|known| !names.contains(&known.name()));
        self.converting.extend(instance.converts.iter().cloned());
        self.let_go(&instance.name);
        self.admitting.extend(instance.admits.iter().map(|admitting| (instance.name.clone(), admitting.clone())));
    }

    /// Asks no longer for the rules of an instance.
    pub(crate) fn let_go(&mut self, instance: &str) {
        self.admitting.retain(|(name, _)| name != instance);
    }
}
