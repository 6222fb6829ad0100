//! Many small requests as one: those that came while the one before was on its way.

use tokio::sync::mpsc;
use tokio::task::yield_now;

/// The most that go together.
pub(crate) const AT_ONCE: usize = 100;

/// Takes the requests that are there into `some`, at most [`AT_ONCE`]; false once nobody asks any more.
pub(crate) async fn fill<T>(requests: &mut mpsc::UnboundedReceiver<T>, some: &mut Vec<T>) -> bool {
    if requests.recv_many(some, AT_ONCE).await == 0 {
        return false;
    }
    // Who is about to ask comes along: tasks that wait for their turn are many times as quick as what is asked for.
    loop {
        let before = some.len();
        yield_now().await;
        while some.len() < AT_ONCE
            && let Ok(request) = requests.try_recv()
        {
            some.push(request);
        }
        if some.len() == before || some.len() == AT_ONCE {
            return true;
        }
    }
}
