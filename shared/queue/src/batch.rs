//! Many small requests as one: those that came while the one before was on its way.

use tokio::sync::mpsc;
use tokio::task::yield_now;

/// The most that go together.
pub(crate) const AT_ONCE: usize = 100;
/// How often the others that can run are let run first: the runtime stops after some dozens of them.
const ROUNDS: usize = 4;

/// Takes the requests that are there into `some`, at most [`AT_ONCE`]; false once nobody asks any more.
pub(crate) async fn fill<T>(requests: &mut mpsc::UnboundedReceiver<T>, some: &mut Vec<T>) -> bool {
    if requests.recv_many(some, AT_ONCE).await == 0 {
        return false;
    }
    // Who is about to ask comes along.
    for _ in 0..ROUNDS {
        let before = some.len();
        yield_now().await;
        while some.len() < AT_ONCE
            && let Ok(request) = requests.try_recv()
        {
            some.push(request);
        }
        if some.len() == before || some.len() == AT_ONCE {
            break;
        }
    }
    true
}
