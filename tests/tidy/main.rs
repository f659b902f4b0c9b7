//! What reviews would otherwise have to notice: the arrows between crates, and the state of the tree.

mod crates;
mod tree;
