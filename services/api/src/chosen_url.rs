//! URLs that an account has us call.

use stoa_service::Problem;
use url::Url;

/// Refuses what may not be called, as far as its text says. Where it leads is seen when it is called.
pub(crate) fn check(pointer: &str, text: &str, is_http_allowed: bool) -> Result<(), Problem> {
    let wrong = match Url::parse(text) {
        // A reader of URLs leaves some of these out and encodes others: what is shown would not be what is called.
        _ if text.contains(|c: char| c.is_whitespace() || c.is_control()) => {
            "this may not hold spaces, line breaks or control characters".to_owned()
        }
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
