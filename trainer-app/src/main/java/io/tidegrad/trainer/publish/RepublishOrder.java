package io.tidegrad.trainer.publish;

/// The order to publish the model as a full snapshot even if its version was published before, because the topic was
/// created anew and holds nothing of it. Any thread gives the order, the stream thread follows it.
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
