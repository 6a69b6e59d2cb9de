package io.tidegrad.trainer.publish;

/// The order to publish the model as it is as a full snapshot, whether or not this version was published before: the
/// topic was created anew, and what was on it is gone. Given by any thread, followed by the stream thread.
public final class RepublishOrder {
    private volatile boolean given;

    public void give() {
        given = true;
    }

    boolean isGiven() {
        return given;
    }

    void followed() {
        given = false;
    }
}
