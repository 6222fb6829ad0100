//! What must happen in one step on the server.

use redis::Script;
use std::sync::LazyLock;

macro_rules! script {
    ($name:ident, $file:literal) => {
        pub(super) static $name: LazyLock<Script> =
            LazyLock::new(|| Script::new(include_str!($file)));
    };
}

script!(SCHEDULE, "schedule.lua");
script!(PROMOTE, "promote.lua");
script!(SETTLE, "settle.lua");
script!(DONE, "done.lua");
script!(RENEW, "renew.lua");
script!(RECLAIM, "reclaim.lua");
script!(LEAVE, "leave.lua");
script!(TIDY, "tidy.lua");
