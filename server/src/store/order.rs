//! Lets events leave in the order of the locks. A lane takes a ticket while it still holds the
//! locks of its rooms and people, commits, and hands its events out when the ticket is called: so a
//! log that two lanes wrote leaves in `seq` order, and commits still run side by side. The cost is
//! that a slow commit holds up the events of the others for its own length.

use parking_lot::{Condvar, Mutex};

/// The order in which batches leave.
#[derive(Default)]
pub struct Order {
    state: Mutex<State>,
    called: Condvar,
}

#[derive(Default)]
struct State {
    given: u64,
    serving: u64,
}

impl Order {
    /// Takes a ticket. Whoever takes one must have its turn, with nothing to do if it comes to that.
    pub fn ticket(&self) -> u64 {
        let mut state = self.state.lock();
        state.given += 1;
        state.given - 1
    }

    /// Waits for the ticket and does `leave` as the only one.
    pub fn turn(&self, ticket: u64, leave: impl FnOnce()) {
        let mut state = self.state.lock();
        while state.serving != ticket {
            self.called.wait(&mut state);
        }
        drop(state);
        leave();
        self.state.lock().serving += 1;
        self.called.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn a_later_ticket_waits_for_an_earlier_one() {
        let (order, left) = (Arc::new(Order::default()), Arc::new(Mutex::new(Vec::new())));
        let (first, second) = (order.ticket(), order.ticket());
        let late = {
            let (order, left) = (order.clone(), left.clone());
            std::thread::spawn(move || order.turn(second, || left.lock().push(2)))
        };
        std::thread::sleep(std::time::Duration::from_millis(20));
        order.turn(first, || left.lock().push(1));
        late.join().expect("the second turn");
        assert_eq!(*left.lock(), [1, 2]);
    }
}
