//! Time-outs of request heads that cost a request nothing.
//!
//! The HTTP library puts its time-out off at every request. Here that notes the new deadline only; the
//! timer goes off at an old one now and then, and is set again.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Instant,
};

use hyper::rt::{Sleep, Timer};
use tokio::time::{self, sleep_until};

/// Makes sleeps that are put off for nothing.
#[derive(Debug, Clone, Copy)]
pub(super) struct LazyTimer;

/// A sleep that goes off at its deadline, which may have moved since it was set.
struct LazySleep {
    deadline: Instant,
    set: Pin<Box<time::Sleep>>,
}

impl LazyTimer {
    fn sleep(deadline: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(LazySleep { deadline, set: Box::pin(sleep_until(deadline.into())) })
    }
}

impl Timer for LazyTimer {
    fn sleep(&self, duration: std::time::Duration) -> Pin<Box<dyn Sleep>> {
        Self::sleep(Instant::now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        Self::sleep(deadline)
    }

    fn reset(&self, sleep: &mut Pin<Box<dyn Sleep>>, new_deadline: Instant) {
        let Some(sleep) = sleep.as_mut().downcast_mut_pin::<LazySleep>() else {
            return;
        };
        let sleep = sleep.get_mut();
        sleep.deadline = new_deadline;
        if new_deadline < sleep.set.deadline().into_std() {
            sleep.set.as_mut().reset(new_deadline.into());
        }
    }
}

impl Future for LazySleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        loop {
            ready!(this.set.as_mut().poll(context));
            if this.set.deadline().into_std() >= this.deadline {
                return Poll::Ready(());
            }
            this.set.as_mut().reset(this.deadline.into());
        }
    }
}

impl Sleep for LazySleep {}
