//! An account of a test's own, with a user of each role.

use crate::Platform;
use anyhow::{Context, Result};
use serde_json::{Value, json};
use uuid::Uuid;

/// Every role, the least first.
pub const ROLES: [&str; 3] = ["viewer", "editor", "owner"];

/// An account, and how to sign in to it.
#[derive(Clone, Debug)]
pub struct Tenant {
    domain: String,
    password: String,
    /// Its owner, signed in.
    pub owner: Platform,
}

impl Tenant {
    /// Lets the operator of the platform make an account, and its owner make an editor and a viewer.
    pub async fn create(name: &str) -> Result<Self> {
        let operator = Platform::sign_in().await?;
        let domain = format!("{}.example", Uuid::now_v7().simple());
        let password = Uuid::new_v4().to_string();
        let account =
            json!({ "name": name, "email": format!("owner@{domain}"), "password": password });
        let made = operator.post("/api/v1/accounts", &account).await?;
        made.expect(201)?;
        let owner = Platform::sign_in_as(&format!("owner@{domain}"), &password).await?;
        for role in ["viewer", "editor"] {
            let email = format!("{role}@{domain}");
            let user = json!({ "email": email, "password": password, "role": role });
            owner.post("/api/v1/users", &user).await?.expect(201)?;
        }
        Ok(Self {
            domain,
            password,
            owner,
        })
    }

    /// Signs the user of a role in once more.
    pub async fn sign_in(&self, role: &str) -> Result<Platform> {
        Platform::sign_in_as(&format!("{role}@{}", self.domain), &self.password).await
    }

    /// Everybody with a role, signed in.
    pub async fn everybody(&self) -> Result<Vec<(&'static str, Platform)>> {
        let mut everybody = Vec::new();
        for role in ROLES {
            everybody.push((role, self.sign_in(role).await?));
        }
        Ok(everybody)
    }

    /// A machine client with a key of the account; `narrowed` is what the key has beside its role.
    pub async fn key(&self, role: &str, narrowed: Value) -> Result<Platform> {
        let mut key = narrowed;
        key["name"] = json!("A key");
        key["role"] = json!(role);
        let made = self
            .owner
            .post("/api/v1/api-keys", &key)
            .await?
            .expect(201)?;
        Ok(self
            .owner
            .with_token(made["key"].as_str().context("no key")?))
    }
}
