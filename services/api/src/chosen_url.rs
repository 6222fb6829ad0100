//! URLs that an account has us call.

use stoa_service::Problem;
use url::Url;

/// Refuses what may not be called, as far as its text says. Where it leads is seen when it is called.
pub(crate) fn check(pointer: &str, text: &str, is_http_allowed: bool) -> Result<(), Problem> {
    let wrong = match Url::parse(text) {
        Err(error) => format!("this is not a URL: {error}"),
        Ok(url) if url.scheme() != "https" && !(is_http_allowed && url.scheme() == "http") => {
            "this must begin with https://".to_owned()
        }
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            "this may not hold a user or a password: whoever may read it would see them".to_owned()
        }
        Ok(url) if url.fragment().is_some() => "this may not have a fragment (#...)".to_owned(),
        Ok(_) => return Ok(()),
    };
    Err(Problem::at(pointer, &wrong))
}
