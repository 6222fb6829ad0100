//! api
pub mod document;
pub mod training_data;
