package io.tidegrad.trainer.publish;

import java.util.concurrent.atomic.AtomicInteger;

/// The order to publish the model as a full snapshot even if its version was published before, because the topic was
/// created anew and holds nothing of it. Any thread gives the order, a publisher on the stream thread follows it. An
/// order stays until the transaction is committed in which it was followed: when that is lost, the publisher of the
/// model's next life finds the order again.
public final class RepublishOrder {
    private final AtomicInteger given = new AtomicInteger();
    private volatile int committed; // so many of the given ones are done with

    public void give() {
        given.incrementAndGet();
    }

    /// Returns the view of a new publisher.
    Follower follower() {
        return new Follower();
    }

    /// What one publisher, of one life of the model, has done of the orders.
    final class Follower {
        private int followed = committed;

        boolean isGiven() {
            return given.get() > followed;
        }

        /// To be called in the transaction that has the snapshot.
        void followed() {
            followed = given.get();
        }

        /// To be called when the transaction before is known to be committed.
        void committed() {
            committed = followed;
        }
    }
}
