//! api
pub mod document;
pub mod flows;
pub mod media;
pub mod training_data;
