//! What a pattern reads beside its children, against a store that is filled by hand.
