//! The query of every list.

use garde::Validate;
use serde::Deserialize;
use utoipa::IntoParams;

/// Which page of a list: `?limit=20&cursor=...`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct Paging {
    /// The most items of the page.
    #[garde(range(min = 1, max = 100))]
    #[param(minimum = 1, maximum = 100, default = 20)]
    pub limit: u16,
    /// `next_cursor` of the page before; absent for the first one.
    #[garde(length(max = 500))]
    #[param(max_length = 500)]
    pub cursor: Option<String>,
}

impl Default for Paging {
    fn default() -> Self {
        Self {
            limit: 20,
            cursor: None,
        }
    }
}

impl Paging {
    /// The limit of the query that also finds out whether a next page exists.
    pub fn one_more(&self) -> i64 {
        i64::from(self.limit) + 1
    }
}
