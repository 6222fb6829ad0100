//! Accounts, and the users of one.

use crate::identity::Role;
use crate::text::{check_storable, check_title};
use garde::Validate;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

/// Input of `create_user`.
#[derive(Clone, Deserialize, Serialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateUser {
    /// The e-mail address to sign in with; it belongs to one user of the installation.
    #[garde(
        length(chars, max = 254),
        pattern(r"^[^\s@]+@[^\s@]+$"),
        custom(check_storable)
    )]
    #[schema(
        max_length = 254,
        pattern = r"^[^\s@]+@[^\s@]+$",
        example = "ada@example.org"
    )]
    pub email: String,
    /// The password to sign in with.
    #[garde(length(chars, min = 12, max = 200))]
    #[schema(min_length = 12, max_length = 200, format = Password)]
    pub password: String,
    /// What the user may do.
    #[garde(skip)]
    pub role: Role,
}

/// Input of `update_user`; what is absent stays as it is.
#[derive(Clone, Deserialize, Serialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateUser {
    /// The new role.
    #[garde(skip)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// The new password.
    #[garde(length(chars, min = 12, max = 200))]
    #[schema(min_length = 12, max_length = 200, format = Password)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
}

/// A user of an account.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct User {
    /// The user's id.
    pub id: Uuid,
    /// The e-mail address, in lower case.
    pub email: String,
    /// What the user may do.
    pub role: Role,
    /// When the user was created.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

/// Input of `create_account`.
#[derive(Clone, Deserialize, Serialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateAccount {
    /// What the account is called: one line, and more than spaces.
    #[garde(length(chars, min = 1, max = 100), custom(check_title))]
    #[schema(min_length = 1, max_length = 100, example = "Example Energy")]
    pub name: String,
    /// The e-mail address of its first owner, who makes the other users.
    #[garde(
        length(chars, max = 254),
        pattern(r"^[^\s@]+@[^\s@]+$"),
        custom(check_storable)
    )]
    #[schema(
        max_length = 254,
        pattern = r"^[^\s@]+@[^\s@]+$",
        example = "ada@example.org"
    )]
    pub email: String,
    /// The password of that owner.
    #[garde(length(chars, min = 12, max = 200))]
    #[schema(min_length = 12, max_length = 200, format = Password)]
    pub password: String,
}

/// An account.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct Account {
    /// The account's id.
    pub id: Uuid,
    /// What it is called.
    pub name: String,
    /// When it was created.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

macro_rules! hide_password {
    ($($input:ident, $shown:ident;)*) => {$(
        impl std::fmt::Debug for $input {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($input))
                    .field(stringify!($shown), &self.$shown)
                    .finish_non_exhaustive()
            }
        }
    )*};
}

hide_password! {
    CreateUser, email;
    UpdateUser, role;
    CreateAccount, email;
}
