package io.tidegrad.trainer.publish;

import java.util.concurrent.atomic.AtomicInteger;

/// The order to publish the model as a full snapshot even if its version was published before, because the topic was
/// created again and is empty. Any thread gives the order, and a publisher on the stream thread follows it. The order
/// stays until the transaction in which it was followed is committed; if that is aborted, the publisher of the model's
/// next life finds the order again.
public final class RepublishOrder {
    private final AtomicInteger given = new AtomicInteger();
    private volatile int committed; // how many of them are done

    public void give() {
        given.incrementAndGet();
    }

    Follower follower() {
        return new Follower();
    }

    /// What one publisher has done of the orders.
    final class Follower {
        private int followed = committed;

        boolean isGiven() {
            return given.get() > followed;
        }

        /// Called in the transaction that has the snapshot.
        void followed() {
            followed = given.get();
        }

        /// Called when the transaction before is known to be committed.
        void committed() {
            committed = followed;
        }
    }
}
