//! Each role may do exactly what is said of it: a table of routes and the least role that each takes.

use crate::resources::{Resources, fill, require_same};
use acceptance::document::{self, Operation};
use acceptance::{Platform, tenant::Tenant};
use anyhow::{Result, ensure};
use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

/// Who may do something: they and all who follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Least {
    Anybody,
    Viewer,
    Editor,
    Owner,
    Operator,
}

impl Least {
    /// Whom an operation takes. Reading takes a viewer and changing an editor, where nothing else stands here.
    pub(crate) fn of(operation: &Operation) -> Self {
        if operation.is_public {
            return Self::Anybody;
        }
        match operation.id.as_str() {
            "create_account" | "list_accounts" | "pause_queue" | "resume_queue"
            | "set_queue_limits" => Self::Operator,
            "list_users"
            | "create_user"
            | "update_user"
            | "delete_user"
            | "list_api_keys"
            | "create_api_key"
            | "delete_api_key"
            | "list_webhooks"
            | "create_webhook"
            | "get_webhook"
            | "update_webhook"
            | "delete_webhook"
            | "list_webhook_deliveries"
            | "test_webhook"
            | "update_engines" => Self::Owner,
            // A viewer tries assistants out, takes copies and signs out.
            "parse"
            | "parse_rasa"
            | "rest_webhook"
            | "create_conversation"
            | "create_message"
            | "create_export" => Self::Viewer,
            id if SIGNS_OUT.contains(&id) || id == "delete_session_by_id" => Self::Viewer,
            _ if operation.method == Method::GET => Self::Viewer,
            _ => Self::Editor,
        }
    }

    fn role(name: &str) -> Self {
        match name {
            "owner" => Self::Owner,
            "editor" => Self::Editor,
            _ => Self::Viewer,
        }
    }
}

/// These know by the key which assistant is meant.
const OF_ONE_ASSISTANT: [&str; 3] = ["parse_rasa", "rest_webhook", "get_rasa_status"];
/// After these the token is no longer good.
const SIGNS_OUT: [&str; 3] = ["delete_session", "delete_sessions", "delete_other_sessions"];

#[tokio::test]
async fn a_role_is_refused_what_it_may_not_do_and_changes_nothing() -> Result<()> {
    let operations = document::operations().await?;
    let tenant = Tenant::create("Roles").await?;
    let resources = Resources::create(&tenant.owner, &operations).await?;
    let before = resources.snapshot(&tenant.owner, &operations).await?;
    let mut refusals = 0;
    for role in acceptance::tenant::ROLES {
        let key = tenant.key(role, json!({})).await?;
        for (who, asker) in [("user", tenant.sign_in(role).await?), ("key", key)] {
            for operation in operations
                .iter()
                .filter(|known| Least::of(known) > Least::role(role))
            {
                let path = resources.fill(&operation.path)?;
                let refused = operation.ask(&asker, &path).await?;
                ensure!(
                    refused.status == 403,
                    "{} {path} as a {role} ({who}): {}: {}",
                    operation.method,
                    refused.status,
                    refused.text
                );
                resources.require_secret(&path, &refused)?;
                refusals += 1;
            }
        }
    }
    ensure!(refusals > 100, "only {refusals} refusals were tried");
    let after = resources.snapshot(&tenant.owner, &operations).await?;
    require_same(&before, &after, &["/api/v1/api-keys", "/api/v1/sessions"])
}

#[tokio::test]
async fn a_role_may_do_what_is_said_of_it() -> Result<()> {
    let operations = document::operations().await?;
    let tenant = Tenant::create("Roles").await?;
    let assistant = tenant.owner.create_assistant("Roles").await?;
    for (role, user) in tenant.everybody().await? {
        let narrowed = json!({ "assistant_id": assistant });
        let key = tenant.key(role, narrowed).await?;
        for operation in operations.iter().filter(|known| !known.is_public) {
            let is_theirs = Least::of(operation) <= Least::role(role);
            if !is_theirs || SIGNS_OUT.contains(&operation.id.as_str()) {
                continue;
            }
            // Of something that is not there: what counts is that the role is not what it fails for.
            let path = fill(&operation.path, |_| Ok(Uuid::now_v7().to_string()))?;
            let is_of_one = OF_ONE_ASSISTANT.contains(&operation.id.as_str());
            let asker = if is_of_one { &key } else { &user };
            may(operation, asker, &path, role).await?;
        }
        for operation in operations
            .iter()
            .filter(|known| SIGNS_OUT.contains(&known.id.as_str()))
        {
            let leaving = tenant.sign_in(role).await?;
            may(operation, &leaving, &operation.path, role).await?;
        }
    }
    Ok(())
}

async fn may(operation: &Operation, asker: &Platform, path: &str, role: &str) -> Result<()> {
    let answer = operation.ask(asker, path).await?;
    let status = answer.status.as_u16();
    ensure!(
        !matches!(status, 401 | 403) && status < 500,
        "{} {path} as {role}: {status}: {}",
        operation.method,
        answer.text
    );
    Ok(())
}

#[tokio::test]
async fn who_has_no_credentials_is_asked_for_them_by_every_route() -> Result<()> {
    let operations = document::operations().await?;
    let forged = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.";
    for token in [
        "",
        "not-a-token",
        forged,
        "stoa_00000000000000000000000000000000",
    ] {
        let visitor = Platform::visitor()?.with_token(token);
        for operation in operations.iter().filter(|known| !known.is_public) {
            let path = fill(&operation.path, |_| Ok(Uuid::now_v7().to_string()))?;
            let answer = operation.ask(&visitor, &path).await?;
            let refused = answer.expect_problem(401, "unauthenticated");
            refused.map_err(|error| error.context(format!("{} {path}", operation.method)))?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_key_with_one_scope_does_only_what_it_is_for() -> Result<()> {
    let operations = document::operations().await?;
    let tenant = Tenant::create("Scopes").await?;
    for (scope, tag) in [("parse", "parse"), ("converse", "convers")] {
        let key = tenant.key("owner", json!({ "scopes": [scope] })).await?;
        let others = operations.iter().filter(|known| {
            let is_of_scope =
                known.path.contains(tag) || known.id.contains("rasa") || known.id == "rest_webhook";
            !known.is_public && !is_of_scope
        });
        for operation in others {
            let path = fill(&operation.path, |_| Ok(Uuid::now_v7().to_string()))?;
            let refused = operation.ask(&key, &path).await?;
            let refused = refused.expect_problem(403, "forbidden");
            refused.map_err(|error| {
                error.context(format!("{} {path} for {scope}", operation.method))
            })?;
        }
    }
    Ok(())
}
