//! Documents as their author wrote them: a tree in which every value knows its line and column.
//!
//! Training data and flows arrive as YAML or JSON. What is wrong in them is told by line and
//! column, all of it at once, so the readers walk this tree instead of deserialising straight
//! into types, which would stop at the first fault and forget where it stood.
//!
//! One YAML reader serves both formats, because JSON is a subset of YAML 1.2; JSON is checked by
//! `serde_json` first so that nothing but JSON passes for it.

mod findings;
mod keys;
mod node;
mod read;

pub use findings::{DocumentError, Findings, finding};
pub use node::{Entry, Node, Position, Value};
pub use read::{Size, read_json, read_yaml, text_of};
